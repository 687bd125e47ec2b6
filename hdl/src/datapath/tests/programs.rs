use addax_core::poly::automorphism_transformed;

use super::driver::*;
use super::pointwise::expected;
use crate::cosim::Stimulus;
use crate::word::Word;

/// Instructions in any order, each started in the cycle after `done` of the one before.
#[test]
fn instructions_follow_each_other_at_once() {
    for butterflies in BUTTERFLIES {
        let mut machine = Machine::new(10, butterflies);
        let mut slots = machine.fill(0, 16);
        let mut random = Stimulus::new(17);
        for _ in 0..60 {
            let mut slot = || (random.bits() % SLOTS as u64) as usize;
            let [dst, a, b] = [slot(), slot(), slot()];
            let order = Order {
                op: [NTT, INTT, MUL, MAC, ADD, SUB, MULI, AUT, AUT, RED]
                    [random.bits() as usize % 10],
                dst,
                a,
                b,
                constant: 3,
                galois: random.below(1024) as usize,
                ..Order::default()
            };
            if order.op == AUT && a == dst {
                continue;
            }
            let words = match order.op {
                NTT | INTT => {
                    let mut words = slots[a].clone();
                    match order.op {
                        NTT => machine.plans[0].forward(&mut words),
                        _ => machine.plans[0].inverse(&mut words),
                    }
                    words
                }
                AUT => {
                    let mut words = slots[a].clone();
                    automorphism_transformed(2 * order.galois + 1, &slots[a], &mut words);
                    words
                }
                _ => expected(&machine, &order, &slots, &[]),
            };
            machine.execute(&order);
            slots[dst] = words;
            machine.assert_slots(&slots, order);
        }
    }
}

/// The sequencer shows `LOOP`, `SYNC` and `HALT` as well, but does not start them.
#[test]
fn an_instruction_that_is_only_shown_writes_nothing() {
    for butterflies in BUTTERFLIES {
        let mut machine = Machine::new(10, butterflies);
        let mut slots = machine.fill(0, 18);
        for op in [NTT, ADD, AUT] {
            let order = Order {
                op,
                dst: 1,
                a: 2,
                b: 3,
                galois: 5,
                ..Order::default()
            };
            machine.execute(&order);
            slots[1] = machine.peek(1);
            for wait in 0..40 {
                machine.datapath.op.next = Word::new(12 + wait % 3);
                machine.datapath.slot_dst.next = Word::new(wait % SLOTS as u64);
                machine.edge();
            }
            machine.assert_slots(&slots, order);
        }
    }
}
