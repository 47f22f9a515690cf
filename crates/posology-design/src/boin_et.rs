//! BOIN-ET: escalate, stay or de-escalate by the observed DLT and efficacy rates at the current level.
//!
//! The observed DLT rate is compared with two boundaries and the observed efficacy rate with one. Little toxicity and
//! little efficacy ask for the next level up; efficacy without too much toxicity asks to stay; too much toxicity for
//! the level below; between, the level above is tried once, and afterwards the neighbour with the highest observed
//! efficacy rate is taken. The boundaries minimise the probability of a wrong move over six hypotheses.
//!
//! Source: Takeda K, Taguri M, Morita S. BOIN-ET: Bayesian optimal interval design for dose finding based on both
//! efficacy and toxicity outcomes. Pharm Stat 2018;17:383-395, doi:10.1002/pst.1864. The search for the boundaries and
//! the handling of closed levels follow the R package boinet 1.5.0, but for these differences:
//! - a level that is too toxic closes those above it too;
//! - where neighbours have the same observed efficacy rate the lowest is taken, not one at random;
//! - a current level that is closed is always left;
//! - the maximum tolerated level is that of BOIN, by weighted isotonic regression over treated levels that are not too
//!   toxic, the lower of two equally far from the target; the package uses no weights, leaves futile levels out of the
//!   search and takes the higher.

use crate::because::Because;
use crate::boin::{beta_numbers, nearest_isotonic, over_target, plural, set_isotonic};
use crate::data::{BadData, Cohort, Count, Counts};
use crate::decision::{Action, Move, Numbers};
use crate::design::{Needs, Rule};
use crate::ladder::Level;
use crate::numeric::{incomplete_beta, incomplete_beta_upper};
use crate::settings::{About, Problem, Problems, Shared, settings};

const SOURCE: &str = "Takeda K et al. Pharm Stat 2018;17:383-395, doi:10.1002/pst.1864";
/// The number of patients at which the search for the boundaries counts wrong moves.
const SEARCH_PATIENTS: u32 = 100;

pub(crate) const ABOUT: About =
    About { title: "BOIN-ET (toxicity and efficacy)", reference: SOURCE, exact: true };

settings! {
    "The settings of a BOIN-ET design as a file gives them.";
    /// The DLT rate that is so low that escalation is right; less than the target.
    p_under: Option<f64> = None => "0.1 target";
    /// The DLT rate that is too high; more than the target.
    p_over: Option<f64> = None => "1.4 target";
    /// The efficacy rate that is aimed at.
    efficacy_target: f64 = 0.60;
    /// The efficacy rate that is too low; less than `efficacy-target`.
    efficacy_minimum: Option<f64> = None => "0.6 efficacy-target";
    /// A level and those above are closed when the DLT rate exceeds the target with more than this probability.
    toxicity_cutoff: f64 = 0.95;
    /// A level is closed when the efficacy rate is at most `efficacy-minimum` with more than this probability.
    efficacy_cutoff: f64 = 0.99;
    /// The trial ends when a level has so many patients.
    early_stop_n: Option<u32> = None => "none";
}

