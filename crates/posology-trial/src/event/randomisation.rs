//! The allocation of a subject to an arm of a randomised comparison.

use jiff::civil::Date;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A subject randomised: one place of the list that the seed gives, and no other.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Randomisation {
    /// Subject.
    pub subject: String,
    /// The arm: a cohort of the protocol.
    pub arm: String,
    /// The subject's category of each factor, in the protocol's order; empty without strata.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub stratum: Vec<String>,
    /// Block within the stratum, from 1.
    pub block: u32,
    /// Place within the block, from 1.
    pub position: u32,
    /// Day of the allocation.
    pub date: Date,
    /// SHA-256 of the seed that gave it, hexadecimal; the protocol states the same.
    pub seed_sha256: String,
}
