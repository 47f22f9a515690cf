//! BLRM against independent quadrature, MCMC of OncoBayes2 0.8-8, and its own rules.

#![allow(clippy::unwrap_used, clippy::panic)]

use posology_design::{Action, AtLevel, Data, Design, Level, Settings};
use proptest::prelude::*;
use serde_json::{Value, json};

fn fixture() -> Value {
    serde_json::from_str(include_str!("fixtures/blrm.json")).unwrap()
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

/// The design of a case, free to reach any level.
fn of_case(case: &Value, choose: &str) -> Design {
    design(json!({
        "design": "blrm", "dose-values": case["values"], "reference-dose": case["reference"],
        "prior-mean": case["mean"], "prior-sd": case["sd"], "prior-correlation": case["correlation"],
        "intervals": case["cuts"], "overdose-bound": case["bound"], "max-step": 100, "choose": choose,
    }))
}

fn nbg(more: &[(&str, Value)]) -> Value {
    let mut settings = json!({
        "design": "blrm", "dose-values": [10, 25, 50, 100, 150, 200], "reference-dose": 100,
    });
    for (key, value) in more {
        settings[*key] = value.clone();
    }
    settings
}

fn level(number: u32) -> Option<Level> {
    Level::new(number)
}

#[test]
fn the_posterior_is_that_of_independent_quadrature() {
    let mut worst = 0.0_f64;
    for case in fixture()["cases"].as_array().unwrap() {
        let numbers =
            of_case(case, "most-in-target").numbers(&data(&counts(&case["n"]), &counts(&case["y"]))).unwrap();
        let mut compare =
            |found: Option<f64>, expected: f64| worst = worst.max((found.unwrap() - expected).abs());
        let columns = ["under", "target", "over", "rates"].map(|key| floats(&case[key]));
        for (place, level) in numbers.levels.iter().enumerate() {
            compare(level.under, columns[0][place]);
            compare(level.on_target, columns[1][place]);
            compare(level.over, columns[2][place]);
            compare(level.mean, columns[3][place]);
            assert_eq!(level.estimate, level.mean);
            assert_eq!(!level.eliminated, case["eligible"][place].as_bool().unwrap(), "{case}");
        }
        let covariance = floats(&case["covariance"]);
        for (parameter, (mean, variance)) in numbers
            .parameters
            .iter()
            .zip(floats(&case["parameters"]).into_iter().zip([covariance[0], covariance[2]]))
        {
            compare(Some(parameter.mean), mean);
            compare(Some(parameter.sd), variance.sqrt());
        }
    }
    println!("greatest difference {worst:e}");
    assert!(worst < 1e-11, "{worst:e}");
}

#[test]
fn the_next_level_is_that_of_the_reference() {
    for case in fixture()["cases"].as_array().unwrap() {
        let n = counts(&case["n"]);
        if n.iter().sum::<u32>() == 0 {
            continue;
        }
        let values = floats(&case["values"]);
        for (choose, key) in [("most-in-target", "next"), ("highest-eligible", "highest")] {
            let decision = of_case(case, choose).next(&data(&n, &counts(&case["y"]))).unwrap();
            let found = decision.level.map(|level| values[level.index()]);
            assert_eq!(found, case[key].as_f64(), "{case}");
            assert_eq!(decision.action == Action::Stop, case[key].is_null());
        }
    }
}

#[test]
fn the_posterior_is_that_of_oncobayes2_within_its_sampling_error() {
    let fixture = fixture();
    for check in fixture["mcmc"].as_array().unwrap() {
        let case = &fixture["cases"][check["case"].as_u64().unwrap() as usize];
        let numbers =
            of_case(case, "most-in-target").numbers(&data(&counts(&case["n"]), &counts(&case["y"]))).unwrap();
        for (place, level) in numbers.levels.iter().enumerate() {
            let expected = floats(&check["intervals"][place]);
            let found = [level.under, level.on_target, level.over];
            for (found, expected) in found.into_iter().zip(expected) {
                assert!((found.unwrap() - expected).abs() < 0.005);
            }
            assert!((level.mean.unwrap() - check["mean"][place].as_f64().unwrap()).abs() < 0.005);
        }
    }
}

/// Source: at the reference value logit p is log alpha, normal before the data.
#[test]
fn before_any_patient_the_credible_interval_at_the_reference_is_that_of_a_normal_logit() {
    let numbers = design(nbg(&[])).numbers(&Data::from_outcomes(6, "").unwrap()).unwrap();
    let at_reference = &numbers.levels[3];
    let expected = |quantile: f64| 1.0 / (1.0 + (std::f64::consts::LN_2 - 2.0 * quantile).exp());
    assert!((at_reference.lower.unwrap() - expected(-1.959_963_984_540_054)).abs() < 1e-9);
    assert!((at_reference.upper.unwrap() - expected(1.959_963_984_540_054)).abs() < 1e-9);
}

#[test]
fn an_untried_level_is_not_skipped_unless_max_step_says_so() {
    // Source: case 2 of the fixture: after 0 of 3 at level 1 the most probable level on target is level 3.
    let seen = Data::from_outcomes(6, "1NNN").unwrap();
    let decision = design(nbg(&[])).next(&seen).unwrap();
    assert_eq!((decision.action, decision.level, decision.enrol), (Action::Escalate, level(2), 3));
    assert!(decision.because.iter().any(|because| because.rule == "blrm/max-step"), "{decision:?}");
    let decision = design(nbg(&[("max-step", json!(2))])).next(&seen).unwrap();
    assert_eq!(decision.level, level(3));
}

#[test]
fn no_eligible_level_stops_the_trial_and_selects_none() {
    // Source: case 3 of the fixture: after 1 of 3 at level 1 it is too high with probability 0.306.
    let seen = Data::from_outcomes(6, "1NNT").unwrap();
    let decision = design(nbg(&[])).next(&seen).unwrap();
    assert_eq!((decision.action, decision.level, decision.enrol), (Action::Stop, None, 0));
    assert_eq!(decision.because[0].rule, "blrm/no-eligible-level");
    assert!(decision.because[0].says.contains("0.3063"), "{}", decision.because[0].says);
    assert_eq!(design(nbg(&[])).mtd(&seen).unwrap().level, None);
}

#[test]
fn a_level_at_the_overdose_bound_is_not_eligible() {
    let seen = Data::from_outcomes(6, "1NNT").unwrap();
    let over = design(nbg(&[])).numbers(&seen).unwrap().levels[0].over.unwrap();
    let at = |bound: f64| design(nbg(&[("overdose-bound", json!(bound))])).next(&seen).unwrap().action;
    assert_eq!(at(over), Action::Stop);
    assert_eq!(at(over + 1e-7), Action::Stay);
}

#[test]
fn the_trial_may_end_once_the_chosen_level_has_enough_patients_and_certainty() {
    let seen = Data::from_outcomes(6, "1NNN 2NNN 3NNN 4NNTNNN 5NTT 4NNN").unwrap();
    let with = |patients: u32, probability: f64| {
        let more =
            [("mtd-min-patients", json!(patients)), ("mtd-min-target-probability", json!(probability))];
        design(nbg(&more)).next(&seen).unwrap()
    };
    let target = design(nbg(&[])).numbers(&seen).unwrap().levels[3].on_target.unwrap();
    assert_eq!(design(nbg(&[])).next(&seen).unwrap().level, level(4));
    assert_eq!(with(9, target - 0.01).action, Action::Complete);
    assert_eq!(with(9, target - 0.01).level, level(4));
    assert_eq!(with(9, target + 0.01).action, Action::Stay);
    assert_eq!(with(10, target - 0.01).action, Action::Stay);
}

#[test]
fn more_patients_than_a_trial_has_are_still_integrated() {
    let seen = data(&[3000, 3000, 3000, 900, 0, 0], &[15, 91, 331, 299, 0, 0]);
    let numbers = design(nbg(&[])).numbers(&seen).unwrap();
    // The counts are those of log alpha = -0.7 and beta = 2, to whole patients.
    assert!((numbers.parameters[0].mean + 0.7).abs() < 0.01);
    assert!((numbers.parameters[1].mean - std::f64::consts::LN_2).abs() < 0.01);
}

#[test]
fn a_prior_in_conflict_with_the_data_is_still_integrated() {
    let narrow = nbg(&[("prior-sd", json!([0.3, 0.05])), ("prior-mean", json!([-5, 1]))]);
    let numbers = design(narrow).numbers(&data(&[30, 0, 0, 0, 0, 0], &[30, 0, 0, 0, 0, 0])).unwrap();
    assert!(numbers.parameters[0].mean > -4.0 && numbers.levels[0].over.unwrap() >= 0.0);
    let vague = nbg(&[("prior-sd", json!([10, 3]))]);
    design(vague).numbers(&data(&[3, 3, 3, 3, 0, 0], &[0, 0, 0, 2, 0, 0])).unwrap();
}

#[test]
fn each_bad_setting_is_refused_by_name() {
    let bad = [
        ("dose-values", json!([])),
        ("dose-values", json!([10, 10, 20])),
        ("dose-values", json!([-1, 10, 20])),
        ("dose-values", json!([1, 10, 1e300])),
        ("reference-dose", json!(0)),
        ("reference-dose", json!(null)),
        ("prior-mean", json!([0])),
        ("prior-mean", json!([0, 1e9])),
        ("prior-sd", json!([0, 1])),
        ("prior-sd", json!([1, 1, 1])),
        ("prior-correlation", json!(1)),
        ("prior-correlation", json!(-1.5)),
        ("intervals", json!([0.33, 0.16])),
        ("intervals", json!([0.16])),
        ("intervals", json!([0.0, 0.3])),
        ("overdose-bound", json!(0)),
        ("overdose-bound", json!(1.5)),
        ("max-step", json!(0)),
        ("mtd-min-patients", json!(0)),
        ("start", json!(7)),
        ("target", json!(1.5)),
    ];
    for (key, value) in bad {
        let settings: Settings = serde_json::from_value(nbg(&[(key, value.clone())])).unwrap();
        let problems = settings.check();
        assert!(problems.iter().any(|problem| problem.key == key), "{key} = {value}: {problems:?}");
        assert!(Design::try_from(settings).is_err());
    }
    let settings: Settings = serde_json::from_value(nbg(&[("doses", json!(5))])).unwrap();
    assert_eq!(settings.check()[0].key, "dose-values");
    let Settings::Blrm(mut settings) = serde_json::from_value(nbg(&[])).unwrap() else { panic!() };
    settings.prior_sd = vec![f64::NAN, 1.0];
    settings.overdose_bound = f64::NAN;
    let keys: Vec<String> = settings.check().into_iter().map(|problem| problem.key).collect();
    assert_eq!(keys, ["prior-sd", "overdose-bound"]);
}

#[test]
fn settings_survive_a_round_trip_and_the_levels_are_counted_by_the_values() {
    let blrm = design(nbg(&[("choose", json!("highest-eligible"))]));
    let written = serde_json::to_value(&blrm).unwrap();
    assert_eq!(design(written), blrm);
    assert_eq!(blrm.levels(), Some(6));
}

fn any_counts() -> impl Strategy<Value = (Vec<u32>, Vec<u32>, usize)> {
    let at = (0_u32..10).prop_flat_map(|n| (Just(n), 0..=n));
    (prop::collection::vec(at, 6), 0_usize..6).prop_map(|(levels, current)| {
        let (n, y) = levels.into_iter().unzip();
        (n, y, current)
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(8))]

    #[test]
    fn probabilities_add_up_and_rise_with_the_level((n, y, current) in any_counts()) {
        let seen = data(&n, &y).at(Level::at_index(current)).unwrap();
        let numbers = design(nbg(&[])).numbers(&seen).unwrap();
        let mut before = (-1.0, -1.0);
        for level in &numbers.levels {
            let parts = [level.under, level.on_target, level.over, level.mean, level.lower, level.upper].map(Option::unwrap);
            prop_assert!(parts.iter().all(|part| (0.0..=1.0).contains(part)), "{:?}", parts);
            prop_assert!((parts[0] + parts[1] + parts[2] - 1.0).abs() < 1e-12);
            prop_assert!(parts[4] < parts[5]);
            prop_assert!(parts[2] >= before.0 && parts[3] >= before.1, "a higher level is no safer");
            before = (parts[2], parts[3]);
        }
    }

    #[test]
    fn the_next_level_is_eligible_and_skips_no_untried_one((n, y, current) in any_counts()) {
        prop_assume!(n.iter().sum::<u32>() > 0);
        let seen = data(&n, &y).at(Level::at_index(current)).unwrap();
        let blrm = design(nbg(&[]));
        let decision = blrm.next(&seen).unwrap();
        prop_assert_eq!(&decision, &blrm.next(&seen).unwrap());
        let numbers = blrm.numbers(&seen).unwrap();
        let highest = n.iter().rposition(|n| *n > 0).unwrap().max(current);
        match decision.level {
            Some(level) => {
                prop_assert!(level.index() <= highest + 1);
                prop_assert!(!numbers.levels[level.index()].eliminated);
                let here = numbers.levels[level.index()].on_target.unwrap();
                for other in numbers.levels.iter().take(highest + 2).filter(|level| !level.eliminated) {
                    prop_assert!(other.on_target.unwrap() <= here + 1e-8);
                }
            }
            None => prop_assert!(numbers.levels[0].eliminated),
        }
    }
}
