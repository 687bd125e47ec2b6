//! The circuit's model in Rust beside the definition. It is slow, so it sees a part of what the compiled Verilog sees in
//! `verilated.rs`.

#[path = "support/mod.rs"]
mod support;

use addax_core::isa::Geometry;
use addax_sim::conformance::{Generator, Subject, Suite, check};
use addax_sim::lockstep::lockstep;
use addax_sim::{Clocked, Random, Stalls, open_native};
use support::make_basis;

#[test]
fn the_model_passes_a_part_of_the_suite() {
    let basis = make_basis(10, 2);
    let mut machine = open_native(&basis, Geometry::new(10, 2, 4).unwrap()).unwrap();
    let suite = Suite {
        one_in: 6,
        programs: 1,
        instructions: 20,
        illegal_words: 10,
        ..Suite::default()
    };
    let summary = check(Subject::Clocked(&mut machine), &basis, &suite);
    let summary = summary.unwrap_or_else(|error| panic!("{error}"));
    assert!(summary.illegal > 300 && summary.stalls > 0, "{summary:?}");
}

#[test]
fn every_slot_is_right_after_every_instruction() {
    for (butterflies, limbs) in [(1, 3), (4, 1), (8, 2)] {
        let basis = make_basis(10, limbs);
        let geometry = Geometry::new(10, butterflies, 3).unwrap();
        let mut machine = open_native(&basis, geometry).unwrap();
        let mut generator = Generator::new(Random::new(7), geometry, &basis);
        for stalls in [
            Stalls::NONE,
            Stalls {
                seed: 1,
                input: 50,
                output: 50,
            },
        ] {
            let (program, stream) = generator.program(12);
            machine.set_stalls(stalls).unwrap();
            let outcome = lockstep(&mut machine, &basis, &program, &stream);
            let report = outcome.unwrap_or_else(|error| panic!("B = {butterflies}: {error}"));
            assert!(report.is_ok());
        }
    }
}
