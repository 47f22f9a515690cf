//! Laboratory: worst grades (LBT07) and the course of cytopenias against cumulative activity (E12).

use std::collections::BTreeMap;

use posology_clinic::ctcae::Direction;
use posology_clinic::dlt::Interval;
use posology_clinic::laboratory::Analyte;
use posology_clinic::quantity::Activity;
use posology_trial::analysis::Analysis;
use posology_trial::analysis::patient::PatientAnalysis;
use posology_trial::analysis::toxicity::{Kinetics, WorstGrade};
use posology_trial::event::SupportKind;
use posology_trial::protocol::Population;
use rust_decimal::Decimal;

use super::levels::{Levels, count, level_of, number_of, or_none, population_words, rule, sentence, treated};
use super::{Review, cells};
use crate::document::Block;
use crate::table::{Cell, Column, Number, Row, Table, Value};

/// The lineages whose course is followed.
const LINEAGES: [Analyte; 3] = [Analyte::Platelets, Analyte::Neutrophils, Analyte::Haemoglobin];

/// Kinds of support with their word.
const SUPPORT: [(SupportKind, &str); 4] = [
    (SupportKind::PlateletTransfusion, "platelets"),
    (SupportKind::RedCellTransfusion, "red cells"),
    (SupportKind::GrowthFactor, "growth factor"),
    (SupportKind::StemCellRescue, "stem cells"),
];

/// The tables of the laboratory, under their heading.
pub(super) fn blocks(review: Review<'_>) -> Vec<Block> {
    let analysis = review.analysis;
    vec![
        Block::section(1, "laboratory", "Blood counts and laboratory"),
        Block::table(cytopenias(analysis)),
        Block::table(worst_grades(analysis)),
    ]
}

/// The course of each lineage, patient by patient.
pub(super) fn listings(analysis: &Analysis) -> impl Iterator<Item = Block> {
    LINEAGES.into_iter().map(|analyte| Block::Table { table: course(analysis, analyte), landscape: true })
}

fn kinetics(patient: &PatientAnalysis, analyte: Analyte) -> Option<&Kinetics> {
    patient.kinetics.iter().find(|kinetics| kinetics.analyte == analyte)
}

fn summary(patient: &PatientAnalysis, analyte: Analyte) -> Option<&posology_clinic::dlt::Kinetics> {
    kinetics(patient, analyte)?.summary.as_ref()
}

/// The lowest count after the first fraction with its study day.
pub(super) fn nadir(patient: &PatientAnalysis, analyte: Analyte) -> Cell {
    let Some(nadir) = summary(patient, analyte).and_then(|summary| summary.nadir.as_ref()) else {
        return Cell::nothing();
    };
    let shown = nadir.value.normalize().to_string();
    let shown = if nadir.supported { format!("{shown} under support") } else { shown };
    let cell = cells::value_on_day("nadir", nadir.value, &shown, analyte.canonical_unit(), nadir.day);
    match worst_low_grade(patient, analyte) {
        Some(4) => cell.alert(),
        Some(3) => cell.flag(),
        _ => cell,
    }
}

fn worst_low_grade(patient: &PatientAnalysis, analyte: Analyte) -> Option<u8> {
    kinetics(patient, analyte)?
        .points
        .iter()
        .filter(|point| point.day >= 1)
        .filter_map(|point| point.grade)
        .max()
}

/// Between which study days a count came back to grade 1 or better.
pub(super) fn recovery(patient: &PatientAnalysis, analyte: Analyte) -> Cell {
    let Some(summary) = summary(patient, analyte) else { return Cell::nothing() };
    let Some(recovery) = summary.recovery else { return Cell::text("never below") };
    let after = cells::number("not recovered on study day", recovery.after_day, "");
    match recovery.by_day {
        Some(by) => cells::printed(
            format!("D{} to D{by}", recovery.after_day),
            [after, cells::number("recovered by study day", by, "")],
        ),
        None => cells::printed(format!("not by D{}", recovery.after_day), [after]).alert(),
    }
}

/// The last count with its study day.
pub(super) fn last(patient: &PatientAnalysis, analyte: Analyte) -> Cell {
    let point = kinetics(patient, analyte).and_then(|kinetics| kinetics.points.last());
    point.map_or_else(Cell::nothing, |point| {
        let shown = point.value.normalize().to_string();
        cells::value_on_day("last", point.value, &shown, analyte.canonical_unit(), point.day)
    })
}

