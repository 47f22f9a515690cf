//! `toxicity grade`: CTCAE grades of the laboratory values of a table.

use std::collections::HashMap;
use std::path::Path;

use jiff::civil::Date;
use posology_clinic::ctcae::{Circumstances, Graded, Outcome, Version, grade, terms};
use posology_clinic::laboratory::{Analyte, LabValue, Measured};
use rust_decimal::Decimal;
use serde_json::{Value, json};

use crate::failure::Failure;
use crate::output;
use crate::rows::{Line, Rows};

const TEST: &[&str] = &["analyte", "test", "lbtestcd", "testcd", "paramcd"];
const TERM: &[&str] = &["term", "aedecod"];
const VALUE: &[&str] = &["value", "result", "lbstresn", "lborres", "aval"];
const UNIT: &[&str] = &["unit", "units", "lbstresu", "lborresu"];
const LOWER: &[&str] = &["lln", "lower", "lower_limit", "anrlo", "lbstnrlo", "lbornrlo"];
const UPPER: &[&str] = &["uln", "upper", "upper_limit", "anrhi", "lbstnrhi", "lbornrhi"];
const BASELINE: &[&str] = &["baseline", "base"];
const SPECIMEN: &[&str] = &["specimen", "lbspec"];
const SUBJECT: &[&str] = &["subject", "usubjid"];
const DATE: &[&str] = &["date", "lbdtc", "adt"];
const BASELINE_DATE: &[&str] = &["baseline_date"];
const FLAGS: &[&str] = &["symptomatic", "consequences", "anticoagulated", "fasting"];

pub(crate) fn run(file: &Path, ctcae: &str, as_json: bool) -> Result<(), Failure> {
    let version: Version = ctcae.parse().map_err(|bad| Failure::input(format!("--ctcae: {bad}")))?;
    let rows = Rows::read_some(file)?;
    rows.need(&[("a test or term", &[TEST, TERM].concat()), ("a value", VALUE), ("a unit", UNIT)])?;
    rows.refuse_misspelt(&[
        TEST,
        TERM,
        VALUE,
        UNIT,
        LOWER,
        UPPER,
        BASELINE,
        SPECIMEN,
        SUBJECT,
        DATE,
        BASELINE_DATE,
        FLAGS,
    ])?;
    let mut answers = Vec::new();
    let mut seen = Seen::default();
    for line in rows.lines() {
        seen.check(&line, version)?;
        answers.extend(answer(&line, version)?);
    }
    for warning in &seen.warnings {
        output::error(&format!("warning: {warning}"));
    }
    if as_json {
        output::json(&answers);
    } else {
        let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        let rows = answers.iter().map(|answer| {
            let grade =
                if answer["grade"].is_null() { "unknown".to_owned() } else { answer["grade"].to_string() };
            vec![text(&answer["row"]), text(&answer["term"]), grade, text(&answer["because"]["says"])]
        });
        output::text(&format!(
            "CTCAE {}\n{}",
            version.id(),
            output::table(&["row", "term", "grade", "because"], rows)
        ));
    }
    Ok(())
}

/// What the rows of one subject say together, where they name subject and date.
#[derive(Default)]
struct Seen {
    /// The row of each subject, analyte and day.
    days: HashMap<(String, Analyte, Date), u64>,
    /// The unit of each subject and analyte.
    units: HashMap<(String, Analyte), String>,
    warnings: Vec<String>,
}

impl Seen {
    /// A date that is none is an error. Two results of one day, a unit that changes and a result before the baseline
    /// are graded, and said.
    fn check(&mut self, line: &Line<'_>, version: Version) -> Result<(), Failure> {
        let date: Option<Date> = line.parse(DATE)?;
        let baseline: Option<Date> = line.parse(BASELINE_DATE)?;
        let Some(analyte) = analyte(line, version) else { return Ok(()) };
        let Some(subject) = line.text(SUBJECT).map(str::to_owned) else { return Ok(()) };
        let row = line.number;
        if let Some(date) = date {
            if let Some(other) = self.days.insert((subject.clone(), analyte, date), row) {
                self.warnings.push(format!(
                    "subject {subject}, {date}: two results of {analyte}, rows {other} and {row}: each is graded; mend: say which one counts"
                ));
            }
            if let Some(baseline) = baseline.filter(|baseline| date < *baseline) {
                self.warnings.push(format!(
                    "subject {subject}, {date}, column date, row {row}: {analyte} before the baseline of {baseline}: graded, and no toxicity of treatment; mend: correct the date, or leave the row out"
                ));
            }
        }
        let unit = line.text(UNIT).unwrap_or_default().to_owned();
        let known = self.units.entry((subject.clone(), analyte)).or_insert_with(|| unit.clone());
        if *known != unit {
            let on = date.map(|date| format!(", {date}")).unwrap_or_default();
            self.warnings.push(format!(
                "subject {subject}{on}, column unit, row {row}: {analyte} in {unit} after {known}: each is read in its own unit; mend: check that the unit is right"
            ));
            *known = unit;
        }
        Ok(())
    }
}

