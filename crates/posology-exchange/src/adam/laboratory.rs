//! ADLB: one row a laboratory result that can be read, in the canonical unit of its analyte, with baseline, change, grades
//! low and high, and the nadir.

use posology_clinic::ctcae::{Direction, Graded};
use posology_trial::analysis::patient::PatientAnalysis;
use posology_trial::analysis::toxicity::{AnalysedSample, Sample, analysed_samples};
use posology_trial::event::Laboratory;

use super::Context;
use super::records::{Found, Source};
use super::sheet::{Record, Sheet, shared_columns};
use crate::package::{Class, Column, Table, Value};

/// ADLB.
pub(super) fn table(context: &Context<'_>) -> Table {
    let mut rows = Vec::new();
    for (patient, start) in context.patients() {
        let first = patient.exposure.first();
        let mut taken = Vec::new();
        let samples = analysed_samples(context.protocol(), &patient.facts, first);
        let mut own: Vec<Record> =
            samples.iter().map(|sample| row(context, patient, sample, &mut taken, &start)).collect();
        mark_nadirs(patient, &mut own);
        rows.extend(own);
    }
    let sheet = Sheet {
        name: "ADLB",
        label: "Laboratory Analysis Dataset",
        class: Class::BasicDataStructure,
        structure: "One record per subject per parameter per result",
        keys: &["STUDYID", "USUBJID", "PARAMCD", "ADT", "LBSEQ", "AVAL"],
        comment: Some(
            "Results of analytes that the protocol's rules, CTCAE or the response criteria read, with a number, a known unit and a full date; what could not be read stands in LB alone. Times are in whole days."
                .to_owned(),
        ),
        columns: columns(context),
        rows,
    };
    sheet.table()
}

fn columns(context: &Context<'_>) -> Vec<Column> {
    let version = context
        .protocol()
        .ctcae()
        .map_or_else(|| "no version of CTCAE".to_owned(), |version| format!("CTCAE {}", version.id()));
    let mut columns = shared_columns();
    columns.extend([
        Column::integer("LBSEQ", "Sequence Number").predecessor("LB.LBSEQ"),
        Column::text("PARAM", "Parameter").required().assigned(),
        Column::text("PARAMCD", "Parameter Code").required().assigned().coded("PARAMCD_ADLB"),
        Column::float("AVAL", "Analysis Value").expected().derived(
            "LB.LBORRES in the unit AVALU, by an exact factor; of a limit of the method, such as <0.1, the limit. Calcium corrected for albumin, where none was reported: total calcium and 0.8 mg/dL (0.2 mmol/L) for each g/dL of albumin below 4.0 of the same day (Payne, Br Med J 1973;4:643-6); it has no LBSEQ",
        ),
        Column::text("AVALU", "Analysis Value Unit").assigned(),
        Column::text("LBORRES", "Result or Finding in Original Units").predecessor("LB.LBORRES"),
        Column::text("LBORRESU", "Original Units").predecessor("LB.LBORRESU"),
        Column::float("BASE", "Baseline Value").derived("AVAL of the record with ABLFL Y"),
        Column::float("CHG", "Change from Baseline").derived("AVAL - BASE, of records with ANL01FL Y after the baseline"),
        Column::text("ABLFL", "Baseline Record Flag")
            .derived("Y for the last result of the parameter on or before TRTSDT")
            .coded("NY"),
        Column::float("ANRLO", "Analysis Normal Range Lower Limit").derived("LB.LBORNRLO in the unit AVALU"),
        Column::float("ANRHI", "Analysis Normal Range Upper Limit").derived("LB.LBORNRHI in the unit AVALU"),
        Column::text("ANRIND", "Analysis Reference Range Indicator")
            .predecessor("LB.LBNRIND")
            .coded("NRIND"),
        Column::text("BNRIND", "Baseline Reference Range Indicator")
            .derived("ANRIND of the record with ABLFL Y")
            .coded("NRIND"),
        Column::text("ATOXDSCL", "Analysis Toxicity Description Low").derived(format!("Term of {version} for low values")),
        Column::text("ATOXGRL", "Analysis Toxicity Grade Low")
            .derived(format!("Grade of ATOXDSCL by {version}, against limits of normal and baseline; 0 where the value has none, missing where it cannot be told or ANL01FL is missing")),
        Column::text("ATOXDSCH", "Analysis Toxicity Description High")
            .derived(format!("Term of {version} for high values")),
        Column::text("ATOXGRH", "Analysis Toxicity Grade High")
            .derived(format!("Grade of ATOXDSCH by {version}, as ATOXGRL")),
        Column::text("BTOXGRL", "Baseline Toxicity Grade Low").derived("ATOXGRL of the record with ABLFL Y"),
        Column::text("BTOXGRH", "Baseline Toxicity Grade High").derived("ATOXGRH of the record with ABLFL Y"),
        Column::text("AVISIT", "Analysis Visit").predecessor("LB.VISIT"),
        Column::float("AVISITN", "Analysis Visit (N)").predecessor("LB.VISITNUM"),
        Column::date("ADT", "Analysis Date").required().derived("Day of LB.LBDTC"),
        Column::integer("ADY", "Analysis Relative Day")
            .derived("ADT - TRTSDT + 1 from TRTSDT on, ADT - TRTSDT before"),
        Column::text("SUPPFL", "Taken under Support Flag")
            .derived("Y where the count was taken so soon after a transfusion or growth factor that it shows no recovery (protocol, [dlt.support])")
            .coded("NY"),
        Column::text("ANL01FL", "Analysis Flag 01")
            .derived("Y for the baseline and for results on or after TRTSDT: what the tables of toxicity count. Total calcium is left out on days that have the corrected one")
            .coded("NY"),
        Column::text("ANL02FL", "Analysis Flag 02")
            .derived("Y for the nadir of platelets, neutrophils and haemoglobin: the first result with the lowest value after TRTSDT")
            .coded("NY"),
    ]);
    columns
}

