//! Radioactive decay with named half-lives: what an activity at one instant is at another.
//!
//! Start at [`decay`]. Published half-lives of a nuclide differ in the fourth digit, which no patient feels and every
//! recalculation does, so each is a value with an id, an uncertainty and a source, stored with the result. Left out:
//! daughters, and biological or effective half-lives.

use std::fmt;

use jiff::Timestamp;
use rust_decimal::Decimal;
use rust_decimal::prelude::ToPrimitive;
use serde::Serialize;

use crate::Because;
use crate::quantity::Activity;

/// One published half-life of one nuclide.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct HalfLife {
    /// The nuclide, such as `I-131`.
    pub nuclide: &'static str,
    /// The compilation, such as `ensdf`.
    pub id: &'static str,
    /// The half-life in hours; exact as published.
    pub hours: Decimal,
    /// Its standard uncertainty in hours, where it was published.
    pub uncertainty_hours: Option<Decimal>,
    /// Where it is published.
    pub source: &'static str,
}

const fn decimal(digits: u32, scale: u32) -> Decimal {
    Decimal::from_parts(digits, 0, 0, false, scale)
}

/// The half-lives known here, the default of each nuclide first.
///
/// In days as published: I-131 8.0252(6) ENSDF, 8.0233(19) DDEP, 8.02070 ICRP 107, 8.02 and 8.04 product labels; Lu-177
/// 6.647 and Ac-225 10.0, both ICRP 107. Y-90: 64.10 hours, ICRP 107.
pub const HALF_LIVES: &[HalfLife] = &[
    HalfLife {
        nuclide: "I-131",
        id: "ensdf",
        hours: decimal(1_926_048, 4),
        uncertainty_hours: Some(decimal(144, 4)),
        source: "ENSDF, 8.0252(6) d",
    },
    HalfLife {
        nuclide: "I-131",
        id: "ddep",
        hours: decimal(1_925_592, 4),
        uncertainty_hours: Some(decimal(456, 4)),
        source: "DDEP, 8.0233(19) d",
    },
    HalfLife {
        nuclide: "I-131",
        id: "icrp-107",
        hours: decimal(1_924_968, 4),
        uncertainty_hours: None,
        source: "ICRP Publication 107, 8.02070 d",
    },
    HalfLife {
        nuclide: "I-131",
        id: "label-8.02",
        hours: decimal(19_248, 2),
        uncertainty_hours: None,
        source: "product label, 8.02 d",
    },
    HalfLife {
        nuclide: "I-131",
        id: "label-8.04",
        hours: decimal(19_296, 2),
        uncertainty_hours: None,
        source: "older product label, 8.04 d",
    },
    HalfLife {
        nuclide: "Lu-177",
        id: "icrp-107",
        hours: decimal(159_528, 3),
        uncertainty_hours: None,
        source: "ICRP Publication 107, 6.647 d",
    },
    HalfLife {
        nuclide: "Y-90",
        id: "icrp-107",
        hours: decimal(6_410, 2),
        uncertainty_hours: None,
        source: "ICRP Publication 107, 64.10 h",
    },
    HalfLife {
        nuclide: "Ac-225",
        id: "icrp-107",
        hours: decimal(2_400, 1),
        uncertainty_hours: None,
        source: "ICRP Publication 107, 10.0 d",
    },
];

impl HalfLife {
    /// The half-life of a nuclide: that of the compilation asked for, else the nuclide's default.
    ///
    /// # Errors
    /// If the nuclide or its compilation is not known; the error names those that are.
    ///
    /// ```
    /// use posology_clinic::nuclide::HalfLife;
    /// assert_eq!(HalfLife::of("I-131", None)?.days().to_string(), "8.0252");
    /// assert_eq!(HalfLife::of("I-131", Some("ddep"))?.days().to_string(), "8.0233");
    /// # Ok::<(), posology_clinic::nuclide::DecayError>(())
    /// ```
    pub fn of(nuclide: &str, id: Option<&str>) -> Result<Self, DecayError> {
        HALF_LIVES
            .iter()
            .find(|h| h.nuclide.eq_ignore_ascii_case(nuclide) && id.is_none_or(|id| h.id == id))
            .copied()
            .ok_or_else(|| DecayError::Unknown {
                found: id.map_or(nuclide.to_owned(), |id| format!("{nuclide} {id}")),
            })
    }

    /// The half-life in days.
    pub fn days(self) -> Decimal {
        (self.hours / Decimal::from(24)).normalize()
    }
}

impl fmt::Display for HalfLife {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} h ({})", self.hours, self.source)
    }
}

/// Why a decay could not be computed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DecayError {
    /// No such half-life.
    #[error(
        "found {found:?}; expected one of {}; mend: name a nuclide, or a nuclide and its compilation",
        known()
    )]
    Unknown {
        /// What was asked for.
        found: String,
    },
    /// The instants are further apart than any activity is carried.
    #[error(
        "found {from} and {to}, more than 40 half-lives apart; expected instants of one supply; mend: check the years"
    )]
    TooFar {
        /// The instant of the known activity.
        from: Timestamp,
        /// The instant asked for.
        to: Timestamp,
    },
    /// The activity at the other instant is not one that can be written.
    #[error(transparent)]
    Activity(#[from] crate::quantity::BadQuantity),
}

fn known() -> String {
    HALF_LIVES.iter().map(|h| format!("{} {}", h.nuclide, h.id)).collect::<Vec<_>>().join(", ")
}

