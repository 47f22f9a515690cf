//! Results: the figures of the packet over all patients or some, each to be taken away as a picture and as data.

use axum::http::header;
use axum::response::IntoResponse as _;
use maud::{Markup, html};
use posology_report::figure::{Figure, png};
use posology_report::packet;
use posology_trial::analysis::Analysis;
use posology_trial::analysis::patient::PatientAnalysis;
use posology_trial::analysis::toxicity::DltStatus;
use posology_trial::permission::Matter;
use serde::Deserialize;
use serde_json::json;

use crate::View;
use crate::ask::{Answer, Asked, Failed};
use crate::layout;

/// Width of a picture as PNG, pixels.
const PNG_WIDTH: u32 = 1600;

/// Said in everything that leaves a synthetic trial.
const NOTICE: &str = "Synthetic patients: none of these people exists.";

/// Which patients.
#[derive(Debug, Default, Clone, Deserialize)]
#[serde(default)]
pub(crate) struct Filter {
    /// Those of a cohort.
    cohort: String,
    /// Those prescribed a regimen.
    regimen: String,
    /// Those of a site.
    site: String,
    /// Those who could be evaluated for DLT: `yes`.
    evaluable: String,
}

impl Filter {
    /// What is filtered by, in words; none where everyone is taken.
    fn words(&self) -> Option<String> {
        let mut words = Vec::new();
        for (name, value) in [("cohort", &self.cohort), ("regimen", &self.regimen), ("site", &self.site)] {
            if !value.is_empty() {
                words.push(format!("{name} {value}"));
            }
        }
        if !self.evaluable.is_empty() {
            words.push("evaluable for DLT".to_owned());
        }
        (!words.is_empty()).then(|| words.join(", "))
    }

    fn query(&self) -> String {
        let all = [
            ("cohort", &self.cohort),
            ("regimen", &self.regimen),
            ("site", &self.site),
            ("evaluable", &self.evaluable),
        ];
        let given: Vec<_> = all.into_iter().filter(|(_, value)| !value.is_empty()).collect();
        serde_urlencoded::to_string(given).unwrap_or_default()
    }

    fn takes(&self, patient: &PatientAnalysis) -> bool {
        let is = |wanted: &str, found: Option<&str>| wanted.is_empty() || found == Some(wanted);
        is(&self.cohort, patient.cohort.as_deref())
            && is(&self.regimen, patient.regimen.as_deref())
            && is(&self.site, patient.facts.subject.site.as_deref())
            && (self.evaluable.is_empty() || matches!(patient.dlt.status, DltStatus::Dlt | DltStatus::NoDlt))
    }

    /// The analysis of those taken.
    fn of(&self, view: &View) -> Result<Analysis, Failed> {
        let known = |name: &str, wanted: &str, all: Vec<&str>| {
            if wanted.is_empty() || all.contains(&wanted) {
                return Ok(());
            }
            Err(Failed::asked(format!(
                "{name}: expected one of {}, found {wanted:?}; mend: choose one",
                all.join(", ")
            )))
        };
        let protocol = &view.analysis.protocol;
        known("cohort", &self.cohort, protocol.cohort.iter().map(|cohort| cohort.id.as_str()).collect())?;
        known("regimen", &self.regimen, protocol.regimen.iter().map(|one| one.id.as_str()).collect())?;
        known("site", &self.site, sites(view))?;
        Ok(match self.words() {
            None => view.analysis.clone(),
            Some(_) => view.analysis.among(|patient| self.takes(patient)),
        })
    }
}

fn sites(view: &View) -> Vec<&str> {
    let mut sites: Vec<&str> =
        view.analysis.patients.iter().filter_map(|patient| patient.facts.subject.site.as_deref()).collect();
    sites.sort_unstable();
    sites.dedup();
    sites
}

/// The figures of those taken; of everyone they are drawn once.
fn figures(view: &View, filter: &Filter) -> Result<(usize, Vec<Figure>), Failed> {
    if filter.words().is_none() {
        let figures = view.figures.get_or_init(|| packet::results(&view.analysis));
        return Ok((treated(&view.analysis), figures.clone()));
    }
    let analysis = filter.of(view)?;
    Ok((treated(&analysis), packet::results(&analysis)))
}

fn treated(analysis: &Analysis) -> usize {
    analysis.patients.iter().filter(|patient| patient.is_treated()).count()
}

pub(crate) fn page(asked: &Asked) -> Answer {
    let (view, _) = asked.reads(Matter::Results)?;
    let filter: Filter = asked.query()?;
    let (patients, figures) = figures(&view, &filter)?;
    let body = html! {
        (form(&view, &filter))
        p #told .said role="status" data-told {
            (patients) " treated patients" @if let Some(words) = filter.words() { ": " (words) } @else { ", everyone" }
            ", to " (view.analysis.cut.cut_off)
        }
        div .results {
            @for figure in &figures { (shown(figure, patients, &filter)) }
        }
        script src="/static/results.js" defer {}
    };
    Ok(layout::page(asked, &view, "/results", "Results", &body))
}

