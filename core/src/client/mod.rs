//! The client's side of RLWE in the memory of a microcontroller: keys, fresh ciphertexts and decryption for
//! [`N4096`], byte for byte what the host makes of the same master key.
//!
//! The secret s is kept as 2 bits a coefficient and transformed whenever it is needed; the uniform polynomial a is
//! never stored, since its values are needed once and in the order in which the generator draws them; and half a
//! transform at a time ([`CompactPlan::forward_part`](crate::ntt::compact::CompactPlan::forward_part)) gives each
//! stretch of
//!
//! ```text
//! c0^ = −a^·s^ + (e + round(Q·m/2^k))^
//! ```
//!
//! as packed bytes, one piece after the other, so that no ciphertext is ever in memory as a whole. A [`Client`] takes
//! 1.1 KB, the [`Workspace`] of its operations 38 KB.
//!
//! **Use once.** A seed and the error that goes with it belong to one message: two messages under the same error
//! differ by what the server must not learn. The client counts uses and hands each out once; a use counts when it
//! begins, whether or not its bytes are ever sent. A device that forgets its count, by a reset for instance, must
//! continue with [`Client::resume`] at a number not used before, or with a new master key.
//!
//! ```
//! use addax_core::client::{Client, Workspace};
//!
//! static IMAGE: [u8; 784] = [0; 784];
//! let mut workspace = Workspace::new(); // on a device: a static
//! let mut client = Client::new([7; 32]); // on a device: from its source of randomness
//! let pixel = |position| IMAGE.get(position).map_or(0, |&pixel| u64::from(pixel));
//! let mut ciphertext = client.encrypt(23, pixel, &mut workspace)?;
//! let mut sent = 0;
//! while let Some(piece) = ciphertext.next_piece() {
//!     sent += piece.len();
//! }
//! assert_eq!(sent, 32 + 3 * 4096 * 36 / 8);
//! # Ok::<(), addax_core::client::ClientError>(())
//! ```
//!
//! Nothing here branches on a secret or indexes by one, except that sampling the secret key shows which draws were
//! rejected, and those say nothing about the draws that were not.

mod decryption;
mod secret;
mod seeded;
#[cfg(test)]
mod tests;
mod workspace;

use core::fmt;

use zeroize::{Zeroize, ZeroizeOnDrop};

use crate::params::N4096;
use crate::random::{Purpose, Randomness, SEED_BYTES};

pub use decryption::{Decryption, Phase, ResponseFormat};
pub use secret::SECRET_BYTES;
use secret::TernarySecret;
pub use seeded::{PIECE_BYTES, SeededPolynomial};
pub use workspace::Workspace;

/// The degree n of the client's ring.
pub const DEGREE: usize = N4096.degree();

/// Largest plaintext modulus exponent k of an encryption: messages and errors then fit the compact transform's input.
pub const MAX_PLAIN_BITS: u32 = 31;

/// Uses of one master key: the indices of a purpose's streams.
const USES: u64 = 1 << 48;

/// Why the client does not do what it was asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ClientError {
    /// A plaintext modulus exponent that is 0 or above [`MAX_PLAIN_BITS`].
    PlainBits(u32),
    /// More than 27 low bits dropped from a residue.
    DroppedBits(u32),
    /// A residue of a response that is not below the prime, at this position.
    Residue(usize),
    /// A response's second component of another length.
    Length {
        /// Coefficients received; one more than expected stands for any surplus.
        found: usize,
        /// Coefficients expected.
        expected: usize,
    },
}

impl fmt::Display for ClientError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::PlainBits(bits) => {
                write!(
                    f,
                    "plaintexts of {bits} bits: from 1 to {MAX_PLAIN_BITS} are possible"
                )
            }
            Self::DroppedBits(bits) => write!(f, "{bits} bits dropped from a residue"),
            Self::Residue(position) => {
                write!(f, "coefficient {position} is not below the prime")
            }
            Self::Length { found, expected } => {
                write!(f, "{found} coefficients, {expected} expected")
            }
        }
    }
}

