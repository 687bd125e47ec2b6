//! Memories, addresses and moves of data around the butterflies.
mod automorphism;
mod bank;
mod bundles;
mod circuit;
mod contents;
mod decode;
mod departure;
mod group;
mod intake;
mod lane;
mod load;
mod relay;
mod steps;
mod store;
mod timing;

pub use automorphism::{AutomorphismAddresses, AutomorphismNetwork};
pub use circuit::Datapath;
pub use load::{LoadUnit, ResidueCheck};
pub use store::StoreQueue;

#[cfg(test)]
mod tests;
