//! Response in Waldenström macroglobulinaemia, by the 6th and the 11th international workshop.
//!
//! Start at [`assess`]: settings, a baseline, the visits before in any order, and the visit to judge in; a
//! [`Response`] with a verdict a component out. [`confirm()`] asks for the second immunofixation of a complete
//! response and the second IgM of a progression; [`best`] picks the best response. Comparisons are exact.
//!
//! Minimal response counts in the overall response rate here, unlike in myeloma: the major rate is partial
//! response or better ([`CriteriaSet::overall_response_floor`](super::CriteriaSet::overall_response_floor)).
//!
//! Sources: Owen et al., Br J Haematol 2013;160:171-6, doi:10.1111/bjh.12102; Treon et al., Semin Hematol
//! 2023;60:97-106. Left out: free light chains, and the pace of IgM against that of the marrow.

use jiff::civil::Date;
use rust_decimal::Decimal;

use super::amount::{Measure, fell_by, moved, rose_by, whole};
use super::component::Component;
use super::imwg::BadValue;
use super::{Category, ProgressionKind};
use crate::Because;

mod confirm;
mod settings;
mod visit;

pub use confirm::{best, confirm};
pub use settings::{MissingExtramedullary, OtherMethod, SecondImmunofixation, Settings};
pub use visit::{Baseline, Extramedullary, Marrow, Method, Pause, Visit};

/// Serum IgM, or the IgM spike of the electrophoresis, mg/dL.
pub const IGM: Measure = Measure::new(
    "serum IgM",
    "mg/dL",
    &[("mg/dL", 1, 0), ("g/L", 100, 0), ("g/dL", 1000, 0), ("mg/L", 1, 1)],
);

/// The paper of the 6th workshop.
pub(super) const SOURCE_6: &str = "Owen et al., Br J Haematol 2013;160:171-6";
/// The paper of the 11th workshop.
pub(super) const SOURCE_11: &str = "Treon et al., Semin Hematol 2023;60:97-106";

/// One assessment judged by these criteria: components `igm`, `extramedullary`, `immunofixation`, `marrow` and
/// `clinical`.
pub type Response = super::component::Response<Category>;

/// The category of the visit `now`, given the baseline and the visits before it.
///
/// Progression is tested first. Of `history`, only what lies between baseline and `now` is used.
///
/// # Errors
/// A value that cannot have been measured, named with its day.
///
/// ```
/// use jiff::civil::date;
/// use posology_clinic::response::{Category, CriteriaSet, iwwm::{Baseline, Settings, Visit, assess}};
/// let at = |month, igm: i64| Visit { igm: Some(igm.into()), ..Visit::new(date(2024, month, 1)) };
/// let response = assess(&Settings::new(CriteriaSet::Iwwm11), &Baseline::new(at(1, 4000)), &[], &at(3, 2000))?;
/// assert_eq!(response.category, Category::Partial);
/// assert!(response.reasons[0].says.contains("down 50.0% from 4000 mg/dL at baseline"));
/// # Ok::<(), posology_clinic::response::imwg::BadValue>(())
/// ```
pub fn assess(
    settings: &Settings,
    baseline: &Baseline,
    history: &[Visit],
    now: &Visit,
) -> Result<Response, BadValue> {
    baseline.visit.check()?;
    now.check()?;
    let mut before: Vec<&Visit> =
        history.iter().filter(|visit| visit.date > baseline.visit.date && visit.date < now.date).collect();
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
    baseline: &Baseline,
    visits: &[Visit],
) -> Result<Vec<Response>, BadValue> {
    let mut dated: Vec<&Visit> = visits.iter().filter(|visit| visit.date > baseline.visit.date).collect();
    dated.sort();
    dated.into_iter().map(|now| assess(settings, baseline, visits, now)).collect()
}

struct Patient<'a> {
    settings: &'a Settings,
    baseline: &'a Baseline,
    before: &'a [&'a Visit],
    now: &'a Visit,
}

/// Why a visit has no IgM to compare.
enum NoIgm {
    NotDone,
    AfterPlasmapheresis(Date),
    OtherMethod(Method, Method),
}

fn within(from: Date, days: u32, date: Date) -> bool {
    date >= from && i64::from((date - from).get_days()) <= i64::from(days)
}

