//! Rows of a site's tables to events, by a mapping; or, in a dry run, what they would be.

use std::borrow::Cow;
use std::collections::BTreeMap;

use posology_trial::event::{Fact, Kind, Origin};
use posology_trial::protocol::nearest;
use serde::Serialize;
use serde_json::{Map, Value, json};

use super::fact::{Field, fields_of, fill_what_follows, follows, judge};
use super::source::{Sources, of_table};
use super::value::{Bad, Hand, decoded, is_same};
use super::{Condition, Filling, Mapping, Table};
use crate::dataset::{Cell, Row};
use crate::intake::sense::{LaboratoryUnits, plain_number, sha256};
use crate::intake::{
    CORRECTED_BY_HAND, Fate, FileReport, Gathered, ImportOptions, ImportOutcome, ImportReport, Intake,
    KnownRows, Outcome, SourceFile,
};
use crate::listing::Listing;
use crate::problem::{Problem, quoted};

/// Reads the files that a mapping names and says what they add to a record, as [`crate::sdtm::import`] does.
///
/// Tables of subjects are read first: a row speaks of a subject who is there, or it is refused. A row that makes
/// several facts counts once for each. Nothing of a table that cannot be read whole is taken.
///
/// ```
/// use posology_exchange::intake::{ImportOptions, KnownRows, SourceFile};
/// use posology_exchange::mapping::{Mapping, import};
/// let mapping = Mapping::read(r#"
///     written = { delimiter = ";", decimal = ",", date = "DD.MM.YYYY" }
///     [[table]]
///     name = "patients"
///     file = "patients.csv"
///     fact = "subject"
///     fields.subject = "Pat.-Nr."
///     [[table]]
///     name = "weights"
///     file = "patients.csv"
///     fact = "vital-sign"
///     key = "Datum"
///     fields = { subject = "Pat.-Nr.", test = { value = "WEIGHT" }, result = "Gewicht", unit = { value = "kg" }, at = "Datum" }
/// "#)?;
/// let file = "Pat.-Nr.;Datum;Gewicht\nP-1;3.7.2019;71,5\n";
/// let files = [SourceFile { name: "patients.csv".to_owned(), open: Box::new(move || Ok(Box::new(file.as_bytes()))) }];
/// let outcome = import(&mapping, &files, &KnownRows::default(), &ImportOptions::default());
/// assert_eq!(outcome.report.total.taken, 2);
/// assert_eq!(outcome.events[1].origin.key, "P-1/3.7.2019");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[must_use]
pub fn import(
    mapping: &Mapping,
    files: &[SourceFile],
    known: &KnownRows,
    options: &ImportOptions,
) -> ImportOutcome {
    run(mapping, files, known, options, 0).0
}

/// What an import would do, as data; nothing is recorded by it.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct DryRun {
    /// The first rows of each table, as facts or as why they are none.
    pub tables: Vec<DryTable>,
    /// Every table's counts, refusals and warnings, as an import reports them.
    pub report: ImportReport,
    /// Rows that the record holds and the files no longer do.
    pub gone: Vec<Origin>,
}

/// The first rows of a table.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct DryTable {
    /// Name of the table in the mapping.
    pub table: String,
    /// File that it read.
    pub file: String,
    /// Kind of fact.
    pub fact: String,
    /// Columns that this table reads nothing from.
    pub columns_not_read: Vec<String>,
    /// Its first rows.
    pub rows: Vec<DryRow>,
}

/// A row, and what it would be.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct DryRow {
    /// Row of the table, from 1.
    pub row: u64,
    /// Line of the file, where it has lines.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub line: Option<u64>,
    /// Which of several facts of the row.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub each: Option<String>,
    /// What would become of it.
    pub fate: Fate,
    /// The fact that it is, as it would be recorded.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fact: Option<Fact>,
    /// Why it is none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub because: Option<String>,
}

/// What an import would do: the first `rows` of each table as facts, and every refusal.
#[must_use]
pub fn dry_run(
    mapping: &Mapping,
    files: &[SourceFile],
    known: &KnownRows,
    options: &ImportOptions,
    rows: usize,
) -> DryRun {
    let (outcome, tables) = run(mapping, files, known, options, rows);
    let gone = outcome.gone.into_iter().map(|gone| gone.origin).collect();
    DryRun { tables, report: outcome.report, gone }
}

