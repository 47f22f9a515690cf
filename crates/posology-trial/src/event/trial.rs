//! Facts of the trial as a whole: its versions, cohorts, sites, slots, data cuts and quality.

use jiff::Timestamp;
use jiff::civil::Date;
use posology_clinic::prescription::Comparison;
use posology_clinic::quantity::Activity;
use rust_decimal::Decimal;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::when::When;

/// A version of the protocol, whole.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
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
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct CohortOpened {
    /// Cohort id of the protocol.
    pub cohort: String,
    /// Day of opening.
    pub date: Date,
    /// Places offered by this opening; the planned number if left out. An expansion names how many it adds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub places: Option<u32>,
}

/// Where data of a kind originate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Mode {
    /// Recorded here.
    Capture,
    /// Captured in another system and imported as snapshots; not recorded by hand here.
    Follow,
}

/// The first event of a record: which trial, and the root of its keys.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct TrialFounded {
    /// Short id of the trial, as in the protocol.
    pub trial: String,
    /// Public key of the trial's root, 64 hexadecimal digits: it certifies the keys of people.
    pub root_key: String,
    /// Where data originate, unless `except` says otherwise.
    pub mode: Mode,
    /// Kinds of fact, such as `laboratory`, for which the other mode holds.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub except: Vec<String>,
}

/// A cohort closed for enrolment before it was full, or for good.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct CohortClosed {
    /// Cohort id.
    pub cohort: String,
    /// Day of closing.
    pub date: Date,
    /// Why.
    pub reason: String,
}

/// Whose approval a version of the protocol has at a site.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum ApprovalBy {
    /// The ethics committee or institutional review board.
    EthicsCommittee,
    /// The site's radiation safety committee or officer.
    RadiationSafety,
    /// The competent authority.
    Regulator,
}

/// A site takes part.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct SiteOpened {
    /// Site id, as in the protocol.
    pub site: String,
    /// Name.
    pub name: String,
    /// IANA time zone of the site, such as America/Chicago.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub time_zone: Option<String>,
    /// Day.
    pub date: Date,
}

/// An approval of a version of the protocol at a site.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct SiteApproved {
    /// Site id.
    pub site: String,
    /// Version approved.
    pub protocol_version: String,
    /// Who approved.
    pub by: ApprovalBy,
    /// Day of the approval.
    pub date: Date,
    /// Their reference.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reference: Option<String>,
}

/// A site may work under a version of the protocol: its approvals are there (ICH E6(R3) 4.3.5).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct SiteReleased {
    /// Site id.
    pub site: String,
    /// Version.
    pub protocol_version: String,
    /// Day from which it holds there.
    pub date: Date,
}

/// A site takes no further patients.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct SiteClosed {
    /// Site id.
    pub site: String,
    /// Day.
    pub date: Date,
    /// Why.
    pub reason: String,
}

/// What a site sets for the gates on activity and for release; it replaces what was set before.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct SiteSettings {
    /// Site id.
    pub site: String,
    /// Day from which it holds.
    pub date: Date,
    /// Who reviews flags.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub radiation_safety_officer: Option<String>,
    /// More than this off is outside the protocol's tolerance; the protocol's value if left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tolerance_percent: Option<Decimal>,
    /// More than this off before use needs the authorised user's direction.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub before_use_percent: Option<Decimal>,
    /// This or more off after use is for review.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after_use_percent: Option<Decimal>,
    /// This or more off in a single fraction is for review; not applied if left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub single_fraction_percent: Option<Decimal>,
    /// Retained activity below which a patient may be released without further basis (33 mCi of I-131 by RG 8.39).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub release_activity: Option<Activity>,
    /// Dose rate at 1 m below which a patient may be released, microsievert an hour (70, that is 7 mrem/h).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub release_dose_rate_usv_h: Option<Decimal>,
    /// Retained activity above which written instructions are due (7 mCi of I-131).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub instructions_above: Option<Activity>,
    /// How a deviation is held against the tolerance; the protocol's comparison if left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tolerance_comparison: Option<Comparison>,
    /// How a deviation before use is held against its percentage; the protocol's comparison if left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub before_use_comparison: Option<Comparison>,
    /// How a deviation after use is held against its percentage; the protocol's comparison if left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after_use_comparison: Option<Comparison>,
    /// Whether a second person's check is asked for before administration; the protocol's answer if left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub second_check: Option<bool>,
}

/// A subject screened under a version of the protocol.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Screening {
    /// Subject.
    pub subject: String,
    /// Day of screening.
    pub date: Date,
    /// Version in force at the site.
    pub protocol_version: String,
}

