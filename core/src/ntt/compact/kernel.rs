//! Butterflies on signed lazy values.
//!
//! Bounds, in multiples of q, where |y·w| < |y|/2 + q and [`LAZY_BOUND`](super::LAZY_BOUND) is above 2^10:
//!
//! * forward (Cooley–Tukey): x ± y·w take a bound b to 1.5·b + 1, so s stages take b to 1.5^s·(b + 2) − 2: twelve
//!   take canonical values to 388, and no value needs a reduction on the way.
//! * inverse (Gentleman–Sande): sums double and (y − x)·w grows to b + 1, so from canonical values s stages lead to at
//!   most 2^s, and differences of 2^(s+1) are multiplied. A fold brings every value below 1.5 · 2^35 before a seventh
//!   stage; up to sixteen stages stay within the limit.
//!
//! The inverse needs no table of its own: stage by stage, the inverses of the twiddles are the negated twiddles in
//! reverse order, because ψ^−e = −ψ^(n−e). The sign goes into y − x.

use super::arithmetic::{CompactModulus, Split};

/// Stages of the inverse before its values are folded.
const STAGES_BEFORE_FOLD: u32 = 6;

/// The stages that are left once a polynomial is reduced modulo X^m − ζ, m = `values.len()`, where ζ belongs to
/// position `part` of `parts`; all stages for one part. Lazy in, lazy out.
pub(super) fn forward(
    values: &mut [u64],
    twiddles: &[Split],
    modulus: CompactModulus,
    parts: usize,
    part: usize,
) {
    let mut half = values.len() / 2;
    let mut blocks = parts + part;
    while half > 2 {
        let twiddles = &twiddles[blocks..];
        for (block, &w) in values.chunks_exact_mut(2 * half).zip(twiddles) {
            let (upper, lower) = block.split_at_mut(half);
            forward_block(upper, lower, w, modulus);
        }
        half /= 2;
        blocks *= 2;
    }
    // The last two stages together: their blocks are too short for a loop of their own.
    let pairs = twiddles[2 * blocks..].chunks_exact(2);
    for ((block, &w), pair) in values
        .chunks_exact_mut(4)
        .zip(&twiddles[blocks..])
        .zip(pairs)
    {
        if let ([a, b, c, d], &[v0, v1]) = (block, pair) {
            forward_butterfly(a, c, w, modulus);
            forward_butterfly(b, d, w, modulus);
            forward_butterfly(a, b, v0, modulus);
            forward_butterfly(c, d, v1, modulus);
        }
    }
}

/// One block of a stage. Not inlined: the constants of a block then stay in registers.
#[inline(never)]
fn forward_block(upper: &mut [u64], lower: &mut [u64], w: Split, modulus: CompactModulus) {
    for (x, y) in upper.iter_mut().zip(lower) {
        forward_butterfly(x, y, w, modulus);
    }
}

#[inline(always)]
fn forward_butterfly(x: &mut u64, y: &mut u64, w: Split, modulus: CompactModulus) {
    let product = modulus.product(*y as i64, w);
    let a = *x as i64;
    *x = (a + product) as u64;
    *y = (a - product) as u64;
}

/// All stages of the inverse, canonical in and out. `scale` is 1/n, `last` the first twiddle times 1/n.
pub(super) fn inverse(
    values: &mut [u64],
    twiddles: &[Split],
    modulus: CompactModulus,
    scale: Split,
    last: Split,
) {
    let mut blocks = values.len() / 4;
    // The first two stages together, see the forward transform.
    let pairs = twiddles[2 * blocks..4 * blocks].chunks_exact(2).rev();
    let singles = twiddles[blocks..2 * blocks].iter().rev();
    for ((block, &w), pair) in values.chunks_exact_mut(4).zip(singles).zip(pairs) {
        if let ([a, b, c, d], &[v1, v0]) = (block, pair) {
            inverse_butterfly(a, b, v0, modulus);
            inverse_butterfly(c, d, v1, modulus);
            inverse_butterfly(a, c, w, modulus);
            inverse_butterfly(b, d, w, modulus);
        }
    }
    let mut half = 4;
    while blocks > 2 {
        blocks /= 2;
        if half == 1 << STAGES_BEFORE_FOLD {
            for value in values.iter_mut() {
                *value = modulus.fold(*value as i64) as u64;
            }
        }
        let twiddles = twiddles[blocks..2 * blocks].iter().rev();
        for (block, &w) in values.chunks_exact_mut(2 * half).zip(twiddles) {
            let (upper, lower) = block.split_at_mut(half);
            inverse_block(upper, lower, w, modulus);
        }
        half *= 2;
    }
    let (upper, lower) = values.split_at_mut(values.len() / 2);
    for (x, y) in upper.iter_mut().zip(lower) {
        let (a, b) = (*x as i64, *y as i64);
        *x = modulus.canonical(modulus.product(a + b, scale));
        *y = modulus.canonical(modulus.product(b - a, last));
    }
}

/// One block of a stage, see [`forward_block`].
#[inline(never)]
fn inverse_block(upper: &mut [u64], lower: &mut [u64], w: Split, modulus: CompactModulus) {
    for (x, y) in upper.iter_mut().zip(lower) {
        inverse_butterfly(x, y, w, modulus);
    }
}

#[inline(always)]
fn inverse_butterfly(x: &mut u64, y: &mut u64, w: Split, modulus: CompactModulus) {
    let (a, b) = (*x as i64, *y as i64);
    *x = (a + b) as u64;
    *y = modulus.product(b - a, w) as u64;
}
