//! The Keyboard design: which of the equally wide keys of the DLT rate is the strongest, given the current level's counts.
//!
//! The target key is [target - margin-below, target + margin-above]. To both sides of it lie keys of the same width, and
//! at the two ends what is left. The strongest key has the greatest posterior probability per width, Beta(1, 1) prior:
//! left of the target key, escalate; the target key, stay; right of it, de-escalate. Levels are eliminated, left and
//! selected as [`crate::interval`] says.
//!
//! Source: Yan F, Mandrekar SJ, Yuan Y. Clin Cancer Res 2017;23:3994-4003, doi:10.1158/1078-0432.CCR-17-0220. As in R's
//! Keyboard 0.1.3 the partial keys at 0 and 1 count by their own width, and of two keys equally strong the higher one is
//! taken. That package's printed table eliminates from the first patient on, its simulation from the third: here
//! `eliminate-from` says which.

use crate::because::Because;
use crate::data::Count;
use crate::design::Boundaries;
use crate::interval::{
    Elimination, Rows, SAME_COUNT, Tabular, Verdict, check_margins, row, unit_probability_mass,
};
use crate::settings::{About, Problem, Problems, Shared, settings};

const SOURCE: &str =
    "Yan F, Mandrekar SJ, Yuan Y. Clin Cancer Res 2017;23:3994-4003, doi:10.1158/1078-0432.CCR-17-0220";
/// Two masses whose ratio is so near to 1 are equal.
const SAME_MASS: f64 = 1e-10;

pub(crate) const ABOUT: About = About { title: "Keyboard", reference: SOURCE, exact: true };

settings! {
    "The settings of a Keyboard design as a file gives them.";
    /// How far below the target the target key begins.
    margin_below: f64 = 0.05;
    /// How far above the target the target key ends.
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

/// A Keyboard design whose settings hold together.
#[derive(Debug, Clone, PartialEq)]
pub struct Keyboard {
    settings: Settings,
    keys: Keys,
    rows: Rows,
}

impl TryFrom<Settings> for Keyboard {
    type Error = Problems;

    fn try_from(settings: Settings) -> Result<Self, Problems> {
        let problems = settings.check();
        let (Some(target), true) = (settings.target, problems.is_empty()) else {
            return Err(Problems(problems));
        };
        let Settings { margin_below, margin_above, elimination, eliminate_from, .. } = settings;
        let eliminates = Elimination { target, above: elimination, from: eliminate_from };
        let keys = Keys::equally_wide(target - margin_below, target + margin_above, eliminates);
        let rows = Rows::ahead(settings.max_patients, |n| keys.row(n));
        Ok(Self { settings, keys, rows })
    }
}

impl From<Keyboard> for Settings {
    fn from(design: Keyboard) -> Self {
        design.settings
    }
}

/// The target interval of the DLT rate and its two neighbours. The posterior density has one mode, so that the
/// strongest of all intervals lies left of the target's exactly when its left neighbour is the stronger of those two, and
/// right exactly when its right neighbour is: the others need not be looked at.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Keys {
    /// Where the left neighbour begins.
    left: f64,
    pub(crate) low: f64,
    pub(crate) high: f64,
    /// Where the right neighbour ends.
    right: f64,
    pub(crate) eliminates: Elimination,
}

impl Keys {
    /// Keys of the target interval's width to both sides, the last ones cut off at 0 and 1.
    pub(crate) fn equally_wide(low: f64, high: f64, eliminates: Elimination) -> Self {
        let width = high - low;
        Self { left: (low - width).max(0.0), low, high, right: (high + width).min(1.0), eliminates }
    }

    /// One interval to each side: from 0, and to 1.
    pub(crate) fn of_three(low: f64, high: f64, eliminates: Elimination) -> Self {
        Self { left: 0.0, low, high, right: 1.0, eliminates }
    }

    pub(crate) fn row(&self, n: u32) -> Boundaries {
        row(n, self.eliminates.least(n), |dlts| self.says(dlts, n))
    }

    fn says(&self, dlts: u32, n: u32) -> Verdict {
        let (y, patients) = (f64::from(dlts), f64::from(n));
        // With the mode beyond a neighbour the density only falls, or rises, over all three.
        if y <= self.left * patients {
            return Verdict::Escalate;
        }
        if y >= self.right * patients {
            return Verdict::DeEscalate;
        }
        let [left, target, right] = self.masses(dlts, n);
        if right >= target * (1.0 - SAME_MASS) && y > self.low * patients + SAME_COUNT {
            Verdict::DeEscalate
        } else if left > target * (1.0 + SAME_MASS) {
            Verdict::Escalate
        } else {
            Verdict::Stay
        }
    }

    /// Posterior probability per width of the left neighbour, the target interval and the right neighbour.
    pub(crate) fn masses(&self, dlts: u32, n: u32) -> [f64; 3] {
        let Self { left, low, high, right, .. } = *self;
        [(left, low), (low, high), (high, right)].map(|(a, b)| unit_probability_mass(dlts, n, a, b))
    }

    /// Which interval is the strongest, after the counts.
    pub(crate) fn explain(&self, name: &str, because: Because, count: Count, verdict: Verdict) -> Because {
        let [left, target, right] = self.masses(count.dlt, count.evaluable);
        let interval = format!("{:.3} to {:.3}", self.low, self.high);
        let says = match verdict {
            Verdict::Escalate => format!(
                "the strongest {name} lies below the target's, {interval} (probability per width {left:.3} below, {target:.3} in it): escalate"
            ),
            Verdict::Stay => {
                format!(
                    "the target's {name}, {interval}, is the strongest (probability per width {target:.3}): stay"
                )
            }
            Verdict::DeEscalate | Verdict::Eliminate => format!(
                "the strongest {name} lies above the target's, {interval} (probability per width {right:.3} above, {target:.3} in it): de-escalate"
            ),
        };
        Because { says: format!("{}: {says}", because.says), ..because }
            .input("mass-below", left)
            .input("mass-target", target)
            .input("mass-above", right)
    }
}

impl Tabular for Keyboard {
    const NAME: &'static str = "keyboard";
    const SOURCE: &'static str = SOURCE;

    fn shared(&self) -> Shared<'_> {
        self.settings.shared()
    }

    fn row(&self, n: u32) -> Boundaries {
        self.rows.at(n, |n| self.keys.row(n))
    }

    fn explain(&self, because: Because, count: Count, verdict: Verdict) -> Because {
        self.keys.explain("key", because, count, verdict)
    }

    fn explain_elimination(&self, because: Because, count: Count) -> Because {
        self.keys.eliminates.because(because, count)
    }
}
