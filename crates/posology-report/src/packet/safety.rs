//! Adverse events: AET01, AET02, AET04, and what began after the window, which the rule does not see.

use std::cmp::Reverse;
use std::collections::BTreeSet;

use posology_clinic::Because;
use posology_trial::analysis::Analysis;
use posology_trial::analysis::exposure::days_between;
use posology_trial::analysis::patient::PatientAnalysis;
use posology_trial::analysis::toxicity::EmergentEvent;
use posology_trial::protocol::Population;

use super::levels::{Levels, count, level_of, number_of, or_none, population_words, rule, treated};
use super::{Review, cells};
use crate::document::{Block, Text};
use crate::table::{Cell, Column, Row, RowKind, Table};

/// What stands where an event was not coded to a class.
const UNCODED: &str = "Not coded";

/// Days after the last fraction within which a death is counted apart.
const EARLY_DEATH_DAYS: i32 = 30;

/// The tables of adverse events, under their heading.
pub(super) fn blocks(review: Review<'_>) -> Vec<Block> {
    let analysis = review.analysis;
    let events = vec![
        Block::section(1, "safety", "Adverse events"),
        Block::table(overview(analysis)),
        Block::table(by_term(analysis)),
        Block::table(by_grade(analysis, "AET04", "Adverse events by worst grade", true, |_| true)),
    ];
    if analysis.protocol.dlt.is_none() {
        return events;
    }
    let of_window = vec![
        Block::table(by_grade(
            analysis,
            "AET04W",
            "Adverse events that began inside the DLT window, by worst grade",
            false,
            |event| event.in_window,
        )),
        Block::section(2, "late", "Late toxicity"),
        Block::paragraph(
            Text::new()
                .strong("The rule does not see these events: ")
                .plain("they began after the window of the patient closed."),
        ),
        Block::table(late(analysis)),
        Block::table(late_listing(analysis)),
    ];
    [events, of_window].concat()
}

fn emergent() -> Because {
    rule(
        "adverse-events/treatment-emergent",
        "An event is treatment-emergent if it began, or may have begun, on or after the day of the first fraction",
        "",
    )
}

type Is = fn(&EmergentEvent) -> bool;

/// AET01.
fn overview(analysis: &Analysis) -> Table {
    let levels = Levels::population(analysis, Population::Treated);
    let mut table = levels.table("AET01", "Overview of adverse events");
    table.rows = vec![
        levels.row("Adverse events, number", |patients| {
            Cell::count(count(patients.iter().map(|patient| patient.emergent.len()).sum()))
        }),
        Row::heading("Patients with at least one"),
    ];
    let kinds: [(&str, Is); 10] = [
        ("adverse event", |_| true),
        ("fatal adverse event", is_fatal),
        ("serious adverse event", |event| event.event.serious == Some(true)),
        ("serious adverse event, not recorded as unrelated", |event| {
            event.event.serious == Some(true) && may_be_related(event)
        }),
        ("event leading to discontinuation", |event| action(event, &["WITHDRAWN"])),
        ("event leading to delay, reduction or interruption", |event| {
            action(event, &["DELAYED", "REDUCED", "INTERRUPTED"])
        }),
        ("event not recorded as unrelated", may_be_related),
        ("event of grade 3 to 5", |event| grade_at_least(event, 3)),
        ("event of grade 3 to 5, not recorded as unrelated", |event| {
            grade_at_least(event, 3) && may_be_related(event)
        }),
        ("event of grade 4 or 5", |event| grade_at_least(event, 4)),
    ];
    table.rows.extend(
        kinds.map(|(label, is)| levels.share(label, |patient| patient.emergent.iter().any(is)).indent(1)),
    );
    let judged = |committee: bool| {
        move |patient: &PatientAnalysis| {
            patient.dlt.records.iter().chain(&patient.dlt.possible).any(|record| {
                let judgement = if committee { &record.committee } else { &record.investigator };
                judgement.as_ref().is_some_and(|judgement| judgement.dose_limiting)
            })
        }
    };
    table.rows.extend([
        levels.share("event judged a DLT by the investigator", judged(false)).indent(1),
        levels.share("event judged a DLT by the committee", judged(true)).indent(1),
        Row::heading("Patients with an event of special interest"),
    ]);
    let special: [(&str, Is); 5] = [
        ("cytopenia", is_cytopenia),
        ("bleeding", EmergentEvent::is_bleed),
        ("infection", |event| class(event).to_lowercase().starts_with("infections")),
        ("infusion-related reaction", |event| event.event.term.to_lowercase().contains("infusion related")),
        ("thyroid", |event| event.event.term.to_lowercase().contains("thyroid")),
    ];
    table.rows.extend(
        special.map(|(label, is)| levels.share(label, |patient| patient.emergent.iter().any(is)).indent(1)),
    );
    table.rows.extend([
        levels.share("Deaths", |patient| patient.facts.death.is_some()).kind(RowKind::Total),
        levels.share(format!("within {EARLY_DEATH_DAYS} days of the last fraction"), died_early).indent(1),
        levels.share("inside the DLT window", died_in_window).indent(1),
    ]);
    table.notes.push(
        "Special interest is found by class or term: cytopenia (blood disorders; platelet, neutrophil, white cell or lymphocyte count decreased), \
         bleeding (haemorrhage, bleed, epistaxis, haematoma), infection (its class), infusion related, thyroid. \
         A relation that was not recorded counts as possible."
            .to_owned(),
    );
    table.because.push(emergent());
    table
}

