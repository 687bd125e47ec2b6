//! `addax accel bench`: cycles a second, and the cycles of each instruction.

use std::time::{Duration, Instant};

use addax::accel::Accelerator;
use addax_core::isa::{Geometry, Increment, ProgramBuilder, ProgramError};
use addax_core::machine::{Sink, SliceSource, StreamError};
use addax_sim::link::Patience;
use anyhow::Result;
use clap::Args;
use serde::Serialize;

use super::basis;
use crate::cli::load::PARAMETERS;
use crate::cli::output::{Report, table, thousands};
use crate::cli::progress;

/// Arguments of `addax accel bench`.
#[derive(Args)]
pub struct BenchArgs {
    /// Only this one
    #[arg(long)]
    accelerator: Option<Accelerator>,
    /// Milliseconds that each measurement takes at least
    #[arg(long, value_name = "MS", default_value_t = 500)]
    time: u64,
}

/// What was measured.
#[derive(Serialize)]
pub struct BenchReport {
    accelerators: Vec<AcceleratorRow>,
}

#[derive(Serialize)]
struct AcceleratorRow {
    name: String,
    available: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    missing: Option<String>,
    machines: Vec<MachineRow>,
}

#[derive(Serialize)]
struct MachineRow {
    n: usize,
    butterflies: u32,
    slots: usize,
    /// Machine cycles that pass in a second of this computer's time.
    cycles_per_s: u64,
    /// Cycles of each instruction, as the machine reports them.
    cycles: Vec<InstructionRow>,
}

#[derive(Serialize, PartialEq, Eq)]
struct InstructionRow {
    instruction: &'static str,
    cycles: u64,
}

type Write = fn(&mut ProgramBuilder) -> Result<(), ProgramError>;

/// One instruction of each kind, on slots 0 and 1 under limb 0.
const INSTRUCTIONS: [(&str, Write); 14] = [
    ("LD", |p| p.load(0, 0).map(drop)),
    ("LD int8", |p| p.load_weights(0, 1).map(drop)),
    ("ST", |p| p.store(0).map(drop)),
    ("NTT", |p| p.ntt(0, 0, 0).map(drop)),
    ("INTT", |p| p.intt(0, 0, 0).map(drop)),
    ("MUL", |p| p.mul(0, 1, 0, 1).map(drop)),
    ("MAC", |p| p.mac(0, 1, 0, 1).map(drop)),
    ("ADD", |p| p.add(0, 1, 0, 1).map(drop)),
    ("SUB", |p| p.sub(0, 1, 0, 1).map(drop)),
    ("MULI", |p| {
        let constant = p.constant(1)?;
        p.mul_constant(0, 1, 0, constant).map(drop)
    }),
    ("AUT", |p| p.automorphism(1, 0, 5).map(drop)),
    ("RED", |p| p.reduce(0, 0, 0, 0).map(drop)),
    ("LOOP", |p| {
        p.repeat(1, Increment::NONE, ProgramBuilder::sync).map(drop)
    }),
    ("SYNC", |p| p.sync().map(drop)),
];

/// Measures.
///
/// # Errors
/// An accelerator that does not work. One whose tools are missing is a finding.
pub fn bench(args: &BenchArgs) -> Result<BenchReport> {
    let least = Duration::from_millis(args.time);
    let mut accelerators = Vec::new();
    let all = Accelerator::ALL.to_vec();
    for accelerator in args.accelerator.clone().map_or(all, |only| vec![only]) {
        let missing = accelerator.check().err();
        let mut machines = Vec::new();
        if missing.is_none() {
            // A device is what it is.
            let geometries = match accelerator.place() {
                Some(_) => vec![
                    accelerator
                        .connect(Patience::default())?
                        .identity()
                        .geometry,
                ],
                None => vec![Geometry::new(12, 1, 16)?, Geometry::DEFAULT],
            };
            for geometry in geometries {
                let spinner = progress::spinner(format!("measuring {accelerator}"));
                machines.push(measure(&accelerator, geometry, least)?);
                spinner.finish_and_clear();
            }
        }
        accelerators.push(AcceleratorRow {
            name: accelerator.to_string(),
            available: missing.is_none(),
            missing: missing.map(|error| error.to_string()),
            machines,
        });
    }
    Ok(BenchReport { accelerators })
}

/// Throws away what is stored.
struct Discard;

