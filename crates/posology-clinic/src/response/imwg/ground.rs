//! On what a category rests, as data, and the sentence each ground becomes where somebody asks for it.

use jiff::civil::Date;
use rust_decimal::Decimal;

use super::change::moved;
use super::measurable::LightChainRatio;
use super::{
    CirculatingCells, Clonality, Criteria, Immunofixation, LargeSpike, Marker, MarrowProgression,
    Progression, SerumMethod,
};
use crate::Because;
use crate::response::{Category, ProgressionKind};

/// Serum or urine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fluid {
    Serum,
    Urine,
}

impl Fluid {
    const fn name(self) -> &'static str {
        match self {
            Self::Serum => "serum",
            Self::Urine => "urine",
        }
    }
}

/// By which limit a marker progressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Rise {
    Serum,
    LargeSpike(LargeSpike),
    Urine,
    LightChains,
    Marrow(MarrowProgression),
    MarrowAfterComplete,
    Masses,
    Circulating(CirculatingCells),
}

/// By which limit a marker reached its level.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Bound {
    NoSpike,
    Ninety,
    Fifty,
    TwentyFive,
    LessDown,
    Below100,
    Below200,
    UrineNinety,
    UrineFifty,
    SerumWorse,
    UrineNot100,
    MarrowFifty,
    Gone,
    Smaller(u32),
    LessShrunken,
}

/// From which other day a value is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Since {
    CarriedFrom(Date),
    MeasuredOn(Date),
}

/// An item that decides and is not there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Missing {
    Serum,
    Urine,
    LightChains,
    Marrow,
    Undocumented(Fluid),
    Plasmacytoma { interval_days: u32, drives: bool },
}

/// What stands in the way of a complete response.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Obstacle {
    Immunofixation(Fluid, Immunofixation),
    Electrophoresis(Fluid),
    NoMarrow { window_days: u32 },
    Marrow(Decimal),
    Mass,
    Ratio(Option<LightChainRatio>),
}

/// One ground of a category.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ground<'v> {
    Rise {
        marker: Marker,
        low: Decimal,
        value: Decimal,
        by: Rise,
    },
    NewLesion,
    GrownLesion,
    NewMass {
        id: &'v str,
        longest: Decimal,
    },
    GrownMass {
        id: &'v str,
        low: Decimal,
        short_axis: Decimal,
        value: Decimal,
    },
    Calcium(Decimal),
    NoRise {
        marker: Marker,
        low: Decimal,
        value: Decimal,
    },
    NothingMeasurable,
    Level {
        category: Category,
        marker: Marker,
        base: Decimal,
        value: Decimal,
        bound: Bound,
        since: Option<Since>,
    },
    Missing {
        category: Category,
        item: Missing,
    },
    NotComplete(Obstacle),
    Complete {
        plasma_cells: Decimal,
        on: Date,
    },
    Stringent {
        ratio: Option<LightChainRatio>,
        clonality: Clonality,
        holds: bool,
    },
    TherapeuticAntibody(Fluid),
    OtherIsotype(Fluid),
    CompressionFracture,
    OtherMethod {
        now: SerumMethod,
        patient: SerumMethod,
    },
}

