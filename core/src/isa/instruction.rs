//! One instruction: its fields as types, and its word.
//!
//! The layout is defined in the [module documentation](super). [`Instruction::decode`] accepts exactly the legal
//! words, and `decode(w)?.encode() == w`.

use super::IsaError;
use super::encoding::{
    A_SHIFT, B_SHIFT, BODY_BITS, BODY_SHIFT, COUNT_BITS, COUNT_SHIFT, DST_SHIFT, FLAG_BITS,
    LIMB_BITS, LIMB_SHIFT, OP_SHIFT, SLOT_BITS, STRIDE_BITS, STRIDE_SHIFT, op,
};
use super::fields::{Constant, Galois, Increment, Limb, Loop, Operand, PointwiseOp, STREAM, Slot};

/// One instruction. Ranges of single fields hold by their types; two rules between fields do not: an instruction
/// that breaks one ([`IsaError::TwoStreams`], [`IsaError::InPlaceAutomorphism`]) packs into a word that
/// [`Instruction::decode`] refuses, and no [`Program`](super::Program) contains it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Instruction {
    /// dst = n words of the input stream, as residues.
    Load {
        /// Limb of the residues.
        limb: Limb,
        /// Slot written.
        dst: Slot,
    },
    /// dst = n words of the input stream, the low 8 bits of each being a signed integer; other bits are ignored.
    LoadWeights {
        /// Limb of the residues made.
        limb: Limb,
        /// Slot written.
        dst: Slot,
    },
    /// Output stream = the n residues of a slot.
    Store {
        /// Slot read, under whatever limb it was written.
        a: Slot,
    },
    /// dst = transform of a.
    Ntt {
        /// Limb of both slots.
        limb: Limb,
        /// Slot written.
        dst: Slot,
        /// Slot read; may be dst.
        a: Slot,
    },
    /// dst = inverse transform of a.
    Intt {
        /// Limb of both slots.
        limb: Limb,
        /// Slot written.
        dst: Slot,
        /// Slot read; may be dst.
        a: Slot,
    },
    /// dst = a op b, position by position.
    Pointwise {
        /// What is computed.
        op: PointwiseOp,
        /// Limb of all operands.
        limb: Limb,
        /// Slot written, and read by [`PointwiseOp::Mac`]; may be an operand.
        dst: Slot,
        /// Left operand.
        a: Operand,
        /// Right operand; at most one operand is the stream.
        b: Operand,
    },
    /// dst = a·constant·2^-36.
    MulConstant {
        /// Limb of both slots and the constant.
        limb: Limb,
        /// Slot written.
        dst: Slot,
        /// Slot read; may be dst.
        a: Slot,
        /// Which constant.
        constant: Constant,
    },
    /// dst = a under X → X^g, in transform order, under the limb of a.
    Automorphism {
        /// Slot written.
        dst: Slot,
        /// Slot read; differs from dst.
        a: Slot,
        /// The Galois element.
        galois: Galois,
    },
    /// dst = the centred lift of a, reduced under another limb.
    Reduce {
        /// Limb of dst.
        limb: Limb,
        /// Slot written.
        dst: Slot,
        /// Slot read; may be dst.
        a: Slot,
        /// Limb of a.
        from: Limb,
    },
    /// Repeats the instructions that follow.
    Loop(Loop),
    /// Waits until every word of earlier stores has left the machine.
    Sync,
    /// Ends the program.
    Halt,
}

const fn pack(op: u32, limb: u8, dst: u8, a: u8, b: u8, flags: u32) -> u32 {
    op << OP_SHIFT
        | (limb as u32) << LIMB_SHIFT
        | (dst as u32) << DST_SHIFT
        | (a as u32) << A_SHIFT
        | (b as u32) << B_SHIFT
        | flags
}

/// `bits` bits of a word from bit `shift` upwards.
const fn field(word: u32, shift: u32, bits: u32) -> u32 {
    word >> shift & ((1 << bits) - 1)
}

