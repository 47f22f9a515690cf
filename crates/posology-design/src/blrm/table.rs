//! The same posterior on a grid laid out once for a design, for the decision graph, which asks many thousand times.
//!
//! The nodes do not depend on the data, so that the logarithms which the likelihood is made of are computed once; a
//! decision then costs products and one exponential a node, and only where the posterior is. Rows lie evenly in log
//! beta; along a row panels of Gauss-Legendre nodes are broken at every cut of every level. Two things bound the
//! error: the rows, by the difference between all rows and every second one; the panels, which are no longer than
//! a fixed multiple of the least standard deviation that so many patients can leave, by `panel_error`. A decision
//! whose margins are wider than both stands; for any other the caller asks a finer grid.

use libm::{exp, log, sqrt};

use super::posterior::{Model, Treated, logistic};
use crate::numeric::gauss_legendre;

/// How a grid is laid out.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Layout {
    /// Distance of two rows, in prior standard deviations of log beta.
    pub(super) row_step: f64,
    /// Nodes in a panel.
    pub(super) nodes: usize,
    /// The longest panel, in least posterior standard deviations of log alpha given log beta.
    pub(super) panel: f64,
    /// What the panels contribute to the error of a probability, at most.
    pub(super) panel_error: f64,
    /// How many prior standard deviations the grid reaches to each side.
    pub(super) reach: f64,
    /// Panels whose middle is below `exp(-cutoff)` of the greatest are left out.
    pub(super) cutoff: f64,
    /// With more mass than this at its rim the grid does not hold the posterior.
    pub(super) rim: f64,
}

/// No grid holds more numbers than this.
const NUMBERS_MAX: usize = 4_000_000;
/// Beyond this product of beta and x the logarithms of the likelihood cancel too many digits.
const STEEPEST: f64 = 1e6;

/// A grid with all that a decision reads.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Table {
    layout: Layout,
    /// It is fine enough for so many patients.
    patients: u32,
    levels: usize,
    /// The panels of the longest row.
    widest: usize,
    x: Vec<f64>,
    /// Where the panels of each row begin; one more at the end.
    rows: Vec<usize>,
    /// beta of each row.
    beta: Vec<f64>,
    /// For each row and each cut of each level, the panel of the row that begins there.
    breaks: Vec<u16>,
    /// At the middle of each panel and at each node.
    middle: Nodes,
    node: Nodes,
}

/// Places on the grid: log alpha, beta, the logarithm of weight and prior, and ln(1 + exp(z)) at each level.
#[derive(Debug, Clone, PartialEq, Default)]
struct Nodes {
    log_alpha: Vec<f64>,
    beta: Vec<f64>,
    base: Vec<f64>,
    soft: Vec<Vec<f64>>,
}

impl Nodes {
    fn push(&mut self, x: &[f64], log_alpha: f64, beta: f64, base: f64) {
        self.log_alpha.push(log_alpha);
        self.beta.push(beta);
        self.base.push(base);
        for (soft, x) in self.soft.iter_mut().zip(x) {
            soft.push(logistic(log_alpha + beta * x).1);
        }
    }
}

/// The data as a grid reads them.
struct Likelihood<'a> {
    dlts: f64,
    /// The sum over DLTs of x.
    slope: f64,
    treated: &'a [Treated],
}

