//! Whether times tell secrets: the test of Reparaz, Balasch and Verbauwhede, "Dude, is my code constant time?" (DATE 2017).
//!
//! Each operation runs on two classes of secrets, one fixed and one drawn anew, in random order; both go through the same
//! preparation into the same memory. Welch's t between the two sets of times says how sure it is that their means differ.
//! With equal means |t| exceeds 4.5 once in about 10^5 tests. Interruptions lengthen a few times by much and would hide a
//! difference, so the statistic is also taken of the times below several quantiles, and the largest counts.
//!
//! ```text
//! cargo test --release -p addax-core --test constant_time -- --ignored --test-threads 1 --nocapture
//! ```

use std::hint::black_box;
use std::time::Instant;

use addax_core::garble::{
    Block, Builder, Circuit, Delta, Evaluation, Garbling, GarblingInputs, Gate, Node,
};
use addax_core::modulus::Modulus;
use addax_core::ntt::{NttPlan, Twiddle};
use addax_core::params::PRIMES;
use addax_core::rlwe::{self, Decoder};
use addax_core::share::Ring;
use chacha20::ChaCha20Rng;
use rand_core::{Rng, SeedableRng};

/// Measurements of an operation, in the first attempt.
const SAMPLES: usize = 120_000;

/// Up to here nothing is said to differ.
const LIMIT: f64 = 4.5;

/// Welch's t between times of two classes.
fn welch(classes: [&[f64]; 2]) -> f64 {
    let [a, b] = classes.map(|times| {
        let count = times.len() as f64;
        let mean = times.iter().sum::<f64>() / count;
        let squares = times.iter().map(|t| (t - mean).powi(2)).sum::<f64>();
        (mean, squares / (count - 1.0) / count)
    });
    (a.0 - b.0) / (a.1 + b.1).sqrt()
}

/// The largest |t|, over all times and those below quantiles of all.
fn largest_t(times: &[(bool, f64)]) -> f64 {
    let mut sorted: Vec<f64> = times.iter().map(|(_, time)| *time).collect();
    sorted.sort_by(f64::total_cmp);
    let quantiles = [0.5, 0.8, 0.95, 1.0].into_iter();
    quantiles.fold(0.0, |largest, quantile| {
        let limit = sorted[(quantile * (sorted.len() - 1) as f64) as usize];
        let class = |fixed: bool| -> Vec<f64> {
            let kept = times.iter();
            let kept = kept.filter(|(f, time)| *f == fixed && *time <= limit);
            kept.map(|(_, time)| *time).collect()
        };
        let t = welch([&class(true), &class(false)]).abs();
        f64::max(largest, t)
    })
}

/// Measurements that must all exceed the limit before something is said to differ, each of twice as many samples as the one
/// before: a leak shows the more clearly, by √2 each time, and a burst of other work on the machine passes.
const ATTEMPTS: usize = 3;

/// Runs `operate` on secrets that `prepare` makes, fixed ones if asked to, and returns the largest |t|: of the first
/// measurement that stays below the limit, else of the last.
fn measure<S>(
    state: &mut S,
    mut prepare: impl FnMut(&mut S, &mut ChaCha20Rng, bool),
    mut operate: impl FnMut(&mut S),
) -> f64 {
    let mut t = 0.0;
    for attempt in 0..ATTEMPTS {
        t = measure_once(SAMPLES << attempt, state, &mut prepare, &mut operate);
        if t < LIMIT {
            break;
        }
    }
    t
}

fn measure_once<S>(
    samples: usize,
    state: &mut S,
    prepare: &mut impl FnMut(&mut S, &mut ChaCha20Rng, bool),
    operate: &mut impl FnMut(&mut S),
) -> f64 {
    let mut rng = ChaCha20Rng::seed_from_u64(samples as u64);
    let mut times = Vec::with_capacity(samples);
    // The first ones warm up caches and predictors.
    let cold = samples / 50;
    for sample in 0..samples + cold {
        let fixed = rng.next_u64() & 1 == 0;
        prepare(state, &mut rng, fixed);
        let start = Instant::now();
        operate(state);
        let time = start.elapsed().as_secs_f64();
        if sample >= cold {
            times.push((fixed, time));
        }
    }
    largest_t(&times)
}

/// A value of the class: zero, or a random one. Both cost the same.
fn pick(rng: &mut ChaCha20Rng, fixed: bool) -> u64 {
    rng.next_u64() & u64::from(fixed).wrapping_sub(1)
}

fn check(what: &str, t: f64) {
    println!("{what}: |t| = {t:.2}");
    assert!(
        t < LIMIT,
        "the time of {what} depends on secrets: |t| = {t:.2}"
    );
}

#[test]
#[ignore = "slow: cargo xtask test"]
fn a_branch_on_a_secret_is_found() {
    let mut secret = vec![0u64; 64];
    let t = measure(
        &mut secret,
        |secret, rng, fixed| secret.iter_mut().for_each(|x| *x = pick(rng, fixed)),
        |secret| {
            // What code that is not constant time looks like: it stops at the first difference.
            black_box(black_box(&*secret).iter().all(|&x| black_box(x) == 0));
        },
    );
    println!("a comparison that stops early: |t| = {t:.2}");
    assert!(t > 10.0 * LIMIT, "|t| = {t:.2}: this test finds nothing");
}

