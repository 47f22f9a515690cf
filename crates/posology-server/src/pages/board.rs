//! The board: the ladder, what is awaited, the rule's advice with its reasons.

use std::sync::Arc;

use axum::extract::State;
use maud::{Markup, html};
use posology_report::packet::{self, ProgramVersion};
use posology_trial::analysis::CohortAnalysis;
use posology_trial::analysis::decision::Counts;

use super::{drawing, reasons};
use crate::layout::{self, Failed};
use crate::{Site, View};

pub(crate) async fn page(State(site): State<Arc<Site>>) -> Result<Markup, Failed> {
    let view = site.view().map_err(layout::unreadable)?;
    let body = html! {
        p { "Cut-off " (view.analysis.cut.cut_off) " · " (view.analysis.cut.position) " events · head " code { (short(&view.analysis.cut.head)) } }
        @if let Some(svg) = ladder(&view) { (drawing(&svg, "Escalation history: patients by dose level in order of entry")) }
        (cohorts(&view))
        (awaited(&view))
        (advice(&view))
        @if !view.board.holds.is_empty() {
            h2 { "Holds in force" }
            ul { @for hold in &view.board.holds { li .flag { (hold.hold) ": " (hold.says) } } }
        }
        @if !view.board.flags.is_empty() {
            h2 { "Recorded although it breaks a rule" }
            ul .reasons {
                @for flag in view.board.flags.iter().rev() {
                    li .flag {
                        "event " (flag.position)
                        @if let Some(subject) = &flag.subject { ", " a href={ "/patients/" (subject) } { (subject) } }
                        ": " (flag.to_string()) " " code { (flag.rule) }
                    }
                }
            }
        }
    };
    Ok(layout::page(&view.analysis.protocol, "/", "Board", &body))
}

fn short(hash: &str) -> &str {
    hash.get(..12).unwrap_or(hash)
}

/// The picture of the packet: patients by level in order of entry, with the decisions between cohorts.
fn ladder(view: &View) -> Option<String> {
    let cohort = view.analysis.cohort_to_review()?;
    let program =
        ProgramVersion { name: "posology".to_owned(), version: env!("CARGO_PKG_VERSION").to_owned() };
    let packet = packet::compose(&view.analysis, &cohort.id, &program, None).ok()?;
    packet.figures.first().map(|figure| figure.svg().to_owned())
}

fn cohorts(view: &View) -> Markup {
    html! {
        h2 { "Cohorts" }
        table {
            thead { tr { th scope="col" { "Cohort" } th scope="col" { "Regimen" } th scope="col" .n { "Treated / planned" } th scope="col" .n { "Evaluable" } th scope="col" .n { "DLT" } th scope="col" .n { "Pending" } th scope="col" { "Stands" } } }
            tbody {
                @for cohort in &view.analysis.cohorts {
                    (cohort_row(view, cohort))
                }
            }
        }
    }
}

fn cohort_row(view: &View, cohort: &CohortAnalysis) -> Markup {
    let counts = Counts::of(view.analysis.patients_of(cohort));
    let board = view.board.cohorts.iter().find(|board| board.id == cohort.id);
    html! {
        tr {
            th scope="row" { (cohort.id) }
            td { (cohort.label) }
            td .n { (counts.treated) " / " (cohort.planned) }
            td .n { (counts.evaluable()) }
            td .n .alert[counts.dlt > 0] { (counts.dlt) }
            td .n { (counts.pending + counts.possible) }
            td {
                (board.map_or_else(|| cohort.stage.words().to_owned(), |board| board.stands.clone()))
                @if let Some(board) = board.filter(|board| board.open) {
                    " · " (board.places.saturating_sub(board.enrolled).saturating_sub(board.kept)) " of " (board.places) " places free"
                }
            }
        }
    }
}

fn awaited(view: &View) -> Markup {
    html! {
        h2 { "Awaited" }
        @if view.board.awaited.is_empty() {
            p { "Nothing is awaited." }
        } @else {
            table {
                thead { tr { th scope="col" { "Who" } th scope="col" { "What" } th scope="col" { "Until" } } }
                tbody {
                    @for one in &view.board.awaited {
                        tr .overdue[one.overdue] {
                            td {
                                @match (&one.subject, &one.cohort) {
                                    (Some(subject), _) => a href={ "/patients/" (subject) } { (subject) },
                                    (None, Some(cohort)) => (cohort),
                                    (None, None) => "the trial",
                                }
                            }
                            td { (one.what) }
                            td { @if let Some(until) = one.until { (until) @if one.overdue { strong { " overdue" } } } @else { "–" } }
                        }
                    }
                }
            }
        }
    }
}

fn advice(view: &View) -> Markup {
    let Some(cohort) = view.analysis.cohort_to_review() else { return html! {} };
    let Some(advice) = &cohort.advice else { return html! {} };
    html! {
        h2 { "What the rule advises on " (cohort.id) }
        p .advice { strong { (advice.advised.word()) } @if let Some(next) = &advice.next { " to level " (next.level) ", " (next.label) } }
        dl {
            dt { "Known" } dd { (advice.known) }
            dt { "Pending" } dd { (advice.pending) }
            dt { "Unseen" } dd { (advice.unseen) }
        }
        (reasons(advice.decision.because.iter().map(|because| (because.says.as_str(), &*because.rule))))
        @for hold in &advice.holds { p .flag { "Hold: " (hold.because.says) } }
        p { a href={ "/packet/" (cohort.id) } { "The packet of " (cohort.id) } }
    }
}
