//! Memories, addresses and moves of data around the butterflies.
mod automorphism;
mod load;
mod store;

pub use automorphism::{AutomorphismAddresses, AutomorphismNetwork};
pub use load::{LoadUnit, ResidueCheck};
pub use store::StoreQueue;
