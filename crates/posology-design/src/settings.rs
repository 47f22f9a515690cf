//! What a design file says, as written: one of a closed set of designs, each with its own settings.
//!
//! [`Settings`] may hold anything a file can; [`Settings::check`] lists all that is wrong with it, and only
//! settings without a problem become a [`Design`](crate::Design).

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::ladder::{Doses, LEVELS_MAX};
use crate::three_plus_three;

/// The settings of a design, told apart by the key `design`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(tag = "design")]
#[non_exhaustive]
pub enum Settings {
    /// The 3+3 rule.
    #[serde(rename = "3+3")]
    ThreePlusThree(three_plus_three::Settings),
}

impl Settings {
    /// Everything that is wrong with the settings; nothing when a design can be made of them.
    pub fn check(&self) -> Vec<Problem> {
        match self {
            Self::ThreePlusThree(settings) => settings.check(),
        }
    }

    /// The setting `doses`, if given. In a trial the regimens stand for it.
    pub fn doses(&self) -> Option<&Doses> {
        match self {
            Self::ThreePlusThree(settings) => settings.doses.as_ref(),
        }
    }

    /// The settings for a trial whose regimens are these, from the lowest level up. A ladder the settings already
    /// have must agree with them in length, and in names if it has names.
    ///
    /// # Errors
    /// The two ladders differ.
    pub fn for_regimens(mut self, regimens: &[String]) -> Result<Self, Problem> {
        let agree = match self.doses() {
            None => true,
            Some(Doses::Count(count)) => *count as usize == regimens.len(),
            Some(Doses::Labels(labels)) => labels == regimens,
        };
        if !agree {
            let found = match self.doses() {
                Some(Doses::Labels(labels)) => labels.join(", "),
                other => other.map_or(0, Doses::levels).to_string(),
            };
            return Err(Problem::new(
                "doses",
                found,
                format!("the {} regimens of the trial: {}", regimens.len(), regimens.join(", ")),
                "leave `doses` out: in a trial its regimens are the ladder",
            ));
        }
        match &mut self {
            Self::ThreePlusThree(settings) => settings.doses = Some(Doses::Labels(regimens.to_vec())),
        }
        Ok(self)
    }
}

/// One thing wrong with a setting: which, what was found, what was expected and how to mend it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Problem {
    /// The key in the file, such as `first-cohort`.
    pub key: String,
    /// What the file says.
    pub found: String,
    /// What it may say.
    pub expected: String,
    /// How to mend it.
    pub mend: String,
}

impl Problem {
    /// A problem with the setting `key`.
    pub fn new(
        key: impl Into<String>,
        found: impl fmt::Display,
        expected: impl Into<String>,
        mend: impl Into<String>,
    ) -> Self {
        Self { key: key.into(), found: found.to_string(), expected: expected.into(), mend: mend.into() }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { key, found, expected, mend } = self;
        write!(f, "`{key}`: found {found}, expected {expected}: {mend}")
    }
}

/// All that is wrong with the settings of a design, at once.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Problems(pub Vec<Problem>);

impl fmt::Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (position, problem) in self.0.iter().enumerate() {
            write!(f, "{}{problem}", if position == 0 { "" } else { "; " })?;
        }
        Ok(())
    }
}

impl std::error::Error for Problems {}

/// What is wrong with the ladder and the settings that every design shares.
pub(crate) fn check_shared(
    doses: Option<&Doses>,
    start: u32,
    max_patients: Option<u32>,
    target: Option<f64>,
) -> Vec<Problem> {
    let mut problems = Vec::new();
    let levels = doses.map(Doses::levels);
    if let Some(levels) = levels.filter(|levels| !(1..=LEVELS_MAX).contains(levels)) {
        let expected = format!("1 to {LEVELS_MAX} levels");
        problems.push(Problem::new(
            "doses",
            levels,
            expected,
            "give the number of levels, or one label a level",
        ));
    }
    if let Some(Doses::Labels(labels)) = doses {
        let twice = labels.iter().enumerate().find(|(place, label)| labels[..*place].contains(label));
        if let Some((_, label)) = twice {
            let found = format!("`{label}` twice");
            problems.push(Problem::new("doses", found, "labels that differ", "rename one of the two levels"));
        }
    }
    let highest = levels.unwrap_or(LEVELS_MAX).max(1);
    if !(1..=highest).contains(&start) {
        let expected = format!("a level of the ladder, 1 to {highest}");
        problems.push(Problem::new(
            "start",
            start,
            expected,
            "name the level of the first cohort, counted from 1",
        ));
    }
    if max_patients == Some(0) {
        let mend = "give the greatest number of patients, or leave it out";
        problems.push(Problem::new("max-patients", 0, "at least 1", mend));
    }
    if let Some(target) = target.filter(|target| !(*target > 0.0 && *target < 1.0)) {
        let mend = "give the target DLT rate as a probability, such as 0.30";
        problems.push(Problem::new("target", target, "between 0 and 1", mend));
    }
    problems
}
