//! How long the search for phase 2 designs takes, the inference after a trial, and the exact sums over a basket trial.

use posology_design::basket::Borrowing;
use posology_design::bop2::{Bop2, Endpoints, Joint, Settings as Bop2Settings};
use posology_design::predictive::Beta;
use posology_design::two_stage::{Designs, Inference, Observed, Settings, infer};

fn main() {
    divan::main();
}

/// Rates, alpha and power: an ordinary design, a large one, and one with a small difference.
const CASES: [(f64, f64, f64, f64); 3] =
    [(0.10, 0.30, 0.05, 0.80), (0.20, 0.35, 0.05, 0.90), (0.30, 0.40, 0.05, 0.90)];

#[divan::bench(args = CASES)]
fn simon((p0, p1, alpha, power): (f64, f64, f64, f64)) -> Option<Designs> {
    divan::black_box(Settings::new(p0, p1, alpha, power)).search().ok()
}

#[divan::bench]
fn simon_inference() -> Option<Inference> {
    let seen = Observed { n1: 13, responses1: 5, n: 43, responses: 15 };
    infer(3, 0.2, 0.90, divan::black_box(&seen)).ok()
}

fn bop2(endpoints: Endpoints) -> Option<Bop2> {
    let looks = vec![10, 15, 20, 25, 30, 35, 40];
    Bop2Settings { endpoints, looks, alpha: 0.10, lambdas: 100, gammas: 100 }.search().ok()
}

#[divan::bench(sample_count = 10)]
fn bop2_one_endpoint() -> Option<Bop2> {
    bop2(divan::black_box(Endpoints::Binary { null: 0.2, alternative: 0.4 }))
}

#[divan::bench(sample_count = 3)]
fn bop2_efficacy_and_toxicity() -> Option<Bop2> {
    bop2(divan::black_box(Endpoints::EfficacyToxicity {
        null: Joint { both: 0.15, first: 0.30, second: 0.15, neither: 0.40 },
        alternative: Joint { both: 0.18, first: 0.42, second: 0.02, neither: 0.38 },
    }))
}

/// Arms, and patients in each.
#[divan::bench(args = [(3, 20), (5, 15), (6, 12)], sample_count = 3)]
fn basket((arms, n): (usize, u32)) -> Option<f64> {
    let trial =
        Borrowing { null: vec![0.15; arms], prior: Beta { a: 0.5, b: 0.5 }, distinct: 1.0, cutoff: 0.95 };
    trial.characteristics(&vec![n; arms], &vec![0.15; arms]).ok().map(|found| found.any_false_go)
}
