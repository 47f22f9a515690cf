//! The design lab: a design, supposed DLT rates, and at once the exact characteristics. Works without a trial.
//!
//! [`asked`] is the question as it stands in an address, [`answer`] what the crates of designs say to it, [`shown`] and
//! [`curve`] how it looks. The page works without script; with it the curve can be taken hold of.

mod answer;
mod asked;
mod curve;
mod fields;
mod shown;

use std::sync::Arc;

use axum::http::{StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use maud::{Markup, html};
use posology_design::catalogue;

pub(crate) use answer::{Answer, Lab, No};
pub(crate) use asked::Asked;
use asked::{DESIGNS_MAX, LEVELS_MAX};
use fields::{Field, Takes};

use crate::ask::{Answer as Answered, Asked as Request, Failed, wait};
use crate::layout;

/// Where a question was not answered, what an API says.
pub(crate) fn refused(no: &No) -> Failed {
    let status = match no {
        No::Bad(_) | No::Long(..) => StatusCode::UNPROCESSABLE_ENTITY,
        No::Busy => StatusCode::SERVICE_UNAVAILABLE,
    };
    Failed::new(status, no.says())
}

pub(crate) fn page(request: &Request) -> Answered {
    let asked: Asked = request.query()?;
    let answer = wait(request.site.lab.answer(&asked));
    Ok(layout::page_or_plain(request, "/lab", "Design lab", &body(&asked, &answer)))
}

/// The answer alone, as the page puts it in while a rate is dragged.
pub(crate) fn part(request: &Request) -> Answered {
    let asked: Asked = request.query()?;
    Ok(shown::shown(&asked, &wait(request.site.lab.answer(&asked))).into_response())
}

/// The design as a file.
pub(crate) fn design_file(request: &Request) -> Answered {
    let asked: Asked = request.query()?;
    let text = asked.file().map_err(Failed::asked)?;
    Ok(file("application/toml; charset=utf-8", "attachment; filename=\"design.toml\"", text))
}

/// Every number, a row each.
pub(crate) fn table_file(request: &Request) -> Answered {
    let asked: Asked = request.query()?;
    let answer = wait(request.site.lab.answer(&asked)).map_err(|no| refused(&no))?;
    let name = "attachment; filename=\"characteristics.csv\"";
    Ok(file("text/csv; charset=utf-8", name, shown::csv(&answer)))
}

fn file(kind: &'static str, name: &'static str, text: String) -> Response {
    ([(header::CONTENT_TYPE, kind), (header::CONTENT_DISPOSITION, name)], text).into_response()
}

fn body(asked: &Asked, answer: &Result<Arc<Answer>, No>) -> Markup {
    html! {
        p .quiet { "A design and supposed DLT rates; what the trial then does is summed over every course that it can take." }
        div .lab {
            form #lab method="get" action="/lab" { (controls(asked, answer)) }
            div {
                p #status .visually-hidden role="status" {}
                div #answer { (shown::shown(asked, answer)) }
            }
        }
        script src="/static/lab.js" defer {}
    }
}

fn controls(asked: &Asked, answer: &Result<Arc<Answer>, No>) -> Markup {
    let usual = Asked::default().rates().unwrap_or_default();
    let truth = asked.rates().unwrap_or(usual);
    let efficacy = match answer {
        Ok(answer) => answer.characteristics.efficacy.clone(),
        Err(_) if asked.efficacy.is_empty() => Vec::new(),
        Err(_) => asked.efficacy_rates(truth.len()).unwrap_or_default(),
    };
    let names = match answer {
        Ok(answer) => answer.levels.clone(),
        Err(_) => (1..=truth.len()).map(|level| level.to_string()).collect(),
    };
    let target = asked.target().unwrap_or(0.3);
    html! {
        fieldset {
            legend { "Design" }
            @if asked.toml.is_empty() {
                label .wide { "Design" (named("design", &asked.design, None)) }
            } @else {
                p .quiet { "The file below takes the place of the design and its settings. " a href={ "/lab?" (Asked { toml: String::new(), ..asked.clone() }.query()) } { "Back to fields" } }
                input type="hidden" name="design" value=(asked.design);
            }
            (sized("target", "Target DLT rate", &asked.target, 0.05, 0.6, 0.01))
            @if asked.toml.is_empty() {
                (sized("cohort-size", "Cohort size", &asked.cohort_size, 1.0, 12.0, 1.0))
                (sized("max-patients", "Sample size, at most", &asked.max_patients, 3.0, 90.0, 1.0))
            }
            (sized("levels", "Levels", &truth.len().to_string(), 1.0, LEVELS_MAX as f64, 1.0))
            @if asked.toml.is_empty() {
                details #own open[!asked.set.is_empty()] {
                    summary { "Settings of its own" }
                    div .own { @for field in asked.own_fields() { (own(&field, asked.set.get(&field.key))) } }
                }
            } @else {
                @for (key, value) in &asked.set { input type="hidden" name={ "set." (key) } value=(value); }
            }
            details #file open[!asked.toml.is_empty()] {
                summary { "As a file (takes the place of all settings)" }
                label .wide { "Design file, TOML" textarea name="toml" rows="9" spellcheck="false" { (asked.toml) } }
            }
        }
        fieldset {
            legend { "Supposed rates" }
            (curve::curve(&names, &truth, &efficacy, target))
            p .quiet #hint { "Drag the points, or set the numbers." }
            (numbers("truth", "DLT rate", &truth))
            @if !efficacy.is_empty() { (numbers("efficacy", "Efficacy rate", &efficacy)) }
        }
        fieldset {
            legend { "Compare" }
            @for place in 1..DESIGNS_MAX {
                @let chosen = asked.with.get(place - 1).map(String::as_str).unwrap_or_default();
                label .wide { "Design " (place + 1) " beside it" (named("with", chosen, Some("no other design"))) }
            }
            details #with-file open[!asked.with_toml.is_empty()] {
                summary { "With a design as a file" }
                @for file in asked.with_toml.iter().map(String::as_str).chain([""]).take(DESIGNS_MAX - 1) {
                    label .wide { "Design file, TOML" textarea name="with-toml" rows="6" spellcheck="false" { (file) } }
                }
            }
            label .check { input type="checkbox" name="scenarios" value="standard" checked[asked.standard]; " Over the standard scenarios too" }
            label { "Paths: cohorts ahead " select name="ahead" { @for ahead in 1..=4 { option value=(ahead) selected[ahead == asked.cohorts_ahead()] { (ahead) } } } }
        }
        button { "Compute" }
    }
}

