//! What was measured, in one unit each.

use std::collections::BTreeSet;
use std::fmt;

use jiff::civil::Date;
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use super::residual::{ResidualDisease, Uptake};

/// A marker of the disease that is followed in numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub enum Marker {
    /// Serum M-protein by electrophoresis, g/dL.
    SerumM,
    /// Urine M-protein of a 24-hour collection, mg/24 h.
    UrineM,
    /// Free light chains in serum, mg/dL: kappa, lambda, and the involved less the uninvolved one.
    FreeLightChains,
    /// Plasma cells in the bone marrow, %: the higher of aspirate and biopsy.
    PlasmaCells,
    /// Plasmacytomas, cm2: the sum over the masses of longest by shortest diameter.
    Plasmacytoma,
    /// Plasma cells circulating in the blood, cells/uL; followed only where nothing else can be.
    CirculatingCells,
}

impl Marker {
    /// Every marker.
    pub const ALL: [Self; 6] = [
        Self::SerumM,
        Self::UrineM,
        Self::FreeLightChains,
        Self::PlasmaCells,
        Self::Plasmacytoma,
        Self::CirculatingCells,
    ];

    /// The canonical unit.
    pub const fn unit(self) -> &'static str {
        match self {
            Self::SerumM => "g/dL",
            Self::UrineM => "mg/24 h",
            Self::FreeLightChains => "mg/dL",
            Self::PlasmaCells => "%",
            Self::Plasmacytoma => "cm2",
            Self::CirculatingCells => "cells/uL",
        }
    }

    /// An amount with the unit as it is printed.
    pub fn show(self, amount: Decimal) -> String {
        match self {
            Self::PlasmaCells => format!("{amount}%"),
            _ => format!("{amount} {}", self.unit()),
        }
    }

    /// The marker in words.
    pub const fn name(self) -> &'static str {
        match self {
            Self::SerumM => "serum M-protein",
            Self::UrineM => "urine M-protein",
            Self::FreeLightChains => "free light chain difference",
            Self::PlasmaCells => "marrow plasma cells",
            Self::Plasmacytoma => "plasmacytoma",
            Self::CirculatingCells => "circulating plasma cells",
        }
    }

    /// Accepted units, each with the exact factor to the canonical one as (digits, decimal places).
    const fn units(self) -> &'static [(&'static str, i64, u32)] {
        match self {
            Self::SerumM => &[("g/dL", 1, 0), ("g/L", 1, 1), ("mg/dL", 1, 3)],
            Self::UrineM => &[
                ("mg/24 h", 1, 0),
                ("mg/24h", 1, 0),
                ("mg/(24.h)", 1, 0),
                ("mg/day", 1, 0),
                ("mg/d", 1, 0),
                ("g/24 h", 1000, 0),
                ("g/24h", 1000, 0),
                ("g/day", 1000, 0),
                ("g/d", 1000, 0),
            ],
            Self::FreeLightChains => &[("mg/dL", 1, 0), ("mg/L", 1, 1)],
            Self::PlasmaCells => &[("%", 1, 0)],
            Self::Plasmacytoma => &[("cm2", 1, 0), ("mm2", 1, 2)],
            Self::CirculatingCells => {
                &[("cells/uL", 1, 0), ("/uL", 1, 0), ("10^6/L", 1, 0), ("10^9/L", 1000, 0)]
            }
        }
    }

    /// A value in the canonical unit, converted exactly.
    ///
    /// # Errors
    /// A unit that is not one of this marker; a value that is negative or cannot have been measured.
    ///
    /// ```
    /// use posology_clinic::response::imwg::Marker;
    /// assert_eq!(Marker::SerumM.canonical("23.0".parse()?, "g/L")?.to_string(), "2.30");
    /// assert!(Marker::FreeLightChains.canonical("100".parse()?, "g/L").is_err());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn canonical(self, value: Decimal, unit: &str) -> Result<Decimal, BadValue> {
        let Some((_, digits, places)) = self.units().iter().find(|known| known.0 == unit.trim()) else {
            let known: Vec<&str> = self.units().iter().map(|known| known.0).collect();
            return Err(BadValue {
                place: self.name().to_owned(),
                found: format!("{value} in the unit `{unit}`"),
                expected: format!("one of the units {}", known.join(", ")),
                mend: "write the unit in which the laboratory reported".to_owned(),
            });
        };
        let value = plausible(value, None, || self.name().to_owned())?;
        let value = value.saturating_mul(Decimal::new(*digits, *places));
        plausible(value, self.highest(), || self.name().to_owned())
    }

    fn highest(self) -> Option<Decimal> {
        matches!(self, Self::PlasmaCells).then_some(Decimal::ONE_HUNDRED)
    }
}

