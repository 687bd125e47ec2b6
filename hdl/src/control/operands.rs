//! The numbers that the datapath broadcasts, made from the limb table and the constant memory.
//!
//! With q = qh·2^18 + 1 everything falls into halves of 18 bits:
//!
//! * `factor` is the constant for `MULI`, one = 2^36 mod q for most, and q − one for `SUB`, where one ≠ 0:
//!   q − one = (qh − one_high − borrow)·2^18 + (1 − one_low mod 2^18), borrow = one_low > 1.
//! * A constant c is below q exactly if c_high < qh, or c_high = qh and c_low = 0.
//! * `addend` of `RED` is (q − q_from) mod q for moduli of equal length, d = qh − qh_from: d·2^18 if d ≥ 0, else
//!   (d + qh)·2^18 + 1.

use addax_core::isa::MAX_CONSTANTS;
use addax_hdl_derive::SettledBlock;
use rust_hdl::core::prelude::*;
use rust_hdl::widgets::dff_setup;

use crate::leaf::{Ram, Register};
use crate::shape::Shape;
use crate::word::{Word, bit_cast, bit_cast_bit};

/// Constant memory and the arithmetic. The constant's address comes two cycles, `qh`, `source_qh` and `one` one cycle
/// before the outputs, and all of them stand until these are used.
#[derive(Clone, Debug, SettledBlock)]
pub struct Operands {
    /// The clock.
    pub clock: Signal<In, Clock>,
    /// Write a constant.
    pub write: Signal<In, Bit>,
    /// At this place.
    pub write_address: Signal<In, Word<7>>,
    /// The constant.
    pub write_data: Signal<In, Word<36>>,
    /// Which constant `MULI` names.
    pub constant: Signal<In, Word<7>>,
    /// qh of the instruction's limb.
    pub qh: Signal<In, Word<17>>,
    /// qh of the limb that `RED` reads under.
    pub source_qh: Signal<In, Word<17>>,
    /// 2^36 mod q.
    pub one: Signal<In, Word<36>>,
    /// The instruction is `MULI`.
    pub multiply_constant: Signal<In, Bit>,
    /// The instruction is `SUB`.
    pub subtract: Signal<In, Bit>,
    /// What every lane multiplies by.
    pub factor: Signal<Out, Word<36>>,
    /// What `RED` adds to residues that stand for negative numbers.
    pub addend: Signal<Out, Word<36>>,
    /// The instruction is `MULI` and its constant is no residue.
    pub fault: Signal<Out, Bit>,
    constants: Ram<Word<36>>,
    difference: Register<Word<18>>,
    minus_one_low: Register<Word<18>>,
    borrow: Register<Bit>,
    less: Register<Bit>,
    equal: Register<Bit>,
    low_empty: Register<Bit>,
    modulus_high: Signal<Local, Word<18>>,
    source_high: Signal<Local, Word<18>>,
    wrapped: Signal<Local, Word<18>>,
    addend_high: Signal<Local, Word<18>>,
    negative: Signal<Local, Bit>,
    constant_high: Signal<Local, Word<18>>,
    constant_low: Signal<Local, Word<18>>,
    one_high: Signal<Local, Word<18>>,
    one_low: Signal<Local, Word<18>>,
    minus_one_high: Signal<Local, Word<18>>,
    unit: Constant<Word<18>>,
    none: Constant<Word<18>>,
}

impl Operands {
    /// An empty constant memory.
    pub fn new(shape: &Shape) -> Self {
        Self {
            clock: Signal::default(),
            write: Signal::default(),
            write_address: Signal::default(),
            write_data: Signal::default(),
            constant: Signal::default(),
            qh: Signal::default(),
            source_qh: Signal::default(),
            one: Signal::default(),
            multiply_constant: Signal::default(),
            subtract: Signal::default(),
            factor: Signal::default(),
            addend: Signal::default(),
            fault: Signal::default(),
            constants: Ram::new(MAX_CONSTANTS, shape.target()),
            difference: Register::default(),
            minus_one_low: Register::default(),
            borrow: Register::default(),
            less: Register::default(),
            equal: Register::default(),
            low_empty: Register::default(),
            modulus_high: Signal::default(),
            source_high: Signal::default(),
            wrapped: Signal::default(),
            addend_high: Signal::default(),
            negative: Signal::default(),
            constant_high: Signal::default(),
            constant_low: Signal::default(),
            one_high: Signal::default(),
            one_low: Signal::default(),
            minus_one_high: Signal::default(),
            unit: Constant::new(Word::new(1)),
            none: Constant::new(Word::new(0)),
        }
    }
}

impl Logic for Operands {
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(
            self,
            clock,
            difference,
            minus_one_low,
            borrow,
            less,
            equal,
            low_empty
        );
        clock!(self, clock, constants);
        self.constants.write.next = self.write.val();
        self.constants.write_address.next = bit_cast::<17, 7>(self.write_address.val());
        self.constants.write_data.next = self.write_data.val();
        self.constants.read_address.next = bit_cast::<17, 7>(self.constant.val());

        self.modulus_high.next = bit_cast::<18, 17>(self.qh.val());
        self.source_high.next = bit_cast::<18, 17>(self.source_qh.val());
        self.one_high.next = self.one.val().get_bits::<18>(18);
        self.one_low.next = self.one.val().get_bits::<18>(0);
        self.constant_high.next = self.constants.read_data.val().get_bits::<18>(18);
        self.constant_low.next = self.constants.read_data.val().get_bits::<18>(0);

        // First cycle.
        self.difference.d.next = self.modulus_high.val() - self.source_high.val();
        self.minus_one_low.d.next = self.unit.val() - self.one_low.val();
        self.borrow.d.next = self.one_low.val() > self.unit.val();
        self.less.d.next = self.constant_high.val() < self.modulus_high.val();
        self.equal.d.next = self.constant_high.val() == self.modulus_high.val();
        self.low_empty.d.next = self.constant_low.val() == self.none.val();

        // Second cycle.
        self.negative.next = self.difference.q.val().get_bit(17);
        self.wrapped.next = self.none.val();
        if self.negative.val() {
            self.wrapped.next = self.modulus_high.val();
        }
        self.addend_high.next = self.difference.q.val() + self.wrapped.val();
        self.addend.next = (bit_cast::<36, 18>(self.addend_high.val()) << 18)
            | bit_cast_bit::<36>(self.negative.val());
        self.minus_one_high.next = (self.modulus_high.val() - self.one_high.val())
            - bit_cast_bit::<18>(self.borrow.q.val());
        self.factor.next = self.one.val();
        if self.subtract.val() {
            self.factor.next = (bit_cast::<36, 18>(self.minus_one_high.val()) << 18)
                | bit_cast::<36, 18>(self.minus_one_low.q.val());
        }
        if self.multiply_constant.val() {
            self.factor.next = self.constants.read_data.val();
        }
        self.fault.next = self.multiply_constant.val()
            && !self.less.q.val()
            && !(self.equal.q.val() && self.low_empty.q.val());
    }
}
