//! Arithmetic on words modulo 2^k, with the number of AND gates of each gadget.
//!
//! The full adder has one AND (Boyar, Peralta and Pochuev 2000): with carry c, sum a ⊕ b ⊕ c and next carry
//! c ⊕ ((a ⊕ c) ∧ (b ⊕ c)). Everything here is this adder or a multiplexer m ⊕ (s ∧ (m ⊕ n)).

use super::builder::{Builder, Wire, Word};

/// A word from an iterator of at most 64 wires; what exceeds 64 is a mistake of the caller.
fn word(wires: impl IntoIterator<Item = Wire>) -> Word {
    wires.into_iter().collect()
}

impl Builder<'_> {
    /// The evaluator's next `bits` ≤ 64 inputs as a word.
    pub fn evaluator_word(&mut self, bits: u32) -> Word {
        word((0..bits).map(|_| self.evaluator_input()))
    }

    /// The garbler's next `bits` ≤ 64 inputs as a word.
    pub fn garbler_word(&mut self, bits: u32) -> Word {
        word((0..bits).map(|_| self.garbler_input()))
    }

    /// `bits` ≤ 64 wires of the constant `value`.
    pub fn constant_word(value: u64, bits: u32) -> Word {
        word((0..bits).map(|i| match value >> i & 1 {
            0 => Wire::FALSE,
            _ => Wire::TRUE,
        }))
    }

    /// One bit of an addition: (sum, carry out). One AND, none if an input is constant or carry and operand agree.
    fn full_adder(&mut self, a: Wire, b: Wire, carry: Wire) -> (Wire, Wire) {
        // A constant operand comes second.
        let (a, b) = match a {
            Wire::FALSE | Wire::TRUE => (b, a),
            _ => (a, b),
        };
        if carry == Wire::FALSE {
            return (self.xor(a, b), self.and(a, b));
        }
        // With b constant this form folds to a ∧ carry or a ∨ carry.
        let a_carry = self.xor(a, carry);
        if b == Wire::FALSE {
            return (a_carry, self.and(a, carry));
        }
        if b == Wire::TRUE {
            return (!a_carry, self.or(a, carry));
        }
        let b_carry = self.xor(b, carry);
        let sum = self.xor(a_carry, b);
        let both = self.and(a_carry, b_carry);
        (sum, self.xor(carry, both))
    }

    fn add_with(&mut self, a: &[Wire], b: &[Wire], mut carry: Wire, sum: &mut Word) -> Wire {
        for i in 0..a.len().max(b.len()) {
            let bit = |x: &[Wire]| x.get(i).copied().unwrap_or(Wire::FALSE);
            let (bit_sum, next) = self.full_adder(bit(a), bit(b), carry);
            // Only words of 64 bits lose a carry here, and none is longer.
            let _ = sum.push(bit_sum);
            carry = next;
        }
        carry
    }

    /// a + b modulo 2^k, k the longer length: k − 1 AND. The shorter word is extended by zeros, so that adding a
    /// b-bit number to k bits has full adders on b bits and half adders above.
    ///
    /// This is how shares modulo 2^k are reconstructed. If one word consists of inputs of the garbler, its lowest
    /// gate, and every half adder with such an input, takes one block instead of two.
    pub fn add(&mut self, a: &[Wire], b: &[Wire]) -> Word {
        // The carry out of the top is a dead gate.
        let mut sum = Word::new();
        self.add_with(a, b, Wire::FALSE, &mut sum);
        sum
    }

    /// a + b with its carry as a further bit: k AND for two words of k ≤ 63 bits.
    pub fn add_with_carry(&mut self, a: &[Wire], b: &[Wire]) -> Word {
        let mut sum = Word::new();
        let carry = self.add_with(a, b, Wire::FALSE, &mut sum);
        let _ = sum.push(carry);
        sum
    }

    /// a − b modulo 2^k for words of k bits: k − 1 AND, as ¬(¬a + b).
    pub fn sub(&mut self, a: &[Wire], b: &[Wire]) -> Word {
        let complement = word(a.iter().map(|&wire| !wire));
        let sum = self.add(&complement, b);
        word(sum.into_iter().map(|wire| !wire))
    }

    /// Whether a < b as unsigned numbers of the same k bits: k AND, the carry out of ¬a + b.
    pub fn less_than(&mut self, a: &[Wire], b: &[Wire]) -> Wire {
        let complement = word(a.iter().map(|&wire| !wire));
        let mut unused = Word::new();
        self.add_with(&complement, b, Wire::FALSE, &mut unused)
    }

    /// A signed word of k bits as an unsigned one in the same order: the sign is negated; free.
    pub fn signed_order(word: &[Wire]) -> Word {
        let mut word = self::word(word.iter().copied());
        if let Some(sign) = word.last_mut() {
            *sign = !*sign;
        }
        word
    }

    /// `yes` if `selector`, else `no`: k AND for words of k bits.
    pub fn mux(&mut self, selector: Wire, yes: &[Wire], no: &[Wire]) -> Word {
        debug_assert_eq!(yes.len(), no.len());
        word(yes.iter().zip(no).map(|(&yes, &no)| {
            let difference = self.xor(yes, no);
            let selected = self.and(selector, difference);
            self.xor(no, selected)
        }))
    }

    /// The larger of two unsigned words of k bits, and whether it is `b` (strictly larger, so that `a` wins ties):
    /// 2k AND.
    pub fn max(&mut self, a: &[Wire], b: &[Wire]) -> (Word, Wire) {
        let second = self.less_than(a, b);
        (self.mux(second, b, a), second)
    }

    /// max(x, 0) for a signed word of k bits, as an unsigned word of k − 1 bits: k − 1 AND.
    pub fn relu(&mut self, x: &[Wire]) -> Word {
        let Some((&sign, magnitude)) = x.split_last() else {
            return Word::new();
        };
        word(magnitude.iter().map(|&bit| self.and(bit, !sign)))
    }

    /// ⌊x / 2^shift⌋ for a signed word: a choice of wires, free.
    ///
    /// With 2^(shift − 1) added to x beforehand (by the garbler, to its share) this is rounding to nearest, halves
    /// up.
    pub fn shift_right(x: &[Wire], shift: u32) -> Word {
        word(x.iter().copied().skip(shift as usize))
    }

    /// Whether any of the wires is 1: their number − 1 AND.
    pub fn any(&mut self, wires: &[Wire]) -> Wire {
        wires
            .iter()
            .fold(Wire::FALSE, |any, &wire| self.or(any, wire))
    }

    /// Brings a signed word of n bits into the form in which clamping is cheap and order is kept.
    ///
    /// If magnitudes of more than `bits` bits exist, those above are joined to one overflow bit: n − 2 − bits AND.
    pub fn saturate(&mut self, x: &[Wire], bits: u32) -> Saturated {
        let Some((&sign, magnitude)) = x.split_last() else {
            return Saturated {
                word: Word::new(),
                overflow: false,
            };
        };
        let (low, high) = magnitude.split_at(magnitude.len().min(bits as usize));
        let mut saturated = word(low.iter().copied());
        if !high.is_empty() {
            let _ = saturated.push(self.any(high));
        }
        let _ = saturated.push(!sign);
        Saturated {
            word: saturated,
            overflow: !high.is_empty(),
        }
    }

    /// The wires of which clamping consists: (z, p) with z = x ≥ 0 ∧ overflow and p = x ≥ 0 ∧ ¬overflow, so that bit i
    /// of the clamped value is (p ∧ x_i) ⊕ z. One AND if there is an overflow bit, else none.
    fn clamp_selectors(&mut self, x: &Saturated) -> (Wire, Wire) {
        let Some((&positive, rest)) = x.word.split_last() else {
            return (Wire::FALSE, Wire::FALSE);
        };
        match rest.last() {
            Some(&overflow) if x.overflow => {
                let full = self.and(positive, overflow);
                (full, self.xor(positive, full))
            }
            _ => (Wire::FALSE, positive),
        }
    }

    /// min(max(x, 0), 2^bits − 1) as an unsigned word: an AND a bit, and one for the overflow if there can be one.
    pub fn clamp(&mut self, x: &Saturated) -> Word {
        let (full, pass) = self.clamp_selectors(x);
        word(x.magnitude().iter().map(|&bit| {
            let passed = self.and(pass, bit);
            self.xor(passed, full)
        }))
    }

    /// Adds min(max(x, 0), 2^bits − 1) to the shared result.
    ///
    /// p and z exclude each other, thus the value is Σ 2^i·(p ∧ x_i) + z·(2^bits − 1): a projected product for each
    /// bit, one projection for z, and one AND with two blocks for the overflow.
    pub fn share_clamped(&mut self, x: &Saturated) {
        let (full, pass) = self.clamp_selectors(x);
        for (i, &bit) in x.magnitude().iter().enumerate() {
            self.share_product(pass, bit, 1 << i);
        }
        self.share(full, (1 << x.magnitude().len()) - 1);
    }
}

/// A signed number prepared by [`Builder::saturate`]: low magnitude bits, overflow if there can be one, x ≥ 0.
///
/// As an unsigned word it orders numbers as clamping does: negative ones are below all others, overflowing ones
/// above. (Among themselves these are ordered arbitrarily, which clamping does not see.) Maxima are
/// therefore taken of such words, which are shorter than the numbers.
pub struct Saturated {
    word: Word,
    overflow: bool,
}

impl Saturated {
    /// The word to compare.
    pub fn as_word(&self) -> &[Wire] {
        &self.word
    }

    /// The same form around the maximum of words.
    #[must_use]
    pub fn with_word(&self, word: Word) -> Self {
        debug_assert_eq!(word.len(), self.word.len());
        Self {
            word,
            overflow: self.overflow,
        }
    }

    fn magnitude(&self) -> &[Wire] {
        let flags = 1 + usize::from(self.overflow);
        &self.word[..self.word.len().saturating_sub(flags)]
    }
}
