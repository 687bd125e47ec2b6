//! The integer network: layers, shapes, and exactly what each layer computes.
//!
//! Tensors hold integers in the order channel, row, column: value (c, i, j) of a [`Shape`] is at c·H·W + i·W + j. A vector
//! is a shape with H = W = 1, so flattening changes nothing in memory. There is no batch axis.
//!
//! The input of a network is an image of unsigned `input_bits`-bit values. The layers then are, with b the
//! `activation_bits` of the layer before (`input_bits` for the first):
//!
//! | layer | takes | computes | gives |
//! |---|---|---|---|
//! | [`Linear`] | 0 ..= 2^b − 1 | bias + Σ weight · input, exactly | accumulators, `abs(x) ≤ bound` |
//! | [`SumPool`] | activations or accumulators | weight · Σ over a window, exactly | accumulators, `abs(x) ≤ bound` |
//! | [`Activation`] | accumulators or activations | maximum over a window, function, rounding shift, clamp | 0 ..= 2^b' − 1 |
//!
//! A convolution here is the cross-correlation of deep learning; what lies outside the input (padding) counts as 0.
//!
//! Activations, with `requantise(x) = clamp(⌊(x + 2^(s−1)) / 2^s⌋, 0, 2^b' − 1)` of [`addax_core::quant`], s the shift:
//!
//! - `Relu` and `Identity`: requantise(max over the window of x), or of x itself when there is no window. Both are the same
//!   computation, since the clamp removes negative values; `Identity` says that its argument is never negative.
//! - `Square`: requantise(x²). It has no window (a maximum after a square becomes an `Identity` activation of its own).
//! - Positions of a max-pooling window that fall into the padding are ignored, which equals counting them as 0 because
//!   the result is never below 0 and no window lies wholly in the padding.
//!
//! Because requantise is monotone, max-then-ReLU equals ReLU-then-max to the bit, so a pooling layer behind a ReLU is
//! stored as one activation that takes the maximum first: a quarter of the comparisons with zero for 2 × 2 windows.
//!
//! Average pooling is a [`SumPool`]. Its division by 2^m is part of the next activation's shift; a window whose size is
//! not a power of two has the weight ⌊2^t/size⌉ of eight bits, and the shift divides by 2^t. It is a public linear map:
//! each party applies it to its own share.
//!
//! Rules that every network obeys ([`IntegerNetwork::check`] tests them): the first layer is linear; a linear layer takes
//! activations (or the image), never accumulators; a layer takes the shape that the one before it gives (but a linear layer
//! may take the same values in another shape: a fully connected one takes a vector, also behind an image); each stated bound is at least the true one. The
//! last layer is linear or a sum: its accumulators are the logits.

use std::fmt;

use addax_core::quant::{clamp_activation, round_shift};
use thiserror::Error;

/// The extent of a tensor without its batch axis. A vector has `height` = `width` = 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Shape {
    /// Channels, or the length of a vector.
    pub channels: usize,
    /// Rows.
    pub height: usize,
    /// Columns.
    pub width: usize,
}

impl Shape {
    /// The shape of a vector of `length` values.
    #[must_use]
    pub const fn vector(length: usize) -> Self {
        Self {
            channels: length,
            height: 1,
            width: 1,
        }
    }

    /// The shape with these channels, rows and columns.
    #[must_use]
    pub const fn of([channels, height, width]: [usize; 3]) -> Self {
        Self {
            channels,
            height,
            width,
        }
    }

    /// Channels, rows and columns.
    #[must_use]
    pub const fn extents(&self) -> [usize; 3] {
        [self.channels, self.height, self.width]
    }

    /// The number of values.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.channels * self.height * self.width
    }

    /// Whether there are no values at all.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The number of positions of one channel.
    #[must_use]
    pub const fn area(&self) -> usize {
        self.height * self.width
    }
}

impl fmt::Display for Shape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.area() == 1 {
            write!(f, "{}", self.channels)
        } else {
            write!(f, "{}×{}×{}", self.channels, self.height, self.width)
        }
    }
}

/// The geometry of a sliding window.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Pool {
    /// Rows and columns of the window.
    pub kernel: [usize; 2],
    /// Steps down and to the right.
    pub stride: [usize; 2],
    /// Padding at the top, left, bottom and right. Each is smaller than the kernel's extent in its direction.
    pub padding: [usize; 4],
}

