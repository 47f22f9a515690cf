//! Watching a single-arm trial by Bayesian probabilities: predictive (Lee and Liu) or posterior (Thall and Simon).
//!
//! Both give, for each analysis, the numbers of responders at which the trial stops ([`Look`]), and exact operating
//! characteristics ([`crate::monitoring::characteristics`]). Start at [`Predictive::looks`] or [`ThallSimon::looks`].
//!
//! Sources: Lee JJ, Liu DD. Clin Trials 2008;5:93-106, doi:10.1177/1740774508089279. Thall PF, Simon R. Biometrics
//! 1994;50:337-349, doi:10.2307/2533377.

use libm::{cosh, exp, lgamma, sinh};
use serde::{Deserialize, Serialize};

use crate::data::BadData;
use crate::monitoring::{Look, PATIENTS_MAX, check_sizes};
use crate::numeric::{incomplete_beta, incomplete_beta_upper, ln_gamma, ln_prefix};
use crate::settings::{Problem, Problems};

/// A Beta distribution of a response rate: `a` responders and `b` others worth of belief.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Beta {
    /// Above 0; the mean is a / (a + b).
    pub a: f64,
    /// Above 0.
    pub b: f64,
}

/// The greatest parameter of a Beta prior: beyond it no data of a trial would be heard.
pub const BETA_MAX: f64 = 10_000.0;
/// The least parameter of a Beta prior.
pub const BETA_MIN: f64 = 1e-3;

impl Beta {
    /// What is wrong with the parameters.
    pub(crate) fn check(&self, key: &str) -> Vec<Problem> {
        let within = |value: f64| (BETA_MIN..=BETA_MAX).contains(&value);
        [("a", self.a), ("b", self.b)]
            .into_iter()
            .filter(|(_, value)| !within(*value))
            .map(|(name, value)| {
                let mend = "give the prior as responders and others it is worth, such as a = 0.2, b = 0.8";
                Problem::new(format!("{key}.{name}"), value, format!("{BETA_MIN} to {BETA_MAX}"), mend)
            })
            .collect()
    }

    /// The distribution after `responders` among `n`.
    pub(crate) fn after(&self, responders: u32, n: u32) -> Self {
        Self { a: self.a + f64::from(responders), b: self.b + f64::from(n - responders) }
    }

    /// The probability that the rate is above `rate`.
    pub(crate) fn above(&self, rate: f64) -> f64 {
        incomplete_beta_upper(self.a, self.b, rate)
    }

    /// The probability that the rate is at most `rate`.
    pub(crate) fn below(&self, rate: f64) -> f64 {
        incomplete_beta(self.a, self.b, rate)
    }
}

/// ln B(a, b).
pub(crate) fn ln_beta(a: f64, b: f64) -> f64 {
    ln_gamma(a) + ln_gamma(b) - ln_gamma(a + b)
}

/// A predictive probability design.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Predictive {
    /// The response rate that is too low.
    pub p0: f64,
    /// The prior of the response rate; the paper takes a = p0, b = 1 - p0.
    pub prior: Beta,
    /// The patients at each analysis, the last being all of them.
    pub looks: Vec<u32>,
    /// The treatment is efficacious at the end if Pr(rate > p0) is above this (theta_T of the paper).
    pub efficacious: f64,
    /// No-go when the predictive probability of that end is below this (theta_L); 0 for never.
    pub futile: f64,
    /// Go when it is above this (theta_U); 1 for never, as in most of the paper.
    pub promising: f64,
}

impl Predictive {
    /// Everything that is wrong with the settings.
    pub fn check(&self) -> Vec<Problem> {
        let mut problems = check_sizes(self.looks.iter().copied());
        let mend = "give the response rate that is too low, such as 0.20";
        problems.extend(Problem::unless_inside("p0", self.p0, 0.0, 1.0, mend));
        problems.extend(self.prior.check("prior"));
        let mend = "give the posterior probability that counts as efficacious, such as 0.90";
        problems.extend(Problem::unless_inside("efficacious", self.efficacious, 0.0, 1.0, mend));
        problems.extend(check_stops(self.futile, self.promising));
        problems
    }

