//! A network as this protocol runs it: matrices that the light multiplies, and what the client computes by itself between them.
//!
//! A fully connected layer is a matrix. A convolution is one as well, with a row for each filter, applied once for every
//! position of its window to the patch under it: n is then the size of a filter, not of the image, and each weight is sent as
//! often as there are positions, which its leak counts. A bias is one more column, for a datum that is always 1.
//!
//! Weights are the server's. Everything else, the scale of each matrix included, is public: see [`PublicNetwork`].

use crate::net::graph::{Graph, Node, Operation};
use crate::net::{Pool, Shape};

use super::OpticalError;

/// Largest number of modes that one image may take in a layer, rows and positions together: bounds time and memory.
const MAX_MODES: u64 = 1 << 36;

/// What both sides know.
#[derive(Clone, Debug)]
pub struct PublicNetwork {
    /// The model's name.
    pub name: String,
    /// The image's shape; pixels enter as byte/256.
    pub input: Shape,
    /// First to last.
    pub stages: Vec<Stage>,
}

/// One step of the computation.
#[derive(Clone, Debug)]
pub enum Stage {
    /// The light's: the matrix of this number.
    Matrix(usize, MatrixShape),
    /// The client's own, a node without weights.
    Client(Node),
}

/// What is public of a matrix.
#[derive(Clone, Debug)]
pub struct MatrixShape {
    /// The layer's name.
    pub name: String,
    /// The shape of what the layer takes.
    pub input: Shape,
    /// Filters, or outputs of a fully connected layer.
    pub rows: usize,
    /// Data that a row meets: a patch, or the whole input, and 1 more if there is a bias.
    pub columns: usize,
    /// Whether the last column is a bias.
    pub bias: bool,
    /// The window of a convolution.
    pub window: Option<Pool>,
    /// Positions of the window, down and across; 1 × 1 for a fully connected layer.
    pub positions: [usize; 2],
    /// The root mean square of the weights, bias included.
    pub scale: f64,
}

/// The server's network: what is public, and the weights.
#[derive(Clone)]
pub struct OpticalNetwork {
    public: PublicNetwork,
    matrices: Vec<Vec<f32>>,
}

impl MatrixShape {
    /// Modes of one row: two columns a mode.
    #[must_use]
    pub const fn modes(&self) -> usize {
        self.columns.div_ceil(2)
    }

    /// How often each row is sent for one image.
    #[must_use]
    pub const fn uses(&self) -> usize {
        self.positions[0] * self.positions[1]
    }

    /// Modes of all that is sent for one image.
    #[must_use]
    pub const fn modes_sent(&self) -> u64 {
        (self.modes() * self.rows * self.uses()) as u64
    }

    /// Writes the data of position `position`, counted row by row, behind what `data` holds: channel, row and column of the
    /// window, zeros where it lies outside, then 1 if there is a bias.
    ///
    /// # Panics
    /// When `values` is not of the input's length or there is no such position.
    pub fn gather(&self, values: &[f32], position: usize, data: &mut Vec<f32>) {
        assert_eq!(values.len(), self.input.len());
        assert!(position < self.uses());
        match &self.window {
            None => data.extend_from_slice(values),
            Some(window) => {
                let Shape { height, width, .. } = self.input;
                let [down, across] = [position / self.positions[1], position % self.positions[1]];
                let inside = |place: usize, offset: usize, before: usize, extent: usize| {
                    (place + offset)
                        .checked_sub(before)
                        .filter(|&at| at < extent)
                };
                for channel in values.chunks_exact(height * width) {
                    for i in 0..window.kernel[0] {
                        let row = inside(down * window.stride[0], i, window.padding[0], height);
                        for j in 0..window.kernel[1] {
                            let left = across * window.stride[1];
                            let column = inside(left, j, window.padding[1], width);
                            let at = row.zip(column).map(|(row, column)| row * width + column);
                            data.push(at.map_or(0.0, |at| channel[at]));
                        }
                    }
                }
            }
        }
        if self.bias {
            data.push(1.0);
        }
    }
}

impl OpticalNetwork {
    /// Lowers a network.
    ///
    /// # Errors
    /// [`OpticalError::NoMatrix`], [`OpticalError::NoWeights`], [`OpticalError::TooLarge`].
    pub fn new(graph: &Graph) -> Result<Self, OpticalError> {
        let mut matrices = Vec::new();
        let mut stages = Vec::with_capacity(graph.nodes.len());
        for node in &graph.nodes {
            let stage = match &node.operation {
                Operation::Convolution { weights, bias, .. }
                | Operation::FullyConnected { weights, bias } => {
                    let (shape, matrix) = matrix(node, weights, bias)?;
                    matrices.push(matrix);
                    Stage::Matrix(matrices.len() - 1, shape)
                }
                _ => Stage::Client(node.clone()),
            };
            stages.push(stage);
        }
        if matrices.is_empty() {
            return Err(OpticalError::NoMatrix);
        }
        let public = PublicNetwork {
            name: graph.name.clone(),
            input: graph.input,
            stages,
        };
        Ok(Self { public, matrices })
    }

    /// What the client may know.
    #[must_use]
    pub const fn public(&self) -> &PublicNetwork {
        &self.public
    }

    /// The weights of matrix `number`, row by row.
    ///
    /// # Panics
    /// When there is no such matrix.
    #[must_use]
    pub fn matrix(&self, number: usize) -> &[f32] {
        &self.matrices[number]
    }
}

impl PublicNetwork {
    /// The matrices, in order.
    pub fn matrices(&self) -> impl Iterator<Item = &MatrixShape> {
        self.stages.iter().filter_map(|stage| match stage {
            Stage::Matrix(_, shape) => Some(shape),
            Stage::Client(_) => None,
        })
    }
}

fn matrix(
    node: &Node,
    weights: &[f32],
    bias: &[f32],
) -> Result<(MatrixShape, Vec<f32>), OpticalError> {
    let rows = bias.len();
    let inputs = weights.len() / rows.max(1);
    let has_bias = bias.iter().any(|&b| b != 0.0);
    let mut matrix = Vec::with_capacity(rows * (inputs + 1));
    for (row, b) in weights.chunks_exact(inputs.max(1)).zip(bias) {
        matrix.extend_from_slice(row);
        if has_bias {
            matrix.push(*b);
        }
    }
    let squares: f64 = matrix.iter().map(|&w| f64::from(w) * f64::from(w)).sum();
    let scale = (squares / matrix.len().max(1) as f64).sqrt();
    if !(scale > 0.0 && scale.is_finite()) {
        return Err(OpticalError::NoWeights {
            layer: node.name.clone(),
        });
    }
    let (window, positions) = match &node.operation {
        Operation::Convolution { window, .. } => {
            (Some(*window), [node.output.height, node.output.width])
        }
        _ => (None, [1, 1]),
    };
    let shape = MatrixShape {
        name: node.name.clone(),
        input: node.input,
        rows,
        columns: inputs + usize::from(has_bias),
        bias: has_bias,
        window,
        positions,
        scale,
    };
    match shape.modes_sent() {
        modes if modes > MAX_MODES => Err(OpticalError::TooLarge {
            layer: shape.name,
            modes,
            limit: MAX_MODES,
        }),
        _ => Ok((shape, matrix)),
    }
}
