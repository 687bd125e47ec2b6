//! The secret key that a sensor handed over, in a file that only its owner reads.
//!
//! | bytes | what |
//! |---|---|
//! | 0–3 | `ADXK` |
//! | 4 | version, 1 |
//! | 5–12 | identity of the key ([`key_id`]) |
//! | 13–1036 | the packed secret: two bits a coefficient, low bits first, each coefficient plus one |
//!
//! The identity is also a check: a file in which a bit has changed is refused.

use std::fs::{File, OpenOptions};
use std::io::{Read, Write};
use std::path::Path;

use addax_core::client::SECRET_BYTES;
use addax_core::link::sensor::{KeyId, Proof, key_id, proof};
use addax_core::params::N4096;
use zeroize::Zeroizing;

use crate::he::{Context, SecretKey};

const MAGIC: [u8; 4] = *b"ADXK";
const VERSION: u8 = 1;
const HEAD: usize = MAGIC.len() + 1 + size_of::<KeyId>();
const FILE_BYTES: usize = HEAD + SECRET_BYTES;

/// Why there is no pairing.
#[derive(Debug, thiserror::Error)]
pub enum PairingError {
    /// The file cannot be read or written.
    #[error("key file {path}: {source}")]
    Io {
        /// Where.
        path: String,
        /// Why.
        source: std::io::Error,
    },
    /// The file is there already.
    #[error("key file {path} exists: name another, or replace it with --force")]
    Exists {
        /// Where.
        path: String,
    },
    /// The file is no key file.
    #[error("{path} is not a key file of `addax device pair`, or it is damaged")]
    Format {
        /// Where.
        path: String,
    },
    /// The sensor handed over what is no ternary key.
    #[error("the sensor handed over a malformed secret key")]
    Secret,
}

/// A sensor's secret key. Zeroised on drop.
pub struct Pairing {
    secret: Zeroizing<[u8; SECRET_BYTES]>,
}

impl Pairing {
    /// A key that a sensor handed over.
    ///
    /// # Errors
    /// [`PairingError::Secret`] if a coefficient is none.
    pub fn new(secret: Zeroizing<[u8; SECRET_BYTES]>) -> Result<Self, PairingError> {
        // Two set bits stand for no coefficient.
        let wrong = secret
            .iter()
            .fold(0, |all, byte| all | (byte & (byte >> 1) & 0x55));
        match wrong {
            0 => Ok(Self { secret }),
            _ => Err(PairingError::Secret),
        }
    }

    /// Which key it is.
    #[must_use]
    pub fn id(&self) -> KeyId {
        key_id(&self.secret)
    }

    /// What shows the sensor that its key is known.
    #[must_use]
    pub fn proof(&self) -> Proof {
        proof(&self.secret)
    }

    /// The key as the scheme has it, for n = 4096.
    ///
    /// # Panics
    /// If the context has another degree.
    #[must_use]
    pub fn secret_key(&self, context: &Context) -> SecretKey {
        assert_eq!(context.n(), N4096.degree(), "degree of a sensor's key");
        let mut coefficients = Zeroizing::new(vec![0; context.n()]);
        for (four, byte) in coefficients.chunks_exact_mut(4).zip(self.secret.iter()) {
            for (at, coefficient) in four.iter_mut().enumerate() {
                *coefficient = ((byte >> (2 * at)) & 3) as i8 - 1;
            }
        }
        SecretKey::from_coefficients(context, &coefficients)
    }

    /// Makes sure that [`Pairing::write`] will find nothing in its way, before a sensor hands over its key.
    ///
    /// # Errors
    /// [`PairingError::Exists`] unless it may be replaced.
    pub fn check_target(path: &Path, replace: bool) -> Result<(), PairingError> {
        match path.symlink_metadata() {
            Ok(_) if !replace => Err(PairingError::Exists {
                path: path.display().to_string(),
            }),
            _ => Ok(()),
        }
    }

