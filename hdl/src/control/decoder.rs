//! What a word is: which instruction, which of its fields are slots, and whether it is legal at all.
//!
//! Combinational. [`Decoder::legal`] holds exactly for the words that
//! [`Instruction::decode`](addax_core::isa::Instruction::decode) accepts; what depends on the machine (how many slots
//! it has, which limbs) is [`Bounds`](super::Bounds)'.

use addax_core::isa::STREAM;
use addax_core::isa::encoding::op;
use addax_hdl_derive::SettledBlock;
use rust_hdl::core::prelude::*;

use super::Fields;
use crate::word::Word;

/// The decoder. All outputs but [`legal`](Self::legal) mean something only of a legal word.
#[derive(Clone, Debug, SettledBlock)]
pub struct Decoder {
    /// The word.
    pub word: Signal<In, Word<32>>,
    /// Whether the word is an instruction: one of the following four.
    pub legal: Signal<Out, Bit>,
    /// It is a legal `LD` or `ST`.
    pub legal_stream: Signal<Out, Bit>,
    /// It is a legal instruction that reads one slot and writes one.
    pub legal_slot: Signal<Out, Bit>,
    /// It is a legal `MUL`, `MAC`, `ADD` or `SUB`.
    pub legal_pointwise: Signal<Out, Bit>,
    /// It is a legal `LOOP`, `SYNC` or `HALT`.
    pub legal_sequence: Signal<Out, Bit>,
    /// Field a is a slot that is read; increments move it.
    pub reads_a: Signal<Out, Bit>,
    /// Field b is a slot that is read; increments move it.
    pub reads_b: Signal<Out, Bit>,
    /// The destination is read, too: `MAC`.
    pub reads_dst: Signal<Out, Bit>,
    /// There is a destination.
    pub writes: Signal<Out, Bit>,
    /// Operand a is the input stream.
    pub stream_a: Signal<Out, Bit>,
    /// Operand b is the input stream.
    pub stream_b: Signal<Out, Bit>,
    /// The limb field is a limb.
    pub has_limb: Signal<Out, Bit>,
    /// `NTT` or `INTT`.
    pub transform: Signal<Out, Bit>,
    /// `SUB`.
    pub subtract: Signal<Out, Bit>,
    /// `MULI`.
    pub multiply_constant: Signal<Out, Bit>,
    /// `AUT`.
    pub automorphism: Signal<Out, Bit>,
    /// `RED`: field b is the limb of a.
    pub reduce: Signal<Out, Bit>,
    /// `LOOP`.
    pub begins_loop: Signal<Out, Bit>,
    /// `SYNC`.
    pub sync: Signal<Out, Bit>,
    /// `HALT`.
    pub halt: Signal<Out, Bit>,
    fields: Fields,
    load: Signal<Local, Bit>,
    store: Signal<Local, Bit>,
    pointwise: Signal<Local, Bit>,
    multiply_accumulate: Signal<Local, Bit>,
    one_operand: Signal<Local, Bit>,
    limb_empty: Signal<Local, Bit>,
    dst_empty: Signal<Local, Bit>,
    a_empty: Signal<Local, Bit>,
    b_empty: Signal<Local, Bit>,
    flags_empty: Signal<Local, Bit>,
    dst_slot: Signal<Local, Bit>,
    a_slot: Signal<Local, Bit>,
    b_slot: Signal<Local, Bit>,
    in_place: Signal<Local, Bit>,
    b_limb: Signal<Local, Bit>,
    moving: Signal<Local, Bit>,
    striding: Signal<Local, Bit>,
    op_load: Constant<Word<5>>,
    op_store: Constant<Word<5>>,
    op_forward: Constant<Word<5>>,
    op_inverse: Constant<Word<5>>,
    op_multiply: Constant<Word<5>>,
    op_multiply_accumulate: Constant<Word<5>>,
    op_add: Constant<Word<5>>,
    op_subtract: Constant<Word<5>>,
    op_multiply_constant: Constant<Word<5>>,
    op_automorphism: Constant<Word<5>>,
    op_reduce: Constant<Word<5>>,
    op_loop: Constant<Word<5>>,
    op_sync: Constant<Word<5>>,
    op_halt: Constant<Word<5>>,
    stream: Constant<Word<7>>,
}

impl Default for Decoder {
    fn default() -> Self {
        let number = |op: u32| Constant::new(Word::new(u64::from(op)));
        Self {
            word: Signal::default(),
            legal: Signal::default(),
            legal_stream: Signal::default(),
            legal_slot: Signal::default(),
            legal_pointwise: Signal::default(),
            legal_sequence: Signal::default(),
            reads_a: Signal::default(),
            reads_b: Signal::default(),
            reads_dst: Signal::default(),
            writes: Signal::default(),
            stream_a: Signal::default(),
            stream_b: Signal::default(),
            has_limb: Signal::default(),
            transform: Signal::default(),
            subtract: Signal::default(),
            multiply_constant: Signal::default(),
            automorphism: Signal::default(),
            reduce: Signal::default(),
            begins_loop: Signal::default(),
            sync: Signal::default(),
            halt: Signal::default(),
            fields: Fields::default(),
            load: Signal::default(),
            store: Signal::default(),
            pointwise: Signal::default(),
            multiply_accumulate: Signal::default(),
            one_operand: Signal::default(),
            limb_empty: Signal::default(),
            dst_empty: Signal::default(),
            a_empty: Signal::default(),
            b_empty: Signal::default(),
            flags_empty: Signal::default(),
            dst_slot: Signal::default(),
            a_slot: Signal::default(),
            b_slot: Signal::default(),
            in_place: Signal::default(),
            b_limb: Signal::default(),
            moving: Signal::default(),
            striding: Signal::default(),
            op_load: number(op::LD),
            op_store: number(op::ST),
            op_forward: number(op::NTT),
            op_inverse: number(op::INTT),
            op_multiply: number(op::MUL),
            op_multiply_accumulate: number(op::MAC),
            op_add: number(op::ADD),
            op_subtract: number(op::SUB),
            op_multiply_constant: number(op::MULI),
            op_automorphism: number(op::AUT),
            op_reduce: number(op::RED),
            op_loop: number(op::LOOP),
            op_sync: number(op::SYNC),
            op_halt: number(op::HALT),
            stream: Constant::new(Word::new(u64::from(STREAM))),
        }
    }
}

