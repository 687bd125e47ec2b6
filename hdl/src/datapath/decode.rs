//! What an instruction asks of the lanes.
//!
//! With f the first and s the second word that are read, one of which the stream's word may replace:
//!
//! | | x | y | w |
//! |---|---|---|---|
//! | `MUL` | 0 | f | s |
//! | `MAC` | third | f | s |
//! | `ADD` | f | s | factor |
//! | `SUB` | f | s | factor |
//! | `MULI` | 0 | f | factor |
//! | `RED` | f | what is added | factor |
//! | `LD` | f | s | |
//!
//! The stream replaces s, but f where order matters (`SUB` from the stream) and in `LD`. Nothing is read in its place,
//! nor is s in `LD`: words not read are 0.
//!
//! `MAC` reads three slots of which two may share a group, whose memories deliver one word a cycle. If b, not being
//! the destination itself, shares the destination's group, a and b are exchanged, which multiplication allows; if
//! a = b, the word read first serves as second.

use addax_hdl_derive::SettledBlock;
use rust_hdl::core::prelude::*;

use super::bundles::Command;
use crate::leaf::Register;
use crate::word::Word;

/// The decoder: one register behind the instruction's fields.
#[derive(Clone, Debug, SettledBlock)]
pub struct Decode {
    /// The clock.
    pub clock: Signal<In, Clock>,
    /// The operation's number.
    pub op: Signal<In, Word<5>>,
    /// Operand a.
    pub slot_a: Signal<In, Word<7>>,
    /// Operand b.
    pub slot_b: Signal<In, Word<7>>,
    /// Destination.
    pub slot_dst: Signal<In, Word<7>>,
    /// Operand a is the stream.
    pub stream_a: Signal<In, Bit>,
    /// Operand b is the stream.
    pub stream_b: Signal<In, Bit>,
    /// Modulus.
    pub qh: Signal<In, Word<17>>,
    /// The broadcast factor.
    pub factor: Signal<In, Word<36>>,
    /// `RED`: modulus read under.
    pub source_qh: Signal<In, Word<17>>,
    /// `RED`: what is added.
    pub addend: Signal<In, Word<36>>,
    /// One cycle later: the instruction.
    pub command: Signal<Out, Command>,

    held: Register<Command>,
    arithmetic: Constant<Bit>,
    no_factor: Constant<Word<36>>,
    op_ld: Constant<Word<5>>,
    op_st: Constant<Word<5>>,
    op_ntt: Constant<Word<5>>,
    op_intt: Constant<Word<5>>,
    op_mul: Constant<Word<5>>,
    op_mac: Constant<Word<5>>,
    op_add: Constant<Word<5>>,
    op_sub: Constant<Word<5>>,
    op_muli: Constant<Word<5>>,
    op_aut: Constant<Word<5>>,
    op_red: Constant<Word<5>>,
    load: Signal<Local, Bit>,
    intt: Signal<Local, Bit>,
    mul: Signal<Local, Bit>,
    mac: Signal<Local, Bit>,
    add: Signal<Local, Bit>,
    sub: Signal<Local, Bit>,
    muli: Signal<Local, Bit>,
    reduce: Signal<Local, Bit>,
    streams: Signal<Local, Bit>,
    stream_minus: Signal<Local, Bit>,
    group_b: Signal<Local, Word<6>>,
    group_dst: Signal<Local, Word<6>>,
    exchanged: Signal<Local, Bit>,
}

impl Decode {
    /// A decoder of all operations, or of `LD`, `ST`, `NTT` and `INTT` only.
    pub fn new(all: bool) -> Self {
        let op = |number: u64| Constant::new(Word::new(number));
        Self {
            clock: Signal::default(),
            op: Signal::default(),
            slot_a: Signal::default(),
            slot_b: Signal::default(),
            slot_dst: Signal::default(),
            stream_a: Signal::default(),
            stream_b: Signal::default(),
            qh: Signal::default(),
            factor: Signal::default(),
            source_qh: Signal::default(),
            addend: Signal::default(),
            command: Signal::default(),
            held: Register::default(),
            arithmetic: Constant::new(all),
            no_factor: Constant::new(Word::new(0)),
            op_ld: op(1),
            op_st: op(2),
            op_ntt: op(3),
            op_intt: op(4),
            op_mul: op(5),
            op_mac: op(6),
            op_add: op(7),
            op_sub: op(8),
            op_muli: op(9),
            op_aut: op(10),
            op_red: op(11),
            load: Signal::default(),
            intt: Signal::default(),
            mul: Signal::default(),
            mac: Signal::default(),
            add: Signal::default(),
            sub: Signal::default(),
            muli: Signal::default(),
            reduce: Signal::default(),
            streams: Signal::default(),
            stream_minus: Signal::default(),
            group_b: Signal::default(),
            group_dst: Signal::default(),
            exchanged: Signal::default(),
        }
    }
}

