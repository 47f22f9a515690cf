//! The i3+3 design: the observed DLT rate against an interval around the target, with one allowance for a rate that
//! one DLT alone brought above it.
//!
//! With y DLTs among n evaluable patients at the current level: y/n below the interval, escalate; inside, stay; above,
//! de-escalate, unless (y - 1)/n is below it, when the trial stays. The interval is closed: a rate at its edge is inside.
//! Levels are eliminated, left and selected as [`crate::interval`] says.
//!
//! Source: Liu M, Wang SJ, Ji Y. J Biopharm Stat 2020;30:294-304, doi:10.1080/10543406.2019.1636811. The isotonic rates
//! at the end are those of R's BOIN, (y + 0.05)/(n + 0.1), as in all our designs of this kind.

use crate::because::Because;
use crate::data::Count;
use crate::design::Boundaries;
use crate::interval::{Elimination, Rows, SAME_COUNT, Tabular, Verdict, check_margins, row};
use crate::settings::{About, Problem, Problems, Shared, settings};

const SOURCE: &str =
    "Liu M, Wang SJ, Ji Y. J Biopharm Stat 2020;30:294-304, doi:10.1080/10543406.2019.1636811";

pub(crate) const ABOUT: About = About { title: "i3+3", reference: SOURCE, exact: true };

settings! {
    "The settings of an i3+3 design as a file gives them.";
    /// How far below the target a DLT rate is still on target.
    margin_below: f64 = 0.05;
    /// How far above the target a DLT rate is still on target.
    margin_above: f64 = 0.05;
    /// A level is eliminated when the posterior probability that its DLT rate exceeds the target is above this.
    elimination: f64 = 0.95;
    /// The fewest evaluable patients with whom a level may be eliminated, 1 to 12.
    eliminate_from: u32 = 3;
}

impl Settings {
    /// Everything that is wrong with the settings.
    pub fn check(&self) -> Vec<Problem> {
        let mut problems = self.shared().check_with_target();
        problems.extend(check_margins(self.target, self.margin_below, self.margin_above));
        problems.extend(Elimination::check(self.elimination, self.eliminate_from));
        problems
    }
}

/// An i3+3 design whose settings hold together.
#[derive(Debug, Clone, PartialEq)]
pub struct I3Plus3 {
    settings: Settings,
    rule: Interval,
    rows: Rows,
}

/// The numbers the rule compares with.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Interval {
    low: f64,
    high: f64,
    eliminates: Elimination,
}

impl TryFrom<Settings> for I3Plus3 {
    type Error = Problems;

    fn try_from(settings: Settings) -> Result<Self, Problems> {
        let problems = settings.check();
        let (Some(target), true) = (settings.target, problems.is_empty()) else {
            return Err(Problems(problems));
        };
        let Settings { margin_below, margin_above, elimination, eliminate_from, .. } = settings;
        let eliminates = Elimination { target, above: elimination, from: eliminate_from };
        let rule = Interval { low: target - margin_below, high: target + margin_above, eliminates };
        let rows = Rows::ahead(settings.max_patients, |n| rule.row(n));
        Ok(Self { settings, rule, rows })
    }
}

impl From<I3Plus3> for Settings {
    fn from(design: I3Plus3) -> Self {
        design.settings
    }
}

impl Interval {
    fn row(&self, n: u32) -> Boundaries {
        row(n, self.eliminates.least(n), |dlts| self.says(dlts, n))
    }

    fn says(&self, dlts: u32, n: u32) -> Verdict {
        if self.below(dlts, n) {
            Verdict::Escalate
        } else if self.above(dlts, n) && !self.below(dlts.saturating_sub(1), n) {
            Verdict::DeEscalate
        } else {
            Verdict::Stay
        }
    }

    fn below(&self, dlts: u32, n: u32) -> bool {
        f64::from(dlts) < self.low * f64::from(n) - SAME_COUNT
    }

    fn above(&self, dlts: u32, n: u32) -> bool {
        f64::from(dlts) > self.high * f64::from(n) + SAME_COUNT
    }
}

impl Tabular for I3Plus3 {
    const NAME: &'static str = "i3+3";
    const SOURCE: &'static str = SOURCE;

    fn shared(&self) -> Shared<'_> {
        self.settings.shared()
    }

    fn row(&self, n: u32) -> Boundaries {
        self.rows.at(n, |n| self.rule.row(n))
    }

    fn explain(&self, because: Because, count: Count, verdict: Verdict) -> Because {
        let Interval { low, high, .. } = self.rule;
        let interval = format!("the interval {low:.3} to {high:.3}");
        let says = match verdict {
            Verdict::Escalate => format!("a rate below {interval} asks to escalate"),
            Verdict::Stay if self.rule.above(count.dlt, count.evaluable) => {
                format!("the rate is above {interval}, but with one DLT less it would be below: stay")
            }
            Verdict::Stay => format!("a rate inside {interval} asks to stay"),
            Verdict::DeEscalate | Verdict::Eliminate => format!(
                "the rate is above {interval}, and with one DLT less it would not be below: de-escalate"
            ),
        };
        let says = format!("{}: {says}", because.says);
        Because { says, ..because }.input("low", low).input("high", high)
    }

    fn explain_elimination(&self, because: Because, count: Count) -> Because {
        self.rule.eliminates.because(because, count)
    }
}
