//! What is seen at baseline and at a visit: images, marrow, and how the patient is.

use std::fmt;
use std::str::FromStr;

use jiff::civil::Date;
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use crate::response::Category;
use crate::response::imaging::{BadValue, check_length, check_lesions, whole};
use crate::response::lesion::{Lesion, Role, Size};

codes! {
    /// Deauville score of the most avid site.
    Score, "a Deauville score" {
        /// No uptake.
        One = "1",
        /// Uptake at most that of the mediastinum.
        Two = "2",
        /// Uptake above the mediastinum, at most that of the liver.
        Three = "3",
        /// Uptake moderately above the liver.
        Four = "4",
        /// Uptake two to three times the liver or more, or new lesions.
        Five = "5",
        /// Uptake unlikely to be due to lymphoma.
        Unrelated = "X",
    }
}

codes! {
    /// Uptake of the known sites, beside that at baseline.
    Uptake, "the uptake beside baseline" {
        /// Not compared.
        NotJudged = "not-judged" | "not judged",
        /// Less than at baseline.
        Lower = "lower" | "less",
        /// No significant change.
        Unchanged = "unchanged" | "same" | "stable",
        /// More than at baseline.
        Higher = "higher" | "more",
    }
}

codes! {
    /// Focal uptake of the marrow, beside that at baseline.
    MarrowUptake, "the marrow's uptake" {
        /// Nobody said.
        NotJudged = "not-judged" | "not judged",
        /// No more than normal marrow.
        Normal = "normal" | "none",
        /// Above normal marrow, less than at baseline.
        Lower = "lower" | "less",
        /// Above normal marrow, no significant change.
        Unchanged = "unchanged" | "same" | "stable",
        /// New, there again, or more than at baseline.
        Higher = "higher" | "more" | "new",
    }
}

codes! {
    /// Metabolic response, by PET.
    Metabolic, "a metabolic response" {
        /// Done, and not to be judged.
        NotEvaluable = "NE",
        /// No avid disease, in a patient who had none at baseline.
        NoEvidence = "NED",
        /// Progressive metabolic disease.
        Progressive = "PMD",
        /// No metabolic response.
        NoResponse = "NMR" | "SMD",
        /// Partial metabolic response.
        Partial = "PMR",
        /// Complete metabolic response.
        Complete = "CMR",
    }
}

codes! {
    /// Anatomic response, by CT.
    Anatomic, "an anatomic response" {
        /// Not to be judged.
        NotEvaluable = "NE",
        /// No disease, in a patient who had none at baseline.
        NoEvidence = "NED",
        /// Progressive anatomic disease.
        Progressive = "PAD",
        /// Stable anatomic disease.
        Stable = "SAD",
        /// Partial anatomic response.
        Partial = "PAR",
        /// Complete anatomic response.
        Complete = "CAR",
    }
}

impl Metabolic {
    /// As an overall category.
    pub const fn category(self) -> Category {
        match self {
            Self::NotEvaluable => Category::NotEvaluable,
            Self::NoEvidence => Category::NoEvidence,
            Self::Progressive => Category::Progressive,
            Self::NoResponse => Category::Stable,
            Self::Partial => Category::Partial,
            Self::Complete => Category::Complete,
        }
    }
}

impl Anatomic {
    /// As an overall category.
    pub const fn category(self) -> Category {
        match self {
            Self::NotEvaluable => Category::NotEvaluable,
            Self::NoEvidence => Category::NoEvidence,
            Self::Progressive => Category::Progressive,
            Self::Stable => Category::Stable,
            Self::Partial => Category::Partial,
            Self::Complete => Category::Complete,
        }
    }
}

codes! {
    /// Disease that is followed without being measured, such as an effusion or nodules in the liver.
    NonMeasured, "the state of disease not measured" {
        /// Not looked at.
        NotAssessed = "not-assessed" | "not assessed",
        /// None.
        Absent = "absent",
        /// There, not clearly worse.
        Present = "present" | "stable",
        /// Clearly worse.
        Worse = "worse",
    }
}

codes! {
    /// Marrow by biopsy or aspirate.
    Marrow, "the marrow" {
        /// Not sampled.
        NotDone = "not-done" | "not done",
        /// No lymphoma, if need be by immunohistochemistry.
        Clear = "clear" | "negative",
        /// Cannot be told by morphology, and no immunohistochemistry.
        Indeterminate = "indeterminate",
        /// Lymphoma.
        Involved = "involved" | "positive",
    }
}

codes! {
    /// Whether the patient declined clinically because of the lymphoma.
    Clinical, "the clinical course" {
        /// Nobody said.
        NotJudged = "not-judged" | "not judged",
        /// No decline.
        NoDecline = "stable" | "no-decline" | "better",
        /// Decline.
        Decline = "decline" | "worse",
    }
}

codes! {
    /// Biopsy of a new, grown or more avid lesion.
    Biopsy, "the biopsy of a doubtful lesion" {
        /// None taken.
        NotDone = "not-done" | "not done",
        /// Lymphoma.
        Lymphoma = "lymphoma" | "positive",
        /// No lymphoma.
        NoLymphoma = "no-lymphoma" | "no lymphoma" | "negative",
    }
}

/// Height of the spleen from top to bottom.
///
/// ```
/// use posology_clinic::response::lugano::Height;
/// let height: Height = "15 cm".parse()?;
/// assert_eq!(height, "150 mm".parse()?);
/// assert_eq!(height.excess("130".parse()?), "20".parse()?);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Height(Decimal);

