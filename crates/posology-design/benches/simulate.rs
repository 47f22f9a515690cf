//! Patients a second: `cargo bench -p posology-design --bench simulate`. On two threads.

#![allow(missing_docs, clippy::unwrap_used)]

use divan::Bencher;
use divan::counter::ItemsCount;
use posology_design::characteristics::{Scenario, Yardstick};
use posology_design::simulate::{Plan, simulate};
use serde_json::{Value, json};

const TRUTH: [f64; 5] = [0.05, 0.12, 0.25, 0.40, 0.55];
const THREADS: usize = 2;

fn main() {
    divan::main();
}

fn patients(bencher: Bencher<'_, '_>, design: Value, trials: u64, timing: Option<Value>) {
    let design = serde_json::from_value(design).unwrap();
    let mut plan = Plan::new(design, vec![Scenario::of(&TRUTH)], Yardstick::new(0.25, 30), trials, 1);
    plan.conduct.timing = timing.map(|timing| serde_json::from_value(timing).unwrap());
    let patients = simulate(&plan, THREADS).unwrap()[0].total_patients * trials as f64;
    bencher.counter(ItemsCount::new(patients as u64)).bench(|| simulate(&plan, THREADS).unwrap());
}

fn timing() -> Option<Value> {
    Some(json!({"rate": 2.0, "window": 1.0}))
}

#[divan::bench(sample_count = 5, sample_size = 1)]
fn three_plus_three(bencher: Bencher<'_, '_>) {
    patients(bencher, json!({"design": "3+3", "doses": 5}), 10_000, None);
}

#[divan::bench(sample_count = 5, sample_size = 1)]
fn boin(bencher: Bencher<'_, '_>) {
    let boin = json!({"design": "boin", "target": 0.25, "doses": 5, "max-patients": 30});
    patients(bencher, boin, 10_000, None);
}

#[divan::bench(sample_count = 5, sample_size = 1)]
fn boin_in_time(bencher: Bencher<'_, '_>) {
    let boin = json!({"design": "boin", "target": 0.25, "doses": 5, "max-patients": 30});
    patients(bencher, boin, 10_000, timing());
}

#[divan::bench(sample_count = 5, sample_size = 1)]
fn tite_boin(bencher: Bencher<'_, '_>) {
    let boin = json!({"design": "tite-boin", "target": 0.25, "doses": 5, "max-patients": 30, "window": 28});
    patients(bencher, boin, 10_000, timing());
}

#[divan::bench(sample_count = 5, sample_size = 1)]
fn crm(bencher: Bencher<'_, '_>) {
    let crm = json!({"design": "crm", "target": 0.25, "skeleton": [0.08, 0.16, 0.25, 0.35, 0.46],
        "max-patients": 30, "cohort-size": 1});
    patients(bencher, crm, 2_000, None);
}

#[divan::bench(sample_count = 5, sample_size = 1)]
fn tite_crm(bencher: Bencher<'_, '_>) {
    let crm = json!({"design": "tite-crm", "target": 0.25, "skeleton": [0.08, 0.16, 0.25, 0.35, 0.46],
        "max-patients": 30, "cohort-size": 1, "window": 28});
    patients(bencher, crm, 2_000, timing());
}
