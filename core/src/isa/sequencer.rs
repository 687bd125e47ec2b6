//! The order in which a program's instructions execute: loops followed, operands moved.

use heapless::Vec;

use super::{Instruction, Loop, Operand, Program, Slot};

/// One executed instruction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Step {
    /// Place of its word in the program.
    pub pc: u16,
    /// The instruction with the increments of the loops around it added to its operands.
    pub instruction: Instruction,
}

/// Walks a program as a machine does, `LOOP` and the final `HALT` included as steps of their own.
#[derive(Clone, Debug)]
pub struct Sequencer<'p> {
    program: &'p Program,
    /// The next word, or the program's length after `HALT`.
    pc: u16,
    /// The loops being executed, outermost first.
    loops: Vec<Frame, 2>,
}

#[derive(Clone, Debug)]
struct Frame {
    fields: Loop,
    first: u16,
    iteration: u16,
}

impl<'p> Sequencer<'p> {
    /// Starts at the first word.
    pub const fn new(program: &'p Program) -> Self {
        Self {
            program,
            pc: 0,
            loops: Vec::new(),
        }
    }

    fn moved(&self, instruction: Instruction) -> Instruction {
        let [mut by_a, mut by_b] = [0, 0];
        for Frame {
            fields, iteration, ..
        } in &self.loops
        {
            let increment = fields.increment();
            // Slots below 127 in every iteration are the program's invariant, so where a slot is moved by it,
            // this does not wrap; the offset of an operand that is the stream may, and is not used.
            let offset = iteration.wrapping_mul(u16::from(increment.stride)) as u8;
            by_a = u8::wrapping_add(by_a, if increment.a { offset } else { 0 });
            by_b = u8::wrapping_add(by_b, if increment.b { offset } else { 0 });
        }
        instruction.moved(by_a, by_b)
    }

    /// The place after `pc`, given the loops: back to a body's start while iterations remain.
    fn advance(&mut self, pc: u16) -> u16 {
        while let Some(frame) = self.loops.last_mut() {
            let last = frame.first + u16::from(frame.fields.body()) - 1;
            if pc != last {
                break;
            }
            frame.iteration += 1;
            if frame.iteration < frame.fields.count() {
                return frame.first;
            }
            self.loops.pop();
        }
        pc + 1
    }
}

impl Iterator for Sequencer<'_> {
    type Item = Step;

    fn next(&mut self) -> Option<Step> {
        let pc = self.pc;
        if usize::from(pc) >= self.program.words().len() {
            return None;
        }
        let instruction = self.moved(self.program.instruction(pc));
        self.pc = self.advance(pc);
        if let Instruction::Loop(fields) = instruction {
            let frame = Frame {
                fields,
                first: pc + 1,
                iteration: 0,
            };
            // Depth two is the program's invariant.
            let _ = self.loops.push(frame);
        }
        Some(Step { pc, instruction })
    }
}

impl Instruction {
    /// The instruction with its slot operands moved; the sums are slots, by the program's invariant.
    fn moved(self, by_a: u8, by_b: u8) -> Self {
        let slot = |slot: Slot, by: u8| Slot(slot.value().wrapping_add(by));
        let operand = |operand: Operand, by: u8| match operand {
            Operand::Slot(inner) => Operand::Slot(slot(inner, by)),
            Operand::Stream => Operand::Stream,
        };
        match self {
            Self::Store { a } => Self::Store { a: slot(a, by_a) },
            Self::Ntt { limb, dst, a } => Self::Ntt {
                limb,
                dst,
                a: slot(a, by_a),
            },
            Self::Intt { limb, dst, a } => Self::Intt {
                limb,
                dst,
                a: slot(a, by_a),
            },
            Self::Pointwise {
                op,
                limb,
                dst,
                a,
                b,
            } => Self::Pointwise {
                op,
                limb,
                dst,
                a: operand(a, by_a),
                b: operand(b, by_b),
            },
            Self::MulConstant {
                limb,
                dst,
                a,
                constant,
            } => Self::MulConstant {
                limb,
                dst,
                a: slot(a, by_a),
                constant,
            },
            Self::Automorphism { dst, a, galois } => Self::Automorphism {
                dst,
                a: slot(a, by_a),
                galois,
            },
            Self::Reduce { limb, dst, a, from } => Self::Reduce {
                limb,
                dst,
                a: slot(a, by_a),
                from,
            },
            Self::Load { .. }
            | Self::LoadWeights { .. }
            | Self::Loop(_)
            | Self::Sync
            | Self::Halt => self,
        }
    }
}