fn run(
    mapping: &Mapping,
    files: &[SourceFile],
    known: &KnownRows,
    options: &ImportOptions,
    shown: usize,
) -> (ImportOutcome, Vec<DryTable>) {
    let mut sources = Sources::new(mapping, files, &options.read);
    let mut importer = Importer {
        mapping,
        intake: Intake::new(known, options),
        units: LaboratoryUnits::default(),
        called: Called::new(),
        shown,
        tables: Vec::new(),
    };
    let is_of_subjects = |table: &&Table| Kind::of(&table.fact) == Some(Kind::Subject);
    let (first, then): (Vec<&Table>, Vec<&Table>) = mapping.table.iter().partition(is_of_subjects);
    for table in first.into_iter().chain(then) {
        importer.take(table, &mut sources);
    }
    (importer.intake.finish(sources.left_over()), importer.tables)
}

struct Importer<'a> {
    mapping: &'a Mapping,
    intake: Intake<'a>,
    units: LaboratoryUnits,
    called: Called,
    /// How many rows of a table are shown.
    shown: usize,
    tables: Vec<DryTable>,
}

/// Subjects by the table that lists them and what other tables call them.
type Called = BTreeMap<String, BTreeMap<String, String>>;

impl<'a> Importer<'a> {
    fn take(&mut self, table: &'a Table, sources: &mut Sources<'a>) {
        let file = sources.file_of(table);
        let mut report = FileReport::new(&file, table.name.clone(), None, Outcome::Taken);
        let read = sources.listing(table).and_then(|listings| {
            let listing = of_table(&listings, table, &file)?;
            let plan = Plan::of(self.mapping, table, listing)?;
            if plan.kind != Kind::Subject && self.intake.subjects.is_empty() {
                return Err(Problem::in_file(
                    &file,
                    "subjects to know the rows by",
                    "none that could be taken",
                    "add a table with fact = \"subject\" to the mapping, or mend the one it has",
                ));
            }
            Ok(self.take_rows(&plan, listing, &mut report))
        });
        match read {
            Ok(gathered) => self.intake.accept(gathered, report),
            Err(problem) => {
                report.refuse_whole(problem);
                self.intake.file(report);
            }
        }
    }

    fn take_rows(&mut self, plan: &Plan<'a>, listing: &Listing, report: &mut FileReport) -> Gathered {
        let mut gathered = Gathered::default();
        let mut shown = Vec::new();
        for warning in &listing.warnings {
            report.warnings.push(warning.clone());
        }
        for row in &listing.rows {
            let row = match row {
                Ok(row) if plan.is_of_other_event(row) => continue,
                Ok(row) => row,
                Err(problem) => {
                    report.counts.read += 1;
                    self.show(&mut shown, None, || DryRow {
                        row: problem.place.row.unwrap_or_default(),
                        line: problem.place.line,
                        each: None,
                        fate: Fate::Refused,
                        fact: None,
                        because: Some(problem.to_string()),
                    });
                    report.refuse(problem.clone());
                    continue;
                }
            };
            for slots in &plan.facts {
                report.counts.read += 1;
                let told = self.take_fact(plan, slots, row, &mut gathered, report);
                let fate = match &told {
                    Ok(Told::Fact(fate, _)) => *fate,
                    Ok(Told::Aside(reason)) => {
                        report.set_aside(reason);
                        Fate::SetAside
                    }
                    Err(problem) => {
                        report.refuse(problem.as_ref().clone());
                        Fate::Refused
                    }
                };
                match fate {
                    Fate::Taken => report.counts.taken += 1,
                    Fate::Corrected => report.counts.corrected += 1,
                    Fate::Unchanged => report.counts.unchanged += 1,
                    Fate::SetAside | Fate::Refused => {}
                }
                self.show(&mut shown, Some(row), || {
                    let (fact, because) = match told {
                        Ok(Told::Fact(_, fact)) => (Some(*fact), None),
                        Ok(Told::Aside(reason)) => (None, Some(reason.to_owned())),
                        Err(problem) => (None, Some(problem.to_string())),
                    };
                    let each = slots.id.map(str::to_owned);
                    DryRow { row: row.number(), line: row.line(), each, fate, fact, because }
                });
            }
        }
        if self.shown > 0 {
            let rows = shown;
            let columns_not_read = plan.columns_not_read(listing);
            let (table, fact) = (plan.table.name.clone(), plan.kind.word().to_owned());
            self.tables.push(DryTable { table, file: plan.file.clone(), fact, columns_not_read, rows });
        }
        gathered
    }

