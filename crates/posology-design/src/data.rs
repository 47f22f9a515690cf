//! Patients by level: all that a design which decides on counts may see.
//!
//! No patient can be told from another here. Patients who are not evaluable are left out by the caller: they
//! were treated, and belong in every safety table, but they decide nothing.

use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::ladder::{LEVELS_MAX, Level};

/// The greatest number of ways in which undecided patients may turn out before [`BadData::TooUndecided`].
pub const COMPLETIONS_MAX: u64 = 10_000;

/// The patients at one level who count in a decision.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct AtLevel {
    /// Evaluable patients with a dose-limiting toxicity.
    pub dlt: u32,
    /// Evaluable patients who completed their window without one.
    pub no_dlt: u32,
    /// Patients with a toxicity that may be dose-limiting and is not adjudicated. Open like the pending, and a
    /// DLT in the worst case; while there is one, no escalation is advised.
    pub possible_dlt: u32,
    /// Patients whose window is open: for each, the share of the window observed so far, 0 to 1.
    pub pending: Vec<f64>,
    /// Of the patients without a DLT, those with the efficacy outcome. Read by designs on toxicity and efficacy.
    pub efficacy_only: u32,
    /// Of the patients with a DLT, those with the efficacy outcome too.
    pub both: u32,
    /// For patients with a DLT on a known day, the share of the window at its onset, 0 to 1. Read by designs
    /// whose weights adapt to when toxicities came.
    pub onset: Vec<f64>,
}

impl AtLevel {
    /// Evaluable patients: those with a DLT and those without.
    pub fn evaluable(&self) -> u32 {
        self.dlt.saturating_add(self.no_dlt)
    }

    /// Patients who may yet turn out either way: pending, or with a possible DLT.
    pub fn undecided(&self) -> u32 {
        let pending = u32::try_from(self.pending.len()).unwrap_or(u32::MAX);
        self.possible_dlt.saturating_add(pending)
    }

    /// Evaluable and undecided patients.
    pub fn patients(&self) -> u32 {
        self.evaluable().saturating_add(self.undecided())
    }
}

/// The patients at every level of a ladder, and the level the trial is at.
///
/// ```
/// use posology_design::{AtLevel, Data, Level};
/// let one_of_four = AtLevel { dlt: 1, no_dlt: 3, ..AtLevel::default() };
/// let data = Data::new(vec![one_of_four, AtLevel::default()], None)?;
/// assert_eq!(data.current(), Level::FIRST);
/// assert_eq!(data.levels(), Data::from_outcomes(2, "1NNT 1N")?.levels());
/// # Ok::<(), posology_design::BadData>(())
/// ```
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Data {
    levels: Vec<AtLevel>,
    current: Level,
    #[serde(skip_serializing_if = "Option::is_none")]
    last: Option<LastCohort>,
}

/// The cohort treated last, where the order of entry is known. Designs that forbid an escalation right after a
/// DLT read it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct LastCohort {
    /// Its evaluable and undecided patients.
    pub patients: u32,
    /// Those with a DLT.
    pub dlts: u32,
    /// Those undecided: pending, or with a possible DLT.
    pub undecided: u32,
}

impl LastCohort {
    /// The last cohort among the patients at the current level, given in order of entry since the trial came
    /// there: `Some(true)` a DLT, `Some(false)` none, `None` undecided. A number that is no multiple of
    /// `cohort_size` ends with a part cohort.
    ///
    /// ```
    /// use posology_design::LastCohort;
    /// let stay = [Some(true), Some(false), Some(false), Some(false), None];
    /// let last = LastCohort::of(&stay, 3).unwrap();
    /// assert_eq!((last.patients, last.dlts, last.undecided), (2, 0, 1));
    /// ```
    pub fn of(outcomes: &[Option<bool>], cohort_size: u32) -> Option<Self> {
        let size = usize::try_from(cohort_size.max(1)).unwrap_or(usize::MAX);
        let part = outcomes.len() % size;
        let taken = if part == 0 { size } else { part };
        let cohort = &outcomes[outcomes.len().saturating_sub(taken)..];
        let count = |of: Option<bool>| cohort.iter().filter(|outcome| **outcome == of).count() as u32;
        (!cohort.is_empty()).then(|| Self {
            patients: cohort.len() as u32,
            dlts: count(Some(true)),
            undecided: count(None),
        })
    }
}