fn is_fatal(event: &EmergentEvent) -> bool {
    event.event.fatal == Some(true) || event.event.grade == Some(5)
}

fn may_be_related(event: &EmergentEvent) -> bool {
    event.event.related != Some(false)
}

fn grade_at_least(event: &EmergentEvent, grade: u8) -> bool {
    event.event.grade.is_some_and(|found| found >= grade)
}

fn action(event: &EmergentEvent, words: &[&str]) -> bool {
    event.event.action.as_deref().is_some_and(|taken| {
        let taken = taken.to_uppercase();
        words.iter().any(|word| taken.contains(word))
    })
}

fn is_cytopenia(event: &EmergentEvent) -> bool {
    let term = event.event.term.to_lowercase();
    class(event).to_lowercase().starts_with("blood and lymphatic")
        || (["platelet", "neutrophil", "white blood cell", "lymphocyte"]
            .iter()
            .any(|cell| term.contains(cell))
            && term.contains("decreased"))
}

fn class(event: &EmergentEvent) -> &str {
    event.event.class.as_deref().unwrap_or(UNCODED)
}

fn died_early(patient: &PatientAnalysis) -> bool {
    let death = patient.facts.death.as_ref().map(|death| death.at.earliest_date());
    death
        .zip(patient.exposure.last())
        .and_then(|(death, last)| days_between(last, death))
        .is_some_and(|days| days <= EARLY_DEATH_DAYS)
}

fn died_in_window(patient: &PatientAnalysis) -> bool {
    let death = patient.facts.death.as_ref().map(|death| death.at.earliest_date());
    death.zip(patient.window.as_ref()).is_some_and(|(death, window)| death <= window.end)
}