    /// Keeps what became of a row, while fewer rows than are asked for are kept.
    fn show(&self, shown: &mut Vec<DryRow>, row: Option<&Row>, told: impl FnOnce() -> DryRow) {
        let rows = shown.chunk_by(|a, b| a.row == b.row).count();
        let is_of_last = row.is_some_and(|row| shown.last().is_some_and(|last| last.row == row.number()));
        if rows < self.shown || (is_of_last && rows == self.shown) {
            shown.push(told());
        }
    }

    fn take_fact(
        &mut self,
        plan: &Plan<'a>,
        slots: &Slots<'a>,
        row: &Row,
        gathered: &mut Gathered,
        report: &mut FileReport,
    ) -> Result<Told, Box<Problem>> {
        if !plan.conditions.iter().all(|(column, condition)| plan.holds(*column, condition, row)) {
            return Ok(Told::Aside("left out by where"));
        }
        if slots.id.is_some() && !slots.all.iter().any(|slot| slot.is_own && slot.has_value(row)) {
            return Ok(Told::Aside("no value in the columns of this fact"));
        }
        let refuse = |column: &str, [expected, found, mend]: Bad| {
            let problem = Problem::in_file(&plan.file, expected, found, mend);
            Box::new(problem.at_row(row.number(), row.line()).in_column(column))
        };
        let subject =
            slots.text_of("subject", row, &self.called).map_err(|(column, bad)| refuse(&column, bad))?;
        let subject_column = slots.column_of("subject");
        let is_subject = plan.kind == Kind::Subject;
        if !is_subject && !self.intake.subjects.contains_key(&subject) {
            let mend = "add the subject to the table of subjects, or correct the subject here";
            let problem =
                ["a subject of the table of subjects".to_owned(), quoted(&subject), mend.to_owned()];
            return Err(refuse(&subject_column, problem));
        }
        let row_key = if is_subject { String::new() } else { plan.key(row, slots.id) };
        let key = if row_key.is_empty() { subject.clone() } else { format!("{subject}/{row_key}") };
        if row_key.is_empty() && !is_subject {
            let columns = plan.key_names.join(" and ");
            let problem = ["a value that tells the subject's rows apart", "none", "fill it in at its source"];
            return Err(refuse(&columns, problem.map(str::to_owned)));
        }
        if let Some(first) = gathered.seen.get(&key) {
            let columns = if is_subject { subject_column } else { plan.key_names.join(" and ") };
            let problem = [
                "each row once by its key".to_owned(),
                format!("{} already there, in row {first}", quoted(&key)),
                "keep the row that is right, or name in key the columns that tell rows apart".to_owned(),
            ];
            return Err(refuse(&columns, problem));
        }
        gathered.seen.insert(key.clone(), row.number());
        let mut values = slots.values(row, &self.called).map_err(|(column, bad)| refuse(&column, bad))?;
        let row_hash = sha256(&canonical(&values));
        if is_subject && self.is_there_otherwise(plan, &key, &row_hash, &refuse, &subject_column)? {
            return Ok(Told::Aside("the same subject as in another table"));
        }
        fill_what_follows(plan.kind, &row_key, &mut values);
        let mut fact: Fact = serde_json::from_value(json!({ "type": plan.kind.name(), "body": values }))
            .map_err(|error| {
                let expected = format!("a whole {}", plan.kind.word());
                refuse(&plan.table.name, [expected, error.to_string(), "correct it at its source".to_owned()])
            })?;
        let doubts =
            judge(&mut fact, &mut self.units).map_err(|(field, bad)| refuse(&slots.column_of(field), bad))?;
        if is_subject && let Some(called) = plan.called(row) {
            self.called.entry(plan.table.name.clone()).or_default().insert(called, subject);
        }
        let known = self.intake.known.row(&plan.table.name, &key);
        if known.is_some_and(|known| known.row_hash == row_hash) {
            return Ok(Told::Fact(Fate::Unchanged, Box::new(fact)));
        }
        let about_dates =
            self.intake.doubts_about_date(&fact).into_iter().map(|doubt| (plan.date_field(), doubt));
        let by_hand = known.is_some_and(|known| known.corrected_by_hand);
        let by_hand = by_hand.then(|| ("subject", CORRECTED_BY_HAND.map(str::to_owned)));
        for (field, doubt) in doubts.into_iter().chain(about_dates).chain(by_hand) {
            report.warnings.push(*refuse(&slots.column_of(field), doubt));
        }
        let origin = Origin { data_set: plan.table.name.clone(), key, row_hash };
        let event = self.intake.known.event_of(origin, &plan.file, row.number(), fact.clone());
        Ok(Told::Fact(gathered.take(event), Box::new(fact)))
    }

