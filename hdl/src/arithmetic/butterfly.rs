//! The butterfly of every instruction: one multiplication, one addition, one subtraction a cycle.
//!
//! | `inverse` | `sum` | `difference` |
//! |---|---|---|
//! | 0 | x + y·w·2^-36 | x − y·w·2^-36 |
//! | 1 | (x + y)/2 | (y − x)·w·2^-36 / 2 |
//!
//! All modulo q, results canonical. One netlist serves both: y, or y − x in (−q, q), enters the multiplier, whose result
//! t, made nonnegative forward, meets x; in the inverse x and y are delayed as long and meet each other.
//!
//! | cycle | |
//! |---|---|
//! | 1 | y, or y − x in (−q, q) |
//! | 12 | product in (−1.5q, 0.5q), forward in (−q, 0.5q) |
//! | 13 | t in (−0.5q, q), forward in [0, q) |
//! | 18 | results |

use addax_hdl_derive::SettledBlock;
use rust_hdl::core::prelude::*;

use super::{Addition, Lift, MontgomeryProduct, Subtraction};
use crate::leaf::{Delay, MaskedSubtractor, Register};
use crate::shape::Target;
use crate::word::Word;

/// One butterfly. `qh` and `inverse` must not change while a word is inside; if they do, its results are unspecified.
///
/// Needs y, w < q and x + (y·w·2^-36 mod q) < 2q forward (so x may be a residue of another modulus as long as the sum stays
/// below 2q; `difference` needs x < q), and x, y, w < q in the inverse.
#[derive(Clone, Debug, SettledBlock)]
pub struct Butterfly {
    /// The clock.
    pub clock: Signal<In, Clock>,
    /// First word of the pair.
    pub x: Signal<In, Word<36>>,
    /// Second word of the pair, the one that is multiplied forward.
    pub y: Signal<In, Word<36>>,
    /// The factor, in Montgomery form.
    pub w: Signal<In, Word<36>>,
    /// The modulus is qh·2^18 + 1.
    pub qh: Signal<In, Word<17>>,
    /// Which of the two butterflies.
    pub inverse: Signal<In, Bit>,
    /// First result, of the words of [`Self::LATENCY`] cycles ago.
    pub sum: Signal<Out, Word<36>>,
    /// Second result, likewise.
    pub difference: Signal<Out, Word<36>>,

    factor: MaskedSubtractor<36>,
    w_held: Register<Word<36>>,
    product: MontgomeryProduct,
    lift: Lift,
    x_held: Delay<Word<36>>,
    y_held: Delay<Word<36>>,
    addition: Addition,
    subtraction: Subtraction,
}

impl Butterfly {
    /// Cycles from the words to t.
    const PRODUCT_LATENCY: usize = 1 + MontgomeryProduct::LATENCY + Lift::LATENCY;

    /// Cycles from the words to both results.
    pub const LATENCY: usize = Self::PRODUCT_LATENCY + Addition::LATENCY;

    /// A butterfly for the given fabric.
    pub fn new(target: Target) -> Self {
        const { assert!(Addition::LATENCY == Subtraction::LATENCY) };
        Self {
            clock: Signal::default(),
            x: Signal::default(),
            y: Signal::default(),
            w: Signal::default(),
            qh: Signal::default(),
            inverse: Signal::default(),
            sum: Signal::default(),
            difference: Signal::default(),
            factor: MaskedSubtractor::new(target),
            w_held: Register::default(),
            product: MontgomeryProduct::new(target),
            lift: Lift::new(target),
            x_held: Delay::in_memory(Self::PRODUCT_LATENCY, target),
            y_held: Delay::in_memory(Self::PRODUCT_LATENCY, target),
            addition: Addition::new(target),
            subtraction: Subtraction::new(target),
        }
    }
}

impl Logic for Butterfly {
    #[hdl_gen]
    fn update(&mut self) {
        self.factor.clock.next = self.clock.val();
        self.w_held.clock.next = self.clock.val();
        self.product.clock.next = self.clock.val();
        self.lift.clock.next = self.clock.val();
        self.x_held.clock.next = self.clock.val();
        self.y_held.clock.next = self.clock.val();
        self.addition.clock.next = self.clock.val();
        self.subtraction.clock.next = self.clock.val();
        self.product.qh.next = self.qh.val();
        self.lift.qh.next = self.qh.val();
        self.addition.qh.next = self.qh.val();
        self.subtraction.qh.next = self.qh.val();
        self.addition.inverse.next = self.inverse.val();
        self.subtraction.inverse.next = self.inverse.val();

        self.factor.a.next = self.y.val();
        self.factor.b.next = self.x.val();
        self.factor.select.next = self.inverse.val();
        self.w_held.d.next = self.w.val();
        self.product.a.next = self.factor.sum.val();
        self.product.b.next = self.w_held.q.val();
        self.lift.value.next = self.product.value.val();

        self.x_held.d.next = self.x.val();
        self.y_held.d.next = self.y.val();
        self.addition.x.next = self.x_held.q.val();
        self.addition.y.next = self.y_held.q.val();
        self.addition.high.next = self.lift.high.val();
        self.addition.low.next = self.lift.low.val();
        self.addition.one.next = self.lift.one.val();
        self.subtraction.x.next = self.x_held.q.val();
        self.subtraction.high.next = self.lift.high.val();
        self.subtraction.low.next = self.lift.low.val();
        self.subtraction.one.next = self.lift.one.val();
        self.sum.next = self.addition.sum.val();
        self.difference.next = self.subtraction.difference.val();
    }
}
