//! The Bayesian optimal interval design: escalate, stay or de-escalate by the observed DLT rate at the current level.
//!
//! With y DLTs among n evaluable patients at the current level the rule escalates when y/n is at most one rate,
//! de-escalates when it is at least another, and stays between; the two rates minimise the probability of a wrong
//! move. A level is eliminated, with all above it, when its DLT rate is very probably above the target. At the end
//! the level is selected whose isotonic estimate is nearest to the target.
//!
//! Source: Liu S, Yuan Y. J R Stat Soc C 2015;64:507-523, doi:10.1111/rssc.12089. Counts at a boundary, titration,
//! early stop and selection follow the R package BOIN 2.7.2; the book lists them one by one.

use libm::{floor, log};

use crate::because::Because;
use crate::data::{BadData, Cohort, Count, Counts};
use crate::decision::{Action, Estimate, Move, Numbers};
use crate::design::{Boundaries, Rule};
use crate::ladder::{LEVELS_MAX, Level};
use crate::numeric::{incomplete_beta_upper, inverse_incomplete_beta, isotonic};
use crate::settings::{About, Problem, Problems, Shared, settings};

const SOURCE: &str = "Liu S, Yuan Y. J R Stat Soc C 2015;64:507-523, doi:10.1111/rssc.12089";
/// Fewer evaluable patients than this never eliminate a level.
const ELIMINATES_FROM: u32 = 3;

pub(crate) const ABOUT: About =
    About { title: "Bayesian optimal interval design (BOIN)", reference: SOURCE, exact: true };

settings! {
    "The settings of a BOIN design as a file gives them.";
    /// The DLT rate that is too low, below which escalation is right; less than the target.
    p_under: Option<f64> = None => "0.6 target";
    /// The DLT rate that is too high, above which de-escalation is right; more than the target.
    p_over: Option<f64> = None => "1.4 target";
    /// A level is eliminated when the posterior probability that its DLT rate exceeds the target is above this.
    elimination: f64 = 0.95;
    /// Whether the trial also stops when level 1 is above the target with probability above `elimination` less `offset`.
    extra_safe: bool = false;
    /// How much earlier `extra-safe` stops, 0 to 0.5.
    offset: f64 = 0.05;
    /// The trial ends when the current level has so many patients and the rule would stay there.
    early_stop_n: Option<u32> = None => "none";
    /// Whether the selected level's estimate must not exceed the rate at which the rule de-escalates.
    bounded_mtd: bool = false;
    /// Whether the trial begins with single patients, one level up each time, until the first DLT.
    titration: bool = false;
}

impl Settings {
    /// Everything that is wrong with the settings.
    pub fn check(&self) -> Vec<Problem> {
        let mut problems = self.shared().check_with_target();
        if let Some(target) = self.target.filter(|target| *target > 0.0 && *target < 1.0) {
            let (under, over) = self.rates(target);
            let mend = "give a DLT rate below the target, or leave it out for 0.6 of the target";
            problems.extend(Problem::unless_inside("p-under", under, 0.0, target, mend));
            let mend = "give a DLT rate above the target, or leave it out for 1.4 times the target";
            problems.extend(Problem::unless_inside("p-over", over, target, 1.0, mend));
        }
        let mend = "give a probability such as 0.95";
        problems.extend(Problem::unless_inside("elimination", self.elimination, 0.0, 1.0, mend));
        let offset = self.offset;
        if !(0.0..=0.5).contains(&offset) || (self.extra_safe && offset >= self.elimination) {
            let mend = "give how much earlier than `elimination` the first level stops, such as 0.05";
            problems.push(Problem::new("offset", offset, "0 to 0.5, and less than `elimination`", mend));
        }
        if self.early_stop_n == Some(0) {
            let mend = "give the patients at one level that end the trial, or leave it out";
            problems.push(Problem::new("early-stop-n", 0, "at least 1", mend));
        }
        problems
    }

    fn rates(&self, target: f64) -> (f64, f64) {
        (self.p_under.unwrap_or(0.6 * target), self.p_over.unwrap_or(1.4 * target))
    }
}

