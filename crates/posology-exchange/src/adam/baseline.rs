//! What ADSL says of a subject before treatment, and the groups it stands in: stratum, characteristics, and the protocol's
//! groupings.

use posology_trial::analysis::groups::Grouped;
use posology_trial::analysis::patient::PatientAnalysis;
use posology_trial::protocol::{GroupBy, Grouping};
use rust_decimal::Decimal;

use super::Context;
use super::sheet::{Record, place};
use crate::package::{Column, Value};

/// A characteristic at baseline that has a variable of its own.
struct Known {
    recorded: &'static str,
    name: &'static str,
    label: &'static str,
    numeric: bool,
}

const fn known(recorded: &'static str, name: &'static str, label: &'static str, numeric: bool) -> Known {
    Known { recorded, name, label, numeric }
}

/// Characteristics by the names under which they are recorded.
const KNOWN: [Known; 15] = [
    known("ECOG", "ECOGBL", "ECOG Performance Status at Baseline", true),
    known("Karnofsky", "KARNBL", "Karnofsky Performance at Baseline", true),
    known("Lansky", "LANSBL", "Lansky Play Performance at Baseline", true),
    known("ISS stage", "ISSBL", "International Staging System Stage", false),
    known("R-ISS", "RISSBL", "Revised International Staging Stage", false),
    known("Cytogenetic risk", "CYTORISK", "Cytogenetic Risk", false),
    known("Earlier lines", "PRLINES", "Number of Earlier Lines of Therapy", true),
    known("Refractory class", "REFRCLAS", "Classes of Therapy Refractory to", false),
    known("Transplant", "PRTRANFL", "Earlier Stem Cell Transplant", false),
    known("M-protein type", "MPROTYP", "Type of M-Protein", false),
    known("Light chain", "LTCHAIN", "Light Chain Involved", false),
    known("Extramedullary disease", "EXTRAMED", "Extramedullary Disease", false),
    known("Years since diagnosis", "YRSDIAG", "Years since Diagnosis", true),
    known("Marrow plasma cells %", "MARPCBL", "Marrow Plasma Cells at Baseline (%)", true),
    known("Earlier courses", "PRCOURSE", "Activity of Earlier Courses", false),
];

/// Variables of characteristics that have none of their own, in the order of first mention.
const OTHERS: [(&str, &str); 12] = [
    ("CHAR01", "Baseline Characteristic 01"),
    ("CHAR02", "Baseline Characteristic 02"),
    ("CHAR03", "Baseline Characteristic 03"),
    ("CHAR04", "Baseline Characteristic 04"),
    ("CHAR05", "Baseline Characteristic 05"),
    ("CHAR06", "Baseline Characteristic 06"),
    ("CHAR07", "Baseline Characteristic 07"),
    ("CHAR08", "Baseline Characteristic 08"),
    ("CHAR09", "Baseline Characteristic 09"),
    ("CHAR10", "Baseline Characteristic 10"),
    ("CHAR11", "Baseline Characteristic 11"),
    ("CHAR12", "Baseline Characteristic 12"),
];

/// Variables of the protocol's groupings: the group, its place, and the group by the other comparison at a cut.
struct GroupNames {
    group: (&'static str, &'static str),
    number: (&'static str, &'static str),
    other: (&'static str, &'static str),
}

macro_rules! group_names {
    ($($n:literal),*) => {
        [$(GroupNames {
            group: (concat!("PRGRP", $n), concat!("Group by Protocol Grouping ", $n)),
            number: (concat!("PRGRP", $n, "N"), concat!("Group by Protocol Grouping ", $n, " (N)")),
            other: (concat!("PRGRP", $n, "X"), concat!("Protocol Grouping ", $n, ", Other Comparison")),
        }),*]
    };
}

const GROUPS: [GroupNames; 9] = group_names!("1", "2", "3", "4", "5", "6", "7", "8", "9");

/// The names of characteristics without a variable of their own, in the order of first mention.
pub(super) fn others(context: &Context<'_>) -> Vec<String> {
    let mut names: Vec<String> = Vec::new();
    for one in context.analysis().patients.iter().flat_map(|patient| &patient.facts.characteristics) {
        let same = |name: &str| name.eq_ignore_ascii_case(&one.name);
        if !KNOWN.iter().any(|known| same(known.recorded)) && !names.iter().any(|name| same(name)) {
            names.push(one.name.clone());
        }
    }
    names
}

/// What has no variable, in sentences.
pub(super) fn left_out(context: &Context<'_>, others: &[String]) -> Vec<String> {
    let characteristics = others.len().saturating_sub(OTHERS.len());
    let groupings = context.protocol().group.len().saturating_sub(GROUPS.len());
    let mut said = Vec::new();
    if characteristics > 0 {
        said.push(format!("{characteristics} further characteristics at baseline have no variable here."));
    }
    if groupings > 0 {
        said.push(format!("{groupings} further groupings of the protocol have no variable here."));
    }
    said
}

