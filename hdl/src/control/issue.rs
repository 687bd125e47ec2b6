//! The instruction that the datapath executes: its operands, standing from `start` until it is done.
//!
//! The registers take what the front has prepared in every cycle of a check; the front then goes on to the next
//! instruction while these stand.

use addax_hdl_derive::SettledBlock;
use rust_hdl::core::prelude::*;
use rust_hdl::widgets::dff_setup;

use super::Fields;
use crate::leaf::Register;
use crate::word::Word;

/// The registers.
#[derive(Clone, Debug, Default, SettledBlock)]
pub struct Issue {
    /// The clock.
    pub clock: Signal<In, Clock>,
    /// Take the inputs below.
    pub take: Signal<In, Bit>,
    /// Place of the instruction.
    pub next_place: Signal<In, Word<11>>,
    /// Its word, increments added.
    pub next_word: Signal<In, Word<32>>,
    /// Operand a is the stream.
    pub next_stream_a: Signal<In, Bit>,
    /// Operand b is the stream.
    pub next_stream_b: Signal<In, Bit>,
    /// It has a destination.
    pub next_writes: Signal<In, Bit>,
    /// It is a transform.
    pub next_transform: Signal<In, Bit>,
    /// Limb of its destination.
    pub next_limb: Signal<In, Word<4>>,
    /// qh.
    pub next_qh: Signal<In, Word<17>>,
    /// Broadcast factor.
    pub next_factor: Signal<In, Word<36>>,
    /// qh that `RED` reads under.
    pub next_source_qh: Signal<In, Word<17>>,
    /// What `RED` adds.
    pub next_addend: Signal<In, Word<36>>,
    /// Twiddles of the paired stages.
    pub next_twiddle_base: Signal<In, Word<17>>,
    /// Twiddles of the row stages.
    pub next_row_base: Signal<In, Word<17>>,
    /// Place of the instruction being executed.
    pub place: Signal<Out, Word<11>>,
    /// Its word, increments added.
    pub word: Signal<Out, Word<32>>,
    /// It has a destination.
    pub writes: Signal<Out, Bit>,
    /// It is a transform.
    pub transform: Signal<Out, Bit>,
    /// Limb of its destination.
    pub limb: Signal<Out, Word<4>>,
    /// Its number.
    pub op: Signal<Out, Word<5>>,
    /// `LD` of small integers.
    pub weights: Signal<Out, Bit>,
    /// Slot a.
    pub slot_a: Signal<Out, Word<7>>,
    /// Slot b.
    pub slot_b: Signal<Out, Word<7>>,
    /// Destination.
    pub slot_dst: Signal<Out, Word<7>>,
    /// Operand a is the stream.
    pub stream_a: Signal<Out, Bit>,
    /// Operand b is the stream.
    pub stream_b: Signal<Out, Bit>,
    /// qh.
    pub qh: Signal<Out, Word<17>>,
    /// Broadcast factor.
    pub factor: Signal<Out, Word<36>>,
    /// qh that `RED` reads under.
    pub source_qh: Signal<Out, Word<17>>,
    /// What `RED` adds.
    pub addend: Signal<Out, Word<36>>,
    /// Twiddles of the paired stages.
    pub twiddle_base: Signal<Out, Word<17>>,
    /// Twiddles of the row stages.
    pub row_base: Signal<Out, Word<17>>,
    /// h of `AUT`.
    pub galois: Signal<Out, Word<13>>,
    fields: Fields,
    place_register: Register<Word<11>>,
    word_register: Register<Word<32>>,
    stream_a_register: Register<Bit>,
    stream_b_register: Register<Bit>,
    writes_register: Register<Bit>,
    transform_register: Register<Bit>,
    limb_register: Register<Word<4>>,
    qh_register: Register<Word<17>>,
    factor_register: Register<Word<36>>,
    source_qh_register: Register<Word<17>>,
    addend_register: Register<Word<36>>,
    twiddle_base_register: Register<Word<17>>,
    row_base_register: Register<Word<17>>,
}

impl Logic for Issue {
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(
            self,
            clock,
            place_register,
            word_register,
            stream_a_register,
            stream_b_register,
            writes_register,
            transform_register,
            limb_register,
            qh_register,
            factor_register,
            source_qh_register,
            addend_register,
            twiddle_base_register,
            row_base_register
        );
        if self.take.val() {
            self.place_register.d.next = self.next_place.val();
            self.word_register.d.next = self.next_word.val();
            self.stream_a_register.d.next = self.next_stream_a.val();
            self.stream_b_register.d.next = self.next_stream_b.val();
            self.writes_register.d.next = self.next_writes.val();
            self.transform_register.d.next = self.next_transform.val();
            self.limb_register.d.next = self.next_limb.val();
            self.qh_register.d.next = self.next_qh.val();
            self.factor_register.d.next = self.next_factor.val();
            self.source_qh_register.d.next = self.next_source_qh.val();
            self.addend_register.d.next = self.next_addend.val();
            self.twiddle_base_register.d.next = self.next_twiddle_base.val();
            self.row_base_register.d.next = self.next_row_base.val();
        }
        self.fields.word.next = self.word_register.q.val();
        self.place.next = self.place_register.q.val();
        self.word.next = self.word_register.q.val();
        self.writes.next = self.writes_register.q.val();
        self.transform.next = self.transform_register.q.val();
        self.limb.next = self.limb_register.q.val();
        self.op.next = self.fields.op.val();
        // The only flag of an instruction that is neither a LOOP nor part of h.
        self.weights.next = self.fields.flags.val().get_bit(0);
        self.slot_a.next = self.fields.a.val();
        self.slot_b.next = self.fields.b.val();
        self.slot_dst.next = self.fields.dst.val();
        self.stream_a.next = self.stream_a_register.q.val();
        self.stream_b.next = self.stream_b_register.q.val();
        self.qh.next = self.qh_register.q.val();
        self.factor.next = self.factor_register.q.val();
        self.source_qh.next = self.source_qh_register.q.val();
        self.addend.next = self.addend_register.q.val();
        self.twiddle_base.next = self.twiddle_base_register.q.val();
        self.row_base.next = self.row_base_register.q.val();
        self.galois.next = self.fields.galois.val();
    }
}
