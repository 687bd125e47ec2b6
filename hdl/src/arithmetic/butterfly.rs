//! The butterfly of every instruction: one multiplication, one addition, one subtraction a cycle.
//!
//! | `inverse` | `sum` | `difference` |
//! |---|---|---|
//! | 0 | x + y·w·2^-36 | x − y·w·2^-36 |
//! | 1 | (x + y)/2 | (y − x)·w·2^-36 / 2 |
//!
//! All modulo q, results canonical. Needs y, w < q and x + (y·w·2^-36 mod q) < 2q (so x may be a residue of another
//! modulus as long as the sum stays below 2q), and x, y < q in the inverse.

use rust_hdl::core::prelude::*;

use crate::shape::Target;
use crate::word::Word;

/// One butterfly. `qh` and `inverse` must not change while a word is inside.
#[derive(Clone, Debug, LogicBlock)]
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
    _line: Vec<(u64, u64)>,
    _next: usize,
    _target: Target,
}

impl Butterfly {
    /// Cycles from the words to both results.
    pub const LATENCY: usize = 18;

    /// A butterfly for the given fabric.
    pub fn new(target: Target) -> Self {
        Self {
            clock: Signal::default(),
            x: Signal::default(),
            y: Signal::default(),
            w: Signal::default(),
            qh: Signal::default(),
            inverse: Signal::default(),
            sum: Signal::default(),
            difference: Signal::default(),
            _line: vec![(0, 0); Self::LATENCY],
            _next: 0,
            _target: target,
        }
    }

    fn results(x: u64, y: u64, w: u64, qh: u64, inverse: bool) -> (u64, u64) {
        let q = (qh << 18) + 1;
        let reduced = |a: u64| if a >= q { a - q } else { a };
        let halved = |a: u64| (a + if a & 1 == 1 { q } else { 0 }) >> 1;
        let product = |a: u64| {
            let step = |p: i128| (p >> 18) - (p & 0x3_ffff) * i128::from(qh);
            let t = step(step(i128::from(a) * i128::from(w))) as i64;
            if t < 0 {
                t.wrapping_add(q as i64) as u64
            } else {
                t as u64
            }
        };
        if inverse {
            let t = product(reduced(y.wrapping_add(q).wrapping_sub(x)));
            (halved(reduced(x + y)), halved(t))
        } else {
            let t = product(y);
            (reduced(x + t), reduced(x.wrapping_add(q).wrapping_sub(t)))
        }
    }
}

impl Logic for Butterfly {
    fn update(&mut self) {
        if self.clock.changed {
            let (sum, difference) = Self::results(
                self.x.val().value(),
                self.y.val().value(),
                self.w.val().value(),
                self.qh.val().value(),
                self.inverse.val(),
            );
            self._line[self._next] = (sum, difference);
            self._next = (self._next + 1) % Self::LATENCY;
            let (sum, difference) = self._line[self._next];
            self.sum.next = Word::new(sum);
            self.difference.next = Word::new(difference);
        }
    }

    fn connect(&mut self) {
        self.sum.connect();
        self.difference.connect();
    }

    fn hdl(&self) -> Verilog {
        Verilog::Custom(String::new())
    }
}

#[cfg(test)]
mod tests {
    use addax_core::modulus::Modulus;
    use addax_core::params::PRIMES;
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn the_model_computes_the_formulas(
            limb in 0..PRIMES.len(),
            x in any::<u64>(),
            y in any::<u64>(),
            w in any::<u64>(),
        ) {
            let q = Modulus::new(PRIMES[limb]).unwrap();
            let [x, y, w] = [x, y, w].map(|a| q.reduce(a));
            let t = q.montgomery_mul(y, w);
            let qh = q.value() >> 18;
            prop_assert_eq!(Butterfly::results(x, y, w, qh, false), (q.add(x, t), q.sub(x, t)));
            let t = q.montgomery_mul(q.sub(y, x), w);
            prop_assert_eq!(
                Butterfly::results(x, y, w, qh, true),
                (q.halve(q.add(x, y)), q.halve(t))
            );
        }
    }
}
