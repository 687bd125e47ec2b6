//! The evaluator's gates, sixteen instances a turn.

use super::BLOCKS;
use super::aes::{RoundKeys, encrypt, hash_turns};
use super::lanes::{Tweaks, add_where, colours, halves, load, load_numbers, store, store_numbers};
use crate::garble::kernel::{Register, Rows, Sharing};
use core::arch::x86_64::*;

/// Reads 64 bytes for each register; zeros where there are none.
#[inline]
#[target_feature(enable = "avx512f,avx512bw")]
fn read<const N: usize>(bytes: &[u8]) -> [__m512i; N] {
    let mut registers = [_mm512_setzero_si512(); N];
    let whole = bytes.as_chunks::<64>().0;
    if let Some(whole) = whole.first_chunk::<N>() {
        for (register, bytes) in registers.iter_mut().zip(whole) {
            // SAFETY: there are 64 bytes.
            *register = unsafe { _mm512_loadu_si512(bytes.as_ptr().cast()) };
        }
        return registers;
    }
    for (register, bytes) in registers.iter_mut().zip(bytes.chunks(64)) {
        let places = u64::MAX >> (64 - bytes.len());
        // SAFETY: places beyond the slice are not read.
        *register = unsafe { _mm512_maskz_loadu_epi8(places, bytes.as_ptr().cast()) };
    }
    registers
}

/// Labels of two operands in sixteen instances, four a register: those of a, then those of b; and their tweaks.
#[inline]
#[target_feature(enable = "avx512f")]
fn labels_and_tweaks(
    tweaks: &mut Tweaks,
    turn: usize,
    a: &Register,
    b: &Register,
) -> ([__m512i; BLOCKS], [__m512i; BLOCKS]) {
    let mut blocks = [_mm512_setzero_si512(); BLOCKS];
    let mut tweak_blocks = blocks;
    for g in 0..4 {
        blocks[g] = load(a, 4 * turn + g);
        blocks[4 + g] = load(b, 4 * turn + g);
        [tweak_blocks[g], tweak_blocks[4 + g]] = tweaks.next();
    }
    (blocks, tweak_blocks)
}

/// See [`crate::garble::kernel::Kernel::evaluate_and`].
#[target_feature(enable = "avx512f,avx512dq,avx512bw,vaes")]
pub fn and(
    keys: &RoundKeys,
    counter: u64,
    a: &Register,
    b: &Register,
    table: &[u8],
    out: &mut Register,
) {
    let keys = keys.broadcast();
    let mut tweaks = Tweaks::new(counter);
    // Rows of an instance lie side by side: first and second blocks of pairs.
    let (first, second) = (
        _mm512_set_epi64(13, 12, 9, 8, 5, 4, 1, 0),
        _mm512_set_epi64(15, 14, 11, 10, 7, 6, 3, 2),
    );
    hash_turns!(
        keys,
        table.len().div_ceil(16 * 32),
        |turn| labels_and_tweaks(&mut tweaks, turn, a, b),
        |turn, hashes| {
            let rows = read::<8>(&table[turn * 16 * 32..]);
            for g in 0..4 {
                let label_a = load(a, 4 * turn + g);
                let label_b = load(b, 4 * turn + g);
                let (lower, upper) = (rows[2 * g], rows[2 * g + 1]);
                let garbler_row = _mm512_permutex2var_epi64(lower, first, upper);
                let evaluator_row = _mm512_permutex2var_epi64(lower, second, upper);
                let c = _mm512_xor_si512(hashes[g], hashes[4 + g]);
                let c = add_where(colours(label_a), c, garbler_row);
                let term = _mm512_xor_si512(evaluator_row, label_a);
                store(out, 4 * turn + g, add_where(colours(label_b), c, term));
            }
        }
    );
}

/// See [`crate::garble::kernel::Kernel::evaluate_and_known`].
#[target_feature(enable = "avx512f,avx512dq,avx512bw,vaes")]
pub fn and_known(keys: &RoundKeys, counter: u64, a: &Register, table: &[u8], out: &mut Register) {
    let keys = keys.broadcast();
    let mut tweaks = Tweaks::new(counter);
    hash_turns!(
        keys,
        table.len().div_ceil(32 * 16),
        |turn| {
            let mut blocks = [_mm512_setzero_si512(); BLOCKS];
            let mut tweak_blocks = blocks;
            for g in 0..BLOCKS {
                blocks[g] = load(a, 8 * turn + g);
                [tweak_blocks[g], _] = tweaks.next();
            }
            (blocks, tweak_blocks)
        },
        |turn, hashes| {
            let rows = read::<BLOCKS>(&table[turn * 32 * 16..]);
            for g in 0..BLOCKS {
                let mask = colours(load(a, 8 * turn + g));
                store(out, 8 * turn + g, add_where(mask, hashes[g], rows[g]));
            }
        }
    );
}

