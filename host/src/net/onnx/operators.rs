//! One function per group of operators: from a node of the file to an [`Operation`].

use super::Value;
use super::attributes::Context;
use super::error::ImportError;
use super::reshape::{dropout, flatten, no_padding, reshape};
use super::tensor::Constants;
use super::window::{slide, window};
use crate::net::graph::Operation;
use crate::net::network::{Pool, Shape};

/// What a node makes of the current value: an operation and the value after it, or nothing at all.
pub(super) type Step = Option<(Operation, Value)>;

/// Imports one node that takes the value `current`.
pub(super) fn import(
    node: &Context<'_>,
    current: Value,
    constants: &mut Constants<'_>,
) -> Result<Step, ImportError> {
    match node.operator {
        "Conv" => convolution(node, current, constants).map(Some),
        "Gemm" => gemm(node, current, constants).map(Some),
        "MatMul" => matmul(node, current, constants).map(Some),
        "Add" => add(node, current, constants).map(Some),
        "BatchNormalization" => batch_normalisation(node, current, constants).map(Some),
        "Relu" => {
            node.only(&[])?;
            Ok(Some((Operation::Relu, current)))
        }
        "Mul" => square(node, current).map(Some),
        "MaxPool" | "AveragePool" | "GlobalAveragePool" => pooling(node, current).map(Some),
        "Flatten" => flatten(node, current).map(Some),
        "Reshape" => reshape(node, current, constants),
        "Identity" => {
            node.only(&[])?;
            Ok(None)
        }
        "Dropout" => dropout(node, constants),
        "Pad" => no_padding(node, constants),
        other => Err(node.unsupported(hint(other))),
    }
}

fn hint(operator: &str) -> String {
    match operator {
        "Softmax" | "LogSoftmax" => "end the model with its logits; the arg max is the same",
        "Sigmoid" | "Tanh" | "LeakyRelu" | "PRelu" | "Elu" | "Selu" | "Gelu" | "Erf"
        | "HardSwish" | "HardSigmoid" | "Clip" | "Softplus" => {
            "use Relu, or a square written Mul(x, x)"
        }
        "Pow" => "write a square as Mul(x, x)",
        "Sub" | "Div" => "fold constant scaling into the first layer: pixels enter as byte/256",
        "Concat" | "Split" => "only sequential networks are supported",
        "ReduceMean" => "use GlobalAveragePool (torch: nn.AdaptiveAvgPool2d(1), then flatten)",
        "Shape" | "Gather" | "Unsqueeze" | "Squeeze" => {
            "shapes must be constant; flatten with torch.flatten(x, 1)"
        }
        _ => {
            "supported are Conv, BatchNormalization, Gemm, MatMul, Add, Relu, MaxPool, AveragePool, \
             GlobalAveragePool, Flatten, Reshape, Mul(x, x), Identity, Dropout, and Pad by nothing"
        }
    }
    .to_owned()
}

fn image(node: &Context<'_>, value: Value) -> Result<Shape, ImportError> {
    if value.flat {
        return Err(node.wrong("it takes an image, but the value before it is a vector"));
    }
    Ok(value.shape)
}

fn vector(node: &Context<'_>, value: Value) -> Result<usize, ImportError> {
    if value.flat {
        return Ok(value.shape.channels);
    }
    Err(node.wrong(format!(
        "it takes a vector, but the value before it is an image of {}; put a Flatten in between",
        value.shape
    )))
}

