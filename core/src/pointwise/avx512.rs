//! AVX-512 kernels: eight values at a time, whole registers only. Each gives the number of values done.
//!
//! # Products
//! With y' = y·2^16 < 2^52 the product x·y' = h·2^52 + l is divided by 2^52 (Montgomery 1985): m = l·q^-1 mod 2^52 makes
//! the lower half of m·q equal to l, so h − ⌊m·q/2^52⌋ ≡ x·y·2^16·2^-52 = x·y·2^-36. Both terms lie in [0, q), as
//! x·y' < q·2^52, and adding q to negative differences makes the result canonical. A constant factor c needs one
//! multiplication less: with W = c·2^16 mod q and W' = W·q^-1 mod 2^52 ready, m is the lower half of x·W'.
//!
//! # Sums of products
//! Lower and upper halves are summed apart, lower ones below 2^52 and upper ones below 2^20 each, so that 2^12 terms
//! fit. With carries moved up the sum is S = H·2^52 + L, L < 2^52, S < 2^84 + 2^72. Then T = S·2^16 has the upper half
//! H·2^16 + ⌊L/2^36⌋ < 2^49 and the lower half L·2^16 mod 2^52; the lower one is cleared as above, the upper one
//! reduced to [0, 2q) by Barrett with ⌊2^52/q⌋, whose estimate is at most one too small. Their difference lies in
//! (−q, 2q), and two corrections make it canonical.
//!
//! # Corrections
//! The smaller of v and v − q, or of v and v + q, as unsigned numbers: negative ones are great.
// Loads and stores of registers, and calls after asking the processor.
#![allow(unsafe_code)]

use core::arch::x86_64::*;

use crate::modulus::Modulus;
use crate::ntt::bit_reverse;
use crate::simd::{Level, available};

/// The words of one register.
type Lanes = [u64; 8];

/// 2^52 − 1.
const MASK_52: u64 = (1 << 52) - 1;

/// Bits between the machine's radix 2^36 and the radix 2^52 of these instructions.
const RADIX_SHIFT: u32 = 52 - crate::modulus::WORD_BITS;

/// Defines a function that asks the processor and calls the one of `kernels` of that name.
macro_rules! entries {
    ($($name:ident($($argument:ident: $type:ty),*) -> $result:ty;)*) => {$(
        pub fn $name($($argument: $type),*) -> $result {
            assert!(available() >= Level::Avx512);
            // SAFETY: the processor has the instructions.
            unsafe { kernels::$name($($argument),*) }
        }
    )*};
}

entries! {
    add(q: &Modulus, out: &mut [u64], a: &[u64], b: &[u64]) -> usize;
    add_assign(q: &Modulus, a: &mut [u64], b: &[u64]) -> usize;
    sub(q: &Modulus, out: &mut [u64], a: &[u64], b: &[u64]) -> usize;
    sub_assign(q: &Modulus, a: &mut [u64], b: &[u64]) -> usize;
    neg_assign(q: &Modulus, a: &mut [u64]) -> usize;
    mul(q: &Modulus, out: &mut [u64], a: &[u64], b: &[u64]) -> usize;
    mul_assign(q: &Modulus, a: &mut [u64], b: &[u64]) -> usize;
    mul_add(q: &Modulus, out: &mut [u64], d: &[u64], a: &[u64], b: &[u64]) -> usize;
    mul_add_assign(q: &Modulus, d: &mut [u64], a: &[u64], b: &[u64]) -> usize;
    scale(q: &Modulus, out: &mut [u64], a: &[u64], factor: u64) -> usize;
    scale_assign(q: &Modulus, a: &mut [u64], factor: u64) -> usize;
    lift(from: &Modulus, to: &Modulus, out: &mut [u64], a: &[u64]) -> usize;
    switch_limb(from: &Modulus, q: &Modulus, target: &mut [u64], dropped: &[u64], factor: u64) -> usize;
    all_residues(q: &Modulus, words: &[u64]) -> (bool, usize);
    sums_open(residues: &[u64], lower: &mut [u64], upper: &mut [u64]) -> ();
    sums_add(lower: &mut [u64], upper: &mut [u64], a: &[u64], b: &[u64]) -> ();
    sums_reduce(q: &Modulus, lower: &[u64], upper: &[u64], out: &mut [u64]) -> ();
    move_groups(to: &mut [Lanes], from: &[Lanes], within: &[Lanes; 8], g: usize) -> ();
    sum_of_products(q: &Modulus, d: &mut [u64], factors: &[(&[u64], &[u64])]) -> usize;
}

