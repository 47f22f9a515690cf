//! RANO response in brain tumours: from lesions, T2/FLAIR, steroids and clinical status to one category.
//!
//! Start at [`assess`]: settings, baseline, the earlier visits in any order, and the one to judge in; a
//! [`Response`] with its components and reasons out. [`assess_all`] does so for every visit, [`confirm`] asks
//! whether a response lasted and whether an early progression held. Three sets share the rules and differ in their
//! settings: high-grade glioma in adults of 2010, RANO 2.0 for all gliomas, and RAPNO for high-grade glioma in
//! children. For a response every row must hold; for progression any one suffices.
//!
//! Sources: Wen et al., J Clin Oncol 2010;28:1963-72, doi:10.1200/JCO.2009.26.3541, table 4; Wen et al., J Clin
//! Oncol 2023;41:5187-99, doi:10.1200/JCO.23.01059; Erker et al., Lancet Oncol 2020;21:e317-29,
//! doi:10.1016/S1470-2045(20)30173-X. Left out: spinal disease, low-grade and pontine glioma of children, and a
//! further growth over the preliminary progression as the condition of its confirmation.

use jiff::civil::Date;
use rust_decimal::Decimal;
use serde::Serialize;

use super::best::{self, Awaiting, Best};
use super::confirm::{Confirmed, Course, Rules};
use super::imaging::{carry, days_between, whole};
use super::{Assessment, Category, CriteriaSet, ProgressionKind};
use crate::Because;

mod last;
mod part;
mod settings;
mod visit;

pub use super::imaging::BadValue;
pub use settings::{
    EarlyProgression, FlairRow, LaterProgression, MeasuredBy, MissingRow, NewLesion, PartialWithMinor,
    Settings,
};
pub use visit::{Baseline, Clinical, Diffusion, Flair, Followed, Histology, Part, Steroids, Tumour, Visit};

pub(super) const RANO_2010: &str = "Wen et al., J Clin Oncol 2010;28:1963-72";
pub(super) const RANO_2: &str = "Wen et al., J Clin Oncol 2023;41:5187-99";
pub(super) const RAPNO: &str = "Erker et al., Lancet Oncol 2020;21:e317-29";

/// What a sign of progression is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum SignKind {
    /// The sum of a part grew.
    Growth,
    /// A new lesion, or one there again.
    NewLesion,
    /// A lesion not measured is clearly worse.
    NonMeasured,
    /// T2/FLAIR is clearly more.
    Flair,
    /// The patient is worse without another cause.
    Clinical,
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

/// The parts that make the whole; `None` where a part was not involved.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Components {
    /// The enhancing part.
    pub enhancing: Option<Category>,
    /// The part without enhancement, where it is followed by measurement.
    pub non_enhancing: Option<Category>,
    /// Sum of the enhancing targets: mm², or ml where volumes are followed.
    pub enhancing_sum: Option<Decimal>,
    /// Sum of the targets without enhancement.
    pub non_enhancing_sum: Option<Decimal>,
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
    /// Every sign of progression, though an early one may not count.
    pub signs: Vec<Sign>,
    /// Whether the progression awaits its confirmation.
    pub preliminary: bool,
    /// Why, in the order a physician would ask.
    pub reasons: Vec<Because>,
}

impl Response {
    /// As an assessment to be confirmed.
    pub fn into_assessment(self) -> Assessment {
        let kind = (self.category == Category::Progressive).then_some(ProgressionKind::Imaging);
        Assessment { date: self.date, category: self.category, kind, reasons: self.reasons }
    }
}

