//! `cargo xtask synth`: area and speed of the circuits on a Lattice ECP5, area on a Xilinx 7-series device.
//!
//! Every circuit is put into a module with three pins, synthesised with Yosys, and placed and routed with nextpnr from
//! several seeds; memories and multipliers of the largest circuits stand where [`floorplan`] puts them. The figures go
//! into `docs/synthesis.json`, together with the hash of the Verilog that they were made from, and from there into the
//! tables of the documents. What was done before is not done again as long as `target/synth` is there.

pub mod floorplan;
pub mod flow;
pub mod report;
mod tables;

use anyhow::{Result, bail};
use clap::Args;

use crate::fpga_tools::FpgaTools;
use crate::pool::in_parallel;
use crate::verilog::{self, SYNTHESISED};
use flow::{Device, Job};
use report::{Configuration, Report};

/// What to do.
#[derive(Args)]
pub struct Options {
    /// Only the circuits with these names; the figures of the others stay
    #[arg(long, value_name = "NAME", value_delimiter = ',')]
    only: Vec<String>,
    /// Print docs/synthesis.json, and whether it is current, as one JSON object; synthesise nothing
    #[arg(long, conflicts_with_all = ["only", "tables"])]
    json: bool,
    /// Only write the tables of the documents from docs/synthesis.json
    #[arg(long)]
    tables: bool,
    /// Seeds of the placements; the median is what is published
    #[arg(long, value_name = "N", value_delimiter = ',', default_values_t = [1, 2, 3])]
    seeds: Vec<u32>,
    /// Tools that run at the same time
    #[arg(long, value_name = "N", default_value_t = 2)]
    jobs: usize,
}

/// Synthesises, reports and writes the tables.
pub fn run(options: &Options) -> Result<()> {
    if options.json {
        return report::print();
    }
    if options.tables {
        return tables::write(&Report::read()?);
    }
    let names: Vec<&str> = match options.only.as_slice() {
        [] => SYNTHESISED.to_vec(),
        only => only.iter().map(String::as_str).collect(),
    };
    if let Some(name) = names.iter().find(|name| !SYNTHESISED.contains(name)) {
        bail!(
            "{name} is not published: there are {}",
            SYNTHESISED.join(", ")
        );
    }
    let (written, breaches) = verilog::write(&names)?;
    if !breaches.is_empty() {
        bail!("the Verilog breaks rules: see cargo xtask verilog");
    }
    let tools = FpgaTools::install()?;
    let versions = tools.versions()?;
    println!("    {}, {}", versions[0], versions[1]);
    let jobs: Result<Vec<Job>> = written
        .iter()
        .map(|circuit| Job::new(circuit.clone(), &versions))
        .collect();
    let jobs = jobs?;
    let synthesis: Vec<(&Job, Device)> = jobs
        .iter()
        .flat_map(|job| Device::ALL.map(|device| (job, device)))
        .collect();
    in_parallel(options.jobs, &synthesis, |(job, device)| {
        job.synthesise(&tools, *device)
    })?;
    let placements: Vec<(&Job, u32)> = jobs
        .iter()
        .flat_map(|job| options.seeds.iter().map(move |&seed| (job, seed)))
        .collect();
    in_parallel(options.jobs, &placements, |(job, seed)| {
        job.place(&tools, *seed)
    })?;
    let mut report = Report::read().unwrap_or_default();
    report.begin(versions)?;
    for job in &jobs {
        report.put(Configuration::new(job, &options.seeds)?);
    }
    report.write()?;
    tables::write(&report)
}
