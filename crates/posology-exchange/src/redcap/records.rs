//! Records of REDCap, flat or EAV, parted into the tables of their forms.

use std::collections::{HashMap, HashSet};

use super::{Dictionary, Field, FieldKind, checkbox, data_set};
use crate::dataset::Row;
use crate::listing::Listing;
use crate::problem::{Problem, quoted};

/// What was entered for one record, event and instance, whatever form of export told it.
struct Instance {
    record: Option<String>,
    event: Option<String>,
    instrument: Option<String>,
    instance: Option<String>,
    row: u64,
    line: Option<u64>,
    /// Values by column of the flat form.
    values: HashMap<String, String>,
    /// Why none of it is taken, if so.
    problem: Option<Problem>,
}

/// The tables of an export, one a form.
pub(super) fn tables(
    listing: &Listing,
    dictionary: &Dictionary,
    missing: &[String],
) -> Result<Vec<Listing>, Problem> {
    let has = |name: &str| !listing.columns(name).is_empty();
    let is_eav = has("record") && has("field_name") && has("value");
    let instances =
        if is_eav { of_eav(listing, dictionary, missing) } else { of_flat(listing, dictionary, missing)? };
    let forms = dictionary.forms.iter().map(|form| table_of(form, &instances, listing, dictionary, missing));
    forms.collect()
}

fn of_flat(listing: &Listing, dictionary: &Dictionary, missing: &[String]) -> Result<Vec<Instance>, Problem> {
    let names: Vec<&str> = listing.data_set.variables.iter().map(|variable| variable.name.as_str()).collect();
    if let Some(unknown) = dictionary.unknown_column(names.iter().copied(), missing) {
        return Err(dictionary.unknown_field(&listing.file, unknown));
    }
    let mut twice = HashSet::new();
    if let Some(name) = names.iter().find(|name| !twice.insert(**name)) {
        let mend = "remove or rename one of the two columns";
        return Err(Problem::in_file(
            &listing.file,
            "each column once",
            format!("{} twice", quoted(name)),
            mend,
        ));
    }
    if !names.contains(&dictionary.record_id()) {
        let expected = format!("a column {} with the record id", quoted(dictionary.record_id()));
        return Err(Problem::in_file(
            &listing.file,
            expected,
            "none",
            "export the field of the record id too",
        ));
    }
    let mut instances = Vec::new();
    let mut seen: HashMap<[Option<String>; 4], u64> = HashMap::new();
    for row in &listing.rows {
        let row = match row {
            Ok(row) => row,
            Err(problem) => {
                instances.push(Instance::unreadable(problem));
                continue;
            }
        };
        let mut values: HashMap<String, String> = HashMap::new();
        for (place, name) in names.iter().enumerate() {
            if let Some(text) = row.cell(place).text() {
                values.insert((*name).to_owned(), text.trim().to_owned());
            }
        }
        let own = |values: &mut HashMap<String, String>, name: &str| values.remove(name);
        let mut instance = Instance {
            record: own(&mut values, dictionary.record_id()),
            event: own(&mut values, "redcap_event_name"),
            instrument: own(&mut values, "redcap_repeat_instrument"),
            instance: own(&mut values, "redcap_repeat_instance"),
            row: row.number(),
            line: row.line(),
            values,
            problem: None,
        };
        instance.judge(listing, dictionary, &mut seen);
        instances.push(instance);
    }
    Ok(instances)
}