    /// The predictive probability that the treatment will be efficacious at the end, after `responders` among `n`.
    ///
    /// A sum of beta-binomial probabilities over the patients to come, relative error below 1e-11.
    ///
    /// # Errors
    /// Settings out of range; more responders than patients, or more patients than the trial has.
    ///
    /// ```
    /// use posology_design::predictive::{Beta, Predictive};
    /// let design = Predictive {
    ///     p0: 0.60, prior: Beta { a: 0.6, b: 0.4 }, looks: vec![23, 40], efficacious: 0.90, futile: 0.05, promising: 1.0,
    /// };
    /// // The example of the paper: 16 responders among 23 of 40 patients.
    /// assert!((design.probability(16, 23)? - 0.5656).abs() < 5e-5);
    /// # Ok::<(), posology_design::Problems>(())
    /// ```
    pub fn probability(&self, responders: u32, n: u32) -> Result<f64, Problems> {
        let mut problems = self.check();
        let max = self.looks.last().copied().unwrap_or(0);
        let mend = "give the patients so far, at most those of the last analysis";
        problems.extend(Problem::unless_among("n", n, 0, max, mend));
        let mend = "give the responders among them";
        problems.extend(Problem::unless_among("responders", responders, 0, n, mend));
        if !problems.is_empty() {
            return Err(Problems(problems));
        }
        Ok(self.of_success(responders, n, max, self.least_at_end(max)))
    }

    /// The least number of responders among all that is efficacious; above `max` if none is.
    fn least_at_end(&self, max: u32) -> u32 {
        let efficacious =
            |responders: &u32| self.prior.after(*responders, max).above(self.p0) > self.efficacious;
        (0..=max).find(efficacious).unwrap_or(max + 1)
    }

    fn of_success(&self, responders: u32, n: u32, max: u32, least: u32) -> f64 {
        let Beta { a, b } = self.prior.after(responders, n);
        let left = max - n;
        let (size, whole) = (f64::from(left), ln_beta(a, b));
        let chance = |more: u32| {
            let y = f64::from(more);
            let ways = lgamma(size + 1.0) - lgamma(y + 1.0) - lgamma(size - y + 1.0);
            exp(ways + ln_beta(a + y, b + size - y) - whole)
        };
        let from = least.saturating_sub(responders);
        // The shorter side is summed, so that a certain success is 1 without rounding.
        if from == 0 {
            1.0
        } else if 2 * from > left {
            (from..=left).map(chance).sum()
        } else {
            1.0 - (0..from).map(chance).sum::<f64>()
        }
    }

    /// The numbers of responders at which the trial stops, for each analysis.
    ///
    /// # Errors
    /// Settings out of range.
    ///
    /// ```
    /// use posology_design::predictive::{Beta, Predictive};
    /// use posology_design::monitoring::characteristics;
    /// let design = Predictive {
    ///     p0: 0.20, prior: Beta { a: 0.2, b: 0.8 }, looks: (10..=36).collect(), efficacious: 0.90, futile: 0.001,
    ///     promising: 1.0,
    /// };
    /// let looks = design.looks()?;
    /// assert_eq!(looks[0].futility_max, Some(0));
    /// assert!((characteristics(&looks, 0.20)?.go - 0.088).abs() < 0.0005);
    /// # Ok::<(), posology_design::Problems>(())
    /// ```
    pub fn looks(&self) -> Result<Vec<Look>, Problems> {
        let problems = self.check();
        if !problems.is_empty() {
            return Err(Problems(problems));
        }
        let max = self.looks.last().copied().unwrap_or(0);
        let least = self.least_at_end(max);
        let look = |n: u32| {
            if n == max {
                return Look {
                    n,
                    futility_max: least.checked_sub(1),
                    efficacy_min: (least <= max).then_some(least),
                };
            }
            // The predictive probability grows with the responders.
            let of = |responders: &u32| self.of_success(*responders, n, max, least);
            Look {
                n,
                futility_max: (0..=n).take_while(|x| of(x) < self.futile).last(),
                efficacy_min: (0..=n).find(|x| of(x) > self.promising),
            }
        };
        Ok(self.looks.iter().copied().map(look).collect())
    }
}

