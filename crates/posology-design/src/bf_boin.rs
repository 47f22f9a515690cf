//! BF-BOIN: BOIN for the escalation, and more patients meanwhile at lower levels that are safe and have shown activity.
//!
//! Two questions, two answers. **Where does the next cohort go?** As in [`crate::boin`], with the backfilled patients
//! counted at their levels; where the counts of a lower level contradict those of the current one, both and all levels
//! between are pooled, and the pooled rate decides. **Which levels are open for backfilling?** [`Backfill`], one entry
//! for each level below the current one, with its reason; [`crate::Design::backfill`] answers it, and
//! [`crate::Design::next`] repeats the reasons.
//!
//! The current level is the one the escalation is at, whoever was treated last. Levels whose counts contradict the
//! current level: where it asks to escalate, those that do not; where it asks to stay or to de-escalate, those that ask
//! to de-escalate. From such a level, b, to the current one the counts are pooled: at most lambda_e escalates, lambda_d or
//! more de-escalates to the highest level k whose counts pooled from b to k are below lambda_d (to the level below b if
//! there is none), else the trial stays. Where several levels contradict, `pool-from` says which is b.
//!
//! Source: Zhao Y, Yuan Y, Korn EL, Freidlin B. Clin Cancer Res 2024;30:673-679, doi:10.1158/1078-0432.CCR-23-2585.
//! Where a default could raise a level this implementation does not: pooling never leads to a higher level than the
//! current level's own counts ask for; a level closed for toxicity closes those above it, as in BOIN; and by default
//! every contradicting level is tried as b, and the lowest answer taken. The paper takes the highest such level, by which
//! one DLT more can lead a level higher: with 5 of 12, 0 of 3 and 0 of 3 at three levels and a target of 0.25 it stays,
//! with 5 of 12, 1 of 3 and 0 of 3 it escalates. Patients pending are left out of both rates, count towards
//! `backfill-cap`, and a possible DLT counts as one. Left out: when patients arrive; titration; and the exact
//! characteristics, which take the cohorts alone and no backfilled patient.

use serde::{Deserialize, Serialize};

use crate::because::Because;
use crate::boin::{self, Boin, plural};
use crate::data::{BadData, Cohort, Count, Counts};
use crate::decision::{Action, Move, Numbers};
use crate::design::{Boundaries, Rule};
use crate::ladder::Level;
use crate::settings::{About, Problem, Problems, Shared, settings};

const SOURCE: &str =
    "Zhao Y, Yuan Y, Korn EL, Freidlin B. Clin Cancer Res 2024;30:673-679, doi:10.1158/1078-0432.CCR-23-2585";

pub(crate) const ABOUT: About =
    About { title: "BOIN with backfilling (BF-BOIN)", reference: SOURCE, exact: false };

/// From which of several contradicting levels the counts are pooled.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum PoolFrom {
    /// From each in turn; the lowest answer is taken.
    #[default]
    Every,
    /// From the highest, as in the paper.
    Highest,
    /// From the lowest.
    Lowest,
}

settings! {
    "The settings of a BF-BOIN design as a file gives them.";
    /// A level is closed for backfilling once it has so many patients, cohorts and pending patients among them.
    backfill_cap: u32 = 12;
    /// A level opens for backfilling once so many of its patients have the efficacy outcome; 0 asks for none.
    backfill_responses: u32 = 1;
    /// From which of several contradicting levels counts are pooled: `every`, `highest` (the paper) or `lowest`.
    pool_from: PoolFrom = PoolFrom::Every => "every";
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
}

impl Settings {
    /// Everything that is wrong with the settings.
    pub fn check(&self) -> Vec<Problem> {
        let mut problems = self.boin().check();
        let mend = "give the patients at one level from which on it is closed for backfilling, such as 12";
        problems.extend(Problem::unless_among("backfill-cap", self.backfill_cap, 1, 1_000, mend));
        let mend = "give the responders that open a level for backfilling, such as 1";
        problems.extend(Problem::unless_among("backfill-responses", self.backfill_responses, 0, 1_000, mend));
        problems
    }

