//! Absorbed doses of organs, where any were imported: summed by level (ODS01) and by patient (ODL01), and set beside the
//! platelet nadir (F12) and the fall of the eGFR (F13). Nothing is judged, and no limit is known.

use std::collections::BTreeSet;

use posology_trial::analysis::Analysis;
use posology_trial::analysis::organ::{KnownOrgan, OrganTotal};
use posology_trial::analysis::patient::PatientAnalysis;
use posology_trial::protocol::Population;
use rust_decimal::Decimal;
use rust_decimal::prelude::ToPrimitive;

use super::levels::{Levels, level_of, population_words, rule, treated};
use super::{Review, cells};
use crate::document::{Block, Text};
use crate::figure::{self, Figure, Frame, NotDrawn};
use crate::table::{Cell, Column, Row, Table};

/// Id of the section.
pub(super) const SECTION: &str = "organs";

const NOT_JUDGED: &str = "Absorbed doses are imported as reported, added and drawn; nothing is judged here, and no limit is applied.";

/// The section; nothing where no value was imported.
pub(super) fn blocks(review: Review<'_>) -> Vec<Block> {
    let analysis = review.analysis;
    if !is_told(analysis) {
        return Vec::new();
    }
    vec![
        Block::section(1, SECTION, "Absorbed doses of organs"),
        Block::paragraph(Text::new().plain(NOT_JUDGED)),
        Block::table(by_level(analysis)),
        Block::Table { table: listing(analysis), landscape: true },
    ]
}

fn is_told(analysis: &Analysis) -> bool {
    treated(analysis).iter().any(|patient| !patient.organs.is_empty())
}

/// ODS01: the complete sums of each organ, by prescribed regimen.
fn by_level(analysis: &Analysis) -> Table {
    let levels = Levels::population(analysis, Population::Treated);
    let mut table = levels.table("ODS01", "Absorbed dose by organ, Gy: complete sums only");
    let organs: BTreeSet<String> = levels
        .all()
        .iter()
        .flat_map(|patient| &patient.organs)
        .map(|total| total.organ.to_lowercase())
        .collect();
    for organ in organs {
        let sum = |patient: &PatientAnalysis| {
            let mut totals = patient.organs.iter();
            totals.find(|total| total.organ.to_lowercase() == organ)?.sum.gray()
        };
        table.rows.extend(levels.summary(super::levels::sentence(&organ), 2, "Gy", sum));
    }
    table.notes.push(
        "A sum is complete where each fraction given, or each course, has one value. Missing: no value, or no complete sum; never zero."
            .to_owned(),
    );
    table.because.push(rule("organ/sum", NOT_JUDGED, ""));
    table
}

/// ODL01: each organ of each patient with its values.
fn listing(analysis: &Analysis) -> Table {
    let mut table =
        Table::new("ODL01", "Absorbed dose by patient and organ", population_words(Population::Treated));
    table.stub = "Subject".to_owned();
    table.columns = vec![
        Column::words("Level"),
        Column::words("Organ"),
        Column::words("Values, Gy"),
        Column::new("Sum, Gy"),
        Column::new("BED, Gy"),
        Column::words("Method"),
        Column::words("Source"),
    ];
    for patient in treated(analysis) {
        for total in &patient.organs {
            table.rows.push(Row::new(
                &patient.id,
                [
                    Cell::value("level", level_of(analysis, patient)),
                    Cell::value("organ", &total.organ),
                    values(total),
                    match (total.sum.gray(), total.sum.missing()) {
                        (Some(gray), _) => Cell::decimal("absorbed dose", gray, 2, "Gy"),
                        (None, missing) => Cell::text(missing.unwrap_or_default()),
                    },
                    cells::decimal("BED", total.biologically_effective_gray, 2, "Gy"),
                    Cell::text(total.methods.join("; ")),
                    Cell::text(sources(total)),
                ],
            ));
        }
    }
    table
        .notes
        .push("BED: the biologically effective dose as reported, where every value has one.".to_owned());
    table.because.push(rule("organ/sum", NOT_JUDGED, ""));
    table
}

