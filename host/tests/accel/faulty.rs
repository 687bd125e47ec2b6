//! An executor that is wrong on purpose.

use addax::he::Basis;
use addax_core::isa::{Geometry, Instruction, PointwiseOp, Program, Sequencer, Slot, cycles};
use addax_core::machine::{
    Fault as MachineFault, MachineError, Report, RingProcessor, Sink, Source, StreamError,
};

/// What a faulty machine gets wrong, once.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Fault {
    /// The lowest bit of one residue that an operation of this kind writes.
    Bit(&'static str),
    /// One bit of one word that `ST` writes.
    OutputBit,
    /// One cycle too many.
    Cycle,
    /// Loops end one iteration early.
    ShortLoop,
    /// Increments of loops are not added.
    NoIncrement,
    /// A slot is tagged with another limb.
    Tag,
    /// A stream word that is no residue is reduced instead of refused.
    ReducedResidue,
    /// The centred lift takes the middle residue the wrong way.
    LiftedMiddle,
}

/// An executor with a fault, made of one without: it runs instructions one by one.
pub struct Faulty<'m> {
    /// The executor.
    pub inner: Box<dyn RingProcessor + Send + 'm>,
    /// Its basis.
    pub basis: &'m Basis,
    /// What it gets wrong.
    pub fault: Fault,
    /// Whether it has happened.
    pub done: bool,
}

fn kind(instruction: &Instruction) -> &'static str {
    match instruction {
        Instruction::Load { .. } => "LD",
        Instruction::LoadWeights { .. } => "LD int8",
        Instruction::Ntt { .. } => "NTT",
        Instruction::Intt { .. } => "INTT",
        Instruction::Pointwise {
            op: PointwiseOp::Mul,
            ..
        } => "MUL",
        Instruction::Pointwise {
            op: PointwiseOp::Mac,
            ..
        } => "MAC",
        Instruction::Pointwise {
            op: PointwiseOp::Add,
            ..
        } => "ADD",
        Instruction::Pointwise {
            op: PointwiseOp::Sub,
            ..
        } => "SUB",
        Instruction::MulConstant { .. } => "MULI",
        Instruction::Automorphism { .. } => "AUT",
        Instruction::Reduce { .. } => "RED",
        _ => "",
    }
}

impl Faulty<'_> {
    /// Changes one word of a slot, once.
    fn change(&mut self, slot: Slot, position: usize, change: impl Fn(u64) -> u64) {
        let mut words = vec![0; self.inner.geometry().n()];
        let limb = self.inner.store(slot.value(), &mut words).unwrap();
        words[position] = change(words[position]);
        self.inner.load(slot.value(), limb, &words).unwrap();
    }

    fn damage(&mut self, instruction: &Instruction) {
        let Some(dst) = instruction.destination().filter(|_| !self.done) else {
            return;
        };
        match self.fault {
            Fault::Bit(name) if name == kind(instruction) => {
                // x + 1 is a residue when x is even, as q is odd.
                self.change(dst, 517, |word| word ^ 1);
                self.done = true;
            }
            Fault::Tag if kind(instruction) == "RED" => {
                let mut words = vec![0; self.inner.geometry().n()];
                let limb = self.inner.store(dst.value(), &mut words).unwrap();
                let other = (limb + 1) % self.basis.limbs() as u8;
                let q = self.basis.modulus(usize::from(other)).value();
                words.iter_mut().for_each(|word| *word %= q);
                self.inner.load(dst.value(), other, &words).unwrap();
                self.done = true;
            }
            _ => {}
        }
    }

    /// Before a `RED`, the residue (q − 1)/2, which lifts to itself, becomes the next, which lifts to −(q − 1)/2.
    fn mislead(&mut self, instruction: &Instruction) {
        if let Instruction::Reduce { a, from, .. } = *instruction
            && self.fault == Fault::LiftedMiddle
        {
            let middle = self.basis.modulus(from.index()).value() / 2;
            let mut words = vec![0; self.inner.geometry().n()];
            if self.inner.store(a.value(), &mut words) == Ok(from.value()) {
                words
                    .iter_mut()
                    .filter(|word| **word == middle)
                    .for_each(|word| *word += 1);
                self.inner.load(a.value(), from.value(), &words).unwrap();
            }
        }
    }
}

