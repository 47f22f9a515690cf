//! Rows of a site's tables to events, by a mapping; or, in a dry run, what they would be.

use std::collections::BTreeMap;

use posology_trial::event::{Fact, Kind, Origin};
use serde::Serialize;
use serde_json::{Map, Value, json};

use super::fact::{fill_what_follows, judge};
use super::plan::{Called, Plan, Slots};
use super::source::{Sources, of_table};
use super::value::Bad;
use super::{Mapping, Table};
use crate::dataset::Row;
use crate::intake::sense::{LaboratoryUnits, sha256};
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
        if !plan.takes(row) {
            return Ok(Told::Aside("left out by where"));
        }
        if !slots.is_told(row) {
            return Ok(Told::Aside("no value in the columns of this fact"));
        }
        let refuse = |column: &str, [expected, found, mend]: Bad| {
            let problem = Problem::in_file(&plan.file, expected, found, mend);
            Box::new(problem.at_row(row.number(), row.line()).in_column(column))
        };
        let subject =
            slots.text_of("subject", row, &self.called).map_err(|(column, bad)| refuse(&column, bad))?;
        let subject_column = || slots.column_of("subject");
        let is_subject = plan.kind == Kind::Subject;
        if !is_subject && !self.intake.subjects.contains_key(&subject) {
            let mend = "add the subject to the table of subjects, or correct the subject here";
            let problem =
                ["a subject of the table of subjects".to_owned(), quoted(&subject), mend.to_owned()];
            return Err(refuse(&subject_column(), problem));
        }
        let row_key = if is_subject { String::new() } else { plan.key(row, slots.id) };
        let key = if row_key.is_empty() { subject.clone() } else { format!("{subject}/{row_key}") };
        if row_key.is_empty() && !is_subject {
            let columns = plan.key_names.join(" and ");
            let problem = ["a value that tells the subject's rows apart", "none", "fill it in at its source"];
            return Err(refuse(&columns, problem.map(str::to_owned)));
        }
        if let Some(first) = gathered.seen.get(&key) {
            let columns = if is_subject { subject_column() } else { plan.key_names.join(" and ") };
            let problem = [
                "each row once by its key".to_owned(),
                format!("{} already there, in row {first}", quoted(&key)),
                "keep the row that is right, or name in key the columns that tell rows apart".to_owned(),
            ];
            return Err(refuse(&columns, problem));
        }
        gathered.seen.insert(key.clone(), row.number());
        if let Some(called) = plan.called(row) {
            self.called.entry(plan.table.name.clone()).or_default().insert(called, subject);
        }
        let mut values = slots.values(row, &self.called).map_err(|(column, bad)| refuse(&column, bad))?;
        let row_hash = sha256(&canonical(&values));
        if is_subject && self.is_there_otherwise(plan, &key) {
            if self.intake.subjects.get(&key).is_some_and(|there| there.row_hash == row_hash) {
                return Ok(Told::Aside("the same subject as in another table"));
            }
            // Rows that call this subject would be taken for the other.
            if let (Some(called), Some(all)) = (plan.called(row), self.called.get_mut(&plan.table.name)) {
                all.remove(&called);
            }
            return Err(refuse(&subject_column(), self.other_content(&key)));
        }
        fill_what_follows(plan.kind, &row_key, &mut values);
        let mut fact: Fact = serde_json::from_value(json!({ "type": plan.kind.name(), "body": values }))
            .map_err(|error| {
                let expected = format!("a whole {}", plan.kind.word());
                refuse(&plan.table.name, [expected, error.to_string(), "correct it at its source".to_owned()])
            })?;
        let doubts =
            judge(&mut fact, &mut self.units).map_err(|(field, bad)| refuse(&slots.column_of(field), bad))?;
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

    /// Whether a subject is there from elsewhere than this table.
    fn is_there_otherwise(&self, plan: &Plan<'_>, key: &str) -> bool {
        let there = self.intake.subjects.get(key);
        there.is_some_and(|there| there.data_set.as_ref() != Some(&plan.table.name))
    }

    /// What is wrong with a subject who is there from elsewhere with other content.
    fn other_content(&self, key: &str) -> Bad {
        let from = self.intake.subjects.get(key).and_then(|there| there.data_set.as_deref());
        let from = from.unwrap_or("the record, entered by hand");
        [
            "a subject who is not there yet".to_owned(),
            format!("{} already there, from {from}, with other content", quoted(key)),
            "keep one table of subjects, or give the subjects of the other their own ids".to_owned(),
        ]
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
