//! The portable loops, compiled for AVX2: eight bytes' arithmetic four at a time, products one at a time.
// Calls after asking the processor.
#![allow(unsafe_code)]

use super::portable;
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
    mul(q: &Modulus, out: &mut [u64], a: &[u64], b: &[u64]) -> ();
    mul_assign(q: &Modulus, a: &mut [u64], b: &[u64]) -> ();
    mul_add(q: &Modulus, out: &mut [u64], d: &[u64], a: &[u64], b: &[u64]) -> ();
    mul_add_assign(q: &Modulus, d: &mut [u64], a: &[u64], b: &[u64]) -> ();
    scale(q: &Modulus, out: &mut [u64], a: &[u64], factor: u64) -> ();
    scale_assign(q: &Modulus, a: &mut [u64], factor: u64) -> ();
    lift(from: &Modulus, to: &Modulus, out: &mut [u64], a: &[u64]) -> ();
    switch_limb(from: &Modulus, q: &Modulus, target: &mut [u64], dropped: &[u64], factor: u64) -> ();
    all_residues(q: &Modulus, words: &[u64]) -> bool;
}
