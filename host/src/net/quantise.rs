//! Quantisation: from real numbers to an [`IntegerNetwork`] with power-of-two scales.
//!
//! Every tensor of integers x stands for the reals x·2^−f, f its fractional bits. The image has f = `input_bits`, since
//! pixels enter as byte/256. A linear layer's weights get the largest number of fractional bits at which the largest of
//! them still fits `weight_bits` signed bits; its accumulators then have f(input) + f(weights), and so has its bias.
//! Average pooling over 2^m values leaves the sum as it is and adds m. An activation drops `shift` bits.
//!
//! Shifts come from calibration, layer by layer and in integers: the layers quantised so far run on the calibration
//! images, and the shift with the least squared error between an accumulator (after the function, before rounding) and
//! its rounded and clamped value wins, the smaller one on a tie. No floating-point operation takes part, so one model
//! file, one set of options and one set of images give the same integers on every machine; with the images that
//! [`super::calibration`] makes, the model file and the options alone do.
//!
//! The chain of nodes becomes layers as follows. ReLU and max pooling, in either order, become one activation. Average
//! pooling of activations becomes a sum and an `Identity` activation; average pooling of accumulators (before the ReLU)
//! becomes a sum whose division joins the ReLU's shift. Two linear layers with nothing between them are refused: they
//! could be multiplied out, but then the network in the file would not be the one that runs.

use addax_core::quant::{NotRepresentable, requantise, to_fixed};
use thiserror::Error;

use super::bounds::{MAX_ACTIVATION_BITS, MAX_WEIGHT_BITS, linear_bound, sum_pool_bound};
use super::calibration;
use super::graph::{Graph, Node, Operation};
use super::integer::PreparedLayer;
use super::network::{
    Activation, Function, IntegerNetwork, Layer, Linear, LinearMap, NetworkError, Pool, Shape,
    SumPool,
};

/// Bit widths of the integer network.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct QuantiseOptions {
    /// Bits of a signed weight, 2 ..= 16.
    pub weight_bits: u32,
    /// Bits of an unsigned activation, 1 ..= 15.
    pub activation_bits: u32,
    /// Bits of an input value, 1 ..= 8.
    pub input_bits: u32,
}

impl Default for QuantiseOptions {
    /// Eight bits everywhere.
    fn default() -> Self {
        Self {
            weight_bits: 8,
            activation_bits: 8,
            input_bits: 8,
        }
    }
}

/// A graph that has no integer form here.
#[derive(Debug, Error)]
pub enum QuantiseError {
    /// An option outside its range.
    #[error("{name} = {value}, but it must be {least} to {most}")]
    Option {
        /// The option.
        name: &'static str,
        /// Its value.
        value: u32,
        /// The least accepted.
        least: u32,
        /// The most accepted.
        most: u32,
    },
    /// The order of the nodes is not supported.
    #[error("{operation} (node {node}): {reason}")]
    Order {
        /// The node's operation.
        operation: &'static str,
        /// The node's name.
        node: String,
        /// What is wrong and what to do.
        reason: String,
    },
    /// A weight or a bias is out of proportion.
    #[error("node {node}: {source}")]
    Range {
        /// The node's name.
        node: String,
        /// The number.
        source: NotRepresentable,
    },
    /// The calibration images do not fit, or the numbers of a layer become too large.
    #[error(transparent)]
    Network(#[from] NetworkError),
}

/// Quantises `graph`. `calibration` are images for choosing shifts; `None` takes those of [`super::calibration`].
///
/// # Errors
/// [`QuantiseError`]: an option out of range, an order of layers that is not supported, numbers that do not fit, or
/// calibration images of the wrong size.
pub fn quantise(
    graph: &Graph,
    calibration: Option<&[Vec<u8>]>,
    options: &QuantiseOptions,
) -> Result<IntegerNetwork, QuantiseError> {
    check_options(options)?;
    let made;
    let images = match calibration {
        Some(images) => images,
        None => {
            made = calibration::images(graph.input);
            &made
        }
    };
    let mut builder = Builder::new(graph, images, options)?;
    for node in &graph.nodes {
        builder.push(node)?;
    }
    let network = builder.finish()?;
    network.check()?;
    Ok(network)
}

fn check_options(options: &QuantiseOptions) -> Result<(), QuantiseError> {
    let ranges = [
        ("weight_bits", options.weight_bits, 2, MAX_WEIGHT_BITS),
        (
            "activation_bits",
            options.activation_bits,
            1,
            MAX_ACTIVATION_BITS,
        ),
        ("input_bits", options.input_bits, 1, 8),
    ];
    for (name, value, least, most) in ranges {
        if !(least..=most).contains(&value) {
            return Err(QuantiseError::Option {
                name,
                value,
                least,
                most,
            });
        }
    }
    Ok(())
}

/// An activation whose shift is still open, because more nodes may join it.
struct Pending {
    name: String,
    function: Function,
    max_pool: Option<Pool>,
    output: Shape,
}

/// The network built so far, and the calibration images' values at its end.
struct Builder<'a> {
    options: &'a QuantiseOptions,
    network: IntegerNetwork,
    /// One tensor per calibration image.
    values: Vec<Vec<i64>>,
    /// Shape of `values`.
    shape: Shape,
    /// Fractional bits of `values`.
    fraction: i32,
    /// Whether `values` are accumulators rather than activations.
    accumulators: bool,
    /// Whether `values` can be negative.
    signed: bool,
    /// The largest magnitude of a value, for any image.
    magnitude: u64,
    /// An activation of `values` that has not been emitted yet.
    pending: Option<Pending>,
}

