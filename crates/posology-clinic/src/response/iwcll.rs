//! Response in chronic lymphocytic leukaemia, by the international workshop of 2018.
//!
//! Start at [`assess`]: settings, a baseline, the visits before in any order, and the visit to judge in; a
//! [`Response`] with a verdict a parameter out. Group A (nodes, spleen and liver, lymphocytes) is the load of the
//! disease, group B (platelets, haemoglobin) the function of the marrow. [`confirm`] asks that a response lasts;
//! [`best`] picks the best; [`recurrence`] tells relapse from refractory disease. Comparisons are exact.
//!
//! Source: Hallek et al., Blood 2018;131:2745-60, doi:10.1182/blood-2017-09-806398, table 4 and section 5; partial
//! response with lymphocytosis: Cheson et al., J Clin Oncol 2012;30:2820-2. Left out: whether a node of a list was
//! the best one to follow.

use std::collections::{BTreeMap, BTreeSet};

use jiff::ToSpan;
use jiff::civil::Date;
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use super::amount::{Measure, fell_by, moved, rose_by, whole};
use super::best::Best;
use super::component::Component;
use super::confirm::{self, Confirmed, Course, Rules, Settled, Walk};
use super::imwg::BadValue;
use super::{Assessment, Category, CriteriaSet, ProgressionKind};
use crate::Because;

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
const NODE_ENLARGED: Decimal = whole(15);
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

macro_rules! choice {
    ($(#[$about:meta])* $name:ident { $($(#[$meaning:meta])* $answer:ident,)+ }) => {
        $(#[$about])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
        #[serde(rename_all = "kebab-case")]
        #[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
        pub enum $name {
            $($(#[$meaning])* $answer,)+
        }
    };
}

choice! {
    /// How long the therapy goes, which decides when a response counts.
    Therapy {
        /// Until progression: a response must last.
        Continuous,
        /// For a planned time: a response is assessed some months after its end.
        Finite,
    }
}

choice! {
    /// From which lymphocyte count a rise of 50% is measured.
    RiseFrom {
        /// The lowest so far, baseline included.
        Nadir,
        /// Baseline.
        Baseline,
    }
}

choice! {
    /// From which value a cytopenia due to the disease is measured.
    FallFrom {
        /// Baseline.
        Baseline,
        /// The best so far, baseline included.
        Best,
    }
}

choice! {
    /// From when on progression is a relapse and not refractory disease.
    RefractoryFrom {
        /// Some months after the response.
        Response,
        /// Some months after the last treatment.
        LastTreatment,
    }
}

/// The criteria with an answer to every point they leave open.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Settings {
    /// `iwcll-2018`.
    pub criteria: CriteriaSet,
    /// Whether therapy goes on or ends. Default: `continuous`.
    pub therapy: Therapy,
    /// Months that a response must last, or that must pass since the end of a finite therapy. Default: 2.
    pub persistence_months: u8,
    /// Months from the first treatment before which stable disease is no best response. Default: 2.
    pub min_stable_disease_months: u8,
    /// Months from which a progression is a relapse. Default: 6.
    pub relapse_months: u8,
    /// Since when these months count. Default: `response`.
    pub refractory_from: RefractoryFrom,
    /// Whether a complete response but for nodules in the marrow is called nPR and not PR. Default: false.
    pub nodular_partial: bool,
    /// Whether the treatment is one that moves lymphocytes from nodes to blood (a BTK or PI3K inhibitor): then
    /// lymphocytosis alone is no progression, and a partial response but for it is PR-L. Default: false.
    pub kinase_inhibitor: bool,
    /// Lymphocytes below which they are normal, 10^9/L. Default: 4.
    #[cfg_attr(feature = "schema", schemars(with = "String"))]
    pub lymphocytes_normal_below: Decimal,
    /// Lymphocytes that a progression by them must reach, 10^9/L. Default: 5.
    #[cfg_attr(feature = "schema", schemars(with = "String"))]
    pub lymphocytes_progression: Decimal,
    /// From which lymphocyte count the rise is measured. Default: `nadir`; the table prints baseline.
    pub lymphocyte_rise_from: RiseFrom,
    /// From which value a cytopenia due to the disease is measured. Default: `baseline`.
    pub cytopenia_from: FallFrom,
    /// Whether one node that grew by half in its longest diameter is progression. Default: true.
    pub single_node_growth: bool,
    /// By how many mm a spleen or liver must have grown as well, for progression by it. Default: 0.
    pub organ_growth: u32,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            criteria: CriteriaSet::Iwcll2018,
            therapy: Therapy::Continuous,
            persistence_months: 2,
            min_stable_disease_months: 2,
            relapse_months: 6,
            refractory_from: RefractoryFrom::Response,
            nodular_partial: false,
            kinase_inhibitor: false,
            lymphocytes_normal_below: whole(4),
            lymphocytes_progression: whole(5),
            lymphocyte_rise_from: RiseFrom::Nadir,
            cytopenia_from: FallFrom::Baseline,
            single_node_growth: true,
            organ_growth: 0,
        }
    }
}

/// A lymph node, mm.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Node {
    /// Longest diameter; 0 where it is gone.
    pub longest: Decimal,
    /// Longest diameter perpendicular to it.
    pub shortest: Decimal,
}

