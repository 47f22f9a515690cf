//! BOIN12: choose the next level by trading efficacy off against toxicity, within a toxicity limit.
//!
//! Each patient has one of four outcomes, worth a utility from 0 (toxicity without efficacy) to 100 (efficacy
//! without toxicity). The observed DLT rate at the current level says which neighbours may come next; of those that
//! are admissible, the one is taken whose mean utility most probably exceeds a benchmark. At the end the maximum
//! tolerated level is found by isotonic regression of toxicity, and of the levels up to it the one with the highest
//! mean utility is selected: the optimal biological level.
//!
//! Source: Lin R, Zhou Y, Yan F, Li D, Yuan Y. BOIN12: Bayesian optimal interval phase I/II trial design for
//! utility-based dose finding in immunotherapy and targeted therapies. JCO Precis Oncol 2020;4:1393-1402,
//! doi:10.1200/PO.20.00257.
//!
//! Where the R package escalation 0.2.3 decides otherwise:
//! - it lowers the level, or falls back to the first, even where that level is closed; here a closed level is never
//!   used, and the trial ends when none is left;
//! - a level that is too toxic does not close those above it there; here it does;
//! - of equally desirable levels it takes the highest among three and the lowest among two; here the lowest, unless
//!   `higher-on-tie` says otherwise;
//! - it leaves for an untried level above after 9 patients; here only under `explore-from`;
//! - its final selection pools raw rates without weights, and compares the desirability, not the mean utility.

use crate::because::Because;
use crate::boin::{beta_numbers, interval, nearest_isotonic, over_target, plural, set_isotonic};
use crate::data::{BadData, Cohort, Count, Counts};
use crate::decision::{Action, Move, Numbers};
use crate::design::{Needs, Rule};
use crate::ladder::Level;
use crate::numeric::{incomplete_beta, incomplete_beta_upper};
use crate::settings::{About, Problem, Problems, Shared, settings};

pub use crate::boin::Interval;

const SOURCE: &str = "Lin R et al. JCO Precis Oncol 2020;4:1393-1402, doi:10.1200/PO.20.00257";
/// Two probabilities this near are the same: the sums of utilities behind them are rounded.
const TIE: f64 = 1e-12;
/// The greatest number of patients at a level in a table of desirability scores.
pub const SCORED_PATIENTS_MAX: u32 = 60;

pub(crate) const ABOUT: About =
    About { title: "BOIN12 (toxicity and efficacy)", reference: SOURCE, exact: true };

