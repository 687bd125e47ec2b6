//! The negacyclic transform and pointwise products beside those of the crate `tfhe-ntt`, single thread, one prime.
//!
//! Transforms in place. Ours: 35-bit prime, canonical in and out, the inverse divides by n. Theirs: 36-bit prime,
//! canonical; the inverse leaves out the division by n, which `normalize` adds, so both are shown.
//!
//! Products of transformed polynomials, both under the 36-bit prime, canonical: a·b, and a sum of eight products, for
//! each of them. Ours carry a factor 2^-36, theirs of a·b a factor 1/n.
//!
//! All polynomials start at a cache line.

#[path = "figures/mod.rs"]
mod figures;
#[path = "settings/mod.rs"]
mod settings;
#[path = "side_by_side/mod.rs"]
mod side_by_side;

use std::hint::black_box;

use addax_core::modulus::{Modulus, is_prime};
use addax_core::ntt::{NttPlan, Twiddle};
use addax_core::params::PRIMES;
use addax_core::poly;
use addax_core::simd;
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

/// A polynomial that starts at a cache line.
struct Values {
    words: Vec<u64>,
    start: usize,
}

impl std::ops::Deref for Values {
    type Target = [u64];

    fn deref(&self) -> &[u64] {
        &self.words[self.start..][..self.words.len() - LINE]
    }
}

impl std::ops::DerefMut for Values {
    fn deref_mut(&mut self) -> &mut [u64] {
        let n = self.words.len() - LINE;
        &mut self.words[self.start..][..n]
    }
}

/// Words in a cache line.
const LINE: usize = 8;

fn values(n: usize, q: u64) -> Values {
    let words = vec![0; n + LINE];
    let start = words.as_ptr().align_offset(8 * LINE);
    let mut values = Values { words, start };
    for (i, value) in values.iter_mut().enumerate() {
        *value = (i as u64).wrapping_mul(0x9E37_79B9_7F4A_7C15) % q;
    }
    values
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
        let mut data = [(); 5].map(|()| values(n, ours.modulus().value()));
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
        let ratios = [
            ("forward", times[1] / times[0]),
            ("inverse", times[3] / times[2]),
        ];
        for (direction, ratio) in ratios {
            figures::figure(&format!("ntt_{direction}_{n}_vs_tfhe"), ratio);
        }
        figures::figure(&format!("ntt_forward_{n}_us"), times[0]);
    }
}

/// Products in the sum that is measured.
const PRODUCTS: usize = 8;

fn compare_products() {
    println!("\npointwise products, µs, at the level {}", simd::level());
    println!(
        "{:>6} {:>9} {:>9} {:>6}   {:>9} {:>9} {:>6}",
        "n", "a*b", "tfhe-ntt", "ratio", "each of 8", "tfhe-ntt", "ratio"
    );
    for log_n in LOG_DEGREES {
        let (theirs, n) = (theirs(log_n), 1 << log_n);
        let modulus = Modulus::new(theirs.modulus()).expect("a prime");
        let fresh = || values(n, modulus.value());
        let (mut a, mut b, mut c, mut d) = (fresh(), fresh(), fresh(), fresh());
        let factors = [(); PRODUCTS].map(|()| (fresh(), fresh()));
        let pairs = factors.each_ref().map(|(x, y)| (&x[..], &y[..]));
        let times = side_by_side::medians(&mut [
            &mut || poly::mul_assign(&modulus, black_box(&mut a), &factors[0].0),
            &mut || theirs.mul_assign_normalize(black_box(&mut b), &factors[0].0),
            &mut || poly::mul_accumulate_all(&modulus, black_box(&mut c), &pairs),
            &mut || {
                for (x, y) in pairs {
                    theirs.mul_accumulate(black_box(&mut d), x, y);
                }
            },
        ]);
        let [product, their_product, sum, their_sum] = times[..] else {
            unreachable!("four contestants")
        };
        println!(
            "{n:>6} {product:>9.2} {their_product:>9.2} {:>6.2}   {:>9.2} {:>9.2} {:>6.2}",
            their_product / product,
            sum / PRODUCTS as f64,
            their_sum / PRODUCTS as f64,
            their_sum / sum
        );
        figures::figure(&format!("mac_{n}_vs_tfhe"), their_sum / sum);
    }
}

fn main() {
    let mut criterion = settings::criterion();
    groups(&mut criterion);
    criterion.final_summary();
    if settings::measuring() {
        compare();
        compare_products();
    }
}
