//! Everything recorded of one subject in the order of recording: who, when, what, why, signed by whom, and what each
//! correction changed.
//!
//! Start at [`of`]. Events that no longer stand are told with the others. Signatures are told with what they sign; answers
//! to queries and their closing belong to the subject whom the query is about.

use jiff::Timestamp;
use serde::Serialize;
use serde_json::Value;

use crate::conduct::{Conduct, Flag};
use crate::event::{Entry, Fact, Role, Statement};

/// One event, told.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Told {
    /// Position, from 1.
    pub position: usize,
    /// Hash.
    pub hash: String,
    /// Kind.
    pub kind: &'static str,
    /// Fields of the fact, each with its value as recorded.
    pub fields: Vec<(String, String)>,
    /// When it was recorded.
    pub at: Timestamp,
    /// Offset from UTC where it was recorded.
    pub local_offset: Option<String>,
    /// Who recorded it.
    pub by: String,
    /// In which role.
    pub role: Option<Role>,
    /// Data set and row of the import that it came from.
    pub origin: Option<String>,
    /// The reason given where a rule asks for one.
    pub reason: Option<String>,
    /// Whether it still stands.
    pub stands: bool,
    /// What it corrects.
    pub corrects: Option<Corrected>,
    /// Position of the event that it takes back.
    pub retracts: Option<usize>,
    /// Signatures on it.
    pub signatures: Vec<Statement>,
    /// Rules that it breaks.
    pub flags: Vec<Flag>,
}

/// What a correction changed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Corrected {
    /// Position of the event corrected.
    pub position: usize,
    /// Why.
    pub reason: String,
    /// The fields that differ.
    pub changes: Vec<Changed>,
}

/// A field before and after a correction.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Changed {
    /// The field.
    pub field: String,
    /// Its value before; `None` where it was not recorded.
    pub before: Option<String>,
    /// Its value after; `None` where it is recorded no longer.
    pub after: Option<String>,
}

/// The history of a subject.
#[must_use]
pub fn of(conduct: &Conduct, subject: &str) -> Vec<Told> {
    let entries = conduct.chain().entries().iter().zip(1_usize..);
    entries
        .filter(|(entry, _)| concerns(conduct, &entry.event.fact, subject))
        .map(|(entry, position)| told(conduct, entry, position))
        .collect()
}

fn concerns(conduct: &Conduct, fact: &Fact, subject: &str) -> bool {
    let of_query =
        |query: &str| conduct.query(query).is_some_and(|query| query.subject.as_deref() == Some(subject));
    match fact {
        Fact::Signature(_) => false,
        Fact::QueryAnswered(answer) => of_query(&answer.query),
        Fact::QueryClosed(closed) => of_query(&closed.query),
        fact => fact.subject() == Some(subject),
    }
}

fn told(conduct: &Conduct, entry: &Entry, position: usize) -> Told {
    let event = &entry.event;
    let fields = fields(&event.fact);
    let corrects = event.corrects.as_ref().map(|correction| Corrected {
        position: conduct.position(&correction.hash),
        reason: correction.reason.clone(),
        changes: conduct
            .entry(&correction.hash)
            .map(|before| changes(&self::fields(&before.event.fact), &fields))
            .unwrap_or_default(),
    });
    Told {
        position,
        hash: entry.hash.clone(),
        kind: event.fact.kind().word(),
        at: event.recorded_at,
        local_offset: event.local_offset.clone(),
        by: event.recorded_by.clone(),
        role: event.recorded_as,
        origin: event.origin.as_ref().map(|origin| format!("{} {}", origin.data_set, origin.key)),
        reason: event.reason.clone(),
        stands: conduct.stands(&entry.hash),
        corrects,
        retracts: match &event.fact {
            Fact::Retracted(retracted) => Some(conduct.position(&retracted.event)),
            _ => None,
        },
        signatures: conduct
            .signatures_on(&entry.hash)
            .into_iter()
            .map(|signature| signature.statement.clone())
            .collect(),
        flags: conduct.flags().iter().filter(|flag| flag.position == position).cloned().collect(),
        fields,
    }
}

/// The fields of a fact as they are written, in the order of their names.
fn fields(fact: &Fact) -> Vec<(String, String)> {
    let value = serde_json::to_value(fact).unwrap_or_default();
    let body = value.get("body").and_then(Value::as_object);
    body.into_iter()
        .flatten()
        .map(|(name, value)| (name.clone(), value.as_str().map_or_else(|| value.to_string(), str::to_owned)))
        .collect()
}

/// The fields that differ, by name.
fn changes(before: &[(String, String)], after: &[(String, String)]) -> Vec<Changed> {
    let value = |of: &[(String, String)], field: &str| {
        of.iter().find(|(name, _)| name == field).map(|(_, value)| value.clone())
    };
    let mut names: Vec<&String> = before.iter().chain(after).map(|(name, _)| name).collect();
    names.sort();
    names.dedup();
    names
        .into_iter()
        .map(|field| Changed {
            field: field.clone(),
            before: value(before, field),
            after: value(after, field),
        })
        .filter(|changed| changed.before != changed.after)
        .collect()
}
