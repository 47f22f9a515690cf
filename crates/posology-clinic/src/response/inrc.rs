//! Response in neuroblastoma, by the revised international criteria of 2017.
//!
//! Start at [`assess`]: settings, a baseline, the visits before in any order, and the visit to judge in; a
//! [`Response`] with the verdicts of the three components out: primary tumour, soft tissue and bone metastases,
//! marrow. [`confirm()`] asks for a second assessment where the protocol does; [`best`] picks the best.
//!
//! A lesion whose site is `primary` is the primary tumour, every other one a metastasis. Minor response (`MR`) means
//! mixed here: a component responds while another is stable. Progression by size needs **more than** 20%.
//!
//! Source: Park et al., J Clin Oncol 2017;35:2580-7, doi:10.1200/JCO.2016.72.0177, tables 2 to 5. Left out: urinary
//! catecholamines, as there; cerebrospinal fluid and effusions.

use rust_decimal::Decimal;
use serde::Serialize;

use super::amount::{Measure, fell_by, moved, rose_beyond, whole};
use super::component::Component;
use super::imwg::BadValue;
use super::lesion::{Lesion, Role, Size};
use super::{Category, ProgressionKind};
use crate::Because;

mod confirm;
mod settings;
mod visit;

pub use confirm::{best, confirm};
pub use settings::{FallToMinimal, RiseFrom, Settings, Unnamed};
pub use visit::{Score, ScoreSystem, Uptake, Visit};
use visit::{diameter, is_primary};

/// Tumour in the marrow, %: the highest of aspirates and biopsies of both sides.
pub const MARROW: Measure = Measure::percent("tumour in the marrow");
const LENGTH: Measure = Measure::length("longest diameter");
const SUM: Measure = Measure::length("sum of diameters");

/// The paper.
pub(super) const SOURCE: &str = "Park et al., J Clin Oncol 2017;35:2580-7";

/// Diameter below which nothing is left to speak of, mm.
const LEFT: Decimal = whole(10);
/// Diameter that stands for one too small to measure, mm.
const TOO_SMALL: Decimal = whole(5);
/// Rise in diameter that progression needs beside 20%, mm.
const RISE: Decimal = whole(5);
/// Marrow tumour up to which it is minimal, %.
const MINIMAL: Decimal = whole(5);
/// Marrow tumour beyond which one that more than doubled is progression, %.
const EXTENSIVE: Decimal = whole(20);

/// One assessment judged by these criteria: components `primary`, `metastases` and `marrow`.
pub type Response = super::component::Response<Verdict>;

/// What a component says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub enum Verdict {
    /// Involved at entry and not evaluated now, or not known at entry.
    #[serde(rename = "NE")]
    NotEvaluable,
    /// Not involved at entry nor now.
    #[serde(rename = "NI")]
    NotInvolved,
    /// Progressive disease.
    #[serde(rename = "PD")]
    Progressive,
    /// Stable disease.
    #[serde(rename = "SD")]
    Stable,
    /// Minimal disease, in the marrow only.
    #[serde(rename = "MD")]
    Minimal,
    /// Partial response; there is none in the marrow.
    #[serde(rename = "PR")]
    Partial,
    /// Complete response.
    #[serde(rename = "CR")]
    Complete,
}

impl Verdict {
    const fn code(self) -> &'static str {
        match self {
            Self::NotEvaluable => "NE",
            Self::NotInvolved => "NI",
            Self::Progressive => "PD",
            Self::Stable => "SD",
            Self::Minimal => "MD",
            Self::Partial => "PR",
            Self::Complete => "CR",
        }
    }
}

