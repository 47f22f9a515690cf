//! Dataset-JSON 1.1: one JSON object with the rows in it, or a line of metadata and a line a row.
//!
//! Rows are read one at a time. What the JSON Schema does not notice is checked here: the width of each row and
//! the stated number of records. Both `null` and `""` are missing.

use std::io::{self, BufRead, Read};

use serde_json::{Map, Value};

use crate::dataset::{DataSet, Row, Variable, VariableKind, check_names, is_number, warn};
use crate::limits::{Guarded, problem_of_io};
use crate::problem::{Problem, Unreadable, quoted};

const KEYS: [&str; 15] = [
    "datasetJSONCreationDateTime",
    "datasetJSONVersion",
    "fileOID",
    "dbLastModifiedDateTime",
    "originator",
    "sourceSystem",
    "studyOID",
    "metaDataVersionOID",
    "metaDataRef",
    "itemGroupOID",
    "records",
    "name",
    "label",
    "columns",
    "rows",
];

pub(crate) struct DatasetJson<R: Read> {
    file: String,
    scanner: Scanner<R>,
    pub(crate) data_set: DataSet,
    pub(crate) warnings: Vec<Problem>,
    types: Vec<Type>,
    records: u64,
    rows: u64,
    lines: bool,
    ended: bool,
    value: Vec<u8>,
}

/// What a column holds, and whether its departure from that has been reported.
#[derive(Debug, Clone, Copy)]
struct Type {
    holds: Holds,
    reported: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Holds {
    Text,
    Number,
    /// A number written as a JSON string.
    Decimal,
    Boolean,
}

impl<R: Read> DatasetJson<R> {
    pub(crate) fn open(file: &str, bytes: Guarded<R>, lines: bool) -> Result<Self, Problem> {
        let mut json = Self {
            file: file.to_owned(),
            scanner: Scanner { bytes: io::BufReader::with_capacity(1 << 16, bytes), line: 1 },
            data_set: DataSet { name: String::new(), label: None, variables: Vec::new() },
            warnings: Vec::new(),
            types: Vec::new(),
            records: 0,
            rows: 0,
            lines,
            ended: false,
            value: Vec::new(),
        };
        let metadata = if lines { json.metadata_line()? } else { json.metadata_before_rows()? };
        json.take_metadata(&metadata)?;
        Ok(json)
    }

    fn problem(&self, expected: impl Into<String>, found: impl Into<String>, mend: &str) -> Problem {
        let mut problem = Problem::in_file(&self.file, expected, found, mend);
        problem.place.line = Some(self.scanner.line);
        problem
    }

    fn of_fault(&self, fault: &Fault) -> Problem {
        match fault {
            Fault::Io(error) => problem_of_io(&self.file, error),
            Fault::Syntax { expected, found } => self.problem(
                *expected,
                found,
                "the file is damaged or not Dataset-JSON: fetch it again from its source",
            ),
        }
    }

    fn parsed<T: serde::de::DeserializeOwned>(&self, bytes: &[u8]) -> Result<T, Problem> {
        serde_json::from_slice(bytes).map_err(|error| {
            self.problem(
                "JSON",
                error.to_string(),
                "the file is damaged or not Dataset-JSON: fetch it again from its source",
            )
        })
    }

    fn metadata_line(&mut self) -> Result<Map<String, Value>, Problem> {
        let mut line = std::mem::take(&mut self.value);
        let read = self.scanner.line_of_text(&mut line).map_err(|fault| self.of_fault(&fault))?;
        if !read {
            return Err(self.problem(
                "a first line with the metadata",
                "an empty file",
                "fetch the file again from its source",
            ));
        }
        // Serde keeps the last of two equal keys; the object is small and a duplicate changes no row.
        let metadata: Map<String, Value> = self.parsed(&line)?;
        if metadata.contains_key("rows") {
            return Err(self.problem(
                "metadata without rows on the first line",
                "rows",
                "give the file the ending .json",
            ));
        }
        self.value = line;
        Ok(metadata)
    }

