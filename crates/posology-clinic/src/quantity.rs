//! Quantities that carry their unit: activity, activity per body surface, area, length, mass, days.
//!
//! Each is read from text with its unit (`"20 mCi/m2"`), kept as an exact decimal and written back in the unit it
//! was read in. The field's word "dose" names none of them: 10 CFR 35 calls an activity a *dosage*, and a *dose*
//! is in Gy or Sv. Left out: absorbed dose.

use std::cmp::Ordering;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::str::FromStr;

use rust_decimal::Decimal;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// Megabecquerel in one millicurie: 1 Ci is 3.7e10 Bq by definition, so the factor is exact.
pub const MBQ_PER_MCI: Decimal = Decimal::from_parts(37, 0, 0, false, 0);

/// No quantity here may exceed this in its own unit, which keeps all later products within a decimal's range.
const LARGEST: Decimal = Decimal::from_parts(1_000_000_000, 0, 0, false, 0);

/// Text that is not the quantity asked for: what was found, what was expected and how to mend it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("found {found}; expected {expected}; mend: {mend}")]
pub struct BadQuantity {
    /// The text, or the part of it, that could not be read.
    pub found: String,
    /// What would have been read, with its units.
    pub expected: String,
    /// How to write it.
    pub mend: String,
}

impl BadQuantity {
    pub(crate) fn new(found: impl fmt::Display, expected: &str, mend: impl Into<String>) -> Self {
        Self { found: found.to_string(), expected: expected.to_owned(), mend: mend.into() }
    }
}

/// Parts "25 10^9/L" into 25 and `10^9/L`. The number is plain (sign, digits, one point), so a decimal comma or an
/// exponent is refused and never read as something else.
pub(crate) fn split_number(text: &str) -> Option<(Decimal, &str)> {
    let text = text.trim();
    let end = text
        .char_indices()
        .find(|&(at, c)| !(c.is_ascii_digit() || c == '.' || (at == 0 && matches!(c, '-' | '+'))))
        .map_or(text.len(), |(at, _)| at);
    let (number, unit) = text.split_at(end);
    // A letter e straight after the digits is an exponent, a comma a decimal or thousands mark.
    if unit.starts_with([',', 'e', 'E', '_']) || number.ends_with('.') || number.starts_with('.') {
        return None;
    }
    Some((Decimal::from_str_exact(number).ok()?, unit.trim()))
}

fn within(value: Decimal, text: &str, expected: &str, zero: bool) -> Result<Decimal, BadQuantity> {
    if value.is_sign_negative() && !value.is_zero() {
        Err(BadQuantity::new(
            format!("{text:?}, which is negative"),
            expected,
            "write the amount without a sign",
        ))
    } else if value.is_zero() && !zero {
        Err(BadQuantity::new(
            format!("{text:?}, which is zero"),
            expected,
            "leave it out if it was not measured",
        ))
    } else if value > LARGEST {
        Err(BadQuantity::new(
            format!("{text:?}, which is above {LARGEST}"),
            expected,
            "check the number and its unit",
        ))
    } else {
        Ok(value)
    }
}

/// Text in and out for a type with `FromStr` and `Display`, in serde and (with `schema`) in JSON Schema.
macro_rules! written_as_text {
    ($type:ident, $expecting:literal, $example:literal) => {
        impl Serialize for $type {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl<'de> Deserialize<'de> for $type {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                struct Text;
                impl de::Visitor<'_> for Text {
                    type Value = $type;
                    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                        f.write_str(concat!($expecting, " as text with its unit, such as \"", $example, "\""))
                    }
                    fn visit_str<E: de::Error>(self, text: &str) -> Result<$type, E> {
                        text.parse().map_err(E::custom)
                    }
                }
                deserializer.deserialize_str(Text)
            }
        }

        #[cfg(feature = "schema")]
        impl schemars::JsonSchema for $type {
            fn schema_name() -> std::borrow::Cow<'static, str> {
                stringify!($type).into()
            }
            fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
                schemars::json_schema!({
                    "type": "string",
                    "description": concat!($expecting, " with its unit"),
                    "examples": [$example],
                })
            }
        }
    };
}
pub(crate) use written_as_text;

