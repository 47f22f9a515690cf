//! SDTM data sets to the events of a trial, row by row, with a report of what was refused and why.
//!
//! Start at [`import`]. A data set's domain is what its DOMAIN (or RDOMAIN) says, not what its file is called;
//! demographics are read first, for a row speaks of a subject who is there or it is refused. A row is remembered
//! by its data set, its key and the hash of its canonical text: the same row is skipped, a changed one becomes a
//! correction, one that vanished is reported and never deleted. Units and dates are never guessed. Left out: lesions
//! (TU, TR), and every domain not listed in [`DOMAINS`].

mod facts;
mod organ;
mod record;

use std::collections::{BTreeMap, HashMap, HashSet};
use std::io::Read;

use jiff::Timestamp;
use posology_trial::event::{Assay, AssayBy, DltJudgement, Fact, Judge, NewTherapy, Origin, Residual};
use posology_trial::when::When;

use crate::dataset::{ReadOptions, Reader, Row, stem};
use crate::intake::sense::{plain_number, speaks_of_activity};
use crate::intake::{CORRECTED_BY_HAND, Fate, Gathered, Intake};
pub use crate::intake::{
    Counts, FileReport, GoneRow, ImportOptions, ImportOutcome, ImportReport, KnownRows, Listed, NewEvent,
    Opener, Outcome, SourceFile,
};
use crate::limits::problem_of_io;
use crate::problem::{Problem, Unreadable, quoted};
use facts::{Context, Mapped, RESPONSE_QUALIFIERS, fact_of};
use record::{Columns, Qualifier, Record};

/// The domains that import takes, in the order it reads them; each with its supplemental qualifiers.
///
/// Demographics come first, and planned fractions (EC) before those given (EX). The last is no SDTM domain: absorbed doses of
/// organs, in a file of the name `organ-doses`.
pub const DOMAINS: [&str; 16] =
    ["DM", "EC", "EX", "AE", "FA", "LB", "VS", "RS", "DS", "DD", "DV", "MH", "SV", "CM", "PR", organ::DOMAIN];

/// Supplemental qualifiers of EX: an activity before use, an activity left, each numbered from the second on.
pub(crate) const ASSAY: &str = "ASSAY";
/// An activity left.
pub(crate) const RESIDUAL: &str = "RESIDUA";

/// Supplemental qualifier of any record with a time of day: the offset of its clock from UTC.
pub(crate) const OFFSET: &str = "TZOFFSET";

/// Reads SDTM data sets and says what they add to a record.
///
/// Nothing of a file that turns out not to be whole is taken. The record itself is not touched: append
/// [`ImportOutcome::events`] in one transaction.
///
/// ```
/// use posology_exchange::sdtm::{ImportOptions, KnownRows, SourceFile, import};
/// let file = |name: &str, text: &'static str| SourceFile {
///     name: name.to_owned(),
///     open: Box::new(move || Ok(Box::new(text.as_bytes()))),
/// };
/// let files = [
///     file("dm.csv", "DOMAIN,USUBJID,SEX\nDM,01-001,F\n"),
///     file("ae.csv", "DOMAIN,USUBJID,AESEQ,AETERM,AETOXGR\nAE,01-001,1,Anaemia,3\nAE,01-999,1,Anaemia,3\n"),
/// ];
/// let outcome = import(&files, &KnownRows::default(), &ImportOptions::default());
/// assert_eq!(outcome.events.len(), 2);
/// assert_eq!(
///     outcome.report.files[1].refusals.first[0].to_string(),
///     "ae.csv row 2 (line 3), column USUBJID: expected a subject of the demographics (DM), found \"01-999\"; \
///      mend: add the subject to DM, or correct the subject here"
/// );
/// ```
#[must_use]
pub fn import(files: &[SourceFile], known: &KnownRows, options: &ImportOptions) -> ImportOutcome {
    let mut reports = Vec::new();
    let mut units = Vec::new();
    for file in files {
        survey(file, &options.read, &mut units, &mut reports);
    }
    units.sort_by(|a, b| (a.rank(), &a.data_set, &a.file.name).cmp(&(b.rank(), &b.data_set, &b.file.name)));
    let units = first_of_each_data_set(units, &mut reports);

    let context = Context::new(units.iter().any(|unit| unit.domain == "EX" && !unit.supplemental));
    let mut importer =
        Importer { intake: Intake::new(known, options), refused_subjects: HashMap::new(), context };
    let (supplements, parents): (Vec<Unit<'_>>, Vec<Unit<'_>>) =
        units.into_iter().partition(|unit| unit.supplemental);
    let mut orphans: Vec<bool> = vec![true; supplements.len()];
    for parent in &parents {
        let mut joined = None;
        for (supplement, orphan) in supplements.iter().zip(&mut orphans) {
            if joined.is_none() && *orphan && supplement.belongs_to(parent, &parents) {
                *orphan = false;
                joined = Some(Supplements::read(supplement, options));
            }
        }
        importer.take(parent, joined);
    }
    for (supplement, _) in supplements.iter().zip(orphans).filter(|(_, orphan)| *orphan) {
        importer.intake.file(supplement.refused(
            &format!("a data set of domain {} for these qualifiers", supplement.domain),
            "none, or several of which none has the name that belongs to it",
            "import both together; qualifiers of ae.csv are in suppae.csv",
        ));
    }
    importer.intake.finish(reports)
}

