//! Does a device compute while words come?
//!
//! A line of a megabyte a second carries eight ciphertexts of two components in three limbs, and a weight for each, to a
//! machine whose clock makes the computation take as long as the transfer. The transfer alone is measured with a machine
//! that takes no time, the computation alone with a line that takes none.

use std::fmt::Write;
use std::fs;

use anyhow::{Context, Result};
use serde_json::Value;

use super::process::{Background, addax};
use crate::shell::target_directory;

/// Bytes a second of the line.
const RATE: &str = "1e6";

/// What was measured.
pub struct Overlap {
    /// Bytes of packed words against all bytes of the line.
    pub efficiency: f64,
    /// Time of both at once against the longer of the two.
    pub ratio: f64,
    /// The same when the machine waits for all words before it computes.
    pub ratio_without: f64,
}

/// Measures.
pub fn measure() -> Result<Overlap> {
    let mut program =
        String::from("machine n=4096 butterflies=8 slots=16 limbs=3\nstream random 9\n");
    for limb in 0..3 {
        writeln!(
            program,
            "LD.{limb} 3\nMUL.{limb} {limb}, 3, stream\nLOOP 15, next 2\nLD.{limb} 3\nMAC.{limb} {limb}, 3, stream\n\
             INTT.{limb} {limb}, {limb}\nST {limb}"
        )?;
    }
    let file = target_directory().join("overlap.program");
    fs::write(&file, program)?;
    let file = file.display().to_string();
    let run = |more: &[&str]| -> Result<(f64, Value)> {
        let arguments = [
            "serve",
            "--json",
            "--end-with-parent",
            "--listen",
            "127.0.0.1:0",
            "--machine",
            "reference",
        ];
        let server = Background::start("addax-sim", &[&arguments[..], more].concat())?;
        let address = server.said["address"]
            .as_str()
            .context("the server's address")?;
        let device = format!("socket:{address}");
        let report = addax(&["accel", "run", &file, "--accelerator", &device, "--json"])?;
        Ok((report["ms"].as_f64().context("milliseconds")?, report))
    };
    let efficiency = |report: &Value| report["link"]["efficiency"].as_f64().context("efficiency");
    let (transfer, report) = run(&["--rate", RATE])?;
    let cycles = report["cycles"].as_f64().context("cycles")?;
    let mut efficiencies = vec![efficiency(&report)?];
    let clock = format!("{}", cycles / (transfer / 1e3));
    let (compute, _) = run(&["--clock", &clock])?;
    let (both, report) = run(&["--rate", RATE, "--clock", &clock])?;
    efficiencies.push(efficiency(&report)?);
    let (apart, report) = run(&["--rate", RATE, "--clock", &clock, "--no-overlap"])?;
    efficiencies.push(efficiency(&report)?);
    // The median of three: a computer that is busy elsewhere lets a packet seem lost now and then.
    efficiencies.sort_by(f64::total_cmp);
    let longer = transfer.max(compute);
    eprintln!(
        "    transfer {transfer:.0} ms, computation {compute:.0} ms, both at once {both:.0} ms, one after the other {apart:.0} ms"
    );
    Ok(Overlap {
        efficiency: efficiencies[1],
        ratio: both / longer,
        ratio_without: apart / longer,
    })
}
