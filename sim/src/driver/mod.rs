//! The driver: programs and polynomials over the machine's ports.
//!
//! [`Machine`] makes an executor of anything with the ports of `docs/hardware.md`. When it is opened it writes the limb
//! records and the twiddles; for a program it writes the words and constants, starts, feeds and empties the streams, and
//! reads from the status registers what the machine counted and what it found wrong. Cycles, stalls, instructions and
//! transforms of a [`Report`] are the machine's own counts. Slots and limb tags are in the machine and nowhere else.
//!
//! Streams are held to the definition word by word, so that a program that faults leaves the machine, the source and the
//! sink as the reference would.
mod faults;
mod open;
mod operand;
mod run;

use addax_core::isa::{Geometry, MAX_WORDS, Program, ProgramBuilder, validate};
use addax_core::machine::{
    EmptySource, MachineError, NullSink, Report, RingProcessor, Sink, SliceSink, SliceSource,
    Source, Tags,
};

use addax_hdl::ports::status;

use crate::circuit::{Batch, Circuit, Command, Progress, Stop};
use crate::{Clocked, HardwareError, Stalls};
use faults::device;

pub use open::OpenError;
pub use run::{Pause, Run};

/// Cycles in which a machine must start or end when nothing keeps it.
const SHORT: u64 = 16;

/// An executor over the ports of a circuit.
pub struct Machine<C> {
    circuit: C,
    geometry: Geometry,
    moduli: Vec<u64>,
    /// Cycles of the last run, counted from outside.
    observed: i64,
    /// Cycles in which it is seen running and that it does not count, in every program.
    overhead: i64,
}

impl<C: Circuit> Machine<C> {
    /// The circuit. What is done to it behind the driver's back is the caller's business.
    pub const fn circuit(&mut self) -> &mut C {
        &mut self.circuit
    }

    /// Writes a program and starts it; the caller lets it [proceed](Run::proceed) and [finishes](Run::finish) it.
    ///
    /// # Errors
    /// A program that the machine cannot run, a machine that does not answer as it should.
    pub fn start<'s>(
        &'s mut self,
        program: &'s Program,
        source: &'s mut dyn Source,
        sink: &'s mut dyn Sink,
    ) -> Result<Run<'s, 's, C>, MachineError> {
        validate(program, &self.geometry, self.moduli.len())?;
        let words = program.words().iter().zip(0..);
        let constants = program.constants().iter().zip(0..);
        let commands: Vec<Command> = words
            .map(|(&word, place)| Command::program(place, word))
            .chain(constants.map(|(&value, index)| Command::constant(index, value)))
            .collect();
        self.circuit.command(&commands).map_err(device)?;
        let circuit = &mut self.circuit;
        Run::start(circuit, &self.moduli, program, source, sink, self.overhead)
    }

    /// One instruction on one slot, with as much of a stream as it needs.
    fn move_polynomial(
        &mut self,
        write: impl FnOnce(&mut ProgramBuilder) -> Result<(), addax_core::isa::ProgramError>,
        source: &mut dyn Source,
        sink: &mut dyn Sink,
    ) -> Result<(), MachineError> {
        let mut builder = ProgramBuilder::new();
        write(&mut builder)?;
        self.run(&builder.finish()?, source, sink).map(drop)
    }

    fn tag(&mut self, slot: u8) -> Result<Option<u8>, MachineError> {
        let register = status::TAGS + u64::from(slot);
        let word = self.circuit.status(&[register]).map_err(device)?[0];
        Ok((word & 16 != 0).then_some((word & 15) as u8))
    }
}

impl<C: Circuit> RingProcessor for Machine<C> {
    fn geometry(&self) -> Geometry {
        self.geometry
    }

    fn reset(&mut self) -> Result<(), MachineError> {
        // The second command is taken when all tags are clear, so that no tag is read before.
        let commands = [Command::CLEAR_TAGS, Command::CLEAR_ERROR];
        self.circuit.command(&commands).map_err(device)
    }

