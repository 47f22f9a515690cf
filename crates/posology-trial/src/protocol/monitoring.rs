//! Monitoring of an arm: at which numbers of responders it stops for futility, or is promising.

use posology_design::Problem;
use posology_design::monitoring::{Characteristics, Look, characteristics};
use posology_design::predictive::{Beta, Standard, ThallSimon};
use posology_design::two_stage::TwoStage;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// How a cohort without escalation is watched: by one rate of the protocol, at fixed numbers of evaluable patients.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Monitoring {
    /// Id of the rate that is watched.
    pub rate: String,
    /// Whether only confirmed responses count (true).
    #[serde(default = "yes")]
    pub confirmed: bool,
    /// After this study day whoever has not responded counts as without response. Without it they are awaited until
    /// progression, new therapy, death or the end of the study.
    #[serde(default)]
    pub awaited_until_day: Option<u32>,
    /// The rule.
    pub rule: MonitoringRule,
}

/// The rule by which an arm is watched.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "design", rename_all = "kebab-case", deny_unknown_fields)]
pub enum MonitoringRule {
    /// Simon's two stages: futile with at most `r1` of `n1`, not taken further with at most `r` of `n`.
    Simon {
        /// The rate that is too low.
        p0: f64,
        /// The rate that is wanted.
        p1: f64,
        /// Patients of the first stage.
        n1: u32,
        /// The arm ends after the first stage with at most so many.
        r1: u32,
        /// Patients of both stages.
        n: u32,
        /// The treatment is not taken further with at most so many.
        r: u32,
    },
    /// The posterior probability that the rate is above `p0`, from a beta prior (Thall and Simon).
    Bayesian {
        /// The rate that is too low.
        p0: f64,
        /// The rate that is wanted; only the printed characteristics use it.
        p1: f64,
        /// The prior, as responders and others that it is worth.
        prior: Beta,
        /// Evaluable patients at each look, the last being all.
        looks: Vec<u32>,
        /// Futile where that probability is below this.
        futile: f64,
        /// Promising where it is above this; 1 for never before the end.
        promising: f64,
    },
}

impl MonitoringRule {
    /// The rate that is too low, and the one that is wanted.
    #[must_use]
    pub fn rates(&self) -> (f64, f64) {
        match self {
            Self::Simon { p0, p1, .. } | Self::Bayesian { p0, p1, .. } => (*p0, *p1),
        }
    }

    /// The rule in a few words.
    #[must_use]
    pub fn title(&self) -> String {
        match self {
            Self::Simon { n1, r1, n, r, .. } => format!(
                "Simon's two stages: futile with at most {r1} of {n1}, not taken further with at most {r} of {n}"
            ),
            Self::Bayesian { p0, futile, promising, .. } if *promising >= 1.0 => {
                format!("Bayesian: futile where Pr(rate > {p0}) < {futile}, never ended early for promise")
            }
            Self::Bayesian { p0, futile, promising, .. } => format!(
                "Bayesian: futile where Pr(rate > {p0}) < {futile}, promising where it is > {promising}"
            ),
        }
    }

    /// The paper.
    #[must_use]
    pub fn source(&self) -> &'static str {
        match self {
            Self::Simon { .. } => "Simon, Control Clin Trials 1989;10:1-10",
            Self::Bayesian { .. } => "Thall and Simon, Biometrics 1994;50:337-349",
        }
    }

    /// The looks: the numbers of responders at which the arm stops.
    ///
    /// # Errors
    /// What is wrong with the settings, by key.
    pub fn looks(&self) -> Result<Vec<Look>, Vec<Problem>> {
        match self {
            Self::Simon { p0, p1, n1, r1, n, r } => {
                TwoStage::new(*r1, *n1, *r, *n, *p0, *p1).map_err(|problems| problems.0)?;
                Ok(vec![
                    Look { n: *n1, futility_max: Some(*r1), efficacy_min: None },
                    Look { n: *n, futility_max: Some(*r), efficacy_min: Some(r + 1) },
                ])
            }
            Self::Bayesian { p0, p1, prior, looks, futile, promising } => {
                let mut problems: Vec<Problem> = Vec::new();
                if !(*p1 > *p0 && *p1 < 1.0) {
                    let mend = "give the rate that is wanted, above p0";
                    problems.push(Problem::new("p1", p1, "a rate above p0, below 1", mend));
                }
                let design = ThallSimon {
                    standard: Standard::Rate(*p0),
                    prior: *prior,
                    improvement: 0.0,
                    looks: looks.clone(),
                    futile: *futile,
                    promising: *promising,
                };
                problems.extend(design.check().into_iter().map(|problem| Problem {
                    key: if problem.key == "standard" { "p0".to_owned() } else { problem.key },
                    ..problem
                }));
                if !problems.is_empty() {
                    return Err(problems);
                }
                design.looks().map_err(|error| {
                    vec![Problem::new("looks", error, "looks that can be computed", "change looks or prior")]
                })
            }
        }
    }

    /// What the rule does at the rate that is too low and at the one that is wanted, exactly.
    ///
    /// # Errors
    /// What is wrong with the settings.
    pub fn characteristics(&self) -> Result<[Characteristics; 2], Vec<Problem>> {
        let looks = self.looks()?;
        let (p0, p1) = self.rates();
        let at = |rate| characteristics(&looks, rate).map_err(|problems| problems.0);
        Ok([at(p0)?, at(p1)?])
    }
}

fn yes() -> bool {
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn simons_optimal_design_for_5_against_25_percent_has_the_published_error_rates() {
        // Simon 1989, table 1: 0/9, 2/17, expected size 12.0, probability of early termination 0.63.
        let rule = MonitoringRule::Simon { p0: 0.05, p1: 0.25, n1: 9, r1: 0, n: 17, r: 2 };
        let [low, high] = rule.characteristics().unwrap();
        assert!((low.expected_n - 11.96).abs() < 0.005 && (low.early_no_go - 0.63).abs() < 0.005);
        assert!(low.go < 0.05 && high.go > 0.80);
    }

    #[test]
    fn a_bayesian_rule_stops_where_the_posterior_says_so() {
        // Beta(1, 1) and 0 of 10: Pr(rate > 0.2) = 0.8^11 = 0.0859; 1 of 10: 0.8^11 + 11 * 0.2 * 0.8^10 = 0.322.
        let prior = Beta { a: 1.0, b: 1.0 };
        let rule = |futile| MonitoringRule::Bayesian {
            p0: 0.2,
            p1: 0.4,
            prior,
            looks: vec![10, 20],
            futile,
            promising: 0.99,
        };
        assert_eq!(rule(0.086).looks().unwrap()[0].futility_max, Some(0));
        assert_eq!(rule(0.085).looks().unwrap()[0].futility_max, None);
        assert_eq!(rule(0.33).looks().unwrap()[0].futility_max, Some(1));
    }
}
