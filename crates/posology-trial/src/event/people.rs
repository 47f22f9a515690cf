//! Facts of people: who they are, what they may do, their keys and signatures, their access.

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What a person does in the trial. Permissions follow from it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Role {
    /// Keeps people, roles, sites and keys.
    Administrator,
    /// Records a site's patients.
    SiteCoordinator,
    /// Judges patients at a site.
    Investigator,
    /// The physician who signs written directives (10 CFR 35.40).
    AuthorisedUser,
    /// Orders, assays and dispenses at a site.
    Pharmacist,
    /// Watches safety across sites.
    MedicalMonitor,
    /// Freezes cuts and prepares packets.
    Statistician,
    /// Sits on the monitoring committee.
    CommitteeMember,
    /// Decides on recommendations and opens cohorts.
    Sponsor,
    /// Reads everything but closed sessions, changes nothing.
    Auditor,
}

/// A person known to the record; a later event of the same user replaces it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Person {
    /// User name, never reused.
    pub user: String,
    /// Name as it is printed with signatures.
    pub printed_name: String,
    /// Discipline, such as Biostatistician.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub discipline: Option<String>,
}

/// A role given to a person.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct RoleGranted {
    /// User name.
    pub user: String,
    /// Role.
    pub role: Role,
    /// The one site it holds for; all sites if left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub site: Option<String>,
}

/// A role taken back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct RoleWithdrawn {
    /// User name.
    pub user: String,
    /// Role.
    pub role: Role,
    /// Its site, as granted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub site: Option<String>,
    /// Why.
    pub reason: String,
}

/// A signing key of a person, certified by the trial's root key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct KeyIssued {
    /// Whose key it is.
    pub user: String,
    /// Public ed25519 key, 64 hexadecimal digits; it is the key's id.
    pub key: String,
    /// The root key's signature over the canonical JSON of `{"certifies":"posology-key/1","key","trial","user"}`, 128 hexadecimal digits.
    pub certificate: String,
}

/// A key that signs nothing from here on; what it signed before stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct KeyRevoked {
    /// Public key.
    pub key: String,
    /// Why.
    pub reason: String,
}

/// A new root key, certified by the one before it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct RootKeyRotated {
    /// New public root key.
    pub key: String,
    /// The old root key's signature over the canonical JSON of `{"certifies":"posology-root/1","key","trial"}`.
    pub certificate: String,
}

/// What a signature means (21 CFR 11.50(a)(3)).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Meaning {
    /// I wrote this.
    Authorship,
    /// I have reviewed this.
    Review,
    /// I approve this.
    Approval,
    /// I take responsibility for this.
    Responsibility,
    /// I have verified this independently.
    Verification,
}

impl Meaning {
    /// Every meaning.
    pub const ALL: [Self; 5] =
        [Self::Authorship, Self::Review, Self::Approval, Self::Responsibility, Self::Verification];

    /// The word people type and read, such as `approval`.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Authorship => "authorship",
            Self::Review => "review",
            Self::Approval => "approval",
            Self::Responsibility => "responsibility",
            Self::Verification => "verification",
        }
    }
}

/// What is signed, whole: the signature runs over the canonical JSON of this statement.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Statement {
    /// Trial.
    pub trial: String,
    /// Hash of the event signed.
    pub signs: String,
    /// Who signs.
    pub user: String,
    /// Printed name.
    pub printed_name: String,
    /// In which role.
    pub role: Role,
    /// Meaning.
    pub meaning: Meaning,
    /// When, UTC.
    pub at: Timestamp,
    /// Public key that signs.
    pub key: String,
}

/// A signature on an earlier event.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Signature {
    /// What is signed.
    pub statement: Statement,
    /// ed25519 signature, 128 hexadecimal digits.
    pub signature: String,
}

/// What an access was.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum AccessKind {
    /// Signed in.
    SignedIn,
    /// Signed out.
    SignedOut,
    /// Tried to sign in and was refused.
    Refused,
    /// Locked out after repeated refusals.
    LockedOut,
    /// Unlocked by an administrator.
    Unlocked,
    /// Password changed.
    PasswordChanged,
    /// Second factor enrolled or replaced.
    SecondFactorChanged,
    /// Read what belongs to a closed session.
    ClosedSessionRead,
}

/// An access to the record.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Access {
    /// User name, as typed.
    pub user: String,
    /// What it was.
    pub kind: AccessKind,
    /// Address or program, or why it was refused.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
}
