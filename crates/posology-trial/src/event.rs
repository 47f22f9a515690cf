//! Facts as they enter the record: typed, dated, with their origin; chained so that anyone can verify them.
//!
//! Start at [`Fact`] for what can be recorded and at [`Chain`] for how. An event is canonical JSON
//! (RFC 8785: keys in order, no white space; decimals are strings, so no floating point occurs); its hash is
//! SHA-256 over the hash before it (64 hexadecimal digits) followed by those bytes, and is its identity.
//! An inspector recomputes it with `sha256sum`. Left out: storage and signatures.

use std::collections::HashMap;

use jiff::Timestamp;
use jiff::civil::Date;
use posology_clinic::laboratory::Analyte;
use posology_clinic::quantity::{Activity, ActivityPerArea};
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::when::When;

/// One entry of the record: a fact, when and by whom it was recorded, and where it came from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Event {
    /// When it was recorded, UTC (not when it happened: that stands in the fact).
    pub recorded_at: Timestamp,
    /// Who or what recorded it: a person's account, or the name of an import.
    pub recorded_by: String,
    /// The imported row it came from, if any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub origin: Option<Origin>,
    /// The earlier event it replaces, and why, if it is a correction.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub corrects: Option<Correction>,
    /// What is recorded.
    pub fact: Fact,
}

/// The identity of an imported row: where it stood and what it said.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Origin {
    /// The source data set: the file's name without its ending, such as `lb` or `rs_onco_imwg`.
    pub data_set: String,
    /// Subject and sequence number, or the natural key, such as `01-701-1015/7`.
    pub key: String,
    /// SHA-256 of the row, hexadecimal.
    pub row_hash: String,
}

/// A correction: the hash of the event that no longer holds, and why.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Correction {
    /// Hash of the corrected event.
    pub hash: String,
    /// Why it is corrected.
    pub reason: String,
}

/// Everything that can be recorded, each with a versioned type name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", content = "body")]
pub enum Fact {
    /// A version of the protocol comes into force.
    #[serde(rename = "protocol-adopted/1")]
    ProtocolAdopted(ProtocolAdopted),
    /// A cohort is opened for enrolment.
    #[serde(rename = "cohort-opened/1")]
    CohortOpened(CohortOpened),
    /// The committee's recommendation on a cohort.
    #[serde(rename = "recommendation/1")]
    Recommendation(Recommendation),
    /// The sponsor's decision on that recommendation.
    #[serde(rename = "sponsor-decision/1")]
    SponsorDecision(SponsorDecision),
    /// A person in the trial.
    #[serde(rename = "subject/1")]
    Subject(Subject),
    /// A subject enrolled into a cohort.
    #[serde(rename = "enrolment/1")]
    Enrolment(Enrolment),
    /// A characteristic at baseline, such as ISS stage or the number of earlier lines.
    #[serde(rename = "characteristic/1")]
    Characteristic(Characteristic),
    /// A fraction as prescribed.
    #[serde(rename = "prescription/1")]
    Prescription(Prescription),
    /// A fraction, or another treatment, as given.
    #[serde(rename = "administration/1")]
    Administration(Administration),
    /// A planned fraction that was not given.
    #[serde(rename = "fraction-omitted/1")]
    FractionOmitted(FractionOmitted),
    /// An adverse event.
    #[serde(rename = "adverse-event/1")]
    AdverseEvent(AdverseEvent),
    /// A judgement whether something is a dose-limiting toxicity.
    #[serde(rename = "dlt-judgement/1")]
    DltJudgement(DltJudgement),
    /// A judgement whether a patient can be evaluated for dose-limiting toxicity.
    #[serde(rename = "evaluability-judgement/1")]
    EvaluabilityJudgement(EvaluabilityJudgement),
    /// A laboratory result.
    #[serde(rename = "laboratory/1")]
    Laboratory(Laboratory),
    /// A vital sign, height or weight.
    #[serde(rename = "vital-sign/1")]
    VitalSign(VitalSign),
    /// A response as the investigator or a reader assessed it.
    #[serde(rename = "response-assessment/1")]
    ResponseAssessment(ResponseAssessment),
    /// A new anti-cancer therapy.
    #[serde(rename = "new-therapy/1")]
    NewTherapy(NewTherapy),
    /// A transfusion or growth factor.
    #[serde(rename = "support/1")]
    Support(Support),
    /// A disposition event or protocol milestone.
    #[serde(rename = "disposition/1")]
    Disposition(Disposition),
    /// Medical history.
    #[serde(rename = "history/1")]
    History(History),
    /// A visit.
    #[serde(rename = "visit/1")]
    Visit(Visit),
    /// A death.
    #[serde(rename = "death/1")]
    Death(Death),
}

