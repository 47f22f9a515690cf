//! Random numbers by address: replicate i of scenario s draws from its own stream, whoever else draws.
//!
//! Word for word what `numpy.random.Philox(key=[seed, 0], counter=[0, 0, scenario, replicate])` gives, so that any
//! replicate can be recomputed from Python or R. Source: Salmon JK et al. Parallel random numbers: as easy as
//! 1, 2, 3. SC11, 2011, doi:10.1145/2063384.2063405.

const MULTIPLIERS: [u64; 2] = [0xD2E7_470E_E14C_6C93, 0xCA5A_8263_9512_1157];
const WEYL: [u64; 2] = [0x9E37_79B9_7F4A_7C15, 0xBB67_AE85_84CA_A73B];

/// Philox4x64-10 with key (seed, 0) and counter (block, 0, scenario, replicate), block from 1.
///
/// ```
/// use posology_design::random::Stream;
/// let mut stream = Stream::new(7, 2, 3);
/// assert_eq!(stream.word(), 0x837d_439b_c474_d402); // numpy.random.Philox(key=[7, 0], counter=[0, 0, 2, 3])
/// ```
#[derive(Debug, Clone)]
pub struct Stream {
    key: [u64; 2],
    counter: [u64; 4],
    words: [u64; 4],
    used: usize,
}

impl Stream {
    /// The stream of one replicate of one scenario.
    pub fn new(seed: u64, scenario: u64, replicate: u64) -> Self {
        Self { key: [seed, 0], counter: [0, 0, scenario, replicate], words: [0; 4], used: 4 }
    }

    /// The stream of arrivals of that replicate: `numpy.random.Philox(key=[seed, 0], counter=[0, 1, scenario, replicate])`.
    pub fn of_arrivals(seed: u64, scenario: u64, replicate: u64) -> Self {
        Self { counter: [0, 1, scenario, replicate], ..Self::new(seed, scenario, replicate) }
    }

    /// Four uniform numbers of the stream, whatever was drawn before: those in places 4 `block` to 4 `block` + 3.
    ///
    /// ```
    /// use posology_design::random::Stream;
    /// let stream = Stream::new(7, 2, 3);
    /// let mut in_order = stream.clone();
    /// let first_eight: Vec<f64> = (0..8).map(|_| in_order.uniform()).collect();
    /// assert_eq!(stream.block(1), first_eight[4..]);
    /// ```
    pub fn block(&self, block: u64) -> [f64; 4] {
        let [_, arrivals, scenario, replicate] = self.counter;
        philox(self.key, [block.wrapping_add(1), arrivals, scenario, replicate]).map(unit)
    }

    /// The next 64 bits.
    pub fn word(&mut self) -> u64 {
        if self.used == 4 {
            self.counter[0] = self.counter[0].wrapping_add(1);
            self.words = philox(self.key, self.counter);
            self.used = 0;
        }
        self.used += 1;
        self.words[self.used - 1]
    }

    /// A uniform number of 53 bits in [0, 1).
    pub fn uniform(&mut self) -> f64 {
        unit(self.word())
    }
}

fn unit(word: u64) -> f64 {
    (word >> 11) as f64 * (1.0 / 9_007_199_254_740_992.0)
}

fn philox(key: [u64; 2], counter: [u64; 4]) -> [u64; 4] {
    let wide = |a: u64, b: u64| {
        let product = u128::from(a) * u128::from(b);
        ((product >> 64) as u64, product as u64)
    };
    let (mut key, mut state) = (key, counter);
    for _ in 0..10 {
        let (high0, low0) = wide(MULTIPLIERS[0], state[0]);
        let (high1, low1) = wide(MULTIPLIERS[1], state[2]);
        state = [high1 ^ state[1] ^ key[0], low1, high0 ^ state[3] ^ key[1], low0];
        key = [key[0].wrapping_add(WEYL[0]), key[1].wrapping_add(WEYL[1])];
    }
    state
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_those_of_numpy_random_philox() {
        // numpy 2: numpy.random.Philox(key=[7, 0], counter=[0, 0, 2, 3]).random_raw(8)
        let mut stream = Stream::new(7, 2, 3);
        let words: Vec<u64> = (0..8).map(|_| stream.word()).collect();
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
    fn uniforms_lie_in_the_unit_interval() {
        let mut stream = Stream::new(1, 0, 0);
        assert!((0..1_000).all(|_| (0.0..1.0).contains(&stream.uniform())));
    }
}
