//! Polynomials in residue-number-system limbs.
//!
//! A polynomial of Z_Q\[X\]/(X^n + 1), Q = q_0·q_1·…, is stored limb by limb: n residues mod q_0, then n mod q_1, and
//! so on. Operations here work on one limb, so that a device can hold one limb at a time; [`RnsBasis`] ties the limbs
//! of a parameter set together. The loops are those of [`pointwise`], at the level of [`simd::level`].
//!
//! * **Pointwise** products carry the factor 2^-36 of the machine's Montgomery product; constants are stored times
//!   2^36 so that data never carries it.
//! * **Automorphism** X ↦ X^g, g odd: on coefficients a signed permutation, on transformed values a permutation,
//!   because value j of a(X^g) is the value of a at ψ^(g·(2·brv(j)+1)).
//! * **Gadget digits** of the RNS gadget: digit i is the centred lift of the residue mod q_i; with
//!   g_i ≡ 1 mod q_i and ≡ 0 mod the other limbs, Σ digit_i·g_i = a (Halevi, Polyakov and Shoup, 2018).
//! * **Modulus switch** by the last limb q_d: a ↦ round(a/q_d), computed as (a − lift(a mod q_d))·q_d^-1 with the
//!   centred lift, hence correctly rounded.

use heapless::Vec;

use crate::modulus::Modulus;
use crate::ntt::{NttError, NttPlan, Twiddle};
use crate::params::MAX_LIMBS;
use crate::{pointwise, simd};

/// The limbs of a ring with their transforms. `T` stores twiddles: `Vec` on a host, slices on a device.
#[derive(Clone)]
pub struct RnsBasis<T> {
    plans: Vec<NttPlan<T>, MAX_LIMBS>,
}

impl<T: AsRef<[Twiddle]>> RnsBasis<T> {
    /// Plans a transform of degree 2^log_n for each modulus; `storage(limb)` supplies
    /// [`NttPlan::storage_len`] twiddles.
    ///
    /// # Errors
    /// As [`NttPlan::new`].
    ///
    /// # Panics
    /// If `moduli` is empty or longer than [`MAX_LIMBS`].
    pub fn new(
        moduli: &[Modulus],
        log_n: u32,
        mut storage: impl FnMut(usize) -> T,
    ) -> Result<Self, NttError>
    where
        T: AsMut<[Twiddle]>,
    {
        assert!(!moduli.is_empty() && moduli.len() <= MAX_LIMBS);
        let mut plans = Vec::new();
        for (limb, &modulus) in moduli.iter().enumerate() {
            let plan = NttPlan::new(modulus, log_n, storage(limb))?;
            assert!(plans.push(plan).is_ok(), "limb count checked above");
        }
        Ok(Self { plans })
    }

    /// Number of limbs.
    pub fn limbs(&self) -> usize {
        self.plans.len()
    }

    /// The ring degree.
    pub fn n(&self) -> usize {
        self.plans[0].n()
    }

    /// log₂ of the ring degree.
    pub fn log_n(&self) -> u32 {
        self.plans[0].log_n()
    }

    /// The transform of one limb.
    ///
    /// # Panics
    /// If there is no such limb.
    pub fn plan(&self, limb: usize) -> &NttPlan<T> {
        &self.plans[limb]
    }

    /// The prime of one limb.
    ///
    /// # Panics
    /// If there is no such limb.
    pub fn modulus(&self, limb: usize) -> Modulus {
        self.plans[limb].modulus()
    }
}

/// a ← a + b.
pub fn add_assign(modulus: &Modulus, a: &mut [u64], b: &[u64]) {
    pointwise::add_assign(simd::level(), modulus, a, b);
}

/// a ← a − b.
pub fn sub_assign(modulus: &Modulus, a: &mut [u64], b: &[u64]) {
    pointwise::sub_assign(simd::level(), modulus, a, b);
}

/// a ← −a.
pub fn neg_assign(modulus: &Modulus, a: &mut [u64]) {
    pointwise::neg_assign(simd::level(), modulus, a);
}

/// a ← a·b·2^-36, pointwise.
pub fn mul_assign(modulus: &Modulus, a: &mut [u64], b: &[u64]) {
    pointwise::mul_assign(simd::level(), modulus, a, b);
}

/// accumulator ← accumulator + a·b·2^-36, pointwise.
pub fn mul_accumulate(modulus: &Modulus, accumulator: &mut [u64], a: &[u64], b: &[u64]) {
    pointwise::mul_add_assign(simd::level(), modulus, accumulator, a, b);
}

/// accumulator ← accumulator + Σ a·b·2^-36 over pairs (a, b), pointwise, reduced once: at most
/// [`pointwise::sums::MAX_PRODUCTS`] pairs.
pub fn mul_accumulate_all(
    modulus: &Modulus,
    accumulator: &mut [u64],
    factors: &[(&[u64], &[u64])],
) {
    pointwise::sums::sum_of_products(simd::level(), modulus, accumulator, factors);
}

/// a ← a·scalar, scalar canonical.
pub fn scale_assign(modulus: &Modulus, a: &mut [u64], scalar: u64) {
    let scalar = modulus.to_montgomery(scalar);
    pointwise::scale_assign(simd::level(), modulus, a, scalar);
}

