//! The fields of a form: what is shown for each shape, and what was typed back to values.

use maud::{Markup, html};
use posology_clinic::laboratory::Analyte;
use posology_trial::event::{Fact, Kind};
use posology_trial::form::{Field, Form, Shape};
use posology_trial::permission::{Matter, Reading};
use serde_json::{Map, Value};

use crate::View;
use crate::ask::Failed;

/// Most of a list in one form.
const MOST: usize = 40;

/// Offsets from UTC that there are, most of the world's.
const OFFSETS: [&str; 27] = [
    "-12:00", "-11:00", "-10:00", "-09:00", "-08:00", "-07:00", "-06:00", "-05:00", "-04:00", "-03:30",
    "-03:00", "-02:00", "-01:00", "+00:00", "+01:00", "+02:00", "+03:00", "+03:30", "+04:00", "+05:00",
    "+05:30", "+06:00", "+07:00", "+08:00", "+09:00", "+10:00", "+12:00",
];

/// What the trial knows, to choose from.
pub(crate) struct Known {
    lists: Vec<(&'static str, Vec<String>)>,
}

impl Known {
    pub(crate) fn of(view: &View, reading: &Reading, kind: Kind) -> Self {
        let conduct = &view.conduct;
        let subjects = conduct
            .subjects()
            .into_iter()
            .filter(|subject| reading.reads_patient(conduct, subject))
            .map(str::to_owned)
            .collect();
        let protocol = &view.analysis.protocol;
        let sites = conduct
            .of_trial(Kind::SiteOpened)
            .filter_map(|entry| match &entry.event.fact {
                Fact::SiteOpened(site) => Some(site.site.clone()),
                _ => None,
            })
            .filter(|site| {
                reading.reach(Matter::Patients) != posology_trial::permission::Reach::Site
                    || reading.reads_at(Matter::Patients, Some(site))
            })
            .collect();
        let people = super::super::sign_in::holders(conduct).into_iter().map(|(user, ..)| user).collect();
        let (tests, units) = tests_and_units(kind);
        let mut lists = vec![
            ("test", tests),
            ("unit", units),
            ("subject", subjects),
            ("cohort", protocol.cohort.iter().map(|cohort| cohort.id.clone()).collect()),
            ("regimen", protocol.regimen.iter().map(|regimen| regimen.id.clone()).collect()),
            ("site", sites),
            ("user", people),
            ("version", conduct.adopted().iter().map(|one| one.protocol.version.id.clone()).collect()),
        ];
        // Who or what a kind names for the first time is typed, not chosen among those that are there.
        match kind {
            Kind::Subject => lists.retain(|(list, _)| *list != "subject"),
            Kind::SiteOpened => lists.retain(|(list, _)| *list != "site"),
            _ => {}
        }
        Self { lists }
    }

    fn list(&self, name: &str) -> &[String] {
        let last = name.rsplit('.').next().unwrap_or(name);
        let last = if last == "next-cohort" { "cohort" } else { last };
        self.lists.iter().find(|(list, _)| *list == last).map_or(&[], |(_, list)| list)
    }
}

/// The codes and units of laboratory results and vital signs that the program knows.
fn tests_and_units(kind: Kind) -> (Vec<String>, Vec<String>) {
    let all = |texts: &mut dyn Iterator<Item = &'static str>| {
        let mut all: Vec<String> = Vec::new();
        for text in texts {
            if !all.iter().any(|known| known == text) {
                all.push(text.to_owned());
            }
        }
        all
    };
    match kind {
        Kind::Laboratory => (
            all(&mut Analyte::ALL.iter().flat_map(|analyte| analyte.codes().iter().copied())),
            all(&mut Analyte::ALL.iter().flat_map(|analyte| analyte.units_known())),
        ),
        Kind::VitalSign => (
            all(&mut ["HEIGHT", "WEIGHT", "BSA", "SYSBP", "DIABP", "PULSE", "TEMP", "ECOG"].into_iter()),
            all(&mut ["cm", "kg", "m2", "mmHg", "beats/min", "C"].into_iter()),
        ),
        _ => (Vec::new(), Vec::new()),
    }
}

/// A field's name as people read it.
pub(crate) fn label(name: &str) -> String {
    let words = name.rsplit('.').next().unwrap_or(name).replace('-', " ");
    super::capitalised(&words)
}

