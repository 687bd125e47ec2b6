//! `cargo xtask device`: devices end to end. An emulated microcontroller bridges a port to the circuit, under good and bad
//! conditions; what is measured is printed, as one JSON object with `--json`.
//!
//! | part | what runs |
//! |---|---|
//! | demo | a whole inference over a pseudo-terminal, the firmware and the compiled circuit |
//! | conformance | the suite, slots compared after every instruction, with the circuit and with the board itself computing |
//! | faults | random jobs while frames are spoilt on both lines and the board is reset |
//! | sensor | a digit that only the emulated board sees, encrypted there, classified through a gateway |
//! | overlap | a layer of eight ciphertexts on a machine that computes as fast as its line carries |

mod overlap;
mod process;
mod sensor;

use std::thread;
use std::time::Instant;

use anyhow::{Context, Result, anyhow, bail};
use clap::Args;
use serde::Serialize;
use serde_json::Value;

use crate::shell::Shell;
use crate::system::{self, QEMU, VERILATOR};
use process::{Background, addax};

/// What to run, and how often.
#[derive(Args)]
pub struct Options {
    /// Print one JSON object
    #[arg(long)]
    json: bool,
    /// Run everything so many times
    #[arg(long, value_name = "COUNT", default_value_t = 1)]
    repeat: u32,
    /// Resets of the board that the jobs under faults must survive
    #[arg(long, value_name = "COUNT", default_value_t = 20)]
    resets: u64,
    /// Jobs under faults at least
    #[arg(long, value_name = "COUNT", default_value_t = 10)]
    jobs: u64,
    /// Run two parts at a time: sooner done, but times of jobs are those of a busy machine
    #[arg(long)]
    at_once: bool,
}

/// What was seen.
#[derive(Serialize, Default)]
struct Findings {
    bit_exact: bool,
    correct: bool,
    jobs: u64,
    faults: u64,
    retries: u64,
    wrong: u64,
    hung: u64,
    resets: u64,
    /// Milliseconds of a job without faults, and with them.
    job_ms: f64,
    job_ms_under_faults: f64,
    payload_efficiency: f64,
    /// Time with transfer and computation at once, against the longer of the two.
    overlap_ratio: f64,
    /// The same when all words are awaited before computing.
    no_overlap_ratio: f64,
    ram_bytes: u64,
    flash_bytes: u64,
    instructions_per_butterfly: f64,
    encrypt_instructions: u64,
    /// Milliseconds of the inference, and kilobytes a second that its line carried.
    demo_ms: f64,
    demo_kb_per_s: f64,
}

/// Runs everything and fails if anything is not as it must be.
pub fn run(options: &Options) -> Result<()> {
    for tool in [&QEMU, &VERILATOR] {
        if !tool.is_present() {
            system::require(tool)?;
        }
    }
    Shell::cargo("build --release --package addax --package addax-sim").output()?;
    for number in 1..=options.repeat {
        let findings = all(options)?;
        if options.json {
            println!("{}", serde_json::to_string(&findings)?);
        } else {
            println!("    run {number} of {}", options.repeat);
            let Value::Object(rows) = serde_json::to_value(&findings)? else {
                continue;
            };
            for (name, value) in rows {
                println!("    {name:<22} {value}");
            }
        }
        findings.check()?;
    }
    Ok(())
}

/// What `cargo xtask test` runs: the same with fewer resets, and two parts at a time.
pub fn check() -> Result<()> {
    if !QEMU.is_present() || !VERILATOR.is_present() {
        println!("    not run: needs qemu-system-arm and verilator");
        return Ok(());
    }
    run(&Options {
        json: false,
        repeat: 1,
        resets: 3,
        jobs: 3,
        at_once: true,
    })
}

impl Findings {
    fn check(&self) -> Result<()> {
        let conditions = [
            (self.bit_exact, "the inference is not bit-exact"),
            (self.correct, "the inference is wrong"),
            (
                self.ram_bytes <= 96 << 10,
                "the sensor needs more than 96 KiB of memory",
            ),
            (
                self.flash_bytes <= 256 << 10,
                "the sensor needs more than 256 KiB of flash",
            ),
            (
                self.instructions_per_butterfly <= 50.0,
                "a butterfly takes more than 50 instructions",
            ),
            (
                self.encrypt_instructions <= 24_000_000,
                "an encryption takes more than 24 million instructions",
            ),
            (self.wrong == 0, "a job gave a wrong result"),
            (self.hung == 0, "a job took longer than it may"),
            (
                self.payload_efficiency >= 0.97,
                "the line carries too much beside words",
            ),
            (
                self.overlap_ratio <= 1.1,
                "transfer and computation do not overlap",
            ),
            (
                self.no_overlap_ratio >= 1.6,
                "the measurement of overlap does not measure",
            ),
        ];
        match conditions.into_iter().find(|(holds, _)| !holds) {
            Some((_, what)) => bail!("{what}"),
            None => Ok(()),
        }
    }
}