    fn boin(&self) -> boin::Settings {
        boin::Settings {
            doses: self.doses.clone(),
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

/// Whether a level below the current one is open for backfilling, and why.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Backfill {
    /// The level.
    pub level: Level,
    /// Whether further patients may be treated there while the escalation goes on.
    pub open: bool,
    /// The reason.
    pub because: Because,
}

/// A BF-BOIN design whose settings hold together.
#[derive(Debug, Clone, PartialEq)]
pub struct BfBoin {
    settings: Settings,
    boin: Boin,
    target: f64,
}

impl TryFrom<Settings> for BfBoin {
    type Error = Problems;

    fn try_from(settings: Settings) -> Result<Self, Problems> {
        let problems = settings.check();
        let (Some(target), true) = (settings.target, problems.is_empty()) else {
            return Err(Problems(problems));
        };
        let boin = Boin::try_from(settings.boin())?;
        Ok(Self { settings, boin, target })
    }
}

impl From<BfBoin> for Settings {
    fn from(rule: BfBoin) -> Self {
        rule.settings
    }
}

/// What counts ask for by the boundaries of BOIN, in rising order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Asks {
    DeEscalate,
    Stay,
    Escalate,
}

impl Asks {
    fn word(self) -> &'static str {
        match self {
            Self::DeEscalate => "de-escalate",
            Self::Stay => "stay",
            Self::Escalate => "escalate",
        }
    }
}

/// The levels pooled, where a lower level contradicts the current one.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Pooled {
    /// The contradicting level.
    from: Level,
    count: Count,
    asks: Asks,
}

impl BfBoin {
    /// The observed rates at which the rule escalates and de-escalates: those of BOIN.
    pub fn interval(&self) -> boin::Interval {
        self.boin.interval()
    }

    /// Nobody treated contradicts nothing.
    fn asks(&self, count: Count) -> Asks {
        let bounds = self.boin.bounds(count.evaluable);
        if count.evaluable == 0 || bounds.escalate_max.is_some_and(|most| count.dlt <= most) {
            Asks::Escalate
        } else if bounds.deescalate_min.is_some_and(|least| count.dlt >= least) {
            Asks::DeEscalate
        } else {
            Asks::Stay
        }
    }

    fn pool(&self, seen: &Counts, from: Level, to: Level) -> Count {
        let levels = seen.levels.get(from.index()..=to.index()).unwrap_or_default();
        levels.iter().fold(Count::default(), |sum, count| Count {
            evaluable: sum.evaluable.saturating_add(count.evaluable),
            dlt: sum.dlt.saturating_add(count.dlt),
            ..Count::default()
        })
    }

    /// The pooled counts that decide and the level they lead to, where a lower level contradicts the current one.
    fn pooled(&self, seen: &Counts, own: Asks) -> Option<(Pooled, Level)> {
        let at_least = if own == Asks::Escalate { Asks::Escalate } else { Asks::Stay };
        let below = seen.levels.iter().take(seen.current.index()).enumerate();
        let mut contradicting =
            below.filter(|(_, count)| self.asks(**count) < at_least).map(|(index, _)| index);
        match self.settings.pool_from {
            PoolFrom::Highest => contradicting.next_back().map(|index| self.pool_from(seen, own, index)),
            PoolFrom::Lowest => contradicting.next().map(|index| self.pool_from(seen, own, index)),
            PoolFrom::Every => contradicting
                .rev()
                .map(|index| self.pool_from(seen, own, index))
                .min_by_key(|(_, leads_to)| *leads_to),
        }
    }

    fn pool_from(&self, seen: &Counts, own: Asks, index: usize) -> (Pooled, Level) {
        let (current, from) = (seen.current, Level::at_index(index));
        let count = self.pool(seen, from, current);
        let pooled = Pooled { from, count, asks: self.asks(count) };
        if pooled.asks != Asks::DeEscalate {
            return (pooled, self.step(seen, pooled.asks.min(own)));
        }
        let safe =
            |index: &usize| self.asks(self.pool(seen, from, Level::at_index(*index))) != Asks::DeEscalate;
        let highest = (index..current.index()).rev().find(safe);
        (pooled, Level::at_index(highest.unwrap_or(index.saturating_sub(1))))
    }

