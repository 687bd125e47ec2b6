//! Adders with a register behind them, and with the choice of their operands in front.
//!
//! One cell of an ECP5 carry chain has a lookup table of four inputs, of which a plain adder uses two. The others can
//! select, mask or join operands without a further lookup table, as long as the chain's carry can still be made of two
//! of the inputs: Ecp5 variants state the table, plain Verilog the formula. All numbers are words of N bits that wrap.

use addax_hdl_derive::SettledBlock;
use rust_hdl::core::prelude::*;

use super::ecp5::{self, Feed, Start};
use crate::shape::Target;
use crate::word::Word;

/// All bits set where the bit is.
const fn mask(bit: bool) -> u64 {
    if bit { u64::MAX } else { 0 }
}

/// A registered adder: its words, its bits, its sum as formula of the model and of Verilog, and as carry chain.
macro_rules! adder {
    (
        $(#[$meta:meta])*
        $name:ident, words [$($word:ident),+], bits [$($bit:ident),*],
        model $model:expr,
        verilog $verilog:literal,
        table $table:literal, $feeds:expr, $start:expr
    ) => {
        $(#[$meta])*
        #[derive(Clone, Debug, SettledBlock)]
        pub struct $name<const N: usize> {
            /// The clock.
            pub clock: Signal<In, Clock>,
            $(
                /// Operand.
                pub $word: Signal<In, Word<N>>,
            )+
            $(
                /// Control or carry.
                pub $bit: Signal<In, Bit>,
            )*
            /// The formula's value of one cycle ago.
            pub sum: Signal<Out, Word<N>>,
            _target: Target,
        }

        impl<const N: usize> $name<N> {
            /// The adder for a fabric.
            pub fn new(target: Target) -> Self {
                Self {
                    clock: Signal::default(),
                    $($word: Signal::default(),)+
                    $($bit: Signal::default(),)*
                    sum: Signal::default(),
                    _target: target,
                }
            }
        }

        impl<const N: usize> Logic for $name<N> {
            fn update(&mut self) {
                if self.clock.changed {
                    let model: fn($(adder!(@u64 $word),)+ $(adder!(@bool $bit),)*) -> u64 = $model;
                    let sum = model($(self.$word.val().value(),)+ $(self.$bit.val(),)*);
                    self.sum.next = Word::new(sum);
                }
            }

            fn connect(&mut self) {
                self.sum.connect();
            }

            fn hdl(&self) -> Verilog {
                Verilog::Custom(match self._target {
                    Target::Behavioural => format!(
                        "initial sum = 0;\nalways @(posedge clock) sum <= {};\n",
                        $verilog.replace("{N}", &N.to_string())
                    ),
                    Target::Ecp5 => ecp5::adder(N, $table, $feeds, $start),
                })
            }
        }
    };
    (@u64 $word:ident) => { u64 };
    (@bool $bit:ident) => { bool };
}

adder! {
    /// sum = a + b
    Adder, words [a, b], bits [],
    model |a, b| a.wrapping_add(b),
    verilog "a + b",
    table 0x660a, [Feed::Word("a"), Feed::Word("b"), Feed::One, Feed::One], Start::Constant(false)
}

adder! {
    /// sum = a − b
    Subtractor, words [a, b], bits [],
    model |a, b| a.wrapping_sub(b),
    verilog "a - b",
    table 0x990a, [Feed::Word("a"), Feed::Word("b"), Feed::One, Feed::One], Start::Constant(true)
}

adder! {
    /// sum = a + b + carry
    CarryAdder, words [a, b], bits [carry],
    model |a, b, carry| a.wrapping_add(b).wrapping_add(u64::from(carry)),
    verilog "a + b + carry",
    table 0x660a, [Feed::Word("a"), Feed::Word("b"), Feed::One, Feed::One], Start::Signal("carry")
}

adder! {
    /// sum = a + (b if select, else 0) + carry
    MaskedAdder, words [a, b], bits [select, carry],
    model |a, b, select, carry| a.wrapping_add(b & mask(select)).wrapping_add(u64::from(carry)),
    verilog "a + (b & {{N}{select}}) + carry",
    table 0x6a0a, [Feed::Word("a"), Feed::Word("b"), Feed::Bit("select"), Feed::One],
    Start::Signal("carry")
}

adder! {
    /// sum = a + (b if one of the bits, else 0)
    EitherAdder, words [a, b], bits [first, second],
    model |a, b, first, second| a.wrapping_add(b & mask(first | second)),
    verilog "a + (b & {{N}{first | second}})",
    table 0x666a, [Feed::Word("a"), Feed::Word("b"), Feed::Bit("first"), Feed::Bit("second")],
    Start::Constant(false)
}

adder! {
    /// sum = a − (b if select, else 0)
    MaskedSubtractor, words [a, b], bits [select],
    model |a, b, select| a.wrapping_sub(b & mask(select)),
    verilog "a - (b & {{N}{select}})",
    table 0x9a0a, [Feed::Word("a"), Feed::Word("b"), Feed::Bit("select"), Feed::One],
    Start::Signal("select")
}

adder! {
    /// sum = a + (b | c) + carry
    UnionAdder, words [a, b, c], bits [carry],
    model |a, b, c, carry| a.wrapping_add(b | c).wrapping_add(u64::from(carry)),
    verilog "a + (b | c) + carry",
    table 0x560a, [Feed::Word("a"), Feed::Word("b"), Feed::Word("c"), Feed::One],
    Start::Signal("carry")
}

adder! {
    /// sum = a − (b | c) − 1 + carry
    UnionSubtractor, words [a, b, c], bits [carry],
    model |a, b, c, carry| a.wrapping_add(!(b | c)).wrapping_add(u64::from(carry)),
    verilog "a + ~(b | c) + carry",
    table 0xa90a, [Feed::Word("a"), Feed::Word("b"), Feed::Word("c"), Feed::One],
    Start::Signal("carry")
}

adder! {
    /// sum = (a | b) + (c | d) + carry
    PairAdder, words [a, b, c, d], bits [carry],
    model |a, b, c, d, carry| (a | b).wrapping_add(c | d).wrapping_add(u64::from(carry)),
    verilog "(a | b) + (c | d) + carry",
    table 0x111e, [Feed::Word("a"), Feed::Word("b"), Feed::Word("c"), Feed::Word("d")],
    Start::Signal("carry")
}

adder! {
    /// sum = a − b − 1 + carry if `select`; c + carry if not, in which case **a must be 0**.
    ChoiceAdder, words [a, b, c], bits [select, carry],
    model |a, b, c, select, carry| a
        .wrapping_add(if select { !b } else { c })
        .wrapping_add(u64::from(carry)),
    verilog "a + (select ? ~b : c) + carry",
    table 0x995a, [Feed::Word("a"), Feed::Word("b"), Feed::Word("c"), Feed::Bit("select")],
    Start::Signal("carry")
}
