//! The closed list of response criteria, and what they share: a name, a source, their categories, and the same
//! three questions.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::best::{self, Best};
use super::confirm::{self, Confirmed, Course};
use super::{Assessment, Category, UnknownCategory, imwg, inrc, iwcll, iwwm, lugano, rano, recist};

macro_rules! criteria_sets {
    ($($(#[doc = $meaning:literal])+
       $name:ident = $id:literal, $source:expr, $categories:expr;)+) => {
        /// A published set of response criteria, with its version.
        ///
        /// ```
        /// use posology_clinic::response::CriteriaSet;
        /// let set: CriteriaSet = "imwg-2016".parse()?;
        /// assert_eq!(set.id(), "imwg-2016");
        /// assert!(set.category("MR").is_ok());
        /// # Ok::<(), posology_clinic::response::UnknownCriteria>(())
        /// ```
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
        pub enum CriteriaSet {
            $($(#[doc = $meaning])+ #[serde(rename = $id)] $name,)+
        }

        impl CriteriaSet {
            /// Every set, in the order of the commands' help.
            pub const ALL: &'static [Self] = &[$(Self::$name),+];

            /// The identifier, such as `imwg-2016`.
            pub const fn id(self) -> &'static str {
                match self {
                    $(Self::$name => $id,)+
                }
            }

            /// The paper.
            pub const fn source(self) -> &'static str {
                match self {
                    $(Self::$name => $source,)+
                }
            }

            /// The categories that an assessment may have, from the shallowest.
            pub const fn categories(self) -> &'static [Category] {
                match self {
                    $(Self::$name => $categories,)+
                }
            }
        }
    };
}

use Category::{
    Complete, CompleteIncompleteRecovery, ImmuneComplete, ImmuneConfirmedProgressive, ImmunePartial,
    ImmuneStable, ImmuneUnconfirmedProgressive, IndeterminateGrowth, IndeterminateLesions,
    IndeterminateUptake, Minimal, NoEvidence, NodularPartial, NonCompleteNonProgressive, NotEvaluable,
    Partial, PartialWithLymphocytosis, Progressive, Stable, StringentComplete, VeryGoodPartial,
};

criteria_sets! {
    /// Multiple myeloma, International Myeloma Working Group 2006.
    Imwg2006 = "imwg-2006", imwg::Edition::Imwg2006.source(),
        &[NotEvaluable, Progressive, Stable, Partial, VeryGoodPartial, Complete, StringentComplete];
    /// Multiple myeloma, International Myeloma Working Group 2011.
    Imwg2011 = "imwg-2011", imwg::Edition::Imwg2011.source(),
        &[NotEvaluable, Progressive, Stable, Minimal, Partial, VeryGoodPartial, Complete, StringentComplete];
    /// Multiple myeloma, International Myeloma Working Group 2016.
    Imwg2016 = "imwg-2016", imwg::Edition::Imwg2016.source(),
        &[NotEvaluable, Progressive, Stable, Minimal, Partial, VeryGoodPartial, Complete, StringentComplete];
    /// Chronic lymphocytic leukaemia, international workshop 2018.
    Iwcll2018 = "iwcll-2018", iwcll::SOURCE,
        &[NotEvaluable, Progressive, Stable, PartialWithLymphocytosis, Partial, NodularPartial,
          CompleteIncompleteRecovery, Complete];
    /// Waldenström macroglobulinaemia, 6th international workshop.
    Iwwm6 = "iwwm-6", iwwm::SOURCE_6,
        &[NotEvaluable, Progressive, Stable, Minimal, Partial, VeryGoodPartial, Complete];
    /// Waldenström macroglobulinaemia, 11th international workshop.
    Iwwm11 = "iwwm-11", iwwm::SOURCE_11,
        &[NotEvaluable, Progressive, Stable, Minimal, Partial, VeryGoodPartial, Complete];
    /// Neuroblastoma, revised international criteria of 2017.
    Inrc2017 = "inrc-2017", inrc::SOURCE,
        &[NotEvaluable, Progressive, Stable, Minimal, Partial, Complete];
    /// Lymphoma, Lugano classification 2014.
    Lugano2014 = "lugano-2014", lugano::LUGANO,
        &[NotEvaluable, Progressive, NoEvidence, Stable, Partial, Complete];
    /// Lymphoma under immunomodulators, LYRIC 2016.
    Lyric = "lyric", lugano::LYRIC,
        &[NotEvaluable, Progressive, IndeterminateUptake, IndeterminateLesions, IndeterminateGrowth, NoEvidence,
          Stable, Partial, Complete];
    /// High-grade glioma in adults, RANO 2010.
    RanoHgg = "rano-hgg", rano::RANO_2010, &[NotEvaluable, Progressive, Stable, Partial, Complete];
    /// Glioma in adults, RANO 2.0 of 2023.
    Rano2 = "rano-2.0", rano::RANO_2, &[NotEvaluable, Progressive, Stable, Minimal, Partial, Complete];
    /// High-grade glioma in children, RAPNO 2020.
    RapnoHgg = "rapno-hgg", rano::RAPNO, &[NotEvaluable, Progressive, Stable, Partial, Complete];
    /// Solid tumours, RECIST 1.1.
    Recist11 = "recist-1.1", recist::Edition::Recist11.source(),
        &[NotEvaluable, Progressive, NoEvidence, NonCompleteNonProgressive, Stable, Partial, Complete];
    /// Solid tumours under immunotherapy, iRECIST.
    Irecist = "irecist", recist::Edition::Immune.source(),
        &[NotEvaluable, ImmuneConfirmedProgressive, ImmuneUnconfirmedProgressive, NoEvidence,
          NonCompleteNonProgressive, ImmuneStable, Stable, ImmunePartial, Partial, ImmuneComplete, Complete];
}

