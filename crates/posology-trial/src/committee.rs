//! The monitoring committee's rules: quorum, votes, sealing, and where a review stands.
//!
//! Start at [`review`]: what has been done of a review, what is missing and who does it. The rule's advice, the
//! committee's recommendation and the sponsor's decision are three things; [`departures`] lists where they differ.
//! Votes and closed minutes stand in the record as commitments ([`seal`]): a copy of the record tells the sponsor that
//! a member voted, and not how. Source: charter points and states of the guidance on trial monitoring committees (FDA
//! 2006, sections 4.3 and 4.4; DAMOCLES, Lancet 2005;365:711).

use serde::Serialize;

use crate::Because;
use crate::conduct::Conduct;
use crate::event::{
    Attendance, BadRecord, Choice, Closed, ClosedKind, DataCut, Entry, Fact, Kind, Meaning, Meeting,
    PacketFile, PacketFrozen, Recommendation, Recommended, Role, Sealed, SessionKind, SponsorDecision, Vote,
    canonical, sha256,
};
use crate::protocol::{Committee, Member, Voting};

/// SHA-256 over the canonical JSON of a packet's files, by name: what votes and a recommendation rest on.
///
/// # Errors
/// Never for names that can be written as JSON.
pub fn packet_digest(files: &[PacketFile]) -> Result<String, BadRecord> {
    let mut files = files.to_vec();
    files.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(sha256(canonical(&files)?.as_bytes()))
}

/// Seals what belongs to a closed session: the commitment for the record. `salt` is 64 hexadecimal digits of entropy;
/// it is kept with the content and told to nobody else until the content is.
///
/// # Errors
/// Never for content that can be written as JSON.
///
/// ```
/// use posology_trial::committee::{is_content_of, seal};
/// use posology_trial::event::{Closed, Minutes, SessionKind};
/// let minutes = Closed::Minutes(Minutes {
///     review: 1,
///     session: SessionKind::Closed,
///     text: "Platelets were discussed.".to_owned(),
///     actions: Vec::new(),
/// });
/// let salt = "5a".repeat(32);
/// let sealed = seal(&minutes, &salt)?;
/// assert!(is_content_of(&sealed, &salt, &minutes));
/// assert!(!is_content_of(&sealed, &"5b".repeat(32), &minutes));
/// # Ok::<(), posology_trial::event::BadRecord>(())
/// ```
pub fn seal(content: &Closed, salt: &str) -> Result<Sealed, BadRecord> {
    let (review, kind) = match content {
        Closed::Vote(vote) => (vote.review, ClosedKind::Vote),
        Closed::Minutes(minutes) => (minutes.review, ClosedKind::Minutes),
    };
    Ok(Sealed { review, kind, commitment: sha256(format!("{salt}{}", canonical(content)?).as_bytes()) })
}

/// Whether a content with its salt is what was sealed.
#[must_use]
pub fn is_content_of(sealed: &Sealed, salt: &str, content: &Closed) -> bool {
    salt.len() == 64 && seal(content, salt).is_ok_and(|again| again == *sealed)
}

/// The charter's member of a user name: named by it, or by the printed name.
#[must_use]
pub fn member<'a>(conduct: &Conduct, charter: &'a Committee, user: &str) -> Option<&'a Member> {
    let printed = conduct.person(user).map(|person| person.printed_name.as_str());
    charter.member.iter().find(|member| match &member.user {
        Some(named) => named == user,
        None => printed == Some(member.name.as_str()),
    })
}

/// Whether enough members sit, and those whom the charter names.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Quorum {
    /// Voting members present in closed session and not recused.
    pub present: u32,
    /// Members asked for.
    pub asked: u32,
    /// Roles asked for and not present.
    pub missing_roles: Vec<String>,
    /// Whether there is a quorum.
    pub met: bool,
    /// Reason.
    pub because: Because,
}

