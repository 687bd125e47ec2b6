//! What a client is willing to do for a server it does not trust with its resources.

use addax_core::params::ParameterSet;

use super::{PublicPlan, Window};
use crate::linear::Convolution;

/// Limits that a plan must keep before any memory is spent on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ClientLimits {
    /// Stages of a plan.
    pub stages: usize,
    /// Values of any tensor, padding included.
    pub values: usize,
    /// Ciphertexts in each direction of any layer.
    pub ciphertexts: usize,
    /// Values under the windows of any activation.
    pub circuit_inputs: usize,
}

impl Default for ClientLimits {
    /// Room for networks like ResNet-50 on 224 × 224 images.
    fn default() -> Self {
        Self {
            stages: 512,
            values: 1 << 22,
            ciphertexts: 1 << 15,
            circuit_inputs: 1 << 24,
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

/// Largest kernel, stride or padding of a window, and largest weight of a sum.
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
        let mut values = product(plan.input);
        for (index, stage) in plan.stages.iter().enumerate() {
            bound(
                index,
                "the number of plaintext bits",
                stage.plain_bits as usize,
                64,
            )?;
            if let Some(linear) = &stage.linear {
                values = self.check_convolution(&linear.convolution, index, &bound)?;
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
            let activation = stage.activation.as_ref();
            let max_window = activation.and_then(|activation| activation.max_pool.as_ref());
            let windows = stage
                .pools
                .iter()
                .map(|pool| &pool.window)
                .chain(max_window);
            for window in windows {
                values = check_window(window, index, values, self, &bound)?;
            }
            if let Some(activation) = activation {
                bound(index, "the shift", activation.shift as usize, 63)?;
                bound(
                    index,
                    "the number of circuit inputs",
                    values,
                    self.circuit_inputs,
                )?;
            }
        }
        Ok(())
    }

    fn check_convolution(
        &self,
        convolution: &Convolution,
        stage: usize,
        bound: &impl Fn(usize, &'static str, usize, usize) -> Result<usize, LimitError>,
    ) -> Result<usize, LimitError> {
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
            return Ok(0);
        }
        let [rows, columns] = convolution.padded();
        let input = convolution.input[0]
            .saturating_mul(rows)
            .saturating_mul(columns);
        bound(stage, "the padded input's size", input, self.values)?;
        let output = convolution.output_shape();
        let output = output
            .channels
            .saturating_mul(output.height)
            .saturating_mul(output.width);
        bound(stage, "the output's size", output, self.values)
    }
}

/// Bounds a window; returns a bound on the values under all windows.
fn check_window(
    window: &Window,
    stage: usize,
    values: usize,
    limits: &ClientLimits,
    bound: &impl Fn(usize, &'static str, usize, usize) -> Result<usize, LimitError>,
) -> Result<usize, LimitError> {
    let sizes = window
        .kernel
        .into_iter()
        .chain(window.stride)
        .chain(window.padding);
    for size in sizes {
        bound(stage, "an extent of a window", size, MAX_WINDOW)?;
    }
    let steps = window.stride[0]
        .max(1)
        .saturating_mul(window.stride[1].max(1));
    let area = window.kernel[0].saturating_mul(window.kernel[1]);
    // Every step places one window; padding adds at most as many again for windows that fit.
    let under = values.saturating_mul(area).saturating_mul(4) / steps;
    bound(
        stage,
        "the number of values under windows",
        under,
        limits.circuit_inputs.saturating_mul(4),
    )
}
