//! What is found at one assessment, and the treatments that move IgM without the disease.

use jiff::civil::Date;
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use super::super::imwg::BadValue;
use super::IGM;

/// How IgM was measured. The two do not agree, so one is kept throughout.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Method {
    /// Total IgM by nephelometry or turbidimetry.
    Nephelometry,
    /// The IgM spike by serum protein electrophoresis.
    Electrophoresis,
}

impl Method {
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Nephelometry => "nephelometry",
            Self::Electrophoresis => "electrophoresis",
        }
    }
}

/// Enlarged nodes, spleen, liver or other disease outside blood and marrow.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Extramedullary {
    /// Not looked for.
    #[default]
    NotDone,
    /// None, or none left.
    Absent,
    /// Smaller than at baseline.
    Smaller,
    /// There; after baseline, unchanged.
    Present,
    /// Larger than at baseline or than at its smallest.
    Larger,
    /// New disease.
    New,
}

/// The marrow by morphology.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Marrow {
    /// Not examined.
    #[default]
    NotDone,
    /// Normal, without lymphoplasmacytic lymphoma.
    Normal,
    /// Involved.
    Involved,
}

/// Everything found at one assessment.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Visit {
    /// Day of the assessment.
    pub date: Date,
    /// Serum IgM, mg/dL; `None` where not measured.
    pub igm: Option<Decimal>,
    /// How it was measured; `None` where nobody recorded it.
    pub method: Option<Method>,
    /// Upper limit of normal of the laboratory, mg/dL.
    pub igm_upper_limit: Option<Decimal>,
    /// Whether immunofixation saw monoclonal IgM; `None` where not done.
    pub immunofixation_positive: Option<bool>,
    /// Disease outside blood and marrow.
    pub extramedullary: Extramedullary,
    /// The marrow.
    pub marrow: Marrow,
    /// Whether a physician found clinical progression: cytopenia, symptoms or signs that the disease explains.
    pub clinical_progression: bool,
}

impl Visit {
    /// An assessment of which nothing is known yet.
    pub const fn new(date: Date) -> Self {
        Self {
            date,
            igm: None,
            method: None,
            igm_upper_limit: None,
            immunofixation_positive: None,
            extramedullary: Extramedullary::NotDone,
            marrow: Marrow::NotDone,
            clinical_progression: false,
        }
    }

    pub(super) fn check(&self) -> Result<(), BadValue> {
        IGM.check(self.igm, self.date)?;
        IGM.check(self.igm_upper_limit, self.date)
    }
}

/// A pause of a BTK inhibitor.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Pause {
    /// First day without it.
    pub from: Date,
    /// Day on which it was resumed; `None` while it is paused.
    pub resumed: Option<Date>,
}

/// The values against which a response is judged, and the treatments that move IgM without the disease.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Baseline {
    /// The last values before the first treatment.
    pub visit: Visit,
    /// Days of plasmapheresis.
    pub plasmapheresis: Vec<Date>,
    /// Days of an anti-CD20 antibody.
    pub anti_cd20: Vec<Date>,
    /// Pauses of a BTK inhibitor.
    pub pauses: Vec<Pause>,
}

impl Baseline {
    /// A baseline without any of these treatments.
    pub const fn new(visit: Visit) -> Self {
        Self { visit, plasmapheresis: Vec::new(), anti_cd20: Vec::new(), pauses: Vec::new() }
    }
}
