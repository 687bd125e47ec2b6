//! Every instruction against schoolbook sums, polynomial automorphisms and big integers.

use proptest::prelude::*;

use super::*;

/// 2^-36 mod q, from its definition.
fn inverse_radix(q: &Modulus) -> u64 {
    q.inverse(q.reduce(1 << 36))
}

#[test]
fn pointwise_instructions_compute_their_formulas() {
    let basis = basis();
    for limb in 0..3u8 {
        let q = basis.modulus(usize::from(limb));
        let (a, mut b, d) = (
            polynomial(q.value(), 1),
            polynomial(q.value(), 2),
            polynomial(q.value(), 3),
        );
        b[..8].reverse();
        let by_constant = q.value() - 1;
        let run = |op: &str| {
            let mut machine = machine(&basis);
            for (slot, words) in [(0, &a), (1, &b), (2, &d)] {
                machine.load(slot, limb, words).unwrap();
            }
            let program = program(|p| match op {
                "mul" => p.mul(limb, 2, 0, 1),
                "mac" => p.mac(limb, 2, 0, 1),
                "add" => p.add(limb, 2, 0, 1),
                "sub" => p.sub(limb, 2, 0, 1),
                "stream sub" => p.sub(limb, 2, STREAM, 1),
                "sub stream" => p.sub(limb, 2, 1, STREAM),
                "in place" => p.sub(limb, 0, 0, 1)?.sub(limb, 2, 1, 0),
                _ => {
                    let constant = p.constant(by_constant)?;
                    p.mul_constant(limb, 2, 0, constant)
                }
            });
            let report = machine
                .run(&program, &mut SliceSource::new(&a), &mut NullSink)
                .unwrap();
            assert_eq!(report.cycles, crate::isa::cycles(&program, &geometry()));
            let (tag, words) = read(&mut machine, 2);
            assert_eq!(tag, limb);
            words
        };
        let expect = |f: &dyn Fn(u64, u64, u64) -> u64| -> Vec<u64> {
            (0..N).map(|i| f(a[i], b[i], d[i])).collect()
        };
        let r = inverse_radix(&q);
        let product = |x: u64, y: u64| q.mul(q.mul(x, y), r);
        assert_eq!(run("mul"), expect(&|a, b, _| product(a, b)));
        assert_eq!(
            run("mac"),
            expect(&|a, b, d| (product(a, b) + d) % q.value())
        );
        assert_eq!(run("add"), expect(&|a, b, _| (a + b) % q.value()));
        assert_eq!(
            run("sub"),
            expect(&|a, b, _| (a + q.value() - b) % q.value())
        );
        assert_eq!(run("stream sub"), run("sub"));
        assert_eq!(
            run("sub stream"),
            expect(&|a, b, _| (b + q.value() - a) % q.value())
        );
        assert_eq!(
            run("in place"),
            expect(&|a, b, _| (2 * b + q.value() - a) % q.value())
        );
        assert_eq!(run("muli"), expect(&|a, _, _| product(a, by_constant)));
    }
}

#[test]
fn transforms_multiply_polynomials_and_undo_each_other() {
    let basis = basis();
    let q = basis.modulus(1);
    let a = polynomial(q.value(), 4);
    let mut machine = machine(&basis);
    machine.load(0, 1, &a).unwrap();
    // b = 3·X^1000 − 1, given as 8-bit integers; X^n = −1 wraps the product.
    let mut weights = vec![0; N];
    weights[0] = u64::MAX; // −1: only the low 8 bits count
    weights[1000] = 3;
    let program = program(|p| {
        let square = p.constant(q.pow(q.reduce(1 << 36), 2))?;
        p.load_weights(1, 1)?
            .ntt(1, 2, 0)?
            .ntt(1, 1, 1)?
            .mul_constant(1, 1, 1, square)?;
        p.mul(1, 3, 1, 2)?.intt(1, 3, 3)?.intt(1, 2, 2)?.store(3)
    });
    let mut out = vec![0; N];
    let mut sink = SliceSink::new(&mut out);
    let report = machine
        .run(&program, &mut SliceSource::new(&weights), &mut sink)
        .unwrap();
    let counts = (
        report.transforms,
        report.instructions,
        report.words_in,
        report.words_out,
    );
    assert_eq!(counts, (4, 9, N as u64, N as u64));
    assert_eq!(read(&mut machine, 0), (1, a.clone()));
    assert_eq!(read(&mut machine, 2), (1, a.clone()));
    let expected: Vec<u64> = (0..N)
        .map(|i| {
            let shifted = if i >= 1000 {
                a[i - 1000]
            } else {
                q.neg(a[i + N - 1000])
            };
            q.sub(q.mul(3, shifted), a[i])
        })
        .collect();
    assert_eq!(out, expected);
}