settings! {
    "The settings of a BOIN12 design as a file gives them; `target` is the upper limit of the DLT rate (0.35 in the paper).";
    /// The DLT rate below which all three neighbours may come next; less than the target.
    p_under: Option<f64> = None => "0.6 target";
    /// The DLT rate above which the level is lowered; more than the target.
    p_over: Option<f64> = None => "1.4 target";
    /// The lowest efficacy rate worth having.
    efficacy_minimum: f64 = 0.25;
    /// The utility of neither toxicity nor efficacy, 0 to 100; efficacy alone is worth 100, toxicity alone 0.
    utility_none: f64 = 40.0;
    /// The utility of both toxicity and efficacy, 0 to 100.
    utility_both: f64 = 60.0;
    /// Between the two DLT rates the level above may come next only while the current level has fewer patients.
    n_star: u32 = 6;
    /// A level and those above are closed when the DLT rate exceeds the target with at least this probability.
    toxicity_cutoff: f64 = 0.95;
    /// A level is closed when the efficacy rate is below `efficacy-minimum` with at least this probability.
    efficacy_cutoff: f64 = 0.90;
    /// With so many patients at the current level, and no reason to lower it, an untried level above comes next.
    explore_from: Option<u32> = None => "none";
    /// Whether the highest, not the lowest, of equally desirable levels comes next.
    higher_on_tie: bool = false;
    /// The trial ends when the current level has so many patients and the rule would stay there.
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
            let mend = "give a DLT rate below the target, or leave it out for 0.6 of the target";
            problems.extend(Problem::unless_inside("p-under", under, 0.0, target, mend));
            let mend = "give a DLT rate above the target, or leave it out for 1.4 times the target";
            problems.extend(Problem::unless_inside("p-over", over, target, 1.0, mend));
            if 1.0 - target >= self.toxicity_cutoff {
                problems.push(Problem::new(
                    "toxicity-cutoff",
                    self.toxicity_cutoff,
                    format!(
                        "more than {}, the probability that an untried level is above the target",
                        1.0 - target
                    ),
                    "raise the cutoff, or no level could ever be treated",
                ));
            }
        }
        let minimum = self.efficacy_minimum;
        let mend = "give the lowest efficacy rate worth having, such as 0.25";
        problems.extend(Problem::unless_inside("efficacy-minimum", minimum, 0.0, 1.0, mend));
        if minimum < 1.0 && minimum >= self.efficacy_cutoff {
            problems.push(Problem::new(
                "efficacy-cutoff",
                self.efficacy_cutoff,
                format!(
                    "more than {minimum}, the probability that an untried level is below `efficacy-minimum`"
                ),
                "raise the cutoff, or no level could ever be treated",
            ));
        }
        for (key, utility) in [("utility-none", self.utility_none), ("utility-both", self.utility_both)] {
            if !(0.0..=100.0).contains(&utility) {
                let mend =
                    "give the worth of this outcome between toxicity alone (0) and efficacy alone (100)";
                problems.push(Problem::new(key, utility, "0 to 100", mend));
            }
        }
        let mend = "give the number of patients at the current level, such as 6";
        problems.extend(Problem::unless_among("n-star", self.n_star, 1, crate::settings::PATIENTS_MAX, mend));
        for (key, number) in [("explore-from", self.explore_from), ("early-stop-n", self.early_stop_n)] {
            if number == Some(0) {
                let mend = "give the number of patients at the current level, or leave it out";
                problems.push(Problem::new(key, 0, "at least 1", mend));
            }
        }
        problems
    }

    fn rates(&self, target: f64) -> (f64, f64) {
        (self.p_under.unwrap_or(0.6 * target), self.p_over.unwrap_or(1.4 * target))
    }
}

/// A BOIN12 design whose settings hold together.
#[derive(Debug, Clone, PartialEq)]
pub struct Boin12 {
    settings: Settings,
    target: f64,
    stay: Interval,
    /// The mean utility, as a share of 100, that a desirable level exceeds.
    benchmark: f64,
    /// For n = 0, 1, … patients, as far as computed ahead: the least DLTs that close a level, and the responders
    /// below which it is closed.
    closed: Vec<Closed>,
}

#[derive(Debug, Clone, Copy, PartialEq)]
struct Closed {
    toxic_from: u32,
    futile_below: u32,
}

/// One row of the table of rank-based desirability scores: what a level with these counts is worth.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Score {
    /// Evaluable patients at the level.
    pub patients: u32,
    /// DLTs among them.
    pub dlt: u32,
    /// Patients with efficacy.
    pub efficacy: u32,
    /// Patients with both; none where the score does not depend on it, since the utilities of neither and of both
    /// add up to 100.
    pub both: Option<u32>,
    /// The rank of the desirability among the admissible rows of the table, 1 the lowest, ties sharing their mean
    /// rank; none where the counts close the level.
    pub score: Option<f64>,
    /// The posterior probability that the mean utility exceeds the benchmark.
    pub desirability: f64,
}

impl TryFrom<Settings> for Boin12 {
    type Error = Problems;

