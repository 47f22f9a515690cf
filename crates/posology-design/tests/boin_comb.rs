//! BOIN on a grid against R's BOIN 2.7.2 (`next.comb`, `select.mtd.comb`) and Iso 0.0.21, and what must hold for any data.
#![allow(clippy::unwrap_used, clippy::panic, missing_docs)]

use posology_design::numeric::isotonic_grid;
use posology_design::{Action, AtLevel, Data, Design, Level, Problems, Settings};
use proptest::prelude::*;
use serde_json::{Value, json};

fn design(settings: Value) -> Design {
    let mut whole = json!({"design": "boin-comb", "target": 0.3, "max-patients": 72});
    for (key, value) in settings.as_object().unwrap() {
        whole[key] = value.clone();
    }
    serde_json::from_value(whole).unwrap()
}

fn refused(settings: Value) -> Vec<String> {
    let mut whole = json!({"design": "boin-comb", "target": 0.3, "rows": 2, "columns": 3});
    for (key, value) in settings.as_object().unwrap() {
        whole[key] = value.clone();
    }
    let settings: Settings = serde_json::from_value(whole).unwrap();
    let Err(Problems(problems)) = Design::try_from(settings) else { return Vec::new() };
    problems.into_iter().map(|problem| problem.key).collect()
}

type Matrix<T> = Vec<Vec<T>>;

fn matrix<T: std::str::FromStr>(text: &str) -> Matrix<T>
where
    T::Err: std::fmt::Debug,
{
    text.split('/').map(|row| row.split(',').map(|cell| cell.parse().unwrap()).collect()).collect()
}

fn data(treated: &Matrix<u32>, dlts: &Matrix<u32>, current: Option<Level>) -> Data {
    let cells = treated.iter().flatten().zip(dlts.iter().flatten());
    let levels = cells.map(|(&n, &y)| AtLevel { dlt: y, no_dlt: n - y, ..AtLevel::default() }).collect();
    Data::new(levels, current).unwrap()
}

fn level(combination: &[u32], columns: usize) -> Option<Level> {
    Level::new((combination[0] - 1) * columns as u32 + combination[1])
}

/// Every next combination is one that the package gives; where it draws among several, the one with the least of the
/// first agent.
#[test]
fn next_combinations_are_those_of_the_package() {
    let mut checked = 0;
    for line in include_str!("fixtures/boin_comb.txt").lines() {
        let Some(line) = line.strip_prefix("next ") else { continue };
        let [current, treated, dlts, set] = line.split(' ').collect::<Vec<_>>().try_into().unwrap();
        let (treated, dlts) = (matrix::<u32>(treated), matrix::<u32>(dlts));
        let (rows, columns) = (treated.len(), treated[0].len());
        let design = design(json!({"rows": rows, "columns": columns}));
        let current = level(&matrix::<u32>(current)[0], columns);
        let next = design.next(&data(&treated, &dlts, current)).unwrap();
        if set == "-" {
            assert_eq!(next.action, Action::Stop, "{line}");
        } else {
            let least = matrix::<u32>(set).into_iter().min().unwrap();
            assert_eq!(next.level, level(&least, columns), "{line}");
        }
        checked += 1;
    }
    assert!(checked > 100, "{checked}");
}

#[test]
fn selections_contours_and_isotonic_rates_are_those_of_the_package() {
    let mut checked = 0;
    for line in include_str!("fixtures/boin_comb.txt").lines() {
        let Some(line) = line.strip_prefix("final ") else { continue };
        let [treated, dlts, mtd, contour, rates] = line.split(' ').collect::<Vec<_>>().try_into().unwrap();
        let (treated, dlts) = (matrix::<u32>(treated), matrix::<u32>(dlts));
        let (rows, columns) = (treated.len(), treated[0].len());
        let design = design(json!({"rows": rows, "columns": columns, "mtd-contour": true}));
        let data = data(&treated, &dlts, None);
        let of = |text: &str| -> Vec<Level> {
            if text == "-" {
                return Vec::new();
            }
            matrix::<u32>(text)
                .iter()
                .filter(|cell| cell[0] != 99)
                .map(|cell| level(cell, columns).unwrap())
                .collect()
        };
        assert_eq!(Vec::from_iter(design.mtd(&data).unwrap().level), of(mtd), "{line}");
        assert_eq!(design.contour(&data).unwrap(), of(contour), "{line}");
        let weights: Vec<f64> = treated.iter().flatten().map(|n| f64::from(*n) + 0.1).collect();
        let values: Vec<f64> =
            dlts.iter().flatten().zip(&weights).map(|(y, weight)| (f64::from(*y) + 0.05) / weight).collect();
        let fitted = isotonic_grid(&values, &weights, columns);
        for (fitted, expected) in fitted.iter().zip(matrix::<f64>(rates).iter().flatten()) {
            // The package stops iterating some 1e-8 from the answer.
            assert!((fitted - expected).abs() < 2e-7, "{fitted} {expected} {line}");
        }
        checked += 1;
    }
    assert_eq!(checked, 27);
}