/// What can be followed from baseline on, a sentence a lesion.
///
/// # Errors
/// A value that cannot have been measured, or more measurable targets in a part than the settings allow.
pub fn basis(settings: &Settings, baseline: &Baseline) -> Result<Vec<Because>, BadValue> {
    let visit = &baseline.visit;
    visit.check()?;
    let mut reasons = Vec::new();
    for part in [Part::Enhancing, Part::NonEnhancing] {
        let mut measurable: u32 = 0;
        let targets = visit
            .tumours
            .iter()
            .filter(|tumour| tumour.part == part && tumour.lesion.role == super::lesion::Role::Target);
        for tumour in targets {
            let id = &tumour.lesion.id;
            let holds = part::is_measurable(tumour);
            measurable = measurable.saturating_add(u32::from(holds));
            if measurable > settings.max_targets {
                return Err(BadValue {
                    place: format!("target lesion {id}"),
                    date: visit.date,
                    found: "one target too many".to_owned(),
                    expected: format!("at most {} targets of the {part} part", settings.max_targets),
                    mend: "follow it as non-target, or set max-targets as the protocol says".to_owned(),
                });
            }
            let verdict = if holds { "measurable" } else { "not measurable, followed as non-target" };
            reasons.push(settings.because(
                "measurable",
                format!("{part} lesion {id} at baseline: {verdict} (both diameters at least 10 mm)"),
            ));
        }
    }
    if let Some(end) = baseline.radiotherapy_end {
        let says = format!(
            "radiotherapy ended on {end}: a progression in the {} weeks after it is early",
            settings.early_weeks
        );
        reasons.push(settings.because("radiotherapy", says));
    }
    Ok(reasons)
}

