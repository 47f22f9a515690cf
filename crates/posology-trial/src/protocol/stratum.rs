//! Strata: kinds of disease that one trial treats together and judges each by its own criteria.

use posology_clinic::response::Category;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Cohort, Protocol, RateDefinition, Response};

/// A kind of disease. An arm of a basket is a cohort of one stratum; in an escalation the patients of a cohort may be of
/// several, and each enrolment names its own.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Stratum {
    /// Id, never reused.
    pub id: String,
    /// The disease in words.
    pub name: String,
    /// Its response criteria; those of `[response]` without.
    #[serde(default)]
    pub response: Option<Response>,
}

impl Protocol {
    /// The stratum of an id.
    #[must_use]
    pub fn stratum(&self, id: &str) -> Option<&Stratum> {
        self.stratum.iter().find(|stratum| stratum.id == id)
    }

    /// The stratum of who is enrolled into a cohort: the cohort's own, else the one named.
    #[must_use]
    pub fn stratum_of<'a>(&self, cohort: Option<&'a Cohort>, named: Option<&'a str>) -> Option<&'a str> {
        cohort.and_then(|cohort| cohort.stratum.as_deref()).or(named)
    }

    /// Whether a cohort is an arm of a basket: of one stratum, in a trial that escalates nothing.
    #[must_use]
    pub fn is_basket_arm(&self, cohort: &Cohort) -> bool {
        self.escalation.is_none() && cohort.stratum.is_some()
    }

    /// The gates of a regimen that apply: those whose activity its total is above (or equal to, where they say so).
    #[must_use]
    pub fn gates_of(&self, regimen: &str) -> Vec<&super::EligibilityGate> {
        let Some(regimen) = self.regimen(regimen) else { return Vec::new() };
        let total = regimen.total_per_area();
        let applies = |gate: &&super::EligibilityGate| {
            total.is_none_or(|total| {
                let (total, above) = (total.mbq_per_m2(), gate.above.mbq_per_m2());
                total > above || (gate.or_equal && total == above)
            })
        };
        regimen.gate.iter().filter(applies).collect()
    }

    /// The response criteria of a stratum; the trial's own where it has none.
    #[must_use]
    pub fn response_of(&self, stratum: Option<&str>) -> &Response {
        stratum.and_then(|id| self.stratum(id)?.response.as_ref()).unwrap_or(&self.response)
    }
}

impl RateDefinition {
    /// The shallowest category that counts under some criteria.
    #[must_use]
    pub fn floor(&self, criteria: posology_clinic::response::CriteriaSet) -> Category {
        self.at_least_by.get(criteria.id()).copied().unwrap_or(self.at_least)
    }
}
