//! What the designs share that decide by a table: so many evaluable patients and DLTs at the current level, escalate,
//! stay, de-escalate or eliminate.
//!
//! i3+3, Keyboard, mTPI, mTPI-2, the cumulative cohort design and a decision table of one's own differ in how a row of
//! the table is made; what a row does to a trial is the same in all and is written here once:
//!
//! - a level eliminated by its own counts closes all levels above it; when level 1 is closed the trial stops;
//! - a current level that is closed, or that has a closed level below it, is left at once;
//! - otherwise the row speaks, one level at a time; where the level above is closed, or there is none, the trial stays,
//!   and where there is no level below too;
//! - at the end the level is selected whose isotonic DLT rate is nearest to the target, among treated levels that are
//!   not closed.
//!
//! Left out: a rule that reads other levels than the current one, and cohorts whose patients decide one by one.

use crate::because::Because;
use crate::boin::{beta_numbers, nearest_isotonic, over_target, plural, set_isotonic};
use crate::data::{BadData, Cohort, Count, Counts};
use crate::decision::{Action, Move, Numbers};
use crate::design::{Boundaries, Rule};
use crate::ladder::Level;
use crate::numeric::{incomplete_beta, incomplete_beta_upper};
use crate::settings::{Problem, Shared};

/// Rates whose difference times n is smaller are the same: 0.30 less 0.10 is 0.20, though not in binary.
pub(crate) const SAME_COUNT: f64 = 1e-9;
/// The greatest `eliminate-from`.
const ELIMINATE_FROM_MAX: u32 = 12;

/// The posterior probability that a DLT rate lies between `low` and `high`, for each unit of the interval's width: `y`
/// DLTs among `n` patients, Beta(1, 1) prior.
///
/// mTPI, mTPI-2 and Keyboard compare intervals by it. Source: Ji Y et al. Clin Trials 2010;7:653-663,
/// doi:10.1177/1740774510382799. NaN unless `0 <= low < high <= 1` and `y <= n`.
///
/// ```
/// use posology_design::interval::unit_probability_mass;
/// // Nobody treated: the density is 1 everywhere. No DLT in one patient: the density is 2 (1 - p).
/// assert!((unit_probability_mass(0, 0, 0.25, 0.35) - 1.0).abs() < 1e-12);
/// assert!((unit_probability_mass(0, 1, 0.25, 0.35) - 1.4).abs() < 1e-12);
/// ```
pub fn unit_probability_mass(y: u32, n: u32, low: f64, high: f64) -> f64 {
    if !(0.0 <= low && low < high && high <= 1.0 && y <= n) {
        return f64::NAN;
    }
    let (a, b) = (f64::from(y) + 1.0, f64::from(n - y) + 1.0);
    // The two tails of the side where the interval lies, so that the difference keeps its digits.
    let mass = if f64::from(y) < low * f64::from(n) {
        incomplete_beta_upper(a, b, low) - incomplete_beta_upper(a, b, high)
    } else {
        incomplete_beta(a, b, high) - incomplete_beta(a, b, low)
    };
    mass / (high - low)
}

/// What a row of the table asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
    Escalate,
    Stay,
    DeEscalate,
    Eliminate,
}

impl Verdict {
    pub(crate) fn of(dlts: u32, row: Boundaries) -> Self {
        let reaches = |least: Option<u32>| least.is_some_and(|least| dlts >= least);
        if reaches(row.eliminate_min) {
            Self::Eliminate
        } else if reaches(row.deescalate_min) {
            Self::DeEscalate
        } else if row.escalate_max.is_some_and(|most| dlts <= most) {
            Self::Escalate
        } else {
            Self::Stay
        }
    }
}

/// The least of 0 to n DLTs from which on something holds; none where it never does.
pub(crate) fn least(n: u32, holds: impl Fn(u32) -> bool) -> Option<u32> {
    let (mut low, mut high) = (0, n + 1);
    while low < high {
        let middle = low + (high - low) / 2;
        if holds(middle) {
            high = middle;
        } else {
            low = middle + 1;
        }
    }
    (low <= n).then_some(low)
}

