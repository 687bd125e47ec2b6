//! The ternary secret in 2 bits a coefficient.

use chacha20::ChaCha20Rng;
use zeroize::{Zeroize, ZeroizeOnDrop};

use super::DEGREE;
use crate::sample::Ternary;

/// Bytes of a packed secret key: two bits a coefficient, low bits first, each coefficient plus one.
pub const SECRET_BYTES: usize = DEGREE / 4;

/// Coefficients in one word.
const PER_WORD: usize = 16;

/// n coefficients in {−1, 0, 1}, each stored plus one. Zeroised on drop.
#[derive(Zeroize, ZeroizeOnDrop)]
pub(super) struct TernarySecret {
    words: [u32; DEGREE / PER_WORD],
}

impl TernarySecret {
    /// The secret that `rng` stands for, as [`sample::ternary`](crate::sample::ternary) draws it.
    pub(super) fn draw(rng: ChaCha20Rng) -> Self {
        let mut source = Ternary::new(rng);
        let mut words = [0; DEGREE / PER_WORD];
        for word in &mut words {
            for position in 0..PER_WORD {
                *word |= ((source.draw() + 1) as u32) << (2 * position);
            }
        }
        Self { words }
    }

    /// The secret as bytes.
    pub(super) fn write(&self, bytes: &mut [u8; SECRET_BYTES]) {
        for (bytes, word) in bytes.as_chunks_mut::<4>().0.iter_mut().zip(&self.words) {
            *bytes = word.to_le_bytes();
        }
    }

    /// The coefficient at a public position below n.
    #[inline(always)]
    pub(super) fn coefficient(&self, position: usize) -> i32 {
        let word = self.words[position / PER_WORD];
        ((word >> (2 * (position % PER_WORD))) & 3) as i32 - 1
    }
}
