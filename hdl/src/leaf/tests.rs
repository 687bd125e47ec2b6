//! The cells' latencies, one settling of the circuit a cycle.

use rust_hdl::core::prelude::*;

use super::*;
use crate::cosim::{CosimError, Cosimulation, Stimulus};
use crate::shape::Target;
use crate::word::Word;

/// Lets the inputs settle, gives one active edge, lets the outputs settle.
macro_rules! cycle {
    ($cell:expr) => {{
        settle(&mut $cell);
        $cell.clock.next = !$cell.clock.val();
        settle(&mut $cell);
    }};
}

fn settle<B: Block>(block: &mut B) {
    loop {
        block.update_all();
        if !block.has_changed() {
            break;
        }
    }
}

#[test]
fn a_ram_gives_the_word_two_cycles_after_its_address() {
    let mut ram = Ram::<Word<36>>::new(10, Target::Behavioural);
    for address in 0..10 {
        ram.poke(address, Word::new(100 + address as u64));
    }
    let mut seen = Vec::new();
    for address in 0..10 {
        ram.read_address.next = Word::new(address);
        cycle!(ram);
        seen.push(ram.read_data.val().value());
    }
    assert_eq!(seen, [0, 100, 101, 102, 103, 104, 105, 106, 107, 108]);
}

#[test]
fn a_ram_reads_the_old_word_where_it_writes_and_ignores_what_it_does_not_have() {
    let mut ram = Ram::<Word<36>>::new(10, Target::Behavioural);
    ram.poke(3, Word::new(7));
    ram.write.next = true;
    ram.write_address.next = Word::new(3);
    ram.write_data.next = Word::new(8);
    ram.read_address.next = Word::new(3);
    cycle!(ram);
    ram.write_address.next = Word::new(12);
    ram.read_address.next = Word::new(12);
    cycle!(ram);
    assert_eq!(ram.read_data.val().value(), 7);
    cycle!(ram);
    assert_eq!(ram.read_data.val().value(), 0);
    assert_eq!(ram.peek(3), Some(Word::new(8)));
    assert_eq!(ram.peek(12), None);
    // Bits above those of the depth are not looked at.
    ram.write_address.next = Word::new(0x1_0005);
    cycle!(ram);
    assert_eq!(ram.peek(5), Some(Word::new(8)));
}

#[test]
fn a_register_file_shows_a_word_in_the_cycle_after_its_writing() {
    let mut file = RegisterFile::<Word<8>>::new(16);
    file.write.next = true;
    file.write_address.next = Word::new(9);
    file.write_data.next = Word::new(77);
    file.read_address.next = Word::new(9);
    settle(&mut file);
    assert_eq!(file.read_data.val().value(), 0);
    cycle!(file);
    assert_eq!(file.read_data.val().value(), 77);
    file.read_address.next = Word::new(8);
    settle(&mut file);
    assert_eq!(file.read_data.val().value(), 0);
}

#[test]
fn a_product_comes_after_three_cycles_and_is_exact() {
    let mut multiplier = Multiplier18::new(Target::Behavioural);
    let top = (1 << 18) - 1;
    let factors = [(3, 5), (top, top), (0, top), (1 << 17, 2), (0, 0), (0, 0)];
    for (i, (a, b)) in factors.into_iter().enumerate() {
        multiplier.a.next = Word::new(a);
        multiplier.b.next = Word::new(b);
        cycle!(multiplier);
        let product = multiplier.product.val().value();
        let expected = if i < 2 {
            0
        } else {
            factors[i - 2].0 * factors[i - 2].1
        };
        assert_eq!(product, expected);
    }
}

#[test]
fn a_delay_line_and_a_register_hold_back_by_their_length() {
    for length in 0..5 {
        let mut line = Delay::<Word<5>>::new(length);
        for i in 0..20 {
            line.d.next = Word::new(i + 1);
            settle(&mut line);
            let expected = (i + 1).saturating_sub(length as u64);
            assert_eq!(line.q.val().value(), expected, "{length}");
            cycle!(line);
        }
    }
    let mut register = Register::<Bit>::default();
    register.d.next = true;
    settle(&mut register);
    assert!(!register.q.val());
    cycle!(register);
    assert!(register.q.val());
}

const TARGETS: [Target; 2] = [Target::Behavioural, Target::Ecp5];

/// Random stimulus for a memory with the two ports of `Ram` and `RegisterFile`, never reading beyond the depth or
/// where it writes.
macro_rules! drive_memory {
    ($name:expr, $memory:expr, $depth:expr) => {{
        let mut random = Stimulus::new($depth as u64);
        let mut bench =
            Cosimulation::with_models($name, $memory, |block| &mut block.clock, ECP5_MODELS)?;
        bench.run(20 * $depth.min(2000) + 200, |_, block| {
            let write = random.below($depth as u64);
            let mut read = random.below($depth as u64);
            if read == write {
                read = (read + 1) % $depth as u64;
            }
            block.write.next = random.bit();
            block.write_address.next = Word::new(write);
            block.write_data.next = random.word();
            block.read_address.next = Word::new(read);
        })
    }};
}

fn ram<const N: usize>(target: Target, depth: usize) -> Result<(), CosimError> {
    let name = format!("ram_{depth}");
    drive_memory!(&name, Ram::<Word<N>>::new(depth, target), depth)
}

#[test]
#[ignore = "needs verilator: cargo xtask test"]
fn the_verilog_of_block_rams_does_what_the_model_does() {
    for target in TARGETS {
        // All shapes of a block, full and not, and one memory of several blocks in depth.
        for depth in [2, 512, 700, 1548, 4096, 8000, 16384, 40000] {
            ram::<36>(target, depth).unwrap();
        }
        ram::<5>(target, 1000).unwrap();
    }
}

