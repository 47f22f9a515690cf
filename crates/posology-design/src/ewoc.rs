//! Escalation with overdose control: the highest level that is above the MTD with at most a set probability.
//!
//! The DLT probability is logistic in the level's value x: with rho0 the probability at `minimum-dose` and gamma the
//! MTD, the value at which it is the target, logit p(x) goes on a straight line from logit rho0 at `minimum-dose` to
//! logit target at gamma. Before the data rho0 is uniform between 0 and the target and gamma uniform between
//! `minimum-dose` and `maximum-dose`, independent. The next patients go to the highest level, of those within reach,
//! whose posterior probability of gamma below it, which is that of a DLT probability above the target, is at most
//! `feasibility`. No untried level is skipped.
//!
//! Under this prior the lowest value cannot be above the MTD, so that the model alone would never stop a trial at a
//! too toxic first level. Two rules do: `stop-toxic` looks at the first level's own counts with a Beta(1, 1) prior;
//! and with `minimum-dose` below the first level the trial stops when that level itself is not feasible, with at
//! least 3 evaluable patients. For the same reason DLTs at the lowest value say nothing on the MTD and would not hold
//! back an escalation: ours, not the paper's, is that none follows right after a cohort with a DLT, unless `coherent` is
//! false. At the end the level is selected by the same rule over treated levels.
//!
//! Posterior integrals are Gauss-Legendre panels in t = logit target - logit rho0, in which the integrand is smooth,
//! and in gamma, broken at every level and graded towards `minimum-dose`; they are taken with more nodes until two
//! grids agree to 1e-9.
//!
//! Source: Babb J, Rogatko A, Zacks S. Stat Med 1998;17:1103-1120, section 2 (the continuous doses of the paper are
//! levels here). Left out: credible intervals of the DLT probability of a level.

use std::sync::Arc;

use libm::{exp, log, sqrt};

use crate::because::Because;
use crate::blrm::{exp_near_zero, logistic};
use crate::boin::{over_target, plural};
use crate::crm::StopToxic;
use crate::data::{BadData, Cohort, Count, Counts};
use crate::decision::{Action, Estimate, Move, Numbers, Parameter};
use crate::design::Rule;
use crate::ladder::Level;
use crate::numeric::gauss_legendre;
use crate::settings::{About, Problem, Problems, Shared, settings};

const SOURCE: &str = "Babb J, Rogatko A, Zacks S. Stat Med 1998;17:1103-1120, doi:10.1002/(SICI)1097-0258(19980530)17:10<1103::AID-SIM793>3.0.CO;2-9";
/// Two grids must agree to this.
const TOLERANCE: f64 = 1e-9;
/// Fewer evaluable patients than this at level 1 never stop a trial.
const STOPS_FROM: u32 = 3;
/// Nodes in a panel of each grid; the first ones are laid out when the design is made.
const NODES: [usize; 6] = [4, 8, 12, 20, 32, 48];
const LAID_OUT: usize = 3;
/// No grid laid out ahead holds more numbers than this.
const NUMBERS_MAX: usize = 2_000_000;
/// Ends of the panels in t, besides those graded towards 0. Beyond the last rho0 is below 1e-19 of the target.
const T_ENDS: [f64; 11] = [0.5, 1.0, 1.5, 2.0, 3.0, 5.0, 8.0, 12.0, 18.0, 28.0, 44.0];
/// The lowest stretches of t and of gamma are quartered so often towards 0 and `minimum-dose`: where both are small
/// the curve is a function of their ratio.
const GRADES_T: i32 = 7;
const GRADES_GAMMA: i32 = 9;

pub(crate) const ABOUT: About =
    About { title: "Escalation with overdose control (EWOC)", reference: SOURCE, exact: true };

