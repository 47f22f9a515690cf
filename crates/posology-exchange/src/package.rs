//! A package of data sets to hand over: one model, from which every format and its Define-XML are written.
//!
//! A [`Package`] is SDTM or ADaM of one study at one data cut. Each [`Table`] holds what its rows are and where
//! each variable came from; [`Table::data_set`] and [`Table::fill`] give the same to a writer as a reader gives of
//! a file. Values are text, decimals or dates; nothing is rounded on its way into a package.

use std::collections::BTreeSet;

use jiff::civil::Date;
use rust_decimal::Decimal;

use crate::dataset::{DataSet, Row, Variable, VariableKind};

/// Data sets of one standard, of one study, at one data cut.
#[derive(Debug, Clone, PartialEq)]
pub struct Package {
    /// Standard its data sets follow.
    pub standard: Standard,
    /// The study.
    pub study: Study,
    /// What the data sets were made from.
    pub source: Source,
    /// Data sets, in the order in which they are listed.
    pub tables: Vec<Table>,
    /// Code lists that its variables name, each once.
    pub code_lists: Vec<CodeList>,
}

/// A standard of CDISC.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Standard {
    /// Study Data Tabulation Model, implementation guide 3.4.
    Sdtm,
    /// Analysis Data Model, implementation guide 1.3.
    Adam,
}

impl Standard {
    /// Name as Define-XML lists it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Sdtm => "SDTMIG",
            Self::Adam => "ADaMIG",
        }
    }

    /// Version of the implementation guide.
    #[must_use]
    pub fn version(self) -> &'static str {
        match self {
            Self::Sdtm => "3.4",
            Self::Adam => "1.3",
        }
    }
}

/// Package of controlled terminology whose terms are written and checked.
pub const TERMINOLOGY: &str = "2022-09-30";

/// How a study is named.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Study {
    /// Identifier, the STUDYID of every row.
    pub id: String,
    /// Title.
    pub title: String,
    /// Name of the protocol.
    pub protocol: String,
    /// Whether its patients are synthetic, which every file has to say.
    pub synthetic: bool,
}

/// What a package was made from; no wall clock is part of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Source {
    /// Instant written as the files' time of creation: the data cut's clinical cut-off.
    pub cut_off: jiff::Timestamp,
    /// Position of the cut in the record.
    pub position: u64,
    /// Hash of the record's head at that position.
    pub head: String,
    /// Version of the program.
    pub program: String,
}

/// A data set with what its rows and variables are.
#[derive(Debug, Clone, PartialEq)]
pub struct Table {
    /// Name, at most 8 capitals: `DM`, `ADSL`, `SUPPAE`.
    pub name: String,
    /// Label, at most 40 bytes.
    pub label: String,
    /// What kind of data set it is.
    pub class: Class,
    /// What one row is: `One record per subject`.
    pub structure: String,
    /// Variables that tell its rows apart, in the order of sorting.
    pub keys: Vec<&'static str>,
    /// Whether it holds reference data of the design (TA, TE, TV, TI, TS), not of subjects.
    pub reference: bool,
    /// What a reader should know of it, printed in Define-XML.
    pub comment: Option<String>,
    /// Variables, in the order of columns.
    pub columns: Vec<Column>,
    /// Rows, each as wide as `columns`.
    pub rows: Vec<Vec<Value>>,
}

/// Class of a data set, as Define-XML lists it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Class {
    /// SDTM special purpose: DM, SE.
    SpecialPurpose,
    /// SDTM interventions: CM, EC, EX, PR.
    Interventions,
    /// SDTM events: AE, DS, DV, MH.
    Events,
    /// SDTM findings: LB, RS, TR, TU, VS.
    Findings,
    /// SDTM findings about: FA.
    FindingsAbout,
    /// SDTM trial design: TA, TE, TI, TS, TV.
    TrialDesign,
    /// SDTM relationships: RELREC, SUPPAE.
    Relationship,
    /// ADaM, one row a subject: ADSL.
    SubjectLevel,
    /// ADaM basic data structure: ADLB, ADRS, ADTTE.
    BasicDataStructure,
    /// ADaM occurrences: ADAE.
    Occurrence,
    /// ADaM, another structure.
    Other,
}

