//! The server's check of what comes back, as a test of a hypothesis.
//!
//! The server knows the mean m of every quadrature that should come back. Of each returned mode it reads one quadrature r, X or
//! P as a coin says that falls after the light is back, so that nothing can hide in the other. Over N readings of a layer,
//!
//! ```text
//! t = Σ r m / Σ m²                    the amplitude that came back: 1 if nothing was taken
//! S = Σ r² − (Σ r m)² / Σ m²          the noise: N − 1 + excess
//! ```
//!
//! as in the parameter estimation of continuous-variable key distribution (Leverrier et al., Phys. Rev. A 81, 062343 (2010)).
//! The hypothesis is the honest client: t is normal with mean 1 and variance S/(N Σ m²), and S is a quadratic form in normal
//! numbers. With ξ the link's noise and e = 2(G−1)/G in one mode of each of R passes, it has the mean N(1+ξ) + R e and the
//! variance 2 (N(1+ξ)² + 2 R(1+ξ) e + R e²) at most, and is taken as c χ²_ν with the same two moments (Satterthwaite 1946).
//!
//! The p-value is that of the two tests together, twice the lesser (Bonferroni): t on both sides, S from above. Alarm at a
//! false-alarm rate α means p < α. From the second query of a session on, the readings of all queries together are judged as
//! well, and again twice the lesser p counts.
//!
//! Not in the variance of t: the honest noise in mode v, which adds e Σ⟨m, v⟩²/(Σ m²)². It is e/n′ of the rest for data that have
//! nothing to do with the weights, and stays small for data that have (real images through a trained network keep the rate:
//! docs/optical.md).

use addax_sim::optical::{Complex, Setting, leak};
use statrs::distribution::{ChiSquared, ContinuousCDF, Normal};

use super::OpticalError;
use super::lowering::MatrixShape;

/// Sums over the readings of one layer.
#[derive(Clone, Copy, Debug, Default)]
pub struct Residuals {
    readings: u64,
    passes: u64,
    mean_squares: f64,
    products: f64,
    squares: f64,
}

/// What a layer's readings say.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Verdict {
    /// T of what came back, of all that was launched: the link's, times t².
    pub transmittance: f64,
    /// The noise above the vacuum's, in shot-noise units a reading.
    pub excess: f64,
    /// How likely an honest client looks as bad as this, or worse.
    pub p_value: f64,
}

/// The check of one layer at one setting.
#[derive(Clone, Copy, Debug)]
pub struct Check {
    setting: Setting,
    false_alarm: f64,
}

impl Residuals {
    /// Whether nothing was read.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.readings == 0
    }

    /// Adds another's readings.
    pub fn join(&mut self, other: &Self) {
        self.readings += other.readings;
        self.passes += other.passes;
        self.mean_squares += other.mean_squares;
        self.products += other.products;
        self.squares += other.squares;
    }

    /// Adds a returned pass: what should come back, what did, and for each mode whether P is read rather than X.
    pub fn add(
        &mut self,
        means: &[Complex<f64>],
        returned: &[Complex<f64>],
        mut read_p: impl FnMut() -> bool,
    ) {
        self.passes += 1;
        for (mean, point) in means.iter().zip(returned) {
            let (m, r) = match read_p() {
                true => (mean.im, point.im),
                false => (mean.re, point.re),
            };
            self.readings += 1;
            self.mean_squares += m * m;
            self.products += r * m;
            self.squares += r * r;
        }
    }
}

impl Check {
    /// A check whose false alarms have the rate 0 < `false_alarm` < 1, a layer.
    ///
    /// # Errors
    /// [`OpticalError::FalseAlarm`].
    pub fn new(setting: Setting, false_alarm: f64) -> Result<Self, OpticalError> {
        match false_alarm > 0.0 && false_alarm < 1.0 {
            true => Ok(Self {
                setting,
                false_alarm,
            }),
            false => Err(OpticalError::FalseAlarm(false_alarm)),
        }
    }