fn all(options: &Options) -> Result<Findings> {
    let mut findings = Findings::default();
    let suite = || {
        part("the suite, with the circuit behind the board", || {
            conformance("verilator")
        })?;
        part("the suite, with the board computing itself", || {
            conformance("none")
        })?;
        part("the sensor", sensor::measure)
    };
    let mut jobs = || {
        part("the inference over a serial port", || demo(&mut findings))?;
        part("jobs under faults", || faults(options, &mut findings))
    };
    let sensor = match options.at_once {
        false => {
            jobs()?;
            suite()?
        }
        true => thread::scope(|scope| {
            let suite = scope.spawn(suite);
            jobs()?;
            suite
                .join()
                .map_err(|_| anyhow!("a part ended in a defect"))?
        })?,
    };
    findings.correct &= sensor.correct;
    findings.bit_exact &= sensor.exact;
    findings.ram_bytes = sensor.ram_bytes;
    findings.flash_bytes = sensor.flash_bytes;
    findings.instructions_per_butterfly = sensor.instructions_per_butterfly;
    findings.encrypt_instructions = sensor.encrypt_instructions;
    // Times are its subject: nothing beside it.
    let overlap = part("overlap", overlap::measure)?;
    findings.payload_efficiency = overlap.efficiency;
    findings.overlap_ratio = overlap.ratio;
    findings.no_overlap_ratio = overlap.ratio_without;
    Ok(findings)
}

/// Runs a part, says how long it took, and names it in its errors.
fn part<T>(name: &'static str, run: impl FnOnce() -> Result<T>) -> Result<T> {
    let start = Instant::now();
    let result = run().context(name)?;
    eprintln!("    {name}: {:.0} s", start.elapsed().as_secs_f64());
    Ok(result)
}

/// An emulated board, and the name of its port.
fn board(arguments: &[&str]) -> Result<(Background, String)> {
    let arguments = [
        &["accel", "emulate", "--json", "--end-with-parent"],
        arguments,
    ]
    .concat();
    let board = Background::start("addax", &arguments)?;
    let port = board.said["accelerator"]
        .as_str()
        .context("the board's port")?
        .to_owned();
    Ok((board, port))
}

fn demo(findings: &mut Findings) -> Result<()> {
    let (_board, port) = board(&["--machine", "verilator"])?;
    let model = "models/sensor-mnist.onnx";
    let demo = addax(&[
        "demo",
        "--images",
        "1",
        "--model",
        model,
        "--json",
        "--accelerator",
        &port,
    ])?;
    findings.bit_exact = demo["bit_exact"] == true;
    findings.correct = demo["correct"] == 1;
    findings.demo_ms = demo["total_ms"].as_f64().unwrap_or_default();
    let layers = demo["layers"]
        .as_array()
        .map(Vec::as_slice)
        .unwrap_or_default();
    let sum = |field: &str| {
        layers
            .iter()
            .filter_map(|layer| layer[field].as_f64())
            .sum::<f64>()
    };
    findings.demo_kb_per_s = sum("link_bytes") / sum("link_ms");
    let cpu = addax(&["demo", "--images", "1", "--model", model, "--json"])?;
    if cpu["logits_digest"] != demo["logits_digest"] {
        bail!("other logits than without a device");
    }
    Ok(())
}

fn conformance(machine: &str) -> Result<()> {
    let (_board, port) = board(&["--machine", machine, "--socket"])?;
    let tested = addax(&["accel", "selftest", "--json", "--accelerator", &port])?;
    if tested["passed"] != true {
        bail!("{tested}");
    }
    Ok(())
}

fn faults(options: &Options, findings: &mut Findings) -> Result<()> {
    let jobs = options.jobs.to_string();
    let stress = |port: &str, more: &[&str]| {
        let arguments = [
            "accel",
            "stress",
            "--json",
            "--instructions",
            "6",
            "--accelerator",
            port,
        ];
        addax(&[&arguments[..], more].concat())
    };
    let number = |report: &Value, field: &str| report[field].as_f64().unwrap_or_default();
    let clean = {
        let (_board, port) = board(&["--machine", "cpu", "--socket"])?;
        stress(&port, &["--jobs", "3"])?
    };
    findings.job_ms = number(&clean, "ms") / number(&clean, "jobs");
    // One frame in twenty on each line and in each direction; a reset every ten seconds.
    let (_board, port) = board(&[
        "--machine",
        "cpu",
        "--socket",
        "--fault",
        "500",
        "--reset-every",
        "10",
    ])?;
    let resets = options.resets.to_string();
    let found = stress(
        &port,
        &["--jobs", &jobs, "--resets", &resets, "--fault", "500"],
    )?;
    let count = |field: &str| found[field].as_u64().unwrap_or_default();
    findings.jobs = count("jobs");
    findings.faults = count("faults");
    findings.retries = count("retries");
    findings.wrong = count("wrong") + count("failed");
    findings.hung = count("hung");
    findings.resets = count("resets");
    findings.job_ms_under_faults = number(&found, "ms") / number(&found, "jobs");
    Ok(())
}
