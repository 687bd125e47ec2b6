//! The datapath against the arithmetic of `core`.
mod driver;
mod moves;
mod pointwise;
mod transforms;
