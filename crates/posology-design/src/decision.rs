//! The one interface of every design: patients by level in, a decision with its reasons out.
//!
//! Start at [`Design::next`]. Patients who are pending, or whose DLT is not adjudicated, are never counted as
//! having none: the design is asked for every way in which they may turn out, and advises only what all agree on.

use serde::{Deserialize, Serialize};

use crate::because::Because;
use crate::data::{BadData, Counts, Data};
use crate::ladder::{Doses, Level};
use crate::settings::{Problems, Settings};
use crate::three_plus_three::ThreePlusThree;

/// The greatest next cohort that [`Design::what_if`] lists.
pub const COHORT_MAX: u32 = 100;

/// What a design advises.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum Action {
    /// Treat the first cohort.
    Start,
    /// Treat the next cohort one level up.
    Escalate,
    /// Treat more patients at the current level.
    Stay,
    /// Treat the next patients at a lower level.
    DeEscalate,
    /// Treat no further patient: no level can be selected.
    Stop,
    /// Treat no further patient: the decision's level is the selected one.
    Complete,
    /// Decide nothing yet: undecided patients can change the answer.
    Wait,
}

impl Action {
    /// The word in files and on screens, such as `de-escalate`.
    pub fn word(self) -> &'static str {
        match self {
            Self::Start => "start",
            Self::Escalate => "escalate",
            Self::Stay => "stay",
            Self::DeEscalate => "de-escalate",
            Self::Stop => "stop",
            Self::Complete => "complete",
            Self::Wait => "wait",
        }
    }

    fn treats(self) -> bool {
        matches!(self, Self::Start | Self::Escalate | Self::Stay | Self::DeEscalate)
    }
}

/// The advice of a design, with its reasons.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Decision {
    /// What to do.
    pub action: Action,
    /// Where: the level of the next patients, the selected level with `complete`, the current level with `wait`;
    /// none with `stop`.
    pub level: Option<Level>,
    /// Patients to treat at that level before the next decision; 0 when none.
    pub enrol: u32,
    /// The reasons, those on known facts first.
    pub because: Vec<Because>,
    /// With undecided patients, the advice for each way in which they may turn out, fewest DLTs first; else empty.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub completions: Vec<Completion>,
}

/// The advice if the undecided patients turn out in one particular way.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Completion {
    /// DLTs among the undecided, at each level that has undecided patients, the lowest first.
    pub dlts: Vec<UndecidedDlts>,
    /// What the design would advise.
    pub action: Action,
    /// Where.
    pub level: Option<Level>,
}

/// DLTs supposed among the undecided patients of one level.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct UndecidedDlts {
    /// The level.
    pub level: Level,
    /// Of the undecided there, how many turn out to have a DLT.
    pub dlts: u32,
    /// Undecided patients there.
    pub undecided: u32,
}

/// The level a design selects at the end of a trial.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Selection {
    /// The selected level; none when no level qualifies, or when undecided patients can change which does.
    pub level: Option<Level>,
    /// Whether undecided patients can change the selection.
    pub awaits: bool,
    /// The reasons.
    pub because: Vec<Because>,
}

/// What would be advised in one case.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct WhatIf {
    /// The case.
    #[serde(flatten)]
    pub case: Case,
    /// The advice in that case.
    pub decision: Decision,
}

/// A case that a committee may ask about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "case", rename_all = "kebab-case")]
pub enum Case {
    /// No undecided patient turns out to have a DLT.
    Best,
    /// Every undecided patient turns out to have a DLT.
    Worst,
    /// So many DLTs among the next patients at the current level, the undecided staying as they are.
    NextCohort {
        /// Evaluable patients in the next cohort.
        patients: u32,
        /// DLTs among them.
        dlts: u32,
    },
}

/// A dose-escalation design: one of a closed set, whole and checked. It is read from a file as [`Settings`].
///
/// ```
/// use posology_design::{Action, Data, Design};
/// let design: Design = serde_json::from_str(r#"{"design": "3+3", "doses": 3}"#).unwrap();
/// let decision = design.next(&Data::from_outcomes(3, "1NNN 2NNP")?)?;
/// assert_eq!(decision.action, Action::Wait); // 0 of 3 would escalate, 1 of 3 would stay
/// assert_eq!(decision.completions.len(), 2);
/// # Ok::<(), posology_design::BadData>(())
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(try_from = "Settings", into = "Settings")]
#[non_exhaustive]
pub enum Design {
    /// The 3+3 rule.
    ThreePlusThree(ThreePlusThree),
}

impl TryFrom<Settings> for Design {
    type Error = Problems;

    fn try_from(settings: Settings) -> Result<Self, Problems> {
        match settings {
            Settings::ThreePlusThree(settings) => settings.try_into().map(Self::ThreePlusThree),
        }
    }
}

impl From<Design> for Settings {
    fn from(design: Design) -> Self {
        match design {
            Design::ThreePlusThree(rule) => Self::ThreePlusThree(rule.into()),
        }
    }
}