    /// Reads the object's members up to `"rows": [`, or up to its end where it has no rows.
    fn metadata_before_rows(&mut self) -> Result<Map<String, Value>, Problem> {
        let mut metadata = Map::new();
        let mut value = Vec::new();
        self.scanner.expect(b'{', "an object").map_err(|fault| self.of_fault(&fault))?;
        loop {
            self.scanner.value(&mut value).map_err(|fault| self.of_fault(&fault))?;
            let key: String = self.parsed(&value)?;
            self.scanner.expect(b':', "a colon").map_err(|fault| self.of_fault(&fault))?;
            if key == "rows" {
                self.scanner.expect(b'[', "an array of rows").map_err(|fault| self.of_fault(&fault))?;
                return Ok(metadata);
            }
            self.scanner.value(&mut value).map_err(|fault| self.of_fault(&fault))?;
            let found = self.parsed(&value)?;
            if metadata.insert(key.clone(), found).is_some() {
                return Err(self.problem(
                    "each key once",
                    format!("{} twice", quoted(&key)),
                    "remove one of the two",
                ));
            }
            match self.scanner.token().map_err(|fault| self.of_fault(&fault))? {
                Some(b',') => {}
                Some(b'}') => {
                    self.end_of_json()?;
                    self.ended = true;
                    return Ok(metadata);
                }
                other => return Err(self.of_fault(&Fault::syntax("a comma or }", other))),
            }
        }
    }

    fn take_metadata(&mut self, metadata: &Map<String, Value>) -> Result<(), Problem> {
        if let Some(key) = metadata.keys().find(|key| !KEYS.contains(&key.as_str())) {
            return Err(self.problem(
                "the keys of Dataset-JSON 1.1",
                quoted(key),
                "remove the extension, or write the file again without it",
            ));
        }
        let version = metadata.get("datasetJSONVersion").and_then(Value::as_str).unwrap_or_default();
        if !(version == "1.1"
            || version.strip_prefix("1.1.").is_some_and(|patch| patch.parse::<u32>().is_ok()))
        {
            return Err(self.problem(
                "\"datasetJSONVersion\": \"1.1\" before the rows",
                if version.is_empty() { "none".to_owned() } else { quoted(version) },
                "write the file again as version 1.1, metadata first",
            ));
        }
        let Some(columns) = metadata.get("columns").and_then(Value::as_array) else {
            return Err(self.problem(
                "\"columns\" before the rows",
                "none",
                "write the metadata first, as the standard asks",
            ));
        };
        let mut variables = Vec::with_capacity(columns.len());
        for (index, column) in columns.iter().enumerate() {
            let text = |key: &str| column.get(key).and_then(Value::as_str);
            let Some(name) = text("name") else {
                return Err(self.problem(
                    format!("a name for column {}", index + 1),
                    "none",
                    "name the column",
                ));
            };
            if name.chars().any(|c| c.is_ascii_lowercase()) {
                let file = &self.file;
                warn(&mut self.warnings, || {
                    Problem::in_file(file, "names in capitals", quoted(name), "read as the name in capitals")
                        .in_column(name)
                });
            }
            let data_type = text("dataType").unwrap_or_default();
            let holds = match data_type {
                "integer" | "float" | "double" => Holds::Number,
                "decimal" => Holds::Decimal,
                "boolean" => Holds::Boolean,
                "string" | "datetime" | "date" | "time" | "URI" => Holds::Text,
                _ => {
                    return Err(self
                        .problem(
                            "a dataType: string, integer, decimal, float, double, boolean, datetime, date, time or URI",
                            quoted(data_type),
                            "state the column's type",
                        )
                        .in_column(name));
                }
            };
            self.types.push(Type { holds, reported: false });
            variables.push(Variable {
                name: name.to_owned(),
                label: self.label(column.get("label"), Some(name)),
                kind: match holds {
                    Holds::Number | Holds::Decimal => VariableKind::Number,
                    Holds::Text | Holds::Boolean => VariableKind::Text,
                },
                length: column
                    .get("length")
                    .and_then(Value::as_u64)
                    .and_then(|length| u32::try_from(length).ok()),
                format: text("displayFormat").map(str::to_owned),
            });
        }
        check_names(&self.file, &variables)?;
        let Some(name) = metadata.get("name").and_then(Value::as_str) else {
            return Err(self.problem("\"name\" before the rows", "none", "name the data set"));
        };
        let Some(records) = metadata.get("records").and_then(Value::as_u64) else {
            return Err(self.problem("\"records\", the number of rows", "none", "state it"));
        };
        self.records = records;
        self.data_set =
            DataSet { name: name.to_owned(), label: self.label(metadata.get("label"), None), variables };
        if self.ended {
            self.check_records()?;
        }
        Ok(())
    }

