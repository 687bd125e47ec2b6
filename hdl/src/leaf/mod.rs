//! Leaf cells: what the fabric offers, and nothing else. Each has a Rust model and Verilog of its own.
//!
//! In the Rust model **every change of the clock signal is an active edge**, so one settling of the circuit is one
//! cycle; the Verilog of the leaves uses the rising edge. Nothing but leaf cells looks at the clock.
mod adder;
mod delay;
mod ecp5;
mod masked_register;
mod multiplier;
mod ram;
mod register;
mod register_file;
mod reverse;

#[cfg(test)]
mod tests;

pub use adder::{
    Adder, CarryAdder, ChoiceAdder, EitherAdder, MaskedAdder, MaskedSubtractor, PairAdder,
    Subtractor, UnionAdder, UnionSubtractor,
};
pub use delay::Delay;
pub use ecp5::ECP5_MODELS;
pub use masked_register::MaskedRegister;
pub use multiplier::Multiplier18;
pub use ram::Ram;
pub use register::Register;
pub use register_file::{REGISTER_FILE_ADDRESS_BITS, RegisterFile};
pub use reverse::ReverseBits;
