//! Conversion between additive shares modulo an odd p and bits, as GAZELLE needs it.

use super::builder::{Builder, Wire, Word};

impl Builder<'_> {
    /// (a + b) mod p for canonical a, b of n bits, n the length of p: 3n − 1 AND.
    ///
    /// n for the sum with its carry, n for comparing it with p while subtracting p (its lowest bit is 1, which makes
    /// the lowest borrow free), n − 1 for the choice (the subtraction flips the lowest bit, so that choosing there
    /// is an XOR).
    ///
    /// Both directions of GAZELLE are this gadget (section 4.3 there): shares to bits (A2B) with the two shares as
    /// operands, bits to shares (B2A) with the garbler's mask as one.
    pub fn add_modulo(&mut self, a: &[Wire], b: &[Wire], modulus: u64) -> Word {
        let bits = 64 - modulus.leading_zeros();
        let sum = self.add_with_carry(a, b);
        // sum − p as ¬(¬sum + p): its carry out is the borrow.
        let complement: Word = sum.iter().map(|&wire| !wire).collect();
        let constant = Self::constant_word(modulus, bits + 1);
        let negated = self.add_with_carry(&complement, &constant);
        let borrow = negated[bits as usize + 1];
        let reduced: Word = negated.iter().take(bits as usize).map(|&w| !w).collect();
        self.mux(borrow, &sum[..bits as usize], &reduced)
    }

    /// A canonical residue x of n bits modulo p as ReLU of its signed representative: x if x ≤ (p − 1)/2, else 0.
    ///
    /// 2n − 2 − t AND, t the number of trailing ones of (p − 1)/2: the comparison has none up to the first zero bit
    /// of that constant, and the choice concerns n − 1 bits.
    pub fn relu_modulo(&mut self, x: &[Wire], modulus: u64) -> Word {
        let half = Self::constant_word(modulus / 2, x.len() as u32);
        let negative = self.less_than(&half, x);
        x.iter()
            .take(x.len().saturating_sub(1))
            .map(|&bit| self.and(bit, !negative))
            .collect()
    }
}
