//! The encryption scheme over [`addax_core::rlwe`]: contexts, keys, ciphertexts and their bytes.
//!
//! The client owns the secret key and encrypts with it; a fresh ciphertext travels as half a ciphertext and the seed of
//! its other half. The server owns only the public key, with which it re-randomises what it returns. A response has
//! been switched to few limbs and stripped of the low bits that decryption does not need; [`noise`] says how many, and
//! proves that decryption and hiding survive.

mod ciphertext;
mod context;
mod keys;
pub mod noise;
pub mod wire;

pub use ciphertext::{BlankCiphertext, FreshCiphertext, Response, ResponseFormat};
pub use context::{Basis, Context, HostTransforms, TransformCounts};
pub use keys::{PublicKey, SecretKey, ZeroEncryption, ZeroRandomness};

/// Why bytes or arguments are not what the scheme expects.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum HeError {
    /// A message has another length than its format.
    #[error("{what} has {found} bytes, but its format has {expected}")]
    Length {
        /// What was read.
        what: &'static str,
        /// Bytes found.
        found: usize,
        /// Bytes expected.
        expected: usize,
    },
    /// A residue is not below its prime.
    #[error(
        "{what}: residue {position} of limb {limb} is not below the prime; the sender is faulty or another version"
    )]
    Residue {
        /// What was read.
        what: &'static str,
        /// The limb.
        limb: usize,
        /// The position within the limb.
        position: usize,
    },
}
