//! Devices: ring processors at the other end of a link.

use std::fmt;
use std::net::{TcpStream, ToSocketAddrs};
use std::str::FromStr;
use std::time::{Duration, Instant};

use addax_core::machine::{MachineError, check_basis};
use addax_sim::link::line::{READ_PATIENCE, WRITE_PATIENCE};
use addax_sim::link::{Client, Line, LinkError, Patience, Session};

use super::AccelError;
use crate::he::Basis;

/// Bits a second of a serial line if none are given.
pub const DEFAULT_BAUD: u32 = 1_000_000;

/// How long connecting to a socket may take.
const CONNECT_PATIENCE: Duration = Duration::from_secs(5);

/// How long a device may be busy with another host.
const BUSY_PATIENCE: Duration = Duration::from_secs(2);

/// Where a device is.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Place {
    /// `HOST:PORT`.
    Socket(String),
    /// A serial port.
    Serial {
        /// Its name: a path, or on Windows `COM3`.
        path: String,
        /// Bits a second; pseudo-terminals ignore them.
        baud: u32,
    },
}

/// Why a device could not be opened.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DeviceError {
    /// Nobody listens at the address.
    #[error("cannot connect: {0} (is a device, or `addax-sim serve`, listening there?)")]
    Connect(String),
    /// The port cannot be opened.
    #[error("cannot open the port: {0}")]
    Port(String),
    /// The link does not work.
    #[error(transparent)]
    Link(#[from] LinkError),
    /// The device is a machine for other parameters.
    #[error(transparent)]
    Machine(#[from] MachineError),
    /// The device computes modulo other primes.
    #[error("limb {limb}: the device computes modulo {found}, needed is {needed}")]
    Modulus {
        /// The limb.
        limb: usize,
        /// The device's modulus; 0 if it has no such limb.
        found: u64,
        /// The basis' modulus.
        needed: u64,
    },
}

impl Place {
    /// Reads what stands behind `socket:` or `serial:`.
    pub(super) fn parse(name: &str) -> Option<Result<Self, AccelError>> {
        let wrong = |reason| {
            Err(AccelError::Place {
                name: name.to_owned(),
                reason,
            })
        };
        if let Some(address) = name.strip_prefix("socket:") {
            let port = address
                .rsplit_once(':')
                .filter(|(host, _)| !host.is_empty());
            return Some(match port.map(|(_, port)| port.parse::<u16>()) {
                Some(Ok(_)) => Ok(Self::Socket(address.to_owned())),
                _ => wrong("a socket is socket:HOST:PORT, such as socket:127.0.0.1:7710"),
            });
        }
        let path = name.strip_prefix("serial:")?;
        let (path, baud) = match path.rsplit_once('@') {
            Some((path, baud)) => (path, baud.parse().ok().filter(|baud| *baud > 0)),
            None => (path, Some(DEFAULT_BAUD)),
        };
        Some(match baud {
            Some(baud) if !path.is_empty() => Ok(Self::Serial {
                path: path.to_owned(),
                baud,
            }),
            _ => wrong(
                "a serial port is serial:PATH or serial:PATH@BAUD, such as serial:/dev/ttyACM0@1000000",
            ),
        })
    }

    /// The line to the device.
    ///
    /// # Errors
    /// [`DeviceError::Connect`], [`DeviceError::Port`].
    pub fn line(&self) -> Result<Line, DeviceError> {
        match self {
            Self::Socket(address) => {
                socket(address).map_err(|error| DeviceError::Connect(error.to_string()))
            }
            Self::Serial { path, baud } => {
                serial(path, *baud).map_err(|error| DeviceError::Port(error.to_string()))
            }
        }
    }

    /// Opens a session with a device of whatever kind.
    ///
    /// # Errors
    /// [`DeviceError`] with what keeps the link from working.
    pub fn session(&self, patience: Patience) -> Result<Session, DeviceError> {
        self.open(|line| Session::open(line, patience))
    }

    /// Opens a session with the device.
    ///
    /// # Errors
    /// [`DeviceError`] with what keeps the link from working.
    pub fn connect(&self, patience: Patience) -> Result<Client, DeviceError> {
        self.open(|line| Client::open(line, patience))
    }

    fn open<T>(&self, open: impl Fn(Line) -> Result<T, LinkError>) -> Result<T, DeviceError> {
        let start = Instant::now();
        loop {
            match open(self.line()?) {
                // A device notices a moment later that a host has gone.
                Err(LinkError::Busy) if start.elapsed() < BUSY_PATIENCE => {
                    std::thread::sleep(BUSY_PATIENCE / 20)
                }
                outcome => return Ok(outcome?),
            }
        }
    }
}

fn socket(address: &str) -> std::io::Result<Line> {
    let mut last = std::io::Error::other("the name stands for no address");
    for candidate in address.to_socket_addrs()? {
        match TcpStream::connect_timeout(&candidate, CONNECT_PATIENCE) {
            Ok(stream) => return Line::tcp(stream),
            Err(error) => last = error,
        }
    }
    Err(last)
}

fn serial(path: &str, baud: u32) -> Result<Line, serialport::Error> {
    let mut reader = serialport::new(path, baud).timeout(READ_PATIENCE).open()?;
    let mut writer = reader.try_clone()?;
    writer.set_timeout(WRITE_PATIENCE)?;
    // The timeout belongs to the handle.
    reader.set_timeout(READ_PATIENCE)?;
    Ok(Line {
        reader: Box::new(reader),
        writer: Box::new(writer),
    })
}

/// Whether a device can compute with a basis: it has the basis' degree, and the basis' moduli are its first.
pub(super) fn check(client: &Client, basis: &Basis) -> Result<(), DeviceError> {
    let identity = client.identity();
    check_basis(basis, &identity.geometry)?;
    for limb in 0..basis.limbs() {
        let needed = basis.modulus(limb).value();
        let found = identity.moduli.get(limb).copied().unwrap_or(0);
        if found != needed {
            return Err(DeviceError::Modulus {
                limb,
                found,
                needed,
            });
        }
    }
    Ok(())
}

impl FromStr for Place {
    type Err = AccelError;

    /// `socket:HOST:PORT` or `serial:PATH[@BAUD]`.
    fn from_str(name: &str) -> Result<Self, AccelError> {
        Self::parse(name).unwrap_or_else(|| {
            Err(AccelError::Place {
                name: name.to_owned(),
                reason: "a device is serial:PATH, serial:PATH@BAUD or socket:HOST:PORT",
            })
        })
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Socket(address) => write!(f, "socket:{address}"),
            Self::Serial {
                path,
                baud: DEFAULT_BAUD,
            } => write!(f, "serial:{path}"),
            Self::Serial { path, baud } => write!(f, "serial:{path}@{baud}"),
        }
    }
}
