//! The continual reassessment method for regimens whose order is known in part only: a bolus and fractions of the
//! same total, or regimens on a grid of activity and schedule.
//!
//! Each level is a regimen, numbered as the file lists it; the number says nothing about its toxicity. Several orders
//! are possible. In each the empiric CRM holds: the DLT probability of the regimen at place i of the order is
//! skeleton_i^exp(a), a normal with mean 0 and standard deviation `scale`. After each cohort the orders are weighed:
//! prior weight times the probability of the data under the order. The most probable order is taken (the first listed
//! among equals), and in it the regimen whose curve at the posterior mean of a is nearest to the target.
//!
//! Then, in this order: the trial stops when even the lowest regimen is too toxic; a regimen may be treated only if it
//! has been, or if one just below it in the partial order (what all orders agree on, with nothing between) has been,
//! or if nothing lies below it, else the next lower regimen of the taken order that may is chosen; no escalation right
//! after a cohort with a DLT. A de-escalation is never forbidden: the orders may change places without a new DLT.
//! `escalate` and `de-escalate` mean later and earlier in the taken order than the current regimen.
//!
//! Source: Wages NA, Conaway MR, O'Quigley J. Biometrics 2011;67:1555-1563, doi:10.1111/j.1541-0420.2011.01560.x.
//! `method = "likelihood"` takes p = skeleton^a with a at its maximum in each order, and weighs orders by the maxima,
//! as R's pocrm 0.13; there is none before the first DLT and the first non-DLT, when the trial follows the first order
//! listed. On purpose different: pocrm draws among equal orders and regimens at random, here the first is taken;
//! pocrm neither forbids skipping nor stops for toxicity.

use libm::{exp, log, log1p, pow, sqrt};
use serde::{Deserialize, Serialize};

use crate::because::Because;
use crate::boin::plural;
use crate::crm::{Curve, Fit, Model, ModelSettings, Normal, Observed, Posterior, StopToxic, recommended};
use crate::data::{BadData, Cohort, Count, Counts};
use crate::decision::{Action, Estimate, Move, Numbers, Parameter};
use crate::design::Rule;
use crate::ladder::Level;
use crate::settings::{About, Problem, Problems, Shared, settings};

const SOURCE: &str =
    "Wages NA, Conaway MR, O'Quigley J. Biometrics 2011;67:1555-1563, doi:10.1111/j.1541-0420.2011.01560.x";
/// The greatest number of orders that are weighed.
pub const ORDERS_MAX: usize = 120;
/// Fewer evaluable patients at the lowest regimens than this never stop a trial.
const STOPS_FROM: u32 = 3;
/// The prior of a is cut to this on either side, as for the CRM.
const SLOPE_MAX: f64 = 10.0;
/// Patients for whom nodes are spaced where `max-patients` is not given.
const PATIENTS_EXPECTED: u32 = 60;
/// Weights closer than this, relatively, are equal.
const EQUAL: f64 = 1e-12;

pub(crate) const ABOUT: About = About {
    title: "Continual reassessment method for partial orders (PO-CRM)",
    reference: SOURCE,
    exact: true,
};

/// How a and the orders are estimated.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum Method {
    /// Posterior mean of a in each order; orders weighed by the probability of the data.
    #[default]
    Bayes,
    /// Maximum likelihood in each order; orders weighed by the maxima.
    Likelihood,
}

settings! {
    "The settings of a PO-CRM design as a file gives them.";
    /// The DLT rate expected at each place of an order, rising. Else `half-width` and `prior-mtd`.
    skeleton: Option<Vec<f64>> = None => "by `half-width` and `prior-mtd`";
    /// The half-width of the skeleton's indifference intervals, such as 0.05.
    half_width: Option<f64> = None => "none";
    /// The place in an order at which the MTD is expected before the trial.
    prior_mtd: Option<u32> = None => "none";
    /// The possible orders, each a list of all levels, the lowest first.
    orders: Vec<Vec<u32>> = Vec::new() => "made from `before`";
    /// Pairs of levels [lower, higher] that are surely so ordered; all orders that keep them are made.
    before: Vec<[u32; 2]> = Vec::new() => "none";
    /// The prior weight of each order.
    order_prior: Vec<f64> = Vec::new() => "all equal";
    /// How orders are weighed: `bayes` or `likelihood`.
    method: Method = Method::Bayes => "bayes";
    /// The prior standard deviation of a.
    scale: f64 = 1.157_583_690_279_022_5 => "sqrt(1.34)";
    /// Whether a regimen may be treated though none just below it has been.
    allow_skipping: bool = false;
    /// Whether an escalation right after a cohort with a DLT is forbidden.
    coherent: bool = true;
    /// The trial stops when the probability that the lowest regimen's DLT rate exceeds the target is above this, with at
    /// least 3 evaluable patients at lowest regimens; `false` never stops so.
    stop_toxic: StopToxic = StopToxic::Above(0.90) => "0.90";
    /// The trial ends when the current level has so many patients and the design would stay there.
    early_stop_n: Option<u32> = None => "none";
}