/// The colours of eight instances' labels, 8·`eight` the first of them.
#[inline]
#[target_feature(enable = "avx512f")]
fn colours_of_eight(labels: &Register, eight: usize) -> __mmask8 {
    let low = halves::<0>(load(labels, 2 * eight), load(labels, 2 * eight + 1));
    _mm512_test_epi64_mask(low, _mm512_set1_epi64(1))
}

/// Adds value·2^shift to the shares.
#[inline]
#[target_feature(enable = "avx512f")]
fn add(shares: &mut [u64], value: __m512i, sharing: Sharing) {
    let shift = _mm_cvtsi64_si128(i64::from(sharing.weight.shift));
    let sum = _mm512_add_epi64(load_numbers(shares), _mm512_sll_epi64(value, shift));
    let modulus = _mm512_set1_epi64(sharing.mask as i64);
    store_numbers(shares, _mm512_and_si512(sum, modulus));
}

/// See [`crate::garble::kernel::Kernel::evaluate_share`].
#[target_feature(enable = "avx512f,avx512dq,avx512bw,vaes")]
pub fn share(
    keys: &RoundKeys,
    counter: u64,
    a: &Register,
    sharing: Sharing,
    shares: &mut [u64],
    rows: &Rows,
) {
    let keys = keys.broadcast();
    let mut tweaks = Tweaks::new(counter);
    let rows = rows.as_chunks::<8>().0;
    // There is one such gate in a layer, so that half of the hashes may go to waste.
    hash_turns!(
        keys,
        shares.len().div_ceil(16),
        |turn| labels_and_tweaks(&mut tweaks, turn, a, a),
        |turn, hashes| {
            for (half, shares) in shares[16 * turn..].chunks_mut(8).take(2).enumerate() {
                let eight = 2 * turn + half;
                let pad = halves::<0>(hashes[2 * half], hashes[2 * half + 1]);
                let colour = colours_of_eight(a, eight);
                let row = load_numbers(&rows[eight]);
                add(
                    shares,
                    _mm512_mask_add_epi64(pad, colour, pad, row),
                    sharing,
                );
            }
        }
    );
}

/// See [`crate::garble::kernel::Kernel::evaluate_share_product`].
#[target_feature(enable = "avx512f,avx512dq,avx512bw,vaes")]
pub fn share_product(
    keys: &RoundKeys,
    counter: u64,
    a: &Register,
    b: &Register,
    sharing: Sharing,
    shares: &mut [u64],
    rows: &Rows,
) {
    let keys = keys.broadcast();
    let mut tweaks = Tweaks::new(counter);
    let rows = rows.as_chunks::<8>().0.as_chunks::<3>().0;
    hash_turns!(
        keys,
        shares.len().div_ceil(16),
        |turn| labels_and_tweaks(&mut tweaks, turn, a, b),
        |turn, hashes| {
            for (half, shares) in shares[16 * turn..].chunks_mut(8).take(2).enumerate() {
                let eight = 2 * turn + half;
                let (i, j) = (colours_of_eight(a, eight), colours_of_eight(b, eight));
                let [a_first, a_second] = [hashes[2 * half], hashes[2 * half + 1]];
                let [b_first, b_second] = [hashes[4 + 2 * half], hashes[5 + 2 * half]];
                // Part j of the hash of a and part i of that of b.
                let a0 = halves::<0>(a_first, a_second);
                let a1 = halves::<1>(a_first, a_second);
                let b0 = halves::<0>(b_first, b_second);
                let b1 = halves::<1>(b_first, b_second);
                let pad = _mm512_add_epi64(
                    _mm512_mask_blend_epi64(j, a0, a1),
                    _mm512_mask_blend_epi64(i, b0, b1),
                );
                let three = &rows[eight];
                let [row01, row10, row11] = super::rows::separate([
                    load_numbers(&three[0]),
                    load_numbers(&three[1]),
                    load_numbers(&three[2]),
                ]);
                let value = _mm512_mask_add_epi64(pad, !i & j, pad, row01);
                let value = _mm512_mask_add_epi64(value, i & !j, value, row10);
                let value = _mm512_mask_add_epi64(value, i & j, value, row11);
                add(shares, value, sharing);
            }
        }
    );
}
