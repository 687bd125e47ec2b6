//! Requests and answers, byte by byte, on one side; the ports of a machine on the other.
//!
//! The bytes of a request enter a shift register from above, low bytes first, so that when it is complete its last five
//! bytes, the data, stand on top and the three of an address below them. A machine takes a beat when it likes; until
//! then the beat waits here, and another is refused.

use addax_hdl_derive::SettledBlock;
use rust_hdl::core::prelude::*;

use super::{answer, request};
use crate::leaf::Register;
use crate::shape::Shape;
use crate::word::{Word, bit_cast, bit_cast_bit};

/// The bytes of one request or answer at a time.
#[derive(Clone, Debug, SettledBlock)]
pub struct Requests {
    /// The clock.
    pub clock: Signal<In, Clock>,
    /// A byte has come. Bytes that come before the answer to a complete request has begun are lost.
    pub byte_valid: Signal<In, Bit>,
    /// The byte.
    pub byte_data: Signal<In, Word<8>>,
    /// Forget the bytes of a request that is not complete.
    pub reset: Signal<In, Bit>,
    /// There is a byte of an answer.
    pub answer_valid: Signal<Out, Bit>,
    /// The byte.
    pub answer: Signal<Out, Word<8>>,
    /// It is taken.
    pub answer_ready: Signal<In, Bit>,

    /// To the port of the machine of the same name, as all that follow.
    pub command_valid: Signal<Out, Bit>,
    /// From the machine.
    pub command_ready: Signal<In, Bit>,
    /// To the machine.
    pub command_kind: Signal<Out, Word<4>>,
    /// To the machine.
    pub command_address: Signal<Out, Word<20>>,
    /// To the machine.
    pub command_data: Signal<Out, Word<36>>,
    /// To the machine.
    pub input_valid: Signal<Out, Bit>,
    /// From the machine.
    pub input_ready: Signal<In, Bit>,
    /// To the machine.
    pub input_data: Vec<Signal<Out, Word<36>>>,
    /// From the machine.
    pub output_valid: Signal<In, Bit>,
    /// To the machine.
    pub output_ready: Signal<Out, Bit>,
    /// From the machine.
    pub output_data: Signal<In, Word<36>>,
    /// To the machine.
    pub status_address: Signal<Out, Word<8>>,
    /// From the machine.
    pub status_data: Signal<In, Word<36>>,

    opcode: Register<Word<8>>,
    /// Bytes that are missing.
    missing: Register<Word<6>>,
    /// Bytes of the current word of a beat.
    word_bytes: Register<Word<3>>,
    payload: Register<Word<64>>,
    collecting: Register<Bit>,
    acting: Register<Bit>,
    /// The status word comes.
    looking: Register<Bit>,
    /// The beat of this request is refused.
    refused: Register<Bit>,
    beat_waits: Register<Bit>,
    lanes: Vec<Register<Word<36>>>,
    reply: Register<Word<48>>,
    reply_bytes: Register<Word<3>>,

    command_bytes: Constant<Word<6>>,
    word_length: Constant<Word<6>>,
    beat_length: Constant<Word<6>>,
    status_length: Constant<Word<6>>,
    one_missing: Constant<Word<6>>,
    last_of_word: Constant<Word<3>>,
    no_byte: Constant<Word<3>>,
    one_byte: Constant<Word<3>>,
    six_bytes: Constant<Word<3>>,
    no_kind: Constant<Word<4>>,
    op_word: Constant<Word<8>>,
    op_beat: Constant<Word<8>>,
    op_forget: Constant<Word<8>>,
    op_output: Constant<Word<8>>,
    op_status: Constant<Word<8>>,
    op_none: Constant<Word<8>>,
    done: Constant<Word<48>>,
    unknown: Constant<Word<48>>,

    take: Signal<Local, Bit>,
    group: Signal<Local, Word<4>>,
    next_payload: Signal<Local, Word<64>>,
    next_missing: Signal<Local, Word<6>>,
    next_word_bytes: Signal<Local, Word<3>>,
    next_reply_bytes: Signal<Local, Word<3>>,
    word_complete: Signal<Local, Bit>,
    word: Signal<Local, Word<36>>,
    accepted: Signal<Local, Bit>,
    op_group: Signal<Local, Word<4>>,
    is_command: Signal<Local, Bit>,
    is_beat: Signal<Local, Bit>,
    is_output: Signal<Local, Bit>,
    is_status: Signal<Local, Bit>,
    is_forget: Signal<Local, Bit>,
    act: Signal<Local, Bit>,
    _lanes: usize,
    _last_lane: usize,
}