    fn try_from(settings: Settings) -> Result<Self, Problems> {
        let problems = settings.check();
        let (Some(target), true) = (settings.target, problems.is_empty()) else {
            return Err(Problems(problems));
        };
        let (under, over) = settings.rates(target);
        let Settings { efficacy_minimum: minimum, utility_none: none, utility_both: both, .. } = settings;
        let undesirable = 100.0 * (1.0 - target) * minimum
            + none * (1.0 - target) * (1.0 - minimum)
            + both * target * minimum;
        let benchmark = 0.5 * (undesirable + 100.0) / 100.0;
        let ahead = settings.max_patients.unwrap_or(100).min(500);
        let stay = interval(target, under, over);
        let mut rule = Self { settings, target, stay, benchmark, closed: Vec::new() };
        rule.closed = (0..=ahead).map(|n| rule.compute(n)).collect();
        Ok(rule)
    }
}

impl From<Boin12> for Settings {
    fn from(rule: Boin12) -> Self {
        rule.settings
    }
}

/// Which levels the toxicity at the current one allows next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Allowed {
    /// Nobody is there yet: the current level.
    Here,
    /// The untried level above, to explore it.
    Explore,
    /// A lower level.
    Lower,
    /// The one below and the current one.
    Two,
    /// The one below, the current one and the one above.
    Three,
}

impl Boin12 {
    /// The observed DLT rates at which the choice widens and at which the level is lowered (lambda_e and lambda_d
    /// of the paper).
    ///
    /// ```
    /// use posology_design::boin12::{Boin12, Settings};
    /// let settings = Settings { target: Some(0.35), ..Settings::default() };
    /// let interval = Boin12::try_from(settings)?.interval();
    /// assert!((interval.escalate - 0.276).abs() < 5e-4 && (interval.de_escalate - 0.419).abs() < 5e-4);
    /// # Ok::<(), posology_design::Problems>(())
    /// ```
    pub fn interval(&self) -> Interval {
        self.stay
    }

    /// The mean utility, 0 to 100, that a desirable level exceeds: midway between 100 and the utility at the toxicity
    /// limit and the efficacy minimum, the two being independent.
    pub fn benchmark(&self) -> f64 {
        100.0 * self.benchmark
    }

    /// The table of rank-based desirability scores for levels with these numbers of patients. The ranks, not the
    /// order, depend on which numbers are asked for.
    ///
    /// # Errors
    /// More than [`SCORED_PATIENTS_MAX`] patients at a level: the table would not be read.
    pub fn scores(&self, patients: &[u32]) -> Result<Vec<Score>, Problem> {
        if let Some(most) = patients.iter().find(|n| **n > SCORED_PATIENTS_MAX) {
            let mend = "ask for fewer patients at a level";
            return Err(Problem::new("patients", most, format!("at most {SCORED_PATIENTS_MAX}"), mend));
        }
        let marginal = self.settings.utility_none + self.settings.utility_both == 100.0;
        let mut rows = Vec::new();
        for &n in patients {
            for (dlt, efficacy) in (0..=n).flat_map(|dlt| (0..=n).map(move |efficacy| (dlt, efficacy))) {
                let (least, most) = ((dlt + efficacy).saturating_sub(n), dlt.min(efficacy));
                for both in least..=if marginal { least } else { most } {
                    let count = Count { evaluable: n, dlt, efficacy, both };
                    let both = (!marginal).then_some(both);
                    let desirability = self.desirability(count);
                    let score = (!self.too_toxic(count) && !self.futile(count)).then_some(0.0);
                    rows.push(Score { patients: n, dlt, efficacy, both, score, desirability });
                }
            }
        }
        let mut order: Vec<f64> =
            rows.iter().filter(|row| row.score.is_some()).map(|row| row.desirability).collect();
        order.sort_by(f64::total_cmp);
        for row in rows.iter_mut().filter(|row| row.score.is_some()) {
            let below = order.partition_point(|other| *other < row.desirability - TIE);
            let up_to = order.partition_point(|other| *other <= row.desirability + TIE);
            row.score = Some(0.5 * (below + 1 + up_to) as f64);
        }
        Ok(rows)
    }

