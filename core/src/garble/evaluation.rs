//! The evaluator's side of half gates and projections.

use super::bits::BitReader;
use super::block::Block;
use super::circuit::{Circuit, Gate, Weight};
use super::hash::Hash;
use super::kernel::{Kernel, Registers, Rows, Sharing};
use super::{GarbleError, LANES, Turn, check_length, chunks};

/// Evaluates garbled circuits of one session: in the order in which they were garbled, or in any order if each took its
/// [`Turn`] in that one.
pub struct Evaluation {
    worker: EvaluationWorker,
    counter: u64,
}

/// Evaluates for a session on one thread, in turns that the session hands out.
pub struct EvaluationWorker {
    hash: Hash,
}

impl Evaluation {
    /// A session with the garbler's hash key.
    pub fn new(key: [u8; 16]) -> Self {
        Self::with_hash(Hash::new(key))
    }

    pub(super) fn with_hash(hash: Hash) -> Self {
        Self {
            worker: EvaluationWorker { hash },
            counter: 0,
        }
    }

    /// A worker for another thread.
    pub fn worker(&self) -> EvaluationWorker {
        EvaluationWorker {
            hash: self.worker.hash.fork(),
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
    /// Orders and lengths are those of [`EvaluationWorker::evaluate`].
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
        self.worker.evaluate(
            turn, circuit, instances, evaluator, garbler, workspace, table, shares, outputs,
        )?;
        self.counter = counter;
        Ok(())
    }
}

impl EvaluationWorker {
    /// Evaluates `instances` instances of `circuit` on active labels, in their turn.
    ///
    /// Orders are those of the [module](super), lengths those of [`super::GarblingWorker::garble`]. `shares`, one number an
    /// instance, becomes the evaluator's part of the shared result, modulo 2^m; `outputs`
    /// ([`Circuit::input_words`] of the number of outputs) the revealed bits, a `u64` a (chunk, output).
    ///
    /// A wrong table gives wrong results, never a panic.
    ///
    /// # Errors
    /// [`GarbleError`] if a length is wrong or the turn is another's.
    #[allow(clippy::too_many_arguments)]
    pub fn evaluate(
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
                kernel: self.hash.kernel(),
                lanes,
                counter,
                registers: Registers::new(workspace, circuit.registers),
                blocks,
                reader: BitReader::new(rows),
                rows: [0; 3 * LANES],
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
    kernel: &'a mut dyn Kernel,
    lanes: usize,
    counter: u64,
    registers: Registers<'a>,
    blocks: &'a [u8],
    reader: BitReader<'a>,
    rows: Rows,
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
                    self.registers.get_mut(out)[..lanes].copy_from_slice(labels);
                }
                Gate::Garbler { input, out } => {
                    let labels = &garbler[input as usize * lanes..][..lanes];
                    self.registers.get_mut(out)[..lanes].copy_from_slice(labels);
                }
                Gate::Xor { a, b, out } => {
                    if let Some((a, b, out)) = self.registers.binary(a, b, out) {
                        self.kernel.xor(lanes, a, b, out);
                    }
                }
                Gate::And { a, b, out } => {
                    let (counter, table) = (self.take_counter(), self.take_blocks(32));
                    let labels = self.registers.binary(a.register, b.register, out);
                    if let Some((a, b, out)) = labels {
                        self.kernel.evaluate_and(counter, a, b, table, out);
                    }
                }
                Gate::AndGarbler { a, out, .. } => {
                    let (counter, table) = (self.take_counter(), self.take_blocks(16));
                    if let Some((a, out)) = self.registers.unary(a.register, out) {
                        self.kernel.evaluate_and_known(counter, a, table, out);
                    }
                }
                Gate::Share { a, weight } => {
                    let (counter, sharing) = (self.take_counter(), self.sharing(weight));
                    let rows = &mut self.rows[..lanes];
                    self.kernel.pull(&mut self.reader, rows, weight.bits);
                    let (a, rows) = (self.registers.get(a.register), &self.rows);
                    self.kernel
                        .evaluate_share(counter, a, sharing, self.shares, rows);
                }
                Gate::ShareProduct { a, b, weight } => {
                    let (counter, sharing) = (self.take_counter(), self.sharing(weight));
                    let rows = &mut self.rows[..3 * lanes];
                    self.kernel.pull(&mut self.reader, rows, weight.bits);
                    let [a, b] = [a, b].map(|operand| self.registers.get(operand.register));
                    self.kernel.evaluate_share_product(
                        counter,
                        a,
                        b,
                        sharing,
                        self.shares,
                        &self.rows,
                    );
                }
                Gate::Output { a } => {
                    let mut bits = 0;
                    for (lane, label) in self.registers.get(a.register)[..lanes].iter().enumerate()
                    {
                        bits |= (label.colour() ^ self.reader.pull(1)) << lane;
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

    /// The next gate's counter.
    fn take_counter(&mut self) -> u64 {
        let counter = self.counter;
        self.counter += self.lanes as u64;
        counter
    }

    fn sharing(&self, weight: Weight) -> Sharing {
        let mask = self.share_mask;
        Sharing { weight, mask }
    }
}

impl<'a> Chunk<'a> {
    /// The next `size` bytes an instance of the table.
    fn take_blocks(&mut self, size: usize) -> &'a [u8] {
        let (taken, rest) = self.blocks.split_at(size * self.lanes);
        self.blocks = rest;
        taken
    }
}