/// The kernels proper. They use no closures: the compiler would have to inline those, with their instructions, into
/// functions without.
mod kernels {
    use super::*;

    #[inline]
    #[target_feature(enable = "avx512f,avx512ifma")]
    fn load(lanes: &Lanes) -> __m512i {
        // SAFETY: the reference is valid for 64 bytes, and the load needs no alignment.
        unsafe { _mm512_loadu_si512(lanes.as_ptr().cast()) }
    }

    #[inline]
    #[target_feature(enable = "avx512f,avx512ifma")]
    fn store(lanes: &mut Lanes, register: __m512i) {
        // SAFETY: the reference is valid for 64 bytes, and the store needs no alignment.
        unsafe { _mm512_storeu_si512(lanes.as_mut_ptr().cast(), register) }
    }

    #[inline]
    #[target_feature(enable = "avx512f,avx512ifma")]
    fn splat(word: u64) -> __m512i {
        _mm512_set1_epi64(word as i64)
    }

    /// The constants of a modulus.
    #[derive(Clone, Copy)]
    struct Constants {
        q: __m512i,
        /// q^-1 mod 2^52; only the lower 52 bits are used.
        inverse: __m512i,
        zero: __m512i,
    }

    #[inline]
    #[target_feature(enable = "avx512f,avx512ifma")]
    fn constants(q: &Modulus) -> Constants {
        Constants {
            q: splat(q.value()),
            inverse: splat(q.inverse_2_64()),
            zero: _mm512_setzero_si512(),
        }
    }

    impl Constants {
        /// v of [0, 2q) to [0, q).
        #[inline]
        #[target_feature(enable = "avx512f,avx512ifma")]
        fn below(self, v: __m512i) -> __m512i {
            _mm512_min_epu64(v, _mm512_sub_epi64(v, self.q))
        }

        /// v of (−q, q) to [0, q).
        #[inline]
        #[target_feature(enable = "avx512f,avx512ifma")]
        fn not_negative(self, v: __m512i) -> __m512i {
            _mm512_min_epu64(v, _mm512_add_epi64(v, self.q))
        }

        #[inline]
        #[target_feature(enable = "avx512f,avx512ifma")]
        fn add(self, x: __m512i, y: __m512i) -> __m512i {
            self.below(_mm512_add_epi64(x, y))
        }

        #[inline]
        #[target_feature(enable = "avx512f,avx512ifma")]
        fn sub(self, x: __m512i, y: __m512i) -> __m512i {
            self.not_negative(_mm512_sub_epi64(x, y))
        }

        /// x·y·2^-36.
        #[inline]
        #[target_feature(enable = "avx512f,avx512ifma")]
        fn mul(self, x: __m512i, y: __m512i) -> __m512i {
            let y = _mm512_slli_epi64::<RADIX_SHIFT>(y);
            let upper = _mm512_madd52hi_epu64(self.zero, x, y);
            let lower = _mm512_madd52lo_epu64(self.zero, x, y);
            self.not_negative(_mm512_sub_epi64(upper, self.cleared_by(lower)))
        }

        /// ⌊m·q/2^52⌋ for the m with m·q ≡ lower mod 2^52.
        #[inline]
        #[target_feature(enable = "avx512f,avx512ifma")]
        fn cleared_by(self, lower: __m512i) -> __m512i {
            let m = _mm512_madd52lo_epu64(self.zero, lower, self.inverse);
            _mm512_madd52hi_epu64(self.zero, m, self.q)
        }

        /// x·c·2^-36 for a prepared constant factor c.
        #[inline]
        #[target_feature(enable = "avx512f,avx512ifma")]
        fn mul_constant(self, x: __m512i, factor: Constant) -> __m512i {
            let upper = _mm512_madd52hi_epu64(self.zero, x, factor.shifted);
            let m = _mm512_madd52lo_epu64(self.zero, x, factor.quotient);
            let multiple = _mm512_madd52hi_epu64(self.zero, m, self.q);
            self.not_negative(_mm512_sub_epi64(upper, multiple))
        }
    }

