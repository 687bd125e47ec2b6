//! How often the answer is right, in closed form: for each output y = ‖x‖ (⟨w, x/‖x‖⟩ + rms(W)/√F · N(0, 1)), with F from
//! [`addax_sim::optical::Setting`], which has the mean and the variance of the light's own path (tested mode by mode). Whole
//! batches of images are matrix products; each image draws from dice of its own, so results depend on the seed alone.

use addax_sim::optical::Setting;
use nalgebra::DMatrix;
use rand_distr::{Distribution, StandardNormal};
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
        let want = self.network.public().input.len();
        let got = data.shape().len();
        if got != want {
            return Err(OpticalError::Image { want, got });
        }
        let starts: Vec<usize> = (0..images).step_by(self.batch).collect();
        let counts = starts.into_par_iter().map(|start| {
            let batch = start..(start + self.batch).min(images);
            let tensors = batch
                .clone()
                .map(|index| pixels(data.image(index)))
                .collect();
            let dice = batch.clone().map(|index| dice(seed, index as u64));
            let mut dice: Vec<Dice> = dice.collect();
            let logits = self.evaluate(tensors, setting, &mut dice);
            let right = batch.zip(&logits);
            let right =
                right.filter(|(index, logits)| arg_max(logits) == usize::from(data.label(*index)));
            let count = right.count();
            done(logits.len());
            count
        });
        Ok(Accuracy {
            images,
            correct: counts.sum(),
        })
    }

    /// The logits of one image, as [`Self::accuracy`] has them.
    ///
    /// # Panics
    /// When there is no such image, or of another size than the network takes.
    #[must_use]
    pub fn logits(
        &self,
        data: &Dataset,
        index: usize,
        setting: Option<&Setting>,
        seed: u64,
    ) -> Vec<f32> {
        let tensors = vec![pixels(data.image(index))];
        let mut logits = self.evaluate(tensors, setting, &mut [dice(seed, index as u64)]);
        logits.swap_remove(0)
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
                    // The deviation of an output for data of norm 1.
                    let deviation = setting.map(|setting| shape.scale / setting.f().sqrt());
                    let data = gather(shape, &tensors);
                    let products = &self.matrices[*number] * &data;
                    let norms = deviation.map(|deviation| (deviation, norms(&data)));
                    tensors = scatter(shape, &products, tensors.len());
                    if let Some((deviation, norms)) = norms {
                        let norms = norms.chunks_exact(shape.uses());
                        for ((tensor, norms), dice) in
                            tensors.iter_mut().zip(norms).zip(dice.iter_mut())
                        {
                            add_noise(tensor, norms, deviation, dice);
                        }
                    }
                }
            }
        }
        tensors
    }
}

fn pixels(image: &[u8]) -> Vec<f32> {
    image
        .iter()
        .map(|&pixel| f32::from(pixel) / 256.0)
        .collect()
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

fn add_noise(tensor: &mut [f32], norms: &[f64], deviation: f64, dice: &mut Dice) {
    for row in tensor.chunks_exact_mut(norms.len()) {
        for (output, norm) in row.iter_mut().zip(norms) {
            let normal: f32 = StandardNormal.sample(dice);
            *output += (norm * deviation) as f32 * normal;
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
