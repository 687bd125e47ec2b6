//! One run of a program: the driver walks the program beside the machine, so that it knows whose words the machine asks
//! for and whose words come out.
//!
//! Words are fetched from the source when the machine asks for them and not before: a fault in an instruction must not
//! cost the words of a later one. The words of a store go to the sink in one piece; the last of them is shown at the
//! port, and taken only when the sink has taken all of them, so that a sink that refuses ends the program at its store.

use addax_core::isa::{Instruction, Program, Sequencer, Step, cycles};
use addax_core::machine::{Fault, MachineError, Report, Sink, Source};
use addax_core::modulus::WORD_BITS;
use addax_hdl::ports::status;
use zeroize::Zeroizing;

use super::faults::{self, device};
use super::operand::Operand;
use crate::circuit::{Batch, Circuit, Command, Stop, state};

/// Cycles that a machine may take beyond those of the model before it is given up: it must be wrong by then.
const PATIENCE: u64 = 1_000;

/// Cycles in which a word that was stored must show itself.
const OUTPUT_CYCLES: u64 = 64;

/// The state of a run.
pub struct Run<'p, 's, C> {
    circuit: &'s mut C,
    moduli: &'s [u64],
    source: &'s mut dyn Source,
    sink: &'s mut dyn Sink,
    /// The instructions that read the input stream and have not begun to.
    readers: Sequencer<'p>,
    /// The stores whose words are not complete.
    stores: Sequencer<'p>,
    operand: Option<Operand>,
    polynomial: Zeroizing<Vec<u64>>,
    /// Whether the sink has the last word of a store already, and the machine shows it still.
    shown: bool,
    /// Whether the sink has refused a polynomial.
    refused: bool,
    cycles_left: u64,
    /// Words that the machine has taken.
    words_in: u64,
    /// Words of complete stores.
    words_out: u64,
    /// Cycles in which the machine said that it was running.
    observed: i64,
}

/// Why a run stopped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pause {
    /// The program has ended.
    Ended,
    /// An instruction has retired.
    Retired,
}

impl<'p, 's, C: Circuit> Run<'p, 's, C> {
    /// Starts the program, which is in the machine already. `overhead` is how many cycles a machine is seen running that
    /// it does not count, in every program.
    pub fn start(
        circuit: &'s mut C,
        moduli: &'s [u64],
        program: &'p Program,
        source: &'s mut dyn Source,
        sink: &'s mut dyn Sink,
        overhead: i64,
    ) -> Result<Self, MachineError> {
        circuit.command(&[Command::START]).map_err(device)?;
        let shape = circuit.shape();
        Ok(Self {
            cycles_left: cycles(program, &shape.geometry()) + PATIENCE,
            polynomial: Zeroizing::new(Vec::with_capacity(shape.n())),
            circuit,
            moduli,
            source,
            sink,
            readers: Sequencer::new(program),
            stores: Sequencer::new(program),
            operand: None,
            shown: false,
            refused: false,
            words_in: 0,
            words_out: 0,
            observed: -overhead,
        })
    }

    /// The circuit, while it stands still.
    pub const fn circuit(&mut self) -> &mut C {
        self.circuit
    }

    /// Lets the program run to its end, or to the next instruction that retires.
    ///
    /// # Errors
    /// A fault, of which the machine has stopped; a machine that does not answer as it should.
    pub fn proceed(&mut self, to_retired: bool) -> Result<Pause, MachineError> {
        loop {
            match self.advance(to_retired, false)? {
                Stop::Idle => return Ok(Pause::Ended),
                Stop::Retired => return Ok(Pause::Retired),
                Stop::Input => self.fetch()?,
                Stop::Output { word } => self.complete(word)?,
                Stop::Cycles => {
                    return self.abort(MachineError::Device("a program that does not end"));
                }
            }
        }
    }

    /// Ends a run whose program has ended: takes the words that stores have left inside, and reads what the machine
    /// counted and found. Also returns the cycles in which the machine was seen running, those around every program not
    /// counted.
    ///
    /// # Errors
    /// The fault that ended the program, a machine that does not answer as it should.
    pub fn finish(mut self) -> Result<(Report, i64), MachineError> {
        self.drain()?;
        if !self.polynomial.is_empty() {
            return Err(MachineError::Device("a store of less than a polynomial"));
        }
        if let Some(error) = faults::standing(self.circuit)? {
            self.circuit
                .command(&[Command::CLEAR_ERROR])
                .map_err(device)?;
            let bad_word = self.operand.as_ref().and_then(|operand| operand.bad);
            return Err(faults::fault(&error, bad_word));
        }
        let registers = [
            status::CYCLES,
            status::CYCLES + 1,
            status::STALLS,
            status::STALLS + 1,
            status::INSTRUCTIONS,
            status::TRANSFORMS,
        ];
        let words = self.circuit.status(&registers).map_err(device)?;
        let report = Report {
            cycles: words[0] | words[1] << WORD_BITS,
            stalls: words[2] | words[3] << WORD_BITS,
            instructions: words[4],
            transforms: words[5],
            words_in: self.words_in,
            words_out: self.words_out,
        };
        Ok((report, self.observed))
    }

