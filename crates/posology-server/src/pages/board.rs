//! The board: the ladder with its patients, windows counted down, what is due, the rule's advice, caps, gates and holds.
//!
//! What it shows of patients, it shows of those it is handed. Whoever may not see all of them sees neither counts of
//! toxicity nor the advice made of them.

use std::collections::BTreeSet;

use maud::{Markup, html};
use posology_trial::analysis::CohortAnalysis;
use posology_trial::analysis::decision::{Advised, Counts};
use posology_trial::analysis::patient::PatientAnalysis;
use posology_trial::board::{Awaited, OpenWindow, next_due};
use posology_trial::permission::Matter;

use super::{address_of, figure, percent_encoded, reasons};
use crate::View;
use crate::ask::{Answer, Asked};
use crate::layout;

pub(crate) fn page(asked: &Asked) -> Answer {
    let (view, reading) = asked.reads(Matter::Board)?;
    let patients = view.patients_for(&reading);
    let body = body(&view, &patients);
    Ok(layout::page(asked, &view, "/", "Board", &body))
}

/// The board for whoever may see these patients.
pub(crate) fn body(view: &View, patients: &[&PatientAnalysis]) -> Markup {
    let shown = Shown::of(view, patients);
    let ladder = posology_report::board::ladder(&view.analysis, &view.board, patients, |patient| {
        address_of(&patient.id)
    });
    html! {
        p .standing {
            "As of " strong { (view.board.as_of) } " · data to " (view.analysis.cut.cut_off.strftime("%Y-%m-%d %H:%M UTC"))
            " · " (view.analysis.cut.position) " events · head " code { (short(&view.analysis.cut.head)) }
        }
        @if !shown.everyone { p .quiet { "Only the patients you may see are shown, and no numbers that count others." } }
        div .glance {
            (due(view, &shown))
            (places(view, &shown))
            @if shown.everyone { (advised(view)) }
        }
        (figure(&ladder))
        (windows(view, &shown))
        @if shown.everyone { (cohorts(view)) }
        (awaited(view, &shown))
        @if shown.everyone { (advice(view)) }
        (limits(view, &shown))
        (flags(view, &shown))
    }
}

/// Who may be shown.
struct Shown<'a> {
    subjects: BTreeSet<&'a str>,
    everyone: bool,
}

impl<'a> Shown<'a> {
    fn of(view: &View, patients: &[&'a PatientAnalysis]) -> Self {
        let subjects: BTreeSet<&str> = patients.iter().map(|patient| patient.id.as_str()).collect();
        let everyone = view.analysis.patients.iter().all(|patient| subjects.contains(patient.id.as_str()));
        Self { subjects, everyone }
    }

    fn may(&self, subject: Option<&str>) -> bool {
        self.everyone || subject.is_some_and(|subject| self.subjects.contains(subject))
    }

    fn awaited<'v>(&self, view: &'v View) -> Vec<&'v Awaited> {
        view.board.awaited.iter().filter(|one| self.may(one.subject.as_deref())).collect()
    }
}

fn short(hash: &str) -> &str {
    hash.get(..12).unwrap_or(hash)
}

/// What is due next, and how much is late.
fn due(view: &View, shown: &Shown<'_>) -> Markup {
    let awaited = shown.awaited(view);
    let late = awaited.iter().filter(|one| one.overdue).count();
    let next = next_due(awaited.iter().copied());
    html! {
        section .card aria-labelledby="due" {
            h2 #due { "Due next" }
            @match next {
                Some(next) => p { strong { @if let Some(until) = next.until { (until) } } " " (who(next)) ": " (next.what) },
                None => p { "Nothing has a last day to come." },
            }
            @if late > 0 { p .flag { (late) " overdue" } }
            @if let Some(one) = awaited.iter().find(|one| one.until.is_none()) {
                p .quiet { "Without a last day: " (who(one)) ": " (one.what) }
            }
        }
    }
}

fn who(awaited: &Awaited) -> Markup {
    html! {
        @match (&awaited.subject, &awaited.cohort) {
            (Some(subject), _) => a href=(address_of(subject)) { (subject) },
            (None, Some(cohort)) => (cohort),
            (None, None) => "the trial",
        }
    }
}

