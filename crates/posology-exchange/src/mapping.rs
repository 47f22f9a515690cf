//! From a site's own tables to facts of the trial: a mapping file says which columns mean what.
//!
//! Start at [`Mapping::read`]; [`import`] makes events of the files it names, [`dry_run`] shows what it would make.
//! A table names its source (a CSV file, a sheet, a form of REDCap, an item group of ODM, a data set) and the kind of fact that each row
//! is; `fields` fills the fact's fields from columns, constants or templates. Formats of dates, decimal marks, units,
//! codes and missing codes are declared and never guessed. A row is remembered by the table's name, its key and the
//! hash of what its fields say: again is safe, and a mended mapping corrects what it made before.

mod check;
mod fact;
mod import;
mod plan;
mod source;
mod value;

use std::collections::BTreeMap;
use std::fmt;

use posology_trial::protocol::{Problems, read_checked, schema_of};
use schemars::JsonSchema;
use serde::de::value::MapAccessDeserializer;
use serde::{Deserialize, Deserializer, de};

pub use import::{DryRow, DryRun, DryTable, dry_run, import};

/// A mapping file. Had from [`Mapping::read`], every name in it is that of a fact, a field or a unit that exists.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Mapping {
    /// Whose files these are, in words.
    #[serde(default)]
    pub title: Option<String>,
    /// How values are written in all tables; a table may depart from it.
    #[serde(default)]
    pub written: Written,
    /// Tables, each of one kind of fact.
    pub table: Vec<Table>,
}

/// A table of a site, and the facts that its rows are.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Table {
    /// Name under which its rows are remembered from one delivery to the next, such as `site-01-labs`. Never reused.
    pub name: String,
    /// File, by its name without folder; one `*` stands for a part that differs, such as the date of the delivery.
    pub file: String,
    /// Sheet of a workbook.
    #[serde(default)]
    pub sheet: Option<String>,
    /// Line of a CSV file, or row of a sheet, with the names of the columns; the first if left out.
    #[serde(default)]
    pub header_row: Option<u32>,
    /// Rows after the names that are no data, such as one of units.
    #[serde(default)]
    pub skip_rows: u32,
    /// Data dictionary of REDCap: the file is then an export of its records (flat or EAV, CSV or JSON). A file of
    /// responses of its API that holds the metadata needs none.
    #[serde(default)]
    pub dictionary: Option<String>,
    /// Form of REDCap.
    #[serde(default)]
    pub form: Option<String>,
    /// Item group of an ODM-XML file, by its OID. Its columns are SubjectKey, LocationOID, StudyEventOID,
    /// StudyEventRepeatKey, FormOID, FormRepeatKey, ItemGroupRepeatKey and the OIDs of its items.
    #[serde(default)]
    pub item_group: Option<String>,
    /// Events of REDCap (unique names) from which rows are taken; all if left out.
    #[serde(default)]
    pub event: Words,
    /// Kind of fact, such as `laboratory`.
    pub fact: String,
    /// Columns that tell the rows of a subject apart. Of REDCap, event and instance do so if left out, of ODM the repeat keys. Of a table of
    /// subjects: the column by which other tables call them (`of`), of REDCap the record id if left out, of ODM SubjectKey.
    #[serde(default)]
    pub key: Words,
    /// Conditions that a row meets, or it is left out.
    #[serde(default, rename = "where")]
    pub conditions: Vec<Condition>,
    /// How values are written in this table, where it differs from the file's.
    #[serde(default)]
    pub written: Written,
    /// What fills each field of the fact. A field of a part is named with it: `adjustment-reason`.
    #[serde(default, deserialize_with = "fillings")]
    #[schemars(with = "BTreeMap<String, ColumnOrFilling>")]
    pub fields: BTreeMap<String, Filling>,
    /// Facts of a wide row: each makes a fact of its own of every row in which one of its columns has a value.
    #[serde(default)]
    pub each: Vec<Each>,
}

/// One fact of several in a row, such as the platelets of a row of blood counts.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Each {
    /// Id by which the fact is known within its row. Never reused.
    pub id: String,
    /// What fills the fields that differ from the table's.
    #[serde(deserialize_with = "fillings")]
    #[schemars(with = "BTreeMap<String, ColumnOrFilling>")]
    pub fields: BTreeMap<String, Filling>,
}

