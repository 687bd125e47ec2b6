//! A lane: a butterfly between two banks, with its twiddle memory.
//!
//! Cycles are counted from the issue of an event of the *low* bank or of a whole row; the high bank reads and writes
//! everything one cycle after the low bank. A paired event reads its two words in consecutive cycles, an event of a
//! whole row reads one word in each bank; either way the two meet when the first has waited one cycle.
//!
//! | cycle | low bank | |
//! |---|---|---|
//! | 2 | | [`Read`] arrives |
//! | 3 | address registers | (4: those of the high bank) |
//! | 7 | first word | twiddle address registered in cycle 6 |
//! | 8 | second word, the first waits | |
//! | 9 | operands of the lane itself, and of its neighbours | twiddle |
//! | 10 | first, second and third operand | twiddle of the right lane |
//! | 11 | x, y and w are chosen | |
//! | 12 | what `RED` adds; the butterfly begins | |
//! | 11 + L | [`Tag`] arrives | |
//! | 12 + L | results | |
//! | 13 + L | the memory's write registers | (14 + L: those of the high bank) |

use addax_hdl_derive::SettledBlock;
use rust_hdl::core::prelude::*;

use super::bank::{Bank, BankSize};
use super::bundles::{
    Command, Exceeding, Fetched, Operands, Read, Results, Route, Tag, TwiddleWrite, Walks,
};

use crate::arithmetic::Butterfly;
use crate::leaf::{MaskedRegister, Ram, Register};
use crate::shape::{ADDRESS_BITS, Target};
use crate::word::{Word, bit_cast};

/// One lane.
#[derive(Clone, Debug, SettledBlock)]
pub struct Lane {
    /// The clock.
    pub clock: Signal<In, Clock>,
    /// A neighbour's [`Self::passed`]: always 0.
    pub asleep: Signal<In, Bit>,
    /// The same, one cycle later, to the next lane. The lanes' registers, one of the first relay and one of the step
    /// generator make a ring of zeros.
    pub passed: Signal<Out, Bit>,
    /// From cycle 0 of the first event on: the running instruction; stable.
    pub command: Signal<In, Command>,

    /// Cycle 2: what the low bank reads.
    pub read: Signal<In, Read>,
    /// Cycle 1: row that the low bank reads for an automorphism.
    pub low_walk: Signal<In, Word<12>>,
    /// Cycle 1: row that the high bank reads for an automorphism.
    pub high_walk: Signal<In, Word<12>>,
    /// Cycle 5: address in the twiddle memory.
    pub twiddle_address: Signal<In, Word<ADDRESS_BITS>>,
    /// Cycle 7: which words meet.
    pub route: Signal<In, Route>,
    /// Cycle 7: a word from the input stream.
    pub stream: Signal<In, Word<36>>,
    /// Cycle 8: the first word of a crossed pair.
    pub crossed_first: Signal<In, Word<36>>,
    /// Cycle 8: the second word of a crossed pair.
    pub crossed_second: Signal<In, Word<36>>,
    /// Cycle 9: the twiddle of lane B − 1 − u.
    pub mirrored_twiddle: Signal<In, Word<36>>,
    /// Cycle 11 + L: what is written.
    pub tag: Signal<In, Tag>,
    /// Cycle 12 + L: a neighbour's result for the low bank.
    pub crossed_low: Signal<In, Word<36>>,
    /// Cycle 13 + L: a neighbour's result for the high bank.
    pub crossed_high: Signal<In, Word<36>>,
    /// One cycle after [`Self::tag`]: the automorphism's word for the low bank.
    pub moved_low: Signal<In, Word<36>>,
    /// One cycle after [`Self::tag`]: the automorphism's word for the high bank.
    pub moved_high: Signal<In, Word<36>>,
    /// A twiddle to load.
    pub twiddle_write: Signal<In, TwiddleWrite>,

    /// Cycle 7: the low bank's word.
    pub low_word: Signal<Out, Word<36>>,
    /// Cycle 8: the same word.
    pub low_previous: Signal<Out, Word<36>>,
    /// Cycle 8: the high bank's word of the same row.
    pub high_word: Signal<Out, Word<36>>,
    /// Cycle 9: twiddle.
    pub twiddle: Signal<Out, Word<36>>,
    /// Cycle 10: the first operand, which is what `ST` takes.
    pub first: Signal<Out, Word<36>>,
    /// Cycle 12 + L: sum.
    pub sum: Signal<Out, Word<36>>,
    /// Cycle 12 + L: difference.
    pub difference: Signal<Out, Word<36>>,
    /// Cycle 13 + L: sum.
    pub late_sum: Signal<Out, Word<36>>,
    /// Cycle 13 + L: difference.
    pub late_difference: Signal<Out, Word<36>>,

