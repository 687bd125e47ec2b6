//! Keys: the client's secret key, its public key, and what the server makes of the latter.

use addax_core::poly;
use addax_core::random::{Purpose, SEED_BYTES};
use addax_core::{rlwe, sample};
use chacha20::ChaCha20Rng;
use zeroize::{Zeroize, Zeroizing};

use super::{Context, HeError, wire};
use crate::random::PartyRandomness;

/// A ternary secret, transformed and in stored form for each limb. Zeroised on drop.
pub struct SecretKey {
    stored: Vec<Zeroizing<Vec<u64>>>,
}

impl SecretKey {
    /// A fresh secret.
    #[must_use]
    pub fn generate(context: &Context, randomness: &mut PartyRandomness) -> Self {
        let mut secret = Zeroizing::new(vec![0; context.n()]);
        sample::ternary(&mut randomness.generator(Purpose::SecretKey), &mut secret);
        Self::from_coefficients(context, &secret)
    }

    /// The secret with these n coefficients in {−1, 0, 1}, for a key that was drawn elsewhere.
    ///
    /// # Panics
    /// If there are not n coefficients.
    #[must_use]
    pub fn from_coefficients(context: &Context, secret: &[i8]) -> Self {
        assert_eq!(secret.len(), context.n(), "coefficients of a secret key");
        let stored = (0..context.limbs())
            .map(|limb| {
                let mut out = Zeroizing::new(vec![0; context.n()]);
                rlwe::store_small(context.basis().plan(limb), secret, &mut out);
                out
            })
            .collect();
        context.host_transforms().encryption(context.limbs());
        Self { stored }
    }

    /// The secret's transform times 2^36 mod one limb.
    pub(super) fn stored(&self, limb: usize) -> &[u64] {
        &self.stored[limb]
    }
}

/// (b, a) with b = −a·s + e, transformed, limb after limb; a is expanded from a seed.
pub struct PublicKey {
    seed: [u8; SEED_BYTES],
    b: Vec<Vec<u64>>,
    a: Vec<Vec<u64>>,
}

/// An encryption of zero, split into what is added to transformed accumulators and what is added to coefficients.
/// Zeroised on drop: with the key, the products give away u and so what the encryption hides.
pub struct ZeroEncryption {
    /// (b·u, a·u) for each limb, transformed.
    pub products: [Vec<Vec<u64>>; 2],
    /// Errors of both components, coefficients.
    pub errors: [Zeroizing<Vec<i8>>; 2],
}

impl Drop for ZeroEncryption {
    fn drop(&mut self) {
        self.products.zeroize();
    }
}

impl PublicKey {
    /// The public key of a secret key.
    #[must_use]
    pub fn generate(
        context: &Context,
        secret: &SecretKey,
        randomness: &mut PartyRandomness,
    ) -> Self {
        let seed = randomness.sent_seed();
        let mut error = Zeroizing::new(vec![0; context.n()]);
        sample::centred_binomial(&mut randomness.generator(Purpose::Error), &mut error);
        let a = expand(context, &seed);
        let b = (0..context.limbs())
            .map(|limb| {
                let mut b = vec![0; context.n()];
                let plan = context.basis().plan(limb);
                rlwe::public_key_limb(plan, secret.stored(limb), &a[limb], &error, &mut b);
                b
            })
            .collect();
        context.host_transforms().encryption(context.limbs());
        Self { seed, b, a }
    }

    /// Bytes of a public key: its seed and the limbs of b.
    #[must_use]
    pub fn wire_len(context: &Context) -> usize {
        SEED_BYTES + context.limbs() * wire::limb_len(context.n())
    }

    /// The key as bytes.
    #[must_use]
    pub fn to_bytes(&self, context: &Context) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(Self::wire_len(context));
        bytes.extend_from_slice(&self.seed);
        for limb in &self.b {
            wire::pack(
                limb.iter().copied(),
                addax_core::modulus::WORD_BITS,
                &mut bytes,
            );
        }
        bytes
    }

    /// A key from bytes.
    ///
    /// # Errors
    /// Wrong length, or a residue that is not canonical.
    pub fn from_bytes(context: &Context, bytes: &[u8]) -> Result<Self, HeError> {
        let (seed, b) = read_seeded(context, bytes, "public key")?;
        let a = expand(context, &seed);
        Ok(Self { seed, b, a })
    }

    /// A fresh encryption of zero under this key.
    #[must_use]
    pub fn encrypt_zero(
        &self,
        context: &Context,
        randomness: &mut PartyRandomness,
    ) -> ZeroEncryption {
        self.encrypt_zero_with(context, ZeroRandomness::take(randomness))
    }

    /// The same with randomness that was taken before.
    #[must_use]
    pub fn encrypt_zero_with(
        &self,
        context: &Context,
        mut randomness: ZeroRandomness,
    ) -> ZeroEncryption {
        let n = context.n();
        let mut ephemeral = Zeroizing::new(vec![0; n]);
        sample::ternary(&mut randomness.ephemeral, &mut ephemeral);
        let errors = randomness.errors.each_mut().map(|rng| {
            let mut error = Zeroizing::new(vec![0; n]);
            sample::centred_binomial(rng, &mut error);
            error
        });
        let mut products = [self.b.clone(), self.a.clone()];
        let mut stored = Zeroizing::new(vec![0; n]);
        for limb in 0..context.limbs() {
            let plan = context.basis().plan(limb);
            rlwe::store_small(plan, &ephemeral, &mut stored);
            for product in &mut products {
                poly::mul_assign(&plan.modulus(), &mut product[limb], &stored);
            }
        }
        context.host_transforms().encryption(context.limbs());
        ZeroEncryption { products, errors }
    }
}

/// The generators of one encryption of zero, taken from a party in a fixed order. Used once.
pub struct ZeroRandomness {
    ephemeral: ChaCha20Rng,
    errors: [ChaCha20Rng; 2],
}

impl ZeroRandomness {
    /// The next generators of a party.
    #[must_use]
    pub fn take(randomness: &mut PartyRandomness) -> Self {
        let ephemeral = randomness.generator(Purpose::Ephemeral);
        let mut error = || randomness.generator(Purpose::Error);
        Self {
            ephemeral,
            errors: [error(), error()],
        }
    }
}

/// The uniform polynomial of a seed, limb after limb, transformed.
pub(super) fn expand(context: &Context, seed: &[u8; SEED_BYTES]) -> Vec<Vec<u64>> {
    (0..context.limbs())
        .map(|limb| {
            let mut a = vec![0; context.n()];
            sample::expand_uniform(seed, limb, &context.basis().modulus(limb), &mut a);
            a
        })
        .collect()
}

/// Reads a seed followed by one polynomial in all limbs.
pub(super) fn read_seeded(
    context: &Context,
    bytes: &[u8],
    what: &'static str,
) -> Result<([u8; SEED_BYTES], Vec<Vec<u64>>), HeError> {
    let expected = PublicKey::wire_len(context);
    if bytes.len() != expected {
        return Err(HeError::Length {
            what,
            found: bytes.len(),
            expected,
        });
    }
    let (head, rest) = bytes.split_at(SEED_BYTES);
    let mut seed = [0; SEED_BYTES];
    seed.copy_from_slice(head);
    let limbs = rest
        .chunks_exact(wire::limb_len(context.n()))
        .enumerate()
        .map(|(limb, chunk)| {
            let modulus = context.basis().modulus(limb);
            wire::unpack_limb(chunk, context.n(), limb, &modulus, what)
        })
        .collect::<Result<_, _>>()?;
    Ok((seed, limbs))
}
