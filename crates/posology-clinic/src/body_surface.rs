//! Body surface area from height and weight, by the formula that the protocol names.
//!
//! Start at [`body_surface`]. The formulae are 1 to 2% apart in ordinary adults and up to 6% in small children, so the
//! protocol must choose; nothing switches by age or size. The result keeps formula, inputs and the value before cap
//! and rounding.

use std::fmt;

use rust_decimal::prelude::ToPrimitive;
use rust_decimal::{Decimal, RoundingStrategy};
use serde::{Deserialize, Serialize};

use crate::Because;
use crate::nuclide::decimal_of;
use crate::quantity::{Area, BadQuantity, Length, Mass};

/// A published formula; H is the height in cm, W the weight in kg, the result in m2.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum Formula {
    /// sqrt(H W / 3600). Mosteller 1987.
    Mosteller,
    /// 0.007184 H^0.725 W^0.425. Du Bois and Du Bois 1916.
    DuBois,
    /// 0.024265 H^0.3964 W^0.5378. Haycock 1978, fitted on infants, children and adults.
    Haycock,
    /// 0.0235 H^0.42246 W^0.51456. Gehan and George 1970.
    GehanGeorge,
    /// 0.0003207 H^0.3 (1000 W)^(0.7285 - 0.0188 log10(1000 W)). Boyd 1935.
    Boyd,
    /// 0.008883 H^0.663 W^0.444. Fujimoto 1968.
    Fujimoto,
    /// 0.007241 H^0.725 W^0.425. Takahira 1925.
    Takahira,
}

impl Formula {
    /// Every formula.
    pub const ALL: [Self; 7] = [
        Self::Mosteller,
        Self::DuBois,
        Self::Haycock,
        Self::GehanGeorge,
        Self::Boyd,
        Self::Fujimoto,
        Self::Takahira,
    ];

    /// The identifier in protocols, such as `du-bois`.
    pub fn id(self) -> &'static str {
        match self {
            Self::Mosteller => "mosteller",
            Self::DuBois => "du-bois",
            Self::Haycock => "haycock",
            Self::GehanGeorge => "gehan-george",
            Self::Boyd => "boyd",
            Self::Fujimoto => "fujimoto",
            Self::Takahira => "takahira",
        }
    }

    fn source(self) -> &'static str {
        match self {
            Self::Mosteller => "Mosteller, N Engl J Med 1987;317:1098",
            Self::DuBois => "Du Bois and Du Bois, Arch Intern Med 1916;17:863-71",
            Self::Haycock => "Haycock et al., J Pediatr 1978;93:62-6",
            Self::GehanGeorge => "Gehan and George, Cancer Chemother Rep 1970;54:225-35",
            Self::Boyd => "Boyd 1935",
            Self::Fujimoto => "Fujimoto 1968",
            Self::Takahira => "Takahira 1925",
        }
    }

    fn square_metres(self, height: f64, weight: f64) -> f64 {
        let power = |factor: f64, of_height: f64, of_weight: f64| {
            factor * libm::pow(height, of_height) * libm::pow(weight, of_weight)
        };
        match self {
            Self::Mosteller => libm::sqrt(height * weight / 3600.0),
            Self::DuBois => power(0.007_184, 0.725, 0.425),
            Self::Haycock => power(0.024_265, 0.3964, 0.5378),
            Self::GehanGeorge => power(0.0235, 0.422_46, 0.514_56),
            Self::Boyd => {
                let grams = 1000.0 * weight;
                0.000_320_7 * libm::pow(height, 0.3) * libm::pow(grams, 0.7285 - 0.0188 * libm::log10(grams))
            }
            Self::Fujimoto => power(0.008_883, 0.663, 0.444),
            Self::Takahira => power(0.007_241, 0.725, 0.425),
        }
    }
}

impl fmt::Display for Formula {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.id())
    }
}

/// How a protocol computes the body surface area.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Settings {
    /// The formula; there is no default.
    pub formula: Formula,
    /// The largest area used; no cap if left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cap: Option<Area>,
    /// Decimals of a square metre to which the area is rounded, half away from zero; not rounded if left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub decimals: Option<u32>,
}

/// A body surface area and how it came about.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct BodySurface {
    /// The area to use: capped, then rounded.
    pub area: Area,
    /// The area of the formula, to 15 significant digits.
    pub unrounded: Area,
    /// Whether the cap applied.
    pub capped: bool,
    /// The formula.
    pub formula: Formula,
    /// The reason, with height and weight.
    pub because: Because,
}

