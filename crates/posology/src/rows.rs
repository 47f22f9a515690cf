//! Rows of a small table named on the command line, by column name.

use std::collections::HashMap;
use std::fs::File;
use std::path::Path;

use posology_exchange::dataset::{self, Cell, ReadOptions, Reader, Row};

use crate::failure::Failure;

/// A table, read whole: rows as text by column.
pub(crate) struct Rows {
    file: String,
    columns: HashMap<String, usize>,
    rows: Vec<(u64, Vec<Option<String>>)>,
}

/// One row.
pub(crate) struct Line<'a> {
    table: &'a Rows,
    /// Row of data, from 1.
    pub(crate) number: u64,
    cells: &'a [Option<String>],
}

impl Rows {
    /// Reads a table that has a row at least: without one there is nothing to judge.
    pub(crate) fn read_some(path: &Path) -> Result<Self, Failure> {
        let rows = Self::read(path)?;
        if rows.rows.is_empty() {
            return Err(Failure::input(format!(
                "{}: expected a row under the header, found none; mend: see that the file was written whole",
                path.display()
            )));
        }
        Ok(rows)
    }

    /// Reads a table; column names count without regard to case.
    pub(crate) fn read(path: &Path) -> Result<Self, Failure> {
        let file = path.display().to_string();
        let source = File::open(path).map_err(|error| Failure::unreadable(path, &error))?;
        let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        // A table named without an ending, such as standard input, is taken for CSV.
        let known = dataset::stem(&name).is_some();
        let name = if known { name } else { format!("{name}.csv") };
        let mut reader = Reader::open(&name, source, &ReadOptions::default()).map_err(Failure::input)?;
        let columns: HashMap<String, usize> = reader
            .data_set()
            .variables
            .iter()
            .enumerate()
            .map(|(index, variable)| (variable.name.trim().to_lowercase(), index))
            .collect();
        let mut rows = Vec::new();
        let mut row = Row::default();
        while reader.next_row(&mut row).map_err(Failure::input)? {
            let cells = (0..row.width())
                .map(|index| match row.cell(index) {
                    Cell::Missing(_) => None,
                    cell => cell.text().map(str::trim).filter(|text| !text.is_empty()).map(str::to_owned),
                })
                .collect();
            rows.push((row.number(), cells));
        }
        Ok(Self { file, columns, rows })
    }

    /// A table of which only the heading was read.
    pub(crate) fn heading(file: String, columns: impl IntoIterator<Item = String>) -> Self {
        let columns = columns.into_iter().enumerate().map(|(index, name)| (name, index)).collect();
        Self { file, columns, rows: Vec::new() }
    }

    /// The names of the columns in lower case, in their order.
    pub(crate) fn names(&self) -> Vec<String> {
        let mut names: Vec<(usize, &String)> =
            self.columns.iter().map(|(name, index)| (*index, name)).collect();
        names.sort_unstable();
        names.into_iter().map(|(_, name)| name.clone()).collect()
    }

    /// Whether there is a column.
    fn has(&self, column: &str) -> bool {
        self.columns.contains_key(column)
    }

    /// Whether there is one of some columns.
    pub(crate) fn has_any(&self, columns: &[&str]) -> bool {
        columns.iter().any(|column| self.has(column))
    }

    /// An error about the table as a whole.
    pub(crate) fn bad(&self, error: &dyn std::fmt::Display) -> Failure {
        Failure::input(format!("{}: {error}", self.file))
    }

    /// An error at a row, from 1, and a column by its name.
    pub(crate) fn wrong(&self, row: u64, column: &str, error: &dyn std::fmt::Display) -> Failure {
        Failure::input(format!("{} row {row}, column {column}: {error}", self.file))
    }

    /// Requires, for each thing named, one of some columns.
    pub(crate) fn need(&self, columns: &[(&str, &[&str])]) -> Result<(), Failure> {
        let missing = columns.iter().find(|(_, names)| !names.iter().any(|name| self.has(name)));
        let Some((what, names)) = missing else { return Ok(()) };
        let mut found: Vec<&str> = self.columns.keys().map(String::as_str).collect();
        found.sort_unstable();
        Err(Failure::input(format!(
            "{}: expected a column for {what} ({}), found {}; mend: name the column so",
            self.file,
            names.join(", "),
            found.join(", ")
        )))
    }

