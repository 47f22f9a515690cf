//! Simulated trials: operating characteristics by Monte Carlo, with their standard errors.
//!
//! Start at [`simulate`]: a [`Plan`] in, [`Characteristics`] out. Every trial asks the design for its next step as the
//! decision graph and the conduct of a real trial do, so that the three cannot differ. Where the graph gives an exact
//! answer, simulation is the check of it; for late-onset designs, for trials in time and for what goes wrong
//! ([`Conduct`]) it is the answer.
//!
//! Random numbers have addresses. Replicate i of scenario s has its own [`Stream`](crate::random::Stream), and its
//! patient j (in order of entry, from 0) the eight uniform numbers 8j to 8j + 7 of it, each for one purpose:
//!
//! | place | number |
//! |---|---|
//! | 0 | has a DLT, if below the true rate of the patient's level |
//! | 1 | has the efficacy outcome, if below its rate given the DLT or its absence |
//! | 2 | when the DLT comes, by the law of onset |
//! | 3 | not used |
//! | 4 | is not evaluable, if below that share |
//! | 5 | when such a patient leaves, as a share of the window |
//! | 6 | is misread, if below the rate of false DLTs or of missed ones |
//! | 7 | of a cohort's first patient: the cohort gets one patient too many, if below that share |
//!
//! So all designs and all settings see the same patients, which makes their differences more exact, and anyone can
//! recompute a replicate: `numpy.random.Generator(numpy.random.Philox(key=[seed, 0], counter=[0, 0, s, i]))
//! .random((patients, 8))`. Times between arrivals are the uniform numbers of a second stream, counter `[0, 1, s, i]`.
//!
//! Trials are counted in whole numbers, which add up to the same whatever the order: the result is the same to the
//! last bit on any number of threads, and from any number of shards put together by [`merge`].

mod conduct;
mod count_trial;
mod time_trial;
mod totals;

use serde::{Deserialize, Serialize};
use thiserror::Error;

pub use conduct::{Arrivals, Conduct, Onset, Perturbation, Timing, Unit, WhileSuspended};
use count_trial::CountTrial;
use time_trial::TimeTrial;
use totals::Totals;

use crate::characteristics::{BadScenario, Characteristics, Scenario, Yardstick};
use crate::data::BadData;
use crate::design::Design;
use crate::ladder::LEVELS_MAX;
use crate::settings::Problems;

/// The greatest number of trials in each scenario.
pub const TRIALS_MAX: u64 = 100_000_000;
/// The greatest number of scenarios of a plan.
pub const SCENARIOS_MAX: usize = 10_000;
/// The greatest number of shards of a plan.
pub const SHARDS_MAX: u32 = 100_000;
/// Patients after which a trial without `max-patients` is taken to have no end.
pub const UNPLANNED_MAX: u32 = 500;
/// The version of the engine. Shards of different versions are not added up: their trials may differ.
pub const ENGINE: &str = concat!("posology ", env!("CARGO_PKG_VERSION"), " simulation 1");

/// What is simulated. Two plans that are equal give equal results.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Plan {
    /// The design.
    pub design: Design,
    /// The supposed truths.
    pub scenarios: Vec<Scenario>,
    /// What is asked of them.
    pub yardstick: Yardstick,
    /// Trials in each scenario.
    pub trials: u64,
    /// The seed of the random numbers.
    pub seed: u64,
    /// Whether trials run in time, and what goes wrong in them.
    #[serde(default)]
    pub conduct: Conduct,
}

/// The part of the trials of each scenario that one machine simulates: shard `index` of `of`, from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Part {
    /// Which shard, from 1.
    pub index: u32,
    /// Of how many.
    pub of: u32,
}

impl Part {
    /// All trials.
    pub const WHOLE: Self = Self { index: 1, of: 1 };

    /// The trials of this shard, numbered from 0.
    fn range(self, trials: u64) -> (u64, u64) {
        let until =
            |shards: u32| (u128::from(trials) * u128::from(shards) / u128::from(self.of.max(1))) as u64;
        (until(self.index.saturating_sub(1)), until(self.index))
    }
}

impl std::fmt::Display for Part {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}/{}", self.index, self.of)
    }
}

