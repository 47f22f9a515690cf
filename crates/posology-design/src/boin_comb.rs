//! BOIN on a grid: two agents, or activity and schedule, where it is known only that more of either is not less toxic.
//!
//! A combination is a row (the first agent) and a column (the second); levels number them row by row. As in
//! [`crate::boin`] the counts at the current combination ask to escalate, stay or de-escalate. Escalation goes to one of
//! the two neighbours with one step more, (row + 1, column) or (row, column + 1), de-escalation to one with one step
//! less: to the one whose DLT rate lies between lambda_e and lambda_d with the greatest posterior probability,
//! Beta(0.5, 0.5) prior, plus 0.0005 for each patient there. A combination eliminated by its own counts closes all
//! that have as much or more of both agents, and escalation never goes to one that has as much of both agents as a
//! combination whose own counts ask to de-escalate: where neither neighbour is left, it stays. Start at [`BoinComb`].
//!
//! Selection: isotonic rates of the whole grid, non-decreasing in rows and columns, of (y + 0.05)/(n + 0.1) weighted by
//! n + 0.1, rounded to two decimals; among treated combinations that are not closed the nearest to the target, where
//! 0.00001 a row and a column is added first.
//!
//! Source: Lin R, Yin G. Stat Methods Med Res 2017;26:2155-2167, doi:10.1177/0962280215594494. Details follow the R
//! package BOIN 2.7.2 (`next.comb`, `select.mtd.comb`), and differ where it leaves something to chance or to harm: of two
//! neighbours equally probable the one with less of the first agent is taken, not a random one; a closed combination
//! is never treated, even on de-escalation, and a current one that is closed is left at once, for the open
//! combination with no more of either agent that has the greatest total of row and column (less of the first agent on
//! ties); the first combination stops the trial whatever the current one; in the selection too an eliminated
//! combination closes all with as much of both; rows may outnumber columns. Left out: titration, and the waterfall
//! design for a whole contour.

use crate::because::Because;
use crate::boin::{self, Boin, beta_numbers, over_target, plural};
use crate::data::{BadData, Cohort, Count, Counts};
use crate::decision::{Action, Move, Numbers};
use crate::design::{Boundaries, Rule};
use crate::ladder::{Doses, LEVELS_MAX, Level};
use crate::numeric::{incomplete_beta, isotonic_grid};
use crate::settings::{About, Problem, Problems, Shared, settings};

const SOURCE: &str = "Lin R, Yin G. Stat Methods Med Res 2017;26:2155-2167, doi:10.1177/0962280215594494";
/// Added to the probability of a neighbour for each of its patients.
const FOR_EACH_PATIENT: f64 = 0.0005;
/// Added to a rounded rate for its row and again for its column before rates are compared.
const FOR_EACH_STEP: f64 = 1e-5;

pub(crate) const ABOUT: About =
    About { title: "BOIN for combinations (two agents, or a grid)", reference: SOURCE, exact: true };

settings! {
    "The settings of a BOIN design on a grid as a file gives them.";
    /// Levels of the first agent.
    rows: u32 = 0 => "required";
    /// Levels of the second agent. Levels count row by row: (1, 1), (1, 2), … first.
    columns: u32 = 0 => "required";
    /// Whether the selection also names, for each level of the first agent, the combination nearest to the target.
    mtd_contour: bool = false;
    /// The DLT rate that is too low, below which escalation is right; less than the target.
    p_under: Option<f64> = None => "0.6 target";
    /// The DLT rate that is too high, above which de-escalation is right; more than the target.
    p_over: Option<f64> = None => "1.4 target";
    /// A combination is eliminated when the posterior probability that its DLT rate exceeds the target is above this.
    elimination: f64 = 0.95;
    /// Whether the trial also stops when (1, 1) is above the target with probability above `elimination` less `offset`.
    extra_safe: bool = false;
    /// How much earlier `extra-safe` stops, 0 to 0.5.
    offset: f64 = 0.05;
    /// The trial ends when the current combination has so many patients.
    early_stop_n: Option<u32> = None => "none";
    /// Whether the selected combination's estimate must be below the rate at which the rule de-escalates.
    bounded_mtd: bool = false;
}

