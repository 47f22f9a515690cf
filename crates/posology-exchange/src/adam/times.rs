//! ADTTE: times to an event, each with the record that ended it: the protocol's endpoints by its set of censoring rules and by
//! the sensitivity sets, and the time to dose-limiting toxicity.

use jiff::civil::Date;
use posology_trial::analysis::endpoint::{CensoringSet, EndpointTime, OtherDeath, TimeEndpoint};
use posology_trial::analysis::exposure::days_between;
use posology_trial::analysis::patient::PatientAnalysis;
use posology_trial::analysis::toxicity::DltStatus;
use posology_trial::protocol::Protocol;

use super::records::{Found, Source};
use super::sheet::{Record, Sheet, shared_columns, whole};
use super::{Context, limiting, response};
use crate::package::{Class, Column, Table, Value};
use crate::tabulation::ENTERED;

/// Endpoints that progression ends, in which sets of censoring rules differ.
const OF_PROGRESSION: [TimeEndpoint; 3] = [
    TimeEndpoint::ProgressionFreeSurvival,
    TimeEndpoint::TimeToProgression,
    TimeEndpoint::DurationOfResponse,
];

/// ADTTE.
pub(super) fn table(context: &Context<'_>) -> Table {
    let mut rows = Vec::new();
    let analysis = context.analysis();
    for (patient, start) in context.patients().filter(|(patient, _)| patient.is_treated()) {
        for (endpoint, set) in timed(context.protocol()) {
            let times = analysis.times(endpoint, set, std::iter::once(patient));
            for (_, time) in &times.counted {
                rows.push(row(context, patient, time, &start));
            }
        }
        rows.extend(to_dose_limiting(context, patient, &start));
    }
    let sheet = Sheet {
        name: "ADTTE",
        label: "Time-to-Event Analysis Dataset",
        class: Class::BasicDataStructure,
        structure: "One record per subject per parameter",
        keys: &["STUDYID", "USUBJID", "PARAMCD"],
        comment: Some(
            "Of treated subjects; DOR, TTR and TTBR of those with a confirmed response. Times are in days, both ends counted."
                .to_owned(),
        ),
        columns: columns(context.protocol()),
        rows,
    };
    sheet.table()
}

/// What is timed, by which set: every endpoint by the protocol's, and those of progression by the sensitivity sets too.
fn timed(protocol: &Protocol) -> Vec<(TimeEndpoint, CensoringSet)> {
    let set = protocol.times.censoring;
    let mut timed: Vec<_> = TimeEndpoint::ALL.into_iter().map(|endpoint| (endpoint, set)).collect();
    let others = CensoringSet::ALL.into_iter().filter(|other| *other != set);
    for other in others.filter(|other| protocol.times.sensitivity.contains(other)) {
        timed.extend(OF_PROGRESSION.into_iter().map(|endpoint| (endpoint, other)));
    }
    timed
}

fn columns(protocol: &Protocol) -> Vec<Column> {
    let times = &protocol.times;
    let sets: Vec<String> = timed(protocol)
        .iter()
        .map(|(_, set)| *set)
        .fold(Vec::new(), |mut sets, set| {
            if !sets.contains(&set) {
                sets.push(set);
            }
            sets
        })
        .into_iter()
        .map(|set| format!("{}: {}", set.word(), set.words()))
        .collect();
    let window = match &protocol.dlt {
        Some(_) => {
            " TTDLT: 1 where the window ended, or follow-up for dose-limiting toxicity, without one; progression does not censor it."
        }
        None => "",
    };
    let mut columns = shared_columns();
    columns.extend([
        Column::text("PARCAT1", "Parameter Category 1").derived(
            "PRIMARY by the set of censoring rules that decides (protocol, times.censoring), SENSITIVITY by another that is shown beside it (protocol, times.sensitivity); SAFETY of TTDLT",
        ),
        Column::text("PARAM", "Parameter").required().assigned(),
        Column::text("PARAMCD", "Parameter Code").required().assigned().coded("PARAMCD_ADTTE"),
        Column::integer("AVAL", "Analysis Value")
            .expected()
            .derived("ADT - STARTDT + 1: an end on the day of the origin is day 1"),
        Column::text("AVALU", "Analysis Value Unit").assigned(),
        Column::date("STARTDT", "Time-to-Event Origin Date for Subject").required().derived(
            "TRTSDT; of DOR the first day of a response that was confirmed",
        ),
        Column::date("ADT", "Analysis Date").expected().derived(
            "PFS: progression or death. OS: death. TTP: progression, or death from it. TTNT: next anti-cancer therapy or death, as protocol times.death-before-next-therapy says. TTR, TTBR: first day of the first, of the best confirmed response. DOR: progression or death, as protocol times.response-ends-with-death says. TTDLT: onset of the first dose-limiting toxicity, else the last day followed, at most the end of the window. Where censored the day that CNSDTDSC describes; never after the data cut",
        ),
        Column::integer("ADY", "Analysis Relative Day").derived("ADT - TRTSDT + 1"),
        Column::integer("CNSR", "Censor").required().derived(format!(
            "0 where the time ends with the event, 1 where it is censored, by the set of rules that CNSSET names (protocol, [times]; assessments every {} days with a window of {}, {} missed).{window} {}",
            times.interval_days,
            times.window_days,
            times.missed_visits,
            sets.join(". ")
        )),
        Column::text("EVNTDESC", "Event or Censoring Description")
            .required()
            .derived("The rule by which the time ends, in words"),
        Column::text("CNSDTDSC", "Censor Date Description").derived("Which day ADT is, where CNSR is 1"),
        Column::text("CNSSET", "Set of Censoring Rules").derived("Name of the set of censoring rules (protocol, times.censoring, times.sensitivity)"),
        Column::text("SRCDOM", "Source Data").derived("Domain of the record that gives ADT; missing where ADT is a day of the calendar, as the end of the window"),
        Column::text("SRCVAR", "Source Variable").derived("Variable of that record that gives ADT"),
        Column::integer("SRCSEQ", "Source Sequence Number").derived("--SEQ of that record; DM has none, nor has SV, of which the record is that of ADT"),
    ]);
    columns
}