impl Data {
    /// Patients by level, the lowest level first. Without `current` the trial is at the highest level that has
    /// patients, or at the first when none has.
    ///
    /// # Errors
    /// No level or more than [`LEVELS_MAX`]; a current level outside the ladder; a follow-up share outside 0
    /// to 1; more than [`COMPLETIONS_MAX`] ways in which the undecided may turn out.
    pub fn new(levels: Vec<AtLevel>, current: Option<Level>) -> Result<Self, BadData> {
        let ladder = u32::try_from(levels.len()).unwrap_or(u32::MAX);
        if !(1..=LEVELS_MAX).contains(&ladder) {
            return Err(BadData::NoLadder { found: levels.len() });
        }
        let highest = levels.iter().rposition(|at| at.patients() > 0).unwrap_or(0);
        let current = current.unwrap_or_else(|| Level::at_index(highest));
        if current.number() > ladder {
            return Err(BadData::OutsideLadder { found: current.number(), levels: ladder });
        }
        for (index, at) in levels.iter().enumerate() {
            let level = Level::at_index(index);
            let mut shares = at.pending.iter().chain(&at.onset);
            if let Some(&share) = shares.find(|share| !(0.0..=1.0).contains(*share)) {
                return Err(BadData::FollowUp { level, found: share });
            }
            if at.both > at.dlt || at.efficacy_only > at.no_dlt {
                return Err(BadData::Efficacy { level });
            }
            if at.onset.len() > at.dlt as usize {
                return Err(BadData::Onsets { level, found: at.onset.len(), dlts: at.dlt });
            }
        }
        let ways = levels.iter().fold(1_u64, |ways, at| ways.saturating_mul(u64::from(at.undecided()) + 1));
        if ways > COMPLETIONS_MAX {
            return Err(BadData::TooUndecided { found: ways });
        }
        Ok(Self { levels, current, last: None })
    }

    /// The same data with the cohort treated last made known. It must not have more patients or DLTs than the
    /// current level.
    ///
    /// # Errors
    /// A last cohort that the current level cannot hold.
    pub fn with_last(self, last: Option<LastCohort>) -> Result<Self, BadData> {
        let at = self.levels.get(self.current.index()).cloned().unwrap_or_default();
        let holds = last.is_none_or(|last| {
            last.patients <= at.patients()
                && last.dlts <= at.dlt
                && last.undecided <= at.undecided()
                && last.dlts.saturating_add(last.undecided) <= last.patients
        });
        if holds { Ok(Self { last, ..self }) } else { Err(BadData::LastCohort { level: self.current }) }
    }

    /// The cohort treated last, if the order of entry is known.
    pub fn last(&self) -> Option<LastCohort> {
        self.last
    }

