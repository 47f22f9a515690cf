//! Where the rows of a table come from: the file it names, opened as what it is.

use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use posology_trial::protocol::nearest;

use super::{Delimiter, Mapping, Table};
use crate::dataset::ReadOptions;
use crate::intake::{FileReport, Outcome, SourceFile};
use crate::limits::problem_of_io;
use crate::listing::{CsvWritten, Listing, read_bytes, read_csv, read_data_set};
use crate::problem::{Problem, quoted};
use crate::{odm, redcap, spreadsheet};

/// Tables of a file, or why there are none.
type Read = Result<Rc<Vec<Listing>>, Problem>;

/// The files at hand, and what was read of them for more than one table.
pub(super) struct Sources<'a> {
    mapping: &'a Mapping,
    files: &'a [SourceFile],
    read: &'a ReadOptions,
    /// Exports of REDCap by records and dictionary: several tables read one.
    projects: BTreeMap<(String, Option<String>), Read>,
    used: BTreeSet<String>,
}

impl<'a> Sources<'a> {
    pub(super) fn new(mapping: &'a Mapping, files: &'a [SourceFile], read: &'a ReadOptions) -> Self {
        Self { mapping, files, read, projects: BTreeMap::new(), used: BTreeSet::new() }
    }

    /// Reports of the files that no table read.
    pub(super) fn left_over(self) -> Vec<FileReport> {
        let unused = self.files.iter().filter(|file| !self.used.contains(&file.name)).map(|file| {
            let reason = "no table of the mapping reads it".to_owned();
            FileReport::new(&file.name, file.name.clone(), None, Outcome::NotTaken(reason))
        });
        unused.collect()
    }

    /// The name of the file that a table reads, as it is called here.
    pub(super) fn file_of(&self, table: &Table) -> String {
        self.find(&table.file).map_or_else(|_| table.file.clone(), |file| file.name.clone())
    }

    /// The rows that a table reads.
    pub(super) fn listing(&mut self, table: &Table) -> Read {
        let file = self.find(&table.file)?;
        self.used.insert(file.name.clone());
        if table.form.is_some() || table.item_group.is_some() {
            return self.project(table, file);
        }
        let name = file.name.to_ascii_lowercase();
        let header_row = table.header_row.unwrap_or(1);
        let source = || (file.open)().map_err(|error| problem_of_io(&file.name, &error));
        let mut listing = if name.ends_with(".xlsx") {
            let bytes = read_bytes(&file.name, source()?, self.read.limits)?;
            spreadsheet::read_sheet(&file.name, bytes, table.sheet.as_deref(), header_row, self.read.limits)?
        } else if [".csv", ".csv.gz", ".txt", ".tsv"].iter().any(|ending| name.ends_with(ending)) {
            read_csv(&file.name, source()?, self.csv(table, header_row), self.read.limits)?
        } else {
            read_data_set(&file.name, source()?, self.read)?
        };
        let skipped = usize::try_from(table.skip_rows).unwrap_or(usize::MAX).min(listing.rows.len());
        listing.rows.drain(..skipped);
        Ok(Rc::new(vec![listing]))
    }

    fn csv(&self, table: &Table, header_row: u32) -> CsvWritten {
        let delimiter = table.written.delimiter.or(self.mapping.written.delimiter);
        CsvWritten {
            delimiter: match delimiter.unwrap_or(Delimiter::Comma) {
                Delimiter::Comma => b',',
                Delimiter::Semicolon => b';',
                Delimiter::Tab => b'\t',
                Delimiter::Bar => b'|',
            },
            encoding: table.encoding(&self.mapping.written),
            header_line: u64::from(header_row),
        }
    }

    /// An export of REDCap, one listing a form, or of ODM, one listing an item group.
    fn project(&mut self, table: &Table, file: &'a SourceFile) -> Read {
        let key = (file.name.clone(), table.dictionary.clone());
        if let Some(read) = self.projects.get(&key) {
            return read.clone();
        }
        let read = match &table.item_group {
            Some(_) => self.read_odm(file),
            None => self.read_project(table, file),
        };
        let read = read.map(Rc::new);
        self.projects.insert(key, read.clone());
        read
    }

