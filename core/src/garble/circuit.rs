//! Circuits: gates over registers, and their evaluation on plain bits.

use super::{GarbleError, check_length};

/// A register that is read, possibly negated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Operand {
    /// The register.
    pub register: u16,
    /// Whether its negation is meant; free, and unknown to the evaluator.
    pub negated: bool,
}

/// A weight w·2^shift with odd w, in Z_{2^(bits + shift)}.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Weight {
    /// w mod 2^bits.
    pub odd: u64,
    /// The power of two.
    pub shift: u32,
    /// Bits of a garbled row.
    pub bits: u32,
}

/// One gate. `out` differs from every register that the gate reads, and two operands are different registers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Gate {
    /// Loads the evaluator's input bit `input`.
    Evaluator {
        /// Index among the evaluator's inputs.
        input: u32,
        /// Register written.
        out: u16,
    },
    /// Loads the garbler's input bit `input`.
    Garbler {
        /// Index among the garbler's inputs.
        input: u32,
        /// Register written.
        out: u16,
    },
    /// a ⊕ b; free.
    Xor {
        /// First operand.
        a: u16,
        /// Second operand.
        b: u16,
        /// Register written.
        out: u16,
    },
    /// a ∧ b; two blocks.
    And {
        /// First operand.
        a: Operand,
        /// Second operand.
        b: Operand,
        /// Register written.
        out: u16,
    },
    /// a ∧ (the garbler's input bit, possibly negated); one block.
    AndGarbler {
        /// The operand that nobody knows.
        a: Operand,
        /// Index among the garbler's inputs.
        input: u32,
        /// Whether the input is negated.
        negated: bool,
        /// Register written.
        out: u16,
    },
    /// Adds weight·a to the shared result; one row of `weight.bits` bits.
    Share {
        /// The bit.
        a: Operand,
        /// What it stands for.
        weight: Weight,
    },
    /// Adds weight·(a ∧ b) to the shared result; three rows of `weight.bits` bits.
    ShareProduct {
        /// First operand.
        a: Operand,
        /// Second operand.
        b: Operand,
        /// What the product stands for.
        weight: Weight,
    },
    /// Reveals a bit to the evaluator; one bit.
    Output {
        /// The bit.
        a: Operand,
    },
    /// Reveals a constant that came out of simplification.
    OutputConstant {
        /// The constant.
        value: bool,
    },
}

/// What a circuit costs, each per instance.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// AND gates with two blocks.
    pub and: usize,
    /// AND gates with an input known to the garbler: one block.
    pub and_garbler: usize,
    /// Projections of a bit to an additive share.
    pub share: usize,
    /// Projections of a product of two bits to an additive share.
    pub share_product: usize,
    /// Bits of garbled rows of projections and of decoded outputs.
    pub row_bits: usize,
}

impl Counts {
    /// All gates that compute a conjunction.
    pub const fn and_gates(&self) -> usize {
        self.and + self.and_garbler + self.share_product
    }

    /// Blocks of 16 bytes in the table.
    pub const fn blocks(&self) -> usize {
        2 * self.and + self.and_garbler
    }

    /// Gates that hash, each of which takes a value of the gate counter.
    pub const fn hashed(&self) -> usize {
        self.and + self.and_garbler + self.share + self.share_product
    }
}

/// Why a circuit could not be built.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CircuitError {
    /// The builder's nodes do not suffice.
    TooManyNodes,
    /// The memory for gates does not suffice.
    TooManyGates,
    /// More than 65,535 labels are alive at once.
    TooManyRegisters,
}

impl core::fmt::Display for CircuitError {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str(match self {
            Self::TooManyNodes => "the circuit has more nodes than the builder has memory for",
            Self::TooManyGates => "the circuit has more gates than there is memory for",
            Self::TooManyRegisters => "more than 65535 labels of the circuit are alive at once",
        })
    }
}

impl core::error::Error for CircuitError {}

/// A circuit in memory of the caller; made by [`super::Builder::finish`].
#[derive(Clone, Copy, Debug)]
pub struct Circuit<'a> {
    pub(super) gates: &'a [Gate],
    pub(super) counts: Counts,
    pub(super) evaluator_inputs: usize,
    pub(super) garbler_inputs: usize,
    pub(super) outputs: usize,
    pub(super) registers: usize,
    pub(super) share_bits: u32,
    pub(super) share_constant: u64,
}