impl Ground<'_> {
    /// The level it allows, where it is one.
    pub(super) const fn category(&self) -> Option<Category> {
        match self {
            Self::Level { category, .. } | Self::Missing { category, .. } => Some(*category),
            _ => None,
        }
    }

    /// By what it shows progression, where it does.
    pub(super) const fn progression(&self) -> Option<ProgressionKind> {
        match self {
            Self::Rise { by: Rise::Marrow(_) | Rise::MarrowAfterComplete, .. } => {
                Some(ProgressionKind::Marrow)
            }
            Self::Rise { by: Rise::Masses, .. }
            | Self::NewLesion
            | Self::GrownLesion
            | Self::NewMass { .. }
            | Self::GrownMass { .. } => Some(ProgressionKind::Imaging),
            Self::Rise { .. } | Self::Calcium(_) => Some(ProgressionKind::Biochemical),
            _ => None,
        }
    }

    /// As a criterion of progression that was met.
    pub(super) fn met(&self, criteria: &Criteria) -> Option<Progression> {
        let marker = match self {
            Self::Rise { marker, .. } => Some(*marker),
            Self::NewMass { .. } | Self::GrownMass { .. } => Some(Marker::Plasmacytoma),
            _ => None,
        };
        Some(Progression { marker, kind: self.progression()?, because: self.because(criteria) })
    }

    /// The ground in words.
    pub(super) fn because(&self, criteria: &Criteria) -> Because {
        let plain = |rule: &str, says: String| {
            Because::new(criteria.rule(rule), says).source(criteria.edition.source())
        };
        match *self {
            Self::Rise { marker, low, value, by } => {
                let (rule, limit) = by.words();
                // From 0 no percentage exists.
                let limit = match limit.strip_prefix("at least 25% and ") {
                    Some(amount) if low <= Decimal::ZERO => format!("{amount}, which decides alone from a nadir of 0"),
                    _ => limit.to_owned(),
                };
                plain(rule, format!("{}: {limit}", describe_rise(marker, low, value)))
                    .input("now", marker.show(value))
                    .input("nadir", marker.show(low))
            }
            Self::NewLesion => plain("progression-imaging", "imaging shows a new lesion".to_owned()),
            Self::GrownLesion => {
                plain("progression-imaging", "imaging shows a definitely grown lesion".to_owned())
            }
            Self::NewMass { id, longest } => plain(
                "progression-new-mass",
                format!("plasmacytoma {id}, {longest} cm, was not there before: a new lesion"),
            ),
            Self::GrownMass { id, low, short_axis, value } => plain(
                "progression-mass",
                format!(
                    "plasmacytoma {id} is {value} cm long, {} {low} cm, when its short axis was {short_axis} cm: \
                     at least 50% from more than 1 cm in short axis",
                    moved(low, value)
                ),
            )
            .input("now", format!("{value} cm"))
            .input("nadir", format!("{low} cm")),
            Self::Calcium(calcium) => plain(
                "progression-calcium",
                format!("corrected calcium {calcium} mg/dL, above 11.5, explained by myeloma alone"),
            ),
            Self::NoRise { marker, low, value } => plain(
                "no-progression",
                format!("{}: no progression, which {}", describe_rise(marker, low, value), needs(criteria, marker)),
            ),
            Self::NothingMeasurable => plain(
                "no-measurable-disease",
                "no marker was measurable at baseline: response cannot be evaluated".to_owned(),
            ),
            Self::Level { category, marker, base, value, bound, since } => {
                let (now, baseline) = (marker.show(value), marker.show(base));
                let since = match since {
                    None => String::new(),
                    Some(Since::CarriedFrom(date)) => format!("; value of {date}, carried forward once"),
                    Some(Since::MeasuredOn(date)) => format!("; measured on {date}"),
                };
                let says = format!(
                    "{marker} {now}, {} {baseline} at baseline: {category} ({}{since})",
                    moved(base, value),
                    bound.words()
                );
                plain(&format!("response-{}", rule_name(marker)), says)
                    .input("now", now)
                    .input("baseline", baseline)
            }
            Self::Missing { item, category } => {
                let (rule, says) = item.words(category);
                plain(rule, says)
            }
            Self::NotComplete(obstacle) => {
                let (rule, says) = obstacle.words();
                plain(rule, format!("{says}: no CR"))
            }
            Self::Complete { plasma_cells, on } => plain(
                "complete",
                format!(
                    "immunofixation of serum and urine is negative and marrow plasma cells are {plasma_cells}%, \
                     below 5%: CR"
                ),
            )
            .input("marrow plasma cells", format!("{plasma_cells}% on {on}")),
            Self::Stringent { ratio, clonality, holds } => {
                let clonality = match clonality {
                    Clonality::Absent => "no clonal plasma cells are found",
                    Clonality::Present => "clonal plasma cells are found",
                    Clonality::NotDone => "clonality of the plasma cells is not known",
                };
                let verdict = if holds { "sCR" } else { "CR, not sCR" };
                plain("stringent", format!("{}, and {clonality}: {verdict}", ratio_words(ratio)))
            }
            Self::TherapeuticAntibody(fluid) => plain(
                "therapeutic-antibody",
                format!(
                    "the band in the immunofixation of {} is a therapeutic antibody, as the reflex assay confirms: \
                     it counts as negative",
                    fluid.name()
                ),
            ),
            Self::OtherIsotype(fluid) => plain(
                "oligoclonal",
                format!(
                    "the band in the immunofixation of {} is of another isotype, after a complete response: \
                     oligoclonal reconstitution, no relapse",
                    fluid.name()
                ),
            ),
            Self::CompressionFracture => plain(
                "compression-fracture",
                "imaging shows a compression fracture, which is no new lesion".to_owned(),
            ),
            Self::OtherMethod { now, patient } => plain(
                "serum-method",
                format!(
                    "serum M-protein was measured by {} and is followed by {}: not compared",
                    now.name(),
                    patient.name()
                ),
            ),
        }
    }
}

