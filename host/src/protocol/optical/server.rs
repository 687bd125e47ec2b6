//! The honest server: sends its weights as light, knows what must come back, and stops when it does not.

use addax_sim::optical::{Complex, Field, Setting, Variant, pass};
use rand_core::Rng;

use super::budget::Budget;
use super::check::{Check, Residuals, Verdict};
use super::leaks::LayerLeak;
use super::lowering::{MatrixShape, OpticalNetwork};
use super::session::{Pass, Sender};
use super::{Dice, OpticalError};

/// What a server demands of a session.
#[derive(Clone, Copy, Debug)]
pub struct Conditions {
    /// Photons, gain, loss, noise.
    pub setting: Setting,
    /// Whose bounds count.
    pub variant: Variant,
    /// The rate of false alarms, a layer.
    pub false_alarm: f64,
    /// Bits of each weight that all queries together may tell.
    pub budget_bits: f64,
}

/// A server with its weights, its budget, and where it is in a session.
pub struct Server<'a> {
    network: &'a OpticalNetwork,
    shapes: Vec<&'a MatrixShape>,
    conditions: Conditions,
    check: Check,
    budget: Budget,
    step: Step,
    verdicts: Vec<Verdict>,
    /// Readings of each matrix in all queries before: who takes too little to be seen in one is seen in many.
    history: Vec<Residuals>,
}

enum Step {
    /// The next is a query.
    Idle,
    /// The next is the matrix of this number.
    Matrix(usize),
    /// A pass is due, or its return.
    Passes {
        matrix: usize,
        next: Pass,
        /// The means of the light that is out.
        out: Option<Vec<Complex<f64>>>,
        residuals: Residuals,
    },
    /// It caught the client. Nothing comes after.
    Over,
}

impl<'a> Server<'a> {
    /// A server of a network.
    ///
    /// # Errors
    /// [`OpticalError::FalseAlarm`], [`OpticalError::BudgetLimit`].
    pub fn new(network: &'a OpticalNetwork, conditions: Conditions) -> Result<Self, OpticalError> {
        Ok(Self {
            network,
            shapes: network.public().matrices().collect(),
            conditions,
            check: Check::new(conditions.setting, conditions.false_alarm)?,
            budget: Budget::new(conditions.budget_bits)?,
            step: Step::Idle,
            verdicts: Vec::new(),
            history: vec![Residuals::default(); network.public().matrices().count()],
        })
    }

    /// Bits that one query is charged: those that an honest client may learn of a weight, in the layer that tells most.
    #[must_use]
    pub fn query_bits(&self) -> f64 {
        let Conditions {
            setting, variant, ..
        } = &self.conditions;
        LayerLeak::largest(self.network.public(), *variant, setting).weight_an_image
    }

    /// The ledger.
    #[must_use]
    pub const fn budget(&self) -> &Budget {
        &self.budget
    }

    /// The verdicts on all layers so far, the last of a caught client included.
    #[must_use]
    pub fn verdicts(&self) -> &[Verdict] {
        &self.verdicts
    }

    /// The means of row `row` of a matrix: its weights, at the setting's power.
    fn means(&self, matrix: usize, row: usize) -> Vec<Complex<f64>> {
        let shape = self.shapes[matrix];
        let weights = &self.network.matrix(matrix)[row * shape.columns..][..shape.columns];
        pass::modes_of(weights, shape.amplitude(&self.conditions.setting))
    }

    fn out_of_turn(&self, asked: String) -> OpticalError {
        let next = match &self.step {
            Step::Idle => "a query".to_owned(),
            Step::Matrix(number) => format!("matrix {number}"),
            Step::Passes { next, out, .. } => match out {
                None => format!("sending {next:?}"),
                Some(_) => format!("taking back {next:?}"),
            },
            Step::Over => "none: it caught the client".to_owned(),
        };
        OpticalError::OutOfTurn {
            party: "server",
            asked,
            next,
        }
    }
}

impl Sender for Server<'_> {
    /// A query may begin while another is unfinished: what that one was charged stays charged.
    fn open(&mut self) -> Result<(), OpticalError> {
        if matches!(self.step, Step::Over) {
            return Err(self.out_of_turn("a query".to_owned()));
        }
        self.budget.charge(self.query_bits())?;
        self.step = Step::Matrix(0);
        Ok(())
    }

    fn begin(&mut self, matrix: usize) -> Result<(), OpticalError> {
        match self.step {
            Step::Matrix(due) if due == matrix => {
                self.step = Step::Passes {
                    matrix,
                    next: Pass::FIRST,
                    out: None,
                    residuals: Residuals::default(),
                };
                Ok(())
            }
            _ => Err(self.out_of_turn(format!("matrix {matrix}"))),
        }
    }

    fn send(&mut self, pass: Pass, dice: &mut Dice) -> Result<Field, OpticalError> {
        let due = match &self.step {
            Step::Passes {
                matrix,
                next,
                out: None,
                ..
            } if *next == pass && pass.position < self.shapes[*matrix].uses() => *matrix,
            _ => return Err(self.out_of_turn(format!("sending {pass:?}"))),
        };
        let means = self.means(due, pass.row);
        let light = pass::launch(&self.conditions.setting, &means, dice);
        if let Step::Passes { out, .. } = &mut self.step {
            *out = Some(means);
        }
        Ok(light)
    }

    fn take_back(&mut self, pass: Pass, light: Field, dice: &mut Dice) -> Result<(), OpticalError> {
        let error = self.out_of_turn(format!("taking back {pass:?}"));
        let Step::Passes {
            matrix,
            next,
            out,
            residuals,
        } = &mut self.step
        else {
            return Err(error);
        };
        let Some(means) = out.take_if(|_| *next == pass) else {
            return Err(error);
        };
        if light.len() != means.len() {
            // Light that does not fit says as much as light that does not match.
            self.step = Step::Over;
            return Err(OpticalError::Modes {
                want: means.len(),
                got: light.len(),
            });
        }
        let mut coins = Coins::default();
        residuals.add(&means, light.points(), || coins.toss(dice));
        *next = pass.after(self.shapes[*matrix]);
        Ok(())
    }

    fn end(&mut self) -> Result<Option<Verdict>, OpticalError> {
        let (matrix, residuals) = match &self.step {
            Step::Passes {
                matrix,
                next,
                residuals,
                ..
            } if next.position == self.shapes[*matrix].uses() => (*matrix, *residuals),
            _ => return Err(self.out_of_turn("the end of a matrix".to_owned())),
        };
        let history = &mut self.history[matrix];
        let first = history.is_empty();
        history.join(&residuals);
        let verdict = match first {
            true => self.check.judge(&residuals),
            false => self.check.judge_both(&residuals, history),
        };
        self.verdicts.push(verdict);
        if !self.check.passes(&verdict) {
            self.step = Step::Over;
            return Err(OpticalError::Caught {
                layer: self.shapes[matrix].name.clone(),
                verdict,
            });
        }
        self.step = match matrix + 1 < self.shapes.len() {
            true => Step::Matrix(matrix + 1),
            false => Step::Idle,
        };
        Ok(Some(verdict))
    }
}

/// Coins from words of dice, 64 of each.
#[derive(Default)]
struct Coins {
    word: u64,
    left: u32,
}

impl Coins {
    fn toss(&mut self, dice: &mut Dice) -> bool {
        if self.left == 0 {
            (self.word, self.left) = (dice.next_u64(), u64::BITS);
        }
        self.left -= 1;
        let coin = self.word & 1 == 1;
        self.word >>= 1;
        coin
    }
}
