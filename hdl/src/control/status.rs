//! What a driver can read: state, error, counters, shape, tags. One address a cycle, answered in the next.

use addax_hdl_derive::SettledBlock;
use rust_hdl::core::prelude::*;
use rust_hdl::widgets::dff_setup;

use super::Counter;
use crate::leaf::Register;
use crate::ports::status;
use crate::shape::Shape;
use crate::word::{Word, bit_cast, bit_cast_bit};

/// The status port and the counters.
#[derive(Clone, Debug, SettledBlock)]
pub struct Status {
    /// The clock.
    pub clock: Signal<In, Clock>,
    /// What is asked; numbers as in [`status`], others answer anything.
    pub address: Signal<In, Word<8>>,
    /// What was asked in the cycle before.
    pub data: Signal<Out, Word<36>>,
    /// Set the counters to 0.
    pub clear: Signal<In, Bit>,
    /// A cycle of a program that was no stall.
    pub cycle: Signal<In, Bit>,
    /// A stall.
    pub stalled: Signal<In, Bit>,
    /// An instruction has completed.
    pub retired: Signal<In, Bit>,
    /// It was a transform.
    pub retired_transform: Signal<In, Bit>,
    /// A program runs.
    pub running: Signal<In, Bit>,
    /// No word of a store is left inside; known one cycle late.
    pub drained: Signal<In, Bit>,
    /// The error's code.
    pub error_code: Signal<In, Word<4>>,
    /// Its place.
    pub error_place: Signal<In, Word<11>>,
    /// Its word.
    pub error_word: Signal<In, Word<32>>,
    /// Slot and limbs.
    pub error_detail: Signal<In, Word<16>>,
    /// Tag of the slot that the low 7 bits of `address` name.
    pub tag: Signal<In, Word<5>>,
    cycles: Counter,
    stalls: Counter,
    instructions: Counter,
    transforms: Counter,
    data_register: Register<Word<36>>,
    left: Signal<Local, Bit>,
    error: Signal<Local, Bit>,
    state: Signal<Local, Word<36>>,
    error_words: Signal<Local, Word<36>>,
    counts: Signal<Local, Word<36>>,
    others: Signal<Local, Word<36>>,
    shape: Constant<Word<36>>,
}

impl Status {
    /// The port of a machine of this shape.
    pub fn new(shape: &Shape) -> Self {
        let packed = u64::from(shape.log_n())
            | (shape.butterflies() as u64) << 8
            | (shape.slots() as u64) << 16
            | (shape.limbs() as u64) << 24;
        Self {
            clock: Signal::default(),
            address: Signal::default(),
            data: Signal::default(),
            clear: Signal::default(),
            cycle: Signal::default(),
            stalled: Signal::default(),
            retired: Signal::default(),
            retired_transform: Signal::default(),
            running: Signal::default(),
            drained: Signal::default(),
            error_code: Signal::default(),
            error_place: Signal::default(),
            error_word: Signal::default(),
            error_detail: Signal::default(),
            tag: Signal::default(),
            cycles: Counter::default(),
            stalls: Counter::default(),
            instructions: Counter::default(),
            transforms: Counter::default(),
            data_register: Register::default(),
            left: Signal::default(),
            error: Signal::default(),
            state: Signal::default(),
            error_words: Signal::default(),
            counts: Signal::default(),
            others: Signal::default(),
            shape: Constant::new(Word::new(packed)),
        }
    }
}

// The tree of selections below is laid out for these addresses.
const _: () = {
    assert!(status::STATE == 0 && status::ERROR_PLACE == 1);
    assert!(status::ERROR_WORD == 2 && status::ERROR_DETAIL == 3);
    assert!(status::CYCLES == 4 && status::STALLS == 6);
    assert!(status::INSTRUCTIONS == 8 && status::TRANSFORMS == 9 && status::SHAPE == 10);
    assert!(status::TAGS == 128);
};

impl Logic for Status {
    #[hdl_gen]
    fn update(&mut self) {
        clock!(self, clock, cycles, stalls, instructions, transforms);
        dff_setup!(self, clock, data_register);
        self.cycles.clear.next = self.clear.val();
        self.cycles.up.next = self.cycle.val();
        self.stalls.clear.next = self.clear.val();
        self.stalls.up.next = self.stalled.val();
        self.instructions.clear.next = self.clear.val();
        self.instructions.up.next = self.retired.val();
        self.transforms.clear.next = self.clear.val();
        self.transforms.up.next = self.retired_transform.val();

        self.left.next = !self.drained.val();
        self.error.next = self.error_code.val().any();
        self.state.next = bit_cast_bit::<36>(self.running.val())
            | (bit_cast_bit::<36>(self.error.val()) << 1)
            | (bit_cast_bit::<36>(self.left.val()) << 2)
            | (bit_cast::<36, 4>(self.error_code.val()) << 8);

        // Addresses 0 to 3.
        if self.address.val().get_bit(1) {
            self.error_words.next = bit_cast::<36, 32>(self.error_word.val());
            if self.address.val().get_bit(0) {
                self.error_words.next = bit_cast::<36, 16>(self.error_detail.val());
            }
        } else {
            self.error_words.next = self.state.val();
            if self.address.val().get_bit(0) {
                self.error_words.next = bit_cast::<36, 11>(self.error_place.val());
            }
        }
        // Addresses 4 to 7.
        if self.address.val().get_bit(1) {
            self.counts.next = self.stalls.low.val();
            if self.address.val().get_bit(0) {
                self.counts.next = bit_cast::<36, 12>(self.stalls.high.val());
            }
        } else {
            self.counts.next = self.cycles.low.val();
            if self.address.val().get_bit(0) {
                self.counts.next = bit_cast::<36, 12>(self.cycles.high.val());
            }
        }
        // Addresses 8 to 10.
        if self.address.val().get_bit(1) {
            self.others.next = self.shape.val();
        } else {
            self.others.next = self.instructions.low.val();
            if self.address.val().get_bit(0) {
                self.others.next = self.transforms.low.val();
            }
        }
        if self.address.val().get_bit(7) {
            self.data_register.d.next = bit_cast::<36, 5>(self.tag.val());
        } else if self.address.val().get_bit(3) {
            self.data_register.d.next = self.others.val();
        } else if self.address.val().get_bit(2) {
            self.data_register.d.next = self.counts.val();
        } else {
            self.data_register.d.next = self.error_words.val();
        }
        self.data.next = self.data_register.q.val();
    }
}
