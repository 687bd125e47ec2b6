//! Eight words of 64 bits: loads, stores, products and the transposition of blocks.
// Loads and stores through references of the right size.
#![allow(unsafe_code)]

use core::arch::x86_64::*;

use super::{BLOCK, PAIR, TWIDDLE_LANES};
use crate::ntt::Twiddle;

/// The words of one register. In memory they need only the alignment of a word.
pub type Lanes = [u64; 8];

/// 2^52 − 1.
pub const MASK_52: u64 = (1 << 52) - 1;

#[inline]
#[target_feature(enable = "avx512f,avx512ifma")]
pub fn load(lanes: &Lanes) -> __m512i {
    // SAFETY: the reference is valid for 64 bytes, and the load needs no alignment.
    unsafe { _mm512_loadu_si512(lanes.as_ptr().cast()) }
}

#[inline]
#[target_feature(enable = "avx512f,avx512ifma")]
pub fn load_all<const N: usize>(data: &[Lanes; N]) -> [__m512i; N] {
    let mut v = [_mm512_setzero_si512(); N];
    for (v, lanes) in v.iter_mut().zip(data) {
        *v = load(lanes);
    }
    v
}

#[inline]
#[target_feature(enable = "avx512f,avx512ifma")]
pub fn store(lanes: &mut Lanes, register: __m512i) {
    // SAFETY: the reference is valid for 64 bytes, and the store needs no alignment.
    unsafe { _mm512_storeu_si512(lanes.as_mut_ptr().cast(), register) }
}

#[inline]
#[target_feature(enable = "avx512f,avx512ifma")]
pub fn splat(word: u64) -> __m512i {
    _mm512_set1_epi64(word as i64)
}

#[inline]
#[target_feature(enable = "avx512f,avx512ifma")]
pub fn store_all<const N: usize>(data: &mut [Lanes; N], v: [__m512i; N]) {
    for (lanes, v) in data.iter_mut().zip(v) {
        store(lanes, v);
    }
}

/// A factor w as an odd W ≡ w·2^52 mod q and W' = −W·q^-1 mod 2^52, the same or different ones in the eight lanes.
#[derive(Clone, Copy)]
pub struct Factor {
    shifted: __m512i,
    quotient: __m512i,
}

impl Factor {
    /// The same factor in all lanes.
    #[inline]
    #[target_feature(enable = "avx512f,avx512ifma")]
    pub fn splat(twiddle: &Twiddle) -> Self {
        Self {
            shifted: splat(twiddle.value),
            quotient: splat(twiddle.quotient),
        }
    }

    /// `addend` + r − 1 with r ≡ w·y and 0 < r < 2q, for 0 < y < 2^51.
    #[inline]
    #[target_feature(enable = "avx512f,avx512ifma")]
    pub fn product(self, addend: __m512i, y: __m512i, q: __m512i) -> __m512i {
        check_register(y, 1, 1 << 51);
        let multiple = _mm512_madd52lo_epu64(_mm512_setzero_si512(), y, self.quotient);
        let upper = _mm512_madd52hi_epu64(addend, y, self.shifted);
        _mm512_madd52hi_epu64(upper, multiple, q)
    }
}

/// Each factor in all lanes of its own register: the first `N`.
// Kernels use no closures: the compiler would have to inline those, with their instructions, into functions without.
#[inline]
#[target_feature(enable = "avx512f,avx512ifma")]
pub fn splat_all<const N: usize>(twiddles: &[Twiddle]) -> [Factor; N] {
    let mut factors = [Factor::splat(&twiddles[0]); N];
    for (factor, twiddle) in factors.iter_mut().zip(&twiddles[..N]) {
        *factor = Factor::splat(twiddle);
    }
    factors
}

/// Factor `i` of `N` for a level within registers: vectors from number `first` of both blocks' twiddles, `N`/2 of each.
#[inline]
#[target_feature(enable = "avx512f,avx512ifma")]
pub fn load_factor<const N: usize>(
    blocks: &[[Lanes; TWIDDLE_LANES]; 2],
    first: usize,
    i: usize,
) -> Factor {
    let (twiddles, vector) = (&blocks[i / (N / 2)], first + i % (N / 2));
    Factor {
        shifted: load(&twiddles[2 * vector]),
        quotient: load(&twiddles[2 * vector + 1]),
    }
}

/// All `N` of them.
#[inline]
#[target_feature(enable = "avx512f,avx512ifma")]
pub fn load_factors<const N: usize>(
    blocks: &[[Lanes; TWIDDLE_LANES]; 2],
    first: usize,
) -> [Factor; N] {
    let mut factors = [load_factor::<N>(blocks, first, 0); N];
    for (i, factor) in factors.iter_mut().enumerate() {
        *factor = load_factor::<N>(blocks, first, i);
    }
    factors
}

/// `N` rows of equal length.
#[inline(always)]
pub fn rows<const N: usize>(data: &mut [Lanes]) -> [&mut [Lanes]; N] {
    let length = data.len() / N;
    let mut rest = data;
    let mut rows = [(); N].map(|()| <&mut [Lanes]>::default());
    for row in &mut rows {
        let (first, others) = rest.split_at_mut(length);
        (*row, rest) = (first, others);
    }
    rows
}

