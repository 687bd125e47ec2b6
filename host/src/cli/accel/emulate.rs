//! `addax accel emulate`: an emulated microcontroller that bridges a port to a simulated ring processor.
//!
//! ```text
//!   addax --accelerator serial:PORT ─▶ pseudo-terminal ─▶ emulated board ─▶ socket ─▶ simulated ring processor
//!                                      firmware: bridge                   this process
//! ```

use std::net::TcpListener;
use std::path::PathBuf;
use std::thread;
use std::time::{Duration, Instant};

use addax::accel::Accelerator;
use addax::device::emulator::{Emulator, HostPort, Settings};
use addax::device::firmware;
use addax_core::isa::Geometry;
use addax_core::link::Device;
use addax_core::link::fault::Rates;
use addax_sim::Random;
use addax_sim::link::server::{Quality, serve};
use anyhow::{Context, Result, bail};
use clap::Args;
use serde::Serialize;
use zeroize::Zeroizing;

use super::basis;
use crate::cli::connection;
use crate::cli::load::PARAMETERS;
use crate::cli::output::print;
use crate::cli::progress;

/// Arguments of `addax accel emulate`.
#[derive(Args)]
pub struct EmulateArgs {
    /// What computes behind the board: an accelerator of this computer, or `none`, and the board computes itself
    #[arg(long, value_name = "ACCELERATOR", default_value = "verilator")]
    machine: String,
    /// Offer a socket instead of a pseudo-terminal: faster
    #[arg(long)]
    socket: bool,
    /// Spoil so many frames of ten thousand in each direction between the board and its accelerator
    #[arg(long, value_name = "FRAMES", default_value_t = 0, value_parser = clap::value_parser!(u16).range(0..=5000))]
    fault: u16,
    /// Reset the board at random points in time, so far apart on average
    #[arg(long, value_name = "SECONDS", value_parser = connection::seconds)]
    reset_every: Option<Duration>,
    /// Decides faults and resets
    #[arg(long, value_name = "NUMBER", default_value_t = 1)]
    seed: u64,
    /// The board's program; that of this repository if none is given
    #[arg(long, value_name = "ELF")]
    firmware: Option<PathBuf>,
}

/// What is printed when the board runs.
#[derive(Serialize)]
struct Running {
    /// What `--accelerator` takes.
    accelerator: String,
    /// Where the board's log can be read, `HOST:PORT`.
    log: String,
    machine: String,
    firmware: PathBuf,
}

/// Runs until it is ended from outside, or the emulator ends.
///
/// # Errors
/// No emulator, no firmware, no such accelerator.
pub fn emulate(args: &EmulateArgs, json: bool) -> Result<()> {
    let spinner = progress::spinner("the firmware is built");
    let firmware = match &args.firmware {
        Some(firmware) => firmware.clone(),
        None => firmware::up_to_date("bridge")?,
    };
    spinner.set_message("the accelerator is opened");
    let accelerator = match args.machine.as_str() {
        "none" => None,
        machine => Some(machine.parse::<Accelerator>()?),
    };
    let accelerator = accelerator
        .map(|machine| offer(machine, args))
        .transpose()?;
    spinner.set_message("the board starts");
    let mut board = Emulator::start(&Settings {
        firmware: firmware.clone(),
        accelerator,
        host: if args.socket {
            HostPort::Socket
        } else {
            HostPort::Terminal
        },
        ..Settings::default()
    })?;
    spinner.finish_and_clear();
    let running = Running {
        accelerator: board.host().to_string(),
        log: board.log().to_owned(),
        machine: args.machine.clone(),
        firmware,
    };
    if json {
        print(&serde_json::to_string(&running)?)?;
    } else {
        print(&format!(
            "an emulated board, with {} behind it, until Ctrl-C\n\n  --accelerator {}\n\nits log: addax device log --port socket:{} --elf {}",
            match accelerator_name(&args.machine) {
                Some(name) => format!("accelerator {name}"),
                None => "nothing".to_owned(),
            },
            running.accelerator,
            running.log,
            running.firmware.display()
        ))?;
    }
    let mut random = Random::new(args.seed);
    let mut next_reset = args
        .reset_every
        .map(|every| Instant::now() + spread(every, &mut random));
    while board.is_running() {
        thread::sleep(Duration::from_millis(20));
        if let (Some(at), Some(every)) = (next_reset, args.reset_every)
            && at <= Instant::now()
        {
            board.reset()?;
            next_reset = Some(Instant::now() + spread(every, &mut random));
        }
    }
    bail!("the emulator has ended")
}

fn accelerator_name(machine: &str) -> Option<&str> {
    (machine != "none").then_some(machine)
}

/// Between half and one and a half times as long.
fn spread(time: Duration, random: &mut Random) -> Duration {
    time.mul_f64(0.5 + random.below(1 << 20) as f64 / f64::from(1 << 20))
}

/// Offers an accelerator on a socket, in a thread that ends with the process; its address.
fn offer(accelerator: Accelerator, args: &EmulateArgs) -> Result<String> {
    accelerator.check()?;
    if accelerator.place().is_some() {
        bail!(
            "{accelerator} is a device already: the board needs an accelerator of this computer behind it"
        );
    }
    let geometry = Geometry::DEFAULT;
    let basis = basis(geometry, PARAMETERS.limbs)?;
    let listener = TcpListener::bind("127.0.0.1:0").context("cannot listen on 127.0.0.1")?;
    let address = listener.local_addr()?.to_string();
    let faults = (args.fault > 0).then_some((Rates::even(args.fault), args.seed));
    // A circuit is built before the board asks for it.
    drop(accelerator.open(&basis, geometry)?);
    thread::spawn(move || {
        let mut machine = match accelerator.open(&basis, geometry) {
            Ok(machine) => machine,
            Err(error) => return tracing::error!("{error}"),
        };
        let moduli = (0..basis.limbs()).map(|limb| basis.modulus(limb));
        let name = format!("{accelerator} behind an emulated board");
        let scratch = Zeroizing::new(vec![0; geometry.n()]);
        let clocked = accelerator.is_simulated();
        let mut device = Device::new(&mut *machine, moduli, &name, clocked, scratch);
        let quality = Quality { rate: None, faults };
        if let Err(error) = serve(&mut device, &listener, quality, None, |_| {}) {
            tracing::error!("the accelerator's socket: {error}");
        }
    });
    Ok(address)
}
