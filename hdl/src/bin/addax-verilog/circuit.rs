//! Circuits by name.

use std::error::Error;
use std::str::FromStr;

use addax_core::isa::{Geometry, Instruction, Limb, Slot, instruction_cycles};
use addax_hdl::datapath::Datapath;
use addax_hdl::verilog::{Port, generate, ports};
use addax_hdl::{Machine, Shape, Target};
use rust_hdl::core::prelude::*;

use crate::pins::Pins;

/// What a circuit is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    /// The datapath alone.
    Engine,
    /// The whole ring processor.
    Machine,
}

/// A circuit that can be written.
pub struct Circuit {
    name: String,
    kind: Kind,
    shape: Shape,
}

impl FromStr for Circuit {
    type Err = Box<dyn Error>;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        let mut words = name.split('_');
        let kind = match words.next() {
            Some("engine") => Kind::Engine,
            Some("machine") => Kind::Machine,
            _ => return Err("a circuit is called engine_… or machine_…".into()),
        };
        let mut number = |letter: char| -> Result<u32, Self::Err> {
            let word = words.next().unwrap_or_default();
            let digits = word.strip_prefix(letter).ok_or_else(|| {
                let form = match kind {
                    Kind::Engine => "engine_n4096_b1",
                    Kind::Machine => "machine_n4096_b8_s16_l3",
                };
                format!("the name has no {letter} where it belongs: it is like {form}")
            })?;
            Ok(digits.parse()?)
        };
        let (n, butterflies) = (number('n')?, number('b')?);
        let (slots, limbs) = match kind {
            Kind::Engine => (2, 1),
            Kind::Machine => (number('s')?, number('l')?),
        };
        if !n.is_power_of_two() || words.next().is_some() {
            return Err("n is a power of two, and nothing follows the last number".into());
        }
        let geometry = Geometry::new(n.trailing_zeros(), butterflies, slots)?;
        Ok(Self {
            name: name.to_owned(),
            kind,
            shape: Shape::new(geometry, limbs as usize, Target::Behavioural)?,
        })
    }
}

impl Circuit {
    /// The Verilog for a fabric, and the ports of its top module.
    pub fn verilog(&self, target: Target) -> Result<(String, Vec<Port>), Box<dyn Error>> {
        let shape = self.shape.with_target(target);
        match self.kind {
            Kind::Engine => self.text(Datapath::new(&shape)),
            Kind::Machine => self.text(Machine::new(&shape)),
        }
    }

    fn text<B: Block>(&self, mut block: B) -> Result<(String, Vec<Port>), Box<dyn Error>> {
        block.connect_all();
        Ok((generate(&block, &self.name)?, ports(&block)))
    }

    /// Cycles of a forward and of an inverse transform, from issue to the last word's write.
    fn transform_cycles(&self) -> Result<[u64; 2], Box<dyn Error>> {
        let (limb, slot) = (Limb::new(0)?, Slot::new(0)?);
        let forward = Instruction::Ntt {
            limb,
            dst: slot,
            a: slot,
        };
        let inverse = Instruction::Intt {
            limb,
            dst: slot,
            a: slot,
        };
        Ok([forward, inverse].map(|one| instruction_cycles(&one, &self.shape.geometry())))
    }

    /// Fields of the circuit's line: `circuit`, name, kind, n, butterflies, slots, limbs, cycles of a forward and of an
    /// inverse transform, lookup tables and flip-flops of the module with pins.
    pub fn line(&self, pins: &Pins) -> Result<String, Box<dyn Error>> {
        let kind = match self.kind {
            Kind::Engine => "engine",
            Kind::Machine => "machine",
        };
        let shape = &self.shape;
        let sizes = [shape.n(), shape.butterflies(), shape.slots(), shape.limbs()];
        let sizes = sizes.map(|number| number.to_string()).join("\t");
        let [forward, inverse] = self.transform_cycles()?;
        Ok(format!(
            "circuit\t{}\t{kind}\t{sizes}\t{forward}\t{inverse}\t{}\t{}",
            self.name, pins.lookup_tables, pins.flip_flops
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_says_what_the_circuit_is() {
        let circuit: Circuit = "machine_n1024_b2_s5_l3".parse().unwrap();
        let shape = circuit.shape;
        assert_eq!(circuit.kind, Kind::Machine);
        assert_eq!(
            (shape.n(), shape.butterflies(), shape.slots(), shape.limbs()),
            (1024, 2, 5, 3)
        );
        let circuit: Circuit = "engine_n4096_b8".parse().unwrap();
        assert_eq!((circuit.kind, circuit.shape.slots()), (Kind::Engine, 2));
        for name in [
            "",
            "engine",
            "engine_n4096",
            "engine_n4095_b1",
            "engine_n4096_b3",
            "engine_n4096_b1_s2",
            "engine_n16384_b1",
            "machine_n4096_b8",
            "machine_n4096_b8_s16_l0",
            "motor_n4096_b8",
        ] {
            assert!(name.parse::<Circuit>().is_err(), "{name}");
        }
    }
}
