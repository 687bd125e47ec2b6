//! What has to be computed for one gate in all instances of a chunk.
//!
//! The formulas are those of the [module](super). [`super::portable`] is their definition; kernels for wide registers
//! give the same bits. Each works on `lanes` ≤ [`LANES`] instances, the number that its slices imply; gate counter c
//! stands for c + l in instance l. Labels beyond the instances in use are read and written as well, but nothing that
//! leaves the party depends on them.

use super::LANES;
use super::bits::{BitReader, BitWriter};
use super::block::Block;
use super::circuit::Weight;

/// The labels of one wire in all instances of a chunk.
pub(super) type Register = [Block; LANES];

/// Rows of a gate in all instances: at most three each.
pub(super) type Rows = [u64; 3 * LANES];

/// An operand of the garbler: its labels of "false" are `labels` ⊕ `offset`, where the offset is Δ or zero.
#[derive(Clone, Copy)]
pub(super) struct ZeroLabels<'a> {
    pub labels: &'a Register,
    pub offset: Block,
}

impl ZeroLabels<'_> {
    #[inline(always)]
    pub fn get(&self, lane: usize) -> Block {
        self.labels[lane] ^ self.offset
    }
}

/// How values are added to the shares of a chunk: times 2^shift, modulo 2^m.
#[derive(Clone, Copy)]
pub(super) struct Sharing {
    pub weight: Weight,
    /// 2^m − 1.
    pub mask: u64,
}

impl Sharing {
    /// 2^bits − 1 for rows of `bits` bits.
    #[inline(always)]
    pub const fn row_mask(&self) -> u64 {
        (1 << self.weight.bits) - 1
    }
}

/// The gates of one session's hash.
pub(super) trait Kernel {
    /// Garbles a ∧ b: the labels of "false" of the result, and rows (T_G, T_E), 32 bytes an instance.
    fn garble_and(
        &mut self,
        delta: Block,
        counter: u64,
        a: ZeroLabels<'_>,
        b: ZeroLabels<'_>,
        table: &mut [u8],
        out: &mut Register,
    );

    /// Garbles a ∧ `known`, bit l for instance l: the labels of "false" of the result, and rows T_G, 16 bytes an
    /// instance.
    fn garble_and_known(
        &mut self,
        delta: Block,
        counter: u64,
        a: ZeroLabels<'_>,
        known: u64,
        table: &mut [u8],
        out: &mut Register,
    );

    /// Projects weight·a: takes the mask off `shares` and makes one row an instance.
    fn garble_share(
        &mut self,
        delta: Block,
        counter: u64,
        a: ZeroLabels<'_>,
        sharing: Sharing,
        shares: &mut [u64],
        rows: &mut Rows,
    );

    /// Projects weight·(a ∧ b): takes the mask off `shares` and makes three rows an instance.
    #[allow(clippy::too_many_arguments)]
    fn garble_share_product(
        &mut self,
        delta: Block,
        counter: u64,
        a: ZeroLabels<'_>,
        b: ZeroLabels<'_>,
        sharing: Sharing,
        shares: &mut [u64],
        rows: &mut Rows,
    );

    /// The active labels of a ∧ b, from those of a and b.
    fn evaluate_and(
        &mut self,
        counter: u64,
        a: &Register,
        b: &Register,
        table: &[u8],
        out: &mut Register,
    );

    /// The active labels of a ∧ (what the garbler knows).
    fn evaluate_and_known(&mut self, counter: u64, a: &Register, table: &[u8], out: &mut Register);

    /// Adds this party's part of weight·a to `shares`; one row an instance.
    fn evaluate_share(
        &mut self,
        counter: u64,
        a: &Register,
        sharing: Sharing,
        shares: &mut [u64],
        rows: &Rows,
    );

    /// Adds this party's part of weight·(a ∧ b) to `shares`; three rows an instance.
    fn evaluate_share_product(
        &mut self,
        counter: u64,
        a: &Register,
        b: &Register,
        sharing: Sharing,
        shares: &mut [u64],
        rows: &Rows,
    );

    /// The labels of a ⊕ b, of either party.
    fn xor(&mut self, lanes: usize, a: &Register, b: &Register, out: &mut Register) {
        for ((out, &a), &b) in out.iter_mut().zip(a).zip(b).take(lanes) {
            *out = a ^ b;
        }
    }

    /// Appends `values`, of `bits` ≤ 63 bits each, to a string of bits.
    fn push(&mut self, writer: &mut BitWriter<'_>, values: &[u64], bits: u32) {
        values.iter().for_each(|&value| writer.push(value, bits));
    }

    /// Takes values of `bits` ≤ 63 bits from a string of bits.
    fn pull(&mut self, reader: &mut BitReader<'_>, values: &mut [u64], bits: u32) {
        values
            .iter_mut()
            .for_each(|value| *value = reader.pull(bits));
    }
}

/// Bytes that a line of the cache has.
const LINE: usize = 64;

/// Labels that are skipped at most, so that registers begin with a line.
const SPARE: usize = LINE / size_of::<Block>() - 1;

/// The registers of a circuit.
pub(super) struct Registers<'a>(&'a mut [Register]);

impl<'a> Registers<'a> {
    /// `count` registers in the caller's working memory, of [`Self::workspace`] labels.
    pub fn new(workspace: &'a mut [Block], count: usize) -> Self {
        // Vectors that straddle two lines of the cache take twice as long to load and to store.
        let skipped = workspace.as_ptr().align_offset(LINE).min(SPARE);
        let registers = workspace[skipped..].as_chunks_mut().0;
        Self(&mut registers[..count])
    }

    /// Labels of working memory for `count` registers.
    pub const fn workspace(count: usize) -> usize {
        count * LANES + SPARE
    }

    #[inline(always)]
    pub fn get(&self, register: u16) -> &Register {
        &self.0[usize::from(register)]
    }

    #[inline(always)]
    pub fn get_mut(&mut self, register: u16) -> &mut Register {
        &mut self.0[usize::from(register)]
    }

    /// What a gate with one operand reads and what it writes.
    #[inline(always)]
    pub fn unary(&mut self, a: u16, out: u16) -> Option<(&Register, &mut Register)> {
        // The builder never lets a gate write what it reads.
        let [a, out] = self.0.get_disjoint_mut([a, out].map(usize::from)).ok()?;
        Some((a, out))
    }

    /// What a gate with two operands reads and what it writes.
    #[inline(always)]
    pub fn binary(
        &mut self,
        a: u16,
        b: u16,
        out: u16,
    ) -> Option<(&Register, &Register, &mut Register)> {
        // Nor read one register twice.
        let [a, b, out] = self.0.get_disjoint_mut([a, b, out].map(usize::from)).ok()?;
        Some((a, b, out))
    }
}
