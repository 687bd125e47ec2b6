//! When things happen: cycles of an event, counted from its issue, and cycles of an instruction.
//!
//! No time depends on data. An instruction without streams is decoded in the cycle after `start`, issues its first
//! event in the second (`AUT` when its rows are known), and then one in every cycle; each is followed through the
//! pipeline by its results, and `done` is the cycle at whose end the last result of a high bank is written.

use super::automorphism::{AutomorphismAddresses, AutomorphismNetwork};
use super::bank::Bank;
use super::circuit::Datapath;
use crate::arithmetic::Butterfly;
use crate::shape::Shape;

/// Cycle in which a lane takes what its low bank reads: it has passed a register and a relay.
const READ_CYCLE: usize = 2;
/// Cycle in which the words of a row stand in front of the automorphism network, the low banks' delayed by one.
pub(super) const ROW_CYCLE: usize = READ_CYCLE + Bank::LATENCY + 1;
/// Cycle in which the first operand of a low bank stands in a lane: behind its own and its neighbours' words.
pub(super) const FIRST_CYCLE: usize = ROW_CYCLE + 2;
/// Cycle in which a butterfly begins, x, y and w being chosen.
const BUTTERFLY_CYCLE: usize = FIRST_CYCLE + 2;
/// Cycle of the results.
pub(super) const RESULT_CYCLE: usize = BUTTERFLY_CYCLE + Butterfly::LATENCY;
/// Cycle in which a relay takes a route. The lane takes it, and a stream's word, one cycle later, and holds it in
/// that of the row.
pub(super) const ROUTE_CYCLE: usize = ROW_CYCLE - 2;
/// Cycle in which a relay takes a twiddle address: relay, address register, memory, own and right twiddle follow.
pub(super) const TWIDDLE_CYCLE: usize = FIRST_CYCLE - 4 - Bank::MEMORY_LATENCY;

impl Datapath {
    /// Cycles from a read of a bank's memory to the write of the result there.
    pub const READ_TO_WRITE: usize = RESULT_CYCLE + 1 - (READ_CYCLE + 1);

    /// Cycles from `start` to `done` of `NTT` and `INTT`.
    pub const fn transform_cycles(shape: &Shape) -> usize {
        shape.rows() * shape.log_n() as usize + RESULT_CYCLE + 3
    }

    /// Cycles from `start` to `done` of `MUL`, `MAC`, `ADD`, `SUB`, `MULI` and `RED`; with a stream operand two more, and
    /// those of `stall`.
    pub const fn pointwise_cycles(shape: &Shape) -> usize {
        2 * shape.rows() + RESULT_CYCLE + 3
    }

    /// Cycles from `start` to `done` of `AUT`.
    pub fn automorphism_cycles(shape: &Shape) -> usize {
        let setup = AutomorphismAddresses::setup_cycles(shape);
        let network = AutomorphismNetwork::latency(shape);
        shape.rows() + setup + ROW_CYCLE + network + 1
    }

    /// Cycles from `start` to `done` of `LD`, besides those of `stall`.
    pub const fn load_cycles(shape: &Shape) -> usize {
        shape.n() + RESULT_CYCLE + 4
    }

    /// Cycles from `start` to `done` of `ST`, besides those of `stall`.
    pub const fn store_cycles(shape: &Shape) -> usize {
        shape.n() + RESULT_CYCLE + 3
    }
}
