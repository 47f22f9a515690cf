//! The committee: cut, packet, meeting, votes, recommendation, decision; and nothing opens a cohort without them.

#![allow(clippy::unwrap_used, clippy::panic)]

mod scene;

use posology_trial::committee::*;
use posology_trial::conduct::{Conduct, Context};
use posology_trial::cut::Cut;
use posology_trial::event::*;
use posology_trial::protocol::{Committee, Member, Voting};
use proptest::prelude::*;
use scene::*;

const MEMBERS: [&str; 3] = ["committee-member", "bea", "cai"];

/// Cohort A open with one patient, and three voting members.
fn scene() -> Scene {
    let mut scene = Scene::open();
    for user in ["bea", "cai"] {
        scene.person(user);
        scene.by(
            Role::Administrator,
            RoleGranted { user: user.into(), role: Role::CommitteeMember, site: None },
        );
    }
    scene.eligible("S1");
    scene.by(Role::SiteCoordinator, enrolment("S1", "A"));
    scene
}

fn cut(scene: &Scene) -> DataCut {
    DataCut {
        review: 1,
        cohort: Some("A".into()),
        cut: Cut {
            position: scene.conduct.chain().entries().len(),
            head: scene.conduct.head().into(),
            cut_off: scene.now,
        },
        advice: Some("escalate to high".into()),
    }
}

fn files() -> Vec<PacketFile> {
    ["packet.html", "packet.json"]
        .map(|name| PacketFile { name: name.into(), sha256: sha256(name.as_bytes()) })
        .into()
}

fn packet() -> PacketFrozen {
    PacketFrozen { review: 1, files: files(), prepared_by: Some("An independent centre".into()) }
}

fn sat(user: &str, session: SessionKind) -> Attendance {
    Attendance {
        user: user.into(),
        session,
        from: "2020-02-01T10:00:00Z".parse().unwrap(),
        to: "2020-02-01T11:00:00Z".parse().unwrap(),
        conflict: None,
    }
}

fn meeting(users: &[&str]) -> Meeting {
    Meeting {
        review: 1,
        date: date("2020-02-01"),
        attendance: users.iter().map(|user| sat(user, SessionKind::Closed)).collect(),
        documents: files().into_iter().map(|file| file.sha256).collect(),
        next_meeting: None,
    }
}

fn vote(user: &str, choice: Choice) -> Closed {
    Closed::Vote(Vote {
        review: 1,
        user: user.into(),
        motion: Recommended::Escalate,
        next_cohort: Some("B".into()),
        choice,
        written: false,
        packet: packet_digest(&files()).unwrap(),
    })
}

fn salt() -> String {
    "5a".repeat(32)
}

fn as_user(scene: &Scene, user: &str, fact: impl Into<Fact>) -> Event {
    Event { recorded_by: user.into(), ..scene.event(Role::CommitteeMember, fact) }
}

fn cast(scene: &mut Scene, user: &str, choice: Choice) {
    let sealed = seal(&vote(user, choice), &salt()).unwrap();
    let event = as_user(scene, user, sealed);
    scene.take(event);
}

fn recommendation(votes: [u32; 3]) -> Recommendation {
    Recommendation {
        review: 1,
        cohort: "A".into(),
        date: date("2020-02-01"),
        cut_off: date("2020-02-01"),
        recommended: Recommended::Escalate,
        next_cohort: Some("B".into()),
        votes,
        reason: "No dose-limiting toxicity".into(),
        rule_advice: "escalate to high".into(),
        packet: Some(packet_digest(&files()).unwrap()),
    }
}

fn decision(recommendation: &str) -> SponsorDecision {
    SponsorDecision {
        review: 1,
        cohort: "A".into(),
        date: date("2020-02-01"),
        answer: Answer::Accept,
        opens: Some("B".into()),
        reason: "As recommended".into(),
        recommendation: Some(recommendation.into()),
    }
}

