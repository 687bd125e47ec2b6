//! The negacyclic number-theoretic transform over Z_q\[X\]/(X^n + 1).
//!
//! With ψ the *smallest* primitive 2n-th root of unity mod q and brv the reversal of log₂ n bits, the forward
//! transform maps coefficients a_0 … a_(n−1) to
//!
//! ```text
//! position j  ↦  Σ_i a_i · ψ^(i·(2·brv(j) + 1)),
//! ```
//!
//! the value of the polynomial at ψ^(2·brv(j)+1). This bit-reversed order is the one canonical order wherever a
//! transformed polynomial can be observed. ψ is merged into the twiddles (Longa and Naehrig, "Speeding up the Number
//! Theoretic Transform", 2016), so there is no pre- or post-scaling pass and no bit-reversal pass. Both directions
//! take and return canonical residues.

#[cfg(test)]
mod agreement;
#[cfg(target_arch = "x86_64")]
mod avx2;
#[cfg(target_arch = "x86_64")]
mod avx512;
pub mod compact;
mod kernel;
mod portable;

use core::fmt;

use crate::modulus::{Modulus, Shoup};
use crate::simd::{self, Level};
use kernel::Kernel;

/// One twiddle factor, as the portable kernel has it; two words of storage for the others.
pub type Twiddle = Shoup;

/// Twiddles in a cache line.
const LINE: usize = 4;

/// Smallest and largest supported log₂ n.
pub const LOG_N_RANGE: core::ops::RangeInclusive<u32> = 1..=17;

/// Why a transform cannot be planned.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NttError {
    /// log₂ n outside [`LOG_N_RANGE`].
    UnsupportedDegree(u32),
    /// 2n does not divide q − 1, so there is no primitive 2n-th root.
    NoRoot {
        /// The modulus.
        modulus: u64,
        /// log₂ n.
        log_n: u32,
    },
    /// The twiddle storage has the wrong length.
    StorageLength {
        /// Twiddles handed over.
        found: usize,
        /// Twiddles needed.
        expected: usize,
    },
}

impl fmt::Display for NttError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::UnsupportedDegree(log_n) => write!(f, "transform degree 2^{log_n} unsupported"),
            Self::NoRoot { modulus, log_n } => write!(
                f,
                "modulus {modulus} has no primitive root of order 2^{}",
                log_n + 1
            ),
            Self::StorageLength { found, expected } => {
                write!(
                    f,
                    "twiddle storage holds {found} entries, {expected} needed"
                )
            }
        }
    }
}

impl core::error::Error for NttError {}

/// A transform of one degree and modulus, with its twiddles in storage that the caller chose (`Vec`, array, slice).
///
/// Of the storage, from a cache line on, the first n twiddles are ψ^brv(i), the next n their inverses with the last stage's already divided by n and 1/n
/// itself as number 0; how they are stored depends on the kernel, which is chosen for good when the plan is made. What
/// follows is for kernels that need more.
#[derive(Clone)]
pub struct NttPlan<T> {
    modulus: Modulus,
    log_n: u32,
    psi: u64,
    kernel: Kernel,
    /// Where the tables start in the storage: at a cache line, if it is where it was when the plan was made.
    start: usize,
    storage: T,
}

impl<T: AsRef<[Twiddle]>> NttPlan<T> {
    /// Twiddles that [`NttPlan::new`] needs for degree 2^log_n.
    pub const fn storage_len(log_n: u32) -> usize {
        let tables = 2 << log_n;
        if cfg!(target_arch = "x86_64") {
            // A word for each coefficient, for the AVX-512 kernel, and room to start at a cache line.
            tables + (1 << log_n) / 2 + LINE - 1
        } else {
            tables
        }
    }

    /// Fills `storage` with the twiddles of degree 2^log_n under `modulus`, for the best kernel of [`simd::level`].
    ///
    /// # Errors
    /// Degree out of range, no primitive 2n-th root, or storage of another length than [`NttPlan::storage_len`].
    pub fn new(modulus: Modulus, log_n: u32, storage: T) -> Result<Self, NttError>
    where
        T: AsMut<[Twiddle]>,
    {
        Self::with_level(modulus, log_n, storage, simd::level())
    }

