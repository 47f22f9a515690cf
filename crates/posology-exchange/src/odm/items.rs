//! Facts as item groups and items, and back: the forms of ODM follow from the kinds of facts.
//!
//! A kind is a form `F.administration/1` with one item group `IG.administration/1`; a list in it is a repeating item
//! group of its own, `IG.meeting/1.attendance`. An item is a field, `I.administration/1.route`, or a field of a part,
//! `I.administration/1.amount.activity`. The subject is the SubjectKey; a quantity is its number and a measurement unit;
//! what has no fixed shape is canonical JSON. How the fact was recorded stands beside it in `IG.record`; there, as
//! `I.record.event`, stands the whole event as JSON where items cannot hold it: XML has no control characters.

use posology_trial::event::{Event, canonical};
use posology_trial::form::{Form, Shape};
use serde_json::{Map, Value, json};

/// SubjectKey of what belongs to no subject: cohorts, the committee, sites, people.
pub const TRIAL: &str = "(trial)";

/// Item group of how a fact was recorded.
pub(super) const RECORD: &str = "IG.record";

/// An item group of a form as it stands in a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Group {
    pub(super) oid: String,
    pub(super) repeat: Option<usize>,
    pub(super) items: Vec<Held>,
}

/// An item's value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Held {
    pub(super) oid: String,
    pub(super) value: String,
    pub(super) unit: Option<String>,
}

impl Held {
    fn new(oid: impl Into<String>, value: &str) -> Self {
        Self { oid: oid.into(), value: clean(value), unit: None }
    }
}

/// An item group as defined.
pub(super) struct GroupDef {
    pub(super) oid: String,
    pub(super) name: String,
    pub(super) repeating: bool,
    pub(super) items: Vec<ItemDef>,
}

/// An item as defined.
pub(super) struct ItemDef {
    pub(super) oid: String,
    pub(super) name: String,
    pub(super) question: String,
    pub(super) mandatory: bool,
    pub(super) shape: Shape,
}

/// Whether XML 1.0 has a character (section 2.2, production 2).
pub(super) fn is_of_xml(c: char) -> bool {
    matches!(c, '\t' | '\n' | '\r' | '\u{20}'..='\u{fffd}' | '\u{10000}'..)
}

/// A text without what XML cannot hold.
pub(super) fn clean(text: &str) -> String {
    text.chars().map(|c| if is_of_xml(c) { c } else { char::REPLACEMENT_CHARACTER }).collect()
}

/// Item groups of a form.
pub(super) fn definitions(form: &Form) -> Vec<GroupDef> {
    let kind = form.kind.name();
    let word = form.kind.word();
    let mut main =
        GroupDef { oid: format!("IG.{kind}"), name: word.to_owned(), repeating: false, items: Vec::new() };
    let mut lists = Vec::new();
    for field in form.fields.iter().filter(|field| field.name != "subject") {
        let oid = format!("I.{kind}.{}", field.name);
        let name = format!("{word} {}", field.name);
        match &field.shape {
            Shape::List(item) => {
                let mut group = GroupDef {
                    oid: format!("IG.{kind}.{}", field.name),
                    name: name.clone(),
                    repeating: true,
                    items: Vec::new(),
                };
                define(&mut group.items, oid, name, &field.says, true, item);
                lists.push(group);
            }
            shape => define(&mut main.items, oid, name, &field.says, field.required, shape),
        }
    }
    std::iter::once(main).chain(lists).collect()
}

fn define(
    items: &mut Vec<ItemDef>,
    oid: String,
    name: String,
    question: &str,
    mandatory: bool,
    shape: &Shape,
) {
    let says = question.trim_end_matches('.');
    match shape {
        Shape::Part(parts) => {
            for (part, shape) in parts {
                let question = format!("{says}: {}", part.replace('-', " "));
                define(items, format!("{oid}.{part}"), format!("{name} {part}"), &question, false, shape);
            }
        }
        Shape::Named(inner, shape) => {
            define(items, format!("{oid}.{inner}"), format!("{name} {inner}"), says, false, shape);
            define(items, oid, name, &format!("{says}, of another kind, as JSON"), false, &Shape::Json);
        }
        Shape::List(_) => define(items, oid, name, &format!("{says}, as JSON"), mandatory, &Shape::Json),
        _ => items.push(ItemDef { oid, name, question: says.to_owned(), mandatory, shape: shape.clone() }),
    }
}

