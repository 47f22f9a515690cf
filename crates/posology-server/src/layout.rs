//! The frame of every page: head, navigation, notice, and what is served beside them.

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{Html, IntoResponse, Response};
use maud::{DOCTYPE, Markup, html};
use posology_trial::permission::{Matter, Reach};
use serde_json::json;

use crate::View;
use crate::ask::{Answer, Asked, Failed, Who};
use crate::kinds;

/// Pages, in the order of the navigation, with what one must read to see them.
const PAGES: [(&str, &str, Option<Matter>); 8] = [
    ("/", "Board", Some(Matter::Board)),
    ("/patients", "Patients", Some(Matter::Patients)),
    ("/reviews", "Reviews", Some(Matter::Reviews)),
    ("/results", "Results", Some(Matter::Results)),
    (PROGRAMME, "Programme", Some(Matter::Board)),
    ("/lab", "Design lab", None),
    ("/audit", "Audit", Some(Matter::Audit)),
    ("/people", "People", Some(Matter::People)),
];

/// There where a programme is served.
const PROGRAMME: &str = "/programme";

/// A page of a trial, as whoever asks may see it.
pub(crate) fn page(asked: &Asked, view: &View, here: &str, title: &str, body: &Markup) -> Response {
    let trial = &view.analysis.protocol.trial;
    let reading = asked.reading(view);
    let pages = PAGES
        .iter()
        .filter(|(address, ..)| *address != PROGRAMME || asked.site.options.programme.is_some())
        .filter(|(.., matter)| matter.is_none_or(|matter| reading.reach(matter) != Reach::Nowhere))
        .map(|(address, name, _)| (*address, *name));
    let mut pages: Vec<(&str, &str)> = pages.collect();
    if asked.user().is_some() && kinds::offers_something(&reading) {
        pages.insert(1, ("/record", "Record"));
    }
    let said = asked.session().and_then(|signed_in| asked.site.sessions.said(signed_in.number));
    let header = html! {
        p .trial { strong { (trial.id) } " " (trial.title) }
        (navigation(&pages, here))
        (identity(asked))
        @if trial.synthetic {
            p .notice role="note" { "Synthetic patients: none of these people exists." }
        }
        @if asked.site.options.rehearsal.is_some() {
            p .notice role="note" { "Rehearsal: what is recorded here is gone when this program stops." }
        }
    };
    let content = html! {
        h1 { (title) }
        @if let Some(said) = said { p .said role="status" { (said) } }
        (body)
    };
    framed(&format!("{title} · {}", trial.id), &header, &content).into_response()
}

/// A page without a trial.
pub(crate) fn plain(here: &str, title: &str, body: &Markup) -> Response {
    let header = html! { (navigation(&[("/", "Board"), ("/lab", "Design lab")], here)) };
    let content = html! { h1 { (title) } (body) };
    framed(&format!("{title} · Posology"), &header, &content).into_response()
}

/// A page of the trial where whoever asks may read it, and a plain one else.
pub(crate) fn page_or_plain(asked: &Asked, here: &str, title: &str, body: &Markup) -> Response {
    match &asked.who {
        Who::Nobody => plain(here, title, body),
        _ => match asked.view() {
            Ok(view) => page(asked, &view, here, title, body),
            Err(_) => plain(here, title, body),
        },
    }
}

fn navigation(pages: &[(&str, &str)], here: &str) -> Markup {
    html! {
        nav aria-label="Pages" {
            ul {
                @for (address, name) in pages {
                    li {
                        @if *address == here { a href=(address) aria-current="page" { (name) } }
                        @else { a href=(address) { (name) } }
                    }
                }
            }
        }
    }
}

/// Who is signed in, and the way out.
fn identity(asked: &Asked) -> Markup {
    let Some(signed_in) = asked.session() else { return html! {} };
    html! {
        form .identity method="post" action="/sign-out" {
            (csrf(asked))
            span { "Signed in as " a href="/account" { (signed_in.user) } }
            button { "Sign out" }
        }
    }
}

