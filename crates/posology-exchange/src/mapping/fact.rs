//! The kinds of fact that a row can be, their fields, and what must hold of a fact whatever file it came from.

use posology_clinic::quantity::{Activity, ActivityPerArea, BadQuantity};
use posology_trial::event::{Fact, Kind};
use posology_trial::follow::can_be_followed;
use posology_trial::form::{Form, Shape};
use rust_decimal::Decimal;
use serde_json::{Map, Value, json};

use super::value::{Bad, Hand, bad};
use crate::intake::sense::{
    self, BODY_SIZE_UNITS, LaboratoryUnits, SEXES, is_measurement, is_related, is_toxicity,
};
use crate::problem::quoted;

/// A field of a fact as a mapping names it; those of a part are `part-field`.
#[derive(Debug, Clone)]
pub(super) struct Field {
    pub(super) name: String,
    /// Name of the part it stands in, and its name there.
    part: Option<(String, String)>,
    pub(super) says: String,
    pub(super) required: bool,
    pub(super) shape: Shape,
}

/// Whether rows of a site can be facts of a kind: what patients' data consist of, judgements of an investigator, and
/// absorbed doses.
pub(super) fn is_mapped(kind: Kind) -> bool {
    can_be_followed(kind) || matches!(kind, Kind::DltJudgement | Kind::OrganAbsorbedDose)
}

pub(super) fn kinds() -> impl Iterator<Item = Kind> {
    Kind::ALL.iter().copied().filter(|kind| is_mapped(*kind))
}

/// The fields of a kind, those of its parts among them.
pub(super) fn fields_of(kind: Kind) -> Vec<Field> {
    let mut fields = Vec::new();
    for field in Form::of(kind).fields {
        let Shape::Part(parts) = field.shape else {
            let posology_trial::form::Field { name, says, required, shape } = field;
            fields.push(Field { name, part: None, says, required, shape });
            continue;
        };
        for (name, shape) in parts {
            fields.push(Field {
                part: Some((field.name.clone(), name.clone())),
                says: format!("{} ({name})", field.says.trim_end_matches('.')),
                // Of a part that must be given its reason must; whatever else it has may be unknown.
                required: field.required && name == "reason",
                name: format!("{}-{name}", field.name),
                shape,
            });
        }
    }
    fields
}

/// Whether a field that a fact needs follows from others where nothing fills it.
pub(super) fn follows(kind: Kind, field: &str) -> bool {
    matches!((kind, field), (Kind::AdverseEvent, "key" | "term") | (Kind::Disposition, "standard"))
}

impl Field {
    /// The value of a constant, or of what a code stands for: written as the record writes it.
    pub(super) fn constant(&self, text: &str, unit: Option<&str>) -> Result<Value, Bad> {
        let text = match unit {
            Some(unit) => format!("{text} {unit}"),
            None => text.to_owned(),
        };
        self.of_shape(&text)
    }

    /// The value of a text as a table writes it.
    pub(super) fn written(
        &self,
        hand: &Hand<'_>,
        text: &str,
        unit: Option<&str>,
        time: Option<&str>,
    ) -> Result<Value, Bad> {
        match &self.shape {
            Shape::When | Shape::Date => self.of_shape(&hand.date(text, time)?),
            Shape::Decimal => Ok(Value::String(hand.number(text)?.to_string())),
            Shape::Integer => self.of_shape(&hand.number(text)?.normalize().to_string()),
            shape if !shape.units().is_empty() => {
                let number = match unit {
                    Some(unit) => format!("{} {unit}", hand.number(text)?),
                    None => hand.quantity(text)?,
                };
                self.of_shape(&number)
            }
            Shape::Text if self.name == "result" => Ok(Value::String(hand.result(text)?)),
            _ => self.of_shape(text),
        }
    }

