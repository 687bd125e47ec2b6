//! How light goes from one party to the other. Whoever implements [`Sender`] or [`Receiver`] may take part: the honest parties
//! and the cheating ones alike.

use addax_sim::optical::{Field, Setting, pass};

use super::check::Verdict;
use super::lowering::MatrixShape;
use super::{Client, Dice, OpticalError, Stage};

/// Which light: row `row` of a matrix, for position `position` of its window.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pass {
    /// Positions come first to last, each with all its rows.
    pub position: usize,
    /// The row.
    pub row: usize,
}

impl Pass {
    /// The first of a matrix.
    pub const FIRST: Self = Self {
        position: 0,
        row: 0,
    };

    /// The one after this; the last is followed by the first row of a position that does not exist.
    #[must_use]
    pub const fn after(self, shape: &MatrixShape) -> Self {
        match self.row + 1 < shape.rows {
            true => Self {
                row: self.row + 1,
                ..self
            },
            false => Self {
                position: self.position + 1,
                row: 0,
            },
        }
    }
}

/// What is between the parties, on the way to the client.
#[derive(Clone, Copy, Debug)]
pub enum Link {
    /// The link that was agreed on, with its loss and noise.
    Agreed(Setting),
    /// One that loses nothing: a cheater's own, or a cheater beside the sender.
    Perfect,
}

impl Link {
    fn carry(&self, light: &mut Field, dice: &mut Dice) {
        if let Self::Agreed(setting) = self {
            pass::carry(setting, light, dice);
        }
    }
}

/// The server's side of the light.
pub trait Sender {
    /// A query begins.
    ///
    /// # Errors
    /// [`OpticalError::BudgetSpent`].
    fn open(&mut self) -> Result<(), OpticalError>;

    /// The matrix of this number begins.
    ///
    /// # Errors
    /// [`OpticalError::OutOfTurn`].
    fn begin(&mut self, matrix: usize) -> Result<(), OpticalError>;

    /// The light of a pass, as it enters the link.
    ///
    /// # Errors
    /// [`OpticalError::OutOfTurn`].
    fn send(&mut self, pass: Pass, dice: &mut Dice) -> Result<Field, OpticalError>;

    /// What came back of it.
    ///
    /// # Errors
    /// [`OpticalError::OutOfTurn`], [`OpticalError::Modes`].
    fn take_back(&mut self, pass: Pass, light: Field, dice: &mut Dice) -> Result<(), OpticalError>;

    /// The matrix is through. A sender that checks gives its verdict.
    ///
    /// # Errors
    /// [`OpticalError::Caught`].
    fn end(&mut self) -> Result<Option<Verdict>, OpticalError>;
}

/// The client's side of the light.
pub trait Receiver {
    /// The matrix of this shape begins.
    ///
    /// # Errors
    /// [`OpticalError::OutOfTurn`].
    fn begin(&mut self, shape: &MatrixShape) -> Result<(), OpticalError>;

    /// Takes the light of a pass and returns what goes back.
    ///
    /// # Errors
    /// [`OpticalError::OutOfTurn`], [`OpticalError::Modes`].
    fn receive(&mut self, pass: Pass, light: Field, dice: &mut Dice)
    -> Result<Field, OpticalError>;

    /// The matrix is through.
    ///
    /// # Errors
    /// [`OpticalError::OutOfTurn`].
    fn end(&mut self) -> Result<(), OpticalError>;
}

/// All passes of one matrix.
///
/// # Errors
/// What the parties return.
pub fn run_matrix(
    sender: &mut dyn Sender,
    link: Link,
    receiver: &mut dyn Receiver,
    number: usize,
    shape: &MatrixShape,
    dice: &mut Dice,
) -> Result<Option<Verdict>, OpticalError> {
    sender.begin(number)?;
    receiver.begin(shape)?;
    for position in 0..shape.uses() {
        for row in 0..shape.rows {
            let pass = Pass { position, row };
            let mut light = sender.send(pass, dice)?;
            link.carry(&mut light, dice);
            let light = receiver.receive(pass, light, dice)?;
            sender.take_back(pass, light, dice)?;
        }
    }
    receiver.end()?;
    sender.end()
}

/// One image, from its pixels to the logits, with the verdict on each matrix.
///
/// # Errors
/// What the parties return; [`OpticalError::Caught`] above all.
pub fn classify(
    sender: &mut dyn Sender,
    client: &mut Client<'_>,
    image: &[u8],
    dice: &mut Dice,
) -> Result<(Vec<f32>, Vec<Verdict>), OpticalError> {
    let network = client.network();
    let link = Link::Agreed(client.setting());
    client.begin_image(image)?;
    sender.open()?;
    let mut verdicts = Vec::new();
    for stage in &network.stages {
        match stage {
            Stage::Matrix(number, shape) => {
                verdicts.extend(run_matrix(sender, link, client, *number, shape, dice)?);
            }
            Stage::Client(node) => client.compute(node)?,
        }
    }
    Ok((client.take_logits()?, verdicts))
}
