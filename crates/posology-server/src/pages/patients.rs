//! Patients: all of them, and one from consent to last contact with the history of every change.

use std::sync::Arc;

use axum::extract::{Path, State};
use axum::http::StatusCode;
use maud::{Markup, html};
use posology_trial::analysis::patient::PatientAnalysis;
use posology_trial::dosing::{Check, Course, Judged, Sheet};
use posology_trial::event::{Entry, Fact};

use super::reasons;
use crate::layout::{self, Failed};
use crate::{Site, View};

pub(crate) async fn list(State(site): State<Arc<Site>>) -> Result<Markup, Failed> {
    let view = site.view().map_err(layout::unreadable)?;
    let body = html! {
        table {
            thead { tr { th scope="col" { "Subject" } th scope="col" { "Cohort" } th scope="col" { "First fraction" } th scope="col" { "Window ends" } th scope="col" { "DLT status" } th scope="col" { "Best response, confirmed" } th scope="col" { "Unconfirmed" } } }
            tbody {
                @for patient in &view.analysis.patients {
                    tr {
                        th scope="row" { a href={ "/patients/" (patient.id) } { (patient.id) } }
                        td { (patient.cohort.as_deref().unwrap_or("–")) }
                        td { (or_dash(patient.exposure.first())) }
                        td { (or_dash(patient.window.map(|window| window.end))) }
                        td { (patient.dlt.status.words()) }
                        td { (or_dash(patient.response.best.confirmed)) }
                        td { (or_dash(patient.response.best.unconfirmed)) }
                    }
                }
            }
        }
    };
    Ok(layout::page(&view.analysis.protocol, "/patients", "Patients", &body))
}

fn or_dash(value: Option<impl ToString>) -> String {
    value.map_or_else(|| "–".to_owned(), |value| value.to_string())
}

/// A patient of the trial, or a page that says that there is none.
pub(crate) fn find<'a>(view: &'a View, subject: &str) -> Result<&'a PatientAnalysis, Failed> {
    view.analysis.patients.iter().find(|patient| patient.id == subject).ok_or_else(|| {
        Failed(StatusCode::NOT_FOUND, format!("Expected a subject of this trial, found {subject:?}."))
    })
}

pub(crate) async fn one(
    State(site): State<Arc<Site>>,
    Path(subject): Path<String>,
) -> Result<Markup, Failed> {
    let view = site.view().map_err(layout::unreadable)?;
    let patient = find(&view, &subject)?;
    let course = Course::of(&view.conduct, &subject);
    let body = html! {
        dl {
            dt { "Cohort" } dd { (patient.cohort.as_deref().unwrap_or("–")) }
            dt { "Regimen" } dd { (patient.regimen.as_deref().unwrap_or("–")) }
            dt { "Protocol version" } dd { (patient.protocol_version.as_deref().unwrap_or("–")) }
            dt { "Enrolled" } dd { (or_dash(patient.enrolled)) }
            dt { "First fraction" } dd { (or_dash(patient.exposure.first())) }
            dt { "Window ends" } dd { (or_dash(patient.window.map(|window| window.end))) }
            dt { "DLT status" } dd { (patient.dlt.status.words()) @if let Some(awaits) = &patient.dlt.awaits { ", awaits " (awaits) } }
        }
        (reasons(patient.dlt.because.iter().map(|because| (because.says.as_str(), &*because.rule))))
        h2 { "Fractions" }
        @if course.fractions.is_empty() { p { "None." } }
        @for sheet in &course.fractions { (fraction(sheet)) }
        h2 { "Response" }
        (responses(patient))
        h2 { "Adverse events" }
        (events(patient))
        h2 { "History" }
        (history(&view, &subject))
    };
    Ok(layout::page(&view.analysis.protocol, "/patients", &subject, &body))
}