#[test]
fn position_j_of_a_transform_is_the_evaluation_at_the_documented_root() {
    let basis = basis();
    let plan = basis.plan(0);
    let q = plan.modulus();
    let a = polynomial(q.value(), 5);
    let mut machine = machine(&basis);
    machine.load(0, 0, &a).unwrap();
    machine
        .run(
            &program(|p| p.ntt(0, 1, 0)),
            &mut EmptySource,
            &mut NullSink,
        )
        .unwrap();
    let (_, values) = read(&mut machine, 1);
    for j in [0, 1, 2, 511, N - 1] {
        let x = q.pow(plan.psi(), 2 * bit_reverse(j, LOG_N) as u64 + 1);
        let evaluation = a.iter().rev().fold(0, |sum, &c| q.add(q.mul(sum, x), c));
        assert_eq!(values[j], evaluation, "position {j}");
    }
}

#[test]
fn automorphisms_are_those_of_the_polynomial_ring() {
    let basis = basis();
    let q = basis.modulus(2);
    let a = polynomial(q.value(), 6);
    for g in [1, 3, 5, 25, N - 1, N + 1, 2 * N - 1] {
        let mut machine = machine(&basis);
        machine.load(0, 2, &a).unwrap();
        let program = program(|p| p.ntt(2, 0, 0)?.automorphism(1, 0, g as u32)?.intt(2, 1, 1));
        machine
            .run(&program, &mut EmptySource, &mut NullSink)
            .unwrap();
        // a(X^g): the coefficient of X^i moves to X^(ig), and X^n = −1.
        let mut expected = vec![0; N];
        for (i, &coefficient) in a.iter().enumerate() {
            let exponent = i * g % (2 * N);
            let sign_flips = exponent >= N;
            expected[exponent % N] = if sign_flips {
                q.neg(coefficient)
            } else {
                coefficient
            };
        }
        assert_eq!(read(&mut machine, 1), (2, expected), "g = {g}");
    }
}

#[test]
fn reduction_lifts_to_the_representative_nearest_zero() {
    let basis = basis();
    for (from, to) in [(0, 1), (2, 0), (1, 1)] {
        let [source, q] = [basis.modulus(from), basis.modulus(to)].map(|m| i128::from(m.value()));
        let a = polynomial(source as u64, 7);
        let mut machine = machine(&basis);
        machine.load(0, from as u8, &a).unwrap();
        let program = program(|p| p.reduce(to as u8, 0, 0, from as u8));
        machine
            .run(&program, &mut EmptySource, &mut NullSink)
            .unwrap();
        let lift = |x: u64| {
            i128::from(x)
                - if 2 * i128::from(x) > source {
                    source
                } else {
                    0
                }
        };
        let expected = a.iter().map(|&x| lift(x).rem_euclid(q) as u64).collect();
        assert_eq!(read(&mut machine, 0), (to as u8, expected));
    }
}

#[test]
fn a_modulus_switch_is_red_sub_muli_and_rounds_correctly() {
    let basis = basis();
    let [q, dropped] = [basis.modulus(0), basis.modulus(2)];
    let (a0, a2) = (polynomial(q.value(), 8), polynomial(dropped.value(), 9));
    let mut machine = machine(&basis);
    machine.load(0, 0, &a0).unwrap();
    machine.load(1, 2, &a2).unwrap();
    let factor = q.to_montgomery(q.inverse(q.reduce(dropped.value())));
    let program = program(|p| {
        let factor = p.constant(factor)?;
        p.reduce(0, 1, 1, 2)?
            .sub(0, 0, 0, 1)?
            .mul_constant(0, 0, 0, factor)
    });
    machine
        .run(&program, &mut EmptySource, &mut NullSink)
        .unwrap();
    let (_, switched) = read(&mut machine, 0);
    let [q, d] = [q.value(), dropped.value()].map(u128::from);
    for i in 0..N {
        // The integer below q·d with these residues, by the Chinese remainder theorem.
        let [x0, x2] = [a0[i], a2[i]].map(u128::from);
        let inverse = u128::from(basis.modulus(0).inverse(basis.modulus(0).reduce(d as u64)));
        let x = x2 + d * ((x0 + q - x2 % q) % q * inverse % q);
        let rounded = (2 * x + d) / (2 * d);
        assert_eq!(u128::from(switched[i]), rounded % q, "coefficient {i}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn loops_accumulate_over_slots(count in 1u16..=3) {
        let basis = basis();
        let q = basis.modulus(0);
        let mut machine = machine(&basis);
        let polynomials: Vec<_> = (0..4).map(|s| polynomial(q.value(), s)).collect();
        for (slot, words) in (0..).zip(&polynomials) {
            machine.load(slot, 0, words).unwrap();
        }
        let program = program(|p| p.repeat(count, crate::isa::Increment::B, |body| body.add(0, 3, 3, 0)));
        machine.run(&program, &mut EmptySource, &mut NullSink).unwrap();
        let sum = |i: usize| polynomials[..count as usize].iter().fold(polynomials[3][i], |s, p| q.add(s, p[i]));
        prop_assert_eq!(read(&mut machine, 3).1, (0..N).map(sum).collect::<Vec<_>>());
    }
}
