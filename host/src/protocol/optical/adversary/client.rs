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

    fn add(&mut self, pass: Pass, readings: &[Complex<f64>]) {
        let row = self.sums.chunks_exact_mut(self.modes).nth(pass.row);
        for (sum, reading) in row.into_iter().flatten().zip(readings) {
            *sum += reading;
        }
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
        let readings = light.points().iter().map(|&mode| heterodyne(mode, dice));
        let readings: Vec<_> = readings.collect();
        self.readings.add(pass, &readings);
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

/// Measures everything on its way to an honest client, who gets a copy.
pub struct InterceptResend<'a> {
    client: Client<'a>,
    readings: Readings,
}

impl<'a> InterceptResend<'a> {
    /// One before this client.
    #[must_use]
    pub fn new(client: Client<'a>) -> Self {
        Self {
            client,
            readings: Readings::default(),
        }
    }

    /// A number for each quadrature, row by row.
    pub fn estimates(&self) -> impl Iterator<Item = f64> {
        self.readings.quadratures()
    }
}

impl Receiver for InterceptResend<'_> {
    fn begin(&mut self, shape: &MatrixShape) -> Result<(), OpticalError> {
        self.readings.begin(shape);
        self.client.begin(shape)
    }

    fn receive(
        &mut self,
        pass: Pass,
        light: Field,
        dice: &mut Dice,
    ) -> Result<Field, OpticalError> {
        let readings = light.points().iter().map(|&mode| heterodyne(mode, dice));
        let readings: Vec<_> = readings.collect();
        self.readings.add(pass, &readings);
        let copy = Field::coherent(&readings, dice);
        self.client.receive(pass, copy, dice)
    }

    fn end(&mut self) -> Result<(), OpticalError> {
        self.client.end()
    }
}

/// Keeps a fraction of every mode and measures it; the rest goes through an honest client, who measures as well.
///
/// Behind the agreed link that is a client who keeps too much. In front of a perfect link, of as much as the agreed one loses, it
/// is one who has replaced the link, and whom nobody can tell from its loss.
pub struct Splitter<'a> {
    client: Client<'a>,
    fraction: f64,
    readings: Readings,
}

impl<'a> Splitter<'a> {
    /// The honest part, with what it measured.
    #[must_use]
    pub fn into_client(self) -> Client<'a> {
        self.client
    }

    /// One that keeps 0 ≤ `fraction` ≤ 1 of the power.
    #[must_use]
    pub fn new(client: Client<'a>, fraction: f64) -> Self {
        Self {
            client,
            fraction,
            readings: Readings::default(),
        }
    }

    /// A number for each quadrature, row by row.
    pub fn estimates(&self) -> impl Iterator<Item = f64> {
        self.readings.quadratures()
    }
}

impl Receiver for Splitter<'_> {
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
        let kept = light.points_mut().iter_mut().map(|mode| {
            let kept = tap(mode, 1.0 - self.fraction, dice);
            heterodyne(kept, dice)
        });
        let readings: Vec<_> = kept.collect();
        self.readings.add(pass, &readings);
        self.client.receive(pass, light, dice)
    }

    fn end(&mut self) -> Result<(), OpticalError> {
        self.client.end()
    }
}
