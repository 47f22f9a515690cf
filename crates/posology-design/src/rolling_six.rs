//! The rolling six design: 2 to 6 patients at a level, and a decision at each enrolment that takes the patients whose
//! window is open as what they are.
//!
//! At a level with so many enrolled, those with a DLT, those complete without one and those pending:
//!
//! | enrolled | DLTs | pending | next patient |
//! |---|---|---|---|
//! | any | 2 or more | any | de-escalate: the level and all above it are closed |
//! | 3 to 5 | 0 | none | escalate |
//! | 6 | 0 | at most 1 | escalate |
//! | 6 | 1 | none | escalate |
//! | 6 | 0 or 1 | more | wait |
//! | fewer | 0 or 1 | else | same level |
//!
//! So a pending patient is never one without a DLT: six patients lead on when at most one of them can still have had
//! one. Where the level above is closed, or there is none, the level is filled to `mtd-patients` and is then the MTD.
//! A level below whose only DLT came late, among fewer than six, is filled to six first, and nothing is escalated or
//! selected while patients pending at a lower level could close it.
//!
//! Source: Skolnik JM, Barrett JS, Jayaraman B, Patel D, Adamson PC. J Clin Oncol 2008;26:190-195,
//! doi:10.1200/JCO.2007.12.7712. Its table begins with two patients: with fewer the level stays. It says nothing of a
//! trial that ends before the MTD has six patients; then `mtd-patients` decides. Left out: replacing patients who are
//! not evaluable, who are not counted here and whose places are free again.

use crate::because::Because;
use crate::data::{BadData, Cohort, Count, Counts};
use crate::decision::{Action, Estimate, Move, Numbers};
use crate::design::{Needs, Rule};
use crate::ladder::Level;
use crate::numeric::clopper_pearson;
use crate::settings::{About, Problem, Problems, Shared, settings};

const SOURCE: &str = "Skolnik JM et al. J Clin Oncol 2008;26:190-195, doi:10.1200/JCO.2007.12.7712";
/// Patients that may be enrolled before anything is decided.
const AT_ONCE: u32 = 2;
/// Patients without a DLT, all complete, that lead to the next level.
const CLEARS_FROM: u32 = 3;
/// The greatest number of patients at a level.
const SIX: u32 = 6;

pub(crate) const ABOUT: About = About { title: "Rolling six", reference: SOURCE, exact: false };

settings! {
    "The settings of a rolling six design as a file gives them. It decides at each enrolment, so that a `cohort-size`
other than 3, its default, or 1 is refused; it does not read `target`.";
    /// Patients a level needs to be selected, 3 to 6: with 6 at most one DLT, with fewer none.
    mtd_patients: u32 = 6;
}

impl Settings {
    /// Everything that is wrong with the settings.
    pub fn check(&self) -> Vec<Problem> {
        let mut problems = self.shared().check();
        let mend = "give the patients a level needs to be selected, 6 as published";
        problems.extend(Problem::unless_among("mtd-patients", self.mtd_patients, CLEARS_FROM, SIX, mend));
        if ![1, 3].contains(&self.cohort_size) {
            let mend = "leave it out: the rule decides at each enrolment";
            problems.push(Problem::new("cohort-size", self.cohort_size, "1, or 3 as by default", mend));
        }
        problems
    }
}

/// A rolling six design whose settings hold together.
#[derive(Debug, Clone, PartialEq)]
pub struct RollingSix(Settings);

impl TryFrom<Settings> for RollingSix {
    type Error = Problems;

    fn try_from(settings: Settings) -> Result<Self, Problems> {
        let problems = settings.check();
        if problems.is_empty() { Ok(Self(settings)) } else { Err(Problems(problems)) }
    }
}

impl From<RollingSix> for Settings {
    fn from(rule: RollingSix) -> Self {
        rule.0
    }
}

/// The patients at one level.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Patients {
    enrolled: u32,
    dlt: u32,
    pending: u32,
}

/// What a row of the published table says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Verdict {
    Closed,
    Cleared,
    /// The next patient may enter here.
    Enrols,
    /// Nobody may enter until more is known.
    Waits,
}

impl Patients {
    fn at(seen: &Counts, level: Level) -> Self {
        let (count, pending) = (seen.at(level), seen.pending_at(level));
        Self { enrolled: count.evaluable.saturating_add(pending), dlt: count.dlt, pending }
    }

