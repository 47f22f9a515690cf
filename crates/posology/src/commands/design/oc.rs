//! `design oc`: what the design does when the DLT rates are so.

use std::path::PathBuf;

use clap::Args;
use posology_design::characteristics::{Characteristics, Yardstick};
use posology_design::graph::{Graph, Prediction, STATES_MAX};
use posology_design::simulate::{Conduct, Plan};
use posology_design::{Because, Data, Level};
use posology_trial::protocol::DesignFile;
use serde::Serialize;

use super::file::{self, named};
use super::scenarios::Judged;
use super::trials::{self, Method, Simulated};
use super::{patients, plot};
use crate::failure::Failure;
use crate::output;

/// So many scenarios are told at length; of more, a line each.
const TOLD_AT_LENGTH: usize = 6;

/// Which trials are asked for.
#[derive(Args)]
pub(crate) struct Oc {
    /// Design file, or a trial's trial.toml
    file: PathBuf,
    #[command(flatten)]
    judged: Judged,
    /// Patients treated so far (as for `design next`): the characteristics are those from here on
    #[arg(long)]
    from: Option<PathBuf>,
    /// The level the trial is at, with --from
    #[arg(long, requires = "from")]
    current: Option<String>,
    /// Most states of the exact sum [default: what fits in 4 GB]
    #[arg(long)]
    max_states: Option<usize>,
    #[command(flatten)]
    simulated: Simulated,
    /// Simulate the part I of N of the trials and print it for `design merge`, such as 2/8
    #[arg(long)]
    shard: Option<String>,
    /// Write selection and allocation as a picture: FILE.svg or FILE.png
    #[arg(long)]
    plot: Option<PathBuf>,
}

/// The answer for one design.
#[derive(Serialize)]
pub(super) struct Answer {
    pub(super) design: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) file: Option<String>,
    pub(super) method: &'static str,
    /// States of the exact sum; null for simulated trials.
    pub(super) states: Option<usize>,
    /// Simulated trials in each scenario, and their seed.
    #[serde(skip_serializing_if = "Option::is_none")]
    trials: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    seed: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    conduct: Option<Conduct>,
    pub(super) yardstick: Yardstick,
    pub(super) scenarios: Vec<Characteristics>,
    /// Probability that each level is selected, each DLT rate drawn from its posterior given the data so far.
    #[serde(skip_serializing_if = "Option::is_none")]
    predicted: Option<Prediction>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    because: Vec<Because>,
}

impl Answer {
    /// Of simulated trials.
    pub(super) fn simulated(plan: &Plan, scenarios: Vec<Characteristics>) -> Self {
        Self {
            design: plan.design.name(),
            file: None,
            method: "monte-carlo",
            states: None,
            trials: Some(plan.trials),
            seed: Some(plan.seed),
            conduct: Some(plan.conduct).filter(|conduct| *conduct != Conduct::default()),
            yardstick: plan.yardstick,
            scenarios,
            predicted: None,
            because: Vec::new(),
        }
    }

    fn exact(
        design: &'static str,
        graph: &Graph,
        yardstick: Yardstick,
        scenarios: Vec<Characteristics>,
    ) -> Self {
        Self {
            design,
            file: None,
            method: "exact",
            states: Some(graph.size().states),
            trials: None,
            seed: None,
            conduct: None,
            yardstick,
            scenarios,
            predicted: None,
            because: Vec::new(),
        }
    }
}

pub(crate) fn run(oc: &Oc, json: bool) -> Result<(), Failure> {
    plot::check(oc.plot.as_deref())?;
    let file = file::open(&oc.file)?;
    let source = oc.file.display().to_string();
    let answer = match oc.simulated.method(&file.design, oc.shard.is_some())? {
        Method::Exact => exact_from(oc, &file, &source)?,
        Method::MonteCarlo if oc.from.is_some() => {
            return Err(Failure::input(
                "--from: expected the exact sum, found --method monte-carlo; mend: leave one of them out",
            ));
        }
        Method::MonteCarlo => {
            let plan = planned_trials(&oc.simulated, &oc.judged, &file, &source, file.design.target())?;
            if let Some(part) = &oc.shard {
                return trials::print_part(&plan, part, &source);
            }
            trials::simulated(plan, &source)?
        }
    };
    let left_out = file.design.left_out_of_characteristics();
    let answer = Answer { because: left_out.into_iter().chain(answer.because).collect(), ..answer };
    if let Some(path) = &oc.plot {
        plot::write(path, &plot::selection(&file, std::slice::from_ref(&answer)))?;
    }
    if json {
        output::json(&answer);
    } else {
        output::text(&words(&file, &answer));
    }
    Ok(())
}

