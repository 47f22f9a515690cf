//! Values that could be recorded and never be read: refused where someone types them. What an import brings is told in its
//! report instead, since it is another system's record.

use posology_clinic::laboratory::{Analyte, Measured, convert};

use super::Refusal;
use crate::event::{Event, Fact, Laboratory};
use crate::when::When;

pub(super) fn admit(event: &Event) -> Result<(), Refusal> {
    if event.origin.is_some() {
        return Ok(());
    }
    for (name, when) in times(&event.fact) {
        zoned(name, when)?;
    }
    match &event.fact {
        Fact::Laboratory(result) => laboratory(result),
        _ => Ok(()),
    }
}

/// The times of a fact that someone reads from a clock.
fn times(fact: &Fact) -> Vec<(&'static str, &When)> {
    match fact {
        Fact::Laboratory(fact) => fact.at.iter().map(|at| ("at", at)).collect(),
        Fact::VitalSign(fact) => fact.at.iter().map(|at| ("at", at)).collect(),
        Fact::Administration(fact) => {
            [("start", &fact.start)].into_iter().chain(fact.end.iter().map(|end| ("end", end))).collect()
        }
        Fact::AdverseEvent(fact) => {
            let start = fact.start.iter().map(|start| ("start", start));
            start.chain(fact.end.iter().map(|end| ("end", end))).collect()
        }
        Fact::Support(fact) => vec![("at", &fact.at)],
        Fact::Death(fact) => vec![("at", &fact.at)],
        Fact::ResponseAssessment(fact) => fact.at.iter().map(|at| ("at", at)).collect(),
        _ => Vec::new(),
    }
}

/// A time of day names the offset of its clock: two sites lie hours apart.
fn zoned(name: &str, when: &When) -> Result<(), Refusal> {
    if when.instant().is_none() || when.has_offset() {
        return Ok(());
    }
    Err(Refusal::new(
        "event/offset",
        format!("{name}: a day, or a time with the offset of its clock from UTC"),
        when.to_string(),
        "write the offset behind the time, such as 2026-02-03T08:05:00-06:00, or Z",
    ))
}

fn laboratory(result: &Laboratory) -> Result<(), Refusal> {
    let Some(analyte) = result.analyte else { return Ok(()) };
    let specimen = result.specimen.as_deref().unwrap_or_default();
    if let Some(named) = Analyte::from_sdtm(&result.test, specimen).filter(|named| *named != analyte) {
        return Err(Refusal::new(
            "laboratory/analyte",
            format!("{}, which is what test {} measures", named.id(), result.test),
            analyte.id(),
            "correct the test or the analyte",
        ));
    }
    let Some(text) = result.result.as_deref().map(str::trim).filter(|text| !text.is_empty()) else {
        return Ok(());
    };
    // Words such as NOT DETECTED have no unit; whatever has a digit is meant as a number.
    if !text.bytes().any(|byte| byte.is_ascii_digit()) {
        return Ok(());
    }
    let unit = result.unit.as_deref().unwrap_or_default().trim();
    let measured = text.parse::<Measured>().ok().filter(|measured| measured.unit.is_empty());
    let Some(measured) = measured else {
        return Err(Refusal::new(
            "laboratory/number",
            "a plain number with a decimal point, < or > before it where it is a limit, and its unit apart",
            format!("{text:?}"),
            "write it such as 45.5, and the unit in its own field",
        ));
    };
    if convert(analyte, measured.value, unit).is_err() {
        let known: Vec<&str> = analyte.units_known().collect();
        return Err(Refusal::new(
            "laboratory/unit",
            format!("a unit of {}: one of {}", analyte.name(), known.join(", ")),
            if unit.is_empty() { "no unit".to_owned() } else { format!("{unit:?}") },
            "choose the unit that the laboratory reported",
        ));
    }
    Ok(())
}
