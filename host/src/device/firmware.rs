//! The firmware of emulated boards: built from the sources beside this crate, where they are.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use super::emulator::EmulatorError;

/// The sources, where this program was built.
const SOURCES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../firmware");

/// Where cargo puts programs, below the sources.
const PROGRAMS: &str = "target/thumbv7em-none-eabihf/release";

/// The ELF file of a program of the emulated board, `bridge` or `sensor`: brought up to date with cargo if its sources are
/// there, which takes half a minute the first time.
///
/// # Errors
/// [`EmulatorError::Build`] with what cargo says, [`EmulatorError::Firmware`] if there is neither program nor sources.
pub fn up_to_date(program: &str) -> Result<PathBuf, EmulatorError> {
    let sources = Path::new(SOURCES);
    let file = sources.join(PROGRAMS).join(program);
    if sources.join("Cargo.toml").is_file() {
        let mut cargo = Command::new("cargo");
        // What the cargo of one workspace says must not reach that of another.
        for (name, _) in std::env::vars_os() {
            let text = name.to_string_lossy();
            if text.starts_with("CARGO") && text != "CARGO_HOME" || text == "RUSTFLAGS" {
                cargo.env_remove(&name);
            }
        }
        let built = cargo
            .args([
                "build",
                "--release",
                "--locked",
                "--quiet",
                "--bin",
                program,
            ])
            .current_dir(sources)
            .stdin(Stdio::null())
            .output();
        match built {
            Ok(output) if !output.status.success() => {
                let said = String::from_utf8_lossy(&output.stderr).trim().to_owned();
                return Err(EmulatorError::Build(said));
            }
            // Without cargo, what was built before will do.
            Ok(_) | Err(_) => {}
        }
    }
    if file.is_file() {
        Ok(file)
    } else {
        Err(EmulatorError::Firmware(file.display().to_string()))
    }
}
