//! A randomised comparison after escalation: who is allocated where, who may be enrolled, and what the rule chooses.

#![allow(missing_docs, clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]

mod scene;

use jiff::ToSpan as _;
use jiff::civil::{Date, date as day};
use posology_design::randomised::{Outcomes, Settings, Stratum};
use posology_trial::analysis::Analysis;
use posology_trial::board::Board;
use posology_trial::cut::Cut;
use posology_trial::event::*;
use posology_trial::protocol::Protocol;
use posology_trial::randomisation::{Place, block, seed_sha256, unlike};
use proptest::prelude::*;
use scene::{PROTOCOL, Scene, eligibility, enrolment};
use serde_json::{Value, json};

const SEED: &str = "correct horse battery staple";

/// Arms of five; without escalation cohorts, so that the first arm opens at once.
const PART: &str = r#"
[randomised]
seed-sha256 = "c4bbcb1fbec99d65bf59d85c8cb62ee2db963f0fe106f483d9afa73bd4e39a8a"
seed-held-by = "The independent statistician"
outcome-day = 29
[randomised.comparison]
arms = ["A", "B"]
patients = 5
block-sizes = [2, 4]
strata = [{ name = "Earlier lines", categories = ["1-2", "3 or more"] }]
[[randomised.tolerability]]
id = "vomiting-2"
text = "Vomiting of grade 2 or worse"
adverse-event = { terms = ["Vomiting"], grade-at-least = 2 }
[[randomised.truth]]
name = "as active, better tolerated"
arm = [{ efficacy = 0.4, toxicity = 0.1 }, { efficacy = 0.4, toxicity = 0.4 }]
"#;

fn protocol() -> String {
    let text = PROTOCOL.replace("planned = 3", "planned = 5").replace("total = 6", "total = 20");
    format!("{text}{PART}")
}

fn settings(arms: usize, sizes: &[u32]) -> Settings {
    Settings {
        arms: (0..arms).map(|arm| format!("R{arm}")).collect(),
        block_sizes: sizes.to_vec(),
        ..Settings::default()
    }
}

/// Source: numpy 2, numpy.random.Philox with the key from hashlib.sha256, and the shuffle written out in Python.
#[test]
fn the_list_of_a_seed_is_the_one_that_another_program_computes() {
    let of = |stratum, arms, sizes: &[u32], blocks: u32| -> Vec<Vec<usize>> {
        (1..=blocks).map(|number| block("T-1", SEED, &settings(arms, sizes), stratum, number)).collect()
    };
    assert_eq!(of(0, 2, &[2, 4], 4), [vec![0, 1, 0, 1], vec![0, 1, 1, 0], vec![0, 1], vec![1, 0]]);
    assert_eq!(of(1, 2, &[2, 4], 4), [vec![1, 0], vec![0, 1], vec![1, 0], vec![0, 0, 1, 1]]);
    assert_eq!(of(0, 3, &[6], 2), [vec![2, 1, 2, 0, 0, 1], vec![2, 1, 2, 1, 0, 0]]);
    assert_eq!(
        seed_sha256(&format!("{SEED}\n")),
        "c4bbcb1fbec99d65bf59d85c8cb62ee2db963f0fe106f483d9afa73bd4e39a8a"
    );
}

proptest! {
    #[test]
    fn in_each_block_every_arm_comes_equally_often_and_places_follow_one_another(
        seed in ".{0,20}", arms in 2_usize..4, times in 1_u32..4, stratum in 0_u64..6
    ) {
        let settings = settings(arms, &[times * arms as u32, 2 * times * arms as u32]);
        let mut taken = 0;
        for number in 1..4 {
            let order = block("T", &seed, &settings, stratum, number);
            for arm in 0..arms {
                prop_assert_eq!(order.iter().filter(|one| **one == arm).count() * arms, order.len());
            }
            for (place, arm) in order.iter().enumerate() {
                let next = Place::next("T", &seed, &settings, stratum, taken).unwrap();
                prop_assert_eq!((next.block, next.position, next.arm), (number, place as u32 + 1, *arm));
                taken += 1;
            }
        }
    }
}

