//! What the control should do, written plainly on words: the sequence of instructions, and the fault that ends it.

use addax_core::isa::{Instruction, Loop, MAX_WORDS, Slot, encoding};
use addax_core::machine::{Fault, Tags};

use crate::ports::error;
use crate::shape::Shape;

/// What the driver has written to a machine, and what the machine remembers.
#[derive(Clone, Debug)]
pub struct Memory {
    pub shape: Shape,
    pub words: Vec<u32>,
    pub constants: Vec<u64>,
    /// qh and 2^36 mod q of each limb that is known.
    pub limbs: Vec<Option<(u64, u64)>>,
    pub tags: Tags,
}

/// One instruction that is executed, increments added.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Event {
    pub place: u16,
    pub word: u32,
    pub instruction: Instruction,
}

/// How a program ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct End {
    pub code: u64,
    pub place: u64,
    pub word: u32,
    pub detail: u64,
}

struct Frame {
    fields: Loop,
    first: u32,
    last: u32,
    iteration: u32,
}

/// Follows a program until it ends, or for `limit` instructions. Tags are those of instructions that succeed.
pub struct Walk<'m> {
    memory: &'m mut Memory,
    place: u32,
    loops: Vec<Frame>,
}

impl<'m> Walk<'m> {
    pub fn new(memory: &'m mut Memory) -> Self {
        Self {
            memory,
            place: 0,
            loops: Vec::new(),
        }
    }

    /// All instructions executed, and the fault that ends the program, or None for `HALT`.
    pub fn run(mut self, limit: usize) -> (Vec<Event>, Option<End>) {
        let mut events = Vec::new();
        while events.len() < limit {
            match self.step() {
                Ok(event) => {
                    events.push(event);
                    if event.instruction == Instruction::Halt {
                        return (events, None);
                    }
                }
                Err(end) => return (events, Some(end)),
            }
        }
        panic!("the program does not end within {limit} instructions");
    }

    fn offset(&self, moves: impl Fn(&Loop) -> bool) -> u32 {
        let frames = self.loops.iter().filter(|frame| moves(&frame.fields));
        frames
            .map(|frame| frame.iteration * u32::from(frame.fields.increment().stride))
            .sum()
    }

    /// The word with increments added, and whether a sum has left its field.
    fn moved(&self, word: u32) -> (u32, bool) {
        use encoding::{A_SHIFT, B_SHIFT, op};
        let field = |shift: u32| word >> shift & 0x7f;
        let pointwise = |op: u32| matches!(op, op::MUL | op::MAC | op::ADD | op::SUB);
        let number = word >> encoding::OP_SHIFT;
        let moves_a = match number {
            op::ST | op::NTT | op::INTT | op::MULI | op::AUT | op::RED => true,
            _ => pointwise(number) && field(A_SHIFT) != 127,
        };
        let moves_b = pointwise(number) && field(B_SHIFT) != 127;
        let mut result = word;
        let mut left = false;
        for (moves, shift, offset) in [
            (moves_a, A_SHIFT, self.offset(|l| l.increment().a)),
            (moves_b, B_SHIFT, self.offset(|l| l.increment().b)),
        ] {
            if moves {
                let sum = field(shift) + offset;
                left |= sum >= self.memory.shape.slots() as u32;
                result = result & !(0x7f << shift) | (sum & 0x7f) << shift;
            }
        }
        (result, left)
    }

    fn known(&self, limb: usize) -> bool {
        self.memory.limbs.get(limb).is_some_and(Option::is_some)
    }

    fn fits(&self, instruction: &Instruction) -> bool {
        let slots = self.memory.shape.slots();
        let exists = |slot: Slot| slot.index() < slots;
        let galois = match instruction {
            Instruction::Automorphism { galois, .. } => galois.index() < self.memory.shape.n(),
            _ => true,
        };
        let nested = match instruction {
            Instruction::Loop(fields) => match self.loops.as_slice() {
                [] => true,
                [outer] => self.place + u32::from(fields.body()) <= outer.last,
                _ => false,
            },
            _ => true,
        };
        let limbs = [instruction.limb(), instruction.source_limb()];
        instruction.destination().is_none_or(exists)
            && limbs
                .into_iter()
                .flatten()
                .all(|limb| self.known(limb.index()))
            && galois
            && nested
    }

    fn step(&mut self) -> Result<Event, End> {
        let place = self.place;
        let end = |code, word| End {
            code,
            place: u64::from(place),
            word,
            detail: 0,
        };
        if place as usize >= MAX_WORDS {
            return Err(end(error::NO_HALT, 0));
        }
        let raw = self.memory.words.get(place as usize).copied().unwrap_or(0);
        let (word, left) = self.moved(raw);
        let illegal = end(error::ILLEGAL, word);
        if Instruction::decode(raw).is_err() || left {
            return Err(illegal);
        }
        let instruction = Instruction::decode(word).map_err(|_| illegal)?;
        if !self.fits(&instruction) {
            return Err(illegal);
        }
        let limb = self
            .memory
            .tags
            .check(&instruction)
            .map_err(|fault| match fault {
                Fault::Unwritten { slot } => End {
                    detail: u64::from(slot),
                    ..end(error::UNWRITTEN, word)
                },
                Fault::WrongLimb {
                    slot,
                    expected,
                    found,
                } => End {
                    detail: u64::from(slot) | u64::from(expected) << 8 | u64::from(found) << 12,
                    ..end(error::WRONG_LIMB, word)
                },
                other => panic!("{other}"),
            })?;
        if let Instruction::MulConstant { limb, constant, .. } = instruction {
            let value = self.memory.constants.get(constant.index()).copied();
            let (qh, _) = self.memory.limbs[limb.index()].expect("checked above");
            if value.unwrap_or(0) > qh << 18 {
                return Err(end(error::CONSTANT, word));
            }
        }
        if let Some(dst) = instruction.destination() {
            self.memory.tags.set(dst, limb);
        }
        self.advance();
        if let Instruction::Loop(fields) = instruction {
            self.loops.push(Frame {
                fields,
                first: place + 1,
                last: place + u32::from(fields.body()),
                iteration: 0,
            });
        }
        Ok(Event {
            place: place as u16,
            word,
            instruction,
        })
    }

    fn advance(&mut self) {
        while let Some(frame) = self.loops.last_mut().filter(|f| f.last == self.place) {
            frame.iteration += 1;
            if frame.iteration < u32::from(frame.fields.count()) {
                self.place = frame.first;
                return;
            }
            self.loops.pop();
        }
        self.place += 1;
    }
}
