//! What detectors read, in shot-noise units. A detected mode is gone: detectors take it by value.

use nalgebra::Complex;
use rand_core::Rng;

use super::element::tap;

/// Homodyne detection of the quadrature X cos θ + P sin θ, `angle` = θ in radians: the quadrature itself, with the variance
/// that the state gives it.
#[must_use]
pub fn homodyne(mode: Complex<f64>, angle: f64) -> f64 {
    mode.re * angle.cos() + mode.im * angle.sin()
}

/// Heterodyne detection: X and P at once, from the halves of a balanced beam splitter, scaled back to the mode's mean. Each
/// reading of a state of variance V has variance V + 1.
pub fn heterodyne(mut mode: Complex<f64>, rng: &mut impl Rng) -> Complex<f64> {
    let other = tap(&mut mode, 0.5, rng);
    Complex::new(
        homodyne(mode, 0.0),
        homodyne(other, std::f64::consts::FRAC_PI_2),
    ) * std::f64::consts::SQRT_2
}

#[cfg(test)]
mod tests {
    use super::super::field::Field;
    use super::super::statistics::{SAMPLES, check, generator};
    use super::*;

    #[test]
    fn homodyne_detection_reads_the_quadrature_of_its_angle() {
        let angle = 0.6_f64;
        let mut rng = generator(20);
        let coherent = Field::coherent(&vec![Complex::new(1.5, 0.8); SAMPLES], &mut rng);
        let readings = coherent.points().iter().map(|&mode| homodyne(mode, angle));
        check(
            "coherent",
            readings,
            1.5 * angle.cos() + 0.8 * angle.sin(),
            1.0,
        );
        let squeezed = Field::squeezed(SAMPLES, 0.5, &mut rng);
        let readings = squeezed.points().iter().map(|&mode| homodyne(mode, angle));
        let variance = 0.5 * angle.cos().powi(2) + 2.0 * angle.sin().powi(2);
        check("squeezed", readings, 0.0, variance);
    }

    #[test]
    fn heterodyne_detection_reads_both_quadratures_and_pays_one_unit_of_noise() {
        let mut rng = generator(21);
        let field = Field::coherent(&vec![Complex::new(1.5, -0.8); SAMPLES], &mut rng);
        let mut read = |points: &[Complex<f64>]| -> Vec<_> {
            points
                .iter()
                .map(|&mode| heterodyne(mode, &mut rng))
                .collect()
        };
        let readings = read(field.points());
        check("X", readings.iter().map(|reading| reading.re), 1.5, 2.0);
        check("P", readings.iter().map(|reading| reading.im), -0.8, 2.0);
        let products = readings
            .iter()
            .map(|reading| (reading.re - 1.5) * (reading.im + 0.8));
        check("XP: independent", products, 0.0, 4.0);
    }
}
