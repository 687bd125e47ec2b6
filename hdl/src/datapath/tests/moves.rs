//! The units that move words: their Verilog against their Rust models.

use addax_core::isa::Geometry;

use crate::cosim::{CosimError, Cosimulation, Stimulus};
use crate::datapath::{AutomorphismAddresses, AutomorphismNetwork, LoadUnit, StoreQueue};
use crate::shape::{Shape, Target};
use crate::word::Word;

fn shapes() -> impl Iterator<Item = Shape> {
    [(10, 8), (11, 4), (12, 2), (13, 1), (13, 8)]
        .into_iter()
        .map(|(log_n, butterflies)| {
            let geometry = Geometry::new(log_n, butterflies, 2).unwrap();
            Shape::new(geometry, 1, Target::Behavioural).unwrap()
        })
}

#[test]
#[ignore = "needs verilator: cargo xtask test"]
fn automorphism_addresses_in_verilog() -> Result<(), CosimError> {
    for shape in shapes() {
        let unit = AutomorphismAddresses::new(&shape);
        let mut bench = Cosimulation::new("addresses", unit, |unit| &mut unit.clock)?;
        let mut random = Stimulus::new(1);
        let setup = AutomorphismAddresses::setup_cycles(&shape);
        bench.run(2000, |cycle, unit| {
            // Now and then a start comes before the one before is ready.
            unit.start.next = cycle % (4 * setup) == 0 || random.below(200) == 150;
            if unit.start.next {
                unit.galois.next = Word::new(random.below(shape.n() as u64));
            }
        })?;
    }
    Ok(())
}

#[test]
#[ignore = "needs verilator: cargo xtask test"]
fn automorphism_network_in_verilog() -> Result<(), CosimError> {
    for shape in shapes() {
        let unit = AutomorphismNetwork::new(&shape);
        let mut bench = Cosimulation::new("network", unit, |unit| &mut unit.clock)?;
        let mut random = Stimulus::new(2);
        bench.run(500, |_, unit| {
            for word in &mut unit.input {
                word.next = random.word();
            }
            for swap in &mut unit.swaps {
                swap.next = random.bit();
            }
        })?;
    }
    Ok(())
}

#[test]
#[ignore = "needs verilator: cargo xtask test"]
fn load_unit_in_verilog() -> Result<(), CosimError> {
    let mut bench = Cosimulation::new("load", LoadUnit::new(), |unit| &mut unit.clock)?;
    let mut random = Stimulus::new(3);
    bench.run(20_000, |cycle, unit| {
        if cycle % 50 == 0 {
            unit.qh.next = Word::new(1 + random.below((1 << 17) - 1));
            unit.weights.next = random.bit();
        }
        let q = (unit.qh.next.value() << 18) + 1;
        unit.valid.next = random.below(4) != 0;
        unit.flush.next = random.below(40) == 20;
        unit.word.next = match random.below(3) {
            0 => random.word(),
            1 => Word::new(random.below(q)),
            _ => Word::new(q - 2 + random.below(4)),
        };
    })
}

#[test]
#[ignore = "needs verilator: cargo xtask test"]
fn store_queue_in_verilog() -> Result<(), CosimError> {
    let mut bench = Cosimulation::new("store", StoreQueue::new(), |unit| &mut unit.clock)?;
    let mut random = Stimulus::new(4);
    let mut reserved = 0;
    bench.run(20_000, |cycle, unit| {
        let patient = cycle / 500 % 2 == 0;
        unit.reserve.next = unit.credit.val() && random.bit();
        reserved += u32::from(unit.reserve.next);
        unit.push.next = reserved > 0 && random.bit();
        reserved -= u32::from(unit.push.next);
        unit.push_data.next = random.word();
        unit.output_ready.next = random.below(8) < if patient { 1 } else { 6 };
    })
}