/// The variables.
pub(super) fn columns(context: &Context<'_>, others: &[String]) -> Vec<Column> {
    let protocol = context.protocol();
    let mut columns = vec![
        Column::text("STRATUM", "Kind of Disease")
            .derived("Stratum of the protocol: that of COHORT, else the one named at enrolment"),
        Column::integer("STRATUMN", "Kind of Disease (N)")
            .derived("Place of STRATUM in the protocol, from 1"),
        Column::text("STRATNAM", "Name of Kind of Disease").derived("Name of STRATUM in the protocol"),
    ];
    for known in &KNOWN {
        let column = if known.numeric {
            Column::float(known.name, known.label)
        } else {
            Column::text(known.name, known.label)
        };
        let as_number = if known.numeric { ", where it is a number" } else { "" };
        columns.push(column.derived(format!(
            "Last value recorded of the characteristic at baseline \"{}\"{as_number}",
            known.recorded
        )));
    }
    for ((name, label), recorded) in OTHERS.into_iter().zip(others) {
        columns.push(
            Column::text(name, label)
                .derived(format!("Last value recorded of the characteristic at baseline \"{recorded}\"")),
        );
    }
    for (names, grouping) in GROUPS.iter().zip(&protocol.group) {
        let how = grouping_in_words(context, grouping);
        columns.push(Column::text(names.group.0, names.group.1).derived(how));
        columns.push(
            Column::integer(names.number.0, names.number.1)
                .derived(format!("Place of {} among the groups, from 1", names.group.0)),
        );
        columns.push(Column::text(names.other.0, names.other.1).derived(format!(
            "As {}, an activity equal to the cut counted on the other side; only where a subject is within 1 mCi of the cut",
            names.group.0
        )));
    }
    columns
}

/// How the groups of a grouping are formed, in words.
fn grouping_in_words(context: &Context<'_>, grouping: &Grouping) -> String {
    let by = match &grouping.by {
        GroupBy::Stratum => "STRATUM".to_owned(),
        GroupBy::Characteristic { name, .. } => {
            format!("the last value recorded of the characteristic at baseline \"{name}\"")
        }
        GroupBy::TotalAdministeredActivity { cut, .. } => {
            format!("the net activity administered up to a landmark, parted at {cut}")
        }
    };
    let planned = if grouping.planned { "planned" } else { "not planned" };
    let mut said = format!(
        "{}: groups of treated subjects by {by} ({planned}; protocol, [[group]] \"{}\").",
        grouping.name, grouping.id
    );
    let notes = context.analysis().grouped(grouping).into_iter().next().map(|one| one.notes);
    for note in notes.into_iter().flatten() {
        said.push_str(&format!(" Note: {}.", note.says));
    }
    said
}

/// Sets them for the patient at a place of the analysis.
pub(super) fn set(
    record: &mut Record,
    context: &Context<'_>,
    patient: &PatientAnalysis,
    at: usize,
    others: &[String],
) {
    let protocol = context.protocol();
    let facts = &patient.facts;
    let stratum = patient.stratum.as_deref();
    let stratum_place = stratum.and_then(|id| protocol.stratum.iter().position(|one| one.id == id));
    record
        .set("STRATUM", stratum)
        .set("STRATUMN", stratum_place.map_or(Value::Missing, place))
        .set("STRATNAM", stratum.and_then(|id| protocol.stratum(id)).map(|stratum| stratum.name.as_str()));
    for known in &KNOWN {
        let Some(value) = facts.characteristic(known.recorded) else { continue };
        if known.numeric {
            record.set(known.name, value.trim().parse::<Decimal>().ok());
        } else {
            record.set(known.name, value);
        }
    }
    for ((name, _), recorded) in OTHERS.into_iter().zip(others) {
        record.set(name, facts.characteristic(recorded));
    }
    for (names, grouping) in GROUPS.iter().zip(&protocol.group) {
        let mut grouped = context.analysis().grouped(grouping).into_iter();
        let in_group = |grouped: Grouped| {
            let found = grouped.groups.iter().position(|group| group.patients.contains(&at))?;
            Some((found, grouped.groups.get(found)?.label.clone()))
        };
        let found = grouped.next().and_then(in_group);
        let other = grouped.next().and_then(in_group);
        record
            .set(names.number.0, found.as_ref().map_or(Value::Missing, |(at, _)| place(*at)))
            .set(names.group.0, found.map(|(_, label)| label))
            .set(names.other.0, other.map(|(_, label)| label));
    }
}
