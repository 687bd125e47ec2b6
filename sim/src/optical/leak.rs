//! How much the light tells: of a weight to the client, of a datum to the server.
//!
//! # A weight
//!
//! The server modulates coherent states with variance V − 1 = 2μ a quadrature. Sent through a channel of transmittance T and
//! excess noise ε, whose every loss and noise is the client's doing, they give the client at most the Holevo information
//!
//! ```text
//! I = g(ν₁) + g(ν₂) − g(ν₃)         ν₁,₂ = (z ± (b − a))/2,   z = √((a+b)² − 4c²),   ν₃ = b − c²/(a+1)
//! a = V,   b = T(V−1) + 1 + ε,   c = √(T(V²−1))
//! ```
//!
//! for Gaussian collective attacks: the state that the client holds purifies the two modes of the equivalent entangled source
//! and of what returned, and the server's preparation is a heterodyne detection of the source. ε is what an honest client
//! adds, 2(G−1)/G in one of n′ modes.
//!
//! In the form that is computed, nothing cancels: ν₃ = 1 + ε; ν₁ν₂ = ab − c² = V(1−T) + T + Vε;
//! b − a = ε − (1−T)(V−1); and (ν₁−1)(ν₂−1) = (V+1) ε (V−1)(2(1−T)+ε)/(ν₁ν₂ + 1 + z).
//!
//! # A datum
//!
//! The client's noise comes back in the one mode v that is the data vector. A server that sees M rows return with covariance
//! 1 + e v v†, e = 2(G−1)/G, learns v from the noise. Two bounds were published, both for servers that measure quadratures:
//!
//! - v1 counts what each mode's variance, 1 + e v², tells of its own datum (Cramér–Rao, one mode at a time), for M = n = 2n′:
//!   `I = ½ log₂(1 + 2 v² n′ J)`, `J = 2 e² v²/s⁴`, s = 1 + e v², v² = 1/n′. (The Fisher information of a normal variance has
//!   s² where the published code has s⁴; the fourth digit differs.) For other M, 2n′ is M here.
//! - PRX counts what the whole covariance tells, correlations between modes included: an entry of v moves Σ = 1 + e v vᵗ by
//!   dΣ = e (t vᵗ + v tᵗ), and ½ tr(Σ⁻¹ dΣ Σ⁻¹ dΣ) = e²/(1+e). With M rows and n data of prior variance 1/n,
//!   `I = ½ log₂(1 + (M/n) e²/(1+e))`, which is the published `½ log₂(1 + 4 (M/n) (G−1)²/(G(3G−2)))`.
//!
//! Neither covers a server that sends no light and *counts photons*: against a dark background, the e/2 photons a row that an
//! amplifier emits are all in mode v. For every measurement of what returns of darkness there is the Holevo bound
//! ([`dark_data_leak`]): N photons in mode v are a state of the symmetric subspace of N photons in n′ modes, whose dimension is
//! C(N+n′−1, N); the number itself does not depend on v, and the logarithm is concave in it, so with the mean N = M e/2,
//! `I ≤ log₂ C(N+n′−1, N)/n` a datum.
//!
//! Neither loss nor technical noise helps the server: all are taken without them. And all suppose that the server sends
//! nothing less noisy than coherent light; [`joint_data_leak`] says what becomes of PRX's when it does.

use std::f64::consts::LN_2;

use statrs::function::gamma::ln_gamma;

use super::gaussian::entropy_above_vacuum;
use super::setting::{Setting, returned_excess};

/// Which publication's bounds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Variant {
    /// arXiv 2408.05629, version 1, and its code: the information on a whole symbol counts for each weight; data one mode at
    /// a time.
    ArxivV1,
    /// PRX 15, 041056 (2025), and its code: half of a symbol's information for each of its two weights; data by the whole
    /// covariance.
    Prx,
}

impl Variant {
    /// Both, the default first.
    pub const ALL: [Self; 2] = [Self::ArxivV1, Self::Prx];

    /// The name people choose it by.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::ArxivV1 => "arxiv-v1",
            Self::Prx => "prx",
        }
    }

    /// The variant of that name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|variant| variant.name() == name)
    }

    /// How much of a symbol's information counts for one weight.
    #[must_use]
    pub const fn weight_share(self) -> f64 {
        match self {
            Self::ArxivV1 => 1.0,
            Self::Prx => 0.5,
        }
    }
}

/// The Holevo information in bits on a symbol: `variance` is V ≥ 1, `transmittance` 0 ≤ T ≤ 1, `excess` ε ≥ 0.
#[must_use]
pub fn holevo(variance: f64, transmittance: f64, excess: f64) -> f64 {
    let lost = 1.0 - transmittance;
    let modulation = variance - 1.0;
    // ν₁ν₂ and b − a.
    let product = variance * lost + transmittance + variance * excess;
    let difference = excess - lost * modulation;
    let z = difference.hypot(2.0 * product.sqrt());
    let larger = (z - 2.0 + difference.abs()) / 2.0;
    let above =
        (variance + 1.0) * excess * modulation * (2.0 * lost + excess) / (product + 1.0 + z);
    let smaller = match larger > 0.0 {
        true => above / larger,
        false => 0.0,
    };
    let information =
        entropy_above_vacuum(larger) + entropy_above_vacuum(smaller) - entropy_above_vacuum(excess);
    information.max(0.0)
}

