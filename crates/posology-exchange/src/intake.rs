//! What an import adds to a record: each row known by its data set, its key and its hash.
//!
//! Shared by all that makes events of other people's rows ([`crate::sdtm`], [`crate::mapping`]). The same row is
//! skipped, a changed one becomes a correction, one that vanished is reported and never deleted. Start at
//! [`KnownRows::of`] for what a record holds and at [`ImportOutcome`] for what comes out.

mod report;
pub(crate) mod sense;

use std::collections::HashMap;
use std::io::{self, Read};

use jiff::Timestamp;
use posology_trial::event::{Chain, Correction, Event, Fact, Origin};
use posology_trial::when::When;

use crate::dataset::ReadOptions;
pub use report::{Counts, FileReport, ImportReport, Listed, Outcome};

/// A file to import: its name, and a way to read it from the beginning (import reads it more than once).
pub struct SourceFile {
    /// Name, with the ending that tells its format.
    pub name: String,
    /// Opens the file.
    pub open: Opener,
}

/// Opens a file from its beginning.
pub type Opener = Box<dyn Fn() -> io::Result<Box<dyn Read>>>;

/// How to import.
#[derive(Debug, Clone, Copy, Default)]
pub struct ImportOptions {
    /// How files are read.
    pub read: ReadOptions,
    /// Clinical cut-off the data claim to respect; a fact after it is taken with a warning.
    pub cut_off: Option<Timestamp>,
}

/// A fact that is new to the record, with the row it came from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewEvent {
    /// The row.
    pub origin: Origin,
    /// The event it corrects, if the row was known and has changed.
    pub corrects: Option<Correction>,
    /// The fact.
    pub fact: Fact,
}

impl NewEvent {
    /// The event, recorded at an instant by whoever imports.
    #[must_use]
    pub fn recorded(self, recorded_at: Timestamp, recorded_by: &str) -> Event {
        let Self { origin, corrects, fact } = self;
        Event { origin: Some(origin), corrects, ..Event::new(recorded_at, recorded_by, fact) }
    }
}

/// What an import found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImportOutcome {
    /// The events to append, in order.
    pub events: Vec<NewEvent>,
    /// What was taken, refused and why.
    pub report: ImportReport,
    /// Rows that the record holds and the files read no longer do.
    pub gone: Vec<GoneRow>,
}

/// A row that is there no longer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GoneRow {
    /// Where it stood and what it said.
    pub origin: Origin,
    /// Hash of the event that stands for it.
    pub event: String,
}

/// The rows and subjects that the record already holds.
#[derive(Debug, Clone, Default)]
pub struct KnownRows {
    rows: HashMap<String, HashMap<String, KnownRow>>,
    subjects: HashMap<String, KnownSubject>,
    deaths: HashMap<String, When>,
}

#[derive(Debug, Clone)]
pub(crate) struct KnownRow {
    pub(crate) row_hash: String,
    /// The event that now stands for the row.
    pub(crate) event: String,
    /// Whether that event was recorded by a person, not by an import.
    pub(crate) corrected_by_hand: bool,
}

/// Where a subject's demographics came from; nowhere if they were recorded by hand.
#[derive(Debug, Clone, Default)]
pub(crate) struct KnownSubject {
    pub(crate) data_set: Option<String>,
    pub(crate) row_hash: String,
}

impl KnownRows {
    /// What a record holds.
    #[must_use]
    pub fn of(chain: &Chain) -> Self {
        let mut known = Self::default();
        for entry in chain.entries() {
            let origin = entry.event.origin.as_ref();
            if let Fact::Retracted(_) = &entry.event.fact {
                // A row that was gone and is there again is new.
                if let Some(origin) = origin
                    && let Some(rows) = known.rows.get_mut(&origin.data_set)
                {
                    rows.remove(&origin.key);
                }
                continue;
            }
            if let Some(origin) = origin {
                let row = KnownRow {
                    row_hash: origin.row_hash.clone(),
                    event: entry.hash.clone(),
                    corrected_by_hand: false,
                };
                known.rows.entry(origin.data_set.clone()).or_default().insert(origin.key.clone(), row);
            }
            if let Fact::Subject(subject) = &entry.event.fact {
                let from = KnownSubject {
                    data_set: origin.map(|origin| origin.data_set.clone()),
                    row_hash: origin.map(|origin| origin.row_hash.clone()).unwrap_or_default(),
                };
                known.subjects.insert(subject.subject.clone(), from);
                match &subject.death {
                    Some(death) => known.deaths.insert(subject.subject.clone(), death.clone()),
                    None => known.deaths.remove(&subject.subject),
                };
            }
            if let (None, Some(correction)) = (origin, &entry.event.corrects) {
                let corrected = known.rows.values_mut().flat_map(HashMap::values_mut);
                if let Some(row) = corrected.into_iter().find(|row| row.event == correction.hash) {
                    row.event.clone_from(&entry.hash);
                    row.corrected_by_hand = true;
                }
            }
        }
        known
    }

    pub(crate) fn row(&self, data_set: &str, key: &str) -> Option<&KnownRow> {
        self.rows.get(data_set)?.get(key)
    }

    /// The event of a row: new, or a correction of the event that stands for the row.
    pub(crate) fn event_of(&self, origin: Origin, file: &str, row: u64, fact: Fact) -> NewEvent {
        let corrects = self.row(&origin.data_set, &origin.key).map(|known| Correction {
            hash: known.event.clone(),
            reason: format!("{file} row {row} changed since it was imported"),
        });
        NewEvent { origin, corrects, fact }
    }
}