/// a ← a·2^36: the stored form of a transformed constant polynomial.
pub fn to_montgomery_assign(modulus: &Modulus, a: &mut [u64]) {
    let radix_squared = modulus.to_montgomery(modulus.reduce(1 << crate::modulus::WORD_BITS));
    pointwise::scale_assign(simd::level(), modulus, a, radix_squared);
}

/// destination ← the coefficients of a(X^g), g odd and below 2n.
pub fn automorphism(modulus: &Modulus, galois_element: usize, a: &[u64], destination: &mut [u64]) {
    let n = a.len();
    for (i, &x) in a.iter().enumerate() {
        let exponent = i * galois_element % (2 * n);
        destination[exponent % n] = if exponent < n { x } else { modulus.neg(x) };
    }
}

/// destination ← the transformed values of a(X^g), given those of a; g odd and below 2n.
pub fn automorphism_transformed(galois_element: usize, a: &[u64], destination: &mut [u64]) {
    pointwise::permutation::automorphism(simd::level(), galois_element, a, destination);
}

/// destination ← the centred lift of residues mod `from`, reduced mod `to`: one gadget digit, or one step of a base
/// conversion. This is the machine's `RED`.
pub fn lift_centred(from: &Modulus, to: &Modulus, a: &[u64], destination: &mut [u64]) {
    pointwise::lift(simd::level(), from, to, destination, a);
}

/// target ← round-to-nearest of the polynomial over q_d, in one remaining limb; `dropped` holds the limb of q_d
/// and both are coefficients.
///
/// # Panics
/// If q_d is more than twice the remaining modulus.
pub fn switch_limb(
    dropped_modulus: &Modulus,
    dropped: &[u64],
    modulus: &Modulus,
    target: &mut [u64],
) {
    let inverse = modulus.inverse(modulus.reduce(dropped_modulus.value()));
    pointwise::switch_limb(
        simd::level(),
        dropped_modulus,
        modulus,
        target,
        dropped,
        modulus.to_montgomery(inverse),
    );
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::params::PRIMES;
    use proptest::prelude::*;
    use std::vec;
    use std::vec::Vec;

    fn moduli(count: usize) -> Vec<Modulus> {
        PRIMES[..count]
            .iter()
            .map(|&q| Modulus::new(q).unwrap())
            .collect()
    }

    fn polynomial(q: u64, n: usize) -> impl Strategy<Value = Vec<u64>> {
        proptest::collection::vec(
            prop_oneof![Just(0), Just(1), Just(q - 1), Just(q / 2), 0..q],
            n,
        )
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn automorphisms_commute_with_the_transform(
            a in polynomial(PRIMES[0], 64), half_g in 0usize..64
        ) {
            let m = moduli(1)[0];
            let plan = NttPlan::new(m, 6, vec![Twiddle::default(); NttPlan::<Vec<Twiddle>>::storage_len(6)]).unwrap();
            let g = 2 * half_g + 1;
            let mut permuted = vec![0; 64];
            automorphism(&m, g, &a, &mut permuted);
            plan.forward(&mut permuted);
            let mut transformed = a.clone();
            plan.forward(&mut transformed);
            let mut expected = vec![0; 64];
            automorphism_transformed(g, &transformed, &mut expected);
            prop_assert_eq!(permuted, expected);
        }

        #[test]
        fn gadget_digits_recompose(x in 0u128..1 << 104) {
            let basis = moduli(3);
            let total: u128 = PRIMES[..3].iter().map(|&q| u128::from(q)).product();
            let x = x % total;
            for target in &basis {
                let mut sum = 0;
                for from in &basis {
                    let q = u128::from(from.value());
                    let residue = (x % q) as u64;
                    let mut digit = [0];
                    lift_centred(from, target, &[residue], &mut digit);
                    let gadget = u64::from(from == target);
                    sum = target.add(sum, target.mul(digit[0], gadget));
                }
                prop_assert_eq!(u128::from(sum), x % u128::from(target.value()));
            }
        }

        #[test]
        fn switching_rounds_to_nearest(
            x in prop_oneof![Just(0u128), Just(1u128), 0u128..1 << 69]
        ) {
            let [m0, m1] = [moduli(2)[0], moduli(2)[1]];
            let (q0, q1) = (u128::from(m0.value()), u128::from(m1.value()));
            let x = x % (q0 * q1);
            let mut target = [(x % q0) as u64];
            switch_limb(&m1, &[(x % q1) as u64], &m0, &mut target);
            let rounded = (2 * x + q1) / (2 * q1) % q0;
            prop_assert_eq!(u128::from(target[0]), rounded);
        }

        #[test]
        fn stored_constants_cancel_the_montgomery_factor(
            a in polynomial(PRIMES[2], 16), b in polynomial(PRIMES[2], 16)
        ) {
            let m = moduli(3)[2];
            let mut stored = b.clone();
            to_montgomery_assign(&m, &mut stored);
            let mut product = a.clone();
            mul_assign(&m, &mut product, &stored);
            let mut accumulated = a.clone();
            mul_accumulate(&m, &mut accumulated, &a, &stored);
            for i in 0..16 {
                prop_assert_eq!(product[i], m.mul(a[i], b[i]));
                prop_assert_eq!(accumulated[i], m.add(a[i], product[i]));
            }
        }
    }
}
