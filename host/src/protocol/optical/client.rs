//! The honest client: measures ⟨w, x⟩ of every row and nothing else.

use addax_sim::optical::{Complex, DataUnitary, Field, Setting, pass};

use crate::net::graph::Node;

use super::lowering::{MatrixShape, PublicNetwork};
use super::session::{Pass, Receiver};
use super::{Dice, OpticalError};

/// A client with its values, and where it is in a session.
pub struct Client<'a> {
    network: &'a PublicNetwork,
    setting: Setting,
    /// The image, then the values behind each layer.
    values: Vec<f32>,
    matrix: Option<Matrix>,
}

/// The matrix that is being measured.
struct Matrix {
    shape: MatrixShape,
    next: Pass,
    /// The data of the position at hand, and their norm; 0 where all of them are.
    data: DataUnitary,
    norm: f64,
    /// Row r at position p: r · positions + p, as tensors are.
    outputs: Vec<f32>,
}

impl<'a> Client<'a> {
    /// A client of a network, at a setting.
    #[must_use]
    pub const fn new(network: &'a PublicNetwork, setting: Setting) -> Self {
        Self {
            network,
            setting,
            values: Vec::new(),
            matrix: None,
        }
    }

    /// What it knows of the network.
    #[must_use]
    pub const fn network(&self) -> &'a PublicNetwork {
        self.network
    }

    /// Starts with an image's bytes.
    ///
    /// # Errors
    /// [`OpticalError::Image`].
    pub fn begin_image(&mut self, image: &[u8]) -> Result<(), OpticalError> {
        let values = self.network.values(image)?;
        self.begin_values(values);
        Ok(())
    }

    /// Starts before a matrix, with the numbers that it takes.
    pub(super) fn begin_values(&mut self, values: Vec<f32>) {
        self.values = values;
        self.matrix = None;
    }

    /// Computes a node that needs no light.
    ///
    /// # Errors
    /// [`OpticalError::OutOfTurn`] in the middle of a matrix, or for values that the node does not take.
    pub fn compute(&mut self, node: &Node) -> Result<(), OpticalError> {
        if self.matrix.is_some() || self.values.len() != node.input.len() {
            return Err(self.out_of_turn(format!("node {}", node.name)));
        }
        let values = std::mem::take(&mut self.values);
        self.values = node.evaluate(values);
        Ok(())
    }

    /// The values, which are the logits when all stages are done.
    ///
    /// # Errors
    /// [`OpticalError::OutOfTurn`] in the middle of a matrix.
    pub fn take_logits(&mut self) -> Result<Vec<f32>, OpticalError> {
        match self.matrix {
            None => Ok(std::mem::take(&mut self.values)),
            Some(_) => Err(self.out_of_turn("its values".to_owned())),
        }
    }

    /// Where it works.
    #[must_use]
    pub const fn setting(&self) -> Setting {
        self.setting
    }

    fn out_of_turn(&self, asked: String) -> OpticalError {
        let next = match &self.matrix {
            None if self.values.is_empty() => "an image".to_owned(),
            None => format!("a layer of {} values", self.values.len()),
            Some(matrix) => format!("{:?}", matrix.next),
        };
        OpticalError::OutOfTurn {
            party: "client",
            asked,
            next,
        }
    }
}

impl Matrix {
    /// Chooses the unitary of a position's data. Where all of them are 0 any will do, since the result is 0 whatever is
    /// measured; mode 0 is steered to itself, so that what returns looks like any other pass.
    fn steer(shape: &MatrixShape, values: &[f32], position: usize) -> (DataUnitary, f64) {
        let (v, norm) = shape.data(values, position).unwrap_or_else(|| {
            let mut v = vec![Complex::ZERO; shape.modes()];
            v[0] = Complex::ONE;
            (v, 0.0)
        });
        let data = DataUnitary::new(&v).expect("data_of gives vectors of norm 1");
        (data, norm)
    }
}

impl Receiver for Client<'_> {
    fn begin(&mut self, shape: &MatrixShape) -> Result<(), OpticalError> {
        if self.matrix.is_some() || self.values.len() != shape.input.len() {
            return Err(self.out_of_turn(format!("layer {}", shape.name)));
        }
        let (data, norm) = Matrix::steer(shape, &self.values, 0);
        self.matrix = Some(Matrix {
            shape: shape.clone(),
            next: Pass::FIRST,
            data,
            norm,
            outputs: vec![0.0; shape.rows * shape.uses()],
        });
        Ok(())
    }

    fn receive(
        &mut self,
        pass: Pass,
        mut light: Field,
        dice: &mut Dice,
    ) -> Result<Field, OpticalError> {
        let error = self.out_of_turn(format!("{pass:?}"));
        let Some(matrix) = self.matrix.as_mut().filter(|matrix| matrix.next == pass) else {
            return Err(error);
        };
        let modes = matrix.shape.modes();
        let wrong = OpticalError::Modes {
            want: modes,
            got: light.len(),
        };
        let estimate = pass::measure(&self.setting, &matrix.data, &mut light, dice);
        let estimate = estimate.map_err(|_| wrong)?;
        let at = pass.row * matrix.shape.uses() + pass.position;
        matrix.outputs[at] =
            (estimate * matrix.norm / matrix.shape.amplitude(&self.setting)) as f32;
        matrix.next = pass.after(&matrix.shape);
        if matrix.next.row == 0 && matrix.next.position < matrix.shape.uses() {
            (matrix.data, matrix.norm) =
                Matrix::steer(&matrix.shape, &self.values, matrix.next.position);
        }
        Ok(light)
    }

    fn end(&mut self) -> Result<(), OpticalError> {
        match self.matrix.take() {
            Some(matrix) if matrix.next.position == matrix.shape.uses() => {
                self.values = matrix.outputs;
                Ok(())
            }
            matrix => {
                self.matrix = matrix;
                Err(self.out_of_turn("the end of a matrix".to_owned()))
            }
        }
    }
}
