//! `addax accel run`: one program on one accelerator, beside the definition.

use std::fs;
use std::path::PathBuf;
use std::time::Instant;

use addax::accel::{Accelerator, Listing};
use addax_core::isa::Geometry;
use addax_core::machine::{LinkUse, MachineError, RingProcessor, Sink, SliceSource, StreamError};
use addax_core::params::PRIMES;
use anyhow::{Context, Result, bail};
use clap::Args;
use serde::Serialize;
use sha2::{Digest, Sha256};

use super::basis;
use crate::cli::output::{Report, bytes, table, thousands, to_microseconds};
use crate::cli::progress;

/// How programs are written, for `--help`.
const FORMAT: &str = "\
A program is a text, one instruction a line, as the machine's errors show them:

  machine n=1024 butterflies=2 slots=4 limbs=2   the default machine and three limbs if left out
  constant 12345                                 #0; the next one is #1
  slot 0 limb 1 random 7                         residues that the seed 7 decides; also: zero, edges
  stream random 9                                what the program reads; also: zero, edges
  LD.1 1                                         under limb 1; with `, int8` small integers
  NTT.1 1, 1                                     and INTT
  MUL.1 2, 0, 1                                  MAC, ADD, SUB; one operand may be `stream`
  MULI.1 2, 2, #0
  AUT 3, 2, X^5
  RED.0 2, 2, from 1
  LOOP 2, next 1, a += 1                         also `b += 1`, `a and b += 1`
  ST 2
  SYNC
  HALT                                           may be left out; ; begins a comment

or words of 32 bits, least significant byte first, up to HALT, and constants of 64 bits behind them.";

/// Arguments of `addax accel run`.
#[derive(Args)]
#[command(after_help = FORMAT)]
pub struct RunArgs {
    /// The program
    #[arg(value_name = "PROGRAM")]
    program: PathBuf,
    /// What runs it
    #[arg(long, default_value_t = Accelerator::default())]
    accelerator: Accelerator,
    /// Record every signal in every cycle in this VCD file; verilator only
    #[arg(long, value_name = "FILE")]
    trace: Option<PathBuf>,
}

/// What the program did.
#[derive(Serialize)]
pub struct RunReport {
    accelerator: String,
    cycles: u64,
    stalls: u64,
    instructions: u64,
    transforms: u64,
    words_in: u64,
    words_out: u64,
    /// SHA-256 of the output words, each as eight bytes, the least significant first.
    output_digest: String,
    slots: Vec<SlotRow>,
    /// Whether all of it is what the definition says.
    as_defined: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    fault: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    trace: Option<PathBuf>,
    /// Time of the program alone.
    #[serde(serialize_with = "to_microseconds")]
    ms: f64,
    /// Of a device: what its line carried while the program ran.
    #[serde(skip_serializing_if = "Option::is_none")]
    link: Option<LinkRow>,
}

/// What a line carried.
#[derive(Serialize, Clone, Copy)]
struct LinkRow {
    /// Bytes to the device.
    bytes_out: u64,
    /// Bytes from it.
    bytes_in: u64,
    /// Packets that were sent again.
    repeated: u64,
    /// Resets of the device that were survived.
    resets: u64,
    /// Bytes of packed stream words, both ways, against all bytes.
    efficiency: f64,
}

impl LinkRow {
    fn new(link: LinkUse, words: u64) -> Self {
        let LinkUse {
            bytes_out,
            bytes_in,
            repeated,
            resets,
            ..
        } = link;
        // Two words are nine bytes.
        let efficiency = words as f64 * 4.5 / (bytes_out + bytes_in) as f64;
        Self {
            bytes_out,
            bytes_in,
            repeated,
            resets,
            efficiency,
        }
    }
}

/// A slot that is written at the end.
#[derive(Serialize, PartialEq, Eq)]
struct SlotRow {
    slot: u8,
    limb: u8,
    digest: String,
}

/// What can be observed of a run.
#[derive(PartialEq, Eq)]
struct Observed {
    outcome: Result<addax_core::machine::Report, MachineError>,
    output: Vec<u64>,
    slots: Vec<SlotRow>,
}

/// What a run took.
struct Taken {
    ms: f64,
    link: Option<LinkUse>,
}

