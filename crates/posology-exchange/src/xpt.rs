//! SAS transport files, version 5 (SAS technical note TS-140): records of 80 bytes, one or several members.
//!
//! Traps: numbers are IBM System/360 doubles; a missing number may carry a letter; the number of rows is not
//! written anywhere, and padding is blanks; the text's encoding is not stated.

use std::io::{self, Read};

use encoding_rs::WINDOWS_1252;

use crate::dataset::{DataSet, Row, Variable, VariableKind, check_names, warn};
use crate::limits::{Guarded, problem_of_io};
use crate::problem::{Problem, Unreadable, quoted};

const RECORD: usize = 80;
/// The last record is filled up with blanks: at most this many belong to no row.
const PADDING: usize = RECORD - 1;

const LIBRARY: &str = "HEADER RECORD*******LIBRARY HEADER RECORD!!!!!!!";
const LIBRARY_8: &str = "HEADER RECORD*******LIBV8   HEADER RECORD!!!!!!!";
const MEMBER: &str = "HEADER RECORD*******MEMBER  HEADER RECORD!!!!!!!";
const DESCRIPTOR: &str = "HEADER RECORD*******DSCRPTR HEADER RECORD!!!!!!!";
const NAMES: &str = "HEADER RECORD*******NAMESTR HEADER RECORD!!!!!!!";
const ROWS: &str = "HEADER RECORD*******OBS     HEADER RECORD!!!!!!!";

pub(crate) struct Xpt<R: Read> {
    file: String,
    bytes: io::BufReader<Guarded<R>>,
    pub(crate) data_set: DataSet,
    pub(crate) warnings: Vec<Problem>,
    fields: Vec<Field>,
    row_length: usize,
    /// Bytes of rows read and not yet given, from `start` on.
    pending: Vec<u8>,
    start: usize,
    rows: u64,
    /// How many of the pending bytes are rows, once the member's end is known.
    after: Option<After>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum After {
    Member,
    End,
}

struct Field {
    kind: VariableKind,
    start: usize,
    length: usize,
}

impl<R: Read> Xpt<R> {
    pub(crate) fn open(file: &str, bytes: Guarded<R>) -> Result<Self, Problem> {
        let mut xpt = Self {
            file: file.to_owned(),
            bytes: io::BufReader::with_capacity(1 << 16, bytes),
            data_set: DataSet { name: String::new(), label: None, variables: Vec::new() },
            warnings: Vec::new(),
            fields: Vec::new(),
            row_length: 0,
            pending: Vec::new(),
            start: 0,
            rows: 0,
            after: None,
        };
        let first = xpt.header()?;
        if first.starts_with(LIBRARY_8.as_bytes()) {
            return Err(xpt.problem(
                "a SAS transport file of version 5",
                "version 8",
                "write it again as version 5, or as Dataset-JSON",
            ));
        }
        if !first.starts_with(LIBRARY.as_bytes()) {
            let found = String::from_utf8_lossy(&first);
            let found = quoted(found.trim().lines().next().unwrap_or_default());
            return Err(xpt.problem(
                "a SAS transport header (HEADER RECORD*******LIBRARY HEADER RECORD)",
                &found,
                "the file is of another kind than its name says: fetch it again from its source",
            ));
        }
        xpt.header()?;
        xpt.header()?;
        let member = xpt.header()?;
        xpt.read_member(&member)?;
        Ok(xpt)
    }

    fn problem(&self, expected: &str, found: &str, mend: &str) -> Problem {
        Problem::in_file(&self.file, expected, found, mend)
    }

    /// The next record; `None` at the end of the file, which lies between two records.
    fn record(&mut self) -> Result<Option<[u8; RECORD]>, Problem> {
        let mut record = [0; RECORD];
        let mut filled = 0;
        while let Some(rest) = record.get_mut(filled..).filter(|rest| !rest.is_empty()) {
            match self.bytes.read(rest) {
                Ok(0) if filled == 0 => return Ok(None),
                Ok(0) => return Err(problem_of_io(&self.file, &io::ErrorKind::UnexpectedEof.into())),
                Ok(read) => filled += read,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(problem_of_io(&self.file, &error)),
            }
        }
        self.bytes.get_mut().start_row();
        Ok(Some(record))
    }