impl Requests {
    /// For a machine of this shape.
    pub fn new(shape: &Shape) -> Self {
        let lanes = shape.butterflies();
        let length = |bytes: usize| Constant::new(Word::new(bytes as u64));
        let count = |bytes: u64| Constant::new(Word::new(bytes));
        let code = |code: u8| Constant::new(Word::new(u64::from(code)));
        let first = |code: u8| Constant::new(Word::new(u64::from(code)));
        Self {
            clock: Signal::default(),
            byte_valid: Signal::default(),
            byte_data: Signal::default(),
            reset: Signal::default(),
            answer_valid: Signal::default(),
            answer: Signal::default(),
            answer_ready: Signal::default(),
            command_valid: Signal::default(),
            command_ready: Signal::default(),
            command_kind: Signal::default(),
            command_address: Signal::default(),
            command_data: Signal::default(),
            input_valid: Signal::default(),
            input_ready: Signal::default(),
            input_data: vec![Signal::default(); lanes],
            output_valid: Signal::default(),
            output_ready: Signal::default(),
            output_data: Signal::default(),
            status_address: Signal::default(),
            status_data: Signal::default(),
            opcode: Register::default(),
            missing: Register::default(),
            word_bytes: Register::default(),
            payload: Register::default(),
            collecting: Register::default(),
            acting: Register::default(),
            looking: Register::default(),
            refused: Register::default(),
            beat_waits: Register::default(),
            lanes: vec![Register::default(); lanes],
            reply: Register::default(),
            reply_bytes: Register::default(),
            command_bytes: length(8),
            word_length: length(5),
            beat_length: length(5 * lanes),
            status_length: length(1),
            one_missing: length(1),
            last_of_word: count(4),
            no_byte: count(0),
            one_byte: count(1),
            six_bytes: count(6),
            no_kind: Constant::new(Word::new(0)),
            op_word: code(request::WORD),
            op_beat: code(request::BEAT),
            op_forget: code(request::FORGET),
            op_output: code(request::OUTPUT),
            op_status: code(request::STATUS),
            op_none: code(request::NONE),
            done: first(answer::DONE),
            unknown: first(answer::UNKNOWN),
            take: Signal::default(),
            group: Signal::default(),
            next_payload: Signal::default(),
            next_missing: Signal::default(),
            next_word_bytes: Signal::default(),
            next_reply_bytes: Signal::default(),
            word_complete: Signal::default(),
            word: Signal::default(),
            accepted: Signal::default(),
            op_group: Signal::default(),
            is_command: Signal::default(),
            is_beat: Signal::default(),
            is_output: Signal::default(),
            is_status: Signal::default(),
            is_forget: Signal::default(),
            act: Signal::default(),
            _lanes: lanes,
            _last_lane: lanes - 1,
        }
    }
}

