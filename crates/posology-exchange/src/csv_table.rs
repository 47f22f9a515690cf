//! CSV (RFC 4180): a line of names, then rows; everything is text, and an empty value is missing.

use std::io::{Chain, Cursor, Read};

use encoding_rs::WINDOWS_1252;

use crate::dataset::{CsvEncoding, DataSet, Row, Variable, VariableKind, check_names};
use crate::limits::{Guarded, problem_of_io};
use crate::problem::{Problem, Unreadable, quoted};

/// The mark that some programs write before UTF-8; no part of the first name.
const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

pub(crate) struct CsvTable<R: Read> {
    file: String,
    reader: csv::Reader<Chain<Cursor<Vec<u8>>, Guarded<R>>>,
    pub(crate) data_set: DataSet,
    encoding: CsvEncoding,
    record: csv::ByteRecord,
    rows: u64,
}

impl<R: Read> CsvTable<R> {
    pub(crate) fn open(
        file: &str,
        stem: &str,
        mut bytes: Guarded<R>,
        encoding: CsvEncoding,
    ) -> Result<Self, Problem> {
        let mut start = Vec::with_capacity(BYTE_ORDER_MARK.len());
        bytes
            .by_ref()
            .take(BYTE_ORDER_MARK.len() as u64)
            .read_to_end(&mut start)
            .map_err(|error| problem_of_io(file, &error))?;
        if start == BYTE_ORDER_MARK {
            start.clear();
        }
        let bytes = Cursor::new(start).chain(bytes);
        let mut reader = csv::ReaderBuilder::new()
            .has_headers(false)
            .flexible(true)
            .buffer_capacity(1 << 16)
            .from_reader(bytes);
        let mut record = csv::ByteRecord::new();
        let some = reader.read_byte_record(&mut record).map_err(|error| problem_of_csv(file, error))?;
        let header = |found: String, mend: &str| {
            Problem::in_file(file, "a first line with the names of the variables", found, mend)
        };
        if !some {
            return Err(header("an empty file".to_owned(), "fetch the file again from its source"));
        }
        if record.as_slice().starts_with(b"\xff\xfe") || record.as_slice().starts_with(b"\xfe\xff") {
            return Err(header("UTF-16".to_owned(), "save the file as UTF-8"));
        }
        let variables: Vec<Variable> = record
            .iter()
            .map(|name| Variable {
                name: String::from_utf8_lossy(name).trim().to_owned(),
                label: None,
                kind: VariableKind::Text,
                length: None,
                format: None,
            })
            .collect();
        if let [only] = variables.as_slice()
            && only.name.contains([';', '\t'])
        {
            return Err(header(quoted(&only.name), "separate the columns by commas"));
        }
        check_names(file, &variables)?;
        let data_set = DataSet { name: stem.to_owned(), label: None, variables };
        Ok(Self { file: file.to_owned(), reader, data_set, encoding, record, rows: 0 })
    }

    pub(crate) fn next_row(&mut self, row: &mut Row) -> Result<bool, Unreadable> {
        self.reader.get_mut().get_mut().1.start_row();
        let some = self
            .reader
            .read_byte_record(&mut self.record)
            .map_err(|error| Unreadable::File(problem_of_csv(&self.file, error)))?;
        if !some {
            return Ok(false);
        }
        self.rows += 1;
        row.clear(self.rows, self.record.position().map(csv::Position::line));
        let (expected, found) = (self.data_set.variables.len(), self.record.len());
        if found != expected {
            return Err(Unreadable::Row(
                Problem::in_file(
                    &self.file,
                    format!("{expected} values, as the first line names"),
                    found.to_string(),
                    "look for a missing or surplus comma, a quotation mark that is not closed, or a file cut off here",
                )
                .at_row(row.number, row.line),
            ));
        }
        for (bytes, variable) in self.record.iter().zip(&self.data_set.variables) {
            let here = |problem: Problem| problem.at_row(row.number, row.line).in_column(&variable.name);
            if let Some(at) = bytes.iter().position(|b| *b < 0x20 && !matches!(b, b'\t' | b'\n' | b'\r')) {
                return Err(Unreadable::Row(
                    here(Problem::in_file(
                        &self.file,
                        "text",
                        format!("the control character 0x{:02X}", bytes.get(at).copied().unwrap_or_default()),
                        "the file is damaged or not a text file: fetch it again from its source",
                    ))
                    .at_byte(at + 1),
                ));
            }
            match (std::str::from_utf8(bytes), self.encoding) {
                (Ok(text), CsvEncoding::Utf8) => row.push_text(text),
                (_, CsvEncoding::Windows1252) => {
                    row.push_text(&WINDOWS_1252.decode_without_bom_handling(bytes).0)
                }
                (Err(error), CsvEncoding::Utf8) => {
                    let at = error.valid_up_to();
                    return Err(Unreadable::File(
                        here(Problem::in_file(
                            &self.file,
                            "UTF-8",
                            format!("the byte 0x{:02X}", bytes.get(at).copied().unwrap_or_default()),
                            "save the file as UTF-8, or pass --encoding windows-1252 if that is what it is",
                        ))
                        .at_byte(at + 1),
                    ));
                }
            }
        }
        Ok(true)
    }
}

fn problem_of_csv(file: &str, error: csv::Error) -> Problem {
    let text = error.to_string();
    match error.into_kind() {
        csv::ErrorKind::Io(error) => problem_of_io(file, &error),
        _ => Problem::in_file(file, "CSV as in RFC 4180", text, "check the file in a text editor"),
    }
}
