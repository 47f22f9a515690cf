//! Whether a mapping file makes sense: every name in it is one that exists, every constant one that its field takes.

use std::collections::{BTreeMap, BTreeSet};

use posology_trial::event::Kind;
use posology_trial::form::Shape;
use posology_trial::protocol::nearest;

use super::fact::{Field, fields_of, follows, is_mapped, kinds};
use super::value::fault_of_form;
use super::{DecimalMark, Filling, Mapping, Table, ThousandsMark, Words, Written};
use crate::problem::quoted;

/// Tables at most; each has its fact's fields looked up.
const MOST_TABLES: usize = 500;

/// A path, what was found, what was expected, how to mend it.
type Fault = [String; 4];

/// Everything wrong with a mapping.
pub(super) fn faults(mapping: &Mapping) -> Vec<Fault> {
    let mut faults = Vec::new();
    if mapping.table.is_empty() || mapping.table.len() > MOST_TABLES {
        faults.push(fault(
            "table",
            format!("{} tables", mapping.table.len()),
            format!("1 to {MOST_TABLES}"),
            "add a [[table]] with name, file, fact and fields",
        ));
        return faults;
    }
    of_written("written", &mapping.written, &mapping.written, &mut faults);
    let mut names = BTreeSet::new();
    let mut forms: BTreeMap<Kind, Vec<Field>> = BTreeMap::new();
    for (place, table) in mapping.table.iter().enumerate() {
        let path = format!("table[{place}]");
        of_name(&format!("{path}.name"), &table.name, &mut faults);
        if !names.insert(table.name.as_str()) {
            faults.push(fault(
                &format!("{path}.name"),
                format!("{} a second time", quoted(&table.name)),
                "a name of its own",
                "rename one of the two: rows are remembered by it",
            ));
        }
        of_source(&path, table, &mut faults);
        of_written(&format!("{path}.written"), &table.written, &mapping.written, &mut faults);
        of_conditions(&path, table, &mut faults);
        let Some(kind) = Kind::of(&table.fact).filter(|kind| is_mapped(*kind)) else {
            faults.push(unknown_kind(&path, &table.fact));
            continue;
        };
        let fields = forms.entry(kind).or_insert_with(|| fields_of(kind));
        of_facts(&path, table, kind, fields, &mut faults);
    }
    of_lookups(mapping, &mut faults);
    faults
}

/// Each `of` names a table of subjects that other tables can call them by.
fn of_lookups(mapping: &Mapping, faults: &mut Vec<Fault>) {
    let is_called = |table: &Table| {
        Kind::of(&table.fact) == Some(Kind::Subject)
            && (table.form.is_some() || table.item_group.is_some() || table.key.0.len() == 1)
    };
    let known: Vec<String> =
        mapping.table.iter().filter(|table| is_called(table)).map(|table| table.name.clone()).collect();
    for (place, table) in mapping.table.iter().enumerate() {
        let own =
            table.fields.iter().map(|(name, filling)| (format!("table[{place}].fields.{name}"), filling));
        let of_each = table.each.iter().enumerate().flat_map(|(at, each)| {
            let path = move |name: &String| format!("table[{place}].each[{at}].fields.{name}");
            each.fields.iter().map(move |(name, filling)| (path(name), filling))
        });
        for (path, filling) in own.chain(of_each) {
            let Some(of) = filling.of.as_ref().filter(|of| !known.contains(of)) else { continue };
            let mend = match nearest(of, &known) {
                Some(near) => format!("write {near}, if that was meant"),
                None => "name a table with fact = \"subject\" and one column as key".to_owned(),
            };
            faults.push(fault(
                &format!("{path}.of"),
                quoted(of),
                "a table of subjects with one column as key",
                mend,
            ));
        }
    }
}

fn fault(
    path: &str,
    found: impl Into<String>,
    expected: impl Into<String>,
    mend: impl Into<String>,
) -> Fault {
    [path.to_owned(), found.into(), expected.into(), mend.into()]
}

