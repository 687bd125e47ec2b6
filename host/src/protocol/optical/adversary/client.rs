//! Clients that look at more than they should, and someone on the line.

use addax_sim::optical::detection::heterodyne;
use addax_sim::optical::element::tap;
use addax_sim::optical::{Complex, Field, Setting};

use super::super::lowering::MatrixShape;
use super::super::session::{Pass, Receiver};
use super::super::{Client, Dice, OpticalError};

/// Readings of every mode of a matrix, summed over positions.
#[derive(Default)]
struct Readings {
    modes: usize,
    sums: Vec<Complex<f64>>,
}

impl Readings {
    fn begin(&mut self, shape: &MatrixShape) {
        self.modes = shape.modes();
        self.sums = vec![Complex::ZERO; shape.rows * shape.modes()];
    }

    /// Reads both quadratures of the modes of a pass.
    fn read(
        &mut self,
        pass: Pass,
        modes: impl Iterator<Item = Complex<f64>>,
        dice: &mut Dice,
    ) -> Vec<Complex<f64>> {
        let readings: Vec<_> = modes.map(|mode| heterodyne(mode, dice)).collect();
        let row = self.sums.chunks_exact_mut(self.modes).nth(pass.row);
        for (sum, reading) in row.into_iter().flatten().zip(&readings) {
            *sum += reading;
        }
        readings
    }

    fn quadratures(&self) -> impl Iterator<Item = f64> {
        self.sums.iter().flat_map(|sum| [sum.re, sum.im])
    }
}

/// Measures everything; answers with its best guess of what was sent.
pub struct Heterodyne {
    setting: Setting,
    readings: Readings,
}

impl Heterodyne {
    /// One that knows the setting.
    #[must_use]
    pub fn new(setting: Setting) -> Self {
        Self {
            setting,
            readings: Readings::default(),
        }
    }

    /// A number for each quadrature, row by row.
    pub fn estimates(&self) -> impl Iterator<Item = f64> {
        self.readings.quadratures()
    }
}

impl Receiver for Heterodyne {
    fn begin(&mut self, shape: &MatrixShape) -> Result<(), OpticalError> {
        self.readings.begin(shape);
        Ok(())
    }

    fn receive(
        &mut self,
        pass: Pass,
        light: Field,
        dice: &mut Dice,
    ) -> Result<Field, OpticalError> {
        let modes = light.points().iter().copied();
        let readings = self.readings.read(pass, modes, dice);
        // The least squared error: a reading has twice the vacuum's noise, and the link's.
        let power = self.setting.power();
        let trust = power / (power + 2.0 + self.setting.noise());
        let means: Vec<_> = readings.iter().map(|reading| reading * trust).collect();
        Ok(Field::coherent(&means, dice))
    }

    fn end(&mut self) -> Result<(), OpticalError> {
        Ok(())
    }
}

/// What someone before an honest client takes.
#[derive(Clone, Copy, Debug)]
pub enum Taking {
    /// Everything; the client gets light with the means that were read.
    Copy,
    /// This fraction of the power, 0 to 1; the client gets the rest.
    ///
    /// Behind the agreed link that is a client who keeps too much. In front of a perfect link, of as much as the agreed one
    /// loses, it is one who has replaced the link, and whom nobody can tell from its loss.
    Fraction(f64),
}

/// Takes light on its way to an honest client and measures it.
pub struct Eavesdropper<'a> {
    client: Client<'a>,
    taking: Taking,
    readings: Readings,
}

impl<'a> Eavesdropper<'a> {
    /// One before this client.
    #[must_use]
    pub fn new(client: Client<'a>, taking: Taking) -> Self {
        Self {
            client,
            taking,
            readings: Readings::default(),
        }
    }

    /// A number for each quadrature, row by row.
    pub fn estimates(&self) -> impl Iterator<Item = f64> {
        self.readings.quadratures()
    }

    /// The honest part, with what it measured.
    #[must_use]
    pub fn into_client(self) -> Client<'a> {
        self.client
    }
}

impl Receiver for Eavesdropper<'_> {
    fn begin(&mut self, shape: &MatrixShape) -> Result<(), OpticalError> {
        self.readings.begin(shape);
        self.client.begin(shape)
    }

    fn receive(
        &mut self,
        pass: Pass,
        mut light: Field,
        dice: &mut Dice,
    ) -> Result<Field, OpticalError> {
        let left = match self.taking {
            Taking::Copy => {
                let modes = light.points().iter().copied();
                let readings = self.readings.read(pass, modes, dice);
                Field::coherent(&readings, dice)
            }
            Taking::Fraction(fraction) => {
                let modes = light.points_mut().iter_mut();
                let taken: Vec<_> = modes.map(|mode| tap(mode, 1.0 - fraction, dice)).collect();
                self.readings.read(pass, taken.into_iter(), dice);
                light
            }
        };
        self.client.receive(pass, left, dice)
    }

    fn end(&mut self) -> Result<(), OpticalError> {
        self.client.end()
    }
}
