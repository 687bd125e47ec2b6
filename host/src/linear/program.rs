//! A linear layer as ring-processor programs.
//!
//! One output polynomial (c0 or c1 of a response) is accumulated at a time, so that a machine with one slot more than
//! there are limbs suffices. Slots: the accumulator of limb l in slot l, scratch behind them, and in the remaining slots
//! as many input polynomials as fit; the others are streamed again for every output. For a component, with T channel
//! tiles, limbs from the last to the first:
//!
//! ```text
//! acc  = Σ_t input_t · weights_t        MUL, then MAC in loops; weights always from the stream
//! acc += product of the zero encryption ADD from the stream
//! INTT acc
//! acc += errors, flooding, −mask        ADD from the stream (coefficients)
//! ```
//!
//! then each dropped limb d leaves by `RED, SUB, MULI` in every limb below it, and the remaining limbs are stored.
//! Input shares of the server are added by a program of their own before: `LD, NTT, ADD, ST` in each limb.

use addax_core::isa::{self, Geometry, Increment, Program, ProgramBuilder, ProgramError, STREAM};
use addax_core::machine::LinkUse;

use super::Packing;
use crate::he::{Basis, ResponseFormat};

/// The programs of one layer for one machine.
pub struct LayerPrograms {
    /// Adds the server's share to c0 of one input.
    pub prepare: Program,
    /// Fills the resident slots for one area tile.
    pub load: Program,
    /// Computes c0 and c1 of one response.
    pub components: [Program; 2],
    residents: usize,
}

/// What a layer takes on a machine.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct LayerCost {
    /// Cycles.
    pub cycles: u64,
    /// Transforms executed.
    pub transforms: u64,
    /// What the link to the machine carried, if there is one; not foreseen by a plan.
    pub link: LinkUse,
}

/// The machine is too small for the parameter set.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CompileError {
    /// Too few slots.
    #[error("the machine has {found} slots; accumulating {limbs} limbs takes at least {needed}")]
    Slots {
        /// Slots of the machine.
        found: usize,
        /// Slots needed.
        needed: usize,
        /// Limbs.
        limbs: usize,
    },
    /// Another ring degree.
    #[error("the machine computes with degree 2^{found}, the parameter set with 2^{needed}")]
    Degree {
        /// The machine's log₂ n.
        found: u32,
        /// The parameter set's.
        needed: u32,
    },
    /// The program does not fit the machine's program memory or loop counters.
    #[error("the layer does not fit a ring-processor program: {0}")]
    Program(String),
}

impl From<ProgramError> for CompileError {
    fn from(error: ProgramError) -> Self {
        Self::Program(error.to_string())
    }
}

impl LayerPrograms {
    /// Compiles a layer.
    ///
    /// # Errors
    /// A machine of another degree or with too few slots, or more channel tiles than a loop counts.
    pub fn compile(
        basis: &Basis,
        packing: &Packing,
        format: &ResponseFormat,
        geometry: &Geometry,
    ) -> Result<Self, CompileError> {
        let limbs = basis.limbs();
        let slots = geometry.slots();
        if geometry.log_n() != basis.log_n() {
            return Err(CompileError::Degree {
                found: geometry.log_n(),
                needed: basis.log_n(),
            });
        }
        if slots < limbs + 1 {
            return Err(CompileError::Slots {
                found: slots,
                needed: limbs + 1,
                limbs,
            });
        }
        let tiles = packing.channel_tiles();
        let residents = (slots - limbs - 1).min(2 * limbs * tiles);
        Ok(Self {
            prepare: prepare(limbs)?,
            load: load(limbs, tiles, residents)?,
            components: [
                component(basis, format, tiles, residents, 0)?,
                component(basis, format, tiles, residents, 1)?,
            ],
            residents,
        })
    }

    /// Input polynomials that stay in slots while the responses of an area tile are computed.
    #[must_use]
    pub const fn residents(&self) -> usize {
        self.residents
    }

