//! What may be recorded when, and by whom.

#![allow(clippy::unwrap_used, clippy::panic)]

mod scene;

use jiff::Timestamp;
use posology_trial::conduct::{Conduct, Context, HoldInForce};
use posology_trial::event::*;
use posology_trial::permission::{Reach, allowed, reach};
use proptest::prelude::*;
use scene::*;

#[test]
fn a_record_begins_with_its_founding_and_its_founder_names_himself_administrator() {
    let mut scene = Scene::empty();
    scene.founding();
    assert_eq!(
        scene.refused(
            Role::Administrator,
            TrialFounded {
                trial: "T-1".into(),
                root_key: "00".into(),
                mode: Mode::Capture,
                except: Vec::new()
            }
        ),
        "trial/founded-once"
    );
    let mut other = Scene::empty();
    other.by(
        Role::Administrator,
        TrialFounded { trial: "T-1".into(), root_key: "00".into(), mode: Mode::Capture, except: Vec::new() },
    );
    let granted = RoleGranted { user: "mallory".into(), role: Role::Administrator, site: None };
    assert_eq!(other.refused(Role::Administrator, granted), "permission/granted");
}

#[test]
fn each_role_records_what_the_table_says_and_nothing_else() {
    // Every role with every kind: what `reach` refuses, `admit` refuses by permission.
    let scene = Scene::open();
    for role in Role::ALL {
        for kind in Kind::ALL {
            let offered = allowed(&scene.conduct, role.word(), role, Some("01")).contains(kind);
            assert_eq!(offered, reach(role, *kind) != Reach::Nowhere, "{} {}", role.word(), kind.word());
            let elsewhere = allowed(&scene.conduct, role.word(), role, Some("02")).contains(kind);
            assert_eq!(
                elsewhere,
                reach(role, *kind) == Reach::Trial && offered,
                "{} {}",
                role.word(),
                kind.word()
            );
            assert!(allowed(&scene.conduct, "nobody", role, Some("01")).is_empty());
        }
    }
    let visit: Visit = serde_json::from_value(serde_json::json!({ "subject": "S1" })).unwrap();
    for role in Role::ALL {
        let event = scene.event(role, visit.clone());
        let refusal = scene.conduct.admit(&event, &Context::at(event.recorded_at)).unwrap_err();
        let may = reach(role, Kind::Visit) != Reach::Nowhere;
        // Who may record visits is stopped only because S1 is not known.
        assert_eq!(refusal.rule, if may { "subject/known" } else { "permission/kind" }, "{role:?}");
    }
}

#[test]
fn only_the_sponsor_decides_only_members_vote_and_the_auditor_changes_nothing() {
    for kind in Kind::ALL {
        let who = |wanted: Reach| -> Vec<Role> {
            Role::ALL.into_iter().filter(|role| reach(*role, *kind) == wanted).collect()
        };
        match kind {
            Kind::SponsorDecision | Kind::CohortOpened => assert_eq!(who(Reach::Trial), [Role::Sponsor]),
            Kind::Sealed | Kind::Recommendation | Kind::Recusal => {
                assert_eq!(who(Reach::Trial), [Role::CommitteeMember]);
            }
            Kind::WrittenDirective => assert_eq!(who(Reach::Site), [Role::AuthorisedUser]),
            Kind::TrialFounded => assert!(who(Reach::Trial).is_empty() && who(Reach::Site).is_empty()),
            _ => {}
        }
        let audits = matches!(kind, Kind::Access | Kind::Exported);
        assert_eq!(reach(Role::Auditor, *kind) != Reach::Nowhere, audits, "{}", kind.word());
    }
}

