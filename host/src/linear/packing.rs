//! Coefficient packing: where inputs, weights and results stand in polynomials of Z\[X\]/(X^n + 1).
//!
//! A tile of the zero-padded input has C channels of H rows and W columns, L = C·H·W ≤ n values:
//!
//! ```text
//! input    t[c·H·W + i·W + j]                    = x[c, i, j]
//! weights  w[m·L + O − c·H·W − l·W − k]          = K[m, c, l, k],   O = (C−1)·H·W + (h−1)·W + (w−1)
//! result   (t·w)[m·L + O + i·W + j]              = Σ_{c,l,k} x[c, i+l, j+k]·K[m, c, l, k]
//! ```
//!
//! for an h × w kernel and output channels m = 0 … M−1, M = ⌊n/L⌋. Filter m occupies coefficients m·L … m·L + O, so its
//! product with the input reaches from m·L to m·L + L − 1 + O. The results of m lie at m·L + O … m·L + L − 1: behind the
//! reach of filter m−1 and before that of m+1, and what the last filter sends beyond X^n returns negated below O, where
//! no result is read. Hence M = ⌊n/L⌋ filters share a polynomial at a pitch of exactly L. A matrix is the case
//! H = W = h = w = 1. Strides only select which (i, j) are read.
//!
//! Inputs with C·H·W > n are cut into tiles: channels (their products are summed), and rows and columns with an overlap
//! of h−1 and w−1. [`Packing::plan`] chooses the tile that costs least.

use serde::{Deserialize, Serialize};

use super::{Convolution, PackingError};

/// Extent of a tile of the zero-padded input.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Tile {
    /// Channels.
    pub channels: usize,
    /// Rows.
    pub rows: usize,
    /// Columns.
    pub columns: usize,
}

/// A layer laid out in polynomials of n coefficients.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Packing {
    n: usize,
    convolution: Convolution,
    tile: Tile,
    /// Output rows and columns of one tile.
    tile_outputs: [usize; 2],
    /// Tiles along channels, rows, columns.
    tiles: [usize; 3],
    /// Output channels in one polynomial.
    outputs_together: usize,
}

/// One result: where it stands in a response and where it goes in the output tensor.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OutputPosition {
    /// Coefficient of the response.
    pub coefficient: usize,
    /// Index in the output tensor (channel, row, column order).
    pub output: usize,
}

/// Values that stand beside each other both in the input tensor and in a polynomial.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct InputRun {
    /// Coefficient of the first.
    pub coefficient: usize,
    /// Index of the first in the input tensor (channel, row, column order).
    pub source: usize,
    /// How many.
    pub length: usize,
}

impl InputRun {
    const fn is_followed_by(&self, next: &Self) -> bool {
        self.coefficient + self.length == next.coefficient
            && self.source + self.length == next.source
    }
}

/// What a fresh ciphertext, a response and a product of polynomials weigh when tiles are compared: bytes on the wire plus
/// the time they take in bytes of a gigabit link.
const INPUT_WEIGHT: usize = 55_000 + 64_000;
const RESPONSE_WEIGHT: usize = 17_000 + 64_000;
const PRODUCT_WEIGHT: usize = 8_000;

