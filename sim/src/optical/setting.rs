//! The operating point: photons, gain, loss and technical noise, and the noise that they make in closed form.
//!
//! The client amplifies mode 0 with gain G, then a beam splitter keeps 1/G of it and gives 1 − 1/G to a homodyne detector.
//! With X of mode 0 before, and Xᵢ and Xᵥ of the two vacua that come in,
//!
//! ```text
//! kept   = X + √((G−1)/G) (Xᵢ + Xᵥ)                           mean x,          variance 1 + 2(G−1)/G = (3G−2)/G
//! tapped = √(G−1) X + (G−1)/√G Xᵢ − Xᵥ/√G                     mean √(G−1) x,   variance (2G²−3G+2)/G
//! ```
//!
//! so that tapped/√(G−1) estimates x with variance D(G) = (2G²−3G+2)/(G(G−1)). D is least, 1.828, at G = 2 + √2. The kept
//! part returns with the mean it came with.
//!
//! # Photons, amplitude and F
//!
//! F, the signal-to-noise power of a neuron, is that of `y = √F/rms(W) · ⟨w, x/‖x‖⟩ + N(0, 1)`. The published code has
//! F = μ/D(G) with μ the mean photons of a symbol, a mode that carries two weights in its two quadratures. The estimate above
//! has that F when a quadrature has the mean square μ. A mode then holds (μ + μ)/4 = μ/2 photons; the published bounds take
//! the modulation variance 2μ in each quadrature, that of μ photons a mode. Taken with D(G) in units of the vacuum's variance,
//! 2μ would give F = 2μ/D(G): the published accuracy is that of half the light for which the published leak is stated, and
//! both err to the safe side. Here [`Setting::power`] is μ, so that accuracies are the published ones, and the bounds of
//! [`super::leak`] are taken at 2μ.
//!
//! Technical noise of ξ units a quadrature, at the client, adds to D(G). Loss is made up for by the server, who launches 1/T
//! of the power, so that it costs no accuracy; it is all on the way to the client, which for the bounds is the same as
//! anywhere, because what is lost counts as the client's.

use thiserror::Error;

/// Largest photons, gain and noise that are accepted; beyond, nothing is learnt from a simulation.
const LARGEST: f64 = 1e6;
/// Loss of more than this is as good as no light.
const LARGEST_LOSS_DB: f64 = 100.0;

/// A parameter that is physically impossible or useless.
#[derive(Clone, Debug, Error, PartialEq)]
pub enum SettingError {
    /// The mean photon number.
    #[error(
        "photons must be above 0 and at most {LARGEST:e}, not {0}: a symbol without light carries no weight"
    )]
    Photons(f64),
    /// The gain.
    #[error(
        "the gain must be above 1 and at most {LARGEST:e}, not {0}: an amplifier of gain 1 leaves nothing to measure, and \
         one below 1 is an attenuator"
    )]
    Gain(f64),
    /// The loss in decibel.
    #[error(
        "the loss must be 0 to {LARGEST_LOSS_DB} dB, not {0}: 0 dB loses nothing, 3 dB half of the light, and no link loses \
         more than all of it"
    )]
    Loss(f64),
    /// The technical noise.
    #[error(
        "the excess noise must be 0 to {LARGEST:e} shot-noise units, not {0}: a variance is not negative"
    )]
    Noise(f64),
    /// The signal-to-noise power.
    #[error("the signal-to-noise power F must be −60 to 60 dB, not {0}")]
    SignalToNoise(f64),
    /// A signal-to-noise power that takes too much light.
    #[error(
        "F = {f_db} dB at gain {gain} and excess noise {noise} takes {photons:.3e} photons a symbol, more than {LARGEST:e}: \
         ask for less, or amplify more"
    )]
    TooMuchLight {
        /// F in decibel.
        f_db: f64,
        /// G.
        gain: f64,
        /// ξ.
        noise: f64,
        /// μ.
        photons: f64,
    },
}

/// Photons, gain, loss and technical noise, within physical limits.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Setting {
    photons: f64,
    gain: f64,
    loss_db: f64,
    noise: f64,
}

impl Setting {
    /// `photons` is μ > 0, mean photons of a symbol; `gain` is G > 1; `loss_db` ≥ 0 is that of the link; `noise` is ξ ≥ 0, the
    /// link's technical noise at the client in shot-noise units a quadrature.
    ///
    /// # Errors
    /// [`SettingError`] names what is out of range.
    pub fn new(photons: f64, gain: f64, loss_db: f64, noise: f64) -> Result<Self, SettingError> {
        // Written so that NaN is refused.
        if !(photons > 0.0 && photons <= LARGEST) {
            return Err(SettingError::Photons(photons));
        }
        if !(gain > 1.0 && gain <= LARGEST) {
            return Err(SettingError::Gain(gain));
        }
        if !(0.0..=LARGEST_LOSS_DB).contains(&loss_db) {
            return Err(SettingError::Loss(loss_db));
        }
        if !(0.0..=LARGEST).contains(&noise) {
            return Err(SettingError::Noise(noise));
        }
        Ok(Self {
            photons,
            gain,
            loss_db,
            noise,
        })
    }

