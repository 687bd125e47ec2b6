//! Building a circuit: wires are folded where they are constant, gates that nothing needs are dropped, and wires
//! share registers.

use super::circuit::{Circuit, CircuitError, Counts, Gate, Operand, Weight};

/// A bit while a circuit is being built: a constant, an input or the output of a gate, possibly negated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Wire(u32);

impl Wire {
    /// The constant 0.
    pub const FALSE: Self = Self(0);
    /// The constant 1.
    pub const TRUE: Self = Self(Self::NEGATED);

    const NEGATED: u32 = 1 << 31;

    const fn node(index: usize) -> Self {
        Self(index as u32 + 1)
    }

    /// The index of the node, or `None` for a constant.
    const fn index(self) -> Option<usize> {
        match self.0 & !Self::NEGATED {
            0 => None,
            n => Some(n as usize - 1),
        }
    }

    const fn negated(self) -> bool {
        self.0 & Self::NEGATED != 0
    }

    const fn positive(self) -> Self {
        Self(self.0 & !Self::NEGATED)
    }

    const fn negate_if(self, condition: bool) -> Self {
        if condition {
            Self(self.0 ^ Self::NEGATED)
        } else {
            self
        }
    }
}

impl core::ops::Not for Wire {
    type Output = Self;
    /// The negated wire; free.
    fn not(self) -> Self {
        self.negate_if(true)
    }
}

/// A number as wires, lowest bit first; at most 64 bits.
pub type Word = heapless::Vec<Wire, 64>;

#[derive(Clone, Copy, Debug)]
enum Operation {
    Evaluator(u32),
    Garbler(u32),
    Xor,
    And,
    AndGarbler(u32),
    Share(Weight),
    ShareProduct(Weight),
    Output,
}

impl Operation {
    const fn is_root(self) -> bool {
        matches!(self, Self::Share(_) | Self::ShareProduct(_) | Self::Output)
    }

    const fn is_input(self) -> bool {
        matches!(self, Self::Evaluator(_) | Self::Garbler(_))
    }
}

const NONE: u32 = u32::MAX;

/// Memory of a [`Builder`]: one node for each input, gate and output.
#[derive(Clone, Copy, Debug)]
pub struct Node {
    operation: Operation,
    a: Wire,
    b: Wire,
    /// The last node that reads this one; `NONE` if nothing does.
    last_use: u32,
    /// The register, `NONE` before there is one.
    register: u32,
    /// Next of the list of nodes whose registers are free again.
    next_free: u32,
}

impl Default for Node {
    fn default() -> Self {
        Self {
            operation: Operation::Output,
            a: Wire::FALSE,
            b: Wire::FALSE,
            last_use: NONE,
            register: NONE,
            next_free: NONE,
        }
    }
}

/// Builds a circuit in memory of the caller. The gadgets (adders, comparators, …) are methods too.
///
/// Running out of memory does not interrupt building: it is remembered, and [`Self::finish`] reports it.
pub struct Builder<'a> {
    nodes: &'a mut [Node],
    len: usize,
    evaluator_inputs: u32,
    garbler_inputs: u32,
    outputs: usize,
    share_bits: u32,
    share_constant: u64,
    overflow: bool,
}

impl<'a> Builder<'a> {
    /// An empty circuit whose shared result is modulo 2^`share_bits`, 0 ≤ `share_bits` ≤ 63 (0: it has none).
    pub fn new(nodes: &'a mut [Node], share_bits: u32) -> Self {
        assert!(share_bits <= 63, "shares have at most 63 bits");
        Self {
            nodes,
            len: 0,
            evaluator_inputs: 0,
            garbler_inputs: 0,
            outputs: 0,
            share_bits,
            share_constant: 0,
            overflow: false,
        }
    }

    fn push(&mut self, operation: Operation, a: Wire, b: Wire) -> Wire {
        let Some(node) = self.nodes.get_mut(self.len) else {
            self.overflow = true;
            return Wire::FALSE;
        };
        *node = Node {
            operation,
            a,
            b,
            ..Node::default()
        };
        self.len += 1;
        Wire::node(self.len - 1)
    }

    /// The next input bit of the evaluator.
    pub fn evaluator_input(&mut self) -> Wire {
        self.evaluator_inputs += 1;
        let operation = Operation::Evaluator(self.evaluator_inputs - 1);
        self.push(operation, Wire::FALSE, Wire::FALSE)
    }