/// One data set of one file, before its rows are read.
struct Unit<'a> {
    file: &'a SourceFile,
    /// Which data set of the file, from 0.
    index: usize,
    data_set: String,
    domain: String,
    supplemental: bool,
}

impl Unit<'_> {
    fn rank(&self) -> usize {
        DOMAINS.iter().position(|domain| *domain == self.domain).unwrap_or(DOMAINS.len())
    }

    /// A row of this data set, before anything is joined to it.
    fn record<'r>(&'r self, row: &'r Row, columns: &'r Columns) -> Record<'r> {
        Record {
            file: &self.file.name,
            domain: &self.domain,
            row,
            columns,
            qualifiers: Vec::new(),
            fraction: None,
            warnings: Vec::new(),
        }
    }

    fn domain_name(&self) -> String {
        if self.supplemental { format!("SUPP{}", self.domain) } else { self.domain.clone() }
    }

    fn report(&self) -> FileReport {
        FileReport::new(&self.file.name, self.data_set.clone(), Some(self.domain_name()), Outcome::Taken)
    }

    fn refused(&self, expected: &str, found: &str, mend: &str) -> FileReport {
        let mut report = self.report();
        report.refuse_whole(Problem::in_file(&self.file.name, expected, found, mend));
        report
    }

    /// Whether these qualifiers belong to `parent`: by name, or because no other data set is of their domain.
    fn belongs_to(&self, parent: &Unit<'_>, parents: &[Unit<'_>]) -> bool {
        let own_name = self.data_set.strip_prefix("supp").unwrap_or_default();
        let candidates = || parents.iter().filter(|other| other.domain == self.domain);
        parent.domain == self.domain
            && if candidates().any(|other| other.data_set == own_name) {
                parent.data_set == own_name
            } else {
                candidates().count() == 1
            }
    }
}

/// Finds the data sets of a file and their domains, from the first row of each.
fn survey<'a>(
    file: &'a SourceFile,
    options: &ReadOptions,
    units: &mut Vec<Unit<'a>>,
    reports: &mut Vec<FileReport>,
) {
    let Some(stem) = stem(&file.name) else {
        let reason = "its name ends in none of .csv, .csv.gz, .xpt, .json, .ndjson, .dsjc, .xlsx".to_owned();
        reports.push(FileReport::new(&file.name, file.name.clone(), None, Outcome::NotTaken(reason)));
        return;
    };
    let refused = |problem| FileReport::new(&file.name, stem.clone(), None, Outcome::Refused(problem));
    let mut reader = match open(file, options) {
        Ok(reader) => reader,
        Err(problem) => return reports.push(refused(problem)),
    };
    for index in 0.. {
        let data_set = match index {
            0 => stem.clone(),
            _ => format!("{stem}/{}", reader.data_set().name.to_lowercase()),
        };
        let columns = Columns::of(reader.data_set());
        let not_taken = |reason: &str| {
            FileReport::new(&file.name, data_set.clone(), None, Outcome::NotTaken(reason.to_owned()))
        };
        if organ::is_named(&stem) && !columns.has("DOMAIN") {
            units.push(Unit { file, index, data_set, domain: organ::DOMAIN.to_owned(), supplemental: false });
            return;
        }
        match first_domain(&mut reader, &columns) {
            Ok(Some((domain, supplemental))) => {
                units.push(Unit { file, index, data_set, domain, supplemental });
            }
            Ok(None) if columns.has("DOMAIN") || columns.has("RDOMAIN") => {
                reports.push(not_taken("it has no row that states its domain"));
            }
            Ok(None) => reports.push(not_taken("it has no variable DOMAIN: not an SDTM domain")),
            Err(problem) => return reports.push(refused(problem)),
        }
        match reader.next_data_set() {
            Ok(true) => {}
            Ok(false) => return,
            Err(problem) => return reports.push(refused(problem)),
        }
    }
}