impl Table {
    /// The grid of a design for so many patients; none where it would be too large or too steep.
    pub(super) fn new(model: &Model, cuts: [f64; 2], patients: u32, layout: Layout) -> Option<Self> {
        let levels = model.x.len();
        let reach = layout.reach;
        let spread = model.sd[0] * sqrt(1.0 - model.correlation * model.correlation);
        let least = 1.0 / sqrt(1.0 / (spread * spread) + f64::from(patients) / 4.0);
        let longest = (layout.panel * least).min(3.0);
        let sides = libm::ceil(reach / layout.row_step) as i32;
        let steepest = model.x.iter().fold(0.0, |most: f64, x| most.max(x.abs()))
            * exp(model.mean[1] + reach * model.sd[1]);
        let panels = 2.0 * reach * spread / longest + 2.0 * levels as f64 + 1.0;
        let numbers = f64::from(2 * sides + 1) * panels * ((layout.nodes + 1) * (levels + 3)) as f64;
        if numbers > NUMBERS_MAX as f64 || steepest.is_nan() || steepest > STEEPEST {
            return None;
        }
        let rule = gauss_legendre(layout.nodes);
        let empty = || Nodes { soft: vec![Vec::new(); levels], ..Nodes::default() };
        let mut table = Self {
            layout,
            patients,
            levels,
            widest: 0,
            x: model.x.clone(),
            rows: vec![0],
            beta: Vec::new(),
            breaks: Vec::new(),
            middle: empty(),
            node: empty(),
        };
        for place in -sides..=sides {
            let scaled = f64::from(place) * layout.row_step;
            let beta = exp(model.mean[1] + model.sd[1] * scaled);
            let centre = model.mean[0] + model.correlation * model.sd[0] * scaled;
            let (low, high) = (centre - reach * spread, centre + reach * spread);
            let cut_at = |index: usize| {
                let at = cuts[index % 2] - beta * model.x[index / 2];
                at.clamp(low, high)
            };
            let mut ends: Vec<f64> = (0..2 * levels).map(cut_at).collect();
            ends.extend([low, high]);
            ends.sort_by(f64::total_cmp);
            ends.dedup();
            let mut begins: Vec<(f64, u16)> = Vec::with_capacity(ends.len());
            let mut panel_of_row = 0_u16;
            let base = -0.5 * scaled * scaled;
            let density = |log_alpha: f64| {
                let away = (log_alpha - centre) / spread;
                base - 0.5 * away * away
            };
            for pair in ends.windows(2) {
                begins.push((pair[0], panel_of_row));
                let length = pair[1] - pair[0];
                let parts = libm::ceil(length / longest).max(1.0) as usize;
                let half = 0.5 * length / parts as f64;
                for part in 0..parts {
                    let middle = pair[0] + half * (2 * part + 1) as f64;
                    table.middle.push(&table.x, middle, beta, density(middle));
                    for (node, weight) in &rule {
                        let log_alpha = middle + half * node;
                        let weighted = density(log_alpha) + log(half * weight);
                        table.node.push(&table.x, log_alpha, beta, weighted);
                    }
                    panel_of_row += 1;
                }
            }
            begins.push((high, panel_of_row));
            for index in 0..2 * levels {
                let at = cut_at(index);
                let panel = begins.iter().find(|begin| begin.0 >= at).map_or(panel_of_row, |begin| begin.1);
                table.breaks.push(panel);
            }
            table.beta.push(beta);
            table.widest = table.widest.max(usize::from(panel_of_row));
            table.rows.push(table.middle.base.len());
        }
        Some(table)
    }

