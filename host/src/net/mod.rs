//! Neural networks: from an ONNX file to a network of integers that can be evaluated privately.
//!
//! ```text
//! model.onnx ──onnx──▶ Graph (f32) ──fold──▶ Graph ──quantise──▶ IntegerNetwork ──integer──▶ logits
//! ```
//!
//! - [`onnx`] reads the file, refusing by name what it does not understand; [`graph`] is the chain of nodes it gives, in
//!   real numbers.
//! - [`quantise`](mod@quantise) turns the chain into integers, choosing shifts on the images of [`calibration`].
//! - [`network`] is the result: an [`IntegerNetwork`] of linear maps, window sums and activations, and what each of them
//!   computes, to the bit; [`bounds`] says how large its values become.
//! - [`integer`] evaluates it in the clear: the reference; [`accuracy`](mod@accuracy) counts its right answers.
//!
//! The integers are the model. The private protocol, the plan and the reference evaluator start from the same
//! [`IntegerNetwork`], so "the private result equals the reference" is a comparison of integers.

pub mod accuracy;
pub mod bounds;
pub mod calibration;
mod fold;
pub mod graph;
pub mod integer;
#[cfg(test)]
mod integer_tests;
pub mod network;
pub mod onnx;
pub mod quantise;

pub use network::{
    Activation, Function, IntegerNetwork, Layer, Linear, LinearMap, Pool, Shape, SumPool,
};
