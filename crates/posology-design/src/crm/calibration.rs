//! Choosing a CRM's settings: skeletons by indifference intervals, and those intervals of a given skeleton.

use libm::{exp, log};

use super::posterior::{Curve, logit};
use super::{Model, curve_of};

/// The skeleton whose indifference intervals all have this half-width: at `prior_mtd` it is the target.
///
/// With the empiric model `ln p` at one level is that of the level below times `ln(target + half_width) /
/// ln(target - half_width)`; with the logistic models the same holds for `logit p - intercept`, in logits. Source:
/// Lee SM, Cheung YK. Clin Trials 2009;6:227-238, doi:10.1177/1740774509105076; the numbers are those of `getprior` of
/// R's dfcrm.
///
/// Needs 0 < `half_width` < `target`, `target + half_width` < 1 (for the logistic models less than
/// logistic(`intercept`)) and `prior_mtd` from 1 to `levels`; else values are NaN.
///
/// ```
/// use posology_design::crm::{Model, skeleton};
/// let rates = skeleton(Model::Empiric, 0.05, 0.25, 3, 5, 3.0);
/// assert!((rates[0] - 0.083_973_491_305_624_3).abs() < 1e-12);
/// assert!((rates[4] - 0.460_343_111_085_307).abs() < 1e-12);
/// ```
pub fn skeleton(
    model: Model,
    half_width: f64,
    target: f64,
    prior_mtd: u32,
    levels: u32,
    intercept: f64,
) -> Vec<f64> {
    let scale = |p: f64| if model == Model::Empiric { log(p) } else { logit(p) - intercept };
    let ratio = scale(target + half_width) / scale(target - half_width);
    let steps = (1..=levels).map(|level| f64::from(level) - f64::from(prior_mtd));
    let inside = half_width > 0.0
        && half_width < target
        && ratio > 0.0
        && ratio < 1.0
        && (1..=levels).contains(&prior_mtd);
    steps
        .map(|step| {
            let value = scale(target) * libm::pow(ratio, step);
            match model {
                _ if !inside => f64::NAN,
                // At the prior MTD the target itself, without its rounding.
                _ if step == 0.0 => target,
                Model::Empiric => exp(value),
                Model::Logistic | Model::Logistic2 => 1.0 / (1.0 + exp(-intercept - value)),
            }
        })
        .collect()
}

/// What a CRM in the long run cannot tell apart when a level is the MTD.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Indifference {
    /// The values of the model's parameter at which the level is recommended: from here…
    pub from: f64,
    /// …to here.
    pub to: f64,
    /// The DLT rate of the level below at `from`: one no higher there leaves the level recommended. None for the first level.
    pub lower: Option<f64>,
    /// The DLT rate of the level above at `to`: one no lower there leaves the level recommended. None for the last level.
    pub upper: Option<f64>,
}

/// The indifference interval of each level, the lowest first, for a rising skeleton and a one-parameter model (the
/// two-parameter model is read as `Logistic`). The outermost parameter values are infinite.
///
/// Source: Cheung YK, Chappell R. Biometrics 2002;58:671-674, doi:10.1111/j.0006-341X.2002.00671.x. R's dfcrm
/// (`crmsens`) gives the same to its tolerance of 1e-6.
///
/// ```
/// use posology_design::crm::{Model, indifference_intervals, skeleton};
/// let rates = skeleton(Model::Empiric, 0.04, 0.25, 3, 5, 3.0);
/// let second = indifference_intervals(Model::Empiric, &rates, 0.25, 3.0)[1];
/// assert!((second.lower.unwrap() - 0.21).abs() < 1e-12 && (second.upper.unwrap() - 0.29).abs() < 1e-12);
/// ```
pub fn indifference_intervals(
    model: Model,
    skeleton: &[f64],
    target: f64,
    intercept: f64,
) -> Vec<Indifference> {
    let one = if model == Model::Empiric { Model::Empiric } else { Model::Logistic };
    let curve = curve_of(one, skeleton, intercept);
    let cuts = cuts(&curve, target);
    (0..skeleton.len())
        .map(|level| {
            let below = level.checked_sub(1).and_then(|below| Some((below, *cuts.get(below)?)));
            let above = cuts.get(level).map(|cut| (level + 1, *cut));
            Indifference {
                from: below.map_or(f64::NEG_INFINITY, |(_, cut)| cut),
                to: above.map_or(f64::INFINITY, |(_, cut)| cut),
                lower: below.map(|(level, cut)| curve.at(level, cut, 0.0)),
                upper: above.map(|(level, cut)| curve.at(level, cut, 0.0)),
            }
        })
        .collect()
}

/// For a one-parameter curve, the parameter at which each level and the one above it are equally far from the
/// target: the level above is nearer beyond it.
pub(crate) fn cuts(curve: &Curve, target: f64) -> Vec<f64> {
    (1..curve.levels())
        .map(|above| {
            let (mut low, mut high) =
                (curve.crossing(above - 1, target, 0.0), curve.crossing(above, target, 0.0));
            // Between them the lower level is at most at the target and the upper at least: halve to the last bit.
            for _ in 0..200 {
                let middle = 0.5 * (low + high);
                if middle <= low || middle >= high {
                    break;
                }
                let both = curve.at(above - 1, middle, 0.0) + curve.at(above, middle, 0.0);
                if both > 2.0 * target {
                    low = middle;
                } else {
                    high = middle;
                }
            }
            high
        })
        .collect()
}
