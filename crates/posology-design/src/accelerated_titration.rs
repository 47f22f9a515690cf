//! Accelerated titration: single patients, one level up each time, until the first DLT; from then on the 3+3 rule.
//!
//! While nobody has had a DLT, one patient without one leads to the next level. The first DLT ends that for good: its level
//! is filled to the first cohort, and the 3+3 rule goes on there and everywhere, so that a level passed with one patient is
//! filled before it is selected. The top of the ladder is filled too. `cohorts-from` names the level from which whole
//! cohorts are treated whatever was seen.
//!
//! Source: Simon R, Freidlin B, Rubinstein L, Arbuck SG, Collins J, Christian MC. J Natl Cancer Inst 1997;89:1138-1147,
//! doi:10.1093/jnci/89.15.1138, design 2. **Less careful than the paper in one point**: there the second patient with a
//! moderate (grade 2) toxicity ends the single patients too. A design here sees no grades, so the protocol must:
//! set `cohorts-from` to the current level when that happens. Left out: design 1, which is the 3+3 rule itself; designs 3
//! and 4, whose steps are twice as large, since no untried level is skipped; design 4's toxicities of any course; and
//! escalation within a patient.

use crate::because::Because;
use crate::data::{BadData, Cohort, Counts};
use crate::decision::{Action, Move, Numbers};
use crate::design::Rule;
use crate::ladder::{LEVELS_MAX, Level};
use crate::settings::{About, Problem, Problems, Shared, settings};
use crate::three_plus_three::{self, ThreePlusThree, Variant};

const SOURCE: &str =
    "Simon R et al. J Natl Cancer Inst 1997;89:1138-1147, doi:10.1093/jnci/89.15.1138, design 2";

pub(crate) const ABOUT: About = About { title: "Accelerated titration", reference: SOURCE, exact: true };

settings! {
    "The settings of an accelerated titration design as a file gives them. Its cohorts are those of the 3+3 rule; it does
not read `target`.";
    /// The level from which whole cohorts are treated whatever was seen; to be set when a second moderate toxicity ends
    /// the single patients.
    cohorts_from: Option<u32> = None => "none: the first DLT";
    /// What it takes to select a level: `classic`, `korn` or `six-at-mtd`, as in the 3+3 rule.
    variant: Variant = Variant::Classic => "classic";
    /// Patients treated first at a level once single patients have ended, 3 to 5.
    first_cohort: u32 = 3;
    /// Patients at a level that has had one DLT, more than `first-cohort` and at most 12.
    expand_to: u32 = 6;
}

impl Settings {
    /// Everything that is wrong with the settings.
    pub fn check(&self) -> Vec<Problem> {
        let mut problems = self.cohorts().check();
        if let Some(level) = self.cohorts_from {
            let highest = self.shared().levels.unwrap_or(LEVELS_MAX).max(1);
            let mend = "name the level from which whole cohorts are treated, or leave it out";
            problems.extend(Problem::unless_among("cohorts-from", level, 1, highest, mend));
        }
        problems
    }

    fn cohorts(&self) -> three_plus_three::Settings {
        three_plus_three::Settings {
            doses: self.doses.clone(),
            start: self.start,
            cohort_size: self.cohort_size,
            max_patients: self.max_patients,
            target: self.target,
            variant: self.variant,
            first_cohort: self.first_cohort,
            expand_to: self.expand_to,
        }
    }
}

/// An accelerated titration design whose settings hold together.
#[derive(Debug, Clone, PartialEq)]
pub struct AcceleratedTitration {
    settings: Settings,
    cohorts: ThreePlusThree,
}

impl TryFrom<Settings> for AcceleratedTitration {
    type Error = Problems;

    fn try_from(settings: Settings) -> Result<Self, Problems> {
        let problems = settings.check();
        if !problems.is_empty() {
            return Err(Problems(problems));
        }
        let cohorts = ThreePlusThree::try_from(settings.cohorts())?;
        Ok(Self { settings, cohorts })
    }
}

