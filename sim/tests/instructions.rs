//! Single instructions drawn at random: any form, any operands, any limbs, waits of the streams, residues at the edges
//! of the arithmetic and between them.

#[path = "support/mod.rs"]
mod support;

use std::cell::RefCell;

use addax_core::isa::{Geometry, Program, ProgramBuilder, ProgramError, STREAM};
use addax_core::machine::StreamError;
use addax_sim::conformance::{Case, Comparison, Pattern, Subject};
use addax_sim::{Clocked, open_native, open_verilated};
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use support::make_basis;

const LIMBS: u8 = 3;

/// One instruction on slots 0, 1 and 2, and what the first two hold.
#[derive(Clone, Debug)]
struct Drawn {
    op: usize,
    limb: u8,
    other: u8,
    dst: u8,
    a: u8,
    b: u8,
    number: u64,
    contents: [(u8, Option<u64>); 2],
    stream: Option<u64>,
    repeat: u16,
}

fn drawn() -> impl Strategy<Value = Drawn> {
    let operand = prop_oneof![3 => 0..2u8, 1 => Just(STREAM)];
    let contents = || (0..LIMBS, prop::option::weighted(0.7, any::<u64>()));
    (
        (0..13usize, 0..LIMBS, 0..LIMBS),
        (0..3u8, operand.clone(), operand),
        any::<u64>(),
        [contents(), contents()],
        prop::option::weighted(0.8, any::<u64>()),
        1..3u16,
    )
        .prop_map(
            |((op, limb, other), (dst, a, b), number, contents, stream, repeat)| Drawn {
                op,
                limb,
                other,
                dst,
                a,
                b,
                number,
                contents,
                stream,
                repeat,
            },
        )
}

impl Drawn {
    fn program(&self, q: u64, n: usize) -> Result<Program, ProgramError> {
        let mut builder = ProgramBuilder::new();
        let slot = |operand: u8| if operand == STREAM { 0 } else { operand };
        let (limb, dst, a) = (self.limb, self.dst, slot(self.a));
        for _ in 0..self.repeat {
            match self.op {
                0 => builder.load(limb, dst)?,
                1 => builder.load_weights(limb, dst)?,
                2 => builder.store(a)?,
                3 => builder.ntt(limb, dst, a)?,
                4 => builder.intt(limb, dst, a)?,
                5 => builder.mul(limb, dst, self.a, self.b)?,
                6 => builder.mac(limb, dst, self.a, self.b)?,
                7 => builder.add(limb, dst, self.a, self.b)?,
                8 => builder.sub(limb, dst, self.a, self.b)?,
                9 => {
                    let constant = builder.constant(self.number % q)?;
                    builder.mul_constant(limb, dst, a, constant)?
                }
                10 => {
                    let element = 2 * (self.number % n as u64) + 1;
                    builder.automorphism(dst, a, element as u32)?
                }
                11 => builder.reduce(limb, dst, a, self.other)?,
                _ => builder.sync()?,
            };
        }
        builder.finish()
    }

    fn pattern(seed: Option<u64>, period: u32) -> Pattern {
        match seed {
            Some(seed) => Pattern::Random { seed },
            None => Pattern::Edges { period },
        }
    }
}

/// Runs as many drawn instructions on a machine as on the reference, and compares.
fn compare(machine: &mut dyn Clocked, log_n: u32, cases: u32) {
    let basis = make_basis(log_n, usize::from(LIMBS));
    let n = 1 << log_n;
    let comparison = Comparison::new(Subject::Clocked(machine), &basis, 3).unwrap();
    let comparison = RefCell::new(comparison);
    let config = Config {
        cases,
        failure_persistence: None,
        ..Config::default()
    };
    let outcome = TestRunner::new(config).run(&drawn(), |drawn| {
        let q = basis.modulus(usize::from(drawn.limb)).value();
        // Operands that no program can have together.
        let Ok(program) = drawn.program(q, n) else {
            return Ok(());
        };
        let stream = Drawn::pattern(drawn.stream, 2).polynomial(q, n);
        let case = Case {
            name: format!("{drawn:?}"),
            slots: [0, 1].map(|slot| {
                let (limb, seed) = drawn.contents[slot];
                // Mostly the limb that the instruction reads, so that it does not fault.
                let read = if drawn.op == 11 {
                    drawn.other
                } else {
                    drawn.limb
                };
                let limb = if drawn.number % 8 == 0 { limb } else { read };
                Some((limb, Drawn::pattern(seed, slot as u32)))
            }),
            program,
            stream: stream.repeat(usize::from(drawn.repeat)),
            end: StreamError::Ended,
            room: usize::MAX,
        };
        let mut comparison = comparison.borrow_mut();
        let compared = comparison
            .prepare(&case)
            .and_then(|()| comparison.run(&case));
        compared.map_err(|difference| TestCaseError::fail(difference.to_string()))
    });
    outcome.unwrap_or_else(|error| panic!("{error}"));
    assert!(comparison.borrow().instructions > u64::from(cases) / 2);
}

#[test]
fn the_model_executes_any_instruction_as_defined() {
    let basis = make_basis(10, usize::from(LIMBS));
    let geometry = Geometry::new(10, 4, 3).unwrap();
    compare(&mut open_native(&basis, geometry).unwrap(), 10, 8);
}

#[test]
#[ignore = "needs verilator: cargo xtask test"]
fn the_circuit_executes_any_instruction_as_defined() {
    for (log_n, butterflies, slots, cases) in [(10, 2, 5, 500), (12, 8, 16, 50)] {
        let basis = make_basis(log_n, usize::from(LIMBS));
        let geometry = Geometry::new(log_n, butterflies, slots).unwrap();
        let mut machine = open_verilated(&basis, geometry, None).unwrap();
        compare(&mut machine, log_n, cases);
    }
}
