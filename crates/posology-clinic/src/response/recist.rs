//! RECIST 1.1 and iRECIST in solid tumours: from lesions by date to one category for each assessment.
//!
//! Start at [`assess_all`]: settings, a [`Baseline`] and visits in any order in; for each visit a [`Response`] out,
//! with target, non-target and new lesions apart and the overall category of the published tables. Comparisons are
//! exact, in decimals: both sides are multiplied out, and percentages are cut off and only shown.
//! [`confirm`] and [`best`] are table 3 of the paper, [`milestones`] the dates a response or benefit was reached.
//!
//! Decrease is always measured against the baseline and increase against the nadir, the lowest complete sum so far
//! with the baseline among them. What was not assessed is never zero: a visit that lacks a target can show
//! progression by what was measured, and never a response.
//!
//! Source: Eisenhauer et al., Eur J Cancer 2009;45:228-47, doi:10.1016/j.ejca.2008.10.026; Seymour et al., Lancet
//! Oncol 2017;18:e143-52, doi:10.1016/S1470-2045(17)30074-8. Left out: rules of FDG-PET, and equivocal new lesions
//! that are dated back once they are certain: they are entered as new when they are.

use jiff::civil::Date;
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use super::lesion::Lesion;
use super::{Assessment, Category, CriteriaSet, ProgressionKind};
use crate::Because;

mod baseline;
mod confirm;
mod immune;
mod judge;
mod sum;

pub use baseline::{Baseline, MOST_TARGETS, MOST_TARGETS_AN_ORGAN};
pub use confirm::{Milestones, best, confirm, milestones};
pub use sum::{BadLesion, SumOfDiameters};

const SOURCE: &str = "Eisenhauer et al., Eur J Cancer 2009;45:228-47";
const IMMUNE_SOURCE: &str = "Seymour et al., Lancet Oncol 2017;18:e143-52";

/// Which of the two.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub enum Edition {
    /// RECIST 1.1 of 2009.
    #[serde(rename = "recist-1.1")]
    Recist11,
    /// iRECIST of 2017, for immunotherapy: a progression is unconfirmed until the next assessment.
    #[serde(rename = "irecist")]
    Immune,
}

impl Edition {
    /// The paper.
    pub const fn source(self) -> &'static str {
        match self {
            Self::Recist11 => SOURCE,
            Self::Immune => IMMUNE_SOURCE,
        }
    }

    /// As one of all criteria.
    pub const fn set(self) -> CriteriaSet {
        match self {
            Self::Recist11 => CriteriaSet::Recist11,
            Self::Immune => CriteriaSet::Irecist,
        }
    }
}

/// How a complete response that is followed by a partial one is read (table 3 of the paper, its footnote).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub enum CompleteThenPartial {
    /// The complete response was real, so disease is back: progression at the partial response.
    Progression,
    /// It was a partial response all along.
    Partial,
    /// Each as assessed; what admiralonco does.
    AsAssessed,
}

/// What a target that had gone and is back means once all targets had gone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub enum Reappearance {
    /// Progression at once, as of a new lesion.
    Progression,
    /// Progression only where the sum rises by 20% and 5 mm.
    BySum,
}

/// What a target in bone is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub enum BoneTarget {
    /// Reported: only a lytic lesion with soft tissue that can be measured may be a target.
    Report,
    /// Accepted without a word, since the reader has looked.
    Accept,
}

/// What a patient without any lesion at baseline is while none appears.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub enum NoDisease {
    /// No evidence of disease.
    NoEvidence,
    /// Not evaluable.
    NotEvaluable,
}

