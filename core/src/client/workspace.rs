//! The memory that the client's operations share, one at a time.

use core::ops::{Deref, DerefMut};

use chacha20::ChaCha20Rng;
use zeroize::Zeroize;

use super::{DEGREE, PIECE_BYTES};
use crate::ntt::compact::N4096_PLANS;
use crate::sample;

/// Parts of the transformed secret in decryption, where one has to fit beside a whole polynomial.
pub(super) const SECRET_PARTS: usize = 8;

/// Buffers for one operation of a client at a time; 38 KB, meant to be static. Wiped when an operation ends.
pub struct Workspace {
    /// Encryption: half a transform each of the message and of the secret. Decryption: the second component.
    pub(super) values: [u64; DEGREE],
    /// Encryption: the errors, eight signed bytes a word. Decryption: a part of the transformed secret.
    pub(super) small: [u64; DEGREE / SECRET_PARTS],
    /// Encryption: the packed bytes to be sent, which are no secret.
    pub(super) piece: [u8; PIECE_BYTES],
}

/// Errors in one word.
const ERRORS_PER_WORD: usize = size_of::<u64>();
const _: () = assert!(ERRORS_PER_WORD == SECRET_PARTS, "small holds n errors");

impl Workspace {
    /// Empty buffers.
    pub const fn new() -> Self {
        Self {
            values: [0; DEGREE],
            small: [0; DEGREE / SECRET_PARTS],
            piece: [0; PIECE_BYTES],
        }
    }

    /// One forward transform of the first limb, to see how long it takes. Between operations there are only zeros here,
    /// and they stay zeros.
    pub fn transform(&mut self) {
        N4096_PLANS[0].forward(&mut self.values);
    }

    /// Draws n errors, as [`sample::centred_binomial`] does.
    pub(super) fn draw_errors(&mut self, mut rng: ChaCha20Rng) {
        let mut errors = [0; ERRORS_PER_WORD];
        for word in &mut self.small {
            sample::centred_binomial(&mut rng, &mut errors);
            *word = u64::from_le_bytes(errors.map(|error| error as u8));
        }
        errors.zeroize();
    }
}

impl Default for Workspace {
    fn default() -> Self {
        Self::new()
    }
}

/// The error at a public position below n, of the words that [`Workspace::draw_errors`] filled.
#[inline(always)]
pub(super) fn error(words: &[u64; DEGREE / SECRET_PARTS], position: usize) -> i32 {
    let word = words[position / ERRORS_PER_WORD];
    // By halves: shifts of 64-bit words by a variable are long on 32-bit machines.
    let half = if position % ERRORS_PER_WORD < 4 {
        word as u32
    } else {
        (word >> 32) as u32
    };
    i32::from((half >> (8 * (position % 4))) as i8)
}

/// A workspace in use, wiped on drop.
pub(super) struct Borrowed<'a>(pub(super) &'a mut Workspace);

impl Deref for Borrowed<'_> {
    type Target = Workspace;

    fn deref(&self) -> &Workspace {
        self.0
    }
}

impl DerefMut for Borrowed<'_> {
    fn deref_mut(&mut self) -> &mut Workspace {
        self.0
    }
}

impl Drop for Borrowed<'_> {
    fn drop(&mut self) {
        self.0.values.zeroize();
        self.0.small.zeroize();
    }
}
