//! Dataset-JSON 1.1 written: the same metadata and rows as one document (`.json`), as lines (`.ndjson`), or as lines
//! compressed (`.dsjc`).
//!
//! A missing text is `""` and any other missing value `null`: what strict readers and rule engines both take.

use std::io::{self, Write};

use flate2::Compression;
use flate2::write::GzEncoder;
use jiff::civil::Date;
use posology_trial::when::When;
use serde::Serialize;
use serde::ser::SerializeMap;
use serde_json::{Value as Json, json};

use crate::package::{Column, DataType, Package, Table, Value};

/// Which of the three forms.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// One document.
    Document,
    /// The metadata as the first line, then a line a row.
    Lines,
    /// The lines, compressed with gzip.
    Compressed,
}

/// What the values of a column are in JSON: it depends on the values where dates may be partial.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Typed {
    Text,
    Integer,
    Decimal,
    Date,
    DateTime,
    /// A numeric date of SAS, written as an ISO date.
    NumericDate,
}

/// Keys with their values, in the order in which the standard lists them.
#[derive(Default)]
struct Ordered(Vec<(&'static str, Entry)>);

enum Entry {
    Plain(Json),
    Columns(Vec<Ordered>),
}

impl Ordered {
    fn put(&mut self, key: &'static str, value: impl Into<Json>) {
        self.0.push((key, Entry::Plain(value.into())));
    }
}

impl Serialize for Ordered {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.0.len()))?;
        for (key, entry) in &self.0 {
            match entry {
                Entry::Plain(value) => map.serialize_entry(key, value)?,
                Entry::Columns(columns) => map.serialize_entry(key, columns)?,
            }
        }
        map.end()
    }
}

/// Writes a table of a package.
///
/// # Errors
/// What the writer behind `out` says.
pub fn write(package: &Package, table: &Table, form: Form, out: impl Write) -> io::Result<()> {
    let types: Vec<Typed> = (0..table.columns.len()).map(|index| typed(table, index)).collect();
    let metadata = metadata(package, table, &types);
    match form {
        Form::Document => {
            let mut out = io::BufWriter::new(out);
            let text = serde_json::to_string(&metadata)?;
            // The rows come last, so that a reader may stream them.
            out.write_all(text.strip_suffix('}').unwrap_or(&text).as_bytes())?;
            out.write_all(b",\"rows\":[")?;
            for (place, row) in table.rows.iter().enumerate() {
                if place > 0 {
                    out.write_all(b",")?;
                }
                serde_json::to_writer(&mut out, &cells(row, &types))?;
            }
            out.write_all(b"]}\n")?;
            out.flush()
        }
        Form::Lines => {
            let mut out = io::BufWriter::new(out);
            lines(&metadata, table, &types, &mut out)?;
            out.flush()
        }
        Form::Compressed => {
            // No time stamp stands in the head: the same rows give the same bytes.
            let mut out = GzEncoder::new(out, Compression::default());
            lines(&metadata, table, &types, &mut out)?;
            out.finish()?.flush()
        }
    }
}

/// The metadata of a table as one line: the dictionary that goes beside a CSV file.
///
/// # Errors
/// None that a table gives rise to; what the serializer says.
pub fn dictionary(package: &Package, table: &Table) -> io::Result<String> {
    let types: Vec<Typed> = (0..table.columns.len()).map(|index| typed(table, index)).collect();
    let mut line = serde_json::to_string(&metadata(package, table, &types))?;
    line.push('\n');
    Ok(line)
}

fn lines(metadata: &Ordered, table: &Table, types: &[Typed], out: &mut impl Write) -> io::Result<()> {
    serde_json::to_writer(&mut *out, metadata)?;
    out.write_all(b"\n")?;
    for row in &table.rows {
        serde_json::to_writer(&mut *out, &cells(row, types))?;
        out.write_all(b"\n")?;
    }
    Ok(())
}

fn cells(row: &[Value], types: &[Typed]) -> Vec<Json> {
    row.iter().zip(types).map(|(value, typed)| cell(value, *typed)).collect()
}

