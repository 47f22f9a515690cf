//! What the criteria leave open, each with its default.

use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use super::super::CriteriaSet;
use super::super::amount::whole;

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
