//! A package as files: each data set in the format asked for, and a report of what a format could not hold as it was.

use std::fmt;
use std::io;

use jiff::tz::TimeZone;

use crate::dataset::Row;
use crate::dataset_json_write::{self, Form};
use crate::package::{Package, Table, Value};
use crate::problem::Problem;
use crate::xpt_write::{Unwritten, XptWriter};

/// A format of data sets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// Dataset-JSON, one document a data set.
    DatasetJson,
    /// Dataset-JSON as lines.
    NdJson,
    /// Dataset-JSON as lines, compressed.
    Dsjc,
    /// SAS transport, version 5.
    Xpt,
    /// CSV with its dictionary beside it.
    Csv,
}

impl Format {
    /// Every format.
    pub const ALL: [Self; 5] = [Self::DatasetJson, Self::NdJson, Self::Dsjc, Self::Xpt, Self::Csv];

    /// Its name, as commands take it.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::DatasetJson => "dataset-json",
            Self::NdJson => "ndjson",
            Self::Dsjc => "dsjc",
            Self::Xpt => "xpt",
            Self::Csv => "csv",
        }
    }

    /// The ending of its files.
    #[must_use]
    pub fn ending(self) -> &'static str {
        match self {
            Self::DatasetJson => "json",
            other => other.word(),
        }
    }

    /// The format of a name.
    #[must_use]
    pub fn of(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|format| format.word() == word)
    }
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}

/// A file to be written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Written {
    /// Its name, without a folder.
    pub name: String,
    /// What is in it.
    pub bytes: Vec<u8>,
}

/// The files of a package in a format, in the order of its tables, and what was changed on the way.
///
/// ```
/// use posology_exchange::handover::{Format, files};
/// use posology_exchange::package::{Package, Source, Standard, Study};
/// let study = Study { id: "S".into(), title: "A study".into(), protocol: "P".into(), synthetic: true };
/// let source = Source { cut_off: "2019-05-03T23:59:59Z".parse()?, position: 0, head: String::new(), program: "p 1".into() };
/// let package = Package { standard: Standard::Sdtm, study, source, tables: Vec::new(), code_lists: Vec::new() };
/// assert!(files(&package, Format::Xpt)?.0.is_empty());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// A value, name or label that the format cannot hold.
pub fn files(package: &Package, format: Format) -> Result<(Vec<Written>, Vec<Problem>), Unwritten> {
    let mut files = Vec::new();
    let mut changes = Vec::new();
    for table in &package.tables {
        let stem = table.name.to_lowercase();
        let mut bytes = Vec::new();
        match format {
            Format::DatasetJson => dataset_json_write::write(package, table, Form::Document, &mut bytes)?,
            Format::NdJson => dataset_json_write::write(package, table, Form::Lines, &mut bytes)?,
            Format::Dsjc => dataset_json_write::write(package, table, Form::Compressed, &mut bytes)?,
            Format::Xpt => changes.extend(transport(package, table, &mut bytes)?),
            Format::Csv => {
                comma_separated(table, &mut bytes)?;
                let dictionary = dataset_json_write::dictionary(package, table)?.into_bytes();
                files.push(Written { name: format!("{stem}.dictionary.json"), bytes: dictionary });
            }
        }
        files.push(Written { name: format!("{stem}.{}", format.ending()), bytes });
    }
    Ok((files, changes))
}

fn transport(package: &Package, table: &Table, out: &mut Vec<u8>) -> Result<Vec<Problem>, Unwritten> {
    let at = package.source.cut_off.to_zoned(TimeZone::UTC).datetime();
    let mut data_set = table.data_set();
    for (index, variable) in data_set.variables.iter_mut().enumerate() {
        // Letters with marks may become two: the variable has room for what will be written.
        let longest = table.rows.iter().filter_map(|row| match row.get(index) {
            Some(Value::Text(text)) => crate::xpt_write::length_in_ascii(text),
            _ => None,
        });
        if let Some(longest) = longest.max().and_then(|longest| u32::try_from(longest).ok()) {
            variable.length = Some(longest.max(1));
        }
    }
    let mut writer = XptWriter::create(out, &data_set, at)?;
    let mut row = Row::default();
    for index in 0..table.rows.len() {
        table.fill(index, &mut row);
        writer.row(&row)?;
    }
    Ok(writer.finish()?.reported)
}

/// UTF-8 without a mark at its beginning, dates as ISO 8601, nothing where a value is missing.
fn comma_separated(table: &Table, out: &mut Vec<u8>) -> io::Result<()> {
    let mut writer = csv::WriterBuilder::new().terminator(csv::Terminator::Any(b'\n')).from_writer(out);
    writer.write_record(table.columns.iter().map(|column| column.name))?;
    for row in &table.rows {
        writer.write_record(row.iter().map(|value| match value {
            Value::Missing => String::new(),
            Value::Text(text) => text.trim_end().to_owned(),
            Value::Number(number) => number.normalize().to_string(),
            Value::Date(date) => date.to_string(),
        }))?;
    }
    writer.flush()
}
