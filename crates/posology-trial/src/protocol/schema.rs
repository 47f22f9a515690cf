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
    let generator = SchemaSettings::draft2020_12().into_generator();
    let mut schema = generator.into_root_schema_for::<Protocol>();
    // TOML writes an absent value by leaving the key out; there is no null to allow.
    RecursiveTransform(|schema: &mut Schema| {
        schema
            .remove("default")
            .filter(|default| !default.is_null())
            .map(|default| schema.insert("default".to_owned(), default));
    })
    .transform(&mut schema);
    schema.into()
}

/// A day of the calendar, `2019-05-15`.
pub(super) fn date(_: &mut SchemaGenerator) -> Schema {
    schemars::json_schema!({ "type": "string", "format": "date" })
}

/// A decimal, as a number or (exact to any digit) as its text.
pub(super) fn decimal(_: &mut SchemaGenerator) -> Schema {
    schemars::json_schema!({ "type": ["number", "string"], "pattern": r"^-?[0-9]+(\.[0-9]+)?$" })
}
