//! A party's source of fresh randomness: the core's purpose-separated streams, each used once.

use addax_core::random::{Purpose, Randomness, SEED_BYTES};
use chacha20::ChaCha20Rng;
use zeroize::Zeroizing;

/// The system's generator could not be read.
#[derive(Debug, thiserror::Error)]
#[error("the operating system gave no randomness: {0}")]
pub struct RandomnessError(String);

/// Hands out every stream of a party's key at most once.
pub struct PartyRandomness {
    streams: Randomness,
    used: [u64; PURPOSES],
}

/// One more than the largest number of a [`Purpose`].
const PURPOSES: usize = 11;

impl PartyRandomness {
    /// Randomness under a key from the operating system.
    ///
    /// # Errors
    /// If the system has no randomness to give.
    pub fn from_system() -> Result<Self, RandomnessError> {
        let mut key = Zeroizing::new([0; SEED_BYTES]);
        getrandom::fill(&mut *key).map_err(|error| RandomnessError(error.to_string()))?;
        Ok(Self::from_key(*key))
    }

    /// Randomness under a known key: for tests and benchmarks only.
    #[must_use]
    pub const fn from_key(key: [u8; SEED_BYTES]) -> Self {
        Self {
            streams: Randomness::from_key(key),
            used: [0; PURPOSES],
        }
    }

    /// The next unused stream of a purpose.
    pub fn generator(&mut self, purpose: Purpose) -> ChaCha20Rng {
        let index = self.advance(purpose);
        self.streams.generator(purpose, index)
    }

    /// A seed for the peer that was never sent before.
    pub fn sent_seed(&mut self) -> [u8; SEED_BYTES] {
        let index = self.advance(Purpose::SentSeed);
        self.streams.sent_seed(index)
    }

    fn advance(&mut self, purpose: Purpose) -> u64 {
        let used = &mut self.used[purpose as usize];
        let index = *used;
        *used += 1;
        index
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand_core::Rng;

    #[test]
    fn no_stream_or_seed_is_handed_out_twice() {
        let mut randomness = PartyRandomness::from_key([1; 32]);
        let first = randomness.generator(Purpose::Mask).next_u64();
        let second = randomness.generator(Purpose::Mask).next_u64();
        assert_ne!(first, second);
        assert_ne!(randomness.sent_seed(), randomness.sent_seed());
    }

    #[test]
    fn two_parties_of_the_system_differ() {
        let draw = || {
            let mut randomness = PartyRandomness::from_system().unwrap();
            randomness.generator(Purpose::Session).next_u64()
        };
        assert_ne!(draw(), draw());
    }
}
