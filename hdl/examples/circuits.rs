//! Writes the Verilog of the circuits that `cargo xtask formal` reasons about: `circuits DIRECTORY`.
//!
//! Each file holds one circuit behind a module `circuit`, whose only instance is called `inner`. A vector of ports
//! `x$0`, `x$1`, … is one bus `all_x` there, x$0 in the lowest bits, because a property is easier to write over a bus.

use std::collections::BTreeMap;
use std::error::Error;
use std::path::Path;

use addax_core::isa::Geometry;
use addax_hdl::arithmetic::{Butterfly, MontgomeryProduct};
use addax_hdl::control::Control;
use addax_hdl::datapath::{
    AutomorphismAddresses, AutomorphismNetwork, Datapath, LoadUnit, StoreQueue,
};
use addax_hdl::leaf::{
    Adder, CarryAdder, ChoiceAdder, ECP5_MODELS, EitherAdder, MaskedAdder, MaskedSubtractor,
    PairAdder, Subtractor, UnionAdder, UnionSubtractor,
};
use addax_hdl::verilog::{Port, PortDirection, generate, ports};
use addax_hdl::{Shape, Target};
use rust_hdl::core::prelude::*;
use rust_hdl::core::type_descriptor::TypeKind;

fn main() -> Result<(), Box<dyn Error>> {
    let directory = std::env::args().nth(1).ok_or("no directory given")?;
    let write = |name: &str, text: Result<String, Box<dyn Error>>| {
        let path = Path::new(&directory).join(format!("{name}.v"));
        std::fs::write(path, text?).map_err(Box::<dyn Error>::from)
    };
    let small = shape(10, 2)?;
    let real = shape(12, 8)?;
    write("product", text(MontgomeryProduct::new(Target::Behavioural)))?;
    write("butterfly", text(Butterfly::new(Target::Behavioural)))?;
    write("adders", adders())?;
    write("load", text(LoadUnit::new()))?;
    write("store", text(StoreQueue::new()))?;
    write("network", text(AutomorphismNetwork::new(&real)))?;
    write("addresses", text(AutomorphismAddresses::new(&small)))?;
    write("control", text(Control::new(&small)))?;
    write("datapath", text(Datapath::new(&real)))?;
    write("datapath_small", text(Datapath::new(&small)))?;
    Ok(())
}

fn shape(log_n: u32, butterflies: u32) -> Result<Shape, Box<dyn Error>> {
    let geometry = Geometry::new(log_n, butterflies, 4)?;
    Ok(Shape::new(geometry, 1, Target::Behavioural)?)
}

/// The Verilog of a circuit and of the module around it.
fn text<B: Block>(mut circuit: B) -> Result<String, Box<dyn Error>> {
    circuit.connect_all();
    let mut bundles = Bundles::default();
    circuit.accept("inner", &mut bundles);
    Ok(bundles.macros() + &generate(&circuit, "inner")? + &surround(&ports(&circuit)))
}

/// The adders of the butterfly, as they are used there, in plain Verilog and as carry chains of the ECP5.
fn adders() -> Result<String, Box<dyn Error>> {
    let mut pairs = Pairs::default();
    pairs.add("adder37", Adder::<37>::new)?;
    pairs.add("adder19", Adder::<19>::new)?;
    pairs.add("subtractor37", Subtractor::<37>::new)?;
    pairs.add("subtractor36", Subtractor::<36>::new)?;
    pairs.add("carry36", CarryAdder::<36>::new)?;
    pairs.add("carry17", CarryAdder::<17>::new)?;
    pairs.add("masked18", MaskedAdder::<18>::new)?;
    pairs.add("either18", EitherAdder::<18>::new)?;
    pairs.add("masked_subtractor36", MaskedSubtractor::<36>::new)?;
    pairs.add("union35", UnionAdder::<35>::new)?;
    pairs.add("union_subtractor19", UnionSubtractor::<19>::new)?;
    pairs.add("pair36", PairAdder::<36>::new)?;
    pairs.add("choice36", ChoiceAdder::<36>::new)?;
    Ok(pairs.text())
}

