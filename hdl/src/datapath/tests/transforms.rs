use proptest::prelude::*;

use super::driver::*;
use crate::cosim::Stimulus;
use crate::datapath::Datapath;

/// Transforms slot a into slot dst, and compares all slots and the number of cycles.
fn check(machine: &mut Machine, op: u64, limb: usize, a: usize, dst: usize, words: &[u64]) {
    let mut slots: Vec<_> = (0..SLOTS).map(|slot| machine.peek(slot)).collect();
    machine.poke(a, words);
    slots[a] = words.to_vec();
    let order = Order {
        op,
        limb,
        a,
        dst,
        ..Order::default()
    };
    let cycles = machine.execute(&order);
    assert_eq!(cycles, Datapath::transform_cycles(&machine.shape()));
    slots[dst] = words.to_vec();
    match op {
        NTT => machine.plans[limb].forward(&mut slots[dst]),
        _ => machine.plans[limb].inverse(&mut slots[dst]),
    }
    machine.assert_slots(&slots, order);
}

#[test]
fn every_shape_transforms_both_ways() {
    for log_n in 10..=13 {
        for butterflies in BUTTERFLIES {
            let mut machine = Machine::new(log_n, butterflies);
            let mut random = Stimulus::new(u64::from(log_n + butterflies));
            let words = residues(&mut random, machine.q(1).value(), machine.n());
            check(&mut machine, NTT, 1, 1, 2, &words);
            check(&mut machine, INTT, 1, 3, 3, &words);
        }
    }
}

#[test]
fn a_transform_takes_its_butterflies_and_33_cycles() {
    for (log_n, butterflies, cycles) in [(10, 1, 5153), (12, 1, 24_609), (12, 8, 3105)] {
        let shape = shape(log_n, butterflies);
        assert_eq!(Datapath::transform_cycles(&shape), cycles);
    }
}

fn polynomial(q: u64, n: usize) -> impl Strategy<Value = Vec<u64>> {
    let word = prop_oneof![Just(0), Just(1), Just(q - 1), 0..q];
    prop_oneof![
        4 => proptest::collection::vec(word, n),
        1 => Just(vec![q - 1; n]),
        1 => Just(vec![0; n]),
        1 => (0..n, prop_oneof![Just(1), Just(q - 1)]).prop_map(move |(position, value)| {
            let mut words = vec![0; n];
            words[position] = value;
            words
        }),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]
    #[test]
    fn edge_polynomials_transform_both_ways(
        butterflies in prop::sample::select(&BUTTERFLIES[..]),
        limb in 0..LIMBS,
        a in 0..SLOTS,
        dst in 0..SLOTS,
        inverse in any::<bool>(),
        words in polynomial(plan(1, 10).modulus().value().min(plan(0, 10).modulus().value()), 1024),
    ) {
        let mut machine = Machine::new(10, butterflies);
        check(&mut machine, if inverse { INTT } else { NTT }, limb, a, dst, &words);
    }
}