/// A version of the protocol, whole.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct ProtocolAdopted {
    /// Version, as in the file.
    pub version: String,
    /// Date of the version.
    pub date: Date,
    /// Why it was adopted.
    pub reason: String,
    /// SHA-256 of the file's bytes, hexadecimal.
    pub sha256: String,
    /// The file's text.
    pub text: String,
}

/// A cohort open for enrolment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct CohortOpened {
    /// Cohort id of the protocol.
    pub cohort: String,
    /// Day of opening.
    pub date: Date,
}

/// What a committee may recommend (`continue` forms included).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Recommended {
    /// Escalate to the next level.
    Escalate,
    /// Escalate to an intermediate level.
    EscalateIntermediate,
    /// Stay, or expand the cohort.
    Stay,
    /// Another schedule at the same total activity.
    ChangeSchedule,
    /// De-escalate.
    DeEscalate,
    /// Declare the maximum tolerated or recommended level.
    Declare,
    /// Hold enrolment pending data.
    Hold,
    /// Suspend.
    Suspend,
    /// Terminate.
    Terminate,
}

/// The committee's recommendation, with its vote.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Recommendation {
    /// Number of the review.
    pub review: u32,
    /// Cohort judged.
    pub cohort: String,
    /// Day of the meeting.
    pub date: Date,
    /// Clinical cut-off of the packet it judged.
    pub cut_off: Date,
    /// The recommendation.
    pub recommended: Recommended,
    /// The cohort it recommends to open next, if any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_cohort: Option<String>,
    /// Votes for, against, abstained.
    pub votes: [u32; 3],
    /// Compulsory reason.
    pub reason: String,
    /// What the rule advised at that review, as the packet printed it.
    pub rule_advice: String,
}

/// The sponsor's answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Answer {
    /// Accepted.
    Accept,
    /// Accepted with changes.
    AcceptWithChanges,
    /// Declined.
    Decline,
}

/// The sponsor's decision: with the approvals required, only this opens a cohort.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct SponsorDecision {
    /// Number of the review it answers.
    pub review: u32,
    /// Cohort that was judged.
    pub cohort: String,
    /// Day of the decision.
    pub date: Date,
    /// The answer.
    pub answer: Answer,
    /// The cohort it opens, if any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub opens: Option<String>,
    /// Why.
    pub reason: String,
}

/// A person in the trial (SDTM DM).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
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
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
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
}

/// A characteristic at baseline, as name and value.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
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
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
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
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
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
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Adjustment {
    /// Reason as recorded.
    pub reason: String,
    /// Whether the reason was toxicity; `None` where it was not recorded.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub toxicity: Option<bool>,
}

/// A treatment as given (SDTM EX, or EC performed).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
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
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
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
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
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
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Judge {
    /// The investigator.
    Investigator,
    /// The committee.
    Committee,
}