/// Where a patient could be enrolled now.
fn places(view: &View, shown: &Shown<'_>) -> Markup {
    let open: Vec<_> = view.board.cohorts.iter().filter(|cohort| cohort.open).collect();
    html! {
        section .card aria-labelledby="places" {
            h2 #places { "Places" }
            @if open.is_empty() { p { "No cohort is open with a free place." } }
            @for cohort in open {
                p {
                    strong { (cohort.free()) " of " (cohort.places) " free" } " in " (cohort.id)
                    @if cohort.kept > 0 { ", " (cohort.kept) " kept" }
                    @if let Some(day) = cohort.next_start { "; the next first fraction from " (day) }
                }
            }
            @for slot in view.board.slots.iter().filter(|_| shown.everyone) {
                p .quiet {
                    "Place " (slot.slot) " in " (slot.cohort) " for site " (slot.site) ", "
                    @match slot.until { Some(until) => { "kept until " (until.strftime("%Y-%m-%d %H:%M UTC")) }, None => "asked for, not confirmed" }
                }
            }
        }
    }
}

fn advised(view: &View) -> Markup {
    let Some(cohort) = view.analysis.cohort_to_review() else { return html! {} };
    let Some(word) = cohort.advised_word() else { return html! {} };
    html! {
        section .card aria-labelledby="advised" {
            h2 #advised { "The rule advises on " (cohort.id) }
            p .advice { strong { (word) } @if let Some(next) = cohort.advice.as_ref().and_then(|advice| advice.next.as_ref()) { " to level " (next.level) ", " (next.label) } }
            @if let Some(advice) = cohort.advice.as_ref().filter(|advice| advice.advised == Advised::Hold) { p .flag { "A hold is in force; the rule alone would advise to " (advice.decision.action.word()) "." } }
            p { a href="#advice" { "Why" } " · " a href={ "/packet/" (cohort.id) } { "The packet of " (cohort.id) } }
        }
    }
}

/// Each open window with the days that are left.
fn windows(view: &View, shown: &Shown<'_>) -> Markup {
    let open: Vec<&OpenWindow> =
        view.board.windows.iter().filter(|window| shown.may(Some(&window.subject))).collect();
    if view.analysis.protocol.dlt.is_none() {
        return html! {};
    }
    html! {
        h2 { "DLT windows counted down" }
        @if open.is_empty() { p { "No patient is pending." } } @else {
            table .wide {
                thead { tr { th scope="col" { "Subject" } th scope="col" { "Cohort" } th scope="col" { "First fraction" } th scope="col" { "Window ends" } th scope="col" .n { "Days left" } th scope="col" { "Awaits" } } }
                tbody {
                    @for window in open {
                        tr {
                            th scope="row" { a href=(address_of(&window.subject)) { (window.subject) } }
                            td { (window.cohort.as_deref().unwrap_or("–")) }
                            td { (window.first_fraction) }
                            td { (window.end) }
                            td .n { @if window.days_left < 0 { "ended " (window.days_left.unsigned_abs()) " days ago" } @else { (window.days_left) } }
                            td .flag[window.possible_dlt] { (window.awaits) }
                        }
                    }
                }
            }
        }
    }
}

fn cohorts(view: &View) -> Markup {
    let dlt = view.analysis.protocol.dlt.is_some();
    html! {
        h2 { "Cohorts" }
        table .wide {
            thead { tr { th scope="col" { "Cohort" } th scope="col" { "Regimen" } th scope="col" .n { "Treated / planned" } @if dlt { th scope="col" .n { "Evaluable" } th scope="col" .n { "DLT" } th scope="col" .n { "Pending" } th scope="col" .n { "Not evaluable" } } th scope="col" { "Stands" } } }
            tbody { @for cohort in &view.analysis.cohorts { (cohort_row(view, cohort)) } }
        }
    }
}

fn cohort_row(view: &View, cohort: &CohortAnalysis) -> Markup {
    let counts = Counts::of(view.analysis.patients_of(cohort));
    let board = view.board.cohorts.iter().find(|board| board.id == cohort.id);
    html! {
        tr {
            th scope="row" { a href={ "/patients?cohort=" (percent_encoded(&cohort.id)) } { (cohort.id) } }
            td { (cohort.label) }
            td .n { (counts.treated) " / " (cohort.planned) }
            @if view.analysis.protocol.dlt.is_some() {
                td .n { (counts.evaluable()) }
                td .n .alert[counts.dlt > 0] { (counts.dlt) }
                td .n { (counts.pending + counts.possible) }
                td .n { (counts.not_evaluable) }
            }
            td {
                (board.map_or_else(|| cohort.stage.words().to_owned(), |board| board.stands.clone()))
                @if let Some(board) = board.filter(|board| board.open) { " · " (board.free()) " of " (board.places) " places free" }
            }
        }
    }
}

