//! Every kernel gives what the functions of [`Modulus`] give, for lengths that fill registers and others.

use std::vec;
use std::vec::Vec;

use proptest::prelude::*;

use super::sums::{MAX_PRODUCTS, Sums, sum_of_products};
use super::*;
use crate::ntt::bit_reverse;
use crate::params::PRIMES;

fn levels() -> impl Iterator<Item = Level> {
    Level::ALL
        .into_iter()
        .filter(|&level| level <= crate::simd::available())
}

/// The largest prime below 2^36, and others, some of them of the parameter sets.
const MODULI: [u64; 6] = [
    PRIMES[0],
    PRIMES[11],
    (1 << 36) - 5,
    65_537,
    12_289,
    (1 << 20) - 3,
];

fn modulus() -> impl Strategy<Value = Modulus> {
    prop::sample::select(&MODULI[..]).prop_map(|q| Modulus::new(q).unwrap())
}

fn residue(q: u64) -> impl Strategy<Value = u64> {
    prop_oneof![
        Just(0),
        Just(1),
        Just(q - 1),
        Just(q / 2),
        Just(q / 2 + 1),
        0..q,
        0..q
    ]
}

fn residues(q: u64, n: usize) -> impl Strategy<Value = Vec<u64>> {
    prop_oneof![
        proptest::collection::vec(residue(q), n),
        Just(vec![q - 1; n])
    ]
}

/// A modulus and three polynomials of one length.
fn operands() -> impl Strategy<Value = (Modulus, [Vec<u64>; 3])> {
    (modulus(), 0..70usize).prop_flat_map(|(m, n)| {
        let q = m.value();
        let polynomials = [residues(q, n), residues(q, n), residues(q, n)];
        (Just(m), polynomials)
    })
}

fn map2(a: &[u64], b: &[u64], f: impl Fn(u64, u64) -> u64) -> Vec<u64> {
    a.iter().zip(b).map(|(&x, &y)| f(x, y)).collect()
}

/// What an operation writes over a slice of this length.
fn written(n: usize, f: impl FnOnce(&mut [u64])) -> Vec<u64> {
    let mut out = vec![u64::MAX; n];
    f(&mut out);
    out
}

/// What an operation makes of this polynomial.
fn changed(a: &[u64], f: impl FnOnce(&mut [u64])) -> Vec<u64> {
    let mut out = a.to_vec();
    f(&mut out);
    out
}

