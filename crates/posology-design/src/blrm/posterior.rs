//! The posterior of the two-parameter logistic model, by quadrature in rows.
//!
//! A row fixes log beta; along it log alpha has a log-concave density, whose integral is broken at every threshold
//! asked for, so that no panel holds a jump. Rows lie evenly over all log beta whose best density is within
//! `exp(-40)` of the greatest: for a smooth integrand that vanishes at both ends the error of even rows falls
//! geometrically. Rows are doubled, and panels refined with them, until two grids agree.

use libm::{exp, fabs, log, log1p, sqrt};

use crate::data::BadData;
use crate::numeric::{gauss_legendre, normal_quantile};

/// Two grids must agree to this: absolute for probabilities, relative to the greater of 1 and the number for others.
pub(crate) const TOLERANCE: f64 = 1e-9;
/// Densities below `exp(-40)` of the greatest are left out: with them goes less than 1e-15 of the mass.
const CUTOFF: f64 = 40.0;
/// The rows of the first grid, and how often they are doubled at most.
const ROWS: usize = 64;
const DOUBLINGS: usize = 7;
/// The longest panel: the singularities of the logistic function lie pi off the axis.
const PANEL_MAX: f64 = 3.0;

/// The model: logit p = log alpha + beta x at each level, (log alpha, log beta) bivariate normal.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Model {
    /// The natural logarithm of a level's value over the reference, the lowest level first.
    pub(crate) x: Vec<f64>,
    /// Prior means of log alpha and log beta.
    pub(crate) mean: [f64; 2],
    /// Their prior standard deviations.
    pub(crate) sd: [f64; 2],
    /// Their prior correlation.
    pub(crate) correlation: f64,
}

/// Evaluable patients and DLTs at a treated level.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Treated {
    pub(crate) level: usize,
    pub(crate) evaluable: f64,
    pub(crate) dlt: f64,
}

/// A question: is the logit of the DLT probability at this level (counted from 0) below this?
#[derive(Debug, Clone, Copy)]
pub(crate) struct Threshold {
    pub(crate) level: usize,
    pub(crate) logit: f64,
}

/// Whether means and standard deviations are wanted besides the probabilities of the thresholds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Moments {
    Taken,
    Left,
}

/// What the posterior says. Means and standard deviations only where [`Moments::Taken`]; else they are zero.
#[derive(Debug, Clone)]
pub(crate) struct Integrals {
    /// The logarithm of the mean of the likelihood (without binomial coefficients) under the prior.
    pub(crate) log_evidence: f64,
    /// Posterior means and standard deviations of log alpha and log beta.
    pub(crate) mean: [f64; 2],
    pub(crate) sd: [f64; 2],
    /// Posterior mean of the DLT probability at each level.
    pub(crate) rates: Vec<f64>,
    /// For each threshold the probability below it, above it, and the density of the logit there.
    pub(crate) below: Vec<f64>,
    pub(crate) above: Vec<f64>,
    density: Vec<f64>,
    /// Posterior mean and standard deviation of the logit at each level.
    logit: Vec<(f64, f64)>,
    /// The greatest difference from the coarser grid.
    pub(crate) error: f64,
    resolution: usize,
}

/// The logistic function and ln(1 + exp(z)), ln(1 + exp(-z)).
pub(crate) fn logistic(z: f64) -> (f64, f64, f64) {
    let small = exp(-fabs(z));
    let soft = log1p(small);
    if z >= 0.0 { (1.0 / (1.0 + small), z + soft, soft) } else { (small / (1.0 + small), soft, soft - z) }
}

/// One row of the grid.
struct Row<'a> {
    model: &'a Model,
    treated: &'a [Treated],
    beta: f64,
    centre: f64,
    spread: f64,
    base: f64,
}

