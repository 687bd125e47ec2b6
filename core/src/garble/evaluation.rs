//! The evaluator's side of half gates and projections.

use super::bits::BitReader;
use super::block::Block;
use super::circuit::{Circuit, Gate, Operand, Weight};
use super::hash::{Batch, Hash};
use super::{GarbleError, LANES, Turn, check_length, chunks};

/// Evaluates garbled circuits of one session: in the order in which they were garbled, or in any order if each took its
/// [`Turn`] in that one.
pub struct Evaluation {
    hash: Hash,
    counter: u64,
    batch: Batch,
}

impl Evaluation {
    /// A session with the garbler's hash key.
    pub fn new(key: [u8; 16]) -> Self {
        Self {
            hash: Hash::new(key),
            counter: 0,
            batch: Batch::new(),
        }
    }

    /// Takes the turn of `instances` instances of `circuit` that the garbler garbled next, to evaluate them later.
    ///
    /// # Errors
    /// [`GarbleError::CounterExhausted`].
    pub fn take_turn(
        &mut self,
        circuit: &Circuit<'_>,
        instances: usize,
    ) -> Result<Turn, GarbleError> {
        Turn::take(&mut self.counter, circuit.counts.hashed() * instances)
    }

    /// Evaluates `instances` instances of `circuit` on active labels, whose turn it is.
    ///
    /// Orders and errors are those of [`Evaluation::evaluate_in_turn`].
    ///
    /// # Errors
    /// [`GarbleError`] if a length is wrong or the gate counter is used up. Then no turn was taken.
    #[allow(clippy::too_many_arguments)]
    pub fn evaluate(
        &mut self,
        circuit: &Circuit<'_>,
        instances: usize,
        evaluator: &[Block],
        garbler: &[Block],
        workspace: &mut [Block],
        table: &[u8],
        shares: &mut [u64],
        outputs: &mut [u64],
    ) -> Result<(), GarbleError> {
        let mut counter = self.counter;
        let turn = Turn::take(&mut counter, circuit.counts.hashed() * instances)?;
        self.evaluate_in_turn(
            turn, circuit, instances, evaluator, garbler, workspace, table, shares, outputs,
        )?;
        self.counter = counter;
        Ok(())
    }

    /// Evaluates `instances` instances of `circuit` on active labels, whose `turn` was taken before.
    ///
    /// Orders are those of the [module](super), lengths those of [`super::Garbling::garble`]. `shares`, one number an
    /// instance, becomes the evaluator's part of the shared result, modulo 2^m; `outputs`
    /// ([`Circuit::input_words`] of the number of outputs) the revealed bits, a `u64` a (chunk, output).
    ///
    /// A wrong table gives wrong results, never a panic.
    ///
    /// # Errors
    /// [`GarbleError`] if a length is wrong or the turn is another's.
    #[allow(clippy::too_many_arguments)]
    pub fn evaluate_in_turn(
        &mut self,
        turn: Turn,
        circuit: &Circuit<'_>,
        instances: usize,
        evaluator: &[Block],
        garbler: &[Block],
        workspace: &mut [Block],
        table: &[u8],
        shares: &mut [u64],
        outputs: &mut [u64],
    ) -> Result<(), GarbleError> {
        let (theirs, own) = (circuit.garbler_inputs, circuit.evaluator_inputs);
        check_length(
            "evaluator's active labels",
            own * instances,
            evaluator.len(),
        )?;
        check_length("garbler's active labels", theirs * instances, garbler.len())?;
        check_length("table", circuit.table_bytes(instances), table.len())?;
        check_length("shares", instances, shares.len())?;
        let output_words = Circuit::input_words(circuit.outputs, instances);
        check_length("outputs", output_words, outputs.len())?;
        let registers = workspace.len().min(circuit.workspace());
        check_length("workspace", circuit.workspace(), registers)?;
        let hashed = circuit.counts.hashed();
        check_length("turn", hashed * instances, turn.count)?;
        let mut counter = turn.first;

        let (mut evaluator, mut garbler, mut table) = (evaluator, garbler, table);
        let (mut shares, mut outputs) = (shares, outputs);
        for lanes in chunks(instances) {
            let (blocks, rows);
            (blocks, table) = table.split_at(circuit.block_bytes(lanes));
            (rows, table) = table.split_at(circuit.chunk_bytes(lanes) - blocks.len());
            let mut chunk = Chunk {
                hash: &self.hash,
                batch: &mut self.batch,
                lanes,
                counter,
                registers: &mut workspace[..circuit.workspace()],
                blocks,
                rows: BitReader::new(rows),
                shares: shares.split_off_mut(..lanes).unwrap_or_default(),
                share_mask: circuit.share_mask(),
            };
            chunk.evaluate(
                circuit,
                evaluator.split_off(..own * lanes).unwrap_or_default(),
                garbler.split_off(..theirs * lanes).unwrap_or_default(),
                outputs.split_off_mut(..circuit.outputs).unwrap_or_default(),
            );
            counter += (hashed * lanes) as u64;
        }
        Ok(())
    }
}

/// One chunk on its way through the gates.
struct Chunk<'a> {
    hash: &'a Hash,
    batch: &'a mut Batch,
    lanes: usize,
    counter: u64,
    registers: &'a mut [Block],
    blocks: &'a [u8],
    rows: BitReader<'a>,
    shares: &'a mut [u64],
    share_mask: u64,
}