    /// Refuses a column whose name is one of the known ones but for a letter or two: a misspelt column would be read as none.
    pub(crate) fn refuse_misspelt(&self, known: &[&[&str]]) -> Result<(), Failure> {
        let mut found: Vec<&str> = self.columns.keys().map(String::as_str).collect();
        found.sort_unstable();
        let near = |column: &str| {
            let all = known.iter().flat_map(|names| names.iter().copied());
            let known = all.clone().any(|name| name == column);
            all.filter(|_| !known)
                .find(|name| name.len() > 2 && apart(column, name) <= 1 + usize::from(name.len() > 5))
        };
        match found.iter().find_map(|column| near(column).map(|name| (column, name))) {
            Some((column, name)) => Err(self.bad(&format!(
                "found the column {column:?}, expected {name} if that was meant; mend: name the column {name}, or rename it if it is something else"
            ))),
            None => Ok(()),
        }
    }

    /// The rows.
    pub(crate) fn lines(&self) -> impl Iterator<Item = Line<'_>> {
        self.rows.iter().map(|(number, cells)| Line { table: self, number: *number, cells })
    }
}

impl Line<'_> {
    /// The text of the first of some columns that is there and not empty.
    pub(crate) fn text(&self, columns: &[&str]) -> Option<&str> {
        columns.iter().find_map(|column| self.cells.get(*self.table.columns.get(*column)?)?.as_deref())
    }

    /// Reads a cell, with its place in the error.
    pub(crate) fn parse<T>(&self, columns: &[&str]) -> Result<Option<T>, Failure>
    where
        T: std::str::FromStr,
        T::Err: std::fmt::Display,
    {
        let Some(text) = self.text(columns) else { return Ok(None) };
        text.parse().map(Some).map_err(|error| self.bad(columns, &error))
    }

    /// Reads a cell that must not be empty.
    pub(crate) fn required<T>(&self, columns: &[&str]) -> Result<T, Failure>
    where
        T: std::str::FromStr,
        T::Err: std::fmt::Display,
    {
        self.parse(columns)?.ok_or_else(|| self.missing(columns))
    }

    /// The row in words.
    pub(crate) fn place(&self) -> String {
        format!("{} row {}", self.table.file, self.number)
    }

    /// The text of a column by its place.
    pub(crate) fn cell(&self, index: usize) -> Option<&str> {
        self.cells.get(index)?.as_deref()
    }

    /// An error at a column by its name.
    pub(crate) fn wrong(&self, column: &str, error: &dyn std::fmt::Display) -> Failure {
        self.table.wrong(self.number, column, error)
    }

    /// An error at an empty cell.
    pub(crate) fn missing(&self, columns: &[&str]) -> Failure {
        self.bad(columns, &"expected a value, found none; mend: fill it in")
    }

    /// An error at a cell.
    pub(crate) fn bad(&self, columns: &[&str], error: &dyn std::fmt::Display) -> Failure {
        let column = columns.iter().find(|column| self.table.has(column)).or(columns.first()).unwrap_or(&"");
        Failure::input(format!("{}, column {column}: {error}", self.place()))
    }
}

/// How many letters must be inserted, removed or exchanged to make one word of the other.
fn apart(one: &str, other: &str) -> usize {
    let other: Vec<char> = other.chars().collect();
    let mut row: Vec<usize> = (0..=other.len()).collect();
    for (place, letter) in one.chars().enumerate() {
        let mut before = row[0];
        row[0] = place + 1;
        for (at, against) in other.iter().enumerate() {
            let exchanged = before + usize::from(letter != *against);
            before = row[at + 1];
            row[at + 1] = exchanged.min(before + 1).min(row[at] + 1);
        }
    }
    row[other.len()]
}

#[cfg(test)]
mod tests {
    use super::apart;

    #[test]
    fn words_apart_by_letters() {
        assert_eq!((apart("pendng", "pending"), apart("dlt", "dlt"), apart("", "abc")), (1, 0, 3));
    }
}