/// Simulated trials of a plan, as whole numbers that [`merge`] adds up.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Shard {
    /// The engine that simulated, as [`ENGINE`].
    pub engine: String,
    /// What was simulated.
    pub plan: Plan,
    /// Which shard of the plan this is.
    pub part: Part,
    /// The first trial of each scenario in it, from 0.
    pub from: u64,
    /// The trial after the last.
    pub to: u64,
    /// For each scenario, what was counted.
    totals: Vec<Totals>,
}

/// Why nothing was simulated.
#[derive(Debug, Clone, PartialEq, Error)]
#[non_exhaustive]
pub enum NotSimulated {
    /// Too few trials for a standard error, or too many.
    #[error("`trials`: found {found}, expected 2 to {TRIALS_MAX} in each scenario")]
    Trials {
        /// The number asked for.
        found: u64,
    },
    /// No scenario, or too many.
    #[error("`scenarios`: found {found}, expected 1 to {SCENARIOS_MAX}")]
    Scenarios {
        /// Scenarios of the plan.
        found: usize,
    },
    /// A shard that there is not.
    #[error("shard {found}: expected a whole number I/N with 1 <= I <= N <= {SHARDS_MAX}, such as 2/8")]
    Part {
        /// The shard asked for.
        found: Part,
    },
    /// The settings do not say how many levels there are.
    #[error("`doses`: found nothing, expected the number of levels")]
    NoLadder,
    /// A trial that does not end.
    #[error(
        "`max-patients`: found nothing, and a simulated trial went on beyond {UNPLANNED_MAX} patients: give the greatest number of patients"
    )]
    NoEnd,
    /// A late-onset design without times.
    #[error(
        "`{design}` reads how long patients have been followed: give `timing` (accrual, window and onset)"
    )]
    NoTiming {
        /// The design.
        design: &'static str,
    },
    /// A truth that cannot be asked.
    #[error(transparent)]
    Scenario(#[from] BadScenario),
    /// Settings of the conduct that do not hold together.
    #[error(transparent)]
    Conduct(#[from] Problems),
    /// The design gave no answer.
    #[error(transparent)]
    Data(#[from] BadData),
}

/// Why shards do not add up. Shards are named as they name themselves, and counted from 1 in the order given.
#[derive(Debug, Clone, PartialEq, Error)]
#[non_exhaustive]
pub enum NotMerged {
    /// No shard.
    #[error("found no shard, expected those of one plan")]
    None,
    /// A shard of another engine.
    #[error(
        "file {place} (shard {part}) is by `{found}`, expected `{expected}` as file 1: simulate it again"
    )]
    OtherEngine {
        /// Its place in the list, from 1.
        place: usize,
        /// The shard.
        part: Part,
        /// Its engine.
        found: String,
        /// The engine of the first.
        expected: String,
    },
    /// A shard of another plan.
    #[error(
        "file {place} (shard {part}) is of another plan than file 1: {what} differs; merge shards of one plan only"
    )]
    OtherPlan {
        /// Its place in the list, from 1.
        place: usize,
        /// The shard.
        part: Part,
        /// Which part of the plan differs.
        what: &'static str,
    },
    /// Trials that no shard has.
    #[error("trials {from} to {to} are in no shard given, expected every trial once: add the missing shard")]
    Gap {
        /// The first trial missing, from 0.
        from: u64,
        /// The last trial missing.
        to: u64,
    },
    /// Trials that two shards have.
    #[error(
        "file {first_place} (shard {first}) and file {second_place} (shard {second}) both have trial {from}, expected every trial once: leave one out"
    )]
    Overlap {
        /// Place of the one shard, from 1.
        first_place: usize,
        /// The one shard.
        first: Part,
        /// Place of the other shard.
        second_place: usize,
        /// The other shard.
        second: Part,
        /// The first trial both have, from 0.
        from: u64,
    },
    /// Counts that no simulation gives.
    #[error("file {place} (shard {part}) is damaged: {what}")]
    Damaged {
        /// Its place in the list, from 1.
        place: usize,
        /// The shard.
        part: Part,
        /// What cannot be.
        what: String,
    },
}

impl Plan {
    /// A plan in which outcomes are known at once and nothing goes wrong.
    pub fn new(
        design: Design,
        scenarios: Vec<Scenario>,
        yardstick: Yardstick,
        trials: u64,
        seed: u64,
    ) -> Self {
        Self { design, scenarios, yardstick, trials, seed, conduct: Conduct::default() }
    }