/// The category of the visit `now`, given the baseline and the visits before it.
///
/// Of `history`, only what lies after baseline and before `now` is used, in any order. Growth is compared with the
/// nadir, baseline included; shrinkage with the baseline. What was not assessed is never taken for gone or stable.
///
/// # Errors
/// A value that cannot have been measured, with its place and how to mend it.
///
/// ```
/// use jiff::civil::date;
/// use posology_clinic::response::{Category, lesion::{Lesion, Role, Size}, rano::*};
/// let mri = |month, longest: u32, shortest: u32| {
///     let size = Size::Measured { longest: Some(longest.into()), shortest: Some(shortest.into()) };
///     let lesion = Lesion {
///         id: "T01".into(), role: Role::Target, is_node: false, site: "brain".into(), size, method: "MRI".into(),
///     };
///     let tumour = Tumour { lesion, part: Part::Enhancing, volume_ml: None, outside_isodose: None };
///     Visit {
///         tumours: vec![tumour], flair: Flair::Stable, steroids: Steroids::None, clinical: Clinical::Stable,
///         ..Visit::new(date(2024, month, 1))
///     }
/// };
/// let baseline = Baseline::new(mri(1, 40, 30));
/// let response = assess(&Settings::RANO_HGG, &baseline, &[], &mri(3, 30, 20))?;
/// assert_eq!(response.category, Category::Partial); // 1200 to 600 mm², exactly half
/// # Ok::<(), BadValue>(())
/// ```
pub fn assess(
    settings: &Settings,
    baseline: &Baseline,
    history: &[Visit],
    now: &Visit,
) -> Result<Response, BadValue> {
    basis(settings, baseline)?;
    let mut before: Vec<&Visit> =
        history.iter().filter(|visit| visit.date > baseline.visit.date && visit.date < now.date).collect();
    before.sort_by_key(|visit| visit.date);
    for visit in &before {
        visit.check()?;
    }
    now.check()?;
    Ok(Patient { settings, baseline, before: &before, now }.response())
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
    fn earlier(&self) -> impl Iterator<Item = &Visit> {
        std::iter::once(&self.baseline.visit).chain(self.before.iter().copied())
    }

    fn because(&self, rule: &str, says: impl Into<String>) -> Because {
        self.settings.because(rule, says)
    }

    fn follows(&self, part: Part) -> bool {
        match (self.settings.criteria, self.baseline.followed) {
            (CriteriaSet::Rano2, Followed::NonEnhancing) => part == Part::NonEnhancing,
            (CriteriaSet::Rano2, Followed::Mixed) => true,
            _ => part == Part::Enhancing,
        }
    }

    fn response(&self) -> Response {
        let (mut signs, mut reasons) = self.new_lesions();
        let mut components = Components::default();
        for part in [Part::Enhancing, Part::NonEnhancing] {
            if !self.follows(part) {
                continue;
            }
            let found = self.by_part(part);
            let (category, sum) = match part {
                Part::Enhancing => (&mut components.enhancing, &mut components.enhancing_sum),
                Part::NonEnhancing => (&mut components.non_enhancing, &mut components.non_enhancing_sum),
            };
            (*category, *sum) = (found.category, found.sum);
            signs.extend(found.signs);
            reasons.extend(found.reasons);
        }
        signs.extend(self.flair_sign());
        signs.extend(self.clinical_sign());
        let counted = self.counted(&signs);
        let mut told: Vec<Because> = signs.iter().map(|sign| sign.because.clone()).collect();
        told.extend(counted.because);
        let (category, why) = if counted.progresses {
            (Category::Progressive, None)
        } else if !signs.is_empty() {
            (Category::NotEvaluable, None)
        } else {
            self.by_rows(&components)
        };
        told.extend(why);
        told.extend(reasons);
        let preliminary = counted.progresses && counted.preliminary;
        Response { date: self.now.date, category, components, signs, preliminary, reasons: told }
    }

    // Progression.

    fn flair_counts(&self) -> bool {
        match self.settings.flair_row {
            FlairRow::Always => true,
            FlairRow::AntiAngiogenic => {
                self.baseline.anti_angiogenic && self.baseline.followed == Followed::Enhancing
            }
        }
    }

    /// More, the same or less than at baseline; `None` where one of the two is not known.
    fn steroids(&self) -> Option<std::cmp::Ordering> {
        Some(self.now.steroids.amount()?.cmp(&self.baseline.visit.steroids.amount()?))
    }

    fn flair_sign(&self) -> Option<Sign> {
        let on_stable_steroids = self.steroids().is_some_and(std::cmp::Ordering::is_ge);
        (self.flair_counts() && self.now.flair == Flair::Worse && on_stable_steroids).then(|| Sign {
            kind: SignKind::Flair,
            lesion: None,
            because: self
                .because("progression-flair", "T2/FLAIR is clearly more on stable or more steroids: PD"),
        })
    }

    fn clinical_sign(&self) -> Option<Sign> {
        (self.now.clinical == Clinical::Worse).then(|| Sign {
            kind: SignKind::Clinical,
            lesion: None,
            because: self.because(CLINICAL, "the patient is worse, and no other cause explains it: PD"),
        })
    }

    /// Which of the signs count, and whether they must be seen again.
    fn counted(&self, signs: &[Sign]) -> Counted {
        let nothing = Counted { progresses: false, preliminary: false, because: None };
        let all = Counted { progresses: true, ..nothing };
        if signs.is_empty() {
            return Counted { progresses: false, preliminary: false, because: None };
        }
        let with = |progresses, preliminary, rule: &str, says: String| Counted {
            progresses,
            preliminary,
            because: Some(self.because(rule, says)),
        };
        let images = signs.iter().all(|sign| sign.kind != SignKind::Clinical);
        if self.now.histology == Histology::TreatmentEffect && images {
            let says = "histology shows an effect of the treatment: no PD, and not evaluable by size";
            return with(false, false, "histology", says.to_owned());
        }
        let less_steroids = self.steroids().is_none_or(std::cmp::Ordering::is_lt);
        let only_growth = signs.iter().all(|sign| sign.kind == SignKind::Growth);
        if self.settings.growth_needs_steroids && only_growth && less_steroids {
            let says = "growth on fewer steroids, or on steroids nobody recorded: not evaluable";
            return with(false, false, "growth-steroids", says.to_owned());
        }
        if self.now.histology == Histology::Tumour {
            return with(true, false, "histology", "histology shows viable tumour: PD".to_owned());
        }
        let weeks = self.settings.early_weeks;
        let since = self.baseline.radiotherapy_end.map(|end| days_between(end, self.now.date));
        let early = since.filter(|days| (0..=i64::from(weeks).saturating_mul(7)).contains(days));
        let Some(days) = early else {
            return match self.settings.later_progression {
                LaterProgression::Confirm if images => {
                    let says = "the progression is preliminary until the next image shows it again";
                    with(true, true, PRELIMINARY, says.to_owned())
                }
                _ => all,
            };
        };
        match self.settings.early_progression {
            EarlyProgression::AtOnce => all,
            EarlyProgression::Confirm if !images => all,
            EarlyProgression::Confirm => with(
                true,
                true,
                PRELIMINARY,
                format!(
                    "day {days} after radiotherapy: the progression is preliminary until an image at least {} weeks \
                     later shows it again",
                    self.settings.confirm_weeks
                ),
            ),
            EarlyProgression::OutsideIsodose => {
                let outside = self.now.tumours.iter().find(|tumour| {
                    tumour.part == Part::Enhancing
                        && tumour.outside_isodose == Some(true)
                        && signs.iter().any(|sign| {
                            sign.kind == SignKind::NewLesion
                                && sign.lesion.as_ref() == Some(&tumour.lesion.id)
                        })
                });
                match outside {
                    Some(tumour) => with(
                        true,
                        false,
                        "early-outside",
                        format!("new enhancement {} lies outside the 80% isodose line: PD", tumour.lesion.id),
                    ),
                    None => with(
                        false,
                        false,
                        "early-inside",
                        format!(
                            "day {days} after radiotherapy: within {weeks} weeks only new enhancement outside the 80% \
                             isodose line or histology is progression: not evaluable"
                        ),
                    ),
                }
            }
        }
    }

    // Response: every row must hold.

    fn by_rows(&self, components: &Components) -> (Category, Option<Because>) {
        let parts: Vec<Category> =
            [components.enhancing, components.non_enhancing].into_iter().flatten().collect();
        let imaged = match self.combined(&parts) {
            Some(imaged) => imaged,
            // After a complete resection there is nothing to shrink: stable at best, if anybody looked.
            None if self.now.flair != Flair::NotAssessed => Category::Stable,
            None => {
                let because =
                    self.because("nothing-followed", "no lesion at baseline and none now: not evaluable");
                return (Category::NotEvaluable, Some(because));
            }
        };
        if imaged == Category::NotEvaluable {
            return (imaged, None);
        }
        let not_evaluable =
            |rule: &str, says: String| (Category::NotEvaluable, Some(self.because(rule, says)));
        let strict = self.settings.missing_row == MissingRow::NotEvaluable;
        if self.flair_counts() {
            match self.now.flair {
                Flair::Worse => {
                    return not_evaluable(
                        "flair-steroids",
                        "T2/FLAIR is more, on fewer steroids or on steroids nobody recorded: not evaluable"
                            .to_owned(),
                    );
                }
                Flair::NotAssessed if strict => {
                    return not_evaluable(
                        "missing-flair",
                        "T2/FLAIR was not assessed: not evaluable".to_owned(),
                    );
                }
                _ => {}
            }
        }
        if strict && self.now.clinical == Clinical::NotAssessed {
            return not_evaluable(
                "missing-clinical",
                "the clinical status was not assessed: not evaluable".to_owned(),
            );
        }
        match self.steroids() {
            None if strict => {
                return not_evaluable(
                    "missing-steroids",
                    format!(
                        "steroids {} at baseline and {} now: not evaluable",
                        self.baseline.visit.steroids, self.now.steroids
                    ),
                );
            }
            Some(std::cmp::Ordering::Greater) => {
                return not_evaluable(
                    STEROIDS,
                    format!(
                        "{} after {} at baseline, without decline due to the tumour: neither response, stable disease \
                         nor progression until it is resolved",
                        self.now.steroids, self.baseline.visit.steroids
                    ),
                );
            }
            _ => {}
        }
        if self.settings.criteria == CriteriaSet::RapnoHgg
            && self.now.diffusion == Diffusion::Worse
            && imaged.is_response()
        {
            let because = self.because("diffusion", "restricted diffusion is new or more: no response");
            return (Category::Stable, Some(because));
        }
        let free = self.now.steroids.amount().is_some_and(|amount| amount.is_zero());
        if imaged == Category::Complete && !free {
            let because = self.because(
                "complete-steroids",
                format!("steroids: {}; complete response allows replacement only: PR", self.now.steroids),
            );
            return (Category::Partial, Some(because));
        }
        (imaged, None)
    }

    /// Both parts of a mixed tumour: the better of two that shrank or stood still, but complete only if both are.
    fn combined(&self, parts: &[Category]) -> Option<Category> {
        let (one, other) = match parts {
            [] => return None,
            [one] => return Some(*one),
            [one, other, ..] => ((*one).max(*other), (*one).min(*other)),
        };
        Some(match (one, other) {
            (_, Category::NotEvaluable) => Category::NotEvaluable,
            (Category::Complete, other) => other,
            (Category::Partial, Category::Minimal)
                if self.settings.partial_with_minor == PartialWithMinor::Minor =>
            {
                Category::Minimal
            }
            (better, _) => better,
        })
    }
}

