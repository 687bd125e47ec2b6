//! Programs that fault, are aborted or end nowhere.

use addax_core::isa::{Increment, Instruction, Loop, encoding};
use proptest::prelude::*;

use super::bench::{Bench, Pace};
use super::walk::{End, Memory, Walk};
use super::{Random, programs, shape};
use crate::ports::{command, control, error, status};

/// Runs a program that faults and compares what it did before, and the error.
fn run(bench: &mut Bench, memory: &mut Memory) -> End {
    let (events, end) = Walk::new(memory).run(100_000);
    let end = end.expect("the program faults");
    bench.write(memory);
    bench.start();
    bench.finish();
    assert_eq!(bench.error(), end);
    bench.assert_started(&events, memory);
    bench.assert_tags(memory);
    assert_eq!(bench.flushes, 0);
    assert_eq!(bench.status(status::INSTRUCTIONS), events.len() as u64);
    end
}

fn clear(bench: &mut Bench) {
    bench.command(command::CONTROL, control::CLEAR_ERROR, 0);
    bench.tick();
    assert_eq!(bench.error().code, error::NONE);
}

fn memory_of(words: &[u32]) -> Memory {
    let mut memory = programs::memory(&mut Random::new(1));
    memory.words = words.to_vec();
    memory
}

fn pack(op: u32, limb: u32, dst: u32, a: u32, b: u32) -> u32 {
    op << encoding::OP_SHIFT
        | limb << encoding::LIMB_SHIFT
        | dst << encoding::DST_SHIFT
        | a << encoding::A_SHIFT
        | b << encoding::B_SHIFT
}

fn begin_loop(count: u16, body: u8, increment: Increment) -> u32 {
    Instruction::Loop(Loop::new(count, body, increment).unwrap()).encode()
}

const HALT: u32 = Instruction::Halt.encode();
const SYNC: u32 = Instruction::Sync.encode();

#[test]
fn each_error_says_where_and_what() {
    use encoding::op::{ADD, AUT, LD, MAC, MULI, NTT, RED, ST};
    let loads = [pack(LD, 0, 0, 0, 0), pack(LD, 1, 1, 0, 0)];
    // The word under test, in place 2; code and detail.
    let cases = [
        (0, error::ILLEGAL, 0),
        (u32::MAX, error::ILLEGAL, 0),
        (pack(15, 0, 0, 0, 0), error::ILLEGAL, 0),
        // A slot, a limb and an h that do not exist.
        (pack(LD, 0, 12, 0, 0), error::ILLEGAL, 0),
        (pack(ST, 0, 0, 12, 0), error::ILLEGAL, 0),
        (pack(ADD, 0, 2, 0, 12), error::ILLEGAL, 0),
        (pack(LD, 3, 2, 0, 0), error::ILLEGAL, 0),
        (pack(RED, 0, 2, 0, 3), error::ILLEGAL, 0),
        (pack(RED, 3, 2, 0, 0), error::ILLEGAL, 0),
        (pack(AUT, 2, 2, 0, 0), error::ILLEGAL, 0),
        (pack(AUT, 0, 0, 0, 0), error::ILLEGAL, 0),
        // Order a, b, dst; never written before wrong limb.
        (pack(ST, 0, 0, 7, 0), error::UNWRITTEN, 7),
        (pack(AUT, 0, 2, 7, 0), error::UNWRITTEN, 7),
        (pack(ADD, 0, 2, 7, 8), error::UNWRITTEN, 7),
        (pack(ADD, 0, 2, 0, 8), error::UNWRITTEN, 8),
        (pack(MAC, 0, 9, 0, 0), error::UNWRITTEN, 9),
        (pack(MAC, 0, 9, 0, 8), error::UNWRITTEN, 8),
        (pack(ADD, 1, 2, 0, 8), error::WRONG_LIMB, 1 << 8),
        (pack(ADD, 0, 2, 0, 1), error::WRONG_LIMB, 1 | 1 << 12),
        (pack(MAC, 0, 1, 0, 0), error::WRONG_LIMB, 1 | 1 << 12),
        (
            pack(NTT, 2, 2, 1, 0),
            error::WRONG_LIMB,
            1 | 2 << 8 | 1 << 12,
        ),
        (pack(RED, 0, 2, 0, 1), error::WRONG_LIMB, 1 << 8),
        // Constant 5 is q of limb 0; the slot comes first.
        (pack(MULI, 0, 2, 0, 5), error::CONSTANT, 0),
        (pack(MULI, 0, 2, 1, 5), error::WRONG_LIMB, 1 | 1 << 12),
    ];
    let mut bench = Bench::new(&shape(), 1);
    for (word, code, detail) in cases {
        let mut memory = memory_of(&[loads[0], loads[1], word, HALT]);
        bench.command(command::CONTROL, control::CLEAR_TAGS, 0);
        let end = run(&mut bench, &mut memory);
        assert_eq!(
            end,
            End {
                code,
                place: 2,
                word,
                detail
            },
            "{word:#010x}"
        );
        clear(&mut bench);
    }
}