/// The DLT rates between which BOIN stays at a level (lambda_1 and lambda_2 of the paper, equal prior weights).
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Interval {
    /// The rule escalates at this observed rate or less.
    pub escalate: f64,
    /// The rule de-escalates at this observed rate or more.
    pub de_escalate: f64,
}

/// The rates for a target and the rates that are too low and too high, 0 < `under` < `target` < `over` < 1.
///
/// Between rates p < q the indifferent rate is `ln((1-p)/(1-q)) / ln(q(1-p) / (p(1-q)))`: `escalate` lies between
/// `under` and `target`, `de_escalate` between `target` and `over`. Source: Liu and Yuan 2015, section 3.
///
/// ```
/// let stay = posology_design::boin::interval(0.30, 0.18, 0.42);
/// assert!((stay.escalate - 0.236_490_685).abs() < 1e-9);
/// assert!((stay.de_escalate - 0.358_519_465).abs() < 1e-9);
/// ```
pub fn interval(target: f64, under: f64, over: f64) -> Interval {
    let indifferent = |p: f64, q: f64| log((1.0 - p) / (1.0 - q)) / log(q * (1.0 - p) / (p * (1.0 - q)));
    Interval { escalate: indifferent(under, target), de_escalate: indifferent(target, over) }
}

/// A BOIN design whose settings hold together.
#[derive(Debug, Clone, PartialEq)]
pub struct Boin {
    settings: Settings,
    target: f64,
    stay: Interval,
    /// The boundaries for n = 1, 2, … patients, as far as they were computed ahead.
    table: Vec<Boundaries>,
    /// The least DLTs at which `extra-safe` stops at level 1, for n = 1, 2, …
    safe: Vec<Option<u32>>,
}

impl TryFrom<Settings> for Boin {
    type Error = Problems;

    fn try_from(settings: Settings) -> Result<Self, Problems> {
        let problems = settings.check();
        let (Some(target), true) = (settings.target, problems.is_empty()) else {
            return Err(Problems(problems));
        };
        let (under, over) = settings.rates(target);
        let stay = interval(target, under, over);
        let mut rule = Self { settings, target, stay, table: Vec::new(), safe: Vec::new() };
        // A table for small trials; beyond it the same numbers are computed when asked for.
        let ahead = rule.settings.max_patients.unwrap_or(100).min(500);
        rule.table = (1..=ahead).map(|n| rule.compute(n)).collect();
        rule.safe = (1..=ahead).map(|n| rule.compute_safe(n)).collect();
        Ok(rule)
    }
}

impl From<Boin> for Settings {
    fn from(rule: Boin) -> Self {
        rule.settings
    }
}

impl Boin {
    /// The observed rates at which the rule escalates and de-escalates.
    pub fn interval(&self) -> Interval {
        self.stay
    }

    fn compute(&self, n: u32) -> Boundaries {
        let escalate = floor(self.stay.escalate * f64::from(n)) as u32;
        let rate = self.stay.de_escalate * f64::from(n);
        // Where n times the rate is whole, R's BOIN asks for one DLT more.
        let whole = (rate - libm::round(rate)).abs() < 1e-12;
        let de_escalate = if whole { libm::round(rate) as u32 + 1 } else { libm::ceil(rate) as u32 };
        let eliminate = self.eliminates_from(n, self.settings.elimination);
        let de_escalate = eliminate.map_or(de_escalate, |eliminate| de_escalate.min(eliminate));
        Boundaries {
            escalate_max: Some(escalate),
            deescalate_min: Some(de_escalate).filter(|dlts| *dlts <= n),
            eliminate_min: eliminate,
        }
    }

    fn compute_safe(&self, n: u32) -> Option<u32> {
        self.eliminates_from(n, self.settings.elimination)
            .and_then(|_| self.eliminates_from(n, self.settings.elimination - self.settings.offset))
    }

    /// The least DLTs among n at which the DLT rate exceeds the target with more than this probability.
    fn eliminates_from(&self, n: u32, probability: f64) -> Option<u32> {
        let above =
            |dlts: u32| over_target(Count { evaluable: n, dlt: dlts, ..Count::default() }, self.target);
        (n >= ELIMINATES_FROM).then(|| (1..=n).find(|dlts| above(*dlts) > probability)).flatten()
    }