impl Pool {
    /// The number of window positions down and across an input, or `None` if the window does not fit into the padded
    /// input, has an empty kernel or a zero step.
    #[must_use]
    pub fn output(&self, input: Shape) -> Option<[usize; 2]> {
        let [top, left, bottom, right] = self.padding;
        let along = |extent: usize, before: usize, after: usize, kernel: usize, step: usize| {
            let padded = extent.checked_add(before)?.checked_add(after)?;
            if kernel == 0 || step == 0 || kernel > padded {
                return None;
            }
            Some((padded - kernel) / step + 1)
        };
        Some([
            along(input.height, top, bottom, self.kernel[0], self.stride[0])?,
            along(input.width, left, right, self.kernel[1], self.stride[1])?,
        ])
    }

    /// The number of values in a window.
    #[must_use]
    pub const fn size(&self) -> usize {
        self.kernel[0] * self.kernel[1]
    }

    /// The input positions under window (`row`, `column`) along one axis: from and up to (exclusive), without padding.
    #[must_use]
    pub fn span(&self, axis: usize, position: usize, extent: usize) -> (usize, usize) {
        let start = position * self.stride[axis];
        let before = self.padding[axis];
        let from = start.saturating_sub(before);
        let to = (start + self.kernel[axis])
            .saturating_sub(before)
            .min(extent);
        (from.min(to), to)
    }
}

/// A network of integers. Weights are the server's secret; everything else is public.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IntegerNetwork {
    /// The model's name.
    pub name: String,
    /// The image's shape.
    pub input: Shape,
    /// Bits of an input value, 1 ..= 8.
    pub input_bits: u32,
    /// The layers, first to last.
    pub layers: Vec<Layer>,
}

/// One layer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Layer {
    /// A convolution or a fully connected layer.
    Linear(Linear),
    /// A sum over a sliding window.
    SumPool(SumPool),
    /// A rounding non-linear layer.
    Activation(Activation),
}

/// A convolution or a fully connected layer: exact integer accumulators.
#[derive(Clone, PartialEq, Eq)]
pub struct Linear {
    /// The name in the model file.
    pub name: String,
    /// The weights and, for a convolution, its geometry.
    pub map: LinearMap,
    /// What it takes.
    pub input: Shape,
    /// What it gives.
    pub output: Shape,
    /// One number per output channel, at the accumulators' scale.
    pub bias: Vec<i64>,
    /// Bits of a signed weight: each is in −2^(bits−1) ..= 2^(bits−1) − 1.
    pub weight_bits: u32,
    /// The largest magnitude of an accumulator over all inputs in range, bias included, computed from the weights.
    pub bound: u64,
}

/// Leaves the bias and the bound out, as [`LinearMap`] does the weights.
impl fmt::Debug for Linear {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Linear")
            .field("name", &self.name)
            .field("map", &self.map)
            .field("input", &self.input)
            .field("output", &self.output)
            .field("weight_bits", &self.weight_bits)
            .finish_non_exhaustive()
    }
}

/// The linear map of a [`Linear`] layer.
#[derive(Clone, PartialEq, Eq)]
pub enum LinearMap {
    /// A two-dimensional cross-correlation.
    Convolution {
        /// Rows and columns of a filter.
        kernel: [usize; 2],
        /// Steps down and to the right.
        stride: [usize; 2],
        /// Zero padding at the top, left, bottom and right.
        padding: [usize; 4],
        /// Filters in the order output channel, input channel, row, column.
        weights: Vec<i32>,
    },
    /// A matrix.
    FullyConnected {
        /// Rows are outputs: weight (o, i) is at o·inputs + i.
        weights: Vec<i32>,
    },
}

impl LinearMap {
    /// The weights, in the order that the variants state.
    #[must_use]
    pub fn weights(&self) -> &[i32] {
        match self {
            Self::Convolution { weights, .. } | Self::FullyConnected { weights } => weights,
        }
    }

    /// The sliding window of a convolution; none for a matrix.
    #[must_use]
    pub const fn window(&self) -> Option<Pool> {
        match *self {
            Self::Convolution {
                kernel,
                stride,
                padding,
                ..
            } => Some(Pool {
                kernel,
                stride,
                padding,
            }),
            Self::FullyConnected { .. } => None,
        }
    }
}

/// Leaves the weights out: they are the server's secret and do not belong into logs.
impl fmt::Debug for LinearMap {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Convolution {
                kernel,
                stride,
                padding,
                ..
            } => f
                .debug_struct("Convolution")
                .field("kernel", kernel)
                .field("stride", stride)
                .field("padding", padding)
                .finish_non_exhaustive(),
            Self::FullyConnected { .. } => f.debug_struct("FullyConnected").finish_non_exhaustive(),
        }
    }
}