/// One answer a term; a row that cannot be graded has a null grade and says why.
fn answer(line: &Line<'_>, version: Version) -> Result<Vec<Value>, Failure> {
    let term = line.text(TERM);
    let unknown = |says: String| {
        json!({
            "row": line.number, "term": term.or(line.text(TEST)), "grade": null,
            "because": { "rule": "ctcae/unknown", "says": says },
        })
    };
    let Some(analyte) = analyte(line, version) else {
        return Ok(vec![unknown(format!(
            "expected a test or a CTCAE {} laboratory term, found {:?}",
            version.id(),
            line.text(TEST).or(term).unwrap_or("")
        ))]);
    };
    let Some(text) = line.text(VALUE) else {
        return Ok(vec![unknown("there is no value: missing is not normal".to_owned())]);
    };
    let unit = line.text(UNIT).unwrap_or("");
    if unit.is_empty() && !text.contains(char::is_whitespace) && !analyte.canonical_unit().is_empty() {
        let says = format!(
            "expected the unit of {analyte}, such as {}, found none; mend: fill it in, a unit is never guessed",
            analyte.canonical_unit()
        );
        return Err(line.bad(UNIT, &says));
    }
    let value = |text: &str, limits: bool| -> Result<Result<LabValue, String>, Failure> {
        let measured: Measured = match format!("{text} {unit}").trim().parse() {
            Ok(measured) => measured,
            Err(bad) => return Ok(Err(format!("{bad}"))),
        };
        let (lower, upper): (Option<Decimal>, Option<Decimal>) =
            if limits { (line.parse(LOWER)?, line.parse(UPPER)?) } else { (None, None) };
        Ok(LabValue::new(analyte, measured, lower, upper).map_err(|bad| bad.to_string()))
    };
    let now = match value(text, true)? {
        Ok(now) => now,
        Err(says) => return Ok(vec![unknown(says)]),
    };
    let baseline = match line.text(BASELINE).map(|text| value(text, true)).transpose()? {
        Some(Ok(baseline)) => Some(baseline),
        Some(Err(says)) => return Ok(vec![unknown(format!("baseline: {says}"))]),
        None => None,
    };
    let yes = |columns: &[&str]| match line.text(columns).map(str::to_ascii_uppercase).as_deref() {
        Some("Y" | "YES" | "TRUE" | "1") => Some(true),
        Some("N" | "NO" | "FALSE" | "0") => Some(false),
        _ => None,
    };
    let circumstances = Circumstances {
        symptomatic: yes(&["symptomatic"]),
        consequences: yes(&["consequences"]),
        anticoagulated: yes(&["anticoagulated"]),
        fasting: yes(&["fasting"]),
    };
    let graded: Vec<Graded> = grade(version, &now, baseline.as_ref(), &circumstances)
        .into_iter()
        .filter(|graded| term.is_none_or(|term| graded.term.eq_ignore_ascii_case(term)))
        .collect();
    if graded.is_empty() {
        return Ok(vec![unknown(format!("CTCAE {} has no term for {analyte}", version.id()))]);
    }
    Ok(graded.iter().map(|graded| of(line.number, graded)).collect())
}

fn analyte(line: &Line<'_>, version: Version) -> Option<Analyte> {
    let named = line.text(TEST).and_then(|test| {
        let specimen = line.text(SPECIMEN).unwrap_or("BLOOD");
        test.parse()
            .ok()
            .or_else(|| Analyte::from_sdtm(&test.to_ascii_uppercase(), &specimen.to_ascii_uppercase()))
    });
    named.or_else(|| {
        let term = line.text(TERM)?;
        let has = |analyte: &Analyte| {
            terms(version, *analyte).iter().any(|(name, _)| name.eq_ignore_ascii_case(term))
        };
        Analyte::ALL.iter().copied().find(has).or_else(|| term.parse().ok())
    })
}

fn of(row: u64, graded: &Graded) -> Value {
    let mut because = json!(graded.because);
    if let (Outcome::Unknown(reason), Some(because)) = (&graded.outcome, because.as_object_mut()) {
        because.insert("unknown".to_owned(), json!(reason));
    }
    json!({
        "row": row, "term": graded.term, "grade": graded.grade(), "because": because,
        "direction": graded.direction, "version": graded.version, "lowest": graded.lowest,
        "highest": graded.highest, "assuming": graded.assuming,
    })
}