fn code(endpoint: TimeEndpoint, set: CensoringSet, of_protocol: CensoringSet) -> String {
    let letters = endpoint.id().to_uppercase();
    if set == of_protocol {
        return letters;
    }
    let suffix = match set {
        CensoringSet::FdaTableA => "FA",
        CensoringSet::ProgressionAtNextVisit => "NV",
        CensoringSet::DiscontinuationIsEvent => "DC",
        CensoringSet::RegardlessOfNewTherapy => "NT",
        CensoringSet::MissedVisitsIgnored => "MV",
    };
    format!("{letters}{suffix}")
}

fn row(context: &Context<'_>, patient: &PatientAnalysis, time: &EndpointTime, start: &Record) -> Record {
    let of_protocol = context.protocol().times.censoring;
    let mut row = start.clone();
    let is_main = time.set == of_protocol;
    let name = if is_main {
        format!("{} (days)", time.endpoint.words())
    } else {
        format!("{} (days), {}", time.endpoint.words(), time.set.word())
    };
    let (ends, censored_at) = described(time);
    let source = source(context, patient, time);
    row.set("PARCAT1", if is_main { "PRIMARY" } else { "SENSITIVITY" })
        .set("PARAM", name)
        .set("PARAMCD", code(time.endpoint, time.set, of_protocol))
        .set("AVAL", whole(time.days))
        .set("STARTDT", time.origin)
        .set("CNSSET", time.set.word());
    set_end(&mut row, patient, Some(time.end), time.is_event, (ends, censored_at), source);
    row
}

fn set_end(
    row: &mut Record,
    patient: &PatientAnalysis,
    end: Option<Date>,
    is_event: bool,
    (ends, censored_at): (&str, Option<&str>),
    source: Source,
) {
    row.set("AVALU", "DAYS")
        .set("ADT", end)
        .set("ADY", end.and_then(|end| patient.study_day(end)).map(i64::from))
        .set("CNSR", whole(!is_event))
        .set("EVNTDESC", ends)
        .set("CNSDTDSC", censored_at)
        .set("SRCDOM", source.domain)
        .set("SRCVAR", source.variable)
        .set("SRCSEQ", source.sequence.unwrap_or(Value::Missing));
}

/// What ended a time, and where it is censored which day that is.
fn described(time: &EndpointTime) -> (&str, Option<&str>) {
    const LAST: &str = "Last adequate assessment";
    if time.is_event {
        let ends = match time.rule() {
            "progression" => "Confirmed progression",
            "progression-at-next-visit" => "Confirmed progression, dated at the next scheduled visit",
            "death" => "Death",
            "discontinuation" => "Treatment stopped without progression",
            "response" => "First response, later confirmed",
            "best-response" => "First day of the best confirmed response",
            "next-therapy" => "Start of the next therapy",
            other => other,
        };
        return (ends, None);
    }
    let (ends, at) = match time.rule() {
        "new-therapy" => ("New therapy before progression or death", LAST),
        "missed-assessments" => ("Progression or death after missed assessments", LAST),
        "other-death" => ("Death from another cause than progression", LAST),
        "discontinued" => ("No progression; treatment stopped", LAST),
        "no-progression" => ("No progression or death", LAST),
        "not-assessed" => ("No assessment to go by", "Origin"),
        "alive" if time.endpoint == TimeEndpoint::OverallSurvival => ("Alive", "Last known alive"),
        "alive" => ("Alive without next therapy", "Last known alive"),
        "death" => ("Death before any next therapy", "Death"),
        other => (other, LAST),
    };
    (ends, Some(at))
}

