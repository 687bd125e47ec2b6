//! The datapath: lanes, what connects them, and the streams.
//!
//! Cycle 0 is the issue of an event. Row stages of a transform rotate the bits of the bank number by one, so lane u,
//! besides its own banks u and u + B, only meets the neighbouring banks 2u and 2u + 1: the inverse reads them, the
//! forward transform writes them. A high bank's word is one cycle later than a low bank's everywhere.

use addax_hdl_derive::SettledBlock;
use rust_hdl::core::prelude::*;

use super::automorphism::{AutomorphismAddresses, AutomorphismNetwork};
use super::bank::BankSize;
use super::bundles::{Departure, Read, Route, Tag, TwiddleWrite};
use super::decode::Decode;
use super::departure::DepartureSelect;
use super::intake::Intake;
use super::lane::Lane;
use super::load::{LoadUnit, ResidueCheck};
use super::relay::Relay;
use super::steps::Steps;
use super::store::StoreQueue;
use super::timing::{FIRST_CYCLE, RESULT_CYCLE, ROUTE_CYCLE, ROW_CYCLE, TWIDDLE_CYCLE};
use crate::leaf::{Delay, MaskedRegister, Register};
use crate::shape::{ADDRESS_BITS, Shape};
use crate::word::Word;

/// The datapath of a machine. The ports are explained in `docs/hardware.md`.
#[derive(Clone, Debug, SettledBlock)]
pub struct Datapath {
    /// The clock.
    pub clock: Signal<In, Clock>,
    /// Begin the instruction; one cycle.
    pub start: Signal<In, Bit>,
    /// Number of the operation.
    pub op: Signal<In, Word<5>>,
    /// `LD` of small integers.
    pub weights: Signal<In, Bit>,
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
    /// Modulus of the instruction's limb.
    pub qh: Signal<In, Word<17>>,
    /// The broadcast factor.
    pub factor: Signal<In, Word<36>>,
    /// `RED`: modulus read under.
    pub source_qh: Signal<In, Word<17>>,
    /// `RED`: (q − q_from) mod q.
    pub addend: Signal<In, Word<36>>,
    /// First twiddle of the limb.
    pub twiddle_base: Signal<In, Word<ADDRESS_BITS>>,
    /// First twiddle of the limb's row stages.
    pub row_base: Signal<In, Word<ADDRESS_BITS>>,
    /// `AUT`: h.
    pub galois: Signal<In, Word<13>>,
    /// Forget the running instruction. Nothing is written later than four cycles after it.
    pub flush: Signal<In, Bit>,
    /// A twiddle is loaded.
    pub twiddle_write: Signal<In, Bit>,
    /// Lane·2^17 + address.
    pub twiddle_address: Signal<In, Word<20>>,
    /// The twiddle.
    pub twiddle_data: Signal<In, Word<36>>,
    /// A beat stands at the input.
    pub input_valid: Signal<In, Bit>,
    /// It is taken in this cycle if there is one.
    pub input_ready: Signal<Out, Bit>,
    /// The beat: a word of each lane, or one in lane 0.
    pub input_data: Vec<Signal<In, Word<36>>>,
    /// A word stands at the output.
    pub output_valid: Signal<Out, Bit>,
    /// It is taken.
    pub output_ready: Signal<In, Bit>,
    /// The word.
    pub output_data: Signal<Out, Word<36>>,
    /// The instruction has ended; one cycle.
    pub done: Signal<Out, Bit>,
    /// In this cycle the datapath wants a beat, or room for a word, and does not get it.
    pub stall: Signal<Out, Bit>,
    /// A word of the stream was not below q; one cycle for each.
    pub bad: Signal<Out, Bit>,
    /// No word of a store is left inside; known one cycle late.
    pub drained: Signal<Out, Bit>,

