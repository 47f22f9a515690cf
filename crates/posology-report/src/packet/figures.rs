//! The figures of the packet: values of the analysis handed to the figure that shows them, each with its section.
//!
//! Start at [`compose`]. Nothing is derived: a day is counted from the first fraction (day 0), a month is 30.4375 days,
//! and whoever cannot be drawn is named by the figure with the reason. Not drawn here: the posterior of a model (F2).

#[cfg(test)]
mod tests;

use std::collections::BTreeSet;

use jiff::civil::Date;
use posology_clinic::laboratory::Analyte;
use posology_clinic::response::Category;
use posology_clinic::response::imwg::Marker;
use posology_trial::analysis::efficacy::{Basis, exact_percent};
use posology_trial::analysis::exposure::days_between;
use posology_trial::analysis::patient::PatientAnalysis;
use posology_trial::analysis::rates::{Confidence, Rate};
use posology_trial::analysis::survival::{IntervalScale, KaplanMeier, TimeToEvent};
use posology_trial::analysis::toxicity::{DltStatus, grade_bounds};
use posology_trial::analysis::{Analysis, CohortAnalysis};
use posology_trial::event::{Recommendation, Recommended};

use super::{Review, cover, escalation, levels};
use crate::figure::{self, Figure, Frame, Level, Move, NotDrawn};

/// Days of a month, 365.25 / 12.
const MONTH_DAYS: f64 = 30.4375;

/// Up to so many treated patients, the figure of windows shows them all.
const WINDOWS_FOR_ALL: usize = 12;

/// The figures in the order of the packet, each with the id of the section it closes.
pub(super) fn compose(review: Review<'_>) -> Vec<(&'static str, Figure)> {
    let drawing = Drawing::of(review);
    let mut figures = vec![("escalation", drawing.escalation_history())];
    figures.extend(drawing.posterior().map(|figure| ("escalation", figure)));
    if drawing.analysis.protocol.dlt.is_some() {
        figures.push(("escalation", drawing.windows()));
        for (analyte, name) in [(Analyte::Platelets, "Platelets"), (Analyte::Neutrophils, "Neutrophils")] {
            figures.extend(drawing.counts(analyte, name).map(|figure| ("laboratory", figure)));
        }
    }
    let late = super::late::figures(drawing.analysis, &drawing.levels, &drawing.frame);
    figures.extend(late.into_iter().map(|figure| (super::late::SECTION, figure)));
    let organs = super::organ::figures(drawing.analysis, &drawing.levels, &drawing.frame);
    figures.extend(organs.into_iter().map(|figure| (super::organ::SECTION, figure)));
    // Where every response was assessed and none measured, there is nothing to draw a change from.
    let assessed = |patient: &PatientAnalysis| patient.response.basis == Basis::Categories;
    let measured = |patient: &PatientAnalysis| !patient.response.series.is_empty();
    let patients = &drawing.analysis.patients;
    if patients.iter().any(measured) || !patients.iter().any(assessed) {
        figures.push(("response", drawing.waterfall()));
        figures.push(("response", drawing.spider()));
    }
    figures.push(("response", drawing.swimmer()));
    figures.extend(drawing.response_rate().map(|figure| ("response", figure)));
    figures.extend(drawing.progression_free().map(|figure| ("response", figure)));
    figures
}

/// What all figures of one packet share.
struct Drawing<'a> {
    analysis: &'a Analysis,
    cohort: &'a CohortAnalysis,
    levels: Vec<Level>,
    treated: Vec<&'a PatientAnalysis>,
    frame: Frame,
    cut: Date,
}

impl<'a> Drawing<'a> {
    fn of(review: Review<'a>) -> Self {
        let Review { analysis, cohort, .. } = review;
        let levels = analysis.protocol.regimen.iter().enumerate();
        Self {
            analysis,
            cohort,
            levels: levels
                .map(|(index, regimen)| Level { id: format!("DL{}", index + 1), label: regimen.title() })
                .collect(),
            treated: levels::treated(analysis),
            frame: Frame {
                cut_off: Some(cover::cut_off(analysis)),
                synthetic: analysis.protocol.trial.synthetic,
            },
            cut: analysis.cut.date(),
        }
    }

