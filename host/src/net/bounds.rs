//! How large accumulators can become, and whether a network is consistent.
//!
//! For inputs in 0 ..= m an accumulator bias + Σ w·x lies between bias + m·Σ(negative w) and bias + m·Σ(positive w). Both
//! ends are reached, so this is the exact worst case; padding only leaves terms out and stays inside.

use addax_core::quant::plain_bits;

use super::network::{
    Activation, Function, IntegerNetwork, Layer, Linear, NetworkError, Pool, Shape, SumPool,
};

/// The largest supported `activation_bits` and the largest `weight_bits`: both then fit 16-bit signed integers.
pub const MAX_ACTIVATION_BITS: u32 = 15;
/// See [`MAX_ACTIVATION_BITS`].
pub const MAX_WEIGHT_BITS: u32 = 16;

/// The largest magnitude of an accumulator, for inputs in 0 ..= `input_max`. Saturates at `u64::MAX`.
#[must_use]
pub fn linear_bound(weights: &[i32], bias: &[i64], input_max: u64) -> u64 {
    let row = weights.len() / bias.len().max(1);
    let of_output = |(filter, &bias): (&[i32], &i64)| {
        let (mut positive, mut negative) = (0i128, 0i128);
        for &weight in filter {
            let product = i128::from(weight) * i128::from(input_max);
            if weight > 0 {
                positive += product;
            } else {
                negative += product;
            }
        }
        let bias = i128::from(bias);
        let largest = (bias + positive)
            .unsigned_abs()
            .max((bias + negative).unsigned_abs());
        u64::try_from(largest).unwrap_or(u64::MAX)
    };
    let filters = weights.chunks(row.max(1)).zip(bias);
    filters.map(of_output).max().unwrap_or(0)
}

/// The largest magnitude of weight · Σ over a window of `size` values of magnitude at most `input_max`. Saturates.
#[must_use]
pub fn sum_pool_bound(size: usize, weight: i64, input_max: u64) -> u64 {
    input_max
        .saturating_mul(size as u64)
        .saturating_mul(weight.unsigned_abs())
}

/// What is known about the values between two layers.
#[derive(Clone, Copy)]
struct Range {
    /// The largest magnitude.
    magnitude: u64,
    /// Whether they are accumulators, which may be negative and do not enter a linear layer.
    accumulator: bool,
    /// Whether they can be negative.
    signed: bool,
}

impl IntegerNetwork {
    /// Tests every rule that [`super::network`] states: shapes chain up, lists have the right lengths, weights and bits are
    /// in range, stated bounds cover the true ones and fit 63 bits, activations and linear maps are in order.
    ///
    /// # Errors
    /// [`NetworkError::Layer`] with the first layer that breaks a rule.
    pub fn check(&self) -> Result<(), NetworkError> {
        let mut shape = self.input;
        let mut range = Range {
            magnitude: (1u64 << self.input_bits.min(8)) - 1,
            accumulator: false,
            signed: false,
        };
        if !(1..=8).contains(&self.input_bits) || shape.is_empty() || self.layers.is_empty() {
            return Err(NetworkError::Layer {
                index: 0,
                name: self.name.clone(),
                reason: "a network needs layers, an input, and 1 to 8 input bits".to_owned(),
            });
        }
        for (index, layer) in self.layers.iter().enumerate() {
            let refuse = |reason: String| NetworkError::Layer {
                index,
                name: layer.name().to_owned(),
                reason,
            };
            // A linear layer may take an image as a vector; other layers depend on the shape.
            let reshapes = matches!(layer, Layer::Linear(_)) && layer.input().len() == shape.len();
            if layer.input() != shape && !reshapes {
                return Err(refuse(format!(
                    "it takes {}, but the layer before it gives {shape}",
                    layer.input()
                )));
            }
            if index == 0 && !matches!(layer, Layer::Linear(_)) {
                return Err(refuse("the first layer must be linear".to_owned()));
            }
            range = match layer {
                Layer::Linear(layer) => check_linear(layer, range),
                Layer::SumPool(layer) => check_sum_pool(layer, range),
                Layer::Activation(layer) => check_activation(layer, range),
            }
            .map_err(refuse)?;
            shape = layer.output();
        }
        if !range.accumulator {
            return Err(NetworkError::Layer {
                index: self.layers.len() - 1,
                name: self.layers.last().map_or("", Layer::name).to_owned(),
                reason: "the last layer must be linear or a sum".to_owned(),
            });
        }
        Ok(())
    }
}