fn planned_trials(
    simulated: &Simulated,
    judged: &Judged,
    file: &DesignFile,
    source: &str,
    target: Option<f64>,
) -> Result<Plan, Failure> {
    let scenarios = judged.scenarios(&file.design)?;
    let yardstick = judged.yardstick(target, simulated.planned(file, source)?)?;
    simulated.plan(file, scenarios, yardstick)
}

/// The exact answer, from the first patient or from those treated so far.
fn exact_from(oc: &Oc, file: &DesignFile, source: &str) -> Result<Answer, Failure> {
    let scenarios = oc.judged.scenarios(&file.design)?;
    let so_far = match &oc.from {
        Some(path) => Some(patients::read_from(file, Some(path), None, oc.current.as_deref())?),
        None => None,
    };
    let budget = oc.max_states.unwrap_or(STATES_MAX);
    let graph = compile(file, so_far.as_ref().map(|patients| &patients.data), budget, source)?;
    let yardstick = oc.judged.yardstick(file.design.target(), graph.planned(&file.design))?;
    let no_graph = |why| file::no_graph(source, &why);
    let characteristics = graph.characteristics(&scenarios, yardstick, file::threads()).map_err(no_graph)?;
    let predicted = so_far
        .as_ref()
        .filter(|_| !file.design.needs_efficacy())
        .map(|patients| graph.predict(&file.design, &patients.data, file::threads()))
        .transpose()
        .map_err(no_graph)?;
    Ok(Answer {
        predicted,
        because: so_far.map(|patients| patients.notes).unwrap_or_default(),
        ..Answer::exact(file.design.name(), &graph, yardstick, characteristics)
    })
}

/// The decision graph of a design, from its first patient or from those treated so far.
pub(super) fn compile(
    file: &DesignFile,
    so_far: Option<&Data>,
    budget: usize,
    source: &str,
) -> Result<Graph, Failure> {
    let waiting = output::progress("compiling the decision graph");
    let graph = match so_far {
        Some(data) => Graph::compile_from(&file.design, data, budget, file::threads()),
        None => Graph::compile(&file.design, budget, file::threads()),
    };
    waiting.finish_and_clear();
    graph.map_err(|why| file::no_graph(source, &why))
}

/// The answer of one of several designs, judged by one target.
pub(super) fn of_one(
    file: &DesignFile,
    source: &str,
    judged: &Judged,
    simulated: &Simulated,
    budget: usize,
    target: Option<f64>,
) -> Result<Answer, Failure> {
    let answer = match simulated.method(&file.design, false)? {
        Method::MonteCarlo => {
            trials::simulated(planned_trials(simulated, judged, file, source, target)?, source)?
        }
        Method::Exact => {
            let scenarios = judged.scenarios(&file.design)?;
            let graph = compile(file, None, budget, source)?;
            let yardstick = judged.yardstick(target, graph.planned(&file.design))?;
            let characteristics = graph
                .characteristics(&scenarios, yardstick, file::threads())
                .map_err(|why| file::no_graph(source, &why))?;
            Answer::exact(file.design.name(), &graph, yardstick, characteristics)
        }
    };
    Ok(Answer { file: Some(source.to_owned()), ..answer })
}

/// A probability for people.
pub(super) fn percent(probability: f64) -> String {
    format!("{:.1}%", 100.0 * probability)
}