    fn level(&self, patient: &PatientAnalysis) -> String {
        levels::level_of(self.analysis, patient)
    }

    /// F1: every cohort with a patient, its treated patients and what was recommended after it.
    fn escalation_history(&self) -> Figure {
        let mut absent = Vec::new();
        let mut cohorts = Vec::new();
        for cohort in &self.analysis.cohorts {
            let mut patients = Vec::new();
            for patient in self.analysis.patients_of(cohort).filter(|patient| levels::is_enrolled(patient)) {
                match status(patient) {
                    Some(status) => {
                        patients.push(figure::EscalationPatient { subject: short(patient), status })
                    }
                    None => absent.push(not_drawn(patient, "no fraction given")),
                }
            }
            if patients.is_empty() && cohort.opened.is_none() {
                continue;
            }
            cohorts.push(figure::EscalationCohort {
                id: cohort.id.clone(),
                level: format!("DL{}", cohort.level),
                backfill: false,
                patients,
                decision: cohort.recommendation.as_ref().map(recommended),
            });
        }
        let placed: BTreeSet<usize> =
            self.analysis.cohorts.iter().flat_map(|cohort| cohort.patients.iter().copied()).collect();
        let placeless =
            self.analysis.patients.iter().enumerate().filter(|(place, _)| !placed.contains(place));
        absent.extend(
            placeless
                .filter(|(_, patient)| patient.is_treated())
                .map(|(_, patient)| not_drawn(patient, "in no cohort of the protocol")),
        );
        let mut history = figure::EscalationHistory::new(self.levels.clone(), cohorts);
        history.not_drawn.extend(absent);
        let mut figure = history.draw(&self.frame);
        if self.analysis.protocol.dlt.is_none() {
            figure.title = "Cohorts and patients in order of entry".to_owned();
        }
        figure.caption.push_str(" Decisions are the committee's recommendations, dated by its meeting.");
        figure
    }

    /// F2: what the design makes of each level's DLT rate, where it has a posterior.
    fn posterior(&self) -> Option<Figure> {
        let design = self.analysis.protocol.escalation.as_ref()?;
        let advice = self.cohort.advice.as_ref()?;
        let numbers = design.numbers(&advice.data).ok()?;
        numbers.levels.iter().any(|level| level.over.is_some()).then(|| {
            let rows = self.levels.iter().zip(&numbers.levels).map(|(level, at)| figure::PosteriorLevel {
                label: format!("{} {}", level.id, level.label),
                evaluable: at.evaluable,
                dlt: at.dlt,
                mean: at.mean,
                interval: at.lower.zip(at.upper),
                over: at.over,
                eliminated: at.eliminated,
            });
            let name = design.name().to_owned();
            figure::Posterior { design: name, target: design.target(), levels: rows.collect() }
                .draw(&self.frame)
        })
    }

    /// F3: windows of the cohort under review and of the one before it, of whoever else is still in the window, and
    /// of all while they are few; the level under review stands first.
    fn windows(&self) -> Figure {
        let before = self
            .analysis
            .cohorts
            .iter()
            .take_while(|cohort| cohort.id != self.cohort.id)
            .filter(|cohort| self.analysis.patients_of(cohort).any(PatientAnalysis::is_treated))
            .last()
            .map(|cohort| cohort.id.as_str());
        let is_shown = |patient: &PatientAnalysis| {
            let cohort = patient.cohort.as_deref();
            self.treated.len() <= WINDOWS_FOR_ALL
                || cohort == Some(self.cohort.id.as_str())
                || (cohort.is_some() && cohort == before)
                || patient.dlt.status == DltStatus::Pending
        };
        let (shown, absent): (Vec<&PatientAnalysis>, Vec<_>) =
            self.treated.iter().copied().partition(|patient| is_shown(patient));
        let rows = shown.into_iter().filter_map(|patient| self.window(patient)).collect();
        let under_review = format!("DL{}", self.cohort.level);
        let mut levels = self.levels.clone();
        levels.sort_by_key(|level| level.id != under_review);
        let mut figure = figure::Windows::new(levels, rows).draw(&self.frame);
        if !absent.is_empty() {
            figure.caption = format!(
                "{} Shown are the cohort under review, the one before it, and whoever is still in the window; the {} \
                 other treated patients stand in E04.",
                figure.caption,
                absent.len()
            );
        }
        figure
    }

