//! Simon's two-stage design of a single-arm trial, and what may be said after it.
//!
//! After `n1` patients the trial ends if at most `r1` have responded; else it goes on to `n`, and the treatment is not
//! taken further if at most `r` of them have responded. Start at [`Settings::search`] for the designs (optimal,
//! minimax, admissible) and at [`infer`] for the estimate, p-value and interval after the trial.
//!
//! Sources: Simon R. Control Clin Trials 1989;10:1-10, doi:10.1016/0197-2456(89)90015-9. Jung SH et al. Stat Med
//! 2004;23:561-569, doi:10.1002/sim.1600 (admissible designs). Jung SH, Kim KM. Stat Med 2004;23:881-896,
//! doi:10.1002/sim.1653 (estimate). Koyama T, Chen H. Stat Med 2008;27:3145-3154, doi:10.1002/sim.3123 (p-value and
//! interval, and a second stage of another size than planned).
//!
//! Differences from the R package clinfun 1.1.5: no greatest n has to be guessed, since the search ends by a proof;
//! limits are roots and not points of a grid of 1e-4; the upper limit is the rate at which a result *as low as* the
//! one observed has the stated probability (clinfun's leaves out the observed result itself, and so covers too
//! seldom: after 1 response of 10 it gives 0.259 where the exact bound is 0.394).

use serde::{Deserialize, Serialize};

use crate::numeric::{Rows, binomial_row, upper_tails};
use crate::settings::{Problem, Problems};

/// The greatest number of patients of a design that is searched for, or inferred from.
pub const PATIENTS_MAX: u32 = 1_000;
/// Error rates are compared with their limits up to this much: the accuracy of the sums.
const SLACK: f64 = 1e-12;

/// What a two-stage design is to achieve.
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
    /// The greatest number of patients, at most [`PATIENTS_MAX`]; without it the search ends when no larger design
    /// can have a lower expected size.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_n: Option<u32>,
}

/// A two-stage design with its characteristics.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct TwoStage {
    /// The trial ends after the first stage with at most so many responses.
    pub r1: u32,
    /// Patients of the first stage.
    pub n1: u32,
    /// The treatment is not taken further with at most so many responses in both stages.
    pub r: u32,
    /// Patients of both stages.
    pub n: u32,
    /// The expected number of patients at `p0`.
    pub en0: f64,
    /// The probability of ending after the first stage at `p0`.
    pub pet0: f64,
    /// The probability of going on with the treatment at `p0`.
    pub alpha: f64,
    /// The probability of going on with the treatment at `p1`.
    pub power: f64,
}

/// An admissible design: best for some weight of the greatest against the expected size.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Admissible {
    /// The design.
    #[serde(flatten)]
    pub design: TwoStage,
    /// It minimises `w n + (1 - w) en0` for the weights w from here …
    pub weight_from: f64,
    /// … to here.
    pub weight_to: f64,
}

/// What a search found.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Designs {
    /// The least expected number of patients at `p0`; among equals the smaller.
    pub optimal: TwoStage,
    /// The least number of patients, then the least expected number at `p0`.
    pub minimax: TwoStage,
    /// The designs on the lower convex hull of n and `en0`, from the minimax to the optimal one.
    pub admissible: Vec<Admissible>,
}

/// What a design does at one true response rate.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Characteristics {
    /// The probability of going on with the treatment.
    pub go: f64,
    /// The probability of ending after the first stage.
    pub stops_early: f64,
    /// The expected number of patients.
    pub expected_n: f64,
}

impl Settings {
    /// Settings without a greatest number of patients.
    pub fn new(p0: f64, p1: f64, alpha: f64, power: f64) -> Self {
        Self { p0, p1, alpha, power, max_n: None }
    }

    /// Everything that is wrong with the settings.
    pub fn check(&self) -> Vec<Problem> {
        let mut problems = check_rates(self.p0, self.p1, self.alpha, self.power);
        if let Some(max) = self.max_n {
            let mend = "give the greatest number of patients, or leave it out";
            problems.extend(Problem::unless_among("max-n", max, 2, PATIENTS_MAX, mend));
        }
        problems
    }