    /// Writes the key to a file that only its owner may read; an existing file only if it may be replaced, and whole.
    ///
    /// # Errors
    /// [`PairingError::Exists`], [`PairingError::Io`].
    pub fn write(&self, path: &Path, replace: bool) -> Result<(), PairingError> {
        Self::check_target(path, replace)?;
        let mut bytes = Zeroizing::new(Vec::with_capacity(FILE_BYTES));
        bytes.extend_from_slice(&MAGIC);
        bytes.push(VERSION);
        bytes.extend_from_slice(&self.id());
        bytes.extend_from_slice(&*self.secret);
        let write = || {
            let directory = match path.parent() {
                Some(directory) if directory != Path::new("") => directory,
                _ => Path::new("."),
            };
            // Temporary files are their owner's alone from the start.
            let mut file = tempfile::NamedTempFile::new_in(directory)?;
            file.write_all(&bytes)?;
            file.as_file().sync_all()?;
            match replace {
                true => file.persist(path).map(drop).map_err(|error| error.error),
                false => file
                    .persist_noclobber(path)
                    .map(drop)
                    .map_err(|error| error.error),
            }
        };
        write().map_err(|source| PairingError::Io {
            path: path.display().to_string(),
            source,
        })
    }

    /// Reads a file that [`Pairing::write`] wrote.
    ///
    /// # Errors
    /// [`PairingError::Io`], [`PairingError::Format`].
    pub fn read(path: &Path) -> Result<Self, PairingError> {
        let format = || PairingError::Format {
            path: path.display().to_string(),
        };
        let mut bytes = Zeroizing::new(Vec::with_capacity(FILE_BYTES + 1));
        OpenOptions::new()
            .read(true)
            .open(path)
            .and_then(|file: File| {
                // One byte more than there may be shows that there is more.
                file.take(FILE_BYTES as u64 + 1).read_to_end(&mut bytes)
            })
            .map_err(|source| PairingError::Io {
                path: path.display().to_string(),
                source,
            })?;
        if bytes.len() != FILE_BYTES {
            return Err(format());
        }
        let (head, packed) = bytes.split_at(HEAD);
        let mut secret = Zeroizing::new([0; SECRET_BYTES]);
        secret.copy_from_slice(packed);
        let pairing = Self::new(secret).map_err(|_| format())?;
        let sound = head.starts_with(&MAGIC)
            && head[MAGIC.len()] == VERSION
            && head[MAGIC.len() + 1..] == pairing.id();
        sound.then_some(pairing).ok_or_else(format)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pairing() -> Pairing {
        let mut secret = Zeroizing::new([0b01_10_00_01; SECRET_BYTES]);
        secret[7] = 0b10_10_10_00;
        Pairing::new(secret).unwrap()
    }

    #[test]
    fn a_key_file_is_its_owner_s_alone_and_replaced_only_on_purpose() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("sensor.key");
        let pairing = pairing();
        pairing.write(&path, false).unwrap();
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            assert_eq!(path.metadata().unwrap().permissions().mode() & 0o777, 0o600);
        }
        assert_eq!(Pairing::read(&path).unwrap().secret, pairing.secret);
        let refused = pairing.write(&path, false);
        assert!(matches!(refused, Err(PairingError::Exists { .. })));
        pairing.write(&path, true).unwrap();
        let nowhere = directory.path().join("none/sensor.key");
        assert!(matches!(
            pairing.write(&nowhere, false),
            Err(PairingError::Io { .. })
        ));
    }

    #[test]
    fn a_file_that_was_changed_cut_or_lengthened_is_refused() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("sensor.key");
        pairing().write(&path, false).unwrap();
        let good = std::fs::read(&path).unwrap();
        let refused = |bytes: &[u8]| {
            std::fs::write(&path, bytes).unwrap();
            assert!(matches!(
                Pairing::read(&path),
                Err(PairingError::Format { .. })
            ));
        };
        refused(&[]);
        refused(&good[..good.len() - 1]);
        refused(&[&good[..], &[0]].concat());
        for position in [0, 4, 5, 12, 13, good.len() - 1] {
            let mut bytes = good.clone();
            bytes[position] ^= 1;
            refused(&bytes);
        }
        assert!(matches!(
            Pairing::read(&directory.path().join("none")),
            Err(PairingError::Io { .. })
        ));
    }

    #[test]
    fn a_coefficient_is_minus_one_zero_or_one() {
        let mut secret = Zeroizing::new([0; SECRET_BYTES]);
        secret[1023] = 0b1100_0000;
        assert!(matches!(Pairing::new(secret), Err(PairingError::Secret)));
    }
}
