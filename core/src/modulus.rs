//! Arithmetic modulo one odd prime q < 2^61.
//!
//! Residues are *canonical*, 0 ≤ a < q, at every public edge. Three multiplications are offered:
//!
//! * **Barrett** ([`Modulus::mul`]): with b = ⌈log₂ q⌉ and μ = ⌊2^(2b+1)/q⌋, the quotient of x = a·b' is estimated
//!   by ⌊⌊x/2^(b−2)⌋·μ / 2^(b+3)⌋, which is at most 2 too small (Barrett, CRYPTO '86; HAC 14.42), so two
//!   conditional subtractions finish.
//! * **Shoup** ([`Modulus::shoup`], [`Shoup::mul_lazy`]): for a constant w with w' = ⌊w·2^64/q⌋ and any 64-bit y,
//!   w·y − ⌊w'·y/2^64⌋·q lies in [0, 2q) (Harvey, "Faster arithmetic for number-theoretic transforms", 2014).
//! * **Montgomery with R = 2^36** ([`Modulus::montgomery_mul`]): a·b·2^-36 mod q, the product of the ring
//!   processor. Software computes it as (a·(b·2^28))·2^-64, so that one 64 × 64 reduction serves; hardware does two
//!   18-bit steps. Both give the canonical residue, hence the same bits.

use core::fmt;

/// Bits of the machine's word, and the exponent of the Montgomery radix: R = 2^36.
pub const WORD_BITS: u32 = 36;

/// Largest supported modulus is below 2^61, so that lazy values up to 4q fit 63 bits.
pub const MAX_MODULUS_BITS: u32 = 61;

/// Why a value cannot serve as a modulus.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ModulusError {
    /// Zero, one, two or another even number.
    NotOddAboveTwo(u64),
    /// At least 2^61.
    TooLarge(u64),
}

impl fmt::Display for ModulusError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotOddAboveTwo(q) => write!(f, "modulus {q} is not an odd number above 2"),
            Self::TooLarge(q) => write!(f, "modulus {q} has more than {MAX_MODULUS_BITS} bits"),
        }
    }
}

impl core::error::Error for ModulusError {}

/// An odd modulus with the constants of its reductions. Primality is the caller's promise ([`is_prime`] checks it).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Modulus {
    value: u64,
    bits: u32,
    barrett: u64,
    /// q^-1 mod 2^64.
    inverse_2_64: u64,
}

/// A constant multiplicand w with its quotient ⌊w·2^64/q⌋. Two words in this order, so that vector kernels can read
/// many as one array of words.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[repr(C)]
pub struct Shoup {
    /// The multiplicand, canonical.
    pub value: u64,
    /// ⌊value·2^64/q⌋.
    pub quotient: u64,
}

impl Shoup {
    /// w·y mod q in [0, 2q), for any 64-bit y.
    #[inline(always)]
    pub fn mul_lazy(self, y: u64, q: u64) -> u64 {
        let estimate = ((u128::from(self.quotient) * u128::from(y)) >> 64) as u64;
        self.value
            .wrapping_mul(y)
            .wrapping_sub(estimate.wrapping_mul(q))
    }
}

/// a − q if a ≥ q, else a, without a branch. Needs a < 2^63 and q < 2^63.
#[inline(always)]
pub fn subtract_if_reached(a: u64, q: u64) -> u64 {
    let difference = a.wrapping_sub(q);
    let borrow_mask = ((difference as i64) >> 63) as u64;
    difference.wrapping_add(q & borrow_mask)
}

impl Modulus {
    /// The constants for modulus `q`.
    ///
    /// # Errors
    /// `q` even, at most 2, or at least 2^61.
    pub const fn new(q: u64) -> Result<Self, ModulusError> {
        if q < 3 || q.is_multiple_of(2) {
            return Err(ModulusError::NotOddAboveTwo(q));
        }
        if q >> MAX_MODULUS_BITS != 0 {
            return Err(ModulusError::TooLarge(q));
        }
        let bits = u64::BITS - q.leading_zeros();
        let barrett = ((1u128 << (2 * bits + 1)) / q as u128) as u64;
        // Newton: each step doubles the correct low bits; q·q ≡ 1 mod 8 starts with three.
        let mut inverse = q;
        let mut step = 0;
        while step < 5 {
            inverse = inverse.wrapping_mul(2u64.wrapping_sub(q.wrapping_mul(inverse)));
            step += 1;
        }
        Ok(Self {
            value: q,
            bits,
            barrett,
            inverse_2_64: inverse,
        })
    }

    /// q.
    #[inline(always)]
    pub const fn value(&self) -> u64 {
        self.value
    }

    /// ⌈log₂ q⌉: the bits of a residue.
    #[inline(always)]
    pub const fn bits(&self) -> u32 {
        self.bits
    }

