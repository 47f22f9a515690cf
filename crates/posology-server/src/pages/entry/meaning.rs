//! What a fact says in other units and at other clocks, and what about it is to be looked at again before it is recorded.

use jiff::Timestamp;
use jiff::tz::TimeZone;
use posology_clinic::laboratory::{Analyte, convert};
use posology_clinic::quantity::{AbsorbedDose, Activity, ActivityPerArea, Length, Mass};
use posology_trial::event::{Fact, Laboratory};
use posology_trial::form::{Form, Shape};
use rust_decimal::Decimal;
use serde_json::{Value, json};

/// A value as it is recorded, and what it is in other words.
pub(crate) struct Said {
    pub(crate) shown: String,
    pub(crate) means: String,
}

/// Every field of a fact.
pub(crate) fn rows(fact: &Fact) -> Vec<(String, Said)> {
    let form = Form::of(fact.kind());
    let whole = json!(fact);
    let mut rows = Vec::new();
    for field in &form.fields {
        let value = &whole["body"][&field.name];
        if value.is_null() {
            continue;
        }
        let shown = super::shown_value(value);
        let means = match fact {
            Fact::Laboratory(laboratory) if field.name == "result" => {
                of_result(laboratory).unwrap_or_default()
            }
            _ => means(&field.shape, value),
        };
        rows.push((field.name.clone(), Said { shown, means }));
    }
    rows
}

fn means(shape: &Shape, value: &Value) -> String {
    if let (Shape::Named(name, inner), Some(kept)) = (shape, value.as_object()) {
        return kept.get(name).map_or_else(String::new, |value| means(inner, value));
    }
    let Some(text) = value.as_str() else { return String::new() };
    other_units(shape, text).unwrap_or_else(|| match shape {
        Shape::When | Shape::Time => instant(text, None),
        Shape::OneOf(words) => {
            words.iter().find(|(word, _)| word == text).map_or_else(String::new, |(_, says)| says.clone())
        }
        _ => String::new(),
    })
}

/// A quantity in the other units in which it may be written; `None` of what is no quantity, or does not read.
pub(crate) fn other_units(shape: &Shape, text: &str) -> Option<String> {
    let short = |value: Decimal| value.round_dp(4).normalize();
    match shape {
        Shape::Activity => {
            let activity: Activity = text.parse().ok()?;
            Some(format!("{} mCi = {} MBq", short(activity.mci()), short(activity.mbq())))
        }
        Shape::ActivityPerArea => {
            let level: ActivityPerArea = text.parse().ok()?;
            Some(format!("{} mCi/m2 = {} MBq/m2", short(level.mci_per_m2()), short(level.mbq_per_m2())))
        }
        Shape::Length => {
            let length: Length = text.parse().ok()?;
            let inches = length.centimetres().checked_div(Decimal::new(254, 2))?;
            Some(format!("{} cm = {} in", short(length.centimetres()), inches.round_dp(1)))
        }
        Shape::Mass => {
            let mass: Mass = text.parse().ok()?;
            let pounds = mass.kilograms().checked_div(Decimal::new(45_359_237, 8))?;
            Some(format!("{} kg = {} lb", short(mass.kilograms()), pounds.round_dp(1)))
        }
        Shape::AbsorbedDose => {
            let absorbed: AbsorbedDose = text.parse().ok()?;
            let milligray = absorbed.gray().checked_mul(Decimal::ONE_THOUSAND)?;
            Some(format!("{} Gy = {} mGy", short(absorbed.gray()), short(milligray)))
        }
        _ => None,
    }
}

/// An instant at UTC, spelled out.
pub(crate) fn instant(text: &str, offset: Option<&str>) -> String {
    if let Some(offset) = offset {
        return format!("the clock here stands at UTC{}", offset.replace('-', "−"));
    }
    text.parse::<Timestamp>().map_or_else(
        |_| String::new(),
        |instant| instant.to_zoned(TimeZone::UTC).strftime("%A %-d %B %Y, %H:%M:%S UTC").to_string(),
    )
}

fn analyte(laboratory: &Laboratory) -> Option<Analyte> {
    let specimen = laboratory.specimen.as_deref().unwrap_or_default();
    laboratory.analyte.or_else(|| Analyte::from_sdtm(&laboratory.test, specimen))
}

/// A result in the unit in which this program compares it.
fn of_result(laboratory: &Laboratory) -> Option<String> {
    let analyte = analyte(laboratory)?;
    let value: Decimal = laboratory.result.as_deref()?.parse().ok()?;
    let unit = laboratory.unit.as_deref().unwrap_or_default();
    Some(match convert(analyte, value, unit) {
        Ok(quantity) => format!("{} {quantity}", analyte.name()),
        Err(unknown) => unknown.to_string(),
    })
}

/// What is to be looked at again: a value beyond those usually seen with the right unit.
pub(crate) fn doubts(fact: &Fact) -> Vec<String> {
    let mut doubts = Vec::new();
    if let Fact::Laboratory(laboratory) = fact
        && let Some(analyte) = analyte(laboratory)
        && let Some(Ok(value)) = laboratory.result.as_deref().map(str::parse::<Decimal>)
    {
        match convert(analyte, value, laboratory.unit.as_deref().unwrap_or_default()) {
            Ok(quantity) => {
                let (least, most) = analyte.usually_within();
                if quantity.value < least || quantity.value > most {
                    doubts.push(format!(
                        "{}: {quantity} lies outside {least} to {most} {}, where results usually lie: look again at number and unit",
                        analyte.name(),
                        quantity.unit
                    ));
                }
            }
            Err(unknown) => doubts.push(unknown.to_string()),
        }
    }
    let whole = json!(fact);
    for field in Form::of(fact.kind()).fields {
        let (said, shape) = match &field.shape {
            Shape::Named(name, inner) => (&whole["body"][&field.name][name], inner.as_ref()),
            shape => (&whole["body"][&field.name], shape),
        };
        let Some(text) = said.as_str() else { continue };
        let (value, least, most, unit) = match shape {
            Shape::Activity => (text.parse::<Activity>().ok().map(Activity::mci), 0, 1_000, "mCi"),
            Shape::ActivityPerArea => {
                (text.parse::<ActivityPerArea>().ok().map(ActivityPerArea::mci_per_m2), 0, 200, "mCi/m2")
            }
            Shape::Length => (text.parse::<Length>().ok().map(Length::centimetres), 40, 230, "cm"),
            Shape::Mass => (text.parse::<Mass>().ok().map(Mass::kilograms), 2, 300, "kg"),
            Shape::AbsorbedDose => (text.parse::<AbsorbedDose>().ok().map(AbsorbedDose::gray), 0, 200, "Gy"),
            _ => continue,
        };
        let Some(value) = value else { continue };
        if value < Decimal::from(least) || value > Decimal::from(most) {
            doubts.push(format!(
                "{}: {text} lies outside {least} to {most} {unit}, where values usually lie: look again at number and unit",
                super::fields::label(&field.name)
            ));
        }
    }
    doubts
}
