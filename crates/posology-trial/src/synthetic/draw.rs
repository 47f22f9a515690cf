//! Random draws by address: each patient and purpose has its own stream, whoever else is in the plan.

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

/// Integers from Philox4x64-10 with key (seed, 0) and counter (block, 0, stream, patient), block from 1.
///
/// Word for word what `numpy.random.Philox(key=[seed, 0], counter=[0, 0, stream, patient])` gives.
/// Source: Salmon JK et al. Parallel random numbers: as easy as 1, 2, 3. SC11, 2011, doi:10.1145/2063384.2063405.
pub(super) struct Draw {
    key: [u64; 2],
    counter: [u64; 4],
    words: [u64; 4],
    used: usize,
}

const MULTIPLIERS: [u64; 2] = [0xD2E7_470E_E14C_6C93, 0xCA5A_8263_9512_1157];
const WEYL: [u64; 2] = [0x9E37_79B9_7F4A_7C15, 0xBB67_AE85_84CA_A73B];

fn philox([k0, k1]: [u64; 2], counter: [u64; 4]) -> [u64; 4] {
    let wide = |a: u64, b: u64| {
        let product = u128::from(a) * u128::from(b);
        ((product >> 64) as u64, product as u64)
    };
    let (mut key, mut state) = ([k0, k1], counter);
    for _ in 0..10 {
        let (high0, low0) = wide(MULTIPLIERS[0], state[0]);
        let (high1, low1) = wide(MULTIPLIERS[1], state[2]);
        state = [high1 ^ state[1] ^ key[0], low1, high0 ^ state[3] ^ key[1], low0];
        key = [key[0].wrapping_add(WEYL[0]), key[1].wrapping_add(WEYL[1])];
    }
    state
}

impl Draw {
    pub(super) fn new(seed: u64, stream: Stream, patient: u64) -> Self {
        Self { key: [seed, 0], counter: [0, 0, stream as u64, patient], words: [0; 4], used: 4 }
    }

    fn word(&mut self) -> u64 {
        if self.used == 4 {
            self.counter[0] = self.counter[0].wrapping_add(1);
            self.words = philox(self.key, self.counter);
            self.used = 0;
        }
        self.used += 1;
        self.words[self.used - 1]
    }

    /// A whole number from `low` to `high`, both included; `low` where the range is empty.
    pub(super) fn between(&mut self, low: i64, high: i64) -> i64 {
        let word = self.word();
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
        // numpy 2: numpy.random.Philox(key=[7, 0], counter=[0, 0, 2, 3]).random_raw(8)
        let mut draw = Draw::new(7, Stream::Treatment, 3);
        let words: Vec<u64> = (0..8).map(|_| draw.word()).collect();
        assert_eq!(
            words,
            [
                0x837d_439b_c474_d402,
                0x3b5d_655b_1bac_3e10,
                0x292f_78d9_f950_d386,
                0x7cad_6e8f_281c_348e,
                0x7b84_f7fc_8bb8_31af,
                0x6ebb_8a43_243b_bdcf,
                0xd608_1d95_5717_e3dc,
                0xcbb0_6264_e54a_10a8,
            ]
        );
        // key=[2019, 0], counter=[1, 0, 0, 0]: the first word of block 2.
        assert_eq!(philox([2019, 0], [2, 0, 0, 0])[0], 0x20af_5d3c_2f5d_5d12);
    }

    #[test]
    fn a_range_gives_both_its_ends_and_nothing_beyond() {
        let mut draw = Draw::new(1, Stream::Counts, 1);
        let drawn: std::collections::BTreeSet<i64> = (0..200).map(|_| draw.between(-2, 2)).collect();
        assert_eq!(drawn.into_iter().collect::<Vec<_>>(), [-2, -1, 0, 1, 2]);
        assert_eq!(draw.between(3, 1), 3);
    }
}
