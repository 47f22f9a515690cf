//! An analysis data set while its rows are filled, and the variables that all of them share.

use std::collections::BTreeMap;

use rust_decimal::Decimal;

use crate::package::{Class, Column, Table, Value};

/// Bytes that a text variable of a submission may hold.
pub(super) const TEXT_BYTES: usize = 200;

/// A row while it is filled: values by the names of variables; what is not set is missing.
#[derive(Debug, Clone, Default)]
pub(super) struct Record(BTreeMap<&'static str, Value>);

impl Record {
    /// Sets a variable; missing where there is no value.
    pub(super) fn set(&mut self, name: &'static str, value: impl Into<Value>) -> &mut Self {
        self.0.insert(name, value.into());
        self
    }

    /// Sets a flag that is Y or N where the question arises, and missing where it does not.
    pub(super) fn flag(&mut self, name: &'static str, applies: Option<bool>) -> &mut Self {
        self.set(name, applies.map_or(Value::Missing, Value::yes_no))
    }

    /// Sets a flag that is Y or missing.
    pub(super) fn mark(&mut self, name: &'static str, applies: bool) -> &mut Self {
        self.set(name, Value::y_or_missing(applies))
    }

    /// Sets a text that may be longer than a variable holds: what comes after a space before that stands in `rest`.
    pub(super) fn set_long(&mut self, name: &'static str, rest: &'static str, text: &str) -> &mut Self {
        let (first, more) = split_at_space(text);
        self.set(name, first).set(rest, more)
    }

    /// The value of a variable.
    pub(super) fn get(&self, name: &str) -> Value {
        self.0.get(name).cloned().unwrap_or(Value::Missing)
    }
}

/// What a variable holds of a text, cut at a space where there is one, and what is left.
fn split_at_space(text: &str) -> (&str, &str) {
    let text = text.trim();
    if text.len() <= TEXT_BYTES {
        return (text, "");
    }
    let most = text.floor_char_boundary(TEXT_BYTES);
    let (head, _) = text.split_at(most);
    let at = head.rfind(' ').filter(|at| *at > 0).unwrap_or(most);
    let (head, tail) = text.split_at(at);
    (head.trim_end(), tail.trim_start())
}

/// An analysis data set while its rows are filled.
pub(super) struct Sheet {
    pub(super) name: &'static str,
    pub(super) label: &'static str,
    pub(super) class: Class,
    pub(super) structure: &'static str,
    pub(super) keys: &'static [&'static str],
    pub(super) comment: Option<String>,
    pub(super) columns: Vec<Column>,
    pub(super) rows: Vec<Record>,
}

impl Sheet {
    /// The data set, sorted by its keys, without permissible variables that are empty throughout.
    pub(super) fn table(self) -> Table {
        let known = |name: &&'static str| self.columns.iter().any(|column| *column.name == **name);
        debug_assert!(
            self.rows.iter().all(|row| row.0.keys().all(&known)),
            "{}: a variable was set that is no column",
            self.name
        );
        let rows = self.rows.iter();
        let rows = rows.map(|row| self.columns.iter().map(|column| row.get(column.name)).collect()).collect();
        let table = Table {
            name: self.name.to_owned(),
            label: self.label.to_owned(),
            class: self.class,
            structure: self.structure.to_owned(),
            keys: self.keys.to_vec(),
            reference: false,
            comment: self.comment,
            columns: self.columns,
            rows,
        };
        table.finished()
    }
}

/// A variable that every data set but ADSL takes from ADSL: its name here, its label, where it stands there.
struct Shared {
    name: &'static str,
    label: &'static str,
    from: &'static str,
    numeric: bool,
    date: bool,
    code_list: Option<&'static str>,
}

const fn text(name: &'static str, label: &'static str, from: &'static str) -> Shared {
    Shared { name, label, from, numeric: false, date: false, code_list: None }
}