impl Settings {
    /// Everything that is wrong with the settings.
    pub fn check(&self) -> Vec<Problem> {
        let shared = self.rule_shared();
        let mut problems = self.of_model().check(&shared);
        match self.stop_toxic {
            StopToxic::Above(bound) => {
                let mend = "give a probability such as 0.90, or false";
                problems.extend(Problem::unless_inside("stop-toxic", bound, 0.0, 1.0, mend));
            }
            StopToxic::Switch(true) => {
                let mend = "give a probability such as 0.90, or false";
                problems.push(Problem::new("stop-toxic", true, "a probability, or false", mend));
            }
            StopToxic::Switch(false) => {}
        }
        if self.early_stop_n == Some(0) {
            let mend = "give the patients at one level that end the trial, or leave it out";
            problems.push(Problem::new("early-stop-n", 0, "at least 1", mend));
        }
        let levels = shared.levels.filter(|levels| (1..=crate::ladder::LEVELS_MAX).contains(levels));
        let Some(levels) = levels else {
            return problems;
        };
        match self.made(levels as usize) {
            Err(problem) => problems.push(problem),
            Ok(orders) => self.check_prior(orders.len(), &mut problems),
        }
        problems
    }

    fn check_prior(&self, orders: usize, problems: &mut Vec<Problem>) {
        let prior = self.order_prior.as_slice();
        if prior.is_empty() {
            return;
        }
        let usable = prior.iter().all(|weight| (1e-9..=1e9).contains(weight));
        if prior.len() != orders || !usable {
            let found = format!("{} weights: {prior:?}", prior.len());
            let expected = format!("{orders} positive weights, one for each order");
            let mend = "give one weight an order, or leave it out for equal weights";
            problems.push(Problem::new("order-prior", found, expected, mend));
        }
    }

    /// The orders, counted from 0, or what is wrong with them.
    fn made(&self, levels: usize) -> Result<Vec<Vec<usize>>, Problem> {
        match (self.orders.is_empty(), self.before.is_empty()) {
            (true, true) => {
                let mend =
                    "list the possible orders, such as [[1, 2, 3], [1, 3, 2]], or the pairs that are sure";
                return Err(Problem::new("orders", "nothing", "`orders` or `before`", mend));
            }
            (false, false) => {
                let mend = "give one or the other";
                return Err(Problem::new("orders", "`orders` and `before`", "one of the two", mend));
            }
            (true, false) => {
                let wrong = |found: String, expected: String| {
                    let mend =
                        "give pairs [lower, higher] of levels, without a circle, enough to leave few orders";
                    Problem::new("before", found, expected, mend)
                };
                let known = |level: &u32| (1..=levels as u32).contains(level);
                let bad = self.before.iter().find(|[low, high]| !known(low) || !known(high) || low == high);
                if let Some([low, high]) = bad {
                    return Err(wrong(format!("[{low}, {high}]"), format!("two levels of 1 to {levels}")));
                }
                let orders = linear_extensions(levels, &self.before);
                return match orders.len() {
                    0 => Err(wrong("pairs in a circle".to_owned(), "pairs that some order keeps".to_owned())),
                    n if n > ORDERS_MAX => Err(wrong(
                        format!("more than {ORDERS_MAX} orders"),
                        format!("pairs that leave at most {ORDERS_MAX} orders"),
                    )),
                    _ => Ok(orders),
                };
            }
            (false, true) => {}
        }
        let wrong = |found: String, expected: String| {
            let mend = "list each possible order once, with every level once in it";
            Err(Problem::new("orders", found, expected, mend))
        };
        if self.orders.len() > ORDERS_MAX {
            return wrong(format!("{} orders", self.orders.len()), format!("at most {ORDERS_MAX}"));
        }
        for (place, order) in self.orders.iter().enumerate() {
            let mut sorted = order.clone();
            sorted.sort_unstable();
            if !sorted.iter().copied().eq(1..=levels as u32) {
                return wrong(format!("{order:?}"), format!("the levels 1 to {levels}, each once"));
            }
            if self.orders[..place].contains(order) {
                return wrong(format!("{order:?} twice"), "orders that differ".to_owned());
            }
        }
        Ok(self.orders.iter().map(|order| order.iter().map(|level| *level as usize - 1).collect()).collect())
    }

