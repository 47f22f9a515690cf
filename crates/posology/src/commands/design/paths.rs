//! `design paths`: everything that can happen in the first cohorts, and what the design does about it.

use std::path::PathBuf;

use clap::Args;
use posology_design::paths::{NoPathways, Pathway, pathways};
use posology_design::{Action, AtLevel, Data, Level};
use posology_report::figure::{self, Figure, Frame};
use posology_trial::protocol::DesignFile;
use serde::Serialize;

use super::file::{self, named};
use super::oc::percent;
use super::{patients, plot, scenarios};
use crate::failure::Failure;
use crate::output;

/// The greatest number of cohorts to look ahead.
const COHORTS_MAX: u32 = 50;

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
    /// Patients treated so far (as for `design next`): the paths begin there
    #[arg(long)]
    from: Option<PathBuf>,
    /// The level the trial is at, with --from
    #[arg(long, requires = "from")]
    current: Option<String>,
    /// Write the paths as a tree: FILE.svg or FILE.png
    #[arg(long)]
    plot: Option<PathBuf>,
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
    plot::check(asked.plot.as_deref())?;
    let file = file::open(&asked.file)?;
    let source = asked.file.display().to_string();
    let design = &file.design;
    let truth = scenarios::one(design, asked.truth.as_deref(), asked.efficacy.as_deref())?;
    if !(1..=COHORTS_MAX).contains(&asked.cohorts) {
        return Err(Failure::input(format!(
            "--cohorts: expected 1 to {COHORTS_MAX}, found {}; mend: ask for the first few",
            asked.cohorts
        )));
    }
    let refused = |bad| file::refused(&source, &bad);
    let from = match &asked.from {
        Some(path) => patients::read_from(&file, Some(path), None, asked.current.as_deref())?.data,
        None => {
            let nobody = vec![AtLevel::default(); design.levels().unwrap_or(0) as usize];
            Data::new(nobody, None).map_err(refused)?
        }
    };
    let all = pathways(design, &from, asked.cohorts, truth.as_ref()).map_err(|why| match why {
        NoPathways::Data(bad) => refused(bad),
        NoPathways::TooMany => Failure::input(format!("--cohorts {}: {why}", asked.cohorts)),
        NoPathways::Undecided { .. } => Failure::input(format!("--from: {why}")),
        _ => Failure::input(format!("{source}: {why}")),
    })?;
    let with_efficacy = design.needs_efficacy();
    let course = |path: &Pathway| Course {
        outcomes: path.cohorts.iter().map(|cohort| cohort.notation()).collect::<Vec<_>>().join(" "),
        cohorts: path
            .cohorts
            .iter()
            .map(|cohort| Cohort {
                dose: cohort.level,
                n: cohort.patients,
                dlt: cohort.dlts,
                efficacy: with_efficacy.then_some(cohort.efficacy),
            })
            .collect(),
        action: path.action,
        dose: path.level,
        probability: path.probability,
    };
    let courses: Vec<Course> = all.iter().map(course).collect();
    if let Some(path) = &asked.plot {
        plot::write(path, &tree(&file, &courses, asked.truth.as_deref().unwrap_or_default()))?;
    }
    if json {
        let truth = truth.map(|truth| truth.truth);
        output::json(&Answer { design: design.name(), truth, paths: courses });
        return Ok(());
    }
    output::text(&words(&file, &courses));
    Ok(())
}

/// The paths as a tree.
fn tree(file: &DesignFile, courses: &[Course], truth: &str) -> Figure {
    let course = |course: &Course| figure::Course {
        cohorts: course
            .cohorts
            .iter()
            .map(|cohort| (named(file, cohort.dose), cohort.n, cohort.dlt))
            .collect(),
        advice: match course.dose {
            Some(level) => format!("{}, level {}", course.action.word(), named(file, level)),
            None => course.action.word().to_owned(),
        },
        probability: course.probability,
    };
    let truth = if truth.is_empty() { String::new() } else { format!("DLT rates {truth}") };
    figure::Pathways { courses: courses.iter().map(course).collect(), truth }.draw(&Frame::default())
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
