//! The firmware around the device loop: boards, byte ports, log, faults, memory.
//!
//! The binaries are `bridge`, which puts the ring processor behind a serial port, and `sensor`, which encrypts its
//! readings. Both are written against [`board::Board`] and the traits of its parts; which board it is, a cargo feature
//! says. In this directory, with the target `thumbv7em-none-eabihf` installed:
//!
//! ```text
//! cargo build --release                                                        the emulated board
//! cargo build --release --no-default-features --features board-stm32f4         NUCLEO-F429ZI
//! cargo test --lib --target x86_64-unknown-linux-gnu                           modules that do not touch the machine
//! ```
//!
//! | module | answers |
//! |---|---|
//! | [`board`] | what a board gives to a program, and how each board does it |
//! | [`port`], [`serial`], [`spi_port`] | byte ports, over a UART and over SPI |
//! | [`clock`] | time that does not wrap |
//! | [`entropy`], [`sensor`], [`mapped`] | randomness, readings, and their stand-ins in the emulator's memory |
//! | [`boot`] | why the program started, and what ended it before |
//! | [`frame_queue`] | the log's memory: whole frames or none |
//! | `bare_metal` | the log, faults and memory where they touch the machine |
#![no_std]
#![deny(unsafe_op_in_unsafe_fn)]

#[cfg(test)]
extern crate std;

#[cfg(target_os = "none")]
pub mod bare_metal;
#[cfg(target_os = "none")]
pub mod board;
pub mod boot;
pub mod clock;
pub mod entropy;
pub mod frame_queue;
pub mod mapped;
pub mod port;
pub mod sensor;
pub mod serial;
pub mod spi_port;
