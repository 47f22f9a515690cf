//! `design two-stage`: Simon's two-stage designs of a single-arm trial.

use clap::Args;
use posology_design::two_stage::{Settings, TwoStage};

use crate::failure::Failure;
use crate::output;

/// What the design is to achieve.
#[derive(Args)]
pub(crate) struct Asked {
    /// The response rate that is too low to go on
    #[arg(long, allow_hyphen_values = true)]
    p0: f64,
    /// The response rate that is wanted
    #[arg(long, allow_hyphen_values = true)]
    p1: f64,
    /// The greatest probability of going on at p0
    #[arg(long, allow_hyphen_values = true)]
    alpha: f64,
    /// The least probability of going on at p1
    #[arg(long, allow_hyphen_values = true)]
    power: f64,
    /// The greatest number of patients [default: as many as it takes]
    #[arg(long)]
    max_n: Option<u32>,
}

pub(crate) fn run(asked: &Asked, json: bool) -> Result<(), Failure> {
    let Asked { p0, p1, alpha, power, max_n } = *asked;
    let designs = Settings { p0, p1, alpha, power, max_n }.search().map_err(|problems| {
        let told = problems.0.iter().map(|problem| {
            format!(
                "--{}: expected {}, found {}; mend: {}",
                problem.key, problem.expected, problem.found, problem.mend
            )
        });
        Failure::input(told.collect::<Vec<_>>().join("\n"))
    })?;
    if json {
        output::json(&designs);
        return Ok(());
    }
    let row = |name: &str, design: &TwoStage, weights: String| {
        vec![
            name.to_owned(),
            format!("{}/{}", design.r1, design.n1),
            format!("{}/{}", design.r, design.n),
            format!("{:.2}", design.en0),
            format!("{:.3}", design.pet0),
            format!("{:.4}", design.alpha),
            format!("{:.4}", design.power),
            weights,
        ]
    };
    let mut rows = vec![
        row("optimal", &designs.optimal, String::new()),
        row("minimax", &designs.minimax, String::new()),
    ];
    rows.extend(designs.admissible.iter().map(|one| {
        row("admissible", &one.design, format!("{:.3} to {:.3}", one.weight_from, one.weight_to))
    }));
    let header = [
        "design",
        "no-go at r1/n1",
        "no-go at r/n",
        "EN(p0)",
        "PET(p0)",
        "alpha",
        "power",
        "weight of n against EN(p0)",
    ];
    output::text(&format!(
        "Two stages, p0 = {p0}, p1 = {p1}, alpha at most {alpha}, power at least {power}. No-go with at most r1 responses among n1, \
         or at most r among all n.\n{}",
        output::table(&header, rows)
    ));
    Ok(())
}
