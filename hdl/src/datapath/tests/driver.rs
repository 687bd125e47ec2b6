//! A sequencer's side of the datapath.

use addax_core::isa::Geometry;
use addax_core::modulus::Modulus;
use addax_core::ntt::{NttPlan, Twiddle};
use addax_core::params::PRIMES;
use rust_hdl::core::prelude::*;

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

pub fn shape(log_n: u32, butterflies: u32) -> Shape {
    let geometry = Geometry::new(log_n, butterflies, SLOTS as u32).unwrap();
    Shape::new(geometry, LIMBS, Target::Behavioural).unwrap()
}

pub fn plan(limb: usize, log_n: u32) -> NttPlan<Vec<Twiddle>> {
    let modulus = Modulus::new(PRIMES[limb]).unwrap();
    NttPlan::new(modulus, log_n, vec![Twiddle::default(); 2 << log_n]).unwrap()
}

/// Asserts that two polynomials are equal without printing thousands of words.
#[track_caller]
pub fn assert_same(found: &[u64], expected: &[u64], what: &str) {
    assert_eq!(found.len(), expected.len(), "{what}: length");
    let wrong: Vec<_> = (0..found.len())
        .filter(|&i| found[i] != expected[i])
        .collect();
    assert!(
        wrong.is_empty(),
        "{what}: {} of {} positions differ, the first are {:?}",
        wrong.len(),
        found.len(),
        &wrong[..wrong.len().min(8)]
    );
}

/// Residues without an order.
pub fn scrambled(q: u64, n: usize, seed: u64) -> Vec<u64> {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    (0..n)
        .map(|_| {
            state = state.wrapping_mul(0xd129_42f0_5a2d_9b17).rotate_left(23) ^ 0x55;
            state % q
        })
        .collect()
}

/// A partner that is there in one of 2^(bits of `pace`) cycles; always with 0.
pub fn at_pace(cycle: u64, pace: u64) -> bool {
    (cycle.wrapping_mul(0x9e37_79b9) >> 7) & pace == pace
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

/// A datapath with its twiddles loaded, and its clock.
pub struct Machine {
    pub datapath: Datapath,
    pub plans: Vec<NttPlan<Vec<Twiddle>>>,
    pub cycles: u64,
    pub stalls: u64,
    pub bad: bool,
    pub output: Vec<u64>,
}

impl Machine {
    pub fn new(log_n: u32, butterflies: u32) -> Self {
        let shape = shape(log_n, butterflies);
        let mut datapath = Datapath::new(&shape);
        let plans: Vec<_> = (0..LIMBS).map(|limb| plan(limb, log_n)).collect();
        for (limb, plan) in plans.iter().enumerate() {
            for word in twiddles(&shape, limb, plan) {
                datapath.poke_twiddle(word);
            }
        }
        let mut machine = Self {
            datapath,
            plans,
            cycles: 0,
            stalls: 0,
            bad: false,
            output: Vec::new(),
        };
        machine.settle();
        machine
    }

    pub fn n(&self) -> usize {
        self.datapath.shape().n()
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

    /// Presents an instruction and `start` for one cycle.
    pub fn start(&mut self, order: &Order) {
        let shape = *self.datapath.shape();
        let q = self.q(order.limb);
        let one = q.to_montgomery(1);
        let source = self.q(order.from);
        let path = &mut self.datapath;
        path.op.next = Word::new(order.op);
        path.weights.next = order.weights;
        path.slot_a.next = Word::new(order.a as u64);
        path.slot_b.next = Word::new(order.b as u64);
        path.slot_dst.next = Word::new(order.dst as u64);
        path.stream_a.next = order.stream_a;
        path.stream_b.next = order.stream_b;
        path.qh.next = Word::new(q.value() >> 18);
        path.factor.next = Word::new(match order.op {
            ADD | RED => one,
            SUB => q.neg(one),
            MULI => order.constant,
            _ => u64::MAX,
        });
        path.source_qh.next = Word::new(source.value() >> 18);
        path.addend.next = Word::new(q.sub(q.reduce(q.value()), q.reduce(source.value())));
        path.twiddle_base.next = Word::new(shape.twiddle_base(order.limb) as u64);
        path.row_base.next = Word::new(shape.row_base(order.limb) as u64);
        path.galois.next = Word::new(order.galois as u64);
        path.start.next = true;
        self.settle();
        self.edge();
        self.datapath.start.next = false;
        self.cycles = 1;
        self.stalls = 0;
        self.bad = false;
        self.output.clear();
    }

    /// Runs until `done`; `beats` come and `takes` go as these say, cycle by cycle.
    pub fn run(
        &mut self,
        order: &Order,
        beats: &[Vec<u64>],
        mut comes: impl FnMut(u64) -> bool,
        mut goes: impl FnMut(u64) -> bool,
    ) {
        self.start(order);
        let mut beats = beats.iter().peekable();
        let mut valid = false;
        let mut done = false;
        let mut now = self.cycles;
        let limit = 40 * self.n() as u64 + 1000;
        loop {
            // A beat once shown stays until it is taken.
            valid = beats.peek().is_some() && (valid || comes(now));
            self.datapath.input_valid.next = valid;
            if let Some(beat) = beats.peek() {
                for (lane, signal) in self.datapath.input_data.iter_mut().enumerate() {
                    signal.next = Word::new(beat.get(lane).copied().unwrap_or(u64::MAX));
                }
            }
            self.datapath.output_ready.next = goes(now);
            self.settle();
            if valid && self.datapath.input_ready.val() {
                beats.next();
                valid = false;
            }
            if self.datapath.output_valid.val() && self.datapath.output_ready.val() {
                self.output.push(self.datapath.output_data.val().value());
            }
            self.stalls += u64::from(self.datapath.stall.val());
            self.bad |= self.datapath.bad.val();
            done |= self.datapath.done.val();
            if done && self.datapath.drained.val() {
                break;
            }
            self.edge();
            now += 1;
            if !done {
                self.cycles = now;
            }
            assert!(now < limit, "no end of {order:?}");
        }
        assert!(beats.next().is_none(), "beats left");
        self.datapath.input_valid.next = false;
        // The last word is written at the end of the cycle of `done`.
        self.edge();
    }

    /// Runs an instruction without streams.
    pub fn execute(&mut self, order: &Order) {
        self.run(order, &[], |_| true, |_| true);
        assert_eq!(self.stalls, 0);
    }
}