type BoxedReader = Reader<Box<dyn Read>>;

fn open(file: &SourceFile, options: &ReadOptions) -> Result<BoxedReader, Problem> {
    let source = (file.open)().map_err(|error| problem_of_io(&file.name, &error))?;
    Reader::open(&file.name, source, options)
}

fn first_domain(reader: &mut BoxedReader, columns: &Columns) -> Result<Option<(String, bool)>, Problem> {
    let supplemental = columns.has("RDOMAIN") && columns.has("QNAM");
    if !supplemental && !columns.has("DOMAIN") {
        return Ok(None);
    }
    let mut row = Row::default();
    loop {
        match reader.next_row(&mut row) {
            Ok(true) => {
                let name = if supplemental { "RDOMAIN" } else { "DOMAIN" };
                if let Some(domain) = columns.text(&row, name) {
                    return Ok(Some((domain.to_owned(), supplemental)));
                }
            }
            Ok(false) => return Ok(None),
            Err(Unreadable::Row(_)) => {}
            Err(Unreadable::File(problem)) => return Err(problem),
        }
    }
}

/// Of several files with the data set of one name (`ae.json` and `ae.xpt`) only the first is read.
fn first_of_each_data_set<'a>(units: Vec<Unit<'a>>, reports: &mut Vec<FileReport>) -> Vec<Unit<'a>> {
    let mut kept: Vec<Unit<'a>> = Vec::with_capacity(units.len());
    let mut by_name: BTreeMap<String, String> = BTreeMap::new();
    for unit in units {
        match by_name.get(&unit.data_set) {
            Some(first) => reports.push(unit.refused(
                "each data set in one file",
                &format!("the data set {} also in {first}, which was read", unit.data_set),
                "import one of the two",
            )),
            None => {
                by_name.insert(unit.data_set.clone(), unit.file.name.clone());
                kept.push(unit);
            }
        }
    }
    kept
}

/// Gives each row of a data set, or why it cannot be read; ends with the reader's warnings.
fn each_row(
    unit: &Unit<'_>,
    options: &ImportOptions,
    mut each: impl FnMut(Result<&Row, Problem>, &Columns),
) -> Result<Vec<Problem>, Problem> {
    let mut reader = open(unit.file, &options.read)?;
    for _ in 0..unit.index {
        reader.next_data_set()?;
    }
    let columns = Columns::of(reader.data_set());
    let mut row = Row::default();
    loop {
        match reader.next_row(&mut row) {
            Ok(true) => each(Ok(&row), &columns),
            Ok(false) => return Ok(reader.take_warnings()),
            Err(Unreadable::Row(problem)) => each(Err(problem), &columns),
            Err(Unreadable::File(problem)) => return Err(problem),
        }
    }
}

struct Importer<'a> {
    intake: Intake<'a>,
    /// Subjects refused in a second demographics, by the suffix of its name (`peds` of `dm_peds`).
    refused_subjects: HashMap<String, HashSet<String>>,
    context: Context,
}

/// What one data set adds, and what its rows must know of each other.
#[derive(Default)]
struct Taking {
    gathered: Gathered,
    refused_subjects: HashSet<String>,
    fractions: HashMap<String, u32>,
}

