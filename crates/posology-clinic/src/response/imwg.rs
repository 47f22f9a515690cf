//! IMWG response in multiple myeloma: from dated marker values to one category for each assessment.
//!
//! Start at [`assess_all`]: criteria, baseline and visits in any order in; for each visit a [`Response`] with its
//! reasons out. [`categories`] gives the same categories without a word, for many patients at once; both walk
//! the visits once in date order, by the same judge. Thresholds belong to an edition ([`Criteria::IMWG_2016`]); an
//! older edition is another value of that type, not other code, and what the editions leave open is a field of
//! it. Comparisons are exact: both sides are multiplied out in decimals, and percentages are computed for
//! display only, cut off and not rounded.
//!
//! Reports beside the category: [`residual_disease`] (MRD), [`clinical_relapses`], and relapse from a complete or
//! MRD-negative state ([`relapse_from_complete`], [`relapse_from_negative`]). Left out: confirmation and best
//! response ([`super::confirm`], [`super::best`]).

use jiff::civil::Date;
use rust_decimal::Decimal;
use serde::Serialize;

use super::{Assessment, Category, ProgressionKind};
use crate::Because;

mod change;
mod criteria;
mod ground;
mod judge;
mod levels;
mod markers;
mod measurable;
mod nadir;
mod relapse;
mod residual;

pub use change::{Change, best_change, percent_change, series};
pub use criteria::{
    CalciumLimit, CirculatingCells, Criteria, Edition, LargeSpike, Limit, MarrowProgression, MarrowSample,
    MissingImaging, MissingMeasurable, MissingUnmeasurable, Nadir, NadirBaseline, NormalRatio,
    PlasmacytomaMinimal, PlasmacytomaVeryGoodPartial, Sensitivity, Settings, UnknownEdition, UrineAt200,
    UrineOnlySerum,
};
pub use levels::{progression_level, response_levels};
pub use markers::{
    BadValue, Baseline, Chain, Clonality, Imaging, Immunofixation, Marker, Markers, Mass, Reading,
    SerumMethod,
};
pub use measurable::{Measurable, measurable};
pub use relapse::{Relapse, clinical_relapses, relapse_from_complete, relapse_from_negative};
pub use residual::{Residual, ResidualDisease, ResidualMethod, ResidualStatus, Uptake, residual_disease};

use judge::{Judge, verdicts};
use measurable::Basis;

const fn whole(number: u32) -> Decimal {
    Decimal::from_parts(number, 0, 0, false, 0)
}

/// One criterion of progression that was met.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Progression {
    /// The marker that rose, where it was a marker.
    pub marker: Option<Marker>,
    /// By what progression was seen, hence whether a second sample is needed.
    pub kind: ProgressionKind,
    /// The rule with its numbers.
    pub because: Because,
}

/// The category of one assessment, unconfirmed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Response {
    /// Day of the assessment.
    pub date: Date,
    /// The category; progressive disease wherever any criterion of progression is met.
    pub category: Category,
    /// Every criterion of progression that is met.
    pub progression: Vec<Progression>,
    /// Why this category, in the order a physician would ask.
    pub reasons: Vec<Because>,
    /// Each marker measured now and at baseline, beside baseline and nadir.
    pub changes: Vec<Change>,
}

impl Response {
    /// The kind of progression with the most weight, which decides whether a second sample is needed.
    pub fn kind(&self) -> Option<ProgressionKind> {
        self.progression.iter().map(|met| met.kind).max()
    }

    /// As an assessment to be confirmed.
    pub fn into_assessment(self) -> Assessment {
        Assessment { date: self.date, category: self.category, kind: self.kind(), reasons: self.reasons }
    }
}

/// The category of the assessment `now`, given the baseline and the assessments before it.
///
/// Progression is tested first, against the nadir, and no missing value blocks it. Then the category is the
/// lowest over the markers measurable at baseline; complete response further asks for negative immunofixation of
/// both fluids, fewer than 5% plasma cells and no plasmacytoma. A missing item lowers the category or makes it not
/// evaluable; it is never read as zero. Of `history`, only what lies after baseline and before `now` is used, and of what is
/// later a marrow sample, where the criteria take the samples around an assessment.
///
/// # Errors
/// A value that cannot have been measured (negative, above 100% or 1e9, of more than 12 decimal places), named
/// with its marker and day.
///
/// ```
/// use jiff::civil::date;
/// use posology_clinic::response::{Category, imwg::{Baseline, Criteria, Markers, Reading, assess}};
/// let at = |month, serum: &str| Markers {
///     serum_m: Reading::Quantified(serum.parse().unwrap()),
///     urine_m: Reading::NotDetected,
///     ..Markers::new(date(2024, month, 1))
/// };
/// let response = assess(&Criteria::IMWG_2016, &Baseline::new(at(1, "4.00")), &[], &at(2, "2.00"))?;
/// assert_eq!(response.category, Category::Partial);
/// assert!(response.reasons[0].says.contains("down 50.0% from 4.00 g/dL"));
/// # Ok::<(), posology_clinic::response::imwg::BadValue>(())
/// ```
pub fn assess(
    criteria: &Criteria,
    baseline: &Baseline,
    history: &[Markers],
    now: &Markers,
) -> Result<Response, BadValue> {
    let mut visits: Vec<&Markers> =
        history.iter().filter(|other| other.date != now.date && other.date > baseline.markers.date).collect();
    visits.push(now);
    let mut found = None;
    follow(criteria, baseline, visits, |response| {
        if response.date == now.date {
            found = Some(response);
        }
    })?;
    found.ok_or_else(|| {
        BadValue::new(
            now.date.to_string(),
            "no assessment",
            "one",
            "report this: it is a fault of the program",
        )
    })
}

