//! The fast executor.
//!
//! It computes what [`addax_core::machine::Reference`] defines, with these differences inside:
//!
//! * An instruction writes a spare polynomial, which then changes places with the destination: operands are never
//!   copied, whichever slots coincide, and stream words are used where the source keeps them.
//! * Loops over values are the kernels of [`addax_core::pointwise`], for the vector instructions there are.
//! * A run of `MAC`s into one slot is summed, starting with dst·2^36, and reduced once: see
//!   [`addax_core::pointwise::sums`].
//!
//! Whatever can be observed, slots after a run or a fault, output words, reports and errors, is the same.
mod streams;

use std::ops::Deref;

use addax_core::isa::{
    Geometry, Instruction, Limb, Operand, PointwiseOp, Program, Sequencer, Slot, Step, cycles,
    validate,
};
use addax_core::machine::{
    Fault, MachineError, Report, RingProcessor, Sink, Source, Tags, check_basis,
};
use addax_core::modulus::Modulus;
use addax_core::pointwise::sums::{MAX_PRODUCTS, Sums};
use addax_core::pointwise::{self, permutation};
use addax_core::simd::{self, Level};
use zeroize::{Zeroize, Zeroizing};

use crate::he::Basis;
use streams::{Input, Output};

/// The fast executor. `P` points to the basis.
pub struct Cpu<P> {
    basis: P,
    geometry: Geometry,
    slots: Vec<Zeroizing<Vec<u64>>>,
    tags: Tags,
    /// Where an instruction writes before it is complete.
    spare: Zeroizing<Vec<u64>>,
    /// The sums of a run of `MAC`s.
    sums: Sums<Zeroizing<Vec<u64>>>,
    /// The slot whose value is in `sums`, and the products summed there. None between programs.
    open_sum: Option<OpenSum>,
    level: Level,
}

#[derive(Clone, Copy)]
struct OpenSum {
    slot: Slot,
    limb: Limb,
    products: usize,
}

impl<P: Deref<Target = Basis>> Cpu<P> {
    /// A machine whose slots were never written. What they held is erased when it is dropped.
    ///
    /// # Errors
    /// [`MachineError::Degree`] or [`MachineError::Modulus`] for a basis that the geometry cannot have.
    pub fn new(basis: P, geometry: Geometry) -> Result<Self, MachineError> {
        check_basis(&basis, &geometry)?;
        let n = geometry.n();
        let polynomial = || Zeroizing::new(vec![0; n]);
        let level = simd::level();
        Ok(Self {
            slots: (0..geometry.slots()).map(|_| polynomial()).collect(),
            tags: Tags::default(),
            spare: polynomial(),
            sums: Sums::new(Zeroizing::new(vec![0; 2 * n]), level),
            open_sum: None,
            level,
            basis,
            geometry,
        })
    }

    fn modulus(&self, limb: Limb) -> Modulus {
        self.basis.modulus(limb.index())
    }

    /// Puts the complete spare polynomial into a slot.
    fn commit(&mut self, dst: Slot) {
        std::mem::swap(&mut self.spare, &mut self.slots[dst.index()]);
    }

    /// Reduces the open sum into its slot.
    fn close_sum(&mut self) {
        if let Some(OpenSum { slot, limb, .. }) = self.open_sum.take() {
            let q = self.modulus(limb);
            self.sums.reduce(&q, &mut self.slots[slot.index()]);
        }
    }

    /// dst += a·b·2^-36 as part of a run.
    fn accumulate(
        &mut self,
        limb: Limb,
        dst: Slot,
        operands: [Operand; 2],
        input: &mut Input<'_>,
    ) -> Result<(), Fault> {
        // The run may read what it sums.
        let reads_sum = operands.contains(&Operand::Slot(dst));
        let continues =
            |open: &OpenSum| open.slot == dst && open.products < MAX_PRODUCTS && !reads_sum;
        let products = match self.open_sum {
            Some(open) if continues(&open) => open.products,
            _ => {
                self.close_sum();
                self.sums.open(&self.slots[dst.index()]);
                0
            }
        };
        // A fault from here on leaves dst unwritten, so the sum is open only when it is complete.
        self.open_sum = None;
        let q = self.modulus(limb);
        match operands {
            [Operand::Slot(a), Operand::Slot(b)] => {
                self.sums
                    .add(0, &self.slots[a.index()], &self.slots[b.index()]);
            }
            [Operand::Slot(a), _] | [_, Operand::Slot(a)] => {
                let (a, sums) = (&self.slots[a.index()], &mut self.sums);
                input.residues(limb, &q, a.len(), |at, words| {
                    sums.add(at, &a[at..at + words.len()], words);
                })?;
            }
            [Operand::Stream, Operand::Stream] => {
                unreachable!("no program has two stream operands")
            }
        }
        self.open_sum = Some(OpenSum {
            slot: dst,
            limb,
            products: products + 1,
        });
        Ok(())
    }