fn of_eav(listing: &Listing, dictionary: &Dictionary, missing: &[String]) -> Vec<Instance> {
    let mut instances: Vec<Instance> = Vec::new();
    let mut places: HashMap<[Option<String>; 4], usize> = HashMap::new();
    let states: HashSet<String> = dictionary.forms.iter().map(|form| format!("{form}_complete")).collect();
    for row in &listing.rows {
        let row = match row {
            Ok(row) => row,
            Err(problem) => {
                instances.push(Instance::unreadable(problem));
                continue;
            }
        };
        let text = |name: &str| {
            let place = listing.columns(name).first().copied()?;
            row.cell(place).text().map(|text| text.trim().to_owned())
        };
        let address = || {
            let own = ["record", "redcap_event_name", "redcap_repeat_instrument", "redcap_repeat_instance"];
            own.map(&text)
        };
        let (name, value) = (text("field_name").unwrap_or_default(), text("value"));
        let refuse = |problem: Problem| {
            let [record, event, instrument, instance] = address();
            let problem = Some(problem.at_row(row.number(), row.line()).in_column("field_name"));
            let values = HashMap::new();
            Instance {
                record,
                event,
                instrument,
                instance,
                row: row.number(),
                line: row.line(),
                values,
                problem,
            }
        };
        let field = dictionary.field(&name);
        if field.is_none() && !states.contains(&name) && !name.starts_with("redcap_") {
            instances.push(refuse(dictionary.unknown_field(&listing.file, &name)));
            continue;
        }
        let place = *places.entry(address()).or_insert(instances.len());
        if place == instances.len() {
            let [record, event, instrument, instance] = address();
            let mut new = Instance {
                record,
                event,
                instrument,
                instance,
                row: row.number(),
                line: row.line(),
                values: HashMap::new(),
                problem: None,
            };
            new.judge(listing, dictionary, &mut HashMap::new());
            instances.push(new);
        }
        let (Some(value), true) = (value, name != dictionary.record_id()) else { continue };
        let Some(instance) = instances.get_mut(place) else { continue };
        let is_checkbox = field.is_some_and(|field| matches!(field.kind, FieldKind::Checkbox(_)));
        let (column, value) = match is_checkbox {
            // A code that stands for missing leaves every box unchecked.
            true if missing.contains(&value) => continue,
            true => (checkbox(&name, &value), "1".to_owned()),
            false => (name.clone(), value),
        };
        let is_known = match field.map(|field| &field.kind) {
            Some(FieldKind::Checkbox(codes)) => codes.iter().any(|code| checkbox(&name, code) == column),
            _ => true,
        };
        if !is_known {
            let expected = format!("a code of {name}");
            let mend = "export records and dictionary anew, at one time";
            let problem = Problem::in_file(&listing.file, expected, quoted(&column), mend);
            instance.problem = Some(problem.at_row(row.number(), row.line()).in_column("value"));
        } else if instance.values.insert(column, value).is_some() {
            let mend = "export the records anew: an instance has a field once";
            let problem = Problem::in_file(
                &listing.file,
                "each field of an instance once",
                format!("{} again", quoted(&name)),
                mend,
            );
            instance.problem = Some(problem.at_row(row.number(), row.line()).in_column("field_name"));
        }
    }
    instances
}

impl Instance {
    /// A row that could not be read: of no record, and refused.
    fn unreadable(problem: &Problem) -> Self {
        Self {
            record: None,
            event: None,
            instrument: None,
            instance: None,
            row: problem.place.row.unwrap_or_default(),
            line: problem.place.line,
            values: HashMap::new(),
            problem: Some(problem.clone()),
        }
    }

    /// Refuses an instance without a record, of a form that is not there, or that is there a second time.
    fn judge(
        &mut self,
        listing: &Listing,
        dictionary: &Dictionary,
        seen: &mut HashMap<[Option<String>; 4], u64>,
    ) {
        let here = |column: &str, expected: &str, found: String, mend: &str| {
            Problem::in_file(&listing.file, expected, found, mend)
                .at_row(self.row, self.line)
                .in_column(column)
        };
        let own = |text: &Option<String>| text.clone().unwrap_or_default();
        let address =
            [self.record.clone(), self.event.clone(), self.instrument.clone(), self.instance.clone()];
        let first = seen.insert(address, self.row);
        self.problem = if self.record.is_none() {
            let mend = "export the records anew";
            Some(here(dictionary.record_id(), "a record id", "none".to_owned(), mend))
        } else if self.instrument.as_ref().is_some_and(|form| !dictionary.forms.contains(form)) {
            let mend = "export raw data, not labels, and records and dictionary at one time";
            let found = quoted(&own(&self.instrument));
            Some(here("redcap_repeat_instrument", "a form of the data dictionary", found, mend))
        } else if let Some(first) = first {
            let parts = [&self.record, &self.event, &self.instrument, &self.instance].map(own);
            let parts: Vec<&str> = parts.iter().map(String::as_str).filter(|part| !part.is_empty()).collect();
            let found = format!("{} already there, in row {first}", quoted(&parts.join(" ")));
            let expected = "each instance of a record and event once";
            Some(here("redcap_repeat_instance", expected, found, "keep the row that is right"))
        } else {
            None
        };
    }