impl Settings {
    /// Everything that is wrong with the settings.
    pub fn check(&self) -> Vec<Problem> {
        let mut problems = Vec::new();
        for (key, count) in [("rows", self.rows), ("columns", self.columns)] {
            let mend = "give the number of levels of the agent";
            problems.extend(Problem::unless_among(key, count, 1, LEVELS_MAX, mend));
        }
        if !problems.is_empty() {
            return problems;
        }
        let cells = self.rows * self.columns;
        if let Some(doses) = self.doses.as_ref().map(Doses::levels).filter(|doses| *doses != cells) {
            let expected = format!("{cells}: {} rows times {} columns", self.rows, self.columns);
            let mend = "give one level for each combination, row by row, or leave `doses` out";
            problems.push(Problem::new("doses", doses, expected, mend));
        } else if cells > LEVELS_MAX {
            let expected = format!("at most {LEVELS_MAX} combinations");
            problems.push(Problem::new("columns", cells, expected, "give fewer rows or columns"));
        } else {
            problems.extend(self.boin().check());
        }
        problems
    }

    fn boin(&self) -> boin::Settings {
        let doses = self.doses.clone().unwrap_or(Doses::Count(self.rows.saturating_mul(self.columns)));
        boin::Settings {
            doses: Some(doses),
            start: self.start,
            cohort_size: self.cohort_size,
            max_patients: self.max_patients,
            target: self.target,
            p_under: self.p_under,
            p_over: self.p_over,
            elimination: self.elimination,
            extra_safe: self.extra_safe,
            offset: self.offset,
            early_stop_n: self.early_stop_n,
            bounded_mtd: self.bounded_mtd,
            titration: false,
        }
    }
}

/// A BOIN design on a grid whose settings hold together.
#[derive(Debug, Clone, PartialEq)]
pub struct BoinComb {
    settings: Settings,
    boin: Boin,
    target: f64,
    columns: usize,
}

impl TryFrom<Settings> for BoinComb {
    type Error = Problems;

    fn try_from(settings: Settings) -> Result<Self, Problems> {
        let problems = settings.check();
        let (Some(target), true) = (settings.target, problems.is_empty()) else {
            return Err(Problems(problems));
        };
        let boin = Boin::try_from(settings.boin())?;
        let columns = settings.columns as usize;
        Ok(Self { settings, boin, target, columns })
    }
}

impl From<BoinComb> for Settings {
    fn from(rule: BoinComb) -> Self {
        rule.settings
    }
}

/// What the counts at a combination ask for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Asks {
    Escalate,
    Stay,
    DeEscalate,
}

impl BoinComb {
    /// The observed rates at which the rule escalates and de-escalates: those of BOIN.
    pub fn interval(&self) -> boin::Interval {
        self.boin.interval()
    }

    /// Row and column of a level, from 1.
    pub fn combination(&self, level: Level) -> (u32, u32) {
        let (row, column) = self.place(level.index());
        (row as u32 + 1, column as u32 + 1)
    }

    fn place(&self, index: usize) -> (usize, usize) {
        (index / self.columns, index % self.columns)
    }

    fn level(&self, row: usize, column: usize) -> Level {
        Level::at_index(row * self.columns + column)
    }

    fn named(&self, level: Level) -> String {
        let (row, column) = self.combination(level);
        format!("combination ({row}, {column})")
    }

    /// Whether a combination with no more of either agent has been eliminated by its own counts.
    fn closed(&self, seen: &Counts, index: usize) -> bool {
        let (row, column) = self.place(index);
        seen.levels.iter().enumerate().any(|(other, count)| {
            let (other_row, other_column) = self.place(other);
            other_row <= row && other_column <= column && self.boin.eliminated(*count)
        })
    }

    /// Whether the counts of a combination with no more of either agent ask to de-escalate.
    fn too_toxic_below(&self, seen: &Counts, index: usize) -> bool {
        let (row, column) = self.place(index);
        seen.levels.iter().enumerate().any(|(other, count)| {
            let (other_row, other_column) = self.place(other);
            other_row <= row && other_column <= column && self.asks(*count) == Asks::DeEscalate
        })
    }

    fn asks(&self, count: Count) -> Asks {
        let bounds = self.boin.bounds(count.evaluable);
        if count.evaluable == 0 {
            Asks::Stay
        } else if bounds.escalate_max.is_some_and(|most| count.dlt <= most) {
            Asks::Escalate
        } else if bounds.deescalate_min.is_some_and(|least| count.dlt >= least) {
            Asks::DeEscalate
        } else {
            Asks::Stay
        }
    }

    /// The posterior probability that the DLT rate lies between the two rates, and the bonus for patients there.
    fn promise(&self, count: Count) -> f64 {
        let boin::Interval { escalate, de_escalate } = self.boin.interval();
        let (a, b) = (f64::from(count.dlt) + 0.5, f64::from(count.evaluable) - f64::from(count.dlt) + 0.5);
        incomplete_beta(a, b, de_escalate) - incomplete_beta(a, b, escalate)
            + FOR_EACH_PATIENT * f64::from(count.evaluable)
    }

