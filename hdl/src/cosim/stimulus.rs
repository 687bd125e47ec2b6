//! Inputs for a bench: reproducible, with the ends of a range more often than chance would give them.

use crate::word::Word;

/// A source of test inputs (the generator is SplitMix64, Steele, Lea and Flood 2014).
#[derive(Clone, Debug)]
pub struct Stimulus {
    state: u64,
}

impl Stimulus {
    /// The source of the given seed.
    pub const fn new(seed: u64) -> Self {
        Self { state: seed }
    }

    /// 64 uniform bits.
    pub const fn bits(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.state;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A fair bit.
    pub const fn bit(&mut self) -> bool {
        self.bits() >> 63 != 0
    }

    /// A number below `bound`, in one case of four one of 0, 1, bound − 2, bound − 1. Zero if `bound` is zero.
    pub const fn below(&mut self, bound: u64) -> u64 {
        if bound == 0 {
            return 0;
        }
        let pick = self.bits();
        let any = self.bits() % bound;
        match pick % 16 {
            0 => 0,
            1 => 1 % bound,
            2 => bound.saturating_sub(2),
            3 => bound - 1,
            _ => any,
        }
    }

    /// A word, as [`Self::below`] with 2^N.
    pub const fn word<const N: usize>(&mut self) -> Word<N> {
        let any = self.bits();
        let pick = self.bits();
        Word::new(match pick % 16 {
            0 => 0,
            1 => 1,
            2 => u64::MAX - 1,
            3 => u64::MAX,
            _ => any,
        })
    }
}