impl Height {
    /// A height in mm.
    ///
    /// # Errors
    /// A length below 0, above 1000 mm, or of more than 6 decimal places: says what was expected.
    pub fn from_millimetres(millimetres: Decimal) -> Result<Self, String> {
        check_length(millimetres).map_err(|expected| {
            format!("found a spleen of {millimetres} mm, expected {expected}; mend: look the height up, and its unit")
        })?;
        Ok(Self(millimetres))
    }

    /// In mm.
    pub const fn millimetres(self) -> Decimal {
        self.0
    }

    /// How far it lies above a normal height, both in mm; 0 where it does not.
    pub fn excess(self, normal: Decimal) -> Decimal {
        self.0.saturating_sub(normal).max(Decimal::ZERO)
    }
}

impl fmt::Display for Height {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let centimetres = self.0.checked_div(Decimal::TEN).unwrap_or_default().normalize();
        formatter.pad(&format!("{centimetres} cm"))
    }
}

impl FromStr for Height {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (number, unit) = text.trim().split_once(char::is_whitespace).unwrap_or((text.trim(), ""));
        let number: Decimal = number.parse().map_err(|_| {
            format!("found {text:?}, expected a number and mm or cm; mend: write it so, as 15 cm")
        })?;
        let factor = match unit.trim().to_ascii_lowercase().as_str() {
            "mm" => Decimal::ONE,
            "cm" => Decimal::TEN,
            other => {
                return Err(format!(
                    "found the unit {other:?}, expected mm or cm; mend: write the unit, as 15 cm"
                ));
            }
        };
        Self::from_millimetres(number.saturating_mul(factor))
    }
}

/// PET of one visit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Pet {
    /// Not done.
    #[default]
    NotDone,
    /// The reader's metabolic response, without what led to it.
    Read(Metabolic),
    /// The reader's findings.
    Scored(Scan),
}

/// Findings of one PET.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Scan {
    /// Deauville score of the most avid site.
    pub score: Score,
    /// Uptake of the known sites beside baseline.
    pub uptake: Uptake,
    /// Whether there are new avid foci consistent with lymphoma.
    pub new_foci: bool,
    /// Uptake of the marrow.
    pub marrow: MarrowUptake,
}

/// CT of one visit.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Ct {
    /// Not done.
    #[default]
    NotDone,
    /// The reader's anatomic response, without the sizes.
    Read(Anatomic),
    /// Sizes of lesions and spleen.
    Measured(Sizes),
}

/// What CT measures.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sizes {
    /// Lesions, diameters in mm. One that is left out was not assessed.
    pub lesions: Vec<Lesion>,
    /// Height of the spleen, if measured.
    pub spleen: Option<Height>,
    /// Disease followed without being measured, other than the lesions listed.
    pub non_measured: NonMeasured,
}

/// One visit, or the baseline.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Visit {
    /// Day of the images.
    pub date: Date,
    /// PET.
    pub pet: Pet,
    /// CT.
    pub ct: Ct,
    /// Marrow by biopsy.
    pub marrow: Marrow,
    /// How the patient is, for LYRIC.
    pub clinical: Clinical,
    /// Biopsy of a doubtful lesion, for LYRIC.
    pub biopsy: Biopsy,
}

impl Visit {
    /// A visit at which nothing was done yet.
    pub const fn new(date: Date) -> Self {
        Self {
            date,
            pet: Pet::NotDone,
            ct: Ct::NotDone,
            marrow: Marrow::NotDone,
            clinical: Clinical::NotJudged,
            biopsy: Biopsy::NotDone,
        }
    }

    /// What CT measured, where it did.
    pub(super) fn sizes(&self) -> Option<&Sizes> {
        match &self.ct {
            Ct::Measured(sizes) => Some(sizes),
            Ct::NotDone | Ct::Read(_) => None,
        }
    }

    pub(super) fn lesion(&self, id: &str) -> Option<&Lesion> {
        self.sizes()?.lesions.iter().find(|lesion| lesion.id == id)
    }

    pub(super) fn check(&self) -> Result<(), BadValue> {
        let Some(sizes) = self.sizes() else { return Ok(()) };
        check_lesions(&sizes.lesions, self.date)?;
        for lesion in &sizes.lesions {
            if lesion.role == Role::New && lesion.size == Size::Present {
                return Err(BadValue {
                    place: format!("lesion {}", lesion.id),
                    date: self.date,
                    found: "a new lesion without its size".to_owned(),
                    expected: "its diameters, too small, or unequivocal".to_owned(),
                    mend: "measure it, or record it as `worse` if it is unequivocally lymphoma".to_owned(),
                });
            }
        }
        Ok(())
    }
}

/// The baseline and what holds for the whole course.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Baseline {
    /// Images and marrow before treatment.
    pub visit: Visit,
    /// Whether the histology takes up FDG, so that PET rules.
    pub avid: bool,
    /// First day of treatment; the twelve weeks of LYRIC start here, and at the baseline where it is not known.
    pub treatment_start: Option<Date>,
}

impl Baseline {
    /// A baseline of FDG-avid lymphoma.
    pub const fn new(visit: Visit) -> Self {
        Self { visit, avid: true, treatment_start: None }
    }
}

/// A node beyond this longest diameter is abnormal, mm.
pub(super) const NODE: Decimal = whole(15);
/// A lesion outside nodes beyond this longest diameter is measurable, mm.
pub(super) const EXTRANODAL: Decimal = whole(10);

/// The longest diameter beyond which a lesion is measurable, and a new one progression.
pub(super) const fn abnormal_above(lesion: &Lesion) -> Decimal {
    if lesion.is_node { NODE } else { EXTRANODAL }
}
