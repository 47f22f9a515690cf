//! The editions of the criteria as values, and the points they leave open as settings.

use std::fmt;
use std::str::FromStr;

use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use crate::response::confirm::Rules;

/// An edition of the criteria of the International Myeloma Working Group.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub enum Edition {
    /// Durie et al., Leukemia 2006;20:1467-73. No minimal response.
    #[serde(rename = "imwg-2006", alias = "IMWG-2006")]
    Imwg2006,
    /// Rajkumar et al., Blood 2011;117:4691-5. Adds minimal response in relapsed or refractory disease.
    #[serde(rename = "imwg-2011", alias = "IMWG-2011")]
    Imwg2011,
    /// Kumar et al., Lancet Oncol 2016;17:e328-46.
    #[serde(rename = "imwg-2016", alias = "IMWG-2016")]
    Imwg2016,
}

impl Edition {
    /// Every edition, the oldest first.
    pub const ALL: [Self; 3] = [Self::Imwg2006, Self::Imwg2011, Self::Imwg2016];

    /// Identifier: `imwg-2006`, `imwg-2011` or `imwg-2016`.
    pub const fn id(self) -> &'static str {
        match self {
            Self::Imwg2006 => "imwg-2006",
            Self::Imwg2011 => "imwg-2011",
            Self::Imwg2016 => "imwg-2016",
        }
    }

    /// The paper of the edition.
    pub const fn source(self) -> &'static str {
        match self {
            Self::Imwg2006 => "Durie et al., Leukemia 2006;20:1467-73",
            Self::Imwg2011 => "Rajkumar et al., Blood 2011;117:4691-5",
            Self::Imwg2016 => "Kumar et al., Lancet Oncol 2016;17:e328-46",
        }
    }

    /// The edition with every open point at its default.
    pub const fn criteria(self) -> Criteria {
        match self {
            Self::Imwg2006 => Criteria::IMWG_2006,
            Self::Imwg2011 => Criteria::IMWG_2011,
            Self::Imwg2016 => Criteria::IMWG_2016,
        }
    }
}

impl fmt::Display for Edition {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.pad(self.id())
    }
}

/// A text that names no edition.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{found}` is no edition of the myeloma criteria; expected imwg-2006, imwg-2011 or imwg-2016")]
pub struct UnknownEdition {
    /// The text as found.
    pub found: String,
}

impl FromStr for Edition {
    type Err = UnknownEdition;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL
            .into_iter()
            .find(|edition| edition.id().eq_ignore_ascii_case(text.trim()))
            .ok_or_else(|| UnknownEdition { found: text.to_owned() })
    }
}

