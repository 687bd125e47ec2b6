//! The fields of an instruction as types that cannot be out of range.

use core::fmt;

use super::IsaError;

/// The slot number that names the input stream.
pub const STREAM: u8 = 127;

/// A number in a fixed range, checked once when it is made.
macro_rules! field {
    ($(#[$doc:meta])* $name:ident($inner:ty), $label:literal, 0..=$greatest:literal) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(pub(super) $inner);

        impl $name {
            /// Checks the range.
            ///
            /// # Errors
            /// [`IsaError::Field`] for a number outside it.
            pub const fn new(value: $inner) -> Result<Self, IsaError> {
                if value > $greatest {
                    let field = $label;
                    return Err(IsaError::Field { field, value: value as u32, least: 0, greatest: $greatest });
                }
                Ok(Self(value))
            }

            /// The number.
            pub const fn value(self) -> $inner {
                self.0
            }

            /// The number, to index with.
            pub const fn index(self) -> usize {
                self.0 as usize
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }
    };
}

field!(
    /// A slot that an instruction can name: 0 to 126.
    Slot(u8), "slot", 0..=126
);
field!(
    /// A limb that an instruction can name: 0 to 15.
    Limb(u8), "limb", 0..=15
);
field!(
    /// An index into the constant memory: 0 to 127.
    Constant(u8), "constant index", 0..=127
);
field!(
    /// h of an automorphism X → X^(2h + 1): 0 to 8191.
    Galois(u16), "(g - 1) / 2", 0..=8191
);

impl Galois {
    /// The odd Galois element g = 2h + 1.
    pub const fn element(self) -> u32 {
        2 * self.0 as u32 + 1
    }
}

/// Where a pointwise instruction takes an operand from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Operand {
    /// A slot.
    Slot(Slot),
    /// The next n words of the input stream, which are residues in the order of the positions.
    Stream,
}

impl Operand {
    /// A slot number, or [`STREAM`].
    ///
    /// # Errors
    /// [`IsaError::Field`] above 127.
    pub const fn new(number: u8) -> Result<Self, IsaError> {
        match number {
            STREAM => Ok(Self::Stream),
            128.. => Err(IsaError::Field {
                field: "operand",
                value: number as u32,
                least: 0,
                greatest: STREAM as u32,
            }),
            _ => Ok(Self::Slot(Slot(number))),
        }
    }

    /// The number in the instruction word.
    pub const fn number(self) -> u8 {
        match self {
            Self::Slot(slot) => slot.0,
            Self::Stream => STREAM,
        }
    }
}

impl fmt::Display for Operand {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Slot(slot) => slot.fmt(f),
            Self::Stream => f.write_str("stream"),
        }
    }
}

/// What a pointwise instruction computes, a and b being residues.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum PointwiseOp {
    /// a·b·2^-36.
    Mul,
    /// dst + a·b·2^-36.
    Mac,
    /// a + b.
    Add,
    /// a − b.
    Sub,
}

/// How much the operands of a loop's body move in an iteration.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
pub struct Increment {
    /// Whether slot numbers in field a move.
    pub a: bool,
    /// Whether slot numbers in field b move.
    pub b: bool,
    /// Slots moved each iteration: 1 to 31, or 0 when neither field moves.
    pub stride: u8,
}

impl Increment {
    /// Operands stay.
    pub const NONE: Self = Self {
        a: false,
        b: false,
        stride: 0,
    };
    /// Field a moves by one slot.
    pub const A: Self = Self {
        a: true,
        b: false,
        stride: 1,
    };
    /// Field b moves by one slot.
    pub const B: Self = Self {
        a: false,
        b: true,
        stride: 1,
    };
    /// Both fields move by one slot.
    pub const AB: Self = Self {
        a: true,
        b: true,
        stride: 1,
    };
}

/// The fields of a `LOOP`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Loop {
    pub(super) count: u16,
    pub(super) body: u8,
    pub(super) increment: Increment,
}

impl Loop {
    /// A loop that runs the next `body` words `count` times: 1 ≤ count ≤ 4095, 1 ≤ body ≤ 255.
    ///
    /// # Errors
    /// [`IsaError::Field`] for a number outside its range, [`IsaError::Stride`] for a stride that contradicts
    /// the flags.
    pub const fn new(count: u16, body: u8, increment: Increment) -> Result<Self, IsaError> {
        if count == 0 || count > 4095 {
            return Err(IsaError::Field {
                field: "loop count",
                value: count as u32,
                least: 1,
                greatest: 4095,
            });
        }
        if body == 0 {
            return Err(IsaError::Field {
                field: "loop body",
                value: 0,
                least: 1,
                greatest: 255,
            });
        }
        if increment.stride > 31 {
            let value = increment.stride as u32;
            return Err(IsaError::Field {
                field: "loop stride",
                value,
                least: 0,
                greatest: 31,
            });
        }
        if (increment.a || increment.b) != (increment.stride != 0) {
            return Err(IsaError::Stride {
                stride: increment.stride,
            });
        }
        Ok(Self {
            count,
            body,
            increment,
        })
    }

    /// Iterations.
    pub const fn count(&self) -> u16 {
        self.count
    }

    /// Words in the body.
    pub const fn body(&self) -> u8 {
        self.body
    }

    /// Movement of the operands.
    pub const fn increment(&self) -> Increment {
        self.increment
    }
}