fn unknown_kind(path: &str, word: &str) -> Fault {
    let known: Vec<String> = kinds().map(|kind| kind.word().to_owned()).collect();
    let mend = match (nearest(word, &known), Kind::of(word)) {
        (_, Some(_)) => {
            "record it where it originates: acts and adjudications are no rows of a site".to_owned()
        }
        (Some(near), None) => format!("write {near}, if that was meant"),
        (None, None) => "write one of them".to_owned(),
    };
    fault(&format!("{path}.fact"), quoted(word), format!("one of {}", known.join(", ")), mend)
}

fn of_name(path: &str, name: &str, faults: &mut Vec<Fault>) {
    let lawful = !name.is_empty()
        && name.len() <= 64
        && name
            .bytes()
            .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || matches!(b, b'-' | b'_' | b'.'));
    if !lawful {
        faults.push(fault(
            path,
            quoted(name),
            "1 to 64 small letters, digits, - _ or .",
            "write a name such as site-01-labs",
        ));
    }
}

fn of_source(path: &str, table: &Table, faults: &mut Vec<Fault>) {
    let ending = |endings: &[&str]| {
        let name = table.file.to_ascii_lowercase();
        endings.iter().any(|ending| name.ends_with(ending))
    };
    let mut refuse = |key: &str, found: &str, expected: &str, mend: &str| {
        faults.push(fault(&format!("{path}.{key}"), found, expected, mend));
    };
    if table.file.is_empty() || table.file.matches('*').count() > 1 || table.file.contains(['/', '\\']) {
        let found = quoted(&table.file);
        refuse(
            "file",
            &found,
            "the name of a file without folder, with one * at most",
            "write such as labs-*.xlsx",
        );
    }
    let is_redcap = table.dictionary.is_some() || table.form.is_some();
    if table.sheet.is_some() && !ending(&[".xlsx"]) {
        refuse(
            "sheet",
            "a sheet",
            "none: only a workbook (.xlsx) has sheets",
            "remove the line, or correct file",
        );
    }
    if table.header_row == Some(0) {
        refuse("header-row", "0", "a row from 1", "count from 1, as the program that shows the file does");
    }
    if table.header_row.is_some() && (is_redcap || !ending(&[".xlsx", ".csv", ".csv.gz", ".txt", ".tsv"])) {
        refuse(
            "header-row",
            "a row",
            "none: this format says itself where its names stand",
            "remove the line",
        );
    }
    if is_redcap && !ending(&[".csv", ".csv.gz", ".json", ".json.gz"]) {
        let found = quoted(&table.file);
        refuse(
            "file",
            &found,
            "an export of REDCap: .csv or .json",
            "correct file, or remove dictionary and form",
        );
    }
    if table.dictionary.is_some() && table.form.is_none() {
        refuse("form", "no form", "the form of REDCap whose rows these are", "add form, by its unique name");
    }
    if table.form.is_some() && table.dictionary.is_none() && !ending(&[".json", ".json.gz"]) {
        let mend = "export the dictionary (Project Setup, Data Dictionary) and name its file";
        refuse("dictionary", "no dictionary", "the data dictionary of REDCap", mend);
    }
    let is_odm = table.item_group.is_some();
    if is_odm && (is_redcap || !ending(&[".xml", ".xml.gz"])) {
        let mend = "correct file, or remove item-group";
        refuse("item-group", "an item group", "none: only an ODM-XML file (.xml) has item groups", mend);
    }
    if !is_odm && ending(&[".xml", ".xml.gz"]) {
        let mend = "add item-group, by its OID, such as item-group = \"IG.AE\"";
        refuse("item-group", "no item group", "the item group of ODM whose rows these are", mend);
    }
    if !table.event.0.is_empty() && table.form.is_none() {
        refuse(
            "event",
            "events",
            "none: only a form of REDCap has events",
            "write a [[table.where]] instead",
        );
    }
    if table.key.0.is_empty() && !is_redcap && !is_odm && table.fact != "subject" {
        let mend =
            "name the columns, such as key = [\"Sample ID\"]: by it a row is known in the next delivery";
        refuse("key", "no key", "the columns that tell the rows of a subject apart", mend);
    }
}

