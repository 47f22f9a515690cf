//! PO-CRM against R's pocrm 0.13 and plain integrals in another language, and its own rules.

#![allow(clippy::unwrap_used, clippy::panic)]

use posology_design::partial_order::{Regimen, surely_ordered};
use posology_design::{Action, AtLevel, Data, Design, Level, Settings};
use proptest::prelude::*;
use serde_json::{Value, json};

fn fixture() -> Value {
    serde_json::from_str(include_str!("fixtures/pocrm.json")).unwrap()
}

fn design(settings: Value) -> Design {
    serde_json::from_value(settings).unwrap()
}

fn floats(list: &Value) -> Vec<f64> {
    list.as_array().unwrap().iter().map(|number| number.as_f64().unwrap()).collect()
}

fn counts(list: &Value) -> Vec<u32> {
    list.as_array().unwrap().iter().map(|number| number.as_u64().unwrap() as u32).collect()
}

fn data(n: &[u32], y: &[u32]) -> Data {
    let at = |(n, y): (&u32, &u32)| AtLevel { dlt: *y, no_dlt: n - y, ..AtLevel::default() };
    Data::new(n.iter().zip(y).map(at).collect(), None).unwrap()
}

/// The settings of the fixture, with more.
fn settings(more: &[(&str, Value)]) -> Value {
    let fixture = fixture();
    let mut settings = json!({
        "design": "po-crm", "target": fixture["target"], "skeleton": fixture["skeleton"], "orders": fixture["orders"],
    });
    for (key, value) in more {
        settings[*key] = value.clone();
    }
    settings
}

fn free(method: &str) -> Design {
    design(settings(&[
        ("method", json!(method)),
        ("allow-skipping", json!(true)),
        ("coherent", json!(false)),
        ("stop-toxic", json!(false)),
    ]))
}

/// A bolus of 20 and of 40, and the same totals as two fractions: 1 lowest, 2 and 3 not ordered, 4 highest.
fn diamond(more: &[(&str, Value)]) -> Design {
    let mut settings = json!({
        "design": "po-crm", "target": 0.3, "skeleton": [0.1, 0.2, 0.3, 0.45],
        "before": [[1, 2], [1, 3], [2, 4], [3, 4]],
    });
    for (key, value) in more {
        settings[*key] = value.clone();
    }
    design(settings)
}

fn level(number: u32) -> Option<Level> {
    Level::new(number)
}

fn assert_close(found: f64, expected: f64, tolerance: f64) {
    assert!((found - expected).abs() < tolerance, "{found} {expected}");
}

#[test]
fn by_likelihood_weights_estimates_and_level_are_those_of_pocrm() {
    let likelihood = free("likelihood");
    for case in fixture()["fits"].as_array().unwrap() {
        let seen = data(&counts(&case["n"]), &counts(&case["y"]));
        let numbers = likelihood.numbers(&seen).unwrap();
        assert_close(numbers.parameters[0].mean, case["a"].as_f64().unwrap(), 1e-12);
        for (parameter, weight) in numbers.parameters[1..].iter().zip(floats(&case["ord_prob"])) {
            assert_close(parameter.mean, weight, 1e-12);
        }
        for (level, rate) in numbers.levels.iter().zip(floats(&case["ptox"])) {
            assert_close(level.estimate.unwrap(), rate, 1e-12);
        }
        let decision = likelihood.next(&seen).unwrap();
        let order = decision.because.iter().find(|because| because.rule == "po-crm/order").unwrap();
        assert_eq!(order.inputs["order"], case["order"].to_string());
        if let Some(dose) = case["dose"].as_u64() {
            assert_eq!(u64::from(decision.level.unwrap().number()), dose, "{case}");
        }
    }
}

