//! Modular arithmetic as pipelines, for every modulus q = qh·2^18 + 1 with qh below 2^17 given at run time.
mod butterfly;

pub use butterfly::Butterfly;
