//! `response`: categories from marker values; `response confirm`: confirmation of categories.

use std::collections::BTreeMap;
use std::path::Path;

use jiff::civil::Date;
use posology_clinic::Because;
use posology_clinic::response::best::best;
use posology_clinic::response::confirm::{Confirmed, Course, Rules, confirm as confirm_sequence};
use posology_clinic::response::imwg::{
    Baseline, Chain, Criteria, Edition, Immunofixation, Marker, Markers, Reading, assess_all, measurable,
};
use posology_clinic::response::{Assessment, Category, ProgressionKind};
use rust_decimal::Decimal;
use serde_json::{Value, json};

use crate::failure::Failure;
use crate::output;
use crate::rows::{Line, Rows};

const SUBJECT: &[&str] = &["subject", "usubjid"];
const DATE: &[&str] = &["date", "adt", "lbdtc", "rsdtc"];

fn edition(criteria: &str) -> Result<Edition, Failure> {
    criteria.parse().map_err(|bad| Failure::input(format!("criteria: {bad}")))
}

/// One subject's rows.
#[derive(Default)]
struct Subject {
    baseline: Option<Markers>,
    involved: Option<Chain>,
    visits: Vec<Markers>,
    assessments: Vec<Assessment>,
    course: Course,
}

pub(crate) fn assess(criteria: &str, file: &Path, explain: Option<&str>, json: bool) -> Result<(), Failure> {
    let criteria = edition(criteria)?.criteria();
    let rows = Rows::read(file)?;
    rows.need(&[("a subject", SUBJECT), ("a date", DATE)])?;
    let mut subjects: BTreeMap<String, Subject> = BTreeMap::new();
    for line in rows.lines() {
        let subject = subjects.entry(line.required::<String>(SUBJECT)?).or_default();
        let markers = markers(&line)?;
        subject.course.new_therapy = subject.course.new_therapy.or(line.parse(&["therapy_start"])?);
        subject.course.first_treatment = subject.course.first_treatment.or(line.parse(&["first_treatment"])?);
        if let Some(chain) = line.text(&["involved"]) {
            subject.involved = Some(match chain.to_ascii_lowercase().as_str() {
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
            subject.baseline = Some(markers);
        } else {
            subject.visits.push(markers);
        }
    }
    let mut answers = Vec::new();
    for (name, mut subject) in subjects {
        subject.visits.sort_by_key(|visit| visit.date);
        let baseline = match subject.baseline {
            Some(baseline) => baseline,
            None if subject.visits.is_empty() => continue,
            None => subject.visits.remove(0),
        };
        let baseline = Baseline { involved: subject.involved, ..Baseline::new(baseline) };
        let wrong = |bad| Failure::input(format!("{}: subject {name}: {bad}", file.display()));
        let basis = measurable(&criteria, &baseline).map_err(wrong)?;
        let assessed = assess_all(&criteria, &baseline, &subject.visits).map_err(wrong)?;
        let assessments: Vec<Assessment> =
            assessed.into_iter().map(|response| response.into_assessment()).collect();
        let confirmed = confirm_sequence(&Rules::REFERENCE, &subject.course, &assessments);
        let mut answer = document(&name, &subject.course, &confirmed, Rules::REFERENCE);
        answer["measurable"] = json!(basis.markers);
        answer["driving"] = json!(basis.driving);
        answers.push((answer, basis.reasons));
    }
    if let Some(wanted) = explain {
        let Some((answer, basis)) = answers.iter().find(|(answer, _)| answer["subject"] == wanted) else {
            return Err(Failure::input(format!(
                "--explain: expected a subject of {}, found {wanted:?}; mend: name one",
                file.display()
            )));
        };
        output::text(&explained(&criteria, answer, basis));
        return Ok(());
    }
    print(answers.into_iter().map(|(answer, _)| answer).collect(), json);
    Ok(())
}

pub(crate) fn confirm(criteria: &str, file: &Path, json: bool) -> Result<(), Failure> {
    edition(criteria)?;
    let rows = Rows::read(file)?;
    rows.need(&[("a subject", SUBJECT), ("a date", DATE), ("a response", &["response", "rsstresc"])])?;
    let mut subjects: BTreeMap<String, Subject> = BTreeMap::new();
    for line in rows.lines() {
        let name: String = line.required(SUBJECT)?;
        let subject = subjects.entry(name.clone()).or_default();
        let category: Category = line.required(&["response", "rsstresc"])?;
        let date: Date = line.required(DATE)?;
        let kind = match line.text(&["pd_kind"]).map(str::to_ascii_lowercase).as_deref() {
            None => None,
            Some("biochemical") => Some(ProgressionKind::Biochemical),
            Some("imaging") => Some(ProgressionKind::Imaging),
            Some(other) => {
                return Err(line.bad(&["pd_kind"], &format!("expected biochemical or imaging, found {other:?}; mend: write one of them, or leave it empty")));
            }
        };
        let by_death = match line.text(&["death_pd"]).map(str::to_ascii_uppercase).as_deref() {
            None | Some("N") => false,
            Some("Y") => true,
            Some(other) => return Err(line.bad(&["death_pd"], &format!("expected Y, N or nothing, found {other:?}; mend: write Y where death was due to progression"))),
        };
        let kind =
            if by_death && category == Category::Progressive { Some(ProgressionKind::Death) } else { kind };
        let therapy: Option<Date> = line.parse(&["therapy_start"])?;
        if let (Some(known), Some(other)) = (subject.course.new_therapy, therapy)
            && known != other
        {
            crate::output::error(&format!(
                "warning: {name}: next therapy on {known} and on {other}: the earlier counts"
            ));
        }
        subject.course.new_therapy = subject.course.new_therapy.into_iter().chain(therapy).min();
        subject.assessments.push(Assessment::new(date, category, kind));
    }
    let answers = subjects
        .iter()
        .map(|(name, subject)| {
            let confirmed = confirm_sequence(&Rules::REFERENCE, &subject.course, &subject.assessments);
            for finding in &confirmed.findings {
                crate::output::error(&format!("warning: {name}: {}", finding.says));
            }
            document(name, &subject.course, &confirmed, Rules::REFERENCE)
        })
        .collect();
    print(answers, json);
    Ok(())
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

fn document(subject: &str, course: &Course, confirmed: &Confirmed, rules: Rules) -> Value {
    let best = best(&rules, course, confirmed);
    let assessments: Vec<Value> = confirmed
        .statuses
        .iter()
        .map(|status| {
            json!({
                "date": status.date, "response": status.assessed, "confirmed": status.status,
                "reasons": status.reasons, "confirmed_by": status.confirmed_by, "counts": status.counts,
            })
        })
        .collect();
    json!({
        "subject": subject,
        "assessments": assessments,
        "best": {
            "confirmed": best.confirmed, "unconfirmed": best.unconfirmed, "date": best.date,
            "awaiting": best.awaiting, "progression": best.progression, "reasons": best.reasons,
        },
        "warnings": confirmed.findings,
    })
}

fn print(answers: Vec<Value>, json: bool) {
    if json {
        output::json(&answers);
        return;
    }
    let text = |value: &Value| value.as_str().unwrap_or("-").to_owned();
    let rows = answers.iter().map(|answer| {
        let course: Vec<String> = answer["assessments"]
            .as_array()
            .into_iter()
            .flatten()
            .map(|row| {
                format!("{} {} ({})", text(&row["date"]), text(&row["response"]), text(&row["confirmed"]))
            })
            .collect();
        let best = &answer["best"];
        vec![
            text(&answer["subject"]),
            text(&best["confirmed"]),
            text(&best["date"]),
            text(&best["unconfirmed"]),
            course.join("\n"),
        ]
    });
    output::text(&output::table(
        &["subject", "confirmed", "dated", "unconfirmed", "assessments (confirmed status)"],
        rows,
    ));
}

/// One subject's course in words: what could be followed, and each visit's category and why.
fn explained(criteria: &Criteria, answer: &Value, basis: &[Because]) -> String {
    let text = |value: &Value| value.as_str().unwrap_or("-").to_owned();
    let mut told = format!("{} by {}\n\nAt baseline\n", text(&answer["subject"]), criteria.edition.id());
    for because in basis {
        told.push_str(&format!("  {}\n", because.says));
    }
    for row in answer["assessments"].as_array().into_iter().flatten() {
        told.push_str(&format!(
            "\n{}: {}, confirmed status {}\n",
            text(&row["date"]),
            text(&row["response"]),
            text(&row["confirmed"])
        ));
        for because in row["reasons"].as_array().into_iter().flatten() {
            told.push_str(&format!("  {}\n", text(&because["says"])));
        }
    }
    let best = &answer["best"];
    told.push_str(&format!(
        "\nBest response: {} confirmed, {} unconfirmed\n",
        text(&best["confirmed"]),
        text(&best["unconfirmed"])
    ));
    for because in best["reasons"].as_array().into_iter().flatten() {
        told.push_str(&format!("  {}\n", text(&because["says"])));
    }
    told
}
