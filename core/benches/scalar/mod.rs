//! Half gates as libraries for two parties make them: one instance after another, gate after gate.
//!
//! Four labels go through the cipher in a call when garbling, two when evaluating; the key is scheduled once. The cipher is
//! the crate `aes`, which has no code for so few blocks, or, as in libraries written in C++, the processor's instructions on
//! these blocks in step. The hash, the tweaks and the tables are those of `addax_core::garble`; rows of projections are left in words of their own, which is
//! less work than packing them.

#[cfg(target_arch = "x86_64")]
mod simd;

use addax_core::garble::{Block, Circuit, Gate, Operand};
use aes::Aes128Enc;
use aes::cipher::{BlockCipherEncrypt, KeyInit};

/// One party's state.
pub struct Scalar {
    cipher: Aes128Enc,
    #[cfg(target_arch = "x86_64")]
    instructions: Option<simd::Permutation>,
    delta: Block,
    counter: u64,
    registers: Vec<Block>,
}

impl Scalar {
    /// `delta` is zero for the evaluator.
    pub fn new(key: [u8; 16], delta: Block, registers: usize) -> Self {
        Self {
            cipher: Aes128Enc::new(&key.into()),
            #[cfg(target_arch = "x86_64")]
            instructions: None,
            delta,
            counter: 0,
            registers: vec![Block::ZERO; registers],
        }
    }

    /// The same with the processor's instructions, if it has them.
    #[must_use]
    pub fn with_instructions(self, key: [u8; 16]) -> Self {
        Self {
            #[cfg(target_arch = "x86_64")]
            instructions: simd::Permutation::new(key),
            ..self
        }
    }

    #[inline(always)]
    fn permute<const N: usize>(&self, blocks: [Block; N]) -> [Block; N] {
        let mut blocks = blocks.map(|block| aes::Block::from(block.to_bytes()));
        self.cipher.encrypt_blocks(&mut blocks);
        blocks.map(|block| Block::from_bytes(block.0))
    }

    fn label(&self, operand: Operand) -> Block {
        self.registers[usize::from(operand.register)]
            ^ self.delta.select(u64::from(operand.negated))
    }

    /// H(x, tweak) of N labels.
    #[inline(always)]
    fn hash<const N: usize>(&self, labels: [Block; N], tweaks: [u64; N]) -> [Block; N] {
        #[cfg(target_arch = "x86_64")]
        if let Some(instructions) = &self.instructions {
            return instructions
                .hash(labels.map(Block::to_u128), tweaks)
                .map(Block::from_u128);
        }
        let once = self.permute(labels);
        let tweaked = std::array::from_fn(|i| once[i] ^ Block::from_u128(u128::from(tweaks[i])));
        let twice = self.permute::<N>(tweaked);
        std::array::from_fn(|i| twice[i] ^ once[i])
    }

    fn take_tweak(&mut self) -> u64 {
        self.counter += 1;
        2 * (self.counter - 1)
    }

    /// Garbles one instance: labels and bits of its inputs, blocks of the table and rows of projections; returns the
    /// share.
    pub fn garble(
        &mut self,
        circuit: &Circuit<'_>,
        evaluator: &[Block],
        garbler: &[Block],
        bits: u64,
        table: &mut [u8],
        rows: &mut [u64],
    ) -> u64 {
        let delta = self.delta;
        let mut table = table.as_chunks_mut::<16>().0.iter_mut();
        let mut rows = rows.iter_mut();
        let mut write = |block: Block| {
            if let Some(row) = table.next() {
                *row = block.to_bytes();
            }
        };
        let mut share = 0u64;
        for gate in circuit.gates() {
            match *gate {
                Gate::Evaluator { input, out } => {
                    self.registers[usize::from(out)] = evaluator[input as usize];
                }
                Gate::Garbler { input, out } => {
                    self.registers[usize::from(out)] =
                        garbler[input as usize] ^ delta.select(bits >> input & 1);
                }
                Gate::Xor { a, b, out } => {
                    self.registers[usize::from(out)] =
                        self.registers[usize::from(a)] ^ self.registers[usize::from(b)];
                }
                Gate::And { a, b, out } => {
                    let tweak = self.take_tweak();
                    let (a0, b0) = (self.label(a), self.label(b));
                    let labels = [a0, a0 ^ delta, b0, b0 ^ delta];
                    let hashes = self.hash(labels, [tweak, tweak, tweak + 1, tweak + 1]);
                    let garbler_row = hashes[0] ^ hashes[1] ^ delta.select(b0.colour());
                    let sum = hashes[2] ^ hashes[3];
                    write(garbler_row);
                    write(sum ^ a0);
                    self.registers[usize::from(out)] = hashes[0]
                        ^ garbler_row.select(a0.colour())
                        ^ hashes[2]
                        ^ sum.select(b0.colour());
                }
                Gate::AndGarbler {
                    a,
                    input,
                    negated,
                    out,
                } => {
                    let tweak = self.take_tweak();
                    let known = bits >> input & 1 ^ u64::from(negated);
                    let a0 = self.label(a);
                    let hashes = self.hash([a0, a0 ^ delta], [tweak; 2]);
                    let row = hashes[0] ^ hashes[1] ^ delta.select(known);
                    write(row);
                    self.registers[usize::from(out)] = hashes[0] ^ row.select(a0.colour());
                }
                Gate::Share { a, weight } => {
                    let tweak = self.take_tweak();
                    let a0 = self.label(a);
                    let truth = a0.colour();
                    let first = a0 ^ delta.select(truth);
                    let hashes = self.hash([first, first ^ delta], [tweak; 2]);
                    let [pad0, pad1] = hashes.map(|hash| hash.halves()[0]);
                    let mask = pad0.wrapping_sub(weight.odd * truth);
                    let row = mask
                        .wrapping_add(weight.odd * (truth ^ 1))
                        .wrapping_sub(pad1);
                    if let Some(place) = rows.next() {
                        *place = row;
                    }
                    share = share.wrapping_sub(mask << weight.shift);
                }
                Gate::ShareProduct { a, b, weight } => {
                    let tweak = self.take_tweak();
                    let (a0, b0) = (self.label(a), self.label(b));
                    let (truth_a, truth_b) = (a0.colour(), b0.colour());
                    let (a, b) = (a0 ^ delta.select(truth_a), b0 ^ delta.select(truth_b));
                    let labels = [a, a ^ delta, b, b ^ delta];
                    let hashes = self.hash(labels, [tweak, tweak, tweak + 1, tweak + 1]);
                    let pads = hashes.map(Block::halves);
                    let pad = |i: usize, j: usize| pads[i][j].wrapping_add(pads[2 + j][i]);
                    let value = |i: u64, j: u64| weight.odd * ((truth_a ^ i) & (truth_b ^ j));
                    let mask = pad(0, 0).wrapping_sub(value(0, 0));
                    for (i, j) in [(0, 1), (1, 0), (1, 1)] {
                        let row = mask
                            .wrapping_add(value(i, j))
                            .wrapping_sub(pad(i as usize, j as usize));
                        if let Some(place) = rows.next() {
                            *place = row;
                        }
                    }
                    share = share.wrapping_sub(mask << weight.shift);
                }
                Gate::Output { .. } | Gate::OutputConstant { .. } => {}
            }
        }
        share
    }

