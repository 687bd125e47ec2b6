//! AVX-512 kernels with 52-bit multiplication (IFMA): lazy butterflies that are never reduced on the way.
//!
//! # Product
//! A factor w is stored as an odd W ≡ w·2^52 mod q, W < 2q, and as W' = −W·q^-1 mod 2^52. For 0 < y < 2^51 let
//!
//! ```text
//! h1 = ⌊y·W / 2^52⌋,   m = y·W' mod 2^52,   h2 = ⌊m·q / 2^52⌋,   r = h1 + h2 + 1.
//! ```
//!
//! As m·q ≡ −y·W mod 2^52, the lower halves of y·W and m·q add up to 0 or 2^52, and not to 0: W is odd, so y·W is no
//! multiple of 2^52. Hence r = (y·W + m·q)/2^52 exactly: r ≡ w·y mod q, and 0 < r < 2q, as h1 < y·2q/2^52 ≤ q. (Montgomery
//! 1985, on the upper halves alone.) These are three instructions, each of which adds to something for nothing, so that
//! no sum or difference is needed for r.
//!
//! # The one that carries
//! The inverse adds 1 that way, and multiples of q (*lifts* below). The forward transform adds x instead, so its butterfly
//! is (x, y) ↦ (x + r − 1, x − r + 1), and the whole transform is that of the input plus a vector that depends only on n
//! and q. Its inverse transform is subtracted from the input: the **corrections**, one word for each coefficient, in
//! the order of the first pass. They are found by transforming zeros.
//!
//! # Bounds
//! * **Forward** (Cooley–Tukey): corrections are canonical values plus 2L·q, L = log₂ n, so after k levels lanes lie in
//!   [2(L − k)·q, 2(L + k + 1)·q): never negative or, before the last level, zero, and below 2^51 to the end if
//!   **(4L + 2)·q ≤ 2^51**. The last level's results are brought to [0, q) by Barrett.
//! * **Inverse** (Gentleman–Sande): (x, y) ↦ (x + y, w·(x − y)). From lanes in [0, B·q), B ≥ 1 a power of two, sums lie
//!   below 2B·q, and so do products, in (0, 2q). So B doubles a level from 1, and no reduction is needed if n·q ≤ 2^50
//!   (35-bit primes: for all n ≤ 2^15). Otherwise lanes are brought below 2q by Barrett before those passes that would go
//!   too far; a pass has at most four levels, 32·q ≤ 2^50.
//! * **Lifts**: differences have to be positive, which costs an addition in the first level of a pass alone. With L levels to
//!   come in the pass, a lane of range R of block j lies in [o, o + R) instead of [0, R), where
//!
//!   ```text
//!   o = (L − 2·(ones among the L bits of j))·R/2.
//!   ```
//!
//!   The two operands of a butterfly are of blocks that differ in the last bit, so x's offset is R more than y's, and
//!   x − y in (0, 2R), which is what it would be with R added. Their sum has range 2R and offset 2·((L − 1) −
//!   2·(other ones))·R/2: again the one defined. Products choose their offset when they add 1, at no cost; the sums of the
//!   first level get theirs by an addition, of up to 3B·q. In the end L = 0 and o = 0. On the way lanes may be negative, mod
//!   2^64. The pass within pairs of blocks counts as two, of three levels and of four. All differences are below
//!   2^L·B·q ≤ 2^50 for the L of the pass's beginning.
//! * **Division by n** of the last sums, 0 ≤ s < n·q. As 2n divides q − 1, with c = (q − 1)/n
//!
//!   ```text
//!   s/n ≡ ⌊s/n⌋ + c + 1 + (n − 1 − (s mod n))·c = ⌊s/n⌋ + q − (s mod n)·c  (mod q),
//!   ```
//!
//!   in (0, 2q), as n·c ≡ −1 mod q. That is one 52-bit multiplication in place of three. The last differences are multiplied
//!   by w/n. One subtraction of q makes both canonical.
//! * **Barrett**: with μ = ⌊2^52/q⌋ and v < 2^52, v − ⌊v·μ/2^52⌋·q lies in [0, 2q), as the estimate is at most one too
//!   small.
//!
//! Debug builds check the lanes that each pass loads and stores, operands of products, and sums to be divided.
//!
//! # Passes
//! Data stays in registers for up to four levels (radix 2 to 16). The last seven levels of the forward transform,
//! the first seven of the inverse, are one pass over pairs of blocks of 64 values, eight registers each: four levels
//! between registers, then, after a transposition of each block's 8 × 8 words, the three between the words of one
//! register. Passes go depth first, so that a block stays in the nearest cache from where it first fits. Rows that are
//! multiples of 4096 bytes apart share the sets of that cache, which has room for eight of them: radix 16 is for short
//! rows only.
//!
//! # Twiddles
//! They are numbered as in the portable layout: i = 2^k + j is the factor of block j at level k. The words W and W'
//! of number i < n/8 are next to each other, to be broadcast. The others serve transposed registers: for each
//! block of 64 values, one vector of W and one of W' for distance 4, two of each for distance 2, four for distance 1,
//! where word v of a vector belongs to register v before the transposition.
// Views of words as vectors, and calls after asking the processor.
#![allow(unsafe_code)]

mod forward;
mod inverse;
mod lanes;