    fn header(&mut self) -> Result<[u8; RECORD], Problem> {
        let found = self.record()?;
        found.ok_or_else(|| problem_of_io(&self.file, &io::ErrorKind::UnexpectedEof.into()))
    }

    fn header_that_begins(&mut self, beginning: &str) -> Result<[u8; RECORD], Problem> {
        let record = self.header()?;
        self.check_beginning(&record, beginning)?;
        Ok(record)
    }

    fn check_beginning(&self, record: &[u8], beginning: &str) -> Result<(), Problem> {
        if record.starts_with(beginning.as_bytes()) {
            return Ok(());
        }
        Err(self.problem(
            &format!("the record {}", quoted(beginning)),
            &quoted(&String::from_utf8_lossy(record)),
            "the file is damaged: fetch it again from its source",
        ))
    }

    /// A number of four digits in a header record.
    fn digits(&self, record: &[u8], at: usize, meaning: &str) -> Result<usize, Problem> {
        let text = record.get(at..at + 4).map(String::from_utf8_lossy).unwrap_or_default();
        text.trim().parse().map_err(|_| {
            self.problem(meaning, &quoted(&text), "the file is damaged: fetch it again from its source")
        })
    }

    fn read_member(&mut self, member: &[u8]) -> Result<(), Problem> {
        self.check_beginning(member, MEMBER)?;
        let namestr_length = self.digits(member, 74, "the size of a variable's description, 0140 or 0136")?;
        if !matches!(namestr_length, 136 | 140) {
            return Err(self.problem(
                "the size of a variable's description, 0140 or 0136",
                &namestr_length.to_string(),
                "write the file again with SAS PROC COPY or another writer of version 5",
            ));
        }
        self.header_that_begins(DESCRIPTOR)?;
        let name = text_at(&self.header()?, 8, 8);
        let label = Some(text_at(&self.header()?, 32, 40)).filter(|label| !label.is_empty());
        let names = self.header_that_begins(NAMES)?;
        let count = self.digits(&names, 54, "the number of variables in four digits")?;
        let mut descriptions = Vec::new();
        while descriptions.len() < count * namestr_length {
            descriptions.extend_from_slice(&self.header()?);
        }
        self.header_that_begins(ROWS)?;

        self.fields.clear();
        let mut variables = Vec::with_capacity(count);
        for description in descriptions.chunks_exact(namestr_length).take(count) {
            let (field, variable) = self.variable(description)?;
            self.fields.push(field);
            variables.push(variable);
        }
        check_names(&self.file, &variables)?;
        self.row_length = self.fields.iter().map(|field| field.length).sum();
        if let Some((_, variable)) =
            self.fields.iter().zip(&variables).find(|(field, _)| field.start + field.length > self.row_length)
        {
            return Err(self.problem(
                &format!("variables inside a row of {} bytes", self.row_length),
                &format!("{} beyond it", variable.name),
                "the file is damaged: fetch it again from its source",
            ));
        }
        self.data_set = DataSet { name, label, variables };
        self.pending.clear();
        self.start = 0;
        self.rows = 0;
        self.after = None;
        Ok(())
    }

    fn variable(&self, description: &[u8]) -> Result<(Field, Variable), Problem> {
        let short = |at| number_at::<2>(description, at).map(i16::from_be_bytes).unwrap_or_default();
        let name = text_at(description, 8, 8);
        let refused = |expected: &str, found: i64| {
            self.problem(
                expected,
                &format!("{found} for {}", quoted(&name)),
                "fetch the file again from its source",
            )
        };
        let length = short(4);
        let kind = match short(0) {
            1 if !(2..=8).contains(&length) => {
                return Err(refused("a number of 2 to 8 bytes", length.into()));
            }
            1 => VariableKind::Number,
            2 if length < 1 => return Err(refused("a text of at least 1 byte", length.into())),
            2 => VariableKind::Text,
            other => return Err(refused("the type 1 (number) or 2 (text)", other.into())),
        };
        let start = number_at::<4>(description, 84).map(i32::from_be_bytes).unwrap_or_default();
        let start = usize::try_from(start).map_err(|_| refused("a place in the row", start.into()))?;
        let length = usize::try_from(length).map_err(|_| refused("a length", length.into()))?;
        let label = Some(text_at(description, 16, 40)).filter(|label| !label.is_empty());
        let format = format_name(&text_at(description, 56, 8), short(64), short(66));
        let variable = Variable { name, label, kind, length: u32::try_from(length).ok(), format };
        Ok((Field { kind, start, length }, variable))
    }

