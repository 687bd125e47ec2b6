//! One row of weights on its way: launch, link, the client's measurement, return. Mode by mode, and in closed form.
//!
//! The means of a row w of n weights on n′ = ⌈n/2⌉ modes are s (w₂ₖ + i w₂ₖ₊₁), with s = √μ/rms(W) the same for the whole layer;
//! the client's data form the unit vector v = (x₂ₖ + i x₂ₖ₊₁)/‖x‖ in the same way. Then Re⟨v, s w⟩ = s ⟨w, x⟩/‖x‖ is the mean
//! of X in mode 0 behind the [`DataUnitary`] of v. Odd n gets a zero.

use nalgebra::Complex;
use rand_core::Rng;
use rand_distr::{Distribution, Poisson};

use super::detection::homodyne;
use super::element::{add_noise, amplify, lose, tap};
use super::field::{Field, normal, vacuum};
use super::setting::Setting;
use super::unitary::{DataUnitary, UnitaryError};

/// Pairs of numbers as the quadratures of modes, `scale` times; a last single one gets a zero.
#[must_use]
pub fn modes_of(numbers: &[f32], scale: f64) -> Vec<Complex<f64>> {
    numbers
        .chunks(2)
        .map(|pair| {
            let second = pair.get(1).copied().unwrap_or(0.0);
            Complex::new(f64::from(pair[0]), f64::from(second)) * scale
        })
        .collect()
}

/// A client's numbers as a unit vector on modes, and their norm. None if they are all zero, or not finite.
#[must_use]
pub fn data_of(numbers: &[f32]) -> Option<(Vec<Complex<f64>>, f64)> {
    let squares = numbers.iter().map(|&x| f64::from(x) * f64::from(x));
    let norm = squares.sum::<f64>().sqrt();
    (norm > 0.0 && norm.is_finite()).then(|| (modes_of(numbers, 1.0 / norm), norm))
}

/// Launches coherent light that, without losses, arrives with 1/T of the power that these means have.
pub fn launch(setting: &Setting, means: &[Complex<f64>], rng: &mut impl Rng) -> Field {
    let root = setting.transmittance().sqrt();
    let launched: Vec<_> = means.iter().map(|mean| mean / root).collect();
    Field::coherent(&launched, rng)
}

/// The link: what arrives of what was launched.
pub fn carry(setting: &Setting, light: &mut Field, rng: &mut impl Rng) {
    lose(light, setting.transmittance(), rng);
    add_noise(light, setting.noise(), rng);
}

/// The client's measurement, mode by mode: steers, amplifies, taps, detects, steers back. Returns the estimate of the mean of X
/// in mode 0; `light` becomes what goes back.
///
/// # Errors
/// [`UnitaryError`] when the light is not in the unitary's modes.
pub fn measure(
    setting: &Setting,
    data: &DataUnitary,
    light: &mut Field,
    rng: &mut impl Rng,
) -> Result<f64, UnitaryError> {
    data.apply(light)?;
    let gain = setting.gain();
    let mode = &mut light.points_mut()[0];
    amplify(mode, gain, rng);
    let tapped = tap(mode, 1.0 / gain, rng);
    data.undo(light)?;
    Ok(homodyne(tapped, 0.0) / (gain - 1.0).sqrt())
}

/// In closed form: the client's estimate when the mean is `mean`.
pub fn estimate(setting: &Setting, mean: f64, rng: &mut impl Rng) -> f64 {
    mean + setting.estimate_variance().sqrt() * normal(rng)
}

/// In closed form: what comes back from an honest client whose data are the unit vector `data`, when light with these means
/// reached it. The noise that it adds is in the one mode `data`.
pub fn returned(
    setting: &Setting,
    means: &[Complex<f64>],
    data: &[Complex<f64>],
    rng: &mut impl Rng,
) -> Field {
    let added = vacuum(rng) * setting.returned_excess().sqrt();
    let link = (1.0 + setting.noise()).sqrt();
    let points: Vec<_> = means
        .iter()
        .zip(data)
        .map(|(mean, v)| mean + v * added)
        .collect();
    let mut light = Field::coherent(&points, rng);
    for (point, mean) in light.points_mut().iter_mut().zip(&points) {
        *point = mean + (*point - mean) * link;
    }
    light
}

/// Photons counted in each mode of what an honest client returns of darkness, when its data are the unit vector `data`: the
/// amplifier's own. They are in a thermal state of mode `data`, of mean e/2 = (G−1)/G; its P function is a positive density, so
/// that counts are Poisson with the mean of a point drawn from it.
pub fn returned_photons(setting: &Setting, data: &[Complex<f64>], rng: &mut impl Rng) -> Vec<u64> {
    // The modulus of a complex normal number of variance 1 a coordinate, squared, has mean 2.
    let emitted = vacuum(rng).norm_sqr() * setting.returned_excess() / 4.0;
    let count = |v: &Complex<f64>| match Poisson::new(emitted * v.norm_sqr()) {
        Ok(counts) => counts.sample(rng) as u64,
        // No light, no photons.
        Err(_) => 0,
    };
    data.iter().map(count).collect()
}

#[cfg(test)]
mod tests {
    use super::super::statistics::{SAMPLES, check, generator, moments};
    use super::super::unitary::inner;
    use super::*;

