//! The datapath against the arithmetic of `core`.
mod driver;
mod pointwise;
mod transforms;