impl Logic for Decoder {
    #[hdl_gen]
    fn update(&mut self) {
        self.fields.word.next = self.word.val();

        // Which instruction.
        self.load.next = self.fields.op.val() == self.op_load.val();
        self.store.next = self.fields.op.val() == self.op_store.val();
        self.transform.next = (self.fields.op.val() == self.op_forward.val())
            || (self.fields.op.val() == self.op_inverse.val());
        self.multiply_accumulate.next = self.fields.op.val() == self.op_multiply_accumulate.val();
        self.subtract.next = self.fields.op.val() == self.op_subtract.val();
        self.pointwise.next = (self.fields.op.val() == self.op_multiply.val())
            || (self.fields.op.val() == self.op_multiply_accumulate.val())
            || (self.fields.op.val() == self.op_add.val())
            || (self.fields.op.val() == self.op_subtract.val());
        self.multiply_constant.next = self.fields.op.val() == self.op_multiply_constant.val();
        self.automorphism.next = self.fields.op.val() == self.op_automorphism.val();
        self.reduce.next = self.fields.op.val() == self.op_reduce.val();
        self.begins_loop.next = self.fields.op.val() == self.op_loop.val();
        self.sync.next = self.fields.op.val() == self.op_sync.val();
        self.halt.next = self.fields.op.val() == self.op_halt.val();
        // One slot is read, one is written.
        self.one_operand.next = self.transform.val()
            || self.multiply_constant.val()
            || self.automorphism.val()
            || self.reduce.val();

        // What its fields are.
        self.limb_empty.next = !self.fields.limb.val().any();
        self.dst_empty.next = !self.fields.dst.val().any();
        self.a_empty.next = !self.fields.a.val().any();
        self.b_empty.next = !self.fields.b.val().any();
        self.flags_empty.next = !self.fields.flags.val().any();
        self.dst_slot.next = self.fields.dst.val() != self.stream.val();
        self.a_slot.next = self.fields.a.val() != self.stream.val();
        self.b_slot.next = self.fields.b.val() != self.stream.val();
        self.in_place.next = self.fields.dst.val() == self.fields.a.val();
        self.b_limb.next = !self.fields.b.val().get_bits::<3>(4).any();
        self.moving.next = self.fields.flags.val().any();
        self.striding.next = self.fields.stride.val().any();

        self.reads_a.next = self.store.val()
            || self.one_operand.val()
            || (self.pointwise.val() && self.a_slot.val());
        self.reads_b.next = self.pointwise.val() && self.b_slot.val();
        self.reads_dst.next = self.multiply_accumulate.val();
        self.writes.next = self.load.val() || self.one_operand.val() || self.pointwise.val();
        self.stream_a.next = self.pointwise.val() && !self.a_slot.val();
        self.stream_b.next = self.pointwise.val() && !self.b_slot.val();
        self.has_limb.next = self.load.val()
            || self.transform.val()
            || self.pointwise.val()
            || self.multiply_constant.val()
            || self.reduce.val();

        self.legal_stream.next = (self.load.val()
            && self.dst_slot.val()
            && self.a_empty.val()
            && self.b_empty.val()
            && !self.fields.flags.val().get_bit(1))
            || (self.store.val()
                && self.limb_empty.val()
                && self.dst_empty.val()
                && self.a_slot.val()
                && self.b_empty.val()
                && self.flags_empty.val());
        // The conditions on b and the flags for each instruction that reads one slot.
        self.legal_slot.next = self.dst_slot.val()
            && self.a_slot.val()
            && ((self.transform.val() && self.b_empty.val() && self.flags_empty.val())
                || (self.multiply_constant.val() && self.flags_empty.val())
                || (self.automorphism.val() && !self.in_place.val())
                || (self.reduce.val() && self.b_limb.val() && self.flags_empty.val()));
        self.legal_pointwise.next = self.pointwise.val()
            && self.dst_slot.val()
            && (self.a_slot.val() || self.b_slot.val())
            && self.flags_empty.val();
        self.legal_sequence.next = (self.begins_loop.val()
            && self.fields.count.val().any()
            && self.fields.body.val().any()
            && (self.moving.val() == self.striding.val()))
            || ((self.sync.val() || self.halt.val()) && !self.fields.below_op.val().any());
        self.legal.next = self.legal_stream.val()
            || self.legal_slot.val()
            || self.legal_pointwise.val()
            || self.legal_sequence.val();
    }
}