impl<'a> Circuit<'a> {
    /// The gates in order.
    pub const fn gates(&self) -> &'a [Gate] {
        self.gates
    }

    /// Costs of an instance.
    pub const fn counts(&self) -> Counts {
        self.counts
    }

    /// Input bits of the evaluator.
    pub const fn evaluator_inputs(&self) -> usize {
        self.evaluator_inputs
    }

    /// Input bits of the garbler.
    pub const fn garbler_inputs(&self) -> usize {
        self.garbler_inputs
    }

    /// Bits revealed to the evaluator.
    pub const fn outputs(&self) -> usize {
        self.outputs
    }

    /// Registers, each of [`super::LANES`] labels.
    pub const fn registers(&self) -> usize {
        self.registers
    }

    /// m: shares are modulo 2^m. Zero if the circuit has no shared result.
    pub const fn share_bits(&self) -> u32 {
        self.share_bits
    }

    /// Labels of working memory for garbling or evaluating.
    pub const fn workspace(&self) -> usize {
        super::kernel::Registers::workspace(self.registers)
    }

    /// Bytes of the garbled tables of `instances` instances.
    pub fn table_bytes(&self, instances: usize) -> usize {
        let chunk = |lanes: usize| self.chunk_bytes(lanes);
        instances / super::LANES * chunk(super::LANES) + chunk(instances % super::LANES)
    }

    /// Words of input bits for `instances` instances and `inputs` inputs.
    pub const fn input_words(inputs: usize, instances: usize) -> usize {
        inputs * instances.div_ceil(super::LANES)
    }

    pub(super) fn chunk_bytes(&self, lanes: usize) -> usize {
        self.block_bytes(lanes) + (self.counts.row_bits * lanes).div_ceil(8)
    }

    pub(super) const fn block_bytes(&self, lanes: usize) -> usize {
        16 * self.counts.blocks() * lanes
    }

    pub(super) const fn share_mask(&self) -> u64 {
        (1u64 << self.share_bits) - 1
    }

    /// Evaluates up to 64 instances on plain bits, for tests and for people who read circuits.
    ///
    /// Bit l of `evaluator[i]` is input i of instance l, likewise `garbler`; `registers` is working memory of at
    /// least [`Self::registers`] words; bit l of `outputs[i]` becomes output i, `shares[l]` the shared result modulo
    /// 2^m.
    ///
    /// # Errors
    /// [`GarbleError::Length`] if a buffer does not fit the circuit.
    pub fn evaluate_plain(
        &self,
        evaluator: &[u64],
        garbler: &[u64],
        registers: &mut [u64],
        outputs: &mut [u64],
        shares: &mut [u64],
    ) -> Result<(), GarbleError> {
        check_length(
            "evaluator's input bits",
            self.evaluator_inputs,
            evaluator.len(),
        )?;
        check_length("garbler's input bits", self.garbler_inputs, garbler.len())?;
        check_length("registers", self.registers, registers.len())?;
        check_length("outputs", self.outputs, outputs.len())?;
        check_length("shares", shares.len().min(64), shares.len())?;
        let negate = |bits: u64, negated: bool| bits ^ 0u64.wrapping_sub(u64::from(negated));
        let mut next_output = 0;
        shares.fill(self.share_constant);
        let mut add = |bits: u64, weight: Weight, mask: u64| {
            for (lane, share) in shares.iter_mut().enumerate() {
                let term = (weight.odd * (bits >> lane & 1)) << weight.shift;
                *share = share.wrapping_add(term) & mask;
            }
        };
        for gate in self.gates {
            let read = |operand: Operand| {
                negate(registers[usize::from(operand.register)], operand.negated)
            };
            match *gate {
                Gate::Evaluator { input, out } => {
                    registers[usize::from(out)] = evaluator[input as usize];
                }
                Gate::Garbler { input, out } => {
                    registers[usize::from(out)] = garbler[input as usize];
                }
                Gate::Xor { a, b, out } => {
                    registers[usize::from(out)] =
                        registers[usize::from(a)] ^ registers[usize::from(b)];
                }
                Gate::And { a, b, out } => registers[usize::from(out)] = read(a) & read(b),
                Gate::AndGarbler {
                    a,
                    input,
                    negated,
                    out,
                } => {
                    registers[usize::from(out)] =
                        read(a) & negate(garbler[input as usize], negated);
                }
                Gate::Share { a, weight } => add(read(a), weight, self.share_mask()),
                Gate::ShareProduct { a, b, weight } => {
                    add(read(a) & read(b), weight, self.share_mask());
                }
                Gate::Output { a } => {
                    outputs[next_output] = read(a);
                    next_output += 1;
                }
                Gate::OutputConstant { value } => {
                    outputs[next_output] = negate(0, value);
                    next_output += 1;
                }
            }
        }
        Ok(())
    }
}
