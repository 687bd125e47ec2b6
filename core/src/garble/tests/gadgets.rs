//! Gadgets modulo 2^k: values at the edges, and AND counts by closed formula.

use super::*;

/// Checks a gadget of two words of which neither is the garbler's in clear (a constant-free circuit that the builder
/// cannot shorten): both words are the evaluator's.
fn check_binary(
    bits: u32,
    build: impl FnOnce(&mut Builder<'_>, &[Wire], &[Wire]),
    and_gates: usize,
    reference: impl Fn(u64, u64) -> u64,
) {
    let pairs = pairs(bits, 7);
    with_circuit(
        0,
        |builder| {
            let (a, b) = (builder.evaluator_word(bits), builder.evaluator_word(bits));
            build(builder, &a, &b);
        },
        |circuit| {
            assert_eq!(circuit.counts().and_gates(), and_gates, "{bits} bits");
            let inputs: Vec<Words> = pairs
                .iter()
                .map(|&(a, b)| vec![(a, bits), (b, bits)])
                .collect();
            let results = run(circuit, &inputs, &vec![vec![]; pairs.len()]);
            for (&(a, b), (output, _)) in pairs.iter().zip(results) {
                assert_eq!(output, reference(a, b), "{a} {b} of {bits} bits");
            }
        },
    );
}

const WIDTHS: [u32; 6] = [1, 2, 3, 8, 23, 63];

#[test]
fn adder_and_subtractor_of_k_bits_take_k_minus_1_and() {
    for bits in WIDTHS {
        let ring = Ring::new(bits).unwrap();
        let k = bits as usize;
        check_binary(
            bits,
            |builder, a, b| {
                let sum = builder.add(a, b);
                output_word(builder, &sum);
            },
            k - 1,
            |a, b| ring.add(a, b),
        );
        check_binary(
            bits,
            |builder, a, b| {
                let difference = builder.sub(a, b);
                output_word(builder, &difference);
            },
            k - 1,
            |a, b| ring.sub(a, b),
        );
        if bits < 63 {
            check_binary(
                bits,
                |builder, a, b| {
                    let sum = builder.add_with_carry(a, b);
                    output_word(builder, &sum);
                },
                k,
                |a, b| a + b,
            );
        }
    }
}

#[test]
fn comparators_of_k_bits_take_k_and_and_maxima_2k() {
    for bits in WIDTHS {
        let ring = Ring::new(bits).unwrap();
        let k = bits as usize;
        check_binary(
            bits,
            |builder, a, b| {
                let less = builder.less_than(a, b);
                builder.output(less);
            },
            k,
            |a, b| u64::from(a < b),
        );
        check_binary(
            bits,
            |builder, a, b| {
                let (a, b) = (Builder::signed_order(a), Builder::signed_order(b));
                let less = builder.less_than(&a, &b);
                builder.output(less);
            },
            k,
            |a, b| u64::from(ring.to_signed(a) < ring.to_signed(b)),
        );
        check_binary(
            bits,
            |builder, a, b| {
                let (max, _) = builder.max(a, b);
                output_word(builder, &max);
            },
            2 * k,
            u64::max,
        );
    }
}

#[test]
fn multiplexer_and_relu_take_an_and_a_bit() {
    for bits in WIDTHS {
        let ring = Ring::new(bits).unwrap();
        check_binary(
            bits,
            |builder, a, b| {
                let chosen = builder.mux(a[0], a, b);
                output_word(builder, &chosen);
            },
            // The chosen word's lowest bit is the selector itself: a ∧ (a ⊕ b) remains an AND.
            bits as usize,
            |a, b| if a & 1 == 1 { a } else { b },
        );
        check_binary(
            bits,
            |builder, a, _| {
                let relu = builder.relu(a);
                output_word(builder, &relu);
            },
            bits as usize - 1,
            |a, _| ring.to_signed(a).max(0) as u64,
        );
    }
}

#[test]
fn clamping_takes_an_and_a_bit_and_one_for_each_overflow_bit() {
    for (bits, clamp) in [
        (1, 1),
        (2, 1),
        (9, 8),
        (10, 8),
        (15, 8),
        (15, 1),
        (23, 4),
        (8, 12),
    ] {
        let ring = Ring::new(bits).unwrap();
        let above = (bits as usize - 1).saturating_sub(clamp as usize);
        let kept = (bits as usize - 1).min(clamp as usize);
        check_binary(
            bits,
            |builder, a, _| {
                let saturated = builder.saturate(a, clamp);
                let clamped = builder.clamp(&saturated);
                output_word(builder, &clamped);
            },
            kept + above,
            |a, _| ring.to_signed(a).clamp(0, (1 << clamp) - 1) as u64,
        );
    }
}

#[test]
fn reconstructing_shares_costs_one_block_less_and_masking_above_the_value_half() {
    let (k, b) = (23, 8);
    let reconstruct = counts(0, |builder| {
        let (a, b) = (builder.evaluator_word(k), builder.garbler_word(k));
        let sum = builder.add(&a, &b);
        output_word(builder, &sum);
    });
    assert_eq!(
        (reconstruct.and, reconstruct.and_garbler),
        (k as usize - 2, 1)
    );
    let mask = counts(0, |builder| {
        let (y, r) = (builder.evaluator_word(b), builder.garbler_word(k));
        let sum = builder.add(&y, &r);
        output_word(builder, &sum);
    });
    // The lowest bit and all half adders above the value have an input of the garbler.
    let full_adders = b as usize - 1;
    assert_eq!(
        (mask.and, mask.and_garbler),
        (full_adders, k as usize - 1 - full_adders)
    );
}

#[test]
fn constants_fold_and_dead_gates_are_dropped() {
    let nothing = counts(0, |builder| {
        let a = builder.evaluator_word(8);
        let sum = builder.add(&a, &Builder::constant_word(0, 8));
        let zero = builder.sub(&a, &a);
        let doubled = builder.mux(Wire::TRUE, &a, &sum);
        // Computed and never used.
        builder.max(&a, &Builder::constant_word(77, 8));
        output_word(builder, &sum);
        output_word(builder, &zero[..1]);
        output_word(builder, &doubled);
    });
    assert_eq!(nothing.and_gates(), 0);
    check_binary(
        8,
        |builder, a, _| {
            let and = builder.and(a[0], !a[0]);
            let or = builder.or(a[0], !a[0]);
            let xor = builder.xor(a[0], !a[0]);
            output_word(builder, &[and, or, xor, Wire::TRUE, Wire::FALSE]);
        },
        0,
        |_, _| 0b01110,
    );
}

#[test]
fn registers_are_reused() {
    with_circuit(
        23,
        |builder| {
            for _ in 0..8 {
                let (a, b) = (builder.evaluator_word(23), builder.garbler_word(23));
                let sum = builder.add(&a, &b);
                let saturated = builder.saturate(&sum, 8);
                builder.share_clamped(&saturated);
            }
        },
        // 15 bits of a sum are alive at the end of its addition, and a handful of others.
        |circuit| assert!(circuit.registers() <= 28, "{}", circuit.registers()),
    );
}

#[test]
fn memory_that_does_not_suffice_is_reported() {
    let build = |nodes: usize, gates: usize| {
        let mut nodes = vec![Node::default(); nodes];
        let mut gates = vec![Gate::OutputConstant { value: false }; gates];
        let mut builder = Builder::new(&mut nodes, 0);
        let (a, b) = (builder.evaluator_word(8), builder.garbler_word(8));
        let sum = builder.add(&a, &b);
        output_word(&mut builder, &sum);
        builder
            .finish(&mut gates)
            .map(|circuit| circuit.gates().len())
    };
    assert!(build(200, 200).is_ok());
    assert_eq!(build(20, 200), Err(CircuitError::TooManyNodes));
    assert_eq!(build(200, 20), Err(CircuitError::TooManyGates));
}
