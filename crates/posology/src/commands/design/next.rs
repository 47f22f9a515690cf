//! `design next`: what the design advises, why, and the numbers of every level.

use std::path::Path;

use posology_design::{Action, Because, Completion, Decision, Level, Parameter};
use posology_trial::protocol::DesignFile;
use serde::Serialize;

use super::advice::{self, Row};
use super::file::{self, named};
use super::patients::{self, Asked};
use super::plot;
use crate::failure::Failure;
use crate::output;

/// More completions than these are not printed for people; the JSON has them all.
const COMPLETIONS_SHOWN: usize = 20;

#[derive(Serialize)]
struct Answer<'a> {
    action: Action,
    dose: Option<Level>,
    enrol: u32,
    current: Level,
    doses: Vec<Row<'a>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    parameters: Vec<Parameter>,
    because: Vec<Because>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    completions: Vec<IfSo>,
}

/// The advice if the undecided turn out so.
#[derive(Serialize)]
struct IfSo {
    dlts: Vec<Undecided>,
    action: Action,
    dose: Option<Level>,
}

#[derive(Serialize)]
struct Undecided {
    dose: Level,
    dlts: u32,
    undecided: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    efficacy: Option<u32>,
}

pub(crate) fn run(asked: &Asked, picture: Option<&Path>, json: bool) -> Result<(), Failure> {
    plot::check(picture)?;
    let file = file::open(&asked.file)?;
    let patients = patients::read(&file, asked)?;
    let data = &patients.data;
    let refused = |bad| file::refused(&patients.source, &bad);
    let decision = file.design.next(data).map_err(refused)?;
    let numbers = file.design.numbers(data).map_err(refused)?;
    let rows = advice::rows(&file, data, &numbers.levels);
    let because = [decision.because.as_slice(), &patients.notes].concat();
    if let Some(path) = picture {
        plot::write(path, &plot::posterior(&file, &numbers.levels))?;
    }
    if !json {
        output::text(&words(&file, &decision, &because, &rows, data.current(), &numbers.parameters));
        return Ok(());
    }
    let with_efficacy = file.design.needs_efficacy();
    output::json(&Answer {
        action: decision.action,
        dose: decision.level,
        enrol: decision.enrol,
        current: data.current(),
        doses: rows,
        parameters: numbers.parameters,
        because,
        completions: decision.completions.iter().map(|way| if_so(way, with_efficacy)).collect(),
    });
    Ok(())
}

fn if_so(way: &Completion, with_efficacy: bool) -> IfSo {
    let dlts = way.dlts.iter().map(|at| Undecided {
        dose: at.level,
        dlts: at.dlts,
        undecided: at.undecided,
        efficacy: with_efficacy.then_some(at.efficacy),
    });
    IfSo { dlts: dlts.collect(), action: way.action, dose: way.level }
}

fn words(
    file: &DesignFile,
    decision: &Decision,
    because: &[Because],
    rows: &[Row<'_>],
    current: Level,
    parameters: &[Parameter],
) -> String {
    let mut text = format!("{}\n{}", headline(file, decision), advice::sentences(because));
    if !decision.completions.is_empty() {
        text.push_str("\nIf the undecided turn out so:\n");
        for way in decision.completions.iter().take(COMPLETIONS_SHOWN) {
            let case: Vec<String> = way
                .dlts
                .iter()
                .map(|at| {
                    let efficacy = match at.efficacy {
                        0 => String::new(),
                        number => format!(", {number} with efficacy"),
                    };
                    format!("{} of {} at level {} with a DLT{efficacy}", at.dlts, at.undecided, at.level)
                })
                .collect();
            let level = way.level.map_or_else(String::new, |level| format!(", level {}", named(file, level)));
            text.push_str(&format!("  {}: {}{level}\n", case.join("; "), way.action.word()));
        }
        let more = decision.completions.len().saturating_sub(COMPLETIONS_SHOWN);
        if more > 0 {
            text.push_str(&format!("  and {more} more ways: --json lists them\n"));
        }
    }
    text.push_str(&format!("\n{}\n", advice::table(file, rows, Some(current))));
    if !parameters.is_empty() {
        let lines = parameters.iter().map(|parameter| {
            vec![parameter.name.clone(), format!("{:.4}", parameter.mean), format!("{:.4}", parameter.sd)]
        });
        text.push_str(&output::table(&["parameter", "posterior mean", "sd"], lines));
        text.push('\n');
    }
    text
}

/// The advice in one sentence.
fn headline(file: &DesignFile, decision: &Decision) -> String {
    let level = decision.level.map_or_else(|| "-".to_owned(), |level| named(file, level));
    let patients = match decision.enrol {
        1 => "1 patient".to_owned(),
        enrol => format!("{enrol} patients"),
    };
    match decision.action {
        Action::Start => format!("Start at level {level}: treat {patients} there."),
        Action::Escalate => format!("Escalate to level {level}: treat {patients} there."),
        Action::Stay => format!("Stay at level {level}: treat {patients} more there."),
        Action::DeEscalate => format!("De-escalate to level {level}: treat {patients} there."),
        Action::Stop => "Stop: no level can be selected.".to_owned(),
        Action::Complete => format!("Complete: level {level} is selected."),
        Action::Wait => format!("Wait, at level {level}: decide nothing yet."),
    }
}
