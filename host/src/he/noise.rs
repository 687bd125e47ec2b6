//! Noise: what a layer's responses contain beside the result, whether they still decrypt, and whether they hide the weights.
//!
//! Before flooding, a coefficient of the phase c0 + c1·s differs from Q·y/2^k by
//!
//! * the fresh errors times the weights, Σ w·e: sub-Gaussian with variance proxy v·Σw² (v = η/2 = 10.5, the centred
//!   binomial being strictly sub-Gaussian);
//! * the encryption of zero, u·e + e0 + e1·s: variance proxy v·(‖u‖² + 1 + ‖s‖²), ‖·‖² ≤ h up to probability 2^-60
//!   (Hoeffding on the number of non-zeros of a ternary polynomial: h = 2n/3 + √(n·60·ln 2/2));
//! * roundings: each embedding of a share is off by at most ½, so the client's and the server's share put at most Σ|w|
//!   together; the mask's embedding ½; and Q·y/2^k need not be an integer, ½.
//!
//! Let σ² be the sum of the variance proxies and r of the roundings. Flooding adds an integer uniform in
//! [−2^f, 2^f), f = (102 − k for N4096). The view of the key owner is simulated from its own result by leaving σ and r out;
//! the statistical distance of one coefficient is E|e|/2^(f+1) ≤ (σ + r)/2^(f+1), and a query's is at most the sum over
//! all coefficients of all its responses. This is the **hiding** bound: ≤ 2^-40 or the plan is refused.
//!
//! Switching divides everything by the product P of the dropped limbs and adds a rounding of c0 and c1·s (variance
//! proxy (1 + h)/12 + 1 for the earlier switches). Dropping d low bits rounds halves up: the error is ½ on average, uniform
//! around that with variance (4^d − 1)/12, and what the ½ of every coefficient of c1 adds up to, ½·Σ ±s_i, has the proxy h/4
//! over the signs of s. So d0 and d1 dropped bits add (4^d0 + 2 + h·(4^d1 + 2))/12, nothing where none is dropped. (c1 is
//! taken as uniform, which no efficient algorithm can tell it from.) Decryption is right
//! while the total stays below Q'/2^(k+1), Q' the product of the remaining limbs. With hard part H = (2^f + r)/P + 2 + Q'/2^61
//! (the last for decoding) and remaining variance proxy τ², a coefficient fails with probability at most
//! 2·exp(−(Q'/2^(k+1) − H)²/(2τ²)). The sum over all coefficients of a query, and 2^-60 for the norm of s and of each u, is the
//! **failure** bound: ≤ 2^-40.
//!
//! Everything here depends on shapes and bit widths only, never on a weight: widths chosen from weights would leak them.

use addax_core::params::{ERROR_VARIANCE, PRIMES, ParameterSet};

use super::ResponseFormat;

/// Hiding and failure must be at most 2^this a query.
pub const SECURITY_LOG2: f64 = -40.0;

/// Largest plaintext modulus 2^k that one response limb carries.
pub const MAX_PLAIN_BITS_ONE_LIMB: u32 = 25;

/// Dropped bits are chosen to leave room for queries of up to 2^this coefficients.
const DROP_COEFFICIENTS_LOG2: f64 = 24.0;

/// ... and for weight noise of up to 2^this before switching.
const DROP_NOISE_LOG2: f64 = 24.0;

/// What the noise of a layer depends on.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct LayerNoise {
    /// Plaintexts are mod 2^this.
    pub plain_bits: u32,
    /// Weights that meet in one coefficient, over all tiles that are summed.
    pub weights: usize,
    /// Weights are below 2^(this−1) in magnitude, or equal.
    pub weight_bits: u32,
    /// Coefficients of all responses of this layer, used or not.
    pub coefficients: usize,
}

/// The bounds of a layer.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct NoiseBound {
    /// log₂ of a bound on the decrypted noise that holds but for probability 2^-40 a query.
    pub noise_bits: f64,
    /// log₂ of the largest noise that decrypts, over the bound.
    pub margin_bits: f64,
    /// log₂ of the probability that any coefficient of the layer decrypts wrongly.
    pub failure_log2: f64,
    /// log₂ of the statistical distance between the layer's responses and simulated ones.
    pub hiding_log2: f64,
}

/// Width of the flooding noise: uniform in [−2^f, 2^f) for the returned f.
#[must_use]
pub const fn flooding_exponent(parameters: &ParameterSet, plain_bits: u32) -> u32 {
    parameters.flooding_exponent.saturating_sub(plain_bits)
}

