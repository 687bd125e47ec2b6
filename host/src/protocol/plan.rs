//! The plan: everything both parties know about a computation before it starts, and nothing about the weights.
//!
//! A network is cut into **stages**. Within a stage all values are shared mod 2^k for one k: a linear layer on encrypted
//! shares, sums over windows on shares, and a garbled activation that leads to the next stage. k is the least that holds
//! every value x of the stage with the rounding term of its activation's shift s, abs(x) < 2^(k−1) − 2^(s−1).
//!
//! The server computes the plan from its integer network and sends it; k, shifts, shapes and tiles are public. The
//! client checks each number against its own limits ([`ClientLimits`]) and recomputes every bound before it uses any.

use addax_core::isa::Geometry;
use addax_core::params::ParameterSet;
use serde::{Deserialize, Serialize};

use super::limits::{ClientLimits, LimitError};
use crate::he::noise::{self, LayerNoise, NoiseBound};
use crate::he::{Context, FreshCiphertext, ResponseFormat};
use crate::linear::program::{CompileError, LayerPrograms};
use crate::linear::{Convolution, Packing, PackingError, Tile};
use crate::mpc;
use crate::net::{Activation, Function, IntegerNetwork, Layer, LinearMap, Pool, Shape};

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

/// One row of a plan, for people and for `--json`.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct LayerPlan {
    /// Name in the model.
    pub name: String,
    /// What the layer does and where: `convolution`, `matrix`, `sum`, `relu`, `max relu`, `rounding`, `arg max`.
    pub kind: &'static str,
    /// How it is laid out.
    pub packing: String,
    /// Shares are mod 2^k.
    pub k: u32,
    /// log₂ of the bound on decrypted noise.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub noise_bits: Option<f64>,
    /// log₂ of the room above that bound.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub margin_bits: Option<f64>,
    /// log₂ of the probability that a coefficient of the layer decrypts wrongly.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub failure_log2: Option<f64>,
    /// log₂ of the distance between the layer's responses and simulated ones.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hiding_log2: Option<f64>,
    /// Ciphertexts up and down.
    pub ciphertexts: [usize; 2],
    /// Transforms on the ring processor.
    pub transforms: u64,
    /// Cycles of the ring processor.
    pub cycles: u64,
    /// AND gates.
    pub and_gates: u64,
    /// Bytes from client to server, frames included.
    pub bytes_up: u64,
    /// Bytes from server to client, frames included.
    pub bytes_down: u64,
    /// Times the direction changes.
    pub rounds: u32,
    /// Expected milliseconds, from the counts above.
    pub predicted_ms: f64,
}

/// The plan of the whole computation in numbers.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct PlanReport {
    /// Layer by layer.
    pub layers: Vec<LayerPlan>,
    /// log₂ of the probability that a query decrypts wrongly anywhere.
    pub failure_log2: f64,
    /// log₂ of the statistical distance of a whole query.
    pub hiding_log2: f64,
}

/// Plain bits the protocol supports: responses carry one or two limbs.
const PLAIN_BITS: std::ops::RangeInclusive<u32> = 2..=34;

impl PublicPlan {
    /// Plans a network. `plain_bits` overrides every stage's k.
    ///
    /// # Errors
    /// Squares, values that do not fit, noise that would not be hidden or not decrypt, layers that cannot be packed.
    pub fn of_network(
        network: &IntegerNetwork,
        parameters: &ParameterSet,
        reveal: Reveal,
        plain_bits: Option<u32>,
    ) -> Result<Self, PlanError> {
        let mut stages = Vec::new();
        let mut layers = network.layers.iter().peekable();
        while layers.peek().is_some() {
            stages.push(stage(&mut layers, parameters, plain_bits)?);
        }
        let plan = Self {
            parameters: parameters.name.to_owned(),
            input: [
                network.input.channels,
                network.input.height,
                network.input.width,
            ],
            input_bits: network.input_bits,
            reveal,
            stages,
        };
        plan.noise_bounds(parameters)?;
        Ok(plan)
    }

