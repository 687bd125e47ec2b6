//! The `addax` command.
#![forbid(unsafe_code)]

fn main() {}
