//! Operating characteristics: what a design does, on average and at worst, when the DLT rates are so.
//!
//! The same measures come out of the exact sum over a decision graph and out of simulated trials: both hand over
//! ended trials with their weights.

use std::ops::AddAssign;

use serde::{Deserialize, Serialize};

use crate::numeric::binomial_probabilities;

/// A supposed truth: the DLT rate at each level, and the efficacy rate where a design reads it.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct Scenario {
    /// What it is called; empty where nobody named it.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub name: String,
    /// The DLT rate at each level, the lowest level first. The rates need not increase.
    pub truth: Vec<f64>,
    /// The efficacy rate at each level; empty for designs on toxicity alone.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub efficacy: Vec<f64>,
    /// Odds ratio between DLT and efficacy in one patient; 1 where they are independent.
    pub odds_ratio: Option<f64>,
}

impl Scenario {
    /// A truth without a name, on toxicity alone.
    pub fn of(truth: &[f64]) -> Self {
        Self { truth: truth.to_vec(), ..Self::default() }
    }

    /// The probabilities at a level of: neither, DLT only, efficacy only, both.
    pub(crate) fn cells(&self, level: usize) -> [f64; 4] {
        let dlt = self.truth.get(level).copied().unwrap_or(0.0);
        let efficacy = self.efficacy.get(level).copied().unwrap_or(0.0);
        let both = joint(dlt, efficacy, self.odds_ratio.unwrap_or(1.0));
        [(1.0 - dlt - efficacy + both).max(0.0), (dlt - both).max(0.0), (efficacy - both).max(0.0), both]
    }

    /// What is wrong with it for a ladder of so many levels; nothing if it can be asked.
    ///
    /// # Errors
    /// A truth of another length, a rate outside 0 to 1, efficacy missing where the design reads it.
    pub fn check(&self, levels: usize, efficacy: bool) -> Result<(), BadScenario> {
        let named = |what: &'static str| {
            if self.name.is_empty() { what.to_owned() } else { format!("{what} of `{}`", self.name) }
        };
        let rates = [("the truth", &self.truth, true), ("the efficacy rates", &self.efficacy, efficacy)];
        for (what, rates, needed) in rates {
            if rates.len() != levels && (needed || !rates.is_empty()) {
                return Err(BadScenario::Length { what: named(what), found: rates.len(), levels });
            }
            if let Some((place, &found)) =
                rates.iter().enumerate().find(|(_, rate)| !(0.0..=1.0).contains(*rate))
            {
                return Err(BadScenario::Rate { what: named(what), level: place + 1, found });
            }
        }
        match self.odds_ratio.filter(|ratio| !(*ratio > 0.0 && ratio.is_finite())) {
            Some(found) => Err(BadScenario::OddsRatio { found }),
            None => Ok(()),
        }
    }
}

/// The probability of both events with these margins and odds ratio (Plackett RL. J Am Stat Assoc 1965;60:516-522).
fn joint(p: f64, q: f64, ratio: f64) -> f64 {
    if (ratio - 1.0).abs() < 1e-12 {
        return p * q;
    }
    let a = 1.0 + (p + q) * (ratio - 1.0);
    let root = libm::sqrt((a * a - 4.0 * ratio * (ratio - 1.0) * p * q).max(0.0));
    ((a - root) / (2.0 * (ratio - 1.0))).clamp((p + q - 1.0).max(0.0), p.min(q))
}

/// A truth that cannot be asked.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum BadScenario {
    /// Another number of rates than levels.
    #[error("{what}: found {found} rates, expected {levels}, one for each level")]
    Length {
        /// Which list.
        what: String,
        /// Its length.
        found: usize,
        /// Levels of the design.
        levels: usize,
    },
    /// A rate that is no probability.
    #[error("{what}: found {found} at level {level}, expected a probability from 0 to 1")]
    Rate {
        /// Which list.
        what: String,
        /// The level, from 1.
        level: usize,
        /// The rate.
        found: f64,
    },
    /// An odds ratio that is none.
    #[error(
        "`odds-ratio`: found {found}, expected a number above 0; 1 where DLT and efficacy are independent"
    )]
    OddsRatio {
        /// The ratio.
        found: f64,
    },
}

