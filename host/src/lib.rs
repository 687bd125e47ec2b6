//! Private neural-network inference: the library behind the `addax` command.
#![forbid(unsafe_code)]

pub mod net;
