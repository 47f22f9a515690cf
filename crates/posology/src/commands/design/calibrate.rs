//! `design calibrate`: which settings of a design do best, each tried exactly.

use std::path::PathBuf;

use clap::Args;
use posology_design::calibrate::{Constraint, Goal, Measure, NoCalibration, Over, Search, Tried, calibrate};
use posology_design::graph::STATES_MAX;
use posology_design::{Design, Settings};
use posology_trial::protocol::DesignFile;
use serde::Serialize;
use serde_json::{Map, Value};

use super::file;
use super::scenarios::Judged;
use crate::failure::Failure;
use crate::output;

/// More candidates than these are refused.
const CANDIDATES_MAX: usize = 10_000;
/// So many candidates are shown to people; the JSON has them all.
const SHOWN: usize = 30;

/// What is tried, and what is sought.
#[derive(Args)]
pub(crate) struct Calibrate {
    /// Design file, or a trial's trial.toml: the settings that are not varied
    file: PathBuf,
    /// A setting and its values, such as p-under=0.15,0.18; given several times, every combination is tried
    #[arg(long, required = true)]
    vary: Vec<String>,
    #[command(flatten)]
    judged: Judged,
    /// What is sought, best first: p-correct, p-acceptable, overdose-60, …, and :worst for the worst scenario instead of
    /// the mean
    #[arg(long, default_value = "p-correct")]
    goal: Vec<String>,
    /// What must hold in every scenario, such as overdose-60=0.20
    #[arg(long)]
    at_most: Vec<String>,
    /// What must hold in every scenario, such as p-correct=0.40
    #[arg(long)]
    at_least: Vec<String>,
    /// Most states of the exact sum of one candidate [default: what fits in 4 GB]
    #[arg(long)]
    max_states: Option<usize>,
}

#[derive(Serialize)]
struct Answer<'a> {
    design: &'static str,
    goals: &'a [Goal],
    constraints: &'a [Constraint],
    candidates: Vec<Candidate<'a>>,
}

#[derive(Serialize)]
struct Candidate<'a> {
    settings: &'a Map<String, Value>,
    goals: &'a [f64],
    feasible: bool,
    pareto: bool,
    broken: Vec<Broken>,
    scenarios: &'a [posology_design::characteristics::Characteristics],
}

/// A constraint that does not hold.
#[derive(Serialize)]
struct Broken {
    measure: Measure,
    /// The scenario, from 1.
    scenario: usize,
    value: f64,
}

pub(crate) fn run(asked: &Calibrate, json: bool) -> Result<(), Failure> {
    let file = file::open(&asked.file)?;
    let source = asked.file.display().to_string();
    let scenarios = asked.judged.scenarios(&file.design)?;
    let goals = asked.goal.iter().map(|text| goal(text)).collect::<Result<Vec<Goal>, Failure>>()?;
    let bound = |option, texts: &[String]| {
        texts.iter().map(|text| limit(option, text)).collect::<Result<Vec<(Measure, f64)>, Failure>>()
    };
    let mut constraints = Vec::new();
    for (measure, value) in bound("--at-most", &asked.at_most)? {
        constraints.push(Constraint { measure, at_most: Some(value), at_least: None });
    }
    for (measure, value) in bound("--at-least", &asked.at_least)? {
        constraints.push(Constraint { measure, at_most: None, at_least: Some(value) });
    }
    let combinations = combinations(&asked.vary)?;
    let mut candidates = Vec::with_capacity(combinations.len());
    for settings in &combinations {
        candidates.push(candidate(&file, settings)?);
    }
    let search = Search {
        scenarios: &scenarios,
        goals: &goals,
        constraints: &constraints,
        budget: asked.max_states.unwrap_or(STATES_MAX),
        threads: file::threads(),
    };
    let waiting = output::progress("trying every candidate");
    let tried = calibrate(&candidates, &search);
    waiting.finish_and_clear();
    let tried = tried.map_err(|why| match why {
        NoCalibration::Candidate { candidate, cause } => {
            let which = combinations.get(candidate - 1).map(words_of).unwrap_or_default();
            file::no_graph(&format!("{source} with {which}"), &cause)
        }
        other => Failure::input(format!("{source}: {other}")),
    })?;
    if json {
        let candidate = |tried: &'_ Tried| Broken::of(tried, &constraints);
        output::json(&Answer {
            design: file.design.name(),
            goals: &goals,
            constraints: &constraints,
            candidates: tried
                .iter()
                .map(|one| Candidate {
                    settings: &combinations[one.candidate],
                    goals: &one.goals,
                    feasible: one.feasible,
                    pareto: one.pareto,
                    broken: candidate(one),
                    scenarios: &one.scenarios,
                })
                .collect(),
        });
        return Ok(());
    }
    output::text(&words(&file, &tried, &combinations, &goals));
    Ok(())
}

impl Broken {
    fn of(tried: &Tried, constraints: &[Constraint]) -> Vec<Self> {
        let one = |&(which, scenario, value): &(usize, usize, f64)| {
            let measure = constraints.get(which)?.measure;
            Some(Self { measure, scenario: scenario + 1, value })
        };
        tried.broken.iter().filter_map(one).collect()
    }
}