    pub(crate) fn bounds(&self, n: u32) -> Boundaries {
        match self.table.get((n as usize).wrapping_sub(1)) {
            Some(bounds) => *bounds,
            None if n == 0 => Boundaries::default(),
            None => self.compute(n),
        }
    }

    pub(crate) fn unsafe_from(&self, n: u32) -> Option<u32> {
        if !self.settings.extra_safe {
            return None;
        }
        match self.safe.get((n as usize).wrapping_sub(1)) {
            Some(bound) => *bound,
            None => self.compute_safe(n),
        }
    }

    pub(crate) fn eliminated(&self, count: Count) -> bool {
        self.bounds(count.evaluable).eliminate_min.is_some_and(|dlts| count.dlt >= dlts)
    }

    /// The lowest level eliminated by its own counts.
    pub(crate) fn lowest_eliminated(&self, seen: &Counts) -> Option<usize> {
        seen.levels.iter().position(|count| self.eliminated(*count))
    }

    pub(crate) fn extra_safe_stops(&self, seen: &Counts) -> bool {
        let first = seen.at(Level::FIRST);
        self.unsafe_from(first.evaluable).is_some_and(|dlts| first.dlt >= dlts)
    }

    /// Single patients one level up each time: nobody has had a DLT, and no level has more than one patient.
    pub(crate) fn titrates(&self, seen: &Counts) -> bool {
        self.settings.titration && seen.levels.iter().all(|count| count.dlt == 0 && count.evaluable <= 1)
    }

    /// Titration has just ended at this level, which is now filled to a cohort.
    fn ends_titration(&self, seen: &Counts) -> bool {
        self.settings.titration
            && seen.here().evaluable == 1
            && seen.levels.iter().all(|count| count.evaluable <= 1)
            && self.settings.cohort_size > 1
    }

    fn nearest(&self, seen: &Counts) -> Option<(Level, f64)> {
        let at_most = if self.settings.bounded_mtd { self.stay.de_escalate } else { f64::INFINITY };
        nearest_isotonic(&seen.levels, self.selectable(seen), self.target, at_most)
    }

    /// Where the levels end that may be selected, if treated: all below it are not eliminated.
    fn selectable(&self, seen: &Counts) -> usize {
        let eliminated = self.lowest_eliminated(seen).unwrap_or(usize::MAX);
        if eliminated == 0 || self.extra_safe_stops(seen) { 0 } else { eliminated }
    }
}

/// Pr(DLT rate > target) for a Beta(1, 1) prior.
pub(crate) fn over_target(count: Count, target: f64) -> f64 {
    let dlts = f64::from(count.dlt);
    incomplete_beta_upper(dlts + 1.0, f64::from(count.evaluable) - dlts + 1.0, target)
}

/// The posterior mean and 95% interval of a DLT rate for a Beta(1, 1) prior: lower end, mean, upper end.
pub(crate) fn beta_summary(count: Count) -> (f64, f64, f64) {
    let (a, b) =
        (f64::from(count.dlt) + 1.0, f64::from(count.evaluable - count.dlt.min(count.evaluable)) + 1.0);
    (inverse_incomplete_beta(a, b, 0.025), a / (a + b), inverse_incomplete_beta(a, b, 0.975))
}

fn rate_and_weight(count: &Count) -> (f64, f64) {
    let (a, b) = (f64::from(count.dlt) + 0.05, f64::from(count.evaluable) - f64::from(count.dlt) + 0.05);
    (a / (a + b), (a + b) * (a + b) * (a + b + 1.0) / (a * b))
}

/// Isotonic DLT rates of treated levels: (y + 0.05)/(n + 0.1), weighted by the inverse variance of the Beta
/// posterior with that prior, as R's BOIN selects.
pub(crate) fn isotonic_rates(counts: &[Count]) -> Vec<f64> {
    let (rates, weights): (Vec<f64>, Vec<f64>) = counts.iter().map(rate_and_weight).unzip();
    isotonic(&rates, &weights)
}

