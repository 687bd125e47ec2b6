//! Sampled means and variances against what the textbook says, in tests.
//!
//! A variance estimated from N samples has relative standard deviation √(2/N), 0.32 % for [`SAMPLES`]. The limit of 1.2 % is
//! almost four of those and leaves an error of 2 % two and a half away, so each check is also shown to refuse samples whose
//! variance is 2 % off either way. Seeds are fixed: a check that passes once passes always.

use chacha20::ChaCha8Rng;
use rand_core::SeedableRng;

/// Samples of one check.
pub const SAMPLES: usize = 200_000;

const VARIANCE_LIMIT: f64 = 0.012;
/// In standard deviations of the mean.
const MEAN_LIMIT: f64 = 4.0;

/// A generator for tests.
pub fn generator(seed: u64) -> ChaCha8Rng {
    ChaCha8Rng::seed_from_u64(seed)
}

/// The mean and variance of samples.
pub fn moments(samples: &[f64]) -> (f64, f64) {
    let count = samples.len() as f64;
    let mean = samples.iter().sum::<f64>() / count;
    let squares = samples.iter().map(|x| (x - mean).powi(2)).sum::<f64>();
    (mean, squares / (count - 1.0))
}

fn agree(samples: &[f64], mean: f64, variance: f64) -> bool {
    let (got_mean, got_variance) = moments(samples);
    let deviation = (variance / samples.len() as f64).sqrt();
    (got_mean - mean).abs() <= MEAN_LIMIT * deviation
        && (got_variance / variance - 1.0).abs() <= VARIANCE_LIMIT
}

/// Asserts that samples have this mean and variance, and that the same samples with 2 % more or less variance, or with a
/// mean moved by 2 % of their deviation, would not pass.
pub fn check(what: &str, samples: impl Iterator<Item = f64>, mean: f64, variance: f64) {
    let samples: Vec<f64> = samples.collect();
    assert!(
        samples.len() >= 100_000,
        "{what}: {} samples are too few",
        samples.len()
    );
    assert!(
        agree(&samples, mean, variance),
        "{what}: mean and variance {:?}, not {mean} and {variance}",
        moments(&samples)
    );
    for factor in [0.98, 1.02_f64] {
        let wrong: Vec<f64> = samples
            .iter()
            .map(|x| mean + (x - mean) * factor.sqrt())
            .collect();
        assert!(
            !agree(&wrong, mean, variance),
            "{what}: {factor} of the variance passes"
        );
    }
    let moved: Vec<f64> = samples.iter().map(|x| x + 0.02 * variance.sqrt()).collect();
    assert!(
        !agree(&moved, mean, variance),
        "{what}: a moved mean passes"
    );
}
