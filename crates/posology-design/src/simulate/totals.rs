//! What simulated trials add up to, in whole numbers.

use serde::{Deserialize, Serialize};

use super::Plan;
use super::count_trial::Happened;
use crate::characteristics::{Characteristics, Scenario, StandardErrors, Sums, Tally, Yardstick, add_each};
use crate::ladder::Level;

/// Counts the trials of one scenario.
pub(super) struct Counter {
    tally: Tally<u64>,
    totals: Totals,
}

/// The trials of one scenario, added up.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(super) struct Totals {
    trials: u64,
    sums: Sums<u64>,
    /// At each level: evaluable patients, their squares, treated patients, DLTs, patients with efficacy.
    patients: Vec<u64>,
    patients_squared: Vec<u64>,
    treated: Vec<u64>,
    dlts: Vec<u64>,
    responses: Vec<u64>,
    cohorts: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    time: Option<TimeTotals>,
}

/// What one trial took.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Clock {
    pub(super) duration: f64,
    pub(super) suspended: f64,
    pub(super) found_suspended: u64,
    /// Decisions that were acted on, and the pending at them.
    pub(super) decisions: u64,
    pub(super) pending: u64,
}

/// What trials took together, times in millionths of the window.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
struct TimeTotals {
    #[serde(with = "wide")]
    duration: u128,
    #[serde(with = "wide")]
    duration_squared: u128,
    #[serde(with = "wide")]
    suspended: u128,
    found_suspended: u64,
    decisions: u64,
    pending: u64,
}

/// Parts of the window that times are counted in.
const TICKS: f64 = 1e6;

/// Sums too long for the numbers of JSON, written as text.
mod wide {
    use serde::{Deserialize, Deserializer, Serializer, de::Error};

    pub(super) fn serialize<S: Serializer>(sum: &u128, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(sum)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u128, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(|_| D::Error::custom(format!("found `{text}`, expected a whole number")))
    }
}

impl Counter {
    pub(super) fn new(scenario: &Scenario, yardstick: Yardstick) -> Self {
        let none = || vec![0; scenario.truth.len()];
        let totals = Totals {
            patients: none(),
            patients_squared: none(),
            treated: none(),
            dlts: none(),
            responses: none(),
            ..Totals::default()
        };
        Self { tally: Tally::new(scenario, yardstick), totals }
    }

    pub(super) fn add(&mut self, happened: &Happened, selected: Option<Level>) {
        let totals = &mut self.totals;
        totals.trials += 1;
        totals.cohorts += u64::from(happened.cohorts);
        let each = |into: &mut [u64], from: &[u32]| {
            into.iter_mut().zip(from).for_each(|(into, from)| *into += u64::from(*from));
        };
        each(&mut totals.patients, &happened.patients);
        each(&mut totals.treated, &happened.treated);
        each(&mut totals.dlts, &happened.dlts);
        each(&mut totals.responses, &happened.responses);
        let squared = totals.patients_squared.iter_mut().zip(&happened.patients);
        squared.for_each(|(into, from)| *into += u64::from(*from) * u64::from(*from));
        self.tally.add_end(1, selected.map_or(0, |level| level.index() + 1), happened.dlts.iter().sum());
        self.tally.add_profile(1, happened.patients.iter().copied());
    }

    pub(super) fn add_clock(&mut self, clock: Clock, window: f64) {
        let ticks = |time: f64| libm::round(time / window * TICKS) as u128;
        let time = self.totals.time.get_or_insert_default();
        let duration = ticks(clock.duration);
        time.duration += duration;
        time.duration_squared += duration * duration;
        time.suspended += ticks(clock.suspended);
        time.found_suspended += clock.found_suspended;
        time.decisions += clock.decisions;
        time.pending += clock.pending;
    }

    pub(super) fn finish(self) -> Totals {
        Totals { sums: self.tally.sums, ..self.totals }
    }
}

impl Totals {
    /// The other's trials too.
    pub(super) fn merge(&mut self, other: &Self) {
        self.trials += other.trials;
        self.cohorts += other.cohorts;
        self.sums.merge(&other.sums);
        if let Some(other) = &other.time {
            let time = self.time.get_or_insert_default();
            time.duration += other.duration;
            time.duration_squared += other.duration_squared;
            time.suspended += other.suspended;
            time.found_suspended += other.found_suspended;
            time.decisions += other.decisions;
            time.pending += other.pending;
        }
        add_each(&mut self.patients, &other.patients);
        add_each(&mut self.patients_squared, &other.patients_squared);
        add_each(&mut self.treated, &other.treated);
        add_each(&mut self.dlts, &other.dlts);
        add_each(&mut self.responses, &other.responses);
    }