    /// Cohorts in the notation `1NNN 2NNT`: the level, then a letter for each patient. `T` has a DLT, `N` none,
    /// `P` is pending (its window just begun), `X` is not evaluable and left out; `E` has the efficacy outcome
    /// and no DLT, `B` both. The last cohort's level is the current one.
    ///
    /// # Errors
    /// A cohort not so written, or at a level outside the ladder; what [`Data::new`] refuses.
    pub fn from_outcomes(levels: u32, outcomes: &str) -> Result<Self, BadData> {
        let ladder = usize::try_from(levels.min(LEVELS_MAX + 1)).unwrap_or(0);
        let mut by_level = vec![AtLevel::default(); ladder];
        let (mut current, mut last) = (None, None);
        for cohort in outcomes.split_whitespace() {
            let misread = || BadData::Misread { found: cohort.to_owned() };
            let letters = cohort.trim_start_matches(|c: char| c.is_ascii_digit());
            let number = cohort[..cohort.len() - letters.len()].parse::<u32>().map_err(|_| misread())?;
            let level = Level::new(number).ok_or(BadData::OutsideLadder { found: number, levels })?;
            let at =
                by_level.get_mut(level.index()).ok_or(BadData::OutsideLadder { found: number, levels })?;
            let mut cohort = LastCohort { patients: 0, dlts: 0, undecided: 0 };
            for letter in letters.chars() {
                match letter {
                    'T' | 'B' => {
                        at.dlt += 1;
                        at.both += u32::from(letter == 'B');
                        cohort.dlts += 1;
                    }
                    'N' | 'E' => {
                        at.no_dlt += 1;
                        at.efficacy_only += u32::from(letter == 'E');
                    }
                    'P' => {
                        at.pending.push(0.0);
                        cohort.undecided += 1;
                    }
                    'X' => {}
                    _ => return Err(misread()),
                }
                cohort.patients += u32::from(letter != 'X');
            }
            current = Some(level);
            last = Some(cohort).filter(|cohort| cohort.patients > 0);
        }
        Self::new(by_level, current)?.with_last(last)
    }

    /// The patients at each level, the lowest first.
    pub fn levels(&self) -> &[AtLevel] {
        &self.levels
    }

    /// The level the trial is at: where its last patient was treated, or where it would begin.
    pub fn current(&self) -> Level {
        self.current
    }

    /// The same patients with the trial at another level.
    ///
    /// # Errors
    /// A level outside the ladder.
    pub fn at(&self, current: Level) -> Result<Self, BadData> {
        Self::new(self.levels.clone(), Some(current))
    }

    /// Evaluable and undecided patients at all levels.
    pub fn patients(&self) -> u32 {
        self.levels.iter().fold(0, |sum, at| sum.saturating_add(at.patients()))
    }

    pub(crate) fn undecided(&self) -> u32 {
        self.levels.iter().fold(0, |sum, at| sum.saturating_add(at.undecided()))
    }

    pub(crate) fn possible_dlts(&self) -> u32 {
        self.levels.iter().fold(0, |sum, at| sum.saturating_add(at.possible_dlt))
    }

    /// The counts that are known today, the undecided left out.
    pub(crate) fn known(&self) -> Counts {
        let levels = self.levels.iter().map(|at| at.count(0, Turned::default())).collect();
        let last = self.last.map(|last| Cohort { patients: last.patients - last.undecided, dlts: last.dlts });
        Counts { levels, current: self.current, last, pending: Vec::new(), onsets: Vec::new() }
    }

    /// What a design reads that makes use of follow-up: the pending with their shares, and the possible DLTs as
    /// DLTs or as complete without one.
    pub(crate) fn followed(&self, possible_are_dlts: bool) -> Counts {
        let mut seen = self.known();
        for (index, at) in self.levels.iter().enumerate() {
            let level = Level::at_index(index);
            if let Some(count) = seen.levels.get_mut(index) {
                count.evaluable = count.evaluable.saturating_add(at.possible_dlt);
                count.dlt = count.dlt.saturating_add(if possible_are_dlts { at.possible_dlt } else { 0 });
            }
            seen.pending.extend(at.pending.iter().map(|share| Followed { level, share: *share }));
            seen.onsets.extend(at.onset.iter().map(|share| Followed { level, share: *share }));
        }
        seen
    }

    /// Every way in which the undecided may turn out at each level, fewest DLTs first; with `efficacy` each may
    /// have the efficacy outcome or not.
    pub(crate) fn completions(&self, efficacy: bool) -> Vec<Vec<Turned>> {
        self.levels.iter().rev().fold(vec![Vec::new()], |ways, at| {
            let here = Turned::every(at.undecided(), efficacy);
            here.into_iter()
                .flat_map(|turned| ways.iter().map(move |above| [&[turned], above.as_slice()].concat()))
                .collect()
        })
    }

