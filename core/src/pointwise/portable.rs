//! The definition: one value at a time, as [`Modulus`] computes.
//!
//! Everything is inlined, so that the same loops can be compiled for wider registers.

use crate::modulus::Modulus;

#[inline(always)]
fn map(out: &mut [u64], a: &[u64], b: &[u64], f: impl Fn(u64, u64) -> u64) {
    for ((out, &x), &y) in out.iter_mut().zip(a).zip(b) {
        *out = f(x, y);
    }
}

#[inline(always)]
fn map_assign(a: &mut [u64], b: &[u64], f: impl Fn(u64, u64) -> u64) {
    for (x, &y) in a.iter_mut().zip(b) {
        *x = f(*x, y);
    }
}

#[inline(always)]
pub fn add(q: &Modulus, out: &mut [u64], a: &[u64], b: &[u64]) {
    map(out, a, b, |x, y| q.add(x, y));
}

#[inline(always)]
pub fn add_assign(q: &Modulus, a: &mut [u64], b: &[u64]) {
    map_assign(a, b, |x, y| q.add(x, y));
}

#[inline(always)]
pub fn sub(q: &Modulus, out: &mut [u64], a: &[u64], b: &[u64]) {
    map(out, a, b, |x, y| q.sub(x, y));
}

#[inline(always)]
pub fn sub_assign(q: &Modulus, a: &mut [u64], b: &[u64]) {
    map_assign(a, b, |x, y| q.sub(x, y));
}

#[inline(always)]
pub fn neg_assign(q: &Modulus, a: &mut [u64]) {
    for x in a {
        *x = q.neg(*x);
    }
}

#[inline(always)]
pub fn mul(q: &Modulus, out: &mut [u64], a: &[u64], b: &[u64]) {
    map(out, a, b, |x, y| q.montgomery_mul(x, y));
}

#[inline(always)]
pub fn mul_assign(q: &Modulus, a: &mut [u64], b: &[u64]) {
    map_assign(a, b, |x, y| q.montgomery_mul(x, y));
}

#[inline(always)]
pub fn mul_add(q: &Modulus, out: &mut [u64], d: &[u64], a: &[u64], b: &[u64]) {
    for (((out, &d), &x), &y) in out.iter_mut().zip(d).zip(a).zip(b) {
        *out = q.add(d, q.montgomery_mul(x, y));
    }
}

#[inline(always)]
pub fn mul_add_assign(q: &Modulus, d: &mut [u64], a: &[u64], b: &[u64]) {
    for ((d, &x), &y) in d.iter_mut().zip(a).zip(b) {
        *d = q.add(*d, q.montgomery_mul(x, y));
    }
}

#[inline(always)]
pub fn scale(q: &Modulus, out: &mut [u64], a: &[u64], factor: u64) {
    for (out, &x) in out.iter_mut().zip(a) {
        *out = q.montgomery_mul(x, factor);
    }
}

#[inline(always)]
pub fn scale_assign(q: &Modulus, a: &mut [u64], factor: u64) {
    for x in a {
        *x = q.montgomery_mul(*x, factor);
    }
}

/// For from < 2·to.
#[inline(always)]
pub fn lift(from: &Modulus, to: &Modulus, out: &mut [u64], a: &[u64]) {
    for (out, &x) in out.iter_mut().zip(a) {
        *out = lift_near(from, to, x);
    }
}

/// For any moduli.
pub fn lift_far(from: &Modulus, to: &Modulus, out: &mut [u64], a: &[u64]) {
    for (out, &x) in out.iter_mut().zip(a) {
        *out = to.from_signed(from.to_centred(x));
    }
}

/// The centred representative mod `to`, for from < 2·to: it is at most one modulus away.
#[inline(always)]
fn lift_near(from: &Modulus, to: &Modulus, x: u64) -> u64 {
    let centred = from.to_centred(x);
    (centred + (to.value() as i64 & (centred >> 63))) as u64
}

#[inline(always)]
pub fn switch_limb(from: &Modulus, q: &Modulus, target: &mut [u64], dropped: &[u64], factor: u64) {
    for (x, &dropped) in target.iter_mut().zip(dropped) {
        *x = q.montgomery_mul(q.sub(*x, lift_near(from, q, dropped)), factor);
    }
}

#[inline(always)]
pub fn all_residues(q: &Modulus, words: &[u64]) -> bool {
    // The top bit of q − 1 − w, or of w itself, is set exactly if w ≥ q.
    let last = q.value() - 1;
    let reached = words
        .iter()
        .fold(0, |top, &word| top | last.wrapping_sub(word) | word);
    reached >> 63 == 0
}
