//! The cumulative cohort design: the observed DLT rate at the current level against the target, give or take delta.
//!
//! With y DLTs among all n evaluable patients at the current level: y/n at most target - delta, escalate; at least
//! target + delta, de-escalate; between, stay. Levels are left and selected as [`crate::interval`] says.
//!
//! Source: Ivanova A, Flournoy N, Chung Y. J Stat Plan Inference 2007;137:2316-2327, doi:10.1016/j.jspi.2006.07.009. The
//! default of `delta` is the published one: 0.09 for a target of 0.10 to 0.25, 0.10 for 0.30 and 0.35, 0.12 for 0.40, 0.13
//! for 0.45 and 0.50; targets between take the value of the next one below, and outside 0.10 to 0.50 the file must give
//! it. Two things are added to the paper: levels are eliminated as in our other designs of this kind, since no trial is
//! without a stop for a too toxic first level, and no untried level is skipped. At a rate of exactly target + delta the
//! paper's inequality de-escalates; some programs stay there.

use crate::because::Because;
use crate::data::Count;
use crate::design::Boundaries;
use crate::interval::{Elimination, Rows, SAME_COUNT, Tabular, Verdict, row};
use crate::settings::{About, Problem, Problems, Shared, settings};

const SOURCE: &str = "Ivanova A, Flournoy N, Chung Y. J Stat Plan Inference 2007;137:2316-2327, doi:10.1016/j.jspi.2006.07.009";

pub(crate) const ABOUT: About = About { title: "Cumulative cohort design", reference: SOURCE, exact: true };

settings! {
    "The settings of a cumulative cohort design as a file gives them.";
    /// How far from the target a DLT rate asks for another level; below the target and below one less the target.
    delta: Option<f64> = None => "0.09 to 0.13 by target; required below 0.10 and above 0.50";
    /// A level is eliminated when the posterior probability that its DLT rate exceeds the target is above this.
    elimination: f64 = 0.95;
    /// The fewest evaluable patients with whom a level may be eliminated, 1 to 12.
    eliminate_from: u32 = 3;
}

/// The published delta for a target; none outside 0.10 to 0.50.
///
/// ```
/// use posology_design::ccd::published_delta;
/// assert_eq!(published_delta(0.25), Some(0.09));
/// assert_eq!(published_delta(0.33), Some(0.10));
/// assert_eq!(published_delta(0.05), None);
/// ```
pub fn published_delta(target: f64) -> Option<f64> {
    match target {
        0.10..0.30 => Some(0.09),
        0.30..0.40 => Some(0.10),
        0.40..0.45 => Some(0.12),
        0.45..=0.50 => Some(0.13),
        _ => None,
    }
}

impl Settings {
    /// Everything that is wrong with the settings.
    pub fn check(&self) -> Vec<Problem> {
        let mut problems = self.shared().check_with_target();
        if let Some(target) = self.target.filter(|target| *target > 0.0 && *target < 1.0) {
            match self.delta.or(published_delta(target)) {
                Some(delta) => {
                    let mend = "give how far from the target a DLT rate asks for another level, such as 0.10";
                    let most = target.min(1.0 - target);
                    problems.extend(Problem::unless_inside("delta", delta, 0.0, most, mend));
                }
                None => problems.push(Problem::new(
                    "delta",
                    "nothing",
                    "a number: for this target none is published",
                    "give how far from the target a DLT rate asks for another level",
                )),
            }
        }
        problems.extend(Elimination::check(self.elimination, self.eliminate_from));
        problems
    }
}

/// A cumulative cohort design whose settings hold together.
#[derive(Debug, Clone, PartialEq)]
pub struct Ccd {
    settings: Settings,
    rule: Rates,
    rows: Rows,
}

/// The rates the rule compares with.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Rates {
    low: f64,
    high: f64,
    eliminates: Elimination,
}

impl TryFrom<Settings> for Ccd {
    type Error = Problems;

    fn try_from(settings: Settings) -> Result<Self, Problems> {
        let problems = settings.check();
        let delta = settings.delta.or(settings.target.and_then(published_delta));
        let (Some(target), Some(delta), true) = (settings.target, delta, problems.is_empty()) else {
            return Err(Problems(problems));
        };
        let eliminates = Elimination { target, above: settings.elimination, from: settings.eliminate_from };
        let rule = Rates { low: target - delta, high: target + delta, eliminates };
        let rows = Rows::ahead(settings.max_patients, |n| rule.row(n));
        Ok(Self { settings, rule, rows })
    }
}

impl From<Ccd> for Settings {
    fn from(design: Ccd) -> Self {
        design.settings
    }
}

impl Rates {
    fn row(&self, n: u32) -> Boundaries {
        row(n, self.eliminates.least(n), |dlts| {
            let (y, patients) = (f64::from(dlts), f64::from(n));
            if y <= self.low * patients + SAME_COUNT {
                Verdict::Escalate
            } else if y >= self.high * patients - SAME_COUNT {
                Verdict::DeEscalate
            } else {
                Verdict::Stay
            }
        })
    }
}

impl Tabular for Ccd {
    const NAME: &'static str = "ccd";
    const SOURCE: &'static str = SOURCE;

    fn shared(&self) -> Shared<'_> {
        self.settings.shared()
    }

    fn row(&self, n: u32) -> Boundaries {
        self.rows.at(n, |n| self.rule.row(n))
    }

    fn explain(&self, because: Because, _count: Count, verdict: Verdict) -> Because {
        let Rates { low, high, .. } = self.rule;
        let says = match verdict {
            Verdict::Escalate => format!("a rate of at most {low:.3} asks to escalate"),
            Verdict::Stay => format!("a rate between {low:.3} and {high:.3} asks to stay"),
            Verdict::DeEscalate | Verdict::Eliminate => {
                format!("a rate of {high:.3} or more asks to de-escalate")
            }
        };
        let says = format!("{}: {says}", because.says);
        Because { says, ..because }.input("low", low).input("high", high)
    }

    fn explain_elimination(&self, because: Because, count: Count) -> Because {
        self.rule.eliminates.because(because, count)
    }
}
