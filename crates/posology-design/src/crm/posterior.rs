//! The posterior of a CRM by quadrature: a trapezoidal rule whose nodes are stretched by a hyperbolic sine.
//!
//! For analytic integrands that fall off at both ends the rule converges geometrically (Trefethen LN, Weideman JAC.
//! SIAM Rev 2014;56:385-458, doi:10.1137/130932132). Probabilities of half-lines use the same nodes with the integrated
//! sinc function as weights (Stenger F. SIAM Rev 1981;23:165-224, doi:10.1137/1023037); they converge at half that rate, and so set the
//! spacing. Each fit compares the rule with its own halves of twice the spacing. Powers of the curve are tabled,
//! so that a fit multiplies rows and adds; where the tables do not suffice, the nodes are refined until they do.

use libm::{asinh, atanh, cosh, exp, expm1, log, log1p, sinh, sqrt, tanh};
use std::f64::consts::PI;

use crate::data::{BadData, Count};
use crate::numeric::sine_integral;

/// How far the halves of the rule may differ, relative to the whole, for the tabled nodes to be used. The difference is
/// the error of twice the spacing, the square root of the error of means at this spacing; that of half-lines lies between, at some
/// hundredths of the difference.
const TABLED_DIFFERENCE: f64 = 1e-8;
/// The same for refined nodes; beyond it there is no answer.
const REFINED_DIFFERENCE: f64 = 1e-11;
/// The share of the posterior that may lie at the outermost nodes, tabled and refined.
const TABLED_ENDS: f64 = 1e-11;
const REFINED_ENDS: f64 = 1e-14;
/// The tabled nodes reach to where the prior has fallen to exp of minus this.
const FALL: f64 = 40.0;
/// The most patients for whom nodes are spaced and powers tabled.
const TABLED_PATIENTS: u32 = 120;
/// The most refined nodes.
const NODES_MAX: usize = 4_000_000;

const LANES: usize = 8;
type Chunk = [f64; LANES];

/// ln p and ln(1 - p).
#[derive(Debug, Clone, Copy)]
struct LnProbability {
    dlt: f64,
    none: f64,
}

/// The DLT probability of each level as a function of one or two parameters.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Curve {
    /// skeleton^exp(a).
    Empiric { ln_skeleton: Vec<f64> },
    /// logistic(intercept + exp(a) x), every x below 0.
    Logistic { intercept: f64, x: Vec<f64> },
    /// logistic(intercept + exp(b) x), the intercept first.
    Logistic2 { x: Vec<f64> },
}

pub(crate) fn logit(p: f64) -> f64 {
    log(p) - log1p(-p)
}

fn softplus(t: f64) -> f64 {
    if t > 0.0 { t + log1p(exp(-t)) } else { log1p(exp(t)) }
}

impl Curve {
    pub(crate) fn levels(&self) -> usize {
        match self {
            Self::Empiric { ln_skeleton } => ln_skeleton.len(),
            Self::Logistic { x, .. } | Self::Logistic2 { x } => x.len(),
        }
    }

    fn ln(&self, level: usize, first: f64, second: f64) -> LnProbability {
        let logistic = |eta: f64| LnProbability { dlt: -softplus(-eta), none: -softplus(eta) };
        match self {
            Self::Empiric { ln_skeleton } => {
                let dlt = exp(first) * ln_skeleton[level];
                let none = if dlt > -std::f64::consts::LN_2 { log(-expm1(dlt)) } else { log1p(-exp(dlt)) };
                LnProbability { dlt, none }
            }
            Self::Logistic { intercept, x } => logistic(intercept + exp(first) * x[level]),
            Self::Logistic2 { x } => {
                // At x = 0 the slope does not matter, however steep.
                let rise = if x[level] == 0.0 { 0.0 } else { exp(second) * x[level] };
                logistic(first + rise)
            }
        }
    }

    /// The DLT probability of a level.
    pub(crate) fn at(&self, level: usize, first: f64, second: f64) -> f64 {
        exp(self.ln(level, first, second).dlt)
    }

    /// Whether the probability falls as the first parameter rises.
    fn falls(&self) -> bool {
        !matches!(self, Self::Logistic2 { .. })
    }