/// A unit of activity.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ActivityUnit {
    /// Megabecquerel: 10^6 decays a second.
    Megabecquerel,
    /// Gigabecquerel: 1000 MBq.
    Gigabecquerel,
    /// Millicurie: 37 MBq exactly.
    Millicurie,
}

impl ActivityUnit {
    const ALL: [Self; 3] = [Self::Megabecquerel, Self::Gigabecquerel, Self::Millicurie];

    /// Megabecquerel in one of this unit; exact.
    pub fn megabecquerel(self) -> Decimal {
        match self {
            Self::Megabecquerel => Decimal::ONE,
            Self::Gigabecquerel => Decimal::ONE_THOUSAND,
            Self::Millicurie => MBQ_PER_MCI,
        }
    }

    /// The symbol: `MBq`, `GBq` or `mCi`.
    pub fn symbol(self) -> &'static str {
        match self {
            Self::Megabecquerel => "MBq",
            Self::Gigabecquerel => "GBq",
            Self::Millicurie => "mCi",
        }
    }

    // A prefix is significant: "MCI" or "mbq" could be a million times another unit, so case is never folded.
    fn parse(symbol: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|unit| unit.symbol() == symbol)
    }
}

macro_rules! activity_like {
    ($(#[$doc:meta])* $type:ident, $of:literal, $suffix:literal, $expected:literal, $example:literal,
     $mci:ident, $from_mci:ident, $mbq:ident, $from_mbq:ident, $strip:expr, $mend:expr) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy)]
        pub struct $type {
            megabecquerel: Decimal,
            shown_in: ActivityUnit,
        }

        impl $type {
            #[doc = concat!("An ", $of, " of `value` of a unit.")]
            ///
            /// # Errors
            /// If the value is negative, or beyond 10^9 MBq.
            pub fn new(value: Decimal, unit: ActivityUnit) -> Result<Self, BadQuantity> {
                let text = || format!("{value} {}{}", unit.symbol(), $suffix);
                // Held to the bound before the product too, which could otherwise leave a decimal's range.
                let value = within(value, &text(), $expected, true)?;
                let megabecquerel = within(value * unit.megabecquerel(), &text(), $expected, true)?;
                Ok(Self { megabecquerel, shown_in: unit })
            }

            #[doc = concat!("An ", $of, " in units of MBq", $suffix, ".")]
            ///
            /// # Errors
            /// As [`Self::new`].
            pub fn $from_mbq(value: Decimal) -> Result<Self, BadQuantity> {
                Self::new(value, ActivityUnit::Megabecquerel)
            }

            #[doc = concat!("An ", $of, " in units of mCi", $suffix, ".")]
            ///
            /// # Errors
            /// As [`Self::new`].
            pub fn $from_mci(value: Decimal) -> Result<Self, BadQuantity> {
                Self::new(value, ActivityUnit::Millicurie)
            }

            #[doc = concat!("The value in MBq", $suffix, "; exact.")]
            pub fn $mbq(self) -> Decimal {
                self.megabecquerel.normalize()
            }

            #[doc = concat!("The value in mCi", $suffix, ", to the 28 digits of a decimal (exact if it was written in mCi).")]
            pub fn $mci(self) -> Decimal {
                (self.megabecquerel / MBQ_PER_MCI).normalize()
            }

            /// The unit it is written in; no part of its value.
            pub fn shown_in(self) -> ActivityUnit {
                self.shown_in
            }

            /// The same quantity, written in another unit.
            #[must_use]
            pub fn show_in(self, unit: ActivityUnit) -> Self {
                Self { shown_in: unit, ..self }
            }
        }

        impl PartialEq for $type {
            fn eq(&self, other: &Self) -> bool {
                self.megabecquerel == other.megabecquerel
            }
        }

        impl Eq for $type {}

        impl PartialOrd for $type {
            fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
                Some(self.cmp(other))
            }
        }

        impl Ord for $type {
            fn cmp(&self, other: &Self) -> Ordering {
                self.megabecquerel.cmp(&other.megabecquerel)
            }
        }

        impl Hash for $type {
            fn hash<H: Hasher>(&self, state: &mut H) {
                self.megabecquerel.hash(state);
            }
        }

        impl fmt::Display for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                let value = (self.megabecquerel / self.shown_in.megabecquerel()).normalize();
                write!(f, "{value} {}{}", self.shown_in.symbol(), $suffix)
            }
        }

        impl FromStr for $type {
            type Err = BadQuantity;

            fn from_str(text: &str) -> Result<Self, BadQuantity> {
                let strip: fn(&str) -> Option<&str> = $strip;
                let mend: fn(&str, Decimal) -> String = $mend;
                let (value, unit) = split_number(text)
                    .ok_or_else(|| BadQuantity::new(format!("{text:?}"), $expected, concat!("write a plain number and its unit, such as \"", $example, "\"")))?;
                match strip(unit).and_then(|symbol| ActivityUnit::parse(symbol.trim())) {
                    Some(activity_unit) => Self::new(value, activity_unit),
                    None if unit.is_empty() => Err(BadQuantity::new(format!("{text:?}, which has no unit"), $expected, concat!("add the unit: \"", $example, "\""))),
                    None => Err(BadQuantity::new(unit, $expected, mend(unit, value))),
                }
            }
        }

        written_as_text!($type, $expected, $example);
    };
}

