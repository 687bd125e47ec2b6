//! Private neural-network inference: the library behind the `addax` command.
#![forbid(unsafe_code)]

pub mod accel;
pub mod data;
pub mod device;
pub mod he;
pub mod linear;
pub mod mpc;
pub mod net;
pub mod protocol;
pub mod random;

#[cfg(test)]
mod mutate;
