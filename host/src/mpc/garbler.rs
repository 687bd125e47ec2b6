//! The server's session: it garbles.

use super::nonlinear::{self, NonLinear, Task};
use super::ot_extension::OtSender;
use super::{Channel, MessageKind, MpcError};
use addax_core::garble::{Block, Circuit, Delta, Garbling, GarblingInputs, LANES};
use aes::Aes128Enc;
use aes::cipher::{BlockCipherEncrypt, KeyInit};
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
    cipher: Aes128Enc,
    position: u64,
}

impl LabelStream {
    pub fn new(seed: [u8; SEED_BYTES]) -> Self {
        Self {
            cipher: Aes128Enc::new(&seed.into()),
            position: 0,
        }
    }

    /// The next labels.
    pub fn fill(&mut self, labels: &mut [Block]) {
        let mut buffer = [aes::Block::default(); LANES];
        for labels in labels.chunks_mut(LANES) {
            let buffer = &mut buffer[..labels.len()];
            for block in buffer.iter_mut() {
                block.0 = u128::from(self.position).to_le_bytes();
                self.position += 1;
            }
            self.cipher.encrypt_blocks(buffer);
            for (label, block) in labels.iter_mut().zip(buffer.iter()) {
                *label = Block::from_bytes(block.0);
            }
        }
    }
}

/// State of the party that garbles: Δ, hash key, gate counter, transfer streams. None of them is ever reset.
///
/// After an error the session is unusable, as the parties may no longer be in step.
pub struct Garbler {
    transfers: OtSender,
    garbling: Garbling,
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
        let task = Task::Layer(*layer);
        task.with_circuit(|circuit| self.run(channel, circuit, (&task, shares), rng, None))
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
        let values = shares.len();
        let task = Task::ArgMax { values, bits };
        task.with_circuit(|circuit| self.run(channel, circuit, (&task, shares), rng, None))?;
        channel.flush()
    }

    /// The session's offset Δ.
    pub(super) const fn delta(&self) -> Block {
        self.transfers.delta()
    }

    /// Garbles and sends. The evaluator's labels of "false" are what the transfers gave this party; or, if it garbles
    /// ahead, fresh ones, and `pads` gets what these differ by.
    pub(super) fn run<S: Read + Write, R: CryptoRng + ?Sized>(
        &mut self,
        channel: &mut Channel<S>,
        circuit: &Circuit<'_>,
        (task, shares): (&Task, &[u64]),
        rng: &mut R,
        mut pads: Option<&mut Zeroizing<Vec<Block>>>,
    ) -> Result<Vec<u64>, MpcError> {
        let window = task.window();
        let instances = task.instances(shares.len())?;
        let mut workspace = Zeroizing::new(vec![Block::ZERO; circuit.workspace()]);
        // Wiped if the layer breaks off.
        let mut results = Zeroizing::new(Vec::with_capacity(instances));
        for batch in nonlinear::batches(circuit, instances) {
            let (evaluator_inputs, own_inputs) =
                (circuit.evaluator_inputs(), circuit.garbler_inputs());
            let mut labels = self.transfers.extend(channel, batch * evaluator_inputs)?;
            if let Some(pads) = &mut pads {
                let mut seed = Zeroizing::new([0; SEED_BYTES]);
                rng.fill_bytes(&mut *seed);
                let mut fresh = Zeroizing::new(vec![Block::ZERO; labels.len()]);
                LabelStream::new(*seed).fill(&mut fresh);
                let differences = fresh.iter().zip(labels.iter());
                pads.extend(differences.map(|(&label, &transferred)| label ^ transferred));
                labels = fresh;
            }
            let mut seed = [0; SEED_BYTES];
            rng.fill_bytes(&mut seed);
            channel.send(MessageKind::LabelSeed, &seed)?;
            let mut stream = LabelStream::new(seed);

            let mut zero_labels = labels.as_slice();
            for frame in nonlinear::frames(circuit, batch) {
                let first = results.len();
                let shares = &shares[first * window..][..frame * window];
                let bits = nonlinear::input_words(shares, window, task.bits(), task.offset());
                let mut active = vec![Block::ZERO; frame * own_inputs];
                stream.fill(&mut active);
                let evaluator_zero_labels;
                (evaluator_zero_labels, zero_labels) =
                    zero_labels.split_at(frame * evaluator_inputs);
                let mut table = vec![0; circuit.table_bytes(frame)];
                results.resize(first + frame, 0);
                self.garbling.garble(
                    circuit,
                    frame,
                    GarblingInputs {
                        evaluator_zero_labels,
                        garbler_active_labels: &active,
                        garbler_bits: &bits,
                    },
                    &mut workspace,
                    &mut table,
                    &mut results[first..],
                )?;
                channel.send(MessageKind::GarbledTables, &table)?;
                // The evaluator works on this frame while the next one is garbled.
                channel.flush()?;
            }
        }
        Ok(std::mem::take(&mut *results))
    }
}
