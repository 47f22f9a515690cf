//! Basket trials: one treatment in several arms, each with its own decision, alone or borrowing from the others.
//!
//! Alone: each arm follows its own design (Simon's, BOP2 or another), and [`independent`] gives the probability of a go in
//! any arm from those of the arms. Borrowing: [`Borrowing`] averages over every way in which the arms may share response
//! rates, each partition of the arms being a model; within a block of a partition the arms have one rate with a Beta prior.
//! All sums are exact: no sampling and no approximation.
//!
//! Source: Psioda MA et al. Biostatistics 2021;22:19-34, doi:10.1093/biostatistics/kxz014. The prior of the models is
//! that of the R package bmabasket 0.1.2, proportional to exp(`distinct` x number of blocks).

use libm::exp;
use serde::{Deserialize, Serialize};

use crate::monitoring::PATIENTS_MAX;
use crate::numeric::binomial_row;
use crate::predictive::{Beta, ln_beta};
use crate::settings::{Problem, Problems};

/// The greatest number of arms that borrow from each other.
pub const ARMS_MAX: usize = 10;
/// The greatest number of results of a trial, over all arms, whose probabilities are summed.
pub const RESULTS_MAX: u64 = 20_000_000;

/// The probability of a go in at least one arm, where the arms decide alone.
///
/// With each arm's probability of a go at its null rate this is the family-wise error rate. None unless all are
/// probabilities.
///
/// ```
/// let any = posology_design::basket::independent(&[0.05, 0.05, 0.10]).unwrap();
/// assert!((any - (1.0 - 0.95 * 0.95 * 0.90)).abs() < 1e-15);
/// ```
pub fn independent(go: &[f64]) -> Option<f64> {
    let valid = go.iter().all(|go| (0.0..=1.0).contains(go));
    // Each arm adds what no arm before it had: small rates keep their digits.
    valid.then(|| go.iter().fold(0.0, |any, go| any + (1.0 - any) * go))
}

/// A basket trial whose arms borrow from each other at the final analysis.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Borrowing {
    /// The response rate that is too low, for each arm.
    pub null: Vec<f64>,
    /// The prior of the response rate of each block of arms; the paper's software takes Beta(0.5, 0.5).
    pub prior: Beta,
    /// How much a model with one distinct rate more is preferred: 0 for all models alike, above 0 for less borrowing. The
    /// software takes 1.
    pub distinct: f64,
    /// A go for an arm when Pr(rate > null) is above this.
    pub cutoff: f64,
}

/// Evaluable patients and responders of one arm.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Arm {
    /// Evaluable patients.
    pub n: u32,
    /// Responders among them.
    pub responders: u32,
}

/// What is believed of one arm, averaged over all models.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Believed {
    /// The posterior mean of the response rate.
    pub mean: f64,
    /// Pr(rate > null).
    pub above: f64,
    /// Whether the arm is a go.
    pub go: bool,
    /// The posterior probability that the arm has the same rate as each other arm (1 for itself).
    pub same_as: Vec<f64>,
}

/// What the trial does at one truth.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Characteristics {
    /// The probability of a go for each arm.
    pub go: Vec<f64>,
    /// The probability of a go for any arm whose true rate is at most its null rate: the family-wise error rate.
    pub any_false_go: f64,
    /// The probability of a go for any arm whose true rate is above its null rate.
    pub any_true_go: f64,
    /// The expected number of arms with the right decision.
    pub expected_right: f64,
    /// How many results of the trial were summed: the sum is exact, not simulated.
    pub results: u64,
}

