//! Late toxicity: what the schedule asks for, which events count, and what death does to their incidence.

#![allow(missing_docs, clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]

use jiff::ToSpan as _;
use jiff::civil::{Date, date};
use posology_trial::analysis::Analysis;
use posology_trial::analysis::incidence::Ending;
use posology_trial::analysis::late::{LateFollowUp, OccasionStands};
use posology_trial::cut::{Cut, cut_off};
use posology_trial::event::{Chain, Event, Fact, sha256};
use posology_trial::protocol::Protocol;
use serde_json::{Value, json};

const PROTOCOL: &str = r#"
[trial]
id = "T-LATE"
title = "Followed for years"
[version]
id = "1.0"
date = 2014-01-01
reason = "First"
[[regimen]]
id = "low"
fraction = [{ day = 1, activity = "10 mCi/m2" }]
[[cohort]]
id = "A"
regimen = "low"
planned = 6
[dlt]
window-days = 84
ctcae = "5.0"
[late]
until-years = 3
[[late.follow]]
id = "counts"
what = "Blood counts"
every-months = 6
tests = ["platelets"]
[[late.event]]
id = "mds-aml"
text = "MDS or AML"
adverse-event = { terms = ["Myelodysplastic syndrome"], grade-at-least = 1 }
[[late.event]]
id = "egfr"
text = "eGFR below 60"
lab = { analyte = "egfr", below = "60 mL/min/1.73m2" }
"#;

const FIRST: Date = date(2015, 1, 1);

fn fact(kind: &str, body: &Value) -> Fact {
    serde_json::from_value(json!({ "type": kind, "body": body })).unwrap()
}

/// A patient treated on 1 January 2015, in cohort A.
fn treated(subject: &str) -> Vec<Fact> {
    vec![
        fact("subject/1", &json!({ "subject": subject, "arm": "A" })),
        fact(
            "administration/1",
            &json!({ "subject": subject, "treatment": "X", "fraction": 1, "start": FIRST.to_string() }),
        ),
    ]
}

fn lab(subject: &str, analyte: &str, result: &str, unit: &str, on: Date) -> Fact {
    fact(
        "laboratory/1",
        &json!({ "subject": subject, "test": analyte, "analyte": analyte, "result": result, "unit": unit, "at": on.to_string() }),
    )
}

fn platelets(subject: &str, on: Date) -> Fact {
    lab(subject, "platelets", "150", "10^9/L", on)
}

fn egfr(subject: &str, value: &str, on: Date) -> Fact {
    lab(subject, "egfr", value, "mL/min/1.73m2", on)
}

fn event(subject: &str, term: &str, grade: Option<u8>, on: &str) -> Fact {
    let key = format!("{term}/{on}");
    fact(
        "adverse-event/1",
        &json!({ "subject": subject, "key": key, "term": term, "verbatim": term, "grade": grade, "start": on }),
    )
}

fn death(subject: &str, on: Date) -> Fact {
    fact("death/1", &json!({ "subject": subject, "at": on.to_string() }))
}

fn visit(subject: &str, on: Date) -> Fact {
    fact("visit/1", &json!({ "subject": subject, "name": "Visit", "start": on.to_string() }))
}

fn analysis_of(text: &str, facts: Vec<Fact>, cut: &str) -> Analysis {
    let (protocol, _) = Protocol::read(text).unwrap();
    let mut chain = Chain::default();
    for fact in facts {
        chain.append(Event::new("2021-01-01T00:00:00Z".parse().unwrap(), "test", fact)).unwrap();
    }
    let cut = Cut::freeze(&chain, cut_off(cut)).unwrap();
    Analysis::of(&protocol, &sha256(text.as_bytes()), &chain, &cut).unwrap()
}

fn analysis(facts: Vec<Fact>, cut: &str) -> Analysis {
    analysis_of(PROTOCOL, facts, cut)
}

