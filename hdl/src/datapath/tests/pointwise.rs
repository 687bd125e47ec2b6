use super::driver::*;
use crate::cosim::Stimulus;
use crate::datapath::Datapath;
use crate::shape::Shape;

/// What the instruction leaves in its destination.
pub fn expected(machine: &Machine, order: &Order, slots: &[Vec<u64>], stream: &[u64]) -> Vec<u64> {
    let (q, source) = (machine.q(order.limb), machine.q(order.from));
    (0..machine.n())
        .map(|i| {
            let a = match order.stream_a {
                true => stream[i],
                false => slots[order.a][i],
            };
            let b = match order.stream_b {
                true => stream[i],
                false => slots[order.b][i],
            };
            match order.op {
                MUL => q.montgomery_mul(a, b),
                MAC => q.add(slots[order.dst][i], q.montgomery_mul(a, b)),
                ADD => q.add(a, b),
                SUB => q.sub(a, b),
                MULI => q.montgomery_mul(a, order.constant),
                RED => q.from_signed(source.to_centred(a)),
                _ => unreachable!(),
            }
        })
        .collect()
}

/// Beats of a stream operand: row r of the low banks, then of the high banks.
pub fn beats(shape: &Shape, words: &[u64]) -> Vec<Vec<u64>> {
    let (rows, lanes) = (shape.rows(), shape.butterflies());
    (0..2 * rows)
        .map(|beat| {
            let (row, half) = (beat / 2, beat % 2);
            (0..lanes)
                .map(|lane| words[(lane + half * lanes) * rows + row])
                .collect()
        })
        .collect()
}

fn check(machine: &mut Machine, order: &Order, slots: &mut [Vec<u64>]) {
    let words = expected(machine, order, slots, &[]);
    let cycles = machine.execute(order);
    assert_eq!(cycles, Datapath::pointwise_cycles(&machine.shape()));
    slots[order.dst] = words;
    machine.assert_slots(slots, order);
}

#[test]
fn every_combination_of_slots() {
    for butterflies in [1, 8] {
        let mut machine = Machine::new(10, butterflies);
        let mut slots = machine.fill(0, 3);
        for op in [MUL, MAC, ADD, SUB] {
            for slot in 0..SLOTS * SLOTS * SLOTS {
                let order = Order {
                    op,
                    dst: slot / (SLOTS * SLOTS),
                    a: slot / SLOTS % SLOTS,
                    b: slot % SLOTS,
                    ..Order::default()
                };
                check(&mut machine, &order, &mut slots);
            }
        }
    }
}

#[test]
fn constants_and_reductions() {
    for butterflies in BUTTERFLIES {
        let mut machine = Machine::new(10, butterflies);
        for (limb, from) in [(0, 1), (1, 0), (0, 0)] {
            for (dst, a) in [(3, 0), (1, 1)] {
                let mut slots = machine.fill(from, 4);
                let order = Order {
                    op: RED,
                    limb,
                    from,
                    dst,
                    a,
                    ..Order::default()
                };
                check(&mut machine, &order, &mut slots);
            }
            let mut slots = machine.fill(limb, 5);
            for constant in [0, 1, machine.q(limb).value() - 1, 123_456_789] {
                let order = Order {
                    op: MULI,
                    limb,
                    dst: 1,
                    a: 2,
                    constant,
                    ..Order::default()
                };
                check(&mut machine, &order, &mut slots);
            }
        }
    }
}

#[test]
fn large_machines_compute_pointwise() {
    for (log_n, butterflies) in [(11, 4), (12, 8), (13, 1), (13, 8)] {
        let mut machine = Machine::new(log_n, butterflies);
        let mut slots = machine.fill(1, 6);
        for (op, dst, a, b) in [(MAC, 0, 2, 1), (MUL, 3, 3, 0), (SUB, 1, 2, 1)] {
            let order = Order {
                op,
                limb: 1,
                dst,
                a,
                b,
                ..Order::default()
            };
            check(&mut machine, &order, &mut slots);
        }
    }
}

#[test]
fn stream_operands_at_every_pace() {
    for butterflies in BUTTERFLIES {
        let mut machine = Machine::new(10, butterflies);
        let shape = machine.shape();
        let mut slots = machine.fill(1, 6);
        let mut random = Stimulus::new(7);
        let stream = residues(&mut random, machine.q(1).value(), machine.n());
        let beats = beats(&shape, &stream);
        for op in [MUL, MAC, ADD, SUB] {
            for (dst, slot) in [(0, 0), (0, 1), (2, 1)] {
                for stream_a in [false, true] {
                    for pace in [ALWAYS, 1, SELDOM] {
                        let order = Order {
                            op,
                            limb: 1,
                            dst,
                            a: if stream_a { 127 } else { slot },
                            b: if stream_a { slot } else { 127 },
                            stream_a,
                            stream_b: !stream_a,
                            ..Order::default()
                        };
                        let words = expected(&machine, &order, &slots, &stream);
                        let run = Run::new(&order, &beats, pace, ALWAYS);
                        let (run, cycles) = machine.run(run);
                        assert!(!run.bad);
                        assert_eq!(cycles, Datapath::pointwise_cycles(&shape) + 2);
                        slots[dst] = words;
                        machine.assert_slots(&slots, order);
                    }
                }
            }
        }
    }
}

#[test]
fn a_stream_word_that_is_no_residue_is_reported() {
    for butterflies in BUTTERFLIES {
        let mut machine = Machine::new(10, butterflies);
        let shape = machine.shape();
        machine.fill(0, 8);
        let q = machine.q(0).value();
        let good = beats(&shape, &vec![q - 1; machine.n()]);
        let order = Order {
            op: ADD,
            b: 127,
            stream_b: true,
            ..Order::default()
        };
        assert!(!machine.run(Run::new(&order, &good, 1, ALWAYS)).0.bad);
        for lane in 0..shape.butterflies() {
            for beat in [0, 1, good.len() / 2, good.len() - 1] {
                let mut beats = good.clone();
                beats[beat][lane] = q + lane as u64;
                let (run, _) = machine.run(Run::new(&order, &beats, 1, ALWAYS));
                assert!(run.bad, "lane {lane}, beat {beat}");
            }
        }
    }
}