impl Rise {
    const fn words(self) -> (&'static str, &'static str) {
        match self {
            Self::Serum => ("progression-serum", "at least 25% and at least 0.5 g/dL"),
            Self::LargeSpike(LargeSpike::Nadir) => {
                ("progression-large-spike", "at least 1 g/dL is enough from a nadir of at least 5 g/dL")
            }
            Self::LargeSpike(LargeSpike::Starting) => (
                "progression-large-spike",
                "at least 1 g/dL is enough from a starting value of at least 5 g/dL",
            ),
            Self::Urine => ("progression-urine", "at least 25% and at least 200 mg/24 h"),
            Self::LightChains => ("progression-light-chains", "at least 25% and more than 10 mg/dL"),
            Self::Marrow(MarrowProgression::Increase10) => {
                ("progression-marrow", "at least 25% of the nadir and at least 10 percentage points")
            }
            Self::Marrow(MarrowProgression::Level10 | MarrowProgression::Level10Or5AfterComplete) => {
                ("progression-marrow", "at least 25% of the nadir, to a level of at least 10%")
            }
            Self::MarrowAfterComplete => (
                "progression-marrow",
                "at least 25% of the nadir, to a level of at least 5% after a complete response",
            ),
            Self::Masses => ("progression-plasmacytoma", "at least 50%, or there again"),
            Self::Circulating(CirculatingCells::Increase200) => {
                ("progression-circulating-cells", "at least 50% and at least 200 cells/uL more")
            }
            Self::Circulating(_) => {
                ("progression-circulating-cells", "at least 50%, to at least 200 cells/uL")
            }
        }
    }
}

/// What progression by a marker needs, for a rise that fell short of it.
const fn needs(criteria: &Criteria, marker: Marker) -> &'static str {
    match marker {
        Marker::SerumM => "needs 25% and 0.5 g/dL",
        Marker::UrineM => "needs 25% and 200 mg/24 h",
        Marker::FreeLightChains => "needs 25% and more than 10 mg/dL",
        Marker::PlasmaCells => match criteria.marrow_progression {
            MarrowProgression::Increase10 => "needs 25% of the nadir and 10 percentage points",
            MarrowProgression::Level10 => "needs 25% of the nadir and a level of 10%",
            MarrowProgression::Level10Or5AfterComplete => {
                "needs 25% of the nadir and a level of 10%, or of 5% after a complete response"
            }
        },
        Marker::Plasmacytoma => "needs 50%",
        Marker::CirculatingCells => match criteria.circulating_cells_progression {
            CirculatingCells::None => "these criteria do not define by them",
            CirculatingCells::Level200 => "needs 50% and a level of 200 cells/uL",
            CirculatingCells::Increase200 => "needs 50% and 200 cells/uL",
        },
    }
}

