//! Fixed point: how real numbers become integers, and the one rounding that every part of the project uses.
//!
//! A real number r is stored as the integer x = r·2^f, f being its number of *fractional bits*. Products add their
//! fractional bits, so an accumulator of a layer has more of them than its inputs; a *rounding shift* by s takes s of
//! them away again:
//!
//! ```text
//! round_shift(x, s) = ⌊(x + 2^(s−1)) / 2^s⌋      (s ≥ 1; round_shift(x, 0) = x)
//! ```
//!
//! Halves go up, also for negative numbers: this is what a circuit gets for the price of one addition (a constant 2^(s−1)
//! that one party adds to its share) and of dropping wires. The integer reference, the garbled circuit and the
//! documentation all mean this function.
//!
//! Real numbers enter through [`to_fixed`], by way of a 128-bit fixed-point number of the crate `fixed`. Past that
//! conversion no floating-point operation takes part in an inference.

use core::fmt;

use fixed::types::I64F64;

/// Drops the low `s` bits of `x`, rounding to nearest and halves up: ⌊(x + 2^(s−1)) / 2^s⌋.
///
/// Defined for every argument: nothing overflows, because the carry out of the dropped bits is bit s − 1 itself, and
/// `s ≥ 64` gives 0 as the formula says.
#[inline]
#[must_use]
pub const fn round_shift(x: i64, s: u32) -> i64 {
    match s {
        0 => x,
        1..=63 => (x >> s) + ((x >> (s - 1)) & 1),
        _ => 0,
    }
}

/// Clamps `x` to the values of an unsigned activation, 0 ..= 2^bits − 1.
///
/// `bits` ≥ 63 leaves only the lower bound.
#[inline]
#[must_use]
pub const fn clamp_activation(x: i64, bits: u32) -> i64 {
    let top = if bits >= 63 {
        i64::MAX
    } else {
        (1i64 << bits) - 1
    };
    if x < 0 {
        0
    } else if x > top {
        top
    } else {
        x
    }
}

/// What an activation does with an accumulator: [`round_shift`], then [`clamp_activation`].
///
/// The clamp's lower end makes this a ReLU: rounding never turns a negative number into a positive one.
#[inline]
#[must_use]
pub const fn requantise(x: i64, shift: u32, bits: u32) -> i64 {
    clamp_activation(round_shift(x, shift), bits)
}

/// The smallest k for which values of magnitude at most `bound` can be rounded by `shift` as signed numbers mod 2^k:
/// `bound < 2^(k−1) − 2^(shift−1)`, so that adding the half does not wrap (`bound < 2^(k−1)` when there is no shift).
///
/// The answer can exceed 64 for bounds near `u64::MAX`.
#[must_use]
pub const fn plain_bits(bound: u64, shift: u32) -> u32 {
    // `shift` beyond 64 cannot be reached by the bound, so the half alone decides.
    let half = match shift {
        0 => 0,
        1..=64 => 1u128 << (shift - 1),
        _ => return shift + 1,
    };
    let reach = bound as u128 + half;
    // The smallest k with reach < 2^(k−1) is one more than the bit length of reach.
    (u128::BITS - reach.leading_zeros()) + 1
}

/// A real number that has no 64-bit fixed-point representation at the wanted precision.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct NotRepresentable {
    /// The number: not finite, or too large.
    pub value: f64,
    /// The fractional bits it was to have.
    pub fractional_bits: i32,
}

impl fmt::Display for NotRepresentable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} cannot be stored as a 64-bit integer with {} fractional bits",
            self.value, self.fractional_bits
        )
    }
}

impl core::error::Error for NotRepresentable {}

