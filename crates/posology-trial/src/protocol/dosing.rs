//! `[dosing]`: what the protocol asks of the radiopharmacy beside the gates on activity.

use posology_clinic::prescription::Comparison;
use posology_clinic::quantity::{Activity, ActivityPerArea};
use rust_decimal::Decimal;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Product, schema};

/// Radiopharmacy: checks, weighing again, blockade of the thyroid, release, stem cells. A site may set the checks and
/// limits of release otherwise (`site-settings`).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct Dosing {
    /// The time to which readings are carried by decay (`start`).
    pub administered_at: ReferenceTime,
    /// Whether a second person checks identity, drug, activity and route before administration (true).
    pub second_check: bool,
    /// Before a further fraction the patient is weighed again at most this many days earlier; not asked unless given.
    pub weigh_again_within_days: Option<u32>,
    /// A change of weight by more than this percentage asks the authorised user for a new directive (10).
    #[schemars(schema_with = "schema::decimal")]
    pub weight_change_percent: Decimal,
    /// Effective half-life in the body, days, for what earlier fractions left; the physical half-life unless given, which
    /// keeps more.
    #[schemars(schema_with = "schema::decimal")]
    pub effective_half_life_days: Option<Decimal>,
    /// Whether the thyroid is blocked; by default where the radionuclide is one of iodine.
    pub thyroid_blockade: Option<bool>,
    /// The blockade begins at least this many hours before each fraction (24).
    pub thyroid_hours_before: u32,
    /// The blockade lasts at least this many days after the last fraction (14).
    pub thyroid_days_after: u32,
    /// Retained activity below which a patient may go without further basis; by default 33 mCi of I-131 (NRC Regulatory
    /// Guide 8.39), none for another radionuclide.
    pub release_activity: Option<Activity>,
    /// Dose rate at 1 m below which a patient may go, microsievert an hour; by default 70 (7 mrem/h) for I-131.
    #[schemars(schema_with = "schema::decimal")]
    pub release_dose_rate_usv_h: Option<Decimal>,
    /// Retained activity above which written instructions are due; by default 7 mCi of I-131.
    pub instructions_above: Option<Activity>,
    /// Stem cells that must be stored above a planned activity; not asked unless given.
    pub stem_cells: Option<StemCellRule>,
}

/// The time to which the readings of a fraction are carried.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum ReferenceTime {
    /// The start of the infusion.
    #[default]
    Start,
    /// The middle of the infusion, where its stop is recorded, else the start.
    Middle,
}

/// Stem cells that must be stored where the total planned activity is high.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct StemCellRule {
    /// The rule applies where the planned activity per area of the regimen and of all earlier courses, added up, is above
    /// this.
    pub above: ActivityPerArea,
    /// How the planned activity is held against it (`more-than`).
    #[serde(default = "more_than")]
    pub comparison: Comparison,
    /// Least number of CD34-positive cells for each kilogram, millions; any collection will do unless given.
    #[serde(default)]
    #[schemars(schema_with = "schema::decimal")]
    pub cd34_per_kg_millions: Option<Decimal>,
    /// The baseline characteristic that states the planned activity per area of earlier courses (`Earlier courses`), such
    /// as `0 mCi/m2` where there were none.
    #[serde(default = "earlier_courses")]
    pub earlier_courses: String,
}

fn more_than() -> Comparison {
    Comparison::MoreThan
}

fn earlier_courses() -> String {
    "Earlier courses".to_owned()
}

impl Default for Dosing {
    fn default() -> Self {
        Self {
            administered_at: ReferenceTime::Start,
            second_check: true,
            weigh_again_within_days: None,
            weight_change_percent: Decimal::TEN,
            effective_half_life_days: None,
            thyroid_blockade: None,
            thyroid_hours_before: 24,
            thyroid_days_after: 14,
            release_activity: None,
            release_dose_rate_usv_h: None,
            instructions_above: None,
            stem_cells: None,
        }
    }
}

impl Dosing {
    /// Whether the thyroid must be blocked with this product.
    #[must_use]
    pub fn blocks_thyroid(&self, product: Option<&Product>) -> bool {
        self.thyroid_blockade.unwrap_or_else(|| nuclide(product).is_some_and(|id| id.starts_with("I-")))
    }

    /// Limits of release with this product: retained activity, dose rate at 1 m in microsievert an hour, and the retained
    /// activity above which instructions are due.
    #[must_use]
    pub fn release_limits(
        &self,
        product: Option<&Product>,
    ) -> (Option<Activity>, Option<Decimal>, Option<Activity>) {
        let of_iodine = nuclide(product) == Some("I-131");
        let millicurie = |value: u32| Activity::from_mci(value.into()).ok().filter(|_| of_iodine);
        (
            self.release_activity.or_else(|| millicurie(33)),
            self.release_dose_rate_usv_h.or_else(|| of_iodine.then(|| Decimal::from(70))),
            self.instructions_above.or_else(|| millicurie(7)),
        )
    }
}

fn nuclide(product: Option<&Product>) -> Option<&str> {
    product.and_then(|product| product.radionuclide.as_deref())
}