impl Row<'_> {
    /// The logarithm of prior times likelihood, but for the constant of the prior.
    fn log_density(&self, log_alpha: f64) -> f64 {
        let scaled = (log_alpha - self.centre) / self.spread;
        self.treated.iter().fold(self.base - 0.5 * scaled * scaled, |sum, at| {
            let (_, up, down) = logistic(log_alpha + self.beta * self.model.x[at.level]);
            sum - at.dlt * down - (at.evaluable - at.dlt) * up
        })
    }

    /// Its slope and curvature, the latter with its sign turned.
    fn slope(&self, log_alpha: f64) -> (f64, f64) {
        let precision = 1.0 / (self.spread * self.spread);
        let start = (-(log_alpha - self.centre) * precision, precision);
        self.treated.iter().fold(start, |(slope, curvature), at| {
            let (p, _, _) = logistic(log_alpha + self.beta * self.model.x[at.level]);
            (slope + at.dlt - at.evaluable * p, curvature + at.evaluable * p * (1.0 - p))
        })
    }

    /// Where the row is greatest, the logarithm of its density and the curvature there.
    fn mode(&self) -> (f64, f64, f64) {
        let variance = self.spread * self.spread;
        let (all, dlts) = self.treated.iter().fold((0.0, 0.0), |(n, y), at| (n + at.evaluable, y + at.dlt));
        let (mut low, mut high) = (self.centre - variance * (all - dlts), self.centre + variance * dlts);
        let mut log_alpha = self.centre;
        let mut curvature = 1.0 / variance;
        for _ in 0..200 {
            let (slope, here) = self.slope(log_alpha);
            curvature = here;
            if slope > 0.0 {
                low = log_alpha;
            } else {
                high = log_alpha;
            }
            let newton = log_alpha + slope / here;
            let next = if newton > low && newton < high { newton } else { 0.5 * (low + high) };
            let step = fabs(next - log_alpha);
            log_alpha = next;
            // The mode only places panels: four digits of its width are plenty.
            if step * step * here < 1e-8 {
                break;
            }
        }
        (log_alpha, self.log_density(log_alpha), curvature)
    }

    /// The end of the row on one side (`side` is -1 or 1): beyond it the density is below `floor`.
    fn end(&self, mode: f64, width: f64, side: f64, floor: f64) -> f64 {
        let (mut inside, mut step) = (0.0, 4.0 * width);
        while self.log_density(mode + side * step) > floor {
            inside = step;
            step *= 2.0;
        }
        for _ in 0..3 {
            let middle = 0.5 * (inside + step);
            if self.log_density(mode + side * middle) > floor {
                inside = middle;
            } else {
                step = middle;
            }
        }
        mode + side * step
    }
}

/// The rows that matter: log beta from `low` to `high`; `top` is the greatest log density found.
#[derive(Debug, Clone, Copy)]
struct Region {
    low: f64,
    high: f64,
    top: f64,
}

impl Model {
    fn row<'a>(&'a self, treated: &'a [Treated], log_beta: f64) -> Row<'a> {
        let scaled = (log_beta - self.mean[1]) / self.sd[1];
        Row {
            model: self,
            treated,
            beta: exp(log_beta),
            centre: self.mean[0] + self.correlation * self.sd[0] * scaled,
            spread: self.sd[0] * sqrt(1.0 - self.correlation * self.correlation),
            base: -0.5 * scaled * scaled,
        }
    }

    /// The likelihood is at most 1, so that the prior alone bounds where the posterior can lie.
    fn region(&self, treated: &[Treated]) -> Region {
        let profile = |log_beta: f64| self.row(treated, log_beta).mode().1;
        let mut top = profile(self.mean[1]);
        let reach = sqrt(2.0 * (CUTOFF - top)) * self.sd[1];
        let (mut low, mut high) = (self.mean[1] - reach, self.mean[1] + reach);
        for _ in 0..60 {
            let step = (high - low) / 48.0;
            let scan: Vec<(f64, f64)> = (0..=48)
                .map(|place| low + step * f64::from(place))
                .map(|log_beta| (log_beta, profile(log_beta)))
                .collect();
            top = scan.iter().fold(top, |top, at| top.max(at.1));
            let inside: Vec<f64> = scan.iter().filter(|at| at.1 > top - CUTOFF).map(|at| at.0).collect();
            let (Some(first), Some(last)) = (inside.first(), inside.last()) else {
                break;
            };
            (low, high) = (low.max(first - step), high.min(last + step));
            if inside.len() > 16 {
                break;
            }
        }
        Region { low, high, top }
    }