/// A weighted sum over a sliding window, within each channel.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SumPool {
    /// The name in the model file.
    pub name: String,
    /// Rows and columns of the window.
    pub kernel: [usize; 2],
    /// Steps down and to the right.
    pub stride: [usize; 2],
    /// Zero padding at the top, left, bottom and right.
    pub padding: [usize; 4],
    /// What it takes.
    pub input: Shape,
    /// What it gives.
    pub output: Shape,
    /// The factor of the sum: 1, or a quantised reciprocal of the window's size.
    pub weight: i64,
    /// The largest magnitude of a result over all inputs in range.
    pub bound: u64,
}

impl SumPool {
    /// The window.
    #[must_use]
    pub const fn pool(&self) -> Pool {
        Pool {
            kernel: self.kernel,
            stride: self.stride,
            padding: self.padding,
        }
    }
}

/// What an activation does before rounding.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Function {
    /// max(x, 0).
    Relu,
    /// x, which is never negative.
    Identity,
    /// x².
    Square,
}

impl fmt::Display for Function {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Relu => "ReLU",
            Self::Identity => "identity",
            Self::Square => "square",
        })
    }
}

/// Maximum over a window (if any), function, rounding shift, clamp.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Activation {
    /// The name in the model file.
    pub name: String,
    /// The function before rounding.
    pub function: Function,
    /// The window of a maximum taken first; `None` for `Square`.
    pub max_pool: Option<Pool>,
    /// Bits that rounding drops.
    pub shift: u32,
    /// Bits of a result: 0 ..= 2^bits − 1.
    pub activation_bits: u32,
    /// What it takes.
    pub input: Shape,
    /// What it gives.
    pub output: Shape,
}

impl Layer {
    /// The name in the model file.
    #[must_use]
    pub fn name(&self) -> &str {
        match self {
            Self::Linear(layer) => &layer.name,
            Self::SumPool(layer) => &layer.name,
            Self::Activation(layer) => &layer.name,
        }
    }

    /// What the layer takes.
    #[must_use]
    pub fn input(&self) -> Shape {
        match self {
            Self::Linear(layer) => layer.input,
            Self::SumPool(layer) => layer.input,
            Self::Activation(layer) => layer.input,
        }
    }

    /// What the layer gives.
    #[must_use]
    pub fn output(&self) -> Shape {
        match self {
            Self::Linear(layer) => layer.output,
            Self::SumPool(layer) => layer.output,
            Self::Activation(layer) => layer.output,
        }
    }
}

/// An image or a network that does not have the shape it should have.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum NetworkError {
    /// The image has another number of values than the network's input.
    #[error(
        "the image has {got} values, but the network takes {input} ({want} values): resize it first"
    )]
    ImageSize {
        /// The network's input.
        input: Shape,
        /// Its number of values.
        want: usize,
        /// The image's number of values.
        got: usize,
    },
    /// A layer contradicts its neighbours or itself.
    #[error("layer {index} ({name}): {reason}")]
    Layer {
        /// Its position, from 0.
        index: usize,
        /// Its name.
        name: String,
        /// What is wrong.
        reason: String,
    },
}

impl IntegerNetwork {
    /// The shape of the logits: the last layer's output, or the input of a network without layers.
    #[must_use]
    pub fn output(&self) -> Shape {
        self.layers.last().map_or(self.input, Layer::output)
    }

    /// The integers that an image of bytes enters the network as: `round_shift(pixel, 8 − input_bits)`, clamped to
    /// 0 ..= 2^input_bits − 1. With eight input bits these are the bytes themselves.
    ///
    /// # Errors
    /// [`NetworkError::ImageSize`] when the image has another size than the input.
    pub fn input_values(&self, image: &[u8]) -> Result<Vec<i64>, NetworkError> {
        image_values(self.input, self.input_bits, image)
    }
}

/// The integers that an image of bytes enters a network as, see [`IntegerNetwork::input_values`]. A client that knows only
/// the input's shape and bits needs no more.
///
/// # Errors
/// [`NetworkError::ImageSize`] when the image has another size than the input.
pub fn image_values(input: Shape, input_bits: u32, image: &[u8]) -> Result<Vec<i64>, NetworkError> {
    let want = input.len();
    if image.len() != want {
        return Err(NetworkError::ImageSize {
            input,
            want,
            got: image.len(),
        });
    }
    let drop = 8u32.saturating_sub(input_bits);
    Ok(image
        .iter()
        .map(|&pixel| clamp_activation(round_shift(i64::from(pixel), drop), input_bits))
        .collect())
}