/// What became of a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Fate {
    /// New, and taken.
    Taken,
    /// Known, changed and taken as a correction.
    Corrected,
    /// Known and unchanged.
    Unchanged,
    /// Sound, but it says nothing the trial records.
    SetAside,
    /// Refused.
    Refused,
}

/// What one data set adds, kept apart until it is known to be whole.
#[derive(Default)]
pub(crate) struct Gathered {
    pub(crate) events: Vec<NewEvent>,
    /// Row numbers by key.
    pub(crate) seen: HashMap<String, u64>,
    pub(crate) subjects: Vec<(String, KnownSubject)>,
    pub(crate) deaths: Vec<(String, When)>,
}

impl Gathered {
    /// Takes the fact of a row that is new or has changed.
    pub(crate) fn take(&mut self, event: NewEvent) -> Fate {
        if let Fact::Subject(subject) = &event.fact {
            let Origin { data_set, row_hash, .. } = &event.origin;
            let from = KnownSubject { data_set: Some(data_set.clone()), row_hash: row_hash.clone() };
            self.subjects.push((subject.subject.clone(), from));
            if let Some(death) = &subject.death {
                self.deaths.push((subject.subject.clone(), death.clone()));
            }
        }
        let fate = if event.corrects.is_some() { Fate::Corrected } else { Fate::Taken };
        self.events.push(event);
        fate
    }
}

/// Something in a fact that deserves a look though it is taken: what was expected, what was found, how to mend it.
pub(crate) type Doubt = [String; 3];

/// What is said of a row that was corrected by hand and now says something else.
pub(crate) const CORRECTED_BY_HAND: [&str; 3] = [
    "a row unchanged since it was corrected by hand",
    "other content",
    "the file's content now stands; correct it again if it should not",
];

/// An import under way: what the record held, and what has been read so far.
pub(crate) struct Intake<'a> {
    pub(crate) known: &'a KnownRows,
    pub(crate) options: &'a ImportOptions,
    pub(crate) subjects: HashMap<String, KnownSubject>,
    deaths: HashMap<String, When>,
    events: Vec<NewEvent>,
    reports: Vec<FileReport>,
    gone: Vec<GoneRow>,
}

impl<'a> Intake<'a> {
    pub(crate) fn new(known: &'a KnownRows, options: &'a ImportOptions) -> Self {
        Self {
            known,
            options,
            subjects: known.subjects.clone(),
            deaths: known.deaths.clone(),
            events: Vec::new(),
            reports: Vec::new(),
            gone: Vec::new(),
        }
    }

    /// Doubts about a fact's date: after the subject's death, or after the cut-off.
    pub(crate) fn doubts_about_date(&self, fact: &Fact) -> Vec<Doubt> {
        let mut doubts = Vec::new();
        if matches!(fact, Fact::Subject(_)) {
            return doubts;
        }
        let (Some(subject), Some(at)) = (fact.subject(), fact.clinical_time()) else { return doubts };
        if let Some(death) = self.deaths.get(subject)
            && at.earliest_date() > death.latest_date()
        {
            doubts.push([
                format!("nothing after the death on {death}"),
                at.to_string(),
                "taken; correct the date or the death at its source".to_owned(),
            ]);
        }
        if let Some(cut_off) = self.options.cut_off
            && !at.is_by(cut_off)
        {
            doubts.push([
                format!("nothing after the cut-off {cut_off}"),
                at.to_string(),
                "taken; the cut leaves it out of every result".to_owned(),
            ]);
        }
        doubts
    }

    /// Names in the report the rows of a data set that are no longer there.
    pub(crate) fn report_vanished(
        &mut self,
        data_set: &str,
        is_there: impl Fn(&str) -> bool,
        report: &mut FileReport,
    ) {
        let Some(rows) = self.known.rows.get(data_set) else { return };
        let mut vanished: Vec<(&String, &KnownRow)> = rows.iter().filter(|(key, _)| !is_there(key)).collect();
        vanished.sort_by_key(|(key, _)| *key);
        for (key, row) in vanished {
            report.counts.vanished += 1;
            report.vanished_keys.push(key.clone());
            let (data_set, row_hash) = (data_set.to_owned(), row.row_hash.clone());
            let origin = Origin { data_set, key: key.clone(), row_hash };
            self.gone.push(GoneRow { origin, event: row.event.clone() });
        }
    }

    /// A data set is whole: what it adds is taken and its report closed.
    pub(crate) fn accept(&mut self, mut gathered: Gathered, mut report: FileReport) {
        let data_set = report.data_set.clone();
        self.report_vanished(&data_set, |key| gathered.seen.contains_key(key), &mut report);
        self.reports.push(report);
        self.events.append(&mut gathered.events);
        self.subjects.extend(gathered.subjects);
        self.deaths.extend(gathered.deaths);
    }

    /// Takes an event apart from any data set's own: that of a supplemental qualifier.
    pub(crate) fn take(&mut self, event: NewEvent) {
        self.events.push(event);
    }

    /// Files the report of a data set of which nothing more is taken.
    pub(crate) fn file(&mut self, report: FileReport) {
        self.reports.push(report);
    }

    /// The import is over; `others` are reports of files that never came so far.
    pub(crate) fn finish(self, others: Vec<FileReport>) -> ImportOutcome {
        let mut report = ImportReport::default();
        for file in self.reports.into_iter().chain(others) {
            report.total += file.counts;
            report.files.push(file);
        }
        ImportOutcome { events: self.events, report, gone: self.gone }
    }
}