impl Class {
    /// Name as Define-XML 2.1 lists it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::SpecialPurpose => "SPECIAL PURPOSE",
            Self::Interventions => "INTERVENTIONS",
            Self::Events => "EVENTS",
            Self::Findings => "FINDINGS",
            Self::FindingsAbout => "FINDINGS ABOUT",
            Self::TrialDesign => "TRIAL DESIGN",
            Self::Relationship => "RELATIONSHIP",
            Self::SubjectLevel => "SUBJECT LEVEL ANALYSIS DATASET",
            Self::BasicDataStructure => "BASIC DATA STRUCTURE",
            Self::Occurrence => "OCCURRENCE DATA STRUCTURE",
            Self::Other => "ADAM OTHER",
        }
    }
}

/// A variable of a table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Column {
    /// Name, at most 8 capitals.
    pub name: &'static str,
    /// Label, at most 40 bytes.
    pub label: &'static str,
    /// What its values are.
    pub data_type: DataType,
    /// Whether a row may lack it.
    pub core: Core,
    /// Where its values come from.
    pub origin: Origin,
    /// How it is derived, in words; required where the origin is [`Origin::Derived`].
    pub derivation: Option<String>,
    /// Code list of its values, by [`CodeList::id`].
    pub code_list: Option<&'static str>,
}

impl Column {
    /// A text that was collected and may be missing; the other constructors and fields refine it.
    #[must_use]
    pub fn text(name: &'static str, label: &'static str) -> Self {
        Self {
            name,
            label,
            data_type: DataType::Text,
            core: Core::Permissible,
            origin: Origin::Collected,
            derivation: None,
            code_list: None,
        }
    }

    /// A whole number.
    #[must_use]
    pub fn integer(name: &'static str, label: &'static str) -> Self {
        Self { data_type: DataType::Integer, ..Self::text(name, label) }
    }

    /// A decimal number.
    #[must_use]
    pub fn float(name: &'static str, label: &'static str) -> Self {
        Self { data_type: DataType::Float, ..Self::text(name, label) }
    }

    /// A date or time as ISO 8601 text, possibly partial (--DTC).
    #[must_use]
    pub fn iso(name: &'static str, label: &'static str) -> Self {
        Self { data_type: DataType::IsoDateTime, ..Self::text(name, label) }
    }

    /// A numeric date of ADaM.
    #[must_use]
    pub fn date(name: &'static str, label: &'static str) -> Self {
        Self { data_type: DataType::NumericDate, ..Self::text(name, label) }
    }

    /// Required: no row lacks it.
    #[must_use]
    pub fn required(mut self) -> Self {
        self.core = Core::Required;
        self
    }

    /// Expected: always a column, though a row may lack it.
    #[must_use]
    pub fn expected(mut self) -> Self {
        self.core = Core::Expected;
        self
    }

    /// Derived from others, and how.
    #[must_use]
    pub fn derived(mut self, how: impl Into<String>) -> Self {
        self.origin = Origin::Derived;
        self.derivation = Some(how.into());
        self
    }

    /// Assigned by the sponsor or by coding.
    #[must_use]
    pub fn assigned(mut self) -> Self {
        self.origin = Origin::Assigned;
        self
    }

    /// Fixed by the protocol.
    #[must_use]
    pub fn of_protocol(mut self) -> Self {
        self.origin = Origin::Protocol;
        self
    }

    /// Copied from a variable of another data set: `DM.SEX`.
    #[must_use]
    pub fn predecessor(mut self, from: &'static str) -> Self {
        self.origin = Origin::Predecessor(from);
        self
    }

    /// Its values are of a code list.
    #[must_use]
    pub fn coded(mut self, code_list: &'static str) -> Self {
        self.code_list = Some(code_list);
        self
    }
}

/// What the values of a variable mean.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DataType {
    /// Text.
    Text,
    /// Whole numbers.
    Integer,
    /// Decimal numbers.
    Float,
    /// Dates or times as ISO 8601 text, possibly partial.
    IsoDateTime,
    /// Durations as ISO 8601 text.
    IsoDuration,
    /// Dates as numbers: days since 1960-01-01 in SAS, ISO dates in Dataset-JSON.
    NumericDate,
}

