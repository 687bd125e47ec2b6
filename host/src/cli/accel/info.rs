//! `addax accel info`: what a device with a ring processor is, and how it is.

use addax::accel::Accelerator;
use addax_core::link::message::Status;
use addax_sim::link::Patience;
use anyhow::{Context, Result, bail};
use clap::Args;
use serde::Serialize;

use crate::cli::output::{Report, table, thousands};

/// Arguments of `addax accel info`.
#[derive(Args)]
pub struct InfoArgs {
    /// The device: socket:HOST:PORT or serial:PATH[@BAUD]
    #[arg(long)]
    accelerator: Accelerator,
    /// Also let it multiply two polynomials in every limb and compare
    #[arg(long)]
    test: bool,
}

/// What it says.
#[derive(Serialize)]
pub struct InfoReport {
    accelerator: String,
    name: String,
    n: usize,
    butterflies: u32,
    slots: usize,
    moduli: Vec<u64>,
    /// Whether a clock of its own counts cycles.
    clocked: bool,
    /// Whether its own test passed; only if it was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    test_passed: Option<bool>,
    #[serde(flatten)]
    status: Status,
}

/// Asks.
///
/// # Errors
/// An accelerator that is no device, or a device that cannot be used.
pub fn info(args: &InfoArgs) -> Result<InfoReport> {
    if args.accelerator.place().is_none() {
        bail!(
            "{} is no device: `addax accel list` says what there is",
            args.accelerator
        );
    }
    let mut client = args.accelerator.connect(Patience::default())?;
    let about = || format!("accelerator {}", args.accelerator);
    let test_passed = match args.test {
        true => Some(client.self_test().with_context(about).map(|()| true)?),
        false => None,
    };
    let status = client.status().with_context(about)?;
    let identity = client.identity();
    Ok(InfoReport {
        accelerator: args.accelerator.to_string(),
        name: identity.name.clone(),
        n: identity.geometry.n(),
        butterflies: identity.geometry.butterflies(),
        slots: identity.geometry.slots(),
        moduli: identity.moduli.clone(),
        clocked: identity.clocked,
        test_passed,
        status,
    })
}

impl Report for InfoReport {
    fn text(&self, width: usize) -> String {
        let Status {
            uptime_ms,
            programs,
            cycles,
            stalls,
            damaged,
            repeated,
            starts,
        } = self.status;
        let cycles_by = if self.clocked {
            "cycles, by its own clock"
        } else {
            "cycles, by the model"
        };
        let mut rows = vec![
            ("coefficients", thousands(self.n as u64)),
            ("butterflies", self.butterflies.to_string()),
            ("slots", self.slots.to_string()),
            ("limbs", self.moduli.len().to_string()),
            ("up for, ms", thousands(uptime_ms)),
            ("starts", thousands(starts.into())),
            ("programs", thousands(programs)),
            (cycles_by, thousands(cycles)),
            ("cycles waited", thousands(stalls)),
            ("damaged frames", thousands(damaged)),
            ("packets sent again", thousands(repeated)),
        ];
        if self.test_passed.is_some() {
            rows.push(("its own test", "passed".to_owned()));
        }
        let rows = rows
            .into_iter()
            .map(|(name, value)| vec![name.to_owned(), value]);
        table(width, 1, &[&self.name, ""], rows.collect())
    }
}
