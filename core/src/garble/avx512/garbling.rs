//! The garbler's gates, eight instances a turn.
//!
//! The four labels of an instance, A⁰, A¹, B⁰, B¹, are in four registers, in the same place of each.

use super::BLOCKS;
use super::aes::{RoundKeys, encrypt, hash_turns};
use super::lanes::{
    Tweaks, add_where, colours, halves, load, load_numbers, splat, store, store_numbers,
};
use crate::garble::block::Block;
use crate::garble::kernel::{Register, Rows, Sharing, ZeroLabels};
use core::arch::x86_64::*;

/// Labels of "false" of two groups of four instances: 2·turn and 2·turn + 1.
#[inline]
#[target_feature(enable = "avx512f,avx512dq,vaes")]
fn zero_labels(operand: ZeroLabels<'_>, offset: __m512i, turn: usize) -> [__m512i; 2] {
    [
        _mm512_xor_si512(load(operand.labels, 2 * turn), offset),
        _mm512_xor_si512(load(operand.labels, 2 * turn + 1), offset),
    ]
}

/// Writes 64 bytes for each register, but no more than there is room for.
#[inline]
#[target_feature(enable = "avx512f,avx512bw")]
fn write<const N: usize>(bytes: &mut [u8], registers: [__m512i; N]) {
    if let Some(whole) = bytes.as_chunks_mut::<64>().0.first_chunk_mut::<N>() {
        for (bytes, register) in whole.iter_mut().zip(registers) {
            // SAFETY: there are 64 bytes.
            unsafe { _mm512_storeu_si512(bytes.as_mut_ptr().cast(), register) }
        }
        return;
    }
    for (bytes, register) in bytes.chunks_mut(64).zip(registers) {
        let places = u64::MAX >> (64 - bytes.len());
        // SAFETY: places beyond the slice are not written.
        unsafe { _mm512_mask_storeu_epi8(bytes.as_mut_ptr().cast(), places, register) }
    }
}

/// See [`crate::garble::kernel::Kernel::garble_and`].
#[target_feature(enable = "avx512f,avx512dq,avx512bw,vaes")]
pub fn and(
    keys: &RoundKeys,
    delta: Block,
    counter: u64,
    a: ZeroLabels<'_>,
    b: ZeroLabels<'_>,
    table: &mut [u8],
    out: &mut Register,
) {
    let keys = keys.broadcast();
    let mut tweaks = Tweaks::new(counter);
    let delta = splat(delta);
    let (offset_a, offset_b) = (splat(a.offset), splat(b.offset));
    // Rows of an instance lie side by side: pairs of blocks, one from each register.
    let (lower, upper) = (
        _mm512_set_epi64(11, 10, 3, 2, 9, 8, 1, 0),
        _mm512_set_epi64(15, 14, 7, 6, 13, 12, 5, 4),
    );
    let turns = table.len().div_ceil(8 * 32);
    hash_turns!(
        keys,
        turns,
        |turn| {
            let a0 = zero_labels(a, offset_a, turn);
            let b0 = zero_labels(b, offset_b, turn);
            labels_and_tweaks(&mut tweaks, delta, a0, b0)
        },
        |turn, hashes| {
            let a0 = zero_labels(a, offset_a, turn);
            let b0 = zero_labels(b, offset_b, turn);
            let mut rows = [_mm512_setzero_si512(); 4];
            for g in 0..2 {
                let colours_a = colours(a0[g]);
                let colours_b = colours(b0[g]);
                let a_sum = _mm512_xor_si512(hashes[4 * g], hashes[4 * g + 1]);
                let b_sum = _mm512_xor_si512(hashes[4 * g + 2], hashes[4 * g + 3]);
                let garbler_row = add_where(colours_b, a_sum, delta);
                let evaluator_row = _mm512_xor_si512(b_sum, a0[g]);
                let c0 = _mm512_xor_si512(hashes[4 * g], hashes[4 * g + 2]);
                let c0 = add_where(colours_a, c0, garbler_row);
                store(out, 2 * turn + g, add_where(colours_b, c0, b_sum));
                rows[2 * g] = _mm512_permutex2var_epi64(garbler_row, lower, evaluator_row);
                rows[2 * g + 1] = _mm512_permutex2var_epi64(garbler_row, upper, evaluator_row);
            }
            write(&mut table[turn * 8 * 32..], rows);
        }
    );
}