    /// The next input bit of the garbler.
    pub fn garbler_input(&mut self) -> Wire {
        self.garbler_inputs += 1;
        let operation = Operation::Garbler(self.garbler_inputs - 1);
        self.push(operation, Wire::FALSE, Wire::FALSE)
    }

    /// a ⊕ b; free.
    pub fn xor(&mut self, a: Wire, b: Wire) -> Wire {
        let negated = a.negated() != b.negated();
        let (a, b) = (a.positive(), b.positive());
        let positive = if a == b {
            Wire::FALSE
        } else if a == Wire::FALSE {
            b
        } else if b == Wire::FALSE {
            a
        } else {
            self.push(Operation::Xor, a, b)
        };
        positive.negate_if(negated)
    }

    /// a ∧ b. Free if an operand is constant or the two are equal or opposite; one block if one operand is an input
    /// of the garbler; else two.
    pub fn and(&mut self, a: Wire, b: Wire) -> Wire {
        if a == Wire::FALSE || b == Wire::FALSE || a == !b {
            Wire::FALSE
        } else if a == Wire::TRUE || a == b {
            b
        } else if b == Wire::TRUE {
            a
        } else if let Some(input) = self.garbler_index(b) {
            self.push(Operation::AndGarbler(input), a, b)
        } else if let Some(input) = self.garbler_index(a) {
            self.push(Operation::AndGarbler(input), b, a)
        } else {
            self.push(Operation::And, a, b)
        }
    }

    /// a ∨ b, at the price of an AND.
    pub fn or(&mut self, a: Wire, b: Wire) -> Wire {
        !self.and(!a, !b)
    }

    fn garbler_index(&self, wire: Wire) -> Option<u32> {
        match self.nodes[wire.index()?].operation {
            Operation::Garbler(input) => Some(input),
            _ => None,
        }
    }

    fn weight(&self, weight: u64) -> Option<Weight> {
        let shift = weight.trailing_zeros();
        (shift < self.share_bits).then(|| {
            let bits = self.share_bits - shift;
            Weight {
                odd: (weight >> shift) & ((1 << bits) - 1),
                shift,
                bits,
            }
        })
    }

    /// Adds weight·a to the shared result. A weight that is zero modulo 2^share_bits adds nothing.
    pub fn share(&mut self, a: Wire, weight: u64) {
        if a == Wire::TRUE {
            self.share_constant = self.share_constant.wrapping_add(weight);
        } else if let (true, Some(weight)) = (a != Wire::FALSE, self.weight(weight)) {
            self.push(Operation::Share(weight), a, Wire::FALSE);
        }
    }

    /// Adds weight·(a ∧ b) to the shared result, without a label for a ∧ b.
    pub fn share_product(&mut self, a: Wire, b: Wire, weight: u64) {
        if a.index().is_none() || b.index().is_none() || a.positive() == b.positive() {
            let product = self.and(a, b);
            self.share(product, weight);
        } else if let Some(weight) = self.weight(weight) {
            self.push(Operation::ShareProduct(weight), a, b);
        }
    }

    /// Reveals `a` to the evaluator.
    pub fn output(&mut self, a: Wire) {
        self.outputs += 1;
        self.push(Operation::Output, a, Wire::FALSE);
    }

    /// Drops what no output needs, assigns registers, and writes the gates into `gates`.
    ///
    /// # Errors
    /// [`CircuitError`] if nodes, gates or registers did not suffice.
    pub fn finish<'g>(self, gates: &'g mut [Gate]) -> Result<Circuit<'g>, CircuitError> {
        if self.overflow {
            return Err(CircuitError::TooManyNodes);
        }
        let nodes = &mut self.nodes[..self.len];
        mark_last_uses(nodes);
        let mut allocation = Allocation {
            gates,
            len: 0,
            counts: Counts::default(),
            registers: 0,
            free: NONE,
        };
        for index in 0..nodes.len() {
            allocation.emit(nodes, index)?;
        }
        let Allocation {
            gates,
            len,
            counts,
            registers,
            ..
        } = allocation;
        Ok(Circuit {
            gates: &gates[..len],
            counts,
            evaluator_inputs: self.evaluator_inputs as usize,
            garbler_inputs: self.garbler_inputs as usize,
            outputs: self.outputs,
            registers: registers as usize,
            share_bits: self.share_bits,
            share_constant: self.share_constant & ((1 << self.share_bits) - 1),
        })
    }
}