fn check_linear(layer: &Linear, before: Range) -> Result<Range, String> {
    if before.accumulator {
        return Err("it takes accumulators; an activation is missing before it".to_owned());
    }
    let (input, output) = (layer.input, layer.output);
    let row = match layer.map.window() {
        Some(window) => {
            check_window(&window, input, output)?;
            input.channels * window.size()
        }
        None if output.area() == 1 => input.len(),
        None => return Err("a fully connected layer gives a vector".to_owned()),
    };
    let weights = layer.map.weights();
    if weights.len() != row * output.channels || layer.bias.len() != output.channels {
        return Err(format!(
            "it has {} weights and {} biases for {} outputs of {row} weights",
            weights.len(),
            layer.bias.len(),
            output.channels
        ));
    }
    if !(2..=MAX_WEIGHT_BITS).contains(&layer.weight_bits) {
        return Err(format!(
            "{} weight bits are not 2 to {MAX_WEIGHT_BITS}",
            layer.weight_bits
        ));
    }
    let half = 1i32 << (layer.weight_bits - 1);
    if let Some(weight) = weights.iter().find(|w| !(-half..half).contains(*w)) {
        return Err(format!(
            "weight {weight} does not fit {} bits",
            layer.weight_bits
        ));
    }
    covered(
        layer.bound,
        linear_bound(weights, &layer.bias, before.magnitude),
        true,
    )
}

fn check_sum_pool(layer: &SumPool, before: Range) -> Result<Range, String> {
    let pool = layer.pool();
    check_window(&pool, layer.input, layer.output)?;
    if layer.input.channels != layer.output.channels || layer.weight < 1 {
        return Err("pooling keeps the channels and has a positive weight".to_owned());
    }
    let bound = sum_pool_bound(pool.size(), layer.weight, before.magnitude);
    covered(layer.bound, bound, before.signed)
}

fn covered(stated: u64, needed: u64, signed: bool) -> Result<Range, String> {
    if stated < needed || plain_bits(stated, 0) > 63 {
        return Err(format!(
            "values reach {needed}, its bound is {stated}, and 62 bits are the limit"
        ));
    }
    Ok(Range {
        magnitude: stated,
        accumulator: true,
        signed,
    })
}

fn check_activation(layer: &Activation, before: Range) -> Result<Range, String> {
    match layer.max_pool {
        Some(_) if layer.function == Function::Square => {
            return Err("a square has no maximum before it".to_owned());
        }
        Some(pool) => check_window(&pool, layer.input, layer.output)?,
        None if layer.input != layer.output => {
            return Err("without a window it keeps the shape".to_owned());
        }
        None => {}
    }
    if layer.input.channels != layer.output.channels {
        return Err("an activation keeps the channels".to_owned());
    }
    if !(1..=MAX_ACTIVATION_BITS).contains(&layer.activation_bits) || layer.shift > 62 {
        return Err(format!(
            "{} activation bits and shift {} are not 1 to {MAX_ACTIVATION_BITS} and 0 to 62",
            layer.activation_bits, layer.shift
        ));
    }
    match layer.function {
        Function::Identity if before.signed => {
            return Err("an identity takes values that are never negative".to_owned());
        }
        Function::Square if before.magnitude >= 1 << 31 => {
            return Err(format!(
                "values reach {}, whose square does not fit 62 bits; use fewer bits",
                before.magnitude
            ));
        }
        _ => {}
    }
    Ok(Range {
        magnitude: (1 << layer.activation_bits) - 1,
        accumulator: false,
        signed: false,
    })
}

fn check_window(pool: &Pool, input: Shape, output: Shape) -> Result<(), String> {
    let [top, left, bottom, right] = pool.padding;
    if top.max(bottom) >= pool.kernel[0] || left.max(right) >= pool.kernel[1] {
        return Err("padding is not smaller than the kernel".to_owned());
    }
    if pool.output(input) != Some([output.height, output.width]) {
        return Err(format!(
            "a window {:?} over {input} does not give {output}",
            pool.kernel
        ));
    }
    Ok(())
}
