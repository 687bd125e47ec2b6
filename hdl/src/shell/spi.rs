//! A machine on an SPI bus, mode 0: bits change when the bus clock falls and are taken when it rises, high bit first.
//!
//! While there is no answer the port sends [`request::NONE`](super::request::NONE), with which no answer begins.

use addax_hdl_derive::SettledBlock;
use rust_hdl::core::prelude::*;

use super::{ByteMachine, request};
use crate::leaf::Register;
use crate::shape::Shape;
use crate::word::{Word, bit_cast_bit};

/// Bytes from the bus and to it. The bus clock must be slower than an eighth of the clock.
#[derive(Clone, Debug, SettledBlock)]
pub struct SpiPort {
    /// The clock.
    pub clock: Signal<In, Clock>,
    /// Bus clock, not synchronous to the clock, as the next two.
    pub sclk: Signal<In, Bit>,
    /// Low: the machine is spoken to.
    pub cs_n: Signal<In, Bit>,
    /// Bits from the driver.
    pub mosi: Signal<In, Bit>,
    /// Bits to the driver.
    pub miso: Signal<Out, Bit>,
    /// A byte; one cycle.
    pub valid: Signal<Out, Bit>,
    /// The byte.
    pub byte_data: Signal<Out, Word<8>>,
    /// Nobody speaks to the machine.
    pub idle: Signal<Out, Bit>,
    /// There is a byte to send.
    pub answer_valid: Signal<In, Bit>,
    /// The byte.
    pub answer: Signal<In, Word<8>>,
    /// It is taken.
    pub answer_ready: Signal<Out, Bit>,

    sclk_1: Register<Bit>,
    sclk_2: Register<Bit>,
    sclk_3: Register<Bit>,
    /// Chip select is looked at inverted: at power-on nobody speaks.
    selected_1: Register<Bit>,
    selected_2: Register<Bit>,
    mosi_1: Register<Bit>,
    mosi_2: Register<Bit>,
    bits: Register<Word<3>>,
    shift_in: Register<Word<8>>,
    complete: Register<Bit>,
    shift_out: Register<Word<8>>,
    none: Constant<Word<8>>,
    no_bits: Constant<Word<3>>,
    one_bit: Constant<Word<3>>,
    rises: Signal<Local, Bit>,
    falls: Signal<Local, Bit>,
    next_bits: Signal<Local, Word<3>>,
}

impl SpiPort {
    /// The port.
    pub fn new() -> Self {
        Self {
            clock: Signal::default(),
            sclk: Signal::default(),
            cs_n: Signal::default(),
            mosi: Signal::default(),
            miso: Signal::default(),
            valid: Signal::default(),
            byte_data: Signal::default(),
            idle: Signal::default(),
            answer_valid: Signal::default(),
            answer: Signal::default(),
            answer_ready: Signal::default(),
            sclk_1: Register::default(),
            sclk_2: Register::default(),
            sclk_3: Register::default(),
            selected_1: Register::default(),
            selected_2: Register::default(),
            mosi_1: Register::default(),
            mosi_2: Register::default(),
            bits: Register::default(),
            shift_in: Register::default(),
            complete: Register::default(),
            shift_out: Register::default(),
            none: Constant::new(Word::new(u64::from(request::NONE))),
            no_bits: Constant::new(Word::new(0)),
            one_bit: Constant::new(Word::new(1)),
            rises: Signal::default(),
            falls: Signal::default(),
            next_bits: Signal::default(),
        }
    }
}

impl Default for SpiPort {
    fn default() -> Self {
        Self::new()
    }
}

