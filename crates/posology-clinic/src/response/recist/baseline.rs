//! What is followed from baseline on, and whether it should have been chosen so.

use jiff::civil::Date;
use rust_decimal::Decimal;

use super::super::confirm::Course;
use super::super::lesion::{Lesion, Role};
use super::sum::{length, of_role};
use super::{BadLesion, BoneTarget, SOURCE, Settings, TumourMarkers, Visit, millimetres};
use crate::Because;

/// Most target lesions of one patient.
pub const MOST_TARGETS: usize = 5;
/// Most target lesions in one organ.
pub const MOST_TARGETS_AN_ORGAN: usize = 2;

/// Smallest diameter of a measurable lesion, mm.
const MEASURABLE_MM: u32 = 10;
/// The same on a chest X-ray, mm.
const MEASURABLE_X_RAY_MM: u32 = 20;
/// Smallest short axis of a measurable node, mm.
const MEASURABLE_NODE_MM: u32 = 15;
/// Up to this slice thickness the smallest diameter is [`MEASURABLE_MM`], mm.
const THIN_SLICE_MM: u32 = 5;

/// The lesions of one patient before treatment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Baseline {
    date: Date,
    pub(super) targets: Vec<Lesion>,
    pub(super) non_targets: Vec<Lesion>,
    pub(super) markers_raised: bool,
    pub(super) sum: Decimal,
}

impl Baseline {
    /// The baseline of a patient; lesions that should not be targets are accepted, and reported by
    /// [`Baseline::findings`].
    ///
    /// # Errors
    /// A target without its size, a lesion with the role `new`, a lesion twice, and a length that cannot be.
    pub fn new(settings: &Settings, visit: &Visit) -> Result<Self, BadLesion> {
        let date = visit.date;
        for (place, lesion) in visit.lesions.iter().enumerate() {
            if lesion.role == Role::New {
                return Err(BadLesion::new(
                    date,
                    &lesion.id,
                    "a new lesion at baseline",
                    "a target or non-target",
                    "correct its role, or the day of the baseline",
                ));
            }
            if visit.lesions[..place].iter().any(|other| other.id == lesion.id) {
                return Err(BadLesion::new(date, &lesion.id, "two results", "one a day", "keep one of them"));
            }
        }
        let targets = of_role(&visit.lesions, Role::Target);
        let mut sum = Decimal::ZERO;
        for target in &targets {
            let Some(length) = length(settings, date, target)? else {
                return Err(BadLesion::new(
                    date,
                    &target.id,
                    "no size at baseline",
                    "the size every later change is measured against",
                    "measure it, or make it a non-target",
                ));
            };
            if length.is_zero() {
                return Err(BadLesion::new(
                    date,
                    &target.id,
                    "a target of 0 mm at baseline",
                    "a lesion that is there",
                    "correct its size, or leave it out: what is not there cannot be followed",
                ));
            }
            sum = sum.saturating_add(length);
        }
        Ok(Self {
            date,
            targets,
            non_targets: of_role(&visit.lesions, Role::NonTarget),
            markers_raised: visit.tumour_markers == TumourMarkers::Raised,
            sum,
        })
    }

    /// Day of the baseline.
    pub const fn date(&self) -> Date {
        self.date
    }

    /// Sum of diameters of the targets, mm.
    pub const fn sum_mm(&self) -> Decimal {
        self.sum
    }

    /// What is followed, in one sentence, and after it whatever the criteria would not have chosen: too many
    /// targets, targets too small to be measurable, targets in bone, a baseline long before treatment.
    pub fn findings(&self, settings: &Settings, course: &Course) -> Vec<Because> {
        let mut found = vec![
            Because::new(
                "recist-1.1/baseline",
                format!(
                    "{} target lesions with a sum of diameters of {} mm, {} non-target lesions on {}",
                    self.targets.len(),
                    self.sum.normalize(),
                    self.non_targets.len(),
                    self.date
                ),
            )
            .input("sum", format!("{} mm", self.sum.normalize()))
            .source(SOURCE),
        ];
        let mut report = |rule: &str, says: String| found.push(Because::new(rule, says).source(SOURCE));
        if self.targets.len() > MOST_TARGETS {
            report(
                "recist-1.1/too-many-targets",
                format!("{} target lesions, where at most {MOST_TARGETS} are followed", self.targets.len()),
            );
        }
        let organ = |lesion: &Lesion| match (lesion.is_node, settings.nodes_are_one_organ) {
            (true, true) => "lymph nodes".to_owned(),
            _ => lesion.site.trim().to_lowercase(),
        };
        let mut organs: Vec<String> =
            self.targets.iter().map(organ).filter(|organ| !organ.is_empty()).collect();
        organs.sort();
        for all in organs.chunk_by(|one, other| one == other).filter(|all| all.len() > MOST_TARGETS_AN_ORGAN)
        {
            report(
                "recist-1.1/too-many-in-an-organ",
                format!(
                    "{} target lesions in {}, where at most {MOST_TARGETS_AN_ORGAN} are followed",
                    all.len(),
                    all[0]
                ),
            );
        }
        for target in &self.targets {
            let smallest = smallest(settings, target);
            let size = length(settings, self.date, target).ok().flatten().unwrap_or_default();
            if size < smallest {
                let axis = if target.is_node { "short axis" } else { "longest diameter" };
                report(
                    "recist-1.1/not-measurable",
                    format!(
                        "{} has a {axis} of {} mm, below the {smallest} mm of a measurable lesion",
                        target.id,
                        size.normalize()
                    ),
                );
            }
            if settings.bone_target == BoneTarget::Report && target.site.to_lowercase().contains("bone") {
                report(
                    "recist-1.1/target-in-bone",
                    format!(
                        "{} lies in bone: measurable only as soft tissue of a lytic lesion; a blastic one never is",
                        target.id
                    ),
                );
            }
        }
        if let Some(first) = course.first_treatment {
            let days = (first - self.date).get_days();
            if i64::from(days) > i64::from(settings.baseline_days) {
                report(
                    "recist-1.1/baseline-old",
                    format!(
                        "the baseline lies {days} days before the first treatment, more than {}",
                        settings.baseline_days
                    ),
                );
            } else if days < 0 {
                report(
                    "recist-1.1/baseline-late",
                    format!("the baseline lies {} days after the first treatment", -days),
                );
            }
        }
        found
    }
}

/// Smallest size at which a lesion is measurable by its method, mm.
fn smallest(settings: &Settings, lesion: &Lesion) -> Decimal {
    let method = lesion.method.to_lowercase();
    let by = |words: &[&str]| words.iter().any(|word| method.contains(word));
    if lesion.is_node {
        return millimetres(MEASURABLE_NODE_MM);
    }
    if by(&["x-ray", "xray", "radiograph"]) {
        return millimetres(MEASURABLE_X_RAY_MM);
    }
    let thick =
        settings.slice_thickness_mm > THIN_SLICE_MM && !by(&["caliper", "calliper", "photo", "clinical"]);
    millimetres(if thick {
        settings.slice_thickness_mm.saturating_mul(2).max(MEASURABLE_MM)
    } else {
        MEASURABLE_MM
    })
}
