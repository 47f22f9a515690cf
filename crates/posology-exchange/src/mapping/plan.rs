//! A table of the mapping held against a file: where its columns stand, and what a row says in each of its fields.

use std::borrow::Cow;
use std::collections::BTreeMap;

use posology_trial::event::Kind;
use posology_trial::protocol::nearest;
use serde_json::{Map, Value};

use super::fact::{Field, fields_of, follows};
use super::value::{Bad, Hand, decoded, is_same};
use super::{Condition, Filling, Mapping, Table};
use crate::dataset::{Cell, Row};
use crate::intake::sense::plain_number;
use crate::listing::Listing;
use crate::odm;
use crate::problem::{Problem, quoted};

/// Subjects by the table that lists them and what other tables call them.
pub(super) type Called = BTreeMap<String, BTreeMap<String, String>>;

/// A table of the mapping with the places of its columns in the file.
pub(super) struct Plan<'m> {
    pub(super) table: &'m Table,
    pub(super) file: String,
    pub(super) kind: Kind,
    pub(super) facts: Vec<Slots<'m>>,
    conditions: Vec<(usize, &'m Condition)>,
    key: Vec<usize>,
    pub(super) key_names: Vec<String>,
    /// Column of REDCap's events, and those that are read; all where there are none.
    event: Option<usize>,
    /// How values are written where no filling says otherwise.
    hand: Hand<'m>,
}

/// What fills the fields of one fact of a row.
pub(super) struct Slots<'m> {
    pub(super) id: Option<&'m str>,
    all: Vec<Slot<'m>>,
}

struct Slot<'m> {
    field: Field,
    filling: &'m Filling,
    hand: Hand<'m>,
    column: Option<usize>,
    time: Option<usize>,
    unit: Option<usize>,
    template: Vec<Piece<usize>>,
    is_needed: bool,
    /// Whether it is of this fact alone, among several of a row.
    is_own: bool,
}

/// A piece of a template: a text, or a column.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Piece<C> {
    Text(String),
    Column(C),
}

/// The pieces of a template; `None` where a brace is not closed, or nothing is in it.
pub(super) fn columns_of(template: &str) -> Option<Vec<Piece<String>>> {
    let mut pieces = Vec::new();
    let mut rest = template;
    while let Some((before, after)) = rest.split_once('{') {
        let (column, behind) = after.split_once('}')?;
        if column.is_empty() || column.contains('{') || before.contains('}') {
            return None;
        }
        if !before.is_empty() {
            pieces.push(Piece::Text(before.to_owned()));
        }
        pieces.push(Piece::Column(column.to_owned()));
        rest = behind;
    }
    if rest.contains('}') || pieces.is_empty() {
        return None;
    }
    if !rest.is_empty() {
        pieces.push(Piece::Text(rest.to_owned()));
    }
    Some(pieces)
}

/// Finds columns by name, and remembers those that are not there.
struct Finder<'l> {
    listing: &'l Listing,
    absent: Vec<String>,
    doubled: Vec<String>,
}

impl Finder<'_> {
    fn find(&mut self, name: &str) -> usize {
        match self.listing.columns(name).as_slice() {
            [place] => *place,
            [] => {
                self.absent.push(name.to_owned());
                0
            }
            [place, ..] => {
                self.doubled.push(name.to_owned());
                *place
            }
        }
    }

    fn verdict(mut self, file: &str) -> Result<(), Problem> {
        for names in [&mut self.absent, &mut self.doubled] {
            names.sort();
            names.dedup();
        }
        let quoted_all =
            |names: &[String]| names.iter().map(|name| quoted(name)).collect::<Vec<_>>().join(", ");
        if !self.absent.is_empty() {
            let known: Vec<String> =
                self.listing.data_set.variables.iter().map(|variable| variable.name.clone()).collect();
            let near: Vec<String> = self
                .absent
                .iter()
                .filter_map(|name| Some(format!("{} for {}", quoted(nearest(name, &known)?), quoted(name))))
                .collect();
            let mend = if near.is_empty() {
                "correct the names in the mapping (fields, key, where); header-row says where names stand"
                    .to_owned()
            } else {
                format!("write {} in the mapping, if that was meant", near.join(", "))
            };
            let columns: Vec<String> = known.into_iter().take(40).collect();
            let expected = format!("the columns {}", quoted_all(&self.absent));
            return Err(Problem::in_file(file, expected, quoted_all(&columns), mend));
        }
        if !self.doubled.is_empty() {
            let found = format!("{} more than once", quoted_all(&self.doubled));
            return Err(Problem::in_file(
                file,
                "each column that is read once",
                found,
                "rename one of the columns",
            ));
        }
        Ok(())
    }
}