impl Packing {
    /// The packing with the tile that costs least.
    ///
    /// # Errors
    /// A geometry that [`Convolution::check`] refuses, or a filter whose rows do not fit n coefficients.
    pub fn plan(convolution: Convolution, n: usize) -> Result<Self, PackingError> {
        convolution.check()?;
        let [padded_rows, padded_columns] = convolution.padded();
        let output = convolution.output_shape();
        let needed = |outputs: usize, axis: usize| {
            (outputs - 1) * convolution.stride[axis] + convolution.kernel[axis]
        };
        let mut best: Option<(usize, Self)> = None;
        for column_tiles in 1..=output.width {
            let columns = needed(output.width.div_ceil(column_tiles), 1).min(padded_columns);
            if convolution.kernel[0] * columns > n {
                continue;
            }
            for row_tiles in 1..=output.height {
                let rows = needed(output.height.div_ceil(row_tiles), 0).min(padded_rows);
                if rows * columns > n {
                    continue;
                }
                for channel_tiles in 1..=convolution.input[0] {
                    let channels = convolution.input[0].div_ceil(channel_tiles);
                    if channels * rows * columns > n {
                        continue;
                    }
                    let tile = Tile {
                        channels,
                        rows,
                        columns,
                    };
                    let packing = Self::with_tile(convolution, n, tile)?;
                    let cost = packing.inputs() * INPUT_WEIGHT
                        + packing.responses() * RESPONSE_WEIGHT
                        + packing.products() * PRODUCT_WEIGHT;
                    if best.is_none_or(|(least, _)| cost < least) {
                        best = Some((cost, packing));
                    }
                    if channels == 1 {
                        break;
                    }
                }
                // Smaller tiles of the same columns only add overlap.
                if convolution.input[0] * rows * columns <= n {
                    break;
                }
            }
            if best.is_some() {
                break;
            }
        }
        best.map(|(_, packing)| packing).ok_or(PackingError::Tile {
            tile: Tile {
                channels: 1,
                rows: convolution.kernel[0],
                columns: convolution.kernel[1],
            },
            n,
        })
    }

    /// The packing with a given tile.
    ///
    /// # Errors
    /// A geometry that [`Convolution::check`] refuses, or a tile that does not fit it or n coefficients.
    pub fn with_tile(convolution: Convolution, n: usize, tile: Tile) -> Result<Self, PackingError> {
        convolution.check()?;
        let padded = convolution.padded();
        let refused = PackingError::Tile { tile, n };
        let fits = (1..=convolution.input[0]).contains(&tile.channels)
            && (convolution.kernel[0]..=padded[0]).contains(&tile.rows)
            && (convolution.kernel[1]..=padded[1]).contains(&tile.columns)
            && tile
                .rows
                .checked_mul(tile.columns)
                .and_then(|area| area.checked_mul(tile.channels))
                .is_some_and(|length| length <= n);
        if !fits {
            return Err(refused);
        }
        let output = convolution.output_shape();
        let along = |extent: usize, axis: usize| {
            (extent - convolution.kernel[axis]) / convolution.stride[axis] + 1
        };
        let tile_outputs = [along(tile.rows, 0), along(tile.columns, 1)];
        let length = tile.channels * tile.rows * tile.columns;
        Ok(Self {
            n,
            convolution,
            tile,
            tile_outputs,
            tiles: [
                convolution.input[0].div_ceil(tile.channels),
                output.height.div_ceil(tile_outputs[0]),
                output.width.div_ceil(tile_outputs[1]),
            ],
            outputs_together: (n / length).min(convolution.outputs),
        })
    }

    /// The geometry of the layer.
    #[must_use]
    pub const fn convolution(&self) -> &Convolution {
        &self.convolution
    }

    /// The tile.
    #[must_use]
    pub const fn tile(&self) -> Tile {
        self.tile
    }

    /// Coefficients of a polynomial.
    #[must_use]
    pub const fn n(&self) -> usize {
        self.n
    }

    /// Output channels in one response.
    #[must_use]
    pub const fn outputs_together(&self) -> usize {
        self.outputs_together
    }

    /// Channel tiles: products summed in one response.
    #[must_use]
    pub const fn channel_tiles(&self) -> usize {
        self.tiles[0]
    }

    /// Tiles of rows and columns.
    #[must_use]
    pub const fn area_tiles(&self) -> usize {
        self.tiles[1] * self.tiles[2]
    }

    /// Groups of output channels.
    #[must_use]
    pub const fn groups(&self) -> usize {
        self.convolution.outputs.div_ceil(self.outputs_together)
    }

    /// Input ciphertexts: area tile by area tile, the channel tiles of each.
    #[must_use]
    pub const fn inputs(&self) -> usize {
        self.channel_tiles() * self.area_tiles()
    }

