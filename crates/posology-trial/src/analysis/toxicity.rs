//! Toxicity of one patient: dose-limiting or not, events, worst grades, and counts over time.

use std::collections::BTreeMap;

use jiff::civil::Date;
use posology_clinic::Because;
use posology_clinic::ctcae::{self, Circumstances, Direction};
use posology_clinic::dlt::{self, Certainty, Course, Finding, FractionOutcome, Reason, Window, study_day};
use posology_clinic::laboratory::{Analyte, LabValue, Measured, corrected_calcium};
use rust_decimal::Decimal;

use super::exposure::Exposure;
use super::patient::Disposition;
use crate::cut::Cut;
use crate::event::{AdverseEvent, DltJudgement, EvaluabilityJudgement, Judge, Laboratory, SupportKind};
use crate::protocol::{Dlt, Protocol, SupportDays};
use crate::state::Patient;

/// How a patient counts for dose-limiting toxicity. Pending is never "no DLT".
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DltStatus {
    /// No fraction given.
    NotTreated,
    /// A dose-limiting toxicity: evaluable whatever activity was received.
    Dlt,
    /// The whole window observed, none found.
    NoDlt,
    /// The window is open, or a judgement is awaited.
    Pending,
    /// Judged not evaluable, for a reason other than toxicity.
    NotEvaluable,
    /// Treated, in a trial that defines no dose-limiting toxicity.
    NotDefined,
}

impl DltStatus {
    /// The status in words.
    #[must_use]
    pub fn words(self) -> &'static str {
        match self {
            Self::NotTreated => "not treated",
            Self::Dlt => "DLT",
            Self::NoDlt => "no DLT",
            Self::Pending => "pending",
            Self::NotEvaluable => "not evaluable",
            Self::NotDefined => "none defined",
        }
    }
}

/// Everything that decides how a patient counts.
#[derive(Debug, Clone)]
pub struct DltAssessment {
    /// The status.
    pub status: DltStatus,
    /// What is dose-limiting, with its author.
    pub records: Vec<DltRecord>,
    /// What may be dose-limiting and awaits adjudication.
    pub possible: Vec<DltRecord>,
    /// The last day on which the patient was followed for dose-limiting toxicity, by the cut: the last day seen, or the day
    /// on which follow-up ended before. `None` where nothing was given or no dose-limiting toxicity is defined.
    pub followed_to: Option<Date>,
    /// Share of the window followed, 0 to 1.
    pub share: Decimal,
    /// Whether the patient was followed over the whole window.
    pub whole_window: bool,
    /// Whether the window is still open at the cut.
    pub window_open: bool,
    /// What a pending patient waits for.
    pub awaits: Option<String>,
    /// Reason, adjudicator and date of a judgement on evaluability.
    pub not_evaluable: Option<(String, String, Date)>,
    /// Why.
    pub because: Vec<Because>,
    /// Gaps in mandatory counts.
    pub gaps: Vec<Because>,
    /// Values no rule could read, with the reason.
    pub unknown: Vec<Because>,
}

impl DltAssessment {
    /// The share of the window followed, for designs that weigh it.
    #[must_use]
    pub fn follow_up_share(&self) -> f64 {
        use rust_decimal::prelude::ToPrimitive;
        self.share.to_f64().unwrap_or(0.0).clamp(0.0, 1.0)
    }
}

/// Something judged, or flagged, as dose-limiting.
#[derive(Debug, Clone)]
pub struct DltRecord {
    /// What it is: the event's term, or the finding of a rule.
    pub what: String,
    /// Onset.
    pub onset: Option<Date>,
    /// Study day of onset.
    pub onset_day: Option<i32>,
    /// The adverse event, where it is one.
    pub event: Option<AdverseEvent>,
    /// The protocol's rule that fired, if one did.
    pub rule: Option<String>,
    /// The investigator's judgement.
    pub investigator: Option<DltJudgement>,
    /// The committee's judgement.
    pub committee: Option<DltJudgement>,
    /// The data that fired the rule.
    pub because: Vec<Because>,
}

impl DltRecord {
    /// Whether it counts: the committee's word is final, else the rule or the investigator.
    fn counts(&self, fired: bool) -> bool {
        match (&self.committee, &self.investigator) {
            (Some(judgement), _) => judgement.dose_limiting,
            (None, Some(judgement)) => judgement.dose_limiting || fired,
            (None, None) => fired,
        }
    }
}

/// An adverse event that began, or worsened, at or after the first fraction.
#[derive(Debug, Clone)]
pub struct EmergentEvent {
    /// The event.
    pub event: AdverseEvent,
    /// Day from which it is counted: of onset, or where that is missing or partial the earliest it can have been, but not
    /// before the first fraction.
    pub onset: Date,
    /// Study day of onset; `None` where the date is missing or partial.
    pub onset_day: Option<i32>,
    /// Study day of its end by the cut; `None` while ongoing.
    pub end_day: Option<i32>,
    /// Whether it began inside the DLT window.
    pub in_window: bool,
}

