//! ADDLT: dose-limiting toxicity as a response, one row a treated subject; with a second one for designs that weigh
//! follow-up. The sponsor's data set: no standard has one.

use posology_clinic::dlt::Condition;
use posology_trial::analysis::patient::PatientAnalysis;
use posology_trial::analysis::toxicity::{DltRecord, DltStatus};
use posology_trial::protocol::Protocol;

use super::Context;
use super::records::Source;
use super::sheet::{Record, Sheet, shared_columns, whole};
use super::subjects::{first_onset, is_dlt, status_in_words, status_term, window_in_words};
use crate::package::{Class, Column, Table, Value};

/// ADDLT; without rows where the protocol defines no dose-limiting toxicity.
pub(super) fn table(context: &Context<'_>) -> Table {
    let mut rows = Vec::new();
    if context.protocol().dlt.is_some() {
        let weighs = weighs_follow_up(context.protocol());
        for (patient, start) in context.patients().filter(|(patient, _)| patient.is_treated()) {
            rows.push(of_patient(context, patient, &start));
            if weighs {
                rows.push(follow_up(patient, &start));
            }
        }
    }
    let sheet = Sheet {
        name: "ADDLT",
        label: "Dose-Limiting Toxicity Analysis Dataset",
        class: Class::BasicDataStructure,
        structure: "One record per subject per cohort per parameter",
        keys: &["STUDYID", "USUBJID", "PARAMCD"],
        comment: Some(
            "Of treated subjects. Pending is never \"no\": AVAL is missing until the window was followed or a dose-limiting toxicity was found."
                .to_owned(),
        ),
        columns: columns(context),
        rows,
    };
    sheet.table()
}

/// Whether the design weighs pending patients by their follow-up.
fn weighs_follow_up(protocol: &Protocol) -> bool {
    protocol.escalation.as_ref().is_some_and(|design| design.late_onset().is_some())
}

fn columns(context: &Context<'_>) -> Vec<Column> {
    let protocol = context.protocol();
    let window = protocol.dlt.as_ref().map(window_in_words).unwrap_or_default();
    let mut columns = shared_columns();
    columns.extend([
        Column::text("PARAM", "Parameter").required().assigned(),
        Column::text("PARAMCD", "Parameter Code").required().assigned().coded("PARAMCD_ADDLT"),
        Column::float("AVAL", "Analysis Value").expected().derived(
            "PARAMCD DLT: 1 where DLTSTAT is DLT, 0 where it is NO DLT, else missing. PARAMCD DLTFUFR: fraction of the window followed, (last day followed - first fraction) / (end of the window - first fraction), at most 1",
        ),
        Column::text("AVALC", "Analysis Value (C)").derived("PARAMCD DLT: Y for 1, N for 0").coded("NY"),
        Column::date("ADT", "Analysis Date").derived(
            "Onset of the first dose-limiting toxicity where AVALC is Y; else the last day followed, at most the end of the window",
        ),
        Column::integer("ADY", "Analysis Relative Day")
            .derived("ADT - TRTSDT + 1 from TRTSDT on, ADT - TRTSDT before"),
        Column::text("DLTSTAT", "Status for Dose-Limiting Toxicity")
            .derived(status_in_words(protocol))
            .coded("DLTSTAT"),
        Column::date("DLTSDT", "Start Date of the DLT Window").derived("TRTSDT"),
        Column::date("DLTEDT", "End Date of the DLT Window").derived(window),
        Column::text("CRIT1", "Analysis Criterion 1").assigned(),
        Column::text("CRIT1FL", "Criterion 1 Evaluation Result Flag")
            .derived("Y where the onset of the first dose-limiting toxicity lies in the window, N where it does not or where there is none; missing while AVAL is, or where the day of onset is not recorded")
            .coded("NY"),
        Column::text("DLTTERM", "What Was Dose-Limiting").derived(
            "Preferred term of the adverse event, or what the rule of the protocol found; of the first dose-limiting toxicity",
        ),
        Column::text("DLTTERM2", "What Was Dose-Limiting, Continued").derived("What DLTTERM does not hold"),
        Column::text("DLTRULE", "Rule of the Protocol That Fired")
            .derived("Id of the rule that the first dose-limiting toxicity met (protocol, [[dlt.rules]])"),
        Column::text("DLTBY", "Judged Dose-Limiting by")
            .derived("COMMITTEE where it judged, else RULE where a rule of the protocol fired, else INVESTIGATOR"),
        Column::text("SRCDOM", "Source Data").derived("Domain of the record of the first dose-limiting toxicity"),
        Column::text("SRCVAR", "Source Variable").derived("Variable of that record that gives ADT"),
        Column::integer("SRCSEQ", "Source Sequence Number").derived("--SEQ of that record"),
    ]);
    columns
}