/// The category of the visit `now`, given the baseline and the visits before it.
///
/// Of `history`, only what lies between baseline and `now` is used.
///
/// # Errors
/// A value that cannot have been measured, a lesion given twice or without the diameter that counts, named with its
/// day.
///
/// ```
/// use jiff::civil::date;
/// use posology_clinic::response::{Category, inrc::{Score, ScoreSystem, Settings, Uptake, Visit, assess}};
/// let at = |month, value, marrow: i64| Visit {
///     score: Some(Score { value, system: ScoreSystem::Curie }),
///     soft_tissue_uptake: Uptake::NotAvid,
///     marrow: Some(marrow.into()),
///     ..Visit::new(date(2024, month, 1))
/// };
/// let response = assess(&Settings::default(), &at(1, 10, 30), &[], &at(3, 5, 5))?;
/// assert_eq!(response.category, Category::Partial); // PR in bone, minimal disease in the marrow
/// # Ok::<(), posology_clinic::response::imwg::BadValue>(())
/// ```
pub fn assess(
    settings: &Settings,
    baseline: &Visit,
    history: &[Visit],
    now: &Visit,
) -> Result<Response, BadValue> {
    baseline.check()?;
    now.check()?;
    let mut before: Vec<&Visit> =
        history.iter().filter(|visit| visit.date > baseline.date && visit.date < now.date).collect();
    before.sort();
    for visit in &before {
        visit.check()?;
    }
    Ok(Patient { settings, baseline, before: &before, now }.judge())
}

/// The category of every visit after baseline, in date order, each judged by the visits before it.
///
/// # Errors
/// As [`assess`].
pub fn assess_all(
    settings: &Settings,
    baseline: &Visit,
    visits: &[Visit],
) -> Result<Vec<Response>, BadValue> {
    let mut dated: Vec<&Visit> = visits.iter().filter(|visit| visit.date > baseline.date).collect();
    dated.sort();
    dated.into_iter().map(|now| assess(settings, baseline, visits, now)).collect()
}

struct Patient<'a> {
    settings: &'a Settings,
    baseline: &'a Visit,
    before: &'a [&'a Visit],
    now: &'a Visit,
}

/// What one part of a component says, or that it is no part of it.
struct Part {
    verdict: Verdict,
    says: String,
}

fn part(verdict: Verdict, says: impl Into<String>) -> Part {
    Part { verdict, says: says.into() }
}

fn because(rule: &str, says: impl Into<String>) -> Because {
    Because::new(format!("inrc-2017/{rule}"), says).source(SOURCE)
}