    /// Responses: area tile by area tile, the groups of output channels of each.
    #[must_use]
    pub const fn responses(&self) -> usize {
        self.groups() * self.area_tiles()
    }

    /// Products of a ciphertext with a weight polynomial.
    #[must_use]
    pub const fn products(&self) -> usize {
        self.responses() * self.channel_tiles()
    }

    /// Weights that meet in one coefficient of a response, summed over channel tiles.
    #[must_use]
    pub const fn weights_together(&self) -> usize {
        let [height, width] = self.convolution.kernel;
        self.outputs_together * self.convolution.input[0] * height * width
    }

    /// The polynomial of one input tile.
    ///
    /// # Panics
    /// If `values` is not a tensor of the input's shape or `index` is not below [`Packing::inputs`].
    #[must_use]
    pub fn input_polynomial(&self, values: &[u64], index: usize) -> Vec<u64> {
        let [channels, height, width] = self.convolution.input;
        assert_eq!(values.len(), channels * height * width, "input tensor");
        let mut polynomial = vec![0; self.n];
        for run in self.input_runs(index) {
            polynomial[run.coefficient..][..run.length]
                .copy_from_slice(&values[run.source..][..run.length]);
        }
        polynomial
    }

    /// Where the values of one input tile stand in its polynomial: runs as long as possible, in the order of their
    /// coefficients. All other coefficients are zero.
    ///
    /// # Panics
    /// If `index` is not below [`Packing::inputs`].
    #[must_use]
    pub fn input_runs(&self, index: usize) -> Vec<InputRun> {
        assert!(index < self.inputs(), "input index");
        let [channels, height, width] = self.convolution.input;
        let [first_row, first_column] = self.area_origin(index / self.channel_tiles());
        let first_channel = (index % self.channel_tiles()) * self.tile.channels;
        let [top, left, ..] = self.convolution.padding;
        // The columns of a row that lie within the input.
        let begin = first_column.max(left);
        let end = (first_column + self.tile.columns).min(left + width);
        let mut runs: Vec<InputRun> = Vec::new();
        for c in 0..self.tile.channels.min(channels - first_channel) {
            for i in 0..self.tile.rows {
                let row = first_row + i;
                if row < top || row >= top + height || begin >= end {
                    continue;
                }
                let run = InputRun {
                    coefficient: (c * self.tile.rows + i) * self.tile.columns + begin
                        - first_column,
                    source: ((first_channel + c) * height + row - top) * width + begin - left,
                    length: end - begin,
                };
                match runs.last_mut() {
                    Some(last) if last.is_followed_by(&run) => last.length += run.length,
                    _ => runs.push(run),
                }
            }
        }
        runs
    }

    /// The polynomial of the weights between one channel tile and one group of output channels. `weights` is in the
    /// order output channel, input channel, row, column.
    ///
    /// # Panics
    /// If `weights` has another length or an index is out of range.
    #[must_use]
    pub fn weight_polynomial(
        &self,
        weights: &[i32],
        group: usize,
        channel_tile: usize,
    ) -> Vec<i32> {
        let channels = self.convolution.input[0];
        let [height, width] = self.convolution.kernel;
        assert_eq!(
            weights.len(),
            self.convolution.outputs * channels * height * width
        );
        assert!(group < self.groups() && channel_tile < self.channel_tiles());
        let length = self.tile.channels * self.tile.rows * self.tile.columns;
        let first_output = group * self.outputs_together;
        let first_channel = channel_tile * self.tile.channels;
        let mut polynomial = vec![0; self.n];
        for m in 0..self
            .outputs_together
            .min(self.convolution.outputs - first_output)
        {
            for c in 0..self.tile.channels.min(channels - first_channel) {
                for l in 0..height {
                    for k in 0..width {
                        let source = (((first_output + m) * channels + first_channel + c) * height
                            + l)
                            * width
                            + k;
                        let back = (c * self.tile.rows + l) * self.tile.columns + k;
                        polynomial[m * length + self.offset() - back] = weights[source];
                    }
                }
            }
        }
        polynomial
    }

