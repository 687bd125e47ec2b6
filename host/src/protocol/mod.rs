//! Private inference: the main job.
//!
//! ```text
//! client (image)                                server (weights)
//!   Hello: version, nonce              ────▶
//!                                      ◀────    ServerHello: version, nonce, public plan
//!   checks the plan against its limits
//!   PublicKey                          ────▶
//!   base oblivious transfers           ◀───▶
//!   Prepare, any time before an image  ────▶    draws its shares of it, stage by stage:
//!     transfers of random bits         ◀───▶    garbled tables
//!   for every image, stage by stage, from scratch or with UsePrepared:
//!     Ciphertexts: encrypted share     ────▶    adds its share, multiplies, re-randomises, floods, masks, switches
//!     decrypts its new share           ◀────    Response
//!     garbled activation on the shares ◀───▶
//!   LogitMasks or a garbled arg max    ◀────
//!   Finished                           ────▶
//! ```
//!
//! Both sides work on any `Read + Write`. Sizes and order of all messages follow from the plan alone. Results equal the
//! integer network ([`crate::net`]) bit for bit.

pub mod client;
pub mod first;
#[cfg(test)]
mod fuzz;
mod handshake;
mod measure;
pub mod optical;
pub mod plan;
mod prepared;
pub mod server;

pub use client::{Answer, Client};
pub use first::{Encryptor, FirstLayer, Input, OwnImage};
pub use handshake::VERSION;
pub use measure::LayerMeasure;
pub use plan::report::{LayerPlan, PlanReport};
pub use plan::{ClientLimits, LimitError, PlanError, PublicPlan, Reveal};
pub use prepared::Prepared;
pub use server::{ServerModel, SessionReport};

use crate::he::HeError;
use crate::linear::LinearError;
use crate::mpc::{Channel, MpcError};
use crate::net::network::NetworkError;
use crate::random::RandomnessError;

/// Whatever ends a session.
#[derive(Debug, thiserror::Error)]
pub enum ProtocolError {
    /// The peer does not speak this protocol.
    #[error("the peer is not an Addax {0}: its first message has another form")]
    NotAddax(&'static str),
    /// The peer speaks another version.
    #[error(
        "the peer speaks protocol version {peer}, this side version {VERSION}: install the same release on both sides"
    )]
    Version {
        /// The peer's version.
        peer: u16,
    },
    /// The server's plan cannot be read.
    #[error("the server's plan cannot be read: {0}")]
    PlanFormat(String),
    /// A plan cannot be made or is refused.
    #[error(transparent)]
    Plan(#[from] PlanError),
    /// The image does not fit the network.
    #[error(transparent)]
    Image(#[from] NetworkError),
    /// The connection, or the two-party computation on it, failed.
    #[error(transparent)]
    Mpc(#[from] MpcError),
    /// A key or ciphertext is malformed.
    #[error("the peer sent a malformed message: {0}")]
    Encryption(#[from] HeError),
    /// The linear layer failed.
    #[error(transparent)]
    Linear(#[from] LinearError),
    /// What holds the input in this party's place failed.
    #[error(transparent)]
    Input(Box<dyn std::error::Error + Send + Sync>),
    /// An image was to use a preparation that the server does not have.
    #[error(
        "preparation {number} does not exist or was used before: each serves one image, prepare another"
    )]
    NotPrepared {
        /// Its number.
        number: u64,
    },
    /// A preparation of another session.
    #[error("the preparation belongs to another session: prepare in the session that uses it")]
    ForeignPreparation,
    /// A client that prepares and prepares.
    #[error(
        "{most} preparations wait for their images, no more can: use one before making the next"
    )]
    TooManyPrepared {
        /// How many can wait, by the plan.
        most: usize,
    },
    /// The system gave no randomness.
    #[error(transparent)]
    Randomness(#[from] RandomnessError),
}

impl ProtocolError {
    /// Whether the peer can still hear from us, and does not know yet that the session is over.
    const fn is_ours(&self) -> bool {
        !matches!(
            self,
            Self::Mpc(
                MpcError::PeerClosed { .. }
                    | MpcError::PeerClosedWhileSending { .. }
                    | MpcError::PeerAborted { .. }
                    | MpcError::StalledWhileSending { .. }
                    | MpcError::Io(_)
            )
        )
    }
}

/// Tells the peer why the session ends, if it does not know. Failing to do so changes nothing.
fn abort_on_error<S: std::io::Read + std::io::Write, T>(
    channel: &mut Channel<S>,
    result: Result<T, ProtocolError>,
) -> Result<T, ProtocolError> {
    if let Err(error) = &result
        && error.is_ours()
        && let Err(unheard) = channel.abort(&error.to_string())
    {
        tracing::debug!("the peer did not hear of the abort: {unheard}");
    }
    result
}
