//! Does an executor do what the reference machine does?
//!
//! The executor and the reference run the same programs on the same streams, and after every program everything
//! that can be observed is compared: the report, the output words, and every residue and limb tag of every slot; of
//! a program that faults, the fault. The programs are
//!
//! 1. each instruction alone, under every limb, on slots and streams that meet all pairs of the residues at which
//!    arithmetic has edges (0, 1, the middle, q − 1, …);
//! 2. programs that must fault, each with another fault;
//! 3. random legal programs, one after another without a reset in between, loops and all.
//!
//! The executor gets its stream in chunks of random lengths, the reference word by word.
mod cases;
mod compare;
mod generate;

use addax_core::machine::{MachineError, RingProcessor};

use crate::he::Basis;
use compare::Comparison;
use generate::Generator;

pub(super) use generate::Random;

/// What to check.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Selftest {
    /// Decides residues and random programs; equal seeds check the same.
    pub seed: u64,
    /// Random programs.
    pub programs: u32,
    /// Most instruction words of a random program, up to 1023.
    pub instructions: usize,
}

impl Default for Selftest {
    fn default() -> Self {
        Self {
            seed: 0,
            programs: 20,
            instructions: 200,
        }
    }
}

/// What was checked.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SelftestReport {
    /// Programs of one instruction.
    pub single: u64,
    /// Programs that fault.
    pub faults: u64,
    /// Random programs.
    pub programs: u64,
    /// Instructions executed in all.
    pub instructions: u64,
    /// Slot words and output words compared.
    pub words: u64,
    /// Cycles of all programs.
    pub cycles: u64,
}

/// How an executor differs from the reference. The residues shown are test data.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SelftestError {
    /// A residue of a slot.
    #[error("{program}: slot {slot}, position {position}: {found} instead of {expected}")]
    Slot {
        /// The program, in words.
        program: String,
        /// The slot.
        slot: u8,
        /// The position.
        position: usize,
        /// The reference's residue.
        expected: u64,
        /// The executor's.
        found: u64,
    },
    /// The limb tag of a slot, or whether it is written.
    #[error("{program}: slot {slot} is {found} instead of {expected}")]
    Tag {
        /// The program, in words.
        program: String,
        /// The slot.
        slot: u8,
        /// What the reference says of it.
        expected: String,
        /// What the executor says.
        found: String,
    },
    /// The words written to the output stream.
    #[error("{program}: output differs from word {position} ({expected} words, {found} found)")]
    Output {
        /// The program, in words.
        program: String,
        /// The first word that differs.
        position: usize,
        /// Words that the reference wrote.
        expected: usize,
        /// Words that the executor wrote.
        found: usize,
    },
    /// The report or the fault.
    #[error("{program}: {found} instead of {expected}")]
    Outcome {
        /// The program, in words.
        program: String,
        /// What the reference reports.
        expected: String,
        /// What the executor reports.
        found: String,
    },
    /// The executor, or the reference for its geometry, does not work at all.
    #[error("the machine failed outside a program: {0}")]
    Machine(#[from] MachineError),
}

/// Compares an executor with the reference. Slots are overwritten.
///
/// # Errors
/// The first difference.
pub fn selftest(
    machine: &mut dyn RingProcessor,
    basis: &Basis,
    options: &Selftest,
) -> Result<SelftestReport, SelftestError> {
    let mut random = Random::new(options.seed);
    let mut report = SelftestReport::default();
    let mut comparison = Comparison::new(machine, basis, random.next())?;
    for case in cases::single(&comparison.geometry(), basis) {
        comparison.prepare(&case, basis)?;
        comparison.run(&case.name, &case.program, &case.stream)?;
        report.single += 1;
    }
    for case in cases::faults(&comparison.geometry(), basis) {
        comparison.prepare(&case, basis)?;
        comparison.run(&case.name, &case.program, &case.stream)?;
        report.faults += 1;
    }
    comparison.reset()?;
    let mut generator = Generator::new(random, comparison.geometry(), basis);
    for number in 0..options.programs {
        let (program, stream) = generator.program(options.instructions.min(1023));
        comparison.run(
            &format!("random program {number} of seed {}", options.seed),
            &program,
            &stream,
        )?;
        report.programs += 1;
    }
    Ok(SelftestReport {
        instructions: comparison.instructions,
        words: comparison.words,
        cycles: comparison.cycles,
        ..report
    })
}