    /// The results that one response holds, in the order in which its coefficients are sent.
    ///
    /// # Panics
    /// If `response` is not below [`Packing::responses`].
    #[must_use]
    pub fn outputs(&self, response: usize) -> Vec<OutputPosition> {
        assert!(response < self.responses(), "response index");
        let output = self.convolution.output_shape();
        let area = response / self.groups();
        let first_output = (response % self.groups()) * self.outputs_together;
        let first_row = (area / self.tiles[2]) * self.tile_outputs[0];
        let first_column = (area % self.tiles[2]) * self.tile_outputs[1];
        let length = self.tile.channels * self.tile.rows * self.tile.columns;
        let mut positions = Vec::new();
        for m in 0..self.outputs_together.min(output.channels - first_output) {
            for i in 0..self.tile_outputs[0].min(output.height - first_row) {
                for j in 0..self.tile_outputs[1].min(output.width - first_column) {
                    let [down, right] = self.convolution.stride;
                    positions.push(OutputPosition {
                        coefficient: m * length
                            + self.offset()
                            + i * down * self.tile.columns
                            + j * right,
                        output: ((first_output + m) * output.height + first_row + i) * output.width
                            + first_column
                            + j,
                    });
                }
            }
        }
        positions
    }

    /// O of the module's formulas.
    const fn offset(&self) -> usize {
        let [height, width] = self.convolution.kernel;
        ((self.tile.channels - 1) * self.tile.rows + height - 1) * self.tile.columns + width - 1
    }

    /// First row and column of an area tile in the padded input.
    const fn area_origin(&self, area: usize) -> [usize; 2] {
        [
            (area / self.tiles[2]) * self.tile_outputs[0] * self.convolution.stride[0],
            (area % self.tiles[2]) * self.tile_outputs[1] * self.convolution.stride[1],
        ]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// The layer by definition.
    fn direct(convolution: &Convolution, x: &[u64], weights: &[i32]) -> Vec<i64> {
        let [channels, height, width] = convolution.input;
        let [kh, kw] = convolution.kernel;
        let [top, left, ..] = convolution.padding;
        let output = convolution.output_shape();
        let mut result = Vec::new();
        for o in 0..output.channels {
            for i in 0..output.height {
                for j in 0..output.width {
                    let mut sum = 0;
                    for c in 0..channels {
                        for l in 0..kh {
                            for k in 0..kw {
                                let row = (i * convolution.stride[0] + l).wrapping_sub(top);
                                let column = (j * convolution.stride[1] + k).wrapping_sub(left);
                                if row < height && column < width {
                                    let w = weights[((o * channels + c) * kh + l) * kw + k];
                                    sum += i64::from(w)
                                        * x[(c * height + row) * width + column] as i64;
                                }
                            }
                        }
                    }
                    result.push(sum);
                }
            }
        }
        result
    }

    fn negacyclic(a: &[u64], b: &[i32], sum: &mut [i64]) {
        let n = a.len();
        for (i, &x) in a.iter().enumerate().filter(|(_, x)| **x != 0) {
            for (j, &w) in b.iter().enumerate().filter(|(_, w)| **w != 0) {
                let term = x as i64 * i64::from(w);
                sum[(i + j) % n] += if i + j < n { term } else { -term };
            }
        }
    }

    fn packed(packing: &Packing, x: &[u64], weights: &[i32]) -> Vec<i64> {
        let mut result = vec![i64::MIN; packing.convolution().output_shape().len()];
        for response in 0..packing.responses() {
            let (area, group) = (response / packing.groups(), response % packing.groups());
            let mut sum = vec![0; packing.n()];
            for tile in 0..packing.channel_tiles() {
                let input = packing.input_polynomial(x, area * packing.channel_tiles() + tile);
                negacyclic(
                    &input,
                    &packing.weight_polynomial(weights, group, tile),
                    &mut sum,
                );
            }
            for position in packing.outputs(response) {
                assert_eq!(result[position.output], i64::MIN, "each output once");
                result[position.output] = sum[position.coefficient];
            }
        }
        result
    }

    fn convolutions() -> impl Strategy<Value = Convolution> {
        (
            (1usize..5, 1usize..9, 1usize..9, 1usize..6),
            (1usize..4, 1usize..4),
            (1usize..4, 1usize..4),
            proptest::array::uniform4(0usize..3),
        )
            .prop_map(
                |((c, h, w, outputs), (kh, kw), (down, right), padding)| Convolution {
                    input: [c, h, w],
                    outputs,
                    kernel: [kh, kw],
                    stride: [down, right],
                    padding,
                },
            )
            .prop_filter("the filter fits", |convolution| convolution.check().is_ok())
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(200))]
        #[test]
        fn packed_products_equal_the_convolution(
            convolution in convolutions(), log_n in 4u32..9, seed in any::<u64>()
        ) {
            let n = 1 << log_n;
            prop_assume!(convolution.kernel[0] * convolution.kernel[1] <= n);
            let Ok(packing) = Packing::plan(convolution, n) else { return Ok(()) };
            let mut state = seed | 1;
            let mut next = || {
                state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                state >> 33
            };
            let x: Vec<u64> = (0..convolution.input_shape().len()).map(|_| next() & 255).collect();
            let count = convolution.outputs * convolution.input[0] * convolution.kernel[0] * convolution.kernel[1];
            let weights: Vec<i32> = (0..count).map(|_| (next() & 255) as i32 - 128).collect();
            prop_assert_eq!(packed(&packing, &x, &weights), direct(&convolution, &x, &weights));
        }

