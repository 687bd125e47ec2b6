//! What the client makes sure of before it uses a plan that it was sent.

use addax_core::params::ParameterSet;

use super::{ClientLimits, PLAIN_BITS, PlanError, PublicPlan, Stage};
use crate::net::Shape;

impl PublicPlan {
    /// Checks a plan that came from a peer: every size is bounded, the layers fit together, the noise bounds hold.
    /// Returns the parameter set.
    ///
    /// # Errors
    /// What is wrong, with the layer.
    pub fn check(&self, limits: &ClientLimits) -> Result<ParameterSet, PlanError> {
        let parameters = ParameterSet::by_name(&self.parameters)
            .filter(|set| set.special_limbs == 0)
            .ok_or_else(|| PlanError::Parameters(self.parameters.clone()))?;
        limits.check(self, &parameters)?;
        if self.stages.is_empty() || self.input_shape().is_empty() || self.input_bits == 0 {
            return Err(PlanError::Structure {
                layer: "input".to_owned(),
                reason: "the plan has no image or no layers".to_owned(),
            });
        }
        let mut shape = self.input_shape();
        for (index, stage) in self.stages.iter().enumerate() {
            let last = index + 1 == self.stages.len();
            shape = stage.check(shape, index, last, &parameters)?;
            let next = self.next_plain_bits(index);
            if let Some(activation) = &stage.activation
                && activation.activation_bits > next
            {
                return Err(PlanError::Structure {
                    layer: activation.name.clone(),
                    reason: format!(
                        "{} activation bits do not fit the {next} plaintext bits that follow",
                        activation.activation_bits
                    ),
                });
            }
        }
        self.noise_bounds(&parameters)?;
        Ok(parameters)
    }
}

impl Stage {
    /// Checks a stage of a peer's plan and returns its output's shape. Sizes are bounded by the client's limits already.
    fn check(
        &self,
        input: Shape,
        index: usize,
        last: bool,
        parameters: &ParameterSet,
    ) -> Result<Shape, PlanError> {
        let layer = self.name(index);
        let wrong = |reason: String| PlanError::Structure {
            layer: layer.clone(),
            reason,
        };
        if !PLAIN_BITS.contains(&self.plain_bits) {
            return Err(wrong(format!("{} plaintext bits", self.plain_bits)));
        }
        if let Some(linear) = &self.linear {
            linear.packing(parameters)?;
            if linear.convolution.input_shape().len() != input.len() {
                return Err(wrong(format!(
                    "takes {} values, but gets {}",
                    linear.convolution.input_shape(),
                    input
                )));
            }
            if !(2..=16).contains(&linear.weight_bits) {
                return Err(wrong(format!("{} weight bits", linear.weight_bits)));
            }
        } else if index == 0 {
            return Err(wrong("the first stage has no linear layer".to_owned()));
        }
        if self.activation.is_none() != last {
            return Err(wrong(
                "only the last stage ends without an activation".to_owned(),
            ));
        }
        if let Some(activation) = &self.activation {
            let bits = activation.activation_bits;
            if !(1..=16).contains(&bits) || activation.shift + 1 >= self.plain_bits {
                return Err(wrong(format!(
                    "a shift of {} to {bits} bits does not fit {} plaintext bits",
                    activation.shift, self.plain_bits
                )));
            }
        }
        self.output_shape(input)
            .filter(|shape| !shape.is_empty())
            .ok_or_else(|| wrong(format!("a window does not fit the {input} input")))
    }
}