fn cell(value: &Value, typed: Typed) -> Json {
    match (value, typed) {
        (Value::Missing, Typed::Text) => json!(""),
        (Value::Missing, _) => Json::Null,
        (Value::Text(text), _) => json!(text.trim_end()),
        (Value::Number(number), Typed::Decimal) => json!(number.normalize().to_string()),
        (Value::Number(number), _) => {
            // A whole number has no exponent and no point, and is exact.
            number
                .normalize()
                .to_string()
                .parse::<i64>()
                .map_or_else(|_| json!(number.to_string()), Json::from)
        }
        (Value::Date(date), _) => json!(date.to_string()),
    }
}

fn typed(table: &Table, index: usize) -> Typed {
    let Some(column) = table.columns.get(index) else { return Typed::Text };
    match column.data_type {
        DataType::Text | DataType::IsoDuration => Typed::Text,
        DataType::Integer => {
            let values = table.rows.iter().filter_map(|row| row.get(index));
            let whole = |value: &Value| !matches!(value, Value::Number(number) if !number.fract().is_zero());
            if values.into_iter().all(whole) { Typed::Integer } else { Typed::Decimal }
        }
        DataType::Float => Typed::Decimal,
        DataType::NumericDate => Typed::NumericDate,
        DataType::IsoDateTime => {
            let texts = table.rows.iter().filter_map(|row| match row.get(index) {
                Some(Value::Text(text)) => Some(text.as_str()),
                _ => None,
            });
            let mut texts = texts.peekable();
            // A strict reader converts dates and times: a column with a partial one is a text.
            if texts.peek().is_none() {
                Typed::Text
            } else if texts.clone().all(|text| text.parse::<Date>().is_ok() && text.len() == 10) {
                Typed::Date
            } else if texts.all(|text| {
                text.len() >= 19 && text.parse::<When>().is_ok_and(|when| when.instant().is_some())
            }) {
                Typed::DateTime
            } else {
                Typed::Text
            }
        }
    }
}

fn metadata(package: &Package, table: &Table, types: &[Typed]) -> Ordered {
    let created = package.source.cut_off.strftime("%Y-%m-%dT%H:%M:%SZ").to_string();
    let standard = package.standard;
    let study = &package.study;
    let (name, version) = package.source.program.split_once(' ').unwrap_or((&package.source.program, "0"));
    let mut map = Ordered::default();
    map.put("datasetJSONCreationDateTime", created.as_str());
    map.put("datasetJSONVersion", "1.1.0");
    map.put("fileOID", format!("{}.{}.{}", study.id, standard.name(), table.name));
    map.put("dbLastModifiedDateTime", created.as_str());
    map.put("originator", if study.synthetic { "Synthetic patients" } else { "Posology" });
    map.put("sourceSystem", json!({ "name": name, "version": version }));
    map.put("studyOID", study.id.as_str());
    map.put("metaDataVersionOID", format!("MDV.{}.{}", standard.name(), standard.version()));
    map.put("metaDataRef", "define.xml");
    map.put("itemGroupOID", format!("IG.{}", table.name));
    map.put("records", table.rows.len());
    map.put("name", table.name.as_str());
    map.put("label", table.label.as_str());
    let columns = table.columns.iter().enumerate();
    let columns = columns.map(|(index, column)| described(table, index, column, types)).collect();
    map.0.push(("columns", Entry::Columns(columns)));
    map
}

fn described(table: &Table, index: usize, column: &Column, types: &[Typed]) -> Ordered {
    let typed = types.get(index).copied().unwrap_or(Typed::Text);
    let (kind, target) = match typed {
        Typed::Text => ("string", None),
        Typed::Integer => ("integer", None),
        Typed::Decimal => ("decimal", Some("decimal")),
        Typed::Date => ("date", None),
        Typed::DateTime => ("datetime", None),
        Typed::NumericDate => ("date", Some("integer")),
    };
    let mut map = Ordered::default();
    map.put("itemOID", format!("IT.{}.{}", table.name, column.name));
    map.put("name", column.name);
    map.put("label", column.label);
    map.put("dataType", kind);
    if let Some(target) = target {
        map.put("targetDataType", target);
    }
    if typed == Typed::Text {
        map.put("length", table.longest(index).max(1));
    }
    if typed == Typed::NumericDate {
        map.put("displayFormat", "E8601DA.");
    }
    if let Some(place) = table.keys.iter().position(|key| *key == column.name) {
        map.put("keySequence", place + 1);
    }
    map
}
