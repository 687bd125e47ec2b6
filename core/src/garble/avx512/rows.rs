//! Rows of projections: three an instance side by side, and strings of bits.
//!
//! Eight values of b bits are b bytes. Word d of these bytes, bits 64d to 64d + 63, overlaps value
//! ⌊64d/b⌋ and at most ⌈64/b⌉ further ones; value i overlaps word ⌊bi/64⌋ and at most the next one. So packing and
//! unpacking are a few permutations and shifts by amounts that depend on b alone. Shifts by 64 and more yield zero.

use super::lanes::{load_numbers, store_numbers};
use core::arch::x86_64::*;

/// (x₀ y₀ z₀ x₁ y₁ z₁ …) from (x₀ x₁ …), (y₀ y₁ …), (z₀ z₁ …).
#[inline]
#[target_feature(enable = "avx512f")]
pub fn interleave([x, y, z]: [__m512i; 3]) -> [__m512i; 3] {
    // First x and y to their places, then z between them.
    let xy = [
        _mm512_set_epi64(10, 2, 0, 9, 1, 0, 8, 0),
        _mm512_set_epi64(5, 0, 12, 4, 0, 11, 3, 0),
        _mm512_set_epi64(0, 15, 7, 0, 14, 6, 0, 13),
    ];
    let xyz = [
        _mm512_set_epi64(7, 6, 9, 4, 3, 8, 1, 0),
        _mm512_set_epi64(7, 12, 5, 4, 11, 2, 1, 10),
        _mm512_set_epi64(15, 6, 5, 14, 3, 2, 13, 0),
    ];
    let mut words = [_mm512_setzero_si512(); 3];
    for (word, (xy, xyz)) in words.iter_mut().zip(xy.into_iter().zip(xyz)) {
        *word = _mm512_permutex2var_epi64(_mm512_permutex2var_epi64(x, xy, y), xyz, z);
    }
    words
}

/// The inverse of [`interleave`].
#[inline]
#[target_feature(enable = "avx512f")]
pub fn separate([first, second, third]: [__m512i; 3]) -> [__m512i; 3] {
    let from_two = [
        _mm512_set_epi64(0, 0, 15, 12, 9, 6, 3, 0),
        _mm512_set_epi64(0, 0, 0, 13, 10, 7, 4, 1),
        _mm512_set_epi64(0, 0, 0, 14, 11, 8, 5, 2),
    ];
    let from_third = [
        _mm512_set_epi64(13, 10, 5, 4, 3, 2, 1, 0),
        _mm512_set_epi64(14, 11, 8, 4, 3, 2, 1, 0),
        _mm512_set_epi64(15, 12, 9, 4, 3, 2, 1, 0),
    ];
    let mut rows = [_mm512_setzero_si512(); 3];
    for (row, (two, one)) in rows.iter_mut().zip(from_two.into_iter().zip(from_third)) {
        let most = _mm512_permutex2var_epi64(first, two, second);
        *row = _mm512_permutex2var_epi64(most, one, third);
    }
    rows
}

/// Marks the `bits` ≤ 63 bytes that eight values are packed into.
#[inline]
fn bytes_of_group(bits: u32) -> __mmask64 {
    (1 << bits) - 1
}

/// Packs values of `bits` bits, 1 to 63, into `bits` bytes for each eight of them.
#[target_feature(enable = "avx512f,avx512bw")]
pub fn pack(values: &[[u64; 8]], bits: u32, bytes: &mut [u8]) {
    let b = u64::from(bits);
    // Term k of word d is value ⌊64d/b⌋ + k. What wraps around lies beyond the last byte.
    let terms = (64 / bits as usize + 2).min(8);
    let mut indices = [[0; 8]; 8];
    let mut shifts = [[0; 8]; 8];
    for d in 0..8 {
        let first = 64 * d / b;
        for k in 0..terms as u64 {
            indices[k as usize][d as usize] = first + k;
            shifts[k as usize][d as usize] = (b * (first + k)).abs_diff(64 * d);
        }
    }
    for (values, bytes) in values.iter().zip(bytes.chunks_exact_mut(bits as usize)) {
        let values = load_numbers(values);
        let first = _mm512_permutexvar_epi64(load_numbers(&indices[0]), values);
        let mut words = _mm512_srlv_epi64(first, load_numbers(&shifts[0]));
        for k in 1..terms {
            let next = _mm512_permutexvar_epi64(load_numbers(&indices[k]), values);
            let next = _mm512_sllv_epi64(next, load_numbers(&shifts[k]));
            words = _mm512_or_si512(words, next);
        }
        // SAFETY: the slice has as many bytes as are marked.
        unsafe {
            _mm512_mask_storeu_epi8(bytes.as_mut_ptr().cast(), bytes_of_group(bits), words);
        }
    }
}

/// The inverse of [`pack`].
#[target_feature(enable = "avx512f,avx512bw")]
pub fn unpack(bytes: &[u8], bits: u32, values: &mut [[u64; 8]]) {
    let b = u64::from(bits);
    let mut indices = [0; 8];
    let mut shifts = [0; 8];
    for i in 0..8 {
        indices[i as usize] = b * i / 64;
        shifts[i as usize] = b * i % 64;
    }
    let (indices, shifts) = (load_numbers(&indices), load_numbers(&shifts));
    let next = _mm512_add_epi64(indices, _mm512_set1_epi64(1));
    let back = _mm512_sub_epi64(_mm512_set1_epi64(64), shifts);
    let mask = _mm512_set1_epi64(((1u64 << bits) - 1) as i64);
    for (values, bytes) in values.iter_mut().zip(bytes.chunks_exact(bits as usize)) {
        // SAFETY: the slice has as many bytes as are marked.
        let words = unsafe { _mm512_maskz_loadu_epi8(bytes_of_group(bits), bytes.as_ptr().cast()) };
        let low = _mm512_srlv_epi64(_mm512_permutexvar_epi64(indices, words), shifts);
        let high = _mm512_sllv_epi64(_mm512_permutexvar_epi64(next, words), back);
        store_numbers(values, _mm512_and_si512(_mm512_or_si512(low, high), mask));
    }
}
