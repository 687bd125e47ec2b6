//! Random programs: words of every kind, loops of every form, tags mostly right.

use addax_core::isa::{Increment, Instruction, Loop, PointwiseOp, STREAM, Slot, encoding};
use addax_core::isa::{Limb, Program, ProgramBuilder, ProgramError};
use addax_core::machine::Tags;

use super::walk::{Memory, Walk};
use super::{Random, shape};

/// 36-bit primes q = qh·2^18 + 1 of 35 bits are wanted by the arithmetic; to the control any qh will do, and these
/// differ in sign of their differences and in their low bits.
const QH: [u64; 3] = [0x1_0001, 0x1_ffff, 0x1_8000];

/// A memory with three limbs, the constants that matter, and nothing in its slots.
pub fn memory(random: &mut Random) -> Memory {
    let modulus = |qh: u64| (qh << 18) + 1;
    let limbs = QH
        .iter()
        .map(|&qh| {
            let one = match random.below(4) {
                0 => 1,
                1 => modulus(qh) - 1,
                // A low half of 0 or 1 decides the borrow.
                2 => (1 + random.below(qh - 1)) << 18 | random.below(2),
                _ => 1 + random.below(modulus(qh) - 1),
            };
            Some((qh, one))
        })
        .collect();
    let edges = QH.iter().flat_map(|&qh| {
        let q = modulus(qh);
        [q - 2, q - 1, q, q + 1, q - (1 << 18), q + (1 << 18) - 2]
    });
    let mut constants = vec![0, 1, (1 << 36) - 1];
    constants.extend(edges);
    constants.extend((0..8).map(|_| random.below(modulus(QH[0]))));
    Memory {
        shape: shape(),
        words: Vec::new(),
        constants,
        limbs,
        tags: Tags::default(),
    }
}

/// A legal word of any kind but `LOOP` and `HALT`, of slots that exist and mostly can be read.
pub fn word(random: &mut Random, memory: &Memory) -> u32 {
    loop {
        let op = 1 + random.below(13) as u32;
        if op == encoding::op::LOOP {
            continue;
        }
        let slots = memory.shape.slots() as u64;
        let limb = random.below(3) as u32;
        let slot = |random: &mut Random| {
            let first = random.below(slots);
            let tagged = |slot: &u64| {
                let slot = Slot::new(*slot as u8).expect("a slot");
                memory.tags.get(slot).map(Limb::value) == Some(limb as u8)
            };
            let mut candidates = (0..slots).map(|offset| (first + offset) % slots);
            candidates.find(tagged).unwrap_or(first) as u32
        };
        let [a, mut b, mut dst] = [slot(random), slot(random), random.below(slots) as u32];
        if op == encoding::op::MAC {
            dst = slot(random);
        }
        let mut a = a;
        if (encoding::op::MUL..=encoding::op::SUB).contains(&op) && random.chance(3) {
            *(if random.chance(2) { &mut a } else { &mut b }) = STREAM.into();
        }
        if op == encoding::op::MULI {
            b = random.below(memory.constants.len() as u64) as u32;
        }
        if op == encoding::op::RED {
            // a is under `limb`, which becomes the source.
            b = limb;
        }
        let mut limb = limb;
        let mut flags = 0;
        match op {
            encoding::op::LD => {
                (a, b) = (0, 0);
                flags = random.below(2) as u32;
            }
            encoding::op::ST => (limb, b, dst) = (0, 0, 0),
            encoding::op::NTT | encoding::op::INTT => b = 0,
            encoding::op::RED => limb = random.below(3) as u32,
            encoding::op::AUT => {
                let h = random.below(memory.shape.n() as u64) as u32;
                (limb, b, flags) = (h >> 9, h >> 2 & 0x7f, h & 3);
            }
            encoding::op::SYNC => (limb, a, b, dst) = (0, 0, 0, 0),
            _ => {}
        }
        let word = op << encoding::OP_SHIFT
            | limb << encoding::LIMB_SHIFT
            | dst << encoding::DST_SHIFT
            | a << encoding::A_SHIFT
            | b << encoding::B_SHIFT
            | flags;
        if Instruction::decode(word).is_ok() {
            return word;
        }
    }
}

