//! What the machine holds as an error, as the definition words it.

use addax_core::isa::Instruction;
use addax_core::machine::{Fault, MachineError};
use addax_hdl::ports::status;

use crate::circuit::{Circuit, CircuitError, state};
use crate::{ErrorCode, HardwareError};

/// Reads the error that stands, if one does. A code without a meaning is a machine that does not answer as it should.
pub fn standing(circuit: &mut impl Circuit) -> Result<Option<HardwareError>, MachineError> {
    let registers = [
        status::STATE,
        status::ERROR_PLACE,
        status::ERROR_WORD,
        status::ERROR_DETAIL,
    ];
    let words = circuit.status(&registers).map_err(device)?;
    let [condition, place, word, detail] = words[..] else {
        return Err(device(CircuitError::Gone));
    };
    if condition & state::ERROR == 0 {
        return Ok(None);
    }
    let code = ErrorCode::from_number(condition >> state::CODE_SHIFT & 0xf)
        .ok_or(MachineError::Device("an error code without a meaning"))?;
    Ok(Some(HardwareError {
        code,
        place: place as u16,
        word: word as u32,
        slot: detail as u8,
        expected: (detail >> 8 & 0xf) as u8,
        found: (detail >> 12 & 0xf) as u8,
    }))
}

/// A circuit that does not work, as an error of the machine.
pub const fn device(error: CircuitError) -> MachineError {
    MachineError::Device(error.reason())
}

/// The fault of a validated program that an error of the machine is. `stream` is where the first stream word that is not
/// below the modulus stands, for the instruction that takes words at the moment.
///
/// Errors that no validated program can meet are reported as a device that does not answer as it should.
pub fn fault(error: &HardwareError, stream: Option<u64>) -> MachineError {
    let Ok(instruction) = Instruction::decode(error.word) else {
        return MachineError::Device("an error at a word that is no instruction");
    };
    let limb = instruction.limb().map_or(0, |limb| limb.value());
    let fault = match (error.code, instruction) {
        (ErrorCode::Unwritten, _) => Fault::Unwritten { slot: error.slot },
        (ErrorCode::WrongLimb, _) => Fault::WrongLimb {
            slot: error.slot,
            expected: error.expected,
            found: error.found,
        },
        (ErrorCode::Constant, Instruction::MulConstant { constant, .. }) => Fault::Constant {
            index: constant.value(),
            limb,
        },
        (ErrorCode::Constant, _) => {
            return MachineError::Device("refused the constant of an instruction that has none");
        }
        (ErrorCode::StreamWord, _) => match stream {
            Some(position) => Fault::Residue { position, limb },
            None => {
                return MachineError::Device("refused stream words that are below the modulus");
            }
        },
        (ErrorCode::IllegalWord, _) => {
            return MachineError::Device("refused a word of a legal program");
        }
        (ErrorCode::Aborted, _) => return MachineError::Device("aborted by itself"),
        (ErrorCode::NoHalt, _) => return MachineError::Device("ran past HALT"),
    };
    MachineError::Fault {
        pc: error.place,
        instruction,
        fault,
    }
}
