//! What values must be whatever file they came in: numbers, units of activity and of the laboratory, causality.

use std::collections::HashMap;

use posology_clinic::laboratory::{Analyte, convert};
use posology_clinic::quantity::{Activity, ActivityUnit};
use posology_trial::event::Amount;
use rust_decimal::Decimal;
use sha2::{Digest, Sha256};

/// The terms of the codelist SEX.
pub(crate) const SEXES: [&str; 4] = ["F", "M", "U", "UNDIFFERENTIATED"];

/// Units in which body size is read; other vital signs are kept as text.
pub(crate) const BODY_SIZE_UNITS: [(&str, &[&str]); 3] =
    [("HEIGHT", &["cm", "m", "in"]), ("WEIGHT", &["kg", "g", "lb", "LB"]), ("BSA", &["m2"])];

/// SHA-256 of a text, in hexadecimal digits.
pub(crate) fn sha256(text: &str) -> String {
    hexadecimal(&Sha256::digest(text.as_bytes()))
}

/// Two digits a byte; written without a formatter, which would cost more than the hash.
fn hexadecimal(bytes: &[u8]) -> String {
    let digit = |nibble: u8| char::from_digit(u32::from(nibble), 16).unwrap_or('0');
    bytes.iter().flat_map(|byte| [digit(byte >> 4), digit(byte & 15)]).collect()
}

pub(crate) fn parse_decimal(text: &str) -> Option<Decimal> {
    let text = text.trim();
    let plain = text.bytes().all(|b| b.is_ascii_digit() || matches!(b, b'.' | b'-' | b'+'));
    if plain { text.parse().ok() } else { Decimal::from_scientific(text).ok() }
}

/// `7`, `7.0` and ` 7` are one number when sequence numbers are compared.
pub(crate) fn plain_number(text: &str) -> String {
    let text = text.trim();
    if text.len() < 9 && text.bytes().all(|b| b.is_ascii_digit()) && !text.starts_with('0') {
        return text.to_owned();
    }
    parse_decimal(text).map_or_else(|| text.to_owned(), |number| number.normalize().to_string())
}

/// A unit of activity by its own symbol; the case of its letters is part of it.
pub(crate) fn activity_unit(unit: &str) -> Option<ActivityUnit> {
    [ActivityUnit::Megabecquerel, ActivityUnit::Gigabecquerel, ActivityUnit::Millicurie]
        .into_iter()
        .find(|known| known.symbol() == unit)
}

/// Whether a unit means an activity, whatever its prefix and case: such a unit is never kept as plain text.
pub(crate) fn speaks_of_activity(unit: &str) -> bool {
    let unit = unit.to_ascii_lowercase();
    let unit = unit.split('/').next().unwrap_or_default().trim();
    unit.ends_with("bq") || unit.ends_with("ci") || unit.contains("curie") || unit.contains("becquerel")
}

/// What is wrong with an amount: its value or its unit.
pub(crate) struct BadAmount {
    pub(crate) is_unit: bool,
    pub(crate) expected: String,
    pub(crate) found: String,
    pub(crate) mend: String,
}

/// How much was given: an activity, or an amount in a unit that means none.
pub(crate) fn amount(value: Decimal, unit: &str) -> Result<Amount, BadAmount> {
    if value.is_sign_negative() && !value.is_zero() {
        return Err(BadAmount {
            is_unit: false,
            expected: "an amount of 0 or more".to_owned(),
            found: value.to_string(),
            mend: "correct it at its source".to_owned(),
        });
    }
    if let Some(known) = activity_unit(unit) {
        return Activity::new(value, known).map(Amount::Activity).map_err(|error| BadAmount {
            is_unit: false,
            expected: error.expected,
            found: error.found,
            mend: error.mend,
        });
    }
    if speaks_of_activity(unit) {
        let mend = if unit.contains('/') {
            "give the activity that was administered; what is prescribed per area belongs to EC, SCHEDULED"
        } else {
            "convert it at its source"
        };
        return Err(BadAmount {
            is_unit: true,
            expected: "mCi, MBq or GBq, written exactly so".to_owned(),
            found: crate::problem::quoted(unit),
            mend: mend.to_owned(),
        });
    }
    Ok(Amount::Other { value, unit: unit.to_owned() })
}

