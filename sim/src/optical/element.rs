//! What optical elements do to points of phase space: linear maps that take in vacuum where quantum mechanics demands it.

use nalgebra::Complex;
use rand_core::Rng;

use super::field::{Field, normal, vacuum};

/// A phase-insensitive amplifier of power gain `gain` ≥ 1: a → √G a + √(G−1) v†, v in the vacuum. The mean grows by √G, a
/// variance V becomes G V + G − 1 (Caves, Phys. Rev. D 26, 1817 (1982)).
pub fn amplify(mode: &mut Complex<f64>, gain: f64, rng: &mut impl Rng) {
    *mode = *mode * gain.sqrt() + vacuum(rng).conj() * (gain - 1.0).sqrt();
}

/// A beam splitter of transmittance 0 ≤ `transmittance` ≤ 1: (a, b) → (√T a + √(1−T) b, √T b − √(1−T) a).
pub fn beam_splitter(a: &mut Complex<f64>, b: &mut Complex<f64>, transmittance: f64) {
    let (through, across) = (transmittance.sqrt(), (1.0 - transmittance).sqrt());
    (*a, *b) = (*a * through + *b * across, *b * through - *a * across);
}

/// Takes the fraction 1 − `kept` of a mode's power out of it by a beam splitter with vacuum at its other input, and returns
/// what was taken, with the sign of the mode.
pub fn tap(mode: &mut Complex<f64>, kept: f64, rng: &mut impl Rng) -> Complex<f64> {
    let mut other = vacuum(rng);
    beam_splitter(mode, &mut other, kept);
    -other
}

/// Loses light: every mode is transmitted with 0 ≤ `transmittance` ≤ 1, vacuum comes in for the rest.
pub fn lose(field: &mut Field, transmittance: f64, rng: &mut impl Rng) {
    if transmittance < 1.0 {
        for mode in field.points_mut() {
            tap(mode, transmittance, rng);
        }
    }
}

/// Adds classical noise of `variance` ≥ 0 to each quadrature.
pub fn add_noise(field: &mut Field, variance: f64, rng: &mut impl Rng) {
    if variance > 0.0 {
        let deviation = variance.sqrt();
        for mode in field.points_mut() {
            *mode += Complex::new(normal(rng), normal(rng)) * deviation;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::statistics::{SAMPLES, check, generator};
    use super::*;

    const MEAN: Complex<f64> = Complex::new(2.0, -1.0);

    fn light() -> (Field, impl Rng) {
        let mut rng = generator(10);
        (Field::coherent(&vec![MEAN; SAMPLES], &mut rng), rng)
    }

    fn check_both(what: &str, points: &[Complex<f64>], mean: Complex<f64>, variance: f64) {
        check(what, points.iter().map(|point| point.re), mean.re, variance);
        check(what, points.iter().map(|point| point.im), mean.im, variance);
    }

    #[test]
    fn an_amplifier_of_gain_g_adds_g_minus_1() {
        let (mut field, mut rng) = light();
        for mode in field.points_mut() {
            amplify(mode, 2.5, &mut rng);
        }
        check_both("amplified", field.points(), MEAN * 2.5_f64.sqrt(), 4.0);
    }

    #[test]
    fn an_amplifier_of_gain_1_adds_nothing() {
        let (mut field, mut rng) = light();
        let before = field.clone();
        for mode in field.points_mut() {
            amplify(mode, 1.0, &mut rng);
        }
        assert_eq!(field, before);
    }

    #[test]
    fn a_beam_splitter_divides_power_and_keeps_coherent_states_coherent() {
        let (mut field, mut rng) = light();
        let mut other = Field::thermal(SAMPLES, 1.0, &mut rng);
        for (a, b) in field.points_mut().iter_mut().zip(other.points_mut()) {
            beam_splitter(a, b, 0.7);
        }
        // The thermal state brings variance 3.
        let (through, across) = (0.7_f64.sqrt(), 0.3_f64.sqrt());
        check_both("through", field.points(), MEAN * through, 0.7 + 0.3 * 3.0);
        check_both("across", other.points(), MEAN * -across, 0.3 + 0.7 * 3.0);
    }

    #[test]
    fn what_a_tap_takes_is_missing_and_vacuum_is_in_its_place() {
        let (mut field, mut rng) = light();
        let taken: Vec<_> = field
            .points_mut()
            .iter_mut()
            .map(|mode| tap(mode, 0.7, &mut rng))
            .collect();
        check_both("kept", field.points(), MEAN * 0.7_f64.sqrt(), 1.0);
        check_both("taken", &taken, MEAN * 0.3_f64.sqrt(), 1.0);
    }

    #[test]
    fn loss_takes_light_and_leaves_vacuum_noise() {
        let mut rng = generator(11);
        let mut field = Field::thermal(SAMPLES, 2.0, &mut rng);
        lose(&mut field, 0.4, &mut rng);
        check_both("after loss", field.points(), Complex::ZERO, 0.4 * 5.0 + 0.6);
    }

    #[test]
    fn noise_adds_its_variance_and_no_mean() {
        let (mut field, mut rng) = light();
        add_noise(&mut field, 0.3, &mut rng);
        check_both("noisy", field.points(), MEAN, 1.3);
    }
}
