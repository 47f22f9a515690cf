//! What a design file says: settings declared once, each with its name, default, meaning and check.
//!
//! The declaration of a design's settings is read by the file format, by its errors, by the list of designs and by
//! the web form, so that the four cannot differ.

use std::fmt;

use serde::Serialize;

use crate::ladder::{Doses, LEVELS_MAX};

/// The greatest `max-patients`.
pub const PATIENTS_MAX: u32 = 10_000;
/// The greatest `cohort-size`.
pub const COHORT_SIZE_MAX: u32 = 100;

/// What a design is called and where it comes from.
#[derive(Debug, Clone, Copy)]
pub(crate) struct About {
    /// Its name in words.
    pub(crate) title: &'static str,
    /// The paper, with DOI.
    pub(crate) reference: &'static str,
    /// Whether its operating characteristics are exact sums.
    pub(crate) exact: bool,
}

/// A design in the list of designs.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Listed {
    /// Its name in files, the value of the key `design`.
    pub design: &'static str,
    /// Its name in words.
    pub title: &'static str,
    /// The paper, with DOI.
    pub reference: &'static str,
    /// Whether its operating characteristics are exact sums rather than simulated.
    pub exact: bool,
    /// Its settings, the shared ones first.
    pub settings: Vec<Setting>,
}

impl Listed {
    pub(crate) fn new(design: &'static str, about: &About, settings: Vec<Setting>) -> Self {
        Self { design, title: about.title, reference: about.reference, exact: about.exact, settings }
    }
}

/// One setting of a design.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Setting {
    /// The key in a design file.
    pub name: String,
    /// The default, in words where it depends on other settings.
    pub default: String,
    /// What it means, in the field's words.
    pub meaning: String,
}

impl Setting {
    pub(crate) fn new(field: &str, default: &str, meaning: &str) -> Self {
        let meaning = meaning.split_whitespace().collect::<Vec<_>>().join(" ");
        Self { name: field.replace('_', "-"), default: default.to_owned(), meaning }
    }
}

