//! The choice between the kernels.

use super::{Twiddle, portable};
#[cfg(target_arch = "x86_64")]
use super::{avx2, avx512};
use crate::modulus::Modulus;
use crate::simd::Level;
#[cfg(target_arch = "x86_64")]
use crate::simd::available;

/// A kernel with its layout of twiddles.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kernel {
    /// The definition.
    Portable,
    /// Doubles, four words at a time.
    #[cfg(target_arch = "x86_64")]
    Avx2,
    /// 52-bit multiplication, eight words at a time.
    #[cfg(target_arch = "x86_64")]
    Avx512,
}

impl Kernel {
    /// The best kernel of a level, and of what the processor has, whose bounds allow this transform.
    pub fn choose(level: Level, modulus: &Modulus, log_n: u32) -> Self {
        #[cfg(target_arch = "x86_64")]
        {
            let level = level.min(available());
            if level >= Level::Avx512 && avx512::applies(modulus, log_n) {
                return Self::Avx512;
            }
            if level >= Level::Avx2 && avx2::applies(modulus, log_n) {
                return Self::Avx2;
            }
        }
        let _ = (level, modulus, log_n);
        Self::Portable
    }

    /// The level that this kernel is of.
    pub const fn level(self) -> Level {
        match self {
            Self::Portable => Level::Portable,
            #[cfg(target_arch = "x86_64")]
            Self::Avx2 => Level::Avx2,
            #[cfg(target_arch = "x86_64")]
            Self::Avx512 => Level::Avx512,
        }
    }

    /// Stores `factor` as number i of a table of n.
    pub fn store_factor(self, modulus: &Modulus, table: &mut [Twiddle], i: usize, factor: u64) {
        match self {
            Self::Portable => table[i] = modulus.shoup(factor),
            #[cfg(target_arch = "x86_64")]
            Self::Avx2 => avx2::store_factor(modulus, table, i, factor),
            #[cfg(target_arch = "x86_64")]
            Self::Avx512 => avx512::store_factor(modulus, table, i, factor),
        }
    }

    /// Completes storage whose two tables are filled.
    pub fn finish(self, modulus: &Modulus, storage: &mut [Twiddle], n: usize) {
        #[cfg(target_arch = "x86_64")]
        if self == Self::Avx512 {
            avx512::store_corrections(modulus, storage, n);
        }
        let _ = (modulus, storage, n);
    }

    /// Coefficients to values with the plan's storage.
    #[inline]
    pub fn forward(self, modulus: &Modulus, values: &mut [u64], storage: &[Twiddle]) {
        let n = values.len();
        let table = &storage[..n];
        match self {
            Self::Portable => portable::forward(values, table, modulus.value()),
            #[cfg(target_arch = "x86_64")]
            Self::Avx2 => avx2::forward(modulus, values, table),
            #[cfg(target_arch = "x86_64")]
            Self::Avx512 => avx512::forward(modulus, values, table, &storage[2 * n..][..n / 2]),
        }
    }

    /// Values to coefficients with the plan's storage.
    #[inline]
    pub fn inverse(self, modulus: &Modulus, values: &mut [u64], storage: &[Twiddle]) {
        let n = values.len();
        let table = &storage[n..2 * n];
        match self {
            Self::Portable => portable::inverse(values, table, modulus.value()),
            #[cfg(target_arch = "x86_64")]
            Self::Avx2 => avx2::inverse(modulus, values, table),
            #[cfg(target_arch = "x86_64")]
            Self::Avx512 => avx512::inverse(modulus, values, table),
        }
    }
}

/// Word i of a table, for kernels that keep vectors there.
#[cfg(target_arch = "x86_64")]
pub(super) fn word_mut(table: &mut [Twiddle], i: usize) -> &mut u64 {
    let pair = &mut table[i / 2];
    if i.is_multiple_of(2) {
        &mut pair.value
    } else {
        &mut pair.quotient
    }
}