#[test]
fn a_coordinator_records_patients_of_the_own_site_only() {
    let mut scene = Scene::open();
    assert_eq!(scene.refused(Role::SiteCoordinator, subject("S1", "02")), "permission/site");
    scene.by(Role::SiteCoordinator, subject("S1", "01"));
    assert_eq!(scene.refused(Role::SiteCoordinator, subject("S1", "01")), "subject/once");
    // The role withdrawn, nothing may be recorded.
    scene.by(
        Role::Administrator,
        RoleWithdrawn {
            user: "site-coordinator".into(),
            role: Role::SiteCoordinator,
            site: Some("01".into()),
            reason: "Left".into(),
        },
    );
    assert_eq!(scene.refused(Role::SiteCoordinator, subject("S2", "01")), "permission/granted");
}

#[test]
fn a_committee_member_is_not_also_investigator_or_sponsor() {
    let scene = Scene::open();
    let granted = |user: &str, role| RoleGranted { user: user.into(), role, site: None };
    for (user, role) in [
        ("sponsor", Role::CommitteeMember),
        ("committee-member", Role::Sponsor),
        ("investigator", Role::CommitteeMember),
    ] {
        assert_eq!(scene.refused(Role::Administrator, granted(user, role)), "people/independence");
    }
    let last = RoleWithdrawn {
        user: "administrator".into(),
        role: Role::Administrator,
        site: None,
        reason: "Leaves".into(),
    };
    assert_eq!(scene.refused(Role::Administrator, last), "people/an-administrator-remains");
}

#[test]
fn a_site_works_under_a_version_after_its_approvals_and_the_sponsors_signature() {
    let mut scene = Scene::peopled();
    let release =
        || SiteReleased { site: "01".into(), protocol_version: "1.0".into(), date: date("2020-02-01") };
    let approval = |by| SiteApproved {
        site: "01".into(),
        protocol_version: "1.0".into(),
        by,
        date: date("2020-02-01"),
        reference: None,
    };
    assert_eq!(scene.refused(Role::Sponsor, release()), "protocol/adopted");
    scene.by(Role::Sponsor, adoption(PROTOCOL));
    assert_eq!(scene.refused(Role::Sponsor, release()), "site/released-version-signed");
    scene.sign(Role::Sponsor, Meaning::Approval);
    assert_eq!(scene.refused(Role::Sponsor, release()), "site/released-after-approvals");
    scene.by(Role::SiteCoordinator, approval(ApprovalBy::EthicsCommittee));
    assert_eq!(scene.refused(Role::Sponsor, release()), "site/released-after-approvals");
    scene.by(Role::SiteCoordinator, approval(ApprovalBy::RadiationSafety));
    let open = || CohortOpened { cohort: "A".into(), date: date("2020-02-01"), places: None };
    assert_eq!(scene.refused(Role::Sponsor, open()), "cohort/approvals");
    scene.by(Role::Sponsor, release());
    assert_eq!(scene.refused(Role::Sponsor, CohortOpened { cohort: "B".into(), ..open() }), "cohort/first");
    scene.by(Role::Sponsor, open());
}

#[test]
fn enrolment_asks_for_screening_eligibility_an_open_cohort_a_free_place_and_time_between() {
    let mut scene = Scene::open();
    let enrol =
        |scene: &Scene, id: &str, cohort: &str| scene.refused(Role::SiteCoordinator, enrolment(id, cohort));
    scene.by(Role::SiteCoordinator, subject("S1", "01"));
    assert_eq!(
        scene.refused(Role::Investigator, eligibility("S1", true, &[("age", true)])),
        "eligibility/screened"
    );
    scene.by(
        Role::SiteCoordinator,
        Screening { subject: "S1".into(), date: date("2020-02-01"), protocol_version: "1.0".into() },
    );
    assert_eq!(enrol(&scene, "S1", "A"), "enrolment/eligible");
    assert_eq!(
        scene.refused(Role::Investigator, eligibility("S1", true, &[("age", false)])),
        "eligibility/no-waiver"
    );
    scene.by(Role::Investigator, eligibility("S1", false, &[("age", false)]));
    assert_eq!(enrol(&scene, "S1", "A"), "enrolment/eligible");
    scene.by(Role::Investigator, eligibility("S1", true, &[("age", true)]));
    assert_eq!(enrol(&scene, "S1", "B"), "cohort/open");
    scene.by(Role::SiteCoordinator, enrolment("S1", "A"));
    assert_eq!(enrol(&scene, "S1", "A"), "enrolment/once");
    // Seven days between patients: sooner needs a reason, and then stands with a flag.
    scene.eligible("S2");
    assert_eq!(enrol(&scene, "S2", "A"), "enrolment/staggered");
    let mut event = scene.event(Role::SiteCoordinator, enrolment("S2", "A"));
    event.reason = Some("The medical monitor agreed by telephone".into());
    scene.take(event);
    let flag = scene.conduct.flags().last().unwrap();
    assert_eq!((flag.rule, flag.subject.as_deref()), ("enrolment/staggered", Some("S2")));
    let later = |id: &str| Enrolment { date: date("2020-02-01"), ..enrolment(id, "A") };
    scene.now = "2020-03-01T08:00:00Z".parse().unwrap();
    scene.eligible("S3");
    scene.by(Role::SiteCoordinator, Enrolment { date: date("2020-03-01"), ..later("S3") });
    scene.eligible("S4");
    assert_eq!(enrol(&scene, "S4", "A"), "cohort/room");
}

