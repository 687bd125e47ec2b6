//! Simulations: the ring processor's RTL, with the conformance suite that every executor passes; and light.
//!
//! | module | answers |
//! |---|---|
//! | [`conformance`] | does an executor do what the definition does? |
//! | [`circuit`] | what is a circuit with the machine's ports, for a driver? |
//! | [`ticked`] | how does a model that is ticked by hand become one? |
//! | [`driver`] | how does a circuit become an executor? |
//! | [`link`] | how does an executor become a device, and a device an executor? |
//! | [`lockstep`] | where does a circuit leave the definition first? |
//! | [`native`] | how is the circuit's model in Rust ticked? |
//! | [`optical`] | how does light that carries weights and data behave? |
//! | [`verilated`] | how is the generated Verilog run? |
#![forbid(unsafe_code)]

mod backends;
pub mod circuit;
mod clocked;
pub mod conformance;
pub mod driver;
pub mod link;
pub mod lockstep;
pub mod native;
pub mod optical;
mod random;
pub mod ticked;
pub mod verilated;

use addax_core::ntt::Twiddle;
use addax_core::poly::RnsBasis;

pub use backends::{open_native, open_verilated, verilog};
pub use circuit::CircuitError;
pub use clocked::{Clocked, ErrorCode, HardwareError, StallClock, Stalls};
pub use random::Random;

/// A basis whose twiddles live on the heap.
pub type Basis = RnsBasis<Vec<Twiddle>>;
