//! CSV (RFC 4180): a line of names, then rows; everything is text, and an empty value is missing.

use std::io::{Chain, Cursor, Read};

use encoding_rs::WINDOWS_1252;

use crate::dataset::{CsvEncoding, DataSet, Row, Variable, VariableKind, check_names};
use crate::limits::{Guarded, problem_of_io};
use crate::problem::{Problem, Unreadable, quoted};

/// The mark that some programs write before UTF-8; no part of the first name.
const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// How a CSV file is laid out.
#[derive(Debug, Clone, Copy)]
pub(crate) struct CsvForm {
    /// What parts the values of a row.
    pub(crate) delimiter: u8,
    /// Line with the names of the columns, from 1; what stands above it is passed over.
    pub(crate) header_line: u64,
    /// Whether columns may be called anything, and several the same, as in files of a site.
    pub(crate) names_as_found: bool,
}

impl Default for CsvForm {
    fn default() -> Self {
        Self { delimiter: b',', header_line: 1, names_as_found: false }
    }
}

/// The bytes of a file after its byte order mark, if it has one.
type WithoutMark<R> = Chain<Cursor<Vec<u8>>, Guarded<R>>;

pub(crate) struct CsvTable<R: Read> {
    file: String,
    reader: csv::Reader<Lines<WithoutMark<R>>>,
    pub(crate) data_set: DataSet,
    encoding: CsvEncoding,
    record: csv::ByteRecord,
    rows: u64,
    lines_above: u64,
}

impl<R: Read> CsvTable<R> {
    pub(crate) fn open(
        file: &str,
        stem: &str,
        mut bytes: Guarded<R>,
        encoding: CsvEncoding,
        form: CsvForm,
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
        let mut bytes = Cursor::new(start).chain(bytes);
        let lines_above = form.header_line.saturating_sub(1);
        pass_over_lines(&mut bytes, lines_above).map_err(|error| problem_of_io(file, &error))?;
        let mut reader = csv::ReaderBuilder::new()
            .has_headers(false)
            .flexible(true)
            .delimiter(form.delimiter)
            .buffer_capacity(1 << 16)
            .from_reader(Lines { bytes, last: 0, end_in_two: None });
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
                name: match (std::str::from_utf8(name), encoding) {
                    (Err(_), CsvEncoding::Windows1252) => {
                        WINDOWS_1252.decode_without_bom_handling(name).0.trim().to_owned()
                    }
                    _ => String::from_utf8_lossy(name).trim().to_owned(),
                },
                label: None,
                kind: VariableKind::Text,
                length: None,
                format: None,
            })
            .collect();
        if let [only] = variables.as_slice()
            && let Some(other) =
                only.name.chars().find(|c| [',', ';', '\t'].contains(c) && *c != char::from(form.delimiter))
        {
            let mend = match form.names_as_found {
                true => format!("say how the file is written: delimiter = {:?}", other.to_string()),
                false => "separate the columns by commas".to_owned(),
            };
            return Err(header(quoted(&only.name), &mend));
        }
        match variables.iter().find(|variable| variable.name.contains(char::REPLACEMENT_CHARACTER)) {
            _ if !form.names_as_found => check_names(file, &variables)?,
            Some(variable) => {
                let mend = "save the file as UTF-8, or say how it is written: encoding = \"windows-1252\"";
                return Err(header(format!("{}, which is not UTF-8", quoted(&variable.name)), mend));
            }
            None => {}
        }
        let data_set = DataSet { name: stem.to_owned(), label: None, variables };
        Ok(Self { file: file.to_owned(), reader, data_set, encoding, record, rows: 0, lines_above })
    }

    pub(crate) fn next_row(&mut self, row: &mut Row) -> Result<bool, Unreadable> {
        self.reader.get_mut().bytes.get_mut().1.start_row();
        let some = self
            .reader
            .read_byte_record(&mut self.record)
            .map_err(|error| Unreadable::File(problem_of_csv(&self.file, error)))?;
        if !some {
            return Ok(false);
        }
        self.rows += 1;
        // After a line that ends in CR LF the parser counts the LF with the next row.
        let uncounted = u64::from(self.reader.get_ref().end_in_two == Some(true));
        let line = self.record.position().map(|position| position.line() + self.lines_above + uncounted);
        row.clear(self.rows, line);
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

/// Bytes on their way to the parser, and whether the first line among them ends in CR LF.
struct Lines<R> {
    bytes: R,
    last: u8,
    end_in_two: Option<bool>,
}

impl<R: Read> Read for Lines<R> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let read = self.bytes.read(buffer)?;
        let seen = buffer.get(..read).unwrap_or_default();
        if self.end_in_two.is_none() {
            if let Some(end) = seen.iter().position(|byte| *byte == b'\n') {
                let before = end.checked_sub(1).and_then(|at| seen.get(at)).copied().unwrap_or(self.last);
                self.end_in_two = Some(before == b'\r');
            }
            self.last = seen.last().copied().unwrap_or(self.last);
        }
        Ok(read)
    }
}

fn pass_over_lines(bytes: &mut impl Read, lines: u64) -> std::io::Result<()> {
    let mut left = lines;
    let mut byte = [0];
    while left > 0 && bytes.read(&mut byte)? > 0 {
        left -= u64::from(byte == *b"\n");
    }
    Ok(())
}

fn problem_of_csv(file: &str, error: csv::Error) -> Problem {
    let text = error.to_string();
    match error.into_kind() {
        csv::ErrorKind::Io(error) => problem_of_io(file, &error),
        _ => Problem::in_file(file, "CSV as in RFC 4180", text, "check the file in a text editor"),
    }
}
