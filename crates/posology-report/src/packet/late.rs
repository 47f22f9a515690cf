//! Late toxicity over years, where the protocol follows it: how complete the follow-up is (LTF01), the cumulative
//! incidence of late events with death as a competing end (LTI01, F10, F11), and each first one (LTL01).

use posology_trial::analysis::Analysis;
use posology_trial::analysis::incidence::{CumulativeIncidence, IncidenceAt};
use posology_trial::analysis::late::{FollowedItem, LateFollowUp, MONTH_DAYS, OccasionStands};
use posology_trial::analysis::patient::PatientAnalysis;
use posology_trial::protocol::{AfterNewTherapy, Late, Population};

use super::levels::{self, Levels, count, level_of, or_none, population_words, rule, treated};
use super::{Review, cells};
use crate::document::Block;
use crate::figure::{self, Figure, Frame};
use crate::table::{Cell, Column, Number, Row, Table, Value};

/// Id of the section.
pub(super) const SECTION: &str = "late-years";

/// The section; nothing where the protocol follows nobody for years.
pub(super) fn blocks(review: Review<'_>) -> Vec<Block> {
    let analysis = review.analysis;
    let Some(late) = &analysis.protocol.late else { return Vec::new() };
    vec![
        Block::section(1, SECTION, "Late toxicity over years"),
        Block::table(completeness(analysis, late)),
        Block::table(incidence(analysis, late)),
        Block::table(listing(analysis, late)),
    ]
}

/// LTF01: what was due, and what was done.
fn completeness(analysis: &Analysis, late: &Late) -> Table {
    let levels = Levels::population(analysis, Population::Treated);
    let mut table = levels.table("LTF01", "Follow-up beyond the DLT window: occasions due by the cut-off");
    let cut = analysis.cut.date();
    let beyond = |patient: &PatientAnalysis| {
        follow_up(patient).is_some_and(|late| late.window_end < cut && late.last_seen > late.window_end)
    };
    table.rows.push(levels.number("Patients seen beyond their window", beyond));
    for follow in &late.follow {
        let stands = |patients: &[&PatientAnalysis], is: fn(OccasionStands) -> bool| {
            let items = patients.iter().filter_map(|patient| item(patient, &follow.id));
            count(items.flat_map(|item| &item.occasions).filter(|one| is(one.stands(cut))).count())
        };
        let done: fn(OccasionStands) -> bool =
            |one| matches!(one, OccasionStands::Done | OccasionStands::DoneLate);
        let not_done: fn(OccasionStands) -> bool =
            |one| matches!(one, OccasionStands::Missed | OccasionStands::Overdue);
        table.rows.extend([
            Row::heading(format!("{}, every {} months", follow.what, follow.every_months)),
            levels
                .row("took place, of those due", |patients| {
                    let took_place = stands(patients, done);
                    Cell::ratio(took_place, took_place + stands(patients, not_done))
                        .population("Occasions due by the cut-off")
                })
                .indent(1),
            levels
                .row("of these, after the last day for it", |patients| {
                    Cell::count(stands(patients, |one| one == OccasionStands::DoneLate))
                })
                .indent(2),
            levels
                .number("Patients with one overdue", |patient| {
                    item(patient, &follow.id).is_some_and(|item| {
                        item.occasions.iter().any(|one| one.stands(cut) == OccasionStands::Overdue)
                    })
                })
                .indent(1),
        ]);
    }
    table.notes.push(
        "An occasion is due where its last day has passed, or it took place, and the patient had neither died nor left by then."
            .to_owned(),
    );
    table.because.push(rule(
        "late/schedule",
        "Occasions are counted in months from the first fraction; only those after the end of the patient's DLT window are asked for",
        "protocol, [late]",
    ));
    table
}

