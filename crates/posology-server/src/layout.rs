//! The frame of every page: head, navigation, notice, and what is served beside them.

use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use maud::{DOCTYPE, Markup, html};
use posology_trial::protocol::Protocol;

/// Pages, in the order of the navigation.
const PAGES: [(&str, &str); 5] = [
    ("/", "Board"),
    ("/patients", "Patients"),
    ("/reviews", "Reviews"),
    ("/audit", "Audit"),
    ("/lab", "Design lab"),
];

/// A page of a trial.
pub(crate) fn page(protocol: &Protocol, here: &str, title: &str, body: &Markup) -> Markup {
    html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                title { (title) " · " (protocol.trial.id) }
                link rel="stylesheet" href="/static/style.css";
            }
            body {
                a .skip href="#main" { "To the content" }
                header {
                    p .trial { strong { (protocol.trial.id) } " " (protocol.trial.title) }
                    nav aria-label="Pages" {
                        ul {
                            @for (address, name) in PAGES {
                                li {
                                    @if address == here { a href=(address) aria-current="page" { (name) } }
                                    @else { a href=(address) { (name) } }
                                }
                            }
                        }
                    }
                    @if protocol.trial.synthetic {
                        p .notice role="note" { "Synthetic patients: none of these people exists." }
                    }
                }
                main #main {
                    h1 { (title) }
                    (body)
                }
                footer {
                    p { "Posology checks arithmetic that a protocol fixes and flags what a responsible person must look at. It gives no medical advice." }
                }
            }
        }
    }
}

/// What went wrong, as a page.
pub(crate) struct Failed(pub(crate) StatusCode, pub(crate) String);

impl IntoResponse for Failed {
    fn into_response(self) -> Response {
        let Self(status, says) = self;
        let body = html! {
            (DOCTYPE)
            html lang="en" {
                head {
                    meta charset="utf-8";
                    title { "Posology: " (status.as_u16()) }
                    link rel="stylesheet" href="/static/style.css";
                }
                body { main { h1 { (status) } p { (says) } p { a href="/" { "To the board" } } } }
            }
        };
        (status, body).into_response()
    }
}

/// A trial that cannot be read.
pub(crate) fn unreadable(says: String) -> Failed {
    Failed(StatusCode::INTERNAL_SERVER_ERROR, says)
}

pub(crate) async fn not_found() -> Failed {
    Failed(StatusCode::NOT_FOUND, "Expected a page of this trial, found none here.".to_owned())
}

pub(crate) async fn style() -> Response {
    ([(header::CONTENT_TYPE, "text/css; charset=utf-8")], include_str!("../static/style.css")).into_response()
}

pub(crate) async fn lab_script() -> Response {
    ([(header::CONTENT_TYPE, "text/javascript; charset=utf-8")], include_str!("../static/lab.js"))
        .into_response()
}