impl Node {
    fn product(self) -> Decimal {
        self.longest.saturating_mul(self.shortest)
    }
}

/// What caused the low counts of a visit, as a physician judged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum CytopeniaCause {
    /// The leukaemia.
    Disease,
    /// The treatment.
    Therapy,
    /// Something else.
    Other,
}

/// The marrow by aspirate and biopsy.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Marrow {
    /// Whether leukaemia cells were found; `None` where the report does not say.
    pub leukaemia_cells: Option<bool>,
    /// Their share, %; `None` where not counted.
    pub percent: Option<Decimal>,
    /// Whether nodules of B lymphocytes were found.
    pub nodules: bool,
    /// Whether the marrow is hypocellular.
    pub hypocellular: bool,
}

/// Everything found at one assessment.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Visit {
    /// Day of the assessment.
    pub date: Date,
    /// Nodes followed, at most six, by name; one not measured is left out.
    pub nodes: BTreeMap<String, Node>,
    /// Whether nodes were looked for and none of 15 mm or more was found.
    pub no_enlarged_node: bool,
    /// Longest diameter of a new node, mm.
    pub new_node: Option<Decimal>,
    /// Height of the spleen, mm; 0 where it is only called normal.
    pub spleen: Option<Decimal>,
    /// How far the liver reaches below the costal margin, mm; 0 where it is normal.
    pub liver: Option<Decimal>,
    /// Whether there are constitutional symptoms of the disease.
    pub symptoms: Option<bool>,
    /// Blood lymphocytes, 10^9/L.
    pub lymphocytes: Option<Decimal>,
    /// Platelets, 10^9/L.
    pub platelets: Option<Decimal>,
    /// Haemoglobin, g/dL.
    pub haemoglobin: Option<Decimal>,
    /// Whether platelets were transfused for this count.
    pub platelet_support: bool,
    /// Whether red cells were transfused or erythropoietin given for this count.
    pub red_cell_support: bool,
    /// What caused low counts, where a physician judged.
    pub cytopenia: Option<CytopeniaCause>,
    /// The marrow, where examined.
    pub marrow: Option<Marrow>,
    /// Share of leukaemia cells among the leukocytes by a sensitive assay, as a fraction of 1.
    pub residual: Option<Decimal>,
    /// Whether the disease transformed to an aggressive lymphoma.
    pub transformation: bool,
}

impl Visit {
    /// An assessment of which nothing is known yet.
    pub const fn new(date: Date) -> Self {
        Self {
            date,
            nodes: BTreeMap::new(),
            no_enlarged_node: false,
            new_node: None,
            spleen: None,
            liver: None,
            symptoms: None,
            lymphocytes: None,
            platelets: None,
            haemoglobin: None,
            platelet_support: false,
            red_cell_support: false,
            cytopenia: None,
            marrow: None,
            residual: None,
            transformation: false,
        }
    }

    fn check(&self) -> Result<(), BadValue> {
        for node in self.nodes.values() {
            LENGTH.check(Some(node.longest), self.date)?;
            LENGTH.check(Some(node.shortest), self.date)?;
        }
        LENGTH.check(self.new_node, self.date)?;
        LENGTH.check(self.spleen, self.date)?;
        LENGTH.check(self.liver, self.date)?;
        LYMPHOCYTES.check(self.lymphocytes, self.date)?;
        PLATELETS.check(self.platelets, self.date)?;
        HAEMOGLOBIN.check(self.haemoglobin, self.date)?;
        RESIDUAL_SHARE.check(self.residual, self.date)?;
        MARROW_CELLS.check(self.marrow.and_then(|marrow| marrow.percent), self.date)
    }

