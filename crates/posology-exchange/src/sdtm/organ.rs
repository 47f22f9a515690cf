//! Absorbed doses of organs from a table of their own, `organ-doses.csv`: a row for each organ and fraction, or course.
//!
//! Columns: `USUBJID`, `ORGAN`, `ABSORBED_DOSE` and `UNIT` (Gy, cGy or mGy), `METHOD`; and, where known, `FRACTION`, `COURSE`, `BED`
//! with `BED_UNIT`, `DATE`, `SOURCE`. A row without `FRACTION` is of a whole course. Subjects are those of the demographics.
//! SDTM has no domain for what dosimetry finds of an organ; programs of dosimetry write such a table.

use posology_clinic::quantity::{AbsorbedDose, BadQuantity};
use posology_trial::event::{Fact, OrganAbsorbedDose};

use super::facts::Mapped;
use super::record::Record;
use crate::intake::sense::plain_number;
use crate::problem::{Problem, quoted};

/// How the table is named among the domains.
pub(super) const DOMAIN: &str = "ORGAN-DOSES";

/// Longest text of a method or a source that is taken, characters.
const LONGEST_TEXT: usize = 500;

/// Whether a file of this name holds the table.
pub(super) fn is_named(stem: &str) -> bool {
    stem.eq_ignore_ascii_case("organ-doses") || stem.eq_ignore_ascii_case("organ_doses")
}

/// What identifies a row: subject, organ, course and fraction.
pub(super) fn key(record: &Record<'_>, subject: &str) -> String {
    let part = |name: &str| record.text(name).map(plain_number).unwrap_or_default();
    let organ = record.text("ORGAN").unwrap_or_default().trim().to_lowercase();
    format!("{subject}/{organ}/course {}/fraction {}", part("COURSE"), part("FRACTION"))
}

/// A second row for one organ of one fraction or course.
pub(super) fn twice(record: &Record<'_>, first: u64) -> Problem {
    record.problem(
        "ORGAN",
        "each organ of a fraction or course once",
        &format!("one already there, in row {first}"),
        "keep the row that is right, or say by FRACTION and COURSE what each belongs to",
    )
}

pub(super) fn absorbed_dose(record: &Record<'_>) -> Result<Mapped, Problem> {
    let Some(absorbed_dose) = quantity(record, "ABSORBED_DOSE", "UNIT")? else {
        let mend = "fill it in, or leave the row out: a missing value is no zero";
        return Err(record.problem("ABSORBED_DOSE", "an absorbed dose", "none", mend));
    };
    let fact = OrganAbsorbedDose {
        subject: record.subject()?,
        organ: record.required("ORGAN")?,
        absorbed_dose,
        biologically_effective_dose: quantity(record, "BED", "BED_UNIT")?,
        fraction: number(record, "FRACTION")?,
        course: number(record, "COURSE")?,
        method: short(record, "METHOD", record.required("METHOD")?)?,
        date: record.when("DATE")?,
        source: record.owned("SOURCE").map(|source| short(record, "SOURCE", source)).transpose()?,
    };
    Ok(Fact::OrganAbsorbedDose(fact).into())
}

fn quantity(record: &Record<'_>, value: &str, unit: &str) -> Result<Option<AbsorbedDose>, Problem> {
    let Some(number) = record.decimal(value)? else { return Ok(None) };
    let Some(symbol) = record.text(unit) else {
        return Err(record.problem(unit, "Gy, cGy or mGy", "none", "state the unit: it is never guessed"));
    };
    let read: Result<AbsorbedDose, BadQuantity> = format!("{} {symbol}", number.normalize()).parse();
    let at = |bad: BadQuantity| {
        let column = if ["Gy", "cGy", "mGy"].contains(&symbol) { value } else { unit };
        record.problem(column, &bad.expected, &bad.found, &bad.mend)
    };
    read.map(Some).map_err(at)
}

fn number(record: &Record<'_>, name: &str) -> Result<Option<u32>, Problem> {
    let Some(text) = record.text(name) else { return Ok(None) };
    plain_number(text).parse().ok().filter(|number| *number > 0_u32).map(Some).ok_or_else(|| {
        record.problem(
            name,
            "a number from 1",
            &quoted(text),
            "correct it, or leave it out for a whole course",
        )
    })
}

fn short(record: &Record<'_>, name: &str, text: String) -> Result<String, Problem> {
    let length = text.chars().count();
    if length <= LONGEST_TEXT {
        return Ok(text);
    }
    let expected = format!("at most {LONGEST_TEXT} characters");
    Err(record.problem(name, &expected, &length.to_string(), "shorten it, and name the report in SOURCE"))
}
