//! `design mtd`: the level the design selects if the trial ends here.

use posology_design::{Because, Estimate, Level};
use serde::Serialize;

use super::file::{self, named};
use super::patients::{self, Asked};
use crate::failure::Failure;
use crate::output;

#[derive(Serialize)]
struct Answer<'a> {
    mtd: Option<Level>,
    awaits: bool,
    doses: Vec<Row<'a>>,
    because: Vec<Because>,
}

#[derive(Serialize)]
struct Row<'a> {
    dose: Level,
    #[serde(skip_serializing_if = "Option::is_none")]
    label: Option<&'a str>,
    n: u32,
    dlt: u32,
    estimate: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    efficacy: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    utility: Option<f64>,
    eliminated: bool,
}

pub(crate) fn run(asked: &Asked, json: bool) -> Result<(), Failure> {
    let file = file::open(&asked.file)?;
    let patients = patients::read(&file, asked)?;
    let data = &patients.data;
    let refused = |bad| file::refused(&patients.source, &bad);
    let selection = file.design.mtd(data).map_err(refused)?;
    let numbers = file.design.numbers_at_end(data).map_err(refused)?;
    let row = |(index, (at, number)): (usize, (&posology_design::AtLevel, &Estimate))| Row {
        dose: Level::at_index(index),
        label: file.labels.get(index).map(String::as_str),
        n: at.evaluable(),
        dlt: at.dlt,
        estimate: number.estimate,
        efficacy: number.efficacy,
        utility: number.utility,
        eliminated: number.eliminated,
    };
    let doses: Vec<Row<'_>> = data.levels().iter().zip(&numbers.levels).enumerate().map(row).collect();
    let because = [selection.because.as_slice(), &patients.notes].concat();
    if json {
        output::json(&Answer { mtd: selection.level, awaits: selection.awaits, doses, because });
        return Ok(());
    }
    let headline = match selection.level {
        Some(level) => format!("Level {} is selected.", named(&file, level)),
        None if selection.awaits => "No selection yet: undecided patients can change it.".to_owned(),
        None => "No level is selected.".to_owned(),
    };
    let sentences = super::advice::sentences(&because);
    let rows = super::advice::rows(&file, data, &numbers.levels);
    output::text(&format!("{headline}\n{sentences}\n{}", super::advice::table(&file, &rows, None)));
    Ok(())
}