/// V of the light that the server launches, by the published bounds: 2μ/T + 1 + ξ.
#[must_use]
pub fn launched_variance(setting: &Setting) -> f64 {
    2.0 * setting.photons() / setting.transmittance() + 1.0 + setting.noise()
}

/// ε of an honest client: 2(G−1)/G in one of `modes` modes, and the link's noise ξ.
#[must_use]
pub fn honest_excess(setting: &Setting, modes: usize) -> f64 {
    setting.returned_excess() / modes.max(1) as f64 + setting.noise()
}

/// Bits that one pass of a row tells of each weight, at most, if the returned light has the noise of an honest client.
#[must_use]
pub fn weight_leak(variant: Variant, setting: &Setting, modes: usize) -> f64 {
    let excess = honest_excess(setting, modes);
    observed_weight_leak(variant, setting, setting.transmittance(), excess)
}

/// Bits that one pass of a row tells of each weight, at most, if the returned light has this transmittance, of all that was
/// launched, and this excess noise.
#[must_use]
pub fn observed_weight_leak(
    variant: Variant,
    setting: &Setting,
    transmittance: f64,
    excess: f64,
) -> f64 {
    let information = holevo(launched_variance(setting), transmittance, excess);
    variant.weight_share() * information
}

/// Bits that the `rows` rows of a layer tell the server of each of the client's `data` numbers, at most, by the formula of
/// the variant.
#[must_use]
pub fn data_leak(variant: Variant, gain: f64, rows: usize, data: usize) -> f64 {
    match variant {
        Variant::ArxivV1 => separate_data_leak(gain, rows, data),
        Variant::Prx => joint_data_leak(gain, rows, data, 1.0),
    }
}

/// v1: each mode's variance on its own.
fn separate_data_leak(gain: f64, rows: usize, data: usize) -> f64 {
    let excess = returned_excess(gain);
    let square = 1.0 / data.div_ceil(2).max(1) as f64;
    let variance = 1.0 + excess * square;
    let fisher = 2.0 * excess * excess * square / variance.powi(4);
    0.5 * (rows as f64 * square * fisher).ln_1p() / LN_2
}

/// PRX: the whole covariance, for light whose noise is `launched` > 0 shot-noise units in the measured quadrature instead of
/// the 1 of coherent states: `½ log₂(1 + (M/n) e²/(launched·(launched + e)))`. The published bound is that of 1; below,
/// squeezed light, it grows without limit.
#[must_use]
pub fn joint_data_leak(gain: f64, rows: usize, data: usize, launched: f64) -> f64 {
    let excess = returned_excess(gain);
    let ratio = rows as f64 / data.max(1) as f64;
    0.5 * (ratio * excess * excess / (launched * (launched + excess))).ln_1p() / LN_2
}

/// Bits that any measurement of what returns tells of each of `data` numbers, at most, if the server sends no light: see the
/// module's text.
#[must_use]
pub fn dark_data_leak(gain: f64, rows: usize, data: usize) -> f64 {
    let modes = data.div_ceil(2).max(1) as f64;
    let photons = rows as f64 * returned_excess(gain) / 2.0;
    let dimension = ln_gamma(photons + modes) - ln_gamma(photons + 1.0) - ln_gamma(modes);
    dimension / (LN_2 * data.max(1) as f64)
}

#[cfg(test)]
mod tests {
    use super::super::gaussian::Covariance;
    use super::*;

    const DATA: usize = 784;
    const MODES: usize = 392;

    fn weight(variant: Variant, photons: f64, gain: f64) -> f64 {
        weight_leak(
            variant,
            &Setting::new(photons, gain, 0.0, 0.0).unwrap(),
            MODES,
        )
    }

    /// Agreement in three significant digits.
    fn three(got: f64, want: f64) {
        let digit = 10.0_f64.powf(want.log10().floor() - 2.0);
        assert!((got - want).abs() <= digit / 2.0, "{got} is not {want}");
    }

    #[test]
    fn published_figures_are_met_to_three_digits() {
        use Variant::{ArxivV1, Prx};
        three(weight(ArxivV1, 4.0, 2.0), 0.0874);
        three(weight(ArxivV1, 8.0, 2.0), 0.157);
        three(weight(Prx, 8.0, 2.0), 0.0787);
        three(weight(ArxivV1, 6.0, 1.3), 0.0651);
        three(weight(Prx, 6.0, 1.3), 0.0325);
        three(data_leak(ArxivV1, 2.0, DATA, DATA), 0.00725);
        three(data_leak(ArxivV1, 1.3, DATA, DATA), 0.00156);
        three(data_leak(Prx, 2.0, DATA, DATA), 0.292);
        three(data_leak(Prx, 1.3, DATA, DATA), 0.0981);
    }