    /// The first parameter at which a level's DLT probability is `p`; infinite where it never is.
    pub(crate) fn crossing(&self, level: usize, p: f64, second: f64) -> f64 {
        match self {
            Self::Empiric { ln_skeleton } => log(log(p) / ln_skeleton[level]),
            Self::Logistic { intercept, x } => {
                let ratio = (logit(p) - intercept) / x[level];
                if ratio > 0.0 { log(ratio) } else { f64::NEG_INFINITY }
            }
            Self::Logistic2 { x } => logit(p) - if x[level] == 0.0 { 0.0 } else { exp(second) * x[level] },
        }
    }

    /// A bound of what one patient can tell about each parameter (Fisher's information), where posteriors are
    /// narrow.
    fn information(&self) -> (f64, f64) {
        match self {
            // The greatest value of p ln(p)^2 / (1 - p).
            Self::Empiric { .. } => (0.648, 0.0),
            Self::Logistic { intercept, .. } => {
                let at = |step: u32| {
                    let p = f64::from(step) / 200.0;
                    let slope = logit(p) - intercept;
                    slope * slope * p * (1.0 - p)
                };
                ((1..200).map(at).fold(0.0, f64::max), 0.0)
            }
            Self::Logistic2 { .. } => (0.25, 1.0),
        }
    }
}

/// A normal prior, perhaps cut at a distance from its mean.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Normal {
    pub(crate) mean: f64,
    pub(crate) sd: f64,
    pub(crate) cut: Option<f64>,
}

/// What a fit reads: counts by level, and patients followed for a part: their level and weight.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Observed<'a> {
    pub(crate) counts: &'a [Count],
    pub(crate) partial: &'a [(usize, f64)],
}

/// What a decision needs of a posterior.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Fit {
    /// Posterior means of the parameters.
    pub(crate) first: f64,
    pub(crate) second: f64,
    /// Pr(DLT probability of level 1 > target).
    pub(crate) over: f64,
    /// ln of the prior probability of the data, up to a constant that all models share.
    pub(crate) ln_evidence: f64,
}

/// Nodes along one parameter: `prior.mean + stretch sinh(u)` for equally spaced u, drawn in by a hyperbolic tangent
/// where the prior is cut.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Axis {
    prior: Normal,
    stretch: f64,
    step: f64,
    lowest: f64,
    nodes: usize,
}

impl Axis {
    /// Nodes with this spacing at the middle, a multiple of `multiple` of them, out to where the weight has fallen by
    /// a factor of exp(-`fall`).
    fn new(prior: Normal, spacing: f64, fall: f64, multiple: usize) -> Self {
        // Data can fix the parameter narrowly within some units of the middle; far out the prior rules.
        let stretch = (4.0 * prior.sd).min(2.0);
        let step = spacing / stretch;
        let mut axis = Self { prior, stretch, step, lowest: 0.0, nodes: 0 };
        let middle = axis.ln_weight_at(0.0);
        let mut end = 0.0;
        while axis.ln_weight_at(end) - middle > -fall && end < 20.0 {
            end += 0.05;
        }
        let wanted = (2.0 * end / step) as usize + 1;
        axis.nodes = wanted.div_ceil(multiple).max(1) * multiple;
        axis.lowest = -0.5 * (axis.nodes - 1) as f64 * step;
        axis
    }

    fn u(&self, node: usize) -> f64 {
        self.lowest + node as f64 * self.step
    }

    fn value_at(&self, u: f64) -> f64 {
        let far = self.stretch * sinh(u);
        self.prior.mean + self.prior.cut.map_or(far, |cut| cut * tanh(far / cut))
    }

    /// ln of the prior's density in u, up to a constant.
    fn ln_weight_at(&self, u: f64) -> f64 {
        let far = self.stretch * sinh(u) / self.prior.sd;
        let slope = log(self.stretch / self.prior.sd * cosh(u));
        match self.prior.cut {
            None => slope - 0.5 * far * far,
            Some(cut) => {
                let in_cuts = self.stretch * sinh(u) / cut;
                let z = cut / self.prior.sd * tanh(in_cuts);
                slope - 2.0 * (softplus(2.0 * in_cuts) - in_cuts - std::f64::consts::LN_2) - 0.5 * z * z
            }
        }
    }