/// The response format for plaintexts mod 2^plain_bits: limbs and dropped bits, a function of the parameters and k only.
#[must_use]
pub fn response_format(parameters: &ParameterSet, plain_bits: u32) -> ResponseFormat {
    let mut format = ResponseFormat {
        plain_bits,
        limbs: if plain_bits <= MAX_PLAIN_BITS_ONE_LIMB {
            1
        } else {
            2
        },
        dropped_bits: [0, 0],
    };
    if format.limbs == 1 {
        let fits = |format: &ResponseFormat| {
            let noise = Switched {
                hard: DROP_NOISE_LOG2.exp2(),
                variance: (2.0 * DROP_NOISE_LOG2 - 8.0).exp2(),
            };
            let flooding = flooding_exponent(parameters, plain_bits);
            let failure = noise
                .switch(parameters, format, Some(flooding))
                .failure_log2(format);
            failure + DROP_COEFFICIENTS_LOG2 <= SECURITY_LOG2
        };
        // c1 is always sent whole, so its bits go first.
        for component in [1, 0] {
            loop {
                let mut wider = format;
                wider.dropped_bits[component] += 1;
                if wider.dropped_bits[component] > 20 || !fits(&wider) {
                    break;
                }
                format = wider;
            }
        }
    }
    format
}

impl LayerNoise {
    /// The bounds for responses of a format, with flooding of the given exponent (`None`: no flooding, for tests).
    #[must_use]
    pub fn bound(
        &self,
        parameters: &ParameterSet,
        format: &ResponseFormat,
        flooding: Option<u32>,
    ) -> NoiseBound {
        let largest = f64::from(self.weight_bits - 1).exp2();
        let weights = self.weights as f64;
        let secret = squared_norm(parameters);
        let variance = ERROR_VARIANCE * (weights * largest * largest + 2.0 * secret + 1.0);
        let hard = weights * largest + 1.0;
        let coefficients = (self.coefficients as f64).log2();
        let width = flooding.map_or(0.0, |exponent| f64::from(exponent) + 1.0);
        let hiding_log2 = coefficients + (variance.sqrt() + hard).log2() - width;
        let noise = Switched { hard, variance }.switch(parameters, format, flooding);
        let tail = 2.0 * std::f64::consts::LN_2 * (1.0 + coefficients - SECURITY_LOG2);
        let bound = noise.hard + (noise.variance * tail).sqrt();
        // One s, and a u for each response.
        let norms = self.coefficients as f64 / parameters.degree() as f64 + 1.0;
        let norms = norms.log2() - NORM_TAIL;
        NoiseBound {
            noise_bits: bound.log2(),
            margin_bits: threshold(format).log2() - bound.log2(),
            failure_log2: sum_log2([noise.failure_log2(format) + coefficients, norms]),
            hiding_log2: hiding_log2.min(0.0),
        }
    }
}

/// Noise as a hard bound and a variance proxy.
struct Switched {
    hard: f64,
    variance: f64,
}

impl Switched {
    /// The noise after flooding, switching and dropping bits.
    fn switch(
        &self,
        parameters: &ParameterSet,
        format: &ResponseFormat,
        flooding: Option<u32>,
    ) -> Self {
        let dropped: f64 = PRIMES[format.limbs..parameters.limbs]
            .iter()
            .map(|&q| q as f64)
            .product();
        let flood = flooding.map_or(0.0, |exponent| f64::from(exponent).exp2());
        let secret = squared_norm(parameters);
        let [d0, d1] = format.dropped_bits.map(|bits| {
            if bits == 0 {
                0.0
            } else {
                // Rounding halves up is biased by ½: a quarter of variance that 4^bits − 1 twelfths leave out.
                f64::from(2 * bits).exp2() + 2.0
            }
        });
        let decoding = remaining(format) * (-61f64).exp2();
        Self {
            hard: (flood + self.hard) / dropped + 2.0 + decoding,
            variance: self.variance / (dropped * dropped)
                + (1.0 + secret) / 12.0
                + 1.0
                + (d0 + secret * d1) / 12.0,
        }
    }

    /// log₂ of the probability that one coefficient decrypts wrongly.
    fn failure_log2(&self, format: &ResponseFormat) -> f64 {
        let room = threshold(format) - self.hard;
        if room <= 0.0 {
            return 0.0;
        }
        let failure = 1.0 - room * room / (2.0 * self.variance) * std::f64::consts::LOG2_E;
        // Below this it is no longer a number that means anything, and 2^failure would underflow.
        failure.max(-999.0)
    }
}

/// The largest noise that decrypts: Q'/2^(k+1).
fn threshold(format: &ResponseFormat) -> f64 {
    remaining(format) / (f64::from(format.plain_bits) + 1.0).exp2()
}

/// Q': the product of the remaining limbs.
fn remaining(format: &ResponseFormat) -> f64 {
    PRIMES[..format.limbs].iter().map(|&q| q as f64).product()
}

/// A norm is exceeded with probability 2^-this.
const NORM_TAIL: f64 = 60.0;

/// h: the squared norm of a ternary polynomial, exceeded with probability below 2^-60.
fn squared_norm(parameters: &ParameterSet) -> f64 {
    let n = parameters.degree() as f64;
    2.0 * n / 3.0 + (n * NORM_TAIL * std::f64::consts::LN_2 / 2.0).sqrt()
}

