//! From a chain of nodes to layers, calibrating on the way.

use addax_core::quant::to_fixed;

use super::scale::{best_shift, reciprocal, weights_of};
use super::{QuantiseError, QuantiseOptions};
use crate::net::bounds::{linear_bound, sum_pool_bound};
use crate::net::graph::{Graph, Node, Operation};
use crate::net::integer::PreparedLayer;
use crate::net::network::{
    Activation, Function, IntegerNetwork, Layer, Linear, LinearMap, NetworkError, Pool, Shape,
    SumPool,
};

/// An activation whose shift is still open, because more nodes may join it.
struct Pending {
    name: String,
    function: Function,
    max_pool: Option<Pool>,
    output: Shape,
}

/// The network built so far, and the calibration images' values at its end.
pub(super) struct Builder<'a> {
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
    /// An empty network, with the calibration images as its values.
    pub(super) fn new(
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

    /// Adds the layers of one node.
    pub(super) fn push(&mut self, node: &Node) -> Result<(), QuantiseError> {
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
            // The values stay as they are; the linear layer that follows states the shape it takes them in.
            Operation::Flatten => self.flush(),
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
            input: node.input,
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
                    output: self.shape,
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
            output: self.shape,
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
                self.shape = node.input;
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
        self.shape = node.input;
        let size = pool.size();
        let (weight, bits) = reciprocal(size);
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

    /// The network, if the chain ends as it must.
    pub(super) fn finish(self) -> Result<IntegerNetwork, QuantiseError> {
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

/// How many of `count` calibration images to use: fewer for networks whose tensors or work would make them costly.
fn affordable(graph: &Graph, count: usize) -> usize {
    let largest = graph.nodes.iter().map(|node| node.output.len()).max();
    let work: u64 = graph.nodes.iter().map(Node::macs).sum();
    let by_memory = (1usize << 25) / largest.unwrap_or(1).max(graph.input.len()).max(1);
    let by_work = (1u64 << 35) / work.max(1);
    count.min(by_memory.max(1)).min(by_work.max(1) as usize)
}
