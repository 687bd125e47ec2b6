//! Gaussian states by their moments: covariance matrices, symplectic eigenvalues, entropy.
//!
//! A covariance matrix σ of n modes is 2n × 2n in the order X₁, P₁, X₂, P₂, …, in shot-noise units: the vacuum's is 1. With
//! Ω = ⊕ ((0, 1), (−1, 0)), the symplectic eigenvalues νₖ ≥ 1 are the moduli of the eigenvalues of iΩσ, which come in pairs;
//! the state's entropy is Σ g(νₖ) (Weedbrook et al., Rev. Mod. Phys. 84, 621 (2012), sections II.C and II.D).

use nalgebra::{Cholesky, DMatrix};
use thiserror::Error;

/// Rounding may take an eigenvalue this far below 1.
const TOLERANCE: f64 = 1e-9;

/// A matrix that is no state's.
#[derive(Debug, Error, PartialEq)]
pub enum CovarianceError {
    /// Not of even size, or not symmetric and positive.
    #[error(
        "a covariance matrix is symmetric, positive and of even size; this one is {rows} × {columns}"
    )]
    Form {
        /// Rows.
        rows: usize,
        /// Columns.
        columns: usize,
    },
    /// Less noise than quantum mechanics allows.
    #[error("a symplectic eigenvalue is {0}: below 1 it contradicts the uncertainty relation")]
    Uncertainty(f64),
}

/// The covariance matrix of a state that can exist.
#[derive(Clone, Debug)]
pub struct Covariance {
    matrix: DMatrix<f64>,
    symplectic: Vec<f64>,
}

impl Covariance {
    /// Checks a matrix.
    ///
    /// # Errors
    /// [`CovarianceError`].
    pub fn new(matrix: DMatrix<f64>) -> Result<Self, CovarianceError> {
        let (rows, columns) = matrix.shape();
        let form = CovarianceError::Form { rows, columns };
        if rows != columns || rows % 2 != 0 || (&matrix - matrix.transpose()).amax() > TOLERANCE {
            return Err(form);
        }
        let Some(root) = Cholesky::new(matrix.clone()) else {
            return Err(form);
        };
        // σ = L Lᵗ: Ωσ has the eigenvalues of the antisymmetric LᵗΩL, whose moduli are its singular values.
        let root = root.l();
        let values = (root.transpose() * omega(rows / 2) * root).singular_values();
        let mut values: Vec<f64> = values.iter().copied().collect();
        values.sort_by(|a, b| b.total_cmp(a));
        let symplectic: Vec<f64> = values.into_iter().step_by(2).collect();
        match symplectic.last() {
            Some(&least) if least < 1.0 - TOLERANCE => Err(CovarianceError::Uncertainty(least)),
            _ => Ok(Self { matrix, symplectic }),
        }
    }

    /// Thermal states of this many photons ≥ 0, one a mode; 0 is the vacuum.
    ///
    /// # Errors
    /// [`CovarianceError`] for photons below 0.
    pub fn thermal(photons: &[f64]) -> Result<Self, CovarianceError> {
        let variances = photons.iter().flat_map(|n| [2.0 * n + 1.0; 2]);
        let variances: Vec<f64> = variances.collect();
        Self::new(DMatrix::from_diagonal(&variances.into()))
    }

    /// Two modes of variances `a` and `b` with correlation `c` in X and −`c` in P; c² = a² − 1 = b² − 1 for a two-mode squeezed
    /// vacuum.
    ///
    /// # Errors
    /// [`CovarianceError`] where there is no such state.
    pub fn correlated(a: f64, b: f64, c: f64) -> Result<Self, CovarianceError> {
        #[rustfmt::skip]
        let entries = [
            a, 0.0, c, 0.0,
            0.0, a, 0.0, -c,
            c, 0.0, b, 0.0,
            0.0, -c, 0.0, b,
        ];
        Self::new(DMatrix::from_row_slice(4, 4, &entries))
    }

    /// The matrix.
    #[must_use]
    pub const fn matrix(&self) -> &DMatrix<f64> {
        &self.matrix
    }

    /// ν₁ ≥ ν₂ ≥ … ≥ 1.
    #[must_use]
    pub fn symplectic_eigenvalues(&self) -> &[f64] {
        &self.symplectic
    }