/// Classes by how many patients have an event of them, then by name; in each its terms likewise.
fn classes_and_terms(
    levels: &Levels<'_>,
    counts: impl Fn(&EmergentEvent) -> bool + Copy,
) -> Vec<(String, Vec<String>)> {
    let events = || levels.all().iter().flat_map(|patient| &patient.emergent).filter(|event| counts(event));
    let patients = |is: &dyn Fn(&EmergentEvent) -> bool| {
        number_of(levels.all(), |patient| patient.emergent.iter().any(|event| counts(event) && is(event)))
    };
    let mut classes: Vec<String> =
        events().map(|event| class(event).to_owned()).collect::<BTreeSet<_>>().into_iter().collect();
    classes.sort_by_key(|name| Reverse(patients(&|event| class(event) == name)));
    classes
        .into_iter()
        .map(|name| {
            let of_class = events().filter(|event| class(event) == name);
            let mut terms: Vec<String> =
                of_class.map(|event| event.event.term.clone()).collect::<BTreeSet<_>>().into_iter().collect();
            terms.sort_by_key(|term| {
                Reverse(patients(&|event| class(event) == name && event.event.term == *term))
            });
            (name, terms)
        })
        .collect()
}

/// AET02: a patient counts once a row.
fn by_term(analysis: &Analysis) -> Table {
    let levels = Levels::population(analysis, Population::Treated);
    let mut table = levels.table("AET02", "Adverse events by class and term");
    let with = |label: &str, is: &dyn Fn(&EmergentEvent) -> bool| {
        levels.share(label, |patient| patient.emergent.iter().any(is))
    };
    let events = |is: &dyn Fn(&EmergentEvent) -> bool| {
        levels.row("number of events", |patients| {
            Cell::count(count(
                patients.iter().flat_map(|patient| &patient.emergent).filter(|event| is(event)).count(),
            ))
        })
    };
    table.rows = vec![with("Any adverse event", &|_| true).kind(RowKind::Total), events(&|_| true).indent(1)];
    for (name, terms) in classes_and_terms(&levels, |_| true) {
        table.rows.push(with(&name, &|event| class(event) == name).kind(RowKind::Total));
        table.rows.push(events(&|event| class(event) == name).indent(1));
        table.rows.extend(
            terms
                .iter()
                .map(|term| with(term, &|event| class(event) == name && event.event.term == *term).indent(1)),
        );
    }
    table.notes.push(
        "Sorted by frequency among all patients, then by name. A patient counts once in a row.".to_owned(),
    );
    table.because.push(emergent());
    table
}

/// AET04: each patient once a block, at the worst grade of that block.
fn by_grade(analysis: &Analysis, id: &str, title: &str, with_terms: bool, counts: Is) -> Table {
    let levels = Levels::population(analysis, Population::Treated);
    let mut table = levels.table(id, title);
    table.rows.extend(grade_rows(&levels, "Any adverse event", Depth::Whole, &|event| counts(event)));
    for (name, terms) in classes_and_terms(&levels, counts) {
        let of_class = |event: &EmergentEvent| counts(event) && class(event) == name;
        table.rows.extend(grade_rows(&levels, &name, Depth::Class, &of_class));
        for term in terms.iter().filter(|_| with_terms) {
            let of_term = |event: &EmergentEvent| of_class(event) && event.event.term == *term;
            table.rows.extend(grade_rows(&levels, term, Depth::Term, &of_term));
        }
    }
    table.notes.push(
        "Each patient counts once in a block, at the worst grade; single grades and those without a grade add up to the row above them. \
         Below the first block, grades that did not occur are left out."
            .to_owned(),
    );
    if let Some(ctcae) = analysis.protocol.ctcae() {
        let says = format!("Grades are those recorded, CTCAE {}", ctcae.id());
        table.because.push(rule("ctcae", says, "protocol, dlt.ctcae"));
    }
    table.because.push(emergent());
    table
}

/// The worst grade among a patient's events: `None` without such an event, 0 where none of them has a grade.
fn worst(patient: &PatientAnalysis, is: &dyn Fn(&EmergentEvent) -> bool) -> Option<u8> {
    patient.emergent.iter().filter(|event| is(event)).map(|event| event.event.grade.unwrap_or(0)).max()
}

/// What a block of grades is about; all eight rows stand in the first block alone.
#[derive(Clone, Copy, PartialEq)]
enum Depth {
    Whole,
    Class,
    Term,
}