    /// Judges a layer. Too few readings to judge, or none with light in it, pass nothing: p = 0.
    #[must_use]
    pub fn judge(&self, residuals: &Residuals) -> Verdict {
        let degrees = residuals.readings as f64 - 1.0;
        let power = residuals.mean_squares;
        let nothing = Verdict {
            transmittance: 0.0,
            excess: 0.0,
            p_value: 0.0,
        };
        let enough = degrees >= 1.0 && power > 0.0;
        if !enough {
            return nothing;
        }
        let amplitude = residuals.products / power;
        let noise = (residuals.squares - residuals.products * amplitude).max(0.0);
        let p_amplitude = {
            let deviations = (amplitude - 1.0).abs() * (power * degrees / noise).sqrt();
            2.0 * Normal::standard().sf(deviations)
        };
        let (factor, freedom) = self.honest_noise(degrees, residuals.passes as f64);
        let p_noise = ChiSquared::new(freedom).map_or(0.0, |chi| chi.sf(noise / factor));
        // What is not a number passes nothing; `min` would drop it.
        let least = match p_amplitude.is_nan() || p_noise.is_nan() {
            true => 0.0,
            false => p_amplitude.min(p_noise),
        };
        Verdict {
            transmittance: self.setting.transmittance() * amplitude * amplitude,
            excess: noise / degrees - 1.0,
            p_value: (2.0 * least).min(1.0),
        }
    }

    /// Judges a layer of a later query: by itself, and with the readings of all queries. T and ε are of the layer by itself.
    #[must_use]
    pub fn judge_both(&self, residuals: &Residuals, all: &Residuals) -> Verdict {
        let verdict = self.judge(residuals);
        let least = verdict.p_value.min(self.judge(all).p_value);
        Verdict {
            p_value: (2.0 * least).min(1.0),
            ..verdict
        }
    }

    /// Whether the server goes on.
    #[must_use]
    pub fn passes(&self, verdict: &Verdict) -> bool {
        verdict.p_value >= self.false_alarm
    }

    /// The transmittance and the excess noise at the limits of the two tests, in one image and a layer of this shape: a client at
    /// one of them passes half of the time, at both a quarter.
    #[must_use]
    pub fn limits(&self, shape: &MatrixShape) -> (f64, f64) {
        let passes = (shape.rows * shape.uses()) as f64;
        let readings = passes * shape.modes() as f64;
        let (factor, freedom) = self.honest_noise(readings, passes);
        // The quantile by Wilson and Hilferty (1931): in the upper tail, whose complement would round to 1.
        let ninth = 2.0 / (9.0 * freedom);
        let root = 1.0 - ninth + upper_tail(self.false_alarm / 2.0) * ninth.sqrt();
        let noise = factor * freedom * root.powi(3);
        let power = readings * self.setting.power();
        let deviation = (noise / (readings * power)).sqrt();
        let amplitude = (1.0 - upper_tail(self.false_alarm / 4.0) * deviation).max(0.0);
        let transmittance = self.setting.transmittance() * amplitude * amplitude;
        (transmittance, (noise / readings - 1.0).max(0.0))
    }

    /// Bits of a symbol that a client may learn in one pass at the limits of this check in one image.
    #[must_use]
    pub fn unseen(&self, shape: &MatrixShape) -> f64 {
        let (transmittance, excess) = self.limits(shape);
        leak::holevo(
            leak::launched_variance(&self.setting),
            transmittance,
            excess,
        )
    }

    /// c and ν of S for an honest client.
    fn honest_noise(&self, degrees: f64, passes: f64) -> (f64, f64) {
        let base = 1.0 + self.setting.noise();
        let excess = self.setting.returned_excess();
        let mean = degrees * base + passes * excess;
        let half_variance =
            degrees * base * base + passes * (2.0 * base * excess + excess * excess);
        (half_variance / mean, mean * mean / half_variance)
    }
}

/// The z that a standard normal number exceeds with this probability, 0 < `probability` ≤ 1/2.
fn upper_tail(probability: f64) -> f64 {
    -Normal::standard().inverse_cdf(probability.max(f64::MIN_POSITIVE))
}

#[cfg(test)]
mod tests {
    use addax_sim::optical::pass;
    use rand_distr::{Distribution, StandardNormal};

    use super::super::dice;
    use super::super::tests::{numbers, setting};
    use super::*;