    /// Evaluates one instance on active labels; returns the share.
    pub fn evaluate(
        &mut self,
        circuit: &Circuit<'_>,
        evaluator: &[Block],
        garbler: &[Block],
        table: &[u8],
        rows: &[u64],
    ) -> u64 {
        let mut table = table.as_chunks::<16>().0.iter().copied();
        let mut rows = rows.iter().copied();
        let mut read = || Block::from_bytes(table.next().unwrap_or_default());
        let mut share = 0u64;
        for gate in circuit.gates() {
            match *gate {
                Gate::Evaluator { input, out } => {
                    self.registers[usize::from(out)] = evaluator[input as usize];
                }
                Gate::Garbler { input, out } => {
                    self.registers[usize::from(out)] = garbler[input as usize];
                }
                Gate::Xor { a, b, out } => {
                    self.registers[usize::from(out)] =
                        self.registers[usize::from(a)] ^ self.registers[usize::from(b)];
                }
                Gate::And { a, b, out } => {
                    let tweak = self.take_tweak();
                    let (a, b) = (self.label(a), self.label(b));
                    let [hash_a, hash_b] = self.hash([a, b], [tweak, tweak + 1]);
                    let (garbler_row, evaluator_row) = (read(), read());
                    self.registers[usize::from(out)] = hash_a
                        ^ garbler_row.select(a.colour())
                        ^ hash_b
                        ^ (evaluator_row ^ a).select(b.colour());
                }
                Gate::AndGarbler { a, out, .. } => {
                    let tweak = self.take_tweak();
                    let a = self.label(a);
                    let [hash] = self.hash([a], [tweak]);
                    self.registers[usize::from(out)] = hash ^ read().select(a.colour());
                }
                Gate::Share { a, weight } => {
                    let tweak = self.take_tweak();
                    let a = self.label(a);
                    let [hash] = self.hash([a], [tweak]);
                    let row = rows.next().unwrap_or_default() * a.colour();
                    let value = hash.halves()[0].wrapping_add(row);
                    share = share.wrapping_add(value << weight.shift);
                }
                Gate::ShareProduct { a, b, weight } => {
                    let tweak = self.take_tweak();
                    let (a, b) = (self.label(a), self.label(b));
                    let (i, j) = (a.colour(), b.colour());
                    let [hash_a, hash_b] = self.hash([a, b], [tweak, tweak + 1]);
                    let pick = |halves: [u64; 2], bit: u64| {
                        halves[0] ^ (halves[0] ^ halves[1]) & 0u64.wrapping_sub(bit)
                    };
                    let mut value = pick(hash_a.halves(), j).wrapping_add(pick(hash_b.halves(), i));
                    for active in [(i ^ 1) & j, i & (j ^ 1), i & j] {
                        let row = rows.next().unwrap_or_default();
                        value = value.wrapping_add(row & 0u64.wrapping_sub(active));
                    }
                    share = share.wrapping_add(value << weight.shift);
                }
                Gate::Output { .. } | Gate::OutputConstant { .. } => {}
            }
        }
        share
    }
}
