//! Parameter sets: ring degrees, limb primes and distributions, with their security.
//!
//! All limbs are primes q = h·2^18 + 1 just below 2^35, in descending order. One form serves every set: two 18-bit
//! multiplications reduce a word in hardware, 2n divides q − 1 up to n = 2^17, and a 36-bit word keeps a spare bit.
//! Limb 0 survives modulus switching; the last limb is dropped first and is the special one where key switching
//! needs one.
//!
//! Security is that of ternary-secret RLWE with error deviation σ ≈ 3.2 at 128 bits: log₂ Q must stay below both the
//! Homomorphic Encryption Standard (2018, table 1, classical) and the stricter 2024 guidelines (Bossuat et al.,
//! "Security Guidelines for Implementing Homomorphic Encryption"); a test checks every set against both.

use crate::modulus::Modulus;

/// Most limbs of any parameter set.
pub const MAX_LIMBS: usize = 12;

/// h of the twelve largest primes h·2^18 + 1 below 2^35, descending. A test searches for them.
const PRIME_MULTIPLIERS: [u64; MAX_LIMBS] = [
    131_070, 131_062, 131_058, 131_047, 131_044, 131_035, 131_020, 131_005, 130_998, 130_987,
    130_974, 130_965,
];

/// The limb primes, descending; a set with L limbs uses the first L.
pub const PRIMES: [u64; MAX_LIMBS] = {
    let mut primes = [0; MAX_LIMBS];
    let mut i = 0;
    while i < MAX_LIMBS {
        primes[i] = (PRIME_MULTIPLIERS[i] << 18) + 1;
        i += 1;
    }
    primes
};

/// Bits that hold a residue of any limb.
pub const RESIDUE_BITS: u32 = 35;

/// Parameter η of the centred binomial error: the difference of two sums of η fair bits.
pub const ERROR_ETA: u32 = 21;

/// Variance of one error coefficient, η/2 (σ ≈ 3.24).
pub const ERROR_VARIANCE: f64 = ERROR_ETA as f64 / 2.0;

/// A named ring and modulus chain.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ParameterSet {
    /// The name that peers exchange.
    pub name: &'static str,
    /// log₂ of the ring degree n.
    pub log_n: u32,
    /// Limbs, the special one included.
    pub limbs: usize,
    /// Limbs reserved for key switching (the last ones).
    pub special_limbs: usize,
    /// The flooding noise for plaintext modulus 2^k is uniform below 2^(this − k) in magnitude.
    pub flooding_exponent: u32,
}

/// n = 4096, three limbs: coefficient packing without rotations, plaintext modulus 2^k.
pub const N4096: ParameterSet = ParameterSet {
    name: "N4096",
    log_n: 12,
    limbs: 3,
    special_limbs: 0,
    flooding_exponent: 102,
};

/// n = 8192, five limbs and a special one: slot packing with key switching.
pub const N8192: ParameterSet = ParameterSet {
    name: "N8192",
    log_n: 13,
    limbs: 6,
    special_limbs: 1,
    flooding_exponent: 172,
};

/// n = 16384, eleven limbs and a special one: deeper circuits.
pub const N16384: ParameterSet = ParameterSet {
    name: "N16384",
    log_n: 14,
    limbs: 12,
    special_limbs: 1,
    flooding_exponent: 382,
};

/// Every set, for look-up and for tests.
pub const PARAMETER_SETS: [ParameterSet; 3] = [N4096, N8192, N16384];

impl ParameterSet {
    /// The ring degree n.
    pub const fn degree(&self) -> usize {
        1 << self.log_n
    }

    /// The limb moduli, descending.
    ///
    /// # Panics
    /// Never: the primes of this file are valid moduli, as a test checks.
    pub fn moduli(&self) -> impl Iterator<Item = Modulus> {
        PRIMES[..self.limbs]
            .iter()
            .map(|&q| Modulus::new(q).expect("limb primes are odd and below 2^61"))
    }

    /// The set called `name`, if there is one.
    pub fn by_name(name: &str) -> Option<Self> {
        PARAMETER_SETS.into_iter().find(|set| set.name == name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::modulus::is_prime;
    use std::vec::Vec;

    #[test]
    fn the_primes_are_the_largest_of_their_form_below_two_to_the_35() {
        let largest = (0..1u64 << 17)
            .rev()
            .map(|h| (h << 18) + 1)
            .filter(|&q| is_prime(q))
            .take(MAX_LIMBS)
            .collect::<Vec<_>>();
        assert_eq!(PRIMES.to_vec(), largest);
        assert!(PRIMES.iter().all(|&q| q >> RESIDUE_BITS == 0));
        assert!(PRIMES.is_sorted_by(|a, b| a > b));
    }

    #[test]
    fn every_set_offers_128_bits_by_both_published_tables() {
        // log2 n, HE Standard 2018, guidelines 2024.
        let tables = [(12, 109.0, 106.0), (13, 218.0, 214.0), (14, 438.0, 430.0)];
        for set in PARAMETER_SETS {
            let log_q: f64 = PRIMES[..set.limbs].iter().map(|&q| (q as f64).log2()).sum();
            let (_, standard, guidelines) = tables
                .into_iter()
                .find(|row| row.0 == set.log_n)
                .expect("a table row for each degree");
            assert!(
                log_q <= standard && log_q <= guidelines,
                "{}: {log_q}",
                set.name
            );
        }
        assert!(ERROR_VARIANCE.sqrt() >= 3.19);
    }

    #[test]
    fn sets_are_found_by_name() {
        for set in PARAMETER_SETS {
            assert_eq!(ParameterSet::by_name(set.name), Some(set));
        }
        assert_eq!(ParameterSet::by_name("N1"), None);
    }
}