/// A judgement whether something is a dose-limiting toxicity.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
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
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
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
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Laboratory {
    /// Subject.
    pub subject: String,
    /// Test code (LBTESTCD).
    pub test: String,
    /// The analyte, where the test is one this program knows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub analyte: Option<Analyte>,
    /// Result as reported: a decimal, `<0.1`, or words. `None` where it was not done.
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
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
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
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ProgressionFoundBy {
    /// Laboratory values: needs a second sample.
    Biochemical,
    /// Imaging: confirmed at once.
    Imaging,
}

/// A response as assessed (SDTM RS, with its supplemental qualifiers).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
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
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
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
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
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
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
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
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
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
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
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
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
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

impl Fact {
    /// The subject it speaks of, if it speaks of one.
    #[must_use]
    pub fn subject(&self) -> Option<&str> {
        Some(match self {
            Self::ProtocolAdopted(_)
            | Self::CohortOpened(_)
            | Self::Recommendation(_)
            | Self::SponsorDecision(_) => return None,
            Self::Subject(f) => &f.subject,
            Self::Enrolment(f) => &f.subject,
            Self::Characteristic(f) => &f.subject,
            Self::Prescription(f) => &f.subject,
            Self::Administration(f) => &f.subject,
            Self::FractionOmitted(f) => &f.subject,
            Self::AdverseEvent(f) => &f.subject,
            Self::DltJudgement(f) => &f.subject,
            Self::EvaluabilityJudgement(f) => &f.subject,
            Self::Laboratory(f) => &f.subject,
            Self::VitalSign(f) => &f.subject,
            Self::ResponseAssessment(f) => &f.subject,
            Self::NewTherapy(f) => &f.subject,
            Self::Support(f) => &f.subject,
            Self::Disposition(f) => &f.subject,
            Self::History(f) => &f.subject,
            Self::Visit(f) => &f.subject,
            Self::Death(f) => &f.subject,
        })
    }

    /// Whether it may have happened at or before a clinical cut-off. What could raise concern (an event, a death,
    /// the end of follow-up) counts where a partial date leaves it possible; everything else where it is certain.
    #[must_use]
    pub fn is_by(&self, cut_off: Timestamp) -> bool {
        let Some(when) = self.clinical_time() else { return true };
        match self {
            Self::AdverseEvent(_)
            | Self::Death(_)
            | Self::Disposition(_)
            | Self::NewTherapy(_)
            | Self::Support(_)
            | Self::DltJudgement(_) => when.may_be_by(cut_off),
            _ => when.is_by(cut_off),
        }
    }

    /// When it happened in the clinic; `None` where the fact carries no date of its own.
    #[must_use]
    pub fn clinical_time(&self) -> Option<When> {
        match self {
            Self::ProtocolAdopted(f) => Some(f.date.into()),
            Self::CohortOpened(f) => Some(f.date.into()),
            Self::Recommendation(f) => Some(f.date.into()),
            Self::SponsorDecision(f) => Some(f.date.into()),
            Self::Subject(_) | Self::Characteristic(_) => None,
            Self::Enrolment(f) => Some(f.date.into()),
            Self::Prescription(f) => f.planned.clone(),
            Self::Administration(f) => Some(f.start.clone()),
            Self::FractionOmitted(f) => Some(f.date.clone()),
            Self::AdverseEvent(f) => f.start.clone(),
            Self::DltJudgement(f) => f.date.clone(),
            Self::EvaluabilityJudgement(f) => Some(f.date.into()),
            Self::Laboratory(f) => f.at.clone(),
            Self::VitalSign(f) => f.at.clone(),
            Self::ResponseAssessment(f) => f.at.clone(),
            Self::NewTherapy(f) => Some(f.start.clone()),
            Self::Support(f) => Some(f.at.clone()),
            Self::Disposition(f) => f.at.clone(),
            Self::History(_) => None,
            Self::Visit(f) => f.start.clone(),
            Self::Death(f) => Some(f.at.clone()),
        }
    }
}

/// The hash before the first event: 64 zeros.
pub const GENESIS: &str = "0000000000000000000000000000000000000000000000000000000000000000";

/// SHA-256 of bytes, as 64 hexadecimal digits.
#[must_use]
pub fn sha256(bytes: &[u8]) -> String {
    hexadecimal(&Sha256::digest(bytes))
}

fn hexadecimal(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let digit = |value: u8| DIGITS.get(usize::from(value)).map_or('0', |digit| char::from(*digit));
    bytes.iter().flat_map(|byte| [digit(byte >> 4), digit(byte & 15)]).collect()
}

/// Events in the order they were recorded, each with its hash.
///
/// The text form is one line an event: `{"event":…,"hash":"…"}`, both canonical.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Chain {
    entries: Vec<Entry>,
    /// Where each event that was not corrected stands, by its hash.
    places: HashMap<String, usize>,
}

/// An event in its place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Its hash, which is its identity.
    pub hash: String,
    /// The event.
    pub event: Event,
    /// Its canonical JSON, over which the hash runs.
    canonical: Box<str>,
}