    /// The image's shape.
    #[must_use]
    pub const fn input_shape(&self) -> Shape {
        Shape {
            channels: self.input[0],
            height: self.input[1],
            width: self.input[2],
        }
    }

    /// Checks a plan that came from a peer: every size is bounded, the layers fit together, the noise bounds hold.
    /// Returns the parameter set.
    ///
    /// # Errors
    /// What is wrong, with the layer.
    pub fn check(&self, limits: &ClientLimits) -> Result<ParameterSet, PlanError> {
        let parameters = ParameterSet::by_name(&self.parameters)
            .filter(|set| set.special_limbs == 0)
            .ok_or_else(|| PlanError::Parameters(self.parameters.clone()))?;
        limits.check(self, &parameters)?;
        if self.stages.is_empty() || self.input_shape().is_empty() || self.input_bits == 0 {
            return Err(PlanError::Structure {
                layer: "input".to_owned(),
                reason: "the plan has no image or no layers".to_owned(),
            });
        }
        let mut shape = self.input_shape();
        for (index, stage) in self.stages.iter().enumerate() {
            let last = index + 1 == self.stages.len();
            shape = stage.check(shape, index, last, &parameters)?;
        }
        self.noise_bounds(&parameters)?;
        Ok(parameters)
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

    /// The bounds of every linear layer, and log₂ of failure and hiding of a whole query.
    fn noise_bounds(
        &self,
        parameters: &ParameterSet,
    ) -> Result<(Vec<NoiseBound>, f64, f64), PlanError> {
        let mut bounds = Vec::new();
        let mut layers = Vec::new();
        for stage in &self.stages {
            if let Some(linear) = &stage.linear {
                let packing = linear.packing(parameters)?;
                let noise = linear.noise(&packing, stage.plain_bits);
                let format = noise::response_format(parameters, stage.plain_bits);
                let flooding = noise::flooding_exponent(parameters, stage.plain_bits);
                bounds.push(noise.bound(parameters, &format, Some(flooding)));
                layers.push((linear, noise));
            }
        }
        let failure = noise::sum_log2(bounds.iter().map(|bound| bound.failure_log2));
        let hiding = noise::sum_log2(bounds.iter().map(|bound| bound.hiding_log2));
        if failure <= noise::SECURITY_LOG2 && hiding <= noise::SECURITY_LOG2 {
            return Ok((bounds, failure, hiding));
        }
        let badness = |bound: &NoiseBound| bound.failure_log2.max(bound.hiding_log2);
        let worst = (0..bounds.len())
            .max_by(|&a, &b| badness(&bounds[a]).total_cmp(&badness(&bounds[b])))
            .unwrap_or(0);
        let (linear, noise) = &layers[worst];
        // A single layer may use the whole budget only if it is alone; leave the others theirs.
        let budget = noise::SECURITY_LOG2 - (bounds.len() as f64).log2();
        let most = PLAIN_BITS
            .rev()
            .find(|&plain_bits| {
                let format = noise::response_format(parameters, plain_bits);
                let flooding = noise::flooding_exponent(parameters, plain_bits);
                let noise = LayerNoise {
                    plain_bits,
                    ..*noise
                };
                badness(&noise.bound(parameters, &format, Some(flooding))) <= budget
            })
            .unwrap_or(0);
        Err(PlanError::TooWide {
            layer: linear.name.clone(),
            plain_bits: noise.plain_bits,
            parameters: parameters.name.to_owned(),
            failure,
            hiding,
            most,
        })
    }

    /// The plan in numbers, for a machine of the given geometry.
    ///
    /// # Errors
    /// As [`PublicPlan::of_network`], and layers that do not fit the machine.
    pub fn report(&self, context: &Context, geometry: &Geometry) -> Result<PlanReport, PlanError> {
        let parameters = context.parameters();
        let (bounds, failure_log2, hiding_log2) = self.noise_bounds(parameters)?;
        let mut bounds = bounds.into_iter();
        let mut layers = Vec::new();
        let mut shape = self.input_shape();
        for (index, stage) in self.stages.iter().enumerate() {
            if let Some(linear) = &stage.linear
                && let Some(bound) = bounds.next()
            {
                let packing = linear.packing(parameters)?;
                layers.push(linear.report(
                    context,
                    geometry,
                    &packing,
                    stage.plain_bits,
                    index > 0,
                    &bound,
                )?);
                shape = packing.convolution().output_shape();
            }
            for pool in &stage.pools {
                layers.push(LayerPlan::local(&pool.name, stage.plain_bits));
                shape = pool.output_shape(shape).unwrap_or(shape);
            }
            let garbled = match (&stage.activation, self.reveal) {
                (Some(activation), _) => {
                    let circuit = activation.circuit(stage.plain_bits, self.next_plain_bits(index));
                    shape = activation.output_shape(shape).unwrap_or(shape);
                    let (up, down) = circuit.bytes(shape.len());
                    let gates = circuit.and_gates() * shape.len();
                    let rounds = circuit.rounds(shape.len());
                    Some((
                        activation.name.clone(),
                        activation.kind(),
                        gates,
                        (up, down),
                        shape.len(),
                        rounds,
                    ))
                }
                (None, Reveal::ArgMax) => {
                    let (up, down) = mpc::arg_max_bytes(stage.plain_bits, shape.len());
                    let gates = mpc::arg_max_and_gates(stage.plain_bits, shape.len());
                    Some(("answer".to_owned(), "arg max", gates, (up, down), 1, 1))
                }
                (None, Reveal::Logits) => None,
            };
            if let Some((name, kind, gates, (up, down), instances, rounds)) = garbled {
                layers.push(LayerPlan {
                    packing: format!("{instances} circuits"),
                    and_gates: gates as u64,
                    bytes_up: up as u64,
                    bytes_down: down as u64,
                    rounds: rounds as u32,
                    predicted_ms: predict(0, 0, gates, [0, 0], up + down),
                    kind,
                    ..LayerPlan::local(&name, stage.plain_bits)
                });
            }
        }
        Ok(PlanReport {
            layers,
            failure_log2,
            hiding_log2,
        })
    }
}

type Layers<'a> = std::iter::Peekable<std::slice::Iter<'a, Layer>>;

/// Takes the layers of one stage.
fn stage(
    layers: &mut Layers<'_>,
    parameters: &ParameterSet,
    plain_bits: Option<u32>,
) -> Result<Stage, PlanError> {
    let mut bounds = Vec::new();
    let linear = match layers.next_if(|layer| matches!(layer, Layer::Linear(_))) {
        Some(Layer::Linear(layer)) => {
            bounds.push((layer.name.clone(), layer.bound));
            Some(LinearStage::of_layer(layer, parameters)?)
        }
        _ => None,
    };
    let mut pools = Vec::new();
    while let Some(Layer::SumPool(pool)) =
        layers.next_if(|layer| matches!(layer, Layer::SumPool(_)))
    {
        bounds.push((pool.name.clone(), pool.bound));
        pools.push(PoolStage {
            name: pool.name.clone(),
            window: pool.pool().into(),
            weight: pool.weight,
        });
    }
    let activation = match layers.next_if(|layer| matches!(layer, Layer::Activation(_))) {
        Some(Layer::Activation(activation)) => Some(ActivationStage::of_layer(activation)?),
        _ => None,
    };
    if activation.is_none()
        && let Some(next) = layers.peek()
    {
        return Err(PlanError::Structure {
            layer: next.name().to_owned(),
            reason: "follows another linear layer without an activation between".to_owned(),
        });
    }
    let shift = activation.as_ref().map_or(0, |activation| activation.shift);
    let (layer, bound) = bounds
        .into_iter()
        .max_by_key(|(_, bound)| *bound)
        .unwrap_or_default();
    let needed = needed_bits(bound, shift);
    let given = plain_bits.unwrap_or(needed);
    if given < needed || !PLAIN_BITS.contains(&needed) {
        return Err(PlanError::TooNarrow {
            layer,
            bound,
            shift,
            needed,
            given: given.min(*PLAIN_BITS.end()),
        });
    }
    Ok(Stage {
        plain_bits: given,
        linear,
        pools,
        activation,
    })
}

/// The least k ≥ 2 with bound < 2^(k−1) − 2^(shift−1).
fn needed_bits(bound: u64, shift: u32) -> u32 {
    let half = if shift == 0 { 0 } else { 1u128 << (shift - 1) };
    let limit = u128::from(bound) + half;
    (u128::BITS - limit.leading_zeros() + 1).max(2)
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

    /// Checks a stage of a peer's plan and returns its output's shape. Sizes are bounded by the client's limits already.
    fn check(
        &self,
        input: Shape,
        index: usize,
        last: bool,
        parameters: &ParameterSet,
    ) -> Result<Shape, PlanError> {
        let layer = self.name(index);
        let wrong = |reason: String| PlanError::Structure {
            layer: layer.clone(),
            reason,
        };
        if !PLAIN_BITS.contains(&self.plain_bits) {
            return Err(wrong(format!("{} plaintext bits", self.plain_bits)));
        }
        if let Some(linear) = &self.linear {
            linear.packing(parameters)?;
            if linear.convolution.input_shape().len() != input.len() {
                return Err(wrong(format!(
                    "takes {} values, but gets {}",
                    linear.convolution.input_shape(),
                    input
                )));
            }
            if !(2..=16).contains(&linear.weight_bits) {
                return Err(wrong(format!("{} weight bits", linear.weight_bits)));
            }
        } else if index == 0 {
            return Err(wrong("the first stage has no linear layer".to_owned()));
        }
        if self.activation.is_none() != last {
            return Err(wrong(
                "only the last stage ends without an activation".to_owned(),
            ));
        }
        if let Some(activation) = &self.activation {
            let bits = activation.activation_bits;
            if !(1..=16).contains(&bits) || activation.shift + 1 >= self.plain_bits {
                return Err(wrong(format!(
                    "a shift of {} to {bits} bits does not fit {} plaintext bits",
                    activation.shift, self.plain_bits
                )));
            }
        }
        self.output_shape(input)
            .filter(|shape| !shape.is_empty())
            .ok_or_else(|| wrong(format!("a window does not fit the {input} input")))
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
    fn of_layer(layer: &crate::net::Linear, parameters: &ParameterSet) -> Result<Self, PlanError> {
        let convolution = match &layer.map {
            LinearMap::Convolution {
                kernel,
                stride,
                padding,
                ..
            } => Convolution {
                input: [layer.input.channels, layer.input.height, layer.input.width],
                outputs: layer.output.channels,
                kernel: *kernel,
                stride: *stride,
                padding: *padding,
            },
            LinearMap::FullyConnected { .. } => {
                Convolution::matrix(layer.input.len(), layer.output.len())
            }
        };
        let packing = Packing::plan(convolution, parameters.degree());
        let packing = packing.map_err(|source| PlanError::Packing {
            layer: layer.name.clone(),
            source,
        })?;
        Ok(Self {
            name: layer.name.clone(),
            convolution,
            tile: packing.tile(),
            weight_bits: layer.weight_bits,
        })
    }

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

    fn noise(&self, packing: &Packing, plain_bits: u32) -> LayerNoise {
        LayerNoise {
            plain_bits,
            weights: packing.weights_together(),
            weight_bits: self.weight_bits,
            coefficients: packing.responses() * packing.n(),
        }
    }

    fn report(
        &self,
        context: &Context,
        geometry: &Geometry,
        packing: &Packing,
        plain_bits: u32,
        with_share: bool,
        bound: &NoiseBound,
    ) -> Result<LayerPlan, PlanError> {
        let format = noise::response_format(context.parameters(), plain_bits);
        let cost = LayerPrograms::compile(context.basis(), packing, &format, geometry)
            .map(|programs| programs.cost(packing, geometry, with_share))
            .map_err(|source| PlanError::Compile {
                layer: self.name.clone(),
                source,
            })?;
        let (up, down) = linear_bytes(context, packing, &format);
        let ciphertexts = [packing.inputs(), packing.responses()];
        let Tile {
            channels,
            rows,
            columns,
        } = packing.tile();
        Ok(LayerPlan {
            kind: self.kind(),
            packing: format!(
                "{channels}×{rows}×{columns} a tile, {} outputs together",
                packing.outputs_together()
            ),
            noise_bits: Some(bound.noise_bits),
            margin_bits: Some(bound.margin_bits),
            failure_log2: Some(bound.failure_log2),
            hiding_log2: Some(bound.hiding_log2),
            ciphertexts,
            transforms: cost.transforms,
            cycles: cost.cycles,
            bytes_up: up as u64,
            bytes_down: down as u64,
            rounds: 1,
            predicted_ms: predict(
                cost.transforms,
                packing.products(),
                0,
                ciphertexts,
                up + down,
            ),
            ..LayerPlan::local(&self.name, plain_bits)
        })
    }
}

/// Bytes up and down of a linear layer, frames included.
fn linear_bytes(context: &Context, packing: &Packing, format: &ResponseFormat) -> (usize, usize) {
    let up = packing.inputs() * (mpc::HEADER_BYTES + FreshCiphertext::wire_len(context));
    let down = (0..packing.responses())
        .map(|response| {
            let used = packing.outputs(response).len();
            mpc::HEADER_BYTES + format.wire_len(context, used)
        })
        .sum();
    (up, down)
}

impl PoolStage {
    pub(super) fn output_shape(&self, input: Shape) -> Option<Shape> {
        windows(&self.window, input)
    }
}

impl ActivationStage {
    fn of_layer(layer: &Activation) -> Result<Self, PlanError> {
        if layer.function == Function::Square {
            return Err(PlanError::Square {
                layer: layer.name.clone(),
            });
        }
        Ok(Self {
            name: layer.name.clone(),
            relu: layer.function == Function::Relu,
            max_pool: layer.max_pool.map(Window::from),
            shift: layer.shift,
            activation_bits: layer.activation_bits,
        })
    }

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

impl LayerPlan {
    /// A layer that each party computes alone.
    fn local(name: &str, k: u32) -> Self {
        Self {
            name: name.to_owned(),
            kind: "sum",
            packing: "on shares".to_owned(),
            k,
            noise_bits: None,
            margin_bits: None,
            failure_log2: None,
            hiding_log2: None,
            ciphertexts: [0, 0],
            transforms: 0,
            cycles: 0,
            and_gates: 0,
            bytes_up: 0,
            bytes_down: 0,
            rounds: 0,
            predicted_ms: 0.0,
        }
    }
}

/// Milliseconds that a layer takes on one portable core and a gigabit link, from what it counts. The costs are those of
/// the project's benchmarks (`cargo bench`), rounded.
fn predict(
    transforms: u64,
    products: usize,
    and_gates: usize,
    ciphertexts: [usize; 2],
    bytes: usize,
) -> f64 {
    const TRANSFORM_MS: f64 = 0.03;
    const PRODUCT_MS: f64 = 0.06;
    const AND_MS: f64 = 0.000_15;
    const FRESH_MS: f64 = 0.6;
    const RESPONSE_MS: f64 = 1.0;
    const BYTE_MS: f64 = 8e-6;
    transforms as f64 * TRANSFORM_MS
        + products as f64 * PRODUCT_MS
        + and_gates as f64 * AND_MS
        + ciphertexts[0] as f64 * FRESH_MS
        + ciphertexts[1] as f64 * RESPONSE_MS
        + bytes as f64 * BYTE_MS
}
