//! `addax device emulate`: an emulated sensor with a picture in front of it.

use std::path::PathBuf;
use std::thread;
use std::time::Duration;

use addax::data::idx;
use addax::device::emulator::{Emulator, HostPort, Settings};
use addax::device::firmware;
use anyhow::{Context, Result, bail};
use clap::Args;
use serde::Serialize;

use crate::cli::output::{print, thousands};
use crate::cli::progress;

/// Arguments of `addax device emulate`.
#[derive(Args)]
pub struct EmulateArgs {
    /// IDX file of images, one of which is what the sensor sees; `addax draw` makes such files
    #[arg(long, value_name = "FILE")]
    idx: PathBuf,
    /// Which image, from 0
    #[arg(long, value_name = "NUMBER", default_value_t = 0)]
    index: usize,
    /// Offer a socket instead of a pseudo-terminal: faster
    #[arg(long)]
    socket: bool,
    /// Let the board's clock count instructions, for `addax device info --measure`
    #[arg(long)]
    count_instructions: bool,
    /// The board's program; that of this repository if none is given
    #[arg(long, value_name = "ELF")]
    firmware: Option<PathBuf>,
}

/// What is printed when the board runs.
#[derive(Serialize)]
struct Running {
    /// What `--port` and `--device` take.
    port: String,
    /// Where the board's log can be read, `HOST:PORT`.
    log: String,
    firmware: PathBuf,
    /// Bytes of flash that the firmware takes.
    flash_bytes: u64,
}

/// Runs until it is ended from outside, or the emulator ends.
///
/// # Errors
/// No picture, no emulator, no firmware.
pub fn emulate(args: &EmulateArgs, json: bool) -> Result<()> {
    let (shape, pixels) = idx::read_images(&args.idx)?;
    let Some(reading) = pixels.chunks_exact(shape.len()).nth(args.index) else {
        bail!("{} has no image {}", args.idx.display(), args.index);
    };
    let spinner = progress::spinner("the firmware is built");
    let firmware = match &args.firmware {
        Some(firmware) => firmware.clone(),
        None => firmware::up_to_date("sensor")?,
    };
    let flash_bytes =
        firmware::flash_bytes(&firmware).with_context(|| firmware.display().to_string())?;
    spinner.set_message("the board starts");
    let mut board = Emulator::start(&Settings {
        firmware: firmware.clone(),
        reading: reading.to_vec(),
        host: if args.socket {
            HostPort::Socket
        } else {
            HostPort::Terminal
        },
        count_instructions: args.count_instructions,
        ..Settings::default()
    })?;
    spinner.finish_and_clear();
    let running = Running {
        port: board.host().to_string(),
        log: board.log().to_owned(),
        firmware,
        flash_bytes,
    };
    if json {
        print(&serde_json::to_string(&running)?)?;
    } else {
        print(&format!(
            "an emulated sensor with {} bytes of flash, until Ctrl-C\n\n  --port {}\n\nits log: addax device log --port socket:{} --elf {}",
            thousands(flash_bytes),
            running.port,
            running.log,
            running.firmware.display()
        ))?;
    }
    while board.is_running() {
        thread::sleep(Duration::from_millis(20));
    }
    bail!("the emulator has ended")
}