/// The item groups of a fact's body.
pub(super) fn lay_out(form: &Form, body: &Value) -> Vec<Group> {
    let kind = form.kind.name();
    let mut main = Group { oid: format!("IG.{kind}"), repeat: None, items: Vec::new() };
    let mut lists = Vec::new();
    for field in form.fields.iter().filter(|field| field.name != "subject") {
        let Some(value) = body.get(&field.name) else { continue };
        let oid = format!("I.{kind}.{}", field.name);
        match (&field.shape, value) {
            (Shape::List(item), Value::Array(rows)) => {
                for (row, value) in rows.iter().enumerate() {
                    let mut items = Vec::new();
                    put(&mut items, &oid, item, value);
                    let oid = format!("IG.{kind}.{}", field.name);
                    lists.push(Group { oid, repeat: Some(row + 1), items });
                }
            }
            (shape, value) => put(&mut main.items, &oid, shape, value),
        }
    }
    std::iter::once(main).chain(lists).collect()
}

fn put(items: &mut Vec<Held>, oid: &str, shape: &Shape, value: &Value) {
    match (shape, value) {
        (Shape::Part(parts), Value::Object(members)) => {
            for (part, shape) in parts {
                if let Some(value) = members.get(part) {
                    put(items, &format!("{oid}.{part}"), shape, value);
                }
            }
        }
        (Shape::Named(name, inner), Value::Object(members)) => match members.get(name) {
            Some(named @ Value::String(_)) if members.len() == 1 => {
                put(items, &format!("{oid}.{name}"), inner, named)
            }
            _ => items.push(Held::new(oid, &json_text(value))),
        },
        (Shape::List(_) | Shape::Json, _) => items.push(Held::new(oid, &json_text(value))),
        (_, Value::String(text)) => {
            let (value, unit) = split(shape, text);
            items.push(Held { oid: oid.to_owned(), value: clean(value), unit: unit.map(str::to_owned) });
        }
        (_, value) => items.push(Held::new(oid, &value.to_string())),
    }
}

fn json_text(value: &Value) -> String {
    canonical(value).unwrap_or_else(|_| value.to_string())
}

/// A quantity's number, and its unit where it is one of those of its shape.
fn split<'a>(shape: &Shape, text: &'a str) -> (&'a str, Option<&'static str>) {
    let unit = |(number, unit): (&'a str, &str)| {
        let known = shape.units().iter().find(|known| **known == unit)?;
        Some((number, Some(*known)))
    };
    text.split_once(' ').and_then(unit).unwrap_or((text, None))
}

/// The body of a fact from its item groups.
fn gather(form: &Form, groups: &[Group]) -> Map<String, Value> {
    let kind = form.kind.name();
    let mut body = Map::new();
    let main = format!("IG.{kind}");
    let of_main = groups.iter().find(|group| group.oid == main).map_or(&[][..], |group| &group.items);
    for field in form.fields.iter().filter(|field| field.name != "subject") {
        let oid = format!("I.{kind}.{}", field.name);
        let value = match &field.shape {
            Shape::List(item) => {
                let of_list = format!("IG.{kind}.{}", field.name);
                let mut rows: Vec<&Group> = groups.iter().filter(|group| group.oid == of_list).collect();
                rows.sort_by_key(|group| group.repeat);
                let rows: Vec<Value> =
                    rows.iter().filter_map(|group| take(&group.items, &oid, item)).collect();
                (field.required || !rows.is_empty()).then_some(Value::Array(rows))
            }
            shape => take(of_main, &oid, shape),
        };
        if let Some(value) = value {
            body.insert(field.name.clone(), value);
        }
    }
    body
}

fn take(items: &[Held], oid: &str, shape: &Shape) -> Option<Value> {
    let held = || items.iter().find(|held| held.oid == oid);
    match shape {
        Shape::Part(parts) => {
            let members: Map<String, Value> = parts
                .iter()
                .filter_map(|(part, shape)| {
                    Some((part.clone(), take(items, &format!("{oid}.{part}"), shape)?))
                })
                .collect();
            (!members.is_empty()).then_some(Value::Object(members))
        }
        Shape::Named(name, inner) => match take(items, &format!("{oid}.{name}"), inner) {
            Some(value) => Some(json!({ name: value })),
            None => serde_json::from_str(&held()?.value).ok(),
        },
        Shape::List(_) | Shape::Json => serde_json::from_str(&held()?.value).ok(),
        Shape::Integer => held()?.value.parse::<u64>().ok().map(Value::from),
        Shape::YesOrNo => held()?.value.parse::<bool>().ok().map(Value::from),
        _ => {
            let held = held()?;
            Some(Value::String(match &held.unit {
                Some(unit) => format!("{} {unit}", held.value),
                None => held.value.clone(),
            }))
        }
    }
}

