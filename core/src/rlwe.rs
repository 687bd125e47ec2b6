//! Ring learning with errors, limb by limb, in buffers owned by the caller.
//!
//! Secret s is ternary, errors e are centred binomial, Q is the product of the limbs. A plaintext m has coefficients
//! mod 2^k and is embedded as round(Q·m/2^k), so that sums and integer multiples wrap mod 2^k exactly.
//!
//! | object | relation (^ is the transformed form) |
//! |---|---|
//! | public key (b, a) | b^ = −a^·s^ + e^ |
//! | fresh ciphertext (c0, a) | c0^ = −a^·s^ + (e + round(Q·m/2^k))^, a^ expanded from a seed |
//! | encryption of zero | (b^·u^ + e0^, a^·u^ + e1^), u ternary |
//! | phase | c0 + c1·s = Q·m/2^k + noise |
//!
//! Products with the secret, with the ephemeral u and with weights go through the machine's Montgomery product, hence
//! those factors are stored times 2^36 ("stored form", [`store_small`]).
//!
//! Decryption works on the limbs that survive switching: with Q' their product it returns round(2^k·phase/Q')
//! mod 2^k by 64-bit fixed-point fractions, without a division and without a branch on the phase.

use crate::modulus::Modulus;
use crate::ntt::{NttPlan, Twiddle};
use crate::poly;

/// Largest plaintext modulus exponent k.
pub const MAX_PLAIN_BITS: u32 = 40;

/// The embedding of integers mod 2^k into one limb of Q: x ↦ round(Q·x/2^k) mod q.
///
/// With t = (Q·x + 2^(k−1)) mod 2^k the rounded quotient is (Q·x + 2^(k−1) − t)/2^k, and Q ≡ 0 mod q leaves
/// (2^(k−1) − t)·2^-k mod q: one wrapping product, one modular product.
#[derive(Clone, Copy)]
pub struct Embedding {
    modulus: Modulus,
    plain_bits: u32,
    product_low: u64,
    inverse_power: u64,
}

impl Embedding {
    /// The embedding into limb `limb` of the basis given by all `moduli`. 1 ≤ plain_bits ≤ [`MAX_PLAIN_BITS`].
    ///
    /// # Panics
    /// If `limb` or `plain_bits` is out of range.
    pub fn new(moduli: impl Iterator<Item = Modulus>, limb: usize, plain_bits: u32) -> Self {
        assert!((1..=MAX_PLAIN_BITS).contains(&plain_bits));
        let mut product_low = 1u64;
        let mut own = None;
        for (index, modulus) in moduli.enumerate() {
            product_low = product_low.wrapping_mul(modulus.value());
            if index == limb {
                own = Some(modulus);
            }
        }
        let modulus = own.expect("limb within the basis");
        let inverse = modulus.inverse(modulus.reduce(1 << plain_bits));
        Self {
            modulus,
            plain_bits,
            product_low,
            inverse_power: modulus.to_montgomery(inverse),
        }
    }

    /// round(Q·x/2^k) mod q for x mod 2^k given as any 64-bit representative.
    #[inline]
    pub fn embed(&self, x: u64) -> u64 {
        let half = 1u64 << (self.plain_bits - 1);
        let low = (x.wrapping_mul(self.product_low).wrapping_add(half)) & (2 * half - 1);
        let difference = self.modulus.from_signed(half as i64 - low as i64);
        self.modulus.montgomery_mul(difference, self.inverse_power)
    }
}

/// Decoding from the limbs that survive switching.
#[derive(Clone, Copy)]
pub struct Decoder<const LIMBS: usize> {
    moduli: [Modulus; LIMBS],
    /// (Q'/q_i)^-1 mod q_i, times 2^36.
    hats: [u64; LIMBS],
    /// ⌊2^98/q_i⌋.
    reciprocals: [u64; LIMBS],
    plain_bits: u32,
}

