//! Response of one patient, and the rates over patients.

use std::collections::BTreeMap;

use jiff::civil::Date;
use posology_clinic::Because;
use posology_clinic::laboratory::Analyte;
use posology_clinic::response::best::Best;
use posology_clinic::response::confirm::{Confirmed, Course};
use posology_clinic::response::imwg::{
    self, Baseline, Change, Immunofixation, Marker, Markers, Measurable, Reading,
};
use posology_clinic::response::{Assessment, Category, CriteriaSet, ProgressionKind};
use rust_decimal::Decimal;

use super::endpoint::{DeathOn, Followed};
use super::patient::PatientAnalysis;
use super::rates::{Confidence, CountedPopulation, Rate};
use crate::cut::Cut;
use crate::event::{Laboratory, ProgressionFoundBy};
use crate::protocol::{Protocol, RateDefinition};
use crate::state::Patient;

/// What the response rests on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Basis {
    /// Measured marker values.
    Markers,
    /// Categories as assessed by the investigator: no marker values were recorded.
    Categories,
    /// Nothing recorded.
    Nothing,
}

/// Response of one patient.
#[derive(Debug, Clone)]
pub struct ResponseAnalysis {
    /// The criteria: the trial's, or the stratum's.
    pub criteria: CriteriaSet,
    /// What it rests on.
    pub basis: Basis,
    /// Day of the first fraction, from which stable disease is counted.
    pub first: Option<Date>,
    /// Markers measurable at baseline, with reasons; for marker values only.
    pub measurable: Option<Measurable>,
    /// Baseline values; for marker values only.
    pub baseline: Option<Markers>,
    /// Each assessment after baseline, in order of date.
    pub visits: Vec<AssessedVisit>,
    /// The confirmed statuses.
    pub confirmed: Confirmed,
    /// Best response, confirmed and unconfirmed.
    pub best: Best,
    /// Best change of the driving marker before progression and new therapy.
    pub best_change: Option<Change>,
    /// The driving marker at each visit.
    pub series: Vec<Change>,
    /// Whether the patient is evaluable for response.
    pub evaluable: bool,
    /// Whether the disease was measured at baseline: a driving marker, or categories as assessed.
    pub has_baseline: bool,
    /// Day of confirmed progression where samples after the start of new therapy show and confirm it too.
    pub progression_regardless: Option<Date>,
    /// What was doubtful in the data and how it was read.
    pub findings: Vec<Because>,
}

/// One assessment.
#[derive(Debug, Clone)]
pub struct AssessedVisit {
    /// Day.
    pub date: Date,
    /// The values; for marker values only.
    pub markers: Option<Markers>,
    /// The category computed from them, with its reasons.
    pub computed: Option<imwg::Response>,
    /// The investigator's own category of that day.
    pub investigator: Option<String>,
}

