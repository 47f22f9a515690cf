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
        let greatest = trials.saturating_mul(MOST_A_TRIAL);
        let all = lists.iter().flat_map(|list| list.iter()).chain([&self.cohorts]);
        match all.max().filter(|count| **count > greatest) {
            Some(count) => Err(format!("found a count of {count}, more than {trials} trials can have")),
            None => Ok(()),
        }
    }

    /// The measures with their standard errors.
    pub(super) fn characteristics(&self, scenario: &Scenario, plan: &Plan) -> Characteristics {
        let trials = self.trials as f64;
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
            duration: None,
        });
        oc
    }
}

/// No sum of one trial is greater: the square of the patients of a level.
const MOST_A_TRIAL: u64 = 1_000_000_000_000;

/// The standard error of a mean, from the sum and the sum of squares, with n - 1 in the variance.
fn standard_error(trials: u64, sum: u128, squares: u128) -> f64 {
    if trials < 2 {
        return f64::NAN;
    }
    // n sum(x^2) - (sum x)^2 in whole numbers: nothing cancels.
    let n = u128::from(trials);
    let spread = n.saturating_mul(squares).saturating_sub(sum.saturating_mul(sum));
    let trials = trials as f64;
    libm::sqrt(spread as f64 / (trials * trials * (trials - 1.0)))
}

/// The standard error of the mean of a number of which so many trials had each value, from 0.
fn of_counts(trials: u64, counts: &[u64]) -> f64 {
    let sums = (0_u128..).zip(counts).fold((0_u128, 0_u128), |(sum, squares), (value, count)| {
        let count = u128::from(*count);
        (sum + value * count, squares + value * value * count)
    });
    standard_error(trials, sums.0, sums.1)
}
