//! A gateway's side of a sensor's link: one function a job.

use addax_core::client::SECRET_BYTES;
use addax_core::link::Payload;
use addax_core::link::sensor::{
    BYTES_PER_PACKET, COEFFICIENT_BYTES, COEFFICIENTS_PER_PACKET, Info, KNOWN_INSTRUCTIONS,
    Measurement, Proof, Segment, SensorReply, SensorRequest, encode,
};
use addax_core::link::{Traffic, sensor};
use addax_core::params::N4096;
use addax_sim::link::{LinkError, Patience, Session};
use zeroize::{Zeroize, Zeroizing};

use super::SensorError;
use crate::accel::device::Place;
use crate::he::{Context, FreshCiphertext};

/// How far a count of known instructions may be off and still count instructions.
const TOLERANCE: u64 = KNOWN_INSTRUCTIONS / 100;

/// A sensor over a link.
pub struct Sensor {
    session: Session,
}

/// What a sensor says of itself, texts fit to be shown.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct SensorInfo {
    /// What it is; always `sensor`.
    pub role: &'static str,
    /// The board.
    pub board: String,
    /// Version of the firmware.
    pub firmware: String,
    /// Why it started last.
    pub cause: String,
    /// How often it has started since the power came on.
    pub starts: u32,
    /// Coefficients of a polynomial.
    pub n: usize,
    /// Limbs of a ciphertext.
    pub limbs: usize,
    /// Largest number of plaintext bits.
    pub max_plain_bits: u32,
    /// Bytes of a reading now.
    pub reading_bytes: usize,
    /// Bytes of static memory.
    pub static_ram_bytes: u32,
    /// Bytes that the stack may take.
    pub stack_bytes: u32,
    /// Bytes of stack in use at the deepest moment so far.
    pub stack_high_water_bytes: u32,
    /// Static memory and the deepest stack.
    pub ram_bytes: u32,
    /// Time since its start.
    pub uptime_ms: u64,
    /// Public keys and encryptions begun under the secret key.
    pub used: u64,
    /// Frames that came damaged from the gateway.
    pub damaged: u64,
    /// Packets sent to the gateway again.
    pub repeated: u64,
    /// Which secret key it has handed over, if it has.
    #[serde(serialize_with = "hexadecimal")]
    pub key: Option<sensor::KeyId>,
}

fn hexadecimal<S: serde::Serializer>(
    key: &Option<sensor::KeyId>,
    to: S,
) -> Result<S::Ok, S::Error> {
    match key {
        Some(key) => to.serialize_some(&hex(key)),
        None => to.serialize_none(),
    }
}

/// Bytes in hexadecimal.
#[must_use]
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// What an encryption takes on the sensor's processor.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Cost {
    /// Whether the board counted instructions; otherwise cycles, or time.
    pub counts_instructions: bool,
    /// Counts of one encryption, from its seed to its last byte, nothing sent.
    pub encryption: u64,
    /// Counts of one forward transform of one limb.
    pub transform: u64,
}

impl Cost {
    /// Counts per butterfly of a transform.
    #[must_use]
    pub fn per_butterfly(&self) -> f64 {
        self.transform as f64 / sensor::BUTTERFLIES as f64
    }
}

impl From<Measurement> for Cost {
    fn from(measurement: Measurement) -> Self {
        Self {
            counts_instructions: measurement.known.abs_diff(KNOWN_INSTRUCTIONS) <= TOLERANCE,
            encryption: measurement.encryption,
            transform: measurement.transform,
        }
    }
}

impl Sensor {
    /// Opens a session with the sensor at a place.
    ///
    /// # Errors
    /// A sensor that cannot be reached, or something else that answers in its place.
    pub fn connect(place: &Place, patience: Patience) -> Result<Self, SensorError> {
        let session = place.session(patience)?;
        let sensor = Self { session };
        sensor.info()?;
        Ok(sensor)
    }

    /// Opens another session after [`LinkError::Lost`].
    ///
    /// # Errors
    /// As [`Sensor::connect`].
    pub fn reopen(&self) -> Result<(), SensorError> {
        Ok(self.session.reopen()?)
    }

