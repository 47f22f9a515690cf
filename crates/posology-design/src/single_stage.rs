//! Single-arm trials of one stage: the smallest trial that tells a wanted response rate from one that is too low.
//!
//! The treatment is not taken further with at most `r` responses among `n` patients. Start at [`Settings::search`]. The
//! interval after the trial is [`crate::numeric::clopper_pearson`], the p-value [`SingleStage::p_value`].
//!
//! Source: A'Hern RP. Sample size tables for exact single-stage phase II designs. Stat Med 2001;20:859-866,
//! doi:10.1002/sim.721. Equal to `ph2single` of the R package clinfun 1.1.5.

use serde::{Deserialize, Serialize};

use crate::numeric::{Rows, binomial_row};
use crate::settings::{Problem, Problems};
use crate::two_stage::{PATIENTS_MAX, check_rates};

/// Error rates are compared with their limits up to this much: the accuracy of the sums.
const SLACK: f64 = 1e-12;

/// What a single-stage design is to achieve.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Settings {
    /// The response rate that is too low to go on, between 0 and 1.
    pub p0: f64,
    /// The response rate that is wanted, above `p0`.
    pub p1: f64,
    /// The greatest probability of going on at `p0` (one-sided), below `power`.
    pub alpha: f64,
    /// The least probability of going on at `p1`.
    pub power: f64,
}

/// A single-stage design with its exact error rates.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct SingleStage {
    /// The treatment is not taken further with at most so many responses.
    pub r: u32,
    /// Patients.
    pub n: u32,
    /// The probability of going on with the treatment at `p0`.
    pub alpha: f64,
    /// The probability of going on with the treatment at `p1`.
    pub power: f64,
}

/// What a search found.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Designs {
    /// The smallest designs, the smallest first. Because counts are whole, a design may fail with a patient more.
    pub smallest: Vec<SingleStage>,
    /// From so many patients on every size holds, as far as [`PATIENTS_MAX`]; none if the last of them does not.
    pub holds_from: Option<u32>,
}

impl Settings {
    /// Everything that is wrong with the settings.
    pub fn check(&self) -> Vec<Problem> {
        check_rates(self.p0, self.p1, self.alpha, self.power)
    }

    /// The `how_many` smallest designs, each with the least r that holds the type I error rate.
    ///
    /// Error rates are exact sums, relative error below 1e-12.
    ///
    /// # Errors
    /// Settings out of range; no design with at most [`PATIENTS_MAX`] patients.
    ///
    /// ```
    /// use posology_design::single_stage::Settings;
    /// let found = Settings { p0: 0.05, p1: 0.20, alpha: 0.05, power: 0.80 }.search(3)?;
    /// let sizes: Vec<_> = found.smallest.iter().map(|design| (design.r, design.n)).collect();
    /// assert_eq!(sizes, [(3, 27), (3, 28), (4, 33)]);
    /// # Ok::<(), posology_design::Problems>(())
    /// ```
    pub fn search(&self, how_many: usize) -> Result<Designs, Problems> {
        let problems = self.check();
        if !problems.is_empty() {
            return Err(Problems(problems));
        }
        let (mut low, mut high) = (Rows::new(self.p0), Rows::new(self.p1));
        let mut smallest = Vec::new();
        let mut holds_from = None;
        for n in 1..=PATIENTS_MAX {
            low.extend_to(n);
            high.extend_to(n);
            let within = |tail: &f64| *tail <= self.alpha + SLACK;
            let found = low.tails(n).iter().position(within).map(|r| SingleStage {
                r: r as u32,
                n,
                alpha: low.tails(n)[r],
                power: high.tails(n)[r],
            });
            match found.filter(|design| design.r < n && design.power >= self.power - SLACK) {
                Some(design) => {
                    holds_from = holds_from.or(Some(n));
                    if smallest.len() < how_many {
                        smallest.push(design);
                    }
                }
                None => holds_from = None,
            }
        }
        if smallest.is_empty() && how_many > 0 {
            let found = format!("no design with at most {PATIENTS_MAX} patients");
            let mend = "move p1 away from p0, or relax alpha or power";
            return Err(Problems(vec![Problem::new(
                "p1",
                found,
                "a design that reaches alpha and power",
                mend,
            )]));
        }
        Ok(Designs { smallest, holds_from })
    }
}

impl SingleStage {
    /// The probability at `p0` of `responses` or more among `n` patients; none where responses exceed patients, for no
    /// patients or more than [`PATIENTS_MAX`], or for a rate outside [0, 1].
    ///
    /// ```
    /// let p = posology_design::single_stage::SingleStage::p_value(3, 3, 0.5);
    /// assert!((p.unwrap() - 0.125).abs() < 1e-15);
    /// ```
    pub fn p_value(responses: u32, n: u32, p0: f64) -> Option<f64> {
        let valid = (1..=PATIENTS_MAX).contains(&n) && responses <= n && (0.0..=1.0).contains(&p0);
        valid.then(|| binomial_row(n, p0)[responses as usize..].iter().rev().sum())
    }
}