#[test]
fn a_gate_of_the_regimen_must_be_judged_and_met() {
    let mut scene = Scene::open();
    scene.subject("S1");
    let high = Eligibility { regimen: Some("high".into()), ..eligibility("S1", true, &[("age", true)]) };
    assert_eq!(scene.refused(Role::Investigator, high.clone()), "eligibility/gates");
    let judged = |met| Eligibility {
        criteria: vec![Criterion { id: "stem-cells".into(), met, evidence: None }],
        ..high.clone()
    };
    assert_eq!(scene.refused(Role::Investigator, judged(false)), "eligibility/no-waiver");
    scene.by(Role::Investigator, judged(true));
}

#[test]
fn a_kept_place_is_not_given_to_another_until_it_expires() {
    let mut scene = Scene::open();
    let slot = |slot: &str, subject: &str, at| SlotRequested {
        slot: slot.into(),
        cohort: "A".into(),
        site: "01".into(),
        subject: Some(subject.into()),
        at,
    };
    for (id, subject) in [("P1", "S1"), ("P2", "S2"), ("P3", "S3")] {
        scene.eligible(subject);
        let at = scene.now;
        scene.by(Role::SiteCoordinator, slot(id, subject, at));
        scene.by(
            Role::Sponsor,
            SlotConfirmed { slot: id.into(), until: "2020-02-10T00:00:00Z".parse().unwrap() },
        );
    }
    scene.eligible("S4");
    assert_eq!(scene.refused(Role::SiteCoordinator, slot("P4", "S4", scene.now)), "cohort/room");
    assert_eq!(scene.refused(Role::SiteCoordinator, enrolment("S4", "A")), "cohort/room");
    // Who has the place may enrol; after the time it is free.
    scene.by(Role::SiteCoordinator, enrolment("S1", "A"));
    scene.now = "2020-02-10T00:00:00Z".parse().unwrap();
    scene.by(Role::SiteCoordinator, Enrolment { date: date("2020-02-10"), ..enrolment("S4", "A") });
}