#[test]
fn loops_that_do_not_nest() {
    let one = begin_loop(2, 1, Increment::NONE);
    let two = begin_loop(2, 2, Increment::NONE);
    let three = begin_loop(2, 3, Increment::NONE);
    let cases: [(&[u32], u64); 4] = [
        // Three levels.
        (&[three, two, one, SYNC, HALT], 2),
        // A body that leaves the loop around it, by one word and by being its last word.
        (&[two, two, SYNC, SYNC, HALT], 1),
        (&[one, one, SYNC, HALT], 1),
        (&[three, SYNC, SYNC, one, SYNC, HALT], 3),
    ];
    let mut bench = Bench::new(&shape(), 2);
    for (words, place) in cases {
        let end = run(&mut bench, &mut memory_of(words));
        assert_eq!((end.code, end.place), (error::ILLEGAL, place));
        clear(&mut bench);
    }
}

#[test]
fn increments_out_of_range() {
    use encoding::op::{AUT, LD, ST};
    let wide = Increment {
        a: true,
        b: false,
        stride: 31,
    };
    let mut words: Vec<u32> = (0..12).map(|slot| pack(LD, 0, slot, 0, 0)).collect();
    let prelude = words.len() as u64;
    let mut bench = Bench::new(&shape(), 3);
    for (body, increment, word) in [
        (pack(ST, 0, 0, 11, 0), Increment::A, pack(ST, 0, 0, 12, 0)),
        (pack(ST, 0, 0, 11, 0), wide, pack(ST, 0, 0, 42, 0)),
        // An automorphism comes to read its destination.
        (pack(AUT, 0, 3, 1, 0), Increment::A, pack(AUT, 0, 3, 3, 0)),
    ] {
        words.truncate(prelude as usize);
        words.extend([begin_loop(4000, 1, increment), body, HALT]);
        let end = run(&mut bench, &mut memory_of(&words));
        assert_eq!(
            (end.code, end.place, end.word),
            (error::ILLEGAL, prelude + 1, word)
        );
        clear(&mut bench);
    }
}

/// The sum of both levels leaves seven bits while neither offset does.
#[test]
fn increments_of_both_levels_out_of_range() {
    use addax_core::isa::Geometry;
    use encoding::op::{LD, ST};
    let geometry = Geometry::new(10, 1, 126).unwrap();
    let shape = crate::Shape::new(geometry, 3, crate::Target::Behavioural).unwrap();
    let wide = Increment {
        a: true,
        b: false,
        stride: 31,
    };
    let mut words: Vec<u32> = (0..126).map(|slot| pack(LD, 0, slot, 0, 0)).collect();
    words.extend([
        begin_loop(4, 2, wide),
        begin_loop(3, 1, wide),
        pack(ST, 0, 0, 1, 0),
        HALT,
    ]);
    let mut memory = memory_of(&words);
    memory.shape = shape;
    let mut bench = Bench::new(&shape, 4);
    let end = run(&mut bench, &mut memory);
    assert_eq!(
        (end.code, end.word),
        (error::ILLEGAL, pack(ST, 0, 0, 156 - 128, 0))
    );
}

#[test]
fn running_past_the_end() {
    let mut bench = Bench::new(&shape(), 5);
    let end = run(&mut bench, &mut memory_of(&[SYNC; 1024]));
    assert_eq!(
        end,
        End {
            code: error::NO_HALT,
            place: 1024,
            word: 0,
            detail: 0
        }
    );
}

