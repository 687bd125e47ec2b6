//! Leaf cells: what the fabric offers, and nothing else. Each has a Rust model and Verilog of its own.
//!
//! In the Rust model **every change of the clock signal is an active edge**, so one settling of the circuit is one
//! cycle; the Verilog of the leaves uses the rising edge. Nothing but leaf cells looks at the clock.
mod delay;
mod multiplier;
mod ram;
mod register;
mod register_file;
mod reverse;

#[cfg(test)]
mod tests;

pub use delay::Delay;
pub use multiplier::Multiplier18;
pub use ram::Ram;
pub use register::Register;
pub use register_file::{REGISTER_FILE_ADDRESS_BITS, RegisterFile};
pub use reverse::ReverseBits;