/// Whether the reason of a change speaks of toxicity; `None` where it does not say.
pub(crate) fn is_toxicity(reason: &str) -> Option<bool> {
    let upper = reason.to_uppercase();
    (upper.contains("TOXICITY") || upper.contains("ADVERSE EVENT")).then_some(true)
}

/// Whether a causality counts as related: at least possibly. `None` for a word of no list in use.
pub(crate) fn is_related(causality: &str) -> Option<bool> {
    match causality.trim().to_uppercase().as_str() {
        "Y" | "YES" | "RELATED" | "DEFINITE" | "DEFINITELY RELATED" | "CERTAIN" | "PROBABLE"
        | "PROBABLY RELATED" | "LIKELY" | "LIKELY RELATED" | "POSSIBLE" | "POSSIBLY RELATED" => Some(true),
        "N" | "NO" | "NONE" | "NOT RELATED" | "UNRELATED" | "UNLIKELY" | "UNLIKELY RELATED" | "REMOTE"
        | "DOUBTFUL" => Some(false),
        _ => None,
    }
}

/// Whether a result is a number, or a limit of the method such as `<0.2`, and so needs a unit.
pub(crate) fn is_measurement(result: &str) -> bool {
    parse_decimal(result.trim_start_matches(['<', '>', '='])).is_some()
}

/// What laboratory results of one import must know of each other, and answers worth keeping: deciding each anew would
/// cost most of the time.
#[derive(Default)]
pub(crate) struct LaboratoryUnits {
    /// Units of each analyte by subject, in the order seen.
    units: HashMap<Analyte, HashMap<String, Vec<String>>>,
    analytes: HashMap<String, Option<Analyte>>,
    refusals: HashMap<String, Option<String>>,
}

impl LaboratoryUnits {
    /// The analyte of a test code and specimen, where it is one this program knows.
    pub(crate) fn analyte(&mut self, test: &str, specimen: &str) -> Option<Analyte> {
        let key = format!("{test}\u{1f}{specimen}");
        if let Some(analyte) = self.analytes.get(&key) {
            return *analyte;
        }
        let analyte = Analyte::from_sdtm(test, specimen);
        self.analytes.insert(key, analyte);
        analyte
    }

    /// Why a unit cannot be read for an analyte: the units that can.
    pub(crate) fn refusal(&mut self, analyte: Analyte, unit: Option<&str>) -> Option<String> {
        let unit = unit.unwrap_or_default();
        let key = format!("{}\u{1f}{unit}", analyte.id());
        if let Some(refusal) = self.refusals.get(&key) {
            return refusal.clone();
        }
        let refusal = convert(analyte, Decimal::ONE, unit)
            .err()
            .map(|error| format!("a unit of {}: {}", analyte.name(), error.known.join(", ")));
        self.refusals.insert(key, refusal.clone());
        refusal
    }

    /// The unit seen first for this analyte and subject, where this one is new and differs.
    pub(crate) fn other_unit(&mut self, analyte: Analyte, subject: &str, unit: &str) -> Option<String> {
        let subjects = self.units.entry(analyte).or_default();
        let Some(units) = subjects.get_mut(subject) else {
            subjects.insert(subject.to_owned(), vec![unit.to_owned()]);
            return None;
        };
        if units.iter().any(|known| known == unit) {
            return None;
        }
        let first = units.first().cloned();
        units.push(unit.to_owned());
        first
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_hash_is_what_sha256sum_prints() {
        // printf abc | sha256sum
        let expected = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        assert_eq!(sha256("abc"), expected);
    }

    #[test]
    fn sequence_numbers_are_compared_as_numbers() {
        for text in ["7", "7.0", " 7", "7.00 ", "7E0", "07"] {
            assert_eq!(plain_number(text), "7", "{text}");
        }
        assert_eq!(plain_number("A-7"), "A-7");
        assert_eq!(plain_number("9.30"), "9.3");
    }
}
