//! Decryption of a response of one remaining limb.
//!
//! The response's c1 arrives as packed bytes and fills a buffer of n words; the phase c0 + c1·s is then computed in
//! place: transform, product with the secret's transform, of which an eighth at a time is made beside it, inverse. Of
//! c0 only the coefficients that hold results exist; they are added when they are decoded.

use super::secret::TernarySecret;
use super::workspace::{Borrowed, SECRET_PARTS, Workspace};
use super::{ClientError, DEGREE};
use crate::ntt::compact::{N4096_PLANS, Part, Split};
use crate::packing::Unpacker;
use crate::params::{PRIMES, RESIDUE_BITS};

/// The limb that survives switching.
const LIMB: usize = 0;
const Q: u64 = PRIMES[LIMB];

/// ⌊2^98/q⌋, as in [`Decoder`](crate::rlwe::Decoder).
const RECIPROCAL: u64 = ((1u128 << 98) / Q as u128) as u64;

/// Most low bits dropped: a packed word has at least a byte.
const MAX_DROPPED_BITS: u32 = RESIDUE_BITS - 8;

/// A count of coefficients that stands for any number that is too large, and for refused ones.
const SURPLUS: usize = DEGREE + 1;

/// How responses look: plaintexts are mod 2^plain_bits, and of each component low bits were dropped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ResponseFormat {
    /// k, from 1 to [`MAX_PLAIN_BITS`](super::MAX_PLAIN_BITS).
    pub plain_bits: u32,
    /// Low bits dropped from c0 and c1, at most 27.
    pub dropped_bits: [u32; 2],
}

impl ResponseFormat {
    /// Bits of a packed word of c0 (component 0) or c1 (component 1).
    pub const fn width(&self, component: usize) -> u32 {
        RESIDUE_BITS - self.dropped_bits[component]
    }
}

/// A decryption that waits for c1.
pub struct Decryption<'a> {
    secret: &'a TernarySecret,
    format: ResponseFormat,
    workspace: Borrowed<'a>,
    unpacker: Unpacker,
    received: usize,
}

impl<'a> Decryption<'a> {
    pub(super) fn new(
        secret: &'a TernarySecret,
        format: ResponseFormat,
        workspace: &'a mut Workspace,
    ) -> Result<Self, ClientError> {
        if let Some(&bits) = format
            .dropped_bits
            .iter()
            .find(|&&bits| bits > MAX_DROPPED_BITS)
        {
            return Err(ClientError::DroppedBits(bits));
        }
        Ok(Self {
            secret,
            format,
            workspace: Borrowed(workspace),
            unpacker: Unpacker::new(format.width(1)),
            received: 0,
        })
    }

    /// Takes the next bytes of c1, any number of them. After an error there is no result to be had.
    ///
    /// # Errors
    /// A residue that is not below the prime, or more than n of them.
    pub fn push(&mut self, bytes: &[u8]) -> Result<(), ClientError> {
        for &byte in bytes {
            if let Some(word) = self.unpacker.push(byte) {
                let position = self.received;
                self.received = SURPLUS;
                let Some(value) = self.workspace.values.get_mut(position) else {
                    return Err(length(SURPLUS));
                };
                *value = residue(word, self.format.dropped_bits[1], position)?;
                self.received = position + 1;
            }
        }
        Ok(())
    }

    /// The product c1·s, once all of c1 was pushed.
    ///
    /// # Errors
    /// Fewer than n coefficients, or an earlier error.
    pub fn finish(mut self) -> Result<Phase<'a>, ClientError> {
        if self.received != DEGREE {
            return Err(length(self.received));
        }
        let plan = &N4096_PLANS[LIMB];
        let modulus = plan.modulus();
        let Workspace { values, small, .. } = &mut *self.workspace;
        plan.forward(values);
        for (index, run) in values.chunks_exact_mut(DEGREE / SECRET_PARTS).enumerate() {
            let part = Part::new(index, SECRET_PARTS);
            plan.store_ternary_part(part, |position| self.secret.coefficient(position), small);
            for (value, &s) in run.iter_mut().zip(&*small) {
                *value = modulus.canonical(modulus.product(s as i64, Split::new(*value)));
            }
        }
        plan.inverse(values);
        Ok(Phase {
            format: self.format,
            workspace: self.workspace,
        })
    }
}

/// The product c1·s of a response, to which coefficients of c0 are added. Wiped on drop.
pub struct Phase<'a> {
    format: ResponseFormat,
    workspace: Borrowed<'a>,
}

impl Phase<'_> {
    /// The phase at a position below n, for the word of c0 there, low bits still dropped.
    ///
    /// # Errors
    /// A word that stands for no residue.
    ///
    /// # Panics
    /// If `position` is not below n.
    pub fn phase(&self, position: usize, c0: u64) -> Result<u64, ClientError> {
        let c0 = residue(c0, self.format.dropped_bits[0], position)?;
        let sum = (self.workspace.values[position] + c0) as i64;
        Ok(N4096_PLANS[LIMB].modulus().canonical(sum))
    }

    /// The integer mod 2^plain_bits at a position below n, for the word of c0 there, low bits still dropped.
    ///
    /// # Errors
    /// A word that stands for no residue.
    ///
    /// # Panics
    /// If `position` is not below n.
    pub fn decode(&self, position: usize, c0: u64) -> Result<u64, ClientError> {
        // round(2^k·phase/q), with the fraction phase/q in units of 2^-64.
        let phase = self.phase(position, c0)?;
        let fraction = ((u128::from(phase) * u128::from(RECIPROCAL)) >> 34) as u64;
        let k = self.format.plain_bits;
        Ok(fraction.wrapping_add(1 << (63 - k)) >> (64 - k))
    }
}

fn length(received: usize) -> ClientError {
    ClientError::Length {
        found: received.min(SURPLUS),
        expected: DEGREE,
    }
}

/// The residue of a word whose low bits were dropped.
#[inline(always)]
fn residue(word: u64, dropped_bits: u32, position: usize) -> Result<u64, ClientError> {
    if word >> (RESIDUE_BITS - dropped_bits) == 0 && word << dropped_bits < Q {
        Ok(word << dropped_bits)
    } else {
        Err(ClientError::Residue(position))
    }
}