fn block(
    random: &mut Random,
    memory: &Memory,
    builder: &mut ProgramBuilder,
    depth: u32,
) -> Result<(), ProgramError> {
    if depth > 0 && random.chance(3) {
        let count = match random.below(8) {
            0 => 1 + random.below(9) as u16,
            _ => 1 + random.below(4) as u16,
        };
        let [a, b] = [random.chance(2), random.chance(2)];
        let stride = if a || b { 1 + random.below(4) as u8 } else { 0 };
        let length = 1 + random.below(4);
        builder.repeat(count, Increment { a, b, stride }, |body| {
            for _ in 0..length {
                block(random, memory, body, depth - 1)?;
            }
            Ok(body)
        })?;
        return Ok(());
    }
    let word = word(random, memory);
    builder.push(Instruction::decode(word).expect("legal"))?;
    Ok(())
}

/// A program of at least `length` words that does not fault, with its constants.
pub fn sound(random: &mut Random, memory: &mut Memory, length: usize) -> Program {
    let tags = memory.tags.clone();
    let mut words: Vec<u32> = Vec::new();
    while words.len() < length {
        let mut builder = ProgramBuilder::new();
        let made = block(random, memory, &mut builder, 2);
        let mut trial = memory.clone();
        trial.words = builder.words().to_vec();
        trial.words.push(Instruction::Halt.encode());
        let legal = Program::from_words(&trial.words, &memory.constants).is_ok();
        let accepted = made.is_ok() && legal && Walk::new(&mut trial).run(2000).1.is_none();
        if accepted {
            words.extend(builder.words());
            memory.tags = trial.tags;
        } else {
            // A load always succeeds.
            let (limb, dst) = (random.below(3) as u8, random.below(12) as u8);
            let mut builder = ProgramBuilder::new();
            builder.load(limb, dst).expect("legal");
            words.extend(builder.words());
            memory
                .tags
                .set(Slot::new(dst).expect("slot"), Limb::new(limb).ok());
        }
    }
    words.push(Instruction::Halt.encode());
    memory.tags = tags;
    memory.words = words;
    Program::from_words(&memory.words, &memory.constants).expect("made of legal blocks")
}

/// Words of a program that may do anything: run into faults, nest wrongly, end nowhere. Slots are loaded first, all but
/// some, so that the first words succeed.
pub fn wild(random: &mut Random, memory: &mut Memory, length: usize) {
    let tags = memory.tags.clone();
    memory.words.clear();
    for slot in 0..12u8 {
        if random.chance(12) {
            continue;
        }
        let limb = u8::from(random.chance(6));
        let mut builder = ProgramBuilder::new();
        builder.load(limb, slot).expect("legal");
        memory.words.extend(builder.words());
        memory
            .tags
            .set(Slot::new(slot).expect("slot"), Limb::new(limb).ok());
    }
    for _ in 0..length {
        let word = match random.below(16) {
            0..=2 => {
                let [a, b] = [random.chance(3), random.chance(3)];
                let stride = if a || b { 1 + random.below(3) as u8 } else { 0 };
                let (count, body) = (1 + random.below(3) as u16, 1 + random.below(5) as u8);
                let fields = Loop::new(count, body, Increment { a, b, stride });
                Instruction::Loop(fields.expect("legal")).encode()
            }
            3 => word(random, memory) ^ 1 << random.below(32),
            _ => word(random, memory),
        };
        memory.words.push(word);
        // Tags as they would be without loops.
        if let Ok(instruction) = Instruction::decode(word)
            && let Ok(limb) = memory.tags.check(&instruction)
            && let Some(dst) = instruction.destination()
        {
            memory.tags.set(dst, limb);
        }
    }
    memory.words.push(Instruction::Halt.encode());
    memory.tags = tags;
}

/// The operation of a pointwise instruction.
pub fn operation(instruction: &Instruction) -> Option<PointwiseOp> {
    match instruction {
        Instruction::Pointwise { op, .. } => Some(*op),
        _ => None,
    }
}
