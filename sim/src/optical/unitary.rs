//! The unitary by which a client's data steer the light that carries ⟨x, w⟩ into one mode.
//!
//! For a unit vector v in Cⁿ, U is any unitary whose first row is v†: mode 0 becomes Σ v̄ₖ aₖ, and all other modes are
//! orthogonal to v. With φ = v₀/|v₀| (1 if v₀ = 0) and u = v + φ e₀, the Householder reflection H = 1 − 2 u u†/‖u‖² maps v to
//! −φ e₀; so U = diag(−φ̄, 1, …, 1) · H maps v to e₀. Adding φ e₀ instead of subtracting it keeps u away from 0.
//!
//! U and U† cost O(n): nothing of size n × n exists here. In a laboratory they are meshes of n(n−1)/2 interferometers.

use nalgebra::Complex;
use thiserror::Error;

use super::field::Field;

/// How far a vector's norm may be from 1.
const NORM_TOLERANCE: f64 = 1e-9;

/// A vector that makes no unitary, or light that does not fit one.
#[derive(Debug, Error, PartialEq)]
pub enum UnitaryError {
    /// The vector is not of unit norm.
    #[error("a data vector must have norm 1, this one has {norm}")]
    Norm {
        /// Its norm.
        norm: f64,
    },
    /// Light in another number of modes.
    #[error("the unitary acts on {want} modes, the light has {got}")]
    Modes {
        /// The unitary's.
        want: usize,
        /// The light's.
        got: usize,
    },
}

/// The unitary of a data vector.
#[derive(Clone)]
pub struct DataUnitary {
    /// u of the reflection.
    direction: Vec<Complex<f64>>,
    /// 2/‖u‖².
    factor: f64,
    /// −φ̄.
    phase: Complex<f64>,
}

impl DataUnitary {
    /// The unitary whose first row is v†.
    ///
    /// # Errors
    /// [`UnitaryError::Norm`] when v is empty, or not finite and of norm 1.
    pub fn new(v: &[Complex<f64>]) -> Result<Self, UnitaryError> {
        let squares = v.iter().map(|entry| entry.norm_sqr());
        let norm = squares.fold(0.0, |sum, square| sum + square).sqrt();
        let unit = (norm - 1.0).abs() <= NORM_TOLERANCE;
        let (Some(&first), true) = (v.first(), unit) else {
            return Err(UnitaryError::Norm { norm });
        };
        let phase = match first.norm() {
            0.0 => Complex::ONE,
            length => first / length,
        };
        let mut direction = v.to_vec();
        direction[0] += phase;
        let squared: f64 = direction.iter().map(|entry| entry.norm_sqr()).sum();
        Ok(Self {
            direction,
            factor: 2.0 / squared,
            phase: -phase.conj(),
        })
    }

    /// The number of modes.
    #[must_use]
    pub const fn modes(&self) -> usize {
        self.direction.len()
    }

    /// U: the light of ⟨v, ·⟩ goes to mode 0.
    ///
    /// # Errors
    /// [`UnitaryError::Modes`].
    pub fn apply(&self, field: &mut Field) -> Result<(), UnitaryError> {
        self.reflect(field)?;
        field.points_mut()[0] *= self.phase;
        Ok(())
    }

    /// U†.
    ///
    /// # Errors
    /// [`UnitaryError::Modes`].
    pub fn undo(&self, field: &mut Field) -> Result<(), UnitaryError> {
        if let Some(first) = field.points_mut().first_mut() {
            *first *= self.phase.conj();
        }
        self.reflect(field)
    }

    fn reflect(&self, field: &mut Field) -> Result<(), UnitaryError> {
        if field.len() != self.modes() {
            return Err(UnitaryError::Modes {
                want: self.modes(),
                got: field.len(),
            });
        }
        let overlap = inner(&self.direction, field.points()) * self.factor;
        for (point, u) in field.points_mut().iter_mut().zip(&self.direction) {
            *point -= u * overlap;
        }
        Ok(())
    }
}

/// ⟨a, b⟩ = Σ āₖ bₖ over the common length.
#[must_use]
pub fn inner(a: &[Complex<f64>], b: &[Complex<f64>]) -> Complex<f64> {
    a.iter().zip(b).map(|(a, b)| a.conj() * b).sum()
}

