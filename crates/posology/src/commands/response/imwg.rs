//! Myeloma: marker values, a row an assessment.

use std::collections::BTreeMap;

use posology_clinic::response::Assessment;
use posology_clinic::response::imwg::{
    Baseline, Chain, Immunofixation, Marker, Markers, Reading, Settings, assess_all, measurable,
};
use rust_decimal::Decimal;
use serde_json::json;

use super::{DATE, SUBJECT, Subject};
use crate::failure::Failure;
use crate::rows::{Line, Rows};

/// Baseline and visits of one subject as the file gives them.
#[derive(Default)]
struct Values {
    baseline: Option<Markers>,
    involved: Option<Chain>,
    visits: Vec<Markers>,
}

/// The subjects of a table, their assessments judged by their markers.
pub(super) fn subjects(settings: &Settings, rows: &Rows) -> Result<Vec<Subject>, Failure> {
    let criteria = settings.criteria();
    let mut found: BTreeMap<String, (Subject, Values)> = BTreeMap::new();
    for line in rows.lines() {
        let name: String = line.required(SUBJECT)?;
        let (subject, values) =
            found.entry(name.clone()).or_insert_with(|| (Subject::new(name), Values::default()));
        let markers = markers(&line)?;
        subject.read_course(&line, markers.date)?;
        if let Some(chain) = line.text(&["involved"]) {
            values.involved = Some(match chain.to_ascii_lowercase().as_str() {
                "kappa" => Chain::Kappa,
                "lambda" => Chain::Lambda,
                other => {
                    return Err(line.bad(
                        &["involved"],
                        &format!("expected kappa or lambda, found {other:?}; mend: write one of them"),
                    ));
                }
            });
        }
        if line.text(&["baseline", "ablfl", "lbblfl"]).is_some_and(|flag| flag.eq_ignore_ascii_case("Y")) {
            values.baseline = Some(markers);
        } else {
            values.visits.push(markers);
        }
    }
    let mut subjects = Vec::new();
    for (mut subject, mut values) in found.into_values() {
        values.visits.sort_by_key(|visit| visit.date);
        let baseline = match values.baseline {
            Some(baseline) => baseline,
            None if values.visits.is_empty() => continue,
            None => values.visits.remove(0),
        };
        let baseline = Baseline { involved: values.involved, ..Baseline::new(baseline) };
        let wrong = |bad| rows.bad(&format!("subject {}: {bad}", subject.name));
        let basis = measurable(&criteria, &baseline).map_err(wrong)?;
        let assessed = assess_all(&criteria, &baseline, &values.visits).map_err(wrong)?;
        subject.assessments =
            assessed.into_iter().map(|response| response.into_assessment()).collect::<Vec<Assessment>>();
        subject.also.insert("measurable".to_owned(), json!(basis.markers));
        subject.also.insert("driving".to_owned(), json!(basis.driving));
        subject.basis = basis.reasons;
        subjects.push(subject);
    }
    Ok(subjects)
}

/// The marker values of a row, each with its unit: in the cell ("4.00 g/dL"), or in a column beside it
/// (`serum_m_unit`). A unit is never guessed.
fn markers(line: &Line<'_>) -> Result<Markers, Failure> {
    let mut markers = Markers::new(line.required(DATE)?);
    let number = |column: &'static str, marker: Marker, text: &str| -> Result<Decimal, Failure> {
        let unit_column = format!("{column}_unit");
        let (value, unit) = text.split_once(char::is_whitespace).unwrap_or((text, ""));
        let unit =
            if unit.trim().is_empty() { line.text(&[&unit_column]).unwrap_or("") } else { unit.trim() };
        let value: Decimal = value.parse().map_err(|_| {
            line.bad(
                &[column],
                &format!("expected a number, found {text:?}; mend: write the number and its unit"),
            )
        })?;
        marker.canonical(value, unit).map_err(|bad| line.bad(&[column], &bad))
    };
    let reading = |column: &'static str, marker: Marker| -> Result<Reading, Failure> {
        let Some(text) = line.text(&[column]) else { return Ok(Reading::NotDone) };
        match text.to_ascii_lowercase().as_str() {
            "not detected" | "not-detected" | "negative" | "absent" => Ok(Reading::NotDetected),
            "trace" | "trace present" => Ok(Reading::TracePresent),
            "not done" | "nd" => Ok(Reading::NotDone),
            _ => number(column, marker, text).map(Reading::Quantified),
        }
    };
    let fixation = |column: &'static str| -> Result<Immunofixation, Failure> {
        match line.text(&[column]).map(str::to_ascii_lowercase).as_deref() {
            None | Some("not done") => Ok(Immunofixation::NotDone),
            Some("negative") => Ok(Immunofixation::Negative),
            Some("positive") => Ok(Immunofixation::Positive),
            Some(other) => Err(line.bad(
                &[column],
                &format!("expected positive, negative or not done, found {other:?}; mend: write one of them"),
            )),
        }
    };
    let chain = |column: &'static str| {
        line.text(&[column]).map(|text| number(column, Marker::FreeLightChains, text)).transpose()
    };
    markers.serum_m = reading("serum_m", Marker::SerumM)?;
    markers.urine_m = reading("urine_m", Marker::UrineM)?;
    markers.serum_immunofixation = fixation("serum_ife")?;
    markers.urine_immunofixation = fixation("urine_ife")?;
    markers.kappa = chain("kappa")?;
    markers.lambda = chain("lambda")?;
    markers.kappa_lambda_ratio = line.parse(&["kappa_lambda_ratio"])?;
    markers.plasma_cells =
        line.text(&["bmpc"]).map(|text| number("bmpc", Marker::PlasmaCells, text)).transpose()?;
    Ok(markers)
}
