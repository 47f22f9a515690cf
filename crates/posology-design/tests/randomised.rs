//! Randomised dose optimisation against brute force over all counts, made by another program.

#![allow(clippy::unwrap_used)]

use posology_design::randomised::{
    Choosing, NOT_POWERED, Outcomes, Randomised, Sense, Settings, Stratum, Truth, probability_not_worse,
};
use proptest::prelude::*;
use serde_json::{Value, json};

fn fixture() -> Value {
    serde_json::from_str(include_str!("fixtures/randomised.json")).unwrap()
}

fn names(count: usize) -> Vec<String> {
    ["low", "middle", "high"][3 - count..].iter().map(|name| (*name).to_owned()).collect()
}

fn trial(settings: Settings) -> Randomised {
    Randomised::try_from(settings).unwrap()
}

fn two(settings: Settings) -> Randomised {
    trial(Settings { arms: names(2), ..settings })
}

fn outcomes(counts: [u32; 4]) -> Outcomes {
    let [none, efficacy_only, toxicity_only, both] = counts;
    Outcomes { none, efficacy_only, toxicity_only, both }
}

#[test]
fn probabilities_of_choosing_are_those_of_brute_force() {
    for case in fixture()["cases"].as_array().unwrap() {
        let truths: Vec<Truth> = case["truth"]
            .as_array()
            .unwrap()
            .iter()
            .map(|arm| Truth {
                efficacy: arm[0].as_f64().unwrap(),
                toxicity: arm[1].as_f64().unwrap(),
                correlation: arm[2].as_f64().unwrap(),
            })
            .collect();
        let mut settings =
            json!({"arms": names(truths.len()), "choosing": case["choosing"], "patients": case["patients"]});
        let renamed = [
            ("none", "utility-none"),
            ("both", "utility-both"),
            ("delta", "delta"),
            ("sense", "sense"),
            ("probability", "probability"),
            ("gain", "tolerability-gain"),
        ];
        for (from, to) in renamed {
            if let Some(value) = case.get(from) {
                settings[to] = value.clone();
            }
        }
        if let Some(arms) = case.get("backfill") {
            let count = |arm: &Value, at: usize| arm[at].clone();
            settings["pool-backfill"] = json!(true);
            settings["backfill"] = arms
                .as_array()
                .unwrap()
                .iter()
                .map(|arm| {
                    json!({"none": count(arm, 0), "efficacy-only": count(arm, 1),
                        "toxicity-only": count(arm, 2), "both": count(arm, 3)})
                })
                .collect();
        }
        let trial: Randomised =
            serde_json::from_value::<Settings>(settings).map(Randomised::try_from).unwrap().unwrap();
        // Of 8 and of 5 patients an arm too: `sample_sizes` asks for them.
        let size = case["patients"].as_u64().unwrap() as u32;
        let exact = trial.sample_sizes(&truths, &[size]).unwrap().remove(0);
        for (arm, expected) in case["choose"].as_array().unwrap().iter().enumerate() {
            assert!((exact.choose[arm] - expected.as_f64().unwrap()).abs() < 1e-12, "{case}\n{exact:?}");
        }
    }
}

#[test]
fn the_posterior_probability_of_not_being_worse_is_that_of_another_quadrature() {
    for case in fixture()["not_worse"].as_array().unwrap() {
        let count = |at: usize| case[at].as_u64().unwrap() as u32;
        let found = probability_not_worse(count(0), count(1), count(2), count(3), case[4].as_f64().unwrap());
        assert!((found - case[5].as_f64().unwrap()).abs() < 1e-11, "{case}: {found}");
    }
    assert!(probability_not_worse(5, 4, 0, 1, 0.1).is_nan());
    assert!(probability_not_worse(1, 4, 0, 1, f64::NAN).is_nan());
}

#[test]
fn equal_arms_are_tied_in_favour_of_the_lower_activity() {
    // With the same truth, the lower arm is chosen with one half and half of the probability of a tie.
    let truth = Truth { efficacy: 0.4, toxicity: 0.3, correlation: 0.0 };
    let exact = two(Settings::default()).characteristics(&[truth, truth]).unwrap();
    assert!(exact.choose[0] > 0.5 && exact.choose[0] < 0.6, "{exact:?}");
    assert!((exact.p_best - 1.0).abs() < 1e-12 && exact.p_wrong_utility == 0.0 && exact.utility_loss == 0.0);
}

