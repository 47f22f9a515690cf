//! Does an outcome rise with the prescribed regimen? Trend tests and curves for a handful of groups of a handful of
//! patients, exact wherever that can be.
//!
//! Start at [`DoseResponse::of`]: groups in the order of the ladder in, every test and fit out, with the sentence that a
//! reader must see beside them. In escalation the groups were not randomised and their sizes followed the data: without a
//! test named by the protocol a p value here is exploratory.
//!
//! Sources: Cochran WG. Biometrics 1954;10:417-451. Armitage P. Biometrics 1955;11:375-386. Jonckheere AR. Biometrika
//! 1954;41:133-145. Hirji KF, Mehta CR, Patel NR. J Am Stat Assoc 1987;82:1110-1117 (exact logistic regression). Firth D.
//! Biometrika 1993;80:27-38.

use std::collections::BTreeMap;

use libm::{exp, log, log1p, sqrt};
use posology_design::numeric::{isotonic, normal_probability, normal_quantile};
use rust_decimal::Decimal;
use rust_decimal::prelude::ToPrimitive;
use serde::Serialize;
use thiserror::Error;

use super::rates::Confidence;
use crate::Because;

/// The most states of an exact distribution before the approximation stands alone.
const STATES_MAX: usize = 400_000;

/// The patients of one prescribed regimen, and how many had the outcome.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Group {
    /// The regimen, as printed.
    pub label: String,
    /// What the trend runs along, such as the regimen's total activity in mCi/m2.
    pub score: Decimal,
    /// Its schedule in words, such as `bolus`.
    pub schedule: String,
    /// Patients.
    pub patients: u32,
    /// Of them, those with the outcome.
    pub with: u32,
}

/// The probability of data so extreme if nothing depends on the score.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct PValues {
    /// So far or further towards a rise with the score.
    pub increasing: f64,
    /// So far or further towards a fall.
    pub decreasing: f64,
    /// Twice the lesser of the two, at most 1.
    pub two_sided: f64,
}

impl PValues {
    fn of(increasing: f64, decreasing: f64) -> Self {
        let (increasing, decreasing) = (increasing.clamp(0.0, 1.0), decreasing.clamp(0.0, 1.0));
        Self { increasing, decreasing, two_sided: (2.0 * increasing.min(decreasing)).min(1.0) }
    }

    fn normal(z: f64) -> Self {
        Self::of(normal_probability(-z), normal_probability(z))
    }
}

/// A trend test, by the conditional distribution and by the normal approximation.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Trend {
    /// The statistic.
    pub statistic: f64,
    /// The exact p values; none where the distribution is too large to be listed.
    pub exact: Option<PValues>,
    /// The statistic less its mean, over its standard deviation.
    pub z: f64,
    /// The p values by the normal approximation.
    pub approximate: PValues,
}

/// The slope of a logistic curve: the ln of the odds ratio for one unit of score.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Slope {
    /// The estimate; infinite where the data are as extreme as they can be and nothing holds it.
    pub estimate: f64,
    /// Lower limit.
    pub lower: f64,
    /// Upper limit.
    pub upper: f64,
    /// p value against no slope, two-sided.
    pub p: f64,
}

/// All that a few groups say on a trend.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct DoseResponse {
    /// The groups, in the order given.
    pub groups: Vec<Group>,
    /// Cochran-Armitage on the scores. None where everybody or nobody had the outcome.
    pub cochran_armitage: Option<Trend>,
    /// Jonckheere-Terpstra on the order of the scores; the approximation corrects its variance for ties. None as above.
    pub jonckheere_terpstra: Option<Trend>,
    /// The rate of each group if rates may not fall with the score.
    pub isotonic: Vec<f64>,
    /// Exact conditional logistic regression. None as above, and where the distribution is too large to be listed.
    pub exact_logistic: Option<Slope>,
    /// Logistic regression with Firth's penalty, with limits of the profile of the penalised likelihood.
    pub firth_logistic: Slope,
    /// The confidence of the limits.
    pub confidence: Confidence,
    /// How it was computed, and what must be read beside it.
    pub because: Vec<Because>,
}

/// Groups that no trend can be read from.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum BadGroups {
    /// More patients with the outcome than patients.
    #[error(
        "group {label}: found {with} with the outcome among {patients}, expected no more than there are: correct the counts"
    )]
    MoreThanAll {
        /// The group.
        label: String,
        /// With the outcome.
        with: u32,
        /// Patients.
        patients: u32,
    },
    /// Fewer than two different scores among groups with patients.
    #[error(
        "found {found} different scores among groups with patients, expected at least 2: a trend needs something to run along"
    )]
    OneScore {
        /// Different scores.
        found: usize,
    },
    /// A score that cannot be put on a grid with the others.
    #[error(
        "group {label}: found the score {score}, expected at most 9 decimals and at most 1,000,000: give it in another unit"
    )]
    Score {
        /// The group.
        label: String,
        /// The score.
        score: Decimal,
    },
    /// More patients than such a table may have.
    #[error("found {found} patients, expected at most 10,000: this is a table for a handful of groups")]
    TooMany {
        /// Patients.
        found: u64,
    },
}