    /// All integrals, on grids refined until two agree to [`TOLERANCE`].
    pub(crate) fn integrals(
        &self,
        treated: &[Treated],
        thresholds: &[Threshold],
        moments: Moments,
    ) -> Result<Integrals, BadData> {
        let region = self.region(treated);
        let mut coarse = self.on_grid(treated, thresholds, moments, region, 0);
        for resolution in 1..=DOUBLINGS {
            let mut fine = self.on_grid(treated, thresholds, moments, region, resolution);
            fine.error = fine.difference(&coarse);
            if fine.error <= TOLERANCE {
                return Ok(fine);
            }
            coarse = fine;
        }
        Err(BadData::NotReached {
            what: format!(
                "the posterior integrals of the two-parameter logistic model agree to {:e} only, {TOLERANCE:e} is promised",
                coarse.error
            ),
        })
    }

    fn on_grid(
        &self,
        treated: &[Treated],
        thresholds: &[Threshold],
        moments: Moments,
        region: Region,
        resolution: usize,
    ) -> Integrals {
        let rows = ROWS << resolution;
        let rule = gauss_legendre(10 + 4 * resolution.min(3));
        let longest = PANEL_MAX / f64::from(1 << resolution.saturating_sub(3));
        let step = (region.high - region.low) / rows as f64;
        let levels = self.x.len();
        let mut sums = Sums::new(levels, thresholds.len());
        let mut breaks: Vec<(f64, Option<usize>)> = Vec::with_capacity(thresholds.len() + 2);
        let mut masses: Vec<f64> = Vec::with_capacity(thresholds.len() + 2);
        for place in 1..rows {
            let log_beta = region.low + step * place as f64;
            let row = self.row(treated, log_beta);
            let (mode, best, curvature) = row.mode();
            if best < region.top - CUTOFF {
                continue;
            }
            let width = 1.0 / sqrt(curvature);
            let floor = region.top - CUTOFF;
            let (low, high) = (row.end(mode, width, -1.0, floor), row.end(mode, width, 1.0, floor));
            breaks.clear();
            breaks.push((low, None));
            for (index, threshold) in thresholds.iter().enumerate() {
                let at = threshold.logit - row.beta * self.x[threshold.level];
                breaks.push((at.clamp(low, high), Some(index)));
                if at > low && at < high {
                    sums.density[index] += exp(row.log_density(at) - region.top);
                }
            }
            breaks.push((high, None));
            breaks.sort_by(|a, b| a.0.total_cmp(&b.0));
            masses.clear();
            for pair in breaks.windows(2) {
                let length = pair[1].0 - pair[0].0;
                let panels = libm::ceil(length / (1.5 * width).min(longest)) as usize;
                let mut mass = 0.0;
                for panel in 0..panels {
                    let half = 0.5 * length / panels as f64;
                    let middle = pair[0].0 + half * (2 * panel + 1) as f64;
                    for (node, weight) in &rule {
                        let log_alpha = middle + half * node;
                        let density = half * weight * exp(row.log_density(log_alpha) - region.top);
                        mass += density;
                        if moments == Moments::Taken {
                            sums.add_point(self, row.beta, [log_alpha, log_beta], density);
                        }
                    }
                }
                masses.push(mass);
            }
            sums.mass += masses.iter().sum::<f64>();
            let mut below = 0.0;
            for (mass, (_, index)) in masses.iter().zip(&breaks[1..]) {
                below += mass;
                if let Some(index) = index {
                    sums.below[*index] += below;
                }
            }
            let mut above = 0.0;
            for (mass, (_, index)) in masses.iter().zip(&breaks).rev() {
                above += mass;
                if let Some(index) = index {
                    sums.above[*index] += above;
                }
            }
        }
        sums.finish(self, region.top + log(step), resolution)
    }

