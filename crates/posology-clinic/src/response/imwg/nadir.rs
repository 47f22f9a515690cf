//! The lowest value so far, kept as visits pass.

use rust_decimal::Decimal;

use super::{Criteria, Marker, Nadir, NadirBaseline};

/// The nadir of one marker: two numbers and the rule, whatever the length of the history.
///
/// A confirmed nadir is the lowest level with two consecutive samples at or below it, so that of each pair the
/// higher counts. Where the baseline is missing the first value known takes its place. Marrow and masses need no
/// second sample.
#[derive(Debug, Clone, Copy)]
pub(super) struct Low {
    needs_second: bool,
    /// Stands while nothing lower is known.
    start: Option<Decimal>,
    start_yields: bool,
    lowest: Option<Decimal>,
    previous: Option<Decimal>,
}

impl Low {
    pub(super) fn new(criteria: &Criteria, marker: Marker, base: Option<Decimal>) -> Self {
        let needs_second = criteria.nadir == Nadir::Confirmed
            && !matches!(marker, Marker::PlasmaCells | Marker::Plasmacytoma);
        let start_yields = needs_second && criteria.nadir_baseline == NadirBaseline::Confirmed;
        Self {
            needs_second,
            start: base,
            start_yields,
            lowest: None,
            previous: base.filter(|_| start_yields),
        }
    }

    /// The nadir of what was passed so far.
    pub(super) fn get(&self) -> Option<Decimal> {
        match (self.start, self.lowest) {
            (start, None) => start,
            (Some(start), Some(lowest)) if !self.start_yields => Some(lowest.min(start)),
            (_, lowest) => lowest,
        }
    }

    /// Passes the next value in order.
    pub(super) fn pass(&mut self, value: Decimal) {
        self.start.get_or_insert(value);
        let level =
            if self.needs_second { self.previous.map(|previous| previous.max(value)) } else { Some(value) };
        if let Some(level) = level {
            self.lowest = Some(self.lowest.map_or(level, |lowest| lowest.min(level)));
        }
        self.previous = Some(value);
    }
}
