//! The emulated board: MPS2 with the AN386 image, a Cortex-M4 at 25 MHz, as `qemu-system-arm -M mps2-an386` has it.
//!
//! | what | where |
//! |---|---|
//! | code | ZBT SSRAM1, 4 MB at 0x0000_0000 |
//! | data | ZBT SSRAM2 and 3, 4 MB at 0x2000_0000 |
//! | reading | PSRAM, at 0x2100_0000: "ADRD", length, bytes |
//! | randomness | PSRAM, at 0x2180_0000: "ADRN", length, up to 4,096 bytes |
//! | host, accelerator, log | UART0, UART1, UART2 |
//! | clock | timer 0; SysTick at 1 kHz |
//! | watchdog | the CMSDK watchdog at 0x4000_8000 |
//! | reset flags | none in the emulator: [`crate::boot`] tells causes apart by its record |
//!
//! The board is started so; `READING` and `RANDOMNESS` are files as above, with lengths as 32-bit little-endian words:
//!
//! ```text
//! qemu-system-arm -M mps2-an386 -display none -monitor none -kernel bridge \
//!   -chardev socket,id=host,host=127.0.0.1,port=7000,server=on,wait=off,nodelay=on        -serial chardev:host \
//!   -chardev socket,id=accelerator,host=127.0.0.1,port=7001,server=on,wait=off,nodelay=on -serial chardev:accelerator \
//!   -chardev socket,id=log,host=127.0.0.1,port=7002,server=on,wait=off,nodelay=on         -serial chardev:log \
//!   -qmp tcp:127.0.0.1:7003,server=on,wait=off \
//!   -device loader,file=READING,addr=0x21000000,force-raw=on \
//!   -device loader,file=RANDOMNESS,addr=0x21800000,force-raw=on
//! ```
//!
//! Unix sockets (`path=…` for `host=…,port=…,nodelay=on`) do as well, and better if a peer may fall behind: the emulator
//! sends every byte by itself, and TCP takes seconds to recover once its receiver's buffer overflowed with packets of
//! one byte. Nothing is lost either way. `-icount shift=0` makes the clock count instructions, one a nanosecond.
//!
//! The files may be left out: then there is no reading, and no randomness. **The randomness must be drawn anew for every
//! start of the emulator**; a file that is used twice gives the same keys twice. A reset is not a start:
//! [`crate::entropy::Pool`] goes on where it was. Snapshots of the machine must not be used, for the same reason.
//! `system_reset` through QMP resets the board and leaves its memory, except that what `-kernel` and `-device loader`
//! wrote is written again.
//!
//! While nobody is connected to a socket, what is sent to it is lost; while a connected peer does not read, the UART
//! holds the byte back. If bytes wait in a socket when the receiver is turned on, the emulator may forget to look at
//! it until something wakes it: SysTick does. A byte that is received and returned takes the emulator 30 µs and
//! more; loops that sleep while they have nothing to do ([`Machine::idle`]) were faster than loops that do not.

mod registers;

use core::cell::{Cell, RefCell};

use cortex_m::interrupt::Mutex;
use cortex_m::peripheral::syst::SystClkSource;
use cortex_m::peripheral::{NVIC, Peripherals};

use crate::bare_metal::{log, report, retained::Record, stack};
use crate::board::{Board, Buffers, Machine, PATIENCE, Watchdog};
use crate::boot::{self, ResetCause};
use crate::clock::ExtendedCounter;
use crate::entropy::Pool;
use crate::mapped::HEADER_BYTES;
use crate::port::Waiting;
use crate::sensor::MappedReading;
use crate::serial::{Attention, SerialInterrupt, SerialPort, Uart as _, connect};
use registers::{CLOCK, Interrupt, Psram, Timer, Uart, WatchdogTimer};

/// Bytes of a reading at most.
pub const READING_BYTES: usize = 1 << 20;

/// Where readings lie in the PSRAM, and where randomness does.
const READING: Psram = Psram::part(0, HEADER_BYTES + READING_BYTES);
const RANDOMNESS: Psram = Psram::part(0x80_0000, 16_384);