fn convolution(
    node: &Context<'_>,
    current: Value,
    constants: &mut Constants<'_>,
) -> Result<(Operation, Value), ImportError> {
    node.only(&[
        "auto_pad",
        "dilations",
        "group",
        "kernel_shape",
        "pads",
        "strides",
    ])?;
    node.fixed("group", 1)?;
    let input = image(node, current)?;
    let (extents, weights) = constants.floats(node.required(1)?)?;
    let &[filters, channels, rows, columns] = extents.as_slice() else {
        return Err(node.wrong(format!(
            "its weights have the extents {extents:?}, but only two-dimensional convolutions are supported"
        )));
    };
    if channels != input.channels {
        return Err(node.wrong(format!(
            "its filters take {channels} channels, but the input is {input}"
        )));
    }
    let kernel = [rows, columns];
    if node.sizes("kernel_shape", 1)?.unwrap_or(kernel) != kernel {
        return Err(node.wrong("kernel_shape differs from the extents of the weights"));
    }
    let bias = match node.input(2) {
        Some(name) => per_channel(node, constants.floats(name)?.1, filters)?,
        None => vec![0.0; filters],
    };
    let window = window(node, input, kernel)?;
    let value = slide(node, &window, input, filters)?;
    let operation = Operation::Convolution {
        window,
        weights,
        bias,
    };
    Ok((operation, value))
}

/// `values` if there is one per channel.
fn per_channel(
    node: &Context<'_>,
    values: Vec<f32>,
    channels: usize,
) -> Result<Vec<f32>, ImportError> {
    if values.len() == channels {
        return Ok(values);
    }
    Err(node.wrong(format!(
        "it has {} numbers for {channels} channels",
        values.len()
    )))
}

fn gemm(
    node: &Context<'_>,
    current: Value,
    constants: &mut Constants<'_>,
) -> Result<(Operation, Value), ImportError> {
    node.only(&["alpha", "beta", "transA", "transB"])?;
    node.fixed("transA", 0)?;
    let (alpha, beta) = (node.float("alpha", 1.0)?, node.float("beta", 1.0)?);
    let by_output = node.integer("transB", 0)? != 0;
    let (mut weights, outputs) = matrix(node, current, constants, by_output)?;
    weights.iter_mut().for_each(|w| *w *= alpha);
    let bias = match node.input(2) {
        None => vec![0.0; outputs],
        Some(name) => {
            let (extents, mut values) = constants.floats(name)?;
            if values.len() == 1 {
                values = vec![values[0]; outputs];
            }
            if extents.len() > 2 || extents.last().is_some_and(|&e| e != outputs && e != 1) {
                return Err(node.wrong(format!("C has the extents {extents:?}")));
            }
            values.iter_mut().for_each(|b| *b *= beta);
            per_channel(node, values, outputs)?
        }
    };
    let value = Value {
        shape: Shape::vector(outputs),
        flat: true,
    };
    Ok((Operation::FullyConnected { weights, bias }, value))
}

fn matmul(
    node: &Context<'_>,
    current: Value,
    constants: &mut Constants<'_>,
) -> Result<(Operation, Value), ImportError> {
    node.only(&[])?;
    let (weights, outputs) = matrix(node, current, constants, false)?;
    let bias = vec![0.0; outputs];
    let value = Value {
        shape: Shape::vector(outputs),
        flat: true,
    };
    Ok((Operation::FullyConnected { weights, bias }, value))
}

/// The matrix that is input 1, one row per output, and the number of outputs.
fn matrix(
    node: &Context<'_>,
    current: Value,
    constants: &mut Constants<'_>,
    by_output: bool,
) -> Result<(Vec<f32>, usize), ImportError> {
    let inputs = vector(node, current)?;
    let (extents, values) = constants.floats(node.required(1)?)?;
    let (rows, outputs) = match (extents.as_slice(), by_output) {
        (&[outputs, inputs], true) | (&[inputs, outputs], false) => (inputs, outputs),
        _ => {
            return Err(node.wrong(format!(
                "its weights have the extents {extents:?}, not those of a matrix"
            )));
        }
    };
    if rows != inputs {
        return Err(node.wrong(format!(
            "its weights take {rows} values, but the value before it has {inputs}"
        )));
    }
    if by_output {
        return Ok((values, outputs));
    }
    let transposed = (0..outputs)
        .flat_map(|o| values.iter().skip(o).step_by(outputs).copied())
        .collect();
    Ok((transposed, outputs))
}