impl Borrowing {
    /// Everything that is wrong with the settings.
    pub fn check(&self) -> Vec<Problem> {
        let mut problems = Vec::new();
        if !(1..=ARMS_MAX).contains(&self.null.len()) {
            let mend = "give the null response rate of each arm";
            let found = format!("{} arms", self.null.len());
            problems.push(Problem::new("null", found, format!("1 to {ARMS_MAX} arms"), mend));
        }
        let mend = "give the response rate that is too low, such as 0.15";
        for (place, null) in self.null.iter().take(ARMS_MAX).enumerate() {
            problems.extend(Problem::unless_inside(&format!("null[{place}]"), *null, 0.0, 1.0, mend));
        }
        problems.extend(self.prior.check("prior"));
        if !(-20.0..=20.0).contains(&self.distinct) {
            let mend = "give the preference for distinct rates, such as 1, or 0 for none";
            problems.push(Problem::new("distinct", self.distinct, "-20 to 20", mend));
        }
        let mend = "give the posterior probability that makes a go, such as 0.95";
        problems.extend(Problem::unless_inside("cutoff", self.cutoff, 0.0, 1.0, mend));
        problems
    }

    /// What is believed of each arm after the trial, or at any time in it.
    ///
    /// The sum over all partitions goes over subsets of arms, 3^arms steps, without listing the partitions; relative
    /// error below 1e-11.
    ///
    /// # Errors
    /// Settings out of range; as many arms as null rates are needed; more responders than patients.
    ///
    /// ```
    /// use posology_design::basket::{Arm, Borrowing};
    /// use posology_design::predictive::Beta;
    /// let trial = Borrowing { null: vec![0.15; 3], prior: Beta { a: 0.5, b: 0.5 }, distinct: 0.0, cutoff: 0.95 };
    /// let arm = |responders| Arm { n: 20, responders };
    /// let together = trial.believed(&[arm(5), arm(8), arm(7)])?;
    /// let alone = trial.believed(&[arm(5), arm(0), arm(0)])?;
    /// // Two good arms lend the first one belief; two bad ones take some.
    /// assert!(together[0].above > alone[0].above);
    /// # Ok::<(), posology_design::Problems>(())
    /// ```
    pub fn believed(&self, arms: &[Arm]) -> Result<Vec<Believed>, Problems> {
        let mut problems = self.check();
        if arms.len() != self.null.len() {
            let expected = format!("{}, as many as null rates", self.null.len());
            problems.push(Problem::new(
                "arms",
                arms.len(),
                expected,
                "give patients and responders of each arm",
            ));
        }
        for (place, arm) in arms.iter().enumerate() {
            let mend = "give evaluable patients, and responders among them";
            problems.extend(Problem::unless_among(&format!("arms[{place}].n"), arm.n, 0, PATIENTS_MAX, mend));
            let key = format!("arms[{place}].responders");
            problems.extend(Problem::unless_among(&key, arm.responders, 0, arm.n, mend));
        }
        if !problems.is_empty() {
            return Err(Problems(problems));
        }
        let models = Models::new(self, arms);
        let one = |place: usize| {
            let above = models.above(place, self.null[place]);
            Believed {
                mean: models.mean(place),
                above,
                go: above > self.cutoff,
                same_as: (0..arms.len()).map(|other| models.same(place, other)).collect(),
            }
        };
        Ok((0..arms.len()).map(one).collect())
    }

