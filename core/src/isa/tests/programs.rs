//! Programs: structure, validation, sequence and cycles.

use std::vec;
use std::vec::Vec;

use proptest::prelude::*;

use crate::isa::*;

fn words(instructions: &[Instruction]) -> Vec<u32> {
    instructions.iter().map(|i| i.encode()).collect()
}

fn repeat(count: u16, body: u8) -> Instruction {
    Instruction::Loop(Loop::new(count, body, Increment::NONE).unwrap())
}

#[test]
fn a_program_ends_in_its_only_halt() {
    let check = |instructions: &[Instruction]| Program::from_words(&words(instructions), &[]).err();
    use Instruction::{Halt, Sync};
    assert_eq!(check(&[]), Some(ProgramError::NoHalt));
    assert_eq!(check(&[Sync]), Some(ProgramError::NoHalt));
    assert_eq!(
        check(&[Sync, Halt, Halt]),
        Some(ProgramError::EarlyHalt { pc: 1 })
    );
    assert_eq!(check(&[Halt]), None);
    assert_eq!(
        Program::from_words(&[0], &[]).err(),
        Some(ProgramError::Word {
            pc: 0,
            source: IsaError::Opcode { op: 0 }
        })
    );
}

#[test]
fn loops_stay_inside_what_contains_them() {
    let check = |instructions: &[Instruction]| Program::from_words(&words(instructions), &[]).err();
    use Instruction::{Halt, Sync};
    assert_eq!(
        check(&[repeat(2, 1), Halt]),
        Some(ProgramError::LoopEnd { pc: 0 })
    );
    assert_eq!(
        check(&[repeat(2, 2), Sync, Halt]),
        Some(ProgramError::LoopEnd { pc: 0 })
    );
    assert_eq!(check(&[repeat(2, 2), repeat(2, 1), Sync, Halt]), None);
    assert_eq!(
        check(&[repeat(2, 2), repeat(2, 2), Sync, Sync, Halt]),
        Some(ProgramError::LoopEnd { pc: 1 })
    );
    let three = [repeat(2, 3), repeat(2, 2), repeat(2, 1), Sync, Halt];
    assert_eq!(check(&three), Some(ProgramError::LoopDepth { pc: 2 }));
    let siblings = [repeat(2, 4), repeat(2, 1), Sync, repeat(3, 1), Sync, Halt];
    assert_eq!(check(&siblings), None);
}

#[test]
fn program_and_constant_memory_have_their_size() {
    let mut builder = ProgramBuilder::new();
    for _ in 0..MAX_WORDS - 1 {
        builder.sync().unwrap();
    }
    assert_eq!(builder.sync().err(), Some(ProgramError::TooLong));
    assert_eq!(builder.finish().unwrap().words().len(), MAX_WORDS);

    let mut builder = ProgramBuilder::new();
    for value in 0..MAX_CONSTANTS as u64 {
        assert_eq!(builder.constant(value), Ok(value as u8));
    }
    assert_eq!(builder.constant(7), Ok(7));
    assert_eq!(builder.constant(1000), Err(ProgramError::TooManyConstants));
    assert_eq!(
        Program::from_words(&vec![13 << 27; MAX_WORDS + 1], &[]).err(),
        Some(ProgramError::TooLong)
    );
}

#[test]
fn a_constant_that_is_not_shipped_is_refused() {
    let mut builder = ProgramBuilder::new();
    builder.constant(1).unwrap();
    builder.mul_constant(0, 0, 0, 1).unwrap();
    assert_eq!(
        builder.finish().err(),
        Some(ProgramError::Constant {
            pc: 0,
            index: 1,
            constants: 1
        })
    );
}