fn awaited(view: &View, shown: &Shown<'_>) -> Markup {
    let awaited = shown.awaited(view);
    html! {
        h2 { "Awaited" }
        @if awaited.is_empty() { p { "Nothing is awaited." } } @else {
            table .wide {
                thead { tr { th scope="col" { "Who" } th scope="col" { "What" } th scope="col" { "Until" } } }
                tbody {
                    @for one in awaited {
                        tr .overdue[one.overdue] {
                            td { (who(one)) }
                            td { (one.what) }
                            td { @if let Some(until) = one.until { (until) @if one.overdue { strong { " overdue" } } } @else { "–" } }
                        }
                    }
                }
            }
        }
    }
}

fn advice(view: &View) -> Markup {
    if view.analysis.cohorts.iter().any(|cohort| cohort.monitored.is_some()) {
        return watched(view);
    }
    let Some(cohort) = view.analysis.cohort_to_review() else { return html! {} };
    let Some(advice) = &cohort.advice else { return html! {} };
    html! {
        h2 #advice { "Why the rule advises so on " (cohort.id) }
        dl {
            dt { "Known" } dd { (advice.known) }
            dt { "Pending" } dd { (advice.pending) }
            dt { "Unseen" } dd { (advice.unseen) }
        }
        (reasons(advice.decision.because.iter().map(|because| (because.says.as_str(), &*because.rule))))
        @for hold in &advice.holds { p .flag { "Hold: " (hold.because.says) } }
        @for gap in &advice.gaps { p .flag { (gap.says) } }
    }
}

/// The arms that are watched, each with what its rule says and why.
fn watched(view: &View) -> Markup {
    html! {
        h2 #advice { "What the rule of each arm says, and why" }
        table .wide {
            thead { tr { th scope="col" { "Arm" } th scope="col" { "Rate" } th scope="col" .n { "With" } th scope="col" .n { "Without" } th scope="col" .n { "Awaited" } th scope="col" { "Look" } th scope="col" { "The rule says" } th scope="col" { "Because" } } }
            tbody {
                @for (cohort, monitored) in view.analysis.cohorts.iter().filter_map(|cohort| Some((cohort, cohort.monitored.as_ref()?))) {
                    tr {
                        th scope="row" { (cohort.id) }
                        td { (monitored.rate) }
                        td .n { (monitored.responded) } td .n { (monitored.without) } td .n { (monitored.awaited.len()) }
                        td { (monitored.look + 1) " of " (monitored.looks.len()) @if let Some(look) = monitored.at() { ", at " (look.n) " patients" } }
                        td { strong { (monitored.advised.word()) } }
                        td { (reasons(monitored.because.iter().map(|because| (because.says.as_str(), &*because.rule)))) p .quiet { (monitored.title) } }
                    }
                }
            }
        }
    }
}

/// What the protocol caps, which holds it knows, and what it asks of an activity.
fn limits(view: &View, shown: &Shown<'_>) -> Markup {
    let protocol = &view.analysis.protocol;
    html! {
        h2 { "Caps, holds and gates" }
        @if shown.everyone && !view.board.caps.is_empty() {
            h3 { "Caps: patients that the protocol allows" }
            table .wide {
                thead { tr { th scope="col" { "Where" } th scope="col" .n { "Enrolled" } th scope="col" .n { "At most" } th scope="col" { "Stands" } } }
                tbody {
                    @for cap in view.board.caps.iter().filter(|cap| cap.regimen.is_none() || cap.enrolled > 0) {
                        tr {
                            th scope="row" { @match &cap.regimen { Some(regimen) => { "regimen " (regimen) }, None => "the trial" } }
                            td .n { (cap.enrolled) } td .n { (cap.most) }
                            td .flag[cap.is_reached()] { @if cap.is_reached() { "reached: it takes an amendment" } @else { "room for " (cap.most - cap.enrolled) } }
                        }
                    }
                }
            }
        }
        @if shown.everyone && !view.board.arms.is_empty() {
            h3 { "Arms of the randomised comparison" }
            table .wide {
                thead { tr { th scope="col" { "Arm" } th scope="col" { "Regimen" } th scope="col" .n { "Planned" } th scope="col" .n { "Randomised" } th scope="col" .n { "Enrolled" } } }
                tbody {
                    @for arm in &view.board.arms {
                        tr {
                            th scope="row" { (arm.cohort) }
                            td { (arm.regimen) }
                            td .n { (arm.planned) } td .n { (arm.randomised) } td .n { (arm.enrolled) }
                        }
                    }
                }
            }
        }
        h3 { "Holds" }
        @if view.board.hold_rules.is_empty() { p { "The protocol has none." } } @else {
            table .wide {
                thead { tr { th scope="col" { "Hold" } th scope="col" { "The protocol says" } th scope="col" { "Lifted by" } th scope="col" { "Now" } } }
                tbody {
                    @for rule in &view.board.hold_rules {
                        tr {
                            th scope="row" { (rule.hold) }
                            td { (rule.says) }
                            td { (rule.lifted_by) }
                            td {
                                @if rule.in_force.is_empty() && (rule.met.is_empty() || !shown.everyone) { "not in force" }
                                @for why in &rule.in_force { p .flag { strong { "in force" } @if shown.everyone { ": " (why) } } }
                                @if rule.in_force.is_empty() && shown.everyone { @for why in &rule.met { p { "met, not in force: " (why) } } }
                            }
                        }
                    }
                }
            }
        }
        h3 { "Gates on activity" }
        p {
            "Flagged for review: net administered against prescribed " (protocol.gates.tolerance_comparison.limit(protocol.gates.tolerance_percent)) " off; before use " (protocol.gates.before_use_comparison.limit(protocol.gates.before_use_percent)) " off; after use " (protocol.gates.after_use_comparison.limit(protocol.gates.after_use_percent)) " off; a fraction more than " (protocol.gates.delayed_more_than_days) " days after its planned day."
        }
        @let flagged: Vec<_> = view.analysis.patients.iter().filter(|patient| shown.may(Some(&patient.id))).flat_map(|patient| patient.exposure.fractions.iter().flat_map(move |fraction| fraction.flags.iter().map(move |flag| (patient, flag)))).collect();
        @if flagged.is_empty() { p { "No fraction is flagged." } } @else {
            ul .reasons { @for (patient, flag) in flagged { li .flag { a href=(address_of(&patient.id)) { (patient.id) } ": " (flag.says) " " code { (flag.rule) } } } }
        }
    }
}