impl Sink for Discard {
    fn write(&mut self, _words: &[u64]) -> Result<(), StreamError> {
        Ok(())
    }

    fn room(&self) -> usize {
        usize::MAX
    }
}

fn measure(accelerator: &Accelerator, geometry: Geometry, least: Duration) -> Result<MachineRow> {
    let basis = basis(geometry, PARAMETERS.limbs)?;
    let mut machine = accelerator.open(&basis, geometry)?;
    let stream = vec![1; geometry.n()];
    let mut run = |write: &[Write]| -> Result<u64> {
        let mut builder = ProgramBuilder::new();
        for write in write {
            write(&mut builder)?;
        }
        let program = builder.finish()?;
        let report = machine.run(&program, &mut SliceSource::new(&stream), &mut Discard)?;
        Ok(report.cycles)
    };
    let halt = run(&[])?;
    let mut cycles = Vec::new();
    for (instruction, write) in INSTRUCTIONS {
        cycles.push(InstructionRow {
            instruction,
            cycles: run(&[write])? - halt,
        });
    }
    let sync = cycles.last().map_or(0, |row| row.cycles);
    for row in cycles.iter_mut().filter(|row| row.instruction == "LOOP") {
        row.cycles -= sync;
    }
    cycles.push(InstructionRow {
        instruction: "HALT",
        cycles: halt,
    });
    // What a linear layer consists of: products, transforms, and moves of words in proportion.
    let mix: Vec<Write> = [
        "LD", "MUL", "MAC", "MAC", "MAC", "MAC", "ADD", "INTT", "RED", "ST",
    ]
    .iter()
    .flat_map(|name| {
        INSTRUCTIONS
            .iter()
            .find(|(instruction, _)| instruction == name)
    })
    .map(|&(_, write)| write)
    .collect();
    let start = Instant::now();
    let mut passed = 0;
    while start.elapsed() < least {
        passed += run(&mix)?;
    }
    Ok(MachineRow {
        n: geometry.n(),
        butterflies: geometry.butterflies(),
        slots: geometry.slots(),
        cycles_per_s: (passed as f64 / start.elapsed().as_secs_f64()) as u64,
        cycles,
    })
}

impl Report for BenchReport {
    fn text(&self, width: usize) -> String {
        let mut rows = Vec::new();
        for accelerator in &self.accelerators {
            if let Some(missing) = &accelerator.missing {
                rows.push(vec![
                    accelerator.name.to_owned(),
                    missing.clone(),
                    String::new(),
                ]);
            }
            for machine in &accelerator.machines {
                rows.push(vec![
                    accelerator.name.to_owned(),
                    format!(
                        "n = {}, B = {}, {} slots",
                        machine.n, machine.butterflies, machine.slots
                    ),
                    thousands(machine.cycles_per_s),
                ]);
            }
        }
        let mut text = table(width, 2, &["accelerator", "machine", "cycles/s"], rows);
        // Accelerators agree on cycles, or the command fails: one of each size says it all.
        let sizes = self.sizes();
        let Some(first) = sizes.first() else {
            return text;
        };
        let names = sizes
            .iter()
            .map(|machine| format!("B = {}", machine.butterflies));
        let header: Vec<String> = ["cycles".to_owned()].into_iter().chain(names).collect();
        let header: Vec<&str> = header.iter().map(String::as_str).collect();
        let row = |at: usize| {
            let name = first.cycles[at].instruction.to_owned();
            let cycles = sizes
                .iter()
                .map(|machine| thousands(machine.cycles[at].cycles));
            [name].into_iter().chain(cycles).collect()
        };
        let rows = (0..first.cycles.len()).map(row).collect();
        text.push('\n');
        text.push_str(&table(width, 1, &header, rows));
        text
    }

    fn failure(&self) -> Option<String> {
        let sizes = self.sizes();
        for accelerator in &self.accelerators {
            for (machine, first) in accelerator.machines.iter().zip(&sizes) {
                if machine.cycles != first.cycles {
                    return Some(format!(
                        "accelerator {} takes other cycles than the one before it",
                        accelerator.name
                    ));
                }
            }
        }
        None
    }
}

impl BenchReport {
    /// One machine of each size.
    fn sizes(&self) -> Vec<&MachineRow> {
        let measured = self.accelerators.iter().map(|row| &row.machines);
        let first = measured.into_iter().find(|machines| !machines.is_empty());
        first.into_iter().flatten().collect()
    }
}