    #[test]
    fn an_honest_client_is_stopped_as_often_as_the_false_alarm_rate_says() {
        const LAYERS: u64 = 10_000;
        // Few enough readings that the noise is no normal number yet, and much excess.
        let setting = Setting::new(4.0, 3.0, 0.0, 0.05).unwrap();
        let weights = numbers(6 * 20, 8);
        let alarms = |rate: f64, wrong: f64| {
            let check = Check::new(setting, rate).unwrap();
            let stopped = (0..LAYERS).filter(|&layer| {
                let mut dice = dice(3, layer);
                let data: Vec<f32> = StandardNormal.sample_iter(&mut dice).take(20).collect();
                let (v, _) = pass::data_of(&data).unwrap();
                let mut residuals = Residuals::default();
                let mut coin = false;
                for row in weights.chunks_exact(20) {
                    let means = pass::modes_of(row, 2.0);
                    let mut light = pass::returned(&setting, &means, &v, &mut dice);
                    for (point, mean) in light.points_mut().iter_mut().zip(&means) {
                        *point = mean + (*point - mean) * wrong;
                    }
                    residuals.add(&means, light.points(), || {
                        coin = !coin;
                        coin
                    });
                }
                !check.passes(&check.judge(&residuals))
            });
            stopped.count() as f64 / LAYERS as f64
        };
        // The rate is kept, and not undercut by more than the correction for two tests and the bound on the variance cost.
        let rate = alarms(0.05, 1.0);
        assert!((0.035..=0.055).contains(&rate), "{rate}");
        let rate = alarms(0.01, 1.0);
        assert!((0.005..=0.013).contains(&rate), "{rate}");
        // A check that cannot count would not see this: a fifth more noise in amplitude.
        assert!(alarms(0.05, 1.2) > 0.5);
    }

    #[test]
    fn readings_without_light_or_too_few_pass_nothing() {
        let check = Check::new(setting(), 1e-3).unwrap();
        assert!(!check.passes(&check.judge(&Residuals::default())));
        for bad in [0.0, 1.0, -0.1, f64::NAN] {
            assert!(matches!(
                Check::new(setting(), bad),
                Err(OpticalError::FalseAlarm(_))
            ));
        }
    }

    #[test]
    fn noise_of_zero_is_nobodys() {
        // As no light can be, but whoever implements a receiver may return it.
        let check = Check::new(setting(), 1e-3).unwrap();
        let means = vec![Complex::new(0.3, 0.4); 50];
        let mut residuals = Residuals::default();
        residuals.add(&means, &means, || false);
        assert!(!check.passes(&check.judge(&residuals)));
    }

    #[test]
    fn limits_are_where_half_of_the_layers_are_stopped() {
        const LAYERS: u64 = 2000;
        let network = super::super::tests::arena_network();
        let shape = network.public().matrices().next().unwrap();
        let check = Check::new(setting(), 1e-3).unwrap();
        let (transmittance, excess) = check.limits(shape);
        assert!(transmittance < 1.0 && excess > 0.0);
        let stopped = |amplitude: f64, variance: f64| {
            let stopped = (0..LAYERS).filter(|&layer| {
                let mut dice = dice(4, layer);
                let mut residuals = Residuals::default();
                for row in network.matrix(0).chunks_exact(128) {
                    let means = pass::modes_of(row, shape.amplitude(&setting()));
                    let mut normal = || StandardNormal.sample(&mut dice);
                    let returned: Vec<_> = means
                        .iter()
                        .map(|mean| {
                            let noise: Complex<f64> = Complex::new(normal(), normal());
                            mean * amplitude + noise * variance.sqrt()
                        })
                        .collect();
                    residuals.add(&means, &returned, || true);
                }
                !check.passes(&check.judge(&residuals))
            });
            stopped.count() as f64 / LAYERS as f64
        };
        let honest = 1.0 + setting().returned_excess() / 64.0;
        let lost = stopped(transmittance.sqrt(), honest);
        assert!((0.4..0.65).contains(&lost), "{lost}");
        let noisy = stopped(1.0, 1.0 + excess);
        assert!((0.4..0.6).contains(&noisy), "{noisy}");
        // However rare false alarms are to be, the limits are finite.
        let (transmittance, excess) = Check::new(setting(), 1e-300).unwrap().limits(shape);
        assert!(transmittance > 0.0 && excess.is_finite());
    }
}