    /// A constant factor c as c·2^16 mod q, and that times q^-1.
    #[derive(Clone, Copy)]
    struct Constant {
        shifted: __m512i,
        quotient: __m512i,
    }

    #[inline]
    #[target_feature(enable = "avx512f,avx512ifma")]
    fn constant(q: &Modulus, factor: u64) -> Constant {
        let shifted = q.mul(factor, q.reduce(1 << RADIX_SHIFT));
        Constant {
            shifted: splat(shifted),
            quotient: splat(shifted.wrapping_mul(q.inverse_2_64())),
        }
    }

    /// The representative of x mod `from`, mod `to`: x, or x − from + to where x is above half of from.
    #[inline]
    #[target_feature(enable = "avx512f,avx512ifma")]
    fn lifted(x: __m512i, half: __m512i, shift: __m512i) -> __m512i {
        _mm512_mask_add_epi64(x, _mm512_cmpgt_epu64_mask(x, half), x, shift)
    }

    /// Defines loops over two operands, into a third slice and into the first operand.
    macro_rules! binary {
        ($($name:ident, $assign:ident: $operation:ident;)*) => {$(
            #[target_feature(enable = "avx512f,avx512ifma")]
            pub fn $name(q: &Modulus, out: &mut [u64], a: &[u64], b: &[u64]) -> usize {
                let constants = constants(q);
                let out = out.as_chunks_mut().0;
                for ((out, x), y) in out.iter_mut().zip(a.as_chunks().0).zip(b.as_chunks().0) {
                    store(out, constants.$operation(load(x), load(y)));
                }
                8 * out.len()
            }

            #[target_feature(enable = "avx512f,avx512ifma")]
            pub fn $assign(q: &Modulus, a: &mut [u64], b: &[u64]) -> usize {
                let constants = constants(q);
                let a = a.as_chunks_mut().0;
                for (x, y) in a.iter_mut().zip(b.as_chunks().0) {
                    store(x, constants.$operation(load(x), load(y)));
                }
                8 * a.len()
            }
        )*};
    }

    binary! {
        add, add_assign: add;
        sub, sub_assign: sub;
        mul, mul_assign: mul;
    }

    #[target_feature(enable = "avx512f,avx512ifma")]
    pub fn neg_assign(q: &Modulus, a: &mut [u64]) -> usize {
        let constants = constants(q);
        let a = a.as_chunks_mut().0;
        for x in a.iter_mut() {
            store(x, constants.sub(constants.zero, load(x)));
        }
        8 * a.len()
    }

    #[target_feature(enable = "avx512f,avx512ifma")]
    pub fn mul_add(q: &Modulus, out: &mut [u64], d: &[u64], a: &[u64], b: &[u64]) -> usize {
        let constants = constants(q);
        let out = out.as_chunks_mut().0;
        let operands = d
            .as_chunks()
            .0
            .iter()
            .zip(a.as_chunks().0)
            .zip(b.as_chunks().0);
        for (out, ((d, x), y)) in out.iter_mut().zip(operands) {
            store(out, constants.add(load(d), constants.mul(load(x), load(y))));
        }
        8 * out.len()
    }

    #[target_feature(enable = "avx512f,avx512ifma")]
    pub fn mul_add_assign(q: &Modulus, d: &mut [u64], a: &[u64], b: &[u64]) -> usize {
        let constants = constants(q);
        let d = d.as_chunks_mut().0;
        for ((d, x), y) in d.iter_mut().zip(a.as_chunks().0).zip(b.as_chunks().0) {
            store(d, constants.add(load(d), constants.mul(load(x), load(y))));
        }
        8 * d.len()
    }

    #[target_feature(enable = "avx512f,avx512ifma")]
    pub fn scale(q: &Modulus, out: &mut [u64], a: &[u64], factor: u64) -> usize {
        let (constants, factor) = (constants(q), constant(q, factor));
        let out = out.as_chunks_mut().0;
        for (out, x) in out.iter_mut().zip(a.as_chunks().0) {
            store(out, constants.mul_constant(load(x), factor));
        }
        8 * out.len()
    }

