//! A sequencer's side of the datapath.

use std::collections::VecDeque;

use addax_core::isa::Geometry;
use addax_core::modulus::Modulus;
use addax_core::ntt::{NttPlan, Twiddle};
use addax_core::params::PRIMES;
use rust_hdl::core::prelude::*;

use crate::cosim::Stimulus;
use crate::datapath::Datapath;
use crate::shape::{Shape, Target};
use crate::twiddles::twiddles;
use crate::word::Word;

pub const LD: u64 = 1;
pub const ST: u64 = 2;
pub const NTT: u64 = 3;
pub const INTT: u64 = 4;
pub const MUL: u64 = 5;
pub const MAC: u64 = 6;
pub const ADD: u64 = 7;
pub const SUB: u64 = 8;
pub const MULI: u64 = 9;
pub const AUT: u64 = 10;
pub const RED: u64 = 11;

pub const SLOTS: usize = 4;
pub const LIMBS: usize = 2;
pub const BUTTERFLIES: [u32; 4] = [1, 2, 4, 8];

/// A stream partner that is there in every cycle.
pub const ALWAYS: u64 = 0;
/// A stream partner that is there in every fourth cycle on average.
pub const SELDOM: u64 = 3;

pub fn shape(log_n: u32, butterflies: u32) -> Shape {
    let geometry = Geometry::new(log_n, butterflies, SLOTS as u32).unwrap();
    Shape::new(geometry, LIMBS, Target::Behavioural).unwrap()
}

pub fn plan(limb: usize, log_n: u32) -> NttPlan<Vec<Twiddle>> {
    let modulus = Modulus::new(PRIMES[limb]).unwrap();
    NttPlan::new(
        modulus,
        log_n,
        vec![Twiddle::default(); NttPlan::<Vec<Twiddle>>::storage_len(log_n)],
    )
    .unwrap()
}

/// Residues, the edges 0, 1, q − 2, q − 1 and those around q/2 among them.
pub fn residues(random: &mut Stimulus, q: u64, n: usize) -> Vec<u64> {
    (0..n)
        .map(|_| match random.bits() % 16 {
            0 => q / 2,
            1 => q / 2 + 1,
            _ => random.below(q),
        })
        .collect()
}

/// Asserts that two polynomials are equal without printing thousands of words.
#[track_caller]
pub fn assert_same(found: &[u64], expected: &[u64], what: impl std::fmt::Debug) {
    assert_eq!(found.len(), expected.len(), "{what:?}: length");
    let wrong: Vec<_> = (0..found.len())
        .filter(|&i| found[i] != expected[i])
        .collect();
    assert!(
        wrong.is_empty(),
        "{what:?}: {} of {} positions differ, the first are {:?}",
        wrong.len(),
        found.len(),
        &wrong[..wrong.len().min(8)]
    );
}

/// An instruction's fields.
#[derive(Clone, Copy, Debug, Default)]
pub struct Order {
    pub op: u64,
    pub limb: usize,
    pub dst: usize,
    pub a: usize,
    pub b: usize,
    pub stream_a: bool,
    pub stream_b: bool,
    pub weights: bool,
    pub constant: u64,
    pub from: usize,
    pub galois: usize,
}

impl Order {
    /// Presents the fields.
    fn show(&self, path: &mut Datapath) {
        let shape = *path.shape();
        let modulus = |limb: usize| Modulus::new(PRIMES[limb]).unwrap();
        let (q, source) = (modulus(self.limb), modulus(self.from));
        let one = q.to_montgomery(1);
        path.op.next = Word::new(self.op);
        path.weights.next = self.weights;
        path.slot_a.next = Word::new(self.a as u64);
        path.slot_b.next = Word::new(self.b as u64);
        path.slot_dst.next = Word::new(self.dst as u64);
        path.stream_a.next = self.stream_a;
        path.stream_b.next = self.stream_b;
        path.qh.next = Word::new(q.value() >> 18);
        path.factor.next = Word::new(match self.op {
            ADD | RED => one,
            SUB => q.neg(one),
            MULI => self.constant,
            _ => u64::MAX,
        });
        path.source_qh.next = Word::new(source.value() >> 18);
        path.addend.next = Word::new(q.neg(q.reduce(source.value())));
        path.twiddle_base.next = Word::new(shape.twiddle_base(self.limb) as u64);
        path.row_base.next = Word::new(shape.row_base(self.limb) as u64);
        path.galois.next = Word::new(self.galois as u64);
    }
}

/// An instruction on its way, and its partners at the streams.
pub struct Run {
    order: Order,
    beats: VecDeque<Vec<u64>>,
    input_pace: u64,
    output_pace: u64,
    random: Stimulus,
    shown: bool,
    /// Cycles so far; 0 in that of `start`.
    pub cycle: usize,
    /// The cycle of `done`.
    pub done: Option<usize>,
    pub bad: bool,
    pub output: Vec<u64>,
}