/// A record that does not read or does not verify.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadRecord {
    /// A line that is no event.
    #[error(
        "events.ndjson line {line}: expected an event such as {{\"event\":{{…}},\"hash\":\"…\"}}, found {found}; mend: restore the file from its last good copy"
    )]
    NotAnEvent {
        /// Line, from 1.
        line: usize,
        /// What was found, in a few words.
        found: String,
    },
    /// An event whose hash does not follow from its bytes and the hash before it.
    #[error(
        "events.ndjson line {line}: the hash does not follow: expected {expected}, found {found}; an event was changed, removed or moved; mend: restore the file from its last good copy"
    )]
    Broken {
        /// Line, from 1.
        line: usize,
        /// The hash that follows from the bytes.
        expected: String,
        /// The hash in the file.
        found: String,
    },
    /// A correction that corrects nothing it may.
    #[error(
        "events.ndjson line {line}: a correction must name an earlier event of the same kind and subject that was not corrected before, found {found}; mend: correct the event that now stands"
    )]
    BadCorrection {
        /// Line, from 1.
        line: usize,
        /// The hash it names.
        found: String,
    },
    /// An event that cannot be written as canonical JSON.
    #[error("an event cannot be written: {0}")]
    Unwritable(String),
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Line {
    event: Event,
    hash: String,
}

impl Chain {
    /// The events with their hashes, in order.
    #[must_use]
    pub fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// The hash of the last event, or [`GENESIS`].
    #[must_use]
    pub fn head(&self) -> &str {
        self.entries.last().map_or(GENESIS, |entry| entry.hash.as_str())
    }

    /// Appends an event and returns its hash.
    ///
    /// # Errors
    /// [`BadRecord::Unwritable`] where the event has no JSON form.
    pub fn append(&mut self, event: Event) -> Result<&str, BadRecord> {
        let canonical = canonical(&event)?.into_boxed_str();
        let hash = sha256_after(self.head(), &canonical);
        self.push(Entry { hash, event, canonical }, self.entries.len() + 1)?;
        Ok(self.head())
    }

    /// Reads and verifies the text form.
    ///
    /// # Errors
    /// The first line that is no event, or whose hash does not follow.
    pub fn read(text: &str) -> Result<Self, BadRecord> {
        let mut chain = Self::default();
        for (index, line) in text.lines().enumerate() {
            let number = index + 1;
            if line.trim().is_empty() {
                continue;
            }
            let Line { event, hash: found } = serde_json::from_str(line)
                .map_err(|error| BadRecord::NotAnEvent { line: number, found: error.to_string() })?;
            let canonical = canonical(&event)?.into_boxed_str();
            let expected = sha256_after(chain.head(), &canonical);
            if expected != found {
                return Err(BadRecord::Broken { line: number, expected, found });
            }
            chain.push(Entry { hash: found, event, canonical }, number)?;
        }
        Ok(chain)
    }

    /// Takes an event whose hash follows; a correction must name an event of its own kind and subject that
    /// still stands.
    fn push(&mut self, entry: Entry, line: usize) -> Result<(), BadRecord> {
        let event = &entry.event;
        if let Some(correction) = &event.corrects {
            let stands = self.places.get(&correction.hash).is_some_and(|place| {
                self.entries.get(*place).is_some_and(|earlier| {
                    std::mem::discriminant(&earlier.event.fact) == std::mem::discriminant(&event.fact)
                        && earlier.event.fact.subject() == event.fact.subject()
                })
            });
            if !stands {
                return Err(BadRecord::BadCorrection { line, found: correction.hash.clone() });
            }
            self.places.remove(&correction.hash);
        }
        self.places.insert(entry.hash.clone(), self.entries.len());
        self.entries.push(entry);
        Ok(())
    }

    /// The text form.
    #[must_use]
    pub fn write(&self) -> String {
        let mut text = String::new();
        for entry in &self.entries {
            text.push_str("{\"event\":");
            text.push_str(&entry.canonical);
            text.push_str(",\"hash\":\"");
            text.push_str(&entry.hash);
            text.push_str("\"}\n");
        }
        text
    }
}

fn sha256_after(previous: &str, canonical: &str) -> String {
    let mut hasher = Sha256::new();
    hasher.update(previous.as_bytes());
    hasher.update(canonical.as_bytes());
    hexadecimal(&hasher.finalize())
}

