//! AVX2 kernels with fused multiplication and addition of doubles: integers up to 2^53 are exact.
//!
//! # Product
//! A factor is stored as the doubles w, its representative in (−q/2, q/2), and v ≈ w/q. For an integer y, |y| ≤ 2^52, let
//!
//! ```text
//! h = fl(y·w),   l = y·w − h,   c = round(y·v),   r = (h − c·q) + l.
//! ```
//!
//! l is exact by one fused operation (Dekker 1971). c is the integer nearest to y·v: rounding adds 3·2^51 and takes it
//! away, which is sound because |y·v| ≤ 2^51. It differs from y·w/q by at most 1/2 and the rounding of v, |y|·2^-54, so
//! |y·w − c·q| ≤ (1/2 + |y|·2^-52)·q ≤ 3q/2. h − c·q is an integer of at most 3q/2 + |l| < 2^52 in magnitude, so the
//! fused operation gives it exactly; adding l gives y·w − c·q, exactly again. (Van der Hoeven, Lecerf and Quintin,
//! "Modular SIMD arithmetic in Mathemagix", 2016.)
//!
//! # Bounds
//! They hold for (2L + 1)·q ≤ 2^52, L = log₂ n, and q ≤ 2^47.
//!
//! * **Forward** (Cooley–Tukey): (x, y) ↦ (x + r, x − r). Magnitudes grow by |r| ≤ 3q/2 a level from q, so they stay below
//!   (3L/2 + 1)·q < 2^52.
//! * **Inverse** (Gentleman–Sande): (x, y) ↦ (x + y, w·(x − y)). From magnitudes of at most B·q, B ≥ 2 a power of two,
//!   sums and differences are at most 2B·q, products 3q/2. Where 2^levels·B·q would exceed 2^52 in a pass, lanes are first
//!   brought to magnitudes of at most q. The last level multiplies its sums by 1/n, its differences by a factor that
//!   contains 1/n.
//! * **Results**: v − round(v/q)·q has magnitude below q; where negative, q is added.
//!
//! Debug builds check the lanes that each pass stores.
//!
//! # Passes
//! Data stays in registers for two levels. Between passes memory holds doubles. The last four levels of the forward
//! transform, the first four of the inverse, are one pass over blocks of 16 values, four registers: two levels between
//! registers, then, after a transposition of 4 × 4 words, two between the words of one register.
//!
//! # Twiddles
//! They are numbered as in the portable layout. The words of number i < n/4 are next to each other, to be broadcast. The
//! others serve transposed registers: for each block of 16 values, one vector of w and one of v for distance 2, two of
//! each for distance 1, where word k of a vector belongs to register k before the transposition.
// Views of words as vectors, and calls after asking the processor.
#![allow(unsafe_code)]

mod forward;
mod inverse;
mod lanes;

use super::Twiddle;
use crate::modulus::Modulus;
use crate::simd::{self, Level};
use lanes::Lanes;

/// Registers in a block.
const BLOCK: usize = 4;

/// Registers of twiddles for the two levels within registers of one block.
const TWIDDLE_LANES: usize = 6;

/// Fewest levels: a block of 16 values.
const LOG_BLOCK: u32 = 4;

/// Whether the bounds hold.
pub(super) const fn applies(modulus: &Modulus, log_n: u32) -> bool {
    let q = modulus.value();
    log_n >= LOG_BLOCK && q <= 1 << 47 && q * (2 * log_n as u64 + 1) <= 1 << 52
}

/// Stores `factor` as number i of a table of n.
pub(super) fn store_factor(modulus: &Modulus, table: &mut [Twiddle], i: usize, factor: u64) {
    let centred = modulus.to_centred(factor) as f64;
    let value = centred.to_bits();
    let quotient = (centred / modulus.value() as f64).to_bits();
    let first = table.len() / 4;
    if i < first {
        table[i] = Twiddle { value, quotient };
        return;
    }
    // Level 0 or 1 of the last two; `vector` counts those of earlier levels.
    let level = (i / first).ilog2();
    let within = i - (first << level);
    let (register, k) = (within >> level, within & ((1 << level) - 1));
    let vector = (1 << level) - 1 + k;
    let (block, lane) = (register / BLOCK, register % BLOCK);
    let word = 2 * first + (block * TWIDDLE_LANES + 2 * vector) * 4 + lane;
    *super::kernel::word_mut(table, word) = value;
    *super::kernel::word_mut(table, word + 4) = quotient;
}

/// The twiddles for use within registers, [`TWIDDLE_LANES`] for each block.
fn within_registers(table: &[Twiddle]) -> &[[Lanes; TWIDDLE_LANES]] {
    let twiddles = &table[table.len() / 4..];
    let blocks = twiddles.len() / (2 * TWIDDLE_LANES);
    // SAFETY: a `Twiddle` is two words in order (`repr(C)`), so two of them are one `Lanes`, which has the alignment of
    // a word; blocks · 6 · 2 twiddles are no more than there are.
    unsafe { core::slice::from_raw_parts(twiddles.as_ptr().cast(), blocks) }
}

/// Canonical coefficients to canonical values. `table` is the forward table of degree `values.len()`.
///
/// # Panics
/// If the processor does not have the instructions.
pub(super) fn forward(modulus: &Modulus, values: &mut [u64], table: &[Twiddle]) {
    assert!(simd::available() >= Level::Avx2);
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
    assert!(simd::available() >= Level::Avx2);
    debug_assert!(applies(modulus, values.len().ilog2()) && values.len() == table.len());
    let (lanes, _) = values.as_chunks_mut();
    // SAFETY: the processor has the instructions.
    unsafe { inverse::transform(modulus.value(), lanes, table) }
}