settings! {
    "The settings of an EWOC design as a file gives them.";
    /// The value of each level, such as its activity, rising; any one unit.
    dose_values: Vec<f64> = Vec::new() => "required";
    /// The value at which the DLT probability rho0 is surely below the target; at most that of the first level.
    minimum_dose: Option<f64> = None => "the value of the first level";
    /// The greatest value that the MTD may have. With the value of the top level that level is never reached.
    maximum_dose: Option<f64> = None => "required";
    /// A level is feasible while the posterior probability that it is above the MTD is at most this.
    feasibility: f64 = 0.25;
    /// How much `feasibility` rises with every full cohort treated.
    feasibility_increment: f64 = 0.0;
    /// Where it ends to rise.
    feasibility_max: f64 = 0.5;
    /// The trial stops when the first level's DLT rate exceeds the target with more than this probability, by its own
    /// counts and a Beta(1, 1) prior, with at least 3 evaluable patients there; `false` never stops so.
    stop_toxic: StopToxic = StopToxic::Above(0.90) => "0.90";
    /// Whether an escalation right after a cohort with a DLT is forbidden.
    coherent: bool = true;
    /// The trial ends when the current level has so many patients and the design would stay there.
    early_stop_n: Option<u32> = None => "none";
}

impl Settings {
    /// Everything that is wrong with the settings.
    pub fn check(&self) -> Vec<Problem> {
        let mut problems = self.rule_shared().check_with_target();
        let values = self.dose_values.as_slice();
        let usable = |value: &f64| (1e-9..=1e9).contains(value);
        if values.is_empty() || !values.windows(2).all(|pair| pair[0] < pair[1]) || !values.iter().all(usable)
        {
            let mend = "give the value of every level, the lowest first";
            let expected = "rising numbers between 1e-9 and 1e9, one a level";
            problems.push(Problem::new("dose-values", format!("{values:?}"), expected, mend));
        }
        let told = self.doses.as_ref().map(crate::ladder::Doses::levels);
        if let Some(levels) = told.filter(|levels| !values.is_empty() && *levels as usize != values.len()) {
            let expected = format!("{levels} values, as `doses` says");
            let found = format!("{} values", values.len());
            problems.push(Problem::new("dose-values", found, expected, "give one value a level"));
        }
        let (first, last) = (values.first().copied().unwrap_or(1.0), values.last().copied().unwrap_or(1.0));
        if let Some(least) = self.minimum_dose.filter(|least| !(0.0..=first).contains(least)) {
            let mend = "give the value at which rho0 is, or leave it out for the first level's";
            problems.push(Problem::new("minimum-dose", least, format!("0 to {first}"), mend));
        }
        let most = self.maximum_dose;
        if !most
            .is_some_and(|most| usable(&most) && most >= last && most > self.minimum_dose.unwrap_or(first))
        {
            let found = most.map_or("nothing".to_owned(), |most| most.to_string());
            let mend = "give the greatest value the MTD may have, beyond the top level";
            let expected = format!("a number of at least {last}, up to 1e9, above `minimum-dose`");
            problems.push(Problem::new("maximum-dose", found, expected, mend));
        }
        let mend = "give a probability such as 0.25";
        problems.extend(Problem::unless_inside("feasibility", self.feasibility, 0.0, 1.0, mend));
        if !(0.0..1.0).contains(&self.feasibility_increment) {
            let mend = "give how much `feasibility` rises with a cohort, such as 0.05, or leave it out";
            let found = self.feasibility_increment;
            problems.push(Problem::new("feasibility-increment", found, "0 to 1", mend));
        }
        if !(self.feasibility_max >= self.feasibility && self.feasibility_max < 1.0)
            && self.feasibility_increment > 0.0
        {
            let mend = "give a probability such as 0.5";
            let expected = "at least `feasibility`, below 1";
            problems.push(Problem::new("feasibility-max", self.feasibility_max, expected, mend));
        }
        let mend = "give a probability such as 0.90, or false";
        match self.stop_toxic {
            StopToxic::Above(bound) => {
                problems.extend(Problem::unless_inside("stop-toxic", bound, 0.0, 1.0, mend));
            }
            StopToxic::Switch(true) => {
                problems.push(Problem::new("stop-toxic", true, "a probability, or false", mend));
            }
            StopToxic::Switch(false) => {}
        }
        if self.early_stop_n == Some(0) {
            let mend = "give the patients at one level that end the trial, or leave it out";
            problems.push(Problem::new("early-stop-n", 0, "at least 1", mend));
        }
        problems
    }