impl DataType {
    /// Whether a SAS file holds it as text or as a number.
    #[must_use]
    pub fn kind(self) -> VariableKind {
        match self {
            Self::Text | Self::IsoDateTime | Self::IsoDuration => VariableKind::Text,
            Self::Integer | Self::Float | Self::NumericDate => VariableKind::Number,
        }
    }
}

/// Whether a variable, and each of its values, has to be there: the implementation guide's core.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Core {
    /// Present in every row.
    Required,
    /// A column always, though a row may lack it.
    Expected,
    /// A column where it was collected.
    Permissible,
}

/// Where the values of a variable come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Origin {
    /// Collected on a form.
    Collected,
    /// Computed from others.
    Derived,
    /// Assigned by the sponsor or by coding.
    Assigned,
    /// Fixed by the protocol.
    Protocol,
    /// Copied from a variable of another data set.
    Predecessor(&'static str),
}

/// A value.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Value {
    /// Missing.
    Missing,
    /// Text, not empty.
    Text(String),
    /// A number.
    Number(Decimal),
    /// A whole date.
    Date(Date),
}

impl Value {
    /// Text, or missing where it is empty.
    #[must_use]
    pub fn text(text: impl Into<String>) -> Self {
        let text = text.into();
        if text.trim_end().is_empty() { Self::Missing } else { Self::Text(text) }
    }

    /// Y, or missing: how SDTM flags what applies (--LOBXFL, --ACPTFL).
    #[must_use]
    pub fn y_or_missing(applies: bool) -> Self {
        if applies { Self::Text("Y".to_owned()) } else { Self::Missing }
    }

    /// Y or N: how ADaM flags a population.
    #[must_use]
    pub fn yes_no(yes: bool) -> Self {
        Self::Text(if yes { "Y" } else { "N" }.to_owned())
    }
}

impl<T: Into<Value>> From<Option<T>> for Value {
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::Missing, Into::into)
    }
}

impl From<String> for Value {
    fn from(text: String) -> Self {
        Self::text(text)
    }
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Self::text(text)
    }
}

impl From<Decimal> for Value {
    fn from(number: Decimal) -> Self {
        Self::Number(number)
    }
}

impl From<i64> for Value {
    fn from(number: i64) -> Self {
        Self::Number(number.into())
    }
}

impl From<Date> for Value {
    fn from(date: Date) -> Self {
        Self::Date(date)
    }
}

/// A code list and its terms.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CodeList {
    /// Name by which columns refer to it: `SEX`, `ONCRSR`.
    pub id: &'static str,
    /// Name in words.
    pub name: &'static str,
    /// Code of the list in NCI's terminology (`C66731`), or none where it is the sponsor's.
    pub code: Option<&'static str>,
    /// Whether a sponsor may add terms.
    pub extensible: bool,
    /// Terms that this package uses.
    pub terms: Vec<Term>,
}

/// A term of a code list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Term {
    /// As submitted.
    pub value: String,
    /// What it means in words.
    pub decode: Option<String>,
    /// Its code in NCI's terminology, where that is known.
    pub code: Option<String>,
    /// Whether the sponsor added it to the list.
    pub extension: bool,
}

/// The date from which SAS counts days.
pub(crate) const SAS_EPOCH: Date = jiff::civil::date(1960, 1, 1);

impl Table {
    /// The data set as a writer or reader sees it; text as long as its longest value, in bytes.
    #[must_use]
    pub fn data_set(&self) -> DataSet {
        let variables = self.columns.iter().enumerate().map(|(index, column)| {
            let kind = column.data_type.kind();
            let length = match kind {
                VariableKind::Number => 8,
                VariableKind::Text => self.longest(index).max(1),
            };
            Variable {
                name: column.name.to_owned(),
                label: Some(column.label.to_owned()),
                kind,
                length: Some(length),
                format: match column.data_type {
                    DataType::NumericDate => Some("E8601DA.".to_owned()),
                    _ => None,
                },
            }
        });
        let variables = variables.collect();
        DataSet { name: self.name.clone(), label: Some(self.label.clone()), variables }
    }