/// Canonical JSON (RFC 8785) of a value that holds no floating-point number.
///
/// # Errors
/// [`BadRecord::Unwritable`] where the value has no JSON form or holds a floating-point number.
pub fn canonical(value: &impl Serialize) -> Result<String, BadRecord> {
    let value = serde_json::to_value(value).map_err(|error| BadRecord::Unwritable(error.to_string()))?;
    let mut text = String::with_capacity(256);
    write_canonical(&value, &mut text)?;
    Ok(text)
}

fn write_canonical(value: &serde_json::Value, text: &mut String) -> Result<(), BadRecord> {
    use serde_json::Value;
    match value {
        Value::Null => text.push_str("null"),
        Value::Bool(true) => text.push_str("true"),
        Value::Bool(false) => text.push_str("false"),
        Value::Number(number) if number.is_f64() => {
            return Err(BadRecord::Unwritable(format!(
                "the floating-point number {number}; write a decimal as text"
            )));
        }
        Value::Number(number) => text.push_str(&number.to_string()),
        Value::String(string) => write_string(string, text)?,
        Value::Array(items) => {
            text.push('[');
            for (index, item) in items.iter().enumerate() {
                if index > 0 {
                    text.push(',');
                }
                write_canonical(item, text)?;
            }
            text.push(']');
        }
        Value::Object(map) => {
            let mut keys: Vec<&String> = map.keys().collect();
            keys.sort_by(|a, b| a.encode_utf16().cmp(b.encode_utf16()));
            text.push('{');
            for (index, key) in keys.into_iter().enumerate() {
                if index > 0 {
                    text.push(',');
                }
                write_string(key, text)?;
                text.push(':');
                if let Some(item) = map.get(key) {
                    write_canonical(item, text)?;
                }
            }
            text.push('}');
        }
    }
    Ok(())
}

fn write_string(string: &str, text: &mut String) -> Result<(), BadRecord> {
    let quoted = serde_json::to_string(string).map_err(|error| BadRecord::Unwritable(error.to_string()))?;
    text.push_str(&quoted);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn opened(cohort: &str) -> Event {
        Event {
            recorded_at: "2019-01-01T00:00:00Z".parse().unwrap(),
            recorded_by: "test".to_owned(),
            origin: None,
            corrects: None,
            fact: Fact::CohortOpened(CohortOpened {
                cohort: cohort.to_owned(),
                date: Date::constant(2019, 1, 1),
            }),
        }
    }

    #[test]
    fn an_event_is_hashed_as_an_inspector_would_with_sha256sum() {
        // printf '%s%s' 000…000 '{"fact":…}' | sha256sum
        let mut chain = Chain::default();
        chain.append(opened("C1")).unwrap();
        let bytes = r#"{"fact":{"body":{"cohort":"C1","date":"2019-01-01"},"type":"cohort-opened/1"},"recorded-at":"2019-01-01T00:00:00Z","recorded-by":"test"}"#;
        assert_eq!(canonical(&opened("C1")).unwrap(), bytes);
        assert_eq!(chain.head(), "7678901e56741d194579575b8b014fd7db8c2fe18d6c414faff90932dc73f12f");
    }

    #[test]
    fn a_changed_event_breaks_the_chain_at_its_line() {
        let mut chain = Chain::default();
        chain.append(opened("C1")).unwrap();
        chain.append(opened("C2")).unwrap();
        let text = chain.write();
        assert_eq!(Chain::read(&text).unwrap(), chain);
        let tampered = text.replace("\"C1\"", "\"C9\"");
        assert!(matches!(Chain::read(&tampered), Err(BadRecord::Broken { line: 1, .. })));
        assert!(matches!(Chain::read("{}"), Err(BadRecord::NotAnEvent { line: 1, .. })));
    }

    #[test]
    fn keys_are_ordered_by_utf_16_as_rfc_8785_section_3_2_3_shows() {
        let value: serde_json::Value = serde_json::from_str(
            "{\"\u{20ac}\":1,\"\\r\":2,\"\u{fb33}\":3,\"1\":4,\"\u{1f600}\":5,\"\u{80}\":6,\"\u{f6}\":7}",
        )
        .unwrap();
        assert_eq!(
            canonical(&value).unwrap(),
            "{\"\\r\":2,\"1\":4,\"\u{80}\":6,\"\u{f6}\":7,\"\u{20ac}\":1,\"\u{1f600}\":5,\"\u{fb33}\":3}"
        );
    }
}