impl Bound {
    fn words(self) -> std::borrow::Cow<'static, str> {
        match self {
            Self::NoSpike => "no spike left to measure",
            Self::Ninety => "90% down",
            Self::Fifty => "at least 50% down",
            Self::TwentyFive => "at least 25% down",
            Self::LessDown => "less down than the next category asks",
            Self::Below100 => "below 100 mg/24 h",
            Self::Below200 => "below 200 mg/24 h, not below 100",
            Self::UrineNinety => "at least 90% down, not below 100 mg/24 h",
            Self::UrineFifty => "at least 50% down, not below 200 mg/24 h",
            Self::SerumWorse => "worse than at baseline: no VGPR",
            Self::UrineNot100 => "not below 100 mg/24 h: no VGPR",
            Self::MarrowFifty => "at least 50% down; marrow alone gives no VGPR",
            Self::Gone => "gone",
            Self::Smaller(percent) => return format!("at least {percent}% smaller").into(),
            Self::LessShrunken => "less shrunken than the next category asks",
        }
        .into()
    }
}

impl Missing {
    fn words(self, category: Category) -> (&'static str, String) {
        match self {
            Self::Serum => (
                "missing-serum",
                "serum M-protein was measurable at baseline and has no value now: not evaluable".to_owned(),
            ),
            Self::Urine => (
                "missing-urine",
                "urine M-protein was measurable at baseline and has no value now: improvement cannot be evaluated"
                    .to_owned(),
            ),
            Self::LightChains => (
                "missing-light-chains",
                "free light chains drive and have no value now: not evaluable".to_owned(),
            ),
            Self::Marrow => (
                "missing-marrow",
                "marrow plasma cells drive and have no value near this assessment: not evaluable".to_owned(),
            ),
            Self::Undocumented(fluid) => (
                match fluid {
                    Fluid::Serum => "undocumented-serum",
                    Fluid::Urine => "undocumented-urine",
                },
                format!(
                    "{} M-protein has no value now, and no negative immunofixation: PR at most",
                    fluid.name()
                ),
            ),
            Self::Plasmacytoma { interval_days, drives } => {
                let then = match category {
                    Category::NotEvaluable => "not evaluable",
                    Category::VeryGoodPartial => "no CR",
                    _ => "one level lower",
                };
                let which = if drives { "the plasmacytoma drives" } else { "a plasmacytoma was present at baseline" };
                (
                    "missing-plasmacytoma",
                    format!("{which} and was not measured within {interval_days} days: {then}"),
                )
            }
        }
    }
}

impl Obstacle {
    fn words(self) -> (&'static str, String) {
        match self {
            Self::Immunofixation(fluid, result) => {
                let says = match result {
                    Immunofixation::NotDone => "was not done",
                    Immunofixation::OtherIsotype => {
                        "shows a band of another isotype before any complete response"
                    }
                    _ => "is positive",
                };
                ("complete-immunofixation", format!("immunofixation of {} {says}", fluid.name()))
            }
            Self::Electrophoresis(fluid) => (
                "complete-electrophoresis",
                format!(
                    "electrophoresis of {} still shows M-protein, against its immunofixation",
                    fluid.name()
                ),
            ),
            Self::NoMarrow { window_days } => {
                ("complete-marrow", format!("no marrow sample within {window_days} days"))
            }
            Self::Marrow(cells) => {
                ("complete-marrow", format!("marrow plasma cells {cells}% are not below 5%"))
            }
            Self::Mass => {
                ("complete-plasmacytoma", "disappearance of the plasmacytoma is not shown".to_owned())
            }
            Self::Ratio(ratio) => ("complete-light-chain-ratio", ratio_words(ratio).to_owned()),
        }
    }
}

const fn ratio_words(ratio: Option<LightChainRatio>) -> &'static str {
    match ratio {
        Some(LightChainRatio::Normal) => "the light chain ratio is normal",
        Some(_) => "the light chain ratio is not normal",
        None => "the light chain ratio is not known",
    }
}

fn describe_rise(marker: Marker, low: Decimal, value: Decimal) -> String {
    let (now, nadir) = (marker.show(value), marker.show(low));
    let rise = value.saturating_sub(low);
    format!("{marker} {now}, {} {nadir} at the nadir, a rise of {rise}", moved(low, value))
}

const fn rule_name(marker: Marker) -> &'static str {
    match marker {
        Marker::SerumM => "serum",
        Marker::UrineM => "urine",
        Marker::FreeLightChains => "light-chains",
        Marker::PlasmaCells => "marrow",
        Marker::Plasmacytoma => "plasmacytoma",
        Marker::CirculatingCells => "circulating-cells",
    }
}