    fn read_odm(&self, file: &SourceFile) -> Result<Vec<Listing>, Problem> {
        let source = (file.open)().map_err(|error| problem_of_io(&file.name, &error))?;
        let document = odm::read(&file.name, source, self.read.limits)?;
        let mut warnings = document.warnings;
        let listings = document.tables.into_iter().map(|table| Listing {
            file: file.name.clone(),
            data_set: table.data_set,
            rows: table.rows.into_iter().map(Ok).collect(),
            warnings: std::mem::take(&mut warnings),
        });
        Ok(listings.collect())
    }

    fn read_project(&mut self, table: &Table, file: &SourceFile) -> Result<Vec<Listing>, Problem> {
        let bytes = |file: &SourceFile| {
            let source = (file.open)().map_err(|error| problem_of_io(&file.name, &error))?;
            read_bytes(&file.name, source, self.read.limits)
        };
        // A code that stands for missing in one table of the export does so in all of them.
        let same = |other: &&Table| other.file == table.file && other.dictionary == table.dictionary;
        let mut missing = self.mapping.written.missing.0.clone();
        for other in self.mapping.table.iter().filter(same) {
            missing.extend(other.written.missing.0.iter().cloned());
            let own = other.fields.values().chain(other.each.iter().flat_map(|each| each.fields.values()));
            missing.extend(own.flat_map(|filling| filling.missing.0.iter().cloned()));
        }
        let written = self.csv(table, 1);
        let dictionary = match &table.dictionary {
            None => None,
            Some(name) => {
                let dictionary = self.find(name)?;
                let read = redcap::Dictionary::read(&dictionary.name, &bytes(dictionary)?, written)?;
                self.used.insert(dictionary.name.clone());
                Some(read)
            }
        };
        let records = redcap::Export { file: &file.name, bytes: &bytes(file)?, written };
        redcap::read(&records, dictionary.as_ref(), &missing)
    }

    /// The one file of a name.
    fn find(&self, pattern: &str) -> Result<&'a SourceFile, Problem> {
        let base = |file: &SourceFile| file.name.rsplit(['/', '\\']).next().unwrap_or_default().to_owned();
        let found: Vec<&SourceFile> =
            self.files.iter().filter(|file| matches_pattern(pattern, &base(file))).collect();
        match found.as_slice() {
            [file] => Ok(*file),
            [] => {
                let names: Vec<String> = self.files.iter().map(base).collect();
                let mend = match nearest(pattern, &names) {
                    Some(near) => format!("write {near} in the mapping if that was meant, or add the file"),
                    None => "add the file, or correct its name in the mapping".to_owned(),
                };
                Err(Problem::in_file(pattern, "a file of this name", "none", mend))
            }
            several => {
                let names: Vec<String> = several.iter().map(|file| quoted(&base(file))).collect();
                let mend = "keep one of them here: the newest delivery holds all rows";
                Err(Problem::in_file(pattern, "one file of this name", names.join(" and "), mend))
            }
        }
    }
}

fn matches_pattern(pattern: &str, name: &str) -> bool {
    match pattern.split_once('*') {
        None => name == pattern,
        Some((start, end)) => {
            name.len() >= start.len() + end.len() && name.starts_with(start) && name.ends_with(end)
        }
    }
}

/// Of the listings of a source the one that a table reads.
pub(super) fn of_table<'l>(
    listings: &'l [Listing],
    table: &Table,
    file: &str,
) -> Result<&'l Listing, Problem> {
    let Some(form) = table.item_group.as_ref().or(table.form.as_ref()) else {
        return listings.first().ok_or_else(|| Problem::in_file(file, "a table", "none", "correct file"));
    };
    listings.iter().find(|listing| listing.data_set.name == *form).ok_or_else(|| {
        let names: Vec<String> = listings.iter().map(|listing| listing.data_set.name.clone()).collect();
        let mend = match nearest(form, &names) {
            Some(near) => format!("write {near:?}, if that was meant"),
            None => format!("write one of {}", names.join(", ")),
        };
        let expected = match &table.item_group {
            Some(_) => "an item group that the file defines or holds",
            None => "a form of the data dictionary",
        };
        Problem::in_file(file, expected, quoted(form), mend)
    })
}
