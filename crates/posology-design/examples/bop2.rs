//! A BOP2 design for response and toxicity: its boundaries, and what it does at several truths.
//!
//! `cargo run -p posology-design --example bop2`

use posology_design::bop2::{Endpoints, Joint, Settings, Truth};

fn main() -> Result<(), posology_design::Problems> {
    let settings = Settings {
        endpoints: Endpoints::EfficacyToxicity {
            null: Joint { both: 0.15, first: 0.30, second: 0.15, neither: 0.40 },
            alternative: Joint { both: 0.18, first: 0.42, second: 0.02, neither: 0.38 },
        },
        looks: vec![10, 20, 30, 40],
        alpha: 0.10,
        lambdas: 50,
        gammas: 20,
    };
    let design = settings.search()?;
    println!(
        "lambda {}, gamma {}: type I error {:.4}, power {:.4}",
        design.lambda, design.gamma, design.alpha, design.power
    );
    for boundary in &design.boundaries {
        let shown = |bound: Option<u32>| bound.map_or_else(|| "-".to_owned(), |bound| bound.to_string());
        println!(
            "{} patients: no-go with at most {} responses or at least {} toxicities",
            boundary.n,
            shown(boundary.fails[0]),
            shown(boundary.fails[1])
        );
    }
    for (response, toxicity) in [(0.45, 0.30), (0.60, 0.30), (0.45, 0.20), (0.60, 0.20)] {
        let found = design.at(&Truth::Joint(Joint::independent(response, toxicity)))?;
        println!(
            "response {response}, toxicity {toxicity}: go {:.4}, {:.1} patients expected",
            found.go, found.expected_n
        );
    }
    Ok(())
}
