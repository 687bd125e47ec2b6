//! The input stream: how many beats an instruction takes, and a buffer of two.
//!
//! The input is open from the cycle after `start` until that many beats have come or the instruction is forgotten; so
//! `input_ready` is a register. Two places are enough: an event that takes one beat, or the second of a pair, leaves as
//! soon as its beat is here; the first of a pair leaves when both are, so that a pair is never torn. So a full buffer
//! gives a beat away in every cycle, and a beat waits only for the second of its pair.

use addax_hdl_derive::SettledBlock;
use rust_hdl::core::prelude::*;

use crate::leaf::Register;
use crate::shape::Shape;
use crate::word::Word;

/// Buffer and counter.
#[derive(Clone, Debug, SettledBlock)]
pub struct Intake {
    /// The clock.
    pub clock: Signal<In, Clock>,
    /// An instruction begins; one cycle.
    pub start: Signal<In, Bit>,
    /// With `start`: it takes beats.
    pub streams: Signal<In, Bit>,
    /// With `start`: it is `LD`, which takes n of them; the others take 2R.
    pub serial: Signal<In, Bit>,
    /// Forget the instruction and the beats that it took.
    pub flush: Signal<In, Bit>,
    /// A beat stands at the input.
    pub input_valid: Signal<In, Bit>,
    /// It is taken in this cycle if there is one.
    pub input_ready: Signal<Out, Bit>,
    /// The beat: a word for each lane.
    pub input_data: Vec<Signal<In, Word<36>>>,
    /// A beat is wanted and there is none.
    pub stall: Signal<Out, Bit>,
    /// What the next event needs is here; the event must take it in this cycle.
    pub ready: Signal<Out, Bit>,
    /// From the cycle after `start`: the instruction is `LD`.
    pub loads: Signal<Out, Bit>,
    /// The next event's beat.
    pub beat: Vec<Signal<Out, Word<36>>>,

    open: Register<Bit>,
    /// Beats that are still to come, but one.
    left: Register<Word<14>>,
    spare: Register<Bit>,
    /// The next event takes one beat, or is the second of a pair.
    single: Register<Bit>,
    /// It is `LD`.
    alone: Register<Bit>,
    /// The first of a pair waits for the second's beat.
    waits: Register<Bit>,
    here: Register<Bit>,
    words: Vec<Register<Word<36>>>,
    spare_words: Vec<Register<Word<36>>>,
    one: Constant<Word<14>>,
    serial_beats: Constant<Word<14>>,
    row_beats: Constant<Word<14>>,
    take: Signal<Local, Bit>,
    next_filled: Signal<Local, Bit>,
    next_spare: Signal<Local, Bit>,
    next_single: Signal<Local, Bit>,
    fewer: Signal<Local, Word<14>>,
    _lanes: usize,
}

impl Intake {
    /// The buffer of a machine of this shape.
    pub fn new(shape: &Shape) -> Self {
        let lanes = shape.butterflies();
        let but_one = |beats: usize| Constant::new(Word::new(beats as u64 - 1));
        Self {
            clock: Signal::default(),
            start: Signal::default(),
            streams: Signal::default(),
            serial: Signal::default(),
            flush: Signal::default(),
            input_valid: Signal::default(),
            input_ready: Signal::default(),
            input_data: vec![Signal::default(); lanes],
            stall: Signal::default(),
            ready: Signal::default(),
            loads: Signal::default(),
            beat: vec![Signal::default(); lanes],
            open: Register::default(),
            left: Register::default(),
            spare: Register::default(),
            single: Register::default(),
            alone: Register::default(),
            waits: Register::default(),
            here: Register::default(),
            words: vec![Register::default(); lanes],
            spare_words: vec![Register::default(); lanes],
            one: Constant::new(Word::new(1)),
            serial_beats: but_one(shape.n()),
            row_beats: but_one(2 * shape.rows()),
            take: Signal::default(),
            next_filled: Signal::default(),
            next_spare: Signal::default(),
            next_single: Signal::default(),
            fewer: Signal::default(),
            _lanes: lanes,
        }
    }
}

