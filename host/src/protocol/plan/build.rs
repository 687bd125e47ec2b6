//! From a network of integers to its plan.

use addax_core::params::ParameterSet;
use addax_core::quant;

use super::{
    ActivationStage, LinearStage, PLAIN_BITS, PlanError, PoolStage, PublicPlan, Reveal, Stage,
    Window,
};
use crate::linear::{Convolution, Packing};
use crate::net::{Activation, Function, IntegerNetwork, Layer};

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
        let mut entering = network.input_bits;
        while layers.peek().is_some() {
            let stage = stage(&mut layers, entering, parameters, plain_bits)?;
            if let Some(activation) = &stage.activation {
                entering = activation.activation_bits;
            }
            stages.push(stage);
        }
        let plan = Self {
            parameters: parameters.name.to_owned(),
            input: network.input.extents(),
            input_bits: network.input_bits,
            reveal,
            stages,
        };
        plan.noise_bounds(parameters)?;
        Ok(plan)
    }
}

type Layers<'a> = std::iter::Peekable<std::slice::Iter<'a, Layer>>;

/// Takes the layers of one stage, which values of `entering` bits enter.
fn stage(
    layers: &mut Layers<'_>,
    entering: u32,
    parameters: &ParameterSet,
    plain_bits: Option<u32>,
) -> Result<Stage, PlanError> {
    // What enters is held as well: it may be all there is, and a linear layer of zeros bounds nothing.
    let first = layers.peek().map_or("", |layer| layer.name()).to_owned();
    let mut bounds = vec![(first, (1u64 << entering.min(63)) - 1)];
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
    let needed = quant::plain_bits(bound, shift).max(*PLAIN_BITS.start());
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

impl LinearStage {
    fn of_layer(layer: &crate::net::Linear, parameters: &ParameterSet) -> Result<Self, PlanError> {
        let convolution = match layer.map.window() {
            Some(window) => Convolution {
                input: layer.input.extents(),
                outputs: layer.output.channels,
                kernel: window.kernel,
                stride: window.stride,
                padding: window.padding,
            },
            None => Convolution::matrix(layer.input.len(), layer.output.len()),
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
}