/// RECIST 1.1 or iRECIST with an answer to each point they leave open. A key left out has its default.
///
/// ```
/// use posology_clinic::response::recist::{Edition, Settings};
/// let settings = Settings::new(Edition::Recist11);
/// assert_eq!((settings.confirm_days, settings.min_stable_days), (28, 42));
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default = "Settings::recist")]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Settings {
    /// Which of the two.
    pub criteria: Edition,
    /// Whether a response must be confirmed: in trials that are not randomised with response as the endpoint.
    /// Default true.
    pub confirmation: bool,
    /// Fewest days between a response and the assessment that confirms it. Default 28.
    pub confirm_days: u32,
    /// Fewest days from the first treatment before stable disease counts as a best response. Default 42.
    pub min_stable_days: u32,
    /// How many assessments that are not evaluable may stand between the two. Default 1.
    pub max_not_evaluable_between: u32,
    /// How many of stable disease may stand between two partial responses. Default 0; 1 is the `accept_sd` of admiralonco.
    pub max_stable_between: u32,
    /// How a complete response followed by a partial one is read. Default `progression`.
    pub complete_then_partial: CompleteThenPartial,
    /// What a target that is back after all had gone means. Default `progression`.
    pub reappearance: Reappearance,
    /// Whether a visit that lacks a target may show progression by the sum of the others. Default true.
    pub progression_by_partial_sum: bool,
    /// Length of a lesion too small to measure, mm. Default 5.
    pub too_small_mm: u32,
    /// Slice thickness of CT or MRI, mm, where no target may be below twice a slice over 5 mm. Default 5.
    pub slice_thickness_mm: u32,
    /// Whether all lymph nodes are one organ when targets are counted. Default true.
    pub nodes_are_one_organ: bool,
    /// What a target in bone is. Default `report`.
    pub bone_target: BoneTarget,
    /// What a patient without a lesion at baseline is. Default `no-evidence`.
    pub no_disease: NoDisease,
    /// Beyond how many days before the first treatment a baseline is reported as old. Default 28.
    pub baseline_days: u32,
    /// iRECIST: fewest days after which a progression may be confirmed. Default 28.
    pub immune_confirm_days: u32,
    /// iRECIST: days after which a confirmation comes late; it counts and is reported. Default 56.
    pub immune_confirm_days_max: u32,
}

impl Settings {
    /// The criteria with every open point at its default.
    pub const fn new(criteria: Edition) -> Self {
        Self {
            criteria,
            confirmation: true,
            confirm_days: 28,
            min_stable_days: 42,
            max_not_evaluable_between: 1,
            max_stable_between: 0,
            complete_then_partial: CompleteThenPartial::Progression,
            reappearance: Reappearance::Progression,
            progression_by_partial_sum: true,
            too_small_mm: 5,
            slice_thickness_mm: 5,
            nodes_are_one_organ: true,
            bone_target: BoneTarget::Report,
            no_disease: NoDisease::NoEvidence,
            baseline_days: 28,
            immune_confirm_days: 28,
            immune_confirm_days_max: 56,
        }
    }

    const fn recist() -> Self {
        Self::new(Edition::Recist11)
    }
}

/// Whether tumour markers that were raised at baseline have become normal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum TumourMarkers {
    /// Not followed, or not measured.
    #[default]
    NotFollowed,
    /// Within normal limits.
    Normal,
    /// Above normal: no complete response of the non-target disease.
    Raised,
}

/// What was seen on one day.
///
/// A lesion keeps its id. One that has split is given by its parts, named `T01a`, `T01b` or `T01.1`, `T01.2`, whose
/// lengths are added; one that several have become is named `T01+T02` or `T01/T02` and counts once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Visit {
    /// Day of the images.
    pub date: Date,
    /// The lesions; a baseline lesion that is not among them was not assessed.
    pub lesions: Vec<Lesion>,
    /// Tumour markers.
    pub tumour_markers: TumourMarkers,
}

impl Visit {
    /// A visit without tumour markers.
    pub const fn new(date: Date, lesions: Vec<Lesion>) -> Self {
        Self { date, lesions, tumour_markers: TumourMarkers::NotFollowed }
    }
}

/// The categories of one assessment, unconfirmed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Response {
    /// Day of the assessment.
    pub date: Date,
    /// Target lesions; `None` where there were none at baseline.
    pub target: Option<Category>,
    /// Non-target lesions; `None` where there were none at baseline and no tumour marker is raised.
    pub non_target: Option<Category>,
    /// New lesions that are there, by id.
    pub new_lesions: Vec<String>,
    /// The category of the whole.
    pub overall: Category,
    /// Sum of diameters; `None` without targets.
    pub sum: Option<SumOfDiameters>,
    /// Why, in the order a physician would ask.
    pub reasons: Vec<Because>,
}