const fn number(name: &'static str, label: &'static str, from: &'static str) -> Shared {
    Shared { numeric: true, ..text(name, label, from) }
}

const fn date(name: &'static str, label: &'static str, from: &'static str) -> Shared {
    Shared { date: true, ..text(name, label, from) }
}

const fn flag(name: &'static str, label: &'static str, from: &'static str) -> Shared {
    Shared { code_list: Some("NY"), ..text(name, label, from) }
}

const SHARED: [Shared; 15] = [
    text("STUDYID", "Study Identifier", "ADSL.STUDYID"),
    text("USUBJID", "Unique Subject Identifier", "ADSL.USUBJID"),
    text("SUBJID", "Subject Identifier for the Study", "ADSL.SUBJID"),
    text("COHORT", "Cohort", "ADSL.COHORT"),
    number("COHORTN", "Cohort (N)", "ADSL.COHORTN"),
    text("STRATUM", "Kind of Disease", "ADSL.STRATUM"),
    text("TRTP", "Planned Treatment", "ADSL.TRT01P"),
    number("TRTPN", "Planned Treatment (N)", "ADSL.TRT01PN"),
    text("TRTA", "Actual Treatment", "ADSL.TRT01A"),
    number("TRTAN", "Actual Treatment (N)", "ADSL.TRT01AN"),
    date("TRTSDT", "Date of First Exposure to Treatment", "ADSL.TRTSDT"),
    date("TRTEDT", "Date of Last Exposure to Treatment", "ADSL.TRTEDT"),
    flag("SAFFL", "Safety Population Flag", "ADSL.SAFFL"),
    flag("DLTEVLFL", "DLT-Evaluable Population Flag", "ADSL.DLTEVLFL"),
    flag("RESPEVFL", "Response-Evaluable Population Flag", "ADSL.RESPEVFL"),
];

/// The variables that every data set but ADSL takes from ADSL.
pub(super) fn shared_columns() -> Vec<Column> {
    let columns = SHARED.iter().map(|shared| {
        let column = match (shared.numeric, shared.date) {
            (true, _) => Column::integer(shared.name, shared.label),
            (_, true) => Column::date(shared.name, shared.label),
            _ => Column::text(shared.name, shared.label),
        };
        let column = column.predecessor(shared.from);
        let column = if matches!(shared.name, "STUDYID" | "USUBJID") { column.required() } else { column };
        match shared.code_list {
            Some(list) => column.coded(list),
            None => column,
        }
    });
    columns.collect()
}

/// A row of another data set with what it takes from the subject's row of ADSL.
pub(super) fn of_subject(subject: &Record) -> Record {
    let mut record = Record::default();
    for shared in &SHARED {
        let (_, name) = shared.from.split_once('.').unwrap_or(("", shared.from));
        record.set(shared.name, subject.get(name));
    }
    record
}

/// A whole number as a value.
pub(super) fn whole(number: impl Into<i64>) -> Value {
    Value::Number(Decimal::from(number.into()))
}

/// A place in a list, from 1, as a value.
pub(super) fn place(place: usize) -> Value {
    Value::Number(Decimal::from(place as u64 + 1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_text_goes_on_in_the_next_variable_and_loses_nothing() {
        let text = "evaluable é ".repeat(30);
        let mut record = Record::default();
        record.set_long("A", "B", &text);
        let (Value::Text(first), Value::Text(second)) = (record.get("A"), record.get("B")) else {
            panic!("two texts")
        };
        assert!(first.len() <= TEXT_BYTES && first.len() > TEXT_BYTES - 20);
        assert_eq!(format!("{first} {second}"), text.trim());
        record.set_long("A", "B", &"é".repeat(150));
        assert_eq!(
            record.get("A"),
            Value::text("é".repeat(100)),
            "cut between letters where there is no space"
        );
        assert_eq!(record.get("B"), Value::text("é".repeat(50)));
        record.set_long("A", "B", "short");
        assert_eq!(record.get("B"), Value::Missing);
    }
}
