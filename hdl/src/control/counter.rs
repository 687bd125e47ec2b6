//! A counter of 48 bits in parts of 18; a carry takes a cycle from part to part, so that no adder is longer than 18
//! bits.

use addax_hdl_derive::SettledBlock;
use rust_hdl::core::prelude::*;
use rust_hdl::widgets::dff_setup;

use crate::leaf::Register;
use crate::word::{Word, bit_cast, bit_cast_bit};

/// One part: counts modulo 2^18.
#[derive(Clone, Debug, SettledBlock)]
pub struct CounterPart {
    /// The clock.
    pub clock: Signal<In, Clock>,
    /// Count from 0.
    pub clear: Signal<In, Bit>,
    /// Count this cycle.
    pub up: Signal<In, Bit>,
    /// How far it is.
    pub value: Signal<Out, Word<18>>,
    /// In the cycle before it came from 2^18 − 1 to 0.
    pub carry: Signal<Out, Bit>,
    count: Register<Word<18>>,
    carried: Register<Bit>,
    zero: Constant<Word<18>>,
}

impl Default for CounterPart {
    fn default() -> Self {
        Self {
            clock: Signal::default(),
            clear: Signal::default(),
            up: Signal::default(),
            value: Signal::default(),
            carry: Signal::default(),
            count: Register::default(),
            carried: Register::default(),
            zero: Constant::new(Word::new(0)),
        }
    }
}

impl Logic for CounterPart {
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(self, clock, count, carried);
        self.count.d.next = self.count.q.val() + bit_cast_bit::<18>(self.up.val());
        self.carried.d.next = self.up.val() && self.count.q.val().all();
        if self.clear.val() {
            self.count.d.next = self.zero.val();
            self.carried.d.next = false;
        }
        self.value.next = self.count.q.val();
        self.carry.next = self.carried.q.val();
    }
}

/// The counter. Exact when `up` has been low for three cycles.
#[derive(Clone, Debug, Default, SettledBlock)]
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
    first: CounterPart,
    second: CounterPart,
    third: CounterPart,
}

impl Logic for Counter {
    #[hdl_gen]
    fn update(&mut self) {
        clock!(self, clock, first, second, third);
        self.first.clear.next = self.clear.val();
        self.first.up.next = self.up.val();
        self.second.clear.next = self.clear.val();
        self.second.up.next = self.first.carry.val();
        self.third.clear.next = self.clear.val();
        self.third.up.next = self.second.carry.val();
        self.low.next = bit_cast::<36, 18>(self.first.value.val())
            | (bit_cast::<36, 18>(self.second.value.val()) << 18);
        self.high.next = self.third.value.val().get_bits::<12>(0);
    }
}
