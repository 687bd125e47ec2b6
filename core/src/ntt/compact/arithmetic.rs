//! Signed lazy arithmetic modulo q = h·2^18 + 1 on 32-bit multipliers.
//!
//! A value is a 64-bit two's complement integer of magnitude below [`LAZY_BOUND`] = 2^45 that stands for its residue. A
//! constant w is split into two digits, w = w_0 + 2^18·w_1, so that each product y·w_i fits 64 bits and takes one long
//! and one short multiplication. Because q ≡ 1 mod 2^18, the Montgomery quotient of 2^18 is the value's own low digit:
//!
//! ```text
//! step(t) = (t − (t mod 2^18)·q) / 2^18 = ⌊t/2^18⌋ − (t mod 2^18)·h,
//! y·w·2^-36 ≡ step(step(y·w_0) + y·w_1),
//! ```
//!
//! and a step is one shift and one multiply-accumulate. Both steps together subtract M·q with 0 ≤ M < 2^36 before
//! they divide by 2^36, so the product r satisfies
//!
//! ```text
//! y·w/2^36 − q < r ≤ y·w/2^36,   hence |r| < |y|/2 + q.
//! ```
//!
//! Plain operators are used throughout: where overflow checks are on, as in the tests, they check these bounds.
//! Every function runs the same instructions for every operand, and the Cortex-M4 multiplies in one cycle always.

use crate::modulus::WORD_BITS;
use crate::params::RESIDUE_BITS;

/// Bits of the low digit, and the power of two that divides q − 1.
pub const DIGIT_BITS: u32 = WORD_BITS / 2;

/// Lazy values stay strictly below this in magnitude, so that a product with an 18-bit digit fits 63 bits.
pub const LAZY_BOUND: i64 = 1 << 45;

const DIGIT_MASK: u32 = (1 << DIGIT_BITS) - 1;
const RESIDUE_MASK: i64 = (1 << RESIDUE_BITS) - 1;

/// 2^35 − q must be below this: folding the bits of a lazy value above 2^35 then leaves less than a modulus too much.
const EXCESS_BOUND: u64 = 1 << 24;

/// A constant multiplicand below 2^36 as its low 18 bits and the rest.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Split {
    low: u32,
    high: u32,
}

impl Split {
    /// The digits of `value` < 2^36.
    #[inline(always)]
    pub const fn new(value: u64) -> Self {
        debug_assert!(value >> WORD_BITS == 0);
        Self {
            low: value as u32 & DIGIT_MASK,
            high: (value >> DIGIT_BITS) as u32,
        }
    }

    /// The value with these digits.
    pub const fn value(self) -> u64 {
        self.low as u64 | ((self.high as u64) << DIGIT_BITS)
    }
}

/// sum + y·digit. Word by word, so that the compiler sees one long multiply-accumulate and one short.
#[inline(always)]
fn accumulate(sum: i64, y: i64, digit: u32) -> i64 {
    let low = i64::from(y as u32) * i64::from(digit);
    let high = ((y >> 32) as i32 * digit as i32) as i64;
    sum + low + (high << 32)
}

/// The constants of one modulus.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct CompactModulus {
    value: u64,
    /// h.
    multiple: u32,
    /// 2^35 − q.
    excess: i32,
}

impl CompactModulus {
    /// The constants of `value` = h·2^18 + 1, whose primality is the caller's promise.
    ///
    /// # Panics
    /// If `value` has another form or is not in (2^35 − 2^24, 2^35); at compile time in constants.
    pub const fn new(value: u64) -> Self {
        assert!(
            value & DIGIT_MASK as u64 == 1,
            "modulus is not 1 modulo 2^18"
        );
        assert!(value >> RESIDUE_BITS == 0, "modulus has more than 35 bits");
        let excess = (1 << RESIDUE_BITS) - value;
        assert!(excess < EXCESS_BOUND, "modulus is too far below 2^35");
        Self {
            value,
            multiple: (value >> DIGIT_BITS) as u32,
            excess: excess as i32,
        }
    }

    /// q.
    #[inline(always)]
    pub const fn value(&self) -> u64 {
        self.value
    }

    /// a·b mod q for canonical a and b, by division: for constants, not for hot loops.
    pub const fn multiply_constants(&self, a: u64, b: u64) -> u64 {
        ((a as u128 * b as u128) % self.value as u128) as u64
    }

    /// a^exponent mod q. Time depends on the exponent.
    pub const fn power(&self, a: u64, mut exponent: u64) -> u64 {
        let mut base = a;
        let mut result = 1;
        while exponent > 0 {
            if exponent & 1 == 1 {
                result = self.multiply_constants(result, base);
            }
            base = self.multiply_constants(base, base);
            exponent >>= 1;
        }
        result
    }

    /// The stored form of a canonical constant, w·2^36 mod q, in digits: its [`product`](Self::product) is y·w.
    pub const fn stored(&self, w: u64) -> Split {
        Split::new(self.multiply_constants(w, self.power(2, WORD_BITS as u64)))
    }

