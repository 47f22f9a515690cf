//! One patient, from screening to last contact: timeline, fractions with their arithmetic, laboratory values over CTCAE
//! bands, markers over thresholds, responses and DLT status with their reasons, and the history of every change.

use maud::{Markup, html};
use posology_report::figure::Figure;
use posology_trial::Because;
use posology_trial::analysis::exposure::FractionExposure;
use posology_trial::analysis::patient::PatientAnalysis;
use posology_trial::analysis::toxicity::{DltRecord, DltStatus};
use posology_trial::board::FractionStands;
use posology_trial::dosing::{Check, Course, Judged, Sheet};
use posology_trial::event::{AdverseEvent, DltJudgement, Entry, Fact, Kind};
use posology_trial::history::{self, Told};

use super::{or_dash, status};
use crate::View;
use crate::kinds::elsewhere;
use crate::pages::{figure, reasons};

/// Sections, in the order of the page.
const SECTIONS: [(&str, &str); 9] = [
    ("timeline", "Timeline"),
    ("dlt", "DLT status"),
    ("fractions", "Fractions"),
    ("laboratory", "Laboratory"),
    ("response", "Response"),
    ("events", "Adverse events"),
    ("deviations", "Deviations"),
    ("queries", "Queries"),
    ("history", "History"),
];

/// The page of one patient: nothing on it is of another.
/// The page of a patient; `may` are the kinds that whoever looks may record of them, none where nothing is recorded here.
pub(crate) fn body(view: &View, patient: &PatientAnalysis, may: &[Kind]) -> Markup {
    let told = history::of(&view.conduct, &patient.id);
    html! {
        (summary(view, patient))
        nav .filter aria-label="On this page" { ul { @for (id, name) in SECTIONS { li { a href={ "#" (id) } { (name) } } } } }
        h2 #timeline { "Timeline" }
        @match posology_report::patient::timeline(&view.analysis.protocol, &view.conduct, patient, &view.analysis.cut) {
            Some(line) => (figure(&line)),
            None => p { "Nothing recorded of this patient has a day." },
        }
        h2 #dlt { "DLT status" }
        (dlt(patient))
        h2 #fractions { "Fractions" }
        (fractions(view, patient))
        h2 #laboratory { "Laboratory values and their grades" }
        (figures(&posology_report::patient::laboratory(&view.analysis.protocol, patient), "No value can be shown by days since a first fraction."))
        (worst(patient))
        h2 #response { "Response" }
        (response(view, patient))
        h2 #events { "Adverse events" }
        (events(patient))
        h2 #deviations { "Deviations, and what is recorded although it breaks a rule" }
        (deviations(view, patient))
        h2 #queries { "Queries" }
        (queries(view, patient))
        h2 #history { "History of every change" }
        (changes(&told, may))
    }
}

fn figures(figures: &[Figure], none: &str) -> Markup {
    html! { @if figures.is_empty() { p { (none) } } @for one in figures { (figure(one)) } }
}

fn summary(view: &View, patient: &PatientAnalysis) -> Markup {
    let facts = &patient.facts.subject;
    let window = view.board.windows.iter().find(|window| window.subject == patient.id);
    let best = &patient.response.best;
    html! {
        dl .summary {
            dt { "Site" } dd { (facts.site.as_deref().unwrap_or("–")) }
            dt { "Cohort" } dd { (patient.cohort.as_deref().unwrap_or("–")) }
            dt { "Regimen" } dd { (patient.regimen.as_deref().unwrap_or("–")) }
            dt { "Age, sex" } dd { (or_dash(facts.age_years)) ", " (facts.sex.as_deref().unwrap_or("–")) }
            dt { "Enrolled" } dd { (or_dash(patient.enrolled)) @if let Some(version) = &patient.protocol_version { " under version " (version) } }
            dt { "First fraction" } dd { (or_dash(patient.exposure.first())) }
            dt { "Window ends" }
            dd {
                (or_dash(patient.window.map(|window| window.end)))
                @if let Some(window) = window {
                    @if window.days_left < 0 { ", " (window.days_left.unsigned_abs()) " days ago" } @else { ", " (window.days_left) " days left" }
                }
            }
            dt { "DLT status" } dd { strong .alert[patient.dlt.status == DltStatus::Dlt] { (status(patient)) } }
            dt { "Best response" }
            dd { strong { (or_dash(best.confirmed)) } " confirmed, " (or_dash(best.unconfirmed)) " unconfirmed" @if let Some(awaiting) = best.awaiting { "; awaits a second sample to become " (awaiting.would_become) } }
            dt { "Study" } dd { @if patient.disposition.on_study() { "on study" } @else { (patient.disposition.study_discontinued.as_deref().unwrap_or("left")) } }
        }
    }
}

