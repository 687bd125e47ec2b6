//! Running the ring processor's RTL, and the conformance suite that every executor passes.
#![forbid(unsafe_code)]

mod clocked;
pub mod conformance;
mod random;

use addax_core::ntt::Twiddle;
use addax_core::poly::RnsBasis;

pub use clocked::{Clocked, ErrorCode, HardwareError, StallClock, Stalls};
pub use random::Random;

/// A basis whose twiddles live on the heap.
pub type Basis = RnsBasis<Vec<Twiddle>>;
