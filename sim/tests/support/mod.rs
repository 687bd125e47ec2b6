//! What the tests of machines share.
#![allow(dead_code)] // each test program uses a part

pub mod soft;

use addax_core::isa::Geometry;
use addax_core::modulus::Modulus;
use addax_core::ntt::{NttPlan, Twiddle};
use addax_core::params::PRIMES;
use addax_core::poly::RnsBasis;
use addax_hdl::{Shape, Target};
use addax_sim::Basis;

pub fn make_basis(log_n: u32, limbs: usize) -> Basis {
    let moduli: Vec<Modulus> = PRIMES[..limbs]
        .iter()
        .map(|&q| Modulus::new(q).unwrap())
        .collect();
    let storage = |_| vec![Twiddle::default(); NttPlan::<Vec<Twiddle>>::storage_len(log_n)];
    RnsBasis::new(&moduli, log_n, storage).unwrap()
}

pub fn shape(log_n: u32, butterflies: u32, slots: u32, limbs: usize) -> Shape {
    let geometry = Geometry::new(log_n, butterflies, slots).unwrap();
    Shape::new(geometry, limbs, Target::Behavioural).unwrap()
}