impl EmergentEvent {
    /// Whether its term names a bleed.
    #[must_use]
    pub fn is_bleed(&self) -> bool {
        let term = self.event.term.to_lowercase();
        [
            "haemorrhag",
            "hemorrhag",
            "bleed",
            "epistaxis",
            "haematoma",
            "hematoma",
            "haematemesis",
            "hematemesis",
            "haematuria",
            "hematuria",
            "haematochezia",
            "hematochezia",
            "haemoptysis",
            "hemoptysis",
            "haemothorax",
            "hemothorax",
            "haemarthrosis",
            "hemarthrosis",
            "melaena",
            "melena",
            "purpura",
            "petechia",
        ]
        .iter()
        .any(|stem| term.contains(stem))
    }
}

/// Something that began after the window.
#[derive(Debug, Clone)]
pub struct LateToxicity {
    /// What it is.
    pub what: String,
    /// Grade.
    pub grade: Option<u8>,
    /// Study day of onset.
    pub onset_day: Option<i32>,
}

/// One analyte over time.
#[derive(Debug, Clone)]
pub struct Kinetics {
    /// The analyte.
    pub analyte: Analyte,
    /// Each value: study day, value in the canonical unit, whether taken under support, and its grade.
    pub points: Vec<KineticPoint>,
    /// The derived nadir, durations and recovery.
    pub summary: Option<dlt::Kinetics>,
    /// Whether a grade 4 value stands unrecovered at the cut.
    pub open_grade_4: bool,
}

/// A value in its course.
#[derive(Debug, Clone)]
pub struct KineticPoint {
    /// Day of the sample.
    pub date: Date,
    /// Study day.
    pub day: i32,
    /// Value in the canonical unit.
    pub value: Decimal,
    /// Taken under support.
    pub supported: bool,
    /// CTCAE grade (low side), where it can be given.
    pub grade: Option<u8>,
}

impl Kinetics {
    /// The analyte is platelets or neutrophils and its last value is grade 4.
    #[must_use]
    pub fn grade_4_open(&self) -> bool {
        matches!(self.analyte, Analyte::Platelets | Analyte::Neutrophils) && self.open_grade_4
    }
}

/// The worst grade after the first fraction of one laboratory term.
#[derive(Debug, Clone)]
pub struct WorstGrade {
    /// Analyte.
    pub analyte: Analyte,
    /// Term.
    pub term: String,
    /// Low or high.
    pub direction: ctcae::Direction,
    /// Grade at baseline.
    pub baseline: Option<u8>,
    /// Worst grade after it; `None` where no value could be graded.
    pub worst: Option<u8>,
    /// Values that could not be graded, with the reason of the first.
    pub ungraded: Vec<Because>,
}

/// A laboratory result on a known analyte and day, in the canonical unit.
#[derive(Debug, Clone)]
pub struct Sample {
    /// Day.
    pub date: Date,
    /// Value.
    pub value: LabValue,
    /// Place of the result among the patient's laboratory facts; `None` where it was computed from others of that day.
    pub recorded: Option<usize>,
}

/// The results that can be read: known analyte, number, unit and full date. The rest is named by `unread`.
#[must_use]
pub fn samples(patient: &Patient) -> Vec<Sample> {
    let mut samples: Vec<Sample> = patient
        .laboratory
        .iter()
        .enumerate()
        .filter_map(|(place, result)| Some(Sample { recorded: Some(place), ..sample(result).ok()? }))
        .collect();
    // CTCAE grades the corrected calcium: from the total and the albumin of one day, where none was reported.
    let on = |analyte: Analyte, date: Date| {
        samples.iter().find(|sample| sample.value.analyte == analyte && sample.date == date)
    };
    let corrected: Vec<Sample> = samples
        .iter()
        .filter(|sample| sample.value.analyte == Analyte::Calcium)
        .filter(|sample| on(Analyte::CorrectedCalcium, sample.date).is_none())
        .filter_map(|calcium| {
            let albumin = on(Analyte::Albumin, calcium.date)?;
            let value = corrected_calcium(&calcium.value, &albumin.value)?;
            Some(Sample { date: calcium.date, value, recorded: None })
        })
        .collect();
    samples.extend(corrected);
    samples.sort_by_key(|sample| sample.date);
    samples
}

fn sample(result: &Laboratory) -> Result<Sample, String> {
    let analyte = result.analyte.ok_or("the test is not one this program knows")?;
    let text = result.result.as_deref().ok_or("there is no result")?;
    let measured: Measured = format!("{text} {}", result.unit.as_deref().unwrap_or(""))
        .trim()
        .parse()
        .map_err(|_| format!("{text:?} is no number"))?;
    let value = LabValue::new(analyte, measured, result.lower_limit, result.upper_limit)
        .map_err(|bad| bad.to_string())?;
    let date = result.at.as_ref().and_then(|at| at.date()).ok_or("its day is not recorded")?;
    Ok(Sample { date, value, recorded: None })
}