    fn load(&mut self, slot: u8, limb: u8, words: &[u64]) -> Result<(), MachineError> {
        Tags::load_target(&self.geometry, self.moduli.len(), slot, limb, words)?;
        let q = self.moduli[usize::from(limb)];
        if let Some(position) = words.iter().position(|&word| word >= q) {
            return Err(MachineError::Residue { position, limb });
        }
        let load = |builder: &mut ProgramBuilder| builder.load(limb, slot).map(drop);
        self.move_polynomial(load, &mut SliceSource::new(words), &mut NullSink)
    }

    fn store(&mut self, slot: u8, words: &mut [u64]) -> Result<u8, MachineError> {
        // Slot, tag and length are checked in the order of the definition.
        let known = Tags::slot(&self.geometry, slot)?;
        let limb = self.tag(slot)?;
        let mut tags = Tags::default();
        tags.set(
            known,
            limb.map(|limb| Tags::limb(self.moduli.len(), limb))
                .transpose()?,
        );
        let (_, limb) = tags.store_source(&self.geometry, slot, words)?;
        let store = |builder: &mut ProgramBuilder| builder.store(slot).map(drop);
        self.move_polynomial(store, &mut EmptySource, &mut SliceSink::new(words))?;
        Ok(limb.value())
    }

    fn run(
        &mut self,
        program: &Program,
        source: &mut dyn Source,
        sink: &mut dyn Sink,
    ) -> Result<Report, MachineError> {
        let mut run = self.start(program, source, sink)?;
        run.proceed(false)?;
        let (report, observed) = run.finish()?;
        self.observed = observed;
        Ok(report)
    }
}

impl<C: Circuit> Machine<C> {
    /// Lets a program run whose streams have no words and whose stores are thrown away.
    fn advance_alone(&mut self, cycles: u64) -> Result<Progress, MachineError> {
        let mut discarded = Vec::new();
        let batch = Batch {
            input: &[],
            lanes: 1,
            room: usize::MAX,
            to_retired: false,
            past_idle: false,
            cycles,
        };
        self.circuit.advance(&batch, &mut discarded).map_err(device)
    }
}

impl<C: Circuit> Clocked for Machine<C> {
    fn set_stalls(&mut self, stalls: Stalls) -> Result<(), MachineError> {
        self.circuit.set_stalls(stalls).map_err(device)
    }

    fn observed_cycles(&self) -> i64 {
        self.observed
    }

    fn run_words(&mut self, words: &[u32]) -> Result<Option<HardwareError>, MachineError> {
        // What lies behind is not reached: no word jumps forward over an illegal one.
        let words = words.iter().copied().chain([0]);
        let commands: Vec<Command> = words
            .zip(0..MAX_WORDS as u16)
            .map(|(word, place)| Command::program(place, word))
            .chain([Command::START])
            .collect();
        self.circuit.command(&commands).map_err(device)?;
        // Enough for every word of program memory to move a polynomial.
        let enough = (MAX_WORDS * 2 * self.geometry.n()) as u64;
        let progress = self.advance_alone(enough)?;
        if progress.stop != Stop::Idle {
            self.circuit.command(&[Command::ABORT]).map_err(device)?;
            return Err(MachineError::Device("words that neither end nor fail"));
        }
        faults::standing(&mut self.circuit)
    }

    fn start_again(&mut self) -> Result<bool, MachineError> {
        self.circuit.command(&[Command::START]).map_err(device)?;
        Ok(self.advance_alone(SHORT)?.running > 0)
    }

    fn standing_error(&mut self) -> Result<Option<HardwareError>, MachineError> {
        faults::standing(&mut self.circuit)
    }

    fn clear_error(&mut self) -> Result<(), MachineError> {
        self.circuit
            .command(&[Command::CLEAR_ERROR])
            .map_err(device)
    }
}
