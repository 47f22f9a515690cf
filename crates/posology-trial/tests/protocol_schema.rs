//! The checked-in JSON Schema of the protocol file: that it is the one the types make, and that the examples obey it.

// Clippy takes only functions marked as tests for tests, and these have helpers.
#![allow(clippy::unwrap_used, clippy::panic)]

use posology_trial::protocol::json_schema;
use serde_json::{Map, Value};

const CHECKED_IN: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../schemas/trial.schema.json");

#[test]
fn the_checked_in_schema_is_the_one_the_types_make() {
    let made = format!("{:#}\n", json_schema());
    if std::env::var_os("UPDATE_SCHEMA").is_some() {
        std::fs::write(CHECKED_IN, &made).unwrap();
    }
    let stored = std::fs::read_to_string(CHECKED_IN).unwrap();
    assert!(stored == made, "schemas/trial.schema.json is out of date: run this test with UPDATE_SCHEMA=1");
}

#[test]
fn every_setting_says_what_it_means() {
    fn undescribed(schema: &Value, path: &str, found: &mut Vec<String>) {
        for (key, inner) in schema["properties"].as_object().into_iter().flatten() {
            if inner["description"].as_str().is_none_or(str::is_empty)
                && inner.get("$ref").is_none()
                && inner.get("const").is_none()
            {
                found.push(format!("{path}.{key}"));
            }
        }
    }
    let schema = json_schema();
    let mut found = Vec::new();
    undescribed(&schema, "trial.toml", &mut found);
    for (name, definition) in schema["$defs"].as_object().into_iter().flatten() {
        undescribed(definition, name, &mut found);
    }
    assert_eq!(found, Vec::<String>::new());
}

#[test]
fn the_examples_obey_the_schema_and_a_misspelt_key_does_not() {
    let schema = json_schema();
    for text in [
        include_str!("../../../examples/clr131/trial.toml"),
        include_str!("../../../examples/minimal/trial.toml"),
    ] {
        assert_eq!(complaints(&schema, &schema, &json_of(text), ""), Vec::<String>::new());
        let misspelt = json_of(&text.replacen("reason = ", "raeson = ", 1));
        assert!(!complaints(&schema, &schema, &misspelt, "").is_empty());
    }
}

fn json_of(text: &str) -> Value {
    fn convert(value: toml::Value) -> Value {
        match value {
            toml::Value::Datetime(date) => Value::String(date.to_string()),
            toml::Value::Array(items) => Value::Array(items.into_iter().map(convert).collect()),
            toml::Value::Table(table) => {
                Value::Object(table.into_iter().map(|(key, value)| (key, convert(value))).collect())
            }
            other => serde_json::to_value(other).unwrap(),
        }
    }
    convert(toml::Value::Table(text.parse().unwrap()))
}

/// What a value has against a schema, for the words of JSON Schema that this one uses; any other word is a complaint.
fn complaints(root: &Value, schema: &Value, value: &Value, path: &str) -> Vec<String> {
    let empty = Map::new();
    let schema = schema.as_object().unwrap_or(&empty);
    let mut all = Vec::new();
    let holds = |schema: &Value| complaints(root, schema, value, path).is_empty();
    for (word, says) in schema {
        let fits = match word.as_str() {
            "$schema" | "$defs" | "title" | "description" | "default" | "examples" | "format" | "pattern" => {
                true
            }
            "$ref" => {
                let target = root.pointer(says.as_str().unwrap().trim_start_matches('#')).unwrap();
                all.extend(complaints(root, target, value, path));
                true
            }
            "type" => {
                let is = |kind: &Value| match kind.as_str().unwrap() {
                    "object" => value.is_object(),
                    "array" => value.is_array(),
                    "string" => value.is_string(),
                    "boolean" => value.is_boolean(),
                    "integer" => value.is_i64() || value.is_u64(),
                    "number" => value.is_number(),
                    _ => value.is_null(),
                };
                says.as_array().map_or_else(|| is(says), |kinds| kinds.iter().any(is))
            }
            "enum" => says.as_array().unwrap().contains(value),
            "const" => says == value,
            "anyOf" => says.as_array().unwrap().iter().any(holds),
            "oneOf" => says.as_array().unwrap().iter().filter(|schema| holds(schema)).count() == 1,
            "minimum" => value.as_f64().is_none_or(|number| number >= says.as_f64().unwrap()),
            "maximum" => value.as_f64().is_none_or(|number| number <= says.as_f64().unwrap()),
            "required" => {
                says.as_array().unwrap().iter().all(|key| value.get(key.as_str().unwrap()).is_some())
            }
            "properties" => {
                for (key, schema) in says.as_object().unwrap() {
                    if let Some(inner) = value.get(key) {
                        all.extend(complaints(root, schema, inner, &format!("{path}.{key}")));
                    }
                }
                true
            }
            "items" => {
                for (index, item) in value.as_array().into_iter().flatten().enumerate() {
                    all.extend(complaints(root, says, item, &format!("{path}[{index}]")));
                }
                true
            }
            "additionalProperties" => {
                let known = schema.get("properties").and_then(Value::as_object).unwrap_or(&empty);
                let mut others =
                    value.as_object().into_iter().flatten().filter(|(key, _)| !known.contains_key(*key));
                others.all(|(_, inner)| {
                    *says != Value::Bool(false) && complaints(root, says, inner, path).is_empty()
                })
            }
            _ => false,
        };
        if !fits {
            all.push(format!("{path}: {word} {says}"));
        }
    }
    all
}