impl ResponseAnalysis {
    /// Derives it: from marker values where any were recorded, else from the investigator's categories.
    pub(crate) fn derive(
        protocol: &Protocol,
        stratum: Option<&str>,
        patient: &Patient,
        first: Option<Date>,
        cut: &Cut,
    ) -> Self {
        let of_stratum = protocol.response_of(stratum);
        let settings = &of_stratum.criteria;
        let myeloma = of_stratum.imwg();
        let course = Course {
            first_treatment: first,
            new_therapy: new_therapy(patient),
            death: patient.death.as_ref().map(|death| death.at.latest_date()),
            cut: Some(cut.date()),
            last_treatment: None,
        };
        let mut findings = Vec::new();
        let investigator = investigator_categories(patient, settings.set(), &mut findings);
        let visits =
            if myeloma.is_some() { marker_visits(patient, first, &mut findings) } else { Vec::new() };
        let last = course.new_therapy.map(|start| start.yesterday().unwrap_or(start));

        let mut response = Self {
            criteria: settings.set(),
            basis: Basis::Nothing,
            first,
            measurable: None,
            baseline: None,
            visits: Vec::new(),
            confirmed: Confirmed { statuses: Vec::new(), findings: Vec::new() },
            best: settings.best(&course, &Confirmed { statuses: Vec::new(), findings: Vec::new() }),
            best_change: None,
            series: Vec::new(),
            evaluable: false,
            has_baseline: false,
            progression_regardless: None,
            findings: Vec::new(),
        };
        let assessments = if let (false, Some(first), Some(myeloma)) = (visits.is_empty(), first, myeloma) {
            response.basis = Basis::Markers;
            let criteria = myeloma.criteria();
            let baseline = Baseline::new(baseline(&visits, first));
            let after: Vec<Markers> = visits.into_iter().filter(|visit| visit.date > first).collect();
            match imwg::measurable(&criteria, &baseline) {
                Ok(measurable) => response.measurable = Some(measurable),
                Err(bad) => findings.push(Because::new("response/bad-value", bad.to_string())),
            }
            let computed = imwg::assess_all(&criteria, &baseline, &after).unwrap_or_else(|bad| {
                findings.push(Because::new("response/bad-value", bad.to_string()));
                Vec::new()
            });
            response.series = imwg::series(&criteria, &baseline, &after, None).unwrap_or_default();
            for markers in &after {
                response.visits.push(AssessedVisit {
                    date: markers.date,
                    computed: computed.iter().find(|response| response.date == markers.date).cloned(),
                    investigator: investigator
                        .iter()
                        .rfind(|(assessed, _)| assessed.date == markers.date)
                        .map(|(_, text)| text.clone()),
                    markers: Some(markers.clone()),
                });
            }
            response.baseline = Some(baseline.markers);
            computed.into_iter().map(imwg::Response::into_assessment).collect::<Vec<_>>()
        } else if !investigator.is_empty() {
            response.basis = Basis::Categories;
            for (assessment, text) in &investigator {
                response.visits.push(AssessedVisit {
                    date: assessment.date,
                    markers: None,
                    computed: None,
                    investigator: Some(text.clone()),
                });
            }
            investigator.into_iter().map(|(assessment, _)| assessment).collect()
        } else {
            Vec::new()
        };
        response.visits.sort_by_key(|visit| visit.date);
        response.confirmed = settings.confirm(&course, &assessments);
        response.best = settings.best(&course, &response.confirmed);
        let regardless = Course { new_therapy: None, ..course };
        response.progression_regardless = settings.confirm(&regardless, &assessments).progression();
        let progression = response.confirmed.progression();
        response.best_change = response
            .series
            .iter()
            .filter(|change| {
                last.is_none_or(|last| change.date <= last) && progression.is_none_or(|pd| change.date < pd)
            })
            .reduce(|best, next| if next.value < best.value { next } else { best })
            .cloned();
        response.has_baseline = match response.basis {
            Basis::Markers => {
                response.measurable.as_ref().is_some_and(|measurable| measurable.driving.is_some())
            }
            Basis::Categories => true,
            Basis::Nothing => false,
        };
        let died = course.death.is_some_and(|death| death <= cut.date());
        let early_end = died || progression.is_some();
        response.evaluable = first.is_some()
            && response.has_baseline
            && (response.visits.iter().any(|v| first.is_none_or(|first| v.date >= first)) || early_end);
        findings.extend(response.confirmed.findings.iter().cloned());
        response.findings = findings;
        response
    }

    /// Days of adequate assessments: each marker measurable at baseline was measured; of categories, each that was
    /// evaluable. A plasmacytoma or cells in the blood beside another marker are not asked for at each visit.
    pub fn adequate(&self) -> impl Iterator<Item = Date> {
        let by_category = self
            .confirmed
            .statuses
            .iter()
            .filter(|status| self.basis == Basis::Categories && status.assessed != Category::NotEvaluable)
            .map(|status| status.date);
        let by_marker = self.measurable.iter().flat_map(|measurable| {
            let needed = measurable.markers.iter().copied().filter(|marker| {
                measurable.driving == Some(*marker)
                    || !matches!(marker, Marker::Plasmacytoma | Marker::CirculatingCells)
            });
            let needed: Vec<Marker> = needed.collect();
            self.visits
                .iter()
                .filter_map(|visit| visit.markers.as_ref())
                .filter(move |markers| needed.iter().all(|marker| is_measured(markers, *marker)))
                .map(|markers| markers.date)
        });
        by_category.chain(by_marker)
    }

