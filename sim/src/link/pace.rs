//! Machines that take their time, as one with a clock would: what a link has to hide behind, or to wait for.

use std::cell::RefCell;
use std::thread;
use std::time::{Duration, Instant};

use addax_core::isa::{Geometry, Instruction, Program, Sequencer, instruction_cycles};
use addax_core::machine::{
    MachineError, Report, RingProcessor, Sink, Source, StreamError, next_chunk,
};
use zeroize::Zeroizing;

/// A machine with a clock of `hertz`: an instruction begins when the one before has had its cycles, and a stream word is
/// not taken earlier.
pub struct Paced<M> {
    /// The machine.
    pub machine: M,
    /// Cycles a second; none are waited for without.
    pub hertz: Option<f64>,
    /// Whether a program starts only when all its stream words are there, so that nothing is computed while they come.
    pub collects: bool,
}

/// Where a program stands in time.
struct Pace<'p> {
    steps: Sequencer<'p>,
    geometry: Geometry,
    period: f64,
    /// When the instruction under way is done, and what of the next event's instruction follows it.
    due: Instant,
    rest: u64,
}

impl Pace<'_> {
    /// Goes to the next instruction that `wanted` names, and waits until the machine would be there.
    fn reach(&mut self, wanted: impl Fn(&Instruction) -> bool) {
        let mut cycles = std::mem::take(&mut self.rest);
        for step in self.steps.by_ref() {
            let own = instruction_cycles(&step.instruction, &self.geometry);
            if wanted(&step.instruction) {
                self.rest = own;
                break;
            }
            cycles += own;
        }
        self.pass(cycles);
    }

    fn pass(&mut self, cycles: u64) {
        self.due += Duration::from_secs_f64(cycles as f64 * self.period);
        thread::sleep(self.due.saturating_duration_since(Instant::now()));
    }

    /// Words have come: the machine has waited for them, if it was ready before.
    fn arrived(&mut self) {
        self.due = self.due.max(Instant::now());
    }
}

struct PacedSource<'s, 'p> {
    inner: &'s mut dyn Source,
    pace: &'s RefCell<Pace<'p>>,
    n: usize,
    /// Words left of the operand under way.
    left: usize,
}

impl Source for PacedSource<'_, '_> {
    fn chunk(&mut self, max: usize) -> Result<&[u64], StreamError> {
        let mut pace = self.pace.borrow_mut();
        if self.left == 0 {
            pace.reach(Instruction::reads_stream);
            self.left = self.n;
        }
        let words = next_chunk(self.inner, max.min(self.left))?;
        self.left -= words.len();
        pace.arrived();
        Ok(words)
    }
}

struct PacedSink<'s, 'p> {
    inner: &'s mut dyn Sink,
    pace: &'s RefCell<Pace<'p>>,
}

impl Sink for PacedSink<'_, '_> {
    fn write(&mut self, words: &[u64]) -> Result<(), StreamError> {
        self.pace
            .borrow_mut()
            .reach(|instruction| matches!(instruction, Instruction::Store { .. }));
        self.inner.write(words)
    }
}

/// Words that are all there, and what came behind them.
struct Collected {
    words: Zeroizing<Vec<u64>>,
    at: usize,
    end: StreamError,
}

impl Collected {
    fn new(words: usize, source: &mut dyn Source) -> Self {
        let mut collected = Self {
            words: Zeroizing::new(Vec::with_capacity(words)),
            at: 0,
            end: StreamError::Ended,
        };
        while collected.words.len() < words {
            match next_chunk(source, words - collected.words.len()) {
                Ok(chunk) => collected.words.extend_from_slice(chunk),
                Err(error) => {
                    collected.end = error;
                    break;
                }
            }
        }
        collected
    }
}

impl Source for Collected {
    fn chunk(&mut self, max: usize) -> Result<&[u64], StreamError> {
        let words = &self.words[self.at..self.words.len().min(self.at + max)];
        if words.is_empty() {
            return Err(self.end);
        }
        self.at += words.len();
        Ok(words)
    }
}

impl<M: RingProcessor> Paced<M> {
    fn run_paced(
        &mut self,
        program: &Program,
        source: &mut dyn Source,
        sink: &mut dyn Sink,
    ) -> Result<Report, MachineError> {
        let Some(hertz) = self.hertz else {
            return self.machine.run(program, source, sink);
        };
        let geometry = self.machine.geometry();
        let steps = Sequencer::new(program);
        let pace = RefCell::new(Pace {
            steps,
            geometry,
            period: 1.0 / hertz,
            due: Instant::now(),
            rest: 0,
        });
        let mut source = PacedSource {
            inner: source,
            pace: &pace,
            n: geometry.n(),
            left: 0,
        };
        let mut sink = PacedSink {
            inner: sink,
            pace: &pace,
        };
        let report = self.machine.run(program, &mut source, &mut sink)?;
        pace.borrow_mut().reach(|_| false);
        Ok(report)
    }
}

impl<M: RingProcessor> RingProcessor for Paced<M> {
    fn geometry(&self) -> Geometry {
        self.machine.geometry()
    }

    fn reset(&mut self) -> Result<(), MachineError> {
        self.machine.reset()
    }

    fn load(&mut self, slot: u8, limb: u8, words: &[u64]) -> Result<(), MachineError> {
        self.machine.load(slot, limb, words)
    }

    fn store(&mut self, slot: u8, words: &mut [u64]) -> Result<u8, MachineError> {
        self.machine.store(slot, words)
    }

    fn run(
        &mut self,
        program: &Program,
        source: &mut dyn Source,
        sink: &mut dyn Sink,
    ) -> Result<Report, MachineError> {
        if !self.collects {
            return self.run_paced(program, source, sink);
        }
        let reads = Sequencer::new(program).filter(|step| step.instruction.reads_stream());
        let words = reads.count() * self.geometry().n();
        let mut collected = Collected::new(words, source);
        self.run_paced(program, &mut collected, sink)
    }
}
