//! When the program cannot go on: report, and start again.
//!
//! A panic, a hard fault or an interrupt that nobody expects is recorded in retained memory and in the log; the log is
//! given [`FLUSH_MICROSECONDS`] to be sent; then the processor resets. What was recorded is logged once more after the
//! reset, so that it is seen even if the log's reader came late. Messages of panics go out in clear: no secret may be
//! formatted into one.

use core::fmt;
use core::panic::PanicInfo;

use cortex_m::peripheral::SCB;
use cortex_m_rt::{ExceptionFrame, exception};

use super::{log, retained::Record};
use crate::board::{Machine, Selected};
use crate::boot::{self, PLACE_BYTES, ResetCause, tail};

/// How long the end of the program waits for the log, in microseconds.
pub const FLUSH_MICROSECONDS: u64 = 50_000;

/// Ends the program: records the cause, sends what is left of the log, resets.
pub fn end(cause: ResetCause, place: fmt::Arguments<'_>, message: fmt::Arguments<'_>) -> ! {
    cortex_m::interrupt::disable();
    boot::end(&mut Record, cause, place, message);
    log::abandon_line();
    if matches!(cause, ResetCause::Panic | ResetCause::HardFault) {
        defmt::error!(
            "{} at {}: {}",
            cause,
            defmt::Display2Format(&place),
            defmt::Display2Format(&message)
        );
    } else {
        defmt::info!("ends: {}", cause);
    }
    Selected::flush_log(FLUSH_MICROSECONDS);
    Selected::reset()
}

#[panic_handler]
fn panic(info: &PanicInfo<'_>) -> ! {
    let (file, line) = info
        .location()
        .map_or(("?", 0), |place| (place.file(), place.line()));
    // Room for a colon and five digits.
    let file = tail(file, PLACE_BYTES - 6);
    end(
        ResetCause::Panic,
        format_args!("{file}:{line}"),
        format_args!("{}", info.message()),
    )
}

// SAFETY of the declaration: the runtime calls it with the frame that the processor pushed, and it never returns, so
// whatever it interrupted is not resumed.
#[exception]
unsafe fn HardFault(frame: &ExceptionFrame) -> ! {
    // SAFETY: these registers may be read at any time, without a side effect.
    let scb = unsafe { &*SCB::PTR };
    let (configurable, hard) = (scb.cfsr.read(), scb.hfsr.read());
    let (memory, bus) = (scb.mmfar.read(), scb.bfar.read());
    end(
        ResetCause::HardFault,
        format_args!("{:#010x}", frame.pc()),
        format_args!(
            "lr {:#010x}, cfsr {configurable:#010x}, hfsr {hard:#010x}, mmfar {memory:#010x}, bfar {bus:#010x}",
            frame.lr()
        ),
    )
}

// SAFETY of the declaration: it never returns.
#[exception]
unsafe fn DefaultHandler(number: i16) {
    panic!("interrupt {number} is nobody's");
}
