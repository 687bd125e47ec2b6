//! What a client is willing to do for a server it does not trust with its resources.

use addax_core::params::ParameterSet;

use super::{PublicPlan, Reveal, Window};
use crate::linear::Convolution;
use crate::net::{Pool, Shape};

/// Limits that a plan must keep before any memory is spent on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ClientLimits {
    /// Stages of a plan.
    pub stages: usize,
    /// Values of any tensor, padding included.
    pub values: usize,
    /// Ciphertexts in each direction of any layer.
    pub ciphertexts: usize,
    /// Values under all windows of any sum or activation.
    pub circuit_inputs: usize,
    /// Values that meet in one circuit: under one window of a maximum, or the logits of a garbled arg max. A circuit
    /// takes up to 50 KB of memory for each, its tables 200 KB.
    pub circuit_values: usize,
    /// Bytes that are kept of a preparation for one image, see [`PublicPlan::prepared_bytes`]. Checked when one is made.
    pub prepared_bytes: usize,
}

impl Default for ClientLimits {
    /// Room for networks like ResNet-50 on 224 × 224 images.
    fn default() -> Self {
        Self {
            stages: 512,
            values: 1 << 22,
            ciphertexts: 1 << 15,
            circuit_inputs: 1 << 24,
            circuit_values: 1 << 11,
            prepared_bytes: 1 << 31,
        }
    }
}

/// A plan that exceeds a limit.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("stage {stage}: {what} is {found}, this client accepts at most {most}")]
pub struct LimitError {
    /// The stage, from 0.
    pub stage: usize,
    /// What is too large.
    pub what: &'static str,
    /// Its size.
    pub found: usize,
    /// The limit.
    pub most: usize,
}

/// Largest kernel, stride or padding of a window.
const MAX_WINDOW: usize = 1 << 12;

impl ClientLimits {
    /// Bounds every size of a plan. Afterwards products of sizes cannot overflow, and memory is bounded.
    ///
    /// # Errors
    /// The first size beyond its limit.
    pub fn check(&self, plan: &PublicPlan, parameters: &ParameterSet) -> Result<(), LimitError> {
        let bound = |stage: usize, what: &'static str, found: usize, most: usize| {
            if found <= most {
                Ok(found)
            } else {
                Err(LimitError {
                    stage,
                    what,
                    found,
                    most,
                })
            }
        };
        bound(0, "the number of stages", plan.stages.len(), self.stages)?;
        bound(0, "the number of input bits", plan.input_bits as usize, 8)?;
        let product = |sizes: [usize; 3]| {
            sizes
                .into_iter()
                .try_fold(1usize, usize::checked_mul)
                .unwrap_or(usize::MAX)
        };
        bound(0, "the image's size", product(plan.input), self.values)?;
        let mut shape = plan.input_shape();
        for (index, stage) in plan.stages.iter().enumerate() {
            bound(
                index,
                "the number of plaintext bits",
                stage.plain_bits as usize,
                64,
            )?;
            if let Some(linear) = &stage.linear {
                shape = self.check_convolution(&linear.convolution, index, &bound)?;
                bound(
                    index,
                    "the number of weight bits",
                    linear.weight_bits as usize,
                    32,
                )?;
                if let Ok(packing) = linear.packing(parameters) {
                    let ciphertexts = packing.inputs().max(packing.responses());
                    bound(
                        index,
                        "the number of ciphertexts",
                        ciphertexts,
                        self.ciphertexts,
                    )?;
                }
            }
            bound(
                index,
                "the number of pooling layers",
                stage.pools.len(),
                self.stages,
            )?;
            for pool in &stage.pools {
                shape = self.check_window(&pool.window, index, shape, &bound)?;
            }
            if let Some(activation) = &stage.activation {
                bound(index, "the shift", activation.shift as usize, 63)?;
                if let Some(window) = &activation.max_pool {
                    shape = self.check_window(window, index, shape, &bound)?;
                    self.check_circuit(Pool::from(*window).size(), index, &bound)?;
                }
                bound(
                    index,
                    "the number of circuits",
                    shape.len(),
                    self.circuit_inputs,
                )?;
            }
        }
        if plan.reveal == Reveal::ArgMax {
            let last = plan.stages.len().saturating_sub(1);
            self.check_circuit(shape.len(), last, &bound)?;
        }
        Ok(())
    }

    /// Bounds a linear layer; returns the shape of its output.
    fn check_convolution(
        &self,
        convolution: &Convolution,
        stage: usize,
        bound: &impl Fn(usize, &'static str, usize, usize) -> Result<usize, LimitError>,
    ) -> Result<Shape, LimitError> {
        let sizes = convolution
            .input
            .into_iter()
            .chain([convolution.outputs])
            .chain(convolution.kernel)
            .chain(convolution.stride)
            .chain(convolution.padding);
        for size in sizes {
            bound(stage, "an extent of the linear layer", size, 1 << 16)?;
        }
        if convolution.check().is_err() {
            // Refused with its reason when the layer is packed.
            return Ok(Shape::vector(0));
        }
        let [rows, columns] = convolution.padded();
        let input = convolution.input[0]
            .saturating_mul(rows)
            .saturating_mul(columns);
        bound(stage, "the padded input's size", input, self.values)?;
        let output = convolution.output_shape();
        let values = output
            .channels
            .saturating_mul(output.height)
            .saturating_mul(output.width);
        bound(stage, "the output's size", values, self.values)?;
        Ok(output)
    }

    /// Bounds a window and the tensors it makes of `input`; returns the shape of its output.
    fn check_window(
        &self,
        window: &Window,
        stage: usize,
        input: Shape,
        bound: &impl Fn(usize, &'static str, usize, usize) -> Result<usize, LimitError>,
    ) -> Result<Shape, LimitError> {
        let sizes = window
            .kernel
            .into_iter()
            .chain(window.stride)
            .chain(window.padding);
        for size in sizes {
            bound(stage, "an extent of a window", size, MAX_WINDOW)?;
        }
        let pool = Pool::from(*window);
        let Some([height, width]) = pool.output(input) else {
            // Refused with its reason when the stage is checked.
            return Ok(Shape::vector(0));
        };
        let values = input.channels.saturating_mul(height).saturating_mul(width);
        bound(stage, "the size of a pooled tensor", values, self.values)?;
        bound(
            stage,
            "the number of values under windows",
            values.saturating_mul(pool.size()),
            self.circuit_inputs,
        )?;
        Ok(Shape {
            height,
            width,
            ..input
        })
    }

    fn check_circuit(
        &self,
        values: usize,
        stage: usize,
        bound: &impl Fn(usize, &'static str, usize, usize) -> Result<usize, LimitError>,
    ) -> Result<usize, LimitError> {
        bound(
            stage,
            "the number of values that meet in one circuit",
            values,
            self.circuit_values,
        )
    }
}