/// The record that gives the day on which a time ends.
fn source(context: &Context<'_>, patient: &PatientAnalysis, time: &EndpointTime) -> Source {
    let assessed = |date| response::assessment(context, patient, date);
    match (time.rule(), time.is_event) {
        ("death", _) => death(context, patient),
        ("progression-at-next-visit", _) => {
            let seen = patient.followed.as_ref().and_then(|followed| followed.progression);
            assessed(seen.unwrap_or(time.end))
        }
        ("next-therapy", _) => {
            let records = &context.records;
            let mut started = records
                .on("CM", &patient.id, time.end)
                .filter(|found| found.text("CMCAT") == Some("NEW ANTI-CANCER THERAPY"));
            Source::of("CM", "CMSTDTC", started.next())
        }
        ("discontinuation", _) => disposition(context, patient, time.end, |_| true),
        ("alive", _) => alive(context, patient, time.end),
        ("other-death", _) if context.protocol().times.other_death == OtherDeath::AtDeath => {
            death(context, patient)
        }
        ("not-assessed", _) if time.endpoint != TimeEndpoint::DurationOfResponse => {
            first_fraction(context, patient)
        }
        _ => assessed(time.end),
    }
}

fn first_fraction(context: &Context<'_>, patient: &PatientAnalysis) -> Source {
    let first = patient.exposure.first();
    let mut given = context.records.of_subject("EX", &patient.id).filter(|found| {
        found.when("EXSTDTC").map(|when| when.latest_date()) == first
            && found.text("EXTRT").is_some_and(|treatment| context.protocol().is_product(treatment))
    });
    Source::of("EX", "EXSTDTC", given.next())
}

fn disposition(
    context: &Context<'_>,
    patient: &PatientAnalysis,
    date: Date,
    is: impl Fn(&Found<'_>) -> bool,
) -> Source {
    let mut found = context.records.on("DS", &patient.id, date).filter(|found| is(found));
    Source::of("DS", "DSSTDTC", found.next())
}

/// The record of a death: as disposition, with its details, or in the demographics alone.
pub(super) fn death(context: &Context<'_>, patient: &PatientAnalysis) -> Source {
    let Some(death) = &patient.facts.death else { return Source::default() };
    let day = death.at.earliest_date();
    let is_death = |found: &Found<'_>| found.text("DSDECOD") == Some("DEATH");
    disposition(context, patient, day, is_death)
        .or_else(|| Source::of("DD", "DDDTC", context.records.on("DD", &patient.id, day).next()))
        .or_else(|| Source::of("DM", "DTHDTC", context.records.of_subject("DM", &patient.id).next()))
}

/// The record by which a patient was last known alive: the first of those of that day.
fn alive(context: &Context<'_>, patient: &PatientAnalysis, date: Date) -> Source {
    const DATED: [(&str, &str); 8] = [
        ("EX", "EXSTDTC"),
        ("LB", "LBDTC"),
        ("RS", "RSDTC"),
        ("VS", "VSDTC"),
        ("AE", "AESTDTC"),
        ("CM", "CMSTDTC"),
        ("PR", "PRSTDTC"),
        ("SV", "SVSTDTC"),
    ];
    let still_here = |found: &Found<'_>| {
        !found.text("DSDECOD").is_some_and(|term| matches!(term, "LOST TO FOLLOW-UP" | "DEATH" | ENTERED))
    };
    DATED
        .into_iter()
        .map(|(domain, variable)| {
            Source::of(domain, variable, context.records.on(domain, &patient.id, date).next())
        })
        .find(|source| source.domain.is_some())
        .unwrap_or_else(|| disposition(context, patient, date, still_here))
}

/// The time to the first dose-limiting toxicity.
fn to_dose_limiting(context: &Context<'_>, patient: &PatientAnalysis, start: &Record) -> Option<Record> {
    let (window, followed_to) = patient.window.zip(patient.dlt.followed_to)?;
    let is_event = patient.dlt.status == DltStatus::Dlt;
    let found = limiting::first_record(patient).filter(|_| is_event);
    let end = if is_event { found.and_then(|found| found.onset) } else { Some(followed_to.min(window.end)) };
    let described = match (is_event, patient.dlt.status) {
        (true, _) if end.is_none() => ("Dose-limiting toxicity, its onset not recorded", None),
        (true, _) => ("Dose-limiting toxicity", None),
        _ if followed_to >= window.end => ("No dose-limiting toxicity", Some("End of the DLT window")),
        (_, DltStatus::NoDlt) => {
            ("No dose-limiting toxicity", Some("Last day followed, window counted as complete"))
        }
        (_, DltStatus::NotEvaluable) => {
            ("Not evaluable for dose-limiting toxicity", Some("Last day followed"))
        }
        _ => ("Pending", Some("Last day followed in the DLT window")),
    };
    let source = match (found, end) {
        (Some(found), _) => limiting::source(context, patient, found),
        (None, Some(end)) if end < window.end => alive(context, patient, end),
        _ => Source::default(),
    };
    let mut row = start.clone();
    let days = end.and_then(|end| days_between(window.first_fraction, end)).map(|days| i64::from(days) + 1);
    row.set("PARCAT1", "SAFETY")
        .set("PARAM", "Time to dose-limiting toxicity (days)")
        .set("PARAMCD", "TTDLT")
        .set("AVAL", days)
        .set("STARTDT", window.first_fraction);
    set_end(&mut row, patient, end, is_event, described, source);
    Some(row)
}
