//! Module co-simulation: a block's Rust model and its generated Verilog see the same inputs, and every output must be
//! the same in every cycle.
//!
//! ```no_run
//! use addax_hdl::cosim::Cosimulation;
//! use addax_hdl::leaf::Register;
//! use addax_hdl::word::Word;
//!
//! let mut bench = Cosimulation::new("register", Register::<Word<8>>::default(), |block| &mut block.clock)?;
//! bench.run(100, |cycle, block| block.d.next = Word::new(cycle as u64))?;
//! # Ok::<(), addax_hdl::cosim::CosimError>(())
//! ```
//!
//! In a cycle the closure sets inputs (from anything, also from the block's outputs of the cycle before), the block
//! settles, inputs and outputs are noted down, and the clock gives one active edge. At the end Verilator's program runs
//! the same inputs. Registers without an initial value start at random in Verilog, so a missing one shows. The text also
//! has to pass [`crate::verilog::check()`].
//!
//! Needs `verilator` and a C++ compiler. Programs are kept in `target/cosim`, named after a hash of what they were
//! built from.
mod program;
mod stimulus;

use std::fmt;
use std::io;

use rust_hdl::core::prelude::*;

use crate::verilog::{self, Port, PortDirection, VerilogError, Violation};
use program::Program;
pub use stimulus::Stimulus;

/// Rounds of updates in which a block must come to rest.
const SETTLING_ROUNDS: usize = 10_000;

/// Why model and Verilog could not be compared, or where they differ.
#[derive(Debug)]
pub enum CosimError {
    /// The block has no Verilog.
    Verilog(VerilogError),
    /// The Verilog uses constructs that change their meaning in translation.
    Violations(Vec<Violation>),
    /// A port of more than 64 bits.
    WidePort(String),
    /// The model does not come to rest: it has a combinational loop.
    Unsettled {
        /// The cycle.
        cycle: usize,
    },
    /// A tool is missing or failed.
    Tool {
        /// What was run.
        command: String,
        /// What it said.
        output: String,
    },
    /// A file could not be read or written.
    Io(io::Error),
    /// The first difference.
    Mismatch {
        /// The cycle.
        cycle: usize,
        /// The output.
        port: String,
        /// What the Rust model says.
        model: u64,
        /// What the Verilog says.
        verilog: u64,
    },
}

impl fmt::Display for CosimError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Verilog(error) => error.fmt(f),
            Self::Violations(violations) => {
                let lines: Vec<_> = violations.iter().map(Violation::to_string).collect();
                write!(
                    f,
                    "translation changes the meaning of\n{}",
                    lines.join("\n")
                )
            }
            Self::WidePort(port) => write!(f, "port {port} has more than 64 bits"),
            Self::Unsettled { cycle } => write!(f, "cycle {cycle}: the model does not settle"),
            Self::Tool { command, output } => write!(f, "{command} failed:\n{output}"),
            Self::Io(error) => error.fmt(f),
            Self::Mismatch {
                cycle,
                port,
                model,
                verilog,
            } => write!(
                f,
                "cycle {cycle}: {port} is {model:#x} in the model, {verilog:#x} in Verilog"
            ),
        }
    }
}

impl std::error::Error for CosimError {}

impl From<io::Error> for CosimError {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

/// Shows where a block's clock enters.
pub type ClockOf<B> = fn(&mut B) -> &mut Signal<In, Clock>;

/// A block beside its Verilog.
pub struct Cosimulation<B: Block> {
    block: B,
    clock: Option<ClockOf<B>>,
    program: Program,
    /// Words of every cycle so far: each input but the clock, then each output.
    cycles: Vec<Vec<u64>>,
}

impl<B: Block> Cosimulation<B> {
    /// Connects a block, generates its Verilog as module `name` and builds it. `clock` shows where the clock enters.
    ///
    /// # Errors
    /// Everything of [`CosimError`] but a mismatch.
    pub fn new(name: &str, block: B, clock: ClockOf<B>) -> Result<Self, CosimError> {
        Self::with(name, block, Some(clock), "")
    }

    /// The same with further Verilog modules that the generated text uses, such as models of vendor primitives.
    ///
    /// # Errors
    /// As [`Self::new`].
    pub fn with_models(
        name: &str,
        block: B,
        clock: ClockOf<B>,
        models: &str,
    ) -> Result<Self, CosimError> {
        Self::with(name, block, Some(clock), models)
    }

    /// The same for a block without a clock.
    ///
    /// # Errors
    /// As [`Self::new`].
    pub fn combinational(name: &str, block: B) -> Result<Self, CosimError> {
        Self::with(name, block, None, "")
    }

    fn with(
        name: &str,
        mut block: B,
        clock: Option<ClockOf<B>>,
        models: &str,
    ) -> Result<Self, CosimError> {
        block.connect_all();
        let text = verilog::generate(&block, name).map_err(CosimError::Verilog)?;
        let violations = verilog::check(&text);
        if !violations.is_empty() {
            return Err(CosimError::Violations(violations));
        }
        let ports = verilog::ports(&block);
        let program = Program::build(name, &text, models, &ports)?;
        Ok(Self {
            block,
            clock,
            program,
            cycles: Vec::new(),
        })
    }

    /// The block, for its state between two runs.
    pub fn block(&mut self) -> &mut B {
        &mut self.block
    }

    /// Runs further cycles and compares everything since the start.
    ///
    /// # Errors
    /// A model that does not settle, the first difference, or a failure of the program.
    pub fn run(
        &mut self,
        cycles: usize,
        mut stimulus: impl FnMut(usize, &mut B),
    ) -> Result<(), CosimError> {
        for _ in 0..cycles {
            let cycle = self.cycles.len();
            stimulus(cycle, &mut self.block);
            self.settle(cycle)?;
            let values = verilog::values(&self.block);
            let of = |direction| {
                move |(port, value): &(Port, u64)| {
                    (port.direction == direction && !port.clock).then_some(*value)
                }
            };
            let inputs = values.iter().filter_map(of(PortDirection::Input));
            let outputs = values.iter().filter_map(of(PortDirection::Output));
            self.cycles.push(inputs.chain(outputs).collect());
            if let Some(clock) = self.clock {
                let clock = clock(&mut self.block);
                clock.next = !clock.val();
                self.settle(cycle)?;
            }
        }
        self.compare()
    }

    fn settle(&mut self, cycle: usize) -> Result<(), CosimError> {
        for _ in 0..SETTLING_ROUNDS {
            self.block.update_all();
            if !self.block.has_changed() {
                return Ok(());
            }
        }
        Err(CosimError::Unsettled { cycle })
    }

    fn compare(&self) -> Result<(), CosimError> {
        let inputs = self.program.inputs();
        let outputs = self.program.outputs();
        let stimulus = self.cycles.iter().map(|words| &words[..inputs]);
        let answers = self.program.run(stimulus)?;
        for (cycle, (words, answer)) in self.cycles.iter().zip(answers).enumerate() {
            for ((port, &model), verilog) in outputs.iter().zip(&words[inputs..]).zip(answer) {
                if model != verilog {
                    return Err(CosimError::Mismatch {
                        cycle,
                        port: port.clone(),
                        model,
                        verilog,
                    });
                }
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
