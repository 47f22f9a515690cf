//! BOIN-ET: boundaries of the R package boinet 1.5.0, and the paper's rule case by case.

#![allow(clippy::unwrap_used)]

use posology_design::boin_et::{Settings, bounds};
use posology_design::{Action, AtLevel, Data, Design, Level};
use proptest::prelude::*;
use serde_json::{Value, json};

fn design(extra: Value) -> Design {
    let mut settings = json!({"design": "boin-et", "doses": 4, "target": 0.3});
    settings.as_object_mut().unwrap().extend(extra.as_object().unwrap().clone());
    serde_json::from_value(settings).unwrap()
}

fn next(design: &Design, outcomes: &str) -> (Action, Option<u32>) {
    let decision = design.next(&Data::from_outcomes(4, outcomes).unwrap()).unwrap();
    (decision.action, decision.level.map(Level::number))
}

#[test]
fn boundaries_are_those_of_the_package() {
    // R package boinet 1.5.0, gridoptim: target, under, over, aim, minimum; lambda1, lambda2, eta1.
    let cases = [
        ([0.3, 0.03, 0.42, 0.6, 0.36], [0.14, 0.35, 0.48]),
        ([0.3, 0.1, 0.4, 0.4, 0.2], [0.21, 0.34, 0.29]),
        ([0.33, 0.033, 0.462, 0.6, 0.36], [0.153, 0.39, 0.48]),
    ];
    for ([target, under, over, aim, minimum], [low, high, efficacy]) in cases {
        let found = bounds(target, under, over, aim, minimum);
        assert!((found.toxicity_low - low).abs() < 1e-9, "{found:?}");
        assert!((found.toxicity_high - high).abs() < 1e-9, "{found:?}");
        assert!((found.efficacy_low - efficacy).abs() < 1e-9, "{found:?}");
    }
}

#[test]
fn each_region_of_the_two_rates_has_its_move() {
    // Bounds 0.14, 0.35 and 0.48.
    let boin_et = design(json!({}));
    assert_eq!(next(&boin_et, "1NNN"), (Action::Escalate, Some(2)));
    assert_eq!(next(&boin_et, "1NNE"), (Action::Escalate, Some(2)));
    assert_eq!(next(&boin_et, "1NEE"), (Action::Stay, Some(1)));
    assert_eq!(next(&boin_et, "1TEE"), (Action::Stay, Some(1)));
    assert_eq!(next(&boin_et, "1NNE 2TTE"), (Action::DeEscalate, Some(1)));
    assert_eq!(next(&boin_et, "1TBE"), (Action::Stay, Some(1))); // no level below the first
}

#[test]
fn between_the_bounds_the_level_above_is_tried_once_and_then_the_best_neighbour_taken() {
    let boin_et = design(json!({}));
    assert_eq!(next(&boin_et, "1NNE 2TNE"), (Action::Escalate, Some(3)));
    assert_eq!(next(&boin_et, "1NNE 3TTE 2TNN"), (Action::DeEscalate, Some(1))); // 1/3, 0, 1/3: the lowest
    assert_eq!(next(&boin_et, "1NNN 3EEE 2TNN"), (Action::Escalate, Some(3)));
    assert_eq!(next(&boin_et, "1NNN 2NNE 3NNN 4TNE"), (Action::Stay, Some(4)));
}

#[test]
fn a_rate_on_a_boundary_belongs_to_the_outer_region() {
    // 7 of 20 is 0.35, 12 of 25 is 0.48.
    let boin_et = design(json!({}));
    let at = |dlt, no_dlt, efficacy_only| AtLevel { dlt, no_dlt, efficacy_only, ..AtLevel::default() };
    let next = |level: AtLevel| {
        let levels = vec![at(0, 3, 0), level, AtLevel::default(), AtLevel::default()];
        boin_et.next(&Data::new(levels, None).unwrap()).unwrap().level.unwrap().number()
    };
    assert_eq!(next(at(7, 13, 13)), 1);
    assert_eq!(next(at(6, 14, 13)), 2);
    assert_eq!(next(at(0, 25, 12)), 3);
    assert_eq!(next(at(0, 25, 13)), 2);
}

#[test]
fn too_toxic_levels_close_those_above_and_the_first_ends_the_trial() {
    let boin_et = design(json!({}));
    // 3 of 3: Pr(rate > 0.3) = 1 - 0.3^4 = 0.992.
    assert_eq!(next(&boin_et, "1TTT"), (Action::Stop, None));
    let data = Data::from_outcomes(4, "1NNN 2TTT").unwrap();
    let closed: Vec<bool> =
        boin_et.numbers(&data).unwrap().levels.iter().map(|level| level.eliminated).collect();
    assert_eq!(closed, [false, true, true, true]);
    assert_eq!(next(&boin_et, "2TTT 1NNN"), (Action::Stay, Some(1)));
}