use super::Twiddle;
use crate::modulus::Modulus;
use crate::simd::{self, Level};
use lanes::{Lanes, MASK_52};

/// log₂ of the values in a pair of blocks.
const LOG_PAIR: u32 = 7;

/// Registers in a block.
const BLOCK: usize = 8;

/// Registers in a pair of blocks.
const PAIR: usize = 2 * BLOCK;

/// Registers of twiddles for the three levels within registers of one block.
const TWIDDLE_LANES: usize = 14;

/// Whether the bounds hold.
pub(super) const fn applies(modulus: &Modulus, log_n: u32) -> bool {
    let q = modulus.value();
    log_n >= LOG_PAIR && q <= 1 << 45 && q * (4 * log_n as u64 + 2) <= 1 << 51
}

/// Stores `factor` as number i of a table of n.
pub(super) fn store_factor(modulus: &Modulus, table: &mut [Twiddle], i: usize, factor: u64) {
    let shifted = modulus.mul(factor, modulus.reduce(1 << 52));
    // One of W and W + q is odd.
    let even_mask = (shifted & 1).wrapping_sub(1);
    let shifted = shifted + (modulus.value() & even_mask);
    let quotient = shifted.wrapping_mul(modulus.inverse_2_64()).wrapping_neg() & MASK_52;
    let first = table.len() / 8;
    if i < first {
        table[i] = Twiddle {
            value: shifted,
            quotient,
        };
        return;
    }
    // Level 0, 1 or 2 of the last three; `vector` counts those of earlier levels.
    let level = (i / first).ilog2();
    let within = i - (first << level);
    let (register, k) = (within >> level, within & ((1 << level) - 1));
    let vector = (1 << level) - 1 + k;
    let (block, lane) = (register / BLOCK, register % BLOCK);
    let word = 2 * first + (block * TWIDDLE_LANES + 2 * vector) * 8 + lane;
    *super::kernel::word_mut(table, word) = shifted;
    *super::kernel::word_mut(table, word + 8) = quotient;
}

/// The twiddles for use within registers, [`TWIDDLE_LANES`] for each block of each pair.
fn within_registers(table: &[Twiddle]) -> &[[[Lanes; TWIDDLE_LANES]; 2]] {
    let (blocks, _) = as_lanes(&table[table.len() / 8..]).as_chunks();
    blocks.as_chunks().0
}

/// Fills in the corrections, which follow the tables of n.
///
/// # Panics
/// If the processor does not have the instructions.
pub(super) fn store_corrections(modulus: &Modulus, storage: &mut [Twiddle], n: usize) {
    assert!(simd::available() >= Level::Avx512);
    let q = modulus.value();
    let offset = 2 * u64::from(n.ilog2()) * q;
    let (tables, rest) = storage.split_at_mut(2 * n);
    let rest = &mut rest[..n / 2];
    let (forward, inverse) = tables.split_at(n);
    rest.fill(Twiddle {
        value: offset,
        quotient: offset,
    });
    // SAFETY: a `Twiddle` is two words in order (`repr(C)`), so four of them are one `Lanes`, which has the alignment of
    // a word; the view is the only one of `rest` while it lives.
    let lanes = unsafe {
        core::slice::from_raw_parts_mut(rest.as_mut_ptr().cast::<Lanes>(), rest.len() / 4)
    };
    // What the ones that carry make of zeros, as coefficients.
    // SAFETY: the processor has the instructions.
    unsafe {
        forward::transform(q, lanes, forward, None);
        inverse::transform(q, lanes, inverse);
    }
    for word in lanes.as_flattened_mut() {
        *word = offset + modulus.neg(*word);
    }
    forward::order_corrections(lanes);
}

/// Words as registers, of a slice whose length is a multiple of four twiddles.
fn as_lanes(twiddles: &[Twiddle]) -> &[Lanes] {
    // SAFETY: a `Twiddle` is two words in order (`repr(C)`), so four of them are one `Lanes`, which has the alignment of
    // a word.
    unsafe { core::slice::from_raw_parts(twiddles.as_ptr().cast(), twiddles.len() / 4) }
}

/// Canonical coefficients to canonical values. `table` is the forward table of degree `values.len()`.
///
/// # Panics
/// If the processor does not have the instructions.
pub(super) fn forward(
    modulus: &Modulus,
    values: &mut [u64],
    table: &[Twiddle],
    corrections: &[Twiddle],
) {
    assert!(simd::available() >= Level::Avx512);
    debug_assert!(applies(modulus, values.len().ilog2()) && values.len() == table.len());
    let (lanes, _) = values.as_chunks_mut();
    let corrections = Some(as_lanes(corrections));
    // SAFETY: the processor has the instructions.
    unsafe { forward::transform(modulus.value(), lanes, table, corrections) }
}

/// Canonical values to canonical coefficients. `table` is the inverse table of degree `values.len()`.
///
/// # Panics
/// If the processor does not have the instructions.
pub(super) fn inverse(modulus: &Modulus, values: &mut [u64], table: &[Twiddle]) {
    assert!(simd::available() >= Level::Avx512);
    debug_assert!(applies(modulus, values.len().ilog2()) && values.len() == table.len());
    let (lanes, _) = values.as_chunks_mut();
    // SAFETY: the processor has the instructions.
    unsafe { inverse::transform(modulus.value(), lanes, table) }
}