    fn label(&mut self, label: Option<&Value>, column: Option<&str>) -> Option<String> {
        match label {
            Some(Value::String(label)) => Some(label.clone()),
            None | Some(Value::Null) => None,
            Some(other) => {
                let file = &self.file;
                warn(&mut self.warnings, || {
                    let problem =
                        Problem::in_file(file, "a label as text", other.to_string(), "read as no label");
                    match column {
                        Some(column) => problem.in_column(column),
                        None => problem,
                    }
                });
                None
            }
        }
    }

    pub(crate) fn next_row(&mut self, row: &mut Row) -> Result<bool, Unreadable> {
        if self.ended {
            return Ok(false);
        }
        let mut bytes = std::mem::take(&mut self.value);
        let found = if self.lines { self.row_line(&mut bytes) } else { self.row_value(&mut bytes) };
        let filled = match found {
            Ok(true) => self.fill(row, &bytes).map(|()| true),
            Ok(false) => {
                self.ended = true;
                self.check_records().map(|()| false).map_err(Unreadable::File)
            }
            Err(problem) => {
                self.ended = true;
                Err(Unreadable::File(problem))
            }
        };
        self.value = bytes;
        filled
    }

    fn row_line(&mut self, line: &mut Vec<u8>) -> Result<bool, Problem> {
        self.scanner.line_of_text(line).map_err(|fault| self.of_fault(&fault))
    }

    fn row_value(&mut self, value: &mut Vec<u8>) -> Result<bool, Problem> {
        let next = if self.rows == 0 {
            self.scanner.peek_token().map_err(|fault| self.of_fault(&fault))?
        } else {
            match self.scanner.token().map_err(|fault| self.of_fault(&fault))? {
                Some(b',') => Some(b','),
                Some(b']') => Some(b']'),
                other => return Err(self.of_fault(&Fault::syntax("a comma or ] after the row", other))),
            }
        };
        if next == Some(b']') {
            if self.rows == 0 {
                self.scanner.expect(b']', "the end of the rows").map_err(|fault| self.of_fault(&fault))?;
            }
            match self.scanner.token().map_err(|fault| self.of_fault(&fault))? {
                Some(b'}') => self.end_of_json()?,
                other => {
                    return Err(self.of_fault(&Fault::syntax("} after the rows, which come last", other)));
                }
            }
            return Ok(false);
        }
        self.scanner.value(value).map_err(|fault| self.of_fault(&fault))?;
        Ok(true)
    }

    fn end_of_json(&mut self) -> Result<(), Problem> {
        match self.scanner.peek_token().map_err(|fault| self.of_fault(&fault))? {
            None => Ok(()),
            other => Err(self.of_fault(&Fault::syntax("the end of the file", other))),
        }
    }

    fn check_records(&self) -> Result<(), Problem> {
        if self.rows == self.records {
            return Ok(());
        }
        Err(Problem::in_file(
            &self.file,
            format!("{} rows, as \"records\" states", self.records),
            self.rows.to_string(),
            "the file was cut off or edited: fetch it again from its source",
        ))
    }

