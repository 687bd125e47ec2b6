//! Modular addition forward, the mean of two residues in the inverse.
//!
//! With q = 2Q + 1, Q = qh·2^17:
//!
//! * Forward s = x + t in [0, 2q). The result is s − q, or s where that is negative.
//! * Inverse s = ⌊(x + y + 1)/2⌋ in [0, q). Where x + y is even, s is the result. Where it is odd, s = (x + y + 1)/2, and
//!   the result (x + y ± q)/2 is s − Q − 1, or s + Q where that is negative.
//!
//! So both are v = s − d with d = q, 0 or Q + 1, and v + q where v < 0. Only v's sign and high bits are computed in a
//! chain of their own. Its low 17 bits are those of s, less one unless d = 0, plus one where v < 0; they affect the high
//! bits only if they are all zero: then 1 is borrowed, and given back where v < 0.

use addax_hdl_derive::SettledBlock;
use rust_hdl::core::prelude::*;

use crate::leaf::{CarryAdder, MaskedAdder, MaskedRegister, PairAdder, Register, UnionSubtractor};
use crate::shape::Target;
use crate::word::{Word, bit_cast};

/// x + t mod q forward, (x + y)/2 mod q in the inverse, canonical.
///
/// t = high·2^18 + low + one. Needs x + t < 2q and t ≥ 0 forward, x, y < q in the inverse.
#[derive(Clone, Debug, SettledBlock)]
pub struct Addition {
    /// The clock.
    pub clock: Signal<In, Clock>,
    /// First operand.
    pub x: Signal<In, Word<36>>,
    /// Second operand of the inverse.
    pub y: Signal<In, Word<36>>,
    /// High digit of t.
    pub high: Signal<In, Word<18>>,
    /// Low digit of t.
    pub low: Signal<In, Word<18>>,
    /// To be added to t.
    pub one: Signal<In, Bit>,
    /// Modulus; constant while operands are inside.
    pub qh: Signal<In, Word<17>>,
    /// Which of the two; constant while operands are inside.
    pub inverse: Signal<In, Bit>,
    /// The result, [`Self::LATENCY`] cycles later.
    pub sum: Signal<Out, Word<36>>,

    x_whole: MaskedRegister<Word<36>>,
    x_half: MaskedRegister<Word<36>>,
    t_whole: MaskedRegister<Word<36>>,
    y_half: MaskedRegister<Word<36>>,
    carry: Register<Bit>,
    odd: Register<Bit>,
    // s, below 2^36.
    s: PairAdder<36>,
    s_odd: Register<Bit>,
    s_held: Register<Word<36>>,
    // d in units of 2^17, from one of the two: 2·qh forward, qh where the sum is odd.
    forward_qh: MaskedRegister<Word<17>>,
    odd_qh: MaskedRegister<Word<17>>,
    subtracting: Register<Bit>,
    no_borrow: Register<Bit>,
    low_zero: Register<Bit>,
    // v in units of 2^17, in two's complement.
    v: UnionSubtractor<19>,
    v_low: Register<Word<17>>,
    v_subtracting: Register<Bit>,
    v_low_zero: Register<Bit>,
    result_high: MaskedAdder<18>,
    result_low: CarryAdder<17>,

    forward: Signal<Local, Bit>,
    s_low: Signal<Local, Word<17>>,
    s_low_zero: Signal<Local, Bit>,
    s_subtracting: Signal<Local, Bit>,
    negative: Signal<Local, Bit>,
    minus_one: Signal<Local, Word<17>>,
    none: Constant<Word<17>>,
    ones: Constant<Word<17>>,
}

impl Addition {
    /// Cycles from the operands to the result.
    pub const LATENCY: usize = 5;

    /// The module for a fabric.
    pub fn new(target: Target) -> Self {
        Self {
            clock: Signal::default(),
            x: Signal::default(),
            y: Signal::default(),
            high: Signal::default(),
            low: Signal::default(),
            one: Signal::default(),
            qh: Signal::default(),
            inverse: Signal::default(),
            sum: Signal::default(),
            x_whole: MaskedRegister::default(),
            x_half: MaskedRegister::default(),
            t_whole: MaskedRegister::default(),
            y_half: MaskedRegister::default(),
            carry: Register::default(),
            odd: Register::default(),
            s: PairAdder::new(target),
            s_odd: Register::default(),
            s_held: Register::default(),
            forward_qh: MaskedRegister::default(),
            odd_qh: MaskedRegister::default(),
            subtracting: Register::default(),
            no_borrow: Register::default(),
            low_zero: Register::default(),
            v: UnionSubtractor::new(target),
            v_low: Register::default(),
            v_subtracting: Register::default(),
            v_low_zero: Register::default(),
            result_high: MaskedAdder::new(target),
            result_low: CarryAdder::new(target),
            forward: Signal::default(),
            s_low: Signal::default(),
            s_low_zero: Signal::default(),
            s_subtracting: Signal::default(),
            negative: Signal::default(),
            minus_one: Signal::default(),
            none: Constant::new(Word::new(0)),
            ones: Constant::new(Word::new(u64::MAX)),
        }
    }
}