/// The record of LB in which a result stands, not one that is taken already.
fn found<'a>(
    context: &'a Context<'_>,
    patient: &PatientAnalysis,
    fact: &Laboratory,
    taken: &[Value],
) -> Option<Found<'a>> {
    let at = fact.at.as_ref()?;
    let same =
        |name: &str, text: Option<&str>, found: &Found<'_>| found.text(name) == text.map(str::trim_end);
    let of_day = || {
        context.records.on("LB", &patient.id, at.earliest_date()).filter(|found| {
            same("LBTESTCD", Some(&fact.test), found)
                && same("LBORRES", fact.result.as_deref(), found)
                && same("LBSPEC", fact.specimen.as_deref(), found)
                && !taken.contains(&found.sequence())
        })
    };
    // Of results alike on one day, that of the same time; LB drops the offset of its clock.
    let text = at.to_string();
    let of_time = of_day().find(|found| found.text("LBDTC").is_some_and(|clock| text.starts_with(clock)));
    of_time.or_else(|| of_day().next())
}

/// The record of LB of a result as a source.
pub(super) fn source(context: &Context<'_>, patient: &PatientAnalysis, fact: &Laboratory) -> Source {
    Source::of("LB", "LBDTC", found(context, patient, fact, &[]))
}

fn row(
    context: &Context<'_>,
    patient: &PatientAnalysis,
    analysed: &AnalysedSample,
    taken: &mut Vec<Value>,
    start: &Record,
) -> Record {
    let sample = &analysed.sample;
    let value = &sample.value;
    let analyte = value.analyte;
    let record_of = |sample: &Sample, taken: &[Value]| {
        let fact = patient.facts.laboratory.get(sample.recorded?)?;
        found(context, patient, fact, taken)
    };
    let mut row = start.clone();
    if let Some(found) = record_of(sample, taken) {
        taken.push(found.sequence());
        for (name, from) in [
            ("LBSEQ", "LBSEQ"),
            ("LBORRES", "LBORRES"),
            ("LBORRESU", "LBORRESU"),
            ("ANRIND", "LBNRIND"),
            ("AVISIT", "VISIT"),
            ("AVISITN", "VISITNUM"),
        ] {
            row.set(name, found.value(from));
        }
    }
    let unit = analyte.canonical_unit();
    let name = sentence(analyte.name());
    let param = if unit.is_empty() { name } else { format!("{name} ({unit})") };
    let code = analyte.codes().first().copied().unwrap_or_else(|| analyte.id());
    row.set("PARAM", param)
        .set("PARAMCD", code)
        .set("AVAL", value.canonical)
        .set("AVALU", unit)
        .mark("ABLFL", analysed.is_baseline)
        .set("ANRLO", value.lower_limit)
        .set("ANRHI", value.upper_limit)
        .set("ADT", sample.date)
        .set("ADY", patient.study_day(sample.date).map(i64::from))
        .mark("ANL01FL", analysed.counts);
    let baseline = analysed.baseline.as_ref();
    let change = baseline
        .filter(|_| !analysed.is_baseline)
        .and_then(|baseline| value.canonical.checked_sub(baseline.value.canonical));
    let range = baseline.and_then(|baseline| record_of(baseline, &[])).map(|found| found.value("LBNRIND"));
    row.set("BASE", baseline.map(|baseline| baseline.value.canonical))
        .set("CHG", change)
        .set("BNRIND", range.unwrap_or(Value::Missing));
    for graded in &analysed.grades {
        let (term, grade) = match graded.direction {
            Direction::Low => ("ATOXDSCL", "ATOXGRL"),
            Direction::High => ("ATOXDSCH", "ATOXGRH"),
        };
        row.set(term, graded.term).set(grade, graded.grade().map(|grade| grade.to_string()));
    }
    for graded in &analysed.baseline_grades {
        let name = match graded.direction {
            Direction::Low => "BTOXGRL",
            Direction::High => "BTOXGRH",
        };
        row.set(name, Graded::grade(graded).map(|grade| grade.to_string()));
    }
    let supported = patient.kinetics.iter().filter(|kinetics| kinetics.analyte == analyte).any(|kinetics| {
        kinetics
            .points
            .iter()
            .any(|point| point.supported && point.date == sample.date && point.value == value.canonical)
    });
    row.mark("SUPPFL", supported);
    row
}

/// A name as a sentence begins.
fn sentence(name: &str) -> String {
    let mut letters = name.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}

/// Flags the nadir of each lineage among the rows of a patient.
fn mark_nadirs(patient: &PatientAnalysis, rows: &mut [Record]) {
    for kinetics in &patient.kinetics {
        let Some(nadir) = kinetics.summary.as_ref().and_then(|summary| summary.nadir.as_ref()) else {
            continue;
        };
        let code = Value::from(kinetics.analyte.codes().first().copied());
        let day = Value::from(i64::from(nadir.day));
        let found = rows.iter_mut().find(|row| {
            row.get("PARAMCD") == code && row.get("ADY") == day && row.get("AVAL") == Value::from(nadir.value)
        });
        if let Some(row) = found {
            row.mark("ANL02FL", true);
        }
    }
}