/// Both labels of two operands in two groups of four instances, (group, operand, label), and their tweaks.
#[inline]
#[target_feature(enable = "avx512f")]
fn labels_and_tweaks(
    tweaks: &mut Tweaks,
    delta: __m512i,
    a: [__m512i; 2],
    b: [__m512i; 2],
) -> ([__m512i; BLOCKS], [__m512i; BLOCKS]) {
    let mut blocks = [_mm512_setzero_si512(); BLOCKS];
    let mut tweak_blocks = blocks;
    for g in 0..2 {
        let [first, second] = tweaks.next();
        blocks[4 * g] = a[g];
        blocks[4 * g + 1] = _mm512_xor_si512(a[g], delta);
        blocks[4 * g + 2] = b[g];
        blocks[4 * g + 3] = _mm512_xor_si512(b[g], delta);
        tweak_blocks[4 * g] = first;
        tweak_blocks[4 * g + 1] = first;
        tweak_blocks[4 * g + 2] = second;
        tweak_blocks[4 * g + 3] = second;
    }
    (blocks, tweak_blocks)
}

/// Marks both halves of block l where bit l < 4 is 1.
#[inline]
fn spread(bits: u64) -> __mmask8 {
    let pairs = (bits | bits << 2) & 0x33;
    let single = (pairs | pairs << 1) & 0x55;
    (single | single << 1) as __mmask8
}

/// See [`crate::garble::kernel::Kernel::garble_and_known`].
#[target_feature(enable = "avx512f,avx512dq,avx512bw,vaes")]
pub fn and_known(
    keys: &RoundKeys,
    delta: Block,
    counter: u64,
    a: ZeroLabels<'_>,
    known: u64,
    table: &mut [u8],
    out: &mut Register,
) {
    let keys = keys.broadcast();
    let mut tweaks = Tweaks::new(counter);
    let delta = splat(delta);
    let offset = splat(a.offset);
    // Sixteen instances a turn, as there are two labels of each.
    let turns = table.len().div_ceil(16 * 16);
    hash_turns!(
        keys,
        turns,
        |turn| {
            let mut blocks = [_mm512_setzero_si512(); BLOCKS];
            let mut tweak_blocks = blocks;
            for g in 0..4 {
                let [tweak, _] = tweaks.next();
                blocks[2 * g] = _mm512_xor_si512(load(a.labels, 4 * turn + g), offset);
                blocks[2 * g + 1] = _mm512_xor_si512(blocks[2 * g], delta);
                tweak_blocks[2 * g] = tweak;
                tweak_blocks[2 * g + 1] = tweak;
            }
            (blocks, tweak_blocks)
        },
        |turn, hashes| {
            let mut rows = [_mm512_setzero_si512(); 4];
            for g in 0..4 {
                let a0 = _mm512_xor_si512(load(a.labels, 4 * turn + g), offset);
                let known = spread(known >> (16 * turn + 4 * g) & 0xf);
                let sum = _mm512_xor_si512(hashes[2 * g], hashes[2 * g + 1]);
                rows[g] = add_where(known, sum, delta);
                let c0 = add_where(colours(a0), hashes[2 * g], rows[g]);
                store(out, 4 * turn + g, c0);
            }
            write(&mut table[turn * 16 * 16..], rows);
        }
    );
}

/// The labels of colour 0 in eight instances, 8·`eight` the first of them.
#[inline]
#[target_feature(enable = "avx512f,avx512dq,vaes")]
fn by_colour(
    operand: ZeroLabels<'_>,
    offset: __m512i,
    delta: __m512i,
    eight: usize,
) -> [__m512i; 2] {
    let [first, second] = zero_labels(operand, offset, eight);
    [
        add_where(colours(first), first, delta),
        add_where(colours(second), second, delta),
    ]
}

/// Where the bit that colour 0 stands for is 1, in the same instances.
#[inline]
#[target_feature(enable = "avx512f,avx512dq,vaes")]
fn truth(operand: ZeroLabels<'_>, offset: __m512i, eight: usize) -> __mmask8 {
    let [first, second] = zero_labels(operand, offset, eight);
    _mm512_test_epi64_mask(halves::<0>(first, second), _mm512_set1_epi64(1))
}

/// Takes mask·2^shift off the shares.
#[inline]
#[target_feature(enable = "avx512f")]
fn subtract(shares: &mut [u64], mask: __m512i, sharing: Sharing) {
    let shift = _mm_cvtsi64_si128(i64::from(sharing.weight.shift));
    let difference = _mm512_sub_epi64(load_numbers(shares), _mm512_sll_epi64(mask, shift));
    let modulus = _mm512_set1_epi64(sharing.mask as i64);
    store_numbers(shares, _mm512_and_si512(difference, modulus));
}

