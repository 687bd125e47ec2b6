//! `addax device pair`: takes over the secret key of a device that was started anew.

use std::path::PathBuf;

use addax::device::Pairing;
use addax::device::sensor::hex;
use anyhow::{Context, Result};
use clap::Args;
use serde::Serialize;

use super::Port;
use crate::cli::output::Report;

/// Arguments of `addax device pair`.
#[derive(Args)]
pub struct PairArgs {
    #[command(flatten)]
    port: Port,
    /// Where to keep the secret key, readable for its owner only
    #[arg(long, value_name = "FILE")]
    key: PathBuf,
    /// Replace the file
    #[arg(long)]
    force: bool,
}

/// Which key was taken over.
#[derive(Serialize)]
pub struct PairReport {
    port: String,
    file: String,
    key: String,
}

/// Pairs.
///
/// # Errors
/// A device that was paired since its last start, a file that is there already or cannot be written.
pub fn pair(args: &PairArgs) -> Result<PairReport> {
    // The device hands over its key only once: better to know before.
    Pairing::check_target(&args.key, args.force)?;
    let sensor = args.port.connect()?;
    let about = || args.port.name();
    let pairing = Pairing::new(sensor.pair().with_context(about)?).with_context(about)?;
    pairing
        .write(&args.key, args.force)
        .context("the device is paired, but its key is lost: reset it and pair again")?;
    Ok(PairReport {
        port: args.port.port.to_string(),
        file: args.key.display().to_string(),
        key: hex(&pairing.id()),
    })
}

impl Report for PairReport {
    fn text(&self, _: usize) -> String {
        format!(
            "paired with {}: key {} in {}\nwhoever reads this file can decrypt the device's readings",
            self.port, self.key, self.file
        )
    }
}
