//! How often the answer is right, in closed form: each output is that of the graph, and noise as the client's estimate has it
//! ([`pass::estimate`]), which has the mean and the variance of the light's own path (tested mode by mode). Whole batches of
//! images are matrix products; each image draws from dice of its own, so results depend on the seed alone.

use addax_sim::optical::{Setting, pass};
use nalgebra::DMatrix;
use rayon::prelude::*;

use crate::data::Dataset;
use crate::net::accuracy::Accuracy;

use super::lowering::{MatrixShape, OpticalNetwork, Stage};
use super::{Dice, OpticalError, dice};

/// Numbers in a batch's largest matrix of data.
const BATCH_NUMBERS: usize = 1 << 22;
/// Images in a batch.
const BATCH_IMAGES: usize = 128;

/// A network whose answers are computed in closed form.
pub struct Simulator<'a> {
    network: &'a OpticalNetwork,
    matrices: Vec<DMatrix<f32>>,
    batch: usize,
}

impl<'a> Simulator<'a> {
    /// Prepares the matrices.
    #[must_use]
    pub fn new(network: &'a OpticalNetwork) -> Self {
        let shapes = || network.public().matrices();
        let matrices = shapes().enumerate().map(|(number, shape)| {
            DMatrix::from_row_slice(shape.rows, shape.columns, network.matrix(number))
        });
        let largest = shapes()
            .map(|shape| shape.columns.max(shape.rows) * shape.uses())
            .max();
        Self {
            matrices: matrices.collect(),
            batch: (BATCH_NUMBERS / largest.unwrap_or(1)).clamp(1, BATCH_IMAGES),
            network,
        }
    }

    /// Counts right answers among the first `images` images, on all cores. `setting` is None for no noise. `done` is told of
    /// every batch.
    ///
    /// # Errors
    /// [`OpticalError::Image`].
    pub fn accuracy(
        &self,
        data: &Dataset,
        images: usize,
        setting: Option<&Setting>,
        seed: u64,
        done: impl Fn(usize) + Sync,
    ) -> Result<Accuracy, OpticalError> {
        let images = images.min(data.len());
        let starts: Vec<usize> = (0..images).step_by(self.batch).collect();
        let counts = starts.into_par_iter().map(|start| {
            let batch = start..(start + self.batch).min(images);
            let tensors = batch
                .clone()
                .map(|index| self.network.public().values(data.image(index)));
            let tensors = tensors.collect::<Result<Vec<_>, _>>()?;
            let dice = batch.clone().map(|index| dice(seed, index as u64));
            let mut dice: Vec<Dice> = dice.collect();
            let logits = self.evaluate(tensors, setting, &mut dice);
            let right =
                |index: usize, logits: &[f32]| arg_max(logits) == usize::from(data.label(index));
            let count = batch
                .zip(&logits)
                .filter(|(index, logits)| right(*index, logits))
                .count();
            done(logits.len());
            Ok(count)
        });
        Ok(Accuracy {
            images,
            correct: counts.sum::<Result<usize, OpticalError>>()?,
        })
    }

    /// The logits of one image.
    ///
    /// # Errors
    /// [`OpticalError::Image`].
    pub fn logits(
        &self,
        image: &[u8],
        setting: Option<&Setting>,
        dice: Dice,
    ) -> Result<Vec<f32>, OpticalError> {
        let tensors = vec![self.network.public().values(image)?];
        Ok(self.evaluate(tensors, setting, &mut [dice]).swap_remove(0))
    }

    /// The logits of a batch of inputs, each with its own dice.
    fn evaluate(
        &self,
        mut tensors: Vec<Vec<f32>>,
        setting: Option<&Setting>,
        dice: &mut [Dice],
    ) -> Vec<Vec<f32>> {
        for stage in &self.network.public().stages {
            match stage {
                Stage::Client(node) => {
                    for tensor in &mut tensors {
                        *tensor = node.evaluate(std::mem::take(tensor));
                    }
                }
                Stage::Matrix(number, shape) => {
                    let data = gather(shape, &tensors);
                    let products = &self.matrices[*number] * &data;
                    tensors = scatter(shape, &products, tensors.len());
                    let Some(setting) = setting else { continue };
                    let norms = norms(&data);
                    let images = norms.chunks_exact(shape.uses()).zip(dice.iter_mut());
                    for (tensor, (norms, dice)) in tensors.iter_mut().zip(images) {
                        measure(shape, setting, tensor, norms, dice);
                    }
                }
            }
        }
        tensors
    }
}

/// The data of all positions of all images, one a column.
fn gather(shape: &MatrixShape, tensors: &[Vec<f32>]) -> DMatrix<f32> {
    let count = tensors.len() * shape.uses();
    let mut numbers = Vec::with_capacity(count * shape.columns);
    for tensor in tensors {
        for position in 0..shape.uses() {
            shape.gather(tensor, position, &mut numbers);
        }
    }
    DMatrix::from_vec(shape.columns, count, numbers)
}

fn norms(data: &DMatrix<f32>) -> Vec<f64> {
    let square = |&x: &f32| f64::from(x) * f64::from(x);
    let columns = data.column_iter();
    columns
        .map(|column| column.iter().map(square).sum::<f64>().sqrt())
        .collect()
}

/// The products of each image as a tensor: row, then position.
fn scatter(shape: &MatrixShape, products: &DMatrix<f32>, images: usize) -> Vec<Vec<f32>> {
    let uses = shape.uses();
    let image = |index: usize| {
        let products = products.columns(index * uses, uses);
        products
            .row_iter()
            .flat_map(|row| row.iter().copied().collect::<Vec<_>>())
            .collect()
    };
    (0..images).map(image).collect()
}

/// The client's estimates in place of products: light of the data's direction, times their norm.
fn measure(
    shape: &MatrixShape,
    setting: &Setting,
    tensor: &mut [f32],
    norms: &[f64],
    dice: &mut Dice,
) {
    let amplitude = shape.amplitude(setting);
    for row in tensor.chunks_exact_mut(norms.len()) {
        for (output, norm) in row.iter_mut().zip(norms) {
            // Data that are all zero give zero, whatever is measured.
            if *norm > 0.0 {
                let light = f64::from(*output) * amplitude / norm;
                *output = (pass::estimate(setting, light, dice) * norm / amplitude) as f32;
            }
        }
    }
}

/// The position of the largest; the lowest on a tie.
#[must_use]
pub fn arg_max(logits: &[f32]) -> usize {
    let better = |best: usize, (index, value): (usize, &f32)| match *value > logits[best] {
        true => index,
        false => best,
    };
    logits.iter().enumerate().fold(0, better)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_largest_logit_is_the_answer_and_the_first_of_equals() {
        assert_eq!(arg_max(&[0.5, 2.0, 2.0, -1.0]), 1);
        assert_eq!(arg_max(&[f32::NAN, 1.0]), 0);
        assert_eq!(arg_max(&[]), 0);
    }
}
