//! Montgomery's product for R = 2^36 in two steps of 18 bits (Montgomery 1985, one digit at a time).
//!
//! Since q = qh·2^18 + 1 is 1 modulo 2^18, the multiple of q that clears the low digit m = p mod 2^18 of a number p is
//! m itself: (p − m·q)/2^18 = ⌊p/2^18⌋ − m·qh, exactly. Each step is one multiplication of 18 × 18 bits and needs no
//! constant but qh. Two steps give
//!
//! t = (p − M·q)/2^36 with 0 ≤ M < 2^36, hence p/2^36 − q < t ≤ p/2^36.
//!
//! The product p = a·b enters as four products of digits, a = a1·2^18 + a0 with a1 signed, b = b1·2^18 + b0:
//! p = p11·2^36 + (p10 + p01)·2^18 + p00.

use addax_hdl_derive::SettledBlock;
use rust_hdl::core::prelude::*;

use crate::leaf::{Adder, CarryAdder, Delay, Multiplier18, Register, Subtractor};
use crate::shape::Target;
use crate::word::{Word, bit_cast};

/// First step: p' = (p − p00 mod 2^18·q)/2^18, given as its low digit and the rest, p' = rest·2^18 + digit.
///
/// Needs p01 < 2^35, −2^35 ≤ p10 < 2^35, p00 < 2^36 and ⌊p'/2^18⌋ in [−2^35, 2^35), which |a|, b < 2^35 ensure.
#[derive(Clone, Debug, SettledBlock)]
pub struct FirstReduction {
    /// The clock.
    pub clock: Signal<In, Clock>,
    /// a0·b0.
    pub p00: Signal<In, Word<36>>,
    /// a0·b1.
    pub p01: Signal<In, Word<36>>,
    /// a1·b0, in two's complement.
    pub p10: Signal<In, Word<36>>,
    /// a1·b1, in two's complement.
    pub p11: Signal<In, Word<36>>,
    /// Modulus.
    pub qh: Signal<In, Word<17>>,
    /// p' mod 2^18, [`Self::DIGIT_LATENCY`] cycles after the products.
    pub digit: Signal<Out, Word<18>>,
    /// ⌊p'/2^18⌋ in two's complement, one cycle after the digit.
    pub rest: Signal<Out, Word<36>>,

    // The multiple of q, without its 1: below 2^35.
    multiple: Multiplier18,
    // p10 + p01 in [-2^35, 2^36): 37 bits, signed.
    middle: Adder<37>,
    p00_high: Register<Word<18>>,
    // Low digit of the middle plus high digit of p00, and the carry of that.
    low: Adder<19>,
    low_held: Register<Word<19>>,
    middle_high: Delay<Word<19>>,
    // The middle without the multiple, in [-2^36, 2^36).
    remainder: Subtractor<37>,
    carry: Register<Bit>,
    p11_held: Delay<Word<36>>,
    sum: CarryAdder<36>,

    p10_wide: Signal<Local, Word<37>>,
    low_digit: Signal<Local, Word<18>>,
    low_sum: Signal<Local, Word<18>>,
    remainder_high: Signal<Local, Word<19>>,
    remainder_wide: Signal<Local, Word<36>>,
    sign37: Constant<Word<37>>,
    signs36: Constant<Word<36>>,
}

impl FirstReduction {
    /// Cycles from the products to the digit.
    pub const DIGIT_LATENCY: usize = Multiplier18::LATENCY + 1;

    /// The step for a fabric.
    pub fn new(target: Target) -> Self {
        Self {
            clock: Signal::default(),
            p00: Signal::default(),
            p01: Signal::default(),
            p10: Signal::default(),
            p11: Signal::default(),
            qh: Signal::default(),
            digit: Signal::default(),
            rest: Signal::default(),
            multiple: Multiplier18::new(target),
            middle: Adder::new(target),
            p00_high: Register::default(),
            low: Adder::new(target),
            low_held: Register::default(),
            middle_high: Delay::new(2),
            remainder: Subtractor::new(target),
            carry: Register::default(),
            p11_held: Delay::new(4),
            sum: CarryAdder::new(target),
            p10_wide: Signal::default(),
            low_digit: Signal::default(),
            low_sum: Signal::default(),
            remainder_high: Signal::default(),
            remainder_wide: Signal::default(),
            sign37: Constant::new(Word::new(1 << 36)),
            signs36: Constant::new(Word::new(u64::MAX << 19)),
        }
    }
}

