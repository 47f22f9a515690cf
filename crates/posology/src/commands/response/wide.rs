//! Wide tables, a row a subject and date: cells with their units, and which row is the baseline.

use std::collections::BTreeMap;

use jiff::civil::Date;
use posology_clinic::Because;
use posology_clinic::response::amount::Measure;
use rust_decimal::Decimal;

use super::{DATE, Subject};
use crate::failure::Failure;
use crate::rows::{Line, Rows};

/// The columns that any wide table may have beside its own.
pub(super) const COURSE: &[&str] = &[
    "subject",
    "usubjid",
    "date",
    "baseline",
    "ablfl",
    "first_treatment",
    "last_treatment",
    "therapy_start",
    "death",
    "investigator",
];

/// One subject of a wide table and its rows, as they are read.
pub(super) struct Wide<Visit> {
    pub(super) subject: Subject,
    baseline: Option<(Date, Visit)>,
    visits: Vec<(Date, Visit)>,
    /// The unit in which each column was written first.
    units: BTreeMap<&'static str, String>,
}

impl<Visit> Wide<Visit> {
    pub(super) fn new(name: String) -> Self {
        Self { subject: Subject::new(name), baseline: None, visits: Vec::new(), units: BTreeMap::new() }
    }

    /// An amount with its unit: in the cell ("40 g/L"), or in a column beside it (`igm_unit`). A unit is never
    /// guessed; one that changes within the subject is converted and reported.
    pub(super) fn amount(
        &mut self,
        line: &Line<'_>,
        column: &'static str,
        measure: &Measure,
    ) -> Result<Option<Decimal>, Failure> {
        let Some(text) = line.text(&[column]) else { return Ok(None) };
        if is_not_done(text) {
            return Ok(None);
        }
        let unit_column = format!("{column}_unit");
        let (number, unit) = split(text);
        let unit = if unit.is_empty() { line.text(&[&unit_column]).unwrap_or("").trim() } else { unit };
        let value = decimal(line, column, number, text)?;
        let amount = measure.canonical(value, unit).map_err(|bad| line.bad(&[column], &bad))?;
        self.note_unit(line, column, unit)?;
        Ok(Some(amount))
    }

    pub(super) fn note_unit(
        &mut self,
        line: &Line<'_>,
        column: &'static str,
        unit: &str,
    ) -> Result<(), Failure> {
        let first = self.units.entry(column).or_insert_with(|| unit.to_owned()).clone();
        if first != unit {
            let date: Date = line.required(DATE)?;
            self.subject.warnings.push(
                Because::new(
                    "response/unit-changes",
                    format!("{date}, column {column}: the unit changes from {first} to {unit}; converted, check it"),
                )
                .input("date", date)
                .input("column", column),
            );
        }
        Ok(())
    }

    /// Adds a row; two of one day are refused.
    pub(super) fn add(&mut self, line: &Line<'_>, date: Date, visit: Visit) -> Result<(), Failure> {
        let is_baseline = match line.text(&["baseline", "ablfl"]).map(str::to_ascii_uppercase).as_deref() {
            None | Some("N") => false,
            Some("Y") => true,
            Some(other) => {
                return Err(line.bad(
                    &["baseline", "ablfl"],
                    &format!(
                        "expected Y, N or nothing, found {other:?}; mend: write Y in the row of baseline"
                    ),
                ));
            }
        };
        let known = self.baseline.iter().chain(&self.visits).any(|known| known.0 == date);
        if known {
            return Err(line.bad(
                DATE,
                &format!(
                    "subject {}: expected one row a day, found a second of {date}; mend: join the two, or remove one",
                    self.subject.name
                ),
            ));
        }
        if !is_baseline {
            self.visits.push((date, visit));
            return Ok(());
        }
        if let Some((first, _)) = &self.baseline {
            return Err(line.bad(
                &["baseline", "ablfl"],
                &format!(
                    "subject {}: expected one baseline, found {first} and {date}; mend: keep one Y",
                    self.subject.name
                ),
            ));
        }
        self.baseline = Some((date, visit));
        Ok(())
    }

    /// The baseline (the flagged row, else the last on or before first treatment, else the first) and the visits after it, in date order. What lies before
    /// baseline is left out and reported.
    pub(super) fn split(mut self, rows: &Rows) -> Result<(Subject, Visit, Vec<Visit>), Failure> {
        self.visits.sort_by_key(|visit| visit.0);
        let (date, baseline) = match self.baseline {
            Some(baseline) => baseline,
            None if self.visits.is_empty() => {
                return Err(rows.bad(&format!("subject {}: expected a row, found none", self.subject.name)));
            }
            None => {
                let treated = self.subject.course.first_treatment;
                let last = treated.and_then(|first| self.visits.iter().rposition(|visit| visit.0 <= first));
                self.visits.remove(last.unwrap_or(0))
            }
        };
        let (before, after): (Vec<_>, Vec<_>) = self.visits.into_iter().partition(|visit| visit.0 < date);
        for (early, _) in before {
            self.subject.warnings.push(
                Because::new(
                    "response/before-baseline",
                    format!("the visit of {early} lies before the baseline of {date}: left out"),
                )
                .input("date", early),
            );
        }
        Ok((self.subject, baseline, after.into_iter().map(|visit| visit.1).collect()))
    }
}

fn is_not_done(text: &str) -> bool {
    matches!(text.to_ascii_lowercase().as_str(), "not done" | "nd")
}

/// A cell's number and its unit, whether or not a space is between them.
pub(super) fn split(text: &str) -> (&str, &str) {
    let end = text
        .find(|c: char| !(c.is_ascii_digit() || matches!(c, '.' | ',' | '-' | '+')))
        .unwrap_or(text.len());
    (text[..end].trim(), text[end..].trim())
}

pub(super) fn decimal(line: &Line<'_>, column: &str, number: &str, text: &str) -> Result<Decimal, Failure> {
    number.parse().map_err(|_| {
        line.bad(
            &[column],
            &format!("expected a number, found {text:?}; mend: write the number and its unit"),
        )
    })
}

/// One of some words, or nothing where the cell is empty or says that nothing was done.
pub(super) fn word<T: Copy>(
    line: &Line<'_>,
    column: &'static str,
    words: &[(&str, T)],
) -> Result<Option<T>, Failure> {
    let Some(text) = line.text(&[column]) else { return Ok(None) };
    if is_not_done(text) {
        return Ok(None);
    }
    let found = text.to_ascii_lowercase();
    words.iter().find(|known| known.0 == found).map(|known| Some(known.1)).ok_or_else(|| {
        let known: Vec<&str> = words.iter().map(|known| known.0).collect();
        line.bad(
            &[column],
            &format!(
                "expected {} or not done, found {text:?}; mend: write one of them, or leave it empty",
                known.join(", ")
            ),
        )
    })
}

/// Y or N, or nothing.
pub(super) fn yes(line: &Line<'_>, column: &'static str) -> Result<Option<bool>, Failure> {
    word(line, column, &[("y", true), ("n", false)])
}
