//! Laboratory values: which analyte, in which unit, against which limits.
//!
//! Start at [`LabValue::new`]: a value as the laboratory reported it becomes a value in the analyte's canonical unit
//! by an exact decimal factor. A unit that is not listed for the analyte is refused, never guessed: 10^3/uL and
//! 10^3/mL differ by a thousand and by one letter. Missing stays missing. Left out: grading (see `ctcae`).

use std::fmt;
use std::str::FromStr;

use rust_decimal::Decimal;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use crate::quantity::{BadQuantity, split_number, written_as_text};

/// The units of one kind of analyte: each spelling (lower case, `10^` powers, `u` for micro) with the factor that
/// leads to the first, canonical, one.
type Units = &'static [(&'static str, Decimal)];

const fn factor(digits: u32, scale: u32) -> Decimal {
    Decimal::from_parts(digits, 0, 0, false, scale)
}

const COUNT: Units = &[
    ("10^9/L", Decimal::ONE),
    ("10^3/uL", Decimal::ONE),
    ("10^6/mL", Decimal::ONE),
    ("10^3/mm3", Decimal::ONE),
    ("K/uL", Decimal::ONE),
    ("K/mm3", Decimal::ONE),
    ("GI/L", Decimal::ONE),
    ("G/L", Decimal::ONE),
    ("THOU/uL", Decimal::ONE),
    ("THOU/mm3", Decimal::ONE),
    ("/nL", Decimal::ONE),
    ("10^3/mL", factor(1, 3)),
    ("10^6/L", factor(1, 3)),
    ("/uL", factor(1, 3)),
    ("cells/uL", factor(1, 3)),
    ("/mm3", factor(1, 3)),
    ("cells/mm3", factor(1, 3)),
    ("10^12/L", Decimal::ONE_THOUSAND),
];
const HAEMOGLOBIN: Units = &[
    ("g/L", Decimal::ONE),
    ("g/dL", Decimal::TEN),
    ("mg/mL", Decimal::ONE),
    // One mole of the haem-bearing monomer weighs 16114 g.
    ("mmol/L", factor(16_114, 3)),
];
const PROTEIN: Units =
    &[("g/L", Decimal::ONE), ("g/dL", Decimal::TEN), ("mg/dL", factor(1, 2)), ("mg/mL", Decimal::ONE)];
const ENZYME: Units = &[
    ("U/L", Decimal::ONE),
    ("IU/L", Decimal::ONE),
    ("mU/mL", Decimal::ONE),
    ("ukat/L", factor(60, 0)), // 1 U is 1 umol/min, 1 kat is 1 mol/s.
    ("nkat/L", factor(6, 2)),
];
const BILIRUBIN: Units =
    &[("umol/L", Decimal::ONE), ("mmol/L", Decimal::ONE_THOUSAND), ("mg/dL", factor(171, 1))];
const CREATININE: Units =
    &[("umol/L", Decimal::ONE), ("mmol/L", Decimal::ONE_THOUSAND), ("mg/dL", factor(8_842, 2))];
const URATE: Units =
    &[("umol/L", Decimal::ONE), ("mmol/L", Decimal::ONE_THOUSAND), ("mg/dL", factor(5_948, 2))];
