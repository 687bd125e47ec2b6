//! Public keys and fresh ciphertexts: a seed and one polynomial, piece by piece.
//!
//! With t = (Q·x + 2^(k−1)) mod 2^k, round(Q·x/2^k) ≡ (2^(k−1) − t)·2^-k modulo each limb
//! ([`Embedding`](crate::rlwe::Embedding)), so the message and its error together are v·2^-k for the integer
//!
//! ```text
//! v = 2^(k−1) − t + e·2^k,   |v| < 22·2^k,
//! ```
//!
//! which does not depend on the limb. What is transformed is v; the factor 2^-k joins the product with a:
//! c0^ = v^·2^-k − s^·a^, a sum of two products with one reduction. For k = 0 it is the relation of a public key.

use chacha20::ChaCha20Rng;

use super::secret::TernarySecret;
use super::workspace::{self, Borrowed, Workspace};
use super::{DEGREE, MAX_PLAIN_BITS};
use crate::modulus::WORD_BITS;
use crate::ntt::compact::{COEFFICIENT_BOUND, N4096_PLANS, Part, Split};
use crate::packing::{PAIR_BYTES, pack_pair, packed_len};
use crate::params::{ERROR_ETA, N4096, PRIMES};
use crate::random::SEED_BYTES;
use crate::sample;

/// Words in one piece.
const PIECE_WORDS: usize = 256;

/// Bytes of every piece except the seed.
pub const PIECE_BYTES: usize = packed_len(PIECE_WORDS, WORD_BITS);

/// Parts in which transforms are computed: two of them fit the buffer of one polynomial, and the sum of their lazy
/// values, below 649 and 388 times 2^35, has a product.
const PARTS: usize = 2;
const PART_WORDS: usize = DEGREE / PARTS;
const PIECES_PER_PART: usize = PART_WORDS / PIECE_WORDS;
const PIECES_PER_LIMB: usize = PIECES_PER_PART * PARTS;

const _: () = assert!(
    ((ERROR_ETA as i64 + 1) << MAX_PLAIN_BITS) < COEFFICIENT_BOUND,
    "v is a coefficient of the compact transform"
);

/// Q mod 2^32, of which the embedding needs the low k bits.
const PRODUCT_LOW: u32 = {
    let mut product = 1u32;
    let mut limb = 0;
    while limb < N4096.limbs {
        product = product.wrapping_mul(PRIMES[limb] as u32);
        limb += 1;
    }
    product
};

/// A public key or a fresh ciphertext on its way out: the pieces of its bytes, in order. The bytes are the host's.
pub struct SeededPolynomial<'a, M> {
    secret: &'a TernarySecret,
    workspace: Borrowed<'a>,
    message: M,
    plain_bits: u32,
    seed: [u8; SEED_BYTES],
    /// The generator of a in the limb of the last piece.
    uniform: ChaCha20Rng,
    given: usize,
}

impl<'a, M: Fn(usize) -> u64> SeededPolynomial<'a, M> {
    /// Bytes of all pieces.
    pub const BYTES: usize = SEED_BYTES + N4096.limbs * packed_len(DEGREE, WORD_BITS);

    /// Number of pieces: the seed of [`SEED_BYTES`] bytes, then [`PIECE_BYTES`] bytes each.
    pub const PIECES: usize = 1 + N4096.limbs * PIECES_PER_LIMB;

    pub(super) fn new(
        secret: &'a TernarySecret,
        seed: [u8; SEED_BYTES],
        errors: ChaCha20Rng,
        plain_bits: u32,
        message: M,
        workspace: &'a mut Workspace,
    ) -> Self {
        workspace.draw_errors(errors);
        Self {
            secret,
            workspace: Borrowed(workspace),
            message,
            plain_bits,
            uniform: sample::uniform_generator(&seed, 0),
            seed,
            given: 0,
        }
    }

    /// The next piece, or nothing after the last. The first piece of each part takes as long as two half transforms,
    /// the others little. No piece can be had twice: whoever may have to send one again keeps it.
    pub fn next_piece(&mut self) -> Option<&[u8]> {
        if self.given == Self::PIECES {
            return None;
        }
        let piece = self.given;
        self.given += 1;
        let Some(piece) = piece.checked_sub(1) else {
            return Some(&self.seed);
        };
        let limb = piece / PIECES_PER_LIMB;
        if piece.is_multiple_of(PIECES_PER_LIMB) {
            self.uniform = sample::uniform_generator(&self.seed, limb);
        }
        if piece.is_multiple_of(PIECES_PER_PART) {
            self.transform_part(limb, piece % PIECES_PER_LIMB / PIECES_PER_PART);
        }
        self.pack(limb, piece % PIECES_PER_PART);
        Some(&self.workspace.piece)
    }

    /// values ← v^ and −s^·2^36 in one part, both lazy.
    fn transform_part(&mut self, limb: usize, part: usize) {
        let (plan, part) = (&N4096_PLANS[limb], Part::new(part, PARTS));
        let Workspace { values, small, .. } = &mut *self.workspace;
        let (secret, message) = (self.secret, &self.message);
        let power = 1u32 << self.plain_bits;
        let (half, mask) = (power >> 1, power - 1);
        // Errors are raised above zero, so that their product with 2^k is one of unsigned words.
        let base = i64::from(half) - i64::from(ERROR_ETA) * i64::from(power);
        let scaled = |position| {
            let low = (message(position) as u32)
                .wrapping_mul(PRODUCT_LOW)
                .wrapping_add(half)
                & mask;
            let raised = (workspace::error(small, position) + ERROR_ETA as i32) as u32;
            base + i64::from(raised) * i64::from(power) - i64::from(low)
        };
        let (message_part, secret_part) = values.split_at_mut(PART_WORDS);
        plan.forward_part(part, scaled, message_part);
        plan.store_ternary_part(part, |position| -secret.coefficient(position), secret_part);
    }

    /// piece ← the packed words v^·2^-k − s^·a^ of one piece of the part.
    fn pack(&mut self, limb: usize, piece: usize) {
        let modulus = N4096_PLANS[limb].modulus();
        let scale = Split::new(modulus.canonical(1 << (WORD_BITS - self.plain_bits)));
        let Workspace {
            values,
            piece: bytes,
            ..
        } = &mut *self.workspace;
        let mut word = |v: u64, s: u64| {
            let a = sample::uniform_residue(&mut self.uniform, modulus.value());
            modulus.canonical(modulus.sum_of_products((v as i64, scale), (s as i64, Split::new(a))))
        };
        let (message_part, secret_part) = values.split_at(PART_WORDS);
        let run = piece * PIECE_WORDS..(piece + 1) * PIECE_WORDS;
        let messages = message_part[run.clone()].chunks_exact(2);
        let secrets = secret_part[run].chunks_exact(2);
        let pairs = bytes.chunks_exact_mut(PAIR_BYTES);
        for ((pair, v), s) in pairs.zip(messages).zip(secrets) {
            pair.copy_from_slice(&pack_pair(word(v[0], s[0]), word(v[1], s[1])));
        }
    }
}