fn refused_by(scene: &Scene, event: &Event) -> &'static str {
    scene.conduct.admit(event, &Context::at(event.recorded_at)).unwrap_err().rule
}

/// Up to the votes.
fn voted(choices: [Choice; 3]) -> Scene {
    let mut scene = scene();
    let made = cut(&scene);
    scene.by(Role::Statistician, made);
    scene.by(Role::Statistician, packet());
    scene.by(Role::CommitteeMember, meeting(&MEMBERS));
    for (user, choice) in MEMBERS.into_iter().zip(choices) {
        cast(&mut scene, user, choice);
    }
    scene
}

#[test]
fn a_cohort_is_opened_by_cut_packet_meeting_votes_recommendation_and_decision_in_that_order() {
    let mut scene = scene();
    let opening = || CohortOpened { cohort: "B".into(), date: date("2020-02-01"), places: None };
    assert_eq!(scene.refused(Role::Statistician, packet()), "review/packet-of-a-cut");
    let made = cut(&scene);
    scene.by(Role::Statistician, made);
    assert_eq!(review(&scene.conduct, 1).next, Some(Step::Packet));
    assert_eq!(scene.refused(Role::CommitteeMember, meeting(&MEMBERS)), "review/meeting-on-a-packet");
    scene.by(Role::Statistician, packet());
    assert_eq!(scene.refused(Role::Statistician, packet()), "review/packet-of-a-cut");
    let sealed = seal(&vote("bea", Choice::For), &salt()).unwrap();
    assert_eq!(refused_by(&scene, &as_user(&scene, "bea", sealed)), "committee/vote");
    scene.by(Role::CommitteeMember, meeting(&MEMBERS));
    assert_eq!(scene.refused(Role::CommitteeMember, recommendation([3, 0, 0])), "committee/votes-cast");
    for user in MEMBERS {
        cast(&mut scene, user, Choice::For);
    }
    let again = seal(&vote("bea", Choice::Against), &salt()).unwrap();
    assert_eq!(refused_by(&scene, &as_user(&scene, "bea", again)), "committee/vote");
    let recommended = scene.by(Role::CommitteeMember, recommendation([3, 0, 0]));
    assert_eq!(scene.refused(Role::Sponsor, decision(&recommended)), "decision/on-a-signed-recommendation");
    scene.sign(Role::CommitteeMember, Meaning::Approval);
    assert_eq!(scene.refused(Role::Sponsor, opening()), "cohort/opened-by-decision");
    assert_eq!(scene.refused(Role::Sponsor, decision(GENESIS)), "decision/names-the-recommendation");
    scene.by(Role::Sponsor, decision(&recommended));
    assert_eq!(scene.refused(Role::Sponsor, opening()), "cohort/opened-by-decision");
    scene.sign(Role::Sponsor, Meaning::Approval);
    assert_eq!(review(&scene.conduct, 1).next, None);
    assert_eq!(
        scene.refused(Role::Sponsor, CohortOpened { places: Some(3), cohort: "A".into(), ..opening() }),
        "cohort/opened-by-decision"
    );
    scene.by(Role::Sponsor, opening());
    // One decision opens one cohort, once.
    assert_eq!(
        scene.refused(Role::Sponsor, CohortOpened { places: Some(3), ..opening() }),
        "cohort/opened-by-decision"
    );
    assert!(departures(&scene.conduct).is_empty());
    assert!(Conduct::replay(scene.conduct.chain()).is_ok());
}

