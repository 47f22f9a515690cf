//! One row of a domain, read by the names of its variables.

use posology_trial::when::When;
use rust_decimal::Decimal;

use crate::dataset::{Cell, DataSet, Row};
use crate::intake::sense::{parse_decimal, plain_number, sha256};
use crate::problem::{Problem, quoted};

/// Where each variable of a data set stands.
pub(super) struct Columns {
    /// In the order of names, so that a row's identity does not depend on the order of columns.
    sorted: Vec<(String, usize)>,
}

impl Columns {
    pub(super) fn of(data_set: &DataSet) -> Self {
        let names = data_set.variables.iter().map(|variable| variable.name.to_ascii_uppercase());
        let mut sorted: Vec<(String, usize)> = names.zip(0..).collect();
        sorted.sort();
        Self { sorted }
    }

    fn place(&self, name: &str) -> Option<usize> {
        let at = self.sorted.binary_search_by(|(known, _)| known.as_str().cmp(name)).ok()?;
        self.sorted.get(at).map(|(_, column)| *column)
    }

    pub(super) fn text<'r>(&self, row: &'r Row, name: &str) -> Option<&'r str> {
        self.place(name).and_then(|column| row.cell(column).text())
    }

    pub(super) fn has(&self, name: &str) -> bool {
        self.place(name).is_some()
    }
}

/// A supplemental qualifier as its parent record sees it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Qualifier<'a> {
    pub(super) name: &'a str,
    pub(super) value: &'a str,
}

/// A row with its qualifiers.
pub(super) struct Record<'a> {
    pub(super) file: &'a str,
    pub(super) domain: &'a str,
    pub(super) row: &'a Row,
    pub(super) columns: &'a Columns,
    pub(super) qualifiers: Vec<Qualifier<'a>>,
    /// Number of the fraction, where its place among the subject's records gives it.
    pub(super) fraction: Option<u32>,
    pub(super) warnings: Vec<Problem>,
}

impl<'a> Record<'a> {
    pub(super) fn text(&self, name: &str) -> Option<&'a str> {
        self.columns.text(self.row, name)
    }

    pub(super) fn owned(&self, name: &str) -> Option<String> {
        self.text(name).map(str::to_owned)
    }

    pub(super) fn qualifier(&self, name: &str) -> Option<&'a str> {
        self.qualifiers.iter().find(|qualifier| qualifier.name == name).map(|qualifier| qualifier.value)
    }

    pub(super) fn problem(&self, column: &str, expected: &str, found: &str, mend: &str) -> Problem {
        Problem::in_file(self.file, expected, found, mend)
            .at_row(self.row.number(), self.row.line())
            .in_column(column)
    }

    pub(super) fn warn(&mut self, column: &str, expected: &str, found: &str, mend: &str) {
        let problem = self.problem(column, expected, found, mend);
        self.warnings.push(problem);
    }

    pub(super) fn required(&self, name: &str) -> Result<String, Problem> {
        self.owned(name).ok_or_else(|| self.problem(name, "a value", "none", "fill it in at its source"))
    }

    pub(super) fn subject(&self) -> Result<String, Problem> {
        self.required("USUBJID")
    }

    pub(super) fn when(&self, name: &str) -> Result<Option<When>, Problem> {
        let Some(text) = self.text(name) else { return Ok(None) };
        let own = text.split_once('T').filter(|(_, time)| !time.contains(['Z', '+', '-']));
        let offset = own.and_then(|_| self.qualifier(super::OFFSET)).unwrap_or_default();
        format!("{text}{offset}").parse().map(Some).map_err(|_| {
            self.problem(
                name,
                "a date such as 2019-04-30, 2019-04 or 2019-04-30T08:15",
                &quoted(text),
                "write what is known as YYYY-MM-DD; leave out what is not",
            )
        })
    }

    pub(super) fn required_when(&self, name: &str) -> Result<When, Problem> {
        self.when(name)?.ok_or_else(|| {
            self.problem(name, "a date", "none", "fill it in at its source, in part if need be")
        })
    }

    pub(super) fn decimal(&self, name: &str) -> Result<Option<Decimal>, Problem> {
        let Some(text) = self.text(name) else { return Ok(None) };
        parse_decimal(text).map(Some).ok_or_else(|| {
            self.problem(name, "a plain number", &quoted(text), "write the number with a decimal point")
        })
    }

    /// Y or N; U and NA are not known.
    pub(super) fn yes(&self, name: &str) -> Result<Option<bool>, Problem> {
        match self.text(name) {
            Some("Y") => Ok(Some(true)),
            Some("N") => Ok(Some(false)),
            None | Some("U" | "NA") => Ok(None),
            Some(other) => Err(self.problem(name, "Y, N, U or NA", &quoted(other), "write Y or N")),
        }
    }

    /// What identifies the row within its data set: subject and sequence number, or its natural key.
    pub(super) fn key(&self) -> Result<String, Problem> {
        let subject = self
            .text("USUBJID")
            .ok_or_else(|| self.problem("USUBJID", "a subject", "none", "fill it in at its source"))?;
        if self.domain == "DM" {
            return Ok(subject.to_owned());
        }
        if self.domain == super::organ::DOMAIN {
            return Ok(super::organ::key(self, subject));
        }
        let sequence = format!("{}SEQ", self.domain);
        if let Some(number) = self.text(&sequence) {
            return Ok(format!("{subject}/{}", plain_number(number)));
        }
        let natural: &[&str] = match self.domain {
            "SV" => &["VISITNUM", "VISIT"],
            "EX" | "EC" => &["TRT", "MOOD", "STDTC"],
            "AE" | "MH" => &["TERM", "STDTC"],
            "CM" | "PR" => &["TRT", "STDTC"],
            "DS" => &["DECOD", "STDTC"],
            _ => &["TESTCD", "SPEC", "CAT", "EVAL", "EVALID", "VISITNUM", "DTC"],
        };
        let mut key = subject.to_owned();
        for part in natural {
            let own = format!("{}{part}", self.domain);
            if let Some(value) = self.text(&own).or_else(|| self.text(part)) {
                key.push('/');
                key.push_str(value);
            }
        }
        if key.len() == subject.len() {
            return Err(self.problem(&sequence, "a sequence number", "none", "number the subject's records"));
        }
        Ok(key)
    }

    /// SHA-256 of the row's canonical text: variables by name, missing ones left out, then its qualifiers.
    pub(super) fn hash(&self) -> String {
        let mut text = String::with_capacity(512);
        for (name, column) in &self.columns.sorted {
            match self.row.cell(*column) {
                Cell::Missing(None) => continue,
                Cell::Missing(Some(letter)) => {
                    text.push_str(name);
                    text.push_str("=.");
                    text.push(letter);
                }
                Cell::Text(value) => {
                    text.push_str(name);
                    text.push('=');
                    text.push_str(value);
                }
                Cell::Number(value) => {
                    text.push_str(name);
                    text.push('=');
                    text.push_str(&plain_number(value));
                }
            }
            text.push('\u{1f}');
        }
        let mut qualifiers: Vec<(&str, &str)> = self.qualifiers.iter().map(|q| (q.name, q.value)).collect();
        qualifiers.sort_unstable();
        for (name, value) in qualifiers {
            text.push_str("supplemental ");
            text.push_str(name);
            text.push('=');
            text.push_str(value);
            text.push('\u{1f}');
        }
        if let Some(fraction) = self.fraction {
            text.push_str("fraction=");
            text.push_str(&fraction.to_string());
        }
        sha256(&text)
    }
}
