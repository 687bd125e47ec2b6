//! Limb tags: under which limb each slot was last written, and the check of the slots that an instruction reads.
//!
//! The rule is that of [`machine::Tags::check`](addax_core::machine::Tags::check): a, then b, then dst must have been
//! written, and under the limb that the instruction reads them under; `ST` and `AUT` read a under any limb, `RED`
//! under its source limb. The first slot that fails is reported.

use addax_hdl_derive::SettledBlock;
use rust_hdl::core::prelude::*;
use rust_hdl::widgets::dff_setup;

use crate::leaf::{Register, RegisterFile};
use crate::shape::Shape;
use crate::word::{Word, bit_cast, bit_cast_bit};

/// The tags of all slots. What the check finds comes one cycle after what it is about, which stands meanwhile.
#[derive(Clone, Debug, SettledBlock)]
pub struct Tags {
    /// The clock.
    pub clock: Signal<In, Clock>,
    /// Slot a.
    pub a: Signal<In, Word<7>>,
    /// Slot b.
    pub b: Signal<In, Word<7>>,
    /// Slot dst.
    pub dst: Signal<In, Word<7>>,
    /// Slot a is read.
    pub reads_a: Signal<In, Bit>,
    /// Slot b is read.
    pub reads_b: Signal<In, Bit>,
    /// Slot dst is read.
    pub reads_dst: Signal<In, Bit>,
    /// Slot a may be of any limb.
    pub any_limb: Signal<In, Bit>,
    /// Limb that slot a must have been written under.
    pub limb_a: Signal<In, Word<4>>,
    /// Limb that slots b and dst must have been written under.
    pub limb: Signal<In, Word<4>>,
    /// Limb of slot a.
    pub found_a: Signal<Out, Word<4>>,
    /// A slot was never written.
    pub unwritten: Signal<Out, Bit>,
    /// A slot was written under another limb; says nothing of one that was never written.
    pub wrong: Signal<Out, Bit>,
    /// The slot that failed.
    pub slot: Signal<Out, Word<7>>,
    /// The limb it should have.
    pub expected: Signal<Out, Word<4>>,
    /// The limb it has.
    pub found: Signal<Out, Word<4>>,
    /// Write a tag.
    pub write: Signal<In, Bit>,
    /// Of this slot.
    pub write_slot: Signal<In, Word<7>>,
    /// Whether the slot counts as written.
    pub write_valid: Signal<In, Bit>,
    /// Under which limb.
    pub write_limb: Signal<In, Word<4>>,
    /// Mark all slots as never written, one a cycle.
    pub clear: Signal<In, Bit>,
    /// That is going on.
    pub clearing: Signal<Out, Bit>,
    /// A slot whose tag is shown.
    pub shown_slot: Signal<In, Word<7>>,
    /// Its tag, in the same cycle: bit 4 written, bits 0–3 limb.
    pub shown: Signal<Out, Word<5>>,
    tags_a: RegisterFile<Word<5>>,
    tags_b: RegisterFile<Word<5>>,
    tags_dst: RegisterFile<Word<5>>,
    tags_shown: RegisterFile<Word<5>>,
    a_register: Register<Word<5>>,
    b_register: Register<Word<5>>,
    dst_register: Register<Word<5>>,
    clearing_register: Register<Bit>,
    sweep: Register<Word<7>>,
    written: Signal<Local, Bit>,
    written_slot: Signal<Local, Word<7>>,
    tag: Signal<Local, Word<5>>,
    a_unwritten: Register<Bit>,
    a_wrong: Register<Bit>,
    b_unwritten: Register<Bit>,
    b_wrong: Register<Bit>,
    dst_unwritten: Register<Bit>,
    dst_wrong: Register<Bit>,
    first_slot: Constant<Word<7>>,
    last_slot: Constant<Word<7>>,
    one: Constant<Word<7>>,
    no_tag: Constant<Word<5>>,
}

impl Tags {
    /// Tags of slots that were never written.
    pub fn new(shape: &Shape) -> Self {
        let slots = shape.slots();
        Self {
            clock: Signal::default(),
            a: Signal::default(),
            b: Signal::default(),
            dst: Signal::default(),
            reads_a: Signal::default(),
            reads_b: Signal::default(),
            reads_dst: Signal::default(),
            any_limb: Signal::default(),
            limb_a: Signal::default(),
            limb: Signal::default(),
            found_a: Signal::default(),
            unwritten: Signal::default(),
            wrong: Signal::default(),
            slot: Signal::default(),
            expected: Signal::default(),
            found: Signal::default(),
            write: Signal::default(),
            write_slot: Signal::default(),
            write_valid: Signal::default(),
            write_limb: Signal::default(),
            clear: Signal::default(),
            clearing: Signal::default(),
            shown_slot: Signal::default(),
            shown: Signal::default(),
            tags_a: RegisterFile::new(slots),
            tags_b: RegisterFile::new(slots),
            tags_dst: RegisterFile::new(slots),
            tags_shown: RegisterFile::new(slots),
            a_register: Register::default(),
            b_register: Register::default(),
            dst_register: Register::default(),
            clearing_register: Register::default(),
            sweep: Register::default(),
            written: Signal::default(),
            written_slot: Signal::default(),
            tag: Signal::default(),
            a_unwritten: Register::default(),
            a_wrong: Register::default(),
            b_unwritten: Register::default(),
            b_wrong: Register::default(),
            dst_unwritten: Register::default(),
            dst_wrong: Register::default(),
            first_slot: Constant::new(Word::new(0)),
            last_slot: Constant::new(Word::new(slots as u64 - 1)),
            one: Constant::new(Word::new(1)),
            no_tag: Constant::new(Word::new(0)),
        }
    }

