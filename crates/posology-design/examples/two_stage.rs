//! Simon's designs for a response rate of 10% against 30%, and what is said after a trial.
//!
//! `cargo run -p posology-design --example two_stage`

use posology_design::two_stage::{Observed, Settings, TwoStage, infer};

fn main() -> Result<(), posology_design::Problems> {
    let designs = Settings::new(0.10, 0.30, 0.05, 0.80).search()?;
    let print = |name: &str, design: &TwoStage| {
        let TwoStage { r1, n1, r, n, en0, pet0, alpha, power } = design;
        println!(
            "{name:<10} {r1}/{n1} then {r}/{n}: {en0:.1} patients expected and {:.0}% ended early at p0, alpha {alpha:.4}, power {power:.4}",
            100.0 * pet0
        );
    };
    print("optimal", &designs.optimal);
    print("minimax", &designs.minimax);
    for admissible in &designs.admissible {
        print("admissible", &admissible.design);
    }
    // The second stage ended with 27 patients instead of 29.
    let seen = Observed { n1: 10, responses1: 3, n: 27, responses: 7 };
    let after = infer(designs.optimal.r1, 0.10, 0.90, &seen)?;
    println!(
        "{}/{} responses: {:.1}% (90% interval {:.1} to {:.1}%), p = {:.4}",
        seen.responses,
        seen.n,
        100.0 * after.estimate,
        100.0 * after.lower,
        100.0 * after.upper,
        after.p_value
    );
    Ok(())
}
