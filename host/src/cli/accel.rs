//! `addax accel`: the accelerators of this build, and whether they do what the definition says.

use std::time::Instant;

use addax::accel::{self, Accelerator};
use addax::he;
use addax_core::isa::Geometry;
use addax_sim::conformance::{self, Subject, Suite, Summary};
use anyhow::Result;
use clap::{Args, Subcommand};
use serde::Serialize;

use super::load::PARAMETERS;
use super::output::{Report, milliseconds, table, thousands, to_microseconds};
use super::progress;

/// Commands about accelerators.
#[derive(Subcommand)]
pub enum AccelCommand {
    /// List the accelerators of this build
    List,
    /// Compare accelerators with the definition, instruction by instruction
    Selftest(SelftestArgs),
}

/// Arguments of `addax accel selftest`.
#[derive(Args)]
pub struct SelftestArgs {
    /// Only this one
    #[arg(long)]
    accelerator: Option<Accelerator>,
    /// Chooses residues and random programs
    #[arg(long, value_name = "NUMBER", default_value_t = Suite::default().seed)]
    seed: u64,
    /// Random programs to run
    #[arg(long, value_name = "COUNT", default_value_t = Suite::default().programs)]
    programs: u32,
}

/// The accelerators of this build.
#[derive(Serialize)]
pub struct AccelList {
    accelerators: Vec<AccelRow>,
}

#[derive(Serialize)]
struct AccelRow {
    name: &'static str,
    description: &'static str,
    default: bool,
}

/// Lists.
pub fn list() -> AccelList {
    let row = |row: accel::Row| AccelRow {
        name: row.name,
        description: row.description,
        default: row.default,
    };
    AccelList {
        accelerators: accel::list().map(row).collect(),
    }
}

impl Report for AccelList {
    fn text(&self, width: usize) -> String {
        let row = |row: &AccelRow| {
            let mark = if row.default { " (default)" } else { "" };
            vec![format!("{}{mark}", row.name), row.description.to_owned()]
        };
        let rows = self.accelerators.iter().map(row).collect();
        table(width, 2, &["accelerator", "what it is"], rows)
    }
}

/// What the self-tests found.
#[derive(Serialize)]
pub struct SelftestTable {
    passed: bool,
    accelerators: Vec<SelftestRow>,
}

#[derive(Serialize)]
struct SelftestRow {
    name: &'static str,
    passed: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
    single_instructions: u64,
    faults: u64,
    random_programs: u64,
    instructions: u64,
    words: u64,
    cycles: u64,
    #[serde(serialize_with = "to_microseconds")]
    ms: f64,
}

/// Tests.
///
/// # Errors
/// An accelerator that cannot be opened. One that differs from the definition is a finding.
pub fn selftest(args: &SelftestArgs) -> Result<SelftestTable> {
    let context = he::Context::new(PARAMETERS);
    let suite = Suite {
        seed: args.seed,
        programs: args.programs,
        ..Suite::default()
    };
    let mut accelerators = Vec::new();
    for accelerator in Accelerator::ALL {
        if args.accelerator.is_some_and(|only| only != accelerator) {
            continue;
        }
        let spinner = progress::spinner(format!("testing {accelerator}"));
        let start = Instant::now();
        let mut machine = accelerator.open(&**context.basis(), Geometry::DEFAULT)?;
        let outcome = conformance::check(Subject::Software(&mut *machine), context.basis(), &suite);
        spinner.finish_and_clear();
        let error = outcome.as_ref().err().map(ToString::to_string);
        let report: Summary = outcome.unwrap_or_default();
        accelerators.push(SelftestRow {
            name: accelerator.name(),
            passed: error.is_none(),
            error,
            single_instructions: report.single,
            faults: report.faults,
            random_programs: report.programs,
            instructions: report.instructions,
            words: report.words,
            cycles: report.cycles,
            ms: start.elapsed().as_secs_f64() * 1e3,
        });
    }
    Ok(SelftestTable {
        passed: accelerators.iter().all(|row| row.passed),
        accelerators,
    })
}

impl Report for SelftestTable {
    fn text(&self, width: usize) -> String {
        let header = [
            "accelerator",
            "result",
            "single",
            "faults",
            "random",
            "instrs",
            "words",
            "ms",
        ];
        let row = |row: &SelftestRow| {
            vec![
                row.name.to_owned(),
                if row.passed { "as defined" } else { "DIFFERS" }.to_owned(),
                thousands(row.single_instructions),
                thousands(row.faults),
                thousands(row.random_programs),
                thousands(row.instructions),
                thousands(row.words),
                milliseconds(row.ms),
            ]
        };
        let rows = self.accelerators.iter().map(row).collect();
        table(width, 2, &header, rows)
    }

    fn failure(&self) -> Option<String> {
        let failed = self.accelerators.iter().find(|row| !row.passed)?;
        let error = failed.error.as_deref().unwrap_or_default();
        Some(format!(
            "accelerator {} differs from the definition: {error}",
            failed.name
        ))
    }
}