    /// The tag of a slot, without a cycle: bit 4 written, bits 0–3 limb. `None` where there is no slot.
    pub fn peek(&self, slot: usize) -> Option<Word<5>> {
        self.tags_shown.peek(slot)
    }
}

impl Logic for Tags {
    #[hdl_gen]
    fn update(&mut self) {
        clock!(self, clock, tags_a, tags_b, tags_dst, tags_shown);
        dff_setup!(
            self,
            clock,
            a_register,
            b_register,
            dst_register,
            clearing_register,
            sweep,
            a_unwritten,
            a_wrong,
            b_unwritten,
            b_wrong,
            dst_unwritten,
            dst_wrong
        );

        // Clearing goes through the slots; nothing runs meanwhile.
        if self.clear.val() {
            self.clearing_register.d.next = true;
            self.sweep.d.next = self.first_slot.val();
        } else if self.clearing_register.q.val() {
            self.sweep.d.next = self.sweep.q.val() + self.one.val();
            self.clearing_register.d.next = self.sweep.q.val() != self.last_slot.val();
        }
        self.clearing.next = self.clearing_register.q.val();
        self.written.next = self.write.val();
        self.written_slot.next = self.write_slot.val();
        self.tag.next = (bit_cast_bit::<5>(self.write_valid.val()) << 4)
            | bit_cast::<5, 4>(self.write_limb.val());
        if self.clearing_register.q.val() {
            self.written.next = true;
            self.written_slot.next = self.sweep.q.val();
            self.tag.next = self.no_tag.val();
        }

        // Four copies, each with its own read port.
        self.tags_a.write.next = self.written.val();
        self.tags_a.write_address.next = self.written_slot.val();
        self.tags_a.write_data.next = self.tag.val();
        self.tags_a.read_address.next = self.a.val();
        self.tags_b.write.next = self.written.val();
        self.tags_b.write_address.next = self.written_slot.val();
        self.tags_b.write_data.next = self.tag.val();
        self.tags_b.read_address.next = self.b.val();
        self.tags_dst.write.next = self.written.val();
        self.tags_dst.write_address.next = self.written_slot.val();
        self.tags_dst.write_data.next = self.tag.val();
        self.tags_dst.read_address.next = self.dst.val();
        self.tags_shown.write.next = self.written.val();
        self.tags_shown.write_address.next = self.written_slot.val();
        self.tags_shown.write_data.next = self.tag.val();
        self.tags_shown.read_address.next = self.shown_slot.val();
        self.shown.next = self.tags_shown.read_data.val();
        self.a_register.d.next = self.tags_a.read_data.val();
        self.b_register.d.next = self.tags_b.read_data.val();
        self.dst_register.d.next = self.tags_dst.read_data.val();

        // The check; which slot it is about is chosen in the next cycle.
        self.a_unwritten.d.next = self.reads_a.val() && !self.tags_a.read_data.val().get_bit(4);
        self.a_wrong.d.next = self.reads_a.val()
            && !self.any_limb.val()
            && (self.tags_a.read_data.val().get_bits::<4>(0) != self.limb_a.val());
        self.b_unwritten.d.next = self.reads_b.val() && !self.tags_b.read_data.val().get_bit(4);
        self.b_wrong.d.next =
            self.reads_b.val() && (self.tags_b.read_data.val().get_bits::<4>(0) != self.limb.val());
        self.dst_unwritten.d.next =
            self.reads_dst.val() && !self.tags_dst.read_data.val().get_bit(4);
        self.dst_wrong.d.next = self.reads_dst.val()
            && (self.tags_dst.read_data.val().get_bits::<4>(0) != self.limb.val());
        self.found_a.next = self.a_register.q.val().get_bits::<4>(0);

        self.slot.next = self.dst.val();
        self.unwritten.next = self.dst_unwritten.q.val();
        self.wrong.next = self.dst_wrong.q.val();
        self.expected.next = self.limb.val();
        self.found.next = self.dst_register.q.val().get_bits::<4>(0);
        if self.a_unwritten.q.val() || self.a_wrong.q.val() {
            self.slot.next = self.a.val();
            self.unwritten.next = self.a_unwritten.q.val();
            self.wrong.next = self.a_wrong.q.val();
            self.expected.next = self.limb_a.val();
            self.found.next = self.a_register.q.val().get_bits::<4>(0);
        } else if self.b_unwritten.q.val() || self.b_wrong.q.val() {
            self.slot.next = self.b.val();
            self.unwritten.next = self.b_unwritten.q.val();
            self.wrong.next = self.b_wrong.q.val();
            self.found.next = self.b_register.q.val().get_bits::<4>(0);
        }
    }
}