impl Logic for FirstReduction {
    #[hdl_gen]
    fn update(&mut self) {
        self.multiple.clock.next = self.clock.val();
        self.middle.clock.next = self.clock.val();
        self.p00_high.clock.next = self.clock.val();
        self.low.clock.next = self.clock.val();
        self.low_held.clock.next = self.clock.val();
        self.middle_high.clock.next = self.clock.val();
        self.remainder.clock.next = self.clock.val();
        self.carry.clock.next = self.clock.val();
        self.p11_held.clock.next = self.clock.val();
        self.sum.clock.next = self.clock.val();

        // Cycles 1 to 3.
        self.multiple.a.next = self.p00.val().get_bits::<18>(0);
        self.multiple.b.next = bit_cast::<18, 17>(self.qh.val());

        // Cycle 1.
        self.p10_wide.next = bit_cast::<37, 36>(self.p10.val());
        if self.p10.val().get_bit(35) {
            self.p10_wide.next = bit_cast::<37, 36>(self.p10.val()) | self.sign37.val();
        }
        self.middle.a.next = self.p10_wide.val();
        self.middle.b.next = bit_cast::<37, 36>(self.p01.val());
        self.p00_high.d.next = self.p00.val().get_bits::<18>(18);

        // Cycle 2, held in cycle 3.
        self.low_digit.next = self.middle.sum.val().get_bits::<18>(0);
        self.low.a.next = bit_cast::<19, 18>(self.low_digit.val());
        self.low.b.next = bit_cast::<19, 18>(self.p00_high.q.val());
        self.low_held.d.next = self.low.sum.val();
        self.middle_high.d.next = self.middle.sum.val().get_bits::<19>(18);

        // Cycle 4. The carry of the low digits is not in the remainder; it joins in cycle 5.
        self.low_sum.next = self.low_held.q.val().get_bits::<18>(0);
        self.remainder.a.next = (bit_cast::<37, 19>(self.middle_high.q.val()) << 18)
            | bit_cast::<37, 18>(self.low_sum.val());
        self.remainder.b.next = bit_cast::<37, 36>(self.multiple.product.val());
        self.carry.d.next = self.low_held.q.val().get_bit(18);
        self.digit.next = self.remainder.sum.val().get_bits::<18>(0);

        // Cycle 5.
        self.p11_held.d.next = self.p11.val();
        self.remainder_high.next = self.remainder.sum.val().get_bits::<19>(18);
        self.remainder_wide.next = bit_cast::<36, 19>(self.remainder_high.val());
        if self.remainder_high.val().get_bit(18) {
            self.remainder_wide.next =
                bit_cast::<36, 19>(self.remainder_high.val()) | self.signs36.val();
        }
        self.sum.a.next = self.p11_held.q.val();
        self.sum.b.next = self.remainder_wide.val();
        self.sum.carry.next = self.carry.q.val();
        self.rest.next = self.sum.sum.val();
    }
}

/// Second step: rest − digit·qh, which is (p' − digit·q)/2^18, modulo 2^36.
#[derive(Clone, Debug, SettledBlock)]
pub struct SecondReduction {
    /// The clock.
    pub clock: Signal<In, Clock>,
    /// p' mod 2^18.
    pub digit: Signal<In, Word<18>>,
    /// ⌊p'/2^18⌋ in two's complement, one cycle after the digit.
    pub rest: Signal<In, Word<36>>,
    /// Modulus.
    pub qh: Signal<In, Word<17>>,
    /// The result modulo 2^36, [`Self::LATENCY`] cycles after the digit.
    pub value: Signal<Out, Word<36>>,

    multiple: Multiplier18,
    rest_held: Delay<Word<36>>,
    remainder: Subtractor<36>,
}

impl SecondReduction {
    /// Cycles from the digit to the value.
    pub const LATENCY: usize = Multiplier18::LATENCY + 1;

