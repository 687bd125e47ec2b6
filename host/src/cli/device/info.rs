//! `addax device info`: what a device is, and how it is.

use addax::device::sensor::{SensorInfo, hex};
use anyhow::{Context, Result};
use clap::Args;
use serde::Serialize;

use super::Port;
use crate::cli::output::{Report, thousands};

/// Arguments of `addax device info`.
#[derive(Args)]
pub struct InfoArgs {
    #[command(flatten)]
    port: Port,
    /// Also let the device count what an encryption takes
    #[arg(long)]
    measure: bool,
}

/// What it is, and what it takes.
#[derive(Serialize)]
pub struct DeviceReport {
    port: String,
    #[serde(flatten)]
    info: SensorInfo,
    /// Counts of one encryption; only if asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    encrypt_counts: Option<u64>,
    /// The same if the device counts instructions.
    #[serde(skip_serializing_if = "Option::is_none")]
    encrypt_instructions: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    instructions_per_butterfly: Option<f64>,
}

/// Asks.
///
/// # Errors
/// A device that cannot be reached, or is none.
pub fn info(args: &InfoArgs) -> Result<DeviceReport> {
    let sensor = args.port.connect()?;
    let about = || args.port.name();
    let cost = match args.measure {
        true => Some(sensor.measure().with_context(about)?),
        false => None,
    };
    let info = sensor.info().with_context(about)?;
    let exact = cost.filter(|cost| cost.counts_instructions);
    Ok(DeviceReport {
        port: args.port.port.to_string(),
        info,
        encrypt_counts: cost.map(|cost| cost.encryption),
        encrypt_instructions: exact.map(|cost| cost.encryption),
        instructions_per_butterfly: exact
            .map(|cost| (cost.per_butterfly() * 100.0).round() / 100.0),
    })
}

impl Report for DeviceReport {
    fn text(&self, _: usize) -> String {
        let info = &self.info;
        let number = |value: u32| thousands(value.into());
        let mut text = format!(
            "{} with firmware {}: a sensor, n = {}, {} limbs, plaintexts of up to {} bits\n\
             start {} ({}), up for {} ms\n\
             reading of {} bytes, {} keys and encryptions since it was paired\n\
             memory {} bytes static, {} of {} bytes of stack used: {} in all\n\
             {} damaged frames, {} packets repeated\n",
            info.board,
            info.firmware,
            thousands(info.n as u64),
            info.limbs,
            info.max_plain_bits,
            info.starts,
            info.cause,
            thousands(info.uptime_ms),
            thousands(info.reading_bytes as u64),
            thousands(info.used),
            number(info.static_ram_bytes),
            number(info.stack_high_water_bytes),
            number(info.stack_bytes),
            number(info.ram_bytes),
            info.damaged,
            info.repeated,
        );
        text += &match &info.key {
            Some(key) => format!("paired: key {}\n", hex(key)),
            None => "not paired since it started\n".to_owned(),
        };
        if let Some(counts) = self.encrypt_counts {
            text += &match self.instructions_per_butterfly {
                Some(each) => format!(
                    "an encryption takes {} instructions, a butterfly {each:.1}\n",
                    thousands(counts)
                ),
                None => format!(
                    "an encryption takes {} cycles of the device's clock\n",
                    thousands(counts)
                ),
            };
        }
        text
    }
}