pub(super) fn words(file: &DesignFile, answer: &Answer) -> String {
    let Yardstick { target, acceptable_from, acceptable_to, planned, .. } = answer.yardstick;
    let states = match (answer.states, answer.trials) {
        (Some(states), _) => format!(", {states} states"),
        (None, Some(trials)) => format!(", {trials} trials a scenario, seed {}", answer.seed.unwrap_or(0)),
        (None, None) => String::new(),
    };
    let mut text = format!(
        "{}, {}{states}; at most {planned} patients; target DLT rate {target}, acceptable {acceptable_from:.2} to {acceptable_to:.2}.\n",
        answer.design, answer.method
    );
    text.push_str(&super::advice::sentences(&answer.because));
    if let Some(predicted) = &answer.predicted {
        let levels = predicted.select.iter().enumerate().map(|(index, probability)| {
            format!("level {} {}", named(file, Level::at_index(index)), percent(*probability))
        });
        text.push_str(&format!(
            "Predicted selection given the data so far: {}, none {}.\n",
            levels.collect::<Vec<_>>().join(", "),
            percent(predicted.select_none)
        ));
    }
    if answer.scenarios.len() > TOLD_AT_LENGTH {
        text.push_str(&short(&answer.scenarios));
        return text;
    }
    for (place, scenario) in answer.scenarios.iter().enumerate() {
        text.push_str(&at_length(file, place, scenario));
    }
    text
}

/// What a scenario is called.
pub(super) fn title(place: usize, scenario: &Characteristics) -> String {
    if scenario.name.is_empty() { format!("scenario {}", place + 1) } else { scenario.name.clone() }
}

fn at_length(file: &DesignFile, place: usize, oc: &Characteristics) -> String {
    let se = oc.mc_se.as_ref();
    let with_se = |probability: f64, se: Option<f64>| match se {
        Some(se) => format!("{} +- {}", percent(probability), percent(se)),
        None => percent(probability),
    };
    let rows = oc.truth.iter().enumerate().map(|(index, rate)| {
        let level = Level::at_index(index);
        let mark = if oc.true_mtd == Some(level.number()) { "*" } else { "" };
        let mut row = vec![format!("{}{mark}", named(file, level)), format!("{rate:.3}")];
        if let Some(rate) = oc.efficacy.get(index) {
            row.push(format!("{rate:.3}"));
        }
        row.extend([
            with_se(oc.select[index], se.and_then(|se| se.select.get(index).copied())),
            oc.benchmark_select.get(index).map_or_else(|| "-".to_owned(), |select| percent(*select)),
            format!("{:.2}", oc.patients[index]),
            format!("{:.2}", oc.dlts[index]),
        ]);
        row
    });
    let mut header = vec!["level", "DLT rate"];
    if !oc.efficacy.is_empty() {
        header.push("efficacy");
    }
    header.extend(["selected", "benchmark", "patients", "DLTs"]);
    let mtd = match oc.true_mtd {
        Some(_) => "* the true MTD",
        None => "no level is right",
    };
    let duration =
        oc.duration.map_or_else(String::new, |duration| format!(" It lasts {duration:.1} on average."));
    format!(
        "\n{} ({mtd})\n{}\n\
         None is selected: {}. Patients {:.1}, DLTs {:.1}. Right selection {} (benchmark {}), acceptable {}, too high {}.\n\
         Above the true MTD: {} of the patients; any patient {}; over 60% of those planned {}, over 80% {}. Ends early: {}.{duration}\n",
        title(place, oc),
        output::table(&header, rows),
        with_se(oc.select_none, se.map(|se| se.select_none)),
        oc.total_patients,
        oc.total_dlts,
        percent(oc.p_correct),
        percent(oc.benchmark),
        percent(oc.p_acceptable),
        percent(oc.p_select_above),
        percent(oc.p_allocated_above),
        percent(oc.p_ever_above),
        percent(oc.overdose_60),
        percent(oc.overdose_80),
        percent(oc.p_early_stop),
    )
}

fn short(scenarios: &[Characteristics]) -> String {
    let rows = scenarios.iter().enumerate().map(|(place, oc)| {
        let truth: Vec<String> = oc.truth.iter().map(|rate| format!("{rate:.2}")).collect();
        vec![
            title(place, oc),
            truth.join(" "),
            oc.true_mtd.map_or_else(|| "-".to_owned(), |level| level.to_string()),
            percent(oc.p_correct),
            percent(oc.benchmark),
            percent(oc.select_none),
            percent(oc.p_select_above),
            percent(oc.overdose_60),
            format!("{:.1}", oc.total_patients),
            format!("{:.1}", oc.total_dlts),
        ]
    });
    let header = [
        "scenario",
        "DLT rates",
        "true MTD",
        "right",
        "benchmark",
        "none",
        "too high",
        "overdose 60%",
        "patients",
        "DLTs",
    ];
    output::table(&header, rows)
}
