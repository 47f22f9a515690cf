//! The JSON Schema of an event, from which forms, commands and other people's programs are made.

use schemars::generate::SchemaSettings;
use serde_json::Value;

use super::Fact;

/// The JSON Schema (draft 2020-12) of a fact: a `type` such as `administration/1` and its `body`, every field with its
/// meaning. A copy stands in `schemas/fact.schema.json`.
///
/// ```
/// let schema = posology_trial::event::json_schema();
/// assert!(schema["oneOf"].as_array().is_some_and(|kinds| kinds.len() > 60));
/// ```
#[must_use]
pub fn json_schema() -> Value {
    SchemaSettings::draft2020_12().into_generator().into_root_schema_for::<Fact>().into()
}
