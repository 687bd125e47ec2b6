//! The cycle model: how long a program takes, known before it runs.
//!
//! Instructions do not overlap: each is issued when its predecessor has written its last word. None takes a
//! time that depends on data, so the cycles of a program are a sum, and a loop multiplies the sum of its body.
//! Cycles in which the machine waits for a stream are stalls and are not counted here. With n coefficients and
//! B butterflies:
//!
//! | instruction | cycles |
//! |---|---|
//! | `NTT`, `INTT` | n/2·log2 n / B + issue + operands + butterfly + write |
//! | `MUL`, `MAC`, `ADD`, `SUB`, `MULI`, `RED` | n/B + issue + operands + butterfly + write, with a stream operand + 2 beat |
//! | `AUT` | n/(2B) + 2B + log2 (2B) + issue + automorphism |
//! | `LD` | n + issue + operands + butterfly + write + beat |
//! | `ST` | n + issue + operands + butterfly + write |
//! | `LOOP`, once for each time it is reached; `SYNC`; `HALT` | issue + fetch |
//!
//! Everything goes through the same pipeline, so an addition takes as long as a product. `LD` and `ST` move one word a
//! cycle; stream operands of pointwise instructions arrive B words a cycle. The next instruction is fetched while one
//! is executed; where nothing is executed, it is waited for. Going back at the end of a loop's body costs nothing.

use heapless::Vec;

use super::{Geometry, Instruction, Program};

/// Looking limb tags up, checking them, starting.
pub const ISSUE_CYCLES: u64 = 3;
/// Waiting for the next word, where the instruction before does nothing in the datapath.
pub const FETCH_CYCLES: u64 = 3;
/// Decoding, and from an address to the operands in front of a butterfly.
pub const OPERAND_LATENCY: u64 = 13;
/// A product, a sum, a difference, a halving.
pub const BUTTERFLY_LATENCY: u64 = 18;
/// From a result to its place in the memory, and the end of the instruction.
pub const WRITE_LATENCY: u64 = 2;
/// From the port to the operands.
pub const BEAT_LATENCY: u64 = 1;
/// An automorphism's first address, and a row from the memory to the memory, the levels of the network apart.
pub const AUTOMORPHISM_LATENCY: u64 = 12;

/// Cycles of one execution of one instruction.
pub const fn instruction_cycles(instruction: &Instruction, geometry: &Geometry) -> u64 {
    let n = geometry.n() as u64;
    let butterflies = geometry.butterflies() as u64;
    let log_n = geometry.log_n() as u64;
    let pipeline = ISSUE_CYCLES + OPERAND_LATENCY + BUTTERFLY_LATENCY + WRITE_LATENCY;
    match instruction {
        Instruction::Ntt { .. } | Instruction::Intt { .. } => {
            n / 2 * log_n / butterflies + pipeline
        }
        Instruction::Pointwise { .. }
        | Instruction::MulConstant { .. }
        | Instruction::Reduce { .. } => {
            let beat = if instruction.reads_stream() {
                // Events come in pairs, and the first waits for both its beats.
                2 * BEAT_LATENCY
            } else {
                0
            };
            n / butterflies + pipeline + beat
        }
        Instruction::Automorphism { .. } => {
            let banks = 2 * butterflies;
            let network = banks.trailing_zeros() as u64;
            n / banks + banks + network + ISSUE_CYCLES + AUTOMORPHISM_LATENCY
        }
        Instruction::Load { .. } | Instruction::LoadWeights { .. } => n + pipeline + BEAT_LATENCY,
        Instruction::Store { .. } => n + pipeline,
        Instruction::Loop(_) | Instruction::Sync | Instruction::Halt => ISSUE_CYCLES + FETCH_CYCLES,
    }
}

/// Cycles of a whole program, `HALT` included: every word once, times the iterations of the loops around it.
pub fn cycles(program: &Program, geometry: &Geometry) -> u64 {
    // Last word of each loop around the current word, and how often its body runs in all.
    let mut loops: Vec<(u16, u64), 2> = Vec::new();
    let mut total = 0;
    for (pc, instruction) in program.instructions() {
        while loops.last().is_some_and(|&(last, _)| last < pc) {
            loops.pop();
        }
        let runs = loops.last().map_or(1, |&(_, runs)| runs);
        total += runs * instruction_cycles(&instruction, geometry);
        if let Instruction::Loop(fields) = instruction {
            // Depth two is the program's invariant.
            let _ = loops.push((
                pc + u16::from(fields.body()),
                runs * u64::from(fields.count()),
            ));
        }
    }
    total
}