    fn value(&self, node: usize) -> f64 {
        self.value_at(self.u(node))
    }

    /// ln of the prior's mass that the node stands for, up to a constant that no spacing changes.
    fn ln_weight(&self, node: usize) -> f64 {
        log(self.step) + self.ln_weight_at(self.u(node))
    }

    /// The weight of a node in the integral up to `end`.
    fn below(&self, node: usize, end: f64) -> f64 {
        self.below_u(node, self.u_of(end))
    }

    /// As [`Axis::below`], the end being given in u.
    fn below_u(&self, node: usize, end: f64) -> f64 {
        0.5 + sine_integral(PI * (end - self.u(node)) / self.step) / PI
    }

    /// The u of a value; infinite beyond the cut.
    fn u_of(&self, end: f64) -> f64 {
        let far = end - self.prior.mean;
        let far = match self.prior.cut {
            Some(cut) if far.abs() < cut => cut * atanh(far / cut),
            Some(_) => f64::INFINITY.copysign(far),
            None => far,
        };
        asinh(far / self.stretch)
    }
}

/// Sums over nodes of one parity.
#[derive(Debug, Clone, Copy, Default)]
struct Sums {
    mass: f64,
    first: f64,
    second: f64,
    over: f64,
}

/// Powers of one level's probabilities at all nodes.
#[derive(Debug, Clone, PartialEq)]
struct Powers {
    /// p, p^2, …
    dlt: Vec<Vec<Chunk>>,
    /// 1 - p, (1 - p)^2, …
    none: Vec<Vec<Chunk>>,
}

/// The tabled nodes, sorted by parity: those of each half of the rule stand together.
#[derive(Debug, Clone, PartialEq)]
struct Tables {
    /// Blocks of one parity: 2 for one parameter, 4 for two.
    blocks: usize,
    /// Chunks for each value of the second parameter, and its values block by block.
    row: usize,
    second: Vec<f64>,
    prior: Vec<Chunk>,
    first: Vec<Chunk>,
    over: Vec<Chunk>,
    levels: Vec<Powers>,
}

/// A curve, its prior and its tables.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Posterior {
    pub(crate) curve: Curve,
    first: Normal,
    second: Option<Normal>,
    target: f64,
    axes: (Axis, Option<Axis>),
    tables: Tables,
}

fn chunks(values: Vec<f64>) -> Vec<Chunk> {
    values.as_chunks::<LANES>().0.to_vec()
}

fn sum(lanes: &Chunk) -> f64 {
    ((lanes[0] + lanes[4]) + (lanes[2] + lanes[6])) + ((lanes[1] + lanes[5]) + (lanes[3] + lanes[7]))
}

impl Posterior {
    /// A posterior whose powers are tabled for up to `patients`.
    pub(crate) fn new(
        curve: Curve,
        first: Normal,
        second: Option<Normal>,
        target: f64,
        patients: u32,
    ) -> Self {
        let patients = patients.clamp(1, TABLED_PATIENTS);
        let (about_first, about_second) = curve.information();
        // Spacing at which half-lines of a normal posterior of that width are good to 1e-11.
        let spacing = |prior: Normal, information: f64| {
            let precision = 1.0 / (prior.sd * prior.sd) + f64::from(patients) * information;
            PI / sqrt(2.0 * log(1e11) * precision)
        };
        let axes = (
            Axis::new(first, spacing(first, about_first), FALL, 2 * LANES),
            second.map(|second| Axis::new(second, spacing(second, about_second), FALL, 2)),
        );
        let tables = Tables::new(&curve, &axes, target, patients);
        Self { curve, first, second, target, axes, tables }
    }

    /// The posterior means and the probability that level 1 is above the target.
    pub(crate) fn fit(&self, observed: Observed<'_>) -> Result<Fit, BadData> {
        match self.tables.fit(observed, |_, _| {}) {
            Some(fit) => Ok(fit),
            None => Ok(self.surface(observed)?.fit(self)),
        }
    }