impl fmt::Display for Marker {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.pad(self.name())
    }
}

/// A value that cannot be used, with its place, what was expected, and how to mend it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{place}: found {found}, expected {expected}; {mend}")]
pub struct BadValue {
    /// Which marker, and on which day if known.
    pub place: String,
    /// What was found.
    pub found: String,
    /// What was expected.
    pub expected: String,
    /// How to mend it.
    pub mend: String,
}

impl BadValue {
    pub(super) fn new(
        place: impl Into<String>,
        found: impl Into<String>,
        expected: impl Into<String>,
        mend: impl Into<String>,
    ) -> Self {
        Self { place: place.into(), found: found.into(), expected: expected.into(), mend: mend.into() }
    }
}

/// Within these bounds every product and difference of a rule fits a decimal exactly.
const HIGHEST: Decimal = Decimal::from_parts(1_000_000_000, 0, 0, false, 0);
const MOST_DECIMAL_PLACES: u32 = 12;

fn plausible(
    value: Decimal,
    highest: Option<Decimal>,
    place: impl Fn() -> String,
) -> Result<Decimal, BadValue> {
    let highest = highest.unwrap_or(HIGHEST);
    let refuse = |expected: String| {
        Err(BadValue {
            place: place(),
            found: value.to_string(),
            expected,
            mend: "correct the value at its source, or mark it as not done".to_owned(),
        })
    };
    if value < Decimal::ZERO || value > highest {
        return refuse(format!("a value from 0 to {highest}"));
    }
    if value.scale() > MOST_DECIMAL_PLACES && value.normalize().scale() > MOST_DECIMAL_PLACES {
        return refuse(format!("at most {MOST_DECIMAL_PLACES} decimal places"));
    }
    Ok(value)
}

/// The result of an electrophoresis. What was not done is never a zero.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Reading {
    /// A quantified M-protein, in the canonical unit.
    Quantified(Decimal),
    /// Seen, but too little to quantify.
    TracePresent,
    /// Looked for and not seen.
    NotDetected,
    /// No result.
    #[default]
    NotDone,
}

impl Reading {
    /// The quantified amount: 0 where no spike could be quantified, `None` where none was looked for.
    pub const fn amount(self) -> Option<Decimal> {
        match self {
            Self::Quantified(amount) => Some(amount),
            Self::TracePresent | Self::NotDetected => Some(Decimal::ZERO),
            Self::NotDone => None,
        }
    }
}

/// By what the M-protein of serum was measured. Values of two methods are never compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SerumMethod {
    /// By electrophoresis: the spikes of the clone.
    #[default]
    Electrophoresis,
    /// By nephelometry: all immunoglobulin of the clone's class, where a spike cannot be measured reliably.
    Nephelometry,
}

impl SerumMethod {
    /// The method in words.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Electrophoresis => "electrophoresis",
            Self::Nephelometry => "nephelometry",
        }
    }
}

/// The result of an immunofixation, which sees less protein than electrophoresis but does not measure it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Immunofixation {
    /// M-protein seen.
    Positive,
    /// None seen.
    Negative,
    /// A band seen, which a reflex assay proves to be a therapeutic antibody (IgG kappa: daratumumab, elotuzumab,
    /// isatuximab) and not the clone. It does not block a complete response, and is named with it.
    TherapeuticAntibody,
    /// A band of another isotype than the clone's. After a complete response it is oligoclonal reconstitution
    /// and no relapse; before one it counts as positive.
    OtherIsotype,
    /// No result.
    #[default]
    NotDone,
}

/// Whether plasma cells of the clone were found in the marrow biopsy (kappa to lambda above 4:1 or below 1:2 over
/// at least 100 plasma cells).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Clonality {
    /// Clonal plasma cells found.
    Present,
    /// None found.
    Absent,
    /// No result.
    #[default]
    NotDone,
}