/// The response at every visit after baseline, in date order, each judged by the visits before it.
///
/// # Errors
/// A value that cannot have been measured, and two visits of one day: what is of one assessment is merged before
/// ([`Markers::merge`]).
pub fn assess_all(
    criteria: &Criteria,
    baseline: &Baseline,
    visits: &[Markers],
) -> Result<Vec<Response>, BadValue> {
    let after = visits.iter().filter(|visit| visit.date > baseline.markers.date).collect();
    let mut responses = Vec::with_capacity(visits.len());
    follow(criteria, baseline, after, |response| responses.push(response))?;
    Ok(responses)
}

/// The categories of [`assess_all`] as assessments to be confirmed, without reasons: the same judge, and no words.
///
/// # Errors
/// As [`assess_all`].
///
/// ```
/// use jiff::civil::date;
/// use posology_clinic::response::imwg::{Baseline, Criteria, Markers, Reading, categories};
/// let at = |month, serum: &str| Markers {
///     serum_m: Reading::Quantified(serum.parse().unwrap()),
///     urine_m: Reading::NotDetected,
///     ..Markers::new(date(2024, month, 1))
/// };
/// let found = categories(&Criteria::IMWG_2016, &Baseline::new(at(1, "4.0")), &[at(3, "0.4"), at(2, "2.0")])?;
/// assert_eq!(found.iter().map(|one| one.category.code()).collect::<Vec<_>>(), ["PR", "VGPR"]);
/// # Ok::<(), posology_clinic::response::imwg::BadValue>(())
/// ```
pub fn categories(
    criteria: &Criteria,
    baseline: &Baseline,
    visits: &[Markers],
) -> Result<Vec<Assessment>, BadValue> {
    baseline.markers.check()?;
    let mut after: Vec<&Markers> = visits.iter().filter(|visit| visit.date > baseline.markers.date).collect();
    in_order_one_a_day(&mut after)?;
    let found = verdicts(criteria, baseline, Basis::of(criteria, baseline), &after)?;
    Ok(after
        .iter()
        .zip(found)
        .map(|(visit, verdict)| Assessment::new(visit.date, verdict.category, verdict.kind))
        .collect())
}

fn in_order_one_a_day(visits: &mut [&Markers]) -> Result<(), BadValue> {
    visits.sort_by_key(|visit| visit.date);
    match visits.windows(2).find(|pair| pair[0].date == pair[1].date) {
        None => Ok(()),
        Some(pair) => Err(BadValue::new(
            pair[0].date.to_string(),
            "two assessments",
            "one a day",
            "make one assessment of the results of that day",
        )),
    }
}

/// Walks the visits in date order and tells the response at each.
fn follow(
    criteria: &Criteria,
    baseline: &Baseline,
    mut visits: Vec<&Markers>,
    mut tell: impl FnMut(Response),
) -> Result<(), BadValue> {
    baseline.markers.check()?;
    in_order_one_a_day(&mut visits)?;
    let basis = Basis::of(criteria, baseline);
    let found = verdicts(criteria, baseline, basis, &visits)?;
    let mut judge = Judge::new(criteria, &baseline.markers, basis, &visits, Some(&found));
    for now in &visits {
        let mut grounds = Vec::new();
        let verdict = judge.judge(now, &mut grounds);
        tell(Response {
            date: now.date,
            category: verdict.category,
            progression: grounds.iter().filter_map(|ground| ground.met(criteria)).collect(),
            reasons: grounds.iter().map(|ground| ground.because(criteria)).collect(),
            changes: Marker::ALL.into_iter().filter_map(|marker| change_of(&judge, now, marker)).collect(),
        });
        judge.remember(now, verdict);
    }
    Ok(())
}

fn change_of(judge: &Judge<'_>, now: &Markers, marker: Marker) -> Option<Change> {
    Some(Change {
        marker,
        date: now.date,
        baseline: judge.base(marker)?,
        value: judge.value(marker)?,
        nadir: judge.nadir(marker),
    })
}
