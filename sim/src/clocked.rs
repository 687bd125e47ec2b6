//! What a machine with a clock can be asked beyond running programs, so that tests reach what software hides: cycles in
//! which a stream waits, words that are no instructions, errors that stay.

use std::fmt;

use addax_core::machine::{MachineError, RingProcessor};
use addax_hdl::ports::error;

use crate::random::Random;

/// An executor that counts cycles of a clock of its own.
pub trait Clocked: RingProcessor {
    /// From now on the streams of every run wait as this pattern says.
    ///
    /// # Errors
    /// A machine that does not answer as it should.
    fn set_stalls(&mut self, stalls: Stalls) -> Result<(), MachineError>;

    /// Cycles of the last run, counted outside the machine: those in which it said that it was running, less those in
    /// which it says so around every program.
    fn observed_cycles(&self) -> i64;

    /// Fills program memory with `words` and, behind them, a zero, which is no instruction; starts it with an input stream
    /// without words and an output stream that takes all, and waits for the end. Nothing is checked before, and an error
    /// stays.
    ///
    /// # Errors
    /// A machine that does not answer as it should. What the machine finds wrong with the words is no error here.
    fn run_words(&mut self, words: &[u32]) -> Result<Option<HardwareError>, MachineError>;

    /// Starts what program memory holds once more, and says whether the machine ran.
    ///
    /// # Errors
    /// A machine that does not answer as it should.
    fn start_again(&mut self) -> Result<bool, MachineError>;

    /// The error that stands.
    ///
    /// # Errors
    /// A machine that does not answer as it should.
    fn standing_error(&mut self) -> Result<Option<HardwareError>, MachineError>;

    /// Clears the error that stands.
    ///
    /// # Errors
    /// A machine that does not answer as it should.
    fn clear_error(&mut self) -> Result<(), MachineError>;
}

/// When the streams make a clocked machine wait although words, or room for them, are there. In each cycle in which a
/// stream does not wait already, a wait begins with the given chance out of 256; most last one cycle, some up to 32.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stalls {
    /// Decides the pattern; equal seeds wait in the same cycles.
    pub seed: u64,
    /// Chance of the input stream.
    pub input: u8,
    /// Chance of the output stream.
    pub output: u8,
}

impl Stalls {
    /// Streams never wait.
    pub const NONE: Self = Self {
        seed: 0,
        input: 0,
        output: 0,
    };
}

/// A [`Stalls`] pattern, cycle by cycle. The harness of the verilated machine does the same in C++.
#[derive(Clone, Debug)]
pub struct StallClock {
    chances: [u64; 2],
    random: Random,
    waits: [u64; 2],
}

impl StallClock {
    /// Starts a pattern.
    pub const fn new(stalls: Stalls) -> Self {
        Self {
            chances: [stalls.input as u64, stalls.output as u64],
            random: Random::new(stalls.seed),
            waits: [0; 2],
        }
    }

    /// Whether input and output wait in the next cycle.
    pub const fn tick(&mut self) -> [bool; 2] {
        if self.chances[0] == 0 && self.chances[1] == 0 {
            return [false; 2];
        }
        let bits = self.random.next();
        let mut waiting = [false; 2];
        let mut stream = 0;
        while stream < 2 {
            let bits = bits >> (32 * stream);
            let wait = &mut self.waits[stream];
            if *wait == 0 && bits & 0xff < self.chances[stream] {
                *wait = if bits >> 8 & 7 == 0 {
                    1 + (bits >> 11 & 31)
                } else {
                    1
                };
            }
            if *wait > 0 {
                *wait -= 1;
                waiting[stream] = true;
            }
            stream += 1;
        }
        waiting
    }
}

/// An error that a machine holds in its status registers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HardwareError {
    /// What kind.
    pub code: ErrorCode,
    /// Place of the instruction that met it.
    pub place: u16,
    /// The instruction's word, increments added.
    pub word: u32,
    /// The slot read, for errors of slots.
    pub slot: u8,
    /// The limb that the instruction works under, for errors of limbs.
    pub expected: u8,
    /// The limb that the slot was written under, for errors of limbs.
    pub found: u8,
}

impl fmt::Display for HardwareError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} at word {} ({:#010x})",
            self.code, self.place, self.word
        )
    }
}

/// The kinds of errors of the circuit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ErrorCode {
    /// Not an instruction, a slot or limb that does not exist, or loops nested too deep.
    IllegalWord,
    /// A slot that was never written.
    Unwritten,
    /// A slot that was written under another limb.
    WrongLimb,
    /// A constant that is not below the modulus.
    Constant,
    /// A stream word that is not below the modulus.
    StreamWord,
    /// Aborted from outside.
    Aborted,
    /// The program counter ran off program memory.
    NoHalt,
}

impl ErrorCode {
    /// The error of a code in the status register.
    pub const fn from_number(number: u64) -> Option<Self> {
        Some(match number {
            error::ILLEGAL => Self::IllegalWord,
            error::UNWRITTEN => Self::Unwritten,
            error::WRONG_LIMB => Self::WrongLimb,
            error::CONSTANT => Self::Constant,
            error::RESIDUE => Self::StreamWord,
            error::ABORTED => Self::Aborted,
            error::NO_HALT => Self::NoHalt,
            _ => return None,
        })
    }

    /// The code in the status register.
    pub const fn number(self) -> u64 {
        match self {
            Self::IllegalWord => error::ILLEGAL,
            Self::Unwritten => error::UNWRITTEN,
            Self::WrongLimb => error::WRONG_LIMB,
            Self::Constant => error::CONSTANT,
            Self::StreamWord => error::RESIDUE,
            Self::Aborted => error::ABORTED,
            Self::NoHalt => error::NO_HALT,
        }
    }
}

impl fmt::Display for ErrorCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::IllegalWord => "illegal word",
            Self::Unwritten => "slot never written",
            Self::WrongLimb => "slot under another limb",
            Self::Constant => "constant not below the modulus",
            Self::StreamWord => "stream word not below the modulus",
            Self::Aborted => "aborted",
            Self::NoHalt => "no HALT",
        })
    }
}
