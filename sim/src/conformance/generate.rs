//! Random legal programs that do not fault.
//!
//! A program is made block by block; a block is one instruction or a loop, perhaps with a loop inside. Each block is
//! drawn at random, then followed through its iterations with nothing but limb tags: if it would fault, another is
//! drawn. So tags are right by trial and not by cleverness, and loops may do anything legal.

use addax_core::isa::{
    Geometry, Increment, Instruction, Limb, PointwiseOp, Program, ProgramBuilder, ProgramError,
    STREAM, Sequencer, Slot, validate,
};
use addax_core::machine::Tags;

use crate::Basis;
use crate::random::Random;

/// Makes programs for one machine after another, following the tags of its slots.
pub struct Generator<'b> {
    random: Random,
    geometry: Geometry,
    basis: &'b Basis,
    tags: Tags,
}

/// What an executed instruction takes from the stream.
#[derive(Clone, Copy)]
enum Taken {
    Residues(Limb),
    Integers,
}

impl<'b> Generator<'b> {
    /// Starts with a machine whose slots were never written.
    pub fn new(random: Random, geometry: Geometry, basis: &'b Basis) -> Self {
        Self {
            random,
            geometry,
            basis,
            tags: Tags::default(),
        }
    }

    /// The next program, of at most `words` instructions and a `HALT`, and its input stream.
    pub fn program(&mut self, words: usize) -> (Program, Vec<u64>) {
        let constants = self.constants();
        let mut program: Vec<u32> = Vec::new();
        let mut taken = Vec::new();
        let mut refused = 0;
        while program.len() < words {
            // When nothing random fits, a load always does.
            let block = if refused < 20 {
                self.block()
            } else {
                self.load()
            };
            let accepted = block
                .ok()
                .filter(|block| program.len() + block.len() <= words)
                .and_then(|block| {
                    let end = [Instruction::Halt.encode()];
                    let alone =
                        Program::from_words(&[&block, &end[..]].concat(), &constants).ok()?;
                    let (tags, block_taken) = self.follow(&alone)?;
                    Some((block, tags, block_taken))
                });
            let Some((block, tags, block_taken)) = accepted else {
                refused += 1;
                continue;
            };
            refused = 0;
            program.extend(block);
            self.tags = tags;
            taken.extend(block_taken);
        }
        program.push(Instruction::Halt.encode());
        let program = Program::from_words(&program, &constants).expect("made of legal blocks");
        let stream = taken
            .into_iter()
            .flat_map(|taken| self.polynomial(taken))
            .collect();
        (program, stream)
    }

    /// Edges of every limb, then residues of all.
    fn constants(&mut self) -> Vec<u64> {
        let moduli: Vec<u64> = (0..self.basis.limbs())
            .map(|limb| self.basis.modulus(limb).value())
            .collect();
        let least = moduli.iter().copied().min().unwrap_or(1);
        let random = (0..4).map(|_| self.random.below(least)).collect::<Vec<_>>();
        [0, 1]
            .into_iter()
            .chain(moduli.iter().map(|q| q - 1))
            .chain(random)
            .collect()
    }

    /// The tags after a block and what it takes from the stream, or None if it faults.
    fn follow(&self, block: &Program) -> Option<(Tags, Vec<Taken>)> {
        validate(block, &self.geometry, self.basis.limbs()).ok()?;
        let mut tags = self.tags.clone();
        let mut taken = Vec::new();
        for step in Sequencer::new(block) {
            let limb = tags.check(&step.instruction).ok()?;
            match step.instruction {
                Instruction::MulConstant { limb, constant, .. } => {
                    let q = self.basis.modulus(limb.index()).value();
                    block
                        .constants()
                        .get(constant.index())
                        .filter(|&&constant| constant < q)?;
                }
                Instruction::LoadWeights { .. } => taken.push(Taken::Integers),
                instruction if instruction.reads_stream() => {
                    taken.extend(limb.map(Taken::Residues))
                }
                _ => {}
            }
            if let Some(dst) = step.instruction.destination() {
                tags.set(dst, limb);
            }
        }
        Some((tags, taken))
    }

