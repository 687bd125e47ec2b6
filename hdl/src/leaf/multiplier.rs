//! An 18 × 18 bit unsigned multiplier with registers at its inputs, in its middle and at its output.

use rust_hdl::core::prelude::*;

use crate::shape::Target;
use crate::word::Word;

/// product = a·b of three cycles ago; one product a cycle.
#[derive(Clone, Debug, LogicBlock)]
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
    _target: Target,
}

impl Multiplier18 {
    /// Cycles from the factors to the product.
    pub const LATENCY: usize = 3;

    /// A multiplier for the given fabric.
    pub fn new(target: Target) -> Self {
        Self {
            clock: Signal::default(),
            a: Signal::default(),
            b: Signal::default(),
            product: Signal::default(),
            _factors: (0, 0),
            _middle: 0,
            _target: target,
        }
    }
}

impl Logic for Multiplier18 {
    fn update(&mut self) {
        if self.clock.changed {
            self.product.next = Word::new(self._middle);
            self._middle = self._factors.0 * self._factors.1;
            self._factors = (self.a.val().value(), self.b.val().value());
        }
    }

    fn connect(&mut self) {
        self.product.connect();
    }

    fn hdl(&self) -> Verilog {
        Verilog::Custom(
            "reg [17:0] first = 0;
reg [17:0] second = 0;
reg [35:0] middle = 0;
initial product = 0;
always @(posedge clock) begin
  first <= a;
  second <= b;
  middle <= first * second;
  product <= middle;
end
"
            .to_owned(),
        )
    }
}
