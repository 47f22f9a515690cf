//! The levels of a design with their counts and numbers, for people and as JSON.

use posology_design::{Because, Data, Estimate, Level};
use posology_trial::protocol::DesignFile;
use serde::Serialize;

use super::file::named;
use crate::output;

/// One level in the answer of `design next`.
#[derive(Serialize)]
pub(super) struct Row<'a> {
    dose: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    label: Option<&'a str>,
    n: u32,
    dlt: u32,
    pending: u32,
    estimate: Option<f64>,
    mean: Option<f64>,
    lower: Option<f64>,
    upper: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    under: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    target: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    over: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    efficacy: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    utility: Option<f64>,
    eliminated: bool,
}

/// The counts of the data, whatever the design makes of the undecided, beside the design's numbers.
pub(super) fn rows<'a>(file: &'a DesignFile, data: &Data, numbers: &[Estimate]) -> Vec<Row<'a>> {
    let row = |(index, (at, number)): (usize, (&posology_design::AtLevel, &Estimate))| Row {
        dose: Level::at_index(index).number(),
        label: file.labels.get(index).map(String::as_str),
        n: at.evaluable(),
        dlt: at.dlt,
        pending: at.undecided(),
        estimate: number.estimate,
        mean: number.mean,
        lower: number.lower,
        upper: number.upper,
        under: number.under,
        target: number.on_target,
        over: number.over,
        efficacy: number.efficacy,
        utility: number.utility,
        eliminated: number.eliminated,
    };
    data.levels().iter().zip(numbers).enumerate().map(row).collect()
}

/// The levels as a table, without the columns that no level has.
pub(super) fn table(file: &DesignFile, rows: &[Row<'_>], current: Option<Level>) -> String {
    type Column<'r> = (&'static str, Box<dyn Fn(&Row<'r>) -> Option<String>>);
    fn number(value: Option<f64>) -> Option<String> {
        value.map(|value| format!("{value:.3}"))
    }
    let columns: Vec<Column<'_>> = vec![
        ("pending", Box::new(|row| (row.pending > 0).then(|| row.pending.to_string()))),
        ("estimate", Box::new(|row| number(row.estimate))),
        ("mean", Box::new(|row| number(row.mean))),
        (
            "95% interval",
            Box::new(|row| row.lower.zip(row.upper).map(|(low, high)| format!("{low:.3} to {high:.3}"))),
        ),
        ("P(under)", Box::new(|row| number(row.under))),
        ("P(target)", Box::new(|row| number(row.target))),
        ("P(over)", Box::new(|row| number(row.over))),
        ("efficacy", Box::new(|row| number(row.efficacy))),
        ("utility", Box::new(|row| number(row.utility))),
        ("", Box::new(|row| row.eliminated.then(|| "eliminated".to_owned()))),
    ];
    let shown: Vec<&Column<'_>> =
        columns.iter().filter(|(_, cell)| rows.iter().any(|row| cell(row).is_some())).collect();
    let header: Vec<&str> =
        ["level", "DLT/n"].into_iter().chain(shown.iter().map(|(name, _)| *name)).collect();
    let lines = rows.iter().map(|row| {
        let level = Level::at_index(row.dose.saturating_sub(1) as usize);
        let here = if current == Some(level) { "*" } else { "" };
        let mut line = vec![format!("{}{here}", named(file, level)), format!("{}/{}", row.dlt, row.n)];
        line.extend(shown.iter().map(|(_, cell)| cell(row).unwrap_or_else(|| "-".to_owned())));
        line
    });
    let table = output::table(&header, lines);
    if current.is_some() { format!("{table}\n* the current level") } else { table }
}

/// The reasons, a sentence each.
pub(super) fn sentences(because: &[Because]) -> String {
    because.iter().map(|because| format!("  {}.\n", because.says)).collect()
}
