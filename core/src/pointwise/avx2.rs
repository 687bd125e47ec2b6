//! The portable loops, compiled for AVX2: sums, differences and choices of words four at a time. Products of 64 bits
//! remain the processor's own, and are slower among vectors, so those loops are the portable ones.
// Calls after asking the processor.
#![allow(unsafe_code)]

use super::portable;
pub use super::portable::{mul, mul_add, mul_add_assign, mul_assign, scale, scale_assign};
use crate::modulus::Modulus;
use crate::simd::{Level, available};

/// Defines a function that asks the processor and runs the portable one of that name with its instructions.
macro_rules! entries {
    ($($name:ident($($argument:ident: $type:ty),*) -> $result:ty;)*) => {
        mod kernels {
            use super::*;
            $(
                #[target_feature(enable = "avx2")]
                pub fn $name($($argument: $type),*) -> $result {
                    portable::$name($($argument),*)
                }
            )*
        }
        $(
            pub fn $name($($argument: $type),*) -> $result {
                assert!(available() >= Level::Avx2);
                // SAFETY: the processor has the instructions.
                unsafe { kernels::$name($($argument),*) }
            }
        )*
    };
}

entries! {
    add(q: &Modulus, out: &mut [u64], a: &[u64], b: &[u64]) -> ();
    add_assign(q: &Modulus, a: &mut [u64], b: &[u64]) -> ();
    sub(q: &Modulus, out: &mut [u64], a: &[u64], b: &[u64]) -> ();
    sub_assign(q: &Modulus, a: &mut [u64], b: &[u64]) -> ();
    neg_assign(q: &Modulus, a: &mut [u64]) -> ();
    lift(from: &Modulus, to: &Modulus, out: &mut [u64], a: &[u64]) -> ();
    switch_limb(from: &Modulus, q: &Modulus, target: &mut [u64], dropped: &[u64], factor: u64) -> ();
    all_residues(q: &Modulus, words: &[u64]) -> bool;
}