/// Which level is rightly selected under a truth.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Correct {
    /// The level with the rate nearest to the target, the lower of two; none where even the least rate is above
    /// the acceptable ones.
    #[default]
    Closest,
    /// The level with the highest rate not above the target; none where all are.
    HighestNotAbove,
}

/// What is asked of a truth: the target, and what counts as right and as acceptable.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Yardstick {
    /// The target DLT rate.
    pub target: f64,
    /// Which level is rightly selected.
    pub correct: Correct,
    /// The least acceptable rate.
    pub acceptable_from: f64,
    /// The greatest acceptable rate.
    pub acceptable_to: f64,
    /// Patients planned: `max-patients`, or the longest possible trial.
    pub planned: u32,
}

impl Yardstick {
    /// Closest to the target is right, within 0.10 of it acceptable.
    pub fn new(target: f64, planned: u32) -> Self {
        let (acceptable_from, acceptable_to) = ((target - 0.10).max(0.0), (target + 0.10).min(1.0));
        Self { target, correct: Correct::Closest, acceptable_from, acceptable_to, planned }
    }

    /// The level rightly selected under a truth, as an index; none where no level is.
    fn mtd(&self, truth: &[f64]) -> Option<usize> {
        let best = |keep: &dyn Fn(f64) -> bool| {
            let mut best: Option<usize> = None;
            for (index, rate) in truth.iter().enumerate().filter(|(_, rate)| keep(**rate)) {
                // Rates such as 0.2 and 0.4 about 0.3 are equally far although their doubles are not.
                let nearer =
                    |other: usize| (rate - self.target).abs() < (truth[other] - self.target).abs() - 1e-12;
                if best.is_none_or(nearer) {
                    best = Some(index);
                }
            }
            best
        };
        match self.correct {
            Correct::Closest => {
                let least = truth.iter().copied().fold(f64::INFINITY, f64::min);
                best(&|_| least <= self.acceptable_to + 1e-12)
            }
            Correct::HighestNotAbove => best(&|rate| rate <= self.target + 1e-12),
        }
    }

    fn accepts(&self, rate: f64) -> bool {
        rate >= self.acceptable_from - 1e-12 && rate <= self.acceptable_to + 1e-12
    }
}