impl Settings {
    /// Everything that is wrong with the settings.
    pub fn check(&self) -> Vec<Problem> {
        let mut problems = self.shared().check_with_target();
        let cutoff = "give a probability such as 0.95";
        problems.extend(Problem::unless_inside("toxicity-cutoff", self.toxicity_cutoff, 0.0, 1.0, cutoff));
        problems.extend(Problem::unless_inside("efficacy-cutoff", self.efficacy_cutoff, 0.0, 1.0, cutoff));
        if let Some(target) = self.target.filter(|target| *target > 0.0 && *target < 1.0) {
            let (under, over) = self.rates(target);
            let mend = "give a DLT rate below the target, or leave it out for 0.1 of the target";
            problems.extend(Problem::unless_inside("p-under", under, 0.0, target, mend));
            let mend = "give a DLT rate above the target, or leave it out for 1.4 times the target";
            problems.extend(Problem::unless_inside("p-over", over, target, 1.0, mend));
            if 1.0 - target > self.toxicity_cutoff {
                problems.push(Problem::new(
                    "toxicity-cutoff",
                    self.toxicity_cutoff,
                    format!(
                        "at least {}, the probability that an untried level is above the target",
                        1.0 - target
                    ),
                    "raise the cutoff, or no level could ever be treated",
                ));
            }
        }
        let aim = self.efficacy_target;
        let mend = "give the efficacy rate that is aimed at, such as 0.60";
        problems.extend(Problem::unless_inside("efficacy-target", aim, 0.0, 1.0, mend));
        if aim > 0.0 && aim < 1.0 {
            let minimum = self.minimum();
            let mend = "give an efficacy rate below `efficacy-target`, or leave it out for 0.6 of it";
            problems.extend(Problem::unless_inside("efficacy-minimum", minimum, 0.0, aim, mend));
            if minimum < 1.0 && minimum > self.efficacy_cutoff {
                problems.push(Problem::new(
                    "efficacy-cutoff",
                    self.efficacy_cutoff,
                    format!("at least {minimum}, the probability that an untried level is below `efficacy-minimum`"),
                    "raise the cutoff, or no level could ever be treated",
                ));
            }
        }
        if self.early_stop_n == Some(0) {
            let mend = "give the patients at one level that end the trial, or leave it out";
            problems.push(Problem::new("early-stop-n", 0, "at least 1", mend));
        }
        problems
    }

    fn rates(&self, target: f64) -> (f64, f64) {
        (self.p_under.unwrap_or(0.1 * target), self.p_over.unwrap_or(1.4 * target))
    }

    fn minimum(&self) -> f64 {
        self.efficacy_minimum.unwrap_or(0.6 * self.efficacy_target)
    }
}

/// The observed rates at which BOIN-ET changes its mind.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Bounds {
    /// A DLT rate of at most this is low (lambda_1 of the paper).
    pub toxicity_low: f64,
    /// A DLT rate of at least this is too high (lambda_2).
    pub toxicity_high: f64,
    /// An efficacy rate of at most this is low (eta_1).
    pub efficacy_low: f64,
}

/// The bounds that minimise the probability of a wrong move when `under` < `target` < `over` are the DLT rates and
/// `minimum` < `aim` the efficacy rates of the hypotheses, all six equally probable.
///
/// A grid with steps of 0.01 from `under` and `target` up, at 100 patients, as R's boinet 1.5.0. Among equal minima the
/// lowest efficacy bound, then the lowest upper and the lowest lower toxicity bound.
///
/// ```
/// let bounds = posology_design::boin_et::bounds(0.30, 0.03, 0.42, 0.60, 0.36);
/// assert!((bounds.toxicity_low - 0.14).abs() < 1e-12);
/// assert!((bounds.toxicity_high - 0.35).abs() < 1e-12);
/// assert!((bounds.efficacy_low - 0.48).abs() < 1e-12);
/// ```
pub fn bounds(target: f64, under: f64, over: f64, aim: f64, minimum: f64) -> Bounds {
    let n = f64::from(SEARCH_PATIENTS);
    // Pr(at most x of n), x rounded down after allowing for rounding, as R's pbinom does.
    let at_most = |x: f64, p: f64| {
        let k = libm::floor(x + 1e-7);
        match k {
            k if k < 0.0 => 0.0,
            k if k >= n => 1.0,
            k => incomplete_beta(n - k, k + 1.0, 1.0 - p),
        }
    };
    let grid = |from: f64, to: f64| {
        let steps = libm::floor((to - from) / 0.01 + 1e-10) as u32;
        (0..=steps).map(move |step| from + 0.01 * f64::from(step))
    };
    let low: Vec<(f64, [f64; 3])> =
        grid(under, target).map(|rate| (rate, [under, target, over].map(|p| at_most(n * rate, p)))).collect();
    let high: Vec<(f64, [f64; 3])> = grid(target, over)
        .map(|rate| (rate, [under, target, over].map(|p| at_most(n * rate - 1.0, p))))
        .collect();
    let mut best = Bounds { toxicity_low: under, toxicity_high: over, efficacy_low: minimum };
    let mut least = f64::INFINITY;
    for efficacy in grid(minimum, aim) {
        let (weak, good) = (at_most(n * efficacy, minimum), at_most(n * efficacy, aim));
        for &(upper, [u_under, u_target, u_over]) in &high {
            for &(lower, [l_under, l_target, l_over]) in &low {
                let little_of_both = l_under * (1.0 - weak)
                    + WRONG_BETWEEN * (u_under - l_under) * weak
                    + (u_under - l_under) * (1.0 - weak)
                    + (1.0 - u_under);
                let little_toxicity =
                    l_under * good + WRONG_BETWEEN * (u_under - l_under) * good + (1.0 - u_under);
                // The package has the lower rate's probability under `under` here, where `target` is meant.
                let both_on_target =
                    l_target * good + WRONG_BETWEEN * (u_target - l_under) * good + (1.0 - u_target);
                let much_toxicity =
                    l_over + WRONG_BETWEEN * (u_over - l_over) * weak + (u_over - l_over) * (1.0 - weak);
                let much_of_both =
                    l_over + WRONG_BETWEEN * (u_over - l_over) * good + (u_over - l_over) * (1.0 - good);
                let sum = little_of_both + little_toxicity + both_on_target + much_toxicity + much_of_both;
                if sum < least {
                    least = sum;
                    best = Bounds { toxicity_low: lower, toxicity_high: upper, efficacy_low: efficacy };
                }
            }
        }
    }
    best
}