    /// A small layer: five weights, three modes.
    const WEIGHTS: [f32; 5] = [0.3, -0.7, 0.05, 0.4, -0.2];
    const DATA: [f32; 5] = [0.9, 0.1, -0.4, 0.7, 0.3];

    struct Case {
        setting: Setting,
        means: Vec<Complex<f64>>,
        data: Vec<Complex<f64>>,
        /// Of X in mode 0.
        mean: f64,
    }

    fn case(gain: f64, loss: f64, noise: f64) -> Case {
        let setting = Setting::new(4.0, gain, loss, noise).unwrap();
        let means = modes_of(&WEIGHTS, 5.0);
        let (data, norm) = data_of(&DATA).unwrap();
        let products = WEIGHTS.iter().zip(DATA);
        let product: f64 = products.map(|(&w, x)| f64::from(w) * f64::from(x)).sum();
        let mean = 5.0 * product / norm;
        Case {
            setting,
            means,
            data,
            mean,
        }
    }

    #[test]
    fn the_mean_of_mode_0_is_the_inner_product_of_real_vectors() {
        let case = case(2.0, 0.0, 0.0);
        assert!((inner(&case.data, &case.means).re - case.mean).abs() < 1e-12);
        assert_eq!(case.means.len(), 3);
        assert_eq!(case.means[2].im, 0.0);
        for nothing in [&[][..], &[0.0, -0.0], &[f32::NAN], &[f32::INFINITY, 1.0]] {
            assert!(data_of(nothing).is_none());
        }
    }

    #[test]
    fn mode_by_mode_and_in_closed_form_estimates_and_returned_light_agree() {
        for (seed, (gain, loss, noise)) in [(2.0, 0.0, 0.0), (1.3, 3.0, 0.0), (4.0, 0.0, 0.2)]
            .into_iter()
            .enumerate()
        {
            let case = case(gain, loss, noise);
            let unitary = DataUnitary::new(&case.data).unwrap();
            let mut rng = generator(40 + seed as u64);
            let (mut by_mode, mut by_form) = (Vec::new(), Vec::new());
            let (mut back_by_mode, mut back_by_form) = (Vec::new(), Vec::new());
            for _ in 0..SAMPLES {
                let mut light = launch(&case.setting, &case.means, &mut rng);
                carry(&case.setting, &mut light, &mut rng);
                by_mode.push(measure(&case.setting, &unitary, &mut light, &mut rng).unwrap());
                back_by_mode.push(light);
                by_form.push(estimate(&case.setting, case.mean, &mut rng));
                back_by_form.push(returned(&case.setting, &case.means, &case.data, &mut rng));
            }
            let variance = case.setting.estimate_variance();
            check(
                "estimate by mode",
                by_mode.iter().copied(),
                case.mean,
                variance,
            );
            check(
                "estimate in closed form",
                by_form.iter().copied(),
                case.mean,
                variance,
            );
            for (what, fields) in [
                ("by mode", &back_by_mode),
                ("in closed form", &back_by_form),
            ] {
                for (mode, (mean, v)) in case.means.iter().zip(&case.data).enumerate() {
                    let excess = case.setting.returned_excess() * v.norm_sqr();
                    let variance = 1.0 + noise + excess;
                    let read = |field: &Field| field.points()[mode];
                    check(what, fields.iter().map(|f| read(f).re), mean.re, variance);
                    check(what, fields.iter().map(|f| read(f).im), mean.im, variance);
                }
                // All of the client's noise is in the mode of its data: across modes it is correlated.
                let steered = fields.iter().map(|f| inner(&case.data, f.points()).im);
                let mean = inner(&case.data, &case.means).im;
                check(
                    what,
                    steered,
                    mean,
                    1.0 + noise + case.setting.returned_excess(),
                );
            }
        }
    }

    #[test]
    fn counted_photons_are_those_of_the_noise_that_returns() {
        let case = case(2.0, 0.0, 0.0);
        let mut rng = generator(60);
        let counts: Vec<_> = (0..SAMPLES)
            .map(|_| returned_photons(&case.setting, &case.data, &mut rng))
            .collect();
        for (mode, v) in case.data.iter().enumerate() {
            // A variance of 1 + e|v|² in both quadratures are e|v|²/2 photons, thermal: variance n(n + 1).
            let photons = case.setting.returned_excess() * v.norm_sqr() / 2.0;
            let counts = counts.iter().map(|counts| counts[mode] as f64);
            let (mean, variance) = moments(&counts.collect::<Vec<_>>());
            assert!((mean / photons - 1.0).abs() < 0.03, "{mean} {photons}");
            assert!(
                (variance / (photons * (photons + 1.0)) - 1.0).abs() < 0.04,
                "{variance}"
            );
        }
        let all = counts
            .iter()
            .map(|counts| counts.iter().sum::<u64>() as f64);
        let (mean, variance) = moments(&all.collect::<Vec<_>>());
        assert!((mean / 0.5 - 1.0).abs() < 0.02 && (variance / 0.75 - 1.0).abs() < 0.03);
    }

    #[test]
    fn light_in_other_modes_than_the_data_is_refused() {
        let case = case(2.0, 0.0, 0.0);
        let unitary = DataUnitary::new(&case.data).unwrap();
        let mut rng = generator(50);
        let mut light = Field::vacuum(2, &mut rng);
        assert!(measure(&case.setting, &unitary, &mut light, &mut rng).is_err());
    }
}
