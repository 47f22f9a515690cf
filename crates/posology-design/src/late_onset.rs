//! How much a patient counts whose window is still open: the weights of late-onset designs.
//!
//! A pending patient has been seen for a share of the window and had no DLT so far. How much that is worth depends on
//! when DLTs come. Linear weights take onset to be uniform over the window; for an agent whose counts are lowest in
//! week seven they make a patient at week four count several times too much, and escalate on patients who could
//! not yet have had a DLT. So a window over [`LINEAR_DAYS_MAX`] days needs an explicit choice of [`Weights`].
//!
//! Start at [`LateOnset::weight`]. Sources: Cheung YK, Chappell R. Biometrics 2000;56:1177-1182,
//! doi:10.1111/j.0006-341X.2000.01177.x (linear and adaptive weights); a table and a fixed onset law are choices of the
//! protocol. Left out: what each design does with the weights.

use serde::{Deserialize, Serialize};

use crate::data::Counts;
use crate::ladder::Level;
use crate::numeric::normal_probability;
use crate::settings::Problem;

/// The longest window, in days, for which linear weights are taken without being asked for.
pub const LINEAR_DAYS_MAX: f64 = 42.0;
/// The longest window, in days.
pub const WINDOW_DAYS_MAX: f64 = 3_650.0;
/// The most entries a table of weights may have.
pub const TABLE_MAX: usize = 1_000;

/// How the weight of a pending patient grows with follow-up, from 0 at the start of the window to 1 at its end.
///
/// In a file `weights = "linear"`, `weights = "adaptive"`, `weights = { table = [[28, 0.05], [49, 0.65]] }` or
/// `weights = { distribution = { law = "normal", mean = 45, sd = 10 } }`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum Weights {
    /// The share of the window observed: onset is uniform over the window.
    Linear,
    /// Grows by equal steps between the onsets of the DLTs seen so far at any level, linearly within each step; linear
    /// while there is none. Cheung and Chappell 2000.
    Adaptive,
    /// Pairs of a day and the weight reached on it, days and weights rising; linear between them, from 0 on day 0 to 1
    /// at the end of the window.
    Table(Vec<(f64, f64)>),
    /// The probability that a DLT which comes within the window has come by that day.
    Distribution(OnsetLaw),
}

/// When a DLT comes, in days from the start of the window; cut to the window.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(tag = "law", rename_all = "kebab-case", deny_unknown_fields)]
pub enum OnsetLaw {
    /// Normal.
    Normal {
        /// Mean, in days.
        mean: f64,
        /// Standard deviation, in days.
        sd: f64,
    },
    /// Weibull: by day t with probability 1 - exp(-(t/scale)^shape).
    Weibull {
        /// Shape; above 1 onset is late.
        shape: f64,
        /// Scale, in days.
        scale: f64,
    },
}

impl OnsetLaw {
    /// The probability of onset by this day, in the whole law.
    fn by(self, day: f64) -> f64 {
        match self {
            Self::Normal { mean, sd } => normal_probability((day - mean) / sd),
            Self::Weibull { shape, scale } => -libm::expm1(-libm::pow(day / scale, shape)),
        }
    }

    /// The probability of onset within a window of so many days.
    fn within(self, window: f64) -> f64 {
        self.by(window) - self.by(0.0)
    }

    fn check(self, window: f64) -> Option<Problem> {
        let (expected, fits) = match self {
            Self::Normal { mean, sd } => (
                "a mean of 0 to 3650 days and a standard deviation above 0, at most 3650",
                (0.0..=WINDOW_DAYS_MAX).contains(&mean) && sd > 0.0 && sd <= WINDOW_DAYS_MAX,
            ),
            Self::Weibull { shape, scale } => (
                "a shape from 0.1 to 20 and a scale above 0, at most 3650 days",
                (0.1..=20.0).contains(&shape) && scale > 0.0 && scale <= WINDOW_DAYS_MAX,
            ),
        };
        let mend = "give an onset law of which at least 1% lies within the window";
        if !fits {
            return Some(Problem::new("weights", format!("{self:?}"), expected, mend));
        }
        let within = self.within(window);
        let reaches = within >= 0.01;
        (!reaches).then(|| {
            let found = format!("{self:?}, of which {within} lies within the {window} days of `window`");
            Problem::new("weights", found, "at least 0.01 within the window", mend)
        })
    }
}

