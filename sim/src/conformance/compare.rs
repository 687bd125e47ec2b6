//! Running one program on two machines and comparing all that can be observed.

use addax_core::isa::Geometry;
use addax_core::link::device::digest;
use addax_core::machine::{Digests, MachineError, Reference, Report, RingProcessor};

use super::cases::Case;
use super::streams::{Chunks, Kept};
use super::{Difference, Subject};
use crate::random::Random;
use crate::{Basis, Stalls};

/// An executor beside the reference.
pub struct Comparison<'m, 'b> {
    subject: Subject<'m>,
    basis: &'b Basis,
    reference: Reference<&'b Basis, Vec<u64>>,
    random: Random,
    /// Instructions executed by programs that ended.
    pub instructions: u64,
    /// Words compared.
    pub words: u64,
    /// Cycles of programs that ended.
    pub cycles: u64,
    /// Cycles in which a machine with a clock waited.
    pub stalls: u64,
}

impl<'m, 'b> Comparison<'m, 'b> {
    /// Both machines with empty slots; `seed` decides the chunks and the waits of streams.
    ///
    /// # Errors
    /// A basis that the reference cannot have, a machine that cannot be reset.
    pub fn new(mut subject: Subject<'m>, basis: &'b Basis, seed: u64) -> Result<Self, Difference> {
        let geometry = subject.machine().geometry();
        let storage = vec![0; geometry.slots() * geometry.n()];
        let reference = Reference::new(basis, geometry, storage)?;
        subject.machine().reset()?;
        let random = Random::new(seed);
        Ok(Self {
            subject,
            basis,
            reference,
            random,
            instructions: 0,
            words: 0,
            cycles: 0,
            stalls: 0,
        })
    }

    /// The size of both machines.
    pub fn geometry(&self) -> Geometry {
        self.reference.geometry()
    }

