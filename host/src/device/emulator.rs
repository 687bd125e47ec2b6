//! Emulated boards: `qemu-system-arm -M mps2-an386` with the firmware.
//!
//! The emulator's UARTs are sockets of this computer, on ports that the system chooses, or for the host's UART a
//! pseudo-terminal if that is asked for; the accelerator's UART calls whoever listens for it. The emulator is spoken to
//! through QMP, its control socket, in a directory of its own. It ends with the [`Emulator`].

use std::io::{BufRead, BufReader, ErrorKind, Read, Write};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tempfile::TempDir;
use zeroize::Zeroizing;

use crate::accel::device::{DEFAULT_BAUD, Place};

/// The program.
pub const PROGRAM: &str = "qemu-system-arm";

/// A shell that runs the emulator and ends it when its own input is closed: then this process is gone, however it went. It
/// ends as the emulator does.
const KEEPER: &str = r#"exec 3<&0
"$@" </dev/null 3<&- &
emulator=$!
(cat <&3 >/dev/null; kill "$emulator") >/dev/null 2>&1 &
exec 3<&- </dev/null
wait "$emulator"
"#;

/// How long the emulator may take to start, and to answer.
const PATIENCE: Duration = Duration::from_secs(20);

/// Random bytes for a start: as many as the board's pool holds.
const RANDOM_BYTES: usize = 4096;

/// Where the board looks for its reading and for randomness, and how the blocks begin.
const READING: (&str, &[u8; 4]) = ("0x21000000", b"ADRD");
const RANDOMNESS: (&str, &[u8; 4]) = ("0x21800000", b"ADRN");

/// Most bytes of a reading.
const MOST_READING: usize = 1 << 20;

/// Why there is no emulated board.
#[derive(Debug, thiserror::Error)]
pub enum EmulatorError {
    /// The program cannot be started.
    #[error(
        "cannot start {PROGRAM}: {0} (Debian and Ubuntu have it in the package qemu-system-arm)"
    )]
    Start(std::io::Error),
    /// The firmware is not there.
    #[error("no firmware at {0}: build it with `cargo xtask firmware`")]
    Firmware(String),
    /// The firmware does not build.
    #[error(
        "the firmware does not build (its target: `rustup target add thumbv7em-none-eabihf`): {0}"
    )]
    Build(String),
    /// Something around the emulator failed.
    #[error("the emulator's files: {0}")]
    Io(#[from] std::io::Error),
    /// The emulator ended.
    #[error("the emulator ended: {0}")]
    Ended(String),
    /// The emulator does not answer as it should.
    #[error("the emulator does not answer as it should: {0}")]
    Control(String),
    /// A reading that is too long.
    #[error("a reading of {0} bytes is too long, there is room for {MOST_READING}")]
    Reading(usize),
    /// The system gave no randomness.
    #[error("the operating system gave no randomness: {0}")]
    Randomness(String),
}

/// What the host's UART is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum HostPort {
    /// A socket.
    #[default]
    Socket,
    /// A pseudo-terminal.
    Terminal,
}

/// Where a board's randomness comes from.
#[derive(Clone, Default)]
pub enum Randomness {
    /// The operating system, anew for every start.
    #[default]
    System,
    /// These bytes, for tests: a board that gets them twice uses its keys twice.
    Known(Vec<u8>),
    /// None.
    Missing,
}

/// A board to be emulated.
#[derive(Clone, Default)]
pub struct Settings {
    /// The firmware's ELF file.
    pub firmware: PathBuf,
    /// What the sensor reads; nothing if empty.
    pub reading: Vec<u8>,
    /// Where its randomness comes from.
    pub randomness: Randomness,
    /// What the host's UART is.
    pub host: HostPort,
    /// The accelerator's address, `HOST:PORT`, if there is one. Somebody must listen there.
    pub accelerator: Option<String>,
    /// Whether the board's clock counts instructions, a nanosecond each.
    pub count_instructions: bool,
}

/// An emulated board. Ends with this.
pub struct Emulator {
    child: Child,
    control: BufReader<UnixStream>,
    host: Place,
    log: String,
    _directory: TempDir,
}

