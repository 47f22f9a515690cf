//! Facts of radiopharmacy and imaging: directive, order, assay, residual, checks, changes of a fraction, release, lesions.

use jiff::Timestamp;
use jiff::civil::Date;
use posology_clinic::quantity::{Activity, ActivityPerArea, Length, Mass};
use rust_decimal::Decimal;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Adjustment;
use crate::when::When;

/// One fraction of a written directive.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct DirectedFraction {
    /// Fraction, from 1.
    pub fraction: u32,
    /// Prescribed dosage.
    pub activity: Activity,
    /// Day it is planned for.
    pub planned: Date,
}

/// A written directive (10 CFR 35.40(b)(2)). It holds once an authorised user has signed it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct WrittenDirective {
    /// Subject.
    pub subject: String,
    /// Id of the directive.
    pub directive: String,
    /// Day it was written.
    pub date: Date,
    /// Radioactive drug.
    pub drug: String,
    /// Radionuclide, such as I-131.
    pub radionuclide: String,
    /// Route.
    pub route: String,
    /// Prescribed activity per area of each fraction, where the protocol prescribes by area.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub per_area: Option<ActivityPerArea>,
    /// Height used.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub height: Option<Length>,
    /// Weight used.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub weight: Option<Mass>,
    /// Day of that weight.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub weighed: Option<Date>,
    /// Body surface area used, m2.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub body_surface_m2: Option<Decimal>,
    /// The fractions it covers.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub fractions: Vec<DirectedFraction>,
    /// Prescribed range of the whole, lowest and highest, where the directive has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub range: Option<[Activity; 2]>,
    /// The directive that it replaces before administration.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub revises: Option<String>,
    /// Why it revises.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// An order to the supplier.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct ActivityOrder {
    /// Subject.
    pub subject: String,
    /// Fraction.
    pub fraction: u32,
    /// Id of the order.
    pub order: String,
    /// Activity ordered, at the reference time.
    pub activity: Activity,
    /// Reference time.
    pub reference: Timestamp,
    /// Offset written on the label, such as -05:00.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub local_offset: Option<String>,
    /// Supplier.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub supplier: Option<String>,
}

/// How an activity before use was determined (10 CFR 35.63).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum AssayBy {
    /// Measured in the dose calibrator.
    Measured,
    /// The supplier's value, decayed.
    DecayOfLabel,
    /// Measurement with calculation.
    MeasuredAndCalculated,
    /// Volume with calculation.
    VolumeAndCalculated,
}

/// The activity of a dosage before use.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Assay {
    /// Subject.
    pub subject: String,
    /// Fraction.
    pub fraction: u32,
    /// Reading, or the label's value.
    pub activity: Activity,
    /// Time of the reading or of the label's reference.
    pub at: Timestamp,
    /// Offset as written there, such as -05:00.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub local_offset: Option<String>,
    /// How.
    pub how: AssayBy,
    /// Instrument.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub instrument: Option<String>,
    /// Isotope setting and geometry.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub setting: Option<String>,
    /// Lot.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lot: Option<String>,
    /// Expiry.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires: Option<Timestamp>,
    /// Who determined it, where not the one who records.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub determined_by: Option<String>,
}

/// What was left in syringe, vial, line and swabs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Residual {
    /// Subject.
    pub subject: String,
    /// Fraction.
    pub fraction: u32,
    /// Reading.
    pub activity: Activity,
    /// Time of the reading.
    pub at: Timestamp,
    /// Offset as written there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub local_offset: Option<String>,
    /// Instrument.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub instrument: Option<String>,
}

/// A second person's check before administration: identity, drug, activity, route.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct SecondCheck {
    /// Subject.
    pub subject: String,
    /// Fraction.
    pub fraction: u32,
    /// When.
    pub at: Timestamp,
    /// The person is the one named in the directive.
    pub identity: bool,
    /// Drug and label agree with the directive.
    pub drug: bool,
    /// The assayed activity agrees with the directive.
    pub activity: bool,
    /// The route is the directive's.
    pub route: bool,
}

