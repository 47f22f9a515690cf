//! How long the search for two-stage designs takes, and the inference after one.

use posology_design::two_stage::{Designs, Inference, Observed, Settings, infer};

fn main() {
    divan::main();
}

/// Rates, alpha and power: an ordinary design, a large one, and one with a small difference.
const CASES: [(f64, f64, f64, f64); 3] =
    [(0.10, 0.30, 0.05, 0.80), (0.20, 0.35, 0.05, 0.90), (0.30, 0.40, 0.05, 0.90)];

#[divan::bench(args = CASES)]
fn search((p0, p1, alpha, power): (f64, f64, f64, f64)) -> Option<Designs> {
    divan::black_box(Settings::new(p0, p1, alpha, power)).search().ok()
}

#[divan::bench]
fn inference() -> Option<Inference> {
    let seen = Observed { n1: 13, responses1: 5, n: 43, responses: 15 };
    infer(3, 0.2, 0.90, divan::black_box(&seen)).ok()
}
