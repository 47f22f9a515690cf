//! ADAE: one row an adverse event, with what makes it treatment-emergent, first, worst and dose-limiting.

use std::collections::BTreeSet;

use posology_trial::analysis::patient::PatientAnalysis;
use posology_trial::event::AdverseEvent;
use posology_trial::when::When;

use super::Context;
use super::records::Found;
use super::sheet::{Record, Sheet, shared_columns, whole};
use super::subjects::window_in_words;
use crate::package::{Class, Column, Table, Value};

/// Variables of AE that ADAE keeps.
const KEPT: [&str; 13] = [
    "AESEQ", "AETERM", "AEDECOD", "AEBODSYS", "AESTDTC", "AEENDTC", "AESER", "AEREL", "AEACN", "AEOUT",
    "AESDTH", "AETOXGR", "AESEV",
];

/// ADAE.
pub(super) fn table(context: &Context<'_>) -> Table {
    let mut rows = Vec::new();
    for (patient, start) in context.patients() {
        rows.extend(of_patient(context, patient, &start));
    }
    let sheet = Sheet {
        name: "ADAE",
        label: "Adverse Events Analysis Dataset",
        class: Class::Occurrence,
        structure: "One record per subject per adverse event",
        keys: &["STUDYID", "USUBJID", "AESEQ"],
        comment: None,
        columns: columns(context),
        rows,
    };
    sheet.table()
}

fn columns(context: &Context<'_>) -> Vec<Column> {
    let protocol = context.protocol();
    let mut columns = shared_columns();
    columns.extend([
        Column::integer("AESEQ", "Sequence Number").required().predecessor("AE.AESEQ"),
        Column::text("AETERM", "Reported Term for the Adverse Event").required().predecessor("AE.AETERM"),
        Column::text("AEDECOD", "Dictionary-Derived Term").expected().predecessor("AE.AEDECOD"),
        Column::text("AEBODSYS", "Body System or Organ Class").expected().predecessor("AE.AEBODSYS"),
        Column::iso("AESTDTC", "Start Date/Time of Adverse Event").predecessor("AE.AESTDTC"),
        Column::date("ASTDT", "Analysis Start Date").expected().derived(
            "AE.AESTDTC; where it is missing or partial the first day it can have been, but for an event that may have begun under treatment not before TRTSDT",
        ),
        Column::text("ASTDTF", "Analysis Start Date Imputation Flag")
            .derived("D where the day, M where the month, Y where the whole of ASTDT is not recorded")
            .coded("DATEFL"),
        Column::integer("ASTDY", "Analysis Start Relative Day")
            .derived("ASTDT - TRTSDT + 1 from TRTSDT on, ASTDT - TRTSDT before; only where AE.AESTDTC is a complete date"),
        Column::iso("AEENDTC", "End Date/Time of Adverse Event").predecessor("AE.AEENDTC"),
        Column::date("AENDT", "Analysis End Date")
            .derived("AE.AEENDTC, its last possible day where partial; missing where it lies after the data cut"),
        Column::text("AENDTF", "Analysis End Date Imputation Flag")
            .derived("D where the day, M where the month of AENDT is not recorded")
            .coded("DATEFL"),
        Column::integer("AENDY", "Analysis End Relative Day")
            .derived("AENDT - TRTSDT + 1 from TRTSDT on, AENDT - TRTSDT before"),
        Column::text("AESER", "Serious Event").predecessor("AE.AESER").coded("NY"),
        Column::text("AEREL", "Causality").predecessor("AE.AEREL"),
        Column::text("RELFL", "Counted as Related Flag")
            .derived("Y or N as the recorded causality is read; missing where none is recorded")
            .coded("NY"),
        Column::text("AEACN", "Action Taken with Study Treatment").predecessor("AE.AEACN").coded("ACN"),
        Column::text("AEOUT", "Outcome of Adverse Event").predecessor("AE.AEOUT").coded("OUT"),
        Column::text("AESDTH", "Results in Death").predecessor("AE.AESDTH").coded("NY"),
        Column::text("AESEV", "Severity/Intensity").predecessor("AE.AESEV"),
        Column::text("AETOXGR", "Standard Toxicity Grade").predecessor("AE.AETOXGR"),
        Column::text("ATOXGR", "Analysis Toxicity Grade").derived("AE.AETOXGR"),
        Column::integer("ATOXGRN", "Analysis Toxicity Grade (N)").derived("ATOXGR as a number"),
        Column::integer("CYCLE", "Fractions Given by Onset")
            .derived("Number of fractions of the product given on or before ASTDT"),
        Column::text("TRTEMFL", "Treatment Emergent Analysis Flag")
            .derived("Y where the event began, or may have begun, on or after TRTSDT")
            .coded("NY"),
        Column::text("ANL01FL", "Analysis Flag 01")
            .derived("Y where TRTEMFL is Y: what the tables of adverse events count")
            .coded("NY"),
        Column::text("AOCCFL", "1st Occurrence of Any AE Flag")
            .derived("Y for the first event of the subject among those with TRTEMFL Y, by ASTDT, AEDECOD, AESEQ")
            .coded("NY"),
        Column::text("AOCCSFL", "1st Occurrence of SOC Flag")
            .derived("Y for the first event of the subject and AEBODSYS among those with TRTEMFL Y")
            .coded("NY"),
        Column::text("AOCCPFL", "1st Occurrence of Preferred Term Flag")
            .derived("Y for the first event of the subject and AEDECOD among those with TRTEMFL Y")
            .coded("NY"),
        Column::text("AOCCIFL", "1st Max Sev./Int. Occurrence Flag")
            .derived("Y for the first of the events of the subject's worst ATOXGRN among those with TRTEMFL Y")
            .coded("NY"),
        Column::text("AOCCSIFL", "1st Max Sev./Int. Occur Within SOC Flag")
            .derived("The same within AEBODSYS")
            .coded("NY"),
        Column::text("AOCCPIFL", "1st Max Sev./Int. Occur Within PT Flag")
            .derived("The same within AEDECOD")
            .coded("NY"),
    ]);
    if let Some(dlt) = &protocol.dlt {
        columns.extend([
            Column::text("AEDLT", "Dose-Limiting by the Investigator")
                .predecessor("SUPPAE.AEDLT")
                .coded("NY"),
            Column::text("ADLTFL", "Analysis Dose-Limiting Toxicity Flag")
                .derived("Y where the event counts as dose-limiting: by the committee, else by a rule of the protocol or the investigator; N for every other event with TRTEMFL Y (protocol, [dlt])")
                .coded("NY"),
            Column::text("DLTRULE", "Rule of the Protocol That Fired")
                .derived("Id of the rule that the event met, alone or with others (protocol, [[dlt.rules]])"),
            Column::text("DLTPOSFL", "Possible Dose-Limiting Toxicity Flag")
                .derived("Y where the event may be dose-limiting and awaits adjudication")
                .coded("NY"),
            Column::text("DLTPERFL", "Onset in the DLT Window Flag")
                .derived(format!(
                    "Y where ASTDT is not after the end of the window, else N; of events with TRTEMFL Y. The window ends {}",
                    window_in_words(dlt)
                ))
                .coded("NY"),
        ]);
    }
    columns
}

