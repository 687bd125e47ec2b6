//! The loops of the executor, over plain slices of equal length.
//!
//! A sum of products S = dst·2^36 + Σ a·b < 2^89 becomes the residue S·2^-36 mod q: T = S·2^28 < 2^117 is divided
//! by 2^64. With T = H·2^64 + L and m = L·q^-1 mod 2^64, T − m·q is a multiple of 2^64, so the quotient is
//! H − ⌊m·q/2^64⌋, where H < 2^53 is reduced by an estimate ⌊H·⌊2^64/q⌋/2^64⌋ that is at most one too small.

use addax_core::isa::PointwiseOp;
use addax_core::modulus::{Modulus, WORD_BITS, subtract_if_reached};

/// Bits between the machine's radix 2^36 and the radix 2^64 of the computer's words.
const RADIX_SHIFT: u32 = u64::BITS - WORD_BITS;

/// The first word that is not below q (q < 2^63), if there is one.
pub fn first_not_residue(words: &[u64], q: u64) -> Option<usize> {
    // The top bit of q − 1 − w, or of w itself, is set exactly if w ≥ q: a test without branches for the usual case.
    let reached = words
        .iter()
        .fold(0, |top, &word| top | (q - 1).wrapping_sub(word) | word);
    if reached >> 63 == 0 {
        return None;
    }
    words.iter().position(|&word| word >= q)
}

/// out = a op b, or accumulator + a·b·2^-36.
pub fn pointwise(
    op: PointwiseOp,
    q: &Modulus,
    out: &mut [u64],
    accumulator: &[u64],
    a: &[u64],
    b: &[u64],
) {
    match op {
        PointwiseOp::Mul => map(out, a, b, |x, y| q.montgomery_mul(x, y)),
        PointwiseOp::Add => map(out, a, b, |x, y| q.add(x, y)),
        PointwiseOp::Sub => map(out, a, b, |x, y| q.sub(x, y)),
        PointwiseOp::Mac => {
            for (((out, &d), &x), &y) in out.iter_mut().zip(accumulator).zip(a).zip(b) {
                *out = q.add(d, q.montgomery_mul(x, y));
            }
        }
    }
}

#[inline(always)]
fn map(out: &mut [u64], a: &[u64], b: &[u64], f: impl Fn(u64, u64) -> u64) {
    for ((out, &x), &y) in out.iter_mut().zip(a).zip(b) {
        *out = f(x, y);
    }
}

/// out = the low 8 bits of each word as a signed integer, mod q > 128.
pub fn integers(q: &Modulus, out: &mut [u64], words: &[u64]) {
    for (out, &word) in out.iter_mut().zip(words) {
        *out = small_residue(q.value(), i64::from(word as i8));
    }
}

/// out = the centred representatives of residues mod `from`, mod `to`.
pub fn lift(from: &Modulus, to: &Modulus, out: &mut [u64], residues: &[u64]) {
    if from.value() / 2 < to.value() {
        for (out, &residue) in out.iter_mut().zip(residues) {
            *out = small_residue(to.value(), from.to_centred(residue));
        }
    } else {
        for (out, &residue) in out.iter_mut().zip(residues) {
            *out = to.from_signed(from.to_centred(residue));
        }
    }
}

/// x mod q for −q < x < q.
#[inline(always)]
const fn small_residue(q: u64, x: i64) -> u64 {
    (x + (q as i64 & (x >> 63))) as u64
}

/// Starts sums at residue·2^36.
pub fn open_sums(residues: &[u64], sums: &mut [u128]) {
    for (sum, &residue) in sums.iter_mut().zip(residues) {
        *sum = u128::from(residue) << WORD_BITS;
    }
}

/// sums += a·b, not reduced.
pub fn accumulate(sums: &mut [u128], a: &[u64], b: &[u64]) {
    for ((sum, &x), &y) in sums.iter_mut().zip(a).zip(b) {
        *sum += u128::from(x) * u128::from(y);
    }
}

/// residues = sums·2^-36 mod q, for sums below 2^89 and q < 2^36.
pub fn reduce_sums(modulus: &Modulus, sums: &[u128], residues: &mut [u64]) {
    let q = modulus.value();
    let inverse = inverse_mod_radix(q);
    let reciprocal = (u128::from(u64::MAX) / u128::from(q)) as u64;
    for (residue, &sum) in residues.iter_mut().zip(sums) {
        let shifted = sum << RADIX_SHIFT;
        let multiple = high_product((shifted as u64).wrapping_mul(inverse), q);
        let high = (shifted >> 64) as u64;
        let high = high - high_product(high, reciprocal) * q;
        *residue = modulus.sub(subtract_if_reached(high, q), multiple);
    }
}

#[inline(always)]
fn high_product(x: u64, y: u64) -> u64 {
    ((u128::from(x) * u128::from(y)) >> 64) as u64
}

/// q^-1 mod 2^64 for odd q, by Newton: q is its own inverse mod 8, and each step doubles the bits.
fn inverse_mod_radix(q: u64) -> u64 {
    (0..5).fold(q, |inverse, _| {
        inverse.wrapping_mul(2u64.wrapping_sub(q.wrapping_mul(inverse)))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use addax_core::params::PRIMES;
    use proptest::prelude::*;

    #[test]
    fn a_word_that_is_no_residue_is_found_wherever_it_is() {
        let q = PRIMES[0];
        for (word, found) in [
            (0, false),
            (q - 1, false),
            (q, true),
            (1 << 63, true),
            (u64::MAX, true),
        ] {
            for position in 0..9 {
                let mut words = [1; 9];
                words[position] = word;
                assert_eq!(
                    first_not_residue(&words, q),
                    found.then_some(position),
                    "{word}"
                );
            }
        }
    }

    #[test]
    fn lifts_between_primes_of_any_sizes_are_centred() {
        let primes = [12_289, 786_433, PRIMES[0], PRIMES[11]].map(|q| Modulus::new(q).unwrap());
        for from in &primes {
            let q = from.value();
            let residues = [0, 1, q / 2 - 1, q / 2, q / 2 + 1, q - 1];
            let centred = [0, 1, q as i64 / 2 - 1, q as i64 / 2, -(q as i64 / 2), -1];
            for to in &primes {
                let mut out = [0; 6];
                lift(from, to, &mut out, &residues);
                assert_eq!(out, centred.map(|x| x.rem_euclid(to.value() as i64) as u64));
            }
        }
    }

    proptest! {
        #[test]
        fn sums_reduce_to_what_their_products_add_up_to(
            sum in 0u128..1 << 89,
            edge in prop::sample::select(vec![0, 1, (1u128 << 89) - 1, 1 << 64, (1 << 64) - 1, 1 << 36]),
            limb in 0usize..12,
        ) {
            let modulus = Modulus::new(PRIMES[limb]).unwrap();
            let q = u128::from(modulus.value());
            // Where the upper half is a multiple of q, the estimate of its quotient is one too small.
            let multiple = ((sum >> 72) * q) << WORD_BITS;
            for sum in [sum, edge, multiple] {
                let mut residue = [0];
                reduce_sums(&modulus, &[sum], &mut residue);
                prop_assert!(u128::from(residue[0]) < q);
                prop_assert_eq!(u128::from(residue[0]) * (1 << 36) % q, sum % q);
            }
        }
    }
}