/// Reasons of the analysis, and once at their end where the rules are written.
fn because(all: &[Because]) -> Markup {
    let mut sources: Vec<&str> = Vec::new();
    let parts = all.iter().flat_map(|because| because.source.split("; ")).filter(|part| !part.is_empty());
    for source in parts {
        if !sources.contains(&source) {
            sources.push(source);
        }
    }
    html! {
        @if !all.is_empty() {
            ul .reasons { @for because in all { li { (because.says) " " code { (because.rule) } } } }
            @if !sources.is_empty() { p .sources { small .quiet { (sources.join("; ")) } } }
        }
    }
}

fn dlt(patient: &PatientAnalysis) -> Markup {
    let dlt = &patient.dlt;
    html! {
        p { strong { (status(patient)) } @if let Some(awaits) = &dlt.awaits { ": awaits " (awaits) } }
        @if let Some((reason, adjudicator, date)) = &dlt.not_evaluable {
            p { "Judged not evaluable by " (adjudicator) " on " (date) ": " (reason) }
        }
        (because(&dlt.because))
        @for (name, records) in [("Dose-limiting", &dlt.records), ("Possible, waits for judgement", &dlt.possible)] {
            @if !records.is_empty() { (judged(name, records)) }
        }
        @if !dlt.gaps.is_empty() || !dlt.unknown.is_empty() {
            h3 { "Not seen, or not to be read" }
            (because(&dlt.gaps))
            (because(&dlt.unknown))
        }
    }
}

fn judged(name: &str, records: &[DltRecord]) -> Markup {
    let said = |judgement: &Option<DltJudgement>| match judgement {
        None => "not judged".to_owned(),
        Some(judgement) => {
            let on = judgement.date.as_ref().map(|date| format!(", {date}")).unwrap_or_default();
            let why = judgement.reason.as_ref().map(|why| format!(": {why}")).unwrap_or_default();
            format!(
                "{}{on}{why}",
                if judgement.dose_limiting { "dose-limiting" } else { "not dose-limiting" }
            )
        }
    };
    html! {
        h3 { (name) }
        div .scroll tabindex="0" role="group" aria-label="Table" {
            table {
                thead { tr { th scope="col" { "What" } th scope="col" { "Onset" } th scope="col" { "Rule" } th scope="col" { "Investigator" } th scope="col" { "Committee" } } }
                tbody {
                    @for record in records {
                        tr {
                            th scope="row" { (record.what) }
                            td { (or_dash(record.onset)) @if let Some(day) = record.onset_day { ", study day " (day) } }
                            td { (record.rule.as_deref().unwrap_or("–")) }
                            td { (said(&record.investigator)) }
                            td { (said(&record.committee)) }
                        }
                    }
                }
            }
        }
    }
}

/// The fractions in a table, then the sheet of each with its arithmetic.
fn fractions(view: &View, patient: &PatientAnalysis) -> Markup {
    let course = Course::of(&view.conduct, &patient.id);
    html! {
        @if patient.exposure.fractions.is_empty() && course.fractions.is_empty() { p { "None." } } @else {
            div .scroll tabindex="0" role="group" aria-label="Table" {
                table {
                    thead { tr { th scope="col" { "Fraction" } th scope="col" { "Stands" } th scope="col" { "Planned" } th scope="col" { "Given" } th scope="col" .n { "Days late" } th scope="col" .n { "Prescribed" } th scope="col" .n { "Net administered" } th scope="col" .n { "Of prescribed" } } }
                    tbody { @for fraction in &patient.exposure.fractions { (fraction_row(view, patient, fraction, course.sheet(fraction.number))) } }
                    tfoot {
                        tr {
                            th scope="row" { "All" } td colspan="4" { }
                            td .n { (or_dash(patient.exposure.total_prescribed())) }
                            td .n { (or_dash(patient.exposure.total_administered())) }
                            td { }
                        }
                    }
                }
            }
        }
        @for sheet in &course.fractions { (sheet_of(sheet)) }
        @if !course.checks.is_empty() {
            h3 { "Of the whole course" }
            ul .reasons { @for check in &course.checks { (asked(check)) } }
        }
    }
}

