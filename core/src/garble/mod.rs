//! Garbled circuits: half gates over many instances of one circuit.
//!
//! # The scheme
//! Every wire w has two labels, 128 bits each: W⁰ for "false" and W¹ = W⁰ ⊕ Δ for "true", with one secret Δ for the
//! session. XOR and NOT then cost nothing (free XOR, Kolesnikov and Schneider, ICALP 2008), and an AND gate is the
//! sum of two *half gates*, one in which the garbler knows an input and one in which the evaluator does
//! (Zahur, Rosulek and Evans, EUROCRYPT 2015): with colours p_a, p_b (lowest bits of A⁰, B⁰),
//!
//! ```text
//! T_G = H(A⁰, 2i) ⊕ H(A¹, 2i) ⊕ p_b·Δ             C⁰ = H(A⁰, 2i) ⊕ p_a·T_G
//! T_E = H(B⁰, 2i+1) ⊕ H(B¹, 2i+1) ⊕ A⁰                ⊕ H(B⁰, 2i+1) ⊕ p_b·(T_E ⊕ A⁰)
//! ```
//!
//! The table is (T_G, T_E), 32 bytes. An evaluator with active labels A, B of colours s_a, s_b computes
//! C = H(A, 2i) ⊕ s_a·T_G ⊕ H(B, 2i+1) ⊕ s_b·(T_E ⊕ A). The hash and its security are in `hash.rs`.
//! If the garbler knows an input in clear, as it does its own, the first half gate alone is the whole gate:
//! 16 bytes.
//!
//! # From labels to additive shares
//! What leaves a circuit is a number that both parties go on sharing additively mod 2^m. Instead of adding a mask
//! inside the circuit (an AND a bit), each output bit is projected from labels straight to Z_{2^m}: by a
//! garbled row, the evaluator gets r + w·bit and the garbler keeps −r, r a pseudorandom mask. This is the
//! projection gate of Ball, Malkin and Rosulek (CCS 2016), with row reduction: the hash of the label of colour 0 *is*
//! the evaluator's value, and one row of m bits corrects the other. A bit of weight 2^j needs only m − j bits.
//! A product of two bits is projected likewise with three rows of m − j bits: row (i, j) is padded with
//! part j of the hash of the first label and part i of that of the second, so that no pad is used twice.
//! Any number of wires can be projected; their values add up.
//!
//! # Order of everything
//! Instances are processed in chunks of [`LANES`], the last one shorter. Labels of inputs are ordered
//! (chunk, input, instance); input bits are one `u64` a (chunk, input) with bit l for instance l. The garbled table
//! is a sequence of chunks; a chunk of l instances is
//! - 16·l blocks' bytes for each block of each gate: (gate, instance, block), then
//! - one string of bits, lowest first, for projections and decoded outputs: (gate, instance, row), filled up to
//!   whole bytes at the chunk's end.
//!
//! The gate counter of gate g, instance l of a chunk is base + g·lanes + l; it selects two tweaks.
//!
//! # Side channels
//! Secrets are selected by masks. The sequence of operations and memory accesses depends on the circuit and the
//! number of instances alone. Working memory is the caller's, who must zeroise it; what is kept inside
//! is zeroised on drop.

#[cfg(target_arch = "x86_64")]
mod avx512;
mod bits;
mod block;
mod builder;
mod circuit;
mod evaluation;
mod gadgets;
mod garbling;
mod hash;
mod kernel;
mod modular;
mod portable;
mod prg;
#[cfg(test)]
mod tests;
mod transpose;

pub use block::{Block, Delta};
pub use builder::{Builder, Node, Wire, Word};
pub use circuit::{Circuit, CircuitError, Counts, Gate, Operand, Weight};
pub use evaluation::{Evaluation, EvaluationWorker};
pub use gadgets::Saturated;
pub use garbling::{Garbling, GarblingInputs, GarblingWorker};
pub use prg::{LEAVES, LEVELS, Prg};
pub use transpose::transpose;

/// Instances of a chunk: each gate is hashed for this many instances at once, that is 256 blocks a call when
/// garbling and 128 when evaluating.
pub const LANES: usize = 64;

/// Why garbling or evaluating was refused. Nothing was written and no tweak was used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GarbleError {
    /// A buffer has the wrong length.
    Length {
        /// Which buffer.
        buffer: &'static str,
        /// The length that the circuit and the number of instances ask for.
        expected: usize,
        /// The length that was given.
        actual: usize,
    },
    /// The session's gate counter would overflow; a new session is needed.
    CounterExhausted,
}

impl core::fmt::Display for GarbleError {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match self {
            Self::Length {
                buffer,
                expected,
                actual,
            } => write!(f, "{buffer}: expected length {expected}, got {actual}"),
            Self::CounterExhausted => {
                f.write_str("the gate counter of this session is used up: start a new session")
            }
        }
    }
}

impl core::error::Error for GarbleError {}

fn check_length(buffer: &'static str, expected: usize, actual: usize) -> Result<(), GarbleError> {
    if expected == actual {
        Ok(())
    } else {
        Err(GarbleError::Length {
            buffer,
            expected,
            actual,
        })
    }
}

/// Values of a session's gate counter that belong to some instances of a circuit and to nothing else. Using them
/// consumes them, so that nothing is evaluated twice under one.
pub struct Turn {
    first: u64,
    count: usize,
}

impl Turn {
    /// The next `count` values.
    fn take(counter: &mut u64, count: usize) -> Result<Self, GarbleError> {
        let first = *counter;
        // Two tweaks a gate: the counter stays below 2^63.
        match first.checked_add(count as u64) {
            Some(next) if next < 1 << 63 => {
                *counter = next;
                Ok(Self { first, count })
            }
            _ => Err(GarbleError::CounterExhausted),
        }
    }
}

/// The chunks of `instances` instances, as their numbers of instances.
fn chunks(instances: usize) -> impl Iterator<Item = usize> {
    let full = instances / LANES;
    let rest = instances % LANES;
    core::iter::repeat_n(LANES, full).chain((rest > 0).then_some(rest))
}
