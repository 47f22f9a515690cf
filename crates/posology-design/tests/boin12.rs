//! BOIN12 against the paper's rule and the R package escalation 0.2.3.

#![allow(clippy::unwrap_used)]

use posology_design::boin12::{Boin12, Settings};
use posology_design::{Action, AtLevel, Data, Design, Level};
use proptest::prelude::*;
use serde_json::{Value, json};

fn fixture() -> Value {
    serde_json::from_str(include_str!("fixtures/boin12.json")).unwrap()
}

fn design(extra: Value) -> Design {
    let mut settings = json!({"design": "boin12", "doses": 5, "target": 0.35});
    settings.as_object_mut().unwrap().extend(extra.as_object().unwrap().clone());
    serde_json::from_value(settings).unwrap()
}

fn next(design: &Design, outcomes: &str) -> (Action, Option<u32>) {
    let decision = design.next(&Data::from_outcomes(5, outcomes).unwrap()).unwrap();
    (decision.action, decision.level.map(Level::number))
}

#[test]
fn desirability_scores_are_those_of_the_package() {
    let rule = Boin12::try_from(Settings { target: Some(0.35), ..Settings::default() }).unwrap();
    let scores = rule.scores(&[0, 3, 6, 9, 12]).unwrap();
    let expected = fixture()["scores"].as_array().unwrap().clone();
    assert!(expected.len() > 200);
    for row in expected {
        let count = |place: usize| row[place].as_u64().unwrap() as u32;
        let score = scores
            .iter()
            .find(|score| (score.patients, score.dlt, score.efficacy) == (count(0), count(1), count(2)))
            .unwrap();
        assert_eq!(score.score, row[3].as_f64(), "{row}");
        assert_eq!(score.both, None);
    }
}

#[test]
fn desirabilities_are_those_of_the_package() {
    let boin12 = design(json!({}));
    for fit in fixture()["fits"].as_array().unwrap() {
        let data = Data::from_outcomes(5, fit["outcomes"].as_str().unwrap()).unwrap();
        let numbers = boin12.numbers(&data).unwrap();
        for (index, level) in numbers.levels.iter().enumerate() {
            let utility = fit["utility"][index].as_f64().unwrap();
            assert!((level.utility.unwrap() - utility).abs() < 1e-10, "{fit}");
            let mean = fit["mean_prob_tox"][index].as_f64().unwrap();
            assert!((level.mean.unwrap() - mean).abs() < 1e-12, "{fit}");
        }
    }
}

#[test]
fn decisions_are_those_of_the_package_but_for_the_listed_differences() {
    // The package goes on at level 1 though 6 DLTs among 9 close it.
    let differ = [("1NBT 1TTN 1TNB", (Action::Stop, None))];
    // Ties and the exploration of an untried level as the package has them.
    let boin12 = design(json!({"higher-on-tie": true, "explore-from": 9}));
    for fit in fixture()["fits"].as_array().unwrap() {
        let outcomes = fit["outcomes"].as_str().unwrap();
        let (action, level) = next(&boin12, outcomes);
        match differ.iter().find(|differ| differ.0 == outcomes) {
            Some((_, expected)) => assert_eq!((action, level), *expected, "{outcomes}"),
            None => assert_eq!(level.map(u64::from), fit["recommended"].as_u64(), "{outcomes}"),
        }
    }
}

#[test]
fn a_level_that_is_too_toxic_closes_all_above_it() {
    // The paper's limits close a level at 3 of 3 DLTs.
    let boin12 = design(json!({}));
    let data = Data::from_outcomes(5, "1EEN 2EEE 3TTT").unwrap();
    let closed: Vec<bool> =
        boin12.numbers(&data).unwrap().levels.iter().map(|level| level.eliminated).collect();
    assert_eq!(closed, [false, false, true, true, true]);
    assert_eq!(next(&boin12, "1EEN 2EEE 3TTT"), (Action::DeEscalate, Some(2)));
    assert_eq!(next(&boin12, "1TTT"), (Action::Stop, None));
}

#[test]
fn a_level_without_a_responder_among_nine_is_closed_alone() {
    // 0 of 9 is below 0.25 with probability 1 - 0.75^10 = 0.944; 0 of 6 only 0.867.
    let boin12 = design(json!({}));
    let closed = |outcomes: &str| -> Vec<bool> {
        let data = Data::from_outcomes(5, outcomes).unwrap();
        boin12.numbers(&data).unwrap().levels.iter().map(|level| level.eliminated).collect()
    };
    assert_eq!(closed("1NNN 1NNN"), [false; 5]);
    assert_eq!(closed("1NNN 1NNN 1NNN"), [true, false, false, false, false]);
    assert_eq!(next(&boin12, "1NNN 1NNN 1NNN"), (Action::Escalate, Some(2)));
    // A lower level that is futile is passed over, and one that has none below it is kept while it is open.
    assert_eq!(next(&boin12, "1NNN 1NNN 1NNN 2BTE"), (Action::Stay, Some(2)));
}

#[test]
fn the_level_above_is_out_of_reach_between_the_rates_from_n_star_patients_on() {
    // 1 of 3 and 2 of 6 lie between 0.276 and 0.419.
    let boin12 = design(json!({}));
    assert_eq!(next(&boin12, "1NNT"), (Action::Escalate, Some(2)));
    assert_eq!(next(&boin12, "1NNT 1NET"), (Action::Stay, Some(1)));
    assert_eq!(next(&design(json!({"n-star": 7})), "1NNT 1NET"), (Action::Escalate, Some(2)));
}