/// The operating characteristics of a design under one truth. Probabilities, not percent.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Characteristics {
    /// What the scenario is called.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub name: String,
    /// The DLT rates supposed.
    pub truth: Vec<f64>,
    /// The efficacy rates supposed, if the design reads them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub efficacy: Vec<f64>,
    /// Probability that each level is selected.
    pub select: Vec<f64>,
    /// Probability that none is.
    pub select_none: f64,
    /// Expected evaluable patients at each level.
    pub patients: Vec<f64>,
    /// Expected DLTs at each level.
    pub dlts: Vec<f64>,
    /// Expected evaluable patients.
    pub total_patients: f64,
    /// Expected DLTs.
    pub total_dlts: f64,
    /// Probability that more than 60% of the planned patients are treated above the true MTD.
    pub overdose_60: f64,
    /// Probability that more than 80% are.
    pub overdose_80: f64,
    /// The level rightly selected, from 1; none where no level is.
    pub true_mtd: Option<u32>,
    /// Probability of selecting it or a level with the same DLT rate, or none where none is right.
    pub p_correct: f64,
    /// Probability of selecting a level with an acceptable DLT rate, or none where no level has one.
    pub p_acceptable: f64,
    /// Probability of selecting a level with a higher DLT rate than the true MTD's.
    pub p_select_above: f64,
    /// Expected share of the patients who are treated at such a level: expected patients there over expected patients.
    pub p_allocated_above: f64,
    /// Probability that anyone is treated at such a level.
    pub p_ever_above: f64,
    /// Probability that anyone is treated at a higher level than one tried with a DLT rate above the target.
    pub p_escalated_from_toxic: f64,
    /// Probability that fewer than the planned patients are treated.
    pub p_early_stop: f64,
    /// Probability that the non-parametric benchmark selects the true MTD: the most that complete information about
    /// the planned patients would allow. O'Quigley J, Paoletti X, Maccario J. Biostatistics 2002;3:51-56.
    pub benchmark: f64,
    /// Probability that the benchmark selects each level.
    pub benchmark_select: Vec<f64>,
    /// 1 where the selection is always right, 0 where it is as good as choosing at random. Cheung YK. Dose Finding by
    /// the Continual Reassessment Method, 2011, section 5.
    pub accuracy_index: f64,
    /// Probability of each number of evaluable patients, from 0.
    pub sample_size: Vec<f64>,
    /// Probability of each number of DLTs, from 0.
    pub dlt_count: Vec<f64>,
    /// Expected number of cohorts (decisions), where the engine knows it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cohorts: Option<f64>,
    /// Expected duration in the unit of the accrual settings, for simulated trials in time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub duration: Option<f64>,
    /// Expected patients treated at each level, those not evaluable and replaced among them; empty where everyone is
    /// evaluable.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub treated: Vec<f64>,
    /// Share of the time of all trials during which accrual was suspended, for simulated trials in time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub suspended: Option<f64>,
    /// Expected patients who came while accrual was suspended: turned away, or made to wait.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub found_suspended: Option<f64>,
    /// Expected pending patients at a decision that was acted on, for simulated trials in time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pending_at_decision: Option<f64>,
    /// Expected patients with the efficacy outcome at each level, if the design reads it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub responses: Vec<f64>,
    /// Standard errors, for simulated trials.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mc_se: Option<StandardErrors>,
}

/// One number of [`Characteristics`], for tables with a row a number.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Measured {
    /// What is measured, named as in [`Characteristics`], with hyphens.
    pub measure: &'static str,
    /// Of which: the level from 1, or the number of patients or DLTs; none where the measure is of the whole trial.
    pub of: Option<u32>,
    /// The number.
    pub value: f64,
}