/// Equal counts are a tie: two untreated neighbours, and two with 1 of 3 each.
#[test]
fn of_two_equally_promising_neighbours_the_one_with_less_of_the_first_agent_is_taken() {
    let design = design(json!({"rows": 2, "columns": 2}));
    let next =
        design.next(&data(&vec![vec![3, 0], vec![0, 0]], &vec![vec![0, 0], vec![0, 0]], None)).unwrap();
    assert_eq!(next.level, Level::new(2));
    let rules: Vec<&str> = next.because.iter().map(|because| because.rule.as_str()).collect();
    assert_eq!(rules, ["boin-comb/escalate", "boin-comb/neighbour-tie"]);
    let next = design
        .next(&data(&vec![vec![3, 3], vec![3, 3]], &vec![vec![0, 1], vec![1, 2]], Level::new(4)))
        .unwrap();
    assert_eq!((next.action, next.level), (Action::DeEscalate, Level::new(2)));
}

/// (1, 2) has 3 of 3 and closes (2, 2); the trial is at (2, 2) with 0 of 3, and (2, 1) is open.
#[test]
fn a_closed_combination_is_left_at_once_for_an_open_one() {
    let design = design(json!({"rows": 2, "columns": 2}));
    let data = data(&vec![vec![3, 3], vec![3, 3]], &vec![vec![0, 3], vec![0, 0]], Level::new(4));
    let next = design.next(&data).unwrap();
    assert_eq!((next.action, next.level), (Action::DeEscalate, Level::new(3)));
    assert_eq!(design.mtd(&data).unwrap().level, Level::new(3));
}

#[test]
fn settings_out_of_range_are_refused_by_name() {
    assert_eq!(refused(json!({})), [""; 0]);
    assert_eq!(refused(json!({"doses": 6})), [""; 0]);
    assert_eq!(refused(json!({"doses": 5})), ["doses"]);
    assert_eq!(refused(json!({"rows": 0})), ["rows"]);
    assert_eq!(refused(json!({"rows": 1_000_000, "columns": 1_000_000})), ["rows", "columns"]);
    assert_eq!(refused(json!({"rows": 11, "columns": 10})), ["columns"]);
    assert_eq!(refused(json!({"start": 7})), ["start"]);
    assert_eq!(refused(json!({"target": 1.5})), ["target"]);
}

/// The isotonic fit as a maximum over upper sets of a minimum over lower sets, by trying all of them.
fn by_brute_force(values: &[f64], weights: &[f64], columns: usize) -> Vec<f64> {
    let cells = values.len();
    let below = |a: usize, b: usize| a / columns <= b / columns && a % columns <= b % columns;
    let lower: Vec<u32> = (0..1_u32 << cells)
        .filter(|set| {
            (0..cells).all(|b| set >> b & 1 == 0 || (0..cells).all(|a| !below(a, b) || set >> a & 1 == 1))
        })
        .collect();
    let mean = |set: u32| {
        let within = (0..cells).filter(|cell| set >> cell & 1 == 1);
        let (sum, total) = within.fold((0.0, 0.0), |(sum, total), cell| {
            (sum + weights[cell] * values[cell], total + weights[cell])
        });
        sum / total
    };
    let at = |cell: usize| {
        let uppers = lower.iter().map(|set| !set).filter(|upper| upper >> cell & 1 == 1);
        let least = |upper: u32| {
            let lowers = lower.iter().filter(|set| *set >> cell & 1 == 1);
            lowers.map(|set| mean(set & upper)).fold(f64::INFINITY, f64::min)
        };
        uppers.map(least).fold(f64::NEG_INFINITY, f64::max)
    };
    (0..cells).map(at).collect()
}

fn grid() -> impl Strategy<Value = (Vec<(u32, u32)>, u32)> {
    (prop::collection::vec((0..8_u32).prop_flat_map(|n| (0..=n, Just(n))), 9), 1..=9_u32)
}