fn of_patient(context: &Context<'_>, patient: &PatientAnalysis, start: &Record) -> Record {
    let dlt = &patient.dlt;
    let mut row = start.clone();
    let is_dlt = is_dlt(dlt.status);
    let found = first_record(patient);
    let onset = first_onset(patient);
    let date = match dlt.status {
        DltStatus::Dlt => onset,
        _ => dlt.followed_to.zip(patient.window).map(|(to, window)| to.min(window.end)),
    };
    let in_window = match is_dlt {
        Some(true) => onset.zip(patient.window).map(|(onset, window)| onset <= window.end),
        other => other,
    };
    row.set("PARAM", "Dose-Limiting Toxicity")
        .set("PARAMCD", "DLT")
        .set("AVAL", is_dlt.map_or(Value::Missing, whole))
        .flag("AVALC", is_dlt)
        .set("ADT", date)
        .set("ADY", date.and_then(|date| patient.study_day(date)).map(i64::from))
        .set("CRIT1", "Onset in the DLT window")
        .flag("CRIT1FL", in_window);
    set_window(&mut row, patient);
    if let Some(found) = found {
        let by = match (&found.committee, &found.rule) {
            (Some(_), _) => "COMMITTEE",
            (None, Some(_)) => "RULE",
            (None, None) => "INVESTIGATOR",
        };
        let source = source(context, patient, found);
        row.set_long("DLTTERM", "DLTTERM2", &found.what)
            .set("DLTRULE", found.rule.as_deref())
            .set("DLTBY", by)
            .set("SRCDOM", source.domain)
            .set("SRCVAR", source.variable)
            .set("SRCSEQ", source.sequence.unwrap_or(Value::Missing));
    }
    row
}

/// The follow-up of a patient, for designs that weigh it.
fn follow_up(patient: &PatientAnalysis, start: &Record) -> Record {
    let mut row = start.clone();
    let date = patient.dlt.followed_to.zip(patient.window).map(|(to, window)| to.min(window.end));
    row.set("PARAM", "Fraction of the DLT Window Followed")
        .set("PARAMCD", "DLTFUFR")
        .set("AVAL", patient.dlt.share)
        .set("ADT", date)
        .set("ADY", date.and_then(|date| patient.study_day(date)).map(i64::from));
    set_window(&mut row, patient);
    row
}

fn set_window(row: &mut Record, patient: &PatientAnalysis) {
    row.set("DLTSTAT", status_term(patient.dlt.status))
        .set("DLTSDT", patient.window.map(|window| window.first_fraction))
        .set("DLTEDT", patient.window.map(|window| window.end));
}

/// The first of what counts as dose-limiting; one without a day of onset only where none has one.
pub(super) fn first_record(patient: &PatientAnalysis) -> Option<&DltRecord> {
    patient.dlt.records.iter().min_by_key(|record| (record.onset.is_none(), record.onset))
}

/// The record on which a dose-limiting toxicity rests: the adverse event, or what the rule read on the day of onset.
pub(super) fn source(context: &Context<'_>, patient: &PatientAnalysis, found: &DltRecord) -> Source {
    let records = &context.records;
    if let Some(event) = &found.event {
        let mut found = records.of_event(&patient.id, &event.key);
        return Source::of("AE", "AESTDTC", found.next());
    }
    let Some(day) = found.onset else { return Source::default() };
    let rules = context.protocol().dlt.iter().flat_map(|dlt| dlt.rules.iter());
    let rule = rules.into_iter().find(|rule| Some(rule.id.as_str()) == found.rule.as_deref());
    for condition in rule.map_or_else(Vec::new, posology_clinic::dlt::Rule::conditions) {
        let source = match condition {
            Condition::Lab(rule) => {
                let facts = patient.facts.laboratory.iter();
                let mut of_day = facts.filter(|fact| {
                    fact.analyte == Some(rule.analyte)
                        && fact.at.as_ref().and_then(|at| at.date()) == Some(day)
                });
                of_day.next().map(|fact| super::laboratory::source(context, patient, fact))
            }
            Condition::Fraction(_) => {
                Some(Source::of("EX", "EXSTDTC", records.on("EX", &patient.id, day).next()))
            }
            _ => None,
        };
        if let Some(source) = source.filter(|source| source.domain.is_some()) {
            return source;
        }
    }
    Source::default()
}
