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
    for value in out {
        let draw = rng.next_u64();
        let ones = (draw & MASK).count_ones() as i8;
        let minus = ((draw >> ERROR_ETA) & MASK).count_ones() as i8;
        *value = ones - minus;
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

/// Uniform residues, each as [`uniform_residue`] draws it.
pub fn uniform(rng: &mut impl CryptoRng, modulus: &Modulus, out: &mut [u64]) {
    for value in out {
        *value = uniform_residue(rng, modulus.value());
    }
}

/// The generator of the uniform polynomial of one limb that a sent seed stands for: ChaCha20 under the seed, in the
/// stream of [`Purpose::UniformPolynomial`] with the limb's number as index.
pub fn uniform_generator(seed: &[u8; SEED_BYTES], limb: usize) -> ChaCha20Rng {
    Randomness::from_key(*seed).generator(Purpose::UniformPolynomial, limb as u64)
}

/// The uniform polynomial of one limb that a sent seed stands for: [`uniform`] on its [`uniform_generator`].
pub fn expand_uniform(seed: &[u8; SEED_BYTES], limb: usize, modulus: &Modulus, out: &mut [u64]) {
    uniform(&mut uniform_generator(seed, limb), modulus, out);
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
    use std::vec;

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