/// The rows of a patient, each beside its record of AE.
fn of_patient(context: &Context<'_>, patient: &PatientAnalysis, start: &Record) -> Vec<Record> {
    let mut taken: Vec<Value> = Vec::new();
    let mut rows: Vec<Event<'_>> = Vec::new();
    for event in &patient.facts.adverse_events {
        let found = found(context, patient, event, &taken);
        if let Some(found) = found {
            taken.push(found.sequence());
        }
        rows.push(Event { event, row: row(context, patient, event, found, start) });
    }
    mark_first_and_worst(&mut rows);
    rows.into_iter().map(|event| event.row).collect()
}

struct Event<'a> {
    event: &'a AdverseEvent,
    row: Record,
}

/// The record of an event: that of its key, and of several the one not taken yet that agrees in term and onset.
fn found<'a>(
    context: &'a Context<'_>,
    patient: &PatientAnalysis,
    event: &AdverseEvent,
    taken: &[Value],
) -> Option<Found<'a>> {
    let of_key = || {
        let records = context.records.of_event(&patient.id, &event.key);
        records.filter(|found| !taken.contains(&found.sequence()))
    };
    let onset = event.start.as_ref().map(When::earliest_date);
    let agrees = |found: &Found<'_>| {
        found.text("AETERM") == Some(event.verbatim.trim_end())
            && found.when("AESTDTC").map(|when| when.earliest_date()) == onset
    };
    of_key().find(agrees).or_else(|| of_key().next())
}