    /// The DLT rate of every level on a grid of parameters, with the posterior mass of each point; the masses sum to one.
    /// Means over it are good to about 1e-6.
    pub(crate) fn curves(&self, treated: &[Treated]) -> Vec<(f64, Vec<f64>)> {
        const ROWS_BELIEVED: usize = 24;
        let region = self.region(treated);
        let rule = gauss_legendre(24);
        let step = (region.high - region.low) / ROWS_BELIEVED as f64;
        let mut points = Vec::with_capacity(ROWS_BELIEVED * rule.len());
        for place in 1..ROWS_BELIEVED {
            let row = self.row(treated, region.low + step * place as f64);
            let (mode, best, curvature) = row.mode();
            if best < region.top - CUTOFF {
                continue;
            }
            let (width, floor) = (1.0 / sqrt(curvature), region.top - CUTOFF);
            let (low, high) = (row.end(mode, width, -1.0, floor), row.end(mode, width, 1.0, floor));
            for (node, weight) in &rule {
                let log_alpha = 0.5 * (low + high) + 0.5 * (high - low) * node;
                let mass = 0.5 * (high - low) * weight * exp(row.log_density(log_alpha) - region.top);
                let rate = |x: &f64| logistic(log_alpha + row.beta * x).0;
                points.push((mass, self.x.iter().map(rate).collect::<Vec<f64>>()));
            }
        }
        let most = points.iter().map(|(mass, _)| *mass).fold(0.0, f64::max);
        points.retain(|(mass, _)| *mass > 1e-9 * most);
        let total: f64 = points.iter().map(|(mass, _)| mass).sum();
        points.iter_mut().for_each(|(mass, _)| *mass /= total);
        points
    }

    /// The 2.5% and 97.5% quantiles of the DLT probability at each level, to [`TOLERANCE`] in probability.
    pub(crate) fn credible(
        &self,
        treated: &[Treated],
        about: &Integrals,
    ) -> Result<Vec<(f64, f64)>, BadData> {
        let region = self.region(treated);
        let ends = [0.025, 0.975];
        let mut thresholds: Vec<Threshold> = Vec::new();
        for (level, (mean, sd)) in about.logit.iter().enumerate() {
            for end in ends {
                thresholds.push(Threshold { level, logit: mean + sd * normal_quantile(end) });
            }
        }
        let mut brackets = vec![(f64::NEG_INFINITY, f64::INFINITY); thresholds.len()];
        for _ in 0..60 {
            let found = self.on_grid(treated, &thresholds, Moments::Left, region, about.resolution);
            let mut worst = 0.0_f64;
            for (index, threshold) in thresholds.iter_mut().enumerate() {
                let (below, wanted) = (found.below[index], ends[index % 2]);
                let off = fabs(below - wanted);
                worst = worst.max(off);
                if off <= 0.1 * TOLERANCE {
                    continue;
                }
                let (mean, sd) = about.logit[threshold.level];
                let z = threshold.logit;
                let bracket = &mut brackets[index];
                if below < wanted {
                    bracket.0 = z;
                } else {
                    bracket.1 = z;
                }
                // On the normal scale the distribution function is nearly straight.
                let inside = below > 1e-12 && below < 1.0 - 1e-12 && found.density[index] > 0.0;
                let newton = if inside {
                    let scaled = normal_quantile(below);
                    let slope = found.density[index] * exp(0.5 * scaled * scaled) * SQRT_TAU;
                    z - (scaled - normal_quantile(wanted)) / slope
                } else {
                    f64::NAN
                };
                threshold.logit = if newton > bracket.0 && newton < bracket.1 {
                    newton
                } else if bracket.0.is_finite() && bracket.1.is_finite() {
                    0.5 * (bracket.0 + bracket.1)
                } else {
                    let away = fabs(z - mean) + sd;
                    if below < wanted { mean + away } else { mean - away }
                };
            }
            if worst <= 0.1 * TOLERANCE {
                let rate = |threshold: &Threshold| logistic(threshold.logit).0;
                return Ok(thresholds.chunks(2).map(|pair| (rate(&pair[0]), rate(&pair[1]))).collect());
            }
        }
        Err(BadData::NotReached { what: "the ends of a 95% credible interval were not found".to_owned() })
    }
}