#[test]
fn an_error_stands_until_it_is_cleared() {
    let mut bench = Bench::new(&shape(), 6);
    let end = run(&mut bench, &mut memory_of(&[SYNC, 0]));
    bench.write(&memory_of(&[HALT]));
    bench.start();
    for _ in 0..20 {
        assert!(!bench.control.running.val(), "started in spite of an error");
        bench.tick();
    }
    assert_eq!(bench.error(), end);
    // The counters of the program that failed stand, too.
    assert_eq!(bench.status(status::INSTRUCTIONS), 1);
    clear(&mut bench);
    bench.start();
    bench.finish();
    assert_eq!(bench.error().code, error::NONE);
    assert_eq!(bench.status(status::INSTRUCTIONS), 1);
    assert_eq!(bench.wide(status::CYCLES), crate::control::HALT_CYCLES);
}

#[test]
fn an_abort_without_a_program_does_nothing() {
    let mut bench = Bench::new(&shape(), 7);
    bench.write(&memory_of(&[SYNC, HALT]));
    bench.command(command::CONTROL, control::ABORT, 0);
    bench.tick();
    assert_eq!(bench.error().code, error::NONE);
    bench.command(command::CONTROL, control::ABORT, 0);
    bench.start();
    bench.finish();
    assert_eq!(bench.error().code, error::NONE);
}

#[test]
fn an_abort_right_behind_the_start() {
    let mut bench = Bench::new(&shape(), 11);
    bench.write(&memory_of(&[SYNC, HALT]));
    assert!(bench.offer(command::CONTROL, control::START, 0));
    assert!(bench.offer(command::CONTROL, control::ABORT, 0));
    bench.tick();
    bench.finish();
    let end = bench.error();
    assert_eq!((end.code, end.place), (error::ABORTED, 0));
    assert_eq!(bench.status(status::INSTRUCTIONS), 0);
    // The next program runs to its end.
    clear(&mut bench);
    bench.start();
    bench.finish();
    assert_eq!(bench.error().code, error::NONE);
    assert_eq!(bench.status(status::INSTRUCTIONS), 2);
}

#[test]
fn only_an_abort_is_taken_while_a_program_runs() {
    let mut bench = Bench::new(&shape(), 8);
    bench.pace.least = 300;
    bench.write(&memory_of(&[pack(encoding::op::LD, 0, 0, 0, 0), HALT]));
    bench.command(command::CONTROL, control::START, 0);
    for address in [0, 2, 3] {
        assert!(!bench.offer(command::CONTROL, address, 0));
    }
    for kind in 1..16 {
        assert!(!bench.offer(kind, 1, 0));
    }
    assert!(bench.offer(command::CONTROL, control::ABORT, 0));
    bench.finish();
    assert_eq!(bench.error().code, error::ABORTED);
}

#[test]
fn limbs_that_the_machine_has_no_room_for_stay_unknown() {
    let mut bench = Bench::new(&shape(), 9);
    let mut memory = memory_of(&[pack(encoding::op::LD, 3, 0, 0, 0), HALT]);
    bench.write(&memory);
    bench.command(command::LIMB, 12, 0x1_2345);
    assert_eq!(run(&mut bench, &mut memory).code, error::ILLEGAL);
}

