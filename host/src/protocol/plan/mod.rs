//! The plan: everything both parties know about a computation before it starts.
//!
//! No weight is in it, but k and the shifts are chosen from bounds on the weights and so tell a few bits about their size.
//!
//! A network is cut into **stages**. Within a stage all values are shared mod 2^k for one k: a linear layer on encrypted
//! shares, sums over windows on shares, and a garbled activation that leads to the next stage. k is the least that holds
//! every value x of the stage with the rounding term of its activation's shift s, abs(x) < 2^(k−1) − 2^(s−1).
//!
//! The server computes the plan from its integer network and sends it; k, shifts, shapes and tiles are public. The
//! client checks each number against its own limits ([`ClientLimits`]) and recomputes every bound before it uses any.
//!
//! `build` cuts a network into stages, `check` is the client's, `noise` the bounds of all linear layers, `report`
//! the plan in numbers. A new kind of layer is a field of [`Stage`] and a line in each.

mod build;
mod check;
mod limits;
mod noise;
pub mod report;

use addax_core::params::ParameterSet;
use serde::{Deserialize, Serialize};

pub use limits::{ClientLimits, LimitError};

use crate::linear::program::CompileError;
use crate::linear::{Convolution, Packing, PackingError, Tile};
use crate::mpc;
use crate::net::{Pool, Shape};

/// The public description of a computation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PublicPlan {
    /// Name of the parameter set.
    pub parameters: String,
    /// Channels, rows, columns of the image.
    pub input: [usize; 3],
    /// Bits of an image value.
    pub input_bits: u32,
    /// What the client learns.
    pub reveal: Reveal,
    /// The stages, first to last.
    pub stages: Vec<Stage>,
}

/// What the client learns at the end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reveal {
    /// Every logit.
    Logits,
    /// Only the index of the largest logit.
    ArgMax,
}

/// Layers that compute on shares mod one 2^k.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Stage {
    /// k.
    pub plain_bits: u32,
    /// The linear layer on encrypted shares, if the stage has one.
    pub linear: Option<LinearStage>,
    /// Sums over windows, in order.
    pub pools: Vec<PoolStage>,
    /// The activation that ends the stage; none in the last stage.
    pub activation: Option<ActivationStage>,
}

/// The public part of a convolution or matrix.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LinearStage {
    /// Name in the model.
    #[serde(deserialize_with = "printable")]
    pub name: String,
    /// Its geometry.
    pub convolution: Convolution,
    /// How it is cut.
    pub tile: Tile,
    /// Bits of a signed weight.
    pub weight_bits: u32,
}

/// A weighted sum over windows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PoolStage {
    /// Name in the model.
    #[serde(deserialize_with = "printable")]
    pub name: String,
    /// The window.
    pub window: Window,
    /// The factor.
    pub weight: i64,
}

/// A sliding window.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Window {
    /// Rows and columns.
    pub kernel: [usize; 2],
    /// Steps down and to the right.
    pub stride: [usize; 2],
    /// Padding at the top, left, bottom and right.
    pub padding: [usize; 4],
}

impl From<Window> for Pool {
    fn from(window: Window) -> Self {
        Self {
            kernel: window.kernel,
            stride: window.stride,
            padding: window.padding,
        }
    }
}

impl From<Pool> for Window {
    fn from(pool: Pool) -> Self {
        Self {
            kernel: pool.kernel,
            stride: pool.stride,
            padding: pool.padding,
        }
    }
}

/// A garbled activation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ActivationStage {
    /// Name in the model.
    #[serde(deserialize_with = "printable")]
    pub name: String,
    /// Whether negative values are rectified (else they never occur).
    pub relu: bool,
    /// The window of a maximum, if there is one.
    pub max_pool: Option<Window>,
    /// Bits that rounding drops.
    pub shift: u32,
    /// Bits of a result.
    pub activation_bits: u32,
}

/// Why a network cannot be planned, or a plan not accepted.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum PlanError {
    /// Squares need polynomial activations, which the private protocol does not have.
    #[error(
        "layer {layer} squares its input: the private protocol has no polynomial activations yet; use a model with ReLU (`eval --private 0` evaluates squares in the clear)"
    )]
    Square {
        /// The layer.
        layer: String,
    },
    /// The layers do not alternate as the protocol needs.
    #[error("layer {layer}: {reason}")]
    Structure {
        /// The layer.
        layer: String,
        /// What is wrong.
        reason: String,
    },
    /// Values do not fit the plaintext modulus.
    #[error(
        "layer {layer}: values up to {bound} with a shift of {shift} need {needed} plaintext bits, but {given} are given; use fewer weight or activation bits, or more plaintext bits"
    )]
    TooNarrow {
        /// The layer.
        layer: String,
        /// Largest magnitude.
        bound: u64,
        /// Shift of the stage's activation.
        shift: u32,
        /// Bits needed.
        needed: u32,
        /// Bits given.
        given: u32,
    },
    /// The plaintext modulus leaves no room for noise.
    #[error(
        "layer {layer}: {plain_bits} plaintext bits are too wide for {parameters}: decryption fails with probability 2^{failure:.1} and the responses are within 2^{hiding:.1} of hiding the weights, both must be at most 2^-40; use at most {most} bits"
    )]
    TooWide {
        /// The layer.
        layer: String,
        /// k.
        plain_bits: u32,
        /// The parameter set.
        parameters: String,
        /// log₂ of the failure probability of the query.
        failure: f64,
        /// log₂ of the statistical distance of the query.
        hiding: f64,
        /// Largest k that would do for this layer.
        most: u32,
    },
    /// A layer cannot be packed.
    #[error("layer {layer}: {source}")]
    Packing {
        /// The layer.
        layer: String,
        /// Why.
        source: PackingError,
    },
    /// A layer does not fit the ring processor.
    #[error("layer {layer}: {source}")]
    Compile {
        /// The layer.
        layer: String,
        /// Why.
        source: CompileError,
    },
    /// A limit of the client is exceeded.
    #[error("the server's plan is refused: {0}")]
    Limit(#[from] LimitError),
    /// The plan names a parameter set that this version does not know.
    #[error(
        "the plan uses parameter set {0:?}, which this version does not offer for this protocol"
    )]
    Parameters(String),
}