/// The designs to choose from.
fn named(name: &str, chosen: &str, none: Option<&str>) -> Markup {
    html! {
        select name=(name) {
            @if let Some(none) = none { option value="" selected[chosen.is_empty()] { (none) } }
            @for listed in catalogue() {
                option value=(listed.design) selected[listed.design == chosen] { (listed.title) @if !listed.exact { " · not by an exact sum" } }
            }
        }
    }
}

/// A number field; the script puts a slider beside it.
fn sized(name: &str, says: &str, value: &str, min: f64, max: f64, step: f64) -> Markup {
    html! {
        label .sized { span { (says) } input type="number" name=(name) min=(min) max=(max) step=(step) value=(value) data-slider=""; }
    }
}

fn own(field: &Field, set: Option<&String>) -> Markup {
    let value = set.map(String::as_str).unwrap_or_default();
    let name = format!("set.{}", field.key);
    let id = format!("means-{}", field.key);
    html! {
        label { span { (field.key) }
            @match &field.takes {
                Takes::YesOrNo => { (one_of(&name, &id, &field.default, value, &["true".to_owned(), "false".to_owned()])) }
                Takes::OneOf(words) => { (one_of(&name, &id, &field.default, value, words)) }
                Takes::Number => { input name=(name) inputmode="decimal" placeholder=(field.default) value=(value) aria-describedby=(id); }
                Takes::Text => { input name=(name) placeholder=(field.default) value=(value) aria-describedby=(id); }
            }
        }
        p .means id=(id) { (field.meaning) }
    }
}

fn one_of(name: &str, id: &str, default: &str, value: &str, words: &[String]) -> Markup {
    html! {
        select name=(name) aria-describedby=(id) {
            option value="" selected[value.is_empty()] { "default: " (default) }
            @for word in words { option value=(word) selected[word == value] { (word) } }
        }
    }
}

fn numbers(name: &str, says: &str, rates: &[f64]) -> Markup {
    html! {
        div .rates role="group" aria-label={ (says) " at each level" } {
            @for (rate, level) in rates.iter().zip(1..) {
                label { (says) " " (level) input type="number" name=(name) min="0" max="1" step="any" value=(written(*rate)); }
            }
        }
    }
}

/// A rate with two decimals at least, and no more than it has.
fn written(rate: f64) -> String {
    let plain = rate.to_string();
    if plain.len() < 4 { format!("{rate:.2}") } else { plain }
}
