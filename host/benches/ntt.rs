//! The negacyclic transform beside that of the crate `tfhe-ntt`, single thread, in place, one prime.
//!
//! Ours: 35-bit prime, canonical in and out, the inverse divides by n. Theirs: 36-bit prime, canonical; the inverse
//! leaves out the division by n, which `normalize` adds, so both are shown.

#[path = "settings/mod.rs"]
mod settings;
#[path = "side_by_side/mod.rs"]
mod side_by_side;

use std::hint::black_box;

use addax_core::modulus::{Modulus, is_prime};
use addax_core::ntt::{NttPlan, Twiddle};
use addax_core::params::PRIMES;
use criterion::{BenchmarkId, Criterion};
use tfhe_ntt::prime64::Plan;

/// log₂ of the degrees.
const LOG_DEGREES: std::ops::RangeInclusive<u32> = 11..=14;

/// The largest prime h·2^18 + 1 below 2^36.
fn prime_of_36_bits() -> u64 {
    let candidates = (0..1u64 << 18).rev().map(|h| (h << 18) + 1);
    let mut primes = candidates.filter(|&q| is_prime(q));
    primes.next().expect("there is one")
}

fn ours(log_n: u32) -> NttPlan<Vec<Twiddle>> {
    let modulus = Modulus::new(PRIMES[0]).expect("a prime of the parameter sets");
    let storage = vec![Twiddle::default(); NttPlan::<Vec<Twiddle>>::storage_len(log_n)];
    NttPlan::new(modulus, log_n, storage).expect("2n divides q - 1")
}

fn theirs(log_n: u32) -> Plan {
    Plan::try_new(1 << log_n, prime_of_36_bits()).expect("2n divides p - 1")
}

fn values(n: usize, q: u64) -> Vec<u64> {
    (0..n as u64)
        .map(|i| i.wrapping_mul(0x9E37_79B9_7F4A_7C15) % q)
        .collect()
}

fn groups(criterion: &mut Criterion) {
    for log_n in LOG_DEGREES {
        let (ours, theirs) = (ours(log_n), theirs(log_n));
        let n = 1 << log_n;
        let mut a = values(n, ours.modulus().value());
        let mut b = values(n, theirs.modulus());
        let mut group = criterion.benchmark_group("ntt");
        group.bench_function(BenchmarkId::new("forward", n), |bencher| {
            bencher.iter(|| ours.forward(black_box(&mut a)));
        });
        group.bench_function(BenchmarkId::new("inverse", n), |bencher| {
            bencher.iter(|| ours.inverse(black_box(&mut a)));
        });
        group.bench_function(BenchmarkId::new("tfhe-ntt forward", n), |bencher| {
            bencher.iter(|| theirs.fwd(black_box(&mut b)));
        });
        group.bench_function(BenchmarkId::new("tfhe-ntt inverse", n), |bencher| {
            bencher.iter(|| theirs.inv(black_box(&mut b)));
        });
        group.finish();
    }
}

fn compare() {
    println!("\nside by side, medians in µs; a ratio above 1 means that Addax is faster");
    println!(
        "{:>6} {:>9} {:>9} {:>6}   {:>9} {:>9} {:>9} {:>6} {:>9}",
        "n", "forward", "tfhe-ntt", "ratio", "inverse", "tfhe-ntt", "with 1/n", "ratio", "with 1/n"
    );
    for log_n in LOG_DEGREES {
        let (ours, theirs) = (ours(log_n), theirs(log_n));
        let n = 1 << log_n;
        let polynomial = values(n, ours.modulus().value());
        let mut data = [(); 5].map(|()| polynomial.clone());
        let [a, b, c, d, e] = &mut data;
        let times = side_by_side::medians(&mut [
            &mut || ours.forward(black_box(a)),
            &mut || theirs.fwd(black_box(b)),
            &mut || ours.inverse(black_box(c)),
            &mut || theirs.inv(black_box(d)),
            &mut || {
                theirs.inv(black_box(e));
                theirs.normalize(black_box(e));
            },
        ]);
        println!(
            "{n:>6} {:>9.2} {:>9.2} {:>6.2}   {:>9.2} {:>9.2} {:>9.2} {:>6.2} {:>9.2}",
            times[0],
            times[1],
            times[1] / times[0],
            times[2],
            times[3],
            times[4],
            times[3] / times[2],
            times[4] / times[2]
        );
    }
}

fn main() {
    let mut criterion = settings::criterion();
    groups(&mut criterion);
    criterion.final_summary();
    if settings::measuring() {
        compare();
    }
}