    /// The one of the neighbours with the greater promise; of equal ones the first.
    fn better(&self, seen: &Counts, neighbours: [Option<Level>; 2]) -> Option<Level> {
        let mut best: Option<(Level, f64)> = None;
        for level in neighbours.into_iter().flatten() {
            let promise = self.promise(seen.at(level));
            // Equal counts give equal bits; nothing else is a tie.
            if best.is_none_or(|(_, greatest)| promise > greatest) {
                best = Some((level, promise));
            }
        }
        best.map(|(level, _)| level)
    }

    /// The neighbours with one step more to which the trial may escalate, that with less of the first agent first.
    fn above(&self, seen: &Counts) -> [Option<Level>; 2] {
        let (row, column) = self.place(seen.current.index());
        let second = (column + 1 < self.columns).then(|| self.level(row, column + 1));
        let first = (row + 1 < self.settings.rows as usize).then(|| self.level(row + 1, column));
        [second, first].map(|level| level.filter(|level| !self.too_toxic_below(seen, level.index())))
    }

    /// The open neighbours with one step less, that with less of the first agent first.
    fn below(&self, seen: &Counts) -> [Option<Level>; 2] {
        let (row, column) = self.place(seen.current.index());
        let first = row.checked_sub(1).map(|row| self.level(row, column));
        let second = column.checked_sub(1).map(|column| self.level(row, column));
        [first, second].map(|level| level.filter(|level| !self.closed(seen, level.index())))
    }

    /// The open combination with no more of either agent and the greatest total of row and column.
    fn highest_open_below(&self, seen: &Counts, level: Level) -> Level {
        let (row, column) = self.place(level.index());
        let mut best = (Level::FIRST, 0);
        for (index, total) in (0..seen.levels.len()).map(|index| (index, self.place(index))).filter_map(
            |(index, (other_row, other_column))| {
                (other_row <= row && other_column <= column).then_some((index, other_row + other_column))
            },
        ) {
            if total > best.1 && !self.closed(seen, index) {
                best = (Level::at_index(index), total);
            }
        }
        best.0
    }

    fn stops(&self, seen: &Counts) -> bool {
        self.boin.eliminated(seen.at(Level::FIRST)) || self.boin.extra_safe_stops(seen)
    }

    /// The isotonic rates of the whole grid, treated or not.
    fn rates(&self, seen: &Counts) -> Vec<f64> {
        let patients = |count: &Count| f64::from(count.evaluable) + 0.1;
        let values: Vec<f64> =
            seen.levels.iter().map(|count| (f64::from(count.dlt) + 0.05) / patients(count)).collect();
        let weights: Vec<f64> = seen.levels.iter().map(patients).collect();
        isotonic_grid(&values, &weights, self.columns)
    }

    /// For each combination that may be selected, its place, its rounded rate, and the rate that is compared.
    fn candidates(&self, seen: &Counts) -> Vec<(usize, f64, f64)> {
        if self.stops(seen) {
            return Vec::new();
        }
        let compared = |(index, rate): (usize, f64)| {
            let (row, column) = self.place(index);
            let rounded = to_two_decimals(rate);
            (index, rounded, rounded + FOR_EACH_STEP * (row + column + 2) as f64)
        };
        let at_most = if self.settings.bounded_mtd { self.interval().de_escalate } else { f64::INFINITY };
        self.rates(seen)
            .into_iter()
            .enumerate()
            .map(compared)
            .filter(|(index, _, rate)| {
                seen.levels.get(*index).is_some_and(|count| count.evaluable > 0)
                    && *rate < at_most
                    && !self.closed(seen, *index)
            })
            .collect()
    }

    fn nearest(&self, candidates: &[(usize, f64, f64)]) -> Option<(Level, f64)> {
        let mut best: Option<(Level, f64, f64)> = None;
        for &(index, rounded, rate) in candidates {
            let far = (rate - self.target).abs();
            if best.is_none_or(|(_, _, least)| far < least) {
                best = Some((Level::at_index(index), rounded, far));
            }
        }
        best.map(|(level, rounded, _)| (level, rounded))
    }

    fn nearest_by_row(&self, seen: &Counts) -> Vec<Level> {
        let candidates = self.candidates(seen);
        let last = self.columns - 1;
        let mut contour: Vec<Level> = Vec::new();
        // From the most of the first agent down: above a row whose last column is chosen, no row adds one.
        let mut at_last_column = false;
        for row in (0..self.settings.rows as usize).rev() {
            let here: Vec<_> =
                candidates.iter().filter(|(index, ..)| self.place(*index).0 == row).copied().collect();
            let chosen = self.nearest(&here).map(|(level, _)| level).filter(|_| !at_last_column);
            at_last_column = chosen.is_some_and(|level| self.place(level.index()).1 == last);
            contour.extend(chosen);
        }
        contour.reverse();
        contour
    }
}

