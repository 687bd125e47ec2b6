//! The firmware, built once, and boards that run it.

use std::path::PathBuf;
use std::sync::OnceLock;

use addax::device::emulator::{Emulator, Randomness, Settings};
use addax::device::firmware;
use addax::device::{Sensor, SensorError};
use addax_sim::link::Patience;

/// The sensor's firmware, built once.
pub fn firmware() -> PathBuf {
    static FIRMWARE: OnceLock<PathBuf> = OnceLock::new();
    let build = || firmware::up_to_date("sensor").unwrap_or_else(|error| panic!("{error}"));
    FIRMWARE.get_or_init(build).clone()
}

/// Bytes that a test knows: no two stretches of 32 are the same.
pub fn known_randomness() -> Vec<u8> {
    (0..4096u32)
        .map(|at| (at * 167 + at / 256 * 31 + 5) as u8)
        .collect()
}

/// A board with a reading.
pub fn board(reading: &[u8], randomness: Randomness, count_instructions: bool) -> Emulator {
    Emulator::start(&Settings {
        firmware: firmware(),
        reading: reading.to_vec(),
        randomness,
        count_instructions,
        ..Settings::default()
    })
    .unwrap()
}

/// A gateway's session with it.
pub fn sensor(board: &Emulator) -> Result<Sensor, SensorError> {
    Sensor::connect(board.host(), Patience::default())
}
