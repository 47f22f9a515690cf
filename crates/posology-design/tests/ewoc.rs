//! EWOC against plain integrals in another language, and its own rules.

#![allow(clippy::unwrap_used, clippy::panic)]

use posology_design::{Action, AtLevel, Data, Design, Level, Settings};
use proptest::prelude::*;
use serde_json::{Value, json};

fn design(more: &[(&str, Value)]) -> Design {
    serde_json::from_value(settings(more)).unwrap()
}

fn settings(more: &[(&str, Value)]) -> Value {
    let mut settings = json!({
        "design": "ewoc", "target": 0.33, "dose-values": [100, 150, 200, 250, 300], "maximum-dose": 400,
    });
    for (key, value) in more {
        settings[*key] = value.clone();
    }
    settings
}

fn data(n: &[u32], y: &[u32]) -> Data {
    let at = |(n, y): (&u32, &u32)| AtLevel { dlt: *y, no_dlt: n - y, ..AtLevel::default() };
    Data::new(n.iter().zip(y).map(at).collect(), None).unwrap()
}

fn next(rule: &Design, outcomes: &str) -> (Action, Option<u32>) {
    let decision = rule.next(&Data::from_outcomes(5, outcomes).unwrap()).unwrap();
    (decision.action, decision.level.map(Level::number))
}

/// Source: tanh-sinh sums over gamma between levels and trapezoid sums over ln t, in Python; two grids agree to 1e-14.
#[test]
fn the_posterior_is_that_of_plain_sums() {
    let fixture: Value = serde_json::from_str(include_str!("fixtures/ewoc.json")).unwrap();
    for case in fixture.as_array().unwrap() {
        let counts = |key: &str| -> Vec<u32> { serde_json::from_value(case[key].clone()).unwrap() };
        let numbers = design(&[]).numbers(&data(&counts("n"), &counts("y"))).unwrap();
        for (place, level) in numbers.levels.iter().enumerate() {
            assert!(
                (level.over.unwrap() - case["over"][place].as_f64().unwrap()).abs() < 1e-9,
                "{case} {level:?}"
            );
            assert!(
                (level.mean.unwrap() - case["rates"][place].as_f64().unwrap()).abs() < 1e-9,
                "{case} {level:?}"
            );
        }
        assert!((numbers.parameters[0].mean - case["rho"].as_f64().unwrap()).abs() < 1e-9);
        assert!((numbers.parameters[1].mean - case["gamma"].as_f64().unwrap()).abs() < 1e-6);
    }
}

/// Source: the prior of gamma is uniform on 100 to 400, and rho0 uniform on 0 to the target.
#[test]
fn before_any_patient_the_numbers_are_those_of_the_prior() {
    let numbers = design(&[]).numbers(&Data::from_outcomes(5, "").unwrap()).unwrap();
    for (place, level) in numbers.levels.iter().enumerate() {
        assert!((level.over.unwrap() - place as f64 / 6.0).abs() < 1e-9);
    }
    assert!((numbers.parameters[0].mean - 0.165).abs() < 1e-9);
    assert!((numbers.parameters[1].mean - 250.0).abs() < 1e-6);
}

#[test]
fn no_untried_level_is_skipped_and_the_bound_may_rise() {
    assert_eq!(next(&design(&[]), "1NNN"), (Action::Escalate, Some(2)));
    let three = "1NNN 2NNN 3NNT 3NNN";
    let (fixed, rising) = (
        design(&[("feasibility", json!(0.05))]),
        design(&[("feasibility", json!(0.05)), ("feasibility-increment", json!(0.1))]),
    );
    assert!(next(&fixed, three).1 < next(&rising, three).1);
}

#[test]
fn a_too_toxic_first_level_stops_the_trial() {
    assert_eq!(next(&design(&[]), "1TTT"), (Action::Stop, None));
    assert_ne!(next(&design(&[]), "1TT").0, Action::Stop); // Too few patients to stop.
    // DLTs at the lowest value say nothing on the MTD: without both rules the paper's design would escalate.
    assert_eq!(next(&design(&[]), "1NTT"), (Action::Stay, Some(1)));
    let bare = [("stop-toxic", json!(false)), ("coherent", json!(false))];
    assert_eq!(next(&design(&bare), "1NTT"), (Action::Escalate, Some(2)));
    // With a minimum below the first level that level may itself be above the MTD.
    let lower = design(&[("stop-toxic", json!(false)), ("minimum-dose", json!(10))]);
    assert_eq!(next(&lower, "1TTT"), (Action::Stop, None));
}

#[test]
fn each_bad_setting_is_refused_by_name() {
    let bad = [
        ("dose-values", json!([])),
        ("dose-values", json!([2, 1])),
        ("minimum-dose", json!(120)),
        ("minimum-dose", json!(-1)),
        ("maximum-dose", json!(null)),
        ("maximum-dose", json!(250)),
        ("feasibility", json!(0)),
        ("feasibility", json!(1.2)),
        ("feasibility-increment", json!(-0.1)),
        ("stop-toxic", json!(true)),
        ("early-stop-n", json!(0)),
        ("target", json!(null)),
    ];
    for (key, value) in bad {
        let read: Settings = serde_json::from_value(settings(&[(key, value.clone())])).unwrap();
        let problems = read.check();
        assert!(problems.iter().any(|problem| problem.key == key), "{key} = {value}: {problems:?}");
        assert!(Design::try_from(read).is_err());
    }
}

#[test]
fn more_patients_than_a_trial_has_are_still_integrated() {
    let numbers = design(&[]).numbers(&data(&[100, 100, 100, 100, 0], &[5, 10, 20, 33, 0])).unwrap();
    assert!((numbers.levels[3].mean.unwrap() - 0.33).abs() < 0.03);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(6))]

    #[test]
    fn the_next_level_is_feasible_and_skips_no_untried_one(
        counts in prop::collection::vec((0_u32..8).prop_flat_map(|n| (Just(n), 0..=n)), 5), current in 0_usize..5,
    ) {
        let (n, y): (Vec<u32>, Vec<u32>) = counts.into_iter().unzip();
        prop_assume!(n.iter().sum::<u32>() > 0);
        let seen = data(&n, &y).at(Level::at_index(current)).unwrap();
        let rule = design(&[]);
        let decision = rule.next(&seen).unwrap();
        let numbers = rule.numbers(&seen).unwrap();
        let highest = n.iter().rposition(|n| *n > 0).unwrap().max(current);
        if let Some(level) = decision.level {
            prop_assert!(level.index() <= highest + 1);
            prop_assert!(numbers.levels[level.index()].over.unwrap() <= 0.25 + 1e-8);
        }
        let mut before = -1.0;
        for level in &numbers.levels {
            prop_assert!((0.0..=1.0 + 1e-12).contains(&level.over.unwrap()) && level.over.unwrap() >= before);
            before = level.over.unwrap();
        }
    }
}
