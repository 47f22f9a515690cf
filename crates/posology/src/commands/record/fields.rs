//! The fields of a fact as options of a command, from the schema, and back to JSON.
//!
//! A text is typed as it is; a list is its option repeated; a part with fields of its own is `name=value,name=value` or
//! JSON. What a value must be is judged where facts are read.

use clap::{Arg, ArgAction, ArgMatches};
use jiff::Timestamp;
use jiff::civil::Date;
use posology_trial::event::Kind;
use serde_json::{Map, Value};

use crate::failure::Failure;

/// The body of a kind of fact.
pub(super) struct Body {
    /// What it records, in a sentence.
    pub(super) says: String,
    fields: Vec<Field>,
}

struct Field {
    name: String,
    says: String,
    required: bool,
    shape: Shape,
}

#[derive(Clone, PartialEq)]
enum Shape {
    /// A text, with what it looks like.
    Text(&'static str),
    Integer,
    YesOrNo,
    /// One of some words, each with its meaning.
    OneOf(Vec<(String, String)>),
    List(Box<Shape>),
    /// A part with fields of its own.
    Part(Vec<(String, Shape)>),
    /// Anything else, as JSON.
    Json,
}

impl Body {
    pub(super) fn of(schema: &Value, kind: Kind) -> Self {
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
        Self { says, fields }
    }

    /// An option for each field.
    pub(super) fn arguments(&self) -> impl Iterator<Item = Arg> + '_ {
        self.fields.iter().map(|field| {
            let help =
                if field.required { field.says.clone() } else { format!("{} [may be left out]", field.says) };
            let mut argument = Arg::new(field.name.clone())
                .long(field.name.clone())
                .allow_hyphen_values(true)
                .value_name(field.shape.looks())
                .display_order(usize::from(!field.required));
            let mut long = help.clone();
            if let Some(words) = field.shape.words() {
                for (word, meaning) in words {
                    long.push_str(&format!("\n- {word}: {meaning}"));
                }
            }
            if let Some(parts) = field.shape.parts() {
                let parts: Vec<String> =
                    parts.iter().map(|(name, shape)| format!("{name}={}", shape.looks())).collect();
                long.push_str(&format!("\nAs {} (or JSON).", parts.join(",")));
            }
            if let Shape::List(_) = field.shape {
                argument = argument.action(ArgAction::Append);
                long.push_str("\nRepeat the option for each.");
            }
            argument.help(long)
        })
    }

    /// The fields given, as JSON.
    pub(super) fn values(&self, matches: &ArgMatches) -> Result<Map<String, Value>, Failure> {
        let mut values = Map::new();
        for field in &self.fields {
            let Some(given) = matches.get_many::<String>(&field.name) else { continue };
            let given: Vec<&String> = given.collect();
            let place = format!("--{}", field.name);
            let value = match (&field.shape, given.as_slice()) {
                (Shape::List(item), all) => {
                    Value::Array(all.iter().map(|text| item.read(&place, text)).collect::<Result<_, _>>()?)
                }
                (shape, [.., last]) => shape.read(&place, last)?,
                (_, []) => continue,
            };
            values.insert(field.name.clone(), value);
        }
        Ok(values)
    }

    /// The first field that must be given and was not.
    pub(super) fn missing(&self, values: &Map<String, Value>) -> Option<&str> {
        self.fields
            .iter()
            .find(|field| field.required && !values.contains_key(&field.name))
            .map(|field| field.name.as_str())
    }

    /// How the fields that must be given may look.
    pub(super) fn example(&self) -> String {
        self.fields
            .iter()
            .filter(|field| field.required)
            .map(|field| format!(" --{} {}", field.name, field.shape.example()))
            .collect()
    }
}

impl Shape {
    fn looks(&self) -> String {
        match self {
            Self::Text(looks) => (*looks).to_owned(),
            Self::Integer => "NUMBER".to_owned(),
            Self::YesOrNo => "YES|NO".to_owned(),
            Self::OneOf(words) => {
                let all = words.iter().map(|(word, _)| word.as_str()).collect::<Vec<_>>().join("|");
                if all.len() <= 30 { all } else { "WORD".to_owned() }
            }
            Self::List(item) => item.looks(),
            Self::Part(_) => "NAME=VALUE,…".to_owned(),
            Self::Json => "JSON".to_owned(),
        }
    }