impl Importer<'_> {
    fn take(&mut self, unit: &Unit<'_>, supplements: Option<Supplements>) {
        let mut report = unit.report();
        if unit.rank() == DOMAINS.len() {
            let reason = format!("the domain {} is none that import takes", quoted(&unit.domain));
            report.outcome = Outcome::NotTaken(reason);
            self.read_through(unit, report);
            return self.without_parent(supplements);
        }
        if unit.domain != "DM" && self.intake.subjects.is_empty() {
            self.intake.file(unit.refused(
                "demographics (DM) to know the subjects by",
                "none that could be taken",
                "import the data set DM with the others",
            ));
            return self.without_parent(supplements);
        }
        let mut taking = Taking::default();
        if unit.domain == "EC" {
            taking.fractions = self.fractions(unit);
        }
        let mut supplements = supplements;
        let read = each_row(unit, self.intake.options, |row, columns| {
            report.counts.read += 1;
            let fate = match row {
                Ok(row) => {
                    let mut record = unit.record(row, columns);
                    let joined = supplements.as_ref().map(|known| known.of(&record)).unwrap_or_default();
                    if let Some(supplements) = &supplements {
                        record.qualifiers = supplements.qualifiers(&joined);
                    }
                    let (fate, key) = self.take_row(unit, &mut record, &mut taking, &mut report);
                    for warning in std::mem::take(&mut record.warnings) {
                        report.warnings.push(warning);
                    }
                    // A judgement on an event names it by the key under which the event is recorded.
                    let named = record.qualifier("EVENTKEY").zip(record.text("USUBJID"));
                    let key = named.map_or(key, |(event, subject)| format!("{subject}/{event}"));
                    drop(record);
                    if let Some(supplements) = &mut supplements {
                        supplements.settle(&joined, fate, &key);
                    }
                    fate
                }
                Err(problem) => {
                    report.refuse(problem);
                    Fate::Refused
                }
            };
            match fate {
                Fate::Taken => report.counts.taken += 1,
                Fate::Corrected => report.counts.corrected += 1,
                Fate::Unchanged => report.counts.unchanged += 1,
                Fate::SetAside | Fate::Refused => {}
            }
        });
        match read {
            Err(problem) => {
                report.refuse_whole(problem);
                self.intake.file(report);
                self.without_parent(supplements);
            }
            Ok(warnings) => {
                for warning in warnings {
                    report.warnings.push(warning);
                }
                self.intake.accept(taking.gathered, report);
                if let Some((_, population)) = unit.data_set.split_once('_') {
                    self.refused_subjects
                        .entry(population.to_owned())
                        .or_default()
                        .extend(taking.refused_subjects);
                }
                if let Some(supplements) = supplements {
                    self.finish(supplements);
                }
            }
        }
    }

    fn take_row(
        &mut self,
        unit: &Unit<'_>,
        record: &mut Record<'_>,
        taking: &mut Taking,
        report: &mut FileReport,
    ) -> (Fate, String) {
        let mut refuse = |problem: Problem| {
            report.refuse(problem);
            (Fate::Refused, String::new())
        };
        if unit.domain != organ::DOMAIN && record.text("DOMAIN") != Some(unit.domain.as_str()) {
            let found = record.text("DOMAIN").map_or_else(|| "none".to_owned(), quoted);
            return refuse(record.problem(
                "DOMAIN",
                &quoted(&unit.domain),
                &found,
                "keep each domain in a data set of its own",
            ));
        }
        let key = match self.check_subject(unit, record).and_then(|()| record.key()) {
            Ok(key) => key,
            Err(problem) => return refuse(problem),
        };
        record.fraction = taking.fractions.get(&key).copied();
        if let Some(stated) = record.qualifier("FRACTION").and_then(|text| text.trim().parse().ok()) {
            record.fraction = Some(stated);
        }
        if let Some(first) = taking.gathered.seen.get(&key) {
            return refuse(if unit.domain == "DM" {
                record.problem(
                    "USUBJID",
                    "each subject once",
                    &format!("{} already there, in row {first}", quoted(&key)),
                    "keep the row that is right",
                )
            } else if unit.domain == organ::DOMAIN {
                organ::twice(record, *first)
            } else {
                record.problem(
                    &format!("{}SEQ", unit.domain),
                    "each of a subject's records once",
                    &format!("{} already there, in row {first}", quoted(&key)),
                    "number the subject's records without repetition",
                )
            });
        }
        taking.gathered.seen.insert(key.clone(), record.row.number());
        let row_hash = record.hash();
        if unit.domain == "DM"
            && let Some(there) =
                self.intake.subjects.get(&key).filter(|there| there.data_set.as_ref() != Some(&unit.data_set))
        {
            if there.row_hash == row_hash {
                report.set_aside("the same demographics as in another data set");
                return (Fate::SetAside, key);
            }
            let from = there.data_set.as_deref().unwrap_or("the record, entered by hand");
            let problem = record.problem(
                "USUBJID",
                "a subject who is not there yet",
                &format!("{} already there, from {from}, with other content", quoted(&key)),
                "import another population under its own subject ids, or as its own trial",
            );
            taking.refused_subjects.insert(key);
            return refuse(problem);
        }
        let known = self.intake.known.row(&unit.data_set, &key);
        let unchanged = known.is_some_and(|known| known.row_hash == row_hash);
        // Planned fractions are needed to check those given, known or not.
        if unchanged && unit.domain != "EC" {
            return (Fate::Unchanged, key);
        }
        let fact = match fact_of(record, &mut self.context) {
            Ok(_) if unchanged => return (Fate::Unchanged, key),
            Ok(Mapped::Fact(fact)) => *fact,
            Ok(Mapped::Aside(reason)) => {
                report.set_aside(reason);
                return (Fate::SetAside, key);
            }
            Err(problem) => return refuse(problem),
        };
        for [expected, found, mend] in self.intake.doubts_about_date(&fact) {
            record.warn(&date_column(record), &expected, &found, &mend);
        }
        if known.is_some_and(|known| known.corrected_by_hand) {
            let [expected, found, mend] = CORRECTED_BY_HAND;
            record.warn("USUBJID", expected, found, mend);
        }
        let origin = Origin { data_set: unit.data_set.clone(), key: key.clone(), row_hash };
        let event = self.intake.known.event_of(origin, &unit.file.name, record.row.number(), fact);
        (taking.gathered.take(event), key)
    }

    /// Refuses a row of a subject who is not in the demographics, or whose second demographics were refused.
    fn check_subject(&self, unit: &Unit<'_>, record: &Record<'_>) -> Result<(), Problem> {
        let subject = record.subject()?;
        if unit.domain == "DM" {
            return Ok(());
        }
        let refused = unit.data_set.split_once('_').and_then(|(_, rest)| {
            self.refused_subjects.iter().find(|(population, subjects)| {
                (rest == population.as_str()
                    || rest.strip_suffix(population.as_str()).is_some_and(|head| head.ends_with('_')))
                    && subjects.contains(&subject)
            })
        });
        if let Some((population, _)) = refused {
            return Err(record.problem(
                "USUBJID",
                "a subject taken from its own demographics",
                &format!(
                    "{}, who was refused in dm_{population}: already there with other content",
                    quoted(&subject)
                ),
                "import another population under its own subject ids, or as its own trial",
            ));
        }
        if !self.intake.subjects.contains_key(&subject) {
            return Err(record.problem(
                "USUBJID",
                "a subject of the demographics (DM)",
                &quoted(&subject),
                "add the subject to DM, or correct the subject here",
            ));
        }
        Ok(())
    }

    /// Reads a data set that is not taken, so that a damaged one is still named.
    fn read_through(&mut self, unit: &Unit<'_>, mut report: FileReport) {
        let read = each_row(unit, self.intake.options, |row, _| {
            report.counts.read += 1;
            if let Err(problem) = row {
                report.refuse(problem);
            }
        });
        match read {
            Ok(_) => report.counts.set_aside = report.counts.read - report.counts.refused,
            Err(problem) => report.refuse_whole(problem),
        }
        self.intake.file(report);
    }

    /// The number of each fraction: its place among the subject's records of one treatment, planned or given.
    fn fractions(&mut self, unit: &Unit<'_>) -> HashMap<String, u32> {
        let mut groups: HashMap<String, Vec<(String, String)>> = HashMap::new();
        let read = each_row(unit, self.intake.options, |row, columns| {
            let Ok(row) = row else { return };
            let text = |name| columns.text(row, name);
            if let (Some(treatment), Some(unit)) = (text("ECTRT"), text("ECDOSU"))
                && speaks_of_activity(unit)
            {
                self.context.radioactive.insert(treatment.to_owned());
            }
            let record = unit.record(row, columns);
            if let (Some(subject), Some(start), Ok(key)) = (text("USUBJID"), text("ECSTDTC"), record.key()) {
                let mood = text("ECMOOD").unwrap_or("PERFORMED");
                let group = format!("{subject}\u{1f}{}\u{1f}{mood}", text("ECTRT").unwrap_or_default());
                groups.entry(group).or_default().push((start.to_owned(), key));
            }
        });
        // A file that is not whole is refused when it is read in earnest.
        if read.is_err() {
            return HashMap::new();
        }
        let mut fractions = HashMap::new();
        for mut records in groups.into_values() {
            records.sort();
            for ((_, key), fraction) in records.into_iter().zip(1..) {
                fractions.insert(key, fraction);
            }
        }
        fractions
    }

    fn without_parent(&mut self, supplements: Option<Supplements>) {
        if let Some(Supplements { mut report, .. }) = supplements {
            if report.outcome == Outcome::Taken {
                let file = report.file.clone();
                report.refuse_whole(Problem::in_file(
                    file,
                    "the data set these qualifiers belong to",
                    "that it was not taken",
                    "mend that data set and import both again",
                ));
            }
            self.intake.file(report);
        }
    }

    /// Reports supplemental qualifiers after their parents, and makes events of those that are facts of their own.
    fn finish(&mut self, mut supplements: Supplements) {
        if supplements.report.outcome != Outcome::Taken {
            self.intake.file(supplements.report);
            return;
        }
        let mut report = std::mem::replace(
            &mut supplements.report,
            FileReport::new("", String::new(), None, Outcome::Taken),
        );
        let data_set = report.data_set.clone();
        let mut seen: HashSet<&str> = HashSet::new();
        for supplement in &supplements.rows {
            let problem = |column: &str, expected: &str, found: &str, mend: &str| {
                Problem::in_file(&report.file, expected, found, mend)
                    .at_row(supplement.row, supplement.line)
                    .in_column(column)
            };
            if !seen.insert(&supplement.key) {
                let found = format!("{} again", quoted(&supplement.key));
                let problem =
                    problem("QNAM", "each qualifier of a record once", &found, "keep the row that is right");
                report.refuse(problem);
                continue;
            }
            let fate = match &supplement.joined {
                None => {
                    let found = format!("none for {}", quoted(&supplement.key));
                    let problem = problem(
                        "IDVARVAL",
                        "a record that these qualifiers belong to",
                        &found,
                        "correct IDVAR and IDVARVAL, or add the record",
                    );
                    report.refuse(problem);
                    continue;
                }
                Some((Fate::Refused, _)) => {
                    let problem = problem(
                        "IDVARVAL",
                        "a record that was taken",
                        &format!("that {} was refused", quoted(&supplement.key)),
                        "mend the record",
                    );
                    report.refuse(problem);
                    continue;
                }
                Some((fate, _)) if !supplement.is_own_fact() => *fate,
                Some((_, parent)) => {
                    let known = self.intake.known.row(&data_set, &supplement.key);
                    if known.is_some_and(|known| known.row_hash == supplement.row_hash) {
                        Fate::Unchanged
                    } else {
                        match supplement.own_fact(parent) {
                            Err((column, expected, found)) => {
                                let problem =
                                    problem(column, expected, &found, "correct the qualifier at its source");
                                report.refuse(problem);
                                continue;
                            }
                            Ok(fact) => {
                                let fate = if known.is_some() { Fate::Corrected } else { Fate::Taken };
                                let origin = Origin {
                                    data_set: data_set.clone(),
                                    key: supplement.key.clone(),
                                    row_hash: supplement.row_hash.clone(),
                                };
                                let event =
                                    self.intake.known.event_of(origin, &report.file, supplement.row, fact);
                                self.intake.take(event);
                                fate
                            }
                        }
                    }
                }
            };
            match fate {
                Fate::Taken => report.counts.taken += 1,
                Fate::Corrected => report.counts.corrected += 1,
                Fate::Unchanged => report.counts.unchanged += 1,
                Fate::SetAside | Fate::Refused => report.set_aside("its record was set aside"),
            }
            if !supplement.is_own_fact() && !supplement.is_read() {
                *report.qualifiers_not_read.entry(supplement.name.clone()).or_default() += 1;
            }
        }
        self.intake.report_vanished(&data_set, |key| seen.contains(key), &mut report);
        self.intake.file(report);
    }
}

