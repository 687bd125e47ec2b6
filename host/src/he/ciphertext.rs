//! Ciphertexts on their way: fresh ones to the server, responses back.

use addax_core::modulus::WORD_BITS;
use addax_core::random::{Purpose, SEED_BYTES};
use addax_core::rlwe::{self, Decoder, Embedding};
use addax_core::{poly, sample};
use zeroize::{Zeroize, Zeroizing};

use super::keys::{expand, read_seeded};
use super::{Context, HeError, PublicKey, SecretKey, wire};
use crate::random::PartyRandomness;

/// A ciphertext under the secret key, transformed: c0 limb after limb, and the seed of c1.
pub struct FreshCiphertext {
    seed: [u8; SEED_BYTES],
    c0: Vec<Vec<u64>>,
}

impl FreshCiphertext {
    /// Encrypts n integers mod 2^plain_bits, each given as any 64-bit representative.
    #[must_use]
    pub fn encrypt(
        context: &Context,
        secret: &SecretKey,
        plain_bits: u32,
        message: &[u64],
        randomness: &mut PartyRandomness,
    ) -> Self {
        let n = context.n();
        let seed = randomness.sent_seed();
        let mut error = Zeroizing::new(vec![0; n]);
        sample::centred_binomial(&mut randomness.generator(Purpose::Error), &mut error);
        let c0 = expand(context, &seed)
            .iter()
            .enumerate()
            .map(|(limb, a)| {
                let embedding = Embedding::new(context.parameters().moduli(), limb, plain_bits);
                let mut c0 = vec![0; n];
                rlwe::encrypt_limb(
                    context.basis().plan(limb),
                    &embedding,
                    secret.stored(limb),
                    a,
                    message,
                    &error,
                    &mut c0,
                );
                c0
            })
            .collect();
        context.host_transforms().encryption(context.limbs());
        Self { seed, c0 }
    }

    /// Bytes of a fresh ciphertext.
    #[must_use]
    pub fn wire_len(context: &Context) -> usize {
        PublicKey::wire_len(context)
    }

    /// The ciphertext as bytes.
    #[must_use]
    pub fn to_bytes(&self, context: &Context) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(Self::wire_len(context));
        bytes.extend_from_slice(&self.seed);
        for limb in &self.c0 {
            wire::pack(limb.iter().copied(), WORD_BITS, &mut bytes);
        }
        bytes
    }

    /// A ciphertext from bytes.
    ///
    /// # Errors
    /// Wrong length, or a residue that is not canonical.
    pub fn from_bytes(context: &Context, bytes: &[u8]) -> Result<Self, HeError> {
        let (seed, c0) = read_seeded(context, bytes, "ciphertext")?;
        Ok(Self { seed, c0 })
    }

    /// What c1 is expanded from.
    #[must_use]
    pub const fn seed(&self) -> &[u8; SEED_BYTES] {
        &self.seed
    }

    /// Both components, transformed, limb after limb.
    #[must_use]
    pub fn into_components(self, context: &Context) -> [Vec<Vec<u64>>; 2] {
        let c1 = expand(context, &self.seed);
        [self.c0, c1]
    }
}

/// An encryption of zero that was drawn ahead and waits for its message. Used once: two messages over one would show
/// their difference. Zeroised on drop.
pub struct BlankCiphertext(FreshCiphertext);

impl Drop for BlankCiphertext {
    fn drop(&mut self) {
        self.0.c0.zeroize();
    }
}

impl BlankCiphertext {
    /// Draws one.
    #[must_use]
    pub fn draw(context: &Context, secret: &SecretKey, randomness: &mut PartyRandomness) -> Self {
        let zero = vec![0; context.n()];
        Self(FreshCiphertext::encrypt(
            context, secret, 1, &zero, randomness,
        ))
    }

    /// The ciphertext of n integers mod 2^plain_bits, each given as any 64-bit representative: what
    /// [`FreshCiphertext::encrypt`] makes with the same randomness.
    #[must_use]
    pub fn fill(mut self, context: &Context, plain_bits: u32, message: &[u64]) -> FreshCiphertext {
        let seed = self.0.seed;
        let mut c0 = std::mem::take(&mut self.0.c0);
        let mut embedded = Zeroizing::new(vec![0; context.n()]);
        for (limb, c0) in c0.iter_mut().enumerate() {
            let plan = context.basis().plan(limb);
            let embedding = Embedding::new(context.parameters().moduli(), limb, plain_bits);
            for (value, &m) in embedded.iter_mut().zip(message) {
                *value = embedding.embed(m);
            }
            plan.forward(&mut embedded);
            poly::add_assign(&plan.modulus(), c0, &embedded);
        }
        context.host_transforms().encryption(context.limbs());
        FreshCiphertext { seed, c0 }
    }

    /// Bytes of memory that it takes.
    #[must_use]
    pub fn memory(&self) -> usize {
        self.0.c0.iter().map(|limb| size_of_val(&limb[..])).sum()
    }
}

/// How responses to one layer look: which limbs remain and how many low bits of each component are dropped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ResponseFormat {
    /// Plaintexts are mod 2^this.
    pub plain_bits: u32,
    /// Limbs that remain, 1 or 2.
    pub limbs: usize,
    /// Low bits dropped from c0 and c1; zero when two limbs remain.
    pub dropped_bits: [u32; 2],
}

impl ResponseFormat {
    fn width(&self, component: usize) -> u32 {
        if self.limbs == 1 {
            addax_core::params::RESIDUE_BITS - self.dropped_bits[component]
        } else {
            WORD_BITS
        }
    }

