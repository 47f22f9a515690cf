//! The schema of the mapping file is checked in and describes every key.

#![allow(clippy::unwrap_used, clippy::panic)]

use std::path::PathBuf;

use posology_exchange::mapping::json_schema;
use serde_json::Value;

fn path() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../schemas/mapping.schema.json")
}

#[test]
fn the_checked_in_schema_is_the_one_the_types_make() {
    let made = format!("{:#}\n", json_schema());
    if std::env::var_os("UPDATE_SCHEMA").is_some() {
        std::fs::write(path(), &made).unwrap();
    }
    assert_eq!(std::fs::read_to_string(path()).unwrap(), made, "make it anew with UPDATE_SCHEMA=1");
}

#[test]
fn every_key_says_what_it_means() {
    fn undescribed(schema: &Value, path: &str, found: &mut Vec<String>) {
        for (key, inner) in schema["properties"].as_object().into_iter().flatten() {
            if inner["description"].as_str().is_none_or(str::is_empty) {
                found.push(format!("{path}.{key}"));
            }
        }
    }
    let schema = json_schema();
    let mut found = Vec::new();
    undescribed(&schema, "mapping.toml", &mut found);
    for (name, definition) in schema["$defs"].as_object().into_iter().flatten() {
        undescribed(definition, name, &mut found);
    }
    assert_eq!(found, Vec::<String>::new());
}