impl Logic for Intake {
    #[hdl_gen]
    fn update(&mut self) {
        self.open.clock.next = self.clock.val();
        self.left.clock.next = self.clock.val();
        self.spare.clock.next = self.clock.val();
        self.single.clock.next = self.clock.val();
        self.alone.clock.next = self.clock.val();
        self.waits.clock.next = self.clock.val();
        self.here.clock.next = self.clock.val();

        self.take.next = self.open.q.val() & self.input_valid.val();
        self.input_ready.next = self.open.q.val();
        self.stall.next = self.open.q.val() & !self.input_valid.val();

        // How many.
        self.fewer.next = self.left.q.val() - self.one.val();
        self.left.d.next = self.left.q.val();
        self.open.d.next = self.open.q.val();
        if self.take.val() {
            self.left.d.next = self.fewer.val();
            self.open.d.next = self.left.q.val().any();
        }
        if self.start.val() {
            self.left.d.next = self.row_beats.val();
            if self.serial.val() {
                self.left.d.next = self.serial_beats.val();
            }
            self.open.d.next = self.streams.val();
        }

        // The buffer.
        self.ready.next = self.here.q.val();
        self.loads.next = self.alone.q.val();
        self.next_filled.next = self.take.val() | self.spare.q.val() | self.waits.q.val();
        self.next_spare.next = self.take.val() & (self.spare.q.val() | self.waits.q.val());
        if self.flush.val() {
            self.open.d.next = false;
            self.next_filled.next = false;
            self.next_spare.next = false;
        }
        self.alone.d.next = self.alone.q.val();
        self.next_single.next = self.alone.q.val() | (self.single.q.val() != self.here.q.val());
        if self.start.val() {
            self.alone.d.next = self.serial.val();
            self.next_single.next = self.serial.val();
        }
        self.single.d.next = self.next_single.val();
        self.spare.d.next = self.next_spare.val();
        // Known one cycle before, because many registers depend on them.
        self.here.d.next =
            self.next_filled.val() & (self.next_single.val() | self.next_spare.val());
        self.waits.d.next =
            self.next_filled.val() & !self.next_single.val() & !self.next_spare.val();
        for i in 0..self._lanes {
            self.words[i].clock.next = self.clock.val();
            self.spare_words[i].clock.next = self.clock.val();
            self.words[i].d.next = self.input_data[i].val();
            if self.spare.q.val() {
                self.words[i].d.next = self.spare_words[i].q.val();
            }
            if self.waits.q.val() {
                self.words[i].d.next = self.words[i].q.val();
            }
            // A spare beat moves up in the next cycle, so what stands here then is never needed again.
            self.spare_words[i].d.next = self.input_data[i].val();
            self.beat[i].next = self.words[i].q.val();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::VecDeque;

    use addax_core::isa::Geometry;
    use proptest::prelude::*;

    use super::*;
    use crate::shape::Target;

    const LANES: usize = 4;
    const ROWS: usize = 128;
    const N: usize = 1024;

    fn intake() -> Intake {
        let geometry = Geometry::new(10, LANES as u32, 2).unwrap();
        let shape = Shape::new(geometry, 1, Target::Behavioural).unwrap();
        assert_eq!((shape.n(), shape.rows()), (N, ROWS));
        let mut intake = Intake::new(&shape);
        intake.connect_all();
        intake
    }

    fn edge(intake: &mut Intake) {
        assert!(simulate(intake, 100));
        intake.clock.next.clk = !intake.clock.val().clk;
        assert!(simulate(intake, 100));
    }

    /// One instruction with beats 0, 1, 2, … of which one is there in a cycle where `there` says so, again and again.
    /// Asserts that events get the beats in order, pairs without a pause, and returns the cycles without those of `stall`.
    fn run(intake: &mut Intake, serial: bool, there: &[bool]) -> usize {
        let beats = if serial { N } else { 2 * ROWS };
        intake.start.next = true;
        intake.streams.next = true;
        intake.serial.next = serial;
        intake.input_valid.next = true;
        assert!(simulate(intake, 100));
        assert!(!intake.input_ready.val() && !intake.ready.val());
        edge(intake);
        intake.start.next = false;
        let mut waiting: VecDeque<u64> = (0..beats as u64).collect();
        let (mut next, mut cycles, mut torn) = (0, 0, false);
        let mut shown = false;
        for cycle in 0.. {
            if next == beats as u64 {
                assert!(!intake.input_ready.val() && waiting.is_empty());
                return cycles;
            }
            assert!(cycle < 100 * beats, "no end");
            shown = !waiting.is_empty() && (shown || there[cycle % there.len()]);
            intake.input_valid.next = shown;
            let word = waiting.front().filter(|_| shown);
            for (lane, data) in intake.input_data.iter_mut().enumerate() {
                let word = word.map_or(u64::MAX, |word| word << 2 | lane as u64);
                data.next = Word::new(word);
            }
            assert!(simulate(intake, 100));
            assert_eq!(intake.input_ready.val(), !waiting.is_empty());
            assert_eq!(intake.stall.val(), !waiting.is_empty() && !shown);
            cycles += usize::from(!intake.stall.val());
            if shown {
                waiting.pop_front();
                shown = false;
            }
            assert!(intake.ready.val() || !torn, "a pair was torn");
            if intake.ready.val() {
                for (lane, word) in intake.beat.iter().enumerate() {
                    assert_eq!(word.val().value(), next << 2 | lane as u64);
                }
                torn = !serial && next % 2 == 0;
                next += 1;
            }
            edge(intake);
        }
        unreachable!()
    }

    proptest! {
        #[test]
        fn all_beats_come_in_order_and_only_stalls_cost_time(
            serial in any::<bool>(),
            mut there in proptest::collection::vec(any::<bool>(), 1..40),
        ) {
            there.push(true);
            let mut intake = intake();
            for (serial, there) in [(serial, &there[..]), (!serial, &[true][..])] {
                let expected = if serial { N + 1 } else { 2 * ROWS + 2 };
                prop_assert_eq!(run(&mut intake, serial, there), expected);
            }
        }
    }

    #[test]
    fn a_flush_closes_the_input_and_empties_the_buffer() {
        for cycles in 0..6 {
            let mut intake = intake();
            intake.start.next = true;
            intake.streams.next = true;
            intake.input_valid.next = true;
            edge(&mut intake);
            intake.start.next = false;
            for _ in 0..cycles {
                edge(&mut intake);
            }
            intake.flush.next = true;
            edge(&mut intake);
            intake.flush.next = false;
            for _ in 0..4 {
                assert!(!intake.input_ready.val() && !intake.ready.val() && !intake.stall.val());
                edge(&mut intake);
            }
            run(&mut intake, false, &[true, false, false]);
        }
    }

    #[test]
    fn an_instruction_without_a_stream_leaves_the_input_closed() {
        let mut intake = intake();
        intake.start.next = true;
        intake.input_valid.next = true;
        edge(&mut intake);
        intake.start.next = false;
        for _ in 0..4 {
            assert!(!intake.input_ready.val() && !intake.ready.val());
            edge(&mut intake);
        }
    }
}
