//! Writes the Verilog of circuits: `addax-verilog DIRECTORY NAME…`.
//!
//! A name says what the circuit is: `machine_n4096_b8_s16_l3` is a ring processor for n = 4096 with 8 butterflies, 16
//! slots and 3 limbs; `engine_n4096_b1` is the transform engine, which has one slot and one limb;
//! `uart_n4096_b8_s16_l3_d25` is the ring processor behind a serial line whose bits take 25 clock cycles. For each
//! name three files are written:
//!
//! * `NAME.v`, plain Verilog;
//! * `NAME.ecp5.v`, with instances of ECP5 multipliers and block RAMs;
//! * `NAME.pins.v`, a module `NAME_pins` around either of them that has three pins (see [`pins`]).
//!
//! Once there is `ecp5_models.v`, models of the ECP5 cells for simulation.
//!
//! On standard output there is a line of fields, separated by tabs, for each name (see [`Circuit::line`]), and one
//! for each breach of the rules of `addax_hdl::verilog::check`: `breach`, file, message.
#![forbid(unsafe_code)]

mod circuit;
mod pins;

use std::error::Error;
use std::path::Path;
use std::process::ExitCode;
use std::{env, fs};

use addax_hdl::leaf::ECP5_MODELS;
use addax_hdl::{Target, verilog};
use circuit::Circuit;
use pins::Pins;

fn main() -> ExitCode {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let Some((directory, names)) = arguments.split_first() else {
        eprintln!("usage: addax-verilog DIRECTORY NAME...");
        return ExitCode::from(2);
    };
    if let Err(error) = fs::write(Path::new(directory).join("ecp5_models.v"), ECP5_MODELS) {
        eprintln!("addax-verilog: {directory}: {error}");
        return ExitCode::FAILURE;
    }
    for name in names {
        if let Err(error) = write(Path::new(directory), name) {
            eprintln!("addax-verilog: {name}: {error}");
            return ExitCode::FAILURE;
        }
    }
    ExitCode::SUCCESS
}

/// Writes the files of one circuit and prints its lines.
fn write(directory: &Path, name: &str) -> Result<(), Box<dyn Error>> {
    let circuit: Circuit = name.parse()?;
    let (text, ports) = circuit.verilog(Target::Behavioural)?;
    let (ecp5, _) = circuit.verilog(Target::Ecp5)?;
    let pins = Pins::around(name, &ports)?;
    println!("{}", circuit.line(&pins));
    for (ending, text) in [("v", text), ("ecp5.v", ecp5)] {
        let file = format!("{name}.{ending}");
        for violation in verilog::check(&text) {
            println!("breach\t{file}\t{violation}");
        }
        fs::write(directory.join(file), text)?;
    }
    fs::write(directory.join(format!("{name}.pins.v")), pins.text)?;
    Ok(())
}