/// The variable that dates a record.
fn date_column(record: &Record<'_>) -> String {
    if record.domain == organ::DOMAIN {
        return "DATE".to_owned();
    }
    ["STDTC", "DTC"]
        .map(|ending| format!("{}{ending}", record.domain))
        .into_iter()
        .find(|name| record.columns.has(name))
        .unwrap_or_else(|| "USUBJID".to_owned())
}

/// The supplemental qualifiers of one data set, found by the records they belong to.
struct Supplements {
    report: FileReport,
    rows: Vec<Supplement>,
    by_record: HashMap<String, Vec<usize>>,
    /// The variables by which records are found; usually --SEQ alone.
    by_variables: Vec<String>,
}

struct Supplement {
    row: u64,
    line: Option<u64>,
    key: String,
    domain: String,
    subject: String,
    name: String,
    value: String,
    evaluator: Option<String>,
    row_hash: String,
    /// What became of the record it belongs to, and that record's key.
    joined: Option<(Fate, String)>,
}

impl Supplements {
    fn read(unit: &Unit<'_>, options: &ImportOptions) -> Self {
        let mut supplements = Self {
            report: unit.report(),
            rows: Vec::new(),
            by_record: HashMap::new(),
            by_variables: Vec::new(),
        };
        let mut refused = Vec::new();
        let mut read_rows = 0;
        let read = each_row(unit, options, |row, columns| {
            read_rows += 1;
            match row.and_then(|row| Supplement::of(unit, row, columns)) {
                Ok((supplement, variable, record)) => {
                    supplements.by_record.entry(record).or_default().push(supplements.rows.len());
                    if !supplements.by_variables.contains(&variable) {
                        supplements.by_variables.push(variable);
                    }
                    supplements.rows.push(supplement);
                }
                Err(problem) => refused.push(problem),
            }
        });
        supplements.report.counts.read = read_rows;
        match read {
            Ok(_) => refused.into_iter().for_each(|problem| supplements.report.refuse(problem)),
            Err(problem) => {
                supplements.report.refuse_whole(problem);
                supplements.rows.clear();
                supplements.by_record.clear();
                supplements.by_variables.clear();
            }
        }
        supplements
    }

