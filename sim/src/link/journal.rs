//! What brings a device's slots back after a reset: the jobs that what they hold depends on.
//!
//! Programs are deterministic, and so is a program that faults. To have slots again, it is enough to repeat, in order,
//! the jobs that wrote what has not been overwritten since, and those whose results these read. When a job is added, all
//! others that nothing depends on any more are dropped.

use addax_core::isa::{Instruction, PointwiseOp, Program, Sequencer};
use zeroize::Zeroizing;

use super::tape::Tape;

/// A set of slots, bit by bit.
type Slots = u128;

/// Steps of a program that are looked at; a longer one counts as reading all slots.
const STEPS: usize = 1 << 16;

/// Something that has been done to slots.
pub enum Job {
    /// A polynomial was loaded.
    Load {
        /// The slot.
        slot: u8,
        /// The limb.
        limb: u8,
        /// The residues.
        words: Zeroizing<Vec<u64>>,
    },
    /// A program was run.
    Run {
        /// The program.
        program: Box<Program>,
        /// The input stream that it was given.
        tape: Tape,
        /// Whether it came to its end.
        succeeded: bool,
    },
}

struct Entry {
    job: Job,
    /// Slots that the job reads before it writes them.
    reads: Slots,
    /// Slots that it may write.
    writes: Slots,
    /// Slots that it writes for certain, whatever they held before.
    covers: Slots,
}

/// The jobs that slots depend on, the oldest first.
#[derive(Default)]
pub struct Journal {
    entries: Vec<Entry>,
}

const fn bit(slot: u8) -> Slots {
    1 << slot
}

/// Which slots a program reads before it writes them, and which it writes.
fn slots_of(program: &Program) -> (Slots, Slots) {
    let (mut reads, mut writes) = (0, 0);
    for (count, step) in Sequencer::new(program).enumerate() {
        if count >= STEPS {
            reads = Slots::MAX;
        }
        let instruction = step.instruction;
        let mut read = |slot: Option<u8>| reads |= slot.map_or(0, bit) & !writes;
        read(instruction.slot_a().map(|slot| slot.value()));
        read(instruction.slot_b().map(|slot| slot.value()));
        if let Instruction::Pointwise {
            op: PointwiseOp::Mac,
            dst,
            ..
        } = instruction
        {
            read(Some(dst.value()));
        }
        writes |= instruction
            .destination()
            .map_or(0, |slot| bit(slot.value()));
        if reads == Slots::MAX {
            // Destinations do not move in loops, so the words tell all of them.
            let all = program
                .instructions()
                .filter_map(|(_, word)| word.destination());
            writes = all.fold(writes, |writes, slot| writes | bit(slot.value()));
            break;
        }
    }
    (reads, writes)
}

impl Journal {
    /// Forgets everything: no slot is written.
    pub fn clear(&mut self) {
        self.entries.clear();
    }

    /// Adds a job that the device has done.
    pub fn push(&mut self, job: Job) {
        let entry = match &job {
            Job::Load { slot, .. } => Entry {
                reads: 0,
                writes: bit(*slot),
                covers: bit(*slot),
                job,
            },
            Job::Run {
                program, succeeded, ..
            } => {
                let (reads, writes) = slots_of(program);
                Entry {
                    reads,
                    writes,
                    covers: if *succeeded { writes } else { 0 },
                    job,
                }
            }
        };
        if entry.writes == 0 {
            return;
        }
        self.entries.push(entry);
        let mut needed = Slots::MAX;
        let mut keep: Vec<bool> = self
            .entries
            .iter()
            .rev()
            .map(|entry| {
                let kept = entry.writes & needed != 0;
                if kept {
                    needed = (needed & !entry.covers) | entry.reads;
                }
                kept
            })
            .collect();
        self.entries.retain(|_| keep.pop().unwrap_or(true));
    }

    /// The jobs, in the order in which they must be repeated.
    pub fn jobs_mut(&mut self) -> impl Iterator<Item = &mut Job> {
        self.entries.iter_mut().map(|entry| &mut entry.job)
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Stream words and residues that they keep.
    pub fn words(&self) -> usize {
        let words = |entry: &Entry| match &entry.job {
            Job::Load { words, .. } => words.len(),
            Job::Run { tape, .. } => tape.words(),
        };
        self.entries.iter().map(words).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use addax_core::isa::{Increment, ProgramBuilder, STREAM};

    fn run(journal: &mut Journal, write: impl FnOnce(&mut ProgramBuilder), succeeded: bool) {
        let mut builder = ProgramBuilder::new();
        write(&mut builder);
        let program = Box::new(builder.finish().unwrap());
        journal.push(Job::Run {
            program,
            tape: Tape::default(),
            succeeded,
        });
    }

    #[test]
    fn a_program_reads_what_it_has_not_written_itself() {
        let mut builder = ProgramBuilder::new();
        builder.mul(0, 4, 0, STREAM).unwrap();
        builder
            .repeat(3, Increment::A, |body| body.mac(0, 4, 1, STREAM))
            .unwrap();
        builder.intt(0, 5, 4).unwrap().mac(0, 6, 5, 7).unwrap();
        let (reads, writes) = slots_of(&builder.finish().unwrap());
        assert_eq!(reads, 0b1100_1111);
        assert_eq!(writes, 0b0111_0000);
    }

    #[test]
    fn what_was_overwritten_is_forgotten_unless_something_was_made_of_it() {
        let mut journal = Journal::default();
        let load = |journal: &mut Journal, slot| {
            journal.push(Job::Load {
                slot,
                limb: 0,
                words: Zeroizing::new(Vec::new()),
            });
        };
        load(&mut journal, 1);
        load(&mut journal, 1);
        assert_eq!(journal.len(), 1);
        // Slot 2 is made of slot 1, which then changes: both loads are needed.
        run(
            &mut journal,
            |b| {
                b.ntt(0, 2, 1).unwrap();
            },
            true,
        );
        load(&mut journal, 1);
        assert_eq!(journal.len(), 3);
        // A program that failed may have written slot 2 or not.
        run(
            &mut journal,
            |b| {
                b.load(0, 2).unwrap();
            },
            false,
        );
        assert_eq!(journal.len(), 4);
        run(
            &mut journal,
            |b| {
                b.load(0, 2).unwrap();
            },
            true,
        );
        assert_eq!(journal.len(), 2, "the load of slot 1 and the last program");
        run(
            &mut journal,
            |b| {
                b.store(1).unwrap();
            },
            true,
        );
        assert_eq!(journal.len(), 2, "a store changes nothing");
        journal.clear();
        assert_eq!(journal.len(), 0);
    }
}
