//! The supposed truths that characteristics are asked for, on the command line or in a file.

use std::path::PathBuf;

use clap::Args;
use posology_design::Design;
use posology_design::characteristics::{Correct, Scenario, Yardstick};
use posology_design::scenario::{self, SETS};
use posology_trial::protocol::read_scenarios;

use super::file;
use crate::failure::Failure;

/// The target that right and wrong are judged by where the design has none, as the 3+3 rule.
const TARGET: f64 = 0.30;

/// Supposed truths.
#[derive(Args)]
pub(crate) struct Truths {
    /// DLT rates of the levels, the lowest first, such as 0.05,0.15,0.30; may be given many times
    #[arg(long, allow_hyphen_values = true)]
    pub(crate) truth: Vec<String>,
    /// TOML file of tables scenario with name and truth, or a set made from the target: `standard`, or
    /// `random:CURVES:SEED`
    #[arg(long)]
    pub(crate) scenarios: Option<PathBuf>,
}

/// Supposed truths, and what they are judged by.
#[derive(Args)]
pub(crate) struct Judged {
    #[command(flatten)]
    truths: Truths,
    /// Efficacy rates of the levels, one for each --truth, for designs on efficacy
    #[arg(long, allow_hyphen_values = true)]
    efficacy: Vec<String>,
    /// The target DLT rate that right and wrong are judged by [default: the design's, else 0.30]
    #[arg(long)]
    target: Option<f64>,
    /// Which level is the true MTD: closest, or highest-not-above the target
    #[arg(long, value_parser = ["closest", "highest-not-above"], default_value = "closest")]
    correct: String,
    /// DLT rates that are acceptable, such as 0.20,0.35 [default: within 0.10 of the target]
    #[arg(long)]
    acceptable: Option<String>,
}

impl Judged {
    /// The truths, checked against the ladder.
    pub(super) fn scenarios(&self, design: &Design) -> Result<Vec<Scenario>, Failure> {
        if !self.asks() {
            return Err(Failure::input(
                "expected --truth or --scenarios, found neither; mend: give the true DLT rates, as --truth 0.05,0.15,0.30, or --scenarios standard",
            ));
        }
        let levels = design.levels().unwrap_or(0) as usize;
        let with_efficacy = design.needs_efficacy();
        let mut all = Vec::with_capacity(self.truths.truth.len());
        if !self.efficacy.is_empty() && !with_efficacy {
            return Err(Failure::input(format!(
                "--efficacy: expected a design on efficacy, found {}; mend: leave --efficacy out",
                design.name()
            )));
        }
        if !self.efficacy.is_empty() && self.efficacy.len() != self.truths.truth.len() {
            return Err(Failure::input(format!(
                "--efficacy: expected one for each --truth ({}), found {}; mend: give both, in the same order",
                self.truths.truth.len(),
                self.efficacy.len()
            )));
        }
        for (place, text) in self.truths.truth.iter().enumerate() {
            let efficacy = match self.efficacy.get(place) {
                Some(text) => rates("--efficacy", text)?,
                None => Vec::new(),
            };
            let scenario = Scenario { truth: rates("--truth", text)?, efficacy, ..Scenario::default() };
            scenario.check(levels, with_efficacy).map_err(|bad| {
                let mend = if with_efficacy { "give --truth and --efficacy" } else { "give --truth" };
                Failure::input(format!("--truth {text}: {bad}; mend: {mend} with one rate a level"))
            })?;
            all.push(scenario);
        }
        let file = self.truths.scenarios.as_ref();
        let target = self.target.or(design.target()).unwrap_or(TARGET);
        let set = file.and_then(|path| named_set(&path.to_string_lossy(), levels, target));
        if let Some(set) = set {
            if with_efficacy {
                return Err(Failure::input(
                    "--scenarios: expected a file for a design on efficacy, found the name of a set; mend: give --truth and --efficacy",
                ));
            }
            all.extend(set?);
        } else if let Some(path) = file {
            let text = file::text(path)?;
            let read = read_scenarios(&text, levels, with_efficacy);
            all.extend(read.map_err(|problems| Failure::Problems {
                file: path.display().to_string(),
                text,
                problems: problems.into_vec(),
            })?);
        }
        Ok(all)
    }