#[test]
fn a_cut_names_a_place_of_this_record_and_a_second_one_its_reason() {
    let mut scene = scene();
    let good = cut(&scene);
    let wrong = |change: fn(&mut DataCut)| {
        let mut cut = good.clone();
        change(&mut cut);
        cut
    };
    for (change, rule) in [
        (wrong(|cut| cut.cut.position += 1), "review/cut-of-this-record"),
        (wrong(|cut| cut.cut.position = 0), "review/cut-of-this-record"),
        (wrong(|cut| cut.cut.head = GENESIS.into()), "review/cut-of-this-record"),
        (wrong(|cut| cut.cut.cut_off = "2021-01-01T00:00:00Z".parse().unwrap()), "review/cut-off"),
        (wrong(|cut| cut.review = 2), "review/number"),
        (wrong(|cut| cut.cohort = Some("B".into())), "review/cohort"),
    ] {
        assert_eq!(scene.refused(Role::Statistician, change), rule);
    }
    scene.by(Role::Statistician, good.clone());
    assert_eq!(scene.refused(Role::Statistician, good.clone()), "review/cut-again");
    scene.by(Role::Statistician, packet());
    let mut again = scene.event(Role::Statistician, good);
    again.reason = Some("A query was answered".into());
    scene.take(again);
    // The packet of the earlier cut no longer counts.
    assert_eq!(scene.refused(Role::CommitteeMember, meeting(&MEMBERS)), "review/meeting-on-a-packet");
}

#[test]
fn a_meeting_sees_the_whole_packet_and_closed_sessions_are_the_committees_own() {
    let mut scene = scene();
    let made = cut(&scene);
    scene.by(Role::Statistician, made);
    scene.by(Role::Statistician, packet());
    let mut blind = meeting(&MEMBERS);
    blind.documents.pop();
    assert_eq!(scene.refused(Role::CommitteeMember, blind), "review/meeting-documents");
    let with = |attendance| {
        let mut meeting = meeting(&MEMBERS);
        meeting.attendance.push(attendance);
        meeting
    };
    assert_eq!(
        scene.refused(Role::CommitteeMember, with(sat("sponsor", SessionKind::Closed))),
        "review/closed-session"
    );
    assert_eq!(
        scene.refused(Role::CommitteeMember, with(sat("statistician", SessionKind::Executive))),
        "review/closed-session"
    );
    let mut backwards = sat("sponsor", SessionKind::Open);
    backwards.to = backwards.from;
    assert_eq!(scene.refused(Role::CommitteeMember, with(backwards)), "review/attendance");
    scene.by(Role::CommitteeMember, with(sat("sponsor", SessionKind::Open)));
    let minutes = |session| Minutes { review: 1, session, text: "Said".into(), actions: Vec::new() };
    assert_eq!(
        scene.refused(Role::CommitteeMember, minutes(SessionKind::Closed)),
        "committee/closed-minutes-sealed"
    );
    scene.by(Role::CommitteeMember, minutes(SessionKind::Open));
}

#[test]
fn without_a_quorum_by_number_and_role_nothing_is_recommended() {
    for (sitting, recused, met) in [
        (&MEMBERS[..], None, true),
        (&["committee-member", "bea"][..], None, true),
        (&["bea", "cai"][..], None, false),
        (&["committee-member"][..], None, false),
        (&["committee-member", "bea"][..], Some("bea"), false),
        (&["committee-member", "statistician"][..], None, false),
    ] {
        let mut scene = scene();
        let made = cut(&scene);
        scene.by(Role::Statistician, made);
        scene.by(Role::Statistician, packet());
        if let Some(user) = recused {
            scene.by(
                Role::CommitteeMember,
                Recusal { review: 1, user: user.into(), reason: "Owns shares".into() },
            );
        }
        scene.by(Role::CommitteeMember, meeting(sitting));
        let refusal = scene.refused(Role::CommitteeMember, recommendation([2, 0, 0]));
        assert_eq!(refusal, if met { "committee/votes-cast" } else { "committee/quorum" }, "{sitting:?}");
    }
}