impl From<AcceleratedTitration> for Settings {
    fn from(design: AcceleratedTitration) -> Self {
        design.settings
    }
}

impl AcceleratedTitration {
    /// Whether one patient is enough at a level while nobody has had a DLT.
    fn single_at(&self, level: Level) -> bool {
        self.settings.cohorts_from.is_none_or(|from| level.number() < from)
    }

    /// Patients to treat first at an untried level while nobody has had a DLT.
    fn first_at(&self, level: Level) -> u32 {
        if self.single_at(level) { 1 } else { self.settings.first_cohort }
    }

    /// The move of the single patients; none once they have ended, or where the level needs a whole cohort.
    fn titrates(&self, seen: &Counts) -> Option<Move> {
        let current = seen.current;
        if seen.levels.iter().any(|count| count.dlt > 0) || !self.single_at(current) {
            return None;
        }
        if seen.here().evaluable == 0 {
            return Some(Move::to(current, current, 1));
        }
        (current < seen.top()).then(|| Move::to(current, current.above(), self.first_at(current.above())))
    }

    fn about(rule: &str, says: String, seen: &Counts) -> Because {
        let here = seen.here();
        Because::new(format!("accelerated-titration/{rule}"), says)
            .input("level", seen.current)
            .input("evaluable", here.evaluable)
            .input("dlt", here.dlt)
            .source(SOURCE)
    }
}

impl Rule for AcceleratedTitration {
    fn shared(&self) -> Shared<'_> {
        self.settings.shared()
    }

    fn begin(&self) -> Move {
        let level = Level::new(self.settings.start);
        Move { action: Action::Start, level, enrol: level.map_or(1, |level| self.first_at(level)) }
    }

    fn decide(&self, seen: &Counts) -> Result<Move, BadData> {
        match self.titrates(seen) {
            Some(single) => Ok(single),
            None => self.cohorts.decide(seen),
        }
    }

    fn because(&self, seen: &Counts, decided: Move) -> Result<Vec<Because>, BadData> {
        let current = seen.current;
        if let Some(single) = self.titrates(seen) {
            let says = match single.action {
                Action::Escalate => format!(
                    "no DLT at any level: {} without one at level {current} is enough, and the next {} at level {}",
                    if seen.here().evaluable == 1 { "1 patient" } else { "a cohort" },
                    if single.enrol == 1 {
                        "1 is treated".to_owned()
                    } else {
                        format!("{} are treated", single.enrol)
                    },
                    current.above()
                ),
                _ => format!("nobody has been treated at level {current} yet: one patient there"),
            };
            return Ok(vec![Self::about("single-patient", says, seen)]);
        }
        let says = if seen.levels.iter().any(|count| count.dlt > 0) {
            "a DLT has ended the single patients: the 3+3 rule decides".to_owned()
        } else if self.single_at(current) {
            format!("level {current} is the top of the ladder: the 3+3 rule decides there")
        } else {
            format!(
                "whole cohorts are treated at level {current}, as `cohorts-from` says: the 3+3 rule decides"
            )
        };
        let mut because = vec![Self::about("cohorts", says, seen)];
        because.extend(self.cohorts.because(seen, decided)?);
        Ok(because)
    }

    fn select(&self, seen: &Counts) -> Result<Option<Level>, BadData> {
        self.cohorts.select(seen)
    }

    fn because_selected(&self, seen: &Counts, selected: Option<Level>) -> Result<Vec<Because>, BadData> {
        self.cohorts.because_selected(seen, selected)
    }

    fn numbers(&self, seen: &Counts) -> Result<Numbers, BadData> {
        self.cohorts.numbers(seen)
    }

    fn remembers(&self, _last: Cohort) -> Option<Cohort> {
        None
    }

    fn in_cohorts(&self) -> bool {
        false
    }

    fn known_stops(&self, known: &Counts) -> Vec<Because> {
        self.cohorts.known_stops(known)
    }
}
