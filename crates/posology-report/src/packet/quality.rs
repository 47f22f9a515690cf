//! What the data leave open: gaps in mandatory counts, values that no rule could read, doubtful assessments.

use std::collections::{BTreeMap, BTreeSet};

use posology_trial::analysis::Analysis;
use posology_trial::analysis::patient::PatientAnalysis;
use posology_trial::protocol::Population;

use super::Review;
use super::levels::{count, level_of, or_none, population_words, rule, treated};
use crate::document::Block;
use crate::table::{Cell, Column, Row, Table};

/// Data quality, under its heading.
pub(super) fn blocks(review: Review<'_>) -> Vec<Block> {
    vec![
        Block::section(1, "quality", "Data quality"),
        Block::table(listing(review.analysis)),
        Block::table(not_graded(review.analysis)),
    ]
}

fn listing(analysis: &Analysis) -> Table {
    let mut table = Table::new(
        "QUALITY",
        "Gaps, unread values and doubtful assessments",
        population_words(Population::Treated),
    );
    table.stub = "Subject".to_owned();
    table.columns =
        vec![Column::words("Level"), Column::words("Kind"), Column::words("What"), Column::new("Times")];
    for patient in treated(analysis) {
        for ((kind, what), times) in findings(patient) {
            table.rows.push(Row::new(
                &patient.id,
                [
                    Cell::value("level", level_of(analysis, patient)),
                    Cell::value("kind", kind),
                    Cell::value("finding", what),
                    Cell::count(times),
                ],
            ));
        }
    }
    table.because.push(rule(
        "quality/nothing-guessed",
        "A value that could not be read entered no rule and no grade",
        "",
    ));
    or_none(table, "Nothing to report.")
}

/// Findings on one patient, each once with how often it was met.
fn findings(patient: &PatientAnalysis) -> BTreeMap<(&'static str, String), u32> {
    let mut found = BTreeMap::new();
    let mut note = |kind: &'static str, what: &str| *found.entry((kind, what.to_owned())).or_insert(0) += 1;
    for gap in &patient.dlt.gaps {
        note("mandatory count missing", &gap.says);
    }
    for unread in &patient.dlt.unknown {
        note("not judged for DLT", &unread.says);
    }
    for finding in &patient.response.findings {
        note("response", &finding.says);
    }
    found
}

/// Values that could not be graded, by term and reason: whose, and how many.
fn not_graded(analysis: &Analysis) -> Table {
    let mut table = Table::new(
        "UNGRADED",
        "Laboratory values that could not be graded",
        population_words(Population::Treated),
    );
    table.stub = "Term".to_owned();
    table.columns = vec![Column::words("Why"), Column::new("Patients"), Column::new("Values")];
    let mut found: BTreeMap<(&str, &str), (BTreeSet<&str>, u32)> = BTreeMap::new();
    for patient in treated(analysis) {
        for worst in &patient.worst_grades {
            for ungraded in &worst.ungraded {
                // The sentence begins with the value; what follows is the reason, alike for all values.
                let why = ungraded.says.split_once(": ").map_or(ungraded.says.as_str(), |(_, why)| why);
                let (patients, values) = found.entry((worst.term.as_str(), why)).or_default();
                patients.insert(patient.id.as_str());
                *values += 1;
            }
        }
    }
    table.rows = found
        .into_iter()
        .map(|((term, why), (patients, values))| {
            Row::new(
                term,
                [Cell::value("reason", why), Cell::count(count(patients.len())), Cell::count(values)],
            )
        })
        .collect();
    or_none(table, "Every value was graded.")
}
