//! How the disease answered: one category for each assessment, confirmed or not, and the best of them.
//!
//! Data walk one way. [`imwg`] turns dated marker values into a category; [`confirm`] asks whether the next
//! sample agrees and carries the status forward; [`best`] picks the best response of a patient. Criteria that
//! arrive already categorised enter at [`confirm`].

use std::fmt;
use std::str::FromStr;

use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use crate::Because;

pub mod best;
pub mod confirm;
pub mod imwg;

/// A response category of the International Myeloma Working Group.
///
/// Ordered by depth as a best response is chosen: `NE < PD < SD < MR < PR < VGPR < CR < sCR`. The status that
/// [`confirm`] carries forward orders progression last instead, because progression absorbs.
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
    /// Not evaluable: a value that decides is missing.
    #[serde(rename = "NE")]
    NotEvaluable,
    /// Progressive disease.
    #[serde(rename = "PD")]
    Progressive,
    /// Stable disease: neither response nor progression.
    #[serde(rename = "SD")]
    Stable,
    /// Minimal response.
    #[serde(rename = "MR")]
    Minimal,
    /// Partial response.
    #[serde(rename = "PR")]
    Partial,
    /// Very good partial response.
    #[serde(rename = "VGPR")]
    VeryGoodPartial,
    /// Complete response.
    #[serde(rename = "CR")]
    Complete,
    /// Stringent complete response.
    #[serde(rename = "sCR")]
    StringentComplete,
}

impl Category {
    /// Every category, from not evaluable to the deepest response.
    pub const ALL: [Self; 8] = [
        Self::NotEvaluable,
        Self::Progressive,
        Self::Stable,
        Self::Minimal,
        Self::Partial,
        Self::VeryGoodPartial,
        Self::Complete,
        Self::StringentComplete,
    ];

    /// The category as it is printed: `sCR`, `CR`, `VGPR`, `PR`, `MR`, `SD`, `PD` or `NE`.
    pub const fn code(self) -> &'static str {
        match self {
            Self::NotEvaluable => "NE",
            Self::Progressive => "PD",
            Self::Stable => "SD",
            Self::Minimal => "MR",
            Self::Partial => "PR",
            Self::VeryGoodPartial => "VGPR",
            Self::Complete => "CR",
            Self::StringentComplete => "sCR",
        }
    }

    /// Whether this is `floor` or deeper: the definition of a rate. The overall response rate counts
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

    /// The next shallower category, stable disease at the least: what is left when one required item is missing.
    #[must_use]
    pub(crate) const fn one_level_down(self) -> Self {
        match self {
            Self::StringentComplete => Self::Complete,
            Self::Complete => Self::VeryGoodPartial,
            Self::VeryGoodPartial => Self::Partial,
            Self::Partial => Self::Minimal,
            Self::Minimal | Self::Stable => Self::Stable,
            Self::Progressive => Self::Progressive,
            Self::NotEvaluable => Self::NotEvaluable,
        }
    }
}

impl fmt::Display for Category {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.pad(self.code())
    }
}

/// A text that names no response category.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{found}` is no response category; expected one of sCR, CR, VGPR, PR, MR, SD, PD, NE, spelt so")]
pub struct UnknownCategory {
    /// The text as found.
    pub found: String,
}

impl FromStr for Category {
    type Err = UnknownCategory;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL
            .into_iter()
            .find(|category| category.code() == text.trim())
            .ok_or_else(|| UnknownCategory { found: text.to_owned() })
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

    /// The kind in words: `biochemical`, `marrow`, `imaging` or `death`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Biochemical => "biochemical",
            Self::Marrow => "marrow",
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