    /// Reads on until `wanted` bytes are pending or the member ends.
    fn fill(&mut self, wanted: usize) -> Result<(), Problem> {
        while self.after.is_none() && self.pending.len() - self.start < wanted {
            if self.start > 1 << 16 {
                self.pending.drain(..self.start);
                self.start = 0;
            }
            match self.record()? {
                None => self.after = Some(After::End),
                Some(record) if record.starts_with(MEMBER.as_bytes()) => {
                    self.after = Some(After::Member);
                    let rows = self.pending.len();
                    self.pending.extend_from_slice(&record);
                    self.end_of_rows(rows)?;
                    return Ok(());
                }
                Some(record) => self.pending.extend_from_slice(&record),
            }
            if self.after.is_some() {
                self.end_of_rows(self.pending.len())?;
            }
        }
        Ok(())
    }

    /// Cuts off what is padding: what is left of a row, then rows of blanks wholly within the last 79 bytes.
    fn end_of_rows(&mut self, end: usize) -> Result<(), Problem> {
        let bytes = self.pending.get(self.start..end).unwrap_or_default();
        let mut rows = bytes.len().checked_div(self.row_length).unwrap_or(0);
        let left = bytes.get(rows * self.row_length..).unwrap_or_default();
        if left.len() > PADDING || left.iter().any(|b| *b != b' ') {
            return Err(Problem::in_file(
                &self.file,
                format!("whole rows of {} bytes", self.row_length),
                format!("{} bytes after the last whole row", left.len()),
                "the file was cut off or damaged: fetch it again from its source",
            ));
        }
        while rows > 0
            && (rows - 1) * self.row_length + PADDING >= bytes.len()
            && bytes
                .get((rows - 1) * self.row_length..rows * self.row_length)
                .is_some_and(|row| row.iter().all(|b| *b == b' '))
        {
            rows -= 1;
        }
        let keep = self.start + rows * self.row_length;
        self.pending.drain(keep..end);
        Ok(())
    }

    pub(crate) fn next_row(&mut self, row: &mut Row) -> Result<bool, Unreadable> {
        // A row may only be given once it is sure not to be padding: 80 bytes from its beginning are there.
        self.fill(self.row_length.max(RECORD)).map_err(Unreadable::File)?;
        let rows_end = match self.after {
            Some(After::Member) => self.pending.len() - RECORD,
            _ => self.pending.len(),
        };
        if self.row_length == 0 || self.start + self.row_length > rows_end {
            return Ok(false);
        }
        self.rows += 1;
        row.clear(self.rows, None);
        let bytes = self.pending.get(self.start..self.start + self.row_length).unwrap_or_default();
        self.start += self.row_length;
        for (field, variable) in self.fields.iter().zip(&self.data_set.variables) {
            let value = bytes.get(field.start..field.start + field.length).unwrap_or_default();
            match field.kind {
                VariableKind::Number => match Number::from_ibm(value) {
                    Number::Missing(letter) => row.push_missing(letter),
                    Number::Value(number) => row.push_number(&number.to_string()),
                },
                VariableKind::Text => match std::str::from_utf8(value) {
                    Ok(text) => row.push_text(text.trim_end_matches('\0')),
                    Err(error) => {
                        row.push_text(&WINDOWS_1252.decode_without_bom_handling(value).0);
                        let at = error.valid_up_to();
                        let (file, row) = (&self.file, self.rows);
                        warn(&mut self.warnings, || {
                            Problem::in_file(
                                file,
                                "UTF-8",
                                format!(
                                    "the byte 0x{:02X}, read as Windows-1252",
                                    value.get(at).copied().unwrap_or_default()
                                ),
                                "compare the value with its source",
                            )
                            .at_row(row, None)
                            .in_column(&variable.name)
                            .at_byte(at + 1)
                        });
                    }
                },
            }
        }
        Ok(true)
    }