/// Runs.
///
/// # Errors
/// A file that is no program, an accelerator that cannot be opened, slots that the machine does not have. A program that
/// faults is a finding.
pub fn run(args: &RunArgs) -> Result<RunReport> {
    let name = || format!("program {}", args.program.display());
    let file = fs::read(&args.program).with_context(name)?;
    let listing = Listing::read(&file).with_context(name)?;
    let basis = basis(listing.geometry, listing.limbs)?;
    let stream = listing.stream_words();
    let definition = Accelerator::Reference.open(&basis, listing.geometry)?;
    let (expected, _) = observe(definition, &listing, &stream).with_context(name)?;
    let trace = args.trace.as_deref();
    let machine = args
        .accelerator
        .open_kind(&basis, listing.geometry, trace)
        .map(progress::watched)?;
    let (wanted, geometry) = (listing.geometry, machine.geometry());
    if geometry != wanted {
        let size = |geometry: Geometry| {
            let (n, butterflies, slots) = (geometry.n(), geometry.butterflies(), geometry.slots());
            format!("n={n} butterflies={butterflies} slots={slots}")
        };
        let (name, wanted, found) = (name(), size(wanted), size(geometry));
        bail!(
            "{name}: it is written for a machine of {wanted}, {} is one of {found}",
            args.accelerator
        );
    }
    let (found, taken) = observe(machine, &listing, &stream).with_context(name)?;
    let as_defined = match (&expected.outcome, &found.outcome) {
        (Ok(expected), Ok(found)) => {
            *expected
                == addax_core::machine::Report {
                    stalls: 0,
                    ..*found
                }
        }
        (expected, found) => expected == found,
    } && (&expected.output, &expected.slots) == (&found.output, &found.slots);
    let report = found.outcome.unwrap_or_default();
    Ok(RunReport {
        accelerator: args.accelerator.to_string(),
        cycles: report.cycles,
        stalls: report.stalls,
        instructions: report.instructions,
        transforms: report.transforms,
        words_in: report.words_in,
        words_out: found.output.len() as u64,
        output_digest: digest(&found.output),
        slots: found.slots,
        as_defined,
        fault: found.outcome.err().map(|error| error.to_string()),
        trace: args.trace.clone(),
        ms: taken.ms,
        link: taken
            .link
            .map(|link| LinkRow::new(link, report.words_in + report.words_out)),
    })
}

/// Keeps what is stored.
struct Kept(Vec<u64>);

impl Sink for Kept {
    fn write(&mut self, words: &[u64]) -> Result<(), StreamError> {
        self.0.extend_from_slice(words);
        Ok(())
    }

    fn room(&self) -> usize {
        usize::MAX
    }
}

fn observe(
    mut machine: Box<dyn RingProcessor + Send + '_>,
    listing: &Listing,
    stream: &[u64],
) -> Result<(Observed, Taken)> {
    let n = listing.geometry.n();
    for &(slot, limb, contents) in &listing.slots {
        // The machine says what is wrong with a limb that does not exist.
        let q = PRIMES[usize::from(limb).min(PRIMES.len() - 1)];
        machine.load(slot, limb, &contents.polynomial(q, n))?;
    }
    let mut output = Kept(Vec::new());
    let (before, start) = (machine.link_use(), Instant::now());
    let outcome = machine.run(&listing.program, &mut SliceSource::new(stream), &mut output);
    let ms = start.elapsed().as_secs_f64() * 1e3;
    let link = machine.link_use().zip(before).map(|(mut link, before)| {
        link -= before;
        link
    });
    if let Err(error @ (MachineError::Program(_) | MachineError::Device(_))) = outcome {
        return Err(error.into());
    }
    let mut words = vec![0; n];
    let mut slots = Vec::new();
    for slot in 0..listing.geometry.slots() as u8 {
        match machine.store(slot, &mut words) {
            Ok(limb) => slots.push(SlotRow {
                slot,
                limb,
                digest: digest(&words),
            }),
            Err(MachineError::Unwritten { .. }) => {}
            Err(error) => return Err(error.into()),
        }
    }
    let observed = Observed {
        outcome,
        output: output.0,
        slots,
    };
    Ok((observed, Taken { ms, link }))
}

fn digest(words: &[u64]) -> String {
    let mut digest = Sha256::new();
    for word in words {
        digest.update(word.to_le_bytes());
    }
    digest
        .finalize()
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect()
}

impl Report for RunReport {
    fn text(&self, width: usize) -> String {
        let counts = [
            ("cycles", self.cycles),
            ("stalls", self.stalls),
            ("instructions", self.instructions),
            ("transforms", self.transforms),
            ("words in", self.words_in),
            ("words out", self.words_out),
        ];
        let rows = counts.map(|(name, count)| vec![name.to_owned(), thousands(count)]);
        let mut text = table(width, 1, &[&self.accelerator, ""], rows.into());
        let rows = self.slots.iter().map(|row| {
            vec![
                row.slot.to_string(),
                row.limb.to_string(),
                row.digest[..16].to_owned(),
            ]
        });
        text.push('\n');
        text.push_str(&table(
            width,
            0,
            &["slot", "limb", "SHA-256"],
            rows.collect(),
        ));
        if let Some(link) = &self.link {
            text.push_str(&format!(
                "\nline: {} out, {} in, {:.1} % of it stream words; {} packets sent again, {} resets",
                bytes(link.bytes_out),
                bytes(link.bytes_in),
                100.0 * link.efficiency,
                link.repeated,
                link.resets
            ));
        }
        if let Some(trace) = &self.trace {
            text.push_str(&format!("\nsignals in {}", trace.display()));
        }
        if self.as_defined {
            text.push_str("\nall as defined");
        }
        text
    }

    fn failure(&self) -> Option<String> {
        match &self.fault {
            _ if !self.as_defined => Some(format!(
                "accelerator {} differs from the definition: `addax accel selftest --accelerator {}` finds where",
                self.accelerator, self.accelerator
            )),
            fault => fault.clone(),
        }
    }
}
