//! `design table`: what the rule does with each number of DLTs at the current level.

use std::path::Path;

use posology_design::{Boundaries, Settings, boin};
use serde::Serialize;

use super::file;
use crate::failure::Failure;
use crate::output;

/// Rows where the design does not say how many patients there may be.
const ROWS: u32 = 30;

#[derive(Serialize)]
struct Table {
    design: &'static str,
    target: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    lambda_e: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    lambda_d: Option<f64>,
    rows: Vec<Row>,
}

#[derive(Serialize)]
struct Row {
    n: u32,
    #[serde(flatten)]
    bounds: Boundaries,
}

pub(crate) fn run(path: &Path, json: bool) -> Result<(), Failure> {
    let file = file::open(path)?;
    let design = &file.design;
    let rows = design.max_patients().unwrap_or(ROWS);
    let Some(bounds) = design.table(rows) else {
        return Err(Failure::input(format!(
            "{}: expected a design that decides by the DLTs at the current level alone, found {}; mend: ask `posology design next` about one case, or `posology design paths` about the first cohorts",
            path.display(),
            design.name()
        )));
    };
    let stay = rates(&file.design.clone().into());
    let table = Table {
        design: design.name(),
        target: design.target(),
        lambda_e: stay.map(|stay| stay.escalate),
        lambda_d: stay.map(|stay| stay.de_escalate),
        rows: (1..).zip(bounds).map(|(n, bounds)| Row { n, bounds }).collect(),
    };
    if json {
        output::json(&table);
    } else {
        output::text(&words(&table));
    }
    Ok(())
}

/// The rates between which a design of the BOIN family stays.
fn rates(settings: &Settings) -> Option<boin::Interval> {
    let settings = serde_json::to_value(settings).ok()?;
    let target = settings.get("target")?.as_f64()?;
    let rate = |key: &str, share: f64| Some(settings.get(key)?.as_f64().unwrap_or(share * target));
    Some(boin::interval(target, rate("p-under", 0.6)?, rate("p-over", 1.4)?))
}

fn words(table: &Table) -> String {
    let mut text = match table.target {
        Some(target) => format!("{}, target DLT rate {target}", table.design),
        None => table.design.to_owned(),
    };
    if let (Some(escalate), Some(de_escalate)) = (table.lambda_e, table.lambda_d) {
        text.push_str(&format!(
            ": escalate at an observed rate of {escalate:.3} or less, de-escalate at {de_escalate:.3} or more"
        ));
    }
    let most = |dlts: Option<u32>| dlts.map_or_else(|| "-".to_owned(), |dlts| format!("<= {dlts}"));
    let least = |dlts: Option<u32>| dlts.map_or_else(|| "-".to_owned(), |dlts| format!(">= {dlts}"));
    let rows = table.rows.iter().map(|Row { n, bounds }| {
        vec![
            n.to_string(),
            most(bounds.escalate_max),
            least(bounds.deescalate_min),
            least(bounds.eliminate_min),
        ]
    });
    let header = ["patients at the level", "escalate if DLTs", "de-escalate if DLTs", "eliminate if DLTs"];
    format!("{text}.\n{}", output::table(&header, rows))
}
