//! Facts of one patient: demographics, treatment as given, events, judgements, results, disposition.

use jiff::civil::Date;
use posology_clinic::laboratory::Analyte;
use posology_clinic::quantity::{Activity, ActivityPerArea};
use rust_decimal::Decimal;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::when::When;

/// A person in the trial (SDTM DM).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Subject {
    /// Unique subject id (USUBJID).
    pub subject: String,
    /// Site id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub site: Option<String>,
    /// Age in years at consent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub age_years: Option<Decimal>,
    /// Sex: F, M, U or UNDIFFERENTIATED.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sex: Option<String>,
    /// Race as recorded.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub race: Option<String>,
    /// Ethnicity as recorded.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ethnicity: Option<String>,
    /// Country (ISO 3166 alpha-3).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub country: Option<String>,
    /// Planned arm code; where it equals a cohort id it assigns the cohort.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub arm: Option<String>,
    /// Why there is no arm (ARMNRS), such as SCREEN FAILURE.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub no_arm_reason: Option<String>,
    /// Informed consent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub consent: Option<When>,
    /// First treatment (RFXSTDTC, else RFSTDTC).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub first_treatment: Option<When>,
    /// Death, where the demographics state it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub death: Option<When>,
}

/// A subject enrolled into a cohort, under a version of the protocol.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Enrolment {
    /// Subject.
    pub subject: String,
    /// Cohort id.
    pub cohort: String,
    /// Day of enrolment.
    pub date: Date,
    /// Protocol version in force for this subject.
    pub protocol_version: String,
    /// The subject this one replaces, if any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub replaces: Option<String>,
    /// Stratum id, where the protocol has strata and the cohort is not of one alone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stratum: Option<String>,
}

/// A characteristic at baseline, as name and value.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Characteristic {
    /// Subject.
    pub subject: String,
    /// Name, such as `ISS stage`, `Earlier lines`, `M-protein type`, `ECOG`.
    pub name: String,
    /// Value as recorded.
    pub value: String,
}

/// A fraction as prescribed in the written directive.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Prescription {
    /// Subject.
    pub subject: String,
    /// Fraction, from 1.
    pub fraction: u32,
    /// Prescribed activity per area.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub per_area: Option<ActivityPerArea>,
    /// Body surface area used, m2.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub body_surface_m2: Option<Decimal>,
    /// Prescribed activity.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub activity: Option<Activity>,
    /// Day the fraction is planned for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub planned: Option<When>,
}

/// How much was given: an activity, or an amount that is none.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Amount {
    /// Net administered activity.
    Activity(Activity),
    /// Another amount, with its unit as recorded (a dexamethasone tablet, say).
    Other {
        /// Value.
        value: Decimal,
        /// Unit as recorded.
        unit: String,
    },
}

/// Why a fraction was changed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Adjustment {
    /// Reason as recorded.
    pub reason: String,
    /// Whether the reason was toxicity; `None` where it was not recorded.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub toxicity: Option<bool>,
}

/// A treatment as given (SDTM EX, or EC performed).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Administration {
    /// Subject.
    pub subject: String,
    /// Treatment as recorded (EXTRT).
    pub treatment: String,
    /// Fraction, from 1, where recorded; otherwise the order of administration gives it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fraction: Option<u32>,
    /// Amount given; `None` where it was not recorded.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub amount: Option<Amount>,
    /// Start.
    pub start: When,
    /// End.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub end: Option<When>,
    /// Route as recorded.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub route: Option<String>,
    /// Lot.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lot: Option<String>,
    /// Why it was reduced or delayed, if it was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub adjustment: Option<Adjustment>,
}

/// A planned fraction that was not given (EC with ECOCCUR N).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct FractionOmitted {
    /// Subject.
    pub subject: String,
    /// Fraction, from 1.
    pub fraction: u32,
    /// Day the decision was recorded for.
    pub date: When,
    /// Why.
    pub adjustment: Adjustment,
}

/// An adverse event (SDTM AE, with its supplemental qualifiers).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct AdverseEvent {
    /// Subject.
    pub subject: String,
    /// Key of the event within the subject (AESEQ), to which judgements refer.
    pub key: String,
    /// Verbatim term.
    pub verbatim: String,
    /// Preferred term; the verbatim term where it was not coded.
    pub term: String,
    /// System organ class.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub class: Option<String>,
    /// CTCAE grade, 1 to 5.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub grade: Option<u8>,
    /// Severity in words, where no grade was recorded.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub severity: Option<String>,
    /// Serious.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub serious: Option<bool>,
    /// Causality as recorded.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub causality: Option<String>,
    /// Whether that causality counts as related; `None` where it was not recorded.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub related: Option<bool>,
    /// Action taken with study treatment.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub action: Option<String>,
    /// Outcome.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub outcome: Option<String>,
    /// Results in death.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fatal: Option<bool>,
    /// Start.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub start: Option<When>,
    /// End.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub end: Option<When>,
}

/// Who judged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Judge {
    /// The investigator.
    Investigator,
    /// The committee.
    Committee,
}

