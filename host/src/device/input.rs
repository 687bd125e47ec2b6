//! A sensor's reading as the input of the private protocol.
//!
//! Keys and first ciphertexts are the sensor's. The gateway holds the paired secret: it decrypts, evaluates garbled
//! circuits, and encrypts later layers with randomness of its own. It never sees the reading in clear on the wire, but
//! could decrypt it; that is what pairing means.

use std::collections::VecDeque;

use addax_core::link::sensor::Segment;
use addax_core::params::N4096;
use addax_sim::link::LinkError;
use zeroize::Zeroizing;

use super::{Pairing, Sensor, SensorError};
use crate::he::{Context, FreshCiphertext, PublicKey, SecretKey};
use crate::linear::Packing;
use crate::protocol::{Encryptor, FirstLayer, Input, ProtocolError};
use crate::random::PartyRandomness;

/// Lost sessions that one job survives.
const MOST_LOSSES: usize = 10;

/// A sensor, and the key it was paired with.
pub struct SensorInput {
    sensor: Sensor,
    pairing: Pairing,
    /// Ciphertexts of the reading that were not asked for yet.
    ready: VecDeque<Vec<u8>>,
    progress: Box<dyn FnMut(usize, usize)>,
}

impl SensorInput {
    /// A sensor's input.
    ///
    /// # Errors
    /// A sensor with another secret key, or a link that does not work.
    pub fn new(sensor: Sensor, pairing: Pairing) -> Result<Self, SensorError> {
        let input = Self {
            sensor,
            pairing,
            ready: VecDeque::new(),
            progress: Box::new(|_, _| {}),
        };
        input.check_key()?;
        Ok(input)
    }

    /// From now on `progress` hears how many bytes of a reading's ciphertexts have come, of how many.
    pub fn on_progress(&mut self, progress: impl FnMut(usize, usize) + 'static) {
        self.progress = Box::new(progress);
    }

    /// The sensor.
    #[must_use]
    pub const fn sensor(&self) -> &Sensor {
        &self.sensor
    }

    /// A sensor that was reset has another key, under which this side could decrypt nothing.
    fn check_key(&self) -> Result<(), SensorError> {
        match self.sensor.info()?.key {
            Some(key) if key == self.pairing.id() => Ok(()),
            _ => Err(SensorError::Unpaired),
        }
    }

    /// Does a job, again with a new session when one is lost.
    fn survive<T>(
        &mut self,
        mut job: impl FnMut(&mut Self) -> Result<T, SensorError>,
    ) -> Result<T, SensorError> {
        let mut outcome = job(self);
        for _ in 0..MOST_LOSSES {
            if !matches!(outcome, Err(SensorError::Link(LinkError::Lost))) {
                break;
            }
            outcome = self
                .sensor
                .reopen()
                .and_then(|()| self.check_key())
                .and_then(|()| job(self));
        }
        outcome
    }

    fn check_parameters(context: &Context) -> Result<(), SensorError> {
        let parameters = context.parameters();
        if parameters.log_n == N4096.log_n && parameters.limbs == N4096.limbs {
            return Ok(());
        }
        Err(SensorError::Parameters {
            model: parameters.name.to_owned(),
        })
    }

    /// All ciphertexts of a new reading.
    fn encrypt_reading(
        &mut self,
        context: &Context,
        layer: &FirstLayer<'_>,
    ) -> Result<VecDeque<Vec<u8>>, SensorError> {
        let expected: usize = layer.packing.convolution().input.iter().product();
        let found = self.sensor.read()?;
        if found != expected {
            return Err(SensorError::Reading { found, expected });
        }
        let inputs = layer.packing.inputs();
        let length = FreshCiphertext::wire_len(context);
        let mut ready = VecDeque::with_capacity(inputs);
        for index in 0..inputs {
            let segments = segments(layer.packing, index)?;
            let (sensor, progress) = (&self.sensor, &mut self.progress);
            let bytes = sensor.encrypt(
                context,
                layer.plain_bits,
                layer.input_bits,
                &segments,
                &mut |done| progress(index * length + done, inputs * length),
            )?;
            FreshCiphertext::from_bytes(context, &bytes)?;
            ready.push_back(bytes);
        }
        Ok(ready)
    }
}

/// Where a reading's values stand in an input polynomial.
fn segments(packing: &Packing, index: usize) -> Result<Vec<Segment>, SensorError> {
    const TOO_LARGE: SensorError = SensorError::Layer("its input is larger than a reading can be");
    let number = |value: usize| u16::try_from(value).map_err(|_| TOO_LARGE);
    packing
        .input_runs(index)
        .into_iter()
        .map(|run| {
            Ok(Segment {
                coefficient: number(run.coefficient)?,
                source: number(run.source)?,
                length: number(run.length)?,
            })
        })
        .collect()
}

impl From<SensorError> for ProtocolError {
    fn from(error: SensorError) -> Self {
        Self::Input(Box::new(error))
    }
}

impl Input for SensorInput {
    fn keys(
        &mut self,
        context: &Context,
        _: &mut PartyRandomness,
    ) -> Result<(SecretKey, Vec<u8>), ProtocolError> {
        Self::check_parameters(context)?;
        let public = self.survive(|input| {
            let bytes = input.sensor.public_key(context)?;
            PublicKey::from_bytes(context, &bytes)?;
            Ok(bytes)
        })?;
        Ok((self.pairing.secret_key(context), public))
    }

    fn encrypt(
        &mut self,
        layer: &FirstLayer<'_>,
        index: usize,
        encryptor: Encryptor<'_>,
    ) -> Result<Vec<u8>, ProtocolError> {
        if index == 0 {
            // Of one reading or none: a session that is lost between two ciphertexts takes the reading with it.
            self.ready = self.survive(|input| input.encrypt_reading(encryptor.context(), layer))?;
        }
        let ciphertext = self.ready.pop_front();
        Ok(ciphertext.ok_or(SensorError::Layer("it takes more ciphertexts than it says"))?)
    }

    fn values(&mut self) -> Result<Zeroizing<Vec<u64>>, ProtocolError> {
        Err(SensorError::Layer("it is not linear, and a sensor gives its reading to nobody").into())
    }
}