    /// What keeps the plan from being simulated.
    ///
    /// # Errors
    /// The first thing wrong.
    pub fn check(&self) -> Result<(), NotSimulated> {
        if !(2..=TRIALS_MAX).contains(&self.trials) {
            return Err(NotSimulated::Trials { found: self.trials });
        }
        if !(1..=SCENARIOS_MAX).contains(&self.scenarios.len()) {
            return Err(NotSimulated::Scenarios { found: self.scenarios.len() });
        }
        let levels = self.design.levels().ok_or(NotSimulated::NoLadder)?.min(LEVELS_MAX) as usize;
        for scenario in &self.scenarios {
            scenario.check(levels, self.design.needs_efficacy())?;
        }
        let problems = self.conduct.check(&self.scenarios);
        if !problems.is_empty() {
            return Err(Problems(problems).into());
        }
        if self.design.needs_follow_up() && self.conduct.timing.is_none() {
            return Err(NotSimulated::NoTiming { design: self.design.name() });
        }
        Ok(())
    }

    fn levels(&self) -> usize {
        self.scenarios.first().map_or(0, |scenario| scenario.truth.len())
    }

    /// What differs between two plans, if anything.
    fn difference(&self, other: &Self) -> Option<&'static str> {
        [
            (self.design == other.design, "the design"),
            (self.scenarios == other.scenarios, "the list of scenarios"),
            (self.yardstick == other.yardstick, "the yardstick"),
            (self.trials == other.trials, "the number of trials"),
            (self.seed == other.seed, "the seed"),
            (self.conduct == other.conduct, "the conduct"),
        ]
        .into_iter()
        .find(|(same, _)| !same)
        .map(|(_, what)| what)
    }
}

/// The operating characteristics under each scenario of the plan, on up to `threads` threads.
///
/// ```
/// use posology_design::characteristics::{Scenario, Yardstick};
/// use posology_design::simulate::{Plan, simulate};
/// let boin = r#"{"design": "boin", "target": 0.3, "doses": 5, "max-patients": 30}"#;
/// let truth = Scenario::of(&[0.05, 0.15, 0.30, 0.45, 0.60]);
/// let plan = Plan::new(serde_json::from_str(boin).unwrap(), vec![truth], Yardstick::new(0.3, 30), 2_000, 7);
/// let oc = simulate(&plan, 2)?.remove(0);
/// let error = oc.mc_se.unwrap().select[2];
/// assert!((oc.select[2] - 0.546_330).abs() < 4.0 * error); // the exact probability
/// # Ok::<(), posology_design::simulate::NotSimulated>(())
/// ```
///
/// # Errors
/// A plan that cannot be simulated, or a design that gave no answer.
pub fn simulate(plan: &Plan, threads: usize) -> Result<Vec<Characteristics>, NotSimulated> {
    let shard = simulate_shard(plan, Part::WHOLE, threads)?;
    Ok(finish(plan, &shard.totals))
}

/// A part of the trials of a plan, on up to `threads` threads, to be put together by [`merge`].
///
/// # Errors
/// A plan that cannot be simulated, a shard that there is not, or a design that gave no answer.
pub fn simulate_shard(plan: &Plan, part: Part, threads: usize) -> Result<Shard, NotSimulated> {
    plan.check()?;
    if part.index == 0 || part.index > part.of || part.of > SHARDS_MAX {
        return Err(NotSimulated::Part { found: part });
    }
    let (from, to) = part.range(plan.trials);
    let threads = (threads.max(1) as u64).min((to - from).max(1));
    let until = |share: u64| from + (u128::from(to - from) * u128::from(share) / u128::from(threads)) as u64;
    let ranges: Vec<(u64, u64)> = (0..threads).map(|share| (until(share), until(share + 1))).collect();
    let totals = if let [range] = ranges[..] {
        run(plan, range)?
    } else {
        std::thread::scope(|scope| {
            let parts: Vec<_> = ranges.iter().map(|range| scope.spawn(move || run(plan, *range))).collect();
            let mut sum: Vec<Totals> = Vec::new();
            for part in parts {
                let totals = match part.join() {
                    Ok(totals) => totals?,
                    Err(panic) => std::panic::resume_unwind(panic),
                };
                if sum.is_empty() {
                    sum = totals;
                } else {
                    sum.iter_mut().zip(&totals).for_each(|(sum, totals)| sum.merge(totals));
                }
            }
            Ok::<_, NotSimulated>(sum)
        })?
    };
    Ok(Shard { engine: ENGINE.to_owned(), plan: plan.clone(), part, from, to, totals })
}

