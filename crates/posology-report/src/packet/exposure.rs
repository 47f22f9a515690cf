//! What was prescribed and what was given: EXT01 by level, EXL01 fraction by fraction.

use std::collections::BTreeMap;

use posology_clinic::quantity::Activity;
use posology_trial::analysis::Analysis;
use posology_trial::analysis::exposure::FractionExposure;
use posology_trial::analysis::patient::PatientAnalysis;
use posology_trial::protocol::Population;
use rust_decimal::Decimal;

use super::levels::{Levels, level_of, or_none, population_words, rule, treated};
use super::{Review, cells};
use crate::document::Block;
use crate::table::{Cell, Column, Row, Table};

/// Exposure, under its heading.
pub(super) fn blocks(review: Review<'_>) -> Vec<Block> {
    vec![Block::section(1, "exposure", "Exposure"), Block::table(summary(review.analysis))]
}

/// EXT01.
fn summary(analysis: &Analysis) -> Table {
    let levels = Levels::population(analysis, Population::Treated);
    let gates = &analysis.protocol.gates;
    let mut table = levels.table("EXT01", "Exposure");
    let fractions = levels.all().iter().map(|patient| patient.exposure.fractions.len()).max().unwrap_or(0);
    table.rows.push(Row::heading("Fractions received"));
    table.rows.extend(
        (1..=fractions)
            .map(|number| levels.share(number.to_string(), |patient| received(patient) == number).indent(1)),
    );
    let totals: [(&str, u32, &str, Of<Decimal>); 4] = [
        ("Prescribed activity, mCi", 1, "mCi", |patient| {
            patient.exposure.total_prescribed().map(Activity::mci)
        }),
        ("Total administered activity, mCi", 1, "mCi", |patient| {
            patient.exposure.total_administered().map(Activity::mci)
        }),
        ("Total administered activity, MBq", 0, "MBq", |patient| {
            patient.exposure.total_administered().map(Activity::mbq)
        }),
        ("Administered of prescribed activity, %", 1, "%", |patient| patient.exposure.percent()),
    ];
    for (label, decimals, unit, value) in totals {
        table.rows.extend(levels.summary(label, decimals, unit, value));
    }
    for number in 1..=fractions {
        let of = |patient: &PatientAnalysis| -> Option<FractionExposure> {
            patient.exposure.fractions.iter().find(|fraction| fraction.number as usize == number).cloned()
        };
        let parts: [(&str, PartOf); 2] = [
            ("prescribed, mCi", |fraction| fraction.prescribed.map(Activity::mci)),
            ("administered, mCi", |fraction| fraction.net.map(Activity::mci)),
        ];
        for (label, part) in parts {
            table.rows.push(Row::heading(format!("Fraction {number}, {label}")));
            table.rows.extend(
                levels.spread("Median", 1, "mCi", |patient| part(&of(patient)?)).map(|row| row.indent(1)),
            );
        }
    }
    table.rows.push(Row::heading("Patients with"));
    table.rows.extend(
        [
            levels.share(
                format!("a fraction {} off", gates.tolerance_comparison.limit(gates.tolerance_percent)),
                |patient| flagged(patient, "gate/protocol-tolerance") || flagged(patient, "gate/after-use"),
            ),
            levels.share(
                format!("a fraction {} off", gates.after_use_comparison.limit(gates.after_use_percent)),
                |patient| flagged(patient, "gate/after-use"),
            ),
            levels.share(
                format!("a fraction more than {} days late", gates.delayed_more_than_days),
                |patient| flagged(patient, "gates/delay"),
            ),
            levels.share("a change, delay or omission", |patient| {
                patient.exposure.fractions.iter().any(|fraction| fraction.reason.is_some())
            }),
            levels
                .share("of them through toxicity", |patient| {
                    patient.exposure.fractions.iter().any(|fraction| fraction.through_toxicity == Some(true))
                })
                .indent(1),
            levels.share("a planned fraction not given", |patient| !patient.exposure.is_complete()),
        ]
        .map(|row| {
            let depth = row.indent + 1;
            row.indent(depth)
        }),
    );
    table.notes.push("Administered activity is net: assayed less residual, at administration. Flags name a gate and declare nothing.".to_owned());
    table.because.push(rule(
        "exposure/total",
        "A total is given only where every part of it is recorded",
        "protocol, [gates]",
    ));
    table
}

type Of<T> = fn(&PatientAnalysis) -> Option<T>;

/// An activity of one fraction, in mCi.
type PartOf = fn(&FractionExposure) -> Option<Decimal>;

fn received(patient: &PatientAnalysis) -> usize {
    patient.exposure.fractions.iter().filter(|fraction| fraction.given.is_some()).count()
}

fn flagged(patient: &PatientAnalysis, gate: &str) -> bool {
    patient.exposure.fractions.iter().any(|fraction| fraction.flags.iter().any(|flag| flag.rule == gate))
}

/// EXL01.
pub(super) fn listing(analysis: &Analysis) -> Table {
    let mut table =
        Table::new("EXL01", "Fractions prescribed and given", population_words(Population::Treated));
    table.stub = "Subject".to_owned();
    table.columns = vec![
        Column::words("Level"),
        Column::new("Fraction"),
        Column::words("Planned"),
        Column::words("Given"),
        Column::words("Day"),
        Column::new("Prescribed, mCi/m2"),
        Column::new("BSA, m2"),
        Column::new("Prescribed, mCi"),
        Column::new("Administered, mCi"),
        Column::new("MBq"),
        Column::new("%"),
        Column::words("Remarks"),
    ];
    for patient in treated(analysis) {
        let lots: BTreeMap<u32, &str> = patient
            .facts
            .administrations
            .iter()
            .filter_map(|administration| Some((administration.fraction?, administration.lot.as_deref()?)))
            .collect();
        for fraction in &patient.exposure.fractions {
            let lot = lots.get(&fraction.number).copied();
            table.rows.push(Row::new(&patient.id, fraction_cells(analysis, patient, fraction, lot)));
        }
    }
    or_none(table, "Nobody has been given a fraction.")
}

fn fraction_cells(
    analysis: &Analysis,
    patient: &PatientAnalysis,
    fraction: &FractionExposure,
    lot: Option<&str>,
) -> [Cell; 12] {
    let remarks: Vec<String> = fraction
        .flags
        .iter()
        .map(|flag| flag.says.clone())
        .chain(fraction.reason.clone())
        .chain(lot.map(|lot| format!("lot {lot}")))
        .collect();
    let percent = cells::decimal("percent of prescribed", fraction.percent(), 1, "%");
    let is_flagged = !fraction.flags.is_empty() || fraction.given.is_none();
    let remarks =
        if remarks.is_empty() { Cell::nothing() } else { Cell::value("remarks", remarks.join("; ")) };
    [
        Cell::value("level", level_of(analysis, patient)),
        Cell::count(fraction.number),
        cells::date(fraction.planned),
        cells::date(fraction.given),
        cells::day(fraction.given.and_then(|given| patient.study_day(given))),
        cells::decimal(
            "prescribed per area",
            fraction.per_area.map(|activity| activity.mci_per_m2()),
            3,
            "mCi/m2",
        ),
        cells::decimal("body surface area", patient.exposure.body_surface_m2, 2, "m2"),
        cells::mci("prescribed", fraction.prescribed),
        cells::mci("administered", fraction.net),
        cells::decimal("administered", fraction.net.map(Activity::mbq), 0, "MBq"),
        percent,
        if is_flagged { remarks.flag() } else { remarks },
    ]
}
