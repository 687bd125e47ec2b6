//! Modular arithmetic as pipelines, for every modulus q = qh·2^18 + 1 with 0 < qh < 2^17 given at run time.
//!
//! | module | computes | cycles |
//! |---|---|---|
//! | [`FirstReduction`] | (p − (p mod 2^18)·q)/2^18 of a product p in four parts | 4, 5 |
//! | [`SecondReduction`] | the same of what is left | 4 |
//! | [`MontgomeryProduct`] | a·b·2^-36 mod q in (−1.5q, 0.5q) | 11 |
//! | [`Lift`] | adds q to what is negative | 1 |
//! | [`Addition`] | x + t or (x + y)/2, modulo q | 5 |
//! | [`Subtraction`] | x − t or t/2, modulo q | 5 |
//! | [`Butterfly`] | all of it | 18 |
//!
//! Every adder is one carry chain with a register behind it, and selections happen in the chains' own lookup tables
//! or in resets of registers in front of them.
mod addition;
mod butterfly;
mod lift;
mod montgomery;
mod subtraction;

pub use addition::Addition;
pub use butterfly::Butterfly;
pub use lift::Lift;
pub use montgomery::{FirstReduction, MontgomeryProduct, SecondReduction};
pub use subtraction::Subtraction;

#[cfg(test)]
mod tests;