    fn of_shape(&self, text: &str) -> Result<Value, Bad> {
        let is_of = |parsed: Result<(), BadQuantity>| match parsed {
            Ok(()) => Ok(Value::String(text.to_owned())),
            Err(error) => Err(bad(error.expected, error.found, error.mend)),
        };
        let one_of = |known: &[&str]| {
            let words = known.join(", ");
            bad(
                format!("one of {words}"),
                quoted(text),
                "translate it with codes, or correct it at its source",
            )
        };
        match &self.shape {
            Shape::When => match text.parse::<posology_trial::when::When>() {
                Ok(_) => Ok(Value::String(text.to_owned())),
                Err(_) => Err(bad("a date such as 2019-04-30 or 2019-04", quoted(text), "write it so")),
            },
            Shape::Integer => match text.parse::<u32>() {
                Ok(number) => Ok(number.into()),
                Err(_) => Err(bad("a whole number, 0 or more", quoted(text), "correct it at its source")),
            },
            Shape::Decimal => match sense::parse_decimal(text) {
                Some(number) => Ok(Value::String(number.to_string())),
                None => Err(bad("a number such as 12.5", quoted(text), "write it so")),
            },
            Shape::YesOrNo => match text {
                "yes" | "true" | "Y" => Ok(true.into()),
                "no" | "false" | "N" => Ok(false.into()),
                _ => Err(one_of(&["yes", "no", "Y", "N"])),
            },
            Shape::OneOf(words) => {
                let known: Vec<&str> = words.iter().map(|(word, _)| word.as_str()).collect();
                if known.contains(&text) { Ok(Value::String(text.to_owned())) } else { Err(one_of(&known)) }
            }
            Shape::Activity => is_of(text.parse::<Activity>().map(|_| ())),
            Shape::ActivityPerArea => is_of(text.parse::<ActivityPerArea>().map(|_| ())),
            Shape::AbsorbedDose => is_of(text.parse::<posology_clinic::quantity::AbsorbedDose>().map(|_| ())),
            Shape::Named(..) => amount(text),
            _ => Ok(Value::String(text.to_owned())),
        }
    }

    /// Puts a value where it belongs among those of the fact.
    pub(super) fn put(&self, value: Value, values: &mut Map<String, Value>) {
        match &self.part {
            None => {
                values.insert(self.name.clone(), value);
            }
            Some((part, name)) => {
                let part = values.entry(part.clone()).or_insert_with(|| json!({}));
                if let Some(part) = part.as_object_mut() {
                    part.insert(name.clone(), value);
                }
            }
        }
    }
}

/// An amount given, `45.2 mCi` or `40 mg`.
fn amount(text: &str) -> Result<Value, Bad> {
    let (number, unit) = text.split_once(' ').unwrap_or((text, ""));
    let Some(number) = sense::parse_decimal(number) else {
        return Err(bad("an amount such as 45.2 mCi", quoted(text), "write number and unit"));
    };
    let unit = unit.trim();
    if unit.is_empty() {
        let mend = "declare it (unit, or unit-column): a unit is never guessed";
        return Err(bad("the unit of the amount", "none", mend));
    }
    let amount = sense::amount(number, unit).map_err(|error| bad(error.expected, error.found, error.mend))?;
    serde_json::to_value(amount).map_err(|error| bad("an amount", quoted(text), error.to_string()))
}

/// Fills what follows from other fields where nothing filled it: the key of an event from that of its row, a standard
/// term from the verbatim one, whether a causality counts as related, whether a reason speaks of toxicity.
pub(super) fn fill_what_follows(kind: Kind, row_key: &str, values: &mut Map<String, Value>) {
    let text = |values: &Map<String, Value>, name: &str| values.get(name)?.as_str().map(str::to_owned);
    match kind {
        Kind::AdverseEvent => {
            let (verbatim, related) = (
                text(values, "verbatim"),
                text(values, "causality").and_then(|causality| is_related(&causality)),
            );
            let follow = [
                ("key", Some(Value::from(row_key))),
                ("term", verbatim.map(Value::from)),
                ("related", related.map(Value::from)),
            ];
            for (name, value) in follow {
                if let Some(value) = value {
                    values.entry(name).or_insert(value);
                }
            }
        }
        Kind::Disposition => {
            if let Some(term) = text(values, "term") {
                values.entry("standard").or_insert(term.into());
            }
        }
        Kind::Administration | Kind::FractionOmitted => {
            if let Some(part) = values.get_mut("adjustment").and_then(Value::as_object_mut)
                && let Some(toxicity) = part.get("reason").and_then(Value::as_str).and_then(is_toxicity)
            {
                part.entry("toxicity").or_insert(toxicity.into());
            }
        }
        _ => {}
    }
}