/// A row made of what the rule says of each number of DLTs, which must never ask for a higher level after more.
pub(crate) fn row(n: u32, eliminate: Option<u32>, says: impl Fn(u32) -> Verdict) -> Boundaries {
    let stays = least(n, |dlts| says(dlts) != Verdict::Escalate);
    let falls = least(n, |dlts| says(dlts) == Verdict::DeEscalate);
    let first = |a: Option<u32>, b: Option<u32>| a.into_iter().chain(b).min();
    let escalates_before = first(stays, eliminate).unwrap_or(n + 1);
    Boundaries {
        escalate_max: escalates_before.checked_sub(1),
        deescalate_min: first(falls, eliminate),
        eliminate_min: eliminate,
    }
}

/// The rows for n = 1, 2, … patients, as far as they are made ahead; beyond, the same are made when asked for.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Rows(Vec<Boundaries>);

impl Rows {
    pub(crate) fn ahead(max_patients: Option<u32>, make: impl Fn(u32) -> Boundaries) -> Self {
        Self((1..=max_patients.unwrap_or(100).min(500)).map(make).collect())
    }

    pub(crate) fn at(&self, n: u32, make: impl Fn(u32) -> Boundaries) -> Boundaries {
        match self.0.get((n as usize).wrapping_sub(1)) {
            Some(row) => *row,
            None if n == 0 => Boundaries::default(),
            None => make(n),
        }
    }
}

/// When a level is eliminated: Pr(DLT rate > target) above a bound, Beta(1, 1) prior, with so many patients or more.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Elimination {
    pub(crate) target: f64,
    pub(crate) above: f64,
    pub(crate) from: u32,
}

impl Elimination {
    /// The least DLTs among n that eliminate a level.
    pub(crate) fn least(&self, n: u32) -> Option<u32> {
        let over = |dlts| over_target(Count { evaluable: n, dlt: dlts, ..Count::default() }, self.target);
        (n >= self.from).then(|| least(n, |dlts| over(dlts) > self.above)).flatten()
    }

    pub(crate) fn because(&self, because: Because, count: Count) -> Because {
        let probability = over_target(count, self.target);
        let says = format!(
            "{}: the DLT rate is above {} with probability {probability:.3}",
            because.says, self.target
        );
        Because { says, ..because }.input("probability", probability).input("elimination", self.above)
    }

    pub(crate) fn check(above: f64, from: u32) -> Vec<Problem> {
        let mend = "give a probability such as 0.95";
        let above = Problem::unless_inside("elimination", above, 0.0, 1.0, mend);
        let mend = "give the fewest evaluable patients with whom a level may be eliminated, usually 3";
        let from = Problem::unless_among("eliminate-from", from, 1, ELIMINATE_FROM_MAX, mend);
        above.into_iter().chain(from).collect()
    }
}

/// What is wrong with the margins of an interval around the target.
pub(crate) fn check_margins(target: Option<f64>, below: f64, above: f64) -> Vec<Problem> {
    let Some(target) = target.filter(|target| *target > 0.0 && *target < 1.0) else { return Vec::new() };
    let mend = "give how far below the target a DLT rate is still on target, such as 0.05";
    let below = Problem::unless_inside("margin-below", below, 0.0, target, mend);
    let mend = "give how far above the target a DLT rate is still on target, such as 0.05";
    let above = Problem::unless_inside("margin-above", above, 0.0, 1.0 - target, mend);
    below.into_iter().chain(above).collect()
}

/// A design that is such a table. Whatever answers this answers [`Rule`].
pub(crate) trait Tabular: Sync {
    /// The name in files, which begins the name of each rule.
    const NAME: &'static str;
    /// The paper, with DOI.
    const SOURCE: &'static str;

    /// The settings that all designs have.
    fn shared(&self) -> Shared<'_>;

    /// The row for n patients.
    fn row(&self, n: u32) -> Boundaries;

    /// Why the row asks for this, to stand after the counts: `: a rate below 0.25 asks to escalate`.
    fn explain(&self, because: Because, count: Count, verdict: Verdict) -> Because;

