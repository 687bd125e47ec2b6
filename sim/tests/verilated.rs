//! The circuit's Verilog, compiled, beside the definition.

#[path = "support/mod.rs"]
mod support;

use addax_core::isa::Geometry;
use addax_core::machine::RingProcessor;
use addax_sim::circuit::{Batch, Circuit, Command, Stop};
use addax_sim::conformance::{Generator, Subject, Suite, check};
use addax_sim::lockstep::lockstep;
use addax_sim::{Clocked, Random, Stalls, open_native, open_verilated};
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
    passes(11, 1, 3, 1, &Suite::BRIEF);
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

#[test]
#[ignore = "needs verilator: cargo xtask test"]
fn model_and_verilog_are_the_same_in_every_cycle() {
    let basis = make_basis(10, 3);
    let geometry = Geometry::new(10, 2, 5).unwrap();
    let mut native = open_native(&basis, geometry).unwrap();
    let mut verilated = open_verilated(&basis, geometry, None).unwrap();
    let (program, _) = Generator::new(Random::new(5), geometry, &basis).program(8);
    let stalls = Stalls {
        seed: 9,
        input: 40,
        output: 40,
    };
    let mut commands: Vec<Command> = program
        .words()
        .iter()
        .zip(0..)
        .map(|(&word, place)| Command::program(place, word))
        .collect();
    commands.push(Command::START);
    let [native, verilated] = [native.circuit() as &mut dyn Circuit, verilated.circuit()];
    for circuit in [&mut *native, &mut *verilated] {
        circuit.command(&commands).unwrap();
        circuit.set_stalls(stalls).unwrap();
    }
    // Residues of every limb, one cycle at a time, until the program ends.
    let mut random = Random::new(6);
    for cycle in 0.. {
        let beat = [0; 2].map(|_: u64| random.below(1 << 34));
        let batch = Batch {
            input: &beat,
            lanes: 2,
            room: 1,
            to_retired: false,
            past_idle: false,
            cycles: 1,
        };
        let [mut expected, mut found] = [vec![], vec![]];
        let progress = native.advance(&batch, &mut expected).unwrap();
        let same = verilated.advance(&batch, &mut found).unwrap();
        assert_eq!((progress, expected), (same, found), "cycle {cycle}");
        if progress.stop == Stop::Idle {
            assert!(cycle > 1000);
            break;
        }
    }
    let registers: Vec<u64> = (0..11).chain(128..133).collect();
    let state = native.status(&registers).unwrap();
    assert_eq!(state, verilated.status(&registers).unwrap());
    let [mut expected, mut found] = [vec![0; 1024], vec![0; 1024]];
    for slot in 0..5 {
        native.peek_slot(slot, &mut expected).unwrap();
        verilated.peek_slot(slot, &mut found).unwrap();
        assert_eq!(expected, found, "slot {slot}");
        assert_eq!(
            native.peek_tag(slot).unwrap(),
            verilated.peek_tag(slot).unwrap()
        );
    }
}

#[test]
#[ignore = "needs verilator: cargo xtask test"]
fn signals_are_recorded() {
    let directory = tempfile::tempdir().unwrap();
    let trace = directory.path().join("signals.vcd");
    let basis = make_basis(10, 1);
    let geometry = Geometry::new(10, 1, 2).unwrap();
    let mut machine = open_verilated(&basis, geometry, Some(&trace)).unwrap();
    let words: Vec<u64> = (0..1024).collect();
    machine.load(0, 0, &words).unwrap();
    drop(machine);
    let recorded = std::fs::read_to_string(&trace).unwrap();
    assert!(recorded.contains("$enddefinitions") && recorded.contains("command_valid"));
    assert!(recorded.lines().count() > 10_000);
}
