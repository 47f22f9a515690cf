//! TITE-Keyboard: the Keyboard design that goes on while earlier patients are still in their window.
//!
//! With nobody pending it is [`crate::keyboard`], decision for decision. With pending patients at the current level the
//! posterior of the DLT rate is Beta(1 + y, 1 + m - y), where y counts DLTs and m, the effective number of patients, is
//! the evaluable plus the weights of the pending ([`crate::late_onset`]); the strongest key decides as before.
//!
//! In this order: a level closed for toxicity is left; more than `suspend-above` of the patients at the level pending,
//! `wait`, unless the known DLTs alone ask to de-escalate; then the keys. While anyone at the level is pending,
//! escalation needs `min-completed` evaluable patients there, and level 1 waits where it asks to de-escalate. As in the
//! paper elimination counts the pending in full, so that a level is not closed for good on few.
//!
//! Source: Lin R, Yuan Y. Biostatistics 2020;21:807-824, doi:10.1093/biostatistics/kxz007. The paper suspends only by
//! the number of complete patients; `suspend-above` is TITE-BOIN's rule besides, and may be set to 0.99.

use std::cmp::Ordering;

use crate::because::Because;
use crate::boin::plural;
use crate::data::{BadData, Cohort, Count, Counts};
use crate::decision::{Move, Numbers};
use crate::design::{Boundaries, Needs, Rule};
use crate::interval::{SAME_COUNT, Tabular};
use crate::keyboard::{self, Keyboard};
use crate::ladder::Level;
use crate::late_onset::{Asked, LateOnset, Weighed, Weights};
use crate::numeric::incomplete_beta;
use crate::settings::{About, Problem, Problems, Shared, settings};
use crate::tite_boin::{isotonic_weighed, nearest, weighed_numbers};

const SOURCE: &str = "Lin R, Yuan Y. Biostatistics 2020;21:807-824, doi:10.1093/biostatistics/kxz007";
/// Two masses whose ratio is so near to 1 are equal.
const SAME_MASS: f64 = 1e-10;

pub(crate) const ABOUT: About =
    About { title: "Time-to-event Keyboard (TITE-Keyboard)", reference: SOURCE, exact: false };

settings! {
    "The settings of a TITE-Keyboard design as a file gives them.";
    /// The window in days: a DLT within it counts.
    window: Option<f64> = None => "required";
    /// What a pending patient counts: `linear`, `adaptive`, a `table` of days and weights, or a `distribution` of onset.
    weights: Option<Weights> = None => "`linear` up to 42 days; longer windows need a choice";
    /// The day that patients must have passed before an escalation.
    min_follow_up: Option<f64> = None => "none";
    /// How many patients at the current level must have passed that day.
    min_follow_up_patients: u32 = 3;
    /// While anyone at the current level is pending, escalation needs so many evaluable patients there.
    min_completed: u32 = 2;
    /// Accrual is suspended while more than this share of the patients at the current level is pending, 0 to below 1.
    suspend_above: f64 = 0.5;
    /// How far below the target the target key begins.
    margin_below: f64 = 0.05;
    /// How far above the target the target key ends.
    margin_above: f64 = 0.05;
    /// A level is eliminated when the posterior probability that its DLT rate exceeds the target is above this.
    elimination: f64 = 0.95;
    /// The fewest patients with whom a level may be eliminated, 1 to 12.
    eliminate_from: u32 = 3;
}

impl Settings {
    /// Everything that is wrong with the settings.
    pub fn check(&self) -> Vec<Problem> {
        let mut problems = self.keyboard().check();
        problems.extend(self.asked().check());
        if !(0.0..1.0).contains(&self.suspend_above) {
            let mend = "give the share of pending patients above which accrual is suspended, such as 0.5";
            problems.push(Problem::new("suspend-above", self.suspend_above, "0 to below 1", mend));
        }
        let mend = "give how many patients must be complete before an escalation, such as 2";
        problems.extend(Problem::unless_among("min-completed", self.min_completed, 0, 100, mend));
        problems
    }

    fn keyboard(&self) -> keyboard::Settings {
        keyboard::Settings {
            doses: self.doses.clone(),
            start: self.start,
            cohort_size: self.cohort_size,
            max_patients: self.max_patients,
            target: self.target,
            margin_below: self.margin_below,
            margin_above: self.margin_above,
            elimination: self.elimination,
            eliminate_from: self.eliminate_from,
        }
    }

    fn asked(&self) -> Asked<'_> {
        Asked {
            window: self.window,
            weights: self.weights.as_ref(),
            min_follow_up: self.min_follow_up,
            min_follow_up_patients: self.min_follow_up_patients,
        }
    }
}

/// A TITE-Keyboard design whose settings hold together.
#[derive(Debug, Clone, PartialEq)]
pub struct TiteKeyboard {
    settings: Settings,
    keyboard: Keyboard,
    target: f64,
    late_onset: LateOnset,
}

impl TryFrom<Settings> for TiteKeyboard {
    type Error = Problems;