    /// By how much the spleen exceeds its normal size, mm.
    fn spleen_excess(&self) -> Option<Decimal> {
        // 130 mm itself is enlarged, and there the excess would be none: what is below 130 counts as none.
        self.spleen.map(|height| height.saturating_sub(SPLEEN_ENLARGED).max(Decimal::ZERO))
    }
}

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

    // Progression.

    fn progression(&self) -> Vec<(ProgressionKind, Because)> {
        let mut met = Vec::new();
        if self.now.transformation {
            let says = "transformation to an aggressive lymphoma: PD";
            met.push((ProgressionKind::Clinical, because("transformation", says)));
        }
        met.extend(self.node_progression().into_iter().map(|found| (ProgressionKind::Imaging, found)));
        met.extend(self.organ_progression().into_iter().map(|found| (ProgressionKind::Imaging, found)));
        if !self.settings.kinase_inhibitor {
            met.extend(self.lymphocyte_rise().map(|found| (ProgressionKind::Biochemical, found)));
        }
        if self.now.cytopenia == Some(CytopeniaCause::Disease) {
            met.extend(self.cytopenias().into_iter().map(|says| {
                let says = format!("{says}, due to the disease: PD");
                (ProgressionKind::Clinical, because("cytopenia", says))
            }));
        }
        met.extend(self.marrow_rise().map(|found| (ProgressionKind::Marrow, found)));
        met
    }

    fn node_progression(&self) -> Vec<Because> {
        let mut met = Vec::new();
        let new = |name: &str, longest: Decimal| {
            because("new-node", format!("{name} of {}: PD (at least 15 mm)", LENGTH.show(longest)))
                .input("longest", LENGTH.show(longest))
        };
        if let Some(longest) = self.now.new_node.filter(|longest| *longest >= NODE_ENLARGED) {
            met.push(new("a new node", longest));
        }
        for (name, node) in &self.now.nodes {
            let lowest =
                self.earlier().filter_map(|visit| visit.nodes.get(name)).map(|node| node.longest).min();
            let Some(lowest) = lowest else {
                if node.longest >= NODE_ENLARGED {
                    met.push(new(&format!("node {name}, not there before,"), node.longest));
                }
                continue;
            };
            if lowest < NODE_SMALL {
                if node.longest >= NODE_ENLARGED {
                    met.push(new(&format!("node {name}, small before,"), node.longest));
                }
                continue;
            }
            if self.settings.single_node_growth
                && rose_by(lowest, node.longest, 50)
                && node.longest > NODE_ENLARGED
            {
                let says = format!(
                    "longest diameter of node {name} {}, {}: PD (at least 50% up, to more than 15 mm)",
                    LENGTH.show(node.longest),
                    moved(&LENGTH, lowest, node.longest, "at its smallest")
                );
                met.push(because("node-growth", says));
            }
        }
        let enlarged = self.now.nodes.values().any(|node| node.longest > NODE_ENLARGED);
        if let (Some(nadir), Some(sum)) = (self.lowest_sum(), self.sum(self.now))
            && enlarged
            && rose_by(nadir, sum, 50)
        {
            let says = format!(
                "{} {}, {}: PD (at least 50% up)",
                NODES.name,
                NODES.show(sum),
                moved(&NODES, nadir, sum, "at the nadir")
            );
            met.push(because("nodes", says).input("now", NODES.show(sum)).input("nadir", NODES.show(nadir)));
        }
        met
    }

    /// The sum of products over the nodes of baseline; `None` unless every one of them was measured.
    fn sum(&self, visit: &Visit) -> Option<Decimal> {
        if self.baseline.nodes.is_empty() {
            return None;
        }
        self.baseline
            .nodes
            .keys()
            .map(|name| visit.nodes.get(name).map(|node| node.product()))
            .try_fold(Decimal::ZERO, |sum, product| Some(sum.saturating_add(product?)))
    }

    fn lowest_sum(&self) -> Option<Decimal> {
        self.earlier().filter_map(|visit| self.sum(visit)).min()
    }

    fn organ_progression(&self) -> Vec<Because> {
        let least = whole(self.settings.organ_growth);
        let mut met = Vec::new();
        let spleens = self.earlier().filter_map(|visit| Some((visit.spleen?, visit.spleen_excess()?)));
        if let (Some((lowest, excess)), Some(height), Some(now)) =
            (spleens.min(), self.now.spleen, self.now.spleen_excess())
        {
            if lowest < SPLEEN_ENLARGED {
                if height >= SPLEEN_ENLARGED && (lowest.is_zero() || height.saturating_sub(lowest) >= least) {
                    met.push(because(
                        "new-spleen",
                        format!("spleen {}, newly enlarged (from 130 mm): PD", LENGTH.show(height)),
                    ));
                }
            } else if rose_by(excess, now, 50) && now.saturating_sub(excess) >= least {
                met.push(because(
                    "spleen",
                    format!(
                        "spleen {}, {} beyond 130 mm, {}: PD (at least 50% up)",
                        LENGTH.show(height),
                        LENGTH.show(now),
                        moved(&LENGTH, excess, now, "at the nadir")
                    ),
                ));
            }
        }
        let livers = self.earlier().filter_map(|visit| visit.liver);
        if let (Some(lowest), Some(now)) = (livers.min(), self.now.liver) {
            if lowest.is_zero() {
                if now > Decimal::ZERO && now >= least {
                    let says =
                        format!("liver {} below the costal margin, newly enlarged: PD", LENGTH.show(now));
                    met.push(because("new-liver", says));
                }
            } else if rose_by(lowest, now, 50) && now.saturating_sub(lowest) >= least {
                let says = format!(
                    "liver {} below the costal margin, {}: PD (at least 50% up)",
                    LENGTH.show(now),
                    moved(&LENGTH, lowest, now, "at the nadir")
                );
                met.push(because("liver", says));
            }
        }
        met
    }

    fn lymphocyte_rise(&self) -> Option<Because> {
        let now = self.now.lymphocytes?;
        let (from, of_what) = match self.settings.lymphocyte_rise_from {
            RiseFrom::Baseline => (self.baseline.lymphocytes?, "at baseline"),
            RiseFrom::Nadir => (self.earlier().filter_map(|visit| visit.lymphocytes).min()?, "at the nadir"),
        };
        let least = self.settings.lymphocytes_progression;
        (rose_by(from, now, 50) && now >= least).then(|| {
            let shown = LYMPHOCYTES.show(now);
            let says = format!(
                "lymphocytes {shown}, {}: PD (at least 50% up, to at least {})",
                moved(&LYMPHOCYTES, from, now, of_what),
                LYMPHOCYTES.show(least)
            );
            because("lymphocytes-rise", says).input("now", shown).input("from", LYMPHOCYTES.show(from))
        })
    }

    /// Falls of platelets or haemoglobin that are progression if the disease caused them.
    fn cytopenias(&self) -> Vec<String> {
        let from = |value: fn(&Visit) -> Option<Decimal>| match self.settings.cytopenia_from {
            FallFrom::Baseline => value(self.baseline).map(|value| (value, "at baseline")),
            FallFrom::Best => self.earlier().filter_map(value).max().map(|value| (value, "at best")),
        };
        let mut met = Vec::new();
        if let (Some((base, of_what)), Some(now)) = (from(|visit| visit.platelets), self.now.platelets)
            && fell_by(base, now, 50)
        {
            let change = moved(&PLATELETS, base, now, of_what);
            met.push(format!("platelets {}, {change}", PLATELETS.show(now)));
        }
        if let (Some((base, of_what)), Some(now)) = (from(|visit| visit.haemoglobin), self.now.haemoglobin)
            && base.saturating_sub(now) >= HAEMOGLOBIN_FALL
        {
            met.push(format!(
                "haemoglobin {}, {} below {} {of_what}",
                HAEMOGLOBIN.show(now),
                HAEMOGLOBIN.show(base.saturating_sub(now)),
                HAEMOGLOBIN.show(base)
            ));
        }
        met
    }

    fn marrow_rise(&self) -> Option<Because> {
        let percent = |visit: &Visit| visit.marrow.and_then(|marrow| marrow.percent);
        let now = percent(self.now)?;
        let lowest = self.earlier().filter_map(percent).min()?;
        rose_by(lowest, now, 50).then(|| {
            let says = format!(
                "{} {}, {}: PD (at least 50% up on successive biopsies)",
                MARROW_CELLS.name,
                MARROW_CELLS.show(now),
                moved(&MARROW_CELLS, lowest, now, "at the lowest")
            );
            because("marrow-rise", says)
        })
    }

    /// What looks like progression and is none, said so that nobody need ask.
    fn not_counted_as_progression(&self) -> Vec<Because> {
        let mut said = Vec::new();
        if self.settings.kinase_inhibitor
            && let Some(rise) = self.lymphocyte_rise()
        {
            let says = rise.says.replace(": PD (", " (");
            said.push(because(
                "lymphocytosis-alone",
                format!("{says}: under a kinase inhibitor lymphocytosis alone is no PD"),
            ));
        }
        if self.now.cytopenia != Some(CytopeniaCause::Disease) {
            let why = match self.now.cytopenia {
                Some(CytopeniaCause::Therapy) => "due to therapy",
                Some(_) => "due to something else",
                None => "cause not recorded",
            };
            said.extend(
                self.cytopenias()
                    .into_iter()
                    .map(|says| because("cytopenia-no-progression", format!("{says}, {why}: no PD"))),
            );
        }
        said
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

/// The names of nodes that a visit has and baseline has not; such a node of 15 mm or more is progression.
pub fn nodes_without_baseline(baseline: &Visit, visit: &Visit) -> BTreeSet<String> {
    visit.nodes.keys().filter(|name| !baseline.nodes.contains_key(*name)).cloned().collect()
}

fn months_after(date: Date, months: u8) -> Date {
    date.saturating_add(i32::from(months).months())
}

impl Settings {
    fn rules(&self, course: &Course) -> Rules {
        let days = course
            .first_treatment
            .map_or(0, |first| (months_after(first, self.min_stable_disease_months) - first).get_days());
        Rules { min_stable_disease_days: u32::try_from(days).unwrap_or(0), ..Rules::PROTOCOL }
    }
}

/// Confirms the assessments of one patient, given in any order.
///
/// Under continuous therapy a response is established if it lasts for the months of the settings; after a finite
/// therapy if it is there at an assessment that many months after the last treatment. What it establishes is the
/// least of the categories up to then. Progression needs no second assessment.
pub fn confirm(settings: &Settings, course: &Course, assessments: &[Assessment]) -> Confirmed {
    let walk = Walk { source: SOURCE, kind_decides: false };
    let mut confirmed = walk.carry(course, assessments, |days, day, _| {
        let here = days[day];
        let stands = |says: &str| Settled {
            established: here.category,
            confirmed_by: None,
            because: because("at-once", says),
        };
        match here.category {
            Category::Progressive => stands("progression needs no second assessment"),
            Category::Stable => stands("stable disease needs no second assessment"),
            Category::NotEvaluable => stands("not evaluable: the status is carried forward"),
            _ => {
                let until = match settings.therapy {
                    Therapy::Continuous => Some(here.date),
                    Therapy::Finite => course.last_treatment,
                };
                match until.map(|from| months_after(from, settings.persistence_months)) {
                    Some(until) => confirm::lasting(course, days, day, until, "iwcll-2018/lasting", SOURCE),
                    None => Settled {
                        established: Category::Stable,
                        confirmed_by: None,
                        because: because(
                            "therapy-not-ended",
                            format!(
                                "{} counts as stable disease: it is assessed {} months after the last treatment, whose day is not known",
                                here.category, settings.persistence_months
                            ),
                        ),
                    },
                }
            }
        }
    });
    if settings.therapy == Therapy::Continuous
        && let Some(last) = course.last_treatment
    {
        confirmed.findings.push(because(
            "therapy-ended",
            format!("therapy is set to continuous, and the last treatment was on {last}"),
        ));
    }
    confirmed
}

/// The best response among statuses that [`confirm`] gave for the same settings and course.
pub fn best(settings: &Settings, course: &Course, confirmed: &Confirmed) -> Best {
    super::best::best(&settings.rules(course), course, confirmed)
}

/// What a progression is called.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Recurrence {
    /// `true` for a relapse, `false` for refractory disease.
    pub relapse: bool,
    /// Day of the progression.
    pub date: Date,
    /// Why.
    pub because: Because,
}