/// LTI01: the estimate at the stated times, by prescribed regimen.
fn incidence(analysis: &Analysis, late: &Late) -> Table {
    let levels = Levels::population(analysis, Population::Treated);
    let mut table = levels.table(
        "LTI01",
        "Cumulative incidence of the first late event, death competing: % (95% CI), number at risk",
    );
    for (kind, name) in kinds(late) {
        let curve = |patients: &[&PatientAnalysis]| curve(analysis, kind, patients);
        table.rows.push(Row::heading(name));
        table.rows.push(
            levels
                .row("With the event", |patients| Cell::count(curve(patients).map_or(0, |c| c.events())))
                .indent(1),
        );
        table.rows.push(
            levels
                .row("Died without it", |patients| Cell::count(curve(patients).map_or(0, |c| c.competing())))
                .indent(1),
        );
        for month in late.stated_months() {
            let days = f64::from(month) * MONTH_DAYS;
            table.rows.push(
                levels
                    .row(format!("by month {month}"), |patients| {
                        curve(patients).map_or_else(Cell::nothing, |curve| estimate(&curve, days))
                    })
                    .indent(1),
            );
        }
    }
    let therapy = match late.new_therapy {
        AfterNewTherapy::Followed => "A new anti-cancer therapy does not end follow-up.",
        AfterNewTherapy::Censored => "Follow-up ends with a new anti-cancer therapy.",
    };
    table.notes.push(format!(
        "An event is late if it began after the end of the patient's DLT window; time is counted from the first fraction. {therapy} A \
         patient without event is censored when last seen, or at the last result where the kind is a laboratory value. NE: nobody was \
         followed so long. Where nobody had the event there is no interval on this scale: read the number at risk. \
         All: levels pooled, descriptive."
    ));
    let anyone = curve(analysis, None, levels.all());
    table.because.extend(anyone.map(|curve| curve.because().clone()));
    for rule_of_kind in late.event.iter() {
        table.because.push(rule(
            &format!("late/{}", rule_of_kind.id),
            rule_of_kind.text.clone(),
            "protocol, [[late.event]]",
        ));
    }
    table
}

/// LTL01: each first late event that is certain, and what is possible or could not be judged.
fn listing(analysis: &Analysis, late: &Late) -> Table {
    let population = population_words(Population::Treated);
    let mut table = Table::new("LTL01", "First late events, and what is not certain", population);
    table.stub = "Subject".to_owned();
    table.columns = ["Level", "Kind", "Onset", "Stands", "Read"].map(Column::words).to_vec();
    for patient in treated(analysis) {
        let Some(follow_up) = follow_up(patient) else { continue };
        for kind in &follow_up.kinds {
            let name =
                late.event.iter().find(|rule| rule.id == kind.id).map_or("", |rule| rule.text.as_str());
            let mut row = |onset: Option<i32>, stands: &str, read: &str| {
                let cells = [
                    Cell::value("level", level_of(analysis, patient)),
                    Cell::value("kind", name),
                    cells::day(onset),
                    Cell::value("stands", stands),
                    Cell::text(read),
                ];
                table.rows.push(Row::new(&patient.id, cells));
            };
            if let Some(found) = &kind.first {
                row(Some(found.onset_day), "counted", &found.because.says);
            }
            for found in &kind.possible {
                row(Some(found.onset_day), "possible, not counted", &found.because.says);
            }
            for unread in &kind.not_judged {
                row(patient.study_day(unread.date), "not judged, not counted", &unread.why);
            }
        }
    }
    or_none(table, "No late event of these kinds is recorded.")
}