fn fraction_row(
    view: &View,
    patient: &PatientAnalysis,
    fraction: &FractionExposure,
    sheet: Option<&Sheet>,
) -> Markup {
    let stands = FractionStands::of(patient, fraction, view.board.as_of);
    html! {
        tr {
            th scope="row" { (fraction.number) }
            td .flag[stands == FractionStands::Late] { (stands.word()) @if let Some(reason) = &fraction.reason { ": " (reason) } }
            td { (or_dash(fraction.planned)) }
            td { (or_dash(fraction.given)) }
            td .n { (or_dash(fraction.delay_days)) }
            td .n { (or_dash(fraction.prescribed)) }
            td .n { (or_dash(fraction.net)) }
            td .n { @match sheet.and_then(|sheet| sheet.percent_shown.as_deref()) { Some(percent) => { (percent) @if !percent.ends_with('%') { "%" } }, None => "–" } }
        }
    }
}

fn sheet_of(sheet: &Sheet) -> Markup {
    html! {
        h3 { "Fraction " (sheet.fraction) }
        @if let Some(directive) = &sheet.directive {
            p {
                "Directive " (directive.directive) " of " (directive.date) ", "
                @if let Some(signed) = &directive.signed { "signed by " (signed.printed_name) " at " (signed.at) } @else { strong { "not signed" } }
            }
        }
        @if !sheet.lines.is_empty() {
            div .scroll tabindex="0" role="group" aria-label="Table" {
                table .sheet {
                    thead { tr { th scope="col" { "Line" } th scope="col" { "How" } th scope="col" .n { "Value" } } }
                    tbody {
                        @for line in &sheet.lines {
                            tr { td { (line.label) } td { (line.formula) } td .n { (line.shown) " " (line.unit) } }
                        }
                    }
                }
            }
        }
        @if let Some(missing) = &sheet.net_missing { p .flag { "No net administered activity: " (missing) } }
        @let met = sheet.checks.iter().filter(|check| check.judged == Judged::Met).count();
        ul .reasons {
            @for gate in &sheet.gates {
                li .flag[gate.flagged == Some(true)] { @if gate.flagged == Some(true) { strong { "For review: " } } (gate.because.says) }
            }
            @for check in sheet.checks.iter().filter(|check| check.judged != Judged::Met) { (asked(check)) }
            @for leak in &sheet.extravasations { li .flag { (leak.because.says) } }
        }
        @if met > 0 {
            details {
                summary { (met) " checks met" }
                ul .reasons { @for check in sheet.checks.iter().filter(|check| check.judged == Judged::Met) { (asked(check)) } }
            }
        }
    }
}

fn asked(check: &Check) -> Markup {
    let judged = match check.judged {
        Judged::Met => "met",
        Judged::NotMet => "not met",
        Judged::NotKnown => "not known yet",
    };
    html! { li .flag[check.judged == Judged::NotMet] { strong { (judged) } ": " (check.because().says) " " code { (check.rule) } } }
}

