//! The decoder accepts exactly the legal words and says what they are.

use addax_core::isa::{Instruction, Operand, PointwiseOp};
use proptest::prelude::*;
use rust_hdl::core::prelude::*;

use super::{programs, settle};
use crate::control::Decoder;
use crate::control::tests::Random;
use crate::word::Word;

fn decoder() -> Decoder {
    let mut decoder = Decoder::default();
    decoder.connect_all();
    decoder
}

/// Whether the word is legal, after everything was compared.
fn check(decoder: &mut Decoder, word: u32) -> bool {
    decoder.word.next = Word::new(word.into());
    settle(decoder);
    let decoded = Instruction::decode(word);
    assert_eq!(decoder.legal.val(), decoded.is_ok(), "{word:#010x}");
    let Ok(instruction) = decoded else {
        return false;
    };
    let streams = match instruction {
        Instruction::Pointwise { a, b, .. } => [a == Operand::Stream, b == Operand::Stream],
        _ => [false; 2],
    };
    let operation = programs::operation(&instruction);
    let expected = [
        instruction.slot_a().is_some(),
        instruction.slot_b().is_some(),
        operation == Some(PointwiseOp::Mac),
        instruction.destination().is_some(),
        streams[0],
        streams[1],
        instruction.limb().is_some(),
        matches!(
            instruction,
            Instruction::Ntt { .. } | Instruction::Intt { .. }
        ),
        operation == Some(PointwiseOp::Sub),
        matches!(instruction, Instruction::MulConstant { .. }),
        matches!(instruction, Instruction::Automorphism { .. }),
        instruction.source_limb().is_some(),
        matches!(instruction, Instruction::Loop(_)),
        instruction == Instruction::Sync,
        instruction == Instruction::Halt,
    ];
    let found = [
        decoder.reads_a.val(),
        decoder.reads_b.val(),
        decoder.reads_dst.val(),
        decoder.writes.val(),
        decoder.stream_a.val(),
        decoder.stream_b.val(),
        decoder.has_limb.val(),
        decoder.transform.val(),
        decoder.subtract.val(),
        decoder.multiply_constant.val(),
        decoder.automorphism.val(),
        decoder.reduce.val(),
        decoder.begins_loop.val(),
        decoder.sync.val(),
        decoder.halt.val(),
    ];
    assert_eq!(found, expected, "{word:#010x} {instruction:?}");
    true
}

#[test]
fn every_op_and_flag_with_fields_at_their_edges() {
    let mut decoder = decoder();
    let slots = [0, 1, 15, 16, 126, 127];
    let mut legal = 0;
    for op in 0..32u32 {
        for (limb, flags) in [0, 1, 15]
            .into_iter()
            .flat_map(|limb| (0..4).map(move |flags| (limb, flags)))
        {
            for (dst, a) in slots.into_iter().flat_map(|dst| slots.map(|a| (dst, a))) {
                for b in slots {
                    let word = op << 27 | limb << 23 | dst << 16 | a << 9 | b << 2 | flags;
                    legal += u32::from(check(&mut decoder, word));
                }
            }
        }
    }
    assert!(legal > 3000, "{legal}");
}

#[test]
fn every_bit_alone_below_every_op() {
    let mut decoder = decoder();
    for op in 0..32u32 {
        for bit in 0..27 {
            check(&mut decoder, op << 27 | 1 << bit);
            check(&mut decoder, op << 27 | (0x7ff_ffff ^ 1 << bit));
        }
    }
}

#[test]
fn loops_at_the_edges_of_their_fields() {
    let mut decoder = decoder();
    for count in [0, 1, 2, 2048, 4095] {
        for body in [0, 1, 128, 255] {
            for low in 0..128u32 {
                check(&mut decoder, 12 << 27 | count << 15 | body << 7 | low);
            }
        }
    }
}

proptest! {
    #[test]
    fn random_words(words in prop::collection::vec(any::<u32>(), 64)) {
        let mut decoder = decoder();
        for word in words {
            check(&mut decoder, word);
        }
    }

    #[test]
    fn legal_words_with_flipped_bits(seed in any::<u64>(), flips in prop::collection::vec(0u32..32, 0..3)) {
        let mut random = Random::new(seed);
        let memory = programs::memory(&mut random);
        let mut decoder = decoder();
        for _ in 0..64 {
            let word = programs::word(&mut random, &memory);
            assert!(check(&mut decoder, word));
            let flipped = flips.iter().fold(word, |word, bit| word ^ 1 << bit);
            check(&mut decoder, flipped);
        }
    }
}
