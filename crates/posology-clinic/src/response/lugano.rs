//! Lugano 2014 response in lymphoma: from images, marrow and spleen to one category for each assessment.
//!
//! Start at [`assess`]: settings, baseline, the earlier visits in any order, and the one to judge in; a
//! [`Response`] with its components and reasons out. [`assess_all`] does so for every visit. In FDG-avid histology
//! PET rules and CT stands beside it; otherwise CT alone. Progression by CT is judged lesion by lesion, each against
//! its own nadir, and never on the sum of products. With `criteria = "lyric"` a progression under an immunomodulator
//! may be an indeterminate response instead (LYRIC 2016, `lyric.rs`).
//!
//! Sources: Cheson et al., J Clin Oncol 2014;32:3059-68, doi:10.1200/JCO.2013.54.8800, table 3; Cheson et al.,
//! Blood 2016;128:2489-96, doi:10.1182/blood-2016-05-718528. PET beside CT: the lymphoma article of admiralonco.
//! Left out: the choice of target lesions, and the International Prognostic Index.

use jiff::civil::Date;
use rust_decimal::Decimal;
use serde::Serialize;

use super::best::{self, Awaiting, Best};
use super::confirm::{Confirmed, Course, Rules};
use super::imaging::{self, Settled, carry, days_between, whole};
use super::{Assessment, Category, CriteriaSet, ProgressionKind};
use crate::Because;

mod ct;
mod lyric;
mod pet;
mod settings;
mod visit;

pub use super::imaging::BadValue;
pub use settings::{
    CarryForward, DiameterReference, MarrowForComplete, MissingComponent, Settings, SizeClass,
    SpleenReference, UnrelatedUptake,
};
pub use visit::{
    Anatomic, Baseline, Biopsy, Clinical, Ct, Height, Marrow, MarrowUptake, Metabolic, NonMeasured, Pet,
    Scan, Score, Sizes, Uptake, Visit,
};

pub(super) const LUGANO: &str = "Cheson et al., J Clin Oncol 2014;32:3059-68";
pub(super) const LYRIC: &str = "Cheson et al., Blood 2016;128:2489-96";

/// What a sign of progression is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum SignKind {
    /// A lesion grew.
    Growth,
    /// A lesion that was gone is there again.
    Regrowth,
    /// A new lesion, by CT.
    NewLesion,
    /// The spleen grew.
    Spleen,
    /// Disease not measured is clearly worse.
    NonMeasured,
    /// The marrow is involved, newly or again.
    Marrow,
    /// More uptake of known sites or marrow.
    Uptake,
    /// New avid foci.
    NewFoci,
    /// The reader's word, without findings.
    Reader,
}

/// One criterion of progression that was met.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Sign {
    /// What it is.
    pub kind: SignKind,
    /// The lesion, where it is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lesion: Option<String>,
    /// The rule with its numbers.
    pub because: Because,
}

/// The categories of the parts that make the whole; `None` where a part was not involved.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Components {
    /// Measured targets.
    pub targets: Option<Category>,
    /// Lesions and organs followed without being measured.
    pub non_measured: Option<Category>,
    /// The spleen.
    pub spleen: Option<Category>,
    /// The marrow, by biopsy.
    pub marrow: Option<Category>,
    /// Response by CT, as a whole.
    pub anatomic: Option<Anatomic>,
    /// Response by PET: that of the day, or the one carried forward.
    pub metabolic: Option<Metabolic>,
    /// Day of the PET that was carried forward.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub metabolic_carried_from: Option<Date>,
}

/// The category of one assessment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Response {
    /// Day of the assessment.
    pub date: Date,
    /// The category.
    pub category: Category,
    /// The parts.
    pub components: Components,
    /// Every criterion of progression that is met, though the whole may be indeterminate or ruled by PET.
    pub signs: Vec<Sign>,
    /// Sum of the products of diameters of the targets, mm², where all were measured.
    pub sum_of_products: Option<Decimal>,
    /// Why, in the order a physician would ask.
    pub reasons: Vec<Because>,
    /// What the category would be had the signs of progression not been there.
    #[serde(skip)]
    otherwise: Category,
}