const CLEARANCE: Units = &[("mL/min", Decimal::ONE), ("mL/s", factor(60, 0))];
/// Of a body surface of 1.73 m2, which no unit of [`CLEARANCE`] is.
const FILTRATION: Units = &[
    ("mL/min/1.73m2", Decimal::ONE),
    ("mL/min/1.73m^2", Decimal::ONE),
    ("mL/min/{1.73_m2}", Decimal::ONE), // UCUM
    ("mL/s/1.73m2", factor(60, 0)),
];
const RATIO: Units = &[("ratio", Decimal::ONE), ("1", Decimal::ONE), ("", Decimal::ONE)];
const SECONDS: Units = &[("s", Decimal::ONE), ("sec", Decimal::ONE), ("seconds", Decimal::ONE)];
const CALCIUM: Units = &[("mmol/L", Decimal::ONE), ("mg/dL", factor(2_495, 4)), ("mEq/L", factor(5, 1))];
const MONOVALENT: Units = &[("mmol/L", Decimal::ONE), ("mEq/L", Decimal::ONE)];
const MAGNESIUM: Units = &[("mmol/L", Decimal::ONE), ("mg/dL", factor(4_114, 4)), ("mEq/L", factor(5, 1))];
const GLUCOSE: Units = &[("mmol/L", Decimal::ONE), ("mg/dL", factor(55_507, 6))];
const SERUM_M: Units = &[("g/dL", Decimal::ONE), ("g/L", factor(1, 1)), ("mg/dL", factor(1, 3))];
const URINE_M: Units = &[
    ("mg/24h", Decimal::ONE),
    ("mg/d", Decimal::ONE),
    ("mg/day", Decimal::ONE),
    ("g/24h", Decimal::ONE_THOUSAND),
    ("g/d", Decimal::ONE_THOUSAND),
    ("g/day", Decimal::ONE_THOUSAND),
];
const LIGHT_CHAIN: Units = &[("mg/dL", Decimal::ONE), ("mg/L", factor(1, 1)), ("g/L", Decimal::ONE_HUNDRED)];
const PERCENT: Units = &[("%", Decimal::ONE)];

/// Where a specimen must come from for a code to mean the analyte.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Specimen {
    Blood,
    Urine,
    Marrow,
}