    fn pointwise(
        &mut self,
        op: PointwiseOp,
        limb: Limb,
        dst: Slot,
        operands: [Operand; 2],
        input: &mut Input<'_>,
    ) -> Result<(), Fault> {
        let q = self.modulus(limb);
        let (out, slots, level) = (&mut self.spare, &self.slots, self.level);
        let accumulator = &slots[dst.index()];
        let n = out.len();
        match operands {
            [Operand::Slot(a), Operand::Slot(b)] => {
                let [a, b] = [&slots[a.index()], &slots[b.index()]];
                apply(level, op, &q, out, accumulator, a, b);
            }
            [Operand::Slot(a), _] => input.residues(limb, &q, n, |at, words| {
                let range = at..at + words.len();
                let [d, a] = [
                    &accumulator[range.clone()],
                    &slots[a.index()][range.clone()],
                ];
                apply(level, op, &q, &mut out[range], d, a, words);
            })?,
            [_, Operand::Slot(b)] => input.residues(limb, &q, n, |at, words| {
                let range = at..at + words.len();
                let [d, b] = [
                    &accumulator[range.clone()],
                    &slots[b.index()][range.clone()],
                ];
                apply(level, op, &q, &mut out[range], d, words, b);
            })?,
            [Operand::Stream, Operand::Stream] => {
                unreachable!("no program has two stream operands")
            }
        }
        self.commit(dst);
        Ok(())
    }

    /// Executes an instruction other than a `MAC` of a run, whose slots have been checked.
    fn execute(
        &mut self,
        instruction: &Instruction,
        constants: &[u64],
        input: &mut Input<'_>,
        output: &mut Output<'_>,
    ) -> Result<(), Fault> {
        let n = self.geometry.n();
        match *instruction {
            Instruction::Load { limb, dst } => {
                let q = self.modulus(limb);
                let out = &mut self.slots[dst.index()];
                input.residues(limb, &q, n, |at, words| {
                    out[at..at + words.len()].copy_from_slice(words)
                })?;
            }
            Instruction::LoadWeights { limb, dst } => {
                let q = self.modulus(limb);
                let out = &mut self.slots[dst.index()];
                input.words(n, |at, words| {
                    integers(&q, &mut out[at..at + words.len()], words);
                })?;
            }
            Instruction::Store { a } => output.write(&self.slots[a.index()])?,
            Instruction::Ntt { limb, dst, a } | Instruction::Intt { limb, dst, a } => {
                if dst != a {
                    self.spare.copy_from_slice(&self.slots[a.index()]);
                    self.commit(dst);
                }
                let plan = self.basis.plan(limb.index());
                let values = &mut self.slots[dst.index()];
                match instruction {
                    Instruction::Ntt { .. } => plan.forward(values),
                    _ => plan.inverse(values),
                }
            }
            Instruction::Pointwise {
                op,
                limb,
                dst,
                a,
                b,
            } => self.pointwise(op, limb, dst, [a, b], input)?,
            Instruction::MulConstant {
                limb,
                dst,
                a,
                constant,
            } => {
                let q = self.modulus(limb);
                let factor = constants[constant.index()];
                let a = &self.slots[a.index()];
                pointwise::scale(self.level, &q, &mut self.spare, a, factor);
                self.commit(dst);
            }
            Instruction::Automorphism { dst, a, galois } => {
                let element = galois.element() as usize;
                let a = &self.slots[a.index()];
                permutation::automorphism(self.level, element, a, &mut self.spare);
                self.commit(dst);
            }
            Instruction::Reduce { limb, dst, a, from } => {
                let [from, q] = [from, limb].map(|limb| self.modulus(limb));
                let a = &self.slots[a.index()];
                pointwise::lift(self.level, &from, &q, &mut self.spare, a);
                self.commit(dst);
            }
            Instruction::Loop(_) | Instruction::Sync | Instruction::Halt => {}
        }
        Ok(())
    }

