//! Review: cut, packet, meeting, votes, recommendation, decision, in that order.

use super::{Conduct, Context, Refusal};
use crate::committee::{
    CHAIR, DEPUTY, carried, departs_from, is_content_of, may_vote, member, packet_digest, quorum, review,
    reviews,
};
use crate::event::{
    Answer, ClosedKind, DataCut, Event, Fact, Kind, Meaning, Meeting, PacketFrozen, Recommendation,
    Recommended, Role, Sealed, SessionKind, SponsorDecision, Unsealed,
};
use crate::protocol::Committee;

pub(super) fn admit(conduct: &Conduct, event: &Event, context: &Context) -> Result<(), Refusal> {
    let charter = conduct.protocol().and_then(|protocol| protocol.committee.as_ref());
    let Some(charter) = charter else {
        return Err(Refusal::new(
            "committee/charter",
            "a committee in the protocol",
            "none",
            "adopt a protocol with [committee]",
        ));
    };
    match &event.fact {
        Fact::DataCut(cut) => admit_cut(conduct, event, cut),
        Fact::PacketFrozen(packet) => admit_packet(conduct, packet),
        Fact::Meeting(meeting) => admit_meeting(conduct, charter, meeting),
        Fact::Recusal(recusal) => {
            undecided(conduct, recusal.review)?;
            if member(conduct, charter, &recusal.user).is_none() {
                return Err(not_a_member(&recusal.user));
            }
            if review(conduct, recusal.review).voted.contains(&recusal.user.as_str()) {
                return Err(Refusal::new(
                    "committee/recused-before-voting",
                    "a member who has not voted on this review",
                    recusal.user.clone(),
                    "record a new data cut and vote anew",
                ));
            }
            Ok(())
        }
        Fact::Sealed(sealed) => admit_sealed(conduct, charter, event, sealed),
        Fact::Unsealed(unsealed) => admit_unsealed(conduct, unsealed),
        Fact::Minutes(minutes) => {
            if matches!(minutes.session, SessionKind::Closed | SessionKind::Executive) {
                return Err(Refusal::new(
                    "committee/closed-minutes-sealed",
                    "minutes of an open session or a debrief",
                    "minutes of a closed one, in clear",
                    "seal them (`posology trial seal`)",
                ));
            }
            has_meeting(conduct, minutes.review).map(|_| ())
        }
        Fact::Recommendation(recommendation) => admit_recommendation(conduct, charter, event, recommendation),
        Fact::SponsorDecision(decision) => admit_decision(conduct, decision, context),
        _ => Ok(()),
    }
}

fn not_a_member(user: &str) -> Refusal {
    Refusal::new(
        "committee/member",
        "a member by the charter",
        format!("{user:?}"),
        "name members under [[committee.member]], by user or by printed name",
    )
}

/// No recommendation on the review yet.
fn undecided(conduct: &Conduct, number: u32) -> Result<(), Refusal> {
    match review(conduct, number).recommendation {
        None => Ok(()),
        Some(_) => Err(Refusal::new(
            "review/undecided",
            "a review without a recommendation",
            format!("review {number}, with one"),
            "begin a new review with a new data cut",
        )),
    }
}

fn admit_cut(conduct: &Conduct, event: &Event, fact: &DataCut) -> Result<(), Refusal> {
    undecided(conduct, fact.review)?;
    let known = reviews(conduct);
    let last = known.last().copied().unwrap_or(0);
    let again = known.contains(&fact.review);
    if !again && fact.review != last.saturating_add(1) {
        return Err(Refusal::new(
            "review/number",
            format!("review {}", last.saturating_add(1)),
            fact.review.to_string(),
            "number reviews in their order",
        ));
    }
    if again && event.reason.as_deref().is_none_or(|reason| reason.trim().is_empty()) {
        return Err(Refusal::new(
            "review/cut-again",
            "a reason for another cut of the same review",
            "none",
            "say why the data are frozen anew",
        ));
    }
    let entries = conduct.chain().entries();
    let at = fact.cut.position.checked_sub(1).and_then(|place| entries.get(place));
    if at.is_none_or(|entry| entry.hash != fact.cut.head) {
        return Err(Refusal::new(
            "review/cut-of-this-record",
            "a position and a hash of this record",
            format!("position {} and {}", fact.cut.position, fact.cut.head),
            "freeze the cut with `posology review`",
        ));
    }
    if fact.cut.cut_off > event.recorded_at {
        return Err(Refusal::new(
            "review/cut-off",
            format!("a cut-off by {}", event.recorded_at),
            fact.cut.cut_off.to_string(),
            "cut at a time that has passed",
        ));
    }
    match &fact.cohort {
        Some(cohort) if !conduct.was_opened(cohort) => Err(Refusal::new(
            "review/cohort",
            "a cohort that was opened",
            format!("{cohort:?}"),
            "name the cohort under review",
        )),
        _ => Ok(()),
    }
}