    /// The optimal, the minimax and all admissible designs.
    ///
    /// Of the boundaries r with which n1, r1 and n reach the power the greatest is taken: it has the lowest type I error
    /// rate. Sizes begin where any test of so many patients could reach the power (Neyman and Pearson), and end where
    /// no larger design can have a lower expected size. Error rates are exact sums, relative error below 1e-12.
    ///
    /// # Errors
    /// Settings out of range; no design with at most `max-n` or [`PATIENTS_MAX`] patients.
    ///
    /// ```
    /// use posology_design::two_stage::Settings;
    /// let designs = Settings::new(0.05, 0.25, 0.05, 0.80).search()?;
    /// let optimal = designs.optimal;
    /// assert_eq!((optimal.r1, optimal.n1, optimal.r, optimal.n), (0, 9, 2, 17));
    /// assert!((optimal.en0 - 11.958).abs() < 0.001);
    /// # Ok::<(), posology_design::Problems>(())
    /// ```
    pub fn search(&self) -> Result<Designs, Problems> {
        let problems = self.check();
        if !problems.is_empty() {
            return Err(Problems(problems));
        }
        let mut search = Search::new(self);
        let mut best: Vec<TwoStage> = Vec::new();
        let limit = self.max_n.unwrap_or(PATIENTS_MAX);
        let mut least = f64::INFINITY;
        for n in 2..=limit {
            search.extend_to(n);
            if !search.could_reach(n) {
                continue;
            }
            if let Some(found) = search.least_expected(n, least) {
                least = found.en0;
                best.push(found);
            }
            if search.nothing_left_above(n, least) {
                break;
            }
        }
        let (Some(minimax), Some(optimal)) = (best.first().copied(), best.last().copied()) else {
            let expected = "a design that reaches alpha and power";
            let found = format!("none with at most {limit} patients");
            let mend = "move p1 away from p0, relax alpha or power, or allow more patients";
            return Err(Problems(vec![Problem::new("max-n", found, expected, mend)]));
        };
        Ok(Designs { optimal, minimax, admissible: hull(&best) })
    }
}

/// What is wrong with two response rates and the error rates.
pub(crate) fn check_rates(p0: f64, p1: f64, alpha: f64, power: f64) -> Vec<Problem> {
    let mut problems = Vec::new();
    let mend = "give the response rate that is too low, such as 0.10";
    problems.extend(Problem::unless_inside("p0", p0, 0.0, 1.0, mend));
    let mend = "give the response rate that is wanted, above p0, such as 0.30";
    let lowest = if p0 > 0.0 && p0 < 1.0 { p0 } else { 0.0 };
    problems.extend(Problem::unless_inside("p1", p1, lowest, 1.0, mend));
    let mend = "give the type I error rate, such as 0.05";
    problems.extend(Problem::unless_inside("alpha", alpha, 0.0, 1.0, mend));
    let mend = "give the power as a probability above alpha, such as 0.80";
    let lowest = if alpha > 0.0 && alpha < 1.0 { alpha } else { 0.0 };
    problems.extend(Problem::unless_inside("power", power, lowest, 1.0, mend));
    problems
}

struct Search {
    low: Rows,
    high: Rows,
    settings: Settings,
    /// Sizes of the first stage below the least expected size found, and the least stopping probability they allow.
    least_to_go_on: Vec<Option<f64>>,
}

impl Search {
    fn new(settings: &Settings) -> Self {
        Self {
            low: Rows::new(settings.p0),
            high: Rows::new(settings.p1),
            settings: *settings,
            least_to_go_on: vec![None],
        }
    }

    fn extend_to(&mut self, n: u32) {
        self.low.extend_to(n);
        self.high.extend_to(n);
        while self.least_to_go_on.len() <= n as usize {
            let n1 = self.least_to_go_on.len() as u32;
            self.least_to_go_on.push(self.r1_max(n1).map(|r1| self.low.tails(n1)[r1 as usize]));
        }
    }

    /// The greatest r1 after n1 patients that leaves the power in reach.
    fn r1_max(&self, n1: u32) -> Option<u32> {
        let reaches = |tail: &&f64| **tail >= self.settings.power - SLACK;
        let reaching = self.high.tails(n1).iter().take_while(reaches).count();
        (reaching as u32).min(n1).checked_sub(1)
    }

