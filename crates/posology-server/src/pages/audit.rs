//! The audit trail: every event, searched by who, what and of whom.

use std::sync::Arc;

use axum::extract::{Query, State};
use maud::{Markup, html};
use posology_trial::event::{Entry, Fact, Kind};
use serde::Deserialize;

use super::patients::signatures;
use crate::layout::{self, Failed};
use crate::{Site, View};

/// Events on a page.
pub(crate) const PAGE: usize = 100;

/// What is looked for.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Search {
    /// Who recorded it.
    pub(crate) by: String,
    /// Kind of event.
    pub(crate) kind: String,
    /// Subject.
    pub(crate) subject: String,
    /// Only events before this position, for the next page.
    pub(crate) before: Option<usize>,
}

impl Search {
    fn takes(&self, entry: &Entry) -> bool {
        (self.by.is_empty() || entry.event.recorded_by == self.by)
            && (self.kind.is_empty() || entry.event.fact.kind().word() == self.kind)
            && (self.subject.is_empty() || entry.event.fact.subject() == Some(self.subject.as_str()))
    }

    /// The events found, the latest first, and whether there are more.
    pub(crate) fn found<'a>(&self, view: &'a View) -> (Vec<(usize, &'a Entry)>, bool) {
        let before = self.before.unwrap_or(usize::MAX);
        let entries = view.conduct.chain().entries();
        let mut found = entries
            .iter()
            .enumerate()
            .rev()
            .map(|(place, entry)| (place + 1, entry))
            .filter(|(position, entry)| *position < before && self.takes(entry));
        let page: Vec<_> = found.by_ref().take(PAGE).collect();
        (page, found.next().is_some())
    }
}

pub(crate) async fn page(
    State(site): State<Arc<Site>>,
    Query(search): Query<Search>,
) -> Result<Markup, Failed> {
    let view = site.view().map_err(layout::unreadable)?;
    let (found, more) = search.found(&view);
    let people: std::collections::BTreeSet<&str> =
        view.conduct.chain().entries().iter().map(|entry| entry.event.recorded_by.as_str()).collect();
    let body = html! {
        p { (view.conduct.chain().entries().len()) " events · head " code { (view.conduct.head()) } }
        form method="get" action="/audit" {
            label { "By " select name="by" { option value="" { "anyone" } @for user in people { option value=(user) selected[user == search.by] { (user) } } } }
            label { "Event " select name="kind" { option value="" { "any" } @for kind in Kind::ALL { option value=(kind.word()) selected[kind.word() == search.kind] { (kind.word()) } } } }
            label { "Subject " input name="subject" value=(search.subject); }
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
        @if let (true, Some((last, _))) = (more, found.last()) {
            form method="get" action="/audit" {
                input type="hidden" name="by" value=(search.by);
                input type="hidden" name="kind" value=(search.kind);
                input type="hidden" name="subject" value=(search.subject);
                button name="before" value=(last) { "Earlier events" }
            }
        }
    };
    Ok(layout::page(&view.analysis.protocol, "/audit", "Audit", &body))
}

/// A fact in a line: its kind and its fields.
pub(super) fn in_words(fact: &Fact) -> String {
    let value = serde_json::to_value(fact).unwrap_or_default();
    let mut words = Vec::new();
    for (name, value) in value["body"].as_object().into_iter().flatten() {
        let shown = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        let short: String = shown.chars().take(80).collect();
        let rest = if shown.chars().count() > 80 { "…" } else { "" };
        words.push(format!("{name} {short}{rest}"));
    }
    format!("{}: {}", fact.kind().word(), words.join(", "))
}
