//! Gadgets modulo p.

use super::*;
use crate::share::Field;

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