/// One criterion of eligibility, or a gate of a regimen, as judged.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Criterion {
    /// Id of the criterion or gate.
    pub id: String,
    /// Whether it is met.
    pub met: bool,
    /// What shows it: a value with its unit, a document.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub evidence: Option<String>,
}

/// Eligibility as the investigator judged it, by protocol version and, where gates depend on it, by regimen.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Eligibility {
    /// Subject.
    pub subject: String,
    /// Day of the judgement.
    pub date: Date,
    /// Version judged by.
    pub protocol_version: String,
    /// The regimen whose gates were judged.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub regimen: Option<String>,
    /// Each criterion and gate.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub criteria: Vec<Criterion>,
    /// The judgement.
    pub eligible: bool,
    /// Why not, or why although a criterion is not met.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// A site asks for a place in a cohort.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct SlotRequested {
    /// Id of the slot.
    pub slot: String,
    /// Cohort.
    pub cohort: String,
    /// Site.
    pub site: String,
    /// For whom, if known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subject: Option<String>,
    /// When it was asked for.
    pub at: Timestamp,
}

/// The place is kept until a time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct SlotConfirmed {
    /// Id of the slot.
    pub slot: String,
    /// When it expires unless the subject is enrolled.
    pub until: Timestamp,
}

/// The place is free again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct SlotExpired {
    /// Id of the slot.
    pub slot: String,
    /// When.
    pub at: Timestamp,
    /// Why, if it was given back before it expired.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// A subject is assigned to a cohort and level other than at enrolment, or moved to a later version of the protocol.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Assignment {
    /// Subject.
    pub subject: String,
    /// Cohort.
    pub cohort: String,
    /// Regimen.
    pub regimen: String,
    /// Version from here on.
    pub protocol_version: String,
    /// Day.
    pub date: Date,
    /// Why.
    pub reason: String,
}

/// How much a deviation weighs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum DeviationCategory {
    /// Without effect on safety, rights or the data that decide.
    Minor,
    /// May touch safety, rights, or the data that decide.
    Important,
}

/// A departure from the protocol.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Deviation {
    /// Subject, if it concerns one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subject: Option<String>,
    /// Site.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub site: Option<String>,
    /// When it happened.
    pub date: When,
    /// Weight.
    pub category: DeviationCategory,
    /// What happened.
    pub what: String,
    /// What was done.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub action: Option<String>,
}

/// A fact of a subject taken back: recorded in error and not to be replaced by another of its kind, or gone from the
/// system that it was followed from. The event stays in the record; from here on it counts for nothing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Retracted {
    /// Subject of the fact.
    pub subject: String,
    /// Hash of the event taken back.
    pub event: String,
    /// Why.
    pub reason: String,
}

/// A question about the data.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct QueryRaised {
    /// Id of the query.
    pub query: String,
    /// Subject.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subject: Option<String>,
    /// Hash of the event it asks about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub about: Option<String>,
    /// The question.
    pub text: String,
}

/// An answer to a query.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct QueryAnswered {
    /// Id of the query.
    pub query: String,
    /// The answer.
    pub text: String,
}

/// A query that is settled.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct QueryClosed {
    /// Id of the query.
    pub query: String,
}

/// A hold of the protocol lifted by whom the protocol names.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct HoldLifted {
    /// Id of the hold.
    pub hold: String,
    /// Regimen, where the hold is on a level.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub level: Option<String>,
    /// Day.
    pub date: Date,
    /// Why.
    pub reason: String,
}

/// The database is locked: from here on its data are final, and closed sessions may be unsealed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct DatabaseLocked {
    /// Day.
    pub date: Date,
    /// Why: completion, or termination.
    pub reason: String,
}

/// A copy left the record.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Exported {
    /// What: a bundle, a data set, a packet.
    pub what: String,
    /// SHA-256 of the bytes.
    pub sha256: String,
    /// When.
    pub at: Timestamp,
}

/// A file of an imported snapshot.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct FileTaken {
    /// File name.
    pub name: String,
    /// SHA-256 of its bytes.
    pub sha256: String,
    /// Rows read.
    pub rows: u64,
    /// Rows new or changed.
    pub taken: u64,
    /// Rows of the last snapshot that are gone.
    pub vanished: u64,
}

/// A snapshot of another system, imported: the facts that follow in the same batch are its difference to the last.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct SnapshotImported {
    /// The system or folder it came from.
    pub source: String,
    /// When it was taken over.
    pub at: Timestamp,
    /// Its files.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub files: Vec<FileTaken>,
}