#[test]
fn by_bayes_weights_and_estimates_are_those_of_plain_integrals() {
    let bayes = free("bayes");
    let mut compared = 0;
    for case in fixture()["fits"].as_array().unwrap() {
        let Some(expected) = case.get("bayes") else { continue };
        compared += 1;
        let seen = data(&counts(&case["n"]), &counts(&case["y"]));
        let numbers = bayes.numbers(&seen).unwrap();
        assert_close(numbers.parameters[0].mean, expected["a"].as_f64().unwrap(), 1e-9);
        for (parameter, weight) in numbers.parameters[1..].iter().zip(floats(&expected["weights"])) {
            assert_close(parameter.mean, weight, 1e-9);
        }
        for (level, rate) in numbers.levels.iter().zip(floats(&expected["ptox"])) {
            assert_close(level.estimate.unwrap(), rate, 1e-9);
        }
    }
    assert_eq!(compared, 6);
}

#[test]
fn with_one_order_it_is_the_crm() {
    let skeleton = json!([0.05, 0.12, 0.25, 0.40]);
    let one = design(json!({
        "design": "po-crm", "target": 0.25, "skeleton": skeleton, "orders": [[1, 2, 3, 4]],
    }));
    let crm = design(json!({"design": "crm", "target": 0.25, "skeleton": skeleton}));
    for outcomes in ["1NNN", "1NNN 2NNT", "1NNT", "1TTT", "1NNN 2NNN 3NTT", "1NNN 2NNN 3NNN"] {
        let seen = Data::from_outcomes(4, outcomes).unwrap();
        let (found, expected) = (one.next(&seen).unwrap(), crm.next(&seen).unwrap());
        assert_eq!((found.action, found.level), (expected.action, expected.level), "{outcomes}");
        let (found, expected) = (one.numbers(&seen).unwrap(), crm.numbers(&seen).unwrap());
        for (found, expected) in found.levels.iter().zip(&expected.levels) {
            assert_close(found.estimate.unwrap(), expected.estimate.unwrap(), 1e-9);
            assert_close(found.over.unwrap(), expected.over.unwrap(), 1e-9);
        }
        assert_eq!(one.mtd(&seen).unwrap().level, crm.mtd(&seen).unwrap().level, "{outcomes}");
    }
}

#[test]
fn pairs_leave_every_order_that_keeps_them() {
    let Design::PoCrm(rule) = diamond(&[]) else { panic!() };
    let orders: Vec<Vec<u32>> =
        rule.orders().iter().map(|order| order.iter().map(|level| level.number()).collect()).collect();
    assert_eq!(orders, [vec![1, 2, 3, 4], vec![1, 3, 2, 4]]);
    let below: Vec<u32> =
        rule.just_below(Level::new(4).unwrap()).iter().map(|level| level.number()).collect();
    assert_eq!(below, [2, 3]);
    assert!(rule.just_below(Level::FIRST).is_empty());
}

#[test]
fn a_regimen_waits_until_one_just_below_it_has_been_treated() {
    // Nobody had a DLT, so that the highest regimen is wanted; from 1 it may only go to the next of the taken order.
    let seen = Data::from_outcomes(4, "1NNN").unwrap();
    let decision = diamond(&[]).next(&seen).unwrap();
    assert_eq!((decision.action, decision.enrol), (Action::Escalate, 3));
    assert_eq!(decision.level, level(2)); // Orders tie: the first, 1 < 2 < 3 < 4, is taken.
    assert!(decision.because.iter().any(|because| because.rule == "po-crm/no-skipping"));
    let decision = diamond(&[("allow-skipping", json!(true))]).next(&seen).unwrap();
    assert_eq!(decision.level, level(4));
    // With 3 treated the order 1 < 3 < 2 < 4 is as likely; in the taken one 2 comes before 4.
    let seen = Data::from_outcomes(4, "1NNN 3NNN").unwrap();
    assert_eq!(diamond(&[]).next(&seen).unwrap().level, level(2));
}

#[test]
fn escalate_and_de_escalate_follow_the_taken_order_and_not_the_numbers() {
    let reversed = design(json!({
        "design": "po-crm", "target": 0.3, "skeleton": [0.15, 0.3, 0.45], "orders": [[3, 2, 1]], "start": 3,
    }));
    let up = reversed.next(&Data::from_outcomes(3, "3NNN").unwrap()).unwrap();
    assert_eq!((up.action, up.level), (Action::Escalate, level(2)));
    let down = reversed.next(&Data::from_outcomes(3, "3NNN 2TTN").unwrap()).unwrap();
    assert_eq!((down.action, down.level), (Action::DeEscalate, level(3)));
}