    fn verdict(self) -> Verdict {
        let Self { enrolled, dlt, pending } = self;
        match dlt {
            2.. => Verdict::Closed,
            _ if enrolled >= SIX && dlt + pending <= 1 => Verdict::Cleared,
            0 if enrolled >= CLEARS_FROM && pending == 0 => Verdict::Cleared,
            _ if enrolled < SIX => Verdict::Enrols,
            _ => Verdict::Waits,
        }
    }

    /// Whether the pending could bring the level to two DLTs.
    fn may_close(self) -> bool {
        self.dlt.saturating_add(self.pending) >= 2
    }

    fn enrols(self) -> u32 {
        AT_ONCE.saturating_sub(self.enrolled).max(1)
    }

    fn words(self, level: Level) -> String {
        let Self { enrolled, dlt, pending } = self;
        let dlts = if dlt == 1 { "1 DLT".to_owned() } else { format!("{dlt} DLTs") };
        format!("{enrolled} enrolled at level {level}, {dlts}, {pending} pending")
    }
}

/// Why the rule goes where it goes: the level it looked at, and the name and words of the row.
struct Step {
    to: Move,
    level: Level,
    rule: &'static str,
    says: String,
}

impl RollingSix {
    fn lowest_closed(seen: &Counts) -> Option<Level> {
        seen.levels.iter().position(|count| count.dlt >= 2).map(Level::at_index)
    }

    /// The first level, from the bottom up, that known DLTs or pending patients can close.
    fn lowest_doubtful(seen: &Counts) -> Option<Level> {
        let levels = (0..seen.levels.len()).map(Level::at_index);
        levels.into_iter().find(|level| Patients::at(seen, *level).may_close())
    }

    /// The lowest level below this one with one DLT among fewer than six; this one if there is none.
    fn reopened_below(seen: &Counts, level: Level) -> Level {
        let waits = |count: &Count| count.dlt == 1 && count.evaluable < SIX;
        let open = |index: &usize| Patients::at(seen, Level::at_index(*index)).enrolled < SIX;
        let lower = seen.levels.iter().take(level.index());
        let found = lower.enumerate().filter(|(_, count)| waits(count)).map(|(index, _)| index).find(open);
        found.map_or(level, Level::at_index)
    }

    fn step(&self, seen: &Counts) -> Option<Step> {
        let current = seen.current;
        let highest = match Self::lowest_closed(seen) {
            Some(Level::FIRST) => return None,
            Some(closed) => Level::at_index(closed.index() - 1),
            None => seen.top(),
        };
        let mut level = Self::reopened_below(seen, current.min(highest));
        loop {
            let here = Patients::at(seen, level);
            let found = here.words(level);
            let step = |to: Move, rule: &'static str, says: String| Some(Step { to, level, rule, says });
            let doubtful = Self::lowest_doubtful(seen).filter(|doubtful| *doubtful < level);
            match here.verdict() {
                Verdict::Enrols | Verdict::Closed => {
                    let says = format!("{found}: the next patient at level {level}");
                    return step(Move::to(current, level, here.enrols()), "enrol", says);
                }
                Verdict::Waits => {
                    let says = format!("{found}: six are enrolled, and the pending can bring a second DLT");
                    return step(Move::wait(current), "wait", says);
                }
                Verdict::Cleared if doubtful.is_some() => {
                    let below = doubtful.unwrap_or(Level::FIRST);
                    let says = format!(
                        "{found}: cleared, but patients pending at level {below} below can still close it"
                    );
                    return step(Move::wait(current), "wait-below", says);
                }
                Verdict::Cleared if level < highest => {
                    let above = level.above();
                    let there = Patients::at(seen, above);
                    // A level above that is already full is looked at in its turn.
                    if there.enrolled >= SIX {
                        level = above;
                        continue;
                    }
                    let says = format!("{found}: the level is cleared, the next patient at level {above}");
                    return step(Move::to(current, above, there.enrols()), "escalate", says);
                }
                Verdict::Cleared if here.enrolled < self.0.mtd_patients => {
                    let wants = self.0.mtd_patients;
                    let says = format!(
                        "{found}: no open level above, and a level is selected with {wants} patients: the next one here"
                    );
                    return step(Move::to(current, level, 1), "expand-before-selection", says);
                }
                Verdict::Cleared => {
                    let says = format!("{found}: cleared, and no level above is open");
                    return step(Move::end(self.selected(seen)), "highest-open", says);
                }
            }
        }
    }

