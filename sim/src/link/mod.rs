//! Links of this computer: to devices, and to machines of this computer that are offered as devices.
//!
//! | module | answers |
//! |---|---|
//! | [`mod@line`] | what carries bytes? |
//! | [`endpoint`] | how does a transport run over a line, whatever the program computes meanwhile? |
//! | [`session`] | how does a host exchange packets with a device? |
//! | [`client`] | how does a device become an executor like any other, also when it is reset? |
//! | [`server`] | how does an executor become a device? |
//! | [`pace`] | how is a machine as slow as one with a clock? |
pub mod client;
pub mod endpoint;
mod journal;
pub mod line;
pub mod pace;
pub mod server;
pub mod session;
mod tape;

use endpoint::LineFailure;

pub use client::Client;
pub use line::{FaultCount, Line};
pub use session::{Patience, Session};

/// What keeps a link from working.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LinkError {
    /// The line is of no use any more.
    #[error("{}", line_text(*.0))]
    Line(LineFailure),
    /// Nothing comes from the other side.
    #[error("the device has not answered for {seconds} s; is it connected, and is this its port?")]
    Silent {
        /// For so long.
        seconds: u64,
    },
    /// The device was reset and does not know the session.
    #[error("the device was reset")]
    Lost,
    /// The device serves another host.
    #[error("the device serves another host")]
    Busy,
    /// The device speaks another version.
    #[error(
        "the device speaks version {found} of the link protocol, this program {}",
        addax_core::link::VERSION
    )]
    Version {
        /// The device's.
        found: u16,
    },
    /// The device says that it does not work.
    #[error("the device says: {reason}")]
    Refused {
        /// Why.
        reason: &'static str,
    },
    /// The device says what makes no sense.
    #[error("the device does not keep to the link protocol")]
    Nonsense,
    /// The device answers, but a job does not come to its end.
    #[error("the device answers, but a job has made no progress for {seconds} s")]
    Stuck {
        /// For so long.
        seconds: u64,
    },
    /// The device is reset again and again.
    #[error("the device was reset {resets} times during one job")]
    Restless {
        /// So often.
        resets: u32,
    },
    /// The device is another machine after a reset.
    #[error("after a reset the device is another machine than before")]
    Changed,
    /// The device computed something else after a reset.
    #[error("the device computed something else when it repeated a job after a reset")]
    Differs,
    /// The system gave no randomness for the name of a session.
    #[error("the operating system gave no randomness")]
    Randomness,
}

const fn line_text(failure: LineFailure) -> &'static str {
    match failure {
        LineFailure::Closed => "the line to the device was closed",
        LineFailure::Broken(_) => "the line to the device is broken",
    }
}

impl LinkError {
    /// The same without numbers, as a [`MachineError`](addax_core::machine::MachineError) carries it.
    pub const fn reason(self) -> &'static str {
        match self {
            Self::Line(failure) => line_text(failure),
            Self::Silent { .. } => "it does not answer any more",
            Self::Lost => "it was reset",
            Self::Busy => "it serves another host",
            Self::Version { .. } => "it speaks another version of the link protocol",
            Self::Refused { reason } => reason,
            Self::Nonsense => "it does not keep to the link protocol",
            Self::Stuck { .. } => "it answers, but a job makes no progress",
            Self::Restless { .. } => "it was reset too often during one job",
            Self::Changed => "after a reset it is another machine than before",
            Self::Differs => "it computed something else when it repeated a job after a reset",
            Self::Randomness => "the operating system gave no randomness",
        }
    }
}
