//! The pages, one file each.

pub(crate) mod account;
pub(crate) mod audit;
pub(crate) mod board;
pub(crate) mod entry;
pub(crate) mod found;
pub(crate) mod import;
pub(crate) mod lab;
pub(crate) mod patients;
pub(crate) mod people;
pub(crate) mod programme;
pub(crate) mod results;
pub(crate) mod reviews;
pub(crate) mod sign_in;

use maud::{Markup, html};
use posology_report::figure::Figure;

/// A drawing made elsewhere, put in as it stands.
fn drawing(svg: &str, alt: &str) -> Markup {
    html! { figure aria-label=(alt) { (maud::PreEscaped(svg)) } }
}

/// A figure with how to read it and the numbers behind it.
fn figure(figure: &Figure) -> Markup {
    html! {
        figure {
            (maud::PreEscaped(figure.svg()))
            figcaption { (figure.caption) }
            details {
                summary { "The numbers behind: " (figure.title) }
                div .scroll tabindex="0" role="group" aria-label="Table" {
                    table {
                        thead { tr { @for name in &figure.data.header { th scope="col" { (name) } } } }
                        tbody { @for row in &figure.data.rows { tr { @for cell in row { td { (cell) } } } } }
                    }
                }
            }
        }
    }
}

/// The address of a patient's page, whatever the identifier holds.
fn address_of(subject: &str) -> String {
    format!("/patients/{}", percent_encoded(subject))
}

/// Text as it may stand in one part of an address.
fn percent_encoded(text: &str) -> String {
    text.bytes().fold(String::new(), |mut address, byte| {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.' | b'~') {
            address.push(char::from(byte));
        } else {
            address.push_str(&format!("%{byte:02X}"));
        }
        address
    })
}

/// A control with its label.
fn field(label: &str, control: Markup) -> Markup {
    html! { label .field { span { (label) } (control) } }
}

/// Reasons, each a sentence with its rule.
fn reasons<'a>(all: impl Iterator<Item = (&'a str, &'a str)>) -> Markup {
    html! {
        ul .reasons {
            @for (says, rule) in all {
                li { (says.replace('`', "")) " " code { (rule) } }
            }
        }
    }
}