proptest! {
    #[test]
    fn operations_on_residues_are_those_of_the_modulus((m, [a, b, d]) in operands()) {
        let n = a.len();
        let factor = d.first().copied().unwrap_or(0);
        let sums = map2(&a, &b, |x, y| m.add(x, y));
        let differences = map2(&a, &b, |x, y| m.sub(x, y));
        let products = map2(&a, &b, |x, y| m.montgomery_mul(x, y));
        let totals = map2(&d, &products, |x, y| m.add(x, y));
        let scaled = map2(&a, &a, |x, _| m.montgomery_mul(x, factor));
        let negatives = map2(&a, &a, |x, _| m.neg(x));
        for level in levels() {
            prop_assert_eq!(&written(n, |out| add(level, &m, out, &a, &b)), &sums);
            prop_assert_eq!(&changed(&a, |a| add_assign(level, &m, a, &b)), &sums);
            prop_assert_eq!(&written(n, |out| sub(level, &m, out, &a, &b)), &differences);
            prop_assert_eq!(&changed(&a, |a| sub_assign(level, &m, a, &b)), &differences);
            prop_assert_eq!(&written(n, |out| mul(level, &m, out, &a, &b)), &products);
            prop_assert_eq!(&changed(&a, |a| mul_assign(level, &m, a, &b)), &products);
            prop_assert_eq!(&written(n, |out| mul_add(level, &m, out, &d, &a, &b)), &totals);
            prop_assert_eq!(&changed(&d, |d| mul_add_assign(level, &m, d, &a, &b)), &totals);
            prop_assert_eq!(&written(n, |out| scale(level, &m, out, &a, factor)), &scaled);
            prop_assert_eq!(&changed(&a, |a| scale_assign(level, &m, a, factor)), &scaled);
            prop_assert_eq!(&changed(&a, |a| neg_assign(level, &m, a)), &negatives);
        }
    }

    #[test]
    fn lifts_and_switches_are_those_of_the_moduli(
        (from, [dropped, _, _]) in operands(), to in modulus(), factor: u64, seed: u64
    ) {
        let n = dropped.len();
        let lifted: Vec<u64> = dropped.iter().map(|&x| to.from_signed(from.to_centred(x))).collect();
        let target: Vec<u64> = (0..n as u64)
            .map(|i| to.reduce(seed.wrapping_mul(2 * i + 1)))
            .collect();
        let factor = to.reduce(factor);
        let switched = map2(&target, &lifted, |x, y| to.montgomery_mul(to.sub(x, y), factor));
        for level in levels() {
            prop_assert_eq!(&written(n, |out| lift(level, &from, &to, out, &dropped)), &lifted);
            if from.value() / 2 < to.value() {
                let found = changed(&target, |x| switch_limb(level, &from, &to, x, &dropped, factor));
                prop_assert_eq!(&found, &switched);
            }
        }
    }

    #[test]
    fn sums_of_products_are_what_their_terms_add_up_to(
        (m, [a, b, d]) in operands(), repeats in prop_oneof![1..9usize, Just(MAX_PRODUCTS)]
    ) {
        let n = a.len();
        // Pairs (a, b) and (b, a) in turns.
        let factors: Vec<(&[u64], &[u64])> = (0..repeats)
            .map(|i| if i % 2 == 0 { (&a[..], &b[..]) } else { (&b[..], &a[..]) })
            .collect();
        let repeated = m.reduce(repeats as u64);
        let terms = map2(&a, &b, |x, y| m.mul(m.montgomery_mul(x, y), repeated));
        let totals = map2(&d, &terms, |x, y| m.add(x, y));
        for level in levels() {
            let found = changed(&d, |d| sum_of_products(level, &m, d, &factors));
            prop_assert_eq!(&found, &totals);
            let mut sums = Sums::new(vec![u64::MAX; 2 * n], level);
            sums.open(&d);
            for (x, y) in &factors {
                // In two parts, as a stream may bring them.
                let part = n / 3;
                sums.add(0, &x[..part], &y[..part]);
                sums.add(part, &x[part..], &y[part..]);
            }
            prop_assert_eq!(&written(n, |out| sums.reduce(&m, out)), &totals);
        }
    }

    #[test]
    fn automorphisms_move_values_to_their_exponents(log_n in 0u32..9, half_g in 0usize..512, seed: u64) {
        let n = 1usize << log_n;
        let g = (2 * half_g + 1) % (2 * n);
        let a: Vec<u64> = (0..n as u64).map(|i| seed ^ i).collect();
        let expected: Vec<u64> = (0..n)
            .map(|j| {
                let exponent = (2 * bit_reverse(j, log_n) + 1) * g % (2 * n);
                a[bit_reverse(exponent / 2, log_n)]
            })
            .collect();
        for level in levels() {
            let found = written(n, |out| permutation::automorphism(level, g, &a, out));
            prop_assert_eq!(&found, &expected);
        }
    }
}

#[test]
fn a_word_that_is_no_residue_is_found_wherever_it_is() {
    let m = Modulus::new(PRIMES[0]).unwrap();
    let q = m.value();
    for level in levels() {
        for (word, found) in [
            (0, false),
            (q - 1, false),
            (q, true),
            (1 << 63, true),
            (u64::MAX, true),
        ] {
            for position in 0..19 {
                let mut words = [1; 19];
                words[position] = word;
                assert_eq!(
                    first_not_residue(level, &m, &words),
                    found.then_some(position),
                    "{level}, {word}"
                );
            }
        }
    }
}
