//! The garbler's side of half gates and projections.

use super::bits::BitWriter;
use super::block::{Block, Delta};
use super::circuit::{Circuit, Gate, Operand, Weight};
use super::hash::Hash;
use super::kernel::{Kernel, Registers, Rows, Sharing, ZeroLabels};
use super::{GarbleError, LANES, Turn, check_length, chunks};

/// Garbles circuits for one session: one Δ, one hash key, one gate counter that never restarts.
pub struct Garbling {
    worker: GarblingWorker,
    counter: u64,
}

/// Garbles for a session on one thread, in turns that the session hands out.
pub struct GarblingWorker {
    hash: Hash,
    delta: Delta,
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
        Self::with_hash(Hash::new(key), delta)
    }

    pub(super) fn with_hash(hash: Hash, delta: Delta) -> Self {
        Self {
            worker: GarblingWorker { hash, delta },
            counter: 0,
        }
    }

    /// A worker for another thread.
    pub fn worker(&self) -> GarblingWorker {
        GarblingWorker {
            hash: self.worker.hash.fork(),
            delta: self.worker.delta.clone(),
        }
    }

    /// Takes the turn of `instances` instances of `circuit`. The evaluator must take its own in the same order.
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

    /// Garbles `instances` instances of `circuit`, whose turn it is.
    ///
    /// Buffers are those of [`GarblingWorker::garble`].
    ///
    /// # Errors
    /// [`GarbleError`] if a length is wrong or the gate counter is used up. Then no turn was taken.
    pub fn garble(
        &mut self,
        circuit: &Circuit<'_>,
        instances: usize,
        inputs: GarblingInputs<'_>,
        workspace: &mut [Block],
        table: &mut [u8],
        shares: &mut [u64],
    ) -> Result<(), GarbleError> {
        let mut counter = self.counter;
        let turn = Turn::take(&mut counter, circuit.counts.hashed() * instances)?;
        let worker = &mut self.worker;
        worker.garble(turn, circuit, instances, inputs, workspace, table, shares)?;
        self.counter = counter;
        Ok(())
    }
}

impl GarblingWorker {
    /// Garbles `instances` instances of `circuit` in their turn.
    ///
    /// `workspace` holds at least [`Circuit::workspace`] labels; `table` has [`Circuit::table_bytes`] bytes and is to
    /// be sent; `shares`, one number an instance, becomes the garbler's part of the shared result, modulo 2^m.
    ///
    /// # Errors
    /// [`GarbleError`] if a length is wrong or the turn is another's.
    #[allow(clippy::too_many_arguments)]
    pub fn garble(
        &mut self,
        turn: Turn,
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
        check_length("turn", hashed * instances, turn.count)?;
        let mut counter = turn.first;

        let (mut evaluator, mut garbler, mut bits) = (evaluator, garbler, bits);
        let (mut table, mut shares) = (table, shares);
        for lanes in chunks(instances) {
            let (blocks, rows);
            (blocks, table) = table.split_at_mut(circuit.block_bytes(lanes));
            (rows, table) = table.split_at_mut(circuit.chunk_bytes(lanes) - blocks.len());
            let mut chunk = Chunk {
                kernel: self.hash.kernel(),
                delta: self.delta.block(),
                lanes,
                counter,
                registers: Registers::new(workspace, circuit.registers),
                blocks,
                position: 0,
                writer: BitWriter::new(rows),
                rows: [0; 3 * LANES],
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
    kernel: &'a mut dyn Kernel,
    delta: Block,
    lanes: usize,
    counter: u64,
    registers: Registers<'a>,
    blocks: &'a mut [u8],
    /// Bytes of `blocks` that are written.
    position: usize,
    writer: BitWriter<'a>,
    rows: Rows,
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
                    self.registers.get_mut(out)[..lanes].copy_from_slice(labels);
                }
                Gate::Garbler { input, out } => {
                    let active = &garbler[input as usize * lanes..][..lanes];
                    let zero = &mut self.registers.get_mut(out)[..lanes];
                    for (lane, (zero, &active)) in zero.iter_mut().zip(active).enumerate() {
                        *zero = active ^ self.delta.select(bits[input as usize] >> lane & 1);
                    }
                }
                Gate::Xor { a, b, out } => {
                    if let Some((a, b, out)) = self.registers.binary(a, b, out) {
                        self.kernel.xor(lanes, a, b, out);
                    }
                }
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
                    let offset = self.offset(a);
                    for &label in &self.registers.get(a.register)[..lanes] {
                        self.writer.push((label ^ offset).colour(), 1);
                    }
                }
                Gate::OutputConstant { .. } => {}
            }
        }
        self.writer.finish();
    }

    /// What turns the register's labels into those of the operand.
    fn offset(&self, operand: Operand) -> Block {
        // The circuit is public, so this choice may be too.
        self.delta.select(u64::from(operand.negated))
    }

    /// The next gate's counter.
    fn take_counter(&mut self) -> u64 {
        let counter = self.counter;
        self.counter += self.lanes as u64;
        counter
    }

    /// The next `size` bytes an instance of the table.
    fn take_blocks(&mut self, size: usize) -> core::ops::Range<usize> {
        let start = self.position;
        self.position += size * self.lanes;
        start..self.position
    }

    fn and(&mut self, a: Operand, b: Operand, out: u16) {
        let (counter, range) = (self.take_counter(), self.take_blocks(32));
        let offsets = [self.offset(a), self.offset(b)];
        if let Some((a, b, out)) = self.registers.binary(a.register, b.register, out) {
            let [a, b] = [(a, offsets[0]), (b, offsets[1])]
                .map(|(labels, offset)| ZeroLabels { labels, offset });
            let table = &mut self.blocks[range];
            self.kernel
                .garble_and(self.delta, counter, a, b, table, out);
        }
    }

    fn and_garbler(&mut self, a: Operand, known: u64, out: u16) {
        let (counter, range) = (self.take_counter(), self.take_blocks(16));
        let offset = self.offset(a);
        if let Some((labels, out)) = self.registers.unary(a.register, out) {
            let a = ZeroLabels { labels, offset };
            let table = &mut self.blocks[range];
            self.kernel
                .garble_and_known(self.delta, counter, a, known, table, out);
        }
    }

    fn share(&mut self, a: Operand, weight: Weight) {
        let counter = self.take_counter();
        let a = ZeroLabels {
            labels: self.registers.get(a.register),
            offset: self.offset(a),
        };
        let mask = self.share_mask;
        let sharing = Sharing { weight, mask };
        let (shares, rows) = (&mut *self.shares, &mut self.rows);
        self.kernel
            .garble_share(self.delta, counter, a, sharing, shares, rows);
        let rows = &self.rows[..self.lanes];
        self.kernel.push(&mut self.writer, rows, weight.bits);
    }

    fn share_product(&mut self, a: Operand, b: Operand, weight: Weight) {
        let counter = self.take_counter();
        let (offset_a, offset_b) = (self.offset(a), self.offset(b));
        let a = ZeroLabels {
            labels: self.registers.get(a.register),
            offset: offset_a,
        };
        let b = ZeroLabels {
            labels: self.registers.get(b.register),
            offset: offset_b,
        };
        let mask = self.share_mask;
        let sharing = Sharing { weight, mask };
        let (shares, rows) = (&mut *self.shares, &mut self.rows);
        self.kernel
            .garble_share_product(self.delta, counter, a, b, sharing, shares, rows);
        let rows = &self.rows[..3 * self.lanes];
        self.kernel.push(&mut self.writer, rows, weight.bits);
    }
}
