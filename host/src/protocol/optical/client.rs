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
        let want = self.network.input.len();
        if image.len() != want {
            return Err(OpticalError::Image {
                want,
                got: image.len(),
            });
        }
        self.begin_values(
            image
                .iter()
                .map(|&pixel| f32::from(pixel) / 256.0)
                .collect(),
        );
        Ok(())
    }

    /// Starts before a matrix, with the numbers that it takes.
    pub(super) fn begin_values(&mut self, values: Vec<f32>) {
        self.values = values;
        self.matrix = None;
    }

    /// Computes a node that needs no light.
    pub fn compute(&mut self, node: &Node) {
        let values = std::mem::take(&mut self.values);
        self.values = node.evaluate(values);
    }

    /// The values, which are the logits when all stages are done.
    #[must_use]
    pub fn take_logits(&mut self) -> Vec<f32> {
        std::mem::take(&mut self.values)
    }

    fn out_of_turn(&self, asked: String) -> OpticalError {
        let next = match &self.matrix {
            None => "the beginning of a matrix".to_owned(),
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
        let mut numbers = Vec::with_capacity(shape.columns);
        shape.gather(values, position, &mut numbers);
        let (v, norm) = pass::data_of(&numbers).unwrap_or_else(|| {
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
        // The light has the root mean square √power where the weights have their scale.
        let unit = matrix.shape.scale / self.setting.power().sqrt();
        let at = pass.row * matrix.shape.uses() + pass.position;
        matrix.outputs[at] = (estimate * matrix.norm * unit) as f32;
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