/// The settings of late onset as a design file gives them.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Asked<'a> {
    pub(crate) window: Option<f64>,
    pub(crate) weights: Option<&'a Weights>,
    pub(crate) min_follow_up: Option<f64>,
    pub(crate) min_follow_up_patients: u32,
}

impl Asked<'_> {
    /// Everything that is wrong with them.
    pub(crate) fn check(&self) -> Vec<Problem> {
        let mend = "give the days in which a DLT counts, such as 28";
        let Some(window) = self.window else {
            return vec![Problem::new("window", "nothing", "a number of days", mend)];
        };
        if !(window > 0.0 && window <= WINDOW_DAYS_MAX) {
            return vec![Problem::new("window", window, "above 0, at most 3650 days", mend)];
        }
        let mut problems = Vec::new();
        match self.weights {
            None if window > LINEAR_DAYS_MAX => problems.push(Problem::new(
                "weights",
                format!("nothing, with a window of {window} days"),
                "an explicit choice where the window is over 42 days",
                "choose `linear`, `adaptive`, a `table` or a `distribution`; linear weights count a patient who could not yet have had a late DLT",
            )),
            Some(Weights::Table(table)) => problems.extend(check_table(table, window)),
            Some(Weights::Distribution(law)) => problems.extend(law.check(window)),
            _ => {}
        }
        if let Some(day) = self.min_follow_up.filter(|day| !(*day > 0.0 && *day <= window)) {
            let mend = "give the day that patients must have passed before an escalation, or leave it out";
            problems.push(Problem::new("min-follow-up", day, "above 0, at most `window`", mend));
        }
        let mend = "give how many patients must have passed the day of `min-follow-up`";
        let patients = self.min_follow_up_patients;
        problems.extend(Problem::unless_among("min-follow-up-patients", patients, 1, 100, mend));
        problems
    }

    /// The weights, where nothing is wrong with them.
    pub(crate) fn late_onset(&self) -> Option<LateOnset> {
        let window = self.window.filter(|_| self.check().is_empty())?;
        Some(LateOnset {
            window,
            weights: self.weights.cloned().unwrap_or(Weights::Linear),
            min_follow_up: self.min_follow_up.map(|day| (day, self.min_follow_up_patients)),
        })
    }
}

fn check_table(table: &[(f64, f64)], window: f64) -> Option<Problem> {
    let rises = table.windows(2).all(|pair| pair[0].0 < pair[1].0 && pair[0].1 <= pair[1].1);
    let inside =
        table.iter().all(|(day, weight)| *day > 0.0 && *day <= window && (0.0..=1.0).contains(weight));
    let ends = table.iter().all(|(day, weight)| *day < window || *weight == 1.0);
    let sized = !table.is_empty() && table.len() <= TABLE_MAX;
    (!(rises && inside && ends && sized)).then(|| {
        Problem::new(
            "weights",
            format!("a table of {} entries", table.len()),
            "1 to 1000 pairs of a day within the window and a weight from 0 to 1, both rising, 1 at the end of the window",
            "give pairs such as [[28, 0.05], [49, 0.65]]",
        )
    })
}

/// Weights that hold together with their window.
#[derive(Debug, Clone, PartialEq)]
pub struct LateOnset {
    window: f64,
    weights: Weights,
    /// The day that so many patients at a level must have passed before an escalation from it.
    min_follow_up: Option<(f64, u32)>,
}

/// The patients of one level with the pending at their weights.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(crate) struct Weighed {
    /// Evaluable patients with a DLT.
    pub(crate) dlt: u32,
    /// Evaluable patients.
    pub(crate) evaluable: u32,
    /// Pending patients.
    pub(crate) pending: u32,
    /// The sum of the weights of the pending, at most their number.
    pub(crate) followed: f64,
}

impl Weighed {
    /// Evaluable and pending patients.
    pub(crate) fn treated(self) -> u32 {
        self.evaluable.saturating_add(self.pending)
    }

    /// The effective number of patients: the evaluable, and the pending at their weights.
    pub(crate) fn effective(self) -> f64 {
        f64::from(self.evaluable) + self.followed
    }
}

impl LateOnset {
    /// The length of the window in days.
    pub fn window(&self) -> f64 {
        self.window
    }

    /// The choice of weights.
    pub fn weights(&self) -> &Weights {
        &self.weights
    }

