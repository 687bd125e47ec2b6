//! The integer reference: what a network computes, in the clear, to the bit.
//!
//! This is the definition that the private protocol is compared with. It follows the table in [`super::network`] layer by
//! layer; its only liberty is the width of the arithmetic. Convolutions gather each window into a row of 16-bit integers
//! and take dot products with the filters, in 32 bits where the layer's bound proves that the sums fit (intermediate sums
//! may wrap, the final one is right), in 64 bits otherwise.

use addax_core::quant::requantise;

use super::network::{
    Activation, Function, IntegerNetwork, Layer, Linear, NetworkError, Pool, SumPool,
};

/// The logits of `image`: the accumulators of the last layer.
///
/// To evaluate many images, prepare an [`Evaluator`] once.
///
/// # Errors
/// [`NetworkError`] when the network is inconsistent or the image has another size than its input.
pub fn evaluate(network: &IntegerNetwork, image: &[u8]) -> Result<Vec<i64>, NetworkError> {
    Evaluator::new(network)?.evaluate(image)
}

/// The output of every layer, first to last; the last entry holds the logits.
///
/// # Errors
/// As [`evaluate`].
pub fn evaluate_traced(
    network: &IntegerNetwork,
    image: &[u8],
) -> Result<Vec<Vec<i64>>, NetworkError> {
    Evaluator::new(network)?.evaluate_traced(image)
}

/// A network prepared for many evaluations: checked, weights narrowed.
pub struct Evaluator<'a> {
    network: &'a IntegerNetwork,
    layers: Vec<PreparedLayer<'a>>,
}

impl<'a> Evaluator<'a> {
    /// Checks `network` and prepares its weights.
    ///
    /// # Errors
    /// [`NetworkError::Layer`] when the network is inconsistent.
    pub fn new(network: &'a IntegerNetwork) -> Result<Self, NetworkError> {
        network.check()?;
        let layers = network.layers.iter().map(PreparedLayer::new).collect();
        Ok(Self { network, layers })
    }

    /// As the function [`evaluate`].
    ///
    /// # Errors
    /// [`NetworkError::ImageSize`].
    pub fn evaluate(&self, image: &[u8]) -> Result<Vec<i64>, NetworkError> {
        let values = self.network.input_values(image)?;
        Ok(self
            .layers
            .iter()
            .fold(values, |x, layer| layer.evaluate(&x)))
    }

    /// As the function [`evaluate_traced`].
    ///
    /// # Errors
    /// [`NetworkError::ImageSize`].
    pub fn evaluate_traced(&self, image: &[u8]) -> Result<Vec<Vec<i64>>, NetworkError> {
        let values = self.network.input_values(image)?;
        let mut trace: Vec<Vec<i64>> = Vec::with_capacity(self.layers.len());
        for layer in &self.layers {
            let output = layer.evaluate(trace.last().unwrap_or(&values));
            trace.push(output);
        }
        Ok(trace)
    }
}

/// One layer with its weights as 16-bit integers.
pub(super) struct PreparedLayer<'a> {
    layer: &'a Layer,
    weights: Vec<i16>,
}

impl<'a> PreparedLayer<'a> {
    /// Narrows the weights of a layer that has passed the network's check.
    pub(super) fn new(layer: &'a Layer) -> Self {
        let weights = match layer {
            Layer::Linear(linear) => linear.map.weights().iter().map(|&w| w as i16).collect(),
            _ => Vec::new(),
        };
        Self { layer, weights }
    }

    /// What the layer makes of `input`.
    pub(super) fn evaluate(&self, input: &[i64]) -> Vec<i64> {
        match self.layer {
            Layer::Linear(layer) => linear(layer, &self.weights, input),
            Layer::SumPool(layer) => sum_pool(layer, input),
            Layer::Activation(layer) => activation(layer, input),
        }
    }
}

fn linear(layer: &Linear, weights: &[i16], input: &[i64]) -> Vec<i64> {
    // Activations have at most 15 bits (`check`), so narrowing loses nothing.
    let values: Vec<i16> = input.iter().map(|&v| v as i16).collect();
    let output = match layer.map.window() {
        None => {
            let mut output = vec![0; layer.output.len()];
            multiply(layer, weights, &values, 1, &mut output);
            output
        }
        Some(window) => convolution(layer, weights, &values, &window),
    };
    debug_assert!(
        output.iter().all(|v| v.unsigned_abs() <= layer.bound),
        "layer {} exceeds its bound {}",
        layer.name,
        layer.bound
    );
    output
}