macro_rules! analytes {
    ($($(#[$doc:meta])* $variant:ident = $id:literal, $name:literal, [$($code:literal),*], $specimen:ident, $units:ident;)*) => {
        /// What a laboratory measures, of those that toxicity rules and myeloma response read. A closed set: an analyte
        /// that is not here is not graded.
        ///
        /// ```
        /// use posology_clinic::laboratory::Analyte;
        /// assert_eq!(Analyte::from_sdtm("PLAT", "BLOOD"), Some(Analyte::Platelets));
        /// assert_eq!(Analyte::from_sdtm("ALB", "URINE"), None); // albuminuria is no hypoalbuminaemia
        /// assert_eq!("corrected-calcium".parse(), Ok(Analyte::CorrectedCalcium));
        /// ```
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
        pub enum Analyte {
            $($(#[$doc])* #[serde(rename = $id)] $variant,)*
        }

        impl Analyte {
            /// Every analyte, blood counts first.
            pub const ALL: &[Self] = &[$(Self::$variant),*];

            /// Its identifier in protocols and files, such as `corrected-calcium`.
            pub fn id(self) -> &'static str {
                match self { $(Self::$variant => $id),* }
            }

            /// Its name for a reader, such as "corrected calcium".
            pub fn name(self) -> &'static str {
                match self { $(Self::$variant => $name),* }
            }

            fn sdtm(self) -> (&'static [&'static str], Specimen) {
                match self { $(Self::$variant => (&[$($code),*], Specimen::$specimen)),* }
            }

            fn units(self) -> Units {
                match self { $(Self::$variant => $units),* }
            }
        }
    };
}

analytes! {
    /// Platelets, 10^9/L.
    Platelets = "platelets", "platelets", ["PLAT"], Blood, COUNT;
    /// Neutrophils, absolute count, 10^9/L.
    Neutrophils = "neutrophils", "neutrophils", ["NEUT"], Blood, COUNT;
    /// Leukocytes, 10^9/L.
    Leukocytes = "leukocytes", "leukocytes", ["WBC"], Blood, COUNT;
    /// Lymphocytes, absolute count, 10^9/L.
    Lymphocytes = "lymphocytes", "lymphocytes", ["LYM"], Blood, COUNT;
    /// Haemoglobin, g/L.
    Haemoglobin = "haemoglobin", "haemoglobin", ["HGB"], Blood, HAEMOGLOBIN;
    /// Alanine aminotransferase, U/L.
    AlanineAminotransferase = "alt", "ALT", ["ALT"], Blood, ENZYME;
    /// Aspartate aminotransferase, U/L.
    AspartateAminotransferase = "ast", "AST", ["AST"], Blood, ENZYME;
    /// Alkaline phosphatase, U/L.
    AlkalinePhosphatase = "alp", "alkaline phosphatase", ["ALP"], Blood, ENZYME;
    /// Total bilirubin, umol/L.
    Bilirubin = "bilirubin", "bilirubin", ["BILI"], Blood, BILIRUBIN;
    /// Gamma-glutamyl transferase, U/L.
    GammaGlutamylTransferase = "ggt", "GGT", ["GGT"], Blood, ENZYME;
    /// Lactate dehydrogenase, U/L.
    LactateDehydrogenase = "ldh", "LDH", ["LDH"], Blood, ENZYME;
    /// Creatinine in serum, umol/L.
    Creatinine = "creatinine", "creatinine", ["CREAT"], Blood, CREATININE;
    /// Creatinine clearance, measured or estimated, mL/min (not per 1.73 m2).
    CreatinineClearance = "creatinine-clearance", "creatinine clearance", ["CREATCLR"], Blood, CLEARANCE;
    /// Estimated glomerular filtration rate, mL/min per 1.73 m2 of body surface, as the laboratory reported it.
    EstimatedFiltration = "egfr", "eGFR", ["GFRE", "GFRBSCRT"], Blood, FILTRATION;
    /// International normalised ratio of the prothrombin time.
    Inr = "inr", "INR", ["INR"], Blood, RATIO;
    /// Activated partial thromboplastin time, s.
    Aptt = "aptt", "APTT", ["APTT"], Blood, SECONDS;
    /// Total calcium, uncorrected, mmol/L; CTCAE grades the corrected one.
    Calcium = "calcium", "calcium", ["CA"], Blood, CALCIUM;
    /// Calcium corrected for albumin, mmol/L.
    CorrectedCalcium = "corrected-calcium", "corrected calcium", ["CACRALB", "CACR"], Blood, CALCIUM;
    /// Ionised calcium, mmol/L.
    IonisedCalcium = "ionised-calcium", "ionised calcium", ["CAION"], Blood, CALCIUM;
    /// Potassium, mmol/L.
    Potassium = "potassium", "potassium", ["K"], Blood, MONOVALENT;
    /// Sodium, mmol/L.
    Sodium = "sodium", "sodium", ["SODIUM"], Blood, MONOVALENT;
    /// Magnesium, mmol/L.
    Magnesium = "magnesium", "magnesium", ["MG"], Blood, MAGNESIUM;
    /// Glucose, mmol/L.
    Glucose = "glucose", "glucose", ["GLUC"], Blood, GLUCOSE;
    /// Albumin in serum, g/L.
    Albumin = "albumin", "albumin", ["ALB"], Blood, PROTEIN;
    /// Lipase, U/L.
    Lipase = "lipase", "lipase", ["LIPASE", "LIPASET"], Blood, ENZYME;
    /// Amylase in serum, U/L.
    Amylase = "amylase", "amylase", ["AMYLASE"], Blood, ENZYME;
    /// Urate, umol/L.
    Urate = "urate", "urate", ["URATE"], Blood, URATE;
    /// Monoclonal protein in serum, g/dL.
    SerumMProtein = "serum-m-protein", "serum M-protein", ["MCPROT"], Blood, SERUM_M;
    /// Monoclonal protein in a 24-hour urine, mg/24h.
    UrineMProtein = "urine-m-protein", "urine M-protein", ["MPROTEXR", "MCPROT"], Urine, URINE_M;
    /// Free kappa light chain in serum, mg/dL.
    FreeKappa = "free-kappa", "free kappa light chain", ["KLCFR"], Blood, LIGHT_CHAIN;
    /// Free lambda light chain in serum, mg/dL.
    FreeLambda = "free-lambda", "free lambda light chain", ["LLCFR"], Blood, LIGHT_CHAIN;
    /// Free kappa divided by free lambda.
    FreeLightChainRatio = "free-light-chain-ratio", "free light chain ratio", ["KLCLLCFR"], Blood, RATIO;
    /// Plasma cells among the cells of the marrow, %.
    MarrowPlasmaCells = "marrow-plasma-cells", "bone marrow plasma cells", ["PLSTCECE", "PLSMCECE"], Marrow, PERCENT;
}

impl Analyte {
    /// The analyte of an SDTM laboratory record, from `LBTESTCD` and `LBSPEC`.
    ///
    /// The specimen decides: `CREAT` in urine is not serum creatinine and `MCPROT` is the serum or the urine protein.
    /// An empty specimen is taken for blood (or marrow, for the plasma cells), as the codes are mostly used.
    pub fn from_sdtm(test_code: &str, specimen: &str) -> Option<Self> {
        let code = test_code.trim().to_ascii_uppercase();
        let specimen = specimen.trim().to_ascii_uppercase();
        Self::ALL.iter().copied().find(|analyte| {
            let (codes, wanted) = analyte.sdtm();
            // An excretion rate is one of urine, whatever the record says of its specimen.
            let fits = match (wanted, specimen.as_str()) {
                (Specimen::Urine, "") => code == "MPROTEXR",
                (_, "") => true,
                (Specimen::Blood, s) => {
                    s.contains("BLOOD") || matches!(s, "SERUM" | "PLASMA" | "SERUM OR PLASMA")
                }
                (Specimen::Urine, s) => s.contains("URINE"),
                (Specimen::Marrow, s) => s.contains("MARROW"),
            };
            fits && codes.contains(&code.as_str())
        })
    }

    /// The unit in which this program compares the analyte, such as `10^9/L`.
    pub fn canonical_unit(self) -> &'static str {
        self.units().first().map_or("", |unit| unit.0)
    }

    /// The units in which results may be written, the canonical one first.
    pub fn units_known(self) -> impl Iterator<Item = &'static str> {
        self.units().iter().map(|(unit, _)| *unit)
    }

    /// The codes of its SDTM records (`LBTESTCD`).
    pub fn codes(self) -> &'static [&'static str] {
        self.sdtm().0
    }

    /// Between which values, in the canonical unit, results lie that were typed with the right unit, illness included; a
    /// result beyond is asked about, never refused. Chosen by the authors of this program, far outside the limits of
    /// CTCAE's grades.
    ///
    /// ```
    /// use posology_clinic::laboratory::Analyte;
    /// // 130 g/L typed as g/dL would be 1300 g/L.
    /// assert!(Analyte::Haemoglobin.usually_within().1 < 1300.into());
    /// ```
    #[must_use]
    pub fn usually_within(self) -> (Decimal, Decimal) {
        let (least, most): (i64, i64) = match self {
            Self::Platelets => (0, 3_000),
            Self::Neutrophils | Self::Lymphocytes => (0, 500),
            Self::Leukocytes => (0, 1_000),
            Self::Haemoglobin => (20, 250),
            Self::AlanineAminotransferase
            | Self::AspartateAminotransferase
            | Self::AlkalinePhosphatase
            | Self::GammaGlutamylTransferase
            | Self::LactateDehydrogenase
            | Self::Lipase
            | Self::Amylase => (0, 30_000),
            Self::Bilirubin => (0, 1_000),
            Self::Creatinine => (5, 3_000),
            Self::CreatinineClearance | Self::EstimatedFiltration => (0, 300),
            Self::Inr => (0, 30),
            Self::Aptt => (10, 300),
            Self::Calcium | Self::CorrectedCalcium => (1, 6),
            Self::IonisedCalcium => (0, 4),
            Self::Potassium => (1, 12),
            Self::Sodium => (90, 200),
            Self::Magnesium => (0, 6),
            Self::Glucose => (0, 100),
            Self::Albumin => (5, 80),
            Self::Urate => (0, 3_000),
            Self::SerumMProtein => (0, 20),
            Self::UrineMProtein => (0, 60_000),
            Self::FreeKappa | Self::FreeLambda => (0, 10_000),
            Self::FreeLightChainRatio => (0, 100_000),
            Self::MarrowPlasmaCells => (0, 100),
        };
        (Decimal::from(least), Decimal::from(most))
    }

    /// The unit's usual spelling and its factor to the canonical one.
    fn unit(self, unit: &str) -> Result<(&'static str, Decimal), UnknownUnit> {
        // Most units come spelled as listed, and rewriting a spelling is slow.
        if let Some(listed) = self.units().iter().find(|(known, _)| *known == unit) {
            return Ok(*listed);
        }
        let wanted = plain(unit);
        self.units()
            .iter()
            // Giga per litre and gram per litre differ only by case.
            .find(
                |(known, _)| {
                    if *known == "G/L" { unit.trim() == "G/L" } else { known.eq_ignore_ascii_case(&wanted) }
                },
            )
            .copied()
            .ok_or_else(|| UnknownUnit {
                analyte: self,
                unit: unit.to_owned(),
                known: self
                    .units()
                    .iter()
                    .map(|(known, _)| *known)
                    .filter(|known| !known.is_empty())
                    .collect(),
            })
    }
}