    pub(crate) fn next_member(&mut self) -> Result<bool, Problem> {
        while self.after.is_none() {
            self.start = self.pending.len();
            let Some(record) = self.record()? else { return Ok(false) };
            if record.starts_with(MEMBER.as_bytes()) {
                self.read_member(&record)?;
                return Ok(true);
            }
        }
        if self.after == Some(After::End) {
            return Ok(false);
        }
        let at = self.pending.len() - RECORD;
        let member = self.pending.split_off(at);
        self.read_member(&member)?;
        Ok(true)
    }
}

/// A number as it stands in a transport file.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Number {
    Missing(Option<char>),
    Value(f64),
}

impl Number {
    /// From IBM System/360 form, of 2 to 8 bytes: sign, exponent of 16 with excess 64, 56 bits of fraction.
    fn from_ibm(bytes: &[u8]) -> Self {
        let mut whole = [0_u8; 8];
        for (to, from) in whole.iter_mut().zip(bytes) {
            *to = *from;
        }
        let [first, fraction @ ..] = whole;
        if fraction == [0; 7] {
            match first {
                b'.' => return Self::Missing(None),
                b'_' | b'A'..=b'Z' => return Self::Missing(Some(char::from(first))),
                _ => {}
            }
        }
        let mut wide = [0_u8; 8];
        for (to, from) in wide.iter_mut().skip(1).zip(fraction) {
            *to = from;
        }
        let fraction = u64::from_be_bytes(wide);
        if fraction == 0 {
            return Self::Value(0.0);
        }
        // 2^(4 (exponent - 64) - 56) lies between 2^-312 and 2^196, so only the fraction's 56 bits are rounded.
        let exponent = 4 * (i32::from(first & 0x7f) - 64) - 56;
        #[allow(clippy::cast_precision_loss)]
        let magnitude = fraction as f64 * 2_f64.powi(exponent);
        Self::Value(if first & 0x80 == 0 { magnitude } else { -magnitude })
    }
}

fn number_at<const N: usize>(bytes: &[u8], at: usize) -> Option<[u8; N]> {
    bytes.get(at..at + N)?.try_into().ok()
}

fn text_at(bytes: &[u8], at: usize, length: usize) -> String {
    let bytes = bytes.get(at..at + length).unwrap_or_default();
    let text = match std::str::from_utf8(bytes) {
        Ok(text) => text.into(),
        Err(_) => WINDOWS_1252.decode_without_bom_handling(bytes).0,
    };
    text.trim_end_matches([' ', '\0']).to_owned()
}

