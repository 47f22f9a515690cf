//! How simulated trials are conducted: what goes wrong in them.

use serde::{Deserialize, Serialize};

use crate::characteristics::Scenario;
use crate::settings::Problem;

/// How trials are conducted. By default outcomes are known at once and nothing goes wrong.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct Conduct {
    /// What goes wrong.
    pub perturbation: Perturbation,
}

/// What goes wrong in the conduct of a trial. Characteristics count what happened to patients; the design sees what
/// was recorded.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct Perturbation {
    /// Probability that a patient leaves, for a reason other than toxicity and before any DLT, and is replaced; 0 to 0.9.
    pub non_evaluable: f64,
    /// Probability that a patient without a DLT is recorded with one.
    pub false_dlt: f64,
    /// Probability that a DLT is not recorded.
    pub missed_dlt: f64,
    /// Probability that a cohort gets one patient more than decided, within `max-patients`.
    pub over_enrolment: f64,
}

impl Conduct {
    /// Everything that is wrong with the settings for these truths.
    pub fn check(&self, _scenarios: &[Scenario]) -> Vec<Problem> {
        self.perturbation.check()
    }
}

impl Perturbation {
    fn check(&self) -> Vec<Problem> {
        let share = |key: &str, found: f64, most: f64, mend: &str| {
            let expected = format!("a probability from 0 to {most}");
            (!(0.0..=most).contains(&found)).then(|| Problem::new(key, found, expected, mend))
        };
        let mend = "give the share of patients who are not evaluable, such as 0.2";
        let mut problems = Vec::from_iter(share("non-evaluable", self.non_evaluable, 0.9, mend));
        let mend = "give the probability that a patient without a DLT is recorded with one, such as 0.05";
        problems.extend(share("false-dlt", self.false_dlt, 1.0, mend));
        let mend = "give the probability that a DLT is not recorded, such as 0.1";
        problems.extend(share("missed-dlt", self.missed_dlt, 1.0, mend));
        let mend = "give the probability that a cohort gets one patient too many, such as 0.1";
        problems.extend(share("over-enrolment", self.over_enrolment, 1.0, mend));
        problems
    }

    /// Whether a patient's second four numbers are read.
    pub(super) fn any(&self) -> bool {
        *self != Self::default()
    }
}
