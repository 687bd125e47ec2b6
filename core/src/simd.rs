//! Which vector instructions the kernels of this crate use.
//!
//! The portable code is the definition of every function; kernels for wider instructions stand beside it, give the same
//! bits, and are chosen when the program runs:
//!
//! | level | instructions | for |
//! |---|---|---|
//! | [`Level::Portable`] | none but those of the target | every processor |
//! | [`Level::Avx2`] | AVX2 and FMA | x86-64 since 2013 |
//! | [`Level::Avx512`] | AVX-512 F, DQ, BW, VL, IFMA and VAES | x86-64 servers since 2019, Zen 4 |
//!
//! The level is that of the processor unless it was lowered, by [`limit`] or, with the feature `std`, by the environment
//! variable `ADDAX_SIMD` (`portable`, `avx2` or `avx512`): so every path can be tested on one machine. It never rises
//! above what the processor has, which is what makes calling the kernels sound.
// The macro that asks the processor expands to unsafe code.
#![allow(unsafe_code)]

use core::fmt;
use core::sync::atomic::{AtomicU8, Ordering};

/// A set of vector instructions; each includes those before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum Level {
    /// No vector instructions beyond the target's own.
    Portable = 1,
    /// AVX2 and FMA.
    Avx2 = 2,
    /// AVX-512 with 52-bit multiplication, and AES on wide registers.
    Avx512 = 3,
}

impl Level {
    /// All levels, lowest first.
    pub const ALL: [Self; 3] = [Self::Portable, Self::Avx2, Self::Avx512];

    /// The name that [`fmt::Display`] prints and `ADDAX_SIMD` takes.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Portable => "portable",
            Self::Avx2 => "avx2",
            Self::Avx512 => "avx512",
        }
    }

    /// The level called `name`, if there is one.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|level| level.name() == name)
    }
}

impl fmt::Display for Level {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// The level in use, as a number; 0 before anything asked.
static CHOSEN: AtomicU8 = AtomicU8::new(0);

/// The level that kernels are chosen by.
#[inline]
pub fn level() -> Level {
    match CHOSEN.load(Ordering::Relaxed) {
        0 => choose(),
        1 => Level::Portable,
        2 => Level::Avx2,
        _ => Level::Avx512,
    }
}

/// Uses no more than `level` from now on, where something is chosen anew: plans that exist keep their kernels.
pub fn limit(level: Level) {
    CHOSEN.store(level.min(available()) as u8, Ordering::Relaxed);
}

#[cold]
fn choose() -> Level {
    let level = environment().unwrap_or(Level::Avx512).min(available());
    CHOSEN.store(level as u8, Ordering::Relaxed);
    level
}

/// What `ADDAX_SIMD` asks for. A value that is no level's name is left to the program to complain about.
#[cfg(any(test, feature = "std"))]
fn environment() -> Option<Level> {
    Level::from_name(&std::env::var("ADDAX_SIMD").ok()?)
}

#[cfg(not(any(test, feature = "std")))]
fn environment() -> Option<Level> {
    None
}

/// The highest level that this processor and its operating system support.
#[cfg(target_arch = "x86_64")]
pub fn available() -> Level {
    cpufeatures::new!(has_avx2, "avx2", "fma");
    cpufeatures::new!(
        has_avx512,
        "avx512f",
        "avx512dq",
        "avx512bw",
        "avx512vl",
        "avx512ifma",
        "aes",
        "vaes"
    );
    match (has_avx2::get(), has_avx512::get()) {
        (true, true) => Level::Avx512,
        (true, false) => Level::Avx2,
        _ => Level::Portable,
    }
}

/// The highest level that this processor and its operating system support.
#[cfg(not(target_arch = "x86_64"))]
pub fn available() -> Level {
    Level::Portable
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_levels_belong_together() {
        for level in Level::ALL {
            assert_eq!(Level::from_name(level.name()), Some(level));
        }
        assert_eq!(Level::from_name("AVX2"), None);
        assert!(level() <= available());
    }
}