    /// Best change from baseline of the driving marker, percent, exact and unrounded.
    #[must_use]
    pub fn best_percent(&self) -> Option<Decimal> {
        exact_percent(self.best_change.as_ref()?)
    }
}

/// Whether a marker was measured at a visit: quantified, or stated absent or too little to quantify.
fn is_measured(markers: &Markers, marker: Marker) -> bool {
    match marker {
        Marker::SerumM => markers.serum_m != Reading::NotDone,
        Marker::UrineM => markers.urine_m != Reading::NotDone,
        Marker::FreeLightChains => markers.kappa.is_some() && markers.lambda.is_some(),
        Marker::PlasmaCells => markers.plasma_cells.is_some(),
        Marker::Plasmacytoma => markers.plasmacytoma.is_some() || !markers.masses.is_empty(),
        Marker::CirculatingCells => markers.circulating_cells.is_some(),
    }
}

/// Change from baseline in percent, unrounded; `None` where the baseline is zero.
#[must_use]
pub fn exact_percent(change: &Change) -> Option<Decimal> {
    let difference = change.value.checked_sub(change.baseline)?;
    difference.checked_mul(Decimal::ONE_HUNDRED)?.checked_div(change.baseline)
}

/// Start of the first new anti-cancer therapy; the earliest day it can have been.
fn new_therapy(patient: &Patient) -> Option<Date> {
    patient.new_therapies.iter().map(|therapy| therapy.start.earliest_date()).min()
}

/// The words by which records name a family of criteria.
fn words_of(set: CriteriaSet) -> &'static [&'static str] {
    match set {
        CriteriaSet::Imwg2006 | CriteriaSet::Imwg2011 | CriteriaSet::Imwg2016 => &["IMWG", "MYELOMA"],
        CriteriaSet::Iwcll2018 => &["IWCLL", "CLL"],
        CriteriaSet::Iwwm6 | CriteriaSet::Iwwm11 => &["IWWM", "WALDENSTR", "MACROGLOBULIN"],
        CriteriaSet::Inrc2017 => &["INRC", "NEUROBLASTOMA"],
        CriteriaSet::Lugano2014 | CriteriaSet::Lyric => &["LUGANO", "LYRIC", "LYMPHOMA"],
        CriteriaSet::RanoHgg | CriteriaSet::Rano2 | CriteriaSet::RapnoHgg => &["RANO", "RAPNO"],
        CriteriaSet::Recist11 | CriteriaSet::Irecist => &["RECIST"],
    }
}

/// The investigator's overall responses under the trial's criteria, with the category as written. A partial
/// date becomes the last day it can have been, and is reported.
fn investigator_categories(
    patient: &Patient,
    set: CriteriaSet,
    findings: &mut Vec<Because>,
) -> Vec<(Assessment, String)> {
    let is_of_trial = |criteria: Option<&str>| {
        criteria.is_some_and(|text| {
            let text = text.to_ascii_uppercase();
            words_of(set).iter().any(|word| text.contains(word))
        })
    };
    let mut assessments: Vec<(Assessment, String)> = Vec::new();
    for fact in &patient.responses {
        let is_investigator =
            fact.evaluator.as_deref().is_none_or(|who| who.eq_ignore_ascii_case("INVESTIGATOR"));
        if fact.test != "OVRLRESP" || !is_of_trial(fact.criteria.as_deref()) || !is_investigator {
            continue;
        }
        let (Some(text), Some(at)) = (&fact.response, &fact.at) else { continue };
        let Ok(category) = set.category(text) else {
            findings.push(Because::new(
                "response/unknown-category",
                format!("{at}: the response {text:?} is no category of {set}; it was left out"),
            ));
            continue;
        };
        if at.is_partial() {
            findings.push(
                Because::new(
                    "response/partial-date",
                    format!("the response dated {at} is taken as of {}", at.latest_date()),
                )
                .input("recorded", at),
            );
        }
        let kind = match (category, fact.death_by_progression, fact.progression_found_by) {
            (Category::Progressive, true, _) => Some(ProgressionKind::Death),
            (Category::Progressive, false, Some(ProgressionFoundBy::Imaging)) => {
                Some(ProgressionKind::Imaging)
            }
            (Category::Progressive, false, Some(ProgressionFoundBy::Biochemical)) => {
                Some(ProgressionKind::Biochemical)
            }
            _ => None,
        };
        assessments.push((Assessment::new(at.latest_date(), category, kind), text.clone()));
    }
    assessments.sort();
    assessments
}

