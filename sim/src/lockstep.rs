//! A machine stepped beside the reference: after every instruction that retires all slots and tags are compared, at the
//! end the output and what the machine counted.
//!
//! The clock stands still while the memories are looked into, so the machine runs as it would alone, with one
//! instruction behind the other and waits of the streams where they are asked for.

use addax_core::isa::{Instruction, Program, Sequencer, Step, instruction_cycles};
use addax_core::machine::{Fault, MachineError, Reference, Report, RingProcessor, SliceSource};

use crate::Basis;
use crate::circuit::{Circuit, CircuitError};
use crate::conformance::Kept;
use crate::driver::{Machine, Pause, Run};

/// The first difference between a machine and the reference. The residues shown are test data.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Divergence {
    /// A residue.
    #[error(
        "after word {pc}, {instruction}: slot {slot}, position {position}: {found} instead of {expected}"
    )]
    Slot {
        /// Place of the instruction.
        pc: u16,
        /// The instruction, increments added.
        instruction: Instruction,
        /// The slot.
        slot: u8,
        /// The position.
        position: usize,
        /// The reference's residue.
        expected: u64,
        /// The machine's.
        found: u64,
    },
    /// A tag: under which limb a slot was written, if it was.
    #[error(
        "after word {pc}, {instruction}: slot {slot} has tag {found:?} instead of {expected:?}"
    )]
    Tag {
        /// Place of the instruction.
        pc: u16,
        /// The instruction, increments added.
        instruction: Instruction,
        /// The slot.
        slot: u8,
        /// The reference's tag.
        expected: Option<u8>,
        /// The machine's.
        found: Option<u8>,
    },
    /// The machine retires an instruction that the program does not have, or fails to retire one.
    #[error("at word {pc}, {instruction}: the machine {found} instead of {expected}")]
    Step {
        /// Place of the instruction.
        pc: u16,
        /// The instruction, increments added.
        instruction: Instruction,
        /// What the reference does.
        expected: String,
        /// What the machine does.
        found: String,
    },
    /// The output, or what the machine reports at the end.
    #[error("at the end: {found} instead of {expected}")]
    End {
        /// What the reference has.
        expected: String,
        /// What the machine has.
        found: String,
    },
    /// The machine or the reference does not work at all.
    #[error("the machine failed: {0}")]
    Machine(#[from] MachineError),
    /// The circuit does not work.
    #[error("the circuit failed: {0}")]
    Circuit(#[from] CircuitError),
}

/// Runs a program on a machine and, instruction by instruction, on the reference, which starts with the machine's slots.
/// Streams wait as [`Clocked::set_stalls`](crate::Clocked::set_stalls) said. Returns the machine's report, or the fault
/// in which both ended alike.
///
/// # Errors
/// The first difference.
pub fn lockstep<C: Circuit>(
    machine: &mut Machine<C>,
    basis: &Basis,
    program: &Program,
    stream: &[u64],
) -> Result<Result<Report, MachineError>, Divergence> {
    let geometry = machine.geometry();
    let storage = vec![0; geometry.slots() * geometry.n()];
    let mut reference = Reference::new(basis, geometry, storage)?;
    let mut words = vec![0; geometry.n()];
    for slot in 0..geometry.slots() as u8 {
        if let Some(limb) = machine.circuit().peek_tag(slot)? {
            machine.circuit().peek_slot(slot, &mut words)?;
            reference.load(slot, limb, &words)?;
        }
    }
    let mut expected_source = SliceSource::new(stream);
    let mut expected_output = Kept::new(usize::MAX);
    let mut expected = Report::default();

    let mut source = SliceSource::new(stream);
    let mut output = Kept::new(usize::MAX);
    let mut run = machine.start(program, &mut source, &mut output)?;
    let mut fault = None;
    let mut last = None;
    for step in Sequencer::new(program) {
        let alone = alone(&step, program);
        let done = reference.run(&alone, &mut expected_source, &mut expected_output);
        let paused = run.proceed(true);
        match (done, paused) {
            // The last instruction may end the program as it retires.
            (Ok(report), Ok(pause))
                if pause == Pause::Retired || step.instruction == Instruction::Halt =>
            {
                expected += Report {
                    cycles: instruction_cycles(&step.instruction, &geometry),
                    instructions: 1,
                    ..report
                };
            }
            (Err(error), Ok(Pause::Ended)) => {
                fault = Some(in_place(error, &step, expected.words_in));
            }
            (Err(error), Err(found)) if in_place(error, &step, expected.words_in) == found => {
                compare(&step, &mut reference, machine.circuit())?;
                return Ok(Err(found));
            }
            (done, paused) => {
                let describe = |error: MachineError| format!("fails ({error})");
                return Err(Divergence::Step {
                    pc: step.pc,
                    instruction: step.instruction,
                    expected: done.map_or_else(describe, |_| "going on".to_owned()),
                    found: match paused {
                        Ok(Pause::Retired) => "goes on".to_owned(),
                        Ok(Pause::Ended) => "ends".to_owned(),
                        Err(error) => describe(error),
                    },
                });
            }
        }
        compare(&step, &mut reference, run.circuit())?;
        last = Some(step);
        if fault.is_some() {
            break;
        }
    }
    // The machine says that it runs for some cycles more.
    run.proceed(false)?;
    let outcome = end(run, expected, fault)?;
    // Nothing is written behind the end.
    if let Some(step) = last {
        compare(&step, &mut reference, machine.circuit())?;
    }
    if output.words != expected_output.words {
        return Err(Divergence::End {
            expected: format!("{} output words", expected_output.words.len()),
            found: format!("{} words, or others", output.words.len()),
        });
    }
    Ok(outcome)
}

/// Compares what the machine says of the whole program.
fn end<C: Circuit>(
    run: Run<'_, '_, C>,
    expected: Report,
    fault: Option<MachineError>,
) -> Result<Result<Report, MachineError>, Divergence> {
    let found = run.finish();
    let right = match (&found, fault) {
        (Ok((report, observed)), None) => {
            Report {
                stalls: 0,
                ..*report
            } == expected
                && (report.cycles + report.stalls) as i64 == *observed
        }
        (Err(error), Some(fault)) => *error == fault,
        _ => false,
    };
    if right {
        return Ok(found.map(|(report, _)| report));
    }
    Err(Divergence::End {
        expected: fault.map_or(format!("{expected:?}"), |fault| fault.to_string()),
        found: match found {
            Ok((report, observed)) => format!("{report:?} in {observed} cycles"),
            Err(error) => error.to_string(),
        },
    })
}

/// One instruction as a program. Loops are followed outside.
fn alone(step: &Step, program: &Program) -> Program {
    let words = [step.instruction.encode(), Instruction::Halt.encode()];
    let words = match step.instruction {
        Instruction::Loop(_) | Instruction::Halt => &words[1..],
        _ => &words[..],
    };
    Program::from_words(words, program.constants()).expect("an instruction of a legal program")
}

/// A fault of an instruction alone, as it is in the whole program.
fn in_place(error: MachineError, step: &Step, words_before: u64) -> MachineError {
    match error {
        MachineError::Fault { fault, .. } => MachineError::Fault {
            pc: step.pc,
            instruction: step.instruction,
            fault: match fault {
                Fault::Residue { position, limb } => Fault::Residue {
                    position: position + words_before,
                    limb,
                },
                other => other,
            },
        },
        other => other,
    }
}

/// Compares all slots and tags.
fn compare<C: Circuit>(
    step: &Step,
    reference: &mut impl RingProcessor,
    circuit: &mut C,
) -> Result<(), Divergence> {
    let n = reference.geometry().n();
    let (mut expected_words, mut found_words) = (vec![0; n], vec![0; n]);
    for slot in 0..reference.geometry().slots() as u8 {
        let expected = reference.store(slot, &mut expected_words).ok();
        let found = circuit.peek_tag(slot)?;
        if expected != found {
            return Err(Divergence::Tag {
                pc: step.pc,
                instruction: step.instruction,
                slot,
                expected,
                found,
            });
        }
        if expected.is_none() {
            continue;
        }
        circuit.peek_slot(slot, &mut found_words)?;
        if let Some(position) = (0..n).find(|&i| expected_words[i] != found_words[i]) {
            return Err(Divergence::Slot {
                pc: step.pc,
                instruction: step.instruction,
                slot,
                position,
                expected: expected_words[position],
                found: found_words[position],
            });
        }
    }
    Ok(())
}
