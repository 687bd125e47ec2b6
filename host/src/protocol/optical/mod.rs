//! Quantum-secure multiparty deep learning over simulated light (Sulimany, Vadlamani, Hamerly, Iyengar, Englund:
//! arXiv 2408.05629; PRX 15, 041056 (2025)).
//!
//! This is a simulation of physics for the study of a protocol. It protects nothing that is sent over a wire.
//!
//! ```text
//! server (weights)                                        client (image)
//!   charges its budget
//!   for every layer, position and row:
//!     coherent states, means s·w   ═══ light ══▶   steers ⟨w, x⟩ into one mode, amplifies it, taps and measures it,
//!     reads each mode, compares    ◀══ light ═══   steers back
//!   after a layer: t and S within what an honest client makes? else abort
//!                                                  ReLU and pooling in the clear; the next layer
//! ```
//!
//! | module | answers |
//! |---|---|
//! | [`lowering`] | which matrices does a network send? |
//! | [`leaks`] | what do its layers tell? |
//! | [`client`], [`server`] | what do the honest parties do, step by step? |
//! | [`session`] | how does light go from one to the other? |
//! | [`check`] | is what comes back an honest client's? |
//! | [`budget`] | how many queries may the weights serve? |
//! | [`adversary`] | what does who cheats learn, and who notices? |
//! | [`accuracy`](mod@accuracy) | how often is the answer right at a setting? in closed form, for data sets |

pub mod accuracy;
pub mod adversary;
pub mod budget;
pub mod check;
pub mod client;
pub mod leaks;
pub mod lowering;
pub mod server;
pub mod session;
#[cfg(test)]
mod tests;

use chacha20::ChaCha8Rng;
use rand_core::SeedableRng;
use thiserror::Error;

pub use budget::Budget;
pub use check::{Check, Verdict};
pub use client::Client;
pub use leaks::LayerLeak;
pub use lowering::{MatrixShape, OpticalNetwork, PublicNetwork, Stage};
pub use server::{Conditions, Server};
pub use session::{Link, Pass, Receiver, Sender};

/// The dice of nature and of the parties: everything random in a simulation is drawn from one.
pub type Dice = ChaCha8Rng;

/// The dice of event `number` of the simulation with seed `seed`: independent of all others.
#[must_use]
pub fn dice(seed: u64, number: u64) -> Dice {
    let mut dice = Dice::seed_from_u64(seed);
    dice.set_stream(number);
    dice
}

/// Whatever ends a session, or does not let it begin.
#[derive(Debug, Error)]
pub enum OpticalError {
    /// A network without linear layers.
    #[error("the network has no linear layer: there is nothing for light to compute")]
    NoMatrix,
    /// A layer that is not there.
    #[error(
        "there is no layer with weights of number {number}, counted from 0: the network has {matrices}"
    )]
    NoLayer {
        /// The number asked for.
        number: usize,
        /// Layers there are.
        matrices: usize,
    },
    /// A layer whose weights are all zero, or not finite.
    #[error(
        "layer {layer} has no weights other than zero, or some that are not finite: light cannot carry them"
    )]
    NoWeights {
        /// Its name.
        layer: String,
    },
    /// A layer that sends too much.
    #[error(
        "layer {layer} has {number} {what} for one image, more than the {limit} that are accepted: take a smaller network"
    )]
    TooLarge {
        /// Its name.
        layer: String,
        /// What there is too much of.
        what: &'static str,
        /// How much.
        number: u64,
        /// The largest number accepted.
        limit: u64,
    },
    /// A budget that is no amount.
    #[error("a leak budget is a number of bits, 0 or more, not {0}")]
    BudgetLimit(f64),
    /// The budget does not hold another query.
    #[error(
        "the leak budget is spent: {queries} queries told up to {spent:.3} bits of each weight, another would add \
         {asked:.3}, and the limit is {limit:.3}"
    )]
    BudgetSpent {
        /// Queries served.
        queries: u64,
        /// Bits a weight that they told.
        spent: f64,
        /// Bits of the query refused.
        asked: f64,
        /// The limit.
        limit: f64,
    },
    /// A budget of nothing.
    #[error(
        "a leak budget of {limit:.4} bit a weight does not hold one query, which tells up to {asked:.4} bit: raise the budget, or \
         send less light over a better link"
    )]
    BudgetTooSmall {
        /// The budget.
        limit: f64,
        /// Bits of a query.
        asked: f64,
    },
    /// A rate that is none.
    #[error("a false-alarm rate is above 0 and below 1, not {0}")]
    FalseAlarm(f64),
    /// The image does not fit the network.
    #[error("the network takes images of {want} pixels, this one has {got}")]
    Image {
        /// Pixels that the network takes.
        want: usize,
        /// Pixels of the image.
        got: usize,
    },
    /// A party was asked for a step that is not its next.
    #[error("the {party} was asked for {asked}, but its next step is {next}")]
    OutOfTurn {
        /// Which party.
        party: &'static str,
        /// The step asked for.
        asked: String,
        /// The step that is due.
        next: String,
    },
    /// Light in another number of modes than the row's.
    #[error("the light of a row of {want} modes has {got}: it is not what was agreed on")]
    Modes {
        /// Modes of the row.
        want: usize,
        /// Modes of the light.
        got: usize,
    },
    /// The check of a layer failed.
    #[error(
        "layer {layer}: the light that came back is not an honest client's (transmittance {:.4}, excess noise {:.5}, \
         p = {:.2e}): the session is over",
        verdict.transmittance, verdict.excess, verdict.p_value
    )]
    Caught {
        /// The layer's name.
        layer: String,
        /// What its readings say.
        verdict: Verdict,
    },
}