/// Worst grades after the first fraction, by term.
fn worst(patient: &PatientAnalysis) -> Markup {
    html! {
        @if !patient.worst_grades.is_empty() {
            h3 { "Worst grade after the first fraction, by term" }
            div .scroll tabindex="0" role="group" aria-label="Table" {
                table {
                    thead { tr { th scope="col" { "Term" } th scope="col" { "Analyte" } th scope="col" .n { "At baseline" } th scope="col" .n { "Worst" } th scope="col" { "Not graded" } } }
                    tbody {
                        @for worst in &patient.worst_grades {
                            tr {
                                th scope="row" { (worst.term) }
                                td { (worst.analyte.name()) }
                                td .n { (or_dash(worst.baseline)) }
                                td .n .alert[worst.worst.is_some_and(|grade| grade >= 3)] { (or_dash(worst.worst)) }
                                td { @if let Some(first) = worst.ungraded.first() { (worst.ungraded.len()) ": " (first.says) } @else { "–" } }
                            }
                        }
                    }
                }
            }
        }
    }
}

fn response(view: &View, patient: &PatientAnalysis) -> Markup {
    let response = &patient.response;
    html! {
        p { "By " (response.criteria) ". Best response: " strong { (or_dash(response.best.confirmed)) } " confirmed" @if let Some(date) = response.best.date { ", dated " (date) } ", " (or_dash(response.best.unconfirmed)) " unconfirmed." }
        (because(&response.best.reasons))
        @if let Some(measurable) = &response.measurable {
            h3 { "Measurable at baseline" }
            (because(&measurable.reasons))
        }
        (figures(&posology_report::patient::markers(&view.analysis.protocol, patient), "No marker measurable at baseline was measured since."))
        (visits(patient))
        @if !response.findings.is_empty() {
            h3 { "Doubtful in the data, and how it was read" }
            (because(&response.findings))
        }
    }
}

/// Each visit with its category and why.
fn visits(patient: &PatientAnalysis) -> Markup {
    let statuses = &patient.response.confirmed.statuses;
    html! {
        h3 { "Visits" }
        @if statuses.is_empty() { p { "No assessment." } } @else {
            div .scroll tabindex="0" role="group" aria-label="Table" {
                table .visits {
                    thead { tr { th scope="col" { "Day" } th scope="col" { "Assessed" } th scope="col" { "Confirmed status" } th scope="col" { "Investigator" } th scope="col" { "Because" } } }
                    tbody {
                        @for status in statuses {
                            @let investigator = patient.response.visits.iter().find(|visit| visit.date == status.date).and_then(|visit| visit.investigator.as_deref());
                            tr {
                                th scope="row" { (status.date) @if let Some(day) = patient.study_day(status.date) { br; small .quiet { "study day " (day) } } }
                                td { strong { (status.assessed) } @if !status.counts { br; small { "does not count" } } }
                                td { (status.status) @if let Some(second) = status.confirmed_by { br; small .quiet { "confirmed " (second) } } }
                                td { @match investigator { Some(said) => { (said) @if said != status.assessed.code() { br; small .flag { "differs" } } }, None => "–" } }
                                td { (because(&status.reasons)) }
                            }
                        }
                    }
                }
            }
        }
    }
}

fn events(patient: &PatientAnalysis) -> Markup {
    let all = &patient.facts.adverse_events;
    html! {
        @if all.is_empty() { p { "None recorded." } } @else {
            div .scroll tabindex="0" role="group" aria-label="Table" {
                table {
                    thead { tr { th scope="col" { "Term" } th scope="col" .n { "Grade" } th scope="col" { "Attribution" } th scope="col" { "From" } th scope="col" { "To" } th scope="col" { "Serious" } th scope="col" { "Outcome" } th scope="col" { "DLT" } } }
                    tbody { @for event in all { (event_row(patient, event)) } }
                }
            }
        }
    }
}

fn event_row(patient: &PatientAnalysis, event: &AdverseEvent) -> Markup {
    let related = match event.related {
        Some(true) => "related",
        Some(false) => "not related",
        None => "not recorded",
    };
    html! {
        tr {
            th scope="row" { (event.term) @if event.verbatim != event.term { br; small .quiet { (event.verbatim) } } }
            td .n .alert[event.grade.is_some_and(|grade| grade >= 3)] { (or_dash(event.grade)) }
            td { (related) @if let Some(causality) = &event.causality { br; small .quiet { (causality) } } }
            td { (or_dash(event.start.as_ref())) }
            td { @match &event.end { Some(end) => (end), None => "ongoing or not recorded" } }
            td { @match event.serious { Some(true) => strong { "yes" }, Some(false) => "no", None => "not recorded" } }
            td { (event.outcome.as_deref().unwrap_or("–")) }
            td { (relevance(patient, event)) }
        }
    }
}