impl Response {
    /// As an assessment to be confirmed.
    pub fn into_assessment(self) -> Assessment {
        use Category::{ImmuneConfirmedProgressive, ImmuneUnconfirmedProgressive, Progressive};
        let progressive =
            matches!(self.overall, Progressive | ImmuneConfirmedProgressive | ImmuneUnconfirmedProgressive);
        Assessment {
            date: self.date,
            category: self.overall,
            kind: progressive.then_some(ProgressionKind::Imaging),
            reasons: self.reasons,
        }
    }
}

/// The response at `now`, given the baseline and the visits before it; of `history` only what is earlier is used.
///
/// # Errors
/// As [`assess_all`].
///
/// ```
/// use jiff::civil::date;
/// use posology_clinic::response::lesion::{Lesion, Role, Size};
/// use posology_clinic::response::{Category, recist::{Baseline, Edition, Settings, Visit, assess}};
/// let on = |month, longest: u32| Visit::new(date(2024, month, 1), vec![Lesion {
///     id: "T01".into(), role: Role::Target, is_node: false, site: "liver".into(), method: "CT".into(),
///     size: Size::Measured { longest: Some(longest.into()), shortest: None },
/// }]);
/// let settings = Settings::new(Edition::Recist11);
/// let baseline = Baseline::new(&settings, &on(1, 100))?;
/// let response = assess(&settings, &baseline, &[], &on(3, 70))?;
/// assert_eq!(response.overall, Category::Partial);
/// let response = assess(&settings, &baseline, &[on(3, 70)], &on(5, 84))?;
/// assert_eq!(response.overall, Category::Progressive);
/// # Ok::<(), posology_clinic::response::recist::BadLesion>(())
/// ```
pub fn assess(
    settings: &Settings,
    baseline: &Baseline,
    history: &[Visit],
    now: &Visit,
) -> Result<Response, BadLesion> {
    let mut visits: Vec<Visit> = history.iter().filter(|visit| visit.date < now.date).cloned().collect();
    visits.push(now.clone());
    assess_all(settings, baseline, &visits)?.pop().ok_or_else(|| {
        BadLesion::new(
            now.date,
            "",
            "the visit on or before the day of the baseline",
            "a later day",
            "correct the date",
        )
    })
}

/// The response at every visit after the baseline, in date order.
///
/// # Errors
/// A length that is negative or beyond 10 m, a target without the diameter that counts, a target or non-target that
/// the baseline lacks, one lesion twice on one day, and two visits of one day; each with its lesion and day.
pub fn assess_all(
    settings: &Settings,
    baseline: &Baseline,
    visits: &[Visit],
) -> Result<Vec<Response>, BadLesion> {
    let mut after: Vec<&Visit> = visits.iter().filter(|visit| visit.date > baseline.date()).collect();
    after.sort_by_key(|visit| visit.date);
    if let Some(pair) = after.windows(2).find(|pair| pair[0].date == pair[1].date) {
        return Err(BadLesion::new(
            pair[0].date,
            "",
            "two visits",
            "one a day",
            "make one visit of the images of that day",
        ));
    }
    let mut judge = judge::Judge::new(settings, baseline);
    let responses = after.iter().map(|visit| judge.judge(visit)).collect::<Result<Vec<_>, _>>()?;
    Ok(match settings.criteria {
        Edition::Recist11 => responses,
        Edition::Immune => immune::unconfirmed_first(settings, &after, responses),
    })
}

/// Table 1 of the paper, and table 2 where there is no target disease: the overall category of the three parts.
///
/// ```
/// use posology_clinic::response::{Category, recist::overall};
/// assert_eq!(
///     overall(Some(Category::Complete), Some(Category::NotEvaluable), false),
///     Some(Category::Partial),
/// );
/// assert_eq!(overall(None, None, false), None);
/// ```
pub const fn overall(target: Option<Category>, non_target: Option<Category>, new: bool) -> Option<Category> {
    use Category::{Complete, NotEvaluable, Partial, Progressive};
    if new || matches!(target, Some(Progressive)) || matches!(non_target, Some(Progressive)) {
        return Some(Progressive);
    }
    match (target, non_target) {
        (Some(Complete), None | Some(Complete)) => Some(Complete),
        (Some(Complete), Some(_)) => Some(Partial),
        (Some(NotEvaluable), _) => Some(NotEvaluable),
        (Some(target), _) => Some(target),
        (None, alone) => alone,
    }
}

const fn millimetres(length: u32) -> Decimal {
    Decimal::from_parts(length, 0, 0, false, 0)
}
