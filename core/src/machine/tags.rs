//! Which limb each slot was last written under.

use super::{Fault, MachineError};
use crate::isa::{Geometry, Instruction, Limb, Operand, PointwiseOp, Slot};

/// The limb tags of all slots: four bits and a valid bit each, in hardware. Every software executor keeps its
/// tags in one of these, so that all of them fault alike.
#[derive(Clone, Debug)]
pub struct Tags {
    limbs: [Option<Limb>; 127],
}

impl Default for Tags {
    fn default() -> Self {
        Self { limbs: [None; 127] }
    }
}

impl Tags {
    /// The limb that a slot was written under, if it was.
    pub const fn get(&self, slot: Slot) -> Option<Limb> {
        self.limbs[slot.index()]
    }

    /// Sets or clears a slot's tag.
    pub const fn set(&mut self, slot: Slot, limb: Option<Limb>) {
        self.limbs[slot.index()] = limb;
    }

    /// The limb that a slot was written under.
    ///
    /// # Errors
    /// [`Fault::Unwritten`].
    pub fn written(&self, slot: Slot) -> Result<Limb, Fault> {
        self.get(slot)
            .ok_or(Fault::Unwritten { slot: slot.value() })
    }

    /// Checks that a slot was written under `limb`.
    ///
    /// # Errors
    /// [`Fault::Unwritten`], [`Fault::WrongLimb`].
    pub fn expect(&self, slot: Slot, limb: Limb) -> Result<(), Fault> {
        let found = self.written(slot)?;
        if found != limb {
            let [expected, found] = [limb.value(), found.value()];
            return Err(Fault::WrongLimb {
                slot: slot.value(),
                expected,
                found,
            });
        }
        Ok(())
    }

    /// Checks every slot that an instruction reads, in the order a, b, dst, and returns the limb that its
    /// destination will have.
    ///
    /// # Errors
    /// As [`Tags::expect`], for the first slot that fails.
    pub fn check(&self, instruction: &Instruction) -> Result<Option<Limb>, Fault> {
        match *instruction {
            Instruction::Load { limb, .. } | Instruction::LoadWeights { limb, .. } => {
                Ok(Some(limb))
            }
            Instruction::Store { a } => self.written(a).map(|_| None),
            Instruction::Ntt { limb, a, .. }
            | Instruction::Intt { limb, a, .. }
            | Instruction::MulConstant { limb, a, .. } => self.expect(a, limb).map(|()| Some(limb)),
            Instruction::Pointwise {
                op,
                limb,
                dst,
                a,
                b,
            } => {
                for operand in [a, b] {
                    if let Operand::Slot(slot) = operand {
                        self.expect(slot, limb)?;
                    }
                }
                if op == PointwiseOp::Mac {
                    self.expect(dst, limb)?;
                }
                Ok(Some(limb))
            }
            Instruction::Automorphism { a, .. } => self.written(a).map(Some),
            Instruction::Reduce { limb, a, from, .. } => self.expect(a, from).map(|()| Some(limb)),
            Instruction::Loop(_) | Instruction::Sync | Instruction::Halt => Ok(None),
        }
    }

    /// Where [`load`](super::RingProcessor::load) writes: slot and limb, if they exist and `words` is a polynomial.
    ///
    /// # Errors
    /// [`MachineError::Slot`], [`MachineError::Limb`], [`MachineError::Length`].
    pub fn load_target(
        geometry: &Geometry,
        limbs: usize,
        slot: u8,
        limb: u8,
        words: &[u64],
    ) -> Result<(Slot, Limb), MachineError> {
        let target = (Self::slot(geometry, slot)?, Self::limb(limbs, limb)?);
        Self::polynomial(geometry, words)?;
        Ok(target)
    }

    /// What [`store`](super::RingProcessor::store) reads: a slot and the limb it was written under, if `words` has room for
    /// exactly one polynomial.
    ///
    /// # Errors
    /// [`MachineError::Slot`], [`MachineError::Unwritten`], [`MachineError::Length`].
    pub fn store_source(
        &self,
        geometry: &Geometry,
        slot: u8,
        words: &[u64],
    ) -> Result<(Slot, Limb), MachineError> {
        let slot = Self::slot(geometry, slot)?;
        let unwritten = MachineError::Unwritten { slot: slot.value() };
        let limb = self.get(slot).ok_or(unwritten)?;
        Self::polynomial(geometry, words)?;
        Ok((slot, limb))
    }

    const fn polynomial(geometry: &Geometry, words: &[u64]) -> Result<(), MachineError> {
        let (expected, found) = (geometry.n(), words.len());
        if expected == found {
            Ok(())
        } else {
            Err(MachineError::Length { expected, found })
        }
    }

    /// A slot number from outside, checked against a geometry.
    ///
    /// # Errors
    /// [`MachineError::Slot`].
    pub fn slot(geometry: &Geometry, slot: u8) -> Result<Slot, MachineError> {
        let slots = geometry.slots();
        let known = Slot::new(slot).ok().filter(|slot| slot.index() < slots);
        known.ok_or(MachineError::Slot { slot, slots })
    }

    /// A limb number from outside, checked against the number of limbs.
    ///
    /// # Errors
    /// [`MachineError::Limb`].
    pub fn limb(limbs: usize, limb: u8) -> Result<Limb, MachineError> {
        let known = Limb::new(limb).ok().filter(|limb| limb.index() < limbs);
        known.ok_or(MachineError::Limb { limb, limbs })
    }
}