/// Body surface area from height and weight.
///
/// # Errors
/// Unless the height is from 30 to 250 cm and the weight from 1 to 400 kg: beyond these a formula says nothing, and
/// the two are easily exchanged.
///
/// ```
/// use posology_clinic::body_surface::{body_surface, Formula, Settings};
/// let settings = Settings { formula: Formula::Mosteller, cap: None, decimals: None };
/// let found = body_surface("175 cm".parse()?, "80 kg".parse()?, &settings)?;
/// assert_eq!(found.area.square_metres().round_dp(5).to_string(), "1.97203");
/// # Ok::<(), posology_clinic::quantity::BadQuantity>(())
/// ```
pub fn body_surface(height: Length, weight: Mass, settings: &Settings) -> Result<BodySurface, BadQuantity> {
    let (cm, kg) = (height.centimetres(), weight.kilograms());
    if cm < Decimal::from(30) || cm > Decimal::from(250) {
        let mend = "check the unit, and that height and weight are not exchanged";
        return Err(BadQuantity::new(height, "a height from 30 to 250 cm", mend));
    }
    if kg < Decimal::ONE || kg > Decimal::from(400) {
        let mend = "check the unit, and that height and weight are not exchanged";
        return Err(BadQuantity::new(weight, "a weight from 1 to 400 kg", mend));
    }
    let square_metres =
        settings.formula.square_metres(cm.to_f64().unwrap_or(f64::NAN), kg.to_f64().unwrap_or(f64::NAN));
    let unrounded = Area::from_square_metres(decimal_of(square_metres).unwrap_or_default())?;
    let capped = settings.cap.is_some_and(|cap| unrounded > cap);
    let mut area = settings.cap.map_or(unrounded, |cap| unrounded.min(cap));
    if let Some(decimals) = settings.decimals {
        let rounded =
            area.square_metres().round_dp_with_strategy(decimals, RoundingStrategy::MidpointAwayFromZero);
        area = Area::from_square_metres(rounded)?;
    }
    let mut says = format!("body surface {} m2 by {}", area.square_metres().round_dp(4), settings.formula);
    if let Some(cap) = settings.cap.filter(|_| capped) {
        says.push_str(&format!(", capped at {cap} from {} m2", unrounded.square_metres().round_dp(4)));
    }
    let mut because = Because::new(format!("body-surface/{}", settings.formula), says)
        .input("height", height)
        .input("weight", weight)
        .input("unrounded", unrounded)
        .source(settings.formula.source());
    if let Some(decimals) = settings.decimals {
        because = because.input("decimals", decimals);
    }
    Ok(BodySurface { area, unrounded, capped, formula: settings.formula, because })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn area(formula: Formula, cm: &str, kg: &str) -> Decimal {
        let settings = Settings { formula, cap: None, decimals: Some(4) };
        let height = format!("{cm} cm").parse().unwrap();
        body_surface(height, format!("{kg} kg").parse().unwrap(), &settings).unwrap().area.square_metres()
    }

    #[test]
    fn the_formulae_give_the_areas_worked_out_by_hand() {
        // Source: the published formulae, worked out apart from this code.
        use Formula::{Boyd, DuBois, Fujimoto, GehanGeorge, Haycock, Mosteller, Takahira};
        for (cm, kg, expected) in [
            ("175", "80", ["1.9720", "1.9561", "1.9843", "1.9857"]),
            ("160", "55", ["1.5635", "1.5632", "1.5655", "1.5767"]),
            ("185", "120", ["2.4833", "2.4195", "2.5227", "2.5045"]),
            ("100", "16", ["0.6667", "0.6578", "0.6689", "0.6848"]),
            ("87", "12", ["0.5385", "0.5262", "0.5422", "0.5569"]),
        ] {
            for (formula, expected) in [Mosteller, DuBois, Haycock, GehanGeorge].into_iter().zip(expected) {
                assert_eq!(area(formula, cm, kg), expected.parse().unwrap(), "{formula} {cm} {kg}");
            }
        }
        // Python: 0.0003207*175**.3*80000**(.7285-.0188*math.log10(80000)), 0.008883*175**.663*80**.444, 0.007241*175**.725*80**.425
        for (formula, expected) in [(Boyd, "1.9905"), (Fujimoto, "1.9084"), (Takahira, "1.9716")] {
            assert_eq!(area(formula, "175", "80"), expected.parse().unwrap(), "{formula}");
        }
    }

    #[test]
    fn a_cap_is_applied_and_the_area_before_it_kept() {
        let settings =
            Settings { formula: Formula::Mosteller, cap: Some("2.2 m2".parse().unwrap()), decimals: Some(2) };
        let found = body_surface("185 cm".parse().unwrap(), "120 kg".parse().unwrap(), &settings).unwrap();
        assert_eq!((found.area.square_metres(), found.capped), ("2.20".parse().unwrap(), true));
        assert_eq!(found.unrounded.square_metres().round_dp(4), "2.4833".parse().unwrap());
        assert!(found.because.says.contains("capped at 2.2 m2 from 2.4833 m2"), "{}", found.because.says);
    }

    #[test]
    fn exchanged_height_and_weight_are_refused() {
        let settings = Settings { formula: Formula::DuBois, cap: None, decimals: None };
        let refused =
            |cm: &str, kg: &str| body_surface(cm.parse().unwrap(), kg.parse().unwrap(), &settings).is_err();
        assert!(refused("20 cm", "175 kg"));
        assert!(refused("1.75 cm", "80 kg"));
        assert!(refused("175 cm", "80000 kg"));
    }

    #[test]
    fn formulae_are_written_by_their_ids() {
        for formula in Formula::ALL {
            assert_eq!(serde_json::to_value(formula).unwrap(), formula.id());
        }
    }

    proptest! {
        #[test]
        fn a_taller_or_heavier_body_has_more_surface(cm in 50u32..240, kg in 3u32..300) {
            let at = |formula, cm: u32, kg: u32| area(formula, &cm.to_string(), &kg.to_string());
            for formula in Formula::ALL {
                prop_assert!(at(formula, cm + 5, kg) > at(formula, cm, kg));
                prop_assert!(at(formula, cm, kg + 5) > at(formula, cm, kg));
            }
        }
    }
}
