//! A transform engine: one polynomial, one modulus at a time, forward and inverse transforms.
//!
//! It is the machine's [`Datapath`] with one slot and a two-bit instruction. What it does not need is tied to
//! constants, so that synthesis removes it; its figures are therefore those of the transform itself.
//!
//! | `operation` | | cycles from `start` to `done` |
//! |---|---|---|
//! | 0 | forward transform, natural to bit-reversed order | (n/2)·log2 n / B + constant |
//! | 1 | inverse transform, back | the same |
//! | 2 | load n residues, one a cycle in lane 0 of the input | n + constant |
//! | 3 | store n residues, one a cycle | n + constant |

use addax_hdl_derive::SettledBlock;
use rust_hdl::core::prelude::*;

use crate::datapath::Datapath;
use crate::leaf::Register;
use crate::shape::{ADDRESS_BITS, Shape};
use crate::word::Word;

/// The engine.
#[derive(Clone, Debug, SettledBlock)]
pub struct Engine {
    /// The clock.
    pub clock: Signal<In, Clock>,
    /// Begin; one cycle, not while `busy`.
    pub start: Signal<In, Bit>,
    /// What to do; stable from `start` to `done`.
    pub operation: Signal<In, Word<2>>,
    /// The modulus is qh·2^18 + 1; stable from `start` to `done`.
    pub qh: Signal<In, Word<17>>,
    /// A word to load.
    pub input_valid: Signal<In, Bit>,
    /// It is taken in this cycle if there is one.
    pub input_ready: Signal<Out, Bit>,
    /// The word.
    pub input_data: Signal<In, Word<36>>,
    /// A word is stored; it must be taken.
    pub output_valid: Signal<Out, Bit>,
    /// The word.
    pub output_data: Signal<Out, Word<36>>,
    /// A twiddle is loaded.
    pub twiddle_write: Signal<In, Bit>,
    /// Lane·2^17 + address.
    pub twiddle_address: Signal<In, Word<20>>,
    /// The twiddle.
    pub twiddle_data: Signal<In, Word<36>>,
    /// From the cycle after `start` to that of `done`.
    pub busy: Signal<Out, Bit>,
    /// The operation has ended; one cycle.
    pub done: Signal<Out, Bit>,

    path: Datapath,
    running: Register<Bit>,
    ops: Vec<Constant<Word<5>>>,
    no_slot: Constant<Word<7>>,
    no_word: Constant<Word<36>>,
    no_modulus: Constant<Word<17>>,
    no_address: Constant<Word<ADDRESS_BITS>>,
    row_base: Constant<Word<ADDRESS_BITS>>,
    no_element: Constant<Word<13>>,
    _lanes: usize,
}

impl Engine {
    /// An engine of the degree and the number of butterflies of `shape`.
    pub fn new(shape: &Shape) -> Self {
        Self {
            clock: Signal::default(),
            start: Signal::default(),
            operation: Signal::default(),
            qh: Signal::default(),
            input_valid: Signal::default(),
            input_ready: Signal::default(),
            input_data: Signal::default(),
            output_valid: Signal::default(),
            output_data: Signal::default(),
            twiddle_write: Signal::default(),
            twiddle_address: Signal::default(),
            twiddle_data: Signal::default(),
            busy: Signal::default(),
            done: Signal::default(),
            path: Datapath::single_slot(shape),
            running: Register::default(),
            ops: [3, 4, 1, 2].map(|op| Constant::new(Word::new(op))).to_vec(),
            no_slot: Constant::new(Word::new(0)),
            no_word: Constant::new(Word::new(0)),
            no_modulus: Constant::new(Word::new(0)),
            no_address: Constant::new(Word::new(0)),
            row_base: Constant::new(Word::new(shape.row_base(0) as u64)),
            no_element: Constant::new(Word::new(0)),
            _lanes: shape.butterflies(),
        }
    }
}

impl Logic for Engine {
    #[hdl_gen]
    fn update(&mut self) {
        self.path.clock.next = self.clock.val();
        self.running.clock.next = self.clock.val();

        self.path.start.next = self.start.val();
        self.path.op.next = self.ops[0].val();
        if self.operation.val().get_bit(0) {
            self.path.op.next = self.ops[1].val();
        }
        if self.operation.val().get_bit(1) {
            self.path.op.next = self.ops[2].val();
            if self.operation.val().get_bit(0) {
                self.path.op.next = self.ops[3].val();
            }
        }
        self.path.qh.next = self.qh.val();
        self.path.weights.next = false;
        self.path.slot_a.next = self.no_slot.val();
        self.path.slot_b.next = self.no_slot.val();
        self.path.slot_dst.next = self.no_slot.val();
        self.path.stream_a.next = false;
        self.path.stream_b.next = false;
        self.path.factor.next = self.no_word.val();
        self.path.source_qh.next = self.no_modulus.val();
        self.path.addend.next = self.no_word.val();
        self.path.twiddle_base.next = self.no_address.val();
        self.path.row_base.next = self.row_base.val();
        self.path.galois.next = self.no_element.val();
        self.path.flush.next = false;

        self.path.twiddle_write.next = self.twiddle_write.val();
        self.path.twiddle_address.next = self.twiddle_address.val();
        self.path.twiddle_data.next = self.twiddle_data.val();
        self.path.input_valid.next = self.input_valid.val();
        self.input_ready.next = self.path.input_ready.val();
        for i in 0..self._lanes {
            self.path.input_data[i].next = self.no_word.val();
        }
        self.path.input_data[0].next = self.input_data.val();
        self.path.output_ready.next = true;
        self.output_valid.next = self.path.output_valid.val();
        self.output_data.next = self.path.output_data.val();

        self.running.d.next = (self.running.q.val() & !self.path.done.val()) | self.start.val();
        self.busy.next = self.running.q.val();
        self.done.next = self.path.done.val();
    }
}

#[cfg(test)]
mod tests;
