//! The schema of facts is checked in, and describes what is recorded.

#![allow(clippy::unwrap_used, clippy::panic)]

use std::path::PathBuf;

use posology_trial::event::{Kind, json_schema};

fn path() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../schemas/fact.schema.json")
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
fn every_kind_and_every_field_is_described() {
    let schema = json_schema();
    let kinds = schema["oneOf"].as_array().unwrap();
    assert_eq!(kinds.len(), Kind::ALL.len());
    for (name, body) in schema["$defs"].as_object().unwrap() {
        for (field, described) in body["properties"].as_object().into_iter().flatten() {
            assert!(described["description"].as_str().is_some_and(|text| text.len() >= 4), "{name}.{field}");
        }
    }
}
