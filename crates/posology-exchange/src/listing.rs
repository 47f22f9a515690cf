//! A table held whole in memory, with columns named as its keeper names them: what a mapping reads.
//!
//! Site files are small and their columns are called anything (`Pat.-Nr.`), so a [`Listing`] keeps names as found and
//! rows with their places. It comes from CSV, a sheet of a workbook, a form of REDCap, an item group of ODM, or any
//! file of [`dataset::Reader`](crate::dataset::Reader).

use std::io::Read;

use crate::csv_table::{CsvForm, CsvTable};
use crate::dataset::{Cell, CsvEncoding, DataSet, ReadOptions, Reader, Row};
use crate::limits::{Guarded, Limits, problem_of_io};
use crate::problem::{Problem, Unreadable};

/// Values of one table at most; each costs memory, and no site's table comes near.
const MOST_VALUES: usize = 5_000_000;

/// A table in memory.
#[derive(Debug, Clone)]
pub(crate) struct Listing {
    /// File it came in.
    pub(crate) file: String,
    /// Its name and columns.
    pub(crate) data_set: DataSet,
    /// Its rows in order; a row that could not be read is the problem.
    pub(crate) rows: Vec<Result<Row, Problem>>,
    /// What was read although it deserves a look.
    pub(crate) warnings: Vec<Problem>,
}

impl Listing {
    /// A table without rows.
    pub(crate) fn new(file: &str, data_set: DataSet) -> Self {
        Self { file: file.to_owned(), data_set, rows: Vec::new(), warnings: Vec::new() }
    }

    /// Adds a row, unless the table would grow too large.
    pub(crate) fn push(&mut self, row: Result<Row, Problem>) -> Result<(), Problem> {
        self.rows.push(row);
        let values = self.rows.len().saturating_mul(self.data_set.variables.len());
        if values <= MOST_VALUES {
            return Ok(());
        }
        Err(Problem::in_file(
            &self.file,
            format!("a table of at most {MOST_VALUES} values"),
            "a larger one",
            "split the file, or leave out the columns that no field reads",
        ))
    }

    /// Places of the columns of a name, exactly as written.
    pub(crate) fn columns(&self, name: &str) -> Vec<usize> {
        let variables = self.data_set.variables.iter().enumerate();
        variables.filter(|(_, variable)| variable.name == name).map(|(place, _)| place).collect()
    }
}

/// How a CSV file of a site is written.
#[derive(Debug, Clone, Copy)]
pub(crate) struct CsvWritten {
    pub(crate) delimiter: u8,
    pub(crate) encoding: CsvEncoding,
    /// Line with the names of the columns, from 1.
    pub(crate) header_line: u64,
}

/// Reads CSV with columns of any name; rows without any value are passed over.
pub(crate) fn read_csv(
    file: &str,
    source: impl Read,
    written: CsvWritten,
    limits: Limits,
) -> Result<Listing, Problem> {
    let bytes = Guarded::open(source, false, limits).map_err(|error| problem_of_io(file, &error))?;
    let form =
        CsvForm { delimiter: written.delimiter, header_line: written.header_line, names_as_found: true };
    let mut table = CsvTable::open(file, file, bytes, written.encoding, form)?;
    let mut listing = Listing::new(file, table.data_set.clone());
    let mut row = Row::default();
    loop {
        let read = match table.next_row(&mut row) {
            Ok(true) => Ok(row.clone()),
            Ok(false) => return Ok(listing),
            Err(Unreadable::Row(problem)) => Err(problem),
            Err(Unreadable::File(problem)) => return Err(problem),
        };
        let is_empty = matches!(&read, Ok(row) if is_empty(row));
        if !is_empty {
            listing.push(read)?;
        }
    }
}

/// Reads the first data set of any file that [`Reader`] opens.
pub(crate) fn read_data_set(
    file: &str,
    source: impl Read,
    options: &ReadOptions,
) -> Result<Listing, Problem> {
    let mut reader = Reader::open(file, source, options)?;
    let mut listing = Listing::new(file, reader.data_set().clone());
    let mut row = Row::default();
    loop {
        match reader.next_row(&mut row) {
            Ok(true) => listing.push(Ok(row.clone()))?,
            Ok(false) => break,
            Err(Unreadable::Row(problem)) => listing.push(Err(problem))?,
            Err(Unreadable::File(problem)) => return Err(problem),
        }
    }
    listing.warnings = reader.take_warnings();
    Ok(listing)
}

/// Reads a file whole, within its limits.
pub(crate) fn read_bytes(file: &str, source: impl Read, limits: Limits) -> Result<Vec<u8>, Problem> {
    let guarded = Guarded::open(source, false, limits).map_err(|error| problem_of_io(file, &error))?;
    read_whole(file, guarded)
}

/// Reads what is left of an open file.
pub(crate) fn read_whole<R: Read>(file: &str, mut guarded: Guarded<R>) -> Result<Vec<u8>, Problem> {
    let mut bytes = Vec::new();
    let mut chunk = vec![0_u8; 1 << 16];
    loop {
        guarded.start_row();
        let read = match guarded.read(&mut chunk) {
            Ok(0) => return Ok(bytes),
            Ok(read) => read,
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(problem_of_io(file, &error)),
        };
        bytes.extend_from_slice(chunk.get(..read).unwrap_or_default());
    }
}

/// Whether a row has no value at all.
pub(crate) fn is_empty(row: &Row) -> bool {
    (0..row.width()).all(|column| matches!(row.cell(column), Cell::Missing(_)))
}
