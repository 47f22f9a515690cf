//! One model of a data set, whatever file it came in: variables, and rows of values read one after another.
//!
//! Start at [`Reader::open`]. A missing value is [`Cell::Missing`] and never a zero or an empty text; a number
//! stays the decimal text that was recorded. Left out: writing.

use std::io::Read;

use serde::Serialize;

use crate::csv_table::{CsvForm, CsvTable};
use crate::dataset_json::DatasetJson;
use crate::limits::{Guarded, Limits, problem_of_io};
use crate::listing::read_whole;
use crate::problem::{Problem, Unreadable, quoted};
use crate::spreadsheet::Sheets;
use crate::xpt::Xpt;

/// A data set's name, label and variables.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct DataSet {
    /// Name as the file states it; for CSV the file's name without its ending.
    pub name: String,
    /// Label, where stated.
    pub label: Option<String>,
    /// Variables in the order of their columns.
    pub variables: Vec<Variable>,
}

impl DataSet {
    /// Column of a variable, by its name without regard to case.
    #[must_use]
    pub fn column(&self, name: &str) -> Option<usize> {
        self.variables.iter().position(|variable| variable.name.eq_ignore_ascii_case(name))
    }
}

/// A variable of a data set.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Variable {
    /// Name as the file states it.
    pub name: String,
    /// Label, where stated.
    pub label: Option<String>,
    /// What its values are.
    pub kind: VariableKind,
    /// Length in bytes, where stated.
    pub length: Option<u32>,
    /// Display format, where stated: `$12.`, `DATE9.`, `8.2`.
    pub format: Option<String>,
}

/// What the values of a variable are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum VariableKind {
    /// Text; in CSV, which has no types, everything.
    Text,
    /// Numbers.
    Number,
}

/// A value of a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cell<'a> {
    /// Missing; SAS may give the reason as a letter (`.A` to `.Z`, `._`).
    Missing(Option<char>),
    /// Text without the blanks at its end, never empty.
    Text(&'a str),
    /// A number as decimal text, such as `38`, `-7`, `16.5779328715278`.
    Number(&'a str),
}

impl<'a> Cell<'a> {
    /// The text of a value, or `None` where it is missing.
    #[must_use]
    pub fn text(self) -> Option<&'a str> {
        match self {
            Cell::Missing(_) => None,
            Cell::Text(text) | Cell::Number(text) => Some(text),
        }
    }
}

/// A row of values. One is filled again and again while a file is read.
#[derive(Debug, Clone, Default)]
pub struct Row {
    pub(crate) number: u64,
    pub(crate) line: Option<u64>,
    text: String,
    cells: Vec<(Stored, usize)>,
}

#[derive(Debug, Clone, Copy)]
enum Stored {
    Missing(Option<char>),
    Text,
    Number,
}

impl Row {
    /// Number of the row in its data set, from 1.
    #[must_use]
    pub fn number(&self) -> u64 {
        self.number
    }

    /// Line of the file on which it begins, from 1, where the format has lines.
    #[must_use]
    pub fn line(&self) -> Option<u64> {
        self.line
    }

    /// How many values it has.
    #[must_use]
    pub fn width(&self) -> usize {
        self.cells.len()
    }

    /// The value in a column, from 0; missing where there is no such column.
    #[must_use]
    pub fn cell(&self, column: usize) -> Cell<'_> {
        let Some(&(stored, end)) = self.cells.get(column) else {
            return Cell::Missing(None);
        };
        let start =
            column.checked_sub(1).and_then(|before| self.cells.get(before)).map_or(0, |&(_, end)| end);
        let text = self.text.get(start..end).unwrap_or_default();
        match stored {
            Stored::Missing(letter) => Cell::Missing(letter),
            Stored::Text => Cell::Text(text),
            Stored::Number => Cell::Number(text),
        }
    }

    pub(crate) fn clear(&mut self, number: u64, line: Option<u64>) {
        self.number = number;
        self.line = line;
        self.text.clear();
        self.cells.clear();
    }

    pub(crate) fn push_missing(&mut self, letter: Option<char>) {
        self.cells.push((Stored::Missing(letter), self.text.len()));
    }

    pub(crate) fn push_text(&mut self, text: &str) {
        let text = text.trim_end();
        if text.is_empty() {
            return self.push_missing(None);
        }
        self.text.push_str(text);
        self.cells.push((Stored::Text, self.text.len()));
    }

    pub(crate) fn push_number(&mut self, number: &str) {
        self.text.push_str(number);
        self.cells.push((Stored::Number, self.text.len()));
    }
}