impl Logic for Decode {
    #[hdl_gen]
    fn update(&mut self) {
        self.held.clock.next = self.clock.val();
        self.load.next = self.op.val() == self.op_ld.val();
        self.intt.next = self.op.val() == self.op_intt.val();
        self.mul.next = self.arithmetic.val() & (self.op.val() == self.op_mul.val());
        self.mac.next = self.arithmetic.val() & (self.op.val() == self.op_mac.val());
        self.add.next = self.arithmetic.val() & (self.op.val() == self.op_add.val());
        self.sub.next = self.arithmetic.val() & (self.op.val() == self.op_sub.val());
        self.muli.next = self.arithmetic.val() & (self.op.val() == self.op_muli.val());
        self.reduce.next = self.arithmetic.val() & (self.op.val() == self.op_red.val());
        self.streams.next = (self.mul.val() | self.mac.val() | self.add.val() | self.sub.val())
            & (self.stream_a.val() | self.stream_b.val());
        self.stream_minus.next = self.sub.val() & self.stream_a.val();
        self.group_b.next = self.slot_b.val().get_bits::<6>(1);
        self.group_dst.next = self.slot_dst.val().get_bits::<6>(1);
        self.exchanged.next = self.mac.val()
            & (self.group_b.val() == self.group_dst.val())
            & (self.slot_b.val() != self.slot_dst.val());
        self.held.d.next.transform = self.intt.val() | (self.op.val() == self.op_ntt.val());
        self.held.d.next.inverse = self.intt.val();
        self.held.d.next.pointwise = self.mul.val()
            | self.mac.val()
            | self.add.val()
            | self.sub.val()
            | self.muli.val()
            | self.reduce.val();
        self.held.d.next.load = self.load.val();
        self.held.d.next.store = self.op.val() == self.op_st.val();
        self.held.d.next.automorphism =
            self.arithmetic.val() & (self.op.val() == self.op_aut.val());
        self.held.d.next.reduce = self.reduce.val();
        self.held.d.next.streams = self.load.val() | self.streams.val();
        self.held.d.next.no_x = self.mul.val() | self.muli.val();
        self.held.d.next.first_is_y = self.mul.val() | self.mac.val() | self.muli.val();
        self.held.d.next.second_is_w = self.mul.val() | self.mac.val();
        self.held.d.next.factor = self.no_factor.val();
        if self.add.val() | self.sub.val() | self.muli.val() | self.reduce.val() {
            self.held.d.next.factor = self.factor.val();
        }
        self.held.d.next.qh = self.qh.val();
        self.held.d.next.source_qh = self.source_qh.val();
        self.held.d.next.addend = self.addend.val();
        self.held.d.next.no_first = self.load.val() | self.stream_minus.val();
        self.held.d.next.stream_second = self.streams.val() & !self.stream_minus.val();
        self.held.d.next.no_second =
            self.load.val() | (self.streams.val() & !self.stream_minus.val());
        self.held.d.next.third = self.mac.val();
        self.held.d.next.same =
            self.mac.val() & !self.streams.val() & (self.slot_a.val() == self.slot_b.val());
        self.held.d.next.first_slot = self.slot_a.val();
        self.held.d.next.second_slot = self.slot_b.val();
        if (self.stream_a.val() & !self.sub.val()) | self.exchanged.val() {
            self.held.d.next.first_slot = self.slot_b.val();
            self.held.d.next.second_slot = self.slot_a.val();
        }
        if self.stream_b.val() {
            self.held.d.next.first_slot = self.slot_a.val();
        }
        self.held.d.next.target = self.slot_dst.val();
        self.command.next = self.held.q.val();
    }
}
