//! A program: legal words, legal structure, and its constants.
//!
//! A [`Program`] can only be made of legal words that end in the one `HALT`, whose loops nest as the
//! [instruction set](super) says, and whose operands stay slots in every iteration. What depends on a machine
//! (how many slots and limbs it has, its n) is checked by [`validate`], which every machine calls before it
//! starts. What depends on the state of the machine (limb tags, residues on the stream) is a fault at run time.

use heapless::Vec;

use super::{Geometry, Increment, Instruction, Loop, ProgramError, Slot};

/// Words of program memory.
pub const MAX_WORDS: usize = 1024;

/// Words of constant memory.
pub const MAX_CONSTANTS: usize = 128;

/// A program with legal words and legal structure, and the constants it ships.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Program {
    pub(super) words: Vec<u32, MAX_WORDS>,
    pub(super) constants: Vec<u64, MAX_CONSTANTS>,
}

impl Program {
    /// Takes a program from its words, as they travel on a link.
    ///
    /// # Errors
    /// The first rule that a word or the structure breaks.
    pub fn from_words(words: &[u32], constants: &[u64]) -> Result<Self, ProgramError> {
        let words = Vec::from_slice(words).map_err(|_| ProgramError::TooLong)?;
        let constants = Vec::from_slice(constants).map_err(|_| ProgramError::TooManyConstants)?;
        for (pc, &word) in words.iter().enumerate() {
            Instruction::decode(word).map_err(|source| ProgramError::Word {
                pc: pc as u16,
                source,
            })?;
        }
        let program = Self { words, constants };
        program.check_structure()?;
        Ok(program)
    }

    /// The instruction words; the last is `HALT`.
    pub fn words(&self) -> &[u32] {
        &self.words
    }

    /// The constants: residues of whichever limb the `MULI` that names them works under.
    pub fn constants(&self) -> &[u64] {
        &self.constants
    }

    /// The instruction at a place. Panics beyond the end, like indexing.
    pub fn instruction(&self, pc: u16) -> Instruction {
        match Instruction::decode(self.words[usize::from(pc)]) {
            Ok(instruction) => instruction,
            Err(_) => unreachable!("words are checked when the program is made"),
        }
    }

    /// All instructions in the order of the words, loops not unrolled.
    pub fn instructions(&self) -> impl Iterator<Item = (u16, Instruction)> + '_ {
        (0..self.words.len() as u16).map(|pc| (pc, self.instruction(pc)))
    }

    pub(super) fn check_structure(&self) -> Result<(), ProgramError> {
        let last = self
            .words
            .len()
            .checked_sub(1)
            .ok_or(ProgramError::NoHalt)?;
        if self.instruction(last as u16) != Instruction::Halt {
            return Err(ProgramError::NoHalt);
        }
        let mut nest = Nest::default();
        for (pc, instruction) in self.instructions() {
            nest.leave(pc);
            match instruction {
                Instruction::Halt if usize::from(pc) != last => {
                    return Err(ProgramError::EarlyHalt { pc });
                }
                Instruction::Loop(fields) => {
                    if nest.last(pc, &fields) >= nest.limit(last as u16) {
                        return Err(ProgramError::LoopEnd { pc });
                    }
                    nest.enter(pc, fields)
                        .map_err(|()| ProgramError::LoopDepth { pc })?;
                }
                Instruction::MulConstant { constant, .. }
                    if constant.index() >= self.constants.len() =>
                {
                    let constants = self.constants.len() as u8;
                    return Err(ProgramError::Constant {
                        pc,
                        index: constant.value(),
                        constants,
                    });
                }
                Instruction::Automorphism { dst, a, .. } if nest.reaches(a, dst) => {
                    return Err(ProgramError::InPlaceAutomorphism { pc });
                }
                _ => {}
            }
            if let Some(slot) = nest.highest_slot(&instruction).filter(|&slot| slot > 126) {
                return Err(ProgramError::Slot {
                    pc,
                    slot,
                    slots: 127,
                });
            }
        }
        Ok(())
    }
}

/// The loops around an instruction while the words are read once from front to back.
#[derive(Default)]
struct Nest {
    /// Last word of the body, and the loop; outermost first.
    loops: Vec<(u16, Loop), 2>,
}

