//! Writing a program.

use heapless::Vec;

use super::{
    Constant, Galois, Increment, Instruction, IsaError, Limb, Loop, MAX_CONSTANTS, MAX_WORDS,
    Operand, PointwiseOp, Program, ProgramError, Slot,
};

/// Writes a program instruction by instruction. Slots, limbs and operands are plain numbers, checked here;
/// [`STREAM`](super::STREAM) stands for the stream. `HALT` is added by [`ProgramBuilder::finish`].
///
/// ```
/// use addax_core::isa::{Increment, ProgramBuilder, STREAM};
///
/// // Slot 4 = sum over i of slot i times a weight from the stream, then back to coefficients.
/// let mut builder = ProgramBuilder::new();
/// builder.mul(0, 4, 0, STREAM)?;
/// builder.repeat(3, Increment::A, |body| body.mac(0, 4, 1, STREAM))?;
/// builder.intt(0, 4, 4)?;
/// builder.store(4)?;
/// let program = builder.finish()?;
/// assert_eq!(program.words().len(), 6);
/// # Ok::<(), addax_core::isa::ProgramError>(())
/// ```
#[derive(Clone, Debug, Default)]
pub struct ProgramBuilder {
    words: Vec<u32, MAX_WORDS>,
    constants: Vec<u64, MAX_CONSTANTS>,
}

impl ProgramBuilder {
    /// An empty program.
    pub const fn new() -> Self {
        Self {
            words: Vec::new(),
            constants: Vec::new(),
        }
    }

    /// The words so far, without `HALT`; their structure is not checked yet.
    pub fn words(&self) -> &[u32] {
        &self.words
    }

    /// Words so far, `HALT` not counted.
    pub fn len(&self) -> usize {
        self.words.len()
    }

    /// Whether nothing was written yet.
    pub fn is_empty(&self) -> bool {
        self.words.is_empty()
    }

    /// The index of a constant, which is added unless an equal one is there already.
    ///
    /// # Errors
    /// [`ProgramError::TooManyConstants`].
    pub fn constant(&mut self, value: u64) -> Result<u8, ProgramError> {
        if let Some(index) = self.constants.iter().position(|&present| present == value) {
            return Ok(index as u8);
        }
        self.constants
            .push(value)
            .map_err(|_| ProgramError::TooManyConstants)?;
        Ok(self.constants.len() as u8 - 1)
    }

    /// Appends an instruction.
    ///
    /// # Errors
    /// [`ProgramError::Word`] for one that is not legal, [`ProgramError::TooLong`] when `HALT` would not fit.
    pub fn push(&mut self, instruction: Instruction) -> Result<&mut Self, ProgramError> {
        let word = instruction.encode();
        self.word(Instruction::decode(word))?;
        if self.words.len() + 1 >= MAX_WORDS {
            return Err(ProgramError::TooLong);
        }
        self.words.push(word).map_err(|_| ProgramError::TooLong)?;
        Ok(self)
    }

    fn word<T>(&self, field: Result<T, IsaError>) -> Result<T, ProgramError> {
        field.map_err(|source| ProgramError::Word {
            pc: self.words.len() as u16,
            source,
        })
    }

    fn limb(&self, limb: u8) -> Result<Limb, ProgramError> {
        self.word(Limb::new(limb))
    }

    fn slot(&self, slot: u8) -> Result<Slot, ProgramError> {
        self.word(Slot::new(slot))
    }

    /// `LD`: dst = residues from the stream.
    ///
    /// # Errors
    /// As every method that appends: those of [`ProgramBuilder::push`], and numbers out of range.
    pub fn load(&mut self, limb: u8, dst: u8) -> Result<&mut Self, ProgramError> {
        self.push(Instruction::Load {
            limb: self.limb(limb)?,
            dst: self.slot(dst)?,
        })
    }

    /// `LD` with 8-bit signed integers.
    ///
    /// # Errors
    /// As [`ProgramBuilder::load`].
    pub fn load_weights(&mut self, limb: u8, dst: u8) -> Result<&mut Self, ProgramError> {
        self.push(Instruction::LoadWeights {
            limb: self.limb(limb)?,
            dst: self.slot(dst)?,
        })
    }

    /// `ST`: stream = a.
    ///
    /// # Errors
    /// As [`ProgramBuilder::load`].
    pub fn store(&mut self, a: u8) -> Result<&mut Self, ProgramError> {
        self.push(Instruction::Store { a: self.slot(a)? })
    }

    /// `NTT`.
    ///
    /// # Errors
    /// As [`ProgramBuilder::load`].
    pub fn ntt(&mut self, limb: u8, dst: u8, a: u8) -> Result<&mut Self, ProgramError> {
        self.push(Instruction::Ntt {
            limb: self.limb(limb)?,
            dst: self.slot(dst)?,
            a: self.slot(a)?,
        })
    }

    /// `INTT`.
    ///
    /// # Errors
    /// As [`ProgramBuilder::load`].
    pub fn intt(&mut self, limb: u8, dst: u8, a: u8) -> Result<&mut Self, ProgramError> {
        self.push(Instruction::Intt {
            limb: self.limb(limb)?,
            dst: self.slot(dst)?,
            a: self.slot(a)?,
        })
    }

