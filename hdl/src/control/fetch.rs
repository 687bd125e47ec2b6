//! The front of the sequencer: which instruction is next, fetched, decoded, its increments added.
//!
//! Counted from the cycle in which a place stands in the program counter, its word leaves program memory in cycle 2,
//! the instruction stands in cycle 3, `fits` and what is looked up with it in cycle 4, `loop_refused` and what is
//! computed from that in cycle 5. Control goes on only when [`ready`](Fetch::ready), which is from cycle 4 on; as a
//! rule it is busy with the instruction before for longer.

use addax_core::isa::MAX_WORDS;
use addax_hdl_derive::SettledBlock;
use rust_hdl::core::prelude::*;
use rust_hdl::widgets::dff_setup;

use super::{Bounds, Decoder, Fields, Loops, WithOperands};
use crate::leaf::{Ram, Register};
use crate::shape::Shape;
use crate::word::{Word, bit_cast};

/// Program memory, program counter, loops and decoder. What the instruction is stands from cycle 3 until
/// [`advance`](Self::advance).
#[derive(Clone, Debug, SettledBlock)]
pub struct Fetch {
    /// The clock.
    pub clock: Signal<In, Clock>,
    /// Write a word of the program.
    pub write: Signal<In, Bit>,
    /// At this place.
    pub write_address: Signal<In, Word<10>>,
    /// The word.
    pub write_data: Signal<In, Word<32>>,
    /// Go to place 0, in no loop.
    pub restart: Signal<In, Bit>,
    /// Go to the next place.
    pub advance: Signal<In, Bit>,
    /// The instruction stands and may be checked.
    pub ready: Signal<Out, Bit>,
    /// Its place; 1024 is beyond the memory.
    pub place: Signal<Out, Word<11>>,
    /// Its word, increments added.
    pub word: Signal<Out, Word<32>>,
    /// Field b of the word in cycle 2, where `MULI` names its constant.
    pub constant: Signal<Out, Word<7>>,
    /// As [`Decoder::legal`], of the word as it stands in memory.
    pub legal: Signal<Out, Bit>,
    /// The machine has what it names; see [`Bounds`].
    pub fits: Signal<Out, Bit>,
    /// It is a `LOOP` where none may stand.
    pub loop_refused: Signal<Out, Bit>,
    /// As [`Decoder::reads_a`].
    pub reads_a: Signal<Out, Bit>,
    /// As [`Decoder::reads_b`].
    pub reads_b: Signal<Out, Bit>,
    /// As [`Decoder::reads_dst`].
    pub reads_dst: Signal<Out, Bit>,
    /// As [`Decoder::writes`].
    pub writes: Signal<Out, Bit>,
    /// As [`Decoder::stream_a`].
    pub stream_a: Signal<Out, Bit>,
    /// As [`Decoder::stream_b`].
    pub stream_b: Signal<Out, Bit>,
    /// As [`Decoder::has_limb`].
    pub has_limb: Signal<Out, Bit>,
    /// As [`Decoder::transform`].
    pub transform: Signal<Out, Bit>,
    /// As [`Decoder::subtract`].
    pub subtract: Signal<Out, Bit>,
    /// As [`Decoder::multiply_constant`].
    pub multiply_constant: Signal<Out, Bit>,
    /// As [`Decoder::automorphism`].
    pub automorphism: Signal<Out, Bit>,
    /// As [`Decoder::reduce`].
    pub reduce: Signal<Out, Bit>,
    /// As [`Decoder::begins_loop`].
    pub begins_loop: Signal<Out, Bit>,
    /// As [`Decoder::sync`].
    pub sync: Signal<Out, Bit>,
    /// As [`Decoder::halt`].
    pub halt: Signal<Out, Bit>,
    memory: Ram<Word<32>>,
    loops: Loops,
    decoder: Decoder,
    raw: Fields,
    moved: WithOperands,
    fields: Fields,
    bounds: Bounds,
    place_register: Register<Word<11>>,
    age: Register<Word<3>>,
    word_register: Register<Word<32>>,
    carry_a: Register<Bit>,
    carry_b: Register<Bit>,
    legal_stream: Register<Bit>,
    legal_slot: Register<Bit>,
    legal_pointwise: Register<Bit>,
    legal_sequence: Register<Bit>,
    reads_a_register: Register<Bit>,
    reads_b_register: Register<Bit>,
    reads_dst_register: Register<Bit>,
    writes_register: Register<Bit>,
    stream_a_register: Register<Bit>,
    stream_b_register: Register<Bit>,
    has_limb_register: Register<Bit>,
    transform_register: Register<Bit>,
    subtract_register: Register<Bit>,
    multiply_constant_register: Register<Bit>,
    automorphism_register: Register<Bit>,
    reduce_register: Register<Bit>,
    begins_loop_register: Register<Bit>,
    sync_register: Register<Bit>,
    halt_register: Register<Bit>,
    sum_a: Signal<Local, Word<8>>,
    sum_b: Signal<Local, Word<8>>,
    settled: Signal<Local, Bit>,
    first_place: Constant<Word<11>>,
    age_zero: Constant<Word<3>>,
    age_one: Constant<Word<3>>,
    age_ready: Constant<Word<3>>,
}