impl Instruction {
    /// The instruction's word.
    pub const fn encode(self) -> u32 {
        match self {
            Self::Load { limb, dst } => pack(op::LD, limb.0, dst.0, 0, 0, 0),
            Self::LoadWeights { limb, dst } => pack(op::LD, limb.0, dst.0, 0, 0, 1),
            Self::Store { a } => pack(op::ST, 0, 0, a.0, 0, 0),
            Self::Ntt { limb, dst, a } => pack(op::NTT, limb.0, dst.0, a.0, 0, 0),
            Self::Intt { limb, dst, a } => pack(op::INTT, limb.0, dst.0, a.0, 0, 0),
            Self::Pointwise {
                op,
                limb,
                dst,
                a,
                b,
            } => {
                let op = match op {
                    PointwiseOp::Mul => op::MUL,
                    PointwiseOp::Mac => op::MAC,
                    PointwiseOp::Add => op::ADD,
                    PointwiseOp::Sub => op::SUB,
                };
                pack(op, limb.0, dst.0, a.number(), b.number(), 0)
            }
            Self::MulConstant {
                limb,
                dst,
                a,
                constant,
            } => pack(op::MULI, limb.0, dst.0, a.0, constant.0, 0),
            Self::Automorphism {
                dst,
                a,
                galois: Galois(h),
            } => pack(
                op::AUT,
                (h >> 9) as u8,
                dst.0,
                a.0,
                (h >> 2) as u8 & 0x7f,
                h as u32 & 3,
            ),
            Self::Reduce { limb, dst, a, from } => pack(op::RED, limb.0, dst.0, a.0, from.0, 0),
            Self::Loop(Loop {
                count,
                body,
                increment,
            }) => {
                op::LOOP << OP_SHIFT
                    | (count as u32) << COUNT_SHIFT
                    | (body as u32) << BODY_SHIFT
                    | (increment.stride as u32) << STRIDE_SHIFT
                    | (increment.b as u32) << 1
                    | increment.a as u32
            }
            Self::Sync => op::SYNC << OP_SHIFT,
            Self::Halt => op::HALT << OP_SHIFT,
        }
    }

    /// The meaning of a word.
    ///
    /// # Errors
    /// The first rule that the word breaks; see [`IsaError`].
    pub const fn decode(word: u32) -> Result<Self, IsaError> {
        let op = word >> OP_SHIFT;
        if op == op::LOOP {
            return decode_loop(word);
        }
        let limb = Limb(field(word, LIMB_SHIFT, LIMB_BITS) as u8);
        let flags = field(word, 0, FLAG_BITS);
        let numbers = [
            field(word, DST_SHIFT, SLOT_BITS) as u8,
            field(word, A_SHIFT, SLOT_BITS) as u8,
            field(word, B_SHIFT, SLOT_BITS) as u8,
        ];
        let [dst, a, b] = numbers;

        // The stream can be an operand of pointwise instructions and nothing else. An unused field of 127 is
        // caught below, by comparing with the word that the instruction packs into.
        let pointwise = matches!(op, op::MUL | op::MAC | op::ADD | op::SUB);
        if dst == STREAM || a == STREAM && !pointwise {
            return Err(IsaError::Field {
                field: "slot",
                value: STREAM as u32,
                least: 0,
                greatest: 126,
            });
        }
        let [dst_slot, a_slot] = [Slot(dst), Slot(a)];
        let instruction = match op {
            op::LD if flags == 0 => Self::Load {
                limb,
                dst: dst_slot,
            },
            op::LD => Self::LoadWeights {
                limb,
                dst: dst_slot,
            },
            op::ST => Self::Store { a: a_slot },
            op::NTT => Self::Ntt {
                limb,
                dst: dst_slot,
                a: a_slot,
            },
            op::INTT => Self::Intt {
                limb,
                dst: dst_slot,
                a: a_slot,
            },
            op::MUL | op::MAC | op::ADD | op::SUB => {
                if a == STREAM && b == STREAM {
                    return Err(IsaError::TwoStreams);
                }
                let [left, right] = match (a, b) {
                    (STREAM, _) => [Operand::Stream, Operand::Slot(Slot(b))],
                    (_, STREAM) => [Operand::Slot(a_slot), Operand::Stream],
                    _ => [Operand::Slot(a_slot), Operand::Slot(Slot(b))],
                };
                let op = match op {
                    op::MUL => PointwiseOp::Mul,
                    op::MAC => PointwiseOp::Mac,
                    op::ADD => PointwiseOp::Add,
                    _ => PointwiseOp::Sub,
                };
                Self::Pointwise {
                    op,
                    limb,
                    dst: dst_slot,
                    a: left,
                    b: right,
                }
            }
            op::MULI => Self::MulConstant {
                limb,
                dst: dst_slot,
                a: a_slot,
                constant: Constant(b),
            },
            op::AUT => {
                if dst == a {
                    return Err(IsaError::InPlaceAutomorphism { slot: a });
                }
                let galois = Galois((limb.0 as u16) << 9 | (b as u16) << 2 | flags as u16);
                Self::Automorphism {
                    dst: dst_slot,
                    a: a_slot,
                    galois,
                }
            }
            op::RED => match Limb::new(b) {
                Ok(from) => Self::Reduce {
                    limb,
                    dst: dst_slot,
                    a: a_slot,
                    from,
                },
                Err(error) => return Err(error),
            },
            op::SYNC => Self::Sync,
            op::HALT => Self::Halt,
            _ => return Err(IsaError::Opcode { op: op as u8 }),
        };
        if instruction.encode() != word {
            return Err(IsaError::Unused { word });
        }
        Ok(instruction)
    }

