//! Streams of pseudorandom blocks, sixteen blocks a turn.

use super::aes::{RoundKeys, encrypt};
use crate::garble::block::Block;
use crate::garble::prg::{LEAVES, LEVELS, parts};
use core::arch::x86_64::*;

/// Registers of four blocks under way at once. With the sums of all levels they just fit into the processor's registers.
const WIDTH: usize = 4;

/// Blocks of a turn.
const TURN: usize = 4 * WIDTH;

/// Counters of the blocks from `position` on, four a register.
#[inline]
#[target_feature(enable = "avx512f")]
fn counters(position: u64) -> [__m512i; WIDTH] {
    let first = _mm512_maskz_set1_epi64(0b0101_0101, position as i64);
    let mut next = _mm512_add_epi64(first, _mm512_set_epi64(0, 3, 0, 2, 0, 1, 0, 0));
    let mut registers = [next; WIDTH];
    for register in &mut registers {
        *register = next;
        next = _mm512_add_epi64(next, _mm512_set_epi64(0, 4, 0, 4, 0, 4, 0, 4));
    }
    registers
}

/// Writes up to sixteen blocks, as many as there is room for.
#[inline]
#[target_feature(enable = "avx512f")]
fn store(blocks: &mut [Block], registers: [__m512i; WIDTH]) {
    for (blocks, register) in blocks.chunks_mut(4).zip(registers) {
        let places = 0xff >> (8 - 2 * blocks.len());
        // SAFETY: places beyond the slice are not written.
        unsafe { _mm512_mask_storeu_epi64(blocks.as_mut_ptr().cast(), places, register) }
    }
}

/// See [`crate::garble::prg::Prg::fill`].
#[target_feature(enable = "avx512f,avx512dq,vaes")]
pub fn fill(keys: &RoundKeys, position: u64, blocks: &mut [Block]) {
    let keys = keys.broadcast();
    for (turn, blocks) in blocks.chunks_mut(TURN).enumerate() {
        let mut registers = counters(position + (turn * TURN) as u64);
        encrypt!(keys, registers);
        store(blocks, registers);
    }
}

/// See [`crate::garble::prg::Prg::combine`].
#[target_feature(enable = "avx512f,avx512dq,vaes")]
pub fn combine(
    streams: [&RoundKeys; LEAVES],
    first: usize,
    position: u64,
    sum: &mut [Block],
    rows: &mut [Block],
) {
    let length = sum.len();
    let mut rows = parts(rows, length);
    for start in (0..length).step_by(TURN) {
        let counters = counters(position + start as u64);
        let zero = [_mm512_setzero_si512(); WIDTH];
        let mut total = zero;
        let mut levels = [zero; LEVELS];
        for (x, keys) in streams.iter().enumerate().skip(first) {
            let keys = keys.broadcast();
            let mut blocks = counters;
            encrypt!(keys, blocks);
            for (total, block) in total.iter_mut().zip(&blocks) {
                *total = _mm512_xor_si512(*total, *block);
            }
            for (level, row) in levels.iter_mut().enumerate() {
                let marked = ((x >> level & 1) as u8).wrapping_neg();
                for (row, block) in row.iter_mut().zip(&blocks) {
                    *row = _mm512_mask_xor_epi64(*row, marked, *row, *block);
                }
            }
        }
        let end = length.min(start + TURN);
        store(&mut sum[start..end], total);
        for (row, level) in rows.iter_mut().zip(levels) {
            store(&mut row[start..end], level);
        }
    }
}