        #[test]
        fn a_plan_exists_whenever_the_filter_fits(convolution in convolutions(), log_n in 4u32..9) {
            prop_assume!(convolution.kernel[0] * convolution.kernel[1] <= 1 << log_n);
            prop_assert!(Packing::plan(convolution, 1 << log_n).is_ok());
        }
    }

    #[test]
    fn large_images_are_cut_into_rows_and_columns() {
        let convolution = Convolution {
            input: [3, 224, 224],
            outputs: 64,
            kernel: [7, 7],
            stride: [2, 2],
            padding: [3; 4],
        };
        let packing = Packing::plan(convolution, 4096).unwrap();
        assert!(packing.area_tiles() > 1);
        let wide = Convolution {
            input: [1, 9, 5000],
            outputs: 1,
            kernel: [3, 3],
            stride: [1, 1],
            padding: [1; 4],
        };
        assert!(Packing::plan(wide, 4096).unwrap().area_tiles() > 1);
    }

    #[test]
    fn the_matrices_of_a_classifier_use_few_ciphertexts() {
        let packing = Packing::plan(Convolution::matrix(512, 100), 4096).unwrap();
        assert!(packing.inputs() <= 4 && packing.responses() <= 13);
        assert_eq!(
            Packing::plan(Convolution::matrix(100, 10), 4096)
                .unwrap()
                .responses(),
            1
        );
    }

    #[test]
    fn impossible_geometries_and_tiles_are_refused() {
        let mut convolution = Convolution::matrix(10, 0);
        assert!(matches!(
            convolution.check(),
            Err(PackingError::Size { .. })
        ));
        convolution.outputs = 1 << 20;
        assert!(matches!(
            convolution.check(),
            Err(PackingError::Size { .. })
        ));
        convolution = Convolution {
            kernel: [2, 1],
            ..Convolution::matrix(10, 10)
        };
        assert!(matches!(
            convolution.check(),
            Err(PackingError::Kernel { .. })
        ));
        let tile = Tile {
            channels: usize::MAX,
            rows: 1,
            columns: 1,
        };
        let refused = Packing::with_tile(Convolution::matrix(10, 10), 4096, tile);
        assert!(matches!(refused, Err(PackingError::Tile { .. })));
    }
}
