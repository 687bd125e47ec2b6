//! The memories and multipliers of a circuit, and what they are called in the flattened netlist.
//!
//! A name there is the path of instances, such as `circuit.datapath.lanes$3.low.rams$7.block0_0`. The way to the lane or to
//! the control differs between circuits (`circuit.path.lanes$3…` in an engine), so a cell is known by the end of its name.

use super::sites::Kind;

/// A memory or multiplier.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cell {
    /// Part of a lane.
    Lane {
        /// Number of the lane.
        lane: usize,
        /// Which part.
        part: Part,
    },
    /// A slice of the memory that programs are fetched from.
    Program(usize),
    /// A slice of the memory of constants.
    Constants(usize),
}

/// A memory or multiplier of a lane.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// A memory of the low bank.
    Low(usize),
    /// A memory of the high bank.
    High(usize),
    /// A slice of the twiddle memory.
    Twiddles(usize),
    /// A multiplier of the butterfly.
    Product(&'static str),
}

impl Cell {
    /// What a site for it is for.
    pub const fn kind(self) -> Kind {
        match self {
            Self::Lane {
                part: Part::Product(_),
                ..
            } => Kind::Multiplier,
            _ => Kind::Memory,
        }
    }

    /// The end of its name. A memory whose words are too wide for one block is several, `block0_0`, `block0_1` and so
    /// on; one that is too deep goes on with `block1_0`, and has no name here.
    pub fn name(self) -> String {
        match self {
            Self::Lane { lane, part } => format!("lanes${lane}.{}", part.name()),
            Self::Program(slice) => format!("control.fetch.memory.block0_{slice}"),
            Self::Constants(slice) => format!("control.operands.constants.block0_{slice}"),
        }
    }
}

impl Part {
    fn name(self) -> String {
        match self {
            Self::Low(ram) => format!("low.rams${ram}.block0_0"),
            Self::High(ram) => format!("high.rams${ram}.block0_0"),
            Self::Twiddles(slice) => format!("twiddles.block0_{slice}"),
            Self::Product(product) => format!("butterfly.product.{product}.unit"),
        }
    }
}

/// All ends of a cell's name that begin with an instance, from the longest.
pub fn ends(name: &str) -> impl Iterator<Item = &str> {
    let later = name.match_indices('.').map(|(at, _)| &name[at + 1..]);
    std::iter::once(name).chain(later)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_are_found_under_the_names_that_yosys_gives_them() {
        let of_lane = |lane, part| Cell::Lane { lane, part };
        for (name, kind, cell) in [
            (
                "circuit.datapath.lanes$3.low.rams$7.block0_0",
                Kind::Memory,
                of_lane(3, Part::Low(7)),
            ),
            (
                "circuit.path.lanes$0.high.rams$0.block0_0",
                Kind::Memory,
                of_lane(0, Part::High(0)),
            ),
            (
                "circuit.datapath.lanes$3.twiddles.block0_2",
                Kind::Memory,
                of_lane(3, Part::Twiddles(2)),
            ),
            (
                "circuit.datapath.lanes$0.butterfly.product.first.multiple.unit",
                Kind::Multiplier,
                of_lane(0, Part::Product("first.multiple")),
            ),
            (
                "circuit.control.fetch.memory.block0_1",
                Kind::Memory,
                Cell::Program(1),
            ),
            (
                "circuit.control.operands.constants.block0_0",
                Kind::Memory,
                Cell::Constants(0),
            ),
        ] {
            assert!(ends(name).any(|end| end == cell.name()), "{name}");
            assert_eq!(cell.kind(), kind, "{name}");
        }
    }

    #[test]
    fn a_name_ends_at_instances_only() {
        let found: Vec<&str> = ends("circuit.control.memory").collect();
        assert_eq!(
            found,
            ["circuit.control.memory", "control.memory", "memory"]
        );
    }
}
