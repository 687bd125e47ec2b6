//! Words that no program contains, and what a machine with a clock must do with them: stop in an error that names the
//! word and stays until it is cleared, and leave every slot as it was.

use addax_core::isa::{
    Geometry, Increment, Instruction, Loop, MAX_WORDS, Program, ProgramBuilder, ProgramError,
};
use addax_core::machine::{EmptySource, NullSink, RingProcessor};

use super::cases::Pattern;
use super::compare::Comparison;
use super::{Difference, Subject};
use crate::random::Random;
use crate::{Basis, ErrorCode};

/// Words that end in an error.
struct Illegal {
    words: Vec<u32>,
    code: ErrorCode,
    /// Place and value, increments added, of the word at fault.
    at: Option<(u16, u32)>,
    /// What is executed before and changes slots.
    executed: Vec<u32>,
}

/// Runs illegal words of every kind on the machine and compares its slots with those of the reference, which does not see
/// them. `random` adds words. Returns how many were tried.
pub fn check(
    comparison: &mut Comparison<'_, '_>,
    basis: &Basis,
    random: &mut Random,
    random_words: usize,
) -> Result<u64, Difference> {
    let geometry = comparison.geometry();
    let q = basis.modulus(0).value();
    comparison.reset()?;
    for slot in [0, 1] {
        let words = Pattern::Random {
            seed: random.next(),
        }
        .polynomial(q, geometry.n());
        comparison.subject().machine().load(slot, 0, &words)?;
        comparison.reference().load(slot, 0, &words)?;
    }
    let mut tried = 0;
    for group in groups(&geometry, basis.limbs(), random, random_words) {
        for illegal in &group {
            provoke(comparison, illegal)?;
            let executed = [&illegal.executed[..], &[Instruction::Halt.encode()]].concat();
            let executed = Program::from_words(&executed, &[]).expect("legal words");
            comparison
                .reference()
                .run(&executed, &mut EmptySource, &mut NullSink)?;
            tried += 1;
        }
        comparison.compare_slots("after illegal words")?;
        // And it works.
        let mut builder = ProgramBuilder::new();
        let program = builder
            .add(0, 1, 1, 0)
            .and_then(|builder| builder.ntt(0, 0, 1))
            .and_then(|builder| builder.clone().finish())
            .expect("a legal program");
        comparison
            .reference()
            .run(&program, &mut EmptySource, &mut NullSink)?;
        let machine = comparison.subject().machine();
        machine.run(&program, &mut EmptySource, &mut NullSink)?;
        comparison.compare_slots("a program after illegal words")?;
    }
    Ok(tried)
}

/// Runs illegal words and checks that the error is the right one, stays, and can be cleared.
fn provoke(comparison: &mut Comparison<'_, '_>, illegal: &Illegal) -> Result<(), Difference> {
    let Subject::Clocked(machine) = comparison.subject() else {
        return Ok(());
    };
    let listed: Vec<String> = illegal.words.iter().map(|w| format!("{w:08x}")).collect();
    let differ = |expected: String, found: String| Difference::Outcome {
        program: format!("illegal words {}", listed.join(" ")),
        expected,
        found,
    };
    let expected = match illegal.at {
        Some((place, word)) => format!("{} at word {place} ({word:#010x})", illegal.code),
        None => illegal.code.to_string(),
    };
    let found = machine.run_words(&illegal.words)?;
    let right = found.is_some_and(|error| {
        error.code == illegal.code
            && illegal
                .at
                .is_none_or(|(place, word)| (error.place, error.word) == (place, word))
    });
    if !right {
        let found = found.map_or("no error".to_owned(), |error| error.to_string());
        return Err(differ(expected, found));
    }
    if machine.start_again()? {
        return Err(differ(
            "a machine that does not start while an error stands".to_owned(),
            "one that ran".to_owned(),
        ));
    }
    let stayed = machine.standing_error()?;
    if stayed != found {
        let stayed = stayed.map_or("no error".to_owned(), |error| error.to_string());
        return Err(differ(format!("{expected}, still"), stayed));
    }
    machine.clear_error()?;
    match machine.standing_error()? {
        None => Ok(()),
        Some(error) => Err(differ("a cleared error".to_owned(), error.to_string())),
    }
}