/// One spelling for the many of a unit: no blanks, lower case, `^` for powers, `u` for micro.
fn plain(unit: &str) -> String {
    let mut text: String = unit
        .chars()
        .filter(|c| !c.is_whitespace())
        .flat_map(|c| {
            match c {
                'µ' | 'μ' => 'u',
                '×' => 'x',
                '³' => '3',
                '²' => '2',
                c => c,
            }
            .to_lowercase()
        })
        .collect();
    for (from, to) in [
        ("**", "^"),
        ("*", "^"),
        ("10⁹", "10^9"),
        ("103/", "10^3/"),
        ("/cumm", "/mm3"),
        ("/mm^3", "/mm3"),
        ("(24.h)", "24h"),
        ("/24hr", "/24h"),
        ("mcmol", "umol"),
        ("/mcl", "/ul"),
    ] {
        text = text.replace(from, to);
    }
    text.strip_prefix('x').map_or(text.clone(), str::to_owned)
}

impl FromStr for Analyte {
    type Err = UnknownAnalyte;

    fn from_str(id: &str) -> Result<Self, UnknownAnalyte> {
        let known = Self::ALL.iter().copied().find(|analyte| analyte.id() == id);
        known.ok_or_else(|| UnknownAnalyte { found: id.to_owned() })
    }
}