impl Patient<'_> {
    fn because(&self, rule: &str, says: impl Into<String>) -> Because {
        self.settings.because(rule, says)
    }

    fn igm(&self, visit: &Visit) -> Result<Decimal, NoIgm> {
        let value = visit.igm.ok_or(NoIgm::NotDone)?;
        let exchanges = self.baseline.plasmapheresis.iter();
        let last = exchanges.filter(|&&day| within(day, self.settings.plasmapheresis_days, visit.date)).max();
        if let Some(&day) = last {
            return Err(NoIgm::AfterPlasmapheresis(day));
        }
        match (self.baseline.visit.method, visit.method) {
            (Some(first), Some(other))
                if first != other && self.settings.other_method == OtherMethod::NotEvaluable =>
            {
                Err(NoIgm::OtherMethod(first, other))
            }
            _ => Ok(value),
        }
    }

    fn upper_limit(&self, visit: &Visit) -> Decimal {
        visit.igm_upper_limit.unwrap_or_else(|| whole(self.settings.igm_upper_limit))
    }

    fn judge(&self) -> Response {
        let extramedullary = self.extramedullary();
        let mut components = vec![self.igm_component(), extramedullary];
        components.push(self.immunofixation());
        components.push(self.marrow());
        components.push(self.clinical());

        let progression: Vec<&Component<Category>> =
            components.iter().filter(|part| part.verdict == Category::Progressive).collect();
        if !progression.is_empty() {
            let kind = progression
                .iter()
                .map(|part| match part.name {
                    "igm" => ProgressionKind::Biochemical,
                    "clinical" => ProgressionKind::Clinical,
                    _ => ProgressionKind::Imaging,
                })
                .max();
            let reasons = progression.iter().map(|part| part.because.clone()).collect();
            return Response {
                date: self.now.date,
                category: Category::Progressive,
                kind,
                components,
                reasons,
            };
        }
        let (category, reasons) = self.response(&components);
        Response { date: self.now.date, category, kind: None, components, reasons }
    }

    /// The level that IgM alone allows, or progression.
    fn igm_component(&self) -> Component<Category> {
        let part = |verdict, because| Component { name: "igm", verdict, because };
        let not_evaluable = |rule: &str, says: String| part(Category::NotEvaluable, self.because(rule, says));
        let now = match self.igm(self.now) {
            Ok(now) => now,
            Err(why) => {
                return match why {
                    NoIgm::NotDone => not_evaluable("igm-missing", "IgM was not measured".to_owned()),
                    NoIgm::AfterPlasmapheresis(day) => not_evaluable(
                        "plasmapheresis",
                        format!(
                            "IgM is passed over for {} days after the plasmapheresis of {day}",
                            self.settings.plasmapheresis_days
                        ),
                    ),
                    NoIgm::OtherMethod(first, other) => not_evaluable(
                        "method-changed",
                        format!(
                            "IgM by {} cannot be compared with the baseline by {}: one method throughout",
                            other.name(),
                            first.name()
                        ),
                    ),
                };
            }
        };
        let base = self.igm(&self.baseline.visit).ok();
        let values = self.before.iter().filter_map(|visit| self.igm(visit).ok());
        let Some(nadir) = base.into_iter().chain(values).min() else {
            return not_evaluable(
                "baseline-missing",
                "IgM has no value at baseline to compare with".to_owned(),
            );
        };
        let rise = now.saturating_sub(nadir);
        let amount = self.settings.absolute_rise();
        let short = IGM.show(now);
        if rose_by(nadir, now, 25) {
            let says = format!("{} {short}, {}", IGM.name, moved(&IGM, nadir, now, "at the nadir"));
            let with = |because: Because| {
                because.input("now", &short).input("nadir", IGM.show(nadir)).input("rise", IGM.show(rise))
            };
            if rise >= amount {
                let Some(excuse) = self.excuse() else {
                    let limit = if amount.is_zero() {
                        "at least 25% up".to_owned()
                    } else {
                        format!("at least 25% and {} up", IGM.show(amount))
                    };
                    return part(
                        Category::Progressive,
                        with(self.because("progression-igm", format!("{says}: PD ({limit})"))),
                    );
                };
                let mut level = self.level(base, now);
                level.because = with(self.because(excuse.0, format!("{says}: {}, so no PD", excuse.1)));
                return level;
            }
            let mut level = self.level(base, now);
            level.because = with(self.because(
                "no-progression",
                format!("{says}: no PD, which needs {} as well; {}", IGM.show(amount), level.because.says),
            ));
            return level;
        }
        self.level(base, now)
    }

    /// A reason other than the disease for a rise of IgM on this day.
    fn excuse(&self) -> Option<(&'static str, String)> {
        let today = self.now.date;
        let antibody =
            self.baseline.anti_cd20.iter().filter(|&&day| within(day, self.settings.flare_days, today)).max();
        if let Some(day) = antibody {
            let says = format!(
                "within {} days of the anti-CD20 antibody of {day} it may be a flare",
                self.settings.flare_days
            );
            return Some(("flare", says));
        }
        let pause = self.baseline.pauses.iter().find(|pause| {
            today >= pause.from
                && pause
                    .resumed
                    .is_none_or(|day| today <= day || within(day, self.settings.rebound_days, today))
        })?;
        Some(("rebound", format!("the BTK inhibitor was paused on {}, and it may be a rebound", pause.from)))
    }

    /// The category by the fall of IgM from baseline.
    fn level(&self, base: Option<Decimal>, now: Decimal) -> Component<Category> {
        let part = |verdict, because| Component { name: "igm", verdict, because };
        let Some(base) = base else {
            let because = self.because("baseline-missing", "IgM has no value at baseline to compare with");
            return part(Category::NotEvaluable, because);
        };
        let upper = self.upper_limit(&self.baseline.visit);
        if base <= upper {
            return part(
                Category::NotEvaluable,
                self.because(
                    "not-measurable",
                    format!(
                        "{} {} at baseline is within normal (up to {}): a fall cannot be judged",
                        IGM.name,
                        IGM.show(base),
                        IGM.show(upper)
                    ),
                ),
            );
        }
        let upper_now = self.upper_limit(self.now);
        let (verdict, limit) = if fell_by(base, now, 90) {
            (Category::VeryGoodPartial, "at least 90% down".to_owned())
        } else if self.settings.normal_igm_is_very_good() && now <= upper_now {
            (Category::VeryGoodPartial, format!("within normal, up to {}", IGM.show(upper_now)))
        } else if fell_by(base, now, 50) {
            (Category::Partial, "at least 50% down".to_owned())
        } else if fell_by(base, now, 25) {
            (Category::Minimal, "at least 25% down".to_owned())
        } else {
            (Category::Stable, "less than 25% down and no progression".to_owned())
        };
        let shown = IGM.show(now);
        let says = format!("{} {shown}, {}", IGM.name, moved(&IGM, base, now, "at baseline"));
        let other = match (self.baseline.visit.method, self.now.method) {
            (Some(first), Some(other)) if first != other => {
                format!(", though by {} and not by {}", other.name(), first.name())
            }
            _ => String::new(),
        };
        part(
            verdict,
            self.because("igm", format!("{says}: {verdict} by IgM ({limit}{other})"))
                .input("now", shown)
                .input("baseline", IGM.show(base)),
        )
    }

    /// The finding on extramedullary disease that holds now, with its day.
    fn extramedullary_now(&self) -> Option<(Extramedullary, Date)> {
        let mut visits = self.before.iter().copied().chain([self.now]);
        visits
            .rfind(|visit| {
                visit.extramedullary != Extramedullary::NotDone
                    && within(visit.date, self.settings.imaging_interval_days, self.now.date)
            })
            .map(|visit| (visit.extramedullary, visit.date))
    }

    /// The day on which extramedullary disease was last looked for before now, if it was absent then.
    fn absent_before(&self) -> Option<Date> {
        let mut earlier = std::iter::once(&self.baseline.visit).chain(self.before.iter().copied());
        let last = earlier.rfind(|visit| visit.extramedullary != Extramedullary::NotDone)?;
        (last.extramedullary == Extramedullary::Absent).then_some(last.date)
    }

    fn extramedullary(&self) -> Component<Category> {
        let part = |verdict, says: String| Component {
            name: "extramedullary",
            verdict,
            because: self.because("extramedullary", says),
        };
        match self.now.extramedullary {
            Extramedullary::New => {
                return part(Category::Progressive, "new extramedullary disease: PD".to_owned());
            }
            Extramedullary::Larger => {
                return part(Category::Progressive, "extramedullary disease has grown: PD".to_owned());
            }
            Extramedullary::Present | Extramedullary::Smaller => {
                if let Some(day) = self.absent_before() {
                    let says = format!("extramedullary disease is there, though there was none on {day}: PD");
                    return part(Category::Progressive, says);
                }
            }
            _ => {}
        }
        let had = self.baseline.visit.extramedullary;
        match (had, self.extramedullary_now()) {
            (_, Some((Extramedullary::Absent, day))) => {
                let says = if matches!(had, Extramedullary::Absent | Extramedullary::NotDone) {
                    format!("no extramedullary disease on {day}")
                } else {
                    format!("extramedullary disease is gone on {day}")
                };
                part(Category::Complete, says)
            }
            (Extramedullary::Absent, None) => {
                part(Category::Complete, "no extramedullary disease at baseline".to_owned())
            }
            (_, Some((Extramedullary::Smaller, day))) => {
                part(Category::Partial, format!("extramedullary disease is smaller on {day}"))
            }
            (_, Some((_, day))) => {
                part(Category::Stable, format!("extramedullary disease is there and not smaller on {day}"))
            }
            (_, None) => part(
                Category::NotEvaluable,
                format!(
                    "extramedullary disease was not documented in the last {} days",
                    self.settings.imaging_interval_days
                ),
            ),
        }
    }

    fn immunofixation(&self) -> Component<Category> {
        let (verdict, says) = match self.now.immunofixation_positive {
            Some(false) => (Category::Complete, "immunofixation sees no monoclonal IgM"),
            Some(true) => (Category::Stable, "immunofixation still sees monoclonal IgM"),
            None => (Category::NotEvaluable, "immunofixation was not done"),
        };
        Component { name: "immunofixation", verdict, because: self.because("immunofixation", says) }
    }

    fn marrow(&self) -> Component<Category> {
        let last = self.before.iter().copied().chain([self.now]).rfind(|visit| {
            visit.marrow != Marrow::NotDone
                && self
                    .settings
                    .marrow_interval_days
                    .is_none_or(|days| within(visit.date, days, self.now.date))
        });
        let (verdict, says) = match last.map(|visit| (visit.marrow, visit.date)) {
            Some((Marrow::Normal, day)) => (Category::Complete, format!("the marrow of {day} is normal")),
            Some((_, day)) => (Category::Stable, format!("the marrow of {day} is involved")),
            None => (Category::NotEvaluable, "the marrow was not examined since baseline".to_owned()),
        };
        Component { name: "marrow", verdict, because: self.because("marrow", says) }
    }

    fn clinical(&self) -> Component<Category> {
        let (verdict, says) = if self.now.clinical_progression {
            (Category::Progressive, "clinical progression, as a physician judged: PD")
        } else {
            (Category::Stable, "no clinical progression recorded")
        };
        Component { name: "clinical", verdict, because: self.because("clinical", says) }
    }

    fn response(&self, components: &[Component<Category>]) -> (Category, Vec<Because>) {
        let part = |name: &str| components.iter().find(|component| component.name == name);
        let verdict = |name| part(name).map_or(Category::NotEvaluable, |component| component.verdict);
        let says = |name: &str| part(name).map(|component| component.because.clone());
        let by_igm = verdict("igm");
        let mut reasons: Vec<Because> = says("igm").into_iter().collect();
        let normal = self.igm(self.now).is_ok_and(|value| value <= self.upper_limit(self.now));
        let needed = ["immunofixation", "extramedullary", "marrow"];
        let is_measurable = by_igm != Category::NotEvaluable;
        if is_measurable && normal && needed.iter().all(|name| verdict(name) == Category::Complete) {
            reasons.insert(
                0,
                self.because(
                    "complete",
                    "IgM is normal, immunofixation negative, no extramedullary disease, marrow normal: CR",
                ),
            );
            reasons.extend(needed.iter().filter_map(|name| says(name)));
            return (Category::Complete, reasons);
        }
        let mut category = by_igm;
        if self.settings.extramedullary_decides() && by_igm.is_at_least(Category::Partial) {
            let extramedullary = verdict("extramedullary");
            let asked = match extramedullary {
                Category::Complete => by_igm,
                Category::Partial => Category::Partial,
                // Nobody looked at baseline either: partial response may stand, a deeper one wants it documented.
                Category::NotEvaluable if self.baseline.visit.extramedullary == Extramedullary::NotDone => {
                    Category::Partial
                }
                Category::NotEvaluable => match self.settings.missing_extramedullary {
                    MissingExtramedullary::Minimal => Category::Minimal,
                    MissingExtramedullary::NotEvaluable => Category::NotEvaluable,
                },
                _ => Category::Minimal,
            };
            if asked != by_igm {
                reasons.extend(says("extramedullary"));
                reasons.insert(
                    0,
                    self.because(
                        "extramedullary-decides",
                        format!("{by_igm} by IgM, {asked} with extramedullary disease: VGPR needs it gone, PR smaller"),
                    ),
                );
            }
            category = asked;
        }
        if category == Category::VeryGoodPartial && verdict("immunofixation") == Category::Complete {
            let missing: Vec<Because> = needed
                .iter()
                .filter(|name| verdict(name) != Category::Complete)
                .filter_map(|name| says(name))
                .collect();
            if !normal {
                reasons.push(self.because("no-complete", "no CR: IgM is above normal"));
            }
            reasons.extend(missing);
        }
        (category, reasons)
    }
}
