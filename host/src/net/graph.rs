//! The imported network, in real numbers: a chain of nodes, and its evaluation in `f32`.
//!
//! The layout of tensors is that of [`super::network`]: channel, row, column, no batch axis. The `f32` evaluation exists to
//! state how much accuracy quantisation costs; nothing private ever uses it.

use std::fmt;

use super::network::{Pool, Shape};
use super::onnx::InputSize;

/// A sequential network in real numbers.
#[derive(Clone, Debug)]
pub struct Graph {
    /// The model's name.
    pub name: String,
    /// The image's shape; pixels enter as byte/256.
    pub input: Shape,
    /// The nodes, first to last.
    pub nodes: Vec<Node>,
}

/// One node of a [`Graph`].
#[derive(Clone, Debug)]
pub struct Node {
    /// The name in the model file.
    pub name: String,
    /// What it computes.
    pub operation: Operation,
    /// The shape of what it takes.
    pub input: Shape,
    /// The shape of what it gives.
    pub output: Shape,
}

/// What a node computes.
#[derive(Clone)]
pub enum Operation {
    /// Cross-correlation with zero padding, plus a bias per output channel.
    Convolution {
        /// Kernel, stride and padding.
        window: Pool,
        /// Filters: output channel, input channel, row, column.
        weights: Vec<f32>,
        /// One number per output channel.
        bias: Vec<f32>,
    },
    /// A matrix with one row per output, plus a bias.
    FullyConnected {
        /// Weight (o, i) at o·inputs + i.
        weights: Vec<f32>,
        /// One number per output.
        bias: Vec<f32>,
    },
    /// scale·x + offset, per channel: batch normalisation or an added constant. Folding removes it.
    Affine {
        /// Factors, one per channel.
        scale: Vec<f64>,
        /// Summands, one per channel.
        offset: Vec<f64>,
    },
    /// max(x, 0).
    Relu,
    /// x².
    Square,
    /// The maximum over a window; padding is ignored.
    MaxPool(Pool),
    /// The sum over a window divided by the window's size; padding counts as 0.
    AveragePool(Pool),
    /// The same values as a vector.
    Flatten,
}

impl Operation {
    /// The operation's name as people say it.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Convolution { .. } => "convolution",
            Self::FullyConnected { .. } => "fully connected",
            Self::Affine { .. } => "affine",
            Self::Relu => "ReLU",
            Self::Square => "square",
            Self::MaxPool(_) => "max pool",
            Self::AveragePool(_) => "average pool",
            Self::Flatten => "flatten",
        }
    }
}

/// Leaves the weights out: they are the server's secret.
impl fmt::Debug for Operation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Convolution { window, .. } => f.debug_tuple(self.name()).field(window).finish(),
            Self::MaxPool(pool) | Self::AveragePool(pool) => {
                f.debug_tuple(self.name()).field(pool).finish()
            }
            _ => f.write_str(self.name()),
        }
    }
}

/// One line of `addax model show`.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Row {
    /// The node's name.
    pub name: String,
    /// The operation with its geometry.
    pub operation: String,
    /// The output's shape.
    pub output: String,
    /// Weights and biases.
    pub parameters: u64,
    /// Multiply-accumulates for one image, padding included.
    pub macs: u64,
    /// Values that a non-linear function is applied to.
    pub activations: u64,
}

impl Node {
    /// Weights and biases.
    #[must_use]
    pub fn parameters(&self) -> u64 {
        match &self.operation {
            Operation::Convolution { weights, bias, .. }
            | Operation::FullyConnected { weights, bias } => (weights.len() + bias.len()) as u64,
            Operation::Affine { scale, offset } => (scale.len() + offset.len()) as u64,
            _ => 0,
        }
    }

    /// Multiply-accumulates for one image, padding included.
    #[must_use]
    pub fn macs(&self) -> u64 {
        match &self.operation {
            Operation::Convolution { weights, .. } => {
                weights.len() as u64 * self.output.area() as u64
            }
            Operation::FullyConnected { weights, .. } => weights.len() as u64,
            _ => 0,
        }
    }

    /// Values that a non-linear function is applied to.
    #[must_use]
    pub fn activations(&self) -> u64 {
        match self.operation {
            Operation::Relu | Operation::Square => self.input.len() as u64,
            _ => 0,
        }
    }

    fn description(&self) -> String {
        let geometry = |pool: &Pool| {
            let [rows, columns] = pool.kernel;
            let mut text = format!(" {rows}×{columns}");
            if pool.stride != [1, 1] {
                text += &format!(", stride {}", pair(pool.stride));
            }
            if pool.padding != [0; 4] {
                let [top, left, bottom, right] = pool.padding;
                if [left, bottom, right] == [top; 3] {
                    text += &format!(", padding {top}");
                } else {
                    text += &format!(", padding {top} {left} {bottom} {right}");
                }
            }
            text
        };
        let name = self.operation.name();
        match &self.operation {
            Operation::Convolution { window, .. }
            | Operation::MaxPool(window)
            | Operation::AveragePool(window) => format!("{name}{}", geometry(window)),
            _ => name.to_owned(),
        }
    }
}

