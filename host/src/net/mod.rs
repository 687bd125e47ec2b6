//! Neural networks: from an ONNX file to a network of integers that can be evaluated privately.
//!
//! ```text
//! model.onnx ──onnx──▶ Graph (f32) ──fold──▶ Graph ──quantise──▶ IntegerNetwork ──integer──▶ logits
//! ```
//!
//! - [`network`] is the destination: an [`IntegerNetwork`] of linear maps, window sums and activations, and what each of
//!   them computes, to the bit.
//!
//! The integers are the model. The private protocol, the plan and the reference evaluator start from the same
//! [`IntegerNetwork`], so "the private result equals the reference" is a comparison of integers.

pub mod network;

pub use network::{
    Activation, Function, IntegerNetwork, Layer, Linear, LinearMap, Pool, Shape, SumPool,
};
