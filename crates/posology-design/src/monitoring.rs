//! Watching a single arm: at which counts it stops, and what that does at a true rate, by exact sums.
//!
//! A design that stops a single-arm trial by the number of responders is a list of [`Look`]s. What it does at a true
//! response rate is summed over every course of the trial, patient by patient ([`characteristics`]); nothing is
//! simulated. [`crate::predictive`] and [`crate::bop2`] make such lists.

use serde::{Deserialize, Serialize};

use crate::settings::{Problem, Problems};

/// The greatest number of patients of an arm that is watched.
pub const PATIENTS_MAX: u32 = 1_000;

/// One analysis of the trial: the numbers of responders at which it stops.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Look {
    /// Evaluable patients at this analysis.
    pub n: u32,
    /// No-go with at most so many responders; none if no number stops the trial here for futility.
    pub futility_max: Option<u32>,
    /// Go with at least so many responders; none if no number stops the trial here for efficacy. At the last analysis the
    /// trial ends in any case, with a go unless it is a no-go.
    pub efficacy_min: Option<u32>,
}

/// What a list of looks does at one true response rate.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Characteristics {
    /// The true response rate.
    pub rate: f64,
    /// The probability that the trial ends with a go: the type I error rate at p0, the power at p1.
    pub go: f64,
    /// The probability of a no-go before the last analysis.
    pub early_no_go: f64,
    /// The probability of a go before the last analysis.
    pub early_go: f64,
    /// The expected number of patients.
    pub expected_n: f64,
    /// The probability of ending at each look.
    pub ends_at: Vec<f64>,
}

/// What a list of looks does at a true response rate.
///
/// # Errors
/// No look; sizes that do not grow or exceed [`PATIENTS_MAX`]; a look at which the same number of responders is go and
/// no-go; a rate outside [0, 1].
///
/// ```
/// use posology_design::monitoring::{Look, characteristics};
/// // Simon's optimal design for 5% against 25%: no-go at 0 of 9 or 2 of 17.
/// let looks = [
///     Look { n: 9, futility_max: Some(0), efficacy_min: None },
///     Look { n: 17, futility_max: Some(2), efficacy_min: Some(3) },
/// ];
/// let at_p0 = characteristics(&looks, 0.05)?;
/// assert!((at_p0.go - 0.046604957238963).abs() < 1e-14);
/// assert!((at_p0.expected_n - 11.9580047222031).abs() < 1e-12);
/// # Ok::<(), posology_design::Problems>(())
/// ```
pub fn characteristics(looks: &[Look], rate: f64) -> Result<Characteristics, Problems> {
    let mut problems = check_sizes(looks.iter().map(|look| look.n));
    for look in looks {
        if let (Some(no_go), Some(go)) = (look.futility_max, look.efficacy_min)
            && go <= no_go
        {
            let found = format!("no-go up to {no_go} and go from {go} of {}", look.n);
            let mend = "let go begin above no-go";
            problems.push(Problem::new("looks", found, "one answer for each number of responders", mend));
        }
    }
    if !(0.0..=1.0).contains(&rate) {
        let mend = "give a true response rate as a probability";
        problems.push(Problem::new("rate", rate, "0 to 1", mend));
    }
    if problems.is_empty() { Ok(course(looks, rate)) } else { Err(Problems(problems)) }
}

/// What is wrong with the numbers of patients of the looks.
pub(crate) fn check_sizes(sizes: impl Iterator<Item = u32>) -> Vec<Problem> {
    let mut problems = Vec::new();
    let mut before = 0;
    let mut any = false;
    for n in sizes {
        any = true;
        if n <= before || n > PATIENTS_MAX {
            let expected = format!("sizes that grow, from 1 to {PATIENTS_MAX}");
            let found = format!("{n} after {before}");
            let mend = "give the patients at each analysis, counted from the first patient";
            problems.push(Problem::new("looks", found, expected, mend));
            break;
        }
        before = n;
    }
    if !any {
        let mend = "give the patients at each analysis, such as [10, 20, 30]";
        problems.push(Problem::new("looks", "none", "at least one analysis", mend));
    }
    problems
}

/// The forward sum over responders, patient by patient, for looks that hold together.
pub(crate) fn course(looks: &[Look], rate: f64) -> Characteristics {
    let mut going = vec![1.0];
    let (mut go, mut early_go, mut early_no_go, mut expected_n) = (0.0, 0.0, 0.0, 0.0);
    let mut ends_at = Vec::with_capacity(looks.len());
    let mut n = 0;
    for (place, look) in looks.iter().enumerate() {
        let last = place + 1 == looks.len();
        while n < look.n {
            step(&mut going, rate);
            n += 1;
        }
        let (mut went, mut stopped) = (0.0, 0.0);
        for (responders, probability) in going.iter_mut().enumerate() {
            let no_go = look.futility_max.is_some_and(|most| responders <= most as usize);
            let is_go =
                !no_go && (last || look.efficacy_min.is_some_and(|least| responders >= least as usize));
            if no_go {
                stopped += *probability;
            } else if is_go {
                went += *probability;
            }
            if no_go || is_go {
                *probability = 0.0;
            }
        }
        go += went;
        if !last {
            early_go += went;
            early_no_go += stopped;
        }
        ends_at.push(went + stopped);
        expected_n += (went + stopped) * f64::from(n);
    }
    Characteristics { rate, go, early_no_go, early_go, expected_n, ends_at }
}

/// One more patient.
fn step(going: &mut Vec<f64>, rate: f64) {
    going.push(0.0);
    for responders in (1..going.len()).rev() {
        going[responders] = going[responders] * (1.0 - rate) + going[responders - 1] * rate;
    }
    going[0] *= 1.0 - rate;
}