impl<'a> Builder<'a> {
    fn new(
        graph: &Graph,
        images: &[Vec<u8>],
        options: &'a QuantiseOptions,
    ) -> Result<Self, QuantiseError> {
        let network = IntegerNetwork {
            name: graph.name.clone(),
            input: graph.input,
            input_bits: options.input_bits,
            layers: Vec::new(),
        };
        let values = images[..affordable(graph, images.len())]
            .iter()
            .map(|image| network.input_values(image))
            .collect::<Result<_, _>>()?;
        Ok(Self {
            options,
            network,
            values,
            shape: graph.input,
            fraction: options.input_bits as i32,
            accumulators: false,
            signed: false,
            magnitude: (1 << options.input_bits) - 1,
            pending: None,
        })
    }

    fn push(&mut self, node: &Node) -> Result<(), QuantiseError> {
        match &node.operation {
            Operation::Convolution {
                window,
                weights,
                bias,
            } => self.linear(node, Some(*window), weights, bias),
            Operation::FullyConnected { weights, bias } => self.linear(node, None, weights, bias),
            Operation::Affine { .. } => Err(order(node, "it has not been folded")),
            Operation::Relu => self.relu(node),
            Operation::Square => self.square(node),
            Operation::MaxPool(pool) => self.max_pool(node, pool),
            Operation::AveragePool(pool) => self.average_pool(node, pool),
            Operation::Flatten => {
                self.flush()?;
                self.shape = node.output;
                Ok(())
            }
        }
    }

    fn linear(
        &mut self,
        node: &Node,
        window: Option<Pool>,
        weights: &[f32],
        bias: &[f32],
    ) -> Result<(), QuantiseError> {
        self.flush()?;
        if self.accumulators && self.signed {
            return Err(order(
                node,
                "it follows another linear layer without an activation in between; multiply the two out, \
                 or put a Relu between them",
            ));
        }
        self.settle()?;
        let range = |source| QuantiseError::Range {
            node: node.name.clone(),
            source,
        };
        let (weights, fraction) = weights_of(weights, self.options.weight_bits).map_err(range)?;
        self.fraction += fraction;
        let bias: Vec<i64> = bias
            .iter()
            .map(|&b| to_fixed(f64::from(b), self.fraction))
            .collect::<Result<_, _>>()
            .map_err(range)?;
        let bound = linear_bound(&weights, &bias, self.magnitude);
        let map = match window {
            Some(Pool {
                kernel,
                stride,
                padding,
            }) => LinearMap::Convolution {
                kernel,
                stride,
                padding,
                weights,
            },
            None => LinearMap::FullyConnected { weights },
        };
        self.emit(Layer::Linear(Linear {
            name: node.name.clone(),
            map,
            input: self.shape,
            output: node.output,
            bias,
            weight_bits: self.options.weight_bits,
            bound,
        }))?;
        (self.accumulators, self.signed, self.magnitude) = (true, true, bound);
        Ok(())
    }

    fn relu(&mut self, node: &Node) -> Result<(), QuantiseError> {
        self.started(node)?;
        match &mut self.pending {
            // A maximum was first: this settles its sign.
            Some(pending) if pending.function == Function::Identity => {
                pending.function = Function::Relu;
                pending.name.clone_from(&node.name);
            }
            // Squares and ReLUs are never negative.
            Some(_) => {}
            None if self.signed => {
                self.pending = Some(Pending {
                    name: node.name.clone(),
                    function: Function::Relu,
                    max_pool: None,
                    output: node.output,
                });
            }
            // A ReLU of what is never negative does nothing.
            None => {}
        }
        Ok(())
    }