    low: Bank,
    high: Bank,
    twiddles: Ram<Word<36>>,
    butterfly: Butterfly,
    /// A copy of its own of what all lanes are told. Synthesis merges registers of equal inputs and would let one drive
    /// the whole die; it does not find out that nothing is ever masked.
    sleep: Register<Bit>,
    held: MaskedRegister<Command>,
    late_read: MaskedRegister<Read>,
    walks: Register<Walks>,
    twiddle_row: MaskedRegister<Word<ADDRESS_BITS>>,
    /// Read from this lane's memory.
    own_twiddle: Register<Word<36>>,
    twiddle_word: Register<Word<36>>,
    routed: MaskedRegister<Route>,
    /// The stream's word as first and as second operand; 0 where it is not wanted.
    stream_first: MaskedRegister<Word<36>>,
    stream_second: MaskedRegister<Word<36>>,
    loading: MaskedRegister<TwiddleWrite>,
    /// The operands of this lane, and those of its neighbours.
    near: Register<Fetched>,
    far: MaskedRegister<Fetched>,
    crosses: Register<Bit>,
    fetched: Register<Fetched>,
    chosen: Register<Exceeding>,
    operands: Register<Operands>,
    late: Register<Results>,
    own_tag: MaskedRegister<Tag>,
    late_tag: Register<Tag>,
    late_moved: Register<Word<36>>,

    number: Constant<Word<3>>,
    own: Constant<Word<8>>,
    zero: Constant<Word<36>>,
    lane: Signal<Local, Word<3>>,
    twiddle_place: Signal<Local, Word<20>>,
    loaded_place: Signal<Local, Word<20>>,
    first_word: Signal<Local, Word<36>>,
    second_word: Signal<Local, Word<36>>,
    bound: Signal<Local, Word<36>>,
    limit: Signal<Local, Word<36>>,
    word: Signal<Local, Word<36>>,
    added: Signal<Local, Word<36>>,
    idle: Signal<Local, Word<8>>,
    late_idle: Signal<Local, Word<8>>,
}

impl Lane {
    /// Lane `number` of a machine. Its twiddle memory has `twiddle_depth` words.
    pub fn new(number: usize, size: BankSize, twiddle_depth: usize, target: Target) -> Self {
        Self {
            clock: Signal::default(),
            asleep: Signal::default(),
            passed: Signal::default(),
            command: Signal::default(),
            read: Signal::default(),
            low_walk: Signal::default(),
            high_walk: Signal::default(),
            twiddle_address: Signal::default(),
            route: Signal::default(),
            stream: Signal::default(),
            crossed_first: Signal::default(),
            crossed_second: Signal::default(),
            mirrored_twiddle: Signal::default(),
            tag: Signal::default(),
            crossed_low: Signal::default(),
            crossed_high: Signal::default(),
            moved_low: Signal::default(),
            moved_high: Signal::default(),
            twiddle_write: Signal::default(),
            low_word: Signal::default(),
            low_previous: Signal::default(),
            high_word: Signal::default(),
            twiddle: Signal::default(),
            first: Signal::default(),
            sum: Signal::default(),
            difference: Signal::default(),
            late_sum: Signal::default(),
            late_difference: Signal::default(),
            low: Bank::new(size, target),
            high: Bank::new(size, target),
            twiddles: Ram::new(twiddle_depth, target),
            butterfly: Butterfly::new(target),
            sleep: Register::default(),
            held: MaskedRegister::default(),
            late_read: MaskedRegister::default(),
            walks: Register::default(),
            twiddle_row: MaskedRegister::default(),
            own_twiddle: Register::default(),
            twiddle_word: Register::default(),
            routed: MaskedRegister::default(),
            stream_first: MaskedRegister::default(),
            stream_second: MaskedRegister::default(),
            loading: MaskedRegister::default(),
            near: Register::default(),
            far: MaskedRegister::default(),
            crosses: Register::default(),
            fetched: Register::default(),
            chosen: Register::default(),
            operands: Register::default(),
            late: Register::default(),
            own_tag: MaskedRegister::default(),
            late_tag: Register::default(),
            late_moved: Register::default(),
            number: Constant::new(Word::new(number as u64)),
            own: Constant::new(Word::new(1 << number)),
            zero: Constant::new(Word::new(0)),
            lane: Signal::default(),
            twiddle_place: Signal::default(),
            loaded_place: Signal::default(),
            first_word: Signal::default(),
            second_word: Signal::default(),
            bound: Signal::default(),
            limit: Signal::default(),
            word: Signal::default(),
            added: Signal::default(),
            idle: Signal::default(),
            late_idle: Signal::default(),
        }
    }

    /// The low bank.
    pub fn low(&self) -> &Bank {
        &self.low
    }

    /// The high bank.
    pub fn high(&self) -> &Bank {
        &self.high
    }

