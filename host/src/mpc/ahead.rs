//! Garbling ahead of the input.
//!
//! Tables are nearly all bytes of a non-linear layer, and no table depends on the evaluator's input. So everything but a
//! label for each of its input bits can be done before the input is known:
//!
//! 1. *Ahead*: the evaluator draws random choice bits r. Correlated transfers give it t = q ⊕ r·Δ and the garbler q. The
//!    garbler draws fresh labels L of "false", garbles, sends the tables, and keeps the pads L ⊕ q.
//! 2. With the input x, the evaluator sends the corrections d = x ⊕ r, a bit each, which are uniform because r is. The
//!    garbler answers with m = (L ⊕ q) ⊕ d·Δ, 16 bytes each, and m ⊕ t = L ⊕ (r ⊕ d)·Δ = L ⊕ x·Δ is the active label.
//!
//! The evaluator sees m only as a function of t and of its label, and so nothing that it does not see in the one-shot
//! run. (That the labels L are fresh and not the q themselves is what hides Δ: with L = q, a correction of 1 would have
//! to be answered by t ⊕ Δ, which together with t gives Δ away.) This is the derandomisation of Beaver (CRYPTO 1995)
//! for labels.
//!
//! The garbler's shares must be known ahead: they are its own masks, which it draws itself.
//!
//! **One time.** Two inputs with one table would show both labels of a wire, and with them Δ. Both halves of a preparation
//! are consumed by use, and cannot be copied:
//!
//! ```compile_fail
//! # use addax::mpc::{Garbler, Channel, GarbledAhead, MpcError};
//! # fn twice<S: std::io::Read + std::io::Write>(
//! #     garbler: &mut Garbler, channel: &mut Channel<S>, ahead: GarbledAhead
//! # ) -> Result<(), MpcError> {
//! garbler.correct(channel, ahead)?;
//! garbler.correct(channel, ahead)?; // use of moved value
//! # Ok(())
//! # }
//! ```

use super::evaluator::{Evaluator, Job, Results, evaluate};
use super::garbler::{Garbler, LabelStream, SEED_BYTES};
use super::nonlinear::{self, Task};
use super::ot_extension::Choices;
use super::{Channel, HEADER_BYTES, MessageKind, MpcError};
use addax_core::garble::{Block, Circuit, Turn};
use rand_core::CryptoRng;
use std::io::{Read, Write};
use zeroize::Zeroizing;

/// What the garbler keeps of tables that it garbled ahead.
pub struct GarbledAhead {
    task: Task,
    instances: usize,
    /// L ⊕ q for each input bit of the evaluator, in the order of its labels.
    pads: Zeroizing<Vec<Block>>,
    shares: Zeroizing<Vec<u64>>,
}

impl GarbledAhead {
    /// The garbler's shares of the results, which do not depend on the evaluator's input.
    #[must_use]
    pub fn shares(&self) -> &[u64] {
        &self.shares
    }

    /// Bytes of memory that it takes.
    #[must_use]
    pub fn memory(&self) -> usize {
        size_of_val(&self.pads[..]) + size_of_val(&self.shares[..])
    }
}

/// What the evaluator keeps of tables that came ahead.
pub struct TablesAhead {
    task: Task,
    instances: usize,
    batches: Vec<Batch>,
}

/// The instances of one round trip.
struct Batch {
    instances: usize,
    choices: Choices,
    /// t for each choice.
    transferred: Zeroizing<Vec<Block>>,
    seed: [u8; SEED_BYTES],
    frames: Vec<Frame>,
}

/// The instances whose tables came in one message.
struct Frame {
    instances: usize,
    turn: Turn,
    table: Vec<u8>,
}

impl TablesAhead {
    /// Bytes of memory that they take.
    #[must_use]
    pub fn memory(&self) -> usize {
        let batches = self.batches.iter().map(|batch| {
            let tables: usize = batch.frames.iter().map(|frame| frame.table.len()).sum();
            tables + size_of_val(&batch.transferred[..])
        });
        batches.sum()
    }
}

