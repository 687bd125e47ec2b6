//! Words of up to 64 bits as signals.
//!
//! rust-hdl's own `Bits<N>` is an array of `bool` above 32 bits; a machine of 36-bit words would crawl. A
//! [`Word`] is one `u64`, always below 2^N. In Verilog it is the same `[N-1:0]` vector, and the operators here
//! do what Verilog does **when the result is assigned to a signal of N bits**: sums and differences wrap at N.
//!
//! The emitter translates syntax, not types, so an expression must not depend on a width in its middle: every
//! sum, difference and complement is assigned to a signal of its own before it is compared, shifted or cast. The
//! rules are checked on the generated text by `verilog::check`.

use std::cmp::Ordering;
use std::fmt;
use std::ops::{Add, BitAnd, BitOr, BitXor, Mul, Not, Shl, Shr, Sub};

use rust_hdl::core::prelude::*;
use rust_hdl::core::type_descriptor::{TypeDescriptor, TypeKind};

/// An unsigned number of N ≤ 64 bits.
#[derive(Clone, Copy, Default, PartialEq, Eq, Hash)]
pub struct Word<const N: usize>(u64);

impl<const N: usize> Word<N> {
    const MASK: u64 = {
        assert!(N >= 1 && N <= 64);
        u64::MAX >> (64 - N)
    };

    /// The low N bits of a number.
    pub const fn new(value: u64) -> Self {
        Self(value & Self::MASK)
    }

    /// The number.
    pub const fn value(self) -> u64 {
        self.0
    }

    /// As the library's type, bit by bit, because its conversion from `u64` drops high bits.
    fn to_library(self) -> Bits<N> {
        (0..N).fold(Bits::default(), |bits, i| {
            bits.replace_bit(i, self.get_bit(i))
        })
    }

    /// M bits from bit `offset` upwards; translates to a part select.
    pub const fn get_bits<const M: usize>(&self, offset: usize) -> Word<M> {
        Word::new(self.0 >> offset)
    }

    /// Bit `index`; translates to a bit select.
    pub const fn get_bit(&self, index: usize) -> bool {
        self.0 >> index & 1 != 0
    }

    /// Whether any bit is set; translates to `|x`.
    pub const fn any(&self) -> bool {
        self.0 != 0
    }

    /// Whether all bits are set; translates to `&x`.
    pub const fn all(&self) -> bool {
        self.0 == Self::MASK
    }
}

/// Widens with zeros or drops high bits. Only of a plain signal: the emitter knows no width of an expression.
pub fn bit_cast<const M: usize, const N: usize>(word: Word<N>) -> Word<M> {
    Word::new(word.0)
}

/// A bit as a word of M bits, which is 0 or 1.
pub fn bit_cast_bit<const M: usize>(bit: bool) -> Word<M> {
    Word::new(bit as u64)
}

impl<const N: usize> From<u64> for Word<N> {
    fn from(value: u64) -> Self {
        Self::new(value)
    }
}

impl<const N: usize> From<Word<N>> for Bits<N> {
    fn from(word: Word<N>) -> Self {
        word.to_library()
    }
}

impl<const N: usize> fmt::Debug for Word<N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{N}'h{:x}", self.0)
    }
}

impl<const N: usize> PartialOrd for Word<N> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.0.cmp(&other.0))
    }
}

macro_rules! operator {
    ($trait:ident, $method:ident, $with:expr) => {
        impl<const N: usize> $trait for Word<N> {
            type Output = Self;

            fn $method(self, other: Self) -> Self {
                let with: fn(u64, u64) -> u64 = $with;
                Self::new(with(self.0, other.0))
            }
        }
    };
}

operator!(Add, add, |a, b| a.wrapping_add(b));
operator!(Sub, sub, |a, b| a.wrapping_sub(b));
operator!(Mul, mul, |a, b| a.wrapping_mul(b));
operator!(BitAnd, bitand, |a, b| a & b);
operator!(BitOr, bitor, |a, b| a | b);
operator!(BitXor, bitxor, |a, b| a ^ b);

impl<const N: usize> Shl<usize> for Word<N> {
    type Output = Self;

    fn shl(self, by: usize) -> Self {
        Self::new(self.0 << by)
    }
}

impl<const N: usize> Shr<usize> for Word<N> {
    type Output = Self;

    fn shr(self, by: usize) -> Self {
        Self::new(self.0 >> by)
    }
}

impl<const N: usize> Not for Word<N> {
    type Output = Self;

    fn not(self) -> Self {
        Self::new(!self.0)
    }
}

impl<const N: usize> Synth for Word<N> {
    const BITS: usize = N;

    fn descriptor() -> TypeDescriptor {
        TypeDescriptor {
            name: format!("Word<{N}>"),
            kind: TypeKind::Bits(N),
        }
    }

    fn vcd(self) -> VCDValue {
        self.to_library().vcd()
    }

    fn verilog(self) -> VerilogLiteral {
        self.to_library().into()
    }
}