/// From the outputs back: a node is alive if it is an output or a live node reads it, and the first reader met on
/// this way is the last in order.
fn mark_last_uses(nodes: &mut [Node]) {
    for index in (0..nodes.len()).rev() {
        let Node {
            operation,
            a,
            b,
            last_use,
            ..
        } = nodes[index];
        if !operation.is_root() && last_use == NONE {
            continue;
        }
        // The garbler's bit of a one-block AND is known in clear and needs no register.
        let b = match operation {
            Operation::AndGarbler(_) => None,
            _ => b.index(),
        };
        for operand in [a.index(), b].into_iter().flatten() {
            if nodes[operand].last_use == NONE {
                nodes[operand].last_use = index as u32;
            }
        }
    }
}

/// Linear scan over the nodes. Registers of dead nodes are a list threaded through the nodes themselves.
struct Allocation<'g> {
    gates: &'g mut [Gate],
    len: usize,
    counts: Counts,
    registers: u32,
    free: u32,
}

impl Allocation<'_> {
    fn push(&mut self, gate: Gate) -> Result<(), CircuitError> {
        let slot = self.gates.get_mut(self.len);
        *slot.ok_or(CircuitError::TooManyGates)? = gate;
        self.len += 1;
        Ok(())
    }

    fn allocate(&mut self, nodes: &mut [Node], index: usize) -> Result<u16, CircuitError> {
        let register = if self.free == NONE {
            self.registers += 1;
            self.registers - 1
        } else {
            let donor = nodes[self.free as usize];
            self.free = donor.next_free;
            donor.register
        };
        nodes[index].register = register;
        u16::try_from(register).map_err(|_| CircuitError::TooManyRegisters)
    }

    /// The register of a wire; an input is loaded when it is first read, so that it occupies no register before.
    fn operand(&mut self, nodes: &mut [Node], wire: Wire) -> Result<Operand, CircuitError> {
        let negated = wire.negated();
        let Some(index) = wire.index() else {
            return Ok(Operand {
                register: 0,
                negated,
            });
        };
        let register = if nodes[index].register == NONE {
            let out = self.allocate(nodes, index)?;
            match nodes[index].operation {
                Operation::Evaluator(input) => self.push(Gate::Evaluator { input, out })?,
                Operation::Garbler(input) => self.push(Gate::Garbler { input, out })?,
                _ => unreachable!("a gate is emitted before whatever reads it"),
            }
            out
        } else {
            nodes[index].register as u16
        };
        Ok(Operand { register, negated })
    }

    fn emit(&mut self, nodes: &mut [Node], index: usize) -> Result<(), CircuitError> {
        let node = nodes[index];
        let dead = !node.operation.is_root() && node.last_use == NONE;
        if dead || node.operation.is_input() {
            return Ok(());
        }
        let two = !matches!(node.operation, Operation::AndGarbler(_));
        let a = self.operand(nodes, node.a)?;
        let b = if two { self.operand(nodes, node.b)? } else { a };
        let gate = match node.operation {
            Operation::Evaluator(_) | Operation::Garbler(_) => return Ok(()),
            Operation::Xor => Gate::Xor {
                a: a.register,
                b: b.register,
                out: self.allocate(nodes, index)?,
            },
            Operation::And => {
                self.counts.and += 1;
                let out = self.allocate(nodes, index)?;
                Gate::And { a, b, out }
            }
            Operation::AndGarbler(input) => {
                self.counts.and_garbler += 1;
                Gate::AndGarbler {
                    a,
                    input,
                    negated: node.b.negated(),
                    out: self.allocate(nodes, index)?,
                }
            }
            Operation::Share(weight) => {
                self.counts.share += 1;
                self.counts.row_bits += weight.bits as usize;
                Gate::Share { a, weight }
            }
            Operation::ShareProduct(weight) => {
                self.counts.share_product += 1;
                self.counts.row_bits += 3 * weight.bits as usize;
                Gate::ShareProduct { a, b, weight }
            }
            Operation::Output if node.a.index().is_none() => Gate::OutputConstant {
                value: node.a.negated(),
            },
            Operation::Output => {
                self.counts.row_bits += 1;
                Gate::Output { a }
            }
        };
        self.push(gate)?;
        // Only now: a gate must not overwrite what it reads.
        for operand in [node.a.index(), node.b.index().filter(|_| two)] {
            if let Some(operand) = operand
                && nodes[operand].last_use == index as u32
            {
                nodes[operand].next_free = self.free;
                self.free = operand as u32;
                // Never freed twice, even if both operands were the same node.
                nodes[operand].last_use = NONE;
            }
        }
        Ok(())
    }
}