/// Results of the analytes that the rules read, taken inside the window or perhaps so, that hold a figure and
/// cannot be read: a rule might have fired on them.
fn unread(dlt: &Dlt, patient: &Patient, window: &Window) -> Vec<Because> {
    let conditions: Vec<dlt::Condition> = dlt.rules.iter().flat_map(dlt::Rule::conditions).collect();
    let is_read = |analyte: Analyte| {
        conditions
            .iter()
            .any(|condition| matches!(condition, dlt::Condition::Lab(rule) if rule.analyte == analyte))
    };
    patient
        .laboratory
        .iter()
        .filter(|result| result.analyte.is_some_and(is_read))
        .filter(|result| {
            result.result.as_deref().is_some_and(|text| text.contains(|c: char| c.is_ascii_digit()))
        })
        .filter(|result| {
            result
                .at
                .as_ref()
                .is_none_or(|at| at.latest_date() > window.first_fraction && at.earliest_date() <= window.end)
        })
        .filter_map(|result| {
            let why = sample(result).err()?;
            let when = result.at.as_ref().map_or_else(|| "undated".to_owned(), ToString::to_string);
            Some(Because::new("dlt/unread", format!("{} of {when} could not be read: {why}", result.test)))
        })
        .collect()
}

/// Sums up the course of the three lineages, cut at the data cut.
pub(crate) fn kinetics(
    protocol: &Protocol,
    patient: &Patient,
    first: Option<Date>,
    samples: &[Sample],
    cut: &Cut,
) -> Vec<Kinetics> {
    let (Some(first), Some(ctcae)) = (first, protocol.ctcae()) else { return Vec::new() };
    let support = protocol.dlt.as_ref().map(|dlt| dlt.support.clone()).unwrap_or_default();
    let mut course = Course::new(first, cut.date());
    course.samples = course_samples(&support, patient, samples);
    [Analyte::Platelets, Analyte::Neutrophils, Analyte::Haemoglobin]
        .into_iter()
        .map(|analyte| {
            let baseline = course.baseline(analyte);
            let points: Vec<KineticPoint> = course
                .samples
                .iter()
                .filter(|sample| sample.value.analyte == analyte)
                .map(|sample| KineticPoint {
                    date: sample.date,
                    day: study_day(first, sample.date),
                    value: sample.value.canonical,
                    supported: sample.supported,
                    grade: low_grade(ctcae, &sample.value, baseline.map(|baseline| &baseline.value)),
                })
                .collect();
            let bounds = grade_bounds(ctcae, analyte);
            let below: Vec<Decimal> = bounds.iter().skip(1).map(|(_, bound)| *bound).collect();
            let summary = bounds
                .first()
                .filter(|_| points.iter().any(|point| point.day >= 1))
                .map(|(_, recovered)| dlt::kinetics(&course, analyte, &below, *recovered));
            // A count under support shows no recovery, so grade 4 stands until an unsupported count is better.
            let open_grade_4 = points.iter().filter(|point| point.day >= 1).fold(false, |open, point| {
                point.grade == Some(4) || (open && (point.supported || point.grade.is_none()))
            });
            Kinetics { analyte, points, summary, open_grade_4 }
        })
        .collect()
}

/// The cuts below which grades 2, 3 and 4 of a lineage begin, in its canonical unit; the first is the bound
/// of recovery to grade 1 or better. Read off CTCAE itself, so that no threshold has a second home.
#[must_use]
pub fn grade_bounds(version: ctcae::Version, analyte: Analyte) -> Vec<(u8, Decimal)> {
    (2..=4).filter_map(|grade| Some((grade, ctcae::low_cut(version, analyte, grade)?))).collect()
}

fn low_grade(version: ctcae::Version, value: &LabValue, baseline: Option<&LabValue>) -> Option<u8> {
    ctcae::grade(version, value, baseline, &Circumstances::default())
        .into_iter()
        .find(|graded| graded.direction == Direction::Low)
        .and_then(|graded| graded.grade())
}

/// Samples with the mark of support: a count taken some days after a transfusion or growth factor shows no
/// recovery.
fn course_samples(days: &SupportDays, patient: &Patient, samples: &[Sample]) -> Vec<dlt::Sample> {
    let under_support = |analyte: Analyte, date: Date| {
        patient.support.iter().any(|support| {
            let lasts = match (support.kind, analyte) {
                (SupportKind::PlateletTransfusion, Analyte::Platelets) => days.platelet_transfusion,
                (SupportKind::RedCellTransfusion, Analyte::Haemoglobin) => days.red_cell_transfusion,
                (SupportKind::GrowthFactor, Analyte::Neutrophils | Analyte::Leukocytes) => days.growth_factor,
                _ => return false,
            };
            let since = super::exposure::days_between(support.at.earliest_date(), date);
            since.is_some_and(|since| since >= 0 && u32::try_from(since).is_ok_and(|since| since <= lasts))
        })
    };
    samples
        .iter()
        .map(|sample| {
            let plain = dlt::Sample::new(sample.date, sample.value.clone());
            if under_support(sample.value.analyte, sample.date) { plain.under_support() } else { plain }
        })
        .collect()
}

