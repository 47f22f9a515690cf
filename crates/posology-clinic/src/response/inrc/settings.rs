//! What the criteria leave open, each with its default.

use serde::{Deserialize, Serialize};

use super::super::{Category, CriteriaSet};

choice! {
    /// What a marrow between 5 and 20% at baseline is when it falls to 5% or less.
    FallToMinimal {
        /// Minimal disease, by the general wording.
        Minimal,
        /// Stable disease, since no printed case names it.
        Stable,
    }
}

choice! {
    /// An overall category for a combination of components that the paper does not name.
    Unnamed {
        /// Partial response.
        Partial,
        /// Minor response.
        Minor,
        /// Stable disease.
        Stable,
    }
}

choice! {
    /// From which earlier value a rise is measured.
    RiseFrom {
        /// Baseline.
        Baseline,
        /// The lowest so far, baseline included.
        Nadir,
    }
}

impl Unnamed {
    pub(super) const fn category(self) -> Category {
        match self {
            Self::Partial => Category::Partial,
            Self::Minor => Category::Minimal,
            Self::Stable => Category::Stable,
        }
    }
}

/// The criteria with an answer to every point they leave open.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Settings {
    /// `inrc-2017`.
    pub criteria: CriteriaSet,
    /// What a marrow of more than 5 and up to 20% at baseline is at 5% or less. Default: `minimal`.
    pub marrow_fall_to_five: FallToMinimal,
    /// Complete response in every component but minimal disease in the marrow. Default: `partial`.
    pub complete_but_minimal_marrow: Unnamed,
    /// Minimal disease in the marrow, and no response elsewhere. Default: `stable`.
    pub minimal_marrow_alone: Unnamed,
    /// From which share a progression of the marrow is measured. Default: `nadir`.
    pub marrow_rise_from: RiseFrom,
    /// From which MIBG score a relative score of 1.2 is measured. Default: `baseline`.
    pub score_rise_from: RiseFrom,
    /// Whether a new lesion must take up the tracer or be proven by biopsy to be progression. Default: true.
    pub new_lesion_needs_proof: bool,
    /// Days after which a second assessment must agree with a response; none given means that none is needed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub confirm_after_days: Option<u32>,
    /// Days from the first treatment before which stable disease is no best response. Default: 0.
    pub min_stable_disease_days: u32,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            criteria: CriteriaSet::Inrc2017,
            marrow_fall_to_five: FallToMinimal::Minimal,
            complete_but_minimal_marrow: Unnamed::Partial,
            minimal_marrow_alone: Unnamed::Stable,
            marrow_rise_from: RiseFrom::Nadir,
            score_rise_from: RiseFrom::Baseline,
            new_lesion_needs_proof: true,
            confirm_after_days: None,
            min_stable_disease_days: 0,
        }
    }
}