/// A free light chain.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Chain {
    /// Kappa.
    Kappa,
    /// Lambda.
    Lambda,
}

/// What imaging said of bone lesions and soft-tissue masses. A compression fracture is no new lesion.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Imaging {
    /// Done, without a new or definitely grown lesion.
    NoProgression,
    /// A new plasmacytoma or bone lesion.
    NewLesion,
    /// An earlier lesion of more than 1 cm in short axis whose longest diameter grew by 50% or more.
    DefiniteGrowth,
    /// A compression fracture and nothing else that is new: no new lesion, no progression.
    CompressionFracture,
    /// Not done.
    #[default]
    NotDone,
}

/// One plasmacytoma as measured, by one method throughout; both diameters are 0 where it is gone.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Mass {
    /// Its name over all visits, such as `A`.
    pub id: String,
    /// Longest diameter, cm.
    pub longest: Decimal,
    /// Longest diameter perpendicular to it (short axis), cm.
    pub shortest: Decimal,
}

impl Mass {
    /// The product of its diameters, cm2.
    pub fn product(&self) -> Decimal {
        self.longest.saturating_mul(self.shortest)
    }
}

/// Everything measured for one assessment, each value in its canonical unit ([`Marker::unit`]).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Markers {
    /// Day of the assessment.
    pub date: Date,
    /// Serum M-protein, g/dL.
    #[serde(default)]
    pub serum_m: Reading,
    /// By what the serum M-protein was measured.
    #[serde(default)]
    pub serum_method: SerumMethod,
    /// Urine M-protein, mg/24 h.
    #[serde(default)]
    pub urine_m: Reading,
    /// Immunofixation of serum.
    #[serde(default)]
    pub serum_immunofixation: Immunofixation,
    /// Immunofixation of urine.
    #[serde(default)]
    pub urine_immunofixation: Immunofixation,
    /// Free kappa light chains in serum, mg/dL.
    #[serde(default)]
    pub kappa: Option<Decimal>,
    /// Free lambda light chains in serum, mg/dL.
    #[serde(default)]
    pub lambda: Option<Decimal>,
    /// Ratio of kappa to lambda as the laboratory reported it; without it the ratio of the two values is used.
    #[serde(default)]
    pub kappa_lambda_ratio: Option<Decimal>,
    /// Plasma cells in the bone marrow, %.
    #[serde(default)]
    pub plasma_cells: Option<Decimal>,
    /// Day of the marrow sample, where it is not that of the assessment.
    #[serde(default)]
    pub plasma_cells_date: Option<Date>,
    /// Clonality of the plasma cells in that sample.
    #[serde(default)]
    pub clonality: Clonality,
    /// Sum of the products of perpendicular diameters of all plasmacytomas, cm2; 0 where they are gone.
    #[serde(default)]
    pub plasmacytoma: Option<Decimal>,
    /// Each plasmacytoma by its diameters, all of them or none; the sum of their products follows.
    #[serde(default)]
    pub masses: Vec<Mass>,
    /// New or grown lesions.
    #[serde(default)]
    pub imaging: Imaging,
    /// Plasma cells in the blood, cells/uL.
    #[serde(default)]
    pub circulating_cells: Option<Decimal>,
    /// Minimal residual disease in the marrow.
    #[serde(default)]
    pub residual_disease: Option<ResidualDisease>,
    /// Uptake on PET, for the imaging part of residual disease.
    #[serde(default)]
    pub uptake: Uptake,
    /// Serum calcium corrected for albumin, mg/dL.
    #[serde(default)]
    pub calcium: Option<Decimal>,
    /// Whether myeloma alone explains the calcium.
    #[serde(default)]
    pub calcium_due_to_myeloma: bool,
    /// Haemoglobin, g/dL.
    #[serde(default)]
    pub haemoglobin: Option<Decimal>,
    /// Whether therapy, or anything but myeloma, explains a fall of haemoglobin.
    #[serde(default)]
    pub haemoglobin_otherwise_explained: bool,
    /// Serum creatinine, mg/dL.
    #[serde(default)]
    pub creatinine: Option<Decimal>,
    /// Whether myeloma explains the creatinine.
    #[serde(default)]
    pub creatinine_due_to_myeloma: bool,
    /// Hyperviscosity by the paraprotein.
    #[serde(default)]
    pub hyperviscosity: bool,
    /// Markers whose value of this day the investigator declared spurious: read as not done.
    #[serde(default)]
    pub spurious: BTreeSet<Marker>,
}