    /// What a trial with `n` patients in each arm does at true response rates: an exact sum over every result.
    ///
    /// # Errors
    /// Settings out of range; as many sizes and rates as null rates are needed; more than [`RESULTS_MAX`] results.
    ///
    /// ```
    /// use posology_design::basket::Borrowing;
    /// use posology_design::predictive::Beta;
    /// let trial = Borrowing { null: vec![0.15; 3], prior: Beta { a: 0.5, b: 0.5 }, distinct: 1.0, cutoff: 0.95 };
    /// let null = trial.characteristics(&[12, 12, 12], &[0.15, 0.15, 0.15])?;
    /// assert!(null.any_false_go < 0.15 && null.any_true_go == 0.0);
    /// # Ok::<(), posology_design::Problems>(())
    /// ```
    pub fn characteristics(&self, n: &[u32], rates: &[f64]) -> Result<Characteristics, Problems> {
        let problems = self.check_trial(n, rates);
        if !problems.is_empty() {
            return Err(Problems(problems));
        }
        let rows: Vec<Vec<f64>> = n.iter().zip(rates).map(|(n, rate)| binomial_row(*n, *rate)).collect();
        let false_arm: Vec<bool> = rates.iter().zip(&self.null).map(|(rate, null)| rate <= null).collect();
        let arms = n.len();
        let mut found = Characteristics {
            go: vec![0.0; arms],
            any_false_go: 0.0,
            any_true_go: 0.0,
            expected_right: 0.0,
            results: rows.iter().map(|row| row.len() as u64).product(),
        };
        let mut engine = Engine::new(self, n);
        let mut responders = vec![0_usize; arms];
        loop {
            let chance: f64 = rows.iter().zip(&responders).map(|(row, y)| row[*y]).product();
            if chance > 0.0 {
                let go = engine.goes_or_known(&responders);
                let (mut any_false, mut any_true) = (false, false);
                for (arm, (sum, should_not)) in found.go.iter_mut().zip(&false_arm).enumerate() {
                    let goes = go >> arm & 1 == 1;
                    *sum += if goes { chance } else { 0.0 };
                    found.expected_right += if goes != *should_not { chance } else { 0.0 };
                    any_false |= goes && *should_not;
                    any_true |= goes && !should_not;
                }
                found.any_false_go += if any_false { chance } else { 0.0 };
                found.any_true_go += if any_true { chance } else { 0.0 };
            }
            // The next result, as an odometer counts.
            let Some(arm) = (0..arms).find(|arm| responders[*arm] < n[*arm] as usize) else { break };
            responders[arm] += 1;
            responders[..arm].fill(0);
        }
        Ok(found)
    }

    fn check_trial(&self, n: &[u32], rates: &[f64]) -> Vec<Problem> {
        let mut problems = self.check();
        let expected = format!("{}, as many as null rates", self.null.len());
        if n.len() != self.null.len() {
            problems.push(Problem::new("n", n.len(), expected.clone(), "give the patients of each arm"));
        }
        if rates.len() != self.null.len() {
            problems.push(Problem::new("rates", rates.len(), expected, "give the true rate of each arm"));
        }
        for (place, rate) in rates.iter().enumerate() {
            if !(0.0..=1.0).contains(rate) {
                let mend = "give a true response rate as a probability";
                problems.push(Problem::new(format!("rates[{place}]"), rate, "0 to 1", mend));
            }
        }
        for (place, n) in n.iter().enumerate() {
            let mend = "give the patients of the arm";
            problems.extend(Problem::unless_among(&format!("n[{place}]"), *n, 1, PATIENTS_MAX, mend));
        }
        let results = n.iter().try_fold(1_u64, |results, n| results.checked_mul(u64::from(*n) + 1));
        if results.is_none_or(|results| results > RESULTS_MAX) {
            let found = results
                .map_or_else(|| "more results than can be counted".to_owned(), |r| format!("{r} results"));
            let expected = format!("at most {RESULTS_MAX} results over all arms");
            let mend = "take fewer arms or patients: the sum is exact, and nothing here is simulated";
            problems.push(Problem::new("n", found, expected, mend));
        }
        problems
    }
}

/// Posterior weights of subsets of arms: a subset is a bit for each arm.
struct Models {
    prior: Beta,
    /// Responders and others of each subset, together.
    pooled: Vec<(u32, u32)>,
    /// The posterior probability that a subset is a block of the partition.
    block: Vec<f64>,
}

impl Models {
    fn new(settings: &Borrowing, arms: &[Arm]) -> Self {
        let subsets = 1_usize << arms.len();
        let mut pooled = vec![(0, 0); subsets];
        for subset in 1..subsets {
            let (rest, arm) = (subset & (subset - 1), arms[subset.trailing_zeros() as usize]);
            let (responders, others): (u32, u32) = pooled[rest];
            pooled[subset] = (responders + arm.responders, others + arm.n - arm.responders);
        }
        let Beta { a, b } = settings.prior;
        let whole = ln_beta(a, b);
        let ln_weight = |&(responders, others): &(u32, u32)| {
            settings.distinct + ln_beta(a + f64::from(responders), b + f64::from(others)) - whole
        };
        let ln_weights: Vec<f64> = pooled.iter().map(ln_weight).collect();
        Self { prior: settings.prior, pooled, block: blocks(&ln_weights, arms.len()) }
    }

