//! Choosing scales: of weights, of windows, of activations.

use addax_core::quant::{NotRepresentable, requantise, to_fixed};

/// The factor and the shift that divide a sum over `size` values by `size`: (1, m) for 2^m values, otherwise an eight-bit
/// reciprocal, (⌊2^t / size⌉, t), within 0.4 % of the true one: as fine as the weights.
pub(super) fn reciprocal(size: usize) -> (i64, u32) {
    let bits = size.ilog2();
    if size.is_power_of_two() {
        return (1, bits);
    }
    let t = bits + 8;
    // Twice the quotient, rounded down, then halved and rounded up: rounded to nearest.
    (((1usize << (t + 1)) / size).div_ceil(2) as i64, t)
}

/// Integer weights and their fractional bits: the most for which the largest magnitude is at most 2^(bits−1) − 1.
pub(super) fn weights_of(weights: &[f32], bits: u32) -> Result<(Vec<i32>, i32), NotRepresentable> {
    let largest = weights.iter().fold(0f32, |m, w| m.max(w.abs()));
    let top = (1i64 << (bits - 1)) - 1;
    // Beyond 30 fractional bits all weights are noise; below −30 none fits anyway.
    let fits = |fraction: &i32| to_fixed(f64::from(largest), *fraction).is_ok_and(|w| w <= top);
    if largest == 0.0 {
        return Ok((vec![0; weights.len()], 0));
    }
    let fraction = (-30..=30).rev().find(fits).ok_or(NotRepresentable {
        value: f64::from(largest),
        fractional_bits: -30,
    })?;
    let integers = weights
        .iter()
        .map(|&w| Ok(to_fixed(f64::from(w), fraction)? as i32))
        .collect::<Result<_, NotRepresentable>>()?;
    Ok((integers, fraction))
}

/// The upper quartile of the shifts that the images would choose, each by its least sum of squared errors.
///
/// Each image has one vote, so that a few of unusual contrast do not decide for all; and clipping large values costs more
/// accuracy than rounding small ones, so the vote is taken above the middle.
pub(super) fn best_shift(values: &[Vec<i64>], bits: u32) -> u32 {
    let mut votes: Vec<u32> = values.iter().filter_map(|x| vote(x, bits)).collect();
    votes.sort_unstable();
    votes.get(votes.len() * 3 / 4).copied().unwrap_or(0)
}

/// The best shift for one image, the smaller one on a tie; none if no value is positive.
fn vote(values: &[i64], bits: u32) -> Option<u32> {
    let positive = || values.iter().copied().filter(|&v| v > 0);
    let largest = positive().max()?;
    // From the first shift that clips nothing on, larger ones only lose precision.
    let last = (0..62)
        .find(|&s| requantise(largest, s, 62) < 1 << bits)
        .unwrap_or(62);
    // Below this, most of the range is clipped: four bits are more than any distribution wants.
    let first = last.saturating_sub(4);
    let error = |shift: u32| {
        positive().fold(0u128, |sum, v| {
            let stored = requantise(v, shift, bits) << shift;
            let off = u128::from(v.abs_diff(stored));
            sum.saturating_add(off * off)
        })
    };
    (first..=last).min_by_key(|&s| error(s))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reciprocals_divide_to_within_half_a_percent() {
        for size in 1usize..=1024 {
            let (weight, shift) = reciprocal(size);
            let quotient = weight as f64 * size as f64 / 2f64.powi(shift as i32);
            assert!((quotient - 1.0).abs() < 0.004, "{size}: {quotient}");
            assert!(weight <= 256);
            assert_eq!(weight == 1, size.is_power_of_two());
        }
    }

    #[test]
    fn the_largest_weight_fits_and_would_not_with_one_more_bit() {
        for (weights, bits, want, fraction) in [
            (&[0.5, -0.25][..], 8, &[64, -32][..], 7),
            (&[127.0, 1.0], 8, &[127, 1], 0),
            (&[-127.5, 1.0], 8, &[-64, 1], -1),
            (&[1000.0, 8.0], 8, &[125, 1], -3),
            (&[0.0, 0.0], 8, &[0, 0], 0),
            (&[0.3, -0.1], 4, &[5, -2], 4),
        ] {
            let got = weights_of(weights, bits).unwrap();
            assert_eq!(got, (want.to_vec(), fraction), "{weights:?}");
        }
        assert!(weights_of(&[f32::MAX], 8).is_err());
    }

    #[test]
    fn an_image_votes_for_the_least_squared_error_of_all_shifts() {
        // Many small values and a few large ones: clipping some of the latter pays.
        for spread in [3u32, 5, 9] {
            let values: Vec<i64> = (1..4_000i64)
                .map(|i| (i % 61).pow(spread / 2 + 1) * (i % 3 - 1))
                .collect();
            let error = |shift: u32| -> f64 {
                let kept = values.iter().filter(|&&v| v > 0);
                kept.map(|&v| (v - (requantise(v, shift, 8) << shift)) as f64)
                    .map(|off| off * off)
                    .sum()
            };
            let best = (0..40).min_by(|&a, &b| error(a).total_cmp(&error(b)));
            assert_eq!(vote(&values, 8), best);
        }
        assert_eq!(vote(&[0, -5], 8), None);
    }

    #[test]
    fn the_upper_quartile_of_the_votes_decides() {
        let image = |size: u32| vec![255i64 << (size - 8); 10];
        let set = [8, 8, 8, 9, 9, 10, 10, 20].map(image);
        assert_eq!(best_shift(&set, 8), 2);
        assert_eq!(best_shift(&[], 8), 0);
    }
}
