//! What is seen at baseline and at a visit: lesions by part, T2/FLAIR, steroids, and how the patient is.

use jiff::civil::Date;
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use crate::response::imaging::{BadValue, check_lesions};
use crate::response::lesion::Lesion;

codes! {
    /// The part of a tumour that a lesion belongs to.
    Part, "the part of a tumour" {
        /// Enhancing with gadolinium on T1.
        Enhancing = "enhancing",
        /// On T2/FLAIR, without enhancement.
        NonEnhancing = "non-enhancing" | "nonenhancing" | "non enhancing",
    }
}

codes! {
    /// Which parts of a tumour are followed (RANO 2.0).
    Followed, "the parts that are followed" {
        /// The enhancing part.
        Enhancing = "enhancing",
        /// The part without enhancement.
        NonEnhancing = "non-enhancing" | "nonenhancing" | "non enhancing",
        /// Both, in parallel.
        Mixed = "mixed",
    }
}

codes! {
    /// T2/FLAIR beside baseline or best response.
    Flair, "T2/FLAIR" {
        /// Not assessed.
        NotAssessed = "not-assessed" | "not assessed",
        /// Less.
        Better = "better" | "less",
        /// No clear change.
        Stable = "stable" | "same",
        /// Clearly more, and not by radiation, demyelination, ischaemia, infection or seizures.
        Worse = "worse" | "more",
    }
}

codes! {
    /// Clinical status beside baseline or best response.
    Clinical, "the clinical status" {
        /// Not assessed.
        NotAssessed = "not-assessed" | "not assessed",
        /// Better.
        Better = "better" | "improved",
        /// Stable.
        Stable = "stable",
        /// Worse, for another cause than the tumour or fewer steroids.
        WorseOtherCause = "worse-other-cause" | "worse other cause",
        /// Worse, and no other cause.
        Worse = "worse",
    }
}

codes! {
    /// Histology of what changed.
    Histology, "the histology of what changed" {
        /// None.
        NotDone = "not-done" | "not done",
        /// Viable tumour.
        Tumour = "tumour" | "tumor",
        /// An effect of treatment.
        TreatmentEffect = "treatment-effect" | "treatment effect",
    }
}

codes! {
    /// Restricted diffusion beside baseline (children).
    Diffusion, "diffusion" {
        /// Not assessed.
        NotAssessed = "not-assessed" | "not assessed",
        /// Stable or less.
        Stable = "stable" | "less" | "better",
        /// New or more.
        Worse = "worse" | "more" | "new",
    }
}

/// Steroids of a visit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Steroids {
    /// Nobody said.
    #[default]
    NotRecorded,
    /// None.
    None,
    /// Physiological replacement only.
    Physiological,
    /// Dexamethasone, or its equivalent, mg a day.
    Daily(Decimal),
}

impl Steroids {
    /// mg a day of dexamethasone beyond replacement; `None` where nobody said.
    pub fn amount(self) -> Option<Decimal> {
        match self {
            Self::NotRecorded => None,
            Self::None | Self::Physiological => Some(Decimal::ZERO),
            Self::Daily(amount) => Some(amount),
        }
    }
}

impl std::fmt::Display for Steroids {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::NotRecorded => formatter.pad("not recorded"),
            Self::None => formatter.pad("none"),
            Self::Physiological => formatter.pad("replacement only"),
            Self::Daily(amount) => write!(formatter, "dexamethasone {} mg a day", amount.normalize()),
        }
    }
}

impl std::str::FromStr for Steroids {
    type Err = String;

    /// `none`, `physiological`, or dexamethasone a day with its unit, such as `4 mg`.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let wrong = || {
            format!(
                "found {text:?}, expected none, physiological, not recorded, or dexamethasone a day such as 4 mg; mend: write it so"
            )
        };
        match text.trim().to_ascii_lowercase().as_str() {
            "none" => Ok(Self::None),
            "physiological" => Ok(Self::Physiological),
            "not-recorded" | "not recorded" => Ok(Self::NotRecorded),
            amount => {
                let number = amount.strip_suffix("mg").ok_or_else(wrong)?;
                number.trim().parse().map(Self::Daily).map_err(|_| wrong())
            }
        }
    }
}

/// One lesion of the brain at one visit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tumour {
    /// Its name, role and diameters.
    pub lesion: Lesion,
    /// The part it belongs to.
    pub part: Part,
    /// Volume, ml, where volumes are followed.
    pub volume_ml: Option<Decimal>,
    /// Whether it lies outside the 80% isodose line of radiotherapy, where known.
    pub outside_isodose: Option<bool>,
}

/// One visit, or the baseline.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Visit {
    /// Day of the images.
    pub date: Date,
    /// Lesions. One that is left out was not assessed.
    pub tumours: Vec<Tumour>,
    /// T2/FLAIR.
    pub flair: Flair,
    /// Steroids.
    pub steroids: Steroids,
    /// How the patient is.
    pub clinical: Clinical,
    /// Histology of what changed.
    pub histology: Histology,
    /// Restricted diffusion.
    pub diffusion: Diffusion,
}

impl Visit {
    /// A visit at which nothing was assessed yet.
    pub const fn new(date: Date) -> Self {
        Self {
            date,
            tumours: Vec::new(),
            flair: Flair::NotAssessed,
            steroids: Steroids::NotRecorded,
            clinical: Clinical::NotAssessed,
            histology: Histology::NotDone,
            diffusion: Diffusion::NotAssessed,
        }
    }

    pub(super) fn tumour(&self, id: &str) -> Option<&Tumour> {
        self.tumours.iter().find(|tumour| tumour.lesion.id == id)
    }

    pub(super) fn check(&self) -> Result<(), BadValue> {
        check_lesions(self.tumours.iter().map(|tumour| &tumour.lesion), self.date)?;
        let bad = |place: String, found: String| BadValue {
            place,
            date: self.date,
            found,
            expected: "0 to 10,000, at most 6 decimal places".to_owned(),
            mend: "look the value up, and its unit".to_owned(),
        };
        let odd = |value: Decimal| {
            value < Decimal::ZERO || value > Decimal::from(10_000u32) || value.normalize().scale() > 6
        };
        for tumour in &self.tumours {
            if let Some(volume) = tumour.volume_ml.filter(|volume| odd(*volume)) {
                return Err(bad(format!("volume of lesion {}", tumour.lesion.id), format!("{volume} ml")));
            }
        }
        match self.steroids {
            Steroids::Daily(amount) if odd(amount) => {
                Err(bad("steroids".to_owned(), format!("dexamethasone {amount} mg a day")))
            }
            _ => Ok(()),
        }
    }
}

/// The baseline and what holds for the whole course.
///
/// RANO 2.0 takes the first MRI after radiotherapy (about four weeks) when newly diagnosed, and the MRI in the
/// fourteen days before treatment when recurrent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Baseline {
    /// Images and status at baseline.
    pub visit: Visit,
    /// Last day of radiotherapy; `None` where there was none, or it lies too far back to matter.
    pub radiotherapy_end: Option<Date>,
    /// Whether the treatment is anti-angiogenic, so that RANO 2.0 looks at T2/FLAIR too.
    pub anti_angiogenic: bool,
    /// Which parts are followed; RANO 2010 and RAPNO follow the enhancing part whatever it says.
    pub followed: Followed,
}

impl Baseline {
    /// A baseline of an enhancing tumour without recent radiotherapy.
    pub const fn new(visit: Visit) -> Self {
        Self { visit, radiotherapy_end: None, anti_angiogenic: false, followed: Followed::Enhancing }
    }
}