    /// The executor.
    pub const fn subject(&mut self) -> &mut Subject<'m> {
        &mut self.subject
    }

    /// The definition.
    pub const fn reference(&mut self) -> &mut impl RingProcessor {
        &mut self.reference
    }

    /// Empties all slots of both.
    ///
    /// # Errors
    /// A machine that cannot.
    pub fn reset(&mut self) -> Result<(), Difference> {
        self.subject.machine().reset()?;
        self.reference.reset()?;
        Ok(())
    }

    /// Empties all slots and loads those of a case.
    ///
    /// # Errors
    /// A machine that cannot.
    pub fn prepare(&mut self, case: &Case) -> Result<(), Difference> {
        self.reset()?;
        for (slot, contents) in case.slots.iter().enumerate() {
            if let Some((limb, pattern)) = *contents {
                let words = pattern.polynomial(
                    self.basis.modulus(usize::from(limb)).value(),
                    self.geometry().n(),
                );
                self.subject.machine().load(slot as u8, limb, &words)?;
                self.reference.load(slot as u8, limb, &words)?;
            }
        }
        Ok(())
    }

    /// Runs a case's program on both and compares.
    ///
    /// # Errors
    /// The first difference.
    pub fn run(&mut self, case: &Case) -> Result<(), Difference> {
        let name = &case.name;
        let mut expected_output = Kept::new(case.room);
        let mut source = Chunks::new(&case.stream, case.end, None);
        let expected = self
            .reference
            .run(&case.program, &mut source, &mut expected_output);
        let expected_left = source.left();

        let mut stalls = self.draw_stalls();
        if case.room != usize::MAX {
            // What a machine does after a store whose last words wait inside it is not what the definition does when
            // they are refused.
            stalls.output = 0;
        }
        let mut found_output = Kept::new(case.room);
        let mut source = Chunks::new(&case.stream, case.end, Some(&mut self.random));
        if let Subject::Clocked(machine) = &mut self.subject {
            machine.set_stalls(stalls)?;
        }
        let found = self
            .subject
            .machine()
            .run(&case.program, &mut source, &mut found_output);
        let left = source.left();
        if let Subject::Clocked(machine) = &mut self.subject {
            machine.set_stalls(Stalls::NONE)?;
        }

        let without_stalls =
            |outcome: Result<Report, MachineError>| outcome.map(|r| Report { stalls: 0, ..r });
        if expected != without_stalls(found) {
            let describe = |outcome: Result<Report, MachineError>| match outcome {
                Ok(report) => format!("{report:?}"),
                Err(error) => format!("error \"{error}\""),
            };
            return Err(Difference::Outcome {
                program: name.clone(),
                expected: describe(expected),
                found: describe(found),
            });
        }
        if let Ok(report) = found {
            if left != expected_left {
                return Err(Difference::Input {
                    program: name.clone(),
                    expected: expected_left,
                    found: left,
                });
            }
            self.compare_stalls(name, &report, stalls)?;
            self.instructions += report.instructions;
            self.cycles += report.cycles;
            self.stalls += report.stalls;
        }
        let [expected, found] = [expected_output.words, found_output.words];
        if expected != found {
            let differ = expected.iter().zip(&found).position(|(e, f)| e != f);
            let position = differ.unwrap_or(expected.len().min(found.len()));
            let [expected, found] = [expected.len(), found.len()];
            return Err(Difference::Output {
                program: name.clone(),
                position,
                expected,
                found,
            });
        }
        self.words += expected.len() as u64;
        self.compare_slots(name)
    }

    /// How the streams of the next run wait: not at all in every third.
    fn draw_stalls(&mut self) -> Stalls {
        let seed = self.random.next();
        let [input, output] = match seed % 6 {
            0 | 1 => [0, 0],
            2 => [8, 8],
            3 => [64, 0],
            4 => [0, 64],
            _ => [160, 160],
        };
        Stalls {
            seed,
            input,
            output,
        }
    }

    /// Software never waits; a clocked machine waits only where its streams do, and it neither loses nor invents a
    /// cycle: those it counts are those in which it was seen running.
    fn compare_stalls(
        &mut self,
        name: &str,
        report: &Report,
        stalls: Stalls,
    ) -> Result<(), Difference> {
        let seen = match &self.subject {
            Subject::Software(_) => report.cycles as i64,
            Subject::Clocked(machine) => machine.observed_cycles(),
        };
        let may_wait =
            matches!(self.subject, Subject::Clocked(_)) && [stalls.input, stalls.output] != [0, 0];
        if report.stalls > 0 && !may_wait || (report.cycles + report.stalls) as i64 != seen {
            return Err(Difference::Outcome {
                program: name.to_owned(),
                expected: format!("{seen} cycles, waits of the streams included"),
                found: format!("{} cycles and {} stalls", report.cycles, report.stalls),
            });
        }
        Ok(())
    }

    /// Compares tags and residues of all slots.
    ///
    /// # Errors
    /// The first difference.
    pub fn compare_slots(&mut self, name: &str) -> Result<(), Difference> {
        let n = self.geometry().n();
        let [mut expected_words, mut found_words] = [vec![0; n], vec![0; n]];
        if let Some(found) = self.subject.machine().digests()? {
            let mut expected = Digests::new();
            for slot in 0..self.geometry().slots() as u8 {
                let limb = self.reference.store(slot, &mut expected_words).ok();
                let digest = limb.map(|limb| (limb, digest(&expected_words)));
                // There is room for every slot number.
                let _ = expected.push(digest);
            }
            if expected == found {
                self.words += (n * expected.iter().flatten().count()) as u64;
                return Ok(());
            }
            // Where, is said by the words.
        }
        for slot in 0..self.geometry().slots() as u8 {
            let expected = self.reference.store(slot, &mut expected_words);
            let found = self.subject.machine().store(slot, &mut found_words);
            if expected != found {
                let describe = |tag: Result<u8, MachineError>| match tag {
                    Ok(limb) => format!("written under limb {limb}"),
                    Err(MachineError::Unwritten { .. }) => "unwritten".to_owned(),
                    Err(error) => error.to_string(),
                };
                let [expected, found] = [describe(expected), describe(found)];
                return Err(Difference::Tag {
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
                return Err(Difference::Slot {
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