impl Design {
    /// What to do next.
    ///
    /// With undecided patients the answer is what every completion agrees on, else `wait`. A possible DLT blocks
    /// escalation until it is adjudicated, even when every completion would escalate. At `max-patients` the
    /// answer is `complete` with the selection of [`Design::mtd`], or `stop` when there is none.
    ///
    /// # Errors
    /// The data's ladder is not the design's, or more patients than `max-patients` were treated.
    pub fn next(&self, data: &Data) -> Result<Decision, BadData> {
        self.fits(data)?;
        if data.undecided() == 0 {
            return Ok(self.next_when_complete(&data.known()));
        }
        let ways = data.completions();
        let answers: Vec<Decision> =
            ways.iter().map(|dlts| self.next_when_complete(&data.completed(dlts))).collect();
        let completions =
            ways.iter().zip(&answers).map(|(dlts, answer)| completion(data, dlts, answer)).collect();
        let (Some(best), Some(worst)) = (answers.first(), answers.last()) else {
            return Ok(self.next_when_complete(&data.known()));
        };
        let agree = answers.iter().all(|answer| (answer.action, answer.level) == (best.action, best.level));
        let blocked = agree && best.action == Action::Escalate && data.possible_dlts() > 0;

        let mut because = self.known_stops(&data.known());
        because.push(if blocked {
            possible_blocks(data, best)
        } else if agree {
            cannot_change(data, ways.len(), best)
        } else {
            can_change(data, &answers)
        });
        because.extend(suppositions(&because, &best.because, &worst.because, agree));
        Ok(if agree && !blocked {
            let enrol = answers.iter().map(|answer| answer.enrol).min().unwrap_or(0);
            Decision { action: best.action, level: best.level, enrol, because, completions }
        } else {
            Decision { action: Action::Wait, level: Some(data.current()), enrol: 0, because, completions }
        })
    }

    /// The level to select if the trial ended with these data, by the design's own rule, over treated levels.
    ///
    /// # Errors
    /// As [`Design::next`].
    pub fn mtd(&self, data: &Data) -> Result<Selection, BadData> {
        self.fits(data)?;
        let selections: Vec<Selection> =
            data.completions().iter().map(|dlts| self.select_when_complete(&data.completed(dlts))).collect();
        let [best, .., worst] = selections.as_slice() else {
            return Ok(self.select_when_complete(&data.known()));
        };
        let agree = selections.iter().all(|selection| selection.level == best.level);
        let (rule, verb) = if agree {
            ("undecided/selection-stands", "cannot")
        } else {
            ("undecided/selection-awaits", "can")
        };
        let says = format!("{} {verb} change which level is selected", undecided_words(data));
        let mut because = self.known_stops(&data.known());
        because.push(Because::new(rule, says).input("undecided", data.undecided()));
        because.extend(suppositions(&because, &best.because, &worst.because, agree));
        Ok(Selection { level: best.level.filter(|_| agree), awaits: !agree, because })
    }

    /// Whether decisions depend on nothing but the evaluable patients and DLTs at each level and the current level.
    pub fn counts_only(&self) -> bool {
        match self {
            Self::ThreePlusThree(_) => true,
        }
    }

    /// The number of levels, if the settings give them; else the data's ladder is taken.
    pub fn levels(&self) -> Option<u32> {
        match self {
            Self::ThreePlusThree(rule) => rule.settings().doses.as_ref().map(Doses::levels),
        }
    }

    /// What would be advised in the cases a committee asks about: with undecided patients the best and the worst
    /// case, then each number of DLTs among the next patients at the current level. `planned_next_cohort` is cut
    /// to the places `max-patients` leaves, and to [`COHORT_MAX`].
    ///
    /// # Errors
    /// As [`Design::next`].
    pub fn what_if(&self, data: &Data, planned_next_cohort: u32) -> Result<Vec<WhatIf>, BadData> {
        self.fits(data)?;
        let mut rows = Vec::new();
        if data.undecided() > 0 {
            let every: Vec<u32> = data.levels().iter().map(|at| at.undecided()).collect();
            let none = vec![0; every.len()];
            for (case, dlts) in [(Case::Best, none), (Case::Worst, every)] {
                rows.push(WhatIf { case, decision: self.next_when_complete(&data.completed(&dlts)) });
            }
        }
        let left = self.max_patients().map_or(u32::MAX, |max| max.saturating_sub(data.patients()));
        let patients = planned_next_cohort.min(left).min(COHORT_MAX);
        if patients > 0 {
            for dlts in 0..=patients {
                let decision = self.next(&data.with_cohort(patients, dlts))?;
                rows.push(WhatIf { case: Case::NextCohort { patients, dlts }, decision });
            }
        }
        Ok(rows)
    }

    fn next_when_complete(&self, counts: &Counts) -> Decision {
        let decision = match self {
            Self::ThreePlusThree(rule) => rule.next(counts),
        };
        let Some(max) = self.max_patients().filter(|_| decision.action.treats()) else {
            return decision;
        };
        let left = max.saturating_sub(counts.patients());
        if left > 0 {
            return Decision { enrol: decision.enrol.min(left), ..decision };
        }
        let selection = self.select_when_complete(counts);
        let says = format!("all {max} patients of `max-patients` have been treated");
        let mut because = vec![Because::new("max-patients", says).input("max-patients", max)];
        because.extend(selection.because);
        let action = if selection.level.is_some() { Action::Complete } else { Action::Stop };
        Decision { action, level: selection.level, enrol: 0, because, completions: Vec::new() }
    }

