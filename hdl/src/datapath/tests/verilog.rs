use std::collections::VecDeque;

use super::driver::*;
use super::pointwise::beats;
use crate::cosim::{Cosimulation, Stimulus};
use crate::datapath::Datapath;
use crate::leaf::ECP5_MODELS;
use crate::shape::Target;
use crate::twiddles::{TwiddleWord, twiddles};
use crate::word::Word;

/// Everything through the ports: twiddles, loads, every operation, and stores of all slots.
fn program(butterflies: u32) -> (Vec<TwiddleWord>, VecDeque<Run>) {
    let shape = shape(10, butterflies);
    let plans: Vec<_> = (0..LIMBS).map(|limb| plan(limb, 10)).collect();
    let words = plans
        .iter()
        .enumerate()
        .flat_map(|(limb, plan)| twiddles(&shape, limb, plan))
        .collect();
    let mut random = Stimulus::new(u64::from(butterflies));
    let mut orders = VecDeque::new();
    let q = plans[0].modulus().value();
    for slot in 0..SLOTS {
        let words = residues(&mut random, q, shape.n());
        let beats: Vec<_> = words.iter().map(|&word| vec![word]).collect();
        let order = Order {
            op: LD,
            dst: slot,
            weights: slot == 3,
            ..Order::default()
        };
        orders.push_back(Run::new(&order, &beats, slot as u64 % 2, ALWAYS));
    }
    let streamed = beats(&shape, &residues(&mut random, q, shape.n()));
    let order = |op, dst, a, b| Order {
        op,
        dst,
        a,
        b,
        constant: 12_345,
        galois: 77,
        ..Order::default()
    };
    for order in [
        order(NTT, 1, 0, 0),
        order(NTT, 2, 2, 0),
        order(MUL, 3, 1, 2),
        order(MAC, 3, 1, 2),
        order(MAC, 3, 2, 2),
        order(MAC, 0, 2, 1),
        order(MAC, 0, 1, 1),
        order(AUT, 0, 3, 0),
        order(ADD, 1, 1, 2),
        order(SUB, 2, 1, 3),
        order(MULI, 1, 1, 0),
        order(INTT, 3, 2, 0),
        Order {
            from: 1,
            ..order(RED, 2, 2, 0)
        },
    ] {
        orders.push_back(Run::new(&order, &[], ALWAYS, ALWAYS));
    }
    for (op, stream_a) in [(MAC, false), (SUB, true), (SUB, false), (MUL, true)] {
        let order = Order {
            stream_a,
            stream_b: !stream_a,
            ..order(op, 2, 1, 1)
        };
        orders.push_back(Run::new(&order, &streamed, 1, ALWAYS));
    }
    for slot in 0..SLOTS {
        let order = order(ST, 0, slot, 0);
        orders.push_back(Run::new(&order, &[], ALWAYS, slot as u64 % 2));
    }
    (words, orders)
}

fn verilog_is_the_model(butterflies: u32, target: Target) {
    let (words, mut runs) = program(butterflies);
    let path = Datapath::new(&shape(10, butterflies).with_target(target));
    let models = match target {
        Target::Behavioural => "",
        Target::Ecp5 => ECP5_MODELS,
    };
    let mut bench =
        Cosimulation::with_models("datapath", path, |path| &mut path.clock, models).unwrap();
    let loading = words.len();
    bench
        .run(loading, |cycle, path| {
            let word = words[cycle];
            path.twiddle_write.next = true;
            path.twiddle_address.next = Word::new((word.lane << 17 | word.address) as u64);
            path.twiddle_data.next = Word::new(word.word);
        })
        .unwrap();
    let (mut outputs, mut bad) = (0, false);
    while !runs.is_empty() {
        bench
            .run(20_000, |_, path| {
                if let Some(run) = runs.front_mut()
                    && !run.drive(path)
                {
                    outputs += run.output.len();
                    bad |= run.bad;
                    runs.pop_front();
                }
            })
            .unwrap();
    }
    assert_eq!(outputs, SLOTS << 10);
    assert!(!bad);
}

#[test]
#[ignore = "needs verilator: cargo xtask test"]
fn the_verilog_of_one_lane_is_the_model() {
    verilog_is_the_model(1, Target::Behavioural);
}

#[test]
#[ignore = "needs verilator: cargo xtask test"]
fn the_verilog_of_four_lanes_for_ecp5_is_the_model() {
    verilog_is_the_model(4, Target::Ecp5);
}
