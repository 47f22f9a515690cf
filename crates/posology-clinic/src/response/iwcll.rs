//! Response in chronic lymphocytic leukaemia, by the international workshop of 2018.
//!
//! Start at [`assess`]: settings, a baseline, the visits before in any order, and the visit to judge in; a
//! [`Response`] with a verdict a parameter out. Group A (nodes, spleen and liver, lymphocytes) is the load of the
//! disease, group B (platelets, haemoglobin) the function of the marrow. [`confirm()`] asks that a response lasts;
//! [`best`] picks the best; [`recurrence`] tells relapse from refractory disease. Comparisons are exact.
//!
//! Source: Hallek et al., Blood 2018;131:2745-60, doi:10.1182/blood-2017-09-806398, table 4 and section 5; partial
//! response with lymphocytosis: Cheson et al., J Clin Oncol 2012;30:2820-2. Left out: whether a node of a list was
//! the best one to follow.

use rust_decimal::Decimal;

use super::Category;
use super::amount::{Measure, fell_by, moved, rose_by, whole};
use super::component::Component;
use super::imwg::BadValue;
use crate::Because;

mod confirm;
mod progression;
mod settings;
mod visit;

pub use confirm::{Recurrence, best, confirm, recurrence};
pub use settings::{FallFrom, RefractoryFrom, RiseFrom, Settings, Therapy};
pub use visit::{CytopeniaCause, Marrow, Node, Visit};

/// Longest and perpendicular diameters, and the spleen, mm.
pub const LENGTH: Measure = Measure::length("length");
/// Blood lymphocytes, 10^9/L.
pub const LYMPHOCYTES: Measure = Measure::cells("lymphocytes");
/// Platelets, 10^9/L.
pub const PLATELETS: Measure = Measure::cells("platelets");
/// Haemoglobin, g/dL. No molar unit is read: whether it means the monomer differs between laboratories.
pub const HAEMOGLOBIN: Measure =
    Measure::new("haemoglobin", "g/dL", &[("g/dL", 1, 0), ("g/L", 1, 1), ("g/100 mL", 1, 0)]);
/// Leukaemia cells among the cells of the marrow, %.
pub const MARROW_CELLS: Measure = Measure::percent("leukaemia cells in the marrow");
const NODES: Measure = Measure::new("sum of products of the nodes", "mm2", &[("mm2", 1, 0)]);

/// The paper.
pub(super) const SOURCE: &str = "Hallek et al., Blood 2018;131:2745-60, table 4";

/// Longest diameter from which a node is enlarged, mm.
pub const NODE_ENLARGED: Decimal = whole(15);
/// Longest diameter below which a node was never one to follow, mm.
const NODE_SMALL: Decimal = whole(10);
/// Height from which the spleen is enlarged, mm.
const SPLEEN_ENLARGED: Decimal = whole(130);
/// Platelets of a working marrow, 10^9/L.
const PLATELETS_ENOUGH: Decimal = whole(100);
/// Haemoglobin of a working marrow, g/dL.
const HAEMOGLOBIN_ENOUGH: Decimal = whole(11);
/// Fall of haemoglobin that is progression if the disease caused it, g/dL.
const HAEMOGLOBIN_FALL: Decimal = whole(2);

/// Share of leukaemia cells below which no residual disease is measurable.
const RESIDUAL: Decimal = Decimal::from_parts(1, 0, 0, false, 4);
const RESIDUAL_SHARE: Measure = Measure::new("residual disease", "", &[]);

/// One assessment judged by these criteria: components `nodes`, `organs`, `lymphocytes`, `platelets`,
/// `haemoglobin`, `symptoms` and `marrow`. A verdict of `CR` means normal now, `PR` improved enough, `SD` neither,
/// `NE` not measured.
pub type Response = super::component::Response<Category>;

/// The category of the visit `now`, given the baseline and the visits before it.
///
/// Progression is tested first. A partial response needs two parameters of group A and one of group B improved
/// among those abnormal at baseline, or the only one where only one was abnormal. A value that is missing makes
/// the visit not evaluable only where it could change the category. Of `history`, only what lies between
/// baseline and `now` is used.
///
/// # Errors
/// A value that cannot have been measured, named with its day.
///
/// ```
/// use jiff::civil::date;
/// use posology_clinic::response::{Category, iwcll::{Settings, Visit, assess}};
/// let at = |month, lymphocytes: i64, haemoglobin: i64| Visit {
///     lymphocytes: Some(lymphocytes.into()),
///     haemoglobin: Some(haemoglobin.into()),
///     platelets: Some(150.into()),
///     spleen: Some(120.into()),
///     liver: Some(0.into()),
///     ..Visit::new(date(2024, month, 1))
/// };
/// let response = assess(&Settings::default(), &at(1, 80, 9), &[], &at(4, 40, 11))?;
/// assert_eq!(response.category, Category::Partial);
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