    /// The low bank, to put words into.
    pub fn low_mut(&mut self) -> &mut Bank {
        &mut self.low
    }

    /// The high bank, to put words into.
    pub fn high_mut(&mut self) -> &mut Bank {
        &mut self.high
    }

    /// The twiddle memory, to put words into.
    pub fn twiddles_mut(&mut self) -> &mut Ram<Word<36>> {
        &mut self.twiddles
    }
}

impl Logic for Lane {
    #[hdl_gen]
    fn update(&mut self) {
        self.low.clock.next = self.clock.val();
        self.high.clock.next = self.clock.val();
        self.twiddles.clock.next = self.clock.val();
        self.butterfly.clock.next = self.clock.val();
        self.sleep.clock.next = self.clock.val();
        self.held.clock.next = self.clock.val();
        self.own_tag.clock.next = self.clock.val();
        self.late_read.clock.next = self.clock.val();
        self.walks.clock.next = self.clock.val();
        self.twiddle_row.clock.next = self.clock.val();
        self.own_twiddle.clock.next = self.clock.val();
        self.twiddle_word.clock.next = self.clock.val();
        self.routed.clock.next = self.clock.val();
        self.stream_first.clock.next = self.clock.val();
        self.stream_second.clock.next = self.clock.val();
        self.loading.clock.next = self.clock.val();
        self.near.clock.next = self.clock.val();
        self.far.clock.next = self.clock.val();
        self.crosses.clock.next = self.clock.val();
        self.fetched.clock.next = self.clock.val();
        self.chosen.clock.next = self.clock.val();
        self.operands.clock.next = self.clock.val();
        self.late.clock.next = self.clock.val();
        self.late_tag.clock.next = self.clock.val();
        self.late_moved.clock.next = self.clock.val();

        self.sleep.d.next = self.asleep.val();
        self.passed.next = self.sleep.q.val();
        self.held.keep.next = !self.sleep.q.val();
        self.late_read.keep.next = !self.sleep.q.val();
        self.twiddle_row.keep.next = !self.sleep.q.val();
        self.routed.keep.next = !self.sleep.q.val();
        self.own_tag.keep.next = !self.sleep.q.val();
        self.low.asleep.next = self.sleep.q.val();
        self.high.asleep.next = self.sleep.q.val();
        self.held.d.next = self.command.val();

        // Cycles 1 to 3: what the banks read.
        self.walks.d.next.low = self.low_walk.val();
        self.walks.d.next.high = self.high_walk.val();
        self.walks.d.next.late_high = self.walks.q.val().high;
        self.late_read.d.next = self.read.val();
        self.low.read.next = self.read.val();
        self.high.read.next = self.late_read.q.val();
        if self.held.q.val().automorphism {
            self.low.read.next.row = self.walks.q.val().low;
            self.high.read.next.row = self.walks.q.val().late_high;
        }
        self.low.target.next = self.held.q.val().target;
        self.high.target.next = self.held.q.val().target;
        self.low_word.next = self.low.word.val();
        self.low_previous.next = self.low.previous.val();
        self.high_word.next = self.high.word.val();

        // Cycles 5 to 9: the twiddle; the inverse takes another lane's. 0 where there is none.
        self.twiddle_row.d.next = self.twiddle_address.val();
        self.twiddles.read_address.next = self.twiddle_row.q.val();
        self.own_twiddle.d.next = self.twiddles.read_data.val();
        self.twiddle.next = self.own_twiddle.q.val();
        self.twiddle_word.d.next = self.own_twiddle.q.val();
        if self.held.q.val().inverse {
            self.twiddle_word.d.next = self.mirrored_twiddle.val();
        }
        if !self.held.q.val().transform {
            self.twiddle_word.d.next = self.zero.val();
        }

        // Cycle 7: the stream's word, 0 where it is not wanted.
        self.routed.d.next = self.route.val();
        self.stream_first.d.next = self.stream.val();
        self.stream_first.keep.next = self.held.q.val().no_first;
        self.stream_second.d.next = self.stream.val();
        self.stream_second.keep.next = self.held.q.val().stream_second;

        // Cycle 8: first, second, third. What is not read is 0, so one OR joins memory and stream. The neighbours' words
        // have come a long way.
        self.first_word.next = self.low.previous.val();
        self.second_word.next = self.low.word.val();
        if self.routed.q.val().high {
            self.first_word.next = self.high.previous.val();
        }
        if self.routed.q.val().second_high {
            self.second_word.next = self.high.word.val();
        }
        self.near.d.next.first = self.first_word.val() | self.stream_first.q.val();
        self.near.d.next.second = self.second_word.val() | self.stream_second.q.val();
        self.near.d.next.third = self.low.third.val() | self.high.third.val();
        self.far.keep.next = !self.sleep.q.val();
        self.far.d.next.first = self.crossed_first.val();
        self.far.d.next.second = self.crossed_second.val();
        self.far.d.next.third = self.zero.val();
        self.crosses.d.next = self.routed.q.val().crossed;

        // Cycle 9.
        self.fetched.d.next = self.near.q.val();
        if self.crosses.q.val() {
            self.fetched.d.next = self.far.q.val();
        }
        self.first.next = self.fetched.q.val().first;

        // Cycle 10: x, y, w. The representative of a is negative when a is above (q − 1)/2 = qh·2^17.
        self.chosen.d.next.x = self.fetched.q.val().first;
        if self.held.q.val().third {
            self.chosen.d.next.x = self.fetched.q.val().third;
        }
        if self.held.q.val().no_x {
            self.chosen.d.next.x = self.zero.val();
        }
        self.chosen.d.next.y = self.fetched.q.val().second;
        if self.held.q.val().first_is_y {
            self.chosen.d.next.y = self.fetched.q.val().first;
        }
        if self.held.q.val().reduce {
            self.chosen.d.next.y = self.zero.val();
        }
        self.word.next = self.zero.val();
        if self.held.q.val().second_is_w {
            self.word.next = self.fetched.q.val().second;
        }
        self.chosen.d.next.w =
            self.word.val() | self.twiddle_word.q.val() | self.held.q.val().factor;
        self.bound.next = bit_cast::<36, 17>(self.held.q.val().source_qh);
        self.limit.next = self.bound.val() << 17;
        self.word.next = self.fetched.q.val().first;
        self.chosen.d.next.exceeds =
            self.held.q.val().reduce & (self.word.val() > self.limit.val());

        // Cycle 11.
        self.added.next = self.zero.val();
        if self.chosen.q.val().exceeds {
            self.added.next = self.held.q.val().addend;
        }
        self.operands.d.next.x = self.chosen.q.val().x;
        self.operands.d.next.y = self.chosen.q.val().y | self.added.val();
        self.operands.d.next.w = self.chosen.q.val().w;

        // Cycle 12.
        self.butterfly.inverse.next = self.held.q.val().inverse;
        self.butterfly.qh.next = self.held.q.val().qh;
        self.butterfly.x.next = self.operands.q.val().x;
        self.butterfly.y.next = self.operands.q.val().y;
        self.butterfly.w.next = self.operands.q.val().w;
        self.sum.next = self.butterfly.sum.val();
        self.difference.next = self.butterfly.difference.val();
        self.late.d.next.sum = self.butterfly.sum.val();
        self.late.d.next.difference = self.butterfly.difference.val();
        self.late_sum.next = self.late.q.val().sum;
        self.late_difference.next = self.late.q.val().difference;

        // Cycle 12 + L for the low bank, the next one for the high bank.
        self.idle.next = self.own_tag.q.val().idle & self.own.val();
        self.low.write.next.enable = self.own_tag.q.val().low & !self.idle.val().any();
        self.low.write.next.row = self.own_tag.q.val().row;
        self.low.write.next.word = self.butterfly.sum.val();
        if self.own_tag.q.val().second {
            self.low.write.next.word = self.late.q.val().difference;
        }
        if self.own_tag.q.val().crossed {
            self.low.write.next.word = self.crossed_low.val();
        }
        if self.own_tag.q.val().moved {
            self.low.write.next.word = self.moved_low.val();
        }
        self.own_tag.d.next = self.tag.val();
        self.late_tag.d.next = self.own_tag.q.val();
        self.late_moved.d.next = self.moved_high.val();
        self.late_idle.next = self.late_tag.q.val().idle & self.own.val();
        self.high.write.next.enable = self.late_tag.q.val().high & !self.late_idle.val().any();
        self.high.write.next.row = self.late_tag.q.val().row;
        self.high.write.next.word = self.butterfly.sum.val();
        if self.late_tag.q.val().second | self.late_tag.q.val().whole_row {
            self.high.write.next.word = self.late.q.val().difference;
        }
        if self.late_tag.q.val().crossed {
            self.high.write.next.word = self.crossed_high.val();
        }
        if self.late_tag.q.val().moved {
            self.high.write.next.word = self.late_moved.q.val();
        }

        // Loading twiddles.
        self.twiddle_place.next = self.twiddle_write.val().address;
        self.lane.next = self.twiddle_place.val().get_bits::<3>(17);
        self.loading.keep.next = !self.sleep.q.val();
        self.loading.d.next = self.twiddle_write.val();
        self.loading.d.next.enable =
            self.twiddle_write.val().enable & (self.lane.val() == self.number.val());
        self.loaded_place.next = self.loading.q.val().address;
        self.twiddles.write.next = self.loading.q.val().enable;
        self.twiddles.write_address.next = self.loaded_place.val().get_bits::<17>(0);
        self.twiddles.write_data.next = self.loading.q.val().word;
    }
}
