//! The counter across the borders of its parts.

use rust_hdl::core::prelude::*;

use super::{Random, settle};
use crate::control::{Counter, CounterPart};

fn edge(counter: &mut Counter, up: bool) {
    counter.up.next = up;
    settle(counter);
    counter.clock.next = !counter.clock.val();
    settle(counter);
}

#[test]
fn a_carry_reaches_the_next_part_once() {
    let mut counter = Counter::default();
    counter.connect_all();
    let mut random = Random::new(1);
    let mut counted = 0u64;
    for _ in 0..600_000 {
        // It rests for a while where a carry is about to come.
        let rests = counted % (1 << 18) == (1 << 18) - 1 && !random.chance(4);
        let up = !rests && !random.chance(8);
        edge(&mut counter, up);
        counted += u64::from(up);
    }
    assert!(counted > 1 << 19);
    for _ in 0..3 {
        edge(&mut counter, false);
    }
    assert_eq!(counter.low.val().value(), counted);
    counter.clear.next = true;
    edge(&mut counter, true);
    assert_eq!(counter.low.val().value(), 0);
}

/// All parts are the same; that one wraps and says so makes the second carry right as well.
#[test]
fn a_part_wraps() {
    let mut part = CounterPart::default();
    part.connect_all();
    part.up.next = true;
    let mut carries = Vec::new();
    for cycle in 1u64..(1 << 19) + 3 {
        settle(&mut part);
        part.clock.next = !part.clock.val();
        settle(&mut part);
        assert_eq!(part.value.val().value(), cycle % (1 << 18));
        if part.carry.val() {
            carries.push(cycle);
        }
    }
    assert_eq!(carries, [1 << 18, 1 << 19]);
}