/// `$12.`, `DATE9.`, `8.2`; `None` where no format is given.
fn format_name(name: &str, width: i16, decimals: i16) -> Option<String> {
    if name.is_empty() && width <= 0 {
        return None;
    }
    let mut format = name.to_owned();
    if width > 0 {
        format.push_str(&width.to_string());
    }
    format.push('.');
    if decimals > 0 {
        format.push_str(&decimals.to_string());
    }
    Some(format)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dataset::{Cell, ReadOptions, Reader};
    use crate::limits::Limits;

    // Source for the numbers: SAS TS-140 and the IBM System/360 format (1.0 = 41 10, 100 = 42 64, 0.1 = 40 19 99…9A).
    #[test]
    fn ibm_numbers_are_read_exactly_also_when_cut_to_fewer_bytes() {
        let value = |bytes: &[u8]| match Number::from_ibm(bytes) {
            Number::Value(value) => value,
            Number::Missing(_) => f64::NAN,
        };
        assert_eq!(value(&[0x41, 0x10, 0, 0, 0, 0, 0, 0]), 1.0);
        assert_eq!(value(&[0x42, 0x64]), 100.0);
        assert_eq!(value(&[0xc2, 0x64, 0]), -100.0);
        assert_eq!(value(&[0x40, 0x19, 0x99, 0x99, 0x99, 0x99, 0x99, 0x9a]), 0.1);
        // 0.1 cut to four bytes is 0x199999 / 2^24.
        assert_eq!(value(&[0x40, 0x19, 0x99, 0x99]), f64::from(0x19_9999) / f64::from(1 << 24));
        assert_eq!(value(&[0, 0, 0, 0, 0, 0, 0, 0]), 0.0);
        assert!(value(&[0x80, 0, 0, 0, 0, 0, 0, 0]).is_sign_positive());
        assert_eq!(value(&[0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff]).log2().ceil(), 252.0);
        assert_eq!(Number::from_ibm(&[b'.', 0, 0]), Number::Missing(None));
        assert_eq!(Number::from_ibm(&[b'_', 0, 0, 0, 0, 0, 0, 0]), Number::Missing(Some('_')));
        assert_eq!(Number::from_ibm(&[b'Z', 0, 0, 0, 0, 0, 0, 0]), Number::Missing(Some('Z')));
        // 'A' is also an exponent: with a fraction it is a number.
        assert_eq!(value(&[b'A', 0x20, 0, 0, 0, 0, 0, 0]), 2.0);
    }

    fn padded(mut bytes: Vec<u8>) -> Vec<u8> {
        bytes.resize(bytes.len().div_ceil(RECORD) * RECORD, b' ');
        bytes
    }

    fn line(text: &str) -> Vec<u8> {
        padded(text.as_bytes().to_vec())
    }

    /// A member as TS-140 lays it out: variables as (name, type, length), then the rows' bytes.
    fn member(name: &str, variables: &[(&str, i16, i16)], rows: &[u8]) -> Vec<u8> {
        let mut file = line(&format!("{MEMBER}000000000000000001600000000140"));
        file.extend(line(&format!("{DESCRIPTOR}{:030}", 0)));
        file.extend(line(&format!("SAS     {name:8}SASDATA 9.4     X64_10PR{:24}21AUG20:09:14:29", "")));
        file.extend(line("21AUG20:09:14:29"));
        file.extend(line(&format!("{NAMES}000000{:04}00000000000000000000", variables.len())));
        let mut names = Vec::new();
        let mut place = 0_i32;
        for (name, kind, length) in variables {
            let mut description = vec![0; 140];
            description[..2].copy_from_slice(&kind.to_be_bytes());
            description[4..6].copy_from_slice(&length.to_be_bytes());
            description[8..88 - 4].fill(b' ');
            description[8..8 + name.len()].copy_from_slice(name.as_bytes());
            description[64..72].fill(0);
            description[80..84].fill(0);
            description[84..88].copy_from_slice(&place.to_be_bytes());
            place += i32::from(*length);
            names.extend(description);
        }
        file.extend(padded(names));
        file.extend(line(&format!("{ROWS}{:030}", 0)));
        file.extend(padded(rows.to_vec()));
        file
    }

    fn library(members: &[Vec<u8>]) -> Vec<u8> {
        let mut file = line(&format!("{LIBRARY}{:030}", 0));
        file.extend(line("SAS     SAS     SASLIB  9.4     X64_10PR"));
        file.extend(line("21AUG20:09:14:29"));
        file.extend(members.concat());
        file
    }

    fn rows_of(file: &[u8]) -> Result<Vec<Vec<Option<String>>>, Unreadable> {
        let mut reader = Reader::open("x.xpt", file, &ReadOptions::default()).map_err(Unreadable::File)?;
        let mut row = Row::default();
        let mut rows = Vec::new();
        while reader.next_row(&mut row)? {
            rows.push((0..row.width()).map(|c| row.cell(c).text().map(str::to_owned)).collect());
        }
        Ok(rows)
    }

    const ONE: [u8; 8] = [0x41, 0x10, 0, 0, 0, 0, 0, 0];

    #[test]
    fn trailing_rows_of_zeros_are_rows_and_blank_padding_is_none() {
        let number = [("X", 1, 8)];
        let text = |values: &[&str]| values.iter().map(|v| Some((*v).to_owned())).collect::<Vec<_>>();
        let file = library(&[member("D", &number, &[ONE, [0; 8]].concat())]);
        assert_eq!(rows_of(&file).unwrap(), [text(&["1"]), text(&["0"])]);
        let file = library(&[member("D", &number, &[0; 24])]);
        assert_eq!(rows_of(&file).unwrap().len(), 3);
        let file = library(&[member("D", &number, &[])]);
        assert_eq!(rows_of(&file).unwrap().len(), 0);
        // Exactly 80 bytes a row: a blank last row does not lie within the last 79 bytes, so it is a row.
        let file = library(&[member("D", &[("T", 2, 80)], &[b'a'; 80])]);
        assert_eq!(rows_of(&file).unwrap().len(), 1);
        let file = library(&[member("D", &[("T", 2, 80)], &[[b'a'; 80], [b' '; 80]].concat())]);
        assert_eq!(rows_of(&file).unwrap().len(), 2);
        // A blank row in the middle stays; one at the end cannot be told from padding.
        let file = library(&[member("D", &[("T", 2, 10)], b"aaaaaaaaaa          bbbbbbbbbb          ")]);
        assert_eq!(rows_of(&file).unwrap().len(), 3);
    }

    #[test]
    fn all_members_of_a_file_are_read() {
        let file = library(&[
            member("DM", &[("X", 1, 8)], &[ONE, ONE].concat()),
            member("AE", &[("T", 2, 3)], b"abcdef"),
            member("LB", &[("X", 1, 8)], &[]),
        ]);
        let mut reader = Reader::open("x.xpt", file.as_slice(), &ReadOptions::default()).unwrap();
        let mut row = Row::default();
        let mut found = Vec::new();
        loop {
            let name = reader.data_set().name.clone();
            while reader.next_row(&mut row).unwrap() {
                found.push((name.clone(), row.cell(0).text().unwrap().to_owned()));
            }
            if !reader.next_data_set().unwrap() {
                break;
            }
        }
        let expected = [("DM", "1"), ("DM", "1"), ("AE", "abc"), ("AE", "def")];
        assert_eq!(found, expected.map(|(a, b)| (a.to_owned(), b.to_owned())));
        assert_eq!(reader.data_set().name, "LB");
        // Also when the rows of the first are skipped.
        let mut reader = Reader::open("x.xpt", file.as_slice(), &ReadOptions::default()).unwrap();
        assert!(reader.next_data_set().unwrap());
        assert_eq!(reader.data_set().name, "AE");
    }

    #[test]
    fn a_file_cut_off_anywhere_is_refused_or_ends_between_two_rows() {
        let file = library(&[member("D", &[("T", 2, 30)], &[b'a'; 300])]);
        let whole = rows_of(&file).unwrap().len();
        assert_eq!(whole, 10);
        for end in 0..file.len() {
            match rows_of(&file[..end]) {
                Err(Unreadable::File(_)) => {}
                Err(Unreadable::Row(problem)) => panic!("{problem}"),
                Ok(rows) => assert!(rows.len() < whole && end % RECORD == 0, "{end}"),
            }
        }
    }

    #[test]
    fn windows_1252_is_read_with_a_warning_that_names_row_and_variable() {
        let file = library(&[member("TS", &[("TSVAL", 2, 10)], b"plain     it\x92s      ")]);
        let mut reader = Reader::open("ts.xpt", file.as_slice(), &ReadOptions::default()).unwrap();
        let mut row = Row::default();
        assert!(reader.next_row(&mut row).unwrap());
        assert!(reader.next_row(&mut row).unwrap());
        assert_eq!(row.cell(0), Cell::Text("it’s"));
        let warnings = reader.take_warnings();
        assert_eq!(warnings.len(), 1);
        assert!(
            warnings[0]
                .to_string()
                .starts_with("ts.xpt row 2, column TSVAL, byte 3: expected UTF-8, found the byte 0x92")
        );
    }

    #[test]
    fn a_header_that_claims_9999_variables_is_refused_at_once() {
        let mut file = library(&[member("D", &[("X", 1, 8)], &ONE)]);
        let at = 7 * RECORD + 54;
        file[at..at + 4].copy_from_slice(b"9999");
        assert!(matches!(rows_of(&file), Err(Unreadable::File(_))));
    }

    #[test]
    fn a_page_of_html_is_refused_by_what_it_begins_with() {
        let page = "<HTML>\n<HEAD><TITLE>404</TITLE></HEAD><BODY>Not here, not here, not here, not here</BODY></HTML>";
        let problem = Reader::open(
            "a.xpt",
            page.as_bytes(),
            &ReadOptions { limits: Limits::default(), ..Default::default() },
        )
        .err()
        .unwrap();
        assert!(problem.to_string().contains("expected a SAS transport header"), "{problem}");
        assert!(problem.to_string().contains("found \"<HTML>\""), "{problem}");
    }
}