/// Adverse events that began at or after the first fraction; one whose start is missing or partial counts
/// where it can have begun then.
pub(crate) fn emergent(
    patient: &Patient,
    first: Option<Date>,
    window: Option<&Window>,
    cut: &Cut,
) -> Vec<EmergentEvent> {
    let Some(first) = first else { return Vec::new() };
    let mut events: Vec<EmergentEvent> = patient
        .adverse_events
        .iter()
        .filter(|event| event.start.as_ref().is_none_or(|start| start.latest_date() >= first))
        .map(|event| EmergentEvent {
            onset: onset(event, first),
            onset_day: event.start.as_ref().and_then(|start| start.date()).map(|date| study_day(first, date)),
            end_day: end_by(event, cut.date()).map(|date| study_day(first, date)),
            in_window: window.is_some_and(|window| onset(event, first) <= window.end),
            event: event.clone(),
        })
        .collect();
    events.sort_by(|a, b| (a.onset, &a.event.term).cmp(&(b.onset, &b.event.term)));
    events
}

/// The day an event began; the earliest it can have been, but not before the first fraction, where its date
/// is partial or missing: so it is looked at.
fn onset(event: &AdverseEvent, first: Date) -> Date {
    match &event.start {
        Some(start) if !start.is_partial() => start.earliest_date(),
        Some(start) => start.earliest_date().max(first),
        None => first,
    }
}

/// The day an event ended, if by the cut.
fn end_by(event: &AdverseEvent, cut: Date) -> Option<Date> {
    event.end.as_ref().map(|end| end.latest_date()).filter(|end| *end <= cut)
}

/// Events that began after the window.
pub(crate) fn late(
    events: &[EmergentEvent],
    window: Option<&Window>,
    first: Option<Date>,
) -> Vec<LateToxicity> {
    let (Some(_), Some(_)) = (window, first) else { return Vec::new() };
    events
        .iter()
        .filter(|event| !event.in_window)
        .map(|event| LateToxicity {
            what: event.event.term.clone(),
            grade: event.event.grade,
            onset_day: event.onset_day,
        })
        .collect()
}

/// The values that are graded, each with its patient's baseline of the analyte: the baseline itself (the last on or
/// before the first fraction) and what follows it. Total calcium is left out on days that have the corrected one.
pub(crate) fn to_grade(first: Date, samples: &[Sample]) -> Vec<(&Sample, Option<&Sample>)> {
    let mut by_analyte: BTreeMap<Analyte, Vec<&Sample>> = BTreeMap::new();
    let is_corrected = |total: &Sample| {
        samples
            .iter()
            .any(|other| other.value.analyte == Analyte::CorrectedCalcium && other.date == total.date)
    };
    for sample in samples {
        if sample.value.analyte != Analyte::Calcium || !is_corrected(sample) {
            by_analyte.entry(sample.value.analyte).or_default().push(sample);
        }
    }
    let mut graded = Vec::new();
    for samples in by_analyte.into_values() {
        let baseline = samples.iter().take_while(|sample| sample.date <= first).last().copied();
        let counts = |sample: &Sample| {
            sample.date >= first || baseline.is_some_and(|baseline| std::ptr::eq(baseline, sample))
        };
        graded.extend(samples.into_iter().filter(|sample| counts(sample)).map(|sample| (sample, baseline)));
    }
    graded
}

/// A result with what the tables of toxicity make of it.
#[derive(Debug, Clone)]
pub struct AnalysedSample {
    /// The result.
    pub sample: Sample,
    /// Whether it counts: as the baseline, or on or after the day of the first fraction. Total calcium does not on days
    /// that have the corrected one.
    pub counts: bool,
    /// Whether it is the baseline: the last result of the analyte on or before the day of the first fraction.
    pub is_baseline: bool,
    /// The baseline, where the result counts and there is one.
    pub baseline: Option<Sample>,
    /// The grades of that baseline.
    pub baseline_grades: Vec<ctcae::Graded>,
    /// Its grade for each term of the analyte, where it counts and the protocol names a version of CTCAE; [`WorstGrade`]
    /// is the worst of them after the baseline.
    pub grades: Vec<ctcae::Graded>,
}

/// The results of a patient that can be read, by date, each as the tables of toxicity take it; `first` is the day of the
/// first fraction, and without one none counts.
#[must_use]
pub fn analysed_samples(protocol: &Protocol, patient: &Patient, first: Option<Date>) -> Vec<AnalysedSample> {
    let samples = samples(patient);
    let counted = first.map_or_else(Vec::new, |first| to_grade(first, &samples));
    let analysed = samples.iter().map(|sample| {
        let found = counted.iter().find(|(one, _)| std::ptr::eq(*one, sample));
        let baseline = found.and_then(|(_, baseline)| *baseline);
        AnalysedSample {
            counts: found.is_some(),
            is_baseline: baseline.is_some_and(|baseline| std::ptr::eq(baseline, sample)),
            baseline: baseline.cloned(),
            baseline_grades: match (baseline, protocol.ctcae()) {
                (Some(baseline), Some(version)) => grades(version, baseline, Some(baseline)),
                _ => Vec::new(),
            },
            grades: match (found, protocol.ctcae()) {
                (Some(_), Some(version)) => grades(version, sample, baseline),
                _ => Vec::new(),
            },
            sample: sample.clone(),
        }
    });
    analysed.collect()
}