fn follow_up(analysis: &Analysis) -> &LateFollowUp {
    analysis.patients[0].late_follow_up.as_ref().unwrap()
}

fn stands(analysis: &Analysis, as_of: Date) -> Vec<(u32, OccasionStands)> {
    let item = &follow_up(analysis).schedule[0];
    item.occasions.iter().map(|one| (one.month, one.stands(as_of))).collect()
}

#[test]
fn the_schedule_asks_for_the_months_beyond_the_window_and_says_what_is_overdue() {
    use OccasionStands::{Awaited, Done, DoneLate, Missed, Overdue};
    let after = |months: i64, days: i64| FIRST + months.months() + days.days();
    let mut facts = treated("P");
    facts.extend([
        platelets("P", after(6, 5)),
        platelets("P", after(12, 50)),
        platelets("P", after(24, -29)),
    ]);
    let seen = analysis(facts, "2016-12-03");
    let months = stands(&seen, date(2017, 2, 1));
    assert_eq!(months, [(6, Done), (12, DoneLate), (18, Missed), (24, Done), (30, Awaited), (36, Awaited)]);
    let (next, overdue) = follow_up(&seen).schedule[0].next(date(2018, 3, 1)).unwrap();
    assert_eq!((next.month, next.due, next.until, overdue), (30, date(2017, 7, 1), date(2017, 7, 31), 2));
    assert_eq!(next.stands(date(2017, 7, 31)), Awaited);
    assert_eq!(next.stands(date(2017, 8, 1)), Overdue);
}

#[test]
fn who_died_or_left_is_asked_for_nothing_more() {
    let mut facts = treated("P");
    facts.extend([platelets("P", date(2015, 7, 1)), death("P", date(2016, 1, 20))]);
    let seen = analysis(facts, "2016-01-20");
    let of_month =
        |month: u32| stands(&seen, date(2018, 12, 31)).into_iter().find(|one| one.0 == month).unwrap().1;
    assert_eq!(of_month(6), OccasionStands::Done);
    assert_eq!(of_month(12), OccasionStands::NotAsked);
    assert_eq!(follow_up(&seen).schedule[0].next(date(2018, 12, 31)), None);
}

#[test]
fn an_event_inside_the_window_is_not_late_and_one_a_day_later_is() {
    // The window of 84 days from 1 January ends on 26 March.
    for (on, is_late) in [("2015-03-26", false), ("2015-03-27", true)] {
        let mut facts = treated("P");
        facts.extend([event("P", "Myelodysplastic syndrome", Some(2), on), visit("P", date(2016, 1, 1))]);
        let seen = analysis(facts, "2016-01-01");
        assert_eq!(follow_up(&seen).kinds[0].first.is_some(), is_late, "{on}");
    }
}

#[test]
fn an_event_without_a_grade_is_told_and_counts_as_no_event() {
    let mut facts = treated("P");
    facts.extend([event("P", "Myelodysplastic syndrome", None, "2015-09-01"), visit("P", date(2016, 1, 1))]);
    let seen = analysis(facts, "2016-01-01");
    let kind = &follow_up(&seen).kinds[0];
    assert_eq!((kind.first.is_none(), kind.not_judged.len()), (true, 1));
    assert_eq!(follow_up(&seen).time_to(Some("mds-aml")).unwrap().ending, Ending::Censored);
}

/// Source: worked by hand. Days are counted as study days are: 1 July 2015 is day 182.
#[test]
fn a_laboratory_kind_is_followed_to_its_last_result_and_others_to_the_last_contact() {
    let mut facts = treated("P");
    facts.extend([
        egfr("P", "90", date(2014, 12, 30)),
        egfr("P", "88", date(2015, 7, 1)),
        visit("P", date(2016, 1, 1)),
    ]);
    let seen = analysis(facts, "2016-01-01");
    let days = |kind| follow_up(&seen).time_to(kind).unwrap().days;
    assert_eq!((days(Some("egfr")), days(Some("mds-aml")), days(None)), (182, 366, 366));
    assert_eq!(follow_up(&seen).time_to(Some("no such kind")), None);
}

