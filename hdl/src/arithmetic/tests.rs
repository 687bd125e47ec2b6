//! The circuits against `core::modulus`, one operation a cycle.

use addax_core::modulus::Modulus;
use addax_core::params::PRIMES;
use proptest::prelude::*;
use rust_hdl::core::prelude::*;

use super::*;
use crate::cosim::{Cosimulation, Stimulus};
use crate::leaf::ECP5_MODELS;
use crate::shape::Target;
use crate::word::Word;

fn settle<B: Block>(block: &mut B) {
    loop {
        block.update_all();
        if !block.has_changed() {
            break;
        }
    }
}

/// Streams operands through a butterfly and returns what comes out for each.
fn stream(inverse: bool, q: u64, operands: &[[u64; 3]]) -> Vec<(u64, u64)> {
    let mut butterfly = Butterfly::new(Target::Behavioural);
    butterfly.connect_all();
    butterfly.qh.next = Word::new(q >> 18);
    butterfly.inverse.next = inverse;
    let mut results = Vec::new();
    for i in 0..operands.len() + Butterfly::LATENCY {
        let [x, y, w] = operands.get(i).copied().unwrap_or_default();
        butterfly.x.next = Word::new(x);
        butterfly.y.next = Word::new(y);
        butterfly.w.next = Word::new(w);
        settle(&mut butterfly);
        if i >= Butterfly::LATENCY {
            results.push((
                butterfly.sum.val().value(),
                butterfly.difference.val().value(),
            ));
        }
        butterfly.clock.next = !butterfly.clock.val();
        settle(&mut butterfly);
    }
    results
}

fn expected(inverse: bool, q: &Modulus, [x, y, w]: [u64; 3]) -> (u64, u64) {
    if inverse {
        let t = q.montgomery_mul(q.sub(y, x), w);
        (q.halve(q.add(x, y)), q.halve(t))
    } else {
        let t = q.montgomery_mul(y, w);
        (q.add(x, t), q.sub(x, t))
    }
}

fn check(q: u64, operands: &[[u64; 3]]) {
    let modulus = Modulus::new(q).unwrap();
    for inverse in [false, true] {
        let results = stream(inverse, q, operands);
        for (&operand, result) in operands.iter().zip(results) {
            let expected = expected(inverse, &modulus, operand);
            assert_eq!(
                result, expected,
                "{operand:?} modulo {q}, inverse {inverse}"
            );
        }
    }
}

#[test]
fn the_butterfly_is_right_at_all_edges() {
    for q in [
        PRIMES[0],
        PRIMES[PRIMES.len() - 1],
        (1 << 18) + 1,
        (3 << 18) + 1,
    ] {
        let half = q / 2;
        let r = ((1u128 << 36) % u128::from(q)) as u64;
        let edges = [
            0,
            1,
            2,
            half - 1,
            half,
            half + 1,
            q - 2,
            q - 1,
            r,
            q - r,
            0x1_ffff % q,
            0x2_0000 % q,
            0x3_ffff % q,
            0x4_0000 % q,
            q & !0x1_ffff,
            q - 0x2_0000,
        ];
        let mut operands = Vec::new();
        for x in edges {
            for y in edges {
                for w in edges {
                    operands.push([x, y, w]);
                }
            }
        }
        check(q, &operands);
    }
}

#[test]
fn the_butterfly_is_right_for_every_prime() {
    let mut random = Stimulus::new(7);
    for q in PRIMES {
        let operands: Vec<_> = (0..2000)
            .map(|_| [(); 3].map(|()| random.below(q)))
            .collect();
        check(q, &operands);
    }
}