fn fraction(sheet: &Sheet) -> Markup {
    html! {
        h3 { "Fraction " (sheet.fraction) }
        @if let Some(directive) = &sheet.directive {
            p {
                "Directive " (directive.directive) " of " (directive.date) ", "
                @if let Some(signed) = &directive.signed { "signed by " (signed.printed_name) " at " (signed.at) } @else { strong { "not signed" } }
            }
        }
        @if !sheet.lines.is_empty() {
            table {
                thead { tr { th scope="col" { "Line" } th scope="col" { "How" } th scope="col" .n { "Value" } } }
                tbody {
                    @for line in &sheet.lines {
                        tr { td { (line.label) } td { (line.formula) } td .n { (line.shown) " " (line.unit) } }
                    }
                }
            }
        }
        @if let Some(missing) = &sheet.net_missing { p .flag { "No net administered activity: " (missing) } }
        ul .reasons {
            @for gate in &sheet.gates {
                li .flag[gate.flagged == Some(true)] { (gate.because.says) }
            }
            @for check in &sheet.checks { (asked(check)) }
            @for leak in &sheet.extravasations { li .flag { (leak.because.says) } }
        }
    }
}

fn asked(check: &Check) -> Markup {
    html! { li .flag[check.judged == Judged::NotMet] { (check.because().says) " " code { (check.rule) } } }
}

fn responses(patient: &PatientAnalysis) -> Markup {
    html! {
        @if patient.response.visits.is_empty() { p { "No assessment." } } @else {
            p {
                "Best, confirmed: " strong { (or_dash(patient.response.best.confirmed)) }
                " · unconfirmed: " (or_dash(patient.response.best.unconfirmed))
                " · assessments: " (patient.response.visits.len())
            }
        }
    }
}

fn events(patient: &PatientAnalysis) -> Markup {
    html! {
        @if patient.facts.adverse_events.is_empty() { p { "None recorded." } } @else {
            table {
                thead { tr { th scope="col" { "Term" } th scope="col" .n { "Grade" } th scope="col" { "From" } th scope="col" { "To" } } }
                tbody {
                    @for event in &patient.facts.adverse_events {
                        tr {
                            td { (event.term) }
                            td .n .alert[event.grade.is_some_and(|grade| grade >= 3)] { (or_dash(event.grade)) }
                            td { (or_dash(event.start.as_ref())) }
                            td { (or_dash(event.end.as_ref())) }
                        }
                    }
                }
            }
        }
    }
}

fn history(view: &View, subject: &str) -> Markup {
    let entries = view.conduct.chain().entries().iter().zip(1_usize..);
    let of: Vec<(&Entry, usize)> =
        entries.filter(|(entry, _)| entry.event.fact.subject() == Some(subject)).collect();
    html! {
        details {
            summary { (of.len()) " events, each as it was recorded" }
            table {
                thead { tr { th scope="col" .n { "Event" } th scope="col" { "Recorded" } th scope="col" { "By" } th scope="col" { "What" } th scope="col" { "Hash" } } }
                tbody {
                    @for (entry, position) in of {
                        tr .gone[!view.conduct.stands(&entry.hash)] {
                            td .n { (position) }
                            td { (entry.event.recorded_at) }
                            td { (entry.event.recorded_by) }
                            td { (super::audit::in_words(&entry.event.fact)) (signatures(view, entry)) }
                            td { code { (entry.hash.get(..12).unwrap_or_default()) } }
                        }
                    }
                }
            }
        }
    }
}

/// The manifest of signatures on an event (21 CFR 11.50(b)).
pub(super) fn signatures(view: &View, entry: &Entry) -> Markup {
    html! {
        @if let Some(correction) = &entry.event.corrects {
            br; em { "corrects event " (view.conduct.position(&correction.hash)) ": " (correction.reason) }
        }
        @if let Fact::Retracted(retracted) = &entry.event.fact {
            br; em { "retracts event " (view.conduct.position(&retracted.event)) }
        }
        @if let Some(reason) = &entry.event.reason { br; em { "because " (reason) } }
        @for signature in view.conduct.signatures_on(&entry.hash) {
            br;
            em {
                "signed by " (signature.statement.printed_name) ", " (signature.statement.role.word()) ", for "
                (signature.statement.meaning.word()) " at " (signature.statement.at)
            }
        }
    }
}
