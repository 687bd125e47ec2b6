//! The circuit's Verilog, compiled, beside the definition.

#[path = "support/mod.rs"]
mod support;

use addax_core::isa::Geometry;
use addax_sim::conformance::{Generator, Subject, Suite, check};
use addax_sim::lockstep::lockstep;
use addax_sim::{Clocked, Random, Stalls, open_verilated};
use support::make_basis;

fn passes(log_n: u32, butterflies: u32, slots: u32, limbs: usize, suite: &Suite) {
    let basis = make_basis(log_n, limbs);
    let geometry = Geometry::new(log_n, butterflies, slots).unwrap();
    let mut machine = open_verilated(&basis, geometry, None).unwrap();
    let summary = check(Subject::Clocked(&mut machine), &basis, suite);
    let summary =
        summary.unwrap_or_else(|error| panic!("n = 2^{log_n}, B = {butterflies}: {error}"));
    assert_eq!(summary.programs, u64::from(suite.programs));
    assert!(summary.illegal > 100 && summary.stalls > 0, "{summary:?}");
}

#[test]
#[ignore = "needs verilator: cargo xtask test"]
fn the_circuit_passes_the_suite_with_every_number_of_butterflies() {
    for (butterflies, slots, limbs) in [(1, 4, 2), (2, 5, 3), (4, 2, 1), (8, 4, 2)] {
        let suite = Suite {
            seed: u64::from(butterflies),
            ..Suite::default()
        };
        passes(10, butterflies, slots, limbs, &suite);
    }
}

#[test]
#[ignore = "needs verilator: cargo xtask test"]
fn the_default_machine_passes_a_part_of_the_suite() {
    passes(12, 8, 16, 3, &Suite::BRIEF);
}

#[test]
#[ignore = "needs verilator: cargo xtask test"]
fn larger_rings_pass_a_part_of_the_suite() {
    passes(11, 8, 3, 1, &Suite::BRIEF);
    passes(13, 4, 6, 2, &Suite::BRIEF);
}

#[test]
#[ignore = "needs verilator: cargo xtask test"]
fn every_slot_is_right_after_every_instruction() {
    let basis = make_basis(10, 3);
    let geometry = Geometry::new(10, 2, 5).unwrap();
    let mut machine = open_verilated(&basis, geometry, None).unwrap();
    let mut generator = Generator::new(Random::new(11), geometry, &basis);
    for seed in 0..10 {
        let (program, stream) = generator.program(100);
        let [input, output] = [[0, 0], [30, 30], [200, 0], [0, 200]][seed as usize % 4];
        let stalls = Stalls {
            seed,
            input,
            output,
        };
        machine.set_stalls(stalls).unwrap();
        let outcome = lockstep(&mut machine, &basis, &program, &stream);
        let report = outcome.unwrap_or_else(|error| panic!("program {seed}: {error}"));
        assert!(report.is_ok());
    }
}