impl DoseResponse {
    /// Every test and fit on some groups; those without patients are kept in the list and say nothing.
    /// `named_test` is the test that the protocol names, if it names one.
    ///
    /// ```
    /// use posology_trial::analysis::dose_response::{DoseResponse, Group};
    /// use posology_trial::analysis::rates::Confidence;
    /// let group = |score: i64, patients, with| Group {
    ///     label: format!("{score} mCi/m2"), score: score.into(), schedule: "bolus".to_owned(), patients, with,
    /// };
    /// let groups = [group(1, 4, 1), group(2, 4, 3)]; // a lady tasting tea
    /// let answer = DoseResponse::of(&groups, Confidence::NINETY_FIVE, None)?;
    /// let exact = answer.cochran_armitage.unwrap().exact.unwrap();
    /// assert!((exact.increasing - 17.0 / 70.0).abs() < 1e-12); // Fisher's own p
    /// # Ok::<(), posology_trial::analysis::dose_response::BadGroups>(())
    /// ```
    ///
    /// # Errors
    /// Counts that cannot be, or fewer than two different scores.
    pub fn of(groups: &[Group], confidence: Confidence, named_test: Option<&str>) -> Result<Self, BadGroups> {
        let scaled = scaled(groups)?;
        let alpha = 1.0 - confidence.probability();
        let distribution = conditional_distribution(&scaled);
        let informative = scaled.total > 0 && scaled.total < scaled.patients;
        let cochran_armitage = informative.then(|| cochran_armitage(&scaled, distribution.as_ref()));
        let by_score: Vec<Vec<f64>> = by_score(&scaled)
            .into_iter()
            .map(|(_, patients, with)| {
                let values = std::iter::repeat_n(0.0, (patients - with) as usize);
                values.chain(std::iter::repeat_n(1.0, with as usize)).collect()
            })
            .collect();
        let jonckheere_terpstra =
            if informative { Some(jonckheere_terpstra(&by_score, Ties::Corrected)) } else { None };
        let exact_logistic = distribution
            .as_ref()
            .filter(|_| informative)
            .map(|distribution| exact_slope(distribution, &scaled, alpha));
        Ok(Self {
            groups: groups.to_vec(),
            cochran_armitage,
            jonckheere_terpstra,
            isotonic: isotonic_rates(groups, &scaled),
            exact_logistic,
            firth_logistic: firth_slope(&scaled, alpha),
            confidence,
            because: because(groups, named_test, distribution.is_some(), informative),
        })
    }
}

/// Groups with patients, their scores as whole numbers of one unit.
struct Scaled {
    /// Score, patients and patients with the outcome.
    groups: Vec<(i64, u32, u32)>,
    /// One unit of score in the units of the grid.
    unit: f64,
    patients: u32,
    total: u32,
}

fn scaled(groups: &[Group]) -> Result<Scaled, BadGroups> {
    let most = Decimal::from(1_000_000);
    let mut places = 0;
    for group in groups {
        if group.with > group.patients {
            let Group { label, with, patients, .. } = group.clone();
            return Err(BadGroups::MoreThanAll { label, with, patients });
        }
        let score = group.score.normalize();
        if score.scale() > 9 || score.abs() > most {
            return Err(BadGroups::Score { label: group.label.clone(), score });
        }
        places = places.max(score.scale());
    }
    let patients: u64 = groups.iter().map(|group| u64::from(group.patients)).sum();
    if patients > 10_000 {
        return Err(BadGroups::TooMany { found: patients });
    }
    let unit = 10_i64.pow(places);
    let whole = |score: Decimal| (score * Decimal::from(unit)).to_i64().unwrap_or(0);
    let treated: Vec<(i64, u32, u32)> = groups
        .iter()
        .filter(|group| group.patients > 0)
        .map(|group| (whole(group.score), group.patients, group.with))
        .collect();
    let mut scores: Vec<i64> = treated.iter().map(|group| group.0).collect();
    scores.sort_unstable();
    scores.dedup();
    if scores.len() < 2 {
        return Err(BadGroups::OneScore { found: scores.len() });
    }
    // From the lowest score up, and in the largest unit that keeps them whole, so that sums meet often.
    let least = scores[0];
    let divisor = scores.iter().fold(0, |divisor, score| greatest_divisor(divisor, score - least));
    let divisor = divisor.max(1);
    Ok(Scaled {
        patients: patients as u32,
        total: treated.iter().map(|group| group.2).sum(),
        unit: unit as f64 / divisor as f64,
        groups: treated.into_iter().map(|(score, n, with)| ((score - least) / divisor, n, with)).collect(),
    })
}

fn greatest_divisor(one: i64, other: i64) -> i64 {
    if other == 0 { one.abs() } else { greatest_divisor(other, one % other) }
}

/// Groups of one score taken together, the lowest score first.
fn by_score(scaled: &Scaled) -> Vec<(i64, u32, u32)> {
    let mut together: BTreeMap<i64, (u32, u32)> = BTreeMap::new();
    for (score, patients, with) in &scaled.groups {
        let group = together.entry(*score).or_default();
        group.0 += patients;
        group.1 += with;
    }
    together.into_iter().map(|(score, (patients, with))| (score, patients, with)).collect()
}

/// The number of ways to choose, relative to the greatest of a row.
fn binomials(n: u32) -> Vec<f64> {
    let mut row = vec![1.0];
    for k in 1..=n {
        let before = row[k as usize - 1];
        row.push(before * f64::from(n - k + 1) / f64::from(k));
    }
    let most = row.iter().copied().fold(0.0, f64::max);
    row.into_iter().map(|ways| ways / most).collect()
}