fn grades(version: ctcae::Version, sample: &Sample, baseline: Option<&Sample>) -> Vec<ctcae::Graded> {
    ctcae::grade(version, &sample.value, baseline.map(|b| &b.value), &Circumstances::default())
}

/// The worst grade after the first fraction of each laboratory term, low and high.
pub(crate) fn worst_grades(protocol: &Protocol, first: Option<Date>, samples: &[Sample]) -> Vec<WorstGrade> {
    let (Some(first), Some(version)) = (first, protocol.ctcae()) else { return Vec::new() };
    let mut worst: BTreeMap<(Analyte, Direction, &str), WorstGrade> = BTreeMap::new();
    for (sample, baseline) in to_grade(first, samples) {
        let analyte = sample.value.analyte;
        let is_baseline = baseline.is_some_and(|baseline| std::ptr::eq(baseline, sample));
        for graded in grades(version, sample, baseline) {
            let entry = worst.entry((analyte, graded.direction, graded.term)).or_insert_with(|| WorstGrade {
                analyte,
                term: graded.term.to_owned(),
                direction: graded.direction,
                baseline: None,
                worst: None,
                ungraded: Vec::new(),
            });
            match graded.grade() {
                Some(grade) if is_baseline => entry.baseline = Some(grade),
                Some(grade) => entry.worst = entry.worst.max(Some(grade)),
                None if is_baseline => {}
                None => entry.ungraded.push(graded.because),
            }
        }
    }
    worst.into_values().collect()
}

/// How a patient counts, with every reason.
pub(crate) fn assess(
    protocol: &Protocol,
    patient: &Patient,
    exposure: &Exposure,
    window: Option<&Window>,
    disposition: &Disposition,
    samples: &[Sample],
    cut: &Cut,
) -> DltAssessment {
    let (Some(first), Some(dlt), Some(window)) = (exposure.first(), &protocol.dlt, window) else {
        let status = if exposure.first().is_some() { DltStatus::NotDefined } else { DltStatus::NotTreated };
        return DltAssessment::without(status);
    };
    let seen = last_seen(patient, cut.date()).unwrap_or(first);
    let ended = follow_up_end(patient, disposition, seen).filter(|(date, _)| *date <= cut.date());
    let followed_to = ended.as_ref().map_or(seen, |(date, _)| seen.min(*date));
    let course = course(dlt, patient, exposure, first, samples, followed_to);
    let evaluation = dlt::evaluate(&rules(protocol, dlt), &course, window, dlt.ctcae);
    let Judged { records, possible, dismissed } = records(patient, first, &evaluation.findings);
    let judgement = patient.evaluability.iter().max_by_key(|judgement| judgement.date);
    let judged_evaluable = judgement.is_some_and(|judgement| judgement.evaluable);
    let by_toxicity = |judgement: &EvaluabilityJudgement| judgement.reason.to_lowercase().contains("toxic");
    let not_evaluable = judgement.filter(|judgement| !judgement.evaluable);
    let tolerance = i32::try_from(dlt.visit_tolerance_days).unwrap_or(0);
    let short_by = super::exposure::days_between(followed_to, window.end).unwrap_or(i32::MAX);
    let whole = cut.date() >= window.end && (short_by <= tolerance || judged_evaluable);
    let complete = whole
        || dlt
            .evaluable_from_day
            .is_some_and(|day| i64::from(study_day(first, followed_to)) >= i64::from(day));
    let too_little = too_little_activity(protocol, exposure, cut.date()).filter(|_| !judged_evaluable);
    let unknown = unknown(dlt, patient, window, &evaluation, first);

    let day = |date: Date| study_day(first, date);
    let mut because: Vec<Because> = records.iter().flat_map(|record| record.because.clone()).collect();
    because.extend(dismissed);
    let mut awaits = None;
    let status = if !records.is_empty() {
        DltStatus::Dlt
    } else if let Some(judgement) =
        not_evaluable.filter(|judgement| possible.is_empty() && !by_toxicity(judgement))
    {
        because.push(
            Because::new(
                "evaluability/judged",
                format!(
                    "judged not evaluable by {} on {}: {}",
                    judgement.adjudicator, judgement.date, judgement.reason
                ),
            )
            .source("protocol, [evaluability]"),
        );
        DltStatus::NotEvaluable
    } else {
        awaits = if !possible.is_empty() {
            Some("adjudication of a possible dose-limiting toxicity".to_owned())
        } else if not_evaluable.is_some() {
            Some("a judgement on evaluability for a reason other than toxicity".to_owned())
        } else if let Some(unread) = unknown.first() {
            Some(format!("a value or grade that a rule needs: {}", unread.says))
        } else if let Some(reason) = too_little {
            Some(format!("a judgement on evaluability: {reason}"))
        } else if complete {
            None
        } else if let Some((date, reason)) = ended.filter(|(date, _)| *date < window.end) {
            Some(format!(
                "a judgement on evaluability: {reason} on day {}, before the window ended",
                day(date)
            ))
        } else if cut.date() >= window.end {
            Some(format!(
                "follow-up to the end of the window on day {} ({}): last seen on day {}",
                day(window.end),
                window.end,
                day(seen)
            ))
        } else {
            Some(format!("the end of the window on day {} ({})", day(window.end), window.end))
        };
        if awaits.is_some() { DltStatus::Pending } else { DltStatus::NoDlt }
    };
    let says = match status {
        DltStatus::NoDlt => format!(
            "no dose-limiting toxicity, followed to study day {} of a window that ends on study day {}{}",
            day(followed_to),
            day(window.end),
            if whole && short_by > 0 && !judged_evaluable {
                format!(
                    ": {short_by} before its end, within the {tolerance} that the protocol allows the last visit"
                )
            } else {
                String::new()
            }
        ),
        DltStatus::Pending => {
            format!("pending: awaits {}", awaits.as_deref().unwrap_or("the end of the window"))
        }
        _ => format!("window from {first} to {}", window.end),
    };
    because.push(
        Because::new("dlt/window", says)
            .input("first fraction", first)
            .input("window end", window.end)
            .input("followed to", followed_to)
            .source("protocol, [dlt]"),
    );
    DltAssessment {
        status,
        records,
        possible,
        followed_to: Some(followed_to),
        share: window.follow_up_share(followed_to),
        whole_window: whole,
        window_open: cut.date() < window.end,
        awaits,
        not_evaluable: not_evaluable.map(|j| (j.reason.clone(), j.adjudicator.clone(), j.date)),
        because,
        gaps: gaps(dlt, &course),
        unknown,
    }
}

