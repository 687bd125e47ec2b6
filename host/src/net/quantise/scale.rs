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