fn of_written(path: &str, written: &Written, file: &Written, faults: &mut Vec<Fault>) {
    let decimal = written.decimal.or(file.decimal).unwrap_or(DecimalMark::Point);
    let same = matches!(
        (decimal, written.thousands.or(file.thousands)),
        (DecimalMark::Point, Some(ThousandsMark::Point)) | (DecimalMark::Comma, Some(ThousandsMark::Comma))
    );
    if same {
        faults.push(fault(
            &format!("{path}.thousands"),
            "the decimal mark",
            "another mark than the decimal one",
            "correct decimal or thousands",
        ));
    }
    of_dates(path, &written.date, written.offset.as_deref(), faults);
}

fn of_dates(path: &str, forms: &Words, offset: Option<&str>, faults: &mut Vec<Fault>) {
    for form in &forms.0 {
        if let Some(expected) = fault_of_form(form) {
            faults.push(fault(
                &format!("{path}.date"),
                quoted(form),
                expected,
                "write it such as DD.MM.YYYY",
            ));
        }
    }
    if let Some(offset) = offset {
        let lawful = format!("2019-04-30T08:15{offset}").parse::<posology_trial::when::When>().is_ok()
            && (offset == "Z" || offset.len() == "-06:00".len());
        if !lawful {
            let path = format!("{path}.offset");
            faults.push(fault(
                &path,
                quoted(offset),
                "an offset from UTC such as -06:00, or Z",
                "write it so",
            ));
        }
    }
}

fn of_conditions(path: &str, table: &Table, faults: &mut Vec<Fault>) {
    for (place, condition) in table.conditions.iter().enumerate() {
        let said = usize::from(!condition.is.0.is_empty())
            + usize::from(!condition.is_not.0.is_empty())
            + usize::from(condition.filled.is_some());
        if said != 1 {
            faults.push(fault(
                &format!("{path}.where[{place}]"),
                format!("{said} conditions"),
                "one of is, is-not and filled",
                "write one; further conditions are further [[table.where]]",
            ));
        }
    }
}

fn of_facts(path: &str, table: &Table, kind: Kind, fields: &[Field], faults: &mut Vec<Fault>) {
    for (name, filling) in &table.fields {
        of_filling(&format!("{path}.fields"), name, filling, fields, faults);
    }
    if kind == Kind::Subject && !table.each.is_empty() {
        faults.push(fault(
            &format!("{path}.each"),
            "several facts a row",
            "one subject a row",
            "remove it; what else a row says of the subject is another table",
        ));
    }
    let mut ids = BTreeSet::new();
    for (place, each) in table.each.iter().enumerate() {
        let path = format!("{path}.each[{place}]");
        if each.id.is_empty() || each.id.contains('/') || !ids.insert(each.id.as_str()) {
            faults.push(fault(
                &format!("{path}.id"),
                quoted(&each.id),
                "an id of its own, without /",
                "write one that tells it from the others, such as the test code",
            ));
        }
        let columns =
            each.fields.values().any(|filling| filling.column.is_some() || filling.template.is_some());
        if !columns {
            faults.push(fault(
                &format!("{path}.fields"),
                "no column",
                "a column whose value makes this fact",
                "fill a field from a column: a row in which it has no value makes no fact",
            ));
        }
        for (name, filling) in &each.fields {
            of_filling(&format!("{path}.fields"), name, filling, fields, faults);
        }
    }
    let needed = fields.iter().filter(|field| field.required && !follows(kind, &field.name));
    for field in needed {
        let filled = table.facts().iter().all(|(_, fillings)| fillings.contains_key(field.name.as_str()));
        if !filled {
            faults.push(fault(
                &format!("{path}.fields.{}", field.name),
                format!("nothing that fills {}", field.name),
                format!("what fills it: {}", field.says.trim_end_matches('.')),
                format!("add {} to fields, as a column or a constant", field.name),
            ));
        }
    }
}