/// Whether a field holds something measured: what double entry asks for twice.
pub(crate) fn is_measured(field: &Field) -> bool {
    !field.shape.units().is_empty() || field.shape == Shape::Decimal || field.name == "result"
}

/// Whether what was typed a second time is what was typed first, but for blanks.
pub(crate) fn typed(second: &str, first: &str) -> bool {
    let plain = |text: &str| text.chars().filter(|letter| !letter.is_whitespace()).collect::<String>();
    plain(second) == plain(first)
}

fn given<'a>(all: &'a [(String, String)], name: &str) -> &'a str {
    all.iter().find(|(field, _)| field == name).map_or("", |(_, value)| value)
}

/// A field with its label, its meaning, and what is known to choose from.
pub(crate) fn input(field: &Field, all: &[(String, String)], known: &Known) -> Markup {
    shape(&field.name, &field.says, field.required, &field.shape, all, known)
}

fn shape(
    name: &str,
    says: &str,
    required: bool,
    shape_of: &Shape,
    all: &[(String, String)],
    known: &Known,
) -> Markup {
    if let Shape::Named(_, inner) = shape_of
        && !given(all, name).trim_start().starts_with('{')
    {
        return shape(name, says, required, inner, all, known);
    }
    let value = given(all, name);
    let id = format!("f-{}", name.replace('.', "-"));
    let hint = format!("{id}-hint");
    let has_hint =
        !says.is_empty() || !shape_of.units().is_empty() || matches!(shape_of, Shape::When | Shape::Time);
    let described = has_hint.then(|| hint.clone());
    let caption = html! { span { (label(name)) @if required { span .needed aria-hidden="true" { " *" } } } };
    let hint = |more: &str| html! { @if has_hint { span .hint id=(hint) { (says.replace('`', "")) @if !more.is_empty() { " " (more) } } } };
    let control = match shape_of {
        Shape::List(item) if matches!(**item, Shape::Part(_)) => {
            return list_of_parts(name, says, item, all, known);
        }
        Shape::Part(parts) => return part(name, says, required, parts, all, known),
        Shape::List(_) => html! {
            textarea id=(id) name=(name) rows="3" aria-describedby=[described] { (value) }
            (hint("One a line."))
        },
        Shape::Json | Shape::Named(..) => html! {
            textarea id=(id) name=(name) rows="4" aria-describedby=[described] required[required] { (value) }
            (hint("As JSON."))
        },
        Shape::OneOf(words) => html! {
            select id=(id) name=(name) required[required] aria-describedby=[described] {
                option value="" { "–" }
                @for (word, says) in words {
                    option value=(word) selected[word == value] { (word) @if !says.is_empty() { ": " (says.trim_end_matches('.')) } }
                }
            }
            (hint(""))
        },
        Shape::YesOrNo => html! {
            select id=(id) name=(name) required[required] aria-describedby=[described] {
                option value="" { "–" }
                option value="yes" selected[value == "yes"] { "yes" }
                option value="no" selected[value == "no"] { "no" }
            }
            (hint(""))
        },
        Shape::Date => html! {
            input id=(id) name=(name) type="date" value=(value) required[required] aria-describedby=[described];
            (hint(""))
        },
        Shape::Time | Shape::When => {
            let offset_name = format!("{name}.offset");
            let offset = given(all, &offset_name);
            let partial = *shape_of == Shape::When;
            html! {
                span .joined {
                    input id=(id) name=(name) value=(value) required[required] aria-describedby=[described]
                        placeholder=(if partial { "2026-02-03 or 2026-02-03T08:05" } else { "2026-02-03T08:05" }) .wide;
                    select name=(offset_name) aria-label={ (label(name)) ": offset from UTC" } data-offset="local" {
                        option value="" { @if partial { "no time" } @else { "offset" } }
                        @for one in OFFSETS { option value=(one) selected[one == offset] { "UTC" (one.replace('-', "−")) } }
                    }
                }
                (hint(if partial { "A day; or a time with the offset of its clock from UTC; or as much of a date as is known." } else { "With the offset of its clock from UTC." }))
            }
        }
        Shape::Activity | Shape::ActivityPerArea | Shape::Length | Shape::Mass | Shape::AbsorbedDose => {
            let unit_name = format!("{name}.unit");
            let unit = given(all, &unit_name);
            html! {
                span .joined {
                    input id=(id) name=(name) inputmode="decimal" value=(value) required[required] aria-describedby=[described] data-quantity=(shape_of.looks());
                    select name=(unit_name) aria-label={ (label(name)) ": unit" } required[required] {
                        option value="" { "unit" }
                        @for one in shape_of.units() { option value=(one) selected[*one == unit] { (one) } }
                    }
                    output .converted aria-live="polite" {}
                }
                (hint("The unit is chosen, never assumed."))
            }
        }
        Shape::Text | Shape::Decimal | Shape::Integer => {
            let list = known.list(name);
            let list_id = format!("{id}-list");
            let mode = match shape_of {
                Shape::Decimal => Some("decimal"),
                Shape::Integer => Some("numeric"),
                _ => None,
            };
            html! {
                @if !list.is_empty() && list.len() <= 30 && name != "version" {
                    select id=(id) name=(name) required[required] aria-describedby=[described] {
                        option value="" { "–" }
                        @if !value.is_empty() && !list.iter().any(|one| one == value) { option value=(value) selected { (value) } }
                        @for one in list { option value=(one) selected[one == value] { (one) } }
                    }
                } @else {
                    input id=(id) name=(name) value=(value) required[required] inputmode=[mode] aria-describedby=[described] list=[(!list.is_empty()).then_some(&list_id)];
                    @if !list.is_empty() { datalist id=(list_id) { @for one in list { option value=(one); } } }
                }
                (hint(""))
            }
        }
    };
    html! { div .field { label for=(id) { (caption) } (control) } }
}

