//! States of several modes, each as one point drawn from its Wigner function.
//!
//! A point is X + iP in shot-noise units: the mean plus normal noise, of variance 1 in each coordinate for a coherent state.

use nalgebra::Complex;
use rand_core::Rng;
use rand_distr::{Distribution, StandardNormal};

/// The light in a row of modes.
#[derive(Clone, Debug, PartialEq)]
pub struct Field(Vec<Complex<f64>>);

/// A normal number of mean 0 and variance 1.
pub(super) fn normal(rng: &mut impl Rng) -> f64 {
    StandardNormal.sample(rng)
}

/// A point of the vacuum: variance 1 in each coordinate.
pub fn vacuum(rng: &mut impl Rng) -> Complex<f64> {
    Complex::new(normal(rng), normal(rng))
}

impl Field {
    /// Coherent states with these means.
    pub fn coherent(means: &[Complex<f64>], rng: &mut impl Rng) -> Self {
        Self(means.iter().map(|mean| mean + vacuum(rng)).collect())
    }

    /// `modes` modes without light.
    pub fn vacuum(modes: usize, rng: &mut impl Rng) -> Self {
        Self((0..modes).map(|_| vacuum(rng)).collect())
    }

    /// Thermal states of a mean of `photons` ≥ 0 each: variance 2·photons + 1.
    pub fn thermal(modes: usize, photons: f64, rng: &mut impl Rng) -> Self {
        let deviation = (2.0 * photons + 1.0).sqrt();
        Self((0..modes).map(|_| vacuum(rng) * deviation).collect())
    }

    /// Squeezed vacua: X has variance `variance` > 0, P has 1/`variance`.
    pub fn squeezed(modes: usize, variance: f64, rng: &mut impl Rng) -> Self {
        let deviation = variance.sqrt();
        let point = |_| Complex::new(normal(rng) * deviation, normal(rng) / deviation);
        Self((0..modes).map(point).collect())
    }

    /// The number of modes.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there are no modes.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The points. Elements and detectors take them; a person who could read them all would have no uncertainty to
    /// respect.
    #[must_use]
    pub fn points(&self) -> &[Complex<f64>] {
        &self.0
    }

    /// The points, for elements that change them.
    pub fn points_mut(&mut self) -> &mut [Complex<f64>] {
        &mut self.0
    }
}

#[cfg(test)]
mod tests {
    use super::super::statistics::{SAMPLES, check, generator};
    use super::*;

    #[test]
    fn coherent_states_have_their_mean_and_the_variance_of_the_vacuum() {
        let mut rng = generator(1);
        let means = vec![Complex::new(3.0, -0.5); SAMPLES];
        let field = Field::coherent(&means, &mut rng);
        check("X", field.points().iter().map(|point| point.re), 3.0, 1.0);
        check("P", field.points().iter().map(|point| point.im), -0.5, 1.0);
        let vacuum = Field::vacuum(SAMPLES, &mut rng);
        check(
            "vacuum X",
            vacuum.points().iter().map(|point| point.re),
            0.0,
            1.0,
        );
        check(
            "vacuum P",
            vacuum.points().iter().map(|point| point.im),
            0.0,
            1.0,
        );
    }

    #[test]
    fn a_thermal_state_of_n_photons_has_variance_2n_plus_1() {
        let field = Field::thermal(SAMPLES, 1.7, &mut generator(2));
        check("X", field.points().iter().map(|point| point.re), 0.0, 4.4);
        check("P", field.points().iter().map(|point| point.im), 0.0, 4.4);
    }

    #[test]
    fn squeezing_moves_variance_from_x_to_p() {
        let field = Field::squeezed(SAMPLES, 0.25, &mut generator(3));
        check("X", field.points().iter().map(|point| point.re), 0.0, 0.25);
        check("P", field.points().iter().map(|point| point.im), 0.0, 4.0);
    }
}
