//! An emulated microcontroller as client: its bytes, its readings classified, what it takes.
#![cfg(unix)]

mod bench;
mod board;
mod classification;
mod cost;
mod gateway;
// Tests of the command line use the rest of it.
#[allow(dead_code)]
#[path = "../cli/support.rs"]
mod support;