/// The sum of scores over patients with the outcome, given how many have it, if nothing depends on the score: each
/// value with its probability. None if there are too many values.
fn conditional_distribution(scaled: &Scaled) -> Option<BTreeMap<i64, f64>> {
    let mut states: BTreeMap<(u32, i64), f64> = BTreeMap::from([((0, 0), 1.0)]);
    for (score, patients, _) in by_score(scaled) {
        let ways = binomials(patients);
        let mut next: BTreeMap<(u32, i64), f64> = BTreeMap::new();
        for ((with, sum), weight) in &states {
            for (more, ways) in (0_u32..).zip(&ways).take_while(|(more, _)| with + more <= scaled.total) {
                *next.entry((with + more, sum + score * i64::from(more))).or_default() += weight * ways;
            }
        }
        if next.len() > STATES_MAX {
            return None;
        }
        let most = next.values().copied().fold(0.0, f64::max);
        next.values_mut().for_each(|weight| *weight /= most);
        states = next;
    }
    let mut distribution: BTreeMap<i64, f64> = states
        .into_iter()
        .filter(|((with, _), _)| *with == scaled.total)
        .map(|((_, sum), w)| (sum, w))
        .collect();
    let whole: f64 = distribution.values().sum();
    distribution.values_mut().for_each(|weight| *weight /= whole);
    Some(distribution)
}

fn observed(scaled: &Scaled) -> i64 {
    scaled.groups.iter().map(|(score, _, with)| score * i64::from(*with)).sum()
}

fn cochran_armitage(scaled: &Scaled, distribution: Option<&BTreeMap<i64, f64>>) -> Trend {
    let statistic = observed(scaled);
    let (n, p) = (f64::from(scaled.patients), f64::from(scaled.total) / f64::from(scaled.patients));
    let sum = |power: i32| -> f64 {
        scaled
            .groups
            .iter()
            .map(|(score, patients, _)| f64::from(*patients) * (*score as f64).powi(power))
            .sum()
    };
    let variance = p * (1.0 - p) * (sum(2) - sum(1) * sum(1) / n);
    let z = (statistic as f64 - p * sum(1)) / sqrt(variance);
    let exact = distribution.map(|distribution| {
        PValues::of(
            distribution.range(statistic..).map(|(_, weight)| weight).sum(),
            distribution.range(..=statistic).map(|(_, weight)| weight).sum(),
        )
    });
    Trend { statistic: statistic as f64 / scaled.unit, exact, z, approximate: PValues::normal(z) }
}

/// How the variance of the normal approximation treats equal values.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ties {
    /// As if there were none, like R's clinfun.
    Ignored,
    /// Corrected (Hollander M, Wolfe DA. Nonparametric Statistical Methods, equation 6.19).
    Corrected,
}

/// The Jonckheere-Terpstra test on values by group, the groups in their supposed order; finite values, two groups at
/// least. Pairs of a lower and a higher group count 1 where the value rises and 1/2 where it stays.
///
/// ```
/// use posology_trial::analysis::dose_response::{Ties, jonckheere_terpstra};
/// let trend = jonckheere_terpstra(&[vec![1.0, 2.0], vec![3.0], vec![4.0, 5.0]], Ties::Corrected);
/// assert_eq!(trend.statistic, 8.0);
/// assert!((trend.exact.unwrap().increasing - 1.0 / 30.0).abs() < 1e-12);
/// ```
pub fn jonckheere_terpstra(groups: &[Vec<f64>], ties: Ties) -> Trend {
    let mut statistic = 0.0;
    for (place, lower) in groups.iter().enumerate() {
        for higher in groups.iter().skip(place + 1) {
            for one in lower {
                statistic += higher
                    .iter()
                    .map(|other| if other > one { 1.0 } else { f64::from(u8::from(other == one)) * 0.5 })
                    .sum::<f64>();
            }
        }
    }
    let mut values: Vec<f64> = groups.iter().flatten().copied().collect();
    values.sort_by(f64::total_cmp);
    let tied: Vec<f64> = values.chunk_by(|a, b| a == b).map(|same| same.len() as f64).collect();
    let sizes: Vec<f64> = groups.iter().map(|group| group.len() as f64).collect();
    let n: f64 = sizes.iter().sum();
    let sum = |counts: &[f64], of: fn(f64) -> f64| counts.iter().map(|count| of(*count)).sum::<f64>();
    let mean = (n * n - sum(&sizes, |size| size * size)) / 4.0;
    let third = |m: f64| m * (m - 1.0) * (2.0 * m + 5.0);
    let variance = match ties {
        Ties::Ignored => {
            (n * n * (2.0 * n + 3.0) - sum(&sizes, |size| size * size * (2.0 * size + 3.0))) / 72.0
        }
        Ties::Corrected => {
            let pairs = |m: f64| m * (m - 1.0);
            let triples = |m: f64| m * (m - 1.0) * (m - 2.0);
            let first = (third(n) - sum(&sizes, third) - sum(&tied, third)) / 72.0;
            let second =
                if n > 2.0 { sum(&sizes, triples) * sum(&tied, triples) / (36.0 * triples(n)) } else { 0.0 };
            first + second + sum(&sizes, pairs) * sum(&tied, pairs) / (8.0 * pairs(n))
        }
    };
    let z = if variance > 0.0 { (statistic - mean) / sqrt(variance) } else { 0.0 };
    let exact = jonckheere_distribution(&sizes, &tied).map(|distribution| {
        let doubled = (2.0 * statistic) as i64;
        PValues::of(
            distribution.range(doubled..).map(|(_, weight)| weight).sum(),
            distribution.range(..=doubled).map(|(_, weight)| weight).sum(),
        )
    });
    Trend { statistic, exact, z, approximate: PValues::normal(z) }
}

