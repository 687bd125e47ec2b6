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

proptest! {
    #[test]
    fn any_word_round_trips_or_is_refused(word: u32) {
        assert_legal_or_refused(word);
    }
}