    /// What has travelled.
    #[must_use]
    pub fn traffic(&self) -> Traffic {
        self.session.traffic()
    }

    fn send(&self, request: &SensorRequest<'_>) -> Result<(), SensorError> {
        Ok(self.session.send(&encode(request))?)
    }

    fn receive<T>(
        &self,
        read: impl FnOnce(&SensorReply<'_>) -> Option<T>,
    ) -> Result<T, SensorError> {
        let packet = Erased(self.session.receive()?);
        understand(&packet.0, read)
    }

    fn ask<T>(
        &self,
        request: &SensorRequest<'_>,
        read: impl FnOnce(&SensorReply<'_>) -> Option<T>,
    ) -> Result<T, SensorError> {
        self.send(request)?;
        self.receive(read)
    }

    /// Who it is, and how it is.
    ///
    /// # Errors
    /// A link that does not work, or something that is no sensor.
    pub fn info(&self) -> Result<SensorInfo, SensorError> {
        self.ask(&SensorRequest::Info, |reply| match reply {
            SensorReply::Info(info) => SensorInfo::of(info),
            _ => None,
        })
    }

    /// The packed secret key, which is handed over once after a start.
    ///
    /// # Errors
    /// A sensor that was paired or has no randomness, or a link that does not work.
    pub fn pair(&self) -> Result<Zeroizing<[u8; SECRET_BYTES]>, SensorError> {
        self.ask(&SensorRequest::Pair, |reply| match reply {
            SensorReply::Secret(bytes) => {
                let mut secret = Zeroizing::new([0; SECRET_BYTES]);
                secret.copy_from_slice(bytes.get(..SECRET_BYTES)?);
                Some(secret)
            }
            _ => None,
        })
    }

    /// The bytes of a public key, of the length that [`crate::he::PublicKey`] has.
    ///
    /// # Errors
    /// A sensor that is not paired, or a link that does not work.
    pub fn public_key(&self, context: &Context) -> Result<Vec<u8>, SensorError> {
        self.send(&SensorRequest::PublicKey)?;
        self.pieces(FreshCiphertext::wire_len(context), &mut |_| {})
    }

    /// Takes a reading, for the encryptions that follow: its length.
    ///
    /// # Errors
    /// A sensor without a reading, or a link that does not work.
    pub fn read(&self) -> Result<usize, SensorError> {
        self.ask(&SensorRequest::Read, |reply| match reply {
            SensorReply::Reading { length } => usize::try_from(*length).ok(),
            _ => None,
        })
    }

    /// Encrypts values of the reading where `segments` say: the bytes of a
    /// [`FreshCiphertext`]. `progress` hears how many bytes have come.
    ///
    /// # Errors
    /// A sensor that is not paired or finds the layout wrong, too many segments, or a link that does not work.
    pub fn encrypt(
        &self,
        context: &Context,
        plain_bits: u32,
        input_bits: u32,
        segments: &[Segment],
        progress: &mut dyn FnMut(usize),
    ) -> Result<Vec<u8>, SensorError> {
        if segments.len() > sensor::MAX_SEGMENTS {
            return Err(SensorError::Layer(
                "its input lies in more pieces than a request has room for",
            ));
        }
        let segments: Vec<u8> = segments.iter().flat_map(|s| s.to_bytes()).collect();
        self.send(&SensorRequest::Encrypt {
            plain_bits: u8::try_from(plain_bits).unwrap_or(u8::MAX),
            input_bits: u8::try_from(input_bits).unwrap_or(u8::MAX),
            segments: &segments,
        })?;
        self.pieces(FreshCiphertext::wire_len(context), progress)
    }

    fn pieces(
        &self,
        length: usize,
        progress: &mut dyn FnMut(usize),
    ) -> Result<Vec<u8>, SensorError> {
        let mut bytes = Vec::with_capacity(length);
        while bytes.len() < length {
            self.receive(|reply| match reply {
                SensorReply::Piece(piece) if bytes.len() + piece.len() <= length => {
                    bytes.extend_from_slice(piece);
                    Some(())
                }
                _ => None,
            })?;
            progress(bytes.len());
        }
        Ok(bytes)
    }

    /// Lets the sensor decrypt a response of one limb: `c1` as packed words, then the words of c0 at positions, low bits
    /// still dropped. The values are mod 2^plain_bits.
    ///
    /// # Errors
    /// A wrong proof, a response that the sensor finds wrong, or a link that does not work.
    pub fn decrypt(
        &self,
        plain_bits: u32,
        dropped_bits: [u32; 2],
        proof: Proof,
        c1: &[u8],
        c0: &[(u16, u64)],
    ) -> Result<Zeroizing<Vec<u64>>, SensorError> {
        let bits = |bits: u32| u8::try_from(bits).unwrap_or(u8::MAX);
        self.send(&SensorRequest::Decrypt {
            plain_bits: bits(plain_bits),
            dropped_bits: dropped_bits.map(bits),
            proof,
        })?;
        for bytes in c1.chunks(BYTES_PER_PACKET) {
            // A sensor that refuses does so before it has taken everything.
            let packet = encode(&SensorRequest::Bytes(bytes));
            if let Some(early) = self.session.send_or_receive(&packet)? {
                return understand(&early, |_| None);
            }
        }
        self.receive(|reply| matches!(reply, SensorReply::Ready).then_some(()))?;
        let mut values = Zeroizing::new(Vec::with_capacity(c0.len()));
        for coefficients in c0.chunks(COEFFICIENTS_PER_PACKET) {
            let mut bytes = Vec::with_capacity(coefficients.len() * COEFFICIENT_BYTES);
            for (position, word) in coefficients {
                bytes.extend_from_slice(&position.to_le_bytes());
                bytes.extend_from_slice(&word.to_le_bytes()[..5]);
            }
            self.ask(&SensorRequest::Decode(&bytes), |reply| match reply {
                SensorReply::Values(found) if found.len() == 4 * coefficients.len() => {
                    let words = found.as_chunks::<4>().0.iter();
                    values.extend(words.map(|&word| u64::from(u32::from_le_bytes(word))));
                    Some(())
                }
                _ => None,
            })?;
        }
        Ok(values)
    }

    /// What an encryption takes.
    ///
    /// # Errors
    /// A link that does not work.
    pub fn measure(&self) -> Result<Cost, SensorError> {
        self.ask(&SensorRequest::Measure, |reply| match reply {
            SensorReply::Measured(measurement) => Some((*measurement).into()),
            _ => None,
        })
    }
}

/// A packet that leaves nothing behind.
struct Erased(Payload);

impl Drop for Erased {
    fn drop(&mut self) {
        self.0.as_mut_slice().zeroize();
    }
}

/// Reads a reply. Refusals are errors; `read` says `None` to what makes no sense.
fn understand<T>(
    packet: &Payload,
    read: impl FnOnce(&SensorReply<'_>) -> Option<T>,
) -> Result<T, SensorError> {
    match SensorReply::parse(packet).map_err(|_| SensorError::NotASensor)? {
        SensorReply::Refused(refusal) => Err(SensorError::Refused(refusal)),
        reply => read(&reply).ok_or(SensorError::Link(LinkError::Nonsense)),
    }
}

impl SensorInfo {
    /// What can be believed of it: the parameters must be those that this program knows.
    fn of(info: &Info<'_>) -> Option<Self> {
        let text = |text: &str| text.chars().filter(|c| !c.is_control()).collect();
        let known = usize::from(info.log_n) == N4096.log_n as usize
            && usize::from(info.limbs) == N4096.limbs;
        known.then(|| Self {
            role: "sensor",
            board: text(info.board),
            firmware: text(info.firmware),
            cause: text(info.cause),
            starts: info.starts,
            n: N4096.degree(),
            limbs: N4096.limbs,
            max_plain_bits: info.max_plain_bits.into(),
            reading_bytes: info.reading as usize,
            static_ram_bytes: info.static_ram,
            stack_bytes: info.stack,
            stack_high_water_bytes: info.stack_high_water,
            ram_bytes: info.static_ram.saturating_add(info.stack_high_water),
            uptime_ms: info.uptime_ms,
            used: info.used,
            damaged: info.damaged,
            repeated: info.repeated,
            key: info.key,
        })
    }
}