/// With both arms open.
fn scene() -> Scene {
    let mut scene = Scene::open_with(&protocol());
    scene.by(
        Role::Sponsor,
        CohortOpened { cohort: "B".into(), date: scene::date("2020-02-01"), places: None },
    );
    scene
}

fn ready(scene: &mut Scene, id: &str) {
    scene.subject(id);
    scene.by(Role::Investigator, eligibility(id, true, &[("age", true), ("stem-cells", true)]));
}

fn allocation(subject: &str, arm: &str, stratum: &str, block: u32, position: u32) -> Randomisation {
    Randomisation {
        subject: subject.into(),
        arm: arm.into(),
        stratum: vec![stratum.into()],
        block,
        position,
        date: scene::date("2020-02-01"),
        seed_sha256: seed_sha256(SEED),
    }
}

#[test]
fn a_subject_is_allocated_the_next_place_of_the_stratum_once_and_enrolled_there_alone() {
    let mut scene = scene();
    scene.subject("P-01");
    let first = allocation("P-01", "A", "1-2", 1, 1);
    assert_eq!(scene.refused(Role::Statistician, first.clone()), "enrolment/eligible");
    scene.by(Role::Investigator, eligibility("P-01", true, &[("age", true)]));
    // Eligible for the lower arm only: the gate of the higher was not judged.
    assert_eq!(scene.refused(Role::Statistician, first.clone()), "enrolment/eligible");
    scene.by(Role::Investigator, eligibility("P-01", true, &[("age", true), ("stem-cells", true)]));
    assert_eq!(scene.refused(Role::SiteCoordinator, enrolment("P-01", "A")), "enrolment/as-randomised");
    for (wrong, rule) in [
        (allocation("P-01", "C", "1-2", 1, 1), "randomisation/arm"),
        (allocation("P-01", "A", "4", 1, 1), "randomisation/stratum"),
        (allocation("P-01", "A", "1-2", 1, 2), "randomisation/next"),
        (allocation("P-01", "A", "1-2", 2, 1), "randomisation/next"),
        (Randomisation { seed_sha256: seed_sha256("another"), ..first.clone() }, "randomisation/seed"),
    ] {
        assert_eq!(scene.refused(Role::Statistician, wrong), rule);
    }
    scene.by(Role::Statistician, first.clone());
    assert_eq!(scene.refused(Role::Statistician, allocation("P-01", "A", "1-2", 1, 2)), "randomisation/once");
    assert_eq!(scene.refused(Role::SiteCoordinator, enrolment("P-01", "B")), "enrolment/as-randomised");
    scene.by(Role::SiteCoordinator, enrolment("P-01", "A"));
    ready(&mut scene, "P-02");
    assert_eq!(scene.refused(Role::Statistician, allocation("P-02", "A", "1-2", 1, 1)), "randomisation/next");
    // Each stratum has a list of its own.
    scene.by(Role::Statistician, allocation("P-02", "B", "3 or more", 1, 1));
}

#[test]
fn only_who_holds_the_seed_s_role_allocates() {
    use posology_trial::permission::{Reach, reach};
    for role in Role::ALL {
        let expected = if role == Role::Statistician { Reach::Trial } else { Reach::Nowhere };
        assert_eq!(reach(role, Kind::Randomisation), expected, "{role:?}");
    }
}

#[test]
fn an_allocation_that_the_seed_does_not_give_is_found_afterwards() {
    let (protocol, _) = Protocol::read(&protocol()).unwrap();
    // The list of stratum 1-2 begins A B A B, that of 3 or more B A.
    let made = [
        allocation("P-01", "A", "1-2", 1, 1),
        allocation("P-02", "B", "3 or more", 1, 1),
        allocation("P-03", "A", "1-2", 1, 2),
    ];
    let found = unlike(&protocol, SEED, &made.iter().collect::<Vec<_>>());
    assert_eq!(found, ["P-03: recorded arm A, block 1, place 2; the seed gives arm B, block 1, place 2"]);
    assert_eq!(unlike(&protocol, "another", &[&made[0], &made[1]]).len(), 2);
}

