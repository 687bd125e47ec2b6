use super::driver::*;
use super::pointwise::{beats, expected};
use crate::cosim::Stimulus;

/// After a flush in any cycle of any instruction nothing is written from the fifth cycle on, and the next instruction is
/// exact.
#[test]
fn an_instruction_can_be_forgotten_in_every_cycle() {
    for butterflies in [1, 8] {
        let mut machine = Machine::new(10, butterflies);
        let shape = machine.shape();
        let mut random = Stimulus::new(13);
        let q = machine.q(0).value();
        let stream = residues(&mut random, q, machine.n());
        let streamed = beats(&shape, &stream);
        let single: Vec<_> = stream.iter().map(|&word| vec![word]).collect();
        for op in [LD, ST, NTT, INTT, MUL, MAC, AUT] {
            for cycle in (1..70).step_by(3).chain([150, 300]) {
                machine.fill(0, 14);
                let order = Order {
                    op,
                    dst: 1,
                    a: 2,
                    b: 3,
                    stream_b: op == MAC,
                    galois: 5,
                    ..Order::default()
                };
                let words = match op {
                    LD => &single[..],
                    MAC => &streamed[..],
                    _ => &[],
                };
                let mut run = Run::new(&order, words, 1, 1);
                for _ in 0..cycle {
                    machine.cycle(&mut run);
                }
                if run.done.is_some() {
                    continue;
                }
                machine.datapath.start.next = false;
                machine.datapath.input_valid.next = true;
                machine.datapath.output_ready.next = true;
                machine.datapath.flush.next = true;
                machine.settle();
                machine.edge();
                machine.datapath.flush.next = false;
                for _ in 0..4 {
                    machine.settle();
                    machine.edge();
                }
                let slots: Vec<_> = (0..SLOTS).map(|slot| machine.peek(slot)).collect();
                for _ in 0..40 {
                    machine.settle();
                    assert!(!machine.datapath.input_ready.val());
                    assert!(!machine.datapath.stall.val());
                    assert!(!machine.datapath.done.val());
                    assert!(!machine.datapath.bad.val());
                    machine.edge();
                }
                machine.assert_slots(&slots, format!("{order:?} in cycle {cycle}"));
                assert!(machine.datapath.drained.val());

                let mut slots = machine.fill(0, 15);
                let next = Order {
                    op: SUB,
                    dst: 0,
                    a: 127,
                    b: 3,
                    stream_a: true,
                    ..Order::default()
                };
                slots[0] = expected(&machine, &next, &slots, &stream);
                machine.run(Run::new(&next, &streamed, ALWAYS, ALWAYS));
                machine.assert_slots(&slots, format!("after {order:?} in cycle {cycle}"));
            }
        }
    }
}