fn strip_per_area(unit: &str) -> Option<&str> {
    let (activity, area) = unit.split_once('/')?;
    matches!(area.trim(), "m2" | "m^2" | "m²").then_some(activity)
}

activity_like!(
    /// An activity: decays per unit of time, of a syringe, a prescription or a body. Never negative.
    ///
    /// Equality and order compare the activity, not the unit it is written in.
    ///
    /// ```
    /// use posology_clinic::quantity::Activity;
    /// let label: Activity = "39.4 mCi".parse()?;
    /// assert_eq!(label.mbq().to_string(), "1457.8");
    /// assert_eq!(label, "1.4578 GBq".parse()?);
    /// assert_eq!(label.to_string(), "39.4 mCi");
    /// assert!("-1 MBq".parse::<Activity>().is_err());
    /// # Ok::<(), posology_clinic::quantity::BadQuantity>(())
    /// ```
    Activity, "activity", "", "an activity in mCi, MBq or GBq", "1650 MBq",
    mci, from_mci, mbq, from_mbq,
    |unit| Some(unit),
    |unit, value| if strip_per_area(unit).is_some() {
        format!("an activity per area needs a body surface area first; if {value} is the whole activity, write \"{value} mCi\"")
    } else {
        "write mCi, MBq or GBq exactly so: the case of the letters is part of the unit".to_owned()
    }
);

activity_like!(
    /// An activity per body surface area: the level of a regimen, such as 20 mCi/m2. Never negative.
    ///
    /// ```
    /// use posology_clinic::quantity::ActivityPerArea;
    /// let level: ActivityPerArea = "20 mCi/m2".parse()?;
    /// assert_eq!(level, "740 MBq/m2".parse()?);
    /// let error = "20 mCi/kg".parse::<ActivityPerArea>().unwrap_err();
    /// assert_eq!(error.found, "mCi/kg");
    /// # Ok::<(), posology_clinic::quantity::BadQuantity>(())
    /// ```
    ActivityPerArea, "activity per body surface area", "/m2",
    "an activity per body surface area in mCi/m2, MBq/m2 or GBq/m2", "20 mCi/m2",
    mci_per_m2, from_mci_per_m2, mbq_per_m2, from_mbq_per_m2,
    strip_per_area,
    |_, value| format!("if the level is {value} mCi on each square metre, write \"{value} mCi/m2\"")
);