fn words(file: &DesignFile, tried: &[Tried], combinations: &[Map<String, Value>], goals: &[Goal]) -> String {
    let feasible = tried.iter().filter(|one| one.feasible).count();
    let mut header: Vec<String> =
        combinations.first().map(|first| first.keys().cloned().collect()).unwrap_or_default();
    header.extend(goals.iter().map(|goal| match goal.over {
        Over::Mean => format!("mean {}", goal.measure.word()),
        Over::Worst => format!("worst {}", goal.measure.word()),
    }));
    header.push("holds".to_owned());
    header.push("Pareto front".to_owned());
    let rows = tried.iter().take(SHOWN).map(|one| {
        let settings = combinations[one.candidate].values().map(Value::to_string);
        let goals = one.goals.iter().map(|value| format!("{value:.4}"));
        let yes_or_no = |is: bool| if is { "yes" } else { "no" }.to_owned();
        settings.chain(goals).chain([yes_or_no(one.feasible), yes_or_no(one.pareto)]).collect()
    });
    let header: Vec<&str> = header.iter().map(String::as_str).collect();
    let more = tried.len().saturating_sub(SHOWN);
    let rest = if more > 0 { format!("\nand {more} more: --json lists them") } else { String::new() };
    format!(
        "{}: {} candidates, {feasible} of them hold every constraint; the best in the first goal first.\n{}{rest}",
        file.design.name(),
        tried.len(),
        output::table(&header, rows)
    )
}

fn measure(option: &str, word: &str) -> Result<Measure, Failure> {
    Measure::ALL.into_iter().find(|measure| measure.word() == word).ok_or_else(|| {
        let known: Vec<&str> = Measure::ALL.into_iter().map(Measure::word).collect();
        Failure::input(format!(
            "{option}: expected one of {}, found {word:?}; mend: name one of them",
            known.join(", ")
        ))
    })
}

fn goal(text: &str) -> Result<Goal, Failure> {
    let (word, over) = match text.strip_suffix(":worst") {
        Some(word) => (word, Over::Worst),
        None => (text.strip_suffix(":mean").unwrap_or(text), Over::Mean),
    };
    Ok(Goal { measure: measure("--goal", word)?, over })
}

fn limit(option: &str, text: &str) -> Result<(Measure, f64), Failure> {
    let bad = || {
        Failure::input(format!(
            "{option}: expected a measure and its limit, found {text:?}; mend: write it as overdose-60=0.20"
        ))
    };
    let (word, value) = text.split_once('=').ok_or_else(bad)?;
    let value: f64 = value.trim().parse().map_err(|_| bad())?;
    if !value.is_finite() {
        return Err(bad());
    }
    Ok((measure(option, word.trim())?, value))
}

/// Every combination of the values of each setting.
fn combinations(vary: &[String]) -> Result<Vec<Map<String, Value>>, Failure> {
    let mut all = vec![Map::new()];
    for text in vary {
        let Some((key, values)) =
            text.split_once('=').filter(|(key, values)| !key.is_empty() && !values.is_empty())
        else {
            return Err(Failure::input(format!(
                "--vary: expected a setting and its values, found {text:?}; mend: write them as p-under=0.15,0.18"
            )));
        };
        let values: Vec<Value> = values
            .split(',')
            .map(|value| {
                let value = value.trim();
                serde_json::from_str(value).unwrap_or_else(|_| Value::String(value.to_owned()))
            })
            .collect();
        if all.len() * values.len() > CANDIDATES_MAX {
            return Err(Failure::input(format!(
                "--vary: expected at most {CANDIDATES_MAX} candidates, found more; mend: vary fewer settings, or give fewer values"
            )));
        }
        all = all
            .iter()
            .flat_map(|settings| {
                values.iter().map(move |value| {
                    let mut settings = settings.clone();
                    settings.insert(key.trim().to_owned(), value.clone());
                    settings
                })
            })
            .collect();
    }
    Ok(all)
}

fn words_of(settings: &Map<String, Value>) -> String {
    settings.iter().map(|(key, value)| format!("{key} = {value}")).collect::<Vec<_>>().join(", ")
}

/// The design with these settings in place of its own.
fn candidate(file: &DesignFile, settings: &Map<String, Value>) -> Result<Design, Failure> {
    let named = |why: String| {
        Failure::input(format!("--vary with {}: {why}; mend: correct the values", words_of(settings)))
    };
    let mut all = serde_json::to_value(Settings::from(file.design.clone())).map_err(Failure::fault)?;
    for (key, value) in settings {
        all[key.as_str()] = value.clone();
    }
    let all: Settings = serde_json::from_value(all).map_err(|why| named(why.to_string()))?;
    let problems = all.check();
    if let Some(problem) = problems.first() {
        return Err(named(problem.to_string()));
    }
    Design::try_from(all).map_err(|problems| named(problems.to_string()))
}