    fn of_model(&self) -> ModelSettings<'_> {
        ModelSettings {
            model: Model::Empiric,
            skeleton: self.skeleton.as_deref(),
            half_width: self.half_width,
            prior_mtd: self.prior_mtd,
            scale: self.scale,
            intercept: None,
            intercept_sd: 1.0,
        }
    }

    /// The shared settings; the skeleton or the orders count the levels where `doses` does not.
    fn rule_shared(&self) -> Shared<'_> {
        let shared = self.shared();
        let of_orders = self.orders.first().and_then(|order| u32::try_from(order.len()).ok());
        Shared { levels: self.of_model().levels(&shared).or(of_orders), ..shared }
    }
}

/// Every order of so many levels, counted from 0, that keeps the pairs [lower, higher], which count from 1: smaller
/// numbers first. No more than one beyond [`ORDERS_MAX`] are made; none when the pairs go in a circle.
fn linear_extensions(levels: usize, before: &[[u32; 2]]) -> Vec<Vec<usize>> {
    fn extend(levels: usize, before: &[[u32; 2]], order: &mut Vec<usize>, made: &mut Vec<Vec<usize>>) {
        if made.len() > ORDERS_MAX {
            return;
        }
        if order.len() == levels {
            made.push(order.clone());
            return;
        }
        for level in 0..levels {
            let placed = |level: u32| order.contains(&(level as usize - 1));
            let free = !order.contains(&level)
                && before.iter().all(|[low, high]| *high as usize != level + 1 || placed(*low));
            if free {
                order.push(level);
                extend(levels, before, order, made);
                order.pop();
            }
        }
    }
    let mut made = Vec::new();
    extend(levels, before, &mut Vec::with_capacity(levels), &mut made);
    made
}

/// A regimen as far as its place in a partial order goes: equal fractions at equal distances.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Regimen {
    /// Activity of all fractions together (per area, per mass or flat, the same for all regimens).
    pub total: f64,
    /// Fractions, at least 1.
    pub fractions: u32,
    /// Days from one fraction to the next; not read where there is one.
    pub days: f64,
}

/// The pairs [lower, higher] of regimens, numbered from 1, that are surely ordered: the higher one is the lower one
/// and more. Its fractions are as many or more, at the same distance, and each as large or larger. A bolus and
/// fractions of the same total are not ordered, nor are two distances of the same fractions. The pairs are what the
/// setting `before` takes. A regimen whose numbers are not positive and finite is in no pair.
///
/// ```
/// use posology_design::partial_order::{Regimen, surely_ordered};
/// let bolus = |total| Regimen { total, fractions: 1, days: 0.0 };
/// let two_weekly = |total| Regimen { total, fractions: 2, days: 7.0 };
/// let pairs = surely_ordered(&[bolus(25.0), bolus(50.0), two_weekly(50.0), two_weekly(60.0)]);
/// // 25 is the first half of 25 + 25; 50 at once and 25 + 25 are not ordered.
/// assert_eq!(pairs, [[1, 2], [1, 3], [1, 4], [3, 4]]);
/// ```
pub fn surely_ordered(regimens: &[Regimen]) -> Vec<[u32; 2]> {
    let usable =
        |regimen: &Regimen| regimen.total > 0.0 && regimen.total.is_finite() && regimen.fractions > 0;
    let each = |regimen: &Regimen| regimen.total / f64::from(regimen.fractions);
    let below = |low: &Regimen, high: &Regimen| {
        let same_distance = low.fractions == 1 || low.days == high.days;
        // Equal fractions of unequal totals may differ in the last bit.
        let (low_each, high_each) = (each(low), each(high) * (1.0 + 1e-12));
        let more = high.fractions > low.fractions || each(high) > each(low) * (1.0 + 1e-12);
        same_distance && low.fractions <= high.fractions && low_each <= high_each && more
    };
    let mut pairs = Vec::new();
    for (lower, low) in regimens.iter().enumerate() {
        for (higher, high) in regimens.iter().enumerate() {
            if usable(low) && usable(high) && below(low, high) {
                pairs.push([lower as u32 + 1, higher as u32 + 1]);
            }
        }
    }
    pairs
}