    /// The shared settings; the values count the levels where `doses` does not.
    fn rule_shared(&self) -> Shared<'_> {
        let shared = self.shared();
        let counted = u32::try_from(self.dose_values.len()).ok().filter(|levels| *levels > 0);
        Shared { levels: shared.levels.or(counted), ..shared }
    }
}

/// Nodes in t and in gamma, and at each pair of them ln(1 + exp(logit p)) of each level.
#[derive(Debug, Clone, PartialEq)]
struct Grid {
    /// t, and the logarithm of its weight and of the prior there.
    t: Vec<(f64, f64)>,
    /// gamma on the scale on which `minimum-dose` is 0 and `maximum-dose` 1, and its weight.
    gamma: Vec<(f64, f64)>,
    /// For each level the first node of gamma above it.
    above: Vec<usize>,
    /// Tables for the levels asked for, else empty.
    soft: Vec<Vec<f64>>,
}

/// Posterior sums on one grid.
struct Found {
    /// Pr(gamma < value) of each level.
    over: Vec<f64>,
    /// Mean and standard deviation of rho0 and of gamma (scaled).
    rho: (f64, f64),
    gamma: (f64, f64),
    /// Posterior mean of each level's DLT probability; empty unless asked for.
    rates: Vec<f64>,
}

/// An EWOC design whose settings hold together.
#[derive(Debug, Clone, PartialEq)]
pub struct Ewoc {
    settings: Settings,
    target: f64,
    /// The values of the levels on the scale on which `minimum-dose` is 0 and `maximum-dose` 1.
    place: Vec<f64>,
    minimum: f64,
    range: f64,
    grids: Arc<[Grid]>,
}

impl TryFrom<Settings> for Ewoc {
    type Error = Problems;

    fn try_from(settings: Settings) -> Result<Self, Problems> {
        let problems = settings.check();
        let (Some(target), Some(maximum), Some(first), true) =
            (settings.target, settings.maximum_dose, settings.dose_values.first(), problems.is_empty())
        else {
            return Err(Problems(problems));
        };
        let minimum = settings.minimum_dose.unwrap_or(*first);
        let range = maximum - minimum;
        let place: Vec<f64> = settings.dose_values.iter().map(|value| (value - minimum) / range).collect();
        let mut rule = Self { settings, target, place, minimum, range, grids: Arc::new([]) };
        let every: Vec<usize> = (0..rule.place.len()).collect();
        let grids = NODES[..LAID_OUT].iter().filter_map(|nodes| {
            let grid = rule.grid(*nodes, &[]);
            let numbers = grid.t.len() * grid.gamma.len() * every.len();
            (numbers <= NUMBERS_MAX).then(|| rule.grid(*nodes, &every))
        });
        rule.grids = grids.collect();
        Ok(rule)
    }
}

impl From<Ewoc> for Settings {
    fn from(rule: Ewoc) -> Self {
        rule.settings
    }
}

impl Ewoc {
    fn logit_target(&self) -> f64 {
        log(self.target / (1.0 - self.target))
    }

