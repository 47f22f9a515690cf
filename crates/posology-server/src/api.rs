//! What the pages show, as data: the same values, under `/api/v1`. Problems are `application/problem+json` with the words
//! of the commands.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, Query, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use posology_trial::dosing::Course;
use serde_json::{Value, json};

use crate::Site;
use crate::layout::Failed;
use crate::pages::audit::Search;
use crate::pages::lab::Asked;
use crate::pages::patients::find;

/// A problem as RFC 9457 says it.
pub(crate) struct Problem(StatusCode, String);

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let Self(status, detail) = self;
        let title = status.canonical_reason().unwrap_or("Problem");
        let body =
            json!({ "type": "about:blank", "title": title, "status": status.as_u16(), "detail": detail });
        (status, [(header::CONTENT_TYPE, "application/problem+json")], body.to_string()).into_response()
    }
}

impl From<Failed> for Problem {
    fn from(Failed(status, detail): Failed) -> Self {
        Self(status, detail)
    }
}

fn unreadable(detail: String) -> Problem {
    Problem(StatusCode::INTERNAL_SERVER_ERROR, detail)
}

fn value(of: &impl serde::Serialize) -> Result<Json<Value>, Problem> {
    serde_json::to_value(of).map(Json).map_err(|error| unreadable(error.to_string()))
}

pub(crate) async fn board(State(site): State<Arc<Site>>) -> Result<Json<Value>, Problem> {
    value(&site.view().map_err(unreadable)?.board)
}

pub(crate) async fn patients(State(site): State<Arc<Site>>) -> Result<Json<Value>, Problem> {
    let view = site.view().map_err(unreadable)?;
    let patients: Vec<Value> = view
        .analysis
        .patients
        .iter()
        .map(|patient| {
            json!({
                "subject": patient.id, "cohort": patient.cohort, "regimen": patient.regimen,
                "first-fraction": patient.exposure.first(), "window-end": patient.window.map(|window| window.end),
                "dlt-status": patient.dlt.status.words(), "awaits": patient.dlt.awaits,
            })
        })
        .collect();
    Ok(Json(json!({ "synthetic": view.analysis.protocol.trial.synthetic, "patients": patients })))
}

pub(crate) async fn patient(
    State(site): State<Arc<Site>>,
    Path(subject): Path<String>,
) -> Result<Json<Value>, Problem> {
    let view = site.view().map_err(unreadable)?;
    let patient = find(&view, &subject)?;
    Ok(Json(json!({
        "subject": patient.id, "cohort": patient.cohort, "regimen": patient.regimen, "enrolled": patient.enrolled,
        "synthetic": view.analysis.protocol.trial.synthetic, "exposure": patient.exposure,
        "dlt-status": patient.dlt.status.words(), "because": patient.dlt.because, "awaits": patient.dlt.awaits,
        "best": { "confirmed": patient.response.best.confirmed, "unconfirmed": patient.response.best.unconfirmed },
    })))
}

pub(crate) async fn dosing(
    State(site): State<Arc<Site>>,
    Path(subject): Path<String>,
) -> Result<Json<Value>, Problem> {
    let view = site.view().map_err(unreadable)?;
    find(&view, &subject)?;
    value(&Course::of(&view.conduct, &subject))
}

pub(crate) async fn events(
    State(site): State<Arc<Site>>,
    Query(search): Query<Search>,
) -> Result<Json<Value>, Problem> {
    let view = site.view().map_err(unreadable)?;
    let (found, more) = search.found(&view);
    let next = if more { found.last().map(|(position, _)| *position) } else { None };
    let events: Vec<Value> = found
        .iter()
        .map(|(position, entry)| {
            json!({
                "position": position, "hash": entry.hash, "event": entry.event,
                "stands": view.conduct.stands(&entry.hash),
            })
        })
        .collect();
    Ok(Json(json!({ "head": view.conduct.head(), "events": events, "before": next })))
}

pub(crate) async fn lab(Query(asked): Query<Asked>) -> Result<Json<Value>, Problem> {
    let answer = asked.answer().map_err(|problem| Problem(StatusCode::UNPROCESSABLE_ENTITY, problem))?;
    value(&answer)
}
