//! Choosing among designs by their exact operating characteristics: a goal, constraints, and what is not dominated.
//!
//! Settings of a design move its decisions in steps, so that its characteristics are step functions of them and have
//! no useful slope there: the candidates are tried one by one, exactly. In the true rates they are smooth, and there
//! the slope is used: [`least_favourable`] looks for the truth near a scenario under which a design does worst.

use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::characteristics::{BadScenario, Characteristics, Scenario, Yardstick};
use crate::design::Design;
use crate::graph::{Graph, NoGraph};

/// A measure of one scenario.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Measure {
    /// Probability of correct selection.
    PCorrect,
    /// Probability of acceptable selection.
    PAcceptable,
    /// Probability of selecting above the true MTD.
    PSelectAbove,
    /// Expected share of patients treated above it.
    PAllocatedAbove,
    /// Probability of more than 60% of the planned patients above it.
    #[serde(rename = "overdose-60")]
    Overdose60,
    /// Probability of more than 80% of them above it.
    #[serde(rename = "overdose-80")]
    Overdose80,
    /// Expected patients.
    TotalPatients,
    /// Expected DLTs.
    TotalDlts,
    /// Accuracy index.
    AccuracyIndex,
    /// Probability that no level is selected.
    SelectNone,
}

impl Measure {
    /// Every measure.
    pub const ALL: [Self; 10] = [
        Self::PCorrect,
        Self::PAcceptable,
        Self::PSelectAbove,
        Self::PAllocatedAbove,
        Self::Overdose60,
        Self::Overdose80,
        Self::TotalPatients,
        Self::TotalDlts,
        Self::AccuracyIndex,
        Self::SelectNone,
    ];

    /// Its name in files, such as `p-correct`.
    pub fn word(self) -> &'static str {
        match self {
            Self::PCorrect => "p-correct",
            Self::PAcceptable => "p-acceptable",
            Self::PSelectAbove => "p-select-above",
            Self::PAllocatedAbove => "p-allocated-above",
            Self::Overdose60 => "overdose-60",
            Self::Overdose80 => "overdose-80",
            Self::TotalPatients => "total-patients",
            Self::TotalDlts => "total-dlts",
            Self::AccuracyIndex => "accuracy-index",
            Self::SelectNone => "select-none",
        }
    }

    /// Its value in one scenario.
    pub fn of(self, oc: &Characteristics) -> f64 {
        match self {
            Self::PCorrect => oc.p_correct,
            Self::PAcceptable => oc.p_acceptable,
            Self::PSelectAbove => oc.p_select_above,
            Self::PAllocatedAbove => oc.p_allocated_above,
            Self::Overdose60 => oc.overdose_60,
            Self::Overdose80 => oc.overdose_80,
            Self::TotalPatients => oc.total_patients,
            Self::TotalDlts => oc.total_dlts,
            Self::AccuracyIndex => oc.accuracy_index,
            Self::SelectNone => oc.select_none,
        }
    }

    /// Whether more of it is better.
    pub fn more_is_better(self) -> bool {
        matches!(self, Self::PCorrect | Self::PAcceptable | Self::AccuracyIndex)
    }
}

/// How the values of the scenarios become one.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Over {
    /// Their mean.
    #[default]
    Mean,
    /// The least favourable of them.
    Worst,
}

/// What is sought: a measure over the scenarios, the most of it or the least as is better.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Goal {
    /// The measure.
    pub measure: Measure,
    /// Over the scenarios.
    #[serde(default)]
    pub over: Over,
}

/// What must hold in every scenario.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Constraint {
    /// The measure.
    pub measure: Measure,
    /// At most so much.
    #[serde(default)]
    pub at_most: Option<f64>,
    /// At least so much.
    #[serde(default)]
    pub at_least: Option<f64>,
}

impl Constraint {
    fn holds(&self, oc: &Characteristics) -> bool {
        let value = self.measure.of(oc);
        self.at_most.is_none_or(|most| value <= most) && self.at_least.is_none_or(|least| value >= least)
    }
}

/// What came out for one candidate.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Tried {
    /// Its place among the candidates.
    pub candidate: usize,
    /// The values of the goals, in their order.
    pub goals: Vec<f64>,
    /// Whether every constraint holds in every scenario.
    pub feasible: bool,
    /// The constraints that do not hold: place of the constraint, place of the scenario, value.
    pub broken: Vec<(usize, usize, f64)>,
    /// Whether no feasible candidate is at least as good in every goal and better in one.
    pub pareto: bool,
    /// Its characteristics in each scenario.
    pub scenarios: Vec<Characteristics>,
}

/// The question put to all candidates.
#[derive(Debug, Clone, PartialEq)]
pub struct Search<'a> {
    /// The truths.
    pub scenarios: &'a [Scenario],
    /// What is sought; the first goal ranks.
    pub goals: &'a [Goal],
    /// What must hold.
    pub constraints: &'a [Constraint],
    /// The greatest number of states of one candidate.
    pub budget: usize,
    /// Threads.
    pub threads: usize,
}

/// Why there is no answer.
#[derive(Debug, Clone, PartialEq, Error)]
#[non_exhaustive]
pub enum NoCalibration {
    /// A candidate has no exact answer.
    #[error("candidate {candidate}: {cause}")]
    Candidate {
        /// Its place, from 1.
        candidate: usize,
        /// Why.
        cause: NoGraph,
    },
    /// A candidate without a target.
    #[error(
        "candidate {candidate}: `target`: found nothing, expected the rate by which its selections are judged"
    )]
    NoTarget {
        /// Its place, from 1.
        candidate: usize,
    },
    /// A scenario that does not fit the candidates.
    #[error(transparent)]
    Scenario(#[from] BadScenario),
    /// Nothing is sought.
    #[error("found no goal, expected at least one measure to be made better")]
    NoGoal,
}

