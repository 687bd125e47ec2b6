//! Randomness: what a board's source may answer, and a pool of it for boards that have no source.
//!
//! Keys and seeds are drawn from a [`rand_core::TryCryptoRng`]. A source that has nothing left says so; nothing is ever
//! made up in its place.

use core::fmt;

use rand_core::{TryCryptoRng, TryRng};

use crate::mapped::{HEADER_BYTES, MappedBytes, block_length};

/// Why there is no randomness.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(target_os = "none", derive(defmt::Format))]
pub enum EntropyError {
    /// Nothing was put into the pool, or it cannot be told what was used of it.
    Missing,
    /// The pool holds fewer bytes than were asked for.
    Exhausted,
    /// The hardware's own checks failed, or it gave no answer in time.
    Hardware,
}

impl fmt::Display for EntropyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Missing => "no randomness was given to this machine",
            Self::Exhausted => "too little randomness is left",
            Self::Hardware => "the hardware source failed",
        })
    }
}

impl core::error::Error for EntropyError {}

/// First word of the pool: "ADRN".
pub const POOL_MAGIC: u32 = u32::from_le_bytes(*b"ADRN");

/// Random bytes of a pool at most.
pub const POOL_BYTES: usize = 4096;

/// Offset of the two words that say how many bytes are used, and the same inverted. They lie behind all that the
/// launcher writes.
const USED: usize = 8192;

/// A pool of random bytes in memory, each of which is used once. **For emulation only**: it stands in for the
/// generator that a real part has, and is as random as what the emulator's launcher put there.
///
/// In memory: magic, length, bytes ([`crate::mapped`]), and 8,192 bytes from the start how much is used. Bytes are
/// erased when they are taken. A reset of the emulated machine writes them there again, which is why the count of used
/// bytes is kept where that does not reach, and why it is moved *before* the bytes are given out. The memory is zero
/// when the machine is switched on, so a count of zero is one without its inverse, too.
pub struct Pool<M> {
    memory: M,
}

impl<M: MappedBytes> Pool<M> {
    /// The pool in `memory`, of at least 8,200 bytes.
    pub const fn new(memory: M) -> Self {
        Self { memory }
    }

    /// Bytes that are left.
    ///
    /// # Errors
    /// [`EntropyError::Missing`] if there is no pool or its count is damaged.
    pub fn left(&self) -> Result<usize, EntropyError> {
        let (used, length) = self.state()?;
        Ok(length - used)
    }

    /// Bytes used, bytes in all.
    fn state(&self) -> Result<(usize, usize), EntropyError> {
        let length =
            block_length(&self.memory, POOL_MAGIC, POOL_BYTES).ok_or(EntropyError::Missing)?;
        let (used, inverse) = (self.memory.word(USED), self.memory.word(USED + 4));
        let sound = used == !inverse || (used, inverse) == (0, 0);
        if !sound || used as usize > length {
            return Err(EntropyError::Missing);
        }
        Ok((used as usize, length))
    }
}

impl<M: MappedBytes> TryRng for Pool<M> {
    type Error = EntropyError;

    fn try_next_u32(&mut self) -> Result<u32, EntropyError> {
        let mut bytes = [0; 4];
        self.try_fill_bytes(&mut bytes)?;
        Ok(u32::from_le_bytes(bytes))
    }

    fn try_next_u64(&mut self) -> Result<u64, EntropyError> {
        let mut bytes = [0; 8];
        self.try_fill_bytes(&mut bytes)?;
        Ok(u64::from_le_bytes(bytes))
    }

    fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> Result<(), EntropyError> {
        let (used, length) = self.state()?;
        if bytes.len() > length - used {
            return Err(EntropyError::Exhausted);
        }
        let after = (used + bytes.len()) as u32;
        // A reset between these two leaves a pair that does not match, and the pool refuses from then on.
        self.memory.set_word(USED, after);
        self.memory.set_word(USED + 4, !after);
        for (at, byte) in bytes.iter_mut().enumerate() {
            let offset = HEADER_BYTES + used + at;
            *byte = self.memory.get(offset);
            self.memory.set(offset, 0);
        }
        Ok(())
    }
}

impl<M: MappedBytes> TryCryptoRng for Pool<M> {}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mapped::tests::{Ram, block};
    use std::vec::Vec;

    fn pool() -> Pool<Ram> {
        let bytes: Vec<u8> = (1..=20).collect();
        Pool::new(block(POOL_MAGIC, &bytes, USED + 8))
    }

    #[test]
    fn every_byte_is_given_out_once_and_erased() {
        let mut pool = pool();
        let mut bytes = [0; 8];
        pool.try_fill_bytes(&mut bytes).unwrap();
        assert_eq!(bytes, [1, 2, 3, 4, 5, 6, 7, 8]);
        assert_eq!(pool.try_next_u32(), Ok(u32::from_le_bytes([9, 10, 11, 12])));
        assert_eq!(pool.memory.0[HEADER_BYTES..][..12], [0; 12]);
        assert_eq!(
            pool.try_fill_bytes(&mut [0; 9]),
            Err(EntropyError::Exhausted)
        );
        assert_eq!(pool.left(), Ok(8), "a refusal uses nothing");
        assert_eq!(
            pool.try_next_u64(),
            Ok(u64::from_le_bytes([13, 14, 15, 16, 17, 18, 19, 20]))
        );
        assert_eq!(pool.try_next_u32(), Err(EntropyError::Exhausted));
    }

    #[test]
    fn a_reset_that_restores_the_bytes_does_not_restore_the_pool() {
        let mut pool = pool();
        let first = pool.try_next_u64().unwrap();
        let restored: Vec<u8> = (1..=20).collect();
        pool.memory.0[HEADER_BYTES..][..20].copy_from_slice(&restored);
        assert_ne!(pool.try_next_u64().unwrap(), first);
        assert_eq!(pool.left(), Ok(4));
    }

    #[test]
    fn without_a_pool_or_with_a_damaged_count_there_is_nothing() {
        let mut none = Pool::new(Ram([0; USED + 8].into()));
        assert_eq!(none.try_next_u32(), Err(EntropyError::Missing));
        let mut torn = pool();
        torn.try_next_u32().unwrap();
        torn.memory.set_word(USED, 8);
        assert_eq!(torn.try_next_u32(), Err(EntropyError::Missing));
    }
}
