//! The gates on every processor: all labels of a gate, in all instances, go through the cipher in one call.
//!
//! This is the definition that other kernels are compared with.

use super::LANES;
use super::block::Block;
use super::kernel::{Kernel, Register, Rows, Sharing, ZeroLabels};
use aes::Aes128Enc;
use aes::cipher::{BlockCipherEncrypt, KeyInit};
use zeroize::Zeroize;

/// The session's permutation, and room for the blocks of a gate.
pub(super) struct Portable {
    cipher: Aes128Enc,
    batch: Batch,
}

impl Portable {
    /// The gates under the hash with `key`.
    pub fn new(key: [u8; 16]) -> Self {
        Self {
            cipher: Aes128Enc::new(&key.into()),
            batch: Batch::new(),
        }
    }

    /// Replaces blocks x of the batch by H(x, tweak), in groups of `lanes`: block l of group g, at g·`lanes` + l, has
    /// tweak `tweaks[g]` + 2·l.
    ///
    /// All blocks go through the cipher in one call for each of the two permutations: wide implementations reach
    /// their speed only with many independent blocks at hand.
    fn apply(&mut self, lanes: usize, tweaks: &[u64]) {
        let count = lanes * tweaks.len();
        let first = &mut self.batch.first[..count];
        let second = &mut self.batch.second[..count];
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

    /// Hashes the labels of an operand or two, of which `kinds` labels each are in the batch, those of operand o in lane
    /// l with tweak 2·(counter + l) + o.
    fn hash(&mut self, lanes: usize, counter: u64, kinds: usize, operands: usize) {
        let tweak = 2 * counter;
        let tweaks = match kinds {
            1 => [tweak, tweak + 1, 0, 0],
            _ => [tweak, tweak, tweak + 1, tweak + 1],
        };
        self.apply(lanes, &tweaks[..kinds * operands]);
    }

    /// Both labels of `operand` in all instances into the batch, the one of "false" (or, if `by_colour`, the one of
    /// colour 0) at `position`, the other after all of the first kind.
    fn load_both(
        &mut self,
        delta: Block,
        operand: ZeroLabels<'_>,
        lanes: usize,
        position: usize,
        by_colour: bool,
    ) {
        for lane in 0..lanes {
            let mut first = operand.get(lane);
            if by_colour {
                first ^= delta.select(first.colour());
            }
            self.batch.set(position + lane, first);
            self.batch.set(position + lanes + lane, first ^ delta);
        }
    }

    /// Active labels in all instances into the batch.
    fn load(&mut self, labels: &Register, lanes: usize, position: usize) {
        for (lane, &label) in labels[..lanes].iter().enumerate() {
            self.batch.set(position + lane, label);
        }
    }
}

impl Kernel for Portable {
    fn garble_and(
        &mut self,
        delta: Block,
        counter: u64,
        a: ZeroLabels<'_>,
        b: ZeroLabels<'_>,
        table: &mut [u8],
        out: &mut Register,
    ) {
        let lanes = table.len() / 32;
        self.load_both(delta, a, lanes, 0, false);
        self.load_both(delta, b, lanes, 2 * lanes, false);
        self.hash(lanes, counter, 2, 2);
        for (lane, row) in table.chunks_exact_mut(32).enumerate() {
            let (a0, b0) = (a.get(lane), b.get(lane));
            let hashed = |kind: usize| self.batch.get(kind * lanes + lane);
            let (a0_hash, b0_hash) = (hashed(0), hashed(2));
            let garbler_row = a0_hash ^ hashed(1) ^ delta.select(b0.colour());
            let evaluator_row = b0_hash ^ hashed(3) ^ a0;
            let (first, second) = row.split_at_mut(16);
            first.copy_from_slice(&garbler_row.to_bytes());
            second.copy_from_slice(&evaluator_row.to_bytes());
            out[lane] = a0_hash
                ^ garbler_row.select(a0.colour())
                ^ b0_hash
                ^ (evaluator_row ^ a0).select(b0.colour());
        }
    }