    fn window(&self, patient: &PatientAnalysis) -> Option<figure::WindowPatient> {
        let first = patient.exposure.first()?;
        let since = |date: Date| days_between(first, date);
        let records = patient.dlt.records.iter().filter(|_| patient.dlt.status == DltStatus::Dlt);
        let nadirs = patient.kinetics.iter().filter_map(|kinetics| {
            let lineage = match kinetics.analyte {
                Analyte::Platelets => figure::Lineage::Platelets,
                Analyte::Neutrophils => figure::Lineage::Neutrophils,
                _ => return None,
            };
            let day = kinetics.summary.as_ref()?.nadir.as_ref()?.day;
            Some(figure::Nadir { lineage, day: since_first(day) })
        });
        Some(figure::WindowPatient {
            subject: short(patient),
            level: self.level(patient),
            fractions: fractions(patient),
            window_end: since(patient.window.as_ref()?.end)?,
            followed_to: since(self.end(patient).0)?,
            status: status(patient)?,
            dlt: records.filter_map(|record| since(record.onset?)).min(),
            nadirs: nadirs.collect(),
        })
    }

    /// The last day of follow-up by the cut-off, and what happened on it.
    fn end(&self, patient: &PatientAnalysis) -> (Date, figure::Ending) {
        let death = patient.facts.death.as_ref().map(|death| death.at.latest_date());
        match (death.filter(|date| *date <= self.cut), patient.disposition.off_study) {
            (Some(date), _) => (date, figure::Ending::Death),
            (None, Some(date)) if date <= self.cut => (date, figure::Ending::Off),
            _ => (self.cut, figure::Ending::Ongoing),
        }
    }

    /// F9: one lineage in the cohort under review; none before its first treated patient.
    fn counts(&self, analyte: Analyte, name: &str) -> Option<Figure> {
        let dlt = self.analysis.protocol.dlt.as_ref()?;
        let patients: Vec<&PatientAnalysis> =
            self.analysis.patients_of(self.cohort).filter(|patient| patient.is_treated()).collect();
        let ends: BTreeSet<i32> = patients
            .iter()
            .filter_map(|patient| days_between(patient.exposure.first()?, patient.window.as_ref()?.end))
            .collect();
        let window_end = ends.first().copied()?;
        let setting = figure::CountsSetting {
            analyte: name.to_owned(),
            unit: "10⁹/L".to_owned(),
            bounds: grade_bounds(dlt.ctcae, analyte)
                .into_iter()
                .map(|(grade, value)| figure::GradeBound { value, label: format!("Grade {grade}") })
                .collect(),
            window_end,
            logarithmic: true,
        };
        let lines = patients
            .into_iter()
            .map(|patient| figure::CountSeries {
                subject: short(patient),
                level: self.level(patient),
                values: patient
                    .kinetics
                    .iter()
                    .filter(|kinetics| kinetics.analyte == analyte)
                    .flat_map(|kinetics| &kinetics.points)
                    .map(|point| (since_first(point.day), point.value))
                    .collect(),
                fractions: fractions(patient),
            })
            .collect();
        let mut figure = figure::Counts::new(setting, self.levels.clone(), lines).draw(&self.frame);
        figure.caption =
            format!("Cohort {}. {} Grades: CTCAE {}.", self.cohort.id, figure.caption, dlt.ctcae.id());
        if let Some(longest) = ends.last().filter(|longest| **longest > window_end) {
            figure.caption = format!(
                "{} A late fraction makes a window longer, to day {longest} at most; the shortest is shaded.",
                figure.caption
            );
        }
        Some(figure)
    }

    /// F4: confirmed response over time.
    fn swimmer(&self) -> Figure {
        let floor = self.first_rate_floor();
        let patients = self.treated.iter().map(|patient| self.course(patient, floor)).collect();
        let mut figure = figure::Swimmer::new(self.levels.clone(), patients).draw(&self.frame);
        figure.caption = format!(
            "{} Segments are the confirmed response, from the first of the two samples that made it to the last evaluable \
             assessment; a patient counts under each response passed through. First response: {} or better, confirmed.",
            figure.caption,
            floor.code()
        );
        figure
    }