/// Days within which the results of one named visit make one assessment.
const VISIT_DAYS: i32 = 7;

/// The marker values by visit: results of one named visit within a week, else of one day, make one assessment,
/// dated at its last sample. None reaches across the first fraction.
fn marker_visits(patient: &Patient, first: Option<Date>, findings: &mut Vec<Because>) -> Vec<Markers> {
    let mut results: Vec<(Date, &Laboratory)> = patient
        .laboratory
        .iter()
        .filter(|result| is_marker(result))
        .filter_map(|result| Some((result.at.as_ref()?.date()?, result)))
        .collect();
    results.sort_by_key(|(date, _)| *date);
    struct Group<'a> {
        name: Option<&'a str>,
        results: Vec<(Date, &'a Laboratory)>,
    }
    let mut groups: Vec<Group<'_>> = Vec::new();
    for (date, result) in results {
        let named = result
            .visit
            .as_deref()
            .filter(|visit| !visit.trim().is_empty() && !visit.to_ascii_uppercase().contains("UNSCHED"));
        let same = groups.iter_mut().rev().find(|group| {
            group.results.first().is_some_and(|(began, _)| {
                let days = super::exposure::days_between(*began, date).unwrap_or(i32::MAX);
                let crosses = first.is_some_and(|first| *began <= first && date > first);
                !crosses && (*began == date || (named.is_some() && group.name == named && days <= VISIT_DAYS))
            })
        });
        match same {
            Some(group) => group.results.push((date, result)),
            None => groups.push(Group { name: named, results: vec![(date, result)] }),
        }
    }
    let mut visits: BTreeMap<Date, Markers> = BTreeMap::new();
    for Group { results, .. } in groups {
        let Some(date) = results.iter().map(|(date, _)| *date).max() else { continue };
        let markers = visits.entry(date).or_insert_with(|| Markers::new(date));
        for (_, result) in results {
            if let Err(problem) = read_marker(markers, result) {
                let says = format!("{date}: {} was left out: {problem}", result.test);
                findings.push(Because::new("response/unreadable", says));
            }
        }
    }
    visits.into_values().collect()
}

fn is_marker(result: &Laboratory) -> bool {
    immunofixation_of(result).is_some()
        || matches!(
            result.analyte,
            Some(
                Analyte::SerumMProtein
                    | Analyte::UrineMProtein
                    | Analyte::FreeKappa
                    | Analyte::FreeLambda
                    | Analyte::FreeLightChainRatio
                    | Analyte::MarrowPlasmaCells
            )
        )
}

/// Whether a result is an immunofixation, and of which fluid (true: urine).
fn immunofixation_of(result: &Laboratory) -> Option<bool> {
    let is_fixation = [result.method.as_deref(), Some(result.test.as_str())]
        .into_iter()
        .flatten()
        .any(|text| text.to_ascii_uppercase().contains("IMMUNOFIX") || text.eq_ignore_ascii_case("IFE"));
    is_fixation.then(|| {
        result.specimen.as_deref().is_some_and(|specimen| specimen.to_ascii_uppercase().contains("URINE"))
    })
}

