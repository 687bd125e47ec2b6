//! The driver over a machine that does what the definition says, and over machines that do not.

#[path = "support/mod.rs"]
mod support;

use addax_core::isa::{ProgramBuilder, STREAM};
use addax_core::machine::{MachineError, NullSink, RingProcessor, SliceSource};
use addax_sim::conformance::{self, Difference, Generator, Subject, Suite, Summary};
use addax_sim::driver::Machine;
use addax_sim::lockstep::lockstep;
use addax_sim::ticked::Ticked;
use addax_sim::{Clocked, Random, Stalls};
use support::soft::{Soft, Wrong};
use support::{make_basis, shape};

fn check(
    wrong: Wrong,
    butterflies: u32,
    limbs: usize,
    suite: &Suite,
) -> Result<Summary, Difference> {
    let basis = make_basis(10, limbs);
    let soft = Soft::new(shape(10, butterflies, 4, limbs), &basis);
    let mut machine = Machine::new(Ticked::new(soft), &basis).unwrap();
    machine.circuit().pins().wrong = wrong;
    conformance::check(Subject::Clocked(&mut machine), &basis, suite)
}

const SUITE: Suite = Suite {
    seed: 5,
    programs: 6,
    instructions: 120,
    one_in: 1,
    illegal_words: 50,
    stepwise: false,
};

#[test]
fn a_right_machine_passes_the_suite_behind_the_driver() {
    for (butterflies, limbs) in [(1, 1), (2, 3), (8, 2)] {
        let summary = check(Wrong::Nothing, butterflies, limbs, &SUITE)
            .unwrap_or_else(|error| panic!("B = {butterflies}: {error}"));
        assert!(
            summary.illegal > 100 && summary.stalls > 1000,
            "{summary:?}"
        );
    }
}

#[test]
fn wrong_machines_do_not_pass() {
    for wrong in [
        Wrong::LostStalls,
        Wrong::Cycle,
        Wrong::Hangs,
        Wrong::ForgetsErrors,
        Wrong::SwappedHalves,
        Wrong::SkipsIllegal,
        Wrong::StrayWrite,
        Wrong::KeepsTag,
    ] {
        let outcome = check(wrong, 2, 2, &SUITE);
        println!("{wrong:?}: {outcome:?}");
        assert!(outcome.is_err(), "{wrong:?}");
    }
}

#[test]
fn a_machine_that_does_not_end_is_an_error() {
    let basis = make_basis(10, 1);
    let mut machine =
        Machine::new(Ticked::new(Soft::new(shape(10, 2, 4, 1), &basis)), &basis).unwrap();
    machine.load(0, 0, &[1; 1024]).unwrap();
    machine.circuit().pins().wrong = Wrong::Hangs;
    let mut builder = ProgramBuilder::new();
    builder.mul(0, 1, 0, STREAM).unwrap();
    let program = builder.finish().unwrap();
    let stream = [1; 1024];
    assert!(matches!(
        machine.run(&program, &mut SliceSource::new(&stream), &mut NullSink),
        Err(MachineError::Device(_))
    ));
    // And it can be used when it has recovered.
    machine.circuit().pins().wrong = Wrong::Nothing;
    machine
        .run(&program, &mut SliceSource::new(&stream), &mut NullSink)
        .unwrap();
}

#[test]
fn a_machine_stepped_beside_the_reference_is_compared_after_every_instruction() {
    let basis = make_basis(10, 2);
    let shape = shape(10, 2, 4, 2);
    let mut generator = Generator::new(Random::new(3), shape.geometry(), &basis);
    let mut machine = Machine::new(Ticked::new(Soft::new(shape, &basis)), &basis).unwrap();
    let mut instructions = 0;
    for seed in 0..4 {
        let (program, stream) = generator.program(60);
        let stalls = Stalls {
            seed,
            input: 40,
            output: 40,
        };
        machine.set_stalls(stalls).unwrap();
        let report = lockstep(&mut machine, &basis, &program, &stream)
            .unwrap()
            .unwrap();
        assert!(report.stalls > 0);
        instructions += report.instructions;
    }
    assert!(instructions > 240);
    // A word changed behind the machine's back is found at the instruction, the slot and the position.
    machine.set_stalls(Stalls::NONE).unwrap();
    let words = [7; 1024];
    for slot in 0..4 {
        machine.load(slot, 0, &words).unwrap();
    }
    machine.circuit().pins().wrong = Wrong::StrayWrite;
    let mut builder = ProgramBuilder::new();
    builder
        .ntt(0, 0, 0)
        .unwrap()
        .add(0, 0, 0, 1)
        .unwrap()
        .store(3)
        .unwrap();
    let program = builder.finish().unwrap();
    let divergence = lockstep(&mut machine, &basis, &program, &[]).unwrap_err();
    assert_eq!(
        divergence.to_string(),
        "after word 1, ADD.0 0, 0, 1: slot 3, position 3: 6 instead of 7"
    );
}

#[test]
fn a_fault_stops_both_machines_at_the_same_instruction() {
    let basis = make_basis(10, 2);
    let shape = shape(10, 2, 4, 2);
    let mut machine = Machine::new(Ticked::new(Soft::new(shape, &basis)), &basis).unwrap();
    let mut builder = ProgramBuilder::new();
    builder
        .load(0, 0)
        .unwrap()
        .mul(0, 1, STREAM, 0)
        .unwrap()
        .ntt(1, 2, 1)
        .unwrap();
    let program = builder.finish().unwrap();
    let mut stream = vec![5; 2048];
    let fault = lockstep(&mut machine, &basis, &program, &stream)
        .unwrap()
        .unwrap_err();
    assert_eq!(
        fault.to_string(),
        "word 2, NTT.1 2, 1: slot 1 was written under limb 0, not limb 1"
    );
    let fault = lockstep(&mut machine, &basis, &program, &stream[..1500])
        .unwrap()
        .unwrap_err();
    assert_eq!(
        fault.to_string(),
        "word 1, MUL.0 1, stream, 0: input stream: no more words"
    );
    stream[1100] = basis.modulus(0).value();
    let fault = lockstep(&mut machine, &basis, &program, &stream)
        .unwrap()
        .unwrap_err();
    assert_eq!(
        fault.to_string(),
        "word 1, MUL.0 1, stream, 0: stream word 1100 is not below the modulus of limb 0"
    );
}
