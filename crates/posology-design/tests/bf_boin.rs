//! BF-BOIN: pooled decisions and open levels worked by hand from the paper's rules, and what must hold for any data.
#![allow(clippy::unwrap_used, clippy::panic, missing_docs)]

use posology_design::{Action, AtLevel, Data, Design, Level, Problems, Settings};
use proptest::prelude::*;
use serde_json::{Value, json};

/// Target 0.25: lambda_e is 0.197 and lambda_d 0.298.
fn design(settings: Value) -> Design {
    let mut whole = json!({"design": "bf-boin", "target": 0.25, "doses": 4});
    for (key, value) in settings.as_object().unwrap() {
        whole[key] = value.clone();
    }
    serde_json::from_value(whole).unwrap()
}

fn data(counts: &[(u32, u32)], current: u32) -> Data {
    let mut levels: Vec<AtLevel> =
        counts.iter().map(|&(dlt, n)| AtLevel { dlt, no_dlt: n - dlt, ..AtLevel::default() }).collect();
    levels.resize(4, AtLevel::default());
    Data::new(levels, Level::new(current)).unwrap()
}

fn advice(design: &Design, counts: &[(u32, u32)], current: u32) -> (Action, Option<u32>) {
    let decision = design.next(&data(counts, current)).unwrap();
    (decision.action, decision.level.map(Level::number))
}

fn open(design: &Design, data: &Data) -> Vec<u32> {
    let levels = design.backfill(data).unwrap();
    levels.iter().filter(|at| at.open).map(|at| at.level.number()).collect()
}

#[test]
fn without_contradiction_the_current_level_decides() {
    let design = design(json!({}));
    assert_eq!(advice(&design, &[(0, 3), (1, 12), (0, 3)], 3), (Action::Escalate, Some(4)));
    assert_eq!(advice(&design, &[(0, 3), (2, 8), (1, 4)], 3), (Action::Stay, Some(3)));
    assert_eq!(advice(&design, &[(0, 3), (1, 12), (2, 4)], 3), (Action::DeEscalate, Some(2)));
}

/// The current level asks to escalate, level 2 does not: 2 of 6 and 0 of 3 are 2 of 9, between the two rates; 3 of 6
/// and 0 of 3 are 3 of 9, above them, and level 2 alone is too; 2 of 8 and 0 of 6 are 2 of 14, below them.
#[test]
fn a_lower_level_that_contradicts_is_pooled_with_the_current_one() {
    let design = design(json!({}));
    assert_eq!(advice(&design, &[(0, 3), (2, 6), (0, 3)], 3), (Action::Stay, Some(3)));
    assert_eq!(advice(&design, &[(0, 3), (3, 6), (0, 3)], 3), (Action::DeEscalate, Some(1)));
    assert_eq!(advice(&design, &[(0, 3), (2, 8), (0, 6)], 3), (Action::Escalate, Some(4)));
    let decision = design.next(&data(&[(0, 3), (2, 6), (0, 3)], 3)).unwrap();
    let pooled = decision.because.iter().find(|because| because.rule == "bf-boin/pooled").unwrap();
    assert_eq!(
        (pooled.inputs["pooled-dlt"].as_str(), pooled.inputs["pooled-evaluable"].as_str()),
        ("2", "9")
    );
}

/// Level 1 has 2 of 6, level 2 0 of 12, the current one 3 of 7: pooled 5 of 25 would stay; its own 3 of 7 de-escalate.
#[test]
fn pooling_never_leads_above_what_the_current_level_asks_for() {
    for pool_from in ["every", "highest", "lowest"] {
        let design = design(json!({"pool-from": pool_from}));
        assert_eq!(advice(&design, &[(2, 6), (0, 12), (3, 7)], 3), (Action::DeEscalate, Some(2)));
    }
}

