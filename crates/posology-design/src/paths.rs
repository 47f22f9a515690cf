//! Dose transition pathways: every course the next cohorts can take, and how probable each is.
//!
//! Source: Yap C, Billingham LJ, Cheung YK, Craddock C, O'Quigley J. Clin Cancer Res 2017;23:7440-7447,
//! doi:10.1158/1078-0432.CCR-17-0582.

use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::characteristics::{BadScenario, Scenario};
use crate::data::{BadData, Cohort, Counts, Data};
use crate::decision::Action;
use crate::design::{Design, Needs};
use crate::graph::{CohortOutcome, outcome_chances, outcomes};
use crate::ladder::Level;

/// The greatest number of pathways that are listed.
pub const PATHS_MAX: usize = 100_000;

/// One course of the next cohorts.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Pathway {
    /// What happens in each cohort, in order; fewer than asked for where the trial ends before.
    pub cohorts: Vec<CohortOutcome>,
    /// What the design then advises.
    pub action: Action,
    /// Where: the next level, or with `complete` the selected one.
    pub level: Option<Level>,
    /// How probable the course is under the truth asked for; none without a truth.
    pub probability: Option<f64>,
}

/// Why there are no pathways.
#[derive(Debug, Clone, PartialEq, Error)]
#[non_exhaustive]
pub enum NoPathways {
    /// The design decides on more than counts, so that outcomes of cohorts do not fix its course.
    #[error("`{design}` decides on more than the counts of cohorts: expected a design on counts")]
    NotOnCounts {
        /// The design.
        design: &'static str,
    },
    /// Too many to list.
    #[error("over {PATHS_MAX} pathways: ask for fewer cohorts")]
    TooMany,
    /// Patients are undecided.
    #[error("{found} patients are undecided, expected none: the pathways begin at a decision")]
    Undecided {
        /// How many.
        found: u32,
    },
    /// The truth does not fit.
    #[error(transparent)]
    Scenario(#[from] BadScenario),
    /// The design gave no answer.
    #[error(transparent)]
    Data(#[from] BadData),
}

/// Every course of the next `cohorts` cohorts after the data, fewest DLTs first, with its probability under a truth.
///
/// ```
/// use posology_design::{Data, Design, paths::pathways};
/// let design: Design = serde_json::from_str(r#"{"design": "3+3", "doses": 3}"#).unwrap();
/// let all = pathways(&design, &Data::from_outcomes(3, "1NNN")?, 1, None).unwrap();
/// let words: Vec<&str> = all.iter().map(|pathway| pathway.action.word()).collect();
/// assert_eq!(words, ["escalate", "stay", "complete", "complete"]);
/// # Ok::<(), posology_design::BadData>(())
/// ```
///
/// # Errors
/// A design on follow-up, undecided patients, a truth that does not fit, or over [`PATHS_MAX`] pathways.
pub fn pathways(
    design: &Design,
    from: &Data,
    cohorts: u32,
    truth: Option<&Scenario>,
) -> Result<Vec<Pathway>, NoPathways> {
    let efficacy = match design.rule().needs() {
        Needs::Counts => false,
        Needs::Efficacy => true,
        Needs::FollowUp => return Err(NoPathways::NotOnCounts { design: design.name() }),
    };
    design.fits(from)?;
    if from.undecided() > 0 {
        return Err(NoPathways::Undecided { found: from.undecided() });
    }
    if let Some(truth) = truth {
        truth.check(from.levels().len(), efficacy)?;
    }
    let mut walk = Walk { design, efficacy, truth, cohorts: Vec::new(), found: Vec::new() };
    walk.go(&from.known(), cohorts, 1.0)?;
    Ok(walk.found)
}

struct Walk<'a> {
    design: &'a Design,
    efficacy: bool,
    truth: Option<&'a Scenario>,
    cohorts: Vec<CohortOutcome>,
    found: Vec<Pathway>,
}

impl Walk<'_> {
    fn go(&mut self, seen: &Counts, left: u32, probability: f64) -> Result<(), NoPathways> {
        let step = self.design.advance(seen)?;
        let next = step.level.filter(|_| step.enrol > 0 && left > 0);
        let Some(level) = next else {
            if self.found.len() == PATHS_MAX {
                return Err(NoPathways::TooMany);
            }
            self.found.push(Pathway {
                cohorts: self.cohorts.clone(),
                action: step.action,
                level: step.level,
                probability: self.truth.map(|_| probability),
            });
            return Ok(());
        };
        let size = u8::try_from(step.enrol).map_err(|_| NoPathways::TooMany)?;
        let chances = self.truth.map(|truth| outcome_chances(truth, level.index(), size, self.efficacy));
        for (place, [dlts, efficacy, both]) in outcomes(size, self.efficacy).into_iter().enumerate() {
            let mut reached = seen.clone();
            if let Some(count) = reached.levels.get_mut(level.index()) {
                count.evaluable += u32::from(size);
                count.dlt += u32::from(dlts);
                count.efficacy += u32::from(efficacy);
                count.both += u32::from(both);
            }
            reached.current = level;
            reached.last = Some(Cohort { patients: u32::from(size), dlts: u32::from(dlts) });
            let chance = chances.as_ref().map_or(1.0, |chances| chances[place]);
            let (patients, dlts, efficacy) = (u32::from(size), u32::from(dlts), u32::from(efficacy));
            self.cohorts.push(CohortOutcome { level, patients, dlts, efficacy, both: u32::from(both) });
            self.go(&reached, left - 1, probability * chance)?;
            self.cohorts.pop();
        }
        Ok(())
    }
}
