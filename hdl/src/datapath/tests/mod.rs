//! The datapath against the arithmetic of `core`.
mod driver;
mod flush;
mod moves;
mod pointwise;
mod streams;
mod transforms;
mod verilog;