impl Activity {
    /// No activity.
    pub const ZERO: Self = Self { megabecquerel: Decimal::ZERO, shown_in: ActivityUnit::Megabecquerel };

    /// What is left after taking `other` away, in this one's unit; `None` if that were negative.
    #[must_use]
    pub fn minus(self, other: Self) -> Option<Self> {
        let megabecquerel = self.megabecquerel - other.megabecquerel;
        (megabecquerel >= Decimal::ZERO).then_some(Self { megabecquerel, ..self })
    }

    /// The sum of activities, as for a total administered activity: each counts at its own time, with no decay between.
    /// Written in the unit of the first.
    ///
    /// # Errors
    /// If the sum leaves the range of [`Activity::new`].
    pub fn total(parts: impl IntoIterator<Item = Self>) -> Result<Self, BadQuantity> {
        let mut parts = parts.into_iter();
        let first = parts.next().unwrap_or(Self::ZERO);
        parts.try_fold(first, |sum, part| {
            Self::from_mbq(sum.megabecquerel + part.megabecquerel).map(|total| total.show_in(first.shown_in))
        })
    }
}

macro_rules! measure {
    ($(#[$doc:meta])* $type:ident, $name:literal, $getter:ident, $from:ident, $unit:literal,
     [$($symbol:literal => $factor:expr),*], $expected:literal, $example:literal) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $type(Decimal);

        impl $type {
            #[doc = concat!("A ", $name, " in ", $unit, ".")]
            ///
            /// # Errors
            /// Unless the value is above zero and at most 10^9.
            pub fn $from(value: Decimal) -> Result<Self, BadQuantity> {
                within(value, &format!("{value} {}", $unit), $expected, false).map(Self)
            }

            #[doc = concat!("The value in ", $unit, ".")]
            pub fn $getter(self) -> Decimal {
                self.0
            }
        }

        impl fmt::Display for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{} {}", self.0, $unit)
            }
        }

        impl FromStr for $type {
            type Err = BadQuantity;

            fn from_str(text: &str) -> Result<Self, BadQuantity> {
                let mend = concat!("write a plain number and its unit, such as \"", $example, "\"");
                let (value, unit) = split_number(text).ok_or_else(|| BadQuantity::new(format!("{text:?}"), $expected, mend))?;
                let factor = match unit {
                    $($symbol => $factor,)*
                    "" => return Err(BadQuantity::new(format!("{text:?}, which has no unit"), $expected, mend)),
                    _ => return Err(BadQuantity::new(unit, $expected, mend)),
                };
                Self::$from(within(value, text, $expected, false)? * factor)
            }
        }

        written_as_text!($type, $expected, $example);
    };
}

measure!(
    /// A body surface area in square metres.
    Area, "body surface area", square_metres, from_square_metres, "m2",
    ["m2" => Decimal::ONE, "m^2" => Decimal::ONE, "m²" => Decimal::ONE], "a body surface area in m2", "1.97 m2"
);
measure!(
    /// A body height in centimetres; metres are read as well.
    ///
    /// ```
    /// use posology_clinic::quantity::Length;
    /// assert_eq!("1.75 m".parse::<Length>()?, "175 cm".parse()?);
    /// # Ok::<(), posology_clinic::quantity::BadQuantity>(())
    /// ```
    Length, "height", centimetres, from_centimetres, "cm",
    ["cm" => Decimal::ONE, "m" => Decimal::ONE_HUNDRED], "a height in cm or m", "175 cm"
);
measure!(
    /// A body weight in kilograms; grams are read as well.
    Mass, "body weight", kilograms, from_kilograms, "kg",
    ["kg" => Decimal::ONE, "g" => Decimal::from_parts(1, 0, 0, false, 3)], "a body weight in kg or g", "80 kg"
);
measure!(
    /// A dose absorbed by an organ, in gray; milligray and centigray are read as well.
    ///
    /// ```
    /// use posology_clinic::quantity::AbsorbedDose;
    /// assert_eq!("830 mGy".parse::<AbsorbedDose>()?, "0.83 Gy".parse()?);
    /// assert!("83 rad".parse::<AbsorbedDose>().is_err());
    /// # Ok::<(), posology_clinic::quantity::BadQuantity>(())
    /// ```
    AbsorbedDose, "dose absorbed by an organ", gray, from_gray, "Gy",
    ["Gy" => Decimal::ONE, "mGy" => Decimal::from_parts(1, 0, 0, false, 3), "cGy" => Decimal::from_parts(1, 0, 0, false, 2)],
    "an absorbed dose in Gy, cGy or mGy", "1.25 Gy"
);