/// Every candidate, the feasible before the others and the better in the first goal before the worse.
///
/// # Errors
/// A candidate without an exact answer, scenarios that do not fit, or no goal.
pub fn calibrate(candidates: &[Design], search: &Search<'_>) -> Result<Vec<Tried>, NoCalibration> {
    let Some(first) = search.goals.first() else { return Err(NoCalibration::NoGoal) };
    let mut tried = Vec::with_capacity(candidates.len());
    for (candidate, design) in candidates.iter().enumerate() {
        let named = |cause| NoCalibration::Candidate { candidate: candidate + 1, cause };
        let target = design.target().ok_or(NoCalibration::NoTarget { candidate: candidate + 1 })?;
        let graph = Graph::compile(design, search.budget, search.threads).map_err(named)?;
        for scenario in search.scenarios {
            scenario.check(graph.levels, graph.efficacy)?;
        }
        let yardstick = Yardstick::new(target, graph.planned(design));
        let scenarios = graph.characteristics(search.scenarios, yardstick, search.threads).map_err(named)?;
        tried.push(judge(candidate, scenarios, search));
    }
    let dominated: Vec<bool> = tried
        .iter()
        .map(|one| !one.feasible || tried.iter().any(|other| dominates(other, one, search.goals)))
        .collect();
    for (one, dominated) in tried.iter_mut().zip(dominated) {
        one.pareto = !dominated;
    }
    let gain = |value: f64| if first.measure.more_is_better() { -value } else { value };
    tried.sort_by(|a, b| {
        b.feasible
            .cmp(&a.feasible)
            .then(gain(a.goals[0]).total_cmp(&gain(b.goals[0])))
            .then(a.candidate.cmp(&b.candidate))
    });
    Ok(tried)
}

fn judge(candidate: usize, scenarios: Vec<Characteristics>, search: &Search<'_>) -> Tried {
    let goal = |goal: &Goal| {
        let values = scenarios.iter().map(|oc| goal.measure.of(oc));
        match goal.over {
            Over::Mean => values.sum::<f64>() / scenarios.len().max(1) as f64,
            Over::Worst if goal.measure.more_is_better() => values.fold(f64::INFINITY, f64::min),
            Over::Worst => values.fold(f64::NEG_INFINITY, f64::max),
        }
    };
    let goals = search.goals.iter().map(goal).collect();
    let mut broken = Vec::new();
    for (which, constraint) in search.constraints.iter().enumerate() {
        for (scenario, oc) in scenarios.iter().enumerate().filter(|(_, oc)| !constraint.holds(oc)) {
            broken.push((which, scenario, constraint.measure.of(oc)));
        }
    }
    Tried { candidate, goals, feasible: broken.is_empty(), broken, pareto: false, scenarios }
}

fn dominates(other: &Tried, one: &Tried, goals: &[Goal]) -> bool {
    let gains =
        || {
            other.goals.iter().zip(&one.goals).zip(goals).map(|((other, one), goal)| {
                if goal.measure.more_is_better() { other - one } else { one - other }
            })
        };
    other.feasible && gains().all(|gain| gain >= 0.0) && gains().any(|gain| gain > 0.0)
}

/// The truth within `radius` of each rate of a scenario, and in the same order of levels, under which the selection of
/// the scenario's true MTD is least probable, and that probability: projected descent along the gradient of the
/// exact sum, from the scenario. A local minimum: the truth may be worse elsewhere in the box.
///
/// # Errors
/// A scenario that does not fit, or no level that is rightly selected.
pub fn least_favourable(
    graph: &Graph,
    scenario: &Scenario,
    yardstick: Yardstick,
    radius: f64,
) -> Result<Option<(Vec<f64>, f64)>, NoCalibration> {
    scenario.check(graph.levels, graph.efficacy)?;
    let named = |cause| NoCalibration::Candidate { candidate: 1, cause };
    let at = |truth: &[f64]| -> Result<Characteristics, NoCalibration> {
        let moved = Scenario { truth: truth.to_vec(), ..scenario.clone() };
        let mut all = graph.characteristics(&[moved], yardstick, 1).map_err(named)?;
        Ok(all.remove(0))
    };
    let Some(mtd) = at(&scenario.truth)?.true_mtd.map(|level| level as usize - 1) else { return Ok(None) };
    let place = |truth: &mut Vec<f64>| {
        for (rate, centre) in truth.iter_mut().zip(&scenario.truth) {
            *rate = rate.clamp((centre - radius).max(0.0), (centre + radius).min(1.0));
        }
        for level in 1..truth.len() {
            if scenario.truth[level] >= scenario.truth[level - 1] {
                truth[level] = truth[level].max(truth[level - 1]);
            }
        }
    };
    let mut truth = scenario.truth.clone();
    let mut least = at(&truth)?.select[mtd];
    let mut step = radius;
    while step > 1e-4 {
        let moved_scenario = Scenario { truth: truth.clone(), ..scenario.clone() };
        let gradient = &graph.selection_gradient(&moved_scenario)[mtd];
        let length = gradient.iter().fold(0.0_f64, |most, slope| most.max(slope.abs()));
        if length == 0.0 {
            break;
        }
        let mut moved: Vec<f64> =
            truth.iter().zip(gradient).map(|(rate, slope)| rate - step * slope / length).collect();
        place(&mut moved);
        let reached = at(&moved)?.select[mtd];
        if reached < least - 1e-12 {
            (truth, least) = (moved, reached);
        } else {
            step /= 2.0;
        }
    }
    Ok(Some((truth, least)))
}
