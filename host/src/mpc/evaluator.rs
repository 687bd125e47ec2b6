//! The client's session: it evaluates.

use super::garbler::{LabelPart, LabelStream};
use super::nonlinear::{self, NonLinear, Task};
use super::ot_extension::{Choices, OtReceiver};
use super::{Channel, MessageKind, MpcError};
use addax_core::garble::{Block, Circuit, Evaluation, EvaluationWorker, Turn};
use rand_core::CryptoRng;
use rayon::prelude::*;
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
            let mut results = Results::with_capacity(instances);
            let mut desks = self.desks(circuit);
            let mut tables = vec![Vec::new(); desks.len()];
            let mut shares = shares;
            for batch in nonlinear::batches(circuit, instances) {
                let own;
                (own, shares) = shares.split_at(batch * task.window());
                let choices = Choices::of_shares(task, circuit, own);
                let labels = self.transfers.extend(channel, &choices)?;
                let stream = LabelStream::new(channel.receive_array(MessageKind::LabelSeed)?);
                let mut labels = labels.as_slice();
                let frames: Vec<usize> = nonlinear::frames(circuit, batch).collect();
                for group in frames.chunks(desks.len()) {
                    let mut jobs = Vec::with_capacity(group.len());
                    for (&instances, table) in group.iter().zip(&mut tables) {
                        let length = circuit.table_bytes(instances);
                        channel.receive_exact_into(MessageKind::GarbledTables, length, table)?;
                        let own;
                        (own, labels) = labels.split_at(instances * circuit.evaluator_inputs());
                        jobs.push(Job {
                            instances,
                            turn: self.evaluation.take_turn(circuit, instances)?,
                            labels: own,
                            stream: stream.part(instances * circuit.garbler_inputs()),
                            table,
                        });
                    }
                    evaluate(circuit, jobs, &mut desks, &mut results)?;
                }
            }
            Ok(results)
        })
    }

    /// A desk for every thread.
    pub(super) fn desks(&self, circuit: &Circuit<'_>) -> Vec<Desk> {
        let desk = |_| Desk {
            worker: self.evaluation.worker(),
            workspace: Zeroizing::new(vec![Block::ZERO; circuit.workspace()]),
            theirs: Vec::new(),
        };
        (0..rayon::current_num_threads()).map(desk).collect()
    }
}

/// A thread's memory, which frames use one after another.
pub(super) struct Desk {
    worker: EvaluationWorker,
    workspace: Zeroizing<Vec<Block>>,
    theirs: Vec<Block>,
}

/// A frame to be evaluated.
pub(super) struct Job<'a> {
    pub instances: usize,
    pub turn: Turn,
    /// This party's active labels.
    pub labels: &'a [Block],
    /// The garbler's.
    pub stream: LabelPart<'a>,
    pub table: &'a [u8],
}

/// Evaluates at most as many frames as there are desks, and appends what they yield.
pub(super) fn evaluate(
    circuit: &Circuit<'_>,
    jobs: Vec<Job<'_>>,
    desks: &mut [Desk],
    results: &mut Results,
) -> Result<(), MpcError> {
    let first_share = results.shares.len();
    let instances = jobs.iter().map(|job| job.instances);
    results
        .shares
        .resize(first_share + instances.sum::<usize>(), 0);
    let words = |job: &Job<'_>| Circuit::input_words(circuit.outputs(), job.instances);
    let first_output = results.outputs.len();
    let revealed = jobs.iter().map(words).sum::<usize>();
    results.outputs.resize(first_output + revealed, 0);
    let mut shares = &mut results.shares[first_share..];
    let mut outputs = &mut results.outputs[first_output..];
    let work: Vec<_> = jobs
        .into_iter()
        .zip(desks)
        .map(|(job, desk)| {
            let shares = shares.split_off_mut(..job.instances).unwrap_or_default();
            let outputs = outputs.split_off_mut(..words(&job)).unwrap_or_default();
            (job, desk, shares, outputs)
        })
        .collect();
    let evaluate = |(job, desk, shares, outputs): (Job<'_>, &mut Desk, &mut [u64], &mut [u64])| {
        job.stream.read(&mut desk.theirs);
        desk.worker.evaluate(
            job.turn,
            circuit,
            job.instances,
            job.labels,
            &desk.theirs,
            &mut desk.workspace,
            job.table,
            shares,
            outputs,
        )
    };
    match work.len() {
        // Not worth waking another thread for.
        1 => work.into_iter().try_for_each(evaluate)?,
        _ => work.into_par_iter().try_for_each(evaluate)?,
    }
    Ok(())
}
