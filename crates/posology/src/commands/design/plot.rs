//! `--plot FILE`: the picture of an answer, as SVG or PNG by the ending of the file's name.

use std::path::Path;

use posology_design::Level;
use posology_report::figure::{
    DesignInScenario, Figure, Frame, Posterior, PosteriorLevel, ScenarioPanel, SelectionBars, png,
};
use posology_trial::protocol::DesignFile;

use super::file::named;
use super::oc::{Answer, title};
use crate::failure::Failure;
use crate::folder::write_atomically;

/// Width as PNG, pixels.
const PNG_WIDTH: u32 = 1600;

/// Whether the file's name says what to write.
pub(super) fn check(path: Option<&Path>) -> Result<(), Failure> {
    match path {
        Some(path) if ending(path) != Some("svg") && ending(path) != Some("png") => {
            Err(Failure::input(format!(
                "--plot {}: expected a name that ends in .svg or .png; mend: give the file one of these endings",
                path.display()
            )))
        }
        _ => Ok(()),
    }
}

fn ending(path: &Path) -> Option<&str> {
    path.extension().and_then(|ending| ending.to_str())
}

/// Writes a figure.
pub(super) fn write(path: &Path, figure: &Figure) -> Result<(), Failure> {
    if ending(path) == Some("png") {
        let bytes = png::write(figure.svg(), PNG_WIDTH).map_err(Failure::input)?;
        return write_atomically(path, &bytes);
    }
    write_atomically(path, figure.svg().as_bytes())
}

/// Selection and allocation of one design or several over the same scenarios.
pub(super) fn selection(file: &DesignFile, answers: &[Answer]) -> Figure {
    let Some(first) = answers.first() else {
        return SelectionBars { levels: Vec::new(), target: 0.0, panels: Vec::new() }.draw(&Frame::default());
    };
    let panel = |(place, oc): (usize, &posology_design::characteristics::Characteristics)| ScenarioPanel {
        name: title(place, oc),
        truth: oc.truth.clone(),
        true_mtd: oc.true_mtd,
        benchmark: oc.benchmark_select.clone(),
        designs: answers
            .iter()
            .filter_map(|answer| {
                let oc = answer.scenarios.get(place)?;
                Some(DesignInScenario {
                    design: answer.file.clone().unwrap_or_else(|| answer.design.to_owned()),
                    select: oc.select.clone(),
                    select_none: oc.select_none,
                    patients: oc.patients.clone(),
                })
            })
            .collect(),
    };
    SelectionBars {
        levels: levels(file),
        target: first.yardstick.target,
        panels: first.scenarios.iter().enumerate().map(panel).collect(),
    }
    .draw(&Frame::default())
}

/// The numbers of every level.
pub(super) fn posterior(file: &DesignFile, numbers: &[posology_design::Estimate]) -> Figure {
    let level = |(label, number): (String, &posology_design::Estimate)| PosteriorLevel {
        label,
        evaluable: number.evaluable,
        dlt: number.dlt,
        mean: number.mean,
        interval: number.lower.zip(number.upper),
        over: number.over,
        eliminated: number.eliminated,
    };
    Posterior {
        design: file.design.name().to_owned(),
        target: file.design.target(),
        levels: levels(file).into_iter().zip(numbers).map(level).collect(),
    }
    .draw(&Frame::default())
}

fn levels(file: &DesignFile) -> Vec<String> {
    (0..file.design.levels().unwrap_or(0) as usize).map(|index| named(file, Level::at_index(index))).collect()
}
