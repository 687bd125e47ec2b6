use super::driver::*;

/// What the instruction leaves in its destination, from the slots' words and the stream's.
fn expected(machine: &Machine, order: &Order, slots: &[Vec<u64>], stream: &[u64]) -> Vec<u64> {
    let (q, source) = (machine.q(order.limb), machine.q(order.from));
    (0..machine.n())
        .map(|i| {
            let a = if order.stream_a {
                stream[i]
            } else {
                slots[order.a][i]
            };
            let b = if order.stream_b {
                stream[i]
            } else {
                slots[order.b][i]
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
fn beats(machine: &Machine, words: &[u64]) -> Vec<Vec<u64>> {
    let shape = machine.datapath.shape();
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

fn fill(machine: &mut Machine, limb: usize, seed: u64) -> Vec<Vec<u64>> {
    let q = machine.q(limb).value();
    let edges = [0, 1, q - 1, q / 2, q / 2 + 1, q - 2];
    let slots: Vec<_> = (0..SLOTS)
        .map(|slot| {
            let mut words = scrambled(q, machine.n(), seed * 10 + slot as u64);
            for (i, word) in words.iter_mut().enumerate().take(216) {
                *word = edges[i / [1, 6, 36, 1][slot] % 6];
            }
            words
        })
        .collect();
    for (slot, words) in slots.iter().enumerate() {
        machine.poke(slot, words);
    }
    slots
}

fn check(machine: &mut Machine, order: &Order, slots: &mut [Vec<u64>]) {
    let words = expected(machine, order, slots, &[]);
    machine.execute(order);
    slots[order.dst] = words;
    for (slot, words) in slots.iter().enumerate() {
        assert_same(
            &machine.peek(slot),
            words,
            &format!("{order:?}, slot {slot}"),
        );
    }
}

#[test]
fn every_combination_of_slots() {
    for butterflies in [1, 8] {
        let mut machine = Machine::new(10, butterflies);
        let mut slots = fill(&mut machine, 0, 3);
        for op in [MUL, MAC, ADD, SUB] {
            for dst in 0..SLOTS {
                for a in 0..SLOTS {
                    for b in 0..SLOTS {
                        let order = Order {
                            op,
                            dst,
                            a,
                            b,
                            ..Order::default()
                        };
                        check(&mut machine, &order, &mut slots);
                    }
                }
            }
        }
        println!("{butterflies}: {}", machine.cycles);
    }
}

#[test]
fn constants_and_reductions() {
    for butterflies in [1, 2, 4, 8] {
        let mut machine = Machine::new(10, butterflies);
        for (limb, from) in [(0, 1), (1, 0), (0, 0)] {
            let mut slots = fill(&mut machine, from, 4);
            let order = Order {
                op: RED,
                limb,
                from,
                dst: 3,
                a: 0,
                ..Order::default()
            };
            check(&mut machine, &order, &mut slots);
            let mut slots = fill(&mut machine, limb, 5);
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
fn stream_operands() {
    for butterflies in [1, 2, 4, 8] {
        let mut machine = Machine::new(10, butterflies);
        let mut slots = fill(&mut machine, 1, 6);
        let stream = scrambled(machine.q(1).value(), machine.n(), 77);
        let beats = beats(&machine, &stream);
        for op in [MUL, MAC, ADD, SUB] {
            for (stream_a, stream_b) in [(true, false), (false, true)] {
                for (dst, slot) in [(0, 0), (0, 1), (2, 1)] {
                    for pace in 1..4 {
                        let order = Order {
                            op,
                            limb: 1,
                            dst,
                            a: if stream_a { 127 } else { slot },
                            b: if stream_b { 127 } else { slot },
                            stream_a,
                            stream_b,
                            ..Order::default()
                        };
                        let words = expected(&machine, &order, &slots, &stream);
                        machine.run(&order, &beats, |cycle| at_pace(cycle, pace), |_| true);
                        assert!(!machine.bad);
                        println!(
                            "{butterflies} {pace}: {} {}",
                            machine.cycles - machine.stalls,
                            machine.stalls
                        );
                        slots[dst] = words;
                        for (slot, words) in slots.iter().enumerate() {
                            assert_same(
                                &machine.peek(slot),
                                words,
                                &format!("{order:?}, slot {slot}"),
                            );
                        }
                    }
                }
            }
        }
    }
}

#[test]
fn automorphisms() {
    for butterflies in [1, 2, 4, 8] {
        let mut machine = Machine::new(10, butterflies);
        let mut slots = fill(&mut machine, 0, 8);
        for galois in [0, 1, 2, 511, 512, 1023, 77, 600] {
            let order = Order {
                op: AUT,
                dst: 1,
                a: 2,
                galois,
                ..Order::default()
            };
            machine.execute(&order);
            let mut words = vec![0; machine.n()];
            addax_core::poly::automorphism_transformed(2 * galois + 1, &slots[2], &mut words);
            slots[1] = words;
            println!("{butterflies}: {}", machine.cycles);
            for (slot, words) in slots.iter().enumerate() {
                assert_same(
                    &machine.peek(slot),
                    words,
                    &format!("{order:?}, slot {slot}"),
                );
            }
        }
    }
}

#[test]
fn loads_and_stores() {
    for butterflies in [1, 2, 4, 8] {
        let mut machine = Machine::new(10, butterflies);
        let words = scrambled(machine.q(0).value(), machine.n(), 9);
        let beats: Vec<_> = words.iter().map(|&word| vec![word]).collect();
        for pace in 0..4 {
            let order = Order {
                op: LD,
                dst: 2,
                weights: false,
                ..Order::default()
            };
            machine.run(&order, &beats, |cycle| at_pace(cycle, pace), |_| true);
            assert!(!machine.bad);
            println!(
                "LD {butterflies} {pace}: {} {}",
                machine.cycles - machine.stalls,
                machine.stalls
            );
            assert_same(&machine.peek(2), &words, "LD");
            let order = Order {
                op: ST,
                a: 2,
                ..Order::default()
            };
            machine.run(&order, &[], |_| true, |cycle| at_pace(cycle, pace));
            println!(
                "ST {butterflies} {pace}: {} {}",
                machine.cycles - machine.stalls,
                machine.stalls
            );
            let output = machine.output.clone();
            assert_same(&output, &words, "ST");
        }
    }
}