#[test]
fn operands_stay_slots_of_the_machine_in_every_iteration() {
    let program = |count, stride| {
        let mut builder = ProgramBuilder::new();
        let increment = Increment {
            a: true,
            b: false,
            stride,
        };
        builder
            .repeat(count, increment, |body| {
                body.repeat(2, Increment::A, |body| body.store(1))
            })
            .unwrap();
        builder.finish()
    };
    // 1 + 4·3 + 1 = 14.
    let legal = program(5, 3).unwrap();
    let geometry = |slots| Geometry::new(10, 8, slots).unwrap();
    assert_eq!(validate(&legal, &geometry(15), 1), Ok(()));
    assert_eq!(
        validate(&legal, &geometry(14), 1),
        Err(ProgramError::Slot {
            pc: 2,
            slot: 14,
            slots: 14
        })
    );
    // 1 + 4·31 + 1 = 126 is the last slot that can be named.
    assert!(program(5, 31).is_ok());
    assert_eq!(
        program(6, 31).err(),
        Some(ProgramError::Slot {
            pc: 2,
            slot: 157,
            slots: 127
        })
    );
}

#[test]
fn an_automorphism_never_reads_its_destination() {
    let program = |dst, outer, inner| {
        let mut builder = ProgramBuilder::new();
        let increment = Increment {
            a: true,
            b: false,
            stride: 5,
        };
        builder
            .repeat(outer, increment, |body| {
                body.repeat(
                    inner,
                    Increment {
                        stride: 2,
                        ..Increment::A
                    },
                    |body| body.automorphism(dst, 1, 3),
                )
            })
            .unwrap();
        builder.finish()
    };
    // a takes 1, 3, 5 and 6, 8, 10.
    for dst in 0..20 {
        if dst == 1 {
            continue;
        }
        let reached = [3, 5, 6, 8, 10].contains(&dst);
        let error = reached.then_some(ProgramError::InPlaceAutomorphism { pc: 2 });
        assert_eq!(program(dst, 2, 3).err(), error, "dst {dst}");
    }
}

#[test]
fn limbs_and_galois_elements_are_those_of_the_machine() {
    let geometry = |log_n| Geometry::new(log_n, 8, 4).unwrap();
    let mut builder = ProgramBuilder::new();
    builder.reduce(0, 0, 0, 3).unwrap();
    let program = builder.finish().unwrap();
    assert_eq!(validate(&program, &geometry(10), 4), Ok(()));
    assert_eq!(
        validate(&program, &geometry(10), 3),
        Err(ProgramError::Limb {
            pc: 0,
            limb: 3,
            limbs: 3
        })
    );

    let mut builder = ProgramBuilder::new();
    builder.automorphism(0, 1, 2 * 1024 + 1).unwrap();
    let program = builder.finish().unwrap();
    assert_eq!(validate(&program, &geometry(11), 1), Ok(()));
    for (log_n, n) in [(10, 1024), (14, 16384)] {
        assert_eq!(
            validate(&program, &geometry(log_n), 1),
            Err(ProgramError::Galois {
                pc: 0,
                element: 2049,
                n
            })
        );
    }
}

/// A loop nest as a tree, to execute loops in the way their definition says.
#[derive(Clone, Debug)]
enum Block {
    Store(u8),
    Add(u8, u8),
    Stream(u8),
    Loop(u16, Increment, Vec<Block>),
}

fn emit<'b>(
    builder: &'b mut ProgramBuilder,
    blocks: &[Block],
) -> Result<&'b mut ProgramBuilder, ProgramError> {
    for block in blocks {
        match block {
            Block::Store(a) => builder.store(*a)?,
            Block::Add(a, b) => builder.add(0, 0, *a, *b)?,
            Block::Stream(b) => builder.mac(0, 0, STREAM, *b)?,
            Block::Loop(count, increment, body) => {
                builder.repeat(*count, *increment, |inner| emit(inner, body))?
            }
        };
    }
    Ok(builder)
}

fn unroll(blocks: &[Block], by_a: u8, by_b: u8, out: &mut Vec<(u8, u8)>) {
    for block in blocks {
        match block {
            Block::Store(a) => out.push((a + by_a, 0)),
            Block::Add(a, b) => out.push((a + by_a, b + by_b)),
            Block::Stream(b) => out.push((STREAM, b + by_b)),
            Block::Loop(count, increment, body) => {
                out.push((0, 0));
                for t in 0..*count as u8 {
                    let offset = |moves| if moves { t * increment.stride } else { 0 };
                    unroll(
                        body,
                        by_a + offset(increment.a),
                        by_b + offset(increment.b),
                        out,
                    );
                }
            }
        }
    }
}

