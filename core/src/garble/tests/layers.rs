//! Whole non-linear layers against integer arithmetic.

use super::*;
use proptest::prelude::*;

/// The non-linear layer on shares modulo 2^k, as hosts build it.
pub(super) fn relu_layer(builder: &mut Builder<'_>, k: u32, shift: u32, bits: u32) {
    let (a, b) = (builder.evaluator_word(k), builder.garbler_word(k));
    let sum = builder.add(&a, &b);
    let rounded = Builder::shift_right(&sum, shift);
    let saturated = builder.saturate(&rounded, bits);
    builder.share_clamped(&saturated);
}

fn rounded_relu(x: i64, shift: u32, bits: u32) -> u64 {
    let half = (1i64 << shift) >> 1;
    ((x + half) >> shift).clamp(0, (1 << bits) - 1) as u64
}

proptest! {
    #[test]
    fn a_layer_of_rectified_rounded_clamped_shares_is_the_integer_formula(
        k in 2u32..=40, shift in 0u32..20, bits in 1u32..=16, out in 1u32..=63, seed: u64, instances in 1usize..150,
    ) {
        let shift = shift.min(k - 1);
        let ring = Ring::new(k).unwrap();
        let mut rng = ChaCha20Rng::seed_from_u64(seed);
        // |x| < 2^(k−1) − 2^(shift−1), the edges included.
        let bound = (1i64 << (k - 1)) - ((1i64 << shift) >> 1) - 1;
        let edges = [0, 1, -1, bound, -bound, bound / 2, (1 << shift) >> 1, -((1 << shift) >> 1)];
        let values: Vec<i64> = (0..instances)
            .map(|n| match edges.get(n) {
                Some(&edge) => edge.clamp(-bound, bound),
                None => (rng.next_u64() % (2 * bound as u64 + 1)) as i64 - bound,
            })
            .collect();
        let half = (1u64 << shift) >> 1;
        let (evaluator, garbler): (Vec<Words>, Vec<Words>) = values
            .iter()
            .map(|&x| {
                let (a, b) = ring.split(ring.from_signed(x), &mut rng);
                (vec![(a, k)], vec![(ring.add(b, half), k)])
            })
            .unzip();
        with_circuit(out, |builder| relu_layer(builder, k, shift, bits), |circuit| {
            let above = (k - shift - 1).saturating_sub(bits) as usize;
            let kept = (k - shift - 1).min(bits) as usize;
            // Bits whose weight is zero modulo 2^out are not computed.
            let kept_out = kept.min(out as usize);
            if kept > 0 {
                prop_assert_eq!(circuit.counts().and_gates(), k as usize - 1 + above + kept_out);
            }
            let mask = (1u64 << out) - 1;
            for (&x, (_, share)) in values.iter().zip(run(circuit, &evaluator, &garbler)) {
                prop_assert_eq!(share, rounded_relu(x, shift, bits) & mask);
            }
            Ok(())
        })?;
    }
}

#[test]
fn a_relu_of_23_bits_takes_36_and_gates_and_942_bytes() {
    let counts = counts(23, |builder| relu_layer(builder, 23, 8, 8));
    assert_eq!(
        (
            counts.and,
            counts.and_garbler,
            counts.share_product,
            counts.share
        ),
        (27, 1, 8, 1)
    );
    // Rows: 3·Σ(23 − i) for the bits, 23 for the overflow.
    assert_eq!(counts.row_bits, 3 * (8 * 23 - 28) + 23);
    assert_eq!(counts.blocks(), 55);
}

#[test]
fn a_maximum_of_saturated_words_is_the_clamped_maximum() {
    let (k, clamp) = (12, 5);
    let ring = Ring::new(k).unwrap();
    let pairs = pairs(k, 11);
    with_circuit(
        16,
        |builder| {
            let (a, b) = (builder.evaluator_word(k), builder.garbler_word(k));
            let (a, b) = (builder.saturate(&a, clamp), builder.saturate(&b, clamp));
            let (max, _) = builder.max(a.as_word(), b.as_word());
            let max = a.with_word(max);
            builder.share_clamped(&max);
        },
        |circuit| {
            let (evaluator, garbler) = words(&pairs, k);
            for (&(a, b), (_, share)) in pairs.iter().zip(run(circuit, &evaluator, &garbler)) {
                let max = ring.to_signed(a).max(ring.to_signed(b));
                assert_eq!(share, max.clamp(0, (1 << clamp) - 1) as u64);
            }
        },
    );
}