impl Response {
    /// As an assessment to be confirmed.
    pub fn into_assessment(self) -> Assessment {
        let kind = (self.category == Category::Progressive).then_some(
            if self.signs.iter().all(|sign| sign.kind == SignKind::Marrow) && !self.signs.is_empty() {
                ProgressionKind::Marrow
            } else {
                ProgressionKind::Imaging
            },
        );
        Assessment { date: self.date, category: self.category, kind, reasons: self.reasons }
    }
}

/// What can be followed from baseline on, a sentence a lesion or organ.
///
/// # Errors
/// A value that cannot have been measured, more targets than the settings allow, or a target without two diameters.
pub fn basis(settings: &Settings, baseline: &Baseline) -> Result<Vec<Because>, BadValue> {
    ct::basis(settings, baseline)
}

/// The category of the visit `now`, given the baseline and the visits before it.
///
/// Of `history`, only what lies after baseline and before `now` is used, in any order. Growth is compared with the
/// nadir, baseline included; shrinkage with the baseline. What was not assessed is never taken for gone.
///
/// # Errors
/// A value that cannot have been measured or used as it is, with its place and how to mend it.
///
/// ```
/// use jiff::civil::date;
/// use posology_clinic::response::{Category, lesion::{Lesion, Role, Size}, lugano::*};
/// let ct = |month, longest: u32, shortest: u32| {
///     let size = Size::Measured { longest: Some(longest.into()), shortest: Some(shortest.into()) };
///     let node = Lesion {
///         id: "T01".into(), role: Role::Target, is_node: true, site: "neck".into(), size, method: "CT".into(),
///     };
///     let sizes = Sizes { lesions: vec![node], spleen: None, non_measured: NonMeasured::NotAssessed };
///     Visit { ct: Ct::Measured(sizes), ..Visit::new(date(2024, month, 1)) }
/// };
/// let settings = Settings::LUGANO_2014;
/// let baseline = Baseline { avid: false, ..Baseline::new(ct(1, 40, 30)) };
/// let response = assess(&settings, &baseline, &[], &ct(3, 30, 20))?;
/// assert_eq!(response.category, Category::Partial); // 1200 to 600 mm², exactly half
/// # Ok::<(), BadValue>(())
/// ```
pub fn assess(
    settings: &Settings,
    baseline: &Baseline,
    history: &[Visit],
    now: &Visit,
) -> Result<Response, BadValue> {
    let mut before: Vec<&Visit> =
        history.iter().filter(|visit| visit.date > baseline.visit.date && visit.date < now.date).collect();
    before.sort_by_key(|visit| visit.date);
    ct::basis(settings, baseline)?;
    for visit in &before {
        visit.check()?;
    }
    now.check()?;
    let mut earlier = Vec::new();
    // Only LYRIC asks what the visits before were called: whether an indeterminate response is open.
    if settings.criteria == CriteriaSet::Lyric {
        for index in 0..before.len() {
            let response = judge(settings, baseline, &before[..index], &earlier, before[index]);
            earlier.push(response);
        }
    }
    Ok(judge(settings, baseline, &before, &earlier, now))
}

/// The category of every visit after baseline, in date order, each judged by the visits before it.
///
/// # Errors
/// As [`assess`].
pub fn assess_all(
    settings: &Settings,
    baseline: &Baseline,
    visits: &[Visit],
) -> Result<Vec<Response>, BadValue> {
    let mut dated: Vec<&Visit> = visits.iter().filter(|visit| visit.date > baseline.visit.date).collect();
    dated.sort_by_key(|visit| visit.date);
    dated.into_iter().map(|now| assess(settings, baseline, visits, now)).collect()
}

fn judge(
    settings: &Settings,
    baseline: &Baseline,
    before: &[&Visit],
    earlier: &[Response],
    now: &Visit,
) -> Response {
    let patient = Patient { settings, baseline, before, now };
    let response = patient.response();
    if settings.criteria == CriteriaSet::Lyric { lyric::judge(&patient, earlier, response) } else { response }
}

/// One assessment with everything it is judged by.
struct Patient<'a> {
    settings: &'a Settings,
    baseline: &'a Baseline,
    /// Visits before, in date order.
    before: &'a [&'a Visit],
    now: &'a Visit,
}

