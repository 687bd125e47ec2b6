//! Every gadget three times: garbled, on plain bits, and by integer arithmetic.

use super::*;
use crate::share::{Field, Ring};
use chacha20::ChaCha20Rng;
use proptest::prelude::*;
use rand_core::{Rng, SeedableRng};
use std::vec;
use std::vec::Vec;

/// Words of one party in one instance: (value, bits), in the order of the circuit's inputs.
type Words = Vec<(u64, u32)>;

fn with_circuit<R>(
    share_bits: u32,
    build: impl FnOnce(&mut Builder<'_>),
    then: impl FnOnce(&Circuit<'_>) -> R,
) -> R {
    let mut nodes = vec![Node::default(); 4000];
    let mut gates = vec![Gate::OutputConstant { value: false }; 4000];
    let mut builder = Builder::new(&mut nodes, share_bits);
    build(&mut builder);
    then(&builder.finish(&mut gates).unwrap())
}

fn counts(share_bits: u32, build: impl FnOnce(&mut Builder<'_>)) -> Counts {
    with_circuit(share_bits, build, |circuit| circuit.counts())
}

fn output_word(builder: &mut Builder<'_>, word: &[Wire]) {
    word.iter().for_each(|&wire| builder.output(wire));
}

/// The bits of many instances as words of a (chunk, input).
fn pack(instances: &[Words]) -> Vec<u64> {
    let mut words = Vec::new();
    for chunk in instances.chunks(LANES) {
        let first = words.len();
        for (lane, instance) in chunk.iter().enumerate() {
            let bits = instance
                .iter()
                .flat_map(|&(value, bits)| (0..bits).map(move |i| value >> i & 1));
            for (input, bit) in bits.enumerate() {
                if first + input == words.len() {
                    words.push(0);
                }
                words[first + input] |= bit << lane;
            }
        }
    }
    words
}

/// Results of a run: for each instance its revealed bits as a number and its two shares.
struct Results {
    outputs: Vec<u64>,
    garbler: Vec<u64>,
    evaluator: Vec<u64>,
    table: Vec<u8>,
}

fn unpack(circuit: &Circuit<'_>, words: &[u64], instances: usize) -> Vec<u64> {
    let outputs = circuit.outputs();
    (0..instances)
        .map(|n| {
            (0..outputs).fold(0, |value, i| {
                value | (words[n / LANES * outputs + i] >> (n % LANES) & 1) << i
            })
        })
        .collect()
}

fn run_garbled(
    circuit: &Circuit<'_>,
    evaluator: &[Words],
    garbler: &[Words],
    rng: &mut ChaCha20Rng,
) -> Results {
    let instances = evaluator.len();
    let delta = Delta::random(rng);
    let mut key = [0; 16];
    rng.fill_bytes(&mut key);
    let mut random =
        |count: usize| -> Vec<Block> { (0..count).map(|_| Block::random(rng)).collect() };
    let zero = random(instances * circuit.evaluator_inputs());
    let active = random(instances * circuit.garbler_inputs());
    let evaluator_bits = pack(evaluator);
    let mut evaluator_active = zero.clone();
    let mut next = 0;
    for (chunk, words) in evaluator
        .chunks(LANES)
        .zip(evaluator_bits.chunks(circuit.evaluator_inputs().max(1)))
    {
        for word in words {
            for lane in 0..chunk.len() {
                evaluator_active[next] ^= delta.block().select(word >> lane & 1);
                next += 1;
            }
        }
    }
    let mut workspace = vec![Block::ZERO; circuit.workspace()];
    let mut table = vec![0; circuit.table_bytes(instances)];
    let mut garbler_shares = vec![0; instances];
    let inputs = GarblingInputs {
        evaluator_zero_labels: &zero,
        garbler_active_labels: &active,
        garbler_bits: &pack(garbler),
    };
    Garbling::new(key, delta)
        .garble(
            circuit,
            instances,
            inputs,
            &mut workspace,
            &mut table,
            &mut garbler_shares,
        )
        .unwrap();
    let mut evaluator_shares = vec![0; instances];
    let mut outputs = vec![0; Circuit::input_words(circuit.outputs(), instances)];
    Evaluation::new(key)
        .evaluate(
            circuit,
            instances,
            &evaluator_active,
            &active,
            &mut workspace,
            &table,
            &mut evaluator_shares,
            &mut outputs,
        )
        .unwrap();
    Results {
        outputs: unpack(circuit, &outputs, instances),
        garbler: garbler_shares,
        evaluator: evaluator_shares,
        table,
    }
}

/// Runs a circuit plainly and garbled, checks that they agree, and returns (revealed bits, shared result).
fn run(circuit: &Circuit<'_>, evaluator: &[Words], garbler: &[Words]) -> Vec<(u64, u64)> {
    let mut rng = ChaCha20Rng::seed_from_u64(1);
    let garbled = run_garbled(circuit, evaluator, garbler, &mut rng);
    let mut results = Vec::new();
    for (start, chunk) in evaluator.chunks(LANES).enumerate() {
        let range = start * LANES..start * LANES + chunk.len();
        let mut registers = vec![0; circuit.registers()];
        let mut outputs = vec![0; circuit.outputs()];
        let mut shares = vec![0; chunk.len()];
        circuit
            .evaluate_plain(
                &pack(chunk),
                &pack(&garbler[range.clone()]),
                &mut registers,
                &mut outputs,
                &mut shares,
            )
            .unwrap();
        for (output, (lane, n)) in unpack(circuit, &outputs, chunk.len())
            .iter()
            .zip(range.enumerate())
        {
            assert_eq!(*output, garbled.outputs[n]);
            let mask = (1 << circuit.share_bits()) - 1;
            let sum = garbled.garbler[n].wrapping_add(garbled.evaluator[n]) & mask;
            assert_eq!(sum, shares[lane]);
            results.push((*output, sum));
        }
    }
    results
}

/// Values at the edges of `bits` bits and a few others, as pairs.
fn pairs(bits: u32, seed: u64) -> Vec<(u64, u64)> {
    let ring = Ring::new(bits).unwrap();
    let mut rng = ChaCha20Rng::seed_from_u64(seed);
    let half = 1u64 << (bits - 1);
    let edges = [0, 1, half - 1, half, half + 1, ring.mask(), ring.mask() - 1];
    let mut pairs: Vec<_> = edges
        .iter()
        .flat_map(|&a| edges.iter().map(move |&b| (ring.reduce(a), ring.reduce(b))))
        .collect();
    pairs.extend((0..40).map(|_| (ring.random(&mut rng), ring.random(&mut rng))));
    pairs
}

/// One word of each party.
fn words(pairs: &[(u64, u64)], bits: u32) -> (Vec<Words>, Vec<Words>) {
    pairs
        .iter()
        .map(|&(a, b)| (vec![(a, bits)], vec![(b, bits)]))
        .unzip()
}

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
fn addition_modulo_p_takes_3n_minus_1_and_and_relu_modulo_p_less_than_2n() {
    for modulus in [
        3u64,
        5,
        127,
        65_537,
        (1 << 20) - 3,
        (1 << 31) - 1,
        (1 << 61) - 1,
    ] {
        let field = Field::new(modulus).unwrap();
        let bits = field.bits();
        let n = bits as usize;
        let mut rng = ChaCha20Rng::seed_from_u64(modulus);
        let edges = [0, 1, modulus / 2, modulus / 2 + 1, modulus - 1];
        let mut pairs: Vec<_> = edges
            .iter()
            .flat_map(|&a| edges.iter().map(move |&b| (a, b)))
            .collect();
        pairs.extend((0..100).map(|_| (field.random(&mut rng), field.random(&mut rng))));
        let inputs: Vec<Words> = pairs
            .iter()
            .map(|&(a, b)| vec![(a, bits), (b, bits)])
            .collect();
        let none = vec![vec![]; pairs.len()];
        with_circuit(
            0,
            |builder| {
                let (a, b) = (builder.evaluator_word(bits), builder.evaluator_word(bits));
                let sum = builder.add_modulo(&a, &b, modulus);
                output_word(builder, &sum);
            },
            |circuit| {
                assert_eq!(circuit.counts().and_gates(), 3 * n - 1);
                for (&(a, b), (sum, _)) in pairs.iter().zip(run(circuit, &inputs, &none)) {
                    assert_eq!(sum, field.add(a, b));
                }
            },
        );
        with_circuit(
            0,
            |builder| {
                let (a, _) = (builder.evaluator_word(bits), builder.evaluator_word(bits));
                let relu = builder.relu_modulo(&a, modulus);
                output_word(builder, &relu);
            },
            |circuit| {
                let trailing = (modulus / 2).trailing_ones() as usize;
                assert_eq!(circuit.counts().and_gates(), 2 * n - 2 - trailing);
                for (&(a, _), (relu, _)) in pairs.iter().zip(run(circuit, &inputs, &none)) {
                    assert_eq!(relu as i64, field.to_signed(a).max(0));
                }
            },
        );
    }
}

#[test]
fn a_gazelle_relu_keeps_shares_modulo_p() {
    // A2B, ReLU, B2A with the garbler's mask, as in GAZELLE: 3n − 1, 2n − 2 − t and 3n − 1 AND.
    let field = Field::new(1_032_193).unwrap();
    let (modulus, bits) = (field.modulus(), field.bits());
    let mut rng = ChaCha20Rng::seed_from_u64(3);
    let edges = [0, 1, modulus / 2, modulus / 2 + 1, modulus - 1];
    let values: Vec<u64> = edges
        .into_iter()
        .chain((0..100).map(|_| field.random(&mut rng)))
        .collect();
    let mut masks = Vec::new();
    let (evaluator, garbler): (Vec<Words>, Vec<Words>) = values
        .iter()
        .map(|&x| {
            let (a, b) = field.split(x, &mut rng);
            let mask = field.random(&mut rng);
            masks.push(mask);
            (vec![(a, bits)], vec![(b, bits), (field.neg(mask), bits)])
        })
        .unzip();
    with_circuit(
        0,
        |builder| {
            let a = builder.evaluator_word(bits);
            let (b, mask) = (builder.garbler_word(bits), builder.garbler_word(bits));
            let x = builder.add_modulo(&a, &b, modulus);
            let y = builder.relu_modulo(&x, modulus);
            let masked = builder.add_modulo(&y, &mask, modulus);
            output_word(builder, &masked);
        },
        |circuit| {
            let n = bits as usize;
            let trailing = (modulus / 2).trailing_ones() as usize;
            assert_eq!(circuit.counts().and_gates(), 8 * n - 4 - trailing);
            for (i, (output, _)) in run(circuit, &evaluator, &garbler).into_iter().enumerate() {
                let expected = field.to_signed(values[i]).max(0);
                assert_eq!(field.reconstruct(output, masks[i]), expected);
            }
        },
    );
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

/// The non-linear layer on shares modulo 2^k, as hosts build it.
fn relu_layer(builder: &mut Builder<'_>, k: u32, shift: u32, bits: u32) {
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

#[test]
fn fresh_randomness_shares_no_block_of_the_table_and_no_share() {
    let (evaluator, garbler) = words(&pairs(23, 5), 23);
    with_circuit(
        23,
        |builder| relu_layer(builder, 23, 8, 8),
        |circuit| {
            let run = |seed| {
                let mut rng = ChaCha20Rng::seed_from_u64(seed);
                run_garbled(circuit, &evaluator, &garbler, &mut rng)
            };
            let (first, second) = (run(1), run(2));
            for (a, b) in first.table.chunks(16).zip(second.table.chunks(16)) {
                assert!(a != b || a.len() < 16);
            }
            assert_ne!(first.garbler, second.garbler);
            assert_ne!(first.evaluator, second.evaluator);
        },
    );
}

#[test]
fn the_gate_counter_continues_and_wrong_lengths_use_none_of_it() {
    with_circuit(
        23,
        |builder| relu_layer(builder, 23, 8, 8),
        |circuit| {
            let mut evaluation = Evaluation::new([7; 16]);
            let mut workspace = vec![Block::ZERO; circuit.workspace()];
            let labels = vec![Block::ZERO; 23];
            let table = vec![0; circuit.table_bytes(1)];
            let mut evaluate = |table: &[u8]| {
                let mut share = [0];
                evaluation
                    .evaluate(
                        circuit,
                        1,
                        &labels,
                        &labels,
                        &mut workspace,
                        table,
                        &mut share,
                        &mut [],
                    )
                    .map(|()| share[0])
            };
            let first = evaluate(&table).unwrap();
            assert!(matches!(
                evaluate(&table[1..]),
                Err(GarbleError::Length {
                    buffer: "table",
                    ..
                })
            ));
            // The same labels and table hash differently with the tweaks that follow.
            assert_ne!(evaluate(&table).unwrap(), first);
        },
    );
}