impl Characteristics {
    /// Every number, a row each: first those of levels, then those of the trial, then the distributions.
    pub fn rows(&self) -> Vec<Measured> {
        let levels: [(&'static str, &[f64]); 8] = [
            ("truth", &self.truth),
            ("efficacy", &self.efficacy),
            ("select", &self.select),
            ("benchmark-select", &self.benchmark_select),
            ("patients", &self.patients),
            ("dlts", &self.dlts),
            ("treated", &self.treated),
            ("responses", &self.responses),
        ];
        let whole = [
            ("select-none", Some(self.select_none)),
            ("true-mtd", self.true_mtd.map(f64::from)),
            ("p-correct", Some(self.p_correct)),
            ("benchmark", Some(self.benchmark)),
            ("p-acceptable", Some(self.p_acceptable)),
            ("p-select-above", Some(self.p_select_above)),
            ("p-allocated-above", Some(self.p_allocated_above)),
            ("p-ever-above", Some(self.p_ever_above)),
            ("p-escalated-from-toxic", Some(self.p_escalated_from_toxic)),
            ("p-early-stop", Some(self.p_early_stop)),
            ("overdose-60", Some(self.overdose_60)),
            ("overdose-80", Some(self.overdose_80)),
            ("accuracy-index", Some(self.accuracy_index)),
            ("total-patients", Some(self.total_patients)),
            ("total-dlts", Some(self.total_dlts)),
            ("cohorts", self.cohorts),
            ("duration", self.duration),
            ("suspended", self.suspended),
            ("found-suspended", self.found_suspended),
            ("pending-at-decision", self.pending_at_decision),
        ];
        let spread: [(&'static str, &[f64]); 2] =
            [("sample-size", &self.sample_size), ("dlt-count", &self.dlt_count)];
        let each = |from: u32, measure: &'static str, values: &[f64]| -> Vec<Measured> {
            (from..)
                .zip(values)
                .map(|(of, value)| Measured { measure, of: Some(of), value: *value })
                .collect()
        };
        let of_trial = |(measure, value): (&'static str, Option<f64>)| {
            value.map(|value| Measured { measure, of: None, value })
        };
        let mut rows: Vec<Measured> =
            levels.into_iter().flat_map(|(measure, values)| each(1, measure, values)).collect();
        rows.extend(whole.into_iter().filter_map(of_trial));
        rows.extend(spread.into_iter().flat_map(|(measure, values)| each(0, measure, values)));
        rows
    }
}

/// Monte Carlo standard errors of the measures of the same names.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct StandardErrors {
    /// Of each selection probability.
    pub select: Vec<f64>,
    /// Of the probability that none is selected.
    pub select_none: f64,
    /// Of the expected patients at each level.
    pub patients: Vec<f64>,
    /// Of the expected evaluable patients.
    pub total_patients: f64,
    /// Of the expected DLTs.
    pub total_dlts: f64,
    /// Of the expected duration, for trials in time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub duration: Option<f64>,
}

/// Adds up ended trials with their weights: probabilities, or numbers of trials.
#[derive(Debug, Clone)]
pub(crate) struct Tally<W = f64> {
    yardstick: Yardstick,
    above: Vec<bool>,
    /// For each level, whether it is too toxic: being treated at a higher one then means having escalated.
    toxic: Vec<bool>,
    /// Most patients above the true MTD that are not yet 60% and 80% of those planned.
    overdose_over: [u32; 2],
    pub(crate) sums: Sums<W>,
}

/// What a [`Tally`] has added up.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(crate) struct Sums<W> {
    pub(crate) select: Vec<W>,
    pub(crate) none: W,
    pub(crate) overdose: [W; 2],
    pub(crate) ever_above: W,
    pub(crate) escalated_from_toxic: W,
    pub(crate) sample_size: Vec<W>,
    pub(crate) dlt_count: Vec<W>,
}

impl Sums<u64> {
    /// The other's trials too.
    pub(crate) fn merge(&mut self, other: &Self) {
        add_each(&mut self.select, &other.select);
        add_each(&mut self.sample_size, &other.sample_size);
        add_each(&mut self.dlt_count, &other.dlt_count);
        self.none += other.none;
        self.ever_above += other.ever_above;
        self.escalated_from_toxic += other.escalated_from_toxic;
        self.overdose.iter_mut().zip(other.overdose).for_each(|(into, from)| *into += from);
    }

    /// Shares of so many trials.
    pub(crate) fn shares(&self, trials: u64) -> Sums<f64> {
        let share = |count: &u64| *count as f64 / trials as f64;
        let shares = |counts: &[u64]| counts.iter().map(share).collect();
        Sums {
            select: shares(&self.select),
            none: share(&self.none),
            overdose: self.overdose.map(|count| share(&count)),
            ever_above: share(&self.ever_above),
            escalated_from_toxic: share(&self.escalated_from_toxic),
            sample_size: shares(&self.sample_size),
            dlt_count: shares(&self.dlt_count),
        }
    }
}

/// Adds the numbers of one list to those of another in the same places, which grows as needed.
pub(crate) fn add_each(into: &mut Vec<u64>, from: &[u64]) {
    if into.len() < from.len() {
        into.resize(from.len(), 0);
    }
    into.iter_mut().zip(from).for_each(|(into, from)| *into += *from);
}