    fn try_from(settings: Settings) -> Result<Self, Problems> {
        let problems = settings.check();
        let (Some(target), Some(late_onset), true) =
            (settings.target, settings.asked().late_onset(), problems.is_empty())
        else {
            return Err(Problems(problems));
        };
        let keyboard = Keyboard::try_from(settings.keyboard())?;
        Ok(Self { settings, keyboard, target, late_onset })
    }
}

impl From<TiteKeyboard> for Settings {
    fn from(rule: TiteKeyboard) -> Self {
        rule.settings
    }
}

impl TiteKeyboard {
    /// The posterior probability per width of the key left of the target's, the target's, and the one right of it.
    fn masses(&self, at: Weighed) -> [f64; 3] {
        let (low, high) =
            (self.target - self.settings.margin_below, self.target + self.settings.margin_above);
        let (left, right) = ((2.0 * low - high).max(0.0), (2.0 * high - low).min(1.0));
        let (a, b) = (f64::from(at.dlt) + 1.0, at.effective() - f64::from(at.dlt) + 1.0);
        [(left, low), (low, high), (high, right)]
            .map(|(from, to)| (incomplete_beta(a, b, to) - incomplete_beta(a, b, from)) / (to - from))
    }

    /// Which way the strongest key asks to go. The density has one mode, so that the neighbours of the target key tell.
    fn asks(&self, at: Weighed) -> Ordering {
        if at.pending == 0 {
            let row = Tabular::row(&self.keyboard, at.evaluable);
            return if row.deescalate_min.is_some_and(|least| at.dlt >= least) {
                Ordering::Less
            } else if row.escalate_max.is_some_and(|most| at.dlt <= most) {
                Ordering::Greater
            } else {
                Ordering::Equal
            };
        }
        let (low, high) =
            (self.target - self.settings.margin_below, self.target + self.settings.margin_above);
        let (y, patients) = (f64::from(at.dlt), at.effective());
        let (left, right) = ((2.0 * low - high).max(0.0), (2.0 * high - low).min(1.0));
        // With the mode beyond a neighbour the density only falls, or rises, over all three.
        if y <= left * patients {
            return Ordering::Greater;
        }
        if y >= right * patients {
            return Ordering::Less;
        }
        let [below, target, above] = self.masses(at);
        if above >= target * (1.0 - SAME_MASS) && y > low * patients + SAME_COUNT {
            Ordering::Less
        } else if below > target * (1.0 + SAME_MASS) {
            Ordering::Greater
        } else {
            Ordering::Equal
        }
    }

    fn in_full(levels: &[Weighed], seen: &Counts) -> Counts {
        let full = |at: &Weighed| Count { evaluable: at.treated(), dlt: at.dlt, ..Count::default() };
        Counts { levels: levels.iter().map(full).collect(), pending: Vec::new(), ..seen.clone() }
    }

    /// The answer while somebody is pending: what to do, the rule, and what it says after the counts.
    fn steps(&self, seen: &Counts, levels: &[Weighed]) -> (Move, &'static str, &'static str) {
        let (current, size) = (seen.current, self.settings.cohort_size);
        let here = levels.get(current.index()).copied().unwrap_or_default();
        let closed = Tabular::lowest_closed(&self.keyboard, &Self::in_full(levels, seen));
        if closed == Some(0) {
            return (Move::end(None), "closed", "level 1 is closed");
        }
        let open = closed.map_or(seen.top(), |lowest| Level::at_index(lowest.saturating_sub(1)));
        if open < current {
            return (Move::to(current, open, size), "closed", "the level is closed and left at once");
        }
        let stay = Move::to(current, current, size);
        if here.treated() == 0 {
            return (stay, "untreated", "nobody has been treated here yet");
        }
        let below = current.index().checked_sub(1).map(Level::at_index);
        if f64::from(here.pending) > f64::from(here.treated()) * self.settings.suspend_above {
            let row = Tabular::row(&self.keyboard, here.treated());
            return match below {
                Some(below) if row.deescalate_min.is_some_and(|least| here.dlt >= least) => (
                    Move::to(current, below, size),
                    "known-dlts",
                    "even if none of the pending has a DLT, this asks to de-escalate",
                ),
                _ => (Move::wait(current), "suspended", "too many are pending, so accrual waits for them"),
            };
        }
        let too_few = here.pending > 0 && here.evaluable < self.settings.min_completed;
        match self.asks(here) {
            Ordering::Greater if current >= open => {
                (stay, "no-level-above", "the strongest key lies below the target's, but no open level above")
            }
            Ordering::Greater if too_few => (
                Move::wait(current),
                "min-completed",
                "the strongest key lies below the target's, but too few patients are complete to escalate",
            ),
            Ordering::Greater if self.late_onset.missing_follow_up(seen, current) > 0 => (
                stay,
                "min-follow-up",
                "the strongest key lies below the target's, but too few patients have passed the day of `min-follow-up`",
            ),
            Ordering::Greater => (
                Move::to(current, current.above(), size),
                "escalate",
                "the strongest key lies below the target's: escalate",
            ),
            Ordering::Equal => (stay, "stay", "the target's key is the strongest: stay"),
            Ordering::Less => match below {
                Some(below) => (
                    Move::to(current, below, size),
                    "de-escalate",
                    "the strongest key lies above the target's: de-escalate",
                ),
                None if here.pending > 0 => (
                    Move::wait(current),
                    "no-level-below",
                    "the strongest key lies above the target's, and there is no level below: the pending are awaited",
                ),
                None => (
                    stay,
                    "no-level-below",
                    "the strongest key lies above the target's, and there is no level below",
                ),
            },
        }
    }

