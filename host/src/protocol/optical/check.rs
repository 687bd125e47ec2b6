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
//! false-alarm rate α means p < α.

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
        let noise = residuals.squares - residuals.products * amplitude;
        let p_amplitude = {
            let deviations = (amplitude - 1.0).abs() * (power * degrees / noise).sqrt();
            2.0 * Normal::standard().sf(deviations)
        };
        let (factor, freedom) = self.honest_noise(degrees, residuals.passes as f64);
        let p_noise = ChiSquared::new(freedom).map_or(0.0, |chi| chi.sf(noise / factor));
        let least = p_amplitude.min(p_noise);
        Verdict {
            transmittance: self.setting.transmittance() * amplitude * amplitude,
            excess: noise / degrees - 1.0,
            // Not a number is no passing.
            p_value: if least.is_nan() {
                0.0
            } else {
                (2.0 * least).min(1.0)
            },
        }
    }

    /// Whether the server goes on.
    #[must_use]
    pub fn passes(&self, verdict: &Verdict) -> bool {
        verdict.p_value >= self.false_alarm
    }

    /// The transmittance and the excess noise of the worst client that half of the time passes a layer of this shape: for the
    /// leak that the check cannot exclude. Each is at its own limit.
    #[must_use]
    pub fn limits(&self, shape: &MatrixShape) -> (f64, f64) {
        let passes = (shape.rows * shape.uses()) as f64;
        let readings = passes * shape.modes() as f64;
        let (factor, freedom) = self.honest_noise(readings - 1.0, passes);
        let noise = ChiSquared::new(freedom).map_or(f64::INFINITY, |chi| {
            factor * chi.inverse_cdf(1.0 - self.false_alarm / 2.0)
        });
        let deviations = Normal::standard().inverse_cdf(1.0 - self.false_alarm / 4.0);
        let power = readings * self.setting.power();
        let amplitude = (1.0 - deviations * (noise / (readings * power)).sqrt()).max(0.0);
        let transmittance = self.setting.transmittance() * amplitude * amplitude;
        (transmittance, noise / readings - 1.0)
    }

    /// Bits of a symbol that a client may learn in one pass and still pass this check half of the time.
    #[must_use]
    pub fn undetected(&self, shape: &MatrixShape) -> f64 {
        let (transmittance, excess) = self.limits(shape);
        leak::holevo(
            leak::launched_variance(&self.setting),
            transmittance,
            excess.max(0.0),
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
