//! What a CRM decision costs: the decision graph asks for one a state, on one thread.

use divan::{Bencher, counter::ItemsCount};
use posology_design::Design;
use posology_design::graph::{Graph, STATES_MAX};

fn main() {
    divan::main();
}

fn design(model: &str, cohort_size: u32) -> Design {
    let text = format!(
        r#"{{"design": "crm", "model": "{model}", "target": 0.25, "doses": 5, "half-width": 0.05,
            "prior-mtd": 3, "cohort-size": {cohort_size}, "max-patients": 30}}"#
    );
    serde_json::from_str(&text).unwrap_or_else(|error| unreachable!("{error}"))
}

/// Every state of a trial of 30 patients on 5 levels; items are states.
#[divan::bench(args = [("empiric", 3), ("logistic", 3), ("empiric", 1), ("logistic", 1)], sample_count = 3)]
fn compile(bencher: Bencher<'_, '_>, (model, cohort_size): (&str, u32)) {
    let design = design(model, cohort_size);
    let states = Graph::compile(&design, STATES_MAX, 1).map_or(0, |graph| graph.size().states);
    bencher.counter(ItemsCount::new(states)).bench(|| Graph::compile(&design, STATES_MAX, 1).is_ok());
}

/// Tables and cuts of one design.
#[divan::bench(args = ["empiric", "logistic", "logistic-2"])]
fn prepare(model: &str) -> Design {
    design(model, 3)
}
