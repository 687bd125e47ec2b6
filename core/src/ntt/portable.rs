//! Portable kernels: radix-2 butterflies with lazy reduction (Harvey 2014) in 64-bit words.
//!
//! Bounds, for q < 2^61 (so 4q < 2^63):
//!
//! * forward (Cooley–Tukey): values enter and leave a stage in [0, 4q). x is brought below 2q, w·y lies in
//!   [0, 2q) by Shoup, so x + wy and x − wy + 2q lie in [0, 4q).
//! * inverse (Gentleman–Sande): values enter and leave a stage in [0, 2q). x + y < 4q is brought below 2q; x − y + 2q
//!   lies in (0, 4q) and its product by Shoup in [0, 2q).
//!
//! The last stage of each direction brings its results to [0, q). The inverse's last stage multiplies the sums by
//! 1/n, which is twiddle 0, and takes a twiddle that already contains 1/n.

use super::Twiddle;
use crate::modulus::subtract_if_reached;

pub(super) fn forward(values: &mut [u64], twiddles: &[Twiddle], q: u64) {
    let n = values.len();
    let two_q = 2 * q;
    let mut half = n / 2;
    let mut blocks = 1;
    while half > 1 {
        for (block, &w) in values.chunks_exact_mut(2 * half).zip(&twiddles[blocks..]) {
            let (upper, lower) = block.split_at_mut(half);
            for (x, y) in upper.iter_mut().zip(lower) {
                let a = subtract_if_reached(*x, two_q);
                let b = w.mul_lazy(*y, q);
                *x = a + b;
                *y = a + two_q - b;
            }
        }
        half /= 2;
        blocks *= 2;
    }
    for (pair, &w) in values.chunks_exact_mut(2).zip(&twiddles[n / 2..]) {
        let a = subtract_if_reached(pair[0], two_q);
        let b = w.mul_lazy(pair[1], q);
        pair[0] = canonical(a + b, q);
        pair[1] = canonical(a + two_q - b, q);
    }
}

pub(super) fn inverse(values: &mut [u64], twiddles: &[Twiddle], q: u64) {
    let n = values.len();
    let two_q = 2 * q;
    let mut half = 1;
    let mut blocks = n / 2;
    while blocks > 1 {
        for (block, &w) in values.chunks_exact_mut(2 * half).zip(&twiddles[blocks..]) {
            let (upper, lower) = block.split_at_mut(half);
            for (x, y) in upper.iter_mut().zip(lower) {
                let sum = subtract_if_reached(*x + *y, two_q);
                let difference = *x + two_q - *y;
                *x = sum;
                *y = w.mul_lazy(difference, q);
            }
        }
        half *= 2;
        blocks /= 2;
    }
    let (inverse_degree, w) = (twiddles[0], twiddles[1]);
    let (upper, lower) = values.split_at_mut(n / 2);
    for (x, y) in upper.iter_mut().zip(lower) {
        let sum = *x + *y;
        let difference = *x + two_q - *y;
        *x = subtract_if_reached(inverse_degree.mul_lazy(sum, q), q);
        *y = subtract_if_reached(w.mul_lazy(difference, q), q);
    }
}

/// Brings a value below 4q into [0, q).
#[inline(always)]
fn canonical(value: u64, q: u64) -> u64 {
    subtract_if_reached(subtract_if_reached(value, 2 * q), q)
}