    /// Why these counts eliminate the level.
    fn explain_elimination(&self, because: Because, count: Count) -> Because;

    /// Patients for whom a level has room, where it has not room for any number.
    fn room(&self) -> Option<u32> {
        None
    }

    /// Whether the highest level is selected that is open and that its row does not ask to leave downward, in place
    /// of the one whose isotonic rate is nearest to the target.
    fn selects_highest(&self) -> bool {
        false
    }

    fn verdict(&self, count: Count) -> Verdict {
        match count.evaluable {
            0 => Verdict::Stay,
            n => Verdict::of(count.dlt, self.row(n)),
        }
    }

    /// The lowest level closed by its own counts.
    fn lowest_closed(&self, seen: &Counts) -> Option<usize> {
        seen.levels.iter().position(|count| self.verdict(*count) == Verdict::Eliminate)
    }

    /// The treated level that is not closed whose isotonic rate is nearest to the target, with that rate.
    fn nearest(&self, seen: &Counts, target: f64) -> Option<(Level, f64)> {
        let open = self.lowest_closed(seen).unwrap_or(usize::MAX);
        nearest_isotonic(&seen.levels, open, target, f64::INFINITY)
    }

    fn about(&self, rule: &str, says: String, level: Level, count: Count) -> Because {
        let because = Because::new(format!("{}/{rule}", Self::NAME), says)
            .input("level", level)
            .input("evaluable", count.evaluable)
            .input("dlt", count.dlt)
            .source(Self::SOURCE);
        match self.shared().target {
            Some(target) => because.input("target", target),
            None => because,
        }
    }
}