/// Source: worked by hand. Of four patients one has the event in month 8, one dies before it, one dies after it, one is
/// seen to month 24: with death censored, Kaplan-Meier would give 1/3; the dead cannot have it, so it is 1/4.
#[test]
fn the_dead_stay_in_the_denominator_of_a_late_event() {
    let mut facts: Vec<Fact> = ["P1", "P2", "P3", "P4"].into_iter().flat_map(treated).collect();
    facts.extend([
        event("P1", "Myelodysplastic syndrome", Some(3), "2015-09-01"),
        death("P2", date(2015, 6, 1)),
        visit("P3", date(2016, 6, 1)),
        death("P3", date(2016, 6, 2)),
        visit("P4", date(2017, 1, 1)),
    ]);
    let seen = analysis(facts, "2017-01-01");
    let curve = seen.late_incidence(Some("mds-aml"), &seen.patients).unwrap();
    let at = curve.at(600.0).unwrap();
    assert!((at.incidence - 0.25).abs() < 1e-12 && (at.competing_incidence - 0.5).abs() < 1e-12);
    assert_eq!((curve.events(), curve.competing(), at.at_risk), (1, 2, 1));
}

#[test]
fn a_new_therapy_ends_the_follow_up_only_where_the_protocol_says_so() {
    let therapy = fact("new-therapy/1", &json!({ "subject": "P", "start": "2015-08-01" }));
    let facts = || {
        let mut facts = treated("P");
        facts.extend([therapy.clone(), event("P", "Myelodysplastic syndrome", Some(3), "2016-02-01")]);
        facts
    };
    let followed = analysis(facts(), "2016-02-01");
    assert_eq!(follow_up(&followed).time_to(None).unwrap().ending, Ending::Event);
    let text = PROTOCOL.replace("until-years = 3", "until-years = 3\nnew-therapy = \"censored\"");
    let censored = analysis_of(&text, facts(), "2016-02-01");
    let time = follow_up(&censored).time_to(None).unwrap();
    assert_eq!((time.days, time.ending), (213, Ending::Censored));
}

#[test]
fn a_protocol_without_late_follows_nobody_for_years() {
    let text = PROTOCOL.split("[late]").next().unwrap();
    assert!(analysis_of(text, treated("P"), "2015-01-01").patients[0].late_follow_up.is_none());
}

#[test]
fn what_contradicts_itself_in_late_is_refused_with_its_place() {
    for (from, to, path) in [
        ("until-years = 3", "until-years = 0", "late.until-years"),
        ("until-years = 3", "at-months = [12, 6]", "late.at-months[1]"),
        ("until-years = 3", "at-months = [72]", "late.at-months[0]"),
        ("every-months = 6", "every-months = 0", "late.follow[0].every-months"),
        ("every-months = 6", "every-months = 2", "late.follow[0].days-late"),
        ("every-months = 6", "every-months = 6\nuntil-months = 3", "late.follow[0].until-months"),
        ("every-months = 6", "every-months = 6\nvisits = [\"Visit\"]", "late.follow[0].visits"),
        ("text = \"MDS or AML\"", "text = \"MDS or AML\"\nto-day = 365", "late.event[0].to-day"),
        ("window-days = 84", "window-days = 1200", "late.until-years"),
    ] {
        let problems = Protocol::read(&PROTOCOL.replace(from, to)).unwrap_err();
        let paths: Vec<&str> = problems.as_slice().iter().map(|problem| problem.path.as_str()).collect();
        assert!(paths.contains(&path), "{to}: {problems}");
    }
    let (_, warnings) = Protocol::read(PROTOCOL).unwrap();
    assert!(warnings.iter().any(|warning| warning.path == "late.event[1]"), "{warnings:?}");
}