impl Patient<'_> {
    fn earlier(&self) -> impl Iterator<Item = &Visit> {
        std::iter::once(self.baseline).chain(self.before.iter().copied())
    }

    fn judge(&self) -> Response {
        let components: Vec<Component<Verdict>> =
            [("primary", self.primary()), ("metastases", self.metastases()), ("marrow", self.marrow())]
                .into_iter()
                .map(|(name, part)| Component {
                    name,
                    verdict: part.verdict,
                    because: because(name, format!("{name}: {} ({})", part.verdict.code(), part.says)),
                })
                .collect();
        let verdicts: Vec<Verdict> = components.iter().map(|component| component.verdict).collect();
        let (category, says) = self.overall(&verdicts);
        let kind = (category == Category::Progressive).then(|| {
            let only_marrow = components
                .iter()
                .all(|component| component.name == "marrow" || component.verdict != Verdict::Progressive);
            if only_marrow { ProgressionKind::Marrow } else { ProgressionKind::Imaging }
        });
        let mut reasons = vec![because("overall", format!("{category}: {says}"))];
        reasons.extend(components.iter().map(|component| component.because.clone()));
        Response { date: self.now.date, category, kind, components, reasons }
    }

    /// The overall category of three verdicts.
    fn overall(&self, verdicts: &[Verdict]) -> (Category, &'static str) {
        let any = |verdict| verdicts.contains(&verdict);
        if any(Verdict::Progressive) {
            return (Category::Progressive, "progression in a component");
        }
        if any(Verdict::NotEvaluable) {
            return (Category::NotEvaluable, "a component was not evaluated");
        }
        let responds = any(Verdict::Partial) || any(Verdict::Complete);
        match (responds, any(Verdict::Stable), any(Verdict::Minimal)) {
            (true, true, _) => {
                (Category::Minimal, "a component responds and another is stable, a mixed response")
            }
            (true, false, _) if any(Verdict::Partial) => (
                Category::Partial,
                "PR in a component, and CR, PR, minimal disease or no involvement in the others",
            ),
            (true, false, true) => (
                self.settings.complete_but_minimal_marrow.category(),
                "CR but for minimal disease in the marrow, which the paper does not name (setting complete-but-minimal-marrow)",
            ),
            (true, false, false) => (Category::Complete, "CR in every component that was involved"),
            (false, true, _) => (Category::Stable, "a component is stable and none responds"),
            (false, false, true) => (
                self.settings.minimal_marrow_alone.category(),
                "minimal disease in the marrow alone, which the paper does not name (setting minimal-marrow-alone)",
            ),
            (false, false, false) => (Category::NotEvaluable, "no component was involved at entry"),
        }
    }

    // The primary tumour.

    fn primary(&self) -> Part {
        let Some(base) = self.baseline.lesions.iter().find(|lesion| is_primary(lesion)) else {
            let back = self.now.lesions.iter().any(|lesion| is_primary(lesion) && is_there(lesion));
            return match (self.baseline.primary_uptake, back) {
                (_, true) => part(Verdict::Progressive, "a primary tumour that was not there at entry"),
                (Uptake::NotDone | Uptake::NotAvid | Uptake::Resolved, false) => {
                    part(Verdict::NotInvolved, "no primary tumour at entry")
                }
                _ => match self.now.primary_uptake {
                    Uptake::Resolved | Uptake::NotAvid => {
                        part(Verdict::Complete, "uptake at the primary site has resolved")
                    }
                    Uptake::NotDone => {
                        part(Verdict::NotEvaluable, "uptake at the primary site was not looked at")
                    }
                    _ => part(
                        Verdict::Stable,
                        "uptake at the primary site persists, and nothing can be measured",
                    ),
                },
            };
        };
        let Some(now) = self.now.lesion(&base.id).filter(|lesion| lesion.size != Size::NotAssessed) else {
            return part(Verdict::NotEvaluable, "the primary tumour was not assessed");
        };
        if now.size == Size::Worse {
            return part(Verdict::Progressive, "the primary tumour is unequivocally worse");
        }
        let nadir = self.earlier().filter_map(|visit| visit.lesion(&base.id)).filter_map(diameter).min();
        let (from, to) = (diameter(base), diameter(now));
        if let (Some(nadir), Some(to)) = (nadir, to)
            && rose_beyond(nadir, to, 20)
            && to.saturating_sub(nadir) >= RISE
        {
            let change = moved(&LENGTH, nadir, to, "at the smallest");
            return part(
                Verdict::Progressive,
                format!("{}, {change}: more than 20% and at least 5 mm up", LENGTH.show(to)),
            );
        }
        let Some(to) = to else {
            return part(Verdict::Stable, "there, not measured and not worse");
        };
        let change = from.map_or_else(
            || LENGTH.show(to),
            |from| format!("{}, {}", LENGTH.show(to), moved(&LENGTH, from, to, "at baseline")),
        );
        let uptake = self.uptake(self.baseline.primary_uptake, self.now.primary_uptake);
        let small = to < LEFT;
        let fell = from.is_some_and(|from| fell_by(from, to, 30)) || to.is_zero();
        match uptake {
            Shown::Resolved if small => part(Verdict::Complete, format!("{change}, uptake resolved")),
            Shown::Unknown if small || fell => {
                part(Verdict::NotEvaluable, format!("{change}, but uptake was not looked at"))
            }
            Shown::Resolved | Shown::NotWorse if fell => {
                part(Verdict::Partial, format!("{change}, uptake not worse: at least 30% down"))
            }
            Shown::Worse if fell => part(Verdict::Stable, format!("{change}, but uptake is worse")),
            _ => part(Verdict::Stable, format!("{change}: less than 30% down, no progression")),
        }
    }

    fn uptake(&self, base: Uptake, now: Uptake) -> Shown {
        match (base, now) {
            (_, Uptake::Resolved) => Shown::Resolved,
            (Uptake::NotAvid, Uptake::NotDone | Uptake::NotAvid) => Shown::Resolved,
            (_, Uptake::NotDone) => Shown::Unknown,
            (_, Uptake::Worse) => Shown::Worse,
            // Uptake where there was none at baseline is more than there was.
            (Uptake::NotAvid | Uptake::Resolved, Uptake::Avid | Uptake::Better) => Shown::Worse,
            (_, Uptake::NotAvid) => Shown::Resolved,
            (_, Uptake::Avid | Uptake::Better) => Shown::NotWorse,
        }
    }

    // Metastases in soft tissue and bone.

    fn metastases(&self) -> Part {
        if let Some(new) = self.new_lesion() {
            return new;
        }
        let soft = self.soft_tissue();
        let bone = self.bone();
        let documented = soft.is_some() || bone.is_some();
        let parts: Vec<Part> = [soft, bone].into_iter().flatten().collect();
        let says = parts.iter().map(|part| part.says.as_str()).collect::<Vec<_>>().join("; ");
        let has = |verdict| parts.iter().any(|part| part.verdict == verdict);
        if !documented {
            return part(
                Verdict::NotEvaluable,
                "neither lesions nor a MIBG score or FDG-avid bone lesions are recorded at baseline",
            );
        }
        let verdict = if has(Verdict::Progressive) {
            Verdict::Progressive
        } else if has(Verdict::Stable) {
            // One part that has not responded keeps the whole from responding, evaluated or not.
            Verdict::Stable
        } else if has(Verdict::NotEvaluable) {
            Verdict::NotEvaluable
        } else if parts.iter().all(|part| part.verdict == Verdict::NotInvolved) {
            Verdict::NotInvolved
        } else if has(Verdict::Partial) {
            Verdict::Partial
        } else {
            Verdict::Complete
        };
        let unproven = matches!(verdict, Verdict::Partial | Verdict::Complete | Verdict::NotInvolved)
            && self.now.lesions.iter().any(|lesion| !is_primary(lesion) && self.is_new(lesion));
        if unproven {
            return part(
                Verdict::Stable,
                format!("{says}; a new lesion that was not proven allows no response"),
            );
        }
        part(verdict, says)
    }

    /// A lesion that is there now and was not at baseline.
    fn is_new(&self, lesion: &Lesion) -> bool {
        is_there(lesion) && (lesion.role == Role::New || self.baseline.lesion(&lesion.id).is_none())
    }

    fn new_lesion(&self) -> Option<Part> {
        if self.now.new_lesion_proven {
            return Some(part(
                Verdict::Progressive,
                "a new lesion that takes up the tracer or was proven by biopsy",
            ));
        }
        let new = self.now.lesions.iter().find(|lesion| !is_primary(lesion) && self.is_new(lesion))?;
        (!self.settings.new_lesion_needs_proof)
            .then(|| part(Verdict::Progressive, format!("new lesion {}", new.id)))
    }

    fn soft_tissue(&self) -> Option<Part> {
        let lesions: Vec<&Lesion> =
            self.baseline.lesions.iter().filter(|lesion| !is_primary(lesion) && is_there(lesion)).collect();
        if lesions.is_empty() {
            return None;
        }
        let now = |lesion: &Lesion| self.now.lesion(&lesion.id);
        let worse = lesions.iter().find(|lesion| now(lesion).is_some_and(|now| now.size == Size::Worse));
        if let Some(worse) = worse {
            return Some(part(Verdict::Progressive, format!("lesion {} is unequivocally worse", worse.id)));
        }
        let targets: Vec<&&Lesion> = lesions.iter().filter(|lesion| lesion.role == Role::Target).collect();
        let sum = |visit: &Visit| {
            targets.iter().try_fold(Decimal::ZERO, |sum, target| {
                Some(sum.saturating_add(diameter(visit.lesion(&target.id)?)?))
            })
        };
        let back = lesions.iter().filter(|lesion| lesion.role == Role::NonTarget).find(|lesion| {
            let earlier: Vec<&Lesion> = self.earlier().filter_map(|visit| visit.lesion(&lesion.id)).collect();
            let gone = earlier.iter().rev().find(|earlier| earlier.size != Size::NotAssessed);
            gone.is_some_and(|earlier| earlier.size == Size::Absent) && now(lesion).is_some_and(is_there)
        });
        if let Some(back) = back {
            return Some(part(Verdict::Progressive, format!("lesion {} was gone and is back", back.id)));
        }
        let (base, to) = (sum(self.baseline), sum(self.now));
        let nadir = self.earlier().filter_map(sum).min();
        // A target that was not measured can only add to the sum.
        let measured = targets
            .iter()
            .filter_map(|target| diameter(self.now.lesion(&target.id)?))
            .reduce(|sum, length| sum.saturating_add(length));
        if let (Some(nadir), Some(to), false) = (nadir, to.or(measured), targets.is_empty())
            && rose_beyond(nadir, to, 20)
            && to.saturating_sub(nadir) >= RISE
        {
            let change = moved(&SUM, nadir, to, "at the nadir");
            let says = format!("{} {}, {change}: more than 20% and at least 5 mm up", SUM.name, SUM.show(to));
            return Some(part(Verdict::Progressive, says));
        }
        let unseen: Vec<&str> = lesions
            .iter()
            .filter(|lesion| now(lesion).is_none_or(|now| now.size == Size::NotAssessed))
            .map(|lesion| lesion.id.as_str())
            .collect();
        let small = lesions
            .iter()
            .all(|lesion| now(lesion).and_then(diameter).is_some_and(|diameter| diameter < LEFT));
        let (fell, change) = match (base, to) {
            _ if targets.is_empty() => (false, "lesions that are not measured".to_owned()),
            (Some(base), Some(to)) => (
                fell_by(base, to, 30),
                format!("{} {}, {}", SUM.name, SUM.show(to), moved(&SUM, base, to, "at baseline")),
            ),
            _ => {
                return Some(part(
                    Verdict::NotEvaluable,
                    format!("lesions not assessed: {}", unseen.join(", ")),
                ));
            }
        };
        let uptake = self.uptake(self.baseline.soft_tissue_uptake, self.now.soft_tissue_uptake);
        Some(match uptake {
            _ if !(small || fell) && unseen.is_empty() => {
                part(Verdict::Stable, format!("{change}: less than 30% down, no progression"))
            }
            _ if !unseen.is_empty() && (fell || targets.is_empty()) => {
                part(Verdict::NotEvaluable, format!("{change}, but not assessed: {}", unseen.join(", ")))
            }
            _ if !unseen.is_empty() => part(Verdict::Stable, format!("{change}: less than 30% down")),
            Shown::Resolved if small => {
                part(Verdict::Complete, format!("{change}, all below 10 mm, uptake resolved"))
            }
            Shown::Worse => part(Verdict::Stable, format!("{change}, but uptake is worse")),
            // All below 10 mm and not shown to be resolved is a partial response if the sum fell, whatever uptake.
            _ if fell => part(Verdict::Partial, format!("{change}: at least 30% down")),
            _ => part(Verdict::Stable, format!("{change}: small, but uptake not shown to be resolved")),
        })
    }

    fn bone(&self) -> Option<Part> {
        if let Some(base) = self.baseline.score {
            let Some(now) = self.now.score else {
                return Some(if base.value == 0 {
                    part(Verdict::NotInvolved, "no MIBG-avid bone at baseline")
                } else {
                    part(Verdict::NotEvaluable, "MIBG score not given")
                });
            };
            if base.system != now.system {
                let says = format!(
                    "a {} score cannot be compared with a {} score at baseline",
                    now.system.name(),
                    base.system.name()
                );
                return Some(part(Verdict::NotEvaluable, says));
            }
            let says = format!("{} score {}, {} at baseline", now.system.name(), now.value, base.value);
            let says = match base.value {
                0 => says,
                _ => format!("{says}, relative {}", relative(now.value, base.value)),
            };
            return Some(match (base.value, now.value) {
                (0, 0) => part(Verdict::NotInvolved, says),
                (0, _) => part(Verdict::Progressive, format!("{says}: new MIBG-avid bone")),
                (_, now)
                    if now > 0
                        && self.earlier().any(|visit| visit.score.is_some_and(|score| score.value == 0)) =>
                {
                    part(Verdict::Progressive, format!("{says}, 0 in between: new MIBG-avid bone"))
                }
                (_, 0) => part(Verdict::Complete, says),
                (base, now) if u64::from(now) * 10 >= u64::from(self.score_from(base)) * 12 => {
                    part(Verdict::Progressive, format!("{says}: at least 1.2 of {}", self.score_from(base)))
                }
                (base, now) if u64::from(now) * 2 <= u64::from(base) => {
                    part(Verdict::Partial, format!("{says}: at most 0.5"))
                }
                _ => part(Verdict::Stable, format!("{says}: above 0.5 and below 1.2")),
            });
        }
        let base = self.baseline.fdg_bone_lesions?;
        let Some(now) = self.now.fdg_bone_lesions else {
            return Some(if base == 0 {
                part(Verdict::NotInvolved, "no FDG-avid bone at baseline")
            } else {
                part(Verdict::NotEvaluable, "FDG-avid bone lesions not counted")
            });
        };
        let says = format!("{now} FDG-avid bone lesions, {base} at baseline");
        Some(match (base, now) {
            (0, 0) => part(Verdict::NotInvolved, says),
            (_, 0) => part(Verdict::Complete, says),
            (base, now) if now > base => part(Verdict::Progressive, format!("{says}: a new one")),
            (base, now) if u64::from(now) * 2 <= u64::from(base) => {
                part(Verdict::Partial, format!("{says}: at most half"))
            }
            _ => part(Verdict::Stable, format!("{says}: more than half")),
        })
    }

    fn score_from(&self, base: u32) -> u32 {
        match self.settings.score_rise_from {
            RiseFrom::Baseline => base,
            RiseFrom::Nadir => {
                let system = self.baseline.score.map(|score| score.system);
                self.earlier()
                    .filter_map(|visit| visit.score)
                    .filter(|score| Some(score.system) == system)
                    .map(|score| score.value)
                    .min()
                    .unwrap_or(base)
            }
        }
    }

    // The marrow.

    fn marrow(&self) -> Part {
        let Some(base) = self.baseline.marrow else {
            return part(
                Verdict::NotEvaluable,
                "not examined at baseline, so its involvement at entry is not known",
            );
        };
        let Some(now) = self.now.marrow else {
            return if base.is_zero() {
                part(Verdict::NotInvolved, "no tumour at baseline, not examined now")
            } else {
                part(Verdict::NotEvaluable, "not examined")
            };
        };
        let from = match self.settings.marrow_rise_from {
            RiseFrom::Baseline => base,
            RiseFrom::Nadir => self.earlier().filter_map(|visit| visit.marrow).min().unwrap_or(base),
        };
        let says = format!("tumour {}, {} at baseline", MARROW.show(now), MARROW.show(base));
        if from.is_zero() && now > MINIMAL {
            return part(Verdict::Progressive, format!("{says}: none before, more than 5% now"));
        }
        if now > EXTENSIVE && now > from.saturating_mul(Decimal::TWO) {
            let says = format!("{says}: more than doubled from {} and more than 20%", MARROW.show(from));
            return part(Verdict::Progressive, says);
        }
        if now.is_zero() {
            return if base.is_zero() {
                part(Verdict::NotInvolved, says)
            } else {
                part(Verdict::Complete, says)
            };
        }
        if now > MINIMAL {
            return part(Verdict::Stable, format!("{says}: above 5%, no progression"));
        }
        let between = base > MINIMAL && base <= EXTENSIVE;
        if between && self.settings.marrow_fall_to_five == FallToMinimal::Stable {
            let says = format!(
                "{says}: from 5 to 20% down to 5%, which no printed case names (setting marrow-fall-to-five)"
            );
            return part(Verdict::Stable, says);
        }
        part(Verdict::Minimal, format!("{says}: up to 5%"))
    }
}

fn is_there(lesion: &Lesion) -> bool {
    !matches!(lesion.size, Size::Absent | Size::NotAssessed)
}

/// `now / base` for display, cut off after two decimals.
fn relative(now: u32, base: u32) -> String {
    let hundredths = u64::from(now) * 100 / u64::from(base.max(1));
    format!("{}.{:02}", hundredths / 100, hundredths % 100)
}

/// What the scans of one site show against baseline.
enum Shown {
    Resolved,
    NotWorse,
    Worse,
    Unknown,
}