#[test]
fn a_replacement_stands_for_someone_judged_not_evaluable_by_another_person() {
    let mut scene = Scene::open();
    for (id, day) in [("S1", "2020-02-01"), ("S2", "2020-02-11"), ("S3", "2020-02-21")] {
        scene.now = format!("{day}T08:00:00Z").parse::<Timestamp>().unwrap().max(scene.now);
        scene.eligible(id);
        scene.by(Role::SiteCoordinator, Enrolment { date: date(day), ..enrolment(id, "A") });
    }
    scene.now = "2020-03-11T08:00:00Z".parse().unwrap();
    scene.eligible("S4");
    let instead = Enrolment { date: date("2020-03-11"), replaces: Some("S2".into()), ..enrolment("S4", "A") };
    assert_eq!(scene.refused(Role::SiteCoordinator, instead.clone()), "enrolment/replaces");
    let judgement = EvaluabilityJudgement {
        subject: "S2".into(),
        evaluable: false,
        reason: "Withdrew consent on day 5".into(),
        adjudicator: "The medical-monitor".into(),
        date: date("2020-03-10"),
    };
    let other = EvaluabilityJudgement { adjudicator: "Somebody else".into(), ..judgement.clone() };
    assert_eq!(scene.refused(Role::MedicalMonitor, other), "evaluability/adjudicator");
    scene.by(Role::MedicalMonitor, judgement);
    scene.by(Role::SiteCoordinator, instead);
    scene.now = "2020-03-21T08:00:00Z".parse().unwrap();
    scene.eligible("S5");
    let twice = Enrolment { date: date("2020-03-21"), replaces: Some("S2".into()), ..enrolment("S5", "A") };
    assert_eq!(scene.refused(Role::SiteCoordinator, twice), "enrolment/replaces");
}

#[test]
fn a_hold_in_force_stops_enrolment() {
    let mut scene = Scene::open();
    scene.eligible("S1");
    let event = scene.event(Role::SiteCoordinator, enrolment("S1", "A"));
    let hold = |regimen: Option<&str>| Context {
        now: event.recorded_at,
        holds: vec![HoldInForce {
            hold: "related-death".into(),
            regimen: regimen.map(str::to_owned),
            says: "A related death".into(),
        }],
    };
    assert_eq!(scene.conduct.admit(&event, &hold(None)).unwrap_err().rule, "hold/in-force");
    assert_eq!(scene.conduct.admit(&event, &hold(Some("low"))).unwrap_err().rule, "hold/in-force");
    assert!(scene.conduct.admit(&event, &hold(Some("high"))).is_ok());
}

#[test]
fn the_next_cohort_is_opened_by_nothing_but_a_signed_decision() {
    let scene = Scene::open();
    let next = CohortOpened { cohort: "B".into(), date: date("2020-02-01"), places: None };
    assert_eq!(scene.refused(Role::Sponsor, next.clone()), "cohort/opened-by-decision");
    for role in Role::ALL.into_iter().filter(|role| *role != Role::Sponsor) {
        assert_eq!(scene.refused(role, next.clone()), "permission/kind");
    }
}

#[test]
fn a_signature_is_of_the_person_who_records_it_with_a_key_in_force() {
    let mut scene = Scene::open();
    let adopted = scene.conduct.adopted()[0].hash.clone();
    let statement = |scene: &Scene, role, meaning| scene.statement(role, meaning, &adopted);
    assert_eq!(
        scene.refused(Role::Sponsor, statement(&scene, Role::Sponsor, Meaning::Approval)),
        "signature/once"
    );
    assert_eq!(
        scene.refused(Role::Statistician, statement(&scene, Role::Sponsor, Meaning::Review)),
        "signature/statement"
    );
    assert_eq!(
        scene.refused(Role::Statistician, statement(&scene, Role::Statistician, Meaning::Review)),
        "signature/key"
    );
    let key = Scene::key_of(Role::Sponsor);
    scene.by(Role::Administrator, KeyRevoked { key: key.clone(), reason: "Lost".into() });
    assert_eq!(
        scene.refused(Role::Sponsor, statement(&scene, Role::Sponsor, Meaning::Review)),
        "signature/key"
    );
    assert_eq!(
        scene.refused(
            Role::Administrator,
            KeyIssued { user: "sponsor".into(), key, certificate: "cc".into() }
        ),
        "people/key-issued-once"
    );
    // What was signed before stays signed.
    assert!(scene.conduct.is_signed(&adopted, Role::Sponsor, Meaning::Approval));
}