fn form(view: &View, filter: &Filter) -> Markup {
    let protocol = &view.analysis.protocol;
    html! {
        form #filter method="get" action="/results" {
            label { "Cohort" select name="cohort" { option value="" { "every cohort" } @for cohort in &protocol.cohort { option value=(cohort.id) selected[cohort.id == filter.cohort] { (cohort.id) } } } }
            label { "Regimen" select name="regimen" { option value="" { "every regimen" } @for regimen in &protocol.regimen { option value=(regimen.id) selected[regimen.id == filter.regimen] { (regimen.title()) } } } }
            label { "Site" select name="site" { option value="" { "every site" } @for site in sites(view) { option value=(site) selected[site == filter.site] { (site) } } } }
            label { "Patients" select name="evaluable" { option value="" { "everyone treated" } option value="yes" selected[!filter.evaluable.is_empty()] { "evaluable for DLT" } } }
            button { "Show" }
        }
    }
}

fn shown(figure: &Figure, patients: usize, filter: &Filter) -> Markup {
    let address = |ending: &str| {
        let query = filter.query();
        let separator = if query.is_empty() { "" } else { "?" };
        format!("/results/{}.{ending}{separator}{query}", figure.id)
    };
    html! {
        section #(figure.id) aria-labelledby={ (figure.id) "-heading" } {
            h2 id={ (figure.id) "-heading" } { (figure.title) }
            p .hint { "n = " (patients) " treated" @if let Some(words) = filter.words() { ", " (words) } }
            figure .result {
                (maud::PreEscaped(figure.svg()))
                p .told aria-live="polite" {}
                figcaption { (figure.caption) }
            }
            p {
                "Take it away as "
                a href=(address("svg")) { "SVG" } ", " a href=(address("png")) { "PNG" } ", "
                a href=(address("csv")) { "CSV" } ", " a href=(address("json")) { "JSON" }
            }
            details {
                summary { "The numbers behind: " (figure.title) }
                div .scroll tabindex="0" role="region" aria-label={ "Numbers: " (figure.title) } {
                    table {
                        thead { tr { @for name in &figure.data.header { th scope="col" { (name) } } } }
                        tbody { @for row in &figure.data.rows { tr { @for cell in row { td { (cell) } } } } }
                    }
                }
                @if !figure.not_drawn.is_empty() {
                    p { "Not drawn: " @for (place, one) in figure.not_drawn.iter().enumerate() { @if place > 0 { "; " } (one.subject) ", " (one.reason) } "." }
                }
            }
        }
    }
}

/// A figure as a file: its name says which, and of what type.
pub(crate) fn file(asked: &Asked) -> Answer {
    let (view, _) = asked.reads(Matter::Results)?;
    let filter: Filter = asked.query()?;
    let named = asked.part("file");
    let (id, ending) = named.rsplit_once('.').unwrap_or((named, ""));
    let (patients, figures) = figures(&view, &filter)?;
    let figure = figures.iter().find(|figure| figure.id == id).ok_or_else(|| {
        let known: Vec<&str> = figures.iter().map(|figure| figure.id.as_str()).collect();
        Failed::missing(format!("expected one of the figures {}, found {id:?}", known.join(", ")))
    })?;
    let synthetic = view.analysis.protocol.trial.synthetic;
    let (kind, bytes) = match ending {
        "svg" => ("image/svg+xml", figure.svg().as_bytes().to_vec()),
        "png" => ("image/png", png::write(figure.svg(), PNG_WIDTH).map_err(Failed::fault)?),
        "csv" => ("text/csv; charset=utf-8", csv(figure, synthetic, &filter).into_bytes()),
        "json" => {
            let document = json!({
                "synthetic": synthetic, "notice": synthetic.then_some(NOTICE), "trial": view.analysis.protocol.trial.id,
                "cut": view.analysis.cut, "treated": patients, "patients": filter.words(), "figure": figure.id,
                "title": figure.title, "caption": figure.caption, "not-drawn": figure.not_drawn,
                "columns": figure.data.header, "rows": figure.data.rows,
            });
            ("application/json", document.to_string().into_bytes())
        }
        other => return Err(Failed::missing(format!("expected svg, png, csv or json, found {other:?}"))),
    };
    let name = format!("attachment; filename=\"{id}.{ending}\"");
    Ok(([(header::CONTENT_TYPE, kind.to_owned()), (header::CONTENT_DISPOSITION, name)], bytes)
        .into_response())
}

fn csv(figure: &Figure, synthetic: bool, filter: &Filter) -> String {
    let quoted = |cell: &String| {
        // A cell that a spreadsheet would take for a formula is made text.
        let formula = cell.starts_with(['=', '+', '@', '\t', '\r'])
            || (cell.starts_with('-') && cell.parse::<f64>().is_err());
        let cell = if formula { format!("'{cell}") } else { cell.clone() };
        if cell.contains([',', '"', '\n', '\r']) {
            format!("\"{}\"", cell.replace('"', "\"\""))
        } else {
            cell
        }
    };
    let mut text = String::new();
    if synthetic {
        text.push_str(&format!("# {NOTICE}\n"));
    }
    if let Some(words) = filter.words() {
        text.push_str(&format!("# Patients: {words}\n"));
    }
    for row in std::iter::once(&figure.data.header).chain(&figure.data.rows) {
        text.push_str(&row.iter().map(quoted).collect::<Vec<_>>().join(","));
        text.push('\n');
    }
    text
}