    /// What the whole layer takes, from the cycle model, without running it.
    #[must_use]
    pub fn cost(&self, packing: &Packing, geometry: &Geometry, with_share: bool) -> LayerCost {
        let cycles = |program: &Program| isa::cycles(program, geometry);
        let transforms = |program: &Program| {
            let is_transform = |word: &isa::Instruction| {
                matches!(
                    word,
                    isa::Instruction::Ntt { .. } | isa::Instruction::Intt { .. }
                )
            };
            program
                .instructions()
                .filter(|(_, word)| is_transform(word))
                .count() as u64
        };
        let runs = [
            (&self.prepare, if with_share { packing.inputs() } else { 0 }),
            (&self.load, packing.area_tiles()),
            (&self.components[0], packing.responses()),
            (&self.components[1], packing.responses()),
        ];
        runs.into_iter()
            .fold(LayerCost::default(), |sum, (program, times)| LayerCost {
                cycles: sum.cycles + cycles(program) * times as u64,
                // Transforms stand outside of loops.
                transforms: sum.transforms + transforms(program) * times as u64,
                link: LinkUse::default(),
            })
    }
}

/// The number of an input polynomial: component c, limb l, channel tile t. The first of them are resident.
pub(super) const fn input_number(
    limbs: usize,
    tiles: usize,
    c: usize,
    l: usize,
    t: usize,
) -> usize {
    (c * limbs + l) * tiles + t
}

/// Component, limb and channel tile of an input polynomial.
pub(super) const fn input_of_number(limbs: usize, tiles: usize, number: usize) -> [usize; 3] {
    [
        number / (limbs * tiles),
        number / tiles % limbs,
        number % tiles,
    ]
}

fn prepare(limbs: usize) -> Result<Program, ProgramError> {
    let mut builder = ProgramBuilder::new();
    for limb in 0..limbs as u8 {
        builder
            .load(limb, limb)?
            .ntt(limb, limb, limb)?
            .add(limb, limb, limb, STREAM)?
            .store(limb)?;
    }
    builder.finish()
}

fn load(limbs: usize, tiles: usize, residents: usize) -> Result<Program, ProgramError> {
    let mut builder = ProgramBuilder::new();
    for number in 0..residents {
        let [_, limb, _] = input_of_number(limbs, tiles, number);
        builder.load(limb as u8, (limbs + 1 + number) as u8)?;
    }
    builder.finish()
}

fn component(
    basis: &Basis,
    format: &ResponseFormat,
    tiles: usize,
    residents: usize,
    c: usize,
) -> Result<Program, ProgramError> {
    let limbs = basis.limbs();
    let scratch = limbs as u8;
    let mut builder = ProgramBuilder::new();
    for l in (0..limbs).rev() {
        let (limb, accumulator) = (l as u8, l as u8);
        let first = input_number(limbs, tiles, c, l, 0);
        let resident = residents.saturating_sub(first).min(tiles);
        let first_slot = (limbs + 1 + first) as u8;
        let mut streamed = tiles - resident;
        if resident > 0 {
            builder.mul(limb, accumulator, first_slot, STREAM)?;
            if resident > 1 {
                builder.repeat(resident as u16 - 1, Increment::A, |body| {
                    body.mac(limb, accumulator, first_slot + 1, STREAM)
                })?;
            }
        } else {
            builder
                .load(limb, scratch)?
                .mul(limb, accumulator, scratch, STREAM)?;
            streamed -= 1;
        }
        if streamed > 0 {
            let count = u16::try_from(streamed).unwrap_or(u16::MAX);
            builder.repeat(count, Increment::NONE, |body| {
                body.load(limb, scratch)?
                    .mac(limb, accumulator, scratch, STREAM)
            })?;
        }
        builder
            .add(limb, accumulator, accumulator, STREAM)?
            .intt(limb, accumulator, accumulator)?
            .add(limb, accumulator, accumulator, STREAM)?;
    }
    for dropped in (format.limbs..limbs).rev() {
        for l in 0..dropped {
            let (limb, accumulator) = (l as u8, l as u8);
            let modulus = basis.modulus(l);
            let divisor = modulus.reduce(basis.modulus(dropped).value());
            let inverse = builder.constant(modulus.to_montgomery(modulus.inverse(divisor)))?;
            builder
                .reduce(limb, scratch, dropped as u8, dropped as u8)?
                .sub(limb, accumulator, accumulator, scratch)?
                .mul_constant(limb, accumulator, accumulator, inverse)?;
        }
    }
    for l in 0..format.limbs {
        builder.store(l as u8)?;
    }
    builder.finish()
}
