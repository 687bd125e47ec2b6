//! `addax device`: microcontrollers that encrypt what they sense, asked by their owner's gateway.
mod decrypt;
mod emulate;
mod encrypt;
mod file;
mod info;
mod log;
mod pair;

use std::time::Duration;

use addax::accel::device::Place;
use addax::device::Sensor;
use addax_sim::link::Patience;
use anyhow::{Context, Result};
use clap::{Args, Subcommand};

use crate::cli::connection;

pub use decrypt::decrypt;
pub use emulate::emulate;
pub use encrypt::encrypt;
pub use info::info;
pub use log::log;
pub use pair::pair;

/// Commands about devices.
#[derive(Subcommand)]
pub enum DeviceCommand {
    /// Say what a device is, and how it is
    Info(info::InfoArgs),
    /// Take over the secret key of a device that was started anew
    Pair(pair::PairArgs),
    /// Let a device take a reading and encrypt it
    Encrypt(encrypt::EncryptArgs),
    /// Let a paired device decrypt what it has encrypted
    Decrypt(decrypt::DecryptArgs),
    /// Start an emulated device with a picture in front of it
    Emulate(emulate::EmulateArgs),
    /// Decode the log of a device
    Log(log::LogArgs),
}

/// Where a device is.
#[derive(Args)]
pub struct Port {
    /// The device: serial:PATH, serial:PATH@BAUD or socket:HOST:PORT
    #[arg(long, value_name = "PORT")]
    port: Place,
    /// How long the device may be silent
    #[arg(long, value_name = "SECONDS", default_value = "10", value_parser = connection::seconds)]
    timeout: Duration,
}

impl Port {
    fn connect(&self) -> Result<Sensor> {
        connect(&self.port, self.timeout)
    }

    /// What an error is about.
    fn name(&self) -> String {
        format!("device {}", self.port)
    }
}

/// Opens a session with a sensor.
pub fn connect(place: &Place, silence: Duration) -> Result<Sensor> {
    let patience = Patience {
        silence,
        ..Patience::default()
    };
    Sensor::connect(place, patience).with_context(|| format!("device {place}"))
}