    /// The von Neumann entropy in bits.
    #[must_use]
    pub fn entropy(&self) -> f64 {
        self.symplectic
            .iter()
            .map(|&value| entropy_above_vacuum(value - 1.0))
            .sum()
    }
}

fn omega(modes: usize) -> DMatrix<f64> {
    DMatrix::from_fn(2 * modes, 2 * modes, |row, column| {
        match (row ^ 1) == column {
            true if row < column => 1.0,
            true => -1.0,
            false => 0.0,
        }
    })
}

/// g(ν) = (ν+1)/2 · log₂((ν+1)/2) − (ν−1)/2 · log₂((ν−1)/2), the entropy in bits of a mode whose symplectic eigenvalue is
/// ν = 1 + `above`. What rounding takes below 1 counts as 1.
#[must_use]
pub fn entropy_above_vacuum(above: f64) -> f64 {
    let half = above / 2.0;
    match half > 0.0 {
        // (1+h) ln(1+h) − h ln h = ln(1+h) + h ln(1 + 1/h): no difference of large numbers.
        true => (half.ln_1p() + half * half.recip().ln_1p()) / std::f64::consts::LN_2,
        false => 0.0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn near(got: &[f64], want: &[f64]) {
        assert_eq!(got.len(), want.len());
        for (got, want) in got.iter().zip(want) {
            assert!((got - want).abs() < 1e-9, "{got} is not {want}");
        }
    }

    #[test]
    fn known_states_have_their_symplectic_eigenvalues_and_entropies() {
        let vacuum = Covariance::thermal(&[0.0, 0.0]).unwrap();
        near(vacuum.symplectic_eigenvalues(), &[1.0, 1.0]);
        assert!(vacuum.entropy().abs() < 1e-6);
        // One photon: 2 log 2 − 1 log 1 = 2 bits.
        let thermal = Covariance::thermal(&[1.0, 2.5]).unwrap();
        near(thermal.symplectic_eigenvalues(), &[6.0, 3.0]);
        assert!((Covariance::thermal(&[1.0]).unwrap().entropy() - 2.0).abs() < 1e-12);
        // A pure state of two modes; each alone is thermal.
        let squeezed = Covariance::correlated(3.0, 3.0, 8.0_f64.sqrt()).unwrap();
        near(squeezed.symplectic_eigenvalues(), &[1.0, 1.0]);
        // Squeezing one mode changes nothing.
        let one = DMatrix::from_diagonal(&vec![0.25, 4.0].into());
        near(
            Covariance::new(one).unwrap().symplectic_eigenvalues(),
            &[1.0],
        );
    }

    #[test]
    fn closed_forms_of_two_modes_are_those_of_the_matrix() {
        for (a, b, c) in [(9.0, 7.0, 6.5), (4.0, 4.5, 3.2), (2.0, 5.0, 0.0)] {
            let z = f64::sqrt((a + b) * (a + b) - 4.0 * c * c);
            let mut want = [(z + b - a) / 2.0, (z - b + a) / 2.0];
            want.sort_by(|a, b| b.total_cmp(a));
            let state = Covariance::correlated(a, b, c).unwrap();
            near(state.symplectic_eigenvalues(), &want);
        }
    }

    #[test]
    fn matrices_that_are_no_states_are_refused() {
        let matrix = |entries: &[f64]| {
            let size = entries.len().isqrt();
            Covariance::new(DMatrix::from_row_slice(size, size, entries))
                .err()
                .unwrap()
        };
        assert!(matches!(matrix(&[1.0]), CovarianceError::Form { .. }));
        assert!(matches!(
            matrix(&[1.0, 0.5, 0.0, 1.0]),
            CovarianceError::Form { .. }
        ));
        assert!(matches!(
            matrix(&[1.0, 0.0, 0.0, -1.0]),
            CovarianceError::Form { .. }
        ));
        assert!(matches!(
            matrix(&[0.5, 0.0, 0.0, 0.5]),
            CovarianceError::Uncertainty(least) if (least - 0.5).abs() < 1e-9
        ));
        // More correlated than any state.
        assert!(Covariance::correlated(3.0, 3.0, 2.9).is_err());
    }
}
