//! Streams of pseudorandom blocks: AES-128 in counter mode, block i of the stream of seed s is AES_s(i).
//!
//! Labels that nobody chooses are taken from such a stream, and oblivious transfers are extended by sums of many. Under a
//! seed that is used for nothing else, a block of the stream is told from random ones only by never occurring twice.

use super::block::Block;
use aes::Aes128Enc;
use aes::cipher::{BlockCipherEncrypt, KeyInit};
use zeroize::Zeroize;

/// log₂ of [`LEAVES`].
pub const LEVELS: usize = 4;

/// Streams that [`Prg::combine`] takes the sums of.
pub const LEAVES: usize = 1 << LEVELS;

/// Blocks that the portable path encrypts in a call.
const BATCH: usize = 64;

/// One stream. The seed is zeroised on drop.
pub struct Prg(Cipher);

enum Cipher {
    Portable(Aes128Enc),
    #[cfg(target_arch = "x86_64")]
    Wide(super::avx512::Stream),
}

impl Prg {
    /// The stream of `seed`.
    pub fn new(seed: [u8; 16]) -> Self {
        #[cfg(target_arch = "x86_64")]
        if let Some(stream) = super::avx512::Stream::new(seed) {
            return Self(Cipher::Wide(stream));
        }
        Self::portable(seed)
    }

    fn portable(seed: [u8; 16]) -> Self {
        Self(Cipher::Portable(Aes128Enc::new(&seed.into())))
    }

    /// The blocks of the stream from block `position` on.
    pub fn fill(&self, position: u64, blocks: &mut [Block]) {
        match &self.0 {
            Cipher::Portable(cipher) => fill(cipher, position, blocks),
            #[cfg(target_arch = "x86_64")]
            Cipher::Wide(stream) => stream.fill(position, blocks),
        }
    }

    #[cfg(target_arch = "x86_64")]
    fn wide(&self) -> Option<&super::avx512::Stream> {
        match &self.0 {
            Cipher::Portable(_) => None,
            Cipher::Wide(stream) => Some(stream),
        }
    }

    /// Sums of streams r_x from block `position` on: `sum` becomes ⊕ r_x, and part l of `rows`, which has [`LEVELS`]
    /// parts of the length of `sum`, ⊕ r_x over those x whose bit l is 1; both for x from `first` to [`LEAVES`] − 1.
    pub fn combine(
        streams: &[Self; LEAVES],
        first: usize,
        position: u64,
        sum: &mut [Block],
        rows: &mut [Block],
    ) {
        #[cfg(target_arch = "x86_64")]
        {
            let wide = streams.each_ref().map(Self::wide);
            if let Some(stream) = wide[0]
                && wide.iter().all(Option::is_some)
            {
                let wide = wide.map(|wide| wide.unwrap_or(stream));
                super::avx512::Stream::combine(wide, first, position, sum, rows);
                return;
            }
        }
        let length = sum.len();
        sum.fill(Block::ZERO);
        rows.fill(Block::ZERO);
        let mut rows = parts(rows, length);
        let mut batch = [Block::ZERO; BATCH];
        for (x, stream) in streams.iter().enumerate().skip(first) {
            for start in (0..length).step_by(BATCH) {
                let end = length.min(start + BATCH);
                let batch = &mut batch[..end - start];
                stream.fill(position + start as u64, batch);
                add(&mut sum[start..end], batch);
                for (level, row) in rows.iter_mut().enumerate() {
                    if x >> level & 1 == 1 {
                        add(&mut row[start..end], batch);
                    }
                }
            }
        }
        batch.zeroize();
    }
}

/// The parts of `rows`, each of `length` blocks.
pub(super) fn parts(rows: &mut [Block], length: usize) -> [&mut [Block]; LEVELS] {
    let (r0, rest) = rows.split_at_mut(length);
    let (r1, rest) = rest.split_at_mut(length);
    let (r2, r3) = rest.split_at_mut(length);
    [r0, r1, r2, &mut r3[..length]]
}

fn add(sums: &mut [Block], blocks: &[Block]) {
    for (sum, &block) in sums.iter_mut().zip(blocks) {
        *sum ^= block;
    }
}

fn fill(cipher: &Aes128Enc, position: u64, blocks: &mut [Block]) {
    let mut batch = [aes::Block::default(); BATCH];
    let mut counter = position;
    for blocks in blocks.chunks_mut(BATCH) {
        let batch = &mut batch[..blocks.len()];
        for block in batch.iter_mut() {
            block.0 = u128::from(counter).to_le_bytes();
            counter += 1;
        }
        cipher.encrypt_blocks(batch);
        for (target, block) in blocks.iter_mut().zip(batch.iter()) {
            *target = Block::from_bytes(block.0);
        }
    }
    batch.iter_mut().for_each(|block| block.0.zeroize());
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::vec;
    use std::vec::Vec;

    #[test]
    fn streams_are_aes_in_counter_mode_and_their_sums_the_formula_on_every_path() {
        let seed = |x: usize| [x as u8 + 1; 16];
        let position = 0x1_0000_0000 - 3;
        for length in [0, 1, 3, 4, 5, 15, 16, 17, 63, 64, 65, 130] {
            let expected = |x: usize| -> Vec<Block> {
                let cipher = Aes128Enc::new(&seed(x).into());
                (0..length as u64)
                    .map(|i| {
                        let mut block = aes::Block::from(u128::from(position + i).to_le_bytes());
                        cipher.encrypt_block(&mut block);
                        Block::from_bytes(block.0)
                    })
                    .collect()
            };
            for new in [Prg::new, Prg::portable] {
                let mut blocks = vec![Block::from_u128(5); length];
                new(seed(0)).fill(position, &mut blocks);
                assert!(blocks == expected(0), "{length}");

                let streams: [Prg; LEAVES] = core::array::from_fn(|x| new(seed(x)));
                // The level may be lowered between two streams.
                let mixed = core::array::from_fn(|x| match x % 2 {
                    0 => new(seed(x)),
                    _ => Prg::portable(seed(x)),
                });
                for (streams, first) in [(&streams, 0), (&streams, 1), (&mixed, 0)] {
                    let mut sum = vec![Block::from_u128(6); length];
                    let mut rows = vec![Block::from_u128(7); LEVELS * length];
                    Prg::combine(streams, first, position, &mut sum, &mut rows);
                    let total = |marked: &dyn Fn(usize) -> bool| {
                        let mut total = vec![Block::ZERO; length];
                        for x in (first..LEAVES).filter(|&x| marked(x)) {
                            for (total, block) in total.iter_mut().zip(expected(x)) {
                                *total ^= block;
                            }
                        }
                        total
                    };
                    assert!(sum == total(&|_| true), "{length}");
                    for level in 0..LEVELS {
                        let row = &rows[level * length..][..length];
                        assert!(row == total(&|x| x >> level & 1 == 1), "{length} {level}");
                    }
                }
            }
        }
    }
}
