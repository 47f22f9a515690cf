//! Groupings of patients beside the prescribed regimen: by activity given, or by a characteristic at baseline.

use posology_clinic::quantity::Activity;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A grouping in which rates are shown, after those by prescribed regimen.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Grouping {
    /// Id.
    pub id: String,
    /// What the groups are, in words.
    pub name: String,
    /// Whether the protocol planned the comparison before the data were seen (false).
    #[serde(default)]
    pub planned: bool,
    /// Only patients of these strata; all where none is named.
    #[serde(default)]
    pub strata: Vec<String>,
    /// By what.
    pub by: GroupBy,
}

/// By what patients are grouped.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "kind", rename_all = "kebab-case", deny_unknown_fields)]
pub enum GroupBy {
    /// Total administered activity, up to a landmark.
    #[serde(rename_all = "kebab-case")]
    TotalAdministeredActivity {
        /// The activity that parts the groups, such as `60 mCi`.
        cut: Activity,
        /// Whether an activity equal to the cut belongs to the upper group (`at-least`) or not (`more-than`, the default).
        #[serde(default)]
        comparison: CutComparison,
        /// Study day of the landmark; the day of the regimen's last fraction that is not optional, without.
        #[serde(default)]
        landmark_day: Option<i32>,
    },
    /// A characteristic at baseline, by its value.
    #[serde(rename_all = "kebab-case")]
    Characteristic {
        /// Its name as recorded.
        name: String,
        /// The values in the order of print; in alphabetical order without. Others are shown together.
        #[serde(default)]
        values: Vec<String>,
    },
    /// The stratum.
    Stratum,
}

/// On which side of a cut a value equal to it stands.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum CutComparison {
    /// The upper group is above the cut.
    #[default]
    MoreThan,
    /// The upper group is at the cut or above.
    AtLeast,
}