const SQRT_TAU: f64 = 2.506_628_274_631_000_5;

/// Sums over the nodes of a grid, not yet divided by the mass.
struct Sums {
    mass: f64,
    first: [f64; 2],
    second: [f64; 2],
    rates: Vec<f64>,
    logit: Vec<(f64, f64)>,
    below: Vec<f64>,
    above: Vec<f64>,
    density: Vec<f64>,
}

impl Sums {
    fn new(levels: usize, thresholds: usize) -> Self {
        Self {
            mass: 0.0,
            first: [0.0; 2],
            second: [0.0; 2],
            rates: vec![0.0; levels],
            logit: vec![(0.0, 0.0); levels],
            below: vec![0.0; thresholds],
            above: vec![0.0; thresholds],
            density: vec![0.0; thresholds],
        }
    }

    fn add_point(&mut self, model: &Model, beta: f64, theta: [f64; 2], density: f64) {
        for ((first, second), (value, mean)) in
            self.first.iter_mut().zip(&mut self.second).zip(theta.iter().zip(&model.mean))
        {
            // Moments about the prior mean lose fewer digits.
            let off = value - mean;
            *first += density * off;
            *second += density * off * off;
        }
        for ((x, rate), logit) in model.x.iter().zip(&mut self.rates).zip(&mut self.logit) {
            let z = theta[0] + beta * x;
            *rate += density / (1.0 + exp(-z));
            logit.0 += density * z;
            logit.1 += density * z * z;
        }
    }

    fn finish(self, model: &Model, log_scale: f64, resolution: usize) -> Integrals {
        let Self { mass, first, second, .. } = self;
        let spread = model.sd[0] * sqrt(1.0 - model.correlation * model.correlation);
        let off = [first[0] / mass, first[1] / mass];
        let sd = |of: usize| sqrt((second[of] / mass - off[of] * off[of]).max(0.0));
        let share = |sums: Vec<f64>| -> Vec<f64> { sums.into_iter().map(|sum| sum / mass).collect() };
        let spread_of = |(first, second): (f64, f64)| {
            let mean = first / mass;
            (mean, sqrt((second / mass - mean * mean).max(0.0)))
        };
        Integrals {
            log_evidence: log(mass) + log_scale - log(std::f64::consts::TAU * model.sd[1] * spread),
            mean: [model.mean[0] + off[0], model.mean[1] + off[1]],
            sd: [sd(0), sd(1)],
            rates: share(self.rates),
            below: share(self.below),
            above: share(self.above),
            density: share(self.density),
            logit: self.logit.into_iter().map(spread_of).collect(),
            error: f64::INFINITY,
            resolution,
        }
    }
}

impl Integrals {
    /// The greatest difference from the same integrals on another grid; infinite where one is not a number.
    fn difference(&self, other: &Self) -> f64 {
        let pairs =
            |a: &[f64], b: &[f64]| -> Vec<(f64, f64)> { a.iter().copied().zip(b.iter().copied()).collect() };
        let all = [
            pairs(&self.mean, &other.mean),
            pairs(&self.sd, &other.sd),
            pairs(&self.rates, &other.rates),
            pairs(&self.below, &other.below),
            pairs(&self.above, &other.above),
            vec![(self.log_evidence, other.log_evidence)],
        ];
        all.iter().flatten().fold(0.0, |greatest: f64, (a, b)| {
            let difference = fabs(a - b) / fabs(*a).max(1.0);
            if difference.is_finite() { greatest.max(difference) } else { f64::INFINITY }
        })
    }
}