    fn words(&self) -> Option<&[(String, String)]> {
        match self {
            Self::OneOf(words) => Some(words),
            Self::List(item) => item.words(),
            _ => None,
        }
    }

    fn parts(&self) -> Option<&[(String, Shape)]> {
        match self {
            Self::Part(parts) => Some(parts),
            Self::List(item) => item.parts(),
            _ => None,
        }
    }

    fn example(&self) -> String {
        match self {
            Self::Text("DATE") => "2026-02-03".to_owned(),
            Self::Text("TIME") => "2026-02-03T14:05:00Z".to_owned(),
            Self::Text("WHEN") => "2026-02-03T08:05:00-06:00".to_owned(),
            Self::Text("ACTIVITY") => "\"1650 MBq\"".to_owned(),
            Self::Text("ACTIVITY/AREA") => "\"18.75 mCi/m2\"".to_owned(),
            Self::Text("LENGTH") => "\"175 cm\"".to_owned(),
            Self::Text("MASS") => "\"80 kg\"".to_owned(),
            Self::Text("DECIMAL") => "2.5".to_owned(),
            Self::Text(_) => "…".to_owned(),
            Self::Integer => "1".to_owned(),
            Self::YesOrNo => "yes".to_owned(),
            Self::OneOf(words) => words.first().map(|(word, _)| word.clone()).unwrap_or_default(),
            Self::List(item) => item.example(),
            Self::Part(fields) => fields
                .iter()
                .map(|(name, shape)| format!("{name}={}", shape.example()))
                .collect::<Vec<_>>()
                .join(","),
            Self::Json => "'{…}'".to_owned(),
        }
    }

    fn read(&self, place: &str, text: &str) -> Result<Value, Failure> {
        let refuse = |expected: &str| {
            Err(Failure::input(format!("{place}: expected {expected}, found {text:?}; mend: write it so")))
        };
        match self {
            Self::Text("DATE") if text.parse::<Date>().is_err() => refuse("a date such as 2026-02-03"),
            Self::Text("TIME") if text.parse::<Timestamp>().is_err() => {
                refuse("a time with its offset such as 2026-02-03T14:05:00Z or 2026-02-03T08:05:00-06:00")
            }
            Self::Text(_) => Ok(Value::String(text.to_owned())),
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
            Self::List(_) | Self::Part(_) | Self::Json => match serde_json::from_str(text) {
                Ok(value) => Ok(value),
                Err(_) => refuse("JSON"),
            },
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
        return words.map_or(Shape::Json, Shape::OneOf);
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
        return Shape::Text(match (field["format"].as_str(), name) {
            (Some("date"), _) => "DATE",
            (Some("date-time"), _) => "TIME",
            (_, "When") => "WHEN",
            (_, "Activity") => "ACTIVITY",
            (_, "ActivityPerArea") => "ACTIVITY/AREA",
            (_, "Length") => "LENGTH",
            (_, "Mass") => "MASS",
            _ if decimal => "DECIMAL",
            _ => "TEXT",
        });
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

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use posology_trial::event::json_schema;
    use serde_json::json;

    #[test]
    fn a_comma_within_a_value_does_not_end_it() {
        assert_eq!(split("reason=late, by a day,toxicity=no"), ["reason=late, by a day", "toxicity=no"]);
    }

    #[test]
    fn a_part_is_typed_as_pairs_or_as_json() {
        let body = Body::of(&json_schema(), Kind::FractionOmitted);
        let field = body.fields.iter().find(|field| field.name == "adjustment").unwrap();
        let expected = json!({ "reason": "Platelets low", "toxicity": true });
        let Ok(pairs) = field.shape.read("--adjustment", "reason=Platelets low,toxicity=yes") else {
            unreachable!()
        };
        assert_eq!(pairs, expected);
        let Ok(json) = field.shape.read("--adjustment", &expected.to_string()) else { unreachable!() };
        assert_eq!(json, expected);
        assert!(field.shape.read("--adjustment", "cause=x").is_err());
    }
}