/// A condition on a column; of several words in `is` one must hold.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Condition {
    /// Column.
    pub column: String,
    /// Values of which it has one.
    #[serde(default)]
    pub is: Words,
    /// Values of which it has none.
    #[serde(default)]
    pub is_not: Words,
    /// Whether it has a value at all.
    #[serde(default)]
    pub filled: Option<bool>,
}

/// How values are written.
#[derive(Debug, Clone, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Written {
    /// What parts the columns of a CSV file: `,` if left out, `;` or a tab.
    #[serde(default)]
    pub delimiter: Option<Delimiter>,
    /// Encoding of a CSV file: UTF-8 if left out.
    #[serde(default)]
    pub encoding: Option<Encoding>,
    /// Texts that stand for a missing value, such as `-99` or `NI`. Those of the file and of the table both count.
    #[serde(default)]
    pub missing: Words,
    /// Decimal mark: `.` if left out.
    #[serde(default)]
    pub decimal: Option<DecimalMark>,
    /// What parts the thousands; nothing if left out, and `1,234` is then refused as ambiguous.
    #[serde(default)]
    pub thousands: Option<ThousandsMark>,
    /// Forms of dates, such as `DD.MM.YYYY`, `MM/DD/YYYY hh:mm` or `DD-MON-YYYY`; ISO 8601 if left out.
    #[serde(default)]
    pub date: Words,
    /// Parts of a date that stand for what is not known, such as `UN` or `UNK`.
    #[serde(default)]
    pub unknown: Words,
    /// Offset from UTC of times of day without one, such as `-06:00`.
    #[serde(default)]
    pub offset: Option<String>,
}

/// What parts the columns of a CSV file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
pub enum Delimiter {
    /// A comma.
    #[serde(rename = ",")]
    Comma,
    /// A semicolon.
    #[serde(rename = ";")]
    Semicolon,
    /// A tab.
    #[serde(rename = "\t")]
    Tab,
    /// A vertical bar.
    #[serde(rename = "|")]
    Bar,
}

/// Encoding of a CSV file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Encoding {
    /// UTF-8.
    #[serde(rename = "utf-8")]
    Utf8,
    /// Windows-1252.
    #[serde(rename = "windows-1252")]
    Windows1252,
}

/// A decimal mark.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
pub enum DecimalMark {
    /// A point.
    #[serde(rename = ".")]
    Point,
    /// A comma.
    #[serde(rename = ",")]
    Comma,
}

/// What parts the thousands of a number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
pub enum ThousandsMark {
    /// A comma.
    #[serde(rename = ",")]
    Comma,
    /// A point.
    #[serde(rename = ".")]
    Point,
    /// A blank, also one that does not break.
    #[serde(rename = " ")]
    Blank,
    /// An apostrophe.
    #[serde(rename = "'")]
    Apostrophe,
}

/// What fills a field. A text alone is the name of a column; the rest is a table of these keys.
#[derive(Debug, Clone, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct Filling {
    /// Column whose value it is.
    pub column: Option<String>,
    /// A constant.
    pub value: Option<String>,
    /// A text with columns in braces: `01-{record_id}`. Missing where one of them is.
    pub template: Option<String>,
    /// What the codes of the column stand for; a code that is not here is refused.
    pub codes: BTreeMap<String, String>,
    /// Texts that stand for a missing value in this column, beside those of table and file.
    pub missing: Words,
    /// Decimal mark of this column, where it differs from the table's.
    pub decimal: Option<DecimalMark>,
    /// Forms of dates of this column, where they differ from the table's.
    pub date: Words,
    /// Column with the time of day.
    pub time: Option<String>,
    /// Offset from UTC of that time, where it differs from the table's.
    pub offset: Option<String>,
    /// Of a subject: the table of subjects that says who the column's value is, by that table's key (of REDCap the
    /// record id).
    pub of: Option<String>,
    /// Unit of the column.
    pub unit: Option<String>,
    /// Column with the unit.
    pub unit_column: Option<String>,
}

/// A text, or a list of texts.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Words(pub Vec<String>);

