//! Circuits by name.

use std::error::Error;
use std::str::FromStr;

use addax_core::isa::Geometry;
use addax_hdl::control::ISSUE_CYCLES;
use addax_hdl::datapath::Datapath;
use addax_hdl::engine::Engine;
use addax_hdl::shell::UartMachine;
use addax_hdl::verilog::{Port, generate, ports};
use addax_hdl::{Machine, Shape, Target};
use rust_hdl::core::prelude::*;

use crate::pins::Pins;

/// What a circuit is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    /// The datapath of transforms, with one slot.
    Engine,
    /// The whole ring processor.
    Machine,
    /// The ring processor behind a serial line, a bit of which takes some clock cycles.
    Uart {
        /// Clock cycles of a bit.
        divisor: u32,
    },
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
        let kind = words.next().unwrap_or_default();
        let form = match kind {
            "engine" => "engine_n4096_b1",
            "machine" => "machine_n4096_b8_s16_l3",
            "uart" => "uart_n4096_b8_s16_l3_d25",
            _ => return Err("a circuit is called engine_…, machine_… or uart_…".into()),
        };
        let mut number = |letter: char| -> Result<u32, Self::Err> {
            let word = words.next().unwrap_or_default();
            let digits = word.strip_prefix(letter).ok_or_else(|| {
                format!("the name has no {letter} where it belongs: it is like {form}")
            })?;
            Ok(digits.parse()?)
        };
        let (n, butterflies) = (number('n')?, number('b')?);
        let (slots, limbs) = match kind {
            // Of the two slots that a shape has at least, the engine builds one.
            "engine" => (2, 1),
            _ => (number('s')?, number('l')?),
        };
        let kind = match kind {
            "engine" => Kind::Engine,
            "machine" => Kind::Machine,
            _ => Kind::Uart {
                divisor: number('d')?,
            },
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
            Kind::Engine => self.text(Engine::new(&shape)),
            Kind::Machine => self.text(Machine::new(&shape)),
            Kind::Uart { divisor } => self.text(UartMachine::new(&shape, divisor)),
        }
    }

    fn text<B: Block>(&self, mut block: B) -> Result<(String, Vec<Port>), Box<dyn Error>> {
        block.connect_all();
        Ok((generate(&block, &self.name)?, ports(&block)))
    }

    /// Cycles of a transform, forward or inverse: of the engine from `start` to `done`, of the machine from the end of
    /// one instruction to the end of the next.
    fn transform_cycles(&self) -> u64 {
        let transform = Datapath::transform_cycles(&self.shape) as u64;
        match self.kind {
            Kind::Engine => transform,
            Kind::Machine | Kind::Uart { .. } => transform + ISSUE_CYCLES,
        }
    }

    /// Fields of the circuit's line: `circuit`, name, kind, n, butterflies, slots, limbs, cycles of a transform,
    /// lookup tables and flip-flops of the module with pins.
    pub fn line(&self, pins: &Pins) -> String {
        let shape = &self.shape;
        let (kind, slots) = match self.kind {
            Kind::Engine => ("engine", 1),
            Kind::Machine => ("machine", shape.slots()),
            Kind::Uart { .. } => ("uart", shape.slots()),
        };
        let sizes = [shape.n(), shape.butterflies(), slots, shape.limbs()];
        let sizes = sizes.map(|number| number.to_string()).join("\t");
        format!(
            "circuit\t{}\t{kind}\t{sizes}\t{}\t{}\t{}",
            self.name,
            self.transform_cycles(),
            pins.lookup_tables,
            pins.flip_flops
        )
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
        let circuit: Circuit = "uart_n1024_b2_s5_l3_d25".parse().unwrap();
        assert_eq!(circuit.kind, Kind::Uart { divisor: 25 });
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
            "uart_n4096_b8_s16_l3",
        ] {
            assert!(name.parse::<Circuit>().is_err(), "{name}");
        }
    }
}