    /// Whether any truth is asked for.
    pub(super) fn asks(&self) -> bool {
        !self.truths.truth.is_empty() || self.truths.scenarios.is_some()
    }

    /// What is right, acceptable and planned.
    pub(super) fn yardstick(&self, target: Option<f64>, planned: u32) -> Result<Yardstick, Failure> {
        let target = self.target.or(target).unwrap_or(TARGET);
        if !(target > 0.0 && target < 1.0) {
            return Err(Failure::input(format!(
                "--target: expected a probability between 0 and 1, found {target}; mend: write it as 0.30"
            )));
        }
        let mut yardstick = Yardstick::new(target, planned);
        if self.correct == "highest-not-above" {
            yardstick.correct = Correct::HighestNotAbove;
        }
        if let Some(text) = &self.acceptable {
            let [from, to] = rates("--acceptable", text)?[..] else {
                return Err(Failure::input(format!(
                    "--acceptable: expected two rates, found {text:?}; mend: write them as 0.20,0.35"
                )));
            };
            if !(0.0 <= from && from <= to && to <= 1.0) {
                return Err(Failure::input(format!(
                    "--acceptable: expected two probabilities, the lower first, found {text:?}; mend: write them as 0.20,0.35"
                )));
            }
            (yardstick.acceptable_from, yardstick.acceptable_to) = (from, to);
        }
        Ok(yardstick)
    }
}

/// A set of truths by its name: `standard`, or `random`, `random:CURVES`, `random:CURVES:SEED`; none where the words are
/// the name of a file.
fn named_set(words: &str, levels: usize, target: f64) -> Option<Result<Vec<Scenario>, Failure>> {
    let mut parts = words.split(':');
    let name = parts.next().filter(|name| SETS.iter().any(|(set, _)| set == name))?;
    let number = |part: Option<&str>, default: u64| match part {
        None => Some(default),
        Some(part) => part.parse::<u64>().ok(),
    };
    let (curves, seed) = (number(parts.next(), 100), number(parts.next(), 1));
    let (Some(curves), Some(seed), None) = (curves, seed, parts.next()) else {
        return Some(Err(Failure::input(format!(
            "--scenarios {words}: expected {name}, found more than its curves and seed; mend: write it as random:100:1"
        ))));
    };
    let (levels, curves) =
        (u32::try_from(levels).unwrap_or(u32::MAX), u32::try_from(curves).unwrap_or(u32::MAX));
    let made = scenario::set(name, levels, target, curves, seed);
    Some(made.map_err(|bad| Failure::input(format!("--scenarios {words}: {bad}"))))
}

/// Rates separated by commas.
fn rates(option: &str, text: &str) -> Result<Vec<f64>, Failure> {
    let rate = |(place, part): (usize, &str)| {
        part.trim().parse::<f64>().map_err(|_| {
            Failure::input(format!(
                "{option} {text}: expected a number at place {}, found {part:?}; mend: separate the rates by commas, as 0.05,0.15,0.30",
                place + 1
            ))
        })
    };
    text.split(',').enumerate().map(rate).collect()
}

/// One truth for `--truth` given at most once, checked against the ladder.
pub(super) fn one(
    design: &Design,
    truth: Option<&str>,
    efficacy: Option<&str>,
) -> Result<Option<Scenario>, Failure> {
    let Some(text) = truth else { return Ok(None) };
    let efficacy = efficacy.map(|text| rates("--efficacy", text)).transpose()?.unwrap_or_default();
    let scenario = Scenario { truth: rates("--truth", text)?, efficacy, ..Scenario::default() };
    let levels = design.levels().unwrap_or(0) as usize;
    scenario
        .check(levels, design.needs_efficacy())
        .map_err(|bad| Failure::input(format!("--truth {text}: {bad}; mend: give one rate a level")))?;
    Ok(Some(scenario))
}