impl Markers {
    /// An assessment of which nothing is known yet.
    pub const fn new(date: Date) -> Self {
        Self {
            date,
            serum_m: Reading::NotDone,
            serum_method: SerumMethod::Electrophoresis,
            urine_m: Reading::NotDone,
            serum_immunofixation: Immunofixation::NotDone,
            urine_immunofixation: Immunofixation::NotDone,
            kappa: None,
            lambda: None,
            kappa_lambda_ratio: None,
            plasma_cells: None,
            plasma_cells_date: None,
            clonality: Clonality::NotDone,
            plasmacytoma: None,
            masses: Vec::new(),
            imaging: Imaging::NotDone,
            circulating_cells: None,
            residual_disease: None,
            uptake: Uptake::NotDone,
            calcium: None,
            calcium_due_to_myeloma: false,
            haemoglobin: None,
            haemoglobin_otherwise_explained: false,
            creatinine: None,
            creatinine_due_to_myeloma: false,
            hyperviscosity: false,
            spurious: BTreeSet::new(),
        }
    }

    /// Refuses values that cannot have been measured.
    pub(super) fn check(&self) -> Result<(), BadValue> {
        let quantified = |reading| match reading {
            Reading::Quantified(amount) => Some(amount),
            _ => None,
        };
        let values = [
            ("serum M-protein", quantified(self.serum_m), HIGHEST),
            ("urine M-protein", quantified(self.urine_m), HIGHEST),
            ("free kappa light chains", self.kappa, HIGHEST),
            ("free lambda light chains", self.lambda, HIGHEST),
            ("ratio of kappa to lambda", self.kappa_lambda_ratio, HIGHEST),
            ("marrow plasma cells", self.plasma_cells, Decimal::ONE_HUNDRED),
            ("plasmacytoma", self.plasmacytoma, HIGHEST),
            ("circulating plasma cells", self.circulating_cells, HIGHEST),
            ("corrected calcium", self.calcium, HIGHEST),
            ("haemoglobin", self.haemoglobin, HIGHEST),
            ("creatinine", self.creatinine, HIGHEST),
        ];
        for (name, value, highest) in values {
            if let Some(value) = value {
                plausible(value, Some(highest), || format!("{name} of {}", self.date))?;
            }
        }
        self.check_masses()
    }

    fn check_masses(&self) -> Result<(), BadValue> {
        let place = || format!("plasmacytomas of {}", self.date);
        for (index, mass) in self.masses.iter().enumerate() {
            for length in [mass.longest, mass.shortest] {
                // 1,000 cm is beyond any body, and products of six places stay exact.
                if length < Decimal::ZERO || length > Decimal::ONE_THOUSAND || length.normalize().scale() > 6
                {
                    return Err(BadValue::new(
                        place(),
                        format!("a diameter of {length} cm of {}", mass.id),
                        "a diameter from 0 to 1000 cm",
                        "correct it at its source, in cm",
                    ));
                }
            }
            if mass.shortest > mass.longest {
                return Err(BadValue::new(
                    place(),
                    format!("{} of {} x {} cm", mass.id, mass.longest, mass.shortest),
                    "the longest diameter first",
                    "exchange the two, or correct them at their source",
                ));
            }
            if self.masses[..index].iter().any(|other| other.id == mass.id) {
                return Err(BadValue::new(
                    place(),
                    format!("{} twice", mass.id),
                    "each once",
                    "name every lesion differently",
                ));
            }
        }
        match (self.plasmacytoma, self.sum_of_products()) {
            (Some(stated), Some(sum)) if stated != sum => Err(BadValue::new(
                place(),
                format!("a sum of {stated} cm2, and diameters whose products sum to {sum} cm2"),
                "the same",
                "leave the sum out, or correct the diameters",
            )),
            _ => Ok(()),
        }
    }

    /// The sum over the masses listed of the product of their diameters, cm2.
    fn sum_of_products(&self) -> Option<Decimal> {
        let sum = self.masses.iter().map(Mass::product).fold(Decimal::ZERO, Decimal::saturating_add);
        (!self.masses.is_empty()).then_some(sum)
    }