    fn fill(&mut self, row: &mut Row, bytes: &[u8]) -> Result<(), Unreadable> {
        self.rows += 1;
        row.clear(self.rows, Some(self.scanner.line));
        let (number, line) = (row.number, row.line);
        let at_row = |expected: String, found: String, mend: &str| {
            Problem::in_file(&self.file, expected, found, mend).at_row(number, line)
        };
        let damaged = "the file is damaged: fetch it again from its source";
        let mut values = Values { bytes, at: 0 };
        if !values.open() {
            return Err(Unreadable::File(at_row(
                "a row as an array".to_owned(),
                quoted(&String::from_utf8_lossy(bytes)),
                damaged,
            )));
        }
        let width = self.types.len();
        let mut column = 0;
        while let Some(scalar) = values.next().map_err(|found| {
            Unreadable::File(at_row("a row of texts, numbers and null".to_owned(), found, damaged))
        })? {
            if let (Some(declared), Some(variable)) =
                (self.types.get_mut(column), self.data_set.variables.get(column))
            {
                let odd = put(row, declared.holds, &scalar).map_err(|(expected, found)| {
                    Unreadable::Row(
                        at_row(
                            expected.to_owned(),
                            found,
                            "write the value as the column's type asks, or null where it is missing",
                        )
                        .in_column(&variable.name),
                    )
                })?;
                if odd && !declared.reported {
                    declared.reported = true;
                    let holds = declared.holds;
                    warn(&mut self.warnings, || {
                        Problem::in_file(
                            &self.file,
                            if holds == Holds::Decimal {
                                "decimals as texts without blanks"
                            } else {
                                "numbers as numbers"
                            },
                            scalar.describe(),
                            "read as the number it shows, here and in the rows after it",
                        )
                        .at_row(number, line)
                        .in_column(&variable.name)
                    });
                }
            }
            column += 1;
        }
        if column != width {
            return Err(Unreadable::Row(at_row(
                format!("{width} values, as \"columns\" states"),
                column.to_string(),
                "the row was cut off or edited: fetch the file again from its source",
            )));
        }
        Ok(())
    }
}

/// Puts a value into the row; `true` where it departs from its declared type but can be read.
fn put(row: &mut Row, holds: Holds, scalar: &Scalar<'_>) -> Result<bool, (&'static str, String)> {
    let expected = match holds {
        Holds::Text => "a text",
        Holds::Number => "a number",
        Holds::Decimal => "a decimal as text",
        Holds::Boolean => "true or false",
    };
    match (holds, scalar) {
        (_, Scalar::Null) => row.push_missing(None),
        (Holds::Text, Scalar::Text(text)) => row.push_text(text),
        (Holds::Boolean, Scalar::Boolean(value)) => row.push_text(if *value { "true" } else { "false" }),
        (Holds::Number | Holds::Decimal, Scalar::Text(text)) => {
            let trimmed = text.trim();
            if trimmed.is_empty() {
                row.push_missing(None);
                return Ok(!text.is_empty());
            }
            if !is_number(trimmed) {
                return Err((expected, quoted(text)));
            }
            row.push_number(trimmed);
            return Ok(holds == Holds::Number || trimmed.len() != text.len());
        }
        (Holds::Number, Scalar::Number(number)) => row.push_number(number),
        (Holds::Decimal, Scalar::Number(number)) => {
            row.push_number(number);
            return Ok(true);
        }
        (Holds::Boolean, Scalar::Text(text)) if text.trim().is_empty() => row.push_missing(None),
        (Holds::Text | Holds::Boolean, other) | (Holds::Number | Holds::Decimal, other) => {
            return Err((expected, other.describe()));
        }
    }
    Ok(false)
}

enum Scalar<'a> {
    Null,
    Boolean(bool),
    Number(&'a str),
    Text(std::borrow::Cow<'a, str>),
}

impl Scalar<'_> {
    fn describe(&self) -> String {
        match self {
            Scalar::Null => "null".to_owned(),
            Scalar::Boolean(value) => value.to_string(),
            Scalar::Number(number) => (*number).to_owned(),
            Scalar::Text(text) => quoted(text),
        }
    }
}

/// The values of one row, whose bytes are all there.
struct Values<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Values<'a> {
    fn peek(&mut self) -> Option<u8> {
        while let Some(byte) = self.bytes.get(self.at) {
            if !byte.is_ascii_whitespace() {
                return Some(*byte);
            }
            self.at += 1;
        }
        None
    }

    fn open(&mut self) -> bool {
        let open = self.peek() == Some(b'[');
        self.at += 1;
        open
    }

    /// The next value, or `None` at the end of the row; the error is what was found instead.
    fn next(&mut self) -> Result<Option<Scalar<'a>>, String> {
        let first = match self.peek() {
            Some(b']') => {
                self.at += 1;
                return match self.peek() {
                    None => Ok(None),
                    Some(_) => Err(self.rest()),
                };
            }
            Some(b',') if self.at > 1 => {
                self.at += 1;
                self.peek()
            }
            other => other,
        };
        let start = self.at;
        let end = match first {
            Some(b'"') => end_of_text(self.bytes, start).ok_or_else(|| self.rest())?,
            Some(b'-' | b'0'..=b'9' | b't' | b'f' | b'n') => self
                .bytes
                .iter()
                .skip(start)
                .position(|b| b.is_ascii_whitespace() || matches!(b, b',' | b']'))
                .map_or(self.bytes.len(), |length| start + length),
            _ => return Err(self.rest()),
        };
        self.at = end;
        let token = self.bytes.get(start..end).unwrap_or_default();
        let after_value = matches!(self.peek(), Some(b',' | b']'));
        let scalar = match token {
            b"null" => Some(Scalar::Null),
            b"true" => Some(Scalar::Boolean(true)),
            b"false" => Some(Scalar::Boolean(false)),
            [b'"', inner @ .., b'"'] if !inner.contains(&b'\\') && inner.iter().all(|b| *b >= 0x20) => {
                std::str::from_utf8(inner).ok().map(|text| Scalar::Text(text.into()))
            }
            [b'"', ..] => serde_json::from_slice::<String>(token).ok().map(|text| Scalar::Text(text.into())),
            _ => std::str::from_utf8(token)
                .ok()
                .filter(|number| serde_json::from_str::<f64>(number).is_ok())
                .map(Scalar::Number),
        };
        match scalar {
            Some(scalar) if after_value => Ok(Some(scalar)),
            _ => Err(quoted(&String::from_utf8_lossy(token))),
        }
    }

    fn rest(&self) -> String {
        quoted(&String::from_utf8_lossy(self.bytes.get(self.at..).unwrap_or_default()))
    }
}