#[test]
fn who_is_recused_absent_or_without_a_vote_does_not_vote() {
    let mut scene = scene();
    let made = cut(&scene);
    scene.by(Role::Statistician, made);
    scene.by(Role::Statistician, packet());
    scene.by(Role::CommitteeMember, Recusal { review: 1, user: "bea".into(), reason: "Owns shares".into() });
    scene.by(Role::CommitteeMember, meeting(&["committee-member", "bea"]));
    for user in ["bea", "cai", "mallory"] {
        let sealed = seal(&vote(user, Choice::For), &salt()).unwrap();
        let rule = refused_by(&scene, &as_user(&scene, user, sealed));
        assert_eq!(rule, if user == "mallory" { "permission/granted" } else { "committee/vote" });
    }
    cast(&mut scene, "committee-member", Choice::For);
    assert_eq!(
        scene.refused(
            Role::CommitteeMember,
            Recusal { review: 1, user: "committee-member".into(), reason: "Late".into() }
        ),
        "committee/recused-before-voting"
    );
}

#[test]
fn a_recommendation_says_what_was_carried_on_the_packet_that_was_read() {
    let scene = voted([Choice::For, Choice::For, Choice::Against]);
    let with = |change: fn(&mut Recommendation)| {
        let mut recommendation = recommendation([2, 1, 0]);
        change(&mut recommendation);
        recommendation
    };
    for (recommendation, rule) in [
        (with(|r| r.packet = None), "committee/rests-on-the-packet"),
        (with(|r| r.packet = Some(GENESIS.into())), "committee/rests-on-the-packet"),
        (with(|r| r.cohort = "B".into()), "committee/cohort-reviewed"),
        (with(|r| r.rule_advice = "stay".into()), "committee/advice-as-cut"),
        (with(|r| r.reason = "  ".into()), "committee/reason"),
        (with(|r| r.votes = [3, 1, 0]), "committee/votes-cast"),
        (with(|r| r.votes = [1, 2, 0]), "committee/carried"),
        (with(|r| r.next_cohort = Some("Z".into())), "committee/next-cohort"),
        (with(|r| r.next_cohort = None), "committee/next-cohort"),
    ] {
        assert_eq!(scene.refused(Role::CommitteeMember, recommendation), rule);
    }
    let by_bea = as_user(&scene, "bea", recommendation([2, 1, 0]));
    assert_eq!(refused_by(&scene, &by_bea), "committee/chair");
    let good = scene.event(Role::CommitteeMember, recommendation([2, 1, 0]));
    assert!(scene.conduct.admit(&good, &Context::at(good.recorded_at)).is_ok());
}

#[test]
fn the_sponsor_declines_or_changes_with_a_reason_and_a_departure_is_listed() {
    let mut scene = voted([Choice::For; 3]);
    let recommended = scene.by(Role::CommitteeMember, recommendation([3, 0, 0]));
    scene.sign(Role::CommitteeMember, Meaning::Approval);
    let with = |change: fn(&mut SponsorDecision)| {
        let mut decision = decision(&recommended);
        change(&mut decision);
        decision
    };
    for (decision, rule) in [
        (with(|d| d.reason.clear()), "decision/reason"),
        (with(|d| d.opens = Some("A".into())), "decision/opens-what-was-recommended"),
        (with(|d| d.answer = Answer::Decline), "decision/opens-what-was-recommended"),
        (with(|d| d.cohort = "B".into()), "decision/names-the-recommendation"),
    ] {
        assert_eq!(scene.refused(Role::Sponsor, decision), rule);
    }
    scene.by(
        Role::Sponsor,
        with(|d| {
            d.answer = Answer::Decline;
            d.opens = None;
            d.reason = "Supply".into();
        }),
    );
    assert_eq!(scene.refused(Role::Sponsor, decision(&recommended)), "decision/once");
    scene.sign(Role::Sponsor, Meaning::Approval);
    let opening = CohortOpened { cohort: "B".into(), date: date("2020-02-01"), places: None };
    assert_eq!(scene.refused(Role::Sponsor, opening), "cohort/opened-by-decision");
    let [departure] = departures(&scene.conduct).try_into().unwrap();
    assert_eq!((departure.review, departure.decided.as_deref()), (1, Some("Supply")));
}