    /// The sum of the utilities at a level as a share of 100 each: the successes of the quasi-binomial likelihood.
    fn successes(&self, count: Count) -> f64 {
        let Count { evaluable, dlt, efficacy, both } = count;
        let alone = efficacy.saturating_sub(both);
        let neither = evaluable.saturating_sub(dlt).saturating_sub(alone);
        let Settings { utility_none, utility_both, .. } = self.settings;
        (100.0 * f64::from(alone) + utility_none * f64::from(neither) + utility_both * f64::from(both))
            / 100.0
    }

    /// Pr(mean utility > benchmark) for a Beta(1, 1) prior on the utility as a share of 100.
    fn desirability(&self, count: Count) -> f64 {
        let successes = self.successes(count);
        let failures = (f64::from(count.evaluable) - successes).max(0.0);
        incomplete_beta_upper(1.0 + successes, 1.0 + failures, self.benchmark)
    }

    /// The posterior mean utility, 0 to 100.
    fn mean_utility(&self, count: Count) -> f64 {
        100.0 * (1.0 + self.successes(count)) / (2.0 + f64::from(count.evaluable))
    }

    fn below_minimum(&self, count: Count) -> f64 {
        let responders = f64::from(count.efficacy);
        let others = f64::from(count.evaluable) - responders;
        incomplete_beta(1.0 + responders, 1.0 + others, self.settings.efficacy_minimum)
    }

    fn compute(&self, n: u32) -> Closed {
        let toxic = |dlt: &u32| {
            over_target(Count { evaluable: n, dlt: *dlt, ..Count::default() }, self.target)
                >= self.settings.toxicity_cutoff
        };
        let open = |efficacy: &u32| {
            self.below_minimum(Count { evaluable: n, efficacy: *efficacy, ..Count::default() })
                < self.settings.efficacy_cutoff
        };
        Closed {
            toxic_from: (0..=n).find(toxic).unwrap_or(n + 1),
            futile_below: (0..=n).find(open).unwrap_or(n + 1),
        }
    }

    fn closed(&self, n: u32) -> Closed {
        self.closed.get(n as usize).copied().unwrap_or_else(|| self.compute(n))
    }

    fn too_toxic(&self, count: Count) -> bool {
        count.dlt >= self.closed(count.evaluable).toxic_from
    }

    fn futile(&self, count: Count) -> bool {
        count.efficacy < self.closed(count.evaluable).futile_below
    }

    /// The number of levels below the lowest that its own counts show to be too toxic.
    fn safe_levels(&self, seen: &Counts) -> usize {
        seen.levels.iter().position(|count| self.too_toxic(*count)).unwrap_or(seen.levels.len())
    }

    fn admissible(&self, seen: &Counts, safe: usize, index: usize) -> bool {
        index < safe && seen.levels.get(index).is_some_and(|count| !self.futile(*count))
    }

    fn allowed(&self, seen: &Counts, safe: usize) -> Allowed {
        let Count { evaluable, dlt, .. } = seen.here();
        let (dlts, n) = (f64::from(dlt), f64::from(evaluable));
        if evaluable == 0 {
            return Allowed::Here;
        }
        if dlts >= self.stay.de_escalate * n {
            return Allowed::Lower;
        }
        let above = seen.current.index() + 1;
        let untried = self.admissible(seen, safe, above) && seen.levels[above].evaluable == 0;
        if untried && self.settings.explore_from.is_some_and(|from| evaluable >= from) {
            Allowed::Explore
        } else if dlts <= self.stay.escalate * n || evaluable < self.settings.n_star {
            Allowed::Three
        } else {
            Allowed::Two
        }
    }