fn add(
    node: &Context<'_>,
    current: Value,
    constants: &mut Constants<'_>,
) -> Result<(Operation, Value), ImportError> {
    node.only(&[])?;
    // The constant may stand on either side.
    let name = [node.required(0)?, node.required(1)?]
        .into_iter()
        .find(|name| constants.contains(name))
        .ok_or_else(|| {
            node.wrong("it adds two computed values (a residual connection): only sequential networks are supported")
        })?;
    let (extents, values) = constants.floats(name)?;
    let channels = current.shape.channels;
    // Broadcasting aligns the last axes, so a channel's constant is [C, 1, 1] for images and [C] for vectors.
    let mut want = vec![1, channels];
    if !current.flat {
        want.extend([1, 1]);
    }
    let fits = extents.len() <= want.len() && want.ends_with(&extents);
    let offset = match values.as_slice() {
        [one] => vec![f64::from(*one); channels],
        _ if fits => values.iter().map(|&v| f64::from(v)).collect(),
        _ => {
            return Err(node.wrong(format!(
                "a constant of the extents {extents:?} cannot be folded; one number per channel can"
            )));
        }
    };
    let scale = vec![1.0; channels];
    Ok((Operation::Affine { scale, offset }, current))
}

fn batch_normalisation(
    node: &Context<'_>,
    current: Value,
    constants: &mut Constants<'_>,
) -> Result<(Operation, Value), ImportError> {
    node.only(&["epsilon", "momentum", "spatial", "training_mode"])?;
    node.fixed("training_mode", 0)?;
    node.fixed("spatial", 1)?;
    let epsilon = f64::from(node.float("epsilon", 1e-5)?);
    let channels = current.shape.channels;
    let mut parameter = |index| {
        let values = constants.floats(node.required(index)?)?.1;
        per_channel(node, values, channels)
    };
    let (gamma, beta) = (parameter(1)?, parameter(2)?);
    let (mean, variance) = (parameter(3)?, parameter(4)?);
    let mut scale = Vec::with_capacity(channels);
    let mut offset = Vec::with_capacity(channels);
    for channel in 0..channels {
        let spread = f64::from(variance[channel]) + epsilon;
        if spread <= 0.0 {
            return Err(node.wrong(format!(
                "variance + epsilon of channel {channel} is {spread}"
            )));
        }
        let factor = f64::from(gamma[channel]) / spread.sqrt();
        scale.push(factor);
        offset.push(f64::from(beta[channel]) - f64::from(mean[channel]) * factor);
    }
    Ok((Operation::Affine { scale, offset }, current))
}

fn square(node: &Context<'_>, current: Value) -> Result<(Operation, Value), ImportError> {
    node.only(&[])?;
    if node.required(0)? != node.required(1)? {
        return Err(node.unsupported(
            "only a square, Mul(x, x), is; constant factors can be folded into the layer before",
        ));
    }
    Ok((Operation::Square, current))
}

fn pooling(node: &Context<'_>, current: Value) -> Result<(Operation, Value), ImportError> {
    let input = image(node, current)?;
    let pool = if node.operator == "GlobalAveragePool" {
        node.only(&[])?;
        Pool {
            kernel: [input.height, input.width],
            stride: [1, 1],
            padding: [0; 4],
        }
    } else {
        node.only(&[
            "auto_pad",
            "ceil_mode",
            "count_include_pad",
            "dilations",
            "kernel_shape",
            "pads",
            "storage_order",
            "strides",
        ])?;
        let kernel = node
            .sizes("kernel_shape", 1)?
            .ok_or_else(|| node.wrong("kernel_shape is missing"))?;
        window(node, input, kernel)?
    };
    let value = slide(node, &pool, input, input.channels)?;
    if node.operator == "MaxPool" {
        return Ok((Operation::MaxPool(pool), value));
    }
    if pool.padding != [0; 4] && node.integer("count_include_pad", 0)? == 0 {
        return Err(node.wrong(
            "windows at the border divide by fewer values than others; \
             use count_include_pad = 1 or no padding",
        ));
    }
    Ok((Operation::AveragePool(pool), value))
}
