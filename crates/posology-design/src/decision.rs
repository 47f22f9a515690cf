//! What a design answers: a decision, a selection, the numbers behind them, and the cases a committee asks about.

use serde::{Deserialize, Serialize};

use crate::because::Because;
use crate::ladder::Level;

/// What a design advises.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum Action {
    /// Treat the first cohort.
    Start,
    /// Treat the next cohort one level up.
    Escalate,
    /// Treat more patients at the current level.
    Stay,
    /// Treat the next patients at a lower level.
    DeEscalate,
    /// Treat no further patient: no level can be selected.
    Stop,
    /// Treat no further patient: the decision's level is the selected one.
    Complete,
    /// Decide nothing yet: undecided patients can change the answer.
    Wait,
}

impl Action {
    /// The word in files and on screens, such as `de-escalate`.
    pub fn word(self) -> &'static str {
        match self {
            Self::Start => "start",
            Self::Escalate => "escalate",
            Self::Stay => "stay",
            Self::DeEscalate => "de-escalate",
            Self::Stop => "stop",
            Self::Complete => "complete",
            Self::Wait => "wait",
        }
    }
}

/// The advice of a design, with its reasons.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Decision {
    /// What to do.
    pub action: Action,
    /// Where: the level of the next patients, the selected level with `complete`, the current level with `wait`;
    /// none with `stop`.
    pub level: Option<Level>,
    /// Patients to treat at that level before the next decision; 0 when none.
    pub enrol: u32,
    /// The reasons, those on known facts first.
    pub because: Vec<Because>,
    /// With undecided patients, the advice for each way in which they may turn out, fewest DLTs first; else empty.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub completions: Vec<Completion>,
}

/// The advice if the undecided patients turn out in one particular way.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Completion {
    /// DLTs among the undecided, at each level that has undecided patients, the lowest first.
    pub dlts: Vec<UndecidedDlts>,
    /// What the design would advise.
    pub action: Action,
    /// Where.
    pub level: Option<Level>,
}

/// DLTs supposed among the undecided patients of one level.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct UndecidedDlts {
    /// The level.
    pub level: Level,
    /// Of the undecided there, how many turn out to have a DLT.
    pub dlts: u32,
    /// Undecided patients there.
    pub undecided: u32,
    /// Of the undecided there, how many have the efficacy outcome; 0 for designs on toxicity alone.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub efficacy: u32,
}

fn is_zero(count: &u32) -> bool {
    *count == 0
}

/// The level a design selects at the end of a trial.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Selection {
    /// The selected level; none when no level qualifies, or when undecided patients can change which does.
    pub level: Option<Level>,
    /// Whether undecided patients can change the selection.
    pub awaits: bool,
    /// The reasons.
    pub because: Vec<Because>,
}

/// What would be advised in one case.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct WhatIf {
    /// The case.
    #[serde(flatten)]
    pub case: Case,
    /// The advice in that case.
    pub decision: Decision,
}

/// A case that a committee may ask about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "case", rename_all = "kebab-case")]
pub enum Case {
    /// No undecided patient turns out to have a DLT.
    Best,
    /// Every undecided patient turns out to have a DLT.
    Worst,
    /// So many DLTs among the next patients at the current level, the undecided staying as they are.
    NextCohort {
        /// Evaluable patients in the next cohort.
        patients: u32,
        /// DLTs among them.
        dlts: u32,
    },
}

/// The numbers a design computes from the data: one entry a level, tried or not, and the model's parameters if
/// there is a model.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Numbers {
    /// The lowest level first.
    pub levels: Vec<Estimate>,
    /// The parameters of a model, in the order of its methods page; empty for designs without one.
    pub parameters: Vec<Parameter>,
}

/// What a design makes of one level. A number that the design does not have is none, never zero.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Estimate {
    /// Evaluable patients.
    pub evaluable: u32,
    /// DLTs among them.
    pub dlt: u32,
    /// The number that the rule compares: an observed rate, or a model's curve.
    pub estimate: Option<f64>,
    /// Posterior mean of the DLT probability.
    pub mean: Option<f64>,
    /// Lower end of the 95% credible interval of the DLT probability.
    pub lower: Option<f64>,
    /// Upper end of that interval.
    pub upper: Option<f64>,
    /// Posterior probability that the DLT probability is below the target interval.
    pub under: Option<f64>,
    /// Posterior probability that it is in the target interval.
    pub on_target: Option<f64>,
    /// Posterior probability that it is above the target interval or the target.
    pub over: Option<f64>,
    /// Observed or estimated efficacy rate.
    pub efficacy: Option<f64>,
    /// What the design maximises, where it weighs toxicity against efficacy.
    pub utility: Option<f64>,
    /// Whether the level is closed for safety (or futility, where the design has such a rule).
    pub eliminated: bool,
}

/// A parameter of a model after the data.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Parameter {
    /// Its name on the methods page.
    pub name: String,
    /// Posterior mean.
    pub mean: f64,
    /// Posterior standard deviation.
    pub sd: f64,
}

/// What to do, without the words: what the decision graph and the simulator read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Move {
    pub(crate) action: Action,
    /// As in [`Decision::level`].
    pub(crate) level: Option<Level>,
    /// As in [`Decision::enrol`].
    pub(crate) enrol: u32,
}

impl Move {
    /// Treats so many at a level: escalates, stays or de-escalates, as it lies to the current one.
    pub(crate) fn to(current: Level, level: Level, enrol: u32) -> Self {
        let action = match level.cmp(&current) {
            std::cmp::Ordering::Less => Action::DeEscalate,
            std::cmp::Ordering::Equal => Action::Stay,
            std::cmp::Ordering::Greater => Action::Escalate,
        };
        Self { action, level: Some(level), enrol }
    }

    /// Ends the trial with this selection.
    pub(crate) fn end(selected: Option<Level>) -> Self {
        let action = if selected.is_some() { Action::Complete } else { Action::Stop };
        Self { action, level: selected, enrol: 0 }
    }

    /// Waits for pending patients.
    pub(crate) fn wait(current: Level) -> Self {
        Self { action: Action::Wait, level: Some(current), enrol: 0 }
    }
}