    fn select_when_complete(&self, counts: &Counts) -> Selection {
        match self {
            Self::ThreePlusThree(rule) => rule.select(counts),
        }
    }

    fn known_stops(&self, known: &Counts) -> Vec<Because> {
        match self {
            Self::ThreePlusThree(rule) => rule.stopped_levels(known),
        }
    }

    fn max_patients(&self) -> Option<u32> {
        match self {
            Self::ThreePlusThree(rule) => rule.settings().max_patients,
        }
    }

    fn fits(&self, data: &Data) -> Result<(), BadData> {
        let found = data.levels().len();
        if let Some(expected) = self.levels().filter(|levels| *levels as usize != found) {
            return Err(BadData::OtherLadder { found, expected });
        }
        let patients = data.patients();
        match self.max_patients().filter(|max| patients > *max) {
            Some(max) => Err(BadData::TooManyPatients { found: patients, max }),
            None => Ok(()),
        }
    }
}

fn completion(data: &Data, dlts: &[u32], answer: &Decision) -> Completion {
    let dlts = data
        .levels()
        .iter()
        .zip(dlts)
        .enumerate()
        .filter(|(_, (at, _))| at.undecided() > 0)
        .map(|(index, (at, dlts))| UndecidedDlts {
            level: Level::at_index(index),
            dlts: *dlts,
            undecided: at.undecided(),
        })
        .collect();
    Completion { dlts, action: answer.action, level: answer.level }
}

fn cannot_change(data: &Data, ways: usize, answer: &Decision) -> Because {
    let (who, advice) = (undecided_words(data), advice_words(answer));
    let says =
        format!("{who} cannot change the advice: each of the {ways} ways they can turn out gives {advice}");
    Because::new("undecided/cannot-change", says).input("undecided", data.undecided()).input("ways", ways)
}

fn can_change(data: &Data, answers: &[Decision]) -> Because {
    let mut advices: Vec<String> = Vec::new();
    for advice in answers.iter().map(advice_words) {
        if !advices.contains(&advice) {
            advices.push(advice);
        }
    }
    let who = undecided_words(data);
    let says = format!("{who} can change the advice: {}", advices.join(", or "));
    Because::new("undecided/can-change", says)
        .input("undecided", data.undecided())
        .input("ways", answers.len())
}

fn possible_blocks(data: &Data, answer: &Decision) -> Because {
    let possible = data.possible_dlts();
    let who =
        if possible == 1 { "1 possible DLT is".to_owned() } else { format!("{possible} possible DLTs are") };
    let says = format!(
        "{who} not adjudicated: no escalation before that, though the counts give {}",
        advice_words(answer)
    );
    Because::new("undecided/possible-dlt", says).input("possible-dlt", possible)
}

/// The reasons of the two extreme completions, without those already told as known: marked as supposed, but said
/// once and plainly where both extremes give them and lead to the same advice.
fn suppositions(told: &[Because], best: &[Because], worst: &[Because], agree: bool) -> Vec<Because> {
    let known = |because: &&Because| {
        told.iter().any(|other| {
            other.rule == because.rule && other.inputs.get("level") == because.inputs.get("level")
        })
    };
    let shared = |because: &Because| agree && best.contains(because) && worst.contains(because);
    let supposed = |condition: &str, because: &Because| Because {
        says: format!("{condition}: {}", because.says),
        ..because.clone()
    };
    let of_best = best.iter().filter(|because| !known(because)).map(|because| {
        if shared(because) { because.clone() } else { supposed("if none of them has a DLT", because) }
    });
    let of_worst = worst
        .iter()
        .filter(|because| !known(because) && !shared(because))
        .map(|because| supposed("if all of them have a DLT", because));
    of_best.chain(of_worst).collect()
}

fn advice_words(decision: &Decision) -> String {
    let word = decision.action.word();
    match (decision.action, decision.level) {
        (Action::Escalate | Action::DeEscalate, Some(level)) => format!("`{word}` to level {level}"),
        (Action::Complete, Some(level)) => format!("`{word}` with level {level} selected"),
        (_, Some(level)) => format!("`{word}` at level {level}"),
        (_, None) => format!("`{word}`"),
    }
}

/// Who is undecided, such as `2 pending patients and 1 with a possible DLT`.
fn undecided_words(data: &Data) -> String {
    let possible = data.possible_dlts();
    let patients = |count: u32| if count == 1 { "patient" } else { "patients" };
    match data.undecided().saturating_sub(possible) {
        0 => format!("{possible} {} with a possible DLT", patients(possible)),
        pending if possible == 0 => format!("{pending} pending {}", patients(pending)),
        pending => format!("{pending} pending {} and {possible} with a possible DLT", patients(pending)),
    }
}