/// Twice the statistic over all ways to share the values out among the groups, with its probability. The groups are
/// taken away from the pool one by one, the highest first; the pool is known by how many of each value it has left.
fn jonckheere_distribution(sizes: &[f64], tied: &[f64]) -> Option<BTreeMap<i64, f64>> {
    if tied.iter().all(|same| *same == 1.0) {
        return Some(untied_distribution(sizes));
    }
    type Pool = Vec<u32>;
    let start: Pool = tied.iter().map(|same| *same as u32).collect();
    let mut pools: BTreeMap<Pool, BTreeMap<i64, f64>> = BTreeMap::from([(start, BTreeMap::from([(0, 1.0)]))]);
    for size in sizes.iter().skip(1).rev() {
        let mut next: BTreeMap<Pool, BTreeMap<i64, f64>> = BTreeMap::new();
        let mut states = 0;
        for (pool, distribution) in &pools {
            for (taken, ways) in shares(pool, *size as u32) {
                let left: Pool = pool.iter().zip(&taken).map(|(all, taken)| all - taken).collect();
                let mut below = 0_i64;
                let mut risen = 0_i64;
                for (left, taken) in left.iter().zip(&taken) {
                    risen += i64::from(*taken) * (2 * below + i64::from(*left));
                    below += i64::from(*left);
                }
                let reached = next.entry(left).or_default();
                for (sum, weight) in distribution {
                    let state = reached.entry(sum + risen).or_insert_with(|| {
                        states += 1;
                        0.0
                    });
                    *state += weight * ways;
                }
                if states > STATES_MAX {
                    return None;
                }
            }
        }
        pools = next;
    }
    let mut distribution: BTreeMap<i64, f64> = BTreeMap::new();
    for of_pool in pools.into_values() {
        for (sum, weight) in of_pool {
            *distribution.entry(sum).or_default() += weight;
        }
    }
    let whole: f64 = distribution.values().sum();
    distribution.values_mut().for_each(|weight| *weight /= whole);
    Some(distribution)
}

/// Every way to take `size` from a pool: how many of each value, and in how many ways, up to a factor of the pool.
fn shares(pool: &[u32], size: u32) -> Vec<(Vec<u32>, f64)> {
    let all: u32 = pool.iter().sum();
    let mut found: Vec<(Vec<u32>, f64, u32)> = vec![(Vec::new(), 1.0, 0)];
    let mut seen = 0;
    for count in pool {
        seen += count;
        let rest = all - seen;
        let ways = binomials_plain(*count);
        found = found
            .iter()
            .flat_map(|(taken, weight, sum)| {
                let least = size.saturating_sub(sum + rest);
                (least..=(*count).min(size - sum)).zip(ways.iter().skip(least as usize)).map(
                    move |(more, ways)| {
                        let mut taken = taken.clone();
                        taken.push(more);
                        (taken, weight * ways, sum + more)
                    },
                )
            })
            .collect();
        if found.len() > STATES_MAX {
            break;
        }
    }
    found
        .into_iter()
        .filter(|(taken, _, sum)| taken.len() == pool.len() && *sum == size)
        .map(|(t, w, _)| (t, w))
        .collect()
}

fn binomials_plain(n: u32) -> Vec<f64> {
    let mut row = vec![1.0];
    for k in 1..=n {
        let before = row[k as usize - 1];
        row.push(before * f64::from(n - k + 1) / f64::from(k));
    }
    row
}

/// Without ties the statistic is a sum of independent rank sums, each of a group against those below it.
fn untied_distribution(sizes: &[f64]) -> BTreeMap<i64, f64> {
    let mut all = vec![1.0];
    let mut below = sizes.first().copied().unwrap_or(0.0) as usize;
    for size in sizes.iter().skip(1).map(|size| *size as usize) {
        // Counts of u over all ways: the product over k of (1 - q^(below + k)) / (1 - q^k).
        let most = below * size;
        let mut counts = vec![0.0; most + 1];
        counts[0] = 1.0;
        for k in 1..=size {
            for at in (below + k..=most).rev() {
                counts[at] -= counts[at - below - k];
            }
            for at in k..=most {
                counts[at] += counts[at - k];
            }
        }
        let whole: f64 = counts.iter().sum();
        let mut next = vec![0.0; all.len() + most];
        for (place, weight) in all.iter().enumerate() {
            for (more, count) in counts.iter().enumerate() {
                next[place + more] += weight * count / whole;
            }
        }
        all = next;
        below += size;
    }
    all.into_iter().enumerate().map(|(sum, weight)| (2 * sum as i64, weight)).collect()
}

/// Rates that do not fall with the score: of every group, by its score.
fn isotonic_rates(groups: &[Group], scaled: &Scaled) -> Vec<f64> {
    let merged = by_score(scaled);
    let rates: Vec<f64> = merged.iter().map(|(_, n, with)| f64::from(*with) / f64::from(*n)).collect();
    let weights: Vec<f64> = merged.iter().map(|(_, n, _)| f64::from(*n)).collect();
    let fitted = isotonic(&rates, &weights);
    let mut scores: Vec<Decimal> =
        groups.iter().filter(|group| group.patients > 0).map(|group| group.score).collect();
    scores.sort();
    scores.dedup();
    groups
        .iter()
        .map(|group| {
            let place = scores.binary_search(&group.score).ok().filter(|_| group.patients > 0);
            place.and_then(|place| fitted.get(place)).copied().unwrap_or(f64::NAN)
        })
        .collect()
}