impl fmt::Display for Analyte {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A name that is no analyte's identifier.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("found analyte {found:?}; expected one of {}; mend: use the identifier as listed", ids())]
pub struct UnknownAnalyte {
    /// The name that was found.
    pub found: String,
}

fn ids() -> String {
    Analyte::ALL.iter().map(|analyte| analyte.id()).collect::<Vec<_>>().join(", ")
}

/// A unit that is not known for an analyte. The value is not converted, for no factor can be guessed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("found unit {unit:?} for {analyte}; expected one of {}; mend: give the unit of the laboratory's report", known.join(", "))]
pub struct UnknownUnit {
    /// The analyte.
    pub analyte: Analyte,
    /// The unit that was found.
    pub unit: String,
    /// The units that are known for it, the canonical one first.
    pub known: Vec<&'static str>,
}

/// A value in the canonical unit of its analyte.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Quantity {
    /// The value.
    pub value: Decimal,
    /// The unit, as [`Analyte::canonical_unit`].
    pub unit: &'static str,
}

impl fmt::Display for Quantity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.value.normalize(), self.unit)
    }
}

/// Converts a value to its analyte's canonical unit, by an exact decimal factor.
///
/// Factors between mass and substance are conventional ones: bilirubin 17.1, creatinine 88.42 and urate 59.48 umol/L
/// for 1 mg/dL; calcium 0.2495, magnesium 0.4114 and glucose 0.055507 mmol/L for 1 mg/dL; haemoglobin 16.114 g/L for
/// 1 mmol/L of monomer. Powers of ten are exact.
///
/// # Errors
/// If the unit is not known for the analyte; the error names those that are.
///
/// ```
/// use posology_clinic::laboratory::{Analyte, convert};
/// let count = convert(Analyte::Platelets, 25_000.into(), "10^3/mL")?;
/// assert_eq!(count.to_string(), "25 10^9/L");
/// assert!(convert(Analyte::Platelets, 25.into(), "g/dL").is_err());
/// # Ok::<(), posology_clinic::laboratory::UnknownUnit>(())
/// ```
pub fn convert(analyte: Analyte, value: Decimal, unit: &str) -> Result<Quantity, UnknownUnit> {
    let (_, factor) = analyte.unit(unit)?;
    // Beyond a decimal's range no laboratory value exists; the largest decimal compares alike.
    let extreme = if value.is_sign_negative() { Decimal::MIN } else { Decimal::MAX };
    Ok(Quantity { value: value.checked_mul(factor).unwrap_or(extreme), unit: analyte.canonical_unit() })
}

