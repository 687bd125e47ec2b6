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

/// Bytes of flash that an ELF file of 32 bits takes: what its loadable segments hold.
///
/// # Errors
/// A file that cannot be read, or is no such file.
pub fn flash_bytes(file: &Path) -> std::io::Result<u64> {
    let elf = std::fs::read(file)?;
    loaded(&elf).ok_or_else(|| std::io::Error::other("not an ELF file of 32 bits"))
}

fn loaded(elf: &[u8]) -> Option<u64> {
    /// The type of a segment that is loaded.
    const LOAD: u32 = 1;
    let half = |at: usize| Some(u16::from_le_bytes(elf.get(at..at + 2)?.try_into().ok()?));
    let word = |at: usize| Some(u32::from_le_bytes(elf.get(at..at + 4)?.try_into().ok()?));
    // 32 bits, low byte first.
    if !elf.starts_with(b"\x7fELF\x01\x01") {
        return None;
    }
    let (table, size, count) = (word(28)? as usize, half(42)?, half(44)?);
    let mut bytes = 0;
    for segment in 0..usize::from(count) {
        let header = table.checked_add(segment * usize::from(size))?;
        // The whole entry must be there, of whatever type it is.
        elf.get(header..header.checked_add(32)?)?;
        if word(header)? == LOAD {
            bytes += u64::from(word(header + 16)?);
        }
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_elf_file_has_no_size() {
        let mut elf = vec![0; 52 + 64];
        elf[..6].copy_from_slice(b"\x7fELF\x01\x01");
        elf[28] = 52;
        (elf[42], elf[44]) = (32, 2);
        // One segment that is loaded, one that is not.
        (elf[52], elf[52 + 16], elf[52 + 32 + 16]) = (1, 9, 5);
        assert_eq!(loaded(&elf), Some(9));
        assert_eq!(loaded(&elf[..100]), None);
        elf[28..32].fill(255);
        assert_eq!(loaded(&elf), None);
        assert_eq!(loaded(b"\x7fELF"), None);
    }
}