impl Chunk<'_> {
    fn evaluate(
        &mut self,
        circuit: &Circuit<'_>,
        evaluator: &[Block],
        garbler: &[Block],
        outputs: &mut [u64],
    ) {
        let lanes = self.lanes;
        self.shares.fill(0);
        let mut outputs = outputs.iter_mut();
        for gate in circuit.gates {
            match *gate {
                Gate::Evaluator { input, out } => {
                    let labels = &evaluator[input as usize * lanes..][..lanes];
                    self.registers[usize::from(out) * LANES..][..lanes].copy_from_slice(labels);
                }
                Gate::Garbler { input, out } => {
                    let labels = &garbler[input as usize * lanes..][..lanes];
                    self.registers[usize::from(out) * LANES..][..lanes].copy_from_slice(labels);
                }
                Gate::Xor { a, b, out } => xor(self.registers, lanes, a, b, out),
                Gate::And { a, b, out } => self.and(a, b, out),
                Gate::AndGarbler { a, out, .. } => self.and_garbler(a, out),
                Gate::Share { a, weight } => self.share(a, weight),
                Gate::ShareProduct { a, b, weight } => self.share_product(a, b, weight),
                Gate::Output { a } => {
                    let mut bits = 0;
                    for lane in 0..lanes {
                        let bit = self.label(a, lane).colour() ^ self.rows.pull(1);
                        bits |= bit << lane;
                    }
                    if let Some(output) = outputs.next() {
                        *output = bits;
                    }
                }
                Gate::OutputConstant { value } => {
                    if let Some(output) = outputs.next() {
                        *output = 0u64.wrapping_sub(u64::from(value)) & (u64::MAX >> (64 - lanes));
                    }
                }
            }
        }
    }

    #[inline(always)]
    fn label(&self, operand: Operand, lane: usize) -> Block {
        self.registers[usize::from(operand.register) * LANES + lane]
    }

    fn load(&mut self, operand: Operand, position: usize) {
        for lane in 0..self.lanes {
            let label = self.label(operand, lane);
            self.batch.set(position + lane, label);
        }
    }

    /// Hashes the active labels of `operands` ≤ 2 operands, as the garbler does.
    fn hash(&mut self, operands: usize) {
        let tweak = 2 * self.counter;
        self.hash
            .apply(self.batch, self.lanes, &[tweak, tweak + 1][..operands]);
        self.counter += self.lanes as u64;
    }

    fn and(&mut self, a: Operand, b: Operand, out: u16) {
        let lanes = self.lanes;
        self.load(a, 0);
        self.load(b, lanes);
        self.hash(2);
        let (table, rest) = self.blocks.split_at(32 * lanes);
        self.blocks = rest;
        for (lane, row) in table.chunks_exact(32).enumerate() {
            let (label_a, label_b) = (self.label(a, lane), self.label(b, lane));
            let garbler_row = block(&row[..16]);
            let evaluator_row = block(&row[16..]);
            self.registers[usize::from(out) * LANES + lane] = self.batch.get(lane)
                ^ garbler_row.select(label_a.colour())
                ^ self.batch.get(lanes + lane)
                ^ (evaluator_row ^ label_a).select(label_b.colour());
        }
    }

    fn and_garbler(&mut self, a: Operand, out: u16) {
        let lanes = self.lanes;
        self.load(a, 0);
        self.hash(1);
        let (table, rest) = self.blocks.split_at(16 * lanes);
        self.blocks = rest;
        for (lane, row) in table.chunks_exact(16).enumerate() {
            self.registers[usize::from(out) * LANES + lane] =
                self.batch.get(lane) ^ block(row).select(self.label(a, lane).colour());
        }
    }

    fn add(&mut self, lane: usize, value: u64, weight: Weight) {
        let share = &mut self.shares[lane];
        *share = share.wrapping_add(value << weight.shift) & self.share_mask;
    }

    fn share(&mut self, a: Operand, weight: Weight) {
        self.load(a, 0);
        self.hash(1);
        for lane in 0..self.lanes {
            let [pad, _] = self.batch.get(lane).halves();
            let row = self.rows.pull(weight.bits);
            let colour = self.label(a, lane).colour();
            self.add(lane, pad.wrapping_add(row * colour), weight);
        }
    }

    fn share_product(&mut self, a: Operand, b: Operand, weight: Weight) {
        let lanes = self.lanes;
        self.load(a, 0);
        self.load(b, lanes);
        self.hash(2);
        for lane in 0..lanes {
            let i = self.label(a, lane).colour();
            let j = self.label(b, lane).colour();
            let [a0, a1] = self.batch.get(lane).halves();
            let [b0, b1] = self.batch.get(lanes + lane).halves();
            let pad = select(j, a0, a1).wrapping_add(select(i, b0, b1));
            let mut row = 0;
            for active in [(i ^ 1) & j, i & (j ^ 1), i & j] {
                row |= self.rows.pull(weight.bits) & 0u64.wrapping_sub(active);
            }
            self.add(lane, pad.wrapping_add(row), weight);
        }
    }
}

/// `zero` if `bit` is 0, `one` if it is 1.
#[inline(always)]
fn select(bit: u64, zero: u64, one: u64) -> u64 {
    zero ^ ((zero ^ one) & 0u64.wrapping_sub(bit))
}

#[inline(always)]
fn block(bytes: &[u8]) -> Block {
    let mut array = [0; 16];
    array.copy_from_slice(bytes);
    Block::from_bytes(array)
}

/// Register `out` = `a` ⊕ `b` in the first `lanes` instances, on labels of either party.
pub(super) fn xor(registers: &mut [Block], lanes: usize, a: u16, b: u16, out: u16) {
    let range = |register: u16| {
        let start = usize::from(register) * LANES;
        start..start + lanes
    };
    // The builder never lets a gate write what it reads, nor read one register twice.
    if let Ok([a, b, out]) = registers.get_disjoint_mut([range(a), range(b), range(out)]) {
        for ((out, &a), &b) in out.iter_mut().zip(a.iter()).zip(b.iter()) {
            *out = a ^ b;
        }
    }
}