    /// As [`Posterior::fit`], with the posterior mean of each level's DLT probability.
    pub(crate) fn fit_with_means(&self, observed: Observed<'_>) -> Result<(Fit, Vec<f64>), BadData> {
        let mut sums = vec![[0.0; LANES]; self.tables.levels.len()];
        let tabled = self.tables.fit(observed, |at, mass| {
            for (sum, powers) in sums.iter_mut().zip(&self.tables.levels) {
                let Some(rate) = powers.dlt.first().and_then(|rates| rates.get(at)) else { continue };
                for lane in 0..LANES {
                    sum[lane] += mass[lane] * rate[lane];
                }
            }
        });
        if let Some(fit) = tabled {
            let whole = exp(fit.ln_evidence);
            return Ok((fit, sums.iter().map(|lanes| sum(lanes) / whole).collect()));
        }
        let surface = self.surface(observed)?;
        let means = (0..self.curve.levels()).map(|level| surface.mean(&self.curve, level)).collect();
        Ok((surface.fit(self), means))
    }

    /// The whole posterior, on nodes fine enough for every number of every level.
    pub(crate) fn surface(&self, observed: Observed<'_>) -> Result<Surface, BadData> {
        let (mut along_first, mut along_second) = self.axes;
        let (mut fall_first, mut fall_second) = (FALL, FALL);
        let spacing = |axis: &Axis| axis.step * axis.stretch;
        let mut reached = f64::INFINITY;
        loop {
            let nodes = along_first.nodes.saturating_mul(along_second.map_or(1, |axis| axis.nodes));
            if nodes > NODES_MAX {
                let what = format!(
                    "the posterior on {NODES_MAX} nodes is good to {reached:.1e}, not {REFINED_DIFFERENCE:.0e}"
                );
                return Err(BadData::NotReached { what });
            }
            let surface = Surface::new(&self.curve, along_first, along_second, observed);
            let worst = surface.worst();
            if !worst.finite {
                let what = "the posterior of these data has no finite mass".to_owned();
                return Err(BadData::NotReached { what });
            }
            reached = worst.first.max(worst.second).max(worst.ends_first).max(worst.ends_second);
            let good = |difference: f64| difference <= REFINED_DIFFERENCE;
            if worst.ends_first > REFINED_ENDS {
                fall_first *= 2.0;
            }
            if worst.ends_second > REFINED_ENDS {
                fall_second *= 2.0;
            }
            let enclosed = worst.ends_first <= REFINED_ENDS && worst.ends_second <= REFINED_ENDS;
            if enclosed && good(worst.first) && good(worst.second) {
                return Ok(surface);
            }
            if fall_first.max(fall_second) > 1e6 {
                let what = "the posterior lies where the prior has no mass".to_owned();
                return Err(BadData::NotReached { what });
            }
            let refined = |axis: &Axis, good: bool| if good { spacing(axis) } else { 0.5 * spacing(axis) };
            let by_first = refined(&along_first, good(worst.first));
            along_first = Axis::new(self.first, by_first, fall_first, 2 * LANES);
            along_second = match (self.second, along_second) {
                (Some(prior), Some(axis)) => {
                    let by_second = refined(&axis, good(worst.second));
                    Some(Axis::new(prior, by_second, fall_second, 2))
                }
                _ => None,
            };
        }
    }
}