impl<W: Copy + Default + AddAssign> Tally<W> {
    pub(crate) fn new(scenario: &Scenario, yardstick: Yardstick) -> Self {
        let truth = &scenario.truth;
        // Without a true MTD every level above the target is too high.
        let limit = yardstick.mtd(truth).map_or(yardstick.target, |mtd| truth[mtd]);
        let share = |percent: u32| (u64::from(yardstick.planned) * u64::from(percent) / 100) as u32;
        let none = W::default();
        Self {
            above: truth.iter().map(|rate| *rate > limit + 1e-12).collect(),
            toxic: truth.iter().map(|rate| *rate > yardstick.target + 1e-12).collect(),
            overdose_over: [share(60), share(80)],
            sums: Sums {
                select: vec![none; truth.len()],
                sample_size: vec![none; yardstick.planned as usize + 1],
                dlt_count: vec![none; yardstick.planned as usize + 1],
                ..Sums::default()
            },
            yardstick,
        }
    }

    /// A trial that has ended: the selected level from 1, 0 for none, and the DLTs at all levels.
    pub(crate) fn add_end(&mut self, weight: W, selected: usize, dlts: u32) {
        match selected.checked_sub(1).and_then(|index| self.sums.select.get_mut(index)) {
            Some(select) => *select += weight,
            None => self.sums.none += weight,
        }
        add_at(&mut self.sums.dlt_count, dlts, weight);
    }

    /// The evaluable patients at each level of the trials that ended so.
    pub(crate) fn add_profile(&mut self, weight: W, patients: impl Iterator<Item = u32>) {
        let (mut total, mut above, mut tried_toxic, mut escalated) = (0_u32, 0_u32, false, false);
        for ((patients, &is_above), &is_toxic) in patients.zip(&self.above).zip(&self.toxic) {
            total += patients;
            above += if is_above { patients } else { 0 };
            escalated |= tried_toxic && patients > 0;
            tried_toxic |= is_toxic && patients > 0;
        }
        let sums = &mut self.sums;
        let only_if = |so: bool| if so { weight } else { W::default() };
        for (overdose, over) in sums.overdose.iter_mut().zip(self.overdose_over) {
            *overdose += only_if(above > over);
        }
        sums.ever_above += only_if(above > 0);
        sums.escalated_from_toxic += only_if(escalated);
        add_at(&mut sums.sample_size, total, weight);
    }
}

impl Tally {
    /// The measures, from the tally and the expected patients at each level. Weights are taken to sum to one.
    pub(crate) fn finish(self, scenario: &Scenario, patients: Vec<f64>) -> Characteristics {
        let truth = &scenario.truth;
        let mtd = self.yardstick.mtd(truth);
        let total_patients: f64 = patients.iter().sum();
        let dlts: Vec<f64> = patients.iter().zip(truth).map(|(patients, rate)| patients * rate).collect();
        let of = |wanted: &dyn Fn(usize) -> bool, values: &[f64]| -> f64 {
            values.iter().enumerate().filter(|(index, _)| wanted(*index)).map(|(_, value)| value).sum()
        };
        let acceptable = |index: usize| self.yardstick.accepts(truth[index]);
        let above = |index: usize| self.above[index];
        // On a plateau the levels with the true MTD's rate are as right as the lowest of them.
        let right = |index: usize| mtd.is_some_and(|mtd| (truth[index] - truth[mtd]).abs() < 1e-12);
        let benchmark_select = benchmark(truth, self.yardstick.target, self.yardstick.planned);
        let planned = self.yardstick.planned as usize;
        Characteristics {
            name: scenario.name.clone(),
            truth: truth.clone(),
            efficacy: scenario.efficacy.clone(),
            select_none: self.sums.none,
            total_dlts: dlts.iter().sum(),
            overdose_60: self.sums.overdose[0],
            overdose_80: self.sums.overdose[1],
            true_mtd: mtd.map(|index| index as u32 + 1),
            p_correct: if mtd.is_some() { of(&right, &self.sums.select) } else { self.sums.none },
            p_acceptable: if (0..truth.len()).any(acceptable) {
                of(&acceptable, &self.sums.select)
            } else {
                self.sums.none
            },
            p_select_above: of(&above, &self.sums.select),
            p_allocated_above: if total_patients > 0.0 {
                of(&above, &patients) / total_patients
            } else {
                0.0
            },
            p_ever_above: self.sums.ever_above,
            p_escalated_from_toxic: self.sums.escalated_from_toxic,
            p_early_stop: self.sums.sample_size.iter().take(planned).sum(),
            benchmark: if mtd.is_some() { of(&right, &benchmark_select) } else { 0.0 },
            benchmark_select,
            accuracy_index: accuracy_index(truth, self.yardstick.target, &self.sums.select, self.sums.none),
            responses: patients
                .iter()
                .zip(&scenario.efficacy)
                .map(|(patients, rate)| patients * rate)
                .collect(),
            select: self.sums.select,
            patients,
            dlts,
            total_patients,
            sample_size: self.sums.sample_size,
            dlt_count: self.sums.dlt_count,
            cohorts: None,
            duration: None,
            treated: Vec::new(),
            suspended: None,
            found_suspended: None,
            pending_at_decision: None,
            mc_se: None,
        }
    }
}

