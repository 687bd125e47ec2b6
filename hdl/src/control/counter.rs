//! A counter of 48 bits in three parts of 18, 18 and 12; a carry takes a cycle from part to part, so that no adder is
//! longer than 18 bits.

use rust_hdl::core::prelude::*;
use rust_hdl::widgets::dff_setup;

use crate::leaf::Register;
use crate::word::{Word, bit_cast, bit_cast_bit};

/// The counter. Exact when `up` has been low for three cycles.
#[derive(Clone, Debug, LogicBlock)]
pub struct Counter {
    /// The clock.
    pub clock: Signal<In, Clock>,
    /// Count from 0.
    pub clear: Signal<In, Bit>,
    /// Count this cycle.
    pub up: Signal<In, Bit>,
    /// The low 36 bits.
    pub low: Signal<Out, Word<36>>,
    /// The 12 bits above.
    pub high: Signal<Out, Word<12>>,
    first: Register<Word<18>>,
    second: Register<Word<18>>,
    third: Register<Word<12>>,
    carry_first: Register<Bit>,
    carry_second: Register<Bit>,
    zero: Constant<Word<18>>,
    zero_third: Constant<Word<12>>,
}

impl Default for Counter {
    fn default() -> Self {
        Self {
            clock: Signal::default(),
            clear: Signal::default(),
            up: Signal::default(),
            low: Signal::default(),
            high: Signal::default(),
            first: Register::default(),
            second: Register::default(),
            third: Register::default(),
            carry_first: Register::default(),
            carry_second: Register::default(),
            zero: Constant::new(Word::new(0)),
            zero_third: Constant::new(Word::new(0)),
        }
    }
}

impl Logic for Counter {
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(self, clock, first, second, third, carry_first, carry_second);
        self.carry_first.d.next = self.up.val() && self.first.q.val().all();
        self.carry_second.d.next = self.carry_first.q.val() && self.second.q.val().all();
        self.first.d.next = self.first.q.val() + bit_cast_bit::<18>(self.up.val());
        self.second.d.next = self.second.q.val() + bit_cast_bit::<18>(self.carry_first.q.val());
        self.third.d.next = self.third.q.val() + bit_cast_bit::<12>(self.carry_second.q.val());
        if self.clear.val() {
            self.first.d.next = self.zero.val();
            self.second.d.next = self.zero.val();
            self.third.d.next = self.zero_third.val();
            self.carry_first.d.next = false;
            self.carry_second.d.next = false;
        }
        self.low.next = bit_cast::<36, 18>(self.first.q.val())
            | (bit_cast::<36, 18>(self.second.q.val()) << 18);
        self.high.next = self.third.q.val();
    }
}