/// Windows are gathered one output row at a time, which keeps them in the first-level cache.
fn convolution(layer: &Linear, weights: &[i16], values: &[i16], pool: &Pool) -> Vec<i64> {
    let (input, output) = (layer.input, layer.output);
    let taps = input.channels * pool.size();
    let mut rows = vec![0i16; output.width * taps];
    let mut line = vec![0i64; output.width * output.channels];
    let mut result = vec![0i64; output.len()];
    for r in 0..output.height {
        let (top, bottom) = pool.span(0, r, input.height);
        for (c, row) in rows.chunks_exact_mut(taps).enumerate() {
            let (left, right) = pool.span(1, c, input.width);
            // Where the span begins inside the kernel: greater than zero when padding comes first.
            let skip_rows = (top + pool.padding[0]) - r * pool.stride[0];
            let skip_columns = (left + pool.padding[1]) - c * pool.stride[1];
            row.fill(0);
            for (channel, filter) in row.chunks_exact_mut(pool.size()).enumerate() {
                for i in top..bottom {
                    let source = &values[channel * input.area() + i * input.width..][left..right];
                    let at = (skip_rows + i - top) * pool.kernel[1] + skip_columns;
                    filter[at..at + source.len()].copy_from_slice(source);
                }
            }
        }
        multiply(layer, weights, &rows, output.width, &mut line);
        for (o, values) in line.chunks_exact(output.width).enumerate() {
            result[o * output.area() + r * output.width..][..output.width].copy_from_slice(values);
        }
    }
    result
}

/// output(o, c) = bias(o) + ⟨weights(o), rows(c)⟩ for `columns` rows.
fn multiply(layer: &Linear, weights: &[i16], rows: &[i16], columns: usize, output: &mut [i64]) {
    let taps = rows.len() / columns;
    let outputs = output.chunks_exact_mut(columns).zip(&layer.bias);
    // The bias is added in 64 bits, so the sum without it must fit on its own: twice the bound covers that.
    let narrow = layer.bound < 1 << 30;
    for (filter, (line, &bias)) in weights.chunks_exact(taps).zip(outputs) {
        for (row, value) in rows.chunks_exact(taps).zip(line) {
            *value = bias
                + if narrow {
                    i64::from(dot_32(filter, row))
                } else {
                    dot_64(filter, row)
                };
        }
    }
}

fn dot_32(a: &[i16], b: &[i16]) -> i32 {
    a.iter()
        .zip(b)
        .map(|(&x, &y)| i32::from(x) * i32::from(y))
        .fold(0, i32::wrapping_add)
}

fn dot_64(a: &[i16], b: &[i16]) -> i64 {
    a.iter()
        .zip(b)
        .map(|(&x, &y)| i64::from(i32::from(x) * i32::from(y)))
        .sum()
}

fn sum_pool(layer: &SumPool, input: &[i64]) -> Vec<i64> {
    let pool = layer.pool();
    let output = windows(&pool, layer.input, layer.output, input, |values| {
        layer.weight * values.sum::<i64>()
    });
    debug_assert!(
        output.iter().all(|v| v.unsigned_abs() <= layer.bound),
        "layer {} exceeds its bound {}",
        layer.name,
        layer.bound
    );
    output
}

fn activation(layer: &Activation, input: &[i64]) -> Vec<i64> {
    let bits = layer.activation_bits;
    let finish = |x: i64| match layer.function {
        Function::Relu | Function::Identity => requantise(x, layer.shift, bits),
        Function::Square => requantise(x * x, layer.shift, bits),
    };
    match &layer.max_pool {
        None => input.iter().map(|&x| finish(x)).collect(),
        Some(pool) => windows(pool, layer.input, layer.output, input, |values| {
            finish(values.max().unwrap_or(0))
        }),
    }
}

/// `reduce` over the values under each window, without padding.
fn windows(
    pool: &Pool,
    input: super::network::Shape,
    output: super::network::Shape,
    values: &[i64],
    reduce: impl Fn(&mut dyn Iterator<Item = i64>) -> i64,
) -> Vec<i64> {
    let mut result = Vec::with_capacity(output.len());
    for plane in values.chunks_exact(input.area()) {
        for r in 0..output.height {
            let (top, bottom) = pool.span(0, r, input.height);
            for c in 0..output.width {
                let (left, right) = pool.span(1, c, input.width);
                let mut window = (top..bottom)
                    .flat_map(|i| plane[i * input.width..][left..right].iter().copied());
                result.push(reduce(&mut window));
            }
        }
    }
    result
}