    /// Bytes of a response that shows `used` coefficients of c0.
    #[must_use]
    pub fn wire_len(&self, context: &Context, used: usize) -> usize {
        self.limbs
            * (wire::packed_len(used, self.width(0)) + wire::packed_len(context.n(), self.width(1)))
    }
}

/// What the server returns: c1 whole, and of c0 only the coefficients that hold results.
pub struct Response {
    /// For each remaining limb the used coefficients of c0, then all of c1; low bits already dropped.
    limbs: Vec<[Vec<u64>; 2]>,
}

impl Response {
    /// Keeps of a switched ciphertext (both components' coefficients in each remaining limb) the positions `used` of
    /// c0, and drops low bits of both with rounding.
    #[must_use]
    pub fn extract(
        format: &ResponseFormat,
        context: &Context,
        components: &[Vec<Vec<u64>>; 2],
        used: &[usize],
    ) -> Self {
        let limbs = (0..format.limbs)
            .map(|limb| {
                let q = context.basis().modulus(limb).value();
                let [c0, c1] = [&components[0][limb], &components[1][limb]];
                [
                    used.iter()
                        .map(|&at| drop_bits(c0[at], format.dropped_bits[0], q))
                        .collect(),
                    c1.iter()
                        .map(|&x| drop_bits(x, format.dropped_bits[1], q))
                        .collect(),
                ]
            })
            .collect();
        Self { limbs }
    }

    /// The response as bytes.
    #[must_use]
    pub fn to_bytes(&self, format: &ResponseFormat) -> Vec<u8> {
        let mut bytes = Vec::new();
        for components in &self.limbs {
            for (component, words) in components.iter().enumerate() {
                wire::pack(words.iter().copied(), format.width(component), &mut bytes);
            }
        }
        bytes
    }

    /// A response with `used` coefficients of c0 from bytes.
    ///
    /// # Errors
    /// Wrong length, or a residue that is not canonical.
    pub fn from_bytes(
        format: &ResponseFormat,
        context: &Context,
        used: usize,
        bytes: &[u8],
    ) -> Result<Self, HeError> {
        let expected = format.wire_len(context, used);
        if bytes.len() != expected {
            return Err(HeError::Length {
                what: "response",
                found: bytes.len(),
                expected,
            });
        }
        let mut rest = bytes;
        let limbs = (0..format.limbs)
            .map(|limb| {
                let q = context.basis().modulus(limb).value();
                let mut component = |index: usize, words: usize| {
                    let width = format.width(index);
                    let (head, tail) = rest.split_at(wire::packed_len(words, width));
                    rest = tail;
                    let words = wire::unpack(head, words, width, "response")?;
                    match words
                        .iter()
                        .position(|&w| w << format.dropped_bits[index] >= q)
                    {
                        Some(position) => Err(HeError::Residue {
                            what: "response",
                            limb,
                            position,
                        }),
                        None => Ok(words),
                    }
                };
                Ok([component(0, used)?, component(1, context.n())?])
            })
            .collect::<Result<_, HeError>>()?;
        Ok(Self { limbs })
    }

    /// Decrypts the coefficients at positions `used`, in that order, to integers mod 2^plain_bits.
    #[must_use]
    pub fn decrypt(
        self,
        format: &ResponseFormat,
        context: &Context,
        secret: &SecretKey,
        used: &[usize],
    ) -> Zeroizing<Vec<u64>> {
        let phases = self.phases(format, context, secret, used);
        let moduli = [0, 1].map(|limb| context.basis().modulus(limb.min(context.limbs() - 1)));
        let decoded = if format.limbs == 1 {
            let decoder = Decoder::new([moduli[0]], format.plain_bits);
            phases[0].iter().map(|&x| decoder.decode([x])).collect()
        } else {
            let decoder = Decoder::new(moduli, format.plain_bits);
            let pairs = phases[0].iter().zip(phases[1].iter());
            pairs.map(|(&x, &y)| decoder.decode([x, y])).collect()
        };
        Zeroizing::new(decoded)
    }

    /// The phases at positions `used` in each remaining limb: what decryption decodes, noise included.
    #[must_use]
    pub fn phases(
        self,
        format: &ResponseFormat,
        context: &Context,
        secret: &SecretKey,
        used: &[usize],
    ) -> Vec<Zeroizing<Vec<u64>>> {
        context.host_transforms().decryption(2 * format.limbs);
        let zeros = vec![0; context.n()];
        self.limbs
            .into_iter()
            .enumerate()
            .map(|(limb, [c0, c1])| {
                let plan = context.basis().plan(limb);
                let modulus = plan.modulus();
                let mut product: Zeroizing<Vec<u64>> =
                    Zeroizing::new(c1.iter().map(|&x| x << format.dropped_bits[1]).collect());
                rlwe::phase_limb(plan, secret.stored(limb), &zeros, &mut product);
                let phases = used.iter().zip(c0);
                let phases = phases
                    .map(|(&at, x)| modulus.add(product[at], x << format.dropped_bits[0]))
                    .collect();
                Zeroizing::new(phases)
            })
            .collect()
    }
}

/// round(x/2^bits) for a residue x mod q. Where rounding reaches the multiple at or above q, it becomes 0: q itself lies
/// between x and that multiple, so 0, the same residue as q, is off by at most 2^(bits−1) as well.
pub(super) fn drop_bits(x: u64, bits: u32, q: u64) -> u64 {
    if bits == 0 {
        return x;
    }
    let rounded = (x + (1 << (bits - 1))) >> bits;
    rounded & 0u64.wrapping_sub(u64::from(rounded << bits < q))
}