impl Logic for Requests {
    #[hdl_gen]
    fn update(&mut self) {
        self.opcode.clock.next = self.clock.val();
        self.missing.clock.next = self.clock.val();
        self.word_bytes.clock.next = self.clock.val();
        self.payload.clock.next = self.clock.val();
        self.collecting.clock.next = self.clock.val();
        self.acting.clock.next = self.clock.val();
        self.looking.clock.next = self.clock.val();
        self.refused.clock.next = self.clock.val();
        self.beat_waits.clock.next = self.clock.val();
        self.reply.clock.next = self.clock.val();
        self.reply_bytes.clock.next = self.clock.val();
        self.opcode.d.next = self.opcode.q.val();
        self.missing.d.next = self.missing.q.val();
        self.word_bytes.d.next = self.word_bytes.q.val();
        self.payload.d.next = self.payload.q.val();
        self.collecting.d.next = self.collecting.q.val();
        self.acting.d.next = self.acting.q.val();
        self.looking.d.next = false;
        self.refused.d.next = self.refused.q.val();
        self.beat_waits.d.next = self.beat_waits.q.val();
        self.reply.d.next = self.reply.q.val();
        self.reply_bytes.d.next = self.reply_bytes.q.val();
        for i in 0..self._lanes {
            self.lanes[i].clock.next = self.clock.val();
            self.lanes[i].d.next = self.lanes[i].q.val();
            self.input_data[i].next = self.lanes[i].q.val();
        }

        // A byte.
        self.take.next = self.byte_valid.val() & !self.acting.q.val() & !self.looking.q.val();
        self.next_payload.next =
            (self.payload.q.val() >> 8) | (bit_cast::<64, 8>(self.byte_data.val()) << 56);
        self.next_missing.next = self.missing.q.val() - self.one_missing.val();
        self.next_word_bytes.next = self.word_bytes.q.val() + self.one_byte.val();
        self.word_complete.next = self.word_bytes.q.val() == self.last_of_word.val();
        self.word.next = self.next_payload.val().get_bits::<36>(24);
        self.group.next = self.byte_data.val().get_bits::<4>(4);
        if self.take.val() & self.collecting.q.val() {
            self.payload.d.next = self.next_payload.val();
            self.missing.d.next = self.next_missing.val();
            self.word_bytes.d.next = self.next_word_bytes.val();
            if self.word_complete.val() {
                self.word_bytes.d.next = self.no_byte.val();
                if !self.refused.q.val() & (self.opcode.q.val() == self.op_beat.val()) {
                    for i in 0..self._last_lane {
                        self.lanes[i].d.next = self.lanes[i + 1].q.val();
                    }
                    for i in self._last_lane..self._lanes {
                        self.lanes[i].d.next = self.word.val();
                    }
                }
                if !self.refused.q.val() & (self.opcode.q.val() == self.op_word.val()) {
                    self.lanes[0].d.next = self.word.val();
                }
            }
            if self.missing.q.val() == self.one_missing.val() {
                self.collecting.d.next = false;
                self.acting.d.next = true;
            }
        }
        if self.take.val() & !self.collecting.q.val() & (self.byte_data.val() != self.op_none.val())
        {
            self.opcode.d.next = self.byte_data.val();
            self.word_bytes.d.next = self.no_byte.val();
            self.refused.d.next = self.beat_waits.q.val();
            self.collecting.d.next = true;
            self.missing.d.next = self.command_bytes.val();
            if self.byte_data.val() == self.op_word.val() {
                self.missing.d.next = self.word_length.val();
            }
            if self.byte_data.val() == self.op_beat.val() {
                self.missing.d.next = self.beat_length.val();
            }
            if self.byte_data.val() == self.op_status.val() {
                self.missing.d.next = self.status_length.val();
            }
            if (self.group.val() != self.no_kind.val())
                & (self.byte_data.val() != self.op_word.val())
                & (self.byte_data.val() != self.op_beat.val())
                & (self.byte_data.val() != self.op_status.val())
            {
                self.collecting.d.next = false;
                self.acting.d.next = true;
            }
        }
        if self.reset.val() {
            self.collecting.d.next = false;
        }

        // A complete request, as soon as the answer to the one before has left.
        self.accepted.next = !self.refused.q.val();
        self.op_group.next = self.opcode.q.val().get_bits::<4>(4);
        self.is_command.next = self.op_group.val() == self.no_kind.val();
        self.is_beat.next = (self.opcode.q.val() == self.op_word.val())
            | (self.opcode.q.val() == self.op_beat.val());
        self.is_forget.next = self.opcode.q.val() == self.op_forget.val();
        self.is_output.next = self.opcode.q.val() == self.op_output.val();
        self.is_status.next = self.opcode.q.val() == self.op_status.val();
        self.act.next = self.acting.q.val() & !self.reply_bytes.q.val().any();
        self.command_valid.next = self.act.val() & self.is_command.val();
        self.command_kind.next = self.opcode.q.val().get_bits::<4>(0);
        self.command_address.next = self.payload.q.val().get_bits::<20>(0);
        self.command_data.next = self.payload.q.val().get_bits::<36>(24);
        self.status_address.next = self.payload.q.val().get_bits::<8>(56);
        self.output_ready.next = self.act.val() & self.is_output.val();
        self.input_valid.next = self.beat_waits.q.val();
        if self.input_ready.val() {
            self.beat_waits.d.next = false;
        }

        // Its answer.
        self.answer_valid.next = self.reply_bytes.q.val().any();
        self.answer.next = self.reply.q.val().get_bits::<8>(0);
        self.next_reply_bytes.next = self.reply_bytes.q.val() - self.one_byte.val();
        if self.answer_valid.val() & self.answer_ready.val() {
            self.reply.d.next = self.reply.q.val() >> 8;
            self.reply_bytes.d.next = self.next_reply_bytes.val();
        }
        if self.act.val() {
            self.acting.d.next = false;
            self.reply_bytes.d.next = self.one_byte.val();
            self.reply.d.next = self.unknown.val();
            if self.is_command.val() {
                self.reply.d.next = bit_cast_bit::<48>(self.command_ready.val());
            }
            if self.is_beat.val() {
                self.reply.d.next = bit_cast_bit::<48>(self.accepted.val());
                if self.accepted.val() {
                    self.beat_waits.d.next = true;
                }
            }
            if self.is_forget.val() {
                self.reply.d.next = self.done.val();
                self.beat_waits.d.next = false;
            }
            if self.is_output.val() {
                self.reply.d.next = bit_cast_bit::<48>(self.output_valid.val());
                if self.output_valid.val() {
                    self.reply.d.next =
                        (bit_cast::<48, 36>(self.output_data.val()) << 8) | self.done.val();
                    self.reply_bytes.d.next = self.six_bytes.val();
                }
            }
            if self.is_status.val() {
                self.looking.d.next = true;
                self.reply_bytes.d.next = self.no_byte.val();
            }
        }
        if self.looking.q.val() {
            self.reply.d.next = (bit_cast::<48, 36>(self.status_data.val()) << 8) | self.done.val();
            self.reply_bytes.d.next = self.six_bytes.val();
        }
    }
}
