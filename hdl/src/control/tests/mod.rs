//! The control against `core::isa` and `core::machine`, with a datapath that only takes its time.
mod bench;
mod cosimulation;
mod counter;
mod decoder;
mod faults;
mod programs;
mod runs;
mod walk;

use addax_core::isa::Geometry;
use rust_hdl::core::prelude::*;

use crate::shape::{Shape, Target};

/// n = 1024, B = 8, 12 slots, 3 limbs.
fn shape() -> Shape {
    let geometry = Geometry::new(10, 8, 12).unwrap();
    Shape::new(geometry, 3, Target::Behavioural).unwrap()
}

fn settle(block: &mut impl Block) {
    loop {
        block.update_all();
        if !block.has_changed() {
            break;
        }
    }
}

/// A generator whose numbers depend on its seed alone (xorshift64*; Vigna, 2016).
#[derive(Clone, Debug)]
struct Random(u64);

impl Random {
    fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(2).wrapping_add(1))
    }

    fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }

    fn below(&mut self, bound: u64) -> u64 {
        ((u128::from(self.next()) * u128::from(bound)) >> 64) as u64
    }

    fn chance(&mut self, one_in: u64) -> bool {
        self.below(one_in) == 0
    }
}
