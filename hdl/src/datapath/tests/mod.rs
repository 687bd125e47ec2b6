//! The datapath against the arithmetic of `core`.
mod driver;
mod flush;
mod moves;
mod pointwise;
mod programs;
mod streams;
mod transforms;
mod verilog;
