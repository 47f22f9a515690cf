//! The audit trail: every event that one may read, searched by who, what, of whom and when; verified; exported.

use std::collections::BTreeSet;

use axum::http::header;
use axum::response::IntoResponse as _;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use maud::{Markup, html};
use posology_record::ledger::Ledger;
use posology_record::verify::{self, Against, Report};
use posology_trial::event::{Entry, Fact, Kind};
use posology_trial::permission::{Matter, Reach, Reading};
use serde::Deserialize;

use super::patients::signatures;
use crate::ask::{Answer, Asked, Failed};
use crate::layout::{self, csrf};
use crate::{Stand, View};

/// Events on a page.
pub(crate) const PAGE: usize = 100;

/// What is looked for.
#[derive(Debug, Default, Clone, Deserialize)]
#[serde(default)]
pub(crate) struct Search {
    /// Who recorded it.
    pub(crate) by: String,
    /// Kind of event.
    pub(crate) kind: String,
    /// Subject.
    pub(crate) subject: String,
    /// Recorded on this day or later, UTC.
    pub(crate) from: String,
    /// Recorded on this day or earlier, UTC.
    pub(crate) to: String,
    /// Words that the event holds.
    pub(crate) text: String,
    /// Only events before this position, for the next page.
    pub(crate) before: Option<usize>,
    /// Events at most.
    pub(crate) limit: Option<usize>,
}

/// A search that reads.
pub(crate) struct Looked<'a> {
    search: &'a Search,
    from: Option<Date>,
    to: Option<Date>,
    text: String,
}

impl Search {
    pub(crate) fn read(&self) -> Result<Looked<'_>, Failed> {
        let day = |name: &str, text: &str| {
            if text.is_empty() {
                return Ok(None);
            }
            text.parse::<Date>().map(Some).map_err(|_| {
                Failed::asked(format!(
                    "{name}: expected a day such as 2019-05-03, found {text:?}; mend: write it so"
                ))
            })
        };
        if !self.kind.is_empty() && Kind::of(&self.kind).is_none() {
            return Err(Failed::asked(format!(
                "kind: expected a kind of event, found {:?}; mend: choose one",
                self.kind
            )));
        }
        Ok(Looked {
            search: self,
            from: day("from", &self.from)?,
            to: day("to", &self.to)?,
            text: self.text.to_lowercase(),
        })
    }

    fn query(&self, before: Option<usize>) -> String {
        let before = before.map(|before| before.to_string()).unwrap_or_default();
        let all = [
            ("by", self.by.as_str()),
            ("kind", &self.kind),
            ("subject", &self.subject),
            ("from", &self.from),
            ("to", &self.to),
            ("text", &self.text),
            ("before", &before),
        ];
        let given: Vec<_> = all.into_iter().filter(|(_, value)| !value.is_empty()).collect();
        serde_urlencoded::to_string(given).unwrap_or_default()
    }
}

impl Looked<'_> {
    fn takes(&self, view: &View, entry: &Entry) -> bool {
        let search = self.search;
        let day = || entry.event.recorded_at.to_zoned(TimeZone::UTC).date();
        (search.by.is_empty() || entry.event.recorded_by == search.by)
            && (search.kind.is_empty() || entry.event.fact.kind().word() == search.kind)
            && (search.subject.is_empty()
                || view.conduct.subject_of(&entry.event) == Some(search.subject.as_str()))
            && self.from.is_none_or(|from| day() >= from)
            && self.to.is_none_or(|to| day() <= to)
            && (self.text.is_empty() || entry.canonical().to_lowercase().contains(&self.text))
    }

    /// The events found that someone may read, the latest first, and whether there are more.
    pub(crate) fn found<'a>(
        &self,
        view: &'a View,
        reading: &Reading,
        most: usize,
    ) -> (Vec<(usize, &'a Entry)>, bool) {
        let before = self.search.before.unwrap_or(usize::MAX);
        let entries = view.conduct.chain().entries();
        let mut found = entries
            .iter()
            .enumerate()
            .rev()
            .map(|(place, entry)| (place + 1, entry))
            .filter(|(position, entry)| *position < before && self.takes(view, entry))
            .filter(|(_, entry)| reading.reads_event(&view.conduct, &entry.event));
        let page: Vec<_> = found.by_ref().take(most).collect();
        (page, found.next().is_some())
    }
}

pub(crate) fn page(asked: &Asked) -> Answer {
    shown(asked, None)
}

