//! How the disease answered: one category for each assessment, confirmed or not, and the best of them.
//!
//! One shape for all criteria, and data walk it one way. A module of criteria ([`imwg`]) turns dated values into
//! a [`Category`] with its reasons (`assess`); its `confirm` asks whether later assessments agree and carries the
//! status forward ([`confirm::Confirmed`]); its `best` picks the best response of a patient ([`best::Best`]).
//! Assessments that arrive already categorised enter at [`Settings::confirm`]. What a set of criteria leaves open
//! is a key of its settings, and [`Settings`] is the closed list of them.

use std::fmt;
use std::str::FromStr;

use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use crate::Because;

#[macro_use]
mod open_points;

pub mod amount;
pub mod best;
pub mod component;
pub mod confirm;
pub mod criteria;
mod imaging;
pub mod imwg;
pub mod inrc;
pub mod iwcll;
pub mod iwwm;
pub mod lesion;
pub mod lugano;
pub mod rano;
pub mod recist;

pub use criteria::{CriteriaSet, Settings, UnknownCriteria};

macro_rules! categories {
    ($($(#[doc = $meaning:literal])+ $name:ident = $code:literal,)+) => {
        /// A response category, over all criteria; each set of criteria uses some ([`CriteriaSet::categories`]).
        ///
        /// Ordered by depth as a best response is chosen. The status that `confirm` carries forward orders
        /// progression last instead, because progression absorbs.
        ///
        /// ```
        /// use posology_clinic::response::Category;
        /// assert!(Category::VeryGoodPartial > Category::Partial);
        /// assert_eq!("sCR".parse::<Category>()?, Category::StringentComplete);
        /// assert!("scr".parse::<Category>().is_err());
        /// # Ok::<(), posology_clinic::response::UnknownCategory>(())
        /// ```
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
        pub enum Category {
            $($(#[doc = $meaning])+ #[serde(rename = $code)] $name,)+
        }

        impl Category {
            /// Every category, from not evaluable to the deepest response.
            pub const ALL: &'static [Self] = &[$(Self::$name),+];

            /// The category as it is printed, such as `sCR`, `PR` or `IR(1)`.
            pub const fn code(self) -> &'static str {
                match self {
                    $(Self::$name => $code,)+
                }
            }
        }
    };
}

categories! {
    /// Not evaluable: a value that decides is missing.
    NotEvaluable = "NE",
    /// Progressive disease; in iRECIST a confirmed one is [`Category::ImmuneConfirmedProgressive`].
    Progressive = "PD",
    /// iRECIST: progression confirmed at the next assessment.
    ImmuneConfirmedProgressive = "iCPD",
    /// iRECIST: progression not confirmed yet.
    ImmuneUnconfirmedProgressive = "iUPD",
    /// LYRIC: more uptake without more or larger lesions.
    IndeterminateUptake = "IR(3)",
    /// LYRIC: new or grown lesions while the whole has not grown by half.
    IndeterminateLesions = "IR(2)",
    /// LYRIC: the whole grown by half in the first twelve weeks.
    IndeterminateGrowth = "IR(1)",
    /// No evidence of disease, in a patient who had none that could be seen at baseline.
    NoEvidence = "NED",
    /// Neither complete response nor progression, where only non-target disease is followed.
    NonCompleteNonProgressive = "NON-CR/NON-PD",
    /// iRECIST: stable disease after an unconfirmed progression.
    ImmuneStable = "iSD",
    /// Stable disease: neither response nor progression.
    Stable = "SD",
    /// Minimal response in myeloma and macroglobulinaemia, minor response in brain tumours, mixed in neuroblastoma.
    Minimal = "MR",
    /// Partial response but for lymphocytes that stay high under a kinase inhibitor.
    PartialWithLymphocytosis = "PR-L",
    /// iRECIST: partial response after an unconfirmed progression.
    ImmunePartial = "iPR",
    /// Partial response.
    Partial = "PR",
    /// Complete response but for nodules of lymphocytes in the marrow.
    NodularPartial = "nPR",
    /// Very good partial response.
    VeryGoodPartial = "VGPR",
    /// Complete response with a lasting cytopenia due to therapy.
    CompleteIncompleteRecovery = "CRi",
    /// iRECIST: complete response after an unconfirmed progression.
    ImmuneComplete = "iCR",
    /// Complete response.
    Complete = "CR",
    /// Stringent complete response.
    StringentComplete = "sCR",
}

impl Category {
    /// Whether this is `floor` or deeper: the definition of a rate. The overall response rate of myeloma counts
    /// `is_at_least(Partial)`, clinical benefit `is_at_least(Minimal)`, disease control `is_at_least(Stable)`.
    ///
    /// ```
    /// use posology_clinic::response::Category;
    /// assert!(!Category::Minimal.is_at_least(Category::Partial));
    /// ```
    pub fn is_at_least(self, floor: Self) -> bool {
        self >= floor
    }

    /// Whether this is a response, minimal or deeper.
    pub fn is_response(self) -> bool {
        self.is_at_least(Self::Minimal)
    }

    /// The next shallower category of the IMWG, stable disease at the least: what is left when one required item
    /// is missing.
    #[must_use]
    pub(crate) const fn one_level_down(self) -> Self {
        match self {
            Self::StringentComplete => Self::Complete,
            Self::Complete => Self::VeryGoodPartial,
            Self::VeryGoodPartial => Self::Partial,
            Self::Partial => Self::Minimal,
            Self::Minimal => Self::Stable,
            other => other,
        }
    }
}

impl fmt::Display for Category {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.pad(self.code())
    }
}

/// A text that names no response category, or none of the criteria.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{found}` is no response category; expected one of {}, spelt so", codes(.expected))]
pub struct UnknownCategory {
    /// The text as found.
    pub found: String,
    /// The categories there are.
    pub expected: &'static [Category],
}

fn codes(categories: &[Category]) -> String {
    categories.iter().rev().map(|category| category.code()).collect::<Vec<_>>().join(", ")
}

impl FromStr for Category {
    type Err = UnknownCategory;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL
            .iter()
            .copied()
            .find(|category| category.code() == text.trim())
            .ok_or_else(|| UnknownCategory { found: text.to_owned(), expected: Self::ALL })
    }
}

/// By what progression was seen. Only a biochemical one needs a second sample.
///
/// Ordered by the weight of the evidence, so that the greater of two on one day is the one to report.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub enum ProgressionKind {
    /// By serum, urine or blood values.
    Biochemical,
    /// By plasma cells in the bone marrow.
    Marrow,
    /// By symptoms, signs or blood counts that the disease explains, as a physician judged.
    Clinical,
    /// By a new or grown lesion.
    Imaging,
    /// By death due to the disease.
    Death,
}

impl ProgressionKind {
    /// Whether a second sample must agree before the progression counts.
    pub const fn needs_second_sample(self) -> bool {
        matches!(self, Self::Biochemical)
    }

    /// The kind in words: `biochemical`, `marrow`, `clinical`, `imaging` or `death`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Biochemical => "biochemical",
            Self::Marrow => "marrow",
            Self::Clinical => "clinical",
            Self::Imaging => "imaging",
            Self::Death => "death",
        }
    }
}

impl fmt::Display for ProgressionKind {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.pad(self.name())
    }
}

/// One assessment as categorised on its day, before any confirmation.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Assessment {
    /// Day of the sample or image.
    pub date: Date,
    /// Category of this assessment alone.
    pub category: Category,
    /// For progressive disease, by what it was seen; `None` where the source does not say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kind: Option<ProgressionKind>,
    /// Why, in the order a physician would ask.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub reasons: Vec<Because>,
}

impl Assessment {
    /// An assessment that came already categorised, without reasons of its own.
    pub const fn new(date: Date, category: Category, kind: Option<ProgressionKind>) -> Self {
        Self { date, category, kind, reasons: Vec::new() }
    }
}