    /// The counts when the undecided turn out so at each level.
    pub(crate) fn completed(&self, turned: &[Turned]) -> Counts {
        let levels =
            self.levels.iter().zip(turned).map(|(at, turned)| at.count(at.undecided(), *turned)).collect();
        let dlts = turned.get(self.current.index()).map_or(0, |turned| turned.dlts);
        let last = self.last.map(|last| Cohort {
            patients: last.patients,
            dlts: last.dlts.saturating_add(dlts.min(last.undecided)),
        });
        Counts { levels, current: self.current, last, pending: Vec::new(), onsets: Vec::new() }
    }

    /// The same data with more evaluable patients at the current level.
    pub(crate) fn with_cohort(&self, patients: u32, dlts: u32) -> Self {
        let mut next = self.clone();
        if let Some(at) = next.levels.get_mut(self.current.index()) {
            at.dlt = at.dlt.saturating_add(dlts);
            at.no_dlt = at.no_dlt.saturating_add(patients.saturating_sub(dlts));
        }
        next.last = Some(LastCohort { patients, dlts, undecided: 0 });
        next
    }
}

/// How the undecided patients of one level are supposed to turn out.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Turned {
    pub(crate) dlts: u32,
    pub(crate) efficacy_only: u32,
    pub(crate) both: u32,
}

impl Turned {
    fn every(undecided: u32, efficacy: bool) -> Vec<Self> {
        (0..=undecided)
            .flat_map(|dlts| {
                let (responders, both) = if efficacy { (undecided - dlts, dlts) } else { (0, 0) };
                (0..=responders).flat_map(move |efficacy_only| {
                    (0..=both).map(move |both| Self { dlts, efficacy_only, both })
                })
            })
            .collect()
    }
}

impl AtLevel {
    fn count(&self, completed: u32, turned: Turned) -> Count {
        let efficacy_only = self.efficacy_only.saturating_add(turned.efficacy_only);
        let both = self.both.saturating_add(turned.both);
        Count {
            evaluable: self.evaluable().saturating_add(completed),
            dlt: self.dlt.saturating_add(turned.dlts),
            efficacy: efficacy_only.saturating_add(both),
            both,
        }
    }
}

/// Evaluable patients at one level, nobody undecided: all, with a DLT, with the efficacy outcome, with both.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Count {
    pub(crate) evaluable: u32,
    pub(crate) dlt: u32,
    pub(crate) efficacy: u32,
    pub(crate) both: u32,
}

/// Evaluable patients and DLTs of one cohort.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Cohort {
    pub(crate) patients: u32,
    pub(crate) dlts: u32,
}

/// A patient with a share of the window: observed so far, or at the onset of a DLT.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Followed {
    pub(crate) level: Level,
    pub(crate) share: f64,
}

/// What a design reads. Only designs that make use of follow-up find anything in `pending` and `onsets`.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Counts {
    pub(crate) levels: Vec<Count>,
    pub(crate) current: Level,
    /// The cohort treated last, where the order of entry is known.
    pub(crate) last: Option<Cohort>,
    pub(crate) pending: Vec<Followed>,
    pub(crate) onsets: Vec<Followed>,
}

impl Counts {
    /// Nobody treated on a ladder of so many levels.
    pub(crate) fn none(levels: usize, current: Level) -> Self {
        let levels = vec![Count::default(); levels];
        Self { levels, current, last: None, pending: Vec::new(), onsets: Vec::new() }
    }

    pub(crate) fn at(&self, level: Level) -> Count {
        self.levels.get(level.index()).copied().unwrap_or_default()
    }

    pub(crate) fn here(&self) -> Count {
        self.at(self.current)
    }

