//! Patients: the list of those who may be shown, sorted and filtered by plain links. One patient is in [`patient`].

mod patient;

use std::cmp::Ordering;

use maud::{Markup, html};
use posology_trial::analysis::patient::PatientAnalysis;
use posology_trial::analysis::toxicity::DltStatus;
use posology_trial::event::{Kind, Role};
use posology_trial::permission::{Matter, Reading, allowed};
use serde::Deserialize;

use super::{address_of, percent_encoded};
use crate::View;
use crate::ask::{Answer, Asked, Failed};
use crate::layout;

pub(super) use patient::signatures;

/// How the list is sorted and filtered.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Listing {
    /// Column.
    sort: String,
    /// Whether the largest come first.
    down: String,
    /// Cohort, or all.
    cohort: String,
}

/// Columns: key, heading, whether they hold numbers.
const COLUMNS: [(&str, &str, bool); 10] = [
    ("subject", "Subject", false),
    ("site", "Site", false),
    ("cohort", "Cohort", false),
    ("fractions", "Fractions given / planned", true),
    ("first", "First fraction", false),
    ("window", "Window ends", false),
    ("left", "Days left", true),
    ("dlt", "DLT status", false),
    ("best", "Best response, confirmed", false),
    ("unconfirmed", "Unconfirmed", false),
];

pub(crate) fn list(asked: &Asked) -> Answer {
    let (view, reading) = asked.reads(Matter::Patients)?;
    let listing: Listing = asked.query()?;
    let patients = view.patients_for(&reading);
    let body = html! {
        @if asked.may_record(&view, &[Kind::Screening]) { p { a .button href="/record/screening" { "Screen a subject" } } }
        (table(&view, &patients, &listing))
    };
    Ok(layout::page(asked, &view, "/patients", "Patients", &body))
}

/// The list of the patients who may be shown.
pub(crate) fn table(view: &View, patients: &[&PatientAnalysis], listing: &Listing) -> Markup {
    let mut cohorts: Vec<&str> = patients.iter().filter_map(|patient| patient.cohort.as_deref()).collect();
    cohorts.sort_unstable();
    cohorts.dedup();
    let mut shown: Vec<&PatientAnalysis> = patients
        .iter()
        .copied()
        .filter(|patient| {
            listing.cohort.is_empty() || patient.cohort.as_deref() == Some(listing.cohort.as_str())
        })
        .collect();
    shown.sort_by(|a, b| {
        let by = order(view, a, b, &listing.sort);
        if listing.down.is_empty() { by } else { by.reverse() }
    });
    html! {
        nav .filter aria-label="Cohort" {
            ul {
                li { (filter(listing, "", "All", patients.len())) }
                @for cohort in cohorts {
                    @let of = patients.iter().filter(|patient| patient.cohort.as_deref() == Some(cohort)).count();
                    li { (filter(listing, cohort, cohort, of)) }
                }
            }
        }
        @if shown.is_empty() { p { "No patient is like that." } } @else {
            table .wide {
                caption { (shown.len()) @if shown.len() == 1 { " patient" } @else { " patients" } ", days left as of " (view.board.as_of) }
                thead { tr { @for (key, name, number) in COLUMNS { (heading(listing, key, name, number)) } } }
                tbody { @for patient in shown { (row(view, patient)) } }
            }
        }
    }
}

fn row(view: &View, patient: &PatientAnalysis) -> Markup {
    let (given, planned) = fractions(patient);
    let best = &patient.response.best;
    html! {
        tr {
            th scope="row" { a href=(address_of(&patient.id)) { (patient.id) } }
            td { (patient.facts.subject.site.as_deref().unwrap_or("–")) }
            td { (patient.cohort.as_deref().unwrap_or("–")) }
            td .n { (given) " / " (planned) }
            td .d { (or_dash(patient.exposure.first())) }
            td .d { (or_dash(patient.window.map(|window| window.end))) }
            td .n { (or_dash(days_left(view, patient))) }
            td .alert[patient.dlt.status == DltStatus::Dlt] { (status(patient)) }
            td { (or_dash(best.confirmed)) @if let Some(awaiting) = best.awaiting { span .quiet { " awaits " (awaiting.would_become) } } }
            td { (or_dash(best.unconfirmed)) }
        }
    }
}

/// The DLT status in words; that a possible one waits for judgement is part of it.
fn status(patient: &PatientAnalysis) -> Markup {
    html! {
        (patient.dlt.status.words())
        @if patient.dlt.status == DltStatus::Pending && !patient.dlt.possible.is_empty() { ", possible DLT waits for judgement" }
    }
}

