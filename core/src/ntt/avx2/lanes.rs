//! Four doubles: loads, stores, conversions, products and the transposition of blocks.
// Loads and stores through references of the right size.
#![allow(unsafe_code)]

use core::arch::x86_64::*;

use super::{BLOCK, TWIDDLE_LANES};
use crate::ntt::Twiddle;

/// The words of one register. In memory they need only the alignment of a word.
pub type Lanes = [u64; 4];

/// 3·2^51. A sum of this and x, |x| ≤ 2^51, has no bits after the point, so that it rounds x to the nearest integer.
const ROUNDER: f64 = 6_755_399_441_055_744.0;

/// 2^52. The bits of 2^52 + x, for an integer 0 ≤ x < 2^52, are those of 2^52 and those of x.
const SHIFTER: f64 = 4_503_599_627_370_496.0;

#[inline]
#[target_feature(enable = "avx2,fma")]
pub fn load(lanes: &Lanes) -> __m256d {
    // SAFETY: the reference is valid for 32 bytes, and the load needs no alignment.
    unsafe { _mm256_loadu_pd(lanes.as_ptr().cast()) }
}

#[inline]
#[target_feature(enable = "avx2,fma")]
pub fn store(lanes: &mut Lanes, register: __m256d) {
    // SAFETY: the reference is valid for 32 bytes, and the store needs no alignment.
    unsafe { _mm256_storeu_pd(lanes.as_mut_ptr().cast(), register) }
}

/// Words below 2^52 to doubles.
#[inline]
#[target_feature(enable = "avx2,fma")]
pub fn from_words(words: __m256d) -> __m256d {
    let shifter = _mm256_set1_pd(SHIFTER);
    _mm256_sub_pd(_mm256_or_pd(words, shifter), shifter)
}

/// Doubles of integers from 0 to 2^52 − 1 to words.
#[inline]
#[target_feature(enable = "avx2,fma")]
fn to_words(values: __m256d) -> __m256d {
    let shifter = _mm256_set1_pd(SHIFTER);
    _mm256_xor_pd(_mm256_add_pd(values, shifter), shifter)
}

/// The integer nearest to x·y, |x·y| ≤ 2^51.
#[inline]
#[target_feature(enable = "avx2,fma")]
fn rounded_product(x: __m256d, y: __m256d) -> __m256d {
    let rounder = _mm256_set1_pd(ROUNDER);
    _mm256_sub_pd(_mm256_fmadd_pd(x, y, rounder), rounder)
}

/// A factor w and w/q, the same or different ones in the four lanes.
#[derive(Clone, Copy)]
pub struct Factor {
    value: __m256d,
    quotient: __m256d,
}

impl Factor {
    /// The same factor in all lanes.
    #[inline]
    #[target_feature(enable = "avx2,fma")]
    pub fn splat(twiddle: &Twiddle) -> Self {
        Self {
            value: _mm256_set1_pd(f64::from_bits(twiddle.value)),
            quotient: _mm256_set1_pd(f64::from_bits(twiddle.quotient)),
        }
    }

    /// Vector `index` of a block's twiddles.
    #[inline]
    #[target_feature(enable = "avx2,fma")]
    pub fn load(twiddles: &[Lanes; TWIDDLE_LANES], index: usize) -> Self {
        Self {
            value: load(&twiddles[2 * index]),
            quotient: load(&twiddles[2 * index + 1]),
        }
    }

    /// r ≡ w·y, |r| ≤ (1/2 + |y|·2^-52)·q, for |y| ≤ 2^52.
    #[inline]
    #[target_feature(enable = "avx2,fma")]
    pub fn product(self, y: __m256d, q: __m256d) -> __m256d {
        let high = _mm256_mul_pd(y, self.value);
        let low = _mm256_fmsub_pd(y, self.value, high);
        let multiple = rounded_product(y, self.quotient);
        _mm256_add_pd(_mm256_fnmadd_pd(multiple, q, high), low)
    }
}

/// Reduction of single lanes.
#[derive(Clone, Copy)]
pub struct Reduction {
    q: __m256d,
    inverse: __m256d,
}

impl Reduction {
    #[inline]
    #[target_feature(enable = "avx2,fma")]
    pub fn new(q: u64) -> Self {
        Self {
            q: _mm256_set1_pd(q as f64),
            inverse: _mm256_set1_pd(1.0 / q as f64),
        }
    }

    /// v mod q of magnitude below q, for |v| ≤ 2^52.
    #[inline]
    #[target_feature(enable = "avx2,fma")]
    pub fn lazy(self, v: __m256d) -> __m256d {
        _mm256_fnmadd_pd(rounded_product(v, self.inverse), self.q, v)
    }

    /// v mod q as words in [0, q), for |v| ≤ 2^52.
    #[inline]
    #[target_feature(enable = "avx2,fma")]
    pub fn canonical(self, v: __m256d) -> __m256d {
        let lazy = self.lazy(v);
        let negative = _mm256_cmp_pd::<_CMP_LT_OQ>(lazy, _mm256_setzero_pd());
        to_words(_mm256_add_pd(lazy, _mm256_and_pd(negative, self.q)))
    }
}

/// Word j of register i to word i of register j.
#[inline]
#[target_feature(enable = "avx2,fma")]
pub fn transpose(v: [__m256d; BLOCK]) -> [__m256d; BLOCK] {
    const LOWER: i32 = 0x20;
    const UPPER: i32 = 0x31;
    let (a, b) = (
        _mm256_unpacklo_pd(v[0], v[1]),
        _mm256_unpackhi_pd(v[0], v[1]),
    );
    let (c, d) = (
        _mm256_unpacklo_pd(v[2], v[3]),
        _mm256_unpackhi_pd(v[2], v[3]),
    );
    [
        _mm256_permute2f128_pd::<LOWER>(a, c),
        _mm256_permute2f128_pd::<LOWER>(b, d),
        _mm256_permute2f128_pd::<UPPER>(a, c),
        _mm256_permute2f128_pd::<UPPER>(b, d),
    ]
}

/// Four registers of `lanes`.
#[inline]
#[target_feature(enable = "avx2,fma")]
pub fn load_all(lanes: &[Lanes; BLOCK]) -> [__m256d; BLOCK] {
    [
        load(&lanes[0]),
        load(&lanes[1]),
        load(&lanes[2]),
        load(&lanes[3]),
    ]
}

#[inline]
#[target_feature(enable = "avx2,fma")]
pub fn store_all(lanes: &mut [Lanes; BLOCK], v: [__m256d; BLOCK]) {
    for (lanes, v) in lanes.iter_mut().zip(v) {
        store(lanes, v);
    }
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

/// In debug builds, that all doubles are integers of at most this magnitude.
#[inline]
pub fn check(lanes: &[Lanes], bound: f64) {
    debug_assert!(
        lanes.as_flattened().iter().all(|&lane| {
            let value = f64::from_bits(lane);
            value.abs() <= bound && value == (value as i64) as f64
        }),
        "lanes exceed {bound}"
    );
}
