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