/// Whether the progression of a patient is a relapse (after a confirmed response, the months of the settings or
/// more later) or refractory disease (earlier, or without a response). `None` without progression.
pub fn recurrence(settings: &Settings, course: &Course, confirmed: &Confirmed) -> Option<Recurrence> {
    let date = confirmed.progression()?;
    let response = confirmed
        .statuses
        .iter()
        .find(|status| status.counts && status.established.is_at_least(Category::PartialWithLymphocytosis))
        .map(|status| status.date);
    let told =
        |relapse, says: String| Some(Recurrence { relapse, date, because: because("recurrence", says) });
    let Some(response) = response else {
        return told(false, format!("progression on {date} without an earlier response: refractory"));
    };
    let (since, of_what) = match settings.refractory_from {
        RefractoryFrom::Response => (response, "response"),
        RefractoryFrom::LastTreatment => match course.last_treatment {
            Some(last) => (last, "last treatment"),
            None => return told(false, format!("progression on {date} under treatment: refractory")),
        },
    };
    let limit = months_after(since, settings.relapse_months);
    let relapse = date >= limit;
    let word = if relapse { "relapse" } else { "refractory" };
    let side = if relapse { "at or after" } else { "before" };
    told(
        relapse,
        format!(
            "progression on {date}, {side} {limit}, which is {} months after the {of_what} of {since}: {word}",
            settings.relapse_months
        ),
    )
}
