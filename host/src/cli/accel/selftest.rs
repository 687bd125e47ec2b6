//! `addax accel selftest`: the conformance suite.
//!
//! Software is held to the definition in full at the default geometry. A circuit is simulated cycle by cycle, so it gets
//! the whole suite at n = 1024 and a part of it at the default geometry; and only if it is named.

use std::time::Instant;

use addax::accel::Accelerator;
use addax_core::isa::Geometry;
use addax_sim::conformance::{self, Difference, Suite, Summary};
use addax_sim::link::Patience;
use anyhow::Result;
use clap::Args;
use serde::Serialize;

use super::basis;
use crate::cli::load::PARAMETERS;
use crate::cli::output::{Report, count, milliseconds, table, thousands, to_microseconds};
use crate::cli::progress;

/// Arguments of `addax accel selftest`.
#[derive(Args)]
pub struct SelftestArgs {
    /// Only this one; those of software if none is named
    #[arg(long)]
    accelerator: Option<Accelerator>,
    /// Chooses residues and random programs
    #[arg(long, value_name = "NUMBER", default_value_t = Suite::default().seed)]
    seed: u64,
    /// Random programs to run
    #[arg(long, value_name = "COUNT", default_value_t = Suite::default().programs)]
    programs: u32,
}

/// What the self-tests found.
#[derive(Serialize)]
pub struct SelftestTable {
    passed: bool,
    accelerators: Vec<SelftestRow>,
}

#[derive(Serialize)]
struct SelftestRow {
    name: String,
    passed: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
    single_instructions: u64,
    faults: u64,
    illegal_words: u64,
    random_programs: u64,
    instructions: u64,
    words: u64,
    cycles: u64,
    stalls: u64,
    #[serde(serialize_with = "to_microseconds")]
    ms: f64,
}

/// Tests.
///
/// # Errors
/// An accelerator that cannot be opened. One that differs from the definition is a finding.
pub fn selftest(args: &SelftestArgs) -> Result<SelftestTable> {
    let suite = Suite {
        seed: args.seed,
        programs: args.programs,
        ..Suite::default()
    };
    let mut accelerators = Vec::new();
    let software = || {
        let all = Accelerator::ALL.into_iter();
        all.filter(|accelerator| !accelerator.is_simulated())
            .collect()
    };
    for accelerator in args
        .accelerator
        .clone()
        .map_or_else(software, |only| vec![only])
    {
        accelerators.push(test(&accelerator, &suite)?);
    }
    Ok(SelftestTable {
        passed: accelerators.iter().all(|row| row.passed),
        accelerators,
    })
}

/// Runs what is run of the suite on one accelerator.
fn test(accelerator: &Accelerator, suite: &Suite) -> Result<SelftestRow> {
    let spinner = progress::spinner(format!("testing {accelerator}"));
    let start = Instant::now();
    let brief = Suite {
        seed: suite.seed,
        programs: suite.programs.min(Suite::BRIEF.programs),
        ..Suite::BRIEF
    };
    let parts = if accelerator.place().is_some() {
        let mut client = accelerator.connect(Patience::default())?;
        client.self_test()?;
        let identity = client.identity().clone();
        drop(client);
        let stepwise = Suite {
            stepwise: true,
            ..if identity.geometry.n() > 1024 {
                brief
            } else {
                *suite
            }
        };
        vec![(identity.geometry, identity.moduli.len(), stepwise)]
    } else if accelerator.is_simulated() {
        let small = Geometry::new(10, 2, 4)?;
        vec![
            (small, PARAMETERS.limbs, *suite),
            (Geometry::DEFAULT, PARAMETERS.limbs, brief),
        ]
    } else {
        vec![(Geometry::DEFAULT, PARAMETERS.limbs, *suite)]
    };
    let mut summary = Summary::default();
    let mut difference: Option<Difference> = None;
    for (geometry, limbs, suite) in parts {
        let basis = basis(geometry, limbs)?;
        let mut machine = accelerator.open_kind(&basis, geometry, None)?;
        match conformance::check(machine.subject(), &basis, &suite) {
            Ok(part) => summary += part,
            Err(found) => {
                difference = Some(found);
                break;
            }
        }
    }
    spinner.finish_and_clear();
    Ok(SelftestRow {
        name: accelerator.to_string(),
        passed: difference.is_none(),
        error: difference.map(|difference| difference.to_string()),
        single_instructions: summary.single,
        faults: summary.faults,
        illegal_words: summary.illegal,
        random_programs: summary.programs,
        instructions: summary.instructions,
        words: summary.words,
        cycles: summary.cycles,
        stalls: summary.stalls,
        ms: start.elapsed().as_secs_f64() * 1e3,
    })
}

impl Report for SelftestTable {
    fn text(&self, width: usize) -> String {
        let header = [
            "accelerator",
            "result",
            "programs",
            "illegal",
            "instrs",
            "words",
            "ms",
        ];
        let row = |row: &SelftestRow| {
            vec![
                row.name.clone(),
                if row.passed { "as defined" } else { "DIFFERS" }.to_owned(),
                thousands(row.single_instructions + row.faults + row.random_programs),
                count(row.illegal_words),
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