fn shown(asked: &Asked, report: Option<&Report>) -> Answer {
    let (view, reading) = asked.reads(Matter::Audit)?;
    let search: Search = asked.query()?;
    let (found, more) = search.read()?.found(&view, &reading, PAGE);
    let people: BTreeSet<&str> =
        view.conduct.chain().entries().iter().map(|entry| entry.event.recorded_by.as_str()).collect();
    let body = html! {
        p { (view.conduct.chain().entries().len()) " events · head " code { (view.conduct.head()) } }
        @if asked.user().is_some() {
            form method="post" action="/audit/verify" { (csrf(asked)) button { "Verify now" } span .hint { " Every hash, every rule and every signature, from the first event on." } }
        }
        @if let Some(report) = report { (verified(report)) }
        @if asked.user().is_some() && reading.reach(Matter::Results) == Reach::Trial {
            form method="post" action="/bundle" { (csrf(asked)) button { "Download the whole record as a bundle" } span .hint { " That a copy left is recorded. Closed sessions are not in it." } }
        }
        form method="get" action="/audit" {
            label { "By " select name="by" { option value="" { "anyone" } @for user in people { option value=(user) selected[user == search.by] { (user) } } } }
            label { "Event " select name="kind" { option value="" { "any" } @for kind in Kind::ALL { option value=(kind.word()) selected[kind.word() == search.kind] { (kind.word()) } } } }
            label { "Subject " input name="subject" value=(search.subject); }
            label { "From " input name="from" type="date" value=(search.from); }
            label { "To " input name="to" type="date" value=(search.to); }
            label { "Words " input name="text" value=(search.text); }
            button { "Search" }
        }
        table {
            thead { tr { th scope="col" .n { "Event" } th scope="col" { "Recorded" } th scope="col" { "By" } th scope="col" { "What" } th scope="col" { "Hash" } } }
            tbody {
                @for (position, entry) in &found {
                    tr .gone[!view.conduct.stands(&entry.hash)] {
                        td .n { (position) }
                        td { (entry.event.recorded_at) }
                        td { (entry.event.recorded_by) @if let Some(role) = entry.event.recorded_as { br; (role.word()) } }
                        td { (in_words(&entry.event.fact)) (signatures(&view, entry)) }
                        td { code { (entry.hash.get(..12).unwrap_or_default()) } }
                    }
                }
            }
        }
        @if found.is_empty() { p { "No event is like that." } }
        p {
            @if let (true, Some((last, _))) = (more, found.last()) { a .button href={ "/audit?" (search.query(Some(*last))) } { "Earlier events" } " " }
            @if !found.is_empty() { a href={ "/audit/events.ndjson?" (search.query(None)) } { "Export what was found, as the bytes that are hashed" } }
        }
    };
    Ok(layout::page(asked, &view, "/audit", "Audit", &body))
}

fn verified(report: &Report) -> Markup {
    html! {
        section .said role="status" aria-label="Verification" {
            p { strong { @if report.is_whole() { "The record is whole." } @else { "The record is not whole." } } }
            pre { (report.to_string()) }
        }
    }
}

/// The record held against itself, read anew from where it is kept.
pub(crate) fn checked(asked: &Asked) -> Result<Report, Failed> {
    let (location, trial) = match &mut *asked.site.stand() {
        Stand::Record(desk) => {
            let trial = desk.record().trial().to_owned();
            (desk.record_mut().ledger().location().clone(), trial)
        }
        _ => {
            return Err(Failed::missing(
                "expected a record to verify, found a file to be read; mend: `posology trial verify`",
            ));
        }
    };
    let mut ledger = Ledger::open(&location).map_err(Failed::fault)?;
    verify::ledger(&mut ledger, &trial, &Against::default()).map_err(Failed::fault)
}

pub(crate) fn verify(asked: &Asked) -> Answer {
    let report = checked(asked)?;
    shown(asked, Some(&report))
}

/// What was found, each event with its hash: the bytes that the hash runs over.
pub(crate) fn export(asked: &Asked) -> Answer {
    let (view, reading) = asked.reads(Matter::Audit)?;
    let search: Search = asked.query()?;
    let (mut found, _) = search.read()?.found(&view, &reading, usize::MAX);
    found.reverse();
    let mut text = String::new();
    for (position, entry) in found {
        text.push_str(&format!(
            "{{\"event\":{},\"hash\":\"{}\",\"position\":{position}}}\n",
            entry.canonical(),
            entry.hash
        ));
    }
    let name = "attachment; filename=\"events.ndjson\"";
    let kind = [(header::CONTENT_TYPE, "application/x-ndjson"), (header::CONTENT_DISPOSITION, name)];
    Ok((kind, text).into_response())
}

/// The whole record as one file, without a byte of closed sessions; that a copy left is recorded.
pub(crate) fn bundle(asked: &Asked) -> Answer {
    let (bytes, trial) = asked.at_desk(|desk| {
        let by = asked.actor(desk, None, Kind::Exported)?;
        let trial = desk.record().trial().to_owned();
        Ok((desk.export(&by, &format!("{trial}.bundle"))?, trial))
    })?;
    let name = format!(
        "attachment; filename=\"{}.bundle\"",
        trial.replace(|c: char| !c.is_ascii_alphanumeric(), "-")
    );
    let kind =
        [(header::CONTENT_TYPE, "application/x-ndjson".to_owned()), (header::CONTENT_DISPOSITION, name)];
    Ok((kind, bytes).into_response())
}

/// A fact in a line: its kind and its fields.
pub(crate) fn in_words(fact: &Fact) -> String {
    let value = serde_json::to_value(fact).unwrap_or_default();
    let mut words = Vec::new();
    for (name, value) in value["body"].as_object().into_iter().flatten() {
        let shown = super::entry::shown_value(value);
        let short: String = shown.chars().take(80).collect();
        let rest = if shown.chars().count() > 80 { "…" } else { "" };
        words.push(format!("{} {short}{rest}", name.replace('-', " ")));
    }
    format!("{}: {}", fact.kind().word(), words.join(", "))
}
