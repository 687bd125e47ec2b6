//! Sliding windows: what convolutions and pools have in common.

use super::attributes::Context;
use super::error::ImportError;
use super::{MAX_VALUES, Value};
use crate::net::network::{Pool, Shape};

/// Kernel, stride and padding, from the attributes that convolutions and pools share.
pub(super) fn window(
    node: &Context<'_>,
    input: Shape,
    kernel: [usize; 2],
) -> Result<Pool, ImportError> {
    if node.sizes("dilations", 1)?.unwrap_or([1, 1]) != [1, 1] {
        return Err(node.wrong("dilations other than 1 are not supported"));
    }
    let stride = node.sizes("strides", 1)?.unwrap_or([1, 1]);
    let stated = node.sizes("pads", 0)?;
    let extents = [input.height, input.width];
    // The padding that makes the output ⌈extent / stride⌉, before and after.
    let same = |axis: usize| {
        let out = extents[axis].div_ceil(stride[axis]);
        let needed = ((out - 1) * stride[axis] + kernel[axis]).saturating_sub(extents[axis]);
        (needed / 2, needed - needed / 2)
    };
    let padding = match (node.text("auto_pad", "NOTSET")?, stated) {
        ("NOTSET", stated) => stated.unwrap_or([0; 4]),
        (_, Some(pads)) if pads != [0; 4] => {
            return Err(node.wrong("it has both auto_pad and pads"));
        }
        ("VALID", _) => [0; 4],
        ("SAME_UPPER", _) => [same(0).0, same(1).0, same(0).1, same(1).1],
        ("SAME_LOWER", _) => [same(0).1, same(1).1, same(0).0, same(1).0],
        (other, _) => return Err(node.wrong(format!("auto_pad {other:?} is not known"))),
    };
    let pool = Pool {
        kernel,
        stride,
        padding,
    };
    let [top, left, bottom, right] = padding;
    if top.max(bottom) >= kernel[0] || left.max(right) >= kernel[1] {
        return Err(node.wrong(format!(
            "padding {padding:?} is not smaller than the kernel {kernel:?}"
        )));
    }
    // With the last window reaching exactly to the end, rounding the output's size up or down is the same.
    if node.integer("ceil_mode", 0)? != 0 {
        let exact = |extent: usize, pads: usize, axis: usize| {
            (extent + pads)
                .checked_sub(kernel[axis])
                .is_some_and(|rest| rest % stride[axis] == 0)
        };
        if !exact(input.height, top + bottom, 0) || !exact(input.width, left + right, 1) {
            return Err(node.wrong("ceil_mode would add windows that reach over the edge"));
        }
    }
    Ok(pool)
}

/// The value that windows over `input` give.
pub(super) fn slide(
    node: &Context<'_>,
    pool: &Pool,
    input: Shape,
    channels: usize,
) -> Result<Value, ImportError> {
    let [height, width] = pool.output(input).ok_or_else(|| {
        node.wrong(format!(
            "the kernel {:?} does not fit into the input {input}",
            pool.kernel
        ))
    })?;
    let shape = Shape {
        channels,
        height,
        width,
    };
    let size = [height, width]
        .iter()
        .try_fold(channels as u64, |size, &extent| {
            size.checked_mul(extent as u64)
        })
        .unwrap_or(u64::MAX);
    if size > MAX_VALUES {
        return Err(ImportError::TooLarge {
            what: format!("the output of {} (node {})", node.operator, node.name),
            size,
            limit: MAX_VALUES,
        });
    }
    Ok(Value { shape, flat: false })
}