/// The rules of the protocol, with the one that a setting adds: a fraction changed by toxicity is itself
/// dose-limiting.
fn rules(protocol: &Protocol, dlt: &Dlt) -> dlt::Rules {
    if !dlt.fraction_changed_by_toxicity {
        return dlt.rules.clone();
    }
    let changed = dlt::Rule {
        id: "fraction-changed-by-toxicity".to_owned(),
        text: "A fraction omitted, reduced or delayed through toxicity".to_owned(),
        lab: None,
        adverse_event: None,
        fraction: Some(dlt::FractionRule {
            delayed_more_than_days: Some(protocol.gates.delayed_more_than_days),
            omitted: true,
            reduced: true,
        }),
        support: None,
        all_of: Vec::new(),
        attribution: dlt::Attribution::default(),
        from_day: None,
        to_day: None,
        exceptions: None,
    };
    let own = dlt.rules.iter().filter(|rule| rule.id != changed.id).cloned();
    dlt::Rules::new(own.chain([changed.clone()]).collect()).unwrap_or_else(|_| dlt.rules.clone())
}

/// The last day on which anything was recorded of a patient: nobody was followed beyond it.
pub(crate) fn last_seen(patient: &Patient, cut: Date) -> Option<Date> {
    let whens = (patient.administrations.iter().flat_map(|f| [Some(&f.start), f.end.as_ref()]))
        .chain(patient.laboratory.iter().map(|f| f.at.as_ref()))
        .chain(patient.vital_signs.iter().map(|f| f.at.as_ref()))
        .chain(patient.adverse_events.iter().flat_map(|f| [f.start.as_ref(), f.end.as_ref()]))
        .chain(patient.responses.iter().map(|f| f.at.as_ref()))
        .chain(patient.visits.iter().flat_map(|f| [f.start.as_ref(), f.end.as_ref()]))
        .chain(patient.dispositions.iter().map(|f| f.at.as_ref()))
        .chain(patient.support.iter().map(|f| Some(&f.at)))
        .chain(patient.new_therapies.iter().map(|f| Some(&f.start)))
        .chain(patient.death.iter().map(|f| Some(&f.at)));
    whens.flatten().filter_map(crate::when::When::date).filter(|date| *date <= cut).max()
}

/// What a rule would have read inside the window and could not, unless the committee has judged it.
fn unknown(
    dlt: &Dlt,
    patient: &Patient,
    window: &Window,
    evaluation: &dlt::Evaluation,
    first: Date,
) -> Vec<Because> {
    let judged = |key: &Option<String>| {
        key.is_some()
            && patient
                .dlt_judgements
                .iter()
                .any(|judgement| judgement.by == Judge::Committee && judgement.event == *key)
    };
    let not_judged = evaluation
        .not_judged
        .iter()
        .filter(|unread| unread.date <= window.end && !judged(&unread.event))
        .map(|unread| {
            Because::new(
                format!("dlt/{}", unread.rule_id),
                format!("day {}: not judged: {}", study_day(first, unread.date), unread.why),
            )
        });
    not_judged.chain(unread(dlt, patient, window)).collect()
}

impl DltAssessment {
    fn without(status: DltStatus) -> Self {
        Self {
            status,
            records: Vec::new(),
            possible: Vec::new(),
            followed_to: None,
            share: Decimal::ZERO,
            whole_window: false,
            window_open: false,
            awaits: None,
            not_evaluable: None,
            because: Vec::new(),
            gaps: Vec::new(),
            unknown: Vec::new(),
        }
    }
}

