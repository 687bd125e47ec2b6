//! When things happen: cycles of an event, counted from its issue, and cycles of an instruction.
//!
//! No time depends on data. An instruction without streams is decoded in the cycle after `start`, issues its first
//! event in the second (`AUT` when its rows are known), and then one in every cycle; each is followed through the
//! pipeline by its results, and `done` is the cycle at whose end the last result of a high bank is written.

use super::automorphism::{AutomorphismAddresses, AutomorphismNetwork};
use super::circuit::Datapath;
use crate::arithmetic::Butterfly;
use crate::shape::Shape;

/// Cycle in which a relay takes a route. The lane takes it, and a stream's word, one cycle later.
pub(super) const ROUTE_CYCLE: usize = 6;
/// Cycle in which a relay takes a twiddle address.
pub(super) const TWIDDLE_CYCLE: usize = 4;
/// Cycle in which the words of a row stand in front of the automorphism network.
pub(super) const ROW_CYCLE: usize = 8;
/// Cycle in which a butterfly begins.
const BUTTERFLY_CYCLE: usize = 12;
/// Cycle of the results.
pub(super) const RESULT_CYCLE: usize = BUTTERFLY_CYCLE + Butterfly::LATENCY;
/// Cycle in which the first operand of a low bank stands in a lane.
pub(super) const FIRST_CYCLE: usize = 10;

impl Datapath {
    /// Cycles from a bank's address to the write of the result there.
    pub const WRITE_LATENCY: usize = RESULT_CYCLE + 1 - 3;

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
