//! Where a fact stands among the tabulated records, so that every analysis value names the record it comes from.

use std::collections::HashMap;

use jiff::civil::Date;
use posology_trial::when::When;

use crate::package::{Package, Value};

/// The records of the tabulation, by domain and subject.
pub(super) struct Records {
    domains: HashMap<String, Domain>,
}

struct Domain {
    columns: HashMap<&'static str, usize>,
    subjects: HashMap<String, Vec<Vec<Value>>>,
}

/// A record of a domain.
#[derive(Clone, Copy)]
pub(super) struct Found<'a> {
    code: &'a str,
    domain: &'a Domain,
    row: &'a [Value],
}

impl Found<'_> {
    /// The value of a variable; missing where the domain has none of that name.
    pub(super) fn value(&self, name: &str) -> Value {
        let column = self.domain.columns.get(name);
        column.and_then(|column| self.row.get(*column)).cloned().unwrap_or(Value::Missing)
    }

    /// Its sequence number; missing in a domain that has none.
    pub(super) fn sequence(&self) -> Value {
        self.value(&format!("{}SEQ", self.code))
    }

    fn is(&self, name: &str, text: &str) -> bool {
        matches!(self.value(name), Value::Text(found) if found.eq_ignore_ascii_case(text))
    }

    fn when(&self, name: &str) -> Option<When> {
        match self.value(name) {
            Value::Text(text) => text.parse().ok(),
            _ => None,
        }
    }
}

impl Records {
    pub(super) fn of(package: &Package) -> Self {
        let mut domains = HashMap::new();
        for table in &package.tables {
            let columns: HashMap<_, _> =
                table.columns.iter().enumerate().map(|(place, column)| (column.name, place)).collect();
            let Some(subject) = columns.get("USUBJID").copied() else { continue };
            let mut subjects: HashMap<String, Vec<Vec<Value>>> = HashMap::new();
            for row in &table.rows {
                if let Some(Value::Text(id)) = row.get(subject) {
                    subjects.entry(id.clone()).or_default().push(row.clone());
                }
            }
            domains.insert(table.name.clone(), Domain { columns, subjects });
        }
        Self { domains }
    }

    /// The records of a subject in a domain, in the order of the data set.
    pub(super) fn of_subject<'a>(
        &'a self,
        code: &'a str,
        subject: &str,
    ) -> impl Iterator<Item = Found<'a>> + 'a {
        let domain = self.domains.get(code);
        let rows = domain.and_then(|domain| Some((domain, domain.subjects.get(subject)?)));
        rows.into_iter().flat_map(move |(domain, rows)| rows.iter().map(move |row| Found { code, domain, row }))
    }

    /// The first record in which these variables have these texts, however written in capitals.
    pub(super) fn find<'a>(
        &'a self,
        code: &'a str,
        subject: &str,
        texts: &[(&str, &str)],
    ) -> Option<Found<'a>> {
        self.of_subject(code, subject).find(|found| texts.iter().all(|(name, text)| found.is(name, text)))
    }

    /// The first record whose date is of a day: the first day it can have been, where it is partial.
    pub(super) fn on<'a>(&'a self, code: &'a str, subject: &str, date: &str, day: Date) -> Option<Found<'a>> {
        let is_of_day = |found: &Found<'_>| found.when(date).is_some_and(|when| when.earliest_date() == day);
        self.of_subject(code, subject).find(is_of_day)
    }
}

/// The record that a value rests on, as an analysis data set names it.
#[derive(Debug, Clone, Default)]
pub(super) struct Source {
    /// Domain, or analysis data set.
    pub(super) domain: Option<String>,
    /// Variable.
    pub(super) variable: Option<&'static str>,
    /// Sequence number.
    pub(super) sequence: Option<Value>,
}

impl Source {
    /// A record that was looked for in a domain; without a number where it has none there.
    pub(super) fn of(code: &str, variable: &'static str, found: Option<Found<'_>>) -> Self {
        Self {
            domain: Some(code.to_owned()),
            variable: Some(variable),
            sequence: found.map(|found| found.sequence()),
        }
    }
}
