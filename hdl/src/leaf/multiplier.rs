//! An 18 × 18 bit multiplier with registers at its inputs, in its middle and at its output.

use addax_hdl_derive::SettledBlock;
use rust_hdl::core::prelude::*;

use super::ecp5;
use crate::shape::Target;
use crate::word::Word;

/// product = a·b of three cycles ago; one product a cycle. `b` is unsigned; `a` is unsigned or, from
/// [`Self::signed`], a number of 18 bits in two's complement, as the product then is one of 36 bits.
#[derive(Clone, Debug, SettledBlock)]
pub struct Multiplier18 {
    /// The clock.
    pub clock: Signal<In, Clock>,
    /// First factor.
    pub a: Signal<In, Word<18>>,
    /// Second factor.
    pub b: Signal<In, Word<18>>,
    /// The product of the factors presented [`Self::LATENCY`] cycles ago.
    pub product: Signal<Out, Word<36>>,
    _factors: (u64, u64),
    _middle: u64,
    _signed: bool,
    _target: Target,
}

impl Multiplier18 {
    /// Cycles from the factors to the product.
    pub const LATENCY: usize = 3;

    /// A multiplier of unsigned numbers for the given fabric.
    pub fn new(target: Target) -> Self {
        Self::with(false, target)
    }

    /// A multiplier of a signed `a` and an unsigned `b`.
    pub fn signed(target: Target) -> Self {
        Self::with(true, target)
    }

    fn with(signed: bool, target: Target) -> Self {
        Self {
            clock: Signal::default(),
            a: Signal::default(),
            b: Signal::default(),
            product: Signal::default(),
            _factors: (0, 0),
            _middle: 0,
            _signed: signed,
            _target: target,
        }
    }
}

impl Logic for Multiplier18 {
    fn update(&mut self) {
        if self.clock.changed {
            self.product.next = Word::new(self._middle);
            self._middle = self._factors.0.wrapping_mul(self._factors.1);
            let a = self.a.val().value();
            // Two's complement: the missing high bits repeat the sign.
            let sign = if self._signed { a >> 17 } else { 0 };
            self._factors = (a.wrapping_sub(sign << 18), self.b.val().value());
        }
    }

    fn connect(&mut self) {
        self.product.connect();
    }

    fn hdl(&self) -> Verilog {
        if self._target == Target::Ecp5 {
            return Verilog::Custom(ecp5::multiplier(self._signed));
        }
        // The sign is the nineteenth bit, so that one multiplication serves both.
        let sign = if self._signed { "a[17]" } else { "1'b0" };
        Verilog::Custom(format!(
            "reg signed [18:0] first = 0;
reg signed [18:0] second = 0;
reg [35:0] middle = 0;
initial product = 0;
always @(posedge clock) begin
  first <= {{{sign}, a}};
  second <= {{1'b0, b}};
  middle <= first * second;
  product <= middle;
end
"
        ))
    }
}
