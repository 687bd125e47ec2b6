//! The transform for 32-bit microcontrollers: the values of [`NttPlan`](super::NttPlan), from 32-bit multiplications and
//! constant tables.
//!
//! [`NttPlan`](super::NttPlan) multiplies 64-bit words to 128 bits, which costs a Cortex-M4 dozens of instructions. The
//! limb primes have a form that makes this unnecessary: q = h·2^18 + 1 just below 2^35. Products take four
//! 32 × 32 multiplications, two Montgomery steps of 18 bits take two more, and values are signed 64-bit words that may
//! grow to 2^10 times the modulus, so that no butterfly of the forward transform compares or corrects anything
//! ([`CompactModulus`] has the bounds of a product, the file of the butterflies those of a transform).
//!
//! A plan is a constant: the compiler evaluates the twiddles (8 bytes each, n of them for both directions), the linker
//! puts them in flash, and no RAM holds tables. [`CompactPlan::forward_part`] needs only part of a polynomial in RAM,
//! too.

mod arithmetic;
mod kernel;
mod part;
mod table;

pub use arithmetic::{CompactModulus, DIGIT_BITS, LAZY_BOUND, Split};
pub use part::{COEFFICIENT_BOUND, MAX_PARTS, Part};

use crate::params::{N4096, PRIMES};

/// Largest degree: with more stages, lazy values of the forward transform's parts could reach [`LAZY_BOUND`].
pub const MAX_DEGREE: usize = 1 << 12;

/// A negacyclic transform of degree `N` modulo one limb prime.
pub struct CompactPlan<const N: usize> {
    modulus: CompactModulus,
    /// ψ^brv(i) in stored form, ψ as in [`NttPlan`](super::NttPlan).
    twiddles: [Split; N],
    /// 1/n, and the first twiddle divided by n.
    inverse_degree: Split,
    inverse_last: Split,
}

/// The transforms of the limbs of [`N4096`].
pub static N4096_PLANS: [CompactPlan<{ N4096.degree() }>; N4096.limbs] = [
    CompactPlan::new(PRIMES[0]),
    CompactPlan::new(PRIMES[1]),
    CompactPlan::new(PRIMES[2]),
];

impl<const N: usize> CompactPlan<N> {
    /// The plan of degree `N` modulo the prime `q`; meant for constants, as it takes long.
    ///
    /// # Panics
    /// If `N` is not a power of two from 8 to [`MAX_DEGREE`], or `q` is no modulus of [`CompactModulus`]; at compile
    /// time in constants.
    pub const fn new(q: u64) -> Self {
        assert!(N.is_power_of_two() && N >= MAX_PARTS && N <= MAX_DEGREE);
        let modulus = CompactModulus::new(q);
        let twiddles: [Split; N] = table::twiddles(&modulus);
        let inverse_degree = modulus.power(N as u64, q - 2);
        Self {
            modulus,
            inverse_degree: modulus.stored(inverse_degree),
            inverse_last: Split::new(
                modulus.multiply_constants(twiddles[1].value(), inverse_degree),
            ),
            twiddles,
        }
    }

    /// The modulus q.
    #[inline(always)]
    pub const fn modulus(&self) -> CompactModulus {
        self.modulus
    }

    /// Coefficients to values in bit-reversed order, in place. Canonical in, canonical out.
    pub fn forward(&self, values: &mut [u64; N]) {
        kernel::forward(values, &self.twiddles, self.modulus, 1, 0);
        for value in values {
            *value = self.modulus.canonical(*value as i64);
        }
    }

    /// Values in bit-reversed order to coefficients, in place. Canonical in, canonical out.
    pub fn inverse(&self, values: &mut [u64; N]) {
        kernel::inverse(
            values,
            &self.twiddles,
            self.modulus,
            self.inverse_degree,
            self.inverse_last,
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::modulus::Modulus;
    use crate::ntt::{NttPlan, Twiddle};
    use proptest::prelude::*;
    use std::vec;
    use std::vec::Vec;

    pub(super) fn reference(limb: usize) -> NttPlan<Vec<Twiddle>> {
        let modulus = Modulus::new(PRIMES[limb]).unwrap();
        NttPlan::new(
            modulus,
            12,
            vec![Twiddle::default(); NttPlan::<Vec<Twiddle>>::storage_len(12)],
        )
        .unwrap()
    }

    #[test]
    fn the_constant_tables_hold_the_powers_of_the_reference_plan() {
        for (limb, plan) in N4096_PLANS.iter().enumerate() {
            let reference = reference(limb);
            let psi = table::smallest_primitive_root(&plan.modulus, 2 << 12);
            assert_eq!(psi, reference.psi());
            assert_eq!(plan.twiddles[2048], plan.modulus.stored(psi));
            assert_eq!(plan.modulus.value(), reference.modulus().value());
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(24))]
        #[test]
        fn both_directions_equal_the_reference_at_the_edges(
            (limb, values) in (0..3usize).prop_flat_map(|limb| {
                let q = PRIMES[limb];
                let word = prop_oneof![Just(0), Just(1), Just(q - 1), 0..q];
                let all_equal = prop_oneof![Just(0), Just(1), Just(q / 2), Just(q - 1), 0..q];
                (Just(limb), prop_oneof![
                    all_equal.prop_map(|word| vec![word; 4096]),
                    proptest::collection::vec(word, 4096),
                    proptest::collection::vec(0..q, 4096),
                ])
            })
        ) {
            let (plan, reference) = (&N4096_PLANS[limb], reference(limb));
            let mut expected = values.clone();
            reference.forward(&mut expected);
            let mut compact: [u64; 4096] = values.clone().try_into().unwrap();
            plan.forward(&mut compact);
            prop_assert_eq!(&compact[..], &expected);
            plan.inverse(&mut compact);
            prop_assert_eq!(&compact[..], &values);

            let mut expected = values.clone();
            reference.inverse(&mut expected);
            let mut compact: [u64; 4096] = values.try_into().unwrap();
            plan.inverse(&mut compact);
            prop_assert_eq!(&compact[..], &expected);
        }
    }
}