#[cfg(test)]
mod tests {
    use nalgebra::DMatrix;
    use proptest::prelude::*;

    use super::super::statistics::{SAMPLES, check, generator};
    use super::*;

    fn unit(entries: &[(f64, f64)]) -> Vec<Complex<f64>> {
        let vector: Vec<_> = entries
            .iter()
            .map(|&(re, im)| Complex::new(re, im))
            .collect();
        let norm = vector
            .iter()
            .map(|entry| entry.norm_sqr())
            .sum::<f64>()
            .sqrt();
        vector.iter().map(|entry| entry / norm).collect()
    }

    /// The matrix of a map of fields, from what it does to basis vectors. Means are all it takes: no noise is added.
    fn matrix(modes: usize, map: impl Fn(&mut Field)) -> DMatrix<Complex<f64>> {
        let mut matrix = DMatrix::zeros(modes, modes);
        for column in 0..modes {
            let mut field = Field::vacuum(modes, &mut generator(0));
            field.points_mut().fill(Complex::ZERO);
            field.points_mut()[column] = Complex::ONE;
            map(&mut field);
            for (row, point) in field.points().iter().enumerate() {
                matrix[(row, column)] = *point;
            }
        }
        matrix
    }

    proptest! {
        #[test]
        fn it_is_unitary_and_its_first_row_is_the_vector(
            entries in proptest::collection::vec((-1.0..1.0_f64, -1.0..1.0_f64), 1..8)
                .prop_filter("not zero", |entries| entries.iter().any(|(re, im)| re.abs() + im.abs() > 1e-3)),
            first_is_zero: bool,
        ) {
            let mut entries = entries;
            if first_is_zero && entries[1..].iter().any(|(re, im)| re.abs() + im.abs() > 1e-3) {
                entries[0] = (0.0, 0.0);
            }
            let v = unit(&entries);
            let unitary = DataUnitary::new(&v).unwrap();
            let u = matrix(v.len(), |field| unitary.apply(field).unwrap());
            let inverse = matrix(v.len(), |field| unitary.undo(field).unwrap());
            let identity = DMatrix::<Complex<f64>>::identity(v.len(), v.len());
            prop_assert!((&u * u.adjoint() - &identity).norm() < 1e-12);
            prop_assert!((&inverse * &u - &identity).norm() < 1e-12);
            for (entry, v) in u.row(0).iter().zip(&v) {
                prop_assert!((entry - v.conj()).norm() < 1e-12);
            }
        }
    }

    #[test]
    fn it_leaves_the_vacuum_as_it_is() {
        let v = unit(&[(0.3, 0.1), (-0.7, 0.2), (0.0, 0.9), (0.5, 0.0)]);
        let unitary = DataUnitary::new(&v).unwrap();
        let mut rng = generator(30);
        let fields: Vec<Field> = (0..SAMPLES)
            .map(|_| {
                let mut field = Field::vacuum(v.len(), &mut rng);
                unitary.apply(&mut field).unwrap();
                field
            })
            .collect();
        for mode in 0..v.len() {
            check(
                "X",
                fields.iter().map(|field| field.points()[mode].re),
                0.0,
                1.0,
            );
        }
        let products = fields
            .iter()
            .map(|field| field.points()[0].re * field.points()[1].re);
        check("two modes: independent", products, 0.0, 1.0);
    }

    #[test]
    fn vectors_that_make_no_unitary_and_light_that_does_not_fit_are_refused() {
        let norm = |v: &[Complex<f64>]| DataUnitary::new(v).err().unwrap().to_string();
        assert!(norm(&[]).contains("has 0"));
        assert!(norm(&[Complex::new(0.5, 0.0)]).contains("has 0.5"));
        assert!(norm(&[Complex::new(f64::NAN, 0.0)]).contains("NaN"));
        let unitary = DataUnitary::new(&unit(&[(1.0, 0.0), (1.0, 0.0)])).unwrap();
        let mut three = Field::vacuum(3, &mut generator(0));
        let error = UnitaryError::Modes { want: 2, got: 3 };
        assert_eq!(unitary.apply(&mut three), Err(error));
        let mut none = Field::vacuum(0, &mut generator(0));
        assert!(unitary.undo(&mut none).is_err());
    }
}
