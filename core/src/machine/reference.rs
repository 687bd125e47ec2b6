//! The reference machine: the definition of the ring processor, written to be read.
//!
//! It does one word at a time and allocates nothing, so it also runs on a microcontroller.

use core::ops::{Deref, Range};

use super::{Fault, MachineError, Report, RingProcessor, Sink, Source, Tags, next_chunk};
use crate::isa::{
    Geometry, Instruction, Limb, Operand, PointwiseOp, Program, Sequencer, Slot, Step,
    instruction_cycles, validate,
};
use crate::modulus::{Modulus, WORD_BITS};
use crate::ntt::{Twiddle, bit_reverse};
use crate::poly::RnsBasis;

/// The reference machine. `P` points to the basis (a reference, or an `Arc` on a host); `S` stores the slots: at
/// least n words for each slot of the geometry, slot after slot.
pub struct Reference<P, S> {
    basis: P,
    geometry: Geometry,
    storage: S,
    tags: Tags,
}

impl<P, S, T> Reference<P, S>
where
    P: Deref<Target = RnsBasis<T>>,
    T: AsRef<[Twiddle]>,
    S: AsRef<[u64]> + AsMut<[u64]>,
{
    /// A machine whose slots were never written, whatever `storage` holds.
    ///
    /// # Errors
    /// [`MachineError::Degree`], [`MachineError::Modulus`] or [`MachineError::Storage`] for parts that do not
    /// fit together.
    pub fn new(basis: P, geometry: Geometry, storage: S) -> Result<Self, MachineError> {
        check_basis(&basis, &geometry)?;
        let needed = geometry.slots() * geometry.n();
        let found = storage.as_ref().len();
        if found < needed {
            return Err(MachineError::Storage { needed, found });
        }
        Ok(Self {
            basis,
            geometry,
            storage,
            tags: Tags::default(),
        })
    }

    fn n(&self) -> usize {
        self.geometry.n()
    }

    fn modulus(&self, limb: Limb) -> Modulus {
        self.basis.modulus(limb.index())
    }

    fn range(&self, slot: Slot) -> Range<usize> {
        slot.index() * self.n()..(slot.index() + 1) * self.n()
    }

    fn slot(&self, slot: Slot) -> &[u64] {
        &self.storage.as_ref()[self.range(slot)]
    }

    fn slot_mut(&mut self, slot: Slot) -> &mut [u64] {
        let range = self.range(slot);
        &mut self.storage.as_mut()[range]
    }

    fn copy(&mut self, from: Slot, to: Slot) {
        let [from, to] = [self.range(from), self.range(to)];
        self.storage.as_mut().copy_within(from, to.start);
    }

    /// The residue at position i of an operand.
    fn operand(
        &self,
        operand: Operand,
        i: usize,
        limb: Limb,
        input: &mut Input<'_>,
    ) -> Result<u64, Fault> {
        match operand {
            Operand::Slot(slot) => Ok(self.slot(slot)[i]),
            Operand::Stream => input.residue(limb, &self.modulus(limb)),
        }
    }

    /// Executes one instruction whose slots have been checked.
    fn execute(
        &mut self,
        instruction: &Instruction,
        constants: &[u64],
        input: &mut Input<'_>,
        output: &mut Output<'_>,
    ) -> Result<(), Fault> {
        let n = self.n();
        match *instruction {
            Instruction::Load { limb, dst } => {
                let q = self.modulus(limb);
                for i in 0..n {
                    self.slot_mut(dst)[i] = input.residue(limb, &q)?;
                }
            }
            Instruction::LoadWeights { limb, dst } => {
                let q = self.modulus(limb);
                for i in 0..n {
                    let weight = input.word()? as i8;
                    self.slot_mut(dst)[i] = q.from_signed(i64::from(weight));
                }
            }
            Instruction::Store { a } => output.write(self.slot(a))?,
            Instruction::Ntt { limb, dst, a } => {
                self.copy(a, dst);
                let range = self.range(dst);
                self.basis
                    .plan(limb.index())
                    .forward(&mut self.storage.as_mut()[range]);
            }
            Instruction::Intt { limb, dst, a } => {
                self.copy(a, dst);
                let range = self.range(dst);
                self.basis
                    .plan(limb.index())
                    .inverse(&mut self.storage.as_mut()[range]);
            }
            Instruction::Pointwise {
                op,
                limb,
                dst,
                a,
                b,
            } => {
                let q = self.modulus(limb);
                for i in 0..n {
                    let x = self.operand(a, i, limb, input)?;
                    let y = self.operand(b, i, limb, input)?;
                    let accumulator = self.slot(dst)[i];
                    self.slot_mut(dst)[i] = match op {
                        PointwiseOp::Mul => q.montgomery_mul(x, y),
                        PointwiseOp::Mac => q.add(accumulator, q.montgomery_mul(x, y)),
                        PointwiseOp::Add => q.add(x, y),
                        PointwiseOp::Sub => q.sub(x, y),
                    };
                }
            }
            Instruction::MulConstant {
                limb,
                dst,
                a,
                constant,
            } => {
                let q = self.modulus(limb);
                let factor = constants[constant.index()];
                for i in 0..n {
                    self.slot_mut(dst)[i] = q.montgomery_mul(self.slot(a)[i], factor);
                }
            }
            Instruction::Automorphism { dst, a, galois } => {
                let log_n = self.geometry.log_n();
                let (g, h) = (galois.element() as usize, galois.index());
                for j in 0..n {
                    let exponent = (bit_reverse(j, log_n) * g + h) % n;
                    self.slot_mut(dst)[j] = self.slot(a)[bit_reverse(exponent, log_n)];
                }
            }
            Instruction::Reduce { limb, dst, a, from } => {
                let [q, source] = [self.modulus(limb), self.modulus(from)];
                for i in 0..n {
                    let lifted = source.to_centred(self.slot(a)[i]);
                    self.slot_mut(dst)[i] = q.from_signed(lifted);
                }
            }
            // The sequencer follows loops. Software writes its output at once, so there is nothing to wait for.
            Instruction::Loop(_) | Instruction::Sync | Instruction::Halt => {}
        }
        Ok(())
    }

    /// Checks, executes and tags.
    fn step(
        &mut self,
        instruction: &Instruction,
        constants: &[u64],
        input: &mut Input<'_>,
        output: &mut Output<'_>,
    ) -> Result<(), Fault> {
        let limb = self.tags.check(instruction)?;
        if let Instruction::MulConstant { limb, constant, .. } = *instruction
            && constants[constant.index()] >= self.modulus(limb).value()
        {
            return Err(Fault::Constant {
                index: constant.value(),
                limb: limb.value(),
            });
        }
        let result = self.execute(instruction, constants, input, output);
        if let Some(dst) = instruction.destination() {
            self.tags.set(dst, limb.filter(|_| result.is_ok()));
        }
        result
    }
}