/// The factor by which an activity changes from one instant to another: 2^(-(to - from)/T), to 15 significant digits.
///
/// Below 1 forward in time and above 1 backward. `libm` makes it the same on every machine.
///
/// # Errors
/// If the instants are more than 40 half-lives apart, which no supply is.
///
/// ```
/// use posology_clinic::nuclide::{decay_factor, HalfLife};
/// let iodine = HalfLife::of("I-131", None)?;
/// let (noon, a_week_later) = ("2026-03-01T12:00Z".parse()?, "2026-03-08T12:00Z".parse()?);
/// assert_eq!(decay_factor(iodine, noon, a_week_later)?.round_dp(5).to_string(), "0.54629");
/// assert!(decay_factor(iodine, a_week_later, noon)? > 1.into());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn decay_factor(half_life: HalfLife, from: Timestamp, to: Timestamp) -> Result<Decimal, DecayError> {
    let seconds = to.duration_since(from).as_secs_f64();
    let too_far = || DecayError::TooFar { from, to };
    let half_lives = seconds / (half_life.hours.to_f64().ok_or_else(too_far)? * 3600.0);
    if half_lives.abs() > 40.0 {
        return Err(too_far());
    }
    decimal_of(libm::exp2(-half_lives)).ok_or_else(too_far)
}

/// A float as a decimal of 15 significant digits, all that a double holds for certain.
pub(crate) fn decimal_of(value: f64) -> Option<Decimal> {
    Decimal::from_f64_retain(value)?.round_sf(15).map(|value| value.normalize())
}

/// An activity carried to another instant.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Decayed {
    /// The activity at the instant asked for, in the unit it was given in.
    pub activity: Activity,
    /// The factor, as [`decay_factor`].
    pub factor: Decimal,
    /// The half-life used.
    pub half_life: HalfLife,
    /// The reason, with both instants.
    pub because: Because,
}

/// Carries an activity from the instant it is known at to another, forward or backward.
///
/// # Errors
/// As [`decay_factor`], or if the activity leaves the range of [`Activity`].
///
/// ```
/// use posology_clinic::nuclide::{decay, HalfLife};
/// // 1650 MBq on the label, given 36 hours later.
/// let iodine = HalfLife::of("I-131", None)?;
/// let given = decay("1650 MBq".parse()?, iodine, "2026-03-01T12:00Z".parse()?, "2026-03-03T00:00Z".parse()?)?;
/// assert_eq!(given.activity.mbq().round_dp(1).to_string(), "1449.5");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn decay(
    activity: Activity,
    half_life: HalfLife,
    from: Timestamp,
    to: Timestamp,
) -> Result<Decayed, DecayError> {
    let factor = decay_factor(half_life, from, to)?;
    let decayed = Activity::from_mbq((activity.mbq() * factor).normalize())?.show_in(activity.shown_in());
    let because = Because::new(
        "decay",
        format!(
            "{activity} of {} at {from} are {} MBq at {to}",
            half_life.nuclide,
            decayed.mbq().round_dp(1)
        ),
    )
    .input("activity", activity)
    .input("from", from)
    .input("to", to)
    .input("half-life", format!("{} h", half_life.hours))
    .input("factor", factor)
    .source(half_life.source);
    Ok(Decayed { activity: decayed, factor, half_life, because })
}

#[cfg(test)]
mod tests {
    use jiff::ToSpan;
    use proptest::prelude::*;

    use super::*;

    fn iodine() -> HalfLife {
        HalfLife::of("I-131", None).unwrap()
    }

    fn at(hours: i64) -> Timestamp {
        "2026-03-01T12:00Z".parse::<Timestamp>().unwrap() + hours.hours()
    }

    #[test]
    fn factors_of_iodine_131_are_those_worked_out_by_hand() {
        // Source: 2^(-t/8.0252 d), worked out apart from this code.
        for (hours, factor) in [
            (12, "0.95773"),
            (24, "0.91725"),
            (48, "0.84135"),
            (72, "0.77174"),
            (168, "0.54629"),
            (192, "0.50109"),
            (336, "0.29844"),
        ] {
            let factor: Decimal = factor.parse().unwrap();
            assert_eq!(decay_factor(iodine(), at(0), at(hours)).unwrap().round_dp(5), factor, "{hours} h");
        }
    }

    #[test]
    fn published_half_lives_are_those_of_their_sources_in_days() {
        for (id, days) in [
            ("ensdf", "8.0252"),
            ("ddep", "8.0233"),
            ("icrp-107", "8.0207"),
            ("label-8.02", "8.02"),
            ("label-8.04", "8.04"),
        ] {
            assert_eq!(HalfLife::of("i-131", Some(id)).unwrap().days().to_string(), days);
        }
        assert_eq!(HalfLife::of("Lu-177", None).unwrap().days().to_string(), "6.647");
        let error = HalfLife::of("I-132", None).unwrap_err().to_string();
        assert!(error.contains("I-131 ensdf"), "{error}");
    }

    #[test]
    fn instants_of_other_years_are_refused() {
        assert!(decay_factor(iodine(), at(0), at(24 * 400)).is_err());
        assert!(decay_factor(iodine(), Timestamp::MIN, Timestamp::MAX).is_err());
    }

    proptest! {
        #[test]
        fn there_and_back_is_one_and_parts_multiply(hours in -5_000i64..5_000, more in -2_000i64..2_000) {
            let iodine = iodine();
            let there = decay_factor(iodine, at(0), at(hours)).unwrap();
            let back = decay_factor(iodine, at(hours), at(0)).unwrap();
            let close = |a: Decimal, b: Decimal| (a - b).abs() <= b * Decimal::new(1, 13);
            prop_assert!(close(there * back, Decimal::ONE));
            let on = decay_factor(iodine, at(hours), at(hours + more)).unwrap();
            prop_assert!(close(there * on, decay_factor(iodine, at(0), at(hours + more)).unwrap()));
            prop_assert_eq!(there < Decimal::ONE, hours > 0);
        }
    }
}
