//! BLRM with 6 levels, 36 patients and cohorts of 3: `cargo bench -p posology-design --bench blrm`.

#![allow(missing_docs, clippy::unwrap_used)]

use divan::Bencher;
use posology_design::graph::{Graph, STATES_MAX};
use posology_design::{Data, Design};

fn main() {
    divan::main();
}

fn design() -> Design {
    serde_json::from_str(
        r#"{"design": "blrm", "dose-values": [10, 25, 50, 100, 150, 200], "reference-dose": 100, "max-patients": 36}"#,
    )
    .unwrap()
}

/// Every state a trial can reach, 27,457 of them.
#[divan::bench(args = [1, 2], sample_count = 10)]
fn compile_every_state(bencher: Bencher<'_, '_>, threads: usize) {
    let design = design();
    bencher.bench(|| Graph::compile(&design, STATES_MAX, threads).unwrap());
}

#[divan::bench]
fn design_from_settings() -> Design {
    design()
}

/// All numbers of all levels, to 1e-9, with credible intervals.
#[divan::bench(sample_count = 10)]
fn numbers(bencher: Bencher<'_, '_>) {
    let design = design();
    let data = Data::from_outcomes(6, "1NNN 2NNN 3NNT 3NNN 4NTT 3NNN").unwrap();
    bencher.bench(|| design.numbers(&data).unwrap());
}
