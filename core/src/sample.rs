//! Sampling the distributions of RLWE into caller-owned buffers.
//!
//! Each sampler states how it consumes its generator, because values expanded from a sent seed must be identical on
//! every machine. A rejected draw is independent of the value finally accepted, so rejection leaks nothing.

use chacha20::ChaCha20Rng;
use rand_core::{CryptoRng, SeedableRng};
use zeroize::Zeroize;

use crate::modulus::Modulus;
use crate::params::ERROR_ETA;
use crate::random::{Purpose, Randomness, SEED_BYTES};

/// A source of values uniform in {−1, 0, 1}. Takes 2 bits at a time from 64-bit draws, low bits first, and rejects the
/// pattern 11.
pub struct Ternary<R> {
    rng: R,
    pool: u64,
    left: u32,
}

impl<R: CryptoRng> Ternary<R> {
    /// Values from the draws of `rng`.
    pub fn new(rng: R) -> Self {
        Self {
            rng,
            pool: 0,
            left: 0,
        }
    }

    /// The next value.
    pub fn draw(&mut self) -> i8 {
        loop {
            if self.left == 0 {
                self.pool = self.rng.next_u64();
                self.left = 32;
            }
            let draw = (self.pool & 3) as i8;
            self.pool >>= 2;
            self.left -= 1;
            if draw != 3 {
                return draw - 1;
            }
        }
    }
}

impl<R> Drop for Ternary<R> {
    fn drop(&mut self) {
        self.pool.zeroize();
    }
}

/// Uniform in {−1, 0, 1}, as [`Ternary`] draws them.
pub fn ternary(rng: &mut impl CryptoRng, out: &mut [i8]) {
    let mut source = Ternary::new(rng);
    for value in out {
        *value = source.draw();
    }
}

/// Centred binomial with η = 21: per value one 64-bit draw, the ones among bits 0..21 minus those among bits 21..42.
/// Variance 10.5, magnitude at most 21.
pub fn centred_binomial(rng: &mut impl CryptoRng, out: &mut [i8]) {
    const MASK: u64 = (1 << ERROR_ETA) - 1;
    let mut draws = Draws::new();
    for values in out.chunks_mut(Draws::COUNT) {
        let draws = draws.take(rng, values.len());
        for (value, draw) in values.iter_mut().zip(draws) {
            let ones = (draw & MASK).count_ones() as i8;
            let minus = ((draw >> ERROR_ETA) & MASK).count_ones() as i8;
            *value = ones - minus;
        }
    }
}

/// 64-bit draws, many at a time: the same as one after another, but a generator fills memory faster. Zeroised on drop.
struct Draws([u8; 8 * Self::COUNT]);

impl Draws {
    const COUNT: usize = 32;

    const fn new() -> Self {
        Self([0; 8 * Self::COUNT])
    }

    /// The next `count` ≤ [`Draws::COUNT`] draws of `rng`.
    fn take(&mut self, rng: &mut impl CryptoRng, count: usize) -> impl Iterator<Item = u64> {
        let bytes = &mut self.0[..8 * count];
        rng.fill_bytes(bytes);
        bytes.as_chunks().0.iter().copied().map(u64::from_le_bytes)
    }
}

impl Drop for Draws {
    fn drop(&mut self) {
        self.0.zeroize();
    }
}

/// One uniform residue mod q: per try one 64-bit draw, its low ⌈log₂ q⌉ bits, rejected if not below q > 0.
#[inline(always)]
pub fn uniform_residue(rng: &mut impl CryptoRng, q: u64) -> u64 {
    let mask = u64::MAX >> q.leading_zeros();
    loop {
        let draw = rng.next_u64() & mask;
        if draw < q {
            return draw;
        }
    }
}

/// The generator of the uniform polynomial of one limb that a sent seed stands for: ChaCha20 under the seed, in the
/// stream of [`Purpose::UniformPolynomial`] with the limb's number as index.
pub fn uniform_generator(seed: &[u8; SEED_BYTES], limb: usize) -> ChaCha20Rng {
    Randomness::from_key(*seed).generator(Purpose::UniformPolynomial, limb as u64)
}

