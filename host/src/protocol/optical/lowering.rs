//! A network as this protocol runs it: matrices that the light multiplies, and what the client computes by itself between them.
//!
//! A fully connected layer is a matrix. A convolution is one as well, with a row for each filter, applied once for every
//! position of its window to the patch under it: n is then the size of a filter, not of the image, and each weight is sent as
//! often as there are positions, which its leak counts. A bias is one more column, for a datum that is always 1.
//!
//! Weights are the server's. Everything else, the scale of each matrix included, is public: see [`PublicNetwork`].

use addax_sim::optical::{Complex, Setting, pass};

use crate::net::graph::{Graph, Node, Operation};
use crate::net::{Pool, Shape};

use super::OpticalError;

/// Largest number of modes that one image may take in a layer, rows and positions together: bounds time.
const MAX_MODES: u64 = 1 << 32;
/// Largest number of data of all positions of a layer: bounds memory, half a gigabyte.
const MAX_DATA: u64 = 1 << 27;

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
        (self.modes() as u64)
            .saturating_mul(self.rows as u64)
            .saturating_mul(self.uses() as u64)
    }

    /// Shot-noise units that a weight of 1 has in the light that reaches the client: √μ/rms(W).
    #[must_use]
    pub fn amplitude(&self, setting: &Setting) -> f64 {
        setting.power().sqrt() / self.scale
    }

    /// Under how many positions of the window a datum lies, at most.
    #[must_use]
    pub fn patches(&self) -> usize {
        let along = |axis: usize, window: &Pool| {
            let places = window.kernel[axis].div_ceil(window.stride[axis]);
            places.min(self.positions[axis])
        };
        self.window
            .as_ref()
            .map_or(1, |window| along(0, window) * along(1, window))
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

    /// The data of a position as a unit vector on modes, and their norm. None where all are zero.
    #[must_use]
    pub fn data(&self, values: &[f32], position: usize) -> Option<(Vec<Complex<f64>>, f64)> {
        let mut numbers = Vec::with_capacity(self.columns);
        self.gather(values, position, &mut numbers);
        pass::data_of(&numbers)
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

    /// A network of matrix `number` alone, for whom the others do not matter. None if there is no such matrix.
    #[must_use]
    pub fn alone(&self, number: usize) -> Option<Self> {
        let shape = self.public.matrices().nth(number)?;
        let public = PublicNetwork {
            name: self.public.name.clone(),
            input: shape.input,
            stages: vec![Stage::Matrix(0, shape.clone())],
        };
        Some(Self {
            public,
            matrices: vec![self.matrices[number].clone()],
        })
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
    /// An image's bytes as the network takes them.
    ///
    /// # Errors
    /// [`OpticalError::Image`] when the network takes another number.
    pub fn values(&self, image: &[u8]) -> Result<Vec<f32>, OpticalError> {
        let want = self.input.len();
        match image.len() {
            got if got == want => Ok(image.iter().map(|&p| f32::from(p) / 256.0).collect()),
            got => Err(OpticalError::Image { want, got }),
        }
    }

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
    let data = (shape.columns as u64).saturating_mul(shape.uses() as u64);
    for (what, number, limit) in [
        ("modes", shape.modes_sent(), MAX_MODES),
        ("numbers under its window", data, MAX_DATA),
    ] {
        if number > limit {
            return Err(OpticalError::TooLarge {
                layer: shape.name,
                what,
                number,
                limit,
            });
        }
    }
    Ok((shape, matrix))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::accuracy::Simulator;
    use super::super::dice;
    use super::super::tests::{dense, graph, image, numbers, relu};
    use super::*;

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        /// Without noise the matrices compute what the graph does, whatever the window.
        #[test]
        fn a_lowered_network_computes_what_the_graph_does(
            channels in 1..3_usize, height in 3..8_usize, width in 3..8_usize,
            kernel in [1..4_usize, 1..4_usize], stride in [1..3_usize, 1..3_usize],
            padding in [0..3_usize, 0..3_usize, 0..3_usize, 0..3_usize],
            filters in 1..4_usize, biased: bool,
        ) {
            let padding = [0, 1, 2, 3].map(|side| padding[side].min(kernel[side % 2] - 1));
            let window = Pool { kernel, stride, padding };
            let input = Shape::of([channels, height, width]);
            let Some([rows, columns]) = window.output(input) else { return Ok(()) };
            let output = Shape::of([filters, rows, columns]);
            let bias = |count: usize| match biased {
                true => numbers(count, 9),
                false => vec![0.0; count],
            };
            let convolution = Node {
                name: "conv".to_owned(),
                operation: Operation::Convolution {
                    window,
                    weights: numbers(filters * channels * window.size(), 3),
                    bias: bias(filters),
                },
                input,
                output,
            };
            let nodes = vec![convolution, relu(output), dense("fc", output, 3, 4, bias(3))];
            let graph = graph(input, nodes);
            let network = OpticalNetwork::new(&graph).unwrap();
            let image = image(input.len());
            let want = graph.evaluate(&image).unwrap();
            let got = Simulator::new(&network).logits(&image, None, dice(1, 0)).unwrap();
            let largest = want.iter().fold(1e-3_f32, |m, x| m.max(x.abs()));
            for (got, want) in got.iter().zip(&want) {
                prop_assert!((got - want).abs() < 1e-4 * largest, "{got} {want}");
            }
            let shape = network.public().matrices().next().unwrap();
            prop_assert_eq!(shape.columns, channels * window.size() + usize::from(biased));
            prop_assert_eq!(shape.uses(), rows * columns);
        }
    }

    #[test]
    fn networks_that_light_cannot_carry_are_refused_by_name() {
        let input = Shape::vector(4);
        let refused = |input, node| {
            OpticalNetwork::new(&graph(input, vec![node]))
                .err()
                .unwrap()
        };
        assert!(matches!(
            refused(input, relu(input)),
            OpticalError::NoMatrix
        ));
        let mut zero = dense("dark", input, 2, 1, vec![0.0; 2]);
        if let Operation::FullyConnected { weights, .. } = &mut zero.operation {
            weights.fill(0.0);
        }
        let dark = refused(input, zero).to_string();
        assert!(dark.contains("layer dark"), "{dark}");
        // Few weights, at so many positions that the data of all would fill memory.
        let side = 8192;
        let input = Shape::of([1, side, side]);
        let wide = Node {
            name: "wide".to_owned(),
            operation: Operation::Convolution {
                window: Pool {
                    kernel: [3, 3],
                    stride: [1, 1],
                    padding: [1; 4],
                },
                weights: vec![1.0; 9],
                bias: vec![0.0],
            },
            input,
            output: input,
        };
        assert!(matches!(
            refused(input, wide),
            OpticalError::TooLarge {
                limit: MAX_DATA,
                ..
            }
        ));
    }

    #[test]
    fn a_datum_is_under_as_many_windows_as_fit_over_it() {
        let input = Shape::of([1, 7, 7]);
        let window = Pool {
            kernel: [3, 5],
            stride: [1, 2],
            padding: [0; 4],
        };
        let [rows, columns] = window.output(input).unwrap();
        let node = Node {
            name: "conv".to_owned(),
            operation: Operation::Convolution {
                window,
                weights: numbers(15, 1),
                bias: vec![0.0],
            },
            input,
            output: Shape::of([1, rows, columns]),
        };
        let network = OpticalNetwork::new(&graph(input, vec![node])).unwrap();
        let shape = network.public().matrices().next().unwrap();
        let values: Vec<f32> = (0..49).map(|index| index as f32).collect();
        let mut seen = [0; 49];
        for position in 0..shape.uses() {
            let mut data = Vec::new();
            shape.gather(&values, position, &mut data);
            data.iter().for_each(|&datum| seen[datum as usize] += 1);
        }
        assert_eq!(seen.into_iter().max(), Some(shape.patches()));
    }
}