    /// Bytes of the longest text in a column; 0 where it is empty or numeric.
    #[must_use]
    pub fn longest(&self, column: usize) -> u32 {
        let bytes = self.rows.iter().map(|row| match row.get(column) {
            Some(Value::Text(text)) => text.trim_end().len(),
            _ => 0,
        });
        u32::try_from(bytes.max().unwrap_or(0)).unwrap_or(u32::MAX)
    }

    /// Fills `into` with row `index` (from 0); `false` past the last one. A date is a number of days since 1960.
    pub fn fill(&self, index: usize, into: &mut Row) -> bool {
        let Some(row) = self.rows.get(index) else {
            return false;
        };
        into.clear(index as u64 + 1, None);
        for value in row {
            match value {
                Value::Missing => into.push_missing(None),
                Value::Text(text) => into.push_text(text),
                Value::Number(number) => into.push_number(&number.normalize().to_string()),
                Value::Date(date) => into.push_number(&days_since_1960(*date).to_string()),
            }
        }
        true
    }

    /// The column of a name.
    #[must_use]
    pub fn column(&self, name: &str) -> Option<usize> {
        self.columns.iter().position(|column| column.name == name)
    }

    /// Sorts the rows by the keys and leaves out columns that are permissible and empty throughout.
    #[must_use]
    pub fn finished(mut self) -> Self {
        let keys: Vec<usize> = self.keys.iter().filter_map(|key| self.column(key)).collect();
        self.rows.sort_by(|a, b| {
            let of = |row: &[Value]| keys.iter().map(|&key| row.get(key).cloned()).collect::<Vec<_>>();
            of(a).cmp(&of(b))
        });
        let keep: BTreeSet<usize> = (0..self.columns.len())
            .filter(|&index| {
                self.columns.get(index).is_some_and(|column| column.core != Core::Permissible)
                    || self
                        .rows
                        .iter()
                        .any(|row| row.get(index).is_some_and(|value| *value != Value::Missing))
            })
            .collect();
        let kept = |index: usize| keep.contains(&index);
        self.columns = indexed(self.columns, kept);
        self.rows = self.rows.into_iter().map(|row| indexed(row, kept)).collect();
        self
    }
}

fn indexed<T>(items: Vec<T>, keep: impl Fn(usize) -> bool) -> Vec<T> {
    items.into_iter().enumerate().filter(|&(index, _)| keep(index)).map(|(_, item)| item).collect()
}

/// A date as SAS counts it.
pub(crate) fn days_since_1960(date: Date) -> i64 {
    SAS_EPOCH.until(date).map_or(0, |span| i64::from(span.get_days()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dataset::Cell;

    fn table() -> Table {
        Table {
            name: "ADX".to_owned(),
            label: "Test".to_owned(),
            class: Class::Other,
            structure: "One record per row".to_owned(),
            keys: vec!["USUBJID"],
            reference: false,
            comment: None,
            columns: vec![
                Column::text("USUBJID", "Unique Subject Identifier").required(),
                Column::float("AVAL", "Analysis Value"),
                Column::date("ADT", "Analysis Date"),
                Column::text("AVALC", "Analysis Value (C)"),
            ],
            rows: vec![
                vec![
                    "B-é".into(),
                    Value::Number("1.50".parse().unwrap()),
                    jiff::civil::date(1960, 1, 2).into(),
                    Value::Missing,
                ],
                vec!["A".into(), Value::Missing, jiff::civil::date(1959, 12, 31).into(), Value::text(" ")],
            ],
        }
    }

    #[test]
    fn rows_are_sorted_by_key_and_empty_permissible_columns_left_out() {
        let table = table().finished();
        let data_set = table.data_set();
        let names: Vec<&str> = data_set.variables.iter().map(|variable| variable.name.as_str()).collect();
        assert_eq!(names, ["USUBJID", "AVAL", "ADT"]);
        assert_eq!(data_set.variables[0].length, Some(4), "lengths are bytes");
        let mut row = Row::default();
        assert!(table.fill(0, &mut row));
        assert_eq!(
            (row.cell(0), row.cell(1), row.cell(2)),
            (Cell::Text("A"), Cell::Missing(None), Cell::Number("-1"))
        );
        assert!(table.fill(1, &mut row));
        assert_eq!((row.cell(1), row.cell(2)), (Cell::Number("1.5"), Cell::Number("1")));
        assert!(!table.fill(2, &mut row));
    }
}