impl CriteriaSet {
    /// The shallowest category that the overall response rate counts: partial response, but minimal response in
    /// macroglobulinaemia.
    ///
    /// ```
    /// use posology_clinic::response::{Category, CriteriaSet};
    /// assert!(Category::Minimal.is_at_least(CriteriaSet::Iwwm11.overall_response_floor()));
    /// assert!(!Category::Minimal.is_at_least(CriteriaSet::Inrc2017.overall_response_floor()));
    /// ```
    pub const fn overall_response_floor(self) -> Category {
        match self {
            Self::Iwwm6 | Self::Iwwm11 => Category::Minimal,
            _ => Category::Partial,
        }
    }

    /// The shallowest category of the major response rate, where the criteria know one beside the overall rate.
    pub const fn major_response_floor(self) -> Option<Category> {
        match self {
            Self::Iwwm6 | Self::Iwwm11 => Some(Category::Partial),
            _ => None,
        }
    }

    /// The category of these criteria that a text names.
    ///
    /// # Errors
    /// A text that is none of [`CriteriaSet::categories`], letter for letter.
    pub fn category(self, text: &str) -> Result<Category, UnknownCategory> {
        let expected = self.categories();
        expected
            .iter()
            .copied()
            .find(|category| category.code() == text.trim())
            .ok_or_else(|| UnknownCategory { found: text.trim().to_owned(), expected })
    }
}

impl fmt::Display for CriteriaSet {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.pad(self.id())
    }
}

/// A text that names no set of criteria.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{found}` is no set of response criteria; expected one of {}", all())]
pub struct UnknownCriteria {
    /// The text as found.
    pub found: String,
}

fn all() -> String {
    CriteriaSet::ALL.iter().map(|set| set.id()).collect::<Vec<_>>().join(", ")
}

impl FromStr for CriteriaSet {
    type Err = UnknownCriteria;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL
            .iter()
            .copied()
            .find(|set| set.id().eq_ignore_ascii_case(text.trim()))
            .ok_or_else(|| UnknownCriteria { found: text.trim().to_owned() })
    }
}

/// A set of criteria with an answer to every point it leaves open.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(untagged)]
pub enum Settings {
    /// Multiple myeloma.
    Imwg(imwg::Settings),
    /// Chronic lymphocytic leukaemia.
    Iwcll(iwcll::Settings),
    /// Waldenström macroglobulinaemia.
    Iwwm(iwwm::Settings),
    /// Neuroblastoma.
    Inrc(inrc::Settings),
    /// Lymphoma.
    #[cfg_attr(feature = "schema", schemars(skip))]
    Lugano(lugano::Settings),
    /// Brain tumours.
    #[cfg_attr(feature = "schema", schemars(skip))]
    Rano(rano::Settings),
    /// Solid tumours.
    Recist(recist::Settings),
}

