//! Light in Gaussian states, as the quantum-optical protocol uses it: simulated, for study. Nothing here protects data that
//! travels over a wire.
//!
//! # Units
//!
//! A mode has the quadratures X = a + a† and P = −i (a − a†), so that \[X, P\] = 2i and the vacuum has variance 1 in each: the
//! *shot-noise unit*. A coherent state with mean quadratures x and p carries (x² + p²)/4 photons; a thermal state of n photons
//! has variance 2n + 1 (Weedbrook et al., *Gaussian quantum information*, Rev. Mod. Phys. 84, 621 (2012), section II).
//!
//! # Why samples are enough
//!
//! The Wigner function of a Gaussian state is a Gaussian density, and every element below (unitary, amplifier, beam splitter)
//! acts on quadratures by a linear map that also takes in vacuum. So a state can be represented by a point drawn from its
//! Wigner function ([`Field`]), an element by the same linear map on points, and a homodyne detector by reading a coordinate:
//! the readings have exactly the distribution that quantum mechanics gives them, correlations included. Such points cannot be
//! counted as photons, nor represent states that are not Gaussian; where photons are counted ([`pass::returned_photons`]), the
//! state's P function is a density and is drawn from in its place.
//!
//! | module | answers |
//! |---|---|
//! | [`field`] | what is a state, as a sample? |
//! | [`element`] | what do amplifiers, beam splitters, loss and noise do to it? |
//! | [`detection`] | what do detectors read? |
//! | [`unitary`] | how does a data vector steer the light of ⟨w, x⟩ into one mode? |
//! | [`setting`] | which photons, gain and loss, and what noise do they make in closed form? |
//! | [`pass`] | what happens to one row of weights, mode by mode and in closed form? |
//! | [`gaussian`] | what are a state's moments, symplectic eigenvalues and entropy? |
//! | [`leak`] | how much can be learnt of a weight, or of a datum? |

pub mod detection;
pub mod element;
pub mod field;
pub mod gaussian;
pub mod leak;
pub mod pass;
pub mod setting;
#[cfg(test)]
mod statistics;
pub mod unitary;

pub use field::Field;
pub use leak::Variant;
pub use nalgebra::Complex;
pub use setting::{Setting, SettingError};
pub use unitary::DataUnitary;