#[test]
fn a_copy_of_the_record_does_not_tell_how_anyone_voted_until_the_database_is_locked() {
    let mut scene = voted([Choice::For, Choice::Against, Choice::For]);
    let text = scene.conduct.chain().write();
    assert!(!text.contains("against") && !text.contains("choice"));
    let sealed = review(&scene.conduct, 1);
    assert_eq!(sealed.voted, MEMBERS);
    let hash = scene
        .conduct
        .of_trial(Kind::Sealed)
        .find(|entry| entry.event.recorded_by == "bea")
        .unwrap()
        .hash
        .clone();
    let unsealed = |choice| Unsealed { sealed: hash.clone(), salt: salt(), content: vote("bea", choice) };
    assert_eq!(
        scene.refused(Role::CommitteeMember, unsealed(Choice::Against)),
        "committee/sealed-until-lock"
    );
    let locked = DatabaseLocked { date: date("2020-02-01"), reason: "Terminated".into() };
    assert_eq!(scene.refused(Role::Sponsor, locked.clone()), "trial/lock-after-closing");
    scene.by(
        Role::Sponsor,
        CohortClosed { cohort: "A".into(), date: date("2020-02-01"), reason: "End".into() },
    );
    scene.by(Role::Sponsor, locked);
    assert_eq!(
        scene.refused(Role::CommitteeMember, unsealed(Choice::For)),
        "committee/unsealed-is-what-was-sealed"
    );
    scene.by(Role::CommitteeMember, unsealed(Choice::Against));
    assert_eq!(scene.refused(Role::SiteCoordinator, subject("S9", "01")), "trial/locked");
}

fn charter(voting: Voting, abstentions_count: bool, chair_casts: bool) -> Committee {
    Committee {
        name: "C".into(),
        member: Vec::<Member>::new(),
        quorum: 1,
        quorum_roles: Vec::new(),
        voting,
        abstentions_count,
        chair_casts,
        written_votes: false,
    }
}

#[test]
fn votes_are_counted_as_one_would_by_hand() {
    use Voting::{Majority, TwoThirds, Unanimous};
    // Rule, abstentions counted, for, against, abstained, carried.
    for (voting, counted, votes, expected) in [
        (Majority, false, [2, 2, 0], false),
        (Majority, false, [2, 1, 2], true),
        (Majority, true, [2, 1, 2], false),
        (Majority, true, [3, 1, 1], true),
        (TwoThirds, false, [3, 2, 0], false),
        (TwoThirds, false, [4, 1, 0], true),
        (TwoThirds, false, [2, 1, 0], true),
        (TwoThirds, true, [2, 1, 1], false),
        (Unanimous, false, [4, 0, 1], true),
        (Unanimous, true, [4, 0, 1], false),
        (Unanimous, false, [4, 1, 0], false),
        (Unanimous, false, [0, 0, 5], false),
    ] {
        assert_eq!(carried(voting, counted, votes), expected, "{voting:?} {counted} {votes:?}");
    }
    let casting = |chair| tally(&charter(Majority, false, true), [2, 2, 0], chair).carried;
    assert!(casting(Some(Choice::For)));
    assert!(!casting(Some(Choice::Against)));
    assert!(!casting(None));
    assert!(!tally(&charter(Majority, false, false), [2, 2, 0], Some(Choice::For)).carried);
}