fn of_filling(path: &str, name: &str, filling: &Filling, fields: &[Field], faults: &mut Vec<Fault>) {
    let here = format!("{path}.{name}");
    let Some(field) = fields.iter().find(|field| field.name == name) else {
        let known: Vec<String> = fields.iter().map(|field| field.name.clone()).collect();
        let mend = match nearest(name, &known) {
            Some(near) => format!("write {near}, if that was meant"),
            None => "remove it, or write one of them".to_owned(),
        };
        faults.push(fault(&here, format!("the field {name}"), format!("one of {}", known.join(", ")), mend));
        return;
    };
    let ways =
        [&filling.column, &filling.value, &filling.template].iter().filter(|way| way.is_some()).count();
    if ways != 1 {
        let found = format!("{ways} of them");
        faults.push(fault(&here, found, "one of column, value and template", "say what fills the field"));
    }
    of_dates(&here, &filling.date, filling.offset.as_deref(), faults);
    let mut only = |given: bool, key: &str, fits: bool, expected: &str, mend: &str| {
        if given && !fits {
            faults.push(fault(&format!("{here}.{key}"), key, expected, mend));
        }
    };
    let is_date = matches!(field.shape, Shape::When | Shape::Date);
    let is_called = field.name == "subject" && filling.column.is_some() && filling.codes.is_empty();
    only(
        filling.of.is_some(),
        "of",
        is_called,
        "of with a column that fills subject, without codes",
        "remove it",
    );
    let has_unit = !field.shape.units().is_empty();
    let from_column = filling.column.is_some();
    let no_date = "none: the field is no date";
    only(!filling.date.0.is_empty(), "date", is_date, no_date, "remove it");
    only(filling.time.is_some(), "time", is_date, no_date, "remove it");
    only(filling.offset.is_some(), "offset", is_date, no_date, "remove it");
    let mend = "remove it; the unit of a laboratory result fills the field unit";
    only(filling.unit.is_some(), "unit", has_unit, "none: this field has no unit", mend);
    only(filling.unit_column.is_some(), "unit-column", has_unit, "none: this field has no unit", mend);
    only(
        filling.unit_column.is_some() && filling.unit.is_some(),
        "unit",
        false,
        "one of unit and unit-column",
        "remove one of the two",
    );
    let of_column = "none: only a column has codes";
    only(!filling.codes.is_empty(), "codes", from_column, of_column, "remove it, or name a column");
    only(!filling.missing.0.is_empty(), "missing", from_column, of_column, "remove it, or name a column");
    if let Some(value) = &filling.value {
        of_constant(&format!("{here}.value"), field, filling, value, faults);
    }
    for (code, meaning) in &filling.codes {
        of_constant(&format!("{here}.codes.{code}"), field, filling, meaning, faults);
    }
    if let Some(template) = &filling.template
        && super::plan::columns_of(template).is_none()
    {
        let mend = "close each brace: \"01-{record_id}\"";
        faults.push(fault(
            &format!("{here}.template"),
            quoted(template),
            "columns in braces, none nested",
            mend,
        ));
    }
}

/// A constant, or what a code stands for, is one that the field takes.
fn of_constant(path: &str, field: &Field, filling: &Filling, value: &str, faults: &mut Vec<Fault>) {
    if let Err([expected, found, mend]) = field.constant(value, filling.unit.as_deref()) {
        // A unit of another column is known only when its rows are read.
        if filling.unit_column.is_none() {
            faults.push(fault(path, found, expected, mend));
        }
    }
}