impl<const LIMBS: usize> Decoder<LIMBS> {
    /// A decoder for plaintexts mod 2^plain_bits over the product of `moduli` (each of 35 bits).
    pub fn new(moduli: [Modulus; LIMBS], plain_bits: u32) -> Self {
        let hats = core::array::from_fn(|i| {
            let modulus = moduli[i];
            let mut hat = 1;
            for (j, other) in moduli.iter().enumerate() {
                if i != j {
                    hat = modulus.mul(hat, modulus.reduce(other.value()));
                }
            }
            modulus.to_montgomery(modulus.inverse(hat))
        });
        let reciprocals =
            core::array::from_fn(|i| ((1u128 << 98) / u128::from(moduli[i].value())) as u64);
        Self {
            moduli,
            hats,
            reciprocals,
            plain_bits,
        }
    }

    /// round(2^k·x/Q') mod 2^k for the residues of x. The fraction x/Q' mod 1 is summed in units of 2^-64, each
    /// limb's term at most 3 units low, far below any noise margin.
    #[inline]
    pub fn decode(&self, residues: [u64; LIMBS]) -> u64 {
        let mut fraction = 0u64;
        for (i, residue) in residues.into_iter().enumerate() {
            let z = self.moduli[i].montgomery_mul(residue, self.hats[i]);
            let term = (u128::from(z) * u128::from(self.reciprocals[i])) >> 34;
            fraction = fraction.wrapping_add(term as u64);
        }
        fraction.wrapping_add(1 << (63 - self.plain_bits)) >> (64 - self.plain_bits)
    }
}

/// out ← the transform of a small polynomial (|x| < q).
pub fn transform_small<T: AsRef<[Twiddle]>>(plan: &NttPlan<T>, small: &[i8], out: &mut [u64]) {
    let modulus = plan.modulus();
    for (value, &x) in out.iter_mut().zip(small) {
        *value = modulus.from_signed(i64::from(x));
    }
    plan.forward(out);
}

/// out ← the stored form of a small polynomial: its transform times 2^36.
pub fn store_small<T: AsRef<[Twiddle]>>(plan: &NttPlan<T>, small: &[i8], out: &mut [u64]) {
    transform_small(plan, small, out);
    poly::to_montgomery_assign(&plan.modulus(), out);
}

/// One limb of a fresh encryption: c0 ← transform(error + embed(message)) − a·secret.
///
/// `secret` is in stored form, `a` transformed; all of length n. With a zero message and no embedding this is one
/// limb of a public key, see [`public_key_limb`].
pub fn encrypt_limb<T: AsRef<[Twiddle]>>(
    plan: &NttPlan<T>,
    embedding: &Embedding,
    secret: &[u64],
    a: &[u64],
    message: &[u64],
    error: &[i8],
    c0: &mut [u64],
) {
    let modulus = plan.modulus();
    for ((value, &m), &e) in c0.iter_mut().zip(message).zip(error) {
        *value = modulus.add(embedding.embed(m), modulus.from_signed(i64::from(e)));
    }
    plan.forward(c0);
    for ((value, &x), &s) in c0.iter_mut().zip(a).zip(secret) {
        *value = modulus.sub(*value, modulus.montgomery_mul(x, s));
    }
}

/// One limb of a public key: b ← transform(error) − a·secret. Shapes as in [`encrypt_limb`].
pub fn public_key_limb<T: AsRef<[Twiddle]>>(
    plan: &NttPlan<T>,
    secret: &[u64],
    a: &[u64],
    error: &[i8],
    b: &mut [u64],
) {
    let modulus = plan.modulus();
    transform_small(plan, error, b);
    for ((value, &x), &s) in b.iter_mut().zip(a).zip(secret) {
        *value = modulus.sub(*value, modulus.montgomery_mul(x, s));
    }
}

/// One limb of the phase in coefficients: c1 ← c0 + inverse(transform(c1)·secret), c0 and c1 in coefficients.
pub fn phase_limb<T: AsRef<[Twiddle]>>(
    plan: &NttPlan<T>,
    secret: &[u64],
    c0: &[u64],
    c1: &mut [u64],
) {
    let modulus = plan.modulus();
    plan.forward(c1);
    poly::mul_assign(&modulus, c1, secret);
    plan.inverse(c1);
    poly::add_assign(&modulus, c1, c0);
}

