//! How simulated trials are conducted: how patients come and are followed, and what goes wrong.

use serde::{Deserialize, Serialize};

use crate::characteristics::Scenario;
use crate::numeric::{normal_probability, normal_quantile};
use crate::settings::Problem;

/// The greatest number of arrivals expected in one window.
const ARRIVALS_MAX: f64 = 1_000.0;
/// The least number of arrivals expected in one window.
const ARRIVALS_MIN: f64 = 0.001;

/// How trials are conducted. By default outcomes are known at once and nothing goes wrong.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct Conduct {
    /// How patients come and are followed; none where only counts matter.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub timing: Option<Timing>,
    /// What goes wrong.
    pub perturbation: Perturbation,
}

/// How patients come and are followed. All times are in one unit, which it names.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Timing {
    /// What the rate is per, and what the window and the duration are in.
    #[serde(default)]
    pub unit: Unit,
    /// How many patients come in one unit of time.
    pub rate: f64,
    /// How their arrivals are spread.
    #[serde(default)]
    pub arrivals: Arrivals,
    /// How long a patient is followed for DLTs.
    pub window: f64,
    /// When a DLT comes within the window.
    #[serde(default)]
    pub onset: Onset,
    /// What becomes of patients who come while accrual is suspended.
    #[serde(default)]
    pub while_suspended: WhileSuspended,
}

impl Timing {
    /// Six patients in the length of a window, at random, days: the accrual of the TITE-BOIN paper (two a month, three
    /// months), taken where nobody states another.
    /// Source: Yuan Y, Lin R, Li D, Nie L, Warren KE. Clin Cancer Res 2018;24:4921-4930, doi:10.1158/1078-0432.CCR-18-0246.
    pub fn usual(window_days: f64) -> Self {
        Self {
            unit: Unit::Days,
            rate: 6.0 / window_days,
            arrivals: Arrivals::default(),
            window: window_days,
            onset: Onset::default(),
            while_suspended: WhileSuspended::default(),
        }
    }
}

/// A unit of time. It is a name: nothing is converted.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Unit {
    /// Days.
    #[default]
    Days,
    /// Weeks.
    Weeks,
    /// Months.
    Months,
    /// Years.
    Years,
}

/// How arrivals are spread over time.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Arrivals {
    /// At random: exponential times between them, the first from the opening of the trial.
    #[default]
    Poisson,
    /// Equally spaced: the first 1/rate after the opening.
    Fixed,
}

/// What becomes of patients who come while accrual is suspended.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum WhileSuspended {
    /// They are treated elsewhere, as in the simulations of the authors of TITE-BOIN.
    #[default]
    TurnedAway,
    /// They wait, however long, and are treated when accrual goes on.
    Wait,
}

/// When a DLT comes, given that one comes within the window.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
#[serde(tag = "law", rename_all = "kebab-case", rename_all_fields = "kebab-case", deny_unknown_fields)]
pub enum Onset {
    /// Equally likely at any time.
    #[default]
    Uniform,
    /// So many in the first half of the window, uniform within each half: early above 0.5, late below.
    Halves {
        /// Share of DLTs in the first half, above 0 and below 1.
        first_half: f64,
    },
    /// The time to DLT is Weibull: by the end of the window the true rate have had one, by its half this share of them.
    Weibull {
        /// Share of DLTs in the first half, above 0 and below 1.
        first_half: f64,
    },
    /// Normal, cut to the window; both numbers are shares of the window, such as 45/85 and 10/85.
    Normal {
        /// The mean before cutting.
        mean: f64,
        /// The standard deviation before cutting.
        sd: f64,
    },
}

/// What goes wrong in the conduct of a trial. Characteristics count what happened to patients; the design sees what
/// was recorded.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct Perturbation {
    /// Probability that a patient leaves, for a reason other than toxicity and before any DLT, and is replaced; 0 to 0.9.
    pub non_evaluable: f64,
    /// Probability that a patient without a DLT is recorded with one.
    pub false_dlt: f64,
    /// Probability that a DLT is not recorded.
    pub missed_dlt: f64,
    /// Probability that a cohort gets one patient more than decided, within `max-patients`.
    pub over_enrolment: f64,
}

impl Conduct {
    /// Everything that is wrong with the settings for these truths.
    pub fn check(&self, scenarios: &[Scenario]) -> Vec<Problem> {
        let mut problems = self.perturbation.check();
        problems.extend(self.timing.iter().flat_map(|timing| timing.check(scenarios)));
        problems
    }
}

impl Timing {
    fn check(&self, scenarios: &[Scenario]) -> Vec<Problem> {
        let mut problems = Vec::new();
        let positive = |key: &str, found: f64, mend: &str| {
            let fine = found > 0.0 && found <= 1e9;
            (!fine).then(|| Problem::new(key, found, "a number above 0", mend))
        };
        problems.extend(positive("rate", self.rate, "give the patients who come in one unit of time"));
        problems.extend(positive("window", self.window, "give the time a patient is followed for DLTs"));
        let arrivals = self.rate * self.window;
        if problems.is_empty() && !(ARRIVALS_MIN..=ARRIVALS_MAX).contains(&arrivals) {
            let expected = format!("{ARRIVALS_MIN} to {ARRIVALS_MAX} patients in a window");
            let mend = "give rate and window in the same unit of time";
            problems.push(Problem::new("rate", format!("{arrivals} patients in a window"), expected, mend));
        }
        problems.extend(self.onset.check(scenarios));
        problems
    }
}

