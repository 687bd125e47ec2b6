//! The reference machine against definitions of its own.

mod faults;
mod instructions;

use std::vec;
use std::vec::Vec;

use super::*;
use crate::isa::{Instruction, IsaError, ProgramBuilder, ProgramError, STREAM};
use crate::modulus::Modulus;
use crate::ntt::{NttPlan, Twiddle, bit_reverse};
use crate::params::PRIMES;
use crate::poly::RnsBasis;

type Basis = RnsBasis<Vec<Twiddle>>;
const LOG_N: u32 = 10;
const N: usize = 1 << LOG_N;

fn basis() -> Basis {
    let moduli: Vec<Modulus> = PRIMES[..3]
        .iter()
        .map(|&q| Modulus::new(q).unwrap())
        .collect();
    let storage = |_| vec![Twiddle::default(); NttPlan::<Vec<Twiddle>>::storage_len(LOG_N)];
    RnsBasis::new(&moduli, LOG_N, storage).unwrap()
}

fn geometry() -> Geometry {
    Geometry::new(LOG_N, 8, 4).unwrap()
}

fn machine(basis: &Basis) -> Reference<&Basis, Vec<u64>> {
    Reference::new(basis, geometry(), vec![0; 4 * N]).unwrap()
}

/// Edge residues first, then a generator that a reader can follow.
fn polynomial(q: u64, seed: u64) -> Vec<u64> {
    let mut state = seed;
    let mut next = move || {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (state >> 20) % q
    };
    let edges = [0, 1, 2, q / 2 - 1, q / 2, q / 2 + 1, q - 2, q - 1];
    (0..N)
        .map(|i| edges.get(i).copied().unwrap_or_else(&mut next))
        .collect()
}

fn read(machine: &mut dyn RingProcessor, slot: u8) -> (u8, Vec<u64>) {
    let mut words = vec![0; N];
    let limb = machine.store(slot, &mut words).unwrap();
    (limb, words)
}

fn program(
    write: impl FnOnce(&mut ProgramBuilder) -> Result<&mut ProgramBuilder, ProgramError>,
) -> Program {
    let mut builder = ProgramBuilder::new();
    write(&mut builder).unwrap();
    builder.finish().unwrap()
}
