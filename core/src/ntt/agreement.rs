//! Every kernel gives the bits of the portable one.

use std::vec;
use std::vec::Vec;

use proptest::prelude::*;

use super::{LOG_N_RANGE, NttPlan, Twiddle};
use crate::modulus::{Modulus, is_prime};
use crate::params::PRIMES;
use crate::simd::{self, Level};

fn plan(q: u64, log_n: u32, level: Level) -> NttPlan<Vec<Twiddle>> {
    let modulus = Modulus::new(q).unwrap();
    let storage = vec![Twiddle::default(); NttPlan::<Vec<Twiddle>>::storage_len(log_n)];
    NttPlan::with_level(modulus, log_n, storage, level).unwrap()
}

/// The largest prime ≡ 1 mod 2n that is not above `limit`.
fn prime_below(limit: u64, log_n: u32) -> u64 {
    let step = 2u64 << log_n;
    let first = (limit - 1) / step * step + 1;
    (0..)
        .map(|i| first - i * step)
        .find(|&q| is_prime(q))
        .unwrap()
}

/// The largest prime that the kernel of a level takes.
fn largest_prime(level: Level, log_n: u32) -> u64 {
    let levels = u64::from(log_n);
    let bound = match level {
        Level::Portable => 1 << 60,
        Level::Avx2 => ((1 << 52) / (2 * levels + 1)).min(1 << 47),
        Level::Avx512 => ((1 << 51) / (4 * levels + 2)).min(1 << 45),
    };
    prime_below(bound, log_n)
}

/// Primes with a root of order 2n: of the parameter sets, small, at and above the vector kernels' bounds.
fn primes(log_n: u32) -> Vec<u64> {
    let mut primes = vec![
        PRIMES[0],
        PRIMES[11],
        65_537,
        largest_prime(Level::Avx512, log_n),
        largest_prime(Level::Avx2, log_n),
        largest_prime(Level::Portable, log_n),
        prime_below(1 << 41, log_n),
    ];
    primes.retain(|q| (q - 1).trailing_zeros() > log_n);
    primes
}

/// Residues of a pattern: edges, runs of edges, or anything.
fn residues(q: u64, n: usize) -> impl Strategy<Value = Vec<u64>> {
    let word = prop_oneof![Just(0), Just(1), Just(q - 1), 0..q, 0..q];
    let halves = (prop::bool::ANY, 0..n).prop_map(move |(top, at)| {
        let mut values = vec![if top { q - 1 } else { 0 }; n];
        values[at] = q - 1 - values[at];
        values
    });
    let random = any::<u64>().prop_map(move |seed| {
        (1..=n as u64)
            .map(|i| {
                (seed ^ i)
                    .wrapping_mul(0x9E37_79B9_7F4A_7C15)
                    .wrapping_mul(i)
                    % q
            })
            .collect()
    });
    prop_oneof![
        proptest::collection::vec(word, n.min(64))
            .prop_map(move |some| { some.iter().copied().cycle().take(n).collect() }),
        halves,
        random
    ]
}

fn levels() -> impl Iterator<Item = Level> {
    Level::ALL
        .into_iter()
        .filter(|&level| Level::Portable < level && level <= simd::available())
}

fn agree(q: u64, log_n: u32, cases: u32) {
    let portable = plan(q, log_n, Level::Portable);
    let others: Vec<_> = levels().map(|level| plan(q, log_n, level)).collect();
    let mut runner = proptest::test_runner::TestRunner::new(ProptestConfig::with_cases(cases));
    let check = |values: Vec<u64>| -> Result<(), TestCaseError> {
        let (mut forward, mut inverse) = (values.clone(), values.clone());
        portable.forward(&mut forward);
        portable.inverse(&mut inverse);
        for plan in &others {
            let name = plan.level();
            let mut transformed = values.clone();
            plan.forward(&mut transformed);
            prop_assert!(
                transformed == forward,
                "forward, {name}, q = {q}, log n = {log_n}"
            );
            let mut transformed = values.clone();
            plan.inverse(&mut transformed);
            prop_assert!(
                transformed == inverse,
                "inverse, {name}, q = {q}, log n = {log_n}"
            );
        }
        Ok(())
    };
    // Sums of zeros are zero to the last level, which products have to cope with.
    for fill in [0, 1, q - 1] {
        check(vec![fill; 1 << log_n]).unwrap();
    }
    runner.run(&residues(q, 1 << log_n), check).unwrap();
}

#[test]
fn kernels_agree_for_small_degrees() {
    for log_n in *LOG_N_RANGE.start()..=12 {
        for q in primes(log_n) {
            agree(q, log_n, if log_n < 9 { 24 } else { 8 });
        }
    }
}

#[test]
fn kernels_agree_for_large_degrees() {
    for log_n in 13..=*LOG_N_RANGE.end() {
        for q in primes(log_n) {
            agree(q, log_n, 3);
        }
    }
}

#[test]
fn every_level_is_used_where_its_bounds_hold() {
    for level in levels() {
        for log_n in 7..=*LOG_N_RANGE.end() {
            for q in [PRIMES[0], largest_prime(level, log_n)] {
                assert_eq!(plan(q, log_n, level).level(), level);
            }
        }
        let too_large = largest_prime(Level::Portable, 12);
        assert_eq!(plan(too_large, 12, level).level(), Level::Portable);
        assert_eq!(plan(PRIMES[0], 2, level).level(), Level::Portable);
    }
}
