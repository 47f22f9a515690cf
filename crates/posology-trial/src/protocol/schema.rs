//! The JSON Schema of `trial.toml`, for editors that complete and check it while it is written.

use schemars::generate::SchemaSettings;
use schemars::transform::{RecursiveTransform, Transform as _};
use schemars::{Schema, SchemaGenerator};
use serde_json::Value;

use super::Protocol;

/// The JSON Schema (draft 2020-12) of the protocol file, made from its types: every key with its meaning and default.
///
/// A checked-in copy stands in `schemas/trial.schema.json`; an editor finds it by a first line such as
/// `#:schema ../../schemas/trial.schema.json`.
///
/// ```
/// let schema = posology_trial::protocol::json_schema();
/// assert!(schema["properties"]["regimen"]["description"].as_str().is_some_and(|text| text.contains("ladder")));
/// ```
#[must_use]
pub fn json_schema() -> Value {
    of::<Protocol>("The protocol of a dose-escalation trial (trial.toml)")
}

/// The JSON Schema (draft 2020-12) of a file that people write in TOML, under a title.
#[must_use]
pub fn of<T: schemars::JsonSchema>(title: &str) -> Value {
    let mut schema = SchemaSettings::draft2020_12().into_generator().into_root_schema_for::<T>();
    RecursiveTransform(without_null).transform(&mut schema);
    let mut words = serde_json::Map::new();
    words.insert("$schema".to_owned(), "https://json-schema.org/draft/2020-12/schema".into());
    words.insert("title".to_owned(), title.into());
    if let Value::Object(rest) = Value::from(schema) {
        words.extend(rest.into_iter().filter(|(word, _)| word != "$schema" && word != "title"));
    }
    Value::Object(words)
}

/// TOML writes an absent value by leaving the key out: no setting is ever null.
fn without_null(schema: &mut Schema) {
    let Some(words) = schema.as_object_mut() else { return };
    let is_null = |schema: &Value| schema.get("type").is_some_and(|kind| kind == "null");
    if let Some(Value::Array(kinds)) = words.get_mut("type") {
        kinds.retain(|kind| kind != "null");
        if let [only] = kinds.as_slice() {
            let only = only.clone();
            words.insert("type".to_owned(), only);
        }
    }
    if let Some(Value::Array(choices)) = words.get_mut("anyOf") {
        choices.retain(|choice| !is_null(choice));
        if let [Value::Object(only)] = choices.as_slice() {
            let only = only.clone();
            words.remove("anyOf");
            for (word, says) in only {
                words.entry(word).or_insert(says);
            }
        }
    }
    match words.get_mut("default") {
        Some(Value::Null) => {
            words.remove("default");
        }
        Some(Value::Object(defaults)) => defaults.retain(|_, value| !value.is_null()),
        _ => {}
    }
}

/// A day of the calendar, `2019-05-15`.
pub(super) fn date(_: &mut SchemaGenerator) -> Schema {
    schemars::json_schema!({ "type": "string", "format": "date" })
}

/// A decimal, as a number or (exact to any digit) as its text.
pub(super) fn decimal(_: &mut SchemaGenerator) -> Schema {
    schemars::json_schema!({ "type": ["number", "string"], "pattern": r"^-?[0-9]+(\.[0-9]+)?$" })
}
