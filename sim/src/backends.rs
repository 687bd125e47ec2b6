//! The two simulations of the circuit, opened for a basis and a geometry.

use std::path::Path;

use addax_core::isa::Geometry;
use addax_core::ntt::Twiddle;
use addax_core::poly::RnsBasis;
use addax_hdl::{Shape, Target};
use rust_hdl::core::prelude::Block;

use crate::driver::{Machine, OpenError};
use crate::native::Native;
use crate::ticked::Ticked;
use crate::verilated::{Design, TOP, Verilated};

/// The circuit's Verilog, compiled by Verilator. With `trace` every signal is recorded in every cycle, in a VCD file.
///
/// # Errors
/// A geometry that no circuit has, a basis that it cannot have, missing tools.
pub fn open_verilated<T: AsRef<[Twiddle]>>(
    basis: &RnsBasis<T>,
    geometry: Geometry,
    trace: Option<&Path>,
) -> Result<Machine<Verilated>, OpenError> {
    let shape = Shape::new(geometry, basis.limbs(), Target::Behavioural)?;
    let design = Design {
        shape,
        verilog: verilog(&shape)?,
        traced: trace.is_some(),
        // Writing the file takes longer than all else.
        quick: trace.is_some(),
    };
    Machine::new(Verilated::start(&design, trace)?, basis)
}

/// The Verilog that simulators are built from.
///
/// # Errors
/// A circuit that has none.
pub fn verilog(shape: &Shape) -> Result<String, OpenError> {
    let mut machine = addax_hdl::machine::Machine::new(shape);
    machine.connect_all();
    Ok(addax_hdl::verilog::generate(&machine, TOP)?)
}

/// The circuit's model in Rust.
///
/// # Errors
/// A geometry that no circuit has, a basis that it cannot have.
pub fn open_native<T: AsRef<[Twiddle]>>(
    basis: &RnsBasis<T>,
    geometry: Geometry,
) -> Result<Machine<Ticked<Native>>, OpenError> {
    let shape = Shape::new(geometry, basis.limbs(), Target::Behavioural)?;
    Machine::new(Ticked::new(Native::new(shape)?), basis)
}
