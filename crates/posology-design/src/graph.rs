//! The decision graph: every state a trial can reach, compiled once whatever the truth, and exact sums over it.
//!
//! A node is who has been treated with what outcome at each level, and where the next cohort goes; an edge is an
//! outcome of that cohort. Nodes lie in the order of the patients treated, so that one forward pass gives the
//! probability of every node under a truth, and one backward pass the expectation of any measure from every node on,
//! and with it the derivative by every true rate. Ended trials carry their selection.
//!
//! Sums are of positive terms in double precision: the relative error of each probability is below 1e-12 for trials
//! of up to 255 patients, and the probabilities of all ends are checked to sum to one.

mod compile;
mod passes;

pub(crate) use passes::outcome_chances;
pub use passes::{Belief, CohortOutcome, Course, Prediction};

use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::data::BadData;
use crate::design::Design;

/// States that fit in 4 GB, the default budget.
pub const STATES_MAX: usize = 40_000_000;

/// Every state of a trial under a design, as flat arrays.
#[derive(Debug, Clone)]
pub struct Graph {
    pub(crate) levels: usize,
    /// Whether outcomes are of DLT and efficacy, rather than of DLT alone.
    pub(crate) efficacy: bool,
    /// For each node the level treated next, or the selected level plus one with 0 for none.
    level: Vec<u8>,
    /// Patients of the next cohort; 0 where the trial has ended.
    size: Vec<u8>,
    /// Evaluable patients and DLTs at that level so far, for predictions.
    here: Vec<[u8; 2]>,
    /// Where the edges of each node begin; one more at the end.
    first: Vec<u32>,
    /// The node each edge leads to, a node's edges in the order of [`outcomes`].
    to: Vec<u32>,
    /// Nodes at which the trial has ended.
    ends: Vec<u32>,
    /// For each of them, which of the profiles its patients by level are.
    profile: Vec<u32>,
    /// Evaluable patients at each level, of each way to have ended.
    profiles: Vec<u8>,
    /// For each of them, DLTs at all levels times [`Graph::outcomes_of_end`] plus the selected level, 0 for none.
    ending: Vec<u32>,
    /// Where the trial begins: one node, or one for each way in which undecided patients may turn out.
    roots: Vec<Root>,
    /// Patients at each level before the first cohort of the graph.
    before: Vec<u8>,
    /// The first node of each number of patients treated, from none; one more at the end.
    layers: Vec<u32>,
    /// The longest possible trial.
    longest: u32,
}

/// A beginning of the trial and the outcomes of undecided patients that lead to it.
#[derive(Debug, Clone)]
struct Root {
    node: u32,
    /// Level, undecided patients and DLTs among them (and efficacy only, and both).
    turned: Vec<(u8, u8, [u8; 3])>,
}

/// How large a graph is.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Size {
    /// States.
    pub states: usize,
    /// Outcomes of cohorts, all states together.
    pub edges: usize,
    /// Bytes held.
    pub bytes: usize,
}

/// Why there is no exact answer.
#[derive(Debug, Clone, PartialEq, Error)]
#[non_exhaustive]
pub enum NoGraph {
    /// The design does not decide on counts alone.
    #[error("`{design}` decides on more than counts: ask for Monte Carlo")]
    NotOnCounts {
        /// The design.
        design: &'static str,
    },
    /// The settings do not say how many levels there are.
    #[error("`doses`: found nothing, expected the number of levels")]
    NoLadder,
    /// The trial has no end.
    #[error(
        "`max-patients`: found nothing, expected the greatest number of patients, at most {max}: without it `{design}` has no end"
    )]
    NoEnd {
        /// The design.
        design: &'static str,
        /// The greatest number the exact engine takes.
        max: u32,
    },
    /// More patients or levels than the engine's bytes hold.
    #[error("found {found} {what}, expected at most {max} for exact sums: ask for Monte Carlo")]
    Beyond {
        /// Patients or levels.
        what: &'static str,
        /// How many.
        found: u32,
        /// How many the engine takes.
        max: u32,
    },
    /// More states than the budget.
    #[error(
        "too many states for a budget of {budget}: at {patients} of {of} patients some {estimate:.1e} are to be expected in all (about {gigabytes:.1} GB): raise `--max-states`, or ask for Monte Carlo"
    )]
    TooLarge {
        /// The budget.
        budget: usize,
        /// Patients treated where it ran out.
        patients: u32,
        /// Patients planned.
        of: u32,
        /// The estimated number of states.
        estimate: f64,
        /// The estimated memory.
        gigabytes: f64,
    },
    /// The design gave no answer, or the data are not its own.
    #[error(transparent)]
    Data(#[from] BadData),
    /// The probabilities of all ends do not sum to one.
    #[error("internal: probabilities sum to {sum}, expected 1")]
    Leaks {
        /// Their sum.
        sum: f64,
    },
}

/// The outcomes of a cohort of so many: DLTs, efficacy and both, in the order of a node's edges.
pub(crate) fn outcomes(size: u8, efficacy: bool) -> Vec<[u8; 3]> {
    let mut all = Vec::new();
    for dlt in 0..=size {
        if !efficacy {
            all.push([dlt, 0, 0]);
            continue;
        }
        for both in 0..=dlt {
            for only in 0..=size - dlt {
                all.push([dlt, only + both, both]);
            }
        }
    }
    all
}

impl Graph {
    /// Its size in states, edges and bytes.
    pub fn size(&self) -> Size {
        let states = self.level.len();
        let bytes = states * (1 + 1 + 2 + 4)
            + self.to.len() * 4
            + self.ends.len() * (4 + 2 + 4)
            + self.profiles.len();
        Size { states, edges: self.to.len(), bytes }
    }

    /// Ways to end by selection: each level, or none.
    fn outcomes_of_end(&self) -> usize {
        self.levels + 1
    }

    /// Patients planned: `max-patients` of the design, or else the longest possible trial.
    pub fn planned(&self, design: &Design) -> u32 {
        design.max_patients().unwrap_or(self.longest)
    }
}