#[test]
fn clocks_run_forward_and_nothing_has_happened_tomorrow() {
    let mut scene = Scene::open();
    scene.subject("S1");
    let mut event = scene.event(Role::SiteCoordinator, subject("S2", "01"));
    let now = event.recorded_at;
    event.recorded_at = now.checked_add(jiff::SignedDuration::from_hours(1)).unwrap();
    assert_eq!(scene.conduct.admit(&event, &Context::at(now)).unwrap_err().rule, "event/clock");
    event.recorded_at = "2020-01-31T00:00:00Z".parse().unwrap();
    assert_eq!(scene.conduct.admit(&event, &Context::at(now)).unwrap_err().rule, "event/clock");
    let tomorrow = Visit {
        start: Some("2020-02-04".parse().unwrap()),
        ..serde_json::from_value(serde_json::json!({ "subject": "S1" })).unwrap()
    };
    assert_eq!(scene.refused(Role::SiteCoordinator, tomorrow), "event/in-the-future");
}

#[test]
fn a_correction_replaces_a_standing_event_of_its_kind_and_the_rules_see_the_corrected_fact() {
    let mut scene = Scene::open();
    scene.subject("S1");
    let judged = scene.by(Role::Investigator, eligibility("S1", true, &[("age", true)]));
    let correct = |scene: &Scene, hash: &str, reason: &str| {
        let mut event = scene.event(Role::Investigator, eligibility("S1", false, &[("age", false)]));
        event.corrects = Some(Correction { hash: hash.into(), reason: reason.into() });
        event
    };
    let rule = |scene: &Scene, event: &Event| {
        scene.conduct.admit(event, &Context::at(event.recorded_at)).unwrap_err().rule
    };
    assert_eq!(rule(&scene, &correct(&scene, &judged, " ")), "event/correction");
    assert_eq!(rule(&scene, &correct(&scene, GENESIS, "Wrong")), "event/correction");
    let corrected = correct(&scene, &judged, "The birth date was misread");
    scene.take(corrected);
    assert_eq!(scene.refused(Role::SiteCoordinator, enrolment("S1", "A")), "enrolment/eligible");
    assert_eq!(rule(&scene, &correct(&scene, &judged, "Again")), "event/correction");
}

#[test]
fn an_amendment_keeps_ids_and_the_site_works_on_under_the_old_version_until_released() {
    let mut scene = Scene::open();
    scene.eligible("S1");
    scene.by(Role::SiteCoordinator, enrolment("S1", "A"));
    assert_eq!(scene.refused(Role::Sponsor, adoption(PROTOCOL)), "protocol/version-once");
    let amended = PROTOCOL
        .replace("id = \"1.0\"\ndate = 2020-01-01", "id = \"2.0\"\ndate = 2020-02-01")
        .replace("reason = \"First\"", "reason = \"More\"")
        .replace(
            "[product]",
            "[[amendment]]\nversion = \"1.0\"\ndate = 2020-01-01\nreason = \"First\"\n[product]",
        );
    let other_activity = amended.replace("\"10 mCi/m2\"", "\"12 mCi/m2\"");
    assert_eq!(scene.refused(Role::Sponsor, adoption(&other_activity)), "protocol/ids-are-kept");
    let mut broken = adoption(&amended);
    broken.text.push('\n');
    assert_eq!(scene.refused(Role::Sponsor, broken), "protocol/bytes");
    scene.by(Role::Sponsor, adoption(&amended));
    scene.eligible("S2");
    assert_eq!(scene.conduct.version_at("01"), Some("1.0"));
    let screening =
        Screening { subject: "S2".into(), date: date("2020-02-01"), protocol_version: "2.0".into() };
    assert_eq!(scene.refused(Role::SiteCoordinator, screening), "site/version");
    assert_eq!(scene.conduct.assignment("S1"), Some(("A", "low", "1.0")));
}