    fn garble_and_known(
        &mut self,
        delta: Block,
        counter: u64,
        a: ZeroLabels<'_>,
        known: u64,
        table: &mut [u8],
        out: &mut Register,
    ) {
        let lanes = table.len() / 16;
        self.load_both(delta, a, lanes, 0, false);
        self.hash(lanes, counter, 2, 1);
        for (lane, row) in table.chunks_exact_mut(16).enumerate() {
            let a0_hash = self.batch.get(lane);
            let garbler_row =
                a0_hash ^ self.batch.get(lanes + lane) ^ delta.select(known >> lane & 1);
            row.copy_from_slice(&garbler_row.to_bytes());
            out[lane] = a0_hash ^ garbler_row.select(a.get(lane).colour());
        }
    }

    fn garble_share(
        &mut self,
        delta: Block,
        counter: u64,
        a: ZeroLabels<'_>,
        sharing: Sharing,
        shares: &mut [u64],
        rows: &mut Rows,
    ) {
        let (lanes, odd) = (shares.len(), sharing.weight.odd);
        self.load_both(delta, a, lanes, 0, true);
        self.hash(lanes, counter, 2, 1);
        for (lane, (share, row)) in shares.iter_mut().zip(rows).enumerate() {
            // The label of colour 0 stands for the bit `truth`, the other for its opposite.
            let truth = a.get(lane).colour();
            let [pad0, _] = self.batch.get(lane).halves();
            let [pad1, _] = self.batch.get(lanes + lane).halves();
            let mask = pad0.wrapping_sub(odd * truth);
            *row = mask.wrapping_add(odd * (truth ^ 1)).wrapping_sub(pad1) & sharing.row_mask();
            subtract(share, mask, sharing);
        }
    }

    fn garble_share_product(
        &mut self,
        delta: Block,
        counter: u64,
        a: ZeroLabels<'_>,
        b: ZeroLabels<'_>,
        sharing: Sharing,
        shares: &mut [u64],
        rows: &mut Rows,
    ) {
        let (lanes, odd) = (shares.len(), sharing.weight.odd);
        self.load_both(delta, a, lanes, 0, true);
        self.load_both(delta, b, lanes, 2 * lanes, true);
        self.hash(lanes, counter, 2, 2);
        let rows = rows.as_chunks_mut::<3>().0;
        for (lane, (share, rows)) in shares.iter_mut().zip(rows).enumerate() {
            let (truth_a, truth_b) = (a.get(lane).colour(), b.get(lane).colour());
            let pads = |kind: usize| self.batch.get(kind * lanes + lane).halves();
            let (pads_a, pads_b) = ([pads(0), pads(1)], [pads(2), pads(3)]);
            let pad = |i: usize, j: usize| pads_a[i][j].wrapping_add(pads_b[j][i]);
            let value = |i: u64, j: u64| odd * ((truth_a ^ i) & (truth_b ^ j));
            let mask = pad(0, 0).wrapping_sub(value(0, 0));
            for (row, (i, j)) in rows.iter_mut().zip([(0, 1), (1, 0), (1, 1)]) {
                *row = mask
                    .wrapping_add(value(i, j))
                    .wrapping_sub(pad(i as usize, j as usize))
                    & sharing.row_mask();
            }
            subtract(share, mask, sharing);
        }
    }

    fn evaluate_and(
        &mut self,
        counter: u64,
        a: &Register,
        b: &Register,
        table: &[u8],
        out: &mut Register,
    ) {
        let lanes = table.len() / 32;
        self.load(a, lanes, 0);
        self.load(b, lanes, lanes);
        self.hash(lanes, counter, 1, 2);
        for (lane, row) in table
            .as_chunks::<16>()
            .0
            .as_chunks::<2>()
            .0
            .iter()
            .enumerate()
        {
            let [garbler_row, evaluator_row] = row.map(Block::from_bytes);
            out[lane] = self.batch.get(lane)
                ^ garbler_row.select(a[lane].colour())
                ^ self.batch.get(lanes + lane)
                ^ (evaluator_row ^ a[lane]).select(b[lane].colour());
        }
    }

    fn evaluate_and_known(&mut self, counter: u64, a: &Register, table: &[u8], out: &mut Register) {
        let rows = table.as_chunks::<16>().0;
        let lanes = rows.len();
        self.load(a, lanes, 0);
        self.hash(lanes, counter, 1, 1);
        for (lane, &row) in rows.iter().enumerate() {
            out[lane] = self.batch.get(lane) ^ Block::from_bytes(row).select(a[lane].colour());
        }
    }