#[test]
fn the_board_counts_the_randomised_of_each_arm_and_says_nothing_without_arms() {
    let mut scene = scene();
    ready(&mut scene, "P-01");
    scene.by(Role::Statistician, allocation("P-01", "A", "1-2", 1, 1));
    let chain = scene.conduct.chain();
    let cut = Cut::freeze(chain, None).unwrap();
    let (protocol, _) = Protocol::read(&protocol()).unwrap();
    let analysis = Analysis::of(&protocol, "", chain, &cut).unwrap();
    let board = Board::of(&scene.conduct, &analysis, Vec::new(), scene.now);
    let arms: Vec<(&str, u32, u32)> =
        board.arms.iter().map(|arm| (arm.cohort.as_str(), arm.randomised, arm.planned)).collect();
    assert_eq!(arms, [("A", 1, 5), ("B", 0, 5)]);
    assert!(board.awaited.iter().any(|one| one.what == "enrolment: randomised to A"), "{:?}", board.awaited);
    let mut none = Scene::open();
    none.subject("P-01");
    let cut = Cut::freeze(none.conduct.chain(), None).unwrap();
    let analysis =
        Analysis::of(&Protocol::read(PROTOCOL).unwrap().0, "", none.conduct.chain(), &cut).unwrap();
    let board = serde_json::to_value(Board::of(&none.conduct, &analysis, Vec::new(), none.now)).unwrap();
    assert_eq!(board.get("arms"), None);
}

const FIRST: Date = day(2020, 3, 2);

fn fact(kind: &str, body: Value) -> Fact {
    serde_json::from_value(json!({ "type": kind, "body": body })).unwrap()
}

/// A patient of an arm, or without one a patient of the same regimen before; with a response, an event, and the last day seen.
fn patient(id: &str, cohort: &str, arm: Option<&str>, response: bool, event: bool, seen: i64) -> Vec<Fact> {
    let on = |days: i64| (FIRST + days.days()).to_string();
    let mut facts = vec![
        fact("subject/1", json!({ "subject": id, "arm": cohort })),
        fact("administration/1", json!({ "subject": id, "treatment": "X", "fraction": 1, "start": on(0) })),
        fact("visit/1", json!({ "subject": id, "start": on(seen) })),
    ];
    if let Some(arm) = arm {
        let made = allocation(id, arm, "1-2", 1, 1);
        facts.push(Fact::Randomisation(made));
    }
    for (days, category) in [(0, "NE"), (10, "PR"), (20, "PR")] {
        let category = if response || category == "NE" { category } else { "SD" };
        if days <= seen {
            facts.push(fact(
                "response-assessment/1",
                json!({ "subject": id, "test": "OVRLRESP", "response": category, "criteria": "IMWG", "at": on(days) }),
            ));
        }
    }
    if event {
        facts.push(fact(
            "adverse-event/1",
            json!({ "subject": id, "key": "1", "term": "Vomiting", "verbatim": "Vomiting", "grade": 2, "start": on(5) }),
        ));
    }
    facts
}

/// Five patients an arm: with `low` and `high` (response, event).
fn analysed(text: &str, low: [(bool, bool); 5], high: [(bool, bool); 5], more: Vec<Fact>) -> Analysis {
    let mut chain = Chain::default();
    let arms = [("A", low), ("B", high)];
    let facts = arms.iter().flat_map(|(arm, outcomes)| {
        outcomes.iter().enumerate().flat_map(move |(number, (response, event))| {
            patient(&format!("{arm}-{number}"), arm, Some(arm), *response, *event, 40)
        })
    });
    for fact in facts.chain(more) {
        chain.append(Event::new("2021-01-01T00:00:00Z".parse().unwrap(), "test", fact)).unwrap();
    }
    let (protocol, _) = Protocol::read(text).unwrap();
    let cut = Cut::freeze(&chain, None).unwrap();
    Analysis::of(&protocol, &sha256(text.as_bytes()), &chain, &cut).unwrap()
}

const LOW: [(bool, bool); 5] = [(true, false), (true, false), (false, false), (false, false), (false, true)];
const HIGH: [(bool, bool); 5] = [(true, false), (true, true), (true, true), (false, true), (false, true)];