/// An interruption of an infusion.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Interruption {
    /// Stopped.
    pub from: Timestamp,
    /// Started again; not at all if left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to: Option<Timestamp>,
    /// Why.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// How a fraction was given, beside its administration: interruptions, vein, directive.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Infusion {
    /// Subject.
    pub subject: String,
    /// Fraction.
    pub fraction: u32,
    /// The directive followed.
    pub directive: String,
    /// Start.
    pub start: Timestamp,
    /// Stop.
    pub stop: Timestamp,
    /// Offset of the site.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub local_offset: Option<String>,
    /// Interruptions.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub interruptions: Vec<Interruption>,
    /// Vein or port.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub body_site: Option<String>,
}

/// A leak beside the vein.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Extravasation {
    /// Subject.
    pub subject: String,
    /// Fraction.
    pub fraction: u32,
    /// When it was noticed.
    pub at: Timestamp,
    /// Where.
    pub body_site: String,
    /// Estimated activity outside the vein.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub activity: Option<Activity>,
    /// Attention given.
    pub attention: String,
}

/// On what a release rests (10 CFR 35.75).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum ReleaseBasis {
    /// Retained activity below the limit.
    RetainedActivity,
    /// Dose rate at 1 m below the limit.
    DoseRate,
    /// A calculation for this patient.
    Calculation,
}

/// A patient released after an administration.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct PatientRelease {
    /// Subject.
    pub subject: String,
    /// Fraction.
    pub fraction: u32,
    /// When.
    pub at: Timestamp,
    /// Basis.
    pub basis: ReleaseBasis,
    /// Dose rate at 1 m, microsievert an hour.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dose_rate_usv_h: Option<Decimal>,
    /// Effective half-life used for what earlier fractions left.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub effective_half_life_days: Option<Decimal>,
    /// Whether written instructions were given.
    pub instructions: bool,
}

/// A fraction put off.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct FractionDelayed {
    /// Subject.
    pub subject: String,
    /// Fraction.
    pub fraction: u32,
    /// Until when, if known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<When>,
    /// Day of the decision.
    pub date: When,
    /// Why.
    pub adjustment: Adjustment,
}

/// A fraction to be given at less than first prescribed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct FractionReduced {
    /// Subject.
    pub subject: String,
    /// Fraction.
    pub fraction: u32,
    /// New prescribed dosage.
    pub activity: Activity,
    /// Day of the decision.
    pub date: When,
    /// Why.
    pub adjustment: Adjustment,
}

/// Blockade of the thyroid, as taken.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct ThyroidBlockade {
    /// Subject.
    pub subject: String,
    /// Agent and amount.
    pub agent: String,
    /// First intake.
    pub start: Timestamp,
    /// Last intake; still taken if left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub end: Option<Timestamp>,
    /// Intakes missed.
    pub missed: u32,
}

/// Stem cells stored.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct StemCells {
    /// Subject.
    pub subject: String,
    /// Day of collection.
    pub date: Date,
    /// CD34-positive cells for each kilogram, millions.
    pub cd34_per_kg_millions: Decimal,
    /// Whether they are the patient's own.
    pub autologous: bool,
}

/// What a lesion counts as.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum LesionRole {
    /// Followed by its size.
    Target,
    /// Followed in words.
    NonTarget,
    /// Not there at baseline.
    New,
}

/// A lesion as measured or judged at an assessment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct LesionAssessment {
    /// Subject.
    pub subject: String,
    /// Id of the lesion, the same at each assessment.
    pub lesion: String,
    /// Target, non-target or new.
    pub role: LesionRole,
    /// Criteria, such as recist-1.1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub criteria: Option<String>,
    /// Where.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub organ: Option<String>,
    /// Whether it is a lymph node.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub node: bool,
    /// Size with its unit as reported, such as `23 mm` or `31 x 18 mm`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub size: Option<String>,
    /// State in words where it is not measured: present, absent, worse, not evaluable.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub state: Option<String>,
    /// Method, such as CT or MRI.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub method: Option<String>,
    /// Day of the assessment.
    pub at: When,
}
