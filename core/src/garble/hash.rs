//! The hash of half gates: TMMO over AES-128 under a key of the session.
//!
//! H(x, i) = π(π(x) ⊕ i) ⊕ π(x), where π is AES-128 under a fresh random key.
//!
//! # Why this one
//! Free XOR makes the labels of all wires differ by one secret Δ, and a half gate adds a label, that is a multiple
//! of Δ, to a hash value. The hash must therefore look random on x ⊕ Δ for chosen x and tweak, even when Δ itself
//! may be added to the output: *tweakable circular correlation robustness* (TCCR). Guo, Katz, Wang and Yu (IEEE
//! S&P 2020, ePrint 2019/074) prove it for TMMO when π is an ideal permutation.
//!
//! The single-call constructions fall short of it:
//! - MMO, π(x) ⊕ x, is correlation robust but not circular: in π(x ⊕ Δ) ⊕ x ⊕ Δ, the circular query ⊕ Δ cancels the
//!   Δ that is fed forward, leaves π(x ⊕ Δ) ⊕ x, and one inverse call yields Δ. The cure is to apply a
//!   linear orthomorphism first: π(σ(x)) ⊕ σ(x) feeds σ(Δ) forward, and σ(y) ⊕ y is a permutation of y, so nothing
//!   cancels. This gives circular correlation robustness, without a tweak.
//! - A tweak that is only XORed in, π(σ(x) ⊕ i) ⊕ σ(x) ⊕ i, is just the same function of σ(x) ⊕ i: two inputs and
//!   tweaks with equal σ(x) ⊕ i collide, and this is not TCCR.
//!
//! In TMMO, what is fed forward and what meets the tweak is π(x). It is not a linear function of Δ, so that Δ
//! cannot cancel and no σ is needed, and equal sums π(x) ⊕ i are as rare as collisions of a random function. The
//! price is a second call.
//!
//! # Keys and tweaks
//! With one permutation for C gates, an adversary that makes p calls succeeds with probability about p·C/2^128,
//! and with one permutation for all sessions, C counts the gates of all of them (Guo, Katz, Wang, Weng and Yu,
//! CRYPTO 2020, ePrint 2019/1168). So the garbler draws a fresh key for each session, and only the gates of one
//! session count: after 2^32 of them 96 bits remain. The tweak is a 64-bit counter that never restarts within a
//! session; the two halves of a gate take two different ones.

use super::block::Block;
use aes::Aes128Enc;
use aes::cipher::{BlockCipherEncrypt, KeyInit};
use zeroize::Zeroize;

/// The permutation π of one session. The key is public to both parties, and fresh for each session.
pub struct Hash {
    cipher: Aes128Enc,
}

impl Hash {
    /// The hash under `key`, which the garbler draws uniformly for one session.
    pub fn new(key: [u8; 16]) -> Self {
        Self {
            cipher: Aes128Enc::new(&key.into()),
        }
    }

    /// Replaces blocks x of `batch` by H(x, tweak), in groups of `lanes`: block l of group g, at g·`lanes` + l, has
    /// tweak `tweaks[g]` + 2·l.
    ///
    /// All blocks go through the cipher in one call for each of the two permutations: wide implementations reach
    /// their speed only with many independent blocks at hand.
    pub(super) fn apply(&self, batch: &mut Batch, lanes: usize, tweaks: &[u64]) {
        let count = lanes * tweaks.len();
        let first = &mut batch.first[..count];
        let second = &mut batch.second[..count];
        self.cipher.encrypt_blocks(first);
        let groups = first
            .chunks_exact(lanes)
            .zip(second.chunks_exact_mut(lanes));
        for ((first, second), &tweak) in groups.zip(tweaks) {
            for (l, (permuted, tweaked)) in first.iter().zip(second).enumerate() {
                let tweak = Block::from_u128(u128::from(tweak + 2 * l as u64));
                tweaked.0 = (Block::from_bytes(permuted.0) ^ tweak).to_bytes();
            }
        }
        self.cipher.encrypt_blocks(second);
        for (permuted, tweaked) in first.iter_mut().zip(second.iter()) {
            permuted.0 = (Block::from_bytes(permuted.0) ^ Block::from_bytes(tweaked.0)).to_bytes();
        }
    }
}

/// Blocks on their way through [`Hash::apply`]; zeroised on drop.
pub(super) struct Batch {
    first: [aes::Block; Batch::BLOCKS],
    second: [aes::Block; Batch::BLOCKS],
}

impl Batch {
    /// Room for the four labels of an AND gate in [`super::LANES`] instances.
    pub const BLOCKS: usize = 4 * super::LANES;

    pub fn new() -> Self {
        Self {
            first: [aes::Block::default(); Self::BLOCKS],
            second: [aes::Block::default(); Self::BLOCKS],
        }
    }

    #[inline(always)]
    pub fn set(&mut self, index: usize, block: Block) {
        self.first[index].0 = block.to_bytes();
    }

    #[inline(always)]
    pub fn get(&self, index: usize) -> Block {
        Block::from_bytes(self.first[index].0)
    }
}

impl Drop for Batch {
    fn drop(&mut self) {
        for block in self.first.iter_mut().chain(self.second.iter_mut()) {
            block.0.zeroize();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// FIPS 197, appendix C.1.
    const KEY: [u8; 16] = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15];
    const PLAIN: u128 = 0x0011_2233_4455_6677_8899_aabb_ccdd_eeff;
    const CIPHER: u128 = 0x69c4_e0d8_6a7b_0430_d8cd_b780_70b4_c55a;

    #[test]
    fn tmmo_is_built_on_the_aes_of_fips_197() {
        let hash = Hash::new(KEY);
        let permute = |x: Block| {
            let mut block = aes::Block::from(x.to_bytes());
            hash.cipher.encrypt_block(&mut block);
            Block::from_bytes(block.0)
        };
        let plain = Block::from_bytes(PLAIN.to_be_bytes());
        assert_eq!(permute(plain).to_bytes(), CIPHER.to_be_bytes());

        // The batch agrees with the formula for every position and tweak.
        let mut batch = Batch::new();
        for j in 0..Batch::BLOCKS {
            batch.set(j, plain ^ Block::from_u128(j as u128));
        }
        let tweaks = [3u64, 1 << 40, 5, u64::MAX >> 1];
        hash.apply(&mut batch, super::super::LANES, &tweaks);
        for j in 0..Batch::BLOCKS {
            let (group, lane) = (j / super::super::LANES, j % super::super::LANES);
            let tweak = u128::from(tweaks[group] + 2 * lane as u64);
            let once = permute(plain ^ Block::from_u128(j as u128));
            let twice = permute(once ^ Block::from_u128(tweak));
            assert!(batch.get(j) == twice ^ once);
        }
    }
}
