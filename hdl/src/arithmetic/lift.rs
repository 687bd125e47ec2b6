//! Makes a negative value positive without carrying through all of its bits.
//!
//! Adding q = qh·2^18 + 1 to a value v = high·2^18 + low changes the high digit by qh and leaves a one to be added at
//! the lowest bit. The next adder has room for that one as its carry.
//!
//! A value in (−1.5q, 0.5q), known modulo 2^36, is negative exactly if bit 35 or bit 34 is set: if it is not negative, it
//! is below 2^34, because q < 2^35; if it is, it appears as more than 2^36 − 1.5·2^35 = 2^34.

use addax_hdl_derive::SettledBlock;
use rust_hdl::core::prelude::*;

use crate::leaf::{EitherAdder, Register};
use crate::shape::Target;
use crate::word::{Word, bit_cast};

/// value + (q if value < 0) = high·2^18 + low + one, one cycle later.
///
/// Needs −1.5q < value < 0.5q. The result is in (−0.5q, q), with `high` in two's complement; it is in [0, q) if value was
/// at least −q.
#[derive(Clone, Debug, SettledBlock)]
pub struct Lift {
    /// The clock.
    pub clock: Signal<In, Clock>,
    /// A number modulo 2^36.
    pub value: Signal<In, Word<36>>,
    /// Modulus.
    pub qh: Signal<In, Word<17>>,
    /// High digit.
    pub high: Signal<Out, Word<18>>,
    /// Low digit.
    pub low: Signal<Out, Word<18>>,
    /// To be added at the lowest bit.
    pub one: Signal<Out, Bit>,

    sum: EitherAdder<18>,
    low_held: Register<Word<18>>,
    negative: Register<Bit>,
}

impl Lift {
    /// Cycles from the value to the digits.
    pub const LATENCY: usize = 1;

    /// The cell for a fabric.
    pub fn new(target: Target) -> Self {
        Self {
            clock: Signal::default(),
            value: Signal::default(),
            qh: Signal::default(),
            high: Signal::default(),
            low: Signal::default(),
            one: Signal::default(),
            sum: EitherAdder::new(target),
            low_held: Register::default(),
            negative: Register::default(),
        }
    }
}

impl Logic for Lift {
    #[hdl_gen]
    fn update(&mut self) {
        self.sum.clock.next = self.clock.val();
        self.low_held.clock.next = self.clock.val();
        self.negative.clock.next = self.clock.val();

        self.sum.a.next = self.value.val().get_bits::<18>(18);
        self.sum.b.next = bit_cast::<18, 17>(self.qh.val());
        self.sum.first.next = self.value.val().get_bit(35);
        self.sum.second.next = self.value.val().get_bit(34);
        self.low_held.d.next = self.value.val().get_bits::<18>(0);
        self.negative.d.next = self.value.val().get_bit(35) | self.value.val().get_bit(34);

        self.high.next = self.sum.sum.val();
        self.low.next = self.low_held.q.val();
        self.one.next = self.negative.q.val();
    }
}
