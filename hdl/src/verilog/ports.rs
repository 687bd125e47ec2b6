//! What a block shows to its surroundings, and what inside it was left open.

use rust_hdl::core::prelude::*;

/// Which way a port's signal goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum PortDirection {
    /// Into the block.
    Input,
    /// Out of the block.
    Output,
}

/// A port of a module, as it is called in Verilog.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Port {
    /// Name.
    pub name: String,
    /// Bits.
    pub width: usize,
    /// Which way its signal goes.
    pub direction: PortDirection,
    /// Whether it is a clock.
    pub clock: bool,
}

/// The ports of a block, in the order in which its fields stand.
pub fn ports<B: Block>(block: &B) -> Vec<Port> {
    let mut visitor = PortVisitor::default();
    block.accept("top", &mut visitor);
    visitor.ports.into_iter().map(|(port, _)| port).collect()
}

/// Ports with the values that they have now; 0 for values of more than 64 bits.
pub(crate) fn values<B: Block>(block: &B) -> Vec<(Port, u64)> {
    let mut visitor = PortVisitor::default();
    block.accept("top", &mut visitor);
    visitor.ports
}

/// Paths of the signals that nothing drives; inputs of the block itself are driven from outside.
pub(super) fn unconnected<B: Block>(block: &B) -> Vec<String> {
    let mut visitor = OpenVisitor::default();
    block.accept("top", &mut visitor);
    visitor.open
}

/// How deep a visit is, and under which names.
#[derive(Default)]
struct Place {
    scopes: Vec<String>,
    namespaces: Vec<String>,
}

impl Place {
    fn named(&self, name: &str) -> String {
        let mut parts = self.namespaces.clone();
        parts.push(name.to_owned());
        parts.join("$")
    }
}

/// A literal's number, from the only form in which the library shows it: `36'h1f` or `3'b101`.
fn number(literal: &VerilogLiteral) -> u64 {
    let text = format!("{literal:x}");
    let digits = text.split_once("'h").map_or("", |(_, digits)| digits);
    u64::from_str_radix(digits, 16).unwrap_or(0)
}

#[derive(Default)]
struct PortVisitor {
    place: Place,
    ports: Vec<(Port, u64)>,
}

impl Probe for PortVisitor {
    fn visit_start_scope(&mut self, name: &str, _node: &dyn Block) {
        self.place.scopes.push(name.to_owned());
    }

    fn visit_end_scope(&mut self, _name: &str, _node: &dyn Block) {
        self.place.scopes.pop();
    }

    fn visit_start_namespace(&mut self, name: &str, _node: &dyn Block) {
        self.place.namespaces.push(name.to_owned());
    }

    fn visit_end_namespace(&mut self, _name: &str, _node: &dyn Block) {
        self.place.namespaces.pop();
    }

    fn visit_atom(&mut self, name: &str, signal: &dyn Atom) {
        let direction = match signal.kind() {
            AtomKind::InputParameter => PortDirection::Input,
            AtomKind::OutputParameter => PortDirection::Output,
            _ => return,
        };
        if self.place.scopes.len() == 1 {
            let port = Port {
                name: self.place.named(name),
                width: signal.bits(),
                direction,
                clock: signal.descriptor().name == Clock::descriptor().name,
            };
            self.ports.push((port, number(&signal.verilog())));
        }
    }
}

#[derive(Default)]
struct OpenVisitor {
    place: Place,
    open: Vec<String>,
}

impl Probe for OpenVisitor {
    fn visit_start_scope(&mut self, name: &str, _node: &dyn Block) {
        self.place.scopes.push(name.to_owned());
    }

    fn visit_end_scope(&mut self, _name: &str, _node: &dyn Block) {
        self.place.scopes.pop();
    }

    fn visit_start_namespace(&mut self, name: &str, _node: &dyn Block) {
        self.place.namespaces.push(name.to_owned());
    }

    fn visit_end_namespace(&mut self, _name: &str, _node: &dyn Block) {
        self.place.namespaces.pop();
    }

    fn visit_atom(&mut self, name: &str, signal: &dyn Atom) {
        let outside = self.place.scopes.len() == 1 && signal.kind() == AtomKind::InputParameter;
        if !signal.connected() && !outside {
            let mut path = self.place.scopes[1..].to_vec();
            path.push(self.place.named(name));
            self.open.push(path.join("."));
        }
    }
}