/// One act of a review, legal or not.
fn attempt(scene: &mut Scene, act: usize, who: usize) -> Option<Event> {
    let last = |scene: &Scene, kind| scene.conduct.of_trial(kind).next_back().map(|entry| entry.hash.clone());
    let (role, user, fact): (Role, &str, Fact) = match act {
        0 => (Role::Statistician, "statistician", cut(scene).into()),
        1 => (Role::Statistician, "statistician", packet().into()),
        2 => (Role::CommitteeMember, MEMBERS[0], meeting(&MEMBERS).into()),
        3..=5 => {
            let user = MEMBERS[(act + who) % 3];
            (Role::CommitteeMember, user, seal(&vote(user, Choice::For), &salt()).unwrap().into())
        }
        6 => (Role::CommitteeMember, MEMBERS[0], recommendation([3, 0, 0]).into()),
        7 => (Role::CommitteeMember, MEMBERS[who], recommendation([2, 0, 0]).into()),
        8 => (Role::Sponsor, "sponsor", decision(&last(scene, Kind::Recommendation)?).into()),
        9 => {
            let key = Scene::key_of(Role::CommitteeMember);
            if scene.conduct.key_holder(&key).is_none() {
                let user = MEMBERS[0].to_owned();
                scene.by(Role::Administrator, KeyIssued { user, key, certificate: "cc".into() });
            }
            let signs = last(scene, Kind::Recommendation)?;
            let signature = scene.statement(Role::CommitteeMember, Meaning::Approval, &signs);
            (Role::CommitteeMember, MEMBERS[0], signature.into())
        }
        10 => {
            let signs = last(scene, Kind::SponsorDecision)?;
            (Role::Sponsor, "sponsor", scene.statement(Role::Sponsor, Meaning::Approval, &signs).into())
        }
        _ => {
            let opened = CohortOpened { cohort: "B".into(), date: date("2020-02-01"), places: None };
            (Role::Sponsor, "sponsor", opened.into())
        }
    };
    Some(Event { recorded_by: user.into(), ..scene.event(role, fact) })
}

/// The test below sees whole courses: this one does.
#[test]
fn acts_taken_as_they_become_possible_open_the_cohort() {
    let mut scene = scene();
    for turn in 0..40 {
        for act in (0..12).rev() {
            // Two votes carry it too; this course waits for all three.
            if act == 7 {
                continue;
            }
            let Some(event) = attempt(&mut scene, act, turn % 3) else { continue };
            let now = event.recorded_at;
            if scene.conduct.record(event, &Context::at(now)).is_ok() {
                scene.now = now;
                break;
            }
        }
    }
    assert!(scene.conduct.is_cohort_open("B"));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(150))]

    /// Whatever is tried in whatever order by whomever, cohort B is open only where there stands a signed decision on a
    /// signed recommendation on votes on a packet on a cut.
    #[test]
    fn no_order_of_acts_opens_a_cohort_without_the_whole_course(
        acts in prop::collection::vec((0_usize..20, 0_usize..3), 1..60)
    ) {
        let mut scene = scene();
        for (act, who) in acts {
            // From 12 on: whatever can be done next, so that whole courses occur too.
            let tried: Vec<usize> = if act < 12 { vec![act] } else { (0..12).rev().collect() };
            for act in tried {
                let Some(event) = attempt(&mut scene, act, who) else { continue };
                let now = event.recorded_at;
                if scene.conduct.record(event, &Context::at(now)).is_ok() {
                    scene.now = now;
                    break;
                }
            }
        }
        if scene.conduct.is_cohort_open("B") {
            let review = review(&scene.conduct, 1);
            prop_assert!(review.next.is_none());
            let (recommended, decided) = (review.recommendation.unwrap().0, review.decision.unwrap().0);
            prop_assert!(scene.conduct.is_signed(&recommended.hash, Role::CommitteeMember, Meaning::Approval));
            prop_assert!(scene.conduct.is_signed(&decided.hash, Role::Sponsor, Meaning::Approval));
            let places = [review.cut.unwrap().0, review.packet.unwrap().0, review.meeting.unwrap().0, recommended, decided]
                .map(|entry| scene.conduct.position(&entry.hash));
            prop_assert!(places.is_sorted());
            prop_assert!(review.voted.len() >= 2);
        }
        prop_assert!(Conduct::replay(scene.conduct.chain()).is_ok());
    }
}
