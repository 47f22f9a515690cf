//! REDCap: an export of records and its data dictionary to one table a form.
//!
//! Start at [`read`]. Records are flat (a row for each record, event and instance) or EAV (a row for each value), CSV
//! or JSON; the dictionary is CSV as downloaded or JSON as its API gives it, and its columns are known by their names,
//! whatever their number. A file of the API's responses holds both under `metadata` and `record`. Both forms of
//! records give the same tables: record, event, instance, the fields of the form (a checkbox is `field___code`, 0
//! or 1), its state. Dates are ISO 8601, as REDCap exports them whatever it shows. Left out: the API itself (no
//! network here), labels in place of codes, files.

mod records;

use std::collections::HashMap;

use posology_trial::protocol::nearest;
use serde_json::Value;

use crate::dataset::{DataSet, Row, Variable, VariableKind};
use crate::limits::Limits;
use crate::listing::{CsvWritten, Listing, read_csv};
use crate::problem::{Problem, quoted};

/// An exported file, unpacked.
#[derive(Clone, Copy)]
pub(crate) struct Export<'a> {
    pub(crate) file: &'a str,
    pub(crate) bytes: &'a [u8],
    pub(crate) written: CsvWritten,
}

/// The data dictionary: every field, its form, and what its values may be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Dictionary {
    /// Fields in their order; the first identifies the record.
    fields: Vec<Field>,
    /// Where each stands among them.
    places: HashMap<String, usize>,
    /// Forms in the order of their fields.
    forms: Vec<String>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Field {
    name: String,
    form: String,
    kind: FieldKind,
}

/// What the values of a field may be.
#[derive(Debug, Clone, PartialEq, Eq)]
enum FieldKind {
    /// Anything.
    Free,
    /// A date, or a date and time, in ISO 8601.
    Date,
    /// One code of a list.
    Code(Vec<String>),
    /// Several codes of a list.
    Checkbox(Vec<String>),
    /// Words on the form, without a value.
    Words,
}

/// The columns of a dictionary that are read: what downloads and the API call each, in small letters without marks.
const COLUMNS: [(&str, &[&str]); 5] = [
    ("Variable / Field Name", &["variablefieldname", "fieldname"]),
    ("Form Name", &["formname"]),
    ("Field Type", &["fieldtype"]),
    (
        "Choices, Calculations, OR Slider Labels",
        &["choicescalculationsorsliderlabels", "choicesorcalculations", "selectchoicesorcalculations"],
    ),
    (
        "Text Validation Type OR Show Slider Number",
        &["textvalidationtypeorshowslidernumber", "textvalidationtype"],
    ),
];

impl Dictionary {
    /// Reads the dictionary, CSV or JSON.
    pub(crate) fn read(file: &str, bytes: &[u8], written: CsvWritten) -> Result<Self, Problem> {
        if file.to_ascii_lowercase().trim_end_matches(".gz").ends_with(".json") {
            return Self::of(&listing_of_json(file, json_of(file, bytes)?)?);
        }
        Self::of(&read_csv(file, bytes, written, Limits::default())?)
    }

    fn of(listing: &Listing) -> Result<Self, Problem> {
        let plain =
            |name: &str| name.chars().filter(char::is_ascii_alphanumeric).collect::<String>().to_lowercase();
        let mut places = [None; 5];
        for (place, (name, spellings)) in places.iter_mut().zip(COLUMNS) {
            let mut variables = listing.data_set.variables.iter();
            *place = variables.position(|variable| spellings.contains(&plain(&variable.name).as_str()));
            let is_optional = name.starts_with("Text") || name.starts_with("Choices");
            if place.is_none() && !is_optional {
                return Err(Problem::in_file(
                    &listing.file,
                    format!("the data dictionary of REDCap with a column {name:?}"),
                    "none",
                    "download it anew (Project Setup, Data Dictionary, CSV), or correct dictionary in the mapping",
                ));
            }
        }
        let mut dictionary = Self { fields: Vec::new(), places: HashMap::new(), forms: Vec::new() };
        for row in &listing.rows {
            let row = row.as_ref().map_err(Clone::clone)?;
            let [name, form, kind, choices, validation] =
                places.map(|place| place.and_then(|place| row.cell(place).text()).unwrap_or_default().trim());
            if name.is_empty() || form.is_empty() {
                return Err(Problem::in_file(
                    &listing.file,
                    "a field with its form",
                    "none",
                    "download the data dictionary anew",
                )
                .at_row(row.number(), row.line()));
            }
            let codes = || choices.split('|').filter_map(code_of).collect();
            let yes_no = || vec!["0".to_owned(), "1".to_owned()];
            let kind = match kind {
                "radio" | "dropdown" => FieldKind::Code(codes()),
                "checkbox" => FieldKind::Checkbox(codes()),
                "yesno" | "truefalse" => FieldKind::Code(yes_no()),
                "descriptive" => FieldKind::Words,
                _ if validation.starts_with("date_") || validation.starts_with("datetime_") => {
                    FieldKind::Date
                }
                _ => FieldKind::Free,
            };
            let field = Field { name: name.to_owned(), form: form.to_owned(), kind };
            if dictionary.places.insert(field.name.clone(), dictionary.fields.len()).is_some() {
                return Err(Problem::in_file(
                    &listing.file,
                    "each field once",
                    format!("{} a second time", quoted(name)),
                    "download the data dictionary anew",
                )
                .at_row(row.number(), row.line()));
            }
            if !dictionary.forms.contains(&field.form) {
                dictionary.forms.push(field.form.clone());
            }
            dictionary.fields.push(field);
        }
        if dictionary.fields.is_empty() {
            let mend = "download the data dictionary anew";
            return Err(Problem::in_file(
                &listing.file,
                "at least the field of the record id",
                "no field",
                mend,
            ));
        }
        Ok(dictionary)
    }

