//! The fast portable executor.
//!
//! It computes what [`addax_core::machine::Reference`] defines, with these differences inside:
//!
//! * An instruction writes a spare polynomial, which then changes places with the destination: operands are never
//!   copied, whichever slots coincide, and stream words are used where the source keeps them.
//! * A run of `MAC`s into one slot is summed in 128 bits and reduced once. Starting with dst·2^36, each
//!   a·b < 2^72 is added; after at most 2^16 of them the sum is below 2^89. See [`kernels`].
//! * Automorphisms look bit reversals up.
//!
//! Whatever can be observed, slots after a run or a fault, output words, reports and errors, is the same.
mod kernels;
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
use addax_core::ntt::bit_reverse;
use zeroize::{Zeroize, Zeroizing};

use crate::he::Basis;
use streams::{Input, Output};

/// Most products in one 128-bit sum.
const MAX_PRODUCTS: u32 = 1 << 16;

/// The fast portable executor. `P` points to the basis.
pub struct Cpu<P> {
    basis: P,
    geometry: Geometry,
    slots: Vec<Zeroizing<Vec<u64>>>,
    tags: Tags,
    /// Where an instruction writes before it is complete.
    spare: Zeroizing<Vec<u64>>,
    /// The 128-bit sums of a run of `MAC`s.
    sums: Zeroizing<Vec<u128>>,
    /// The slot whose value is in `sums`, and the products summed there. None between programs.
    open_sum: Option<OpenSum>,
    bit_reversal: Vec<u32>,
}

#[derive(Clone, Copy)]
struct OpenSum {
    slot: Slot,
    limb: Limb,
    products: u32,
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
        Ok(Self {
            slots: (0..geometry.slots()).map(|_| polynomial()).collect(),
            tags: Tags::default(),
            spare: polynomial(),
            sums: Zeroizing::new(vec![0; n]),
            open_sum: None,
            bit_reversal: (0..n)
                .map(|i| bit_reverse(i, geometry.log_n()) as u32)
                .collect(),
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
            kernels::reduce_sums(
                &self.modulus(limb),
                &self.sums,
                &mut self.slots[slot.index()],
            );
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
                kernels::open_sums(&self.slots[dst.index()], &mut self.sums);
                0
            }
        };
        // A fault from here on leaves dst unwritten, so the sum is open only when it is complete.
        self.open_sum = None;
        let q = self.modulus(limb);
        match operands {
            [Operand::Slot(a), Operand::Slot(b)] => {
                kernels::accumulate(
                    &mut self.sums,
                    &self.slots[a.index()],
                    &self.slots[b.index()],
                );
            }
            [Operand::Slot(a), _] | [_, Operand::Slot(a)] => {
                let (a, sums) = (&self.slots[a.index()], &mut self.sums);
                input.residues(limb, &q, a.len(), |at, words| {
                    kernels::accumulate(
                        &mut sums[at..at + words.len()],
                        &a[at..at + words.len()],
                        words,
                    );
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
        let (out, slots) = (&mut self.spare, &self.slots);
        let accumulator = &slots[dst.index()];
        let n = out.len();
        match operands {
            [Operand::Slot(a), Operand::Slot(b)] => {
                kernels::pointwise(
                    op,
                    &q,
                    out,
                    accumulator,
                    &slots[a.index()],
                    &slots[b.index()],
                );
            }
            [Operand::Slot(a), _] => input.residues(limb, &q, n, |at, words| {
                let range = at..at + words.len();
                let [d, a] = [
                    &accumulator[range.clone()],
                    &slots[a.index()][range.clone()],
                ];
                kernels::pointwise(op, &q, &mut out[range], d, a, words);
            })?,
            [_, Operand::Slot(b)] => input.residues(limb, &q, n, |at, words| {
                let range = at..at + words.len();
                let [d, b] = [
                    &accumulator[range.clone()],
                    &slots[b.index()][range.clone()],
                ];
                kernels::pointwise(op, &q, &mut out[range], d, words, b);
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
                    kernels::integers(&q, &mut out[at..at + words.len()], words);
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
                for (value, &x) in self.spare.iter_mut().zip(self.slots[a.index()].iter()) {
                    *value = q.montgomery_mul(x, factor);
                }
                self.commit(dst);
            }
            Instruction::Automorphism { dst, a, galois } => {
                let (g, mask) = (galois.element() as usize, n - 1);
                let a = &self.slots[a.index()];
                let mut exponent = galois.index();
                for &position in &self.bit_reversal {
                    self.spare[position as usize] = a[self.bit_reversal[exponent] as usize];
                    exponent = (exponent + g) & mask;
                }
                self.commit(dst);
            }
            Instruction::Reduce { limb, dst, a, from } => {
                kernels::lift(
                    &self.modulus(from),
                    &self.modulus(limb),
                    &mut self.spare,
                    &self.slots[a.index()],
                );
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
        if let Some(position) = kernels::first_not_residue(words, self.modulus(limb).value()) {
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
