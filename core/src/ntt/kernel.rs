//! The choice between the kernels.

#[cfg(target_arch = "x86_64")]
use super::avx512;
use super::{Twiddle, portable};
use crate::modulus::Modulus;
use crate::simd::{self, Level};

/// A kernel with its layout of twiddles.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kernel {
    /// The definition.
    Portable,
    /// 52-bit multiplication, eight words at a time.
    #[cfg(target_arch = "x86_64")]
    Avx512,
}

impl Kernel {
    /// The best kernel of a level, and of what the processor has, whose bounds allow this transform.
    pub fn choose(level: Level, modulus: &Modulus, log_n: u32) -> Self {
        #[cfg(target_arch = "x86_64")]
        {
            let level = level.min(simd::available());
            if level >= Level::Avx512 && avx512::applies(modulus, log_n) {
                return Self::Avx512;
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
            Self::Avx512 => Level::Avx512,
        }
    }

    /// Stores `factor` as number i of a table of n.
    pub fn store_factor(self, modulus: &Modulus, table: &mut [Twiddle], i: usize, factor: u64) {
        match self {
            Self::Portable => table[i] = modulus.shoup(factor),
            #[cfg(target_arch = "x86_64")]
            Self::Avx512 => avx512::store_factor(modulus, table, i, factor),
        }
    }

    /// Coefficients to values with the forward table.
    #[inline]
    pub fn forward(self, modulus: &Modulus, values: &mut [u64], table: &[Twiddle]) {
        match self {
            Self::Portable => portable::forward(values, table, modulus.value()),
            #[cfg(target_arch = "x86_64")]
            Self::Avx512 => avx512::forward(modulus, values, table),
        }
    }

    /// Values to coefficients with the inverse table.
    #[inline]
    pub fn inverse(self, modulus: &Modulus, values: &mut [u64], table: &[Twiddle]) {
        match self {
            Self::Portable => portable::inverse(values, table, modulus.value()),
            #[cfg(target_arch = "x86_64")]
            Self::Avx512 => avx512::inverse(modulus, values, table),
        }
    }
}
