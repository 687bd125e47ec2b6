//! What can be wrong with a model file.

use std::path::PathBuf;

use thiserror::Error;

use super::super::network::Shape;

/// A model file that cannot be imported: what is wrong, where, and what to do about it.
#[derive(Debug, Error)]
pub enum ImportError {
    /// A file could not be read.
    #[error("cannot read {}: {source}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// The system's reason.
        source: std::io::Error,
    },
    /// A size in the file, or of it, is beyond what this program accepts.
    #[error("{what} is {size}, which is more than the {limit} that are accepted")]
    TooLarge {
        /// What has that size.
        what: String,
        /// The size.
        size: u64,
        /// The largest accepted.
        limit: u64,
    },
    /// The bytes are not an ONNX model.
    #[error("not an ONNX model, or a damaged one: {reason} (at byte {offset})")]
    Malformed {
        /// Where.
        offset: usize,
        /// What is wrong.
        reason: String,
    },
    /// The bytes have the form of a message, but a field has the wrong type.
    #[error("not an ONNX model, or a damaged one: {0}")]
    Protobuf(String),
    /// An operator that this program does not evaluate.
    #[error("operator {operator} (node {node}) is not supported: {hint}")]
    Unsupported {
        /// The operator's name.
        operator: String,
        /// The node's name.
        node: String,
        /// What to do instead.
        hint: String,
    },
    /// A supported operator, used in a way that is not supported or contradicts itself.
    #[error("{operator} (node {node}): {reason}")]
    Node {
        /// The operator's name.
        operator: String,
        /// The node's name.
        node: String,
        /// What is wrong.
        reason: String,
    },
    /// A tensor of weights that cannot be used.
    #[error("tensor {name}: {reason}")]
    Tensor {
        /// The tensor's name.
        name: String,
        /// What is wrong.
        reason: String,
    },
    /// The graph as a whole is not a sequential network with one input and one output.
    #[error("the model's graph: {0}")]
    Graph(String),
}

/// An input that does not fit a graph.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("the input has {got} values, but the network takes {input}")]
pub struct InputSize {
    /// The graph's input.
    pub input: Shape,
    /// The number of values given.
    pub got: usize,
}