    /// The setting whose photons give the signal-to-noise power `f_db`, in decibel.
    ///
    /// # Errors
    /// [`SettingError`] names what is out of range.
    pub fn with_f_db(f_db: f64, gain: f64, loss_db: f64, noise: f64) -> Result<Self, SettingError> {
        if !(-60.0..=60.0).contains(&f_db) {
            return Err(SettingError::SignalToNoise(f_db));
        }
        let unit = Self::new(1.0, gain, loss_db, noise)?;
        let photons = 10.0_f64.powf(f_db / 10.0) * unit.estimate_variance();
        if photons > LARGEST {
            return Err(SettingError::TooMuchLight {
                f_db,
                gain,
                noise,
                photons,
            });
        }
        Self::new(photons, gain, loss_db, noise)
    }

    /// μ, mean photons of a symbol.
    #[must_use]
    pub const fn photons(&self) -> f64 {
        self.photons
    }

    /// G, the client's power gain.
    #[must_use]
    pub const fn gain(&self) -> f64 {
        self.gain
    }

    /// The link's loss in decibel.
    #[must_use]
    pub const fn loss_db(&self) -> f64 {
        self.loss_db
    }

    /// ξ, the link's technical noise in shot-noise units a quadrature, at the client.
    #[must_use]
    pub const fn noise(&self) -> f64 {
        self.noise
    }

    /// T, the link's transmittance.
    #[must_use]
    pub fn transmittance(&self) -> f64 {
        10.0_f64.powf(-self.loss_db / 10.0)
    }

    /// The mean square of a quadrature at the client, in shot-noise units: μ (see the module's text).
    #[must_use]
    pub const fn power(&self) -> f64 {
        self.photons
    }

    /// D(G) + ξ: the variance of the client's estimate of a quadrature.
    #[must_use]
    pub fn estimate_variance(&self) -> f64 {
        estimate_variance(self.gain) + self.noise
    }

    /// F = μ/(D(G) + ξ).
    #[must_use]
    pub fn f(&self) -> f64 {
        self.power() / self.estimate_variance()
    }

    /// F in decibel.
    #[must_use]
    pub fn f_db(&self) -> f64 {
        10.0 * self.f().log10()
    }

    /// 2(G−1)/G: the variance that an honest client adds to each quadrature of the one mode that it measures.
    #[must_use]
    pub fn returned_excess(&self) -> f64 {
        returned_excess(self.gain)
    }
}

/// D(G) = (2G²−3G+2)/(G(G−1)) for a gain G > 1.
#[must_use]
pub fn estimate_variance(gain: f64) -> f64 {
    (2.0 * gain * gain - 3.0 * gain + 2.0) / (gain * (gain - 1.0))
}

/// 2(G−1)/G for a gain G ≥ 1.
#[must_use]
pub fn returned_excess(gain: f64) -> f64 {
    2.0 * (gain - 1.0) / gain
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_closed_forms_have_their_published_values() {
        assert_eq!(estimate_variance(2.0), 2.0);
        assert_eq!(returned_excess(2.0), 1.0);
        let best = 2.0 + 2.0_f64.sqrt();
        assert!((estimate_variance(best) - 1.828_427).abs() < 1e-6);
        for other in [best * 0.99, best * 1.01] {
            assert!(estimate_variance(other) > estimate_variance(best));
        }
        let setting = Setting::new(4.0, 2.0, 3.0, 0.0).unwrap();
        assert_eq!(setting.f(), 2.0);
        assert!((setting.transmittance() - 0.501).abs() < 1e-3);
    }

    #[test]
    fn photons_follow_from_the_signal_to_noise_power() {
        for f_db in [-5.0, 0.0, 3.0, 20.0] {
            for noise in [0.0, 0.02] {
                let setting = Setting::with_f_db(f_db, 1.3, 0.0, noise).unwrap();
                assert!((setting.f_db() - f_db).abs() < 1e-12);
            }
        }
    }

    #[test]
    fn nonsense_is_refused_by_name() {
        for bad in [0.0, -4.0, 2e6, f64::NAN, f64::INFINITY] {
            assert!(matches!(
                Setting::new(bad, 2.0, 0.0, 0.0),
                Err(SettingError::Photons(_))
            ));
        }
        for bad in [1.0, 0.5, -1.0, f64::NAN, f64::INFINITY] {
            assert!(matches!(
                Setting::new(4.0, bad, 0.0, 0.0),
                Err(SettingError::Gain(_))
            ));
        }
        for bad in [-1.0, 101.0, f64::NAN] {
            assert!(matches!(
                Setting::new(4.0, 2.0, bad, 0.0),
                Err(SettingError::Loss(_))
            ));
            assert!(matches!(
                Setting::with_f_db(bad, 2.0, 0.0, bad),
                Err(SettingError::SignalToNoise(_) | SettingError::Noise(_))
            ));
        }
        assert!(matches!(
            Setting::with_f_db(60.0, 1.001, 0.0, 0.0),
            Err(SettingError::TooMuchLight { .. })
        ));
        assert!(matches!(
            Setting::new(4.0, 2.0, 0.0, -0.1),
            Err(SettingError::Noise(_))
        ));
    }
}