/// Whether the number is the value itself or a limit of the method.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Qualifier {
    /// The value itself.
    Exact,
    /// Below the number, as in "<0.2".
    LessThan,
    /// Above the number, as in ">1000".
    GreaterThan,
}

/// A value as the laboratory reported it: with all its digits, its qualifier and its unit.
///
/// ```
/// use posology_clinic::laboratory::{Measured, Qualifier};
/// let measured: Measured = "<0.20 10^9/L".parse()?;
/// assert_eq!(measured.qualifier, Qualifier::LessThan);
/// assert_eq!(measured.to_string(), "<0.20 10^9/L"); // the last zero was reported, so it stays
/// # Ok::<(), posology_clinic::quantity::BadQuantity>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Measured {
    /// The number, with the decimals that were reported.
    pub value: Decimal,
    /// What the number means.
    pub qualifier: Qualifier,
    /// The unit as it was reported; may be empty for a ratio.
    pub unit: String,
}

impl fmt::Display for Measured {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = match self.qualifier {
            Qualifier::Exact => "",
            Qualifier::LessThan => "<",
            Qualifier::GreaterThan => ">",
        };
        write!(f, "{sign}{}", self.value)?;
        if self.unit.is_empty() { Ok(()) } else { write!(f, " {}", self.unit) }
    }
}

impl FromStr for Measured {
    type Err = BadQuantity;

    fn from_str(text: &str) -> Result<Self, BadQuantity> {
        let (qualifier, number) = match text.trim() {
            t if t.starts_with('<') => (Qualifier::LessThan, &t[1..]),
            t if t.starts_with('>') => (Qualifier::GreaterThan, &t[1..]),
            t => (Qualifier::Exact, t),
        };
        let (value, unit) = split_number(number).ok_or_else(|| {
            BadQuantity::new(
                format!("{text:?}"),
                "a laboratory value: a plain number, < or > before it where it is a limit, and its unit",
                "write it such as \"25 10^9/L\" or \"<0.2 g/dL\"",
            )
        })?;
        Ok(Self { value, qualifier, unit: unit.to_owned() })
    }
}

written_as_text!(Measured, "a laboratory value", "25 10^9/L");

/// One result of one analyte: as reported, in the canonical unit, and with the laboratory's limits of normal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LabValue {
    /// What was measured.
    pub analyte: Analyte,
    /// The value as reported.
    pub measured: Measured,
    /// The same number in [`Analyte::canonical_unit`]; the qualifier is that of `measured`.
    pub canonical: Decimal,
    /// Lower limit of normal in the canonical unit, if the laboratory gave one.
    pub lower_limit: Option<Decimal>,
    /// Upper limit of normal in the canonical unit, if the laboratory gave one.
    pub upper_limit: Option<Decimal>,
}

impl LabValue {
    /// A value with its limits of normal, all in the reported unit.
    ///
    /// # Errors
    /// If the unit is not known for the analyte.
    ///
    /// ```
    /// use posology_clinic::laboratory::{Analyte, LabValue};
    /// let value = LabValue::new(Analyte::Haemoglobin, "7.9 g/dL".parse()?, Some(12.into()), Some(16.into()))?;
    /// assert_eq!(value.canonical, 79.into());
    /// assert_eq!(value.lower_limit, Some(120.into()));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn new(
        analyte: Analyte,
        measured: Measured,
        lower_limit: Option<Decimal>,
        upper_limit: Option<Decimal>,
    ) -> Result<Self, UnknownUnit> {
        let to_canonical = |value| convert(analyte, value, &measured.unit).map(|quantity| quantity.value);
        Ok(Self {
            analyte,
            canonical: to_canonical(measured.value)?,
            lower_limit: lower_limit.map(to_canonical).transpose()?,
            upper_limit: upper_limit.map(to_canonical).transpose()?,
            measured,
        })
    }

    /// The reported unit as this program spells it, such as `10^9/L` for `x10*9/L`.
    pub fn unit(&self) -> &'static str {
        self.analyte.unit(&self.measured.unit).map_or("", |(known, _)| known)
    }
}

