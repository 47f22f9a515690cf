//! Reviews: where each stands, who signed, and the packet to read.

use std::sync::Arc;

use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::Html;
use maud::{Markup, html};
use posology_report::packet::{self, ProgramVersion};
use posology_trial::committee::departures;
use posology_trial::event::Recommended;

use crate::Site;
use crate::layout::{self, Failed};

pub(crate) async fn list(State(site): State<Arc<Site>>) -> Result<Markup, Failed> {
    let view = site.view().map_err(layout::unreadable)?;
    let departures = departures(&view.conduct);
    let body = html! {
        @if view.board.reviews.is_empty() { p { "No review is recorded." } } @else {
            table {
                thead { tr { th scope="col" .n { "Review" } th scope="col" { "Cohort" } th scope="col" { "Cut-off" } th scope="col" { "Packet" } th scope="col" .n { "Voted" } th scope="col" { "Stands" } } }
                tbody {
                    @for review in &view.board.reviews {
                        tr {
                            td .n { (review.number) }
                            td { (review.cohort.as_deref().unwrap_or("the trial")) }
                            td { @if let Some(cut_off) = review.cut_off { (cut_off) } }
                            td { code { (review.packet.as_deref().and_then(|hash| hash.get(..12)).unwrap_or("–")) } }
                            td .n { (review.voted.len()) }
                            td { @if review.next.is_some() { "awaits " (review.awaits) } @else { "decided" } }
                        }
                    }
                }
            }
        }
        h2 { "Rule, committee, sponsor" }
        @if departures.is_empty() { p { "The committee followed the rule, and the sponsor the committee, in every review." } }
        ul .reasons {
            @for departure in &departures {
                li {
                    "Review " (departure.review) ": the rule advised " em { (departure.advised) } "; the committee recommended "
                    strong { (word(departure.recommended)) } ", because: " (departure.reason)
                    @if let Some(decided) = &departure.decided { " The sponsor decided otherwise: " (decided) }
                }
            }
        }
        h2 { "Signatures" }
        table {
            thead { tr { th scope="col" { "Signed" } th scope="col" { "By" } th scope="col" { "As" } th scope="col" { "Meaning" } th scope="col" { "At, UTC" } } }
            tbody {
                @for signed in &view.analysis.signatures {
                    tr { td { (signed.what) } td { (signed.printed_name) } td { (signed.role.word()) } td { (signed.meaning.word()) } td { (signed.at) } }
                }
            }
        }
        h2 { "Packets" }
        ul { @for cohort in &view.analysis.cohorts { @if cohort.opened.is_some() { li { a href={ "/packet/" (cohort.id) } { "Cohort " (cohort.id) ", " (cohort.label) } } } } }
    };
    Ok(layout::page(&view.analysis.protocol, "/reviews", "Reviews", &body))
}

/// A recommendation in words, such as `change schedule`.
fn word(recommended: Recommended) -> String {
    let value = serde_json::to_value(recommended).unwrap_or_default();
    value.as_str().unwrap_or_default().replace('-', " ")
}

/// The packet of a cohort at the end of the record, as `review` writes it.
pub(crate) async fn packet(
    State(site): State<Arc<Site>>,
    Path(cohort): Path<String>,
) -> Result<Html<String>, Failed> {
    let view = site.view().map_err(layout::unreadable)?;
    let program =
        ProgramVersion { name: "posology".to_owned(), version: env!("CARGO_PKG_VERSION").to_owned() };
    let packet = packet::compose(&view.analysis, &cohort, &program, None)
        .map_err(|error| Failed(StatusCode::NOT_FOUND, error.to_string()))?;
    Ok(Html(posology_report::html::write(&packet.document)))
}
