//! A party's randomness: one ChaCha20 key, one stream for each purpose and use.
//!
//! The generator for (purpose, index) is ChaCha20 (RFC 8439's function, 64-bit block counter) under the party's 32-byte
//! master key with the 64-bit stream identifier `purpose·2^48 + index`. Different purposes or indices never share
//! key stream, so no value drawn for one use says anything about another. The master key comes from the operating
//! system; explicit keys are for tests.

use chacha20::ChaCha20Rng;
use rand_core::{Rng, SeedableRng};
use zeroize::{Zeroize, ZeroizeOnDrop};

/// Bytes of a master key or of a seed that is sent.
pub const SEED_BYTES: usize = 32;

/// What a stream of randomness is for. The numbers are part of the definition of the derived values.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u16)]
pub enum Purpose {
    /// Ternary secret keys.
    SecretKey = 1,
    /// Error terms of encryptions and keys.
    Error = 2,
    /// Seeds that are sent to the peer; never used as a key of this party.
    SentSeed = 3,
    /// Uniform polynomials expanded from a sent seed (the seed is the key).
    UniformPolynomial = 4,
    /// Ternary ephemeral secrets of public-key encryption.
    Ephemeral = 5,
    /// Flooding noise.
    Flooding = 6,
    /// Masks of linear layers.
    Mask = 7,
    /// Garbling: labels, offsets, hash keys, output masks.
    Garbling = 8,
    /// Oblivious transfer.
    ObliviousTransfer = 9,
    /// Session identifiers and nonces.
    Session = 10,
}

/// A party's master key. Zeroised on drop.
#[derive(Zeroize, ZeroizeOnDrop)]
pub struct Randomness {
    key: [u8; SEED_BYTES],
}

impl Randomness {
    /// Randomness under `key`, which must be fresh from the system outside of tests.
    pub const fn from_key(key: [u8; SEED_BYTES]) -> Self {
        Self { key }
    }

    /// The generator of one purpose; a given (purpose, index) always yields the same stream. `index` < 2^48.
    pub fn generator(&self, purpose: Purpose, index: u64) -> ChaCha20Rng {
        debug_assert!(index < 1 << 48);
        let mut rng = ChaCha20Rng::from_seed(self.key);
        rng.set_stream(((purpose as u64) << 48) | index);
        rng
    }

    /// A fresh seed to send to the peer, the `index`-th of this party.
    pub fn sent_seed(&self, index: u64) -> [u8; SEED_BYTES] {
        let mut seed = [0; SEED_BYTES];
        self.generator(Purpose::SentSeed, index)
            .fill_bytes(&mut seed);
        seed
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn purposes_and_indices_have_streams_of_their_own() {
        let randomness = Randomness::from_key([7; 32]);
        let draw = |purpose, index| randomness.generator(purpose, index).next_u64();
        let draws = [
            draw(Purpose::Error, 0),
            draw(Purpose::Error, 1),
            draw(Purpose::Mask, 0),
            draw(Purpose::SentSeed, 0),
        ];
        for (i, a) in draws.iter().enumerate() {
            assert!(draws[i + 1..].iter().all(|b| a != b));
        }
        assert_eq!(draw(Purpose::Mask, 0), draws[2]);
        assert_ne!(randomness.sent_seed(0), [7; 32]);
    }

    #[test]
    fn the_generator_is_the_published_chacha20() {
        // Key and nonce zero, block 0: the key stream of draft-agl-tls-chacha20poly1305 and RFC 8439, A.1 #1.
        let mut rng = ChaCha20Rng::from_seed([0; 32]);
        rng.set_stream(0);
        let mut bytes = [0; 16];
        rng.fill_bytes(&mut bytes);
        let expected = [
            0x76, 0xb8, 0xe0, 0xad, 0xa0, 0xf1, 0x3d, 0x90, 0x40, 0x5d, 0x6a, 0xe5, 0x53, 0x86,
            0xbd, 0x28,
        ];
        assert_eq!(bytes, expected);
    }
}