/// Between the toxicity bounds with low efficacy three moves are possible, of which one is right.
const WRONG_BETWEEN: f64 = 2.0 / 3.0;

/// A BOIN-ET design whose settings hold together.
#[derive(Debug, Clone, PartialEq)]
pub struct BoinEt {
    settings: Settings,
    target: f64,
    bounds: Bounds,
    /// For n = 0, 1, … patients, as far as computed ahead, what closes a level.
    closed: Vec<Closed>,
}

/// The least DLTs that close a level, and the responders below which it is closed.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Closed {
    toxic_from: u32,
    futile_below: u32,
}

impl TryFrom<Settings> for BoinEt {
    type Error = Problems;

    fn try_from(settings: Settings) -> Result<Self, Problems> {
        let problems = settings.check();
        let (Some(target), true) = (settings.target, problems.is_empty()) else {
            return Err(Problems(problems));
        };
        let (under, over) = settings.rates(target);
        let bounds = bounds(target, under, over, settings.efficacy_target, settings.minimum());
        let ahead = settings.max_patients.unwrap_or(100).min(500);
        let mut rule = Self { settings, target, bounds, closed: Vec::new() };
        rule.closed = (0..=ahead).map(|n| rule.compute(n)).collect();
        Ok(rule)
    }
}

impl From<BoinEt> for Settings {
    fn from(rule: BoinEt) -> Self {
        rule.settings
    }
}

/// What the observed rates at the current level ask for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Asks {
    /// Nobody is there yet.
    Here,
    Up,
    Stay,
    Down,
    /// Neither toxicity nor efficacy is clear, and the level above is untried: try it.
    TryAbove,
    /// Neither is clear: the neighbour with the highest observed efficacy rate.
    BestNeighbour,
}

impl BoinEt {
    /// The observed rates at which the rule changes its mind.
    pub fn bounds(&self) -> Bounds {
        self.bounds
    }

    /// Pr(efficacy rate > `efficacy-minimum`) for a Beta(1, 1) prior.
    fn effective(&self, count: Count) -> f64 {
        let responders = f64::from(count.efficacy);
        let others = f64::from(count.evaluable) - responders;
        incomplete_beta_upper(1.0 + responders, 1.0 + others, self.settings.minimum())
    }

    fn compute(&self, n: u32) -> Closed {
        let toxic = |dlt: &u32| {
            over_target(Count { evaluable: n, dlt: *dlt, ..Count::default() }, self.target)
                > self.settings.toxicity_cutoff
        };
        let open = |efficacy: &u32| {
            self.effective(Count { evaluable: n, efficacy: *efficacy, ..Count::default() })
                >= 1.0 - self.settings.efficacy_cutoff
        };
        Closed {
            toxic_from: (0..=n).find(toxic).unwrap_or(n + 1),
            futile_below: (0..=n).find(open).unwrap_or(n + 1),
        }
    }