    #[test]
    fn the_holevo_information_is_that_of_the_covariance_matrix() {
        for (v, t, e) in [(9.0, 1.0, 0.00255), (17.0, 0.5, 0.02), (5.0, 0.9, 2.0)] {
            let b = t * (v - 1.0) + 1.0 + e;
            let c = f64::sqrt(t * (v * v - 1.0));
            let both = Covariance::correlated(v, b, c).unwrap();
            // Heterodyne detection of the source leaves b − c²/(a+1) of the other mode.
            let left = (b - c * c / (v + 1.0) - 1.0) / 2.0;
            let left = Covariance::thermal(&[left]).unwrap();
            let want = both.entropy() - left.entropy();
            assert!((holevo(v, t, e) - want).abs() < 1e-6, "{v} {t} {e}");
        }
    }

    #[test]
    fn little_light_and_much_of_it_lose_no_digits() {
        // Against the published form where that is exact enough, and where it is not, what must be.
        let published = |v: f64, t: f64, e: f64| {
            let (a, b, c) = (v, t * (v - 1.0) + 1.0 + e, t * (v * v - 1.0));
            let z = f64::sqrt((a + b) * (a + b) - 4.0 * c);
            let terms = [(z + b - a) / 2.0, (z - b + a) / 2.0, b - c / (a + 1.0)];
            let g = |x: f64| entropy_above_vacuum(x - 1.0);
            g(terms[0]) + g(terms[1]) - g(terms[2])
        };
        for (v, t, e) in [
            (9.0, 1.0, 0.01),
            (9.0, 0.5, 0.0),
            (3.0, 0.9, 1.0),
            (1e3, 0.3, 2.0),
            (2.0, 0.0, 0.0),
        ] {
            assert!(
                (holevo(v, t, e) - published(v, t, e)).abs() < 1e-9,
                "{v} {t} {e}"
            );
        }
        // All of a strong light: what a heterodyne detector reads of it, and less than twice that.
        let (all, read) = (holevo(1e16, 1e-10, 0.0), 1e16_f64.log2() - 1.0);
        assert!(all > read && all < 2.0 * read, "{all}");
        let faint = holevo(9.0, 1.0, 1e-15);
        assert!(faint > 1e-14 && faint < 1e-12, "{faint}");
    }

    #[test]
    fn any_measurement_of_darkness_tells_at_most_the_dimension_of_its_photons() {
        // Two photons in three modes: six states. M e/2 = 2 with e = 1, M = 4; n = 6.
        assert!((dark_data_leak(2.0, 4, 6) - 6.0_f64.log2() / 6.0).abs() < 1e-9);
        for gain in [1.06, 1.3, 2.0] {
            assert!(dark_data_leak(gain, DATA, DATA) > data_leak(Variant::Prx, gain, DATA, DATA));
        }
        three(dark_data_leak(2.0, DATA, DATA), 0.992);
    }

    #[test]
    fn rows_tell_in_proportion_while_they_tell_little() {
        for variant in Variant::ALL {
            let [few, many] = [10, 20].map(|rows| data_leak(variant, 1.1, rows, DATA));
            assert!((many / few - 2.0).abs() < 0.01, "{few} {many}");
        }
    }

    #[test]
    fn nothing_leaks_where_nothing_is_taken() {
        assert!(holevo(9.0, 1.0, 0.0) < 1e-9);
        assert!(holevo(1.0, 0.5, 0.0) < 1e-9);
    }

    #[test]
    fn loss_noise_and_photons_raise_the_leak_on_weights() {
        let leak = |photons, loss, noise| {
            let setting = Setting::new(photons, 2.0, loss, noise).unwrap();
            weight_leak(Variant::ArxivV1, &setting, MODES)
        };
        let base = leak(4.0, 0.0, 0.0);
        assert!(leak(4.0, 3.0, 0.0) > base);
        assert!(leak(4.0, 6.0, 0.0) > leak(4.0, 3.0, 0.0));
        assert!(leak(4.0, 0.0, 0.02) > base);
        assert!(leak(5.0, 0.0, 0.0) > base);
        // All that a heterodyne detection of everything finds is within the bound for its noise, two units.
        assert!(holevo(9.0, 1.0, 2.0) > 5.0_f64.log2());
    }

    #[test]
    fn the_second_bound_on_data_is_the_published_expression() {
        for gain in [1.01_f64, 1.3, 2.0, 5.0] {
            let published = 4.0 * (gain - 1.0).powi(2) / (gain * (3.0 * gain - 2.0));
            let want = 0.5 * f64::log2(1.0 + 794.0 / 784.0 * published);
            assert!((data_leak(Variant::Prx, gain, 794, DATA) - want).abs() < 1e-12);
            assert!(
                joint_data_leak(gain, DATA, DATA, 0.1) > data_leak(Variant::Prx, gain, DATA, DATA)
            );
        }
    }

    #[test]
    fn variants_are_found_by_their_names() {
        for variant in Variant::ALL {
            assert_eq!(Variant::from_name(variant.name()), Some(variant));
        }
        assert_eq!(Variant::from_name("v3"), None);
    }
}