    /// Whether any test of n patients could have the power: the randomised one of Neyman and Pearson has.
    fn could_reach(&self, n: u32) -> bool {
        let (low, high) = (self.low.tails(n), self.high.tails(n));
        let alpha = self.settings.alpha + SLACK;
        let most = low.iter().position(|tail| *tail <= alpha).unwrap_or(n as usize);
        let share = ((alpha - low[most]) / self.low.row(n)[most]).min(1.0);
        high[most] + share * self.high.row(n)[most] >= self.settings.power - SLACK
    }

    /// The design of n patients with the least expected size, if that is below `least`.
    fn least_expected(&self, n: u32, mut least: f64) -> Option<TwoStage> {
        let most = self.r_max(n)?;
        let mut found = None;
        for n1 in 1..n {
            if f64::from(n1) >= least {
                break;
            }
            let Some(r1_max) = self.r1_max(n1) else { continue };
            let n2 = f64::from(n - n1);
            // The expected size falls as r1 grows: from the top, the first that holds is the best for n1.
            for r1 in (0..=r1_max.min(most)).rev() {
                let en0 = f64::from(n1) + self.low.tails(n1)[r1 as usize] * n2;
                if en0 >= least {
                    break;
                }
                if let Some(r) = self.boundary(r1, n1, n, most) {
                    least = en0;
                    found = Some((r1, n1, r));
                    break;
                }
            }
        }
        found.map(|(r1, n1, r)| self.described(r1, n1, r, n))
    }

    /// The greatest r with which one stage of n patients has the power.
    fn r_max(&self, n: u32) -> Option<u32> {
        let reaches = |tail: &&f64| **tail >= self.settings.power - SLACK;
        (self.high.tails(n).iter().take_while(reaches).count() as u32).checked_sub(1)
    }

    /// The greatest r from `most` down that has the power, if its type I error rate holds too.
    fn boundary(&self, r1: u32, n1: u32, n: u32, most: u32) -> Option<u32> {
        let Settings { alpha, power, .. } = self.settings;
        let r = (r1..=most).rev().find(|r| self.go(&self.high, r1, n1, *r, n) >= power - SLACK)?;
        (self.go(&self.low, r1, n1, r, n) <= alpha + SLACK).then_some(r)
    }

    /// The probability of more than r1 responses, and more than r in both stages.
    fn go(&self, rows: &Rows, r1: u32, n1: u32, r: u32, n: u32) -> f64 {
        go(rows.row(n1), rows.tails(n1), rows.tails(n - n1), r1, r)
    }

    fn described(&self, r1: u32, n1: u32, r: u32, n: u32) -> TwoStage {
        let pet0 = self.low.row(n1)[..=r1 as usize].iter().sum();
        TwoStage {
            r1,
            n1,
            r,
            n,
            en0: f64::from(n1) + self.low.tails(n1)[r1 as usize] * f64::from(n - n1),
            pet0,
            alpha: self.go(&self.low, r1, n1, r, n),
            power: self.go(&self.high, r1, n1, r, n),
        }
    }

    /// Whether no design of more than n patients can have an expected size below `least`: for each n1 the size grows
    /// with n, and the power bounds the probability of stopping.
    fn nothing_left_above(&self, n: u32, least: f64) -> bool {
        if !least.is_finite() || f64::from(n) < least {
            return false;
        }
        let beyond = |n1: usize| match self.least_to_go_on[n1] {
            Some(goes_on) => n1 as f64 + goes_on * (f64::from(n) + 1.0 - n1 as f64) >= least,
            None => true,
        };
        // A first stage of `least` patients or more is too large whatever follows.
        (1..self.least_to_go_on.len()).take_while(|n1| (*n1 as f64) < least).all(beyond)
    }
}

/// The probability of more than r1 responses in the first stage and more than r in both.
fn go(first: &[f64], first_tails: &[f64], second_tails: &[f64], r1: u32, r: u32) -> f64 {
    let n1 = first.len() - 1;
    let upto = (r as usize).min(n1);
    let beyond = if (r as usize) < n1 { first_tails[r.max(r1) as usize] } else { 0.0 };
    let needed = |x1: usize| second_tails.get(r as usize - x1).copied().unwrap_or(0.0);
    (r1 as usize + 1..=upto).map(|x1| first[x1] * needed(x1)).sum::<f64>() + beyond
}

