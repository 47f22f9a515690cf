//! Where a fact stands among the tabulated records, so that every analysis value names the record it comes from.

use std::collections::HashMap;

use jiff::civil::Date;
use posology_trial::when::When;

use crate::package::{Package, Table, Value};

/// The records of the tabulation, by domain and subject.
pub(super) struct Records {
    domains: HashMap<String, Domain>,
}

struct Domain {
    columns: HashMap<&'static str, usize>,
    /// The sequence number.
    sequence: Option<usize>,
    subjects: HashMap<String, OfSubject>,
}

#[derive(Default)]
struct OfSubject {
    rows: Vec<Vec<Value>>,
    /// Places of rows by their day: the first day it can have been, where the date is partial.
    days: HashMap<Date, Vec<usize>>,
}

/// A record of a domain.
#[derive(Clone, Copy)]
pub(super) struct Found<'a> {
    domain: &'a Domain,
    row: &'a [Value],
}

impl<'a> Found<'a> {
    fn at(&self, name: &str) -> Option<&'a Value> {
        self.domain.columns.get(name).and_then(|column| self.row.get(*column))
    }

    /// The value of a variable; missing where the domain has none of that name.
    pub(super) fn value(&self, name: &str) -> Value {
        self.at(name).cloned().unwrap_or(Value::Missing)
    }

    /// The text of a variable.
    pub(super) fn text(&self, name: &str) -> Option<&'a str> {
        match self.at(name) {
            Some(Value::Text(text)) => Some(text),
            _ => None,
        }
    }

    /// The date of a variable.
    pub(super) fn when(&self, name: &str) -> Option<When> {
        self.text(name)?.parse().ok()
    }

    /// Its sequence number; missing in a domain that has none.
    pub(super) fn sequence(&self) -> Value {
        let number = self.domain.sequence.and_then(|column| self.row.get(column));
        number.cloned().unwrap_or(Value::Missing)
    }
}

impl Records {
    pub(super) fn of(package: &Package) -> Self {
        let domains =
            package.tables.iter().filter_map(|table| Some((table.name.clone(), Domain::of(table)?)));
        Self { domains: domains.collect() }
    }

    /// The records of a subject in a domain, in the order of the data set.
    pub(super) fn of_subject(&self, code: &str, subject: &str) -> impl Iterator<Item = Found<'_>> {
        let domain = self.domains.get(code);
        let found = domain.and_then(|domain| Some((domain, domain.subjects.get(subject)?)));
        found.into_iter().flat_map(|(domain, of)| of.rows.iter().map(move |row| Found { domain, row }))
    }

    /// Those of a day: of the first day it can have been, where a date is partial.
    pub(super) fn on(&self, code: &str, subject: &str, day: Date) -> impl Iterator<Item = Found<'_>> {
        let domain = self.domains.get(code);
        let found = domain.and_then(|domain| Some((domain, domain.subjects.get(subject)?)));
        found.into_iter().flat_map(move |(domain, of)| {
            let places = of.days.get(&day).into_iter().flatten();
            places.filter_map(|place| of.rows.get(*place)).map(move |row| Found { domain, row })
        })
    }

    /// The records of AE of an event of the record, by its key.
    pub(super) fn of_event(&self, subject: &str, key: &str) -> impl Iterator<Item = Found<'_>> {
        let keyed = self.of_subject("SUPPAE", subject).filter(move |qualifier| {
            qualifier.text("QNAM") == Some("EVENTKEY") && qualifier.text("QVAL") == Some(key.trim_end())
        });
        let numbers: Vec<Value> = keyed
            .filter_map(|qualifier| qualifier.text("IDVARVAL")?.parse().ok().map(Value::Number))
            .collect();
        self.of_subject("AE", subject).filter(move |event| numbers.contains(&event.sequence()))
    }
}

impl Domain {
    fn of(table: &Table) -> Option<Self> {
        let column = |name: &str| table.column(name);
        let subject = column("USUBJID")?;
        let code = table.name.as_str();
        let date = ["DTC", "STDTC"].into_iter().find_map(|date| column(&format!("{code}{date}")));
        let mut subjects: HashMap<String, OfSubject> = HashMap::new();
        for row in &table.rows {
            let Some(Value::Text(id)) = row.get(subject) else { continue };
            let of = subjects.entry(id.clone()).or_default();
            if let Some(Value::Text(text)) = date.and_then(|date| row.get(date))
                && let Ok(when) = text.parse::<When>()
            {
                of.days.entry(when.earliest_date()).or_default().push(of.rows.len());
            }
            of.rows.push(row.clone());
        }
        let columns = table.columns.iter().enumerate().map(|(place, column)| (column.name, place)).collect();
        Some(Self { columns, sequence: column(&format!("{code}SEQ")), subjects })
    }
}

/// The record that a value rests on, as an analysis data set names it.
#[derive(Debug, Clone, Default)]
pub(super) struct Source {
    /// Domain.
    pub(super) domain: Option<&'static str>,
    /// Variable.
    pub(super) variable: Option<&'static str>,
    /// Sequence number; missing in a domain that has none.
    pub(super) sequence: Option<Value>,
}

impl Source {
    /// A record that was looked for in a domain; nothing where it is not there.
    pub(super) fn of(domain: &'static str, variable: &'static str, found: Option<Found<'_>>) -> Self {
        let Some(found) = found else { return Self::default() };
        Self { domain: Some(domain), variable: Some(variable), sequence: Some(found.sequence()) }
    }

    /// This source, or another where there is none.
    pub(super) fn or_else(self, other: impl FnOnce() -> Self) -> Self {
        if self.domain.is_some() { self } else { other() }
    }
}
