//! The ring processor as a thing that runs programs.
//!
//! [`RingProcessor`] is what software sees of any executor: one written to be read ([`Reference`], which *is* the
//! definition), a fast one, a simulated circuit, a device behind a link. All of them give the same residues in
//! every slot, the same output words and the same cycles for the same program.
//!
//! What an instruction does is defined in [`isa`]. What happens when it cannot be done:
//!
//! * Before it starts, a machine checks the program against its size ([`isa::validate`]) and refuses it
//!   whole; no slot changes.
//! * While it runs, a **fault** ends the program and names the instruction. Instructions before it have had their
//!   effect. A fault in what the instruction reads from slots and constants leaves all slots as they are; a fault
//!   of the input stream, or a word of it that is not a residue, leaves the destination unwritten: reading it is
//!   a fault until it is written again.
mod error;
mod reference;
mod stream;
mod tags;

use core::ops::{AddAssign, SubAssign};

use serde::{Deserialize, Serialize};

use crate::isa::{Geometry, Program};
use crate::link::message::DIGEST_BYTES;

pub use error::{Fault, MachineError};
pub use reference::{Reference, check_basis};
pub use stream::{
    EmptySource, NullSink, Sink, SliceSink, SliceSource, Source, StreamError, next_chunk,
};
pub use tags::Tags;

#[cfg(doc)]
use crate::isa;

/// What a run did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Report {
    /// Cycles in which the machine was not waiting for a stream; equal to [`isa::cycles`].
    pub cycles: u64,
    /// Cycles in which it waited; zero for software.
    pub stalls: u64,
    /// Instructions executed, `LOOP`, `SYNC` and `HALT` included.
    pub instructions: u64,
    /// `NTT` and `INTT` executed.
    pub transforms: u64,
    /// Words taken from the input stream.
    pub words_in: u64,
    /// Words put into the output stream.
    pub words_out: u64,
}

impl AddAssign for Report {
    fn add_assign(&mut self, other: Self) {
        self.cycles += other.cycles;
        self.stalls += other.stalls;
        self.instructions += other.instructions;
        self.transforms += other.transforms;
        self.words_in += other.words_in;
        self.words_out += other.words_out;
    }
}

/// An executor of ring-processor programs.
///
/// Slots keep their contents between programs. Residues are canonical and, for transformed polynomials, in
/// bit-reversed order, whatever the executor does inside. Slots and limbs are plain numbers here and checked on
/// entry.
pub trait RingProcessor {
    /// The size of the machine.
    fn geometry(&self) -> Geometry;

    /// Forgets what all slots hold; reading one is a fault until it is written.
    ///
    /// # Errors
    /// Only of a machine behind a link.
    fn reset(&mut self) -> Result<(), MachineError>;

    /// Writes n residues of a limb into a slot.
    ///
    /// # Errors
    /// A slot or limb that does not exist, `words` of another length than n, a word that is not below the limb's
    /// modulus; the slot is unchanged.
    fn load(&mut self, slot: u8, limb: u8, words: &[u64]) -> Result<(), MachineError>;

    /// Reads the n residues of a slot and returns the limb under which it was written.
    ///
    /// # Errors
    /// A slot that does not exist or was never written, `words` of another length than n.
    fn store(&mut self, slot: u8, words: &mut [u64]) -> Result<u8, MachineError>;

    /// Runs a program to its end.
    ///
    /// # Errors
    /// A program that the machine cannot run, or a [`Fault`] with the instruction that met it.
    fn run(
        &mut self,
        program: &Program,
        source: &mut dyn Source,
        sink: &mut dyn Sink,
    ) -> Result<Report, MachineError>;

    /// What all slots hold, in short, from a machine where reading them takes long; none from others.
    ///
    /// # Errors
    /// Only of a machine behind a link.
    fn digests(&mut self) -> Result<Option<Digests>, MachineError> {
        Ok(None)
    }

    /// What the link to the machine has carried, if there is one.
    fn link_use(&self) -> Option<LinkUse> {
        None
    }
}

/// For each slot, the limb that it was written under and the [digest](crate::link::device::digest) of its words; none if
/// it was never written.
pub type Digests = heapless::Vec<Option<(u8, [u8; DIGEST_BYTES])>, 127>;

/// What a link has carried since it was opened.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LinkUse {
    /// Bytes written to the line.
    pub bytes_out: u64,
    /// Bytes read from it.
    pub bytes_in: u64,
    /// Packets that had to be sent again.
    pub repeated: u64,
    /// Resets of the device that were survived.
    pub resets: u64,
    /// Microseconds in which the host waited for the device.
    pub micros: u64,
}

impl AddAssign for LinkUse {
    fn add_assign(&mut self, other: Self) {
        self.bytes_out += other.bytes_out;
        self.bytes_in += other.bytes_in;
        self.repeated += other.repeated;
        self.resets += other.resets;
        self.micros += other.micros;
    }
}

impl SubAssign for LinkUse {
    fn sub_assign(&mut self, earlier: Self) {
        self.bytes_out -= earlier.bytes_out;
        self.bytes_in -= earlier.bytes_in;
        self.repeated -= earlier.repeated;
        self.resets -= earlier.resets;
        self.micros -= earlier.micros;
    }
}

impl<M: RingProcessor + ?Sized> RingProcessor for &mut M {
    fn geometry(&self) -> Geometry {
        (**self).geometry()
    }

    fn reset(&mut self) -> Result<(), MachineError> {
        (**self).reset()
    }

    fn load(&mut self, slot: u8, limb: u8, words: &[u64]) -> Result<(), MachineError> {
        (**self).load(slot, limb, words)
    }

    fn store(&mut self, slot: u8, words: &mut [u64]) -> Result<u8, MachineError> {
        (**self).store(slot, words)
    }

    fn run(
        &mut self,
        program: &Program,
        source: &mut dyn Source,
        sink: &mut dyn Sink,
    ) -> Result<Report, MachineError> {
        (**self).run(program, source, sink)
    }

    fn digests(&mut self) -> Result<Option<Digests>, MachineError> {
        (**self).digests()
    }

    fn link_use(&self) -> Option<LinkUse> {
        (**self).link_use()
    }
}

#[cfg(test)]
mod tests;
