//! Two-party computation of the non-linear layers.
//!
//! ```text
//! channel       frames over any Read + Write; counts bytes and rounds, bounds lengths
//! base_ot       128 oblivious transfers over Ristretto
//! ot_extension  from these, any number of correlated transfers at 4 bytes each
//! nonlinear     which circuit a layer is, what it costs, and the orders of its inputs
//! garbler       the server's session
//! evaluator     the client's session
//! ahead         what both can do before the input is known
//! ```
//!
//! The server garbles, the client evaluates. With Δ the garbler's free-XOR offset, a correlated transfer with
//! choice bit b leaves the server with q and the client with q ⊕ b·Δ: the label of "false" and the active label of
//! the client's input bit. So the labels of the client's inputs need no further message.
//!
//! Security is against semi-honest parties: each follows the protocol and tries to learn more from what it sees.
//! Whatever a peer sends is checked before it is used, and nothing of it leads to a panic; but a party that deviates
//! can make results wrong, and a garbler that deviates can make failure depend on the client's data.

pub mod ahead;
pub mod base_ot;
pub mod channel;
pub mod evaluator;
pub mod garbler;
pub mod nonlinear;
pub mod ot_extension;

pub use ahead::{GarbledAhead, TablesAhead};
pub use channel::{Channel, Direction, HEADER_BYTES, MessageKind, TranscriptEntry};
pub use evaluator::Evaluator;
pub use garbler::Garbler;
pub use nonlinear::{Function, NonLinear, Task, arg_max_and_gates, arg_max_bytes};

use addax_core::garble::{CircuitError, GarbleError};
use std::io;

/// Whatever ends a two-party computation.
#[derive(Debug, thiserror::Error)]
pub enum MpcError {
    /// The connection ended before a message was complete.
    #[error("the peer closed the connection while we were waiting for {waiting_for}")]
    PeerClosed {
        /// What we were waiting for.
        waiting_for: MessageKind,
    },
    /// The connection ended while we were sending.
    #[error("the peer closed the connection while we were sending {sending}")]
    PeerClosedWhileSending {
        /// The last message put into the buffer.
        sending: MessageKind,
    },
    /// The peer gave up and says why.
    #[error("the peer aborted: {reason}")]
    PeerAborted {
        /// The peer's own words, at most [`channel::ABORT_LIMIT`] bytes; invalid UTF-8 and control characters
        /// are replaced.
        reason: String,
    },
    /// A message did not arrive within the time limit of the stream or of the channel.
    #[error("the peer stalled: {waiting_for} did not arrive in time")]
    Stalled {
        /// What we were waiting for.
        waiting_for: MessageKind,
    },
    /// The peer did not read within the time limit of the stream or of the channel.
    #[error("the peer stalled: {sending} could not be sent in time")]
    StalledWhileSending {
        /// The last message put into the buffer.
        sending: MessageKind,
    },
    /// A frame is longer than its receiver allows.
    #[error("a frame longer than allowed: {kind} of {length} bytes, at most {limit} expected")]
    FrameTooLong {
        /// The frame's kind.
        kind: MessageKind,
        /// The length that its header announces.
        length: usize,
        /// The limit.
        limit: usize,
    },
    /// A frame does not have the one length that is possible.
    #[error("{kind} has {length} bytes instead of {expected}")]
    WrongLength {
        /// The frame's kind.
        kind: MessageKind,
        /// The length that its header announces.
        length: usize,
        /// The right length.
        expected: usize,
    },
    /// A frame of a known kind at the wrong moment.
    #[error("expected {expected}, received {received}")]
    UnexpectedMessage {
        /// What we were waiting for.
        expected: MessageKind,
        /// What came.
        received: MessageKind,
    },
    /// A frame of no known kind: the peer speaks another protocol or version.
    #[error("expected {expected}, received a message of the unknown kind {received}")]
    UnknownMessage {
        /// What we were waiting for.
        expected: MessageKind,
        /// The kind's number.
        received: u8,
    },
    /// A group element of the base transfers is not a valid, non-trivial point.
    #[error("base transfer {index}: the peer's point is not a valid group element")]
    InvalidPoint {
        /// Number of the transfer.
        index: usize,
    },
    /// A layer's numbers contradict each other.
    #[error("impossible non-linear layer: {0}")]
    InvalidLayer(String),
    /// The circuit of a layer cannot be built.
    #[error("the layer's circuit cannot be built: {0}")]
    Circuit(#[from] CircuitError),
    /// Garbling or evaluating was refused.
    #[error("garbling failed: {0}")]
    Garble(#[from] GarbleError),
    /// The stream failed.
    #[error("the connection failed: {0}")]
    Io(#[from] io::Error),
}
