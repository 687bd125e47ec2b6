//! The cycle model: how long a program takes, known before it runs.
//!
//! Instructions do not overlap: each is issued when its predecessor has written its last word. None takes a
//! time that depends on data, so the cycles of a program are a sum, and a loop multiplies the sum of its body.
//! Cycles in which the machine waits for a stream are stalls and are not counted here. With n coefficients and
//! B butterflies:
//!
//! | instruction | cycles |
//! |---|---|
//! | `NTT`, `INTT` | n/2·log2 n / B + issue + RAM + 2·exchange + butterfly + write + stage hazards |
//! | `MUL`, `MAC`, `ADD`, `SUB`, `MULI`, `RED` | n/B + issue + RAM + exchange + multiplier + write |
//! | `AUT` | n/B + issue + RAM + exchange + write |
//! | `LD` | n + issue + expand + write |
//! | `ST` | n + issue + RAM |
//! | `LOOP` | [`LOOP_CYCLES`], once for each time it is reached; going back costs nothing |
//! | `SYNC` | [`SYNC_CYCLES`] |
//! | `HALT` | issue |
//!
//! All pointwise instructions share one pipeline, so an addition takes as long as a product. `LD` and `ST` move
//! one word a cycle; stream operands of pointwise instructions arrive B words a cycle.

use heapless::Vec;

use super::{Geometry, Instruction, Program};

/// Fetching and decoding an instruction.
pub const ISSUE_CYCLES: u64 = 2;
/// A read of a registered block RAM.
pub const RAM_LATENCY: u64 = 2;
/// One pass through the permutation between banks and lanes.
pub const EXCHANGE_LATENCY: u64 = 2;
/// A word-level Montgomery product and the addition behind it.
pub const MULTIPLIER_LATENCY: u64 = 11;
/// A product, a sum and a difference.
pub const BUTTERFLY_LATENCY: u64 = 13;
/// A write of a block RAM.
pub const WRITE_LATENCY: u64 = 1;
/// Making a residue of a small integer, or checking one.
pub const EXPAND_LATENCY: u64 = 2;
/// What a transform may wait in all between stages, where a stage reads what the one before has just written.
pub const STAGE_HAZARD_CYCLES: u64 = 24;
/// Setting up a loop.
pub const LOOP_CYCLES: u64 = ISSUE_CYCLES + 1;
/// Draining the output register.
pub const SYNC_CYCLES: u64 = ISSUE_CYCLES + 2;

/// Cycles of one execution of one instruction.
pub const fn instruction_cycles(instruction: &Instruction, geometry: &Geometry) -> u64 {
    let n = geometry.n() as u64;
    let butterflies = geometry.butterflies() as u64;
    let log_n = geometry.log_n() as u64;
    match instruction {
        Instruction::Ntt { .. } | Instruction::Intt { .. } => {
            let pipeline = ISSUE_CYCLES
                + RAM_LATENCY
                + 2 * EXCHANGE_LATENCY
                + BUTTERFLY_LATENCY
                + WRITE_LATENCY;
            n / 2 * log_n / butterflies + pipeline + STAGE_HAZARD_CYCLES
        }
        Instruction::Pointwise { .. }
        | Instruction::MulConstant { .. }
        | Instruction::Reduce { .. } => {
            let pipeline =
                ISSUE_CYCLES + RAM_LATENCY + EXCHANGE_LATENCY + MULTIPLIER_LATENCY + WRITE_LATENCY;
            n / butterflies + pipeline
        }
        Instruction::Automorphism { .. } => {
            n / butterflies + ISSUE_CYCLES + RAM_LATENCY + EXCHANGE_LATENCY + WRITE_LATENCY
        }
        Instruction::Load { .. } | Instruction::LoadWeights { .. } => {
            n + ISSUE_CYCLES + EXPAND_LATENCY + WRITE_LATENCY
        }
        Instruction::Store { .. } => n + ISSUE_CYCLES + RAM_LATENCY,
        Instruction::Loop(_) => LOOP_CYCLES,
        Instruction::Sync => SYNC_CYCLES,
        Instruction::Halt => ISSUE_CYCLES,
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