/// A PO-CRM design whose settings hold together.
#[derive(Debug, Clone, PartialEq)]
pub struct PoCrm {
    settings: Settings,
    target: f64,
    skeleton: Vec<f64>,
    /// Each order, the lowest level first.
    orders: Vec<Vec<usize>>,
    /// Their prior weights, which add up to 1.
    prior: Vec<f64>,
    /// For each level those just below it in the partial order.
    just_below: Vec<Vec<usize>>,
    /// The empiric model by place in an order.
    posterior: Box<Posterior>,
}

impl TryFrom<Settings> for PoCrm {
    type Error = Problems;

    fn try_from(settings: Settings) -> Result<Self, Problems> {
        let problems = settings.check();
        let (Some(target), true) = (settings.target, problems.is_empty()) else {
            return Err(Problems(problems));
        };
        let skeleton = settings.of_model().rates(&settings.rule_shared());
        let orders = settings.made(skeleton.len()).map_err(|problem| Problems(vec![problem]))?;
        let weights = match settings.order_prior.as_slice() {
            [] => vec![1.0; orders.len()],
            given => given.to_vec(),
        };
        let sum: f64 = weights.iter().sum();
        let prior = weights.into_iter().map(|weight| weight / sum).collect();
        let curve = Curve::Empiric { ln_skeleton: skeleton.iter().map(|rate| log(*rate)).collect() };
        let normal = Normal { mean: 0.0, sd: settings.scale, cut: Some(SLOPE_MAX) };
        let patients = settings.max_patients.unwrap_or(PATIENTS_EXPECTED);
        let posterior = Box::new(Posterior::new(curve, normal, None, target, patients));
        let just_below = just_below(&orders, skeleton.len());
        Ok(Self { settings, target, skeleton, orders, prior, just_below, posterior })
    }
}

impl From<PoCrm> for Settings {
    fn from(rule: PoCrm) -> Self {
        rule.settings
    }
}

/// For each level those that come before it in every order, with none between.
fn just_below(orders: &[Vec<usize>], levels: usize) -> Vec<Vec<usize>> {
    let place = |order: &[usize], level: usize| order.iter().position(|other| *other == level);
    let below = |low: usize, high: usize| orders.iter().all(|order| place(order, low) < place(order, high));
    (0..levels)
        .map(|high| {
            (0..levels)
                .filter(|low| below(*low, high))
                .filter(|low| !(0..levels).any(|between| below(*low, between) && below(between, high)))
                .collect()
        })
        .collect()
}

/// All orders weighed, and what the taken one says.
#[derive(Debug, Clone)]
struct Weighed {
    /// The weight of each order; they add up to 1.
    weights: Vec<f64>,
    /// The taken order.
    order: usize,
    /// In it the exponent of the skeleton; none where maximum likelihood does not exist.
    exponent: Option<f64>,
    /// Pr(DLT probability of the lowest regimen > target), averaged over the orders.
    over_lowest: f64,
}

/// Why the next regimen is not the wanted one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Held {
    Skipping,
    AfterDlt,
    CohortNotFull,
}

/// Where the next patients go, and why not elsewhere. Levels count from 0.
#[derive(Debug, Clone, Copy)]
struct Step {
    wanted: usize,
    to: usize,
    held: Option<Held>,
    enrol: u32,
}

impl PoCrm {
    /// The orders that are weighed, each a list of levels, the lowest first.
    pub fn orders(&self) -> Vec<Vec<Level>> {
        let levels = |order: &Vec<usize>| order.iter().map(|level| Level::at_index(*level)).collect();
        self.orders.iter().map(levels).collect()
    }

    /// The levels that must come before this one in the partial order with nothing between; one of them must have
    /// been treated before it may be.
    pub fn just_below(&self, level: Level) -> Vec<Level> {
        let below = self.just_below.get(level.index());
        below.into_iter().flatten().map(|level| Level::at_index(*level)).collect()
    }

    fn permuted(&self, seen: &Counts, order: usize) -> Vec<Count> {
        let levels = self.orders.get(order).map_or(&[][..], Vec::as_slice);
        levels.iter().map(|level| seen.at(Level::at_index(*level))).collect()
    }