impl<'m> Plan<'m> {
    pub(super) fn of(mapping: &'m Mapping, table: &'m Table, listing: &Listing) -> Result<Self, Problem> {
        let kind = Kind::of(&table.fact).unwrap_or(Kind::Subject);
        let fields = fields_of(kind);
        let mut finder = Finder { listing, absent: Vec::new(), doubled: Vec::new() };
        let mut facts = Vec::new();
        for (id, fillings) in table.facts() {
            let mut all = Vec::new();
            for (name, filling) in fillings {
                let Some(field) = fields.iter().find(|field| field.name == name) else { continue };
                let mut place = |name: &Option<String>| name.as_deref().map(|name| finder.find(name));
                let (column, time, unit) =
                    (place(&filling.column), place(&filling.time), place(&filling.unit_column));
                let pieces = filling.template.as_deref().and_then(columns_of).unwrap_or_default();
                let template = pieces.into_iter().map(|piece| match piece {
                    Piece::Text(text) => Piece::Text(text),
                    Piece::Column(name) => Piece::Column(finder.find(&name)),
                });
                let template = template.collect();
                let is_own =
                    id.is_some() && !table.fields.get(name).is_some_and(|own| std::ptr::eq(own, filling));
                all.push(Slot {
                    hand: Hand::of(&mapping.written, &table.written, Some(filling)),
                    is_needed: field.required && !follows(kind, name),
                    field: field.clone(),
                    filling,
                    column,
                    time,
                    unit,
                    template,
                    is_own,
                });
            }
            facts.push(Slots { id, all });
        }
        let conditions =
            table.conditions.iter().map(|condition| (finder.find(&condition.column), condition)).collect();
        let named = |name: &str| !listing.columns(name).is_empty();
        let key_names: Vec<String> =
            if table.key.0.is_empty() && table.item_group.is_some() && kind != Kind::Subject {
                // Which subject, site or item group it is stands elsewhere.
                odm::KEYS.iter().skip(2).map(|name| (*name).to_owned()).collect()
            } else if table.key.0.is_empty() && table.form.is_some() && kind != Kind::Subject {
                let own = ["redcap_event_name", "redcap_repeat_instance"];
                own.into_iter().filter(|name| named(name)).map(str::to_owned).collect()
            } else {
                table.key.0.clone()
            };
        let key = key_names.iter().map(|name| finder.find(name)).collect();
        let event = (!table.event.0.is_empty()).then(|| finder.find("redcap_event_name"));
        finder.verdict(&listing.file)?;
        let hand = Hand::of(&mapping.written, &table.written, None);
        Ok(Self { table, file: listing.file.clone(), kind, facts, conditions, key, key_names, event, hand })
    }

    pub(super) fn is_of_other_event(&self, row: &Row) -> bool {
        self.event.is_some_and(|column| {
            !row.cell(column).text().is_some_and(|event| self.table.event.0.iter().any(|word| word == event))
        })
    }

    /// Whether a row meets all conditions.
    pub(super) fn takes(&self, row: &Row) -> bool {
        self.conditions.iter().all(|(column, condition)| self.holds(*column, condition, row))
    }

    fn holds(&self, column: usize, condition: &Condition, row: &Row) -> bool {
        let text = self.hand.text(row.cell(column));
        let is_among =
            |words: &[String]| text.is_some_and(|text| words.iter().any(|word| is_same(word, text)));
        match condition.filled {
            Some(filled) => text.is_some() == filled,
            None if condition.is_not.0.is_empty() => is_among(&condition.is.0),
            None => !is_among(&condition.is_not.0),
        }
    }

    /// What tells the row from others of its subject, and the fact from others of its row.
    pub(super) fn key(&self, row: &Row, id: Option<&str>) -> String {
        let parts = self.key.iter().filter_map(|column| match row.cell(*column) {
            Cell::Number(number) => Some(plain_number(number)),
            cell => self.hand.text(cell).map(str::to_owned),
        });
        let row_key: Vec<String> = parts.collect();
        // An id alone tells the facts of a row apart but not the rows.
        if row_key.is_empty() && !self.key.is_empty() {
            return String::new();
        }
        row_key.into_iter().chain(id.map(str::to_owned)).collect::<Vec<_>>().join("/")
    }

    /// What other tables call the subject of a row, where the table says so.
    pub(super) fn called(&self, row: &Row) -> Option<String> {
        if self.kind != Kind::Subject {
            return None;
        }
        let names_subjects = self.table.form.is_some() || self.table.item_group.is_some();
        let column = match (self.key.as_slice(), names_subjects) {
            ([column], _) => *column,
            ([], true) => 0,
            _ => return None,
        };
        self.hand.text(row.cell(column)).map(str::to_owned)
    }

    /// The field that dates its facts.
    pub(super) fn date_field(&self) -> &'static str {
        match self.kind {
            Kind::Laboratory
            | Kind::VitalSign
            | Kind::ResponseAssessment
            | Kind::Support
            | Kind::Disposition
            | Kind::Death
            | Kind::LesionAssessment => "at",
            Kind::FractionOmitted | Kind::DltJudgement | Kind::OrganAbsorbedDose => "date",
            Kind::Prescription => "planned",
            _ => "start",
        }
    }

    pub(super) fn columns_not_read(&self, listing: &Listing) -> Vec<String> {
        let slots = self.facts.iter().flat_map(|slots| &slots.all);
        let mut read: Vec<usize> = slots
            .flat_map(|slot| {
                let of_template = slot.template.iter().filter_map(|piece| match piece {
                    Piece::Column(column) => Some(*column),
                    Piece::Text(_) => None,
                });
                of_template.chain(slot.column).chain(slot.time).chain(slot.unit).collect::<Vec<_>>()
            })
            .collect();
        read.extend(self.key.iter().chain(self.event.iter()));
        read.extend(self.conditions.iter().map(|(column, _)| *column));
        let variables = listing.data_set.variables.iter().enumerate();
        variables
            .filter(|(place, _)| !read.contains(place))
            .map(|(_, variable)| variable.name.clone())
            .collect()
    }
}