    fn step(&self, seen: &Counts, asks: Asks) -> Level {
        match asks {
            Asks::Escalate => seen.current.above().min(seen.top()),
            Asks::Stay => seen.current,
            Asks::DeEscalate => Level::at_index(seen.current.index().saturating_sub(1)),
        }
    }

    /// The level that the current level's counts, or the pooled ones, ask for.
    fn asked(&self, seen: &Counts) -> Level {
        let own = self.asks(seen.here());
        self.pooled(seen, own).map_or_else(|| self.step(seen, own), |(_, leads_to)| leads_to)
    }

    fn because_of_level(&self, seen: &Counts, lowest_unsafe: Option<usize>, index: usize) -> Backfill {
        let level = Level::at_index(index);
        let count = seen.at(level);
        let pending = seen.pending_at(level);
        let patients = count.evaluable.saturating_add(pending);
        let Settings { backfill_cap, backfill_responses, .. } = self.settings;
        let found = format!("{} {} among {}", count.dlt, plural(count.dlt, "DLT"), count.evaluable);
        let eliminated = self.boin.lowest_eliminated(seen) == Some(index);
        let (rule, says) = match lowest_unsafe {
            Some(lowest) if lowest == index && eliminated => {
                let says = format!("level {level} is closed for backfilling: {found} eliminate it");
                ("bf-boin/backfill-eliminated", says)
            }
            Some(lowest) if lowest == index => {
                let both = self.pool(seen, level, level.above());
                let says = format!(
                    "level {level} is closed for backfilling: {found}, and {} among {} with the level above, both ask to de-escalate",
                    both.dlt, both.evaluable
                );
                ("bf-boin/backfill-unsafe", says)
            }
            Some(lowest) if lowest < index => {
                let below = Level::at_index(lowest);
                let says =
                    format!("level {level} is closed for backfilling: level {below} below it is closed");
                ("bf-boin/backfill-unsafe-below", says)
            }
            _ if patients >= backfill_cap => {
                let says = format!(
                    "level {level} is closed for backfilling: it has {patients} patients, and `backfill-cap` is {backfill_cap}"
                );
                ("bf-boin/backfill-full", says)
            }
            _ if count.efficacy < backfill_responses => {
                let says = format!(
                    "level {level} is not open for backfilling: {} of its patients with the efficacy outcome, {backfill_responses} wanted",
                    count.efficacy
                );
                ("bf-boin/backfill-inactive", says)
            }
            _ => {
                let left = backfill_cap - patients;
                let says = format!(
                    "level {level} is open for backfilling: below the current level, {found}, {} with the efficacy outcome; room for {left} more",
                    count.efficacy
                );
                ("bf-boin/backfill-open", says)
            }
        };
        let because = Because::new(rule, says)
            .input("level", level)
            .input("evaluable", count.evaluable)
            .input("dlt", count.dlt)
            .input("pending", pending)
            .input("efficacy", count.efficacy)
            .input("backfill-cap", backfill_cap)
            .source(SOURCE);
        Backfill { level, open: rule == "bf-boin/backfill-open", because }
    }
}