#[test]
fn no_escalation_follows_a_cohort_with_a_dlt() {
    // With a skeleton so low one DLT of three still leaves a higher regimen nearest to the target.
    let low = |coherent: bool| {
        design(json!({
            "design": "po-crm", "target": 0.4, "skeleton": [0.02, 0.05, 0.1, 0.2], "coherent": coherent,
            "before": [[1, 2], [1, 3], [2, 4], [3, 4]], "scale": 0.3,
        }))
    };
    let seen = Data::from_outcomes(4, "1NNT").unwrap();
    assert_eq!(low(false).next(&seen).unwrap().action, Action::Escalate);
    let held = low(true).next(&seen).unwrap();
    assert_eq!((held.action, held.level), (Action::Stay, level(1)));
    assert!(held.because.iter().any(|because| because.rule == "po-crm/coherent"), "{held:?}");
}

#[test]
fn a_too_toxic_lowest_regimen_stops_the_trial() {
    let seen = Data::from_outcomes(4, "1TTT").unwrap();
    let decision = diamond(&[]).next(&seen).unwrap();
    assert_eq!((decision.action, decision.level), (Action::Stop, None));
    assert_eq!(decision.because[0].rule, "po-crm/stop-toxic");
    assert_eq!(diamond(&[]).mtd(&seen).unwrap().level, None);
    let two = Data::from_outcomes(4, "1TT").unwrap();
    assert_ne!(diamond(&[]).next(&two).unwrap().action, Action::Stop);
}

#[test]
fn by_likelihood_the_first_order_leads_until_a_dlt_and_a_non_dlt() {
    let likelihood = diamond(&[("method", json!("likelihood"))]);
    let next = |outcomes: &str| {
        let decision = likelihood.next(&Data::from_outcomes(4, outcomes).unwrap()).unwrap();
        (decision.action, decision.level.map(Level::number), decision.enrol)
    };
    assert_eq!(next("1NNN"), (Action::Escalate, Some(2), 3));
    assert_eq!(next("1NNN 2NNN"), (Action::Escalate, Some(3), 3));
    assert_eq!(next("1NNN 2NN"), (Action::Stay, Some(2), 1));
    assert_eq!(next("1NNN 2NNN 3NNN 4NNN"), (Action::Stay, Some(4), 3));
    assert_eq!(next("2T"), (Action::DeEscalate, Some(1), 3));
    let numbers = likelihood.numbers(&Data::from_outcomes(4, "1NNN").unwrap()).unwrap();
    assert_eq!(numbers.levels[0].estimate, None);
}

#[test]
fn the_trial_may_end_once_the_current_regimen_has_enough_patients() {
    let seen = Data::from_outcomes(4, "1NNN 2NNN 2NNT 2NNT").unwrap();
    let ends = diamond(&[("early-stop-n", json!(9))]);
    let stays = diamond(&[]).next(&seen).unwrap();
    let ended = ends.next(&seen).unwrap();
    assert_eq!((stays.action, stays.level), (Action::Stay, level(2)), "{stays:?}");
    assert_eq!((ended.action, ended.level), (Action::Complete, ends.mtd(&seen).unwrap().level));
}

#[test]
fn each_bad_setting_is_refused_by_name() {
    let bad = [
        ("orders", json!([[1, 2, 3]])),
        ("orders", json!([[1, 2, 3, 4, 5, 5]])),
        ("orders", json!([[1, 2, 3, 4, 5, 6], [1, 2, 3, 4, 5, 6]])),
        ("orders", json!([[0, 1, 2, 3, 4, 5]])),
        ("orders", json!([])),
        ("before", json!([[1, 2]])),
        ("order-prior", json!([1, 1])),
        ("order-prior", json!([1, 1, 1, 1, -1])),
        ("skeleton", json!([0.3, 0.2, 0.4, 0.5, 0.6, 0.7])),
        ("stop-toxic", json!(true)),
        ("stop-toxic", json!(1.5)),
        ("early-stop-n", json!(0)),
        ("scale", json!(-1)),
        ("target", json!(null)),
        ("start", json!(9)),
    ];
    for (key, value) in bad {
        let read: Settings = serde_json::from_value(settings(&[(key, value.clone())])).unwrap();
        let problems = read.check();
        let named =
            problems.iter().any(|problem| problem.key == key || (key == "before" && problem.key == "orders"));
        assert!(named, "{key} = {value}: {problems:?}");
        assert!(Design::try_from(read).is_err());
    }
    let pairs = [json!([[1, 2], [2, 1]]), json!([[1, 9]]), json!([[3, 3]]), json!([[1, 2]])];
    for before in pairs {
        let ten: Vec<f64> = (1..=8).map(|place| 0.1 * f64::from(place)).collect();
        let read: Settings = serde_json::from_value(
            json!({"design": "po-crm", "target": 0.3, "skeleton": ten, "before": before}),
        )
        .unwrap();
        assert_eq!(read.check()[0].key, "before");
    }
}