/// A judgement whether something is a dose-limiting toxicity.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct DltJudgement {
    /// Subject.
    pub subject: String,
    /// The adverse event judged ([`AdverseEvent::key`]), or `None` for a finding of a rule.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub event: Option<String>,
    /// The protocol's rule judged, where the judgement is on a rule's finding.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rule: Option<String>,
    /// Who judged.
    pub by: Judge,
    /// The judgement.
    pub dose_limiting: bool,
    /// Day of the judgement.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub date: Option<When>,
    /// Why.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// A judgement on evaluability, made by someone other than the person who decides on replacement.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct EvaluabilityJudgement {
    /// Subject.
    pub subject: String,
    /// The judgement.
    pub evaluable: bool,
    /// Reason; for not evaluable it must be other than toxicity.
    pub reason: String,
    /// Adjudicator.
    pub adjudicator: String,
    /// Day of the judgement.
    pub date: Date,
}

/// A laboratory result (SDTM LB).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Laboratory {
    /// Subject.
    pub subject: String,
    /// Test code (LBTESTCD).
    pub test: String,
    /// The analyte, where the test is one this program knows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub analyte: Option<Analyte>,
    /// Result as reported: a decimal, `<0.1`, or words. Left out where it was not done.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub result: Option<String>,
    /// Unit as reported.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unit: Option<String>,
    /// Lower limit of normal, in the same unit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lower_limit: Option<Decimal>,
    /// Upper limit of normal, in the same unit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub upper_limit: Option<Decimal>,
    /// Specimen as recorded.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub specimen: Option<String>,
    /// Method as recorded.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub method: Option<String>,
    /// Visit as recorded.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub visit: Option<String>,
    /// When the sample was taken.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at: Option<When>,
}

/// A vital sign, height or weight (SDTM VS).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct VitalSign {
    /// Subject.
    pub subject: String,
    /// Test code (VSTESTCD), such as HEIGHT, WEIGHT, BSA.
    pub test: String,
    /// Result as reported.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub result: Option<String>,
    /// Unit as reported.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unit: Option<String>,
    /// Visit as recorded.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub visit: Option<String>,
    /// When.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at: Option<When>,
}

/// How a progression was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum ProgressionFoundBy {
    /// Laboratory values: needs a second sample.
    Biochemical,
    /// Imaging: confirmed at once.
    Imaging,
}

/// A response as assessed (SDTM RS, with its supplemental qualifiers).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct ResponseAssessment {
    /// Subject.
    pub subject: String,
    /// Criteria as recorded (RSCAT), `None` where not stated.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub criteria: Option<String>,
    /// Test code (RSTESTCD), OVRLRESP for the overall response.
    pub test: String,
    /// Response as recorded (RSSTRESC), `None` where it was not done.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub response: Option<String>,
    /// Evaluator as recorded, such as INVESTIGATOR.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub evaluator: Option<String>,
    /// Which of several evaluators.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub evaluator_id: Option<String>,
    /// Method or subcategory where several assessments share a visit (PET-CT, CT).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub method: Option<String>,
    /// Visit as recorded.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub visit: Option<String>,
    /// When.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at: Option<When>,
    /// How a progression was found.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub progression_found_by: Option<ProgressionFoundBy>,
    /// Death was due to the progression.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub death_by_progression: bool,
}

/// A new anti-cancer therapy.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct NewTherapy {
    /// Subject.
    pub subject: String,
    /// Start.
    pub start: When,
    /// Name as recorded.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Whether it suppresses the marrow and so ends DLT follow-up; `None` where not recorded (read as yes).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub myelosuppressive: Option<bool>,
}

pub use posology_clinic::dlt::SupportKind;

/// A transfusion, growth factor or stem-cell rescue.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Support {
    /// Subject.
    pub subject: String,
    /// Kind.
    pub kind: SupportKind,
    /// When.
    pub at: When,
    /// Product as recorded.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub product: Option<String>,
}

/// A disposition event or milestone (SDTM DS).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Disposition {
    /// Subject.
    pub subject: String,
    /// Term as recorded.
    pub term: String,
    /// Standard term (DSDECOD).
    pub standard: String,
    /// Category (DSCAT): PROTOCOL MILESTONE, DISPOSITION EVENT or OTHER EVENT.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub category: Option<String>,
    /// Scope (DSSCAT): STUDY PARTICIPATION or STUDY TREATMENT.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scope: Option<String>,
    /// When.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at: Option<When>,
}

/// Medical history (SDTM MH).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct History {
    /// Subject.
    pub subject: String,
    /// Term.
    pub term: String,
    /// Category.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub category: Option<String>,
    /// Start.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub start: Option<When>,
    /// End.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub end: Option<When>,
}

/// A visit (SDTM SV).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Visit {
    /// Subject.
    pub subject: String,
    /// Visit number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub number: Option<Decimal>,
    /// Name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Start.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub start: Option<When>,
    /// End.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub end: Option<When>,
}

/// A death.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Death {
    /// Subject.
    pub subject: String,
    /// When.
    pub at: When,
    /// Cause as recorded.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cause: Option<String>,
    /// Related to study treatment; `None` where not recorded (read as yes by holds).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub related: Option<bool>,
    /// Due to progression.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by_progression: Option<bool>,
}