impl Tables {
    fn new(curve: &Curve, axes: &(Axis, Option<Axis>), target: f64, patients: u32) -> Self {
        let (along_first, along_second) = axes;
        let seconds = along_second.map_or(1, |axis| axis.nodes);
        // One row a value of the second parameter; a single row has no parity.
        let rows: Vec<usize> = if seconds == 1 {
            vec![0]
        } else {
            (0..seconds).step_by(2).chain((1..seconds).step_by(2)).collect()
        };
        let mut order = Vec::new();
        for rows in rows.chunks(rows.len().div_ceil(2)) {
            for parity in 0..2 {
                for &row in rows {
                    order.extend((parity..along_first.nodes).step_by(2).map(|node| (node, row)));
                }
            }
        }
        let second_at = |row: usize| along_second.map_or(0.0, |axis| axis.value(row));
        let row = along_first.nodes / 2 / LANES;
        let second = order.chunks(row * LANES).map(|nodes| second_at(nodes[0].1)).collect();
        let tabled =
            |of: &dyn Fn(usize, usize) -> f64| chunks(order.iter().map(|&(i, j)| of(i, j)).collect());
        let prior =
            tabled(
                &|i, j| exp(along_first.ln_weight(i) + along_second.map_or(0.0, |axis| axis.ln_weight(j))),
            );
        let first = tabled(&|i, _| along_first.value(i));
        let over = tabled(&|i, j| {
            let below = along_first.below(i, curve.crossing(0, target, second_at(j)));
            if curve.falls() { below } else { 1.0 - below }
        });
        let levels = (0..curve.levels()).map(|level| {
            let ln: Vec<LnProbability> =
                order.iter().map(|&(i, j)| curve.ln(level, along_first.value(i), second_at(j))).collect();
            let powers = |base: Vec<f64>| {
                let base = chunks(base);
                let mut all = vec![base.clone()];
                for power in 1..patients as usize {
                    let mut next = all[power - 1].clone();
                    multiply(&mut next, &base);
                    all.push(next);
                }
                all
            };
            Powers {
                dlt: powers(ln.iter().map(|ln| exp(ln.dlt)).collect()),
                none: powers(ln.iter().map(|ln| exp(ln.none)).collect()),
            }
        });
        let blocks = if seconds == 1 { 2 } else { 4 };
        let levels = levels.collect();
        Self { blocks, row, second, prior, first, over, levels }
    }

    /// The fit, with each chunk of unnormalised posterior mass shown to `each`; none where these nodes do not give
    /// it accurately.
    #[inline]
    fn fit(&self, observed: Observed<'_>, mut each: impl FnMut(usize, &Chunk)) -> Option<Fit> {
        let mut factors: Vec<&[Chunk]> = Vec::with_capacity(2 * observed.counts.len());
        for (powers, count) in self.levels.iter().zip(observed.counts) {
            push(&mut factors, &powers.dlt, count.dlt);
            push(&mut factors, &powers.none, count.evaluable - count.dlt.min(count.evaluable));
        }
        let partial: Vec<(&[Chunk], f64)> = observed
            .partial
            .iter()
            .filter_map(|&(level, weight)| Some((self.levels.get(level)?.none.first()?.as_slice(), weight)))
            .collect();
        let rows_a_block = self.second.len() / self.blocks;
        let mut halves = [Sums::default(); 4];
        let mut ends = 0.0;
        for (place, second) in self.second.iter().enumerate() {
            let start = place * self.row;
            let (mut mass, mut first, mut over) = ([0.0; LANES], [0.0; LANES], [0.0; LANES]);
            for at in start..start + self.row {
                let mut here = self.prior[at];
                for factor in &factors {
                    let factor = &factor[at];
                    for lane in 0..LANES {
                        here[lane] *= factor[lane];
                    }
                }
                for (none, weight) in &partial {
                    let none = &none[at];
                    for lane in 0..LANES {
                        here[lane] *= (1.0 - weight) + weight * none[lane];
                    }
                }
                let (values, overs) = (&self.first[at], &self.over[at]);
                for lane in 0..LANES {
                    mass[lane] += here[lane];
                    first[lane] += here[lane] * values[lane];
                    over[lane] += here[lane] * overs[lane];
                }
                if at == start {
                    ends += here[0];
                }
                if at + 1 == start + self.row {
                    ends += here[LANES - 1];
                }
                each(at, &here);
            }
            let mass = sum(&mass);
            if self.blocks == 4 && (place == 0 || place + 1 == self.second.len()) {
                ends += mass;
            }
            let half = &mut halves[place / rows_a_block];
            half.mass += mass;
            half.first += sum(&first);
            half.second += mass * second;
            half.over += sum(&over);
        }
        combine(&halves[..self.blocks], ends)
    }
}