/// The treated level, among the first `below` of the ladder, whose isotonic rate is nearest to the target, with that
/// rate: among equal rates the highest level below the target and the lowest above it, of two rates equally far the
/// lower. As R's BOIN, which adds 1e-10 a level before it compares. Rates above `at_most` are left out.
///
/// The blocks of [`isotonic_rates`] are compared as they are, without writing out the sequence: the exact engine asks
/// for a selection in thousands of states.
pub(crate) fn nearest_isotonic(
    levels: &[Count],
    below: usize,
    target: f64,
    at_most: f64,
) -> Option<(Level, f64)> {
    // Most ladders are short, and a short block of memory costs less to prepare.
    if levels.len() <= 12 {
        nearest_block::<12>(levels, below, target, at_most)
    } else {
        nearest_block::<{ LEVELS_MAX as usize }>(levels, below, target, at_most)
    }
}

fn nearest_block<const N: usize>(
    levels: &[Count],
    below: usize,
    target: f64,
    at_most: f64,
) -> Option<(Level, f64)> {
    // A block of pooled levels: rate, weight, first and last level, and the place of the first among the treated.
    let mut blocks = [(0.0_f64, 0.0_f64, 0_usize, 0_usize, 0_usize); N];
    let (mut used, mut place) = (0, 0);
    for (index, count) in levels.iter().enumerate().take(below).filter(|(_, count)| count.evaluable > 0) {
        let (rate, weight) = rate_and_weight(count);
        let mut block = (rate, weight, index, index, place);
        place += 1;
        while used > 0 && blocks[used - 1].0 > block.0 {
            used -= 1;
            let (mean, before, first, _, at) = blocks[used];
            let pooled = before + block.1;
            block = ((mean * before + block.0 * block.1) / pooled, pooled, first, block.3, at);
        }
        blocks[used] = block;
        used += 1;
    }
    let mut best: Option<(Level, f64, f64)> = None;
    for (number, &(rate, _, first, last, at)) in blocks[..used].iter().enumerate() {
        let after = blocks[..used].get(number + 1).map_or(place, |next| next.4);
        for (level, place) in [(first, at), (last, after - 1)].into_iter().take(1 + usize::from(first < last))
        {
            let far = (rate + 1e-10 * (place + 1) as f64 - target).abs();
            if rate <= at_most && best.is_none_or(|(_, _, least)| far < least) {
                best = Some((Level::at_index(level), rate, far));
            }
        }
    }
    best.map(|(level, rate, _)| (level, rate))
}