    decode: Decode,
    steps: Steps,
    pub(super) lanes: Vec<Lane>,
    walk: AutomorphismAddresses,
    network: AutomorphismNetwork,
    queues: Vec<StoreQueue>,
    select: DepartureSelect,
    load: LoadUnit,
    checks: Vec<ResidueCheck>,
    intake: Intake,
    /// Always 0, as in a lane.
    masks: Vec<Register<Bit>>,
    walk_masks: Vec<Register<Bit>>,
    /// Modulus of each check, in a register of its own.
    bounds: Vec<MaskedRegister<Word<17>>>,
    /// `AUT`, in a register of the tags' own.
    early: MaskedRegister<Bit>,
    relays: Vec<Relay>,
    waits: Vec<Delay<Word<36>>>,
    /// `LD`, for each lane.
    serial: Vec<MaskedRegister<Bit>>,
    streams: Vec<Delay<Word<36>>>,
    /// `start`, when the instruction is decoded.
    starting: Register<Bit>,
    read: Register<Read>,
    routes: Delay<Route>,
    twiddle_rows: Delay<Word<ADDRESS_BITS>>,
    departures: Delay<Departure>,
    valid: Register<Word<64>>,
    early_tags: Delay<Tag>,
    late_tags: Delay<Tag>,
    arrival: Register<Tag>,
    finish: Register<Word<4>>,
    twiddle: Register<TwiddleWrite>,
    wrong: Register<Bit>,

    zero: Constant<Word<36>>,
    no_events: Constant<Word<64>>,
    /// The places of the line that an automorphism uses.
    early_events: Constant<Word<64>>,
    one_event: Constant<Word<64>>,
    finishing: Constant<Word<4>>,
    no_finish: Constant<Word<4>>,
    events: Signal<Local, Word<64>>,
    next_finish: Signal<Local, Word<4>>,
    arrived: Signal<Local, Bit>,
    arriving: Signal<Local, Tag>,
    found: Signal<Local, Bit>,
    _lanes: usize,
    _relays: usize,
    _lane_pairs: usize,
    _above_lane_pairs: usize,
    _last_lane: usize,
    _above_lanes: usize,
    _queues: usize,
    _swaps: usize,
    _early: usize,
    _above_early: usize,
    _late: usize,
    _above_late: usize,
    pub(super) _shape: Shape,
}

/// What of a datapath is built.
struct Parts {
    size: BankSize,
    twiddle_depth: usize,
    /// Operations other than transforms, loads and stores.
    arithmetic: bool,
    /// A queue at the output; without it the consumer must be ready always.
    queue: bool,
}

impl Datapath {
    /// The datapath of a machine of this shape.
    pub fn new(shape: &Shape) -> Self {
        let parts = Parts {
            size: BankSize {
                groups: shape.groups(),
                rows: shape.rows(),
                depth: shape.bank_depth(),
            },
            twiddle_depth: shape.twiddle_depth(),
            arithmetic: true,
            queue: true,
        };
        Self::with_parts(shape, parts)
    }

    /// A datapath of slot 0 only that transforms, loads and stores, without a queue at its output, which must be ready
    /// always.
    pub fn single_slot(shape: &Shape) -> Self {
        let parts = Parts {
            size: BankSize {
                groups: 1,
                rows: shape.rows(),
                depth: shape.rows(),
            },
            twiddle_depth: shape.twiddle_depth(),
            arithmetic: false,
            queue: false,
        };
        Self::with_parts(shape, parts)
    }

