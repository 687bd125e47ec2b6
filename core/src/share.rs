//! Additive secret sharing between two parties.
//!
//! A value x is held as a pair (x_C, x_S) with x = x_C + x_S in a finite ring: the client has x_C, the server
//! x_S, and each part alone is uniform. Two rings occur:
//!
//! - [`Ring`], the integers modulo 2^k, in which a value is read as a signed number in two's complement; this is
//!   what the main protocol uses, because a circuit reduces modulo 2^k by leaving a carry out;
//! - [`Field`], the integers modulo an odd prime p, which is the plaintext space of the GAZELLE protocol
//!   (Juvekar, Vaikuntanathan, Chandrakasan, USENIX Security 2018).
//!
//! Linear maps with public coefficients are applied to each part separately. No operation here branches on a
//! value or indexes by one.

use rand_core::Rng;

/// The integers modulo 2^k, 1 ≤ k ≤ 63.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ring {
    bits: u32,
}

impl Ring {
    /// The ring modulo 2^`bits`; `None` unless 1 ≤ `bits` ≤ 63.
    pub const fn new(bits: u32) -> Option<Self> {
        if bits >= 1 && bits <= 63 {
            Some(Self { bits })
        } else {
            None
        }
    }

    /// k, the number of bits of an element.
    pub const fn bits(self) -> u32 {
        self.bits
    }

    /// 2^k − 1, the largest element and the mask of its bits.
    pub const fn mask(self) -> u64 {
        (1 << self.bits) - 1
    }

    /// x mod 2^k, in 0..2^k.
    pub const fn reduce(self, x: u64) -> u64 {
        x & self.mask()
    }

    /// The element that represents the signed number `x` (which it does exactly if −2^(k−1) ≤ x < 2^(k−1)).
    pub const fn from_signed(self, x: i64) -> u64 {
        self.reduce(x as u64)
    }

    /// The representative of `x` in −2^(k−1)..2^(k−1): two's complement. Bits of `x` above k are ignored.
    pub const fn to_signed(self, x: u64) -> i64 {
        let unused = 64 - self.bits;
        ((x << unused) as i64) >> unused
    }

    /// (a + b) mod 2^k.
    pub const fn add(self, a: u64, b: u64) -> u64 {
        self.reduce(a.wrapping_add(b))
    }

    /// (a − b) mod 2^k.
    pub const fn sub(self, a: u64, b: u64) -> u64 {
        self.reduce(a.wrapping_sub(b))
    }

    /// −a mod 2^k.
    pub const fn neg(self, a: u64) -> u64 {
        self.reduce(a.wrapping_neg())
    }

    /// A uniform element.
    pub fn random<R: Rng + ?Sized>(self, rng: &mut R) -> u64 {
        self.reduce(rng.next_u64())
    }

    /// Splits `x` into two shares, each uniform on its own, that sum to it.
    pub fn split<R: Rng + ?Sized>(self, x: u64, rng: &mut R) -> (u64, u64) {
        let mask = self.random(rng);
        (self.sub(x, mask), mask)
    }

    /// The shared value as a signed number.
    pub const fn reconstruct(self, a: u64, b: u64) -> i64 {
        self.to_signed(self.add(a, b))
    }
}

/// The integers modulo an odd p < 2^62 (a prime in GAZELLE; sharing itself only needs p to be odd).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Field {
    modulus: u64,
}

impl Field {
    /// The integers modulo `modulus`; `None` unless it is odd and 3 ≤ `modulus` < 2^62.
    pub const fn new(modulus: u64) -> Option<Self> {
        if modulus & 1 == 1 && modulus >= 3 && modulus < 1 << 62 {
            Some(Self { modulus })
        } else {
            None
        }
    }

    /// p.
    pub const fn modulus(self) -> u64 {
        self.modulus
    }

    /// The number of bits of p.
    pub const fn bits(self) -> u32 {
        64 - self.modulus.leading_zeros()
    }

    /// x − p if x ≥ p, else x: the canonical element for any x < 2p.
    const fn reduce_once(self, x: u64) -> u64 {
        let difference = x.wrapping_sub(self.modulus);
        // All ones exactly when the subtraction borrowed: x and p are below 2^63.
        let borrowed = ((difference as i64) >> 63) as u64;
        difference.wrapping_add(self.modulus & borrowed)
    }

    /// x mod p. The quotient is computed by division, whose time may depend on x: for public values and shares
    /// that are already canonical use the other operations.
    pub const fn reduce(self, x: u64) -> u64 {
        x % self.modulus
    }

    /// The element that represents the signed number `x`, |x| ≤ (p − 1)/2.
    pub const fn from_signed(self, x: i64) -> u64 {
        let negative = (x >> 63) as u64;
        (x as u64).wrapping_add(self.modulus & negative)
    }