    /// The slot that is written, if any.
    pub const fn destination(&self) -> Option<Slot> {
        match *self {
            Self::Load { dst, .. }
            | Self::LoadWeights { dst, .. }
            | Self::Ntt { dst, .. }
            | Self::Intt { dst, .. }
            | Self::Pointwise { dst, .. }
            | Self::MulConstant { dst, .. }
            | Self::Automorphism { dst, .. }
            | Self::Reduce { dst, .. } => Some(dst),
            Self::Store { .. } | Self::Loop(_) | Self::Sync | Self::Halt => None,
        }
    }

    /// The slot that field a names, if it names one.
    pub const fn slot_a(&self) -> Option<Slot> {
        match *self {
            Self::Store { a }
            | Self::Ntt { a, .. }
            | Self::Intt { a, .. }
            | Self::MulConstant { a, .. }
            | Self::Automorphism { a, .. }
            | Self::Reduce { a, .. }
            | Self::Pointwise {
                a: Operand::Slot(a),
                ..
            } => Some(a),
            _ => None,
        }
    }

    /// The slot that field b names, if it names one.
    pub const fn slot_b(&self) -> Option<Slot> {
        match *self {
            Self::Pointwise {
                b: Operand::Slot(b),
                ..
            } => Some(b),
            _ => None,
        }
    }

    /// The limb field, of instructions that have one.
    pub const fn limb(&self) -> Option<Limb> {
        match *self {
            Self::Load { limb, .. }
            | Self::LoadWeights { limb, .. }
            | Self::Ntt { limb, .. }
            | Self::Intt { limb, .. }
            | Self::Pointwise { limb, .. }
            | Self::MulConstant { limb, .. }
            | Self::Reduce { limb, .. } => Some(limb),
            _ => None,
        }
    }

    /// The limb that `RED` reads under.
    pub const fn source_limb(&self) -> Option<Limb> {
        match *self {
            Self::Reduce { from, .. } => Some(from),
            _ => None,
        }
    }

    /// Whether n words of the input stream are consumed.
    pub const fn reads_stream(&self) -> bool {
        matches!(
            self,
            Self::Load { .. }
                | Self::LoadWeights { .. }
                | Self::Pointwise {
                    a: Operand::Stream,
                    ..
                }
                | Self::Pointwise {
                    b: Operand::Stream,
                    ..
                }
        )
    }
}

const fn decode_loop(word: u32) -> Result<Instruction, IsaError> {
    let increment = Increment {
        a: word & 1 != 0,
        b: word & 2 != 0,
        stride: field(word, STRIDE_SHIFT, STRIDE_BITS) as u8,
    };
    match Loop::new(
        field(word, COUNT_SHIFT, COUNT_BITS) as u16,
        field(word, BODY_SHIFT, BODY_BITS) as u8,
        increment,
    ) {
        Ok(fields) => Ok(Instruction::Loop(fields)),
        Err(error) => Err(error),
    }
}