/// Reduction of single lanes.
#[derive(Clone, Copy)]
pub struct Barrett {
    q: __m512i,
    /// ⌊2^52/q⌋.
    reciprocal: __m512i,
}

impl Barrett {
    #[inline]
    #[target_feature(enable = "avx512f,avx512ifma")]
    pub fn new(q: u64) -> Self {
        Self {
            q: splat(q),
            reciprocal: splat((1 << 52) / q),
        }
    }

    /// v mod q in [0, 2q), for 0 ≤ v < 2^52.
    #[inline]
    #[target_feature(enable = "avx512f,avx512ifma")]
    pub fn lazy(self, v: __m512i) -> __m512i {
        let zero = _mm512_setzero_si512();
        let estimate = _mm512_madd52hi_epu64(zero, v, self.reciprocal);
        _mm512_sub_epi64(v, _mm512_madd52lo_epu64(zero, estimate, self.q))
    }

    /// v mod q in [0, q), for 0 ≤ v < 2^52.
    #[inline]
    #[target_feature(enable = "avx512f,avx512ifma")]
    pub fn canonical(self, v: __m512i) -> __m512i {
        let lazy = self.lazy(v);
        // v − q wraps around to a great number where v < q.
        _mm512_min_epu64(lazy, _mm512_sub_epi64(lazy, self.q))
    }
}

/// [`transpose`] on both blocks of a pair.
#[inline]
#[target_feature(enable = "avx512f,avx512ifma")]
pub fn transpose_pair(v: [__m512i; PAIR]) -> [__m512i; PAIR] {
    let [a, b, c, d, e, f, g, h, rest @ ..] = v;
    let [i, j, k, l, m, n, o, p] = rest;
    let [a, b, c, d, e, f, g, h] = transpose([a, b, c, d, e, f, g, h]);
    let [i, j, k, l, m, n, o, p] = transpose([i, j, k, l, m, n, o, p]);
    [a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p]
}

/// Word j of register i to word i of register j.
#[inline]
#[target_feature(enable = "avx512f,avx512ifma")]
fn transpose(v: [__m512i; BLOCK]) -> [__m512i; BLOCK] {
    // Pairs of words, with even and odd registers of the result apart.
    let [a0, b0] = [
        _mm512_unpacklo_epi64(v[0], v[1]),
        _mm512_unpackhi_epi64(v[0], v[1]),
    ];
    let [a1, b1] = [
        _mm512_unpacklo_epi64(v[2], v[3]),
        _mm512_unpackhi_epi64(v[2], v[3]),
    ];
    let [a2, b2] = [
        _mm512_unpacklo_epi64(v[4], v[5]),
        _mm512_unpackhi_epi64(v[4], v[5]),
    ];
    let [a3, b3] = [
        _mm512_unpacklo_epi64(v[6], v[7]),
        _mm512_unpackhi_epi64(v[6], v[7]),
    ];
    let [t0, t2, t4, t6] = transpose_pairs(a0, a1, a2, a3);
    let [t1, t3, t5, t7] = transpose_pairs(b0, b1, b2, b3);
    [t0, t1, t2, t3, t4, t5, t6, t7]
}

/// Pair j of register i to pair i of register j, for four pairs of words a register.
#[inline]
#[target_feature(enable = "avx512f,avx512ifma")]
fn transpose_pairs(a: __m512i, b: __m512i, c: __m512i, d: __m512i) -> [__m512i; 4] {
    // Even pairs of the first two and of the last two, then odd ones.
    const EVEN: i32 = 0x88;
    const ODD: i32 = 0xDD;
    let [ab_even, ab_odd] = [
        _mm512_shuffle_i64x2::<EVEN>(a, b),
        _mm512_shuffle_i64x2::<ODD>(a, b),
    ];
    let [cd_even, cd_odd] = [
        _mm512_shuffle_i64x2::<EVEN>(c, d),
        _mm512_shuffle_i64x2::<ODD>(c, d),
    ];
    [
        _mm512_shuffle_i64x2::<EVEN>(ab_even, cd_even),
        _mm512_shuffle_i64x2::<EVEN>(ab_odd, cd_odd),
        _mm512_shuffle_i64x2::<ODD>(ab_even, cd_even),
        _mm512_shuffle_i64x2::<ODD>(ab_odd, cd_odd),
    ]
}

/// In debug builds, that all lanes are below `bound`.
#[inline]
pub fn check(lanes: &[Lanes], bound: u64) {
    debug_assert!(
        lanes.as_flattened().iter().all(|&lane| lane < bound),
        "lanes reach {bound}"
    );
}

/// In debug builds, that all lanes of a register are in [`least`, `bound`).
#[inline]
#[target_feature(enable = "avx512f,avx512ifma")]
pub fn check_register(register: __m512i, least: u64, bound: u64) {
    if cfg!(debug_assertions) {
        let mut lanes = Lanes::default();
        store(&mut lanes, register);
        assert!(
            lanes.iter().all(|lane| (least..bound).contains(lane)),
            "{lanes:?} leave [{least}, {bound})"
        );
    }
}