    fn blocks_with(&self, arm: usize) -> impl Iterator<Item = usize> + '_ {
        (1..self.block.len()).filter(move |subset| subset >> arm & 1 == 1)
    }

    fn posterior(&self, subset: usize) -> Beta {
        let (responders, others) = self.pooled[subset];
        self.prior.after(responders, responders + others)
    }

    fn above(&self, arm: usize, null: f64) -> f64 {
        self.blocks_with(arm).map(|subset| self.block[subset] * self.posterior(subset).above(null)).sum()
    }

    fn mean(&self, arm: usize) -> f64 {
        let mean = |subset: usize| {
            let Beta { a, b } = self.posterior(subset);
            a / (a + b)
        };
        self.blocks_with(arm).map(|subset| self.block[subset] * mean(subset)).sum()
    }

    fn same(&self, arm: usize, other: usize) -> f64 {
        let with_other = |subset: &usize| subset >> other & 1 == 1;
        self.blocks_with(arm).filter(with_other).map(|subset| self.block[subset]).sum()
    }
}

/// The posterior probability that each subset is a block, from the log weights of blocks.
///
/// With Z(S) the sum over all partitions of S of the product of their blocks' weights, Z(S) is the sum over the
/// blocks B of S that hold its first arm of weight(B) Z(S without B), and Pr(B) is weight(B) Z(rest) / Z(all). Each Z is
/// kept as a logarithm, its largest term taken out of the sum.
fn blocks(ln_weights: &[f64], arms: usize) -> Vec<f64> {
    let subsets = ln_weights.len();
    let mut ln_z = vec![0.0_f64; subsets];
    for set in 1..subsets {
        let first = set & set.wrapping_neg();
        let rest = set ^ first;
        let mut most = f64::NEG_INFINITY;
        each_subset(rest, |part| most = most.max(ln_weights[first | part] + ln_z[rest ^ part]));
        let mut sum = 0.0;
        each_subset(rest, |part| sum += exp(ln_weights[first | part] + ln_z[rest ^ part] - most));
        ln_z[set] = most + libm::log(sum);
    }
    let all = (1_usize << arms) - 1;
    (0..subsets)
        .map(|set| if set == 0 { 0.0 } else { exp(ln_weights[set] + ln_z[all ^ set] - ln_z[all]) })
        .collect()
}

/// Every subset of a set, itself and the empty one among them.
fn each_subset(set: usize, mut visit: impl FnMut(usize)) {
    let mut part = set;
    loop {
        visit(part);
        if part == 0 {
            break;
        }
        part = (part - 1) & set;
    }
}

/// The decisions of a trial result by result, with what a subset of arms contributes looked up.
struct Engine<'a> {
    settings: &'a Borrowing,
    n: Vec<u32>,
    subsets: usize,
    /// For each subset, by pooled responders: the weight of the block relative to its largest, in logarithm.
    ln_weights: Vec<Vec<f64>>,
    /// For each subset and arm in it, by pooled responders: Pr(rate > null of the arm).
    above: Vec<Vec<Vec<f64>>>,
    weights: Vec<f64>,
    z: Vec<f64>,
    pooled: Vec<usize>,
    /// The decisions so far by sorted responders, where the arms are alike; empty where they are not.
    known: Vec<Option<u16>>,
}