    fn weigh(&self, seen: &Counts) -> Result<Weighed, BadData> {
        let mut fits: Vec<Fit> = Vec::with_capacity(self.orders.len());
        for order in 0..self.orders.len() {
            let counts = self.permuted(seen, order);
            fits.push(self.posterior.fit(Observed { counts: &counts, partial: &[] })?);
        }
        let evidence: Vec<f64> = fits.iter().map(|fit| fit.ln_evidence).collect();
        let weights = self.shares(&evidence);
        let over_lowest = weights.iter().zip(&fits).map(|(weight, fit)| weight * fit.over).sum();
        if self.settings.method == Method::Bayes {
            let order = greatest(&weights);
            let exponent = fits.get(order).map(|fit| exp(fit.first));
            return Ok(Weighed { weights, order, exponent, over_lowest });
        }
        let fits: Option<Vec<(f64, f64)>> =
            (0..self.orders.len()).map(|order| self.most_likely(&self.permuted(seen, order))).collect();
        let Some(fits) = fits else {
            return Ok(Weighed { weights: self.prior.clone(), order: 0, exponent: None, over_lowest });
        };
        let maxima: Vec<f64> = fits.iter().map(|fit| fit.1).collect();
        let weights = self.shares(&maxima);
        let order = greatest(&weights);
        let exponent = fits.get(order).map(|fit| fit.0);
        Ok(Weighed { weights, order, exponent, over_lowest })
    }

    /// Prior times exp(these logarithms), adding up to 1.
    fn shares(&self, logarithms: &[f64]) -> Vec<f64> {
        let top = logarithms.iter().fold(f64::NEG_INFINITY, |top: f64, one| top.max(*one));
        let products: Vec<f64> =
            self.prior.iter().zip(logarithms).map(|(prior, one)| prior * exp(one - top)).collect();
        let sum: f64 = products.iter().sum();
        products.into_iter().map(|product| product / sum).collect()
    }

    /// The exponent at which the likelihood is greatest and the logarithm of that; none without a DLT and a non-DLT.
    fn most_likely(&self, counts: &[Count]) -> Option<(f64, f64)> {
        let (n, y) = counts.iter().fold((0, 0), |(n, y), count| (n + count.evaluable, y + count.dlt));
        if y == 0 || y == n {
            return None;
        }
        let terms: Vec<(f64, f64, f64)> = counts
            .iter()
            .zip(&self.skeleton)
            .filter(|(count, _)| count.evaluable > 0)
            .map(|(count, rate)| (log(*rate), f64::from(count.dlt), f64::from(count.evaluable - count.dlt)))
            .collect();
        // The logarithm of the likelihood is concave in the exponent: its slope has one root.
        let slope = |exponent: f64| {
            terms.iter().fold(0.0, |sum, (ln_rate, dlt, none)| {
                sum + ln_rate * (dlt - none / libm::expm1(-exponent * ln_rate))
            })
        };
        let (mut low, mut high) = (1.0, 1.0);
        while slope(low) < 0.0 && low > 1e-12 {
            low *= 0.5;
        }
        while slope(high) > 0.0 && high < 1e12 {
            high *= 2.0;
        }
        for _ in 0..200 {
            let middle = 0.5 * (low + high);
            if middle <= low || middle >= high {
                break;
            }
            if slope(middle) > 0.0 {
                low = middle;
            } else {
                high = middle;
            }
        }
        let exponent = 0.5 * (low + high);
        let ln_likelihood = terms.iter().fold(0.0, |sum, (ln_rate, dlt, none)| {
            let ln_p = exponent * ln_rate;
            sum + dlt * ln_p + none * log1p(-exp(ln_p))
        });
        Some((exponent, ln_likelihood))
    }

    /// Estimated DLT rates by place in an order.
    fn by_place(&self, exponent: f64) -> Vec<f64> {
        self.skeleton.iter().map(|rate| pow(*rate, exponent)).collect()
    }

    fn order(&self, weighed: &Weighed) -> &[usize] {
        self.orders.get(weighed.order).map_or(&[], Vec::as_slice)
    }

    fn stops(&self, seen: &Counts, weighed: &Weighed) -> bool {
        let stops = self.settings.stop_toxic.bound().is_some_and(|bound| weighed.over_lowest > bound);
        stops && self.at_lowest(seen).evaluable >= STOPS_FROM
    }

    /// Patients and DLTs at the regimens that are the lowest of some order.
    fn at_lowest(&self, seen: &Counts) -> Count {
        let mut sum = Count::default();
        for level in 0..seen.levels.len() {
            if self.orders.iter().any(|order| order.first() == Some(&level)) {
                let count = seen.at(Level::at_index(level));
                sum.evaluable += count.evaluable;
                sum.dlt += count.dlt;
            }
        }
        sum
    }

