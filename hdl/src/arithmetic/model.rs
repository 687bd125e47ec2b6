//! What the butterfly's circuit computes, adder by adder, without its registers.
//!
//! A simulation of a whole machine spends most of its time in the cells of its butterflies. This function gives the same
//! bits for every input, also for those outside the bounds of the mathematics, hundreds of times faster.

/// The low `bits` bits.
const fn low(value: u64, bits: u32) -> u64 {
    value & (u64::MAX >> (u64::BITS - bits))
}

/// A number of `bits` bits in two's complement, extended to 64.
const fn signed(value: u64, bits: u32) -> u64 {
    ((value << (u64::BITS - bits)) as i64 >> (u64::BITS - bits)) as u64
}

/// The value of [`super::MontgomeryProduct`].
fn product(a: u64, b: u64, qh: u64) -> u64 {
    let (a0, a1) = (low(a, 18), signed(a >> 18, 18));
    let (b0, b1) = (low(b, 18), b >> 18);
    let (p00, p01) = (a0 * b0, a0 * b1);
    let (p10, p11) = (a1.wrapping_mul(b0), a1.wrapping_mul(b1));
    // First step.
    let middle = low(p10.wrapping_add(p01), 37);
    let low_sum = low(middle, 18) + (p00 >> 18);
    let remainder = (middle >> 18 << 18 | low(low_sum, 18)).wrapping_sub(low(p00, 18) * qh);
    let digit = low(remainder, 18);
    let rest = p11
        .wrapping_add(signed(low(remainder, 37) >> 18, 19))
        .wrapping_add(low_sum >> 18);
    // Second step.
    low(rest.wrapping_sub(digit * qh), 36)
}

/// Sum and difference of [`super::Butterfly`].
pub(super) fn butterfly(x: u64, y: u64, w: u64, qh: u64, inverse: bool) -> (u64, u64) {
    let factor = low(y.wrapping_sub(if inverse { x } else { 0 }), 36);
    let value = product(factor, w, qh);
    let one = u64::from(value >> 34 != 0);
    let t = low(value + (qh << 18) * one, 36);
    if inverse {
        (mean(x, y, qh), half(t, one, qh))
    } else {
        (sum(x, t, one, qh), difference(x, t, one, qh))
    }
}

fn sum(x: u64, t: u64, one: u64, qh: u64) -> u64 {
    reduced(low(x + t + one, 36), 2 * qh, true, qh)
}

fn mean(x: u64, y: u64, qh: u64) -> u64 {
    let odd = (x ^ y) & 1 == 1;
    let s = (x >> 1) + (y >> 1) + ((x | y) & 1);
    reduced(s, if odd { qh } else { 0 }, odd, qh)
}

/// The end of [`super::Addition`]: s − d·2^17 − (1 if subtracting), and q more where that is negative.
fn reduced(s: u64, d: u64, subtracting: bool, qh: u64) -> u64 {
    let zero = low(s, 17) == 0;
    let borrow = u64::from(zero && subtracting);
    let v = low((s >> 17).wrapping_sub(d + borrow), 19);
    let negative = v >> 18;
    let high = low(v + negative * (2 * qh + u64::from(zero)), 18);
    let digit = low(
        s.wrapping_sub(u64::from(subtracting))
            .wrapping_add(negative),
        17,
    );
    high << 17 | digit
}

fn difference(x: u64, t: u64, one: u64, qh: u64) -> u64 {
    let d = low(x.wrapping_sub(t + one), 36);
    let negative = d >> 35;
    low(d + negative * ((qh << 18) + 1), 35)
}

fn half(t: u64, one: u64, qh: u64) -> u64 {
    let d = low((signed(t, 36) as i64 >> 1) as u64, 36) + (t & one);
    let odd = (t ^ one) & 1;
    let negative = low(d, 36) >> 35;
    let correction = if odd == 1 {
        (qh << 17) + 1
    } else {
        negative * ((qh << 18) + 1)
    };
    low(d + correction, 35)
}