    /// As [`NttPlan::new`], for the best kernel of `level` or of what the processor has, if that is less. Whatever the
    /// kernel, transforms are the same.
    ///
    /// # Errors
    /// As [`NttPlan::new`].
    pub fn with_level(
        modulus: Modulus,
        log_n: u32,
        mut storage: T,
        level: Level,
    ) -> Result<Self, NttError>
    where
        T: AsMut<[Twiddle]>,
    {
        if !LOG_N_RANGE.contains(&log_n) {
            return Err(NttError::UnsupportedDegree(log_n));
        }
        let twiddles = storage.as_mut();
        if twiddles.len() != Self::storage_len(log_n) {
            return Err(NttError::StorageLength {
                found: twiddles.len(),
                expected: Self::storage_len(log_n),
            });
        }
        let psi = smallest_primitive_root(&modulus, log_n + 1).ok_or(NttError::NoRoot {
            modulus: modulus.value(),
            log_n,
        })?;
        let n = 1usize << log_n;
        let kernel = Kernel::choose(level, &modulus, log_n);
        let start = match twiddles.as_ptr().align_offset(LINE * size_of::<Twiddle>()) {
            start if start < LINE && cfg!(target_arch = "x86_64") => start,
            _ => 0,
        };
        let twiddles = &mut twiddles[start..];
        let (forward, inverse) = twiddles[..2 * n].split_at_mut(n);
        let psi_inverse = modulus.inverse(psi);
        let inverse_degree = modulus.inverse(n as u64);
        let (mut power, mut inverse_power) = (1, 1);
        for i in 0..n {
            let position = bit_reverse(i, log_n);
            kernel.store_factor(&modulus, forward, position, power);
            let divided = match position {
                0 => inverse_degree,
                1 => modulus.mul(inverse_power, inverse_degree),
                _ => inverse_power,
            };
            kernel.store_factor(&modulus, inverse, position, divided);
            power = modulus.mul(power, psi);
            inverse_power = modulus.mul(inverse_power, psi_inverse);
        }
        kernel.finish(&modulus, twiddles, n);
        Ok(Self {
            modulus,
            log_n,
            psi,
            kernel,
            start,
            storage,
        })
    }

    /// The modulus q.
    pub fn modulus(&self) -> Modulus {
        self.modulus
    }

    /// log₂ n.
    pub fn log_n(&self) -> u32 {
        self.log_n
    }

    /// The level of the kernel in use.
    pub fn level(&self) -> Level {
        self.kernel.level()
    }

    /// The degree n.
    pub fn n(&self) -> usize {
        1 << self.log_n
    }

    /// ψ, the smallest primitive 2n-th root of unity mod q.
    pub fn psi(&self) -> u64 {
        self.psi
    }

    /// Coefficients to values in bit-reversed order, in place. Canonical in, canonical out.
    ///
    /// # Panics
    /// If `values` does not hold n residues.
    pub fn forward(&self, values: &mut [u64]) {
        assert_eq!(values.len(), self.n(), "polynomial length");
        self.kernel.forward(&self.modulus, values, self.tables());
    }

    /// Values in bit-reversed order to coefficients, in place. Canonical in, canonical out.
    ///
    /// # Panics
    /// If `values` does not hold n residues.
    pub fn inverse(&self, values: &mut [u64]) {
        assert_eq!(values.len(), self.n(), "polynomial length");
        self.kernel.inverse(&self.modulus, values, self.tables());
    }

    fn tables(&self) -> &[Twiddle] {
        &self.storage.as_ref()[self.start..]
    }
}

/// The low `bits` bits of `i` in reverse order.
pub const fn bit_reverse(i: usize, bits: u32) -> usize {
    if bits == 0 {
        0
    } else {
        i.reverse_bits() >> (usize::BITS - bits)
    }
}