/// The uniform polynomial of one limb that a sent seed stands for: each coefficient as [`uniform_residue`] draws it from
/// the [`uniform_generator`].
pub fn expand_uniform(seed: &[u8; SEED_BYTES], limb: usize, modulus: &Modulus, out: &mut [u64]) {
    let mut rng = uniform_generator(seed, limb);
    let q = modulus.value();
    let mask = u64::MAX >> q.leading_zeros();
    let mut draws = Draws::new();
    let mut filled = 0;
    while filled < out.len() {
        // As many as are missing at least. Nobody else uses this generator, so that it may be read too far.
        for draw in draws.take(&mut rng, Draws::COUNT) {
            let Some(value) = out.get_mut(filled) else {
                break;
            };
            *value = draw & mask;
            filled += usize::from(*value < q);
        }
    }
}

/// One integer uniform in [−2^exponent, 2^exponent), exponent ≤ 126.
pub fn flooding(rng: &mut impl CryptoRng, exponent: u32) -> i128 {
    debug_assert!(exponent <= 126);
    let draw = u128::from(rng.next_u64()) | (u128::from(rng.next_u64()) << 64);
    let magnitude = draw >> (127 - exponent);
    magnitude as i128 - (1i128 << exponent)
}

/// A generator from a seed, for callers without a [`Randomness`] (tests, benches).
pub fn seeded(seed: u64) -> ChaCha20Rng {
    ChaCha20Rng::seed_from_u64(seed)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::params::PRIMES;
    use rand_core::Rng;
    use std::vec;

    #[test]
    fn draws_at_a_time_are_those_one_after_another() {
        // Half of all draws are rejected by the smaller modulus.
        for q in [PRIMES[0], 65_537] {
            let modulus = Modulus::new(q).unwrap();
            for length in [1, 31, 32, 33, 1000] {
                let mut at_a_time = vec![0; length];
                expand_uniform(&[5; SEED_BYTES], 1, &modulus, &mut at_a_time);
                let mut rng = uniform_generator(&[5; SEED_BYTES], 1);
                for value in at_a_time {
                    assert_eq!(value, uniform_residue(&mut rng, q), "{q} {length}");
                }

                let (mut rng, mut same) = (seeded(3), seeded(3));
                let mut errors = vec![0; length];
                centred_binomial(&mut rng, &mut errors);
                for error in errors {
                    let draw = same.next_u64();
                    let ones = |word: u64| (word & 0x1f_ffff).count_ones() as i8;
                    assert_eq!(error, ones(draw) - ones(draw >> 21));
                }
                assert_eq!(rng.next_u64(), same.next_u64(), "no draw more");
            }
        }
    }

    #[test]
    fn ternary_values_are_balanced() {
        let mut values = vec![0i8; 30_000];
        ternary(&mut seeded(1), &mut values);
        for wanted in -1..=1 {
            let count = values.iter().filter(|&&v| v == wanted).count();
            assert!((9_600..10_400).contains(&count), "{wanted}: {count}");
        }
    }

    #[test]
    fn errors_have_the_stated_variance_and_bound() {
        let mut values = vec![0i8; 100_000];
        centred_binomial(&mut seeded(2), &mut values);
        let sum: i64 = values.iter().map(|&v| i64::from(v)).sum();
        let squares: i64 = values.iter().map(|&v| i64::from(v) * i64::from(v)).sum();
        assert!(sum.abs() < 5_000);
        assert!((1_020_000..1_080_000).contains(&squares), "{squares}");
        assert!(values.iter().all(|v| v.unsigned_abs() <= 21));
    }

    #[test]
    fn uniform_residues_are_canonical_and_limbs_differ() {
        let mut first = vec![0; 1000];
        let mut second = vec![0; 1000];
        for (limb, out) in [&mut first, &mut second].into_iter().enumerate() {
            let modulus = Modulus::new(PRIMES[limb]).unwrap();
            expand_uniform(&[3; 32], limb, &modulus, out);
            assert!(out.iter().all(|&v| v < PRIMES[limb]));
        }
        assert_ne!(first, second);
    }

    #[test]
    fn flooding_fills_its_range() {
        let mut rng = seeded(3);
        for exponent in [0, 1, 77, 126] {
            let bound = 1i128 << exponent;
            let mut widest = 0;
            for _ in 0..2000 {
                let value = flooding(&mut rng, exponent);
                assert!((-bound..bound).contains(&value));
                widest = widest.max(value.unsigned_abs());
            }
            assert!(widest > bound.unsigned_abs() / 10 * 9);
        }
    }
}