/// What is wrong with a fact: the field, and what about it.
pub(super) type BadField = (&'static str, Bad);

/// Holds a fact against what must be so whatever file it came from, and completes it with its analyte. Gives what
/// deserves a look though the fact is taken.
pub(super) fn judge(fact: &mut Fact, units: &mut LaboratoryUnits) -> Result<Vec<BadField>, BadField> {
    let mut doubts = Vec::new();
    let not_negative = |field, value: Option<Decimal>| match value {
        Some(value) if value.is_sign_negative() && !value.is_zero() => {
            Err((field, bad("0 or more", value.to_string(), "correct it at its source")))
        }
        _ => Ok(()),
    };
    let from_one = |fraction: Option<u32>| match fraction {
        Some(0) => {
            Err(("fraction", bad("the number of the fraction, from 1", "0", "correct it at its source")))
        }
        _ => Ok(()),
    };
    match fact {
        Fact::Subject(subject) => {
            if let Some(sex) = subject.sex.as_deref().filter(|sex| !SEXES.contains(sex)) {
                let mend = "translate it with codes: the terms of the codelist SEX";
                return Err(("sex", bad(SEXES.join(", "), quoted(sex), mend)));
            }
            not_negative("age-years", subject.age_years)?;
        }
        Fact::AdverseEvent(event) => {
            if let Some(grade) = event.grade.filter(|grade| !(1..=5).contains(grade)) {
                let mend = "correct it at its source; what is no event is no row";
                return Err(("grade", bad("a CTCAE grade, 1 to 5", grade.to_string(), mend)));
            }
            if let (Some(causality), None) = (&event.causality, event.related) {
                let expected = "a causality of the lists in use (RELATED, PROBABLE, POSSIBLE, UNLIKELY RELATED, NOT RELATED, …)";
                let mend = "kept as recorded; whether it counts as related is not known";
                doubts.push(("causality", bad(expected, quoted(causality), mend)));
            }
        }
        Fact::Prescription(prescription) => from_one(Some(prescription.fraction))?,
        Fact::Administration(administration) => from_one(administration.fraction)?,
        Fact::FractionOmitted(omitted) => from_one(Some(omitted.fraction))?,
        Fact::OrganAbsorbedDose(dose) => from_one(dose.fraction)?,
        Fact::Laboratory(laboratory) => {
            let specimen = laboratory.specimen.as_deref().unwrap_or_default();
            if laboratory.analyte.is_none() {
                laboratory.analyte = units.analyte(&laboratory.test, specimen);
            }
            let unit = laboratory.unit.as_deref();
            if let (Some(analyte), Some(result)) = (laboratory.analyte, laboratory.result.as_deref())
                && is_measurement(result)
            {
                if let Some(expected) = units.refusal(analyte, unit) {
                    let mend = "give the unit of the laboratory's report: it is never guessed";
                    return Err((
                        "unit",
                        bad(expected, unit.map_or_else(|| "none".to_owned(), quoted), mend),
                    ));
                }
                let unit = unit.unwrap_or_default();
                if let Some(first) = units.other_unit(analyte, &laboratory.subject, unit) {
                    let expected = format!("one unit for the {} of a subject", analyte.name());
                    let found = format!("{} after {}", quoted(unit), quoted(&first));
                    let mend = "both are known and are compared after exact conversion; check that neither is a slip";
                    doubts.push(("unit", bad(expected, found, mend)));
                }
            }
        }
        Fact::VitalSign(sign) => {
            let known = BODY_SIZE_UNITS.iter().find(|(code, _)| *code == sign.test);
            if let (Some((test, known)), Some(_)) = (known, &sign.result)
                && !sign.unit.as_deref().is_some_and(|unit| known.contains(&unit))
            {
                let expected = format!("a unit of {test}: {}", known.join(", "));
                let found = sign.unit.as_deref().map_or_else(|| "none".to_owned(), quoted);
                return Err(("unit", bad(expected, found, "fill it in: a unit is never guessed")));
            }
        }
        _ => {}
    }
    Ok(doubts)
}