/// Calcium corrected for albumin, which is what CTCAE grades: 0.8 mg/dL (or 0.2 mmol/L) more for each g/dL of albumin
/// below 4.0. The limits of normal are those of the total calcium.
///
/// `None` unless these are calcium and albumin of serum, both with a value and not a limit of the method. Source:
/// Payne et al., Br Med J 1973;4:643-6, in the rounded form in common use.
///
/// ```
/// use posology_clinic::laboratory::{corrected_calcium, Analyte, LabValue};
/// let calcium = LabValue::new(Analyte::Calcium, "11.0 mg/dL".parse()?, None, Some("10.5".parse()?))?;
/// let albumin = LabValue::new(Analyte::Albumin, "3.0 g/dL".parse()?, None, None)?;
/// let corrected = corrected_calcium(&calcium, &albumin).unwrap();
/// assert_eq!(corrected.measured.to_string(), "11.8 mg/dL");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn corrected_calcium(calcium: &LabValue, albumin: &LabValue) -> Option<LabValue> {
    let exact = |value: &LabValue| value.measured.qualifier == Qualifier::Exact;
    if calcium.analyte != Analyte::Calcium
        || albumin.analyte != Analyte::Albumin
        || !exact(calcium)
        || !exact(albumin)
    {
        return None;
    }
    // Albumin is canonical in g/L, a tenth of a g/dL.
    let (value, unit, for_each_g_per_l) = match calcium.unit() {
        "mg/dL" => (calcium.measured.value, "mg/dL", factor(8, 2)),
        _ => (calcium.canonical, "mmol/L", factor(2, 2)),
    };
    let missing = factor(40, 0).checked_sub(albumin.canonical)?;
    let corrected = value.checked_add(missing.checked_mul(for_each_g_per_l)?)?.normalize();
    let measured = Measured { value: corrected, qualifier: Qualifier::Exact, unit: unit.to_owned() };
    let canonical = convert(Analyte::CorrectedCalcium, corrected, unit).ok()?.value;
    Some(LabValue { analyte: Analyte::CorrectedCalcium, measured, canonical, ..calcium.clone() })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn decimal(text: &str) -> Decimal {
        text.parse().unwrap()
    }

    #[test]
    fn all_spellings_of_ten_to_the_ninth_per_litre_agree() {
        for unit in [
            "10^9/L",
            "10*9/L",
            "10**9/L",
            "x10^9/L",
            "x 10^9 / L",
            "×10⁹/L",
            "10^3/uL",
            "10^3/µL",
            "10^3/μL",
            "10^3/mm3",
            "10^3/cumm",
            "K/uL",
            "K/mm3",
            "GI/L",
            "G/L",
            "THOU/uL",
            "10^3/UL",
            "10^6/mL",
            "10³/µL",
        ] {
            let count = convert(Analyte::Platelets, decimal("24.9"), unit);
            assert_eq!(count.map(|q| q.value), Ok(decimal("24.9")), "{unit}");
        }
    }

    #[test]
    fn ten_to_the_third_per_millilitre_is_a_thousand_times_smaller() {
        for unit in ["10^3/mL", "10^6/L", "/uL", "cells/uL", "/mm3"] {
            assert_eq!(
                convert(Analyte::Neutrophils, decimal("500"), unit).unwrap().value,
                decimal("0.5"),
                "{unit}"
            );
        }
    }

    #[test]
    fn a_unit_of_another_kind_is_refused_and_the_known_ones_named() {
        for (analyte, unit) in [
            (Analyte::Platelets, "g/L"),
            (Analyte::Platelets, ""),
            (Analyte::Platelets, "10E9/L"),
            (Analyte::Haemoglobin, "G/dL/x"),
            (Analyte::CreatinineClearance, "mL/min/1.73m2"),
            (Analyte::UrineMProtein, "mg/dL"),
            (Analyte::Creatinine, ""),
        ] {
            let error = convert(analyte, Decimal::ONE, unit).unwrap_err().to_string();
            assert!(error.contains(analyte.canonical_unit()), "{error}");
        }
    }

    #[test]
    fn conventional_factors_are_those_of_the_literature() {
        // Source: SI conversion tables of clinical chemistry (bilirubin 17.1, creatinine 88.42, calcium 0.2495).
        for (analyte, value, unit, canonical) in [
            (Analyte::Haemoglobin, "10", "g/dL", "100"),
            (Analyte::Creatinine, "1", "mg/dL", "88.42"),
            (Analyte::Bilirubin, "1", "mg/dL", "17.1"),
            (Analyte::Calcium, "10", "mg/dL", "2.495"),
            (Analyte::Calcium, "5", "mEq/L", "2.5"),
            (Analyte::SerumMProtein, "10", "g/L", "1"),
            (Analyte::FreeKappa, "100", "mg/L", "10"),
            (Analyte::UrineMProtein, "0.2", "g/24h", "200"),
            (Analyte::UrineMProtein, "200", "mg/(24.h)", "200"),
            (Analyte::AlanineAminotransferase, "1", "µkat/L", "60"),
        ] {
            assert_eq!(
                convert(analyte, decimal(value), unit).unwrap().value,
                decimal(canonical),
                "{analyte} {unit}"
            );
        }
        // 1 g/dL is 0.6206 mmol/L.
        let back = convert(Analyte::Haemoglobin, decimal("0.6206"), "mmol/L").unwrap().value;
        assert!((back - Decimal::TEN).abs() < decimal("0.001"), "{back}");
    }

    #[test]
    fn a_code_means_an_analyte_only_with_its_specimen() {
        for (code, specimen, analyte) in [
            ("PLAT", "", Some(Analyte::Platelets)),
            ("plat", "blood", Some(Analyte::Platelets)),
            ("MCPROT", "SERUM", Some(Analyte::SerumMProtein)),
            ("MCPROT", "URINE", Some(Analyte::UrineMProtein)),
            ("MCPROT", "", Some(Analyte::SerumMProtein)),
            ("MPROTEXR", "", Some(Analyte::UrineMProtein)),
            ("GLUC", "URINE", None),
            ("CREAT", "URINE", None),
            ("ALB", "CEREBROSPINAL FLUID", None),
            ("PLSTCECE", "BONE MARROW", Some(Analyte::MarrowPlasmaCells)),
            ("XYZ", "BLOOD", None),
        ] {
            assert_eq!(Analyte::from_sdtm(code, specimen), analyte, "{code} {specimen}");
        }
    }

    #[test]
    fn every_identifier_is_read_back_and_every_unit_leads_to_the_canonical_one() {
        for analyte in Analyte::ALL {
            assert_eq!(analyte.id().parse(), Ok(*analyte));
            assert_eq!(serde_json::to_value(analyte).unwrap(), analyte.id());
            assert_eq!(
                convert(*analyte, Decimal::TWO, analyte.canonical_unit()).unwrap().value,
                Decimal::TWO
            );
        }
        assert!("dose".parse::<Analyte>().is_err());
    }

    #[test]
    fn a_reported_value_keeps_its_digits_and_its_qualifier() {
        for text in ["4.00 g/dL", "<0.2 g/dL", ">1000 U/L", "1.65"] {
            assert_eq!(text.parse::<Measured>().unwrap().to_string(), text);
        }
        for text in ["", "<=3 g/dL", "not done", "1,5 g/dL", "<", "≤3 g/dL"] {
            assert!(text.parse::<Measured>().is_err(), "{text:?}");
        }
    }

    proptest! {
        #[test]
        fn no_text_and_no_value_makes_a_conversion_panic(text in ".{0,30}", lo: u32, mid: u32, hi: u32, scale in 0u32..28) {
            let _ = text.parse::<Measured>();
            let value = Decimal::from_parts(lo, mid, hi, false, scale);
            for analyte in Analyte::ALL {
                let _ = convert(*analyte, value, &text);
                for (unit, _) in analyte.units() {
                    prop_assert!(convert(*analyte, value, unit).is_ok());
                }
            }
        }
    }
}