    /// Lets the machine stop and the words of its stores leave.
    fn drain(&mut self) -> Result<(), MachineError> {
        // A word leaves in every cycle in which the stall pattern lets it.
        for _ in 0..2 * self.circuit.shape().n() {
            let condition = self.circuit.status(&[status::STATE]).map_err(device)?[0];
            if condition & (state::OUTPUT_LEFT | state::RUNNING) == 0 {
                return Ok(());
            }
            self.cycles_left = OUTPUT_CYCLES;
            if let Stop::Output { word } = self.advance(false, true)? {
                self.complete(word)?;
            }
        }
        Err(MachineError::Device("does not stop"))
    }

    fn advance(&mut self, to_retired: bool, past_idle: bool) -> Result<Stop, MachineError> {
        // The last word of a store stays at the port until the sink has it.
        let last = self.circuit.shape().n() - 1;
        let room = if self.shown {
            1 + last
        } else {
            last - self.polynomial.len()
        };
        let (input, lanes) = match &self.operand {
            Some(operand) => (operand.rest(), operand.lanes),
            None => (&[][..], 1),
        };
        let before = self.polynomial.len();
        let progress = self
            .circuit
            .advance(
                &Batch {
                    input,
                    lanes,
                    room,
                    to_retired,
                    past_idle,
                    cycles: self.cycles_left,
                },
                &mut self.polynomial,
            )
            .map_err(device)?;
        if self.shown && self.polynomial.len() > before {
            self.polynomial.remove(before);
            self.shown = false;
        }
        if let Some(operand) = &mut self.operand {
            self.words_in += operand.take(progress.beats) as u64;
        }
        self.observed += progress.running as i64;
        self.cycles_left = self.cycles_left.saturating_sub(progress.counted);
        Ok(progress.stop)
    }

    /// The machine asks for a beat: finds out which instruction does, and fetches its words.
    fn fetch(&mut self) -> Result<(), MachineError> {
        let reads = |step: &Step| step.instruction.reads_stream();
        let Some(step) = self.readers.find(reads) else {
            return self.abort(MachineError::Device(
                "asks for words that no instruction reads",
            ));
        };
        let shape = self.circuit.shape();
        match Operand::fetch(step, &shape, self.moduli, self.words_in, self.source) {
            Ok(operand) => self.operand = Some(operand),
            Err(fault) => return self.abort(fault_at(step, fault)),
        }
        Ok(())
    }

    /// The machine shows the last word of a store.
    fn complete(&mut self, word: u64) -> Result<(), MachineError> {
        let store = |step: &Step| matches!(step.instruction, Instruction::Store { .. });
        let next = if self.refused {
            None
        } else {
            self.stores.find(store)
        };
        self.polynomial.push(word);
        self.shown = true;
        let written = match next {
            Some(step) => {
                let written = self.sink.write(&self.polynomial);
                self.words_out += self.polynomial.len() as u64;
                written.map_err(|error| fault_at(step, Fault::Sink(error)))
            }
            None if self.refused => Ok(()),
            None => Err(MachineError::Device(
                "stores words that no instruction stores",
            )),
        };
        self.polynomial.clear();
        written.or_else(|error| {
            // What follows in the program must not happen, and its words go nowhere.
            self.refused = true;
            self.abort(error)
        })
    }

    /// Ends the program from outside, because of `error`. The program may have ended by itself meanwhile, even in an
    /// error: what happened first counts. Words stored before still reach the sink.
    fn abort<T>(&mut self, error: MachineError) -> Result<T, MachineError> {
        self.circuit.command(&[Command::ABORT]).map_err(device)?;
        self.drain()?;
        self.polynomial.clear();
        self.circuit
            .command(&[Command::CLEAR_ERROR])
            .map_err(device)?;
        Err(error)
    }
}

/// A fault of an instruction.
const fn fault_at(step: Step, fault: Fault) -> MachineError {
    MachineError::Fault {
        pc: step.pc,
        instruction: step.instruction,
        fault,
    }
}
