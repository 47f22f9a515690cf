//! Exact operating characteristics against independent enumerations and large simulations.

#![allow(clippy::unwrap_used, clippy::panic, missing_docs)]

use posology_design::Design;
use posology_design::characteristics::{Scenario, Yardstick};
use posology_design::graph::{Graph, STATES_MAX};
use serde_json::{Value, json};

fn design(settings: Value) -> Design {
    serde_json::from_value(settings).unwrap()
}

fn numbers(list: &Value) -> Vec<f64> {
    list.as_array().unwrap().iter().map(|number| number.as_f64().unwrap()).collect()
}

fn boin(target: f64, levels: usize, max: u32) -> Value {
    json!({"design": "boin", "target": target, "doses": levels, "max-patients": max})
}

#[track_caller]
fn close(found: f64, expected: f64, within: f64) {
    assert!((found - expected).abs() <= within, "found {found}, expected {expected} within {within}");
}

#[test]
fn boin_equals_an_independent_enumeration_of_the_package_s_algorithm() {
    // Source: a forward enumeration in Python on the boundary table of BOIN 2.7.2.
    let fixture: Value = serde_json::from_str(include_str!("fixtures/boin.json")).unwrap();
    for case in fixture["exact"].as_array().unwrap() {
        let truth = numbers(&case["input"]["p_true"]);
        let target = case["input"]["target"].as_f64().unwrap();
        let graph = Graph::compile(&design(boin(target, truth.len(), 30)), STATES_MAX, 1).unwrap();
        let oc = &graph.characteristics(&[Scenario::of(&truth)], Yardstick::new(target, 30), 1).unwrap()[0];
        for (found, expected) in oc.select.iter().zip(numbers(&case["selpercent"])) {
            close(100.0 * found, expected, 1e-10);
        }
        close(100.0 * oc.select_none, case["percentstop"].as_f64().unwrap(), 1e-10);
        for (found, expected) in oc.patients.iter().zip(numbers(&case["npatients"])) {
            close(*found, expected, 1e-11);
        }
        for (found, expected) in oc.dlts.iter().zip(numbers(&case["ntox"])) {
            close(*found, expected, 1e-11);
        }
    }
}

#[test]
fn the_gradient_is_the_slope_of_the_selection_probabilities() {
    let graph = Graph::compile(&design(boin(0.3, 4, 24)), STATES_MAX, 1).unwrap();
    let truth = [0.1, 0.2, 0.3, 0.5];
    let gradient = graph.selection_gradient(&Scenario::of(&truth));
    let select = |truth: &[f64]| {
        let oc = graph.characteristics(&[Scenario::of(truth)], Yardstick::new(0.3, 24), 1).unwrap().remove(0);
        [oc.select, vec![oc.select_none]].concat()
    };
    let step = 1e-5;
    for level in 0..4 {
        let moved = |by: f64| {
            let mut truth = truth;
            truth[level] += by;
            select(&truth)
        };
        for (selected, (up, down)) in moved(step).into_iter().zip(moved(-step)).enumerate() {
            close(gradient[selected][level], (up - down) / (2.0 * step), 1e-8);
        }
    }
}

#[test]
fn the_answer_is_the_same_on_any_number_of_threads_and_in_any_company() {
    let design = design(boin(0.25, 6, 36));
    let one = Graph::compile(&design, STATES_MAX, 1).unwrap();
    let many = Graph::compile(&design, STATES_MAX, 3).unwrap();
    let scenarios: Vec<Scenario> = (0..23)
        .map(|step| Scenario::of(&[0.01, 0.1, 0.2, 0.25, 0.4, 0.01 * f64::from(step) + 0.4]))
        .collect();
    let together = many.characteristics(&scenarios, Yardstick::new(0.25, 36), 3).unwrap();
    for (scenario, other) in scenarios.iter().zip(together) {
        let alone = one
            .characteristics(std::slice::from_ref(scenario), Yardstick::new(0.25, 36), 1)
            .unwrap()
            .remove(0);
        assert_eq!(alone, other);
    }
}

#[test]
fn a_budget_that_does_not_suffice_is_refused_with_an_estimate_near_the_truth() {
    let design = design(boin(0.3, 5, 30));
    let full = Graph::compile(&design, STATES_MAX, 1).unwrap().size().states as f64;
    let refusal = Graph::compile(&design, 3_000, 1).unwrap_err();
    let posology_design::graph::NoGraph::TooLarge { estimate, .. } = refusal else { panic!("{refusal}") };
    assert!(estimate > full / 10.0 && estimate < full * 10.0, "estimated {estimate}, is {full}");
}

#[test]
#[ignore = "prints sizes and times for people"]
fn sizes_and_times() {
    for (levels, max, size) in [(5, 30, 3), (5, 30, 1), (6, 36, 3), (8, 60, 3)] {
        let mut settings = boin(0.3, levels, max);
        settings["cohort-size"] = size.into();
        let design = design(settings);
        let start = std::time::Instant::now();
        let graph = Graph::compile(&design, STATES_MAX, 2).unwrap();
        let compiled = start.elapsed();
        let truth: Vec<f64> = (0..levels).map(|level| 0.05 + 0.1 * level as f64).collect();
        let start = std::time::Instant::now();
        graph.characteristics(&[Scenario::of(&truth)], Yardstick::new(0.3, max), 1).unwrap();
        let one = start.elapsed();
        let thousand: Vec<Scenario> = (0..1_000).map(|_| Scenario::of(&truth)).collect();
        let start = std::time::Instant::now();
        graph.characteristics(&thousand, Yardstick::new(0.3, max), 2).unwrap();
        println!(
            "{levels} {max} {size}: {:?} compile {compiled:?} one {one:?} thousand {:?}",
            graph.size(),
            start.elapsed()
        );
    }
}

#[test]
fn on_a_plateau_each_level_with_the_true_mtds_rate_is_right() {
    let graph = Graph::compile(&design(boin(0.3, 4, 24)), STATES_MAX, 1).unwrap();
    let truth = Scenario::of(&[0.1, 0.3, 0.3, 0.6]);
    let oc = graph.characteristics(&[truth], Yardstick::new(0.3, 24), 1).unwrap().remove(0);
    assert_eq!(oc.true_mtd, Some(2));
    close(oc.p_correct, oc.select[1] + oc.select[2], 1e-15);
    close(oc.p_select_above, oc.select[3], 1e-15);
}