impl Fetch {
    /// Cycle from which an instruction is ready.
    pub(super) const READY: u64 = 4;

    /// An empty program memory.
    pub fn new(shape: &Shape) -> Self {
        Self {
            clock: Signal::default(),
            write: Signal::default(),
            write_address: Signal::default(),
            write_data: Signal::default(),
            restart: Signal::default(),
            advance: Signal::default(),
            ready: Signal::default(),
            place: Signal::default(),
            word: Signal::default(),
            constant: Signal::default(),
            legal: Signal::default(),
            fits: Signal::default(),
            loop_refused: Signal::default(),
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
            memory: Ram::new(MAX_WORDS, shape.target()),
            loops: Loops::default(),
            decoder: Decoder::default(),
            raw: Fields::default(),
            moved: WithOperands::default(),
            fields: Fields::default(),
            bounds: Bounds::new(shape),
            place_register: Register::default(),
            age: Register::default(),
            word_register: Register::default(),
            carry_a: Register::default(),
            carry_b: Register::default(),
            legal_stream: Register::default(),
            legal_slot: Register::default(),
            legal_pointwise: Register::default(),
            legal_sequence: Register::default(),
            reads_a_register: Register::default(),
            reads_b_register: Register::default(),
            reads_dst_register: Register::default(),
            writes_register: Register::default(),
            stream_a_register: Register::default(),
            stream_b_register: Register::default(),
            has_limb_register: Register::default(),
            transform_register: Register::default(),
            subtract_register: Register::default(),
            multiply_constant_register: Register::default(),
            automorphism_register: Register::default(),
            reduce_register: Register::default(),
            begins_loop_register: Register::default(),
            sync_register: Register::default(),
            halt_register: Register::default(),
            sum_a: Signal::default(),
            sum_b: Signal::default(),
            settled: Signal::default(),
            first_place: Constant::new(Word::new(0)),
            age_zero: Constant::new(Word::new(0)),
            age_one: Constant::new(Word::new(1)),
            age_ready: Constant::new(Word::new(Self::READY)),
        }
    }
}

