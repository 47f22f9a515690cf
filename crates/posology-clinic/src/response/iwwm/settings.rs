//! What the criteria leave open, each with its default.

use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use super::super::CriteriaSet;
use super::super::amount::whole;
use super::super::confirm::{LastProgression, Rules};
use crate::Because;

choice! {
    /// What an IgM by another method than that of baseline is worth.
    OtherMethod {
        /// Nothing: the visit has no IgM that can be compared.
        NotEvaluable,
        /// It is compared all the same, and the reason says so.
        Compare,
    }
}

choice! {
    /// What a fall of 50% or more is, where extramedullary disease decides and was not documented.
    MissingExtramedullary {
        /// Minimal response, which asks for no documentation of it.
        Minimal,
        /// Not evaluable.
        NotEvaluable,
    }
}

choice! {
    /// Which later assessment may hold the second immunofixation of a complete response.
    SecondImmunofixation {
        /// The next evaluable one.
        Next,
        /// Any later one, with very good partial responses between, at which it may not have been repeated.
        Later,
    }
}

/// The criteria with an answer to every point they leave open.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Settings {
    /// `iwwm-6` or `iwwm-11`.
    pub criteria: CriteriaSet,
    /// Upper limit of normal of IgM, mg/dL, where the visit states none. Default: 230.
    pub igm_upper_limit: u32,
    /// Rise of IgM over the nadir, mg/dL, that progression needs beside 25%. `iwwm-11`: 500; `iwwm-6`: 0.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub absolute_rise: Option<u32>,
    /// Whether very good partial response and partial response ask for extramedullary disease to be gone and to
    /// be smaller. `iwwm-6`: true; `iwwm-11`: false.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub extramedullary_decides: Option<bool>,
    /// Whether an IgM within the normal range is a very good partial response whatever its fall. `iwwm-11`: true.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub normal_igm_is_very_good: Option<bool>,
    /// What an IgM by another method is worth. Default: `not-evaluable`.
    pub other_method: OtherMethod,
    /// For how many days after plasmapheresis IgM is passed over. Default: 28.
    pub plasmapheresis_days: u32,
    /// For how many days after an anti-CD20 antibody a rise of IgM may be a flare. Default: 112.
    pub flare_days: u32,
    /// For how many days after a paused BTK inhibitor was resumed a rise of IgM may be a rebound. Default: 56.
    pub rebound_days: u32,
    /// For how many days a finding on extramedullary disease stands in for one not repeated. Default: 183.
    pub imaging_interval_days: u32,
    /// For how many days a marrow result stands in for one not repeated; none given means until the next.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub marrow_interval_days: Option<u32>,
    /// What disease seen at baseline and undocumented now leaves of a fall of 50% or more. Default: `minimal`.
    /// Where it was not looked for at baseline either, nothing deeper than partial response.
    pub missing_extramedullary: MissingExtramedullary,
    /// Where the second immunofixation of a complete response may be. Default: `next`.
    pub second_immunofixation: SecondImmunofixation,
    /// Whether a progression by IgM needs a second sample. Default: true.
    pub progression_confirmed: bool,
    /// What becomes of an unconfirmed progression by IgM at the last visit. Default: `therapy-or-death`.
    pub last_progression: LastProgression,
    /// Days from the first treatment before which stable disease is no best response. Default: 0.
    pub min_stable_disease_days: u32,
}

impl Default for Settings {
    /// The criteria of the 11th workshop.
    fn default() -> Self {
        Self::new(CriteriaSet::Iwwm11)
    }
}

impl Settings {
    /// The criteria with every open point at its default.
    pub const fn new(criteria: CriteriaSet) -> Self {
        Self {
            criteria,
            igm_upper_limit: 230,
            absolute_rise: None,
            extramedullary_decides: None,
            normal_igm_is_very_good: None,
            other_method: OtherMethod::NotEvaluable,
            plasmapheresis_days: 28,
            flare_days: 112,
            rebound_days: 56,
            imaging_interval_days: 183,
            marrow_interval_days: None,
            missing_extramedullary: MissingExtramedullary::Minimal,
            second_immunofixation: SecondImmunofixation::Next,
            progression_confirmed: true,
            last_progression: LastProgression::TherapyOrDeath,
            min_stable_disease_days: 0,
        }
    }

    fn is_simplified(&self) -> bool {
        self.criteria != CriteriaSet::Iwwm6
    }

    pub(super) fn absolute_rise(&self) -> Decimal {
        whole(self.absolute_rise.unwrap_or(if self.is_simplified() { 500 } else { 0 }))
    }

    pub(super) fn extramedullary_decides(&self) -> bool {
        self.extramedullary_decides.unwrap_or(!self.is_simplified())
    }

    pub(super) fn normal_igm_is_very_good(&self) -> bool {
        self.normal_igm_is_very_good.unwrap_or(self.is_simplified())
    }

    pub(super) fn because(&self, rule: &str, says: impl Into<String>) -> Because {
        Because::new(format!("{}/{rule}", self.criteria), says).source(self.criteria.source())
    }

    pub(super) fn rules(&self) -> Rules {
        Rules {
            last_progression: self.last_progression,
            min_stable_disease_days: self.min_stable_disease_days,
            ..Rules::PROTOCOL
        }
    }
}