fn admit_packet(conduct: &Conduct, packet: &PacketFrozen) -> Result<(), Refusal> {
    undecided(conduct, packet.review)?;
    let standing = review(conduct, packet.review);
    if standing.cut.is_none() || standing.packet.is_some() {
        let found = if standing.cut.is_none() { "no data cut" } else { "a packet of that cut already" };
        return Err(Refusal::new(
            "review/packet-of-a-cut",
            "a data cut of the review with no packet yet",
            found,
            "freeze a data cut first (`posology review`)",
        ));
    }
    let is_hash = |text: &str| {
        text.len() == 64 && text.bytes().all(|b| b.is_ascii_hexdigit() && !b.is_ascii_uppercase())
    };
    match packet.files.iter().find(|file| !is_hash(&file.sha256)) {
        None if !packet.files.is_empty() => Ok(()),
        bad => Err(Refusal::new(
            "review/packet-files",
            "files with their SHA-256",
            bad.map_or_else(|| "no file".to_owned(), |file| format!("{:?} for {:?}", file.sha256, file.name)),
            "let `posology review` write the packet and its hashes",
        )),
    }
}

fn admit_meeting(conduct: &Conduct, charter: &Committee, meeting: &Meeting) -> Result<(), Refusal> {
    undecided(conduct, meeting.review)?;
    let Some((_, packet)) = review(conduct, meeting.review).packet else {
        return Err(Refusal::new(
            "review/meeting-on-a-packet",
            "a packet frozen for the review",
            "none",
            "freeze the packet first (`posology review`)",
        ));
    };
    if let Some(file) = packet.files.iter().find(|file| !meeting.documents.contains(&file.sha256)) {
        return Err(Refusal::new(
            "review/meeting-documents",
            "the hash of every file of the packet among the documents",
            format!("none of {:?}", file.name),
            "list what was reviewed",
        ));
    }
    for attendance in &meeting.attendance {
        if conduct.person(&attendance.user).is_none() {
            return Err(Refusal::new(
                "review/attendance",
                "people of this record",
                format!("{:?}", attendance.user),
                "record the person first (`person`)",
            ));
        }
        if attendance.to <= attendance.from {
            return Err(Refusal::new(
                "review/attendance",
                "leaving after coming",
                format!("{} from {} to {}", attendance.user, attendance.from, attendance.to),
                "check the times",
            ));
        }
        let closed = matches!(attendance.session, SessionKind::Closed | SessionKind::Executive);
        let admitted = member(conduct, charter, &attendance.user)
            .is_some_and(|member| attendance.session == SessionKind::Closed || member.votes);
        if closed && !admitted {
            return Err(Refusal::new(
                "review/closed-session",
                "members of the committee alone in closed session, and voting ones in executive session",
                attendance.user.clone(),
                "record who sat in which session",
            ));
        }
    }
    Ok(())
}

fn has_meeting(conduct: &Conduct, number: u32) -> Result<&Meeting, Refusal> {
    review(conduct, number).meeting.map(|(_, meeting)| meeting).ok_or_else(|| {
        Refusal::new(
            "review/met",
            "a meeting on the review's packet",
            "none",
            "record the meeting first (`meeting`)",
        )
    })
}

fn admit_sealed(
    conduct: &Conduct,
    charter: &Committee,
    event: &Event,
    sealed: &Sealed,
) -> Result<(), Refusal> {
    if sealed.commitment.len() != 64 {
        return Err(Refusal::new(
            "committee/commitment",
            "a commitment of 64 hexadecimal digits",
            sealed.commitment.clone(),
            "seal with `posology trial vote` or `posology trial seal`",
        ));
    }
    match sealed.kind {
        ClosedKind::Minutes => {
            has_meeting(conduct, sealed.review)?;
            match member(conduct, charter, &event.recorded_by) {
                Some(_) => Ok(()),
                None => Err(not_a_member(&event.recorded_by)),
            }
        }
        ClosedKind::Vote => {
            undecided(conduct, sealed.review)?;
            may_vote(conduct, sealed.review, &event.recorded_by).map_err(|found| {
                Refusal::new(
                    "committee/vote",
                    "one vote of a voting member who sat in closed session and is not recused",
                    found,
                    "record the meeting's attendance, or let another vote",
                )
            })
        }
    }
}