/// The noise of one coefficient in bits of magnitude, log₂(|phase − embed(message)| + 1), from its residues mod two
/// limbs, for tests and for the noise budget: exact as long as the noise is below q_0·q_1/2.
pub fn noise_bits(
    moduli: [Modulus; 2],
    embeddings: [Embedding; 2],
    phase: [u64; 2],
    message: u64,
) -> u32 {
    let [m0, m1] = moduli;
    let d0 = m0.sub(phase[0], embeddings[0].embed(message));
    let d1 = m1.sub(phase[1], embeddings[1].embed(message));
    // Garner: x = d0 + q0·((d1 − d0)/q0 mod q1), centred.
    let quotient = m1.mul(m1.sub(d1, m1.reduce(d0)), m1.inverse(m1.reduce(m0.value())));
    let x = u128::from(d0) + u128::from(m0.value()) * u128::from(quotient);
    let total = u128::from(m0.value()) * u128::from(m1.value());
    let magnitude = x.min(total - x);
    u128::BITS - magnitude.leading_zeros()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::params::{N4096, PRIMES};
    use crate::random::{Purpose, Randomness};
    use crate::sample;
    use proptest::prelude::*;
    use rand_core::Rng;
    use std::vec;
    use std::vec::Vec;

    struct Party {
        plans: Vec<NttPlan<Vec<Twiddle>>>,
        secret: Vec<i8>,
        stored: Vec<Vec<u64>>,
        randomness: Randomness,
    }

    fn party() -> Party {
        let n = N4096.degree();
        let plans: Vec<_> = N4096
            .moduli()
            .map(|m| {
                NttPlan::new(
                    m,
                    N4096.log_n,
                    vec![Twiddle::default(); NttPlan::<Vec<Twiddle>>::storage_len(N4096.log_n)],
                )
                .unwrap()
            })
            .collect();
        let randomness = Randomness::from_key([9; 32]);
        let mut secret = vec![0; n];
        sample::ternary(
            &mut randomness.generator(Purpose::SecretKey, 0),
            &mut secret,
        );
        let stored = plans
            .iter()
            .map(|plan| {
                let mut out = vec![0; n];
                store_small(plan, &secret, &mut out);
                out
            })
            .collect();
        Party {
            plans,
            secret,
            stored,
            randomness,
        }
    }

    #[test]
    fn fresh_encryptions_decrypt_after_switching_and_their_noise_is_small() {
        let party = party();
        let n = N4096.degree();
        for plain_bits in [2, 16, 23, 25] {
            let mut rng = party.randomness.generator(Purpose::Mask, plain_bits.into());
            let message: Vec<u64> = (0..n)
                .map(|_| rng.next_u64() & ((1 << plain_bits) - 1))
                .collect();
            let mut error = vec![0; n];
            sample::centred_binomial(&mut rng, &mut error);
            let mut phases = Vec::new();
            let mut components = Vec::new();
            for (limb, plan) in party.plans.iter().enumerate() {
                let embedding = Embedding::new(N4096.moduli(), limb, plain_bits);
                let mut a = vec![0; n];
                sample::expand_uniform(&[1; 32], limb, &plan.modulus(), &mut a);
                let mut c0 = vec![0; n];
                encrypt_limb(
                    plan,
                    &embedding,
                    &party.stored[limb],
                    &a,
                    &message,
                    &error,
                    &mut c0,
                );
                plan.inverse(&mut c0);
                plan.inverse(&mut a);
                let mut phase = a.clone();
                phase_limb(plan, &party.stored[limb], &c0, &mut phase);
                phases.push(phase);
                components.push([c0, a]);
            }
            let moduli: Vec<Modulus> = N4096.moduli().collect();
            let embeddings = [0, 1].map(|limb| Embedding::new(N4096.moduli(), limb, plain_bits));
            for i in 0..n {
                let residues = [phases[0][i], phases[1][i]];
                let bits = noise_bits([moduli[0], moduli[1]], embeddings, residues, message[i]);
                assert!(bits <= 5, "coefficient {i}: {bits} bits of noise");
            }
            // Switch both components from three limbs to one and decode.
            for dropped in [2, 1] {
                let (kept, rest) = components.split_at_mut(dropped);
                for (limb, component) in kept.iter_mut().enumerate() {
                    for part in 0..2 {
                        poly::switch_limb(
                            &moduli[dropped],
                            &rest[0][part],
                            &moduli[limb],
                            &mut component[part],
                        );
                    }
                }
            }
            let [c0, mut c1] = components[0].clone();
            phase_limb(&party.plans[0], &party.stored[0], &c0, &mut c1);
            let decoder = Decoder::new([moduli[0]], plain_bits);
            let decoded: Vec<u64> = c1.iter().map(|&x| decoder.decode([x])).collect();
            assert_eq!(decoded, message);
        }
    }

    #[test]
    fn public_key_encryptions_of_zero_have_small_phase() {
        let party = party();
        let n = N4096.degree();
        let mut u = vec![0; n];
        let mut errors = [vec![0; n], vec![0; n], vec![0; n]];
        sample::ternary(
            &mut party.randomness.generator(Purpose::Ephemeral, 0),
            &mut u,
        );
        for (i, error) in errors.iter_mut().enumerate() {
            sample::centred_binomial(
                &mut party.randomness.generator(Purpose::Error, i as u64),
                error,
            );
        }
        let plan = &party.plans[1];
        let modulus = plan.modulus();
        let (mut a, mut b, mut stored_u) = (vec![0; n], vec![0; n], vec![0; n]);
        sample::expand_uniform(&[4; 32], 1, &modulus, &mut a);
        public_key_limb(plan, &party.stored[1], &a, &errors[0], &mut b);
        store_small(plan, &u, &mut stored_u);
        for (component, error) in [(&mut b, &errors[1]), (&mut a, &errors[2])] {
            poly::mul_assign(&modulus, component, &stored_u);
            let mut noise = vec![0; n];
            transform_small(plan, error, &mut noise);
            poly::add_assign(&modulus, component, &noise);
            plan.inverse(component);
        }
        phase_limb(plan, &party.stored[1], &b, &mut a);
        // e·u + e0 + e1·s: variance 10.5·(2·(2/3)·4096 + 1), 9 deviations are below 2^11.
        let worst = a
            .iter()
            .map(|&x| modulus.to_centred(x).unsigned_abs())
            .max()
            .unwrap();
        assert!(worst < 1 << 11, "{worst}");
        assert!(party.secret.iter().any(|&s| s != 0));
    }

    proptest! {
        #[test]
        fn embedding_is_the_rounded_quotient(x: u64, plain_bits in 1..=MAX_PLAIN_BITS, limbs in 1usize..=2) {
            let moduli: Vec<Modulus> = PRIMES[..limbs].iter().map(|&q| Modulus::new(q).unwrap()).collect();
            let product: u128 = moduli.iter().map(|m| u128::from(m.value())).product();
            let x = x & ((1 << plain_bits) - 1);
            let rounded = (product * u128::from(x) + (1 << (plain_bits - 1))) >> plain_bits;
            for limb in 0..limbs {
                let embedding = Embedding::new(moduli.iter().copied(), limb, plain_bits);
                prop_assert_eq!(
                    u128::from(embedding.embed(x)), rounded % u128::from(moduli[limb].value())
                );
            }
        }

        #[test]
        fn decoding_rounds_to_the_nearest_plaintext(x: u64, offset in -400i64..400, plain_bits in 2u32..=25) {
            let modulus = Modulus::new(PRIMES[0]).unwrap();
            let x = x & ((1 << plain_bits) - 1);
            let embedding = Embedding::new([modulus].into_iter(), 0, plain_bits);
            let noisy = modulus.add(embedding.embed(x), modulus.from_signed(offset));
            prop_assert_eq!(Decoder::new([modulus], plain_bits).decode([noisy]), x);
            let pair = [modulus, Modulus::new(PRIMES[1]).unwrap()];
            let residues = [0, 1].map(|limb| {
                let embedding = Embedding::new(pair.into_iter(), limb, plain_bits);
                pair[limb].add(embedding.embed(x), pair[limb].from_signed(offset << 20))
            });
            prop_assert_eq!(Decoder::new(pair, plain_bits).decode(residues), x);
        }
    }
}
