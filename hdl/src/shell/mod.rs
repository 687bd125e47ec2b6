//! Shells: the machine behind a few pins, for boards.
//!
//! A driver sends *requests*, a few bytes each, and gets an *answer* to each; the format is explained in
//! `docs/hardware.md`. [`Requests`] turns bytes into what the machine's ports want, [`UartMachine`] and [`SpiMachine`]
//! bring bytes over a serial line or an SPI bus. Nothing here protects bytes: that is the business of whoever speaks
//! over the line.
mod byte_machine;
mod requests;
mod spi;
mod uart;

pub use byte_machine::ByteMachine;
pub use requests::Requests;
pub use spi::{SpiMachine, SpiPort};
pub use uart::{UartMachine, UartReceiver, UartTransmitter};

/// First bytes of requests.
pub mod request {
    /// Command of kind 0; the others follow. Address in 3 bytes and data in 5 bytes, low bytes first here and everywhere.
    pub const COMMAND: u8 = 0x00;
    /// A beat of one word, in lane 0; 5 bytes.
    pub const WORD: u8 = 0x10;
    /// A beat of a word for each lane, lane 0 first; 5 bytes each.
    pub const BEAT: u8 = 0x11;
    /// Forget the beat that was sent and not taken.
    pub const FORGET: u8 = 0x12;
    /// An output word.
    pub const OUTPUT: u8 = 0x20;
    /// A status word; address in 1 byte.
    pub const STATUS: u8 = 0x30;
    /// No request; has no answer.
    pub const NONE: u8 = 0xff;
}

/// First bytes of answers.
pub mod answer {
    /// Not now: ask again.
    pub const NOT_NOW: u8 = 0;
    /// Done. For [`OUTPUT`](super::request::OUTPUT) and [`STATUS`](super::request::STATUS) 5 bytes follow.
    pub const DONE: u8 = 1;
    /// There is no such request.
    pub const UNKNOWN: u8 = 2;
}

#[cfg(test)]
mod tests;
