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
/// assert_eq!(data, Data::from_outcomes(2, "1NNT 1N")?);
/// # Ok::<(), posology_design::BadData>(())
/// ```
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Data {
    levels: Vec<AtLevel>,
    current: Level,
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
            if let Some(&share) = at.pending.iter().find(|share| !(0.0..=1.0).contains(*share)) {
                return Err(BadData::FollowUp { level: Level::at_index(index), found: share });
            }
        }
        let ways = levels.iter().fold(1_u64, |ways, at| ways.saturating_mul(u64::from(at.undecided()) + 1));
        if ways > COMPLETIONS_MAX {
            return Err(BadData::TooUndecided { found: ways });
        }
        Ok(Self { levels, current })
    }

    /// Cohorts in the notation `1NNN 2NNT`: the level, then a letter for each patient. `T` has a DLT, `N` none,
    /// `P` is pending (its window just begun), `X` is not evaluable and left out. The last cohort's level is the
    /// current one.
    ///
    /// # Errors
    /// A cohort not so written, or at a level outside the ladder; what [`Data::new`] refuses.
    pub fn from_outcomes(levels: u32, outcomes: &str) -> Result<Self, BadData> {
        let ladder = usize::try_from(levels.min(LEVELS_MAX + 1)).unwrap_or(0);
        let mut by_level = vec![AtLevel::default(); ladder];
        let mut current = None;
        for cohort in outcomes.split_whitespace() {
            let misread = || BadData::Misread { found: cohort.to_owned() };
            let letters = cohort.trim_start_matches(|c: char| c.is_ascii_digit());
            let number = cohort[..cohort.len() - letters.len()].parse::<u32>().map_err(|_| misread())?;
            let level = Level::new(number).ok_or(BadData::OutsideLadder { found: number, levels })?;
            let at =
                by_level.get_mut(level.index()).ok_or(BadData::OutsideLadder { found: number, levels })?;
            for letter in letters.chars() {
                match letter {
                    'T' => at.dlt += 1,
                    'N' => at.no_dlt += 1,
                    'P' => at.pending.push(0.0),
                    'X' => {}
                    _ => return Err(misread()),
                }
            }
            current = Some(level);
        }
        Self::new(by_level, current)
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
        let levels = self.levels.iter().map(|at| Count { evaluable: at.evaluable(), dlt: at.dlt }).collect();
        Counts { levels, current: self.current }
    }

    /// Every way in which the undecided may turn out: the DLTs among them at each level, fewest first.
    pub(crate) fn completions(&self) -> Vec<Vec<u32>> {
        self.levels.iter().rev().fold(vec![Vec::new()], |ways, at| {
            (0..=at.undecided())
                .flat_map(|dlts| ways.iter().map(move |above| [&[dlts], above.as_slice()].concat()))
                .collect()
        })
    }

    /// The counts when the undecided turn out with so many DLTs at each level.
    pub(crate) fn completed(&self, dlts: &[u32]) -> Counts {
        let levels = self
            .levels
            .iter()
            .zip(dlts)
            .map(|(at, dlts)| Count { evaluable: at.patients(), dlt: at.dlt.saturating_add(*dlts) })
            .collect();
        Counts { levels, current: self.current }
    }

    /// The same data with more evaluable patients at the current level.
    pub(crate) fn with_cohort(&self, patients: u32, dlts: u32) -> Self {
        let mut next = self.clone();
        if let Some(at) = next.levels.get_mut(self.current.index()) {
            at.dlt = at.dlt.saturating_add(dlts);
            at.no_dlt = at.no_dlt.saturating_add(patients.saturating_sub(dlts));
        }
        next
    }
}

/// Evaluable patients and DLTs at one level, nobody undecided.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Count {
    pub(crate) evaluable: u32,
    pub(crate) dlt: u32,
}

/// What a design that decides on counts reads once nobody is undecided.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Counts {
    pub(crate) levels: Vec<Count>,
    pub(crate) current: Level,
}

impl Counts {
    pub(crate) fn at(&self, level: Level) -> Count {
        self.levels.get(level.index()).copied().unwrap_or(Count { evaluable: 0, dlt: 0 })
    }

    pub(crate) fn top(&self) -> Level {
        Level::at_index(self.levels.len().saturating_sub(1))
    }

    pub(crate) fn patients(&self) -> u32 {
        self.levels.iter().fold(0, |sum, count| sum.saturating_add(count.evaluable))
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
        "found the cohort `{found}`, expected a level and then one letter a patient: T (DLT), N (none), P (pending) or X (not evaluable), as in `2NNT`"
    )]
    Misread {
        /// The text of the cohort.
        found: String,
    },
}
