//! The settings of a design as fields of a form, read from the catalogue of designs and the schema of their files.

use std::sync::LazyLock;

use posology_design::catalogue;
use posology_trial::protocol::json_schema;
use serde_json::Value;

/// What a field takes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Takes {
    /// `true` or `false`.
    YesOrNo,
    /// One of these words.
    OneOf(Vec<String>),
    /// A number.
    Number,
    /// Anything that can stand in a design file.
    Text,
}

/// One setting of a design as a field.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Field {
    /// The key in a design file.
    pub(crate) key: String,
    /// What it means.
    pub(crate) meaning: String,
    /// The default in words, or the value to begin with.
    pub(crate) default: String,
    /// What it takes.
    pub(crate) takes: Takes,
}

/// Settings that have fields of their own on the page, the same for every design.
const SHARED: [&str; 4] = ["doses", "cohort-size", "max-patients", "target"];

/// The fields of a design's own settings; `starting` are values that stand where nothing is written.
pub(crate) fn fields(design: &str, starting: &[(&'static str, String)]) -> Vec<Field> {
    let Some(listed) = catalogue().into_iter().find(|listed| listed.design == design) else {
        return Vec::new();
    };
    let own = listed.settings.into_iter().filter(|setting| !SHARED.contains(&setting.name.as_str()));
    own.map(|setting| {
        let begins = starting.iter().find(|(key, _)| *key == setting.name).map(|(_, value)| value.clone());
        let takes = takes(design, &setting.name);
        Field {
            default: begins.unwrap_or(setting.default),
            key: setting.name,
            meaning: setting.meaning,
            takes,
        }
    })
    .collect()
}

static SCHEMA: LazyLock<Value> = LazyLock::new(json_schema);

fn takes(design: &str, key: &str) -> Takes {
    let schema: &Value = &SCHEMA;
    let designs = schema.pointer("/$defs/Design/oneOf").and_then(Value::as_array);
    let of_this = designs
        .into_iter()
        .flatten()
        .find(|one| one.pointer("/properties/design/const").and_then(Value::as_str) == Some(design));
    let Some(setting) = of_this.and_then(|one| one.get("properties")).and_then(|all| all.get(key)) else {
        return Takes::Text;
    };
    let named = setting.get("$ref").and_then(Value::as_str).and_then(|name| name.strip_prefix('#'));
    let kind = named.and_then(|place| schema.pointer(place)).unwrap_or(setting);
    match kind.get("type").and_then(Value::as_str) {
        Some("boolean") => return Takes::YesOrNo,
        Some("number" | "integer") => return Takes::Number,
        _ => {}
    }
    let word = |one: &Value| one.get("const").and_then(Value::as_str).map(str::to_owned);
    let words: Option<Vec<String>> = kind
        .get("oneOf")
        .and_then(Value::as_array)
        .map(|all| all.iter().map(word).collect())
        .unwrap_or_default();
    words.map_or(Takes::Text, Takes::OneOf)
}