/// How text of a CSV file is encoded; no other format leaves that to the reader.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum CsvEncoding {
    /// UTF-8, with or without a byte order mark; anything else is refused.
    #[default]
    Utf8,
    /// Windows-1252, when the person who imports says so.
    Windows1252,
}

/// How files are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ReadOptions {
    /// Bounds on each file.
    pub limits: Limits,
    /// Encoding of CSV files.
    pub encoding: CsvEncoding,
}

/// Reads the data sets of one file, row by row, in memory that does not grow with the file.
///
/// ```
/// use posology_exchange::dataset::{Cell, Reader, ReadOptions, Row};
/// let file = "USUBJID,AGE\n01-001,63\n01-002,\n";
/// let mut reader = Reader::open("dm.csv", file.as_bytes(), &ReadOptions::default())?;
/// let mut row = Row::default();
/// assert!(reader.next_row(&mut row)?);
/// assert_eq!(row.cell(1), Cell::Text("63"));
/// assert!(reader.next_row(&mut row)?);
/// assert_eq!(row.cell(1), Cell::Missing(None));
/// assert!(!reader.next_row(&mut row)?);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct Reader<R: Read> {
    form: Form<R>,
}

enum Form<R: Read> {
    Csv(CsvTable<R>),
    Xpt(Xpt<R>),
    Json(DatasetJson<R>),
    Sheets(Sheets),
}

/// The formats, as their files' names end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Format {
    Csv,
    Xpt,
    Json,
    NdJson,
    Xlsx,
}

const ENDINGS: [(&str, Format); 10] = [
    (".csv", Format::Csv),
    (".csv.gz", Format::Csv),
    (".xpt", Format::Xpt),
    (".xpt.gz", Format::Xpt),
    (".json", Format::Json),
    (".json.gz", Format::Json),
    (".ndjson", Format::NdJson),
    (".ndjson.gz", Format::NdJson),
    (".dsjc", Format::NdJson),
    (".xlsx", Format::Xlsx),
];

fn split_name(file: &str) -> Option<(&str, Format)> {
    let name = file.rsplit(['/', '\\']).next().unwrap_or(file);
    ENDINGS.iter().find_map(|&(ending, format)| {
        let at = name.len().checked_sub(ending.len())?;
        let (stem, found) = (name.get(..at)?, name.get(at..)?);
        (found.eq_ignore_ascii_case(ending) && !stem.is_empty()).then_some((stem, format))
    })
}

/// The file's name without folder and ending (`lb` of `data/LB.csv.gz` is `lb`: lower case), or `None` where the ending is none that [`Reader`] knows.
#[must_use]
pub fn stem(file: &str) -> Option<String> {
    split_name(file).map(|(stem, _)| stem.to_lowercase())
}

impl<R: Read> Reader<R> {
    /// Opens a file by the ending of its name and reads its metadata.
    ///
    /// # Errors
    /// An unknown ending, a header that is not the format's, or a limit exceeded.
    pub fn open(file: &str, source: R, options: &ReadOptions) -> Result<Self, Problem> {
        let Some((stem, format)) = split_name(file) else {
            return Err(Problem::in_file(
                file,
                "a name that ends in .csv, .csv.gz, .xpt, .json, .ndjson, .dsjc or .xlsx",
                "another",
                "give the file the ending of its format",
            ));
        };
        let zlib = format == Format::NdJson;
        let bytes =
            Guarded::open(source, zlib, options.limits).map_err(|error| problem_of_io(file, &error))?;
        let form = match format {
            Format::Csv => {
                Form::Csv(CsvTable::open(file, stem, bytes, options.encoding, CsvForm::default())?)
            }
            Format::Xpt => Form::Xpt(Xpt::open(file, bytes)?),
            Format::Json => Form::Json(DatasetJson::open(file, bytes, false)?),
            Format::NdJson => Form::Json(DatasetJson::open(file, bytes, true)?),
            Format::Xlsx => Form::Sheets(Sheets::open(file, read_whole(file, bytes)?, options.limits)?),
        };
        Ok(Self { form })
    }

