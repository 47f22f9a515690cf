//! From a model's recommendation to the next cohort: run-in, stopping, no skipping, coherence. All designs of the
//! CRM family steer alike.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::because::Because;
use crate::boin::plural;
use crate::data::Counts;
use crate::decision::Move;
use crate::ladder::{LEVELS_MAX, Level};
use crate::settings::{PATIENTS_MAX, Problem};

/// Fewer evaluable patients than this at level 1 never stop a trial.
pub(crate) const STOPS_FROM: u32 = 3;

const COHERENCE: &str = "Cheung YK. Biometrika 2005;92:863-873, doi:10.1093/biomet/92.4.863";
const SKIPPING: &str =
    "Goodman SN, Zahurak ML, Piantadosi S. Stat Med 1995;14:1149-1161, doi:10.1002/sim.4780141102";

/// The setting `stop-toxic`: the probability above which level 1 is too toxic, or `false`.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(untagged, expecting = "expected a probability such as 0.90, or false")]
pub enum StopToxic {
    /// Stop when Pr(DLT rate of level 1 > target) is above this, with at least 3 evaluable patients there.
    Above(f64),
    /// `false`: never stop so. `true` says nothing, and is refused.
    Switch(bool),
}

impl StopToxic {
    pub(crate) fn bound(self) -> Option<f64> {
        match self {
            Self::Above(bound) => Some(bound),
            Self::Switch(_) => None,
        }
    }
}

impl fmt::Display for StopToxic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Above(bound) => bound.fmt(f),
            Self::Switch(on) => on.fmt(f),
        }
    }
}

/// The settings that steer, whatever the model.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Steering<'a> {
    pub(crate) target: f64,
    pub(crate) cohort_size: u32,
    pub(crate) allow_skipping: bool,
    pub(crate) coherent: bool,
    pub(crate) stop_toxic: StopToxic,
    pub(crate) early_stop_n: Option<u32>,
    pub(crate) initial_design: &'a [u32],
    /// Whether the absence of a DLT in the last cohort forbids to de-escalate. Not where DLTs come late.
    pub(crate) keeps_level: bool,
}

/// Why the next cohort is not where the model would have it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Held {
    /// At most one level above the current one and the highest tried.
    Skipping,
    /// A DLT in the last cohort.
    AfterDlt,
    /// The last cohort is not known, and may have had a DLT.
    PerhapsAfterDlt,
    /// No DLT in the last cohort.
    AfterNone,
    /// Too few patients with enough follow-up at the current level.
    FollowUp,
}

/// The next step, and what led to it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Step {
    /// Where the model or the run-in would go.
    pub(crate) wanted: Level,
    /// Whether that is the run-in.
    pub(crate) runs_in: bool,
    pub(crate) held: Option<Held>,
    /// Where the next patients are treated, and how many.
    pub(crate) to: Level,
    pub(crate) enrol: u32,
}

/// What is known of the last cohort.
enum Last {
    Dlt,
    None,
    Unknown,
    Nobody,
}

fn last_cohort(seen: &Counts) -> Last {
    if let Some(last) = seen.last {
        return match (last.patients, last.dlts) {
            (0, _) => Last::Nobody,
            (_, 0) => Last::None,
            _ => Last::Dlt,
        };
    }
    // Without an order of entry, counts that are all or none still tell.
    let here = seen.here();
    match (here.evaluable, here.dlt) {
        (0, _) => Last::Nobody,
        (_, 0) => Last::None,
        (all, dlts) if all == dlts && seen.pending_at(seen.current) == 0 => Last::Dlt,
        _ => Last::Unknown,
    }
}

impl Step {
    /// Whether an escalation was held back for follow-up alone.
    pub(crate) fn waits_for_follow_up(&self) -> bool {
        self.held == Some(Held::FollowUp)
    }
}