#[test]
fn errors_are_counted_against_the_truth() {
    // True utilities: 100 * 0.5 + 40 * 0.5 = 70 and 100 * 0.8 + 40 * 0.2 = 88, without tolerability events.
    let truth = |efficacy| Truth { efficacy, toxicity: 0.0, correlation: 0.0 };
    let truths = [truth(0.5), truth(0.8)];
    let of = |settings| two(settings).characteristics(&truths).unwrap();
    let exact = of(Settings::default());
    assert!((exact.utilities[0] - 70.0).abs() < 1e-12 && (exact.utilities[1] - 88.0).abs() < 1e-12);
    assert!((exact.p_best - exact.choose[1]).abs() < 1e-15);
    assert!((exact.p_wrong_utility - exact.choose[0]).abs() < 1e-15);
    assert!((exact.p_wrong_response - exact.choose[0]).abs() < 1e-15);
    assert!((exact.utility_loss - 18.0 * exact.choose[0]).abs() < 1e-12);
    assert_eq!(exact.says, NOT_POWERED);
    let wide = of(Settings { utility_delta: 18.0, delta: 0.3, ..Settings::default() });
    assert_eq!((wide.p_wrong_utility.to_bits(), wide.p_wrong_response.to_bits()), (0, 0));
}

#[test]
fn non_inferiority_takes_the_lowest_activity_that_qualifies() {
    let settings = Settings { arms: names(3), choosing: Choosing::NonInferior, ..Settings::default() };
    let decide = |counts: [[u32; 4]; 3]| trial(settings.clone()).decide(&counts.map(outcomes)).unwrap();
    // Of 20: 8, 9 and 10 respond, 2, 3 and 6 have an event. 8 against 10 is exactly delta = 0.10 worse.
    assert_eq!(decide([[10, 8, 2, 0], [8, 9, 3, 0], [4, 10, 6, 0]]).arm, 1);
    // 7 is worse by more, so the middle arm is the lowest that qualifies.
    assert_eq!(decide([[11, 7, 2, 0], [8, 9, 3, 0], [4, 10, 6, 0]]).arm, 2);
    // As many events as the highest activity: not better tolerated.
    assert_eq!(decide([[5, 9, 6, 0], [5, 9, 6, 0], [4, 10, 6, 0]]).arm, 3);
    let gain = Settings { tolerability_gain: 0.15, ..settings.clone() };
    let counts = [[10, 8, 2, 0], [8, 9, 3, 0], [4, 10, 6, 0]].map(outcomes);
    assert_eq!(trial(gain).decide(&counts).unwrap().arm, 1);
    let gain = Settings { tolerability_gain: 0.20, ..settings };
    assert_eq!(trial(gain).decide(&counts).unwrap().arm, 3);
}

#[test]
fn a_choice_says_why_and_what_it_does_not_show() {
    let choice = two(Settings::default()).decide(&[[8, 9, 2, 1], [4, 9, 5, 2]].map(outcomes)).unwrap();
    assert_eq!((choice.arm, choice.name.as_str()), (1, "middle"));
    assert_eq!(choice.because[0].rule, "randomised/utility");
    assert_eq!(choice.because.last().unwrap().says, NOT_POWERED);
}

#[test]
fn backfill_patients_count_only_when_the_protocol_declares_it() {
    let backfill = vec![outcomes([0, 0, 6, 0]), outcomes([0, 6, 0, 0])];
    let seen = [[8, 9, 2, 1], [4, 9, 5, 2]].map(outcomes);
    let chosen = |pool_backfill| {
        let settings = Settings { backfill: backfill.clone(), pool_backfill, ..Settings::default() };
        let choice = two(settings).decide(&seen).unwrap();
        (choice.arm, choice.because[1].says.clone())
    };
    let (left_out, says) = chosen(false);
    assert_eq!(left_out, 1);
    assert!(says.contains("12 backfill patients are left out"), "{says}");
    let (pooled, says) = chosen(true);
    assert_eq!(pooled, 2);
    assert!(says.contains("not randomised"), "{says}");
}

#[test]
fn a_larger_trial_chooses_the_better_arm_more_often() {
    let truths = [
        Truth { efficacy: 0.45, toxicity: 0.10, correlation: 0.0 },
        Truth { efficacy: 0.50, toxicity: 0.40, correlation: 0.0 },
    ];
    let rows = two(Settings::default()).sample_sizes(&truths, &[10, 20, 30, 40]).unwrap();
    assert!(rows.is_sorted_by(|a, b| a.p_best < b.p_best), "{rows:?}");
    assert_eq!(rows.iter().map(|row| row.patients).collect::<Vec<_>>(), [10, 20, 30, 40]);
}

#[test]
fn the_statement_names_arms_blocks_strata_and_what_is_not_shown() {
    let stratum =
        Stratum { name: "prior lines".to_owned(), categories: vec!["2".to_owned(), "3 or more".to_owned()] };
    let says =
        two(Settings { block_sizes: vec![4, 6], strata: vec![stratum], ..Settings::default() }).statement();
    assert_eq!(says[0], "40 patients are randomised equally to 2 arms: middle, high.");
    assert_eq!(says[1], "Allocation is by permuted blocks of length 4 or 6.");
    assert!(says[2].contains("prior lines (2, 3 or more): 2 strata"));
    assert_eq!(says.last().unwrap(), NOT_POWERED);
}