    pub(crate) fn top(&self) -> Level {
        Level::at_index(self.levels.len().saturating_sub(1))
    }

    /// Evaluable patients at all levels.
    pub(crate) fn patients(&self) -> u32 {
        self.levels.iter().fold(0, |sum, count| sum.saturating_add(count.evaluable))
    }

    /// Evaluable and pending patients at all levels.
    pub(crate) fn treated(&self) -> u32 {
        self.patients().saturating_add(u32::try_from(self.pending.len()).unwrap_or(u32::MAX))
    }

    /// Pending patients at a level.
    pub(crate) fn pending_at(&self, level: Level) -> u32 {
        self.pending.iter().filter(|patient| patient.level == level).count() as u32
    }
}

/// Data a design cannot read.
#[derive(Debug, Clone, PartialEq, Error)]
#[non_exhaustive]
pub enum BadData {
    /// No level, or too many.
    #[error(
        "found {found} levels, expected 1 to {LEVELS_MAX}: give one entry a level, even where nobody was treated"
    )]
    NoLadder {
        /// Levels in the data.
        found: usize,
    },
    /// A level the ladder does not have.
    #[error("found level {found}, expected 1 to {levels}: correct the level, or `doses` in the design")]
    OutsideLadder {
        /// The level named.
        found: u32,
        /// Levels of the ladder.
        levels: u32,
    },
    /// The data and the design have ladders of different length.
    #[error(
        "found data on {found} levels, expected {expected} as `doses` says: give one entry for each level of the design"
    )]
    OtherLadder {
        /// Levels in the data.
        found: usize,
        /// Levels of the design.
        expected: u32,
    },
    /// More patients than the design may treat.
    #[error(
        "found {found} patients, expected at most {max} as `max-patients` says: correct the data, or amend `max-patients`"
    )]
    TooManyPatients {
        /// Evaluable and undecided patients in the data.
        found: u32,
        /// The greatest number allowed.
        max: u32,
    },
    /// A follow-up share that is no share.
    #[error(
        "found a follow-up share of {found} at level {level}, expected 0 to 1: give days followed over days of the window, at most 1"
    )]
    FollowUp {
        /// The level of the patient.
        level: Level,
        /// The share.
        found: f64,
    },
    /// More patients with an efficacy outcome than patients.
    #[error(
        "found more patients with efficacy than patients at level {level}, expected `efficacy_only` among those without a DLT and `both` among those with one: correct the counts"
    )]
    Efficacy {
        /// The level.
        level: Level,
    },
    /// More times of onset than DLTs.
    #[error(
        "found {found} times of onset at level {level}, expected at most one for each of its {dlts} DLTs"
    )]
    Onsets {
        /// The level.
        level: Level,
        /// Times of onset.
        found: usize,
        /// DLTs there.
        dlts: u32,
    },
    /// A last cohort that the current level cannot hold.
    #[error(
        "found a last cohort with more patients or DLTs than level {level} has, expected a part of its patients"
    )]
    LastCohort {
        /// The current level.
        level: Level,
    },
    /// A number that could not be computed to the accuracy the design promises.
    #[error("no answer: {what}; expected the stated accuracy: report this with the design file and the data")]
    NotReached {
        /// What was computed, what was reached and what was promised.
        what: String,
    },
    /// Too many ways in which the undecided may turn out to list them.
    #[error(
        "the undecided patients can turn out in {found} ways, expected at most {COMPLETIONS_MAX}: complete or adjudicate patients whose window is over"
    )]
    TooUndecided {
        /// The number of ways.
        found: u64,
    },
    /// A cohort in one-line notation that cannot be read.
    #[error(
        "found the cohort `{found}`, expected a level and then one letter a patient: T (DLT), N (none), P (pending), X (not evaluable), E (efficacy only) or B (both), as in `2NNT`"
    )]
    Misread {
        /// The text of the cohort.
        found: String,
    },
}
