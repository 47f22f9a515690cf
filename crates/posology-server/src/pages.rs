//! The pages, one file each.

pub(crate) mod audit;
pub(crate) mod board;
pub(crate) mod lab;
pub(crate) mod patients;
pub(crate) mod reviews;

use maud::{Markup, html};

/// A drawing made elsewhere, put in as it stands.
fn drawing(svg: &str, alt: &str) -> Markup {
    html! { figure aria-label=(alt) { (maud::PreEscaped(svg)) } }
}

/// Reasons, each a sentence with its rule.
fn reasons<'a>(all: impl Iterator<Item = (&'a str, &'a str)>) -> Markup {
    html! {
        ul .reasons {
            @for (says, rule) in all {
                li { (says) " " code { (rule) } }
            }
        }
    }
}
