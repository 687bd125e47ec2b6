//! Servers that send crafted states, to learn the client's data from the noise that comes back.
//!
//! The light carries no weights: X of every mode is as quiet as the server can make it, of variance s (1 in darkness, less for
//! squeezed vacuum). An honest client returns its own noise in the mode v of its data. The client notices nothing: it has no
//! check.
//!
//! In each mode k the server has, after a layer, a number that grows with |vₖ|², and so with the sizes of two data, but not with
//! their signs.
//!
//! - The mean of X²: with ρ its correlation with |vₖ|² over modes and trials, −½ log₂(1 − ρ²) bits are learnt of a mode, or a
//!   little less, since sizes are not normal.
//! - How many photons m it counted: Poisson of mean N |vₖ|², N = M e/2. Where data are normal, |vₖ|² is exponential of mean 1/n′, and m
//!   by itself geometric; the mean of log₂ p(m | vₖ)/p(m) over modes and trials is what is learnt of a mode.
//!
//! A datum has half of that.

use std::f64::consts::LN_2;

use addax_sim::optical::detection::homodyne;
use addax_sim::optical::{Complex, Field, Setting, Variant, leak, pass};
use statrs::function::gamma::ln_gamma;

use super::super::check::Verdict;
use super::super::lowering::MatrixShape;
use super::super::session::{Pass, Sender};
use super::super::{Dice, OpticalError};
use super::information::Correlation;

/// What a server sends and how it reads what returns.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Reading {
    /// Light of this variance of X, and homodyne detectors.
    Quadratures(f64),
    /// Darkness, and counters of photons.
    Photons,
}

impl Reading {
    /// The bound that covers it, in bits a datum, and whose it is.
    pub(super) fn bound(
        self,
        variant: Variant,
        gain: f64,
        rows: usize,
        data: usize,
    ) -> (f64, &'static str) {
        match self {
            Self::Quadratures(launched) if launched >= 1.0 => {
                (leak::data_leak(variant, gain, rows, data), variant.name())
            }
            Self::Quadratures(launched) => (
                leak::joint_data_leak(gain, rows, data, launched),
                "prx, extended to squeezed light",
            ),
            Self::Photons => (
                leak::dark_data_leak(gain, rows, data),
                "any measurement of darkness",
            ),
        }
    }
}

/// A number for each mode of each position, and the data that it tells of.
pub struct Noise {
    /// Summed over rows, position by position.
    sums: Vec<f64>,
    modes: usize,
}

impl Noise {
    /// None yet.
    #[must_use]
    pub fn new(shape: &MatrixShape) -> Self {
        Self {
            sums: vec![0.0; shape.modes() * shape.uses()],
            modes: shape.modes(),
        }
    }

    /// Adds a pass at a position.
    pub fn add(&mut self, position: usize, numbers: impl Iterator<Item = f64>) {
        let sums = self.sums.chunks_exact_mut(self.modes).nth(position);
        for (sum, number) in sums.into_iter().flatten().zip(numbers) {
            *sum += number;
        }
    }

    /// Its correlation with the sizes of a client's data.
    #[must_use]
    pub fn learnt(&self, shape: &MatrixShape, values: &[f32]) -> Correlation {
        let mut learnt = Correlation::default();
        for (position, sums) in self.sums.chunks_exact(self.modes).enumerate() {
            if let Some((v, _)) = shape.data(values, position) {
                let sizes = v.iter().map(|v| v.norm_sqr()).collect();
                learnt.join(&Correlation::of(
                    centred(sums.to_vec()).into_iter(),
                    centred(sizes).into_iter(),
                ));
            }
        }
        learnt
    }

    /// What a server counts that sends darkness to an honest client.
    #[must_use]
    pub fn counted(
        shape: &MatrixShape,
        setting: &Setting,
        values: &[f32],
        dice: &mut Dice,
    ) -> Self {
        let mut noise = Self::new(shape);
        for position in 0..shape.uses() {
            let Some((v, _)) = shape.data(values, position) else {
                continue;
            };
            for _ in 0..shape.rows {
                let photons = pass::returned_photons(setting, &v, dice);
                noise.add(position, photons.into_iter().map(|count| count as f64));
            }
        }
        noise
    }

    /// Bits that counted photons tell of a mode, on average over modes and positions.
    pub(super) fn counted_bits(
        &self,
        shape: &MatrixShape,
        setting: &Setting,
        values: &[f32],
    ) -> f64 {
        let photons = shape.rows as f64 * setting.returned_excess() / 2.0;
        let each = photons / self.modes as f64;
        let mut sum = 0.0;
        for (position, counts) in self.sums.chunks_exact(self.modes).enumerate() {
            let v = shape.data(values, position).map(|(v, _)| v);
            for (mode, &count) in counts.iter().enumerate() {
                let size = v.as_ref().map_or(0.0, |v| v[mode].norm_sqr());
                let mean = photons * size;
                // 0 ln 0 is 0.
                let hits = match count > 0.0 {
                    true => count * mean.ln(),
                    false => 0.0,
                };
                let poisson = hits - mean - ln_gamma(count + 1.0);
                let geometric = count * (each / (1.0 + each)).ln() - each.ln_1p();
                sum += poisson - geometric;
            }
        }
        sum / (LN_2 * self.sums.len() as f64)
    }
}

fn centred(mut numbers: Vec<f64>) -> Vec<f64> {
    let mean = numbers.iter().sum::<f64>() / numbers.len().max(1) as f64;
    numbers.iter_mut().for_each(|number| *number -= mean);
    numbers
}

/// A server without weights.
pub struct Crafted<'a> {
    shape: &'a MatrixShape,
    /// The variance of X that it sends.
    launched: f64,
    noise: Noise,
}

impl<'a> Crafted<'a> {
    /// One that pretends to send a matrix of this shape.
    #[must_use]
    pub fn new(shape: &'a MatrixShape, launched: f64) -> Self {
        Self {
            shape,
            launched,
            noise: Noise::new(shape),
        }
    }

    /// What it has read.
    #[must_use]
    pub fn into_noise(self) -> Noise {
        self.noise
    }
}

impl Sender for Crafted<'_> {
    fn open(&mut self) -> Result<(), OpticalError> {
        Ok(())
    }

    fn begin(&mut self, _matrix: usize) -> Result<(), OpticalError> {
        self.noise = Noise::new(self.shape);
        Ok(())
    }

    fn send(&mut self, _pass: Pass, dice: &mut Dice) -> Result<Field, OpticalError> {
        Ok(Field::squeezed(self.shape.modes(), self.launched, dice))
    }

    fn take_back(
        &mut self,
        pass: Pass,
        light: Field,
        _dice: &mut Dice,
    ) -> Result<(), OpticalError> {
        let square = |&mode: &Complex<f64>| homodyne(mode, 0.0).powi(2);
        self.noise
            .add(pass.position, light.points().iter().map(square));
        Ok(())
    }

    fn end(&mut self) -> Result<Option<Verdict>, OpticalError> {
        Ok(None)
    }
}