/// The trials of each scenario in this range.
fn run(plan: &Plan, (from, to): (u64, u64)) -> Result<Vec<Totals>, NotSimulated> {
    let mut all = Vec::with_capacity(plan.scenarios.len());
    let mut on_counts = CountTrial::new(plan);
    let mut in_time = plan.conduct.timing.map(|timing| TimeTrial::new(plan, timing));
    for (number, scenario) in (0..).zip(&plan.scenarios) {
        let mut counter = totals::Counter::new(scenario, plan.yardstick);
        if let Some(trial) = &mut in_time {
            trial.suppose(scenario, number);
            (from..to).try_for_each(|replicate| trial.run(replicate, &mut counter))?;
        } else {
            on_counts.suppose(scenario, number);
            (from..to).try_for_each(|replicate| on_counts.run(replicate, &mut counter))?;
        }
        all.push(counter.finish());
    }
    Ok(all)
}

fn finish(plan: &Plan, totals: &[Totals]) -> Vec<Characteristics> {
    plan.scenarios
        .iter()
        .zip(totals)
        .map(|(scenario, totals)| totals.characteristics(scenario, plan))
        .collect()
}

/// The operating characteristics from all shards of one plan, in any order: to the last bit those of [`simulate`].
///
/// # Errors
/// No shard; shards of different engines or plans; trials missing or there twice; damaged counts.
pub fn merge(shards: &[Shard]) -> Result<Vec<Characteristics>, NotMerged> {
    let first = shards.first().ok_or(NotMerged::None)?;
    for (place, shard) in (1..).zip(shards) {
        let part = shard.part;
        if shard.engine != first.engine {
            let (found, expected) = (shard.engine.clone(), first.engine.clone());
            return Err(NotMerged::OtherEngine { place, part, found, expected });
        }
        if let Some(what) = shard.plan.difference(&first.plan) {
            return Err(NotMerged::OtherPlan { place, part, what });
        }
        shard.check().map_err(|what| NotMerged::Damaged { place, part, what })?;
    }
    let mut in_order: Vec<(usize, &Shard)> =
        (1..).zip(shards).filter(|(_, shard)| shard.from < shard.to).collect();
    in_order.sort_by_key(|(place, shard)| (shard.from, *place));
    let mut reached = 0;
    let mut before: Option<(usize, Part)> = None;
    for (place, shard) in &in_order {
        if shard.from > reached {
            return Err(NotMerged::Gap { from: reached, to: shard.from - 1 });
        }
        if let Some((first_place, first)) = before.filter(|_| shard.from < reached) {
            let (second_place, second, from) = (*place, shard.part, shard.from);
            return Err(NotMerged::Overlap { first_place, first, second_place, second, from });
        }
        (reached, before) = (shard.to, Some((*place, shard.part)));
    }
    let trials = first.plan.trials;
    if reached < trials {
        return Err(NotMerged::Gap { from: reached, to: trials - 1 });
    }
    let mut sum = first.totals.clone();
    for shard in &shards[1..] {
        sum.iter_mut().zip(&shard.totals).for_each(|(sum, totals)| sum.merge(totals));
    }
    Ok(finish(&first.plan, &sum))
}

impl Shard {
    /// What no simulation would have written.
    fn check(&self) -> Result<(), String> {
        self.plan.check().map_err(|wrong| format!("its plan cannot be simulated: {wrong}"))?;
        let (from, to) = self.part.range(self.plan.trials);
        if self.part.index == 0 || self.part.index > self.part.of || (from, to) != (self.from, self.to) {
            return Err(format!(
                "found trials {} to {}, expected {from} to {to} in shard {}",
                self.from, self.to, self.part
            ));
        }
        let (found, expected) = (self.totals.len(), self.plan.scenarios.len());
        if found != expected {
            return Err(format!("found counts of {found} scenarios, expected {expected}"));
        }
        for (number, totals) in (1..).zip(&self.totals) {
            totals
                .check(self.to - self.from, self.plan.levels())
                .map_err(|what| format!("scenario {number}: {what}"))?;
        }
        Ok(())
    }
}