    fn selected(&self, seen: &Counts) -> Option<Level> {
        let below = Self::lowest_doubtful(seen).map_or(seen.levels.len(), Level::index);
        let qualifies = |level: &Level| {
            let here = Patients::at(seen, *level);
            here.verdict() == Verdict::Cleared && here.enrolled >= self.0.mtd_patients
        };
        (0..below).rev().map(Level::at_index).find(qualifies)
    }

    fn about(rule: &str, says: String, seen: &Counts, level: Level) -> Because {
        let Patients { enrolled, dlt, pending } = Patients::at(seen, level);
        Because::new(format!("rolling-6/{rule}"), says)
            .input("level", level)
            .input("enrolled", enrolled)
            .input("dlt", dlt)
            .input("pending", pending)
            .source(SOURCE)
    }
}

impl Rule for RollingSix {
    fn shared(&self) -> Shared<'_> {
        self.0.shared()
    }

    fn needs(&self) -> Needs {
        Needs::FollowUp
    }

    fn begin(&self) -> Move {
        Move { action: Action::Start, level: Level::new(self.0.start), enrol: AT_ONCE }
    }

    fn decide(&self, seen: &Counts) -> Result<Move, BadData> {
        Ok(self.step(seen).map_or(Move::end(None), |step| step.to))
    }

    fn because(&self, seen: &Counts, decided: Move) -> Result<Vec<Because>, BadData> {
        let mut because = self.known_stops(seen);
        match self.step(seen) {
            Some(step) => because.push(Self::about(step.rule, step.says, seen, step.level)),
            None => {
                let says = "no level is left below level 1: none is tolerated".to_owned();
                because.push(Self::about("no-level-left", says, seen, Level::FIRST));
            }
        }
        if decided.action == Action::Complete {
            because.extend(self.because_selected(seen, decided.level)?.into_iter().last());
        }
        Ok(because)
    }

    fn select(&self, seen: &Counts) -> Result<Option<Level>, BadData> {
        Ok(self.selected(seen))
    }

    fn because_selected(&self, seen: &Counts, selected: Option<Level>) -> Result<Vec<Because>, BadData> {
        let mut because = self.known_stops(seen);
        let wants = self.0.mtd_patients;
        because.push(match selected {
            Some(level) => {
                let says = format!(
                    "level {level} is the MTD: {}, the highest level that is cleared with {wants} patients or more",
                    Patients::at(seen, level).words(level)
                );
                Self::about("selected", says, seen, level)
            }
            None => {
                let says =
                    format!("no level is cleared with {wants} patients or more that the pending cannot close");
                Self::about("none-selected", says, seen, seen.current)
            }
        });
        Ok(because)
    }

    /// The rule compares counts; the interval is that of Clopper and Pearson, over the patients not pending.
    fn numbers(&self, seen: &Counts) -> Result<Numbers, BadData> {
        let closed = Self::lowest_closed(seen);
        let at = |(index, count): (usize, &Count)| {
            let interval = clopper_pearson(count.dlt, count.evaluable, 0.95);
            Estimate {
                evaluable: count.evaluable,
                dlt: count.dlt,
                estimate: (count.evaluable > 0).then(|| f64::from(count.dlt) / f64::from(count.evaluable)),
                lower: interval.map(|interval| interval.0),
                upper: interval.map(|interval| interval.1),
                eliminated: closed.is_some_and(|closed| closed.index() <= index),
                ..Estimate::default()
            }
        };
        Ok(Numbers { levels: seen.levels.iter().enumerate().map(at).collect(), parameters: Vec::new() })
    }

    fn remembers(&self, _last: Cohort) -> Option<Cohort> {
        None
    }

    fn in_cohorts(&self) -> bool {
        false
    }

    fn known_stops(&self, known: &Counts) -> Vec<Because> {
        let Some(level) = Self::lowest_closed(known) else { return Vec::new() };
        let above = if level < known.top() { " and all levels above it are" } else { " is" };
        let says = format!("level {level}{above} closed: {}", Patients::at(known, level).words(level));
        vec![Self::about("close-level", says, known, level)]
    }
}