    /// A pointwise instruction.
    ///
    /// # Errors
    /// As [`ProgramBuilder::load`].
    pub fn pointwise(
        &mut self,
        op: PointwiseOp,
        limb: u8,
        dst: u8,
        a: u8,
        b: u8,
    ) -> Result<&mut Self, ProgramError> {
        let [a, b] = [self.word(Operand::new(a))?, self.word(Operand::new(b))?];
        self.push(Instruction::Pointwise {
            op,
            limb: self.limb(limb)?,
            dst: self.slot(dst)?,
            a,
            b,
        })
    }

    /// `MUL`: dst = a·b·2^-36.
    ///
    /// # Errors
    /// As [`ProgramBuilder::load`].
    pub fn mul(&mut self, limb: u8, dst: u8, a: u8, b: u8) -> Result<&mut Self, ProgramError> {
        self.pointwise(PointwiseOp::Mul, limb, dst, a, b)
    }

    /// `MAC`: dst = dst + a·b·2^-36.
    ///
    /// # Errors
    /// As [`ProgramBuilder::load`].
    pub fn mac(&mut self, limb: u8, dst: u8, a: u8, b: u8) -> Result<&mut Self, ProgramError> {
        self.pointwise(PointwiseOp::Mac, limb, dst, a, b)
    }

    /// `ADD`.
    ///
    /// # Errors
    /// As [`ProgramBuilder::load`].
    pub fn add(&mut self, limb: u8, dst: u8, a: u8, b: u8) -> Result<&mut Self, ProgramError> {
        self.pointwise(PointwiseOp::Add, limb, dst, a, b)
    }

    /// `SUB`: dst = a − b.
    ///
    /// # Errors
    /// As [`ProgramBuilder::load`].
    pub fn sub(&mut self, limb: u8, dst: u8, a: u8, b: u8) -> Result<&mut Self, ProgramError> {
        self.pointwise(PointwiseOp::Sub, limb, dst, a, b)
    }

    /// `MULI`: dst = a·constant·2^-36, the constant named by its [index](ProgramBuilder::constant).
    ///
    /// # Errors
    /// As [`ProgramBuilder::load`].
    pub fn mul_constant(
        &mut self,
        limb: u8,
        dst: u8,
        a: u8,
        constant: u8,
    ) -> Result<&mut Self, ProgramError> {
        let constant = self.word(Constant::new(constant))?;
        self.push(Instruction::MulConstant {
            limb: self.limb(limb)?,
            dst: self.slot(dst)?,
            a: self.slot(a)?,
            constant,
        })
    }

    /// `AUT` by an odd Galois element below 16384.
    ///
    /// # Errors
    /// As [`ProgramBuilder::load`].
    pub fn automorphism(
        &mut self,
        dst: u8,
        a: u8,
        element: u32,
    ) -> Result<&mut Self, ProgramError> {
        let illegal = IsaError::Field {
            field: "Galois element (odd)",
            value: element,
            least: 1,
            greatest: 16383,
        };
        let half = u16::try_from(element / 2).ok().filter(|_| element % 2 == 1);
        let galois = self.word(half.and_then(|half| Galois::new(half).ok()).ok_or(illegal))?;
        self.push(Instruction::Automorphism {
            dst: self.slot(dst)?,
            a: self.slot(a)?,
            galois,
        })
    }

    /// `RED`: dst under `limb` = the centred lift of a, which is under limb `from`.
    ///
    /// # Errors
    /// As [`ProgramBuilder::load`].
    pub fn reduce(
        &mut self,
        limb: u8,
        dst: u8,
        a: u8,
        from: u8,
    ) -> Result<&mut Self, ProgramError> {
        let from = self.limb(from)?;
        self.push(Instruction::Reduce {
            limb: self.limb(limb)?,
            dst: self.slot(dst)?,
            a: self.slot(a)?,
            from,
        })
    }

    /// `SYNC`.
    ///
    /// # Errors
    /// As [`ProgramBuilder::load`].
    pub fn sync(&mut self) -> Result<&mut Self, ProgramError> {
        self.push(Instruction::Sync)
    }

    /// `LOOP` around whatever `body` appends.
    ///
    /// # Errors
    /// As [`ProgramBuilder::load`], and an empty body or one of more than 255 words.
    pub fn repeat(
        &mut self,
        count: u16,
        increment: Increment,
        body: impl FnOnce(&mut Self) -> Result<&mut Self, ProgramError>,
    ) -> Result<&mut Self, ProgramError> {
        let place = self.words.len();
        // Its length is not known yet: a body of one word holds the place.
        let placeholder = self.word(Loop::new(count, 1, increment))?;
        self.push(Instruction::Loop(placeholder))?;
        body(self)?;
        let length = self.words.len() - place - 1;
        let fields = u8::try_from(length)
            .map_err(|_| IsaError::Field {
                field: "loop body",
                value: length as u32,
                least: 1,
                greatest: 255,
            })
            .and_then(|length| Loop::new(count, length, increment))
            .map_err(|source| ProgramError::Word {
                pc: place as u16,
                source,
            })?;
        self.words[place] = Instruction::Loop(fields).encode();
        Ok(self)
    }

    /// Adds `HALT` and checks the structure.
    ///
    /// # Errors
    /// As [`Program::from_words`].
    pub fn finish(mut self) -> Result<Program, ProgramError> {
        self.words
            .push(Instruction::Halt.encode())
            .map_err(|_| ProgramError::TooLong)?;
        let program = Program {
            words: self.words,
            constants: self.constants,
        };
        program.check_structure()?;
        Ok(program)
    }
}