/// Source: worked by hand. Utilities 100, 60, 40 and 0 for response only, both, neither and event only: the lower arm has
/// (2 * 100 + 2 * 40 + 0) / 5 = 56, the higher (100 + 2 * 60 + 0) / 5 = 44.
#[test]
fn the_rule_chooses_by_the_observed_utilities_once_nothing_is_awaited() {
    let comparison = analysed(&protocol(), LOW, HIGH, Vec::new()).comparison().unwrap();
    let (low, high) = (&comparison.arms[0], &comparison.arms[1]);
    assert_eq!(low.outcomes, Outcomes { none: 2, efficacy_only: 2, toxicity_only: 1, both: 0 });
    assert_eq!(high.outcomes, Outcomes { none: 0, efficacy_only: 1, toxicity_only: 2, both: 2 });
    let choice = comparison.choice.unwrap();
    assert_eq!((choice.arm, choice.name.as_str()), (1, "A"));
    assert_eq!(choice.utilities, [56.0, 44.0]);
    assert!(choice.because.iter().any(|because| because.says.contains("not powered")));
    let (name, exact) = &comparison.characteristics[0];
    assert_eq!(name, "as active, better tolerated");
    assert!((exact.choose.iter().sum::<f64>() - 1.0).abs() < 1e-12 && exact.p_best > 0.5);
}

#[test]
fn while_a_patient_is_pending_nothing_is_chosen_and_the_patient_is_named() {
    let mut facts = patient("A-5", "A", Some("A"), false, false, 12);
    facts.push(fact("visit/1", json!({ "subject": "A-0", "start": (FIRST + 60.days()).to_string() })));
    let comparison = analysed(&protocol(), LOW, HIGH, facts).comparison().unwrap();
    assert!(comparison.choice.is_none());
    assert_eq!(comparison.arms[0].pending, [("A-5".to_owned(), "the rest of the DLT window".to_owned())]);
    assert_eq!(comparison.awaits, ["arm A: the outcome of 1 patients"]);
}

#[test]
fn who_left_inside_the_window_counts_against_tolerability() {
    let mut facts = patient("A-5", "A", Some("A"), false, false, 12);
    facts.push(fact(
        "disposition/1",
        json!({ "subject": "A-5", "term": "Left", "standard": "WITHDRAWAL BY SUBJECT", "scope": "STUDY PARTICIPATION",
                "category": "DISPOSITION EVENT", "at": (FIRST + 13.days()).to_string() }),
    ));
    let comparison = analysed(&protocol(), LOW, HIGH, facts).comparison().unwrap();
    assert_eq!(
        comparison.arms[0].outcomes,
        Outcomes { none: 2, efficacy_only: 2, toxicity_only: 2, both: 0 }
    );
}

/// Source: worked by hand. Three more patients with response and event in the higher arm's regimen: (280 + 3 * 60) / 8 = 50 is
/// not pooled unless declared; five with a response alone would make it (220 + 500) / 10 = 72.
#[test]
fn backfill_patients_are_pooled_only_where_the_protocol_declares_it() {
    let text = protocol().replace(
        "[[cohort]]\nid = \"B\"",
        "[[cohort]]\nid = \"E\"\nregimen = \"high\"\nplanned = 3\n[[cohort]]\nid = \"B\"",
    );
    let before: Vec<Fact> =
        (0..5).flat_map(|number| patient(&format!("E-{number}"), "E", None, true, false, 40)).collect();
    let apart = analysed(&text, LOW, HIGH, before.clone()).comparison().unwrap();
    assert_eq!(apart.arms[1].backfill.patients(), 5);
    assert_eq!(apart.choice.unwrap().utilities, [56.0, 44.0]);
    let text = text.replace("patients = 5\nblock", "patients = 5\npool-backfill = true\nblock");
    let pooled = analysed(&text, LOW, HIGH, before).comparison().unwrap();
    let choice = pooled.choice.unwrap();
    assert_eq!((choice.arm, choice.utilities.as_slice()), (2, [56.0, 72.0].as_slice()));
}

