//! The supposed truths that characteristics are asked for, on the command line or in a file.

use std::path::PathBuf;

use clap::Args;
use posology_design::Design;
use posology_design::characteristics::{Correct, Scenario, Yardstick};
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
    /// TOML file of [[scenario]] tables with name and truth, or `standard` for a set made from the target
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
        if file.is_some_and(|path| path.as_os_str() == "standard") {
            if with_efficacy {
                return Err(Failure::input(
                    "--scenarios standard: expected a design on toxicity alone; mend: give --truth and --efficacy",
                ));
            }
            all.extend(standard(levels, self.target.or(design.target()).unwrap_or(TARGET)));
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

/// A set of truths about a target: the MTD at each level, all safe, all toxic, steep, shallow, a plateau, two levels near
/// the target, and a first level at the edge of stopping. Rates lie on logistic curves and have three decimals.
pub(super) fn standard(levels: usize, target: f64) -> Vec<Scenario> {
    let logit = |rate: f64| (rate / (1.0 - rate)).ln();
    let rate = |x: f64| (1000.0 / (1.0 + (-x).exp())).round() / 1000.0;
    let about = |place: f64, slope: f64, through: f64| -> Vec<f64> {
        (0..levels).map(|level| rate(logit(through) + slope * (level as f64 - place))).collect()
    };
    let (middle, top) = (((levels.max(1) - 1) / 2) as f64, levels.max(1) as f64 - 1.0);
    let mut all: Vec<(String, Vec<f64>)> = (0..levels)
        .map(|level| (format!("MTD at level {}", level + 1), about(level as f64, 0.7, target)))
        .collect();
    all.push(("all safe".to_owned(), about(top, 0.5, target / 2.0)));
    all.push(("all toxic".to_owned(), about(0.0, 0.5, (2.0 * target).min((1.0 + target) / 2.0))));
    all.push(("steep".to_owned(), about(middle, 1.5, target)));
    all.push(("shallow".to_owned(), about(middle, 0.3, target)));
    let plateau = about(middle, 0.7, target).into_iter().map(|rate| rate.min(target)).collect();
    all.push(("plateau at the target".to_owned(), plateau));
    all.push(("two levels near the target".to_owned(), about(middle + 0.5, 0.5, target)));
    all.push(("first level at the edge of stopping".to_owned(), about(0.0, 0.5, (target + 0.1).min(0.99))));
    all.into_iter().map(|(name, truth)| Scenario { name, ..Scenario::of(&truth) }).collect()
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