/// How often each kind of support was given.
pub(super) fn support(patient: &PatientAnalysis) -> Cell {
    let given: Vec<(&str, u32)> = SUPPORT
        .iter()
        .map(|(kind, words)| (*words, supported(patient, *kind)))
        .filter(|(_, times)| *times > 0)
        .collect();
    if given.is_empty() {
        return Cell::text("none");
    }
    Cell {
        text: given.iter().map(|(words, times)| format!("{words} {times}")).collect::<Vec<_>>().join(", "),
        numbers: given.iter().map(|(words, times)| cells::number(words, *times, "")).collect(),
        ..Cell::default()
    }
    .flag()
}

fn supported(patient: &PatientAnalysis, kind: SupportKind) -> u32 {
    count(patient.support.iter().filter(|support| support.kind == kind).count())
}

/// E12 by level.
fn cytopenias(analysis: &Analysis) -> Table {
    let levels = Levels::population(analysis, Population::Treated);
    let mut table = levels.table("E12", "Course of cytopenias");
    table.rows.extend(levels.spread("Total activity, mCi, median", 1, "mCi", |patient| {
        patient.exposure.total_administered().map(Activity::mci)
    }));
    for analyte in LINEAGES {
        let unit = analyte.canonical_unit();
        let places = if analyte == Analyte::Neutrophils { 1 } else { 0 };
        let nadir = |patient: &PatientAnalysis| summary(patient, analyte)?.nadir.clone();
        let recovery = |patient: &PatientAnalysis| summary(patient, analyte)?.recovery;
        let grade = |least: u8| {
            move |patient: &PatientAnalysis| {
                worst_low_grade(patient, analyte).is_some_and(|grade| grade >= least)
            }
        };
        table.rows.push(Row::heading(format!("{}, {unit}", sentence(analyte.name()))));
        let mut of_lineage = Vec::new();
        of_lineage.extend(
            levels.spread("Baseline, median", places, unit, |patient| summary(patient, analyte)?.baseline),
        );
        of_lineage
            .extend(levels.spread("Nadir, median", places, unit, |patient| Some(nadir(patient)?.value)));
        of_lineage
            .extend(levels.spread("Day of nadir, median", 0, "", |patient| Some(nadir(patient)?.day.into())));
        of_lineage.extend([
            levels.share("Grade 3 or 4", grade(3)),
            levels.share("Grade 4", grade(4)),
            levels.row("Recovered, of those below", |patients| {
                let below = number_of(patients, |patient| recovery(patient).is_some());
                let back = number_of(patients, |patient| {
                    recovery(patient).is_some_and(|found| found.by_day.is_some())
                });
                Cell::ratio(back, below)
            }),
        ]);
        of_lineage.extend(levels.spread("Recovered by day, median", 0, "", |patient| {
            recovery(patient)?.by_day.map(Decimal::from)
        }));
        table.rows.extend(of_lineage.into_iter().map(|row| {
            let depth = row.indent + 1;
            row.indent(depth)
        }));
    }
    table.rows.push(Row::heading("Patients given support after the first fraction"));
    table.rows.extend(SUPPORT.map(|(kind, words)| {
        levels.share(sentence(words), |patient| supported(patient, kind) > 0).indent(1)
    }));
    table.notes.push(
        "Recovered: back to grade 1 or better, of those who were below it. By day: the first sample that shows it."
            .to_owned(),
    );
    table.because.push(rule(
        "cytopenia/intervals",
        "Counts are seen on sampling days only, so durations and recovery lie between bounds; a count soon after support shows no recovery",
        "protocol, dlt.support",
    ));
    table
}

/// E12 patient by patient, for one lineage.
fn course(analysis: &Analysis, analyte: Analyte) -> Table {
    let letter = match analyte {
        Analyte::Platelets => "P",
        Analyte::Neutrophils => "N",
        _ => "H",
    };
    let unit = analyte.canonical_unit();
    let mut table = Table::new(
        format!("E12{letter}"),
        format!("{}: nadir, time below, recovery, against activity", sentence(analyte.name())),
        population_words(Population::Treated),
    );
    table.stub = "Subject".to_owned();
    let bounds: Vec<Decimal> = analysis
        .patients
        .iter()
        .find_map(|patient| Some(summary(patient, analyte)?.below.iter().map(|(bound, _)| *bound).collect()))
        .unwrap_or_default();
    table.columns = vec![
        Column::words("Level"),
        Column::new("Total activity, mCi"),
        Column::new(format!("Baseline, {unit}")),
        Column::new("Nadir (day)"),
        Column::words("Grade"),
    ];
    table
        .columns
        .extend(bounds.iter().map(|bound| Column::words(format!("Time below {}", bound.normalize()))));
    table.columns.extend([Column::words("Recovered to grade 1 or better"), Column::words("Support")]);
    for patient in treated(analysis) {
        let Some(found) = summary(patient, analyte) else { continue };
        let mut row = vec![
            Cell::value("level", level_of(analysis, patient)),
            cells::mci("total administered", patient.exposure.total_administered()),
            found.baseline.map_or_else(Cell::nothing, |value| {
                Cell::decimal("baseline", value, value.normalize().scale(), unit)
            }),
            nadir(patient, analyte),
            worst_low_grade(patient, analyte).map_or_else(Cell::nothing, |grade| Cell::count(grade.into())),
        ];
        row.extend(found.below.iter().map(|(_, episodes)| {
            times(&episodes.iter().map(|episode| (episode.first_day, episode.interval)).collect::<Vec<_>>())
        }));
        row.extend([recovery(patient, analyte), support(patient)]);
        table.rows.push(Row::new(&patient.id, row));
    }
    table.notes.push(
        "Time below: from the first to the last sample below (lower bound) to the time between the samples around them (upper bound), \
         with the study day it began."
            .to_owned(),
    );
    or_none(table, "No count after a first fraction.")
}