    /// What cannot be the counts of so many trials on so many levels.
    pub(super) fn check(&self, trials: u64, levels: usize) -> Result<(), String> {
        let lists = [
            &self.sums.select,
            &self.patients,
            &self.patients_squared,
            &self.treated,
            &self.dlts,
            &self.responses,
        ];
        if let Some(list) = lists.iter().find(|list| list.len() != levels) {
            return Err(format!("found counts of {} levels, expected {levels}", list.len()));
        }
        let sum = |counts: &[u64]| counts.iter().try_fold(0_u64, |sum, count| sum.checked_add(*count));
        let selected = sum(&self.sums.select).and_then(|sum| sum.checked_add(self.sums.none));
        let found = [Some(self.trials), selected, sum(&self.sums.sample_size), sum(&self.sums.dlt_count)];
        if let Some(found) = found.into_iter().find(|found| *found != Some(trials)) {
            let found = found.map_or_else(|| "too many".to_owned(), |found| found.to_string());
            return Err(format!("its counts are of {found} trials, expected {trials}"));
        }
        let time = self.time.clone().unwrap_or_default();
        let greatest = u128::from(trials) * MOST_A_TRIAL;
        let all = lists.iter().flat_map(|list| list.iter()).chain([&self.cohorts, &time.found_suspended]);
        let all = all.chain([&time.decisions, &time.pending]).map(|count| u128::from(*count));
        let all = all.chain([time.duration, time.suspended, time.duration_squared / MOST_A_TRIAL]);
        match all.max().filter(|count| *count > greatest) {
            Some(count) => Err(format!("found a count of {count}, more than {trials} trials can have")),
            None => Ok(()),
        }
    }

    /// The measures with their standard errors.
    pub(super) fn characteristics(&self, scenario: &Scenario, plan: &Plan) -> Characteristics {
        let trials = self.trials as f64;
        let window = plan.conduct.timing.map_or(1.0, |timing| timing.window);
        let means = |sums: &[u64]| -> Vec<f64> { sums.iter().map(|sum| *sum as f64 / trials).collect() };
        let mut tally: Tally = Tally::new(scenario, plan.yardstick);
        tally.sums = self.sums.shares(self.trials);
        let mut oc = tally.finish(scenario, means(&self.patients));
        // What happened, rather than what was to be expected of those treated.
        oc.dlts = means(&self.dlts);
        oc.total_dlts = oc.dlts.iter().sum();
        if !scenario.efficacy.is_empty() {
            oc.responses = means(&self.responses);
        }
        if plan.conduct.perturbation.non_evaluable > 0.0 {
            oc.treated = means(&self.treated);
        }
        oc.cohorts = Some(self.cohorts as f64 / trials);
        let of_share = |share: &f64| libm::sqrt(share * (1.0 - share) / trials);
        oc.mc_se = Some(StandardErrors {
            select: oc.select.iter().map(of_share).collect(),
            select_none: of_share(&oc.select_none),
            patients: self
                .patients
                .iter()
                .zip(&self.patients_squared)
                .map(|(sum, squares)| standard_error(self.trials, u128::from(*sum), u128::from(*squares)))
                .collect(),
            total_patients: of_counts(self.trials, &self.sums.sample_size),
            total_dlts: of_counts(self.trials, &self.sums.dlt_count),
            duration: self.time.as_ref().map(|time| {
                window / TICKS * standard_error(self.trials, time.duration, time.duration_squared)
            }),
        });
        if let Some(time) = &self.time {
            oc.duration = Some(time.duration as f64 / trials * (window / TICKS));
            let share = |part: f64, of: f64| if of > 0.0 { part / of } else { 0.0 };
            oc.suspended = Some(share(time.suspended as f64, time.duration as f64));
            oc.found_suspended = Some(time.found_suspended as f64 / trials);
            oc.pending_at_decision = Some(share(time.pending as f64, time.decisions as f64));
        }
        oc
    }
}

/// No sum of one trial is greater, be it of squares of patients or of time.
const MOST_A_TRIAL: u128 = 1_000_000_000_000_000;

/// The standard error of a mean, from the sum and the sum of squares of at least two numbers, with n - 1 in the variance.
fn standard_error(trials: u64, sum: u128, squares: u128) -> f64 {
    // n sum(x^2) - (sum x)^2 in whole numbers: nothing cancels.
    let n = u128::from(trials);
    let exact = || n.checked_mul(squares)?.checked_sub(sum.checked_mul(sum)?);
    let trials = trials as f64;
    let rounded = || (trials * squares as f64 - sum as f64 * sum as f64).max(0.0);
    let spread = exact().map_or_else(rounded, |spread| spread as f64);
    libm::sqrt(spread / (trials * trials * (trials - 1.0)))
}

/// The standard error of the mean of a number of which so many trials had each value, from 0.
fn of_counts(trials: u64, counts: &[u64]) -> f64 {
    let sums = (0_u128..).zip(counts).fold((0_u128, 0_u128), |(sum, squares), (value, count)| {
        let count = u128::from(*count);
        (sum + value * count, squares + value * value * count)
    });
    standard_error(trials, sums.0, sums.1)
}
