//! `addax device decrypt`: a device decrypts what it has encrypted, as it would a server's response.
//!
//! The ciphertext is switched from three limbs to one and stripped of its low bits, as a server does; that takes no
//! secret. What the device returns is the reading.

use std::path::PathBuf;

use addax::device::{Pairing, SensorError};
use addax::he::{self, FreshCiphertext, noise, wire};
use addax_core::params::N4096;
use addax_core::poly;
use anyhow::{Context, Result};
use clap::Args;
use serde::Serialize;

use super::Port;
use super::file::CiphertextFile;
use crate::cli::output::Report;

/// Arguments of `addax device decrypt`.
#[derive(Args)]
pub struct DecryptArgs {
    #[command(flatten)]
    port: Port,
    /// The key file of `addax device pair`, which shows the device that it may tell
    #[arg(long, value_name = "FILE")]
    key: PathBuf,
    /// The file of `addax device encrypt`
    #[arg(long, value_name = "FILE")]
    ciphertext: PathBuf,
}

/// The plaintext.
#[derive(Serialize)]
pub struct DecryptReport {
    port: String,
    plain_bits: u32,
    values: Vec<u64>,
}

/// Lets the device decrypt.
///
/// # Errors
/// Files that cannot be read, a device that was reset since, a link that does not work.
pub fn decrypt(args: &DecryptArgs) -> Result<DecryptReport> {
    let context = he::Context::new(N4096);
    let pairing = Pairing::read(&args.key)?;
    let file = CiphertextFile::read(&args.ciphertext, &context)?;
    let name = || args.ciphertext.display().to_string();
    let fresh = FreshCiphertext::from_bytes(&context, &file.bytes).with_context(name)?;
    let format = noise::response_format(context.parameters(), file.plain_bits);
    let components = one_limb(&context, fresh);
    let used: Vec<usize> = (0..file.length).collect();
    let response = he::Response::extract(&format, &context, &components, &used).to_bytes(&format);
    let width = addax_core::params::RESIDUE_BITS - format.dropped_bits[0];
    let (c0, c1) = response.split_at(wire::packed_len(used.len(), width));
    let c0 = wire::unpack(c0, used.len(), width, "response").with_context(name)?;
    let c0: Vec<(u16, u64)> = (0..).zip(c0).collect();

    let sensor = args.port.connect()?;
    let about = || args.port.name();
    if sensor.info().with_context(about)?.key != Some(pairing.id()) {
        return Err(SensorError::Unpaired).with_context(about);
    }
    let values = sensor
        .decrypt(
            file.plain_bits,
            format.dropped_bits,
            pairing.proof(),
            c1,
            &c0,
        )
        .with_context(about)?;
    Ok(DecryptReport {
        port: args.port.port.to_string(),
        plain_bits: file.plain_bits,
        values: values.to_vec(),
    })
}

/// Both components' coefficients in the first limb, the others switched away.
fn one_limb(context: &he::Context, fresh: FreshCiphertext) -> [Vec<Vec<u64>>; 2] {
    let mut components = fresh.into_components(context);
    for component in &mut components {
        for (limb, values) in component.iter_mut().enumerate() {
            context.basis().plan(limb).inverse(values);
        }
        while component.len() > 1
            && let Some(last) = component.pop()
        {
            let dropped = context.basis().modulus(component.len());
            for (limb, target) in component.iter_mut().enumerate() {
                let kept = context.basis().modulus(limb);
                poly::switch_limb(&dropped, &last, &kept, target);
            }
        }
    }
    components
}

impl Report for DecryptReport {
    fn text(&self, _: usize) -> String {
        let values: Vec<String> = self.values.iter().map(u64::to_string).collect();
        values.join(" ")
    }
}
