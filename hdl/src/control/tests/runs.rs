//! Programs that do not fault: the sequence, the operands, the counts.

use addax_core::isa::{Increment, Instruction, Loop, ProgramBuilder, Sequencer};
use proptest::prelude::*;

use super::bench::{Bench, Pace};
use super::walk::{Event, Memory, Walk};
use super::{Random, programs, shape};
use crate::ports::status;

/// Runs a memory's program to its end and compares everything.
fn run(bench: &mut Bench, memory: &mut Memory, counts: bool) -> Vec<Event> {
    let (events, end) = Walk::new(memory).run(100_000);
    assert_eq!(end, None);
    bench.write(memory);
    bench.start();
    bench.finish();
    assert_eq!(bench.error().code, 0);
    bench.assert_started(&events, memory);
    bench.assert_tags(memory);
    if counts {
        bench.assert_counts(&events);
    }
    events
}

fn memory_of(words: &[Instruction], random: &mut Random) -> Memory {
    let mut memory = programs::memory(random);
    memory.words = words
        .iter()
        .map(|instruction| instruction.encode())
        .collect();
    memory
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn random_programs_issue_what_the_sequencer_says(seed in any::<u64>()) {
        let mut random = Random::new(seed);
        let mut memory = programs::memory(&mut random);
        let program = programs::sound(&mut random, &mut memory, 24);
        let mut bench = Bench::new(&shape(), seed);
        bench.pace = Pace { least: 4, spread: 9, stalls: [0, 2, 3, 4][random.below(4) as usize] };
        let events = run(&mut bench, &mut memory, true);
        // The words' walk is that of the definition.
        let steps: Vec<_> = Sequencer::new(&program).map(|step| (step.pc, step.instruction)).collect();
        let walked: Vec<_> = events.iter().map(|event| (event.place, event.instruction)).collect();
        prop_assert_eq!(steps, walked);
        // A second program in the same machine, with the tags of the first.
        programs::sound(&mut random, &mut memory, 12);
        run(&mut bench, &mut memory, true);
    }

    #[test]
    fn a_datapath_that_is_done_at_once_changes_nothing(seed in any::<u64>()) {
        let mut random = Random::new(seed);
        let mut memory = programs::memory(&mut random);
        programs::sound(&mut random, &mut memory, 16);
        let mut bench = Bench::new(&shape(), seed);
        bench.pace = Pace { least: 1, spread: 4, stalls: 0 };
        run(&mut bench, &mut memory, false);
    }
}

#[test]
fn loops_that_end_together_and_their_offsets() {
    let mut random = Random::new(1);
    let outer = Increment {
        a: true,
        b: false,
        stride: 3,
    };
    let inner = Increment {
        a: true,
        b: true,
        stride: 1,
    };
    let mut builder = ProgramBuilder::new();
    for slot in 0..12 {
        builder.load(1, slot).unwrap();
    }
    builder
        .repeat(3, outer, |body| {
            body.mac(1, 11, 0, 1)?
                .repeat(2, inner, |body| body.add(1, 0, 2, 3))
        })
        .unwrap();
    let program = builder.finish().unwrap();
    let mut memory = programs::memory(&mut random);
    memory.words = program.words().to_vec();
    let mut bench = Bench::new(&shape(), 2);
    let events = run(&mut bench, &mut memory, true);
    let operands: Vec<_> = events[13..]
        .iter()
        .filter_map(|event| {
            Some((
                event.instruction.slot_a()?.value(),
                event.instruction.slot_b()?.value(),
            ))
        })
        .collect();
    assert_eq!(
        operands,
        [
            (0, 1),
            (2, 3),
            (3, 4),
            (3, 1),
            (5, 3),
            (6, 4),
            (6, 1),
            (8, 3),
            (9, 4)
        ]
    );
}

#[test]
fn the_longest_loops() {
    let mut random = Random::new(3);
    let outer = Loop::new(3, 255, Increment::NONE).unwrap();
    let mut words = vec![Instruction::Loop(outer)];
    let inner = Loop::new(4095, 1, Increment::NONE).unwrap();
    words.push(Instruction::Loop(inner));
    words.push(Instruction::Sync);
    words.extend([Instruction::Sync; 253]);
    words.push(Instruction::Halt);
    let mut memory = memory_of(&words, &mut random);
    let mut bench = Bench::new(&shape(), 4);
    let events = run(&mut bench, &mut memory, true);
    assert_eq!(events.len(), 1 + 3 * (1 + 4095 + 253) + 1);
}

#[test]
fn a_program_that_fills_the_memory() {
    let mut random = Random::new(5);
    let mut words = vec![Instruction::Sync; 1023];
    words.push(Instruction::Halt);
    let mut memory = memory_of(&words, &mut random);
    let mut bench = Bench::new(&shape(), 6);
    run(&mut bench, &mut memory, true);
}

#[test]
fn sync_waits_for_stores_and_the_wait_is_a_stall() {
    let mut random = Random::new(7);
    let mut builder = ProgramBuilder::new();
    builder.load(0, 0).unwrap();
    builder.store(0).unwrap().sync().unwrap().sync().unwrap();
    let program = builder.finish().unwrap();
    let mut waited = 0;
    for seed in 0..8 {
        let mut memory = programs::memory(&mut random);
        memory.words = program.words().to_vec();
        let mut bench = Bench::new(&shape(), seed);
        bench.pace = Pace {
            least: 4,
            spread: 40,
            stalls: 0,
        };
        run(&mut bench, &mut memory, true);
        waited += bench.wide(status::STALLS);
    }
    assert!(waited > 20, "{waited}");
}

#[test]
fn stalls_are_counted_apart() {
    let mut random = Random::new(9);
    let mut memory = programs::memory(&mut random);
    let mut builder = ProgramBuilder::new();
    builder.load(0, 0).unwrap().ntt(0, 0, 0).unwrap();
    memory.words = builder.finish().unwrap().words().to_vec();
    let mut bench = Bench::new(&shape(), 10);
    bench.pace = Pace {
        least: 50,
        spread: 1,
        stalls: 3,
    };
    run(&mut bench, &mut memory, true);
    assert!(bench.stalls > 0);
    assert_eq!(bench.wide(status::STALLS), bench.stalls);
}

#[test]
fn the_shape_and_twiddles_pass_through() {
    let mut bench = Bench::new(&shape(), 11);
    assert_eq!(
        bench.status(status::SHAPE),
        10 | 8 << 8 | 12 << 16 | 3 << 24
    );
    bench.command(crate::ports::command::TWIDDLE, 5 << 17 | 77, 0xf_1234_5678);
    bench.tick();
    assert_eq!(bench.twiddles, [(5 << 17 | 77, 0xf_1234_5678)]);
}
