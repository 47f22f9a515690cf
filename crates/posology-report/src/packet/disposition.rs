//! Who came in, who left, and who they are: DST01 and DMT01.

use std::collections::BTreeSet;

use posology_clinic::laboratory::Analyte;
use posology_trial::analysis::Analysis;
use posology_trial::analysis::patient::PatientAnalysis;
use posology_trial::protocol::Population;
use rust_decimal::Decimal;

use super::levels::{Levels, count, is_enrolled, number_of, rule};
use super::{Review, cover};
use crate::document::Block;
use crate::table::{Cell, Row, Table};

/// Disposition and demographics, under their heading.
pub(super) fn blocks(review: Review<'_>) -> Vec<Block> {
    vec![
        Block::section(1, "patients", "Patients"),
        Block::table(disposition(review.analysis)),
        Block::table(demographics(review.analysis)),
    ]
}

/// DST01: each branch adds up to the row it hangs under.
fn disposition(analysis: &Analysis) -> Table {
    let levels = Levels::of(analysis, "Enrolled: assigned to a cohort, or treated", is_enrolled);
    let mut table = levels.table("DST01", "Disposition");
    let on_all = |label: &str, number: usize| {
        let mut row = levels.row(label, |_| Cell::nothing());
        if let Some(cell) = row.cells.last_mut() {
            *cell = Cell::count(count(number));
        }
        row
    };
    table.rows = vec![
        on_all("Screened", analysis.patients.len()),
        on_all(
            "Screen failure",
            analysis.patients.iter().filter(|patient| patient.disposition.screen_failure).count(),
        )
        .indent(1),
        levels.number("Enrolled", |_| true),
        levels.share("Treated", PatientAnalysis::is_treated).indent(1),
        levels.share("Completed treatment", |patient| treatment(patient) == Treatment::Completed).indent(2),
        levels.share("Treatment ongoing", |patient| treatment(patient) == Treatment::Ongoing).indent(2),
        levels
            .share("Discontinued treatment", |patient| {
                matches!(treatment(patient), Treatment::Discontinued(_))
            })
            .indent(2),
    ];
    table.rows.extend(reasons(&levels, |patient| match treatment(patient) {
        Treatment::Discontinued(reason) => Some(reason.to_owned()),
        _ => None,
    }));
    table.rows.extend([
        levels.share("Not treated", |patient| !patient.is_treated()).indent(1),
        levels.share("In the study", |patient| {
            study(patient).is_none() && !patient.disposition.study_completed
        }),
        levels.share("Completed the study", |patient| {
            study(patient).is_none() && patient.disposition.study_completed
        }),
        levels.share("Left the study", |patient| study(patient).is_some()),
    ]);
    table.rows.extend(reasons(&levels, |patient| study(patient).map(str::to_owned)));
    table.because.push(rule(
        "disposition/standard-terms",
        "Reasons are the standard terms of the disposition events; treatment is ongoing until it is recorded as completed or discontinued",
        "SDTM DS, codelist NCOMPLT",
    ));
    table
}

#[derive(PartialEq)]
enum Treatment<'a> {
    NotStarted,
    Ongoing,
    Completed,
    Discontinued(&'a str),
}

fn treatment(patient: &PatientAnalysis) -> Treatment<'_> {
    match &patient.disposition.treatment_discontinued {
        _ if !patient.is_treated() => Treatment::NotStarted,
        Some(reason) => Treatment::Discontinued(reason),
        None if patient.disposition.treatment_completed => Treatment::Completed,
        None => Treatment::Ongoing,
    }
}

fn study(patient: &PatientAnalysis) -> Option<&str> {
    patient.disposition.study_discontinued.as_deref()
}

/// A row a reason, by name.
fn reasons(levels: &Levels<'_>, reason: impl Fn(&PatientAnalysis) -> Option<String>) -> Vec<Row> {
    let found: BTreeSet<String> = levels.all().iter().filter_map(|patient| reason(patient)).collect();
    found
        .into_iter()
        .map(|name| {
            let label = super::levels::sentence(&name.to_lowercase());
            levels.share(label, |patient| reason(patient).as_deref() == Some(name.as_str())).indent(3)
        })
        .collect()
}

