//! The modified toxicity probability interval design: under-dosing, equivalence or over-dosing, whichever interval of
//! the DLT rate has the greatest posterior probability per width.
//!
//! The three intervals are 0 to target - margin-below, from there to target + margin-above, and from there to 1; the
//! prior is Beta(1, 1). Under-dosing is the strongest, escalate; equivalence, stay; over-dosing, de-escalate. Levels are
//! eliminated, left and selected as [`crate::interval`] says.
//!
//! Source: Ji Y et al. Clin Trials 2010;7:653-663, doi:10.1177/1740774510382799. Its outer intervals are much wider than
//! the middle one, so that the rule stays at rates well above the target, such as 3 of 6 for a target of 0.30; mTPI-2
//! was made for that. Published tables eliminate with any number of patients; here from `eliminate-from` on.

use crate::because::Because;
use crate::data::Count;
use crate::design::Boundaries;
use crate::interval::{Elimination, Rows, Tabular, Verdict, check_margins};
use crate::keyboard::Keys;
use crate::settings::{About, Problem, Problems, Shared, settings};

const SOURCE: &str = "Ji Y, Liu P, Li Y, Bekele BN. Clin Trials 2010;7:653-663, doi:10.1177/1740774510382799";

pub(crate) const ABOUT: About =
    About { title: "Modified toxicity probability interval design (mTPI)", reference: SOURCE, exact: true };

settings! {
    "The settings of an mtpi design as a file gives them.";
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

/// An mtpi design whose settings hold together.
#[derive(Debug, Clone, PartialEq)]
pub struct Mtpi {
    settings: Settings,
    keys: Keys,
    rows: Rows,
}

impl TryFrom<Settings> for Mtpi {
    type Error = Problems;

    fn try_from(settings: Settings) -> Result<Self, Problems> {
        let problems = settings.check();
        let (Some(target), true) = (settings.target, problems.is_empty()) else {
            return Err(Problems(problems));
        };
        let Settings { margin_below, margin_above, elimination, eliminate_from, .. } = settings;
        let eliminates = Elimination { target, above: elimination, from: eliminate_from };
        let keys = Keys::of_three(target - margin_below, target + margin_above, eliminates);
        let rows = Rows::ahead(settings.max_patients, |n| keys.row(n));
        Ok(Self { settings, keys, rows })
    }
}

impl From<Mtpi> for Settings {
    fn from(design: Mtpi) -> Self {
        design.settings
    }
}

impl Tabular for Mtpi {
    const NAME: &'static str = "mtpi";
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