impl core::error::Error for ClientError {}

/// A secret key with the randomness of everything that is encrypted under it. Zeroised on drop.
#[derive(ZeroizeOnDrop)]
pub struct Client {
    secret: TernarySecret,
    randomness: Randomness,
    used: u64,
}

impl Client {
    /// A client whose master key was never used before: the key must come from a source of true randomness, outside
    /// of tests.
    pub fn new(master_key: [u8; SEED_BYTES]) -> Self {
        Self::resume(master_key, 0)
    }

    /// The client of a master key of which `used` uses were begun. Fewer than were really begun breaks the encryption
    /// of those messages; more do no harm.
    ///
    /// # Panics
    /// If `used` is not below 2^48, the number of uses that a master key has.
    pub fn resume(mut master_key: [u8; SEED_BYTES], used: u64) -> Self {
        assert!(used < USES, "uses of a master key");
        let randomness = Randomness::from_key(master_key);
        master_key.zeroize();
        let secret = TernarySecret::draw(randomness.generator(Purpose::SecretKey, 0));
        Self {
            secret,
            randomness,
            used,
        }
    }

    /// Public keys and encryptions begun so far: what a device must remember to [`resume`](Self::resume), before it
    /// sends the first byte.
    pub const fn used(&self) -> u64 {
        self.used
    }

    /// Writes the packed secret key, for somebody who shall decrypt beside this client. It does not tell the master
    /// key: what will be encrypted stays hidden from nobody who has it, but seeds and errors cannot be foreseen.
    pub fn write_secret(&self, bytes: &mut [u8; SECRET_BYTES]) {
        self.secret.write(bytes);
    }

    /// A public key: its seed, then b = −a·s + e in all limbs.
    pub fn public_key<'a>(
        &'a mut self,
        workspace: &'a mut Workspace,
    ) -> SeededPolynomial<'a, fn(usize) -> u64> {
        // Zero bits of plaintext embed as zero.
        self.seeded(0, |_| 0, workspace)
    }

    /// A fresh ciphertext of n integers mod 2^plain_bits, 1 ≤ plain_bits ≤ [`MAX_PLAIN_BITS`]: its seed, then c0 in
    /// all limbs. `message` gives the integer at a position from 0 to n − 1 as any 64-bit representative; it is asked
    /// several times for each and must always answer the same.
    ///
    /// # Errors
    /// Another number of plaintext bits; nothing is used up then.
    pub fn encrypt<'a, M: Fn(usize) -> u64>(
        &'a mut self,
        plain_bits: u32,
        message: M,
        workspace: &'a mut Workspace,
    ) -> Result<SeededPolynomial<'a, M>, ClientError> {
        check_plain_bits(plain_bits)?;
        Ok(self.seeded(plain_bits, message, workspace))
    }

    fn seeded<'a, M: Fn(usize) -> u64>(
        &'a mut self,
        plain_bits: u32,
        message: M,
        workspace: &'a mut Workspace,
    ) -> SeededPolynomial<'a, M> {
        let index = self.used;
        assert!(index < USES, "uses of a master key");
        self.used += 1;
        let seed = self.randomness.sent_seed(index);
        let errors = self.randomness.generator(Purpose::Error, index);
        SeededPolynomial::new(&self.secret, seed, errors, plain_bits, message, workspace)
    }

    /// Begins to decrypt a response in which one limb remains; its second component is pushed into what is returned.
    ///
    /// # Errors
    /// A number of plaintext or dropped bits out of range.
    pub fn decrypt<'a>(
        &'a self,
        format: ResponseFormat,
        workspace: &'a mut Workspace,
    ) -> Result<Decryption<'a>, ClientError> {
        check_plain_bits(format.plain_bits)?;
        Decryption::new(&self.secret, format, workspace)
    }
}

fn check_plain_bits(plain_bits: u32) -> Result<(), ClientError> {
    if (1..=MAX_PLAIN_BITS).contains(&plain_bits) {
        Ok(())
    } else {
        Err(ClientError::PlainBits(plain_bits))
    }
}
