//! Facts of review: cut, packet, meeting, recusal, votes, minutes, recommendation, decision.

use jiff::Timestamp;
use jiff::civil::Date;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::cut::Cut;

/// A data cut frozen for a review.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct DataCut {
    /// Number of the review, from 1.
    pub review: u32,
    /// Cohort under review; the whole trial if left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cohort: Option<String>,
    /// What it takes.
    pub cut: Cut,
    /// What the rule advised at this cut, in the packet's words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub advice: Option<String>,
}

/// A file of a packet.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct PacketFile {
    /// File name.
    pub name: String,
    /// SHA-256 of its bytes.
    pub sha256: String,
}

/// The packet of a review, bound by the hashes of its files.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct PacketFrozen {
    /// Number of the review.
    pub review: u32,
    /// Its files, by name.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub files: Vec<PacketFile>,
    /// Who produced the tables: an independent centre or the sponsor.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub prepared_by: Option<String>,
}

/// A session of a meeting.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum SessionKind {
    /// With sponsor, investigator and statistician.
    Open,
    /// Voting members and the independent statistician.
    Closed,
    /// Members alone.
    Executive,
    /// The sponsor hears the signed recommendation.
    Debrief,
}

/// Who sat in a session.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Attendance {
    /// User name.
    pub user: String,
    /// Session.
    pub session: SessionKind,
    /// Time of coming in.
    pub from: Timestamp,
    /// Time of going out.
    pub to: Timestamp,
    /// Conflict of interest declared at this meeting; none declared if left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub conflict: Option<String>,
}

/// A meeting of the committee as held.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Meeting {
    /// Number of the review.
    pub review: u32,
    /// Day.
    pub date: Date,
    /// Attendance by session.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub attendance: Vec<Attendance>,
    /// Hashes of the documents reviewed: the packet's files, at least.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub documents: Vec<String>,
    /// Next meeting.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_meeting: Option<Date>,
}

/// A member who takes no part in a review.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Recusal {
    /// Number of the review.
    pub review: u32,
    /// User name.
    pub user: String,
    /// Why.
    pub reason: String,
}

/// How a member voted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Choice {
    /// For the motion.
    For,
    /// Against it.
    Against,
    /// Abstained.
    Abstain,
}

/// One member's vote on a recommendation. It stands in the record sealed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Vote {
    /// Number of the review.
    pub review: u32,
    /// User name.
    pub user: String,
    /// The recommendation voted on.
    pub motion: Recommended,
    /// The cohort it would open.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_cohort: Option<String>,
    /// The vote.
    pub choice: Choice,
    /// Whether it was cast in writing after the meeting.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub written: bool,
    /// SHA-256 over the packet's list of files, which the vote rests on.
    pub packet: String,
}

/// Minutes of a session. Those of closed and executive sessions stand in the record sealed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Minutes {
    /// Number of the review.
    pub review: u32,
    /// Session.
    pub session: SessionKind,
    /// The minutes.
    pub text: String,
    /// Action items.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub actions: Vec<String>,
}

/// What belongs to a closed session: it stands in the record only as a commitment until it is unsealed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "type", content = "body", rename_all = "kebab-case", deny_unknown_fields)]
pub enum Closed {
    /// A vote.
    Vote(Vote),
    /// Minutes of a closed or executive session.
    Minutes(Minutes),
}

/// What kind of thing is sealed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum ClosedKind {
    /// A member's vote.
    Vote,
    /// Minutes.
    Minutes,
}

/// Something of a closed session, as a commitment: SHA-256 over the salt (64 hexadecimal digits) and the canonical JSON of the content.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Sealed {
    /// Number of the review.
    pub review: u32,
    /// What it is.
    pub kind: ClosedKind,
    /// The commitment, 64 hexadecimal digits.
    pub commitment: String,
}

/// The content of a commitment, released after database lock or termination.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Unsealed {
    /// Hash of the event that sealed it.
    pub sealed: String,
    /// The salt, 64 hexadecimal digits.
    pub salt: String,
    /// The content.
    pub content: Closed,
}

/// What a committee may recommend (`continue` forms included).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
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
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
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
    /// SHA-256 over the packet's list of files, which the recommendation rests on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub packet: Option<String>,
}

/// The sponsor's answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
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
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
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
    /// Hash of the recommendation it answers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub recommendation: Option<String>,
}
