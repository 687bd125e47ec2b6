//! A machine behind a serial line: 8 bits, no parity, one stop bit, idle high, low bit first.

use addax_hdl_derive::SettledBlock;
use rust_hdl::core::prelude::*;

use super::ByteMachine;
use crate::leaf::Register;
use crate::shape::Shape;
use crate::word::{Word, bit_cast, bit_cast_bit};

/// Clock cycles of a bit on the line, of at least 2 and at most 65535; a number outside is taken as the nearest inside.
fn bit_cycles(divisor: u32) -> u64 {
    u64::from(divisor.clamp(2, 65_535))
}

/// Bytes from the line. A byte whose stop bit is low is dropped.
#[derive(Clone, Debug, SettledBlock)]
pub struct UartReceiver {
    /// The clock.
    pub clock: Signal<In, Clock>,
    /// The line, not synchronous to the clock.
    pub rx: Signal<In, Bit>,
    /// A byte; one cycle.
    pub valid: Signal<Out, Bit>,
    /// The byte.
    pub byte_data: Signal<Out, Word<8>>,

    /// Low at power-on is no start bit: the line is looked at inverted.
    inverted: Register<Bit>,
    inverted_again: Register<Bit>,
    active: Register<Bit>,
    timer: Register<Word<16>>,
    bits: Register<Word<4>>,
    shift: Register<Word<8>>,
    half_bit: Constant<Word<16>>,
    whole_bit: Constant<Word<16>>,
    one: Constant<Word<16>>,
    no_bits: Constant<Word<4>>,
    one_bit: Constant<Word<4>>,
    stop: Constant<Word<4>>,
    line: Signal<Local, Bit>,
    next_timer: Signal<Local, Word<16>>,
    next_bits: Signal<Local, Word<4>>,
    sample: Signal<Local, Bit>,
}

impl UartReceiver {
    /// For bits of `divisor` clock cycles.
    pub fn new(divisor: u32) -> Self {
        let cycles = bit_cycles(divisor);
        Self {
            clock: Signal::default(),
            rx: Signal::default(),
            valid: Signal::default(),
            byte_data: Signal::default(),
            inverted: Register::default(),
            inverted_again: Register::default(),
            active: Register::default(),
            timer: Register::default(),
            bits: Register::default(),
            shift: Register::default(),
            half_bit: Constant::new(Word::new(cycles / 2 - 1)),
            whole_bit: Constant::new(Word::new(cycles - 1)),
            one: Constant::new(Word::new(1)),
            no_bits: Constant::new(Word::new(0)),
            one_bit: Constant::new(Word::new(1)),
            stop: Constant::new(Word::new(9)),
            line: Signal::default(),
            next_timer: Signal::default(),
            next_bits: Signal::default(),
            sample: Signal::default(),
        }
    }
}

impl Logic for UartReceiver {
    #[hdl_gen]
    fn update(&mut self) {
        self.inverted.clock.next = self.clock.val();
        self.inverted_again.clock.next = self.clock.val();
        self.active.clock.next = self.clock.val();
        self.timer.clock.next = self.clock.val();
        self.bits.clock.next = self.clock.val();
        self.shift.clock.next = self.clock.val();
        self.inverted.d.next = !self.rx.val();
        self.inverted_again.d.next = self.inverted.q.val();
        self.line.next = !self.inverted_again.q.val();

        self.active.d.next = self.active.q.val();
        self.bits.d.next = self.bits.q.val();
        self.shift.d.next = self.shift.q.val();
        self.next_timer.next = self.timer.q.val() - self.one.val();
        self.next_bits.next = self.bits.q.val() + self.one_bit.val();
        self.sample.next = self.active.q.val() & !self.timer.q.val().any();
        self.timer.d.next = self.next_timer.val();
        if self.sample.val() {
            // The middle of the start bit, of eight bits, of the stop bit.
            self.timer.d.next = self.whole_bit.val();
            self.bits.d.next = self.next_bits.val();
            self.shift.d.next =
                (self.shift.q.val() >> 1) | (bit_cast_bit::<8>(self.line.val()) << 7);
            if self.bits.q.val() == self.no_bits.val() {
                self.active.d.next = !self.line.val();
            }
            if self.bits.q.val() == self.stop.val() {
                self.active.d.next = false;
                self.shift.d.next = self.shift.q.val();
            }
        }
        if !self.active.q.val() {
            self.active.d.next = !self.line.val();
            self.timer.d.next = self.half_bit.val();
            self.bits.d.next = self.no_bits.val();
        }
        self.valid.next =
            self.sample.val() & (self.bits.q.val() == self.stop.val()) & self.line.val();
        self.byte_data.next = self.shift.q.val();
    }
}

/// Bytes to the line.
#[derive(Clone, Debug, SettledBlock)]
pub struct UartTransmitter {
    /// The clock.
    pub clock: Signal<In, Clock>,
    /// There is a byte.
    pub valid: Signal<In, Bit>,
    /// The byte.
    pub byte_data: Signal<In, Word<8>>,
    /// It is taken.
    pub ready: Signal<Out, Bit>,
    /// The line.
    pub tx: Signal<Out, Bit>,