    /// The amount of a marker, unless spurious; light chains as involved less uninvolved.
    pub(super) fn amount(&self, marker: Marker, involved: Option<Chain>) -> Option<Decimal> {
        if self.spurious.contains(&marker) {
            return None;
        }
        match marker {
            Marker::SerumM => self.serum_m.amount(),
            Marker::UrineM => self.urine_m.amount(),
            Marker::FreeLightChains => match involved? {
                Chain::Kappa => Some(self.kappa?.saturating_sub(self.lambda?)),
                Chain::Lambda => Some(self.lambda?.saturating_sub(self.kappa?)),
            },
            Marker::PlasmaCells => self.plasma_cells,
            Marker::Plasmacytoma => self.plasmacytoma.or_else(|| self.sum_of_products()),
            Marker::CirculatingCells => self.circulating_cells,
        }
    }

    /// Takes over what `other`, of the same day, has and this has not.
    ///
    /// # Errors
    /// The first marker with two results, by its name: which of the two counts is not for a program to choose.
    /// The same result twice is none.
    ///
    /// ```
    /// use posology_clinic::response::imwg::{Markers, Reading};
    /// let day = jiff::civil::date(2024, 2, 1);
    /// let mut one = Markers { serum_m: Reading::NotDetected, ..Markers::new(day) };
    /// one.merge(Markers { plasma_cells: Some(4.into()), ..Markers::new(day) }).unwrap();
    /// assert_eq!(one.plasma_cells, Some(4.into()));
    /// assert_eq!(one.merge(Markers { plasma_cells: Some(5.into()), ..Markers::new(day) }), Err("marrow plasma cells"));
    /// ```
    pub fn merge(&mut self, other: Self) -> Result<(), &'static str> {
        let blank = Self::new(self.date);
        macro_rules! take {
            ($($field:ident: $name:literal,)+) => {
                $(if other.$field != blank.$field {
                    if self.$field != blank.$field && self.$field != other.$field {
                        return Err($name);
                    }
                    self.$field = other.$field;
                })+
            };
        }
        let was_measured = self.serum_m != Reading::NotDone && other.serum_m != Reading::NotDone;
        if was_measured && self.serum_method != other.serum_method {
            return Err("serum M-protein");
        }
        take! {
            serum_m: "serum M-protein",
            serum_method: "method of serum M-protein",
            urine_m: "urine M-protein",
            serum_immunofixation: "immunofixation of serum",
            urine_immunofixation: "immunofixation of urine",
            kappa: "free kappa light chains",
            lambda: "free lambda light chains",
            kappa_lambda_ratio: "ratio of kappa to lambda",
            plasma_cells: "marrow plasma cells",
            plasma_cells_date: "day of the marrow sample",
            clonality: "clonality",
            plasmacytoma: "plasmacytoma",
            masses: "plasmacytomas",
            imaging: "imaging",
            circulating_cells: "circulating plasma cells",
            residual_disease: "minimal residual disease",
            uptake: "uptake on PET",
            calcium: "corrected calcium",
            haemoglobin: "haemoglobin",
            creatinine: "creatinine",
        }
        self.calcium_due_to_myeloma |= other.calcium_due_to_myeloma;
        self.haemoglobin_otherwise_explained |= other.haemoglobin_otherwise_explained;
        self.creatinine_due_to_myeloma |= other.creatinine_due_to_myeloma;
        self.hyperviscosity |= other.hyperviscosity;
        self.spurious.extend(other.spurious);
        Ok(())
    }

    /// Day of the marrow sample.
    pub(super) fn marrow_date(&self) -> Date {
        self.plasma_cells_date.unwrap_or(self.date)
    }
}

/// The values against which a response is judged, and the sample they are from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Baseline {
    /// The last values before the first treatment.
    pub markers: Markers,
    /// The involved light chain, fixed here for good; without it, the one that makes the baseline ratio abnormal.
    #[serde(default)]
    pub involved: Option<Chain>,
}

impl Baseline {
    /// A baseline whose involved light chain follows from its ratio.
    pub const fn new(markers: Markers) -> Self {
        Self { markers, involved: None }
    }
}
