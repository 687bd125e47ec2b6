//! Operators that change no value: other shapes of the same values, and nodes that do nothing in inference.

use super::Value;
use super::attributes::Context;
use super::error::ImportError;
use super::operators::Step;
use super::tensor::Constants;
use crate::net::graph::Operation;
use crate::net::network::Shape;

/// Flatten behind the batch axis.
pub(super) fn flatten(
    node: &Context<'_>,
    current: Value,
) -> Result<(Operation, Value), ImportError> {
    node.only(&["axis"])?;
    let axis = node.integer("axis", 1)?;
    let rank = if current.flat { 2 } else { 4 };
    if axis != 1 && axis != 1 - rank {
        return Err(node.wrong(format!(
            "axis {axis} would mix images of a batch; use axis 1"
        )));
    }
    Ok((Operation::Flatten, current.flattened()))
}

/// Reshape to a constant shape: a vector, or an image of the same values.
pub(super) fn reshape(
    node: &Context<'_>,
    current: Value,
    constants: &Constants<'_>,
) -> Result<Step, ImportError> {
    node.only(&["allowzero"])?;
    let target = match node.input(1) {
        Some(name) => constants.integers(name)?,
        None => return Err(node.wrong("the target shape is missing")),
    };
    let Shape {
        channels,
        height,
        width,
    } = current.shape;
    let before = if current.flat {
        vec![1, channels]
    } else {
        vec![1, channels, height, width]
    };
    let refuse = || {
        node.wrong(format!(
            "the target {target:?} is neither a vector nor an image of the same {} values",
            current.shape.len()
        ))
    };
    let zero_copies = node.integer("allowzero", 0)? == 0;
    let mut extents = Vec::with_capacity(target.len());
    for (axis, &extent) in target.iter().enumerate() {
        extents.push(match extent {
            0 if zero_copies => *before.get(axis).ok_or_else(refuse)?,
            -1 => 0,
            extent => usize::try_from(extent)
                .ok()
                .filter(|&e| e >= 1)
                .ok_or_else(refuse)?,
        });
    }
    let open: Vec<usize> = (0..extents.len()).filter(|&a| extents[a] == 0).collect();
    let known = extents
        .iter()
        .filter(|&&e| e != 0)
        .try_fold(1usize, |product, &e| product.checked_mul(e))
        .ok_or_else(refuse)?;
    if let &[axis] = open.as_slice() {
        extents[axis] = current.shape.len() / known;
    }
    let product = extents.iter().try_fold(1usize, |p, &e| p.checked_mul(e));
    if open.len() > 1 || product != Some(current.shape.len()) {
        return Err(refuse());
    }
    match *extents.as_slice() {
        [1, length] => Ok(Some((
            Operation::Flatten,
            Value {
                shape: Shape::vector(length),
                flat: true,
            },
        ))),
        [1, channels, height, width] => {
            let shape = Shape {
                channels,
                height,
                width,
            };
            Ok(Some((Operation::Flatten, Value { shape, flat: false })))
        }
        _ => Err(refuse()),
    }
}

/// Dropout does nothing in inference; it must not be told to train.
pub(super) fn dropout(node: &Context<'_>, constants: &Constants<'_>) -> Result<Step, ImportError> {
    node.only(&["ratio", "seed", "is_test"])?;
    if let Some(name) = node.input(2) {
        let training = constants.get(name).and_then(|tensor| {
            let raw = tensor.raw_data.as_ref().map(|raw| raw.borrow().clone());
            raw.map(|bytes| bytes.iter().any(|&b| b != 0))
                .or_else(|| Some(tensor.int32_data.iter().any(|&v| v != 0)))
        });
        if training != Some(false) {
            return Err(node.wrong("it is in training mode; export the model for inference"));
        }
    }
    Ok(None)
}

/// Some exporters put a Pad by nothing before each average pool.
pub(super) fn no_padding(
    node: &Context<'_>,
    constants: &Constants<'_>,
) -> Result<Step, ImportError> {
    node.only(&["mode", "pads", "value"])?;
    let pads = match node.input(1) {
        Some(name) => constants.integers(name)?,
        None => node.integers("pads")?.to_vec(),
    };
    if pads.is_empty() || pads.iter().any(|&pad| pad != 0) {
        return Err(node.wrong(format!(
            "padding {pads:?} is not supported as a node; put it into the pads of the layer behind it"
        )));
    }
    Ok(None)
}
