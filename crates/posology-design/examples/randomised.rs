//! How many patients an arm a randomised comparison of two regimens needs, exactly.
//!
//! `cargo run -p posology-design --example randomised`

use posology_design::Problems;
use posology_design::randomised::{Choosing, Randomised, Settings, Truth};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arms = vec!["25 mCi/m2 in two fractions".to_owned(), "31.25 mCi/m2 in two fractions".to_owned()];
    let truth = |efficacy, toxicity| Truth { efficacy, toxicity, correlation: 0.1 };
    let scenarios = [
        ("as active, better tolerated", [truth(0.45, 0.20), truth(0.45, 0.45)]),
        ("less active, better tolerated", [truth(0.25, 0.20), truth(0.45, 0.30)]),
    ];
    for choosing in [Choosing::Utility, Choosing::NonInferior] {
        let trial = Randomised::try_from(Settings { arms: arms.clone(), choosing, ..Settings::default() })?;
        for (name, truths) in scenarios {
            println!("\n{choosing:?}; the lower activity is {name}");
            println!(
                "{:>8} {:>7} {:>7} {:>7} {:>9} {:>9}",
                "patients", "lower", "higher", "better", "utility-", "response-"
            );
            let sizes = [10, 15, 20, 25, 30, 40];
            for row in trial.sample_sizes(&truths, &sizes).map_err(|problem| Problems(vec![problem]))? {
                println!(
                    "{:>8} {:>7.3} {:>7.3} {:>7.3} {:>9.3} {:>9.3}",
                    row.patients,
                    row.choose[0],
                    row.choose[1],
                    row.p_best,
                    row.p_wrong_utility,
                    row.p_wrong_response
                );
            }
        }
        println!("\n{}", trial.statement().join("\n"));
    }
    Ok(())
}