    fn with_parts(shape: &Shape, parts: Parts) -> Self {
        let lanes = shape.butterflies();
        let network = AutomorphismNetwork::latency(shape);
        // A register and a relay before the lanes.
        let early = ROW_CYCLE + network - 3;
        let late = RESULT_CYCLE - 3;
        // A stage reads what the stage before wrote at least R/2 + 1 cycles ago.
        assert!(shape.rows() / 2 + 1 > Self::READ_TO_WRITE);
        Self {
            clock: Signal::default(),
            start: Signal::default(),
            op: Signal::default(),
            weights: Signal::default(),
            slot_a: Signal::default(),
            slot_b: Signal::default(),
            slot_dst: Signal::default(),
            stream_a: Signal::default(),
            stream_b: Signal::default(),
            qh: Signal::default(),
            factor: Signal::default(),
            source_qh: Signal::default(),
            addend: Signal::default(),
            twiddle_base: Signal::default(),
            row_base: Signal::default(),
            galois: Signal::default(),
            flush: Signal::default(),
            twiddle_write: Signal::default(),
            twiddle_address: Signal::default(),
            twiddle_data: Signal::default(),
            input_valid: Signal::default(),
            input_ready: Signal::default(),
            input_data: vec![Signal::default(); lanes],
            output_valid: Signal::default(),
            output_ready: Signal::default(),
            output_data: Signal::default(),
            done: Signal::default(),
            stall: Signal::default(),
            bad: Signal::default(),
            drained: Signal::default(),
            decode: Decode::new(parts.arithmetic),
            steps: Steps::new(shape),
            lanes: (0..lanes)
                .map(|lane| Lane::new(lane, parts.size, parts.twiddle_depth, shape.target()))
                .collect(),
            walk: AutomorphismAddresses::new(shape),
            network: AutomorphismNetwork::new(shape),
            queues: vec![StoreQueue::new(); usize::from(parts.queue)],
            select: DepartureSelect::new(lanes),
            load: LoadUnit::new(),
            checks: vec![ResidueCheck::default(); lanes - 1],
            intake: Intake::new(shape),
            masks: vec![Register::default(); lanes],
            walk_masks: vec![Register::default(); lanes],
            bounds: vec![MaskedRegister::default(); lanes],
            early: MaskedRegister::default(),
            relays: vec![Relay::default(); (lanes / 2).max(1)],
            waits: vec![Delay::new(LoadUnit::LATENCY + 1); lanes - 1],
            serial: vec![MaskedRegister::default(); lanes],
            streams: vec![Delay::new(ROUTE_CYCLE - LoadUnit::LATENCY); lanes],
            starting: Register::default(),
            read: Register::default(),
            routes: Delay::new(ROUTE_CYCLE),
            twiddle_rows: Delay::new(TWIDDLE_CYCLE),
            departures: Delay::new(FIRST_CYCLE - 1),
            valid: Register::default(),
            early_tags: Delay::new(early),
            late_tags: Delay::new(late - early),
            arrival: Register::default(),
            finish: Register::default(),
            twiddle: Register::default(),
            wrong: Register::default(),
            zero: Constant::new(Word::new(0)),
            no_events: Constant::new(Word::new(0)),
            early_events: Constant::new(Word::new((1 << early) - 1)),
            one_event: Constant::new(Word::new(1)),
            finishing: Constant::new(Word::new(1)),
            no_finish: Constant::new(Word::new(0)),
            events: Signal::default(),
            next_finish: Signal::default(),
            arrived: Signal::default(),
            arriving: Signal::default(),
            found: Signal::default(),
            _lanes: lanes,
            _relays: (lanes / 2).max(1),
            _lane_pairs: lanes / 2,
            _above_lane_pairs: lanes / 2 + 1,
            _last_lane: lanes - 1,
            _above_lanes: lanes + 1,
            _queues: usize::from(parts.queue),
            _swaps: shape.banks() - 1,
            // Bit 0 of the events is cycle 1.
            _early: early - 1,
            _above_early: early,
            _late: late - 1,
            _above_late: late,
            _shape: *shape,
        }
    }
}