/// The multiple of 0.01 nearest to a rate, the even one where two are equally near: as R rounds.
fn to_two_decimals(rate: f64) -> f64 {
    let below = libm::floor(rate * 100.0);
    let (low, high) = (below / 100.0, (below + 1.0) / 100.0);
    let (to_low, to_high) = (rate - low, high - rate);
    if to_low < to_high || (to_low == to_high && below % 2.0 == 0.0) { low } else { high }
}

impl Rule for BoinComb {
    fn shared(&self) -> Shared<'_> {
        let shared = self.settings.shared();
        Shared { levels: Some(self.settings.rows * self.settings.columns), ..shared }
    }

    fn decide(&self, seen: &Counts) -> Result<Move, BadData> {
        let (current, count) = (seen.current, seen.here());
        let size = self.settings.cohort_size;
        if self.stops(seen) {
            return Ok(Move::end(None));
        }
        let closed = self.closed(seen, current.index());
        if !closed && self.settings.early_stop_n.is_some_and(|n| count.evaluable >= n) {
            return Ok(Move::end(self.select(seen)?));
        }
        let to = match self.asks(count) {
            _ if closed => {
                let neighbour = self.better(seen, self.below(seen));
                neighbour.unwrap_or_else(|| self.highest_open_below(seen, current))
            }
            Asks::Escalate => self.better(seen, self.above(seen)).unwrap_or(current),
            Asks::Stay => current,
            Asks::DeEscalate => self.better(seen, self.below(seen)).unwrap_or(current),
        };
        Ok(Move::to(current, to, size))
    }

    fn because(&self, seen: &Counts, decided: Move) -> Result<Vec<Because>, BadData> {
        let mut because = self.known_stops(seen);
        if decided.action == Action::Stop {
            return Ok(because);
        }
        let (current, count) = (seen.current, seen.here());
        let (row, column) = self.combination(current);
        let boin::Interval { escalate, de_escalate } = self.boin.interval();
        let here = self.named(current);
        let about = |rule: &str, says: String| {
            Because::new(format!("boin-comb/{rule}"), says)
                .input("level", current)
                .input("row", row)
                .input("column", column)
                .input("evaluable", count.evaluable)
                .input("dlt", count.dlt)
                .input("target", self.target)
                .source(SOURCE)
        };
        let found = format!("{} {} among {} at {here}", count.dlt, plural(count.dlt, "DLT"), count.evaluable);
        let closed = self.closed(seen, current.index());
        if decided.action == Action::Complete {
            let n = self.settings.early_stop_n.unwrap_or(0);
            let says = format!("{} patients at {here}: the trial ends at {n}", count.evaluable);
            because.push(about("early-stop", says).input("early-stop-n", n));
            because.extend(self.because_selected(seen, decided.level)?);
            return Ok(because);
        }
        let neighbours = if closed {
            because.push(about("leave", format!("{here} is closed and left at once")));
            self.below(seen)
        } else {
            match self.asks(count) {
                _ if count.evaluable == 0 => {
                    because.push(about("untreated", format!("nobody has been treated at {here} yet")));
                    return Ok(because);
                }
                Asks::Stay => {
                    let says =
                        format!("{found}: a rate between {escalate:.3} and {de_escalate:.3} asks to stay");
                    because
                        .push(about("stay", says).input("lambda-e", escalate).input("lambda-d", de_escalate));
                    return Ok(because);
                }
                Asks::Escalate => {
                    let says = format!("{found}: a rate of at most {escalate:.3} asks to escalate");
                    because.push(about("escalate", says).input("lambda-e", escalate));
                    self.above(seen)
                }
                Asks::DeEscalate => {
                    let says = format!("{found}: a rate of {de_escalate:.3} or more asks to de-escalate");
                    because.push(about("de-escalate", says).input("lambda-d", de_escalate));
                    self.below(seen)
                }
            }
        };
        let open: Vec<Level> = neighbours.into_iter().flatten().collect();
        let to = decided.level.unwrap_or(current);
        let promises = open
            .iter()
            .map(|level| format!("{} with {:.4}", self.named(*level), self.promise(seen.at(*level))));
        let listed = promises.collect::<Vec<_>>().join(", ");
        because.push(match open.as_slice() {
            [] if to == current => {
                about("no-neighbour", format!("no neighbour there is open or free of DLTs that ask to de-escalate: more patients at {here}"))
            }
            [] => about(
                "highest-open",
                format!("no neighbour is open: {} is the highest that is", self.named(to)),
            ),
            [_] => about("neighbour", format!("{} is the only neighbour open", self.named(to))),
            [first, second] if self.promise(seen.at(*first)) == self.promise(seen.at(*second)) => about(
                "neighbour-tie",
                format!("neighbours equally promising ({listed}): {} has less of the first agent", self.named(to)),
            ),
            _ => about(
                "neighbour",
                format!(
                    "{} is the neighbour most probably between the two rates ({listed}; {FOR_EACH_PATIENT} a patient included)",
                    self.named(to)
                ),
            ),
        });
        Ok(because)
    }

    fn select(&self, seen: &Counts) -> Result<Option<Level>, BadData> {
        Ok(self.nearest(&self.candidates(seen)).map(|(level, _)| level))
    }

    fn because_selected(&self, seen: &Counts, selected: Option<Level>) -> Result<Vec<Because>, BadData> {
        let mut because = self.known_stops(seen);
        let nearest = self.nearest(&self.candidates(seen));
        because.push(match nearest.filter(|(level, _)| Some(*level) == selected) {
            Some((level, rate)) => Because::new(
                "boin-comb/selected",
                format!(
                    "{} is selected: its isotonic rate {rate:.2} is nearest to {}",
                    self.named(level),
                    self.target
                ),
            )
            .input("level", level)
            .input("rate", rate),
            None => Because::new("boin-comb/none-selected", "no treated combination can be selected"),
        });
        if self.settings.mtd_contour {
            let contour = self.nearest_by_row(seen);
            let named: Vec<String> = contour.iter().map(|level| self.named(*level)).collect();
            let says = if named.is_empty() {
                "no combination is on the contour".to_owned()
            } else {
                format!("nearest to {} for each level of the first agent: {}", self.target, named.join(", "))
            };
            let levels: Vec<String> = contour.iter().map(Level::to_string).collect();
            because.push(Because::new("boin-comb/contour", says).input("levels", levels.join(" ")));
        }
        Ok(because.into_iter().map(|because| because.input("target", self.target).source(SOURCE)).collect())
    }

    fn numbers(&self, seen: &Counts) -> Result<Numbers, BadData> {
        let mut levels = beta_numbers(seen, usize::MAX, self.target);
        for (index, at) in levels.iter_mut().enumerate() {
            at.eliminated = self.closed(seen, index);
        }
        Ok(Numbers { levels, parameters: Vec::new() })
    }

    fn numbers_at_end(&self, seen: &Counts) -> Result<Numbers, BadData> {
        let mut numbers = self.numbers(seen)?;
        for (at, rate) in numbers.levels.iter_mut().zip(self.rates(seen)) {
            at.estimate = (at.evaluable > 0).then_some(rate);
        }
        Ok(numbers)
    }

    fn boundaries(&self, evaluable: u32) -> Option<Boundaries> {
        self.boin.boundaries(evaluable)
    }

    fn remembers(&self, _last: Cohort) -> Option<Cohort> {
        None
    }

    fn contour(&self, seen: &Counts) -> Vec<Level> {
        self.nearest_by_row(seen)
    }

    fn known_stops(&self, known: &Counts) -> Vec<Because> {
        let eliminated = known.levels.iter().enumerate().filter(|(_, count)| self.boin.eliminated(**count));
        let mut because: Vec<Because> = eliminated
            .map(|(index, count)| {
                let level = Level::at_index(index);
                let probability = over_target(*count, self.target);
                let says = format!(
                    "{} and all with as much of both agents are eliminated: with {} {} among {} the DLT rate is above {} with probability {probability:.3}",
                    self.named(level),
                    count.dlt,
                    plural(count.dlt, "DLT"),
                    count.evaluable,
                    self.target
                );
                Because::new("boin-comb/eliminate", says)
                    .input("level", level)
                    .input("evaluable", count.evaluable)
                    .input("dlt", count.dlt)
                    .input("probability", probability)
                    .input("elimination", self.settings.elimination)
                    .source(SOURCE)
            })
            .collect();
        if self.boin.extra_safe_stops(known) {
            let first = known.at(Level::FIRST);
            let probability = over_target(first, self.target);
            let says = format!(
                "combination (1, 1) is above {} with probability {probability:.3}: the trial stops under `extra-safe`",
                self.target
            );
            because.push(
                Because::new("boin-comb/extra-safe", says)
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