fn leaf() -> impl Strategy<Value = Block> {
    prop_oneof![
        (0u8..20).prop_map(Block::Store),
        (0u8..20, 0u8..20).prop_map(|(a, b)| Block::Add(a, b)),
        (0u8..20).prop_map(Block::Stream),
    ]
}

fn looped(inner: impl Strategy<Value = Block> + 'static) -> impl Strategy<Value = Block> {
    (
        1u16..6,
        any::<(bool, bool)>(),
        1u8..6,
        prop::collection::vec(inner, 1..5),
    )
        .prop_map(|(count, (a, b), stride, body)| {
            Block::Loop(
                count,
                Increment {
                    a,
                    b,
                    stride: if a || b { stride } else { 0 },
                },
                body,
            )
        })
}

proptest! {
    #[test]
    fn the_sequencer_unrolls_loops_and_cycles_count_what_it_executes(
        blocks in prop::collection::vec(prop_oneof![leaf(), looped(prop_oneof![leaf(), looped(leaf())])], 0..6),
        butterflies in prop::sample::select(vec![1u32, 2, 4, 8]),
    ) {
        let mut builder = ProgramBuilder::new();
        emit(&mut builder, &blocks).unwrap();
        let program = builder.finish().unwrap();
        let mut expected = Vec::new();
        unroll(&blocks, 0, 0, &mut expected);
        expected.push((0, 0)); // HALT
        let numbers = |step: &Step| match step.instruction {
            Instruction::Store { a } => (a.value(), 0),
            Instruction::Pointwise { a, b, .. } => (a.number(), b.number()),
            _ => (0, 0),
        };
        let steps: Vec<Step> = Sequencer::new(&program).collect();
        prop_assert_eq!(steps.iter().map(numbers).collect::<Vec<_>>(), expected);

        let geometry = Geometry::new(11, butterflies, 100).unwrap();
        let walked: u64 = steps.iter().map(|step| instruction_cycles(&step.instruction, &geometry)).sum();
        prop_assert_eq!(cycles(&program, &geometry), walked);
        // The highest slot that validation finds is the highest that execution touches.
        let touched = |s: &Step| s.instruction.slot_a().max(s.instruction.slot_b()).max(s.instruction.destination());
        if let Some(highest) = steps.iter().filter_map(touched).max() {
            let slots = u32::from(highest.value()) + 1;
            prop_assert!(validate(&program, &Geometry::new(11, 1, slots.max(2)).unwrap(), 1).is_ok());
            if slots > 2 {
                prop_assert!(validate(&program, &Geometry::new(11, 1, slots - 1).unwrap(), 1).is_err());
            }
        }
    }
}

#[test]
fn cycles_of_the_default_machine_stay_in_the_hardware_budget() {
    let slot = Slot::new(0).unwrap();
    let limb = Limb::new(0).unwrap();
    let transform = Instruction::Ntt {
        limb,
        dst: slot,
        a: slot,
    };
    for butterflies in [1, 2, 4, 8] {
        let geometry = Geometry::new(12, butterflies, 16).unwrap();
        let count = instruction_cycles(&transform, &geometry);
        let work = 24_576 / u64::from(butterflies);
        assert!(
            count >= work && count <= work + 60,
            "B = {butterflies}: {count}"
        );
    }
    let default = |instruction| instruction_cycles(&instruction, &Geometry::DEFAULT);
    assert_eq!(default(transform), 3072 + 36);
    let pointwise = |b| Instruction::Pointwise {
        op: PointwiseOp::Mac,
        limb,
        dst: slot,
        a: Operand::Slot(slot),
        b,
    };
    assert_eq!(default(pointwise(Operand::Slot(slot))), 512 + 36);
    assert_eq!(default(pointwise(Operand::Stream)), 512 + 38);
    assert_eq!(default(Instruction::Store { a: slot }), 4096 + 36);
    assert_eq!(default(Instruction::Load { limb, dst: slot }), 4096 + 37);
    let (a, galois) = (slot, Galois::new(1).unwrap());
    assert_eq!(
        default(Instruction::Automorphism {
            dst: slot,
            a,
            galois
        }),
        256 + 35
    );
    assert_eq!(default(Instruction::Sync), 6);
}