impl Nest {
    fn last(&self, pc: u16, fields: &Loop) -> u16 {
        pc + u16::from(fields.body())
    }

    /// The first place that a loop starting here may not contain: after the surrounding body, or `HALT`.
    fn limit(&self, halt: u16) -> u16 {
        self.loops.last().map_or(halt, |(last, _)| last + 1)
    }

    fn leave(&mut self, pc: u16) {
        while self.loops.last().is_some_and(|&(last, _)| last < pc) {
            self.loops.pop();
        }
    }

    fn enter(&mut self, pc: u16, fields: Loop) -> Result<(), ()> {
        self.loops
            .push((self.last(pc, &fields), fields))
            .map_err(|_| ())
    }

    /// The greatest offset that the surrounding loops add to a field chosen by `moves`.
    fn greatest_offset(&self, moves: impl Fn(Increment) -> bool) -> u32 {
        let offset = |&(_, l): &(u16, Loop)| match moves(l.increment()) {
            true => (u32::from(l.count()) - 1) * u32::from(l.increment().stride),
            false => 0,
        };
        self.loops.iter().map(offset).sum()
    }

    fn highest_slot(&self, instruction: &Instruction) -> Option<u32> {
        let a = instruction
            .slot_a()
            .map(|a| u32::from(a.value()) + self.greatest_offset(|i| i.a));
        let b = instruction
            .slot_b()
            .map(|b| u32::from(b.value()) + self.greatest_offset(|i| i.b));
        let dst = instruction.destination().map(|dst| u32::from(dst.value()));
        a.max(b).max(dst)
    }

    /// Whether field a, starting at slot `a`, is `target` in some iteration.
    fn reaches(&self, a: Slot, target: Slot) -> bool {
        let Some(distance) = target.value().checked_sub(a.value()) else {
            return false;
        };
        let distance = u32::from(distance);
        let moving = |level: usize| {
            let fields = self
                .loops
                .get(level)
                .map(|(_, fields)| fields)
                .filter(|fields| fields.increment().a);
            fields.map_or((1, 0), |fields| {
                (
                    u32::from(fields.count()),
                    u32::from(fields.increment().stride),
                )
            })
        };
        let [(outer_count, outer_stride), (inner_count, inner_stride)] = [moving(0), moving(1)];
        (0..outer_count)
            .map(|t| t * outer_stride)
            .take_while(|&offset| offset <= distance)
            .any(|offset| {
                let rest = distance - offset;
                rest == 0
                    || inner_stride != 0
                        && rest % inner_stride == 0
                        && rest / inner_stride < inner_count
            })
    }
}

/// Whether a machine of this geometry, with a basis of `limbs` limbs, has everything that the program names.
///
/// A validated program can still fault at run time: by the limb tags of slots, by residues out of range in the
/// stream or the constants, and by the streams themselves.
///
/// # Errors
/// [`ProgramError::Slot`], [`ProgramError::Limb`] or [`ProgramError::Galois`] for the first word that fails.
pub fn validate(program: &Program, geometry: &Geometry, limbs: usize) -> Result<(), ProgramError> {
    let mut nest = Nest::default();
    for (pc, instruction) in program.instructions() {
        nest.leave(pc);
        if let Instruction::Loop(fields) = instruction {
            nest.enter(pc, fields)
                .map_err(|()| ProgramError::LoopDepth { pc })?;
        }
        let slots = geometry.slots() as u32;
        if let Some(slot) = nest
            .highest_slot(&instruction)
            .filter(|&slot| slot >= slots)
        {
            return Err(ProgramError::Slot { pc, slot, slots });
        }
        for limb in [instruction.limb(), instruction.source_limb()]
            .into_iter()
            .flatten()
        {
            if limb.index() >= limbs {
                return Err(ProgramError::Limb {
                    pc,
                    limb: limb.value(),
                    limbs,
                });
            }
        }
        if let Instruction::Automorphism { galois, .. } = instruction {
            let n = geometry.n();
            if galois.index() >= n || n > 8192 {
                return Err(ProgramError::Galois {
                    pc,
                    element: galois.element(),
                    n,
                });
            }
        }
    }
    Ok(())
}
