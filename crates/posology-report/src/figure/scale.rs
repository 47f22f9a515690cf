//! From a value to a place on paper, and which values an axis names.

/// A continuous axis: values `domain` stand at places `range`. Values outside are held at the ends.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Scale {
    domain: (f64, f64),
    range: (f64, f64),
    log10: bool,
}

impl Scale {
    pub(crate) fn linear(domain: (f64, f64), range: (f64, f64)) -> Self {
        Scale { domain, range, log10: false }
    }

    /// A decimal logarithmic axis; both ends of `domain` must be positive.
    pub(crate) fn log10(domain: (f64, f64), range: (f64, f64)) -> Self {
        Scale { domain, range, log10: true }
    }

    pub(crate) fn at(&self, value: f64) -> f64 {
        let (low, high) = self.domain;
        let share = if !(high > low && value.is_finite()) {
            0.0
        } else if self.log10 {
            (value.max(low) / low).log10() / (high / low).log10()
        } else {
            (value - low) / (high - low)
        };
        self.range.0 + share.clamp(0.0, 1.0) * (self.range.1 - self.range.0)
    }
}

/// Steps for days since the first fraction: weeks, then months of four weeks.
pub(crate) const DAYS: &[u32] = &[1, 2, 7, 14, 28, 56, 84, 168, 364];
/// Steps for weeks.
pub(crate) const WEEKS: &[u32] = &[1, 2, 4, 8, 12, 26, 52];
/// Steps for months.
pub(crate) const MONTHS: &[u32] = &[1, 2, 3, 6, 12, 24, 60];
/// Steps for counts and percentages.
pub(crate) const TENS: &[u32] = &[1, 2, 5, 10, 20, 25, 50, 100];

/// Multiples of the smallest of `steps` (doubled beyond the last) that names at most `most` values from `low` to `high`.
pub(crate) fn ticks(low: f64, high: f64, most: usize, steps: &[u32]) -> Vec<f64> {
    let last = f64::from(steps.last().copied().unwrap_or(1));
    let doubled = (1..48).scan(last, |step, _| {
        *step *= 2.0;
        Some(*step)
    });
    steps
        .iter()
        .map(|&step| f64::from(step))
        .chain(doubled)
        .map(|step| ((low / step).ceil(), (high / step).floor(), step))
        .find(|(first, end, _)| end - first < most.max(1) as f64)
        .map(|(first, end, step)| {
            (0..=(end - first).max(0.0) as usize).map(|i| (first + i as f64) * step).collect()
        })
        .unwrap_or_default()
}

/// At most seven values from `low` to `high` of an axis of measured values: multiples of 1, 2 or 5 of a power of ten.
pub(crate) fn fine_ticks(low: f64, high: f64) -> Vec<f64> {
    if !(high > low && high.is_finite() && low.is_finite()) {
        return Vec::new();
    }
    let unit = 10f64.powf(((high - low) / 10.0).log10().floor());
    ticks(low / unit, high / unit, 7, TENS).into_iter().map(|tick| tick * unit).collect()
}

/// 1, 2 and 5 times powers of ten from `low` to `high` (both positive).
pub(crate) fn log_ticks(low: f64, high: f64) -> Vec<f64> {
    let first = low.log10().floor() as i32;
    let last = high.log10().ceil() as i32;
    (first..=last)
        .flat_map(|power| [1.0, 2.0, 5.0].map(|digit| digit * 10f64.powi(power)))
        .filter(|&value| value >= low * (1.0 - 1e-9) && value <= high * (1.0 + 1e-9))
        .collect()
}
