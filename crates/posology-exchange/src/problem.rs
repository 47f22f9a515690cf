//! What is wrong with somebody's file, where, and how to mend it.

use std::fmt;

use serde::{Deserialize, Serialize};

/// One fault in one place of a file.
///
/// ```
/// use posology_exchange::problem::Problem;
/// let problem = Problem::in_file("lb.csv", "a number", "\"high\"", "write the number").at_row(3, Some(4)).in_column("LBORNRHI");
/// assert_eq!(
///     problem.to_string(),
///     "lb.csv row 3 (line 4), column LBORNRHI: expected a number, found \"high\"; mend: write the number"
/// );
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
pub struct Problem {
    /// Where.
    #[serde(flatten)]
    pub place: Box<Place>,
    /// What was expected.
    pub expected: String,
    /// What was found.
    pub found: String,
    /// How to mend it.
    pub mend: String,
}

/// A place in somebody's file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Place {
    /// Name of the file as given.
    pub file: String,
    /// Row of data, from 1 (the header is none).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub row: Option<u64>,
    /// Line of the file on which the row begins, from 1, where the format has lines.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub line: Option<u64>,
    /// Variable.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub column: Option<String>,
    /// Byte within the value, from 1, where a single byte is at fault.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub byte: Option<u64>,
}

impl Problem {
    /// A fault of a file as a whole.
    pub fn in_file(
        file: impl Into<String>,
        expected: impl Into<String>,
        found: impl Into<String>,
        mend: impl Into<String>,
    ) -> Self {
        let place = Place { file: file.into(), row: None, line: None, column: None, byte: None };
        Self { place: Box::new(place), expected: expected.into(), found: found.into(), mend: mend.into() }
    }

    /// The same fault at a row of data (from 1) and its line.
    #[must_use]
    pub fn at_row(mut self, row: u64, line: Option<u64>) -> Self {
        self.place.row = Some(row);
        self.place.line = line;
        self
    }

    /// The same fault in a variable.
    #[must_use]
    pub fn in_column(mut self, column: impl Into<String>) -> Self {
        self.place.column = Some(column.into());
        self
    }

    /// The same fault at a byte of the value (from 1).
    #[must_use]
    pub fn at_byte(mut self, byte: usize) -> Self {
        self.place.byte = u64::try_from(byte).ok();
        self
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.file)?;
        match (self.row, self.line) {
            (Some(row), Some(line)) => write!(f, " row {row} (line {line})")?,
            (Some(row), None) => write!(f, " row {row}")?,
            (None, Some(line)) => write!(f, " line {line}")?,
            (None, None) => {}
        }
        if let Some(column) = &self.column {
            write!(f, ", column {column}")?;
        }
        if let Some(byte) = self.byte {
            write!(f, ", byte {byte}")?;
        }
        Ok(())
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: expected {}, found {}; mend: {}", self.place, self.expected, self.found, self.mend)
    }
}

/// Why a reader could not give the next row.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Unreadable {
    /// This row is at fault; the next one may be read.
    #[error("{0}")]
    Row(Problem),
    /// The file is at fault from here on; nothing of it should be taken.
    #[error("{0}")]
    File(Problem),
}

/// Text as found, shortened and quoted, for a message.
pub(crate) fn quoted(text: &str) -> String {
    let mut shown: String = text.chars().take(40).collect();
    if shown.len() < text.len() {
        shown.push('…');
    }
    format!("{shown:?}")
}
