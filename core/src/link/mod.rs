//! The link between a host and a device with a ring processor: a serial line, a socket, anything that carries bytes and
//! may damage them.
//!
//! ```text
//!   host: a machine like any other              device: a machine
//!        │ jobs                                      ▲ jobs
//!   message   what is said               ◀─────▶  message
//!   transport packets, once and in order ◀─────▶  transport
//!   frame     bytes with a check         ◀─────▶  frame
//!        └────────────────── a line ─────────────────┘
//! ```
//!
//! | module | answers |
//! |---|---|
//! | [`frame`] | what is a frame on the wire? |
//! | [`transport`] | how do packets arrive once, in order, whole? |
//! | [`message`] | what do host and device say to each other? |
//! | [`device`] | what does a device do with a request? |
//! | [`sensor`] | the same for a device that encrypts readings: what is said, and what it does |
//! | [`end`] | how does a transport use a byte port that is polled? |
//! | [`polled`] | how does a device run its transport over a byte port without threads? |
//! | [`bridge`] | how does a device pass packets to a machine behind it? |
//! | [`fault`] | what does a bad line do to frames? |
//!
//! Nothing here reads a line or a clock, so that both sides run in tests over lines that exist in memory only, and
//! unchanged on a microcontroller. Nothing is encrypted: what travels to a machine are shares, masks and weights in
//! clear, so a link belongs inside the box of whoever owns them.
pub mod bridge;
pub mod device;
pub mod end;
pub mod fault;
pub mod frame;
pub mod message;
pub mod polled;
pub mod sensor;
pub mod transport;

pub use bridge::Bridge;
pub use device::{Channel, Device, Gone};
pub use frame::{MAX_PAYLOAD, MAX_WIRE, Payload};
pub use message::{Reply, Request};
pub use polled::{Polled, Pulse};
pub use sensor::{Sensor, SensorReply, SensorRequest};
pub use transport::{Event, Micros, Traffic, Transport, VERSION};

#[cfg(test)]
mod pipe;
#[cfg(test)]
mod tests;