/// log₂ of a sum of powers of two given by their exponents.
#[must_use]
pub fn sum_log2(exponents: impl IntoIterator<Item = f64>) -> f64 {
    exponents.into_iter().map(f64::exp2).sum::<f64>().log2()
}

#[cfg(test)]
mod tests {
    use super::*;
    use addax_core::params::N4096;

    fn largest_layer(plain_bits: u32) -> LayerNoise {
        LayerNoise {
            plain_bits,
            weights: 4096,
            weight_bits: 8,
            coefficients: 23 * 4096,
        }
    }

    fn bound(plain_bits: u32, flooding: bool) -> NoiseBound {
        let format = response_format(&N4096, plain_bits);
        let exponent = flooding_exponent(&N4096, plain_bits);
        largest_layer(plain_bits).bound(&N4096, &format, flooding.then_some(exponent))
    }

    #[test]
    fn plaintexts_up_to_25_bits_decrypt_and_hide() {
        for plain_bits in 8..=MAX_PLAIN_BITS_ONE_LIMB {
            let bound = bound(plain_bits, true);
            assert!(
                bound.failure_log2 <= SECURITY_LOG2,
                "{plain_bits}: {bound:?}"
            );
            assert!(
                bound.hiding_log2 <= SECURITY_LOG2,
                "{plain_bits}: {bound:?}"
            );
            assert!(bound.margin_bits >= 0.0);
        }
    }

    #[test]
    fn without_flooding_nothing_is_hidden() {
        assert!(bound(23, false).hiding_log2 > SECURITY_LOG2);
        assert!(bound(23, false).hiding_log2 >= 0.0);
    }

    #[test]
    fn thirty_plaintext_bits_are_too_wide_to_hide() {
        assert!(bound(30, true).hiding_log2 > SECURITY_LOG2);
    }

    #[test]
    fn one_more_dropped_bit_would_break_decryption() {
        for plain_bits in [18, 23, 25] {
            let mut format = response_format(&N4096, plain_bits);
            assert!(format.dropped_bits[0] > 0);
            format.dropped_bits = format.dropped_bits.map(|bits| bits + 2);
            let layer = LayerNoise {
                coefficients: 1 << 24,
                ..largest_layer(plain_bits)
            };
            let exponent = flooding_exponent(&N4096, plain_bits);
            let bound = layer.bound(&N4096, &format, Some(exponent));
            assert!(
                bound.failure_log2 > SECURITY_LOG2,
                "{plain_bits}: {bound:?}"
            );
        }
    }

    #[test]
    fn dropped_bits_are_as_noisy_as_their_variance_says() {
        use crate::he::ciphertext::drop_bits;
        use addax_core::random::Purpose;
        use addax_core::sample;
        use rand_core::Rng;

        let mut randomness = crate::random::PartyRandomness::from_key([4; 32]);
        let q = PRIMES[0];
        let mut secret = vec![0i8; N4096.degree()];
        let mut rng = randomness.generator(Purpose::Session);
        for bits in 1..4 {
            // The error of a coefficient of c1·s after dropping bits of a uniform c1, over fresh secrets.
            let runs = 2000;
            let squares: f64 = (0..runs)
                .map(|_| {
                    sample::ternary(&mut rng, &mut secret);
                    let error = secret.iter().map(|&s| {
                        let x = rng.next_u64() % q;
                        i64::from(s) * ((drop_bits(x, bits, q) << bits) as i64 - x as i64)
                    });
                    // Near q the representative jumps by q, not the residue.
                    let sum: i64 = error.sum();
                    let sum = (sum + q as i64 / 2).rem_euclid(q as i64) - q as i64 / 2;
                    (sum as f64).powi(2)
                })
                .sum();
            let format = |bits| ResponseFormat {
                plain_bits: 23,
                limbs: 1,
                dropped_bits: [0, bits],
            };
            let nothing = || Switched {
                hard: 0.0,
                variance: 0.0,
            };
            let with = nothing().switch(&N4096, &format(bits), None).variance;
            let without = nothing().switch(&N4096, &format(0), None).variance;
            let measured = squares / f64::from(runs);
            assert!(
                measured <= with - without,
                "{bits}: {measured} above {}",
                with - without
            );
        }
    }

    #[test]
    fn rare_norms_count_as_failures() {
        let layer = LayerNoise {
            coefficients: 1 << 40,
            ..largest_layer(8)
        };
        let mut format = response_format(&N4096, 8);
        format.dropped_bits = [0, 0];
        let bound = layer.bound(&N4096, &format, None);
        assert!((-32.1..-31.9).contains(&bound.failure_log2), "{bound:?}");
    }

    #[test]
    fn sums_of_probabilities_add_up() {
        assert!((sum_log2([-41.0, -41.0]) + 40.0).abs() < 1e-12);
    }
}
