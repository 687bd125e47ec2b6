//! Single words: what is legal, and what it encodes.

use proptest::prelude::*;

use crate::isa::*;

fn assert_legal_or_refused(word: u32) -> bool {
    match Instruction::decode(word) {
        Ok(instruction) => {
            assert_eq!(instruction.encode(), word, "{instruction:?}");
            true
        }
        Err(_) => false,
    }
}

/// Field values that are likely to matter: ends of ranges, single bits.
const SLOTS: [u32; 11] = [0, 1, 2, 4, 8, 15, 16, 64, 125, 126, 127];

#[test]
fn every_op_flag_and_limb_with_sampled_fields_round_trips_or_is_refused() {
    let mut legal = [0u32; 32];
    for op in 0..32 {
        for (limb, flags) in (0..16).flat_map(|limb| (0..4).map(move |flags| (limb, flags))) {
            for dst in SLOTS {
                for a in SLOTS {
                    for b in SLOTS {
                        let word = op << 27 | limb << 23 | dst << 16 | a << 9 | b << 2 | flags;
                        legal[op as usize] += u32::from(assert_legal_or_refused(word));
                    }
                }
            }
        }
    }
    // Counted by hand from the table: 16 limbs, 10 slots below 127, 6 source limbs below 16.
    let expected = |op: usize| match op {
        1 => 16 * 10 * 2,
        2 => 10,
        3 | 4 => 16 * 10 * 10,
        5..=8 => 16 * 10 * (11 * 11 - 1),
        9 => 16 * 10 * 10 * 11,
        10 => 16 * 4 * 11 * 10 * 9,
        11 => 16 * 10 * 10 * 6,
        13 | 14 => 1,
        _ => 0,
    };
    for op in (0..32).filter(|&op| op != 12) {
        assert_eq!(legal[op], expected(op), "op {op}");
    }
}

#[test]
fn every_loop_word_round_trips_or_is_refused() {
    let legal = (0..1 << 27)
        .step_by(7)
        .filter(|low| assert_legal_or_refused(12 << 27 | low))
        .count();
    assert!(legal > 0);
    // Exhaustive over the fields that interact, and over the ends of the others.
    let mut legal = 0;
    for count in [0, 1, 2, 4094, 4095] {
        for body in [0, 1, 255] {
            for low in 0..128 {
                legal += u32::from(assert_legal_or_refused(
                    12 << 27 | count << 15 | body << 7 | low,
                ));
            }
        }
    }
    assert_eq!(legal, 4 * 2 * (3 * 31 + 1));
}

#[test]
fn blank_memory_is_illegal() {
    assert_eq!(Instruction::decode(0), Err(IsaError::Opcode { op: 0 }));
    assert_eq!(
        Instruction::decode(u32::MAX),
        Err(IsaError::Field {
            field: "slot",
            value: 127,
            least: 0,
            greatest: 126
        })
    );
    assert!(Instruction::decode(31 << 27).is_err());
}

#[test]
fn encodings_are_the_documented_ones() {
    let slot = |n| Slot::new(n).unwrap();
    let limb = |n| Limb::new(n).unwrap();
    let mac = Instruction::Pointwise {
        op: PointwiseOp::Mac,
        limb: limb(2),
        dst: slot(5),
        a: Operand::Slot(slot(1)),
        b: Operand::Stream,
    };
    assert_eq!(
        mac.encode(),
        6 << 27 | 2 << 23 | 5 << 16 | 1 << 9 | 127 << 2
    );
    let aut = Instruction::Automorphism {
        dst: slot(3),
        a: slot(4),
        galois: Galois::new(0b1010 << 9 | 51 << 2 | 0b01).unwrap(),
    };
    assert_eq!(
        aut.encode(),
        10 << 27 | 0b1010 << 23 | 3 << 16 | 4 << 9 | 51 << 2 | 0b01
    );
    let l = Loop::new(
        100,
        7,
        Increment {
            a: false,
            b: true,
            stride: 3,
        },
    )
    .unwrap();
    assert_eq!(
        Instruction::Loop(l).encode(),
        12 << 27 | 100 << 15 | 7 << 7 | 3 << 2 | 0b10
    );
    assert_eq!(
        std::format!("{mac}; {aut}"),
        "MAC.2 5, 1, stream; AUT 3, 4, X^10651"
    );
}