impl<T: Tabular> Rule for T {
    fn shared(&self) -> Shared<'_> {
        Tabular::shared(self)
    }

    fn decide(&self, seen: &Counts) -> Result<Move, BadData> {
        let current = seen.current;
        let closed = self.lowest_closed(seen);
        if closed == Some(0) {
            return Ok(Move::end(None));
        }
        let open = closed.map_or(seen.top(), |lowest| Level::at_index(lowest.saturating_sub(1)));
        let verdict = self.verdict(seen.here());
        let to = match verdict {
            Verdict::Escalate if current < open => current.above(),
            Verdict::DeEscalate | Verdict::Eliminate if current > Level::FIRST => {
                Level::at_index(current.index() - 1).min(open)
            }
            _ => current.min(open),
        };
        let room = self.room().map_or(u32::MAX, |room| room.saturating_sub(seen.at(to).evaluable));
        if room == 0 {
            return Ok(Move::end(self.select(seen)?));
        }
        Ok(Move::to(current, to, Tabular::shared(self).cohort_size.min(room)))
    }

    fn because(&self, seen: &Counts, decided: Move) -> Result<Vec<Because>, BadData> {
        let mut because = self.known_stops(seen);
        let (current, count) = (seen.current, seen.here());
        let Count { evaluable, dlt, .. } = count;
        let verdict = self.verdict(count);
        if decided.action == Action::Stop && !because.is_empty() && self.lowest_closed(seen) == Some(0) {
            return Ok(because);
        }
        let found = format!("{dlt} {} among {evaluable} at level {current}", plural(dlt, "DLT"));
        let word = match verdict {
            Verdict::Escalate => "escalate",
            Verdict::Stay => "stay",
            Verdict::DeEscalate | Verdict::Eliminate => "de-escalate",
        };
        if evaluable == 0 {
            let says = format!("nobody has been treated at level {current} yet");
            because.push(self.about("untreated", says, current, count));
        } else if verdict != Verdict::Eliminate {
            because.push(self.explain(self.about(word, found, current, count), count, verdict));
        }
        let goes = decided.level.unwrap_or(current);
        match (decided.action, verdict) {
            (Action::Complete | Action::Stop, _) => {
                let room = self.room().unwrap_or(0);
                let says = format!(
                    "the table has {room} rows, and the level to treat at has no room left: the trial ends"
                );
                because.push(self.about("full", says, current, count).input("room", room));
                because.extend(self.because_selected(seen, decided.level)?);
            }
            (Action::DeEscalate, Verdict::Escalate | Verdict::Stay) => {
                let says = format!("level {current} is closed from below: the next patients at level {goes}");
                because.push(self.about("closed-below", says, current, count));
            }
            (Action::Stay, Verdict::Escalate) => {
                let says = if current == seen.top() {
                    format!("level {current} is the top of the ladder: more patients there")
                } else {
                    format!("level {} above is eliminated: more patients at level {current}", current.above())
                };
                because.push(self.about("no-level-above", says, current, count));
            }
            (Action::Stay, Verdict::DeEscalate) => {
                let says = format!("there is no level below level {current}: more patients there");
                because.push(self.about("no-level-below", says, current, count));
            }
            _ => {}
        }
        Ok(because)
    }

    fn select(&self, seen: &Counts) -> Result<Option<Level>, BadData> {
        if let (Some(target), false) = (Tabular::shared(self).target, self.selects_highest()) {
            return Ok(self.nearest(seen, target).map(|(level, _)| level));
        }
        let closed = self.lowest_closed(seen).unwrap_or(usize::MAX);
        let stands = |count: &Count| {
            count.evaluable > 0 && matches!(self.verdict(*count), Verdict::Escalate | Verdict::Stay)
        };
        let open = seen.levels.get(..closed.min(seen.levels.len())).unwrap_or_default();
        Ok(open.iter().rposition(stands).map(Level::at_index))
    }

    fn because_selected(&self, seen: &Counts, selected: Option<Level>) -> Result<Vec<Because>, BadData> {
        let mut because = self.known_stops(seen);
        let Some(level) = selected else {
            let says = "no treated level can be selected".to_owned();
            because.push(self.about("none-selected", says, seen.current, seen.here()));
            return Ok(because);
        };
        let target = Tabular::shared(self).target.filter(|_| !self.selects_highest());
        let rate = target.and_then(|target| self.nearest(seen, target)).map(|(_, rate)| rate);
        because.push(match (rate, target) {
            (Some(rate), Some(target)) => {
                let says = format!(
                    "level {level} is selected: its isotonic rate {rate:.3} is nearest to {target}"
                );
                self.about("selected", says, level, seen.at(level)).input("rate", rate)
            }
            _ => {
                let says = format!(
                    "level {level} is selected: the highest treated level that is open and that the table does not ask to leave downward"
                );
                self.about("selected", says, level, seen.at(level))
            }
        });
        Ok(because)
    }

    fn numbers(&self, seen: &Counts) -> Result<Numbers, BadData> {
        let closed = self.lowest_closed(seen).unwrap_or(usize::MAX);
        let target = Tabular::shared(self).target;
        let mut levels = beta_numbers(seen, closed, target.unwrap_or(0.5));
        if target.is_none() {
            levels.iter_mut().for_each(|at| at.over = None);
        }
        Ok(Numbers { levels, parameters: Vec::new() })
    }

    fn numbers_at_end(&self, seen: &Counts) -> Result<Numbers, BadData> {
        let mut numbers = self.numbers(seen)?;
        if !self.selects_highest() {
            set_isotonic(&mut numbers, seen);
        }
        Ok(numbers)
    }

    fn boundaries(&self, evaluable: u32) -> Option<Boundaries> {
        Some(self.row(evaluable))
    }

    fn remembers(&self, _last: Cohort) -> Option<Cohort> {
        None
    }

    fn known_stops(&self, known: &Counts) -> Vec<Because> {
        let Some(lowest) = self.lowest_closed(known) else { return Vec::new() };
        let level = Level::at_index(lowest);
        let count = known.at(level);
        let above = if level < known.top() { " and all levels above it are" } else { " is" };
        let says = format!(
            "level {level}{above} eliminated, with {} {} among {}",
            count.dlt,
            plural(count.dlt, "DLT"),
            count.evaluable
        );
        vec![self.explain_elimination(self.about("eliminate", says, level, count), count)]
    }
}
