//! The noise of a whole query: the bounds of [`crate::he::noise`] for every linear layer, summed and asserted.

use addax_core::params::ParameterSet;

use super::{LinearStage, PLAIN_BITS, PlanError, PublicPlan};
use crate::he::noise::{self, LayerNoise, NoiseBound};
use crate::linear::Packing;

impl PublicPlan {
    /// The bounds of every linear layer, and log₂ of failure and hiding of a whole query.
    pub(super) fn noise_bounds(
        &self,
        parameters: &ParameterSet,
    ) -> Result<(Vec<NoiseBound>, f64, f64), PlanError> {
        let mut bounds = Vec::new();
        let mut layers = Vec::new();
        for stage in &self.stages {
            if let Some(linear) = &stage.linear {
                let packing = linear.packing(parameters)?;
                let noise = linear.noise(&packing, stage.plain_bits);
                let format = noise::response_format(parameters, stage.plain_bits);
                let flooding = noise::flooding_exponent(parameters, stage.plain_bits);
                bounds.push(noise.bound(parameters, &format, Some(flooding)));
                layers.push((linear, noise));
            }
        }
        let failure = noise::sum_log2(bounds.iter().map(|bound| bound.failure_log2));
        let hiding = noise::sum_log2(bounds.iter().map(|bound| bound.hiding_log2));
        if failure <= noise::SECURITY_LOG2 && hiding <= noise::SECURITY_LOG2 {
            return Ok((bounds, failure, hiding));
        }
        let badness = |bound: &NoiseBound| bound.failure_log2.max(bound.hiding_log2);
        let worst = (0..bounds.len())
            .max_by(|&a, &b| badness(&bounds[a]).total_cmp(&badness(&bounds[b])))
            .unwrap_or(0);
        let (linear, noise) = &layers[worst];
        // A single layer may use the whole budget only if it is alone; leave the others theirs.
        let budget = noise::SECURITY_LOG2 - (bounds.len() as f64).log2();
        let most = PLAIN_BITS
            .rev()
            .find(|&plain_bits| {
                let format = noise::response_format(parameters, plain_bits);
                let flooding = noise::flooding_exponent(parameters, plain_bits);
                let noise = LayerNoise {
                    plain_bits,
                    ..*noise
                };
                badness(&noise.bound(parameters, &format, Some(flooding))) <= budget
            })
            .unwrap_or(0);
        Err(PlanError::TooWide {
            layer: linear.name.clone(),
            plain_bits: noise.plain_bits,
            parameters: parameters.name.to_owned(),
            failure,
            hiding,
            most,
        })
    }
}

impl LinearStage {
    fn noise(&self, packing: &Packing, plain_bits: u32) -> LayerNoise {
        LayerNoise {
            plain_bits,
            weights: packing.weights_together(),
            weight_bits: self.weight_bits,
            coefficients: packing.responses() * packing.n(),
        }
    }
}