#[test]
fn a_replayed_chain_is_the_conduct_that_wrote_it() {
    let mut scene = Scene::open();
    scene.eligible("S1");
    scene.by(Role::SiteCoordinator, enrolment("S1", "A"));
    let text = scene.conduct.chain().write();
    let chain = Chain::read(&text).unwrap();
    let replayed = Conduct::replay(&chain).unwrap();
    assert_eq!(replayed.chain(), scene.conduct.chain());
    assert_eq!(replayed.flags(), scene.conduct.flags());
    // An enrolment moved before its eligibility would not replay, though its hashes were made to follow.
    let mut forged = Chain::default();
    let mut events: Vec<Event> = chain.entries().iter().map(|entry| entry.event.clone()).collect();
    let count = events.len();
    events.swap(count - 1, count - 2);
    let (first, second) = (events[count - 1].recorded_at, events[count - 2].recorded_at);
    events[count - 1].recorded_at = second;
    events[count - 2].recorded_at = first;
    for event in events {
        forged.append(event).unwrap();
    }
    let illegal = Conduct::replay(&forged).unwrap_err();
    assert_eq!((illegal.position, illegal.refusal.rule), (count - 1, "enrolment/eligible"));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    /// Whatever is tried in whatever order, by whomever: what was admitted replays, and no cohort has more patients
    /// than places, nobody without eligibility, no cohort but the first without a signed decision.
    #[test]
    fn no_order_of_acts_enrols_the_ineligible_or_overfills_a_cohort(
        acts in prop::collection::vec((0_usize..9, 0_usize..5, 0_usize..10), 1..60)
    ) {
        let mut scene = Scene::open();
        for (act, who, role) in acts {
            let id = format!("S{who}");
            let role = Role::ALL[role];
            let on = scene.now.to_zoned(jiff::tz::TimeZone::UTC).date();
            let fact: Fact = match act {
                0 => subject(&id, "01").into(),
                1 => Screening { subject: id, date: on, protocol_version: "1.0".into() }.into(),
                2 => Eligibility { date: on, ..eligibility(&id, true, &[("age", true)]) }.into(),
                3 => Eligibility { date: on, ..eligibility(&id, false, &[("age", false)]) }.into(),
                4 | 5 => Enrolment { date: on, ..enrolment(&id, "A") }.into(),
                6 => Enrolment { date: on, ..enrolment(&id, "B") }.into(),
                7 => CohortOpened { cohort: "B".into(), date: on, places: None }.into(),
                _ => CohortOpened { cohort: "A".into(), date: on, places: Some(1) }.into(),
            };
            let mut event = scene.event(role, fact);
            event.recorded_at = event.recorded_at.checked_add(jiff::SignedDuration::from_hours(200)).unwrap();
            let now = event.recorded_at;
            let _ = scene.conduct.record(event, &Context::at(now));
            scene.now = now;
        }
        prop_assert!(scene.conduct.patients_in("A") <= scene.conduct.places_offered("A"));
        prop_assert_eq!(scene.conduct.patients_in("B"), 0);
        prop_assert!(!scene.conduct.is_cohort_open("B"));
        for (enrolled, entry) in scene.conduct.enrolled("A") {
            let judged = scene
                .conduct
                .of_subject(&enrolled.subject, Kind::Eligibility)
                .rfind(|judged| judged.event.recorded_at < entry.event.recorded_at);
            prop_assert!(
                matches!(judged.map(|judged| &judged.event.fact), Some(Fact::Eligibility(judged)) if judged.eligible)
            );
        }
        let replayed = Conduct::replay(scene.conduct.chain());
        prop_assert!(replayed.is_ok());
    }
}

#[test]
fn nobody_records_the_access_of_another() {
    let scene = Scene::open();
    let access = |user: &str, kind| Access { user: user.into(), kind, detail: None };
    let admit = |role: Role, fact: Access| {
        let event = scene.event(role, fact);
        scene.conduct.admit(&event, &Context::at(event.recorded_at)).map_err(|refusal| refusal.rule)
    };
    assert!(admit(Role::Sponsor, access("sponsor", AccessKind::Refused)).is_ok());
    assert_eq!(admit(Role::Sponsor, access("auditor", AccessKind::Refused)), Err("people/access"));
    assert!(admit(Role::Administrator, access("sponsor", AccessKind::Unlocked)).is_ok());
    assert_eq!(admit(Role::Sponsor, access("sponsor", AccessKind::Unlocked)), Err("people/access"));
}