#[test]
fn operands_that_contradict_each_other_are_refused() {
    let mut builder = ProgramBuilder::new();
    assert_eq!(
        builder.mul(0, 1, STREAM, STREAM).err(),
        Some(ProgramError::Word {
            pc: 0,
            source: IsaError::TwoStreams
        })
    );
    let source = IsaError::InPlaceAutomorphism { slot: 1 };
    assert_eq!(
        builder.automorphism(1, 1, 5).err(),
        Some(ProgramError::Word { pc: 0, source })
    );
    assert!(builder.automorphism(0, 1, 4).is_err());
    assert!(builder.automorphism(0, 1, 16385).is_err());
    assert!(builder.load(0, STREAM).is_err());
    assert!(builder.load(16, 0).is_err());
    assert!(builder.is_empty());
}

#[test]
fn every_kind_of_instruction_is_read_as_it_is_written() {
    for text in [
        "LD.0 1",
        "LD.3 126, int8",
        "ST 3",
        "NTT.0 1, 2",
        "INTT.15 2, 2",
        "MUL.2 5, stream, 1",
        "MAC.2 5, 1, stream",
        "ADD.0 0, 1, 2",
        "SUB.0 0, 1, 2",
        "MULI.1 0, 1, #127",
        "AUT 3, 4, X^10651",
        "RED.1 0, 2, from 2",
        "LOOP 4095, next 255",
        "LOOP 1, next 1, a += 1",
        "LOOP 2, next 3, b += 31",
        "LOOP 2, next 3, a and b += 5",
        "SYNC",
        "HALT",
    ] {
        let instruction: Instruction = text
            .parse()
            .unwrap_or_else(|error| panic!("{text}: {error}"));
        assert_eq!(std::format!("{instruction}"), text);
        let spaced = std::format!("  {}\t", text.replace(", ", " ,  "));
        assert_eq!(spaced.parse(), Ok(instruction), "{spaced}");
    }
    for (text, error) in [
        ("", AssemblyError::Name),
        ("NOP", AssemblyError::Name),
        ("MUL 0, 1, 2", AssemblyError::Name),
        ("ST.0 1", AssemblyError::Name),
        ("NTT.x 0, 0", AssemblyError::Name),
        ("NTT.0 0", AssemblyError::Operand { expected: "a slot" }),
        (
            "NTT.0 0, stream",
            AssemblyError::Operand { expected: "a slot" },
        ),
        ("NTT.0 0, 0, 0", AssemblyError::Excess),
        ("LD.0 0, int9", AssemblyError::Excess),
        (
            "AUT 0, 1, X^4",
            AssemblyError::Operand {
                expected: "X^g, g odd",
            },
        ),
        (
            "AUT 1, 1, X^5",
            AssemblyError::Field(IsaError::InPlaceAutomorphism { slot: 1 }),
        ),
        (
            "MUL.0 0, stream, stream",
            AssemblyError::Field(IsaError::TwoStreams),
        ),
        (
            "LOOP 2, next 1, a += 0",
            AssemblyError::Field(IsaError::Stride { stride: 0 }),
        ),
    ] {
        assert_eq!(text.parse::<Instruction>(), Err(error), "{text}");
    }
    assert!(matches!(
        "ST 127".parse::<Instruction>(),
        Err(AssemblyError::Field(_))
    ));
    assert!(matches!(
        "NTT.16 0, 0".parse::<Instruction>(),
        Err(AssemblyError::Field(_))
    ));
}

proptest! {
    #[test]
    fn any_legal_word_is_read_as_it_is_written(word: u32, op in 1u32..15) {
        let word = word & 0x07ff_ffff | op << 27;
        // Fields that an instruction does not use are zero.
        for word in [word, word & !(0xf << 23 | 0x7f << 16), word & !0x1ff, word & !0x3, 0x1f << 27 & word] {
            if let Ok(instruction) = Instruction::decode(word) {
                prop_assert_eq!(std::format!("{instruction}").parse(), Ok(instruction));
            }
        }
    }

    #[test]
    fn any_word_round_trips_or_is_refused(word: u32) {
        assert_legal_or_refused(word);
    }
}