    fn step(&self, seen: &Counts, weighed: &Weighed) -> Step {
        let order = self.order(weighed);
        let current = seen.current.index();
        let place = |level: usize| order.iter().position(|other| *other == level).unwrap_or(0);
        let size = self.settings.cohort_size;
        let wanted = match weighed.exponent {
            Some(exponent) => {
                let nearest = recommended(&self.by_place(exponent), self.target).unwrap_or(0);
                order.get(nearest).copied().unwrap_or(current)
            }
            None => {
                let dlts: u32 = seen.levels.iter().map(|count| count.dlt).sum();
                let next = if dlts == 0 { place(current) + 1 } else { place(current).saturating_sub(1) };
                order.get(next.min(order.len().saturating_sub(1))).copied().unwrap_or(current)
            }
        };
        let filled = seen.here().evaluable;
        if weighed.exponent.is_none() && place(wanted) > place(current) && filled < size {
            return Step { wanted, to: current, held: Some(Held::CohortNotFull), enrol: size - filled };
        }
        let tried = |level: usize| level == current || seen.at(Level::at_index(level)).evaluable > 0;
        // Nothing is passed over in the taken order either, though the partial order would allow it.
        let highest = order.iter().rposition(|level| tried(*level)).unwrap_or(0);
        let open = |level: usize| {
            let below = self.just_below.get(level).map_or(&[][..], Vec::as_slice);
            let reached = below.is_empty() || below.iter().any(|below| tried(*below));
            self.settings.allow_skipping || tried(level) || (reached && place(level) <= highest + 1)
        };
        let reached = order[..=place(wanted)].iter().rev().find(|level| open(**level));
        let mut to = reached.copied().unwrap_or(current);
        let mut held = (to != wanted).then_some(Held::Skipping);
        // Where the order of entry is not known, a DLT at the current level may have been in the last cohort.
        let after_dlt = seen.last.map_or(seen.here().dlt > 0, |last| last.dlts > 0);
        if self.settings.coherent && after_dlt && place(to) > place(current) {
            (to, held) = (current, Some(Held::AfterDlt));
        }
        Step { wanted, to, held, enrol: size }
    }

    fn moved(&self, seen: &Counts, weighed: &Weighed, step: Step) -> Move {
        let order = self.order(weighed);
        let place = |level: usize| order.iter().position(|other| *other == level);
        let action = match place(step.to).cmp(&place(seen.current.index())) {
            std::cmp::Ordering::Less => Action::DeEscalate,
            std::cmp::Ordering::Equal => Action::Stay,
            std::cmp::Ordering::Greater => Action::Escalate,
        };
        Move { action, level: Some(Level::at_index(step.to)), enrol: step.enrol }
    }

    fn ends(&self, seen: &Counts, step: Step) -> bool {
        step.to == seen.current.index()
            && self.settings.early_stop_n.is_some_and(|n| seen.here().evaluable >= n)
    }

    /// The estimate of each level in the taken order.
    fn estimates(&self, weighed: &Weighed) -> Option<Vec<f64>> {
        let by_place = self.by_place(weighed.exponent?);
        let mut by_level = by_place.clone();
        for (level, estimate) in self.order(weighed).iter().zip(by_place) {
            if let Some(slot) = by_level.get_mut(*level) {
                *slot = estimate;
            }
        }
        Some(by_level)
    }

    fn selection(&self, seen: &Counts, weighed: &Weighed) -> Option<Level> {
        if self.stops(seen, weighed) {
            return None;
        }
        let treated = |level: &&usize| seen.at(Level::at_index(**level)).evaluable > 0;
        let order: Vec<usize> = self.order(weighed).iter().filter(treated).copied().collect();
        let place = match self.estimates(weighed) {
            Some(estimates) => {
                let theirs: Vec<f64> =
                    order.iter().filter_map(|level| estimates.get(*level).copied()).collect();
                recommended(&theirs, self.target)
            }
            // Without a DLT the highest treated, with nothing but DLTs none.
            None => {
                let dlts: u32 = seen.levels.iter().map(|count| count.dlt).sum();
                order.len().checked_sub(1).filter(|_| dlts == 0)
            }
        };
        place.and_then(|place| order.get(place)).map(|level| Level::at_index(*level))
    }

    fn order_words(&self, weighed: &Weighed) -> String {
        let levels: Vec<String> = self.order(weighed).iter().map(|level| (level + 1).to_string()).collect();
        format!("order {} of {} ({})", weighed.order + 1, self.orders.len(), levels.join(" < "))
    }