/// What ended follow-up for dose-limiting toxicity: a new myelosuppressive therapy, death, or leaving the
/// study (on the day last seen, where no day was recorded). Progression alone does not.
fn follow_up_end(patient: &Patient, disposition: &Disposition, seen: Date) -> Option<(Date, &'static str)> {
    let therapy = patient
        .new_therapies
        .iter()
        .filter(|therapy| therapy.myelosuppressive != Some(false))
        .map(|therapy| (therapy.start.earliest_date(), "new anti-cancer therapy began"));
    let death = patient.death.iter().map(|death| (death.at.earliest_date(), "the patient died"));
    let fatal = patient
        .adverse_events
        .iter()
        .filter(|event| event.fatal == Some(true) || event.grade == Some(5))
        .map(|event| {
            event.end.as_ref().or(event.start.as_ref()).map_or(seen, crate::when::When::earliest_date)
        })
        .map(|date| (date, "the patient died"));
    let left =
        disposition.left.then(|| (disposition.off_study.unwrap_or(seen), "the patient left the study"));
    therapy.chain(death).chain(fatal).chain(left).min()
}

/// Why the activity received may be too little to evaluate the patient; none where toxicity was the reason or
/// a fraction may still be given.
fn too_little_activity(protocol: &Protocol, exposure: &Exposure, cut: Date) -> Option<String> {
    let by_toxicity = exposure.fractions.iter().any(|fraction| fraction.through_toxicity == Some(true));
    let awaited = exposure.fractions.iter().any(|fraction| {
        fraction.given.is_none()
            && fraction.is_meant()
            && fraction.reason.is_none()
            && fraction.planned.is_none_or(|planned| planned >= cut)
    });
    if by_toxicity || awaited {
        return None;
    }
    let missing =
        exposure.fractions.iter().filter(|fraction| fraction.given.is_none() && fraction.is_meant()).count();
    let states_activity = exposure.fractions.iter().any(|fraction| fraction.per_area.is_some());
    let Some(received) = exposure.percent() else {
        return states_activity
            .then(|| "the share of the prescribed activity received is not known".to_owned());
    };
    (received < protocol.evaluability.minimum_percent).then(|| {
        format!(
            "{}% of the prescribed activity was received ({missing} fractions not given), below {}%",
            received.round_dp(1),
            protocol.evaluability.minimum_percent
        )
    })
}

pub(super) fn course(
    dlt: &Dlt,
    patient: &Patient,
    exposure: &Exposure,
    first: Date,
    samples: &[Sample],
    followed_to: Date,
) -> Course {
    let mut course = Course::new(first, followed_to);
    course.samples = course_samples(&dlt.support, patient, samples);
    course.adverse_events = patient
        .adverse_events
        .iter()
        .filter(|event| event.start.as_ref().is_none_or(|start| start.latest_date() >= first))
        .map(|event| dlt::AdverseEvent {
            key: event.key.clone(),
            term: event.term.clone(),
            class: event.class.clone().unwrap_or_default(),
            grade: if event.fatal == Some(true) { Some(5) } else { event.grade },
            start: onset(event, first),
            end: end_by(event, followed_to),
            related: event.related,
            serious: event.serious,
        })
        .collect();
    course.support = patient
        .support
        .iter()
        .map(|support| dlt::Support {
            kind: support.kind,
            earliest: support.at.earliest_date(),
            latest: support.at.latest_date(),
        })
        .collect();
    course.fractions = exposure
        .fractions
        .iter()
        .filter_map(|fraction| {
            // A reason that nobody sorted is not "other": it leaves a possible dose-limiting toxicity.
            let reason = fraction
                .through_toxicity
                .map(|toxicity| if toxicity { Reason::Toxicity } else { Reason::Other });
            let outcome = match fraction.given {
                Some(on) => {
                    FractionOutcome::Given { on, reduced: fraction.is_reduced(dlt.reduced_below_percent) }
                }
                None if fraction.is_omitted() => FractionOutcome::Omitted,
                None => FractionOutcome::Awaited,
            };
            Some(dlt::Fraction { planned: fraction.planned?, outcome, reason })
        })
        .collect();
    course
}

/// Findings and judgements, joined.
struct Judged {
    /// What is dose-limiting.
    records: Vec<DltRecord>,
    /// What may be.
    possible: Vec<DltRecord>,
    /// Findings of rules that the committee judged not dose-limiting.
    dismissed: Vec<Because>,
}

