//! `addax device log`: decodes the log of a device, which travels on a line of its own.

use std::io::{ErrorKind, Read};
use std::path::PathBuf;
use std::time::{Duration, Instant};

use addax::accel::device::Place;
use anyhow::{Context, Result, bail};
use clap::Args;
use defmt_decoder::{DecodeError, Table};
use serde::Serialize;

use crate::cli::connection;
use crate::cli::output::{self, Report, plural};

/// Largest firmware that is read: what a debugger wants to know is most of it.
const MOST_ELF: u64 = 256 << 20;

/// Arguments of `addax device log`.
#[derive(Args)]
pub struct LogArgs {
    #[command(flatten)]
    source: Source,
    /// The device's firmware, which holds the texts of the log
    #[arg(long, value_name = "FILE")]
    elf: PathBuf,
    /// End after so many lines
    #[arg(long, value_name = "COUNT")]
    lines: Option<u64>,
    /// End after so many seconds
    #[arg(long, value_name = "SECONDS", value_parser = connection::seconds)]
    seconds: Option<Duration>,
}

#[derive(Args)]
#[group(required = true, multiple = false)]
struct Source {
    /// The log's line: serial:PATH, serial:PATH@BAUD or socket:HOST:PORT
    #[arg(long, value_name = "PORT")]
    port: Option<Place>,
    /// A file of what came from it
    #[arg(long, value_name = "FILE")]
    file: Option<PathBuf>,
}

/// What was decoded.
#[derive(Serialize)]
pub struct LogReport {
    lines: Vec<String>,
    /// Lines that could not be decoded.
    damaged: u64,
    #[serde(skip)]
    shown: u64,
}

/// Decodes until the source ends, or there was enough. Lines are printed as they come, unless one object is wanted.
///
/// # Errors
/// Firmware that has no log, a source that cannot be opened or read.
pub fn log(args: &LogArgs, json: bool) -> Result<LogReport> {
    let name = args.elf.display();
    let mut elf = Vec::new();
    std::fs::File::open(&args.elf)
        .and_then(|file| file.take(MOST_ELF).read_to_end(&mut elf))
        .with_context(|| format!("cannot read {name}"))?;
    let table = Table::parse(&elf)
        .with_context(|| format!("{name}: the log's texts cannot be read"))?
        .with_context(|| format!("{name} is not firmware with a log"))?;
    // A socket closes when one of its ends goes.
    let mut writer = None;
    let mut source: Box<dyn Read> = match (&args.source.port, &args.source.file) {
        (Some(place), _) => {
            let line = place.line().with_context(|| format!("log {place}"))?;
            writer = Some(line.writer);
            line.reader
        }
        (None, Some(file)) => Box::new(
            std::fs::File::open(file).with_context(|| format!("cannot read {}", file.display()))?,
        ),
        (None, None) => bail!("name the log's line with --port PORT or a file with --file FILE"),
    };

    let mut decoder = table.new_stream_decoder();
    let mut report = LogReport {
        lines: Vec::new(),
        damaged: 0,
        shown: 0,
    };
    let (start, mut bytes) = (Instant::now(), [0; 1024]);
    let enough = |report: &LogReport| args.lines.is_some_and(|most| report.shown >= most);
    while !enough(&report) && args.seconds.is_none_or(|most| start.elapsed() < most) {
        match source.read(&mut bytes) {
            Ok(0) => break,
            Ok(count) => decoder.received(&bytes[..count]),
            Err(error) => match error.kind() {
                ErrorKind::TimedOut | ErrorKind::WouldBlock | ErrorKind::Interrupted => continue,
                _ => return Err(error).context("the log's line"),
            },
        }
        while !enough(&report) {
            match decoder.decode() {
                Ok(frame) => {
                    // Firmware says what it likes; a terminal should not obey it.
                    let line: String = frame
                        .display(false)
                        .to_string()
                        .chars()
                        .filter(|character| !character.is_control())
                        .collect();
                    report.shown += 1;
                    match json {
                        true => report.lines.push(line),
                        false => output::print(&line)?,
                    }
                }
                Err(DecodeError::UnexpectedEof) => break,
                Err(DecodeError::Malformed) => report.damaged += 1,
            }
        }
    }
    drop(writer);
    Ok(report)
}

impl Report for LogReport {
    fn text(&self, _: usize) -> String {
        let lines = plural(usize::try_from(self.shown).unwrap_or(usize::MAX), "line");
        format!("{lines}, {} damaged", self.damaged)
    }
}