    /// The data set that is being read.
    #[must_use]
    pub fn data_set(&self) -> &DataSet {
        match &self.form {
            Form::Csv(table) => &table.data_set,
            Form::Xpt(xpt) => &xpt.data_set,
            Form::Json(json) => &json.data_set,
            Form::Sheets(sheets) => sheets.data_set(),
        }
    }

    /// Fills `row` with the next one; `false` at the end of the data set.
    ///
    /// # Errors
    /// [`Unreadable::Row`] for a row that is at fault (the next may be read), [`Unreadable::File`] where
    /// reading cannot go on or the file turns out not to be whole.
    pub fn next_row(&mut self, row: &mut Row) -> Result<bool, Unreadable> {
        match &mut self.form {
            Form::Csv(table) => table.next_row(row),
            Form::Xpt(xpt) => xpt.next_row(row),
            Form::Json(json) => json.next_row(row),
            Form::Sheets(sheets) => sheets.next_row(row),
        }
    }

    /// Goes on to the next data set of the same file, past the rest of this one; `false` where there is none.
    /// SAS transport files hold several, and workbooks: their sheets that are shown.
    ///
    /// # Errors
    /// Where the next data set's header cannot be read.
    pub fn next_data_set(&mut self) -> Result<bool, Problem> {
        match &mut self.form {
            Form::Xpt(xpt) => xpt.next_member(),
            Form::Sheets(sheets) => sheets.next_sheet(),
            Form::Csv(_) | Form::Json(_) => Ok(false),
        }
    }

    /// What was read although it departs from the format, since the last call; at most 1,000 are kept.
    pub fn take_warnings(&mut self) -> Vec<Problem> {
        match &mut self.form {
            Form::Csv(_) => Vec::new(),
            Form::Xpt(xpt) => std::mem::take(&mut xpt.warnings),
            Form::Json(json) => std::mem::take(&mut json.warnings),
            Form::Sheets(sheets) => sheets.take_warnings(),
        }
    }
}

/// How many warnings a reader keeps for its caller.
const WARNINGS_KEPT: usize = 1_000;

pub(crate) fn warn(warnings: &mut Vec<Problem>, problem: impl FnOnce() -> Problem) {
    if warnings.len() < WARNINGS_KEPT {
        warnings.push(problem());
    }
}

/// A number as decimal text: sign, digits, point, exponent; neither `inf` nor `nan`.
pub(crate) fn is_number(text: &str) -> bool {
    text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'+' | b'-' | b'.' | b'e' | b'E'))
        && text.parse::<f64>().is_ok_and(f64::is_finite)
}

/// Refuses names that cannot be variables, and names that occur twice.
pub(crate) fn check_names(file: &str, variables: &[Variable]) -> Result<(), Problem> {
    let mut seen = std::collections::HashSet::new();
    for (index, variable) in variables.iter().enumerate() {
        let name = variable.name.as_str();
        let lawful = name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
            && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_' || c == '.')
            && name.len() <= 64;
        if !lawful {
            return Err(Problem::in_file(
                file,
                "variable names of letters, digits and underscores, separated by commas where the file is CSV",
                format!("{} as name {}", quoted(name), index + 1),
                "check that the file is of the format its name says, and that its first line names the variables",
            ));
        }
        if !seen.insert(name.to_ascii_uppercase()) {
            return Err(Problem::in_file(
                file,
                "each variable once",
                format!("{} twice", quoted(name)),
                "remove or rename one of the two columns",
            ));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_stem_is_the_name_without_folder_and_ending() {
        assert_eq!(stem("a/b/lb.csv.gz").as_deref(), Some("lb"));
        assert_eq!(stem("RS_onco_imwg.CSV").as_deref(), Some("rs_onco_imwg"));
        assert_eq!(stem("ae.v2.dsjc").as_deref(), Some("ae.v2"));
        assert_eq!(stem("LICENSE.md"), None);
        assert_eq!(stem(".csv"), None);
        assert_eq!(stem("é.xpt").as_deref(), Some("é"));
    }

    #[test]
    fn blanks_are_missing_and_blanks_at_the_end_are_none_of_the_value() {
        let mut row = Row::default();
        row.clear(1, None);
        row.push_text("  ");
        row.push_text(" a  ");
        row.push_number("0");
        assert_eq!(row.cell(0), Cell::Missing(None));
        assert_eq!(row.cell(1), Cell::Text(" a"));
        assert_eq!(row.cell(2), Cell::Number("0"));
        assert_eq!(row.cell(3), Cell::Missing(None));
    }
}