/// A whole number of days, written as a bare integer because its name says the unit (`more-than-days = 7`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(transparent)]
pub struct Days(pub u32);

impl fmt::Display for Days {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.0, if self.0 == 1 { "day" } else { "days" })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn one_millicurie_is_thirty_seven_megabecquerel_exactly() {
        // Source: definition of the curie, 3.7e10 decays a second.
        assert_eq!("1 mCi".parse::<Activity>().unwrap().mbq(), Decimal::from(37));
        assert_eq!("37 MBq".parse::<Activity>().unwrap().mci(), Decimal::ONE);
    }

    #[test]
    fn a_level_keeps_the_unit_it_was_written_in() {
        for text in ["\"20 mCi/m2\"", "\"740 MBq/m2\"", "\"15.625 mCi/m2\"", "\"0.74 GBq/m2\""] {
            let level: ActivityPerArea = serde_json::from_str(text).unwrap();
            assert_eq!(serde_json::to_string(&level).unwrap(), text);
        }
    }

    #[test]
    fn a_level_per_kilogram_is_refused_with_found_expected_and_mend() {
        let error = serde_json::from_str::<ActivityPerArea>("\"20 mCi/kg\"").unwrap_err().to_string();
        assert!(error.contains("found mCi/kg"), "{error}");
        assert!(error.contains("mCi/m2, MBq/m2"), "{error}");
        assert!(error.contains("write \"20 mCi/m2\""), "{error}");
    }

    #[test]
    fn what_is_not_plainly_an_activity_is_refused() {
        for text in [
            "",
            "MBq",
            "20",
            "20 mci",
            "20 MCI",
            "1,5 GBq",
            "1e3 MBq",
            "-1 MBq",
            "20 mCi/m2",
            "1..2 MBq",
            "NaN MBq",
            "99999999999999999999 MBq",
            "999999999999999999999999999999999 MBq",
            "+-2 MBq",
            "1_0 MBq",
        ] {
            assert!(text.parse::<Activity>().is_err(), "{text:?} was read");
        }
    }

    #[test]
    fn no_height_weight_or_area_is_zero() {
        assert!("0 cm".parse::<Length>().is_err());
        assert!("0.0 kg".parse::<Mass>().is_err());
        assert!("0 m2".parse::<Area>().is_err());
        assert_eq!("12000 g".parse::<Mass>().unwrap(), "12 kg".parse().unwrap());
    }

    proptest! {
        #[test]
        fn an_activity_survives_writing_and_reading(digits in 0i64..1_000_000_000, scale in 0u32..6) {
            let value = Decimal::new(digits, scale);
            for unit in ActivityUnit::ALL {
                if let Ok(activity) = Activity::new(value, unit) {
                    prop_assert_eq!(activity.to_string().parse::<Activity>().unwrap(), activity);
                    prop_assert_eq!(activity.mbq(), value * unit.megabecquerel());
                }
            }
        }

        #[test]
        fn no_text_makes_reading_panic(text in ".{0,40}") {
            let _ = text.parse::<Activity>();
            let _ = text.parse::<ActivityPerArea>();
            let _ = text.parse::<Length>();
        }
    }
}