impl Rule for Boin {
    fn shared(&self) -> Shared<'_> {
        self.settings.shared()
    }

    fn begin(&self) -> Move {
        let Settings { start, cohort_size, titration, .. } = self.settings;
        Move {
            action: Action::Start,
            level: Level::new(start),
            enrol: if titration { 1 } else { cohort_size },
        }
    }

    fn decide(&self, seen: &Counts) -> Result<Move, BadData> {
        let (current, count) = (seen.current, seen.here());
        let size = self.settings.cohort_size;
        let eliminated = self.lowest_eliminated(seen);
        if eliminated == Some(0) || self.extra_safe_stops(seen) {
            return Ok(Move::end(None));
        }
        // A level closed below the current one is left at once, for the highest still open.
        let open = eliminated.map_or(seen.top(), |lowest| Level::at_index(lowest.saturating_sub(1)));
        if open < current && !self.eliminated(count) {
            return Ok(Move::to(current, open, size));
        }
        let titrates = self.titrates(seen);
        if count.evaluable == 0 {
            return Ok(Move::to(current, current, if titrates { 1 } else { size }));
        }
        let bounds = self.bounds(count.evaluable);
        if titrates && current < open {
            return Ok(Move::to(current, current.above(), 1));
        }
        if self.ends_titration(seen) {
            return Ok(Move::to(current, current, size - 1));
        }
        let up = bounds.escalate_max.is_some_and(|dlts| count.dlt <= dlts);
        let down = bounds.deescalate_min.is_some_and(|dlts| count.dlt >= dlts);
        let to = match (up, down) {
            (true, _) if current < open => current.above(),
            (_, true) if current > Level::FIRST => Level::at_index(current.index() - 1).min(open),
            _ => current,
        };
        let stays = to == current;
        if stays && self.settings.early_stop_n.is_some_and(|n| count.evaluable >= n) {
            return Ok(Move::end(self.select(seen)?));
        }
        Ok(Move::to(current, to, size))
    }

    fn because(&self, seen: &Counts, decided: Move) -> Result<Vec<Because>, BadData> {
        let mut because = self.known_stops(seen);
        let (current, Count { evaluable, dlt, .. }) = (seen.current, seen.here());
        let about = |rule: &str, says: String| {
            Because::new(rule, says)
                .input("level", current)
                .input("evaluable", evaluable)
                .input("dlt", dlt)
                .input("target", self.target)
                .source(SOURCE)
        };
        if decided.action == Action::Stop {
            if because.is_empty() {
                because.push(about("boin/none-selected", "no level can be selected".to_owned()));
            }
            return Ok(because);
        }
        let found = format!("{dlt} {} among {evaluable} at level {current}", plural(dlt, "DLT"));
        let Interval { escalate, de_escalate } = self.stay;
        let bounds = self.bounds(evaluable);
        if evaluable == 0 {
            because.push(about("boin/untreated", format!("nobody has been treated at level {current} yet")));
        } else if self.titrates(seen) && decided.action == Action::Escalate {
            because.push(about(
                "boin/titration",
                format!("{found}, and none anywhere: titration goes one level up, one patient"),
            ));
        } else if self.ends_titration(seen) {
            because.push(about(
                "boin/titration-ends",
                format!("{found}: titration ends and the level is filled to {}", self.settings.cohort_size),
            ));
        } else if bounds.escalate_max.is_some_and(|most| dlt <= most) {
            because.push(
                about("boin/escalate", format!("{found}: a rate of at most {escalate:.3} asks to escalate"))
                    .input("lambda-e", escalate),
            );
        } else if bounds.deescalate_min.is_some_and(|least| dlt >= least) {
            because.push(
                about(
                    "boin/de-escalate",
                    format!("{found}: a rate of {de_escalate:.3} or more asks to de-escalate"),
                )
                .input("lambda-d", de_escalate),
            );
        } else {
            because.push(
                about(
                    "boin/stay",
                    format!("{found}: a rate between {escalate:.3} and {de_escalate:.3} asks to stay"),
                )
                .input("lambda-e", escalate)
                .input("lambda-d", de_escalate),
            );
        }
        match decided.action {
            Action::Complete => {
                let n = self.settings.early_stop_n.unwrap_or(0);
                because.push(
                    about(
                        "boin/early-stop",
                        format!("{evaluable} patients at level {current}: the trial ends at {n}"),
                    )
                    .input("early-stop-n", n),
                );
                because.extend(self.because_selected(seen, decided.level)?);
            }
            Action::Stay if bounds.escalate_max.is_some_and(|most| dlt <= most) && evaluable > 0 => {
                let says = if current == seen.top() {
                    format!("level {current} is the top of the ladder: more patients there")
                } else {
                    format!(
                        "the level above is eliminated or the cohort is not full: more patients at level {current}"
                    )
                };
                because.push(about("boin/no-level-above", says));
            }
            Action::Stay if bounds.deescalate_min.is_some_and(|least| dlt >= least) => {
                let says = format!("there is no level below level {current}: more patients there");
                because.push(about("boin/no-level-below", says));
            }
            _ => {}
        }
        Ok(because)
    }

    fn select(&self, seen: &Counts) -> Result<Option<Level>, BadData> {
        Ok(self.nearest(seen).map(|(level, _)| level))
    }

    fn because_selected(&self, seen: &Counts, selected: Option<Level>) -> Result<Vec<Because>, BadData> {
        let mut because = self.known_stops(seen);
        let nearest = self.nearest(seen).filter(|(level, _)| Some(*level) == selected);
        because.push(match nearest {
            Some((level, rate)) => Because::new(
                "boin/selected",
                format!(
                    "level {level} is selected: its isotonic rate {rate:.3} is nearest to {}",
                    self.target
                ),
            )
            .input("level", level)
            .input("rate", rate),
            None => Because::new("boin/none-selected", "no treated level can be selected"),
        });
        Ok(because.into_iter().map(|because| because.input("target", self.target).source(SOURCE)).collect())
    }

    fn numbers(&self, seen: &Counts) -> Result<Numbers, BadData> {
        let eliminated = self.lowest_eliminated(seen).unwrap_or(usize::MAX);
        Ok(Numbers { levels: beta_numbers(seen, eliminated, self.target), parameters: Vec::new() })
    }

    fn numbers_at_end(&self, seen: &Counts) -> Result<Numbers, BadData> {
        let mut numbers = self.numbers(seen)?;
        set_isotonic(&mut numbers, seen);
        Ok(numbers)
    }

    fn boundaries(&self, evaluable: u32) -> Option<Boundaries> {
        Some(self.bounds(evaluable))
    }

    fn remembers(&self, _last: Cohort) -> Option<Cohort> {
        None
    }

    fn known_stops(&self, known: &Counts) -> Vec<Because> {
        let mut because = Vec::new();
        if let Some(lowest) = self.lowest_eliminated(known) {
            let level = Level::at_index(lowest);
            let count = known.at(level);
            let probability = over_target(count, self.target);
            let above = if level < known.top() { " and all levels above it are" } else { " is" };
            let says = format!(
                "level {level}{above} eliminated: with {} {} among {} the DLT rate is above {} with probability {probability:.3}",
                count.dlt,
                plural(count.dlt, "DLT"),
                count.evaluable,
                self.target
            );
            because.push(
                Because::new("boin/eliminate", says)
                    .input("level", level)
                    .input("evaluable", count.evaluable)
                    .input("dlt", count.dlt)
                    .input("probability", probability)
                    .input("elimination", self.settings.elimination)
                    .source(SOURCE),
            );
        }
        if self.extra_safe_stops(known) {
            let first = known.at(Level::FIRST);
            let probability = over_target(first, self.target);
            let says = format!(
                "level 1 is above {} with probability {probability:.3}: the trial stops under `extra-safe`",
                self.target
            );
            because.push(
                Because::new("boin/extra-safe", says)
                    .input("level", 1)
                    .input("evaluable", first.evaluable)
                    .input("dlt", first.dlt)
                    .input("probability", probability)
                    .source(SOURCE),
            );
        }
        because
    }
}