#[test]
fn patients_of_an_arm_are_none_of_the_escalation_s() {
    // A 3+3 design would refuse ten patients at two levels with five each.
    let analysis = analysed(&protocol(), LOW, HIGH, Vec::new());
    assert!(analysis.cohorts.iter().all(|cohort| cohort.advice.is_none()));
}

#[test]
fn a_death_in_an_arm_meets_the_holds_of_the_protocol() {
    let quiet = analysed(&protocol(), LOW, HIGH, Vec::new());
    assert!(quiet.cohorts.iter().all(|cohort| quiet.holds_of(cohort).is_empty()));
    let death = fact("death/1", json!({ "subject": "B-1", "at": (FIRST + 39.days()).to_string() }));
    let analysis = analysed(&protocol(), LOW, HIGH, vec![death]);
    let met = analysis.holds_of(analysis.cohort("A").unwrap());
    assert_eq!(met.iter().map(|met| met.patients.as_slice()).collect::<Vec<_>>(), [["B-1".to_owned()]]);
}

#[test]
fn what_contradicts_itself_in_randomised_is_refused_with_its_place() {
    for (from, to, path) in [
        ("arms = [\"A\", \"B\"]", "arms = [\"A\", \"Z\"]", "randomised.comparison.arms[1]"),
        ("arms = [\"A\", \"B\"]", "arms = [\"B\", \"A\"]", "randomised.comparison.arms[1]"),
        ("patients = 5\nblock", "patients = 6\nblock", "randomised.comparison.arms[0]"),
        ("block-sizes = [2, 4]", "block-sizes = [3]", "randomised.comparison.block-sizes"),
        ("block-sizes = [2, 4]\nstrata", "x-strata", "randomised.comparison.x-strata"),
        ("seed-sha256 = \"c4", "seed-sha256 = \"C4", "randomised.seed-sha256"),
        ("outcome-day = 29", "outcome-day = 0", "randomised.outcome-day"),
        (
            "efficacy = 0.4, toxicity = 0.1",
            "efficacy = 1.4, toxicity = 0.1",
            "randomised.truth[0].arm[0].efficacy",
        ),
        ("arm = [{ efficacy = 0.4, toxicity = 0.1 }, ", "arm = [", "randomised.truth[0].arm"),
    ] {
        let text = protocol().replace(from, to);
        assert_ne!(text, protocol(), "{from}");
        let problems = Protocol::read(&text).unwrap_err();
        let paths: Vec<&str> = problems.as_slice().iter().map(|problem| problem.path.as_str()).collect();
        assert!(paths.contains(&path), "{to}: {problems}");
    }
}

#[test]
fn strata_without_categories_of_a_factor_have_no_number() {
    let strata = vec![Stratum { name: "Lines".into(), categories: vec!["1-2".into(), "3".into()] }];
    let settings = Settings { strata, ..settings(2, &[2]) };
    assert_eq!(posology_trial::randomisation::stratum_number(&settings, &[]), None);
}

/// Source: counted by hand. Days 6 to 10 and 8 to 12 are seven days; grade 3 counts for nothing; the last is still running when
/// the patient is last seen, on day 41: 39 to 41.
#[test]
fn days_of_low_grade_toxicity_count_once_each_until_the_patient_was_last_seen() {
    let event = |key: &str, grade: u8, start: i64, end: Option<i64>| {
        fact(
            "adverse-event/1",
            json!({ "subject": "A-0", "key": key, "term": "Fatigue", "verbatim": "Fatigue", "grade": grade,
                    "start": (FIRST + start.days()).to_string(), "end": end.map(|end| (FIRST + end.days()).to_string()) }),
        )
    };
    let more = vec![
        event("a", 1, 5, Some(9)),
        event("b", 2, 7, Some(11)),
        event("c", 3, 20, Some(30)),
        event("d", 1, 38, None),
    ];
    let analysis = analysed(&protocol(), LOW, HIGH, more);
    let patient = analysis.patients.iter().find(|patient| patient.id == "A-0").unwrap();
    assert_eq!(posology_trial::analysis::comparison::low_grade_days(patient, analysis.cut.date()), 7 + 3);
}