    /// q^-1 mod 2^64.
    #[inline(always)]
    pub const fn inverse_2_64(&self) -> u64 {
        self.inverse_2_64
    }

    /// a + b mod q.
    #[inline(always)]
    pub fn add(&self, a: u64, b: u64) -> u64 {
        subtract_if_reached(a + b, self.value)
    }

    /// a − b mod q.
    #[inline(always)]
    pub fn sub(&self, a: u64, b: u64) -> u64 {
        let difference = a.wrapping_sub(b);
        let borrow_mask = ((difference as i64) >> 63) as u64;
        difference.wrapping_add(self.value & borrow_mask)
    }

    /// −a mod q.
    #[inline(always)]
    pub fn neg(&self, a: u64) -> u64 {
        self.sub(0, a)
    }

    /// a/2 mod q.
    #[inline(always)]
    pub fn halve(&self, a: u64) -> u64 {
        let odd_mask = 0u64.wrapping_sub(a & 1);
        (a + (self.value & odd_mask)) >> 1
    }

    /// x mod q for any x < q².
    #[inline(always)]
    pub fn reduce_wide(&self, x: u128) -> u64 {
        let high = (x >> (self.bits - 2)) as u64;
        let estimate = ((u128::from(high) * u128::from(self.barrett)) >> (self.bits + 3)) as u64;
        let remainder = (x as u64).wrapping_sub(estimate.wrapping_mul(self.value));
        let remainder = subtract_if_reached(remainder, self.value);
        subtract_if_reached(remainder, self.value)
    }

    /// x mod q for any 64-bit x. Not for hot loops.
    #[inline]
    pub fn reduce(&self, x: u64) -> u64 {
        x % self.value
    }

    /// The residue of a signed integer with |x| < 2^63. Constant time for |x| < q.
    #[inline(always)]
    pub fn from_signed(&self, x: i64) -> u64 {
        let magnitude = x.unsigned_abs();
        let magnitude = if magnitude < self.value {
            magnitude
        } else {
            magnitude % self.value
        };
        let sign_mask = (x >> 63) as u64;
        (magnitude & !sign_mask) | (self.neg(magnitude) & sign_mask)
    }

    /// The representative of a residue in (−q/2, q/2).
    #[inline(always)]
    pub fn to_centred(&self, a: u64) -> i64 {
        let above_half = ((self.value / 2).wrapping_sub(a) as i64) >> 63;
        a as i64 - (self.value as i64 & above_half)
    }

    /// a·b mod q (Barrett).
    #[inline(always)]
    pub fn mul(&self, a: u64, b: u64) -> u64 {
        self.reduce_wide(u128::from(a) * u128::from(b))
    }

    /// a^e mod q. Time depends on e.
    pub fn pow(&self, a: u64, mut e: u64) -> u64 {
        let mut base = a;
        let mut result = 1;
        while e > 0 {
            if e & 1 == 1 {
                result = self.mul(result, base);
            }
            base = self.mul(base, base);
            e >>= 1;
        }
        result
    }

    /// a^-1 mod q by Fermat, for prime q and a ≠ 0.
    pub fn inverse(&self, a: u64) -> u64 {
        self.pow(a, self.value - 2)
    }

    /// The constant multiplicand `w` (canonical) prepared for [`Shoup::mul_lazy`].
    #[inline]
    pub fn shoup(&self, w: u64) -> Shoup {
        Shoup {
            value: w,
            quotient: ((u128::from(w) << 64) / u128::from(self.value)) as u64,
        }
    }

    /// a·b·2^-36 mod q, canonical. Needs q < 2^36 and canonical a, b.
    ///
    /// With B = b·2^28 < 2^64 the product a·B = h·2^64 + l is divided by 2^64: subtracting (l·q^-1 mod 2^64)·q
    /// clears l, so the result is h − ⌊m·q/2^64⌋ in (−q, q).
    #[inline(always)]
    pub fn montgomery_mul(&self, a: u64, b: u64) -> u64 {
        debug_assert!(self.bits <= WORD_BITS);
        let product = u128::from(a) * u128::from(b << (u64::BITS - WORD_BITS));
        let quotient = (product as u64).wrapping_mul(self.inverse_2_64);
        let correction = ((u128::from(quotient) * u128::from(self.value)) >> 64) as u64;
        self.sub((product >> 64) as u64, correction)
    }

    /// a·2^36 mod q: the form in which constants and weights meet [`Modulus::montgomery_mul`].
    #[inline]
    pub fn to_montgomery(&self, a: u64) -> u64 {
        self.reduce_wide(u128::from(a) * u128::from(self.reduce(1 << WORD_BITS)))
    }
}

