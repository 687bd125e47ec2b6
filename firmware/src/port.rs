//! What a byte port of a board can do, and how long it may take: nothing here waits without a bound.
//!
//! A port is `embedded-io`'s `Read`, `ReadReady`, `Write` and `WriteReady`. A loop that polls asks `read_ready` and
//! `write_ready` first, and then no call waits at all. A call that has to wait sleeps until the next interrupt, and
//! gives up with [`PortError::TimedOut`] when the port's patience is over, so that a peer that vanished cannot keep
//! the program from feeding its watchdog.

use core::fmt;

use embedded_io::{ErrorKind, Read, ReadReady, Write, WriteReady};

/// A byte stream in both directions that can be polled.
pub trait Port: Read + ReadReady + Write + WriteReady {}

impl<T: Read + ReadReady + Write + WriteReady> Port for T {}

/// Why a port gave up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(target_os = "none", derive(defmt::Format))]
pub enum PortError {
    /// The peer sent nothing, or took nothing, for as long as the port waits.
    TimedOut,
    /// The bus below the port reported a fault.
    Bus,
}

impl fmt::Display for PortError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::TimedOut => "the peer was silent, or took nothing, for too long",
            Self::Bus => "the bus reported a fault",
        })
    }
}

impl core::error::Error for PortError {}

impl embedded_io::Error for PortError {
    fn kind(&self) -> ErrorKind {
        match self {
            Self::TimedOut => ErrorKind::TimedOut,
            Self::Bus => ErrorKind::Other,
        }
    }
}

/// How a port waits: the board's clock, its way to sleep, and a bound.
#[derive(Debug, Clone, Copy)]
pub struct Waiting {
    /// Microseconds since start; never goes back.
    pub now: fn() -> u64,
    /// Sleeps until something happened, one millisecond at most.
    pub idle: fn(),
    /// The longest wait of one call, in microseconds.
    pub patience: u64,
}

impl Waiting {
    /// Calls `ready` until it says yes.
    ///
    /// # Errors
    /// [`PortError::TimedOut`] when the patience is over; errors of `ready` at once.
    pub fn until(
        &self,
        mut ready: impl FnMut() -> Result<bool, PortError>,
    ) -> Result<(), PortError> {
        if ready()? {
            return Ok(());
        }
        let start = (self.now)();
        while (self.now)().saturating_sub(start) < self.patience {
            (self.idle)();
            if ready()? {
                return Ok(());
            }
        }
        Err(PortError::TimedOut)
    }
}