    fn course(&self, patient: &PatientAnalysis, floor: Category) -> figure::SwimmerPatient {
        let (end, ending) = self.end(patient);
        let since = |date: Date| days_between(patient.exposure.first()?, date);
        let next_therapy = next_therapy(patient).filter(|start| *start <= end);
        let mut segments: Vec<figure::ResponseSegment> = Vec::new();
        let last = next_therapy.unwrap_or(end);
        let statuses = &patient.response.confirmed.statuses;
        for status in statuses.iter().filter(|status| status.counts && status.date <= last) {
            let Some(day) = since(status.date).filter(|day| *day >= 0) else { continue };
            if let Some(before) = segments.last_mut() {
                before.to = day;
            }
            let response = status.status.code();
            if status.status != Category::NotEvaluable
                && segments.last().is_none_or(|before| before.response != response)
            {
                segments.push(figure::ResponseSegment { from: day, to: day, response: response.to_owned() });
            }
        }
        let progression = patient.response.confirmed.progression();
        let first_response = statuses
            .iter()
            .find(|status| status.counts && status.status.is_at_least(floor))
            .map(|status| status.date);
        figure::SwimmerPatient {
            subject: short(patient),
            level: self.level(patient),
            fractions: fractions(patient),
            segments,
            first_response: first_response.and_then(since),
            progression: progression.filter(|date| *date <= end).and_then(since),
            next_therapy: next_therapy.and_then(since),
            end: since(end).unwrap_or(0),
            ending,
        }
    }

    /// The category at which the protocol's first rate begins to count: what it calls a response.
    fn first_rate_floor(&self) -> Category {
        self.analysis.protocol.rate.first().map_or(Category::Partial, |rate| rate.at_least)
    }

    /// F5: best change of the driving marker, with the confirmed best response.
    fn waterfall(&self) -> Figure {
        let patients = self.treated.iter().map(|patient| figure::WaterfallPatient {
            subject: short(patient),
            level: self.level(patient),
            marker: driving(patient).map_or("", short_marker).to_owned(),
            change: patient.response.best_percent(),
            missing: no_change(patient).to_owned(),
            best_response: patient
                .response
                .best
                .confirmed
                .unwrap_or(Category::NotEvaluable)
                .code()
                .to_owned(),
            confirmed: true,
        });
        let names = Marker::ALL.map(|marker| (short_marker(marker).to_owned(), marker.name().to_owned()));
        let mut figure =
            figure::Waterfall::new(self.levels.clone(), names.to_vec(), patients.collect()).draw(&self.frame);
        let awaiting: Vec<String> = self
            .treated
            .iter()
            .filter_map(|patient| {
                let awaiting = patient.response.best.awaiting?;
                Some(format!("{} ({})", short(patient), awaiting.would_become.code()))
            })
            .collect();
        figure.caption.push_str(
            " The change is that of the lowest value after baseline, before progression and new therapy. Best response is \
             the confirmed one.",
        );
        if !awaiting.is_empty() {
            figure.caption = format!("{} Awaiting confirmation: {}.", figure.caption, awaiting.join(", "));
        }
        figure
    }

    /// F6: the driving marker over time, to progression or new therapy.
    fn spider(&self) -> Figure {
        let markers: BTreeSet<&str> =
            self.treated.iter().filter_map(|patient| Some(driving(patient)?.name())).collect();
        let marker = match (markers.first(), markers.len()) {
            (Some(only), 1) => (*only).to_owned(),
            _ => "the driving marker".to_owned(),
        };
        let lines = self.treated.iter().map(|patient| spider_patient(patient, self.level(patient)));
        let mut figure = figure::Spider::new(self.levels.clone(), marker, lines.collect()).draw(&self.frame);
        figure.caption.push_str(" A line ends at confirmed progression or at the start of new therapy.");
        figure
    }