    fn square(&mut self, node: &Node) -> Result<(), QuantiseError> {
        self.started(node)?;
        self.flush()?;
        if !self.accumulators {
            return Err(order(
                node,
                "it squares an activation; put a linear layer before it",
            ));
        }
        // Emitted by the network's check with the same numbers, but only after squares have overflowed here.
        if self.magnitude >= 1 << 31 {
            return Err(order(
                node,
                &format!(
                    "values reach {}, whose square does not fit 62 bits; use fewer bits",
                    self.magnitude
                ),
            ));
        }
        self.pending = Some(Pending {
            name: node.name.clone(),
            function: Function::Square,
            max_pool: None,
            output: node.output,
        });
        Ok(())
    }

    fn max_pool(&mut self, node: &Node, pool: &Pool) -> Result<(), QuantiseError> {
        self.started(node)?;
        match &mut self.pending {
            Some(pending) if pending.max_pool.is_none() && pending.function == Function::Relu => {
                pending.max_pool = Some(*pool);
                pending.output = node.output;
            }
            _ => {
                self.flush()?;
                self.pending = Some(Pending {
                    name: node.name.clone(),
                    function: Function::Identity,
                    max_pool: Some(*pool),
                    output: node.output,
                });
            }
        }
        Ok(())
    }

    fn average_pool(&mut self, node: &Node, pool: &Pool) -> Result<(), QuantiseError> {
        self.started(node)?;
        self.flush()?;
        let size = pool.size();
        let (weight, bits) = if size.is_power_of_two() {
            (1, size.ilog2())
        } else {
            // ⌊2^t / size⌉ with eight bits: within 0.4 % of the true reciprocal, as fine as the weights.
            let t = size.ilog2() + 8;
            (((1usize << (t + 1)) / size).div_ceil(2) as i64, t)
        };
        let bound = sum_pool_bound(size, weight, self.magnitude);
        self.emit(Layer::SumPool(SumPool {
            name: node.name.clone(),
            kernel: pool.kernel,
            stride: pool.stride,
            padding: pool.padding,
            input: self.shape,
            output: node.output,
            weight,
            bound,
        }))?;
        self.fraction += bits as i32;
        (self.accumulators, self.magnitude) = (true, bound);
        Ok(())
    }

    /// Refuses anything but a linear layer at the start: the image is one party's alone until then.
    fn started(&self, node: &Node) -> Result<(), QuantiseError> {
        if self.network.layers.is_empty() {
            return Err(order(
                node,
                "the first layer must be a convolution or fully connected; prepare images before the model",
            ));
        }
        Ok(())
    }

    /// Emits the pending activation, with the shift that calibration finds.
    fn flush(&mut self) -> Result<(), QuantiseError> {
        if let Some(pending) = self.pending.take() {
            if pending.function == Function::Identity && self.signed {
                return Err(QuantiseError::Order {
                    operation: "max pool",
                    node: pending.name,
                    reason: "there is no Relu before or behind it, so its result can be negative"
                        .to_owned(),
                });
            }
            let layer = self.activation(pending);
            self.values = apply(&layer, &self.values);
            self.shape = layer.output();
            self.network.layers.push(layer);
            (self.accumulators, self.signed) = (false, false);
            self.magnitude = (1 << self.options.activation_bits) - 1;
        }
        Ok(())
    }

    /// Turns accumulators that are never negative (sums of activations) into activations.
    fn settle(&mut self) -> Result<(), QuantiseError> {
        if self.accumulators {
            let sum = self.network.layers.last().map_or("", Layer::name);
            self.pending = Some(Pending {
                name: sum.to_owned(),
                function: Function::Identity,
                max_pool: None,
                output: self.shape,
            });
            self.flush()?;
        }
        Ok(())
    }

    fn activation(&mut self, pending: Pending) -> Layer {
        let mut activation = Activation {
            name: pending.name,
            function: pending.function,
            max_pool: pending.max_pool,
            shift: 0,
            activation_bits: self.options.activation_bits,
            input: self.shape,
            output: pending.output,
        };
        // The values before rounding: window maxima, squares.
        let reach = if activation.function == Function::Square {
            self.values
                .iter()
                .map(|x| x.iter().map(|v| v * v).collect())
                .collect()
        } else if activation.max_pool.is_some() {
            let wide = Layer::Activation(Activation {
                activation_bits: 63,
                function: Function::Identity,
                ..activation.clone()
            });
            apply(&wide, &self.values)
        } else {
            self.values.clone()
        };
        // Activations that pass through only a maximum keep their scale.
        activation.shift = if self.accumulators {
            best_shift(&reach, self.options.activation_bits)
        } else {
            0
        };
        if activation.function == Function::Square {
            self.fraction *= 2;
        }
        self.fraction -= activation.shift as i32;
        Layer::Activation(activation)
    }

