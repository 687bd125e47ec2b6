//! The limb table: for each limb its modulus and what follows from it, as the driver wrote them.
//!
//! q = qh·2^18 + 1. A record is qh, 2^36 mod q and the places of the limb's twiddles; a limb is known once its qh was
//! written, if the machine has room for its twiddles.

use addax_hdl_derive::SettledBlock;
use rust_hdl::core::prelude::*;

use crate::leaf::{Register, RegisterFile};
use crate::ports::limb;
use crate::shape::Shape;
use crate::word::{Word, bit_cast, bit_cast_bit};

/// The table. Answers are one cycle late.
#[derive(Clone, Debug, SettledBlock)]
pub struct Limbs {
    /// The clock.
    pub clock: Signal<In, Clock>,
    /// Write a field.
    pub write: Signal<In, Bit>,
    /// Of this limb.
    pub write_limb: Signal<In, Word<4>>,
    /// Which field; numbers as in [`limb`].
    pub write_field: Signal<In, Word<2>>,
    /// Its word.
    pub write_data: Signal<In, Word<36>>,
    /// The instruction's limb.
    pub limb: Signal<In, Word<4>>,
    /// The limb that `RED` reads under.
    pub source: Signal<In, Word<4>>,
    /// Whether `limb` is known.
    pub known: Signal<Out, Bit>,
    /// Its qh.
    pub qh: Signal<Out, Word<17>>,
    /// Its 2^36 mod q.
    pub one: Signal<Out, Word<36>>,
    /// Place of the twiddles of its paired stages.
    pub twiddle_base: Signal<Out, Word<17>>,
    /// Place of the twiddles of its row stages.
    pub row_base: Signal<Out, Word<17>>,
    /// Whether `source` is known.
    pub source_known: Signal<Out, Bit>,
    /// Its qh.
    pub source_qh: Signal<Out, Word<17>>,
    moduli: RegisterFile<Word<18>>,
    source_moduli: RegisterFile<Word<18>>,
    ones: RegisterFile<Word<36>>,
    bases: RegisterFile<Word<36>>,
    modulus_register: Register<Word<18>>,
    source_register: Register<Word<18>>,
    one_register: Register<Word<36>>,
    bases_register: Register<Word<36>>,
    write_limb_wide: Signal<Local, Word<5>>,
    exists: Signal<Local, Bit>,
    write_qh: Signal<Local, Word<17>>,
    modulus: Signal<Local, Word<18>>,
    limb_count: Constant<Word<5>>,
    field_modulus: Constant<Word<2>>,
    field_one: Constant<Word<2>>,
    field_bases: Constant<Word<2>>,
}

impl Limbs {
    /// The table of a machine that holds the twiddles of so many limbs.
    pub fn new(shape: &Shape) -> Self {
        let records = Shape::MAX_LIMBS;
        Self {
            clock: Signal::default(),
            write: Signal::default(),
            write_limb: Signal::default(),
            write_field: Signal::default(),
            write_data: Signal::default(),
            limb: Signal::default(),
            source: Signal::default(),
            known: Signal::default(),
            qh: Signal::default(),
            one: Signal::default(),
            twiddle_base: Signal::default(),
            row_base: Signal::default(),
            source_known: Signal::default(),
            source_qh: Signal::default(),
            moduli: RegisterFile::new(records),
            source_moduli: RegisterFile::new(records),
            ones: RegisterFile::new(records),
            bases: RegisterFile::new(records),
            modulus_register: Register::default(),
            source_register: Register::default(),
            one_register: Register::default(),
            bases_register: Register::default(),
            write_limb_wide: Signal::default(),
            exists: Signal::default(),
            write_qh: Signal::default(),
            modulus: Signal::default(),
            limb_count: Constant::new(Word::new(shape.limbs() as u64)),
            field_modulus: Constant::new(Word::new(limb::MODULUS)),
            field_one: Constant::new(Word::new(limb::ONE)),
            field_bases: Constant::new(Word::new(limb::BASES)),
        }
    }
}

impl Logic for Limbs {
    #[hdl_gen]
    fn update(&mut self) {
        clock!(
            self,
            clock,
            moduli,
            source_moduli,
            ones,
            bases,
            modulus_register,
            source_register,
            one_register,
            bases_register
        );

        // Bit 17 of a stored qh says that the limb is known.
        self.write_limb_wide.next = bit_cast::<5, 4>(self.write_limb.val());
        self.exists.next = self.write_limb_wide.val() < self.limb_count.val();
        self.write_qh.next = self.write_data.val().get_bits::<17>(0);
        self.modulus.next =
            (bit_cast_bit::<18>(self.exists.val()) << 17) | bit_cast::<18, 17>(self.write_qh.val());
        self.moduli.write.next =
            self.write.val() && (self.write_field.val() == self.field_modulus.val());
        self.moduli.write_address.next = bit_cast::<7, 4>(self.write_limb.val());
        self.moduli.write_data.next = self.modulus.val();
        self.source_moduli.write.next =
            self.write.val() && (self.write_field.val() == self.field_modulus.val());
        self.source_moduli.write_address.next = bit_cast::<7, 4>(self.write_limb.val());
        self.source_moduli.write_data.next = self.modulus.val();
        self.ones.write.next = self.write.val() && (self.write_field.val() == self.field_one.val());
        self.ones.write_address.next = bit_cast::<7, 4>(self.write_limb.val());
        self.ones.write_data.next = self.write_data.val();
        self.bases.write.next =
            self.write.val() && (self.write_field.val() == self.field_bases.val());
        self.bases.write_address.next = bit_cast::<7, 4>(self.write_limb.val());
        self.bases.write_data.next = self.write_data.val();

        self.moduli.read_address.next = bit_cast::<7, 4>(self.limb.val());
        self.source_moduli.read_address.next = bit_cast::<7, 4>(self.source.val());
        self.ones.read_address.next = bit_cast::<7, 4>(self.limb.val());
        self.bases.read_address.next = bit_cast::<7, 4>(self.limb.val());
        self.modulus_register.d.next = self.moduli.read_data.val();
        self.source_register.d.next = self.source_moduli.read_data.val();
        self.one_register.d.next = self.ones.read_data.val();
        self.bases_register.d.next = self.bases.read_data.val();

        self.known.next = self.modulus_register.q.val().get_bit(17);
        self.qh.next = self.modulus_register.q.val().get_bits::<17>(0);
        self.one.next = self.one_register.q.val();
        self.twiddle_base.next = self.bases_register.q.val().get_bits::<17>(0);
        self.row_base.next = self.bases_register.q.val().get_bits::<17>(18);
        self.source_known.next = self.source_register.q.val().get_bit(17);
        self.source_qh.next = self.source_register.q.val().get_bits::<17>(0);
    }
}