/// The smallest primitive root of unity of order 2^log_order mod the prime q, if 2^log_order divides q − 1.
pub fn smallest_primitive_root(modulus: &Modulus, log_order: u32) -> Option<u64> {
    let q = modulus.value();
    if (q - 1).trailing_zeros() < log_order || log_order == 0 {
        return None;
    }
    let exponent = (q - 1) >> log_order;
    // x^((q−1)/2^k) is primitive exactly when x is not a square: half of all x, so few tries suffice. The bound
    // only matters for a modulus that is not prime.
    let root = (2..q.min(1 << 16))
        .map(|x| modulus.pow(x, exponent))
        .find(|&root| modulus.pow(root, 1 << (log_order - 1)) == q - 1)?;
    // All primitive roots are the odd powers of one.
    let square = modulus.mul(root, root);
    let mut smallest = root;
    let mut power = root;
    for _ in 1..1u64 << (log_order - 1) {
        power = modulus.mul(power, square);
        smallest = smallest.min(power);
    }
    Some(smallest)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::params::{PARAMETER_SETS, PRIMES};
    use proptest::prelude::*;
    use std::vec;
    use std::vec::Vec;

    fn plan(q: u64, log_n: u32) -> NttPlan<Vec<Twiddle>> {
        let modulus = Modulus::new(q).unwrap();
        let storage = vec![Twiddle::default(); NttPlan::<Vec<Twiddle>>::storage_len(log_n)];
        NttPlan::new(modulus, log_n, storage).unwrap()
    }

    fn edge_residues(q: u64, n: usize) -> impl Strategy<Value = Vec<u64>> {
        let word = prop_oneof![Just(0), Just(1), Just(q - 1), 0..q];
        prop_oneof![
            proptest::collection::vec(word, n),
            Just(vec![q - 1; n]),
            Just(vec![0; n])
        ]
    }

    /// The product in Z_q[X]/(X^n + 1) by definition.
    fn negacyclic_product(m: &Modulus, a: &[u64], b: &[u64]) -> Vec<u64> {
        let n = a.len();
        let mut product = vec![0; n];
        for (i, &x) in a.iter().enumerate() {
            for (j, &y) in b.iter().enumerate() {
                let term = m.mul(x, y);
                let at = (i + j) % n;
                product[at] = if i + j < n {
                    m.add(product[at], term)
                } else {
                    m.sub(product[at], term)
                };
            }
        }
        product
    }

    #[test]
    fn position_j_holds_the_value_at_psi_to_the_2_brv_j_plus_1() {
        for (q, log_n) in [(PRIMES[0], 5), (PRIMES[2], 1), (65_537, 6), (PRIMES[11], 8)] {
            let plan = plan(q, log_n);
            let m = plan.modulus();
            let n = plan.n();
            let coefficients: Vec<u64> = (0..n as u64).map(|i| (i * i * 77 + 5) % q).collect();
            let mut values = coefficients.clone();
            plan.forward(&mut values);
            for (j, &value) in values.iter().enumerate() {
                let point = m.pow(plan.psi(), 2 * bit_reverse(j, log_n) as u64 + 1);
                let mut horner = 0;
                for &a in coefficients.iter().rev() {
                    horner = m.add(m.mul(horner, point), a);
                }
                assert_eq!(value, horner, "q {q}, position {j}");
            }
        }
    }

    #[test]
    fn psi_is_the_smallest_primitive_root() {
        let plan = plan(65_537, 3);
        let m = plan.modulus();
        let smallest = (2..65_537).find(|&x| m.pow(x, 8) == 65_536).unwrap();
        assert_eq!(plan.psi(), smallest);
        assert_eq!(smallest_primitive_root(&m, 17), None);
    }

    #[test]
    fn every_parameter_set_round_trips_on_every_limb() {
        for set in PARAMETER_SETS {
            for &q in &PRIMES[..set.limbs] {
                let plan = plan(q, set.log_n);
                for fill in [0, 1, q - 1] {
                    let original = vec![fill; plan.n()];
                    let mut values = original.clone();
                    plan.forward(&mut values);
                    assert!(values.iter().all(|&v| v < q));
                    plan.inverse(&mut values);
                    assert_eq!(values, original);
                }
            }
        }
    }

    #[test]
    fn impossible_plans_are_refused() {
        let modulus = Modulus::new(65_537).unwrap();
        let new = |log_n, len| NttPlan::new(modulus, log_n, vec![Twiddle::default(); len]).err();
        assert_eq!(new(0, 2), Some(NttError::UnsupportedDegree(0)));
        assert_eq!(new(18, 2), Some(NttError::UnsupportedDegree(18)));
        assert_eq!(
            new(4, 31),
            Some(NttError::StorageLength {
                found: 31,
                expected: NttPlan::<Vec<Twiddle>>::storage_len(4)
            })
        );
        assert_eq!(
            new(16, NttPlan::<Vec<Twiddle>>::storage_len(16)),
            Some(NttError::NoRoot {
                modulus: 65_537,
                log_n: 16
            })
        );
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn pointwise_products_are_negacyclic_convolutions(
            (q, a, b) in prop::sample::select(vec![PRIMES[0], PRIMES[11], 65_537, (1u64 << 60) - (1 << 18) + 1])
                .prop_flat_map(|q| (Just(q), edge_residues(q, 64), edge_residues(q, 64)))
        ) {
            let plan = plan(q, 6);
            let m = plan.modulus();
            let (mut fa, mut fb) = (a.clone(), b.clone());
            plan.forward(&mut fa);
            plan.forward(&mut fb);
            let mut product: Vec<u64> = fa.iter().zip(&fb).map(|(&x, &y)| m.mul(x, y)).collect();
            plan.inverse(&mut product);
            prop_assert_eq!(product, negacyclic_product(&m, &a, &b));
        }

        #[test]
        fn transforms_invert_each_other_at_the_edges(values in edge_residues(PRIMES[1], 4096)) {
            let plan = plan(PRIMES[1], 12);
            let mut transformed = values.clone();
            plan.forward(&mut transformed);
            prop_assert!(transformed.iter().all(|&v| v < PRIMES[1]));
            plan.inverse(&mut transformed);
            prop_assert_eq!(transformed, values);
        }
    }
}