fn read_marker(markers: &mut Markers, result: &Laboratory) -> Result<(), String> {
    let Some(text) = result.result.as_deref().map(str::trim).filter(|text| !text.is_empty()) else {
        return Ok(());
    };
    let upper = text.to_ascii_uppercase();
    if let Some(is_urine) = immunofixation_of(result) {
        let read = if upper.starts_with("NEG") || upper.starts_with("NOT DETECTED") {
            Immunofixation::Negative
        } else if upper.starts_with("POS") || upper.starts_with("DETECTED") {
            Immunofixation::Positive
        } else {
            return Err(format!("expected POSITIVE or NEGATIVE, found {text:?}"));
        };
        *(if is_urine { &mut markers.urine_immunofixation } else { &mut markers.serum_immunofixation }) =
            read;
        return Ok(());
    }
    let unit = result.unit.as_deref().unwrap_or("");
    let number = |marker: Marker| -> Result<Decimal, String> {
        // Below a limit of the method the limit itself counts: the fall is at least that deep.
        let digits = text.strip_prefix('<').unwrap_or(text).trim();
        let value: Decimal = digits.parse().map_err(|_| format!("expected a number, found {text:?}"))?;
        marker.canonical(value, unit).map_err(|bad| bad.to_string())
    };
    let reading = |marker: Marker| -> Result<Reading, String> {
        if upper.starts_with("NOT DETECTED") || upper.starts_with("NEG") || upper.starts_with("ABSENT") {
            Ok(Reading::NotDetected)
        } else if upper.starts_with("TRACE") {
            Ok(Reading::TracePresent)
        } else {
            number(marker).map(Reading::Quantified)
        }
    };
    match result.analyte {
        Some(Analyte::SerumMProtein) => markers.serum_m = reading(Marker::SerumM)?,
        Some(Analyte::UrineMProtein) => markers.urine_m = reading(Marker::UrineM)?,
        Some(Analyte::FreeKappa) => markers.kappa = Some(number(Marker::FreeLightChains)?),
        Some(Analyte::FreeLambda) => markers.lambda = Some(number(Marker::FreeLightChains)?),
        Some(Analyte::FreeLightChainRatio) => {
            markers.kappa_lambda_ratio =
                Some(text.parse().map_err(|_| format!("expected a ratio, found {text:?}"))?);
        }
        Some(Analyte::MarrowPlasmaCells) => markers.plasma_cells = Some(number(Marker::PlasmaCells)?),
        _ => {}
    }
    Ok(())
}

/// The last value of each marker up to the day of the first fraction.
fn baseline(visits: &[Markers], first: Date) -> Markers {
    let mut before: Vec<&Markers> = visits.iter().filter(|visit| visit.date <= first).collect();
    before.sort_by_key(|visit| visit.date);
    let mut baseline = Markers::new(before.last().map_or(first, |last| last.date));
    for visit in before {
        if visit.serum_m != Reading::NotDone {
            baseline.serum_m = visit.serum_m;
        }
        if visit.urine_m != Reading::NotDone {
            baseline.urine_m = visit.urine_m;
        }
        if visit.serum_immunofixation != Immunofixation::NotDone {
            baseline.serum_immunofixation = visit.serum_immunofixation;
        }
        if visit.urine_immunofixation != Immunofixation::NotDone {
            baseline.urine_immunofixation = visit.urine_immunofixation;
        }
        baseline.kappa = visit.kappa.or(baseline.kappa);
        baseline.lambda = visit.lambda.or(baseline.lambda);
        baseline.kappa_lambda_ratio = visit.kappa_lambda_ratio.or(baseline.kappa_lambda_ratio);
        if visit.plasma_cells.is_some() {
            baseline.plasma_cells = visit.plasma_cells;
            baseline.plasma_cells_date = Some(visit.date);
        }
    }
    baseline
}