/// Pr(T = t) when the ln odds rise by `slope` a unit of the grid, as weights that add up to one.
fn tilted(distribution: &BTreeMap<i64, f64>, slope: f64) -> Vec<(f64, f64)> {
    let ln: Vec<(f64, f64)> =
        distribution.iter().map(|(sum, weight)| (*sum as f64, log(*weight) + slope * *sum as f64)).collect();
    let most = ln.iter().map(|(_, ln)| *ln).fold(f64::NEG_INFINITY, f64::max);
    let whole: f64 = ln.iter().map(|(_, ln)| exp(ln - most)).sum();
    ln.into_iter().map(|(sum, ln)| (sum, exp(ln - most) / whole)).collect()
}

fn exact_slope(distribution: &BTreeMap<i64, f64>, scaled: &Scaled, alpha: f64) -> Slope {
    let at = observed(scaled) as f64;
    let least = distribution.keys().next().map_or(at, |sum| *sum as f64);
    let most = distribution.keys().next_back().map_or(at, |sum| *sum as f64);
    let from = |slope: f64| {
        tilted(distribution, slope).iter().filter(|(sum, _)| *sum >= at).map(|(_, w)| w).sum::<f64>()
    };
    let to = |slope: f64| {
        tilted(distribution, slope).iter().filter(|(sum, _)| *sum <= at).map(|(_, w)| w).sum::<f64>()
    };
    let mean = |slope: f64| tilted(distribution, slope).iter().map(|(sum, w)| sum * w).sum::<f64>();
    let lower = if at > least { rising_root(&from, 0.5 * alpha) } else { f64::NEG_INFINITY };
    let upper = if at < most { rising_root(&|slope| -to(slope), -0.5 * alpha) } else { f64::INFINITY };
    // At an end the likelihood has no maximum: the median unbiased estimate stands in.
    let estimate = if at >= most {
        rising_root(&from, 0.5)
    } else if at <= least {
        rising_root(&|slope| -to(slope), -0.5)
    } else {
        rising_root(&mean, at)
    };
    let p = PValues::of(from(0.0), to(0.0)).two_sided;
    let unit = scaled.unit;
    Slope { estimate: estimate * unit, lower: lower * unit, upper: upper * unit, p }
}

/// Where a rising function reaches a height, by halving.
fn rising_root(function: &impl Fn(f64) -> f64, height: f64) -> f64 {
    let (mut low, mut high) = (-1.0, 1.0);
    while function(low) > height && low > -1e6 {
        low *= 2.0;
    }
    while function(high) < height && high < 1e6 {
        high *= 2.0;
    }
    for _ in 0..200 {
        let middle = 0.5 * (low + high);
        if middle <= low || middle >= high {
            break;
        }
        if function(middle) < height {
            low = middle;
        } else {
            high = middle;
        }
    }
    0.5 * (low + high)
}

/// The penalised ln likelihood: with half the ln determinant of the information of intercept and slope.
fn penalised(groups: &[(f64, f64, f64)], intercept: f64, slope: f64) -> f64 {
    let (mut ln, mut i00, mut i01, mut i11) = (0.0, 0.0, 0.0, 0.0);
    for (x, n, with) in groups {
        let eta = intercept + slope * x;
        // ln p and ln(1 - p), neither of which cancels.
        let (ln_p, ln_q) = (-softplus(-eta), -softplus(eta));
        ln += with * ln_p + (n - with) * ln_q;
        let w = n * exp(ln_p + ln_q);
        i00 += w;
        i01 += w * x;
        i11 += w * x * x;
    }
    ln + 0.5 * log((i00 * i11 - i01 * i01).max(f64::MIN_POSITIVE))
}

fn softplus(t: f64) -> f64 {
    if t > 0.0 { t + log1p(exp(-t)) } else { log1p(exp(t)) }
}

/// The greatest value of a function with one summit, and where it is.
fn summit(function: impl Fn(f64) -> f64, mut low: f64, mut high: f64) -> (f64, f64) {
    const GOLDEN: f64 = 0.618_033_988_749_894_9;
    let (mut one, mut two) = (high - GOLDEN * (high - low), low + GOLDEN * (high - low));
    let (mut at_one, mut at_two) = (function(one), function(two));
    // The bracket is then 1e-11 wide, and the height right to its square.
    for _ in 0..64 {
        if at_one < at_two {
            (low, one, at_one) = (one, two, at_two);
            two = low + GOLDEN * (high - low);
            at_two = function(two);
        } else {
            (high, two, at_two) = (two, one, at_one);
            one = high - GOLDEN * (high - low);
            at_one = function(one);
        }
    }
    let at = 0.5 * (low + high);
    (at, function(at))
}

