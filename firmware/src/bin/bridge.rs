//! The bridge: a serial port on one side, the ring processor on the other.
//!
//! For now it returns what the host sends; the device loop takes this loop's place.
#![no_std]
#![no_main]

use addax_firmware::bare_metal::{log, stack};
use addax_firmware::board::{Board, Buffers, Machine, Selected, Watchdog};
use cortex_m_rt::entry;
use embedded_io::ReadReady;
use static_cell::ConstStaticCell;

/// A window of frames towards the program on each port.
static BUFFERS: ConstStaticCell<Buffers<16_384, 4_096, 4_096>> =
    ConstStaticCell::new(Buffers::new());

#[entry]
fn main() -> ! {
    let Board {
        mut host,
        #[cfg(feature = "test-faults")]
        mut accelerator,
        mut watchdog,
        ..
    } = Selected::start(BUFFERS.take());
    watchdog.start(2_000);
    let mut bytes = [0; 512];
    let mut waiting = 0..0;
    let mut reported = 0;
    loop {
        watchdog.feed();
        if waiting.is_empty() && host.read_ready() == Ok(true) {
            waiting = 0..host.take(&mut bytes);
        }
        waiting.start += host.offer(&bytes[waiting.clone()]);
        #[cfg(feature = "test-faults")]
        {
            let mut how = [0];
            if accelerator.take(&mut how) == 1 {
                addax_firmware::bare_metal::fault::provoke(how[0]);
            }
        }
        let now = Selected::microseconds();
        if now - reported >= 10_000_000 {
            reported = now;
            defmt::info!(
                "stack {=usize} bytes, {=u32} lines of the log dropped",
                stack::stack_high_water(),
                log::dropped()
            );
        }
        if host.available() == 0 || !waiting.is_empty() {
            Selected::idle();
        }
    }
}