/// The designs on the lower convex hull of (n, en0), with the weights for which each is best.
fn hull(best: &[TwoStage]) -> Vec<Admissible> {
    // The weight at which two designs are equally good.
    let weight = |smaller: &TwoStage, larger: &TwoStage| {
        let gained = smaller.en0 - larger.en0;
        gained / (gained + f64::from(larger.n - smaller.n))
    };
    let mut kept: Vec<TwoStage> = Vec::new();
    for design in best {
        while let [.., before, last] = kept.as_slice() {
            // The middle of three is best for no weight if the outer two are equally good at a lower one.
            if weight(last, design) < weight(before, last) {
                break;
            }
            kept.pop();
        }
        kept.push(*design);
    }
    let place = |(index, design): (usize, &TwoStage)| Admissible {
        design: *design,
        weight_from: kept.get(index + 1).map_or(0.0, |larger| weight(design, larger)),
        weight_to: index.checked_sub(1).map_or(1.0, |before| weight(&kept[before], design)),
    };
    kept.iter().enumerate().map(place).collect()
}

impl TwoStage {
    /// A design of one's own, with its characteristics at `p0` and `p1`.
    ///
    /// # Errors
    /// Unless r1 < n1 < n <= [`PATIENTS_MAX`], r1 <= r < n and 0 < p0 < p1 < 1.
    ///
    /// ```
    /// use posology_design::two_stage::TwoStage;
    /// let design = TwoStage::new(1, 10, 5, 29, 0.10, 0.30)?;
    /// assert!((design.en0 - 15.0141203471).abs() < 1e-9);
    /// # Ok::<(), posology_design::Problems>(())
    /// ```
    pub fn new(r1: u32, n1: u32, r: u32, n: u32, p0: f64, p1: f64) -> Result<Self, Problems> {
        let mut problems = check_rates(p0, p1, 0.05, 0.80);
        let mend = "give the patients of both stages together";
        problems.extend(Problem::unless_among("n", n, 2, PATIENTS_MAX, mend));
        let mend = "give the patients of the first stage, fewer than in both";
        problems.extend(Problem::unless_among("n1", n1, 1, n.saturating_sub(1), mend));
        let mend = "give the most responses with which the trial ends after the first stage";
        problems.extend(Problem::unless_among("r1", r1, 0, n1.saturating_sub(1), mend));
        let mend = "give the most responses in both stages with which the treatment is not taken further";
        problems.extend(Problem::unless_among("r", r, r1, n.saturating_sub(1), mend));
        if !problems.is_empty() {
            return Err(Problems(problems));
        }
        let bare = Self { r1, n1, r, n, en0: 0.0, pet0: 0.0, alpha: 0.0, power: 0.0 };
        let low = bare.at_rate(p0);
        Ok(Self {
            en0: low.expected_n,
            pet0: low.stops_early,
            alpha: low.go,
            power: bare.at_rate(p1).go,
            ..bare
        })
    }

    /// What the design does at a true response rate.
    ///
    /// # Errors
    /// A rate outside [0, 1], or a design out of order (as for [`TwoStage::new`]).
    ///
    /// ```
    /// use posology_design::two_stage::TwoStage;
    /// let design = TwoStage::new(1, 10, 5, 29, 0.10, 0.30)?;
    /// assert!((design.at(0.30)?.go - 0.805062913150325).abs() < 1e-12);
    /// # Ok::<(), posology_design::Problems>(())
    /// ```
    pub fn at(&self, rate: f64) -> Result<Characteristics, Problems> {
        Self::new(self.r1, self.n1, self.r, self.n, 0.25, 0.50)?;
        if !(0.0..=1.0).contains(&rate) {
            let mend = "give a true response rate as a probability";
            return Err(Problems(vec![Problem::new("rate", rate, "0 to 1", mend)]));
        }
        Ok(self.at_rate(rate))
    }

    fn at_rate(&self, rate: f64) -> Characteristics {
        let first = binomial_row(self.n1, rate);
        let second = upper_tails(&binomial_row(self.n - self.n1, rate));
        let tails = upper_tails(&first);
        Characteristics {
            go: go(&first, &tails, &second, self.r1, self.r),
            stops_early: first[..=self.r1 as usize].iter().sum(),
            expected_n: f64::from(self.n1) + tails[self.r1 as usize] * f64::from(self.n - self.n1),
        }
    }
}

