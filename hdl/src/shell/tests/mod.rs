//! A driver speaks to a machine through each of the shells.
mod lines;
mod session;

use rust_hdl::core::prelude::*;

use super::{ByteMachine, SpiMachine, UartMachine, answer, request};
use crate::cosim::{CosimError, Cosimulation, Stimulus};
use crate::ports::{command, control, error, status};
use crate::word::Word;
use lines::{SpiLine, UartLine};
use session::{Session, command_bytes, shape, word_bytes};

/// Lets inputs settle, gives one active edge, lets outputs settle.
macro_rules! cycle {
    ($block:expr) => {{
        settle($block);
        $block.clock.next = !$block.clock.val();
        settle($block);
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

/// One byte, or none.
fn byte_cycle(machine: &mut ByteMachine, byte: Option<u8>, take: bool) -> Option<u8> {
    machine.byte_valid.next = byte.is_some();
    machine.byte_data.next = Word::new(u64::from(byte.unwrap_or(0x5a)));
    machine.answer_ready.next = take;
    settle(machine);
    let answer = (take && machine.answer_valid.val()).then(|| machine.answer.val().value() as u8);
    cycle!(machine);
    answer
}

fn ask(machine: &mut ByteMachine, bytes: &[u8], answers: usize) -> Vec<u8> {
    for &byte in bytes {
        assert_eq!(byte_cycle(machine, Some(byte), true), None);
    }
    let found: Vec<u8> = (0..20)
        .filter_map(|_| byte_cycle(machine, None, true))
        .collect();
    assert_eq!(found.len(), answers, "to {bytes:x?} comes {found:x?}");
    found
}

#[test]
fn a_program_is_loaded_run_and_read_in_bytes() {
    let mut machine = ByteMachine::new(&shape());
    machine.connect_all();
    let mut session = Session::new();
    let mut random = Stimulus::new(1);
    let mut bytes = Vec::new().into_iter();
    while !session.ended() {
        if let Some(request) = session.request() {
            bytes = request.into_iter();
        }
        let byte = if random.below(4) == 2 {
            None
        } else {
            bytes.next()
        };
        if let Some(answer) = byte_cycle(&mut machine, byte, random.bit()) {
            session.receive(answer);
        }
    }
    session.check();
}

#[test]
fn every_request_has_its_answer() {
    let mut machine = ByteMachine::new(&shape());
    machine.connect_all();
    let done = [answer::DONE];
    let not_now = [answer::NOT_NOW];
    // No output, no such requests, no request.
    assert_eq!(ask(&mut machine, &[request::OUTPUT], 1), not_now);
    for byte in (0..=u8::MAX).filter(|byte| byte >> 4 != 0) {
        let known = [
            request::WORD,
            request::BEAT,
            request::FORGET,
            request::OUTPUT,
            request::STATUS,
            request::NONE,
        ];
        if !known.contains(&byte) {
            assert_eq!(ask(&mut machine, &[byte], 1), [answer::UNKNOWN]);
        }
    }
    assert!(ask(&mut machine, &[request::NONE; 30], 0).is_empty());
    // One beat fits; it can be forgotten.
    let word = [&[request::WORD][..], &word_bytes(7)].concat();
    assert_eq!(ask(&mut machine, &word, 1), done);
    assert_eq!(ask(&mut machine, &word, 1), not_now);
    assert_eq!(ask(&mut machine, &[request::FORGET], 1), done);
    assert_eq!(ask(&mut machine, &word, 1), done);
    // An empty program: an error, during which a start is taken but does nothing.
    let start = command_bytes(command::CONTROL, control::START, 0);
    assert_eq!(ask(&mut machine, &start, 1), done);
    let state = ask(&mut machine, &[request::STATUS, status::STATE as u8], 6);
    assert_eq!(state, [1, 2, error::ILLEGAL as u8, 0, 0, 0]);
    // The shape, and a request that is broken off.
    ask(&mut machine, &start[..4], 0);
    machine.reset.next = true;
    byte_cycle(&mut machine, None, true);
    machine.reset.next = false;
    let shape = ask(&mut machine, &[request::STATUS, status::SHAPE as u8], 6);
    assert_eq!(shape, [1, 10, 2, 4, 1, 0]);
}

#[test]
fn the_next_request_may_come_before_the_answer_has_left() {
    let mut machine = ByteMachine::new(&shape());
    machine.connect_all();
    for address in [status::SHAPE, status::STATE] {
        for byte in [request::STATUS, address as u8] {
            byte_cycle(&mut machine, Some(byte), false);
        }
        for _ in 0..5 {
            byte_cycle(&mut machine, None, false);
        }
    }
    let answers: Vec<u8> = (0..30)
        .filter_map(|_| byte_cycle(&mut machine, None, true))
        .collect();
    assert_eq!(answers, [1, 10, 2, 4, 1, 0, 1, 0, 0, 0, 0, 0]);
}

#[test]
fn a_serial_line_carries_requests_at_any_speed() {
    for divisor in [2, 3, 5, 16] {
        let mut machine = UartMachine::new(&shape(), divisor);
        machine.connect_all();
        settle(&mut machine);
        let mut line = UartLine::new(divisor);
        for (bytes, expected) in [
            (
                &[request::STATUS, status::SHAPE as u8][..],
                &[1, 10, 2, 4, 1, 0][..],
            ),
            (&[0x77], &[answer::UNKNOWN]),
            (&[request::NONE, request::FORGET], &[answer::DONE]),
        ] {
            line.send(bytes);
            for _ in 0..120 * divisor {
                machine.rx.next = line.cycle(machine.tx.val());
                cycle!(&mut machine);
            }
            assert_eq!(line.received(), expected, "{divisor} cycles a bit");
        }
    }
}

#[test]
fn a_byte_without_stop_bit_and_a_short_pulse_are_no_bytes() {
    let mut machine = UartMachine::new(&shape(), 8);
    machine.connect_all();
    settle(&mut machine);
    let mut line = UartLine::new(8);
    // FORGET with a low stop bit, low for two cycles, and then FORGET.
    let broken = [
        false, false, true, false, false, true, false, false, false, false,
    ];
    let mut levels: Vec<bool> = broken.iter().flat_map(|&bit| [bit; 8]).collect();
    levels.extend([true; 24]);
    levels.extend([false; 2]);
    levels.extend([true; 24]);
    for level in levels {
        machine.rx.next = level;
        line.cycle(machine.tx.val());
        cycle!(&mut machine);
    }
    assert!(line.received().is_empty());
    line.send(&[request::FORGET]);
    for _ in 0..300 {
        machine.rx.next = line.cycle(machine.tx.val());
        cycle!(&mut machine);
    }
    assert_eq!(line.received(), [answer::DONE]);
}

#[test]
fn a_bus_carries_requests_and_a_new_selection_starts_afresh() {
    let mut machine = SpiMachine::new(&shape());
    machine.connect_all();
    let mut line = SpiLine::new();
    let mut run = |machine: &mut SpiMachine, bytes: &[u8]| {
        line.select(bytes);
        while line.busy() {
            (machine.cs_n.next, machine.sclk.next, machine.mosi.next) =
                line.cycle(machine.miso.val());
            cycle!(machine);
        }
        line.received()
    };
    let mut ask = [request::NONE; 10];
    ask[..2].copy_from_slice(&[request::STATUS, status::SHAPE as u8]);
    // One byte passes before the answer can be there.
    let expected = [255, 255, 1, 10, 2, 4, 1, 0, 255, 255];
    assert_eq!(run(&mut machine, &ask), expected);
    run(&mut machine, &[command::TWIDDLE as u8, 1, 2]);
    assert_eq!(run(&mut machine, &ask), expected);
    assert_eq!(run(&mut machine, &[0x99, 255, 255]), [255, 2, 255]);
}

#[test]
#[ignore = "needs verilator: cargo xtask test"]
fn a_program_is_loaded_run_and_read_over_a_serial_line() -> Result<(), CosimError> {
    let divisor = 2;
    let machine = UartMachine::new(&shape(), divisor);
    let mut bench = Cosimulation::new("uart_machine", machine, |machine| &mut machine.clock)?;
    let mut line = UartLine::new(divisor);
    let mut session = Session::new();
    while !session.ended() {
        bench.run(100_000, |cycle, machine| {
            if let Some(request) = session.request() {
                line.send(&request);
            }
            // The block has not settled before its first cycle.
            machine.rx.next = line.cycle(cycle == 0 || machine.tx.val());
            for byte in line.received() {
                session.receive(byte);
            }
        })?;
    }
    session.check();
    Ok(())
}

#[test]
#[ignore = "needs verilator: cargo xtask test"]
fn a_program_is_loaded_run_and_read_over_a_bus() -> Result<(), CosimError> {
    let machine = SpiMachine::new(&shape());
    let mut bench = Cosimulation::new("spi_machine", machine, |machine| &mut machine.clock)?;
    let mut line = SpiLine::new();
    let mut session = Session::new();
    let mut answered = 0;
    bench.run(200_000, |_, machine| {
        if !line.busy() {
            // In one selection: the request, and time for the longest answer.
            let request = session.request().unwrap_or_default();
            line.select(&[&request[..], &[request::NONE; 9]].concat());
        }
        (machine.cs_n.next, machine.sclk.next, machine.mosi.next) = line.cycle(machine.miso.val());
        for byte in line.received() {
            if byte != request::NONE || session.inside_answer() {
                session.receive(byte);
                answered += 1;
            }
        }
    })?;
    // The program, the limb and the first words.
    assert!(answered > 100, "{answered}");
    Ok(())
}