/// One legal word of each kind, as `ProgramBuilder` makes them, that reads nothing but slot 0 under limb 0.
fn legal_words() -> Vec<u32> {
    let mut builder = ProgramBuilder::new();
    let write = |p: &mut ProgramBuilder| {
        p.load(0, 1)?
            .load_weights(0, 1)?
            .store(0)?
            .ntt(0, 1, 0)?
            .intt(0, 1, 0)?
            .mul(0, 1, 0, 0)?
            .mac(0, 1, 0, 0)?
            .add(0, 1, 0, 0)?
            .sub(0, 1, 0, 0)?
            .mul_constant(0, 1, 0, 0)?
            .automorphism(1, 0, 3)?
            .reduce(0, 1, 0, 0)?
            .sync()
            .map(drop)
    };
    write(&mut builder).expect("legal words");
    let mut words = builder.words().to_vec();
    words.push(Instruction::Halt.encode());
    let once = Loop::new(1, 1, Increment::NONE).expect("a legal loop");
    words.push(Instruction::Loop(once).encode());
    words
}

/// Whether a machine of this size must refuse a word by itself.
fn is_illegal(word: u32, geometry: &Geometry, limbs: usize) -> bool {
    let Ok(instruction) = Instruction::decode(word) else {
        return true;
    };
    let slots = [
        instruction.slot_a(),
        instruction.slot_b(),
        instruction.destination(),
    ];
    let limb_fields = [instruction.limb(), instruction.source_limb()];
    slots
        .into_iter()
        .flatten()
        .any(|slot| slot.index() >= geometry.slots())
        || limb_fields
            .into_iter()
            .flatten()
            .any(|limb| limb.index() >= limbs)
}

fn groups(
    geometry: &Geometry,
    limbs: usize,
    random: &mut Random,
    random_words: usize,
) -> Vec<Vec<Illegal>> {
    // What follows the word at fault would destroy slot 0.
    let mut damage = ProgramBuilder::new();
    damage.sub(0, 0, 0, 0).expect("a legal word");
    let damage = damage.words()[0];
    let halt = Instruction::Halt.encode();
    let sync = Instruction::Sync.encode();
    let single = |word: u32| Illegal {
        words: vec![sync, word, damage, halt],
        code: ErrorCode::IllegalWord,
        at: Some((1, word)),
        executed: vec![],
    };
    let mut groups = Vec::new();
    for legal in legal_words() {
        let flipped = (0..32).map(|bit| legal ^ 1 << bit);
        groups.push(
            flipped
                .chain([legal | 0x07ff_ffff])
                .filter(|&word| is_illegal(word, geometry, limbs))
                .map(single)
                .collect(),
        );
    }
    groups.push(
        (0..32)
            .map(|op| op << 27)
            .chain([u32::MAX])
            .filter(|&word| is_illegal(word, geometry, limbs))
            .map(single)
            .collect(),
    );
    let mut drawn = Vec::new();
    while drawn.len() < random_words {
        let word = random.next() as u32;
        if is_illegal(word, geometry, limbs) {
            drawn.push(single(word));
        }
    }
    groups.push(drawn);
    groups.push(structures(geometry, damage));
    groups
}

/// Words that are legal alone and become illegal where they stand.
fn structures(geometry: &Geometry, damage: u32) -> Vec<Illegal> {
    let halt = Instruction::Halt.encode();
    let sync = Instruction::Sync.encode();
    let word = |write: &dyn Fn(&mut ProgramBuilder) -> Result<(), ProgramError>| {
        let mut builder = ProgramBuilder::new();
        write(&mut builder).expect("a legal word");
        builder.words()[0]
    };
    let repeat = |count, body, stride| {
        let increment = Increment {
            a: stride > 0,
            b: false,
            stride,
        };
        Instruction::Loop(Loop::new(count, body, increment).expect("a legal loop")).encode()
    };
    let innermost = repeat(2, 1, 0);
    let nested = vec![
        repeat(2, 3, 0),
        repeat(2, 2, 0),
        innermost,
        sync,
        damage,
        halt,
    ];
    let mut found = vec![
        Illegal {
            words: nested,
            code: ErrorCode::IllegalWord,
            at: Some((2, innermost)),
            executed: vec![],
        },
        Illegal {
            words: vec![sync; MAX_WORDS],
            code: ErrorCode::NoHalt,
            at: None,
            executed: vec![],
        },
    ];
    // The second iteration reads the destination.
    let automorphism = |a| word(&|p| p.automorphism(1, a, 5).map(drop));
    found.push(Illegal {
        words: vec![repeat(2, 1, 1), automorphism(0), damage, halt],
        code: ErrorCode::IllegalWord,
        at: Some((1, automorphism(0) + (automorphism(2) - automorphism(0)) / 2)),
        executed: vec![automorphism(0)],
    });
    // The second iteration reads past the last slot.
    let slots = geometry.slots() as u8;
    if slots <= 31 {
        let store = |a| word(&|p| p.store(a).map(drop));
        found.push(Illegal {
            words: vec![repeat(2, 1, slots), store(0), damage, halt],
            code: ErrorCode::IllegalWord,
            at: Some((1, store(slots))),
            executed: vec![],
        });
    }
    found
}