    /// Whether a subject is there from elsewhere with the same content; with other content the row is refused.
    fn is_there_otherwise(
        &self,
        plan: &Plan<'_>,
        key: &str,
        row_hash: &str,
        refuse: &impl Fn(&str, Bad) -> Box<Problem>,
        column: &str,
    ) -> Result<bool, Box<Problem>> {
        let there = self.intake.subjects.get(key);
        let Some(there) = there.filter(|there| there.data_set.as_ref() != Some(&plan.table.name)) else {
            return Ok(false);
        };
        if there.row_hash == row_hash {
            return Ok(true);
        }
        let from = there.data_set.as_deref().unwrap_or("the record, entered by hand");
        let problem = [
            "a subject who is not there yet".to_owned(),
            format!("{} already there, from {from}, with other content", quoted(key)),
            "keep one table of subjects, or give the subjects of the other their own ids".to_owned(),
        ];
        Err(refuse(column, problem))
    }
}

/// What a row came to.
enum Told {
    Fact(Fate, Box<Fact>),
    Aside(&'static str),
}

/// The text of which the hash of a row is made: what its fields say, in the order of their names.
fn canonical(values: &Map<String, Value>) -> String {
    let sorted: BTreeMap<&String, &Value> = values.iter().collect();
    sorted.iter().fold(String::new(), |mut text, (name, value)| {
        text.push_str(name);
        text.push('=');
        match value.as_str() {
            Some(value) => text.push_str(value),
            None => text.push_str(&value.to_string()),
        }
        text.push('\u{1f}');
        text
    })
}

/// A table of the mapping with the places of its columns in the file.
struct Plan<'m> {
    table: &'m Table,
    file: String,
    kind: Kind,
    facts: Vec<Slots<'m>>,
    conditions: Vec<(usize, &'m Condition)>,
    key: Vec<usize>,
    key_names: Vec<String>,
    /// Column of REDCap's events, and those that are read; all where there are none.
    event: Option<usize>,
    /// How values are written where no filling says otherwise.
    hand: Hand<'m>,
}

/// What fills the fields of one fact of a row.
struct Slots<'m> {
    id: Option<&'m str>,
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
            return Err(Problem::in_file(file, expected, format!("{}", quoted_all(&columns)), mend));
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
    fn of(mapping: &'m Mapping, table: &'m Table, listing: &Listing) -> Result<Self, Problem> {
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
            if table.key.0.is_empty() && table.form.is_some() && kind != Kind::Subject {
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

    fn is_of_other_event(&self, row: &Row) -> bool {
        self.event.is_some_and(|column| {
            !row.cell(column).text().is_some_and(|event| self.table.event.0.iter().any(|word| word == event))
        })
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
    fn key(&self, row: &Row, id: Option<&str>) -> String {
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
    fn called(&self, row: &Row) -> Option<String> {
        let column = match (self.key.as_slice(), &self.table.form) {
            ([column], _) => *column,
            ([], Some(_)) => 0,
            _ => return None,
        };
        self.hand.text(row.cell(column)).map(str::to_owned)
    }

    /// The field that dates its facts.
    fn date_field(&self) -> &'static str {
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

    fn columns_not_read(&self, listing: &Listing) -> Vec<String> {
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

    /// The column that fills a field, or the field where it is a constant: where a problem is shown.
    fn column_of(&self, field: &str) -> String {
        self.slot(field).map_or_else(|| field.to_owned(), Slot::place)
    }

    /// A field that must be there, as text.
    fn text_of(&self, field: &str, row: &Row, called: &Called) -> Result<String, (String, Bad)> {
        let none = || {
            let expected = format!("a value for {field}");
            (self.column_of(field), [expected, "none".to_owned(), "fill it in at its source".to_owned()])
        };
        let slot = self.slot(field).ok_or_else(none)?;
        let value = slot.value(row, called).map_err(|bad| (slot.place(), bad))?.ok_or_else(none)?;
        value.as_str().map(str::to_owned).ok_or_else(none)
    }

    fn values(&self, row: &Row, called: &Called) -> Result<Map<String, Value>, (String, Bad)> {
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