    fn grid(&self, nodes: usize, tables: &[usize]) -> Grid {
        let rule = gauss_legendre(nodes);
        let logit_target = self.logit_target();
        let panels = |ends: &[f64]| -> Vec<(f64, f64)> {
            let panel = |pair: &[f64]| {
                let half = 0.5 * (pair[1] - pair[0]);
                let middle = pair[0] + half;
                rule.iter().map(|(node, weight)| (middle + half * node, half * weight)).collect::<Vec<_>>()
            };
            ends.windows(2).flat_map(panel).collect()
        };
        let graded = |first: f64, grades: i32| {
            let ends = (0..=grades).rev().map(move |grade| libm::ldexp(first, -2 * grade));
            std::iter::once(0.0).chain(ends)
        };
        let ends: Vec<f64> = graded(T_ENDS[0], GRADES_T).chain(T_ENDS.into_iter().skip(1)).collect();
        let t: Vec<(f64, f64)> = panels(&ends)
            .into_iter()
            .map(|(t, weight)| {
                let (_, up, down) = logistic(logit_target - t);
                (t, log(weight) - up - down)
            })
            .collect();
        let inner: Vec<f64> =
            self.place.iter().copied().filter(|place| *place > 0.0 && *place < 1.0).collect();
        let first = inner.first().copied().unwrap_or(1.0);
        let mut ends: Vec<f64> = graded(first, GRADES_GAMMA).collect();
        for next in inner.iter().skip(1).copied().chain([1.0]) {
            let from = ends.last().copied().unwrap_or(0.0);
            if next > from {
                // A panel no longer than its distance from 0: there the curve is steepest.
                let parts = libm::ceil(2.0 * (next - from) / from).clamp(1.0, 4.0) as usize;
                ends.extend((1..=parts).map(|part| from + (next - from) * part as f64 / parts as f64));
            }
        }
        let gamma = panels(&ends);
        let above =
            self.place.iter().map(|place| gamma.partition_point(|(gamma, _)| gamma < place)).collect();
        let mut soft = vec![Vec::new(); self.place.len()];
        for level in tables {
            let mut table = Vec::with_capacity(t.len() * gamma.len());
            for (t, _) in &t {
                for (gamma, _) in &gamma {
                    table.push(logistic(logit_target + t * (self.place[*level] - gamma) / gamma).1);
                }
            }
            soft[*level] = table;
        }
        Grid { t, gamma, above, soft }
    }

    fn on_grid(&self, seen: &Counts, grid: &Grid, rates: bool) -> Found {
        let logit_target = self.logit_target();
        let columns = grid.gamma.len();
        let counts = || seen.levels.iter().zip(&self.place).enumerate();
        let dlts: f64 = counts().map(|(_, (count, _))| f64::from(count.dlt)).sum();
        let slope: f64 = counts().map(|(_, (count, place))| f64::from(count.dlt) * place).sum();
        let mut logs = vec![0.0; columns * grid.t.len()];
        for (row, (t, base)) in logs.chunks_exact_mut(columns).zip(&grid.t) {
            let start = base + dlts * (logit_target - t);
            for (log, (gamma, _)) in row.iter_mut().zip(&grid.gamma) {
                *log = start + t * slope / gamma;
            }
        }
        for (level, (count, _)) in counts() {
            if count.evaluable > 0 {
                let evaluable = f64::from(count.evaluable);
                for (log, soft) in logs.iter_mut().zip(&grid.soft[level]) {
                    *log -= evaluable * soft;
                }
            }
        }
        let greatest = logs.iter().fold(f64::NEG_INFINITY, |most: f64, here| most.max(*here));
        for (row, _) in logs.chunks_exact_mut(columns).zip(&grid.t) {
            for (log, (_, weight)) in row.iter_mut().zip(&grid.gamma) {
                *log = weight * exp_near_zero(*log - greatest);
            }
        }
        let mut by_gamma = vec![0.0; columns];
        let (mut rho, mut rho_square, mut mass) = (0.0, 0.0, 0.0);
        for (row, (t, _)) in logs.chunks_exact(columns).zip(&grid.t) {
            let mut sum = 0.0;
            for (column, density) in by_gamma.iter_mut().zip(row) {
                *column += density;
                sum += density;
            }
            let rate = logistic(logit_target - t).0;
            mass += sum;
            rho += sum * rate;
            rho_square += sum * rate * rate;
        }
        let over = grid.above.iter().map(|above| by_gamma[..*above].iter().sum::<f64>() / mass).collect();
        let (mean, square) =
            grid.gamma.iter().zip(&by_gamma).fold((0.0, 0.0), |sums, ((gamma, _), density)| {
                (sums.0 + density * gamma, sums.1 + density * gamma * gamma)
            });
        let spread = |mean: f64, square: f64| {
            (mean / mass, sqrt((square / mass - mean * mean / mass / mass).max(0.0)))
        };
        let rate_of = |place: &f64| {
            let mut sum = 0.0;
            for (row, (t, _)) in logs.chunks_exact(columns).zip(&grid.t) {
                for (density, (gamma, _)) in row.iter().zip(&grid.gamma) {
                    sum += density / (1.0 + exp(-(logit_target + t * (place - gamma) / gamma)));
                }
            }
            sum / mass
        };
        let rates = if rates { self.place.iter().map(rate_of).collect() } else { Vec::new() };
        Found { over, rho: spread(rho, rho_square), gamma: spread(mean, square), rates }
    }

