//! How far the driving marker moved: the bars of a waterfall and the lines of a spider plot.

use std::fmt;

use jiff::civil::Date;
use rust_decimal::Decimal;
use serde::Serialize;

use super::measurable::Basis;
use super::{BadValue, Baseline, Criteria, Marker, Markers, follow};

/// One value of a marker beside its baseline and the nadir before it, in the marker's unit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Change {
    /// The marker.
    pub marker: Marker,
    /// Day of the value.
    pub date: Date,
    /// Value at baseline.
    pub baseline: Decimal,
    /// The value.
    pub value: Decimal,
    /// The nadir before this value, by the rule of the criteria, where one is known.
    pub nadir: Option<Decimal>,
}

impl Change {
    /// The change from baseline as an exact fraction, `(value - baseline, baseline)`.
    pub fn from_baseline(&self) -> (Decimal, Decimal) {
        (self.value.saturating_sub(self.baseline), self.baseline)
    }

    /// Percent change from baseline, negative for a fall; `None` from a baseline of 0 or less. Cut off, not
    /// rounded, after the first decimal: for display only.
    pub fn percent_from_baseline(&self) -> Option<Decimal> {
        percent_change(self.baseline, self.value)
    }

    /// Percent change from the nadir, as [`percent_from_baseline`](Self::percent_from_baseline).
    pub fn percent_from_nadir(&self) -> Option<Decimal> {
        percent_change(self.nadir?, self.value)
    }
}

impl fmt::Display for Change {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (now, baseline) = (self.marker.show(self.value), self.marker.show(self.baseline));
        write!(
            formatter,
            "{} {now}, {} {baseline} at baseline",
            self.marker,
            moved(self.baseline, self.value)
        )
    }
}

/// 100 (to - from) / from, cut off after one decimal, so that 89.97 never shows as 90.0.
///
/// ```
/// use posology_clinic::response::imwg::percent_change;
/// let percent = |from: &str, to: &str| percent_change(from.parse().unwrap(), to.parse().unwrap());
/// assert_eq!(percent("100", "10.03"), Some("-89.9".parse().unwrap()));
/// assert_eq!(percent("9.0", "0.9"), Some("-90.0".parse().unwrap()));
/// assert_eq!(percent("0", "0.4"), None);
/// ```
pub fn percent_change(from: Decimal, to: Decimal) -> Option<Decimal> {
    if from <= Decimal::ZERO {
        return None;
    }
    let thousandfold = to.checked_sub(from)?.checked_mul(Decimal::ONE_THOUSAND)?;
    let mut tenths = thousandfold.checked_div(from)?.trunc();
    // A quotient just below a whole number may have been rounded up to it: step back towards zero.
    if tenths.checked_mul(from)?.abs() > thousandfold.abs() {
        tenths = tenths.checked_sub(if tenths.is_sign_negative() {
            Decimal::NEGATIVE_ONE
        } else {
            Decimal::ONE
        })?;
    }
    let mut percent = tenths;
    percent.set_scale(1).ok()?;
    Some(if percent.is_zero() { Decimal::new(0, 1) } else { percent })
}

/// "down 50.0% from", "up 12.5% from", "unchanged from", or "against" where no percentage exists.
pub(super) fn moved(from: Decimal, to: Decimal) -> String {
    match percent_change(from, to) {
        _ if from == to => "unchanged from".to_owned(),
        None => "against".to_owned(),
        Some(percent) if to < from => format!("down {}% from", percent.abs()),
        Some(percent) => format!("up {percent}% from"),
    }
}

/// The change of the driving marker at each visit after baseline at which it was measured, in date order: the
/// serum M-protein where measurable, else the urine M-protein, else the light chain difference, else the
/// marrow. `through` is the last day to count, such as the day before new therapy.
///
/// Empty where no marker was measurable at baseline, or none was measured since.
///
/// # Errors
/// A value that cannot have been measured, named with its day.
pub fn series(
    criteria: &Criteria,
    baseline: &Baseline,
    visits: &[Markers],
    through: Option<Date>,
) -> Result<Vec<Change>, BadValue> {
    baseline.markers.check()?;
    let visits = visits.iter().filter(|visit| through.is_none_or(|last| visit.date <= last));
    let after = visits.filter(|visit| visit.date > baseline.markers.date).collect();
    let Some(driving) = Basis::of(criteria, baseline).driving else { return Ok(Vec::new()) };
    let mut line = Vec::new();
    follow(criteria, baseline, after, |response| {
        line.extend(response.changes.into_iter().filter(|change| change.marker == driving));
    })?;
    Ok(line)
}

/// The best change of the driving marker: its lowest value after baseline, at the first day it was reached.
/// `None` where there is none; such patients are counted, not drawn.
///
/// # Errors
/// As [`series`].
///
/// ```
/// use jiff::civil::date;
/// use posology_clinic::response::imwg::{Baseline, Criteria, Markers, Reading, best_change};
/// let visit = |month, amount: &str| Markers {
///     serum_m: Reading::Quantified(amount.parse().unwrap()),
///     ..Markers::new(date(2024, month, 1))
/// };
/// let visits = [visit(2, "2.5"), visit(3, "1.3"), visit(4, "3.0")];
/// let best = best_change(&Criteria::IMWG_2016, &Baseline::new(visit(1, "4.0")), &visits, None)?;
/// assert_eq!(best.and_then(|change| change.percent_from_baseline()), Some("-67.5".parse().unwrap()));
/// # Ok::<(), posology_clinic::response::imwg::BadValue>(())
/// ```
pub fn best_change(
    criteria: &Criteria,
    baseline: &Baseline,
    visits: &[Markers],
    through: Option<Date>,
) -> Result<Option<Change>, BadValue> {
    let series = series(criteria, baseline, visits, through)?;
    Ok(series.into_iter().reduce(|best, next| if next.value < best.value { next } else { best }))
}