impl<'a> Engine<'a> {
    fn new(settings: &'a Borrowing, n: &[u32]) -> Self {
        let subsets = 1_usize << n.len();
        let Beta { a, b } = settings.prior;
        let whole = ln_beta(a, b);
        let (mut ln_weights, mut above) = (vec![Vec::new()], vec![Vec::new()]);
        for subset in 1..subsets {
            let members: Vec<usize> = (0..n.len()).filter(|arm| subset >> arm & 1 == 1).collect();
            let size: u32 = members.iter().map(|arm| n[*arm]).sum();
            let after = |responders: u32| settings.prior.after(responders, size);
            let ln_weight = |responders: u32| {
                let Beta { a, b } = after(responders);
                settings.distinct + ln_beta(a, b) - whole
            };
            ln_weights.push((0..=size).map(ln_weight).collect());
            let of = |arm: &usize| -> Vec<f64> {
                (0..=size).map(|responders| after(responders).above(settings.null[*arm])).collect()
            };
            above.push(members.iter().map(of).collect());
        }
        let alike = n.windows(2).all(|pair| pair[0] == pair[1])
            && settings.null.windows(2).all(|pair| pair[0] == pair[1]);
        let results: usize = n.iter().map(|n| *n as usize + 1).product();
        Self {
            settings,
            n: n.to_vec(),
            subsets,
            ln_weights,
            above,
            weights: vec![0.0; subsets],
            z: vec![0.0; subsets],
            pooled: vec![0; subsets],
            known: if alike { vec![None; results] } else { Vec::new() },
        }
    }

    /// A bit for each arm that is a go, looked up where arms that are alike had the same counts in another order.
    fn goes_or_known(&mut self, responders: &[usize]) -> u16 {
        if self.known.is_empty() {
            return self.goes(responders);
        }
        let arms = responders.len();
        let mut order = [0_usize; ARMS_MAX];
        for (place, arm) in order[..arms].iter_mut().enumerate() {
            *arm = place;
        }
        order[..arms].sort_unstable_by_key(|arm| responders[*arm]);
        let mut sorted = [0_usize; ARMS_MAX];
        let mut index = 0;
        for (to, arm) in sorted.iter_mut().zip(&order[..arms]) {
            *to = responders[*arm];
            index = index * (self.n[0] as usize + 1) + *to;
        }
        let go = match self.known[index] {
            Some(go) => go,
            None => {
                let go = self.goes(&sorted[..arms]);
                self.known[index] = Some(go);
                go
            }
        };
        order[..arms].iter().enumerate().fold(0, |bits, (place, arm)| bits | (go >> place & 1) << arm)
    }

    /// A bit for each arm that is a go.
    fn goes(&mut self, responders: &[usize]) -> u16 {
        let arms = self.n.len();
        let all = self.subsets - 1;
        for subset in 1..self.subsets {
            let arm = subset.trailing_zeros() as usize;
            self.pooled[subset] = self.pooled[subset & (subset - 1)] + responders[arm];
        }
        // Divided by the single arms' weights a block has the ratio by which the data favour one rate over several:
        // near 1 unless the data contradict it, so that no sum leaves the range of numbers.
        let alone = |arm: usize, pooled: &[usize]| self.ln_weights[1 << arm][pooled[1 << arm]];
        for subset in 1..self.subsets {
            let members = (0..arms).filter(|arm| subset >> arm & 1 == 1);
            let apart: f64 = members.map(|arm| alone(arm, &self.pooled)).sum();
            self.weights[subset] = exp(self.ln_weights[subset][self.pooled[subset]] - apart);
        }
        self.z[0] = 1.0;
        for set in 1..self.subsets {
            let first = set & set.wrapping_neg();
            let rest = set ^ first;
            let mut sum = 0.0;
            each_subset(rest, |part| sum += self.weights[first | part] * self.z[rest ^ part]);
            self.z[set] = sum;
        }
        let mut go = 0;
        for arm in 0..arms {
            let bit = 1_usize << arm;
            let mut sum = 0.0;
            each_subset(all ^ bit, |part| {
                let block = part | bit;
                // The arm's place among the members of the block.
                let place = (block & (bit - 1)).count_ones() as usize;
                let weight = self.weights[block] * self.z[all ^ block];
                sum += weight * self.above[block][place][self.pooled[block]];
            });
            if sum > self.settings.cutoff * self.z[all] {
                go |= 1 << arm;
            }
        }
        go
    }
}
