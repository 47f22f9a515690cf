//! What an import took, what it refused, and why.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::problem::Problem;

/// How many problems of one kind a file's report lists; all are counted.
const LISTED: usize = 1_000;

/// The report of one import: every file, in the order it was read.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct ImportReport {
    /// One entry a data set (a SAS transport file may hold several).
    pub files: Vec<FileReport>,
    /// The sum over all files.
    pub total: Counts,
}

impl ImportReport {
    /// Whether nothing at all was taken and nothing was there already.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.total.taken + self.total.corrected + self.total.unchanged == 0
    }

    /// Whether every row of a data set could be read. Only then is a row that is not there gone: one that cannot be
    /// read may be it.
    #[must_use]
    pub fn is_whole(&self, data_set: &str) -> bool {
        self.files.iter().all(|file| file.data_set != data_set || file.counts.refused == 0)
    }
}

/// Rows, by what became of them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Counts {
    /// Rows of data read.
    pub read: u64,
    /// New rows taken.
    pub taken: u64,
    /// Rows that changed since an earlier import: each became a correction.
    pub corrected: u64,
    /// Rows taken by an earlier import, unchanged.
    pub unchanged: u64,
    /// Rows refused.
    pub refused: u64,
    /// Rows that are sound but say nothing the trial records.
    pub set_aside: u64,
    /// Rows of an earlier import that are no longer in the file; nothing is deleted.
    pub vanished: u64,
}

impl std::ops::AddAssign for Counts {
    fn add_assign(&mut self, other: Self) {
        self.read += other.read;
        self.taken += other.taken;
        self.corrected += other.corrected;
        self.unchanged += other.unchanged;
        self.refused += other.refused;
        self.set_aside += other.set_aside;
        self.vanished += other.vanished;
    }
}

/// What became of one data set.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct FileReport {
    /// File as given.
    pub file: String,
    /// Name under which its rows are remembered: the file's name without folder and ending.
    pub data_set: String,
    /// Domain, as its DOMAIN (or RDOMAIN, for supplemental qualifiers) says: `LB`, `SUPPAE`.
    pub domain: Option<String>,
    /// Whether it was taken.
    pub outcome: Outcome,
    /// Its rows.
    #[serde(flatten)]
    pub counts: Counts,
    /// Rows refused.
    pub refusals: Listed<Problem>,
    /// What was taken but deserves a look.
    pub warnings: Listed<Problem>,
    /// Why rows were set aside, and how many.
    pub set_aside_because: BTreeMap<String, u64>,
    /// Supplemental qualifiers that were joined to their records but that no fact reads, and how many.
    pub qualifiers_not_read: BTreeMap<String, u64>,
    /// Keys of the rows that are no longer in the file.
    pub vanished_keys: Listed<String>,
}

impl FileReport {
    pub(crate) fn new(file: &str, data_set: String, domain: Option<String>, outcome: Outcome) -> Self {
        Self {
            file: file.to_owned(),
            data_set,
            domain,
            outcome,
            counts: Counts::default(),
            refusals: Listed::default(),
            warnings: Listed::default(),
            set_aside_because: BTreeMap::new(),
            qualifiers_not_read: BTreeMap::new(),
            vanished_keys: Listed::default(),
        }
    }

    pub(crate) fn refuse(&mut self, problem: Problem) {
        self.counts.refused += 1;
        self.refusals.push(problem);
    }

    pub(crate) fn set_aside(&mut self, reason: &str) {
        self.counts.set_aside += 1;
        *self.set_aside_because.entry(reason.to_owned()).or_default() += 1;
    }

    /// Forgets all that was said of single rows: the file as a whole is refused.
    pub(crate) fn refuse_whole(&mut self, problem: Problem) {
        let read = self.counts.read;
        *self = Self::new(
            &self.file,
            std::mem::take(&mut self.data_set),
            self.domain.take(),
            Outcome::Refused(problem),
        );
        self.counts.read = read;
        self.counts.refused = read;
    }
}

/// Whether a data set was taken.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case", tag = "outcome", content = "reason")]
pub enum Outcome {
    /// Taken, but for the rows refused.
    Taken,
    /// Sound, but not of a kind that import takes.
    NotTaken(String),
    /// Refused whole: nothing of it was taken.
    Refused(Problem),
}

/// The first of many, and how many there are.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Listed<T> {
    /// How many there are.
    pub count: u64,
    /// The first thousand.
    pub first: Vec<T>,
}

impl<T> Default for Listed<T> {
    fn default() -> Self {
        Self { count: 0, first: Vec::new() }
    }
}

impl<T> Listed<T> {
    pub(crate) fn push(&mut self, item: T) {
        self.count += 1;
        if self.first.len() < LISTED {
            self.first.push(item);
        }
    }
}