/// DMT01: demographics, size, baseline counts and every recorded characteristic.
fn demographics(analysis: &Analysis) -> Table {
    let levels = Levels::population(analysis, Population::Treated);
    let mut table = levels.table("DMT01", "Demographics and baseline");
    let age = |patient: &PatientAnalysis| patient.facts.subject.age_years;
    table.rows = levels.summary("Age, years", 0, "years", age);
    let (middle, old) = (Decimal::from(65), Decimal::from(75));
    table.rows.extend([
        levels.share("Below 65", |patient| age(patient).is_some_and(|age| age < middle)).indent(1),
        levels
            .share("65 to 74", |patient| age(patient).is_some_and(|age| age >= middle && age < old))
            .indent(1),
        levels.share("75 and above", |patient| age(patient).is_some_and(|age| age >= old)).indent(1),
    ]);
    table.rows.extend(categories(&levels, "Sex", |patient| patient.facts.subject.sex.clone()));
    table.rows.extend(categories(&levels, "Race", |patient| patient.facts.subject.race.clone()));
    table.rows.extend(categories(&levels, "Ethnicity", |patient| patient.facts.subject.ethnicity.clone()));
    table.rows.extend(levels.summary("Weight, kg", 1, "kg", |patient| patient.weight_kg));
    table.rows.extend(levels.summary("Height, cm", 0, "cm", |patient| patient.height_cm));
    let surface = format!("Body surface area, m2 ({})", cover::body_surface(analysis));
    table.rows.extend(levels.summary(surface, 2, "m2", |patient| patient.exposure.body_surface_m2));
    for (analyte, label) in [
        (Analyte::Platelets, "Platelets at baseline, 10^9/L"),
        (Analyte::Neutrophils, "Neutrophils at baseline, 10^9/L"),
    ] {
        table.rows.extend(levels.summary(label, 1, analyte.canonical_unit(), |patient| {
            patient.kinetics.iter().find(|kinetics| kinetics.analyte == analyte)?.summary.as_ref()?.baseline
        }));
    }
    for name in characteristics(&levels) {
        let value = |patient: &PatientAnalysis| patient.facts.characteristic(&name).map(str::to_owned);
        let number = |patient: &PatientAnalysis| value(patient)?.trim().parse::<Decimal>().ok();
        let is_measured = !["ECOG", "STAGE", "ISS"].iter().any(|scale| name.to_uppercase().contains(scale))
            && levels.all().iter().all(|patient| value(patient).is_none() || number(patient).is_some());
        if is_measured {
            let places =
                levels.all().iter().filter_map(|patient| number(patient)).map(|value| value.scale()).max();
            table.rows.extend(levels.summary(&name, places.unwrap_or(0), "", number));
        } else {
            table.rows.extend(categories(&levels, &name, value));
        }
    }
    table.because.push(rule(
        "baseline/last-before",
        "Size and counts are the last before or on the day of the first fraction; characteristics are printed as recorded",
        "SDTM DM, VS, LB and SC",
    ));
    table
}

/// The names of the characteristics recorded of anyone, in the order of first mention.
fn characteristics(levels: &Levels<'_>) -> Vec<String> {
    let mut names: Vec<String> = Vec::new();
    for characteristic in levels.all().iter().flat_map(|patient| &patient.facts.characteristics) {
        if !names.iter().any(|name| name.eq_ignore_ascii_case(&characteristic.name)) {
            names.push(characteristic.name.clone());
        }
    }
    names
}

/// A heading and a row a category; who has none is a row of its own.
fn categories(
    levels: &Levels<'_>,
    name: &str,
    value: impl Fn(&PatientAnalysis) -> Option<String>,
) -> Vec<Row> {
    let found: BTreeSet<String> = levels.all().iter().filter_map(|patient| value(patient)).collect();
    let mut rows = vec![Row::heading(name)];
    rows.extend(found.iter().map(|category| {
        levels.share(category.as_str(), |patient| value(patient).as_ref() == Some(category)).indent(1)
    }));
    if number_of(levels.all(), |patient| value(patient).is_none()) > 0 {
        rows.push(levels.number("Missing", |patient| value(patient).is_none()).indent(1));
    }
    rows
}
