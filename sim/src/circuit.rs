//! A circuit with the machine's ports, as a driver wants to use it: many cycles a call.
//!
//! The ports, the commands and the status registers are those of `docs/hardware.md`; the numbers are those of
//! [`addax_hdl::ports`]. Between calls the clock stands
//! still, so a driver that has nothing ready costs the machine no stall.

use addax_core::modulus::WORD_BITS;
use addax_hdl::Shape;
use addax_hdl::ports::{command, control};
use addax_hdl::shape::ADDRESS_BITS;

use crate::Stalls;

/// One write to the command port.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Command {
    /// Which memory.
    pub kind: u8,
    /// Where, 20 bits.
    pub address: u32,
    /// What, 36 bits.
    pub data: u64,
}

impl Command {
    /// Runs the program from its first word, unless an error stands.
    pub const START: Self = Self::control(control::START);
    /// Ends the running program in an error.
    pub const ABORT: Self = Self::control(control::ABORT);
    /// Clears the error that stands.
    pub const CLEAR_ERROR: Self = Self::control(control::CLEAR_ERROR);
    /// Marks every slot as never written.
    pub const CLEAR_TAGS: Self = Self::control(control::CLEAR_TAGS);

    const fn control(address: u64) -> Self {
        Self::new(command::CONTROL, address, 0)
    }

    const fn new(kind: u64, address: u64, data: u64) -> Self {
        Self {
            kind: kind as u8,
            address: address as u32,
            data,
        }
    }

    /// Writes a word of program memory.
    pub const fn program(place: u16, word: u32) -> Self {
        Self::new(command::PROGRAM, place as u64, word as u64)
    }

    /// Writes a constant. A value of more bits than the port has is no residue, and does not become one.
    pub const fn constant(index: u8, value: u64) -> Self {
        let value = if value > WORD_MASK { WORD_MASK } else { value };
        Self::new(command::CONSTANT, index as u64, value)
    }

    /// Writes a field of a limb's record, one of [`ports::limb`](addax_hdl::ports::limb).
    pub const fn limb(limb: u8, field: u64, value: u64) -> Self {
        Self::new(command::LIMB, limb as u64 * 4 + field, value)
    }

    /// Writes a word of a lane's twiddle memory.
    pub const fn twiddle(lane: usize, address: usize, word: u64) -> Self {
        let address = (lane << ADDRESS_BITS | address) as u64;
        Self::new(command::TWIDDLE, address, word)
    }
}

/// Bits of a word at the ports.
pub const WORD_MASK: u64 = (1 << WORD_BITS) - 1;

/// Bits of the status register [`STATE`](addax_hdl::ports::status::STATE).
pub mod state {
    /// A program runs.
    pub const RUNNING: u64 = 1;
    /// An error stands.
    pub const ERROR: u64 = 2;
    /// Words of a store have not left yet.
    pub const OUTPUT_LEFT: u64 = 4;
    /// Where the error's code begins.
    pub const CODE_SHIFT: u32 = 8;
}

/// What a circuit may do until it returns.
#[derive(Clone, Copy, Debug)]
pub struct Batch<'w> {
    /// Words of the input stream in the order of beats.
    pub input: &'w [u64],
    /// Words a beat: 1, or B. They lie in the first lanes.
    pub lanes: usize,
    /// Most output words to take.
    pub room: usize,
    /// Return when an instruction retires.
    pub to_retired: bool,
    /// Go on when no program runs and no word is shown, for words that are on their way out.
    pub past_idle: bool,
    /// Most cycles, those in which a stream waits by the stall pattern not counted.
    pub cycles: u64,
}

/// Why a circuit returned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stop {
    /// No program runs and no output word is shown.
    Idle,
    /// The machine would take an input beat and there is none.
    Input,
    /// The machine shows an output word and there is no room.
    Output {
        /// The word, which stays where it is.
        word: u64,
    },
    /// An instruction has just retired.
    Retired,
    /// As many cycles as allowed have passed.
    Cycles,
}

/// What a circuit did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Progress {
    /// Why it returned.
    pub stop: Stop,
    /// Input beats taken.
    pub beats: usize,
    /// Cycles passed in which a program ran.
    pub running: u64,
    /// Cycles passed that count against [`Batch::cycles`].
    pub counted: u64,
}

/// What keeps a circuit from working. A wrong answer is not among it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CircuitError {
    /// A command was not taken in thousands of cycles.
    #[error("the machine does not take a command")]
    Refused,
    /// The process that simulates the circuit ended or answers nonsense.
    #[error("the simulation of the machine has ended")]
    Gone,
    /// The circuit is of another shape than it should be.
    #[error("the machine is of another shape")]
    Shape,
    /// A signal of the model does not settle.
    #[error("a signal of the machine's model does not settle")]
    Unsettled,
}

impl CircuitError {
    /// The same without arguments, as a [`MachineError`](addax_core::machine::MachineError) carries it.
    pub const fn reason(self) -> &'static str {
        match self {
            Self::Refused => "the machine does not take a command",
            Self::Gone => "the simulation of the machine has ended",
            Self::Shape => "the machine is of another shape",
            Self::Unsettled => "a signal of the machine's model does not settle",
        }
    }
}

/// Cycles in which a command must be taken.
pub const COMMAND_CYCLES: u32 = 10_000;

/// Anything with the machine's ports.
pub trait Circuit {
    /// What it was built for.
    fn shape(&self) -> Shape;

    /// Writes commands one after the other. The streams wait meanwhile.
    ///
    /// # Errors
    /// A circuit that does not work.
    fn command(&mut self, commands: &[Command]) -> Result<(), CircuitError>;

    /// Reads status registers. The streams wait meanwhile.
    ///
    /// # Errors
    /// A circuit that does not work.
    fn status(&mut self, addresses: &[u64]) -> Result<Vec<u64>, CircuitError>;

    /// Starts a stall pattern for the batches that follow.
    ///
    /// # Errors
    /// A circuit that does not work.
    fn set_stalls(&mut self, stalls: Stalls) -> Result<(), CircuitError>;

    /// Lets cycles pass until there is a reason to stop, and appends the output words taken.
    ///
    /// # Errors
    /// A circuit that does not work.
    fn advance(
        &mut self,
        batch: &Batch<'_>,
        output: &mut Vec<u64>,
    ) -> Result<Progress, CircuitError>;

    /// Looks into the memories without a cycle: the n words of a slot in the order of the positions, whatever its tag.
    ///
    /// # Errors
    /// A circuit that does not work.
    fn peek_slot(&mut self, slot: u8, words: &mut [u64]) -> Result<(), CircuitError>;

    /// Looks at a slot's tag without a cycle: the limb it was written under, if it was.
    ///
    /// # Errors
    /// A circuit that does not work.
    fn peek_tag(&mut self, slot: u8) -> Result<Option<u8>, CircuitError>;
}