fn part(
    name: &str,
    says: &str,
    required: bool,
    parts: &[(String, Shape)],
    all: &[(String, String)],
    known: &Known,
) -> Markup {
    html! {
        fieldset .part {
            legend { (label(name)) @if required { span .needed aria-hidden="true" { " *" } } @else { " (may be left out)" } }
            @if !says.is_empty() { p .hint { (says) } }
            @for (field, of) in parts { (shape(&format!("{name}.{field}"), "", false, of, all, known)) }
        }
    }
}

/// How many parts of a list were given, or are to be shown.
fn parts_given(name: &str, all: &[(String, String)]) -> usize {
    let prefix = format!("{name}.");
    let last = all
        .iter()
        .filter_map(|(field, _)| field.strip_prefix(&prefix)?.split('.').next()?.parse::<usize>().ok())
        .max();
    last.map_or(0, |last| last + 1).min(MOST)
}

fn list_of_parts(name: &str, says: &str, item: &Shape, all: &[(String, String)], known: &Known) -> Markup {
    let parts = item.parts().unwrap_or_default();
    let shown = match parts_given(name, all) {
        0 if name == "attendance" => 6,
        given => (given + 2).min(MOST),
    };
    html! {
        fieldset .list {
            legend { (label(name)) }
            @if !says.is_empty() { p .hint { (says) " Those left empty are left out." } }
            @for place in 0..shown {
                div .row role="group" aria-label={ (label(name)) " " (place + 1) } {
                    @for (field, of) in parts { (shape(&format!("{name}.{place}.{field}"), "", false, of, all, known)) }
                }
            }
        }
    }
}

/// What was typed, as values; fields left empty are left out.
pub(crate) fn read(form: &Form, all: &[(String, String)]) -> Result<Map<String, Value>, Failed> {
    let mut values = Map::new();
    for field in &form.fields {
        if let Some(value) = value(&field.name, &field.shape, all)? {
            values.insert(field.name.clone(), value);
        }
    }
    Ok(values)
}