fn firth_slope(scaled: &Scaled, alpha: f64) -> Slope {
    // Scores centred and in units of their range, so that every slope of interest is of the order of one.
    let range = scaled.groups.iter().map(|group| group.0).max().unwrap_or(1).max(1) as f64;
    let mean = scaled.groups.iter().map(|(score, n, _)| *score as f64 * f64::from(*n)).sum::<f64>()
        / f64::from(scaled.patients);
    let groups: Vec<(f64, f64, f64)> = scaled
        .groups
        .iter()
        .map(|(score, n, with)| ((*score as f64 - mean) / range, f64::from(*n), f64::from(*with)))
        .collect();
    let profile = |slope: f64| summit(|intercept| penalised(&groups, intercept, slope), -60.0, 60.0).1;
    let (rough, _) = summit(profile, -60.0, 60.0);
    let slope = firth_newton(&groups, rough);
    let best = profile(slope);
    let z = normal_quantile(1.0 - 0.5 * alpha);
    let fallen = |slope: f64| 2.0 * (best - profile(slope));
    let limit = |side: f64| {
        let reached = |far: f64| fallen(slope + side * far);
        if reached(500.0) < z * z { f64::INFINITY } else { rising_root_from_zero(&reached, z * z) }
    };
    let p = 2.0 * normal_probability(-sqrt(fallen(0.0).max(0.0)));
    let unit = scaled.unit / range;
    Slope {
        estimate: slope * unit,
        lower: (slope - limit(-1.0)) * unit,
        upper: (slope + limit(1.0)) * unit,
        p: p.min(1.0),
    }
}

fn rising_root_from_zero(function: &impl Fn(f64) -> f64, height: f64) -> f64 {
    let (mut low, mut high) = (0.0, 1.0);
    while function(high) < height {
        low = high;
        high *= 2.0;
    }
    for _ in 0..60 {
        let middle = 0.5 * (low + high);
        if function(middle) < height {
            low = middle;
        } else {
            high = middle;
        }
    }
    0.5 * (low + high)
}

/// Newton's steps on Firth's modified score, from near its root.
fn firth_newton(groups: &[(f64, f64, f64)], slope: f64) -> f64 {
    let (mut a, _) = summit(|intercept| penalised(groups, intercept, slope), -60.0, 60.0);
    let mut b = slope;
    for _ in 0..50 {
        let mut information = [0.0_f64; 3];
        let weights: Vec<(f64, f64)> = groups
            .iter()
            .map(|(x, n, _)| {
                let p = 1.0 / (1.0 + exp(-(a + b * x)));
                let w = n * p * (1.0 - p);
                information[0] += w;
                information[1] += w * x;
                information[2] += w * x * x;
                (p, w)
            })
            .collect();
        let [i00, i01, i11] = information;
        let determinant = i00 * i11 - i01 * i01;
        if determinant <= 0.0 {
            return b;
        }
        let (mut u0, mut u1) = (0.0, 0.0);
        for ((x, n, with), (p, w)) in groups.iter().zip(&weights) {
            let leverage = w * (i11 - 2.0 * x * i01 + x * x * i00) / determinant;
            let score = with - n * p + leverage * (0.5 - p);
            u0 += score;
            u1 += score * x;
        }
        let (da, db) = ((i11 * u0 - i01 * u1) / determinant, (i00 * u1 - i01 * u0) / determinant);
        a += da.clamp(-1.0, 1.0);
        b += db.clamp(-1.0, 1.0);
        if da.abs().max(db.abs()) < 1e-14 {
            break;
        }
    }
    b
}