/// Fractions given, and those of the regimen.
fn fractions(patient: &PatientAnalysis) -> (usize, usize) {
    let all = &patient.exposure.fractions;
    (all.iter().filter(|fraction| fraction.given.is_some()).count(), all.len())
}

/// Days to the end of the window of a pending patient, as the board counts them.
fn days_left(view: &View, patient: &PatientAnalysis) -> Option<i32> {
    view.board.windows.iter().find(|window| window.subject == patient.id).map(|window| window.days_left)
}

/// Which of two patients comes first; of equals the subject decides.
fn order(view: &View, a: &PatientAnalysis, b: &PatientAnalysis, column: &str) -> Ordering {
    let by = match column {
        "site" => a.facts.subject.site.cmp(&b.facts.subject.site),
        "cohort" => a.cohort.cmp(&b.cohort),
        "fractions" => fractions(a).cmp(&fractions(b)),
        "first" => a.exposure.first().cmp(&b.exposure.first()),
        "window" => a.window.map(|window| window.end).cmp(&b.window.map(|window| window.end)),
        "left" => days_left(view, a).cmp(&days_left(view, b)),
        "dlt" => a.dlt.status.words().cmp(b.dlt.status.words()),
        "best" => a.response.best.confirmed.cmp(&b.response.best.confirmed),
        "unconfirmed" => a.response.best.unconfirmed.cmp(&b.response.best.unconfirmed),
        _ => Ordering::Equal,
    };
    by.then_with(|| a.id.cmp(&b.id))
}

fn filter(listing: &Listing, cohort: &str, name: &str, patients: usize) -> Markup {
    let here = listing.cohort == cohort;
    let address = address(&listing.sort, !listing.down.is_empty(), cohort);
    html! {
        @if here { a href=(address) aria-current="true" { (name) " (" (patients) ")" } }
        @else { a href=(address) { (name) " (" (patients) ")" } }
    }
}

fn heading(listing: &Listing, key: &str, name: &str, number: bool) -> Markup {
    let sorted = if listing.sort.is_empty() { "subject" } else { listing.sort.as_str() };
    let (here, down) = (sorted == key, !listing.down.is_empty());
    let stands = match (here, down) {
        (false, _) => "none",
        (true, false) => "ascending",
        (true, true) => "descending",
    };
    let address = address(key, here && !down, &listing.cohort);
    html! {
        th scope="col" aria-sort=(stands) .n[number] {
            a href=(address) { (name) @if here { span aria-hidden="true" { @if down { " ▼" } @else { " ▲" } } } }
        }
    }
}

fn address(sort: &str, down: bool, cohort: &str) -> String {
    let mut address = format!("/patients?sort={}", percent_encoded(sort));
    if down {
        address.push_str("&down=1");
    }
    if !cohort.is_empty() {
        address.push_str(&format!("&cohort={}", percent_encoded(cohort)));
    }
    address
}

fn or_dash(value: Option<impl ToString>) -> String {
    value.map_or_else(|| "–".to_owned(), |value| value.to_string())
}

/// A patient whom someone may read; of another's nothing is told, not even that there is one.
pub(crate) fn find<'a>(
    view: &'a View,
    reading: &Reading,
    subject: &str,
) -> Result<&'a PatientAnalysis, Failed> {
    view.analysis
        .patients
        .iter()
        .find(|patient| patient.id == subject)
        .filter(|patient| reading.reads_patient(&view.conduct, &patient.id))
        .ok_or_else(|| Failed::missing(format!("Expected a subject of this trial, found {subject:?}.")))
}

pub(crate) fn one(asked: &Asked) -> Answer {
    let (view, reading) = asked.reads(Matter::Patients)?;
    let found = find(&view, &reading, asked.part("subject"))?;
    let user = asked.user().unwrap_or_default();
    let site = view.conduct.subject_site(&found.id);
    let may: Vec<Kind> =
        Role::ALL.into_iter().flat_map(|role| allowed(&view.conduct, user, role, site)).collect();
    let body = html! {
        @if asked.user().is_some() {
            p { a .button href={ "/record?subject=" (percent_encoded(&found.id)) } { "Record something of this patient" } }
        }
        (patient::body(&view, found, &may))
    };
    Ok(layout::page(asked, &view, "/patients", &found.id, &body))
}
