//! Criteria of eligibility of a protocol version, as far as numbers decide them.

use posology_clinic::laboratory::Analyte;
use rust_decimal::Decimal;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::schema;

/// A criterion of eligibility. The investigator judges it; where a number decides, the arithmetic is shown beside.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct EligibilityCriterion {
    /// Id, never reused; a judgement on eligibility names it.
    pub id: String,
    /// The criterion in words.
    pub text: String,
    /// It concerns only those at least this old, years.
    #[serde(default)]
    #[schemars(schema_with = "schema::decimal")]
    pub from_age_years: Option<Decimal>,
    /// It concerns only those younger than this, years.
    #[serde(default)]
    #[schemars(schema_with = "schema::decimal")]
    pub below_age_years: Option<Decimal>,
    /// A laboratory value and its limits.
    #[serde(default)]
    pub laboratory: Option<LaboratoryLimit>,
    /// A score or another number recorded as a characteristic at baseline, such as `Karnofsky`, and its limits.
    #[serde(default)]
    pub characteristic: Option<CharacteristicLimit>,
    /// Age at consent and its limits.
    #[serde(default)]
    pub age: Option<Limits>,
}

/// Limits of a number; at least one of the four.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Limits {
    /// At least.
    #[serde(default)]
    #[schemars(schema_with = "schema::decimal")]
    pub at_least: Option<Decimal>,
    /// More than.
    #[serde(default)]
    #[schemars(schema_with = "schema::decimal")]
    pub above: Option<Decimal>,
    /// At most.
    #[serde(default)]
    #[schemars(schema_with = "schema::decimal")]
    pub at_most: Option<Decimal>,
    /// Less than.
    #[serde(default)]
    #[schemars(schema_with = "schema::decimal")]
    pub below: Option<Decimal>,
}

impl Limits {
    /// Whether no limit is set.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// Whether a number is within them.
    #[must_use]
    pub fn hold(&self, value: Decimal) -> bool {
        self.at_least.is_none_or(|least| value >= least)
            && self.above.is_none_or(|above| value > above)
            && self.at_most.is_none_or(|most| value <= most)
            && self.below.is_none_or(|below| value < below)
    }

    /// The limits in words, such as `at least 60`.
    #[must_use]
    pub fn words(&self) -> String {
        let each = [
            ("at least", self.at_least),
            ("above", self.above),
            ("at most", self.at_most),
            ("below", self.below),
        ];
        let set: Vec<String> = each
            .into_iter()
            .filter_map(|(word, limit)| Some(format!("{word} {}", limit?.normalize())))
            .collect();
        set.join(" and ")
    }
}

/// Limits of a laboratory value.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct LaboratoryLimit {
    /// What is measured.
    pub analyte: Analyte,
    /// Unit of the limits, such as `10^9/L`.
    pub unit: String,
    /// The limits.
    pub limits: Limits,
    /// The sample is at most this many days before the judgement (28).
    #[serde(default = "four_weeks")]
    pub within_days: u32,
    /// A platelet transfusion or, for haemoglobin, a red-cell transfusion less than this many days before the sample makes
    /// the value say nothing.
    #[serde(default)]
    pub days_since_transfusion: Option<u32>,
}

/// Limits of a number recorded as a characteristic.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct CharacteristicLimit {
    /// Name of the characteristic, as recorded.
    pub name: String,
    /// The limits.
    pub limits: Limits,
}

fn four_weeks() -> u32 {
    28
}