impl<'m> Slots<'m> {
    fn slot(&self, field: &str) -> Option<&Slot<'m>> {
        self.all.iter().find(|slot| slot.field.name == field)
    }

    /// Whether a fact of several in a row has a value of its own there.
    pub(super) fn is_told(&self, row: &Row) -> bool {
        self.id.is_none() || self.all.iter().any(|slot| slot.is_own && slot.has_value(row))
    }

    /// The column that fills a field, or the field where it is a constant: where a problem is shown.
    pub(super) fn column_of(&self, field: &str) -> String {
        self.slot(field).map_or_else(|| field.to_owned(), Slot::place)
    }

    /// A field that must be there, as text.
    pub(super) fn text_of(&self, field: &str, row: &Row, called: &Called) -> Result<String, (String, Bad)> {
        let none = || {
            let expected = format!("a value for {field}");
            (self.column_of(field), [expected, "none".to_owned(), "fill it in at its source".to_owned()])
        };
        let slot = self.slot(field).ok_or_else(none)?;
        let value = slot.value(row, called).map_err(|bad| (slot.place(), bad))?.ok_or_else(none)?;
        value.as_str().map(str::to_owned).ok_or_else(none)
    }

    pub(super) fn values(&self, row: &Row, called: &Called) -> Result<Map<String, Value>, (String, Bad)> {
        let mut values = Map::new();
        for slot in &self.all {
            match slot.value(row, called).map_err(|bad| (slot.place(), bad))? {
                Some(value) => slot.field.put(value, &mut values),
                None if slot.is_needed => {
                    let expected = format!("a value for {}", slot.field.name);
                    let mend = "fill it in at its source, or leave such rows out by where";
                    return Err((slot.place(), [expected, "none".to_owned(), mend.to_owned()]));
                }
                None => {}
            }
        }
        Ok(values)
    }
}

impl Slot<'_> {
    /// Where a problem of its value is shown: its columns, or the field where it is a constant.
    fn place(&self) -> String {
        let of_template = self.filling.template.as_deref().and_then(columns_of).unwrap_or_default();
        let columns = of_template.into_iter().filter_map(|piece| match piece {
            Piece::Column(column) => Some(column),
            Piece::Text(_) => None,
        });
        let columns: Vec<String> = columns.chain(self.filling.column.clone()).collect();
        if columns.is_empty() { self.field.name.clone() } else { columns.join(" and ") }
    }

    /// Whether its column (or all of its template's) has a value; a constant never has.
    fn has_value(&self, row: &Row) -> bool {
        match self.column {
            Some(column) => self.hand.text(row.cell(column)).is_some(),
            None => !self.template.is_empty() && self.filled_template(row).is_some(),
        }
    }

    fn filled_template(&self, row: &Row) -> Option<String> {
        self.template.iter().try_fold(String::new(), |text, piece| match piece {
            Piece::Text(piece) => Some(text + piece),
            Piece::Column(column) => Some(text + self.hand.text(row.cell(*column))?),
        })
    }

    fn value(&self, row: &Row, called: &Called) -> Result<Option<Value>, Bad> {
        if let Some(constant) = &self.filling.value {
            return self.field.constant(constant, self.filling.unit.as_deref()).map(Some);
        }
        if !self.template.is_empty() {
            let Some(text) = self.filled_template(row) else { return Ok(None) };
            return self.field.constant(&text, self.filling.unit.as_deref()).map(Some);
        }
        let Some(column) = self.column else { return Ok(None) };
        let cell = row.cell(column);
        let Some(text) = self.hand.text(cell) else { return Ok(None) };
        if let Some(table) = &self.filling.of {
            let subject = called.get(table).and_then(|called| called.get(text));
            return subject.map(|subject| Some(Value::from(subject.as_str()))).ok_or_else(|| {
                let mend = "add the subject to that table, or correct it here; a subject refused there is not known here";
                [format!("a subject of the table {table}"), quoted(text), mend.to_owned()]
            });
        }
        let unit = match self.unit {
            None => self.filling.unit.as_deref(),
            Some(column) => self.hand.text(row.cell(column)),
        };
        if let Some(meaning) = decoded(self.filling, text)? {
            return self.field.constant(meaning, unit).map(Some);
        }
        // A number that the file holds as a number has no marks of its own to declare.
        let time = self.time.and_then(|column| self.hand.text(row.cell(column)));
        let hand = match cell {
            Cell::Number(_) => Cow::Owned(self.hand.with_point()),
            _ => Cow::Borrowed(&self.hand),
        };
        self.field.written(&hand, text, unit, time).map(Some)
    }
}