impl Logic for Addition {
    #[hdl_gen]
    fn update(&mut self) {
        self.x_whole.clock.next = self.clock.val();
        self.x_half.clock.next = self.clock.val();
        self.t_whole.clock.next = self.clock.val();
        self.y_half.clock.next = self.clock.val();
        self.carry.clock.next = self.clock.val();
        self.odd.clock.next = self.clock.val();
        self.s.clock.next = self.clock.val();
        self.s_odd.clock.next = self.clock.val();
        self.s_held.clock.next = self.clock.val();
        self.forward_qh.clock.next = self.clock.val();
        self.odd_qh.clock.next = self.clock.val();
        self.subtracting.clock.next = self.clock.val();
        self.no_borrow.clock.next = self.clock.val();
        self.low_zero.clock.next = self.clock.val();
        self.v.clock.next = self.clock.val();
        self.v_low.clock.next = self.clock.val();
        self.v_subtracting.clock.next = self.clock.val();
        self.v_low_zero.clock.next = self.clock.val();
        self.result_high.clock.next = self.clock.val();
        self.result_low.clock.next = self.clock.val();

        // Cycle 1: the operands of either direction, the others zero.
        self.forward.next = !self.inverse.val();
        self.x_whole.d.next = self.x.val();
        self.x_whole.keep.next = self.forward.val();
        self.x_half.d.next = self.x.val() >> 1;
        self.x_half.keep.next = self.inverse.val();
        self.t_whole.d.next =
            (bit_cast::<36, 18>(self.high.val()) << 18) | bit_cast::<36, 18>(self.low.val());
        self.t_whole.keep.next = self.forward.val();
        self.y_half.d.next = self.y.val() >> 1;
        self.y_half.keep.next = self.inverse.val();
        self.carry.d.next = (self.forward.val() & self.one.val())
            | (self.inverse.val() & (self.x.val().get_bit(0) | self.y.val().get_bit(0)));
        self.odd.d.next = self.inverse.val() & (self.x.val().get_bit(0) ^ self.y.val().get_bit(0));

        // Cycle 2: s.
        self.s.a.next = self.x_whole.q.val();
        self.s.b.next = self.x_half.q.val();
        self.s.c.next = self.t_whole.q.val();
        self.s.d.next = self.y_half.q.val();
        self.s.carry.next = self.carry.q.val();
        self.s_odd.d.next = self.odd.q.val();

        // Cycle 3: d, and whether the low bits borrow.
        self.s_held.d.next = self.s.sum.val();
        self.s_low.next = self.s.sum.val().get_bits::<17>(0);
        self.s_low_zero.next = !self.s_low.val().any();
        self.s_subtracting.next = self.forward.val() | self.s_odd.q.val();
        self.forward_qh.d.next = self.qh.val();
        self.forward_qh.keep.next = self.forward.val();
        self.odd_qh.d.next = self.qh.val();
        self.odd_qh.keep.next = self.s_odd.q.val();
        self.subtracting.d.next = self.s_subtracting.val();
        self.no_borrow.d.next = !(self.s_low_zero.val() & self.s_subtracting.val());
        self.low_zero.d.next = self.s_low_zero.val();

        // Cycle 4: v.
        self.v.a.next = self.s_held.q.val().get_bits::<19>(17);
        self.v.b.next = bit_cast::<19, 17>(self.forward_qh.q.val()) << 1;
        self.v.c.next = bit_cast::<19, 17>(self.odd_qh.q.val());
        self.v.carry.next = self.no_borrow.q.val();
        self.v_low.d.next = self.s_held.q.val().get_bits::<17>(0);
        self.v_subtracting.d.next = self.subtracting.q.val();
        self.v_low_zero.d.next = self.low_zero.q.val();

        // Cycle 5: the result.
        self.negative.next = self.v.sum.val().get_bit(18);
        self.result_high.a.next = self.v.sum.val().get_bits::<18>(0);
        self.result_high.b.next = bit_cast::<18, 17>(self.qh.val()) << 1;
        self.result_high.select.next = self.negative.val();
        self.result_high.carry.next = self.negative.val() & self.v_low_zero.q.val();
        self.minus_one.next = self.none.val();
        if self.v_subtracting.q.val() {
            self.minus_one.next = self.ones.val();
        }
        self.result_low.a.next = self.v_low.q.val();
        self.result_low.b.next = self.minus_one.val();
        self.result_low.carry.next = self.negative.val();
        self.sum.next = (bit_cast::<36, 18>(self.result_high.sum.val()) << 17)
            | bit_cast::<36, 17>(self.result_low.sum.val());
    }
}