/// One parameter: whether it was abnormal at baseline, and what it says now.
struct Parameter {
    component: Component<Category>,
    /// `None` where the baseline does not say.
    was_abnormal: Option<bool>,
}

impl Parameter {
    fn improved(&self) -> bool {
        self.component.verdict.is_at_least(Category::Partial)
    }

    fn missing(&self) -> bool {
        self.component.verdict == Category::NotEvaluable
    }
}

fn because(rule: &str, says: impl Into<String>) -> Because {
    Because::new(format!("iwcll-2018/{rule}"), says).source(SOURCE)
}

fn parameter(
    name: &'static str,
    was_abnormal: Option<bool>,
    verdict: Category,
    says: impl Into<String>,
) -> Parameter {
    let component = Component { name, verdict, because: because(name, says) };
    Parameter { component, was_abnormal }
}

impl Patient<'_> {
    /// Baseline and the visits before, in date order.
    fn earlier(&self) -> impl Iterator<Item = &Visit> {
        std::iter::once(self.baseline).chain(self.before.iter().copied())
    }

    fn judge(&self) -> Response {
        let parameters = [
            self.nodes(),
            self.organs(),
            self.lymphocytes(),
            self.count("platelets"),
            self.count("haemoglobin"),
            self.symptoms(),
            self.marrow(),
        ];
        let progression = self.progression();
        let (category, reasons) = if progression.is_empty() {
            let (category, mut reasons) = self.response(&parameters);
            reasons.extend(self.now.residual.map(|share| {
                let found = if share < RESIDUAL { "undetectable" } else { "detectable" };
                because(
                    "residual-disease",
                    format!("measurable residual disease {share}: {found} (below 0.0001)"),
                )
            }));
            reasons.extend(self.not_counted_as_progression());
            (category, reasons)
        } else {
            (Category::Progressive, progression.iter().map(|met| met.1.clone()).collect())
        };
        Response {
            date: self.now.date,
            category,
            kind: progression.iter().map(|met| met.0).max(),
            components: parameters.into_iter().map(|parameter| parameter.component).collect(),
            reasons,
        }
    }

    // Parameters.

    fn nodes(&self) -> Parameter {
        let name = "nodes";
        let none_now =
            self.now.no_enlarged_node && self.now.nodes.values().all(|node| node.longest < NODE_ENLARGED);
        if self.baseline.nodes.is_empty() {
            let abnormal = self.baseline.no_enlarged_node.then_some(false);
            return if none_now {
                parameter(name, abnormal, Category::Complete, "no node of 15 mm or more")
            } else {
                let says = "no node was measured at baseline, and none looked for now";
                parameter(name, abnormal, Category::NotEvaluable, says)
            };
        }
        let abnormal = self.baseline.nodes.values().any(|node| node.longest >= NODE_ENLARGED);
        let unmeasured: Vec<&str> = self
            .baseline
            .nodes
            .keys()
            .filter(|node| !self.now.nodes.contains_key(*node))
            .map(String::as_str)
            .collect();
        if none_now {
            return parameter(name, Some(abnormal), Category::Complete, "no node of 15 mm or more is left");
        }
        let (Some(base), Some(sum)) = (self.sum(self.baseline), self.sum(self.now)) else {
            let says = format!("nodes not measured: {}", unmeasured.join(", "));
            return parameter(name, Some(abnormal), Category::NotEvaluable, says);
        };
        let largest = self.now.nodes.values().map(|node| node.longest).chain(self.now.new_node).max();
        let normal = largest.is_none_or(|longest| longest < NODE_ENLARGED);
        let change =
            format!("{} {}, {}", NODES.name, NODES.show(sum), moved(&NODES, base, sum, "at baseline"));
        if normal {
            return parameter(
                name,
                Some(abnormal),
                Category::Complete,
                format!("{change}: none of 15 mm or more"),
            );
        }
        if fell_by(base, sum, 50) {
            return parameter(
                name,
                Some(abnormal),
                Category::Partial,
                format!("{change} (at least 50% down)"),
            );
        }
        parameter(name, Some(abnormal), Category::Stable, format!("{change}: less than 50% down"))
    }

    /// Spleen and liver are one parameter; each that was enlarged must shrink.
    fn organs(&self) -> Parameter {
        let base_spleen = self.baseline.spleen.map(|height| height >= SPLEEN_ENLARGED);
        let base_liver = self.baseline.liver.map(|size| size > Decimal::ZERO);
        let was_abnormal = match (base_spleen, base_liver) {
            (Some(true), _) | (_, Some(true)) => Some(true),
            (None, None) => None,
            // The one that was not looked at is not called abnormal; the one that was, was normal.
            _ => Some(false),
        };
        let spleen = match (self.baseline.spleen_excess(), self.now.spleen_excess(), self.now.spleen) {
            (_, Some(_), Some(height)) if height < SPLEEN_ENLARGED => Category::Complete,
            (Some(base), Some(now), _) if fell_by(base, now, 50) => Category::Partial,
            (_, Some(_), _) => Category::Stable,
            _ => Category::NotEvaluable,
        };
        let liver = match (self.baseline.liver, self.now.liver) {
            (_, Some(now)) if now.is_zero() => Category::Complete,
            (Some(base), Some(now)) if fell_by(base, now, 50) => Category::Partial,
            (_, Some(_)) => Category::Stable,
            _ => Category::NotEvaluable,
        };
        // What was normal at baseline does not have to improve, only to be normal for a complete response.
        let verdict = match (base_spleen, base_liver) {
            // One that did not shrink decides, whether or not the other was measured.
            (Some(true), Some(true)) if spleen == Category::Stable || liver == Category::Stable => {
                Category::Stable
            }
            (Some(true), Some(true)) | (Some(false) | None, Some(false) | None) => spleen.min(liver),
            (Some(true), _) => lesser_unless_normal(spleen, liver),
            (_, Some(true)) => lesser_unless_normal(liver, spleen),
        };
        let show = |size: Option<Decimal>| {
            size.map_or("not measured".to_owned(), |size| {
                if size.is_zero() { "normal".to_owned() } else { LENGTH.show(size) }
            })
        };
        let says = format!(
            "spleen {} (baseline {}), liver {} (baseline {}): {}",
            show(self.now.spleen),
            show(self.baseline.spleen),
            show(self.now.liver),
            show(self.baseline.liver),
            match verdict {
                Category::Complete => "normal",
                Category::Partial => "excess at least 50% down",
                Category::NotEvaluable => "not measured",
                _ => "excess less than 50% down",
            }
        );
        parameter("organs", was_abnormal, verdict, says)
    }

    fn lymphocytes(&self) -> Parameter {
        let normal_below = self.settings.lymphocytes_normal_below;
        let abnormal = self.baseline.lymphocytes.map(|base| base >= normal_below);
        let Some(now) = self.now.lymphocytes else {
            return parameter("lymphocytes", abnormal, Category::NotEvaluable, "lymphocytes not counted");
        };
        let shown = LYMPHOCYTES.show(now);
        let change = self.baseline.lymphocytes.map_or_else(
            || format!("lymphocytes {shown}"),
            |base| format!("lymphocytes {shown}, {}", moved(&LYMPHOCYTES, base, now, "at baseline")),
        );
        let (verdict, limit) = if now < normal_below {
            (Category::Complete, "normal")
        } else if self.baseline.lymphocytes.is_some_and(|base| fell_by(base, now, 50)) {
            (Category::Partial, "at least 50% down")
        } else {
            (Category::Stable, "less than 50% down")
        };
        parameter("lymphocytes", abnormal, verdict, format!("{change}: {limit}"))
    }

    fn count(&self, name: &'static str) -> Parameter {
        let (measure, base, now, supported, enough) = if name == "platelets" {
            let (base, now) = (self.baseline.platelets, self.now.platelets);
            (PLATELETS, base, now, self.now.platelet_support, PLATELETS_ENOUGH)
        } else {
            let (base, now) = (self.baseline.haemoglobin, self.now.haemoglobin);
            (HAEMOGLOBIN, base, now, self.now.red_cell_support, HAEMOGLOBIN_ENOUGH)
        };
        let abnormal = base.map(|base| base < enough);
        let Some(now) = now else {
            return parameter(name, abnormal, Category::NotEvaluable, format!("{name} not counted"));
        };
        let shown = measure.show(now);
        let change = base.map_or_else(
            || format!("{name} {shown}"),
            |base| format!("{name} {shown}, {}", moved(&measure, base, now, "at baseline")),
        );
        let (verdict, limit) = if supported {
            (Category::Stable, "under transfusion or growth factor, which shows no recovery".to_owned())
        } else if now >= enough {
            (Category::Complete, format!("at least {}", measure.show(enough)))
        } else if base.is_some_and(|base| rose_by(base, now, 50)) {
            (Category::Partial, "at least 50% up".to_owned())
        } else {
            (Category::Stable, format!("below {} and less than 50% up", measure.show(enough)))
        };
        parameter(name, abnormal, verdict, format!("{change}: {limit}"))
    }

    fn symptoms(&self) -> Parameter {
        let (verdict, says) = match self.now.symptoms {
            Some(false) => (Category::Complete, "no constitutional symptoms"),
            Some(true) => (Category::Stable, "constitutional symptoms, which a partial response allows"),
            None => (Category::NotEvaluable, "constitutional symptoms not recorded"),
        };
        parameter("symptoms", self.baseline.symptoms, verdict, says)
    }

    fn marrow(&self) -> Parameter {
        let was = self.baseline.marrow.and_then(|marrow| marrow.leukaemia_cells);
        let (verdict, says) = match self.now.marrow {
            None => (Category::NotEvaluable, "marrow not examined"),
            Some(marrow) => match marrow.leukaemia_cells {
                // A report of a normal marrow with a share of leukaemia cells is not one of a normal marrow.
                Some(false) if marrow.percent.is_some_and(|share| share > Decimal::ZERO) => {
                    (Category::Stable, "leukaemia cells in the marrow")
                }
                Some(true) => (Category::Stable, "leukaemia cells in the marrow"),
                None => (
                    Category::NotEvaluable,
                    "the marrow report does not say whether there are leukaemia cells",
                ),
                Some(false) if marrow.nodules => {
                    (Category::NodularPartial, "nodules of B lymphocytes in the marrow")
                }
                Some(false) if marrow.hypocellular => {
                    (Category::CompleteIncompleteRecovery, "hypocellular marrow without leukaemia cells")
                }
                Some(false) => (Category::Complete, "normal marrow without leukaemia cells or nodules"),
            },
        };
        parameter("marrow", was, verdict, says)
    }

    // Response.

    fn response(&self, parameters: &[Parameter; 7]) -> (Category, Vec<Because>) {
        let [nodes, organs, lymphocytes, platelets, haemoglobin, symptoms, marrow] = parameters;
        if let Some(complete) = self.complete(parameters) {
            return complete;
        }
        let group_a = [nodes, organs, lymphocytes];
        let group_b = [platelets, haemoglobin];
        let whole_a = Tally::of(&group_a, 2);
        let b = self.group_b(&group_b);
        let mut reasons: Vec<Because> = Vec::new();
        let all = |group: &[&Parameter]| {
            group.iter().map(|parameter| parameter.component.because.clone()).collect::<Vec<_>>()
        };
        if whole_a.abnormal == 0 {
            let says = "no parameter of group A (nodes, spleen and liver, lymphocytes) was abnormal at baseline: a response cannot be judged";
            reasons.push(because("nothing-to-follow", says));
            reasons.extend(all(&group_a));
            return (Category::NotEvaluable, reasons);
        }
        let lymphocytosis =
            self.settings.kinase_inhibitor && lymphocytes.component.verdict == Category::Stable;
        let a = if lymphocytosis { Tally::of(&[nodes, organs], 2) } else { whole_a };
        let verdict = a.verdict().and(b);
        let category = match verdict {
            Met::Yes if lymphocytosis => Category::PartialWithLymphocytosis,
            Met::Yes => Category::Partial,
            Met::No => Category::Stable,
            Met::Unknown => Category::NotEvaluable,
        };
        let says = format!(
            "{category}: group A {}, group B {}",
            a.says(),
            match b {
                Met::Yes => "as asked",
                Met::No => "not as asked (platelets or haemoglobin improved)",
                Met::Unknown => "not documented",
            }
        );
        reasons.push(because("groups", says));
        reasons.extend(all(&group_a));
        reasons.extend(all(&group_b));
        if category == Category::Partial {
            let short: Vec<&str> = [nodes, organs, lymphocytes, symptoms, platelets, haemoglobin, marrow]
                .into_iter()
                .filter(|parameter| parameter.component.verdict != Category::Complete)
                .map(|parameter| parameter.component.name)
                .collect();
            reasons
                .push(because("no-complete", format!("no CR: {} not shown to be normal", short.join(", "))));
        }
        (category, reasons)
    }

    /// Complete response, or one but for the counts or for nodules.
    fn complete(&self, parameters: &[Parameter; 7]) -> Option<(Category, Vec<Because>)> {
        let [nodes, organs, lymphocytes, platelets, haemoglobin, symptoms, marrow] = parameters;
        let normal = |parameter: &Parameter| parameter.component.verdict == Category::Complete;
        let was_ill = parameters.iter().any(|parameter| parameter.was_abnormal == Some(true));
        if !was_ill || ![nodes, organs, lymphocytes, symptoms].into_iter().all(normal) {
            return None;
        }
        let counts = normal(platelets) && normal(haemoglobin);
        let counted = !platelets.missing() && !haemoglobin.missing();
        let by_therapy = self.now.cytopenia == Some(CytopeniaCause::Therapy);
        let (category, says) = match marrow.component.verdict {
            Category::Complete if counts => (Category::Complete, "CR: every parameter is normal"),
            Category::Complete | Category::CompleteIncompleteRecovery
                if counted && (by_therapy || counts) && self.hypocellular_or(counts) =>
            {
                (
                    Category::CompleteIncompleteRecovery,
                    "CRi: all normal but the counts or cellularity, low from therapy",
                )
            }
            Category::NodularPartial if counts && self.settings.nodular_partial => {
                (Category::NodularPartial, "nPR: every parameter is normal but for nodules in the marrow")
            }
            _ => return None,
        };
        let mut reasons = vec![because("complete", says)];
        reasons.extend(parameters.iter().map(|parameter| parameter.component.because.clone()));
        Some((category, reasons))
    }

    /// A cytopenia, or a hypocellular marrow.
    fn hypocellular_or(&self, counts: bool) -> bool {
        !counts || self.now.marrow.is_some_and(|marrow| marrow.hypocellular)
    }

    /// At least one of the counts that were low has recovered; where none was low, one at least is not.
    fn group_b(&self, group: &[&Parameter; 2]) -> Met {
        let tally = Tally::of(group, 1);
        if tally.abnormal > 0 {
            return tally.verdict();
        }
        if group.iter().any(|parameter| parameter.improved()) {
            Met::Yes
        } else if group.iter().any(|parameter| parameter.missing()) {
            Met::Unknown
        } else {
            Met::No
        }
    }
}