#[test]
#[ignore = "slow: cargo xtask test"]
fn decryption_takes_the_same_time_for_every_key() {
    const LOG_N: u32 = 12;
    const N: usize = 1 << LOG_N;
    let modulus = Modulus::new(PRIMES[0]).unwrap();
    let storage = vec![Twiddle::default(); NttPlan::<Vec<Twiddle>>::storage_len(LOG_N)];
    let plan = NttPlan::new(modulus, LOG_N, storage).unwrap();
    let decoder = Decoder::new([modulus], 20);
    let mut rng = ChaCha20Rng::seed_from_u64(2);
    let c1: Vec<u64> = (0..N).map(|_| rng.next_u64() % modulus.value()).collect();
    let zeros = vec![0; N];
    struct State {
        small: Vec<i8>,
        stored: Vec<u64>,
        work: Vec<u64>,
    }
    let mut state = State {
        small: vec![0; N],
        stored: vec![0; N],
        work: vec![0; N],
    };
    let t = measure(
        &mut state,
        |state, rng, fixed| {
            for x in &mut state.small {
                *x = (pick(rng, fixed) % 3) as i8 - 1;
            }
            rlwe::store_small(&plan, &state.small, &mut state.stored);
            state.work.copy_from_slice(&c1);
        },
        |state| {
            rlwe::phase_limb(&plan, &state.stored, &zeros, &mut state.work);
            let phases = state.work.iter();
            black_box(phases.fold(0, |sum, &x| sum ^ decoder.decode([x])));
        },
    );
    check("decryption", t);
}

#[test]
#[ignore = "slow: cargo xtask test"]
fn shares_are_handled_in_the_same_time_whatever_they_are() {
    let ring = Ring::new(23).unwrap();
    let mut state = vec![(0u64, 0u64); 512];
    let t = measure(
        &mut state,
        |state, rng, fixed| {
            for (a, b) in state.iter_mut() {
                (*a, *b) = (ring.reduce(pick(rng, fixed)), ring.reduce(pick(rng, fixed)));
            }
        },
        |state| {
            let values = black_box(&*state).iter();
            let sum = values.fold(0i64, |sum, &(a, b)| {
                sum ^ ring.to_signed(ring.add(a, b)) ^ ring.to_signed(ring.sub(b, a))
            });
            black_box(sum);
        },
    );
    check("adding and reading shares", t);
}

const BITS: u32 = 19;
const INSTANCES: usize = 64;

fn with_relu<T>(then: impl FnOnce(&Circuit<'_>) -> T) -> T {
    let mut nodes = vec![Node::default(); 1000];
    let mut gates = vec![Gate::OutputConstant { value: false }; 1000];
    let mut builder = Builder::new(&mut nodes, BITS);
    let (theirs, own) = (builder.evaluator_word(BITS), builder.garbler_word(BITS));
    let sum = builder.add(&theirs, &own);
    let rounded = Builder::shift_right(&sum, 6);
    let saturated = builder.saturate(&rounded, 8);
    builder.share_clamped(&saturated);
    then(&builder.finish(&mut gates).unwrap())
}

fn blocks(count: usize, rng: &mut ChaCha20Rng) -> Vec<Block> {
    (0..count).map(|_| Block::random(rng)).collect()
}

#[test]
#[ignore = "slow: cargo xtask test"]
fn garbling_takes_the_same_time_for_every_input_of_the_garbler() {
    let mut rng = ChaCha20Rng::seed_from_u64(3);
    with_relu(|circuit| {
        let theirs = blocks(INSTANCES * circuit.evaluator_inputs(), &mut rng);
        let active = blocks(INSTANCES * circuit.garbler_inputs(), &mut rng);
        let mut garbling = Garbling::new([7; 16], Delta::random(&mut rng));
        let mut workspace = vec![Block::ZERO; circuit.workspace()];
        let mut table = vec![0; circuit.table_bytes(INSTANCES)];
        let mut shares = vec![0; INSTANCES];
        let mut bits = vec![0; Circuit::input_words(circuit.garbler_inputs(), INSTANCES)];
        let t = measure(
            &mut bits,
            |bits, rng, fixed| bits.iter_mut().for_each(|word| *word = pick(rng, fixed)),
            |bits| {
                let inputs = GarblingInputs {
                    evaluator_zero_labels: &theirs,
                    garbler_active_labels: &active,
                    garbler_bits: bits,
                };
                let (table, shares) = (&mut table, &mut shares);
                garbling
                    .garble(circuit, INSTANCES, inputs, &mut workspace, table, shares)
                    .unwrap();
                black_box(table);
            },
        );
        check("selecting labels when garbling", t);
    });
}

#[test]
#[ignore = "slow: cargo xtask test"]
fn evaluating_takes_the_same_time_for_every_label() {
    let mut rng = ChaCha20Rng::seed_from_u64(4);
    with_relu(|circuit| {
        let mut table = vec![0; circuit.table_bytes(INSTANCES)];
        rng.fill_bytes(&mut table);
        let theirs = blocks(INSTANCES * circuit.garbler_inputs(), &mut rng);
        let mut evaluation = Evaluation::new([7; 16]);
        let mut workspace = vec![Block::ZERO; circuit.workspace()];
        let mut shares = vec![0; INSTANCES];
        let mut own = vec![Block::ZERO; INSTANCES * circuit.evaluator_inputs()];
        let t = measure(
            &mut own,
            |own, rng, fixed| {
                for label in own.iter_mut() {
                    let [low, high] = [pick(rng, fixed), pick(rng, fixed)].map(u128::from);
                    *label = Block::from_u128(high << 64 | low);
                }
            },
            |own| {
                let (workspace, shares) = (&mut workspace, &mut shares);
                evaluation
                    .evaluate(
                        circuit,
                        INSTANCES,
                        own,
                        &theirs,
                        workspace,
                        &table,
                        shares,
                        &mut [],
                    )
                    .unwrap();
                black_box(shares);
            },
        );
        check("selecting rows when evaluating", t);
    });
}
