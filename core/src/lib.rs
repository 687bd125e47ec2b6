//! The arithmetic that host, firmware and hardware share.
//!
//! Everything here is `no_std`, allocates nothing and works on buffers owned by the caller, so that the same
//! code runs on a server, in a browser and on a microcontroller, and so that hardware can be compared with it
//! bit for bit.
#![no_std]
// Only the kernels below `simd`, `avx2` and `avx512` lift this, each with its reason.
#![deny(unsafe_code)]

pub mod client;
pub mod garble;
pub mod share;

#[cfg(any(test, feature = "std"))]
extern crate std;

pub mod isa;
pub mod link;
pub mod machine;
pub mod modulus;
pub mod ntt;
pub mod packing;
pub mod params;
pub mod pointwise;
pub mod poly;
pub mod quant;
pub mod random;
pub mod rlwe;
pub mod sample;
pub mod simd;