/// What was seen in a two-stage trial, with the patients that there were (not those planned).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Observed {
    /// Evaluable patients of the first stage.
    pub n1: u32,
    /// Responses among them.
    pub responses1: u32,
    /// Evaluable patients of both stages; `n1` if there was no second.
    pub n: u32,
    /// Responses among all of them.
    pub responses: u32,
}

/// By what order of results "as high as" and "as low as" were read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum Ordering {
    /// Any result after the second stage is higher than any that ended the trial after the first; within a stage by
    /// the number of responses.
    StageWise,
    /// By the number of responses alone, as in one stage: the trial went on although the design said to end it, so the
    /// stop does not belong to what could have happened. The p-value is never smaller than the stage-wise one.
    StopOverruled,
}

/// What may be said about the response rate after the trial.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Inference {
    /// The uniformly minimum variance unbiased estimate.
    pub estimate: f64,
    /// Responses over patients: too low on average, since only low first stages end early.
    pub observed_rate: f64,
    /// The probability at p0 of a result as high as this one, or higher.
    pub p_value: f64,
    /// The lower limit: at this rate a result as high as this one has probability (1 - confidence) / 2.
    pub lower: f64,
    /// The upper limit: at this rate a result as low as this one has probability (1 - confidence) / 2.
    pub upper: f64,
    /// The confidence of the two-sided interval.
    pub confidence: f64,
    /// The order of results.
    pub ordering: Ordering,
}

/// Estimate, p-value at `p0` and interval after a trial that ended with at most `r1` responses in its first stage, or
/// else went on.
///
/// Any result is taken: ended by the rule, ended after the first stage without need (its second stage then has no
/// patients), gone on, gone on against the rule ([`Ordering::StopOverruled`]), and stages of other sizes than planned.
/// Sizes are then read as if they had been the plan, which is right if they did not depend on the responses. An interval
/// with `confidence` 0.90 has the two one-sided limits of level 0.05. Limits are roots to the last digits.
///
/// Sources: Jung and Kim 2004 (estimate); Koyama and Chen 2008 (p-value and limits).
///
/// # Errors
/// More responses than patients, or fewer in both stages than in the first; no patients, or more than [`PATIENTS_MAX`];
/// `p0` or `confidence` not inside 0 to 1; r1 not below n1.
///
/// ```
/// use posology_design::two_stage::{Observed, infer};
/// let after = infer(1, 0.10, 0.90, &Observed { n1: 10, responses1: 3, n: 29, responses: 7 })?;
/// assert!((after.estimate - 0.282153095219648).abs() < 1e-12);
/// assert!((after.p_value - 0.017696094804074).abs() < 1e-12);
/// # Ok::<(), posology_design::Problems>(())
/// ```
pub fn infer(r1: u32, p0: f64, confidence: f64, observed: &Observed) -> Result<Inference, Problems> {
    let problems = observed.check(r1, p0, confidence);
    if !problems.is_empty() {
        return Err(Problems(problems));
    }
    let results = Results::new(r1, observed);
    let tail = 0.5 * (1.0 - confidence);
    let none = observed.responses == 0;
    let all = observed.responses == observed.n;
    Ok(Inference {
        estimate: results.unbiased(),
        observed_rate: f64::from(observed.responses) / f64::from(observed.n),
        p_value: results.as_high(p0),
        lower: if none { 0.0 } else { root(|p| results.as_high(p) - tail) },
        upper: if all { 1.0 } else { root(|p| tail - results.as_low(p)) },
        confidence,
        ordering: if results.overruled { Ordering::StopOverruled } else { Ordering::StageWise },
    })
}

impl Observed {
    fn check(&self, r1: u32, p0: f64, confidence: f64) -> Vec<Problem> {
        let Self { n1, responses1, n, responses } = *self;
        let mut problems = Vec::new();
        let mend = "give the response rate of the null hypothesis, such as 0.10";
        problems.extend(Problem::unless_inside("p0", p0, 0.0, 1.0, mend));
        let mend = "give the confidence of the two-sided interval, such as 0.90";
        problems.extend(Problem::unless_inside("confidence", confidence, 0.0, 1.0, mend));
        let mend = "give the evaluable patients of the first stage";
        problems.extend(Problem::unless_among("n1", n1, 1, PATIENTS_MAX, mend));
        let mend = "give the evaluable patients of both stages together";
        problems.extend(Problem::unless_among("n", n, n1, PATIENTS_MAX, mend));
        let mend = "give the boundary of the first stage, below its patients";
        problems.extend(Problem::unless_among("r1", r1, 0, n1.saturating_sub(1), mend));
        let mend = "give the responses of the first stage";
        problems.extend(Problem::unless_among("responses1", responses1, 0, n1, mend));
        let mend = "give the responses of both stages together";
        let most = responses1.saturating_add(n.saturating_sub(n1));
        problems.extend(Problem::unless_among("responses", responses, responses1, most, mend));
        problems
    }
}