#[test]
#[ignore = "needs verilator: cargo xtask test"]
fn the_verilog_of_register_files_does_what_the_model_does() {
    let file = |depth: usize| -> Result<(), CosimError> {
        let name = format!("file_{depth}");
        drive_memory!(&name, RegisterFile::<Word<5>>::new(depth), depth)
    };
    for depth in [2, 10, 16, 128] {
        file(depth).unwrap();
    }
}

/// Runs a leaf and its Verilog with the given inputs at random in every cycle.
macro_rules! drive {
    ($name:literal, $leaf:expr, $($input:ident = $value:ident),+) => {{
        let mut random = Stimulus::new(1);
        let mut bench = Cosimulation::with_models(
            $name, $leaf, |block| &mut block.clock, ECP5_MODELS
        ).unwrap();
        bench.run(1000, |_, block| {
            $(block.$input.next = random.$value();)+
        }).unwrap();
    }};
}

#[test]
#[ignore = "needs verilator: cargo xtask test"]
fn the_verilog_of_multipliers_does_what_the_model_does() {
    for target in TARGETS {
        drive!("multiplier", Multiplier18::new(target), a = word, b = word);
        drive!(
            "signed_multiplier",
            Multiplier18::signed(target),
            a = word,
            b = word
        );
    }
}

#[test]
#[ignore = "needs verilator: cargo xtask test"]
fn the_verilog_of_registers_does_what_the_model_does() {
    for cycles in 0..4 {
        drive!("delay", Delay::<Word<36>>::new(cycles), d = word);
    }
    for cycles in [2, 3, 4, 13, 16, 17, 18] {
        for target in [Target::Behavioural, Target::Ecp5] {
            let delay = Delay::<Word<36>>::in_memory(cycles, target);
            drive!("long_delay", delay, d = word);
        }
    }
    drive!("register", Register::<Bit>::default(), d = bit);
    drive!(
        "masked_register",
        MaskedRegister::<Word<9>>::default(),
        d = word,
        keep = bit
    );
}

#[test]
#[ignore = "needs verilator: cargo xtask test"]
fn the_verilog_of_adders_does_what_the_model_does() {
    fn all<const N: usize>() {
        for target in TARGETS {
            drive!("adder", Adder::<N>::new(target), a = word, b = word);
            drive!(
                "subtractor",
                Subtractor::<N>::new(target),
                a = word,
                b = word
            );
            drive!(
                "carry_adder",
                CarryAdder::<N>::new(target),
                a = word,
                b = word,
                carry = bit
            );
            drive!(
                "masked_adder",
                MaskedAdder::<N>::new(target),
                a = word,
                b = word,
                select = bit,
                carry = bit
            );
            drive!(
                "either_adder",
                EitherAdder::<N>::new(target),
                a = word,
                b = word,
                first = bit,
                second = bit
            );
            drive!(
                "masked_subtractor",
                MaskedSubtractor::<N>::new(target),
                a = word,
                b = word,
                select = bit
            );
            drive!(
                "union_adder",
                UnionAdder::<N>::new(target),
                a = word,
                b = word,
                c = word,
                carry = bit
            );
            drive!(
                "union_subtractor",
                UnionSubtractor::<N>::new(target),
                a = word,
                b = word,
                c = word,
                carry = bit
            );
            drive!(
                "pair_adder",
                PairAdder::<N>::new(target),
                a = word,
                b = word,
                c = word,
                d = word,
                carry = bit
            );
            let mut random = Stimulus::new(1);
            let mut bench = Cosimulation::with_models(
                "choice_adder",
                ChoiceAdder::<N>::new(target),
                |block| &mut block.clock,
                ECP5_MODELS,
            )
            .unwrap();
            bench
                .run(1000, |_, block| {
                    let select = random.bit();
                    let a = random.word();
                    block.a.next = if select { a } else { Word::new(0) };
                    block.b.next = random.word();
                    block.c.next = random.word();
                    block.select.next = select;
                    block.carry.next = random.bit();
                })
                .unwrap();
        }
    }
    all::<17>();
    all::<36>();
}

#[test]
fn adders_give_their_formula_one_cycle_later() {
    let mut choice = ChoiceAdder::<8>::new(Target::Behavioural);
    choice.a.next = Word::new(7);
    choice.b.next = Word::new(9);
    choice.c.next = Word::new(5);
    choice.select.next = true;
    choice.carry.next = true;
    cycle!(choice);
    assert_eq!(choice.sum.val(), Word::new(254));
    choice.a.next = Word::new(0);
    choice.select.next = false;
    cycle!(choice);
    assert_eq!(choice.sum.val(), Word::new(6));
    let mut pair = PairAdder::<8>::new(Target::Behavioural);
    pair.a.next = Word::new(0xf0);
    pair.b.next = Word::new(0x0f);
    pair.d.next = Word::new(2);
    cycle!(pair);
    assert_eq!(pair.sum.val(), Word::new(1));
}

#[test]
fn the_signed_multiplier_takes_its_first_factor_in_twos_complement() {
    let mut multiplier = Multiplier18::signed(Target::Behavioural);
    multiplier.a.next = Word::new((1 << 18) - 3);
    multiplier.b.next = Word::new((1 << 18) - 1);
    for _ in 0..Multiplier18::LATENCY {
        cycle!(multiplier);
    }
    let expected = 3 * ((1u64 << 18) - 1);
    assert_eq!(multiplier.product.val(), Word::new(expected.wrapping_neg()));
}
