//! Who cheats, what they learn, and who notices.
//!
//! Each adversary takes an honest party's place through the same traits, on one matrix of a network, and many trials measure two
//! things: how often the honest party stops the session, and how much was learnt, which is compared with the bound for the light
//! that came back.
//!
//! # What was learnt of weights
//!
//! An eavesdropper ends with a number for every quadrature. With ρ its correlation with the truth over a matrix, the information
//! on a symbol is −log₂(1 − ρ²) bits, two quadratures of −½ log₂(1 − ρ²) each, exact for a Gaussian channel of that correlation.
//! Who measures as an honest client does has one more number for each row and position, which is correlated with its own truth,
//! s⟨w, v⟩, and whose −½ log₂(1 − ρ²) bits are shared by the n′ symbols of the row. A variant that counts a weight as half of a
//! symbol counts half.
//!
//! What was learnt of data: see [`server`].

mod arena;
pub mod client;
mod information;
pub mod server;
#[cfg(test)]
mod tests;

pub use arena::Arena;
use server::Reading;

/// X variance of the light of the server that squeezes it: 10 dB below the vacuum's.
const SQUEEZED: f64 = 0.1;
/// A way to cheat, or none.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Adversary {
    /// A client that does what it should, and what its answers tell of the weights.
    Honest,
    /// A client that measures both quadratures of every mode and returns light with the means it estimates.
    Heterodyne,
    /// Someone on the line who measures everything and sends the client light with the means that were read.
    InterceptResend,
    /// A client that keeps this fraction of the light, measures it, and treats the rest honestly.
    Split(f64),
    /// A client beside the server, with a perfect link, that keeps what the agreed link would have lost.
    Door,
    /// A client that asks again and again, with other data each time.
    Repeat,
    /// A server that sends no light and measures each returned mode's X.
    Crafted,
    /// A server that sends squeezed vacuum and measures each returned mode's X.
    Squeezed,
    /// A server that sends no light and counts the photons that return.
    Counting,
}

impl Adversary {
    /// All, a split in the middle of the interesting range among them.
    pub const ALL: [Self; 9] = [
        Self::Honest,
        Self::Heterodyne,
        Self::InterceptResend,
        Self::Split(0.01),
        Self::Door,
        Self::Repeat,
        Self::Crafted,
        Self::Squeezed,
        Self::Counting,
    ];

    /// The name people choose it by.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Honest => "honest",
            Self::Heterodyne => "heterodyne",
            Self::InterceptResend => "intercept-resend",
            Self::Split(_) => "split",
            Self::Door => "perfect-link",
            Self::Repeat => "repeat",
            Self::Crafted => "crafted-server",
            Self::Squeezed => "squeezed-server",
            Self::Counting => "counting-server",
        }
    }

    /// The adversary of that name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|adversary| adversary.name() == name)
    }

    /// How a server of this kind reads; None for those that are no servers.
    const fn reading(self) -> Option<Reading> {
        match self {
            Self::Crafted => Some(Reading::Quadratures(1.0)),
            Self::Squeezed => Some(Reading::Quadratures(SQUEEZED)),
            Self::Counting => Some(Reading::Photons),
            _ => None,
        }
    }
}

/// What many trials of one attack come to.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// Sessions.
    pub trials: usize,
    /// Sessions that the server's check ended.
    pub caught: usize,
    /// Sessions that the server's budget ended.
    pub exhausted: usize,
    /// Queries of a session, on average.
    pub queries: f64,
    /// Bits learnt of a weight or of a datum.
    pub information_bits: f64,
    /// The most that can be learnt with light coming back as it did.
    pub bound_bits: f64,
    /// Whose bound that is.
    pub bound_of: &'static str,
    /// T and ε that the server saw, on average; None if the server is the one that cheats.
    pub observed: Option<(f64, f64)>,
    /// The last p of the server's check in each session.
    pub p_values: Vec<f64>,
}
