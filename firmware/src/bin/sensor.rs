//! The sensor: takes readings, encrypts them, and hands out ciphertexts. A reading itself never leaves it.
//!
//! Its randomness is drawn in this order: four bytes for the numbers of sessions, then, when it is paired, the 32 bytes
//! of its master key. Nothing is kept over a reset; the board's source never gives the same bytes twice.
#![no_std]
#![no_main]

use addax_core::link::sensor::{self, Facts, Memory};
use addax_core::link::{Gone, Polled, Pulse, Sensor, Transport};
use addax_firmware::bare_metal::{log, measure, stack};
use addax_firmware::board::{Board, Buffers, Machine, Selected, Watchdog};
use addax_firmware::boot::ResetCause;
use cortex_m_rt::entry;
use rand_core::TryRng;
use static_cell::ConstStaticCell;

/// Little memory: a few frames towards the program, one and a half away from it.
static BUFFERS: ConstStaticCell<Buffers<4_096, 2_048, 2_048>> =
    ConstStaticCell::new(Buffers::new());

static MEMORY: ConstStaticCell<Memory> = ConstStaticCell::new(Memory::new());

/// Packets kept in each direction.
const WINDOW: usize = 4;

/// Longer than an encryption on a processor of 25 MHz, which nothing interrupts when it is measured.
const WATCHDOG_MILLISECONDS: u32 = 5_000;

/// How often the log says how much memory is in use.
const REPORT_INTERVAL: u64 = 10_000_000;

static TRANSPORT: ConstStaticCell<Transport<WINDOW>> = ConstStaticCell::new(Transport::device(0));

/// What the board does while the program waits.
pub struct Heart {
    watchdog: <Selected as Machine>::Watchdog,
    reported: u64,
}

impl Pulse for Heart {
    fn now(&self) -> u64 {
        Selected::microseconds()
    }

    fn turn(&mut self, idle: bool) {
        self.watchdog.feed();
        if !idle {
            return;
        }
        let now = Selected::microseconds();
        if now - self.reported >= REPORT_INTERVAL {
            self.reported = now;
            defmt::info!(
                "stack {=usize} bytes, {=u32} lines of the log dropped",
                stack::stack_high_water(),
                log::dropped()
            );
        }
        Selected::idle();
    }
}

/// What the board says of itself.
struct Around {
    cause: ResetCause,
}

impl sensor::Board for Around {
    fn facts(&self) -> Facts<'_> {
        Facts {
            board: Selected::NAME,
            firmware: env!("CARGO_PKG_VERSION"),
            cause: self.cause.name(),
            static_ram: stack::static_ram_bytes() as u32,
            stack: stack::stack_bytes() as u32,
            stack_high_water: stack::stack_high_water() as u32,
        }
    }

    fn count(&self) -> u64 {
        Selected::microseconds() * Selected::COUNTS_PER_MICROSECOND
    }

    fn execute_known(&self) {
        measure::execute(sensor::KNOWN_INSTRUCTIONS as u32);
    }
}

#[entry]
fn main() -> ! {
    let Board {
        host,
        mut entropy,
        sensor: readings,
        mut watchdog,
        boot,
        #[cfg(feature = "test-faults")]
        mut accelerator,
        ..
    } = Selected::start(BUFFERS.take());
    #[cfg(feature = "test-faults")]
    {
        use embedded_io::{Read, ReadReady};
        // A byte that waits at the start says how to end.
        let mut how = [0];
        if accelerator.read_ready() == Ok(true) && accelerator.read(&mut how) == Ok(1) {
            addax_firmware::bare_metal::fault::provoke(how[0]);
        }
    }
    watchdog.start(WATCHDOG_MILLISECONDS);
    let nonce = match entropy.try_next_u32() {
        Ok(nonce) => nonce,
        Err(error) => {
            defmt::warn!("no randomness, so there will be no key: {}", error);
            boot.count << 16
        }
    };
    let heart = Heart {
        watchdog,
        reported: 0,
    };
    let transport = TRANSPORT.take();
    transport.set_nonce(nonce);
    let mut channel = Polled::new(host, heart, transport, boot.count);
    let mut sensor = Sensor::new(
        Around { cause: boot.cause },
        readings,
        entropy,
        MEMORY.take(),
    );
    loop {
        let Gone = sensor.serve(&mut channel);
        defmt::info!("another gateway has opened a session");
    }
}