/// Cells for both targets, side by side: each pair gets the same inputs, and bit i of `same` says whether the outputs
/// of pair i are the same.
#[derive(Default)]
struct Pairs {
    modules: String,
    instances: String,
    inputs: usize,
    pairs: usize,
}

impl Pairs {
    fn add<B: Block>(&mut self, name: &str, cell: fn(Target) -> B) -> Result<(), Box<dyn Error>> {
        let mut outputs = String::new();
        for (target, suffix) in [(Target::Behavioural, "plain"), (Target::Ecp5, "ecp5")] {
            let mut cell = cell(target);
            cell.connect_all();
            let module = format!("{name}_{suffix}");
            self.modules += &generate(&cell, &module)?;
            let mut place = self.inputs;
            let mut connections = Vec::new();
            for port in ports(&cell) {
                let wire = if port.direction == PortDirection::Output {
                    let wire = format!("{module}_{}", port.name);
                    outputs += &format!("  wire [{}:0] {wire};\n", port.width - 1);
                    wire
                } else if port.clock {
                    "clock".to_owned()
                } else {
                    place += port.width;
                    format!("inputs[{} +: {}]", place - port.width, port.width)
                };
                connections.push(format!(".{} ({wire})", port.name));
            }
            self.instances += &format!(
                "{outputs}  {module} {module}({});\n",
                connections.join(", ")
            );
            outputs.clear();
            if target == Target::Ecp5 {
                self.inputs = place;
            }
        }
        self.instances += &format!(
            "  assign same[{}] = {name}_plain_sum == {name}_ecp5_sum;\n",
            self.pairs
        );
        self.pairs += 1;
        Ok(())
    }

    fn text(self) -> String {
        format!(
            "{}{ECP5_MODELS}\n`define INPUTS {}\n`define PAIRS {}\nmodule circuit(\n  input wire clock,\n  \
             input wire [`INPUTS-1:0] inputs,\n  output wire [`PAIRS-1:0] same\n);\n{}endmodule\n",
            self.modules, self.inputs, self.pairs, self.instances
        )
    }
}

/// The fields of the bundles that a circuit uses.
#[derive(Default)]
struct Bundles {
    types: BTreeMap<String, Vec<(String, usize)>>,
}

impl Bundles {
    /// A macro `BUNDLE_field` for each, the part select of the field, and `WIDTH_BUNDLE`.
    fn macros(&self) -> String {
        let mut text = String::new();
        for (name, fields) in &self.types {
            let mut offset = 0;
            for (field, width) in fields {
                text += &format!("`define {name}_{field} {offset} +: {width}\n");
                offset += width;
            }
            text += &format!("`define WIDTH_{name} {offset}\n");
        }
        text
    }
}

impl Probe for Bundles {
    fn visit_atom(&mut self, _name: &str, signal: &dyn Atom) {
        let bundle = signal.descriptor();
        if let TypeKind::Composite(fields) = bundle.kind {
            let fields = fields.iter().filter_map(|field| match field.kind.kind {
                TypeKind::Bits(width) => Some((field.fieldname.clone(), width)),
                _ => None,
            });
            self.types.insert(bundle.name, fields.collect());
        }
    }
}

/// A module `circuit` with buses for the vectors among the ports of `inner`.
fn surround(ports: &[Port]) -> String {
    let mut buses: BTreeMap<String, (PortDirection, usize)> = BTreeMap::new();
    let mut connections = Vec::new();
    for port in ports {
        let bus = match port.name.rsplit_once('$') {
            Some((vector, _)) => format!("all_{}", vector.replace('$', "_")),
            None => port.name.clone(),
        };
        let (_, width) = buses.entry(bus.clone()).or_insert((port.direction, 0));
        connections.push(format!(".{} ({bus}[{width} +: {}])", port.name, port.width));
        *width += port.width;
    }
    let declarations: Vec<String> = buses
        .iter()
        .map(|(bus, (direction, width))| {
            let direction = match direction {
                PortDirection::Input => "input",
                PortDirection::Output => "output",
            };
            format!("  {direction} wire [{}:0] {bus}", width - 1)
        })
        .collect();
    format!(
        "\nmodule circuit(\n{}\n);\n  inner inner(\n    {}\n  );\nendmodule\n",
        declarations.join(",\n"),
        connections.join(",\n    ")
    )
}