    fn closed(&self, n: u32) -> Closed {
        self.closed.get(n as usize).copied().unwrap_or_else(|| self.compute(n))
    }

    /// The number of levels below the lowest that its own counts show to be too toxic.
    fn safe_levels(&self, seen: &Counts) -> usize {
        let toxic = |count: &Count| count.dlt >= self.closed(count.evaluable).toxic_from;
        seen.levels.iter().position(toxic).unwrap_or(seen.levels.len())
    }

    fn futile(&self, count: Count) -> bool {
        count.efficacy < self.closed(count.evaluable).futile_below
    }

    fn open(&self, seen: &Counts, safe: usize, index: usize) -> bool {
        index < safe && seen.levels.get(index).is_some_and(|count| !self.futile(*count))
    }

    fn asks(&self, seen: &Counts) -> Asks {
        let Count { evaluable, dlt, efficacy, .. } = seen.here();
        if evaluable == 0 {
            return Asks::Here;
        }
        // The bounds are decimal, so that a rate can equal one: rounding must not decide.
        let n = f64::from(evaluable);
        let (dlts, responders) = (f64::from(dlt), f64::from(efficacy));
        let low = dlts <= self.bounds.toxicity_low * n + TIE;
        let high = dlts >= self.bounds.toxicity_high * n - TIE;
        let weak = responders <= self.bounds.efficacy_low * n + TIE;
        match (low, high, weak) {
            (_, true, _) => Asks::Down,
            (true, _, true) => Asks::Up,
            (_, _, false) => Asks::Stay,
            _ if seen.levels.get(seen.current.index() + 1).is_some_and(|above| above.evaluable == 0) => {
                Asks::TryAbove
            }
            _ => Asks::BestNeighbour,
        }
    }

    /// The level of the next patients, if any may be treated.
    fn next_level(&self, seen: &Counts, asks: Asks) -> Option<Level> {
        let safe = self.safe_levels(seen);
        let here = seen.current.index();
        let open = |index: usize| self.open(seen, safe, index);
        let below = || (0..here).rev().find(|index| open(*index));
        let here_or_below = || Some(here).filter(|index| open(*index)).or_else(below);
        // A closed level above is passed over only because it was tried.
        let above = || (here + 1..safe).find(|index| open(*index) || seen.levels[*index].evaluable == 0);
        let to = match asks {
            Asks::Here | Asks::Stay => here_or_below(),
            Asks::Up | Asks::TryAbove => above().filter(|index| open(*index)).or_else(here_or_below),
            Asks::Down if here == 0 => here_or_below(),
            Asks::Down => below(),
            Asks::BestNeighbour => {
                let rate = |index: usize| {
                    seen.levels
                        .get(index)
                        .filter(|count| count.evaluable > 0)
                        .map_or(0.0, |count| f64::from(count.efficacy) / f64::from(count.evaluable))
                };
                let mut best: Option<(usize, f64)> = None;
                for index in (here.saturating_sub(1)..=here + 1).filter(|index| open(*index)) {
                    if best.is_none_or(|(_, most)| rate(index) > most + TIE) {
                        best = Some((index, rate(index)));
                    }
                }
                best.map(|(index, _)| index).or_else(below)
            }
        };
        to.map(Level::at_index)
    }

    /// The maximum tolerated level among treated levels that are not too toxic.
    fn tolerated(&self, seen: &Counts) -> Option<Level> {
        nearest_isotonic(&seen.levels, self.safe_levels(seen), self.target, f64::INFINITY)
            .map(|(level, _)| level)
    }

