//! Errors of a machine on the wire.

use serde::{Deserialize, Serialize};

use super::Ending;
use crate::isa::{Geometry, Instruction, Program};
use crate::machine::{Fault, MachineError};

/// A [`MachineError`] on the wire.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Failure {
    /// [`MachineError::Slot`].
    Slot {
        /// The slot asked for.
        slot: u8,
        /// How many there are.
        slots: u8,
    },
    /// [`MachineError::Limb`].
    Limb {
        /// The limb asked for.
        limb: u8,
        /// How many there are.
        limbs: u8,
    },
    /// [`MachineError::Residue`].
    Residue {
        /// Its place in the polynomial.
        position: u32,
        /// The limb.
        limb: u8,
    },
    /// [`MachineError::Unwritten`].
    Unwritten {
        /// The slot.
        slot: u8,
    },
    /// The words are no program, or none for this machine: the host finds out why, it has them.
    Program,
    /// [`MachineError::Fault`].
    Fault {
        /// Place of its word.
        pc: u16,
        /// The instruction's word, increments added.
        word: u32,
        /// Why.
        fault: FaultCode,
    },
    /// The device does not work: [`device_error`] has the words.
    Device(
        /// Which words.
        u8,
    ),
    /// The host said what it may not say now.
    Protocol,
}

/// A [`Fault`] on the wire.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum FaultCode {
    /// [`Fault::Unwritten`].
    Unwritten {
        /// The slot.
        slot: u8,
    },
    /// [`Fault::WrongLimb`].
    WrongLimb {
        /// The slot.
        slot: u8,
        /// The limb that the instruction works under.
        expected: u8,
        /// The limb that the slot was written under.
        found: u8,
    },
    /// [`Fault::Residue`].
    Residue {
        /// Place of the word in the input stream.
        position: u64,
        /// The limb.
        limb: u8,
    },
    /// [`Fault::Constant`].
    Constant {
        /// Index of the constant.
        index: u8,
        /// The limb.
        limb: u8,
    },
    /// [`Fault::Source`].
    Source(Ending),
    /// [`Fault::Sink`].
    Sink(Ending),
}

/// What [`MachineError::Device`] may say over a link: its text is a constant on both sides.
const DEVICE_ERRORS: [&str; 8] = [
    "the machine behind the device failed",
    "the machine does not take a command",
    "the simulation of the machine has ended",
    "the machine is of another shape",
    "a signal of the machine's model does not settle",
    "a program that does not end",
    "the machine computes something else than its definition",
    "no machine answers behind the device",
];

/// What a failed self-test says.
pub const WRONG_RESULT: &str = DEVICE_ERRORS[6];

/// The number in [`Failure::Device`] of a bridge behind which nothing answers.
pub const NO_MACHINE_NUMBER: u8 = 7;

/// The words of a device's error.
pub fn device_error(number: u8) -> &'static str {
    DEVICE_ERRORS
        .get(usize::from(number))
        .copied()
        .unwrap_or(DEVICE_ERRORS[0])
}

impl From<MachineError> for Failure {
    fn from(error: MachineError) -> Self {
        match error {
            MachineError::Slot { slot, slots } => Self::Slot {
                slot,
                slots: slots as u8,
            },
            MachineError::Limb { limb, limbs } => Self::Limb {
                limb,
                limbs: limbs as u8,
            },
            MachineError::Residue { position, limb } => Self::Residue {
                position: position as u32,
                limb,
            },
            MachineError::Unwritten { slot } => Self::Unwritten { slot },
            MachineError::Program(_) => Self::Program,
            MachineError::Fault {
                pc,
                instruction,
                fault,
            } => {
                let fault = match fault {
                    Fault::Unwritten { slot } => FaultCode::Unwritten { slot },
                    Fault::WrongLimb {
                        slot,
                        expected,
                        found,
                    } => FaultCode::WrongLimb {
                        slot,
                        expected,
                        found,
                    },
                    Fault::Residue { position, limb } => FaultCode::Residue { position, limb },
                    Fault::Constant { index, limb } => FaultCode::Constant { index, limb },
                    Fault::Source(error) => FaultCode::Source(error.into()),
                    Fault::Sink(error) => FaultCode::Sink(error.into()),
                };
                Self::Fault {
                    pc,
                    word: instruction.encode(),
                    fault,
                }
            }
            MachineError::Device(text) => {
                let number = DEVICE_ERRORS.iter().position(|&known| known == text);
                Self::Device(number.unwrap_or(0) as u8)
            }
            // Only a machine that is being made says these.
            MachineError::Degree { .. }
            | MachineError::Modulus { .. }
            | MachineError::Storage { .. }
            | MachineError::Length { .. } => Self::Device(0),
        }
    }
}

impl Failure {
    /// The error that this stands for, or [`MachineError::Device`] for one that makes no sense; `program` is what the device
    /// was asked to run.
    pub fn into_error(
        self,
        program: Option<&Program>,
        geometry: &Geometry,
        limbs: usize,
    ) -> MachineError {
        const NONSENSE: MachineError =
            MachineError::Device("the device reports an impossible error");
        match self {
            Self::Slot { slot, slots } => MachineError::Slot {
                slot,
                slots: slots.into(),
            },
            Self::Limb { limb, limbs } => MachineError::Limb {
                limb,
                limbs: limbs.into(),
            },
            Self::Residue { position, limb } => MachineError::Residue {
                position: position as usize,
                limb,
            },
            Self::Unwritten { slot } => MachineError::Unwritten { slot },
            Self::Program => {
                let refused = |program| crate::isa::validate(program, geometry, limbs).err();
                program
                    .and_then(refused)
                    .map_or(NONSENSE, MachineError::Program)
            }
            Self::Fault { pc, word, fault } => {
                let Ok(instruction) = Instruction::decode(word) else {
                    return NONSENSE;
                };
                let fault = match fault {
                    FaultCode::Unwritten { slot } => Fault::Unwritten { slot },
                    FaultCode::WrongLimb {
                        slot,
                        expected,
                        found,
                    } => Fault::WrongLimb {
                        slot,
                        expected,
                        found,
                    },
                    FaultCode::Residue { position, limb } => Fault::Residue { position, limb },
                    FaultCode::Constant { index, limb } => Fault::Constant { index, limb },
                    FaultCode::Source(ending) => Fault::Source(ending.into()),
                    FaultCode::Sink(ending) => Fault::Sink(ending.into()),
                };
                MachineError::Fault {
                    pc,
                    instruction,
                    fault,
                }
            }
            Self::Device(number) => MachineError::Device(device_error(number)),
            Self::Protocol => MachineError::Device("the device did not expect what it was told"),
        }
    }
}