/// The fit of all blocks together, if every way to halve them gives the same.
fn combine(blocks: &[Sums], ends: f64) -> Option<Fit> {
    let add = |sums: &[Sums]| {
        sums.iter().fold(Sums::default(), |all, one| Sums {
            mass: all.mass + one.mass,
            first: all.first + one.first,
            second: all.second + one.second,
            over: all.over + one.over,
        })
    };
    let whole = add(blocks);
    // Far below this the products lose digits.
    if !(whole.mass > 1e-280 && ends <= TABLED_ENDS * whole.mass) {
        return None;
    }
    let differ = |one: Sums, other: Sums| {
        let apart = |x: f64, y: f64| (x - y).abs() / whole.mass;
        apart(one.mass, other.mass).max(apart(one.first, other.first)).max(apart(one.second, other.second))
    };
    let difference = match blocks {
        [even, odd] => differ(*even, *odd),
        [a, b, c, d] => differ(add(&[*a, *b]), add(&[*c, *d])).max(differ(add(&[*a, *c]), add(&[*b, *d]))),
        _ => f64::INFINITY,
    };
    (difference <= TABLED_DIFFERENCE).then(|| Fit {
        first: whole.first / whole.mass,
        second: whole.second / whole.mass,
        over: whole.over / whole.mass,
        ln_evidence: log(whole.mass),
    })
}

fn multiply(product: &mut [Chunk], factor: &[Chunk]) {
    for (product, factor) in product.iter_mut().zip(factor) {
        for lane in 0..LANES {
            product[lane] *= factor[lane];
        }
    }
}

/// Adds a power to the factors of the likelihood: the highest tabled as often as it fits, and the rest.
fn push<'a>(factors: &mut Vec<&'a [Chunk]>, powers: &'a [Vec<Chunk>], mut power: u32) {
    while power > 0 {
        let taken = power.min(powers.len() as u32);
        factors.push(&powers[taken as usize - 1]);
        power -= taken;
    }
}

/// The posterior mass at refined nodes.
#[derive(Debug, Clone)]
pub(crate) struct Surface {
    first: Axis,
    second: Option<Axis>,
    /// The values of both parameters at the nodes.
    firsts: Vec<f64>,
    seconds: Vec<f64>,
    /// Row by row, a row a value of the second parameter; adds up to 1.
    mass: Vec<f64>,
    ln_evidence: f64,
}

struct Worst {
    finite: bool,
    first: f64,
    second: f64,
    ends_first: f64,
    ends_second: f64,
}

impl Surface {
    fn new(curve: &Curve, first: Axis, second: Option<Axis>, observed: Observed<'_>) -> Self {
        let firsts: Vec<f64> = (0..first.nodes).map(|node| first.value(node)).collect();
        let of_first: Vec<f64> = (0..first.nodes).map(|node| first.ln_weight(node)).collect();
        let rows = second.map_or(1, |axis| axis.nodes);
        let seconds: Vec<f64> = (0..rows).map(|row| second.map_or(0.0, |axis| axis.value(row))).collect();
        let treated: Vec<(usize, f64, f64)> = observed
            .counts
            .iter()
            .enumerate()
            .filter(|(_, count)| count.evaluable > 0)
            .map(|(level, count)| {
                let without = count.evaluable - count.dlt.min(count.evaluable);
                (level, f64::from(count.dlt), f64::from(without))
            })
            .collect();
        let mut mass = Vec::with_capacity(first.nodes * rows);
        for (row, &at_second) in seconds.iter().enumerate() {
            let of_row = second.map_or(0.0, |axis| axis.ln_weight(row));
            for (&at_first, weight) in firsts.iter().zip(&of_first) {
                let mut ln = weight + of_row;
                for &(level, dlts, without) in &treated {
                    let LnProbability { dlt, none } = curve.ln(level, at_first, at_second);
                    ln += if dlts > 0.0 { dlts * dlt } else { 0.0 };
                    ln += if without > 0.0 { without * none } else { 0.0 };
                }
                for &(level, weight) in observed.partial {
                    ln += log1p(-weight * curve.at(level, at_first, at_second));
                }
                mass.push(ln);
            }
        }
        let most = mass.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let mut total = 0.0;
        for value in &mut mass {
            *value = exp(*value - most);
            total += *value;
        }
        for value in &mut mass {
            *value /= total;
        }
        Self { first, second, firsts, seconds, mass, ln_evidence: most + log(total) }
    }