    /// The protocol's first rate, level by level, on confirmed response; none before someone is counted.
    fn response_rate(&self) -> Option<Figure> {
        let definition = self.analysis.protocol.rate.first()?;
        let rate = |level: Option<&str>| {
            let at = self
                .treated
                .iter()
                .copied()
                .filter(|patient| level.is_none_or(|level| patient.regimen.as_deref() == Some(level)));
            self.analysis.rate(definition, at, true)
        };
        let pooled = rate(None);
        let method = pooled.interval()?.method;
        let regimens = self.analysis.protocol.regimen.iter().enumerate();
        let mut rows: Vec<_> = regimens
            .filter(|(_, regimen)| {
                self.treated.iter().any(|patient| patient.regimen.as_deref() == Some(regimen.id.as_str()))
            })
            .map(|(index, regimen)| {
                let label = levels::level_label(index + 1, &regimen.title());
                rate_row(label, &rate(Some(&regimen.id)), false)
            })
            .collect();
        rows.push(rate_row("All (descriptive)".to_owned(), &pooled, true));
        let figure = figure::RateByLevel {
            short: definition.id.clone(),
            definition: definition.name.clone(),
            population: definition.population.id().to_owned(),
            interval_method: method.to_owned(),
            rows,
        };
        Some(figure.draw(&self.frame))
    }

    /// F7: progression-free survival, once someone had the event.
    fn progression_free(&self) -> Option<Figure> {
        let times: Vec<TimeToEvent> = self
            .treated
            .iter()
            .filter_map(|patient| Some(patient.progression_free.as_ref()?.time()))
            .collect();
        let estimate = KaplanMeier::estimate(&times, IntervalScale::LogLog, Confidence::NINETY_FIVE).ok()?;
        if estimate.events() == 0 {
            return None;
        }
        let months = |days: f64| days / MONTH_DAYS;
        let steps = estimate.steps().iter();
        let median = estimate.median();
        let curve = figure::KaplanMeierCurve {
            label: "All treated".to_owned(),
            steps: steps
                .clone()
                .filter(|step| step.events > 0)
                .map(|step| figure::KaplanMeierStep {
                    months: months(step.days),
                    survival: step.survival,
                    interval: step.interval,
                })
                .collect(),
            censored: steps.flat_map(|step| (0..step.censored).map(move |_| months(step.days))).collect(),
            follow_up: times.iter().map(|time| months(time.days)).collect(),
            median: median.days.map(months),
            median_interval: (median.lower.map(months), median.upper.map(months)),
        };
        let absent = self.treated.iter().filter(|patient| patient.progression_free.is_none());
        let absent = absent.map(|patient| not_drawn(patient, "no time could be derived")).collect();
        let endpoint = "Progression-free survival";
        let mut figure =
            figure::KaplanMeier::new(endpoint, "Greenwood, log-log", vec![curve], absent).draw(&self.frame);
        let set = self.analysis.protocol.times.censoring;
        figure.caption.push_str(&format!(
            " From the first fraction to confirmed progression or death; {} ({}). A month is 30.4375 days.",
            set.words(),
            set.word(),
        ));
        Some(figure)
    }
}

fn short(patient: &PatientAnalysis) -> String {
    patient.short_id().to_owned()
}

fn not_drawn(patient: &PatientAnalysis, reason: &str) -> NotDrawn {
    NotDrawn { subject: short(patient), reason: reason.to_owned() }
}

/// Days since the first fraction of a study day: study days have no day 0, the first fraction is day 1.
fn since_first(study_day: i32) -> i32 {
    if study_day > 0 { study_day - 1 } else { study_day }
}

fn fractions(patient: &PatientAnalysis) -> Vec<i32> {
    let Some(first) = patient.exposure.first() else { return Vec::new() };
    let given = patient.exposure.fractions.iter().filter_map(|fraction| fraction.given);
    given.filter_map(|given| days_between(first, given)).collect()
}