    fn order_because(&self, weighed: &Weighed) -> Because {
        let weight = weighed.weights.get(weighed.order).copied().unwrap_or(f64::NAN);
        let others = weighed.weights.iter().enumerate();
        let equals = others
            .filter(|(place, other)| *place != weighed.order && **other >= weight * (1.0 - EQUAL))
            .count();
        let words = self.order_words(weighed);
        let says = if weighed.exponent.is_none() {
            format!(
                "without both a DLT and a patient without one there is no maximum likelihood: {words} leads"
            )
        } else if equals > 0 {
            format!(
                "{words} is taken: no order has more than its weight {weight:.3}, and it is listed first of those that have it"
            )
        } else {
            format!("{words} is the most probable, with weight {weight:.3}")
        };
        Because::new("po-crm/order", says)
            .input("order", weighed.order + 1)
            .input("weight", weight)
            .input("target", self.target)
            .source(SOURCE)
    }

    fn stop_because(&self, seen: &Counts, weighed: &Weighed) -> Because {
        let Count { evaluable, dlt, .. } = self.at_lowest(seen);
        let bound = self.settings.stop_toxic.bound().unwrap_or(1.0);
        let says = format!(
            "even the lowest regimen is too toxic: with {dlt} {} among {evaluable} evaluable patients there and the data of all levels, its DLT rate is above {} with probability {:.3}, more than {bound}",
            plural(dlt, "DLT"),
            self.target,
            weighed.over_lowest
        );
        Because::new("po-crm/stop-toxic", says)
            .input("evaluable", evaluable)
            .input("dlt", dlt)
            .input("probability", weighed.over_lowest)
            .input("stop-toxic", bound)
            .input("target", self.target)
    }
}

/// The place of the greatest weight, the first among equals.
fn greatest(weights: &[f64]) -> usize {
    let mut best = 0;
    for (place, weight) in weights.iter().enumerate() {
        if *weight > weights[best] * (1.0 + EQUAL) {
            best = place;
        }
    }
    best
}