impl Logic for SpiPort {
    #[hdl_gen]
    fn update(&mut self) {
        self.sclk_1.clock.next = self.clock.val();
        self.sclk_2.clock.next = self.clock.val();
        self.sclk_3.clock.next = self.clock.val();
        self.selected_1.clock.next = self.clock.val();
        self.selected_2.clock.next = self.clock.val();
        self.mosi_1.clock.next = self.clock.val();
        self.mosi_2.clock.next = self.clock.val();
        self.bits.clock.next = self.clock.val();
        self.shift_in.clock.next = self.clock.val();
        self.complete.clock.next = self.clock.val();
        self.shift_out.clock.next = self.clock.val();
        self.sclk_1.d.next = self.sclk.val();
        self.sclk_2.d.next = self.sclk_1.q.val();
        self.sclk_3.d.next = self.sclk_2.q.val();
        self.selected_1.d.next = !self.cs_n.val();
        self.selected_2.d.next = self.selected_1.q.val();
        self.mosi_1.d.next = self.mosi.val();
        self.mosi_2.d.next = self.mosi_1.q.val();
        self.rises.next = self.sclk_2.q.val() & !self.sclk_3.q.val();
        self.falls.next = !self.sclk_2.q.val() & self.sclk_3.q.val();

        // In.
        self.bits.d.next = self.bits.q.val();
        self.shift_in.d.next = self.shift_in.q.val();
        self.complete.d.next = false;
        self.next_bits.next = self.bits.q.val() + self.one_bit.val();
        if self.rises.val() {
            self.bits.d.next = self.next_bits.val();
            self.shift_in.d.next =
                (self.shift_in.q.val() << 1) | bit_cast_bit::<8>(self.mosi_2.q.val());
            self.complete.d.next = self.bits.q.val().all();
        }
        self.valid.next = self.complete.q.val();
        self.byte_data.next = self.shift_in.q.val();
        self.idle.next = !self.selected_2.q.val();

        // Out: the next byte begins when the bus clock falls after the eighth bit.
        self.shift_out.d.next = self.shift_out.q.val();
        self.answer_ready.next = false;
        if self.falls.val() {
            self.shift_out.d.next = self.shift_out.q.val() << 1;
            if self.bits.q.val() == self.no_bits.val() {
                self.shift_out.d.next = self.none.val();
                if self.answer_valid.val() {
                    self.shift_out.d.next = self.answer.val();
                }
                self.answer_ready.next = self.selected_2.q.val();
            }
        }
        if !self.selected_2.q.val() {
            self.bits.d.next = self.no_bits.val();
            self.complete.d.next = false;
            self.shift_out.d.next = self.none.val();
        }
        self.miso.next = self.shift_out.q.val().get_bit(7);
    }
}

/// A machine on an SPI bus.
#[derive(Clone, Debug, SettledBlock)]
pub struct SpiMachine {
    /// The clock.
    pub clock: Signal<In, Clock>,
    /// Bus clock.
    pub sclk: Signal<In, Bit>,
    /// Low: the machine is spoken to.
    pub cs_n: Signal<In, Bit>,
    /// Bits from the driver.
    pub mosi: Signal<In, Bit>,
    /// Bits to the driver; high when nobody speaks to the machine.
    pub miso: Signal<Out, Bit>,
    /// A program runs.
    pub led: Signal<Out, Bit>,
    port: SpiPort,
    machine: ByteMachine,
}

impl SpiMachine {
    /// A machine of a shape.
    pub fn new(shape: &Shape) -> Self {
        Self {
            clock: Signal::default(),
            sclk: Signal::default(),
            cs_n: Signal::default(),
            mosi: Signal::default(),
            miso: Signal::default(),
            led: Signal::default(),
            port: SpiPort::new(),
            machine: ByteMachine::new(shape),
        }
    }
}

impl Logic for SpiMachine {
    #[hdl_gen]
    fn update(&mut self) {
        self.port.clock.next = self.clock.val();
        self.machine.clock.next = self.clock.val();
        self.port.sclk.next = self.sclk.val();
        self.port.cs_n.next = self.cs_n.val();
        self.port.mosi.next = self.mosi.val();
        self.miso.next = self.port.miso.val();
        self.machine.byte_valid.next = self.port.valid.val();
        self.machine.byte_data.next = self.port.byte_data.val();
        self.machine.reset.next = self.port.idle.val();
        self.port.answer_valid.next = self.machine.answer_valid.val();
        self.port.answer.next = self.machine.answer.val();
        self.machine.answer_ready.next = self.port.answer_ready.val();
        self.led.next = self.machine.running.val();
    }
}
