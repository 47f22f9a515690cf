//! Facts as they enter the record: typed, dated, with their origin; chained so that anyone can verify them.
//!
//! Start at [`Fact`] for what can be recorded and at [`Chain`] for how. An event is canonical JSON
//! (RFC 8785: keys in order, no white space; decimals are strings, so no floating point occurs); its hash is
//! SHA-256 over the hash before it (64 hexadecimal digits) followed by those bytes, and is its identity.
//! An inspector recomputes it with `sha256sum`. Left out: whether an event may be recorded (`conduct`), storage and
//! cryptography.

mod canonical;
mod chain;
mod clinic;
mod committee;
mod dosing;
mod organ;
mod people;
mod randomisation;
mod schema;
mod trial;

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use canonical::canonical;
pub use chain::{BadRecord, Chain, Entry, GENESIS, sha256};
pub use clinic::*;
pub use committee::*;
pub use dosing::*;
pub use organ::*;
pub use people::*;
pub use randomisation::*;
pub use schema::json_schema;
pub use trial::*;

use crate::when::When;

/// One entry of the record: a fact, when and by whom it was recorded, and where it came from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Event {
    /// When it was recorded, UTC (not when it happened: that stands in the fact).
    pub recorded_at: Timestamp,
    /// Who or what recorded it: a person's account, or the name of an import.
    pub recorded_by: String,
    /// In which role; absent in files that were not recorded through accounts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub recorded_as: Option<Role>,
    /// Offset from UTC where it was recorded, such as `-06:00`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub local_offset: Option<String>,
    /// Program and version that recorded it, such as `posology 0.1.0`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub software: Option<String>,
    /// Why, where a rule asks for a reason: a departure from the rule's advice, a fact that breaks a rule.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// The imported row it came from, if any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub origin: Option<Origin>,
    /// The earlier event it replaces, and why, if it is a correction.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub corrects: Option<Correction>,
    /// What is recorded.
    pub fact: Fact,
}

