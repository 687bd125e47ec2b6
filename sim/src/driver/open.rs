//! Opening a machine: whether the circuit is the one wanted, limb records and twiddles.

use addax_core::isa::ProgramBuilder;
use addax_core::machine::{EmptySource, MachineError, NullSink, RingProcessor, check_basis};
use addax_core::modulus::Modulus;
use addax_core::ntt::Twiddle;
use addax_core::poly::RnsBasis;
use addax_hdl::ports::{limb as field, status};
use addax_hdl::twiddles::twiddles;
use addax_hdl::verilog::VerilogError;
use addax_hdl::{Shape, ShapeError};

use super::Machine;
use super::faults::device;
use crate::circuit::{Circuit, CircuitError, Command};

/// Why a machine could not be made.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OpenError {
    /// No circuit has this shape.
    #[error(transparent)]
    Shape(#[from] ShapeError),
    /// The basis does not fit the geometry, or the machine does not answer as it should.
    #[error(transparent)]
    Machine(#[from] MachineError),
    /// The circuit does not work.
    #[error(transparent)]
    Circuit(#[from] CircuitError),
    /// The circuit computes modulo primes h·2^18 + 1 between 2^34 and 2^35.
    #[error("limb {limb}: {modulus} is not of the form h·2^18 + 1 between 2^34 and 2^35")]
    Modulus {
        /// The limb.
        limb: usize,
        /// Its modulus.
        modulus: u64,
    },
    /// The circuit has fewer limbs than the basis.
    #[error("a circuit for {circuit} limbs and a basis of {basis}")]
    Limbs {
        /// Limbs of the circuit.
        circuit: usize,
        /// Limbs of the basis.
        basis: usize,
    },
    /// The circuit has no Verilog.
    #[error(transparent)]
    Verilog(#[from] VerilogError),
    /// The simulator could not be built or started.
    #[error(transparent)]
    Build(#[from] crate::verilated::BuildError),
}

impl<C: Circuit> Machine<C> {
    /// Makes an executor of a circuit. No slot is written.
    ///
    /// # Errors
    /// A basis that the circuit cannot have, a circuit that does not answer as it should.
    pub fn new<T: AsRef<[Twiddle]>>(
        mut circuit: C,
        basis: &RnsBasis<T>,
    ) -> Result<Self, OpenError> {
        let shape = circuit.shape();
        let geometry = shape.geometry();
        check_basis(basis, &geometry)?;
        if basis.limbs() > shape.limbs() {
            return Err(OpenError::Limbs {
                circuit: shape.limbs(),
                basis: basis.limbs(),
            });
        }
        if circuit.status(&[status::SHAPE])?[0] != shape_word(&shape) {
            return Err(device(CircuitError::Shape).into());
        }
        let mut commands = vec![Command::CLEAR_ERROR];
        let mut moduli = Vec::new();
        for limb in 0..basis.limbs() {
            let modulus = basis.modulus(limb);
            commands.extend(limb_record(&shape, limb, &modulus)?);
            moduli.push(modulus.value());
        }
        circuit.command(&commands)?;
        for limb in 0..basis.limbs() {
            let words = twiddles(&shape, limb, basis.plan(limb));
            let commands: Vec<Command> = words
                .iter()
                .map(|place| Command::twiddle(place.lane, place.address, place.word))
                .collect();
            circuit.command(&commands)?;
        }
        let mut machine = Self {
            circuit,
            geometry,
            moduli,
            observed: 0,
            overhead: 0,
        };
        machine.reset()?;
        // A program of nothing but its end shows what is not counted.
        let program = ProgramBuilder::new().finish().map_err(MachineError::from)?;
        let report = machine.run(&program, &mut EmptySource, &mut NullSink)?;
        machine.overhead = machine.observed - (report.cycles + report.stalls) as i64;
        Ok(machine)
    }
}

/// What the status register of the shape says.
const fn shape_word(shape: &Shape) -> u64 {
    (shape.log_n() as u64)
        | (shape.butterflies() as u64) << 8
        | (shape.slots() as u64) << 16
        | (shape.limbs() as u64) << 24
}

/// A limb's record; the field that makes the limb known comes last.
fn limb_record(shape: &Shape, limb: usize, modulus: &Modulus) -> Result<[Command; 3], OpenError> {
    let q = modulus.value();
    if !(1 << 34..1 << 35).contains(&q) || q & ((1 << 18) - 1) != 1 {
        return Err(OpenError::Modulus { limb, modulus: q });
    }
    let row_base = (shape.row_base(limb) as u64) << field::ROW_BASE_SHIFT;
    let bases = shape.twiddle_base(limb) as u64 | row_base;
    let limb = limb as u8;
    Ok([
        Command::limb(limb, field::ONE, modulus.to_montgomery(1)),
        Command::limb(limb, field::BASES, bases),
        Command::limb(limb, field::MODULUS, q >> 18),
    ])
}