/// Declares the settings of a design: what they are, then the shared ones of themselves, then its own, each `name: type = default;` or
/// `name: type = default => "the default in words";`, with its meaning as documentation.
macro_rules! settings {
    (
        $outer:literal;
        $( $(#[doc = $doc:literal])+ $field:ident : $type:ty = $default:expr $(=> $shown:literal)? ; )*
    ) => {
        #[doc = $outer]
        #[derive(Debug, Clone, PartialEq, serde::Serialize, serde::Deserialize)]
        #[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
        #[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
        pub struct Settings {
            /// The number of levels or their labels; in a trial its regimens.
            #[serde(skip_serializing_if = "Option::is_none")]
            pub doses: Option<$crate::ladder::Doses>,
            /// The level of the first cohort, from 1.
            pub start: u32,
            /// Patients in a cohort.
            pub cohort_size: u32,
            /// The greatest number of evaluable and undecided patients.
            #[serde(skip_serializing_if = "Option::is_none")]
            pub max_patients: Option<u32>,
            /// The target DLT rate.
            #[serde(skip_serializing_if = "Option::is_none")]
            pub target: Option<f64>,
            $( $(#[doc = $doc])+ pub $field: $type, )*
        }

        impl Default for Settings {
            fn default() -> Self {
                Self {
                    doses: None,
                    start: 1,
                    cohort_size: 3,
                    max_patients: None,
                    target: None,
                    $( $field: $default, )*
                }
            }
        }

        impl Settings {
            pub(crate) fn shared(&self) -> $crate::settings::Shared<'_> {
                $crate::settings::Shared {
                    doses: self.doses.as_ref(),
                    levels: self.doses.as_ref().map($crate::ladder::Doses::levels),
                    start: self.start,
                    cohort_size: self.cohort_size,
                    max_patients: self.max_patients,
                    target: self.target,
                }
            }

            pub(crate) fn described() -> Vec<$crate::settings::Setting> {
                #[allow(unused_mut)]
                let mut all = $crate::settings::shared_described();
                $( all.push($crate::settings::Setting::new(
                    stringify!($field),
                    $crate::settings::shown!($default $(, $shown)?),
                    concat!($($doc, "\n",)+),
                )); )*
                all
            }
        }
    };
}

/// The default as the list of designs shows it.
macro_rules! shown {
    ($default:expr, $shown:literal) => {
        $shown
    };
    ($default:expr) => {
        stringify!($default)
    };
}

pub(crate) use {settings, shown};

/// The settings that all designs have.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Shared<'a> {
    pub(crate) doses: Option<&'a Doses>,
    /// The number of levels, where the settings give it.
    pub(crate) levels: Option<u32>,
    pub(crate) start: u32,
    pub(crate) cohort_size: u32,
    pub(crate) max_patients: Option<u32>,
    pub(crate) target: Option<f64>,
}

pub(crate) fn shared_described() -> Vec<Setting> {
    vec![
        Setting::new("doses", "in a trial its regimens", "The number of levels, or a list of their labels."),
        Setting::new("start", "1", "The level of the first cohort, from 1."),
        Setting::new("cohort_size", "3", "Patients in a cohort."),
        Setting::new("max_patients", "none", "The greatest number of evaluable and undecided patients."),
        Setting::new("target", "required", "The target DLT rate, between 0 and 1."),
    ]
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

    /// A problem unless `low < value < high`; NaN is one.
    pub(crate) fn unless_inside(key: &str, value: f64, low: f64, high: f64, mend: &str) -> Option<Self> {
        let inside = value > low && value < high;
        (!inside).then(|| Self::new(key, value, format!("between {low} and {high}, without the ends"), mend))
    }

    /// A problem unless `low <= value <= high`.
    pub(crate) fn unless_among(key: &str, value: u32, low: u32, high: u32, mend: &str) -> Option<Self> {
        (!(low..=high).contains(&value)).then(|| Self::new(key, value, format!("{low} to {high}"), mend))
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

impl Shared<'_> {
    /// What is wrong with the ladder and the settings that every design has.
    pub(crate) fn check(&self) -> Vec<Problem> {
        let Self { doses, levels, start, cohort_size, max_patients, target } = *self;
        let mut problems = Vec::new();
        if let Some(levels) = levels.filter(|levels| !(1..=LEVELS_MAX).contains(levels)) {
            let mend = "give the number of levels, or one label a level";
            problems.push(Problem::new("doses", levels, format!("1 to {LEVELS_MAX} levels"), mend));
        }
        if let Some(Doses::Labels(labels)) = doses {
            let twice = labels.iter().enumerate().find(|(place, label)| labels[..*place].contains(label));
            if let Some((_, label)) = twice {
                let found = format!("`{label}` twice");
                problems.push(Problem::new(
                    "doses",
                    found,
                    "labels that differ",
                    "rename one of the two levels",
                ));
            }
        }
        let highest = levels.unwrap_or(LEVELS_MAX).max(1);
        if !(1..=highest).contains(&start) {
            let expected = format!("a level of the ladder, 1 to {highest}");
            let mend = "name the level of the first cohort, counted from 1";
            problems.push(Problem::new("start", start, expected, mend));
        }
        let mend = "give the number of patients in a cohort";
        problems.extend(Problem::unless_among("cohort-size", cohort_size, 1, COHORT_SIZE_MAX, mend));
        if let Some(max) = max_patients {
            let mend = "give the greatest number of patients, or leave it out";
            problems.extend(Problem::unless_among("max-patients", max, 1, PATIENTS_MAX, mend));
        }
        if let Some(target) = target {
            let mend = "give the target DLT rate as a probability, such as 0.30";
            problems.extend(Problem::unless_inside("target", target, 0.0, 1.0, mend));
        }
        problems
    }

    /// As [`Shared::check`], for a design that cannot do without a target.
    pub(crate) fn check_with_target(&self) -> Vec<Problem> {
        let mut problems = self.check();
        if self.target.is_none() {
            let mend = "give the target DLT rate as a probability, such as 0.30";
            problems.push(Problem::new("target", "nothing", "between 0 and 1, without the ends", mend));
        }
        problems
    }
}
