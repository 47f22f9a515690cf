//! The absorbed dose of an organ, as dosimetry outside this program found it.

use posology_clinic::quantity::AbsorbedDose;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::when::When;

/// The absorbed dose of an organ from one fraction, or from a whole course. It is kept as it was reported: nothing is computed
/// from images here, and nothing is held against a limit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct OrganAbsorbedDose {
    /// Subject.
    pub subject: String,
    /// Organ in a word, such as marrow or kidney; compared without regard to case.
    pub organ: String,
    /// Absorbed dose, such as `1.25 Gy` or `830 mGy`.
    pub absorbed_dose: AbsorbedDose,
    /// Biologically effective dose as reported, with its model named in the method.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub biologically_effective_dose: Option<AbsorbedDose>,
    /// Fraction it belongs to, from 1; left out where it is of all fractions of a course.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fraction: Option<u32>,
    /// Course it belongs to, from 1; left out where there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub course: Option<u32>,
    /// How it was found, in words: images, model, program and version.
    pub method: String,
    /// Day of the dosimetry.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub date: Option<When>,
    /// Where it stands, such as the number of a report.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<String>,
}