fn row(
    context: &Context<'_>,
    patient: &PatientAnalysis,
    event: &AdverseEvent,
    found: Option<Found<'_>>,
    start: &Record,
) -> Record {
    let mut row = start.clone();
    if let Some(found) = found {
        for name in KEPT {
            row.set(name, found.value(name));
        }
    }
    let emergent = patient.emergent.iter().find(|one| one.event == *event);
    let onset = emergent.map(|one| one.onset).or_else(|| event.start.as_ref().map(When::earliest_date));
    let complete = event.start.as_ref().and_then(When::date);
    let day = |date: jiff::civil::Date| patient.study_day(date).map(i64::from);
    let end = event.end.as_ref().map(When::latest_date).filter(|end| *end <= context.analysis().cut.date());
    let given = patient.exposure.fractions.iter().filter_map(|fraction| fraction.given);
    row.set("ASTDT", onset)
        .set("ASTDTF", onset.and_then(|_| imputed(event.start.as_ref())))
        .set("ASTDY", complete.and_then(day))
        .set("AENDT", end)
        .set("AENDTF", end.and_then(|_| imputed(event.end.as_ref())))
        .set("AENDY", end.and_then(day))
        .flag("RELFL", event.related)
        .set("ATOXGR", event.grade.map(|grade| grade.to_string()))
        .set("ATOXGRN", event.grade.map_or(Value::Missing, whole))
        .set(
            "CYCLE",
            onset
                .filter(|_| patient.is_treated())
                .map_or(Value::Missing, |onset| whole(given.filter(|day| *day <= onset).count() as i64)),
        )
        .mark("TRTEMFL", emergent.is_some())
        .mark("ANL01FL", emergent.is_some());
    if context.protocol().dlt.is_some() {
        let is_of = |record: &&posology_trial::analysis::toxicity::DltRecord| {
            record.event.as_ref().is_some_and(|one| one == event)
        };
        let counted = patient.dlt.records.iter().find(is_of);
        let possible = patient.dlt.possible.iter().find(is_of);
        let rule = counted.or(possible).and_then(|record| record.rule.as_deref());
        let judged = found.and_then(|found| investigator(context, patient, &found));
        row.set("AEDLT", judged)
            .flag("ADLTFL", emergent.map(|_| counted.is_some()))
            .set("DLTRULE", rule)
            .mark("DLTPOSFL", possible.is_some())
            .flag("DLTPERFL", emergent.map(|one| one.in_window));
    }
    row
}

/// The investigator's judgement on an event, as tabulated.
fn investigator(context: &Context<'_>, patient: &PatientAnalysis, found: &Found<'_>) -> Option<Value> {
    let Value::Number(sequence) = found.sequence() else { return None };
    let sequence = sequence.normalize().to_string();
    let mut judged = context.records.of_subject("SUPPAE", &patient.id).filter(|qualifier| {
        qualifier.text("QNAM") == Some("AEDLT") && qualifier.text("IDVARVAL") == Some(sequence.as_str())
    });
    judged.next().map(|qualifier| qualifier.value("QVAL"))
}

/// What of a date was not recorded.
fn imputed(when: Option<&When>) -> Option<&'static str> {
    let Some(when) = when else { return Some("Y") };
    if !when.is_partial() {
        return None;
    }
    Some(if when.earliest_date().last_of_month() == when.latest_date() { "D" } else { "M" })
}

/// Within what an event is the first, or the worst.
type Within = fn(&AdverseEvent) -> String;

/// Flags the first and the first of the worst treatment-emergent events: of all, within a class, within a term.
fn mark_first_and_worst(events: &mut [Event<'_>]) {
    let mut order: Vec<usize> = (0..events.len()).collect();
    let key = |event: &Event<'_>| {
        (event.row.get("ASTDT"), event.event.term.clone(), event.row.get("AESEQ"), event.event.key.clone())
    };
    let keys: Vec<_> = events.iter().map(key).collect();
    order.retain(|at| events.get(*at).is_some_and(|event| event.row.get("TRTEMFL") != Value::Missing));
    order.sort_by(|a, b| keys.get(*a).cmp(&keys.get(*b)));
    let mut worst = order.clone();
    // Sorted by grade, the worst first, events of one grade stay in the order of onset; one without a grade comes last.
    worst.sort_by_key(|at| std::cmp::Reverse(events.get(*at).and_then(|event| event.event.grade)));
    let within: [(&'static str, &'static str, Within); 3] = [
        ("AOCCFL", "AOCCIFL", |_| String::new()),
        ("AOCCSFL", "AOCCSIFL", |event| event.class.clone().unwrap_or_default()),
        ("AOCCPFL", "AOCCPIFL", |event| event.term.clone()),
    ];
    for (first_flag, worst_flag, group) in within {
        for (order, flag) in [(&order, first_flag), (&worst, worst_flag)] {
            let mut seen = BTreeSet::new();
            for at in order {
                if let Some(event) = events.get_mut(*at)
                    && seen.insert(group(event.event))
                {
                    event.row.mark(flag, true);
                }
            }
        }
    }
}
