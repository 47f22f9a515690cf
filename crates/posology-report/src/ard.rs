//! Analysis results as data (ARD): one row a statistic, with the columns that R's {cards} gives an `ard`.
//!
//! [`rows`] says what the tables of a packet say, number by number: nothing is computed here. The columns are `group1`,
//! `group1_level` (the level or cohort), `variable` (the output), `variable_level` (its row), `context`, `stat_name`,
//! `stat_label`, `stat`, `stat_fmt` (as the table prints it), `warning`, `error`; beside them `population`, `unit`, `method`,
//! `definition` and `rules`, the reasons. Statistics have the names of {cards}: `n`, `N`, `p`, `mean`, `sd`, `median`,
//! `min`, `max`, `conf.low`, `conf.high`; `p` is a share from 0 to 1.

use serde::Serialize;

use crate::document::{Block, Document};
use crate::table::{AnalysisResult, Table, Value};

/// A statistic.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ArdRow {
    /// What the columns of the table tell apart; none in a table of one column without a name.
    pub group1: Option<&'static str>,
    /// The column: a level, a cohort, or all.
    pub group1_level: Option<String>,
    /// Number of the output, such as `E03`.
    pub variable: String,
    /// Row of the output, under the rows that it is indented under.
    pub variable_level: String,
    /// Title of the output.
    pub context: String,
    /// Name of the statistic.
    pub stat_name: String,
    /// The same in words.
    pub stat_label: String,
    /// The value, unrounded.
    pub stat: Value,
    /// The cell as the table prints it.
    pub stat_fmt: String,
    /// Always none: what could not be computed is a missing value with its reason in the table.
    pub warning: Option<String>,
    /// Always none.
    pub error: Option<String>,
    /// Who is counted.
    pub population: String,
    /// Unit of the value.
    pub unit: Option<String>,
    /// How it was computed, where that is a choice.
    pub method: Option<String>,
    /// What is counted, where the row does not define it.
    pub definition: Option<String>,
    /// The rules behind the table.
    pub rules: Vec<String>,
}

/// Every number of every table of a document, in reading order.
#[must_use]
pub fn rows(document: &Document) -> Vec<ArdRow> {
    let tables = document.blocks.iter().filter_map(|block| match block {
        Block::Table { table, .. } => Some(table),
        _ => None,
    });
    tables.flat_map(of_table).collect()
}

fn of_table(table: &Table) -> Vec<ArdRow> {
    let mut printed = table
        .rows
        .iter()
        .flat_map(|row| &row.cells)
        .flat_map(|cell| cell.numbers.iter().map(|_| cell.text.replace('\n', " ")));
    let rules: Vec<String> = table.because.iter().map(|because| because.rule.to_string()).collect();
    let mut rows = Vec::new();
    for result in table.results() {
        let text = printed.next().unwrap_or_default();
        let (name, value) = named(&result);
        rows.push(row(table, &result, &rules, name, value, &text));
        // {cards} tells what a count is out of as a statistic of its own.
        if let ("n", Some(denominator)) = (name, result.denominator) {
            let whole = Value::Count(denominator.into());
            rows.push(row(table, &result, &rules, "N", whole, &denominator.to_string()));
        }
    }
    rows
}

/// A statistic by the name that {cards} has for it; another keeps its own.
fn named<'a>(result: &AnalysisResult<'a>) -> (&'a str, Value) {
    let value = result.value.clone();
    match (result.statistic, result.n, result.denominator) {
        ("count", ..) => ("n", value),
        ("percent", Some(n), Some(denominator)) if denominator > 0 => {
            ("p", Value::Real(f64::from(n) / f64::from(denominator)))
        }
        ("lower", ..) => ("conf.low", value),
        ("upper", ..) => ("conf.high", value),
        (other, ..) => (other, value),
    }
}

fn label(name: &str) -> &str {
    match name {
        "n" => "n",
        "N" => "N",
        "p" => "%",
        "mean" => "Mean",
        "sd" => "SD",
        "median" => "Median",
        "min" => "Min",
        "max" => "Max",
        "conf.low" => "CI Lower Bound",
        "conf.high" => "CI Upper Bound",
        other => other,
    }
}

fn row(
    table: &Table,
    result: &AnalysisResult<'_>,
    rules: &[String],
    name: &str,
    stat: Value,
    printed: &str,
) -> ArdRow {
    let has_group = !result.column.is_empty();
    let is_share = name == "p";
    ArdRow {
        group1: has_group.then_some("column"),
        group1_level: has_group.then(|| result.column.clone()),
        variable: table.id.clone(),
        variable_level: result.row.clone(),
        context: table.title.clone(),
        stat_name: name.to_owned(),
        stat_label: label(name).to_owned(),
        stat,
        stat_fmt: printed.to_owned(),
        warning: None,
        error: None,
        population: result.population.to_owned(),
        unit: result.unit.filter(|_| !is_share).map(str::to_owned),
        method: result.method.map(str::to_owned),
        definition: result.definition.map(str::to_owned),
        rules: rules.to_vec(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::table::{Cell, Column, Row};

    #[test]
    fn a_count_of_so_many_is_n_of_n_and_a_share() {
        let mut table = Table::new("E03", "Evaluability", "Treated patients");
        table.columns.push(Column::new("DL6").n(4));
        table.rows.push(Row::new("Treated", [Cell::count(4)]));
        table.rows.push(Row::new("DLT", [Cell::count_percent(1, 4)]).indent(1));
        let rows = of_table(&table);
        let said: Vec<(&str, &str, Value)> = rows
            .iter()
            .map(|row| (row.variable_level.as_str(), row.stat_name.as_str(), row.stat.clone()))
            .collect();
        assert_eq!(
            said,
            [
                ("Treated", "n", Value::Count(4)),
                ("Treated / DLT", "n", Value::Count(1)),
                ("Treated / DLT", "N", Value::Count(4)),
                ("Treated / DLT", "p", Value::Real(0.25)),
            ]
        );
        assert!(rows.iter().all(|row| row.group1_level.as_deref() == Some("DL6")));
        assert_eq!(rows[3].stat_fmt, "1 (25.0%†)");
    }
}
