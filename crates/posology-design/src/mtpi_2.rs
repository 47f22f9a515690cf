//! The mTPI-2 design: mTPI with all intervals of the DLT rate as wide as the equivalence interval.
//!
//! To both sides of the equivalence interval, target - margin-below to target + margin-above, lie intervals of the same
//! width, and at the two ends what is left. The one with the greatest posterior probability per width, Beta(1, 1) prior,
//! decides: below the equivalence interval, escalate; the interval itself, stay; above, de-escalate. Levels are
//! eliminated, left and selected as [`crate::interval`] says.
//!
//! Source: Guo W et al. Contemp Clin Trials 2017;58:23-33, doi:10.1016/j.cct.2017.04.006. With the partial intervals taken
//! by their own width the table is that of [`crate::keyboard`], whose reasons speak of keys.

use crate::because::Because;
use crate::data::Count;
use crate::design::Boundaries;
use crate::interval::{Elimination, Rows, Tabular, Verdict, check_margins};
use crate::keyboard::Keys;
use crate::settings::{About, Problem, Problems, Shared, settings};

const SOURCE: &str =
    "Guo W, Wang SJ, Yang S, Lynn H, Ji Y. Contemp Clin Trials 2017;58:23-33, doi:10.1016/j.cct.2017.04.006";

pub(crate) const ABOUT: About = About { title: "mTPI-2", reference: SOURCE, exact: true };

settings! {
    "The settings of an mtpi-2 design as a file gives them.";
    /// How far below the target the equivalence interval begins (epsilon 1 of the paper).
    margin_below: f64 = 0.05;
    /// How far above the target the equivalence interval ends (epsilon 2 of the paper).
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

/// An mtpi-2 design whose settings hold together.
#[derive(Debug, Clone, PartialEq)]
pub struct Mtpi2 {
    settings: Settings,
    keys: Keys,
    rows: Rows,
}

impl TryFrom<Settings> for Mtpi2 {
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

impl From<Mtpi2> for Settings {
    fn from(design: Mtpi2) -> Self {
        design.settings
    }
}

impl Tabular for Mtpi2 {
    const NAME: &'static str = "mtpi-2";
    const SOURCE: &'static str = SOURCE;

    fn shared(&self) -> Shared<'_> {
        self.settings.shared()
    }

    fn row(&self, n: u32) -> Boundaries {
        self.rows.at(n, |n| self.keys.row(n))
    }

    fn explain(&self, because: Because, count: Count, verdict: Verdict) -> Because {
        self.keys.explain("interval", because, count, verdict)
    }

    fn explain_elimination(&self, because: Because, count: Count) -> Because {
        self.keys.eliminates.because(because, count)
    }
}
