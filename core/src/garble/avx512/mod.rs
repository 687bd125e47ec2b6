//! The gates with AVX-512 and VAES: four instances a register, and a gate's labels from memory to table without a stop.
//!
//! An AND gate costs its garbler 8 calls of AES and its evaluator 4, and one instruction makes a round of four of them.
//! At one such instruction a cycle, 20 cycles a gate and 10 are the limit. An instruction takes several
//! cycles, so that several independent registers must be under way at once: [`BLOCKS`] of them here. Everything else, loads
//! and stores of labels, tweaks, choices by colour, rows, are few instructions that run beside.
//!
//! Instances beyond the last are computed too, from whatever is in the registers, and not written to the table.
// Vector instructions exist only behind unsafe code; who holds an `Avx512` has shown that the processor has them.
#![allow(unsafe_code)]

mod aes;
mod evaluation;
mod garbling;
mod lanes;
mod rows;
mod stream;
mod transpose;

use super::bits::{BitReader, BitWriter};
use super::block::Block;
use super::kernel::{Kernel, Register, Rows, Sharing, ZeroLabels};
use super::prg::LEAVES;
use crate::simd::{self, Level};
use aes::RoundKeys;

/// Registers of four blocks that are encrypted at once.
const BLOCKS: usize = 8;

/// The gates under one session's hash. Exists only where the processor has the instructions.
pub(super) struct Avx512 {
    keys: RoundKeys,
}

impl Avx512 {
    /// The gates under the hash with `key`, if [`simd::level`] allows it.
    pub fn new(key: [u8; 16]) -> Option<Self> {
        if simd::level() < Level::Avx512 {
            return None;
        }
        // SAFETY: the level includes all instructions of the function.
        let keys = unsafe { RoundKeys::expand(key) };
        Some(Self { keys })
    }
}

/// A stream of pseudorandom blocks. Exists only where the processor has the instructions.
pub(super) struct Stream {
    keys: RoundKeys,
}

impl Stream {
    /// The stream of `seed`, if [`simd::level`] allows it.
    pub fn new(seed: [u8; 16]) -> Option<Self> {
        Avx512::new(seed).map(|Avx512 { keys }| Self { keys })
    }

    /// See [`super::Prg::fill`].
    pub fn fill(&self, position: u64, blocks: &mut [Block]) {
        // SAFETY: that `self` exists shows that the processor has the instructions.
        unsafe { stream::fill(&self.keys, position, blocks) }
    }

    /// See [`super::Prg::combine`].
    pub fn combine(
        streams: [&Self; LEAVES],
        first: usize,
        position: u64,
        sum: &mut [Block],
        rows: &mut [Block],
    ) {
        // SAFETY: that the streams exist shows that the processor has the instructions.
        unsafe { stream::combine(streams.map(|s| &s.keys), first, position, sum, rows) }
    }
}

/// See [`super::transpose()`]; `false`, and nothing done, unless [`simd::level`] allows it.
pub(super) fn transpose(low: &mut [u64; 128], high: &mut [u64; 128]) -> bool {
    let allowed = simd::level() >= Level::Avx512;
    if allowed {
        // SAFETY: the level includes all instructions of the function.
        unsafe { transpose::transpose(low, high) }
    }
    allowed
}

impl Kernel for Avx512 {
    fn garble_and(
        &mut self,
        delta: Block,
        counter: u64,
        a: ZeroLabels<'_>,
        b: ZeroLabels<'_>,
        table: &mut [u8],
        out: &mut Register,
    ) {
        // SAFETY: that `self` exists shows that the processor has the instructions; so in all functions below.
        unsafe { garbling::and(&self.keys, delta, counter, a, b, table, out) }
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
        // SAFETY: as above.
        unsafe { garbling::and_known(&self.keys, delta, counter, a, known, table, out) }
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
        // SAFETY: as above.
        unsafe { garbling::share(&self.keys, delta, counter, a, sharing, shares, rows) }
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
        // SAFETY: as above.
        unsafe {
            garbling::share_product(&self.keys, delta, counter, [a, b], sharing, shares, rows);
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
        // SAFETY: as above.
        unsafe { evaluation::and(&self.keys, counter, a, b, table, out) }
    }

    fn evaluate_and_known(&mut self, counter: u64, a: &Register, table: &[u8], out: &mut Register) {
        // SAFETY: as above.
        unsafe { evaluation::and_known(&self.keys, counter, a, table, out) }
    }

    fn evaluate_share(
        &mut self,
        counter: u64,
        a: &Register,
        sharing: Sharing,
        shares: &mut [u64],
        rows: &Rows,
    ) {
        // SAFETY: as above.
        unsafe { evaluation::share(&self.keys, counter, a, sharing, shares, rows) }
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
        // SAFETY: as above.
        unsafe { evaluation::share_product(&self.keys, counter, a, b, sharing, shares, rows) }
    }

    fn xor(&mut self, lanes: usize, a: &Register, b: &Register, out: &mut Register) {
        // SAFETY: as above.
        unsafe { lanes::xor(lanes, a, b, out) }
    }

    fn push(&mut self, writer: &mut BitWriter<'_>, values: &[u64], bits: u32) {
        let (groups, rest) = values.as_chunks();
        match writer.whole_bytes(groups.len() * bits as usize) {
            // SAFETY: as above.
            Some(bytes) => unsafe { rows::pack(groups, bits, bytes) },
            None => groups
                .as_flattened()
                .iter()
                .for_each(|&value| writer.push(value, bits)),
        }
        rest.iter().for_each(|&value| writer.push(value, bits));
    }

    fn pull(&mut self, reader: &mut BitReader<'_>, values: &mut [u64], bits: u32) {
        let (groups, rest) = values.as_chunks_mut();
        match reader.whole_bytes(groups.len() * bits as usize) {
            // SAFETY: as above.
            Some(bytes) => unsafe { rows::unpack(bytes, bits, groups) },
            None => groups
                .as_flattened_mut()
                .iter_mut()
                .for_each(|value| *value = reader.pull(bits)),
        }
        rest.iter_mut().for_each(|value| *value = reader.pull(bits));
    }
}
