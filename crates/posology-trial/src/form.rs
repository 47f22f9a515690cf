//! A fact as a form: its fields with their shapes, from the schema of facts, and what was typed back to a fact.
//!
//! Start at [`Form::of`]. The command line makes options of it, the pages fields. A text is typed as it is; a list is
//! repeated; a part with fields of its own is `name=value,name=value` or JSON. What a value must be beyond its shape is
//! judged where facts are read ([`Form::fact`]) and where they are admitted (`conduct`).

use jiff::Timestamp;
use jiff::civil::Date;
use serde_json::{Map, Value, json};

use crate::event::{Fact, Kind, json_schema};

/// The form of a kind of fact.
#[derive(Debug, Clone, PartialEq)]
pub struct Form {
    /// The kind.
    pub kind: Kind,
    /// What it records, in a sentence.
    pub says: String,
    /// Its fields.
    pub fields: Vec<Field>,
}

/// A field.
#[derive(Debug, Clone, PartialEq)]
pub struct Field {
    /// Its name in the record, such as `residual`.
    pub name: String,
    /// What it means.
    pub says: String,
    /// Whether it must be given.
    pub required: bool,
    /// What it looks like.
    pub shape: Shape,
}

/// What is typed into a field.
#[derive(Debug, Clone, PartialEq)]
pub enum Shape {
    /// A text.
    Text,
    /// A day, `2026-02-03`.
    Date,
    /// An instant with its offset, `2026-02-03T08:05:00-06:00`.
    Time,
    /// A day, an instant, or as much of a date as is known.
    When,
    /// An activity with its unit, `1650 MBq`.
    Activity,
    /// An activity per body surface area, `18.75 mCi/m2`.
    ActivityPerArea,
    /// A length, `175 cm`.
    Length,
    /// A mass, `80 kg`.
    Mass,
    /// An absorbed dose, `1.25 Gy`.
    AbsorbedDose,
    /// A decimal number without unit.
    Decimal,
    /// A whole number, not below 0.
    Integer,
    /// Yes or no.
    YesOrNo,
    /// One of some words, each with its meaning.
    OneOf(Vec<(String, String)>),
    /// Several of a shape.
    List(Box<Shape>),
    /// A part with fields of its own.
    Part(Vec<(String, Shape)>),
    /// What is usually of one shape, kept under a name: an amount that is an activity.
    Named(String, Box<Shape>),
    /// Anything else, as JSON.
    Json,
}

impl Form {
    /// The form of a kind.
    ///
    /// ```
    /// use posology_trial::event::Kind;
    /// use posology_trial::form::{Form, Shape};
    /// let form = Form::of(Kind::Assay);
    /// let activity = form.fields.iter().find(|field| field.name == "activity").unwrap();
    /// assert_eq!((activity.required, &activity.shape), (true, &Shape::Activity));
    /// ```
    #[must_use]
    pub fn of(kind: Kind) -> Self {
        Self::read(&json_schema(), kind)
    }

    /// The forms of every kind.
    #[must_use]
    pub fn all() -> Vec<Self> {
        let schema = json_schema();
        Kind::ALL.iter().map(|kind| Self::read(&schema, *kind)).collect()
    }

    fn read(schema: &Value, kind: Kind) -> Self {
        let variant = schema["oneOf"]
            .as_array()
            .into_iter()
            .flatten()
            .find(|variant| variant["properties"]["type"]["const"] == kind.name());
        let says = variant.and_then(|variant| variant["description"].as_str()).unwrap_or_default().to_owned();
        let body = variant.map_or(&Value::Null, |variant| resolve(schema, &variant["properties"]["body"]));
        let required =
            |name: &str| body["required"].as_array().into_iter().flatten().any(|required| required == name);
        let fields = body["properties"]
            .as_object()
            .into_iter()
            .flatten()
            .map(|(name, field)| Field {
                name: name.clone(),
                says: field["description"].as_str().unwrap_or_default().to_owned(),
                required: required(name),
                shape: shape(schema, field, 0),
            })
            .collect();
        Self { kind, says, fields }
    }

    /// A field by its name.
    #[must_use]
    pub fn field(&self, name: &str) -> Option<&Field> {
        self.fields.iter().find(|field| field.name == name)
    }