impl Patient<'_> {
    /// Baseline and the visits before, in date order.
    fn earlier(&self) -> impl DoubleEndedIterator<Item = &Visit> {
        std::iter::once(&self.baseline.visit).chain(self.before.iter().copied())
    }

    fn because(&self, rule: &str, says: impl Into<String>) -> Because {
        self.settings.because(rule, says)
    }

    /// The response by Lugano.
    fn response(&self) -> Response {
        let by_ct = self.by_ct();
        let by_pet = if self.baseline.avid { self.by_pet() } else { None };
        let mut reasons = Vec::new();
        let mut components = by_ct.components;
        components.anatomic = Some(by_ct.anatomic);
        let carried = match &by_pet {
            Some(pet) if pet.metabolic != Metabolic::NotEvaluable => None,
            _ if self.baseline.avid => self.carried(by_ct.anatomic),
            _ => None,
        };
        let anatomic = by_ct.anatomic.category();
        let (category, otherwise) = match (&by_pet, &carried) {
            (Some(pet), _) if pet.metabolic == Metabolic::NoEvidence => {
                components.metabolic = Some(pet.metabolic);
                reasons.extend(pet.reasons.clone());
                reasons
                    .push(self.because("pet-no-evidence", "PET showed no disease at baseline: CT decides"));
                (anatomic, by_ct.otherwise.category())
            }
            (Some(pet), _) if pet.metabolic != Metabolic::NotEvaluable => {
                components.metabolic = Some(pet.metabolic);
                reasons.extend(pet.reasons.clone());
                if by_ct.anatomic == Anatomic::Progressive && pet.metabolic != Metabolic::Progressive {
                    reasons.push(self.because(
                        "pet-rules",
                        format!("CT is progressive and PET {}: in avid histology PET rules", pet.metabolic),
                    ));
                }
                (pet.metabolic.category(), pet.otherwise.category())
            }
            (_, Some((metabolic, date))) => {
                components.metabolic = Some(*metabolic);
                components.metabolic_carried_from = Some(*date);
                reasons.push(
                    self.because(
                        "metabolic-carried",
                        format!("no evaluable PET; {metabolic} of {date} stands beside the current CT"),
                    )
                    .input("carried from", date),
                );
                (metabolic.category(), metabolic.category())
            }
            (pet, None) => {
                if let Some(pet) = pet {
                    components.metabolic = Some(pet.metabolic);
                    reasons.extend(pet.reasons.clone());
                }
                (anatomic, by_ct.otherwise.category())
            }
        };
        let mut signs = by_ct.signs;
        // A marrow that a biopsy shows involved again is no matter of images.
        let by_marrow = signs.iter().any(|sign| sign.kind == SignKind::Marrow);
        let category = if by_marrow { Category::Progressive } else { category };
        reasons.extend(signs.iter().map(|sign| sign.because.clone()));
        reasons.extend(by_ct.reasons);
        if let Some(pet) = by_pet {
            signs.extend(pet.signs);
        }
        Response {
            date: self.now.date,
            category,
            components,
            signs,
            sum_of_products: by_ct.sum,
            reasons,
            otherwise,
        }
    }

    /// The metabolic response that stands in for a missing one beside the CT of the day.
    fn carried(&self, anatomic: Anatomic) -> Option<(Metabolic, Date)> {
        let may = match self.settings.carry_forward {
            CarryForward::Never => false,
            CarryForward::Always => anatomic != Anatomic::Progressive,
            CarryForward::BesideCt => !matches!(anatomic, Anatomic::Progressive | Anatomic::NotEvaluable),
        };
        let last = (0..self.before.len()).rev().find_map(|index| {
            let then = Patient { before: &self.before[..index], now: self.before[index], ..*self };
            let metabolic = then.by_pet()?.metabolic;
            (metabolic != Metabolic::NotEvaluable).then_some((metabolic, then.now.date))
        });
        // A baseline read as a response, as some data do, is an evaluable PET too; a scored one is the reference.
        let at_baseline = || match self.baseline.visit.pet {
            pet @ Pet::Read(metabolic) if pet != Pet::Read(Metabolic::NotEvaluable) => {
                Some((metabolic, self.baseline.visit.date))
            }
            _ => None,
        };
        last.or_else(at_baseline).filter(|_| may)
    }
}