/// The quorum of a meeting's closed sessions.
#[must_use]
pub fn quorum(conduct: &Conduct, charter: &Committee, meeting: &Meeting) -> Quorum {
    let recused = recused(conduct, meeting.review);
    let mut sitting: Vec<&Member> = Vec::new();
    for attendance in &meeting.attendance {
        if !is_closed(attendance.session) || recused.contains(&attendance.user.as_str()) {
            continue;
        }
        if let Some(member) = member(conduct, charter, &attendance.user)
            && member.votes
            && !sitting.contains(&member)
        {
            sitting.push(member);
        }
    }
    let present = u32::try_from(sitting.len()).unwrap_or(u32::MAX);
    let missing_roles: Vec<String> = charter
        .quorum_roles
        .iter()
        .filter(|role| !sitting.iter().any(|member| member.role == **role))
        .cloned()
        .collect();
    let met = present >= charter.quorum && missing_roles.is_empty();
    let says = format!(
        "{present} voting members sat in closed session and were not recused; {} asked for{}",
        charter.quorum,
        if missing_roles.is_empty() {
            String::new()
        } else {
            format!("; missing: {}", missing_roles.join(", "))
        }
    );
    let names: Vec<&str> = sitting.iter().map(|member| member.name.as_str()).collect();
    let because = Because::new("committee/quorum", says)
        .input("present", names.join(", "))
        .input("recused", recused.join(", "))
        .source("charter, quorum");
    Quorum { present, asked: charter.quorum, missing_roles, met, because }
}

fn is_closed(session: SessionKind) -> bool {
    matches!(session, SessionKind::Closed | SessionKind::Executive)
}

/// Who is recused from a review.
fn recused(conduct: &Conduct, review: u32) -> Vec<&str> {
    conduct
        .of_trial(Kind::Recusal)
        .filter_map(|entry| match &entry.event.fact {
            Fact::Recusal(recusal) if recusal.review == review => Some(recusal.user.as_str()),
            _ => None,
        })
        .collect()
}

/// A count of votes by the charter's rule.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Tally {
    /// Votes for the motion.
    pub for_it: u32,
    /// Votes against.
    pub against: u32,
    /// Abstentions.
    pub abstained: u32,
    /// Whether it is carried.
    pub carried: bool,
    /// Reason.
    pub because: Because,
}

/// Counts votes for, against and abstained by the charter's rule, in whole numbers. `chair` is the chair's own vote,
/// where it is known: it decides a tie if the charter says so.
///
/// ```
/// use posology_trial::committee::carried;
/// use posology_trial::protocol::Voting;
/// assert!(carried(Voting::TwoThirds, false, [4, 1, 0]));
/// assert!(!carried(Voting::TwoThirds, false, [3, 2, 0]));
/// assert!(carried(Voting::TwoThirds, false, [2, 1, 2]));
/// assert!(!carried(Voting::TwoThirds, true, [2, 1, 2]));
/// ```
#[must_use]
pub fn tally(charter: &Committee, votes: [u32; 3], chair: Option<Choice>) -> Tally {
    let [for_it, against, abstained] = votes;
    let by_rule = carried(charter.voting, charter.abstentions_count, votes);
    let casting = charter.chair_casts && for_it > 0 && for_it == against && chair == Some(Choice::For);
    let rule = match charter.voting {
        Voting::Majority => "more than half of those voting",
        Voting::TwoThirds => "two thirds of those voting",
        Voting::Unanimous => "all of those voting",
    };
    let carried = by_rule || casting;
    let says = format!(
        "{for_it} for, {against} against, {abstained} abstained: {} by the rule of {rule}{}{}",
        if carried { "carried" } else { "not carried" },
        if charter.abstentions_count { ", abstentions counted" } else { "" },
        if casting && !by_rule { ", by the chair's casting vote" } else { "" },
    );
    let because = Because::new("committee/tally", says)
        .input("for", for_it)
        .input("against", against)
        .input("abstained", abstained)
        .source("charter, voting");
    Tally { for_it, against, abstained, carried, because }
}

/// Whether a motion is carried, the chair's casting vote apart.
#[must_use]
pub fn carried(voting: Voting, abstentions_count: bool, [for_it, against, abstained]: [u32; 3]) -> bool {
    let (for_it, against) = (u64::from(for_it), u64::from(against));
    let all = for_it + against + if abstentions_count { u64::from(abstained) } else { 0 };
    for_it > 0
        && match voting {
            Voting::Majority => 2 * for_it > all,
            Voting::TwoThirds => 3 * for_it >= 2 * all,
            Voting::Unanimous => for_it == all,
        }
}

