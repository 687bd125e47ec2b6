//! The client's session: it evaluates.

use super::garbler::LabelStream;
use super::nonlinear::{self, NonLinear, Task};
use super::ot_extension::{Choices, OtReceiver};
use super::{Channel, MessageKind, MpcError};
use addax_core::garble::{Block, Circuit, Evaluation, Turn};
use rand_core::CryptoRng;
use std::io::{Read, Write};
use zeroize::Zeroizing;

/// State of the party that evaluates: hash key, gate counter, transfer streams. None of them is ever reset.
///
/// After an error the session is unusable, as the parties may no longer be in step.
pub struct Evaluator {
    pub(super) transfers: OtReceiver,
    pub(super) evaluation: Evaluation,
}

/// What a run yields: shares, one an instance, and revealed bits, a word a (chunk, output). Shares are wiped if the layer
/// breaks off.
pub(super) struct Results {
    pub shares: Zeroizing<Vec<u64>>,
    outputs: Vec<u64>,
}

impl Results {
    pub fn with_capacity(instances: usize) -> Self {
        Self {
            shares: Zeroizing::new(Vec::with_capacity(instances)),
            outputs: Vec::new(),
        }
    }

    /// The number that the revealed bits of one instance are, below `bound`.
    pub fn index(&self, bound: usize) -> usize {
        let bits = self.outputs.iter().enumerate();
        let index = bits.fold(0, |index, (i, bit)| index | (*bit as usize & 1) << i);
        // Only a garbler that deviates can make this differ.
        index.min(bound - 1)
    }
}

impl Evaluator {
    /// Starts a session: runs the base transfers and receives the hash key.
    ///
    /// `session_id` must be the same for both parties and different for every session.
    ///
    /// # Errors
    /// Those of [`OtReceiver::new`].
    pub fn new<S: Read + Write, R: CryptoRng + ?Sized>(
        channel: &mut Channel<S>,
        session_id: [u8; 32],
        rng: &mut R,
    ) -> Result<Self, MpcError> {
        let transfers = OtReceiver::new(channel, &session_id, rng)?;
        let key = channel.receive_array(MessageKind::GarblingKey)?;
        Ok(Self {
            transfers,
            evaluation: Evaluation::new(key),
        })
    }

    /// Runs a layer on this party's shares, instance-major (instances × window numbers modulo 2^k), and returns its
    /// shares of the results, one an instance, modulo 2^k'.
    ///
    /// # Errors
    /// [`MpcError::InvalidLayer`] if the layer is impossible or the number of shares is not a multiple of the window;
    /// errors of the channel.
    pub fn layer<S: Read + Write>(
        &mut self,
        channel: &mut Channel<S>,
        layer: &NonLinear,
        shares: &[u64],
    ) -> Result<Vec<u64>, MpcError> {
        let mut results = self.run(channel, &Task::Layer(*layer), shares)?;
        Ok(std::mem::take(&mut *results.shares))
    }

    /// The index of the largest of the shared signed values of `bits` bits; the lowest index wins a tie.
    ///
    /// # Errors
    /// [`MpcError::InvalidLayer`] if there is no value or `bits` is not 1 to 63; errors of the channel.
    pub fn arg_max<S: Read + Write>(
        &mut self,
        channel: &mut Channel<S>,
        bits: u32,
        shares: &[u64],
    ) -> Result<usize, MpcError> {
        let values = shares.len();
        let results = self.run(channel, &Task::ArgMax { values, bits }, shares)?;
        Ok(results.index(values))
    }

    fn run<S: Read + Write>(
        &mut self,
        channel: &mut Channel<S>,
        task: &Task,
        shares: &[u64],
    ) -> Result<Results, MpcError> {
        let instances = task.instances(shares.len())?;
        task.with_circuit(|circuit| {
            let mut workspace = Zeroizing::new(vec![Block::ZERO; circuit.workspace()]);
            let mut results = Results::with_capacity(instances);
            let mut shares = shares;
            for batch in nonlinear::batches(circuit, instances) {
                let own;
                (own, shares) = shares.split_at(batch * task.window());
                let choices = Choices::of_shares(task, circuit, own);
                let labels = self.transfers.extend(channel, &choices)?;
                let mut stream = LabelStream::new(channel.receive_array(MessageKind::LabelSeed)?);
                let mut labels = labels.as_slice();
                for frame in nonlinear::frames(circuit, batch) {
                    let length = circuit.table_bytes(frame);
                    let table = channel.receive_exact(MessageKind::GarbledTables, length)?;
                    let own;
                    (own, labels) = labels.split_at(frame * circuit.evaluator_inputs());
                    let turn = self.evaluation.take_turn(circuit, frame)?;
                    self.evaluate_frame(
                        circuit,
                        (frame, turn),
                        own,
                        &mut stream,
                        &table,
                        &mut workspace,
                        &mut results,
                    )?;
                }
            }
            Ok(results)
        })
    }

    /// Evaluates the next instances of a circuit on this party's active labels.
    #[allow(clippy::too_many_arguments)]
    pub(super) fn evaluate_frame(
        &mut self,
        circuit: &Circuit<'_>,
        (instances, turn): (usize, Turn),
        labels: &[Block],
        garbler_labels: &mut LabelStream,
        table: &[u8],
        workspace: &mut [Block],
        results: &mut Results,
    ) -> Result<(), MpcError> {
        let mut theirs = vec![Block::ZERO; instances * circuit.garbler_inputs()];
        garbler_labels.fill(&mut theirs);
        let first_share = results.shares.len();
        results.shares.resize(first_share + instances, 0);
        let first_output = results.outputs.len();
        let words = Circuit::input_words(circuit.outputs(), instances);
        results.outputs.resize(first_output + words, 0);
        self.evaluation.evaluate_in_turn(
            turn,
            circuit,
            instances,
            labels,
            &theirs,
            workspace,
            table,
            &mut results.shares[first_share..],
            &mut results.outputs[first_output..],
        )?;
        Ok(())
    }
}
