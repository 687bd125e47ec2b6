//! The garbler's side of half gates and projections.

use super::bits::BitWriter;
use super::block::{Block, Delta};
use super::circuit::{Circuit, Gate, Operand, Weight};
use super::hash::{Batch, Hash};
use super::{GarbleError, LANES, Turn, check_length, chunks};

/// Garbles circuits for one session: one Δ, one hash key, one gate counter that never restarts.
pub struct Garbling {
    hash: Hash,
    delta: Delta,
    counter: u64,
    batch: Batch,
}

/// What the garbler feeds into a batch of instances, in the orders of the [module](super).
#[derive(Clone, Copy)]
pub struct GarblingInputs<'a> {
    /// Labels of "false" of the evaluator's inputs.
    pub evaluator_zero_labels: &'a [Block],
    /// Labels of the garbler's inputs that the evaluator will use, whatever the inputs are.
    pub garbler_active_labels: &'a [Block],
    /// The garbler's input bits.
    pub garbler_bits: &'a [u64],
}

impl Garbling {
    /// A session with hash key `key` and offset `delta`, both fresh and uniform.
    pub fn new(key: [u8; 16], delta: Delta) -> Self {
        Self {
            hash: Hash::new(key),
            delta,
            counter: 0,
            batch: Batch::new(),
        }
    }

    /// Garbles `instances` instances of `circuit`.
    ///
    /// `workspace` holds at least [`Circuit::workspace`] labels; `table` has [`Circuit::table_bytes`] bytes and is to
    /// be sent; `shares`, one number an instance, becomes the garbler's part of the shared result, modulo 2^m.
    ///
    /// # Errors
    /// [`GarbleError`] if a length is wrong or the gate counter is used up.
    pub fn garble(
        &mut self,
        circuit: &Circuit<'_>,
        instances: usize,
        inputs: GarblingInputs<'_>,
        workspace: &mut [Block],
        table: &mut [u8],
        shares: &mut [u64],
    ) -> Result<(), GarbleError> {
        let (own, theirs) = (circuit.garbler_inputs, circuit.evaluator_inputs);
        let GarblingInputs {
            evaluator_zero_labels: evaluator,
            garbler_active_labels: garbler,
            garbler_bits: bits,
        } = inputs;
        check_length(
            "evaluator's zero labels",
            theirs * instances,
            evaluator.len(),
        )?;
        check_length("garbler's active labels", own * instances, garbler.len())?;
        check_length(
            "garbler's input bits",
            Circuit::input_words(own, instances),
            bits.len(),
        )?;
        check_length("table", circuit.table_bytes(instances), table.len())?;
        check_length("shares", instances, shares.len())?;
        let registers = workspace.len().min(circuit.workspace());
        check_length("workspace", circuit.workspace(), registers)?;
        let hashed = circuit.counts.hashed();
        let mut counter = Turn::take(&mut self.counter, hashed * instances)?.first;

        let (mut evaluator, mut garbler, mut bits) = (evaluator, garbler, bits);
        let (mut table, mut shares) = (table, shares);
        for lanes in chunks(instances) {
            let (blocks, rows);
            (blocks, table) = table.split_at_mut(circuit.block_bytes(lanes));
            (rows, table) = table.split_at_mut(circuit.chunk_bytes(lanes) - blocks.len());
            let mut chunk = Chunk {
                hash: &self.hash,
                delta: self.delta.block(),
                batch: &mut self.batch,
                lanes,
                counter,
                registers: &mut workspace[..circuit.workspace()],
                blocks,
                rows: BitWriter::new(rows),
                shares: shares.split_off_mut(..lanes).unwrap_or_default(),
                share_mask: circuit.share_mask(),
            };
            chunk.garble(
                circuit,
                evaluator.split_off(..theirs * lanes).unwrap_or_default(),
                garbler.split_off(..own * lanes).unwrap_or_default(),
                bits.split_off(..own).unwrap_or_default(),
            );
            counter += (hashed * lanes) as u64;
        }
        Ok(())
    }
}