impl Event {
    /// A fact recorded by someone at a time, with nothing else known of it.
    #[must_use]
    pub fn new(recorded_at: Timestamp, recorded_by: impl Into<String>, fact: impl Into<Fact>) -> Self {
        Self {
            recorded_at,
            recorded_by: recorded_by.into(),
            recorded_as: None,
            local_offset: None,
            software: None,
            reason: None,
            origin: None,
            corrects: None,
            fact: fact.into(),
        }
    }
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

/// Declares every kind of fact once: the enum that carries it, its name in the record, its kind without content.
macro_rules! facts {
    ($($(#[doc = $doc:literal])+ $name:ident = $kind:literal,)+) => {
        /// Everything that can be recorded, each with a versioned type name.
        #[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
        #[serde(tag = "type", content = "body")]
        pub enum Fact {
            $($(#[doc = $doc])+ #[serde(rename = $kind)] $name($name),)+
        }

        /// The kind of a fact, without its content: what permissions speak of.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Kind {
            $($(#[doc = $doc])+ $name,)+
        }

        impl Kind {
            /// Every kind.
            pub const ALL: &'static [Self] = &[$(Self::$name,)+];

            /// Its versioned type name, such as `administration/1`.
            #[must_use]
            pub fn name(self) -> &'static str {
                match self {
                    $(Self::$name => $kind,)+
                }
            }
        }

        impl Fact {
            /// Its kind.
            #[must_use]
            pub fn kind(&self) -> Kind {
                match self {
                    $(Self::$name(_) => Kind::$name,)+
                }
            }
        }

        $(impl From<$name> for Fact {
            fn from(fact: $name) -> Self {
                Self::$name(fact)
            }
        })+
    };
}

facts! {
    /// A version of the protocol comes into force.
    ProtocolAdopted = "protocol-adopted/1",
    /// A cohort is opened for enrolment.
    CohortOpened = "cohort-opened/1",
    /// The committee's recommendation on a cohort.
    Recommendation = "recommendation/1",
    /// The sponsor's decision on that recommendation.
    SponsorDecision = "sponsor-decision/1",
    /// A person in the trial.
    Subject = "subject/1",
    /// A subject enrolled into a cohort.
    Enrolment = "enrolment/1",
    /// A characteristic at baseline, such as ISS stage or the number of earlier lines.
    Characteristic = "characteristic/1",
    /// A fraction as prescribed.
    Prescription = "prescription/1",
    /// A fraction, or another treatment, as given.
    Administration = "administration/1",
    /// A planned fraction that was not given.
    FractionOmitted = "fraction-omitted/1",
    /// An adverse event.
    AdverseEvent = "adverse-event/1",
    /// A judgement whether something is a dose-limiting toxicity.
    DltJudgement = "dlt-judgement/1",
    /// A judgement whether a patient can be evaluated for dose-limiting toxicity.
    EvaluabilityJudgement = "evaluability-judgement/1",
    /// A laboratory result.
    Laboratory = "laboratory/1",
    /// A vital sign, height or weight.
    VitalSign = "vital-sign/1",
    /// A response as the investigator or a reader assessed it.
    ResponseAssessment = "response-assessment/1",
    /// A new anti-cancer therapy.
    NewTherapy = "new-therapy/1",
    /// A transfusion or growth factor.
    Support = "support/1",
    /// A disposition event or protocol milestone.
    Disposition = "disposition/1",
    /// Medical history.
    History = "history/1",
    /// A visit.
    Visit = "visit/1",
    /// A death.
    Death = "death/1",
    /// The record begins: trial and root key.
    TrialFounded = "trial-founded/1",
    /// A cohort closed.
    CohortClosed = "cohort-closed/1",
    /// A site takes part.
    SiteOpened = "site-opened/1",
    /// A site's approval of a protocol version.
    SiteApproved = "site-approved/1",
    /// A site released for a protocol version.
    SiteReleased = "site-released/1",
    /// A site closed.
    SiteClosed = "site-closed/1",
    /// What a site sets for gates and release.
    SiteSettings = "site-settings/1",
    /// A subject screened.
    Screening = "screening/1",
    /// Eligibility as judged.
    Eligibility = "eligibility/1",
    /// A place asked for.
    SlotRequested = "slot-requested/1",
    /// A place kept.
    SlotConfirmed = "slot-confirmed/1",
    /// A place free again.
    SlotExpired = "slot-expired/1",
    /// A subject assigned anew.
    Assignment = "assignment/1",
    /// A subject allocated to an arm of a randomised comparison.
    Randomisation = "randomisation/1",
    /// A departure from the protocol.
    Deviation = "deviation/1",
    /// A fact taken back: it was never so, or its row is gone from the system that it was followed from.
    Retracted = "retracted/1",
    /// A question about data.
    QueryRaised = "query-raised/1",
    /// Its answer.
    QueryAnswered = "query-answered/1",
    /// A query settled.
    QueryClosed = "query-closed/1",
    /// A hold lifted.
    HoldLifted = "hold-lifted/1",
    /// The database is locked.
    DatabaseLocked = "database-locked/1",
    /// A copy left the record.
    Exported = "exported/1",
    /// A snapshot of another system.
    SnapshotImported = "snapshot-imported/1",
    /// A person known to the record.
    Person = "person/1",
    /// A role given.
    RoleGranted = "role-granted/1",
    /// A role taken back.
    RoleWithdrawn = "role-withdrawn/1",
    /// A signing key.
    KeyIssued = "key-issued/1",
    /// A key revoked.
    KeyRevoked = "key-revoked/1",
    /// A new root key.
    RootKeyRotated = "root-key-rotated/1",
    /// A signature on an earlier event.
    Signature = "signature/1",
    /// An access.
    Access = "access/1",
    /// A written directive.
    WrittenDirective = "written-directive/1",
    /// An order to the supplier.
    ActivityOrder = "activity-order/1",
    /// Activity before use.
    Assay = "assay/1",
    /// What was left.
    Residual = "residual/1",
    /// A second person's check.
    SecondCheck = "second-check/1",
    /// How a fraction was given.
    Infusion = "infusion/1",
    /// A leak beside the vein.
    Extravasation = "extravasation/1",
    /// A patient released.
    PatientRelease = "patient-release/1",
    /// A fraction put off.
    FractionDelayed = "fraction-delayed/1",
    /// A fraction reduced.
    FractionReduced = "fraction-reduced/1",
    /// Blockade of the thyroid.
    ThyroidBlockade = "thyroid-blockade/1",
    /// Stem cells stored.
    StemCells = "stem-cells/1",
    /// A lesion as assessed.
    LesionAssessment = "lesion-assessment/1",
    /// The absorbed dose of an organ, as dosimetry found it.
    OrganAbsorbedDose = "organ-absorbed-dose/1",
    /// A data cut frozen.
    DataCut = "data-cut/1",
    /// A packet bound by its hashes.
    PacketFrozen = "packet-frozen/1",
    /// A meeting held.
    Meeting = "meeting/1",
    /// A member takes no part.
    Recusal = "recusal/1",
    /// Something of a closed session, as a commitment.
    Sealed = "sealed/1",
    /// The content of a commitment.
    Unsealed = "unsealed/1",
    /// Minutes of an open session.
    Minutes = "minutes/1",
}

impl Kind {
    /// The name without its version, such as `administration`: the word people type.
    #[must_use]
    pub fn word(self) -> &'static str {
        let name = self.name();
        name.split_once('/').map_or(name, |(word, _)| word)
    }

    /// The kind of a word, with or without its version.
    #[must_use]
    pub fn of(word: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|kind| kind.word() == word || kind.name() == word)
    }
}

impl Fact {
    /// The subject it speaks of, if it speaks of one.
    #[must_use]
    pub fn subject(&self) -> Option<&str> {
        Some(match self {
            Self::Deviation(f) => return f.subject.as_deref(),
            Self::QueryRaised(f) => return f.subject.as_deref(),
            Self::SlotRequested(f) => return f.subject.as_deref(),
            Self::Retracted(f) => &f.subject,
            Self::Screening(f) => &f.subject,
            Self::Eligibility(f) => &f.subject,
            Self::Assignment(f) => &f.subject,
            Self::Randomisation(f) => &f.subject,
            Self::WrittenDirective(f) => &f.subject,
            Self::ActivityOrder(f) => &f.subject,
            Self::Assay(f) => &f.subject,
            Self::Residual(f) => &f.subject,
            Self::SecondCheck(f) => &f.subject,
            Self::Infusion(f) => &f.subject,
            Self::Extravasation(f) => &f.subject,
            Self::PatientRelease(f) => &f.subject,
            Self::FractionDelayed(f) => &f.subject,
            Self::FractionReduced(f) => &f.subject,
            Self::ThyroidBlockade(f) => &f.subject,
            Self::StemCells(f) => &f.subject,
            Self::LesionAssessment(f) => &f.subject,
            Self::OrganAbsorbedDose(f) => &f.subject,
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
            _ => return None,
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
            Self::CohortClosed(f) => Some(f.date.into()),
            Self::DatabaseLocked(f) => Some(f.date.into()),
            Self::SiteOpened(f) => Some(f.date.into()),
            Self::SiteApproved(f) => Some(f.date.into()),
            Self::SiteReleased(f) => Some(f.date.into()),
            Self::SiteClosed(f) => Some(f.date.into()),
            Self::SiteSettings(f) => Some(f.date.into()),
            Self::Screening(f) => Some(f.date.into()),
            Self::Eligibility(f) => Some(f.date.into()),
            Self::Assignment(f) => Some(f.date.into()),
            Self::HoldLifted(f) => Some(f.date.into()),
            Self::WrittenDirective(f) => Some(f.date.into()),
            Self::StemCells(f) => Some(f.date.into()),
            Self::Randomisation(f) => Some(f.date.into()),
            Self::OrganAbsorbedDose(f) => f.date.clone(),
            Self::Meeting(f) => Some(f.date.into()),
            Self::SlotRequested(f) => Some(f.at.into()),
            Self::SlotExpired(f) => Some(f.at.into()),
            // A label's reference time may lie ahead.
            Self::Assay(f) => (f.how != AssayBy::DecayOfLabel).then(|| f.at.into()),
            Self::Residual(f) => Some(f.at.into()),
            Self::SecondCheck(f) => Some(f.at.into()),
            Self::Extravasation(f) => Some(f.at.into()),
            Self::PatientRelease(f) => Some(f.at.into()),
            Self::Deviation(f) => Some(f.date.clone()),
            Self::FractionDelayed(f) => Some(f.date.clone()),
            Self::FractionReduced(f) => Some(f.date.clone()),
            Self::Infusion(f) => Some(f.start.into()),
            Self::ThyroidBlockade(f) => Some(f.start.into()),
            Self::LesionAssessment(f) => Some(f.at.clone()),
            // Of people, keys and the conduct of the record: known when recorded, without a clinical time.
            Self::TrialFounded(_)
            | Self::Retracted(_)
            | Self::SlotConfirmed(_)
            | Self::ActivityOrder(_)
            | Self::QueryRaised(_)
            | Self::QueryAnswered(_)
            | Self::QueryClosed(_)
            | Self::Exported(_)
            | Self::SnapshotImported(_)
            | Self::Person(_)
            | Self::RoleGranted(_)
            | Self::RoleWithdrawn(_)
            | Self::KeyIssued(_)
            | Self::KeyRevoked(_)
            | Self::RootKeyRotated(_)
            | Self::Signature(_)
            | Self::Access(_)
            | Self::DataCut(_)
            | Self::PacketFrozen(_)
            | Self::Recusal(_)
            | Self::Sealed(_)
            | Self::Unsealed(_)
            | Self::Minutes(_) => None,
        }
    }
}
