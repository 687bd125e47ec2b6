//! `addax device encrypt`: a device takes a reading and encrypts it.

use std::path::PathBuf;
use std::time::Instant;

use addax::device::sensor::hex;
use addax::he::{self, FreshCiphertext};
use addax_core::link::sensor::Segment;
use addax_core::params::N4096;
use anyhow::{Context, Result, bail};
use clap::Args;
use serde::Serialize;
use sha2::{Digest, Sha256};

use super::Port;
use super::file::CiphertextFile;
use crate::cli::output::{self, Report, milliseconds, to_microseconds};
use crate::cli::progress;

/// Arguments of `addax device encrypt`.
#[derive(Args)]
pub struct EncryptArgs {
    #[command(flatten)]
    port: Port,
    /// Where to write the ciphertext
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
    /// Plaintexts are modulo two to the power of this
    #[arg(long, value_name = "BITS", default_value_t = 23, value_parser = clap::value_parser!(u32).range(1..=25))]
    plain_bits: u32,
}

/// What came.
#[derive(Serialize)]
pub struct EncryptReport {
    port: String,
    file: String,
    plain_bits: u32,
    reading_bytes: usize,
    ciphertext_bytes: usize,
    /// SHA-256 of the ciphertext.
    digest: String,
    /// From the request to the last byte.
    #[serde(serialize_with = "to_microseconds")]
    ms: f64,
    wire_bytes: u64,
}

/// Lets the device encrypt.
///
/// # Errors
/// A device that is not paired or has no reading, a file that cannot be written.
pub fn encrypt(args: &EncryptArgs) -> Result<EncryptReport> {
    let context = he::Context::new(N4096);
    let sensor = args.port.connect()?;
    let about = || args.port.name();
    let length = sensor.read().with_context(about)?;
    let whole = match u16::try_from(length) {
        Ok(length) if usize::from(length) <= context.n() => length,
        _ => bail!("a reading of {length} bytes does not fit one ciphertext"),
    };
    let segment = Segment {
        coefficient: 0,
        source: 0,
        length: whole,
    };
    let bar = progress::bar(
        FreshCiphertext::wire_len(&context) as u64,
        "bytes from the device",
    );
    let (start, before) = (Instant::now(), sensor.traffic().wire_in);
    let bytes = sensor
        .encrypt(&context, args.plain_bits, 8, &[segment], &mut |done| {
            bar.set_position(done as u64)
        })
        .with_context(about)?;
    let ms = start.elapsed().as_secs_f64() * 1e3;
    bar.finish_and_clear();
    FreshCiphertext::from_bytes(&context, &bytes).with_context(about)?;
    let file = CiphertextFile {
        plain_bits: args.plain_bits,
        length,
        bytes,
    };
    file.write(&args.out)?;
    Ok(EncryptReport {
        port: args.port.port.to_string(),
        file: args.out.display().to_string(),
        plain_bits: args.plain_bits,
        reading_bytes: length,
        ciphertext_bytes: file.bytes.len(),
        digest: hex(&Sha256::digest(&file.bytes)),
        ms,
        wire_bytes: sensor.traffic().wire_in - before,
    })
}

impl Report for EncryptReport {
    fn text(&self, _: usize) -> String {
        format!(
            "a reading of {} bytes in a ciphertext of {} in {}, {} ms, {} on the wire\nSHA-256 {}",
            self.reading_bytes,
            output::bytes(self.ciphertext_bytes as u64),
            self.file,
            milliseconds(self.ms),
            output::bytes(self.wire_bytes),
            self.digest
        )
    }
}