fn lesser_unless_normal(enlarged: Category, other: Category) -> Category {
    match other {
        // Complete only if both are normal; else the enlarged one decides.
        Category::Complete => enlarged,
        _ => enlarged.min(Category::Partial),
    }
}

/// Whether a demand is met, as far as the values tell.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Met {
    Yes,
    No,
    Unknown,
}

impl Met {
    const fn and(self, other: Self) -> Self {
        match (self, other) {
            (Self::No, _) | (_, Self::No) => Self::No,
            (Self::Yes, Self::Yes) => Self::Yes,
            _ => Self::Unknown,
        }
    }
}

/// How many parameters of a group were abnormal, have improved, and are missing.
struct Tally {
    abnormal: usize,
    improved: usize,
    missing: usize,
    asked: usize,
}

impl Tally {
    fn of(group: &[&Parameter], most: usize) -> Self {
        let abnormal: Vec<&&Parameter> =
            group.iter().filter(|parameter| parameter.was_abnormal == Some(true)).collect();
        Self {
            abnormal: abnormal.len(),
            improved: abnormal.iter().filter(|parameter| parameter.improved()).count(),
            missing: abnormal.iter().filter(|parameter| parameter.missing()).count(),
            asked: most.min(abnormal.len()),
        }
    }

    fn verdict(&self) -> Met {
        if self.asked == 0 {
            Met::No
        } else if self.improved >= self.asked {
            Met::Yes
        } else if self.improved + self.missing >= self.asked {
            Met::Unknown
        } else {
            Met::No
        }
    }

    fn says(&self) -> String {
        format!(
            "{} of {} abnormal at baseline improved ({} asked, {} not measured)",
            self.improved, self.abnormal, self.asked, self.missing
        )
    }
}
