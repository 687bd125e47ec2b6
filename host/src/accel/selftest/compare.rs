//! Running one program on two machines and comparing all that can be observed.

use addax_core::isa::{Geometry, Program};
use addax_core::machine::{
    MachineError, Reference, Report, RingProcessor, Sink, SliceSource, Source, StreamError,
};

use super::cases::Case;
use super::{Random, SelftestError};
use crate::he::Basis;

/// An executor beside the reference.
pub struct Comparison<'m> {
    machine: &'m mut dyn RingProcessor,
    reference: Reference<&'m Basis, Vec<u64>>,
    random: Random,
    /// Instructions executed by programs that ended.
    pub instructions: u64,
    /// Words compared.
    pub words: u64,
    /// Cycles of programs that ended.
    pub cycles: u64,
}

impl<'m> Comparison<'m> {
    /// Both machines with empty slots; `seed` decides the chunks of streams.
    pub fn new(
        machine: &'m mut dyn RingProcessor,
        basis: &'m Basis,
        seed: u64,
    ) -> Result<Self, SelftestError> {
        let geometry = machine.geometry();
        let storage = vec![0; geometry.slots() * geometry.n()];
        let reference = Reference::new(basis, geometry, storage)?;
        machine.reset()?;
        let random = Random::new(seed);
        Ok(Self {
            machine,
            reference,
            random,
            instructions: 0,
            words: 0,
            cycles: 0,
        })
    }

    pub fn geometry(&self) -> Geometry {
        self.reference.geometry()
    }

    pub fn reset(&mut self) -> Result<(), SelftestError> {
        self.machine.reset()?;
        self.reference.reset()?;
        Ok(())
    }

    /// Empties all slots and loads those of a case.
    pub fn prepare(&mut self, case: &Case, basis: &Basis) -> Result<(), SelftestError> {
        self.reset()?;
        for (slot, contents) in case.slots.iter().enumerate() {
            if let Some((limb, pattern)) = *contents {
                let words = pattern.polynomial(
                    basis.modulus(usize::from(limb)).value(),
                    self.geometry().n(),
                );
                self.machine.load(slot as u8, limb, &words)?;
                self.reference.load(slot as u8, limb, &words)?;
            }
        }
        Ok(())
    }

    /// Runs a program on both and compares.
    pub fn run(
        &mut self,
        name: &str,
        program: &Program,
        stream: &[u64],
    ) -> Result<(), SelftestError> {
        let mut expected_output = Output::default();
        let expected =
            self.reference
                .run(program, &mut SliceSource::new(stream), &mut expected_output);
        let mut found_output = Output::default();
        let mut source = Chunks {
            rest: stream,
            random: &mut self.random,
        };
        let found = self.machine.run(program, &mut source, &mut found_output);

        let without_stalls =
            |outcome: Result<Report, MachineError>| outcome.map(|r| Report { stalls: 0, ..r });
        let [expected, found] = [without_stalls(expected), without_stalls(found)];
        if expected != found {
            let describe = |outcome: Result<Report, MachineError>| match outcome {
                Ok(report) => format!("{report:?}"),
                Err(error) => format!("error \"{error}\""),
            };
            let [expected, found] = [describe(expected), describe(found)];
            return Err(SelftestError::Outcome {
                program: name.to_owned(),
                expected,
                found,
            });
        }
        if let Ok(report) = expected {
            self.instructions += report.instructions;
            self.cycles += report.cycles;
        }
        let [expected, found] = [expected_output.0, found_output.0];
        if expected != found {
            let differ = expected.iter().zip(&found).position(|(e, f)| e != f);
            let position = differ.unwrap_or(expected.len().min(found.len()));
            let [expected, found] = [expected.len(), found.len()];
            return Err(SelftestError::Output {
                program: name.to_owned(),
                position,
                expected,
                found,
            });
        }
        self.words += expected.len() as u64;
        self.compare_slots(name)
    }

    fn compare_slots(&mut self, name: &str) -> Result<(), SelftestError> {
        let n = self.geometry().n();
        let [mut expected_words, mut found_words] = [vec![0; n], vec![0; n]];
        for slot in 0..self.geometry().slots() as u8 {
            let expected = self.reference.store(slot, &mut expected_words);
            let found = self.machine.store(slot, &mut found_words);
            if expected != found {
                let describe = |tag: Result<u8, MachineError>| match tag {
                    Ok(limb) => format!("written under limb {limb}"),
                    Err(MachineError::Unwritten { .. }) => "unwritten".to_owned(),
                    Err(error) => error.to_string(),
                };
                let [expected, found] = [describe(expected), describe(found)];
                return Err(SelftestError::Tag {
                    program: name.to_owned(),
                    slot,
                    expected,
                    found,
                });
            }
            if expected.is_err() {
                continue;
            }
            if let Some(position) = (0..n).find(|&i| expected_words[i] != found_words[i]) {
                let [expected, found] = [expected_words[position], found_words[position]];
                return Err(SelftestError::Slot {
                    program: name.to_owned(),
                    slot,
                    position,
                    expected,
                    found,
                });
            }
            self.words += n as u64;
        }
        Ok(())
    }
}

/// Keeps what is written.
#[derive(Default)]
struct Output(Vec<u64>);

impl Sink for Output {
    fn write(&mut self, words: &[u64]) -> Result<(), StreamError> {
        self.0.extend_from_slice(words);
        Ok(())
    }
}

/// Gives a slice in chunks of random lengths: sometimes one word, sometimes all that is asked for.
struct Chunks<'w, 'r> {
    rest: &'w [u64],
    random: &'r mut Random,
}

impl Source for Chunks<'_, '_> {
    fn chunk(&mut self, max: usize) -> Result<&[u64], StreamError> {
        let max = max.min(self.rest.len());
        let length = match self.random.below(4) {
            0 => max,
            1 => 1.min(max),
            _ => 1 + self.random.below(max.max(1) as u64) as usize,
        };
        if max == 0 {
            return Err(StreamError::Ended);
        }
        let (words, rest) = self.rest.split_at(length);
        self.rest = rest;
        Ok(words)
    }
}