/// The numbers of a rule that compares observed rates and eliminates by a Beta(1, 1) posterior.
pub(crate) fn beta_numbers(seen: &Counts, eliminated: usize, target: f64) -> Vec<Estimate> {
    let at = |(index, &count): (usize, &Count)| {
        let (lower, mean, upper) = beta_summary(count);
        Estimate {
            evaluable: count.evaluable,
            dlt: count.dlt,
            estimate: (count.evaluable > 0).then(|| f64::from(count.dlt) / f64::from(count.evaluable)),
            mean: Some(mean),
            lower: Some(lower),
            upper: Some(upper),
            over: Some(over_target(count, target)),
            eliminated: index >= eliminated,
            ..Estimate::default()
        }
    };
    seen.levels.iter().enumerate().map(at).collect()
}

/// Puts the isotonic rates of all treated levels in place of the observed ones.
pub(crate) fn set_isotonic(numbers: &mut Numbers, seen: &Counts) {
    let treated: Vec<usize> =
        (0..seen.levels.len()).filter(|index| seen.levels[*index].evaluable > 0).collect();
    let counts: Vec<Count> = treated.iter().map(|index| seen.levels[*index]).collect();
    for (index, rate) in treated.into_iter().zip(isotonic_rates(&counts)) {
        numbers.levels[index].estimate = Some(rate);
    }
}

/// The word with an s unless there is one.
pub(crate) fn plural(count: u32, word: &str) -> String {
    if count == 1 { word.to_owned() } else { format!("{word}s") }
}