/// Bytes after the input is known, for `instances` instances, headers included: (evaluator to garbler, garbler to
/// evaluator).
pub(super) fn online_bytes(circuit: &Circuit<'_>, instances: usize) -> (usize, usize) {
    let inputs = circuit.evaluator_inputs();
    let mut total = (0, 0);
    for batch in nonlinear::batches(circuit, instances) {
        total.0 += HEADER_BYTES + (batch * inputs).div_ceil(8);
        for frame in nonlinear::frames(circuit, batch) {
            total.1 += HEADER_BYTES + frame * inputs * size_of::<Block>();
        }
    }
    total
}

impl Garbler {
    /// Garbles a task on this party's shares, instance-major, before the evaluator has its own. The peer must run
    /// [`Evaluator::receive_ahead`] with the same task.
    ///
    /// # Errors
    /// As [`Garbler::layer`].
    pub fn garble_ahead<S: Read + Write, R: CryptoRng + ?Sized>(
        &mut self,
        channel: &mut Channel<S>,
        task: Task,
        shares: &[u64],
        rng: &mut R,
    ) -> Result<GarbledAhead, MpcError> {
        let instances = task.instances(shares.len())?;
        task.with_circuit(|circuit| {
            // Exactly enough: growing would leave a copy behind.
            let bits = instances * circuit.evaluator_inputs();
            let mut pads = Zeroizing::new(Vec::with_capacity(bits));
            let shares = self.run(channel, circuit, (&task, shares), rng, Some(&mut pads))?;
            Ok(GarbledAhead {
                task,
                instances,
                pads,
                shares: shares.into(),
            })
        })
    }

    /// Gives the evaluator the labels of its input to tables that were garbled ahead, and returns this party's shares of
    /// the results. The peer must run [`Evaluator::evaluate_ahead`].
    ///
    /// # Errors
    /// Those of the channel. The preparation is used up in any case.
    pub fn correct<S: Read + Write>(
        &mut self,
        channel: &mut Channel<S>,
        mut ahead: GarbledAhead,
    ) -> Result<Vec<u64>, MpcError> {
        let task = ahead.task;
        task.with_circuit(|circuit| {
            let inputs = circuit.evaluator_inputs();
            let mut pads = &ahead.pads[..];
            let mut message = Vec::new();
            for batch in nonlinear::batches(circuit, ahead.instances) {
                let length = (batch * inputs).div_ceil(8);
                let corrections = channel.receive_exact(MessageKind::Corrections, length)?;
                let bits = (0..batch * inputs).map(|i| corrections[i / 8] >> (i % 8) & 1);
                let mut bits = bits.map(u64::from);
                for frame in nonlinear::frames(circuit, batch) {
                    let own;
                    (own, pads) = pads.split_at(frame * inputs);
                    message.clear();
                    for (pad, bit) in own.iter().zip(&mut bits) {
                        let label = *pad ^ self.delta().select(bit);
                        message.extend_from_slice(&label.to_bytes());
                    }
                    channel.send(MessageKind::InputLabels, &message)?;
                    // The evaluator works on this frame while the next one is made.
                    channel.flush()?;
                }
            }
            Ok(())
        })?;
        Ok(std::mem::take(&mut *ahead.shares))
    }
}

impl Evaluator {
    /// Receives the tables of a task for `instances` instances, before this party has its shares. The peer must run
    /// [`Garbler::garble_ahead`] with the same task. `rng` draws the choices.
    ///
    /// # Errors
    /// As [`Evaluator::layer`].
    pub fn receive_ahead<S: Read + Write, R: CryptoRng + ?Sized>(
        &mut self,
        channel: &mut Channel<S>,
        task: Task,
        instances: usize,
        rng: &mut R,
    ) -> Result<TablesAhead, MpcError> {
        task.with_circuit(|circuit| {
            let mut batches = Vec::new();
            for batch in nonlinear::batches(circuit, instances) {
                let choices = Choices::random(batch * circuit.evaluator_inputs(), rng);
                let transferred = self.transfers.extend(channel, &choices)?;
                let seed = channel.receive_array(MessageKind::LabelSeed)?;
                let frames = nonlinear::frames(circuit, batch)
                    .map(|instances| {
                        let length = circuit.table_bytes(instances);
                        Ok(Frame {
                            instances,
                            turn: self.evaluation.take_turn(circuit, instances)?,
                            table: channel.receive_exact(MessageKind::GarbledTables, length)?,
                        })
                    })
                    .collect::<Result<_, MpcError>>()?;
                batches.push(Batch {
                    instances: batch,
                    choices,
                    transferred,
                    seed,
                    frames,
                });
            }
            Ok(TablesAhead {
                task,
                instances,
                batches,
            })
        })
    }