/// A UART, and the half of its port that the interrupt handler holds.
type Line = Mutex<RefCell<Option<(Uart, SerialInterrupt<'static>)>>>;

static HOST: Line = Mutex::new(RefCell::new(None));
static ACCELERATOR: Line = Mutex::new(RefCell::new(None));
static TIME: Mutex<Cell<ExtendedCounter>> = Mutex::new(Cell::new(ExtendedCounter::new()));

const WAITING: Waiting = Waiting {
    now: An386::microseconds,
    idle: An386::idle,
    patience: PATIENCE,
};

/// The emulated board.
pub struct An386;

impl Machine for An386 {
    const NAME: &'static str = "mps2-an386";
    /// Only the watchdog makes it.
    const NON_MASKABLE: ResetCause = ResetCause::Watchdog;

    type Host = SerialPort<'static>;
    type Accelerator = SerialPort<'static>;
    type Entropy = Pool<Psram>;
    type Sensor = MappedReading<Psram>;
    type Watchdog = CmsdkWatchdog;

    /// With `-icount shift=0` an instruction takes a nanosecond.
    const COUNTS_PER_MICROSECOND: u64 = 1_000;

    fn start<const RX: usize, const TX: usize, const LOG: usize>(
        buffers: &'static mut Buffers<RX, TX, LOG>,
    ) -> Board<Self> {
        let Some(mut core) = Peripherals::take() else {
            panic!("the board was started twice");
        };
        stack::guard(&mut core.MPU);
        Timer::start();
        log::set_memory(&mut buffers.log);
        let boot = boot::start(&mut Record, None);

        Uart::log().enable_send();
        let attention = Attention {
            receive: || NVIC::pend(Interrupt::HostReceive),
            send: || NVIC::pend(Interrupt::HostSend),
        };
        let (host, interrupt) = connect(&mut buffers.host, attention, WAITING);
        install(&HOST, Uart::host(), interrupt);
        let attention = Attention {
            receive: || NVIC::pend(Interrupt::AcceleratorReceive),
            send: || NVIC::pend(Interrupt::AcceleratorSend),
        };
        let (accelerator, interrupt) = connect(&mut buffers.accelerator, attention, WAITING);
        install(&ACCELERATOR, Uart::accelerator(), interrupt);
        registers::enable_interrupts(&mut core.NVIC);

        core.SYST.set_clock_source(SystClkSource::Core);
        core.SYST.set_reload(CLOCK / 1_000 - 1);
        core.SYST.clear_current();
        core.SYST.enable_counter();
        core.SYST.enable_interrupt();

        report(Self::NAME, &boot);
        Board {
            host,
            accelerator,
            entropy: Pool::new(RANDOMNESS),
            sensor: MappedReading::new(READING, READING_BYTES),
            watchdog: CmsdkWatchdog,
            boot,
        }
    }

    fn microseconds() -> u64 {
        let ticks = cortex_m::interrupt::free(|section| {
            let time = TIME.borrow(section);
            let mut counter = time.get();
            let ticks = counter.extend(Timer::elapsed());
            time.set(counter);
            ticks
        });
        ticks / u64::from(CLOCK / 1_000_000)
    }

    fn wake_log() {
        NVIC::pend(Interrupt::LogSend);
    }

    fn flush_log(limit: u64) {
        let mut uart = Uart::log();
        let start = Self::microseconds();
        while !log::is_empty() && Self::microseconds() - start < limit {
            if uart.can_send()
                && let Some(byte) = log::take()
            {
                uart.send(byte);
            }
        }
    }
}

/// Turns a UART on once its interrupt can be answered.
fn install(line: &'static Line, mut uart: Uart, interrupt: SerialInterrupt<'static>) {
    cortex_m::interrupt::free(|section| {
        uart.enable();
        line.borrow(section).replace(Some((uart, interrupt)));
    });
}

/// Lets a port's handler receive.
fn receive(line: &'static Line) {
    cortex_m::interrupt::free(|section| {
        if let Some((uart, port)) = &mut *line.borrow(section).borrow_mut() {
            port.receive(uart);
        }
    });
}

/// Lets a port's handler send, and again if it wants to.
fn transmit(line: &'static Line, interrupt: Interrupt) {
    cortex_m::interrupt::free(|section| {
        if let Some((uart, port)) = &mut *line.borrow(section).borrow_mut() {
            uart.acknowledge_send();
            if port.transmit(uart) {
                NVIC::pend(interrupt);
            }
        }
    });
}

/// Bytes of the log that one interrupt sends at most. The UART asks for more when it has taken the last.
const LOG_BURST: usize = 16;

fn log_interrupt() {
    let mut uart = Uart::log();
    uart.acknowledge_send();
    for _ in 0..LOG_BURST {
        if !uart.can_send() {
            break;
        }
        let Some(byte) = log::take() else { break };
        uart.send(byte);
    }
}

/// The CMSDK watchdog. The first zero of its counter makes the non-maskable interrupt, which records the cause and
/// resets; were that to fail, the second zero resets by itself, after twice the time.
#[derive(Debug)]
pub struct CmsdkWatchdog;

impl Watchdog for CmsdkWatchdog {
    /// The counter has 32 bits.
    const LONGEST: u32 = u32::MAX / (CLOCK / 1_000);

    fn start(&mut self, milliseconds: u32) {
        WatchdogTimer::start(milliseconds.min(Self::LONGEST) * (CLOCK / 1_000));
    }

    fn feed(&mut self) {
        WatchdogTimer::clear();
    }
}
