//! Simulated trials: how many, from which seed, and in how many parts.

use std::fs;
use std::path::PathBuf;

use clap::{Args, ValueEnum};
use posology_design::characteristics::{Scenario, Yardstick};
use posology_design::graph::{Graph, STATES_MAX};
use posology_design::simulate::{
    Conduct, NotSimulated, Part, Plan, Shard, Timing, merge, simulate, simulate_shard,
};
use posology_design::{BadData, Design};
use posology_trial::protocol::{DesignFile, read_toml};
use serde::{Deserialize, Serialize};

use super::file;
use super::oc::Answer;
use crate::failure::Failure;
use crate::output;

/// How characteristics are had.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Method {
    /// The exact sum over every course of the trial.
    Exact,
    /// Simulated trials.
    MonteCarlo,
}

/// Simulated trials instead of the exact sum.
#[derive(Args)]
pub(crate) struct Simulated {
    /// How: exact where the design decides on counts, else monte-carlo
    #[arg(long)]
    method: Option<Method>,
    /// Simulated trials in each scenario
    #[arg(long, default_value_t = 10_000)]
    trials: u64,
    /// Seed of the random numbers: the same seed gives the same trials, to the last bit
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// TOML file of how trials are conducted: table timing with rate, window, onset; perturbation with non-evaluable, …
    #[arg(long)]
    conduct: Option<PathBuf>,
}

impl Simulated {
    /// The method asked for, or the one that fits the design.
    pub(super) fn method(&self, design: &Design, in_parts: bool) -> Result<Method, Failure> {
        let simulates = in_parts || self.conduct.is_some();
        match self.method {
            Some(Method::Exact) if simulates => Err(Failure::input(
                "--method exact: expected --method monte-carlo with --shard or --conduct; mend: leave one of them out",
            )),
            Some(method) => Ok(method),
            None if simulates || design.needs_follow_up() => Ok(Method::MonteCarlo),
            None => Ok(Method::Exact),
        }
    }

    /// Patients planned: `max-patients`, or the longest possible trial.
    pub(super) fn planned(&self, file: &DesignFile, source: &str) -> Result<u32, Failure> {
        match file.design.max_patients() {
            Some(max) => Ok(max),
            None => {
                let graph = Graph::compile(&file.design, STATES_MAX, file::threads());
                graph.map(|graph| graph.planned(&file.design)).map_err(|why| file::no_graph(source, &why))
            }
        }
    }

    /// What is simulated.
    pub(super) fn plan(
        &self,
        file: &DesignFile,
        scenarios: Vec<Scenario>,
        yardstick: Yardstick,
    ) -> Result<Plan, Failure> {
        let mut plan = Plan::new(file.design.clone(), scenarios, yardstick, self.trials, self.seed);
        if let Some(path) = &self.conduct {
            let text = file::text(path)?;
            plan.conduct = read_toml::<Conduct>(&text).map_err(|problems| Failure::Problems {
                file: path.display().to_string(),
                text,
                problems: problems.into_vec(),
            })?;
        }
        if plan.conduct.timing.is_none() && file.design.needs_follow_up() {
            plan.conduct.timing = file.window_days.map(Timing::usual);
        }
        Ok(plan)
    }
}

/// A part of simulated trials, as a file that `design merge` reads.
#[derive(Serialize, Deserialize)]
struct PartFile {
    design: String,
    method: String,
    shard: Shard,
}

/// The answer of simulated trials.
pub(super) fn simulated(plan: Plan, source: &str) -> Result<Answer, Failure> {
    let waiting = output::progress("simulating trials");
    let scenarios = simulate(&plan, file::threads());
    waiting.finish_and_clear();
    Ok(Answer::simulated(&plan, scenarios.map_err(|why| not_simulated(source, &why))?))
}

/// Simulates one part and prints it.
pub(super) fn print_part(plan: &Plan, part: &str, source: &str) -> Result<(), Failure> {
    let bad = || {
        Failure::input(format!(
            "--shard: expected a part I/N with 1 <= I <= N, found {part:?}; mend: write it as 2/8"
        ))
    };
    let (index, of) = part.split_once('/').ok_or_else(bad)?;
    let part = Part { index: index.parse().map_err(|_| bad())?, of: of.parse().map_err(|_| bad())? };
    let waiting = output::progress("simulating trials");
    let shard = simulate_shard(plan, part, file::threads());
    waiting.finish_and_clear();
    let shard = shard.map_err(|why| not_simulated(source, &why))?;
    output::json(&PartFile {
        design: plan.design.name().to_owned(),
        method: "monte-carlo".to_owned(),
        shard,
    });
    Ok(())
}

fn not_simulated(source: &str, why: &NotSimulated) -> Failure {
    match why {
        NotSimulated::Data(bad @ BadData::NotReached { .. }) => Failure::fault(bad),
        NotSimulated::Trials { .. } => {
            Failure::input(format!("--trials: {why}; mend: ask for fewer or more"))
        }
        NotSimulated::Part { .. } => Failure::input(format!("--shard: {why}; mend: write it as 2/8")),
        NotSimulated::Conduct(_) => Failure::input(format!("--conduct: {why}")),
        _ => Failure::input(format!("{source}: {why}")),
    }
}

/// Files of `design oc --shard`.
#[derive(Args)]
pub(crate) struct Merge {
    /// Every part of one simulation, in any order
    #[arg(required = true)]
    files: Vec<PathBuf>,
}

/// `design merge`: the sum of the parts.
pub(crate) fn run_merge(asked: &Merge, json: bool) -> Result<(), Failure> {
    let mut shards = Vec::with_capacity(asked.files.len());
    for path in &asked.files {
        let text = fs::read_to_string(path).map_err(|error| Failure::unreadable(path, &error))?;
        let part: PartFile = serde_json::from_str(&text).map_err(|error| {
            Failure::input(format!(
                "{}: expected a file of `posology design oc --shard`, found: {error}; mend: simulate that part again",
                path.display()
            ))
        })?;
        shards.push(part.shard);
    }
    let scenarios =
        merge(&shards).map_err(|why| Failure::input(format!("{why}; mend: merge every part once")))?;
    let Some(first) = shards.first() else { return Ok(()) };
    let answer = Answer::simulated(&first.plan, scenarios);
    if json {
        output::json(&answer);
        return Ok(());
    }
    let settings = posology_design::Settings::from(first.plan.design.clone());
    let labels = match settings.doses() {
        Some(posology_design::Doses::Labels(labels)) => labels.clone(),
        _ => Vec::new(),
    };
    let design = first.plan.design.clone();
    let file = DesignFile { design, labels, window_days: None, of_trial: false, warnings: Vec::new() };
    output::text(&super::oc::words(&file, &answer));
    Ok(())
}
