//! The step generator: which event happens in a cycle.
//!
//! All instructions count rows. An instruction that takes the banks' halves in turn counts (row, half); one that takes
//! whole rows counts rows; `LD` and `ST` count rows in one bank after the other.
//!
//! A transform repeats the count log2 n times, once for each distance d of its pairs. The generator keeps d − 1, a
//! run of ones that is shifted by one bit after each stage: down from n/2 − 1 forward, up from 0 in the inverse. Its
//! low log2 R bits say where the 0 and the 1 are inserted into the count, bit by bit and without a shifter: below the
//! run the count is taken as it stands, at the run's end stands 0 in the first row and 1 in the second, and above
//! it the count one place lower. When all log2 R bits are ones the count is the row itself, which is what row stages
//! and all other instructions want.

use addax_hdl_derive::SettledBlock;
use rust_hdl::core::prelude::*;

use super::bundles::{Command, Departure, Read, Route, State, Tag};
use crate::leaf::{MaskedRegister, Register, ReverseBits};
use crate::shape::{ADDRESS_BITS, Shape};
use crate::word::{Word, bit_cast};

/// The generator.
#[derive(Clone, Debug, SettledBlock)]
pub struct Steps {
    /// The clock.
    pub clock: Signal<In, Clock>,
    /// Begin; the instruction is decoded. The first event is in the next cycle.
    pub start: Signal<In, Bit>,
    /// With `start`: the instruction is `INTT`.
    pub start_inverse: Signal<In, Bit>,
    /// Forget the instruction.
    pub flush: Signal<In, Bit>,
    /// With `start`: the instruction.
    pub command: Signal<In, Command>,
    /// Always 0: a neighbour's [`Self::passed`] (see [`Lane`](super::lane::Lane)).
    pub asleep: Signal<In, Bit>,
    /// The same, one cycle later.
    pub passed: Signal<Out, Bit>,
    /// From the cycle after `start`: first twiddle of the limb.
    pub twiddle_base: Signal<In, Word<ADDRESS_BITS>>,
    /// From the cycle after `start`: first twiddle of the limb's row stages.
    pub row_base: Signal<In, Word<ADDRESS_BITS>>,
    /// Stream operands: the next event's beats are here.
    pub beats: Signal<In, Bit>,
    /// `ST`: there is room for a word.
    pub credit: Signal<In, Bit>,
    /// `AUT`: the rows are known.
    pub prepared: Signal<In, Bit>,

    /// Cycle 0 of an event.
    pub issue: Signal<Out, Bit>,
    /// An event waits for room.
    pub stall: Signal<Out, Bit>,
    /// Cycle 0 of an event that is not forgotten at once: [`Self::issue`] without [`Self::flush`].
    pub valid: Signal<Out, Bit>,
    /// Cycle 0: what the low banks read.
    pub read: Signal<Out, Read>,
    /// Cycle 0: which words meet.
    pub route: Signal<Out, Route>,
    /// Cycle 0: what is written.
    pub tag: Signal<Out, Tag>,
    /// Cycle 0: address in the twiddle memories.
    pub twiddle_address: Signal<Out, Word<ADDRESS_BITS>>,
    /// Cycle 0: what leaves.
    pub departure: Signal<Out, Departure>,

    state: Register<State>,
    /// The instruction in a register of its own, as in a lane.
    held: MaskedRegister<Command>,
    sleep: Register<Bit>,
    reverse: ReverseBits<12>,

    beginning: Constant<State>,
    none: Constant<Word<16>>,
    one: Constant<Word<16>>,
    /// R − 1.
    row_mask: Constant<Word<16>>,
    /// Bits of a count outside [`Self::row_mask`].
    row_rest: Constant<Word<16>>,
    /// R/2.
    row_top: Constant<Word<16>>,
    /// n/2 − 1.
    full_reach: Constant<Word<16>>,
    /// n/4, the top bit of it.
    reach_top: Constant<Word<16>>,
    first_lane: Constant<Word<8>>,
    last_lane: Constant<Word<8>>,
    all_lanes: Constant<Word<8>>,
    no_lane: Constant<Word<8>>,
    /// R as an address.
    upper_half: Constant<Word<ADDRESS_BITS>>,
    /// Offset of the row stage with 0, 1, 2, 3 row stages behind it.
    stage_offsets: Vec<Constant<Word<ADDRESS_BITS>>>,
    crossing: Constant<Bit>,