    /// Adds a layer whose bound must leave room in 64 bits before calibration runs through it.
    fn emit(&mut self, layer: Layer) -> Result<(), QuantiseError> {
        let bound = match &layer {
            Layer::Linear(layer) => layer.bound,
            Layer::SumPool(layer) => layer.bound,
            Layer::Activation(_) => 0,
        };
        if bound >= 1 << 62 {
            return Err(QuantiseError::Network(NetworkError::Layer {
                index: self.network.layers.len(),
                name: layer.name().to_owned(),
                reason: format!("values reach {bound}; use fewer bits"),
            }));
        }
        self.values = apply(&layer, &self.values);
        self.shape = layer.output();
        self.network.layers.push(layer);
        Ok(())
    }

    fn finish(self) -> Result<IntegerNetwork, QuantiseError> {
        if let Some(pending) = &self.pending {
            return Err(QuantiseError::Order {
                operation: "activation",
                node: pending.name.clone(),
                reason: "the model ends with it; end it with a linear layer, whose results are the logits"
                    .to_owned(),
            });
        }
        Ok(self.network)
    }
}

/// How many of `count` calibration images to use: fewer for networks whose tensors or work would make them costly.
fn affordable(graph: &Graph, count: usize) -> usize {
    let largest = graph.nodes.iter().map(|node| node.output.len()).max();
    let work: u64 = graph.nodes.iter().map(Node::macs).sum();
    let by_memory = (1usize << 25) / largest.unwrap_or(1).max(graph.input.len()).max(1);
    let by_work = (1u64 << 35) / work.max(1);
    count.min(by_memory.max(1)).min(by_work.max(1) as usize)
}

fn order(node: &Node, reason: &str) -> QuantiseError {
    QuantiseError::Order {
        operation: node.operation.name(),
        node: node.name.clone(),
        reason: reason.to_owned(),
    }
}

fn apply(layer: &Layer, values: &[Vec<i64>]) -> Vec<Vec<i64>> {
    let prepared = PreparedLayer::new(layer);
    values.iter().map(|x| prepared.evaluate(x)).collect()
}

/// Integer weights and their fractional bits: the most for which the largest magnitude is at most 2^(bits−1) − 1.
fn weights_of(weights: &[f32], bits: u32) -> Result<(Vec<i32>, i32), NotRepresentable> {
    let largest = weights.iter().fold(0f32, |m, w| m.max(w.abs()));
    let top = (1i64 << (bits - 1)) - 1;
    // Beyond 30 fractional bits all weights are noise; below −30 none fits anyway.
    let fits = |fraction: &i32| to_fixed(f64::from(largest), *fraction).is_ok_and(|w| w <= top);
    if largest == 0.0 {
        return Ok((vec![0; weights.len()], 0));
    }
    let fraction = (-30..=30).rev().find(fits).ok_or(NotRepresentable {
        value: f64::from(largest),
        fractional_bits: -30,
    })?;
    let integers = weights
        .iter()
        .map(|&w| Ok(to_fixed(f64::from(w), fraction)? as i32))
        .collect::<Result<_, NotRepresentable>>()?;
    Ok((integers, fraction))
}

/// The shift with the least sum of squared errors over `values`; the smaller one on a tie.
fn best_shift(values: &[Vec<i64>], bits: u32) -> u32 {
    let positive: Vec<i64> = values
        .iter()
        .flatten()
        .copied()
        .filter(|&v| v > 0)
        .collect();
    let largest = positive.iter().copied().max().unwrap_or(0);
    // From the first shift that clips nothing on, larger ones only lose precision.
    let last = (0..62)
        .find(|&s| requantise(largest, s, 62) < 1 << bits)
        .unwrap_or(62);
    // Below this, most of the range is clipped: four bits are more than any distribution wants.
    let first = last.saturating_sub(4);
    let error = |shift: u32| {
        positive.iter().fold(0u128, |sum, &v| {
            let stored = requantise(v, shift, bits) << shift;
            let off = u128::from(v.abs_diff(stored));
            sum.saturating_add(off * off)
        })
    };
    (first..=last).min_by_key(|&s| error(s)).unwrap_or(0)
}
