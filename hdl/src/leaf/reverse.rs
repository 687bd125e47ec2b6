//! Bit reversal: wires.

use addax_hdl_derive::SettledBlock;
use rust_hdl::core::prelude::*;

use crate::word::Word;

/// q is the low `bits` bits of d in reverse order, zeros above.
#[derive(Clone, Debug, SettledBlock)]
pub struct ReverseBits<const N: usize> {
    /// Number.
    pub d: Signal<In, Word<N>>,
    /// Its low bits, reversed.
    pub q: Signal<Out, Word<N>>,
    _bits: usize,
}

impl<const N: usize> ReverseBits<N> {
    /// Reverses the low `bits` bits.
    ///
    /// # Panics
    /// If `bits` is 0 or more than N.
    pub fn new(bits: usize) -> Self {
        assert!(
            (1..=N).contains(&bits),
            "{bits} bits of {N} cannot be reversed"
        );
        Self {
            d: Signal::default(),
            q: Signal::default(),
            _bits: bits,
        }
    }
}

impl<const N: usize> Logic for ReverseBits<N> {
    fn update(&mut self) {
        self.q.next = Word::new(self.d.val().value().reverse_bits() >> (64 - self._bits));
    }

    fn connect(&mut self) {
        self.q.connect();
    }

    fn hdl(&self) -> Verilog {
        let wires: Vec<String> = (0..self._bits).map(|i| format!("d[{i}]")).collect();
        Verilog::Custom(format!("always @(*) q = {{{}}};\n", wires.join(", ")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_low_bits_change_ends() {
        for bits in 1..=12 {
            let mut reverse = ReverseBits::<12>::new(bits);
            for value in 0..1 << 12 {
                reverse.d.next = Word::new(value);
                assert!(simulate(&mut reverse, 10));
                let expected = (0..bits).fold(0, |sum, i| sum << 1 | value >> i & 1);
                assert_eq!(reverse.q.val().value(), expected);
            }
        }
    }
}