/// Declares an open point whose answers are words.
macro_rules! choice {
    ($(#[$about:meta])* $name:ident { $($(#[$meaning:meta])* $answer:ident,)+ }) => {
        $(#[$about])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
        #[serde(rename_all = "kebab-case")]
        #[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
        pub enum $name {
            $($(#[$meaning])* $answer,)+
        }
    };
}

choice! {
    /// Which lowest value counts as the nadir of a serum, urine or light chain marker.
    Nadir {
        /// The lowest level with two consecutive samples at or below it; the baseline needs no second.
        Confirmed,
        /// The lowest value, seen once.
        Any,
    }
}

choice! {
    /// Which value of 5 g/dL or more makes a rise of 1 g/dL enough for progression.
    LargeSpike {
        /// The nadir.
        Nadir,
        /// The value at baseline.
        Starting,
    }
}

choice! {
    /// Whether a limit includes its own value.
    Limit {
        /// At the limit or beyond.
        AtLeast,
        /// Beyond the limit only.
        Above,
    }
}

choice! {
    /// What a urine M-protein of exactly 200 mg/24 h is, when it fell by 50 to 89%: partial response asks for
    /// less than 200, the minimal response of 2011 for more.
    UrineAt200 {
        /// Minimal response.
        Minimal,
        /// Neither, so stable disease.
        Stable,
    }
}

choice! {
    /// Progression by marrow where nothing else was measurable, beside the relative rise of 25%.
    MarrowProgression {
        /// An absolute rise of 10 percentage points.
        #[serde(rename = "increase-10")]
        Increase10,
        /// A level of 10% plasma cells.
        #[serde(rename = "level-10")]
        Level10,
        /// A level of 10% plasma cells, or of 5% after a complete response.
        #[serde(rename = "level-10-or-5-after-complete")]
        Level10Or5AfterComplete,
    }
}

choice! {
    /// Progression by plasma cells in the blood where nothing else was measurable, beside the relative rise of 50%.
    CirculatingCells {
        /// No progression by these.
        None,
        /// A level of 200 cells/uL.
        #[serde(rename = "level-200")]
        Level200,
        /// An absolute rise of 200 cells/uL.
        #[serde(rename = "increase-200")]
        Increase200,
    }
}

choice! {
    /// Whether the baseline alone can be the confirmed nadir.
    NadirBaseline {
        /// It needs no second sample.
        Alone,
        /// It needs a second sample at or below it, as every other value.
        Confirmed,
    }
}

choice! {
    /// What serum must show for a very good partial response where only urine was measurable.
    UrineOnlySerum {
        /// It must not be worse than at baseline.
        NotWorse,
        /// Nothing.
        Ignore,
    }
}

choice! {
    /// Which marrow samples an assessment may use, within the window.
    MarrowSample {
        /// The latest up to the assessment; without one the first after it, if no progression lies between.
        Around,
        /// The latest up to the assessment only.
        Before,
    }
}

choice! {
    /// What a plasmacytoma not measured within the imaging interval does.
    MissingImaging {
        /// One level less than the markers alone.
        OneLevelLower,
        /// No complete response.
        NoComplete,
        /// The response cannot be evaluated.
        NotEvaluable,
    }
}

choice! {
    /// The sensitivity that an assay of minimal residual disease must reach: one cell in so many.
    Sensitivity {
        /// One in 10,000.
        #[serde(rename = "1e-4")]
        OneIn10Thousand,
        /// One in 100,000.
        #[serde(rename = "1e-5")]
        OneIn100Thousand,
        /// One in a million.
        #[serde(rename = "1e-6")]
        OneInAMillion,
    }
}

choice! {
    /// The corrected calcium above which hypercalcaemia is a clinical relapse, mg/dL.
    CalciumLimit {
        /// Above 11 mg/dL.
        #[serde(rename = "11")]
        Eleven,
        /// Above 11.5 mg/dL.
        #[serde(rename = "11.5")]
        ElevenAndAHalf,
    }
}

impl Sensitivity {
    /// The share of cells.
    pub const fn share(self) -> Decimal {
        Decimal::from_parts(
            1,
            0,
            0,
            false,
            match self {
                Self::OneIn10Thousand => 4,
                Self::OneIn100Thousand => 5,
                Self::OneInAMillion => 6,
            },
        )
    }
}

impl CalciumLimit {
    /// The limit, mg/dL.
    pub const fn milligrams_per_decilitre(self) -> Decimal {
        match self {
            Self::Eleven => Decimal::from_parts(11, 0, 0, false, 0),
            Self::ElevenAndAHalf => Decimal::from_parts(115, 0, 0, false, 1),
        }
    }
}

choice! {
    /// What a missing value does where the marker was measurable at baseline.
    MissingMeasurable {
        /// No improvement can be evaluated.
        NotEvaluable,
        /// The value of the visit just before stands in, once.
        CarryForwardOnce,
    }
}

choice! {
    /// What a missing serum or urine value does where that marker was not measurable at baseline.
    MissingUnmeasurable {
        /// Nothing deeper than partial response, since a very good one needs both fluids documented.
        CapAtPartial,
        /// Nothing.
        Ignore,
    }
}

choice! {
    /// By how much a plasmacytoma must shrink for a minimal response.
    PlasmacytomaMinimal {
        /// By 25%, as in 2011.
        Quarter,
        /// By 50%, as in 2016.
        Half,
    }
}

choice! {
    /// By how much a plasmacytoma must shrink for a very good partial response.
    PlasmacytomaVeryGoodPartial {
        /// By 90%.
        Ninety,
        /// By 50%, as for partial response.
        AsPartial,
    }
}

/// The normal range of the ratio of free kappa to free lambda light chains; both ends are normal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct NormalRatio {
    /// Lowest normal ratio.
    #[cfg_attr(feature = "schema", schemars(with = "String"))]
    pub low: Decimal,
    /// Highest normal ratio.
    #[cfg_attr(feature = "schema", schemars(with = "String"))]
    pub high: Decimal,
}

impl NormalRatio {
    /// 0.26 to 1.65.
    pub const USUAL: Self =
        Self { low: Decimal::from_parts(26, 0, 0, false, 2), high: Decimal::from_parts(165, 0, 0, false, 2) };

    /// Whether a ratio is normal.
    ///
    /// ```
    /// use posology_clinic::response::imwg::NormalRatio;
    /// assert!(NormalRatio::USUAL.contains("1.65".parse()?));
    /// assert!(!NormalRatio::USUAL.contains("1.66".parse()?));
    /// # Ok::<(), rust_decimal::Error>(())
    /// ```
    pub fn contains(&self, ratio: Decimal) -> bool {
        self.low <= ratio && ratio <= self.high
    }
}

/// Declares the open points once, as the resolved criteria and as the table a protocol writes.
macro_rules! open_points {
    ($($(#[doc = $meaning:literal])+ $key:ident: $answer:ty,)+) => {
        /// A rule set: an edition and an answer to every point it leaves open.
        #[derive(Debug, Clone, PartialEq, Eq, Serialize)]
        #[serde(rename_all = "kebab-case")]
        pub struct Criteria {
            /// The edition.
            #[serde(rename = "criteria")]
            pub edition: Edition,
            $($(#[doc = $meaning])+ pub $key: $answer,)+
        }

        /// The table `[response]` of a protocol: the edition, the open points it answers otherwise than by
        /// default, and the rules of confirmation.
        ///
        /// ```
        /// use posology_clinic::response::imwg::{Criteria, Nadir, Settings};
        /// let settings: Settings = serde_json::from_str(r#"{"criteria": "IMWG-2016", "nadir": "any"}"#)?;
        /// assert_eq!(settings.criteria(), Criteria { nadir: Nadir::Any, ..Criteria::IMWG_2016 });
        /// # Ok::<(), serde_json::Error>(())
        /// ```
        #[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
        #[serde(rename_all = "kebab-case", deny_unknown_fields)]
        #[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
        pub struct Settings {
            /// The edition, such as `IMWG-2016`.
            #[serde(rename = "criteria")]
            pub edition: Edition,
            $($(#[doc = $meaning])+
            #[serde(default, skip_serializing_if = "Option::is_none")]
            pub $key: Option<$answer>,)+
            /// The rules of confirmation.
            #[serde(default = "protocol_rules")]
            pub confirmation: Rules,
        }

        impl Settings {
            /// The edition with nothing answered otherwise than by default.
            pub const fn new(edition: Edition) -> Self {
                Self { edition, $($key: None,)+ confirmation: Rules::PROTOCOL }
            }

            /// The rule set, every open point answered.
            pub fn criteria(&self) -> Criteria {
                let default = self.edition.criteria();
                Criteria {
                    edition: self.edition,
                    $($key: self.$key.clone().unwrap_or(default.$key),)+
                }
            }
        }
    };
}

fn protocol_rules() -> Rules {
    Rules::PROTOCOL
}

open_points! {
    /// Which lowest value is the nadir. 2016: `confirmed`; before: `any`.
    nadir: Nadir,
    /// Whether the baseline alone can be the confirmed nadir. Default: `alone`.
    nadir_baseline: NadirBaseline,
    /// Which M-protein of 5 g/dL or more makes a rise of 1 g/dL enough. 2016: `nadir`; before: `starting`.
    large_spike: LargeSpike,
    /// Whether minimal response is used, which is meant for relapsed or refractory disease. 2006: false.
    minimal_response: bool,
    /// What exactly 200 mg/24 h of urine M-protein is. Default: `minimal`.
    urine_at_200: UrineAt200,
    /// Whether a fall of the light chain difference by 25 to 49% is a minimal response. Default: false.
    minimal_by_light_chains: bool,
    /// Whether a fall of marrow plasma cells by 25 to 49% is a minimal response. Default: false.
    minimal_by_marrow: bool,
    /// Whether a fall by exactly 90% is a very good partial response. Default: `at-least`.
    very_good_partial: Limit,
    /// Whether a fall of marrow plasma cells by 90% is a very good partial response. Default: false.
    very_good_partial_by_marrow: bool,
    /// What serum must show for one where only urine was measurable. Default: `not-worse`.
    urine_only_serum: UrineOnlySerum,
    /// Whether a baseline value exactly at the limit is measurable. Default: `at-least`.
    measurable: Limit,
    /// Whether marrow plasma cells of 30% or more may drive where nothing else is measurable. Default: true.
    marrow_measurable: bool,
    /// Whether a plasmacytoma of 2 cm or more may drive where nothing else is measurable. 2016: true.
    plasmacytoma_measurable: bool,
    /// Which marrow samples an assessment may use. Default: `around`.
    marrow_sample: MarrowSample,
    /// How many days may lie between a marrow sample and the assessment that uses it. Default: 42.
    marrow_window_days: u32,
    /// What progression by marrow needs beside the relative rise. 2016: `increase-10`; before: `level-10`.
    marrow_progression: MarrowProgression,
    /// What progression by circulating plasma cells needs beside the relative rise. 2016: `level-200`; before: `none`.
    circulating_cells_progression: CirculatingCells,
    /// Whether serum, urine or light chains that were not measurable at baseline can progress by the full
    /// amount. Default: true.
    progression_of_unmeasurable: bool,
    /// What a missing urine value does where urine was measurable. Default: `not-evaluable`.
    missing_urine: MissingMeasurable,
    /// What a missing serum value does where serum was measurable. Default: `not-evaluable`.
    missing_serum: MissingMeasurable,
    /// What missing light chains do where they drive. Default: `not-evaluable`.
    missing_light_chains: MissingMeasurable,
    /// What a missing value does where that fluid was not measurable. Default: `cap-at-partial`.
    missing_unmeasurable: MissingUnmeasurable,
    /// By how much a plasmacytoma must shrink for minimal response. 2016: `half`; before: `quarter`.
    plasmacytoma_minimal: PlasmacytomaMinimal,
    /// By how much it must shrink for very good partial response. Default: `ninety`.
    plasmacytoma_very_good_partial: PlasmacytomaVeryGoodPartial,
    /// For how many days a measurement of a plasmacytoma stands in for one not repeated. Default: 90.
    imaging_interval_days: u32,
    /// What one not measured for longer does. Default: `one-level-lower`.
    missing_imaging: MissingImaging,
    /// Whether corrected calcium above 11.5 mg/dL due only to myeloma is progression. 2016: false.
    hypercalcaemia_progression: bool,
    /// The normal range of the light chain ratio. Default: 0.26 to 1.65.
    free_light_chain_ratio: NormalRatio,
    /// The corrected calcium above which there is a clinical relapse, mg/dL. 2016: `11`; before: `11.5`.
    clinical_relapse_calcium: CalciumLimit,
    /// The sensitivity that an assay of minimal residual disease must reach. Default: `1e-5`.
    mrd_sensitivity: Sensitivity,
    /// Whether mass spectrometry counts among these assays. Default: false.
    mrd_mass_spectrometry: bool,
    /// Whether negativity counts in a complete or stringent complete response only. Default: true.
    mrd_needs_complete: bool,
    /// How many months apart two negative results must lie to be sustained. Default: 12.
    mrd_sustained_months: u32,
}

impl Criteria {
    /// The criteria of 2016, for relapsed or refractory disease.
    pub const IMWG_2016: Self = Self {
        edition: Edition::Imwg2016,
        nadir: Nadir::Confirmed,
        nadir_baseline: NadirBaseline::Alone,
        large_spike: LargeSpike::Nadir,
        minimal_response: true,
        urine_at_200: UrineAt200::Minimal,
        minimal_by_light_chains: false,
        minimal_by_marrow: false,
        very_good_partial: Limit::AtLeast,
        very_good_partial_by_marrow: false,
        urine_only_serum: UrineOnlySerum::NotWorse,
        measurable: Limit::AtLeast,
        marrow_measurable: true,
        plasmacytoma_measurable: true,
        marrow_sample: MarrowSample::Around,
        marrow_window_days: 42,
        marrow_progression: MarrowProgression::Increase10,
        circulating_cells_progression: CirculatingCells::Level200,
        progression_of_unmeasurable: true,
        missing_urine: MissingMeasurable::NotEvaluable,
        missing_serum: MissingMeasurable::NotEvaluable,
        missing_light_chains: MissingMeasurable::NotEvaluable,
        missing_unmeasurable: MissingUnmeasurable::CapAtPartial,
        plasmacytoma_minimal: PlasmacytomaMinimal::Half,
        plasmacytoma_very_good_partial: PlasmacytomaVeryGoodPartial::Ninety,
        imaging_interval_days: 90,
        missing_imaging: MissingImaging::OneLevelLower,
        hypercalcaemia_progression: false,
        free_light_chain_ratio: NormalRatio::USUAL,
        clinical_relapse_calcium: CalciumLimit::Eleven,
        mrd_sensitivity: Sensitivity::OneIn100Thousand,
        mrd_mass_spectrometry: false,
        mrd_needs_complete: true,
        mrd_sustained_months: 12,
    };

    /// The criteria of 2011, for relapsed or refractory disease.
    pub const IMWG_2011: Self = Self {
        edition: Edition::Imwg2011,
        nadir: Nadir::Any,
        large_spike: LargeSpike::Starting,
        marrow_progression: MarrowProgression::Level10,
        plasmacytoma_minimal: PlasmacytomaMinimal::Quarter,
        hypercalcaemia_progression: true,
        plasmacytoma_measurable: false,
        circulating_cells_progression: CirculatingCells::None,
        clinical_relapse_calcium: CalciumLimit::ElevenAndAHalf,
        ..Self::IMWG_2016
    };

    /// The criteria of 2006.
    pub const IMWG_2006: Self =
        Self { edition: Edition::Imwg2006, minimal_response: false, ..Self::IMWG_2011 };

    /// The identifier of a rule of this edition, such as `imwg-2016/serum`.
    pub(super) fn rule(&self, name: &str) -> String {
        format!("{}/{name}", self.edition)
    }
}
