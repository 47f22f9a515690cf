//! The lines a curve is read against: at which value a marker reaches a category, and from which it progresses.

use rust_decimal::Decimal;

use super::{
    CirculatingCells, Criteria, LargeSpike, Marker, MarrowProgression, PlasmacytomaVeryGoodPartial, whole,
};
use crate::response::Category;

/// The highest value at which a marker alone reaches each category, the shallowest first; urine reaches very good
/// partial response below its value, not at it. Only what the criteria define for the marker.
///
/// ```
/// use posology_clinic::response::{Category, imwg::{Criteria, Marker, response_levels}};
/// let levels = response_levels(&Criteria::IMWG_2016, Marker::SerumM, "4.0".parse().unwrap());
/// assert_eq!(levels[1], (Category::Partial, "2.00".parse().unwrap()));
/// ```
pub fn response_levels(criteria: &Criteria, marker: Marker, baseline: Decimal) -> Vec<(Category, Decimal)> {
    let share = |percent: i64| baseline.saturating_mul(Decimal::new(percent, 2));
    let minimal = |defined: bool, percent: i64| {
        (defined && criteria.minimal_response).then(|| (Category::Minimal, share(percent)))
    };
    let mut levels = Vec::new();
    match marker {
        Marker::SerumM => {
            levels.extend(minimal(true, 75));
            levels.extend([(Category::Partial, share(50)), (Category::VeryGoodPartial, share(10))]);
        }
        Marker::UrineM => {
            levels.extend(minimal(true, 50));
            levels.push((Category::Partial, share(10).max(whole(200))));
            levels.push((Category::VeryGoodPartial, whole(100)));
        }
        Marker::FreeLightChains => {
            levels.extend(minimal(criteria.minimal_by_light_chains, 75));
            levels.extend([(Category::Partial, share(50)), (Category::VeryGoodPartial, share(10))]);
        }
        Marker::PlasmaCells => {
            levels.extend(minimal(criteria.minimal_by_marrow, 75));
            levels.push((Category::Partial, share(50)));
            if criteria.very_good_partial_by_marrow {
                levels.push((Category::VeryGoodPartial, share(10)));
            }
        }
        Marker::Plasmacytoma => {
            levels.push((Category::Partial, share(50)));
            if criteria.plasmacytoma_very_good_partial == PlasmacytomaVeryGoodPartial::Ninety {
                levels.push((Category::VeryGoodPartial, share(10)));
            }
        }
        Marker::CirculatingCells => {}
    }
    levels
}

/// The value from which a marker shows progression, given the nadir before it; light chains must exceed it where
/// the amount of 10 mg/dL sets it. `None` where the criteria define none.
///
/// ```
/// use posology_clinic::response::imwg::{Criteria, Marker, progression_level};
/// let level = |nadir: &str| {
///     progression_level(&Criteria::IMWG_2016, Marker::SerumM, None, nadir.parse().unwrap()).unwrap()
/// };
/// assert_eq!(level("1.0"), "1.5".parse().unwrap());
/// assert_eq!(level("4.0"), "5.0".parse().unwrap());
/// assert_eq!(level("6.0"), "7.0".parse().unwrap(), "1 g/dL is enough from 5");
/// ```
pub fn progression_level(
    criteria: &Criteria,
    marker: Marker,
    baseline: Option<Decimal>,
    nadir: Decimal,
) -> Option<Decimal> {
    let by = |percent: i64, amount: Decimal| {
        let share = nadir.saturating_mul(Decimal::new(100 + percent, 2));
        share.max(nadir.saturating_add(amount))
    };
    match marker {
        Marker::SerumM => {
            let usual = by(25, Decimal::new(5, 1));
            let large = match criteria.large_spike {
                LargeSpike::Nadir => Some(nadir),
                LargeSpike::Starting => baseline,
            };
            let is_large = large.is_some_and(|large| large >= whole(5));
            Some(if is_large { usual.min(nadir.saturating_add(Decimal::ONE)) } else { usual })
        }
        Marker::UrineM => Some(by(25, whole(200))),
        Marker::FreeLightChains => Some(by(25, whole(10))),
        Marker::PlasmaCells => Some(match criteria.marrow_progression {
            MarrowProgression::Increase10 => by(25, whole(10)),
            MarrowProgression::Level10 | MarrowProgression::Level10Or5AfterComplete => {
                by(25, Decimal::ZERO).max(whole(10))
            }
        }),
        Marker::Plasmacytoma => Some(by(50, Decimal::ZERO)),
        Marker::CirculatingCells => match criteria.circulating_cells_progression {
            CirculatingCells::None => None,
            CirculatingCells::Level200 => Some(by(50, Decimal::ZERO).max(whole(200))),
            CirculatingCells::Increase200 => Some(by(50, whole(200))),
        },
    }
}