fn because(groups: &[Group], named_test: Option<&str>, listed: bool, informative: bool) -> Vec<Because> {
    let mut because = Vec::new();
    let mut schedules: Vec<&str> = groups.iter().map(|group| group.schedule.as_str()).collect();
    schedules.sort_unstable();
    schedules.dedup();
    let says = format!(
        "activity and schedule are confounded: the groups differ in schedule ({}) as well as in activity, were treated one after the other and not randomised, and their sizes followed the data",
        schedules.join(", ")
    );
    let alike = "the groups were treated one after the other and not randomised, and their sizes followed the data: calendar time, earlier lines and amended eligibility are confounded with activity".to_owned();
    let confounded = if schedules.len() > 1 { says } else { alike };
    because
        .push(Because::new("dose-response/confounded", confounded).input("schedules", schedules.join(", ")));
    because.push(match named_test {
        Some(test) => Because::new("dose-response/named", format!("the protocol names the test: {test}")),
        None => Because::new(
            "dose-response/exploratory",
            "exploratory: the protocol names no test, so no p value here confirms anything",
        ),
    });
    if !informative {
        because.push(Because::new(
            "dose-response/no-information",
            "everybody or nobody had the outcome: no trend can be seen",
        ));
    } else if !listed {
        because.push(Because::new(
            "dose-response/too-large",
            format!(
                "the exact distribution has more than {STATES_MAX} states: only the approximation is given"
            ),
        ));
    }
    because.push(
        Because::new(
            "dose-response/methods",
            "Cochran-Armitage and logistic slope by the distribution given the number with the outcome; Jonckheere-Terpstra over all ways to share the values out; two-sided p is twice the lesser tail",
        )
        .source("Armitage P. Biometrics 1955;11:375-386; Jonckheere AR. Biometrika 1954;41:133-145; Hirji KF et al. J Am Stat Assoc 1987;82:1110-1117; Firth D. Biometrika 1993;80:27-38"),
    );
    because
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::Value;

    fn groups(scores: &[i64], n: &[u32], with: &[u32]) -> Vec<Group> {
        scores
            .iter()
            .zip(n)
            .zip(with)
            .map(|((score, patients), with)| Group {
                label: score.to_string(),
                score: (*score).into(),
                schedule: "bolus".to_owned(),
                patients: *patients,
                with: *with,
            })
            .collect()
    }

    fn of(groups: &[Group]) -> DoseResponse {
        DoseResponse::of(groups, Confidence::NINETY_FIVE, None).unwrap()
    }

    fn reference() -> Value {
        serde_json::from_str(include_str!("../../tests/fixtures/trend_tests.json")).unwrap()
    }

    fn whole<T: TryFrom<i64>>(list: &Value) -> Vec<T>
    where
        T::Error: std::fmt::Debug,
    {
        list.as_array().unwrap().iter().map(|n| T::try_from(n.as_i64().unwrap()).unwrap()).collect()
    }

    /// Source: R 4.2.2, stats::prop.trend.test and clinfun 1.1.5.
    #[test]
    fn approximations_are_those_of_r() {
        for case in reference()["trend"].as_array().unwrap() {
            let groups = groups(&whole(&case["score"]), &whole(&case["n"]), &whole(&case["x"]));
            let answer = of(&groups);
            let by_group: Vec<Vec<f64>> = groups
                .iter()
                .map(|group| (0..group.patients).map(|i| f64::from(u8::from(i < group.with))).collect())
                .collect();
            let jonckheere = jonckheere_terpstra(&by_group, Ties::Ignored);
            assert_eq!(Some(jonckheere.statistic), case["jonckheere_increasing"]["JT"].as_f64());
            let p = case["jonckheere_increasing"]["p"].as_f64().unwrap();
            assert!((jonckheere.approximate.increasing - p).abs() < 1e-10, "{}", case["label"]);
            let Some(z) = case["cochran_armitage_z_closed_form"].as_f64() else {
                assert_eq!(answer.cochran_armitage, None);
                continue;
            };
            let trend = answer.cochran_armitage.unwrap();
            assert!((trend.z - z).abs() < 1e-10);
            let p = case["cochran_armitage_p_one_sided_increasing"].as_f64().unwrap();
            assert!((trend.approximate.increasing - p).abs() < 1e-10);
            let p = case["prop_trend_test"]["p_two_sided"].as_f64().unwrap();
            assert!((trend.approximate.two_sided - p).abs() < 1e-10);
        }
    }

    /// Source: clinfun 1.1.5, jonckheere.test: exact without ties, else the untied normal approximation.
    #[test]
    fn jonckheere_is_that_of_clinfun_on_measured_values() {
        let mut exact = 0;
        for case in reference()["jonckheere"].as_array().unwrap() {
            let (x, g): (Vec<f64>, Vec<usize>) = case["x"]
                .as_array()
                .unwrap()
                .iter()
                .zip(case["g"].as_array().unwrap())
                .map(|(x, g)| (x.as_f64().unwrap(), g.as_u64().unwrap() as usize))
                .unzip();
            let mut by_group = vec![Vec::new(); *g.iter().max().unwrap()];
            for (x, g) in x.iter().zip(&g) {
                by_group[g - 1].push(*x);
            }
            let trend = jonckheere_terpstra(&by_group, Ties::Ignored);
            assert_eq!(Some(trend.statistic), case["JT"].as_f64());
            let tied = case["ties"] == true;
            let p = if tied { trend.approximate } else { trend.exact.unwrap() };
            exact += usize::from(!tied);
            let found = match case["alternative"].as_str().unwrap() {
                "two.sided" => p.two_sided,
                "decreasing" => p.decreasing,
                _ => p.increasing,
            };
            assert!((found - case["p"].as_f64().unwrap()).abs() < 1e-10, "{case}");
        }
        assert!(exact > 4);
    }

    /// All ways to share 0 and 1 out among patients, one by one.
    #[test]
    fn exact_distributions_are_those_of_every_permutation() {
        let groups = groups(&[10, 20, 50], &[3, 3, 4], &[0, 2, 3]);
        let scores: Vec<i64> = groups
            .iter()
            .flat_map(|group| std::iter::repeat_n(group.score.to_i64().unwrap(), group.patients as usize))
            .collect();
        let jonckheere = |had: &dyn Fn(usize) -> bool| -> i64 {
            let mut twice = 0;
            for i in 0..10 {
                for j in 0..10 {
                    if scores[i] < scores[j] {
                        twice += 1 + i64::from(had(j)) - i64::from(had(i));
                    }
                }
            }
            twice
        };
        let (mut ca, mut jt, mut all) = (0.0, 0.0, 0.0);
        let sum = |mask: u32| -> i64 { (0..10).filter(|i| mask >> i & 1 == 1).map(|i| scores[i]).sum() };
        let twice = |mask: u32| jonckheere(&|i| mask >> i & 1 == 1);
        // Patients 3, 4 of the middle group and 7, 8, 9 of the last had the outcome.
        let observed: u32 = 0b11_1001_1000;
        assert_eq!(observed.count_ones(), 5);
        for mask in (0_u32..1024).filter(|mask| mask.count_ones() == 5) {
            all += 1.0;
            ca += f64::from(u8::from(sum(mask) >= sum(observed)));
            jt += f64::from(u8::from(twice(mask) >= twice(observed)));
        }
        let answer = of(&groups);
        assert!((answer.cochran_armitage.unwrap().exact.unwrap().increasing - ca / all).abs() < 1e-12);
        assert!((answer.jonckheere_terpstra.unwrap().exact.unwrap().increasing - jt / all).abs() < 1e-12);
    }

    /// Source: R's fisher.test on Fisher's tea tasting, rbind(c(3, 1), c(1, 3)): p = 0.4857, odds ratio 6.408309
    /// (0.2117329 to 621.9337505).
    #[test]
    fn exact_logistic_of_two_groups_is_fishers_test() {
        let slope = of(&groups(&[0, 1], &[4, 4], &[1, 3])).exact_logistic.unwrap();
        assert!((slope.p - 34.0 / 70.0).abs() < 1e-12);
        assert!((exp(slope.estimate) - 6.408_309).abs() < 1e-4);
        // R finds a limit of the odds ratio below 1, and the inverse of one above, to 1.2e-4.
        assert!((exp(slope.lower) - 0.211_732_9).abs() < 1.2e-4);
        assert!((exp(-slope.upper) - 1.0 / 621.933_750_5).abs() < 1.2e-4);
        // The limits themselves solve these: 1, 16, 36, 16 and 1 ways to guess 0 to 4 cups.
        let all = |odds: f64| 1.0 + 16.0 * odds + 36.0 * odds.powi(2) + 16.0 * odds.powi(3) + odds.powi(4);
        let (lower, upper) = (exp(slope.lower), exp(slope.upper));
        assert!(((16.0 * lower.powi(3) + lower.powi(4)) / all(lower) - 0.025).abs() < 1e-12);
        assert!((1.0 - upper.powi(4) / all(upper) - 0.025).abs() < 1e-12);
    }

    /// With two groups Firth's penalty adds half a patient to each cell (Firth 1993, section 3).
    #[test]
    fn firth_of_two_groups_adds_half_a_patient_to_each_cell() {
        for (n, with) in [([4, 4], [1, 3]), ([3, 6], [0, 6]), ([6, 3], [0, 0])] {
            let slope = of(&groups(&[0, 2], &n, &with)).firth_logistic;
            let odds = |i: usize| (f64::from(with[i]) + 0.5) / (f64::from(n[i] - with[i]) + 0.5);
            let expected = 0.5 * log(odds(1) / odds(0));
            assert!((slope.estimate - expected).abs() < 1e-9, "{slope:?} {expected}");
            assert!(slope.lower < slope.estimate && slope.estimate < slope.upper);
        }
    }

    #[test]
    fn data_at_the_end_of_the_scale_have_one_limit_and_a_median_unbiased_estimate() {
        let slope = of(&groups(&[0, 1], &[3, 3], &[0, 3])).exact_logistic.unwrap();
        assert_eq!(slope.upper, f64::INFINITY);
        assert!(slope.estimate.is_finite() && slope.lower.is_finite() && slope.lower < slope.estimate);
    }

    #[test]
    fn everybody_or_nobody_gives_no_test_and_says_so() {
        let answer = of(&groups(&[1, 2, 3], &[3, 3, 3], &[0, 0, 0]));
        assert_eq!(
            (answer.cochran_armitage, answer.jonckheere_terpstra, answer.exact_logistic),
            (None, None, None)
        );
        assert!(answer.because.iter().any(|because| because.rule == "dose-response/no-information"));
        assert!(answer.because.iter().any(|because| because.rule == "dose-response/exploratory"));
    }

    #[test]
    fn bolus_beside_fractions_is_named_as_a_confounder() {
        let mut groups = groups(&[12, 40], &[4, 4], &[0, 2]);
        groups[1].schedule = "two fractions".to_owned();
        let says = &of(&groups).because[0].says;
        assert!(
            says.contains("activity and schedule are confounded") && says.contains("bolus, two fractions")
        );
    }

    #[test]
    fn groups_that_cannot_be_are_refused() {
        let refused = |groups: &[Group]| DoseResponse::of(groups, Confidence::NINETY, None).unwrap_err();
        assert!(matches!(refused(&groups(&[1, 2], &[3, 3], &[4, 0])), BadGroups::MoreThanAll { .. }));
        assert_eq!(refused(&groups(&[1, 1], &[3, 3], &[1, 0])), BadGroups::OneScore { found: 1 });
        assert_eq!(refused(&groups(&[1, 2], &[3, 0], &[1, 0])), BadGroups::OneScore { found: 1 });
        assert_eq!(refused(&[]), BadGroups::OneScore { found: 0 });
        assert!(matches!(refused(&groups(&[1, i64::MAX], &[3, 3], &[1, 1])), BadGroups::Score { .. }));
        assert!(matches!(refused(&groups(&[1, 2], &[u32::MAX, 3], &[1, 1])), BadGroups::TooMany { .. }));
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(40))]
        #[test]
        fn tails_share_the_observed_value_and_the_order_of_groups_is_nothing(
            data in prop::collection::vec((1_u32..7, 0_u32..7), 2..5)
        ) {
            let n: Vec<u32> = data.iter().map(|(n, _)| *n).collect();
            let with: Vec<u32> = data.iter().map(|(n, with)| (*with).min(*n)).collect();
            let scores: Vec<i64> = (0..data.len() as i64).map(|place| 3 * place * place).collect();
            let mut all = groups(&scores, &n, &with);
            let one = of(&all);
            all.reverse();
            let other = of(&all);
            prop_assert_eq!(one.cochran_armitage, other.cochran_armitage);
            prop_assert_eq!(one.jonckheere_terpstra, other.jonckheere_terpstra);
            for trend in [one.cochran_armitage, one.jonckheere_terpstra].into_iter().flatten() {
                let exact = trend.exact.unwrap();
                prop_assert!(exact.increasing + exact.decreasing > 1.0 - 1e-9);
                prop_assert!(exact.increasing <= 1.0 && exact.decreasing <= 1.0 && exact.two_sided <= 1.0);
            }
            prop_assert!(one.isotonic.windows(2).all(|pair| pair[0] <= pair[1]));
            if let Some(slope) = one.exact_logistic {
                prop_assert!(slope.lower <= slope.estimate && slope.estimate <= slope.upper);
            }
        }
    }
}