    /// The first field that must be given and was not.
    #[must_use]
    pub fn missing(&self, values: &Map<String, Value>) -> Option<&Field> {
        self.fields.iter().find(|field| field.required && !values.contains_key(&field.name))
    }

    /// The fact that values make.
    ///
    /// # Errors
    /// What does not read, and what was expected.
    pub fn fact(&self, values: &Map<String, Value>) -> Result<Fact, String> {
        serde_json::from_value(json!({ "type": self.kind.name(), "body": values })).map_err(|error| {
            let error = error.to_string();
            let mend = if error.contains("mend:") { "" } else { "; mend: write it as the field shows" };
            format!("{}: {error}{mend}", self.kind.word())
        })
    }

    /// How the fields that must be given may look, as options of a command.
    #[must_use]
    pub fn example(&self) -> String {
        self.fields
            .iter()
            .filter(|field| field.required)
            .map(|field| format!(" --{} {}", field.name, field.shape.example()))
            .collect()
    }
}

impl Shape {
    /// What it looks like, in a word.
    #[must_use]
    pub fn looks(&self) -> String {
        match self {
            Self::Text => "TEXT".to_owned(),
            Self::Date => "DATE".to_owned(),
            Self::Time => "TIME".to_owned(),
            Self::When => "WHEN".to_owned(),
            Self::Activity => "ACTIVITY".to_owned(),
            Self::ActivityPerArea => "ACTIVITY/AREA".to_owned(),
            Self::Length => "LENGTH".to_owned(),
            Self::Mass => "MASS".to_owned(),
            Self::AbsorbedDose => "ABSORBED-DOSE".to_owned(),
            Self::Decimal => "DECIMAL".to_owned(),
            Self::Integer => "NUMBER".to_owned(),
            Self::YesOrNo => "YES|NO".to_owned(),
            Self::OneOf(words) => {
                let all = words.iter().map(|(word, _)| word.as_str()).collect::<Vec<_>>().join("|");
                if all.len() <= 30 { all } else { "WORD".to_owned() }
            }
            Self::List(item) => item.looks(),
            Self::Part(_) => "NAME=VALUE,…".to_owned(),
            Self::Named(_, inner) => inner.looks(),
            Self::Json => "JSON".to_owned(),
        }
    }

    /// The words to choose from, of a shape that has such.
    #[must_use]
    pub fn words(&self) -> Option<&[(String, String)]> {
        match self {
            Self::OneOf(words) => Some(words),
            Self::List(item) => item.words(),
            _ => None,
        }
    }

    /// The fields of a part.
    #[must_use]
    pub fn parts(&self) -> Option<&[(String, Shape)]> {
        match self {
            Self::Part(parts) => Some(parts),
            Self::List(item) => item.parts(),
            _ => None,
        }
    }