impl Run {
    pub fn new(order: &Order, beats: &[Vec<u64>], input_pace: u64, output_pace: u64) -> Self {
        Self {
            order: *order,
            beats: beats.iter().cloned().collect(),
            input_pace,
            output_pace,
            random: Stimulus::new(order.op + 16 * input_pace + 64 * output_pace),
            shown: false,
            cycle: 0,
            done: None,
            bad: false,
            output: Vec::new(),
        }
    }

    /// Sets the inputs of the next cycle, given a circuit at rest behind an edge: no output that is looked at depends
    /// on an input of the same cycle. False once the instruction is over.
    pub fn drive(&mut self, path: &mut Datapath) -> bool {
        path.start.next = self.cycle == 0;
        path.flush.next = false;
        path.twiddle_write.next = false;
        if self.cycle == 0 {
            self.order.show(path);
        }
        self.bad |= path.bad.val();
        if path.done.val() {
            assert_eq!(self.done, None, "done twice");
            self.done = Some(self.cycle);
        }
        // A beat once shown stays until it is taken.
        self.shown =
            !self.beats.is_empty() && (self.shown || self.random.bits() & self.input_pace == 0);
        path.input_valid.next = self.shown;
        for (lane, signal) in path.input_data.iter_mut().enumerate() {
            let word = self.beats.front().and_then(|beat| beat.get(lane));
            signal.next = Word::new(word.copied().unwrap_or(u64::MAX));
        }
        if self.shown && path.input_ready.val() {
            self.beats.pop_front();
            self.shown = false;
        }
        let takes = self.random.bits() & self.output_pace == 0;
        path.output_ready.next = takes;
        if takes && path.output_valid.val() {
            self.output.push(path.output_data.val().value());
        }
        let over = self.done.is_some() && path.drained.val();
        if over {
            path.input_valid.next = false;
            assert!(self.beats.is_empty(), "beats left");
        }
        self.cycle += 1;
        !over
    }
}

/// A datapath with its twiddles loaded, and its clock.
pub struct Machine {
    pub datapath: Datapath,
    pub plans: Vec<NttPlan<Vec<Twiddle>>>,
}

impl Machine {
    pub fn new(log_n: u32, butterflies: u32) -> Self {
        let shape = shape(log_n, butterflies);
        let mut datapath = Datapath::new(&shape);
        datapath.connect_all();
        let plans: Vec<_> = (0..LIMBS).map(|limb| plan(limb, log_n)).collect();
        for (limb, plan) in plans.iter().enumerate() {
            for word in twiddles(&shape, limb, plan) {
                datapath.poke_twiddle(word);
            }
        }
        let mut machine = Self { datapath, plans };
        machine.settle();
        machine
    }

    pub fn shape(&self) -> Shape {
        *self.datapath.shape()
    }

    pub fn n(&self) -> usize {
        self.shape().n()
    }

    pub fn q(&self, limb: usize) -> Modulus {
        self.plans[limb].modulus()
    }

    pub fn settle(&mut self) {
        assert!(simulate(&mut self.datapath, 100), "does not settle");
    }

    pub fn edge(&mut self) {
        self.datapath.clock.next.clk = !self.datapath.clock.val().clk;
        self.settle();
    }

    pub fn poke(&mut self, slot: usize, words: &[u64]) {
        for (position, &word) in words.iter().enumerate() {
            self.datapath.poke(slot, position, word);
        }
    }

    pub fn peek(&self, slot: usize) -> Vec<u64> {
        (0..self.n())
            .map(|position| self.datapath.peek(slot, position).unwrap())
            .collect()
    }

    /// Residues of a limb in every slot.
    pub fn fill(&mut self, limb: usize, seed: u64) -> Vec<Vec<u64>> {
        let mut random = Stimulus::new(seed);
        let q = self.q(limb).value();
        (0..SLOTS)
            .map(|slot| {
                let words = residues(&mut random, q, self.n());
                self.poke(slot, &words);
                words
            })
            .collect()
    }

    #[track_caller]
    pub fn assert_slots(&self, slots: &[Vec<u64>], what: impl std::fmt::Debug) {
        for (slot, words) in slots.iter().enumerate() {
            assert_same(&self.peek(slot), words, format!("{what:?}, slot {slot}"));
        }
    }

    /// One cycle of a run; whether it goes on, and whether the cycle was a stall.
    pub fn cycle(&mut self, run: &mut Run) -> (bool, bool) {
        let goes_on = run.drive(&mut self.datapath);
        self.settle();
        let stall = self.datapath.stall.val();
        self.edge();
        (goes_on, stall)
    }

    /// Runs to the end. Returns the run and the cycles from `start` to `done` without those of `stall`.
    pub fn run(&mut self, mut run: Run) -> (Run, usize) {
        let limit = 40 * self.n() + 1000;
        let mut stalls = 0;
        loop {
            let (goes_on, stall) = self.cycle(&mut run);
            stalls += usize::from(stall);
            if let (false, Some(done)) = (goes_on, run.done) {
                return (run, done - stalls);
            }
            assert!(run.cycle < limit, "no end of {:?}", run.order);
        }
    }

    /// Runs an instruction without streams and returns its cycles.
    pub fn execute(&mut self, order: &Order) -> usize {
        self.run(Run::new(order, &[], ALWAYS, ALWAYS)).1
    }
}