    fn selected(&self, seen: &Counts, selected: Option<Level>) -> Because {
        match (self.tolerated(seen), selected) {
            (Some(tolerated), Some(level)) => {
                let Count { evaluable, efficacy, .. } = seen.at(level);
                let says = format!(
                    "level {level} is selected: of the open levels up to the maximum tolerated level {tolerated} it has the highest observed efficacy, {efficacy} of {evaluable}"
                );
                Because::new("boin-et/selected", says)
                    .input("level", level)
                    .input("tolerated", tolerated)
                    .input("evaluable", evaluable)
                    .input("efficacy", efficacy)
            }
            _ => Because::new("boin-et/none-selected", "no treated level can be selected"),
        }
        .input("target", self.target)
        .source(SOURCE)
    }
}

/// Two rates this near are the same.
const TIE: f64 = 1e-9;

impl Rule for BoinEt {
    fn shared(&self) -> Shared<'_> {
        self.settings.shared()
    }

    fn needs(&self) -> Needs {
        Needs::Efficacy
    }

    fn decide(&self, seen: &Counts) -> Result<Move, BadData> {
        let full = self.settings.early_stop_n.is_some_and(|n| seen.here().evaluable >= n);
        match self.next_level(seen, self.asks(seen)) {
            Some(to) if !full => Ok(Move::to(seen.current, to, self.settings.cohort_size)),
            Some(_) => Ok(Move::end(self.select(seen)?)),
            None => Ok(Move::end(None)),
        }
    }

    fn because(&self, seen: &Counts, decided: Move) -> Result<Vec<Because>, BadData> {
        let mut because = self.known_stops(seen);
        let (current, Count { evaluable, dlt, efficacy, .. }) = (seen.current, seen.here());
        let Bounds { toxicity_low, toxicity_high, efficacy_low } = self.bounds;
        let about = |rule: &str, says: String| {
            Because::new(rule, says)
                .input("level", current)
                .input("evaluable", evaluable)
                .input("dlt", dlt)
                .input("efficacy", efficacy)
                .input("lambda-1", toxicity_low)
                .input("lambda-2", toxicity_high)
                .input("eta-1", efficacy_low)
                .source(SOURCE)
        };
        let found = format!(
            "{dlt} {} and {efficacy} {} among {evaluable} at level {current}",
            plural(dlt, "DLT"),
            plural(efficacy, "responder")
        );
        let asks = self.asks(seen);
        because.push(match asks {
            Asks::Here => about("boin-et/untreated", format!("nobody has been treated at level {current} yet")),
            Asks::Up => about(
                "boin-et/escalate",
                format!("{found}: a DLT rate of at most {toxicity_low:.3} and an efficacy rate of at most {efficacy_low:.3} ask to escalate"),
            ),
            Asks::Stay => about(
                "boin-et/stay",
                format!("{found}: an efficacy rate above {efficacy_low:.3} with a DLT rate below {toxicity_high:.3} asks to stay"),
            ),
            Asks::Down => about(
                "boin-et/de-escalate",
                format!("{found}: a DLT rate of {toxicity_high:.3} or more asks to de-escalate"),
            ),
            Asks::TryAbove => about(
                "boin-et/try-above",
                format!("{found}: a DLT rate between {toxicity_low:.3} and {toxicity_high:.3} and an efficacy rate of at most {efficacy_low:.3} ask to try the level above, where nobody has been treated"),
            ),
            Asks::BestNeighbour => about(
                "boin-et/best-neighbour",
                format!("{found}: a DLT rate between {toxicity_low:.3} and {toxicity_high:.3} and an efficacy rate of at most {efficacy_low:.3} ask for the neighbour with the highest efficacy rate"),
            ),
        });
        let next = self.next_level(seen, asks);
        let as_asked = match (asks, next) {
            (Asks::Up | Asks::TryAbove, Some(to)) => to == current.above(),
            (Asks::Down, Some(to)) => to.above() == current,
            (Asks::BestNeighbour, Some(to)) => to.above() >= current,
            (_, to) => to == Some(current),
        };
        match next {
            Some(_) if as_asked => {}
            Some(to) if to < current => {
                let says = format!("level {to} is the highest open level below level {current}");
                because.push(about("boin-et/open-below", says));
            }
            Some(to) if to > current => {
                let says = format!("the levels between are closed for want of efficacy: level {to} is next");
                because.push(about("boin-et/open-above", says));
            }
            Some(to) => {
                let says = format!("there is no such open level: more patients at level {to}");
                because.push(about("boin-et/no-other-level", says));
            }
            None => {
                let says = "none of the levels that may come next is open: the trial ends".to_owned();
                because.push(about("boin-et/none-open", says));
            }
        }
        if next.is_some() && matches!(decided.action, Action::Complete | Action::Stop) {
            let n = self.settings.early_stop_n.unwrap_or(0);
            let says = format!("{evaluable} patients at level {current}: the trial ends at {n}");
            because.push(about("boin-et/early-stop", says).input("early-stop-n", n));
            because.push(self.selected(seen, decided.level));
        }
        Ok(because)
    }

    fn select(&self, seen: &Counts) -> Result<Option<Level>, BadData> {
        let Some(tolerated) = self.tolerated(seen) else {
            return Ok(None);
        };
        let mut best: Option<(Level, f64)> = None;
        for (index, count) in seen.levels.iter().enumerate().take(tolerated.index() + 1) {
            if count.evaluable == 0 || self.futile(*count) {
                continue;
            }
            let rate = f64::from(count.efficacy) / f64::from(count.evaluable);
            if best.is_none_or(|(_, most)| rate > most + TIE) {
                best = Some((Level::at_index(index), rate));
            }
        }
        Ok(best.map(|(level, _)| level))
    }

    fn because_selected(&self, seen: &Counts, selected: Option<Level>) -> Result<Vec<Because>, BadData> {
        let mut because = self.known_stops(seen);
        because.push(self.selected(seen, selected));
        Ok(because)
    }

    fn numbers(&self, seen: &Counts) -> Result<Numbers, BadData> {
        let mut levels = beta_numbers(seen, usize::MAX, self.target);
        let safe = self.safe_levels(seen);
        for (index, (at, count)) in levels.iter_mut().zip(&seen.levels).enumerate() {
            at.eliminated = !self.open(seen, safe, index);
            at.efficacy =
                (count.evaluable > 0).then(|| f64::from(count.efficacy) / f64::from(count.evaluable));
        }
        Ok(Numbers { levels, parameters: Vec::new() })
    }

    fn numbers_at_end(&self, seen: &Counts) -> Result<Numbers, BadData> {
        let mut numbers = self.numbers(seen)?;
        set_isotonic(&mut numbers, seen);
        Ok(numbers)
    }

    fn remembers(&self, _last: Cohort) -> Option<Cohort> {
        None
    }

    fn known_stops(&self, known: &Counts) -> Vec<Because> {
        let mut because = Vec::new();
        let safe = self.safe_levels(known);
        if let Some(count) = known.levels.get(safe) {
            let level = Level::at_index(safe);
            let probability = over_target(*count, self.target);
            let above = if level < known.top() { " and all levels above it are" } else { " is" };
            let says = format!(
                "level {level}{above} closed: with {} {} among {} the DLT rate is above {} with probability {probability:.3}",
                count.dlt,
                plural(count.dlt, "DLT"),
                count.evaluable,
                self.target
            );
            because.push(
                Because::new("boin-et/too-toxic", says)
                    .input("level", level)
                    .input("evaluable", count.evaluable)
                    .input("dlt", count.dlt)
                    .input("probability", probability)
                    .input("toxicity-cutoff", self.settings.toxicity_cutoff)
                    .source(SOURCE),
            );
        }
        for (index, count) in known.levels.iter().enumerate().take(safe) {
            if self.futile(*count) {
                let level = Level::at_index(index);
                let probability = 1.0 - self.effective(*count);
                let says = format!(
                    "level {level} is closed: with {} of {} responding the efficacy rate is at most {:.3} with probability {probability:.3}",
                    count.efficacy,
                    count.evaluable,
                    self.settings.minimum()
                );
                because.push(
                    Because::new("boin-et/futile", says)
                        .input("level", level)
                        .input("evaluable", count.evaluable)
                        .input("efficacy", count.efficacy)
                        .input("probability", probability)
                        .input("efficacy-cutoff", self.settings.efficacy_cutoff)
                        .source(SOURCE),
                );
            }
        }
        because
    }
}