impl Logic for Datapath {
    #[hdl_gen]
    fn update(&mut self) {
        self.decode.clock.next = self.clock.val();
        self.steps.clock.next = self.clock.val();
        self.intake.clock.next = self.clock.val();
        self.early.clock.next = self.clock.val();
        self.walk.clock.next = self.clock.val();
        self.network.clock.next = self.clock.val();
        self.select.clock.next = self.clock.val();
        self.load.clock.next = self.clock.val();
        self.starting.clock.next = self.clock.val();
        self.read.clock.next = self.clock.val();
        self.routes.clock.next = self.clock.val();
        self.twiddle_rows.clock.next = self.clock.val();
        self.departures.clock.next = self.clock.val();
        self.valid.clock.next = self.clock.val();
        self.early_tags.clock.next = self.clock.val();
        self.late_tags.clock.next = self.clock.val();
        self.arrival.clock.next = self.clock.val();
        self.finish.clock.next = self.clock.val();
        self.twiddle.clock.next = self.clock.val();
        self.wrong.clock.next = self.clock.val();

        // The instruction.
        self.decode.op.next = self.op.val();
        self.decode.slot_a.next = self.slot_a.val();
        self.decode.slot_b.next = self.slot_b.val();
        self.decode.slot_dst.next = self.slot_dst.val();
        self.decode.stream_a.next = self.stream_a.val();
        self.decode.stream_b.next = self.stream_b.val();
        self.decode.qh.next = self.qh.val();
        self.decode.factor.next = self.factor.val();
        self.decode.source_qh.next = self.source_qh.val();
        self.decode.addend.next = self.addend.val();
        self.starting.d.next = self.start.val() & !self.flush.val();
        self.steps.start.next = self.starting.q.val();
        self.steps.start_inverse.next = self.decode.command.val().inverse;
        self.steps.flush.next = self.flush.val();
        self.steps.command.next = self.decode.command.val();
        self.steps.asleep.next = self.relays[0].passed.val();
        self.steps.twiddle_base.next = self.twiddle_base.val();
        self.steps.row_base.next = self.row_base.val();
        self.steps.beats.next = self.intake.ready.val();
        self.steps.prepared.next = self.walk.ready.val();
        self.walk.start.next = self.start.val();
        self.walk.galois.next = self.galois.val();
        for i in 0..self._lanes {
            self.walk_masks[i].clock.next = self.clock.val();
            self.walk_masks[i].d.next = self.masks[i].q.val();
            self.walk.asleep[i].next = self.walk_masks[i].q.val();
        }
        self.stall.next = self.steps.stall.val() | self.intake.stall.val();

        // What every lane is told.
        self.read.d.next = self.steps.read.val();
        self.routes.d.next = self.steps.route.val();
        self.twiddle_rows.d.next = self.steps.twiddle_address.val();
        self.twiddle.d.next.enable = self.twiddle_write.val();
        self.twiddle.d.next.address = self.twiddle_address.val();
        self.twiddle.d.next.word = self.twiddle_data.val();
        for i in 0..self._lanes {
            self.lanes[i].clock.next = self.clock.val();
            self.lanes[i].asleep.next = self.steps.passed.val();
            self.lanes[i].crossed_first.next = self.zero.val();
            self.lanes[i].crossed_second.next = self.zero.val();
            self.lanes[i].crossed_low.next = self.zero.val();
            self.lanes[i].crossed_high.next = self.zero.val();
        }

        // Row stages: bank 2u + 1 is lane 2u + 1's low bank for u < B/2 = h, else lane 2(u - h) + 1's high bank.
        for h in self._lane_pairs..self._above_lane_pairs {
            for i in 0..self._lane_pairs {
                self.lanes[i].crossed_first.next = self.lanes[2 * i].low_previous.val();
                self.lanes[i].crossed_second.next = self.lanes[2 * i + 1].low_previous.val();
                self.lanes[i + h].crossed_first.next = self.lanes[2 * i].high_word.val();
                self.lanes[i + h].crossed_second.next = self.lanes[2 * i + 1].high_word.val();
                self.lanes[2 * i].crossed_low.next = self.lanes[i].sum.val();
                self.lanes[2 * i + 1].crossed_low.next = self.lanes[i].difference.val();
                self.lanes[2 * i].crossed_high.next = self.lanes[i + h].late_sum.val();
                self.lanes[2 * i + 1].crossed_high.next = self.lanes[i + h].late_difference.val();
            }
        }
        for i in 0..self._last_lane {
            self.lanes[i].asleep.next = self.lanes[i + 1].passed.val();
        }
        for i in 0..self._relays {
            self.relays[i].clock.next = self.clock.val();
            self.relays[i].asleep.next = self.lanes[i].passed.val();
            self.relays[i].command.next = self.decode.command.val();
            self.relays[i].read.next = self.read.q.val();
            self.relays[i].twiddle_address.next = self.twiddle_rows.q.val();
            self.relays[i].route.next = self.routes.q.val();
            self.relays[i].tag.next = self.arrival.q.val();
            self.relays[i].twiddle_write.next = self.twiddle.q.val();
            self.relays[i].word.next = self.load.word_out.val();
            self.lanes[i].command.next = self.relays[i].late_command.val();
            self.lanes[i].read.next = self.relays[i].late_read.val();
            self.lanes[i].twiddle_address.next = self.relays[i].late_twiddle_address.val();
            self.lanes[i].route.next = self.relays[i].late_route.val();
            self.lanes[i].tag.next = self.relays[i].late_tag.val();
            self.lanes[i].twiddle_write.next = self.relays[i].late_twiddle_write.val();
            self.streams[i].d.next = self.relays[i].late_word.val();
        }
        for b in self._last_lane..self._lanes {
            for i in 0..self._lane_pairs {
                self.lanes[b - i].command.next = self.relays[i].late_command.val();
                self.lanes[b - i].read.next = self.relays[i].late_read.val();
                self.lanes[b - i].twiddle_address.next = self.relays[i].late_twiddle_address.val();
                self.lanes[b - i].route.next = self.relays[i].late_route.val();
                self.lanes[b - i].tag.next = self.relays[i].late_tag.val();
                self.lanes[b - i].twiddle_write.next = self.relays[i].late_twiddle_write.val();
                self.streams[b - i].d.next = self.relays[i].late_word.val();
            }
        }
        for b in self._last_lane..self._lanes {
            for i in 0..self._lanes {
                self.lanes[i].mirrored_twiddle.next = self.lanes[b - i].twiddle.val();
            }
        }

        // Automorphism.
        for i in 0..self._swaps {
            self.network.swaps[i].next = self.walk.swaps[i].val();
        }
        for b in self._lanes..self._above_lanes {
            for i in 0..self._lanes {
                self.lanes[i].low_walk.next = self.walk.rows[i].val();
                self.lanes[i].high_walk.next = self.walk.rows[i + b].val();
                self.network.input[i].next = self.lanes[i].low_previous.val();
                self.network.input[i + b].next = self.lanes[i].high_word.val();
                self.lanes[i].moved_low.next = self.network.output[i].val();
                self.lanes[i].moved_high.next = self.network.output[i + b].val();
            }
        }

        // The input stream. `LD` takes lane 0's word everywhere.
        self.intake.start.next = self.starting.q.val();
        self.intake.streams.next = self.decode.command.val().streams;
        self.intake.serial.next = self.decode.command.val().load;
        self.intake.flush.next = self.flush.val();
        self.intake.input_valid.next = self.input_valid.val();
        self.input_ready.next = self.intake.input_ready.val();
        for i in 0..self._lanes {
            self.intake.input_data[i].next = self.input_data[i].val();
            self.streams[i].clock.next = self.clock.val();
            self.bounds[i].clock.next = self.clock.val();
            self.bounds[i].d.next = self.qh.val();
            self.masks[i].clock.next = self.clock.val();
            self.masks[i].d.next = self.lanes[i].passed.val();
            self.bounds[i].keep.next = !self.masks[i].q.val();
            self.serial[i].clock.next = self.clock.val();
            self.serial[i].d.next = self.intake.loads.val();
            self.serial[i].keep.next = !self.masks[i].q.val();
            self.lanes[i].stream.next = self.streams[i].q.val();
        }
        self.found.next = self.intake.ready.val();
        self.load.valid.next = self.found.val();
        self.load.word.next = self.intake.beat[0].val();
        self.load.weights.next = self.weights.val() & self.intake.loads.val();
        self.load.qh.next = self.bounds[0].q.val();
        self.load.flush.next = self.flush.val();
        for i in 0..self._last_lane {
            self.checks[i].clock.next = self.clock.val();
            self.checks[i].valid.next = self.found.val() & !self.intake.loads.val();
            self.checks[i].word.next = self.intake.beat[i + 1].val();
            self.checks[i].qh.next = self.bounds[i + 1].q.val();
            self.waits[i].clock.next = self.clock.val();
            self.waits[i].d.next = self.intake.beat[i + 1].val();
            if !self.serial[i + 1].q.val() {
                self.streams[i + 1].d.next = self.waits[i].q.val();
            }
        }
        self.found.next = self.load.bad.val();
        for i in 0..self._last_lane {
            self.found.next = self.found.val() | self.checks[i].bad.val();
        }
        // The verdict is in cycle 2, like bit 1 of the events.
        self.wrong.d.next = self.found.val() & self.valid.q.val().get_bit(1) & !self.flush.val();
        self.bad.next = self.wrong.q.val();

        // Events in flight, from cycle 1 on.
        self.events.next = self.valid.q.val() << 1;
        if self.steps.valid.val() {
            self.events.next = self.events.val() | self.one_event.val();
        }
        // Those of an automorphism are written early and must not be seen again further down the line.
        if self.early.q.val() {
            self.events.next = self.events.val() & self.early_events.val();
        }
        if self.flush.val() {
            self.events.next = self.no_events.val();
        }
        self.valid.d.next = self.events.val();

        // What they write; an automorphism's words come earlier.
        self.early_tags.d.next = self.steps.tag.val();
        self.late_tags.d.next = self.early_tags.q.val();
        for i in self._late..self._above_late {
            self.arrived.next = self.valid.q.val().get_bit(i);
        }
        self.early.d.next = self.decode.command.val().automorphism;
        self.early.keep.next = !self.masks[0].q.val();
        self.arriving.next = self.late_tags.q.val();
        if self.early.q.val() {
            self.arriving.next = self.early_tags.q.val();
            for i in self._early..self._above_early {
                self.arrived.next = self.valid.q.val().get_bit(i);
            }
        }
        if !self.arrived.val() | self.flush.val() {
            self.arriving.next.low = false;
            self.arriving.next.high = false;
            self.arriving.next.last = false;
        }
        self.arrival.d.next = self.arriving.val();
        self.next_finish.next = self.finish.q.val() << 1;
        if self.arrival.q.val().last {
            self.next_finish.next = self.next_finish.val() | self.finishing.val();
        }
        if self.flush.val() {
            self.next_finish.next = self.no_finish.val();
        }
        self.finish.d.next = self.next_finish.val();
        self.done.next = self.finish.q.val().get_bit(3);

        // The output stream.
        self.departures.d.next = self.steps.departure.val();
        self.select.departure.next = self.departures.q.val();
        for i in 0..self._lanes {
            self.select.words[i].next = self.lanes[i].first.val();
        }
        self.steps.credit.next = true;
        self.output_valid.next = self.select.push.val();
        self.output_data.next = self.select.word.val();
        self.drained.next = true;
        for i in 0..self._queues {
            self.queues[i].clock.next = self.clock.val();
            self.queues[i].reserve.next = self.steps.departure.val().push;
            self.queues[i].push.next = self.select.push.val();
            self.queues[i].push_data.next = self.select.word.val();
            self.queues[i].output_ready.next = self.output_ready.val();
            self.steps.credit.next = self.queues[i].credit.val();
            self.output_valid.next = self.queues[i].output_valid.val();
            self.output_data.next = self.queues[i].output_data.val();
            self.drained.next = self.queues[i].drained.val();
        }
    }
}