impl Mapping {
    /// Reads a mapping file, or names every problem of it.
    ///
    /// # Errors
    /// Text that is not TOML, an unknown key, a fact or field that does not exist, a field that a fact needs and that
    /// nothing fills, a constant or code that its field cannot take; each with line and column, what was found, what
    /// was expected and how to mend it.
    ///
    /// ```
    /// use posology_exchange::mapping::Mapping;
    /// let text = r#"
    ///     [[table]]
    ///     name = "patients"
    ///     file = "patients.csv"
    ///     fact = "subject"
    ///     fields.subject = "Patient"
    ///     fields.sex = { column = "Sex", codes = { 1 = "F", 2 = "M" } }
    /// "#;
    /// assert_eq!(Mapping::read(text)?.table.len(), 1);
    ///
    /// let problems = Mapping::read(&text.replace("fields.sex", "fields.sexe")).unwrap_err();
    /// assert_eq!((problems.as_slice()[0].line, problems.as_slice()[0].mend.as_str()), (7, "write sex, if that was meant"));
    /// # Ok::<(), posology_trial::protocol::Problems>(())
    /// ```
    pub fn read(text: &str) -> Result<Self, Problems> {
        read_checked(text, check::faults)
    }
}

/// The JSON Schema (draft 2020-12) of the mapping file; a checked-in copy stands in `schemas/mapping.schema.json`.
#[must_use]
pub fn json_schema() -> serde_json::Value {
    schema_of::<Mapping>("How a site's own tables become facts (mapping.toml)")
}

/// Reads fields: each the name of a column, or a table of [`Filling`].
fn fillings<'de, D: Deserializer<'de>>(deserializer: D) -> Result<BTreeMap<String, Filling>, D::Error> {
    struct ColumnOrTable(Filling);

    impl<'de> Deserialize<'de> for ColumnOrTable {
        fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
            deserializer.deserialize_any(Either)
        }
    }

    struct Either;

    impl<'de> de::Visitor<'de> for Either {
        type Value = ColumnOrTable;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("the name of a column in double quotes, or a table such as { value = \"SERUM\" }")
        }

        fn visit_str<E: de::Error>(self, column: &str) -> Result<ColumnOrTable, E> {
            Ok(ColumnOrTable(Filling { column: Some(column.to_owned()), ..Filling::default() }))
        }

        fn visit_map<A: de::MapAccess<'de>>(self, map: A) -> Result<ColumnOrTable, A::Error> {
            Filling::deserialize(MapAccessDeserializer::new(map)).map(ColumnOrTable)
        }
    }

    let read = BTreeMap::<String, ColumnOrTable>::deserialize(deserializer)?;
    Ok(read.into_iter().map(|(name, ColumnOrTable(filling))| (name, filling)).collect())
}

/// [`fillings`] as the schema shows them.
#[derive(JsonSchema)]
#[serde(untagged)]
#[expect(dead_code, reason = "only its schema is used")]
enum ColumnOrFilling {
    /// The name of a column.
    Column(String),
    /// More than that.
    Filling(Box<Filling>),
}

impl<'de> Deserialize<'de> for Words {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct OneOrMany;

        impl<'de> de::Visitor<'de> for OneOrMany {
            type Value = Words;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("text in double quotes, or a list of such texts")
            }

            fn visit_str<E: de::Error>(self, word: &str) -> Result<Words, E> {
                Ok(Words(vec![word.to_owned()]))
            }

            fn visit_seq<A: de::SeqAccess<'de>>(self, mut seq: A) -> Result<Words, A::Error> {
                let mut words = Vec::new();
                while let Some(word) = seq.next_element()? {
                    words.push(word);
                }
                Ok(Words(words))
            }
        }

        deserializer.deserialize_any(OneOrMany)
    }
}

impl JsonSchema for Words {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Words".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({
            "description": "A text, or a list of texts",
            "anyOf": [{ "type": "string" }, { "type": "array", "items": { "type": "string" } }]
        })
    }
}

impl Table {
    /// The facts it makes of a row, each with the id that tells it from the others and all that fills its fields.
    fn facts(&self) -> Vec<(Option<&str>, BTreeMap<&str, &Filling>)> {
        let own = || self.fields.iter().map(|(name, filling)| (name.as_str(), filling));
        if self.each.is_empty() {
            return vec![(None, own().collect())];
        }
        self.each
            .iter()
            .map(|each| {
                let theirs = each.fields.iter().map(|(name, filling)| (name.as_str(), filling));
                (Some(each.id.as_str()), own().chain(theirs).collect())
            })
            .collect()
    }
}
