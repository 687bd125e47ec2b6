//! The cells' latencies, one settling of the circuit a cycle.

use rust_hdl::core::prelude::*;

use super::{Delay, Multiplier18, Ram, Register, RegisterFile};
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

/// Random stimulus for a memory with the two ports of `Ram` and `RegisterFile`, never reading beyond the depth or
/// where it writes.
macro_rules! drive_memory {
    ($name:expr, $memory:expr, $depth:expr) => {{
        let mut random = Stimulus::new($depth as u64);
        let mut bench = Cosimulation::new($name, $memory, |block| &mut block.clock)?;
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

fn ram(target: Target, depth: usize) -> Result<(), CosimError> {
    let name = format!("ram_{depth}");
    drive_memory!(&name, Ram::<Word<36>>::new(depth, target), depth)
}

fn multiplier(target: Target) -> Result<(), CosimError> {
    let mut random = Stimulus::new(1);
    let block = Multiplier18::new(target);
    let mut bench = Cosimulation::new("multiplier", block, |block| &mut block.clock)?;
    bench.run(1000, |_, block| {
        block.a.next = random.word();
        block.b.next = random.word();
    })
}

#[test]
#[ignore = "needs verilator: cargo xtask test"]
fn the_verilog_of_memories_does_what_the_model_does() {
    for depth in [2, 10, 512, 1548] {
        ram(Target::Behavioural, depth).unwrap();
    }
    let file = |depth: usize| -> Result<(), CosimError> {
        let name = format!("file_{depth}");
        drive_memory!(&name, RegisterFile::<Word<5>>::new(depth), depth)
    };
    for depth in [2, 10, 16, 128] {
        file(depth).unwrap();
    }
}

#[test]
#[ignore = "needs verilator: cargo xtask test"]
fn the_verilog_of_multipliers_and_registers_does_what_the_model_does() {
    multiplier(Target::Behavioural).unwrap();
    for cycles in 0..4 {
        let mut random = Stimulus::new(2);
        let block = Delay::<Word<36>>::new(cycles);
        let mut bench = Cosimulation::new("delay", block, |block| &mut block.clock).unwrap();
        bench
            .run(100, |_, block| block.d.next = random.word())
            .unwrap();
    }
    let mut random = Stimulus::new(3);
    let block = Register::<Bit>::default();
    let mut bench = Cosimulation::new("register", block, |block| &mut block.clock).unwrap();
    bench
        .run(100, |_, block| block.d.next = random.bit())
        .unwrap();
}