    #[target_feature(enable = "avx512f,avx512ifma")]
    pub fn scale_assign(q: &Modulus, a: &mut [u64], factor: u64) -> usize {
        let (constants, factor) = (constants(q), constant(q, factor));
        let a = a.as_chunks_mut().0;
        for x in a.iter_mut() {
            store(x, constants.mul_constant(load(x), factor));
        }
        8 * a.len()
    }

    #[target_feature(enable = "avx512f,avx512ifma")]
    pub fn lift(from: &Modulus, to: &Modulus, out: &mut [u64], a: &[u64]) -> usize {
        let half = splat(from.value() / 2);
        let shift = splat(to.value().wrapping_sub(from.value()));
        let out = out.as_chunks_mut().0;
        for (out, x) in out.iter_mut().zip(a.as_chunks().0) {
            store(out, lifted(load(x), half, shift));
        }
        8 * out.len()
    }

    #[target_feature(enable = "avx512f,avx512ifma")]
    pub fn switch_limb(
        from: &Modulus,
        q: &Modulus,
        target: &mut [u64],
        dropped: &[u64],
        factor: u64,
    ) -> usize {
        let (constants, factor) = (constants(q), constant(q, factor));
        let half = splat(from.value() / 2);
        let shift = splat(q.value().wrapping_sub(from.value()));
        let target = target.as_chunks_mut().0;
        for (x, dropped) in target.iter_mut().zip(dropped.as_chunks().0) {
            let difference = constants.sub(load(x), lifted(load(dropped), half, shift));
            store(x, constants.mul_constant(difference, factor));
        }
        8 * target.len()
    }

    #[target_feature(enable = "avx512f,avx512ifma")]
    pub fn all_residues(q: &Modulus, words: &[u64]) -> (bool, usize) {
        let words = words.as_chunks().0;
        let mut greatest = _mm512_setzero_si512();
        for word in words {
            greatest = _mm512_max_epu64(greatest, load(word));
        }
        let all = _mm512_cmplt_epu64_mask(greatest, splat(q.value())) == 0xFF;
        (all, 8 * words.len())
    }

    /// Starts sums at residue·2^36.
    #[target_feature(enable = "avx512f,avx512ifma")]
    pub fn sums_open(residues: &[u64], lower: &mut [u64], upper: &mut [u64]) {
        for ((&x, lower), upper) in residues.iter().zip(lower).zip(upper) {
            *lower = (x << (52 - RADIX_SHIFT)) & MASK_52;
            *upper = x >> RADIX_SHIFT;
        }
    }

    /// Adds products to sums.
    #[target_feature(enable = "avx512f,avx512ifma")]
    pub fn sums_add(lower: &mut [u64], upper: &mut [u64], a: &[u64], b: &[u64]) {
        let (lower, upper) = (lower.as_chunks_mut(), upper.as_chunks_mut());
        let (a, b) = (a.as_chunks(), b.as_chunks());
        let sums = lower.0.iter_mut().zip(upper.0);
        for ((lower, upper), (x, y)) in sums.zip(a.0.iter().zip(b.0)) {
            let (x, y) = (load(x), load(y));
            store(lower, _mm512_madd52lo_epu64(load(lower), x, y));
            store(upper, _mm512_madd52hi_epu64(load(upper), x, y));
        }
        let sums = lower.1.iter_mut().zip(upper.1);
        for ((lower, upper), (&x, &y)) in sums.zip(a.1.iter().zip(b.1)) {
            let product = u128::from(x) * u128::from(y);
            *lower += product as u64 & MASK_52;
            *upper += (product >> 52) as u64;
        }
    }