impl<P, S, T> RingProcessor for Reference<P, S>
where
    P: Deref<Target = RnsBasis<T>>,
    T: AsRef<[Twiddle]>,
    S: AsRef<[u64]> + AsMut<[u64]>,
{
    fn geometry(&self) -> Geometry {
        self.geometry
    }

    fn reset(&mut self) -> Result<(), MachineError> {
        self.tags = Tags::default();
        Ok(())
    }

    fn load(&mut self, slot: u8, limb: u8, words: &[u64]) -> Result<(), MachineError> {
        let limbs = self.basis.limbs();
        let (slot, limb) = Tags::load_target(&self.geometry, limbs, slot, limb, words)?;
        let q = self.modulus(limb).value();
        if let Some(position) = words.iter().position(|&word| word >= q) {
            return Err(MachineError::Residue {
                position,
                limb: limb.value(),
            });
        }
        self.slot_mut(slot).copy_from_slice(words);
        self.tags.set(slot, Some(limb));
        Ok(())
    }

    fn store(&mut self, slot: u8, words: &mut [u64]) -> Result<u8, MachineError> {
        let (slot, limb) = self.tags.store_source(&self.geometry, slot, words)?;
        words.copy_from_slice(self.slot(slot));
        Ok(limb.value())
    }

    fn run(
        &mut self,
        program: &Program,
        source: &mut dyn Source,
        sink: &mut dyn Sink,
    ) -> Result<Report, MachineError> {
        validate(program, &self.geometry, self.basis.limbs())?;
        let mut input = Input { source, words: 0 };
        let mut output = Output { sink, words: 0 };
        let mut report = Report::default();
        for Step { pc, instruction } in Sequencer::new(program) {
            self.step(&instruction, program.constants(), &mut input, &mut output)
                .map_err(|fault| MachineError::Fault {
                    pc,
                    instruction,
                    fault,
                })?;
            report.instructions += 1;
            report.cycles += instruction_cycles(&instruction, &self.geometry);
            if matches!(
                instruction,
                Instruction::Ntt { .. } | Instruction::Intt { .. }
            ) {
                report.transforms += 1;
            }
        }
        report.words_in = input.words;
        report.words_out = output.words;
        Ok(report)
    }
}

/// The input stream, word by word.
struct Input<'s> {
    source: &'s mut dyn Source,
    words: u64,
}

impl Input<'_> {
    fn word(&mut self) -> Result<u64, Fault> {
        let word = next_chunk(self.source, 1).map_err(Fault::Source)?[0];
        self.words += 1;
        Ok(word)
    }

    fn residue(&mut self, limb: Limb, modulus: &Modulus) -> Result<u64, Fault> {
        let position = self.words;
        let word = self.word()?;
        if word >= modulus.value() {
            return Err(Fault::Residue {
                position,
                limb: limb.value(),
            });
        }
        Ok(word)
    }
}

/// The output stream.
struct Output<'s> {
    sink: &'s mut dyn Sink,
    words: u64,
}

impl Output<'_> {
    fn write(&mut self, words: &[u64]) -> Result<(), Fault> {
        self.sink.write(words).map_err(Fault::Sink)?;
        self.words += words.len() as u64;
        Ok(())
    }
}

/// Whether a basis can be computed with by a machine of this geometry.
///
/// # Errors
/// [`MachineError::Degree`], [`MachineError::Modulus`].
pub fn check_basis<T: AsRef<[Twiddle]>>(
    basis: &RnsBasis<T>,
    geometry: &Geometry,
) -> Result<(), MachineError> {
    if basis.n() != geometry.n() {
        return Err(MachineError::Degree {
            geometry: geometry.n(),
            basis: basis.n(),
        });
    }
    match (0..basis.limbs()).find(|&limb| basis.modulus(limb).bits() > WORD_BITS) {
        Some(limb) => Err(MachineError::Modulus { limb: limb as u8 }),
        None => Ok(()),
    }
}
