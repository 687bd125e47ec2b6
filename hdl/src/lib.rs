//! The ring processor as RTL, described with `rust-hdl`.
#![forbid(unsafe_code)]

pub mod arithmetic;
pub mod control;
pub mod cosim;
pub mod datapath;
pub mod engine;
pub mod leaf;
pub mod machine;
pub mod ports;
pub mod shape;
pub mod shell;
pub mod twiddles;
pub mod verilog;
pub mod word;

pub use machine::Machine;
pub use shape::{Shape, ShapeError, Target};
