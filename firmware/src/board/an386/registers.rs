//! The AN386's registers, and its vector table: the only `unsafe` code of this board.
//!
//! Arm's CMSDK peripherals, described in the "Cortex-M System Design Kit Technical Reference Manual" (DDI 0479):
//! APB UART in 4.3, APB timer in 4.1, APB watchdog in 4.4.

use cortex_m::interrupt::InterruptNumber;
use cortex_m::peripheral::NVIC;

use crate::mapped::MappedBytes;
use crate::serial;

/// Interrupts of this board that are used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u16)]
pub enum Interrupt {
    /// The host's UART received a byte.
    HostReceive = 0,
    /// The host's UART has room for a byte.
    HostSend = 1,
    /// The accelerator's UART received a byte.
    AcceleratorReceive = 2,
    /// The accelerator's UART has room for a byte.
    AcceleratorSend = 3,
    /// The log's UART has room for a byte.
    LogSend = 5,
}

// SAFETY: the numbers are those of the board, and each stands for one interrupt.
unsafe impl InterruptNumber for Interrupt {
    fn number(self) -> u16 {
        self as u16
    }
}

unsafe extern "C" {
    fn DefaultHandler();
}

extern "C" fn host_receive() {
    super::receive(&super::HOST);
}

extern "C" fn host_send() {
    super::transmit(&super::HOST, Interrupt::HostSend);
}

extern "C" fn accelerator_receive() {
    super::receive(&super::ACCELERATOR);
}

extern "C" fn accelerator_send() {
    super::transmit(&super::ACCELERATOR, Interrupt::AcceleratorSend);
}

extern "C" fn log() {
    super::log_interrupt();
}

/// Interrupts of the board, used or not.
const INTERRUPTS: usize = 32;

// SAFETY: the runtime's linker script puts this section behind the vectors of the exceptions, which is where the
// processor looks for the handler of each interrupt by its number.
#[unsafe(link_section = ".vector_table.interrupts")]
#[unsafe(no_mangle)]
static __INTERRUPTS: [unsafe extern "C" fn(); INTERRUPTS] = {
    let mut vectors: [unsafe extern "C" fn(); INTERRUPTS] = [DefaultHandler; INTERRUPTS];
    vectors[Interrupt::HostReceive as usize] = host_receive;
    vectors[Interrupt::HostSend as usize] = host_send;
    vectors[Interrupt::AcceleratorReceive as usize] = accelerator_receive;
    vectors[Interrupt::AcceleratorSend as usize] = accelerator_send;
    vectors[Interrupt::LogSend as usize] = log;
    vectors
};

/// Lets the interrupts through, the ports before the log.
pub fn enable_interrupts(nvic: &mut NVIC) {
    let urgent = [
        Interrupt::HostReceive,
        Interrupt::HostSend,
        Interrupt::AcceleratorReceive,
        Interrupt::AcceleratorSend,
    ];
    // SAFETY: nothing relies on these interrupts being masked, or on their order; their state is in place.
    unsafe {
        for interrupt in urgent {
            nvic.set_priority(interrupt, 0x40);
            NVIC::unmask(interrupt);
        }
        nvic.set_priority(Interrupt::LogSend, 0x80);
        NVIC::unmask(Interrupt::LogSend);
    }
}

/// A peripheral's registers, by offset from its base.
#[derive(Debug, Clone, Copy)]
struct Registers {
    base: usize,
}

impl Registers {
    fn read(self, offset: usize) -> u32 {
        // SAFETY: bases and offsets are constants of this file, and name registers of the board.
        unsafe { ((self.base + offset) as *const u32).read_volatile() }
    }

    fn write(self, offset: usize, value: u32) {
        // SAFETY: as above; what the registers do does not touch memory.
        unsafe { ((self.base + offset) as *mut u32).write_volatile(value) }
    }
}

/// Processor and peripheral clock of the board, in hertz.
pub const CLOCK: u32 = 25_000_000;

/// One million bits a second, where the wire has a rate at all; the emulator's has none.
const BAUD_DIVIDER: u32 = CLOCK / 1_000_000;

/// A CMSDK UART.
#[derive(Debug)]
pub struct Uart {
    registers: Registers,
    /// What the control register holds.
    control: u32,
}

impl Uart {
    const DATA: usize = 0x00;
    const STATE: usize = 0x04;
    const CONTROL: usize = 0x08;
    const INTERRUPT: usize = 0x0C;
    const DIVIDER: usize = 0x10;

    const STATE_SEND_FULL: u32 = 1 << 0;
    const STATE_RECEIVE_FULL: u32 = 1 << 1;
    const SEND: u32 = 1 << 0;
    const RECEIVE: u32 = 1 << 1;
    const SEND_INTERRUPT: u32 = 1 << 2;
    const RECEIVE_INTERRUPT: u32 = 1 << 3;

    const fn at(base: usize) -> Self {
        Self {
            registers: Registers { base },
            control: 0,
        }
    }

    /// UART0, to the host.
    pub const fn host() -> Self {
        Self::at(0x4000_4000)
    }

    /// UART1, to the accelerator.
    pub const fn accelerator() -> Self {
        Self::at(0x4000_5000)
    }

    /// UART2, which carries the log.
    pub const fn log() -> Self {
        Self::at(0x4000_6000)
    }

