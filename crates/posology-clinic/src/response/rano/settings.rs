//! What the three sets leave open, each point answered, and in what they differ.

use super::{RANO_2, RANO_2010, RAPNO};
use crate::Because;
use crate::response::CriteriaSet;
use crate::response::confirm::LastProgression;

choice! {
    /// What is added up over the targets.
    MeasuredBy {
        /// The products of two perpendicular diameters.
        Product,
        /// Volumes.
        Volume,
    }
}

choice! {
    /// Which new lesion is progression.
    NewLesion {
        /// Any.
        Any,
        /// A measurable one, or one recorded as unequivocal.
        Measurable,
    }
}

choice! {
    /// What a progression soon after radiotherapy is, which may be an effect of the treatment.
    EarlyProgression {
        /// Progression only if enhancement is new and outside the 80% isodose line, or by histology.
        OutsideIsodose,
        /// Preliminary: the next image, late enough, must show it again.
        Confirm,
        /// Progression at once.
        AtOnce,
    }
}

choice! {
    /// What a progression by images is later on.
    LaterProgression {
        /// Progression at once.
        AtOnce,
        /// Preliminary: the next image, late enough, must show it again.
        Confirm,
    }
}

choice! {
    /// When T2/FLAIR without measurement is one of the rows.
    FlairRow {
        /// Always.
        Always,
        /// Under anti-angiogenic treatment.
        AntiAngiogenic,
    }
}

choice! {
    /// What a row that was not assessed does.
    MissingRow {
        /// The assessment is not evaluable, unless it is progressive anyway.
        NotEvaluable,
        /// It is passed over.
        PassedOver,
    }
}

choice! {
    /// What a mixed tumour is of which one part is partial and the other minor.
    PartialWithMinor {
        /// Partial, as beside stable disease.
        Partial,
        /// Minor.
        Minor,
    }
}

open_points! {
    /// A set of criteria with every open point answered: the table `[response]` of a protocol.
    ///
    /// ```
    /// use posology_clinic::response::rano::{MeasuredBy, Settings};
    /// let settings: Settings = serde_json::from_str(r#"{"criteria": "rano-2.0", "measured-by": "volume"}"#)?;
    /// assert_eq!(settings.measured_by, MeasuredBy::Volume);
    /// assert_eq!((settings.volume_partial_percent, settings.volume_progression_percent), (65, 40));
    /// # Ok::<(), serde_json::Error>(())
    /// ```
    defaults: Settings::of, sets: "rano-hgg, rano-2.0 or rapno-hgg",
    /// How many targets each part may have. 2010: 5; RANO 2.0 and RAPNO: 3.
    max_targets: u32,
    /// What is added up. Default: `product`.
    measured_by: MeasuredBy,
    /// Fall of the sum of volumes, %, that is a partial response. Default: 65.
    volume_partial_percent: u32,
    /// Fall of the sum of volumes, %, that is a minor response. Default: 40.
    volume_minor_percent: u32,
    /// Rise of the sum of volumes, %, that is progression. Default: 40.
    volume_progression_percent: u32,
    /// Length in mm that stands for each diameter of a lesion too small to measure. Default: 5.
    too_small_mm: u32,
    /// Whether a fall by 25% to less than 50% of the part without enhancement is a minor response. RANO 2.0: true.
    minor_response: bool,
    /// What a mixed tumour is of which one part is partial and the other minor. Default: `partial`.
    partial_with_minor: PartialWithMinor,
    /// Which new lesion is progression. RANO 2.0: `measurable`; else `any`.
    new_lesion: NewLesion,
    /// When T2/FLAIR without measurement is a row. RANO 2.0: `anti-angiogenic`; else `always`.
    flair_row: FlairRow,
    /// Whether growth is progression only on stable or more steroids. Default: false.
    growth_needs_steroids: bool,
    /// What a row that was not assessed does. Default: `not-evaluable`.
    missing_row: MissingRow,
    /// Weeks from the end of radiotherapy in which a progression is early. Default: 12.
    early_weeks: u32,
    /// What an early progression is. 2010: `outside-isodose`; else `confirm`.
    early_progression: EarlyProgression,
    /// What a later progression by images is. Default: `at-once`.
    later_progression: LaterProgression,
    /// Weeks after which the image that confirms a preliminary progression may be made. RAPNO: 8; else 4.
    confirm_weeks: u32,
    /// What becomes of a preliminary progression after which no image was made. Default: `therapy-or-death`.
    last_progression: LastProgression,
    /// Weeks that a response must last. RAPNO: 8; else 4.
    durable_weeks: u32,
    /// Days from the first treatment before which stable disease is no best response. RAPNO: 56; else 28.
    min_stable_disease_days: u32,
}

impl Settings {
    /// High-grade glioma in adults, 2010, with every open point at its default.
    pub const RANO_HGG: Self = Self {
        criteria: CriteriaSet::RanoHgg,
        max_targets: 5,
        measured_by: MeasuredBy::Product,
        volume_partial_percent: 65,
        volume_minor_percent: 40,
        volume_progression_percent: 40,
        too_small_mm: 5,
        minor_response: false,
        partial_with_minor: PartialWithMinor::Partial,
        new_lesion: NewLesion::Any,
        flair_row: FlairRow::Always,
        growth_needs_steroids: false,
        missing_row: MissingRow::NotEvaluable,
        early_weeks: 12,
        early_progression: EarlyProgression::OutsideIsodose,
        later_progression: LaterProgression::AtOnce,
        confirm_weeks: 4,
        last_progression: LastProgression::TherapyOrDeath,
        durable_weeks: 4,
        min_stable_disease_days: 28,
    };

    /// RANO 2.0 with every open point at its default.
    pub const RANO_2: Self = Self {
        criteria: CriteriaSet::Rano2,
        max_targets: 3,
        minor_response: true,
        new_lesion: NewLesion::Measurable,
        flair_row: FlairRow::AntiAngiogenic,
        early_progression: EarlyProgression::Confirm,
        ..Self::RANO_HGG
    };

    /// High-grade glioma in children with every open point at its default.
    pub const RAPNO_HGG: Self = Self {
        criteria: CriteriaSet::RapnoHgg,
        max_targets: 3,
        early_progression: EarlyProgression::Confirm,
        confirm_weeks: 8,
        durable_weeks: 8,
        min_stable_disease_days: 56,
        ..Self::RANO_HGG
    };

    /// The defaults of a set; `None` for sets that are not these criteria.
    pub const fn of(criteria: CriteriaSet) -> Option<Self> {
        match criteria {
            CriteriaSet::RanoHgg => Some(Self::RANO_HGG),
            CriteriaSet::Rano2 => Some(Self::RANO_2),
            CriteriaSet::RapnoHgg => Some(Self::RAPNO_HGG),
            _ => None,
        }
    }

    pub(super) const fn source(&self) -> &'static str {
        match self.criteria {
            CriteriaSet::Rano2 => RANO_2,
            CriteriaSet::RapnoHgg => RAPNO,
            _ => RANO_2010,
        }
    }

    pub(super) fn rule(&self, name: &str) -> String {
        format!("{}/{name}", self.criteria)
    }

    pub(super) fn because(&self, rule: &str, says: impl Into<String>) -> Because {
        Because::new(self.rule(rule), says).source(self.source())
    }
}