#[test]
fn the_papers_choice_of_the_highest_contradicting_level_can_rise_with_a_dlt() {
    let paper = design(json!({"pool-from": "highest"}));
    assert_eq!(advice(&paper, &[(5, 12), (0, 3), (0, 3)], 3), (Action::Stay, Some(3)));
    assert_eq!(advice(&paper, &[(5, 12), (1, 3), (0, 3)], 3), (Action::Escalate, Some(4)));
    // From level 1 the pooled 6 of 18 ask to de-escalate, and so do 5 of 12 and 6 of 15.
    let every = design(json!({}));
    assert_eq!(advice(&every, &[(5, 12), (1, 3), (0, 3)], 3), (Action::DeEscalate, Some(1)));
}

#[test]
fn a_level_opens_with_a_response_below_the_current_level() {
    let design = design(json!({}));
    let at = |outcomes: &str| open(&design, &Data::from_outcomes(4, outcomes).unwrap());
    assert_eq!(at("1NNN 2NNN"), [0; 0]);
    assert_eq!(at("1NEN 2NNN"), [1]);
    assert_eq!(at("1NEN 2NEN 3N"), [1, 2]);
    assert_eq!(at("1NNN 2NEN 3N"), [2]);
    assert_eq!(at("1NEN 2NEN"), [1]);
    let no_response = self::design(json!({"backfill-responses": 0}));
    assert_eq!(open(&no_response, &Data::from_outcomes(4, "1NNN 2NNN").unwrap()), [1]);
}

/// 1 of 3 asks to de-escalate; with 0 of 3 above it 1 of 6 does not, with 1 of 3 above it 2 of 6 does.
#[test]
fn a_level_closes_when_it_and_the_level_above_pooled_ask_to_de_escalate() {
    let design = design(json!({}));
    let at = |outcomes: &str| open(&design, &Data::from_outcomes(4, outcomes).unwrap());
    assert_eq!(at("1ETN 2ENN 3N"), [1, 2]);
    assert_eq!(at("1ETN 2ETN 3N"), [0; 0]);
    let rules: Vec<String> = design
        .backfill(&Data::from_outcomes(4, "1ETN 2ETN 3N").unwrap())
        .unwrap()
        .into_iter()
        .map(|at| at.because.rule)
        .collect();
    assert_eq!(rules, ["bf-boin/backfill-unsafe", "bf-boin/backfill-unsafe-below"]);
}

#[test]
fn pending_patients_count_towards_the_cap_and_possible_dlts_as_dlts() {
    let design = design(json!({"backfill-cap": 6}));
    let mut levels = data(&[(0, 4), (0, 3)], 2).levels().to_vec();
    levels[0].efficacy_only = 1;
    levels[0].pending = vec![0.9];
    let at = |levels: &[AtLevel]| open(&design, &Data::new(levels.to_vec(), Level::new(2)).unwrap());
    assert_eq!(at(&levels), [1]);
    levels[0].pending.push(0.1);
    assert_eq!(at(&levels), [0; 0]);
    levels[0].pending.clear();
    levels[0].possible_dlt = 2;
    levels[1].no_dlt = 0;
    let wide = self::design(json!({"backfill-cap": 12}));
    let data = Data::new(levels, Level::new(2)).unwrap();
    assert_eq!(open(&wide, &data), [0; 0], "2 possible DLTs of 6 are 2 DLTs");
}

#[test]
fn levels_stay_open_while_the_escalation_waits_and_the_decision_says_so() {
    let design = design(json!({}));
    let data = Data::from_outcomes(4, "1NEN 2NNP").unwrap();
    let decision = design.next(&data).unwrap();
    assert_eq!(decision.action, Action::Wait);
    let rules: Vec<&str> = decision.because.iter().map(|because| because.rule.as_str()).collect();
    assert!(rules.contains(&"bf-boin/backfill-open"), "{rules:?}");
    assert_eq!(open(&design, &data), [1]);
}

