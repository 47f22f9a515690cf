//! What is found at one assessment.

use std::collections::BTreeMap;

use jiff::civil::Date;
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use super::super::imwg::BadValue;
use super::{HAEMOGLOBIN, LENGTH, LYMPHOCYTES, MARROW_CELLS, PLATELETS, RESIDUAL_SHARE, SPLEEN_ENLARGED};

/// A lymph node, mm.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Node {
    /// Longest diameter; 0 where it is gone.
    pub longest: Decimal,
    /// Longest diameter perpendicular to it.
    pub shortest: Decimal,
}

impl Node {
    pub(super) fn product(self) -> Decimal {
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

    pub(super) fn check(&self) -> Result<(), BadValue> {
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
    pub(super) fn spleen_excess(&self) -> Option<Decimal> {
        // 130 mm itself is enlarged, and there the excess would be none: what is below 130 counts as none.
        self.spleen.map(|height| height.saturating_sub(SPLEEN_ENLARGED).max(Decimal::ZERO))
    }
}