/// The dates that times to an event rest on, of a patient given a fraction on `first`.
pub(crate) fn followed(
    patient: &Patient,
    first: Date,
    response: &ResponseAnalysis,
    discontinued: Option<(Date, String)>,
    cut: &Cut,
) -> Followed {
    let cut = cut.date();
    let death = patient.death.as_ref().map(|death| DeathOn {
        // A day known only to the month may lie after the cut; that it happened is known.
        date: death.at.latest_date().min(cut).max(first),
        by_progression: death.by_progression,
    });
    let responded = response.best.confirmed.is_some_and(Category::is_response);
    let first_response = response
        .confirmed
        .statuses
        .iter()
        .find(|status| status.counts && status.status.is_response())
        .map(|status| status.date);
    Followed {
        origin: first,
        cut,
        has_baseline: response.has_baseline,
        adequate: response.adequate().filter(|date| *date > first && *date <= cut).collect(),
        progression: response.confirmed.progression(),
        progression_regardless: response.progression_regardless,
        response: first_response.filter(|_| responded),
        best_response: response.best.date.filter(|_| responded),
        death,
        new_therapy: new_therapy(patient).filter(|date| *date <= cut),
        discontinued: discontinued.filter(|(date, _)| *date <= cut),
        last_known_alive: death.map_or_else(|| last_known_alive(patient, first, cut), |death| death.date),
    }
}

/// The last day on which something was recorded that only a living patient has, up to the cut.
fn last_known_alive(patient: &Patient, first: Date, cut: Date) -> Date {
    let lost = |standard: &str| {
        ["LOST TO FOLLOW-UP", "DEATH"].iter().any(|word| standard.eq_ignore_ascii_case(word))
    };
    (patient.administrations.iter().map(|fact| Some(&fact.start)))
        .chain(patient.laboratory.iter().map(|fact| fact.at.as_ref()))
        .chain(patient.vital_signs.iter().map(|fact| fact.at.as_ref()))
        .chain(patient.responses.iter().map(|fact| fact.at.as_ref()))
        .chain(patient.visits.iter().map(|fact| fact.start.as_ref()))
        .chain(patient.adverse_events.iter().map(|fact| fact.start.as_ref()))
        .chain(patient.new_therapies.iter().map(|fact| Some(&fact.start)))
        .chain(patient.support.iter().map(|fact| Some(&fact.at)))
        .chain(patient.dispositions.iter().filter(|fact| !lost(&fact.standard)).map(|fact| fact.at.as_ref()))
        .flatten()
        .map(crate::when::When::earliest_date)
        .filter(|date| *date <= cut)
        .fold(first, Date::max)
}

/// A rate of the protocol over some patients.
pub(crate) fn rate<'a>(
    protocol: &Protocol,
    definition: &RateDefinition,
    patients: impl Iterator<Item = &'a PatientAnalysis>,
    confirmed: bool,
) -> Rate {
    let population = CountedPopulation {
        id: definition.population.id().to_owned(),
        words: definition.population.words().to_owned(),
    };
    let mut words = population.words;
    if !definition.at_least_by.is_empty() && !protocol.stratum.is_empty() {
        words.push_str("; each by the criteria of the stratum");
    }
    let population = CountedPopulation { words, ..population };
    let outcomes = patients
        .filter(|patient| patient.is_in(definition.population))
        .map(|patient| patient.response.meets(definition, confirmed));
    Rate::count(outcomes, definition.id.clone(), population, Confidence::NINETY_FIVE)
}

impl ResponseAnalysis {
    /// Whether the best response meets a definition; stable disease only where it was seen late enough.
    #[must_use]
    pub fn meets(&self, definition: &RateDefinition, confirmed: bool) -> bool {
        let best = if confirmed { self.best.confirmed } else { self.best.unconfirmed };
        let floor = definition.floor(self.criteria);
        let Some(best) = best.filter(|best| best.is_at_least(floor)) else { return false };
        let (Category::Stable, Some(minimum), Some(first)) = (best, definition.minimum_days, self.first)
        else {
            return true;
        };
        self.confirmed.statuses.iter().any(|status| {
            status.counts
                && status.assessed.is_at_least(Category::Stable)
                && super::exposure::days_between(first, status.date)
                    .is_some_and(|days| i64::from(days) >= i64::from(minimum))
        })
    }
}