    /// The level of the next patients, if any may be treated.
    fn next_level(&self, seen: &Counts) -> Option<Level> {
        let safe = self.safe_levels(seen);
        let here = seen.current.index();
        let open = |index: usize| self.admissible(seen, safe, index);
        let below = || (0..here).rev().find(|index| open(*index));
        let among = match self.allowed(seen, safe) {
            Allowed::Explore => return Some(seen.current.above()),
            Allowed::Here => {
                return Some(here).filter(|index| open(*index)).or_else(below).map(Level::at_index);
            }
            Allowed::Lower => {
                return below().or(Some(here).filter(|index| open(*index))).map(Level::at_index);
            }
            Allowed::Two => here.saturating_sub(1)..=here,
            Allowed::Three => here.saturating_sub(1)..=here + 1,
        };
        let mut best: Option<(usize, f64)> = None;
        for index in among.filter(|index| open(*index)) {
            let desirability = self.desirability(seen.levels[index]);
            let better = best.is_none_or(|(_, most)| {
                if self.settings.higher_on_tie {
                    desirability > most - TIE
                } else {
                    desirability > most + TIE
                }
            });
            if better {
                best = Some((index, desirability));
            }
        }
        best.map(|(index, _)| index).or_else(below).map(Level::at_index)
    }

    /// The maximum tolerated level among treated levels that are not too toxic.
    fn tolerated(&self, seen: &Counts) -> Option<Level> {
        nearest_isotonic(&seen.levels, self.safe_levels(seen), self.target, f64::INFINITY)
            .map(|(level, _)| level)
    }

    fn set_closed_and_efficacy(&self, numbers: &mut Numbers, seen: &Counts) {
        let safe = self.safe_levels(seen);
        for (index, (at, count)) in numbers.levels.iter_mut().zip(&seen.levels).enumerate() {
            at.eliminated = !self.admissible(seen, safe, index);
            at.efficacy =
                (count.evaluable > 0).then(|| f64::from(count.efficacy) / f64::from(count.evaluable));
        }
    }
}