    fn candidates(&self, seen: &Counts, levels: &[Weighed]) -> Vec<(Level, f64)> {
        let closed =
            Tabular::lowest_closed(&self.keyboard, &Self::in_full(levels, seen)).unwrap_or(usize::MAX);
        let some = levels.iter().enumerate().take(closed).filter(|(_, at)| at.effective() > 0.0);
        let (places, weighed): (Vec<Level>, Vec<Weighed>) =
            some.map(|(index, at)| (Level::at_index(index), *at)).unzip();
        places.into_iter().zip(isotonic_weighed(&weighed)).collect()
    }
}

impl Rule for TiteKeyboard {
    fn shared(&self) -> Shared<'_> {
        self.settings.shared()
    }

    fn needs(&self) -> Needs {
        Needs::FollowUp
    }

    fn late_onset(&self) -> Option<&LateOnset> {
        Some(&self.late_onset)
    }

    fn decide(&self, seen: &Counts) -> Result<Move, BadData> {
        if seen.pending.is_empty() {
            return self.keyboard.decide(seen);
        }
        Ok(self.steps(seen, &self.late_onset.weigh(seen)).0)
    }

    fn because(&self, seen: &Counts, decided: Move) -> Result<Vec<Because>, BadData> {
        if seen.pending.is_empty() {
            return self.keyboard.because(seen, decided);
        }
        let levels = self.late_onset.weigh(seen);
        let here = levels.get(seen.current.index()).copied().unwrap_or_default();
        let (_, rule, says) = self.steps(seen, &levels);
        let [below, target, above] = self.masses(here);
        let says = format!(
            "{} {} among {} evaluable at level {}, {} pending who count as {:.2}: {says}",
            here.dlt,
            plural(here.dlt, "DLT"),
            here.evaluable,
            seen.current,
            here.pending,
            here.followed
        );
        let mut because = self.known_stops(seen);
        because.push(
            Because::new(format!("tite-keyboard/{rule}"), says)
                .input("level", seen.current)
                .input("evaluable", here.evaluable)
                .input("dlt", here.dlt)
                .input("pending", here.pending)
                .input("weight", here.followed)
                .input("target", self.target)
                .input("mass-below", below)
                .input("mass-target", target)
                .input("mass-above", above)
                .source(SOURCE),
        );
        Ok(because)
    }

    fn select(&self, seen: &Counts) -> Result<Option<Level>, BadData> {
        if seen.pending.is_empty() {
            return self.keyboard.select(seen);
        }
        Ok(nearest(&self.candidates(seen, &self.late_onset.weigh(seen)), self.target))
    }

    fn because_selected(&self, seen: &Counts, selected: Option<Level>) -> Result<Vec<Because>, BadData> {
        if seen.pending.is_empty() {
            return self.keyboard.because_selected(seen, selected);
        }
        let whom = format!("{} pending at their weights", seen.pending.len());
        let mut because = self.known_stops(seen);
        because.push(match selected {
            Some(level) => Because::new(
                "tite-keyboard/selected",
                format!(
                    "level {level} would be selected, {whom}: its isotonic rate is nearest to {}",
                    self.target
                ),
            )
            .input("level", level),
            None => {
                Because::new("tite-keyboard/none-selected", format!("no level would be selected, {whom}"))
            }
        });
        Ok(because.into_iter().map(|because| because.input("target", self.target).source(SOURCE)).collect())
    }

    fn numbers(&self, seen: &Counts) -> Result<Numbers, BadData> {
        if seen.pending.is_empty() {
            return self.keyboard.numbers(seen);
        }
        let levels = self.late_onset.weigh(seen);
        let closed =
            Tabular::lowest_closed(&self.keyboard, &Self::in_full(&levels, seen)).unwrap_or(usize::MAX);
        let rate = |at: Weighed| (at.effective() > 0.0).then(|| f64::from(at.dlt) / at.effective());
        Ok(Numbers { levels: weighed_numbers(&levels, closed, self.target, rate), parameters: Vec::new() })
    }

    fn boundaries(&self, evaluable: u32) -> Option<Boundaries> {
        Rule::boundaries(&self.keyboard, evaluable)
    }

    fn remembers(&self, _last: Cohort) -> Option<Cohort> {
        None
    }

    fn known_stops(&self, known: &Counts) -> Vec<Because> {
        let levels = self.late_onset.weigh(known);
        self.keyboard.known_stops(&Self::in_full(&levels, known))
    }
}