fn flags(view: &View, shown: &Shown<'_>) -> Markup {
    let flags: Vec<_> =
        view.board.flags.iter().rev().filter(|flag| shown.may(flag.subject.as_deref())).collect();
    html! {
        @if !flags.is_empty() {
            h2 { "Recorded although it breaks a rule" }
            ul .reasons {
                @for flag in flags {
                    li .flag {
                        "event " (flag.position)
                        @if let Some(subject) = &flag.subject { ", " a href=(address_of(subject)) { (subject) } }
                        ": " (flag.to_string()) " " code { (flag.rule) }
                    }
                }
            }
        }
        @if shown.everyone && !view.analysis.misfits.is_empty() {
            h2 { "The record does not fit the protocol" }
            ul .reasons { @for misfit in &view.analysis.misfits { li { (misfit.says) " " code { (misfit.rule) } } } }
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use posology_trial::analysis::patient::PatientAnalysis;
    use posology_trial::conduct::Conduct;
    use posology_trial::event::{Chain, sha256};
    use posology_trial::protocol::Protocol;

    use crate::View;

    /// The example after its first 4600 events: three windows open in cohort 6.
    fn view() -> View {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../examples/clr131");
        let read = |name: &str| std::fs::read_to_string(format!("{folder}/{name}")).unwrap();
        let text = read("trial.toml");
        let lines: String =
            read("events.ndjson").lines().take(4600).map(|line| format!("{line}\n")).collect();
        let (protocol, _) = Protocol::read(&text).unwrap();
        let conduct = Conduct::replay(&Chain::read(&lines).unwrap()).unwrap();
        let now = "2019-01-22T12:00:00Z".parse().unwrap();
        crate::analysed(&protocol, &sha256(text.as_bytes()), conduct, now).unwrap()
    }

    #[test]
    fn who_may_see_one_site_reads_on_the_board_nothing_of_another() {
        let view = view();
        let of_site = |site: &str| -> Vec<&PatientAnalysis> {
            let at = |patient: &&PatientAnalysis| patient.facts.subject.site.as_deref() == Some(site);
            view.analysis.patients.iter().filter(at).collect()
        };
        let (own, others) = (of_site("01"), of_site("02"));
        assert!(own.len() > 8 && others.len() > 8);
        let board = super::body(&view, &own).into_string();
        for patient in &own {
            assert!(board.contains(&patient.id), "{}", patient.id);
        }
        for patient in &others {
            assert!(!board.contains(&patient.id) && !board.contains(patient.short_id()), "{}", patient.id);
        }
        let everything = super::body(&view, &view.analysis.patients.iter().collect::<Vec<_>>()).into_string();
        for counting in
            ["0/4 DLT", "The rule advises", "1 pending", "3 pending", "Evaluable", "full, in window"]
        {
            assert!(!board.contains(counting), "{counting}");
        }
        for counting in ["0/4 DLT", "The rule advises", "3 pending", "Evaluable", "full, in window"] {
            assert!(everything.contains(counting), "{counting}");
        }
    }
}