    /// The step for a fabric.
    pub fn new(target: Target) -> Self {
        Self {
            clock: Signal::default(),
            digit: Signal::default(),
            rest: Signal::default(),
            qh: Signal::default(),
            value: Signal::default(),
            multiple: Multiplier18::new(target),
            rest_held: Delay::new(Multiplier18::LATENCY - 1),
            remainder: Subtractor::new(target),
        }
    }
}

impl Logic for SecondReduction {
    #[hdl_gen]
    fn update(&mut self) {
        self.multiple.clock.next = self.clock.val();
        self.rest_held.clock.next = self.clock.val();
        self.remainder.clock.next = self.clock.val();

        self.multiple.a.next = self.digit.val();
        self.multiple.b.next = bit_cast::<18, 17>(self.qh.val());
        self.rest_held.d.next = self.rest.val();
        self.remainder.a.next = self.rest_held.q.val();
        self.remainder.b.next = self.multiple.product.val();
        self.value.next = self.remainder.sum.val();
    }
}

/// t with t·2^36 = a·b mod q and a·b/2^36 − q < t ≤ a·b/2^36, one a cycle.
///
/// Needs −2^35 ≤ a < 2^35 in two's complement and b < 2^35. For −q < a < q and b < q that is −1.5q < t < 0.5q,
/// because q < 2^35; for a ≥ 0 it is −q < t < 0.5q.
#[derive(Clone, Debug, SettledBlock)]
pub struct MontgomeryProduct {
    /// The clock.
    pub clock: Signal<In, Clock>,
    /// First factor, in two's complement.
    pub a: Signal<In, Word<36>>,
    /// Second factor.
    pub b: Signal<In, Word<36>>,
    /// Modulus.
    pub qh: Signal<In, Word<17>>,
    /// t modulo 2^36.
    pub value: Signal<Out, Word<36>>,

    p00: Multiplier18,
    p01: Multiplier18,
    p10: Multiplier18,
    p11: Multiplier18,
    first: FirstReduction,
    second: SecondReduction,
}

impl MontgomeryProduct {
    /// Cycles from the factors to the value.
    pub const LATENCY: usize =
        Multiplier18::LATENCY + FirstReduction::DIGIT_LATENCY + SecondReduction::LATENCY;

    /// The multiplier for a fabric.
    pub fn new(target: Target) -> Self {
        Self {
            clock: Signal::default(),
            a: Signal::default(),
            b: Signal::default(),
            qh: Signal::default(),
            value: Signal::default(),
            p00: Multiplier18::new(target),
            p01: Multiplier18::new(target),
            p10: Multiplier18::signed(target),
            p11: Multiplier18::signed(target),
            first: FirstReduction::new(target),
            second: SecondReduction::new(target),
        }
    }
}

impl Logic for MontgomeryProduct {
    #[hdl_gen]
    fn update(&mut self) {
        self.p00.clock.next = self.clock.val();
        self.p01.clock.next = self.clock.val();
        self.p10.clock.next = self.clock.val();
        self.p11.clock.next = self.clock.val();
        self.first.clock.next = self.clock.val();
        self.second.clock.next = self.clock.val();

        self.p00.a.next = self.a.val().get_bits::<18>(0);
        self.p01.a.next = self.a.val().get_bits::<18>(0);
        self.p10.a.next = self.a.val().get_bits::<18>(18);
        self.p11.a.next = self.a.val().get_bits::<18>(18);
        self.p00.b.next = self.b.val().get_bits::<18>(0);
        self.p01.b.next = self.b.val().get_bits::<18>(18);
        self.p10.b.next = self.b.val().get_bits::<18>(0);
        self.p11.b.next = self.b.val().get_bits::<18>(18);

        self.first.p00.next = self.p00.product.val();
        self.first.p01.next = self.p01.product.val();
        self.first.p10.next = self.p10.product.val();
        self.first.p11.next = self.p11.product.val();
        self.first.qh.next = self.qh.val();
        self.second.qh.next = self.qh.val();
        self.second.digit.next = self.first.digit.val();
        self.second.rest.next = self.first.rest.val();
        self.value.next = self.second.value.val();
    }
}