    /// Sums times 2^-36, canonical.
    #[target_feature(enable = "avx512f,avx512ifma")]
    pub fn sums_reduce(q: &Modulus, lower: &[u64], upper: &[u64], out: &mut [u64]) {
        let (constants, reciprocal) = (constants(q), splat((1 << 52) / q.value()));
        let (lower, upper, out) = (lower.as_chunks(), upper.as_chunks(), out.as_chunks_mut());
        for (out, (lower, upper)) in out.0.iter_mut().zip(lower.0.iter().zip(upper.0)) {
            store(
                out,
                constants.reduce_sum(reciprocal, load(lower), load(upper)),
            );
        }
        // The rest of a length that is no multiple of eight, padded with zeros.
        let (mut rest_lower, mut rest_upper, mut rest) = ([0; 8], [0; 8], [0; 8]);
        rest_lower[..lower.1.len()].copy_from_slice(lower.1);
        rest_upper[..upper.1.len()].copy_from_slice(upper.1);
        let reduced = constants.reduce_sum(reciprocal, load(&rest_lower), load(&rest_upper));
        store(&mut rest, reduced);
        out.1.copy_from_slice(&rest[..out.1.len()]);
    }

    impl Constants {
        /// (upper·2^52 + lower)·2^-36, canonical.
        #[inline]
        #[target_feature(enable = "avx512f,avx512ifma")]
        fn reduce_sum(self, reciprocal: __m512i, lower: __m512i, upper: __m512i) -> __m512i {
            let upper = _mm512_add_epi64(upper, _mm512_srli_epi64::<52>(lower));
            let from_lower = _mm512_and_si512(
                _mm512_srli_epi64::<{ 52 - RADIX_SHIFT }>(lower),
                splat((1 << RADIX_SHIFT) - 1),
            );
            let high = _mm512_or_si512(_mm512_slli_epi64::<RADIX_SHIFT>(upper), from_lower);
            // Only the lower 52 bits of a multiplicand count.
            let multiple = self.cleared_by(_mm512_slli_epi64::<RADIX_SHIFT>(lower));
            let estimate = _mm512_madd52hi_epu64(self.zero, high, reciprocal);
            let high = _mm512_sub_epi64(high, _mm512_madd52lo_epu64(self.zero, estimate, self.q));
            self.not_negative(_mm512_sub_epi64(self.below(high), multiple))
        }
    }

    /// The permutation of [`super::super::permutation`]: groups, and values within groups as `within` says for each of
    /// the top bits of a group's exponent.
    #[target_feature(enable = "avx512f,avx512ifma")]
    pub fn move_groups(to: &mut [Lanes], from: &[Lanes], within: &[Lanes; 8], g: usize) {
        let groups = from.len();
        let log_groups = groups.trailing_zeros();
        let mut exponent = g / 2;
        for group in 0..groups {
            let source = &from[bit_reverse(exponent & (groups - 1), log_groups)];
            let positions = load(&within[(exponent >> log_groups) % 8]);
            let group = &mut to[bit_reverse(group, log_groups)];
            store(group, _mm512_permutexvar_epi64(positions, load(source)));
            exponent = (exponent + g) & (8 * groups - 1);
        }
    }

    /// d = d + Σ a·b·2^-36, with the sums in registers, several at a time.
    #[target_feature(enable = "avx512f,avx512ifma")]
    pub fn sum_of_products(q: &Modulus, d: &mut [u64], factors: &[(&[u64], &[u64])]) -> usize {
        const AT_ONCE: usize = 8;
        let (constants, reciprocal) = (constants(q), splat((1 << 52) / q.value()));
        let d = d.as_chunks_mut::<8>().0.as_chunks_mut::<AT_ONCE>().0;
        for (i, d) in d.iter_mut().enumerate() {
            let mut lower = [constants.zero; AT_ONCE];
            let mut upper = [constants.zero; AT_ONCE];
            for (a, b) in factors {
                let at = 8 * AT_ONCE * i;
                let a = a[at..at + 8 * AT_ONCE].as_chunks().0;
                let b = b[at..at + 8 * AT_ONCE].as_chunks().0;
                for k in 0..AT_ONCE {
                    let (x, y) = (load(&a[k]), load(&b[k]));
                    lower[k] = _mm512_madd52lo_epu64(lower[k], x, y);
                    upper[k] = _mm512_madd52hi_epu64(upper[k], x, y);
                }
            }
            for k in 0..AT_ONCE {
                let sum = constants.reduce_sum(reciprocal, lower[k], upper[k]);
                let total = constants.add(load(&d[k]), sum);
                store(&mut d[k], total);
            }
        }
        8 * AT_ONCE * d.len()
    }
}