/// What an event has to do with the DLT status.
fn relevance(patient: &PatientAnalysis, event: &AdverseEvent) -> &'static str {
    let is_of = |records: &[DltRecord]| {
        records.iter().any(|record| record.event.as_ref().is_some_and(|other| other.key == event.key))
    };
    let emergent = patient.emergent.iter().find(|emergent| emergent.event.key == event.key);
    match emergent {
        _ if is_of(&patient.dlt.records) => "dose-limiting",
        _ if is_of(&patient.dlt.possible) => "possible, waits for judgement",
        None => "began before the first fraction",
        Some(emergent) if emergent.in_window => "in the window, not dose-limiting",
        Some(_) => "after the window: the rule does not see it",
    }
}

fn deviations(view: &View, patient: &PatientAnalysis) -> Markup {
    let recorded: Vec<_> = view
        .conduct
        .of_subject(&patient.id, Kind::Deviation)
        .filter_map(|entry| match &entry.event.fact {
            Fact::Deviation(deviation) => Some(deviation),
            _ => None,
        })
        .collect();
    let flags: Vec<_> =
        view.board.flags.iter().filter(|flag| flag.subject.as_deref() == Some(patient.id.as_str())).collect();
    let gates: Vec<Because> =
        patient.exposure.fractions.iter().flat_map(|fraction| fraction.flags.iter().cloned()).collect();
    html! {
        @if recorded.is_empty() && flags.is_empty() && gates.is_empty() { p { "None." } }
        @if !recorded.is_empty() {
            ul { @for one in recorded { li { (one.date) ", " (format!("{:?}", one.category).to_lowercase()) ": " (one.what) @if let Some(action) = &one.action { "; done: " (action) } } } }
        }
        @if !flags.is_empty() { (reasons(flags.iter().map(|flag| (flag.says.as_str(), flag.rule)))) }
        @if !gates.is_empty() { (because(&gates)) }
    }
}

fn queries(view: &View, patient: &PatientAnalysis) -> Markup {
    let raised: Vec<_> = view
        .conduct
        .of_subject(&patient.id, Kind::QueryRaised)
        .filter_map(|entry| match &entry.event.fact {
            Fact::QueryRaised(query) => Some((query, entry)),
            _ => None,
        })
        .collect();
    let open: Vec<&str> = view.conduct.open_queries().iter().map(|query| query.query.as_str()).collect();
    html! {
        @if raised.is_empty() { p { "None." } } @else {
            table {
                thead { tr { th scope="col" { "Query" } th scope="col" { "Question" } th scope="col" { "Answers" } th scope="col" { "Stands" } } }
                tbody {
                    @for (query, entry) in raised {
                        tr {
                            th scope="row" { (query.query) br; small .quiet { (entry.event.recorded_by) " " (entry.event.recorded_at.strftime("%Y-%m-%d")) } }
                            td { (query.text) }
                            td {
                                @for answer in view.conduct.of_trial(Kind::QueryAnswered) {
                                    @if let Fact::QueryAnswered(fact) = &answer.event.fact {
                                        @if fact.query == query.query { p { (fact.text) " " small .quiet { (answer.event.recorded_by) " " (answer.event.recorded_at.strftime("%Y-%m-%d")) } } }
                                    }
                                }
                            }
                            td .flag[open.contains(&query.query.as_str())] { @if open.contains(&query.query.as_str()) { "open" } @else { "closed" } }
                        }
                    }
                }
            }
        }
    }
}

fn changes(told: &[Told], may: &[Kind]) -> Markup {
    let corrections = told.iter().filter(|one| one.corrects.is_some() || one.retracts.is_some()).count();
    html! {
        details open[corrections > 0 && told.len() < 40] {
            summary { (told.len()) " events, each as it was recorded; " (corrections) @if corrections == 1 { " correction or retraction" } @else { " corrections and retractions" } }
            div .scroll tabindex="0" role="group" aria-label="Table" {
                table .history {
                    thead { tr { th scope="col" .n { "Event" } th scope="col" { "Recorded" } th scope="col" { "By" } th scope="col" { "What, and why" } th scope="col" { "Hash" } } }
                    tbody { @for one in told { (change(one, may)) } }
                }
            }
        }
    }
}