/// One chunk on its way through the gates.
struct Chunk<'a> {
    hash: &'a Hash,
    delta: Block,
    batch: &'a mut Batch,
    lanes: usize,
    counter: u64,
    registers: &'a mut [Block],
    blocks: &'a mut [u8],
    rows: BitWriter<'a>,
    shares: &'a mut [u64],
    share_mask: u64,
}

impl Chunk<'_> {
    fn garble(
        &mut self,
        circuit: &Circuit<'_>,
        evaluator: &[Block],
        garbler: &[Block],
        bits: &[u64],
    ) {
        let lanes = self.lanes;
        self.shares.fill(circuit.share_constant);
        for gate in circuit.gates {
            match *gate {
                Gate::Evaluator { input, out } => {
                    let labels = &evaluator[input as usize * lanes..][..lanes];
                    self.registers[usize::from(out) * LANES..][..lanes].copy_from_slice(labels);
                }
                Gate::Garbler { input, out } => {
                    let active = &garbler[input as usize * lanes..][..lanes];
                    let zero = &mut self.registers[usize::from(out) * LANES..][..lanes];
                    for (lane, (zero, &active)) in zero.iter_mut().zip(active).enumerate() {
                        *zero = active ^ self.delta.select(bits[input as usize] >> lane & 1);
                    }
                }
                Gate::Xor { a, b, out } => super::evaluation::xor(self.registers, lanes, a, b, out),
                Gate::And { a, b, out } => self.and(a, b, out),
                Gate::AndGarbler {
                    a,
                    input,
                    negated,
                    out,
                } => {
                    let known = bits[input as usize] ^ 0u64.wrapping_sub(u64::from(negated));
                    self.and_garbler(a, known, out);
                }
                Gate::Share { a, weight } => self.share(a, weight),
                Gate::ShareProduct { a, b, weight } => self.share_product(a, b, weight),
                Gate::Output { a } => {
                    for lane in 0..lanes {
                        let colour = self.zero_label(a, lane).colour();
                        self.rows.push(colour, 1);
                    }
                }
                Gate::OutputConstant { .. } => {}
            }
        }
        self.rows.finish();
    }

    #[inline(always)]
    fn zero_label(&self, operand: Operand, lane: usize) -> Block {
        let label = self.registers[usize::from(operand.register) * LANES + lane];
        // The circuit is public, so this choice may be too.
        label ^ self.delta.select(u64::from(operand.negated))
    }

    /// Both labels of `operand` in all instances into the batch, the one of "false" (or, if `by_colour`, the one of
    /// colour 0) at `position`, the other after all of the first kind.
    fn load(&mut self, operand: Operand, position: usize, by_colour: bool) {
        for lane in 0..self.lanes {
            let mut first = self.zero_label(operand, lane);
            if by_colour {
                first ^= self.delta.select(first.colour());
            }
            self.batch.set(position + lane, first);
            self.batch
                .set(position + self.lanes + lane, first ^ self.delta);
        }
    }

    /// Hashes the 2·lanes labels of each of `operands` ≤ 2 operands: those of operand o in lane l with tweak
    /// 2·(counter + l) + o.
    fn hash(&mut self, operands: usize) {
        let tweak = 2 * self.counter;
        let tweaks = [tweak, tweak, tweak + 1, tweak + 1];
        self.hash
            .apply(self.batch, self.lanes, &tweaks[..2 * operands]);
        self.counter += self.lanes as u64;
    }

    fn and(&mut self, a: Operand, b: Operand, out: u16) {
        let lanes = self.lanes;
        self.load(a, 0, false);
        self.load(b, 2 * lanes, false);
        self.hash(2);
        let (table, rest) = core::mem::take(&mut self.blocks).split_at_mut(32 * lanes);
        self.blocks = rest;
        for (lane, row) in table.chunks_exact_mut(32).enumerate() {
            let (a0, b0) = (self.zero_label(a, lane), self.zero_label(b, lane));
            let hashed = |kind: usize| self.batch.get(kind * lanes + lane);
            let (a0_hash, b0_hash) = (hashed(0), hashed(2));
            let garbler_row = a0_hash ^ hashed(1) ^ self.delta.select(b0.colour());
            let evaluator_row = b0_hash ^ hashed(3) ^ a0;
            let (first, second) = row.split_at_mut(16);
            first.copy_from_slice(&garbler_row.to_bytes());
            second.copy_from_slice(&evaluator_row.to_bytes());
            self.registers[usize::from(out) * LANES + lane] = a0_hash
                ^ garbler_row.select(a0.colour())
                ^ b0_hash
                ^ (evaluator_row ^ a0).select(b0.colour());
        }
    }

    fn and_garbler(&mut self, a: Operand, known: u64, out: u16) {
        let lanes = self.lanes;
        self.load(a, 0, false);
        self.hash(1);
        let (table, rest) = core::mem::take(&mut self.blocks).split_at_mut(16 * lanes);
        self.blocks = rest;
        for (lane, row) in table.chunks_exact_mut(16).enumerate() {
            let a0_hash = self.batch.get(lane);
            let garbler_row =
                a0_hash ^ self.batch.get(lanes + lane) ^ self.delta.select(known >> lane & 1);
            row.copy_from_slice(&garbler_row.to_bytes());
            self.registers[usize::from(out) * LANES + lane] =
                a0_hash ^ garbler_row.select(self.zero_label(a, lane).colour());
        }
    }

    /// Takes mask·2^shift off the garbler's share.
    fn subtract(&mut self, lane: usize, mask: u64, weight: Weight) {
        let share = &mut self.shares[lane];
        *share = share.wrapping_sub(mask << weight.shift) & self.share_mask;
    }

    fn share(&mut self, a: Operand, weight: Weight) {
        let lanes = self.lanes;
        let row_mask = (1u64 << weight.bits) - 1;
        self.load(a, 0, true);
        self.hash(1);
        for lane in 0..lanes {
            // The label of colour 0 stands for the bit `truth`, the other for its opposite.
            let truth = self.zero_label(a, lane).colour();
            let [pad0, _] = self.batch.get(lane).halves();
            let [pad1, _] = self.batch.get(lanes + lane).halves();
            let mask = pad0.wrapping_sub(weight.odd * truth);
            let row = mask
                .wrapping_add(weight.odd * (truth ^ 1))
                .wrapping_sub(pad1);
            self.rows.push(row & row_mask, weight.bits);
            self.subtract(lane, mask, weight);
        }
    }

    fn share_product(&mut self, a: Operand, b: Operand, weight: Weight) {
        let lanes = self.lanes;
        let row_mask = (1u64 << weight.bits) - 1;
        self.load(a, 0, true);
        self.load(b, 2 * lanes, true);
        self.hash(2);
        for lane in 0..lanes {
            let truth_a = self.zero_label(a, lane).colour();
            let truth_b = self.zero_label(b, lane).colour();
            let pads = |kind: usize| self.batch.get(kind * lanes + lane).halves();
            let (pads_a, pads_b) = ([pads(0), pads(1)], [pads(2), pads(3)]);
            let pad = |i: usize, j: usize| pads_a[i][j].wrapping_add(pads_b[j][i]);
            let value = |i: u64, j: u64| weight.odd * ((truth_a ^ i) & (truth_b ^ j));
            let mask = pad(0, 0).wrapping_sub(value(0, 0));
            for (i, j) in [(0, 1), (1, 0), (1, 1)] {
                let row = mask
                    .wrapping_add(value(i, j))
                    .wrapping_sub(pad(i as usize, j as usize));
                self.rows.push(row & row_mask, weight.bits);
            }
            self.subtract(lane, mask, weight);
        }
    }
}