/// Reads a name, which comes from a peer and goes to a terminal.
fn printable<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    String::deserialize(deserializer).map(|name| mpc::channel::printable(&name))
}

/// Plain bits the protocol supports: responses carry one or two limbs.
const PLAIN_BITS: std::ops::RangeInclusive<u32> = 2..=34;

impl PublicPlan {
    /// The image's shape.
    #[must_use]
    pub const fn input_shape(&self) -> Shape {
        Shape::of(self.input)
    }

    /// The shape of the logits. Call only on a checked plan.
    #[must_use]
    pub fn output_shape(&self) -> Shape {
        self.stages.iter().fold(self.input_shape(), |shape, stage| {
            stage.output_shape(shape).unwrap_or(shape)
        })
    }

    /// k of the stage after `index`: the modulus that an activation's result is shared with.
    #[must_use]
    pub fn next_plain_bits(&self, index: usize) -> u32 {
        self.stages
            .get(index + 1)
            .map_or(self.stages[index].plain_bits, |stage| stage.plain_bits)
    }

    /// Bytes of the tables and labels that a preparation for one image consists of, nearly: the client keeps the tables,
    /// the server what labels are masked with. Call only on a checked plan.
    #[must_use]
    pub fn prepared_bytes(&self) -> usize {
        let mut shape = self.input_shape();
        let mut sum = 0usize;
        for (index, stage) in self.stages.iter().enumerate() {
            shape = stage.output_shape(shape).unwrap_or(shape);
            if let Some(activation) = &stage.activation {
                let circuit = activation.circuit(stage.plain_bits, self.next_plain_bits(index));
                let [(_, tables), (_, labels)] = circuit.bytes_ahead(shape.len());
                sum = sum.saturating_add(tables).saturating_add(labels);
            }
        }
        sum
    }

    /// Preparations that may wait at a time in one session: at most 16, and a gigabyte of them, but one in any case. Both
    /// parties know it from the plan. Call only on a checked plan.
    #[must_use]
    pub fn most_prepared(&self) -> usize {
        const MOST: usize = 16;
        const MOST_BYTES: usize = 1 << 30;
        (MOST_BYTES / self.prepared_bytes().max(1)).clamp(1, MOST)
    }
}

impl Stage {
    /// The shape after the stage, if everything fits.
    #[must_use]
    pub fn output_shape(&self, input: Shape) -> Option<Shape> {
        let mut shape = match &self.linear {
            Some(linear) => linear.convolution.output_shape(),
            None => input,
        };
        for pool in &self.pools {
            shape = pool.output_shape(shape)?;
        }
        match &self.activation {
            Some(activation) => activation.output_shape(shape),
            None => Some(shape),
        }
    }

    fn name(&self, index: usize) -> String {
        let linear = self.linear.as_ref().map(|linear| &linear.name);
        let activation = self.activation.as_ref().map(|activation| &activation.name);
        linear
            .or(activation)
            .cloned()
            .unwrap_or_else(|| format!("stage {index}"))
    }
}

impl LinearStage {
    /// The layout.
    ///
    /// # Errors
    /// A geometry or tile that is not possible.
    pub fn packing(&self, parameters: &ParameterSet) -> Result<Packing, PlanError> {
        Packing::with_tile(self.convolution, parameters.degree(), self.tile).map_err(|source| {
            PlanError::Packing {
                layer: self.name.clone(),
                source,
            }
        })
    }

    /// What the layer is, for tables.
    pub(super) fn kind(&self) -> &'static str {
        if self.convolution.input[1..] == [1, 1] {
            "matrix"
        } else {
            "convolution"
        }
    }
}

impl PoolStage {
    pub(super) fn output_shape(&self, input: Shape) -> Option<Shape> {
        windows(&self.window, input)
    }
}

impl ActivationStage {
    /// The garbled circuit on shares mod 2^plain_bits with results shared mod 2^next_plain_bits.
    #[must_use]
    pub fn circuit(&self, plain_bits: u32, next_plain_bits: u32) -> mpc::NonLinear {
        mpc::NonLinear {
            function: if self.relu {
                mpc::Function::Relu
            } else {
                mpc::Function::Identity
            },
            window: self.max_pool.map_or(1, |window| Pool::from(window).size()),
            input_bits: plain_bits,
            shift: self.shift,
            activation_bits: self.activation_bits,
            output_bits: next_plain_bits,
        }
    }

    pub(super) fn output_shape(&self, input: Shape) -> Option<Shape> {
        match &self.max_pool {
            Some(window) => windows(window, input),
            None => Some(input),
        }
    }

    /// What the layer is, for tables.
    pub(super) const fn kind(&self) -> &'static str {
        match (self.max_pool, self.relu) {
            (None, true) => "relu",
            (Some(_), _) => "max relu",
            (None, false) => "rounding",
        }
    }
}

/// The shape of a tensor's windows. Sizes of a peer's plan are bounded before this is called.
fn windows(window: &Window, input: Shape) -> Option<Shape> {
    let [height, width] = Pool::from(*window).output(input)?;
    Some(Shape {
        channels: input.channels,
        height,
        width,
    })
}
