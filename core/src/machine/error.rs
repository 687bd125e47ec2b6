//! What can go wrong in a machine.

use core::fmt;

use super::StreamError;
use crate::isa::{Instruction, ProgramError};

/// Why an instruction of a legal program could not be executed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The slot read was never written.
    Unwritten {
        /// The slot, increments added.
        slot: u8,
    },
    /// The slot read was written under another limb.
    WrongLimb {
        /// The slot, increments added.
        slot: u8,
        /// The limb that the instruction works under.
        expected: u8,
        /// The limb that the slot was written under.
        found: u8,
    },
    /// A stream word is not below the limb's modulus.
    Residue {
        /// Place of the word in the input stream, counted from the start of the program.
        position: u64,
        /// The limb.
        limb: u8,
    },
    /// A constant is not below the limb's modulus.
    Constant {
        /// Index of the constant.
        index: u8,
        /// The limb.
        limb: u8,
    },
    /// The input stream failed.
    Source(StreamError),
    /// The output stream failed.
    Sink(StreamError),
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::Unwritten { slot } => write!(f, "slot {slot} was never written"),
            Self::WrongLimb {
                slot,
                expected,
                found,
            } => {
                write!(
                    f,
                    "slot {slot} was written under limb {found}, not limb {expected}"
                )
            }
            Self::Residue { position, limb } => {
                write!(
                    f,
                    "stream word {position} is not below the modulus of limb {limb}"
                )
            }
            Self::Constant { index, limb } => {
                write!(
                    f,
                    "constant {index} is not below the modulus of limb {limb}"
                )
            }
            Self::Source(error) => write!(f, "input stream: {error}"),
            Self::Sink(error) => write!(f, "output stream: {error}"),
        }
    }
}

impl core::error::Error for Fault {}

/// Why a machine could not be made or did not do what it was asked. No variant carries a residue, which may be
/// secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MachineError {
    /// The basis is of another degree than the geometry.
    Degree {
        /// n of the geometry.
        geometry: usize,
        /// n of the basis.
        basis: usize,
    },
    /// A modulus of the basis does not fit the machine's 36-bit words.
    Modulus {
        /// The limb.
        limb: u8,
    },
    /// The storage for slots is too short.
    Storage {
        /// Words needed.
        needed: usize,
        /// Words found.
        found: usize,
    },
    /// The machine has no such slot.
    Slot {
        /// The slot asked for.
        slot: u8,
        /// How many there are.
        slots: usize,
    },
    /// The basis has no such limb.
    Limb {
        /// The limb asked for.
        limb: u8,
        /// How many there are.
        limbs: usize,
    },
    /// A polynomial to load or store has not n words.
    Length {
        /// n.
        expected: usize,
        /// Words found.
        found: usize,
    },
    /// A word to load is not below the limb's modulus.
    Residue {
        /// Its place in the polynomial.
        position: usize,
        /// The limb.
        limb: u8,
    },
    /// The slot to store was never written.
    Unwritten {
        /// The slot.
        slot: u8,
    },
    /// The machine cannot run the program.
    Program(ProgramError),
    /// An instruction could not be executed.
    Fault {
        /// Place of its word.
        pc: u16,
        /// The instruction, increments added.
        instruction: Instruction,
        /// Why.
        fault: Fault,
    },
    /// A machine behind a link does not answer as it should.
    Device(
        /// What it did.
        &'static str,
    ),
}

impl fmt::Display for MachineError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::Degree { geometry, basis } => {
                write!(
                    f,
                    "the machine has n = {geometry}, the parameters n = {basis}"
                )
            }
            Self::Modulus { limb } => write!(f, "the modulus of limb {limb} has more than 36 bits"),
            Self::Storage { needed, found } => {
                write!(
                    f,
                    "slots need {needed} words of storage, {found} were given"
                )
            }
            Self::Slot { slot, slots } => write!(f, "slot {slot} of a machine with {slots}"),
            Self::Limb { limb, limbs } => write!(f, "limb {limb} of a basis with {limbs}"),
            Self::Length { expected, found } => {
                write!(
                    f,
                    "a polynomial of {found} words for a machine with n = {expected}"
                )
            }
            Self::Residue { position, limb } => {
                write!(f, "word {position} is not below the modulus of limb {limb}")
            }
            Self::Unwritten { slot } => write!(f, "slot {slot} was never written"),
            Self::Program(error) => write!(f, "illegal program: {error}"),
            Self::Fault {
                pc,
                instruction,
                fault,
            } => write!(f, "word {pc}, {instruction}: {fault}"),
            Self::Device(reason) => write!(f, "device: {reason}"),
        }
    }
}

impl core::error::Error for MachineError {
    fn source(&self) -> Option<&(dyn core::error::Error + 'static)> {
        match self {
            Self::Program(error) => Some(error),
            Self::Fault { fault, .. } => Some(fault),
            _ => None,
        }
    }
}

impl From<ProgramError> for MachineError {
    fn from(error: ProgramError) -> Self {
        Self::Program(error)
    }
}
