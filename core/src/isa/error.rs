//! What can be wrong with a word or a program, before anything runs.

use core::fmt;

/// Why a word, a field or a geometry is not legal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IsaError {
    /// The op field names no instruction.
    Opcode {
        /// The 5-bit op.
        op: u8,
    },
    /// A field that the instruction does not use is not zero, or a flag has no meaning.
    Unused {
        /// The whole word.
        word: u32,
    },
    /// A field is outside its range.
    Field {
        /// The field's name.
        field: &'static str,
        /// The value found.
        value: u32,
        /// The least legal value.
        least: u32,
        /// The greatest legal value.
        greatest: u32,
    },
    /// Both operands are the input stream.
    TwoStreams,
    /// An automorphism would overwrite the slot that it reads.
    InPlaceAutomorphism {
        /// The slot named twice.
        slot: u8,
    },
    /// A loop has a stride without a flag that uses it, or a flag with stride zero.
    Stride {
        /// The stride found.
        stride: u8,
    },
}

impl fmt::Display for IsaError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::Opcode { op } => write!(f, "op {op} names no instruction"),
            Self::Unused { word } => write!(
                f,
                "word {word:#010x} has bits set that its instruction does not use"
            ),
            Self::Field {
                field,
                value,
                least,
                greatest,
            } => {
                write!(f, "{field} is {value}, legal are {least} to {greatest}")
            }
            Self::TwoStreams => f.write_str("both operands are the input stream"),
            Self::InPlaceAutomorphism { slot } => {
                write!(
                    f,
                    "an automorphism cannot overwrite slot {slot}, which it reads"
                )
            }
            Self::Stride { stride: 0 } => {
                f.write_str("a loop that increments operands needs a stride of at least 1")
            }
            Self::Stride { stride } => {
                write!(f, "a loop has stride {stride} but increments no operand")
            }
        }
    }
}

impl core::error::Error for IsaError {}

/// Why a sequence of legal words is not a legal program, or not one for a given machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProgramError {
    /// The word at this place is not legal.
    Word {
        /// Place of the word in the program.
        pc: u16,
        /// What is wrong with it.
        source: IsaError,
    },
    /// The program has more words than program memory.
    TooLong,
    /// The constants do not fit constant memory.
    TooManyConstants,
    /// The last word is not `HALT`.
    NoHalt,
    /// A `HALT` stands before the end.
    EarlyHalt {
        /// Place of the word.
        pc: u16,
    },
    /// A loop's body reaches beyond the last word before `HALT`, or beyond the loop around it.
    LoopEnd {
        /// Place of the `LOOP`.
        pc: u16,
    },
    /// A loop inside a loop inside a loop.
    LoopDepth {
        /// Place of the innermost `LOOP`.
        pc: u16,
    },
    /// An operand, increments included, reaches a slot that cannot exist or that this machine does not have.
    Slot {
        /// Place of the word.
        pc: u16,
        /// The highest slot that the word touches.
        slot: u32,
        /// How many slots there are.
        slots: u32,
    },
    /// An automorphism reads its destination in some iteration of a loop.
    InPlaceAutomorphism {
        /// Place of the word.
        pc: u16,
    },
    /// A `MULI` names a constant that the program does not ship.
    Constant {
        /// Place of the word.
        pc: u16,
        /// The index named.
        index: u8,
        /// How many constants there are.
        constants: u8,
    },
    /// A limb that the machine's basis does not have.
    Limb {
        /// Place of the word.
        pc: u16,
        /// The limb named.
        limb: u8,
        /// How many limbs there are.
        limbs: usize,
    },
    /// A Galois element not below 2n, or an automorphism on a machine with n > 8192.
    Galois {
        /// Place of the word.
        pc: u16,
        /// The Galois element named.
        element: u32,
        /// The machine's n.
        n: usize,
    },
}

impl fmt::Display for ProgramError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::Word { pc, source } => write!(f, "word {pc}: {source}"),
            Self::TooLong => write!(f, "the program has more than {} words", super::MAX_WORDS),
            Self::TooManyConstants => write!(
                f,
                "the program has more than {} constants",
                super::MAX_CONSTANTS
            ),
            Self::NoHalt => f.write_str("the program does not end in HALT"),
            Self::EarlyHalt { pc } => write!(f, "word {pc}: HALT before the end of the program"),
            Self::LoopEnd { pc } => write!(f, "word {pc}: the loop's body leaves what contains it"),
            Self::LoopDepth { pc } => write!(f, "word {pc}: loops are nested more than two deep"),
            Self::Slot { pc, slot, slots } => {
                write!(f, "word {pc}: touches slot {slot}, there are {slots}")
            }
            Self::InPlaceAutomorphism { pc } => {
                write!(
                    f,
                    "word {pc}: the automorphism reads its destination in some iteration"
                )
            }
            Self::Constant {
                pc,
                index,
                constants,
            } => {
                write!(
                    f,
                    "word {pc}: constant {index} of a program with {constants}"
                )
            }
            Self::Limb { pc, limb, limbs } => {
                write!(f, "word {pc}: limb {limb} of a basis with {limbs}")
            }
            Self::Galois { pc, element, n } => {
                write!(
                    f,
                    "word {pc}: automorphism X -> X^{element} on a machine with n = {n}"
                )
            }
        }
    }
}

impl core::error::Error for ProgramError {
    fn source(&self) -> Option<&(dyn core::error::Error + 'static)> {
        match self {
            Self::Word { source, .. } => Some(source),
            _ => None,
        }
    }
}