/// Joins findings of rules and judgements. A judgement on an event speaks of that event; one on a rule speaks of
/// what the rule had found by its day. Of several by one judge the latest counts, and of one day the graver.
fn records(patient: &Patient, first: Date, findings: &[Finding]) -> Judged {
    let mut judged = Judged { records: Vec::new(), possible: Vec::new(), dismissed: Vec::new() };
    let mut used: Vec<&DltJudgement> = Vec::new();
    let is_unique = |key: &str| patient.adverse_events.iter().filter(|event| event.key == key).count() == 1;
    let day = |judgement: &DltJudgement| judgement.date.as_ref().map(|date| date.earliest_date());
    let latest = |by: Judge, holds: &dyn Fn(&DltJudgement) -> bool| {
        patient
            .dlt_judgements
            .iter()
            .filter(|judgement| judgement.by == by && holds(judgement))
            .max_by_key(|judgement| (day(judgement), judgement.dose_limiting))
    };
    for finding in findings {
        let event = patient.adverse_events.iter().find(|event| finding.events.contains(&event.key));
        let holds = |judgement: &DltJudgement| match (&judgement.event, &judgement.rule) {
            (Some(key), _) => finding.events.contains(key) && (judgement.dose_limiting || is_unique(key)),
            (None, Some(rule)) => {
                *rule == finding.rule_id
                    && (judgement.dose_limiting
                        || day(judgement).is_some_and(|day| day >= finding.onset_date))
            }
            (None, None) => false,
        };
        let (investigator, committee) =
            (latest(Judge::Investigator, &holds), latest(Judge::Committee, &holds));
        used.extend(patient.dlt_judgements.iter().filter(|judgement| holds(judgement)));
        let record = DltRecord {
            what: event.map_or_else(|| finding.because.says.clone(), |event| event.term.clone()),
            onset: Some(finding.onset_date),
            onset_day: Some(finding.onset_day),
            event: event.cloned(),
            rule: Some(finding.rule_id.clone()),
            investigator: investigator.cloned(),
            committee: committee.cloned(),
            because: vec![finding.because.clone()],
        };
        let fired = finding.certainty == Certainty::Fired;
        if record.counts(fired) {
            judged.records.push(record);
        } else if record.committee.is_none() {
            judged.possible.push(record);
        } else {
            let on = committee.and_then(day).map_or_else(String::new, |day| format!(" on {day}"));
            let says = format!("{}; judged not dose-limiting by the committee{on}", finding.because.says);
            judged.dismissed.push(Because { says, ..finding.because.clone() });
        }
    }
    for event in &patient.adverse_events {
        let of_event = |judgement: &DltJudgement| judgement.event.as_deref() == Some(event.key.as_str());
        if findings.iter().any(|finding| finding.events.contains(&event.key)) {
            continue;
        }
        used.extend(patient.dlt_judgements.iter().filter(|judgement| of_event(judgement)));
        let record = DltRecord {
            what: event.term.clone(),
            onset: event.start.as_ref().and_then(|start| start.date()),
            onset_day: event.start.as_ref().and_then(|start| start.date()).map(|date| study_day(first, date)),
            event: Some(event.clone()),
            rule: None,
            investigator: latest(Judge::Investigator, &of_event).cloned(),
            committee: latest(Judge::Committee, &of_event).cloned(),
            because: Vec::new(),
        };
        if record.counts(false) {
            let by = if record.committee.is_some() { "the committee" } else { "the investigator" };
            let says = format!("{} was judged dose-limiting by {by}", event.term);
            judged.records.push(DltRecord { because: vec![Because::new("dlt/judged", says)], ..record });
        }
    }
    // A judgement that something is dose-limiting stands even where no event or finding is recorded for it.
    for judgement in patient.dlt_judgements.iter().filter(|judgement| judgement.dose_limiting) {
        if used.iter().any(|other| std::ptr::eq(*other, judgement)) {
            continue;
        }
        let what = [&judgement.reason, &judgement.rule, &judgement.event].into_iter().flatten().next();
        let what = what.map_or_else(|| "a dose-limiting toxicity".to_owned(), Clone::clone);
        let (by, investigator, committee) = match judgement.by {
            Judge::Committee => ("the committee", None, Some(judgement.clone())),
            Judge::Investigator => ("the investigator", Some(judgement.clone()), None),
        };
        let says = format!("{what} was judged dose-limiting by {by}; no event or finding is recorded for it");
        judged.records.push(DltRecord {
            what,
            onset: None,
            onset_day: None,
            event: None,
            rule: judgement.rule.clone(),
            investigator,
            committee,
            because: vec![Because::new("dlt/judged", says)],
        });
    }
    judged
}

/// A flag for each lineage whose mandatory counts have a gap longer than the protocol allows.
fn gaps(dlt: &Dlt, course: &Course) -> Vec<Because> {
    let day = |day: u32| i32::try_from(day).unwrap_or(i32::MAX);
    [Analyte::Platelets, Analyte::Neutrophils]
        .into_iter()
        .filter_map(|analyte| {
            let gap = dlt::largest_gap(course, analyte, day(dlt.counts.from_day), day(dlt.counts.to_day))?;
            (gap.days > dlt.counts.every_days).then(|| {
                Because::new(
                    "dlt/missing-count",
                    format!(
                        "no {analyte} count between days {} and {} ({} days; the protocol asks for one every {} days from day {} to {})",
                        gap.from_day, gap.to_day, gap.days, dlt.counts.every_days, dlt.counts.from_day, dlt.counts.to_day
                    ),
                )
                .source("protocol, dlt.counts")
            })
        })
        .collect()
}