fn admit_unsealed(conduct: &Conduct, unsealed: &Unsealed) -> Result<(), Refusal> {
    if conduct.of_trial(Kind::DatabaseLocked).next().is_none() {
        return Err(Refusal::new(
            "committee/sealed-until-lock",
            "a locked database",
            "one that is open",
            "closed minutes and votes stay sealed until lock or termination (`database-locked`)",
        ));
    }
    let sealed = conduct.entry(&unsealed.sealed).map(|entry| &entry.event.fact);
    match sealed {
        Some(Fact::Sealed(sealed)) if is_content_of(sealed, &unsealed.salt, &unsealed.content) => Ok(()),
        Some(Fact::Sealed(_)) => Err(Refusal::new(
            "committee/unsealed-is-what-was-sealed",
            "the content and salt of the commitment",
            "another",
            "take both from where closed sessions are kept",
        )),
        _ => Err(Refusal::new(
            "committee/unsealed-is-what-was-sealed",
            "the hash of a `sealed` event",
            unsealed.sealed.clone(),
            "name the event that sealed it",
        )),
    }
}

fn admit_recommendation(
    conduct: &Conduct,
    charter: &Committee,
    event: &Event,
    fact: &Recommendation,
) -> Result<(), Refusal> {
    undecided(conduct, fact.review)?;
    let meeting = has_meeting(conduct, fact.review)?;
    let sitting = quorum(conduct, charter, meeting);
    if !sitting.met {
        return Err(Refusal::new(
            "committee/quorum",
            format!("a quorum of {} with {}", charter.quorum, charter.quorum_roles.join(", ")),
            sitting.because.says,
            "meet again with a quorum",
        ));
    }
    let leads = member(conduct, charter, &event.recorded_by)
        .is_some_and(|member| member.role == CHAIR || member.role == DEPUTY);
    if !leads {
        return Err(Refusal::new(
            "committee/chair",
            "the recommendation recorded by the chair or the deputy chair",
            event.recorded_by.clone(),
            "let the chair record it",
        ));
    }
    let standing = review(conduct, fact.review);
    let (Some((_, cut)), Some((_, packet))) = (standing.cut, standing.packet) else {
        return has_meeting(conduct, fact.review).map(|_| ());
    };
    let digest = packet_digest(&packet.files).ok();
    if fact.packet.is_none() || fact.packet != digest {
        return Err(Refusal::new(
            "committee/rests-on-the-packet",
            format!("the digest of the packet reviewed, {}", digest.unwrap_or_default()),
            fact.packet.clone().unwrap_or_else(|| "none".to_owned()),
            "take it from `posology trial status`",
        ));
    }
    if cut.cohort.as_deref().is_some_and(|cohort| cohort != fact.cohort) {
        return Err(Refusal::new(
            "committee/cohort-reviewed",
            format!("cohort {}, as cut", cut.cohort.as_deref().unwrap_or_default()),
            fact.cohort.clone(),
            "recommend on the cohort reviewed",
        ));
    }
    if cut.advice.as_ref().is_some_and(|advice| *advice != fact.rule_advice) {
        return Err(Refusal::new(
            "committee/advice-as-cut",
            format!(
                "the rule's advice as the packet printed it: {:?}",
                cut.advice.as_deref().unwrap_or_default()
            ),
            format!("{:?}", fact.rule_advice),
            "quote it",
        ));
    }
    if fact.reason.trim().is_empty() {
        let departs = departs_from(&fact.rule_advice, fact.recommended);
        return Err(Refusal::new(
            "committee/reason",
            if departs { "a reason, above all for departing from the rule's advice" } else { "a reason" },
            "none",
            "say why",
        ));
    }
    let cast: u32 = fact.votes.iter().copied().fold(0, u32::saturating_add);
    let voted = u32::try_from(standing.voted.len()).unwrap_or(u32::MAX);
    if cast != voted {
        return Err(Refusal::new(
            "committee/votes-cast",
            format!("{voted} votes, as sealed in the record"),
            format!("{cast}"),
            "count the votes that were cast",
        ));
    }
    // A tie may be carried by the chair's casting vote, which is sealed: the chair signs for it.
    let tie = charter.chair_casts && matches!(fact.votes, [a, b, _] if a == b && a > 0);
    if !tie && !carried(charter.voting, charter.abstentions_count, fact.votes) {
        return Err(Refusal::new(
            "committee/carried",
            format!("a motion carried by the charter's rule ({:?})", charter.voting),
            format!("{:?} for, against, abstained", fact.votes),
            "recommend what was carried",
        ));
    }
    // What lies beyond the ladder comes by amendment: another schedule, a level between, a level above the top one.
    let at_the_top = conduct.protocol().is_some_and(|protocol| {
        let regimen = protocol.cohort(&fact.cohort).map(|cohort| cohort.regimen.as_str());
        regimen.is_some() && protocol.regimen.last().map(|last| last.id.as_str()) == regimen
    });
    let names_new = at_the_top
        || matches!(fact.recommended, Recommended::ChangeSchedule | Recommended::EscalateIntermediate);
    match &fact.next_cohort {
        Some(next) if !names_new && conduct.protocol().is_none_or(|p| p.cohort(next).is_none()) => {
            Err(Refusal::new(
                "committee/next-cohort",
                "a cohort of the protocol",
                format!("{next:?}"),
                "write its id as in the protocol; one that an amendment will bring goes with another schedule or an intermediate level",
            ))
        }
        None if fact.recommended == Recommended::Escalate => {
            Err(Refusal::new("committee/next-cohort", "the cohort that escalation opens", "none", "name it"))
        }
        _ => Ok(()),
    }
}

