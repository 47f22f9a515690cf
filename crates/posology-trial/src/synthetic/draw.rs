//! Random draws by address: each patient and purpose has its own stream, whoever else is in the plan.

use posology_design::random;

/// What a stream is drawn for: draws for one purpose never move those for another.
#[derive(Debug, Clone, Copy)]
pub(super) enum Stream {
    Demography = 1,
    Treatment,
    Counts,
    Chemistry,
    Markers,
    Events,
}

/// Integers from the random stream of one purpose and patient.
pub(super) struct Draw(random::Stream);

impl Draw {
    pub(super) fn new(seed: u64, stream: Stream, patient: u64) -> Self {
        Self(random::Stream::new(seed, stream as u64, patient))
    }

    /// A whole number from `low` to `high`, both included; `low` where the range is empty.
    pub(super) fn between(&mut self, low: i64, high: i64) -> i64 {
        let word = self.0.word();
        let width = u128::from(high.saturating_sub(low).max(0).unsigned_abs()) + 1;
        low + ((u128::from(word) * width) >> 64) as i64
    }

    /// True in `percent` of 100 draws.
    pub(super) fn chance(&mut self, percent: i64) -> bool {
        self.between(1, 100) <= percent
    }

    /// One of a list, each equally often; the list must not be empty.
    pub(super) fn pick<T: Copy>(&mut self, first: T, others: &[T]) -> T {
        let at = self.between(0, others.len() as i64);
        usize::try_from(at - 1).ok().and_then(|at| others.get(at).copied()).unwrap_or(first)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_those_of_numpy_random_philox() {
        // numpy 2: numpy.random.Philox(key=[7, 0], counter=[0, 0, 2, 3]).random_raw(2)
        let mut draw = Draw::new(7, Stream::Treatment, 3);
        assert_eq!([draw.0.word(), draw.0.word()], [0x837d_439b_c474_d402, 0x3b5d_655b_1bac_3e10]);
    }

    #[test]
    fn a_range_gives_both_its_ends_and_nothing_beyond() {
        let mut draw = Draw::new(1, Stream::Counts, 1);
        let drawn: std::collections::BTreeSet<i64> = (0..200).map(|_| draw.between(-2, 2)).collect();
        assert_eq!(drawn.into_iter().collect::<Vec<_>>(), [-2, -1, 0, 1, 2]);
        assert_eq!(draw.between(3, 1), 3);
    }
}