fn of(counts: &[(u32, u32)], current: u32) -> Data {
    let levels = counts.iter().map(|&(y, n)| AtLevel { dlt: y, no_dlt: n - y, ..AtLevel::default() });
    Data::new(levels.collect(), Level::new(current)).unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 80, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_isotonic_grid_is_the_greatest_least_mean(
        cells in prop::collection::vec((0.0..1.0_f64, 0.1..20.0_f64), 9), columns in prop::sample::select(vec![1_usize, 3, 9]),
    ) {
        let (values, weights): (Vec<f64>, Vec<f64>) = cells.into_iter().unzip();
        let fitted = isotonic_grid(&values, &weights, columns);
        for (fitted, expected) in fitted.iter().zip(by_brute_force(&values, &weights, columns)) {
            prop_assert!((fitted - expected).abs() < 1e-12, "{fitted} {expected}");
        }
        if columns == 9 {
            for (fitted, expected) in fitted.iter().zip(posology_design::numeric::isotonic(&values, &weights)) {
                prop_assert!((fitted - expected).abs() < 1e-12);
            }
        }
    }

    #[test]
    fn one_column_is_boin_but_for_levels_that_asked_to_de_escalate(dlts in prop::collection::vec(0..=3_u32, 10)) {
        let comb = design(json!({"rows": 4, "columns": 1}));
        let boin: Design = serde_json::from_value(json!({"design": "boin", "target": 0.3, "doses": 4, "max-patients": 72})).unwrap();
        let (mut counts, mut current) = (vec![(0, 0); 4], 1);
        for dlts in dlts {
            counts[current as usize - 1].0 += dlts;
            counts[current as usize - 1].1 += 3;
            let data = of(&counts, current);
            let (one, other) = (comb.next(&data).unwrap(), boin.next(&data).unwrap());
            if one.because.iter().any(|because| because.rule == "boin-comb/no-neighbour") {
                prop_assert!(one.level <= other.level);
            } else {
                prop_assert_eq!((one.action, one.level, one.enrol), (other.action, other.level, other.enrol));
            }
            let Some(level) = one.level else { break };
            current = level.number();
        }
    }

    #[test]
    fn neither_next_nor_selected_is_closed_and_a_step_is_one((counts, current) in grid()) {
        let design = design(json!({"rows": 3, "columns": 3}));
        let data = of(&counts, current);
        let next = design.next(&data).unwrap();
        let numbers = design.numbers(&data).unwrap();
        let place = |number: u32| ((number - 1) / 3, (number - 1) % 3);
        if let (Some(level), true) = (next.level, next.enrol > 0) {
            prop_assert!(!numbers.levels[level.index()].eliminated);
            let ((row, column), (to_row, to_column)) = (place(current), place(level.number()));
            prop_assert!(to_row + to_column <= row + column + 1 && to_row <= row + 1 && to_column <= column + 1);
            prop_assert!(to_row + to_column != row + column || level.number() == current);
        }
        for level in design.mtd(&data).unwrap().level.into_iter().chain(design.contour(&data).unwrap()) {
            prop_assert!(!numbers.levels[level.index()].eliminated);
            prop_assert!(counts[level.index()].1 > 0);
        }
        prop_assert_eq!(design.next(&data).unwrap(), next);
    }

    #[test]
    fn a_dlt_at_the_current_combination_never_leads_to_more_in_total((counts, current) in grid()) {
        let at = current as usize - 1;
        prop_assume!(counts[at].0 < counts[at].1);
        let design = design(json!({"rows": 3, "columns": 3}));
        let mut worse = counts.clone();
        worse[at].0 += 1;
        let total = |counts: &[(u32, u32)]| {
            let level = design.next(&of(counts, current)).unwrap().level;
            level.map_or(-1, |level| (level.number() as i32 - 1) / 3 + (level.number() as i32 - 1) % 3)
        };
        prop_assert!(total(&worse) <= total(&counts));
    }
}

#[test]
fn a_trial_s_regimens_can_be_the_grid() {
    let settings: Settings =
        serde_json::from_value(json!({"design": "boin-comb", "target": 0.3, "rows": 2, "columns": 2}))
            .unwrap();
    let names: Vec<String> = ["A1 B1", "A1 B2", "A2 B1", "A2 B2"].map(String::from).to_vec();
    assert!(Design::try_from(settings.clone().for_regimens(&names).unwrap()).is_ok());
    let Err(Problems(problems)) = Design::try_from(settings.for_regimens(&names[..3]).unwrap()) else {
        panic!("three regimens are no 2 by 2 grid")
    };
    assert_eq!(problems[0].key, "doses");
}

/// By hand: of 3 at (1, 1) nobody has a DLT with probability 0.9^3, and then the second cohort goes to (1, 2); with one or
/// two DLTs the trial stays there (de-escalation has nowhere to go), with three it stops.
#[test]
fn exact_characteristics_of_two_cohorts_are_those_worked_by_hand() {
    use posology_design::characteristics::{Scenario, Yardstick};
    use posology_design::graph::{Graph, STATES_MAX};
    let design = design(json!({"rows": 2, "columns": 2, "max-patients": 6}));
    let graph = Graph::compile(&design, STATES_MAX, 1).unwrap();
    let truth = Scenario::of(&[0.1, 0.2, 0.3, 0.4]);
    let oc = &graph.characteristics(&[truth], Yardstick::new(0.3, 6), 1).unwrap()[0];
    let (none, all) = (0.9_f64.powi(3), 0.1_f64.powi(3));
    assert!((oc.patients[1] - 3.0 * none).abs() < 1e-12);
    assert!((oc.patients[0] - (3.0 + 3.0 * (1.0 - none - all))).abs() < 1e-12);
    assert!((oc.select.iter().sum::<f64>() + oc.select_none - 1.0).abs() < 1e-12);
}