    /// The posterior on grids with more and more nodes, until `enough` is content with the numbers and their
    /// difference from the grid before.
    fn posterior(
        &self,
        seen: &Counts,
        rates: bool,
        enough: impl Fn(&Found, f64) -> bool,
    ) -> Result<Found, BadData> {
        let treated: Vec<usize> =
            (0..seen.levels.len()).filter(|level| seen.levels[*level].evaluable > 0).collect();
        let mut before: Option<Found> = None;
        let mut reached = f64::INFINITY;
        for (place, nodes) in NODES.iter().enumerate() {
            let found = match self.grids.get(place) {
                Some(grid) => self.on_grid(seen, grid, rates),
                None => self.on_grid(seen, &self.grid(*nodes, &treated), rates),
            };
            if let Some(before) = &before {
                reached = found.difference(before);
                if reached.is_finite() && (reached <= TOLERANCE || enough(&found, reached)) {
                    return Ok(found);
                }
            }
            before = Some(found);
        }
        Err(BadData::NotReached {
            what: format!(
                "the posterior of rho0 and gamma agrees to {reached:e} only, {TOLERANCE:e} is promised"
            ),
        })
    }

    /// The bound on the probability of being above the MTD after these patients.
    fn bound(&self, seen: &Counts) -> f64 {
        let Settings { feasibility, feasibility_increment: step, feasibility_max: most, cohort_size, .. } =
            self.settings;
        let cohorts = f64::from(seen.patients() / cohort_size.max(1));
        if step > 0.0 { (feasibility + step * cohorts).min(most) } else { feasibility }
    }

    /// Pr(gamma < value) of each level, exact enough to tell which are feasible.
    fn over(&self, seen: &Counts) -> Result<Vec<f64>, BadData> {
        let bound = self.bound(seen);
        let certain = |found: &Found, error: f64| {
            found.over.iter().all(|over| (over - bound).abs() > 2.0 * error + TOLERANCE)
        };
        Ok(self.posterior(seen, false, certain)?.over)
    }

    fn feasible(&self, over: f64, bound: f64) -> bool {
        over <= bound + TOLERANCE
    }

    fn reach(&self, seen: &Counts) -> usize {
        let tried = seen.levels.iter().rposition(|count| count.evaluable > 0).unwrap_or(0);
        (tried.max(seen.current.index()) + 1).min(seen.levels.len().saturating_sub(1))
    }