fn grade_rows(
    levels: &Levels<'_>,
    label: &str,
    depth: Depth,
    is: &dyn Fn(&EmergentEvent) -> bool,
) -> Vec<Row> {
    let between = |low: u8, high: u8| {
        move |patient: &PatientAnalysis| worst(patient, is).is_some_and(|grade| (low..=high).contains(&grade))
    };
    let indent = u8::from(depth == Depth::Term);
    let any = levels.share(label, between(0, 5)).indent(indent);
    let mut rows = vec![if depth == Depth::Term { any } else { any.kind(RowKind::Total) }];
    let grades = [
        ("Grade 1 or 2", 1, 2),
        ("Grade 1", 1, 1),
        ("Grade 2", 2, 2),
        ("Grade 3 or 4", 3, 4),
        ("Grade 3", 3, 3),
        ("Grade 4", 4, 4),
        ("Grade 5", 5, 5),
    ];
    rows.extend(
        grades
            .into_iter()
            .filter(|(_, low, high)| {
                let occurs = low == high && number_of(levels.all(), between(*low, *high)) > 0;
                depth == Depth::Whole || occurs
            })
            .map(|(grade, low, high)| levels.share(grade, between(low, high)).indent(indent + 1)),
    );
    if number_of(levels.all(), between(0, 0)) > 0 {
        rows.push(levels.share("Grade not recorded", between(0, 0)).indent(indent + 1));
    }
    rows
}

/// Late toxicity by level.
fn late(analysis: &Analysis) -> Table {
    let levels = Levels::population(analysis, Population::Treated);
    let mut table = levels.table("LATE", "Late toxicity by level");
    let after = |patient: &PatientAnalysis| patient.late.iter().map(|late| late.grade).max();
    table.rows = vec![
        levels.number("Followed beyond the window", |patient| {
            patient.window.as_ref().is_some_and(|window| {
                analysis.cut.date() > window.end
                    && patient.disposition.off_study.is_none_or(|left| left > window.end)
            })
        }),
        levels.row("Events after the window", |patients| {
            Cell::count(count(patients.iter().map(|patient| patient.late.len()).sum()))
        }),
        levels.share("Patients with an event after the window", |patient| after(patient).is_some()),
        levels
            .share("of grade 3 or worse", |patient| after(patient).flatten().is_some_and(|grade| grade >= 3))
            .indent(1),
        levels
            .share("of grade 4 or worse", |patient| after(patient).flatten().is_some_and(|grade| grade >= 4))
            .indent(1),
    ];
    table.because.push(rule(
        "dlt/late",
        "An event is late if its onset lies after the end of the patient's DLT window",
        "protocol, [dlt]",
    ));
    table
}

/// Each late event.
fn late_listing(analysis: &Analysis) -> Table {
    let mut table =
        Table::new("LATEL", "Late toxicity, event by event", population_words(Population::Treated));
    table.stub = "Subject".to_owned();
    table.columns = ["Level", "Event", "Grade", "Onset", "End", "Serious", "Related", "Outcome"]
        .map(Column::words)
        .to_vec();
    for patient in treated(analysis) {
        for event in patient.emergent.iter().filter(|event| !event.in_window && patient.window.is_some()) {
            let grade = event.event.grade.map_or_else(Cell::nothing, |grade| Cell::count(grade.into()));
            let severe = grade_at_least(event, 3);
            table.rows.push(Row::new(
                &patient.id,
                [
                    Cell::value("level", level_of(analysis, patient)),
                    Cell::value("event", &event.event.term),
                    if severe { grade.flag() } else { grade },
                    cells::day(event.onset_day),
                    cells::day(event.end_day),
                    cells::yes_no("serious", event.event.serious),
                    cells::yes_no("related", event.event.related),
                    cells::words("outcome", event.event.outcome.as_deref().map(str::to_lowercase)),
                ],
            ));
        }
    }
    or_none(table, "No event began after a window.")
}
