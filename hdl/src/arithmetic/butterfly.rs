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

use rust_hdl::core::prelude::*;

use super::{Addition, Lift, MontgomeryProduct, Subtraction, model};
use crate::leaf::{Delay, MaskedSubtractor, Register};
use crate::shape::Target;
use crate::word::Word;

/// One butterfly. `qh` and `inverse` must not change while a word is inside; if they do, its results are unspecified.
///
/// The Rust model from [`Self::new`] computes results where words enter and holds them back for [`Self::LATENCY`] cycles,
/// without looking at its cells; that from [`Self::from_cells`] updates all of them. Both are the same circuit.
///
/// Needs y, w < q and x + (y·w·2^-36 mod q) < 2q forward (so x may be a residue of another modulus as long as the sum stays
/// below 2q; `difference` needs x < q), and x, y, w < q in the inverse.
#[derive(Clone, Debug)]
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

    /// Results on their way, oldest at `next`; none if the cells are updated.
    line: Vec<(u64, u64)>,
    next: usize,
}

impl Butterfly {
    /// Cycles from the words to t.
    const PRODUCT_LATENCY: usize = 1 + MontgomeryProduct::LATENCY + Lift::LATENCY;

    /// Cycles from the words to both results.
    pub const LATENCY: usize = Self::PRODUCT_LATENCY + Addition::LATENCY;

    /// A butterfly for the given fabric.
    pub fn new(target: Target) -> Self {
        Self {
            line: vec![(0, 0); Self::LATENCY],
            ..Self::from_cells(target)
        }
    }

    /// A butterfly whose model updates all of its cells.
    pub fn from_cells(target: Target) -> Self {
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
            x_held: Delay::new(Self::PRODUCT_LATENCY),
            y_held: Delay::new(Self::PRODUCT_LATENCY),
            addition: Addition::new(target),
            subtraction: Subtraction::new(target),
            line: Vec::new(),
            next: 0,
        }
    }

    fn whole_update(&mut self) {
        if self.clock.changed {
            self.line[self.next] = model::butterfly(
                self.x.val().value(),
                self.y.val().value(),
                self.w.val().value(),
                self.qh.val().value(),
                self.inverse.val(),
            );
            self.next = (self.next + 1) % self.line.len();
            let (sum, difference) = self.line[self.next];
            self.sum.next = Word::new(sum);
            self.difference.next = Word::new(difference);
        }
    }

    fn ports_update(&mut self) {
        self.clock.update_all();
        self.x.update_all();
        self.y.update_all();
        self.w.update_all();
        self.qh.update_all();
        self.inverse.update_all();
        self.sum.update_all();
        self.difference.update_all();
    }

    fn ports_changed(&self) -> bool {
        self.clock.has_changed()
            || self.x.has_changed()
            || self.y.has_changed()
            || self.w.has_changed()
            || self.qh.has_changed()
            || self.inverse.has_changed()
            || self.sum.has_changed()
            || self.difference.has_changed()
    }

    fn cells_update(&mut self) {
        self.factor.update_all();
        self.w_held.update_all();
        self.product.update_all();
        self.lift.update_all();
        self.x_held.update_all();
        self.y_held.update_all();
        self.addition.update_all();
        self.subtraction.update_all();
    }

    fn cells_changed(&self) -> bool {
        self.factor.has_changed()
            || self.w_held.has_changed()
            || self.product.has_changed()
            || self.lift.has_changed()
            || self.x_held.has_changed()
            || self.y_held.has_changed()
            || self.addition.has_changed()
            || self.subtraction.has_changed()
    }
}

/// As derived, but that cells are left alone if the model does without them.
impl Block for Butterfly {
    fn connect_all(&mut self) {
        self.connect();
        self.factor.connect_all();
        self.w_held.connect_all();
        self.product.connect_all();
        self.lift.connect_all();
        self.x_held.connect_all();
        self.y_held.connect_all();
        self.addition.connect_all();
        self.subtraction.connect_all();
    }

    fn update_all(&mut self) {
        if self.line.is_empty() {
            self.update();
            self.ports_update();
            self.cells_update();
        } else {
            self.whole_update();
            self.ports_update();
        }
    }

    fn has_changed(&self) -> bool {
        self.ports_changed() || (self.line.is_empty() && self.cells_changed())
    }

    fn accept(&self, name: &str, probe: &mut dyn Probe) {
        probe.visit_start_scope(name, self);
        self.clock.accept("clock", probe);
        self.x.accept("x", probe);
        self.y.accept("y", probe);
        self.w.accept("w", probe);
        self.qh.accept("qh", probe);
        self.inverse.accept("inverse", probe);
        self.sum.accept("sum", probe);
        self.difference.accept("difference", probe);
        self.factor.accept("factor", probe);
        self.w_held.accept("w_held", probe);
        self.product.accept("product", probe);
        self.lift.accept("lift", probe);
        self.x_held.accept("x_held", probe);
        self.y_held.accept("y_held", probe);
        self.addition.accept("addition", probe);
        self.subtraction.accept("subtraction", probe);
        probe.visit_end_scope(name, self);
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