fn values(total: &OrganTotal) -> Cell {
    let mut cell = Cell::default();
    let mut parts = Vec::new();
    for value in &total.values {
        let gray = value.absorbed_dose.gray();
        let of = match (value.fraction, value.course) {
            (Some(fraction), _) => format!("fraction {fraction}"),
            (None, Some(course)) => format!("course {course}"),
            (None, None) => "whole course".to_owned(),
        };
        parts.push(format!("{of}: {}", gray.normalize()));
        cell.numbers.push(cells::number(&format!("absorbed dose of {of}"), gray, "Gy"));
    }
    cell.text = parts.join("\n");
    cell
}

fn sources(total: &OrganTotal) -> String {
    let mut sources: Vec<&str> = total.values.iter().filter_map(|value| value.source.as_deref()).collect();
    sources.dedup();
    if sources.is_empty() { crate::table::NOTHING.to_owned() } else { sources.join("; ") }
}

/// F12 and F13, each where someone has both of its values.
pub(super) fn figures(analysis: &Analysis, levels: &[figure::Level], frame: &Frame) -> Vec<Figure> {
    if !is_told(analysis) {
        return Vec::new();
    }
    let marrow = scatter(analysis, levels, KnownOrgan::Marrow, |patient| {
        let (nadir, day) = patient.platelet_nadir().ok_or("no platelet count after the first fraction")?;
        Ok((nadir, day))
    });
    let kidney = scatter(analysis, levels, KnownOrgan::Kidney, |patient| {
        let change = patient.filtration_change.ok_or("no eGFR on both sides of the first fraction")?;
        Ok((change.change(), change.day))
    });
    let drawn = |id: &str, title: &str, across: &str, up: &str, caption: &str, (points, not_drawn)| {
        figure::Scatter {
            id: id.to_owned(),
            title: title.to_owned(),
            across: across.to_owned(),
            up: up.to_owned(),
            caption: format!("{caption} {NOT_JUDGED}"),
            more: vec!["Study day".to_owned()],
            levels: levels.to_vec(),
            points,
            not_drawn,
        }
        .draw(frame)
    };
    let mut figures = Vec::new();
    // Without anyone to draw a figure would be an empty frame: the listing names every value.
    if !marrow.0.is_empty() {
        figures.push(drawn(
            "F12",
            "Absorbed dose of the marrow and lowest platelet count",
            "Absorbed dose of the marrow, Gy",
            "Lowest platelet count, 10⁹/L",
            "A mark is a patient with a complete sum; the lowest platelet count after the first fraction, whenever it was taken.",
            marrow,
        ));
    }
    if !kidney.0.is_empty() {
        figures.push(drawn(
            "F13",
            "Absorbed dose of the kidney and change of the eGFR",
            "Absorbed dose of the kidney, Gy",
            "Change of the eGFR, mL/min/1.73 m²",
            "A mark is a patient with a complete sum; the change is the lowest eGFR after the first fraction less the last one before it, \
             whenever it was taken, so that longer follow-up shows larger falls.",
            kidney,
        ));
    }
    figures
}

type Drawn = (Vec<figure::ScatterPoint>, Vec<NotDrawn>);

/// A mark for each treated patient with a complete sum and the other value; the rest by name.
fn scatter(
    analysis: &Analysis,
    levels: &[figure::Level],
    organ: KnownOrgan,
    other: impl Fn(&PatientAnalysis) -> Result<(Decimal, i32), &'static str>,
) -> Drawn {
    let (mut points, mut not_drawn) = (Vec::new(), Vec::new());
    for patient in treated(analysis) {
        let level = level_of(analysis, patient);
        let both = patient.organ_gray(organ).and_then(|gray| Ok((gray, other(patient)?)));
        let both = both.and_then(|(gray, (value, day))| {
            let known = levels.iter().any(|known| known.id == level);
            let real = gray.to_f64().zip(value.to_f64()).filter(|_| known);
            real.map(|(gray, value)| (gray, value, day)).ok_or_else(|| "at no level".to_owned())
        });
        match both {
            Ok((across, up, day)) => points.push(figure::ScatterPoint {
                subject: patient.short_id().to_owned(),
                level,
                across,
                up,
                more: vec![day.to_string()],
            }),
            Err(reason) => not_drawn.push(NotDrawn { subject: patient.short_id().to_owned(), reason }),
        }
    }
    (points, not_drawn)
}