impl Rule for BfBoin {
    fn shared(&self) -> Shared<'_> {
        self.settings.shared()
    }

    fn left_out(&self) -> Option<Because> {
        let says = "backfilled patients are left out: the escalation is that of its own cohorts, as if no lower level \
                    were open beside them";
        Some(Because::new("bf-boin/cohorts-only", says).source(SOURCE))
    }

    fn decide(&self, seen: &Counts) -> Result<Move, BadData> {
        let (current, count) = (seen.current, seen.here());
        let size = self.settings.cohort_size;
        let eliminated = self.boin.lowest_eliminated(seen);
        if eliminated == Some(0) || self.boin.extra_safe_stops(seen) {
            return Ok(Move::end(None));
        }
        let open = eliminated.map_or(seen.top(), |lowest| Level::at_index(lowest.saturating_sub(1)));
        let asked = if count.evaluable == 0 { current } else { self.asked(seen) };
        let to = asked.min(open);
        let ends = self.settings.early_stop_n.is_some_and(|n| count.evaluable >= n);
        if to == current && ends && count.evaluable > 0 {
            return Ok(Move::end(self.select(seen)?));
        }
        Ok(Move::to(current, to, size))
    }

    fn because(&self, seen: &Counts, decided: Move) -> Result<Vec<Because>, BadData> {
        let (current, here) = (seen.current, seen.here());
        let own = self.asks(here);
        let Some((pooled, _)) = self.pooled(seen, own).filter(|_| here.evaluable > 0) else {
            return self.boin.because(seen, decided);
        };
        let mut because = self.known_stops(seen);
        if decided.action == Action::Stop {
            return Ok(because);
        }
        let boin::Interval { escalate, de_escalate } = self.boin.interval();
        let says = format!(
            "{} {} among {} at level {current} {} to {}, but level {} does not agree: pooled from there, {} among {} ({:.3}, against {escalate:.3} and {de_escalate:.3}) {} to {}",
            here.dlt,
            plural(here.dlt, "DLT"),
            here.evaluable,
            if here.dlt == 1 { "asks" } else { "ask" },
            own.word(),
            pooled.from,
            pooled.count.dlt,
            pooled.count.evaluable,
            f64::from(pooled.count.dlt) / f64::from(pooled.count.evaluable),
            if pooled.count.dlt == 1 { "asks" } else { "ask" },
            pooled.asks.word()
        );
        let about = |rule: &str, says: String| {
            Because::new(rule, says)
                .input("level", current)
                .input("evaluable", here.evaluable)
                .input("dlt", here.dlt)
                .input("from-level", pooled.from)
                .input("pooled-evaluable", pooled.count.evaluable)
                .input("pooled-dlt", pooled.count.dlt)
                .input("lambda-e", escalate)
                .input("lambda-d", de_escalate)
                .source(SOURCE)
        };
        because.push(about("bf-boin/pooled", says));
        if pooled.asks > own {
            let says =
                format!("pooling never leads above what level {current} itself asks for: {}", own.word());
            because.push(about("bf-boin/pooled-not-higher", says));
        }
        match decided {
            Move { action: Action::Complete, level, .. } => {
                let n = self.settings.early_stop_n.unwrap_or(0);
                let says = format!("{} patients at level {current}: the trial ends at {n}", here.evaluable);
                because.push(about("bf-boin/early-stop", says).input("early-stop-n", n));
                because.extend(self.because_selected(seen, level)?);
            }
            Move { action: Action::DeEscalate, level: Some(level), .. }
                if pooled.asks == Asks::DeEscalate =>
            {
                let says = format!(
                    "level {level} is the highest that is open and, pooled from level {}, does not ask to de-escalate, or the one below",
                    pooled.from
                );
                because.push(about("bf-boin/pooled-to", says));
            }
            _ => {}
        }
        Ok(because)
    }

    fn select(&self, seen: &Counts) -> Result<Option<Level>, BadData> {
        self.boin.select(seen)
    }

    fn because_selected(&self, seen: &Counts, selected: Option<Level>) -> Result<Vec<Because>, BadData> {
        self.boin.because_selected(seen, selected)
    }

    fn numbers(&self, seen: &Counts) -> Result<Numbers, BadData> {
        self.boin.numbers(seen)
    }

    fn numbers_at_end(&self, seen: &Counts) -> Result<Numbers, BadData> {
        self.boin.numbers_at_end(seen)
    }

    fn boundaries(&self, evaluable: u32) -> Option<Boundaries> {
        self.boin.boundaries(evaluable)
    }

    fn remembers(&self, _last: Cohort) -> Option<Cohort> {
        None
    }

    fn known_stops(&self, known: &Counts) -> Vec<Because> {
        self.boin.known_stops(known)
    }

    fn backfill(&self, seen: &Counts) -> Vec<Backfill> {
        let below = seen.current.index();
        let unsafe_by_itself = |index: &usize| {
            let level = Level::at_index(*index);
            let asks_to_leave = |count: Count| self.asks(count) == Asks::DeEscalate;
            asks_to_leave(seen.at(level)) && asks_to_leave(self.pool(seen, level, level.above()))
        };
        let eliminated = self.boin.lowest_eliminated(seen).filter(|index| *index < below);
        let lowest_unsafe = (0..below).find(unsafe_by_itself).into_iter().chain(eliminated).min();
        (0..below).map(|index| self.because_of_level(seen, lowest_unsafe, index)).collect()
    }
}
