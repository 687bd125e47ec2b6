//! The cells' latencies, one settling of the circuit a cycle.

use rust_hdl::core::prelude::*;

use super::{Delay, Multiplier18, Ram, Register, RegisterFile};
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
