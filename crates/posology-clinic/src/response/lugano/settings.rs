//! What Lugano and LYRIC leave open, each point answered.

use super::LUGANO;
use crate::Because;
use crate::response::CriteriaSet;

choice! {
    /// What stands in for a PET that was not done or not evaluable, once an earlier one was evaluable.
    CarryForward {
        /// The earlier metabolic response, beside a current CT that is not progressive.
        BesideCt,
        /// The earlier metabolic response, even where the current CT was not evaluable either.
        Always,
        /// Nothing: the current CT alone.
        Never,
    }
}

choice! {
    /// What a missing item other than a target does, where it was involved at baseline.
    MissingComponent {
        /// The assessment is not evaluable, unless it is progressive anyway.
        NotEvaluable,
        /// It is passed over; only a complete response is not shown.
        PassedOver,
    }
}

choice! {
    /// What a PET means whose only uptake is unlikely to be lymphoma (score X).
    UnrelatedUptake {
        /// The known sites have no score: not evaluable.
        NotEvaluable,
        /// No uptake of lymphoma: complete.
        Complete,
    }
}

choice! {
    /// When a complete response by CT needs a marrow sample without lymphoma.
    MarrowForComplete {
        /// Where the marrow was involved at baseline.
        IfInvolved,
        /// Always.
        Always,
    }
}

choice! {
    /// Which diameters the growth in mm is measured from.
    DiameterReference {
        /// Those of the visit at which the product was lowest.
        AtProductNadir,
        /// The lowest of each diameter.
        OwnNadir,
    }
}

choice! {
    /// Which size of a lesion decides whether it must grow by 5 or by 10 mm.
    SizeClass {
        /// Its longest diameter at the nadir.
        Nadir,
        /// Its longest diameter at baseline, or where it was first seen.
        Baseline,
        /// Its longest diameter now.
        Now,
    }
}

choice! {
    /// From which height the growth of the spleen is measured.
    SpleenReference {
        /// The lowest since baseline, which is included.
        Nadir,
        /// That at baseline.
        Baseline,
    }
}

open_points! {
    /// Lugano 2014 or LYRIC with every open point answered: the table `[response]` of a protocol.
    ///
    /// ```
    /// use posology_clinic::response::lugano::{CarryForward, Settings};
    /// let settings: Settings =
    ///     serde_json::from_str(r#"{"criteria": "lugano-2014", "carry-forward": "never"}"#)?;
    /// assert_eq!(settings.carry_forward, CarryForward::Never);
    /// assert_eq!(settings.max_targets, 6);
    /// assert!(serde_json::from_str::<Settings>(r#"{"criteria": "imwg-2016"}"#).is_err());
    /// # Ok::<(), serde_json::Error>(())
    /// ```
    defaults: Settings::of, sets: "lugano-2014 or lyric",
    /// How many target lesions there may be. Default: 6.
    max_targets: u32,
    /// Length in mm that stands for each diameter of a lesion too small to measure. Default: 5.
    too_small_mm: u32,
    /// Height of the spleen, mm, up to which it is normal. Default: 130.
    spleen_normal_mm: u32,
    /// From which height the growth of the spleen is measured. Default: `nadir`.
    spleen_reference: SpleenReference,
    /// Whether a spleen enlarged at baseline may make a partial response where there was no target. Default: false.
    partial_by_spleen_alone: bool,
    /// Longest diameter, mm, beyond which a lesion outside nodes can be progressive by growth; the table names
    /// one figure for nodes and other lesions. Default: 15.
    extranodal_growth_above_mm: u32,
    /// Which diameters the growth in mm is measured from. Default: `at-product-nadir`.
    diameter_reference: DiameterReference,
    /// Which size decides between 5 and 10 mm. Default: `nadir`.
    size_class: SizeClass,
    /// When a complete response by CT needs a marrow without lymphoma. Default: `if-involved`.
    marrow_for_complete: MarrowForComplete,
    /// What a missing item other than a target does. Default: `not-evaluable`.
    missing_component: MissingComponent,
    /// What stands in for a missing PET. Default: `beside-ct`.
    carry_forward: CarryForward,
    /// What a PET means whose only uptake is unlikely to be lymphoma. Default: `not-evaluable`.
    unrelated_uptake: UnrelatedUptake,
    /// Days from the first treatment before which stable disease is no best response. Default: 0.
    min_stable_disease_days: u32,
    /// LYRIC: weeks from the start of treatment in which a grown sum may be indeterminate. Default: 12.
    indeterminate_weeks: u32,
    /// LYRIC: weeks within which an indeterminate response is to be imaged again. Default: 12.
    recheck_weeks: u32,
    /// LYRIC: further growth of the sum, in percent, that makes progression of an IR(1). Default: 10.
    further_growth_percent: u32,
}

impl Settings {
    /// Lugano 2014 with every open point at its default.
    pub const LUGANO_2014: Self = Self {
        criteria: CriteriaSet::Lugano2014,
        max_targets: 6,
        too_small_mm: 5,
        spleen_normal_mm: 130,
        spleen_reference: SpleenReference::Nadir,
        partial_by_spleen_alone: false,
        extranodal_growth_above_mm: 15,
        diameter_reference: DiameterReference::AtProductNadir,
        size_class: SizeClass::Nadir,
        marrow_for_complete: MarrowForComplete::IfInvolved,
        missing_component: MissingComponent::NotEvaluable,
        carry_forward: CarryForward::BesideCt,
        unrelated_uptake: UnrelatedUptake::NotEvaluable,
        min_stable_disease_days: 0,
        indeterminate_weeks: 12,
        recheck_weeks: 12,
        further_growth_percent: 10,
    };

    /// LYRIC 2016 with every open point at its default.
    pub const LYRIC: Self = Self { criteria: CriteriaSet::Lyric, ..Self::LUGANO_2014 };

    /// The defaults of a set; `None` for sets that are not these criteria.
    pub const fn of(criteria: CriteriaSet) -> Option<Self> {
        match criteria {
            CriteriaSet::Lugano2014 => Some(Self::LUGANO_2014),
            CriteriaSet::Lyric => Some(Self::LYRIC),
            _ => None,
        }
    }

    pub(super) fn because(&self, rule: &str, says: impl Into<String>) -> Because {
        Because::new(format!("{}/{rule}", self.criteria), says).source(LUGANO)
    }
}