impl Steering<'_> {
    pub(crate) fn check(&self, levels: Option<u32>, start: u32) -> Vec<Problem> {
        let mut problems = Vec::new();
        let mend = "give a probability such as 0.90, or false";
        match self.stop_toxic {
            StopToxic::Above(bound) => {
                problems.extend(Problem::unless_inside("stop-toxic", bound, 0.0, 1.0, mend));
            }
            StopToxic::Switch(true) => {
                problems.push(Problem::new("stop-toxic", true, "a probability, or false", mend));
            }
            StopToxic::Switch(false) => {}
        }
        if self.early_stop_n == Some(0) {
            let mend = "give the patients at one level that end the trial, or leave it out";
            problems.push(Problem::new("early-stop-n", 0, "at least 1", mend));
        }
        let plan = self.initial_design;
        let mend = "give the level of each patient until the first DLT, such as [1, 1, 1, 2, 2, 2, 3]";
        let mut wrong = |found: String, expected: String| {
            problems.push(Problem::new("initial-design", found, expected, mend));
        };
        if plan.len() > PATIENTS_MAX as usize {
            wrong(format!("{} patients", plan.len()), format!("at most {PATIENTS_MAX}"));
        }
        let top = levels.unwrap_or(LEVELS_MAX);
        if let Some(level) = plan.iter().find(|level| !(1..=top).contains(*level)) {
            wrong(format!("level {level}"), format!("levels of the ladder, 1 to {top}"));
        }
        if let Some(&first) = plan.first().filter(|first| **first != start) {
            wrong(format!("level {first} first"), format!("level {start} first, as `start` says"));
        }
        let steps = plan
            .windows(2)
            .find(|pair| pair[1] < pair[0] || (pair[1] > pair[0].saturating_add(1) && !self.allow_skipping));
        if let Some(pair) = steps {
            let expected =
                if self.allow_skipping { "levels that never fall" } else { "steps of one level up" };
            wrong(format!("level {} after level {}", pair[1], pair[0]), expected.to_owned());
        }
        problems
    }

    /// The first cohort.
    pub(crate) fn begin(&self, start: u32) -> Move {
        let enrol = self.run(0).unwrap_or(self.cohort_size);
        Move { action: crate::decision::Action::Start, level: Level::new(start), enrol }
    }

    /// Patients of the run-in, from this one on, who share its level: at most a cohort.
    fn run(&self, treated: usize) -> Option<u32> {
        let rest = self.initial_design.get(treated..).filter(|rest| !rest.is_empty())?;
        let same = rest.iter().take_while(|level| **level == rest[0]).count();
        Some(u32::try_from(same).unwrap_or(u32::MAX).min(self.cohort_size))
    }

    /// Whether level 1 is too toxic to go on.
    pub(crate) fn stops(&self, seen: &Counts, over_first: f64) -> bool {
        let stops = self.stop_toxic.bound().is_some_and(|bound| over_first > bound);
        stops && seen.at(Level::FIRST).evaluable >= STOPS_FROM
    }

    /// The next step when the model recommends this level. `wants_follow_up` says that an escalation must wait.
    pub(crate) fn step(&self, seen: &Counts, recommended: Level, wants_follow_up: bool) -> Step {
        let current = seen.current;
        let treated = seen.treated() as usize;
        let no_dlt = seen.levels.iter().all(|count| count.dlt == 0);
        let planned = self.initial_design.get(treated).filter(|_| no_dlt).copied();
        let run_in = planned.and_then(Level::new);
        let wanted = run_in.unwrap_or(recommended);
        let mut held = None;
        let mut to = wanted;
        if !self.allow_skipping && to > current {
            let tried = |level: Level| seen.at(level).evaluable + seen.pending_at(level) > 0;
            let highest = (0..seen.levels.len()).rev().map(Level::at_index).find(|level| tried(*level));
            let most = highest.map_or(Level::FIRST, Level::above).min(current.above());
            if to > most {
                (to, held) = (most, Some(Held::Skipping));
            }
        }
        if self.coherent {
            let last = last_cohort(seen);
            if to > current {
                match last {
                    Last::Dlt => (to, held) = (current, Some(Held::AfterDlt)),
                    Last::Unknown => (to, held) = (current, Some(Held::PerhapsAfterDlt)),
                    Last::None | Last::Nobody => {}
                }
            } else if to < current && self.keeps_level && matches!(last, Last::None) && held.is_none() {
                (to, held) = (current, Some(Held::AfterNone));
            }
        }
        if to > current && wants_follow_up {
            (to, held) = (current, Some(Held::FollowUp));
        }
        let run = run_in.filter(|level| *level == to).and_then(|_| self.run(treated));
        Step { wanted, runs_in: run_in.is_some(), held, to, enrol: run.unwrap_or(self.cohort_size) }
    }

    /// Whether the trial ends because the current level has enough patients.
    pub(crate) fn ends(&self, seen: &Counts, step: Step) -> bool {
        step.to == seen.current && self.early_stop_n.is_some_and(|n| seen.here().evaluable >= n)
    }

    /// The sentence on a trial that stops.
    pub(crate) fn stop_words(&self, design: &str, seen: &Counts, over_first: f64) -> Because {
        let first = seen.at(Level::FIRST);
        let bound = self.stop_toxic.bound().unwrap_or(1.0);
        let says = format!(
            "level 1 is too toxic: with {} {} among {} evaluable patients there and the data of all levels, its DLT rate is above {} with probability {over_first:.3}, more than {bound}",
            first.dlt,
            plural(first.dlt, "DLT"),
            first.evaluable,
            self.target
        );
        Because::new(format!("{design}/stop-toxic"), says)
            .input("level", 1)
            .input("evaluable", first.evaluable)
            .input("dlt", first.dlt)
            .input("probability", over_first)
            .input("stop-toxic", bound)
            .input("target", self.target)
    }

    /// Where the model or the run-in would go, what held it, and whether the trial has enough patients.
    pub(crate) fn step_words(
        &self,
        design: &str,
        source: &str,
        seen: &Counts,
        step: Step,
        estimates: &[f64],
    ) -> Vec<Because> {
        let Step { wanted, to, .. } = step;
        let current = seen.current;
        let estimate = estimates.get(wanted.index()).copied().unwrap_or(f64::NAN);
        let target = self.target;
        let mut because = Vec::new();
        if step.runs_in {
            let patient = seen.treated() + 1;
            let says = format!(
                "no DLT in {} patients: the initial design treats patient {patient} at level {wanted}",
                seen.treated()
            );
            because.push(
                Because::new(format!("{design}/initial-design"), says)
                    .input("patient", patient)
                    .input("level", wanted)
                    .source(source),
            );
        } else {
            let says = if estimates.iter().all(|estimate| *estimate <= target) {
                format!(
                    "all levels are estimated at {target} or less: the model recommends the top, level {wanted} ({estimate:.3})"
                )
            } else if estimates.iter().all(|estimate| *estimate >= target) {
                format!(
                    "all levels are estimated at {target} or more: the model recommends level {wanted} ({estimate:.3})"
                )
            } else {
                format!(
                    "the model recommends level {wanted}: its estimated DLT rate {estimate:.3} is nearest to {target}"
                )
            };
            because.push(
                Because::new(format!("{design}/recommended"), says)
                    .input("level", wanted)
                    .input("estimate", estimate)
                    .input("target", target)
                    .source(source),
            );
        }
        because.extend(step.held.and_then(|held| self.held_words(design, held, seen, to)));
        if self.ends(seen, step) {
            let (n, here) = (self.early_stop_n.unwrap_or(0), seen.here().evaluable);
            let says = format!("{here} evaluable patients at level {current}: the trial ends at {n}");
            because.push(
                Because::new(format!("{design}/early-stop"), says)
                    .input("level", current)
                    .input("evaluable", here)
                    .input("early-stop-n", n),
            );
        }
        because
    }

    fn held_words(&self, design: &str, held: Held, seen: &Counts, to: Level) -> Option<Because> {
        let current = seen.current;
        let here = seen.here();
        let (rule, says, source) = match held {
            Held::Skipping => (
                "no-skipping",
                format!(
                    "no untried level is skipped, and no escalation is by more than one level: level {to}"
                ),
                SKIPPING,
            ),
            Held::AfterDlt => (
                "coherence",
                format!("the last cohort at level {current} had a DLT: no escalation right after it"),
                COHERENCE,
            ),
            Held::PerhapsAfterDlt => (
                "coherence",
                format!(
                    "the order of entry is not known, and with {} {} among {} evaluable patients at level {current} the last cohort may have had one: no escalation right after a DLT",
                    here.dlt,
                    plural(here.dlt, "DLT"),
                    here.evaluable
                ),
                COHERENCE,
            ),
            Held::AfterNone => (
                "coherence",
                format!("the last cohort at level {current} had no DLT: no de-escalation right after it"),
                COHERENCE,
            ),
            // The design that asks for follow-up says how much.
            Held::FollowUp => return None,
        };
        let because = Because::new(format!("{design}/{rule}"), says)
            .input("level", current)
            .input("evaluable", here.evaluable)
            .input("dlt", here.dlt)
            .source(source);
        Some(because)
    }
}

