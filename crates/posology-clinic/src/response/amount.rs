//! Amounts with their units, and the comparisons criteria draw lines with: exact, by multiplying both sides out.

use jiff::civil::Date;
use rust_decimal::Decimal;

use super::imwg::{BadValue, percent_change};

/// Within these bounds every product and difference of a rule fits a decimal exactly.
const HIGHEST: Decimal = whole(1_000_000_000);
const MOST_DECIMAL_PLACES: u32 = 9;

/// A whole number as a constant.
pub(super) const fn whole(number: u32) -> Decimal {
    Decimal::from_parts(number, 0, 0, false, 0)
}

/// Something measured: its name, the unit in which criteria compare it, and the units in which a source may write
/// it, each with its exact factor.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Measure {
    /// Name in words, such as `haemoglobin`.
    pub name: &'static str,
    /// The canonical unit.
    pub unit: &'static str,
    /// Accepted units, each with its factor to the canonical one as (digits, decimal places).
    accepted: &'static [(&'static str, i64, u32)],
    /// Greatest value that can have been measured, in the canonical unit.
    highest: Decimal,
}

impl Measure {
    pub(super) const fn new(
        name: &'static str,
        unit: &'static str,
        accepted: &'static [(&'static str, i64, u32)],
    ) -> Self {
        Self { name, unit, accepted, highest: HIGHEST }
    }

    pub(super) const fn percent(name: &'static str) -> Self {
        Self { name, unit: "%", accepted: &[("%", 1, 0)], highest: Decimal::ONE_HUNDRED }
    }

    pub(super) const fn length(name: &'static str) -> Self {
        Self { name, unit: "mm", accepted: &[("mm", 1, 0), ("cm", 10, 0)], highest: whole(2_000) }
    }

    pub(super) const fn cells(name: &'static str) -> Self {
        Self::new(
            name,
            "10^9/L",
            &[
                ("10^9/L", 1, 0),
                ("10*9/L", 1, 0),
                ("x10^9/L", 1, 0),
                ("G/L", 1, 0),
                ("10^3/uL", 1, 0),
                ("10*3/uL", 1, 0),
                ("x10^3/uL", 1, 0),
                ("/uL", 1, 3),
                ("/mm3", 1, 3),
            ],
        )
    }

    /// A value in the canonical unit, converted exactly.
    ///
    /// # Errors
    /// A unit that is not one of this measure, or none; a value that is negative or cannot have been measured.
    ///
    /// ```
    /// use posology_clinic::response::iwcll;
    /// assert_eq!(iwcll::HAEMOGLOBIN.canonical("110".parse()?, "g/L")?, "11".parse()?);
    /// assert!(iwcll::HAEMOGLOBIN.canonical("11".parse()?, "").is_err());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn canonical(&self, value: Decimal, unit: &str) -> Result<Decimal, BadValue> {
        let Some((_, digits, places)) = self.accepted.iter().find(|known| known.0 == unit.trim()) else {
            let known: Vec<&str> = self.accepted.iter().map(|known| known.0).collect();
            let found = if unit.trim().is_empty() {
                format!("{value} without a unit")
            } else {
                format!("{value} in the unit `{unit}`")
            };
            return Err(BadValue {
                place: self.name.to_owned(),
                found,
                expected: format!("one of the units {}", known.join(", ")),
                mend: "write the unit in which it was reported".to_owned(),
            });
        };
        let bounded = Self { highest: HIGHEST, ..*self };
        bounded.plausible(value, || self.name.to_owned())?;
        let value = value.saturating_mul(Decimal::new(*digits, *places));
        self.plausible(value, || self.name.to_owned())
    }

    fn plausible(&self, value: Decimal, place: impl Fn() -> String) -> Result<Decimal, BadValue> {
        let refuse = |expected: String| {
            Err(BadValue {
                place: place(),
                found: value.to_string(),
                expected,
                mend: "correct the value at its source, or leave it out as not done".to_owned(),
            })
        };
        if value < Decimal::ZERO || value > self.highest {
            return refuse(format!("a value from 0 to {} {}", self.highest, self.unit));
        }
        if value.scale() > MOST_DECIMAL_PLACES && value.normalize().scale() > MOST_DECIMAL_PLACES + 3 {
            return refuse(format!("at most {MOST_DECIMAL_PLACES} decimal places"));
        }
        Ok(value)
    }

    /// Refuses a value of a day that cannot have been measured.
    pub(super) fn check(&self, value: Option<Decimal>, date: Date) -> Result<(), BadValue> {
        value.map_or(Ok(()), |value| self.plausible(value, || format!("{} of {date}", self.name)).map(|_| ()))
    }

    /// An amount with its unit, as it is printed.
    pub(super) fn show(&self, value: Decimal) -> String {
        let value = value.normalize();
        if self.unit == "%" { format!("{value}%") } else { format!("{value} {}", self.unit) }
    }
}

fn hundredfold(value: Decimal) -> Decimal {
    value.saturating_mul(Decimal::ONE_HUNDRED)
}

/// Whether `value` lies at least `percent` below `base`. From 0 nothing falls.
pub(super) fn fell_by(base: Decimal, value: Decimal, percent: u32) -> bool {
    base > Decimal::ZERO && hundredfold(base.saturating_sub(value)) >= base.saturating_mul(whole(percent))
}

/// Whether `value` lies at least `percent` above `low`. From 0 no percentage exists, and any rise counts.
pub(super) fn rose_by(low: Decimal, value: Decimal, percent: u32) -> bool {
    value > low && hundredfold(value.saturating_sub(low)) >= low.saturating_mul(whole(percent))
}

/// Whether `value` lies more than `percent` above `low`.
pub(super) fn rose_beyond(low: Decimal, value: Decimal, percent: u32) -> bool {
    hundredfold(value.saturating_sub(low)) > low.saturating_mul(whole(percent))
}

/// "down 50.0% from 4 g/dL at baseline", with the percentage cut off and not rounded.
pub(super) fn moved(measure: &Measure, from: Decimal, to: Decimal, of_what: &str) -> String {
    let base = measure.show(from);
    match percent_change(from, to) {
        _ if from == to => format!("unchanged from {base} {of_what}"),
        None => format!("against {base} {of_what}"),
        Some(percent) if to < from => format!("down {}% from {base} {of_what}", percent.abs()),
        Some(percent) => format!("up {percent}% from {base} {of_what}"),
    }
}