    /// Whether anything was entered in a form: a value, a checked box, a state other than incomplete.
    fn has_entries(&self, columns: &[(String, Option<&Field>)], form: &str) -> bool {
        let state = format!("{form}_complete");
        columns.iter().any(|(name, field)| match (self.values.get(name), field) {
            (None, _) => false,
            (Some(text), Some(field)) if matches!(field.kind, FieldKind::Checkbox(_)) => text == "1",
            (Some(_), Some(_)) => true,
            (Some(text), None) => *name == state && text != "0",
        })
    }
}

/// The table of a form: the instances in which it was entered.
fn table_of(
    form: &str,
    instances: &[Instance],
    listing: &Listing,
    dictionary: &Dictionary,
    missing: &[String],
) -> Result<Listing, Problem> {
    let columns = dictionary.columns(form);
    let mut table =
        Listing::new(&listing.file, data_set(form, columns.iter().map(|(name, _)| name.as_str())));
    let mut row = Row::default();
    for instance in instances {
        let is_of_form = match &instance.instrument {
            Some(instrument) if dictionary.forms.contains(instrument) => instrument == form,
            Some(_) => true,
            // Refused before anything of it was read: it may be of any form.
            None if instance.problem.is_some() && instance.values.is_empty() => true,
            None => instance.has_entries(&columns, form),
        };
        if !is_of_form {
            continue;
        }
        let read = match &instance.problem {
            Some(problem) => Err(problem.clone()),
            None => fill(&mut row, form, instance, &columns, &listing.file, missing).map(|()| row.clone()),
        };
        table.push(read)?;
    }
    Ok(table)
}

fn fill(
    row: &mut Row,
    form: &str,
    instance: &Instance,
    columns: &[(String, Option<&Field>)],
    file: &str,
    missing: &[String],
) -> Result<(), Problem> {
    row.clear(instance.row, instance.line);
    let own = [&instance.record, &instance.event, &instance.instance];
    for text in own {
        match text {
            Some(text) => row.push_text(text),
            None => row.push_missing(None),
        }
    }
    for (name, field) in columns.iter().skip(own.len()) {
        let text = instance.values.get(name).map(String::as_str);
        let refuse = |expected: String, mend: &str| {
            let found = quoted(text.unwrap_or_default());
            Err(Problem::in_file(file, expected, found, mend)
                .at_row(instance.row, instance.line)
                .in_column(name))
        };
        let is_state = *name == format!("{form}_complete");
        match (text, field.map(|field| &field.kind)) {
            (None, Some(FieldKind::Checkbox(_))) => row.push_text("0"),
            (None, _) => row.push_missing(None),
            (Some(text), _) if missing.iter().any(|word| word == text) => row.push_text(text),
            (Some(text), Some(FieldKind::Code(codes))) if !codes.iter().any(|code| code == text) => {
                let expected = format!("a code among {}", codes.join(", "));
                return refuse(
                    expected,
                    "export raw data, not labels; or name a code for missing data in missing",
                );
            }
            (Some(text), Some(FieldKind::Checkbox(_))) if !matches!(text, "0" | "1") => {
                return refuse("0 or 1".to_owned(), "export raw data, not labels");
            }
            (Some(text), None) if is_state && !matches!(text, "0" | "1" | "2") => {
                return refuse("0, 1 or 2".to_owned(), "export raw data, not labels");
            }
            (Some(text), Some(FieldKind::Date)) => {
                let iso = text.replacen(' ', "T", 1);
                if iso.parse::<posology_trial::when::When>().is_err() {
                    let mend = "import the export as REDCap wrote it: a spreadsheet program rewrites dates when it saves";
                    return refuse("a date as REDCap exports it, 2019-04-30".to_owned(), mend);
                }
                row.push_text(&iso);
            }
            (Some(text), _) => row.push_text(text),
        }
    }
    Ok(())
}