    /// Why the trial stops at a too toxic first level, if it does.
    fn too_toxic(&self, seen: &Counts, over: &[f64]) -> Option<Because> {
        let first = seen.at(Level::FIRST);
        let Count { evaluable, dlt, .. } = first;
        if evaluable < STOPS_FROM {
            return None;
        }
        let counts = format!("{dlt} {} among {evaluable} at level 1", plural(dlt, "DLT"));
        let inputs = |because: Because| {
            because
                .input("level", 1)
                .input("evaluable", evaluable)
                .input("dlt", dlt)
                .input("target", self.target)
        };
        let own = over_target(first, self.target);
        if let Some(bound) = self.settings.stop_toxic.bound().filter(|bound| own > *bound) {
            let says = format!(
                "{counts}: its DLT rate is above {} with probability {own:.3}, more than {bound}",
                self.target
            );
            return Some(inputs(Because::new("ewoc/stop-toxic", says).input("probability", own)));
        }
        let bound = self.bound(seen);
        let over = over.first().copied().filter(|over| !self.feasible(*over, bound))?;
        let says = format!(
            "{counts}: even level 1 is above the MTD with probability {over:.4}, more than {bound}: no level is feasible"
        );
        Some(inputs(Because::new("ewoc/none-feasible", says).input("probability", over).source(SOURCE)))
    }

    /// The highest feasible level among candidates, or the first of all when none is.
    fn highest(&self, seen: &Counts, over: &[f64], candidate: impl Fn(usize) -> bool) -> Option<usize> {
        let bound = self.bound(seen);
        over.iter()
            .enumerate()
            .rev()
            .find(|(level, over)| candidate(*level) && self.feasible(**over, bound))
            .map(|at| at.0)
    }

    /// Where the next patients go, and whether a DLT in the last cohort held them back.
    fn step(&self, seen: &Counts, over: &[f64]) -> (usize, bool) {
        let reach = self.reach(seen);
        let to = self.highest(seen, over, |level| level <= reach).unwrap_or(0);
        // Where the order of entry is not known, a DLT at the current level may have been in the last cohort.
        let after_dlt = seen.last.map_or(seen.here().dlt > 0, |last| last.dlts > 0);
        let held = self.settings.coherent && after_dlt && to > seen.current.index();
        (if held { seen.current.index() } else { to }, held)
    }

    fn ends(&self, seen: &Counts, to: usize) -> bool {
        to == seen.current.index() && self.settings.early_stop_n.is_some_and(|n| seen.here().evaluable >= n)
    }

    fn selection(&self, seen: &Counts, over: &[f64]) -> Option<Level> {
        if self.too_toxic(seen, over).is_some() {
            return None;
        }
        let treated = |level: usize| seen.at(Level::at_index(level)).evaluable > 0;
        self.highest(seen, over, treated).map(Level::at_index)
    }
}

impl Found {
    fn difference(&self, other: &Self) -> f64 {
        let here = self.over.iter().chain(&self.rates).chain([
            &self.rho.0,
            &self.rho.1,
            &self.gamma.0,
            &self.gamma.1,
        ]);
        let there = other.over.iter().chain(&other.rates).chain([
            &other.rho.0,
            &other.rho.1,
            &other.gamma.0,
            &other.gamma.1,
        ]);
        here.zip(there).fold(0.0, |greatest: f64, (a, b)| {
            let difference = (a - b).abs();
            if difference.is_finite() { greatest.max(difference) } else { f64::INFINITY }
        })
    }
}

