//! Folding: batch normalisation and added constants disappear into the linear layer before them.
//!
//! scale·(W·x + b) + offset = (scale·W)·x + (scale·b + offset), per output channel, computed in `f64` and stored as `f32`.
//! A ReLU behind a ReLU and the reshaping of a vector into itself disappear as well.

use super::graph::{Graph, Node, Operation};
use super::onnx::ImportError;

/// A graph without `Affine` nodes, computing the same function.
///
/// # Errors
/// [`ImportError::Node`] when an affine map has no linear layer directly before it.
pub(super) fn fold(graph: Graph) -> Result<Graph, ImportError> {
    let mut nodes: Vec<Node> = Vec::with_capacity(graph.nodes.len());
    for node in graph.nodes {
        let before = nodes.last_mut().map(|last| &mut last.operation);
        match (&node.operation, before) {
            (
                Operation::Affine { scale, offset },
                Some(
                    Operation::Convolution { weights, bias, .. }
                    | Operation::FullyConnected { weights, bias },
                ),
            ) => absorb(weights, bias, scale, offset),
            (Operation::Affine { .. }, _) => {
                return Err(ImportError::Node {
                    operator: "BatchNormalization or Add".to_owned(),
                    node: node.name,
                    reason:
                        "it must directly follow a Conv, Gemm or MatMul, into which it is folded; \
                             move it before the activation, or train without it"
                            .to_owned(),
                });
            }
            (Operation::Relu, Some(Operation::Relu)) => {}
            (Operation::Flatten, _) if node.input.area() == 1 && node.input == node.output => {}
            _ => nodes.push(node),
        }
    }
    Ok(Graph { nodes, ..graph })
}

fn absorb(weights: &mut [f32], bias: &mut [f32], scale: &[f64], offset: &[f64]) {
    let row = weights.len() / bias.len();
    let channels = weights.chunks_exact_mut(row).zip(bias);
    for ((filter, b), (s, o)) in channels.zip(scale.iter().zip(offset)) {
        for weight in filter {
            *weight = (f64::from(*weight) * s) as f32;
        }
        *b = (f64::from(*b) * s + o) as f32;
    }
}