    active: Register<Bit>,
    timer: Register<Word<16>>,
    bits: Register<Word<4>>,
    /// Stop bit, byte, start bit, inverted: the line is high at power-on.
    shift: Register<Word<10>>,
    line: Register<Bit>,
    whole_bit: Constant<Word<16>>,
    one: Constant<Word<16>>,
    no_bits: Constant<Word<4>>,
    one_bit: Constant<Word<4>>,
    stop: Constant<Word<4>>,
    start_bit: Constant<Word<10>>,
    inverted: Signal<Local, Word<8>>,
    next_timer: Signal<Local, Word<16>>,
    next_bits: Signal<Local, Word<4>>,
}

impl UartTransmitter {
    /// For bits of `divisor` clock cycles.
    pub fn new(divisor: u32) -> Self {
        Self {
            clock: Signal::default(),
            valid: Signal::default(),
            byte_data: Signal::default(),
            ready: Signal::default(),
            tx: Signal::default(),
            active: Register::default(),
            timer: Register::default(),
            bits: Register::default(),
            shift: Register::default(),
            line: Register::default(),
            whole_bit: Constant::new(Word::new(bit_cycles(divisor) - 1)),
            one: Constant::new(Word::new(1)),
            no_bits: Constant::new(Word::new(0)),
            one_bit: Constant::new(Word::new(1)),
            stop: Constant::new(Word::new(9)),
            start_bit: Constant::new(Word::new(1)),
            inverted: Signal::default(),
            next_timer: Signal::default(),
            next_bits: Signal::default(),
        }
    }
}

impl Logic for UartTransmitter {
    #[hdl_gen]
    fn update(&mut self) {
        self.active.clock.next = self.clock.val();
        self.timer.clock.next = self.clock.val();
        self.bits.clock.next = self.clock.val();
        self.shift.clock.next = self.clock.val();
        self.line.clock.next = self.clock.val();
        self.active.d.next = self.active.q.val();
        self.bits.d.next = self.bits.q.val();
        self.shift.d.next = self.shift.q.val();
        self.next_timer.next = self.timer.q.val() - self.one.val();
        self.next_bits.next = self.bits.q.val() + self.one_bit.val();
        self.timer.d.next = self.next_timer.val();
        self.inverted.next = !self.byte_data.val();
        if !self.timer.q.val().any() {
            self.timer.d.next = self.whole_bit.val();
            self.bits.d.next = self.next_bits.val();
            self.shift.d.next = self.shift.q.val() >> 1;
            if self.bits.q.val() == self.stop.val() {
                self.active.d.next = false;
            }
        }
        self.ready.next = !self.active.q.val();
        if !self.active.q.val() {
            self.active.d.next = self.valid.val();
            self.timer.d.next = self.whole_bit.val();
            self.bits.d.next = self.no_bits.val();
            self.shift.d.next =
                (bit_cast::<10, 8>(self.inverted.val()) << 1) | self.start_bit.val();
        }
        // A register of its own, so that the line never shows what happens between two values.
        self.line.d.next = self.active.q.val() & self.shift.q.val().get_bit(0);
        self.tx.next = !self.line.q.val();
    }
}

/// A machine with a serial port, for boards that have one.
#[derive(Clone, Debug, SettledBlock)]
pub struct UartMachine {
    /// The clock.
    pub clock: Signal<In, Clock>,
    /// Bytes from the driver.
    pub rx: Signal<In, Bit>,
    /// Bytes to the driver.
    pub tx: Signal<Out, Bit>,
    /// A program runs.
    pub led: Signal<Out, Bit>,
    receiver: UartReceiver,
    transmitter: UartTransmitter,
    machine: ByteMachine,
}

impl UartMachine {
    /// A machine of a shape; a bit on the line takes `divisor` clock cycles, of at least 2.
    pub fn new(shape: &Shape, divisor: u32) -> Self {
        Self {
            clock: Signal::default(),
            rx: Signal::default(),
            tx: Signal::default(),
            led: Signal::default(),
            receiver: UartReceiver::new(divisor),
            transmitter: UartTransmitter::new(divisor),
            machine: ByteMachine::new(shape),
        }
    }
}

impl Logic for UartMachine {
    #[hdl_gen]
    fn update(&mut self) {
        self.receiver.clock.next = self.clock.val();
        self.transmitter.clock.next = self.clock.val();
        self.machine.clock.next = self.clock.val();
        self.receiver.rx.next = self.rx.val();
        self.machine.byte_valid.next = self.receiver.valid.val();
        self.machine.byte_data.next = self.receiver.byte_data.val();
        self.machine.reset.next = false;
        self.transmitter.valid.next = self.machine.answer_valid.val();
        self.transmitter.byte_data.next = self.machine.answer.val();
        self.machine.answer_ready.next = self.transmitter.ready.val();
        self.tx.next = self.transmitter.tx.val();
        self.led.next = self.machine.running.val();
    }
}