/// The session's mark, in every form.
pub(crate) fn csrf(asked: &Asked) -> Markup {
    html! {
        @if let Some(signed_in) = asked.session() { input type="hidden" name="csrf" value=(signed_in.csrf); }
    }
}

fn framed(title: &str, header: &Markup, content: &Markup) -> Html<String> {
    let page = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                title { (title) }
                link rel="stylesheet" href="/static/style.css";
                link rel="icon" href="data:,";
            }
            body {
                a .skip href="#main" { "To the content" }
                header { (header) }
                main #main { (content) }
                footer {
                    p { "Posology checks arithmetic that a protocol fixes and flags what a responsible person must look at. It gives no medical advice." }
                }
            }
        }
    };
    Html(page.into_string())
}

/// What went wrong, to a program as RFC 9457 says it, to a person as a page.
pub(crate) fn failed(asked: &Asked, failed: &Failed) -> Response {
    if asked.is_api() || matches!(failed.status, StatusCode::TOO_MANY_REQUESTS) {
        return failed.shown(asked.is_api());
    }
    let body = html! {
        p .flag role="alert" { (failed.says) @if let Some(rule) = failed.rule { " " code { (rule) } } }
        p { a href="/" { "To the board" } }
    };
    let mut response = page_or_plain(asked, "", in_a_word(failed.status), &body);
    *response.status_mut() = failed.status;
    response
}

fn in_a_word(status: StatusCode) -> &'static str {
    match status {
        StatusCode::NOT_FOUND => "Not found",
        StatusCode::FORBIDDEN => "Not yours to see or do",
        StatusCode::CONFLICT => "The record refuses it",
        StatusCode::UNAUTHORIZED => "Not signed in",
        StatusCode::INTERNAL_SERVER_ERROR | StatusCode::SERVICE_UNAVAILABLE => "A fault",
        _ => "Not as expected",
    }
}

impl Failed {
    /// Without knowing who asks.
    pub(crate) fn shown(&self, is_api: bool) -> Response {
        let Self { status, says, rule } = self;
        let mut response = if is_api {
            let title = status.canonical_reason().unwrap_or("Problem");
            let kind =
                rule.map_or_else(|| "about:blank".to_owned(), |rule| format!("urn:posology:rule:{rule}"));
            let body = json!({ "type": kind, "title": title, "status": status.as_u16(), "detail": says });
            let kind = [(header::CONTENT_TYPE, "application/problem+json")];
            (*status, kind, body.to_string()).into_response()
        } else {
            let body = html! { p .flag role="alert" { (says) } p { a href="/" { "To the board" } } };
            let mut response = plain("", in_a_word(*status), &body);
            *response.status_mut() = *status;
            response
        };
        if *status == StatusCode::UNAUTHORIZED {
            let ask = HeaderValue::from_static("Bearer");
            response.headers_mut().insert(header::WWW_AUTHENTICATE, ask);
        }
        response
    }
}

const STYLE: &str = concat!(
    include_str!("../static/style.css"),
    include_str!("../static/patient.css"),
    include_str!("../static/lab.css"),
    include_str!("../static/results.css")
);

pub(crate) fn style(_: &Asked) -> Answer {
    Ok(served("text/css; charset=utf-8", STYLE))
}

pub(crate) fn lab_script(_: &Asked) -> Answer {
    Ok(served("text/javascript; charset=utf-8", include_str!("../static/lab.js")))
}

pub(crate) fn results_script(_: &Asked) -> Answer {
    Ok(served("text/javascript; charset=utf-8", include_str!("../static/results.js")))
}

pub(crate) fn entry_script(_: &Asked) -> Answer {
    Ok(served("text/javascript; charset=utf-8", include_str!("../static/entry.js")))
}

fn served(kind: &'static str, text: &'static str) -> Response {
    ([(header::CONTENT_TYPE, kind)], text).into_response()
}
