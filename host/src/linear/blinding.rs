//! What hides a response: everything in it that does not depend on the query, so that it can be drawn ahead.
//!
//! To the accumulated products of a response the server adds, in this order, an encryption of zero under the client's key
//! (which makes the ciphertext independent of the weights that made it), flooding noise (which does the same to its error)
//! and minus a mask in every coefficient of c0 (which turns the result into a share). On the machine these arrive as two
//! streams for each component and limb: transformed products, and coefficients.

use addax_core::modulus::Modulus;
use addax_core::random::Purpose;
use addax_core::rlwe::Embedding;
use addax_core::sample;
use chacha20::ChaCha20Rng;
use rand_core::Rng;
use zeroize::{Zeroize, Zeroizing};

use crate::he::{Context, PublicKey, ResponseFormat, ZeroRandomness};
use crate::random::PartyRandomness;

/// The blinding of one response. Used once: with two responses under one blinding, their difference would show what the
/// weights did. Zeroised on drop.
pub struct Blinding {
    /// Mod 2^k, one a coefficient.
    masks: Zeroizing<Vec<u64>>,
    /// For each component, limb after limb: (b·u, a·u), transformed.
    products: [Vec<Vec<u64>>; 2],
    /// For each component, limb after limb: coefficients of errors, flooding and masks.
    coefficients: [Vec<Zeroizing<Vec<u64>>>; 2],
}

/// The randomness of one blinding, taken from a party in a fixed order; what is made of it takes no more.
pub(super) struct BlindingRandomness {
    masks: ChaCha20Rng,
    flooding: ChaCha20Rng,
    zero: ZeroRandomness,
}

impl BlindingRandomness {
    pub fn take(randomness: &mut PartyRandomness) -> Self {
        Self {
            masks: randomness.generator(Purpose::Mask),
            flooding: randomness.generator(Purpose::Flooding),
            zero: ZeroRandomness::take(randomness),
        }
    }
}

impl Drop for Blinding {
    fn drop(&mut self) {
        self.products.zeroize();
    }
}

impl Blinding {
    /// Draws the blinding of a response of this format; flooding noise is uniform in ±2^`flooding_exponent`, if any.
    pub(super) fn draw(
        context: &Context,
        format: &ResponseFormat,
        flooding_exponent: Option<u32>,
        public_key: &PublicKey,
        mut randomness: BlindingRandomness,
    ) -> Self {
        let n = context.n();
        let plain_mask = u64::MAX >> (64 - format.plain_bits);
        let rng = &mut randomness.masks;
        let masks: Zeroizing<Vec<u64>> =
            Zeroizing::new((0..n).map(|_| rng.next_u64() & plain_mask).collect());
        let rng = &mut randomness.flooding;
        let flooding: Zeroizing<Vec<i128>> = Zeroizing::new(match flooding_exponent {
            Some(exponent) => (0..n).map(|_| sample::flooding(rng, exponent)).collect(),
            None => vec![0; n],
        });
        let mut zero = public_key.encrypt_zero_with(context, randomness.zero);
        let coefficients = [0, 1].map(|component| {
            let limbs = (0..context.limbs()).map(|limb| {
                let modulus = context.basis().modulus(limb);
                let errors = zero.errors[component].iter();
                let mut values: Zeroizing<Vec<u64>> =
                    Zeroizing::new(errors.map(|&e| modulus.from_signed(i64::from(e))).collect());
                if component == 0 {
                    let embedding =
                        Embedding::new(context.parameters().moduli(), limb, format.plain_bits);
                    let hidden = masks.iter().zip(flooding.iter());
                    for (value, (&mask, &flood)) in values.iter_mut().zip(hidden) {
                        let flood = residue_wide(&modulus, flood);
                        *value = modulus.add(*value, modulus.sub(flood, embedding.embed(mask)));
                    }
                }
                values
            });
            limbs.collect()
        });
        Self {
            masks,
            products: std::mem::take(&mut zero.products),
            coefficients,
        }
    }

    /// What is added to the transformed accumulator of one component and limb.
    pub(super) fn product(&self, component: usize, limb: usize) -> &[u64] {
        &self.products[component][limb]
    }

    /// What is added to its coefficients.
    pub(super) fn coefficients(&self, component: usize, limb: usize) -> &[u64] {
        &self.coefficients[component][limb]
    }

    /// The mask of a coefficient of c0.
    pub(super) fn mask(&self, coefficient: usize) -> u64 {
        self.masks[coefficient]
    }

    /// Bytes of memory that it takes.
    #[must_use]
    pub fn memory(&self) -> usize {
        let polynomials = 1 + 2 * (self.products[0].len() + self.coefficients[0].len());
        polynomials * size_of_val(&self.masks[..])
    }
}

/// The residue of |x| < 2^102 mod a prime of 35 bits, without a branch on x.
fn residue_wide(modulus: &Modulus, x: i128) -> u64 {
    const DIGIT: u32 = 34;
    let sign = (x >> 127) as u64;
    let magnitude = x.unsigned_abs();
    let digit = |index: u32| (magnitude >> (index * DIGIT)) & ((1 << DIGIT) - 1);
    let high = modulus.reduce_wide((digit(2) << DIGIT) | digit(1));
    let residue = modulus.reduce_wide((u128::from(high) << DIGIT) | digit(0));
    (residue & !sign) | (modulus.neg(residue) & sign)
}
