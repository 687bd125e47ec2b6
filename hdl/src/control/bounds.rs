//! Whether a legal instruction, increments added, stays inside this machine: its slots exist, an automorphism's h is
//! below n and its slots differ.
//!
//! An operand arrives with the carry of its increment. Between two executions of a word its operand grows by at most
//! 31, the greatest stride, so the first sum that is no slot is below 127 + 31 < 2^8 and cannot come back into range
//! unseen.

use addax_hdl_derive::SettledBlock;
use rust_hdl::core::prelude::*;
use rust_hdl::widgets::dff_setup;

use super::Fields;
use crate::leaf::Register;
use crate::shape::Shape;
use crate::word::{Word, bit_cast};

/// The check; one cycle.
#[derive(Clone, Debug, SettledBlock)]
pub struct Bounds {
    /// The clock.
    pub clock: Signal<In, Clock>,
    /// The word, increments added.
    pub word: Signal<In, Word<32>>,
    /// Bit 7 of operand a.
    pub carry_a: Signal<In, Bit>,
    /// Bit 7 of operand b.
    pub carry_b: Signal<In, Bit>,
    /// Field a is a slot.
    pub reads_a: Signal<In, Bit>,
    /// Field b is a slot.
    pub reads_b: Signal<In, Bit>,
    /// Field dst is a slot.
    pub writes: Signal<In, Bit>,
    /// The word is `AUT`.
    pub automorphism: Signal<In, Bit>,
    /// Whether the word of the cycle before stays inside.
    pub fits: Signal<Out, Bit>,
    fields: Fields,
    fits_register: Register<Bit>,
    a_exists: Signal<Local, Bit>,
    b_exists: Signal<Local, Bit>,
    dst_exists: Signal<Local, Bit>,
    permutes: Signal<Local, Bit>,
    galois: Signal<Local, Word<14>>,
    slots: Constant<Word<7>>,
    degree: Constant<Word<14>>,
}

impl Bounds {
    /// The check for one shape.
    pub fn new(shape: &Shape) -> Self {
        Self {
            clock: Signal::default(),
            word: Signal::default(),
            carry_a: Signal::default(),
            carry_b: Signal::default(),
            reads_a: Signal::default(),
            reads_b: Signal::default(),
            writes: Signal::default(),
            automorphism: Signal::default(),
            fits: Signal::default(),
            fields: Fields::default(),
            fits_register: Register::default(),
            a_exists: Signal::default(),
            b_exists: Signal::default(),
            dst_exists: Signal::default(),
            permutes: Signal::default(),
            galois: Signal::default(),
            slots: Constant::new(Word::new(shape.slots() as u64)),
            degree: Constant::new(Word::new(shape.n() as u64)),
        }
    }
}

impl Logic for Bounds {
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(self, clock, fits_register);
        self.fields.word.next = self.word.val();
        self.a_exists.next = !self.carry_a.val() && (self.fields.a.val() < self.slots.val());
        self.b_exists.next = !self.carry_b.val() && (self.fields.b.val() < self.slots.val());
        self.dst_exists.next = self.fields.dst.val() < self.slots.val();
        self.galois.next = bit_cast::<14, 13>(self.fields.galois.val());
        self.permutes.next = (self.fields.a.val() != self.fields.dst.val())
            && (self.galois.val() < self.degree.val());
        self.fits_register.d.next = (self.a_exists.val() || !self.reads_a.val())
            && (self.b_exists.val() || !self.reads_b.val())
            && (self.dst_exists.val() || !self.writes.val())
            && (self.permutes.val() || !self.automorphism.val());
        self.fits.next = self.fits_register.q.val();
    }
}
