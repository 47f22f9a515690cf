//! `design paths`: everything that can happen in the first cohorts, and what the design does about it.

use std::path::PathBuf;

use clap::Args;
use posology_design::paths::{NoPaths, Path, paths};
use posology_design::{Action, Level};
use posology_trial::protocol::DesignFile;
use serde::Serialize;

use super::file::{self, named};
use super::oc::percent;
use super::scenarios;
use crate::failure::Failure;
use crate::output;

/// More paths than these are refused.
const PATHS_MAX: usize = 1_000_000;

/// Which paths.
#[derive(Args)]
pub(crate) struct Paths {
    /// Design file, or a trial's trial.toml
    file: PathBuf,
    /// Cohorts to look ahead
    #[arg(long)]
    cohorts: u32,
    /// DLT rates of the levels, the lowest first, such as 0.05,0.15,0.30: each path with its probability
    #[arg(long, allow_hyphen_values = true)]
    truth: Option<String>,
    /// Efficacy rates of the levels, for designs on efficacy
    #[arg(long, allow_hyphen_values = true, requires = "truth")]
    efficacy: Option<String>,
}

#[derive(Serialize)]
struct Answer {
    design: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    truth: Option<Vec<f64>>,
    paths: Vec<Course>,
}

#[derive(Serialize)]
struct Course {
    outcomes: String,
    cohorts: Vec<Cohort>,
    action: Action,
    dose: Option<Level>,
    #[serde(skip_serializing_if = "Option::is_none")]
    probability: Option<f64>,
}

#[derive(Serialize)]
struct Cohort {
    dose: Level,
    n: u32,
    dlt: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    efficacy: Option<u32>,
}

pub(crate) fn run(asked: &Paths, json: bool) -> Result<(), Failure> {
    let file = file::open(&asked.file)?;
    let source = asked.file.display().to_string();
    let design = &file.design;
    let truth = scenarios::one(design, asked.truth.as_deref(), asked.efficacy.as_deref())?;
    let all = paths(design, asked.cohorts, PATHS_MAX).map_err(|why| match why {
        NoPaths::Data(bad) => file::refused(&source, &bad),
        NoPaths::NoLadder => Failure::input(format!("{source}: {why}")),
        NoPaths::Cohorts { .. } | NoPaths::TooMany { .. } => Failure::input(format!("--cohorts: {why}")),
        other => Failure::fault(other),
    })?;
    let with_efficacy = design.needs_efficacy();
    let course = |path: &Path| Course {
        outcomes: path.outcomes(),
        cohorts: path
            .steps
            .iter()
            .map(|step| Cohort {
                dose: step.level,
                n: step.patients,
                dlt: step.dlts,
                efficacy: with_efficacy.then_some(step.efficacy_only + step.both),
            })
            .collect(),
        action: path.action,
        dose: path.level,
        probability: truth.as_ref().map(|truth| path.probability(truth)),
    };
    let courses: Vec<Course> = all.iter().map(course).collect();
    if json {
        let truth = truth.map(|truth| truth.truth);
        output::json(&Answer { design: design.name(), truth, paths: courses });
        return Ok(());
    }
    output::text(&words(&file, &courses));
    Ok(())
}

fn words(file: &DesignFile, courses: &[Course]) -> String {
    let with_truth = courses.iter().any(|course| course.probability.is_some());
    let rows = courses.iter().map(|course| {
        let level = course.dose.map_or_else(String::new, |level| format!(", level {}", named(file, level)));
        let mut row = vec![course.outcomes.clone(), format!("{}{level}", course.action.word())];
        row.extend(course.probability.map(percent));
        row
    });
    let header = ["outcomes", "then", "probability"];
    let header = if with_truth { &header[..] } else { &header[..2] };
    format!(
        "{}: {} paths. T is a DLT, N none; the number is the level.\n{}",
        file.design.name(),
        courses.len(),
        output::table(header, rows)
    )
}
