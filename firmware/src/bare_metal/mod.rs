//! What touches the machine whichever board it is: the log, faults, and memory that the linker arranged.
//!
//! All `unsafe` code that is not a board's register access is below here.

pub mod fault;
pub mod log;
pub mod measure;
pub mod retained;
pub mod stack;

use crate::boot::{Boot, ResetCause};

/// Writes into the log why the program started and what ended it before.
pub fn report(name: &str, boot: &Boot) {
    defmt::info!(
        "{=str}: start {=u32}, cause {}, {=usize} bytes of memory, {=usize} bytes of stack",
        name,
        boot.count,
        boot.cause,
        stack::static_ram_bytes(),
        stack::stack_bytes(),
    );
    if let Some(fault) = &boot.fault {
        defmt::error!(
            "before this start: {} at {=str}: {=str}",
            boot.cause,
            fault.place.as_str(),
            fault.message.as_str(),
        );
    }
}

/// Ends the program on purpose and starts it again.
pub fn restart() -> ! {
    fault::end(ResetCause::Software, format_args!(""), format_args!(""))
}