    /// Every node with mass: its place along both axes and its mass.
    fn nodes(&self) -> impl Iterator<Item = (usize, usize, f64)> + '_ {
        let columns = self.first.nodes;
        let all = self.mass.iter().enumerate().filter(|(_, mass)| **mass > 1e-25);
        all.map(move |(place, mass)| (place % columns, place / columns, *mass))
    }

    fn at(&self, node: usize, row: usize) -> (f64, f64) {
        (self.firsts[node], self.seconds[row])
    }

    /// How far the halves of the rule differ along each axis, and what lies at the ends.
    fn worst(&self) -> Worst {
        let mut by_first = [[0.0; 3]; 2];
        let mut by_second = [[0.0; 3]; 2];
        let (mut ends_first, mut ends_second) = (0.0, 0.0);
        for (node, row, mass) in self.nodes() {
            let (first, second) = self.at(node, row);
            for (place, value) in [mass, mass * first, mass * second].into_iter().enumerate() {
                by_first[node % 2][place] += value;
                by_second[row % 2][place] += value;
            }
            if node == 0 || node + 1 == self.first.nodes {
                ends_first += mass;
            }
            if self.second.is_some() && (row == 0 || row + 1 == self.seconds.len()) {
                ends_second += mass;
            }
        }
        let differ = |halves: &[[f64; 3]; 2]| {
            halves[0].iter().zip(&halves[1]).fold(0.0, |worst, (even, odd)| (even - odd).abs().max(worst))
        };
        let second = if self.second.is_some() { differ(&by_second) } else { 0.0 };
        let finite = self.ln_evidence.is_finite();
        Worst { finite, first: differ(&by_first), second, ends_first, ends_second }
    }

    fn expect(&self, of: impl Fn(f64, f64) -> f64) -> f64 {
        self.nodes()
            .map(|(node, row, mass)| {
                let (first, second) = self.at(node, row);
                mass * of(first, second)
            })
            .sum()
    }

    /// The DLT rate of every level at each node with mass to speak of, and the mass; the masses sum to one.
    pub(crate) fn curves(&self, curve: &Curve) -> Vec<(f64, Vec<f64>)> {
        let kept: Vec<(usize, usize, f64)> = self.nodes().filter(|(_, _, mass)| *mass > 1e-13).collect();
        let total: f64 = kept.iter().map(|(_, _, mass)| mass).sum();
        let rates = |(node, row, mass): &(usize, usize, f64)| {
            let (first, second) = self.at(*node, *row);
            let of_level = |level| curve.at(level, first, second).clamp(0.0, 1.0);
            (mass / total, (0..curve.levels()).map(of_level).collect())
        };
        kept.iter().map(rates).collect()
    }

    /// Posterior mean and standard deviation of each parameter.
    pub(crate) fn parameters(&self) -> Vec<(f64, f64)> {
        let summary = |of: fn(f64, f64) -> f64| {
            let mean = self.expect(of);
            let variance = self.expect(|first, second| {
                let apart = of(first, second) - mean;
                apart * apart
            });
            (mean, sqrt(variance))
        };
        let mut all = vec![summary(|first, _| first)];
        if self.second.is_some() {
            all.push(summary(|_, second| second));
        }
        all
    }

    /// Posterior mean of a level's DLT probability.
    pub(crate) fn mean(&self, curve: &Curve, level: usize) -> f64 {
        self.expect(|first, second| curve.at(level, first, second))
    }

    /// Posterior probability that a level's DLT probability is above `p`.
    pub(crate) fn over(&self, curve: &Curve, level: usize, p: f64) -> f64 {
        let (mut end, mut end_of) = (0.0, usize::MAX);
        let below: f64 = self
            .nodes()
            .map(|(node, row, mass)| {
                if row != end_of {
                    (end, end_of) = (self.first.u_of(curve.crossing(level, p, self.seconds[row])), row);
                }
                mass * self.first.below_u(node, end)
            })
            .sum();
        // A weight may leave the unit interval by its error.
        (if curve.falls() { below } else { 1.0 - below }).clamp(0.0, 1.0)
    }

    /// The 95% credible interval of each level's DLT probability, equal tails.
    pub(crate) fn intervals(&self, curve: &Curve) -> Vec<(f64, f64)> {
        if self.second.is_some() {
            let quantile = |level: usize, tail: f64| {
                let p = |t: f64| exp(-softplus(-t));
                p(root(-60.0, 60.0, |t| 1.0 - self.over(curve, level, p(t)) - tail))
            };
            return (0..curve.levels())
                .map(|level| (quantile(level, 0.025), quantile(level, 0.975)))
                .collect();
        }
        let (from, to) = (self.first.value(0), self.first.value(self.first.nodes - 1));
        let quantile = |tail: f64| {
            let reached = |end: f64| {
                self.nodes().map(|(node, _, mass)| mass * self.first.below(node, end)).sum::<f64>()
            };
            root(from, to, |end| reached(end) - tail)
        };
        let (low, high) = (quantile(0.025), quantile(0.975));
        (0..curve.levels()).map(|level| (curve.at(level, high, 0.0), curve.at(level, low, 0.0))).collect()
    }

    fn fit(&self, model: &Posterior) -> Fit {
        let second = self.expect(|_, second| second);
        Fit {
            first: self.expect(|first, _| first),
            second,
            over: self.over(&model.curve, 0, model.target),
            ln_evidence: self.ln_evidence,
        }
    }
}