    /// Turns the UART on, with its interrupts.
    pub fn enable(&mut self) {
        self.registers.write(Self::DIVIDER, BAUD_DIVIDER);
        self.set_control(Self::SEND | Self::RECEIVE | Self::RECEIVE_INTERRUPT);
    }

    /// Turns the UART on for sending only, with its interrupt.
    pub fn enable_send(&mut self) {
        self.registers.write(Self::DIVIDER, BAUD_DIVIDER);
        self.set_control(Self::SEND | Self::SEND_INTERRUPT);
    }

    fn set_control(&mut self, control: u32) {
        if self.control != control {
            self.control = control;
            self.registers.write(Self::CONTROL, control);
        }
    }

    fn switch(&mut self, bit: u32, on: bool) {
        let others = self.control & !bit;
        self.set_control(if on { others | bit } else { others });
    }

    /// Acknowledges that there is room to send. An interrupt stays until it is acknowledged, even when it has been
    /// turned off meanwhile.
    pub fn acknowledge_send(&self) {
        self.registers.write(Self::INTERRUPT, 1 << 0);
    }

    fn acknowledge_receive(&self) {
        self.registers.write(Self::INTERRUPT, 1 << 1);
    }
}

impl serial::Uart for Uart {
    fn receive(&mut self) -> Option<u8> {
        // Before the byte is read: the next one may arrive as soon as it is.
        self.acknowledge_receive();
        let full = self.registers.read(Self::STATE) & Self::STATE_RECEIVE_FULL != 0;
        full.then(|| self.registers.read(Self::DATA) as u8)
    }

    fn can_send(&mut self) -> bool {
        self.registers.read(Self::STATE) & Self::STATE_SEND_FULL == 0
    }

    fn send(&mut self, byte: u8) {
        self.registers.write(Self::DATA, byte.into());
    }

    fn listen_receive(&mut self, on: bool) {
        self.switch(Self::RECEIVE_INTERRUPT, on);
        if !on {
            self.acknowledge_receive();
        }
    }

    fn listen_send(&mut self, on: bool) {
        self.switch(Self::SEND_INTERRUPT, on);
        if !on {
            self.acknowledge_send();
        }
    }
}

/// The first CMSDK timer, which counts down from 2^32 − 1 at [`CLOCK`], over and over.
pub struct Timer;

impl Timer {
    const REGISTERS: Registers = Registers { base: 0x4000_0000 };
    const CONTROL: usize = 0x00;
    const VALUE: usize = 0x04;
    const RELOAD: usize = 0x08;

    /// Starts at zero.
    pub fn start() {
        Self::REGISTERS.write(Self::CONTROL, 0);
        Self::REGISTERS.write(Self::RELOAD, u32::MAX);
        Self::REGISTERS.write(Self::VALUE, u32::MAX);
        Self::REGISTERS.write(Self::CONTROL, 1);
    }

    /// Ticks since the start, modulo 2^32.
    pub fn elapsed() -> u32 {
        u32::MAX - Self::REGISTERS.read(Self::VALUE)
    }
}

/// The CMSDK watchdog: counts down at [`CLOCK`], asks for attention at zero, and resets at the next zero.
#[derive(Debug)]
pub struct WatchdogTimer;

impl WatchdogTimer {
    const REGISTERS: Registers = Registers { base: 0x4000_8000 };
    const LOAD: usize = 0x000;
    const CONTROL: usize = 0x008;
    const CLEAR: usize = 0x00C;
    const LOCK: usize = 0xC00;
    const KEY: u32 = 0x1ACC_E551;

    /// Starts with `ticks` to the first zero, both interrupt and reset enabled.
    pub fn start(ticks: u32) {
        Self::REGISTERS.write(Self::LOCK, Self::KEY);
        Self::REGISTERS.write(Self::LOAD, ticks);
        Self::REGISTERS.write(Self::CONTROL, 0b11);
        Self::REGISTERS.write(Self::LOCK, 0);
    }

    /// Begins anew.
    pub fn clear() {
        Self::REGISTERS.write(Self::LOCK, Self::KEY);
        Self::REGISTERS.write(Self::CLEAR, 1);
        Self::REGISTERS.write(Self::LOCK, 0);
    }
}

/// Part of the PSRAM, 16 MB from 0x2100_0000, which the linker scripts leave alone.
#[derive(Debug)]
pub struct Psram {
    base: usize,
    length: usize,
}

impl Psram {
    /// `length` bytes from `offset`.
    ///
    /// # Panics
    /// If that is not within 16 MB; in a constant, while compiling.
    pub const fn part(offset: usize, length: usize) -> Self {
        assert!(offset <= 16 << 20 && length <= (16 << 20) - offset);
        Self {
            base: 0x2100_0000 + offset,
            length,
        }
    }

    fn address(&self, offset: usize) -> usize {
        assert!(offset < self.length);
        self.base + offset
    }
}

impl MappedBytes for Psram {
    fn get(&self, offset: usize) -> u8 {
        // SAFETY: within the PSRAM, of which the program has no other objects; volatile, because the launcher writes
        // it, too.
        unsafe { (self.address(offset) as *const u8).read_volatile() }
    }

    fn set(&mut self, offset: usize, value: u8) {
        // SAFETY: as above.
        unsafe { (self.address(offset) as *mut u8).write_volatile(value) }
    }
}