/// F10: any late event, by prescribed regimen; F11: each kind, levels pooled. None before anyone is treated.
pub(super) fn figures(analysis: &Analysis, levels: &[figure::Level], frame: &Frame) -> Vec<Figure> {
    let Some(late) = &analysis.protocol.late else { return Vec::new() };
    let everyone = levels::treated(analysis);
    let at = |level: &figure::Level| -> Vec<&PatientAnalysis> {
        everyone.iter().copied().filter(|patient| level_of(analysis, patient) == level.id).collect()
    };
    let by_level: Vec<figure::IncidenceCurve> = levels
        .iter()
        .filter_map(|level| drawn(analysis, None, &at(level), &format!("{} {}", level.id, level.label)))
        .collect();
    let by_kind: Vec<figure::IncidenceCurve> =
        late.event.iter().filter_map(|rule| drawn(analysis, Some(&rule.id), &everyone, &rule.text)).collect();
    let mut figures = Vec::new();
    if !by_level.is_empty() {
        let shown = figure::Incidence::new("F10", "Any late event", "death", by_level, Vec::new());
        figures.push(shown.draw(frame));
    }
    if by_kind.len() > 1 {
        let shown = figure::Incidence::new("F11", "Late events by kind", "death", by_kind, Vec::new());
        let mut figure = shown.draw(frame);
        figure.caption.push_str(" Levels pooled, descriptive; a patient may have events of several kinds.");
        figures.push(figure);
    }
    figures
}

fn drawn(
    analysis: &Analysis,
    kind: Option<&str>,
    patients: &[&PatientAnalysis],
    label: &str,
) -> Option<figure::IncidenceCurve> {
    let curve = curve(analysis, kind, patients)?;
    let points = curve.steps().iter().filter(|step| step.events + step.competing > 0);
    let times = analysis.late_times(kind, patients.iter().copied());
    Some(figure::IncidenceCurve {
        label: label.to_owned(),
        events: curve.events(),
        points: points
            .map(|step| figure::IncidencePoint {
                months: step.days / MONTH_DAYS,
                incidence: step.incidence,
                competing: step.competing_incidence,
                interval: step.interval,
            })
            .collect(),
        follow_up: times.iter().map(|(_, time)| f64::from(time.days) / MONTH_DAYS).collect(),
    })
}

/// Any kind first, then each.
fn kinds(late: &Late) -> Vec<(Option<&str>, String)> {
    let any = (late.event.len() > 1).then(|| (None, "Any of these kinds".to_owned()));
    any.into_iter().chain(late.event.iter().map(|rule| (Some(rule.id.as_str()), rule.text.clone()))).collect()
}

fn curve(
    analysis: &Analysis,
    kind: Option<&str>,
    patients: &[&PatientAnalysis],
) -> Option<CumulativeIncidence> {
    let curve = analysis.late_incidence(kind, patients.iter().copied()).ok()?;
    (curve.patients() > 0).then_some(curve)
}

fn estimate(curve: &CumulativeIncidence, days: f64) -> Cell {
    let Some(IncidenceAt { at_risk, events, incidence, interval, .. }) = curve.at(days) else {
        return cells::printed("NE", []);
    };
    let percent = |share: f64| format!("{:.1}", 100.0 * share);
    let method = "Aalen-Johansen, 95% log-log interval";
    let real = |statistic: &str, value: f64| Number {
        statistic: statistic.to_owned(),
        value: Value::Real(value),
        method: Some(method.to_owned()),
        n: Some(events),
        denominator: Some(curve.patients()),
        ..Number::default()
    };
    let within = interval
        .map_or_else(String::new, |(lower, upper)| format!(" ({}, {})", percent(lower), percent(upper)));
    let mut cell = Cell::text(format!("{}%{within}\n{at_risk} at risk", percent(incidence)));
    cell.numbers.push(real("cumulative incidence", incidence));
    if let Some((lower, upper)) = interval {
        cell.numbers.extend([real("lower", lower), real("upper", upper)]);
    }
    cell.numbers.push(cells::number("at risk", at_risk, ""));
    cell
}

fn follow_up(patient: &PatientAnalysis) -> Option<&LateFollowUp> {
    patient.late_follow_up.as_ref()
}

fn item<'a>(patient: &'a PatientAnalysis, id: &str) -> Option<&'a FollowedItem> {
    follow_up(patient)?.schedule.iter().find(|item| item.id == id)
}