impl Rule for Boin12 {
    fn shared(&self) -> Shared<'_> {
        self.settings.shared()
    }

    fn needs(&self) -> Needs {
        Needs::Efficacy
    }

    fn decide(&self, seen: &Counts) -> Result<Move, BadData> {
        let Some(to) = self.next_level(seen) else {
            return Ok(Move::end(self.select(seen)?));
        };
        let stays = to == seen.current;
        if stays && self.settings.early_stop_n.is_some_and(|n| seen.here().evaluable >= n) {
            return Ok(Move::end(self.select(seen)?));
        }
        Ok(Move::to(seen.current, to, self.settings.cohort_size))
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
        let Interval { escalate, de_escalate } = self.stay;
        let found = format!("{dlt} {} among {evaluable} at level {current}", plural(dlt, "DLT"));
        let safe = self.safe_levels(seen);
        let allowed = self.allowed(seen, safe);
        because.push(match allowed {
            Allowed::Here => {
                about("boin12/untreated", format!("nobody has been treated at level {current} yet"))
            }
            Allowed::Explore => about(
                "boin12/explore",
                format!("{found}: the level above is untried and `explore-from` sends the next patients there"),
            ),
            Allowed::Lower => about(
                "boin12/de-escalate",
                format!("{found}: a rate of {de_escalate:.3} or more asks for a lower level"),
            ),
            Allowed::Two => about(
                "boin12/two-levels",
                format!(
                    "{found}: a rate between {escalate:.3} and {de_escalate:.3} with at least {} patients allows this level or the one below",
                    self.settings.n_star
                ),
            ),
            Allowed::Three if f64::from(dlt) <= escalate * f64::from(evaluable) => about(
                "boin12/three-levels",
                format!("{found}: a rate of at most {escalate:.3} allows this level or a neighbour"),
            ),
            Allowed::Three => about(
                "boin12/three-levels",
                format!(
                    "{found}: a rate between {escalate:.3} and {de_escalate:.3} with fewer than {} patients allows this level or a neighbour",
                    self.settings.n_star
                ),
            ),
        }
        .input("lambda-e", escalate)
        .input("lambda-d", de_escalate));

        let next = self.next_level(seen);
        match (allowed, next) {
            (Allowed::Two | Allowed::Three, Some(to)) if to.index() + 1 >= current.index() => {
                let highest = if allowed == Allowed::Two { current.index() } else { current.index() + 1 };
                let compared: Vec<String> = (current.index().saturating_sub(1)..=highest)
                    .filter(|index| self.admissible(seen, safe, *index))
                    .map(|index| {
                        let desirability = self.desirability(seen.levels[index]);
                        format!("{:.3} at level {}", desirability, Level::at_index(index))
                    })
                    .collect();
                let says = format!(
                    "the probability that the mean utility exceeds {:.1} is {}: level {to} is the most desirable",
                    self.benchmark(),
                    compared.join(", ")
                );
                because.push(about("boin12/desirability", says).input("benchmark", self.benchmark()));
            }
            (Allowed::Lower, Some(to)) if to == current => {
                let says = format!("no open level is below level {current}: more patients there");
                because.push(about("boin12/no-level-below", says));
            }
            (_, Some(to)) if to < current => {
                let says = format!("level {to} is the highest open level below level {current}");
                because.push(about("boin12/open-below", says));
            }
            (_, None) => {
                let says = "none of the levels that may come next is open: the trial ends".to_owned();
                because.push(about("boin12/none-open", says));
            }
            _ => {}
        }
        if matches!(decided.action, Action::Complete | Action::Stop) {
            if let (Some(n), Some(_)) = (self.settings.early_stop_n, next) {
                let says = format!("{evaluable} patients at level {current}: the trial ends at {n}");
                because.push(about("boin12/early-stop", says).input("early-stop-n", n));
            }
            because.push(self.selected(seen, decided.level));
        }
        Ok(because)
    }

    fn select(&self, seen: &Counts) -> Result<Option<Level>, BadData> {
        let Some(tolerated) = self.tolerated(seen) else {
            return Ok(None);
        };
        let safe = self.safe_levels(seen);
        let mut best: Option<(Level, f64)> = None;
        for (index, count) in seen.levels.iter().enumerate().take(tolerated.index() + 1) {
            if count.evaluable == 0 || !self.admissible(seen, safe, index) {
                continue;
            }
            let utility = self.mean_utility(*count);
            if best.is_none_or(|(_, most)| utility > most + 100.0 * TIE) {
                best = Some((Level::at_index(index), utility));
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
        let levels = beta_numbers(seen, usize::MAX, self.target);
        let mut numbers = Numbers { levels, parameters: Vec::new() };
        self.set_closed_and_efficacy(&mut numbers, seen);
        for (at, count) in numbers.levels.iter_mut().zip(&seen.levels) {
            at.utility = Some(100.0 * self.desirability(*count));
        }
        Ok(numbers)
    }

    fn numbers_at_end(&self, seen: &Counts) -> Result<Numbers, BadData> {
        let mut numbers = self.numbers(seen)?;
        set_isotonic(&mut numbers, seen);
        for (at, count) in numbers.levels.iter_mut().zip(&seen.levels) {
            at.utility = Some(self.mean_utility(*count));
        }
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
                Because::new("boin12/too-toxic", says)
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
                let probability = self.below_minimum(*count);
                let says = format!(
                    "level {level} is closed: with {} of {} responding the efficacy rate is below {} with probability {probability:.3}",
                    count.efficacy, count.evaluable, self.settings.efficacy_minimum
                );
                because.push(
                    Because::new("boin12/futile", says)
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

impl Boin12 {
    fn selected(&self, seen: &Counts, selected: Option<Level>) -> Because {
        match (self.tolerated(seen), selected) {
            (Some(tolerated), Some(level)) => {
                let utility = self.mean_utility(seen.at(level));
                let says = format!(
                    "level {level} is selected: of the open levels up to the maximum tolerated level {tolerated} it has the highest mean utility, {utility:.1}"
                );
                Because::new("boin12/selected", says)
                    .input("level", level)
                    .input("tolerated", tolerated)
                    .input("utility", utility)
            }
            _ => Because::new("boin12/none-selected", "no treated level can be selected"),
        }
        .input("target", self.target)
        .source(SOURCE)
    }
}