/// The DLT status as figures show it; none for a patient who was given nothing.
pub(crate) fn status(patient: &PatientAnalysis) -> Option<figure::DltStatus> {
    let dlt = &patient.dlt;
    Some(match dlt.status {
        DltStatus::NotTreated => return None,
        DltStatus::NotDefined => figure::DltStatus::Treated,
        DltStatus::Dlt => figure::DltStatus::Dlt,
        DltStatus::NoDlt => figure::DltStatus::NoDlt,
        DltStatus::Pending if !dlt.possible.is_empty() => figure::DltStatus::PossibleDlt,
        DltStatus::Pending => figure::DltStatus::Pending { follow_up: dlt.follow_up_share() },
        DltStatus::NotEvaluable => {
            let reason = dlt.not_evaluable.as_ref().map(|(reason, ..)| reason.clone());
            figure::DltStatus::NotEvaluable { reason: reason.unwrap_or_default() }
        }
    })
}

fn recommended(made: &Recommendation) -> figure::LevelDecision {
    let taken = match made.recommended {
        Recommended::Escalate => Move::Escalate,
        Recommended::EscalateIntermediate => Move::EscalateIntermediate,
        Recommended::Stay => Move::Stay,
        Recommended::ChangeSchedule => Move::ChangeSchedule,
        Recommended::DeEscalate => Move::DeEscalate,
        Recommended::Declare => Move::Declare,
        Recommended::Hold | Recommended::Suspend => Move::Hold,
        Recommended::Terminate => Move::Stop,
    };
    let advised = escalation::advised_word(made);
    let advised = Move::ALL.into_iter().find(|known| known.word().eq_ignore_ascii_case(advised));
    figure::LevelDecision { date: made.date, taken, advised }
}

/// The earliest day a new anti-cancer therapy can have begun.
fn next_therapy(patient: &PatientAnalysis) -> Option<Date> {
    patient.facts.new_therapies.iter().map(|therapy| therapy.start.earliest_date()).min()
}

fn driving(patient: &PatientAnalysis) -> Option<Marker> {
    patient.response.measurable.as_ref()?.driving
}

/// As under a bar of the waterfall.
fn short_marker(marker: Marker) -> &'static str {
    match marker {
        Marker::SerumM => "sM",
        Marker::UrineM => "uM",
        Marker::FreeLightChains => "dFLC",
        Marker::PlasmaCells => "BMPC",
        Marker::Plasmacytoma => "PCT",
        Marker::CirculatingCells => "CPC",
    }
}

/// Why a patient has no best change.
fn no_change(patient: &PatientAnalysis) -> &'static str {
    let response = &patient.response;
    match (response.basis, driving(patient)) {
        (Basis::Nothing, _) => "no assessment after baseline",
        (Basis::Categories, _) => "assessed by category, without values",
        (Basis::Markers, None) => "nothing measurable at baseline",
        (Basis::Markers, Some(_)) if response.series.is_empty() => "no value after baseline",
        (Basis::Markers, Some(_)) => "no value before progression or new therapy",
    }
}

/// Each visit with the marker's change, or none where the marker was not measured at it.
fn spider_patient(patient: &PatientAnalysis, level: String) -> figure::SpiderPatient {
    let response = &patient.response;
    let progression = response.confirmed.progression();
    let therapy = next_therapy(patient);
    let last = [progression, therapy].into_iter().flatten().min();
    let visits = response
        .visits
        .iter()
        .filter(|visit| visit.markers.is_some() && last.is_none_or(|last| visit.date <= last))
        .filter_map(|visit| {
            let change = response.series.iter().find(|change| change.date == visit.date);
            Some((days_between(response.first?, visit.date)?, change.and_then(exact_percent)))
        })
        .collect();
    let end = match (progression, therapy) {
        (Some(progression), therapy) if therapy.is_none_or(|start| progression <= start) => {
            figure::SpiderEnd::Progression
        }
        (_, Some(_)) => figure::SpiderEnd::NextTherapy,
        _ => figure::SpiderEnd::None,
    };
    figure::SpiderPatient { subject: short(patient), level, visits, end }
}

fn rate_row(label: String, rate: &Rate, pooled: bool) -> figure::RateAtLevel {
    figure::RateAtLevel {
        label,
        count: rate.successes(),
        total: rate.denominator(),
        interval: rate.interval().map(|interval| (interval.lower, interval.upper)),
        pooled,
    }
}