/// The results that were possible, and the one observed.
struct Results {
    r1: u32,
    observed: Observed,
    /// Whether the observed result ended the trial after the first stage by the rule.
    ended: bool,
    overruled: bool,
}

impl Results {
    fn new(r1: u32, observed: &Observed) -> Self {
        let low = observed.responses1 <= r1;
        let ended = low && observed.n == observed.n1;
        Self { r1, observed: *observed, ended, overruled: low && !ended }
    }

    /// The least responses in the first stage with which the second could be reached.
    fn goes_on_from(&self) -> usize {
        if self.overruled { 0 } else { self.r1 as usize + 1 }
    }

    /// The probability of a result as high as the observed one.
    fn as_high(&self, p: f64) -> f64 {
        let Observed { n1, n, responses, .. } = self.observed;
        let first = binomial_row(n1, p);
        if self.ended {
            return first[responses as usize..].iter().sum();
        }
        let tails = upper_tails(&binomial_row(n - n1, p));
        let needed = |x1: usize| match (responses as usize).checked_sub(x1) {
            None | Some(0) => 1.0,
            Some(more) => tails.get(more - 1).copied().unwrap_or(0.0),
        };
        (self.goes_on_from()..first.len()).map(|x1| first[x1] * needed(x1)).sum()
    }

    /// The probability of a result as low as the observed one.
    fn as_low(&self, p: f64) -> f64 {
        let Observed { n1, n, responses, .. } = self.observed;
        let first = binomial_row(n1, p);
        if self.ended {
            return first[..=responses as usize].iter().sum();
        }
        let second = binomial_row(n - n1, p);
        let from = self.goes_on_from();
        let upto = |x1: usize| match (responses as usize).checked_sub(x1) {
            None => 0.0,
            Some(most) => second[..=most.min(second.len() - 1)].iter().sum::<f64>(),
        };
        first[..from].iter().sum::<f64>() + (from..first.len()).map(|x1| first[x1] * upto(x1)).sum::<f64>()
    }

    /// The mean of the first stage's rate, given all responses and that the second stage was reached.
    fn unbiased(&self) -> f64 {
        let Observed { n1, n, responses, .. } = self.observed;
        if self.ended {
            return f64::from(responses) / f64::from(n1);
        }
        let n2 = n - n1;
        let from = (self.goes_on_from() as u32).max(responses.saturating_sub(n2));
        let upto = responses.min(n1);
        // Ratios of C(n1, x) C(n2, s - x) from one x to the next, scaled against overflow.
        let (mut weight, mut sum, mut mean) = (1.0_f64, 0.0_f64, 0.0_f64);
        for x in from..=upto {
            sum += weight;
            mean += weight * f64::from(x);
            let (left1, left2) = (f64::from(n1 - x), f64::from(responses - x));
            let used = f64::from(x + 1) * (f64::from(n2) - left2 + 1.0);
            weight *= left1 * left2 / used;
            if weight > 1e200 {
                (weight, sum, mean) = (weight * 1e-200, sum * 1e-200, mean * 1e-200);
            }
        }
        mean / sum / f64::from(n1)
    }
}

/// The root in (0, 1) of a function that grows from below to above zero, to the last digits.
fn root(f: impl Fn(f64) -> f64) -> f64 {
    let (mut low, mut high) = (0.0_f64, 1.0_f64);
    // Each step halves the bracket; after 60 of them the ends near 1 are neighbours, near 0 they need more.
    for _ in 0..200 {
        let middle = 0.5 * (low + high);
        if middle <= low || middle >= high {
            break;
        }
        if f(middle) < 0.0 { low = middle } else { high = middle }
    }
    0.5 * (low + high)
}
