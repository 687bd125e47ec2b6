//! AVX-512 kernels with 52-bit multiplication (IFMA): lazy butterflies that are never reduced on the way.
//!
//! # Product
//! A factor w is stored as W = w·2^52 mod q and W' = W·q^-1 mod 2^52. For 0 ≤ y < 2^52 let
//!
//! ```text
//! h1 = ⌊y·W / 2^52⌋,   m = y·W' mod 2^52,   h2 = ⌊m·q / 2^52⌋,   d = h1 − h2.
//! ```
//!
//! As m·q ≡ y·W mod 2^52, the lower halves of y·W and m·q are equal, so d = (y·W − m·q)/2^52 exactly: d ≡ w·y mod q,
//! and −q < d < q because h1 and h2 lie in [0, q). (Montgomery 1985, on the upper halves alone; three instructions.)
//!
//! # Bounds
//! * **Forward** (Cooley–Tukey): (x, y) ↦ (x + d, x − d). Canonical input plus L·q, L = log₂ n, lies after k levels in
//!   ((L − k)·q, (L + k + 1)·q): never negative, and below 2^52 to the end if **(2L + 1)·q ≤ 2^52**. Adding L·q to the x
//!   of the first level is enough. The last level's results are brought to [0, q) by Barrett.
//! * **Inverse** (Gentleman–Sande): (x, y) ↦ (x + y, w·(x − y)). From lanes below B·q, B ≥ 1 a power of two, sums lie
//!   below 2B·q, x − y + B·q in (0, 2B·q), and products plus q in (0, 2q), also below 2B·q. So B doubles a level from 1,
//!   and no reduction is needed if n·q ≤ 2^52 (35-bit primes: for all n ≤ 2^17). Otherwise lanes are brought below 2q
//!   by Barrett before those levels that would go too far. At most four levels follow one another without that chance,
//!   so 32·q ≤ 2^52 is needed, which follows from the forward bound as L ≥ 16 or is asked for. The last level multiplies
//!   its sums by 1/n, its differences by a factor that contains 1/n, and makes both canonical.
//! * **Barrett**: with μ = ⌊2^52/q⌋ and v < 2^52, v − ⌊v·μ/2^52⌋·q lies in [0, 2q), as the estimate is at most one too
//!   small.
//!
//! Debug builds check the lanes that each pass loads and stores.
//!
//! # Passes
//! Data stays in registers for up to four levels (radix 2 to 16). The last seven levels of the forward transform,
//! the first seven of the inverse, are one pass over pairs of blocks of 64 values, eight registers each: four levels
//! between registers, then, after a transposition of each block's 8 × 8 words, the three between the words of one
//! register. Passes go depth first, so
//! that a block stays in the nearest cache from where it first fits.
//!
//! # Twiddles
//! They are numbered as in the portable layout: i = 2^k + j is the factor of block j at level k. The words of
//! W and W' of number i < n/8 are next to each other, to be broadcast. The others serve transposed registers: for each
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
    log_n >= LOG_PAIR && q <= 1 << 47 && q * (2 * log_n as u64 + 1) <= 1 << 52
}

/// Stores `factor` as number i of a table of n.
pub(super) fn store_factor(modulus: &Modulus, table: &mut [Twiddle], i: usize, factor: u64) {
    let shifted = modulus.mul(factor, modulus.reduce(1 << 52));
    let quotient = shifted.wrapping_mul(modulus.inverse_2_64()) & MASK_52;
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
    let twiddles = &table[table.len() / 8..];
    let pairs = twiddles.len() / (2 * 4 * TWIDDLE_LANES);
    // SAFETY: a `Twiddle` is two words in order (`repr(C)`), so four of them are one `Lanes`, which has the alignment
    // of a word; pairs · 2 · 14 · 4 twiddles are no more than there are.
    unsafe { core::slice::from_raw_parts(twiddles.as_ptr().cast(), pairs) }
}

/// Canonical coefficients to canonical values. `table` is the forward table of degree `values.len()`.
///
/// # Panics
/// If the processor does not have the instructions.
pub(super) fn forward(modulus: &Modulus, values: &mut [u64], table: &[Twiddle]) {
    assert!(simd::available() >= Level::Avx512);
    debug_assert!(applies(modulus, values.len().ilog2()) && values.len() == table.len());
    let (lanes, _) = values.as_chunks_mut();
    // SAFETY: the processor has the instructions.
    unsafe { forward::transform(modulus.value(), lanes, table) }
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