impl Rule for Ewoc {
    fn shared(&self) -> Shared<'_> {
        self.settings.rule_shared()
    }

    fn decide(&self, seen: &Counts) -> Result<Move, BadData> {
        let over = self.over(seen)?;
        if self.too_toxic(seen, &over).is_some() {
            return Ok(Move::end(None));
        }
        let (to, _) = self.step(seen, &over);
        if self.ends(seen, to) {
            return Ok(Move::end(self.selection(seen, &over)));
        }
        Ok(Move::to(seen.current, Level::at_index(to), self.settings.cohort_size))
    }

    fn because(&self, seen: &Counts, decided: Move) -> Result<Vec<Because>, BadData> {
        let over = self.over(seen)?;
        if let Some(because) = self.too_toxic(seen, &over) {
            return Ok(vec![because]);
        }
        let bound = self.bound(seen);
        let reach = self.reach(seen);
        let (_, held) = self.step(seen, &over);
        let to = self.highest(seen, &over, |level| level <= reach).unwrap_or(0);
        let about = |rule: &str, says: String, level: usize| {
            Because::new(rule, says)
                .input("level", level + 1)
                .input("over", over.get(level).copied().unwrap_or(f64::NAN))
                .input("feasibility", bound)
                .input("target", self.target)
                .source(SOURCE)
        };
        let here = over.get(to).copied().unwrap_or(f64::NAN);
        let mut because = vec![about(
            "ewoc/highest-feasible",
            format!(
                "level {} is the highest within reach that is above the MTD with probability {here:.4}, at most {bound}",
                to + 1
            ),
            to,
        )];
        if let Some(next) = over.get(to + 1) {
            because.push(if self.feasible(*next, bound) {
                let says = format!(
                    "level {} would be feasible, with probability {next:.4}, but no untried level is skipped",
                    to + 2
                );
                about("ewoc/no-skipping", says, to + 1)
            } else {
                let says = format!(
                    "level {} is above the MTD with probability {next:.4}, more than {bound}",
                    to + 2
                );
                about("ewoc/overdose", says, to + 1)
            });
        }
        if held {
            let says = format!(
                "no escalation right after a cohort with a DLT: more patients at level {}",
                seen.current
            );
            because.push(about("ewoc/coherent", says, seen.current.index()));
        }
        if matches!(decided.action, Action::Complete | Action::Stop) {
            let n = self.settings.early_stop_n.unwrap_or(0);
            let says = format!(
                "{} patients at level {}: the trial ends at {n}",
                seen.here().evaluable,
                seen.current
            );
            because.push(Because::new("ewoc/early-stop", says).input("early-stop-n", n));
            because.extend(self.because_selected(seen, decided.level)?);
        }
        Ok(because)
    }

    fn select(&self, seen: &Counts) -> Result<Option<Level>, BadData> {
        let over = self.over(seen)?;
        Ok(self.selection(seen, &over))
    }

    fn because_selected(&self, seen: &Counts, selected: Option<Level>) -> Result<Vec<Because>, BadData> {
        let over = self.over(seen)?;
        if let Some(because) = self.too_toxic(seen, &over) {
            return Ok(vec![because]);
        }
        let because = match selected.and_then(|level| Some((level, over.get(level.index())?))) {
            Some((level, over)) => Because::new(
                "ewoc/selected",
                format!(
                    "level {level} is selected: the highest treated level above the MTD with probability {over:.4}, at most {}",
                    self.bound(seen)
                ),
            )
            .input("level", level)
            .input("over", over),
            None => Because::new("ewoc/none-selected", "no treated level is feasible"),
        };
        Ok(vec![because.input("target", self.target).source(SOURCE)])
    }

    fn numbers(&self, seen: &Counts) -> Result<Numbers, BadData> {
        let found = self.posterior(seen, true, |_, _| false)?;
        let bound = self.bound(seen);
        let stops = self.too_toxic(seen, &found.over).is_some();
        let levels = seen.levels.iter().zip(found.over.iter().zip(&found.rates));
        let levels = levels.map(|(count, (over, rate))| Estimate {
            evaluable: count.evaluable,
            dlt: count.dlt,
            estimate: Some(*rate),
            mean: Some(*rate),
            over: Some(*over),
            eliminated: stops || !self.feasible(*over, bound),
            ..Estimate::default()
        });
        let parameters = vec![
            Parameter { name: "rho0".to_owned(), mean: found.rho.0, sd: found.rho.1 },
            Parameter {
                name: "gamma".to_owned(),
                mean: self.minimum + self.range * found.gamma.0,
                sd: self.range * found.gamma.1,
            },
        ];
        Ok(Numbers { levels: levels.collect(), parameters })
    }

    fn remembers(&self, last: Cohort) -> Option<Cohort> {
        let some = Cohort { patients: last.patients.min(1), dlts: last.dlts.min(1) };
        self.settings.coherent.then_some(some)
    }
}