impl Emulator {
    /// Starts a board, and waits until its ports can be opened.
    ///
    /// # Errors
    /// [`EmulatorError`] with what is missing or went wrong.
    pub fn start(settings: &Settings) -> Result<Self, EmulatorError> {
        if !settings.firmware.is_file() {
            let path = settings.firmware.display().to_string();
            return Err(EmulatorError::Firmware(path));
        }
        // The shell below would say it less clearly.
        let probe = Command::new(PROGRAM)
            .arg("--version")
            .stdout(Stdio::null())
            .status();
        probe.map_err(EmulatorError::Start)?;
        let directory = tempfile::tempdir()?;
        let control = directory.path().join("control");
        let mut command = Command::new("sh");
        command.args(["-c", KEEPER, "sh", PROGRAM]);
        command.args(["-M", "mps2-an386", "-display", "none", "-monitor", "none"]);
        command.arg("-kernel").arg(&settings.firmware);
        if settings.count_instructions {
            command.args(["-icount", "shift=0"]);
        }
        const SERVER: &str = "host=127.0.0.1,port=0,server=on,wait=off,nodelay=on";
        let host = match settings.host {
            HostPort::Socket => format!("socket,id=host,{SERVER}"),
            HostPort::Terminal => "pty,id=host".to_owned(),
        };
        let accelerator = match &settings.accelerator {
            Some(address) => {
                let (host, port) = address.rsplit_once(':').unwrap_or((address, ""));
                format!("socket,id=accelerator,host={host},port={port},server=off,nodelay=on")
            }
            None => "null,id=accelerator".to_owned(),
        };
        let log = format!("socket,id=log,{SERVER}");
        for (chardev, id) in [(host, "host"), (accelerator, "accelerator"), (log, "log")] {
            command.args(["-chardev", &chardev, "-serial", &format!("chardev:{id}")]);
        }
        command.arg("-qmp").arg(format!(
            "unix:{},server=on,wait=off",
            control.display().to_string().replace(',', ",,")
        ));
        let files = settings.load(&mut command, directory.path())?;
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .map_err(EmulatorError::Start)?;
        let outcome = connect(&mut child, &control).and_then(|mut control| {
            let [host, log] = ports(&mut control)?;
            let host = match host.strip_prefix('/') {
                Some(_) => Place::Serial {
                    path: host,
                    baud: DEFAULT_BAUD,
                },
                None => Place::Socket(host),
            };
            Ok((control, host, log))
        });
        // The emulator has read them by now.
        for file in files {
            let _ = std::fs::remove_file(file);
        }
        match outcome {
            Ok((control, host, log)) => Ok(Self {
                child,
                control,
                host,
                log,
                _directory: directory,
            }),
            Err(error) => {
                end(&mut child);
                Err(error)
            }
        }
    }

    /// Where the host's UART is.
    #[must_use]
    pub const fn host(&self) -> &Place {
        &self.host
    }

    /// The address of the log, `HOST:PORT`. What is sent while nobody is connected is lost.
    #[must_use]
    pub fn log(&self) -> &str {
        &self.log
    }

    /// Resets the board. Memory that the linker scripts leave alone is kept, so that its randomness goes on.
    ///
    /// # Errors
    /// An emulator that has ended or does not answer.
    pub fn reset(&mut self) -> Result<(), EmulatorError> {
        order(&mut self.control, "system_reset").map(drop)
    }

    /// Whether the emulator still runs.
    pub fn is_running(&mut self) -> bool {
        matches!(self.child.try_wait(), Ok(None))
    }
}

impl Drop for Emulator {
    fn drop(&mut self) {
        end(&mut self.child);
    }
}

/// Ends the emulator: it is told by the end of the shell's input.
fn end(child: &mut Child) {
    drop(child.stdin.take());
    let start = Instant::now();
    while start.elapsed() < PATIENCE {
        match child.try_wait() {
            Ok(None) => std::thread::sleep(Duration::from_millis(2)),
            _ => return,
        }
    }
    // The shell does not end, for whatever reason.
    let _ = child.kill();
    let _ = child.wait();
}