    fn evaluate_share(
        &mut self,
        counter: u64,
        a: &Register,
        sharing: Sharing,
        shares: &mut [u64],
        rows: &Rows,
    ) {
        let lanes = shares.len();
        self.load(a, lanes, 0);
        self.hash(lanes, counter, 1, 1);
        for (lane, (share, row)) in shares.iter_mut().zip(rows).enumerate() {
            let [pad, _] = self.batch.get(lane).halves();
            add(share, pad.wrapping_add(row * a[lane].colour()), sharing);
        }
    }

    fn evaluate_share_product(
        &mut self,
        counter: u64,
        a: &Register,
        b: &Register,
        sharing: Sharing,
        shares: &mut [u64],
        rows: &Rows,
    ) {
        let lanes = shares.len();
        self.load(a, lanes, 0);
        self.load(b, lanes, lanes);
        self.hash(lanes, counter, 1, 2);
        let rows = rows.as_chunks::<3>().0;
        for (lane, (share, rows)) in shares.iter_mut().zip(rows).enumerate() {
            let (i, j) = (a[lane].colour(), b[lane].colour());
            let [a0, a1] = self.batch.get(lane).halves();
            let [b0, b1] = self.batch.get(lanes + lane).halves();
            let pad = select(j, a0, a1).wrapping_add(select(i, b0, b1));
            let active = [(i ^ 1) & j, i & (j ^ 1), i & j];
            let row = rows
                .iter()
                .zip(active)
                .fold(0, |row, (r, active)| row | r & 0u64.wrapping_sub(active));
            add(share, pad.wrapping_add(row), sharing);
        }
    }
}

/// Takes mask·2^shift off the garbler's share.
#[inline(always)]
fn subtract(share: &mut u64, mask: u64, sharing: Sharing) {
    *share = share.wrapping_sub(mask << sharing.weight.shift) & sharing.mask;
}

/// Adds value·2^shift to the evaluator's share.
#[inline(always)]
fn add(share: &mut u64, value: u64, sharing: Sharing) {
    *share = share.wrapping_add(value << sharing.weight.shift) & sharing.mask;
}

/// `zero` if `bit` is 0, `one` if it is 1.
#[inline(always)]
fn select(bit: u64, zero: u64, one: u64) -> u64 {
    zero ^ ((zero ^ one) & 0u64.wrapping_sub(bit))
}

/// Blocks on their way through [`Portable::apply`]; zeroised on drop.
struct Batch {
    first: [aes::Block; Batch::BLOCKS],
    second: [aes::Block; Batch::BLOCKS],
}

impl Batch {
    /// Room for the four labels of an AND gate in [`LANES`] instances.
    const BLOCKS: usize = 4 * LANES;

    fn new() -> Self {
        Self {
            first: [aes::Block::default(); Self::BLOCKS],
            second: [aes::Block::default(); Self::BLOCKS],
        }
    }

    #[inline(always)]
    fn set(&mut self, index: usize, block: Block) {
        self.first[index].0 = block.to_bytes();
    }

    #[inline(always)]
    fn get(&self, index: usize) -> Block {
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
        let mut kernel = Portable::new(KEY);
        let cipher = Aes128Enc::new(&KEY.into());
        let permute = |x: Block| {
            let mut block = aes::Block::from(x.to_bytes());
            cipher.encrypt_block(&mut block);
            Block::from_bytes(block.0)
        };
        let plain = Block::from_bytes(PLAIN.to_be_bytes());
        assert_eq!(permute(plain).to_bytes(), CIPHER.to_be_bytes());

        // The batch agrees with the formula for every position and tweak.
        for j in 0..Batch::BLOCKS {
            kernel.batch.set(j, plain ^ Block::from_u128(j as u128));
        }
        let tweaks = [3u64, 1 << 40, 5, u64::MAX >> 1];
        kernel.apply(LANES, &tweaks);
        for j in 0..Batch::BLOCKS {
            let (group, lane) = (j / LANES, j % LANES);
            let tweak = u128::from(tweaks[group] + 2 * lane as u64);
            let once = permute(plain ^ Block::from_u128(j as u128));
            let twice = permute(once ^ Block::from_u128(tweak));
            assert!(kernel.batch.get(j) == twice ^ once);
        }
    }
}
