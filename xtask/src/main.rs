//! Project tasks: `cargo xtask test` installs what is missing and checks everything, `cargo xtask formal` proves
//! properties of the circuits, `cargo xtask train` trains the shipped networks, `cargo xtask tables` measures what
//! README.md states, `cargo xtask bench` measures it beside others; `cargo xtask verilog`, `synth` and `bitstream` bring the circuits to where they can be read,
//! counted and loaded.
#![forbid(unsafe_code)]

mod bench;
mod bitstream;
mod core_targets;
mod device;
mod document;
mod firmware;
mod formal;
mod fpga_tools;
mod levels;
mod licences;
mod needs;
mod peers;
mod pool;
mod python;
mod readme;
mod repository;
mod setup;
mod shell;
mod sources;
mod synth;
mod system;
mod tables;
mod test;
mod train;
mod verilog;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// Tasks of the Addax project.
#[derive(Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask")]
struct Arguments {
    #[command(subcommand)]
    task: Task,
}

#[derive(Subcommand)]
enum Task {
    /// Install what is missing, then format check, clippy, builds, tests, documentation and repository checks
    Test(test::Options),
    /// Prove properties of the generated Verilog with yosys
    Formal(formal::Options),
    /// Train networks and write them as ONNX (PyTorch from Debian's packages)
    Train(train::Options),
    /// Measure what README.md states and write it there
    Tables(tables::Options),
    /// Measure everything that is compared with others into one JSON object
    Bench(bench::Options),
    /// Write the Verilog of the circuits to target/verilog and check it
    Verilog(verilog::Options),
    /// Area and speed of the circuits on FPGAs, with tools that are installed under target/fpga-tools
    Synth(synth::Options),
    /// Devices end to end: an emulated board with the circuit behind it, under good and bad conditions
    Device(device::Options),
    /// Build the programs of microcontrollers, for every board or one
    Firmware(firmware::Options),
    /// A file that an FPGA board can be loaded with: the ring processor behind a serial line
    Bitstream(bitstream::Options),
}

fn main() -> ExitCode {
    let result = match Arguments::parse().task {
        Task::Test(options) => test::run(&options),
        Task::Formal(options) => formal::run(&options),
        Task::Device(options) => device::run(&options),
        Task::Firmware(options) => firmware::run(&options),
        Task::Train(options) => train::run(&options),
        Task::Tables(options) => tables::run(&options),
        Task::Bench(options) => bench::run(&options),
        Task::Verilog(options) => verilog::run(&options),
        Task::Synth(options) => synth::run(&options),
        Task::Bitstream(options) => bitstream::run(&options),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("xtask: FAILED: {error:#}");
            ExitCode::FAILURE
        }
    }
}