/// What the assessments of one patient established: by Lugano each stands alone. By LYRIC an indeterminate response
/// is neither response nor progression until an image or a biopsy decides; if progression follows without another
/// category between, it is dated at the first of the indeterminate ones.
///
/// ```
/// use jiff::civil::date;
/// use posology_clinic::response::{Assessment, Category, confirm::Course, lugano::{Settings, confirm}};
/// let settings = Settings::LYRIC;
/// let at = |month, category| Assessment::new(date(2024, month, 1), category, None);
/// let rows = [at(1, Category::Stable), at(2, Category::IndeterminateLesions), at(4, Category::Progressive)];
/// let confirmed = confirm(&settings, &Course::default(), &rows);
/// assert_eq!(confirmed.progression(), Some(date(2024, 2, 1)));
/// ```
pub fn confirm(settings: &Settings, course: &Course, assessments: &[Assessment]) -> Confirmed {
    let source = if settings.criteria == CriteriaSet::Lyric { LYRIC } else { LUGANO };
    let mut confirmed = carry(course, assessments, source, |days, day| settle(days, day, source));
    let days: Vec<(Date, Category)> = confirmed
        .statuses
        .iter()
        .filter(|status| status.counts && status.assessed != Category::NotEvaluable)
        .map(|status| (status.date, status.assessed))
        .collect();
    for (index, &(date, category)) in days.iter().enumerate() {
        let limit = i64::from(settings.recheck_weeks).saturating_mul(7);
        let next = days.get(index + 1).map(|&(next, _)| next);
        let until = next.or(course.cut);
        let in_time = until.is_none_or(|until| days_between(date, until) <= limit);
        if !is_indeterminate(category) || in_time {
            continue;
        }
        let says = match next {
            Some(next) => format!("{category} of {date} was assessed again only on {next}"),
            None => format!("{category} of {date} was not assessed again"),
        };
        confirmed.findings.push(
            Because::new(
                format!("{}/unresolved", settings.criteria),
                format!(
                    "{says}: an image or biopsy was due within {} weeks; it is neither response nor progression",
                    settings.recheck_weeks
                ),
            )
            .source(LYRIC),
        );
    }
    confirmed
}

/// The best response among statuses that [`confirm`] gave for the same course.
pub fn best(settings: &Settings, course: &Course, confirmed: &Confirmed) -> Best {
    let rules = Rules { min_stable_disease_days: settings.min_stable_disease_days, ..Rules::REFERENCE };
    let mut best = best::best(&rules, course, confirmed);
    if confirmed.progression().is_some() || course.known_death().is_some() {
        return best;
    }
    // The first of the indeterminate responses that nothing has resolved yet.
    best.awaiting = confirmed
        .statuses
        .iter()
        .rev()
        .filter(|status| status.counts && status.assessed != Category::NotEvaluable)
        .take_while(|status| is_indeterminate(status.assessed))
        .last()
        .map(|status| Awaiting { would_become: Category::Progressive, since: status.date });
    best
}

const fn is_indeterminate(category: Category) -> bool {
    matches!(
        category,
        Category::IndeterminateGrowth | Category::IndeterminateLesions | Category::IndeterminateUptake
    )
}

fn settle(days: &[&Assessment], day: usize, source: &str) -> Settled {
    let here = days[day];
    let settled = |established, confirmed_by, rule: &str, says: String| Settled {
        established,
        confirmed_by,
        because: Because::new(rule, says).source(source),
    };
    match here.category {
        Category::NotEvaluable => settled(
            Category::NotEvaluable,
            None,
            "confirm/not-evaluable",
            "not evaluable: the status is carried forward".to_owned(),
        ),
        category if is_indeterminate(category) => {
            let next = days[day + 1..]
                .iter()
                .find(|later| later.category != Category::NotEvaluable && !is_indeterminate(later.category));
            match next {
                Some(next) if next.category == Category::Progressive => settled(
                    Category::Progressive,
                    Some(next.date),
                    "confirm/indeterminate-progression",
                    format!(
                        "{category}, and progression on {}: progression is dated at the indeterminate response",
                        next.date
                    ),
                ),
                Some(next) => settled(
                    Category::NotEvaluable,
                    None,
                    "confirm/indeterminate-resolved",
                    format!("{category} was no progression: {} on {}", next.category, next.date),
                ),
                None => settled(
                    Category::NotEvaluable,
                    None,
                    "confirm/indeterminate-open",
                    format!("{category} is neither response nor progression until it is resolved"),
                ),
            }
        }
        category => settled(category, None, "confirm/alone", format!("{category} needs no confirmation")),
    }
}
