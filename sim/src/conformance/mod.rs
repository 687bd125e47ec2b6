//! Does an executor do what the reference machine does?
//!
//! The executor and the reference run the same programs on the same streams, and after every program everything
//! that can be observed is compared: the report, the output words, the words taken, and every residue and limb tag of
//! every slot; of a program that faults, the fault. The programs are
//!
//! 1. each instruction alone, under every limb, on slots and streams that meet all pairs of the residues at which
//!    arithmetic has edges (0, 1, the middle, q − 1, …);
//! 2. programs that must fault, each with another fault, those of broken streams included;
//! 3. random legal programs, one after another without a reset in between, loops and all.
//!
//! The executor gets its stream in chunks of random lengths, the reference word by word. A machine with a clock
//! ([`Subject::Clocked`]) has its streams wait at random as well, must count the cycles of
//! [`isa::cycles`](addax_core::isa::cycles) itself, waits apart and none lost, and must refuse
//!
//! 4. words that no program contains, in an error that stays until it is cleared and leaves all slots as they were.
mod cases;
mod compare;
mod generate;
mod illegal;
mod streams;

use std::ops::AddAssign;

use addax_core::isa::{Instruction, Program, Sequencer};
use addax_core::machine::{MachineError, RingProcessor};

use crate::random::Random;
use crate::{Basis, Clocked};

pub use cases::{Case, Pattern};
pub use compare::Comparison;
pub use generate::Generator;
pub use streams::{Chunks, Kept};

/// An executor under test.
pub enum Subject<'m> {
    /// One that reports cycles by the model.
    Software(&'m mut dyn RingProcessor),
    /// One with a clock.
    Clocked(&'m mut dyn Clocked),
}

impl Subject<'_> {
    /// The executor.
    pub fn machine(&mut self) -> &mut dyn RingProcessor {
        match self {
            Self::Software(machine) => *machine,
            Self::Clocked(machine) => *machine,
        }
    }
}

/// What to check.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Suite {
    /// Decides residues, random programs and waits; equal seeds check the same.
    pub seed: u64,
    /// Random programs.
    pub programs: u32,
    /// Most instruction words of a random program, up to 1023.
    pub instructions: usize,
    /// Of the single instructions and the faults, one in so many is run, at least 1; the seed decides which.
    pub one_in: u64,
    /// Random words among the illegal ones.
    pub illegal_words: usize,
    /// Whether slots are compared after every instruction of the random programs, each of which is then a program of its
    /// own.
    pub stepwise: bool,
}

impl Default for Suite {
    fn default() -> Self {
        Self {
            seed: 0,
            programs: 20,
            instructions: 200,
            one_in: 1,
            illegal_words: 100,
            stepwise: false,
        }
    }
}

impl Suite {
    /// A part of the suite for machines that take seconds for a polynomial.
    pub const BRIEF: Self = Self {
        seed: 0,
        programs: 1,
        instructions: 40,
        one_in: 10,
        illegal_words: 10,
        stepwise: false,
    };
}

/// What was checked.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Summary {
    /// Programs of one instruction.
    pub single: u64,
    /// Programs that fault.
    pub faults: u64,
    /// Words that are no instructions, of machines with a clock.
    pub illegal: u64,
    /// Random programs.
    pub programs: u64,
    /// Instructions executed in all.
    pub instructions: u64,
    /// Slot words and output words compared.
    pub words: u64,
    /// Cycles of all programs.
    pub cycles: u64,
    /// Cycles in which a machine with a clock waited for a stream.
    pub stalls: u64,
}

impl AddAssign for Summary {
    fn add_assign(&mut self, other: Self) {
        self.single += other.single;
        self.faults += other.faults;
        self.illegal += other.illegal;
        self.programs += other.programs;
        self.instructions += other.instructions;
        self.words += other.words;
        self.cycles += other.cycles;
        self.stalls += other.stalls;
    }
}

/// How an executor differs from the reference. The residues shown are test data.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Difference {
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
    /// The words left in the input stream.
    #[error("{program}: left {found} words in the input stream instead of {expected}")]
    Input {
        /// The program, in words.
        program: String,
        /// Words that the reference left.
        expected: usize,
        /// Words that the executor left.
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
pub fn check(subject: Subject<'_>, basis: &Basis, suite: &Suite) -> Result<Summary, Difference> {
    let clocked = matches!(subject, Subject::Clocked(_));
    let mut random = Random::new(suite.seed);
    let mut summary = Summary::default();
    let mut comparison = Comparison::new(subject, basis, random.next())?;
    let geometry = comparison.geometry();
    let chosen = |cases: Vec<Case>| {
        let mut choice = Random::new(suite.seed);
        cases
            .into_iter()
            .filter(move |_| choice.below(suite.one_in.max(1)) == 0)
    };
    for case in chosen(cases::single(&geometry, basis)) {
        comparison.prepare(&case)?;
        comparison.run(&case)?;
        summary.single += 1;
    }
    for case in chosen(cases::faults(&geometry, basis)) {
        comparison.prepare(&case)?;
        comparison.run(&case)?;
        summary.faults += 1;
    }
    if clocked {
        summary.illegal = illegal::check(&mut comparison, basis, &mut random, suite.illegal_words)?;
    }
    comparison.reset()?;
    let mut generator = Generator::new(random, geometry, basis);
    for number in 0..suite.programs {
        let name = format!("random program {number} of seed {}", suite.seed);
        let (program, stream) = generator.program(suite.instructions.min(1023));
        if suite.stepwise {
            step_by_step(&mut comparison, &name, &program, &stream)?;
        } else {
            comparison.run(&Case::running(name, program, stream))?;
        }
        summary.programs += 1;
    }
    Ok(Summary {
        instructions: comparison.instructions,
        words: comparison.words,
        cycles: comparison.cycles,
        stalls: comparison.stalls,
        ..summary
    })
}

/// Runs every instruction that a program executes as a program of its own.
fn step_by_step(
    comparison: &mut Comparison<'_, '_>,
    name: &str,
    program: &Program,
    stream: &[u64],
) -> Result<(), Difference> {
    let n = comparison.geometry().n();
    let mut rest = stream;
    for (number, step) in Sequencer::new(program).enumerate() {
        if matches!(step.instruction, Instruction::Loop(_) | Instruction::Halt) {
            continue;
        }
        let words = if step.instruction.reads_stream() {
            n.min(rest.len())
        } else {
            0
        };
        let (own, behind) = rest.split_at(words);
        rest = behind;
        let words = [step.instruction.encode(), Instruction::Halt.encode()];
        let single =
            Program::from_words(&words, program.constants()).map_err(MachineError::from)?;
        let name = format!("{name}, step {number}, {}", step.instruction);
        comparison.run(&Case::running(name, single, own.to_vec()))?;
    }
    Ok(())
}