impl Rule for PoCrm {
    fn shared(&self) -> Shared<'_> {
        Shared { levels: Some(self.skeleton.len() as u32), ..self.settings.shared() }
    }

    fn decide(&self, seen: &Counts) -> Result<Move, BadData> {
        let weighed = self.weigh(seen)?;
        if self.stops(seen, &weighed) {
            return Ok(Move::end(None));
        }
        let step = self.step(seen, &weighed);
        if self.ends(seen, step) {
            return Ok(Move::end(self.selection(seen, &weighed)));
        }
        Ok(self.moved(seen, &weighed, step))
    }

    fn because(&self, seen: &Counts, decided: Move) -> Result<Vec<Because>, BadData> {
        let weighed = self.weigh(seen)?;
        if self.stops(seen, &weighed) {
            return Ok(vec![self.stop_because(seen, &weighed)]);
        }
        let mut because = vec![self.order_because(&weighed)];
        let step = self.step(seen, &weighed);
        let (wanted, to) = (step.wanted + 1, step.to + 1);
        because.push(match self.estimates(&weighed).and_then(|all| all.get(step.wanted).copied()) {
            Some(estimate) => Because::new(
                "po-crm/nearest",
                format!(
                    "in it level {wanted} has the estimated DLT rate {estimate:.3}, nearest to {}",
                    self.target
                ),
            )
            .input("level", wanted)
            .input("estimate", estimate)
            .input("target", self.target)
            .source(SOURCE),
            None => Because::new(
                "po-crm/first-stage",
                format!("the first stage goes from level {} to level {wanted}", seen.current),
            )
            .input("level", wanted)
            .source(SOURCE),
        });
        if let Some(held) = step.held {
            let (rule, says) = match held {
                Held::Skipping => (
                    "po-crm/no-skipping",
                    format!(
                        "none of the levels just below level {wanted} has been treated: level {to} is the highest of this order that may be, up to there"
                    ),
                ),
                Held::AfterDlt => (
                    "po-crm/coherent",
                    format!("no escalation right after a cohort with a DLT: more patients at level {to}"),
                ),
                Held::CohortNotFull => (
                    "po-crm/cohort-not-full",
                    format!(
                        "level {to} has {} of {} patients: the cohort is filled first",
                        seen.here().evaluable,
                        self.settings.cohort_size
                    ),
                ),
            };
            because.push(Because::new(rule, says).input("level", to).input("wanted", wanted));
        }
        if matches!(decided.action, Action::Complete | Action::Stop) {
            let says = format!(
                "{} patients at level {}, where the design would stay: the trial ends",
                seen.here().evaluable,
                seen.current
            );
            because.push(
                Because::new("po-crm/early-stop", says)
                    .input("early-stop-n", self.settings.early_stop_n.unwrap_or(0)),
            );
            because.extend(self.because_selected(seen, decided.level)?);
        }
        Ok(because)
    }

    fn select(&self, seen: &Counts) -> Result<Option<Level>, BadData> {
        Ok(self.selection(seen, &self.weigh(seen)?))
    }

    fn because_selected(&self, seen: &Counts, selected: Option<Level>) -> Result<Vec<Because>, BadData> {
        let weighed = self.weigh(seen)?;
        if self.stops(seen, &weighed) {
            return Ok(vec![self.stop_because(seen, &weighed)]);
        }
        let estimates = self.estimates(&weighed);
        let estimate =
            selected.and_then(|level| estimates.as_ref().and_then(|all| all.get(level.index()).copied()));
        let because = match (selected, estimate) {
            (Some(level), Some(estimate)) => Because::new(
                "po-crm/selected",
                format!(
                    "level {level} is selected: of the treated levels its estimated DLT rate {estimate:.3} is nearest to {}",
                    self.target
                ),
            )
            .input("level", level)
            .input("estimate", estimate),
            (Some(level), None) => Because::new(
                "po-crm/selected",
                format!("level {level} is selected: nobody had a DLT, and it is the highest treated of the first order"),
            )
            .input("level", level),
            (None, _) => Because::new("po-crm/none-selected", "no treated level can be selected"),
        };
        Ok(vec![self.order_because(&weighed), because.input("target", self.target).source(SOURCE)])
    }

    fn numbers(&self, seen: &Counts) -> Result<Numbers, BadData> {
        let weighed = self.weigh(seen)?;
        let closed = self.stops(seen, &weighed);
        let estimates = self.estimates(&weighed);
        let counts = seen.levels.iter().enumerate();
        let mut levels: Vec<Estimate> = counts
            .map(|(level, count)| Estimate {
                evaluable: count.evaluable,
                dlt: count.dlt,
                estimate: estimates.as_ref().and_then(|all| all.get(level).copied()),
                eliminated: closed,
                ..Estimate::default()
            })
            .collect();
        let mut parameters = Vec::new();
        let permuted = self.permuted(seen, weighed.order);
        match (self.settings.method, weighed.exponent) {
            (Method::Bayes, _) => {
                let surface = self.posterior.surface(Observed { counts: &permuted, partial: &[] })?;
                let curve = &self.posterior.curve;
                let intervals = surface.intervals(curve);
                for (place, (level, (lower, upper))) in self.order(&weighed).iter().zip(intervals).enumerate()
                {
                    if let Some(estimate) = levels.get_mut(*level) {
                        estimate.mean = Some(surface.mean(curve, place));
                        estimate.lower = Some(lower);
                        estimate.upper = Some(upper);
                        estimate.over = Some(surface.over(curve, place, self.target));
                    }
                }
                let a = surface.parameters().first().copied();
                parameters.extend(a.map(|(mean, sd)| Parameter { name: "a".to_owned(), mean, sd }));
            }
            (Method::Likelihood, Some(exponent)) => {
                let information = permuted.iter().zip(&self.skeleton).fold(0.0, |sum, (count, rate)| {
                    let (ln_rate, p) = (log(*rate), pow(*rate, exponent));
                    let none = f64::from(count.evaluable - count.dlt);
                    sum + none * ln_rate * ln_rate * p / ((1.0 - p) * (1.0 - p))
                });
                let sd = 1.0 / sqrt(information);
                parameters.push(Parameter { name: "exponent".to_owned(), mean: exponent, sd });
            }
            (Method::Likelihood, None) => {}
        }
        for (order, weight) in weighed.weights.iter().enumerate() {
            let levels: Vec<String> =
                self.orders[order].iter().map(|level| (level + 1).to_string()).collect();
            parameters.push(Parameter {
                name: format!("order {}", levels.join(" < ")),
                mean: *weight,
                sd: sqrt(weight * (1.0 - weight)),
            });
        }
        Ok(Numbers { levels, parameters })
    }

    fn remembers(&self, last: Cohort) -> Option<Cohort> {
        let some = Cohort { patients: last.patients.min(1), dlts: last.dlts.min(1) };
        self.settings.coherent.then_some(some)
    }
}
