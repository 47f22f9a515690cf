//! How long an exact answer takes: compiling a design, then scenarios over its graph.
#![allow(clippy::unwrap_used, missing_docs)]

use divan::{Bencher, black_box};
use posology_design::Design;
use posology_design::characteristics::{Scenario, Yardstick};
use posology_design::graph::{Graph, STATES_MAX};

const TRUTH: [f64; 5] = [0.05, 0.15, 0.30, 0.45, 0.60];

fn main() {
    divan::main();
}

fn boin(max: u32, size: u32) -> Design {
    let settings = serde_json::json!({
        "design": "boin", "target": 0.3, "doses": 5, "max-patients": max, "cohort-size": size,
    });
    serde_json::from_value(settings).unwrap()
}

#[divan::bench]
fn boin_5_levels_30_patients_compile_and_one_scenario() -> f64 {
    let graph = Graph::compile(&boin(30, 3), STATES_MAX, 2).unwrap();
    graph.characteristics(&[Scenario::of(&TRUTH)], Yardstick::new(0.3, 30), 1).unwrap()[0].p_correct
}

#[divan::bench]
fn boin_5_levels_30_patients_compile_alone() -> usize {
    Graph::compile(&boin(30, 3), STATES_MAX, 2).unwrap().size().states
}

#[divan::bench]
fn boin_one_further_scenario(bencher: Bencher) {
    let graph = Graph::compile(&boin(30, 3), STATES_MAX, 2).unwrap();
    bencher.bench_local(|| {
        graph.characteristics(black_box(&[Scenario::of(&TRUTH)]), Yardstick::new(0.3, 30), 1).unwrap()
    });
}

#[divan::bench]
fn boin_1000_scenarios(bencher: Bencher) {
    let graph = Graph::compile(&boin(30, 3), STATES_MAX, 2).unwrap();
    let scenarios: Vec<Scenario> = (0..1_000)
        .map(|step| Scenario::of(&TRUTH.map(|rate| rate * (0.5 + f64::from(step) / 1_000.0))))
        .collect();
    bencher.bench_local(|| graph.characteristics(black_box(&scenarios), Yardstick::new(0.3, 30), 2).unwrap());
}
