//! The server's session: it garbles.

use super::nonlinear::{self, NonLinear};
use super::ot_extension::OtSender;
use super::{Channel, MessageKind, MpcError};
use addax_core::garble::{Block, Circuit, Delta, Garbling, GarblingInputs, Prg};
use rand_core::CryptoRng;
use std::io::{Read, Write};
use zeroize::Zeroizing;

/// Bytes of the hash key and of the seed of the garbler's labels.
pub(super) const SEED_BYTES: usize = 16;

/// The labels of the garbler's inputs that the evaluator uses: AES-128 in counter mode under a fresh seed.
///
/// They are the same whatever the inputs are (what differs is which bit they stand for, and only the garbler
/// knows that), so that sending the seed tells nothing and costs 16 bytes.
pub(super) struct LabelStream {
    stream: Prg,
    position: u64,
}

impl LabelStream {
    pub fn new(seed: [u8; SEED_BYTES]) -> Self {
        Self {
            stream: Prg::new(seed),
            position: 0,
        }
    }

    /// The next labels.
    pub fn fill(&mut self, labels: &mut [Block]) {
        self.stream.fill(self.position, labels);
        self.position += labels.len() as u64;
    }
}

/// State of the party that garbles: Δ, hash key, gate counter, transfer streams. None of them is ever reset.
///
/// After an error the session is unusable, as the parties may no longer be in step.
pub struct Garbler {
    transfers: OtSender,
    garbling: Garbling,
}

/// What the shares of a run look like.
struct Inputs<'a> {
    shares: &'a [u64],
    window: usize,
    bits: u32,
    offset: u64,
}

impl Garbler {
    /// Starts a session: draws Δ and the hash key and runs the base transfers.
    ///
    /// `session_id` must be the same for both parties and different for every session.
    ///
    /// # Errors
    /// Those of [`OtSender::new`].
    pub fn new<S: Read + Write, R: CryptoRng + ?Sized>(
        channel: &mut Channel<S>,
        session_id: [u8; 32],
        rng: &mut R,
    ) -> Result<Self, MpcError> {
        let delta = Delta::random(rng);
        let transfers = OtSender::new(channel, &session_id, delta.clone(), rng)?;
        let mut key = [0; SEED_BYTES];
        rng.fill_bytes(&mut key);
        channel.send(MessageKind::GarblingKey, &key)?;
        channel.flush()?;
        Ok(Self {
            transfers,
            garbling: Garbling::new(key, delta),
        })
    }

    /// Runs a layer on this party's shares, instance-major (instances × window numbers modulo 2^k), and returns its
    /// shares of the results, one an instance, modulo 2^k'. They are uniform, and minus what masks the evaluator's.
    ///
    /// # Errors
    /// [`MpcError::InvalidLayer`] if the layer is impossible or the number of shares is not a multiple of the window;
    /// errors of the channel.
    pub fn layer<S: Read + Write, R: CryptoRng + ?Sized>(
        &mut self,
        channel: &mut Channel<S>,
        layer: &NonLinear,
        shares: &[u64],
        rng: &mut R,
    ) -> Result<Vec<u64>, MpcError> {
        layer.with_circuit(|circuit| {
            let inputs = Inputs {
                shares,
                window: layer.window,
                bits: layer.input_bits,
                offset: layer.rounding_offset(),
            };
            self.run(channel, circuit, &inputs, rng)
        })
    }

    /// Lets the evaluator learn the index of the largest of the shared signed values of `bits` bits, and nothing else;
    /// the lowest index wins a tie. This party learns nothing.
    ///
    /// # Errors
    /// [`MpcError::InvalidLayer`] if there is no value or `bits` is not 1 to 63; errors of the channel.
    pub fn arg_max<S: Read + Write, R: CryptoRng + ?Sized>(
        &mut self,
        channel: &mut Channel<S>,
        bits: u32,
        shares: &[u64],
        rng: &mut R,
    ) -> Result<(), MpcError> {
        nonlinear::with_arg_max_circuit(shares.len(), bits, |circuit| {
            let inputs = Inputs {
                shares,
                window: shares.len(),
                bits,
                offset: 0,
            };
            self.run(channel, circuit, &inputs, rng).map(drop)
        })?;
        channel.flush()
    }

    fn run<S: Read + Write, R: CryptoRng + ?Sized>(
        &mut self,
        channel: &mut Channel<S>,
        circuit: &Circuit<'_>,
        inputs: &Inputs<'_>,
        rng: &mut R,
    ) -> Result<Vec<u64>, MpcError> {
        let window = inputs.window;
        let instances = nonlinear::instances(inputs.shares.len(), window)?;
        let mut workspace = Zeroizing::new(vec![Block::ZERO; circuit.workspace()]);
        // Memory that frames use one after another.
        let mut active = Vec::new();
        // Wiped if the layer breaks off.
        let mut results = Zeroizing::new(Vec::with_capacity(instances));
        for batch in nonlinear::batches(circuit, instances) {
            let (evaluator_inputs, own_inputs) =
                (circuit.evaluator_inputs(), circuit.garbler_inputs());
            let labels = self.transfers.extend(channel, batch * evaluator_inputs)?;
            let mut seed = [0; SEED_BYTES];
            rng.fill_bytes(&mut seed);
            channel.send(MessageKind::LabelSeed, &seed)?;
            let mut stream = LabelStream::new(seed);

            let mut zero_labels = labels.as_slice();
            for frame in nonlinear::frames(circuit, batch) {
                let first = results.len();
                let shares = &inputs.shares[first * window..][..frame * window];
                let bits = nonlinear::input_words(shares, window, inputs.bits, inputs.offset);
                active.resize(frame * own_inputs, Block::ZERO);
                stream.fill(&mut active);
                let evaluator_zero_labels;
                (evaluator_zero_labels, zero_labels) =
                    zero_labels.split_at(frame * evaluator_inputs);
                results.resize(first + frame, 0);
                let (garbling, workspace) = (&mut self.garbling, &mut workspace);
                let results = &mut results[first..];
                let inputs = GarblingInputs {
                    evaluator_zero_labels,
                    garbler_active_labels: &active,
                    garbler_bits: &bits,
                };
                let length = circuit.table_bytes(frame);
                channel.send_filled(MessageKind::GarbledTables, length, |table| {
                    garbling.garble(circuit, frame, inputs, workspace, table, results)?;
                    Ok(())
                })?;
                // The evaluator works on this frame while the next one is garbled.
                channel.flush()?;
            }
        }
        Ok(std::mem::take(&mut *results))
    }
}