impl Settings {
    /// Adds what is written into the board's memory: the files.
    fn load(&self, command: &mut Command, directory: &Path) -> Result<Vec<PathBuf>, EmulatorError> {
        if self.reading.len() > MOST_READING {
            return Err(EmulatorError::Reading(self.reading.len()));
        }
        let mut random = Zeroizing::new(Vec::new());
        match &self.randomness {
            Randomness::System => {
                random.resize(RANDOM_BYTES, 0);
                getrandom::fill(&mut random)
                    .map_err(|error| EmulatorError::Randomness(error.to_string()))?;
            }
            Randomness::Known(bytes) => random.extend(bytes.iter().take(RANDOM_BYTES)),
            Randomness::Missing => {}
        }
        let mut files = Vec::new();
        for ((address, magic), bytes) in [(READING, &self.reading), (RANDOMNESS, &*random)] {
            if bytes.is_empty() {
                continue;
            }
            let file = directory.join(address);
            let mut block = Zeroizing::new(magic.to_vec());
            block.reserve(4 + bytes.len());
            block.extend_from_slice(&(bytes.len() as u32).to_le_bytes());
            block.extend_from_slice(bytes);
            std::fs::write(&file, &block)?;
            let path = file.display().to_string().replace(',', ",,");
            command
                .arg("-device")
                .arg(format!("loader,file={path},addr={address},force-raw=on"));
            files.push(file);
        }
        Ok(files)
    }
}

/// Connects to the control socket once the emulator has made it, and greets.
fn connect(child: &mut Child, path: &Path) -> Result<BufReader<UnixStream>, EmulatorError> {
    let start = Instant::now();
    let stream = loop {
        match UnixStream::connect(path) {
            Ok(stream) => break stream,
            Err(_) if start.elapsed() < PATIENCE => {}
            Err(error) => return Err(EmulatorError::Control(error.to_string())),
        }
        if let Some(status) = child.try_wait()? {
            let mut said = String::new();
            if let Some(errors) = &mut child.stderr {
                let _ = errors.take(4096).read_to_string(&mut said);
            }
            return Err(EmulatorError::Ended(format!("{status}: {}", said.trim())));
        }
        std::thread::sleep(Duration::from_millis(2));
    };
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    let mut control = BufReader::new(stream);
    order(&mut control, "qmp_capabilities")?;
    Ok(control)
}

/// Gives an order and returns its result. Greetings and events are passed over.
fn order(control: &mut BufReader<UnixStream>, order: &str) -> Result<Value, EmulatorError> {
    /// Longest line that is read, and most lines.
    const LONGEST: u64 = 1 << 20;
    const MOST: usize = 1000;
    let broken = |error: std::io::Error| match error.kind() {
        ErrorKind::BrokenPipe | ErrorKind::ConnectionReset => {
            EmulatorError::Ended("its control socket is closed".to_owned())
        }
        _ => EmulatorError::Control(error.to_string()),
    };
    let mut line = json!({ "execute": order }).to_string();
    line.push('\n');
    control
        .get_mut()
        .write_all(line.as_bytes())
        .map_err(broken)?;
    for _ in 0..MOST {
        let mut line = String::new();
        let count = control
            .by_ref()
            .take(LONGEST)
            .read_line(&mut line)
            .map_err(broken)?;
        if count == 0 {
            return Err(EmulatorError::Ended(
                "its control socket is closed".to_owned(),
            ));
        }
        let mut answer: Value = serde_json::from_str(&line)
            .map_err(|error| EmulatorError::Control(error.to_string()))?;
        if let Some(error) = answer.get("error") {
            return Err(EmulatorError::Control(format!("{order}: {error}")));
        }
        if let Some(result) = answer.get_mut("return") {
            return Ok(result.take());
        }
    }
    Err(EmulatorError::Control(format!("{order}: no answer")))
}

/// Where the UARTs of host and log are: `HOST:PORT`, or the path of a terminal.
fn ports(control: &mut BufReader<UnixStream>) -> Result<[String; 2], EmulatorError> {
    let devices = order(control, "query-chardev")?;
    let place = |id: &str| {
        let device = devices
            .as_array()?
            .iter()
            .find(|device| device["label"] == id)?;
        let name = device["filename"].as_str()?;
        if let Some(path) = name.strip_prefix("pty:") {
            return Some(path.to_owned());
        }
        // "disconnected:tcp:127.0.0.1:40123,server=on"
        let address = name.split("tcp:").nth(1)?.split(',').next()?;
        address.parse::<std::net::SocketAddr>().ok()?;
        Some(address.to_owned())
    };
    let missing = || EmulatorError::Control(format!("its ports are {devices}"));
    Ok([
        place("host").ok_or_else(missing)?,
        place("log").ok_or_else(missing)?,
    ])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_missing_is_said() {
        let error = Emulator::start(&Settings {
            firmware: "/nowhere/sensor".into(),
            ..Settings::default()
        });
        let error = error
            .err()
            .map(|error| error.to_string())
            .unwrap_or_default();
        assert!(error.contains("no firmware at /nowhere/sensor"), "{error}");
    }
}
