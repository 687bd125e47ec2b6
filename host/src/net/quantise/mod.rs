//! Quantisation: from real numbers to an [`IntegerNetwork`] with power-of-two scales.
//!
//! Every tensor of integers x stands for the reals x·2^−f, f its fractional bits. The image has f = `input_bits`, since
//! pixels enter as byte/256. A linear layer's weights get the largest number of fractional bits at which the largest of
//! them still fits `weight_bits` signed bits; its accumulators then have f(input) + f(weights), and so has its bias.
//! Average pooling over 2^m values leaves the sum as it is and adds m. An activation drops `shift` bits.
//!
//! Shifts come from calibration, layer by layer and in integers: the layers quantised so far run on the calibration
//! images, each image votes for the shift with the least squared error between its accumulators (after the function,
//! before rounding) and their rounded and clamped values, and the upper quartile of the votes is taken. No floating-point
//! operation takes part, so one model file, one set of options and one set of images give the same integers on every
//! machine; with the images that [`super::calibration`] makes, the model file and the options alone do.
//!
//! The chain of nodes becomes layers as follows. ReLU and max pooling, in either order, become one activation. Average
//! pooling of activations becomes a sum and an `Identity` activation; average pooling of accumulators (before the ReLU)
//! becomes a sum whose division joins the ReLU's shift. Two linear layers with nothing between them are refused: they
//! could be multiplied out, but then the network in the file would not be the one that runs.

use addax_core::quant::NotRepresentable;
use thiserror::Error;

use super::bounds::{MAX_ACTIVATION_BITS, MAX_WEIGHT_BITS};
use super::calibration;
use super::graph::Graph;
use super::network::{IntegerNetwork, NetworkError};
use builder::Builder;

mod builder;
mod scale;

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