    /// The units in which it may be written, the first the usual one; none of what has no unit.
    #[must_use]
    pub fn units(&self) -> &'static [&'static str] {
        match self {
            Self::Activity => &["mCi", "MBq", "GBq"],
            Self::ActivityPerArea => &["mCi/m2", "MBq/m2", "GBq/m2"],
            Self::Length => &["cm", "m"],
            Self::Mass => &["kg", "g"],
            Self::AbsorbedDose => &["Gy", "mGy", "cGy"],
            Self::Named(_, inner) => inner.units(),
            _ => &[],
        }
    }

    /// A value of that shape.
    #[must_use]
    pub fn example(&self) -> String {
        match self {
            Self::Date => "2026-02-03".to_owned(),
            Self::Time => "2026-02-03T14:05:00Z".to_owned(),
            Self::When => "2026-02-03T08:05:00-06:00".to_owned(),
            Self::Activity => "\"1650 MBq\"".to_owned(),
            Self::ActivityPerArea => "\"18.75 mCi/m2\"".to_owned(),
            Self::Length => "\"175 cm\"".to_owned(),
            Self::Mass => "\"80 kg\"".to_owned(),
            Self::AbsorbedDose => "\"1.25 Gy\"".to_owned(),
            Self::Decimal => "2.5".to_owned(),
            Self::Text => "…".to_owned(),
            Self::Integer => "1".to_owned(),
            Self::YesOrNo => "yes".to_owned(),
            Self::OneOf(words) => words.first().map(|(word, _)| word.clone()).unwrap_or_default(),
            Self::List(item) => item.example(),
            Self::Part(fields) => fields
                .iter()
                .map(|(name, shape)| format!("{name}={}", shape.example()))
                .collect::<Vec<_>>()
                .join(","),
            Self::Named(_, inner) => inner.example(),
            Self::Json => "'{…}'".to_owned(),
        }
    }

    /// A text as a value of that shape. `place` is where it was typed, as the person sees it.
    ///
    /// # Errors
    /// The place, what was found, what was expected and how to mend it.
    pub fn read(&self, place: &str, text: &str) -> Result<Value, String> {
        let refuse =
            |expected: &str| Err(format!("{place}: expected {expected}, found {text:?}; mend: write it so"));
        match self {
            Self::Date if text.parse::<Date>().is_err() => refuse("a date such as 2026-02-03"),
            Self::Time if text.parse::<Timestamp>().is_err() => {
                refuse("a time with its offset such as 2026-02-03T14:05:00Z or 2026-02-03T08:05:00-06:00")
            }
            Self::Text
            | Self::Date
            | Self::Time
            | Self::When
            | Self::Activity
            | Self::ActivityPerArea
            | Self::Length
            | Self::Mass
            | Self::AbsorbedDose
            | Self::Decimal => Ok(Value::String(text.to_owned())),
            Self::Integer => match text.parse::<u64>() {
                Ok(number) => Ok(number.into()),
                Err(_) => refuse("a whole number"),
            },
            Self::YesOrNo => match text {
                "yes" | "true" | "Y" => Ok(true.into()),
                "no" | "false" | "N" => Ok(false.into()),
                _ => refuse("yes or no"),
            },
            Self::OneOf(words) => {
                if words.iter().any(|(word, _)| word == text) {
                    return Ok(Value::String(text.to_owned()));
                }
                let known: Vec<&str> = words.iter().map(|(word, _)| word.as_str()).collect();
                refuse(&format!("one of {}", known.join(", ")))
            }
            Self::Part(fields) if !text.trim_start().starts_with('{') => {
                let mut part = Map::new();
                for piece in split(text) {
                    let Some((name, value)) = piece.split_once('=') else {
                        return refuse("name=value, separated by commas");
                    };
                    let Some((_, shape)) = fields.iter().find(|(known, _)| known == name.trim()) else {
                        let known: Vec<&str> = fields.iter().map(|(name, _)| name.as_str()).collect();
                        return refuse(&format!("fields among {}", known.join(", ")));
                    };
                    part.insert(name.trim().to_owned(), shape.read(place, value.trim())?);
                }
                Ok(Value::Object(part))
            }
            Self::Named(name, inner) if !text.trim_start().starts_with('{') => {
                let mut named = Map::new();
                named.insert(name.clone(), inner.read(place, text)?);
                Ok(Value::Object(named))
            }
            Self::List(_) | Self::Part(_) | Self::Named(..) | Self::Json => {
                match serde_json::from_str(text) {
                    Ok(value) => Ok(value),
                    Err(_) => refuse("JSON"),
                }
            }
        }
    }
}

/// Pieces between commas, but for commas that a name does not follow: `reason=late, by a day` is one piece.
fn split(text: &str) -> Vec<&str> {
    let mut pieces = Vec::new();
    let mut start = 0;
    for (place, _) in text.match_indices(',') {
        let rest = text.get(place + 1..).unwrap_or_default();
        let name: &str = rest.split('=').next().unwrap_or_default().trim();
        let is_name = rest.contains('=')
            && !name.is_empty()
            && name.bytes().all(|b| b.is_ascii_lowercase() || b == b'-' || b.is_ascii_digit());
        if is_name {
            pieces.push(text.get(start..place).unwrap_or_default());
            start = place + 1;
        }
    }
    pieces.push(text.get(start..).unwrap_or_default());
    pieces
}

/// Follows references; `anyOf` with null is what it is without.
fn resolve<'a>(schema: &'a Value, field: &'a Value) -> &'a Value {
    if let Some(name) = field["$ref"].as_str().and_then(|name| name.rsplit('/').next()) {
        return resolve(schema, &schema["$defs"][name]);
    }
    if let Some(some) = field["anyOf"].as_array().and_then(|any| any.iter().find(|one| one["type"] != "null"))
    {
        return resolve(schema, some);
    }
    field
}