/// Which signs of progression count.
struct Counted {
    progresses: bool,
    preliminary: bool,
    because: Option<Because>,
}

/// Rules by whose names [`confirm`] knows what an assessment awaits.
const PRELIMINARY: &str = "preliminary-progression";
const STEROIDS: &str = "steroids-unresolved";
const CLINICAL: &str = "progression-clinical";

/// Confirms the assessments of one patient, given in any order.
///
/// A response counts once no assessment fell below it up to the first that lies late enough (four weeks, eight in
/// children), at the lowest category among them; one that stands alone counts as stable disease. A preliminary
/// progression counts, dated at itself, once an image late enough shows progression again. An assessment that is
/// neither stable nor progressive because of more steroids becomes progression, dated at itself, if clinical decline
/// follows, and stable disease if it resolves. What is preliminary or unresolved is read from the reasons that
/// [`assess`] gave; categories without reasons are taken as they are.
///
/// ```
/// use jiff::civil::date;
/// use posology_clinic::response::{Assessment, Category, confirm::Course, rano::{Settings, confirm}};
/// let at = |month, day, category| Assessment::new(date(2024, month, day), category, None);
/// let rows = [at(1, 1, Category::Partial), at(1, 29, Category::Partial), at(2, 20, Category::Complete)];
/// let confirmed = confirm(&Settings::RANO_HGG, &Course::default(), &rows);
/// assert_eq!(confirmed.statuses[0].status, Category::Partial); // 28 days
/// assert_eq!(confirmed.statuses[2].status, Category::Partial); // the complete response has not lasted yet
/// ```
pub fn confirm(settings: &Settings, course: &Course, assessments: &[Assessment]) -> Confirmed {
    carry(course, assessments, settings.source(), |days, day| last::settle(settings, course, days, day))
}

/// The best response among statuses that [`confirm`] gave for the same course.
pub fn best(settings: &Settings, course: &Course, confirmed: &Confirmed) -> Best {
    let rules = Rules { min_stable_disease_days: settings.min_stable_disease_days, ..Rules::REFERENCE };
    let mut best = best::best(&rules, course, confirmed);
    let last = confirmed
        .statuses
        .iter()
        .rev()
        .find(|status| status.counts && status.assessed != Category::NotEvaluable);
    // A complete response after a partial one that is confirmed awaits its weeks as any other.
    if let Some(last) = last
        && last.assessed == Category::Progressive
        && confirmed.progression().is_none()
        && course.known_death().is_none()
    {
        best.awaiting = Some(Awaiting { would_become: Category::Progressive, since: last.date });
    }
    best
}
