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

use super::{log, retained::Record, stack};
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
    // If it was the stack that ended, this function has no business on it.
    stack::leave_to(hard_fault, frame.pc(), frame.lr())
}

extern "C" fn hard_fault(program_counter: u32, link: u32) -> ! {
    /// The stack pointer led where nothing may be pushed, on the way into the handler.
    const STACKING: u32 = 1 << 4 | 1 << 12;
    /// The address of a forbidden access is known.
    const ADDRESS_VALID: u32 = 1 << 7;
    // SAFETY: these registers may be read at any time, without a side effect.
    let scb = unsafe { &*SCB::PTR };
    let (configurable, hard) = (scb.cfsr.read(), scb.hfsr.read());
    let (memory, bus) = (scb.mmfar.read(), scb.bfar.read());
    let overflow = configurable & STACKING != 0
        || (configurable & ADDRESS_VALID != 0 && stack::in_guard(memory as usize));
    let what = if overflow { "stack overflow, " } else { "" };
    end(
        ResetCause::HardFault,
        format_args!("{program_counter:#010x}"),
        format_args!(
            "{what}lr {link:#010x}, cfsr {configurable:#010x}, hfsr {hard:#010x}, mmfar {memory:#010x}, \
             bfar {bus:#010x}"
        ),
    )
}

// SAFETY of the declaration: it never returns, so it does not matter what it interrupted.
#[exception]
unsafe fn NonMaskableInt() -> ! {
    end(
        Selected::NON_MASKABLE,
        format_args!("?"),
        format_args!("non-maskable interrupt"),
    )
}

// SAFETY of the declaration: it never returns.
#[exception]
unsafe fn DefaultHandler(number: i16) -> ! {
    panic!("interrupt {number} is nobody's");
}

/// Ends the program in a way that must be reported, for tests: `p` panics, `f` executes what is no instruction, `o`
/// outgrows the stack, `w` waits without feeding the watchdog, `r` restarts on purpose. Anything else does nothing.
#[cfg(feature = "test-faults")]
pub fn provoke(how: u8) {
    /// Takes some 200 bytes of stack a level, so that no level steps over the guard. The sum keeps it from being
    /// turned into a loop; no stack is deep enough for the end.
    #[inline(never)]
    fn deeper(level: u32) -> u32 {
        if level == u32::MAX {
            return 0;
        }
        let frame = core::hint::black_box([level; 48]);
        frame[0].wrapping_add(deeper(level + 1))
    }
    match how {
        b'p' => panic!("provoked"),
        b'f' => cortex_m::asm::udf(),
        b'o' => {
            core::hint::black_box(deeper(0));
        }
        b'w' => loop {
            Selected::idle();
        },
        b'r' => super::restart(),
        _ => {}
    }
}