/// How an event was recorded, but for what an audit record says of it.
pub(super) fn record_of(event: &Event) -> Group {
    let mut items = Vec::new();
    let mut put = |name: &str, value: Option<&str>| {
        items.extend(value.map(|value| Held::new(format!("I.record.{name}"), value)));
    };
    put("as", event.recorded_as.map(posology_trial::event::Role::word));
    put("local-offset", event.local_offset.as_deref());
    put("software", event.software.as_deref());
    put("reason", event.reason.as_deref());
    put("data-set", event.origin.as_ref().map(|origin| origin.data_set.as_str()));
    put("key", event.origin.as_ref().map(|origin| origin.key.as_str()));
    put("row-hash", event.origin.as_ref().map(|origin| origin.row_hash.as_str()));
    put("corrects", event.corrects.as_ref().map(|correction| correction.hash.as_str()));
    Group { oid: RECORD.to_owned(), repeat: None, items }
}

/// The items of how an event was recorded, each with what it means.
pub(super) const RECORD_ITEMS: [(&str, &str); 9] = [
    ("as", "Role in which it was recorded"),
    ("local-offset", "Offset from UTC where it was recorded"),
    ("software", "Program and version that recorded it"),
    ("reason", "Why, where a rule asks for a reason"),
    ("data-set", "Data set of the imported row it came from"),
    ("key", "Key of the imported row"),
    ("row-hash", "SHA-256 of the imported row"),
    ("corrects", "SourceID of the event that it corrects"),
    ("event", "The whole event as canonical JSON, where items cannot hold it"),
];

/// The whole event as JSON that XML can hold.
pub(super) fn whole(canonical: &str) -> Held {
    let mut text = String::with_capacity(canonical.len());
    for c in canonical.chars() {
        match c {
            '\u{fffe}' => text.push_str("\\ufffe"),
            '\u{ffff}' => text.push_str("\\uffff"),
            c => text.push(c),
        }
    }
    Held { oid: "I.record.event".to_owned(), value: text, unit: None }
}

/// What an audit record and the keys around it say of an event.
pub(super) struct Told<'a> {
    pub(super) subject: &'a str,
    pub(super) user: &'a str,
    pub(super) at: &'a str,
    pub(super) reason: Option<&'a str>,
}

/// The event of a form instance: of its item groups, how it was recorded among them, and its audit record.
pub(super) fn event_of(form: &Form, groups: &[Group], told: &Told<'_>) -> Result<Event, serde_json::Error> {
    let record = groups.iter().find(|group| group.oid == RECORD);
    let said = |name: &str| {
        let oid = format!("I.record.{name}");
        Some(record?.items.iter().find(|held| held.oid == oid)?.value.as_str())
    };
    if let Some(event) = said("event") {
        return serde_json::from_str(event);
    }
    let mut body = gather(form, groups);
    if form.field("subject").is_some() && told.subject != TRIAL {
        body.insert("subject".to_owned(), told.subject.into());
    }
    let mut event = Map::new();
    let mut put = |name: &str, value: Option<Value>| {
        event.extend(value.map(|value| (name.to_owned(), value)));
    };
    put("recorded-at", Some(told.at.into()));
    put("recorded-by", Some(told.user.into()));
    put("recorded-as", said("as").map(Value::from));
    for name in ["local-offset", "software", "reason"] {
        put(name, said(name).map(Value::from));
    }
    if let (Some(data_set), Some(key), Some(row_hash)) = (said("data-set"), said("key"), said("row-hash")) {
        put("origin", Some(json!({ "data-set": data_set, "key": key, "row-hash": row_hash })));
    }
    put(
        "corrects",
        said("corrects").map(|hash| json!({ "hash": hash, "reason": told.reason.unwrap_or_default() })),
    );
    put("fact", Some(json!({ "type": form.kind.name(), "body": body })));
    serde_json::from_value(Value::Object(event))
}