#[test]
fn a_tried_level_without_efficacy_is_passed_over() {
    // 0 of 12 leaves Pr(rate > 0.36) = 0.64^13 = 0.003, less than 1 - 0.99.
    let boin_et = design(json!({}));
    assert_eq!(next(&boin_et, "2NNNNNNNNNNNN 1NNN"), (Action::Escalate, Some(3)));
    assert_eq!(next(&boin_et, "2NNNNNNNNNNNN 1NNE 3TTE"), (Action::DeEscalate, Some(1)));
}

#[test]
fn the_selection_has_the_highest_efficacy_up_to_the_tolerated_level() {
    let boin_et = design(json!({}));
    let selected = |outcomes: &str| {
        let data = Data::from_outcomes(4, outcomes).unwrap();
        boin_et.mtd(&data).unwrap().level.map(Level::number)
    };
    assert_eq!(selected("1NNE 2NEE 3NET"), Some(2));
    assert_eq!(selected("1NEE 2NEE 3NET"), Some(1)); // as good: the lower
    assert_eq!(selected("1NNE 2NET 3BBB"), Some(1)); // level 3 is too toxic
    assert_eq!(selected("1TTT"), None);
}

#[test]
fn the_trial_ends_when_a_level_is_full() {
    let boin_et = design(json!({"early-stop-n": 6}));
    assert_eq!(next(&boin_et, "1EEE"), (Action::Stay, Some(1)));
    assert_eq!(next(&boin_et, "1EEE 1EEE"), (Action::Complete, Some(1)));
}

#[test]
fn each_bad_setting_is_named() {
    let cases = [
        (json!({"target": 1.0}), "target"),
        (json!({"p-under": 0.3}), "p-under"),
        (json!({"p-over": 1.0}), "p-over"),
        (json!({"efficacy-target": 0}), "efficacy-target"),
        (json!({"efficacy-minimum": 0.6}), "efficacy-minimum"),
        (json!({"toxicity-cutoff": 0.6}), "toxicity-cutoff"),
        (json!({"toxicity-cutoff": 1.0}), "toxicity-cutoff"),
        (json!({"efficacy-cutoff": 0.3}), "efficacy-cutoff"),
        (json!({"early-stop-n": 0}), "early-stop-n"),
    ];
    for (extra, key) in cases {
        let mut settings = json!({"design": "boin-et", "doses": 4, "target": 0.3});
        settings.as_object_mut().unwrap().extend(extra.as_object().unwrap().clone());
        let settings: posology_design::Settings = serde_json::from_value(settings).unwrap();
        let problems = settings.check();
        assert!(problems.iter().any(|problem| problem.key == key), "{extra}: {problems:?}");
    }
    let nan = Settings { target: Some(0.3), efficacy_target: f64::NAN, ..Settings::default() };
    assert!(nan.check().iter().any(|problem| problem.key == "efficacy-target"));
}

fn any_level() -> impl Strategy<Value = AtLevel> {
    (0_u32..8, 0_u32..8, 0_u32..8, 0_u32..8).prop_map(|(none, efficacy_only, toxic, both)| AtLevel {
        dlt: toxic + both,
        no_dlt: none + efficacy_only,
        efficacy_only,
        both,
        ..AtLevel::default()
    })
}

proptest! {
    #[test]
    fn patients_never_go_to_a_closed_level_nor_past_an_untried_one(
        mut levels in prop::collection::vec(any_level(), 4),
        empty in prop::collection::vec(any::<bool>(), 4),
        current in 1_u32..=4,
    ) {
        for (level, empty) in levels.iter_mut().zip(empty) {
            if empty { *level = AtLevel::default(); }
        }
        let boin_et = design(json!({}));
        let data = Data::new(levels, Level::new(current)).unwrap();
        let decision = boin_et.next(&data).unwrap();
        let numbers = boin_et.numbers(&data).unwrap();
        prop_assert_eq!(&decision, &boin_et.next(&data).unwrap());
        prop_assert!(!decision.because.is_empty());
        if let Some(level) = decision.level.filter(|_| data.patients() > 0) {
            prop_assert!(!numbers.levels[level.index()].eliminated);
            for passed in current as usize - 1..level.index() {
                prop_assert!(data.levels()[passed].patients() > 0, "{:?}", decision);
            }
        }
        if let Some(level) = boin_et.mtd(&data).unwrap().level {
            prop_assert!(!numbers.levels[level.index()].eliminated && numbers.levels[level.index()].evaluable > 0);
        }
    }
}