fn check_stops(futile: f64, promising: f64) -> Vec<Problem> {
    let mut problems = Vec::new();
    if !(0.0..1.0).contains(&futile) {
        let mend = "give the probability below which the trial stops, such as 0.05, or 0 for never";
        problems.push(Problem::new("futile", futile, "0 to 1, without 1", mend));
    }
    if !(promising > futile && promising <= 1.0) {
        let mend = "give the probability above which the trial stops for a go, or 1 for never";
        problems.push(Problem::new("promising", promising, "above `futile`, up to 1", mend));
    }
    problems
}

/// What the new treatment is compared with.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum Standard {
    /// A known response rate.
    Rate(f64),
    /// What is believed of the response rate of the standard treatment; it is not updated.
    Believed(Beta),
}

/// A design that watches the posterior probability that the new treatment is better than the standard one.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct ThallSimon {
    /// The response rate of the standard treatment.
    pub standard: Standard,
    /// The prior of the new treatment's response rate.
    pub prior: Beta,
    /// The improvement that is wanted (delta_0 of the paper).
    pub improvement: f64,
    /// The patients at each analysis, the last being all of them.
    pub looks: Vec<u32>,
    /// No-go when Pr(new > standard + improvement) is below this (p_L); 0 for never.
    pub futile: f64,
    /// Go when Pr(new > standard) is above this (p_U); 1 for never.
    pub promising: f64,
}

impl ThallSimon {
    /// Everything that is wrong with the settings.
    pub fn check(&self) -> Vec<Problem> {
        let mut problems = check_sizes(self.looks.iter().copied());
        match &self.standard {
            Standard::Rate(rate) => {
                let mend = "give the response rate of the standard treatment, such as 0.20";
                problems.extend(Problem::unless_inside("standard", *rate, 0.0, 1.0, mend));
            }
            Standard::Believed(beta) => problems.extend(beta.check("standard")),
        }
        problems.extend(self.prior.check("prior"));
        if !(0.0..1.0).contains(&self.improvement) {
            let mend = "give the improvement of the response rate that is wanted, such as 0.15";
            problems.push(Problem::new("improvement", self.improvement, "0 to 1, without 1", mend));
        }
        problems.extend(check_stops(self.futile, self.promising));
        problems
    }

    /// The probability that the new treatment's response rate exceeds the standard one's by more than `by`, after
    /// `responders` among `n`.
    ///
    /// Against a believed rate a double-exponential quadrature, refined until two refinements agree to 1e-11.
    ///
    /// # Errors
    /// Settings or counts out of range; [`BadData::NotReached`] where the quadrature does not settle.
    ///
    /// ```
    /// use posology_design::predictive::{Beta, Standard, ThallSimon};
    /// let flat = Beta { a: 1.0, b: 1.0 };
    /// let design = ThallSimon {
    ///     standard: Standard::Believed(flat), prior: flat, improvement: 0.0, looks: vec![10], futile: 0.05, promising: 0.95,
    /// };
    /// // A Beta(3, 1) rate is above a uniform one with probability 3/4.
    /// assert!((design.probability(2, 2, 0.0).unwrap() - 0.75).abs() < 1e-11);
    /// ```
    pub fn probability(&self, responders: u32, n: u32, by: f64) -> Result<f64, Unanswered> {
        let mut problems = self.check();
        let mend = "give the patients so far";
        problems.extend(Problem::unless_among("n", n, 0, PATIENTS_MAX, mend));
        let mend = "give the responders among them";
        problems.extend(Problem::unless_among("responders", responders, 0, n, mend));
        if !(0.0..1.0).contains(&by) {
            problems.push(Problem::new("by", by, "0 to 1, without 1", "give a difference of response rates"));
        }
        if !problems.is_empty() {
            return Err(Problems(problems).into());
        }
        Ok(self.better(responders, n, by)?)
    }

    fn better(&self, responders: u32, n: u32, by: f64) -> Result<f64, BadData> {
        let new = self.prior.after(responders, n);
        match self.standard {
            Standard::Rate(rate) if rate + by >= 1.0 => Ok(0.0),
            Standard::Rate(rate) => Ok(new.above(rate + by)),
            Standard::Believed(standard) => exceeds(&new, &standard, by),
        }
    }