fn shape(schema: &Value, field: &Value, depth: u32) -> Shape {
    let named = field["$ref"].as_str().or_else(|| field["anyOf"][0]["$ref"].as_str());
    let name = named.and_then(|name| name.rsplit('/').next()).unwrap_or_default();
    let field = resolve(schema, field);
    if depth > 3 {
        return Shape::Json;
    }
    if let Some(words) = field["oneOf"].as_array() {
        let words: Option<Vec<(String, String)>> = words
            .iter()
            .map(|word| {
                let says = word["description"].as_str().unwrap_or_default();
                Some((word["const"].as_str()?.to_owned(), says.to_owned()))
            })
            .collect();
        return words.map(Shape::OneOf).unwrap_or_else(|| one_of_several(schema, field, depth));
    }
    if let Some(words) = field["enum"].as_array() {
        let words = words.iter().filter_map(Value::as_str);
        return Shape::OneOf(words.map(|word| (word.to_owned(), String::new())).collect());
    }
    let is = |kind: &str| match &field["type"] {
        Value::String(one) => one == kind,
        Value::Array(several) => several.iter().any(|one| one == kind),
        _ => false,
    };
    if is("string") {
        let decimal = is("number");
        return match (field["format"].as_str(), name) {
            (Some("date"), _) => Shape::Date,
            (Some("date-time"), _) => Shape::Time,
            (_, "When") => Shape::When,
            (_, "Activity") => Shape::Activity,
            (_, "ActivityPerArea") => Shape::ActivityPerArea,
            (_, "Length") => Shape::Length,
            (_, "Mass") => Shape::Mass,
            (_, "AbsorbedDose") => Shape::AbsorbedDose,
            _ if decimal => Shape::Decimal,
            _ => Shape::Text,
        };
    }
    if is("integer") {
        return Shape::Integer;
    }
    if is("boolean") {
        return Shape::YesOrNo;
    }
    if is("array") {
        return Shape::List(Box::new(shape(schema, &field["items"], depth + 1)));
    }
    match field["properties"].as_object() {
        Some(parts) => Shape::Part(
            parts.iter().map(|(name, part)| (name.clone(), shape(schema, part, depth + 1))).collect(),
        ),
        None => Shape::Json,
    }
}

/// One of several things, each kept under its name: typed as the first that is a quantity, else as JSON.
fn one_of_several(schema: &Value, field: &Value, depth: u32) -> Shape {
    let variants = field["oneOf"].as_array().into_iter().flatten();
    let quantity = variants.filter_map(|variant| {
        let (name, inner) = variant["properties"].as_object()?.iter().next()?;
        let inner = shape(schema, inner, depth + 1);
        (!inner.units().is_empty()).then(|| Shape::Named(name.clone(), Box::new(inner)))
    });
    quantity.into_iter().next().unwrap_or(Shape::Json)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn an_administered_amount_is_typed_as_an_activity_with_its_unit() {
        let form = Form::of(Kind::Administration);
        let amount = &form.field("amount").unwrap().shape;
        assert!(amount.units().contains(&"mCi"));
        assert_eq!(amount.read("Amount", "45.2 mCi").unwrap(), json!({ "activity": "45.2 mCi" }));
        let tablet = json!({ "other": { "value": "40", "unit": "mg" } });
        assert_eq!(amount.read("Amount", &tablet.to_string()).unwrap(), tablet);
    }

    #[test]
    fn a_comma_within_a_value_does_not_end_it() {
        assert_eq!(split("reason=late, by a day,toxicity=no"), ["reason=late, by a day", "toxicity=no"]);
    }

    #[test]
    fn a_part_is_typed_as_pairs_or_as_json() {
        let form = Form::of(Kind::FractionOmitted);
        let field = form.field("adjustment").unwrap();
        let expected = json!({ "reason": "Platelets low", "toxicity": true });
        let pairs = field.shape.read("--adjustment", "reason=Platelets low,toxicity=yes").unwrap();
        assert_eq!(pairs, expected);
        let json = field.shape.read("--adjustment", &expected.to_string()).unwrap();
        assert_eq!(json, expected);
        assert!(field.shape.read("--adjustment", "cause=x").is_err());
    }
}