fn change(told: &Told, may: &[Kind]) -> Markup {
    html! {
        tr id={ "event-" (told.position) } .gone[!told.stands] {
            td .n { (told.position) }
            td { (told.at.strftime("%Y-%m-%d %H:%M:%SZ")) @if let Some(offset) = &told.local_offset { br; small .quiet { "UTC" (offset) " there" } } }
            td { (told.by) @if let Some(role) = told.role { br; small .quiet { (role.word()) } } @if let Some(origin) = &told.origin { br; small .quiet { "from " (origin) } } }
            td {
                strong { (told.kind) } " "
                @for (name, value) in told.fields.iter().filter(|(name, _)| name != "subject") { span .field { (name) " " (shortened(value)) } " " }
                @if let Some(corrected) = &told.corrects {
                    p { em { "corrects " a href={ "#event-" (corrected.position) } { "event " (corrected.position) } ": " (corrected.reason) } }
                    table .before {
                        thead { tr { th scope="col" { "Field" } th scope="col" { "Before" } th scope="col" { "After" } } }
                        tbody { @for changed in &corrected.changes { tr { th scope="row" { (changed.field) } td { del { (or_dash(changed.before.as_deref())) } } td { ins { (or_dash(changed.after.as_deref())) } } } } }
                    }
                }
                @if let Some(position) = told.retracts { p { em { "retracts " a href={ "#event-" (position) } { "event " (position) } } } }
                @if !told.stands { p { em { "no longer stands" } } }
                @if let Some(reason) = &told.reason { p { em { "because " (reason) } } }
                @for signature in &told.signatures { p { em { "signed by " (signature.printed_name) ", " (signature.role.word()) ", for " (signature.meaning.word()) " at " (signature.at) } } }
                @for flag in &told.flags { p .flag { (flag.to_string()) " " code { (flag.rule) } } }
            }
            td {
                code title=(told.hash) { (told.hash.get(..12).unwrap_or_default()) }
                @if told.stands { (acts(told, may)) }
            }
        }
    }
}

/// What may be done with an event: corrected, by whoever may record its kind, unless it came from another system; signed.
fn acts(told: &Told, may: &[Kind]) -> Markup {
    let kind = Kind::of(told.kind);
    let corrects =
        kind.is_some_and(|kind| may.contains(&kind) && elsewhere(kind).is_none()) && told.origin.is_none();
    let signs = kind != Some(Kind::Signature) && may.contains(&Kind::Signature);
    html! {
        @if corrects {
            br; a href={ "/record/" (told.kind) "?corrects=" (told.hash) } aria-label={ "Correct event " (told.position) } { "Correct" }
        }
        @if signs {
            br; a href={ "/sign/" (told.hash) } aria-label={ "Sign event " (told.position) } { "Sign" }
        }
    }
}

/// A long value cut; the whole stands in the record.
fn shortened(value: &str) -> String {
    let short: String = value.chars().take(160).collect();
    if value.chars().count() > 160 { format!("{short}…") } else { short }
}

/// The manifest of signatures on an event (21 CFR 11.50(b)).
pub(crate) fn signatures(view: &View, entry: &Entry) -> Markup {
    html! {
        @if let Some(correction) = &entry.event.corrects {
            br; em { "corrects event " (view.conduct.position(&correction.hash)) ": " (correction.reason) }
        }
        @if let Fact::Retracted(retracted) = &entry.event.fact {
            br; em { "retracts event " (view.conduct.position(&retracted.event)) }
        }
        @if let Some(reason) = &entry.event.reason { br; em { "because " (reason) } }
        @for signature in view.conduct.signatures_on(&entry.hash) {
            br;
            em {
                "signed by " (signature.statement.printed_name) ", " (signature.statement.role.word()) ", for "
                (signature.statement.meaning.word()) " at " (signature.statement.at)
            }
        }
    }
}