    fn field(&self, name: &str) -> Option<&Field> {
        self.fields.get(*self.places.get(name)?)
    }

    /// The field that identifies a record.
    fn record_id(&self) -> &str {
        self.fields.first().map_or("record_id", |field| field.name.as_str())
    }

    /// The columns of a form's table, each with the field that it shows.
    fn columns(&self, form: &str) -> Vec<(String, Option<&Field>)> {
        let mut columns = vec![
            (self.record_id().to_owned(), None),
            ("redcap_event_name".to_owned(), None),
            ("redcap_repeat_instance".to_owned(), None),
            ("redcap_data_access_group".to_owned(), None),
        ];
        for field in self.fields.iter().skip(1).filter(|field| field.form == form) {
            match &field.kind {
                FieldKind::Words => {}
                FieldKind::Checkbox(codes) => {
                    columns.extend(codes.iter().map(|code| (checkbox(&field.name, code), Some(field))));
                }
                _ => columns.push((field.name.clone(), Some(field))),
            }
        }
        columns.push((format!("{form}_complete"), None));
        columns
    }

    /// The column of an export that is none of a field, of a form's state or of REDCap's own, if there is one.
    fn unknown_column<'c>(
        &self,
        columns: impl Iterator<Item = &'c str>,
        missing: &[String],
    ) -> Option<&'c str> {
        let known: std::collections::HashSet<String> = self
            .forms
            .iter()
            .flat_map(|form| {
                let own = ["timestamp", "return_code"].map(|own| format!("{form}_{own}"));
                self.columns(form).into_iter().map(|(name, _)| name).chain(own)
            })
            .collect();
        let mut columns = columns;
        columns.find(|column| {
            let of_missing_code = column.rsplit_once("___").is_some_and(|(field, code)| {
                self.field(field).is_some_and(|field| matches!(field.kind, FieldKind::Checkbox(_)))
                    && missing.iter().any(|word| suffix(word) == code)
            });
            !(known.contains(*column) || column.starts_with("redcap_") || of_missing_code)
        })
    }

    /// A field that is none of the dictionary.
    fn unknown_field(&self, file: &str, name: &str) -> Problem {
        let names: Vec<String> = self.fields.iter().map(|field| field.name.clone()).collect();
        let mend = match nearest(name, &names) {
            Some(near) => format!(
                "is {near} meant? export records and dictionary anew, at one time, raw and not as labels"
            ),
            None => "export records and dictionary anew, at one time, raw and not as labels".to_owned(),
        };
        Problem::in_file(file, "a field of the data dictionary", quoted(name), mend)
    }
}

/// The code of a choice, `1` of `1, Yes`.
fn code_of(choice: &str) -> Option<String> {
    let code = choice.split_once(',').map_or(choice, |(code, _)| code).trim();
    (!code.is_empty()).then(|| code.to_owned())
}

/// The column of a checkbox's code.
fn checkbox(field: &str, code: &str) -> String {
    format!("{field}___{}", suffix(code))
}

/// A code as it stands in the name of a column: small letters, and `_` for any mark.
fn suffix(code: &str) -> String {
    code.chars().map(|c| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '_' }).collect()
}

