//! What is found at one assessment.

use jiff::civil::Date;
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use super::super::imwg::BadValue;
use super::super::lesion::{Lesion, Size};
use super::{LENGTH, MARROW, TOO_SMALL};

/// Uptake of MIBG, or of FDG where the tumour takes up no MIBG.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Uptake {
    /// No scan.
    #[default]
    NotDone,
    /// The tumour takes up neither tracer; said at baseline.
    NotAvid,
    /// Gone.
    Resolved,
    /// Less than at baseline.
    Better,
    /// There; after baseline, unchanged.
    Avid,
    /// More than at baseline.
    Worse,
}

/// A score of MIBG uptake over the skeleton.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ScoreSystem {
    /// Curie: 0 to 30.
    Curie,
    /// SIOPEN: 0 to 72.
    Siopen,
}

impl ScoreSystem {
    const fn highest(self) -> u32 {
        match self {
            Self::Curie => 30,
            Self::Siopen => 72,
        }
    }

    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Curie => "Curie",
            Self::Siopen => "SIOPEN",
        }
    }
}

/// An absolute MIBG score.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Score {
    /// Its value.
    pub value: u32,
    /// By which system.
    pub system: ScoreSystem,
}

/// Everything found at one assessment.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Visit {
    /// Day of the assessment.
    pub date: Date,
    /// Lesions by CT or MRI; the primary tumour is the one whose site is `primary`.
    pub lesions: Vec<Lesion>,
    /// Uptake of the primary tumour.
    pub primary_uptake: Uptake,
    /// Uptake of metastases in soft tissue.
    pub soft_tissue_uptake: Uptake,
    /// MIBG score of the skeleton.
    pub score: Option<Score>,
    /// FDG-avid bone lesions, counted where the tumour takes up no MIBG.
    pub fdg_bone_lesions: Option<u32>,
    /// Whether a new lesion takes up MIBG or FDG, or was proven by biopsy.
    pub new_lesion_proven: bool,
    /// Tumour in the marrow, %.
    pub marrow: Option<Decimal>,
}

impl Visit {
    /// An assessment of which nothing is known yet.
    pub const fn new(date: Date) -> Self {
        Self {
            date,
            lesions: Vec::new(),
            primary_uptake: Uptake::NotDone,
            soft_tissue_uptake: Uptake::NotDone,
            score: None,
            fdg_bone_lesions: None,
            new_lesion_proven: false,
            marrow: None,
        }
    }

    pub(super) fn check(&self) -> Result<(), BadValue> {
        MARROW.check(self.marrow, self.date)?;
        for lesion in &self.lesions {
            let place = || format!("lesion {} of {}", lesion.id, self.date);
            if let Size::Measured { longest, shortest } = &lesion.size {
                LENGTH.check(*longest, self.date)?;
                LENGTH.check(*shortest, self.date)?;
                if diameter(lesion).is_none() {
                    let (expected, found) = if lesion.is_node {
                        ("the short axis of a node", "the longest diameter alone")
                    } else {
                        ("the longest diameter", "the short axis alone")
                    };
                    return Err(BadValue {
                        place: place(),
                        found: found.to_owned(),
                        expected: expected.to_owned(),
                        mend: "measure it, or mark the lesion as not assessed".to_owned(),
                    });
                }
            }
            if self.lesions.iter().filter(|other| other.id == lesion.id).count() > 1 {
                return Err(BadValue {
                    place: place(),
                    found: "two rows".to_owned(),
                    expected: "one".to_owned(),
                    mend: "keep the one that holds".to_owned(),
                });
            }
        }
        match self.score {
            Some(score) if score.value > score.system.highest() => Err(BadValue {
                place: format!("MIBG score of {}", self.date),
                found: score.value.to_string(),
                expected: format!("0 to {} by {}", score.system.highest(), score.system.name()),
                mend: "correct the score, or name the system it is by".to_owned(),
            }),
            _ => Ok(()),
        }
    }

    pub(super) fn lesion(&self, id: &str) -> Option<&Lesion> {
        self.lesions.iter().find(|lesion| lesion.id == id)
    }
}

/// Whether a lesion is the primary tumour.
pub(super) fn is_primary(lesion: &Lesion) -> bool {
    lesion.site.trim().eq_ignore_ascii_case("primary")
}

/// The diameter that counts, mm: the short axis of a node, else the longest; 5 mm where too small, 0 where gone.
pub(super) fn diameter(lesion: &Lesion) -> Option<Decimal> {
    match &lesion.size {
        Size::Measured { longest, shortest } => {
            if lesion.is_node && !is_primary(lesion) {
                *shortest
            } else {
                *longest
            }
        }
        Size::TooSmall => Some(TOO_SMALL),
        Size::Absent => Some(Decimal::ZERO),
        Size::Present | Size::Worse | Size::NotAssessed => None,
    }
}
