//! The pages of the book on events and permissions are those that the program makes: UPDATE_BOOK=1 makes them anew.

#![allow(clippy::unwrap_used, clippy::panic)]

use std::fs;
use std::path::{Path, PathBuf};

use posology_trial::event::{Kind, Role, json_schema};
use posology_trial::follow::can_be_followed;
use posology_trial::permission::{Reach, reach};
use serde_json::Value;

fn page(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/src/reference").join(name)
}

/// Compares a page with what is made of it, from a line on; with UPDATE_BOOK writes it.
fn is_current(name: &str, from: &str, made: &str) {
    let path = page(name);
    let text = fs::read_to_string(&path).unwrap_or_else(|_| from.to_owned());
    let (head, _) = text.split_once(from).unwrap_or_else(|| panic!("{name} has no line {from:?}"));
    let expected = format!("{head}{from}{made}");
    if std::env::var_os("UPDATE_BOOK").is_some() {
        fs::write(&path, &expected).unwrap();
    }
    assert!(fs::read_to_string(&path).unwrap() == expected, "{name}: run this test with UPDATE_BOOK=1");
}

fn resolve<'a>(schema: &'a Value, field: &'a Value) -> (&'a Value, &'a str) {
    if let Some(name) = field["$ref"].as_str().and_then(|name| name.rsplit('/').next()) {
        return (&schema["$defs"][name], name);
    }
    if let Some(some) = field["anyOf"].as_array().and_then(|any| any.iter().find(|one| one["type"] != "null"))
    {
        return resolve(schema, some);
    }
    (field, "")
}

/// What a field holds, in words.
fn holds(schema: &Value, field: &Value) -> String {
    let (resolved, name) = resolve(schema, field);
    if let Some(words) = resolved["oneOf"].as_array() {
        let words: Option<Vec<String>> =
            words.iter().map(|word| Some(format!("`{}`", word["const"].as_str()?))).collect();
        return words.map_or_else(|| "one of several, see the schema".to_owned(), |words| words.join(", "));
    }
    let is = |kind: &str| match &resolved["type"] {
        Value::String(one) => one == kind,
        Value::Array(several) => several.iter().any(|one| one == kind),
        _ => false,
    };
    if is("array") {
        return format!("list of {}", holds(schema, &resolved["items"]));
    }
    if let Some(parts) = resolved["properties"].as_object() {
        let parts: Vec<String> = parts.keys().map(|part| format!("`{part}`")).collect();
        return format!("{{{}}}", parts.join(", "));
    }
    match (resolved["format"].as_str(), name) {
        (Some("date"), _) => "date",
        (Some("date-time"), _) => "instant, UTC",
        (_, "When") => "date or time, partial where no more is known",
        (_, "Activity") => "activity with its unit",
        (_, "ActivityPerArea") => "activity per area with its unit",
        (_, "Length" | "Mass" | "AbsorbedDose") => "number with its unit",
        _ if is("number") => "decimal",
        _ if is("integer") => "whole number",
        _ if is("boolean") => "yes or no",
        _ => "text",
    }
    .to_owned()
}

fn events() -> String {
    let schema = json_schema();
    let mut text = String::from(
        "\n\nMade from the program: run `posology trial record DIR EVENT --help` for the options of one.\n",
    );
    for kind in Kind::ALL {
        let variants = schema["oneOf"].as_array().unwrap();
        let variant = variants.iter().find(|one| one["properties"]["type"]["const"] == kind.name()).unwrap();
        let (body, _) = resolve(&schema, &variant["properties"]["body"]);
        text.push_str(&format!("\n### `{}`\n\n{}\n", kind.name(), variant["description"].as_str().unwrap()));
        let may: Vec<&str> = Role::ALL
            .into_iter()
            .filter(|role| reach(*role, *kind) != Reach::Nowhere)
            .map(Role::word)
            .collect();
        let may = if may.is_empty() { "the founder".to_owned() } else { may.join(", ") };
        let followed = if can_be_followed(*kind) { " Can be followed from another system." } else { "" };
        text.push_str(&format!(
            "Recorded by: {may}.{followed}\n\n| key | holds | meaning |\n|---|---|---|\n"
        ));
        let required = |name: &str| body["required"].as_array().into_iter().flatten().any(|one| one == name);
        for (name, field) in body["properties"].as_object().into_iter().flatten() {
            let optional = if required(name) { "" } else { "; optional" };
            let says =
                field["description"].as_str().unwrap_or_default().replace('\n', " ").replace('|', "\\|");
            text.push_str(&format!("| `{name}` | {}{optional} | {says} |\n", holds(&schema, field)));
        }
    }
    text
}

#[test]
fn the_page_of_events_is_the_one_the_program_makes() {
    is_current("events.md", "## Facts", &events());
}

fn permissions() -> String {
    let mut text = String::from(
        "\n\nMade from the program. `site`: at the sites for which the role was granted; `trial`: in the whole trial.\n\n| event |",
    );
    for role in Role::ALL {
        text.push_str(&format!(" {} |", role.word()));
    }
    text.push_str(&format!("\n|---|{}\n", "---|".repeat(Role::ALL.len())));
    for kind in Kind::ALL {
        text.push_str(&format!("| `{}` |", kind.word()));
        for role in Role::ALL {
            text.push_str(match reach(role, *kind) {
                Reach::Nowhere => " |",
                Reach::Site => " site |",
                Reach::Trial => " trial |",
            });
        }
        text.push('\n');
    }
    text
}

#[test]
fn the_page_of_permissions_is_the_one_the_program_makes() {
    is_current("permissions.md", "## Who records what", &permissions());
}