/// Whether `n` is prime: Miller–Rabin with the bases that decide every n < 2^64 (Sinclair's seven).
pub fn is_prime(n: u64) -> bool {
    if n < 4 {
        return n == 2 || n == 3;
    }
    if n.is_multiple_of(2) {
        return false;
    }
    let mul = |a: u64, b: u64| ((u128::from(a) * u128::from(b)) % u128::from(n)) as u64;
    let twos = (n - 1).trailing_zeros();
    let odd = (n - 1) >> twos;
    for base in [2u64, 325, 9375, 28178, 450_775, 9_780_504, 1_795_265_022] {
        let base = base % n;
        if base == 0 {
            continue;
        }
        let mut power = 1;
        let (mut square, mut e) = (base, odd);
        while e > 0 {
            if e & 1 == 1 {
                power = mul(power, square);
            }
            square = mul(square, square);
            e >>= 1;
        }
        if power == 1 || power == n - 1 {
            continue;
        }
        let mut composite = true;
        for _ in 1..twos {
            power = mul(power, power);
            if power == n - 1 {
                composite = false;
                break;
            }
        }
        if composite {
            return false;
        }
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const MODULI: [u64; 5] = [3, 65_537, (131_069 << 18) + 1, (1 << 36) - 5, (1 << 61) - 1];

    fn residues(q: u64) -> impl Strategy<Value = u64> {
        prop_oneof![
            Just(0),
            Just(1 % q),
            Just(q - 1),
            Just(q / 2),
            Just(q / 2 + 1),
            0..q
        ]
    }

    fn modulus_and_pair() -> impl Strategy<Value = (u64, u64, u64)> {
        prop::sample::select(&MODULI[..]).prop_flat_map(|q| (Just(q), residues(q), residues(q)))
    }

    proptest! {
        #[test]
        fn every_operation_equals_wide_integer_arithmetic((q, a, b) in modulus_and_pair()) {
            let m = Modulus::new(q).unwrap();
            let (wq, wa, wb) = (u128::from(q), u128::from(a), u128::from(b));
            prop_assert_eq!(u128::from(m.add(a, b)), (wa + wb) % wq);
            prop_assert_eq!(u128::from(m.sub(a, b)), (wa + wq - wb) % wq);
            prop_assert_eq!(u128::from(m.mul(a, b)), wa * wb % wq);
            prop_assert_eq!(m.add(m.halve(a), m.halve(a)), a);
            prop_assert_eq!(m.add(m.neg(a), a), 0);
            prop_assert_eq!(m.from_signed(m.to_centred(a)), a);
            prop_assert!(m.to_centred(a).unsigned_abs() <= q / 2);
        }

        #[test]
        fn shoup_products_stay_below_twice_the_modulus((q, w, _) in modulus_and_pair(), y: u64) {
            let m = Modulus::new(q).unwrap();
            let lazy = m.shoup(w).mul_lazy(y, q);
            prop_assert!(lazy < 2 * q);
            prop_assert_eq!(u128::from(lazy % q), u128::from(w) * u128::from(y) % u128::from(q));
        }

        #[test]
        fn montgomery_products_undo_the_radix((q, a, b) in modulus_and_pair()) {
            prop_assume!(q < 1 << 36 && is_prime(q));
            let m = Modulus::new(q).unwrap();
            let product = m.montgomery_mul(a, b);
            prop_assert!(product < q);
            prop_assert_eq!(m.to_montgomery(product), m.mul(a, b));
            prop_assert_eq!(m.montgomery_mul(a, m.to_montgomery(b)), m.mul(a, b));
        }

        #[test]
        fn inverses_multiply_to_one((q, a, _) in modulus_and_pair()) {
            prop_assume!(is_prime(q) && a != 0);
            let m = Modulus::new(q).unwrap();
            prop_assert_eq!(m.mul(a, m.inverse(a)), 1);
        }
    }

    #[test]
    fn unusable_moduli_are_refused() {
        assert_eq!(Modulus::new(0), Err(ModulusError::NotOddAboveTwo(0)));
        assert_eq!(Modulus::new(2), Err(ModulusError::NotOddAboveTwo(2)));
        assert_eq!(
            Modulus::new(1 << 40),
            Err(ModulusError::NotOddAboveTwo(1 << 40))
        );
        assert_eq!(
            Modulus::new((1 << 61) + 1),
            Err(ModulusError::TooLarge((1 << 61) + 1))
        );
    }

    #[test]
    fn primality_agrees_with_trial_division_and_known_pseudoprimes() {
        for n in 0..5000u64 {
            let naive = n > 1 && (2..n).take_while(|d| d * d <= n).all(|d| n % d != 0);
            assert_eq!(is_prime(n), naive, "{n}");
        }
        // Strong pseudoprimes to several small bases.
        for n in [3_215_031_751u64, 3_474_749_660_383, 341_550_071_728_321] {
            assert!(!is_prime(n));
        }
        assert!(is_prime((1 << 61) - 1));
    }
}