    /// The qualifiers of a record, by their places.
    fn of(&self, record: &Record<'_>) -> Vec<usize> {
        let Some(subject) = record.text("USUBJID") else { return Vec::new() };
        let mut found = Vec::new();
        for variable in &self.by_variables {
            let value = if variable.is_empty() { Some("") } else { record.text(variable) };
            let Some(value) = value else { continue };
            let key = format!("{subject}\u{1f}{variable}\u{1f}{}", plain_number(value));
            found.extend(self.by_record.get(&key).into_iter().flatten().copied());
        }
        found
    }

    /// Those of a record's qualifiers that are part of it; the others are facts of their own.
    fn qualifiers(&self, places: &[usize]) -> Vec<Qualifier<'_>> {
        let rows = places.iter().filter_map(|place| self.rows.get(*place));
        rows.filter(|row| !row.is_own_fact())
            .map(|row| Qualifier { name: &row.name, value: &row.value })
            .collect()
    }

    fn settle(&mut self, places: &[usize], fate: Fate, key: &str) {
        for place in places {
            if let Some(row) = self.rows.get_mut(*place) {
                row.joined = Some((fate, key.to_owned()));
            }
        }
    }
}

impl Supplement {
    /// The qualifier, the variable by which its record is found, and the key of that record.
    fn of(unit: &Unit<'_>, row: &Row, columns: &Columns) -> Result<(Self, String, String), Problem> {
        let record = unit.record(row, columns);
        if record.text("RDOMAIN") != Some(unit.domain.as_str()) {
            let found = record.text("RDOMAIN").map_or_else(|| "none".to_owned(), quoted);
            return Err(record.problem(
                "RDOMAIN",
                &quoted(&unit.domain),
                &found,
                "keep the qualifiers of each domain in a data set of their own",
            ));
        }
        let (subject, name) = (record.subject()?, record.required("QNAM")?);
        let variable = record.text("IDVAR").unwrap_or_default().to_ascii_uppercase();
        let value = plain_number(record.text("IDVARVAL").unwrap_or_default());
        let parent = format!("{subject}\u{1f}{variable}\u{1f}{value}");
        let supplement = Self {
            row: row.number(),
            line: row.line(),
            key: format!("{subject}/{variable}/{value}/{name}"),
            domain: unit.domain.clone(),
            value: record.required("QVAL")?,
            evaluator: record.owned("QEVAL"),
            row_hash: record.hash(),
            joined: None,
            subject,
            name,
        };
        Ok((supplement, variable, parent))
    }

