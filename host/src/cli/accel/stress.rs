//! `addax accel stress`: random jobs on a device, over a line that is made bad on purpose, each compared with the
//! definition.

use std::time::{Duration, Instant};

use addax::accel::Accelerator;
use addax_core::link::fault::{Faults, Rates};
use addax_sim::Random;
use addax_sim::conformance::{Case, Comparison, Generator, Subject};
use addax_sim::link::{Client, Patience};
use anyhow::{Context, Result, bail};
use clap::Args;
use serde::Serialize;

use super::basis;
use crate::cli::connection;
use crate::cli::output::{Report, count, milliseconds, table, thousands, to_microseconds};
use crate::cli::progress;

/// How long the device may be silent: it is reset on purpose, and what is said between is lost on purpose.
const SILENCE: Duration = Duration::from_secs(30);

/// Arguments of `addax accel stress`.
#[derive(Args)]
pub struct StressArgs {
    /// The device: socket:HOST:PORT or serial:PATH[@BAUD]
    #[arg(long)]
    accelerator: Accelerator,
    /// Jobs: each empties the device, runs a random program and compares output and slots
    #[arg(long, value_name = "COUNT", default_value_t = 20)]
    jobs: u64,
    /// Go on after these until the device has been reset so many times
    #[arg(long, value_name = "COUNT", default_value_t = 0)]
    resets: u64,
    /// Most instructions of a program, up to 1000
    #[arg(long, value_name = "COUNT", default_value_t = 40, value_parser = clap::value_parser!(u16).range(1..=1000))]
    instructions: u16,
    /// Spoil so many frames of ten thousand in each direction, at this end of the line
    #[arg(long, value_name = "FRAMES", default_value_t = 0, value_parser = clap::value_parser!(u16).range(0..=5000))]
    fault: u16,
    /// How long a job may take without progress
    #[arg(long, value_name = "SECONDS", default_value = "120", value_parser = connection::seconds)]
    timeout: Duration,
    /// Decides programs, residues and faults
    #[arg(long, value_name = "NUMBER", default_value_t = 1)]
    seed: u64,
}

/// What the device went through.
#[derive(Serialize)]
pub struct StressReport {
    accelerator: String,
    device: String,
    /// Jobs begun.
    jobs: u64,
    /// Those whose results are those of the definition.
    completed: u64,
    /// Those whose results are not.
    wrong: u64,
    /// Those that ended in an error of the link.
    failed: u64,
    /// Those that took longer without progress than they may, and did not end in an error.
    hung: u64,
    /// The first error, of a wrong or failed job.
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
    /// Frames that were spoilt at this end, of `frames`.
    faults: u64,
    frames: u64,
    /// Packets that this end sent again.
    retries: u64,
    /// Resets of the device that were survived.
    resets: u64,
    /// Instructions of completed jobs.
    instructions: u64,
    #[serde(serialize_with = "to_microseconds")]
    ms: f64,
    /// The longest job.
    #[serde(serialize_with = "to_microseconds")]
    longest_ms: f64,
}

/// Runs the jobs.
///
/// # Errors
/// An accelerator that is no device, or a device that cannot be used. A job that fails is a finding.
pub fn stress(args: &StressArgs) -> Result<StressReport> {
    let Some(place) = args.accelerator.place() else {
        bail!(
            "{} is no device: this command is about links",
            args.accelerator
        );
    };
    let context = || format!("accelerator {}", args.accelerator);
    let (line, faults) = place
        .line()
        .with_context(context)?
        .faulty(Rates::even(args.fault), args.seed);
    let patience = Patience {
        silence: SILENCE,
        job: args.timeout,
    };
    let mut client = Client::open(line, patience).with_context(context)?;
    let identity = client.identity().clone();
    let basis = basis(identity.geometry, identity.moduli.len())?;
    let mut report = StressReport {
        accelerator: args.accelerator.to_string(),
        device: identity.name,
        jobs: 0,
        completed: 0,
        wrong: 0,
        failed: 0,
        hung: 0,
        error: None,
        faults: 0,
        frames: 0,
        retries: 0,
        resets: 0,
        instructions: 0,
        ms: 0.0,
        longest_ms: 0.0,
    };
    let bar = progress::bar(args.jobs, "jobs");
    let mut random = Random::new(args.seed);
    let start = Instant::now();
    while report.jobs < args.jobs || client.resets() < args.resets {
        let began = Instant::now();
        report.jobs += 1;
        let generator = Random::new(random.next());
        let (program, stream) =
            Generator::new(generator, identity.geometry, &basis).program(args.instructions.into());
        let case = Case::running(format!("job {}", report.jobs), program, stream);
        let outcome = Comparison::new(Subject::Software(&mut client), &basis, random.next())
            .and_then(|mut comparison| comparison.run(&case).map(|()| comparison.instructions));
        match (outcome, client.last_error()) {
            (Ok(instructions), _) => {
                report.completed += 1;
                report.instructions += instructions;
            }
            (Err(_), Some(error)) => {
                report.failed += 1;
                report.error.get_or_insert(error.to_string());
            }
            (Err(difference), None) => {
                report.wrong += 1;
                report.error.get_or_insert(difference.to_string());
            }
        }
        let took = began.elapsed();
        report.longest_ms = report.longest_ms.max(took.as_secs_f64() * 1e3);
        // A job is several requests, each of which may take that long.
        report.hung += u64::from(took > 8 * args.timeout);
        bar.inc(1);
        if report.failed > 0 {
            // A link that does not work now will not work for the next job.
            break;
        }
    }
    bar.finish_and_clear();
    let Faults { frames, .. } = faults.get();
    Ok(StressReport {
        faults: faults.get().all(),
        frames,
        retries: client.traffic().repeated,
        resets: client.resets(),
        ms: start.elapsed().as_secs_f64() * 1e3,
        ..report
    })
}

impl Report for StressReport {
    fn text(&self, width: usize) -> String {
        let rows = [
            ("jobs", thousands(self.jobs)),
            ("as defined", thousands(self.completed)),
            ("wrong", count(self.wrong)),
            ("failed", count(self.failed)),
            ("instructions", thousands(self.instructions)),
            ("frames", thousands(self.frames)),
            ("spoilt", count(self.faults)),
            ("sent again", count(self.retries)),
            ("resets survived", count(self.resets)),
            ("ms", milliseconds(self.ms)),
            ("longest job, ms", milliseconds(self.longest_ms)),
        ];
        let rows = rows.map(|(name, value)| vec![name.to_owned(), value]);
        table(width, 1, &[&self.device, ""], rows.into())
    }

    fn failure(&self) -> Option<String> {
        let error = self.error.as_deref()?;
        Some(match self.wrong {
            0 => format!("accelerator {}: {error}", self.accelerator),
            wrong => format!(
                "accelerator {}: {wrong} wrong results, first {error}",
                self.accelerator
            ),
        })
    }
}
