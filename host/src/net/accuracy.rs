//! How many images of a labelled set a network gets right.

use rayon::prelude::*;

use super::integer::Evaluator;
use super::network::{IntegerNetwork, NetworkError};
use crate::data::Dataset;

/// The position of the largest value; the lowest one on a tie. 0 for an empty list.
#[must_use]
pub fn arg_max(logits: &[i64]) -> usize {
    let mut best = 0;
    for (index, value) in logits.iter().enumerate() {
        if *value > logits[best] {
            best = index;
        }
    }
    best
}

/// A count of right answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Accuracy {
    /// Images evaluated.
    pub images: usize,
    /// Images whose arg max is their label.
    pub correct: usize,
}

impl Accuracy {
    /// The share of right answers, 0 for no images.
    #[must_use]
    pub fn fraction(&self) -> f64 {
        if self.images == 0 {
            return 0.0;
        }
        self.correct as f64 / self.images as f64
    }
}

/// Evaluates the first `images` images of `data` (all, if there are fewer) with the integer reference, on all cores.
///
/// # Errors
/// [`NetworkError`] when the network is inconsistent or the images have another size than its input.
pub fn accuracy(
    network: &IntegerNetwork,
    data: &Dataset,
    images: usize,
) -> Result<Accuracy, NetworkError> {
    let evaluator = Evaluator::new(network)?;
    count(data, images, |image| {
        Ok(arg_max(&evaluator.evaluate(image)?))
    })
}

/// Counts right answers of any classifier, on all cores. The first error ends it.
///
/// # Errors
/// What `classify` returns.
pub fn count<E: Send>(
    data: &Dataset,
    images: usize,
    classify: impl Fn(&[u8]) -> Result<usize, E> + Sync,
) -> Result<Accuracy, E> {
    let images = images.min(data.len());
    let right = |index| {
        let label = classify(data.image(index))?;
        Ok(usize::from(label == usize::from(data.label(index))))
    };
    let images_right = (0..images).into_par_iter().map(right);
    let correct = images_right.try_reduce(|| 0, |a, b| Ok(a + b))?;
    Ok(Accuracy { images, correct })
}