    /// t·2^-18 as a lazy value, for |t| < 2^63.
    #[inline(always)]
    fn step(&self, t: i64) -> i64 {
        let low = t as u32 & DIGIT_MASK;
        (t >> DIGIT_BITS) - i64::from(low) * i64::from(self.multiple)
    }

    /// y·w·2^-36 as a lazy value of magnitude below |y|/2 + q, for |y| < [`LAZY_BOUND`] and w < q.
    #[inline(always)]
    pub fn product(&self, y: i64, w: Split) -> i64 {
        debug_assert!(-LAZY_BOUND < y && y < LAZY_BOUND);
        let first = self.step(y * i64::from(w.low));
        self.step(accumulate(first, y, w.high))
    }

    /// (x·v + y·w)·2^-36 as a lazy value of magnitude below (|x| + |y|)/2 + q, for |x| + |y| < [`LAZY_BOUND`] and
    /// v, w < q: two products for one reduction.
    #[inline(always)]
    pub fn sum_of_products(&self, (x, v): (i64, Split), (y, w): (i64, Split)) -> i64 {
        debug_assert!(x.abs() + y.abs() < LAZY_BOUND);
        let first = self.step(accumulate(x * i64::from(v.low), y, w.low));
        self.step(accumulate(accumulate(first, x, v.high), y, w.high))
    }

    /// The same residue in (−2^34, 2^35 + 2^34): with t = ⌊v/2^35⌋, v − t·q = (v mod 2^35) + t·(2^35 − q), and
    /// |t| ≤ 2^10 for |v| < [`LAZY_BOUND`].
    #[inline(always)]
    pub fn fold(&self, v: i64) -> i64 {
        debug_assert!(-LAZY_BOUND < v && v < LAZY_BOUND);
        (v & RESIDUE_MASK) + i64::from((v >> RESIDUE_BITS) as i32) * i64::from(self.excess)
    }

    /// The residue in [0, q) of a lazy value.
    #[inline(always)]
    pub fn canonical(&self, v: i64) -> u64 {
        let q = self.value as i64;
        let folded = self.fold(v);
        let not_negative = folded + (q & (folded >> 63));
        let reduced = not_negative - q;
        (reduced + (q & (reduced >> 63))) as u64
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::modulus::Modulus;
    use crate::params::{N4096, PRIMES};
    use proptest::prelude::*;

    fn lazy_value() -> impl Strategy<Value = i64> {
        const EDGE: i64 = LAZY_BOUND - 1;
        prop_oneof![
            prop::sample::select(std::vec![-EDGE, -1, 0, 1, EDGE]),
            (-1i64 << 10..1 << 10, -2i64..=2).prop_map(|(multiple, offset)| {
                (multiple * PRIMES[0] as i64 + offset).clamp(-EDGE, EDGE)
            }),
            -EDGE..=EDGE
        ]
    }

    fn modulus_and_constants() -> impl Strategy<Value = (u64, u64, u64)> {
        prop::sample::select(&PRIMES[..N4096.limbs]).prop_flat_map(|q| {
            let residue = prop_oneof![Just(0), Just(1), Just(q - 1), 0..q];
            (Just(q), residue.clone(), residue)
        })
    }

    proptest! {
        #[test]
        fn products_keep_their_bound_and_their_residue(
            (q, v, w) in modulus_and_constants(), x in lazy_value(), y in lazy_value()
        ) {
            let modulus = CompactModulus::new(q);
            let (wide_q, radix) = (i128::from(q), 1i128 << WORD_BITS);
            let product = i128::from(modulus.product(y, Split::new(w)));
            let exact = i128::from(y) * i128::from(w);
            prop_assert_eq!((product * radix - exact).rem_euclid(wide_q), 0);
            prop_assert!(product * radix <= exact && exact - wide_q * radix < product * radix);

            let (x, y) = (x / 2, y / 2);
            let sum = i128::from(modulus.sum_of_products((x, Split::new(v)), (y, Split::new(w))));
            let exact = i128::from(x) * i128::from(v) + i128::from(y) * i128::from(w);
            prop_assert_eq!((sum * radix - exact).rem_euclid(wide_q), 0);
            prop_assert!(sum * radix <= exact && exact - wide_q * radix < sum * radix);
        }

        #[test]
        fn canonical_values_are_the_residues_of_lazy_ones((q, _, _) in modulus_and_constants(), v in lazy_value()) {
            let modulus = CompactModulus::new(q);
            prop_assert_eq!(modulus.canonical(v) as i64, v.rem_euclid(q as i64));
            let folded = modulus.fold(v);
            prop_assert!((-(1 << 34)..(1 << 35) + (1 << 34)).contains(&folded));
        }

        #[test]
        fn stored_constants_multiply_as_themselves((q, y, w) in modulus_and_constants()) {
            let modulus = CompactModulus::new(q);
            let product = modulus.product(y as i64, modulus.stored(w));
            prop_assert_eq!(modulus.canonical(product), Modulus::new(q).unwrap().mul(y, w));
            prop_assert_eq!(Split::new(w).value(), w);
        }
    }

    #[test]
    #[should_panic = "too far below"]
    fn a_modulus_whose_values_would_not_fold_is_refused() {
        CompactModulus::new((130_000 << 18) + 1);
    }
}