/// Just after the closing quotation mark of the text that begins at `start`.
fn end_of_text(bytes: &[u8], start: usize) -> Option<usize> {
    let mut at = start + 1;
    loop {
        match bytes.get(at)? {
            b'"' => return Some(at + 1),
            b'\\' => at += 2,
            _ => at += 1,
        }
    }
}

enum Fault {
    Io(io::Error),
    Syntax { expected: &'static str, found: String },
}

impl Fault {
    fn syntax(expected: &'static str, found: Option<u8>) -> Self {
        let found =
            found.map_or_else(|| "the end of the file".to_owned(), |b| quoted(&char::from(b).to_string()));
        Self::Syntax { expected, found }
    }
}

/// Cuts JSON into values without holding more than one of them.
struct Scanner<R: Read> {
    bytes: io::BufReader<Guarded<R>>,
    line: u64,
}

impl<R: Read> Scanner<R> {
    fn peek(&mut self) -> Result<Option<u8>, Fault> {
        self.bytes.fill_buf().map(|buffer| buffer.first().copied()).map_err(Fault::Io)
    }

    fn advance(&mut self, byte: u8) {
        self.bytes.consume(1);
        self.line += u64::from(byte == b'\n');
    }

    fn peek_token(&mut self) -> Result<Option<u8>, Fault> {
        while let Some(byte) = self.peek()? {
            if !matches!(byte, b' ' | b'\t' | b'\r' | b'\n') {
                return Ok(Some(byte));
            }
            self.advance(byte);
        }
        Ok(None)
    }

    fn token(&mut self) -> Result<Option<u8>, Fault> {
        let token = self.peek_token()?;
        if let Some(byte) = token {
            self.advance(byte);
        }
        Ok(token)
    }

    fn expect(&mut self, wanted: u8, meaning: &'static str) -> Result<(), Fault> {
        match self.token()? {
            Some(byte) if byte == wanted => Ok(()),
            other => Err(Fault::syntax(meaning, other)),
        }
    }

    /// The bytes of the next value: brackets balanced and texts closed, the rest left to its parser.
    fn value(&mut self, into: &mut Vec<u8>) -> Result<(), Fault> {
        into.clear();
        self.bytes.get_mut().start_row();
        let (mut depth, mut in_text, mut escaped) = (0_usize, false, false);
        if matches!(self.peek_token()?, None | Some(b',' | b':' | b']' | b'}')) {
            let found = self.peek()?;
            return Err(Fault::syntax("a value", found));
        }
        while let Some(byte) = self.peek()? {
            let scalar_ends = depth == 0
                && !in_text
                && !into.is_empty()
                && matches!(byte, b',' | b':' | b']' | b'}' | b' ' | b'\t' | b'\r' | b'\n');
            if scalar_ends {
                return Ok(());
            }
            self.advance(byte);
            into.push(byte);
            if in_text {
                match byte {
                    _ if escaped => escaped = false,
                    b'\\' => escaped = true,
                    b'"' => in_text = false,
                    _ => {}
                }
            } else {
                match byte {
                    b'"' => in_text = true,
                    b'[' | b'{' => depth += 1,
                    b']' | b'}' => depth -= 1,
                    _ => {}
                }
            }
            if depth == 0 && !in_text && matches!(byte, b'"' | b']' | b'}') {
                return Ok(());
            }
        }
        Err(Fault::syntax("the rest of a value", None))
    }

    /// The next line that is not blank, without its end; `false` at the end of the file.
    fn line_of_text(&mut self, into: &mut Vec<u8>) -> Result<bool, Fault> {
        loop {
            into.clear();
            self.bytes.get_mut().start_row();
            if self.bytes.read_until(b'\n', into).map_err(Fault::Io)? == 0 {
                return Ok(false);
            }
            self.line += 1;
            if !into.trim_ascii().is_empty() {
                return Ok(true);
            }
        }
    }
}
