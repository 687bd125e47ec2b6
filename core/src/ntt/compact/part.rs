//! A part of a transform at a time.
//!
//! X^n + 1 is the product of p = 2^t factors X^m − ζ, m = n/p, one for each run of m positions of the bit-reversed
//! order: after t stages of the transform run i holds the polynomial modulo its X^m − ζ_i, and what follows never
//! leaves the run. Starting from the coefficients instead,
//!
//! ```text
//! a mod (X^m − ζ) = Σ_j (Σ_k a_(j+k·m)·ζ^k)·X^j,   0 ≤ j < m, 0 ≤ k < p,
//! ```
//!
//! a run is computed in a buffer of m words when the coefficients can be produced on demand. That takes (p − 1)·m
//! products where the t stages would have taken t·m/2, and a p-th of the memory. The run's ζ is plus (i even) or
//! minus (i odd) the twiddle of the block whose halves are the runs i and i xor 1.

use super::arithmetic::Split;
use super::{CompactPlan, kernel};

/// Most parts of a transform.
pub const MAX_PARTS: usize = 8;

/// Coefficients that [`CompactPlan::forward_part`] takes are below this in magnitude: 3 · 2^35.
pub const COEFFICIENT_BOUND: i64 = 3 << 35;

/// One of the equal runs of consecutive positions of a transform.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Part {
    index: usize,
    parts: usize,
}

impl Part {
    /// Run `index` of `parts`.
    ///
    /// # Panics
    /// If `parts` is not a power of two up to [`MAX_PARTS`], or has no run of that index.
    pub const fn new(index: usize, parts: usize) -> Self {
        assert!(parts.is_power_of_two() && parts <= MAX_PARTS && index < parts);
        Self { index, parts }
    }
}

impl<const N: usize> CompactPlan<N> {
    /// `values` ← one part of the transform of a polynomial whose coefficients are asked for by index, in lazy form:
    /// canonical after [`canonical`](super::CompactModulus::canonical).
    ///
    /// Coefficients are signed and below [`COEFFICIENT_BOUND`] = 3 in units of 2^35. The sum of p of them and their
    /// products is below 3 + (p − 1)·2.5, and the remaining stages lead to at most 649, 649, 721 and 865 for p = 1,
    /// 2, 4 and 8: below the limit of 1024.
    ///
    /// # Panics
    /// If `values` does not hold n/p words.
    pub fn forward_part(&self, part: Part, polynomial: impl Fn(usize) -> i64, values: &mut [u64]) {
        let m = self.part_length(part, values);
        let powers = self.root_powers(part);
        for (j, value) in values.iter_mut().enumerate() {
            *value = polynomial(j) as u64;
        }
        for (k, &power) in powers[..part.parts].iter().enumerate().skip(1) {
            for (j, value) in values.iter_mut().enumerate() {
                let coefficient = polynomial(j + k * m);
                debug_assert!(coefficient.abs() < COEFFICIENT_BOUND);
                *value = (*value as i64 + self.modulus.product(coefficient, power)) as u64;
            }
        }
        kernel::forward(values, &self.twiddles, self.modulus, part.parts, part.index);
    }

    /// `values` ← one part of the stored form, the transform times 2^36, of a polynomial with coefficients −1, 0 and
    /// 1, lazy and below 388 · 2^35: p coefficients sum to at most p residues without a reduction.
    ///
    /// # Panics
    /// If `values` does not hold n/p words.
    pub fn store_ternary_part(
        &self,
        part: Part,
        polynomial: impl Fn(usize) -> i32,
        values: &mut [u64],
    ) {
        let m = self.part_length(part, values);
        // A constant's stored form is the constant times 2^36: as a plain integer it brings the factor along.
        let powers = self.root_powers(part).map(|power| power.value() as i64);
        values.fill(0);
        for (k, &power) in powers[..part.parts].iter().enumerate() {
            for (j, value) in values.iter_mut().enumerate() {
                let coefficient = polynomial(j + k * m);
                debug_assert!((-1..=1).contains(&coefficient));
                // −1 is all ones: the mask picks, the difference negates.
                let (sign, some) = (i64::from(coefficient >> 1), i64::from(-(coefficient & 1)));
                *value = (*value as i64 + ((power & some) ^ sign) - sign) as u64;
            }
        }
        kernel::forward(values, &self.twiddles, self.modulus, part.parts, part.index);
    }

    fn part_length(&self, part: Part, values: &[u64]) -> usize {
        let m = N / part.parts;
        assert_eq!(values.len(), m, "length of a part");
        m
    }

    /// ζ^k in stored form for each k below the number of parts.
    fn root_powers(&self, part: Part) -> [Split; MAX_PARTS] {
        // Twiddle 0 is ψ^0.
        let mut powers = [self.twiddles[0]; MAX_PARTS];
        let root = self.twiddles[(part.parts + part.index) / 2];
        for k in 1..part.parts {
            let power = self.modulus.product(powers[k - 1].value() as i64, root);
            let signed = if part.index.is_multiple_of(2) {
                power
            } else {
                -power
            };
            powers[k] = Split::new(self.modulus.canonical(signed));
        }
        powers
    }
}

#[cfg(test)]
mod tests {
    use super::super::N4096_PLANS;
    use super::super::tests::reference;
    use super::*;
    use proptest::prelude::*;
    use std::vec;
    use std::vec::Vec;

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(16))]
        #[test]
        fn parts_are_the_runs_of_the_whole_transform(
            limb in 0..3usize,
            log_parts in 0..=3,
            polynomial in prop_oneof![
                Just(vec![COEFFICIENT_BOUND - 1; 4096]),
                Just(vec![1 - COEFFICIENT_BOUND; 4096]),
                proptest::collection::vec(1 - COEFFICIENT_BOUND..COEFFICIENT_BOUND, 4096),
            ],
        ) {
            let (plan, parts) = (&N4096_PLANS[limb], 1usize << log_parts);
            let modulus = plan.modulus();
            let mut whole: Vec<u64> = polynomial.iter().map(|&x| modulus.canonical(x)).collect();
            reference(limb).forward(&mut whole);
            let m = 4096 / parts;
            for index in 0..parts {
                let mut values = vec![0; m];
                plan.forward_part(Part::new(index, parts), |i| polynomial[i], &mut values);
                let run: Vec<u64> = values.iter().map(|&v| modulus.canonical(v as i64)).collect();
                prop_assert_eq!(&run, &whole[index * m..][..m]);
            }
        }

        #[test]
        fn ternary_parts_are_in_stored_form(
            limb in 0..3usize,
            log_parts in 0..=3,
            polynomial in prop_oneof![
                Just(vec![1i8; 4096]),
                Just(vec![-1i8; 4096]),
                proptest::collection::vec(-1i8..=1, 4096)
            ],
        ) {
            let (plan, parts) = (&N4096_PLANS[limb], 1usize << log_parts);
            let modulus = plan.modulus();
            let mut whole = vec![0; 4096];
            crate::rlwe::store_small(&reference(limb), &polynomial, &mut whole);
            let m = 4096 / parts;
            for index in 0..parts {
                let mut values = vec![0; m];
                let part = Part::new(index, parts);
                plan.store_ternary_part(part, |i| i32::from(polynomial[i]), &mut values);
                prop_assert!(values.iter().all(|&v| (v as i64).abs() < 388 << 35));
                let run: Vec<u64> = values.iter().map(|&v| modulus.canonical(v as i64)).collect();
                prop_assert_eq!(&run, &whole[index * m..][..m]);
            }
        }
    }
}