impl Settings {
    /// The set with every open point at its default and the confirmation of the published references.
    pub fn of(set: CriteriaSet) -> Self {
        let imwg = |edition| {
            Self::Imwg(imwg::Settings {
                confirmation: confirm::Rules::REFERENCE,
                ..imwg::Settings::new(edition)
            })
        };
        match set {
            CriteriaSet::Imwg2006 => imwg(imwg::Edition::Imwg2006),
            CriteriaSet::Imwg2011 => imwg(imwg::Edition::Imwg2011),
            CriteriaSet::Imwg2016 => imwg(imwg::Edition::Imwg2016),
            CriteriaSet::Iwcll2018 => Self::Iwcll(iwcll::Settings::default()),
            CriteriaSet::Iwwm6 | CriteriaSet::Iwwm11 => Self::Iwwm(iwwm::Settings::new(set)),
            CriteriaSet::Inrc2017 => Self::Inrc(inrc::Settings::default()),
            CriteriaSet::Lugano2014 => Self::Lugano(lugano::Settings::LUGANO_2014),
            CriteriaSet::Lyric => Self::Lugano(lugano::Settings::LYRIC),
            CriteriaSet::RanoHgg => Self::Rano(rano::Settings::RANO_HGG),
            CriteriaSet::Rano2 => Self::Rano(rano::Settings::RANO_2),
            CriteriaSet::RapnoHgg => Self::Rano(rano::Settings::RAPNO_HGG),
            CriteriaSet::Recist11 => Self::Recist(recist::Settings::new(recist::Edition::Recist11)),
            CriteriaSet::Irecist => Self::Recist(recist::Settings::new(recist::Edition::Immune)),
        }
    }

    /// The set.
    pub fn set(&self) -> CriteriaSet {
        match self {
            Self::Imwg(settings) => match settings.edition {
                imwg::Edition::Imwg2006 => CriteriaSet::Imwg2006,
                imwg::Edition::Imwg2011 => CriteriaSet::Imwg2011,
                imwg::Edition::Imwg2016 => CriteriaSet::Imwg2016,
            },
            Self::Iwcll(settings) => settings.criteria,
            Self::Iwwm(settings) => settings.criteria,
            Self::Inrc(settings) => settings.criteria,
            Self::Lugano(settings) => settings.criteria,
            Self::Rano(settings) => settings.criteria,
            Self::Recist(settings) => settings.criteria.set(),
        }
    }

    /// Confirms the assessments of one patient, given in any order.
    pub fn confirm(&self, course: &Course, assessments: &[Assessment]) -> Confirmed {
        match self {
            Self::Imwg(settings) => confirm::confirm(&settings.confirmation, course, assessments),
            Self::Iwcll(settings) => iwcll::confirm(settings, course, assessments),
            Self::Iwwm(settings) => iwwm::confirm(settings, course, assessments),
            Self::Inrc(settings) => inrc::confirm(settings, course, assessments),
            Self::Lugano(settings) => lugano::confirm(settings, course, assessments),
            Self::Rano(settings) => rano::confirm(settings, course, assessments),
            Self::Recist(settings) => recist::confirm(settings, course, assessments),
        }
    }

    /// The best response among statuses that [`Settings::confirm`] gave for the same course.
    pub fn best(&self, course: &Course, confirmed: &Confirmed) -> Best {
        match self {
            Self::Imwg(settings) => best::best(&settings.confirmation, course, confirmed),
            Self::Iwcll(settings) => iwcll::best(settings, course, confirmed),
            Self::Iwwm(settings) => iwwm::best(settings, course, confirmed),
            Self::Inrc(settings) => inrc::best(settings, course, confirmed),
            Self::Lugano(settings) => lugano::best(settings, course, confirmed),
            Self::Rano(settings) => rano::best(settings, course, confirmed),
            Self::Recist(settings) => recist::best(settings, course, confirmed),
        }
    }
}
