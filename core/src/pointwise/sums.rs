//! Sums of products that are reduced once.

#[cfg(target_arch = "x86_64")]
use super::avx512;
use super::check_word;
use crate::modulus::{Modulus, WORD_BITS, subtract_if_reached};
use crate::simd::{Level, available};

/// Most products in one sum: with the start they are 2^12 terms, each of less than 2^52 in the lower half.
pub const MAX_PRODUCTS: usize = (1 << 12) - 1;

/// Bits between the machine's radix 2^36 and the radix 2^64 of the computer's words.
const RADIX_SHIFT: u32 = u64::BITS - WORD_BITS;

/// n sums r·2^36 + Σ a·b of residues below 2^36, each with at most [`MAX_PRODUCTS`] products, in 2n words of storage
/// that the caller chose. Their product with 2^-36 is what a run of `MAC`s leaves.
///
/// A sum is below 2^84 + 2^72. The portable kernel keeps the lower and the upper 64 bits, the AVX-512 kernel the sums of
/// the lower and of the upper halves of products of 104 bits; the other one's sums mean nothing to either, so the level
/// is chosen for good.
#[derive(Clone)]
pub struct Sums<S> {
    storage: S,
    level: Level,
}

impl<S: AsRef<[u64]> + AsMut<[u64]>> Sums<S> {
    /// Words of storage for n sums.
    pub const fn storage_len(n: usize) -> usize {
        2 * n
    }

    /// Sums of half as many words as `storage` holds. They mean nothing before [`Sums::open`].
    pub fn new(storage: S, level: Level) -> Self {
        Self {
            storage,
            level: level.min(available()),
        }
    }

    /// Starts the sums at residue·2^36.
    ///
    /// # Panics
    /// If there are not as many residues as sums.
    pub fn open(&mut self, residues: &[u64]) {
        let level = self.level;
        let (lower, upper) = self.halves();
        assert_eq!(residues.len(), lower.len(), "one residue for each sum");
        #[cfg(target_arch = "x86_64")]
        if level == Level::Avx512 {
            return avx512::sums_open(residues, lower, upper);
        }
        let _ = level;
        for ((&x, lower), upper) in residues.iter().zip(lower).zip(upper) {
            *lower = x << WORD_BITS;
            *upper = x >> (u64::BITS - WORD_BITS);
        }
    }

    /// Adds products a·b to the sums from number `at` on. Nothing counts them but the caller.
    ///
    /// # Panics
    /// If the slices differ in length or reach beyond the last sum.
    pub fn add(&mut self, at: usize, a: &[u64], b: &[u64]) {
        assert_eq!(a.len(), b.len(), "factors in pairs");
        let level = self.level;
        let (lower, upper) = self.halves();
        let (lower, upper) = (&mut lower[at..at + a.len()], &mut upper[at..at + a.len()]);
        #[cfg(target_arch = "x86_64")]
        if level == Level::Avx512 {
            return avx512::sums_add(lower, upper, a, b);
        }
        let _ = level;
        for ((lower, upper), (&x, &y)) in lower.iter_mut().zip(upper).zip(a.iter().zip(b)) {
            let sum = joined(*lower, *upper) + u128::from(x) * u128::from(y);
            *lower = sum as u64;
            *upper = (sum >> 64) as u64;
        }
    }

    /// The sums times 2^-36 mod q < 2^36, canonical.
    ///
    /// # Panics
    /// If there are not as many residues as sums.
    pub fn reduce(&self, q: &Modulus, residues: &mut [u64]) {
        check_word(q);
        let storage = self.storage.as_ref();
        let (lower, upper) = storage.split_at(storage.len() / 2);
        assert_eq!(residues.len(), lower.len(), "one residue for each sum");
        #[cfg(target_arch = "x86_64")]
        if self.level == Level::Avx512 {
            return avx512::sums_reduce(q, lower, upper, residues);
        }
        let reciprocal = reciprocal(q);
        for ((residue, &lower), &upper) in residues.iter_mut().zip(lower).zip(upper) {
            *residue = reduced(q, reciprocal, joined(lower, upper));
        }
    }

    fn halves(&mut self) -> (&mut [u64], &mut [u64]) {
        let storage = self.storage.as_mut();
        let middle = storage.len() / 2;
        storage.split_at_mut(middle)
    }
}

/// d = d + Σ a·b·2^-36 over at most [`MAX_PRODUCTS`] pairs of factors, with one reduction.
///
/// # Panics
/// If there are more pairs, or q ≥ 2^36, or a factor is shorter than d.
pub fn sum_of_products(level: Level, q: &Modulus, d: &mut [u64], factors: &[(&[u64], &[u64])]) {
    check_word(q);
    assert!(
        factors.len() <= MAX_PRODUCTS,
        "too many products for one sum"
    );
    let done = 0;
    #[cfg(target_arch = "x86_64")]
    let done = if level.min(available()) == Level::Avx512 {
        avx512::sum_of_products(q, d, factors)
    } else {
        done
    };
    let _ = level;
    let reciprocal = reciprocal(q);
    for (i, d) in d.iter_mut().enumerate().skip(done) {
        let start = u128::from(*d) << WORD_BITS;
        let products = factors
            .iter()
            .map(|(a, b)| u128::from(a[i]) * u128::from(b[i]));
        *d = reduced(q, reciprocal, start + products.sum::<u128>());
    }
}

fn joined(lower: u64, upper: u64) -> u128 {
    u128::from(upper) << 64 | u128::from(lower)
}

/// ⌊2^64/q⌋, as 2^64 is no multiple of the odd q.
fn reciprocal(q: &Modulus) -> u64 {
    u64::MAX / q.value()
}

/// S·2^-36 mod q for S < 2^89.
///
/// T = S·2^28 < 2^117 is divided by 2^64: with T = H·2^64 + L and m = L·q^-1 mod 2^64, T − m·q is a multiple of 2^64, so
/// the quotient is H − ⌊m·q/2^64⌋, where H < 2^53 is reduced by an estimate ⌊H·⌊2^64/q⌋/2^64⌋ that is at most one too
/// small.
#[inline(always)]
fn reduced(q: &Modulus, reciprocal: u64, sum: u128) -> u64 {
    let shifted = sum << RADIX_SHIFT;
    let multiple = high_product((shifted as u64).wrapping_mul(q.inverse_2_64()), q.value());
    let high = (shifted >> 64) as u64;
    let high = high - high_product(high, reciprocal) * q.value();
    q.sub(subtract_if_reached(high, q.value()), multiple)
}

#[inline(always)]
fn high_product(x: u64, y: u64) -> u64 {
    ((u128::from(x) * u128::from(y)) >> 64) as u64
}
