//! What a board gives to a program.
//!
//! A board is one `impl` of [`Machine`], chosen by a cargo feature; [`Selected`] is the one that was chosen. A program
//! calls [`Machine::start`] once, with memory for its queues, and from then on holds the board's parts. To support
//! another board, write another `impl`: two byte ports, a clock, randomness, a watchdog, a UART for the log.

#[cfg(feature = "board-an386")]
pub mod an386;
#[cfg(feature = "board-stm32f4")]
pub mod stm32f4;

use cortex_m::peripheral::SCB;
use cortex_m_rt::exception;
use rand_core::TryCryptoRng;

use crate::boot::{Boot, ResetCause};
use crate::entropy::EntropyError;
use crate::port::{Port, PortError};
use crate::sensor::Sensor;
use crate::serial::Queues;

#[cfg(feature = "board-an386")]
pub use an386::An386 as Selected;
#[cfg(all(feature = "board-stm32f4", not(feature = "board-an386")))]
pub use stm32f4::Nucleo as Selected;

#[cfg(all(feature = "board-an386", feature = "board-stm32f4"))]
compile_error!("two boards: build with --no-default-features and the feature of one");
#[cfg(not(any(feature = "board-an386", feature = "board-stm32f4")))]
compile_error!("no board: build with --features board-an386 or board-stm32f4");

/// How long a call of a port waits unless it is told otherwise, in microseconds.
pub const PATIENCE: u64 = 100_000;

/// Resets the processor if it is not fed in time.
pub trait Watchdog {
    /// The longest time that can be asked for, in milliseconds.
    const LONGEST: u32;

    /// Starts it. It cannot be stopped again. A longer time than [`LONGEST`](Self::LONGEST) becomes that.
    fn start(&mut self, milliseconds: u32);

    /// Starts the time anew.
    fn feed(&mut self);
}

/// A board: its parts, and what can be called without holding one of them.
pub trait Machine: Sized {
    /// What the board is called.
    const NAME: &'static str;

    /// Why the program ends when the non-maskable interrupt fires.
    const NON_MASKABLE: ResetCause;

    /// The byte port to the host.
    type Host: Port<Error = PortError>;
    /// The byte port to the accelerator.
    type Accelerator: Port<Error = PortError>;
    /// The source of randomness.
    type Entropy: TryCryptoRng<Error = EntropyError>;
    /// The source of readings.
    type Sensor: Sensor;
    /// The watchdog, not yet started.
    type Watchdog: Watchdog;

    /// Brings up the board: clocks, ports, log, interrupts. Called once, at the start of the program.
    ///
    /// # Panics
    /// If it is called a second time.
    fn start<const RX: usize, const TX: usize, const LOG: usize>(
        buffers: &'static mut Buffers<RX, TX, LOG>,
    ) -> Board<Self>;

    /// Microseconds since [`start`](Self::start); never goes back.
    fn microseconds() -> u64;

    /// What a microsecond of [`microseconds`](Self::microseconds) is in cycles of the processor; in an emulator, in
    /// instructions, when its clock counts these.
    const COUNTS_PER_MICROSECOND: u64;

    /// Sleeps until an interrupt, one millisecond at most.
    fn idle() {
        cortex_m::asm::wfi();
    }

    /// Makes the log's UART send what is in the log. Called with every line.
    fn wake_log();

    /// Sends what is left in the log, with interrupts off, for a bounded time in microseconds.
    fn flush_log(limit: u64);

    /// Resets the processor at once. `bare_metal::restart` records the cause first.
    fn reset() -> ! {
        SCB::sys_reset()
    }
}

/// A board's parts.
pub struct Board<M: Machine> {
    /// The byte port to the host.
    pub host: M::Host,
    /// The byte port to the accelerator.
    pub accelerator: M::Accelerator,
    /// The source of randomness.
    pub entropy: M::Entropy,
    /// The source of readings.
    pub sensor: M::Sensor,
    /// The watchdog, not yet started.
    pub watchdog: M::Watchdog,
    /// Why the program started.
    pub boot: Boot,
}

/// The memory of a board's queues: for each of the two ports `RX` bytes towards the program and `TX` away from it,
/// and `LOG` bytes of log that wait to be sent.
pub struct Buffers<const RX: usize, const TX: usize, const LOG: usize> {
    host: Queues<RX, TX>,
    accelerator: Queues<RX, TX>,
    log: [u8; LOG],
}

impl<const RX: usize, const TX: usize, const LOG: usize> Buffers<RX, TX, LOG> {
    /// Empty queues.
    pub const fn new() -> Self {
        Self {
            host: Queues::new(),
            accelerator: Queues::new(),
            log: [0; LOG],
        }
    }
}

impl<const RX: usize, const TX: usize, const LOG: usize> Default for Buffers<RX, TX, LOG> {
    fn default() -> Self {
        Self::new()
    }
}

/// Once a millisecond: looks at the clock, which is how its counter is seen in each of its rounds, and ends the sleep
/// of whoever waits for something that makes no interrupt.
#[exception]
fn SysTick() {
    Selected::microseconds();
}

defmt::timestamp!("{=u64:us}", Selected::microseconds());
