//! The firmware, built once, and boards that run it.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use addax::device::emulator::{Emulator, Randomness, Settings};
use addax::device::{Sensor, SensorError};
use addax_sim::link::Patience;

/// Builds the sensor's firmware.
pub fn firmware() -> PathBuf {
    static FIRMWARE: OnceLock<PathBuf> = OnceLock::new();
    FIRMWARE
        .get_or_init(|| {
            let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("../firmware");
            let mut cargo = Command::new("cargo");
            // What this workspace's cargo says must not reach the other's.
            for (name, _) in std::env::vars_os() {
                let name = name.to_string_lossy().into_owned();
                if name.starts_with("CARGO") && name != "CARGO_HOME" || name == "RUSTFLAGS" {
                    cargo.env_remove(name);
                }
            }
            let status = cargo
                .args(["build", "--release", "--bin", "sensor"])
                .current_dir(&directory)
                .status()
                .unwrap();
            assert!(status.success(), "the firmware does not build");
            directory.join("target/thumbv7em-none-eabihf/release/sensor")
        })
        .clone()
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
