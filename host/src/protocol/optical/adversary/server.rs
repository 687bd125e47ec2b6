//! Servers that send crafted states, to learn the client's data from the noise that comes back.
//!
//! The light carries no weights: X of every mode is as quiet as the server can make it, of variance s (1 without light, less for
//! squeezed vacuum). An honest client returns X with covariance s + e (u uᵗ + w wᵗ), where v = u + iw are its data and
//! e = 2(G−1)/G. The client notices nothing: it has no check.
//!
//! What is learnt:
//!
//! - *Separately*: the mean of r² over a layer's passes tells of |vₖ|² in each mode k. With ρ their correlation over modes and
//!   trials, −½ log₂(1 − ρ²) bits of a datum, held against the v1 bound. Only the size of a datum shows, not its sign.
//! - *Jointly*: how much likelier the returned light is under the true v than under no data at all. Its mean, over the number
//!   of data, is at least the information on a datum, and close to it while no v can be singled out (up to e ≈ √(n/M) a
//!   quadrature: above, it only limits from above).

use addax_sim::optical::detection::homodyne;
use addax_sim::optical::{Complex, Field, Setting, Variant, leak, pass};

use super::super::check::Verdict;
use super::super::lowering::MatrixShape;
use super::super::session::{Pass, Sender};
use super::super::{Dice, OpticalError};
use super::information::Correlation;

/// What a server sends and how it reads what returns.
#[derive(Clone, Copy, Debug)]
pub struct Reading {
    /// The variance of X of the light sent.
    launched: f64,
    joint: bool,
}

impl Reading {
    /// Each mode on its own, light of this variance of X.
    #[must_use]
    pub const fn separate(launched: f64) -> Self {
        Self {
            launched,
            joint: false,
        }
    }

    /// All modes together, without light.
    #[must_use]
    pub const fn joint() -> Self {
        Self {
            launched: 1.0,
            joint: true,
        }
    }

    /// Bits of a datum, from all trials.
    pub(super) fn bits(&self, learnt: &Correlation, data: usize, trials: usize) -> f64 {
        match self.joint {
            // The sum of log-likelihood ratios, in bits.
            true => learnt.products / (data * trials).max(1) as f64,
            false => learnt.bits(),
        }
    }

    /// The bound that covers this reading: the variant's own for modes looked at one at a time in coherent light, the one on
    /// the whole covariance otherwise.
    pub(super) fn bound(&self, variant: Variant, gain: f64, rows: usize, data: usize) -> f64 {
        match !self.joint && self.launched >= 1.0 {
            true => leak::data_leak(variant, gain, rows, data),
            false => leak::joint_data_leak(gain, rows, data, self.launched),
        }
    }
}

/// A server without weights.
pub struct Crafted {
    setting: Setting,
    reading: Reading,
    shape: MatrixShape,
    /// X of each returned mode, pass by pass.
    returned: Vec<Vec<f64>>,
}

impl Crafted {
    /// One that pretends to send a matrix of this shape.
    #[must_use]
    pub fn new(shape: &MatrixShape, setting: Setting, reading: Reading) -> Self {
        Self {
            setting,
            reading,
            shape: shape.clone(),
            returned: Vec::new(),
        }
    }

    /// What the returned light tells of the client's values: to be asked by who knows them.
    pub(super) fn learnt(&self, values: &[f32]) -> Correlation {
        let uses = self.shape.uses();
        let passes =
            |position: usize| self.returned[position * self.shape.rows..][..self.shape.rows].iter();
        let mut learnt = Correlation::default();
        for position in 0..uses {
            let mut numbers = Vec::with_capacity(self.shape.columns);
            self.shape.gather(values, position, &mut numbers);
            let Some((v, _)) = pass::data_of(&numbers) else {
                continue;
            };
            match self.reading.joint {
                true => {
                    learnt.products += passes(position)
                        .map(|x| self.likelihood(&v, x))
                        .sum::<f64>()
                }
                false => learnt.join(&separately(&v, passes(position))),
            }
        }
        learnt
    }

    /// log₂ of how much likelier a pass is under data v than under none.
    ///
    /// With B = (u, w), K = BᵗB, b = Bᵗ r and s = 1: ½ (e bᵗ (1 + eK)⁻¹ b − ln det(1 + eK)).
    fn likelihood(&self, v: &[Complex<f64>], x: &[f64]) -> f64 {
        let excess = self.setting.returned_excess();
        let (mut uu, mut uw, mut ww, mut bu, mut bw) = (0.0, 0.0, 0.0, 0.0, 0.0);
        for (v, x) in v.iter().zip(x) {
            uu += v.re * v.re;
            uw += v.re * v.im;
            ww += v.im * v.im;
            bu += v.re * x;
            bw += v.im * x;
        }
        let (a, b, d) = (1.0 + excess * uu, excess * uw, 1.0 + excess * ww);
        let determinant = a * d - b * b;
        let form = (d * bu * bu - 2.0 * b * bu * bw + a * bw * bw) / determinant;
        0.5 * (excess * form - determinant.ln()) / std::f64::consts::LN_2
    }
}

/// Pairs of a mode's mean square about what it would be, and the square of its datum about its mean.
fn separately<'a>(v: &[Complex<f64>], passes: impl Iterator<Item = &'a Vec<f64>>) -> Correlation {
    let mut squares = vec![0.0; v.len()];
    let mut count = 0.0;
    for pass in passes {
        count += 1.0;
        for (square, x) in squares.iter_mut().zip(pass) {
            *square += x * x;
        }
    }
    let centred = |numbers: Vec<f64>| {
        let mean = numbers.iter().sum::<f64>() / numbers.len().max(1) as f64;
        numbers
            .into_iter()
            .map(|number| number - mean)
            .collect::<Vec<_>>()
    };
    let squares = centred(squares.iter().map(|square| square / count).collect());
    let sizes = centred(v.iter().map(|v| v.norm_sqr()).collect());
    Correlation::of(squares.into_iter(), sizes.into_iter())
}

impl Sender for Crafted {
    fn open(&mut self) -> Result<(), OpticalError> {
        Ok(())
    }

    fn begin(&mut self, _matrix: usize) -> Result<(), OpticalError> {
        self.returned.clear();
        Ok(())
    }

    fn send(&mut self, _pass: Pass, dice: &mut Dice) -> Result<Field, OpticalError> {
        // Nearer than it says: nothing is lost on the way, and no noise of the link hides what it looks for.
        Ok(Field::squeezed(
            self.shape.modes(),
            self.reading.launched,
            dice,
        ))
    }

    fn take_back(
        &mut self,
        _pass: Pass,
        light: Field,
        _dice: &mut Dice,
    ) -> Result<(), OpticalError> {
        let readings = light.points().iter().map(|&mode| homodyne(mode, 0.0));
        self.returned.push(readings.collect());
        Ok(())
    }

    fn end(&mut self) -> Result<Option<Verdict>, OpticalError> {
        Ok(None)
    }
}