fn add_at<W: Copy + Default + AddAssign>(counts: &mut Vec<W>, at: u32, weight: W) {
    let at = at as usize;
    if at >= counts.len() {
        counts.resize(at + 1, W::default());
    }
    counts[at] += weight;
}

/// 1 - K sum(distance x selection) / sum(distance), distances of the true rates from the target. Selecting none is as
/// far from the target as a rate of 0, or right where every level is above it.
fn accuracy_index(truth: &[f64], target: f64, select: &[f64], none: f64) -> f64 {
    let distance = |rate: &f64| (rate - target).abs();
    let total: f64 = truth.iter().map(distance).sum();
    let lost: f64 = truth.iter().zip(select).map(|(rate, select)| distance(rate) * select).sum();
    let by_none = if truth.iter().all(|rate| *rate > target) { 0.0 } else { none * target };
    if total > 0.0 { 1.0 - truth.len() as f64 * (lost + by_none) / total } else { 1.0 }
}

/// The probability that complete information on `patients` patients selects each level: each patient's tolerance is
/// known, so the observed rates at all levels come from the same patients; the nearest to the target is selected,
/// among equal rates the higher level below the target and the lower one above it, of two equally far the lower.
pub(crate) fn benchmark(truth: &[f64], target: f64, patients: u32) -> Vec<f64> {
    let mut select = vec![0.0; truth.len()];
    let mut order: Vec<usize> = (0..truth.len()).collect();
    order.sort_by(|a, b| truth[*a].total_cmp(&truth[*b]));
    let Some((&lowest, rest)) = order.split_first() else { return select };
    let n = patients as usize;
    let goal = target * f64::from(patients);
    let below = |count: usize| count as f64 <= goal + 1e-9;
    // mass[s]: the level before has s DLTs, all levels so far being at or below the goal.
    let mut mass = binomial_probabilities(patients, truth[lowest]);
    for (count, here) in mass.iter_mut().enumerate() {
        if !below(count) {
            select[lowest] += *here;
            *here = 0.0;
        }
    }
    let mut before = lowest;
    for &level in rest {
        let rise =
            if truth[before] < 1.0 { (truth[level] - truth[before]) / (1.0 - truth[before]) } else { 0.0 };
        let mut after = vec![0.0; n + 1];
        for (count, &here) in mass.iter().enumerate().filter(|(_, here)| **here > 0.0) {
            let more = binomial_probabilities(patients - count as u32, rise.clamp(0.0, 1.0));
            for (added, probability) in more.into_iter().enumerate() {
                let reached = count + added;
                if below(reached) {
                    after[reached] += here * probability;
                } else {
                    let up = reached as f64 - goal < goal - count as f64 - 1e-9;
                    select[if up { level } else { before }] += here * probability;
                }
            }
        }
        (mass, before) = (after, level);
    }
    select[before] += mass.iter().sum::<f64>();
    select
}