#[test]
fn each_bad_setting_is_named() {
    let good = || Settings { arms: names(2), ..Settings::default() };
    let stratum = |categories: &[&str]| Stratum {
        name: "sex".to_owned(),
        categories: categories.iter().map(|name| (*name).to_owned()).collect(),
    };
    let cases = [
        (Settings::default(), "arms"),
        (Settings { arms: vec!["a".to_owned(); 2], ..good() }, "arms"),
        (Settings { patients: 4, ..good() }, "patients"),
        (Settings { patients: 1_000_000, ..good() }, "patients"),
        (Settings { utility_none: -1.0, ..good() }, "utility-none"),
        (Settings { utility_both: f64::NAN, ..good() }, "utility-both"),
        (Settings { delta: 1.1, ..good() }, "delta"),
        (Settings { utility_delta: f64::INFINITY, ..good() }, "utility-delta"),
        (Settings { probability: 1.0, ..good() }, "probability"),
        (Settings { tolerability_gain: -0.1, ..good() }, "tolerability-gain"),
        (Settings { block_sizes: vec![3], ..good() }, "block-sizes"),
        (Settings { block_sizes: vec![0], ..good() }, "block-sizes"),
        (Settings { strata: vec![stratum(&["f", "m"])], ..good() }, "strata"),
        (Settings { strata: vec![stratum(&["f"])], block_sizes: vec![4], ..good() }, "strata"),
        (Settings { backfill: vec![Outcomes::default()], ..good() }, "backfill"),
        (Settings { backfill: vec![outcomes([90, 0, 0, 0]); 2], pool_backfill: true, ..good() }, "backfill"),
        (Settings { pool_backfill: true, ..good() }, "pool-backfill"),
    ];
    for (settings, key) in cases {
        let problems = settings.check();
        assert!(problems.iter().any(|problem| problem.key == key), "{key}: {problems:?}");
        assert!(Randomised::try_from(settings).is_err());
    }
}

#[test]
fn truths_and_counts_that_cannot_be_are_refused() {
    let trial = two(Settings::default());
    let truth = |efficacy, toxicity, correlation| Truth { efficacy, toxicity, correlation };
    let good = truth(0.4, 0.2, 0.0);
    for (bad, key) in [
        (truth(1.4, 0.2, 0.0), "efficacy"),
        (truth(0.4, f64::NAN, 0.0), "toxicity"),
        (truth(0.4, 0.2, 0.9), "correlation"),
        (truth(0.4, 0.2, f64::NAN), "correlation"),
    ] {
        assert_eq!(trial.characteristics(&[good, bad]).unwrap_err().key, key);
    }
    assert_eq!(trial.characteristics(&[good]).unwrap_err().key, "truth");
    assert_eq!(trial.sample_sizes(&[good, good], &[101]).unwrap_err().key, "patients");
    assert_eq!(trial.decide(&[Outcomes::default(); 2]).unwrap_err().key, "outcomes");
    assert_eq!(trial.decide(&[outcomes([u32::MAX; 4]); 2]).unwrap_err().key, "outcomes");
    assert_eq!(trial.decide(&[outcomes([9, 0, 0, 0])]).unwrap_err().key, "outcomes");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]

    #[test]
    fn probabilities_are_probabilities_and_choices_repeat(
        arms in prop::collection::vec((0.0..=1.0_f64, 0.0..=1.0_f64), 2..=3),
        patients in 5_u32..16,
        (non_inferior, posterior) in (any::<bool>(), any::<bool>()),
    ) {
        let truths: Vec<Truth> =
            arms.iter().map(|&(efficacy, toxicity)| Truth { efficacy, toxicity, correlation: 0.0 }).collect();
        let settings = Settings {
            arms: names(truths.len()),
            patients,
            choosing: if non_inferior { Choosing::NonInferior } else { Choosing::Utility },
            sense: if posterior { Sense::Posterior } else { Sense::Observed },
            ..Settings::default()
        };
        let exact = trial(settings.clone()).characteristics(&truths).unwrap();
        prop_assert!((exact.choose.iter().sum::<f64>() - 1.0).abs() < 1e-12);
        let bound = -1e-12..=1.0 + 1e-12;
        for probability in exact.choose.iter().chain([&exact.p_best, &exact.p_wrong_utility, &exact.p_wrong_response]) {
            prop_assert!(bound.contains(probability));
        }
        prop_assert_eq!(exact, trial(settings).characteristics(&truths).unwrap());
    }
}