/// See [`crate::garble::kernel::Kernel::garble_share`].
#[target_feature(enable = "avx512f,avx512dq,avx512bw,vaes")]
pub fn share(
    keys: &RoundKeys,
    delta: Block,
    counter: u64,
    a: ZeroLabels<'_>,
    sharing: Sharing,
    shares: &mut [u64],
    rows: &mut Rows,
) {
    let keys = keys.broadcast();
    let mut tweaks = Tweaks::new(counter);
    let delta = splat(delta);
    let offset = splat(a.offset);
    let odd = _mm512_set1_epi64(sharing.weight.odd as i64);
    let row_mask = _mm512_set1_epi64(sharing.row_mask() as i64);
    // Sixteen instances a turn, as there are two labels of each.
    hash_turns!(
        keys,
        shares.len().div_ceil(16),
        |turn| {
            let mut blocks = [_mm512_setzero_si512(); BLOCKS];
            let mut tweak_blocks = blocks;
            for half in 0..2 {
                let labels = by_colour(a, offset, delta, 2 * turn + half);
                for (g, label) in labels.into_iter().enumerate() {
                    let four = 2 * half + g;
                    let [tweak, _] = tweaks.next();
                    blocks[2 * four] = label;
                    blocks[2 * four + 1] = _mm512_xor_si512(label, delta);
                    tweak_blocks[2 * four] = tweak;
                    tweak_blocks[2 * four + 1] = tweak;
                }
            }
            (blocks, tweak_blocks)
        },
        |turn, hashes| {
            let shares = shares[16 * turn..].chunks_mut(8).take(2);
            let rows = rows[16 * turn..].chunks_mut(8);
            for (half, (shares, rows)) in shares.zip(rows).enumerate() {
                let truth = truth(a, offset, 2 * turn + half);
                let pad0 = halves::<0>(hashes[4 * half], hashes[4 * half + 2]);
                let pad1 = halves::<0>(hashes[4 * half + 1], hashes[4 * half + 3]);
                let mask = _mm512_mask_sub_epi64(pad0, truth, pad0, odd);
                let row = _mm512_mask_add_epi64(mask, !truth, mask, odd);
                let row = _mm512_and_si512(_mm512_sub_epi64(row, pad1), row_mask);
                store_numbers(rows, row);
                subtract(shares, mask, sharing);
            }
        }
    );
}

/// See [`crate::garble::kernel::Kernel::garble_share_product`].
#[target_feature(enable = "avx512f,avx512dq,avx512bw,vaes")]
pub fn share_product(
    keys: &RoundKeys,
    delta: Block,
    counter: u64,
    [a, b]: [ZeroLabels<'_>; 2],
    sharing: Sharing,
    shares: &mut [u64],
    rows: &mut Rows,
) {
    let keys = keys.broadcast();
    let mut tweaks = Tweaks::new(counter);
    let delta = splat(delta);
    let (offset_a, offset_b) = (splat(a.offset), splat(b.offset));
    let odd = _mm512_set1_epi64(sharing.weight.odd as i64);
    let row_mask = _mm512_set1_epi64(sharing.row_mask() as i64);
    let rows = rows.as_chunks_mut::<8>().0.as_chunks_mut::<3>().0;
    hash_turns!(
        keys,
        shares.len().div_ceil(8),
        |turn| {
            let labels_a = by_colour(a, offset_a, delta, turn);
            let labels_b = by_colour(b, offset_b, delta, turn);
            labels_and_tweaks(&mut tweaks, delta, labels_a, labels_b)
        },
        |turn, hashes| {
            let truth_a = truth(a, offset_a, turn);
            let truth_b = truth(b, offset_b, turn);
            let [a0, a1, b0, b1, a0_next, a1_next, b0_next, b1_next] = hashes;
            let pad00 = _mm512_add_epi64(halves::<0>(a0, a0_next), halves::<0>(b0, b0_next));
            let pad01 = _mm512_add_epi64(halves::<1>(a0, a0_next), halves::<0>(b1, b1_next));
            let pad10 = _mm512_add_epi64(halves::<0>(a1, a1_next), halves::<1>(b0, b0_next));
            let pad11 = _mm512_add_epi64(halves::<1>(a1, a1_next), halves::<1>(b1, b1_next));
            let mask = _mm512_mask_sub_epi64(pad00, truth_a & truth_b, pad00, odd);
            let row01 = _mm512_mask_add_epi64(mask, truth_a & !truth_b, mask, odd);
            let row10 = _mm512_mask_add_epi64(mask, !truth_a & truth_b, mask, odd);
            let row11 = _mm512_mask_add_epi64(mask, !truth_a & !truth_b, mask, odd);
            let row01 = _mm512_and_si512(_mm512_sub_epi64(row01, pad01), row_mask);
            let row10 = _mm512_and_si512(_mm512_sub_epi64(row10, pad10), row_mask);
            let row11 = _mm512_and_si512(_mm512_sub_epi64(row11, pad11), row_mask);
            let three = super::rows::interleave([row01, row10, row11]);
            for (rows, register) in rows[turn].iter_mut().zip(three) {
                store_numbers(rows, register);
            }
            let end = shares.len().min(8 * turn + 8);
            subtract(&mut shares[8 * turn..end], mask, sharing);
        }
    );
}