    /// Whether it is a fact of its own rather than part of its record.
    fn is_own_fact(&self) -> bool {
        match (self.domain.as_str(), self.name.as_str()) {
            ("AE", "AEDLT") | ("RS", "NACTDT") => true,
            ("EX", name) => name.starts_with(ASSAY) || name.starts_with(RESIDUAL),
            _ => false,
        }
    }

    /// Whether the fact of its record reads it.
    fn is_read(&self) -> bool {
        let name = self.name.as_str();
        name == OFFSET
            || match self.domain.as_str() {
                "RS" => RESPONSE_QUALIFIERS.contains(&name),
                "EX" => name == "FRACTION",
                "EC" => ["FRACTION", "PRSACT", "PRSBSA"].contains(&name),
                "DS" => ["COHORT", "PROTVER", "REPLACES", "STRATUM"].contains(&name),
                "AE" | "FA" => name == "EVENTKEY",
                "MH" => name == "MHCATALL",
                "CM" => name == "MYELOSUP",
                "DD" => ["DTHREL", "DTHPD"].contains(&name),
                "DV" => name == "DVACTION",
                _ => false,
            }
    }

    /// The fact it is; else the variable at fault, what was expected and what was found.
    fn own_fact(&self, parent: &str) -> Result<Fact, (&'static str, &'static str, String)> {
        if self.domain == "EX" {
            return self.reading();
        }
        if self.name == "NACTDT" {
            let start = self.value.parse::<When>();
            let start =
                start.map_err(|_| ("QVAL", "a date such as 2019-04-30 or 2019-04", quoted(&self.value)))?;
            return Ok(Fact::NewTherapy(NewTherapy {
                subject: self.subject.clone(),
                start,
                name: None,
                myelosuppressive: None,
            }));
        }
        let dose_limiting = match self.value.as_str() {
            "Y" => true,
            "N" => false,
            other => return Err(("QVAL", "Y or N", quoted(other))),
        };
        let by = match self.evaluator.as_deref() {
            None | Some("INVESTIGATOR") => Judge::Investigator,
            Some(evaluator) if evaluator.contains("COMMITTEE") => Judge::Committee,
            Some(other) => {
                return Err((
                    "QEVAL",
                    "INVESTIGATOR, or a committee such as ADJUDICATION COMMITTEE",
                    quoted(other),
                ));
            }
        };
        let event =
            parent.strip_prefix(&self.subject).and_then(|rest| rest.strip_prefix('/')).unwrap_or(parent);
        Ok(Fact::DltJudgement(DltJudgement {
            subject: self.subject.clone(),
            event: Some(event.to_owned()),
            rule: None,
            by,
            dose_limiting,
            date: None,
            reason: None,
        }))
    }

    /// A reading of a fraction's activity: `fraction 1: 51.84 mCi at 2017-09-12T15:10:00Z`.
    fn reading(&self) -> Result<Fact, (&'static str, &'static str, String)> {
        let parts = || {
            let (fraction, rest) = self.value.strip_prefix("fraction ")?.split_once(": ")?;
            let (activity, at) = rest.split_once(" at ")?;
            Some((fraction.parse::<u32>().ok()?, activity.parse().ok()?, at.parse::<Timestamp>().ok()?))
        };
        let Some((fraction, activity, at)) = parts() else {
            return Err((
                "QVAL",
                "a reading such as fraction 1: 51.84 mCi at 2017-09-12T15:10:00Z",
                quoted(&self.value),
            ));
        };
        let subject = self.subject.clone();
        Ok(if self.name.starts_with(RESIDUAL) {
            Fact::Residual(Residual { subject, fraction, activity, at, local_offset: None, instrument: None })
        } else {
            Fact::Assay(Assay {
                subject,
                fraction,
                activity,
                at,
                local_offset: None,
                how: AssayBy::Measured,
                instrument: None,
                setting: None,
                lot: None,
                expires: None,
                determined_by: None,
            })
        })
    }
}