fn value(name: &str, shape: &Shape, all: &[(String, String)]) -> Result<Option<Value>, Failed> {
    let text = given(all, name).trim();
    let read = |shape: &Shape, text: &str| shape.read(&label(name), text).map_err(Failed::asked);
    match shape {
        Shape::Part(parts) => {
            let mut part = Map::new();
            for (field, of) in parts {
                if let Some(value) = value(&format!("{name}.{field}"), of, all)? {
                    part.insert(field.clone(), value);
                }
            }
            Ok((!part.is_empty()).then_some(Value::Object(part)))
        }
        Shape::List(item) if matches!(**item, Shape::Part(_)) => {
            let mut list = Vec::new();
            for place in 0..parts_given(name, all) {
                list.extend(value(&format!("{name}.{place}"), item, all)?);
            }
            Ok((!list.is_empty()).then_some(Value::Array(list)))
        }
        _ if text.is_empty() => Ok(None),
        Shape::Named(kept, inner) if !text.starts_with('{') => {
            let named =
                value(name, inner, all)?.map(|value| Value::Object(Map::from_iter([(kept.clone(), value)])));
            Ok(named)
        }
        Shape::List(item) => {
            let lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
            Ok(Some(Value::Array(lines.map(|line| read(item, line)).collect::<Result<_, _>>()?)))
        }
        Shape::Time | Shape::When => {
            let offset = given(all, &format!("{name}.offset"));
            let whole = text.contains('T') || text.contains(':');
            let zoned =
                whole && (text.ends_with('Z') || text.rfind(['+', '-']).is_some_and(|place| place > 9));
            if whole && !zoned && offset.is_empty() {
                return Err(Failed::asked(format!(
                    "{}: expected the offset of the clock from UTC, found a time without one, {text:?}; mend: choose it beside the time",
                    label(name)
                )));
            }
            let text = text.replacen(' ', "T", 1);
            let seconds = if whole && !zoned && text.matches(':').count() == 1 { ":00" } else { "" };
            let text = if whole && !zoned { format!("{text}{seconds}{offset}") } else { text };
            read(shape, &text).map(Some)
        }
        Shape::Activity | Shape::ActivityPerArea | Shape::Length | Shape::Mass | Shape::AbsorbedDose => {
            let unit = given(all, &format!("{name}.unit"));
            let bare = text.bytes().last().is_some_and(|byte| byte.is_ascii_digit());
            if unit.is_empty() && bare && !text.contains(' ') {
                return Err(Failed::asked(format!(
                    "{}: expected a unit, found a number without one, {text:?}; mend: choose it beside the number: {}",
                    label(name),
                    shape.units().join(", ")
                )));
            }
            let text = if unit.is_empty() { text.to_owned() } else { format!("{text} {unit}") };
            read(shape, &text).map(Some)
        }
        _ => read(shape, text).map(Some),
    }
}

/// Values as they would be typed: the other way round.
pub(crate) fn written(form: &Form, values: &Map<String, Value>) -> Vec<(String, String)> {
    let mut all = Vec::new();
    for field in &form.fields {
        if let Some(value) = values.get(&field.name) {
            write(&field.name, &field.shape, value, &mut all);
        }
    }
    all
}

fn write(name: &str, shape: &Shape, value: &Value, all: &mut Vec<(String, String)>) {
    match (shape, value) {
        (Shape::Part(parts), Value::Object(fields)) => {
            for (field, of) in parts {
                if let Some(value) = fields.get(field) {
                    write(&format!("{name}.{field}"), of, value, all);
                }
            }
        }
        (Shape::List(item), Value::Array(list)) if matches!(**item, Shape::Part(_)) => {
            for (place, value) in list.iter().enumerate() {
                write(&format!("{name}.{place}"), item, value, all);
            }
        }
        (Shape::List(_), Value::Array(list)) => {
            let lines: Vec<String> = list.iter().map(super::shown_value).collect();
            all.push((name.to_owned(), lines.join("\n")));
        }
        (
            Shape::Activity | Shape::ActivityPerArea | Shape::Length | Shape::Mass | Shape::AbsorbedDose,
            Value::String(text),
        ) => {
            let (number, unit) = text.split_once(' ').unwrap_or((text, ""));
            all.push((name.to_owned(), number.to_owned()));
            all.push((format!("{name}.unit"), unit.to_owned()));
        }
        (Shape::Time | Shape::When, Value::String(text)) => {
            let clock = text.strip_suffix('Z').map(|time| (time.to_owned(), "+00:00".to_owned()));
            let zoned = text.len().checked_sub(6).and_then(|place| {
                let (time, offset) = text.split_at_checked(place)?;
                (time.contains('T') && offset.starts_with(['+', '-']))
                    .then(|| (time.to_owned(), offset.to_owned()))
            });
            let (time, offset) = clock.or(zoned).unwrap_or_else(|| (text.clone(), String::new()));
            all.push((name.to_owned(), time));
            all.push((format!("{name}.offset"), offset));
        }
        (Shape::Named(kept, inner), Value::Object(fields)) => match fields.get(kept) {
            Some(value) => write(name, inner, value, all),
            None => all.push((name.to_owned(), value.to_string())),
        },
        (Shape::Json, value) => all.push((name.to_owned(), value.to_string())),
        (_, Value::Null) => {}
        (_, value) => all.push((name.to_owned(), super::shown_value(value))),
    }
}