impl Logic for Fetch {
    #[hdl_gen]
    fn update(&mut self) {
        clock!(self, clock, memory, loops, bounds);
        dff_setup!(
            self,
            clock,
            place_register,
            age,
            word_register,
            carry_a,
            carry_b,
            legal_stream,
            legal_slot,
            legal_pointwise,
            legal_sequence,
            reads_a_register,
            reads_b_register,
            reads_dst_register,
            writes_register,
            stream_a_register,
            stream_b_register,
            has_limb_register,
            transform_register,
            subtract_register,
            multiply_constant_register,
            automorphism_register,
            reduce_register,
            begins_loop_register,
            sync_register,
            halt_register
        );

        // Cycle 0 and 1: the place, and how long it has stood.
        self.settled.next = self.age.q.val() == self.age_ready.val();
        if !self.settled.val() {
            self.age.d.next = self.age.q.val() + self.age_one.val();
        }
        if self.advance.val() {
            self.place_register.d.next = self.loops.following.val();
            self.age.d.next = self.age_zero.val();
        }
        if self.restart.val() {
            self.place_register.d.next = self.first_place.val();
            self.age.d.next = self.age_zero.val();
        }
        self.memory.write.next = self.write.val();
        self.memory.write_address.next = bit_cast::<17, 10>(self.write_address.val());
        self.memory.write_data.next = self.write_data.val();
        self.memory.read_address.next = bit_cast::<17, 11>(self.place_register.q.val());
        self.loops.clear.next = self.restart.val();
        self.loops.advance.next = self.advance.val();
        self.loops.place.next = self.place_register.q.val();

        // Cycle 2: the word.
        self.decoder.word.next = self.memory.read_data.val();
        self.raw.word.next = self.memory.read_data.val();
        self.constant.next = self.raw.b.val();
        self.sum_a.next = bit_cast::<8, 7>(self.raw.a.val()) + self.loops.add_a.val();
        self.sum_b.next = bit_cast::<8, 7>(self.raw.b.val()) + self.loops.add_b.val();
        self.moved.word.next = self.memory.read_data.val();
        self.moved.a.next = self.sum_a.val().get_bits::<7>(0);
        self.moved.b.next = self.sum_b.val().get_bits::<7>(0);
        self.moved.replace_a.next = self.decoder.reads_a.val();
        self.moved.replace_b.next = self.decoder.reads_b.val();
        self.word_register.d.next = self.moved.result.val();
        self.carry_a.d.next = self.sum_a.val().get_bit(7);
        self.carry_b.d.next = self.sum_b.val().get_bit(7);
        self.legal_stream.d.next = self.decoder.legal_stream.val();
        self.legal_slot.d.next = self.decoder.legal_slot.val();
        self.legal_pointwise.d.next = self.decoder.legal_pointwise.val();
        self.legal_sequence.d.next = self.decoder.legal_sequence.val();
        self.reads_a_register.d.next = self.decoder.reads_a.val();
        self.reads_b_register.d.next = self.decoder.reads_b.val();
        self.reads_dst_register.d.next = self.decoder.reads_dst.val();
        self.writes_register.d.next = self.decoder.writes.val();
        self.stream_a_register.d.next = self.decoder.stream_a.val();
        self.stream_b_register.d.next = self.decoder.stream_b.val();
        self.has_limb_register.d.next = self.decoder.has_limb.val();
        self.transform_register.d.next = self.decoder.transform.val();
        self.subtract_register.d.next = self.decoder.subtract.val();
        self.multiply_constant_register.d.next = self.decoder.multiply_constant.val();
        self.automorphism_register.d.next = self.decoder.automorphism.val();
        self.reduce_register.d.next = self.decoder.reduce.val();
        self.begins_loop_register.d.next = self.decoder.begins_loop.val();
        self.sync_register.d.next = self.decoder.sync.val();
        self.halt_register.d.next = self.decoder.halt.val();

        // Cycle 3: the instruction.
        self.fields.word.next = self.word_register.q.val();
        self.loops.begins_loop.next = self.begins_loop_register.q.val();
        self.loops.count.next = self.fields.count.val();
        self.loops.body.next = self.fields.body.val();
        self.loops.stride.next = self.fields.stride.val();
        self.loops.moves.next = self.fields.flags.val();
        self.bounds.word.next = self.word_register.q.val();
        self.bounds.carry_a.next = self.carry_a.q.val();
        self.bounds.carry_b.next = self.carry_b.q.val();
        self.bounds.reads_a.next = self.reads_a_register.q.val();
        self.bounds.reads_b.next = self.reads_b_register.q.val();
        self.bounds.writes.next = self.writes_register.q.val();
        self.bounds.automorphism.next = self.automorphism_register.q.val();

        self.ready.next = self.settled.val();
        self.place.next = self.place_register.q.val();
        self.word.next = self.word_register.q.val();
        self.legal.next = self.legal_stream.q.val()
            || self.legal_slot.q.val()
            || self.legal_pointwise.q.val()
            || self.legal_sequence.q.val();
        self.fits.next = self.bounds.fits.val();
        self.loop_refused.next = self.loops.refused.val();
        self.reads_a.next = self.reads_a_register.q.val();
        self.reads_b.next = self.reads_b_register.q.val();
        self.reads_dst.next = self.reads_dst_register.q.val();
        self.writes.next = self.writes_register.q.val();
        self.stream_a.next = self.stream_a_register.q.val();
        self.stream_b.next = self.stream_b_register.q.val();
        self.has_limb.next = self.has_limb_register.q.val();
        self.transform.next = self.transform_register.q.val();
        self.subtract.next = self.subtract_register.q.val();
        self.multiply_constant.next = self.multiply_constant_register.q.val();
        self.automorphism.next = self.automorphism_register.q.val();
        self.reduce.next = self.reduce_register.q.val();
        self.begins_loop.next = self.begins_loop_register.q.val();
        self.sync.next = self.sync_register.q.val();
        self.halt.next = self.halt_register.q.val();
    }
}