    fn polynomial(&mut self, taken: Taken) -> Vec<u64> {
        let n = self.geometry.n();
        match taken {
            Taken::Integers => (0..n).map(|_| self.random.next()).collect(),
            Taken::Residues(limb) => {
                let q = self.basis.modulus(limb.index()).value();
                (0..n)
                    .map(|_| match self.random.below(16) {
                        0 => 0,
                        1 => q - 1,
                        _ => self.random.below(q),
                    })
                    .collect()
            }
        }
    }

    fn load(&mut self) -> Result<Vec<u32>, ProgramError> {
        let (limb, dst) = (self.limb(), self.slot());
        let mut builder = ProgramBuilder::new();
        builder.load(limb, dst)?;
        Ok(builder.words().to_vec())
    }

    fn block(&mut self) -> Result<Vec<u32>, ProgramError> {
        let mut builder = ProgramBuilder::new();
        match self.random.below(8) {
            0 => self.repeat(&mut builder, 1)?,
            1 => self.repeat(&mut builder, 2)?,
            _ => self.instruction(&mut builder)?,
        }
        Ok(builder.words().to_vec())
    }

    fn repeat(&mut self, builder: &mut ProgramBuilder, depth: u32) -> Result<(), ProgramError> {
        let count = 1 + self.random.below(4) as u16;
        let increment = match self.random.below(5) {
            0 => Increment::A,
            1 => Increment::B,
            2 => Increment::AB,
            3 => Increment {
                a: true,
                b: self.random.below(2) == 0,
                stride: 1 + self.random.below(3) as u8,
            },
            _ => Increment::NONE,
        };
        let length = 1 + self.random.below(3);
        builder.repeat(count, increment, |body| {
            for _ in 0..length {
                match depth {
                    2 if self.random.below(2) == 0 => self.repeat(body, 1)?,
                    _ => self.instruction(body)?,
                }
            }
            Ok(body)
        })?;
        Ok(())
    }

    fn limb(&mut self) -> u8 {
        self.random.below(self.basis.limbs() as u64) as u8
    }

    fn slot(&mut self) -> u8 {
        self.random.below(self.geometry.slots() as u64) as u8
    }

    /// Mostly a slot that can be read under the limb.
    fn readable(&mut self, limb: u8) -> u8 {
        let first = self.slot();
        let slots = self.geometry.slots() as u8;
        let mut candidates = (0..slots).map(|offset| (first + offset) % slots);
        let tags = &self.tags;
        let tagged = |slot: &u8| {
            Slot::new(*slot)
                .ok()
                .and_then(|slot| tags.get(slot))
                .map(Limb::value)
                == Some(limb)
        };
        candidates.find(tagged).unwrap_or(first)
    }

    fn instruction(&mut self, builder: &mut ProgramBuilder) -> Result<(), ProgramError> {
        let (limb, dst) = (self.limb(), self.slot());
        let a = self.readable(limb);
        match self.random.below(20) {
            0 => builder.load(limb, dst)?,
            1 => builder.load_weights(limb, dst)?,
            2 => builder.store(a)?,
            3 => builder.ntt(limb, dst, a)?,
            4 => builder.intt(limb, dst, a)?,
            5..=6 => builder.mul_constant(limb, dst, a, self.random.below(8) as u8)?,
            7..=8 => {
                let element = 2 * self.random.below(self.geometry.n().min(8192) as u64) + 1;
                builder.automorphism(dst, a, element as u32)?
            }
            9..=10 => builder.reduce(self.limb(), dst, a, limb)?,
            11 => builder.sync()?,
            choice => {
                let op = match choice {
                    12 => PointwiseOp::Mul,
                    13 => PointwiseOp::Add,
                    14 | 15 => PointwiseOp::Sub,
                    _ => PointwiseOp::Mac,
                };
                let dst = if op == PointwiseOp::Mac {
                    self.readable(limb)
                } else {
                    dst
                };
                let b = self.readable(limb);
                let [a, b] = match self.random.below(4) {
                    0 => [STREAM, b],
                    1 => [a, STREAM],
                    _ => [a, b],
                };
                builder.pointwise(op, limb, dst, a, b)?
            }
        };
        Ok(())
    }
}
