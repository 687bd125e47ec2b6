//! Linear layers on encrypted shares, without rotations.
//!
//! [`convolution`] is the geometry of a layer. [`packing`] lays convolutions and matrices out in polynomial coefficients,
//! so that one product of polynomials is many inner products (Cheetah, USENIX Security 2022, §4). [`program`] compiles the
//! accumulation, re-randomisation, masking and modulus switch of a layer to ring-processor programs, [`layer`] runs them,
//! `blinding` hides their results, and `stream` feeds them. [`pool`] sums windows of shares, which each party does alone.

mod blinding;
pub mod convolution;
pub mod layer;
pub mod packing;
pub mod pool;
pub mod program;
mod stream;

pub use blinding::Blinding;
pub use convolution::{Convolution, PackingError};
pub use layer::{EncodedLayer, LinearError, ServerInput};
pub use packing::{InputRun, Packing, Tile};
pub use program::LayerCost;