fn pair([rows, columns]: [usize; 2]) -> String {
    if rows == columns {
        rows.to_string()
    } else {
        format!("{rows}×{columns}")
    }
}

impl Graph {
    /// The shape of the logits.
    #[must_use]
    pub fn output(&self) -> Shape {
        self.nodes.last().map_or(self.input, |node| node.output)
    }

    /// One row per node.
    #[must_use]
    pub fn rows(&self) -> Vec<Row> {
        self.nodes
            .iter()
            .map(|node| Row {
                name: node.name.clone(),
                operation: node.description(),
                output: node.output.to_string(),
                parameters: node.parameters(),
                macs: node.macs(),
                activations: node.activations(),
            })
            .collect()
    }

    /// The logits of an image, in `f32`. Pixels enter as byte/256.
    ///
    /// # Errors
    /// [`InputSize`] when the image has another number of values than the input.
    pub fn evaluate(&self, image: &[u8]) -> Result<Vec<f32>, InputSize> {
        if image.len() != self.input.len() {
            return Err(InputSize {
                input: self.input,
                got: image.len(),
            });
        }
        let pixels = image.iter().map(|&p| f32::from(p) / 256.0).collect();
        Ok(self.nodes.iter().fold(pixels, |x, node| node.evaluate(x)))
    }
}

impl Node {
    /// What the node computes, of a tensor of its input shape.
    pub(crate) fn evaluate(&self, mut x: Vec<f32>) -> Vec<f32> {
        match &self.operation {
            Operation::Convolution {
                window,
                weights,
                bias,
            } => convolve(&x, self.input, self.output, window, weights, bias),
            Operation::FullyConnected { weights, bias } => weights
                .chunks_exact(x.len())
                .zip(bias)
                .map(|(row, b)| b + row.iter().zip(&x).map(|(w, v)| w * v).sum::<f32>())
                .collect(),
            Operation::Affine { scale, offset } => {
                let factors = scale.iter().zip(offset);
                for (channel, (s, o)) in x.chunks_exact_mut(self.input.area()).zip(factors) {
                    for value in channel {
                        *value = (f64::from(*value) * s + o) as f32;
                    }
                }
                x
            }
            Operation::Relu => {
                x.iter_mut().for_each(|v| *v = v.max(0.0));
                x
            }
            Operation::Square => {
                x.iter_mut().for_each(|v| *v *= *v);
                x
            }
            Operation::MaxPool(window) => pool(&x, self.input, self.output, window, |values| {
                values.fold(f32::NEG_INFINITY, f32::max)
            }),
            Operation::AveragePool(window) => {
                let size = window.size() as f32;
                pool(&x, self.input, self.output, window, |values| {
                    values.sum::<f32>() / size
                })
            }
            Operation::Flatten => x,
        }
    }
}

/// Adds one filter tap at a time to whole rows of the output, so that the inner loop needs no reassociation.
fn convolve(
    x: &[f32],
    input: Shape,
    output: Shape,
    window: &Pool,
    weights: &[f32],
    bias: &[f32],
) -> Vec<f32> {
    let mut y = vec![0.0; output.len()];
    let [rows, columns] = window.kernel;
    let [down, right] = window.stride;
    let taps = input.channels * rows * columns;
    for (o, plane) in y.chunks_exact_mut(output.area()).enumerate() {
        plane.fill(bias[o]);
        for (tap, &weight) in weights[o * taps..][..taps].iter().enumerate() {
            let (c, i, j) = (tap / (rows * columns), tap / columns % rows, tap % columns);
            for (r, line) in plane.chunks_exact_mut(output.width).enumerate() {
                let Some(row) = (r * down + i).checked_sub(window.padding[0]) else {
                    continue;
                };
                if row >= input.height {
                    continue;
                }
                let source = &x[c * input.area() + row * input.width..][..input.width];
                // The outputs whose tap lies inside the row; the first of them, and where its tap is.
                let first = window.padding[1].saturating_sub(j).div_ceil(right);
                let start = first * right + j - window.padding[1];
                let (Some(line), Some(source)) = (line.get_mut(first..), source.get(start..))
                else {
                    continue;
                };
                if right == 1 {
                    line.iter_mut()
                        .zip(source)
                        .for_each(|(y, v)| *y += weight * v);
                } else {
                    let taps = source.iter().step_by(right);
                    line.iter_mut()
                        .zip(taps)
                        .for_each(|(y, v)| *y += weight * v);
                }
            }
        }
    }
    y
}

fn pool(
    x: &[f32],
    input: Shape,
    output: Shape,
    window: &Pool,
    reduce: impl Fn(&mut dyn Iterator<Item = f32>) -> f32,
) -> Vec<f32> {
    let mut y = Vec::with_capacity(output.len());
    for plane in x.chunks_exact(input.area()) {
        for r in 0..output.height {
            let (top, bottom) = window.span(0, r, input.height);
            for c in 0..output.width {
                let (left, right) = window.span(1, c, input.width);
                let mut values = (top..bottom)
                    .flat_map(|i| plane[i * input.width..][left..right].iter().copied());
                y.push(reduce(&mut values));
            }
        }
    }
    y
}