    /// The weight, 0 to 1, of a pending patient who has been followed for this share of the window, given the shares at
    /// which the DLTs seen so far came, in rising order. Only adaptive weights read the onsets.
    ///
    /// Exact but for rounding, and for `distribution` the 1e-13 of the normal probability.
    ///
    /// ```
    /// use posology_design::Design;
    /// let design: Design = serde_json::from_str(r#"{"design": "tite-boin", "target": 0.25, "doses": 4, "window": 85,
    ///     "weights": {"distribution": {"law": "normal", "mean": 45, "sd": 10}}}"#).unwrap();
    /// let late_onset = design.late_onset().unwrap();
    /// assert!((late_onset.weight(28.0 / 85.0, &[]) - 0.0446).abs() < 1e-4); // linear: 0.33
    /// ```
    pub fn weight(&self, share: f64, onsets: &[f64]) -> f64 {
        if share >= 1.0 {
            return 1.0;
        }
        let weight = match &self.weights {
            Weights::Linear => share,
            Weights::Adaptive => adaptive(share, onsets),
            Weights::Table(table) => interpolated(share * self.window, table, self.window),
            Weights::Distribution(law) => {
                (law.by(share * self.window) - law.by(0.0)) / law.within(self.window)
            }
        };
        // Rounding alone may leave the range.
        weight.clamp(0.0, 1.0)
    }

    /// The weight of a patient followed without a DLT to each of these days, before any DLT has been seen.
    pub fn weights_on(&self, days: &[f64]) -> Vec<f64> {
        days.iter().map(|day| self.weight((day / self.window).max(0.0), &[])).collect()
    }

    /// The weight of each pending patient, with the level's place.
    pub(crate) fn pending(&self, seen: &Counts) -> Vec<(usize, f64)> {
        let onsets = match self.weights {
            Weights::Adaptive => {
                let mut onsets: Vec<f64> = seen.onsets.iter().map(|onset| onset.share).collect();
                onsets.sort_by(f64::total_cmp);
                onsets
            }
            _ => Vec::new(),
        };
        let weigh =
            |patient: &crate::data::Followed| (patient.level.index(), self.weight(patient.share, &onsets));
        seen.pending.iter().map(weigh).collect()
    }

    /// The patients at each level, the pending at their weights.
    pub(crate) fn weigh(&self, seen: &Counts) -> Vec<Weighed> {
        let known = |count: &crate::data::Count| Weighed {
            dlt: count.dlt,
            evaluable: count.evaluable,
            ..Weighed::default()
        };
        let mut levels: Vec<Weighed> = seen.levels.iter().map(known).collect();
        for (level, weight) in self.pending(seen) {
            if let Some(at) = levels.get_mut(level) {
                at.pending += 1;
                at.followed += weight;
            }
        }
        levels
    }

    /// How many of the patients that `min-follow-up` wants are still missing at a level: evaluable patients count, and
    /// pending ones who have passed the day.
    pub(crate) fn missing_follow_up(&self, seen: &Counts, level: Level) -> u32 {
        let Some((day, wanted)) = self.min_follow_up else { return 0 };
        let passed = |patient: &&crate::data::Followed| {
            patient.level == level && patient.share * self.window >= day * (1.0 - 1e-12)
        };
        let pending = seen.pending.iter().filter(passed).count() as u32;
        wanted.saturating_sub(seen.at(level).evaluable.saturating_add(pending))
    }

    /// The day of `min-follow-up` and how many patients must have passed it.
    pub(crate) fn min_follow_up(&self) -> Option<(f64, u32)> {
        self.min_follow_up
    }
}

/// With z onsets, k of them at or before the share u: (k + the part of the step from onset k to onset k + 1 that u has
/// gone) / (z + 1), where the window begins and ends as onsets 0 and z + 1.
fn adaptive(share: f64, onsets: &[f64]) -> f64 {
    let passed = onsets.partition_point(|onset| *onset <= share);
    let from = passed.checked_sub(1).and_then(|last| onsets.get(last)).copied().unwrap_or(0.0);
    let to = onsets.get(passed).copied().unwrap_or(1.0);
    (passed as f64 + (share - from) / (to - from)) / (onsets.len() as f64 + 1.0)
}

fn interpolated(day: f64, table: &[(f64, f64)], window: f64) -> f64 {
    let passed = table.partition_point(|entry| entry.0 <= day);
    let from = passed.checked_sub(1).and_then(|last| table.get(last)).copied().unwrap_or((0.0, 0.0));
    let to = table.get(passed).copied().unwrap_or((window, 1.0));
    from.1 + (to.1 - from.1) * (day - from.0) / (to.0 - from.0)
}