    /// The numbers of responders at which the trial stops, for each analysis.
    ///
    /// At the last analysis the trial ends with a go exactly where Pr(new > standard) is above `promising`, or, where
    /// that is 1 (never), where it is not a no-go.
    ///
    /// # Errors
    /// Settings out of range, also where the same count would be go and no-go; [`BadData::NotReached`] where the
    /// quadrature does not settle.
    pub fn looks(&self) -> Result<Vec<Look>, Unanswered> {
        let problems = self.check();
        if !problems.is_empty() {
            return Err(Problems(problems).into());
        }
        let max = self.looks.last().copied().unwrap_or(0);
        let mut looks = Vec::with_capacity(self.looks.len());
        for &n in &self.looks {
            // Both probabilities grow with the responders: the boundaries are found by halving.
            let futile = first(n, |x| Ok(self.better(x, n, self.improvement)? >= self.futile))?;
            let promising = first(n, |x| Ok(self.better(x, n, 0.0)? > self.promising))?;
            let efficacy_min = (promising <= n).then_some(promising);
            let mut futility_max = futile.checked_sub(1);
            if n == max && self.promising < 1.0 {
                futility_max = promising.checked_sub(1);
            }
            if let (Some(no_go), Some(go)) = (futility_max, efficacy_min)
                && go <= no_go
            {
                let found = format!("no-go up to {no_go} and go from {go} of {n} responders");
                let mend = "lower `futile`, raise `promising`, or lower `improvement`";
                return Err(Problems(vec![Problem::new("promising", found, "go above no-go", mend)]).into());
            }
            looks.push(Look { n, futility_max, efficacy_min });
        }
        Ok(looks)
    }
}

/// Why there is no answer.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum Unanswered {
    /// The settings or counts are out of range.
    #[error(transparent)]
    Problems(#[from] Problems),
    /// An integral did not reach its tolerance.
    #[error(transparent)]
    NotReached(#[from] BadData),
}

/// The first x of 0..=n from which on `holds` is true; n + 1 if none.
fn first(n: u32, holds: impl Fn(u32) -> Result<bool, BadData>) -> Result<u32, BadData> {
    let (mut low, mut high) = (0, n + 1);
    while low < high {
        let middle = low + (high - low) / 2;
        if holds(middle)? { high = middle } else { low = middle + 1 }
    }
    Ok(low)
}

/// The probability that one Beta variable exceeds another by more than `by`: the integral of the other's density times
/// the first one's upper tail.
fn exceeds(new: &Beta, standard: &Beta, by: f64) -> Result<f64, BadData> {
    // Where the standard rate exceeds 1 - by nothing is left to the new one.
    let length = 1.0 - by;
    // A point and the distance from the other end are kept apart, so that both ends keep their digits.
    let value = |at: f64, left: f64| {
        let other = by + left;
        exp(ln_prefix(standard.a, standard.b, at, other)) / at / other * new.above(at + by)
    };
    let term = |t: f64| {
        let reach = std::f64::consts::FRAC_PI_2 * sinh(t);
        // The share of the interval on the near side, and its slope.
        let (small, large) = (1.0 / (1.0 + exp(2.0 * reach.abs())), 1.0 / (1.0 + exp(-2.0 * reach.abs())));
        let slope = std::f64::consts::PI * cosh(t) * small * large;
        if slope <= f64::MIN_POSITIVE || small * length <= f64::MIN_POSITIVE {
            return 0.0;
        }
        let (at, left) = if t < 0.0 { (small, large) } else { (large, small) };
        length * slope * value(at * length, left * length)
    };
    // Beyond 6.1 the weights are below the smallest numbers.
    const REACH: f64 = 6.1;
    let mut width = 0.25;
    let mut sum = term(0.0);
    let mut steps = (REACH / width) as u32;
    sum += (1..=steps).map(|k| term(f64::from(k) * width) + term(-f64::from(k) * width)).sum::<f64>();
    let mut before = sum * width;
    let mut agreed = false;
    for _ in 0..9 {
        width *= 0.5;
        steps = (REACH / width) as u32;
        let odd = (1..=steps).step_by(2);
        sum += odd.map(|k| term(f64::from(k) * width) + term(-f64::from(k) * width)).sum::<f64>();
        let now = sum * width;
        let close = (now - before).abs() <= 1e-11;
        if close && agreed {
            return Ok(now.min(1.0));
        }
        agreed = close;
        before = now;
    }
    Err(BadData::NotReached { what: "the probability that one response rate exceeds another".to_owned() })
}
