//! The server's session: it garbles.

use super::nonlinear::{self, NonLinear, Task};
use super::ot_extension::OtSender;
use super::{Channel, MessageKind, MpcError};
use addax_core::garble::{
    Block, Circuit, Delta, Garbling, GarblingInputs, GarblingWorker, Prg, Turn,
};
use rand_core::CryptoRng;
use rayon::prelude::*;
use std::cell::Cell;
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
    /// Labels read so far. A cell, for pieces are read by several threads while the next one is handed out.
    position: Cell<u64>,
}

impl LabelStream {
    pub fn new(seed: [u8; SEED_BYTES]) -> Self {
        Self {
            stream: Prg::new(seed),
            position: Cell::new(0),
        }
    }

    /// The next `count` labels, to be made later.
    pub fn part(&self, count: usize) -> LabelPart<'_> {
        let position = self.position.get();
        self.position.set(position + count as u64);
        let stream = &self.stream;
        LabelPart {
            stream,
            position,
            count,
        }
    }
}

/// A piece of a [`LabelStream`].
pub(super) struct LabelPart<'a> {
    stream: &'a Prg,
    position: u64,
    count: usize,
}

impl LabelPart<'_> {
    /// The labels, in memory that may have been used before.
    pub fn read(self, labels: &mut Vec<Block>) {
        labels.resize(self.count, Block::ZERO);
        self.stream.fill(self.position, labels);
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
        let instances = task.instances(shares.len())?;
        // Wiped if the layer breaks off.
        let mut results = Zeroizing::new(vec![0; instances]);
        let mut desks: Vec<Desk> = (0..rayon::current_num_threads())
            .map(|_| Desk::new(self.garbling.worker(), circuit))
            .collect();
        let (mut shares, mut left) = (shares, &mut results[..]);
        for batch in nonlinear::batches(circuit, instances) {
            let evaluator_inputs = circuit.evaluator_inputs();
            let mut labels = self.transfers.extend(channel, batch * evaluator_inputs)?;
            if let Some(pads) = &mut pads {
                let mut seed = Zeroizing::new([0; SEED_BYTES]);
                rng.fill_bytes(&mut *seed);
                let mut fresh = Zeroizing::new(Vec::with_capacity(labels.len()));
                LabelStream::new(*seed).part(labels.len()).read(&mut fresh);
                let differences = fresh.iter().zip(labels.iter());
                pads.extend(differences.map(|(&label, &transferred)| label ^ transferred));
                labels = fresh;
            }
            let mut seed = [0; SEED_BYTES];
            rng.fill_bytes(&mut seed);
            channel.send(MessageKind::LabelSeed, &seed)?;
            let stream = LabelStream::new(seed);

            let mut zero_labels = labels.as_slice();
            let frames: Vec<usize> = nonlinear::frames(circuit, batch).collect();
            for group in frames.chunks(desks.len()) {
                let mut jobs = Vec::with_capacity(group.len());
                for (&instances, desk) in group.iter().zip(&mut desks) {
                    let own;
                    (own, shares) = shares.split_at(instances * task.window());
                    let labels;
                    (labels, zero_labels) = zero_labels.split_at(instances * evaluator_inputs);
                    jobs.push(Job {
                        desk,
                        instances,
                        turn: self.garbling.take_turn(circuit, instances)?,
                        task,
                        shares: own,
                        labels,
                        stream: stream.part(instances * circuit.garbler_inputs()),
                        results: left.split_off_mut(..instances).unwrap_or_default(),
                    });
                }
                let lengths: Vec<usize> = group.iter().map(|&n| circuit.table_bytes(n)).collect();
                channel.send_filled(MessageKind::GarbledTables, &lengths, |tables| {
                    let work = |(job, table): (Job<'_>, &mut [u8])| job.garble(circuit, table);
                    let mut pairs = jobs.into_iter().zip(tables);
                    match lengths.len() {
                        // Not worth waking another thread for.
                        1 => pairs.try_for_each(work),
                        _ => pairs.collect::<Vec<_>>().into_par_iter().try_for_each(work),
                    }
                })?;
                // The evaluator works on these frames while the next ones are garbled.
                channel.flush()?;
            }
        }
        Ok(std::mem::take(&mut *results))
    }
}

/// A thread's memory, which frames use one after another.
struct Desk {
    worker: GarblingWorker,
    workspace: Zeroizing<Vec<Block>>,
    active: Vec<Block>,
}

impl Desk {
    fn new(worker: GarblingWorker, circuit: &Circuit<'_>) -> Self {
        Self {
            worker,
            workspace: Zeroizing::new(vec![Block::ZERO; circuit.workspace()]),
            active: Vec::new(),
        }
    }
}

/// A frame to be garbled.
struct Job<'a> {
    desk: &'a mut Desk,
    instances: usize,
    turn: Turn,
    task: &'a Task,
    shares: &'a [u64],
    labels: &'a [Block],
    stream: LabelPart<'a>,
    results: &'a mut [u64],
}

impl Job<'_> {
    fn garble(self, circuit: &Circuit<'_>, table: &mut [u8]) -> Result<(), MpcError> {
        let (task, desk) = (self.task, self.desk);
        let words = nonlinear::input_words(self.shares, task.window(), task.bits(), task.offset());
        self.stream.read(&mut desk.active);
        let inputs = GarblingInputs {
            evaluator_zero_labels: self.labels,
            garbler_active_labels: &desk.active,
            garbler_bits: &words,
        };
        let workspace = &mut desk.workspace;
        desk.worker.garble(
            self.turn,
            circuit,
            self.instances,
            inputs,
            workspace,
            table,
            self.results,
        )?;
        Ok(())
    }
}