    /// Checks, executes and tags; `next` is the instruction that follows.
    fn step(
        &mut self,
        instruction: &Instruction,
        next: Option<&Instruction>,
        constants: &[u64],
        input: &mut Input<'_>,
        output: &mut Output<'_>,
    ) -> Result<(), Fault> {
        let tag = self.tags.check(instruction)?;
        let result = match *instruction {
            Instruction::Pointwise {
                op: PointwiseOp::Mac,
                limb,
                dst,
                a,
                b,
            } if self.open_sum.is_some_and(|open| open.slot == dst)
                || next.is_some_and(|next| is_mac(next, dst)) =>
            {
                self.accumulate(limb, dst, [a, b], input)
            }
            _ => {
                // Loops may come between the products of a sum; everything else finds slots complete.
                if !matches!(instruction, Instruction::Loop(_)) {
                    self.close_sum();
                }
                if let Instruction::MulConstant { limb, constant, .. } = *instruction
                    && constants[constant.index()] >= self.modulus(limb).value()
                {
                    return Err(Fault::Constant {
                        index: constant.value(),
                        limb: limb.value(),
                    });
                }
                self.execute(instruction, constants, input, output)
            }
        };
        if let Some(dst) = instruction.destination() {
            self.tags.set(dst, tag.filter(|_| result.is_ok()));
        }
        result
    }

    fn run_steps(
        &mut self,
        program: &Program,
        input: &mut Input<'_>,
        output: &mut Output<'_>,
    ) -> Result<Report, MachineError> {
        let mut report = Report {
            cycles: cycles(program, &self.geometry),
            ..Report::default()
        };
        let mut steps = Sequencer::new(program).peekable();
        while let Some(Step { pc, instruction }) = steps.next() {
            let next = steps.peek().map(|step| &step.instruction);
            self.step(&instruction, next, program.constants(), input, output)
                .map_err(|fault| MachineError::Fault {
                    pc,
                    instruction,
                    fault,
                })?;
            report.instructions += 1;
            report.transforms += u64::from(matches!(
                instruction,
                Instruction::Ntt { .. } | Instruction::Intt { .. }
            ));
        }
        Ok(report)
    }
}

/// out = a op b, or accumulator + a·b·2^-36.
fn apply(
    level: Level,
    op: PointwiseOp,
    q: &Modulus,
    out: &mut [u64],
    accumulator: &[u64],
    a: &[u64],
    b: &[u64],
) {
    match op {
        PointwiseOp::Mul => pointwise::mul(level, q, out, a, b),
        PointwiseOp::Mac => pointwise::mul_add(level, q, out, accumulator, a, b),
        PointwiseOp::Add => pointwise::add(level, q, out, a, b),
        PointwiseOp::Sub => pointwise::sub(level, q, out, a, b),
    }
}

/// out = the low 8 bits of each word as a signed integer, mod q > 128.
fn integers(q: &Modulus, out: &mut [u64], words: &[u64]) {
    for (out, &word) in out.iter_mut().zip(words) {
        let weight = i64::from(word as i8);
        *out = (weight + (q.value() as i64 & (weight >> 63))) as u64;
    }
}

/// Whether an instruction adds a product to `dst`. Its limb is that of dst, else it faults before it is executed.
fn is_mac(instruction: &Instruction, dst: Slot) -> bool {
    matches!(*instruction, Instruction::Pointwise { op: PointwiseOp::Mac, dst: into, .. } if into == dst)
}

impl<P: Deref<Target = Basis>> RingProcessor for Cpu<P> {
    fn geometry(&self) -> Geometry {
        self.geometry
    }

    fn reset(&mut self) -> Result<(), MachineError> {
        self.tags = Tags::default();
        for slot in &mut self.slots {
            slot.as_mut_slice().zeroize();
        }
        Ok(())
    }

    fn load(&mut self, slot: u8, limb: u8, words: &[u64]) -> Result<(), MachineError> {
        let limbs = self.basis.limbs();
        let (slot, limb) = Tags::load_target(&self.geometry, limbs, slot, limb, words)?;
        if let Some(position) = pointwise::first_not_residue(self.level, &self.modulus(limb), words)
        {
            return Err(MachineError::Residue {
                position,
                limb: limb.value(),
            });
        }
        self.slots[slot.index()].copy_from_slice(words);
        self.tags.set(slot, Some(limb));
        Ok(())
    }

    fn store(&mut self, slot: u8, words: &mut [u64]) -> Result<u8, MachineError> {
        let (slot, limb) = self.tags.store_source(&self.geometry, slot, words)?;
        words.copy_from_slice(&self.slots[slot.index()]);
        Ok(limb.value())
    }

    fn run(
        &mut self,
        program: &Program,
        source: &mut dyn Source,
        sink: &mut dyn Sink,
    ) -> Result<Report, MachineError> {
        validate(program, &self.geometry, self.basis.limbs())?;
        let mut input = Input::new(source);
        let mut output = Output::new(sink);
        let result = self.run_steps(program, &mut input, &mut output);
        // Also after a fault: products before it count.
        self.close_sum();
        Ok(Report {
            words_in: input.taken(),
            words_out: output.given(),
            ..result?
        })
    }
}