/// Reads an export to one table a form, in the order of the dictionary. `missing` are the project's codes for missing
/// data: they are values of no list and of no date.
///
/// # Errors
/// No dictionary; a column that is no field of it; JSON that is no response of the API. Of single rows: a code that is
/// not in its list, a date that is not ISO 8601, an instance twice, an EAV row of an unknown field. A
/// row of which no form can be told is refused in every table: it may be a row of each.
pub(crate) fn read(
    export: &Export<'_>,
    dictionary: Option<&Dictionary>,
    missing: &[String],
) -> Result<Vec<Listing>, Problem> {
    let file = export.file;
    if !file.to_ascii_lowercase().trim_end_matches(".gz").ends_with(".json") {
        let Some(dictionary) = dictionary else { return Err(no_dictionary(file)) };
        let listing = read_csv(file, export.bytes, export.written, Limits::default())?;
        return records::tables(&listing, dictionary, missing);
    }
    match json_of(file, export.bytes)? {
        Value::Object(mut responses) => {
            let metadata = responses.remove("metadata");
            let own = match metadata {
                Some(metadata) => Some(Dictionary::of(&listing_of_json(file, metadata)?)?),
                None => None,
            };
            let Some(dictionary) = own.as_ref().or(dictionary) else { return Err(no_dictionary(file)) };
            let Some(records) = responses.remove("record").or_else(|| responses.remove("records")) else {
                let keys: Vec<&String> = responses.keys().collect();
                let mend = "put the response to content=record under \"record\", that to content=metadata under \"metadata\"";
                return Err(Problem::in_file(file, "responses with \"record\"", format!("{keys:?}"), mend));
            };
            records::tables(&listing_of_json(file, records)?, dictionary, missing)
        }
        records => {
            let Some(dictionary) = dictionary else { return Err(no_dictionary(file)) };
            records::tables(&listing_of_json(file, records)?, dictionary, missing)
        }
    }
}

fn no_dictionary(file: &str) -> Problem {
    Problem::in_file(
        file,
        "a data dictionary with the records",
        "none",
        "add dictionary to the table of the mapping, or put the metadata into the file of responses",
    )
}

fn json_of(file: &str, bytes: &[u8]) -> Result<Value, Problem> {
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    let read: Value = serde_json::from_slice(bytes).map_err(|error| {
        Problem::in_file(file, "JSON", error.to_string(), "fetch the response again, whole")
    })?;
    match read.get("error").and_then(Value::as_str) {
        Some(error) => Err(Problem::in_file(
            file,
            "a response of REDCap with data",
            format!("its error {}", quoted(error)),
            "mend the request (token, rights) and fetch the response again",
        )),
        None => Ok(read),
    }
}

/// A list of flat objects as a table: names as columns, in the order in which they occur.
fn listing_of_json(file: &str, json: Value) -> Result<Listing, Problem> {
    let refuse = |found: &str| {
        Problem::in_file(
            file,
            "a list of objects with texts as values",
            found,
            "request format=json and type=flat or eav",
        )
    };
    let Value::Array(objects) = json else { return Err(refuse("no list")) };
    let mut places: HashMap<String, usize> = HashMap::new();
    let mut names: Vec<String> = Vec::new();
    for object in &objects {
        let Value::Object(object) = object else { return Err(refuse("a list of something else")) };
        for name in object.keys().filter(|name| !places.contains_key(*name)).cloned().collect::<Vec<_>>() {
            places.insert(name.clone(), names.len());
            names.push(name);
        }
    }
    let mut listing = Listing::new(file, data_set(file, names.iter().map(String::as_str)));
    let mut row = Row::default();
    for (object, number) in objects.iter().zip(1..) {
        row.clear(number, None);
        for name in &names {
            match object.get(name) {
                None | Some(Value::Null) => row.push_missing(None),
                Some(Value::String(text)) => row.push_text(text),
                Some(Value::Number(number)) => row.push_text(&number.to_string()),
                Some(Value::Bool(yes)) => row.push_text(if *yes { "1" } else { "0" }),
                Some(_) => {
                    return Err(refuse("a list or an object as a value")
                        .at_row(number, None)
                        .in_column(name));
                }
            }
        }
        listing.push(Ok(row.clone()))?;
    }
    Ok(listing)
}

fn data_set<'n>(name: &str, columns: impl Iterator<Item = &'n str>) -> DataSet {
    let variables = columns.map(|column| Variable {
        name: column.to_owned(),
        label: None,
        kind: VariableKind::Text,
        length: None,
        format: None,
    });
    DataSet { name: name.to_owned(), label: None, variables: variables.collect() }
}
