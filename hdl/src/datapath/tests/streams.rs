use addax_core::poly::automorphism_transformed;

use super::driver::*;
use crate::cosim::Stimulus;
use crate::datapath::Datapath;

#[test]
fn automorphisms() {
    for (log_n, butterflies, elements) in [
        (10, 1, 40),
        (10, 2, 40),
        (10, 4, 40),
        (10, 8, 40),
        (12, 8, 6),
        (13, 1, 2),
        (13, 8, 6),
    ] {
        let mut machine = Machine::new(log_n, butterflies);
        let shape = machine.shape();
        let mut slots = machine.fill(0, 8);
        let mut random = Stimulus::new(9);
        for i in 0..elements {
            let (a, dst) = [(2, 1), (0, 1), (3, 0)][i % 3];
            let galois = random.below(machine.n() as u64) as usize;
            let order = Order {
                op: AUT,
                dst,
                a,
                galois,
                ..Order::default()
            };
            let cycles = machine.execute(&order);
            assert_eq!(cycles, Datapath::automorphism_cycles(&shape));
            let mut words = vec![0; machine.n()];
            automorphism_transformed(2 * galois + 1, &slots[a], &mut words);
            slots[dst] = words;
            machine.assert_slots(&slots, order);
        }
    }
}

#[test]
fn loads_and_stores_at_every_pace() {
    for (log_n, butterflies) in [(10, 1), (10, 2), (10, 4), (10, 8), (12, 8)] {
        let mut machine = Machine::new(log_n, butterflies);
        let shape = machine.shape();
        let mut slots = machine.fill(0, 10);
        let mut random = Stimulus::new(11);
        for (slot, pace) in [(2, ALWAYS), (1, 1), (0, SELDOM)] {
            let words = residues(&mut random, machine.q(0).value(), machine.n());
            let beats: Vec<_> = words.iter().map(|&word| vec![word]).collect();
            let order = Order {
                op: LD,
                dst: slot,
                ..Order::default()
            };
            let (run, cycles) = machine.run(Run::new(&order, &beats, pace, ALWAYS));
            assert!(!run.bad);
            assert_eq!(cycles, Datapath::load_cycles(&shape));
            slots[slot] = words;
            machine.assert_slots(&slots, order);
            let order = Order {
                op: ST,
                a: slot,
                ..Order::default()
            };
            let (run, cycles) = machine.run(Run::new(&order, &[], ALWAYS, pace));
            assert_same(&run.output, &slots[slot], order);
            assert_eq!(cycles, Datapath::store_cycles(&shape));
        }
    }
}

#[test]
fn small_integers_become_residues() {
    for butterflies in [1, 4] {
        let mut machine = Machine::new(10, butterflies);
        let mut slots = machine.fill(1, 12);
        // Only the low 8 bits count.
        let beats: Vec<_> = (0..machine.n() as u64).map(|i| vec![i | i << 20]).collect();
        let order = Order {
            op: LD,
            limb: 1,
            dst: 3,
            weights: true,
            ..Order::default()
        };
        let (run, _) = machine.run(Run::new(&order, &beats, ALWAYS, ALWAYS));
        assert!(!run.bad);
        slots[3] = (0..machine.n())
            .map(|i| machine.q(1).from_signed(i64::from(i as u8 as i8)))
            .collect();
        machine.assert_slots(&slots, order);
    }
}

#[test]
fn a_loaded_word_that_is_no_residue_is_reported() {
    for butterflies in [1, 8] {
        let mut machine = Machine::new(10, butterflies);
        let q = machine.q(0).value();
        for (position, word, bad) in [
            (0, q, true),
            (1023, q, true),
            (512, u64::MAX, true),
            (77, q - 1, false),
        ] {
            let mut beats = vec![vec![0]; machine.n()];
            beats[position][0] = word;
            let order = Order {
                op: LD,
                ..Order::default()
            };
            let (run, _) = machine.run(Run::new(&order, &beats, 1, ALWAYS));
            assert_eq!(run.bad, bad, "{word} at {position}");
        }
    }
}