/// The root of a rising function between two values, by false position with halved ends (Illinois).
pub(crate) fn root(mut low: f64, mut high: f64, value: impl Fn(f64) -> f64) -> f64 {
    let (mut at_low, mut at_high) = (value(low), value(high));
    let mut side = 0;
    for step in 0..200 {
        // Every third step halves the bracket, lest a flat end delay the rest.
        let fraction = if step % 3 == 2 { 0.5 } else { at_low / (at_low - at_high) };
        let middle = low + (high - low) * if (0.0..=1.0).contains(&fraction) { fraction } else { 0.5 };
        let at = value(middle);
        if at.abs() < 1e-14 || high - low < 1e-14 {
            return middle;
        }
        if at > 0.0 {
            (high, at_high) = (middle, at);
            if side == 1 {
                at_low *= 0.5;
            }
            side = 1;
        } else {
            (low, at_low) = (middle, at);
            if side == -1 {
                at_high *= 0.5;
            }
            side = -1;
        }
    }
    0.5 * (low + high)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn posteriors() -> Vec<Posterior> {
        let skeleton: [f64; 5] = [0.084, 0.157, 0.25, 0.355, 0.46];
        let slope = Normal { mean: 0.0, sd: 1.157_583_690_279_022_5, cut: Some(10.0) };
        let empiric = Curve::Empiric { ln_skeleton: skeleton.iter().map(|p| log(*p)).collect() };
        let logistic =
            Curve::Logistic { intercept: 3.0, x: skeleton.iter().map(|p| logit(*p) - 3.0).collect() };
        [empiric, logistic].map(|curve| Posterior::new(curve, slope, None, 0.25, 30)).into()
    }

    #[test]
    fn tabled_fits_are_the_refined_ones_and_hardly_ever_refused() {
        let mut random = 1_u64;
        let mut draw = |below: u32| {
            random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (random >> 33) as u32 % below
        };
        for posterior in posteriors() {
            let (mut refused, mut worst) = (0, 0.0_f64);
            for _ in 0..400 {
                let mut counts = [Count::default(); 5];
                let top = 1 + draw(5);
                for count in counts.iter_mut().take(top as usize) {
                    count.evaluable = draw(30 / top + 1);
                    count.dlt = draw(count.evaluable + 1);
                }
                let observed = Observed { counts: &counts, partial: &[] };
                let refined = posterior.surface(observed).unwrap().fit(&posterior);
                let Some(tabled) = posterior.tables.fit(observed, |_, _| {}) else {
                    refused += 1;
                    continue;
                };
                worst = worst.max((tabled.first - refined.first).abs());
                worst = worst.max((tabled.over - refined.over).abs());
            }
            println!("{} nodes: {refused} of 400 refused, worst {worst:.1e}", posterior.axes.0.nodes);
            assert!(worst < 1e-10 && refused < 8);
        }
    }
}