#[test]
fn nothing_is_open_once_the_trial_is_over() {
    let design = design(json!({"max-patients": 6}));
    assert_eq!(open(&design, &Data::from_outcomes(4, "1NEN 2NNN").unwrap()), [0; 0]);
    assert_eq!(open(&design, &Data::from_outcomes(4, "1EEN 2TTN 1TTT").unwrap()), [0; 0]);
    let boin: Design = serde_json::from_value(json!({"design": "boin", "target": 0.25, "doses": 4})).unwrap();
    assert!(boin.backfill(&Data::from_outcomes(4, "1NEN 2NNN").unwrap()).unwrap().is_empty());
}

#[test]
fn settings_out_of_range_are_refused_by_name() {
    for (key, value) in
        [("backfill-cap", json!(0)), ("backfill-responses", json!(1001)), ("target", json!(1.0))]
    {
        let mut whole = json!({"design": "bf-boin", "target": 0.25, "doses": 4});
        whole[key] = value;
        let settings: Settings = serde_json::from_value(whole).unwrap();
        let Err(Problems(problems)) = Design::try_from(settings) else { panic!("{key} accepted") };
        assert_eq!(problems.iter().map(|problem| problem.key.as_str()).collect::<Vec<_>>(), [key]);
    }
}

fn counts() -> impl Strategy<Value = Vec<(u32, u32)>> {
    prop::collection::vec((0..10_u32).prop_flat_map(|n| (0..=n, Just(n))), 4)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 150, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn without_backfilled_patients_a_trial_is_that_of_boin(target in 0.15..0.4_f64, dlts in prop::collection::vec(0..=3_u32, 12)) {
        let settings = json!({"target": target, "doses": 4, "max-patients": 36});
        let with = |name: &str| -> Design {
            let mut whole = settings.clone();
            whole["design"] = json!(name);
            serde_json::from_value(whole).unwrap()
        };
        let (backfilling, boin) = (with("bf-boin"), with("boin"));
        let (mut counts, mut current) = (vec![(0, 0); 4], 1);
        for dlts in dlts {
            counts[current as usize - 1].0 += dlts;
            counts[current as usize - 1].1 += 3;
            let data = data(&counts, current);
            let (one, other) = (backfilling.next(&data).unwrap(), boin.next(&data).unwrap());
            // Levels visited again may contradict; then pooling speaks, never for a higher level.
            if one.because.iter().any(|because| because.rule == "bf-boin/pooled") {
                prop_assert!(one.level <= other.level);
            } else {
                prop_assert_eq!((one.action, one.level, one.enrol), (other.action, other.level, other.enrol));
            }
            let (Some(level), true) = (other.level, other.enrol > 0) else { break };
            current = level.number();
        }
    }

    #[test]
    fn a_dlt_in_place_of_none_never_leads_to_a_higher_level(counts in counts(), current in 1..=4_u32, at in 0..4_usize) {
        prop_assume!(counts[at].0 < counts[at].1);
        let design = design(json!({"max-patients": 60}));
        let mut worse = counts.clone();
        worse[at].0 += 1;
        let before = design.next(&data(&counts, current)).unwrap();
        let after = design.next(&data(&worse, current)).unwrap();
        prop_assert!(after.level <= before.level, "{:?} {:?}", before, after);
    }

    #[test]
    fn neither_cohort_nor_backfill_goes_to_a_closed_level(counts in counts(), current in 1..=4_u32) {
        let design = design(json!({"max-patients": 60, "backfill-responses": 0}));
        let data = data(&counts, current);
        let next = design.next(&data).unwrap();
        let numbers = design.numbers(&data).unwrap();
        if let (Some(level), true) = (next.level, next.enrol > 0) {
            prop_assert!(!numbers.levels[level.index()].eliminated);
            prop_assert!(level.number() <= current + 1);
        }
        for level in open(&design, &data) {
            prop_assert!(level < current);
            prop_assert!(!numbers.levels[level as usize - 1].eliminated);
            prop_assert!(counts[level as usize - 1].1 < 12);
        }
    }
}
