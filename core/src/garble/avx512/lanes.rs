//! Labels of four instances in a register, numbers of eight.

use crate::garble::LANES;
use crate::garble::block::Block;
use crate::garble::kernel::Register;
use core::arch::x86_64::*;

/// The labels of instances 4·`group` to 4·`group` + 3.
#[inline]
#[target_feature(enable = "avx512f")]
pub fn load(labels: &Register, group: usize) -> __m512i {
    let four = &labels.as_chunks::<4>().0[group % (LANES / 4)];
    // SAFETY: four blocks are 64 bytes.
    unsafe { _mm512_loadu_si512(four.as_ptr().cast()) }
}

/// Writes the labels of instances 4·`group` to 4·`group` + 3.
#[inline]
#[target_feature(enable = "avx512f")]
pub fn store(labels: &mut Register, group: usize, value: __m512i) {
    let four = &mut labels.as_chunks_mut::<4>().0[group % (LANES / 4)];
    // SAFETY: four blocks are 64 bytes.
    unsafe { _mm512_storeu_si512(four.as_mut_ptr().cast(), value) }
}

/// A block in all four places.
#[inline]
#[target_feature(enable = "avx512f,avx512dq,vaes")]
pub fn splat(block: Block) -> __m512i {
    super::aes::splat(block.to_u128())
}

/// Tweaks of a gate, four instances at a time.
pub struct Tweaks {
    next: __m512i,
    step: __m512i,
    one: __m512i,
}

impl Tweaks {
    /// Those of the gate with counter `counter`, from instance 0 on.
    #[inline]
    #[target_feature(enable = "avx512f")]
    pub fn new(counter: u64) -> Self {
        let first = _mm512_maskz_set1_epi64(0b0101_0101, 2 * counter as i64);
        Self {
            next: _mm512_add_epi64(first, _mm512_set_epi64(0, 6, 0, 4, 0, 2, 0, 0)),
            step: _mm512_set_epi64(0, 8, 0, 8, 0, 8, 0, 8),
            one: _mm512_set_epi64(0, 1, 0, 1, 0, 1, 0, 1),
        }
    }

    /// Those of both halves of the gate in the next four instances: 2c, 2c + 2, 2c + 4, 2c + 6, and one more each.
    #[inline]
    #[target_feature(enable = "avx512f")]
    pub fn next(&mut self) -> [__m512i; 2] {
        let first = self.next;
        self.next = _mm512_add_epi64(first, self.step);
        [first, _mm512_xor_si512(first, self.one)]
    }
}

/// Where the colour is 1: both halves of a block are marked.
#[inline]
#[target_feature(enable = "avx512f")]
pub fn colours(labels: __m512i) -> __mmask8 {
    let low_halves = _mm512_shuffle_epi32::<0x44>(labels);
    _mm512_test_epi64_mask(low_halves, _mm512_set1_epi64(1))
}

/// a ⊕ b where marked, else a.
#[inline]
#[target_feature(enable = "avx512f")]
pub fn add_where(mask: __mmask8, a: __m512i, b: __m512i) -> __m512i {
    _mm512_mask_xor_epi64(a, mask, a, b)
}

/// Halves `HIGH` (0 or 1) of eight blocks.
#[inline]
#[target_feature(enable = "avx512f")]
pub fn halves<const HIGH: i64>(first: __m512i, second: __m512i) -> __m512i {
    let places = _mm512_set_epi64(14, 12, 10, 8, 6, 4, 2, 0);
    let places = _mm512_add_epi64(places, _mm512_set1_epi64(HIGH));
    _mm512_permutex2var_epi64(first, places, second)
}

/// Marks the first `count` ≤ 8 places.
#[inline]
fn first_places(count: usize) -> __mmask8 {
    (0xffu32 >> (8 - count.min(8))) as __mmask8
}

/// Up to eight numbers, one an instance; zero beyond.
#[inline]
#[target_feature(enable = "avx512f")]
pub fn load_numbers(numbers: &[u64]) -> __m512i {
    // SAFETY: places beyond the slice are not read.
    unsafe { _mm512_maskz_loadu_epi64(first_places(numbers.len()), numbers.as_ptr().cast()) }
}

/// Writes up to eight numbers, as many as there is room for.
#[inline]
#[target_feature(enable = "avx512f")]
pub fn store_numbers(numbers: &mut [u64], values: __m512i) {
    let places = first_places(numbers.len());
    // SAFETY: places beyond the slice are not written.
    unsafe { _mm512_mask_storeu_epi64(numbers.as_mut_ptr().cast(), places, values) }
}

/// Labels of a ⊕ b.
#[target_feature(enable = "avx512f")]
pub fn xor(lanes: usize, a: &Register, b: &Register, out: &mut Register) {
    for group in 0..lanes.div_ceil(4) {
        store(out, group, _mm512_xor_si512(load(a, group), load(b, group)));
    }
}