proptest! {
    #[test]
    fn the_butterfly_computes_its_formulas(
        limb in 0..PRIMES.len(),
        operands in any::<[u64; 3]>(),
        inverse in any::<bool>(),
    ) {
        let q = Modulus::new(PRIMES[limb]).unwrap();
        let operands = operands.map(|a| q.reduce(a));
        prop_assert_eq!(
            stream(inverse, q.value(), &[operands]),
            [expected(inverse, &q, operands)]
        );
    }

    /// How `RED` takes a residue of one modulus into another.
    #[test]
    fn a_sum_below_two_moduli_is_reduced_whatever_x_is(
        limb in 0..PRIMES.len(),
        source in 0..PRIMES.len(),
        x in any::<u64>(),
    ) {
        let q = Modulus::new(PRIMES[limb]).unwrap();
        let from = Modulus::new(PRIMES[source]).unwrap();
        let x = from.reduce(x);
        let addend = q.reduce(2 * q.value() - from.value());
        let y = if x > from.value() / 2 { addend } else { 0 };
        let results = stream(false, q.value(), &[[x, y, q.to_montgomery(1)]]);
        prop_assert_eq!(results[0].0, q.from_signed(from.to_centred(x)));
    }
}

/// Runs a module and its Verilog, for both fabrics, both directions and several moduli, on random inputs: the two must
/// agree also on what no instruction gives.
macro_rules! cosimulate {
    ($name:literal, $module:ident, |$block:ident, $random:ident, $inverse:ident| $stimulus:expr) => {
        for target in [Target::Behavioural, Target::Ecp5] {
            for $inverse in [false, true] {
                let mut $random = Stimulus::new(1);
                for qh in [PRIMES[0] >> 18, 1, 0x1_5555, 0x1_ffff] {
                    let mut bench = Cosimulation::with_models(
                        $name,
                        $module::new(target),
                        |block| &mut block.clock,
                        ECP5_MODELS,
                    )
                    .unwrap();
                    bench
                        .run(1000, |_, $block| {
                            $block.qh.next = Word::new(qh);
                            $stimulus
                        })
                        .unwrap();
                }
            }
        }
    };
}

#[test]
#[ignore = "needs verilator: cargo xtask test"]
fn the_verilog_of_the_product_does_what_the_model_does() {
    cosimulate!(
        "first_reduction",
        FirstReduction,
        |block, random, _inverse| {
            block.p00.next = random.word();
            block.p01.next = random.word();
            block.p10.next = random.word();
            block.p11.next = random.word();
        }
    );
    cosimulate!(
        "second_reduction",
        SecondReduction,
        |block, random, _inverse| {
            block.digit.next = random.word();
            block.rest.next = random.word();
        }
    );
    cosimulate!("product", MontgomeryProduct, |block, random, _inverse| {
        block.a.next = random.word();
        block.b.next = random.word();
    });
    cosimulate!("lift", Lift, |block, random, _inverse| {
        block.value.next = random.word();
    });
}

#[test]
#[ignore = "needs verilator: cargo xtask test"]
fn the_verilog_of_addition_and_subtraction_does_what_the_model_does() {
    cosimulate!("addition", Addition, |block, random, inverse| {
        block.inverse.next = inverse;
        block.x.next = random.word();
        block.y.next = random.word();
        block.high.next = random.word();
        block.low.next = random.word();
        block.one.next = random.bit();
    });
    cosimulate!("subtraction", Subtraction, |block, random, inverse| {
        block.inverse.next = inverse;
        block.x.next = random.word();
        block.high.next = random.word();
        block.low.next = random.word();
        block.one.next = random.bit();
    });
}

#[test]
#[ignore = "needs verilator: cargo xtask test"]
fn the_verilog_of_the_butterfly_does_what_the_model_does() {
    for target in [Target::Behavioural, Target::Ecp5] {
        for inverse in [false, true] {
            let mut random = Stimulus::new(1);
            for qh in [PRIMES[0] >> 18, 1, 0x1_5555, 0x1_ffff] {
                Cosimulation::with_models(
                    "butterfly",
                    Butterfly::new(target),
                    |block| &mut block.clock,
                    ECP5_MODELS,
                )
                .unwrap()
                .run(1000, |_, block| {
                    block.qh.next = Word::new(qh);
                    block.inverse.next = inverse;
                    block.x.next = random.word();
                    block.y.next = random.word();
                    block.w.next = random.word();
                })
                .unwrap();
            }
        }
    }
}