    /// Evaluates tables that came ahead on this party's shares, instance-major, and returns its shares of the results. The
    /// peer must run [`Garbler::correct`].
    ///
    /// # Errors
    /// [`MpcError::InvalidLayer`] if the tables are for another number of shares, or reveal an index and no shares;
    /// errors of the channel. The tables are used up in any case.
    pub fn evaluate_ahead<S: Read + Write>(
        &mut self,
        channel: &mut Channel<S>,
        ahead: TablesAhead,
        shares: &[u64],
    ) -> Result<Vec<u64>, MpcError> {
        let mut results = self.run_ahead(channel, ahead, shares)?;
        Ok(std::mem::take(&mut *results.shares))
    }

    /// The same for [`Task::ArgMax`]: the index of the largest value.
    ///
    /// # Errors
    /// As [`Evaluator::evaluate_ahead`].
    pub fn arg_max_ahead<S: Read + Write>(
        &mut self,
        channel: &mut Channel<S>,
        ahead: TablesAhead,
        shares: &[u64],
    ) -> Result<usize, MpcError> {
        let results = self.run_ahead(channel, ahead, shares)?;
        Ok(results.index(shares.len()))
    }

    fn run_ahead<S: Read + Write>(
        &mut self,
        channel: &mut Channel<S>,
        ahead: TablesAhead,
        shares: &[u64],
    ) -> Result<Results, MpcError> {
        let TablesAhead {
            task,
            instances,
            batches,
        } = ahead;
        if task.instances(shares.len())? != instances {
            return Err(MpcError::InvalidLayer(format!(
                "{} shares for tables of {instances} instances of {}",
                shares.len(),
                task.window()
            )));
        }
        task.with_circuit(|circuit| {
            let mut results = Results::with_capacity(instances);
            let mut desks = self.desks(circuit);
            let mut messages = vec![Zeroizing::new(Vec::new()); desks.len()];
            let mut shares = shares;
            for batch in batches {
                let own;
                (own, shares) = shares.split_at(batch.instances * task.window());
                let input = Choices::of_shares(&task, circuit, own);
                channel.send(MessageKind::Corrections, &input.difference(&batch.choices))?;
                channel.flush()?;
                let stream = LabelStream::new(batch.seed);
                let mut transferred = &batch.transferred[..];
                let mut frames = batch.frames.into_iter().peekable();
                while frames.peek().is_some() {
                    let group: Vec<Frame> = frames.by_ref().take(desks.len()).collect();
                    let mut tables = Vec::with_capacity(group.len());
                    let mut jobs = Vec::with_capacity(group.len());
                    for (frame, labels) in group.into_iter().zip(&mut messages) {
                        let inputs = frame.instances * circuit.evaluator_inputs();
                        let own;
                        (own, transferred) = transferred.split_at(inputs);
                        receive_labels(channel, own, labels)?;
                        tables.push(frame.table);
                        jobs.push((frame.instances, frame.turn, &labels[..]));
                    }
                    let jobs = jobs.into_iter().zip(&tables);
                    let jobs = jobs.map(|((instances, turn, labels), table)| Job {
                        instances,
                        turn,
                        labels,
                        stream: stream.part(instances * circuit.garbler_inputs()),
                        table,
                    });
                    evaluate(circuit, jobs.collect(), &mut desks, &mut results)?;
                }
            }
            Ok(results)
        })
    }
}

/// Receives the masked labels of a frame and takes the mask off.
fn receive_labels<S: Read + Write>(
    channel: &mut Channel<S>,
    transferred: &[Block],
    labels: &mut Vec<Block>,
) -> Result<(), MpcError> {
    let length = size_of_val(transferred);
    let message = channel.receive_exact(MessageKind::InputLabels, length)?;
    let blocks = message.as_chunks().0.iter().copied().map(Block::from_bytes);
    labels.clear();
    labels.extend(blocks.zip(transferred).map(|(masked, &mask)| masked ^ mask));
    Ok(())
}
