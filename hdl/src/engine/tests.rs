use std::collections::VecDeque;

use addax_core::isa::Geometry;
use addax_core::modulus::Modulus;
use addax_core::ntt::{NttPlan, Twiddle};
use addax_core::params::PRIMES;

use super::*;
use crate::cosim::{Cosimulation, Stimulus};
use crate::leaf::ECP5_MODELS;
use crate::shape::Target;
use crate::twiddles::{TwiddleWord, twiddles};

const FORWARD: u64 = 0;
const INVERSE: u64 = 1;
const LOAD: u64 = 2;
const STORE: u64 = 3;

fn shape(log_n: u32, butterflies: u32, target: Target) -> Shape {
    let geometry = Geometry::new(log_n, butterflies, 2).unwrap();
    Shape::new(geometry, 1, target).unwrap()
}

/// Loads twiddles and a polynomial, transforms it, stores it, transforms it back, stores it again.
struct Script {
    plan: NttPlan<Vec<Twiddle>>,
    twiddles: VecDeque<TwiddleWord>,
    words: Vec<u64>,
    operations: VecDeque<u64>,
    position: usize,
    cycle: usize,
    random: Stimulus,
    /// What was stored, for each of the two times.
    stored: Vec<Vec<u64>>,
    /// Cycles of each operation.
    cycles: Vec<usize>,
}

impl Script {
    fn new(shape: &Shape, limb: usize) -> Self {
        let modulus = Modulus::new(PRIMES[limb]).unwrap();
        let storage = vec![Twiddle::default(); NttPlan::<Vec<Twiddle>>::storage_len(shape.log_n())];
        let plan = NttPlan::new(modulus, shape.log_n(), storage).unwrap();
        let mut random = Stimulus::new(limb as u64);
        Self {
            twiddles: twiddles(shape, 0, &plan).into(),
            words: (0..shape.n())
                .map(|_| random.below(modulus.value()))
                .collect(),
            plan,
            operations: [LOAD, FORWARD, STORE, INVERSE, STORE].into(),
            position: 0,
            cycle: 0,
            random,
            stored: Vec::new(),
            cycles: Vec::new(),
        }
    }

    /// Sets the inputs of the next cycle of an engine at rest; false at the end.
    fn drive(&mut self, engine: &mut Engine) -> bool {
        engine.start.next = false;
        engine.input_valid.next = false;
        engine.qh.next = Word::new(self.plan.modulus().value() >> 18);
        let word = self.twiddles.pop_front();
        engine.twiddle_write.next = word.is_some();
        if let Some(word) = word {
            engine.twiddle_address.next = Word::new((word.lane << 17 | word.address) as u64);
            engine.twiddle_data.next = Word::new(word.word);
            return true;
        }
        if engine.output_valid.val()
            && let Some(stored) = self.stored.last_mut()
        {
            stored.push(engine.output_data.val().value());
        }
        if !engine.busy.val() {
            let Some(operation) = self.operations.pop_front() else {
                return false;
            };
            engine.operation.next = Word::new(operation);
            engine.start.next = true;
            self.position = 0;
            self.cycle = 0;
            if operation == STORE {
                self.stored.push(Vec::new());
            }
            return true;
        }
        self.cycle += 1;
        if engine.done.val() {
            self.cycles.push(self.cycle);
        }
        if engine.operation.val().value() == LOAD
            && let Some(&word) = self.words.get(self.position)
        {
            engine.input_valid.next = self.random.bit();
            engine.input_data.next = Word::new(word);
            if engine.input_valid.next && engine.input_ready.val() {
                self.position += 1;
            }
        }
        true
    }

    fn check(&self, shape: &Shape) {
        let mut transformed = self.words.clone();
        self.plan.forward(&mut transformed);
        assert!(self.stored == [transformed, self.words.clone()]);
        assert_eq!(self.cycles[1], Datapath::transform_cycles(shape));
        assert_eq!(self.cycles[3], Datapath::transform_cycles(shape));
        assert_eq!(self.cycles[2], Datapath::store_cycles(shape));
    }
}

#[test]
fn a_polynomial_is_transformed_and_back() {
    for (log_n, butterflies) in [(10, 1), (10, 2), (11, 4), (12, 8), (12, 1)] {
        let shape = shape(log_n, butterflies, Target::Behavioural);
        let mut engine = Engine::new(&shape);
        engine.connect_all();
        let mut script = Script::new(&shape, 1);
        while script.drive(&mut engine) {
            assert!(simulate(&mut engine, 100));
            engine.clock.next.clk = !engine.clock.val().clk;
            assert!(simulate(&mut engine, 100));
        }
        script.check(&shape);
    }
}

#[test]
#[ignore = "needs verilator: cargo xtask test"]
fn the_verilog_is_the_model() {
    for (butterflies, target) in [
        (1, Target::Behavioural),
        (1, Target::Ecp5),
        (2, Target::Ecp5),
    ] {
        let shape = shape(10, butterflies, target);
        let models = match target {
            Target::Behavioural => "",
            Target::Ecp5 => ECP5_MODELS,
        };
        let engine = Engine::new(&shape);
        let mut bench =
            Cosimulation::with_models("engine", engine, |engine| &mut engine.clock, models)
                .unwrap();
        let mut script = Script::new(&shape, 2);
        bench
            .run(
                1024 * 9 + 2 * Datapath::transform_cycles(&shape),
                |_, engine| {
                    script.drive(engine);
                },
            )
            .unwrap();
        assert!(script.operations.is_empty());
        script.check(&shape);
    }
}
