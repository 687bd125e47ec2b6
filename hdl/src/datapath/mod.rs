//! Memories, addresses and moves of data around the butterflies.
mod automorphism;
mod bank;
mod bundles;
mod circuit;
mod decode;
mod departure;
mod lane;
mod load;
mod steps;
mod store;

pub use automorphism::{AutomorphismAddresses, AutomorphismNetwork};
pub use circuit::Datapath;
pub use load::{LoadUnit, ResidueCheck};
pub use store::StoreQueue;

#[cfg(test)]
mod tests;
