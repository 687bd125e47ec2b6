//! Modular subtraction forward, half of a residue in the inverse.
//!
//! With q = 2Q + 1, Q = qh·2^17:
//!
//! * Forward d = x − t in (−q, q). The result is d, or d + q where that is negative.
//! * Inverse d = ⌊t/2⌋. Where t is even, t/2 is the result, or t/2 + q where that is negative; where it is odd, (t + q)/2 =
//!   d + Q + 1.

use addax_hdl_derive::SettledBlock;
use rust_hdl::core::prelude::*;

use crate::leaf::{ChoiceAdder, MaskedRegister, Register, UnionAdder};
use crate::shape::Target;
use crate::word::{Word, bit_cast};

/// x − t mod q forward, t/2 mod q in the inverse, canonical.
///
/// t = high·2^18 + low + one, with `high` in two's complement. Needs x < q and 0 ≤ t < q forward, −q < t < q in the
/// inverse.
#[derive(Clone, Debug, SettledBlock)]
pub struct Subtraction {
    /// The clock.
    pub clock: Signal<In, Clock>,
    /// What is subtracted from, forward.
    pub x: Signal<In, Word<36>>,
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
    pub difference: Signal<Out, Word<36>>,

    /// `inverse` is told to a whole lane; between its register and a carry chain there is no time for a long wire.
    halves: Register<Bit>,
    x_masked: MaskedRegister<Word<36>>,
    t: Register<Word<36>>,
    carry: Register<Bit>,
    odd: Register<Bit>,
    // d in two's complement.
    d: ChoiceAdder<36>,
    d_odd: Register<Bit>,
    d_held: Register<Word<35>>,
    // What is added: q or Q + 1 or nothing.
    whole_qh: MaskedRegister<Word<17>>,
    half_qh: MaskedRegister<Word<17>>,
    plus_one: Register<Bit>,
    corrected: UnionAdder<35>,
    result: Register<Word<35>>,

    forward: Signal<Local, Bit>,
    low_odd: Signal<Local, Bit>,
    t_half: Signal<Local, Word<36>>,
    negative: Signal<Local, Bit>,
    sign: Constant<Word<36>>,
}

impl Subtraction {
    /// Cycles from the operands to the result.
    pub const LATENCY: usize = 5;

    /// The module for a fabric.
    pub fn new(target: Target) -> Self {
        Self {
            clock: Signal::default(),
            x: Signal::default(),
            high: Signal::default(),
            low: Signal::default(),
            one: Signal::default(),
            qh: Signal::default(),
            inverse: Signal::default(),
            difference: Signal::default(),
            halves: Register::default(),
            x_masked: MaskedRegister::default(),
            t: Register::default(),
            carry: Register::default(),
            odd: Register::default(),
            d: ChoiceAdder::new(target),
            d_odd: Register::default(),
            d_held: Register::default(),
            whole_qh: MaskedRegister::default(),
            half_qh: MaskedRegister::default(),
            plus_one: Register::default(),
            corrected: UnionAdder::new(target),
            result: Register::default(),
            forward: Signal::default(),
            low_odd: Signal::default(),
            t_half: Signal::default(),
            negative: Signal::default(),
            sign: Constant::new(Word::new(1 << 35)),
        }
    }
}

impl Logic for Subtraction {
    #[hdl_gen]
    fn update(&mut self) {
        self.halves.clock.next = self.clock.val();
        self.x_masked.clock.next = self.clock.val();
        self.t.clock.next = self.clock.val();
        self.carry.clock.next = self.clock.val();
        self.odd.clock.next = self.clock.val();
        self.d.clock.next = self.clock.val();
        self.d_odd.clock.next = self.clock.val();
        self.d_held.clock.next = self.clock.val();
        self.whole_qh.clock.next = self.clock.val();
        self.half_qh.clock.next = self.clock.val();
        self.plus_one.clock.next = self.clock.val();
        self.corrected.clock.next = self.clock.val();
        self.result.clock.next = self.clock.val();

        // Cycle 1.
        self.forward.next = !self.inverse.val();
        self.x_masked.d.next = self.x.val();
        self.x_masked.keep.next = self.forward.val();
        self.t.d.next =
            (bit_cast::<36, 18>(self.high.val()) << 18) | bit_cast::<36, 18>(self.low.val());
        self.low_odd.next = self.low.val().get_bit(0);
        self.carry.d.next = (self.forward.val() & !self.one.val())
            | (self.inverse.val() & self.one.val() & self.low_odd.val());
        self.odd.d.next = self.inverse.val() & (self.one.val() ^ self.low_odd.val());

        // Cycle 2: d = x - t - 1 + carry forward, ⌊t/2⌋ in the inverse.
        self.t_half.next = self.t.q.val() >> 1;
        if self.t.q.val().get_bit(35) {
            self.t_half.next = (self.t.q.val() >> 1) | self.sign.val();
        }
        self.d.a.next = self.x_masked.q.val();
        self.d.b.next = self.t.q.val();
        self.d.c.next = self.t_half.val();
        self.halves.d.next = self.inverse.val();
        self.d.select.next = !self.halves.q.val();
        self.d.carry.next = self.carry.q.val();
        self.d_odd.d.next = self.odd.q.val();

        // Cycle 3: what has to be added.
        self.negative.next = self.d.sum.val().get_bit(35);
        self.d_held.d.next = self.d.sum.val().get_bits::<35>(0);
        self.whole_qh.d.next = self.qh.val();
        self.whole_qh.keep.next = self.negative.val() & !self.d_odd.q.val();
        self.half_qh.d.next = self.qh.val();
        self.half_qh.keep.next = self.d_odd.q.val();
        self.plus_one.d.next = self.negative.val() | self.d_odd.q.val();

        // Cycle 4; the result waits in cycle 5 for that of the addition.
        self.corrected.a.next = self.d_held.q.val();
        self.corrected.b.next = bit_cast::<35, 17>(self.whole_qh.q.val()) << 18;
        self.corrected.c.next = bit_cast::<35, 17>(self.half_qh.q.val()) << 17;
        self.corrected.carry.next = self.plus_one.q.val();
        self.result.d.next = self.corrected.sum.val();
        self.difference.next = bit_cast::<36, 35>(self.result.q.val());
    }
}
