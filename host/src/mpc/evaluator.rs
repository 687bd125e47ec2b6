//! The client's session: it evaluates.

use super::garbler::{LabelStream, SEED_BYTES};
use super::nonlinear::{self, NonLinear};
use super::ot_extension::{Choices, OtReceiver};
use super::{Channel, MessageKind, MpcError};
use addax_core::garble::{Block, Circuit, Evaluation, LANES};
use rand_core::CryptoRng;
use std::io::{Read, Write};
use zeroize::Zeroizing;

/// State of the party that evaluates: hash key, gate counter, transfer streams. None of them is ever reset.
///
/// After an error the session is unusable, as the parties may no longer be in step.
pub struct Evaluator {
    transfers: OtReceiver,
    evaluation: Evaluation,
}

/// What a run yields: shares, one an instance, and revealed bits, a word a (chunk, output). Shares are wiped if the layer
/// breaks off.
struct Results {
    shares: Zeroizing<Vec<u64>>,
    outputs: Vec<u64>,
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
        layer.with_circuit(|circuit| {
            self.run(channel, circuit, shares, layer.window, layer.input_bits)
                .map(|mut results| std::mem::take(&mut *results.shares))
        })
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
        nonlinear::with_arg_max_circuit(shares.len(), bits, |circuit| {
            let results = self.run(channel, circuit, shares, shares.len(), bits)?;
            let index = results
                .outputs
                .iter()
                .enumerate()
                .fold(0, |index, (i, bit)| index | (*bit as usize & 1) << i);
            // Only a garbler that deviates can make this differ.
            Ok(index.min(shares.len() - 1))
        })
    }

    fn run<S: Read + Write>(
        &mut self,
        channel: &mut Channel<S>,
        circuit: &Circuit<'_>,
        shares: &[u64],
        window: usize,
        bits: u32,
    ) -> Result<Results, MpcError> {
        let instances = nonlinear::instances(shares.len(), window)?;
        let mut workspace = Zeroizing::new(vec![Block::ZERO; circuit.workspace()]);
        let mut results = Results {
            shares: Zeroizing::new(Vec::with_capacity(instances)),
            outputs: Vec::new(),
        };
        // Memory that frames use one after another.
        let (mut table, mut garbler_labels) = (Vec::new(), Vec::new());
        let own_inputs = circuit.evaluator_inputs();
        for batch in nonlinear::batches(circuit, instances) {
            let first = results.shares.len();
            let shares = &shares[first * window..][..batch * window];
            let mut choices = Choices::with_capacity(batch * own_inputs);
            let words = nonlinear::input_words(shares, window, bits, 0);
            for (chunk, words) in words.chunks(own_inputs).enumerate() {
                let lanes = LANES.min(batch - chunk * LANES);
                words.iter().for_each(|&word| choices.push(word, lanes));
            }
            let labels = self.transfers.extend(channel, &choices)?;
            let mut stream =
                LabelStream::new(channel.receive_array::<SEED_BYTES>(MessageKind::LabelSeed)?);

            let mut active_labels = labels.as_slice();
            for frame in nonlinear::frames(circuit, batch) {
                let length = circuit.table_bytes(frame);
                channel.receive_exact_into(MessageKind::GarbledTables, length, &mut table)?;
                garbler_labels.resize(frame * circuit.garbler_inputs(), Block::ZERO);
                stream.fill(&mut garbler_labels);
                let own_labels;
                (own_labels, active_labels) = active_labels.split_at(frame * own_inputs);
                let first_share = results.shares.len();
                results.shares.resize(first_share + frame, 0);
                let first_output = results.outputs.len();
                let words = Circuit::input_words(circuit.outputs(), frame);
                results.outputs.resize(first_output + words, 0);
                self.evaluation.evaluate(
                    circuit,
                    frame,
                    own_labels,
                    &garbler_labels,
                    &mut workspace,
                    &table,
                    &mut results.shares[first_share..],
                    &mut results.outputs[first_output..],
                )?;
            }
        }
        Ok(results)
    }
}