/// The votes in a review's sealed contents, counted as for, against, abstained, and the chair's.
#[must_use]
pub fn count(
    conduct: &Conduct,
    charter: &Committee,
    review: u32,
    contents: &[Closed],
) -> ([u32; 3], Option<Choice>) {
    let votes: Vec<&Vote> = contents
        .iter()
        .filter_map(|content| match content {
            Closed::Vote(vote) if vote.review == review => Some(vote),
            _ => None,
        })
        .collect();
    let of =
        |choice| u32::try_from(votes.iter().filter(|vote| vote.choice == choice).count()).unwrap_or(u32::MAX);
    let chair = votes
        .iter()
        .find(|vote| member(conduct, charter, &vote.user).is_some_and(|member| member.role == CHAIR))
        .map(|vote| vote.choice);
    ([of(Choice::For), of(Choice::Against), of(Choice::Abstain)], chair)
}

/// The role of the member who leads, as the charter writes it.
pub const CHAIR: &str = "Chair";
/// The role of the member who leads in the chair's place.
pub const DEPUTY: &str = "Deputy chair";

/// A step of a review.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, schemars::JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Step {
    /// A data cut is frozen.
    DataCut,
    /// The packet is bound by its hashes.
    Packet,
    /// The committee met with a quorum.
    Meeting,
    /// Members voted.
    Votes,
    /// The recommendation is recorded.
    Recommendation,
    /// The chair signed it.
    RecommendationSigned,
    /// The sponsor's decision is recorded.
    Decision,
    /// The sponsor signed it.
    DecisionSigned,
}

impl Step {
    /// What is awaited, and of whom.
    #[must_use]
    pub fn awaited(self) -> &'static str {
        match self {
            Self::DataCut => "a data cut, by a statistician",
            Self::Packet => "the packet, by a statistician",
            Self::Meeting => "a meeting with a quorum",
            Self::Votes => "the members' votes",
            Self::Recommendation => "the recommendation, by the chair",
            Self::RecommendationSigned => "the chair's signature on the recommendation",
            Self::Decision => "the sponsor's decision",
            Self::DecisionSigned => "the sponsor's signature on the decision",
        }
    }
}

/// Where a review stands.
#[derive(Debug, Clone)]
pub struct Review<'a> {
    /// Its number.
    pub number: u32,
    /// Its last data cut.
    pub cut: Option<(&'a Entry, &'a DataCut)>,
    /// Its last packet, if made after that cut.
    pub packet: Option<(&'a Entry, &'a PacketFrozen)>,
    /// Its last meeting on that packet.
    pub meeting: Option<(&'a Entry, &'a Meeting)>,
    /// Who has voted since, by user name.
    pub voted: Vec<&'a str>,
    /// Its recommendation.
    pub recommendation: Option<(&'a Entry, &'a Recommendation)>,
    /// The sponsor's decision on it.
    pub decision: Option<(&'a Entry, &'a SponsorDecision)>,
    /// What is awaited next; `None` once the decision is signed.
    pub next: Option<Step>,
}

macro_rules! last {
    ($conduct:expr, $kind:ident, $review:expr) => {
        $conduct.of_trial(Kind::$kind).rev().find_map(|entry| match &entry.event.fact {
            Fact::$kind(fact) if fact.review == $review => Some((entry, fact)),
            _ => None,
        })
    };
}

/// Where a review of a number stands.
#[must_use]
pub fn review(conduct: &Conduct, number: u32) -> Review<'_> {
    let place = |entry: &Entry| conduct.position(&entry.hash);
    let cut = last!(conduct, DataCut, number);
    let packet = last!(conduct, PacketFrozen, number)
        .filter(|(entry, _)| cut.is_some_and(|(cut, _)| place(entry) > place(cut)));
    let meeting = last!(conduct, Meeting, number)
        .filter(|(entry, _)| packet.is_some_and(|(packet, _)| place(entry) > place(packet)));
    let voted: Vec<&str> = conduct
        .of_trial(Kind::Sealed)
        .filter(|entry| packet.is_some_and(|(packet, _)| place(entry) > place(packet)))
        .filter_map(|entry| match &entry.event.fact {
            Fact::Sealed(sealed) if sealed.review == number && sealed.kind == ClosedKind::Vote => {
                Some(entry.event.recorded_by.as_str())
            }
            _ => None,
        })
        .collect();
    let recommendation = last!(conduct, Recommendation, number);
    let decision = last!(conduct, SponsorDecision, number);
    let signed = |entry: &Entry, role| conduct.is_signed(&entry.hash, role, Meaning::Approval);
    let has_quorum = || {
        let charter = conduct.protocol().and_then(|protocol| protocol.committee.as_ref());
        meeting.zip(charter).is_some_and(|((_, meeting), charter)| quorum(conduct, charter, meeting).met)
    };
    let next = match (recommendation, decision) {
        (_, Some((entry, _))) if signed(entry, Role::Sponsor) => None,
        (_, Some(_)) => Some(Step::DecisionSigned),
        (Some((entry, _)), None) if signed(entry, Role::CommitteeMember) => Some(Step::Decision),
        (Some(_), None) => Some(Step::RecommendationSigned),
        (None, None) if cut.is_none() => Some(Step::DataCut),
        (None, None) if packet.is_none() => Some(Step::Packet),
        (None, None) if !has_quorum() => Some(Step::Meeting),
        (None, None) if voted.is_empty() => Some(Step::Votes),
        (None, None) => Some(Step::Recommendation),
    };
    Review { number, cut, packet, meeting, voted, recommendation, decision, next }
}

