//! Microcontrollers: sensors that encrypt their readings, and the emulator that stands in for a board.
//!
//! | module | answers |
//! |---|---|
//! | [`sensor`] | how does a gateway ask a sensor? |
//! | [`pairing`] | how does a gateway keep the secret key that a sensor handed over? |
//! | [`input`] | how does a sensor's reading enter the private protocol? |
//! | [`emulator`] | how is a board emulated? |
//! | [`firmware`] | where is the program that it runs? |

#[cfg(unix)]
pub mod emulator;
pub mod firmware;
pub mod input;
pub mod pairing;
pub mod sensor;

use addax_core::link::sensor::Refusal;
use addax_sim::link::LinkError;

use crate::accel::device::DeviceError;

pub use input::SensorInput;
pub use pairing::{Pairing, PairingError};
pub use sensor::Sensor;

/// Why a sensor does not do what it should.
#[derive(Debug, thiserror::Error)]
pub enum SensorError {
    /// It cannot be reached.
    #[error(transparent)]
    Device(#[from] DeviceError),
    /// The link does not work.
    #[error(transparent)]
    Link(#[from] LinkError),
    /// Something else answers.
    #[error(
        "what answers is not a sensor of this version (a machine of the ring processor belongs behind --accelerator)"
    )]
    NotASensor,
    /// The sensor says no.
    #[error("the sensor refuses: {0}")]
    Refused(Refusal),
    /// The sensor has another secret key than the paired one.
    #[error(
        "the sensor has been reset since it was paired and has another secret key: pair it again with `addax device pair`"
    )]
    Unpaired,
    /// The sensor has other parameters than the model.
    #[error(
        "the model's parameters are {model}, but the sensor encrypts with n = 4096 in three limbs only"
    )]
    Parameters {
        /// Name of the model's.
        model: String,
    },
    /// The reading has another size.
    #[error("the sensor's reading has {found} bytes, but the model takes {expected}")]
    Reading {
        /// The sensor's.
        found: usize,
        /// The model's.
        expected: usize,
    },
    /// The first layer does not begin with an encryption, or its input is laid out in too many pieces.
    #[error("the model's first layer does not suit a sensor: {0}")]
    Layer(&'static str),
    /// Ciphertexts that the sensor sent are malformed.
    #[error("the sensor sent a malformed ciphertext: {0}")]
    Ciphertext(#[from] crate::he::HeError),
}