/// The place of the estimate that is recommended: the last when all are at most the target, the first when all are
/// at least the target, else the nearest, the first on ties. Estimates rise; none among no estimates.
pub(crate) fn recommended(estimates: &[f64], target: f64) -> Option<usize> {
    if estimates.iter().all(|estimate| *estimate <= target) {
        return estimates.len().checked_sub(1);
    }
    if estimates.iter().all(|estimate| *estimate >= target) {
        return Some(0);
    }
    let mut best: Option<(usize, f64)> = None;
    for (place, estimate) in estimates.iter().enumerate() {
        let far = (estimate - target).abs();
        if best.is_none_or(|(_, least)| far < least) {
            best = Some((place, far));
        }
    }
    best.map(|(place, _)| place)
}

/// The recommended level among those treated.
pub(crate) fn recommended_treated(seen: &Counts, estimates: &[f64], target: f64) -> Option<Level> {
    let treated: Vec<usize> =
        (0..seen.levels.len()).filter(|index| seen.levels[*index].evaluable > 0).collect();
    let theirs: Vec<f64> = treated.iter().filter_map(|index| estimates.get(*index).copied()).collect();
    recommended(&theirs, target).and_then(|place| treated.get(place)).map(|index| Level::at_index(*index))
}

/// The sentences on the selection.
pub(crate) fn selected_words(
    design: &str,
    source: &str,
    target: f64,
    estimates: &[f64],
    selected: Option<Level>,
) -> Because {
    let because = match selected.and_then(|level| Some((level, estimates.get(level.index())?))) {
        Some((level, estimate)) => Because::new(
            format!("{design}/selected"),
            format!("level {level} is selected: of the treated levels its estimated DLT rate {estimate:.3} is nearest to {target}"),
        )
        .input("level", level)
        .input("estimate", estimate),
        None => Because::new(format!("{design}/none-selected"), "no treated level can be selected"),
    };
    because.input("target", target).source(source)
}