    reach: Signal<Local, Word<16>>,
    reach_next: Signal<Local, Word<16>>,
    shift: Signal<Local, Bit>,
    shifted_reach: Signal<Local, Word<16>>,
    row: Signal<Local, Word<16>>,
    row_next: Signal<Local, Word<16>>,
    shifted_row: Signal<Local, Word<16>>,
    distance: Signal<Local, Word<16>>,
    above: Signal<Local, Word<16>>,
    above_row: Signal<Local, Word<16>>,
    counted: Signal<Local, Word<16>>,
    reach_end: Signal<Local, Word<16>>,
    reach_bit: Signal<Local, Word<16>>,
    whole_row: Signal<Local, Bit>,
    paired: Signal<Local, Bit>,
    row_ends: Signal<Local, Bit>,
    lane: Signal<Local, Word<8>>,
    lane_next: Signal<Local, Word<8>>,
    lane_ends: Signal<Local, Bit>,
    idle: Signal<Local, Word<8>>,
    serial: Signal<Local, Bit>,
    at_end: Signal<Local, Bit>,
    last_stage: Signal<Local, Bit>,
    ready: Signal<Local, Bit>,
    go: Signal<Local, Bit>,
    second: Signal<Local, Bit>,
    address: Signal<Local, Word<16>>,
    turn: Signal<Local, Word<16>>,
    twiddle: Signal<Local, Word<16>>,
    wide_twiddle: Signal<Local, Word<ADDRESS_BITS>>,
    offset: Signal<Local, Word<ADDRESS_BITS>>,
    stages_behind: Signal<Local, Word<3>>,
    _log_rows: usize,
    _above_log_rows: usize,
}

impl Steps {
    /// The generator of a machine of this shape.
    pub fn new(shape: &Shape) -> Self {
        let rows = shape.rows() as u64;
        let n = shape.n() as u64;
        let lanes = shape.butterflies();
        let wide = |value: u64| Constant::new(Word::<16>::new(value));
        let row_stages = shape.log_banks() as usize;
        let log_rows = shape.log_rows() as usize;
        Self {
            clock: Signal::default(),
            start: Signal::default(),
            start_inverse: Signal::default(),
            flush: Signal::default(),
            command: Signal::default(),
            twiddle_base: Signal::default(),
            row_base: Signal::default(),
            beats: Signal::default(),
            asleep: Signal::default(),
            passed: Signal::default(),
            credit: Signal::default(),
            prepared: Signal::default(),
            issue: Signal::default(),
            stall: Signal::default(),
            valid: Signal::default(),
            read: Signal::default(),
            route: Signal::default(),
            tag: Signal::default(),
            twiddle_address: Signal::default(),
            departure: Signal::default(),
            state: Register::default(),
            held: MaskedRegister::default(),
            sleep: Register::default(),
            reverse: ReverseBits::new(log_rows),
            beginning: Constant::new(State {
                running: true,
                first_stage: true,
                lane: Word::new(1),
                ..State::default()
            }),
            none: wide(0),
            one: wide(1),
            row_mask: wide(rows - 1),
            row_rest: wide(!(rows - 1)),
            row_top: wide(rows / 2),
            full_reach: wide(n / 2 - 1),
            reach_top: wide(n / 4),
            first_lane: Constant::new(Word::new(1)),
            last_lane: Constant::new(Word::new(1 << (lanes - 1))),
            all_lanes: Constant::new(Word::new((1 << lanes) - 1)),
            no_lane: Constant::new(Word::new(0)),
            upper_half: Constant::new(Word::new(rows)),
            stage_offsets: (0..4)
                .map(|behind| row_stages.saturating_sub(1 + behind) * shape.row_stride())
                .map(|offset| Constant::new(Word::new(offset as u64)))
                .collect(),
            crossing: Constant::new(lanes > 1),
            reach: Signal::default(),
            reach_next: Signal::default(),
            shift: Signal::default(),
            shifted_reach: Signal::default(),
            row: Signal::default(),
            row_next: Signal::default(),
            shifted_row: Signal::default(),
            distance: Signal::default(),
            above: Signal::default(),
            above_row: Signal::default(),
            counted: Signal::default(),
            reach_end: Signal::default(),
            reach_bit: Signal::default(),
            whole_row: Signal::default(),
            paired: Signal::default(),
            row_ends: Signal::default(),
            lane: Signal::default(),
            lane_next: Signal::default(),
            lane_ends: Signal::default(),
            idle: Signal::default(),
            serial: Signal::default(),
            at_end: Signal::default(),
            last_stage: Signal::default(),
            ready: Signal::default(),
            go: Signal::default(),
            second: Signal::default(),
            address: Signal::default(),
            turn: Signal::default(),
            twiddle: Signal::default(),
            wide_twiddle: Signal::default(),
            offset: Signal::default(),
            stages_behind: Signal::default(),
            _log_rows: log_rows,
            _above_log_rows: log_rows + 1,
        }
    }
}