/// The numbers of all reviews, in order.
#[must_use]
pub fn reviews(conduct: &Conduct) -> Vec<u32> {
    let mut numbers: Vec<u32> = conduct
        .of_trial(Kind::DataCut)
        .filter_map(|entry| match &entry.event.fact {
            Fact::DataCut(cut) => Some(cut.review),
            _ => None,
        })
        .collect();
    numbers.sort_unstable();
    numbers.dedup();
    numbers
}

/// Whether a user may vote in a review now, and if not why.
///
/// # Errors
/// What keeps them from it, in words.
pub fn may_vote(conduct: &Conduct, number: u32, user: &str) -> Result<(), String> {
    let charter = conduct
        .protocol()
        .and_then(|protocol| protocol.committee.as_ref())
        .ok_or("the protocol has no [committee]")?;
    let member =
        member(conduct, charter, user).ok_or_else(|| format!("{user} is no member by the charter"))?;
    if !member.votes {
        return Err(format!("{user} sits without a vote"));
    }
    if recused(conduct, number).contains(&user) {
        return Err(format!("{user} is recused"));
    }
    let standing = review(conduct, number);
    let Some((_, meeting)) = standing.meeting else {
        return Err("no meeting on the packet yet".to_owned());
    };
    if standing.voted.contains(&user) {
        return Err(format!("{user} has voted"));
    }
    let sat = |attendance: &Attendance| attendance.user == user && is_closed(attendance.session);
    if meeting.attendance.iter().any(sat) || charter.written_votes {
        return Ok(());
    }
    Err(format!("{user} did not sit in closed session, and the charter has no written votes"))
}

/// Where advice, recommendation and decision of a review differ.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Departure {
    /// Number of the review.
    pub review: u32,
    /// What the rule advised.
    pub advised: String,
    /// What the committee recommended, and why.
    pub recommended: Recommended,
    /// The committee's reason.
    pub reason: String,
    /// The sponsor's reason, where the decision differs from the recommendation.
    pub decided: Option<String>,
}

/// The reviews in which the committee departed from the rule's advice, or the sponsor from the recommendation.
#[must_use]
pub fn departures(conduct: &Conduct) -> Vec<Departure> {
    reviews(conduct)
        .into_iter()
        .filter_map(|number| {
            let review = review(conduct, number);
            let (_, recommendation) = review.recommendation?;
            let decided = review
                .decision
                .filter(|(_, decision)| decision.answer != crate::event::Answer::Accept)
                .map(|(_, decision)| decision.reason.clone());
            let departs = departs_from(&recommendation.rule_advice, recommendation.recommended);
            (departs || decided.is_some()).then(|| Departure {
                review: number,
                advised: recommendation.rule_advice.clone(),
                recommended: recommendation.recommended,
                reason: recommendation.reason.clone(),
                decided,
            })
        })
        .collect()
}

/// Whether a recommendation is another than the rule's advice (its first word is the action).
#[must_use]
pub fn departs_from(advice: &str, recommended: Recommended) -> bool {
    let action: String = advice
        .chars()
        .take_while(|c| c.is_ascii_alphabetic() || *c == '-')
        .collect::<String>()
        .to_lowercase();
    let agrees: &[Recommended] = match action.as_str() {
        "escalate" => &[Recommended::Escalate],
        "stay" => &[Recommended::Stay],
        "de-escalate" => &[Recommended::DeEscalate],
        "stop" => &[Recommended::Terminate, Recommended::Suspend, Recommended::Declare],
        "complete" => &[Recommended::Declare],
        "wait" => &[Recommended::Hold],
        _ => &[],
    };
    !agrees.contains(&recommended)
}