    /// The probabilities below each cut of the first `levels` levels, and a bound on their error. None where the
    /// grid does not hold the posterior.
    pub(super) fn below(&self, treated: &[Treated], patients: u32, levels: usize) -> Option<(Vec<f64>, f64)> {
        if patients > self.patients {
            return None;
        }
        let likelihood = Likelihood {
            dlts: treated.iter().map(|at| at.dlt).sum(),
            slope: treated.iter().map(|at| at.dlt * self.x[at.level]).sum(),
            treated,
        };
        let panels = self.middle.base.len();
        let mut middles = vec![0.0; panels];
        likelihood.fill(&self.middle, 0, &mut middles);
        let greatest = middles.iter().fold(f64::NEG_INFINITY, |most: f64, here| most.max(*here));
        let floor = greatest - self.layout.cutoff;

        let cuts = 2 * levels;
        let mut all = vec![0.0; cuts];
        let mut even = vec![0.0; cuts];
        let (mut mass, mut mass_even, mut rim) = (0.0, 0.0, 0.0);
        let nodes = self.layout.nodes;
        let mut running = vec![0.0; self.widest + 1];
        let mut densities = vec![0.0; self.widest * nodes];
        let last_row = self.beta.len() - 1;
        for (row, ends) in self.rows.windows(2).enumerate() {
            // Along a row the density is log-concave: the panels that matter are consecutive.
            let middles = &middles[ends[0]..ends[1]];
            let Some(first) = middles.iter().position(|middle| *middle > floor) else {
                continue;
            };
            let last = middles.iter().rposition(|middle| *middle > floor).unwrap_or(first);
            let densities = &mut densities[..(last + 1 - first) * nodes];
            likelihood.fill(&self.node, (ends[0] + first) * nodes, densities);
            for density in densities.iter_mut() {
                *density = exp_near_zero(*density - greatest);
            }
            running[..=first].fill(0.0);
            let mut sum = 0.0;
            for (panel, densities) in running[first + 1..].iter_mut().zip(densities.chunks_exact(nodes)) {
                sum += densities.iter().sum::<f64>();
                *panel = sum;
            }
            running[last + 1..=middles.len()].fill(sum);
            rim += running[1] + (sum - running[middles.len() - 1]);
            if row == 0 || row == last_row {
                rim += sum;
            }
            mass += sum;
            let begin = row * 2 * self.levels;
            let breaks = &self.breaks[begin..begin + cuts];
            for (all, at) in all.iter_mut().zip(breaks) {
                *all += running[usize::from(*at)];
            }
            if row % 2 == 0 {
                mass_even += sum;
                for (even, at) in even.iter_mut().zip(breaks) {
                    *even += running[usize::from(*at)];
                }
            }
        }
        if !(mass > 0.0 && mass_even > 0.0) || rim > self.layout.rim * mass {
            return None;
        }
        let mut error = 0.0_f64;
        for (all, even) in all.iter_mut().zip(even) {
            *all /= mass;
            error = error.max((*all - even / mass_even).abs());
        }
        Some((all, error + self.layout.panel_error))
    }
}

impl Likelihood<'_> {
    /// The logarithms of weight, prior and likelihood at consecutive places.
    fn fill(&self, nodes: &Nodes, from: usize, into: &mut [f64]) {
        let to = from + into.len();
        let places = nodes.base[from..to].iter().zip(&nodes.log_alpha[from..to]).zip(&nodes.beta[from..to]);
        for (log, ((base, log_alpha), beta)) in into.iter_mut().zip(places) {
            *log = base + self.dlts * log_alpha + self.slope * beta;
        }
        for at in self.treated {
            for (log, soft) in into.iter_mut().zip(&nodes.soft[at.level][from..to]) {
                *log -= at.evaluable * soft;
            }
        }
    }
}

/// exp(x) for |x| < 700 with relative error below 1e-13, without branches, so that compilers may do several at once.
pub(crate) fn exp_near_zero(x: f64) -> f64 {
    const LN_2_HIGH: f64 = 0.693_147_180_369_123_8;
    const LN_2_LOW: f64 = 1.908_214_929_270_587_7e-10;
    // Adding and taking away 1.5 * 2^52 rounds to a whole number, which stands in the low bits meanwhile.
    const ROUNDER: f64 = 6_755_399_441_055_744.0;
    let x = if x > -700.0 { x } else { -700.0 };
    let shifted = x * std::f64::consts::LOG2_E + ROUNDER;
    let whole = shifted - ROUNDER;
    let r = (x - whole * LN_2_HIGH) - whole * LN_2_LOW;
    let r2 = r * r;
    let r4 = r2 * r2;
    let low = (1.0 + r) + r2 * (0.5 + r * (1.0 / 6.0));
    let middle = (1.0 / 24.0 + r * (1.0 / 120.0)) + r2 * (1.0 / 720.0 + r * (1.0 / 5_040.0));
    let high = (1.0 / 40_320.0 + r * (1.0 / 362_880.0)) + r2 * (1.0 / 3_628_800.0 + r * (1.0 / 39_916_800.0));
    let power = f64::from_bits((shifted.to_bits().wrapping_add(1023)) << 52);
    (low + r4 * (middle + r4 * high)) * power
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_branchless_exponential_is_that_of_libm() {
        for place in -6_900..=6_900 {
            let x = f64::from(place) * 0.101_3;
            if x.abs() < 699.0 {
                assert!((exp_near_zero(x) / exp(x) - 1.0).abs() < 1e-13, "{x}");
            }
        }
    }
}