/// The integer nearest to `value`·2^`fractional_bits` (halves up), for `fractional_bits` in −62 ..= 62.
///
/// The number is first taken to 64 fractional bits (exact for any `f32` of magnitude at least 2^−40), then rounded as
/// [`round_shift`] rounds.
///
/// # Errors
/// [`NotRepresentable`] when `value` is not finite, is 2^63 or more in magnitude, when the result needs more than 64
/// bits, or when `fractional_bits` is outside its range.
pub fn to_fixed(value: f64, fractional_bits: i32) -> Result<i64, NotRepresentable> {
    let refuse = NotRepresentable {
        value,
        fractional_bits,
    };
    if !(-62..=62).contains(&fractional_bits) || !value.is_finite() {
        return Err(refuse);
    }
    let bits = I64F64::checked_from_num(value).ok_or(refuse)?.to_bits();
    // 2 ..= 126 bits go; the carry is added as a bit, as in `round_shift`.
    let drop = (64 - fractional_bits) as u32;
    let rounded = (bits >> drop) + ((bits >> (drop - 1)) & 1);
    i64::try_from(rounded).map_err(|_| refuse)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// The definition, in numbers wide enough not to think about.
    fn definition(x: i64, s: u32) -> i64 {
        if s == 0 {
            return x;
        }
        i64::try_from((i128::from(x) + (1i128 << (s - 1))).div_euclid(1i128 << s)).unwrap()
    }

    /// Numbers that sit on or beside an edge.
    fn edges() -> impl Strategy<Value = i64> {
        let beside_a_power = (0u32..63, -2i64..=2, any::<bool>()).prop_map(|(e, d, negative)| {
            let x = (1i64 << e).wrapping_add(d);
            if negative { x.wrapping_neg() } else { x }
        });
        prop_oneof![
            any::<i64>(),
            beside_a_power,
            Just(i64::MIN),
            Just(i64::MIN + 1),
            Just(i64::MAX),
            Just(0)
        ]
    }

    #[test]
    fn halves_go_up_on_both_sides_of_zero() {
        for (x, want) in [
            (-12, -1),
            (-11, -1),
            (-4, 0),
            (-5, -1),
            (3, 0),
            (4, 1),
            (11, 1),
            (12, 2),
        ] {
            assert_eq!(round_shift(x, 3), want, "{x} / 8");
        }
    }

    #[test]
    fn real_numbers_round_to_the_nearest_integer() {
        assert_eq!(to_fixed(0.5, 0), Ok(1));
        assert_eq!(to_fixed(-0.5, 0), Ok(0));
        assert_eq!(to_fixed(-1.5, 0), Ok(-1));
        assert_eq!(to_fixed(0.1, 8), Ok(26));
        assert_eq!(to_fixed(-0.1, 8), Ok(-26));
        assert_eq!(to_fixed(1000.0, -3), Ok(125));
        assert_eq!(to_fixed(1.0, 62), Ok(1 << 62));
    }

    #[test]
    fn numbers_without_a_fixed_point_form_are_refused() {
        for (value, fractional_bits) in [
            (f64::NAN, 8),
            (f64::INFINITY, 8),
            (f64::NEG_INFINITY, 0),
            (2f64.powi(63), 0),
            (2.0, 62),
            (1.0, 63),
            (1.0, -63),
        ] {
            assert!(
                to_fixed(value, fractional_bits).is_err(),
                "{value} at {fractional_bits}"
            );
        }
    }

    proptest! {
        #[test]
        fn rounding_equals_its_definition(x in edges(), s in 0u32..=100) {
            prop_assert_eq!(round_shift(x, s), definition(x, s));
        }

        #[test]
        fn rounding_keeps_the_order_and_the_sign(x in edges(), y in edges(), s in 0u32..=70) {
            let (x, y) = (x.min(y), x.max(y));
            prop_assert!(round_shift(x, s) <= round_shift(y, s));
            prop_assert!(x >= 0 || round_shift(x, s) <= 0);
        }

        #[test]
        fn relu_after_a_maximum_equals_the_maximum_of_relus(
            x in edges(), y in edges(), s in 0u32..=64, bits in 1u32..=16,
        ) {
            let of_maximum = requantise(x.max(y), s, bits);
            prop_assert_eq!(of_maximum, requantise(x, s, bits).max(requantise(y, s, bits)));
            prop_assert_eq!(requantise(x.max(0), s, bits), requantise(x, s, bits));
        }

        #[test]
        fn activations_stay_in_their_range(x in edges(), bits in 1u32..=64) {
            let y = clamp_activation(x, bits);
            prop_assert!(y >= 0 && (bits >= 63 || y < 1 << bits));
            prop_assert!(y == x || x < 0 || x >= 1 << bits);
        }

        #[test]
        fn the_plaintext_width_is_the_smallest_that_works(bound in 0u64..1 << 40, s in 0u32..=40) {
            let half = if s == 0 { 0 } else { 1u64 << (s - 1) };
            let holds = |k: u32| u128::from(bound) + u128::from(half) < 1u128 << (k - 1);
            let k = plain_bits(bound, s);
            prop_assert!(holds(k));
            prop_assert!(k == 1 || !holds(k - 1));
        }

        #[test]
        fn fixed_point_is_within_half_a_unit(value in -1.0e6f64..1.0e6, f in -8i32..=32) {
            let x = to_fixed(value, f).unwrap();
            let scale = 2f64.powi(f);
            prop_assert!((x as f64 - value * scale).abs() <= 0.5 + 1e-6);
        }
    }
}
