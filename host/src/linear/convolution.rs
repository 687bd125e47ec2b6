//! The public geometry of a linear layer, and the bounds its numbers keep.

use serde::{Deserialize, Serialize};

use super::Tile;
use crate::net::Shape;

/// The public geometry of a linear layer. A matrix is a 1 × 1 convolution of a 1 × 1 image.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Convolution {
    /// Channels, rows, columns of the input.
    pub input: [usize; 3],
    /// Output channels.
    pub outputs: usize,
    /// Rows and columns of a filter.
    pub kernel: [usize; 2],
    /// Steps down and to the right.
    pub stride: [usize; 2],
    /// Zero padding at the top, left, bottom and right.
    pub padding: [usize; 4],
}

/// Why a geometry or a tile cannot be packed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PackingError {
    /// A size is zero or beyond what any supported layer has.
    #[error("the layer's {what} is {value}; it must be 1 to {most}")]
    Size {
        /// Which size.
        what: &'static str,
        /// Its value.
        value: usize,
        /// The largest value allowed.
        most: usize,
    },
    /// The filter is larger than the padded input.
    #[error("a {}×{} filter does not fit the padded {}×{} input", kernel[0], kernel[1], input[0], input[1])]
    Kernel {
        /// Rows and columns of the filter.
        kernel: [usize; 2],
        /// Rows and columns of the padded input.
        input: [usize; 2],
    },
    /// A tile does not fit a polynomial or the layer.
    #[error(
        "a tile of {}×{}×{} does not fit this layer in polynomials of {n} coefficients",
        tile.channels, tile.rows, tile.columns
    )]
    Tile {
        /// The tile.
        tile: Tile,
        /// Coefficients of a polynomial.
        n: usize,
    },
}

/// Largest extent of any axis; products of three stay far below 2^63.
const MAX_EXTENT: usize = 1 << 16;

impl Convolution {
    /// The geometry of a matrix with `inputs` columns and `outputs` rows.
    #[must_use]
    pub const fn matrix(inputs: usize, outputs: usize) -> Self {
        Self {
            input: [inputs, 1, 1],
            outputs,
            kernel: [1, 1],
            stride: [1, 1],
            padding: [0; 4],
        }
    }

    /// Checks every size, so that the other methods cannot overflow or divide by zero.
    ///
    /// # Errors
    /// A size that is zero or above 65,536, or a filter larger than the padded input.
    pub fn check(&self) -> Result<(), PackingError> {
        let sizes = [
            ("input channel count", self.input[0], 1),
            ("input height", self.input[1], 1),
            ("input width", self.input[2], 1),
            ("output channel count", self.outputs, 1),
            ("kernel height", self.kernel[0], 1),
            ("kernel width", self.kernel[1], 1),
            ("vertical stride", self.stride[0], 1),
            ("horizontal stride", self.stride[1], 1),
            ("top padding", self.padding[0], 0),
            ("left padding", self.padding[1], 0),
            ("bottom padding", self.padding[2], 0),
            ("right padding", self.padding[3], 0),
        ];
        for (what, value, least) in sizes {
            if value < least || value > MAX_EXTENT {
                return Err(PackingError::Size {
                    what,
                    value,
                    most: MAX_EXTENT,
                });
            }
        }
        let padded = self.padded();
        if self.kernel[0] > padded[0] || self.kernel[1] > padded[1] {
            return Err(PackingError::Kernel {
                kernel: self.kernel,
                input: padded,
            });
        }
        Ok(())
    }

    /// Rows and columns of the zero-padded input.
    #[must_use]
    pub const fn padded(&self) -> [usize; 2] {
        let [top, left, bottom, right] = self.padding;
        [self.input[1] + top + bottom, self.input[2] + left + right]
    }

    /// The input's shape.
    #[must_use]
    pub const fn input_shape(&self) -> Shape {
        Shape::of(self.input)
    }

    /// The output's shape.
    #[must_use]
    pub const fn output_shape(&self) -> Shape {
        let padded = self.padded();
        Shape {
            channels: self.outputs,
            height: (padded[0] - self.kernel[0]) / self.stride[0] + 1,
            width: (padded[1] - self.kernel[1]) / self.stride[1] + 1,
        }
    }
}