/// The times below a bound, each with the day it began.
fn times(episodes: &[(i32, Interval)]) -> Cell {
    if episodes.is_empty() {
        return Cell::text("none");
    }
    let days = |statistic: &str, days: u32| cells::number(statistic, days, "days");
    let numbers = |(first, interval): &(i32, Interval)| {
        let upper = interval.upper_days.map_or_else(
            || Number {
                statistic: "upper".to_owned(),
                value: Value::Missing,
                unit: Some("days".to_owned()),
                ..Number::default()
            },
            |upper| days("upper", upper),
        );
        [cells::number("from study day", *first, ""), days("lower", interval.lower_days), upper]
    };
    Cell {
        text: episodes
            .iter()
            .map(|(first, interval)| format!("{interval} from D{first}"))
            .collect::<Vec<_>>()
            .join("; "),
        numbers: episodes.iter().flat_map(numbers).collect(),
        ..Cell::default()
    }
}

/// LBT07.
fn worst_grades(analysis: &Analysis) -> Table {
    let levels = Levels::population(analysis, Population::Treated);
    let mut table = levels.table("LBT07", "Worst laboratory grade after the first fraction");
    let mut terms: BTreeMap<(Analyte, Direction, &str), ()> = BTreeMap::new();
    for worst in levels.all().iter().flat_map(|patient| &patient.worst_grades) {
        terms.insert((worst.analyte, worst.direction, worst.term.as_str()), ());
    }
    for (analyte, direction, term) in terms.into_keys() {
        let of = |patient: &PatientAnalysis| -> Option<WorstGrade> {
            let mut found = patient.worst_grades.iter();
            found
                .find(|worst| {
                    (worst.analyte, worst.direction, worst.term.as_str()) == (analyte, direction, term)
                })
                .cloned()
        };
        let grade = |patient: &PatientAnalysis| of(patient)?.worst;
        let ratio = |label: &str, is: &dyn Fn(u8) -> bool| {
            levels.row(label, |patients| {
                let graded = number_of(patients, |patient| grade(patient).is_some());
                Cell::ratio(number_of(patients, |patient| grade(patient).is_some_and(is)), graded)
            })
        };
        let way = if direction == Direction::Low { "low" } else { "high" };
        table.rows.push(Row::heading(format!("{}, {way} ({term})", sentence(analyte.name()))));
        table.rows.push(ratio("Any grade", &|grade| grade >= 1).indent(1));
        if number_of(levels.all(), |patient| grade(patient).is_some_and(|grade| grade >= 1)) > 0 {
            table.rows.push(ratio(&format!("Not {way}"), &|grade| grade == 0).indent(1));
            for which in 1..=4 {
                if number_of(levels.all(), |patient| grade(patient) == Some(which)) > 0 {
                    table.rows.push(ratio(&format!("Grade {which}"), &|grade| grade == which).indent(1));
                }
            }
        }
        let ungraded =
            |patient: &PatientAnalysis| of(patient).is_some_and(|worst| !worst.ungraded.is_empty());
        if number_of(levels.all(), ungraded) > 0 {
            table.rows.push(levels.number("With a value that could not be graded", ungraded).indent(1));
        }
    }
    table.notes.push(
        "n of m, where m has a graded value after the first fraction. Grades that did not occur are left out. \
         Reasons why a value could not be graded stand under data quality."
            .to_owned(),
    );
    if let Some(ctcae) = analysis.protocol.ctcae() {
        table.because.push(rule(
            "ctcae",
            format!("Graded by CTCAE {}, in canonical units", ctcae.id()),
            "protocol, dlt.ctcae",
        ));
    }
    or_none(table, "No value could be graded.")
}