#[test]
fn clearing_the_tags_forgets_all_slots() {
    let mut bench = Bench::new(&shape(), 10);
    let mut memory = memory_of(
        &(0..12)
            .map(|slot| pack(1, 2, slot, 0, 0))
            .collect::<Vec<_>>(),
    );
    memory.words.push(HALT);
    Walk::new(&mut memory).run(100);
    bench.write(&memory);
    bench.start();
    bench.finish();
    bench.assert_tags(&memory);
    // A start waits until the last of them is cleared.
    bench.write(&memory_of(&[pack(encoding::op::ST, 0, 0, 11, 0), HALT]));
    bench.command(command::CONTROL, control::CLEAR_TAGS, 0);
    bench.start();
    bench.finish();
    let end = bench.error();
    assert_eq!((end.code, end.detail), (error::UNWRITTEN, 11));
    memory.tags = Default::default();
    bench.assert_tags(&memory);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(192))]

    #[test]
    fn anything_ends_as_the_walk_says(seed in any::<u64>()) {
        let mut random = Random::new(seed);
        let mut memory = programs::memory(&mut random);
        programs::wild(&mut random, &mut memory, 12);
        let mut bench = Bench::new(&shape(), seed);
        bench.pace = Pace { least: 4, spread: 3, stalls: 0 };
        let (_, end) = Walk::new(&mut memory.clone()).run(100_000);
        if end.is_some() {
            run(&mut bench, &mut memory);
        } else {
            bench.write(&memory);
            bench.start();
            bench.finish();
            prop_assert_eq!(bench.error().code, error::NONE);
        }
    }

    #[test]
    fn an_abort_at_any_time(seed in any::<u64>(), after in 0u64..400) {
        let mut random = Random::new(seed);
        let mut memory = programs::memory(&mut random);
        programs::sound(&mut random, &mut memory, 16);
        let mut bench = Bench::new(&shape(), seed);
        bench.pace = Pace { least: 4, spread: 20, stalls: [0, 2, 3][random.below(3) as usize] };
        bench.write(&memory);
        bench.start();
        for _ in 0..after {
            bench.tick();
        }
        bench.offer(command::CONTROL, control::ABORT, 0);
        bench.finish();
        let found = bench.error();
        let (events, _) = Walk::new(&mut memory.clone()).run(100_000);
        let retired = bench.retired as usize;
        if found.code == error::NONE {
            // It came too late.
            prop_assert_eq!(retired, events.len());
            return Ok(());
        }
        let expected = End { code: error::ABORTED, place: events[retired].place.into(), word: events[retired].word, detail: 0 };
        prop_assert_eq!(found, expected);
        // The instructions before have had their effect, the one that was executing has lost its destination.
        for event in &events[..retired] {
            let limb = memory.tags.check(&event.instruction).unwrap();
            if let Some(dst) = event.instruction.destination() {
                memory.tags.set(dst, limb);
            }
        }
        let executed = |events: &[super::walk::Event]| events.iter().filter(|e| e.word >> 27 <= 11).count();
        let begun = bench.started.len() > executed(&events[..retired]);
        prop_assert_eq!(bench.flushes, u64::from(begun));
        if let Some(dst) = events[retired].instruction.destination().filter(|_| begun) {
            memory.tags.set(dst, None);
        }
        bench.assert_started(&events[..retired + usize::from(begun)], &memory);
        bench.assert_tags(&memory);
    }

    #[test]
    fn a_bad_stream_word(seed in any::<u64>(), index in 0usize..20) {
        let mut random = Random::new(seed);
        let mut memory = programs::memory(&mut random);
        programs::sound(&mut random, &mut memory, 16);
        let mut bench = Bench::new(&shape(), seed);
        bench.pace = Pace { least: 4, spread: 20, stalls: 0 };
        let (events, _) = Walk::new(&mut memory.clone()).run(100_000);
        let executed: Vec<usize> = (0..events.len()).filter(|&i| events[i].word >> 27 <= 11).collect();
        let index = index % executed.len();
        bench.bad_at = Some(index);
        bench.write(&memory);
        bench.start();
        bench.finish();
        let failed = events[executed[index]];
        let expected = End { code: error::RESIDUE, place: failed.place.into(), word: failed.word, detail: 0 };
        prop_assert_eq!(bench.error(), expected);
        prop_assert_eq!(bench.flushes, 1);
        // It does not count, even if it was done in the same cycle.
        prop_assert_eq!(bench.retired, executed[index] as u64);
        prop_assert_eq!(bench.status(status::INSTRUCTIONS), executed[index] as u64);
        let transforms = events[..executed[index]].iter().filter(|e| matches!(e.word >> 27, 3 | 4));
        prop_assert_eq!(bench.status(status::TRANSFORMS), transforms.count() as u64);
        for event in &events[..executed[index]] {
            let limb = memory.tags.check(&event.instruction).unwrap();
            if let Some(dst) = event.instruction.destination() {
                memory.tags.set(dst, limb);
            }
        }
        if let Some(dst) = failed.instruction.destination() {
            memory.tags.set(dst, None);
        }
        bench.assert_tags(&memory);
    }
}

/// The programs of `anything_ends_as_the_walk_says` reach every error of the check.
#[test]
fn wild_programs_meet_every_error() {
    let mut met = [0; 8];
    for seed in 0..400 {
        let mut random = Random::new(seed);
        let mut memory = programs::memory(&mut random);
        programs::wild(&mut random, &mut memory, 12);
        let (_, end) = Walk::new(&mut memory).run(100_000);
        met[end.map_or(error::NONE, |end| end.code) as usize] += 1;
    }
    for code in [
        error::NONE,
        error::ILLEGAL,
        error::UNWRITTEN,
        error::WRONG_LIMB,
        error::CONSTANT,
    ] {
        assert!(met[code as usize] > 8, "{met:?}");
    }
}