/// A source that brings words into the range of any limb.
struct Reduced<'s>(&'s mut dyn Source, Vec<u64>, u64);

impl Source for Reduced<'_> {
    fn chunk(&mut self, max: usize) -> Result<&[u64], StreamError> {
        let q = self.2;
        self.1 = self.0.chunk(max)?.iter().map(|word| word % q).collect();
        Ok(&self.1)
    }
}

/// A sink that changes one word.
struct Changed<'s>(&'s mut dyn Sink);

impl Sink for Changed<'_> {
    fn write(&mut self, words: &[u64]) -> Result<(), StreamError> {
        let mut words = words.to_vec();
        words[77] ^= 1 << 20;
        self.0.write(&words)
    }
}

impl RingProcessor for Faulty<'_> {
    fn geometry(&self) -> Geometry {
        self.inner.geometry()
    }

    fn reset(&mut self) -> Result<(), MachineError> {
        self.inner.reset()
    }

    fn load(&mut self, slot: u8, limb: u8, words: &[u64]) -> Result<(), MachineError> {
        self.inner.load(slot, limb, words)
    }

    fn store(&mut self, slot: u8, words: &mut [u64]) -> Result<u8, MachineError> {
        self.inner.store(slot, words)
    }

    fn run(
        &mut self,
        program: &Program,
        source: &mut dyn Source,
        sink: &mut dyn Sink,
    ) -> Result<Report, MachineError> {
        let mut report = Report::default();
        let steps: Vec<_> = Sequencer::new(program).collect();
        // The last iteration of a loop over one word is its last step before the word after it.
        let dropped = |i: usize| {
            self.fault == Fault::ShortLoop
                && i > 0
                && steps[i].pc == steps[i - 1].pc
                && steps[i].pc != steps[i + 1].pc
        };
        let kept: Vec<_> = (0..steps.len())
            .filter(|&i| !dropped(i))
            .map(|i| steps[i])
            .collect();
        let bound = (0..self.basis.limbs())
            .map(|limb| self.basis.modulus(limb).value())
            .min()
            .unwrap();
        for step in kept {
            let mut instruction = step.instruction;
            if self.fault == Fault::NoIncrement {
                instruction = program.instruction(step.pc);
            }
            let alone = match instruction {
                Instruction::Loop(_) | Instruction::Halt => Instruction::Sync,
                other => other,
            };
            let words = [alone.encode(), Instruction::Halt.encode()];
            let alone = Program::from_words(&words, program.constants()).unwrap();
            self.mislead(&instruction);
            let result = match self.fault {
                Fault::ReducedResidue => {
                    self.inner
                        .run(&alone, &mut Reduced(source, vec![], bound), sink)
                }
                Fault::OutputBit => self.inner.run(&alone, source, &mut Changed(sink)),
                _ => self.inner.run(&alone, source, sink),
            };
            let one = result.map_err(|error| match error {
                // Places count from the start of the whole program.
                MachineError::Fault {
                    fault: MachineFault::Residue { position, limb },
                    ..
                } => {
                    let position = position + report.words_in;
                    let fault = MachineFault::Residue { position, limb };
                    MachineError::Fault {
                        pc: step.pc,
                        instruction,
                        fault,
                    }
                }
                MachineError::Fault { fault, .. } => MachineError::Fault {
                    pc: step.pc,
                    instruction,
                    fault,
                },
                other => other,
            })?;
            report += Report {
                instructions: 1,
                ..one
            };
            self.damage(&instruction);
        }
        report.cycles = cycles(program, &self.geometry()) + u64::from(self.fault == Fault::Cycle);
        Ok(report)
    }
}