impl Onset {
    fn check(self, scenarios: &[Scenario]) -> Option<Problem> {
        match self {
            Self::Uniform => None,
            Self::Halves { first_half } | Self::Weibull { first_half }
                if !(first_half > 0.0 && first_half < 1.0) =>
            {
                let mend = "give the share of DLTs in the first half of the window, such as 0.3";
                Some(Problem::new("first-half", first_half, "between 0 and 1, without the ends", mend))
            }
            Self::Halves { .. } => None,
            Self::Weibull { .. } => {
                let certain =
                    scenarios.iter().flat_map(|scenario| &scenario.truth).find(|rate| **rate >= 1.0);
                let mend = "choose another law of onset, or a rate below 1";
                certain.map(|rate| {
                    Problem::new("onset", format!("weibull with a rate of {rate}"), "rates below 1", mend)
                })
            }
            Self::Normal { mean, sd } => {
                let fine = (0.0..=1.0).contains(&mean) && (0.001..=1_000.0).contains(&sd);
                let mend = "give mean and standard deviation as shares of the window, such as 0.53 and 0.12";
                let expected = "a mean from 0 to 1 and a standard deviation from 0.001 to 1000";
                (!fine).then(|| Problem::new("onset", format!("mean {mean}, sd {sd}"), expected, mend))
            }
        }
    }

    /// The share of the window at which the DLT comes that has this place among all, 0 to 1, at this true rate.
    pub(super) fn share(self, place: f64, rate: f64) -> f64 {
        match self {
            Self::Uniform => place,
            Self::Halves { first_half } if place < first_half => 0.5 * place / first_half,
            Self::Halves { first_half } => 0.5 + 0.5 * (place - first_half) / (1.0 - first_half),
            // 1 - exp(-scale t^shape) is the rate at 1 and first_half of it at one half.
            Self::Weibull { first_half } => {
                let hazard =
                    |share: f64| if rate > 1e-9 { -libm::log1p(-share * rate) / rate } else { share };
                let shape = libm::log2(hazard(1.0) / hazard(first_half));
                libm::pow(hazard(place) / hazard(1.0), 1.0 / shape).min(1.0)
            }
            Self::Normal { mean, sd } => {
                let by = |share: f64| normal_probability((share - mean) / sd);
                let (start, end) = (by(0.0), by(1.0));
                (mean + sd * normal_quantile(start + place * (end - start))).clamp(0.0, 1.0)
            }
        }
    }
}

impl Perturbation {
    fn check(&self) -> Vec<Problem> {
        let share = |key: &str, found: f64, most: f64, mend: &str| {
            let expected = format!("a probability from 0 to {most}");
            (!(0.0..=most).contains(&found)).then(|| Problem::new(key, found, expected, mend))
        };
        let mend = "give the share of patients who are not evaluable, such as 0.2";
        let mut problems = Vec::from_iter(share("non-evaluable", self.non_evaluable, 0.9, mend));
        let mend = "give the probability that a patient without a DLT is recorded with one, such as 0.05";
        problems.extend(share("false-dlt", self.false_dlt, 1.0, mend));
        let mend = "give the probability that a DLT is not recorded, such as 0.1";
        problems.extend(share("missed-dlt", self.missed_dlt, 1.0, mend));
        let mend = "give the probability that a cohort gets one patient too many, such as 0.1";
        problems.extend(share("over-enrolment", self.over_enrolment, 1.0, mend));
        problems
    }

    /// Whether a patient's second four numbers are read.
    pub(super) fn any(&self) -> bool {
        *self != Self::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_law_of_onset_has_the_share_of_dlts_it_says_by_each_time() {
        let by = |law: Onset, time: f64, rate: f64| {
            let places = 100_000;
            let before = (0..places)
                .filter(|place| law.share((f64::from(*place) + 0.5) / f64::from(places), rate) <= time);
            before.count() as f64 / f64::from(places)
        };
        let close =
            |found: f64, expected: f64| assert!((found - expected).abs() < 1e-4, "{found} {expected}");
        for rate in [0.0, 1e-6, 0.3, 0.999] {
            close(by(Onset::Uniform, 0.3, rate), 0.3);
            close(by(Onset::Halves { first_half: 0.7 }, 0.5, rate), 0.7);
            close(by(Onset::Halves { first_half: 0.7 }, 0.25, rate), 0.35);
            close(by(Onset::Weibull { first_half: 0.25 }, 0.5, rate), 0.25);
            close(by(Onset::Weibull { first_half: 0.6 }, 0.5, rate), 0.6);
            close(by(Onset::Weibull { first_half: 0.6 }, 1.0, rate), 1.0);
            // Weights of the normal law at days 28 and 64 of 85: 0.0446 and 0.9713.
            let normal = Onset::Normal { mean: 45.0 / 85.0, sd: 10.0 / 85.0 };
            close(by(normal, 28.0 / 85.0, rate), 0.0446);
            close(by(normal, 64.0 / 85.0, rate), 0.9713);
        }
    }
}