    /// The representative of the canonical element `x` in −(p − 1)/2..=(p − 1)/2.
    pub const fn to_signed(self, x: u64) -> i64 {
        // All ones exactly when x > (p − 1)/2.
        let upper = (((self.modulus / 2).wrapping_sub(x)) as i64) >> 63;
        x as i64 - (self.modulus as i64 & upper)
    }

    /// (a + b) mod p for canonical a, b.
    pub const fn add(self, a: u64, b: u64) -> u64 {
        self.reduce_once(a + b)
    }

    /// (a − b) mod p for canonical a, b.
    pub const fn sub(self, a: u64, b: u64) -> u64 {
        self.reduce_once(a + self.modulus - b)
    }

    /// −a mod p for canonical a.
    pub const fn neg(self, a: u64) -> u64 {
        self.sub(0, a)
    }

    /// A uniform element, by rejection: fewer than two draws on average, and what is rejected is independent of
    /// what is returned.
    pub fn random<R: Rng + ?Sized>(self, rng: &mut R) -> u64 {
        let mask = u64::MAX >> self.modulus.leading_zeros();
        loop {
            let candidate = rng.next_u64() & mask;
            if candidate < self.modulus {
                return candidate;
            }
        }
    }

    /// Splits the canonical element `x` into two shares, each uniform on its own, that sum to it.
    pub fn split<R: Rng + ?Sized>(self, x: u64, rng: &mut R) -> (u64, u64) {
        let mask = self.random(rng);
        (self.sub(x, mask), mask)
    }

    /// The shared value as a signed number.
    pub const fn reconstruct(self, a: u64, b: u64) -> i64 {
        self.to_signed(self.add(a, b))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use chacha20::ChaCha20Rng;
    use proptest::prelude::*;
    use rand_core::SeedableRng;

    #[test]
    fn rings_outside_1_to_63_bits_and_even_or_wide_moduli_are_refused() {
        assert!(Ring::new(0).is_none() && Ring::new(64).is_none());
        assert!(Ring::new(1).is_some() && Ring::new(63).is_some());
        assert!(Field::new(1).is_none() && Field::new(10).is_none());
        assert!(Field::new((1 << 62) + 1).is_none() && Field::new((1 << 62) - 1).is_some());
    }

    #[test]
    fn the_extremes_of_a_ring_are_read_in_twos_complement() {
        for bits in 1..=63 {
            let ring = Ring::new(bits).unwrap();
            let half = 1i64 << (bits - 1);
            assert_eq!(ring.to_signed(ring.mask()), -1);
            assert_eq!(ring.to_signed(ring.from_signed(-half)), -half);
            assert_eq!(ring.to_signed(ring.from_signed(half - 1)), half - 1);
        }
    }

    proptest! {
        #[test]
        fn shares_modulo_a_power_of_two_add_to_their_value(bits in 1u32..=63, x: u64, y: u64, seed: u64) {
            let ring = Ring::new(bits).unwrap();
            let mut rng = ChaCha20Rng::seed_from_u64(seed);
            let (x, y) = (ring.reduce(x), ring.reduce(y));
            let (x0, x1) = ring.split(x, &mut rng);
            let (y0, y1) = ring.split(y, &mut rng);
            prop_assert!(x0 <= ring.mask() && x1 <= ring.mask());
            prop_assert_eq!(ring.reconstruct(x0, x1), ring.to_signed(x));
            prop_assert_eq!(ring.reconstruct(ring.add(x0, y0), ring.add(x1, y1)), ring.to_signed(x.wrapping_add(y)));
            prop_assert_eq!(ring.sub(x, y), ring.add(x, ring.neg(y)));
        }

        #[test]
        fn shares_modulo_a_prime_add_to_their_value(half in 1u64..(1 << 61), x: u64, y: u64, seed: u64) {
            let field = Field::new(2 * half + 1).unwrap();
            let mut rng = ChaCha20Rng::seed_from_u64(seed);
            let (x, y) = (field.reduce(x), field.reduce(y));
            let (x0, x1) = field.split(x, &mut rng);
            prop_assert!(x0 < field.modulus() && x1 < field.modulus());
            prop_assert_eq!(field.add(x0, x1), x);
            prop_assert_eq!(field.reconstruct(x0, x1), field.to_signed(x));
            prop_assert_eq!(field.from_signed(field.to_signed(x)), x);
            prop_assert_eq!(field.add(field.sub(x, y), y), x);
            prop_assert_eq!(field.add(x, field.neg(x)), 0);
            prop_assert!(field.to_signed(x).unsigned_abs() <= half);
        }
    }
}