#[test]
fn settings_survive_a_round_trip() {
    let rule = diamond(&[("method", json!("likelihood"))]);
    assert_eq!(design(serde_json::to_value(&rule).unwrap()), rule);
    assert_eq!(rule.levels(), Some(4));
}

#[test]
fn a_bolus_and_fractions_of_the_same_total_are_not_ordered() {
    let regimen = |total, fractions, days| Regimen { total, fractions, days };
    let grid = [
        regimen(40.0, 1, 0.0),
        regimen(40.0, 2, 7.0),
        regimen(60.0, 2, 7.0),
        regimen(60.0, 2, 14.0),
        regimen(60.0, 4, 7.0),
        regimen(f64::NAN, 1, 0.0),
    ];
    // 3 is 2 with larger fractions; nothing else is one regimen and more: 4 x 15 has smaller fractions than 2 x 20.
    assert_eq!(surely_ordered(&grid), [[2, 3]]);
}

fn any_counts() -> impl Strategy<Value = (Vec<u32>, Vec<u32>, usize)> {
    let at = (0_u32..8).prop_flat_map(|n| (Just(n), 0..=n));
    (prop::collection::vec(at, 6), 0_usize..6).prop_map(|(levels, current)| {
        let (n, y) = levels.into_iter().unzip();
        (n, y, current)
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]

    #[test]
    fn no_regimen_is_reached_over_an_untried_one_and_weights_add_up((n, y, current) in any_counts(), likely in any::<bool>()) {
        prop_assume!(n.iter().sum::<u32>() > 0);
        let seen = data(&n, &y).at(Level::at_index(current)).unwrap();
        let rule = design(settings(&[("method", json!(if likely { "likelihood" } else { "bayes" }))]));
        let decision = rule.next(&seen).unwrap();
        prop_assert_eq!(&decision, &rule.next(&seen).unwrap());
        if let Some(level) = decision.level {
            let tried = |level: Level| level.index() == current || n[level.index()] > 0;
            let Design::PoCrm(inner) = &rule else { panic!() };
            let below = inner.just_below(level);
            prop_assert!(tried(level) || below.is_empty() || below.into_iter().any(tried));
        }
        let numbers = rule.numbers(&seen).unwrap();
        let weights: f64 =
            numbers.parameters.iter().filter(|parameter| parameter.name.starts_with("order")).map(|order| order.mean).sum();
        prop_assert!((weights - 1.0).abs() < 1e-12);
        for level in &numbers.levels {
            for number in [level.estimate, level.mean, level.lower, level.upper, level.over].into_iter().flatten() {
                prop_assert!((0.0..=1.0).contains(&number));
            }
        }
    }
}

#[test]
fn no_untried_regimen_is_passed_over_in_the_taken_order() {
    let design: Design = serde_json::from_str(
        r#"{"design": "po-crm", "target": 0.25, "skeleton": [0.05, 0.12, 0.25, 0.4, 0.55],
            "orders": [[1, 2, 3, 4, 5], [1, 3, 2, 4, 5]]}"#,
    )
    .unwrap();
    let decision = design.next(&Data::from_outcomes(5, "1NNN").unwrap()).unwrap();
    assert_eq!((decision.action, decision.level), (Action::Escalate, Level::new(2)), "{decision:?}");
}