fn admit_decision(conduct: &Conduct, fact: &SponsorDecision, context: &Context) -> Result<(), Refusal> {
    let standing = review(conduct, fact.review);
    let signed = standing.recommendation.filter(|(entry, _)| {
        conduct.signatures_on(&entry.hash).iter().any(|signature| {
            signature.statement.role == Role::CommitteeMember
                && signature.statement.meaning == Meaning::Approval
                && signature.statement.user == entry.event.recorded_by
        })
    });
    let Some((entry, recommendation)) = signed else {
        return Err(Refusal::new(
            "decision/on-a-signed-recommendation",
            "a recommendation signed by the chair",
            if standing.recommendation.is_some() { "one without the chair's signature" } else { "none" },
            "let the chair sign first",
        ));
    };
    if standing.decision.is_some() {
        return Err(Refusal::new(
            "decision/once",
            "a recommendation without a decision",
            format!("review {}, decided", fact.review),
            "a new decision takes a new review",
        ));
    }
    if fact.recommendation.as_deref() != Some(entry.hash.as_str()) || fact.cohort != recommendation.cohort {
        return Err(Refusal::new(
            "decision/names-the-recommendation",
            format!("recommendation {} on cohort {}", entry.hash, recommendation.cohort),
            format!("{} on cohort {}", fact.recommendation.as_deref().unwrap_or("none"), fact.cohort),
            "name the recommendation's hash and cohort",
        ));
    }
    if fact.reason.trim().is_empty() {
        return Err(Refusal::new("decision/reason", "a reason", "none", "say why"));
    }
    let opens = fact.opens.as_deref();
    let agrees = match fact.answer {
        Answer::Accept => opens == recommendation.next_cohort.as_deref(),
        Answer::AcceptWithChanges => true,
        Answer::Decline => opens.is_none(),
    };
    if !agrees {
        return Err(Refusal::new(
            "decision/opens-what-was-recommended",
            match fact.answer {
                Answer::Decline => "no cohort, for the recommendation is declined".to_owned(),
                _ => recommendation.next_cohort.clone().unwrap_or_else(|| "no cohort".to_owned()),
            },
            opens.unwrap_or("no cohort").to_owned(),
            "accept with changes, and say why, to open another",
        ));
    }
    let regimen =
        conduct.protocol().and_then(|protocol| protocol.cohort(opens?)).map(|cohort| cohort.regimen.as_str());
    match regimen {
        Some(regimen) => super::cohort::no_hold(context, regimen),
        None => Ok(()),
    }
}