#[test]
fn the_lower_of_equally_desirable_levels_comes_next_by_default() {
    let outcomes = "1EEE 2EEE";
    assert_eq!(next(&design(json!({})), outcomes), (Action::DeEscalate, Some(1)));
    assert_eq!(next(&design(json!({"higher-on-tie": true})), outcomes), (Action::Stay, Some(2)));
}

#[test]
fn the_selection_is_the_most_useful_level_up_to_the_tolerated_one() {
    let boin12 = design(json!({}));
    let selected = |outcomes: &str| {
        let data = Data::from_outcomes(5, outcomes).unwrap();
        boin12.mtd(&data).unwrap().level.map(Level::number)
    };
    // Rates 0, 0, 1/3: level 3 is tolerated; mean utilities (1 + 1.8)/5, (1 + 2.4)/5, (1 + 2)/5.
    assert_eq!(selected("1ENN 2EEN 3EBN"), Some(2));
    // Rates 0, 1/3, 2/3: level 2 is nearest to 0.35, so the utility of level 3 does not count.
    assert_eq!(selected("1NNN 2TEN 3BBE"), Some(2));
    assert_eq!(selected("1TTT"), None);
}

#[test]
fn the_trial_ends_when_it_would_stay_at_a_full_level() {
    let boin12 = design(json!({"early-stop-n": 6}));
    assert_eq!(next(&boin12, "1EEE"), (Action::Stay, Some(1)));
    assert_eq!(next(&boin12, "1EEE 1EEE"), (Action::Complete, Some(1)));
}

#[test]
fn each_bad_setting_is_named() {
    let cases = [
        (json!({"target": 0.0}), "target"),
        (json!({"target": 1.5}), "target"),
        (json!({"p-under": 0.4}), "p-under"),
        (json!({"p-over": 0.2}), "p-over"),
        (json!({"efficacy-minimum": 0.0}), "efficacy-minimum"),
        (json!({"efficacy-minimum": 0.92}), "efficacy-cutoff"),
        (json!({"utility-none": -1}), "utility-none"),
        (json!({"utility-both": 101}), "utility-both"),
        (json!({"n-star": 0}), "n-star"),
        (json!({"toxicity-cutoff": 1.0}), "toxicity-cutoff"),
        (json!({"toxicity-cutoff": 0.6}), "toxicity-cutoff"),
        (json!({"efficacy-cutoff": 0}), "efficacy-cutoff"),
        (json!({"explore-from": 0}), "explore-from"),
        (json!({"early-stop-n": 0}), "early-stop-n"),
        (json!({"cohort-size": 0}), "cohort-size"),
        (json!({"doses": 1000}), "doses"),
    ];
    for (extra, key) in cases {
        let mut settings = json!({"design": "boin12", "doses": 5, "target": 0.35});
        settings.as_object_mut().unwrap().extend(extra.as_object().unwrap().clone());
        let settings: posology_design::Settings = serde_json::from_value(settings).unwrap();
        let problems = settings.check();
        assert!(problems.iter().any(|problem| problem.key == key), "{extra}: {problems:?}");
    }
    for field in ["utility_none", "efficacy_minimum", "toxicity_cutoff"] {
        let mut settings = Settings { target: Some(0.35), ..Settings::default() };
        match field {
            "utility_none" => settings.utility_none = f64::NAN,
            "efficacy_minimum" => settings.efficacy_minimum = f64::INFINITY,
            _ => settings.toxicity_cutoff = f64::NAN,
        }
        let key = field.replace('_', "-");
        assert!(settings.check().iter().any(|problem| problem.key == key), "{field}");
    }
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
    fn patients_never_go_to_a_closed_level_nor_more_than_one_up(
        levels in prop::collection::vec(any_level(), 5),
        current in 1_u32..=5,
    ) {
        let boin12 = design(json!({}));
        let data = Data::new(levels, Level::new(current)).unwrap();
        let decision = boin12.next(&data).unwrap();
        let numbers = boin12.numbers(&data).unwrap();
        prop_assert_eq!(&decision, &boin12.next(&data).unwrap());
        prop_assert!(!decision.because.is_empty());
        if let Some(level) = decision.level.filter(|_| data.patients() > 0) {
            prop_assert!(!numbers.levels[level.index()].eliminated);
            // A trial that ends names the level it selects, among all treated.
            let ends = matches!(decision.action, Action::Stop | Action::Complete);
            prop_assert!(ends || level.number() <= current + 1);
            if decision.action == Action::Escalate {
                prop_assert!(data.levels()[current as usize - 1].patients() > 0);
            }
        }
        if let Some(level) = boin12.mtd(&data).unwrap().level {
            prop_assert!(!numbers.levels[level.index()].eliminated && numbers.levels[level.index()].evaluable > 0);
        }
        for level in &numbers.levels {
            prop_assert!((0.0..=100.0).contains(&level.utility.unwrap()));
        }
    }

    #[test]
    fn one_more_responder_never_makes_a_level_less_desirable(
        (none, toxic, both) in (1_u32..20, 0_u32..20, 0_u32..20),
    ) {
        let boin12 = design(json!({}));
        let utility = |efficacy_only: u32, none: u32| {
            let at = AtLevel { dlt: toxic + both, no_dlt: none + efficacy_only, efficacy_only, both, ..AtLevel::default() };
            let levels = vec![at, AtLevel::default(), AtLevel::default(), AtLevel::default(), AtLevel::default()];
            boin12.numbers(&Data::new(levels, None).unwrap()).unwrap().levels[0].utility.unwrap()
        };
        prop_assert!(utility(1, none - 1) >= utility(0, none));
    }
}