impl Logic for Steps {
    #[hdl_gen]
    fn update(&mut self) {
        self.state.clock.next = self.clock.val();
        self.held.clock.next = self.clock.val();
        self.sleep.clock.next = self.clock.val();
        self.sleep.d.next = self.asleep.val();
        self.passed.next = self.sleep.q.val();
        self.held.keep.next = !self.sleep.q.val();
        self.held.d.next = self.command.val();

        // Where the count stands.
        self.row.next = self.state.q.val().row;
        self.reach.next = self.state.q.val().reach;
        self.lane.next = self.state.q.val().lane;
        self.serial.next = self.held.q.val().load | self.held.q.val().store;
        self.reach_bit.next = self.reach.val() & self.row_top.val();
        self.whole_row.next = self.reach_bit.val().any();
        self.paired.next = self.held.q.val().pointwise | !self.whole_row.val();
        self.counted.next = self.row.val() | self.row_rest.val();
        if !self.whole_row.val() {
            self.counted.next = self.counted.val() | self.row_top.val();
        }
        self.row_ends.next = self.counted.val().all();
        self.lane_ends.next = self.lane.val() == self.last_lane.val();
        self.at_end.next = self.row_ends.val() & (self.state.q.val().half | !self.paired.val());
        self.last_stage.next = true;
        self.reach_end.next = self.reach.val() & self.reach_top.val();
        if self.held.q.val().transform {
            self.last_stage.next = !self.reach.val().get_bit(0);
        }
        if self.held.q.val().inverse {
            self.last_stage.next = self.reach_end.val().any();
        }
        if self.serial.val() {
            self.last_stage.next = self.lane_ends.val() & self.state.q.val().half;
        }

        // Whether there is an event.
        self.ready.next = true;
        if self.held.q.val().streams {
            self.ready.next = self.beats.val();
        }
        if self.held.q.val().store {
            self.ready.next = self.credit.val();
        }
        if self.held.q.val().automorphism {
            self.ready.next = self.prepared.val();
        }
        self.go.next = self.state.q.val().running & self.ready.val();
        self.issue.next = self.go.val();
        self.stall.next = self.state.q.val().running & self.held.q.val().store & !self.credit.val();

        // The next count.
        self.state.d.next = self.state.q.val();
        self.row_next.next = self.row.val() + self.one.val();
        self.row_next.next = self.row_next.val() & self.row_mask.val();
        self.reach_next.next = self.reach.val() >> 1;
        if self.held.q.val().inverse {
            self.reach_next.next = (self.reach.val() << 1) | self.one.val();
        }
        self.reach_next.next = self.reach_next.val() & self.full_reach.val();
        self.lane_next.next = (self.lane.val() << 1) & self.all_lanes.val();
        if self.lane_ends.val() {
            self.lane_next.next = self.first_lane.val();
        }
        if self.go.val() {
            if self.state.q.val().half | !self.paired.val() {
                self.state.d.next.row = self.row_next.val();
            }
            if self.paired.val() {
                self.state.d.next.half = !self.state.q.val().half;
            }
            if self.at_end.val() {
                self.state.d.next.row = self.none.val();
                self.state.d.next.first_stage = false;
                if self.serial.val() {
                    self.state.d.next.lane = self.lane_next.val();
                    // Not after the last event: its word is still on the way, along the high banks' route.
                    if self.lane_ends.val() & !self.last_stage.val() {
                        self.state.d.next.half = !self.state.q.val().half;
                    }
                }
                if self.last_stage.val() {
                    self.state.d.next.running = false;
                }
            }
        }
        if self.start.val() {
            self.state.d.next = self.beginning.val();
        }
        // The fabric's flip-flops can be reset to their initial value, which is 0, for nothing.
        self.shift.next = self.go.val() & self.at_end.val() & self.held.q.val().transform;
        if self.start.val() {
            self.reach_next.next = self.full_reach.val();
        }
        self.state.d.next.reach = self.reach.val();
        if self.shift.val() | self.start.val() {
            self.state.d.next.reach = self.reach_next.val();
        }
        if self.start.val() & self.start_inverse.val() {
            self.state.d.next.reach = self.none.val();
        }
        if self.flush.val() {
            self.state.d.next.running = false;
        }

        // Rows: the distance d as one bit, and the bits above it.
        self.shifted_reach.next = (self.reach.val() << 1) | self.one.val();
        self.shifted_row.next = self.row.val() << 1;
        self.above.next = self.reach.val() | self.shifted_reach.val();
        self.above.next = !self.above.val();
        self.above.next = self.above.val() & self.row_mask.val();
        self.distance.next = !self.reach.val();
        self.distance.next = self.distance.val() & self.shifted_reach.val() & self.row_mask.val();
        self.above_row.next = self.above.val() & self.shifted_row.val();
        self.second.next = self.state.q.val().half & self.paired.val();
        self.address.next = (self.reach.val() & self.row.val()) | self.above_row.val();
        if self.second.val() {
            self.address.next = self.address.val() | self.distance.val();
        }

        // Twiddles: the second row without the bits below d; complemented in the inverse.
        self.turn.next = self.none.val();
        if self.held.q.val().inverse {
            self.turn.next = self.above.val();
        }
        self.twiddle.next = (self.above_row.val() ^ self.turn.val()) | self.distance.val();
        self.wide_twiddle.next = bit_cast::<ADDRESS_BITS, 16>(self.twiddle.val());
        self.wide_twiddle.next = self.wide_twiddle.val() | self.twiddle_base.val();
        if self.state.q.val().half != self.held.q.val().inverse {
            self.wide_twiddle.next = self.wide_twiddle.val() | self.upper_half.val();
        }
        // Above the bits of a row d − 1 counts the row stages behind this one.
        for i in self._log_rows..self._above_log_rows {
            self.stages_behind.next = self.reach.val().get_bits::<3>(i);
        }
        self.offset.next = self.stage_offsets[0].val();
        if self.stages_behind.val().get_bit(0) {
            self.offset.next = self.stage_offsets[1].val();
        }
        if self.stages_behind.val().get_bit(1) {
            self.offset.next = self.stage_offsets[2].val();
        }
        if self.stages_behind.val().get_bit(2) {
            self.offset.next = self.stage_offsets[3].val();
        }
        if self.whole_row.val() {
            self.wide_twiddle.next = self.row_base.val() | self.offset.val();
        }
        self.twiddle_address.next = self.wide_twiddle.val();

        // What the low banks read.
        self.valid.next = self.go.val() & !self.flush.val();
        self.read.next.row = bit_cast::<12, 16>(self.address.val());
        self.read.next.slot = self.held.q.val().first_slot;
        if self.second.val() & self.held.q.val().pointwise {
            self.read.next.slot = self.held.q.val().second_slot;
        }
        if self.held.q.val().transform & !self.state.q.val().first_stage {
            self.read.next.slot = self.held.q.val().target;
        }
        self.read.next.none = self.held.q.val().no_first;
        if self.second.val() {
            self.read.next.none = self.held.q.val().no_second;
        }
        self.read.next.hold = self.second.val() & self.held.q.val().same;
        self.read.next.third = self.second.val() & self.held.q.val().third;

        // Which words meet.
        self.route.next.high = self.state.q.val().half;
        self.route.next.second_high = self.state.q.val().half | !self.paired.val();
        self.route.next.crossed =
            self.crossing.val() & self.held.q.val().inverse & !self.paired.val();
        self.departure.next.push =
            self.state.q.val().running & self.held.q.val().store & self.credit.val();
        self.departure.next.high = self.state.q.val().half;
        self.departure.next.lane = self.lane.val();

        // What is written.
        self.reverse.d.next = bit_cast::<12, 16>(self.row.val());
        self.tag.next.row = bit_cast::<12, 16>(self.address.val());
        if self.held.q.val().automorphism {
            self.tag.next.row = self.reverse.q.val();
        }
        self.tag.next.low =
            !self.held.q.val().store & !(self.state.q.val().half & !self.held.q.val().transform);
        self.tag.next.high = !self.held.q.val().store;
        if self.state.q.val().half & self.held.q.val().pointwise {
            self.tag.next.high = false;
        }
        if !self.state.q.val().half & self.held.q.val().load {
            self.tag.next.high = false;
        }
        self.tag.next.second = self.second.val();
        self.tag.next.whole_row = !self.paired.val();
        self.tag.next.crossed = self.crossing.val()
            & self.held.q.val().transform
            & !self.held.q.val().inverse
            & !self.paired.val();
        self.tag.next.moved = self.held.q.val().automorphism;
        self.idle.next = !self.lane.val();
        self.idle.next = self.idle.val() & self.all_lanes.val();
        if !self.held.q.val().load {
            self.idle.next = self.no_lane.val();
        }
        self.tag.next.idle = self.idle.val();
        self.tag.next.last = self.at_end.val() & self.last_stage.val();
    }
}
